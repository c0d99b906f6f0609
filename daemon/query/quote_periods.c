/*
 * A usage series: rows with times, month by month, as a subscription of calendar months would be billed. A
 * month in which a version begins is priced in parts, each going on from the month's rows before it; caps,
 * minimums and commitments are of the whole month. A contract term (scope term) begins with the first row.
 * Every month from the first row's to the last's is priced, fees and minimums of those without rows too. The
 * seller's cost is priced beside each part, in parts of its own where a version of the cost tariff begins.
 */
#include "daemon/query/quote_purse.h"
#include "daemon/query/quote_usage.h"

#include <stdlib.h>

#include "meterd/core/time.h"
#include "meterd/rater/slicing.h"

enum { DAYS_OF_MONTH_MAX = 31 };

struct pieces {
    struct mtr_price_piece *items; /* by time */
    uint32_t count, capacity;
};

/* The rows of the series, in order of time. */
struct rows {
    const struct mtr_price_series *series;
    struct mtr_arena *arena;
    struct mtr_diagnostics *findings;
    struct pieces moments, pieces;
    int64_t first_s, last_s;
};

/* What is charged, or what it costs. */
struct side {
    const struct rows *rows;
    const struct mtr_price_charging *charging;
    const struct mtr_tariff_document *tariff; /* of it */
    const struct mtr_tariff_document *beside; /* the other side's; NULL: none */
    struct mtr_period month;
    int64_t runs_from_s;
    int64_t ordered_s; /* the first month's start: as if of a subscription */
    bool with_trace;
    const struct mtr_price **earlier; /* of the month */
    uint32_t earlier_count;
    struct mtr_price_purse *purse; /* NULL: no pools */
};

/* Equal times keep the order of the rows, which is that of their addresses. */
static int compare_pieces(const void *a, const void *b)
{
    const struct mtr_price_piece *x = a, *y = b;
    if (x->time_us != y->time_us) return x->time_us < y->time_us ? -1 : 1;
    return (x->given > y->given) - (x->given < y->given);
}

static int add_piece(struct rows *rows, struct pieces *pieces, const struct mtr_price_piece *piece)
{
    int rc = mtr_arena_make_room(rows->arena, (void **)&pieces->items, pieces->count, &pieces->capacity,
                                 sizeof(*piece));
    if (rc) return rc;
    pieces->items[pieces->count++] = *piece;
    return MTR_OK;
}

/* A span in pieces by local hours; each has its share of the quantity, and all together the whole. */
static int add_span(struct rows *rows, const struct mtr_price_usage *given)
{
    const mtr_int128 us = 1000000; /* in 10^-12 s */
    const mtr_int128 most = (mtr_int128)MTR_SPREAD_S_MAX * us * MTR_US_PER_SECOND;
    struct mtr_quantity before = {0}, after = given->quantity;
    struct mtr_price_piece piece = {.given = given, .time_us = given->time_us};
    if (given->seconds.e12 < 0 || given->seconds.e12 > most || given->seconds.e12 % us)
        return quote_fail(rows->findings, NULL, "seconds",
                              "is a length of 0 to 2764800 seconds (32 days), to the microsecond",
                              (struct mtr_str){NULL, 0});
    const int64_t end_us = given->time_us + (int64_t)(given->seconds.e12 / us);
    int rc = MTR_OK;
    do {
        const struct mtr_hour hour = mtr_zone_hour(rows->series->zone, piece.time_us / MTR_US_PER_SECOND);
        piece.until_us = hour.end_s * MTR_US_PER_SECOND < end_us ? hour.end_s * MTR_US_PER_SECOND : end_us;
        const struct mtr_quantity elapsed = {(piece.until_us - given->time_us) * us};
        if (piece.until_us < end_us)
            rc = mtr_quantity_scale(given->quantity, elapsed, given->seconds, MTR_QUANTITY_DIGITS,
                                    MTR_ROUND_HALF_EVEN, &after);
        else after = given->quantity;
        if (!rc) rc = mtr_quantity_sub(after, before, &piece.quantity);
        if (!rc) rc = add_piece(rows, &rows->pieces, &piece);
        before = after;
        piece.time_us = piece.until_us;
    } while (!rc && piece.time_us < end_us);
    return rc;
}

