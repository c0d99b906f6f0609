/*
 * Requests: their memory (pool, body accounting) and what handlers ask them.
 *
 * Invariants:
 *   1  A request goes back to the pool when neither the connection's queue (is_queued) nor the handler
 *      (is_handlers) holds it, and only then.
 *   2  server->bodies is the sum of body_counted: the memory of all bodies that are not answered yet.
 *   3  Growing past body_bytes_total_max refuses the request that wanted to grow (503), which frees what it
 *      held: no request waits for another's memory.
 */
#include "lib/net/http_internal.h"
#include "lib/net/tls/tls_session.h"

#include <stdlib.h>
#include <string.h>

enum { BODY_FIRST_BYTES = 4096, ADDED_BYTES_MAX = 4096 };

struct mtr_http_request *http_request_new(struct mtr_http_connection *connection)
{
    struct mtr_http_server *server = connection->server;
    struct mtr_http_request *request = server->pool;
    if (request) {
        server->pool = request->next;
        server->pooled--;
    } else {
        request = calloc(1, sizeof(*request));
        if (!request) return NULL;
        request->server = server;
        mtr_buffer_init(&request->head.bytes, server->options.header_bytes_max);
        mtr_buffer_init(&request->body, SIZE_MAX / 4);
        mtr_buffer_init(&request->added, ADDED_BYTES_MAX);
        mtr_buffer_init(&request->answer, MTR_HTTP_OUTPUT_BYTES_MAX);
        mtr_buffer_init(&request->moved, SIZE_MAX / 4);
    }
    request->next = NULL;
    request->connection = connection;
    request->owner = connection->owner;
    request->answer_counter = &connection->server->answers;
    request->state = MTR_HTTP_REQUEST_HEAD;
    request->is_queued = request->is_handlers = request->answer_done = request->close_after =
        request->reset_after = false;
    request->is_chunked = request->wants_continue = request->waits_for_drain = request->is_left = false;
    request->sends_body = true;
    request->body_limit = server->options.body_bytes_max;
    request->deadline_ms = 0;
    request->context = NULL;
    request->on_drain = NULL;
    server->requests++;
    return request;
}

void http_request_drop_body(struct mtr_http_request *request)
{
    http_buffer_empty(&request->body);
    struct mtr_http_server *server = request->server;
    mtr_shares_give(&server->bodies, request->body_owner, request->body_counted);
    if (server->options.body_memory)
        mtr_byte_budget_give(server->options.body_memory, request->body_counted);
    request->body_counted = 0;
}

void http_request_unhold(struct mtr_http_request *request)
{
    struct mtr_http_server *server = request->server;
    if (request->is_queued || request->is_handlers) return;
    MTR_ASSERT(!request->in_drains);
    http_request_drop_body(request);
    http_buffer_empty(&request->head.bytes);
    http_buffer_empty(&request->added);
    http_buffer_empty(&request->answer);
    mtr_buffer_release(&request->moved);
    request->connection = NULL;
    MTR_ASSERT(server->requests > 0);
    server->requests--;
    if (!server->is_closed && server->pooled < MTR_HTTP_POOL_MAX) {
        request->next = server->pool;
        server->pool = request;
        server->pooled++;
        return;
    }
    mtr_buffer_release(&request->head.bytes);
    mtr_buffer_release(&request->body);
    mtr_buffer_release(&request->added);
    mtr_buffer_release(&request->answer);
    free(request);
    http_server_maybe_free(server);
}

/* The capacity to grow to: doubling, but never past what the request can still need. */
static size_t wanted_capacity(const struct mtr_http_request *request, size_t needed)
{
    size_t end = request->head.is_chunked ? request->body_limit : (size_t)request->head.content_length;
    end += MTR_HTTP_BODY_PADDING_BYTES;
    size_t capacity = request->body.capacity > BODY_FIRST_BYTES ? request->body.capacity : BODY_FIRST_BYTES;
    while (capacity < needed) capacity *= 2;
    if (capacity > end && end >= needed) capacity = end;
    return capacity;
}

