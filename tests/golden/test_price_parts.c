/*
 * The law of position: a period that is priced in parts, each behind those before it, comes to what it does
 * in one, whatever the curve, the scope, the parts around the curve and the rounding. Golden rows of two
 * parts; then seeded tariffs of all of them, seeded use (some of it taken back), seeded splits.
 *
 * METERD_SEED repeats a run, METERD_CASES changes the number of tariffs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "meterd/core/time.h"
#include "tests/support/pricing.h"
#include "tests/support/random_events.h"

enum {
    COMPONENTS_MAX = 3,
    ROWS_MAX = 24,
    PARTS_MAX = 5,
    DOCUMENT_BYTES = 8192,
    CASES = 4000
};
static const int64_t START_US = 1767225600 * MTR_US_PER_SECOND, PERIOD_US = 31 * MTR_US_PER_DAY;

struct text {
    char bytes[DOCUMENT_BYTES];
    size_t size;
};

MTR_PRINTF(2, 3) static void add(struct text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    text->size +=
        (size_t)vsnprintf(text->bytes + text->size, sizeof(text->bytes) - text->size, format, arguments);
    va_end(arguments);
    assert_true(text->size < sizeof(text->bytes));
}

struct random_case {
    struct random_source random;
    struct text text;
    struct pricing pricing;
    struct mtr_zone *utc;
    const struct mtr_tariff_version *version;
    struct mtr_usage_row use[ROWS_MAX]; /* of the whole period */
    uint32_t use_count;
    struct mtr_price_pool pools[COMPONENTS_MAX + 1];
    uint32_t pool_count;
    int64_t borders_us[PARTS_MAX + 1]; /* of the parts */
    uint32_t part_count;
};

static unsigned below(struct random_case *it, unsigned bound)
{
    return (unsigned)random_below(&it->random, bound);
}

static bool one_in(struct random_case *it, unsigned count)
{
    return below(it, count) == 0;
}

static const char *pick(struct random_case *it, const char *const *names, unsigned count)
{
    return names[below(it, count)];
}

static const char *const modes[] = {"half_even", "half_up", "up", "down", "ceiling", "floor"};

static void add_tiers(struct random_case *it, const char *curve, const char *unit, const char *flat,
                      bool with_caps)
{
    unsigned bound = 0, count = 1 + below(it, 4);
    add(&it->text, "%s: [", curve);
    for (unsigned i = 0; i < count; i++) {
        add(&it->text, "{");
        const char *key = one_in(it, 3) ? "below" : "up_to";
        if (i + 1 < count) add(&it->text, "%s: %u.%u, ", key, bound += 1 + below(it, 60), below(it, 10));
        if (unit) add(&it->text, "%s: \"%u.%03u\", ", unit, below(it, 3), below(it, 1000));
        if (flat && (!unit || one_in(it, 2)))
            add(&it->text, "%s: \"%u.%u\", ", flat, below(it, 9), below(it, 10));
        if (with_caps && one_in(it, 5)) add(&it->text, "cap: %u, ", 10 + below(it, 40));
        add(&it->text, "}%s", i + 1 < count ? ", " : "]");
    }
}

static void add_blocks(struct random_case *it)
{
    add(&it->text,
        "blocks: {mode: %s, tiers: [{size: %u.5, blocks: %u, price: \"1.%03u\"}, {size: %u, price: \"2.5\"}]}",
        one_in(it, 2) ? "graduated" : "volume", 1 + below(it, 20), 1 + below(it, 4), below(it, 1000),
        1 + below(it, 30));
}

static void add_increments(struct random_case *it)
{
    unsigned step = 1 + below(it, 30);
    add(&it->text,
        "increments: {connect: \"0.%02u\", steps: [{price: \"0.1%u\", per: %u, step: %u}, {from: %u, price: \"0.05\", per: 7, step: 2}]}",
        below(it, 100), below(it, 10), 1 + below(it, 60), step, step * (1 + below(it, 3)));
}

static void add_event_percentage(struct random_case *it)
{
    add(&it->text, "percentage: {rate: \"2.9%u\", fixed: \"0.%02u\"", below(it, 10), below(it, 50));
    if (one_in(it, 2))
        add(&it->text, ", minimum: \"0.%02u\", maximum: \"1.%02u\"", below(it, 100), below(it, 100));
    if (one_in(it, 2)) add(&it->text, ", free_events: %u", below(it, 6));
    if (one_in(it, 2)) add(&it->text, ", free_amount: \"%u.5\"", below(it, 60));
    add(&it->text, "}, scope: event");
}

