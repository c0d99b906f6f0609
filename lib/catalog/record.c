/*
 * Records: decoding by the registry's rows, counted references, and the fields that may not change.
 */
#include "lib/catalog/record.h"

#include <stdio.h>
#include <stdlib.h>

enum { CHUNK_BYTES = 512, RECORD_BYTES_MAX = 256 << 20 };

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

void record_fail(const struct mtr_record *record, const char *name, struct mtr_diagnostics *findings,
                     const char *format, ...)
{
    char text[sizeof(((struct mtr_diagnostic *)NULL)->text)];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (!record->node) {
        mtr_diagnostics_addf(findings, MTR_SEVERITY_ERROR, 0, 0, name, "%s (in the stored %s `%.*s`)", text,
                             mtr_catalog_kind_name(record->kind), MTR_STR_ARGS(record->key));
        return;
    }
    const struct mtr_node *at = mtr_node_get(record->node, name);
    if (!at) at = record->node;
    mtr_diagnostics_addf(findings, MTR_SEVERITY_ERROR, at->line, at->column, name, "%s", text);
}

/* A tariff document of its own may leave its key to the path; the tariff's reader wants it written. */
static int read_tariff(struct mtr_record *record, struct mtr_diagnostics *findings)
{
    const struct mtr_node *node = record->node;
    struct mtr_node with_key = *node;
    const struct mtr_node *key = mtr_node_get(node, "key");
    if (!key || key->kind == MTR_NODE_NULL) {
        struct mtr_node *children =
            mtr_arena_calloc(&record->arena, (size_t)node->child_count + 1, sizeof(*children));
        if (!children) return MTR_ENOMEM;
        uint32_t count = 0;
        children[count++] = (struct mtr_node){.kind = MTR_NODE_STRING,
                                              .line = node->line,
                                              .column = node->column,
                                              .key = MTR_STR("key"),
                                              .text = record->key};
        for (uint32_t i = 0; i < node->child_count; i++)
            if (&node->children[i] != key) children[count++] = node->children[i];
        with_key.children = children;
        with_key.child_count = count;
    }
    int rc = mtr_tariff_read(&with_key, &record->arena, &record->fields.tariff, findings);
    record->fields.tariff.number = record->number;
    for (uint32_t i = 0; !rc && i < record->fields.tariff.currency_count; i++)
        record->fields.tariff.currencies[i].number = record->number;
    return rc;
}

static int decode_fields(struct mtr_record *record, struct mtr_zones *zones, struct mtr_diagnostics *findings)
{
    const struct mtr_kind *kind = &mtr_kinds[record->kind];
    size_t errors = findings->errors;
    int rc;
    if (record->kind == MTR_KIND_TARIFF) return read_tariff(record, findings);
    rc = mtr_schema_decode(kind->fields, record->node, &record->arena, &record->fields, findings);
    if (rc) return rc;
    rc = kind->finish ? kind->finish(record, zones, findings) : MTR_OK;
    return !rc && findings->errors > errors ? MTR_EINVALID : rc;
}

int record_decode(enum mtr_catalog_kind kind, uint32_t number, struct mtr_str key, struct mtr_str json,
                      const struct mtr_node *node, struct mtr_zones *zones, struct mtr_diagnostics *findings,
                      struct mtr_record **out)
{
    struct mtr_record *record = calloc(1, sizeof(*record));
    if (!record) return MTR_ENOMEM;
    atomic_init(&record->references, 1);
    record->kind = kind;
    record->number = number;
    record->node = node;
    mtr_arena_init(&record->arena, CHUNK_BYTES, RECORD_BYTES_MAX);
    int rc = mtr_arena_copy(&record->arena, key, &record->key);
    if (!rc) rc = mtr_arena_copy(&record->arena, json, &record->json);
    if (!rc) rc = decode_fields(record, zones, findings);
    if (rc) {
        record_release(record);
        return rc;
    }
    *out = record;
    return MTR_OK;
}

static void frozen(const struct mtr_record *now, const char *name, bool same,
                   struct mtr_diagnostics *findings)
{
    if (!same)
        record_fail(now, name, findings, "cannot change: usage was folded with it. Make a new %s instead",
                        mtr_catalog_kind_name(now->kind));
}

static bool same_texts(const struct mtr_str *a, uint32_t a_count, const struct mtr_str *b, uint32_t b_count)
{
    if (a_count != b_count) return false;
    for (uint32_t i = 0; i < a_count; i++)
        if (!mtr_str_equal(a[i], b[i])) return false;
    return true;
}

static bool same_filters(const struct mtr_meter_fields *a, const struct mtr_meter_fields *b)
{
    if (a->filter_count != b->filter_count) return false;
    for (uint32_t i = 0; i < a->filter_count; i++) {
        const struct mtr_filter *x = &a->filters[i], *y = &b->filters[i];
        if (!mtr_str_equal(x->property, y->property) ||
            !same_texts(x->values, x->value_count, y->values, y->value_count))
            return false;
    }
    return true;
}

static void check_meter(const struct mtr_record *old, const struct mtr_record *now,
                        struct mtr_diagnostics *findings)
{
    const struct mtr_meter_fields *a = &old->fields.meter, *b = &now->fields.meter;
    frozen(now, "service", mtr_str_equal(a->service, b->service), findings);
    frozen(now, "event_type", mtr_str_equal(a->event_type, b->event_type), findings);
    frozen(now, "aggregation", a->aggregation == b->aggregation, findings);
    frozen(now, "value", mtr_str_equal(a->value, b->value), findings);
    frozen(now, "group_by",
           same_texts(a->group_by.items, a->group_by.count, b->group_by.items, b->group_by.count), findings);
    frozen(now, "filter", same_filters(a, b), findings);
    frozen(now, "keep_events", a->keep_events == b->keep_events, findings);
    frozen(now, "spread_over", mtr_str_equal(a->spread_over, b->spread_over), findings);
    frozen(now, "reports", a->reports == b->reports, findings);
    frozen(now, "per", a->per == b->per, findings);
    frozen(now, "holds_from", a->holds_from == b->holds_from, findings);
    frozen(now, "percentile", mtr_quantity_compare(a->percentile, b->percentile) == 0, findings);
    frozen(now, "window", a->window_us == b->window_us, findings);
}

void record_check_frozen(const struct mtr_record *old, const struct mtr_record *now,
                             struct mtr_diagnostics *findings)
{
    if (old->kind == MTR_KIND_SERVICE) {
        frozen(now, "vendor", mtr_str_equal(old->fields.service.vendor, now->fields.service.vendor),
               findings);
    } else if (old->kind == MTR_KIND_METER) {
        check_meter(old, now, findings);
    } else if (old->kind == MTR_KIND_SUBSCRIPTION) {
        const struct mtr_subscription_fields *a = &old->fields.subscription, *b = &now->fields.subscription;
        frozen(now, "service", mtr_str_equal(a->service, b->service), findings);
        frozen(now, "subject", mtr_str_equal(a->subject, b->subject), findings);
        frozen(now, "zone", mtr_str_equal(a->zone_name, b->zone_name), findings);
    }
}
