/*
 * The HTTP API's frame: routing, credentials, the trip to the workers and back.
 *
 * A struct api_call lives from on_headers to the end of its answer (stream.h). It has an owner: the key, or
 * the address where none is asked for. At most query.calls_max of them wait and are made at a time, of one
 * owner as many as are free; over it 503. What is made counts in listen.answer_bytes_total_max; over it
 * 503, too.
 */
#include "daemon/api/api.h"
#include "meterd/catalog/store.h"
#include "meterd/core/time.h"
#include "meterd/share/shares.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    DOCUMENT_BODY_BYTES_MAX = 16 << 20,
    EVENTS_TIMES = 8, /* of answer_bytes_total_max: the answers of events */
};

struct mtr_api {
    const struct mtr_api_host *host;
    struct mtr_events *events;
    struct api_streams *streams;
    struct mtr_http_server *server;
};

/* Matches "/v1/charges/{id}" against a path; decoded parameters go into the call. */
static bool match_path(const char *pattern, struct mtr_str path,
                       struct mtr_str parameters[MTR_API_PATH_PARAMETERS_MAX])
{
    size_t at = 0, count = 0;
    for (const char *p = pattern; *p;) {
        if (*p == '{') {
            size_t from = at;
            while (at < path.size && path.data[at] != '/') at++;
            if (at == from || count == MTR_API_PATH_PARAMETERS_MAX) return false;
            parameters[count++] = (struct mtr_str){path.data + from, at - from};
            p = strchr(p, '}') + 1;
        } else if (at < path.size && path.data[at] == *p) {
            at++;
            p++;
        } else {
            return false;
        }
    }
    return at == path.size;
}

static const struct api_route *find_route(enum mtr_http_method method, struct mtr_str path,
                                          struct mtr_str *parameters, bool *path_exists)
{
    if (method == MTR_HTTP_HEAD) method = MTR_HTTP_GET;
    *path_exists = false;
    for (size_t i = 0; api_routes[i]; i++) {
        const struct api_route *route = api_routes[i];
        if (!match_path(route->path, path, parameters)) continue;
        *path_exists = true;
        if (route->method == method) return route;
    }
    return NULL;
}

static struct mtr_str bearer(struct mtr_http_request *http)
{
    struct mtr_str value;
    if (!mtr_http_request_header(http, "authorization", &value)) return (struct mtr_str){NULL, 0};
    const struct mtr_str scheme = MTR_STR("Bearer ");
    if (value.size <= scheme.size || strncasecmp(value.data, scheme.data, scheme.size) != 0)
        return (struct mtr_str){NULL, 0};
    return (struct mtr_str){value.data + scheme.size, value.size - scheme.size};
}

/* 401, or 429 where that address had many. */
static void refuse_stranger(struct api_call *call, struct mtr_str secret)
{
    if (!api_limit_admit_stranger(call)) return;
    api_security_unauthenticated(call,
                                 secret.size ? mtr_catalog_find_any_secret(call->catalog, secret) : NULL);
    mtr_http_problemf(call->http, 401, MTR_FINDING_REQUEST_UNAUTHORIZED, "%s",
                      secret.size ? "this API key is unknown, disabled or retired"
                                  : "send an API key: Authorization: Bearer mtr_…");
}

/* Who may, and within its rates: false after answering 401, 403 or 429. A route without scope is open. */
static bool authorize(struct api_call *call)
{
    api_security_find_address(call);
    if (!call->route->scope) return api_limit_admit_stranger(call);
    struct mtr_str secret = bearer(call->http);
    call->credential = secret.size ? mtr_catalog_find_secret(call->catalog, secret, call->now_us) : NULL;
    if (call->credential) call->job.owner = mtr_owner_of_key(call->credential->number);
    if (!call->credential) {
        refuse_stranger(call, secret);
        return false;
    }
    api_security_used(call);
    if (!api_limit_admit(call)) return false;
    if (!(call->credential->scopes & call->route->scope)) {
        api_security_unauthorized(call, "the key lacks the scope");
        mtr_http_problemf(call->http, 403, MTR_FINDING_REQUEST_FORBIDDEN,
                          "the API key '%.*s' does not have the scope that %s needs",
                          MTR_STR_ARGS(call->credential->key), call->route->operation);
        return false;
    }
    /* Charges, documents and the other vendors' events know no vendor's part: they are the operator's,
     * whatever scopes the key was given. */
    if (call->credential->vendor && (call->route->scope & (MTR_SCOPE_BILLING | MTR_SCOPE_ADMIN))) {
        api_security_unauthorized(call, "the key is a vendor's");
        mtr_http_problemf(
            call->http, 403, MTR_FINDING_REQUEST_FORBIDDEN,
            "the API key '%.*s' has the scope but belongs to a vendor; %s is for keys without one",
            MTR_STR_ARGS(call->credential->key), call->route->operation);
        return false;
    }
    return true;
}