/* Curves that are chosen by dimensions, or by further meters. */
static void add_choice(struct random_case *it)
{
    switch (below(it, 3)) {
    case 0:
        add(&it->text, "meter: m, group_by: [r], matrix: [{match: {r: a}, ");
        add_tiers(it, "graduated", "unit", "flat", true);
        add(&it->text, "}, {");
        add_tiers(it, "volume", "unit", "flat", true);
        add(&it->text, "}]");
        return;
    case 1:
        add(&it->text,
            "scope: period, capacity: [{up_to: {m: %u}, below: {n: %u}, amount: \"%u.3\"}, {up_to: {m: %u, n: 9000}, amount: 20}, {amount: 50}]",
            1 + below(it, 20), 1 + below(it, 20), below(it, 9), 30 + below(it, 9000));
        return;
    default:
        add(&it->text, "meter: m, scope: %s, tier_by: n, ", one_in(it, 2) ? "period" : "term");
        add_tiers(it, "volume", "unit", "flat", true);
    }
}

/* A curve with its scope; false for a fee. */
static bool add_curve(struct random_case *it)
{
    static const char *const scopes[] = {"period", "period", "period", "event", "hour", "day", "term",
                                         "hour, each: {maximum: 9}", "day, each: {minimum: 3, maximum: 20}"};
    static const char *const prorates[] = {"none", "day", "second"};
    switch (below(it, 15)) {
    case 0: add(&it->text, "per_unit: \"0.%03u\"", below(it, 1000)); break;
    case 1: add_tiers(it, "graduated", "unit", "flat", true); break;
    case 2: add_tiers(it, "volume", "unit", "flat", true); break;
    case 3:
        add(&it->text, "package: {size: %u.5, price: \"1.%03u\", rounding: %s}", 1 + below(it, 40),
            below(it, 1000), one_in(it, 3) ? "none" : pick(it, modes, 6));
        break;
    case 4: add(&it->text, "percentage: {rate: \"2.%u\", fixed: \"0.30\"}", below(it, 100)); break;
    case 5: add_tiers(it, "graduated_percentage", "rate", "flat", true); break;
    case 6: add(&it->text, "dynamic: {multiplier: \"1.%03u\"}", below(it, 1000)); break;
    case 7: add_tiers(it, "stairstep", NULL, "amount", false); break;
    case 8: add_blocks(it); break;
    case 9: add_increments(it); break;
    case 10: add_event_percentage(it); return true;
    case 11:
        add_tiers(it, one_in(it, 2) ? "graduated" : "volume", "unit", "flat", false);
        add(&it->text, ", scope: level");
        return true;
    case 12: add_choice(it); return true;
    default:
        add(&it->text, "recurring: {amount: \"%u.%02u\", in: %s, prorate: %s}", below(it, 90), below(it, 100),
            one_in(it, 2) ? "advance" : "arrears", pick(it, prorates, 3));
        return false;
    }
    add(&it->text, ", scope: %s", pick(it, scopes, 9));
    return true;
}

static void add_limits(struct random_case *it, const char *separator, bool by_lines)
{
    unsigned least = below(it, 40);
    bool has_commitment = one_in(it, 4), has_minimum = !has_commitment && one_in(it, 4);
    if (by_lines && one_in(it, 3)) add(&it->text, "%sline_minimum: \"%u.25\"", separator, below(it, least + 1));
    if (has_minimum) add(&it->text, "%sminimum: \"%u.25\"", separator, least);
    if (has_commitment)
        add(&it->text, "%scommitment: {amount: %u, overage: \"1.3%u\", prorate: second}", separator, least,
            below(it, 10));
    if (one_in(it, 4)) add(&it->text, "%scap: \"%u.75\"", separator, least + below(it, 60));
}

