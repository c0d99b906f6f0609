/*
 * Meters: their rows, what rows cannot say (how value, aggregation and dimensions must fit together; the
 * filter is in read_filter.c), and what may not change: usage was folded with it.
 */
#include "lib/catalog/kind/filters.h"
#include "lib/catalog/record.h"

#include "meterd/core/event.h"
#include "meterd/core/limits.h"
#include "meterd/core/time.h"

static const char *const aggregations[] = {"sum",    "count",         "min",        "max", "last",
                                           "unique", "time_weighted", "percentile", "counter", NULL};
_Static_assert(sizeof(aggregations) / sizeof(*aggregations) == MTR_AGGREGATION_COUNT + 1, "a name for each");
static const char *const missing[] = {"skip", "invalid", NULL};
static const char *const reported[] = {"level", "change", NULL};
static const char *const held_from[] = {"moment", "day", NULL};
static const char *const cells[] = {"hour", "30m", "15m", NULL}; /* each is half of the one before */
_Static_assert(MTR_DIMENSIONS_BYTES_MAX == 384, "as the row of group_by says");
_Static_assert(MTR_CELL_US_MAX / 4 == MTR_CELL_US_MIN, "as long as record_meter_of makes them");
static const char *const time_units[] = {"second", "minute", "hour", "day", "period", NULL};

