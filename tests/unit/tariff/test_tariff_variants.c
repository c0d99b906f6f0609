/*
 * Tariffs that are several in one: prices per currency, overrides of customers and subscriptions. What is in
 * force for whom, what its hash covers, and every finding with its place, one case per row.
 */
#include "meterd/tariff/tariff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/support/pricing.h"

static const char two_currencies[] =
    "key: t\n"
    "currency: EUR\n"
    "rounding: {place: line}\n"
    "versions:\n"
    "  - from: 2026-01-01\n"
    "    components:\n"
    "      - {key: vcpu, meter: m, graduated: [{up_to: 10, unit: {EUR: 1, JPY: 160}}, {unit: {JPY: 120, EUR: 0.75}, flat: 0}]}\n"
    "      - {key: fees, meter: paid, percentage: {rate: 2, fixed: {EUR: 0.30, JPY: 50}}}\n"
    "    cap: {EUR: 500, JPY: 80000}\n";

static struct mtr_money euros(int64_t whole)
{
    return (struct mtr_money){(mtr_int128)whole * 1000000000000000000};
}

/* What so many units of a component cost; of lines with dimensions, those that are given. */
static struct mtr_money cost(struct pricing *pricing, const struct mtr_tariff_document *tariff,
                             uint32_t component, int64_t units, const char *dimensions)
{
    const struct mtr_usage_row row = {.component = component,
                                      .dimensions = mtr_str_from(dimensions),
                                      .quantity = {(mtr_int128)units * 1000000000000}};
    return pricing_amount(pricing, tariff, &tariff->versions[0], row);
}

/* Of a version in the tariff's own currency. */
static struct mtr_money cost_of(struct pricing *pricing, const struct mtr_tariff_version *version,
                                uint32_t component, int64_t units)
{
    const struct mtr_usage_row row = {.component = component,
                                      .quantity = {(mtr_int128)units * 1000000000000}};
    return pricing_amount(pricing, &pricing->tariff, version, row);
}

static bool has_curve(const struct mtr_component *component, const char *name)
{
    return strcmp(mtr_component_curve_name(component), name) == 0;
}

static void test_a_document_for_each_currency(void **state)
{
    (void)state;
    struct pricing pricing, plain;
    assert_int_equal(pricing_open(&pricing, mtr_str_from(two_currencies)), MTR_OK);
    assert_int_equal(pricing.findings.count, 0);
    const struct mtr_tariff_document *tariff = &pricing.tariff;
    assert_true(mtr_str_equal(tariff->currency, MTR_STR("EUR")) && tariff->rounding_digits == 2);
    assert_int_equal(tariff->currency_count, 2);
    assert_ptr_equal(mtr_tariff_in(tariff, MTR_STR("EUR")), tariff);
    assert_null(mtr_tariff_in(tariff, MTR_STR("USD")));
    const struct mtr_tariff_document *yen = mtr_tariff_in(tariff, MTR_STR("JPY"));
    assert_non_null(yen);
    assert_true(mtr_str_equal(yen->currency, MTR_STR("JPY")) && yen->rounding_digits == 0 &&
                yen->currency_count == 0);
    assert_true(cost(&pricing, tariff, 0, 1, "").e18 == euros(1).e18);
    assert_true(cost(&pricing, yen, 0, 11, "").e18 == euros(10 * 160 + 120).e18);
    assert_true(cost(&pricing, yen, 1, 100, "").e18 == euros(2 + 50).e18 &&
                yen->versions[0].cap.e18 == euros(80000).e18);
    /* the version is what a tariff in euros alone would have, so that another currency changes nothing for
     * its subscriptions */
    assert_int_equal(pricing_open(&plain, MTR_STR(
        "key: t\ncurrency: EUR\nrounding: {place: line}\nversions:\n  - from: 2026-01-01\n"
        "    components:\n"
        "      - {key: vcpu, meter: m, graduated: [{up_to: 10, unit: 1}, {unit: 0.75, flat: 0}]}\n"
        "      - {key: fees, meter: paid, percentage: {rate: 2, fixed: 0.30}}\n"
        "    cap: 500\n")), MTR_OK);
    assert_true(plain.tariff.versions[0].hash_low == tariff->versions[0].hash_low);
    assert_false(yen->versions[0].hash_low == tariff->versions[0].hash_low);
    pricing_close(&plain);
    pricing_close(&pricing);
}