static void add_component(struct random_case *it, unsigned index)
{
    add(&it->text, "      - {key: c%u, ", index);
    size_t start = it->text.size;
    bool has_use = add_curve(it);
    bool has_free_part = strstr(it->text.bytes + start, "free_") != NULL,
         flat = strstr(it->text.bytes + start, "flat:") != NULL;
    bool whole = strstr(it->text.bytes + start, "scope: period") != NULL ||
                 strstr(it->text.bytes + start, "scope: level") != NULL;
    const char *written = it->text.bytes + start;
    const bool is_level = strstr(written, "scope: level") != NULL,
               is_capacity = strstr(written, "capacity") != NULL;
    const bool is_chosen = is_capacity || strstr(written, "matrix") || strstr(written, "tier_by");
    if (has_use && !is_chosen) add(&it->text, ", meter: m");
    if (has_use && flat && whole && !is_chosen && one_in(it, 3)) add(&it->text, ", flat_at_zero: true");
    else if (has_use && !is_chosen && one_in(it, 3)) add(&it->text, ", group_by: [r]");
    if (has_use && !is_capacity && one_in(it, 6))
        add(&it->text, ", when: %s", one_in(it, 2) ? "night" : "{not: weekend}");
    if (has_use && !is_level && !is_capacity && one_in(it, 6))
        add(&it->text, ", weights: {night: \"0.5\", weekend: \"1.%u\"}", below(it, 1000));
    if (has_use && !has_free_part && !is_capacity && one_in(it, 3))
        add(&it->text, ", free_units: %u", below(it, 60));
    if (has_use && !is_capacity && one_in(it, 3))
        add(&it->text, ", convert: {multiply: 2, divide: %u, rounding: %s, digits: %u}", 1 + below(it, 7),
            pick(it, modes, 6), below(it, 3));
    if (one_in(it, 3))
        add(&it->text, ", discount: {%s: %u.%u}", has_use && one_in(it, 3) ? "amount" : "percent",
            below(it, 100), below(it, 10));
    if (one_in(it, 4))
        add(&it->text, ", markup: {%s: %u.%u}", has_use && one_in(it, 3) ? "amount" : "percent",
            below(it, 100), below(it, 10));
    if (has_use) add_limits(it, ", ", strstr(written, "group_by: [r]") != NULL);
    add(&it->text, "}\n");
}

static void make_tariff(struct random_case *it)
{
    it->text = (struct text){0};
    add(&it->text, "key: t\ncurrency: EUR\nrounding: {mode: %s, place: %s}\nversions:\n  - from: 2026-01-01\n"
        "    calendar: {night: {hours: \"22:00-06:00\"}, weekend: {days: [sat, sun]}}\n"
        "    components:\n", pick(it, modes, 6),
        one_in(it, 3) ? "total" : "line");
    unsigned count = 1 + below(it, COMPONENTS_MAX);
    for (unsigned i = 0; i < count; i++) add_component(it, i);
    add_limits(it, "\n    ", false);
    int rc = pricing_open(&it->pricing, mtr_str_from(it->text.bytes));
    if (rc) fail_msg("%s: %s\n%s", mtr_error_name(rc), it->pricing.findings.items[0].text, it->text.bytes);
    it->version = &it->pricing.tariff.versions[0];
}

static int64_t below_us(struct random_case *it, int64_t count)
{
    const int64_t second = below(it, (unsigned)(count / MTR_US_PER_SECOND) + 1);
    return count > 0 ? (second * MTR_US_PER_SECOND + below(it, 3) * 333333) % count : 0;
}

static void make_use(struct random_case *it)
{
    it->use_count = 0;
    for (uint32_t c = 0; c < it->version->component_count; c++) {
        const struct mtr_component *component = &it->version->components[c];
        unsigned count = mtr_component_is_fee(component) ? 0 : below(it, ROWS_MAX / COMPONENTS_MAX + 1);
        for (unsigned i = 0; i < count; i++) {
            int64_t from_us = below_us(it, PERIOD_US), until_us = from_us;
            bool is_level = component->scope == MTR_CURVE_SCOPE_LEVEL;
            if (is_level) until_us += 1 + below_us(it, PERIOD_US - from_us);
            it->use[it->use_count++] = (struct mtr_usage_row){
                .component = c,
                .input = component->input_count > 1 ? below(it, component->input_count) : 0,
                .dimensions = mtr_str_from(!component->group_by_count ? ""
                                           : one_in(it, 2)            ? "r=a"
                                                                      : "r=b"),
                .time_us = START_US + from_us,
                .until_us = START_US + until_us,
                .quantity = {(mtr_int128)below(it, 50000) * (one_in(it, 2) ? 1000000000 : 500000000000) /
                             (one_in(it, 5) && !is_level ? -3 : 1)},
            };
        }
    }
}