static const struct mtr_field rows[] = {
    {MTR_ROW(mtr_meter_fields, key), .type = MTR_FIELD_KEY, .doc = "its key"},
    {MTR_ROW(mtr_meter_fields, name), .type = MTR_FIELD_TEXT, .max = 256, .doc = "for people"},
    {MTR_ROW(mtr_meter_fields, service), .type = MTR_FIELD_KEY, .required = true,
     .doc = "key of its service; fixed"},
    {MTR_ROW(mtr_meter_fields, event_type), .type = MTR_FIELD_TEXT, .required = true,
     .min = 1, .max = MTR_EVENT_TYPE_BYTES_MAX, .doc = "type of the events that it counts; fixed"},
    {MTR_ROW(mtr_meter_fields, aggregation), .type = MTR_FIELD_ENUM,
     .default_text = "sum", .choices = aggregations, .doc = "how events become one quantity; fixed"},
    {MTR_ROW(mtr_meter_fields, value), .type = MTR_FIELD_TEXT, .min = 1,
     .max = MTR_PROPERTY_NAME_BYTES_MAX,
     .doc = "property that holds the quantity; none for count; that of spread_over unless given; fixed"},
    {MTR_ROW(mtr_meter_fields, unit), .type = MTR_FIELD_TEXT, .max = 64,
     .doc = "of the quantity, for people"},
    {MTR_ROW(mtr_meter_fields, group_by), .type = MTR_FIELD_TEXTS,
     .max = MTR_METER_GROUP_BY_MAX,
     .doc = "properties whose values are kept apart; of an event these have at most 384 bytes together, one "
            "more counted for each; fixed"},
    {MTR_ROW(mtr_meter_fields, dimension_values_max), .type = MTR_FIELD_U64, .default_text = "100000",
     .min = 1, .max = 1000000000, MTR_ROW_GIVEN(mtr_meter_fields, dimension_values_max_given),
     .doc = "how many different values of group_by, together, it counts for each subject; events with others "
            "wait until it is raised"},
    {.name = "filter", MTR_ROW_AT(mtr_meter_fields, filter_node), .type = MTR_FIELD_NODE,
     .doc = "property: value, list of values, or a map of gt, gte, lt, lte (numbers), in, not (values); an "
            "event counts when all hold; fixed"},
    {MTR_ROW(mtr_meter_fields, missing), .type = MTR_FIELD_ENUM, .default_text = "skip",
     .choices = missing,
     .doc = "an event that lacks the value or the length is passed over by this meter and counts in others, "
            "or it is refused; fixed"},
    {MTR_ROW(mtr_meter_fields, factor), .type = MTR_FIELD_QUANTITY,
     MTR_ROW_GIVEN(mtr_meter_fields, factor_given), .is_factor = true,
     .doc = "the quantity is the value times this, kept exactly, as 0.000000001 of byte-seconds; above 0; "
            "fixed"},
    {MTR_ROW(mtr_meter_fields, min), .type = MTR_FIELD_QUANTITY, MTR_ROW_GIVEN(mtr_meter_fields, min_given),
     .doc = "the least quantity that one event may have; what is below is refused; fixed"},
    {MTR_ROW(mtr_meter_fields, max), .type = MTR_FIELD_QUANTITY, MTR_ROW_GIVEN(mtr_meter_fields, max_given),
     .doc = "the greatest quantity that one event may have; what is above is refused; fixed"},
    {MTR_ROW(mtr_meter_fields, keep_events), .type = MTR_FIELD_BOOL,
     .default_text = "false",
     .doc = "of sum and count: each event is kept, so that a component of `scope: event` can price it; "
            "fixed"},
    {MTR_ROW(mtr_meter_fields, cell), .type = MTR_FIELD_ENUM, .default_text = "hour", .choices = cells,
     MTR_ROW_GIVEN(mtr_meter_fields, cell_given),
     .doc = "of sum, count, time_weighted and counter: how finely use is kept, so that windows of a tariff's "
            "calendar may begin and end there; fixed"},
    {MTR_ROW(mtr_meter_fields, spread_over), .type = MTR_FIELD_TEXT, .min = 1,
     .max = MTR_PROPERTY_NAME_BYTES_MAX,
     .doc = "of sum: property that holds a length in seconds; the quantity is spread evenly over it, from "
            "the event's time on; fixed"},
    {MTR_ROW(mtr_meter_fields, reports), .type = MTR_FIELD_ENUM, .default_text = "level",
     .choices = reported, MTR_ROW_GIVEN(mtr_meter_fields, reports_given),
     .doc = "of time_weighted: events carry the level, or what it changes by; fixed"},
    {MTR_ROW(mtr_meter_fields, per), .type = MTR_FIELD_ENUM, .default_text = "hour",
     .choices = time_units, MTR_ROW_GIVEN(mtr_meter_fields, per_given),
     .doc = "of time_weighted: a level of 1 that holds for this long is 1; period: the mean level; fixed"},
    {MTR_ROW(mtr_meter_fields, holds_from), .type = MTR_FIELD_ENUM,
     .default_text = "moment", .choices = held_from, MTR_ROW_GIVEN(mtr_meter_fields, holds_from_given),
     .doc = "of time_weighted: a value holds from its own moment, or from the beginning of its local day; "
            "fixed"},
    {MTR_ROW(mtr_meter_fields, percentile), .type = MTR_FIELD_QUANTITY,
     .default_text = "95", MTR_ROW_GIVEN(mtr_meter_fields, percentile_given),
     .doc = "of percentile: which, above 0 and at most 100; fixed"},
    {.name = "gap", MTR_ROW_AT(mtr_meter_fields, gap_us), .type = MTR_FIELD_DURATION, .default_text = "1d",
     .min = 1000000, MTR_ROW_GIVEN(mtr_meter_fields, gap_given),
     .doc = "of counter: usage warns of readings that come longer than this after the one before"},
    {.name = "window", MTR_ROW_AT(mtr_meter_fields, window_us), .type = MTR_FIELD_DURATION,
     .default_text = "5m", .min = 60000000, .max = 3600000000, MTR_ROW_GIVEN(mtr_meter_fields, window_given),
     .doc = "of percentile: length of the windows whose sums are compared; divides an hour; fixed"},
    {MTR_ROW(mtr_meter_fields, retired), .type = MTR_FIELD_TEXT,
     .doc = "it counts no event of that time or later, and its level ends there: a date (midnight in UTC) or "
            "an instant; moves only where no usage was counted under it"},
    {0},
};

const char *mtr_aggregation_name(enum mtr_aggregation aggregation)
{
    return aggregations[aggregation];
}

