/*
 * Catalog calls: documents in, checked, versioned; documents out.
 */
#include "daemon/api/api.h"
#include "meterd/catalog/store.h"

#include <string.h>

#include "meterd/core/logline.h"

enum { FINDINGS_MAX = 200 };

static void write_change(struct api_call *call, const struct mtr_catalog_change *change, bool dry_run,
                         const struct mtr_diagnostics *findings)
{
    struct mtr_json_writer json;
    api_json(call, &json);
    mtr_json_map(&json);
    mtr_json_name(&json, "created");
    mtr_json_u64(&json, change->created);
    mtr_json_name(&json, "updated");
    mtr_json_u64(&json, change->updated);
    mtr_json_name(&json, "unchanged");
    mtr_json_u64(&json, change->unchanged);
    mtr_json_name(&json, "version");
    mtr_json_u64(&json, change->version);
    mtr_json_name(&json, "dry_run");
    mtr_json_bool(&json, dry_run);
    mtr_json_name(&json, "findings"); /* warnings */
    mtr_json_findings(&json, findings);
    mtr_json_map_end(&json);
    api_json_end(call, &json);
}

static void apply(struct api_call *call, const enum mtr_catalog_kind *kind, struct mtr_str key)
{
    struct mtr_catalog_change change = {0};
    struct mtr_diagnostics findings;
    bool dry_run = api_flag(call, "dry_run");
    mtr_diagnostics_init(&findings, FINDINGS_MAX);
    const struct mtr_catalog_edit edit = {.text = call->body,
                                          .kind = kind,
                                          .key = key,
                                          .who = call->credential->key,
                                          .now_us = call->now_us,
                                          .dry_run = dry_run};
    int rc = mtr_catalog_store_apply(call->host->catalog_store, &edit, &change, &findings);
    if (rc == MTR_EINVALID) {
        api_findings(call, 422, "the documents have errors; nothing was changed", &findings);
    } else if (rc) {
        api_error(call, rc, "the catalog could not be changed");
    } else {
        write_change(call, &change, dry_run, &findings);
        if (!dry_run && change.created + change.updated) {
            mtr_logline(MTR_LEVEL_INFO, "catalog", "version=%llu created=%u updated=%u by=%.*s",
                        (unsigned long long)change.version, change.created, change.updated,
                        MTR_STR_ARGS(call->credential->key));
            call->host->catalog_changed(call->host->context);
        }
    }
    mtr_diagnostics_release(&findings);
}

static bool kind_of(struct api_call *call, enum mtr_catalog_kind *kind)
{
    if (mtr_catalog_kind_from_name(call->path_parameters[0], kind)) return true;
    api_problem(call, 404,
                    "there is no kind '%.*s': vendor, service, meter, tariff, subscription, api_key, "
                    "destination, credit, rate",
                    MTR_STR_ARGS(call->path_parameters[0]));
    return false;
}

void api_put_catalog(struct api_call *call)
{
    apply(call, NULL, (struct mtr_str){NULL, 0});
}

void api_put_document(struct api_call *call)
{
    enum mtr_catalog_kind kind;
    if (kind_of(call, &kind)) apply(call, &kind, call->path_parameters[1]);
}

static int on_document(void *context, const struct mtr_catalog_document *document)
{
    struct mtr_json_writer *json = context;
    mtr_json_map(json);
    mtr_json_name(json, "kind");
    mtr_json_cstr(json, mtr_catalog_kind_name(document->kind));
    mtr_json_name(json, "key");
    mtr_json_text(json, document->key);
    mtr_json_name(json, "revision");
    mtr_json_u64(json, document->revision);
    mtr_json_name(json, "applied_at");
    mtr_json_time(json, document->applied_us);
    mtr_json_name(json, "applied_by");
    mtr_json_text(json, document->who);
    mtr_json_name(json, "document");
    mtr_json_raw(json, document->json);
    mtr_json_map_end(json);
    return json->error;
}

static void list(struct api_call *call, enum mtr_catalog_kind kind, struct mtr_str key)
{
    struct mtr_json_writer json;
    api_json(call, &json);
    mtr_json_map(&json);
    mtr_json_name(&json, "documents");
    mtr_json_list(&json);
    int rc = mtr_catalog_store_walk(call->host->catalog_store, kind, key, on_document, &json);
    if (rc) {
        api_error(call, rc, "the catalog cannot be read");
        return;
    }
    mtr_json_list_end(&json);
    mtr_json_map_end(&json);
    api_json_end(call, &json);
}

void api_list_documents(struct api_call *call)
{
    enum mtr_catalog_kind kind;
    if (kind_of(call, &kind)) list(call, kind, (struct mtr_str){NULL, 0});
}

/* The document alone, as it would be written in a file. */
static int on_document_yaml(void *context, const struct mtr_catalog_document *document)
{
    struct mtr_document *tree = NULL;
    struct mtr_diagnostic diagnostic;
    int rc = mtr_document_parse(document->json, &tree, &diagnostic);
    if (!rc) rc = mtr_node_write_yaml(mtr_document_root(tree), context);
    mtr_document_close(tree);
    return rc;
}

static int get_document(struct api_call *call, enum mtr_catalog_kind kind, uint32_t revision, bool yaml)
{
    struct mtr_catalog_store *store = call->host->catalog_store;
    struct mtr_json_writer json;
    if (yaml) {
        call->status = 200;
        call->answer_type = "application/yaml";
        return mtr_catalog_store_get(store, kind, call->path_parameters[1], revision, on_document_yaml,
                                     &call->answer);
    }
    api_json(call, &json);
    int rc = mtr_catalog_store_get(store, kind, call->path_parameters[1], revision, on_document, &json);
    if (!rc) api_json_end(call, &json);
    return rc;
}

void api_get_document(struct api_call *call)
{
    enum mtr_catalog_kind kind;
    uint64_t revision = 0;
    struct mtr_str key = call->path_parameters[1];
    int as = api_negotiate(call);
    if (as < 0 || !kind_of(call, &kind) || !api_u64(call, "revision", 1, UINT32_MAX, &revision)) return;
    if (api_flag(call, "revisions")) {
        list(call, kind, key);
        return;
    }
    int rc = get_document(call, kind, (uint32_t)revision, as == 1);
    if (rc == MTR_ENOTFOUND)
        api_problem(call, 404, "there is no %s '%.*s'%s", mtr_catalog_kind_name(kind), MTR_STR_ARGS(key),
                        revision ? " with this revision" : "");
    else if (rc) api_error(call, rc, "the catalog cannot be read");
}
