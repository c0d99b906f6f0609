/*
 * GET /v1/openapi.json: OpenAPI 3.1 out of the table of routes. Nothing of it is written twice.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "daemon/api/rows.h"
#include "daemon/api/routes.h"

enum { SHAPES_MAX = 96 };

static const char references[] = "#/components/schemas/";

static const char *method_key(enum mtr_http_method method)
{
    switch (method) {
    case MTR_HTTP_GET: return "get";
    case MTR_HTTP_POST: return "post";
    case MTR_HTTP_PUT: return "put";
    case MTR_HTTP_DELETE: return "delete";
    default: MTR_ASSERT(!"a method the table uses"); return NULL;
    }
}

static void choices(struct mtr_json_writer *json, const char *text)
{
    mtr_json_name(json, "enum");
    mtr_json_list(json);
    while (*text) {
        size_t size = strcspn(text, "|");
        mtr_json_text(json, (struct mtr_str){text, size});
        text += size + (text[size] == '|');
    }
    mtr_json_list_end(json);
}

static void parameter_type(struct mtr_json_writer *json, const struct api_parameter *parameter)
{
    static const char *const types[] = {[API_TEXT] = "string",
                                        [API_INTEGER] = "integer",
                                        [API_TIME] = "string", /* a date alone is allowed, too */
                                        [API_BOOLEAN] = "boolean",
                                        [API_CHOICE] = "string"};
    mtr_json_named_cstr(json, "type", types[parameter->type]);
    if (parameter->type == API_CHOICE) choices(json, parameter->choices);
    if (parameter->type == API_INTEGER) {
        mtr_json_named_u64(json, "minimum", parameter->min);
        mtr_json_named_u64(json, "maximum", parameter->max);
    }
    if (!parameter->default_text) return;
    mtr_json_name(json, "default");
    if (parameter->type == API_INTEGER) mtr_json_raw(json, mtr_str_from(parameter->default_text));
    else mtr_json_cstr(json, parameter->default_text);
}

static void parameter_schema(struct mtr_json_writer *json, const struct api_parameter *parameter)
{
    mtr_json_map(json);
    if (parameter->repeatable) {
        mtr_json_named_cstr(json, "type", "array");
        mtr_json_name(json, "items");
        mtr_json_map(json);
    }
    parameter_type(json, parameter);
    if (parameter->repeatable) mtr_json_map_end(json);
    mtr_json_map_end(json);
}

static void parameter_row(struct mtr_json_writer *json, const char *in, struct mtr_str name,
                          const struct api_parameter *parameter)
{
    mtr_json_map(json);
    mtr_json_named_text(json, "name", name);
    mtr_json_named_cstr(json, "in", in);
    mtr_json_named_bool(json, "required", strcmp(in, "path") == 0);
    if (parameter->doc) mtr_json_named_cstr(json, "description", parameter->doc);
    mtr_json_name(json, "schema");
    parameter_schema(json, parameter);
    mtr_json_map_end(json);
}

static void parameters(struct mtr_json_writer *json, const struct api_route *route)
{
    static const struct api_parameter of_path = {.type = API_TEXT};
    mtr_json_name(json, "parameters");
    mtr_json_list(json);
    for (const char *open = strchr(route->path, '{'); open; open = strchr(open + 1, '{'))
        parameter_row(json, "path", (struct mtr_str){open + 1, strcspn(open + 1, "}")}, &of_path);
    for (const struct api_parameter *row = route->parameters; row && row->name; row++)
        parameter_row(json, "query", mtr_str_from(row->name), row);
    mtr_json_list_end(json);
}

static void list_reference(struct mtr_json_writer *json, const struct api_list *list)
{
    const struct mtr_shape page = {.name = list->name};
    mtr_shape_write_reference(&page, references, json);
}

/* A page, one map, or either of them. */
static void answer_schema(struct mtr_json_writer *json, const struct api_route *route)
{
    if (!route->list) {
        mtr_shape_write_reference(route->answer, references, json);
        return;
    }
    if (!route->answer) {
        list_reference(json, route->list);
        return;
    }
    mtr_json_map(json);
    mtr_json_name(json, "oneOf");
    mtr_json_list(json);
    mtr_shape_write_reference(route->answer, references, json);
    list_reference(json, route->list);
    mtr_json_list_end(json);
    mtr_json_map_end(json);
}

static bool ends_with(struct mtr_str text, struct mtr_str end)
{
    return text.size >= end.size && memcmp(text.data + text.size - end.size, end.data, end.size) == 0;
}

/* {"content": {"type": {"schema": …}, …}}: only JSON has the schema. route: its answer, instead of a
 * shape. */