static int sort_usage(struct rows *rows)
{
    const struct mtr_price_series *series = rows->series;
    int rc = MTR_OK;
    for (uint32_t i = 0; !rc && i < series->usage_count; i++) {
        const struct mtr_price_usage *given = &series->usage[i];
        const struct mtr_price_piece moment = {given, given->time_us, given->time_us, given->quantity};
        rc = add_piece(rows, &rows->moments, &moment);
        if (!rc) rc = given->has_seconds ? add_span(rows, given) : add_piece(rows, &rows->pieces, &moment);
    }
    if (rc) return rc;
    qsort(rows->moments.items, rows->moments.count, sizeof(*rows->moments.items), compare_pieces);
    qsort(rows->pieces.items, rows->pieces.count, sizeof(*rows->pieces.items), compare_pieces);
    rows->first_s = rows->moments.items[0].time_us / MTR_US_PER_SECOND;
    rows->last_s = rows->pieces.items[rows->pieces.count - 1].time_us / MTR_US_PER_SECOND;
    if (rows->moments.items[rows->moments.count - 1].time_us / MTR_US_PER_SECOND > rows->last_s)
        rows->last_s = rows->moments.items[rows->moments.count - 1].time_us / MTR_US_PER_SECOND;
    return MTR_OK;
}

static int64_t start_s(const struct side *side, const struct mtr_tariff_version *version)
{
    return quote_version_start_s(version, side->rows->series->zone);
}

/* Where the use begins that a component of the version goes on from (docs/pricing.md, Versions). */
static int64_t position_from_s(const struct side *side, const struct mtr_tariff_version *version,
                               const struct mtr_component *component)
{
    const struct mtr_tariff_version *first = side->tariff->versions;
    if (component->scope == MTR_SLICE_BY_TERM) {
        while (version > first && !version->reset) version--;
        return version->reset ? start_s(side, version) : side->rows->first_s;
    }
    while (version > first && !version->reset && mtr_tariff_goes_on(version - 1, component)) version--;
    const int64_t from_s = start_s(side, version);
    return from_s > side->month.start_s ? from_s : side->month.start_s;
}

/* Does what was used before the month matter in it? */
static bool looks_back(const struct side *side, const struct mtr_tariff_version *version)
{
    for (uint32_t i = 0; i < version->component_count; i++) {
        const struct mtr_component *component = &version->components[i];
        if (component->scope == MTR_SLICE_BY_TERM) return true;
        for (uint32_t k = 0; k < component->input_count; k++)
            if (mtr_slicing_is_level(quote_find_meter(&side->rows->series->meters, component->inputs[k])))
                return true;
    }
    return false;
}

/* The first piece of the month; with `all` the first. */
static struct pieces from_month(const struct side *side, const struct pieces *pieces, bool all)
{
    struct pieces rest = *pieces;
    while (!all && rest.count && rest.items[0].time_us < side->month.start_s * MTR_US_PER_SECOND) {
        rest.items++;
        rest.count--;
    }
    return rest;
}

/* The part's rows, and those of the month (or the term) before it that it goes on from. */
static int measure(struct side *side, const struct mtr_tariff_version *version, int64_t from_s, int64_t to_s,
                   struct mtr_price_input *input)
{
    const bool all = looks_back(side, version);
    const struct pieces moments = from_month(side, &side->rows->moments, all),
                        pieces = from_month(side, &side->rows->pieces, all);
    struct mtr_price_part part = {
        .series = side->rows->series,
        .beside = side->beside,
        .moments = moments.items,
        .moment_count = moments.count,
        .pieces = pieces.items,
        .piece_count = pieces.count,
        .whole = side->month,
        .version = version,
        .from_s = from_s,
        .to_s = to_s,
    };
    part.position_from_s = mtr_arena_calloc(side->rows->arena, (size_t)version->component_count + 1,
                                            sizeof(*part.position_from_s));
    if (!part.position_from_s) return MTR_ENOMEM;
    for (uint32_t i = 0; i < version->component_count; i++) {
        const int64_t position_s = position_from_s(side, version, &version->components[i]);
        part.position_from_s[i] = position_s < from_s ? position_s : from_s;
    }
    return quote_measure(&part, side->rows->arena, &input->usage, &input->usage_count,
                             side->rows->findings);
}

/* A part priced. */
struct part {
    struct mtr_price_input input;
    struct mtr_price *price;
};

