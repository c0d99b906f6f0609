/*
 * Requests and answers on curl easy handles.
 *
 * The guard stands in two places: when a socket is opened (after name resolution, so a name cannot lead
 * elsewhere between check and use), and before each request (a kept connection may have been opened by a call
 * that was allowed more). curl repeats a request by itself only when a kept connection turns out dead before
 * a byte of an answer; receivers tell such repeats by their idempotency key.
 */
#include "lib/net/http_exchange.h"

#include <ctype.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "lib/net/address_guard.h"
#include "meterd/net/loop.h"

enum {
    TIMEOUT_MS_DEFAULT = 30000,
    CONNECT_TIMEOUT_MS = 10000,
};

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;
static CURLcode curl_init_code;

static void init_curl(void)
{
    curl_init_code = curl_global_init(CURL_GLOBAL_DEFAULT);
}

int http_exchange_init_curl(void)
{
    pthread_once(&curl_once, init_curl);
    return curl_init_code == CURLE_OK ? MTR_OK : MTR_ENOMEM;
}

static void note_status(struct mtr_http_exchange *exchange)
{
    long status = 0;
    curl_easy_getinfo(exchange->easy, CURLINFO_RESPONSE_CODE, &status);
    exchange->answer->status = (unsigned)status;
}

static size_t on_header_line(char *data, size_t size, size_t count, void *context)
{
    struct mtr_http_exchange *exchange = context;
    struct mtr_buffer *headers = &exchange->answer->headers;
    size_t total = size * count;
    if (total >= 5 &&
        memcmp(data, "HTTP/", 5) == 0) { /* the status line; a second one follows an interim answer */
        mtr_buffer_reset(headers);
        exchange->has_all_headers = false;
        return total;
    }
    if (data[0] == '\r' || data[0] == '\n') exchange->has_all_headers = true;
    exchange->has_large_headers = mtr_buffer_append(headers, data, total) != MTR_OK;
    if (exchange->has_large_headers) return 0;
    if (!exchange->has_all_headers) return total;
    note_status(exchange);
    return http_body_expect(&exchange->body, exchange->answer->status) == MTR_OK ? total : 0;
}

static size_t on_body(char *data, size_t size, size_t count, void *context)
{
    struct mtr_http_exchange *exchange = context;
    struct mtr_str piece = {data, size * count};
    note_status(exchange);
    if (exchange->answer->status < 200) return piece.size + 1; /* not its size: an error */
    int rc = http_body_take(&exchange->body, piece);
    if (!rc) return piece.size;
    if (rc != MTR_EAGAIN) return piece.size + 1;
    exchange->is_paused = true;
    exchange->paused_us = mtr_clock_monotonic_us();
    curl_easy_setopt(exchange->easy, CURLOPT_TIMEOUT_MS, 0L);
    return CURL_WRITEFUNC_PAUSE;
}

