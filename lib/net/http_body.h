/*
 * The way of an answer's body from the socket to whom it is for: decoded if that was asked for, bounded,
 * whole or piece by piece. Private to lib/net.
 *
 *   curl ─ http_body_take ─▶ decoding, 64 KiB at a time ─▶ on_piece, or the answer's buffer
 *
 * A receiver that pauses in the middle of a curl piece is given the rest when curl hands the piece out
 * again, which it does from its first byte; `taken` says how much of it is not to be decoded twice. Between,
 * one piece of decoded bytes waits here, and nothing else.
 */
#ifndef METERD_LIB_NET_HTTP_BODY_H
#define METERD_LIB_NET_HTTP_BODY_H

#include "meterd/net/http_client.h"

struct coding_reader;

struct http_body {
    struct mtr_http_answer *answer; /* borrowed */
    mtr_http_on_piece on_piece;     /* NULL: into answer->body */
    void *context;
    bool is_decoded;                /* as its Content-Encoding says */
    uint64_t bytes_max;
    uint64_t bytes;                 /* handed out */
    bool has_begun;
    struct coding_reader *reader;   /* NULL: nothing to decode */
    char *plain;                    /* decoded, not taken; with a reader */
    size_t plain_size;
    size_t taken;                   /* of a curl piece that comes again */
    int error;                      /* the first; nothing is taken after it */
    bool is_refused;                /* by on_piece */
    const char *fault;              /* with MTR_ECORRUPT, MTR_EVERSION: what is wrong with it */
    char coding[150];               /* a fault that names one */
};

/* Of a call that begins. */
void http_body_init(struct http_body *body, const struct mtr_http_call *call, void *context,
                    struct mtr_http_answer *answer);
void http_body_release(struct http_body *body);
/* Status and headers are there, and nothing of the body. MTR_EVERSION: what was asked for comes in a coding
 * that is not known here: it is not worth waiting for. Of other answers that is an error when it comes. */
int http_body_expect(struct http_body *body, unsigned status) MTR_MUST_USE;
/* MTR_EAGAIN: the receiver pauses, the same bytes must come again. Other errors end the transfer. */
int http_body_take(struct http_body *body, struct mtr_str piece) MTR_MUST_USE;
/* The last byte was taken: whether it is whole. */
int http_body_end(struct http_body *body) MTR_MUST_USE;

#endif
