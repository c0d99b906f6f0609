/*
 * Connections: reading, the order of events of each request, deadlines, and the end.
 *
 *   READING ──finish()──▶ LAST_ANSWERS ──all has left──▶ LINGERING ──EOF, deadline──▶ CLOSED
 *      └──────────────── http_connection_close(), from any of them ───────────────▶ CLOSED
 *
 * Invariants:
 *   1  READING is paused while the queue is full, output is large or a write stands (backpressure); bytes
 *      that were read already wait in `unread`, at most one read of them.
 *   2  `coming` is the queue's last request or NULL: one request comes in at a time.
 *   3  A connection is dirty (on the server's list) or nothing of it is due this turn.
 *   4  CLOSED has no queue and no counted memory; only the close callback frees the connection.
 *   5  LINGERING reads away what the peer still sends, so that the reset a close with unread bytes provokes
 *      cannot overtake the last answer.
 */
#include "lib/net/http_internal.h"
#include "lib/net/tls/tls_session.h"

#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer);

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *out)
{
    (void)size;
    struct mtr_http_connection *connection = (struct mtr_http_connection *)handle;
    *out = uv_buf_init(connection->server->read_buffer,
                       MTR_HTTP_READ_BYTES); /* on_read takes everything out before the next read */
}

static uint64_t now_ms(const struct mtr_http_connection *connection)
{
    return uv_now(connection->server->loop);
}

void http_connection_mark(struct mtr_http_connection *connection)
{
    if (connection->is_dirty || connection->state == MTR_HTTP_CLOSED) return;
    struct mtr_http_server *server = connection->server;
    connection->is_dirty = true;
    connection->next_dirty = NULL;
    connection->previous_dirty = server->dirty_last;
    if (server->dirty_last) server->dirty_last->next_dirty = connection;
    else server->dirty = connection;
    server->dirty_last = connection;
    server->dirty_count++;
}

void http_connection_unmark(struct mtr_http_connection *connection)
{
    struct mtr_http_server *server = connection->server;
    if (!connection->is_dirty) return;
    if (connection->previous_dirty) connection->previous_dirty->next_dirty = connection->next_dirty;
    else server->dirty = connection->next_dirty;
    if (connection->next_dirty) connection->next_dirty->previous_dirty = connection->previous_dirty;
    else server->dirty_last = connection->previous_dirty;
    connection->is_dirty = false;
    server->dirty_count--;
}

static void on_closed(uv_handle_t *handle)
{
    struct mtr_http_connection *connection = (struct mtr_http_connection *)handle;
    struct mtr_http_server *server = connection->server;
    if (connection->previous) connection->previous->next = connection->next;
    else server->connections = connection->next;
    if (connection->next) connection->next->previous = connection->previous;
    if (connection->is_counted)
        mtr_lanes_remove(&server->addresses, connection->owner, &connection->of_address);
    if (connection->is_refused) server->refusing--;
    else server->stats.connections--;
    mtr_buffer_release(&connection->unread);
    mtr_buffer_release(&connection->output);
    mtr_buffer_release(&connection->moved);
    mtr_buffer_release(&connection->writing);
    mtr_buffer_release(&connection->writing_moved);
    tls_session_close(connection->tls);
    free(connection);
    http_server_connection_freed(server);
}

void http_connection_orphan(struct mtr_http_connection *connection)
{
    struct mtr_http_request *coming = connection->coming;
    connection->coming = NULL;
    if (coming) http_request_abort(coming);
    for (struct mtr_http_request *request = connection->first; request; request = request->next)
        request->connection = NULL;
    while (connection->first) {
        struct mtr_http_request *request = connection->first;
        if (request->waits_for_drain) http_drains_add(request);
        http_request_leave(request);
        http_connection_dequeue(connection);
    }
}

void http_connection_close(struct mtr_http_connection *connection, bool reset)
{
    if (connection->state == MTR_HTTP_CLOSED) return;
    bool may_reset =
        reset && connection->state != MTR_HTTP_LINGERING; /* libuv refuses a reset after shutdown */
    http_connection_unmark(connection);
    connection->state = MTR_HTTP_CLOSED;
    http_connection_orphan(connection);
    http_connection_count_answers(connection);
    if (!may_reset || uv_tcp_close_reset(&connection->tcp, on_closed))
        uv_close((uv_handle_t *)&connection->tcp, on_closed);
}

