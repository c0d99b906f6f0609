/*
 * Prices charged in another currency: nothing is rounded before the conversion, caps and minimums are in the
 * tariff's currency, the digits are those of the currency charged; a part without a rate has no price.
 */
#include "meterd/tariff/price.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/support/pricing.h"

/* 1 EUR is 1.0842 USD, 170 JPY, 0.3 KWD; and in roubles 100 EUR is 9250 RUB. Of 20 November 2026, a
 * Friday. */
static const char rates_text[] =
    "[{key: ecb, source: ecb, date: 2026-11-20, base: EUR, quotes: {USD: '1.0842', JPY: 170, KWD: '0.3'}},"
    " {key: cbr, source: cbr, date: 2026-11-20, base: RUB, quotes: {EUR: {nominal: 100, value: 9250}, USD: {value: 85}}}]";

#define TARIFF(more, components) \
    "{key: t, currency: EUR, exchange: {source: ecb}, " more " versions: [{from: 2026-01-01, components: [" components "]}]}"
#define CALLS "{key: calls, meter: calls, per_unit: '0.005'}"
#define BOTH CALLS ", {key: base, recurring: {amount: '10'}}"

static const struct {
    const char *tariff, *currency;
    const char *quantity;
    const char *expected;
} rows[] = {
    {TARIFF("", CALLS), "USD", "100", "calls usage 0.54; total 0.54"},      /* 0.5 × 1.0842 = 0.5421 */
    {TARIFF("", CALLS), "USD", "1", "calls usage 0.01; total 0.01"},        /* 0.005421: rounded before it would be 0.00 (half to even) */
    {TARIFF("", CALLS), "JPY", "100", "calls usage 85; total 85"},          /* no digits */
    {TARIFF("", CALLS), "KWD", "101", "calls usage 0.152; total 0.152"},    /* three: 0.505 × 0.3 = 0.1515 */
    {TARIFF("rounding: {digits: 4},", CALLS), "USD", "100", "calls usage 0.5421; total 0.5421"},
    {TARIFF("rounding: {step: {JPY: 10}},", CALLS), "JPY", "100", "calls usage 80; total 80"}, /* 85 is a tie */
    {TARIFF("rounding: {step: {JPY: 10}},", CALLS), "USD", "100", "calls usage 0.54; total 0.54"},
    {TARIFF("rounding: {step: 0.05},", CALLS), "USD", "100", "calls usage 0.54; total 0.54"}, /* a step of the euro */
    {TARIFF("rounding: {step: {USD: 0.05}, place: total},", BOTH), "USD", "1",
     "calls usage 0.005421; base recurring 10.842; total 10.85, residue 0.002579"},
    {TARIFF("rounding: {mode: up},", CALLS), "USD", "100", "calls usage 0.55; total 0.55"},
    {TARIFF("rounding: {place: total},", BOTH), "USD", "1",
     "calls usage 0.005421; base recurring 10.842; total 10.85, residue 0.002579"},
    {TARIFF("", BOTH), "USD", "1", "calls usage 0.01; base recurring 10.84; total 10.85"},
    {TARIFF("", "{key: calls, meter: calls, per_unit: '0.005', cap: '0.40'}"), "USD", "100", "calls usage 0.43; total 0.43"}, /* 0.4 × 1.0842 */
    {TARIFF("", "{key: calls, meter: calls, per_unit: '0.005', minimum: 5}"), "USD", "100",
     "calls usage 0.54; calls minimum 4.88; total 5.42"}, /* 4.5 × 1.0842 = 4.8789 */
    {TARIFF("", "{key: calls, meter: calls, per_unit: '0.005', commitment: {amount: '0.25', overage: 2}}"), "USD", "100",
     "calls usage 0.54; calls overage 0.27; total 0.81"},
    /* a point is 0.2 EUR: 0.5 × 0.2 × 1.0842 */
    {"{key: t, currency: EUR, exchange: {source: ecb}, versions: [{from: 2026-01-01, pricing_currency: {name: POINTS, price: '0.2'}, "
     "components: [" CALLS "]}]}",
     "USD", "100", "calls usage 0.11; total 0.11"},
    /* three thirds of a euro are one */
    {"{key: t, currency: USD, rounding: {place: total, mode: down}, exchange: {source: ecb}, versions: [{from: 2026-01-01, components: ["
     CALLS ", {key: a, recurring: {amount: '0.3614'}}, {key: b, recurring: {amount: '0.3614'}}, {key: c, recurring: {amount: '0.3614'}}]}]}",
     "EUR", "0",
     "a recurring 0.333333333333333333; b recurring 0.333333333333333333; c recurring 0.333333333333333333; total 1.00, residue 0.000000000000000001"},
    {TARIFF("", CALLS), "CHF", "100", "missing"},
    {TARIFF("", CALLS), "CHF", "0", "total 0.00"}, /* nothing to convert */
    {"{key: t, currency: USD, exchange: {source: ecb}, versions: [{from: 2026-01-01, components: [" CALLS "]}]}", "EUR", "1000",
     "calls usage 4.61; total 4.61"}, /* inverse: 5 ÷ 1.0842 = 4.6117 */
    {"{key: t, currency: USD, exchange: {source: ecb}, versions: [{from: 2026-01-01, components: [" CALLS "]}]}", "JPY", "1000",
     "calls usage 784; total 784"}, /* cross: 5 × 170 ÷ 1.0842 = 783.99 */
    {"{key: t, currency: EUR, exchange: {source: cbr}, versions: [{from: 2026-01-01, components: [" CALLS "]}]}", "RUB", "1000",
     "calls usage 462.50; total 462.50"},
    {"{key: t, currency: EUR, exchange: {source: cbr}, versions: [{from: 2026-01-01, components: [" CALLS "]}]}", "USD", "1000",
     "calls usage 5.44; total 5.44"}, /* 5 × 92.5 ÷ 85 = 5.441 */
};

