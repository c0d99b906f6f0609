/*
 * The server's insides: servers own connections, connections own a queue of requests. Private to
 * lib/net/http_*.c.
 *
 *   server ──▶ connections (list) ──▶ requests (queue in order of arrival; the last may be coming in)
 *
 * A request has two holders: the connection's queue (until its answer has moved to the connection's output,
 * or the connection died) and the handler (from on_request until it responds). It goes back to the pool when
 * neither holds it. So an answer may come after the connection died.
 *
 * Output is deferred: answers are gathered in connection->output and leave in one write per connection and
 * loop turn, when the server's prepare hook walks its list of dirty connections. No callback of libuv frees
 * anything that a caller up the stack still uses: connections are freed by their close callback only.
 */
#ifndef METERD_LIB_NET_HTTP_INTERNAL_H
#define METERD_LIB_NET_HTTP_INTERNAL_H

#include <netinet/in.h>
#include <uv.h>

#include "lib/net/http_parser.h"
#include "meterd/share/lanes.h"
#include "meterd/share/shares.h"
#include "meterd/net/http_server.h"

enum {
    MTR_HTTP_READ_BYTES = 64 << 10,      /* one read, shared by the connections of a server */
    MTR_HTTP_KEPT_BYTES = 32 << 10,      /* buffers above this are given back after use */
    MTR_HTTP_MOVED_BYTES = 16 << 10,     /* answers above this are moved, below copied */
    MTR_HTTP_STREAM_BYTES = 32 << 10,    /* of a streamed answer: more is made when this has left */
    /* that the system may hold of a connection before they are on their way */
    MTR_HTTP_UNSENT_BYTES = 128 << 10,
    MTR_HTTP_OUTPUT_BYTES_MAX = 1 << 30, /* of one buffer; never reached by the rules above plus one chunk */
    MTR_HTTP_POOL_MAX = 1024,            /* requests kept for reuse */
    MTR_HTTP_REFUSALS_MAX = 64,          /* connections over the limit that are being told so */
    MTR_HTTP_LEFT_MS = 1000,         /* a peer that has closed its side still waits so long */
    MTR_HTTP_LINGER_MS = 2000,       /* for the peer to read the last answer before the connection is reset */
    MTR_HTTP_LINGER_BYTES = 8 << 20, /* read away meanwhile */
    MTR_HTTP_SHAKES_MAX = 2,         /* handshakes that go on in one turn of the loop */
};

/* on_headers is running → BODY → HANDLER (on_request called) → ANSWERED; STREAMING between begin and end. */
enum mtr_http_request_state {
    MTR_HTTP_REQUEST_HEAD,
    MTR_HTTP_REQUEST_ON_HEADERS,
    MTR_HTTP_REQUEST_BODY,
    MTR_HTTP_REQUEST_HANDLER,
    MTR_HTTP_REQUEST_STREAMING,
    MTR_HTTP_REQUEST_ANSWERED,
};

struct mtr_http_request {
    struct mtr_http_request *next;               /* in the connection's queue or the pool */
    struct mtr_http_request *next_drain;         /* in server->drains */
    struct mtr_http_server *server;
    struct mtr_http_connection *connection;      /* NULL: gone */
    enum mtr_http_request_state state;
    bool is_queued;                              /* held by the connection */
    bool is_handlers;                            /* held by the handler */
    bool answer_done;                            /* all of the answer is in output, answer and moved */
    bool close_after;
    bool reset_after; /* a broken off answer whose end could be mistaken for complete */
    bool sends_body;  /* false for HEAD */
    bool is_chunked;  /* the streamed answer */
    bool wants_continue;
    bool waits_for_drain;
    bool in_drains;
    bool is_left;                                /* on_leave was called, or is not to be */
    struct mtr_http_head head;
    struct mtr_buffer body;
    size_t body_limit;
    size_t body_counted;                         /* of server->bodies */
    uint64_t deadline_ms;                        /* for the answer; 0: none */
    void *context;
    mtr_owner owner;
    mtr_owner body_owner;                        /* of body_counted */
    struct mtr_shares *answer_counter;
    struct mtr_buffer added;                     /* lines of the answer's head */
    struct mtr_buffer answer;                    /* what waits for the requests before it */
    struct mtr_buffer moved;                     /* a large body behind answer */
    void (*on_drain)(void *context, struct mtr_http_request *request);
    void *drain_context;
};

/* READING ⇄ (queue full or output waiting: paused) → LINGERING (all is answered; read away until the peer
 * closes) → CLOSED */
