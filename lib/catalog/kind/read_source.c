/*
 * Sources: their language has a reader of its own (lib/source); this hands it the document and the zones.
 *
 * A stored document was accepted once. Where it cannot be read any more (a zone that the system lost, a rule
 * that came later), the catalog opens with the source disabled, and it says why: what was polled stays,
 * nothing is asked, and all others go on.
 */
#include <stdio.h>
#include <string.h>
#include <xxhash.h>

#include "lib/catalog/record.h"
#include "meterd/source/source_read.h"

static int get_zone(void *context, struct mtr_str name, struct mtr_zone **out)
{
    return zones_get(context, name, out);
}

enum { UNHEARD_MAX = 64 };

/* What the document is refused for: its first fault. */
static int say_why(struct mtr_record *record, const struct mtr_diagnostics *unheard, struct mtr_str *out)
{
    char text[MTR_FINDING_FIELD_BYTES + MTR_FINDING_TEXT_BYTES + 8] = "it is not understood";
    for (size_t i = 0; i < unheard->count; i++) {
        const struct mtr_diagnostic *fault = &unheard->items[i];
        if (fault->severity != MTR_SEVERITY_ERROR) continue;
        snprintf(text, sizeof(text), "%s%s%s", fault->field, fault->field[0] ? ": " : "", fault->text);
        break;
    }
    return mtr_arena_copy(&record->arena, mtr_str_from(text), out);
}

static int disable(struct mtr_record *record, const struct mtr_diagnostics *unheard)
{
    struct mtr_source *source = record->fields.source;
    const struct mtr_source_window *window = &source->window;
    struct mtr_source kept = {.number = source->number,
                              .key = source->key,
                              .edition = source->edition,
                              .disabled = true,
                              .has_limits = source->has_limits && !unheard->dropped};
    if (kept.has_limits)
        kept.window = (struct mtr_source_window){.length = window->length,
                                                 .length_us = window->length_us,
                                                 .has_current = window->has_current,
                                                 .has_last = window->has_last,
                                                 .zone = window->zone};
    *source = kept;
    int rc = say_why(record, unheard, &source->unreadable);
    return rc ? rc : mtr_arena_copy(&record->arena, mtr_node_text(record->node, "vendor"), &source->vendor);
}

static int read(struct mtr_record *record, struct mtr_zones *zones, struct mtr_diagnostics *findings)
{
    const struct mtr_source_zones from = {get_zone, zones};
    struct mtr_diagnostics unheard;
    struct mtr_source *source = mtr_arena_calloc(&record->arena, 1, sizeof(*source));
    if (!source) return MTR_ENOMEM;
    record->fields.source = source;
    mtr_diagnostics_init(&unheard, UNHEARD_MAX);
    int rc = mtr_source_read(record->node, &from, &record->arena, source,
                             record->stored ? &unheard : findings);
    source->number = record->number;
    source->key = record->key;
    source->edition = XXH3_64bits(record->json.data, record->json.size);
    if (rc == MTR_EINVALID && record->stored) rc = disable(record, &unheard);
    mtr_diagnostics_release(&unheard);
    return rc;
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