static void content(struct mtr_json_writer *json, const char *types, const struct mtr_shape *shape,
                    const struct api_route *route)
{
    mtr_json_name(json, "content");
    mtr_json_map(json);
    while (*types) {
        const struct mtr_str type = {types, strcspn(types, ",")};
        const bool is_json = ends_with(type, MTR_STR("json")) && !ends_with(type, MTR_STR("ndjson"));
        mtr_json_name_text(json, type);
        mtr_json_map(json);
        mtr_json_name(json, "schema");
        if (is_json && route) answer_schema(json, route);
        else if (is_json) mtr_shape_write_reference(shape, references, json);
        else mtr_json_raw(json, MTR_STR("{\"type\":\"string\"}"));
        mtr_json_map_end(json);
        types += type.size + (types[type.size] == ',');
    }
    mtr_json_map_end(json);
}

static void request_body(struct mtr_json_writer *json, const struct api_route *route)
{
    if (!route->request) return;
    mtr_json_name(json, "requestBody");
    mtr_json_map(json);
    mtr_json_named_bool(json, "required", true);
    content(json, route->request_types ? route->request_types : API_JSON, route->request, NULL);
    mtr_json_map_end(json);
}

/* What every answer may have, and a 429 has. */
static void limit_headers(struct mtr_json_writer *json)
{
    static const struct {
        const char *name, *doc;
    } rows[] = {
        {"Retry-After", "in so many seconds the same request is taken"},
        {"RateLimit-Policy", "of each limit: q at once, all of them again in w seconds, in the unit qu"},
        {"RateLimit", "of each limit: r are left, and in t seconds all of them"},
    };
    mtr_json_name(json, "headers");
    mtr_json_map(json);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        mtr_json_name(json, rows[i].name);
        mtr_json_map(json);
        mtr_json_named_cstr(json, "description", rows[i].doc);
        mtr_json_name(json, "schema");
        mtr_json_raw(json, i ? MTR_STR("{\"type\":\"string\"}") : MTR_STR("{\"type\":\"integer\"}"));
        mtr_json_map_end(json);
    }
    mtr_json_map_end(json);
}

static void limited(struct mtr_json_writer *json)
{
    mtr_json_name(json, "429");
    mtr_json_map(json);
    mtr_json_named_cstr(json, "description", "more than the API key, or the address, may ask for");
    limit_headers(json);
    content(json, "application/problem+json", &api_problem_shape, NULL);
    mtr_json_map_end(json);
}

static void responses(struct mtr_json_writer *json, const struct api_route *route)
{
    mtr_json_name(json, "responses");
    mtr_json_map(json);
    mtr_json_name(json, "200");
    mtr_json_map(json);
    mtr_json_named_cstr(json, "description", "ok");
    content(json, api_answer_types(route), NULL, route);
    mtr_json_map_end(json);
    limited(json);
    mtr_json_name(json, "default");
    mtr_json_map(json);
    mtr_json_named_cstr(json, "description", "a problem (RFC 9457)");
    content(json, "application/problem+json", &api_problem_shape, NULL);
    mtr_json_map_end(json);
    mtr_json_map_end(json);
}

static const char *scope_name(unsigned scope)
{
    switch (scope) {
    case MTR_SCOPE_INGEST: return "ingest";
    case MTR_SCOPE_QUERY: return "query";
    case MTR_SCOPE_BILLING: return "billing";
    case MTR_SCOPE_ADMIN: return "admin";
    default: return NULL;
    }
}

static void operation(struct mtr_json_writer *json, const struct api_route *route)
{
    mtr_json_name(json, method_key(route->method));
    mtr_json_map(json);
    mtr_json_named_cstr(json, "operationId", route->operation);
    mtr_json_named_cstr(json, "summary", route->summary);
    if (scope_name(route->scope)) mtr_json_named_cstr(json, "x-scope", scope_name(route->scope));
    mtr_json_name(json, "security");
    mtr_json_list(json);
    if (route->scope) {
        mtr_json_map(json);
        mtr_json_name(json, "apiKey");
        mtr_json_list(json);
        mtr_json_list_end(json);
        mtr_json_map_end(json);
    }
    mtr_json_list_end(json);
    parameters(json, route);
    request_body(json, route);
    responses(json, route);
    mtr_json_map_end(json);
}

static bool is_first_of_path(const struct api_route *const *routes, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (strcmp(routes[i]->path, routes[index]->path) == 0) return false;
    return true;
}

static void paths(struct mtr_json_writer *json, const struct api_route *const *routes)
{
    mtr_json_name(json, "paths");
    mtr_json_map(json);
    for (size_t i = 0; routes[i]; i++) {
        if (!is_first_of_path(routes, i)) continue;
        mtr_json_name(json, routes[i]->path);
        mtr_json_map(json);
        for (size_t j = i; routes[j]; j++)
            if (strcmp(routes[j]->path, routes[i]->path) == 0) operation(json, routes[j]);
        mtr_json_map_end(json);
    }
    mtr_json_map_end(json);
}

