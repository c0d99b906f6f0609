/*
 * Golden rows of what chooses a price: dimensions (matrix), hours (when, weights), several meters (capacity,
 * tier_by), and discounts and markups of an amount or of a chain of parties.
 *
 * Usage is written `[<][#input][dimensions]@time[..time]=quantity`, with times of January 2026 as day and
 * hour in UTC, 05:12 for the 5th at noon; `<` marks use before the part. The 1st is a Thursday. The zone is
 * Europe/Berlin: an hour ahead.
 */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include <stdlib.h>

#include "meterd/core/time.h"
#include "tests/support/pricing.h"

enum { USAGE_MAX = 16 };
static const int64_t JANUARY_US = 1767225600 * MTR_US_PER_SECOND;

#define MATRIX                                                                                                                           \
    "group_by: [region, sku], matrix: [{match: {region: [eu, us], sku: s}, per_unit: 1}, {match: {region: eu}, graduated: [{up_to: 10, " \
    "unit: 2}, {unit: 1}]}, {match: {sku: 7}, package: {size: 10, price: 5}}, {per_unit: 3}]"
#define CAPACITY "capacity: [{up_to: {m: 2, n: 4}, amount: 10}, {up_to: {m: 8, n: 32}, amount: 35}, {amount: 100}]"
#define TIER_BY "tier_by: n, volume: [{up_to: 100, unit: 2}, {up_to: 200, unit: 1, flat: 150}, {unit: 1, flat: 400}]"

