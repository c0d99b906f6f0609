/*
 * Documents of the catalog as they are kept: the newest of each, and their revisions.
 */
#include "daemon/api/rows.h"
#include "daemon/api/routes.h"
#include "meterd/catalog/store.h"

#include <string.h>

#include "meterd/core/limits.h"
#include "meterd/source/source_read.h"

struct document_row {
    const char *kind;
    struct mtr_str key, service;
    uint32_t revision;
    int64_t applied_at;
    struct mtr_str applied_by, document;
    bool deleted;
};

static const struct mtr_shape any_map = {.schema = "{\"type\":\"object\"}"};

#define ROW(field) MTR_MEMBER(document_row, field)
static const struct mtr_json_member document_members[] = {
    {ROW(kind), .type = MTR_MEMBER_WORD, .doc = "of the document"},
    {ROW(key), .type = MTR_MEMBER_TEXT, .doc = "unique in its kind; of meters and tariffs in their service"},
    {ROW(service), .type = MTR_MEMBER_TEXT, .presence = MTR_MAY_LACK,
     .doc = "of a meter or tariff: elsewhere it is named SERVICE/KEY"},
    {ROW(revision), .type = MTR_MEMBER_U32, .doc = "from 1"},
    {ROW(applied_at), .type = MTR_MEMBER_TIME, .doc = "when the revision was stored"},
    {ROW(applied_by), .type = MTR_MEMBER_TEXT, .doc = "key of the API key that did it"},
    {ROW(deleted), .type = MTR_MEMBER_BOOL, .doc = "true: this revision deleted it, and has no document"},
    {ROW(document), .type = MTR_MEMBER_JSON, .shape = &any_map, .presence = MTR_MAY_LACK,
     .doc = "as GET /v1/schemas/{kind} describes it"},
    {0},
};
static const struct mtr_shape document_shape = {.name = "Document", .members = document_members};

static struct mtr_str service_of(const struct mtr_catalog *catalog,
                                 const struct mtr_catalog_document *document)
{
    const struct mtr_meter *meter =
        document->kind == MTR_KIND_METER ? mtr_catalog_find_meter(catalog, document->name) : NULL;
    const struct mtr_tariff_document *tariff =
        document->kind == MTR_KIND_TARIFF ? mtr_catalog_find_tariff(catalog, document->name) : NULL;
    if (meter) return meter->service->key;
    return tariff && tariff->service.size ? tariff->service : (struct mtr_str){NULL, 0};
}

static struct document_row document_row(const struct mtr_catalog *catalog,
                                        const struct mtr_catalog_document *document)
{
    return (struct document_row){.kind = mtr_catalog_kind_name(document->kind),
                                 .key = document->key,
                                 .service = service_of(catalog, document),
                                 .revision = document->revision,
                                 .applied_at = document->applied_us,
                                 .applied_by = document->who,
                                 .document = document->json.size ? document->json : (struct mtr_str){NULL, 0},
                                 .deleted = document->json.size == 0};
}

/* Documents of a kind, or the revisions of one. */
struct documents {
    enum mtr_catalog_kind kind;
    const struct mtr_catalog *catalog; /* in force when it was asked */
    struct mtr_str only;               /* its name; empty: all */
    char after[MTR_NAME_BYTES_MAX];
    size_t after_size;
    uint32_t after_revision;
    struct api_rows *rows; /* of a piece */
};

static int on_document(void *context, const struct mtr_catalog_document *document)
{
    struct documents *documents = context;
    const struct document_row row = document_row(documents->catalog, document);
    if (document->name.size > sizeof(documents->after)) return MTR_ECORRUPT;
    int rc = api_row(documents->rows, &row);
    memcpy(documents->after, document->name.data, document->name.size);
    documents->after_size = document->name.size;
    documents->after_revision = document->revision;
    return !rc && api_rows_full(documents->rows) ? API_STOP : rc;
}

static int fill(struct api_call *call, struct api_rows *rows)
{
    struct mtr_catalog_store *store = call->host->catalog_store;
    struct documents *documents = call->state;
    const struct mtr_str after = {documents->after, documents->after_size};
    documents->rows = rows;
    int rc = documents->only.size
                 ? mtr_catalog_store_walk_revisions(store, documents->kind, documents->only,
                                                    documents->after_revision, on_document, documents)
                 : mtr_catalog_store_walk(store, documents->kind, after, on_document, documents);
    if (!rc) api_rows_end(rows, 0, false);
    return rc == API_STOP ? MTR_OK : rc;
}

static bool begin(struct api_call *call)
{
    struct documents *documents = api_allocate(call, sizeof(*documents));
    if (!documents || !api_kind(call, call->path_parameters[0], &documents->kind)) return false;
    documents->only = call->path_parameters[1];
    documents->catalog = call->catalog;
    call->state = documents;
    return api_is_one(call, documents->kind, documents->only);
}

