/*
 * HTTP/1.1 server on the loop: several listeners, each with its own handler and limits.
 *
 *   bytes ─▶ on_headers (may answer early, ─▶ body ─▶ on_request ─▶ respond, now or later
 *            may set the body's limit)
 *
 * Every request that on_request was called for must be answered exactly once, then or later, from the loop's
 * thread, by one of the respond functions; its handle and everything borrowed from it is valid until that
 * call. Answering a request whose peer has left is harmless. on_headers may answer too, at once: then the
 * request is over, on_request is not called, and if it has a body the connection is closed. A request that
 * breaks off between on_headers and on_request is announced by on_abort, and is over too.
 *
 * Answers go out in the order of the requests, whatever the order of responding. What no handler sees because
 * it is malformed, too large or too slow is answered by the server itself, with a problem document, and the
 * connection is closed.
 *
 * Everything is bounded: connections, requests in flight per connection, header bytes and count, URL, body
 * per request and in total, time for headers, body, answer and idleness, and how slowly an answer may be
 * read. While an answer has not left, its connection is not read. What answers hold until they have left is
 * counted in one total; who makes them keeps it in bounds (mtr_http_answers_hold).
 */
#ifndef METERD_NET_HTTP_SERVER_H
#define METERD_NET_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "meterd/core/buffer.h"
#include "meterd/share/byte_budget.h"
#include "meterd/core/diagnostic.h"
#include "meterd/core/error.h"
#include "meterd/share/owner.h"
#include "meterd/core/str.h"
#include "meterd/net/http.h"
#include "meterd/net/loop.h"
#include "meterd/net/tls.h"

struct mtr_http_server;
struct mtr_http_request;

enum {
    MTR_HTTP_HEADERS_MAX = 100, /* headers of one request; more is 431 */
    /* Zeroed bytes that may be read past a request body's end: simdjson wants them. */
    MTR_HTTP_BODY_PADDING_BYTES = 64,
};

struct mtr_http_server_options {
    const char *address;            /* "127.0.0.1", "::1", "0.0.0.0"; no names */
    uint16_t port;                  /* 0: the system picks one; mtr_http_server_port tells */
    uint32_t connections_max; /* one more gets 503 and is closed, and so does one more of an address that has
                                 as many as are free */
    uint32_t pipeline_max;          /* requests in flight of one connection; not read further meanwhile */
    size_t url_bytes_max;           /* 414 */
    size_t header_bytes_max;        /* request line, headers and their separators: 431 */
    size_t body_bytes_max;          /* per request, as sent (before any decompression), unless on_headers says
                                       otherwise: 413 */
    size_t body_bytes_total_max; /* memory of all bodies of this server, answered ones not counted, of which
                                    each owner has his share (share/shares.h): 503 with Retry-After */
    struct mtr_byte_budget *body_memory; /* where it is taken from; borrowed; NULL: nowhere */
    struct mtr_tls *tls;            /* kept by the server; NULL: HTTP in the clear. Its handshake may take
                                       header_timeout_ms */
    uint32_t header_timeout_ms;     /* from the first byte of a request to the end of its headers: 408 */
    uint32_t body_timeout_ms;       /* from the end of headers to the end of the body, plus … */
    uint32_t body_rate_min; /* … one second per this many body bytes received (0: no allowance): 408 */
    uint32_t idle_timeout_ms;       /* between requests; closed without a word */
    uint32_t send_timeout_ms; /* how far a reader may fall behind send_rate_min, over all answers of its
                                 connection, while answers wait for it: closed */
    uint32_t send_rate_min;   /* bytes a second; 0: every byte that leaves wins all of send_timeout_ms back */
    size_t answer_bytes_total_max; /* memory of answers that have not left, for mtr_http_answers_hold */
    uint32_t request_timeout_ms; /* from on_request to the answer: the peer gets 504 in its place (0: none) */
};

/* Sensible values for everything; address and port are 127.0.0.1:0. */
struct mtr_http_server_options mtr_http_server_defaults(void);

struct mtr_http_handler {
    void (*on_headers)(void *context, struct mtr_http_request *request); /* may be NULL */
    void (*on_request)(void *context, struct mtr_http_request *request);
    /* After on_headers, when the request will never be complete: free what mtr_http_request_set_context
     * holds. May be NULL. The server has answered or closed; the handle is not valid after the call. */
    void (*on_abort)(void *context, struct mtr_http_request *request);
    /* After on_request, while no answer has begun: nobody waits for one. The connection is closed, or
     * request_timeout_ms is over, or the peer has closed its side a second or two ago (one that has closed
     * that side alone, and waits, still reads what comes). Told once; the request must be answered as ever,
     * now or later. May be NULL. */
    void (*on_leave)(void *context, struct mtr_http_request *request);
    /* Somebody at that address did not come to an understanding with us, or broke what was understood. May be
     * NULL. */
    void (*on_tls_failure)(void *context, const char *address, const char *why);
    void *context; /* of all of them */
};