/* An allowance of one component with one line, and a credit. */
static void make_pools(struct random_case *it)
{
    static const char *const keys[] = {"p0", "p1", "p2"};
    it->pool_count = 0;
    for (uint32_t c = 0; c < it->version->component_count; c++) {
        const struct mtr_component *component = &it->version->components[c];
        if (!mtr_component_has_units(component) || component->group_by_count || !one_in(it, 3)) continue;
        it->pools[it->pool_count++] =
            (struct mtr_price_pool){.key = mtr_str_from(keys[c]),
                                    .grant = MTR_STR("grant=2026-01-01"),
                                    .components = &component->key,
                                    .component_count = 1,
                                    .expires_us = INT64_MAX,
                                    .quantity = {(mtr_int128)below(it, 60000) * 1000000000}};
    }
    if (one_in(it, 4))
        it->pools[it->pool_count++] =
            (struct mtr_price_pool){.key = MTR_STR("credit"),
                                    .grant = MTR_STR("credit=2026-01-01"),
                                    .of_money = true,
                                    .expires_us = INT64_MAX,
                                    .amount = {(mtr_int128)below(it, 6000) * 10000000000000000}};
}

static void make_parts(struct random_case *it)
{
    it->part_count = 1 + below(it, PARTS_MAX);
    it->borders_us[0] = START_US;
    it->borders_us[it->part_count] = START_US + PERIOD_US;
    for (uint32_t i = 1; i < it->part_count; i++)
        it->borders_us[i] = it->borders_us[i - 1] + 1 +
                            below_us(it, (it->borders_us[it->part_count] - it->borders_us[i - 1]) / 2);
}

/* What of the use lies in [from, to), added to the rows. */
static void take(const struct random_case *it, int64_t from_us, int64_t to_us, bool earlier,
                 struct mtr_usage_row *rows, uint32_t *count)
{
    for (uint32_t i = 0; i < it->use_count; i++) {
        struct mtr_usage_row row = it->use[i];
        bool is_level = it->version->components[row.component].scope == MTR_CURVE_SCOPE_LEVEL;
        if (is_level && row.time_us < from_us) row.time_us = from_us;
        if (is_level && row.until_us > to_us) row.until_us = to_us;
        if (is_level ? row.time_us >= row.until_us : row.time_us < from_us || row.time_us >= to_us) continue;
        row.earlier = earlier;
        rows[(*count)++] = row;
    }
}

static void price(struct random_case *it, int64_t from_us, int64_t to_us,
                  const struct mtr_price *const *earlier, uint32_t earlier_count, struct mtr_price *out)
{
    struct mtr_usage_row rows[2 * ROWS_MAX];
    struct mtr_price_input input = pricing_input(&it->pricing);
    input.zone = it->utc;
    input.pools = it->pools;
    input.pool_count = it->pool_count;
    input.usage = rows;
    take(it, START_US, from_us, true, rows, &input.usage_count);
    take(it, from_us, to_us, false, rows, &input.usage_count);
    for (uint32_t i = input.usage_count; i > 1; i--) { /* in any order */
        uint32_t other = below(it, i);
        struct mtr_usage_row row = rows[i - 1];
        rows[i - 1] = rows[other];
        rows[other] = row;
    }
    input.active_from_us = from_us;
    input.active_to_us = to_us;
    input.continues_earlier = from_us > START_US;
    input.continued_later = to_us < START_US + PERIOD_US;
    input.earlier = earlier;
    input.earlier_count = earlier_count;
    int rc = mtr_price(&input, one_in(it, 4), &it->pricing.result, out);
    if (rc) fail_msg("%s\n%s", mtr_error_name(rc), it->text.bytes);
}

static mtr_int128 sum_of(const struct mtr_price *price, struct mtr_str component)
{
    mtr_int128 sum = 0;
    for (uint32_t i = 0; i < price->line_count; i++)
        if (mtr_str_equal(price->lines[i].component, component)) sum += price->lines[i].amount.e18;
    return sum;
}

