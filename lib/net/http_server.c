/*
 * Servers: the listener, the sweep of deadlines, the flush of each loop turn, drain and close.
 *
 * Invariants:
 *   1  Deadlines are numbers in connections and requests, looked at by one timer per server: setting one
 *      costs a store, and a late look costs at most an eighth of the shortest timeout.
 *   2  The server's memory goes when its handles are closed, its connections freed and its last request
 *      answered, whichever comes last.
 *   3  `answers` is what all connections have counted (loop) and what handlers hold (any thread).
 */
#include "meterd/net/http_server.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "lib/net/http_internal.h"
#include "lib/net/loop/uv_loop.h"
#include "lib/net/tls/tls_session.h"
#include "meterd/net/crypto.h"

enum {
    BACKLOG = 1024,
    SWEEP_MS_MIN = 5,
    SWEEP_MS_MAX = 250,
    FLUSH_ROUNDS_MAX = 8, /* in one loop turn; a stream that produces more waits for the next, behind the
                             events of the others */
};

struct mtr_http_server_options mtr_http_server_defaults(void)
{
    return (struct mtr_http_server_options){
        .address = "127.0.0.1",
        .connections_max = 10000,
        .pipeline_max = 64,
        .url_bytes_max = 8192,
        .header_bytes_max = 16 << 10,
        .body_bytes_max = 64 << 20,
        .body_bytes_total_max = 512 << 20,
        .header_timeout_ms = 10000,
        .body_timeout_ms = 10000,
        .body_rate_min = 16 << 10,
        .idle_timeout_ms = 75000,
        .send_timeout_ms = 30000,
        .send_rate_min = 16 << 10,
        .answer_bytes_total_max = 64 << 20,
        .request_timeout_ms = 60000,
    };
}

void http_server_maybe_free(struct mtr_http_server *server)
{
    if (!server->is_closed || server->open_handles || server->connections || server->requests) return;
    mtr_lanes_release(&server->addresses);
    mtr_tls_release(server->tls);
    free(server->plain);
    free(server);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct mtr_http_server *server = handle->data;
    server->open_handles--;
    http_server_maybe_free(server);
}

static void close_handle(uv_handle_t *handle)
{
    if (!uv_is_closing(handle)) uv_close(handle, on_handle_closed);
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct mtr_http_server *server = listener->data;
    if (status == 0 && !uv_is_closing((const uv_handle_t *)listener)) http_connection_accept(server);
}

static uint64_t sweep_ms(const struct mtr_http_server_options *options)
{
    uint32_t shortest = options->header_timeout_ms;
    if (options->body_timeout_ms < shortest) shortest = options->body_timeout_ms;
    if (options->idle_timeout_ms < shortest) shortest = options->idle_timeout_ms;
    if (options->send_timeout_ms < shortest) shortest = options->send_timeout_ms;
    if (options->request_timeout_ms && options->request_timeout_ms < shortest)
        shortest = options->request_timeout_ms;
    shortest /= 8;
    return shortest < SWEEP_MS_MIN ? SWEEP_MS_MIN : shortest > SWEEP_MS_MAX ? SWEEP_MS_MAX : shortest;
}

static void close_connections(struct mtr_http_server *server, bool only_idle)
{
    for (struct mtr_http_connection *connection = server->connections, *next; connection; connection = next) {
        next = connection->next; /* freed by close callbacks only */
        bool is_idle = connection->state == MTR_HTTP_READING && !connection->first &&
                       !connection->is_writing && connection->output.size + connection->moved.size == 0;
        if (is_idle) http_connection_close_idle(connection);
        else if (!only_idle) http_connection_close(connection, true);
    }
}

static void sweep_drain(struct mtr_http_server *server, uint64_t now)
{
    if (!server->is_draining) return;
    close_connections(server, now < server->drain_deadline_ms);
    if (server->connections && now < server->drain_deadline_ms) return;
    void (*on_drained)(void *) = server->on_drained;
    server->on_drained = NULL;
    if (on_drained) on_drained(server->drained_context);
}

static void on_sweep(uv_timer_t *timer)
{
    struct mtr_http_server *server = timer->data;
    uint64_t now = uv_now(server->loop);
    for (struct mtr_http_connection *connection = server->connections, *next; connection; connection = next) {
        next = connection->next;
        http_connection_sweep(connection, now);
    }
    /* One that found no memory: nobody need be there whose end would tell. */
    if (server->accept_waits && !server->is_draining) http_connection_accept(server);
    sweep_drain(server, now);
}

