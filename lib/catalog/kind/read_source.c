/*
 * Sources: their language has a reader of its own (lib/source); this hands it the document and the zones.
 *
 * A stored document was accepted once. Where it cannot be read any more (a zone that the system lost, a rule
 * that came later), the catalog opens with the source disabled: what was polled stays, nothing is asked.
 */
#include <xxhash.h>

#include "lib/catalog/record.h"
#include "meterd/source/source_read.h"

static int get_zone(void *context, struct mtr_str name, struct mtr_zone **out)
{
    return zones_get(context, name, out);
}

static int read(struct mtr_record *record, struct mtr_zones *zones, struct mtr_diagnostics *findings)
{
    const struct mtr_source_zones from = {get_zone, zones};
    struct mtr_diagnostics unheard;
    struct mtr_source *source = mtr_arena_calloc(&record->arena, 1, sizeof(*source));
    if (!source) return MTR_ENOMEM;
    record->fields.source = source;
    mtr_diagnostics_init(&unheard, 1);
    int rc = mtr_source_read(record->node, &from, &record->arena, source,
                             record->stored ? &unheard : findings);
    mtr_diagnostics_release(&unheard);
    source->number = record->number;
    source->key = record->key;
    source->edition = XXH3_64bits(record->json.data, record->json.size);
    if (rc != MTR_EINVALID || !record->stored) return rc;
    *source = (struct mtr_source){.number = record->number, .key = record->key, .disabled = true};
    return mtr_arena_copy(&record->arena, mtr_node_text(record->node, "vendor"), &source->vendor);
}

static void check(const struct mtr_record *old, const struct mtr_record *now,
                  struct mtr_diagnostics *findings)
{
    record_freeze(now, "vendor",
                  mtr_str_equal(old->fields.source->vendor, now->fields.source->vendor), findings);
}

const struct mtr_kind source_kind = {
    .id = MTR_KIND_SOURCE,
    .name = "source",
    .plural = "sources",
    .fields = mtr_source_fields,
    .read = read,
    .check_frozen = check,
    .deletable = true,
    .fields_bytes = sizeof(struct mtr_source *),
};
