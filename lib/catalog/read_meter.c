/*
 * What a meter's rows cannot say: the filter, and how value, aggregation and dimensions must fit together.
 */
#include "lib/catalog/record.h"

#include <string.h>

#include "meterd/core/event.h"
#include "meterd/core/limits.h"
#include "meterd/core/time.h"

enum { FILTERS_MAX = 16, FILTER_VALUES_MAX = 256 };

static int fail_at(const struct mtr_node *node, struct mtr_diagnostics *findings, const char *text)
{
    mtr_diagnostics_addf(findings, MTR_SEVERITY_ERROR, node->line, node->column, "filter", "%s", text);
    return MTR_EINVALID;
}

/* Numbers are compared with events by value, so they are kept in canonical form. */
static int decode_value(struct mtr_record *record, const struct mtr_node *node, struct mtr_str *out,
                        struct mtr_diagnostics *findings)
{
    char canonical[MTR_DECIMAL_TEXT_BYTES];
    struct mtr_decimal number;
    struct mtr_str text = node->text;
    if (node->kind == MTR_NODE_NULL || node->kind >= MTR_NODE_LIST)
        return fail_at(node, findings, "a text, number, true or false is expected");
    if (node->kind == MTR_NODE_NUMBER) {
        if (mtr_decimal_parse(text, &number))
            return fail_at(node, findings, "the number has too many digits");
        text = (struct mtr_str){canonical, (size_t)mtr_decimal_format(number, canonical)};
    }
    return mtr_arena_copy(&record->arena, text, out);
}

static int decode_filter(struct mtr_record *record, const struct mtr_node *node, struct mtr_filter *out,
                         struct mtr_diagnostics *findings)
{
    bool is_list = node->kind == MTR_NODE_LIST;
    uint32_t count = is_list ? node->child_count : 1;
    if (node->key.size > MTR_PROPERTY_NAME_BYTES_MAX)
        return fail_at(node, findings, "the name of a property has at most 64 bytes");
    if (count == 0 || count > FILTER_VALUES_MAX)
        return fail_at(node, findings, "1 to 256 values are expected");
    int rc = mtr_arena_copy(&record->arena, node->key, &out->property);
    if (rc) return rc;
    out->values = mtr_arena_calloc(&record->arena, count, sizeof(*out->values));
    if (!out->values) return MTR_ENOMEM;
    for (uint32_t i = 0; i < count && !rc; i++)
        rc = decode_value(record, is_list ? &node->children[i] : node, &out->values[i], findings);
    out->value_count = count;
    return rc;
}

static int decode_filters(struct mtr_record *record, struct mtr_diagnostics *findings)
{
    struct mtr_meter_fields *f = &record->fields.meter;
    const struct mtr_node *node = f->filter_node;
    f->filter_node = NULL;
    if (!node) return MTR_OK;
    if (node->kind != MTR_NODE_MAP) return fail_at(node, findings, "a map of property: value is expected");
    if (node->child_count > FILTERS_MAX) return fail_at(node, findings, "at most 16 properties are allowed");
    f->filters = mtr_arena_calloc(&record->arena, node->child_count, sizeof(*f->filters));
    if (!f->filters) return MTR_ENOMEM;
    f->filter_count = node->child_count;
    int rc = MTR_OK;
    for (uint32_t i = 0; i < node->child_count && !rc; i++)
        rc = decode_filter(record, &node->children[i], &f->filters[i], findings);
    return rc;
}

static void check_group_by(struct mtr_record *record, struct mtr_diagnostics *findings)
{
    const struct mtr_list *list = &record->fields.meter.group_by;
    const struct mtr_str *names = list->items;
    for (uint32_t i = 0; i < list->count; i++) {
        if (names[i].size == 0 || names[i].size > MTR_PROPERTY_NAME_BYTES_MAX)
            record_fail(record, "group_by", findings, "the name of a property has 1 to %d bytes",
                            MTR_PROPERTY_NAME_BYTES_MAX);
        for (uint32_t k = 0; k < i; k++)
            if (mtr_str_equal(names[i], names[k]))
                record_fail(record, "group_by", findings, "`%.*s` is given twice",
                                MTR_STR_ARGS(names[i]));
    }
}

/* Fields that belong to one aggregation. */
static void check_belonging(struct mtr_record *record, struct mtr_diagnostics *findings)
{
    const struct mtr_meter_fields *f = &record->fields.meter;
    const bool is_level = f->aggregation == MTR_TIME_WEIGHTED,
               is_percentile = f->aggregation == MTR_PERCENTILE;
    const struct {
        const char *name;
        bool given, fits;
        const char *belongs_to;
    } fields[] = {
        {"keep_events", f->keep_events, f->aggregation == MTR_SUM || f->aggregation == MTR_COUNT,
         "sum and count"},
        {"spread_over", f->spread_over.size > 0, f->aggregation == MTR_SUM, "sum"},
        {"reports", f->reports_given, is_level, "time_weighted"},
        {"per", f->per_given, is_level, "time_weighted"},
        {"holds_from", f->holds_from_given, is_level, "time_weighted"},
        {"percentile", f->percentile_given, is_percentile, "percentile"},
        {"window", f->window_given, is_percentile, "percentile"},
    };
    for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
        if (fields[i].given && !fields[i].fits)
            record_fail(record, fields[i].name, findings, "belongs to aggregation %s, not to %s",
                            fields[i].belongs_to, mtr_aggregation_name((enum mtr_aggregation)f->aggregation));
}

static void check_measuring(struct mtr_record *record, struct mtr_diagnostics *findings)
{
    const struct mtr_meter_fields *f = &record->fields.meter;
    const mtr_int128 most = (mtr_int128)100 * 1000000000000;
    check_belonging(record, findings);
    if (f->percentile.e12 <= 0 || f->percentile.e12 > most)
        record_fail(record, "percentile", findings, "is a number above 0 and at most 100");
    if (f->window_us % MTR_US_PER_SECOND || MTR_US_PER_HOUR % f->window_us)
        record_fail(record, "window", findings,
                        "does not divide an hour into windows of equal length, as 5m, 15m or 1h do");
    if (f->keep_events && f->spread_over.size)
        record_fail(
            record, "keep_events", findings,
            "an event that is spread over hours has no single moment: keep_events and spread_over "
            "do not stand beside each other");
    if (f->spread_over.size && mtr_str_equal(f->spread_over, f->value))
        record_fail(record, "spread_over", findings, "is the property that holds the quantity already");
}

int meter_finish(struct mtr_record *record, struct mtr_zones *zones, struct mtr_diagnostics *findings)
{
    const struct mtr_meter_fields *f = &record->fields.meter;
    (void)zones;
    if (f->aggregation == MTR_COUNT && f->value.size)
        record_fail(record, "value", findings, "count takes no value: it counts events");
    if (f->aggregation != MTR_COUNT && !f->value.size)
        record_fail(record, "value", findings, "is missing: %s needs the property that holds the %s",
                        mtr_aggregation_name((enum mtr_aggregation)f->aggregation),
                        f->aggregation == MTR_UNIQUE ? "value" : "quantity");
    if (mtr_str_equal(f->event_type, MTR_STR(MTR_EVENT_TYPE_VOID)))
        record_fail(record, "event_type", findings, "`%s` takes events back and cannot be counted",
                        MTR_EVENT_TYPE_VOID);
    check_group_by(record, findings);
    check_measuring(record, findings);
    int rc = decode_filters(record, findings);
    return rc == MTR_ENOMEM ? rc : MTR_OK;
}