void http_connection_close_idle(struct mtr_http_connection *connection)
{
    if (connection->tls) http_tls_farewell(connection);
    http_connection_close(connection, false);
}

void http_connection_finish(struct mtr_http_connection *connection)
{
    if (connection->state != MTR_HTTP_READING) return;
    connection->state = MTR_HTTP_LAST_ANSWERS;
    connection->read_deadline_ms = 0;
    mtr_buffer_release(&connection->unread);
    http_connection_mark(connection);
}

void http_connection_stop_reading(struct mtr_http_connection *connection)
{
    if (connection->is_reading) uv_read_stop((uv_stream_t *)&connection->tcp);
    connection->is_reading = false;
}

static void on_shutdown(uv_shutdown_t *shutdown, int status)
{
    (void)shutdown;
    (void)status; /* the peer's EOF, an error of reading or the deadline ends it in any case */
}

static void start_reading(struct mtr_http_connection *connection)
{
    if (connection->is_reading || connection->peer_finished) return;
    int rc = uv_read_start((uv_stream_t *)&connection->tcp, on_alloc, on_read);
    if (rc) http_connection_close(connection, true);
    else connection->is_reading = true;
}

static void linger(struct mtr_http_connection *connection)
{
    if (connection->tls && !connection->reset_after && !http_tls_end(connection)) return;
    if (connection->peer_finished || connection->reset_after ||
        uv_shutdown(&connection->shutdown, (uv_stream_t *)&connection->tcp, on_shutdown)) {
        http_connection_close(connection, connection->reset_after);
        return;
    }
    connection->state = MTR_HTTP_LINGERING;
    connection->read_deadline_ms = now_ms(connection) + MTR_HTTP_LINGER_MS;
    start_reading(connection);
}

/* Takes the first `request`-less byte to a new request at the queue's end. */
static bool begin_request(struct mtr_http_connection *connection)
{
    struct mtr_http_request *request = http_request_new(connection);
    if (!request) {
        http_connection_close(connection, true);
        return false;
    }
    request->is_queued = true;
    if (connection->last) connection->last->next = request;
    else connection->first = request;
    connection->last = request;
    connection->queued++;
    connection->coming = request;
    connection->read_deadline_ms = now_ms(connection) + connection->server->options.header_timeout_ms;
    http_parser_begin(&connection->parser, &request->head);
    return true;
}

static void request_complete(struct mtr_http_connection *connection)
{
    struct mtr_http_request *request = connection->coming;
    struct mtr_http_server *server = connection->server;
    connection->coming = NULL;
    connection->read_deadline_ms =
        now_ms(connection) + server->options.idle_timeout_ms; /* counts once the queue is empty */
    request->wants_continue = false;
    request->state = MTR_HTTP_REQUEST_HANDLER;
    request->is_handlers = true;
    if (server->options.request_timeout_ms)
        request->deadline_ms = now_ms(connection) + server->options.request_timeout_ms;
    server->stats.requests_total++;
    server->stats.requests_in_flight++;
    if (!request->head.keep_alive)
        http_connection_finish(connection); /* what comes behind it is not read */
    server->handler.on_request(server->handler.context, request);
}

static enum mtr_finding_code refusal_code(unsigned status)
{
    if (status == 408) return MTR_FINDING_REQUEST_TIMEOUT;
    if (status == 413) return MTR_FINDING_REQUEST_SIZE;
    return status == 503 ? MTR_FINDING_REQUEST_BUSY : MTR_FINDING_REQUEST_HTTP;
}

static void refuse_coming(struct mtr_http_connection *connection, unsigned status, const char *detail)
{
    char text[96];
    struct mtr_http_request *request = connection->coming;
    if (!detail && status == 413) {
        snprintf(text, sizeof(text), "the body is larger than %zu bytes", request->body_limit);
        detail = text;
    }
    if (!detail) detail = "too many requests hold memory; try again";
    http_refuse(request, status, refusal_code(status), detail);
}