static void check_group_by(struct mtr_record *record, struct mtr_diagnostics *findings)
{
    const struct mtr_list *list = &record->fields.meter.group_by;
    const struct mtr_str *names = list->items;
    if (record->fields.meter.dimension_values_max_given && !list->count)
        record_fail(record, MTR_FINDING_CATALOG_METER_QUOTA, "dimension_values_max", findings,
                    "belongs to a meter with group_by");
    for (uint32_t i = 0; i < list->count; i++) {
        if (names[i].size == 0 || names[i].size > MTR_PROPERTY_NAME_BYTES_MAX)
            record_fail(record, MTR_FINDING_CATALOG_METER_GROUP_BY, "group_by", findings,
                        "the name of a property has 1 to %d bytes", MTR_PROPERTY_NAME_BYTES_MAX);
        for (uint32_t k = 0; k < i; k++)
            if (mtr_str_equal(names[i], names[k]))
                record_fail(record, MTR_FINDING_CATALOG_METER_GROUP_BY, "group_by", findings,
                            "`%.*s%s` is given twice", MTR_STR_QUOTED(names[i]));
    }
}

/* Fields that belong to one aggregation. */
static void check_belonging(struct mtr_record *record, struct mtr_diagnostics *findings)
{
    const struct mtr_meter_fields *f = &record->fields.meter;
    const bool is_level = f->aggregation == MTR_TIME_WEIGHTED,
               is_percentile = f->aggregation == MTR_PERCENTILE,
               has_numbers = f->aggregation != MTR_COUNT && f->aggregation != MTR_UNIQUE;
    static const char numbers[] = "sum, min, max, last, time_weighted, percentile and counter";
    const struct {
        const char *name;
        bool given, fits;
        const char *belongs_to;
    } fields[] = {
        {"keep_events", f->keep_events, f->aggregation == MTR_SUM || f->aggregation == MTR_COUNT,
         "sum and count"},
        {"cell", f->cell_given, mtr_aggregation_adds_up(f->aggregation),
         "sum, count, time_weighted and counter"},
        {"spread_over", f->spread_over.size > 0, f->aggregation == MTR_SUM, "sum"},
        {"factor", f->factor_given, has_numbers, numbers},
        {"min", f->min_given, has_numbers, numbers},
        {"max", f->max_given, has_numbers, numbers},
        {"reports", f->reports_given, is_level, "time_weighted"},
        {"per", f->per_given, is_level, "time_weighted"},
        {"holds_from", f->holds_from_given, is_level, "time_weighted"},
        {"gap", f->gap_given, f->aggregation == MTR_COUNTER_INCREASE, "counter"},
        {"percentile", f->percentile_given, is_percentile, "percentile"},
        {"window", f->window_given, is_percentile, "percentile"},
    };
    for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
        if (fields[i].given && !fields[i].fits)
            record_fail(record, MTR_FINDING_CATALOG_METER_AGGREGATION, fields[i].name, findings,
                        "belongs to aggregation %s, not to %s", fields[i].belongs_to,
                        mtr_aggregation_name((enum mtr_aggregation)f->aggregation));
}

static void check_measuring(struct mtr_record *record, struct mtr_diagnostics *findings)
{
    const struct mtr_meter_fields *f = &record->fields.meter;
    const mtr_int128 most = MTR_QUANTITY(100).e12;
    check_belonging(record, findings);
    if (f->percentile.e12 <= 0 || f->percentile.e12 > most)
        record_fail(record, MTR_FINDING_CATALOG_NUMBER_RANGE, "percentile", findings,
                    "is a number above 0 and at most 100");
    if (f->window_us % MTR_US_PER_SECOND || MTR_US_PER_HOUR % f->window_us)
        record_fail(record, MTR_FINDING_CATALOG_METER_WINDOW, "window", findings,
                    "does not divide an hour into windows of equal length, as 5m, 15m or 1h do");
    if (f->keep_events && f->spread_over.size)
        record_fail(record, MTR_FINDING_CATALOG_FIELD_CONFLICT, "keep_events", findings,
                    "an event that is spread over hours has no single moment: keep_events and spread_over "
                    "do not stand beside each other");
    if (f->factor_given && f->factor.e12 <= 0)
        record_fail(record, MTR_FINDING_CATALOG_NUMBER_NOT_POSITIVE, "factor", findings,
                    "is a number above 0");
    if (f->aggregation == MTR_COUNTER_INCREASE && f->min.e12 < 0)
        record_fail(record, MTR_FINDING_CATALOG_METER_BOUNDS, "min", findings,
                    "is below 0, where a counter begins");
    if (f->min_given && f->max_given && mtr_quantity_compare(f->min, f->max) > 0)
        record_fail(record, MTR_FINDING_CATALOG_METER_BOUNDS, "max", findings,
                    "is below min: no event can have such a quantity");
}