enum mtr_http_connection_state {
    MTR_HTTP_READING,
    MTR_HTTP_LAST_ANSWERS,
    MTR_HTTP_LINGERING,
    MTR_HTTP_CLOSED
};

struct tls_session;

struct mtr_http_connection {
    uv_tcp_t tcp;                       /* first: the close callback frees the whole */
    struct mtr_http_server *server;
    struct tls_session *tls;            /* NULL: what is said is said in the clear */
    struct mtr_http_connection *next, *previous;
    struct mtr_lane_item of_address;    /* among the server's addresses, once it is accepted */
    mtr_owner owner;                    /* whom the address is of */
    bool is_counted;                    /* it stands there */
    struct mtr_http_connection *next_dirty, *previous_dirty;
    enum mtr_http_connection_state state;
    bool is_dirty;
    bool is_reading;                    /* uv_read_start stands */
    bool is_consuming;                  /* on the stack: no second consume */
    bool is_refused;                    /* over connections_max */
    bool peer_finished;                 /* it sent FIN */
    uint64_t finished_ms;               /* … then */
    bool reset_after;
    bool is_writing;                    /* write stands; writing and writing_moved belong to libuv */
    uint64_t read_deadline_ms;          /* head, body or idle; 0: none */
    int64_t send_slack_ms;              /* what is left of send_timeout_ms */
    uint64_t send_seen_ms;              /* when the slack was last settled, and what waited in libuv then */
    size_t write_queue_seen;
    size_t answer_counted;              /* for answer_owner, in answer_counter */
    mtr_owner answer_owner;
    struct mtr_shares *answer_counter;
    mtr_owner last_owner;               /* whose request left the queue last, and where its answer counts */
    struct mtr_shares *last_counter;
    uint64_t lingered_bytes;
    uint64_t body_started_ms;
    struct mtr_http_request *first, *last; /* the queue */
    uint32_t queued;
    struct mtr_http_request *coming;    /* last, while its head or body comes in */
    struct mtr_http_parser parser;
    struct mtr_buffer unread;           /* bytes that came behind a full queue */
    struct mtr_buffer output, moved;    /* gathered: output, then moved */
    struct mtr_buffer writing, writing_moved;
    uv_write_t write;
    uv_shutdown_t shutdown;
};

struct mtr_http_server {
    uv_loop_t *loop;
    uv_tcp_t listener;
    uv_timer_t sweep;
    uv_prepare_t prepare;
    uv_idle_t idle;                     /* runs while output is left for the next turn */
    unsigned open_handles;              /* of these four */
    struct mtr_http_server_options options;
    struct mtr_http_handler handler;
    uint16_t port;
    bool accept_waits;                  /* a connection is left in the backlog */
    bool is_draining;
    bool is_closed;
    uint64_t drain_deadline_ms;
    void (*on_drained)(void *context);
    void *drained_context;
    struct mtr_http_connection *connections;
    struct mtr_lanes addresses; /* connections, a lane for each */
    struct mtr_http_connection *dirty, *dirty_last; /* to be flushed, in the order of marking */
    uint32_t dirty_count;
    struct mtr_http_request *drains;    /* streams to be told that their output has left */
    struct mtr_http_request *pool;
    uint32_t pooled;
    uint64_t requests;                  /* outside the pool */
    uint64_t refusing;                  /* connections with is_refused */
    struct mtr_http_server_stats stats;
    struct mtr_shares bodies;           /* that are not answered */
    struct mtr_shares answers;          /* that have not left; workers hold some of it */
    struct mtr_shares answers_apart;    /* those of requests that are counted apart */
    struct mtr_tls *tls;                /* of connections to come; NULL: none */
    char *plain;                        /* TLS_RECORD_BYTES, shared by the connections; NULL: without tls */
    uint32_t shakes_left;               /* handshakes that may go on in this turn of the loop */
    int64_t date_s;
    char date[40];                      /* "Date: …\r\n" */
    char read_buffer[MTR_HTTP_READ_BYTES];
};

/* http_server.c */
void http_server_connection_freed(struct mtr_http_server *server);
void http_server_maybe_free(struct mtr_http_server *server);

/* http_request.c */
struct mtr_http_request *http_request_new(struct mtr_http_connection *connection);
void http_request_unhold(struct mtr_http_request *request); /* back to the pool when nobody holds it */
/* Adds to the body. 0, or the status to refuse with. */
int http_request_add_body(void *request, const char *data, size_t size);
void http_request_drop_body(struct mtr_http_request *request);