static void head_complete(struct mtr_http_connection *connection, bool more_waits)
{
    struct mtr_http_request *request = connection->coming;
    struct mtr_http_server *server = connection->server;
    bool has_body = request->head.is_chunked || request->head.content_length > 0;
    bool keep_alive = request->head.keep_alive;
    request->sends_body = request->head.method != MTR_HTTP_HEAD;
    request->state = MTR_HTTP_REQUEST_ON_HEADERS;
    if (server->handler.on_headers) server->handler.on_headers(server->handler.context, request);
    if (connection->coming != request) { /* answered, or all is closed */
        if (has_body || !keep_alive) http_connection_finish(connection);
        return;
    }
    request->state = MTR_HTTP_REQUEST_BODY;
    if (request->head.content_length > request->body_limit) {
        refuse_coming(connection, 413, NULL);
    } else if (!has_body) {
        request_complete(connection);
    } else {
        connection->body_started_ms = now_ms(connection);
        request->wants_continue = request->head.expects_continue && !more_waits;
        if (request->wants_continue) http_connection_mark(connection);
    }
}

/* One step of the request that comes in. Returns the bytes taken. */
static size_t feed(struct mtr_http_connection *connection, const char *data, size_t size)
{
    struct mtr_http_request *request = connection->coming;
    struct mtr_http_parser *parser = &connection->parser;
    size_t used = 0;
    bool is_head = request->state == MTR_HTTP_REQUEST_HEAD;
    enum mtr_http_progress progress =
        is_head ? http_parser_head(parser, data, size, &used)
                : http_parser_body(parser, data, size, &used, http_request_add_body, request);
    if (progress == MTR_HTTP_REFUSED)
        refuse_coming(connection, parser->refused_status, parser->refused_detail);
    else if (progress == MTR_HTTP_DONE && is_head) head_complete(connection, used < size);
    else if (progress == MTR_HTTP_DONE) request_complete(connection);
    return used;
}

static bool may_begin(const struct mtr_http_connection *connection)
{
    return connection->queued < connection->server->options.pipeline_max && !connection->is_writing &&
           connection->output.size + connection->moved.size < MTR_HTTP_STREAM_BYTES;
}

void http_connection_consume(struct mtr_http_connection *connection, const char *data, size_t size)
{
    MTR_ASSERT(!connection->is_consuming);
    connection->is_consuming = true;
    while (connection->state == MTR_HTTP_READING && size > 0) {
        if (!connection->coming && (!may_begin(connection) || !begin_request(connection))) break;
        size_t used = feed(connection, data, size);
        data += used;
        size -= used;
        /* Answers of the pipeline's head move to the output at once, and make room for more requests. */
        if (connection->first && connection->first->answer_done) http_connection_gather(connection);
    }
    connection->is_consuming = false;
    if (connection->state != MTR_HTTP_READING || size == 0) return;
    if (mtr_buffer_append(&connection->unread, data, size)) {
        http_connection_close(connection, true);
        return;
    }
    http_connection_stop_reading(connection);
    http_connection_mark(connection);
}

void http_connection_end(struct mtr_http_connection *connection)
{
    connection->peer_finished = true;
    connection->finished_ms = now_ms(connection);
    http_connection_stop_reading(connection);
    if (connection->state == MTR_HTTP_LINGERING || connection->coming || !connection->first) {
        /* Nothing to say, or a request broke off: with answers still to come before it they go out first. */
        if (connection->state == MTR_HTTP_LINGERING || connection->first == connection->coming) {
            http_connection_close(connection, false);
            return;
        }
    }
    if (connection->coming) {
        connection->coming->answer_done = true; /* an empty answer */
        connection->coming->close_after = true;
        http_request_abort(connection->coming);
        connection->coming = NULL;
    }
    http_connection_finish(connection);
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer)
{
    struct mtr_http_connection *connection = (struct mtr_http_connection *)stream;
    if (size == 0) return;
    if (size == UV_EOF) {
        http_connection_end(connection);
    } else if (size < 0) {
        http_connection_close(connection, false);
    } else if (connection->state == MTR_HTTP_READING) {
        if (connection->tls) http_tls_on_read(connection, (struct mtr_str){buffer->base, (size_t)size});
        else http_connection_consume(connection, buffer->base, (size_t)size);
    } else {
        connection->lingered_bytes += (uint64_t)size;
        if (connection->lingered_bytes > MTR_HTTP_LINGER_BYTES) http_connection_close(connection, true);
    }
}

