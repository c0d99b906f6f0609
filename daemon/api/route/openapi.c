/*
 * GET /v1/openapi.json: OpenAPI 3.1 out of the table of routes. Nothing of it is written twice.
 */
#include <stdio.h>
#include <string.h>

#include "daemon/api/rows.h"
#include "daemon/api/schemas.h"

enum { SHAPES_MAX = 64 };

static const char *method_key(enum mtr_http_method method)
{
    switch (method) {
    case MTR_HTTP_GET: return "get";
    case MTR_HTTP_POST: return "post";
    case MTR_HTTP_PUT: return "put";
    default: MTR_ASSERT(!"a method the table uses"); return NULL;
    }
}

static void pair(struct mtr_json_writer *json, const char *name, const char *text)
{
    mtr_json_name(json, name);
    mtr_json_cstr(json, text);
}

static void reference(struct mtr_json_writer *json, const char *schema)
{
    char path[96];
    snprintf(path, sizeof(path), "#/components/schemas/%s", schema);
    mtr_json_map(json);
    pair(json, "$ref", path);
    mtr_json_map_end(json);
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

static void parameter_schema(struct mtr_json_writer *json, const struct api_parameter *parameter)
{
    bool is_time = strcmp(parameter->type, "date-time") == 0,
         has_choices = strchr(parameter->type, '|') != NULL;
    mtr_json_map(json);
    if (parameter->repeatable) {
        pair(json, "type", "array");
        mtr_json_name(json, "items");
        mtr_json_map(json);
        pair(json, "type", parameter->type);
        mtr_json_map_end(json);
    } else if (has_choices) {
        pair(json, "type", "string");
        choices(json, parameter->type);
    } else {
        pair(json, "type",
             is_time ? "string" : parameter->type); /* a date alone is allowed, too: no format */
    }
    mtr_json_map_end(json);
}

static void parameter_row(struct mtr_json_writer *json, const char *name, size_t name_size, const char *in,
                          bool required, const char *doc, const struct api_parameter *parameter)
{
    static const struct api_parameter text = {"", "string", true, false, ""};
    mtr_json_map(json);
    mtr_json_name(json, "name");
    mtr_json_text(json, (struct mtr_str){name, name_size});
    pair(json, "in", in);
    mtr_json_name(json, "required");
    mtr_json_bool(json, required);
    if (doc) pair(json, "description", doc);
    mtr_json_name(json, "schema");
    parameter_schema(json, parameter ? parameter : &text);
    mtr_json_map_end(json);
}

static void parameters(struct mtr_json_writer *json, const struct api_route *route)
{
    mtr_json_name(json, "parameters");
    mtr_json_list(json);
    for (const char *open = strchr(route->path, '{'); open; open = strchr(open + 1, '{'))
        parameter_row(json, open + 1, strcspn(open + 1, "}"), "path", true, NULL, NULL);
    for (const struct api_parameter *row = route->parameters; row && row->name; row++)
        parameter_row(json, row->name, strlen(row->name), "query", row->required, row->doc, row);
    mtr_json_list_end(json);
}

/* {"content": {"type": {"schema": …}, …}}: only the JSON type carries the schema. */
static void content(struct mtr_json_writer *json, const char *types, const char *schema)
{
    mtr_json_name(json, "content");
    mtr_json_map(json);
    while (*types) {
        char type[64];
        size_t size = strcspn(types, ",");
        snprintf(type, sizeof(type), "%.*s", (int)size, types);
        mtr_json_name(json, type);
        mtr_json_map(json);
        mtr_json_name(json, "schema");
        if (strstr(type, "json") && !strstr(type, "ndjson")) {
            reference(json, schema);
        } else {
            mtr_json_map(json);
            pair(json, "type", "string");
            mtr_json_map_end(json);
        }
        mtr_json_map_end(json);
        types += size + (types[size] == ',');
    }
    mtr_json_map_end(json);
}

static void request_body(struct mtr_json_writer *json, const struct api_route *route)
{
    if (!route->request_schema) return;
    bool is_events = strcmp(route->request_schema, "Events") == 0,
         is_catalog = strncmp(route->request_schema, "Catalog", 7) == 0;
    mtr_json_name(json, "requestBody");
    mtr_json_map(json);
    mtr_json_name(json, "required");
    mtr_json_bool(json, true);
    content(json,
            is_events    ? "application/json,application/cloudevents+json,application/"
                           "cloudevents-batch+json,application/x-ndjson,application/msgpack"
            : is_catalog ? "application/json,application/yaml"
                         : "application/json",
            route->request_schema);
    mtr_json_map_end(json);
}

static void responses(struct mtr_json_writer *json, const struct api_route *route)
{
    mtr_json_name(json, "responses");
    mtr_json_map(json);
    mtr_json_name(json, "200");
    mtr_json_map(json);
    pair(json, "description", "ok");
    content(json, route->answer_types, route->answer_schema);
    mtr_json_map_end(json);
    mtr_json_name(json, "default");
    mtr_json_map(json);
    pair(json, "description", "a problem (RFC 9457)");
    content(json, "application/problem+json", "Problem");
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
    pair(json, "operationId", route->operation);
    pair(json, "summary", route->summary);
    if (scope_name(route->scope)) pair(json, "x-scope", scope_name(route->scope));
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

static bool is_first_of_path(const struct api_route *route)
{
    for (const struct api_route *earlier = api_routes; earlier < route; earlier++)
        if (strcmp(earlier->path, route->path) == 0) return false;
    return true;
}

static void paths(struct mtr_json_writer *json)
{
    mtr_json_name(json, "paths");
    mtr_json_map(json);
    for (const struct api_route *route = api_routes; route->path; route++) {
        if (!is_first_of_path(route)) continue;
        mtr_json_name(json, route->path);
        mtr_json_map(json);
        for (const struct api_route *same = route; same->path; same++)
            if (strcmp(same->path, route->path) == 0) operation(json, same);
        mtr_json_map_end(json);
    }
    mtr_json_map_end(json);
}

static const char references[] = "#/components/schemas/";

/* The shapes that have a name, each once. */
struct shapes {
    const struct mtr_shape *items[SHAPES_MAX];
    uint32_t count;
};

static void add_shape(struct shapes *shapes, const struct mtr_shape *shape)
{
    for (uint32_t i = 0; i < shapes->count; i++)
        if (shapes->items[i] == shape) return;
    if (shape->name) {
        MTR_ASSERT(shapes->count < SHAPES_MAX);
        shapes->items[shapes->count++] = shape;
    }
    for (const struct mtr_json_member *member = shape->members; member && member->name; member++)
        if (member->shape) add_shape(shapes, member->shape);
}

static void components(struct mtr_json_writer *json)
{
    struct shapes shapes = {0};
    mtr_json_name(json, "components");
    mtr_json_map(json);
    mtr_json_name(json, "securitySchemes");
    mtr_json_raw(json, MTR_STR("{\"apiKey\":{\"type\":\"http\",\"scheme\":\"bearer\",\"description\":\"an "
                               "API key with the operation's x-scope\"}}"));
    mtr_json_name(json, "schemas");
    mtr_json_map(json);
    for (const struct mtr_api_schema *schema = mtr_api_schemas; schema->name; schema++) {
        mtr_json_name(json, schema->name);
        mtr_json_raw(json, mtr_str_from(schema->json));
    }
    for (const struct api_route *route = api_routes; route->path; route++) {
        if (!route->list) continue;
        mtr_json_name(json, route->list->name);
        api_list_write_schema(route->list, references, json);
        add_shape(&shapes, route->list->row);
    }
    for (uint32_t i = 0; i < shapes.count; i++) {
        mtr_json_name(json, shapes.items[i]->name);
        mtr_shape_write_schema(shapes.items[i], references, json);
    }
    mtr_json_map_end(json);
    mtr_json_map_end(json);
}

void api_get_openapi(struct api_call *call)
{
    struct mtr_json_writer json;
    api_json(call, &json);
    mtr_json_map(&json);
    pair(&json, "openapi", "3.1.0");
    mtr_json_name(&json, "info");
    mtr_json_map(&json);
    pair(&json, "title", "meterd");
    pair(&json, "version", METERD_VERSION);
    pair(&json, "description",
         "Usage metering: events in, usage and rated charges out. Money and quantities are strings of exact "
         "decimals.");
    mtr_json_map_end(&json);
    paths(&json);
    components(&json);
    mtr_json_map_end(&json);
    api_json_end(call, &json);
}