static void check_equal(const struct random_case *it, const char *what, mtr_int128 parts, mtr_int128 whole)
{
    char a[MTR_DECIMAL_TEXT_BYTES], b[MTR_DECIMAL_TEXT_BYTES];
    if (parts == whole) return;
    mtr_money_format((struct mtr_money){parts}, a);
    mtr_money_format((struct mtr_money){whole}, b);
    fprintf(stderr, "%s\n", it->text.bytes);
    fail_msg("%s: %u parts come to %s, the whole to %s", what, it->part_count, a, b);
}

/* Where the total is rounded a cap leaves each line at 18 digits: then the totals are what must agree. A
 * cap of the tariff may cut another component in parts than it does in one. */
static bool lines_agree(const struct random_case *it, const struct mtr_component *component)
{
    return !it->version->has_cap &&
           !(it->pricing.tariff.round_total &&
             (mtr_component_has(component, "cap") || mtr_component_has(component, "commitment")));
}

/* For a failure's report. */
static void describe(struct random_case *it, const char *name, const struct mtr_price *price)
{
    char lines[1024];
    pricing_describe(&it->pricing, price, lines, sizeof(lines));
    add(&it->text, "%s: %s\n", name, lines);
}

static void describe_use(struct random_case *it)
{
    char quantity[MTR_DECIMAL_TEXT_BYTES];
    for (uint32_t i = 0; i < it->pool_count; i++) {
        mtr_quantity_format(it->pools[i].quantity, quantity);
        add(&it->text, "\npool %s of %s", it->pools[i].key.data, it->pools[i].of_money ? "money" : quantity);
    }
    for (uint32_t i = 0; i < it->use_count; i++) {
        const struct mtr_usage_row *row = &it->use[i];
        mtr_quantity_format(row->quantity, quantity);
        add(&it->text, "\nc%u %s at %lld to %lld: %s", row->component, row->dimensions.data,
            (long long)(row->time_us - START_US),
            (long long)(row->until_us - START_US), quantity);
    }
    for (uint32_t i = 0; i <= it->part_count; i++)
        add(&it->text, "%s%lld", i ? ", " : "\nparts at ", (long long)(it->borders_us[i] - START_US));
    add(&it->text, "\n");
}

static void check_case(struct random_case *it)
{
    struct mtr_price whole, parts[PARTS_MAX];
    const struct mtr_price *earlier[PARTS_MAX];
    mtr_int128 total = 0;
    price(it, START_US, START_US + PERIOD_US, NULL, 0, &whole);
    describe_use(it);
    describe(it, "whole", &whole);
    for (uint32_t i = 0; i < it->part_count; i++) {
        price(it, it->borders_us[i], it->borders_us[i + 1], earlier, i, &parts[i]);
        earlier[i] = &parts[i];
        describe(it, "part", &parts[i]);
        total += parts[i].total.e18;
    }
    check_equal(it, "total", total, whole.total.e18);
    for (uint32_t c = 0; c < it->version->component_count; c++) {
        const struct mtr_component *component = &it->version->components[c];
        mtr_int128 sum = 0;
        for (uint32_t i = 0; i < it->part_count; i++) sum += sum_of(&parts[i], component->key);
        if (lines_agree(it, component))
            check_equal(it, component->key.data, sum, sum_of(&whole, component->key));
    }
}

static uint64_t number_of(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text ? strtoull(text, NULL, 10) : otherwise;
}

static void test_parts_add_up_to_the_whole(void **state)
{
    (void)state;
    static struct random_case it;
    const uint64_t seed = number_of("METERD_SEED", 26011), cases = number_of("METERD_CASES", CASES);
    print_message("seed %llu, %llu cases\n", (unsigned long long)seed, (unsigned long long)cases);
    assert_int_equal(mtr_zone_open(MTR_STR("UTC"), &it.utc), MTR_OK);
    it.random.state = seed;
    for (uint64_t i = 0; i < cases; i++) {
        make_tariff(&it);
        const size_t size = it.text.size;
        for (int round = 0; round < 3; round++) {
            it.text.size = size;
            make_use(&it);
            make_pools(&it);
            make_parts(&it);
            check_case(&it);
            mtr_arena_reset(&it.pricing.result);
        }
        pricing_close(&it.pricing);
    }
    mtr_zone_close(it.utc);
}