CURLcode http_exchange_resume(struct mtr_http_exchange *exchange)
{
    exchange->is_paused = false; /* on_piece may pause again */
    exchange->pauses_us += mtr_clock_monotonic_us() - exchange->paused_us;
    const int64_t timeout_ms = exchange->timeout_ms + exchange->pauses_us / 1000 + 1;
    curl_easy_setopt(exchange->easy, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
    return curl_easy_pause(exchange->easy, CURLPAUSE_CONT);
}

static curl_socket_t on_open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct mtr_http_exchange *exchange = context;
    (void)purpose;
    if (exchange->is_guarded &&
        !address_allowed(&address->addr, exchange->allow_loopback, exchange->allow_private)) {
        exchange->was_denied = true;
        exchange->lacking = address_allowed(&address->addr, false, true)   ? "allow_private"
                            : address_allowed(&address->addr, true, false) ? "allow_loopback"
                                                                           : NULL;
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static int on_before_request(void *context, char *primary_ip, char *local_ip, int primary_port,
                             int local_port)
{
    struct mtr_http_exchange *exchange = context;
    (void)local_ip;
    (void)primary_port;
    (void)local_port;
    if (exchange->is_guarded &&
        !address_text_allowed(primary_ip, exchange->allow_loopback, exchange->allow_private)) {
        exchange->was_denied = true;
        exchange->lacking = address_text_allowed(primary_ip, false, true)   ? "allow_private"
                            : address_text_allowed(primary_ip, true, false) ? "allow_loopback"
                                                                            : NULL;
        return CURL_PREREQFUNC_ABORT;
    }
    exchange->was_denied = false; /* another address of the name was allowed */
    exchange->answer->was_sent = true;
    return CURL_PREREQFUNC_OK;
}

/* "host:port" for people, and whether the URL is one at all. */
static bool describe_place(const char *url, char *out, size_t capacity)
{
    char *host = NULL, *port = NULL;
    CURLU *parts = curl_url();
    bool ok = parts && curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK &&
              curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
              curl_url_get(parts, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK;
    if (ok) snprintf(out, capacity, "%s:%s", host, port);
    curl_free(host);
    curl_free(port);
    curl_url_cleanup(parts);
    return ok;
}

static bool add_header(struct mtr_http_exchange *exchange, const char *line)
{
    struct curl_slist *longer = curl_slist_append(exchange->headers, line);
    if (longer) exchange->headers = longer;
    return longer != NULL;
}

static int add_call_header(struct mtr_http_exchange *exchange, const struct mtr_http_header *header,
                           struct mtr_buffer *line)
{
    for (size_t i = 0; i < header->name.size; i++) {
        char byte = header->name.data[i];
        if (!isalnum((unsigned char)byte) && byte != '-' && byte != '_') return MTR_EINVALID;
    }
    for (size_t i = 0; i < header->value.size; i++)
        if (strchr("\r\n", header->value.data[i])) return MTR_EINVALID; /* NUL too */
    mtr_buffer_reset(line);
    /* "name;" is curl's way to send a header without a value. */
    const char *separator = header->value.size ? ": " : ";";
    int rc = mtr_buffer_printf(line, "%.*s%s%.*s", MTR_STR_ARGS(header->name), separator,
                               MTR_STR_ARGS(header->value));
    if (rc) return rc;
    return add_header(exchange, line->data) ? MTR_OK : MTR_ENOMEM;
}

static int add_headers(struct mtr_http_exchange *exchange, const struct mtr_http_call *call)
{
    struct mtr_buffer line;
    int rc = MTR_OK;
    bool has_type = false;
    mtr_buffer_init(&line, HTTP_ANSWER_HEADERS_BYTES_MAX);
    for (uint32_t i = 0; i < call->header_count && !rc; i++) {
        const struct mtr_http_header *header = &call->headers[i];
        if (header->name.size == 12 && strncasecmp(header->name.data, "content-type", 12) == 0)
            has_type = true;
        rc = add_call_header(exchange, header, &line);
    }
    if (!rc && call->accepts_codings && !add_header(exchange, "Accept-Encoding: zstd, gzip")) rc = MTR_ENOMEM;
    if (!rc && !add_header(exchange, "Expect:")) rc = MTR_ENOMEM; /* never wait for 100 Continue */
    if (!rc && !has_type && !add_header(exchange, "Content-Type:"))
        rc = MTR_ENOMEM; /* not curl's form encoding */
    mtr_buffer_release(&line);
    return rc;
}

static CURLcode set_method(CURL *easy, const struct mtr_http_call *call)
{
    const char *method = call->method ? call->method : call->body.size ? "POST" : "GET";
    CURLcode code = CURLE_OK;
    if (strcmp(method, "HEAD") == 0) return curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    if (strcmp(method, "GET") == 0 && call->body.size == 0)
        return curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    if (call->body.size > 0 || strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0) {
        code = curl_easy_setopt(easy, CURLOPT_POST, 1L);
        if (!code) code = curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body.size);
        if (!code) code = curl_easy_setopt(easy, CURLOPT_POSTFIELDS, call->body.size ? call->body.data : "");
    }
    if (!code) code = curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
    return code;
}

static bool set_blob(CURL *easy, CURLoption option, struct mtr_str text)
{
    struct curl_blob blob = {.len = text.size, .flags = CURL_BLOB_COPY};
    memcpy(&blob.data, &text.data, sizeof(blob.data)); /* curl only reads it */
    return !curl_easy_setopt(easy, option, &blob);
}

/* The key alone counts. */
static bool pin(CURL *easy, const char *key)
{
    return !curl_easy_setopt(easy, CURLOPT_PINNEDPUBLICKEY, key) &&
           !curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L) &&
           !curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
}

/* What this side trusts and shows. The peer's certificate and name are verified by curl's own defaults. */
static bool set_certificates(CURL *easy, const struct mtr_http_call *call)
{
    const struct mtr_str key = call->key.size ? call->key : call->certificate;
    return (!call->pinned_key || pin(easy, call->pinned_key)) &&
           (!call->ca_file || (!curl_easy_setopt(easy, CURLOPT_CAINFO, call->ca_file) &&
                               !curl_easy_setopt(easy, CURLOPT_CAPATH, NULL))) &&
           (!call->certificate.size || (set_blob(easy, CURLOPT_SSLCERT_BLOB, call->certificate) &&
                                        set_blob(easy, CURLOPT_SSLKEY_BLOB, key)));
}

/* After a pause curl looks at the timeout only when something comes: that nothing does is seen by the bound
 * on slowness, which there is always when there may be pauses. */
static bool set_times(struct mtr_http_exchange *exchange, const struct mtr_http_call *call)
{
    CURL *easy = exchange->easy;
    long connect_ms = call->connect_timeout_ms ? (long)call->connect_timeout_ms : CONNECT_TIMEOUT_MS;
    long bytes_per_s = (long)call->slow_bytes_per_s, slow_s = (long)call->slow_s;
    exchange->timeout_ms = call->timeout_ms ? call->timeout_ms : TIMEOUT_MS_DEFAULT;
    if ((!bytes_per_s || !slow_s) && call->on_piece) {
        bytes_per_s = 1;
        slow_s = exchange->timeout_ms / 1000 + 1;
    }
    return !curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)exchange->timeout_ms) &&
           !curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, connect_ms) &&
           !curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, bytes_per_s) &&
           !curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, slow_s);
}

