/*
 * A peer on loopback that answers whatever is asked with the same raw bytes: torn, coded, in writes of any size,
 * with a flood behind them, or in silence. One connection at a time, on a thread of its own.
 */
#ifndef METERD_TESTS_SUPPORT_RAW_PEER_H
#define METERD_TESTS_SUPPORT_RAW_PEER_H

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "meterd/core/str.h"
#include "meterd/net/loop.h"
#include "tests/support/random.h"

enum { PEER_STALL_MS = 300 };

struct peer {
    int listener;
    unsigned port;
    pthread_t thread;
    struct mtr_str script;   /* sent after each request's head */
    uint64_t flood_bytes;    /* then so many bytes more */
    bool holds_on;           /* keeps the connection open in silence after that */
    struct random_source random;
    size_t write_bytes_max;  /* of one write, at random below it; 0: all at once */
    struct mtr_wakeup *on_stall; /* the flood did not get on for PEER_STALL_MS */
    atomic_ullong sent;
    atomic_uint connections;
    atomic_bool is_ending;
};

static inline bool peer_write(struct peer *peer, int fd, struct mtr_str text)
{
    while (text.size) {
        size_t size = text.size;
        if (peer->write_bytes_max) {
            const size_t wanted = 1 + random_below(&peer->random, peer->write_bytes_max);
            size = wanted < size ? wanted : size;
        }
        struct pollfd room = {.fd = fd, .events = POLLOUT};
        if (poll(&room, 1, PEER_STALL_MS) == 0 && peer->on_stall) mtr_wakeup_send(peer->on_stall);
        ssize_t sent = send(fd, text.data, size, MSG_NOSIGNAL);
        if (sent <= 0) return false;
        peer->sent += (unsigned long long)sent;
        text = (struct mtr_str){text.data + sent, text.size - (size_t)sent};
    }
    return true;
}

static inline bool peer_read_head(int fd)
{
    static const char end[] = "\r\n\r\n";
    unsigned seen = 0;
    char byte;
    while (seen < 4) {
        if (recv(fd, &byte, 1, 0) != 1) return false;
        seen = byte == end[seen] ? seen + 1 : byte == '\r';
    }
    return true;
}

static inline bool peer_has(struct mtr_str text, const char *words)
{
    return memmem(text.data, text.size, words, strlen(words)) != NULL;
}

static inline void peer_serve(struct peer *peer, int fd)
{
    static const char filler[64 << 10];
    char byte;
    while (peer_read_head(fd)) {
        if (!peer_write(peer, fd, peer->script)) return;
        for (uint64_t left = peer->flood_bytes; left > 0;) {
            size_t size = left < sizeof(filler) ? left : sizeof(filler);
            if (!peer_write(peer, fd, (struct mtr_str){filler, size})) return;
            left -= size;
        }
        if (peer->holds_on) (void)!recv(fd, &byte, 1, 0);
        if (!peer_has(peer->script, "Content-Length:") || peer_has(peer->script, "Torn:")) return; /* its end is the body's */
    }
}

static inline void *peer_run(void *context)
{
    struct peer *peer = context;
    while (!peer->is_ending) {
        int fd = accept(peer->listener, NULL, NULL);
        if (fd < 0) break;
        peer->connections++;
        if (!peer->is_ending) peer_serve(peer, fd);
        close(fd);
    }
    return NULL;
}

static inline void peer_start(struct peer *peer, struct mtr_str script)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    peer->script = script;
    peer->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(peer->listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(peer->listener, 8), 0);
    assert_int_equal(getsockname(peer->listener, (struct sockaddr *)&address, &size), 0);
    peer->port = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&peer->thread, NULL, peer_run, peer), 0);
}

static inline void peer_stop(struct peer *peer)
{
    peer->is_ending = true;
    shutdown(peer->listener, SHUT_RDWR);
    pthread_join(peer->thread, NULL);
    close(peer->listener);
}

#endif
