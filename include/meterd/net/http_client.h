/*
 * HTTP client, twice: a multiplexed one on the loop for polls and deliveries, and a blocking one for
 * commands.
 *
 * Neither follows redirects (a redirect is an answer like any other), changes a URL's path, sends
 * Expect: 100-continue, uses a proxy of the environment, or speaks anything but http and https. Certificates
 * and host names are verified. Answers are bounded. Connections are kept and used again, for calls that trust
 * and show the same certificates.
 *
 * A body comes whole, or in pieces as it arrives (on_piece), then never more of it is in memory than a piece:
 *
 *   on_piece ─ MTR_OK ──────▶ the next piece
 *       │────── MTR_EAGAIN ─▶ paused ─ mtr_http_transfer_resume ─▶ on_piece, with the same bytes
 *       └────── an error ───▶ on_answer with that error
 *
 * While a transfer is paused nothing is read from its socket: the peer waits.
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

struct mtr_http_answer;

/* The next piece of the body, 1…64 KiB, borrowed for the call; status and headers of the answer are there,
 * its body stays empty. MTR_OK takes the piece; MTR_EAGAIN takes nothing of it and pauses; anything else ends
 * the transfer with that error. Must not send, resume, cancel or close. */
typedef int (*mtr_http_on_piece)(void *context, const struct mtr_http_answer *answer, struct mtr_str piece);

/* All text is borrowed during the call that takes this struct, the body until the answer. */
struct mtr_http_call {
    const char *method; /* "GET", "POST", …; NULL: POST with a body, else GET */
    const char *url;
    const struct mtr_http_header *headers;
    uint32_t header_count;
    struct mtr_str body;
    uint32_t timeout_ms;         /* for all of it but pauses; 0: 30,000 */
    uint32_t connect_timeout_ms; /* 0: the client's */
    /* Fewer bytes a second than this, for so long, is MTR_ETIMEDOUT; 0 of either: no such bound. The time
     * of a pause does not count. */
    uint32_t slow_bytes_per_s;
    uint32_t slow_s;
    size_t answer_bytes_max; /* of the body as it is handed out; 0: 64 MiB; a larger answer is MTR_ELIMIT */
    bool allow_loopback;
    bool allow_private;
    const char *allowed_by; /* part of the configuration that says so, for people, as "poller"; or NULL */
    bool accepts_codings; /* asks for zstd or gzip, and decodes what comes so; else the body is what was sent,
                             whatever its Content-Encoding */
    const char *ca_file;          /* PEM, instead of the machine's authorities; NULL: those */
    const char *pinned_key;       /* "sha256//…", as of mtr_tls_pin: the peer's key is this one, whoever has
                                     signed it, whatever its name; NULL: certificate and name are verified */
    struct mtr_str certificate;   /* PEM, of this side, with those it was signed by; empty: none is shown */
    struct mtr_str key;           /* PEM, its private key; empty: it is in `certificate` */
    mtr_http_on_piece on_piece;   /* NULL: the body comes whole, in the answer; context is on_answer's */
};

struct mtr_http_answer {
    /* 0: the peer answered, whatever its status. Else: MTR_EINVALID (URL), MTR_EDENIED (guard, or one of
     * the certificates), MTR_EUNREACHABLE (no such host, or no connection: the peer has seen nothing of it),
     * MTR_ETIMEDOUT, MTR_EIO (broke off), MTR_ECORRUPT (damaged coding; of an answer that is not 2xx, one
     * that was not asked for), MTR_EVERSION (of a 2xx such a coding, told before its body comes), MTR_ELIMIT
     * (answer too large; status is set), MTR_ENOMEM, MTR_ECLOSED (cancelled), or what on_piece returned. */
    int error;
    /* Something of the request left: with an error, the peer may or may not have acted on it. */
    bool was_sent;
    bool has_large_headers;    /* MTR_ELIMIT: it is these that are too large, not the body */
    unsigned status;           /* 0 without an answer */
    struct mtr_buffer headers; /* "name: value\r\n" …; use mtr_http_answer_header */
    struct mtr_buffer body;
    /* With error, a sentence that says what to do where that is known: "cannot connect to 127.0.0.1:8787:
     * connection refused". No query and no header stands in it. */
    char reason[MTR_HTTP_REASON_BYTES];
};

void mtr_http_answer_init(struct mtr_http_answer *answer);
void mtr_http_answer_release(struct mtr_http_answer *answer);
/* Value of the first header of that name, in any case; borrowed from the answer. */
bool mtr_http_answer_header(const struct mtr_http_answer *answer, const char *name, struct mtr_str *out);
/* Each of them, where a header may come several times (Link): *position is 0 at first. */
bool mtr_http_answer_next_header(const struct mtr_http_answer *answer, const char *name, size_t *position,
                                 struct mtr_str *out);

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
/* Goes on after MTR_EAGAIN of on_piece, in a later turn of the loop. Without effect on one that is not
 * paused. */
void mtr_http_transfer_resume(struct mtr_http_transfer *transfer);

/* Blocking, for commands: one call after the other over a kept connection. One thread at a time. */
struct mtr_http_session;

int mtr_http_session_open(struct mtr_http_session **out) MTR_MUST_USE;
void mtr_http_session_close(struct mtr_http_session *session); /* NULL is allowed */
/* Fills answer (initialized, reused) and returns answer->error. The guard is off: commands go where their
 * user says. on_piece gets NULL as its context, and must not pause. */
int mtr_http_session_call(struct mtr_http_session *session, const struct mtr_http_call *call,
                          struct mtr_http_answer *answer) MTR_MUST_USE;

#endif
