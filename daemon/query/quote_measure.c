/*
 * Rows of a series for one part of a month, through the same slicing as the rater's: what a bundle's or the
 * catalog's meters measure is measured, anything else adds up.
 *
 * A level holds on from the row that reports it; each combination of the meter's dimensions has its own.
 * Percentiles, minimums, maximums and last values take the rows for what the windows or events came to.
 */
#include "daemon/query/quote_usage.h"

#include <string.h>

#include "meterd/core/byte_set.h"
#include "meterd/core/time.h"
#include "meterd/rater/slicing.h"

enum { LIST_KEY_BYTES_MAX = 1 << 14 };

/* One meter of a component. */
struct measure {
    struct mtr_slicing *slicing; /* NULL: no row yet */
    struct mtr_slicing_rule rule;
    struct mtr_byte_set lists;    /* of a level: by the values of the meter's dimensions */
    struct mtr_quantity *levels;  /* of each list */
    uint32_t level_capacity;
    const struct mtr_usage_row *rows; /* in the end */
    uint32_t row_count;
};

struct measuring {
    const struct mtr_price_part *part;
    struct mtr_arena *arena;
    struct mtr_diagnostics *findings;
    struct measure *measures; /* MTR_TARIFF_INPUTS_MAX per component */
};

static const struct mtr_meter *measured_meter(const struct measuring *measuring,
                                              const struct mtr_component *component, uint32_t input)
{
    const struct mtr_meter *meter =
        quote_find_meter(&measuring->part->series->meters, component->inputs[input]);
    return meter && meter->aggregation != MTR_UNIQUE
               ? meter
               : NULL; /* rows have counts, not the values that were counted */
}

static int find_measure(struct measuring *measuring, const struct mtr_usage_row *row, struct measure **out)
{
    const struct mtr_price_part *part = measuring->part;
    const struct mtr_component *component = &part->version->components[row->component];
    struct measure *measure =
        &measuring->measures[(size_t)row->component * MTR_TARIFF_INPUTS_MAX + row->input];
    *out = measure;
    if (measure->slicing) return MTR_OK;
    measure->lists.arena = measuring->arena;
    measure->rule = (struct mtr_slicing_rule){
        .component = component,
        .component_index = row->component,
        .input = row->input,
        .meter = measured_meter(measuring, component, row->input),
        .zone = part->series->zone,
        .whole = part->whole,
        .from_s = part->position_from_s[row->component],
        .own_s = part->from_s,
        .until_s = part->to_s,
    };
    return mtr_slicing_begin(&measure->rule, measuring->arena, &measure->slicing);
}

static struct mtr_str label_of(const struct mtr_price_usage *given, struct mtr_str name)
{
    const struct mtr_label *labels = given->dimensions.items;
    for (uint32_t i = 0; i < given->dimensions.count; i++)
        if (mtr_str_equal(labels[i].name, name)) return labels[i].value;
    return (struct mtr_str){NULL, 0};
}

/* The list that a level's row is of. */
static int find_list(struct measuring *measuring, struct measure *measure,
                     const struct mtr_price_usage *given, struct mtr_quantity **level)
{
    char key[LIST_KEY_BYTES_MAX];
    size_t size = 0;
    uint32_t number;
    bool is_new;
    for (uint32_t i = 0; i < measure->rule.meter->group_by_count; i++) {
        const struct mtr_str value = label_of(given, measure->rule.meter->group_by[i]);
        if (value.size + sizeof(value.size) > sizeof(key) - size) return MTR_ELIMIT;
        memcpy(key + size, &value.size, sizeof(value.size));
        size += sizeof(value.size);
        if (value.size) memcpy(key + size, value.data, value.size);
        size += value.size;
    }
    int rc = mtr_byte_set_add(&measure->lists, (struct mtr_str){key, size}, &number, &is_new);
    if (rc) return rc;
    rc = mtr_arena_make_room(measuring->arena, (void **)&measure->levels, number, &measure->level_capacity,
                             sizeof(*measure->levels));
    if (!rc) *level = &measure->levels[number];
    return rc;
}

static struct mtr_period day_of(const struct measuring *measuring, int64_t time_s)
{
    const struct mtr_period_rule day = {MTR_PERIOD_DAY, INT64_MIN, measuring->part->series->zone};
    return mtr_period_at(&day, time_s);
}

static int add_level(struct measuring *measuring, struct measure *measure, uint32_t group,
                     const struct mtr_price_piece *moment)
{
    const struct mtr_meter *meter = measure->rule.meter;
    struct mtr_quantity *level, change = moment->quantity;
    int64_t time_us = moment->time_us;
    if (moment->given->has_seconds)
        return quote_fail(measuring->findings, NULL, "seconds",
                              "a level holds until the next row: leave its seconds out, at the meter",
                              meter->key);
    int rc = find_list(measuring, measure, moment->given, &level);
    if (!rc && !meter->reports_changes) rc = mtr_quantity_sub(moment->quantity, *level, &change);
    if (!rc) rc = mtr_quantity_add(*level, change, level);
    if (meter->holds_from_day)
        time_us = day_of(measuring, time_us / MTR_US_PER_SECOND).start_s * MTR_US_PER_SECOND;
    return rc ? rc : mtr_slicing_add_change(measure->slicing, group, time_us, change);
}

