/*
 * Revisions in their order, each handed what the one before it knew.
 */
#include "lib/catalog/source_history.h"

#include "meterd/source/source.h"

void source_history_go_on(const struct mtr_record *before, struct mtr_record *now, int64_t applied_us)
{
    struct mtr_source *source = now->fields.source;
    MTR_ASSERT(now->kind->id == MTR_KIND_SOURCE);
    source->created_us = before ? before->fields.source->created_us : applied_us;
}

struct loading {
    struct mtr_zones *zones;
    struct mtr_record *newest, *before; /* before: one reference, or NULL */
    uint32_t newest_revision;
};

static int decode(struct loading *loading, const struct mtr_stored_document *stored, struct mtr_record **out)
{
    struct mtr_document *document = NULL;
    struct mtr_diagnostic diagnostic;
    struct mtr_diagnostics unheard;
    int rc = mtr_document_parse(stored->json, &document, &diagnostic);
    if (rc) return rc == MTR_ENOMEM ? rc : MTR_ECORRUPT;
    const struct record_source source = {.kind = &source_kind,
                                         .number = stored->number,
                                         .stored = true,
                                         .key = loading->newest->key,
                                         .stored_key = loading->newest->stored_key,
                                         .json = stored->json,
                                         .node = mtr_document_root(document)};
    mtr_diagnostics_init(&unheard, 1);
    rc = record_decode(&source, loading->zones, &unheard, out);
    if (!rc) (*out)->node = NULL;
    mtr_diagnostics_release(&unheard);
    mtr_document_close(document);
    return rc;
}

static int on_revision(void *context, const struct mtr_stored_document *stored)
{
    struct loading *loading = context;
    struct mtr_record *record = NULL;
    if (stored->revision == loading->newest_revision) {
        source_history_go_on(loading->before, loading->newest, stored->applied_us);
        return MTR_OK;
    }
    int rc = stored->json.size ? decode(loading, stored, &record) : MTR_OK; /* else it was deleted */
    if (!rc && record) source_history_go_on(loading->before, record, stored->applied_us);
    record_release(loading->before);
    loading->before = record;
    return rc;
}

int source_history_load(struct mtr_documents *documents, struct mtr_zones *zones,
                        const struct mtr_stored_document *newest, struct mtr_record *record)
{
    struct loading loading = {.zones = zones, .newest = record, .newest_revision = newest->revision};
    if (newest->revision == 1) {
        source_history_go_on(NULL, record, newest->applied_us);
        return MTR_OK;
    }
    int rc = mtr_documents_walk_revisions(documents, MTR_KIND_SOURCE, newest->key, 0, on_revision, &loading);
    record_release(loading.before);
    if (rc) record_release(record);
    return rc;
}