static const struct {
    const char *component; /* without key and meter */
    const char *usage;
    const char *expected;
} rows[] = {
    /* a matrix: the first row that matches */
    {MATRIX, "region=eu,sku=s@01:00=2", "a region=eu,sku=s usage 2.00; total 2.00"},
    {MATRIX, "region=us,sku=s@01:00=2", "a region=us,sku=s usage 2.00; total 2.00"},
    {MATRIX, "region=eu,sku=l@01:00=12", "a region=eu,sku=l usage 22.00; total 22.00"},
    {MATRIX, "region=us,sku=7@01:00=12", "a region=us,sku=7 usage 10.00; total 10.00"},
    {MATRIX, "region=us,sku=x@01:00=2", "a region=us,sku=x usage 6.00; total 6.00"},
    {MATRIX, "region=,sku=@01:00=2", "a region=,sku= usage 6.00; total 6.00"},
    {MATRIX, "region=eu,sku=s@01:00=2 region=us,sku=x@01:00=2", "a region=eu,sku=s usage 2.00; a region=us,sku=x usage 6.00; total 8.00"},
    {MATRIX, "<region=eu,sku=l@01:00=8 region=eu,sku=l@20:00=4", "a region=eu,sku=l usage 6.00; total 6.00"}, /* 2 × 2 + 2 × 1 */
    {MATRIX ", discount: {percent: 50}, free_units: 1", "region=us,sku=x@01:00=3", "a region=us,sku=x usage 3.00; total 3.00"},
    {"group_by: [r], matrix: [{match: {r: \"a,b=c\\\\d\"}, per_unit: 1}, {per_unit: 2}]", "r=a\\,b\\=c\\\\d@01:00=1",
     "a r=a\\,b\\=c\\\\d usage 1.00; total 1.00"},
    {"group_by: [r], matrix: [{match: {r: a}, per_unit: 1}, {per_unit: 2}]", "r=a\\,@01:00=1", "a r=a\\, usage 2.00; total 2.00"},
    {"group_by: [r, xr], matrix: [{match: {r: a}, per_unit: 1}, {per_unit: 2}]", "r=b,xr=a@01:00=1", "a r=b,xr=a usage 2.00; total 2.00"},
    {"group_by: [r], matrix: [{match: {r: true}, per_unit: 1}, {per_unit: 2}]", "r=true@01:00=1", "a r=true usage 1.00; total 1.00"},
    {"group_by: [r], matrix: [{match: {r: 1.50}, per_unit: 1}, {per_unit: 2}]", "r=1.5@01:00=1", "a r=1.5 usage 1.00; total 1.00"},
    /* hours: night is 22 to 6 in Berlin, 21 to 5 in UTC */
    {"per_unit: 1, when: night", "@05:20=1 @05:21=2 @06:04=4 @06:05=8", "a usage 6.00; total 6.00"},
    {"per_unit: 1, when: {not: night}", "@05:20=1 @05:21=2 @06:04=4 @06:05=8", "a usage 9.00; total 9.00"},
    {"per_unit: 1, when: weekend", "@02:22=1 @02:23=2 @04:22=4 @04:23=8", "a usage 6.00; total 6.00"},
    {"per_unit: 1, when: holiday", "@05:22=1 @05:23=2 @06:22=4 @06:23=8", "a usage 6.00; total 6.00"},
    {"per_unit: 1, when: offpeak", "@05:12=1 @06:12=2 @10:12=4 @12:22=8", "a usage 14.00; total 14.00"},
    {"per_unit: 1, when: peak", "@05:12=1 @06:12=2 @10:12=4 @12:22=8", "a usage 1.00; total 1.00"},
    {"per_unit: 1, when: morning", "@05:06=1 @05:07=2 @05:10=4 @05:11=8 @10:08=16", "a usage 6.00; total 6.00"},
    {"per_unit: 1, when: night", "@05:12=1", "total 0.00"},
    {"graduated: [{up_to: 10, unit: 2}, {unit: 1}], when: night", "@05:12=100 @05:22=12", "a usage 22.00; total 22.00"},
    {"graduated: [{up_to: 10, unit: 2}, {unit: 1}], when: night", "<@05:12=100 <@05:22=8 @06:22=4", "a usage 6.00; total 6.00"},
    {"package: {size: 10, price: 1}, scope: day, when: night", "@05:12=100 @05:22=4 @05:23=4", "a usage 2.00; total 2.00"},
    /* a span that crosses a border is split at it */
    {"per_unit: 1, when: night", "@05:19..05:23=8", "a usage 4.00; total 4.00"},
    {"per_unit: 1, when: {not: night}", "@05:19..05:23=8", "a usage 4.00; total 4.00"},
    {"per_unit: 1, when: night", "@05:20..05:23=1", "a usage 0.67; total 0.67"},
    {"per_unit: 1, when: night, scope: event", "@05:20..05:23=1 @05:21..05:23=1", "a usage 1.00; total 1.00"},
    {"package: {size: 10, price: 1}, scope: day, when: {not: weekend}", "@05:12..07:12=20 @06:12=1", "a usage 4.00; total 4.00"}, /* the middle day has 11 */
    {"per_unit: 744, scope: level, when: night", "@05:12..06:12=2", "a usage 16.00; total 16.00"}, /* 8 hours of 744 at 2 */
    /* weights: the first that holds */
    {"per_unit: 1, weights: {night: 0.5, weekend: 0.8}", "@05:12=100 @05:22=100 @10:12=100 @10:22=100", "a usage 280.00; total 280.00"},
    {"per_unit: 1, weights: {weekend: 0.8, night: 0.5}", "@05:12=100 @05:22=100 @10:12=100 @10:22=100", "a usage 310.00; total 310.00"},
    {"per_unit: 1, weights: {night: 0}", "@05:22=100", "a usage 0.00; total 0.00"},
    {"per_unit: 1, weights: {night: 2}, when: offpeak", "@05:12=1 @05:22=2 @10:12=4", "a usage 8.00; total 8.00"},
    {"graduated: [{up_to: 10, unit: 2}, {unit: 1}], weights: {night: 0.5}", "<@05:22=10 @06:22=14", "a usage 12.00; total 12.00"},
    {"per_unit: 1000000000000, weights: {night: 0.333333333333}", "@05:22=0.000000000001 @05:23=0.000000000001 @06:22=0.000000000001",
     "a usage 1.00; total 1.00"}, /* weighted as one sum: each by itself would be nothing */
    /* several meters */
    {CAPACITY, "#0@01:00=2 #1@01:00=4", "a usage 10.00; total 10.00"},
    {CAPACITY, "#0@01:00=2 #1@01:00=4.000000000001", "a usage 35.00; total 35.00"},
    {CAPACITY, "#0@01:00=9 #1@01:00=4", "a usage 100.00; total 100.00"},
    {CAPACITY, "#1@01:00=4", "a usage 10.00; total 10.00"},
    {CAPACITY, "#0@01:00=4", "a usage 35.00; total 35.00"},
    {CAPACITY, "", "total 0.00"},
    {CAPACITY ", flat_at_zero: true", "", "a usage 10.00; total 10.00"},
    {CAPACITY, "#0@01:00=-4", "a usage 0.00; total 0.00"},
    {CAPACITY, "<#0@01:00=2 <#1@01:00=4 #1@20:00=1", "a usage 25.00; total 25.00"},
    {CAPACITY, "<#0@01:00=2 <#1@01:00=4", "total 0.00"},
    {CAPACITY ", group_by: [r]", "#0r=a@01:00=2 #1r=b@01:00=5", "a r=a usage 10.00; a r=b usage 35.00; total 45.00"},
    {CAPACITY ", discount: {percent: 10}, cap: 20", "#0@01:00=9", "a usage 20.00; total 20.00"},
    {TIER_BY, "#0@01:00=50 #1@01:00=100", "a usage 100.00; total 100.00"},
    {TIER_BY, "#0@01:00=50 #1@01:00=150", "a usage 200.00; total 200.00"},
    {TIER_BY, "#0@01:00=50", "a usage 100.00; total 100.00"},
    {TIER_BY, "#1@01:00=150", "total 0.00"},
    {TIER_BY, "<#0@01:00=50 <#1@01:00=90 #1@20:00=60", "a usage 100.00; total 100.00"}, /* the tier changes for what was there */
    {"tier_by: n, group_by: [r], matrix: [{match: {r: a}, volume: [{up_to: 10, unit: 1}, {unit: 2}]}, {volume: [{unit: 3}]}]",
     "#0r=a@01:00=1 #1r=a@01:00=11 #0r=b@01:00=1", "a r=a usage 2.00; a r=b usage 3.00; total 5.00"},
    /* discount and markup */
    {"per_unit: 1, discount: {amount: 5}", "@01:00=8", "a usage 3.00; total 3.00"},
    {"per_unit: 1, discount: {amount: 5}", "@01:00=4", "a usage 0.00; total 0.00"},
    {"per_unit: 1, discount: {amount: 5}", "@01:00=-4", "a usage -4.00; total -4.00"},
    {"per_unit: 1, discount: {amount: 5}", "<@01:00=4 @20:00=4", "a usage 3.00; total 3.00"},
    {"per_unit: 1, discount: {amount: 1}, group_by: [r]", "r=a@01:00=2 r=b@01:00=3", "a r=a usage 1.00; a r=b usage 2.00; total 3.00"},
    {"per_unit: 1, markup: {amount: 5}", "@01:00=8", "a usage 13.00; total 13.00"},
    {"per_unit: 1, markup: {amount: 5}", "", "total 0.00"},
    {"per_unit: 1, markup: {amount: 5}", "<@01:00=8 @20:00=2", "a usage 2.00; total 2.00"},
    {"per_unit: 1, markup: {amount: 5}", "<@01:00=8 @20:00=-8", "a usage -13.00; total -13.00"}, /* nothing was used in all */
    {"per_unit: 100, markup: [{party: p, percent: 5}, {party: q, percent: 10}]", "@01:00=1", "a usage 115.50; total 115.50"},
    {"per_unit: 100, markup: [{amount: 5}, {percent: 10}, {amount: \"0.5\"}]", "@01:00=1", "a usage 116.00; total 116.00"},
    {"per_unit: 100, discount: {percent: 10}, markup: [{percent: 10}]", "@01:00=1", "a usage 99.00; total 99.00"},
};