static bool set_options(struct mtr_http_exchange *exchange, const struct mtr_http_call *call)
{
    CURL *easy = exchange->easy;
    return !curl_easy_setopt(easy, CURLOPT_URL, call->url) &&
           !curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L) && /* as it may be signed */
           !curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") &&
           !curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https") &&
           !curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L) &&
           !curl_easy_setopt(easy, CURLOPT_PROXY, "") && !curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) &&
           !curl_easy_setopt(easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L) &&
           !curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) &&
           /* Without a limit a Content-Length that overflows is "not known" to curl, and what comes whole. */
           !curl_easy_setopt(easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)INT64_MAX) &&
           set_times(exchange, call) && set_certificates(easy, call) &&
           !curl_easy_setopt(easy, CURLOPT_USERAGENT, "meterd/" METERD_VERSION) &&
           !curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, exchange->detail) &&
           !curl_easy_setopt(easy, CURLOPT_HTTPHEADER, exchange->headers) &&
           !curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header_line) &&
           !curl_easy_setopt(easy, CURLOPT_HEADERDATA, exchange) &&
           !curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body) &&
           !curl_easy_setopt(easy, CURLOPT_WRITEDATA, exchange) &&
           !curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open_socket) &&
           !curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, exchange) &&
           !curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_before_request) &&
           !curl_easy_setopt(easy, CURLOPT_PREREQDATA, exchange) && !set_method(easy, call);
}

int http_exchange_begin(struct mtr_http_exchange *exchange, CURL *easy, const struct mtr_http_call *call,
                        void *context, bool is_guarded, struct mtr_http_answer *answer)
{
    *exchange = (struct mtr_http_exchange){.easy = easy,
                                           .answer = answer,
                                           .is_guarded = is_guarded,
                                           .allow_loopback = call->allow_loopback,
                                           .allow_private = call->allow_private,
                                           .allowed_by = call->allowed_by};
    answer->error = MTR_OK;
    answer->status = 0;
    answer->was_sent = false;
    answer->reason[0] = '\0';
    mtr_buffer_reset(&answer->headers);
    http_body_init(&exchange->body, call, context, answer);
    int rc = MTR_EINVALID;
    if (!describe_place(call->url, exchange->place, sizeof(exchange->place))) {
        snprintf(answer->reason, sizeof(answer->reason), "\"%.200s\" is not a URL", call->url);
    } else if ((rc = add_headers(exchange, call))) {
        snprintf(answer->reason, sizeof(answer->reason),
                 "a header of the request to %s holds a character it must not", exchange->place);
    } else if (!set_options(exchange, call)) {
        rc = MTR_ENOMEM;
        snprintf(answer->reason, sizeof(answer->reason), "out of memory");
    }
    if (rc) http_exchange_release(exchange);
    answer->error = rc;
    return rc;
}

void http_exchange_conclude(struct mtr_http_exchange *exchange, CURLcode code)
{
    struct mtr_http_answer *answer = exchange->answer;
    note_status(exchange);
    answer->error = http_failure_of(exchange, code);
    answer->has_large_headers = answer->error == MTR_ELIMIT && http_has_large_headers(exchange, code);
    if (!answer->error && (!exchange->has_all_headers || answer->status < 200)) {
        answer->error = MTR_EIO;
        snprintf(exchange->detail, sizeof(exchange->detail), "before its answer was complete");
    }
    if (!answer->error) answer->error = http_body_end(&exchange->body);
    if (answer->error) http_failure_explain(exchange, code);
}

void http_exchange_release(struct mtr_http_exchange *exchange)
{
    curl_slist_free_all(exchange->headers);
    exchange->headers = NULL;
    http_body_release(&exchange->body);
}