/* 405 names the methods that there are, as RFC 9110 asks. */
static void answer_wrong_method(struct mtr_http_request *http)
{
    struct mtr_str parameters[MTR_API_PATH_PARAMETERS_MAX], path = mtr_http_request_path(http);
    char allow[64] = "", detail[160];
    struct mtr_buffer page;
    struct mtr_json_writer json;
    for (size_t i = 0; api_routes[i]; i++) {
        const struct api_route *route = api_routes[i];
        size_t used = strlen(allow);
        if (!match_path(route->path, path, parameters)) continue;
        snprintf(allow + used, sizeof(allow) - used, "%s%s%s", used ? ", " : "",
                 mtr_http_method_name(route->method), route->method == MTR_HTTP_GET ? ", HEAD" : "");
    }
    snprintf(detail, sizeof(detail), "%s is not for this path; it takes %s",
             mtr_http_method_name(mtr_http_request_method(http)), allow);
    mtr_buffer_init(&page, 4096);
    mtr_json_begin(&json, &page);
    api_write_problem(&json, 405, MTR_FINDING_REQUEST_METHOD, detail);
    struct mtr_http_header headers[] = {{MTR_STR("content-type"), MTR_STR("application/problem+json")},
                                        {MTR_STR("cache-control"), MTR_STR("no-store")},
                                        {MTR_STR("allow"), mtr_str_from(allow)}};
    if (mtr_json_finish(&json))
        mtr_http_problem(http, 405, MTR_FINDING_REQUEST_METHOD, mtr_str_from(detail));
    else mtr_http_respond(http, 405, headers, 3, &page);
    mtr_buffer_release(&page);
}

static void answer_no_route(struct mtr_http_request *http, bool path_exists)
{
    struct mtr_str path = mtr_http_request_path(http);
    if (path_exists) answer_wrong_method(http);
    else
        mtr_http_problemf(http, 404, MTR_FINDING_REQUEST_PATH,
                          "there is nothing at %.*s%s; GET /v1/openapi.json lists what there is",
                          MTR_STR_QUOTED(path));
}

static void answer_no_memory(struct mtr_http_request *http)
{
    mtr_http_problem(http, 503, MTR_FINDING_PROGRAM_MEMORY, MTR_STR("out of memory"));
}

static void on_headers(void *context, struct mtr_http_request *http)
{
    struct mtr_api *api = context;
    struct mtr_str parameters[MTR_API_PATH_PARAMETERS_MAX] = {{NULL, 0}};
    bool path_exists;
    const struct api_route *route =
        find_route(mtr_http_request_method(http), mtr_http_request_path(http), parameters, &path_exists);
    if (!route) {
        answer_no_route(http, path_exists);
        return;
    }
    struct api_call *call = api_call_new(api->host, http, route);
    if (!call) {
        answer_no_memory(http);
        return;
    }
    call->routes = api_routes;
    call->job.owner = mtr_http_request_owner(http);
    memcpy(call->path_parameters, parameters, sizeof(parameters));
    if (!authorize(call)) {
        api_call_free(call);
        return;
    }
    if (route->handle && !route->body_is_large) mtr_http_request_limit_body(http, DOCUMENT_BODY_BYTES_MAX);
    mtr_http_request_set_owner(http, call->job.owner);
    mtr_work_limit_set_owner(&call->limit, call->job.owner);
    if (!route->handle) mtr_http_request_count_apart(http);
    mtr_http_request_set_context(http, call);
}

static void on_abort(void *context, struct mtr_http_request *http)
{
    (void)context;
    api_call_free(mtr_http_request_context(http));
}

static void on_leave(void *context, struct mtr_http_request *http)
{
    (void)context;
    struct api_call *call = mtr_http_request_context(http);
    if (call) api_stream_call_off(call);
}

static bool accepts_coding(struct api_call *call)
{
    struct mtr_str codings = {NULL, 0};
    if (api_call_header_list(call, "accept-encoding", &codings) || !codings.size) return true;
    return mtr_coding_choose(codings, &call->stream.writer.coding);
}

/* Whether the owner's answers that wait for their readers leave room for one more; what long ones may not
 * have of the total is left to short ones. Those of events have a total of their own: who reads queries
 * slowly does not stop the intake. */
static bool has_room(const struct mtr_api *api, const struct api_call *call)
{
    const bool is_apart = !call->route->handle;
    const uint64_t bytes_max = api->host->limits.answer_bytes_total_max * (is_apart ? EVENTS_TIMES : 1);
    const mtr_owner owner = call->job.owner;
    const struct mtr_http_answers held =
        is_apart ? mtr_http_answers_apart(api->server, owner) : mtr_http_answers(api->server, owner);
    return held.bytes < bytes_max && held.bytes_of_owner / MTR_SHARES_TIMES_FREE <= bytes_max - held.bytes;
}

