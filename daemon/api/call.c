/*
 * One call: what it holds from the request's headers to the end of its answer.
 */
#include "daemon/api/api.h"

#include <stdlib.h>

#include "meterd/catalog/store.h"
#include "meterd/core/time.h"

enum {
    ARENA_CHUNK_BYTES = 16 << 10,
    ARENA_BYTES_MAX = 512 << 20,
    ANSWER_BYTES_MAX = 32 << 20, /* of what is not packed: a document, or a piece and a row */
};

bool api_call_only_reads(const struct api_call *call)
{
    return call->route->handle && call->route->act == API_SECURITY_NONE;
}

static void begin_limit(struct api_call *call)
{
    const struct mtr_api_host *host = call->host;
    struct mtr_api_query_limits limits = {0};
    if (host->query_limits) limits = host->query_limits(host->context);
    const uint64_t bytes_max = limits.bytes_max ? limits.bytes_max : UINT64_MAX;
    mtr_work_limit_init(&call->limit, limits.cpu_ns_max, bytes_max, host->query_memory);
    const bool has_own = limits.bytes_max && api_call_only_reads(call);
    mtr_arena_init(&call->arena, ARENA_CHUNK_BYTES, has_own ? SIZE_MAX : ARENA_BYTES_MAX);
    if (has_own) call->arena.limit = &call->limit;
}

struct api_call *api_call_new(const struct mtr_api_host *host, struct mtr_http_request *http,
                              const struct api_route *route)
{
    struct api_call *call = calloc(1, sizeof(*call));
    if (!call) return NULL;
    call->host = host;
    call->http = http;
    call->route = route;
    call->now_us = host->clock(host->context).now_us;
    call->answer_type = API_JSON;
    mtr_buffer_init(&call->answer, ANSWER_BYTES_MAX);
    mtr_buffer_init(&call->body_memory, SIZE_MAX);
    begin_limit(call);
    call->catalog = mtr_catalog_store_snapshot(host->catalog_store);
    return call;
}

void api_call_free(struct api_call *call)
{
    if (call->counted_for) call->counted_for->calls--;
    mtr_catalog_release(call->catalog);
    mtr_buffer_release(&call->body_memory);
    mtr_buffer_release(&call->answer);
    mtr_arena_release(&call->arena);
    mtr_work_limit_release(&call->limit);
    free(call);
}

/* RFC 9110, 5.3: lines of one name are one list. */
int api_call_header_list(struct api_call *call, const char *name, struct mtr_str *out)
{
    struct mtr_buffer list;
    int rc = MTR_OK;
    mtr_buffer_init(&list, SIZE_MAX); /* bounded by the request's headers */
    for (uint32_t i = 0; !rc && i < mtr_http_request_header_count(call->http); i++) {
        const struct mtr_http_header header = mtr_http_request_header_at(call->http, i);
        if (!mtr_str_equal_lower(header.name, mtr_str_from(name))) continue;
        rc = mtr_buffer_printf(&list, "%s%.*s", list.size ? "," : "", MTR_STR_ARGS(header.value));
    }
    if (!rc) rc = mtr_arena_copy(&call->arena, mtr_buffer_str(&list), out);
    mtr_buffer_release(&list);
    return rc;
}

int api_call_prepare(struct api_call *call)
{
    struct mtr_http_request *http = call->http;
    struct mtr_str header;
    int rc = MTR_OK;
    for (int i = 0; !rc && i < MTR_API_PATH_PARAMETERS_MAX; i++) {
        struct mtr_str decoded = {NULL, 0};
        if (!call->path_parameters[i].size) continue;
        rc = mtr_percent_decode(call->path_parameters[i], &call->arena, &decoded);
        if (!rc) rc = mtr_arena_copy(&call->arena, decoded, &call->path_parameters[i]);
    }
    struct mtr_str query_text = {NULL, 0};
    if (!rc) rc = mtr_arena_copy(&call->arena, mtr_http_request_query(http), &query_text);
    if (!rc) rc = mtr_query_parse(query_text, &call->arena, &call->query);
    if (!rc) rc = api_call_header_list(call, "accept", &call->accept);
    if (!rc && mtr_http_request_header(http, "content-type", &header))
        rc = mtr_arena_copy(&call->arena, header, &call->content_type);
    mtr_http_request_take_body(http, &call->body_memory);
    call->body = mtr_buffer_str(&call->body_memory);
    return rc;
}
