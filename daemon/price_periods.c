/*
 * A usage series: rows with times, month by month, as a subscription of calendar months in UTC would be billed. A month in which a version
 * begins is priced in parts, each going on from the month's rows before it; caps, minimums and commitments are of the whole month. A contract
 * term (scope term) begins with the first row. Months without a row are left out. The seller's cost is priced beside each part, in parts of its
 * own where a version of the cost tariff begins.
 */
#include "daemon/price_usage.h"

#include <stdlib.h>

#include "meterd/core/time.h"

enum { DAYS_OF_MONTH_MAX = 31 };

struct series {
    const struct mtr_price_charging *charging;
    const struct mtr_tariff_document *tariff; /* of it */
    const struct mtr_tariff_document *beside; /* the other side's; NULL: none */
    const struct mtr_price_usage **rows; /* by time */
    uint32_t count, next;                /* next: the first row that is not priced yet */
    uint32_t month_first;                /* the first row of the month */
    struct mtr_period month;
    int64_t runs_from_s;
    int64_t ordered_s; /* the first month's start: as if of a subscription */
    bool with_trace;
    const struct mtr_zone *utc;
    struct mtr_arena *arena;
    struct mtr_diagnostics *findings;
    const struct mtr_price **earlier; /* of the month */
    uint32_t earlier_count;
    struct mtr_money total;
};

static int compare_times(const void *a, const void *b)
{
    const struct mtr_price_usage *x = *(const struct mtr_price_usage *const *)a, *y = *(const struct mtr_price_usage *const *)b;
    return x->time_us < y->time_us ? -1 : x->time_us > y->time_us;
}

static int64_t start_s(const struct mtr_tariff_version *version)
{
    return (mtr_price_version_start_us(version) + MTR_US_PER_SECOND - 1) / MTR_US_PER_SECOND;
}

static bool has_component(const struct mtr_tariff_version *version, const struct mtr_component *component)
{
    for (uint32_t i = 0; i < version->component_count; i++)
        if (mtr_str_equal(version->components[i].key, component->key)) return mtr_str_equal(version->components[i].meter, component->meter);
    return false;
}

/* Where the use begins that a component of the version goes on from (docs/pricing.md, Versions). */
static int64_t position_from_s(const struct mtr_tariff_version *version, const struct mtr_tariff_version *first,
                               const struct mtr_component *component)
{
    if (version->reset) return start_s(version);
    while (version > first && !version->reset && has_component(version - 1, component)) version--;
    return start_s(version);
}

static bool has_term(const struct mtr_tariff_version *version)
{
    for (uint32_t i = 0; i < version->component_count; i++)
        if (version->components[i].scope == MTR_SLICE_BY_TERM) return true;
    return false;
}

/* A row may be for a component that only the other side has. */
static bool is_of_other_side(const struct series *series, const struct mtr_tariff_version *version, const struct mtr_price_usage *row)
{
    if (!series->beside || mtr_price_has_component(version, row)) return false;
    for (uint32_t i = 0; i < series->beside->version_count; i++)
        if (mtr_price_has_component(&series->beside->versions[i], row)) return true;
    return false;
}

/* The part's rows, and those of the month (or the term) before it that it goes on from. */
static int take_rows(struct series *series, const struct mtr_tariff_version *version, int64_t from_s, int64_t to_s, struct mtr_price_input *input)
{
    uint32_t end = series->next, count = 0;
    while (end < series->count && series->rows[end]->time_us < to_s * MTR_US_PER_SECOND) end++;
    struct mtr_usage_row *rows = mtr_arena_calloc(series->arena, (size_t)end + 1, sizeof(*rows));
    if (!rows) return MTR_ENOMEM;
    for (uint32_t i = has_term(version) ? 0 : series->month_first; i < end; i++) {
        const struct mtr_price_usage *given = series->rows[i];
        struct mtr_usage_row row = {.time_us = given->time_us, .until_us = given->time_us, .earlier = given->time_us < from_s * MTR_US_PER_SECOND};
        if (row.earlier && !mtr_price_has_component(version, given)) continue;
        if (is_of_other_side(series, version, given)) continue;
        int rc = mtr_price_usage_row(version, given, series->arena, &row, series->findings);
        if (rc) return rc;
        const struct mtr_component *component = &version->components[row.component];
        const int64_t position_us = position_from_s(version, series->tariff->versions, component) * MTR_US_PER_SECOND;
        const bool of_term = component->scope == MTR_SLICE_BY_TERM && !version->reset;
        if (row.earlier && !of_term && (i < series->month_first || given->time_us < position_us)) continue;
        rows[count++] = row;
    }
    series->next = end;
    input->usage = rows;
    input->usage_count = count;
    return MTR_OK;
}

