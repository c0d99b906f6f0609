/*
 * TLS of one connection, without its socket: ciphertext in, plain text out, and the other way round. Private
 * to lib/net.
 *
 *   from the socket ─▶ give ─▶ take (DATA …, MORE) ─▶ plain text
 *        plain text ─▶ put ─▶ out ─▶ to the socket
 *
 * `out` also gets what the handshake says, and alerts; whoever called anything here looks whether it holds
 * something. What was given and is not taken yet is kept: at most one read of a socket, whoever gives more
 * before all is taken must not.
 */
#ifndef METERD_LIB_NET_TLS_TLS_SESSION_H
#define METERD_LIB_NET_TLS_TLS_SESSION_H

#include <openssl/ssl.h>
#include <stdbool.h>

#include "meterd/core/buffer.h"
#include "meterd/net/tls.h"

enum {
    TLS_RECORD_BYTES = 16 << 10,    /* plain text of one */
    TLS_PIECE_BYTES = 64 << 10,     /* that is made ciphertext at a time */
    TLS_OUT_BYTES_MAX = 256 << 10,  /* a piece, and what a read of messages can have answered */
    TLS_SUBJECT_BYTES = 256,
    TLS_FAILURE_BYTES = 128,
};

struct tls_session {
    struct mtr_tls *tls;
    SSL *ssl;
    struct mtr_str given;       /* borrowed while take runs, else in `kept` */
    struct mtr_buffer kept;
    struct mtr_buffer out;      /* ciphertext that has not left */
    struct mtr_buffer sending;  /* libuv's, while a write stands */
    bool is_standing;           /* a write to which the peer has not listened at once */
    struct mtr_str plain[2];    /* that a write has not made ciphertext yet; borrowed from the connection */
    bool has_begun;             /* its first byte was looked at */
    bool is_shaking;            /* hands */
    bool is_ended;              /* our close_notify was made */
    bool has_failed;
    char subject[TLS_SUBJECT_BYTES]; /* of the client's certificate; "" without one */
    char failure[TLS_FAILURE_BYTES];
};

enum tls_took {
    TLS_DATA,
    TLS_MORE,   /* wants more ciphertext */
    TLS_END,    /* the peer said that nothing more comes */
    TLS_FAILED, /* session->failure says why; an alert may be in `out` */
};

int tls_session_open(struct mtr_tls *tls, struct tls_session **out) MTR_MUST_USE;
void tls_session_close(struct tls_session *session); /* NULL is allowed */

/* Ciphertext behind what is kept, which take then takes. Borrowed until tls_session_keep, which copies what
 * is left of it: before the memory is anybody else's. */
int tls_session_give(struct tls_session *session, struct mtr_str bytes) MTR_MUST_USE;
int tls_session_keep(struct tls_session *session) MTR_MUST_USE;
bool tls_session_has_more(const struct tls_session *session); /* that take would find */
enum tls_took tls_session_take(struct tls_session *session, char *out, size_t capacity, size_t *size);
/* At most TLS_PIECE_BYTES. */
int tls_session_put(struct tls_session *session, struct mtr_str plain) MTR_MUST_USE;
/* That nothing more comes. */
void tls_session_end(struct tls_session *session);
void tls_session_fail(struct tls_session *session, const char *why);

/* tls_context.c */
SSL *tls_new_ssl(struct mtr_tls *tls);
BIO *tls_new_bio(struct mtr_tls *tls); /* its data is a struct tls_session */

/* The oldest error that OpenSSL has of this thread, in its words, and forgets all. */
void tls_error_text(char *out, size_t capacity);

#endif