struct mtr_http_server_stats {
    uint64_t connections;         /* open now */
    uint64_t connections_total;
    uint64_t connections_refused; /* over connections_max */
    uint64_t requests_total;      /* that reached on_request */
    uint64_t requests_in_flight;  /* begun and not answered */
    uint64_t handshakes_total;    /* of TLS, that came to their end; and others */
    uint64_t handshakes_failed_total;
    uint64_t refused_total;       /* answered by the server itself: malformed, too large, too slow */
    uint64_t body_bytes;          /* memory of bodies now */
    uint64_t answer_bytes;        /* memory of answers that have not left now, held ones included */
};

/* Binds and listens. diagnostic gets a sentence ("cannot listen on 127.0.0.1:8787: address already in use").
 * Errors: MTR_EINVALID (not an address, a limit of 0), MTR_EEXISTS (in use), MTR_EDENIED, MTR_ENOMEM,
 * MTR_EIO. */
int mtr_http_server_open(struct mtr_loop *loop, const struct mtr_http_server_options *options,
                         const struct mtr_http_handler *handler, struct mtr_http_server **out,
                         struct mtr_diagnostic *diagnostic) MTR_MUST_USE;
/* For connections to come, of a server that was opened with one; those that are open stay as they are.
 * MTR_ENOMEM. */
int mtr_http_server_set_tls(struct mtr_http_server *server, struct mtr_tls *tls) MTR_MUST_USE;
uint16_t mtr_http_server_port(const struct mtr_http_server *server);
struct mtr_http_server_stats mtr_http_server_stats(struct mtr_http_server *server);

/* No new connections; idle ones are closed, the others after their answers. on_drained (may be NULL) is
 * called once, later, when none is left or after timeout_ms. */
void mtr_http_server_drain(struct mtr_http_server *server, uint32_t timeout_ms,
                           void (*on_drained)(void *context), void *context);
/* Closes the listener and all connections. Requests in flight stay valid and must still be answered; no
 * more callbacks come. NULL is allowed. */
void mtr_http_server_close(struct mtr_http_server *server);

/* What a request says. Text is borrowed until it is answered. */
enum mtr_http_method mtr_http_request_method(const struct mtr_http_request *request);
/* Still percent-encoded; "*" for OPTIONS of the whole server. */
struct mtr_str mtr_http_request_path(const struct mtr_http_request *request);
/* After '?', without it; see net/url.h. */
struct mtr_str mtr_http_request_query(const struct mtr_http_request *request);
/* The value of a header, name in lower case; false when absent. The first one counts, except that a
 * repeated Host, Content-Length, Content-Type, Content-Encoding, Authorization, Transfer-Encoding or
 * Expect never gets here: 400. */
bool mtr_http_request_header(const struct mtr_http_request *request, const char *name, struct mtr_str *out);
uint32_t mtr_http_request_header_count(const struct mtr_http_request *request);
/* Of all headers, as they came; names in lower case. */
struct mtr_http_header mtr_http_request_header_at(const struct mtr_http_request *request, uint32_t index);

/* Whose certificate the client has shown, as "CN=acme,O=Acme"; empty: none was asked for. */
struct mtr_str mtr_http_request_subject(const struct mtr_http_request *request);

/* In on_request: how long the body is. */
uint64_t mtr_http_request_body_bytes(const struct mtr_http_request *request);
/* In on_request, hands the body over, for this thread or another: *out must be released. Behind a body that
 * is not empty MTR_HTTP_BODY_PADDING_BYTES zeroed bytes may be read. The request's body is empty afterwards,
 * and its bytes stay counted until it is answered. */
void mtr_http_request_take_body(struct mtr_http_request *request, struct mtr_buffer *out);

/* Where it came from: "192.0.2.7", "2001:db8::1"; empty: it is gone. IPv4 in IPv6 is told as IPv4. */
enum { MTR_HTTP_PEER_BYTES = 48 }; /* with NUL */
void mtr_http_request_peer(const struct mtr_http_request *request, char text[MTR_HTTP_PEER_BYTES]);

