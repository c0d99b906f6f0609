/*
 * Output: from answered requests into the connection's buffers, and from there to the peer.
 *
 *   request.answer, request.moved ─▶ connection.output, connection.moved ─ try_write ─▶ peer
 *                                              └─ the rest ─▶ writing, writing_moved (libuv's until
 *                                                             on_written)
 *
 * Invariants:
 *   1  `moved` leaves after `output`; nothing is gathered behind a `moved`.
 *   2  One write stands at a time, and while it does the connection is not read.
 *   3  Only the first request of the queue ever adds output.
 *   4  After a flush, and after the close, answer_counted is the memory of the answers that the connection
 *      and its queue hold. (What is kept empty for the next answer is not counted.)
 *   5  The slack runs only while a write stands: a reader never pays for an answer that is still being made.
 */
#include "lib/net/http_internal.h"

#include <string.h>

/* Appends, or swaps where that saves the copy. */
static int take_answer(struct mtr_http_connection *connection, struct mtr_buffer *answer)
{
    if (connection->output.size == 0) {
        struct mtr_buffer empty = connection->output;
        connection->output = *answer;
        *answer = empty;
        return MTR_OK;
    }
    int rc = mtr_buffer_append_str(&connection->output, mtr_buffer_str(answer));
    mtr_buffer_reset(answer);
    return rc;
}

void http_connection_dequeue(struct mtr_http_connection *connection)
{
    struct mtr_http_request *request = connection->first;
    connection->first = request->next;
    if (!connection->first) connection->last = NULL;
    request->next = NULL;
    request->is_queued = false;
    connection->last_owner = request->owner;
    connection->last_counter = request->answer_counter;
    MTR_ASSERT(connection->queued > 0);
    connection->queued--;
    http_request_unhold(request);
}

/* One request's worth. True: the next one may follow. */
static bool gather(struct mtr_http_connection *connection)
{
    struct mtr_http_request *request = connection->first;
    if (!request || connection->moved.size > 0) return false;
    int rc = MTR_OK;
    if (request->wants_continue && request->state == MTR_HTTP_REQUEST_BODY)
        rc = mtr_buffer_append_str(&connection->output, MTR_STR("HTTP/1.1 100 Continue\r\n\r\n"));
    request->wants_continue = false;
    if (!rc && request->answer.size > 0) rc = take_answer(connection, &request->answer);
    if (rc) {
        http_connection_close(connection, true);
        return false;
    }
    if (request->moved.size > 0) {
        connection->moved = request->moved;
        mtr_buffer_init(&request->moved, connection->moved.size_max);
    }
    if (!request->answer_done) return false;
    bool closes = request->close_after || connection->server->is_draining;
    connection->reset_after = connection->reset_after || request->reset_after;
    http_connection_dequeue(connection);
    if (closes) {
        http_connection_orphan(connection); /* what was sent behind it gets no answer */
        http_connection_finish(connection);
    }
    return connection->output.size < MTR_HTTP_STREAM_BYTES;
}

void http_connection_gather(struct mtr_http_connection *connection)
{
    while (gather(connection)) continue;
}

static size_t memory_of(const struct mtr_buffer *buffer)
{
    return buffer->size ? buffer->capacity : 0;
}

void http_connection_count_answers(struct mtr_http_connection *connection)
{
    size_t bytes = 0;
    if (connection->state != MTR_HTTP_CLOSED) {
        bytes = memory_of(&connection->output) + memory_of(&connection->moved) +
                memory_of(&connection->writing) + memory_of(&connection->writing_moved) +
                http_tls_memory(connection);
        for (const struct mtr_http_request *request = connection->first; request; request = request->next)
            bytes += memory_of(&request->answer) + memory_of(&request->moved);
    }
    if (connection->answer_counted)
        mtr_shares_give(connection->answer_counter, connection->answer_owner, connection->answer_counted);
    connection->answer_owner = connection->first ? connection->first->owner : connection->last_owner;
    connection->answer_counter =
        connection->first ? connection->first->answer_counter : connection->last_counter;
    if (bytes) mtr_shares_note(connection->answer_counter, connection->answer_owner, bytes);
    connection->answer_counted = bytes;
}

bool http_connection_settle_sending(struct mtr_http_connection *connection, size_t waiting)
{
    const struct mtr_http_server_options *options = &connection->server->options;
    const uint64_t now_ms = uv_now(connection->server->loop);
    const size_t sent = connection->write_queue_seen > waiting ? connection->write_queue_seen - waiting : 0;
    int64_t slack_ms = connection->send_slack_ms - (int64_t)(now_ms - connection->send_seen_ms);
    if (options->send_rate_min) slack_ms += (int64_t)((uint64_t)sent * 1000 / options->send_rate_min);
    else if (sent) slack_ms = options->send_timeout_ms;
    if (slack_ms > (int64_t)options->send_timeout_ms) slack_ms = options->send_timeout_ms;
    connection->send_slack_ms = slack_ms;
    connection->send_seen_ms = now_ms;
    connection->write_queue_seen = waiting;
    return slack_ms > 0;
}