static void on_idle(uv_idle_t *idle)
{
    (void)idle; /* only keeps the loop from sleeping */
}

static void on_prepare(uv_prepare_t *prepare)
{
    struct mtr_http_server *server = prepare->data;
    server->shakes_left = MTR_HTTP_SHAKES_MAX;
    for (int round = 0; round < FLUSH_ROUNDS_MAX && (server->dirty || server->drains) && !server->is_closed;
         round++) {
        uint32_t due = server->dirty_count; /* new marks join the end: they belong to the next round */
        for (; due > 0 && server->dirty; due--) {
            struct mtr_http_connection *connection = server->dirty;
            http_connection_unmark(connection);
            http_connection_flush(connection);
        }
        http_drains_run(server);
    }
    if (server->is_closed) return;
    if (server->dirty || server->drains) uv_idle_start(&server->idle, on_idle);
    else uv_idle_stop(&server->idle);
}

static int parse_address(const struct mtr_http_server_options *options, struct sockaddr_storage *out)
{
    if (uv_ip4_addr(options->address, options->port, (struct sockaddr_in *)out) == 0) return MTR_OK;
    if (uv_ip6_addr(options->address, options->port, (struct sockaddr_in6 *)out) == 0) return MTR_OK;
    return MTR_EINVALID;
}

static bool options_are_valid(const struct mtr_http_server_options *options)
{
    return options->address && options->connections_max && options->pipeline_max && options->url_bytes_max &&
           options->header_bytes_max && options->header_timeout_ms && options->body_timeout_ms &&
           options->idle_timeout_ms && options->send_timeout_ms;
}

static int listen_on(struct mtr_http_server *server, const struct sockaddr_storage *address)
{
    int rc = uv_tcp_bind(&server->listener, (const struct sockaddr *)address, 0);
    if (!rc) rc = uv_listen((uv_stream_t *)&server->listener, BACKLOG, on_connection);
    if (rc) return rc;
    struct sockaddr_storage bound;
    int size = sizeof(bound);
    rc = uv_tcp_getsockname(&server->listener, (struct sockaddr *)&bound, &size);
    if (rc) return rc;
    bool is_ipv6 = bound.ss_family == AF_INET6;
    server->port = ntohs(is_ipv6 ? ((struct sockaddr_in6 *)&bound)->sin6_port
                                 : ((struct sockaddr_in *)&bound)->sin_port);
    return 0;
}

static void init_handles(struct mtr_http_server *server)
{
    uv_tcp_init(server->loop, &server->listener);
    uv_timer_init(server->loop, &server->sweep);
    uv_prepare_init(server->loop, &server->prepare);
    uv_idle_init(server->loop, &server->idle);
    server->listener.data = server->sweep.data = server->prepare.data = server->idle.data = server;
    server->open_handles = 4;
    uv_unref((uv_handle_t *)&server->sweep);
    uv_unref((uv_handle_t *)&server->prepare);
}

int mtr_http_server_open(struct mtr_loop *loop, const struct mtr_http_server_options *options,
                         const struct mtr_http_handler *handler, struct mtr_http_server **out,
                         struct mtr_diagnostic *diagnostic)
{
    MTR_ASSERT(handler->on_request);
    struct sockaddr_storage address;
    if (!options_are_valid(options) || parse_address(options, &address)) {
        mtr_diagnostic_set(diagnostic, MTR_FINDING_PROGRAM_LISTEN, 0, 0, "address",
                           "cannot listen on \"%s\": not an IP address, or a limit is 0",
                           options->address ? options->address : "");
        return MTR_EINVALID;
    }
    struct mtr_http_server *server = calloc(1, sizeof(*server));
    if (!server || mtr_lanes_init(&server->addresses, options->connections_max, UINT64_MAX, 1)) {
        free(server);
        mtr_diagnostic_set(diagnostic, MTR_FINDING_PROGRAM_MEMORY, 0, 0, "", "out of memory");
        return MTR_ENOMEM;
    }
    server->loop = loop_uv(loop);
    server->options = *options;
    server->handler = *handler;
    uint64_t seed;
    if (mtr_random_bytes(&seed, sizeof(seed))) seed = uv_hrtime();
    mtr_shares_init(&server->bodies, options->body_bytes_total_max, seed);
    mtr_shares_init(&server->answers, options->answer_bytes_total_max, seed);
    mtr_shares_init(&server->answers_apart, UINT64_MAX, seed); /* they are counted alone */
    init_handles(server);
    if (options->tls && mtr_http_server_set_tls(server, options->tls)) {
        mtr_diagnostic_set(diagnostic, MTR_FINDING_PROGRAM_MEMORY, 0, 0, "", "out of memory");
        mtr_http_server_close(server);
        return MTR_ENOMEM;
    }
    int rc = listen_on(server, &address);
    if (rc) {
        mtr_diagnostic_set(diagnostic, MTR_FINDING_PROGRAM_LISTEN, 0, 0, "address",
                           "cannot listen on %s port %u: %s", options->address, options->port,
                           uv_strerror(rc));
        mtr_http_server_close(server);
        return uv_error(rc);
    }
    uint64_t every_ms = sweep_ms(options);
    uv_timer_start(&server->sweep, on_sweep, every_ms, every_ms);
    uv_prepare_start(&server->prepare, on_prepare);
    *out = server;
    return MTR_OK;
}

