/*
 * Golden rows of account limits: a cap and a minimum over all of a customer's subscriptions of a tariff, seen
 * from one of them.
 */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "tests/support/pricing.h"

static const struct {
    const char *version;  /* beside the components */
    int64_t use;
    int64_t before;       /* what the subscriptions before this one come to */
    bool continues;       /* there is one after it */
    const char *expected;
} rows[] = {
    {"account: {cap: 100}", 30, 50, true, "a usage 30.00; total 30.00"},
    {"account: {cap: 100}", 60, 50, true, "a usage 50.00; total 50.00"},
    {"account: {cap: 100}", 60, 100, true, "a usage 0.00; total 0.00"},
    {"account: {cap: 100}", 60, 170, true, "a usage 0.00; total 0.00"}, /* those before have not been rated again yet */
    {"account: {cap: 100}, cap: 20", 60, 50, true, "a usage 20.00; total 20.00"},
    {"account: {minimum: 100}", 30, 50, true, "a usage 30.00; total 30.00"}, /* due on the last subscription */
    {"account: {minimum: 100}", 30, 50, false, "a usage 30.00; account.minimum minimum 20.00; total 50.00"},
    {"account: {minimum: 100}", 0, 50, false, "account.minimum minimum 50.00; total 50.00"},
    {"account: {minimum: 100}", 60, 50, false, "a usage 60.00; total 60.00"},
    {"account: {minimum: 100, cap: 120}, minimum: 40", 30, 10, false,
     "a usage 30.00; tariff.minimum minimum 10.00; account.minimum minimum 50.00; total 90.00"},
};

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct pricing pricing;
        struct mtr_price price;
        char text[512], got[512];
        snprintf(
            text, sizeof(text),
            "{key: t, currency: EUR, versions: [{from: 2026-01-01, components: [{key: a, meter: m, per_unit: 1}], %s}]}",
            rows[i].version);
        if (pricing_open(&pricing, mtr_str_from(text)) != MTR_OK)
            fail_msg("%s: %s", rows[i].version, pricing.findings.items[0].text);
        assert_true(pricing.tariff.has_account);
        struct mtr_usage_row usage = {.dimensions = MTR_STR("")};
        struct mtr_price_input input = pricing_input(&pricing);
        usage.quantity = MTR_QUANTITY(rows[i].use);
        input.usage = &usage;
        input.usage_count = 1;
        input.account_before.e18 = (mtr_int128)rows[i].before * 1000000000000000000;
        input.account_continues = rows[i].continues;
        assert_int_equal(mtr_price(&input, true, &pricing.result, &price), MTR_OK);
        pricing_describe(&pricing, &price, got, sizeof(got));
        if (strcmp(got, rows[i].expected) != 0)
            fail_msg("row %zu, %s:\n  expected %s\n  got      %s", i, rows[i].version, rows[i].expected, got);
        input.closing = false;
        assert_int_equal(mtr_price(&input, false, &pricing.result, &price), MTR_OK);
        pricing_describe(&pricing, &price, got, sizeof(got));
        assert_null(strstr(got, "minimum")); /* only when the period closes */
        pricing_close(&pricing);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
