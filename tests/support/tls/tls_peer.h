/*
 * A client of TLS over a blocking socket whose bytes leave in pieces of any size: what it says, what it hears,
 * and with which of OpenSSL's errors that ended.
 */
#ifndef METERD_TESTS_SUPPORT_TLS_TLS_PEER_H
#define METERD_TESTS_SUPPORT_TLS_TLS_PEER_H

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TLS_PEER_READ_BYTES = 32 << 10 };

struct tls_peer {
    int fd;
    SSL *ssl;
    BIO *in, *out;
    size_t piece;       /* bytes of one send; 0: all at once */
    size_t read_bytes;  /* of one recv; 0: as many as there are */
    bool is_over;       /* the socket has nothing more */
    int error;          /* SSL_ERROR_… of what ended it */
    int reason;         /* SSL_R_… */
};

static inline void tls_peer_init(struct tls_peer *peer, SSL_CTX *context, int fd, size_t piece)
{
    *peer = (struct tls_peer){.fd = fd, .ssl = SSL_new(context), .in = BIO_new(BIO_s_mem()), .out = BIO_new(BIO_s_mem()), .piece = piece};
    SSL_set_bio(peer->ssl, peer->in, peer->out);
    SSL_set_connect_state(peer->ssl);
}

static inline void tls_peer_free(struct tls_peer *peer)
{
    SSL_free(peer->ssl);
    close(peer->fd);
}

static inline void tls_peer_flush(struct tls_peer *peer)
{
    char *bytes;
    const size_t size = (size_t)BIO_get_mem_data(peer->out, &bytes);
    for (size_t at = 0; at < size;) {
        const size_t left = size - at, step = peer->piece && peer->piece < left ? peer->piece : left;
        const ssize_t sent = send(peer->fd, bytes + at, step, MSG_NOSIGNAL);
        if (sent <= 0) break; /* it has gone: what it said before tells why */
        at += (size_t)sent;
    }
    (void)BIO_reset(peer->out);
}

static inline void tls_peer_hear(struct tls_peer *peer)
{
    char bytes[TLS_PEER_READ_BYTES];
    const ssize_t got = recv(peer->fd, bytes, peer->read_bytes ? peer->read_bytes : sizeof(bytes), 0);
    if (got > 0) BIO_write(peer->in, bytes, (int)got);
    else peer->is_over = true;
}

/* Goes on after a call of OpenSSL that returned rc. False: it ended. */
static inline bool tls_peer_goes_on(struct tls_peer *peer, int rc)
{
    peer->error = SSL_get_error(peer->ssl, rc);
    peer->reason = ERR_GET_REASON(ERR_peek_error());
    ERR_clear_error();
    tls_peer_flush(peer);
    if (peer->error != SSL_ERROR_WANT_READ) return false;
    if (peer->is_over) return false;
    tls_peer_hear(peer);
    return true;
}

static inline bool tls_peer_shake(struct tls_peer *peer)
{
    int rc;
    do rc = SSL_do_handshake(peer->ssl);
    while (rc != 1 && tls_peer_goes_on(peer, rc));
    tls_peer_flush(peer);
    return rc == 1;
}

static inline void tls_peer_say(struct tls_peer *peer, const char *bytes, size_t size)
{
    while (size) {
        const size_t step = size < 1 << 20 ? size : 1 << 20;
        if (SSL_write(peer->ssl, bytes, (int)step) != (int)step) break;
        tls_peer_flush(peer);
        bytes += step;
        size -= step;
    }
}

/* Up to `size` bytes; fewer: it ended. */
static inline size_t tls_peer_read(struct tls_peer *peer, char *out, size_t size)
{
    size_t at = 0;
    while (at < size) {
        const size_t left = size - at;
        const int got = SSL_read(peer->ssl, out + at, (int)(left < 1 << 20 ? left : 1 << 20));
        if (got > 0) at += (size_t)got;
        else if (!tls_peer_goes_on(peer, got)) break;
    }
    return at;
}

#endif