struct rates {
    struct mtr_arena arena;
    struct mtr_document *document;
    struct mtr_rates days[2];
    const struct mtr_rates *pointers[2];
    struct mtr_rate_book book;
};

static void open_rates(struct rates *rates)
{
    struct mtr_diagnostics findings;
    struct mtr_diagnostic broken;
    *rates = (struct rates){.book = {rates->pointers, 2}};
    mtr_arena_init(&rates->arena, 1 << 12, 1 << 20);
    mtr_diagnostics_init(&findings, 8);
    assert_int_equal(mtr_document_parse(mtr_str_from(rates_text), &rates->document, &broken), MTR_OK);
    for (uint32_t i = 0; i < 2; i++) {
        assert_int_equal(mtr_rates_read(&mtr_document_root(rates->document)->children[i], &rates->arena,
                                        &rates->days[i], &findings),
                         MTR_OK);
        rates->pointers[i] = &rates->days[i];
    }
    mtr_diagnostics_release(&findings);
    mtr_rate_book_sort(&rates->book);
}

static void close_rates(struct rates *rates)
{
    mtr_document_close(rates->document);
    mtr_arena_release(&rates->arena);
}

enum { FRIDAY = 20777 }; /* 2026-11-20 */

static void test_rows(void **state)
{
    struct rates rates;
    (void)state;
    open_rates(&rates);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct pricing pricing;
        struct mtr_price_exchange exchange;
        struct mtr_price price;
        char text[1024] = "missing";
        assert_int_equal(pricing_open(&pricing, mtr_str_from(rows[i].tariff)), MTR_OK);
        mtr_price_exchange_find(&pricing.tariff, mtr_str_from(rows[i].currency), FRIDAY, false, &rates.book,
                                &exchange);
        struct mtr_usage_row usage = {0};
        struct mtr_price_input input = pricing_input(&pricing);
        assert_int_equal(mtr_quantity_parse(mtr_str_from(rows[i].quantity), &usage.quantity), MTR_OK);
        input.exchange = &exchange;
        input.usage = &usage;
        input.usage_count = 1;
        int rc = mtr_price(&input, true, &pricing.result, &price);
        pricing.tariff.rounding_digits = exchange.digits; /* as the answer is written */
        if (!rc) pricing_describe(&pricing, &price, text, sizeof(text));
        assert_true(rc == MTR_OK || rc == MTR_EMISSING);
        if (strcmp(text, rows[i].expected) != 0)
            fail_msg("row %zu:\n  expected %s\n  got      %s", i, rows[i].expected, text);
        pricing_close(&pricing);
    }
    close_rates(&rates);
}