static int price_part(struct side *side, const struct mtr_tariff_version *version, int64_t from_s,
                      int64_t to_s, struct part *out)
{
    struct mtr_arena *arena = side->rows->arena;
    out->price = mtr_arena_calloc(arena, 1, sizeof(*out->price));
    out->input = (struct mtr_price_input){
        .tariff = side->tariff,
        .version = version,
        .period = side->month,
        .active_from_s = from_s,
        .active_to_s = to_s,
        .runs_from_s = side->runs_from_s,
        .runs_to_s = side->month.end_s,
        .closing = true,
        .continues_earlier = side->earlier_count > 0,
        .continued_later = to_s < side->month.end_s,
        .earlier = side->earlier,
        .earlier_count = side->earlier_count,
        .zone = side->rows->series->zone,
    };
    const struct mtr_price_exchange_times times = {from_s, side->month.end_s, side->ordered_s};
    int rc = out->price ? measure(side, version, from_s, to_s, &out->input) : MTR_ENOMEM;
    if (!rc) rc = quote_charging_set(side->charging, times, arena, &out->input);
    if (!rc && side->purse) rc = quote_purse_fill(side->purse, from_s, &out->input);
    if (!rc) rc = mtr_price(&out->input, side->with_trace, arena, out->price);
    if (rc == MTR_EMISSING) rc = quote_charging_fail(&out->input, side->rows->findings);
    if (!rc) side->earlier[side->earlier_count++] = out->price;
    return rc;
}

/* The next part that begins at *from_s or later; false: none before to_s. */
static bool next_part(const struct side *side, int64_t *from_s, int64_t to_s,
                      const struct mtr_tariff_version **version, int64_t *end_s)
{
    const struct mtr_tariff_document *tariff = side->tariff;
    for (uint32_t i = 0; i < tariff->version_count; i++) {
        int64_t next_s = i + 1 < tariff->version_count ? start_s(side, &tariff->versions[i + 1]) : INT64_MAX;
        if (next_s <= *from_s) continue;
        if (start_s(side, &tariff->versions[i]) > *from_s) *from_s = start_s(side, &tariff->versions[i]);
        *version = &tariff->versions[i];
        *end_s = next_s < to_s ? next_s : to_s;
        const struct mtr_zone *zone = side->rows->series->zone;
        const int64_t midnight_s =
            quote_charging_is_daily(side->charging) ? mtr_zone_next_midnight(zone, *from_s) : INT64_MAX;
        if (midnight_s < *end_s) *end_s = midnight_s;
        return *from_s < to_s;
    }
    return false;
}

static int begin_month(struct side *side, struct mtr_period month)
{
    int rc =
        side->purse ? quote_purse_turn(side->purse, month, side->earlier, side->earlier_count) : MTR_OK;
    int64_t first_s = start_s(side, &side->tariff->versions[0]);
    if (month.start_s <= side->rows->first_s) side->ordered_s = month.start_s;
    side->month = month;
    side->earlier_count = 0;
    side->runs_from_s = first_s > month.start_s ? first_s : month.start_s;
    return rc;
}

/* Both sides, and the parts priced so far. */
struct sides {
    struct side charged, costs;
    bool with_costs;
    struct mtr_priced_part *parts;
    uint32_t part_count, part_capacity;
};

/* The price as it was before the cost joined stays what later parts of the month go on from. */
static int join_costs(struct sides *sides, int64_t from_s, int64_t to_s, struct mtr_price *price)
{
    const struct mtr_tariff_version *version = NULL;
    int64_t end_s = 0;
    int rc = MTR_OK;
    for (; !rc && next_part(&sides->costs, &from_s, to_s, &version, &end_s); from_s = end_s) {
        struct part part;
        rc = price_part(&sides->costs, version, from_s, end_s, &part);
        if (!rc) rc = mtr_price_join_costs(price, part.price, sides->costs.rows->arena);
    }
    return rc;
}

static int format_time(const struct sides *sides, int64_t time_s, struct mtr_str *out)
{
    char text[MTR_TIME_TEXT_BYTES];
    const int32_t offset_s = mtr_zone_at(sides->charged.rows->series->zone, time_s).offset_s;
    if (offset_s) mtr_time_format_offset(time_s * MTR_US_PER_SECOND, offset_s, text);
    else mtr_time_format(time_s * MTR_US_PER_SECOND, text);
    return mtr_arena_copy(sides->charged.rows->arena, mtr_str_from(text), out);
}

static int keep_part(struct sides *sides, const struct mtr_priced_part *part)
{
    int rc = mtr_arena_make_room(sides->charged.rows->arena, (void **)&sides->parts, sides->part_count,
                                 &sides->part_capacity, sizeof(*part));
    if (rc) return rc;
    sides->parts[sides->part_count++] = *part;
    return MTR_OK;
}

