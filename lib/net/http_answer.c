/*
 * Answers: heads, bodies, problem documents; the server's own refusals.
 *
 * Invariants:
 *   1  The answer of the first request in the queue is written straight into the connection's output; those
 *      behind it wait in their requests.
 *   2  After respond the request belongs to the connection alone, or to nobody: nothing here touches it
 *      afterwards.
 *   3  Every answer ends in http_answered, once.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/net/http_internal.h"
#include "meterd/core/json_writer.h"
#include "meterd/core/time.h"

enum { HEAD_FIXED_BYTES = 256, PROBLEM_BYTES_MAX = 64 << 10, RETRY_AFTER_S = 1, NUMBER_BYTES = 12 };

struct mtr_buffer *http_answer_target(struct mtr_http_request *request)
{
    struct mtr_http_connection *connection = request->connection;
    bool is_first = connection->first == request && request->answer.size == 0 && connection->moved.size == 0;
    return is_first ? &connection->output : &request->answer;
}

static struct mtr_str date_line(struct mtr_http_server *server)
{
    static const char weekdays[] = "MonTueWedThuFriSatSun", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct timespec now;
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    if (now.tv_sec != server->date_s || !server->date[0]) {
        struct mtr_civil civil = mtr_civil_from_s(now.tv_sec);
        unsigned weekday = mtr_weekday(now.tv_sec / 86400);
        snprintf(server->date, sizeof(server->date), "Date: %.3s, %02u %.3s %04d %02u:%02u:%02u GMT\r\n",
                 weekdays + 3 * (weekday - 1), civil.day % 100u, months + 3 * (civil.month - 1),
                 (int)civil.year % 10000, civil.hour % 100u, civil.minute % 100u, civil.second % 100u);
        server->date_s = now.tv_sec;
    }
    return mtr_str_from(server->date);
}

static char *put(char *at, struct mtr_str text)
{
    if (text.size) memcpy(at, text.data, text.size);
    return at + text.size;
}

static char *put_u64(char *at, uint64_t value)
{
    char digits[20];
    unsigned count = 0;
    do digits[count++] = (char)('0' + value % 10);
    while (value /= 10);
    while (count) *at++ = digits[--count];
    return at;
}

static size_t headers_size(const struct mtr_http_header *headers, uint32_t count)
{
    size_t size = 0;
    for (uint32_t i = 0; i < count; i++) {
        MTR_ASSERT(headers[i].name.size > 0 && !memchr(headers[i].name.data, '\n', headers[i].name.size));
        for (size_t j = 0; j < headers[i].value.size; j++) {
            char byte = headers[i].value.data[j];
            MTR_ASSERT(byte != '\r' && byte != '\n' && byte != '\0');
        }
        size += headers[i].name.size + headers[i].value.size + 4;
    }
    return size;
}

static char *put_headers(char *at, const struct mtr_http_header *headers, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        at = put(put(at, headers[i].name), MTR_STR(": "));
        at = put(put(at, headers[i].value), MTR_STR("\r\n"));
    }
    return at;
}

static bool closes(const struct mtr_http_request *request)
{
    return request->close_after || !request->head.keep_alive || request->server->is_draining;
}

int http_write_head(struct mtr_http_request *request, unsigned status, const struct mtr_http_header *headers,
                    uint32_t count, int64_t content_length)
{
    MTR_ASSERT(status >= 200 && status <= 599);
    struct mtr_str reason = mtr_str_from(mtr_http_reason(status));
    struct mtr_buffer *out = http_answer_target(request);
    int rc = mtr_buffer_reserve(out, HEAD_FIXED_BYTES + reason.size + request->added.size +
                                          headers_size(headers, count));
    if (rc) return rc;
    char *at = put(out->data + out->size, MTR_STR("HTTP/1.1 "));
    at = put(put_u64(at, status), MTR_STR(" "));
    at = put(put(at, reason), MTR_STR("\r\n"));
    at = put(at, date_line(request->server));
    if (content_length >= 0 && status != 204 && status != 304) {
        at = put_u64(put(at, MTR_STR("Content-Length: ")), (uint64_t)content_length);
        at = put(at, MTR_STR("\r\n"));
    } else if (request->is_chunked) {
        at = put(at, MTR_STR("Transfer-Encoding: chunked\r\n"));
    }
    if (closes(request)) at = put(at, MTR_STR("Connection: close\r\n"));
    else if (request->head.is_http10) at = put(at, MTR_STR("Connection: keep-alive\r\n"));
    at = put_headers(at, headers, count);
    at = put(put(at, mtr_buffer_str(&request->added)), MTR_STR("\r\n"));
    out->size = (size_t)(at - out->data);
    MTR_ASSERT(out->size <= out->capacity);
    return MTR_OK;
}

void http_answered(struct mtr_http_request *request)
{
    struct mtr_http_connection *connection = request->connection;
    if (request->is_handlers) request->server->stats.requests_in_flight--;
    request->is_handlers = false;
    request->answer_done = true;
    request->close_after = request->close_after || !request->head.keep_alive;
    request->state = MTR_HTTP_REQUEST_ANSWERED;
    http_request_drop_body(request);
    http_drains_remove(request);
    if (connection && connection->coming == request) connection->coming = NULL;
    http_request_unhold(request); /* stays while it is queued */
    if (connection) http_connection_mark(connection);
}