/* Prices inside a matrix, a capacity and a markup that stands alone; meters and dimensions may be called
 * like currencies. */
static void test_currencies_of_what_is_chosen(void **state)
{
    (void)state;
    struct pricing pricing;
    assert_int_equal(pricing_open(&pricing, MTR_STR(
        "key: t\ncurrency: EUR\nversions:\n  - from: 2026-01-01\n    components:\n"
        "      - {key: a, meter: m, group_by: [USD], markup: {party: p, amount: {EUR: 5, USD: 6}},\n"
        "         matrix: [{match: {USD: x}, per_unit: {EUR: 1, USD: 2}}, {per_unit: {EUR: 3, USD: 4}}]}\n"
        "      - {key: c, capacity: [{up_to: {EUR: 1, USD: 5}, amount: {EUR: 7, USD: 8}}, {amount: {EUR: 9, USD: 10}}]}\n")),
                     MTR_OK);
    const struct mtr_component *own = pricing.tariff.versions[0].components;
    const struct mtr_component *usd = mtr_tariff_in(&pricing.tariff, MTR_STR("USD"))->versions[0].components;
    assert_true(cost(&pricing, &pricing.tariff, 0, 1, "USD=x").e18 == euros(1 + 5).e18);
    const struct mtr_tariff_document *dollars = mtr_tariff_in(&pricing.tariff, MTR_STR("USD"));
    assert_true(cost(&pricing, dollars, 0, 1, "USD=x").e18 == euros(2 + 6).e18 &&
                cost(&pricing, dollars, 0, 1, "USD=y").e18 == euros(4 + 6).e18);
    assert_true(mtr_component_has(mtr_price_select(&own[0], MTR_STR("USD=x")), "markup"));
    assert_true(mtr_price_select(&own[0], MTR_STR("USD=x")) != mtr_price_select(&own[0], MTR_STR("USD=y")));
    assert_true(cost(&pricing, &pricing.tariff, 1, 1, "").e18 == euros(7).e18 &&
                cost(&pricing, dollars, 1, 2, "").e18 == euros(10).e18);
    assert_true(usd[1].input_count == 2 && mtr_str_equal(usd[1].inputs[1], MTR_STR("USD")));
    pricing_close(&pricing);
}