void http_connection_resume(struct mtr_http_connection *connection)
{
    if (connection->state == MTR_HTTP_CLOSED || connection->is_writing || connection->is_consuming) return;
    if (connection->state == MTR_HTTP_READING && connection->unread.size > 0) {
        if (!connection->coming && !may_begin(connection)) return;
        struct mtr_buffer unread = connection->unread;
        mtr_buffer_init(&connection->unread, unread.size_max);
        http_connection_consume(connection, unread.data, unread.size);
        mtr_buffer_release(&unread);
        if (connection->unread.size > 0) return;
    }
    if (connection->state == MTR_HTTP_READING) {
        if (!connection->coming && !may_begin(connection)) return;
        if (connection->tls && !http_tls_resume(connection)) return;
        if (!connection->first && !http_tls_is_shaking(connection))
            connection->read_deadline_ms = now_ms(connection) + connection->server->options.idle_timeout_ms;
        start_reading(connection);
    } else if (connection->state == MTR_HTTP_LAST_ANSWERS) {
        if (!connection->first && connection->output.size + connection->moved.size == 0) linger(connection);
        else start_reading(connection);
    }
}

static uint64_t body_deadline_ms(const struct mtr_http_connection *connection)
{
    const struct mtr_http_server_options *options = &connection->server->options;
    uint64_t earned_ms =
        options->body_rate_min ? connection->parser.body_bytes * 1000 / options->body_rate_min : 0;
    return connection->body_started_ms + options->body_timeout_ms + earned_ms;
}

static void sweep_reading(struct mtr_http_connection *connection, uint64_t now)
{
    struct mtr_http_request *coming = connection->coming;
    if (http_tls_is_shaking(connection)) {
        if (now >= connection->read_deadline_ms) http_tls_time_out(connection);
    } else if (coming && coming->state == MTR_HTTP_REQUEST_BODY) {
        if (now >= body_deadline_ms(connection)) refuse_coming(connection, 408, "the body came too slowly");
    } else if (coming) {
        if (now < connection->read_deadline_ms) return;
        if (coming->head.bytes.size > 0) refuse_coming(connection, 408, "the headers came too slowly");
        else http_connection_close(connection, false);
    } else if (!connection->first && connection->is_reading && !connection->is_dirty &&
               now >= connection->read_deadline_ms) {
        http_connection_close_idle(connection);
    }
}

static bool has_left(const struct mtr_http_connection *connection, uint64_t now)
{
    return connection->peer_finished && now >= connection->finished_ms + MTR_HTTP_LEFT_MS;
}

void http_connection_sweep(struct mtr_http_connection *connection, uint64_t now)
{
    if (connection->state == MTR_HTTP_CLOSED) return;
    for (struct mtr_http_request *request = connection->first, *next; request; request = next) {
        next = request->next;
        if (request->state == MTR_HTTP_REQUEST_HANDLER && request->deadline_ms && now >= request->deadline_ms)
            http_time_out(request);
        else if (has_left(connection, now)) http_request_leave(request);
        if (connection->state == MTR_HTTP_CLOSED) return; /* and its queue is gone */
    }
    if (connection->is_writing) {
        if (!http_connection_settle_sending(connection, http_connection_waiting(connection)))
            http_connection_close(connection, true);
    } else if (connection->state == MTR_HTTP_LINGERING) {
        if (now >= connection->read_deadline_ms) http_connection_close(connection, false);
    } else if (connection->state == MTR_HTTP_READING) {
        sweep_reading(connection, now);
    }
}

/* The system takes no more than it can soon send: a slow reader's bytes leave in small steps that show how
 * slow it is, and the rest of its answer is not even made. */