static const struct api_list list = {
    .name = "Documents",
    .member = "documents",
    .row = &document_shape,
    .pages = API_WHOLE,
    .failure = "the catalog cannot be read",
    .begin = begin,
    .fill = fill,
};

const struct api_route api_list_documents = {
    .method = MTR_HTTP_GET,
    .path = "/v1/catalog/{kind}",
    .scope = MTR_SCOPE_ADMIN,
    .operation = "listDocuments",
    .summary = "The newest revision of every document of a kind",
    .list = &list,
    .handle = api_answer_rows,
};

static int on_document_json(void *context, const struct mtr_catalog_document *document)
{
    struct api_call *call = context;
    const struct document_row row = document_row(call->catalog, document);
    api_answer(call, &row);
    return MTR_OK;
}

/* Of a source with its preset's values. */
static int fill_document(struct api_call *call, const struct mtr_catalog_document *document,
                         struct mtr_document *tree, const struct mtr_node **out)
{
    struct mtr_diagnostics unheard;
    *out = mtr_document_root(tree);
    if (!api_flag(call, "filled") || document->kind != MTR_KIND_SOURCE) return MTR_OK;
    mtr_diagnostics_init(&unheard, 1);
    int rc = mtr_source_fill(*out, &call->arena, out, &unheard);
    mtr_diagnostics_release(&unheard);
    return rc == MTR_EINVALID ? MTR_OK : rc; /* a preset that there is no more: as written */
}

static int on_document_filled(void *context, const struct mtr_catalog_document *document)
{
    struct api_call *call = context;
    struct document_row row = document_row(call->catalog, document);
    struct mtr_document *tree = NULL;
    struct mtr_diagnostic diagnostic;
    struct mtr_buffer json;
    const struct mtr_node *filled;
    if (!document->json.size) return on_document_json(context, document);
    mtr_buffer_init(&json, 2 * (size_t)MTR_DOCUMENT_BYTES_MAX);
    int rc = mtr_document_parse(document->json, &tree, &diagnostic);
    if (!rc) rc = fill_document(call, document, tree, &filled);
    if (!rc) rc = mtr_node_write_json(filled, &json);
    row.document = mtr_buffer_str(&json);
    if (!rc) api_answer(call, &row);
    mtr_buffer_release(&json);
    mtr_document_close(tree);
    return rc;
}

/* The document alone, as it would be written in a file. */
static int on_document_yaml(void *context, const struct mtr_catalog_document *document)
{
    struct api_call *call = context;
    struct mtr_document *tree = NULL;
    struct mtr_diagnostic diagnostic;
    const struct mtr_node *root;
    call->status = 200;
    call->answer_type = "application/yaml";
    int rc = mtr_document_parse(document->json, &tree, &diagnostic);
    if (!rc) rc = fill_document(call, document, tree, &root);
    if (!rc) rc = mtr_node_write_yaml(root, &call->answer);
    mtr_document_close(tree);
    return rc;
}

static void get_document(struct api_call *call)
{
    enum { AS_JSON, AS_YAML };
    enum mtr_catalog_kind kind;
    const uint32_t revision = (uint32_t)api_u64(call, "revision");
    const struct mtr_str key = call->path_parameters[1];
    if (api_flag(call, "revisions")) {
        api_answer_rows(call);
        return;
    }
    const int as = api_negotiate(call);
    if (as < 0 || !api_kind(call, call->path_parameters[0], &kind) || !api_is_one(call, kind, key)) return;
    int rc = mtr_catalog_store_get(call->host->catalog_store, kind, key, revision,
                                   as == AS_YAML               ? on_document_yaml
                                   : api_flag(call, "filled") ? on_document_filled
                                                               : on_document_json,
                                   call);
    if (rc == MTR_ENOTFOUND && revision)
        api_problem(call, 404, MTR_FINDING_REQUEST_UNKNOWN, "there is no %s '%.*s%s' with this revision",
                    mtr_catalog_kind_name(kind), MTR_STR_QUOTED(key));
    else if (rc == MTR_ENOTFOUND)
        api_unknown(call, kind, key);
    else if (rc) api_error(call, rc, "the catalog cannot be read");
}

static const struct api_parameter get_parameters[] = {
    {"revision", API_INTEGER, .min = 1, .max = UINT32_MAX, .doc = "this revision; default: the newest"},
    {"revisions", API_BOOLEAN, .doc = "all revisions instead of one document"},
    {"filled", API_BOOLEAN, .doc = "of a source: with its preset's values where it says nothing"},
    {0},
};

const struct api_route api_get_document = {
    .method = MTR_HTTP_GET,
    .path = "/v1/catalog/{kind}/{key}",
    .scope = MTR_SCOPE_ADMIN,
    .operation = "getDocument",
    .summary = "One document, or its revisions",
    .parameters = get_parameters,
    .answer = &document_shape,
    .answer_types = API_JSON ",application/yaml",
    .list = &list,
    .handle = get_document,
};
