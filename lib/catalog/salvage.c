/*
 * The catalog's part of a salvage: keys of documents, and whether what was made is a catalog.
 */
#include "meterd/catalog/salvage.h"

#include <stdio.h>

#include "lib/catalog/bundle.h"
#include "meterd/catalog/store.h"
#include "meterd/core/limits.h"
#include "meterd/store/documents_salvage.h"

static int name(void *context, const struct mtr_stored_document *first, struct mtr_arena *arena,
                struct mtr_str *key)
{
    struct mtr_document *document = NULL;
    struct mtr_diagnostic unheard;
    char whole[MTR_NAME_BYTES_MAX + 1];
    (void)context;
    if (first->kind >= MTR_KIND_COUNT) return MTR_ECORRUPT;
    int rc = mtr_document_parse(first->json, &document, &unheard);
    if (rc) return rc;
    const struct mtr_node *root = mtr_document_root(document);
    const struct mtr_str own = mtr_node_text(root, "key"),
                         service = bundle_service_of((enum mtr_catalog_kind)first->kind, root);
    const int size = snprintf(whole, sizeof(whole), "%.*s%s%.*s", MTR_STR_ARGS(service),
                              service.size ? "/" : "", MTR_STR_ARGS(own));
    rc = !own.size || size >= (int)sizeof(whole)
             ? MTR_ECORRUPT
             : mtr_arena_copy(arena, (struct mtr_str){whole, (size_t)size}, key);
    mtr_document_close(document);
    return rc;
}

static void lost(void *context, const struct mtr_documents_loss *loss)
{
    const struct mtr_catalog_salvage *task = context;
    const struct mtr_catalog_loss told = {
        .kind = loss->kind < MTR_KIND_COUNT ? kind_of((enum mtr_catalog_kind)loss->kind)->name : "document",
        .key = loss->key,
        .number = loss->number,
        .revision = loss->revision};
    task->lost(task->context, &told);
}

int mtr_catalog_salvage(const struct mtr_catalog_salvage *task, struct mtr_diagnostic *diagnostic)
{
    union {
        const struct mtr_catalog_salvage *task;
        void *context;
    } borrowed = {.task = task}; /* which is only read */
    const struct mtr_documents_salvage salvage = {.from = task->from,
                                                  .to = task->to,
                                                  .version_known = task->version_known,
                                                  .name = name,
                                                  .lost = lost,
                                                  .context = borrowed.context};
    struct mtr_catalog_store *store = NULL;
    uint64_t version;
    int rc = mtr_documents_salvage(&salvage, &version, diagnostic);
    if (rc || !task->to) return rc;
    rc = mtr_catalog_store_open(task->to, true, &store, diagnostic);
    if (!rc) mtr_catalog_store_close(store);
    return rc;
}