/* http_connection.c */
void http_connection_accept(struct mtr_http_server *server);
void http_connection_close(struct mtr_http_connection *connection, bool reset);
void http_connection_close_idle(struct mtr_http_connection *connection); /* nothing is under way */
void http_connection_mark(struct mtr_http_connection *connection); /* to be flushed this turn */
void http_connection_unmark(struct mtr_http_connection *connection);
void http_connection_resume(struct mtr_http_connection *connection);
void http_connection_sweep(struct mtr_http_connection *connection, uint64_t now_ms);
/* Its requests live on without it, where a handler holds them. */
void http_connection_orphan(struct mtr_http_connection *connection);
/* No more requests: last answers, linger, close. */
void http_connection_finish(struct mtr_http_connection *connection);
/* Its peer's address; empty: gone. One of IPv4 that came over IPv6 is one of IPv4. */
void http_connection_peer(const struct mtr_http_connection *connection, char text[MTR_HTTP_PEER_BYTES]);
/* Bytes of requests, and that the peer sends no more. */
void http_connection_consume(struct mtr_http_connection *connection, const char *data, size_t size);
void http_connection_end(struct mtr_http_connection *connection);
void http_connection_stop_reading(struct mtr_http_connection *connection);

/* http_output.c */
/* For the next use: its memory stays, unless there is much of it. */
void http_buffer_empty(struct mtr_buffer *buffer);
void http_connection_flush(struct mtr_http_connection *connection);
/* Answers of the queue's head into the output. */
void http_connection_gather(struct mtr_http_connection *connection);
void http_connection_dequeue(struct mtr_http_connection *connection);
/* The memory of answers that the connection holds, into the server's total. */
void http_connection_count_answers(struct mtr_http_connection *connection);
/* While a write stands: the slack by what has left since. False: the reader is too slow. */
bool http_connection_settle_sending(struct mtr_http_connection *connection, size_t waiting);

/* A write: output and moved become writing and writing_moved. It stands, where libuv has what is left of it;
 * or all of it has left. */
void http_connection_begin_write(struct mtr_http_connection *connection);
void http_connection_write_stands(struct mtr_http_connection *connection);
void http_connection_end_write(struct mtr_http_connection *connection);
void http_connection_written(struct mtr_http_connection *connection, int status);
/* Bytes of it that the system has not taken. */
size_t http_connection_waiting(const struct mtr_http_connection *connection);

/* http_tls.c: of connections that have a session, but for the first two. */
bool http_tls_is_shaking(const struct mtr_http_connection *connection); /* hands */
size_t http_tls_memory(const struct mtr_http_connection *connection);   /* of answers, as ciphertext */
void http_tls_on_read(struct mtr_http_connection *connection, struct mtr_str bytes);
/* The handshake goes on, where it can. False: it waits for its turn, or is over by an error. */
bool http_tls_turn(struct mtr_http_connection *connection);
/* What was kept while the queue was full. False: it is full again, or something is to be said first. */
bool http_tls_resume(struct mtr_http_connection *connection);
void http_tls_time_out(struct mtr_http_connection *connection);
/* True: all of it has left. */
bool http_tls_write(struct mtr_http_connection *connection);
size_t http_tls_waiting(const struct mtr_http_connection *connection);
bool http_tls_end(struct mtr_http_connection *connection); /* says that nothing more comes; as write */
void http_tls_farewell(struct mtr_http_connection *connection); /* the same of one that is closed now */

/* http_answer.c */
int http_write_head(struct mtr_http_request *request, unsigned status, const struct mtr_http_header *headers,
                    uint32_t count, int64_t content_length) MTR_MUST_USE; /* content_length -1: unknown */
/* Where the next bytes of the answer go. */
struct mtr_buffer *http_answer_target(struct mtr_http_request *request);
/* The whole answer stands: the handler lets go of the request. */
void http_answered(struct mtr_http_request *request);
void http_request_abort(struct mtr_http_request *request); /* on_abort, where it is due */
/* The server's own answer, then close. */
void http_refuse(struct mtr_http_request *request, unsigned status, enum mtr_finding_code code,
                 const char *detail);
void http_request_leave(struct mtr_http_request *request); /* on_leave, where it is due */
void http_time_out(struct mtr_http_request *request); /* 504 in the place of the handler's answer */

/* http_stream.c */
void http_drains_add(struct mtr_http_request *request);
void http_drains_remove(struct mtr_http_request *request);
void http_drains_run(struct mtr_http_server *server); /* one round */

#endif
