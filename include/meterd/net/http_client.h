/*
 * HTTP client, twice: a multiplexed one on the loop for polls and deliveries, and a blocking one for
 * commands.
 *
 * Neither follows redirects (a redirect is an answer like any other), sends Expect: 100-continue, uses a
 * proxy of the environment, or speaks anything but http and https. Certificates and host names are verified.
 * Answers are bounded.
 *
 * Guard against requests to where a configured URL must not reach: the address is checked when the socket is
 * opened, after name resolution. Loopback needs allow_loopback, private, link-local and other non-public
 * ranges need allow_private; else MTR_EDENIED.
 */
#ifndef METERD_NET_HTTP_CLIENT_H
#define METERD_NET_HTTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "meterd/core/buffer.h"
#include "meterd/core/error.h"
#include "meterd/core/str.h"
#include "meterd/net/http.h"
#include "meterd/net/loop.h"

enum { MTR_HTTP_REASON_BYTES = 320 };

struct mtr_http_call {
    const char *method; /* "GET", "POST", …; NULL: POST with a body, else GET */
    const char *url;
    const struct mtr_http_header *headers; /* borrowed during the call that takes this struct */
    uint32_t header_count;
    struct mtr_str body;      /* borrowed until the answer */
    uint32_t timeout_ms;      /* for all of it; 0: 30,000 */
    size_t answer_bytes_max;  /* 0: 64 MiB; a larger answer is MTR_ELIMIT */
    bool allow_loopback;
    bool allow_private;
    bool accepts_codings; /* the answer may come compressed; it is decoded on the way (answer_bytes_max counts
                             decoded bytes) */
};

struct mtr_http_answer {
    /* 0: the peer answered, whatever its status. Else: MTR_EINVALID (URL), MTR_EDENIED (guard,
     * certificate), MTR_EUNREACHABLE (no connection: the peer has seen nothing of it), MTR_ETIMEDOUT,
     * MTR_EIO (broke off), MTR_ELIMIT (answer too large; status is set), MTR_ENOMEM, MTR_ECLOSED
     * (cancelled). */
    int error;
    /* Something of the request left: with an error, the peer may or may not have acted on it. */
    bool was_sent;
    unsigned status;           /* 0 without an answer */
    struct mtr_buffer headers; /* "name: value\r\n" …; use mtr_http_answer_header */
    struct mtr_buffer body;
    char reason[MTR_HTTP_REASON_BYTES]; /* with error, a sentence: "cannot connect to 127.0.0.1:8787:
                                           connection refused" */
};

void mtr_http_answer_init(struct mtr_http_answer *answer);
void mtr_http_answer_release(struct mtr_http_answer *answer);
/* Value of a header, name in any case; borrowed from the answer. */
bool mtr_http_answer_header(const struct mtr_http_answer *answer, const char *name, struct mtr_str *out);

/* On the loop. One thread. */
struct mtr_http_client;
struct mtr_http_transfer;

struct mtr_http_client_options {
    uint32_t transfers_max;      /* at the same time */
    uint32_t connect_timeout_ms; /* 0: 10,000 */
    const char *user_agent;      /* NULL: "meterd/VERSION" */
};

/* Called from the loop, never inside mtr_http_client_send, once per transfer. The answer is the client's
 * and ends with the call; its body may be taken by swapping the buffer. */
typedef void (*mtr_http_on_answer)(void *context, struct mtr_http_answer *answer);

int mtr_http_client_open(struct mtr_loop *loop, const struct mtr_http_client_options *options,
                         struct mtr_http_client **out) MTR_MUST_USE;
/* Cancels what runs: their on_answer comes now, with MTR_ECLOSED. NULL is allowed. */
void mtr_http_client_close(struct mtr_http_client *client);

/* MTR_EAGAIN: transfers_max are running. MTR_EINVALID: not a URL, or a header with CR or LF. *out (may be
 * NULL) is valid until on_answer. */
int mtr_http_client_send(struct mtr_http_client *client, const struct mtr_http_call *call,
                         mtr_http_on_answer on_answer, void *context,
                         struct mtr_http_transfer **out) MTR_MUST_USE;
/* on_answer comes from inside, with MTR_ECLOSED. */
void mtr_http_transfer_cancel(struct mtr_http_transfer *transfer);

/* Blocking, for commands: one call after the other over a kept connection. One thread at a time. */
struct mtr_http_session;

int mtr_http_session_open(struct mtr_http_session **out) MTR_MUST_USE;
void mtr_http_session_close(struct mtr_http_session *session); /* NULL is allowed */
/* Fills answer (initialized, reused) and returns answer->error. The guard is off: commands go where their
 * user says. */
int mtr_http_session_call(struct mtr_http_session *session, const struct mtr_http_call *call,
                          struct mtr_http_answer *answer) MTR_MUST_USE;

#endif
