/*
 * Records: decoding by the kind's rows and hooks, counted references, and findings with their place.
 */
#include "lib/catalog/record.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "meterd/core/time.h"

enum { CHUNK_BYTES = 256, RECORD_BYTES_MAX = 256 << 20 };

struct mtr_record *record_acquire(struct mtr_record *record)
{
    atomic_fetch_add_explicit(&record->references, 1, memory_order_relaxed);
    return record;
}

void record_release(struct mtr_record *record)
{
    if (!record || atomic_fetch_sub_explicit(&record->references, 1, memory_order_acq_rel) > 1) return;
    mtr_arena_release(&record->arena);
    free(record);
}

/* At that node of the text at hand; `at` may be NULL. */
static void fail_at(const struct mtr_record *record, enum mtr_finding_code code, const struct mtr_node *at,
                    const char *name, struct mtr_diagnostics *findings, const char *text)
{
    if (!record->node) {
        mtr_diagnostics_addf(findings, code, 0, 0, name, "%s (in the stored %s `%.*s`)", text,
                             record->kind->name, MTR_STR_ARGS(record->key));
        return;
    }
    if (!at) at = record->node;
    mtr_diagnostics_addf(findings, code, at->line, at->column, name, "%s", text);
}

void record_fail(const struct mtr_record *record, enum mtr_finding_code code, const char *name,
                 struct mtr_diagnostics *findings, const char *format, ...)
{
    char text[sizeof(((struct mtr_diagnostic *)NULL)->text)];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    fail_at(record, code, record->node ? mtr_node_get(record->node, name) : NULL, name, findings, text);
}

void record_fail_item(const struct mtr_record *record, enum mtr_finding_code code, const char *name,
                      uint32_t index, struct mtr_diagnostics *findings, const char *format, ...)
{
    char text[sizeof(((struct mtr_diagnostic *)NULL)->text)];
    const struct mtr_node *list = record->node ? mtr_node_get(record->node, name) : NULL;
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    fail_at(record, code, list && index < list->child_count ? &list->children[index] : NULL, name, findings,
            text);
}

void record_freeze(const struct mtr_record *now, const char *name, bool same,
                   struct mtr_diagnostics *findings)
{
    if (!same)
        record_fail(now, MTR_FINDING_CATALOG_FIELD_FROZEN, name, findings,
                    "cannot change: usage may be folded with it. Make a new %s instead%s", now->kind->name,
                    now->kind->deletable ? ", or delete this one where it was never used" : "");
}

/* A date is kept as one: which instant it is depends on the subscription that asks. */
void record_read_time(const struct mtr_record *record, const char *name, struct mtr_str text,
                      struct mtr_catalog_time *out, struct mtr_diagnostics *findings)
{
    enum { DATE_BYTES = 10 };
    *out = (struct mtr_catalog_time){.text = text, .is_date = text.size == DATE_BYTES};
    if (!text.size) return;
    if (mtr_time_parse_date(text, &out->time_us)) {
        char fault[MTR_DATE_FAULT_BYTES];
        mtr_date_fault(text, fault);
        record_fail(record, MTR_FINDING_CATALOG_TIME_MALFORMED, name, findings, "%s", fault);
        return;
    }
    out->days = out->time_us / MTR_US_PER_DAY;
}

int record_read_rows(struct mtr_record *record, struct mtr_diagnostics *findings)
{
    return mtr_schema_decode(record->kind->fields, record->node, &record->arena, &record->fields, findings);
}

static int read_fields(struct mtr_record *record, struct mtr_zones *zones, struct mtr_diagnostics *findings)
{
    const struct mtr_kind *kind = record->kind;
    size_t errors = findings->errors;
    if (kind->read) return kind->read(record, zones, findings);
    int rc = record_read_rows(record, findings);
    if (rc) return rc;
    rc = kind->finish ? kind->finish(record, zones, findings) : MTR_OK;
    return !rc && findings->errors > errors ? MTR_EINVALID : rc;
}

int record_decode(const struct record_source *source, struct mtr_zones *zones,
                  struct mtr_diagnostics *findings, struct mtr_record **out)
{
    const size_t fields_bytes = source->kind->fields_bytes;
    struct mtr_record *record =
        calloc(1, fields_bytes ? offsetof(struct mtr_record, fields) + fields_bytes : sizeof(*record));
    if (!record) return MTR_ENOMEM;
    atomic_init(&record->references, 1);
    record->kind = source->kind;
    record->number = source->number;
    record->node = source->node;
    record->stored = source->stored;
    mtr_arena_init(&record->arena, CHUNK_BYTES, RECORD_BYTES_MAX);
    int rc = mtr_arena_copy(&record->arena, source->key, &record->key);
    if (!rc) rc = mtr_arena_copy(&record->arena, source->stored_key, &record->stored_key);
    if (!rc) rc = mtr_arena_copy(&record->arena, source->json, &record->json);
    if (!rc) rc = read_fields(record, zones, findings);
    if (rc) {
        record_release(record);
        return rc;
    }
    *out = record;
    return MTR_OK;
}