/* `currencies` without `currency`: its first is the tariff's own; with it, that one is. */
static void test_own_currency(void **state)
{
    (void)state;
    static const struct {
        const char *head, *own;
    } cases[] = {{"currencies: [USD, EUR]", "USD"},
                 {"currency: EUR\ncurrencies: [USD, EUR]", "EUR"},
                 {"currency: EUR", "EUR"},
                 {"currency: USD", "USD"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct pricing pricing;
        char text[512];
        snprintf(
            text, sizeof(text),
            "key: t\n%s\nversions: [{from: 2026-01-01, components: [{key: a, meter: m, per_unit: {EUR: 1, USD: 2}}]}]",
            cases[i].head);
        assert_int_equal(pricing_open(&pricing, mtr_str_from(text)), MTR_OK);
        assert_true(mtr_str_equal(pricing.tariff.currency, mtr_str_from(cases[i].own)));
        assert_true(cost(&pricing, mtr_tariff_in(&pricing.tariff, MTR_STR("USD")), 0, 1, "").e18 ==
                    euros(2).e18);
        pricing_close(&pricing);
    }
}

static const char overridden[] =
    "key: t\n"
    "currency: EUR\n"
    "versions:\n"
    "  - from: 2026-01-01\n"
    "    components:\n"
    "      - {key: vcpu, meter: m, graduated: [{up_to: 10, unit: 1}, {unit: 0.75, flat: 2}], flat_at_zero: true, free_units: 3, cap: 90}\n"
    "      - {key: disk, meter: gib, per_unit: 4, group_by: [region]}\n"
    "    minimum: 10\n"
    "    overrides:\n"
    "      - {customer: acme, minimum: 5, components: [{key: vcpu, per_unit: 0.5, cap: ~}]}\n"
    "      - {subscription: s-2, components: [{key: disk, per_unit: 3}]}\n"
    "      - {customer: zeta, minimum: ~, cap: 50}\n";

static const struct mtr_tariff_version *in_force(const struct pricing *pricing, const char *subscription,
                                                 const char *customer)
{
    return mtr_tariff_version_for(&pricing->tariff.versions[0], mtr_str_from(subscription),
                                  mtr_str_from(customer));
}

static void test_overrides(void **state)
{
    (void)state;
    struct pricing pricing;
    assert_int_equal(pricing_open(&pricing, mtr_str_from(overridden)), MTR_OK);
    assert_int_equal(pricing.findings.count, 0);
    const struct mtr_tariff_version *plain = &pricing.tariff.versions[0];
    assert_int_equal(plain->override_count, 3);
    assert_ptr_equal(in_force(&pricing, "s-1", "nobody"), plain);
    assert_ptr_equal(in_force(&pricing, NULL, NULL), plain);
    const struct mtr_tariff_version *acme = in_force(&pricing, "s-1", "acme"),
                                    *second = in_force(&pricing, "s-2", "acme");
    /* a curve replaces the curve, null takes a part away, what is not named stays */
    assert_true(has_curve(&acme->components[0], "per_unit") && !acme->components[0].flat_at_zero &&
                !mtr_component_has(&acme->components[0], "cap"));
    assert_true(mtr_component_has(&acme->components[0], "free_units") &&
                mtr_str_equal(acme->components[0].meter, MTR_STR("m")));
    assert_true(cost_of(&pricing, acme, 1, 1).e18 == euros(4).e18 && acme->components[1].group_by_count == 1);
    assert_true(acme->minimum.e18 == euros(5).e18 && mtr_str_equal(acme->from, plain->from) &&
                acme->from_days == plain->from_days);
    /* the subscription's own goes before its customer's, and does not add to it */
    assert_true(has_curve(&second->components[0], "graduated") &&
                cost_of(&pricing, second, 1, 1).e18 == euros(3).e18);
    assert_true(second->minimum.e18 == euros(10).e18);
    const struct mtr_tariff_version *zeta = in_force(&pricing, "s-9", "zeta");
    assert_true(!zeta->has_minimum && zeta->has_cap && zeta->component_count == 2);
    assert_false(acme->hash_low == plain->hash_low || acme->hash_low == second->hash_low ||
                 zeta->hash_low == plain->hash_low);
    pricing_close(&pricing);
}

/* What belongs to a curve goes with it; parts of the version are replaced whole. */
static void test_override_of_what_belongs_together(void **state)
{
    (void)state;
    struct pricing pricing;
    assert_int_equal(pricing_open(&pricing, MTR_STR(
        "key: t\ncurrency: EUR\nversions:\n  - from: 2026-01-01\n    components:\n"
        "      - {key: vcpu, meter: m, tier_by: n, volume: [{up_to: 10, unit: 2}, {unit: 2}]}\n"
        "      - {key: disk, meter: d, group_by: [region], matrix: [{match: {region: eu}, per_unit: 1}, {per_unit: 2}]}\n"
        "    allowances: [{key: included, components: [vcpu], quantity: 100}]\n    overrides:\n"
        "      - {customer: a, components: [{key: vcpu, per_unit: 1}, {key: disk, per_unit: 3}], allowances: ~}\n"
        "      - {customer: b, allowances: [{key: more, components: [disk], quantity: 200}, {key: money, amount: 5}]}\n")), MTR_OK);
    assert_int_equal(pricing.findings.count, 0);
    const struct mtr_tariff_version *a = in_force(&pricing, NULL, "a"), *b = in_force(&pricing, NULL, "b");
    assert_true(has_curve(&a->components[0], "per_unit") && a->components[0].input_count == 1 &&
                a->allowance_count == 0);
    assert_true(has_curve(&a->components[1], "per_unit") && a->components[1].group_by_count == 1);
    assert_true(b->components[0].input_count == 2 && has_curve(&b->components[1], "matrix") &&
                b->allowance_count == 2);
    pricing_close(&pricing);
}

/* Another customer's price is no new version for those who do not have it. */
static void test_hash_leaves_out_the_overrides(void **state)
{
    (void)state;
    struct pricing with, without;
    assert_int_equal(pricing_open(&with, mtr_str_from(overridden)), MTR_OK);
    char text[sizeof(overridden)];
    snprintf(text, sizeof(text), "%s", overridden);
    *strstr(text, "    overrides:") = '\0';
    assert_int_equal(pricing_open(&without, mtr_str_from(text)), MTR_OK);
    assert_true(with.tariff.versions[0].hash_low == without.tariff.versions[0].hash_low);
    pricing_close(&with);
    pricing_close(&without);
}

static void test_overrides_per_currency(void **state)
{
    (void)state;
    struct pricing pricing;
    assert_int_equal(pricing_open(&pricing, MTR_STR(
        "key: t\ncurrency: EUR\nversions:\n  - from: 2026-01-01\n    components:\n"
        "      - {key: vcpu, meter: m, per_unit: {EUR: 5, USD: 6}}\n    overrides:\n"
        "      - {customer: acme, components: [{key: vcpu, per_unit: {EUR: 3, USD: 4}}]}\n")), MTR_OK);
    const struct mtr_tariff_document *dollars = mtr_tariff_in(&pricing.tariff, MTR_STR("USD"));
    const struct mtr_tariff_version *acme =
        mtr_tariff_version_for(&dollars->versions[0], MTR_STR("s"), MTR_STR("acme"));
    const struct mtr_usage_row one = {.quantity = {(mtr_int128)1000000000000}};
    assert_true(pricing_amount(&pricing, dollars, acme, one).e18 == euros(4).e18);
    assert_true(cost(&pricing, dollars, 0, 1, "").e18 == euros(6).e18);
    pricing_close(&pricing);
}

#define HEAD "key: t\ncurrency: EUR\n"
#define BOTH "key: t\ncurrency: EUR\ncurrencies: [EUR, USD]\n"
#define AT_5 "versions:\n- from: 2026-01-01\n" /* the line behind it is line 5 behind HEAD, 6 behind BOTH */
#define OVERRIDE HEAD AT_5 "  components: [{key: vcpu, meter: m, per_unit: 1, cap: 5}]\n  overrides:\n"

/* The first finding: its place and a part of its sentence; and how many there are. */
static const struct {
    const char *text;
    unsigned count;
    uint32_t line, column;
    const char *part;
} findings[] = {
    {BOTH AT_5 "  components: [{key: a, meter: m, per_unit: {EUR: 1}}]\n", 1, 6, 45, "has no price in USD"},
    {HEAD AT_5 "  components: [{key: a, meter: m, per_unit: {USD: 1}}]\n", 1, 5, 45, "has no price in EUR"},
    {BOTH AT_5 "  components: [{key: a, meter: m, per_unit: {EUR: 1, USD: 1, GBP: 1}}]\n", 1, 6, 62, "GBP, which is not one of the tariff's"},
    {BOTH AT_5 "  components: [{key: a, meter: m, per_unit: 3}]\n", 1, 6, 45, "is one number for EUR, USD"},
    {BOTH AT_5 "  components: [{key: a, meter: m, per_unit: {EUR: 1, USD: 1}}]\n  minimum: 5\n", 1, 7, 12, "is one number for EUR, USD"},
    {HEAD AT_5 "  components: [{key: a, meter: m, per_unit: 1, cap: {EURO: 1}}]\n", 1, 5, 54, "`EURO` is no currency of ISO 4217; did you mean `EUR`?"},
    {HEAD AT_5 "  components: [{key: a, meter: m, per_unit: {EUR: 1, ECU: 1}}]\n", 1, 5, 54, "`ECU` is no currency of ISO 4217"},
    {"key: t\ncurrency: GBP\ncurrencies: [EUR, USD]\n" AT_5 "  components: [{key: a, meter: m, per_unit: {EUR: 1, USD: 1}}]\n", 1, 2, 11,
     "is not one of `currencies`"},
    {"key: t\n" AT_5 "  components: [{key: a, meter: m, per_unit: 1}]\n", 1, 1, 1, "missing"},
    /* each currency is linted, and what is wrong in all of them is said once */
    {BOTH AT_5 "  components: [{key: a, meter: m, per_unit: {EUR: 1, USD: 1}, cap: {EUR: 5, USD: 5}, minimum: {EUR: 4, USD: 6}}]\n", 1, 6, 109,
     "more than the cap"},
    {BOTH AT_5 "  components: [{key: a, meter: m, per_unit: {EUR: 1, USD: 1}, free_units: -1}]\n", 1, 6, 75, "negative"},
    {"key: t\ncurrency: EUR\n" AT_5 "  components: [{key: a, meter: m, per_unit: {EUR: 1, JPY: 1}, cap: {EUR: 5.50, JPY: 5.50}}]\n", 1, 5, 85,
     "0 fraction digits"},
    /* overrides */
    {OVERRIDE "  - {components: [{key: vcpu, per_unit: 2}]}\n", 1, 7, 5, "for a customer or for a subscription"},
    {OVERRIDE "  - {customer: a, subscription: b, components: [{key: vcpu, per_unit: 2}]}\n", 1, 7, 5, "for a customer or for a subscription"},
    {OVERRIDE "  - {customer: a, components: [{key: vcpo, per_unit: 2}]}\n", 1, 7, 38, "did you mean `vcpu`"},
    {OVERRIDE "  - {customer: a, components: [{key: vcpu, per_unit: 2}, {key: vcpu, cap: 3}]}\n", 1, 7, 64, "is overridden already"},
    {OVERRIDE "  - {customer: a, components: [{key: vcpu, minimum: 7}]}\n", 1, 7, 53, "more than the cap"},
    {OVERRIDE "  - {customer: a, components: [{key: vcpu, free_unit: 7}]}\n", 1, 7, 44, "free_units"},
    {OVERRIDE "  - {customer: a, cap: 3}\n  - {customer: a, cap: 4}\n", 1, 7, 3, "two overrides for customer `a`"},
    {OVERRIDE "  - {subscription: a, account: {cap: 3}}\n", 1, 7, 32, "of all the customer's subscriptions"},
    {OVERRIDE "  - {customer: a, from: 2026-02-01}\n", 1, 7, 19, "from"},
    {OVERRIDE "  - {customer: a, allowances: [{key: x, components: [vcpu]}]}\n", 1, 7, 32, "give a quantity"},
};

static void test_findings(void **state)
{
    (void)state;
    unsigned wrong = 0;
    for (size_t i = 0; i < sizeof(findings) / sizeof(findings[0]); i++) {
        struct pricing pricing;
        int rc = pricing_open(&pricing, mtr_str_from(findings[i].text));
        if (pricing.findings.count == 0) fail_msg("no finding in:\n%s", findings[i].text);
        const struct mtr_diagnostic *found = &pricing.findings.items[0];
        if (rc != MTR_EINVALID || pricing.findings.count != findings[i].count ||
            found->line != findings[i].line || found->column != findings[i].column ||
            !strstr(found->text, findings[i].part)) {
            print_message("%s\n%s, %zu, the first at %u:%u: %s: %s\n", findings[i].text, mtr_error_name(rc),
                          pricing.findings.count, found->line, found->column, found->field, found->text);
            wrong++;
        }
        pricing_close(&pricing);
    }
    assert_int_equal(wrong, 0);
}

/* A warning about what no override changes is said once; one that an override brings points at it. */
static void test_warnings(void **state)
{
    (void)state;
    struct pricing pricing;
    assert_int_equal(
        pricing_open(
            &pricing,
            MTR_STR(HEAD AT_5
                    "  components: [{key: a, meter: m, per_unit: -1}, {key: b, meter: m, per_unit: 1}]\n"
                    "  overrides:\n  - {customer: a, components: [{key: b, per_unit: 2}]}\n"
                    "  - {customer: b, components: [{key: b, per_unit: -2}]}\n")),
        MTR_OK);
    assert_int_equal(pricing.findings.count, 2);
    assert_true(pricing.findings.items[0].line == 5 && pricing.findings.items[1].line == 8);
    pricing_close(&pricing);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_document_for_each_currency), cmocka_unit_test(test_currencies_of_what_is_chosen),
        cmocka_unit_test(test_own_currency), cmocka_unit_test(test_overrides), cmocka_unit_test(test_override_of_what_belongs_together),
        cmocka_unit_test(test_hash_leaves_out_the_overrides), cmocka_unit_test(test_overrides_per_currency), cmocka_unit_test(test_findings),
        cmocka_unit_test(test_warnings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