/* Thirds of a cent each day: rounded as one over the days, at whatever rates, in every mode. */
static void check_parts(const struct rates *rates, struct mtr_str tariff, enum mtr_rounding mode)
{
    enum { PARTS = 30 };
    struct pricing pricing;
    struct mtr_price prices[PARTS];
    const struct mtr_price *earlier[PARTS];
    struct mtr_exact exact = mtr_exact_zero();
    struct mtr_money sum = {0}, rounded;
    assert_int_equal(pricing_open(&pricing, tariff), MTR_OK);
    assert_int_equal(pricing.tariff.rounding, mode);
    for (uint32_t i = 0; i < PARTS; i++) {
        struct mtr_price_exchange exchange;
        struct mtr_usage_row usage[2] = {{.quantity = {(mtr_int128)i * 700000000000}, .earlier = true},
                                         {.quantity = {700000000000}}};
        struct mtr_price_input input = pricing_input(&pricing);
        mtr_price_exchange_find(&pricing.tariff, i % 3 ? MTR_STR("USD") : MTR_STR("KWD"), FRIDAY, false,
                                &rates->book, &exchange);
        exchange.digits = 2;
        input.exchange = &exchange;
        input.usage = usage;
        input.usage_count = 2;
        input.earlier = earlier;
        input.earlier_count = i;
        assert_int_equal(mtr_price(&input, false, &pricing.result, &prices[i]), MTR_OK);
        earlier[i] = &prices[i];
        assert_int_equal(prices[i].line_count, 1);
        assert_int_equal(mtr_money_add(sum, prices[i].total, &sum), MTR_OK);
        const struct mtr_money day = {INT64_C(1000000000000) * (i % 3 ? 5421 : 1500)}; /* 0.005 × rate */
        assert_int_equal(mtr_exact_add(exact, mtr_exact_product(usage[1].quantity, day), &exact), MTR_OK);
        assert_int_equal(mtr_exact_round(exact, 2, mode, &rounded, NULL), MTR_OK);
        assert_true(mtr_money_compare(sum, rounded) == 0);
    }
    assert_true(sum.e18 > 0);
    pricing_close(&pricing);
}

static void test_parts_are_rounded_as_one(void **state)
{
    struct rates rates;
    (void)state;
    open_rates(&rates);
    for (int mode = MTR_ROUND_HALF_EVEN; mode <= MTR_ROUND_FLOOR; mode++) {
        char text[512];
        snprintf(text, sizeof(text), TARIFF("rounding: {mode: %s},", CALLS),
                 mtr_rounding_name((enum mtr_rounding)mode));
        check_parts(&rates, mtr_str_from(text), (enum mtr_rounding)mode);
    }
    close_rates(&rates);
}

static void test_days_of_rules(void **state)
{
    static const struct {
        enum mtr_exchange_at at;
        int64_t day; /* of November 2026 in Auckland, 13 hours before UTC */
    } days[] = {{MTR_EXCHANGE_AT_PERIOD_END, 20787},
                {MTR_EXCHANGE_AT_CHARGE_DAY, 20788},
                {MTR_EXCHANGE_AT_USAGE_DAY, 20777},
                {MTR_EXCHANGE_AT_ORDER, 20745}};
    /* the 20th at 0:00, the period's end on 1 December at 0:00, a start on 19 October at 0:00, all of them
     * local */
    const struct mtr_price_exchange_times times = {20777 * MTR_US_PER_DAY - 13 * MTR_US_PER_HOUR,
                                                   20788 * MTR_US_PER_DAY - 13 * MTR_US_PER_HOUR,
                                                   20745 * MTR_US_PER_DAY - 13 * MTR_US_PER_HOUR};
    struct mtr_zone *zone;
    (void)state;
    assert_int_equal(mtr_zone_open(MTR_STR("Pacific/Auckland"), &zone), MTR_OK);
    for (size_t i = 0; i < sizeof(days) / sizeof(days[0]); i++) {
        const struct mtr_exchange_rule rule = {.given = true, .at = days[i].at};
        assert_int_equal(mtr_price_exchange_day(&rule, zone, times), days[i].day);
    }
    mtr_zone_close(zone);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_parts_are_rounded_as_one),
        cmocka_unit_test(test_days_of_rules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