/* Only in on_headers: this request's own limit instead of options.body_bytes_max. */
void mtr_http_request_limit_body(struct mtr_http_request *request, size_t bytes_max);
/* What the handler knows about the request, from on_headers to on_request. */
void mtr_http_request_set_context(struct mtr_http_request *request, void *context);
void *mtr_http_request_context(const struct mtr_http_request *request);
bool mtr_http_request_is_gone(const struct mtr_http_request *request); /* nobody will read the answer */
/* Whose memory its body and answer are: of the address that it came from, until somebody is known who sends
 * it: set in on_headers. */
mtr_owner mtr_http_request_owner(const struct mtr_http_request *request);
void mtr_http_request_set_owner(struct mtr_http_request *request, mtr_owner owner);
/* Its answer counts apart, in another total of answers (mtr_http_answers_apart): set in on_headers. */
void mtr_http_request_count_apart(struct mtr_http_request *request);

/* Answers: Date, Content-Length and Connection are the server's; headers are the handler's and never
 * contain CR, LF or NUL (asserted). HEAD sends the headers only. A body must not be given with 204 or 304
 * (asserted). `body` (may be NULL) is emptied: its memory moves to the connection when large, else is
 * copied and kept by the caller, who still releases it. Out of memory while answering closes the
 * connection. */
void mtr_http_respond(struct mtr_http_request *request, unsigned status,
                      const struct mtr_http_header *headers, uint32_t header_count, struct mtr_buffer *body);
/* The same with a copied body and its Content-Type. */
void mtr_http_respond_text(struct mtr_http_request *request, unsigned status, const char *content_type,
                           struct mtr_str body);
/* RFC 9457: application/problem+json {"type":"about:blank","title":…,"status":…,"code":…,"detail":…}. The
 * title is the status' own reason phrase. 401 carries WWW-Authenticate: Bearer, 429 and 503 Retry-After:
 * 1. */
void mtr_http_problem(struct mtr_http_request *request, unsigned status, enum mtr_finding_code code,
                      struct mtr_str detail);
void mtr_http_problemf(struct mtr_http_request *request, unsigned status, enum mtr_finding_code code,
                       const char *format, ...) MTR_PRINTF(4, 5);
/* The same, 429 or 503, with another Retry-After. */
void mtr_http_problem_after(struct mtr_http_request *request, unsigned status, enum mtr_finding_code code,
                            struct mtr_str detail, uint32_t retry_after_s);
/* Before it is answered: more headers of whatever answer it gets, the server's own as well, in the place of
 * those that were added before. Copied; without memory there are none. */
void mtr_http_request_add_headers(struct mtr_http_request *request, const struct mtr_http_header *headers,
                                  uint32_t count);

/* The memory of answers, one total, of which each owner has his share (share/shares.h): what waits for
 * sockets is counted by the server itself; what a handler keeps of answers that are not handed over yet is
 * counted by holding it here. False: that would be more than the share, and nothing is held. Any thread,
 * while a request of the server is unanswered. */
bool mtr_http_answers_hold(struct mtr_http_server *server, mtr_owner owner, size_t bytes) MTR_MUST_USE;
void mtr_http_answers_let_go(struct mtr_http_server *server, mtr_owner owner, size_t bytes);
struct mtr_http_answers {
    uint64_t bytes, bytes_of_owner;
};
struct mtr_http_answers mtr_http_answers(struct mtr_http_server *server, mtr_owner owner);
/* Of those that count apart. */
struct mtr_http_answers mtr_http_answers_apart(struct mtr_http_server *server, mtr_owner owner);

/*
 * Answers of unknown length, piece by piece:
 *
 *   begin ─▶ chunk, chunk … (MTR_EAGAIN: taken, but wait for on_drain) ─▶ end | abort
 *
 * Only from on_request on. The request stays valid until end or abort. on_drain (may be NULL when only short
 * answers are streamed) is called from the loop, never inside chunk, when what was taken has left, and also
 * when the peer is gone. request_timeout_ms ends at begin.
 */
void mtr_http_respond_begin(struct mtr_http_request *request, unsigned status,
                            const struct mtr_http_header *headers, uint32_t header_count,
                            void (*on_drain)(void *context, struct mtr_http_request *request), void *context);
/* MTR_OK: go on. MTR_EAGAIN: taken; more only after on_drain. MTR_ECLOSED: nobody reads this; end or abort
 * it. MTR_ENOMEM: not taken. */
int mtr_http_respond_chunk(struct mtr_http_request *request, struct mtr_str chunk) MTR_MUST_USE;
void mtr_http_respond_end(struct mtr_http_request *request);
/* The answer broke off: the connection is closed without the last chunk, so that the client knows. */
void mtr_http_respond_abort(struct mtr_http_request *request);

#endif