static void assert_answerable(const struct mtr_http_request *request)
{
    MTR_ASSERT(request->state == MTR_HTTP_REQUEST_HANDLER || request->state == MTR_HTTP_REQUEST_ON_HEADERS);
}

/* The request stays until it is answered, also where no handler has it and the queue lets it go. */
static void close_unanswered(struct mtr_http_request *request)
{
    const bool is_handlers = request->is_handlers;
    request->is_handlers = request->is_left = true;
    http_connection_close(request->connection, true);
    request->is_handlers = is_handlers;
}

/* The bytes of a whole answer; on failure the connection is closed. `body` (may be NULL) holds text and
 * may be taken. */
static void write_answer(struct mtr_http_request *request, unsigned status,
                         const struct mtr_http_header *headers, uint32_t header_count, struct mtr_str text,
                         struct mtr_buffer *body)
{
    struct mtr_http_connection *connection = request->connection;
    MTR_ASSERT(text.size == 0 || (status != 204 && status != 304));
    if (!connection) return;
    bool has_body_to_come = request->state == MTR_HTTP_REQUEST_ON_HEADERS &&
                            (request->head.is_chunked || request->head.content_length > 0);
    if (has_body_to_come) request->close_after = true;
    int rc = http_write_head(request, status, headers, header_count, (int64_t)text.size);
    if (!rc && request->sends_body && text.size > 0) {
        if (body && text.size > MTR_HTTP_MOVED_BYTES) {
            request->moved = *body;
            mtr_buffer_init(body, body->size_max);
        } else {
            rc = mtr_buffer_append_str(http_answer_target(request), text);
        }
    }
    if (rc) close_unanswered(request);
}

void mtr_http_respond(struct mtr_http_request *request, unsigned status,
                      const struct mtr_http_header *headers, uint32_t header_count, struct mtr_buffer *body)
{
    assert_answerable(request);
    write_answer(request, status, headers, header_count, body ? mtr_buffer_str(body) : (struct mtr_str){0},
                 body);
    if (body) mtr_buffer_reset(body);
    http_answered(request);
}

void mtr_http_respond_text(struct mtr_http_request *request, unsigned status, const char *content_type,
                           struct mtr_str body)
{
    assert_answerable(request);
    struct mtr_http_header header = {MTR_STR("Content-Type"), mtr_str_from(content_type)};
    write_answer(request, status, &header, 1, body, NULL);
    http_answered(request);
}

static int write_problem_body(struct mtr_buffer *out, unsigned status, enum mtr_finding_code code,
                              struct mtr_str detail)
{
    struct mtr_json_writer writer;
    mtr_json_begin(&writer, out);
    mtr_json_map(&writer);
    mtr_json_named_cstr(&writer, "type", "about:blank");
    mtr_json_named_cstr(&writer, "title", mtr_http_reason(status));
    mtr_json_named_u64(&writer, "status", status);
    mtr_json_named_cstr(&writer, "code", mtr_finding_kind(code)->code);
    mtr_json_named_text(&writer, "detail", detail);
    mtr_json_map_end(&writer);
    return mtr_json_finish(&writer);
}