/* A part priced. */
struct part {
    struct mtr_price_input input;
    struct mtr_price *price;
};

static int price_part(struct series *series, const struct mtr_tariff_version *version, int64_t from_s, int64_t to_s, struct part *out)
{
    out->price = mtr_arena_calloc(series->arena, 1, sizeof(*out->price));
    out->input = (struct mtr_price_input){
        .tariff = series->tariff,
        .version = version,
        .period = series->month,
        .active_from_s = from_s,
        .active_to_s = to_s,
        .runs_from_s = series->runs_from_s,
        .runs_to_s = series->month.end_s,
        .closing = true,
        .continues_earlier = series->earlier_count > 0,
        .continued_later = to_s < series->month.end_s,
        .earlier = series->earlier,
        .earlier_count = series->earlier_count,
        .zone = series->utc,
    };
    const struct mtr_price_exchange_times times = {from_s, series->month.end_s, series->ordered_s};
    int rc = out->price ? take_rows(series, version, from_s, to_s, &out->input) : MTR_ENOMEM;
    if (!rc) rc = mtr_price_charging_set(series->charging, times, series->arena, &out->input);
    if (!rc) rc = mtr_price(&out->input, series->with_trace, series->arena, out->price);
    if (rc == MTR_EMISSING) rc = mtr_price_charging_fail(&out->input, series->findings);
    if (!rc) rc = mtr_money_add(series->total, out->price->total, &series->total);
    if (!rc) series->earlier[series->earlier_count++] = out->price;
    return rc;
}

/* The next part that begins at *from_s or later; false: none before to_s. */
static bool next_part(const struct series *series, int64_t *from_s, int64_t to_s, const struct mtr_tariff_version **version,
                         int64_t *end_s)
{
    const struct mtr_tariff_document *tariff = series->tariff;
    for (uint32_t i = 0; i < tariff->version_count; i++) {
        int64_t next_s = i + 1 < tariff->version_count ? start_s(&tariff->versions[i + 1]) : INT64_MAX;
        if (next_s <= *from_s) continue;
        if (start_s(&tariff->versions[i]) > *from_s) *from_s = start_s(&tariff->versions[i]);
        *version = &tariff->versions[i];
        *end_s = next_s < to_s ? next_s : to_s;
        const int64_t midnight_s = mtr_price_charging_is_daily(series->charging) ? mtr_zone_next_midnight(series->utc, *from_s) : INT64_MAX;
        if (midnight_s < *end_s) *end_s = midnight_s;
        return *from_s < to_s;
    }
    return false;
}

static void begin_month(struct series *series, struct mtr_period month)
{
    int64_t first_s = start_s(&series->tariff->versions[0]);
    series->month = month;
    series->earlier_count = 0;
    series->month_first = series->next;
    if (series->next == 0) series->ordered_s = month.start_s;
    series->runs_from_s = first_s > month.start_s ? first_s : month.start_s;
}

/* Both sides, and the answer being written. */
struct sides {
    struct series charged, costs;
    bool with_costs;
    struct mtr_json_writer *json;
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
        if (!rc) rc = mtr_price_join_costs(price, part.price, sides->costs.arena);
    }
    return rc;
}

static int write_part(struct sides *sides, const struct mtr_tariff_version *version, int64_t from_s, int64_t to_s)
{
    struct mtr_json_writer *json = sides->json;
    struct part part;
    int rc = price_part(&sides->charged, version, from_s, to_s, &part);
    if (rc) return rc;
    struct mtr_price price = *part.price;
    if (sides->with_costs) rc = join_costs(sides, from_s, to_s, &price);
    if (rc) return rc;
    mtr_json_map(json);
    mtr_json_name(json, "from");
    mtr_json_time(json, from_s * MTR_US_PER_SECOND);
    mtr_json_name(json, "to");
    mtr_json_time(json, to_s * MTR_US_PER_SECOND);
    mtr_json_name(json, "price");
    mtr_price_write_json(&part.input, &price, sides->charged.with_trace, json);
    mtr_json_map_end(json);
    return MTR_OK;
}