int http_request_add_body(void *context, const char *data, size_t size)
{
    struct mtr_http_request *request = context;
    struct mtr_http_server *server = request->server;
    struct mtr_buffer *body = &request->body;
    if (size > request->body_limit - body->size) return 413;
    size_t needed = body->size + size + MTR_HTTP_BODY_PADDING_BYTES;
    size_t capacity = needed > body->capacity ? wanted_capacity(request, needed) : body->capacity;
    if (capacity > request->body_counted) {
        size_t more = capacity - request->body_counted;
        struct mtr_byte_budget *memory = server->options.body_memory;
        if (!request->body_counted) request->body_owner = request->owner;
        if (!mtr_shares_take(&server->bodies, request->body_owner, more)) return 503;
        if (memory && !mtr_byte_budget_take(memory, more)) {
            mtr_shares_give(&server->bodies, request->body_owner, more);
            return 503;
        }
        request->body_counted = capacity;
    }
    if (capacity > body->capacity) {
        char *grown = realloc(body->data, capacity);
        if (!grown) return 503;
        body->data = grown;
        body->capacity = capacity;
    }
    memcpy(body->data + body->size, data, size);
    body->size += size;
    memset(body->data + body->size, 0, MTR_HTTP_BODY_PADDING_BYTES);
    return 0;
}

enum mtr_http_method mtr_http_request_method(const struct mtr_http_request *request)
{
    return request->head.method;
}

struct mtr_str mtr_http_request_path(const struct mtr_http_request *request)
{
    return request->head.path;
}

struct mtr_str mtr_http_request_query(const struct mtr_http_request *request)
{
    return request->head.query;
}

bool mtr_http_request_header(const struct mtr_http_request *request, const char *name, struct mtr_str *out)
{
    struct mtr_str wanted = mtr_str_from(name);
    for (uint32_t i = 0; i < request->head.header_count; i++) {
        if (!mtr_str_equal(request->head.headers[i].name, wanted)) continue;
        *out = request->head.headers[i].value;
        return true;
    }
    return false;
}

uint32_t mtr_http_request_header_count(const struct mtr_http_request *request)
{
    return request->head.header_count;
}

struct mtr_http_header mtr_http_request_header_at(const struct mtr_http_request *request, uint32_t index)
{
    MTR_ASSERT(index < request->head.header_count);
    return request->head.headers[index];
}

uint64_t mtr_http_request_body_bytes(const struct mtr_http_request *request)
{
    return request->body.size;
}

void mtr_http_request_take_body(struct mtr_http_request *request, struct mtr_buffer *out)
{
    MTR_ASSERT(request->state == MTR_HTTP_REQUEST_HANDLER);
    size_t size_max = request->body.size_max;
    *out = request->body;
    mtr_buffer_init(&request->body, size_max);
}

void mtr_http_request_limit_body(struct mtr_http_request *request, size_t bytes_max)
{
    MTR_ASSERT(request->state == MTR_HTTP_REQUEST_ON_HEADERS);
    request->body_limit = bytes_max;
}

void mtr_http_request_set_context(struct mtr_http_request *request, void *context)
{
    request->context = context;
}

void *mtr_http_request_context(const struct mtr_http_request *request)
{
    return request->context;
}

struct mtr_str mtr_http_request_subject(const struct mtr_http_request *request)
{
    const struct tls_session *tls = request->connection ? request->connection->tls : NULL;
    return tls ? mtr_str_from(tls->subject) : (struct mtr_str){NULL, 0};
}

void mtr_http_request_set_owner(struct mtr_http_request *request, mtr_owner owner)
{
    request->owner = owner;
}

void mtr_http_request_count_apart(struct mtr_http_request *request)
{
    request->answer_counter = &request->server->answers_apart;
}

mtr_owner mtr_http_request_owner(const struct mtr_http_request *request)
{
    return request->owner;
}

bool mtr_http_request_is_gone(const struct mtr_http_request *request)
{
    return !request->connection;
}

void http_connection_peer(const struct mtr_http_connection *connection, char text[MTR_HTTP_PEER_BYTES])
{
    static const char mapped[] = "::ffff:";
    struct sockaddr_storage peer;
    int size = sizeof(peer);
    if (uv_tcp_getpeername(&connection->tcp, (struct sockaddr *)&peer, &size) ||
        uv_ip_name((const struct sockaddr *)&peer, text, MTR_HTTP_PEER_BYTES)) {
        text[0] = '\0';
        return;
    }
    const size_t prefix = sizeof(mapped) - 1;
    if (strncmp(text, mapped, prefix) == 0 && strchr(text + prefix, '.'))
        memmove(text, text + prefix, strlen(text + prefix) + 1);
}

void mtr_http_request_peer(const struct mtr_http_request *request, char text[MTR_HTTP_PEER_BYTES])
{
    text[0] = '\0';
    if (request->connection) http_connection_peer(request->connection, text);
}