static void price_half(struct pricing *pricing, const char *const *use, uint32_t half,
                       struct mtr_price prices[2])
{
    struct mtr_usage_row rows[2] = {{.time_us = START_US},
                                    {.time_us = START_US + PERIOD_US / 2}};
    struct mtr_price_input input = pricing_input(pricing);
    for (uint32_t i = 0; i <= half; i++)
        assert_int_equal(mtr_quantity_parse(mtr_str_from(use[i]), &rows[i].quantity), MTR_OK);
    rows[0].earlier = half == 1;
    input.usage = rows;
    input.usage_count = half + 1;
    input.continues_earlier = half == 1;
    input.continued_later = half == 0;
    input.earlier = (const struct mtr_price *const[]){&prices[0]};
    input.earlier_count = half;
    assert_int_equal(mtr_price(&input, true, &pricing->result, &prices[half]), MTR_OK);
}

static void test_two_parts(void **state)
{
    (void)state;
    static const struct {
        const char *component, *use[2], *expected[2];
    } rows[] = {
        {"graduated: [{up_to: 100, unit: 2, flat: 5}, {unit: 1, flat: 7}]", {"80", "40"}, {"a usage 165.00; total 165.00", "a usage 67.00; total 67.00"}},
        {"volume: [{up_to: 100, unit: 2}, {unit: 1}]", {"80", "40"}, {"a usage 160.00; total 160.00", "a usage -40.00; total -40.00"}},
        {"package: {size: 1000, price: 1}", {"1400", "1300"}, {"a usage 2.00; total 2.00", "a usage 1.00; total 1.00"}},
        {"per_unit: 1, convert: {divide: 1000, rounding: ceiling, digits: 0}", {"1400", "1300"}, {"a usage 2.00; total 2.00", "a usage 1.00; total 1.00"}},
        {"per_unit: 1, free_units: 10", {"8", "7"}, {"a usage 0.00; total 0.00", "a usage 5.00; total 5.00"}},
        /* rounded as one, ties and signs included */
        {"per_unit: \"0.004\"", {"1", "1"}, {"a usage 0.00; total 0.00", "a usage 0.01; total 0.01"}},
        {"per_unit: \"0.005\"", {"23", "2"}, {"a usage 0.12; total 0.12", "a usage 0.00; total 0.00"}}, /* 0.115 → 0.12, 0.125 → 0.12 */
        {"per_unit: \"0.005\"", {"3", "-1"}, {"a usage 0.02; total 0.02", "a usage -0.01; total -0.01"}},
        /* caps give back first what they took; overage comes before the cap */
        {"per_unit: 1, cap: 10", {"12", "-1"}, {"a usage 10.00; total 10.00", "a usage 0.00; total 0.00"}},
        {"per_unit: 1, cap: 10", {"12", "-5"}, {"a usage 10.00; total 10.00", "a usage -3.00; total -3.00"}},
        {"per_unit: 1, commitment: {amount: 10, overage: 2}, cap: 12", {"14", "-6"},
         {"a usage 12.00; a overage 0.00; total 12.00", "a usage -4.00; a overage 0.00; a commitment 2.00; total -2.00"}},
        /* fixed amounts are once per line, shares as often as it is */
        {"per_unit: 1, discount: {amount: 3}", {"2", "4"}, {"a usage 0.00; total 0.00", "a usage 3.00; total 3.00"}},
        {"per_unit: 1, markup: {amount: 3}", {"2", "4"}, {"a usage 5.00; total 5.00", "a usage 4.00; total 4.00"}},
        {"graduated: [{up_to: 1, flat: 7}, {unit: 1}], flat_at_zero: true", {"0", "3"}, {"a usage 7.00; total 7.00", "a usage 2.00; total 2.00"}},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct pricing pricing;
        struct mtr_price prices[2];
        char text[512], got[512];
        snprintf(
            text, sizeof(text),
            "key: t\ncurrency: EUR\nversions:\n  - from: 2026-01-01\n    components:\n      - {key: a, meter: m, %s}\n",
            rows[i].component);
        assert_int_equal(pricing_open(&pricing, mtr_str_from(text)), 0);
        for (uint32_t half = 0; half < 2; half++) {
            price_half(&pricing, rows[i].use, half, prices);
            pricing_describe(&pricing, &prices[half], got, sizeof(got));
            assert_string_equal(got, rows[i].expected[half]);
        }
        pricing_close(&pricing);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_two_parts),
                                       cmocka_unit_test(test_parts_add_up_to_the_whole)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
