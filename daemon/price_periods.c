/*
 * A usage series: rows with times, month by month, as a subscription of calendar months in UTC would be billed. A month in which a version
 * begins is priced in parts, each going on from the month's rows before it; caps, minimums and commitments are of the whole month. A contract
 * term (scope term) begins with the first row. Months without a row are left out.
 */
#include "daemon/price_usage.h"

#include <stdlib.h>

#include "meterd/core/time.h"

struct series {
    const struct mtr_tariff_document *tariff;
    const struct mtr_price_usage **rows; /* by time */
    uint32_t count, next;                /* next: the first row that is not priced yet */
    uint32_t month_first;                /* the first row of the month */
    struct mtr_period month;
    int64_t runs_from_s;
    bool with_trace;
    const struct mtr_zone *utc;
    struct mtr_arena *arena;
    struct mtr_json_writer *json;
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

static int price_part(struct series *series, const struct mtr_tariff_version *version, int64_t from_s, int64_t to_s)
{
    struct mtr_price *price = mtr_arena_calloc(series->arena, 1, sizeof(*price));
    struct mtr_price_input input = {
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
    int rc = price ? take_rows(series, version, from_s, to_s, &input) : MTR_ENOMEM;
    if (!rc) rc = mtr_price(&input, series->with_trace, series->arena, price);
    if (!rc) rc = mtr_money_add(series->total, price->total, &series->total);
    if (rc) return rc;
    series->earlier[series->earlier_count++] = price;
    mtr_json_map(series->json);
    mtr_json_name(series->json, "from");
    mtr_json_time(series->json, from_s * MTR_US_PER_SECOND);
    mtr_json_name(series->json, "to");
    mtr_json_time(series->json, to_s * MTR_US_PER_SECOND);
    mtr_json_name(series->json, "price");
    mtr_price_write_json(&input, price, series->with_trace, series->json);
    mtr_json_map_end(series->json);
    return MTR_OK;
}

static int price_month(struct series *series)
{
    const struct mtr_tariff_document *tariff = series->tariff;
    int64_t first_s = series->rows[series->next]->time_us / MTR_US_PER_SECOND;
    int rc = MTR_OK;
    if (first_s < start_s(&tariff->versions[0]))
        return mtr_price_fail(series->findings, NULL, "usage", "has a row before the first version of the tariff", (struct mtr_str){NULL, 0});
    const struct mtr_period_rule rule = {MTR_PERIOD_MONTH, INT64_MIN, series->utc};
    series->month = mtr_period_at(&rule, first_s);
    series->earlier_count = 0;
    series->month_first = series->next;
    series->runs_from_s = series->month.start_s;
    if (start_s(&tariff->versions[0]) > series->runs_from_s) series->runs_from_s = start_s(&tariff->versions[0]);
    for (uint32_t i = 0; !rc && i < tariff->version_count; i++) {
        int64_t from_s = start_s(&tariff->versions[i]), to_s = series->month.end_s;
        if (from_s < series->month.start_s) from_s = series->month.start_s;
        if (i + 1 < tariff->version_count && start_s(&tariff->versions[i + 1]) < to_s) to_s = start_s(&tariff->versions[i + 1]);
        if (from_s < to_s) rc = price_part(series, &tariff->versions[i], from_s, to_s);
    }
    return rc;
}

static int price_months(struct series *series)
{
    int rc = MTR_OK;
    mtr_json_map(series->json);
    mtr_json_name(series->json, "tariff");
    mtr_json_text(series->json, series->tariff->key);
    mtr_json_name(series->json, "currency");
    mtr_json_text(series->json, series->tariff->currency);
    mtr_json_name(series->json, "periods");
    mtr_json_list(series->json);
    while (!rc && series->next < series->count) rc = price_month(series);
    if (rc) return rc;
    mtr_json_list_end(series->json);
    mtr_json_name(series->json, "total");
    mtr_json_money(series->json, series->total, series->tariff->rounding_digits);
    mtr_json_map_end(series->json);
    return MTR_OK;
}

int mtr_price_periods_run(const struct mtr_tariff_document *tariff, const struct mtr_price_usage *rows, uint32_t count, bool with_trace,
                          struct mtr_arena *arena, struct mtr_json_writer *json, struct mtr_diagnostics *findings)
{
    struct mtr_zone *utc;
    struct series series = {.tariff = tariff, .count = count, .with_trace = with_trace, .arena = arena, .json = json, .findings = findings};
    series.rows = mtr_arena_calloc(arena, (size_t)count + 1, sizeof(*series.rows));
    series.earlier = mtr_arena_calloc(arena, (size_t)tariff->version_count + 1, sizeof(*series.earlier));
    if (!series.rows || !series.earlier) return MTR_ENOMEM;
    for (uint32_t i = 0; i < count; i++) series.rows[i] = &rows[i];
    qsort(series.rows, count, sizeof(*series.rows), compare_times);
    int rc = mtr_zone_open(MTR_STR("UTC"), &utc);
    if (rc) return rc;
    series.utc = utc;
    rc = price_months(&series);
    mtr_zone_close(utc);
    return rc;
}