/* The shapes that have a name, each once. */
struct shapes {
    const struct mtr_shape *items[SHAPES_MAX];
    uint32_t count;
};

static void add_shape(struct shapes *shapes, const struct mtr_shape *shape)
{
    if (!shape) return;
    for (uint32_t i = 0; i < shapes->count; i++)
        if (shapes->items[i] == shape) return;
    if (shape->name) {
        MTR_ASSERT(shapes->count < SHAPES_MAX);
        shapes->items[shapes->count++] = shape;
    }
    add_shape(shapes, shape->one_or_many);
    for (const struct mtr_json_member *member = shape->members; member && member->name; member++)
        add_shape(shapes, member->shape);
}

static bool is_first_of_list(const struct api_route *const *routes, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (routes[i]->list == routes[index]->list) return false;
    return true;
}

static void schemas(struct mtr_json_writer *json, const struct api_route *const *routes)
{
    struct shapes shapes = {0};
    add_shape(&shapes, &api_problem_shape);
    for (size_t i = 0; routes[i]; i++) {
        const struct api_list *list = routes[i]->list;
        add_shape(&shapes, routes[i]->request);
        add_shape(&shapes, routes[i]->answer);
        if (!list || !is_first_of_list(routes, i)) continue;
        add_shape(&shapes, list->row);
        mtr_json_name(json, list->name);
        api_list_write_schema(list, references, json);
    }
    for (uint32_t i = 0; i < shapes.count; i++) {
        mtr_json_name(json, shapes.items[i]->name);
        mtr_shape_write_schema(shapes.items[i], references, json);
    }
    for (int i = 0; i < MTR_KIND_COUNT; i++) {
        const struct mtr_shape kind = api_kind_shape((enum mtr_catalog_kind)i);
        mtr_json_name(json, kind.name);
        mtr_shape_write_schema(&kind, references, json);
    }
}

static void components(struct mtr_json_writer *json, const struct api_route *const *routes)
{
    mtr_json_name(json, "components");
    mtr_json_map(json);
    mtr_json_name(json, "securitySchemes");
    mtr_json_raw(json, MTR_STR("{\"apiKey\":{\"type\":\"http\",\"scheme\":\"bearer\",\"description\":\"an "
                               "API key with the operation's x-scope\"}}"));
    mtr_json_name(json, "schemas");
    mtr_json_map(json);
    schemas(json, routes);
    mtr_json_map_end(json);
    mtr_json_map_end(json);
}

static int write_document(struct mtr_buffer *out, const struct api_route *const *routes)
{
    struct mtr_json_writer json;
    mtr_json_begin(&json, out);
    mtr_json_map(&json);
    mtr_json_named_cstr(&json, "openapi", "3.1.0");
    mtr_json_name(&json, "info");
    mtr_json_map(&json);
    mtr_json_named_cstr(&json, "title", "meterd");
    mtr_json_named_cstr(&json, "version", METERD_VERSION);
    mtr_json_named_cstr(
        &json, "description",
        "Usage metering: events in, usage and rated charges out. Money and quantities are strings of exact "
        "decimals.");
    mtr_json_map_end(&json);
    paths(&json, routes);
    components(&json, routes);
    mtr_json_map_end(&json);
    return mtr_json_finish(&json);
}

/* It is the same for everybody who asks, with a key or without one: made by the first, kept for the
 * process. */
static struct {
    pthread_mutex_t mutex;
    struct mtr_buffer text;
} made = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static int find_document(const struct api_route *const *routes, struct mtr_str *out)
{
    int rc = MTR_OK;
    pthread_mutex_lock(&made.mutex);
    if (!made.text.size) {
        mtr_buffer_init(&made.text, SIZE_MAX);
        rc = write_document(&made.text, routes);
        if (rc) mtr_buffer_release(&made.text);
    }
    *out = mtr_buffer_str(&made.text);
    pthread_mutex_unlock(&made.mutex);
    return rc;
}

static void get_openapi(struct api_call *call)
{
    struct mtr_str text;
    int rc = find_document(call->routes, &text);
    call->status = 200;
    call->answer_type = "application/json";
    while (!rc && text.size) {
        const size_t size = text.size < API_PIECE_BYTES ? text.size : (size_t)API_PIECE_BYTES;
        rc = mtr_buffer_append(&call->answer, text.data, size);
        if (!rc && text.size > size) rc = api_pack_answer(call);
        text.data += size;
        text.size -= size;
    }
    if (rc) api_error(call, rc, "this call");
}

static const struct mtr_shape openapi_shape = {.schema = "{\"type\":\"object\"}"};

const struct api_route api_get_openapi = {
    .method = MTR_HTTP_GET,
    .path = "/v1/openapi.json",
    .operation = "getOpenapi",
    .summary = "This document",
    .answer = &openapi_shape,
    .handle = get_openapi,
};