static int write_month(struct sides *sides)
{
    struct series *charged = &sides->charged;
    const struct mtr_tariff_version *version = NULL;
    int64_t first_s = charged->rows[charged->next]->time_us / MTR_US_PER_SECOND, end_s = 0;
    int rc = MTR_OK;
    if (first_s < start_s(&charged->tariff->versions[0]))
        return mtr_price_fail(charged->findings, NULL, "usage", "has a row before the first version of the tariff", (struct mtr_str){NULL, 0});
    const struct mtr_period_rule rule = {MTR_PERIOD_MONTH, INT64_MIN, charged->utc};
    const struct mtr_period month = mtr_period_at(&rule, first_s);
    begin_month(charged, month);
    if (sides->with_costs) {
        sides->costs.next = charged->next;
        begin_month(&sides->costs, month);
    }
    int64_t from_s = month.start_s;
    for (; !rc && next_part(charged, &from_s, month.end_s, &version, &end_s); from_s = end_s)
        rc = write_part(sides, version, from_s, end_s);
    return rc;
}

static int write_total(const struct sides *sides)
{
    const unsigned digits = mtr_price_charging_digits(sides->charged.charging);
    struct mtr_money margin;
    mtr_json_name(sides->json, "total");
    mtr_json_money(sides->json, sides->charged.total, digits);
    if (!sides->with_costs) return MTR_OK;
    int rc = mtr_money_sub(sides->charged.total, sides->costs.total, &margin);
    if (rc) return rc;
    mtr_json_name(sides->json, "cost");
    mtr_json_money(sides->json, sides->costs.total, digits);
    mtr_json_name(sides->json, "margin");
    mtr_json_money(sides->json, margin, digits);
    return MTR_OK;
}

static int write_months(struct sides *sides)
{
    struct mtr_json_writer *json = sides->json;
    const struct mtr_tariff_document *tariff = sides->charged.tariff;
    int rc = MTR_OK;
    mtr_json_map(json);
    mtr_json_name(json, "tariff");
    mtr_json_text(json, tariff->key);
    mtr_json_name(json, "currency");
    mtr_json_text(json, sides->charged.charging->currency);
    mtr_json_name(json, "periods");
    mtr_json_list(json);
    while (!rc && sides->charged.next < sides->charged.count) rc = write_month(sides);
    if (rc) return rc;
    mtr_json_list_end(json);
    rc = write_total(sides);
    mtr_json_map_end(json);
    return rc;
}

/* A month has at most as many parts as both tariffs have versions, and days. */
static int open_series(const struct mtr_price_series *from, const struct mtr_price_charging *charging, const struct mtr_price_charging *beside,
                       struct mtr_arena *arena, struct series *out)
{
    const size_t parts = (size_t)charging->tariff->version_count + (beside ? beside->tariff->version_count : 0) + DAYS_OF_MONTH_MAX + 1;
    out->charging = charging;
    out->tariff = charging->tariff;
    out->beside = beside ? beside->tariff : NULL;
    out->count = from->count;
    out->with_trace = from->with_trace;
    out->arena = arena;
    out->earlier = mtr_arena_calloc(arena, parts, sizeof(*out->earlier));
    return out->earlier ? MTR_OK : MTR_ENOMEM;
}

int mtr_price_periods_run(const struct mtr_price_series *series, struct mtr_arena *arena, struct mtr_json_writer *json,
                          struct mtr_diagnostics *findings)
{
    struct mtr_zone *utc;
    struct sides sides = {.charged = {.findings = findings}, .costs = {.findings = findings}, .with_costs = series->cost, .json = json};
    const struct mtr_price_usage **rows = mtr_arena_calloc(arena, (size_t)series->count + 1, sizeof(*rows));
    int rc = rows ? open_series(series, series->charged, series->cost, arena, &sides.charged) : MTR_ENOMEM;
    if (!rc && series->cost) rc = open_series(series, series->cost, series->charged, arena, &sides.costs);
    sides.costs.with_trace = false; /* the answer has that of what is charged */
    if (!rc) rc = mtr_zone_open(MTR_STR("UTC"), &utc);
    if (rc) return rc;
    for (uint32_t i = 0; i < series->count; i++) rows[i] = &series->rows[i];
    qsort(rows, series->count, sizeof(*rows), compare_times);
    sides.charged.rows = sides.costs.rows = rows;
    sides.charged.utc = sides.costs.utc = utc;
    rc = write_months(&sides);
    mtr_zone_close(utc);
    return rc;
}