/* "05:12": day and hour. */
static int64_t time_at(const char *text, char **end)
{
    int64_t day = strtoll(text, end, 10);
    return JANUARY_US + (day - 1) * MTR_US_PER_DAY + strtoll(*end + 1, end, 10) * MTR_US_PER_HOUR;
}

static uint32_t parse_usage(const char *text, struct mtr_usage_row *usage)
{
    static char copy[512];
    uint32_t count = 0;
    snprintf(copy, sizeof(copy), "%s", text);
    for (char *rest = copy, *word = strsep(&rest, " "); word && *word; word = strsep(&rest, " ")) {
        struct mtr_usage_row *row = &usage[count++];
        *row = (struct mtr_usage_row){.earlier = *word == '<'};
        word += row->earlier;
        if (*word == '#') {
            row->input = (uint32_t)(word[1] - '0');
            word += 2;
        }
        char *at = strchr(word, '@'), *equals = strrchr(word, '='), *end;
        assert_true(at && equals && count <= USAGE_MAX);
        row->dimensions = (struct mtr_str){word, (size_t)(at - word)};
        row->time_us = row->until_us = time_at(at + 1, &end);
        if (*end == '.') row->until_us = time_at(end + 2, &end);
        assert_int_equal(mtr_quantity_parse(mtr_str_from(equals + 1), &row->quantity), MTR_OK);
    }
    return count;
}

static void open_tariff(struct pricing *pricing, const char *component)
{
    char text[2048];
    const char *meter = strstr(component, "capacity:") ? "" : "meter: m, ";
    snprintf(text, sizeof(text),
             "key: t\ncurrency: EUR\nversions:\n  - from: 2026-01-01\n    calendar:\n      night: {hours: \"22:00-06:00\"}\n"
             "      weekend: {days: [sat, sun]}\n      holiday: {dates: [2026-01-06]}\n      peak: {not: offpeak}\n"
             "      offpeak: {any: [night, weekend, holiday]}\n      morning: {hours: \"08:00-12:00\", days: [mon, tue, wed, thu, fri]}\n"
             "    components:\n      - {key: a, %s%s}\n",
             meter, component);
    if (pricing_open(pricing, mtr_str_from(text)) != MTR_OK)
        fail_msg("%s: %s", component, pricing->findings.items[0].text);
}