static int finish(struct mtr_record *record, struct mtr_zones *zones, struct mtr_diagnostics *findings)
{
    struct mtr_meter_fields *f = &record->fields.meter;
    (void)zones;
    if (f->aggregation == MTR_SUM && !f->value.size) f->value = f->spread_over; /* it is the quantity, too */
    if (f->aggregation == MTR_COUNT && f->value.size)
        record_fail(record, MTR_FINDING_CATALOG_METER_VALUE, "value", findings,
                    "count takes no value: it counts events");
    if (f->aggregation != MTR_COUNT && !f->value.size)
        record_fail(record, MTR_FINDING_CATALOG_METER_VALUE, "value", findings,
                    "is missing: %s needs the property that holds the %s",
                    mtr_aggregation_name((enum mtr_aggregation)f->aggregation),
                    f->aggregation == MTR_UNIQUE ? "value" : "quantity");
    if (mtr_str_equal(f->event_type, MTR_STR(MTR_EVENT_TYPE_VOID)))
        record_fail(record, MTR_FINDING_CATALOG_METER_EVENT_TYPE, "event_type", findings,
                    "`%s` takes events back and cannot be counted", MTR_EVENT_TYPE_VOID);
    check_group_by(record, findings);
    check_measuring(record, findings);
    record_read_time(record, "retired", f->retired, &record->retired, findings);
    int rc = filters_decode(record, findings);
    return rc == MTR_ENOMEM ? rc : MTR_OK;
}

static bool same_number(bool a_given, struct mtr_quantity a, bool b_given, struct mtr_quantity b)
{
    return a_given == b_given && mtr_quantity_compare(a, b) == 0;
}

static void check_frozen(const struct mtr_record *old, const struct mtr_record *now,
                         struct mtr_diagnostics *findings)
{
    const struct mtr_meter_fields *a = &old->fields.meter, *b = &now->fields.meter;
    record_freeze(now, "service", mtr_str_equal(a->service, b->service), findings);
    record_freeze(now, "event_type", mtr_str_equal(a->event_type, b->event_type), findings);
    record_freeze(now, "aggregation", a->aggregation == b->aggregation, findings);
    record_freeze(now, "value", mtr_str_equal(a->value, b->value), findings);
    record_freeze(now, "group_by",
                  filters_same_texts(a->group_by.items, a->group_by.count, b->group_by.items,
                                     b->group_by.count),
                  findings);
    record_freeze(now, "filter", filters_equal(a, b), findings);
    record_freeze(now, "missing", a->missing == b->missing, findings);
    record_freeze(now, "factor", same_number(a->factor_given, a->factor, b->factor_given, b->factor),
                  findings);
    record_freeze(now, "min", same_number(a->min_given, a->min, b->min_given, b->min), findings);
    record_freeze(now, "max", same_number(a->max_given, a->max, b->max_given, b->max), findings);
    record_freeze(now, "keep_events", a->keep_events == b->keep_events, findings);
    record_freeze(now, "cell", a->cell == b->cell, findings);
    record_freeze(now, "spread_over", mtr_str_equal(a->spread_over, b->spread_over), findings);
    record_freeze(now, "reports", a->reports == b->reports, findings);
    record_freeze(now, "per", a->per == b->per, findings);
    record_freeze(now, "holds_from", a->holds_from == b->holds_from, findings);
    record_freeze(now, "percentile", mtr_quantity_compare(a->percentile, b->percentile) == 0, findings);
    record_freeze(now, "window", a->window_us == b->window_us, findings);
}

const struct mtr_kind meter_kind = {
    .id = MTR_KIND_METER,
    .name = "meter",
    .plural = "meters",
    .fields = rows,
    .finish = finish,
    .check_frozen = check_frozen,
    .deletable = true,
};
