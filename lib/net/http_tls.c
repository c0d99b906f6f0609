/*
 * TLS between a connection and its socket, where its server has a certificate.
 *
 *   socket ─▶ on_read ─▶ session ─▶ http_connection_consume        connection.writing ─▶ session ─▶ socket
 *
 * Invariants:
 *   1  Of ciphertext at most one read is kept: while hands are shaken, and while the queue is full, the
 *      socket is not read before it is taken.
 *   2  A write makes one piece of its plain text ciphertext at a time, and the next when that has left: of a
 *      large answer the rest waits as it is. While a write stands nothing is read, so that nothing else is
 *      said meanwhile.
 *   3  Of handshakes, which cost what dozens of requests do, the loop takes few in a turn: a crowd of
 *      strangers waits for its own.
 *   4  A connection whose session has failed says its alert, if there is one, and nothing else.
 */
#include "lib/net/http_internal.h"

#include <stdio.h>
#include <string.h>

#include "lib/net/tls/tls_session.h"

enum { PIECES_MAX = 8 /* that leave in one turn of the loop, before the others have theirs */ };

bool http_tls_is_shaking(const struct mtr_http_connection *connection)
{
    return connection->tls && connection->tls->is_shaking && !connection->tls->has_failed;
}

size_t http_tls_memory(const struct mtr_http_connection *connection)
{
    const struct tls_session *tls = connection->tls;
    if (!tls) return 0;
    return (tls->out.size ? tls->out.capacity : 0) + (tls->sending.size ? tls->sending.capacity : 0);
}

/* ---- in ---- */

static void tell_peer(struct mtr_http_connection *connection)
{
    struct mtr_http_server *server = connection->server;
    char address[MTR_HTTP_PEER_BYTES];
    server->stats.handshakes_failed_total++;
    if (!server->handler.on_tls_failure) return;
    http_connection_peer(connection, address);
    server->handler.on_tls_failure(server->handler.context, address[0] ? address : "somebody who is gone",
                                   connection->tls->failure);
}

/* What waits to be said is not said any more. */
static void fail(struct mtr_http_connection *connection)
{
    tell_peer(connection);
    connection->tls->has_failed = true;
    http_connection_orphan(connection);
    http_buffer_empty(&connection->output);
    mtr_buffer_release(&connection->moved);
    http_connection_finish(connection);
}

/* Somebody who speaks HTTP to it in the clear, by mistake, is told; no other first byte is a letter. */
static bool is_clear(const struct tls_session *tls)
{
    return tls->given.size && tls->given.data[0] >= 'A' && tls->given.data[0] <= 'Z';
}

#define CLEAR_HEAD                                                                                           \
    "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: application/problem+json\r\n"            \
    "Content-Length: 138\r\n\r\n"
#define CLEAR_BODY                                                                                           \
    "{\"type\":\"about:blank\",\"title\":\"Bad Request\",\"status\":400,\"code\":\"request.http\","          \
    "\"detail\":\"this port speaks TLS: write https:// in the URL\"}"
_Static_assert(sizeof(CLEAR_BODY) - 1 == 138, "as its Content-Length says");

static void refuse_clear(struct mtr_http_connection *connection)
{
    static const char text[] = CLEAR_HEAD CLEAR_BODY;
    tls_session_fail(connection->tls, "it speaks HTTP in the clear");
    if (mtr_buffer_append(&connection->tls->out, text, sizeof(text) - 1))
        http_connection_close(connection, true);
    else fail(connection);
}

static void after_handshake(struct mtr_http_connection *connection)
{
    connection->server->stats.handshakes_total++;
    connection->read_deadline_ms =
        uv_now(connection->server->loop) + connection->server->options.idle_timeout_ms;
}

/* All that can be taken now. */
static void take(struct mtr_http_connection *connection)
{
    struct mtr_http_server *server = connection->server;
    struct tls_session *tls = connection->tls;
    enum tls_took took = TLS_DATA;
    while (took == TLS_DATA && connection->state == MTR_HTTP_READING && !connection->unread.size) {
        size_t size = 0;
        const bool was_shaking = tls->is_shaking;
        took = tls_session_take(tls, server->plain, TLS_RECORD_BYTES, &size);
        if (was_shaking && !tls->is_shaking) after_handshake(connection);
        if (took == TLS_DATA) http_connection_consume(connection, server->plain, size);
        else if (took == TLS_END) http_connection_end(connection);
        else if (took == TLS_FAILED) fail(connection);
    }
    if (tls->out.size) http_connection_mark(connection);
}

void http_tls_on_read(struct mtr_http_connection *connection, struct mtr_str bytes)
{
    struct tls_session *tls = connection->tls;
    int rc = tls_session_give(tls, bytes);
    if (!rc && !tls->has_begun) {
        tls->has_begun = true;
        if (is_clear(tls)) {
            refuse_clear(connection);
            return;
        }
    }
    if (!rc && !tls->is_shaking) take(connection);
    if (!rc) rc = tls_session_keep(tls);
    if (rc) {
        http_connection_close(connection, true);
        return;
    }
    if (!tls->is_shaking || connection->state != MTR_HTTP_READING) return;
    http_connection_stop_reading(connection); /* until it has had its turn */
    http_connection_mark(connection);
}