/* A row may be for a component that only the other side has. */
static bool is_of_other_side(const struct mtr_price_part *part, const struct mtr_price_usage *given)
{
    for (uint32_t i = 0; part->beside && i < part->beside->version_count; i++)
        if (quote_has_component(&part->beside->versions[i], given)) return true;
    return false;
}

/* `as_given`: levels and events take the rows as they were given, all else their pieces by the hour. Of
 * equal times the later in the series is the later one. */
static int add_piece(struct measuring *measuring, const struct mtr_price_piece *piece, uint64_t seq,
                     bool as_given)
{
    const struct mtr_price_part *part = measuring->part;
    const int64_t time_s = piece->time_us / MTR_US_PER_SECOND;
    struct mtr_usage_row row = {0};
    struct measure *measure;
    uint32_t group;
    const bool own = time_s >= part->from_s && time_s < part->to_s;
    if (!quote_has_component(part->version, piece->given) &&
        (!own || piece->given->of_meter || is_of_other_side(part, piece->given)))
        return MTR_OK;
    int rc = quote_usage_row(part->version, piece->given, measuring->arena, &row, measuring->findings);
    if (!rc) rc = find_measure(measuring, &row, &measure);
    if (rc) return rc;
    const bool is_level = mtr_slicing_is_level(measure->rule.meter);
    if (as_given != (is_level || measure->rule.component->scope == MTR_SLICE_BY_EVENT)) return MTR_OK;
    const int64_t placed_s = mtr_slicing_place(measure->rule.meter, part->series->zone, time_s);
    if (!is_level && (placed_s < measure->rule.from_s || placed_s >= measure->rule.until_s)) return MTR_OK;
    rc = mtr_slicing_group(measure->slicing, row.dimensions, &group);
    if (rc) return rc;
    if (is_level) return add_level(measuring, measure, group, piece);
    const struct mtr_use use = {placed_s, piece->time_us, seq, piece->quantity};
    return mtr_slicing_add(measure->slicing, group, &use);
}

/* Rows up to the end of the part, and of the day that it ends in: a window goes on into it, and a level
 * may hold from its day. */
static int add_pieces(struct measuring *measuring, const struct mtr_price_piece *pieces, uint32_t count,
                      bool as_given)
{
    const int64_t until_us = day_of(measuring, measuring->part->to_s - 1).end_s * MTR_US_PER_SECOND;
    int rc = MTR_OK;
    for (uint32_t i = 0; !rc && i < count && pieces[i].time_us < until_us; i++)
        rc = add_piece(measuring, &pieces[i], i + 1, as_given);
    return rc;
}

static int collect(struct measuring *measuring, const struct mtr_usage_row **out, uint32_t *count)
{
    const uint32_t measure_count = measuring->part->version->component_count * MTR_TARIFF_INPUTS_MAX;
    size_t total = 0;
    int rc = MTR_OK;
    for (uint32_t i = 0; !rc && i < measure_count; i++) {
        struct measure *measure = &measuring->measures[i];
        if (measure->slicing) rc = mtr_slicing_finish(measure->slicing, &measure->rows, &measure->row_count);
        total += measure->row_count;
    }
    if (rc) return rc;
    if (total > UINT32_MAX) return MTR_ELIMIT;
    struct mtr_usage_row *rows = mtr_arena_calloc(measuring->arena, total + 1, sizeof(*rows));
    if (!rows) return MTR_ENOMEM;
    *out = rows;
    *count = (uint32_t)total;
    for (uint32_t i = 0; i < measure_count; i++) {
        const struct measure *measure = &measuring->measures[i];
        if (measure->row_count) memcpy(rows, measure->rows, measure->row_count * sizeof(*rows));
        rows += measure->row_count;
    }
    return MTR_OK;
}

int quote_measure(const struct mtr_price_part *part, struct mtr_arena *arena,
                      const struct mtr_usage_row **rows, uint32_t *count, struct mtr_diagnostics *findings)
{
    struct measuring measuring = {.part = part, .arena = arena, .findings = findings};
    measuring.measures = mtr_arena_calloc(
        arena, (size_t)part->version->component_count * MTR_TARIFF_INPUTS_MAX, sizeof(*measuring.measures));
    if (!measuring.measures) return MTR_ENOMEM;
    int rc = add_pieces(&measuring, part->pieces, part->piece_count, false);
    if (!rc) rc = add_pieces(&measuring, part->moments, part->moment_count, true);
    return rc ? rc : collect(&measuring, rows, count);
}