static void limit_unsent(struct mtr_http_connection *connection)
{
    const int bytes = MTR_HTTP_UNSENT_BYTES;
    uv_os_fd_t fd;
    if (uv_fileno((const uv_handle_t *)&connection->tcp, &fd)) return;
    if (setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &bytes, sizeof(bytes))) return; /* it is an economy */
}

static void tell_full(struct mtr_http_connection *connection, const char *detail)
{
    static const char head[] = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\n"
                               "Content-Type: application/problem+json\r\nContent-Length: %zu\r\n\r\n%s";
    char body[200];
    snprintf(body, sizeof(body),
             "{\"type\":\"about:blank\",\"title\":\"Service Unavailable\",\"status\":503,"
             "\"code\":\"request.busy\",\"detail\":\"%s\"}",
             detail);
    /* A handshake is not made for it. */
    if (connection->server->tls || mtr_buffer_printf(&connection->output, head, strlen(body), body))
        http_connection_close(connection, true);
    else http_connection_finish(connection);
}

static mtr_owner owner_of(const struct mtr_http_connection *connection)
{
    struct sockaddr_storage address = {0};
    int size = sizeof(address);
    (void)uv_tcp_getpeername(&connection->tcp, (struct sockaddr *)&address, &size); /* gone: of no family */
    return mtr_owner_of_address((const struct sockaddr *)&address);
}

/* One address has no more than are free. */
static bool has_room(struct mtr_http_connection *connection)
{
    struct mtr_http_server *server = connection->server;
    connection->owner = owner_of(connection);
    connection->is_counted = !mtr_lanes_put(&server->addresses, connection->owner, &connection->of_address);
    return connection->is_counted;
}

void http_connection_accept(struct mtr_http_server *server)
{
    bool is_full = server->stats.connections >= server->options.connections_max;
    server->accept_waits = is_full && server->refusing >= MTR_HTTP_REFUSALS_MAX;
    if (server->accept_waits) return; /* libuv stops listening until the next accept */
    struct mtr_http_connection *connection = calloc(1, sizeof(*connection));
    if (!connection) {
        server->accept_waits = true;
        return;
    }
    connection->server = server;
    connection->last_counter = &server->answers;
    connection->is_refused = true; /* until it is seen to have room */
    connection->send_slack_ms = server->options.send_timeout_ms;
    uv_tcp_init(server->loop, &connection->tcp);
    mtr_buffer_init(&connection->unread, MTR_HTTP_READ_BYTES);
    mtr_buffer_init(&connection->output, MTR_HTTP_OUTPUT_BYTES_MAX);
    mtr_buffer_init(&connection->writing, MTR_HTTP_OUTPUT_BYTES_MAX);
    mtr_buffer_init(&connection->moved, SIZE_MAX / 4);
    mtr_buffer_init(&connection->writing_moved, SIZE_MAX / 4);
    http_parser_init(&connection->parser, server->options.url_bytes_max, server->options.header_bytes_max);
    connection->next = server->connections;
    if (server->connections) server->connections->previous = connection;
    server->connections = connection;
    server->refusing++;
    if (uv_accept((uv_stream_t *)&server->listener, (uv_stream_t *)&connection->tcp)) {
        http_connection_close(connection, false);
        return;
    }
    server->stats.connections_total++;
    uv_tcp_nodelay(&connection->tcp, 1);
    limit_unsent(connection);
    connection->read_deadline_ms = now_ms(connection) + (server->tls ? server->options.header_timeout_ms
                                                                     : server->options.idle_timeout_ms);
    if (!is_full && has_room(connection)) {
        connection->is_refused = false;
        server->refusing--;
        server->stats.connections++;
        if (server->tls && tls_session_open(server->tls, &connection->tls)) {
            http_connection_close(connection, true);
            return;
        }
        start_reading(connection);
        return;
    }
    server->stats.connections_refused++;
    if (server->refusing > MTR_HTTP_REFUSALS_MAX) http_connection_close(connection, true);
    else tell_full(connection, is_full ? "too many connections now" : "too many connections of this address");
}
