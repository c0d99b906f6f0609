/*
 * Revisions in their order, each handed what the one before it knew.
 */
#include "lib/catalog/source_history.h"

#include <string.h>

#include "meterd/source/window.h"

/* More changes of limits than a source that was read can have: each cuts the windows of the one before. */
enum { ERAS_MAX = 64 };

static struct mtr_source_window limits_of(const struct mtr_source_window *window)
{
    return (struct mtr_source_window){.length = window->length,
                                      .length_us = window->length_us,
                                      .has_current = window->has_current,
                                      .has_last = window->has_last,
                                      .zone = window->zone};
}

/* A revision that cannot be read any more has its own limits where these can, else those of before. */
static int go_on(const struct mtr_source *before, struct mtr_record *now, int64_t applied_us)
{
    struct mtr_source *source = now->fields.source;
    const bool is_other = source->has_limits && before->has_limits &&
                          !mtr_window_is_alike(&before->window, &source->window);
    const uint32_t skip = is_other && before->era_count == ERAS_MAX;
    const uint32_t kept = before->era_count - skip, count = kept + is_other;
    source->created_us = before->created_us;
    if (!source->has_limits && before->has_limits) {
        source->window = limits_of(&before->window);
        source->has_limits = true;
    }
    if (!count) return MTR_OK;
    struct mtr_source_era *eras = mtr_arena_calloc(&now->arena, count, sizeof(*eras));
    if (!eras) return MTR_ENOMEM;
    if (kept) memcpy(eras, before->eras + skip, kept * sizeof(*eras));
    if (is_other) eras[kept] = (struct mtr_source_era){limits_of(&before->window), applied_us};
    source->eras = eras;
    source->era_count = count;
    return MTR_OK;
}

int source_history_go_on(const struct mtr_record *before, struct mtr_record *now, int64_t applied_us)
{
    if (now->kind->id != MTR_KIND_SOURCE) return MTR_OK;
    if (before) return go_on(before->fields.source, now, applied_us);
    now->fields.source->created_us = applied_us;
    return MTR_OK;
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
    if (stored->revision == loading->newest_revision)
        return source_history_go_on(loading->before, loading->newest, stored->applied_us);
    int rc = stored->json.size ? decode(loading, stored, &record) : MTR_OK; /* else it was deleted */
    if (!rc && record) rc = source_history_go_on(loading->before, record, stored->applied_us);
    record_release(loading->before);
    loading->before = record;
    return rc;
}

int source_history_load(struct mtr_documents *documents, struct mtr_zones *zones,
                        const struct mtr_stored_document *newest, struct mtr_record *record)
{
    struct loading loading = {.zones = zones, .newest = record, .newest_revision = newest->revision};
    if (newest->revision == 1) return source_history_go_on(NULL, record, newest->applied_us);
    int rc = mtr_documents_walk_revisions(documents, MTR_KIND_SOURCE, newest->key, 0, on_revision, &loading);
    record_release(loading.before);
    if (rc) record_release(record);
    return rc;
}