static int add_part(struct sides *sides, const struct mtr_tariff_version *version, int64_t from_s,
                    int64_t to_s)
{
    struct mtr_arena *arena = sides->charged.rows->arena;
    struct part *priced = mtr_arena_calloc(arena, 1, sizeof(*priced));
    struct mtr_price *price = mtr_arena_calloc(arena, 1, sizeof(*price));
    struct mtr_priced_part part = {0};
    int rc = priced && price ? price_part(&sides->charged, version, from_s, to_s, priced) : MTR_ENOMEM;
    if (rc) return rc;
    *price = *priced->price;
    if (sides->with_costs) rc = join_costs(sides, from_s, to_s, price);
    part.input = &priced->input;
    part.price = price;
    if (!rc) rc = format_time(sides, from_s, &part.from);
    if (!rc) rc = format_time(sides, to_s, &part.to);
    return rc ? rc : keep_part(sides, &part);
}

static int price_month(struct sides *sides, struct mtr_period month)
{
    const struct mtr_tariff_version *version = NULL;
    int64_t from_s = month.start_s, end_s = 0;
    int rc = begin_month(&sides->charged, month);
    if (!rc && sides->with_costs) rc = begin_month(&sides->costs, month);
    for (; !rc && next_part(&sides->charged, &from_s, month.end_s, &version, &end_s); from_s = end_s)
        rc = add_part(sides, version, from_s, end_s);
    return rc;
}

static int price_months(struct sides *sides)
{
    const struct rows *rows = sides->charged.rows;
    const struct mtr_tariff_document *tariff = sides->charged.tariff;
    const struct mtr_period_rule rule = {MTR_PERIOD_MONTH, INT64_MIN, rows->series->zone};
    int rc = MTR_OK;
    if (rows->first_s < start_s(&sides->charged, &tariff->versions[0]))
        return quote_fail(rows->findings, NULL, "usage",
                              "has a row before the first version of the tariff", (struct mtr_str){NULL, 0});
    for (int64_t at_s = rows->first_s; !rc && at_s <= rows->last_s;) {
        const struct mtr_period month = mtr_period_at(&rule, at_s);
        rc = price_month(sides, month);
        at_s = month.end_s;
    }
    return rc;
}

/* A month has at most as many parts as both tariffs have versions, and days. */
static int open_side(const struct rows *rows, const struct mtr_price_charging *charging,
                     const struct mtr_price_charging *beside, struct side *out)
{
    const size_t parts = (size_t)charging->tariff->version_count +
                         (beside ? beside->tariff->version_count : 0) + DAYS_OF_MONTH_MAX + 1;
    *out = (struct side){.rows = rows,
                         .charging = charging,
                         .tariff = charging->tariff,
                         .beside = beside ? beside->tariff : NULL};
    out->earlier = mtr_arena_calloc(rows->arena, parts, sizeof(*out->earlier));
    return out->earlier ? MTR_OK : MTR_ENOMEM;
}

int quote_periods_run(const struct mtr_price_series *series, struct mtr_arena *arena,
                          struct mtr_json_writer *json, struct mtr_diagnostics *findings)
{
    struct rows rows = {.series = series, .arena = arena, .findings = findings};
    struct sides sides = {.with_costs = series->cost};
    MTR_ASSERT(series->usage_count > 0);
    int rc = sort_usage(&rows);
    if (!rc) rc = open_side(&rows, series->charged, series->cost, &sides.charged);
    if (!rc && series->cost) rc = open_side(&rows, series->cost, series->charged, &sides.costs);
    sides.charged.with_trace = series->with_trace; /* the answer has no trace of the costs */
    struct mtr_price_purse purse;
    const struct mtr_period_rule months = {MTR_PERIOD_MONTH, INT64_MIN, series->zone};
    sides.charged.purse = &purse; /* the costs have no pools */
    if (!rc)
        rc = quote_purse_open(&purse, series->charged->tariff, series->credits, months, arena, findings);
    if (!rc) rc = price_months(&sides);
    if (rc == MTR_ENOMEM)
        return quote_fail(findings, NULL, "usage",
                              "has too many rows over too long a time: price it in shorter stretches",
                              (struct mtr_str){NULL, 0});
    return rc ? rc : mtr_price_write_parts_json(sides.parts, sides.part_count, series->with_trace, json);
}
