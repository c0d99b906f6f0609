/*
 * GET /v1/schemas: what documents of the catalog look like, as JSON Schema, out of the rows that read them.
 *
 * For editors: they complete keys, and mark what is wrong before it is sent.
 */
#include "daemon/api/rows.h"
#include "daemon/api/routes.h"

#include <stdio.h>

#include "meterd/core/schema.h"

enum { SCHEMA_BYTES_MAX = 4 << 20 };

struct kind_row {
    struct mtr_str kind, plural, path;
};

static const struct mtr_json_member members[] = {
    {MTR_MEMBER(kind_row, kind), .type = MTR_MEMBER_TEXT, .doc = "of documents"},
    {MTR_MEMBER(kind_row, plural), .type = MTR_MEMBER_TEXT, .doc = "under which a file lists them"},
    {MTR_MEMBER(kind_row, path), .type = MTR_MEMBER_TEXT, .doc = "of its schema"},
    {0},
};
static const struct mtr_shape kind_shape = {.name = "Schema", .members = members};

static bool begin(struct api_call *call)
{
    (void)call;
    return true;
}

static int fill(struct api_call *call, struct api_rows *rows)
{
    int rc = MTR_OK;
    (void)call;
    for (int i = 0; !rc && i < MTR_KIND_COUNT; i++) {
        char path[64];
        const char *name = mtr_catalog_kind_name((enum mtr_catalog_kind)i);
        snprintf(path, sizeof(path), "/v1/schemas/%s", name);
        const struct kind_row row = {.kind = mtr_str_from(name),
                                     .plural =
                                         mtr_str_from(mtr_catalog_kind_plural((enum mtr_catalog_kind)i)),
                                     .path = mtr_str_from(path)};
        rc = api_row(rows, &row);
    }
    if (!rc) api_rows_end(rows, 0, false);
    return rc;
}

static const struct api_list list = {
    .name = "Schemas",
    .member = "schemas",
    .row = &kind_shape,
    .pages = API_WHOLE,
    .failure = "the schemas cannot be listed",
    .begin = begin,
    .fill = fill,
};

const struct api_route api_list_schemas = {
    .method = MTR_HTTP_GET,
    .path = "/v1/schemas",
    .scope = MTR_SCOPE_ADMIN,
    .operation = "listSchemas",
    .summary = "The kinds of catalog documents, and where their schemas are",
    .list = &list,
    .handle = api_answer_rows,
};

/* The kind's schema with what tells what it is in front of its members. */
static int write_schema(struct mtr_buffer *out, enum mtr_catalog_kind kind)
{
    const struct mtr_shape shape = api_kind_shape(kind);
    struct mtr_buffer schema;
    mtr_buffer_init(&schema, SCHEMA_BYTES_MAX);
    int rc = mtr_schema_write_json_schema(shape.fields, shape.amounts_by_currency, &schema);
    if (!rc)
        rc = mtr_buffer_printf(
            out, "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"title\":\"%s\",",
            mtr_catalog_kind_name(kind));
    if (!rc) rc = mtr_buffer_append(out, schema.data + 1, schema.size - 1);
    mtr_buffer_release(&schema);
    return rc;
}

static void get_schema(struct api_call *call)
{
    enum mtr_catalog_kind kind;
    if (!api_kind(call, call->path_parameters[0], &kind)) return;
    call->status = 200;
    call->answer_type = "application/json";
    int rc = write_schema(&call->answer, kind);
    if (rc) api_error(call, rc, "the schema cannot be written");
}

static const struct mtr_shape schema_shape = {.schema = "{\"type\":\"object\"}"};

const struct api_route api_get_schema = {
    .method = MTR_HTTP_GET,
    .path = "/v1/schemas/{kind}",
    .scope = MTR_SCOPE_ADMIN,
    .operation = "getSchema",
    .summary = "What a document of the kind looks like, as JSON Schema (2020-12)",
    .answer = &schema_shape,
    .handle = get_schema,
};