static void on_request(void *context, struct mtr_http_request *http)
{
    struct mtr_api *api = context;
    struct api_call *call = mtr_http_request_context(http);
    api_limit_body(call, mtr_http_request_body_bytes(http));
    if (!has_room(api, call)) {
        mtr_http_problem(http, 503, MTR_FINDING_REQUEST_BUSY,
                         MTR_STR("the answers of this key that wait for their readers hold all the memory "
                                 "that they may (listen.answer_bytes_total_max); try again"));
        api_call_free(call);
        return;
    }
    if (!call->route->handle) {
        mtr_http_request_set_context(http, NULL); /* the call does not stay until the answer */
        events_handle(api->events, call);
        api_call_free(call);
        return;
    }
    int rc = api_call_prepare(call);
    if (rc) {
        if (rc == MTR_ENOMEM) answer_no_memory(http);
        else
            mtr_http_problem(
                http, 400, MTR_FINDING_REQUEST_HTTP,
                MTR_STR("the path or the query string has a broken escape or too many parameters"));
        api_call_free(call);
        return;
    }
    if (!accepts_coding(call)) {
        mtr_http_problem(http, 406, MTR_FINDING_REQUEST_ACCEPT,
                         MTR_STR("this call answers in zstd, gzip or identity"));
        api_call_free(call);
        return;
    }
    if (!api_limit_begin(call)) {
        api_call_free(call);
        return;
    }
    rc = api_stream_start(api->streams, call);
    if (!rc) return;
    if (rc == MTR_EFULL)
        mtr_http_problem(http, 503, MTR_FINDING_REQUEST_BUSY,
                         MTR_STR("too many queries of this key at a time (query.calls_max): what it asked "
                                 "before is answered first; try again"));
    else answer_no_memory(http);
    api_call_free(call);
}

static void on_tls_failure(void *context, const char *address, const char *why)
{
    const struct mtr_api_host *host = ((struct mtr_api *)context)->host;
    host->tls_failed(host->context, address, why);
}

int api_open(const struct mtr_api_host *host, struct mtr_events *events, struct mtr_api **out,
             struct mtr_diagnostic *diagnostic)
{
    const struct mtr_api_limits *limits = &host->limits;
    struct mtr_api *api = calloc(1, sizeof(*api));
    if (!api) return MTR_ENOMEM;
    api->host = host;
    api->events = events;
    struct mtr_http_server_options options = mtr_http_server_defaults();
    options.address = limits->address;
    options.port = limits->port;
    options.tls = limits->tls;
    options.connections_max = limits->connections_max;
    options.header_bytes_max = limits->header_bytes_max;
    options.body_bytes_max = limits->body_bytes_max;
    options.body_bytes_total_max = limits->body_bytes_total_max;
    options.body_memory = limits->body_memory;
    options.header_timeout_ms = limits->header_timeout_ms;
    options.body_timeout_ms = limits->body_timeout_ms;
    options.send_timeout_ms = limits->send_timeout_ms;
    options.answer_bytes_total_max = limits->answer_bytes_total_max / 4 * 3; /* of what is packed */
    options.idle_timeout_ms = limits->idle_timeout_ms;
    options.request_timeout_ms = limits->request_timeout_ms;
    struct mtr_http_handler handler = {
        .on_headers = on_headers, .on_request = on_request, .on_abort = on_abort, .on_leave = on_leave,
        .context = api, .on_tls_failure = on_tls_failure};
    int rc = mtr_http_server_open(host->loop, &options, &handler, &api->server, diagnostic);
    if (!rc) rc = api_streams_open(host->queries, api->server, &api->streams);
    if (rc) {
        api_close(api);
        return rc;
    }
    *out = api;
    return MTR_OK;
}

void api_drain(struct mtr_api *api, void (*on_drained)(void *context), void *context)
{
    enum { DRAIN_TIMEOUT_MS = 10000 };
    mtr_http_server_drain(api->server, DRAIN_TIMEOUT_MS, on_drained, context);
}

void api_close(struct mtr_api *api)
{
    if (!api) return;
    mtr_http_server_close(api->server);
    api_streams_close(api->streams);
    free(api);
}

struct mtr_http_server *api_server(const struct mtr_api *api)
{
    return api->server;
}

uint16_t api_port(const struct mtr_api *api)
{
    return mtr_http_server_port(api->server);
}

struct mtr_http_server_stats api_stats(const struct mtr_api *api)
{
    return mtr_http_server_stats(api->server);
}