static void write_problem_answer(struct mtr_http_request *request, unsigned status,
                                 enum mtr_finding_code code, struct mtr_str detail, uint32_t retry_after_s)
{
    char seconds[NUMBER_BYTES];
    MTR_ASSERT(code != MTR_FINDING_NONE);
    struct mtr_http_header headers[4] = {{MTR_STR("Content-Type"), MTR_STR("application/problem+json")},
                                         {MTR_STR("Cache-Control"), MTR_STR("no-store")}};
    uint32_t count = 2;
    snprintf(seconds, sizeof(seconds), "%u", (unsigned)retry_after_s);
    if (status == 401)
        headers[count++] = (struct mtr_http_header){MTR_STR("WWW-Authenticate"), MTR_STR("Bearer")};
    if (status == 429 || status == 503)
        headers[count++] = (struct mtr_http_header){MTR_STR("Retry-After"), mtr_str_from(seconds)};
    struct mtr_buffer body;
    mtr_buffer_init(&body, PROBLEM_BYTES_MAX);
    if (write_problem_body(&body, status, code, detail))
        mtr_buffer_reset(&body); /* the status alone says enough */
    write_answer(request, status, headers, count, mtr_buffer_str(&body), NULL);
    mtr_buffer_release(&body);
}

void mtr_http_problem(struct mtr_http_request *request, unsigned status, enum mtr_finding_code code,
                      struct mtr_str detail)
{
    assert_answerable(request);
    write_problem_answer(request, status, code, detail, RETRY_AFTER_S);
    http_answered(request);
}

void mtr_http_problem_after(struct mtr_http_request *request, unsigned status, enum mtr_finding_code code,
                            struct mtr_str detail, uint32_t retry_after_s)
{
    assert_answerable(request);
    write_problem_answer(request, status, code, detail, retry_after_s);
    http_answered(request);
}

void mtr_http_request_add_headers(struct mtr_http_request *request, const struct mtr_http_header *headers,
                                  uint32_t count)
{
    const size_t size = headers_size(headers, count);
    mtr_buffer_reset(&request->added);
    if (mtr_buffer_reserve(&request->added, size)) return;
    (void)put_headers(request->added.data, headers, count);
    request->added.size = size;
}

void mtr_http_problemf(struct mtr_http_request *request, unsigned status, enum mtr_finding_code code,
                       const char *format, ...)
{
    char detail[MTR_FINDING_TEXT_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(detail, sizeof(detail), format, args);
    va_end(args);
    mtr_http_problem(request, status, code, mtr_str_from(detail));
}

void http_request_abort(struct mtr_http_request *request)
{
    struct mtr_http_server *server = request->server;
    if (request->state != MTR_HTTP_REQUEST_BODY) return;
    request->state = MTR_HTTP_REQUEST_ANSWERED; /* the handler is told once */
    if (server->handler.on_abort && !server->is_closed)
        server->handler.on_abort(server->handler.context, request);
}

void http_request_leave(struct mtr_http_request *request)
{
    struct mtr_http_server *server = request->server;
    if (request->state != MTR_HTTP_REQUEST_HANDLER || request->is_left) return;
    request->is_left = true;
    if (server->handler.on_leave && !server->is_closed)
        server->handler.on_leave(server->handler.context, request);
}

void http_refuse(struct mtr_http_request *request, unsigned status, enum mtr_finding_code code,
                 const char *detail)
{
    struct mtr_http_connection *connection = request->connection;
    request->server->stats.refused_total++;
    request->close_after = true;
    http_request_abort(request);
    write_problem_answer(request, status, code, mtr_str_from(detail), RETRY_AFTER_S);
    http_answered(request);
    http_connection_finish(connection);
}

void http_time_out(struct mtr_http_request *request)
{
    struct mtr_http_connection *connection = request->connection;
    request->server->stats.refused_total++;
    write_problem_answer(request, 504, MTR_FINDING_REQUEST_TIMEOUT, MTR_STR("the answer took too long"),
                         RETRY_AFTER_S);
    request->answer_done = true;
    request->close_after = request->close_after || !request->head.keep_alive;
    request->deadline_ms = 0;
    request->connection = NULL; /* to the handler, which still holds the request, the peer is gone */
    http_connection_mark(connection);
    http_request_leave(request);
}
