/*
 * Answers of unknown length, and telling their writers when more may come.
 *
 *   HANDLER ─ respond_begin ─▶ STREAMING ─ respond_end, respond_abort ─▶ ANSWERED
 *
 * Invariants:
 *   1  A stream that has MTR_HTTP_STREAM_BYTES waiting is told MTR_EAGAIN, and is put on server->drains once
 *      they have left, or the peer has: one piece waits, never two.
 *   2  server->drains is walked by the server's prepare hook alone, so on_drain never comes from inside
 *      chunk.
 *   3  The last chunk is written by respond_end only: a body without it broke off. HTTP/1.0 knows no chunks:
 *      there a reset tells.
 */
#include "lib/net/http_internal.h"

#include <stdio.h>

enum { CHUNK_FRAMING_BYTES = 32 };

void http_drains_add(struct mtr_http_request *request)
{
    if (request->in_drains) return;
    request->in_drains = true;
    request->next_drain = request->server->drains;
    request->server->drains = request;
}

void http_drains_remove(struct mtr_http_request *request)
{
    if (!request->in_drains) return;
    struct mtr_http_request **link = &request->server->drains;
    while (*link != request) link = &(*link)->next_drain;
    *link = request->next_drain;
    request->in_drains = false;
}

void http_drains_run(struct mtr_http_server *server)
{
    /* Counted first: an on_drain that fills its stream again is due in the next round. */
    size_t due = 0;
    for (struct mtr_http_request *request = server->drains; request; request = request->next_drain) due++;
    for (; due > 0 && server->drains; due--) {
        struct mtr_http_request *request = server->drains;
        http_drains_remove(request);
        request->waits_for_drain = false;
        if (request->on_drain) request->on_drain(request->drain_context, request);
    }
}

void mtr_http_respond_begin(struct mtr_http_request *request, unsigned status,
                            const struct mtr_http_header *headers, uint32_t header_count,
                            void (*on_drain)(void *context, struct mtr_http_request *request), void *context)
{
    MTR_ASSERT(request->state == MTR_HTTP_REQUEST_HANDLER && status != 204 && status != 304);
    request->state = MTR_HTTP_REQUEST_STREAMING;
    request->deadline_ms = 0;
    request->is_chunked = !request->head.is_http10;
    request->close_after = request->head.is_http10; /* its end is the connection's */
    request->on_drain = on_drain;
    request->drain_context = context;
    struct mtr_http_connection *connection = request->connection;
    if (!connection) return;
    if (http_write_head(request, status, headers, header_count, -1))
        http_connection_close(connection, true);
    else http_connection_mark(connection);
}

static int append_chunk(struct mtr_http_request *request, struct mtr_buffer *out, struct mtr_str chunk)
{
    int rc = mtr_buffer_reserve(out, chunk.size + CHUNK_FRAMING_BYTES);
    if (!rc && request->is_chunked) rc = mtr_buffer_printf(out, "%zx\r\n", chunk.size);
    if (!rc) rc = mtr_buffer_append_str(out, chunk);
    if (!rc && request->is_chunked) rc = mtr_buffer_append(out, "\r\n", 2);
    return rc;
}

int mtr_http_respond_chunk(struct mtr_http_request *request, struct mtr_str chunk)
{
    MTR_ASSERT(request->state == MTR_HTTP_REQUEST_STREAMING);
    struct mtr_http_connection *connection = request->connection;
    if (!connection) return MTR_ECLOSED;
    if (!request->sends_body || chunk.size == 0) return MTR_OK;
    struct mtr_buffer *out = http_answer_target(request);
    int rc = append_chunk(request, out, chunk);
    if (rc) return MTR_ENOMEM;
    http_connection_mark(connection);
    if (out->size < MTR_HTTP_STREAM_BYTES) return MTR_OK;
    request->waits_for_drain = true;
    return MTR_EAGAIN;
}

void mtr_http_respond_end(struct mtr_http_request *request)
{
    MTR_ASSERT(request->state == MTR_HTTP_REQUEST_STREAMING);
    struct mtr_http_connection *connection = request->connection;
    if (connection && request->is_chunked && request->sends_body &&
        mtr_buffer_append(http_answer_target(request), "0\r\n\r\n", 5))
        http_connection_close(connection, true);
    http_answered(request);
}

void mtr_http_respond_abort(struct mtr_http_request *request)
{
    MTR_ASSERT(request->state == MTR_HTTP_REQUEST_STREAMING);
    request->close_after = true;
    request->reset_after = !request->is_chunked;
    http_answered(request);
}