void http_buffer_empty(struct mtr_buffer *buffer)
{
    mtr_buffer_reset(buffer);
    if (buffer->capacity > MTR_HTTP_KEPT_BYTES) mtr_buffer_release(buffer);
}

void http_connection_begin_write(struct mtr_http_connection *connection)
{
    struct mtr_buffer spare = connection->writing;
    connection->writing = connection->output;
    connection->output = spare;
    connection->writing_moved = connection->moved;
    mtr_buffer_init(&connection->moved, connection->writing_moved.size_max);
}

void http_connection_end_write(struct mtr_http_connection *connection)
{
    connection->is_writing = false;
    http_buffer_empty(&connection->writing);
    mtr_buffer_release(&connection->writing_moved);
}

void http_connection_written(struct mtr_http_connection *connection, int status)
{
    http_connection_settle_sending(connection, 0);
    http_connection_end_write(connection);
    if (status < 0) http_connection_close(connection, false);
    else http_connection_mark(connection);
}

static void on_written(uv_write_t *write, int status)
{
    http_connection_written(write->data, status);
}

size_t http_connection_waiting(const struct mtr_http_connection *connection)
{
    const size_t bytes = uv_stream_get_write_queue_size((const uv_stream_t *)&connection->tcp);
    return connection->tls ? bytes + http_tls_waiting(connection) : bytes;
}

void http_connection_write_stands(struct mtr_http_connection *connection)
{
    connection->is_writing = true;
    connection->write_queue_seen = http_connection_waiting(connection);
    connection->send_seen_ms = uv_now(connection->server->loop);
    http_connection_stop_reading(connection);
}

/* What try_write left goes to libuv. */
static int write_rest(struct mtr_http_connection *connection, size_t written)
{
    http_connection_begin_write(connection);
    uv_buf_t parts[2];
    unsigned count = 0;
    size_t skip = written < connection->writing.size ? written : connection->writing.size;
    if (skip < connection->writing.size)
        parts[count++] =
            uv_buf_init(connection->writing.data + skip, (unsigned)(connection->writing.size - skip));
    skip = written - skip;
    if (skip < connection->writing_moved.size)
        parts[count++] = uv_buf_init(connection->writing_moved.data + skip,
                                     (unsigned)(connection->writing_moved.size - skip));
    connection->write.data = connection;
    int rc = uv_write(&connection->write, (uv_stream_t *)&connection->tcp, parts, count, on_written);
    if (!rc) http_connection_write_stands(connection);
    return rc;
}

/* True: all of it has left. */
static bool write_out(struct mtr_http_connection *connection)
{
    if (connection->tls) return http_tls_write(connection);
    size_t size = connection->output.size + connection->moved.size;
    if (size == 0) return true;
    MTR_ASSERT(connection->output.size <= INT32_MAX && connection->moved.size <= UINT32_MAX);
    uv_buf_t parts[2] = {uv_buf_init(connection->output.data, (unsigned)connection->output.size),
                         uv_buf_init(connection->moved.data, (unsigned)connection->moved.size)};
    int written = uv_try_write((uv_stream_t *)&connection->tcp, parts, connection->moved.size ? 2 : 1);
    if (written == UV_EAGAIN) written = 0;
    if (written >= 0 && (size_t)written == size) {
        http_buffer_empty(&connection->output);
        mtr_buffer_release(&connection->moved);
        return true;
    }
    if (written < 0 || write_rest(connection, (size_t)written)) http_connection_close(connection, false);
    return false;
}

static void flush(struct mtr_http_connection *connection)
{
    if (connection->tls && !connection->is_writing && !http_tls_turn(connection)) return;
    while (connection->state != MTR_HTTP_CLOSED && !connection->is_writing) {
        http_connection_gather(connection);
        if (connection->state == MTR_HTTP_CLOSED) return;
        bool had_output = connection->output.size + connection->moved.size > 0;
        if (!write_out(connection)) return;
        if (!had_output || !connection->first) break;
    }
    if (connection->state == MTR_HTTP_CLOSED || connection->is_writing) return;
    if (connection->first && connection->first->waits_for_drain) http_drains_add(connection->first);
    http_connection_resume(connection);
}

void http_connection_flush(struct mtr_http_connection *connection)
{
    flush(connection);
    http_connection_count_answers(connection);
}