static void test_rows(void **state)
{
    (void)state;
    struct mtr_zone *berlin;
    assert_int_equal(mtr_zone_open(MTR_STR("Europe/Berlin"), &berlin), MTR_OK);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct mtr_usage_row usage[USAGE_MAX];
        struct pricing pricing;
        struct mtr_price price;
        char got[1024];
        open_tariff(&pricing, rows[i].component);
        struct mtr_price_input input = pricing_input(&pricing);
        input.zone = berlin;
        input.usage = usage;
        input.usage_count = parse_usage(rows[i].usage, usage);
        for (int with_trace = 0; with_trace < 2; with_trace++) {
            assert_int_equal(mtr_price(&input, with_trace, &pricing.result, &price), MTR_OK);
            pricing_describe(&pricing, &price, got, sizeof(got));
            if (strcmp(got, rows[i].expected) != 0)
                fail_msg("%s of %s:\n  expected %s\n  got      %s", rows[i].component, rows[i].usage,
                         rows[i].expected, got);
        }
        pricing_close(&pricing);
    }
    mtr_zone_close(berlin);
}

static const struct {
    const char *component;
    const char *usage;
    const char *expected; /* "part: input -> output" of each step but the last, which rounds */
} traces[] = {
    {"group_by: [r], matrix: [{match: {r: a}, per_unit: 1}, {per_unit: 2}]", "r=b@01:00=3",
     "matrix, row 2 of 2: r=b -> per_unit; per_unit: 3 × 2 -> 6; "},
    {"per_unit: 2, when: offpeak, weights: {night: 0.5}", "@05:12=1 @05:22=2 @06:22=4 @10:12=8",
     "when offpeak: 15 -> 14; night × 0.5: 6 -> 3; per_unit: 11 × 2 -> 22; "},
    {CAPACITY, "#0@01:00=2 #1@01:00=5", "capacity, step 2 of 3: m=2 n=5 -> 35; "},
    {"per_unit: 1, when: night", "@05:12=1", ""}, /* no line, no steps */
    {"group_by: [r], matrix: [{match: {r: a}, per_unit: 1}, {per_unit: 2}]", "r=b@01:00=0", ""},
    {"per_unit: 100, discount: {amount: 10}, markup: [{party: p, percent: 10}, {party: q, amount: 1}]", "@01:00=1",
     "per_unit: 1 × 100 -> 100; discount 10: 100 -> 90; markup 10 %, p: 90 -> 99; markup 1, q: 99 -> 100; "},
};

struct shown {
    const struct mtr_price *kept;
    uint32_t count;
};

static int on_step(void *context, const struct mtr_price_step *step)
{
    struct shown *shown = context;
    assert_true(shown->count < shown->kept->step_count);
    const struct mtr_price_step *kept = &shown->kept->steps[shown->count++];
    assert_true(step->line == kept->line && mtr_str_equal(step->part, kept->part));
    assert_true(mtr_str_equal(step->input, kept->input) && mtr_str_equal(step->output, kept->output));
    return MTR_OK;
}

/* Steps that are handed on as they happen are those that would be kept. */
static void assert_shown(struct mtr_price_input input, const struct mtr_price *kept, struct mtr_arena *arena)
{
    struct shown shown = {.kept = kept};
    struct mtr_price price;
    input.on_step = on_step;
    input.step_context = &shown;
    assert_int_equal(mtr_price(&input, true, arena, &price), MTR_OK);
    assert_int_equal(shown.count, kept->step_count);
    assert_int_equal(price.step_count, 0);
}

static void test_traces(void **state)
{
    (void)state;
    struct mtr_zone *berlin;
    assert_int_equal(mtr_zone_open(MTR_STR("Europe/Berlin"), &berlin), MTR_OK);
    for (size_t i = 0; i < sizeof(traces) / sizeof(traces[0]); i++) {
        struct mtr_usage_row usage[USAGE_MAX];
        struct pricing pricing;
        struct mtr_price price;
        char got[1024] = "";
        size_t used = 0;
        open_tariff(&pricing, traces[i].component);
        struct mtr_price_input input = pricing_input(&pricing);
        input.zone = berlin;
        input.usage = usage;
        input.usage_count = parse_usage(traces[i].usage, usage);
        assert_int_equal(mtr_price(&input, true, &pricing.result, &price), MTR_OK);
        for (uint32_t step = 0; step + 1 < price.step_count; step++)
            used += (size_t)snprintf(
                got + used, sizeof(got) - used, "%.*s: %.*s -> %.*s; ", MTR_STR_ARGS(price.steps[step].part),
                MTR_STR_ARGS(price.steps[step].input), MTR_STR_ARGS(price.steps[step].output));
        assert_string_equal(got, traces[i].expected);
        assert_shown(input, &price, &pricing.result);
        pricing_close(&pricing);
    }
    mtr_zone_close(berlin);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows), cmocka_unit_test(test_traces)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