int mtr_http_server_set_tls(struct mtr_http_server *server, struct mtr_tls *tls)
{
    if (!server->plain) server->plain = malloc(TLS_RECORD_BYTES);
    if (!server->plain) return MTR_ENOMEM;
    struct mtr_tls *before = server->tls;
    server->tls = mtr_tls_keep(tls);
    mtr_tls_release(before);
    return MTR_OK;
}

uint16_t mtr_http_server_port(const struct mtr_http_server *server)
{
    return server->port;
}

struct mtr_http_server_stats mtr_http_server_stats(struct mtr_http_server *server)
{
    struct mtr_http_server_stats stats = server->stats;
    stats.body_bytes = mtr_shares_used(&server->bodies);
    stats.answer_bytes = mtr_shares_used(&server->answers) + mtr_shares_used(&server->answers_apart);
    return stats;
}

bool mtr_http_answers_hold(struct mtr_http_server *server, mtr_owner owner, size_t bytes)
{
    return mtr_shares_take(&server->answers, owner, bytes);
}

void mtr_http_answers_let_go(struct mtr_http_server *server, mtr_owner owner, size_t bytes)
{
    mtr_shares_give(&server->answers, owner, bytes);
}

static struct mtr_http_answers look_at(struct mtr_shares *answers, mtr_owner owner)
{
    return (struct mtr_http_answers){.bytes = mtr_shares_used(answers),
                                     .bytes_of_owner = mtr_shares_of(answers, owner)};
}

struct mtr_http_answers mtr_http_answers(struct mtr_http_server *server, mtr_owner owner)
{
    return look_at(&server->answers, owner);
}

struct mtr_http_answers mtr_http_answers_apart(struct mtr_http_server *server, mtr_owner owner)
{
    return look_at(&server->answers_apart, owner);
}

void http_server_connection_freed(struct mtr_http_server *server)
{
    if (server->is_closed) {
        http_server_maybe_free(server);
        return;
    }
    if (server->accept_waits && !server->is_draining) http_connection_accept(server);
    if (server->is_draining && !server->connections)
        uv_timer_start(&server->sweep, on_sweep, 0, sweep_ms(&server->options));
}

void mtr_http_server_drain(struct mtr_http_server *server, uint32_t timeout_ms,
                           void (*on_drained)(void *context), void *context)
{
    MTR_ASSERT(!server->is_draining && !server->is_closed);
    server->is_draining = true;
    server->drain_deadline_ms = uv_now(server->loop) + timeout_ms;
    server->on_drained = on_drained;
    server->drained_context = context;
    uv_ref((uv_handle_t *)&server->sweep); /* on_drained must come even when nothing else runs */
    close_handle((uv_handle_t *)&server->listener);
    close_connections(server, true);
    uv_timer_start(&server->sweep, on_sweep, 0, sweep_ms(&server->options));
}

static void free_pool(struct mtr_http_server *server)
{
    while (server->pool) {
        struct mtr_http_request *request = server->pool;
        server->pool = request->next;
        mtr_buffer_release(&request->head.bytes);
        mtr_buffer_release(&request->body);
        mtr_buffer_release(&request->added);
        mtr_buffer_release(&request->answer);
        free(request);
    }
}

void mtr_http_server_close(struct mtr_http_server *server)
{
    if (!server) return;
    MTR_ASSERT(!server->is_closed);
    server->is_closed = true;
    close_connections(server, false);
    free_pool(server);
    close_handle((uv_handle_t *)&server->listener);
    close_handle((uv_handle_t *)&server->sweep);
    close_handle((uv_handle_t *)&server->prepare);
    close_handle((uv_handle_t *)&server->idle);
}