bool http_tls_turn(struct mtr_http_connection *connection)
{
    struct mtr_http_server *server = connection->server;
    struct tls_session *tls = connection->tls;
    if (!http_tls_is_shaking(connection) || !tls->given.size) return true;
    if (!server->shakes_left) {
        http_connection_mark(connection);
        return false;
    }
    server->shakes_left--;
    take(connection);
    if (tls_session_keep(tls)) http_connection_close(connection, true);
    return connection->state != MTR_HTTP_CLOSED;
}

bool http_tls_resume(struct mtr_http_connection *connection)
{
    struct tls_session *tls = connection->tls;
    if (tls->is_shaking || tls->has_failed || !tls_session_has_more(tls)) return true;
    take(connection);
    if (tls_session_keep(tls)) http_connection_close(connection, true);
    return connection->state == MTR_HTTP_READING && !connection->unread.size && !tls->out.size;
}

void http_tls_time_out(struct mtr_http_connection *connection)
{
    tls_session_fail(connection->tls, "its handshake took too long");
    tell_peer(connection);
    http_connection_close(connection, true);
}

/* ---- out ---- */

size_t http_tls_waiting(const struct mtr_http_connection *connection)
{
    const struct tls_session *tls = connection->tls;
    return tls->plain[0].size + tls->plain[1].size;
}

/* The next piece of plain text, where nothing else is to leave. */
static int make_piece(struct tls_session *tls)
{
    struct mtr_str *from = tls->plain[0].size ? &tls->plain[0] : &tls->plain[1];
    if (tls->out.size || !from->size) return MTR_OK;
    const size_t size = from->size < TLS_PIECE_BYTES ? from->size : TLS_PIECE_BYTES;
    const int rc = tls_session_put(tls, (struct mtr_str){from->data, size});
    from->data += size;
    from->size -= size;
    return rc;
}

static bool pump(struct mtr_http_connection *connection);

static void on_piece_written(uv_write_t *write, int status)
{
    struct mtr_http_connection *connection = write->data;
    http_buffer_empty(&connection->tls->sending);
    if (status == 0 && connection->state != MTR_HTTP_CLOSED && !pump(connection)) return;
    http_connection_written(connection, status);
}

/* What try_write left of a piece goes to libuv, and the connection waits. */
static int write_rest(struct mtr_http_connection *connection, size_t written)
{
    struct tls_session *tls = connection->tls;
    const struct mtr_buffer spare = tls->sending;
    tls->sending = tls->out;
    tls->out = spare;
    uv_buf_t rest = uv_buf_init(tls->sending.data + written, (unsigned)(tls->sending.size - written));
    connection->write.data = connection;
    const int rc = uv_write(&connection->write, (uv_stream_t *)&connection->tcp, &rest, 1, on_piece_written);
    if (rc) return rc;
    if (tls->is_standing) http_connection_settle_sending(connection, http_connection_waiting(connection));
    else http_connection_write_stands(connection);
    tls->is_standing = true;
    return 0;
}

/* True: nothing is left of the write. Else libuv has a piece, or the connection is closed. */
static bool pump(struct mtr_http_connection *connection)
{
    struct tls_session *tls = connection->tls;
    for (unsigned pieces = 0;; pieces++) {
        int rc = make_piece(tls);
        if (!rc && !tls->out.size) return true;
        uv_buf_t piece = uv_buf_init(tls->out.data, (unsigned)tls->out.size);
        int written = rc || pieces == PIECES_MAX
                          ? UV_EAGAIN
                          : uv_try_write((uv_stream_t *)&connection->tcp, &piece, 1);
        if (written == UV_EAGAIN) written = 0;
        if (!rc && written >= 0 && (size_t)written == tls->out.size) {
            http_buffer_empty(&tls->out);
            continue;
        }
        if (!rc && written >= 0) rc = write_rest(connection, (size_t)written);
        if (rc || written < 0) http_connection_close(connection, false);
        return false;
    }
}

bool http_tls_write(struct mtr_http_connection *connection)
{
    struct tls_session *tls = connection->tls;
    if (!tls->out.size && connection->output.size + connection->moved.size == 0) return true;
    http_connection_begin_write(connection);
    tls->plain[0] = mtr_buffer_str(&connection->writing);
    tls->plain[1] = mtr_buffer_str(&connection->writing_moved);
    tls->is_standing = false;
    connection->is_writing = true;
    if (!pump(connection)) return false;
    http_connection_end_write(connection);
    /* Memory that is kept for the next answer is that of one buffer, as in the clear. */
    const struct mtr_buffer spare = connection->output;
    connection->output = connection->writing;
    connection->writing = spare;
    mtr_buffer_release(&tls->out);
    return true;
}

bool http_tls_end(struct mtr_http_connection *connection)
{
    tls_session_end(connection->tls);
    return http_tls_write(connection);
}

void http_tls_farewell(struct mtr_http_connection *connection)
{
    struct tls_session *tls = connection->tls;
    if (connection->is_writing) return;
    tls_session_end(tls);
    uv_buf_t last = uv_buf_init(tls->out.data, (unsigned)tls->out.size);
    if (tls->out.size) (void)uv_try_write((uv_stream_t *)&connection->tcp, &last, 1);
    mtr_buffer_release(&tls->out);
}
