/*
 * Tariff documents: the model of a right one, and every finding with its place, one case per row.
 */
#include "meterd/tariff/tariff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/support/pricing.h"

#define HEAD "key: t\ncurrency: EUR\n"

static const char full[] =
    "key: compute\n"
    "name: Compute\n"
    "currency: EUR                      # comments do not matter\n"
    "rounding: {mode: half_up, place: total}\n"
    "versions:\n"
    "  - from: 2026-01-01\n"
    "    components:\n"
    "      - key: vcpu\n"
    "        meter: vcpu_hours\n"
    "        graduated: [{up_to: 100, unit: \"0.05\"}, {up_to: 1000, unit: \"0.04\", flat: \"2\"}, {unit: \"0.03\"}]\n"
    "        free_units: 10\n"
    "        minimum: \"5\"\n"
    "        cap: \"1000\"\n"
    "      - {key: calls, meter: api_calls, per_unit: \"0.0000004\"}\n"
    "      - {key: storage, meter: gib, volume: [{up_to: 10, unit: 1}, {unit: 1}], flat_at_zero: true}\n"
    "      - {key: traffic, meter: gb, per_unit: 0.01, group_by: [region, sku]}\n"
    "      - {key: mail, meter: mails, package: {size: 1000, price: \"1.50\", rounding: half_up}}\n"
    "      - {key: base, recurring: {amount: \"20\", every: month, in: arrears, prorate: second}}\n"
    "    minimum: \"10\"\n"
    "  - from: 2026-07-01T00:00:00+02:00\n"
    "    components: [{key: vcpu, meter: vcpu_hours, per_unit: 0.04}]\n";

static void test_full_document(void **state)
{
    (void)state;
    struct pricing pricing;
    assert_int_equal(pricing_open(&pricing, mtr_str_from(full)), MTR_OK);
    assert_int_equal(pricing.findings.count, 0);
    const struct mtr_tariff_document *tariff = &pricing.tariff;
    assert_true(mtr_str_equal(tariff->key, MTR_STR("compute")) &&
                mtr_str_equal(tariff->name, MTR_STR("Compute")));
    assert_true(mtr_str_equal(tariff->currency, MTR_STR("EUR")));
    assert_true(tariff->rounding == MTR_ROUND_HALF_UP && tariff->round_total && tariff->rounding_digits == 2);
    assert_int_equal(tariff->version_count, 2);
    const struct mtr_tariff_version *version = &tariff->versions[0];
    assert_true(version->from_is_date && version->from_days == mtr_days_from_civil(2026, 1, 1));
    assert_true(version->has_minimum && version->minimum.e18 == (mtr_int128)10 * 1000000000000000000);
    assert_int_equal(version->component_count, 6);
    const struct mtr_component *vcpu = &version->components[0];
    assert_string_equal(mtr_component_curve_name(vcpu), "graduated");
    assert_int_equal(vcpu->line, 8);
    struct mtr_quantity borders[4]; /* the free units, then the bounds behind them */
    assert_int_equal(mtr_price_borders(vcpu, borders, 4), 3);
    assert_true(borders[1].e12 == borders[0].e12 + (mtr_int128)100 * 1000000000000);
    assert_true(mtr_component_has(vcpu, "free_units") && mtr_component_has(vcpu, "minimum") && mtr_component_has(vcpu, "cap"));
    assert_false(vcpu->flat_at_zero || mtr_component_has(vcpu, "convert") || mtr_component_has(vcpu, "commitment"));
    const struct mtr_usage_row one_call = {.component = 1, .quantity = {(mtr_int128)1000000000000}};
    assert_string_equal(mtr_component_curve_name(&version->components[1]), "per_unit");
    assert_true(pricing_amount(&pricing, tariff, version, one_call).e18 == 400000000000);
    assert_string_equal(mtr_component_curve_name(&version->components[2]), "volume");
    assert_true(version->components[2].flat_at_zero);
    assert_int_equal(version->components[3].group_by_count, 2);
    assert_true(mtr_str_equal(version->components[3].group_by[1], MTR_STR("sku")));
    /* 1.5 packages */
    const struct mtr_usage_row half = {.component = 4, .quantity = {(mtr_int128)1500 * 1000000000000}};
    assert_string_equal(mtr_component_curve_name(&version->components[4]), "package");
    assert_true(pricing_amount(&pricing, tariff, version, half).e18 == (mtr_int128)3 * 1000000000000000000);
    const struct mtr_component *base = &version->components[5];
    enum mtr_period_unit every = MTR_PERIOD_DAY;
    assert_string_equal(mtr_component_curve_name(base), "recurring");
    assert_true(mtr_component_is_fee(base) && mtr_component_fee_period(base, &every) &&
                every == MTR_PERIOD_MONTH);
    assert_true(base->meter.size == 0 && !mtr_component_is_fee(vcpu) &&
                !mtr_component_fee_period(vcpu, &every));
    assert_true(!tariff->versions[1].from_is_date &&
                tariff->versions[1].from_us == INT64_C(1782856800000000));
    assert_false(tariff->versions[0].hash_low == tariff->versions[1].hash_low);
    pricing_close(&pricing);
}

/* Spacing, comments and quotes of a document are not its content; a price is. */
static void test_hash_names_the_content(void **state)
{
    (void)state;
    struct pricing a, b, c;
    assert_int_equal(
        pricing_open(
            &a,
            MTR_STR(HEAD "versions: [{from: 2026-01-01, components: [{key: a, meter: m, per_unit: 1}]}]")),
        MTR_OK);
    assert_int_equal(
        pricing_open(&b,
                     MTR_STR("key: t\ncurrency: EUR\nversions:\n - from: 2026-01-01 # start\n   components:\n"
                             "    - key: a\n      meter: m\n      per_unit: 1\n")),
        MTR_OK);
    assert_int_equal(
        pricing_open(
            &c,
            MTR_STR(HEAD "versions: [{from: 2026-01-01, components: [{key: a, meter: m, per_unit: 2}]}]")),
        MTR_OK);
    const struct mtr_tariff_version *va = a.tariff.versions, *vb = b.tariff.versions, *vc = c.tariff.versions;
    assert_true(va->hash_high == vb->hash_high && va->hash_low == vb->hash_low);
    assert_false(va->hash_high == vc->hash_high && va->hash_low == vc->hash_low);
    pricing_close(&a);
    pricing_close(&b);
    pricing_close(&c);
}

#define VERSION HEAD "versions:\n- from: 2026-01-01\n  components:\n"
#define TIERED(curve) VERSION "  - key: a\n    meter: m\n    " curve ":\n"
#define UNIT(unit, price)                                                                                                                        \
    HEAD "versions:\n- from: 2026-01-01\n  pricing_currency: {name: " unit "}\n  components: [{key: a, meter: m, per_unit: " price "}]"
#define COMPONENTS "components: [{key: a, meter: m, per_unit: 1}]}"

/* The first finding: its severity, place and a part of its sentence. */
#define MATRIX VERSION "  - {key: a, meter: m, group_by: [r], matrix: ["
#define CALENDAR HEAD "versions:\n- from: 2026-01-01\n  calendar: "
#define POOLED(list) VERSION "  - {key: a, meter: m, per_unit: 1}\n  - {key: b, meter: m, percentage: {rate: 1}}\n  allowances: [" list "]\n"
#define MASKED "  components:\n  - {key: a, meter: m, per_unit: 1, "

static const struct {
    const char *text;
    enum mtr_severity severity;
    uint32_t line, column;
    const char *part;
} findings[] = {
    {"key: t\ncurrency: ECU\nversions: [{from: 2026-01-01, components: [{key: a, meter: m, per_unit: 1}]}]", MTR_SEVERITY_ERROR, 2, 11,
     "no currency of ISO 4217"},
    {"key: t\ncurrency: eur\nversions: [{from: 2026-01-01, components: [{key: a, meter: m, per_unit: 1}]}]", MTR_SEVERITY_ERROR, 2, 11,
     "three capitals"},
    {"key: t\ncurency: EUR\nversions: [{from: 2026-01-01, " COMPONENTS "]", MTR_SEVERITY_ERROR, 2, 1, "currency"},
    {VERSION "  - {key: a, meter: m, graduatet: [{unit: 1}]}\n", MTR_SEVERITY_ERROR, 6, 24, "graduated"},
    {VERSION "  - {key: a, meter: m, per_unit: 1, minimun: 5}\n", MTR_SEVERITY_ERROR, 6, 37, "minimum"},
    {HEAD "versions: []\n", MTR_SEVERITY_ERROR, 3, 11, "items"},
    {HEAD "versions: [{from: 2026-01-01, components: []}]\n", MTR_SEVERITY_ERROR, 3, 43, "items"},
    {HEAD "versions: [{from: soon, components: [{key: a, meter: m, per_unit: 1}]}]\n",
     MTR_SEVERITY_ERROR, 3, 19, "a date or an instant is expected, as 2026-03-01 or 2026-03-01T12:00:00Z, not `soon`"},
    {HEAD "versions: [{from: 2026-02-30, components: [{key: a, meter: m, per_unit: 1}]}]\n", MTR_SEVERITY_ERROR, 3, 19,
     "not `2026-02-30`: there is no such day"},
    {POOLED("{key: p, components: [a]}"), MTR_SEVERITY_ERROR, 8, 16, "one of them"},
    {POOLED("{key: p, components: [a], quantity: 1, amount: 1}"), MTR_SEVERITY_ERROR, 8, 16, "one of them"},
    {POOLED("{key: p, components: [a], quantity: 0}"), MTR_SEVERITY_ERROR, 8, 52, "more than 0"},
    {POOLED("{key: p, amount: '0.001'}"), MTR_SEVERITY_ERROR, 8, 33, "fraction digits"},
    {POOLED("{key: p, quantity: 5}"), MTR_SEVERITY_ERROR, 8, 16, "name the components"},
    {POOLED("{key: a, amount: 5}"), MTR_SEVERITY_ERROR, 8, 22, "key of a component"},
    {POOLED("{key: p, amount: 5}, {key: p, amount: 6}"), MTR_SEVERITY_ERROR, 8, 43, "keys are unique"},
    {POOLED("{key: trial, amount: 5}"), MTR_SEVERITY_ERROR, 8, 22, "what a subscription's trial frees"},
    {POOLED("{key: trial.a, components: [a], quantity: 5}"), MTR_SEVERITY_ERROR, 8, 22, "what a subscription's trial frees"},
    {POOLED("{key: account.minimum, amount: 5}"), MTR_SEVERITY_ERROR, 8, 22, "of the tariff's own lines"},
    {POOLED("{key: p, components: [b], quantity: 5}"), MTR_SEVERITY_ERROR, 8, 38, "no units of a period"},
    {POOLED("{key: p, components: [c], quantity: 5}"), MTR_SEVERITY_ERROR, 8, 38, "no component `c`"},
    {POOLED("{key: p, components: [a, a], quantity: 5}"), MTR_SEVERITY_ERROR, 8, 41, "named twice"},
    {POOLED("{key: p, amount: 5, rollover: 25}"), MTR_SEVERITY_ERROR, 8, 46, "24"},
    {VERSION "  - {key: a, meter: m}\n", MTR_SEVERITY_ERROR, 6, 5, "has no price"},
    {VERSION "  - {key: a, per_unit: 1}\n", MTR_SEVERITY_ERROR, 6, 5, "has no meter"},
    {VERSION "  - {key: a, meter: m, per_unit: 1, volume: [{unit: 1}]}\n", MTR_SEVERITY_ERROR, 6, 5, "more than one"},
    {VERSION "  - {key: a, meter: m, per_unit: 1}\n  - {key: a, meter: m, per_unit: 1}\n", MTR_SEVERITY_ERROR, 7, 11, "line 6"},
    {VERSION "  - {key: tariff.minimum, meter: m, per_unit: 1}\n", MTR_SEVERITY_ERROR, 6, 11, "choose another"},
    {VERSION "  - {key: a, meter: m, recurring: {amount: 1}}\n", MTR_SEVERITY_ERROR, 6, 21, "does not depend on use"},
    {VERSION "  - {key: a, recurring: {amount: 1}, cap: 5}\n", MTR_SEVERITY_ERROR, 6, 43, "needs no cap"},
    {VERSION "  - {key: a, meter: m, per_unit: 1, flat_at_zero: true}\n", MTR_SEVERITY_ERROR, 6, 51, "only curves with tiers"},
    {VERSION "  - {key: a, meter: m, per_unit: 1, cap: 5, minimum: 6}\n", MTR_SEVERITY_ERROR, 6, 54, "more than the cap"},
    {VERSION "  - {key: a, meter: m, per_unit: 1, cap: -5}\n", MTR_SEVERITY_ERROR, 6, 42, "negative"},
    {VERSION "  - {key: a, meter: m, per_unit: 1, cap: \"5.001\"}\n", MTR_SEVERITY_ERROR, 6, 42, "2 fraction digits that lines in EUR"},
    {VERSION "  - {key: a, meter: m, per_unit: 1, free_units: -1}\n", MTR_SEVERITY_ERROR, 6, 49, "negative"},
    {VERSION "  - {key: a, meter: m, package: {size: 0, price: 1}}\n", MTR_SEVERITY_ERROR, 6, 40, "more than 0"},
    {VERSION "  - {key: a, meter: m, per_unit: 1, group_by: [r, r]}\n", MTR_SEVERITY_ERROR, 6, 51, "twice"},
    {VERSION "  - {key: a, meter: m, per_unit: 1, group_by: [a, b, c, d, e, f, g, h, i]}\n", MTR_SEVERITY_ERROR, 6, 47, "at most 8"},
    {VERSION "  - {key: a, meter: m, per_unit: \"0.1234567890123456789\"}\n", MTR_SEVERITY_ERROR, 6, 34, "digits"},
    /* parts and curves */
    {VERSION "  - {key: a, meter: m, percentage: {rate: \"0.12345678901234567\"}}\n", MTR_SEVERITY_ERROR, 6, 43, "16 digits"},
    {VERSION "  - {key: a, meter: m, percentage: {fixed: 1}}\n", MTR_SEVERITY_ERROR, 6, 36, "missing"},
    {VERSION "  - {key: a, meter: m, percentage: {rate: 1, minimum: 2}}\n", MTR_SEVERITY_ERROR, 6, 55, "write `scope: event` too"},
    {VERSION "  - {key: a, meter: m, percentage: {rate: 1, free_events: 2}, scope: hour}\n", MTR_SEVERITY_ERROR, 6, 59, "write `scope: event` too"},
    {VERSION "  - {key: a, meter: m, percentage: {rate: 1, minimum: 3, maximum: 2}, scope: event}\n", MTR_SEVERITY_ERROR, 6, 55, "more than the maximum"},
    {VERSION "  - {key: a, meter: m, percentage: {rate: 1, maximum: -2}, scope: event}\n", MTR_SEVERITY_ERROR, 6, 55, "negative"},
    {VERSION "  - {key: a, meter: m, percentage: {rate: 1, free_amount: -2}, scope: event}\n", MTR_SEVERITY_ERROR, 6, 59, "negative"},
    {VERSION "  - {key: a, meter: m, percentage: {rate: 1, free_amount: 2}, free_units: 1, scope: event}\n", MTR_SEVERITY_ERROR,
     6, 59, "instead of free_units"},
    {VERSION "  - {key: a, meter: m, graduated: [{unit: 1, flat: 1}], flat_at_zero: true, scope: day}\n", MTR_SEVERITY_ERROR, 6, 71, "once per period"},
    {VERSION "  - {key: a, recurring: {amount: 1}, scope: event}\n", MTR_SEVERITY_ERROR, 6, 45, "does not depend on use"},
    {VERSION "  - {key: a, meter: m, percentage: {rate: 1}, scope: level}\n", MTR_SEVERITY_ERROR, 6, 54, "weighted by time"},
    {VERSION "  - {key: a, meter: m, graduated: [{unit: 1, flat: 3, cap: 2}]}\n", MTR_SEVERITY_ERROR, 6, 60, "less than the tier's flat"},
    {VERSION "  - {key: a, meter: m, graduated: [{unit: 1, cap: 2}], scope: level}\n", MTR_SEVERITY_ERROR, 6, 63, "weighted by time"},
    {VERSION "  - {key: a, meter: m, blocks: {mode: volume, tiers: [{size: 100, blocks: 5, price: 40}, {size: 1000, price: 30}]}}\n",
     MTR_SEVERITY_WARNING, 6, 90, "more use costs less above 500: 500 costs 200, and just above it the price falls to 30"},
    {VERSION "  - {key: a, meter: m, volume: [{up_to: 10, unit: 10}, {unit: 10, cap: 50}]}\n", MTR_SEVERITY_WARNING, 6, 56, "more use costs less above 10"},
    {VERSION "  - {key: a, meter: m, percentage: {rate: 1}, flat_at_zero: true}\n", MTR_SEVERITY_ERROR, 6, 61, "only curves with tiers"},
    {VERSION "  - {key: a, meter: m, graduated_percentage: [{up_to: 1, rate: 1}]}\n", MTR_SEVERITY_ERROR, 6, 55, "use above 1 has no price"},
    {VERSION "  - {key: a, meter: m, graduated_percentage: [{up_to: 1}, {rate: 1}]}\n", MTR_SEVERITY_ERROR, 6, 47, "write `rate`, `flat` or both"},
    {VERSION "  - {key: a, meter: m, dynamic: {factor: 2}}\n", MTR_SEVERITY_ERROR, 6, 34, "multiplier"},
    {VERSION "  - {key: a, meter: m, stairstep: [{up_to: 5, amount: 10}, {amount: 9}]}\n", MTR_SEVERITY_WARNING,
     6, 60, "more use costs less above 5: 5 costs 10"},
    {VERSION "  - {key: a, meter: m, stairstep: [{up_to: 5}, {amount: 9}]}\n", MTR_SEVERITY_ERROR, 6, 36, "missing"},
    {VERSION "  - {key: a, meter: m, blocks: {tiers: [{size: 10, price: 1}, {size: 1, price: 1}]}}\n", MTR_SEVERITY_ERROR, 6, 41, "no use ever reaches"},
    {VERSION "  - {key: a, meter: m, blocks: {tiers: [{size: 10, blocks: 2, price: 1}]}}\n", MTR_SEVERITY_ERROR, 6, 60, "use beyond these blocks"},
    {VERSION "  - {key: a, meter: m, blocks: {tiers: [{size: 10, blocks: 1.5, price: 1}, {size: 1, price: 1}]}}\n", MTR_SEVERITY_ERROR, 6, 60, "whole number"},
    {VERSION "  - {key: a, meter: m, blocks: {tiers: [{size: 0, price: 1}]}}\n", MTR_SEVERITY_ERROR, 6, 48, "more than 0"},
    {VERSION "  - {key: a, meter: m, increments: {steps: [{from: 1, price: 1}]}}\n", MTR_SEVERITY_ERROR, 6, 52, "begins at 0"},
    {VERSION "  - {key: a, meter: m, increments: {steps: [{price: 1}, {from: 0, price: 1}]}}\n", MTR_SEVERITY_ERROR, 6, 64, "never be reached"},
    {VERSION "  - {key: a, meter: m, increments: {steps: [{price: 1, step: 60}, {from: 90, price: 1}]}}\n", MTR_SEVERITY_ERROR,
     6, 74, "whole number of the steps"},
    {VERSION "  - {key: a, meter: m, increments: {steps: [{price: 1, per: 0}]}}\n", MTR_SEVERITY_ERROR, 6, 61, "more than 0"},
    {VERSION "  - {key: a, meter: m, per_unit: 1, convert: {divide: 0}}\n", MTR_SEVERITY_ERROR, 6, 55, "more than 0"},
    {VERSION "  - {key: a, meter: m, per_unit: 1, convert: {digits: 13}}\n", MTR_SEVERITY_ERROR, 6, 55, "13"},
    {VERSION "  - {key: a, meter: m, per_unit: 1, convert: {digits: 1, step: 5}}\n", MTR_SEVERITY_ERROR, 6, 64, "instead of digits"},
    {VERSION "  - {key: a, meter: m, per_unit: 1, convert: {divide: 0.0000001, step: 0.0000001}}\n", MTR_SEVERITY_ERROR, 6, 72, "more than 12 digits"},
    {VERSION "  - {key: a, meter: m, per_unit: 1, discount: {percent: 101}}\n", MTR_SEVERITY_ERROR, 6, 57, "from 0 to 100"},
    {VERSION "  - {key: a, meter: m, per_unit: 1, markup: {percent: -1}}\n", MTR_SEVERITY_ERROR, 6, 55, "write a discount"},
    {VERSION "  - {key: a, meter: m, per_unit: 1, minimum: 5, commitment: {amount: 5}}\n", MTR_SEVERITY_ERROR, 6, 46, "a minimum already"},
    {VERSION "  - {key: a, meter: m, per_unit: 1, cap: 4, commitment: {amount: 5}}\n", MTR_SEVERITY_ERROR, 6, 57, "more than the cap"},
    {VERSION "  - {key: a, meter: m, per_unit: 1, commitment: {amount: \"5.001\"}}\n", MTR_SEVERITY_ERROR, 6, 58, "2 fraction digits"},
    {VERSION "  - {key: a, meter: m, per_unit: 1, commitment: {amount: 5, overage: 120 %}}\n", MTR_SEVERITY_ERROR, 6, 70,
     "a factor is expected, as 1.2 for 120 %, not `120 %`"},
    {VERSION "  - {key: a, meter: m, per_unit: 1, commitment: {amount: 5, overage: -1}}\n", MTR_SEVERITY_ERROR, 6, 70, "must not be negative"},
    {VERSION "  - {key: a, meter: m, per_unit: 1, commitment: {amount: 5, true_up: false}}\n", MTR_SEVERITY_WARNING, 6, 49, "changes nothing"},
    {VERSION "  - {key: a, meter: m, per_unit: 1, minimum_prorate: day}\n", MTR_SEVERITY_ERROR, 6, 54, "no minimum"},
    {VERSION "  - {key: a, recurring: {amount: 1}, convert: {divide: 5}}\n", MTR_SEVERITY_ERROR, 6, 47, "no units"},
    {VERSION "  - {key: a, meter: m, per_unit: 1}\n  minimum: 5\n  commitment: {amount: 5}\n", MTR_SEVERITY_ERROR, 7, 12, "a minimum already"},
    /* limits over a term */
    {VERSION "  - {key: a, meter: m, per_unit: 1}\n  term: {every: year}\n", MTR_SEVERITY_ERROR, 7, 9, "says nothing"},
    {VERSION "  - {key: a, meter: m, per_unit: 1}\n  term: {every: day, cap: 5}\n", MTR_SEVERITY_ERROR, 7, 17, "week, month, quarter"},
    {VERSION "  - {key: a, meter: m, per_unit: 1}\n  term: {every: month, count: 5, cap: 5, anchor: calendar}\n", MTR_SEVERITY_ERROR, 7, 50,
     "5 months are nothing that the calendar has"},
    {VERSION "  - {key: a, meter: m, per_unit: 1}\n  term: {every: week, count: 2, cap: 5, anchor: calendar}\n", MTR_SEVERITY_ERROR, 7, 49, "2 weeks are"},
    {VERSION "  - {key: a, meter: m, per_unit: 1}\n  term: {count: 61, cap: 5}\n", MTR_SEVERITY_ERROR, 7, 17, "1 to 60"},
    {VERSION "  - {key: a, meter: m, per_unit: 1}\n  term: {minimum: 5, cap: 4}\n", MTR_SEVERITY_ERROR, 7, 19, "more than the cap"},
    {VERSION "  - {key: a, meter: m, per_unit: 1}\n  term: {cap: \"4.001\"}\n", MTR_SEVERITY_ERROR, 7, 15, "2 fraction digits"},
    {VERSION "  - {key: a, meter: m, per_unit: 1}\n  term: {minimum: 5, commitment: {amount: 5}}\n", MTR_SEVERITY_ERROR, 7, 19, "a minimum already"},
    {VERSION "  - {key: a, meter: m, per_unit: 1}\n  term: {cap: 5, components: [a, b]}\n", MTR_SEVERITY_ERROR, 7, 34, "no component `b`"},
    {VERSION "  - {key: calls, meter: m, per_unit: 1}\n  term: {cap: 5, components: [cals]}\n", MTR_SEVERITY_ERROR, 7, 31,
     "no component `cals`; did you mean `calls`?"},
    {VERSION "  - {key: a, meter: m, per_unit: 1}\n  term: {cap: 5, minimum_prorate: day}\n", MTR_SEVERITY_ERROR, 7, 35, "no minimum"},
    /* what chooses a price */
    {VERSION "  - {key: a, meter: m, matrix: [{per_unit: 1}]}\n", MTR_SEVERITY_ERROR, 6, 32, "name them with `group_by`"},
    {MATRIX "{match: {r: x}, per_unit: 1}]}\n", MTR_SEVERITY_ERROR, 6, 56, "for all other lines"},
    {MATRIX "{per_unit: 1}, {per_unit: 2}]}\n", MTR_SEVERITY_ERROR, 6, 48, "no line ever reaches the rows below"},
    {MATRIX "{match: {s: x}, per_unit: 1}, {per_unit: 2}]}\n", MTR_SEVERITY_ERROR, 6, 57, "does not `group_by` the dimension `s`"},
    {MATRIX "{match: {r: [x, y]}, per_unit: 1}, {match: {r: y}, per_unit: 2}, {per_unit: 2}]}\n", MTR_SEVERITY_ERROR, 6, 83, "never reached"},
    {MATRIX "{match: {r: []}, per_unit: 1}, {per_unit: 2}]}\n", MTR_SEVERITY_ERROR, 6, 60, "1 to 1000 values"},
    {MATRIX "{match: {r: {a: b}}, per_unit: 1}, {per_unit: 2}]}\n", MTR_SEVERITY_ERROR, 6, 60, "a text, number, true or false"},
    {MATRIX "{match: {r: x}}, {per_unit: 2}]}\n", MTR_SEVERITY_ERROR, 6, 48, "has no price: write one of per_unit, graduated"},
    {MATRIX "{match: {r: x}, recurring: {amount: 1}}, {per_unit: 2}]}\n", MTR_SEVERITY_ERROR, 6, 64, "unknown key `recurring`"},
    {MATRIX "{match: {r: x}, volume: [{up_to: 100, unit: \"0.05\"}, {unit: \"0.04\"}]}, {per_unit: 2}]}\n", MTR_SEVERITY_WARNING, 6, 101,
     "more use costs less between 100 and 125"},
    {MATRIX "{match: {r: x}, package: {size: 1, price: 1}}, {per_unit: 2}], scope: level}\n", MTR_SEVERITY_ERROR, 6, 48, "weighted by time"},
    {VERSION "  - {key: a, meter: m, per_unit: 1, when: night}\n", MTR_SEVERITY_ERROR, 6, 43, "there is no mask `night`"},
    {CALENDAR "{nigth: {hours: \"22:00-06:00\"}}\n" MASKED "when: night}\n", MTR_SEVERITY_ERROR, 7, 43, "did you mean `nigth`?"},
    {CALENDAR "{night: {hours: \"22:60-06:00\"}}\n" MASKED "when: night}\n", MTR_SEVERITY_ERROR, 5, 29, "two times of the clock"},
    {CALENDAR "{night: {hours: \"22:00\"}}\n" MASKED "when: night}\n", MTR_SEVERITY_ERROR, 5, 29, "two times of the clock"},
    {CALENDAR "{night: {hours: \"06:00-06:00\"}}\n" MASKED "when: night}\n", MTR_SEVERITY_ERROR, 5, 29, "no part of the day"},
    {CALENDAR "{night: {hours: \"00:00-25:00\"}}\n" MASKED "when: night}\n", MTR_SEVERITY_ERROR, 5, 29, "two times of the clock"},
    {CALENDAR "{night: {days: [Sat]}}\n" MASKED "when: night}\n", MTR_SEVERITY_ERROR, 5, 29, "not `Sat`; did you mean `sat`?"},
    {CALENDAR "{night: {dates: [2026-02-30]}}\n" MASKED "when: night}\n", MTR_SEVERITY_ERROR, 5, 30, "must be a date"},
    {CALENDAR "{night: {dates: [2026-02-28..2026-02-27]}}\n" MASKED "when: night}\n", MTR_SEVERITY_ERROR, 5, 30, "ends before it begins"},
    {CALENDAR "{night: {dates: [2026-02-28..02-27]}}\n" MASKED "when: night}\n", MTR_SEVERITY_ERROR, 5, 30, "either without the year"},
    {CALENDAR "{night: {dates: [02-30]}}\n" MASKED "when: night}\n", MTR_SEVERITY_ERROR, 5, 30, "must be a date"},
    {CALENDAR "{night: {months: [apr, juin]}}\n" MASKED "when: night}\n", MTR_SEVERITY_ERROR, 5, 36, "like oct-mar, not `juin`; did you mean `jun`?"},
    {CALENDAR "{night: {days: tuesday-fri}}\n" MASKED "when: night}\n", MTR_SEVERITY_ERROR, 5, 28, "not `tuesday`; did you mean `tue`?"},
    {CALENDAR "{night: {days: mon-fir}}\n" MASKED "when: night}\n", MTR_SEVERITY_ERROR, 5, 28, "like mon-fri, not `fir`; did you mean `fri`?"},
    {CALENDAR "{night: {hours: \"22:00-06:00\", zone: Europe/Paris}}\n" MASKED "when: night}\n", MTR_SEVERITY_ERROR, 5, 50, "standard"},
    {CALENDAR "{a: {days: sat}, night: {any: [a], zone: UTC}}\n" MASKED "when: night}\n", MTR_SEVERITY_ERROR, 5, 54, "write it in the masks"},
    {HEAD "versions:\n- from: 2026-01-01\n  calendar_zone: UTC\n" MASKED "when: night}\n", MTR_SEVERITY_ERROR, 5, 18, "there is no calendar"},
    {CALENDAR "{night: {}}\n" MASKED "when: night}\n", MTR_SEVERITY_ERROR, 5, 21, "says nothing"},
    {CALENDAR "{night: {any: [b]}, b: {not: night}}\n" MASKED "when: night}\n", MTR_SEVERITY_ERROR, 5, 21, "made of itself"},
    {CALENDAR "{n: {any: [c]}}\n" MASKED "when: n}\n", MTR_SEVERITY_ERROR, 5, 24, "there is no mask `c`"},
    {CALENDAR "{n: {days: sat}}\n" MASKED "when: {only: n}}\n", MTR_SEVERITY_ERROR, 7, 43, "or {not: NAME}"},
    {CALENDAR "{n: {days: sat}}\n" MASKED "weights: {n: -1}}\n", MTR_SEVERITY_ERROR, 7, 50, "not negative"},
    {CALENDAR "{n: {days: sat}}\n" MASKED "weights: {n: 50%}}\n", MTR_SEVERITY_ERROR, 7, 50,
     "a factor is expected, as 1.2 for 120 %, not `50%`"},
    {CALENDAR "{n: {days: sat}}\n" MASKED "weights: {n: 2}, scope: level}\n", MTR_SEVERITY_ERROR, 7, 46, "do not apply to levels"},
    {CALENDAR "{n: {days: sat}}\n  components:\n  - {key: a, recurring: {amount: 1}, when: n}\n", MTR_SEVERITY_ERROR, 7, 44, "no use in any hour"},
    {VERSION "  - {key: a, meter: m, capacity: [{up_to: {m: 1}, amount: 1}, {amount: 2}]}\n", MTR_SEVERITY_ERROR, 6, 21, "remove meter"},
    {VERSION "  - {key: a, capacity: [{amount: 2}]}\n", MTR_SEVERITY_ERROR, 6, 24, "names no meter"},
    {VERSION "  - {key: a, capacity: [{up_to: {m: 1}, amount: 1}]}\n", MTR_SEVERITY_ERROR, 6, 25, "use above this step"},
    {VERSION "  - {key: a, capacity: [{up_to: {m: 1}, amount: 1}, {up_to: {n: 1}, amount: 1}, {amount: 2}]}\n", MTR_SEVERITY_ERROR, 6, 61,
     "has no bound for `m`"},
    {VERSION "  - {key: a, capacity: [{up_to: {m: 1}, amount: 1}, {up_to: {m: 2, n: 1}, amount: 1}, {amount: 2}]}\n", MTR_SEVERITY_ERROR, 6, 61,
     "names a meter that the first step does not"},
    {VERSION "  - {key: a, capacity: [{up_to: {m: 2, n: 2}, amount: 1}, {up_to: {m: 1, n: 2}, amount: 2}, {amount: 3}]}\n", MTR_SEVERITY_ERROR, 6, 59,
     "never reached: whatever fits here fits the step of line 6"},
    {VERSION "  - {key: a, capacity: [{up_to: {m: 2}, amount: 5}, {amount: 3}]}\n", MTR_SEVERITY_WARNING, 6, 53, "more use costs less"},
    {VERSION "  - {key: a, capacity: [{up_to: {m: 2}, below: {n: 2}, amount: 1}, {below: {m: 2, n: 2}, amount: 2}, {amount: 3}]}\n",
     MTR_SEVERITY_ERROR, 6, 68, "never reached"},
    {VERSION "  - {key: a, capacity: [{up_to: {m: 2}, below: {m: 3}, amount: 1}, {amount: 3}]}\n", MTR_SEVERITY_ERROR, 6, 52,
     "a meter has one bound in a step"},
    {VERSION "  - {key: a, capacity: [{below: {m: 0}, amount: 1}, {amount: 3}]}\n", MTR_SEVERITY_ERROR, 6, 37, "nothing is below it"},
    {VERSION "  - {key: a, capacity: [{below: {m: 2}, amount: 1}, {up_to: {n: 1}, amount: 1}, {amount: 2}]}\n", MTR_SEVERITY_ERROR, 6, 61,
     "has no bound for `m`"},
    {VERSION "  - {key: a, capacity: [{up_to: {m: x}, amount: 5}, {amount: 6}]}\n", MTR_SEVERITY_ERROR, 6, 37, "a number is expected, as 12 or 0.05, not `x`"},
    {VERSION "  - {key: a, capacity: [{up_to: {m: '2,5'}, amount: 5}, {amount: 6}]}\n", MTR_SEVERITY_ERROR, 6, 37,
     "`2,5` is no number: write 2.5 (a decimal point)"},
    {VERSION "  - {key: a, capacity: [{up_to: {m: -2}, amount: 5}, {amount: 6}]}\n", MTR_SEVERITY_ERROR, 6, 37, "not negative"},
    {VERSION "  - {key: a, free_units: 1, capacity: [{up_to: {m: 2}, amount: 5}, {amount: 6}]}\n", MTR_SEVERITY_ERROR, 6, 26, "no one meter"},
    {VERSION "  - {key: a, meter: m, tier_by: n, per_unit: 1}\n", MTR_SEVERITY_ERROR, 6, 33, "a tier of `volume`"},
    {VERSION "  - {key: a, meter: m, tier_by: n, volume: [{unit: 1}], scope: day}\n", MTR_SEVERITY_ERROR, 6, 64, "scope period or term"},
    {VERSION "  - {key: a, meter: m, per_unit: 1, discount: {percent: 5, amount: 5}}\n", MTR_SEVERITY_ERROR, 6, 47, "one of them"},
    {VERSION "  - {key: a, meter: m, per_unit: 1, discount: {}}\n", MTR_SEVERITY_ERROR, 6, 47, "one of them"},
    {VERSION "  - {key: a, meter: m, per_unit: 1, discount: {amount: -5}}\n", MTR_SEVERITY_ERROR, 6, 56, "must not be negative"},
    {VERSION "  - {key: a, meter: m, per_unit: 1, markup: [{percent: 5}, {percent: -5}]}\n", MTR_SEVERITY_ERROR, 6, 70, "write a discount"},
    {VERSION "  - {key: a, recurring: {amount: 1}, discount: {amount: 1}}\n", MTR_SEVERITY_ERROR, 6, 5, "in percent: change its amount"},
    {VERSION "  - {key: a, meter: m, per_unit: 1, markup: 5}\n", MTR_SEVERITY_ERROR, 6, 45, "a map"},
    /* tiers */
    {TIERED("graduated") "    - {up_to: 10, unit: 1}\n    - {up_to: 10, unit: 1}\n    - {unit: 1}\n", MTR_SEVERITY_ERROR, 10, 15,
     "overlaps the tier before, which goes up to 10"},
    {TIERED("graduated") "    - {up_to: 10, unit: 1}\n    - {up_to: 5, unit: 1}\n    - {unit: 1}\n", MTR_SEVERITY_ERROR, 10, 15,
     "never reached"},
    {TIERED("graduated") "    - {up_to: 0, unit: 1}\n    - {unit: 1}\n", MTR_SEVERITY_ERROR, 9, 15, "never reached"},
    {TIERED("graduated") "    - {unit: 1}\n    - {unit: 2}\n", MTR_SEVERITY_ERROR, 9, 7, "no use ever reaches"},
    {TIERED("graduated") "    - {up_to: 10, unit: 1}\n    - {up_to: 20, unit: 1}\n", MTR_SEVERITY_ERROR, 10, 15,
     "use above 20 has no price"},
    {TIERED("graduated") "    - {up_to: 10}\n    - {unit: 1}\n", MTR_SEVERITY_ERROR, 9, 7, "has no price"},
    {TIERED("volume") "    - {up_to: 100, unit: \"0.05\"}\n    - {unit: \"0.04\"}\n", MTR_SEVERITY_WARNING, 10, 7,
     "more use costs less between 100 and 125: 100 costs 5, and just above it the price falls to 4"},
    {TIERED("volume") "    - {up_to: 100, unit: 1}\n    - {flat: 50}\n", MTR_SEVERITY_WARNING, 10, 7,
     "more use costs less above 100"},
    {TIERED("graduated") "    - {below: 10, unit: 1}\n    - {up_to: 10, unit: 1}\n    - {unit: 1}\n", MTR_SEVERITY_ERROR, 10, 15,
     "overlaps the tier before, which goes up to 10"},
    {TIERED("graduated") "    - {below: 0, unit: 1}\n    - {unit: 1}\n", MTR_SEVERITY_ERROR, 9, 15, "never reached"},
    {TIERED("graduated") "    - {up_to: 10, below: 10, unit: 1}\n    - {unit: 1}\n", MTR_SEVERITY_ERROR, 9, 26, "remove one of them"},
    {TIERED("stairstep") "    - {below: 10, amount: 1}\n    - {below: 20, amount: 1}\n", MTR_SEVERITY_ERROR, 10, 15,
     "use from 20 has no price: leave `below` out"},
    {TIERED("volume") "    - {below: 100, unit: \"0.05\"}\n    - {unit: \"0.04\"}\n", MTR_SEVERITY_WARNING, 10, 7,
     "more use costs less between 100 and 125: just below 100 it costs 5, and there the price falls to 4"},
    {TIERED("volume") "    - {below: 100, unit: 1}\n    - {flat: 50}\n", MTR_SEVERITY_WARNING, 10, 7, "more use costs less from 100"},
    {VERSION "  - {key: a, meter: m, per_unit: -1}\n", MTR_SEVERITY_WARNING, 6, 34, "negative"},
    {VERSION "  - {key: a, meter: m, graduated: [{up_to: 10, unit: -1}, {unit: 1}]}\n", MTR_SEVERITY_WARNING, 6, 54, "use pays the customer"},
    {VERSION "  - {key: a, meter: m, graduated: [{unit: 1, flat: -1}]}\n", MTR_SEVERITY_WARNING, 6, 52, "use pays the customer"},
    {VERSION "  - {key: a, meter: m, graduated: [{unit: 1, cap: -1}]}\n", MTR_SEVERITY_ERROR, 6, 51, "must not be negative"},
    {VERSION "  - {key: a, meter: m, package: {size: 10, price: -1}}\n", MTR_SEVERITY_WARNING, 6, 33, "pays the customer"},
    {VERSION "  - {key: a, meter: m, increments: {connect: -1, steps: [{price: 1, per: 60}]}}\n", MTR_SEVERITY_WARNING, 6, 46, "use pays the customer"},
    {VERSION "  - {key: a, meter: m, increments: {steps: [{price: 1, per: 0}]}}\n", MTR_SEVERITY_ERROR, 6, 61, "must be more than 0"},
    {VERSION "  - {key: a, meter: m, increments: {steps: [{price: 1, step: 0}]}}\n", MTR_SEVERITY_ERROR, 6, 62, "must be more than 0"},
    {VERSION "  - {key: a, meter: m, increments: {steps: [{price: -1}]}}\n", MTR_SEVERITY_WARNING, 6, 53, "use pays the customer"},
    {VERSION "  - {key: a, meter: m, dynamic: {multiplier: -1}}\n", MTR_SEVERITY_WARNING, 6, 46, "pays the customer"},
    {VERSION "  - {key: a, meter: m, dynamic: {zero_units: skip}}\n", MTR_SEVERITY_ERROR, 6, 46, "write `units` too"},
    {VERSION "  - {key: a, meter: m, dynamic: {units: n, zero_units: skip}, scope: day}\n", MTR_SEVERITY_ERROR, 6, 70, "of the whole line"},
    {VERSION "  - {key: a, capacity: [{up_to: {m: 2}, amount: -5}, {amount: 6}]}\n", MTR_SEVERITY_WARNING, 6, 49, "use pays the customer"},
    {VERSION "  - {key: a, capacity: [{amount: 5}, {up_to: {m: 2}, amount: 6}]}\n", MTR_SEVERITY_ERROR, 6, 25, "reaches the steps below"},
    /* a unit of the seller's own */
    {UNIT("USD, price: 1", "1") "\n", MTR_SEVERITY_ERROR, 5, 28, "is a currency of ISO 4217"},
    {UNIT("POINTS, price: 0", "1") "\n", MTR_SEVERITY_ERROR, 5, 43, "must be more than 0"},
    {UNIT("POINTS", "1") "\n", MTR_SEVERITY_ERROR, 5, 21, "is missing"},
    {UNIT("POINTS, price: {EUR: 1, USD: 2}", "{EUR: 1, USD: 1}") "\n", MTR_SEVERITY_ERROR, 6, 45, "write one number"},
    {UNIT("POINTS, price: {EUR: 1, USD: 2}", "1, minimum: {EUR: 1, USD: 2}") "\n", MTR_SEVERITY_ERROR, 6, 57, "write one number"},
    {UNIT("POINTS, price: 1", "1") "\n  account: {cap: 5}\n", MTR_SEVERITY_ERROR, 7, 12, "has no account limits"},
    {UNIT("POINTS, price: 1", "1") "\n- {from: 2026-02-01, " COMPONENTS, MTR_SEVERITY_ERROR, 7, 3, "in one unit"},
    {UNIT("POINTS, price: 1", "1") "\n  overrides: [{customer: c, pricing_currency: {name: MILES, price: 1}}]\n", MTR_SEVERITY_ERROR, 7, 47, "in one unit"},
    {UNIT("POINTS, price: 1", "1") "\n  overrides: [{customer: c, pricing_currency: ~}]\n", MTR_SEVERITY_ERROR, 7, 47, "in one unit"},
    /* bounds of each */
    {VERSION "  - {key: a, meter: m, per_unit: 1, each: {maximum: 1}}\n", MTR_SEVERITY_ERROR, 6, 43, "write `scope: event`"},
    {VERSION "  - {key: a, meter: m, per_unit: 1, scope: level, each: {maximum: 1}}\n", MTR_SEVERITY_ERROR, 6, 57, "write `scope: event`"},
    {VERSION "  - {key: a, meter: m, per_unit: 1, scope: day, each: {}}\n", MTR_SEVERITY_ERROR, 6, 55, "bounds nothing"},
    {VERSION "  - {key: a, meter: m, per_unit: 1, scope: day, each: {minimum: 2, maximum: 1}}\n", MTR_SEVERITY_ERROR, 6, 65, "more than the maximum"},
    {VERSION "  - {key: a, meter: m, percentage: {rate: 1}, scope: event, each: {minimum: 2}}\n", MTR_SEVERITY_ERROR, 6, 67, "write them there"},
    {VERSION "  - {key: a, meter: m, group_by: [r], scope: event, each: {minimum: 2}, matrix: [{percentage: {rate: 1}}]}\n", MTR_SEVERITY_ERROR, 6, 82,
     "write them there"},
    {VERSION "  - {key: a, recurring: {amount: 1}, each: {maximum: 1}}\n", MTR_SEVERITY_ERROR, 6, 44, "remove each"},
    /* minimums of lines */
    {VERSION "  - {key: a, meter: m, per_unit: 1, line_minimum: 1}\n", MTR_SEVERITY_ERROR, 6, 51, "write `minimum`"},
    {VERSION "  - {key: a, meter: m, per_unit: 1, group_by: [r], line_minimum: 2, cap: 1}\n", MTR_SEVERITY_ERROR, 6, 66, "more than the cap"},
    {VERSION "  - {key: a, meter: m, per_unit: 1, group_by: [r], line_minimum: \"0.001\"}\n", MTR_SEVERITY_ERROR, 6, 66, "fraction digits"},
    {VERSION "  - {key: a, recurring: {amount: 1}, line_minimum: 1}\n", MTR_SEVERITY_ERROR, 6, 52, "its own minimum"},
    /* rounding to steps */
    {HEAD "rounding: {step: 0}\nversions: [{from: 2026-01-01, " COMPONENTS "]\n", MTR_SEVERITY_ERROR, 3, 18, "must be more than 0"},
    {HEAD "rounding: {step: five}\nversions: [{from: 2026-01-01, " COMPONENTS "]\n", MTR_SEVERITY_ERROR, 3, 18,
     "a number is expected, as 12 or 0.05, not `five`"},
    {HEAD "rounding: {step: 'CHF 0,05'}\nversions: [{from: 2026-01-01, " COMPONENTS "]\n", MTR_SEVERITY_ERROR, 3, 18,
     "`CHF 0,05` is no number: write 0.05 (a decimal point, no currency)"},
    {HEAD "rounding: {step: 1000000000000000000000}\nversions: [{from: 2026-01-01, " COMPONENTS "]\n", MTR_SEVERITY_ERROR, 3, 18,
     "is too large: at most 1.7 × 10^20"},
    {HEAD "rounding: {step: 0.0000000000000000001}\nversions: [{from: 2026-01-01, " COMPONENTS "]\n", MTR_SEVERITY_ERROR, 3, 18,
     "has more than 18 digits after the point"},
    {HEAD "rounding: {step: [1]}\nversions: [{from: 2026-01-01, " COMPONENTS "]\n", MTR_SEVERITY_ERROR, 3, 18, "must be a number"},
    {HEAD "rounding: {step: 0.05, digits: 2}\nversions: [{from: 2026-01-01, " COMPONENTS "]\n", MTR_SEVERITY_ERROR, 3, 18, "instead of digits"},
    {HEAD "rounding: {step: {CHF: 0.05}}\nversions: [{from: 2026-01-01, " COMPONENTS "]\n", MTR_SEVERITY_ERROR, 3, 19, "nothing is charged in CHF"},
    {HEAD "exchange: {source: e}\nrounding: {step: {Franken: 0.05}}\nversions: [{from: 2026-01-01, " COMPONENTS "]\n", MTR_SEVERITY_ERROR, 4, 19,
     "`Franken` is no currency"},
    {HEAD "currencies: [EUR, CHF]\nrounding: {step: 0.05}\nversions: [{from: 2026-01-01, components: [{key: a, meter: m, per_unit: {EUR: 1, CHF: 1}}]}]\n",
     MTR_SEVERITY_ERROR, 4, 18, "one number for several currencies"},
    {HEAD "rounding: {step: 0.05}\nversions: [{from: 2026-01-01, components: [{key: a, meter: m, per_unit: 1, cap: 1.02}]}]\n", MTR_SEVERITY_ERROR, 4, 81,
     "no whole multiple of the 0.05 EUR that lines are rounded to"},
    /* versions */
    {HEAD "versions:\n- {from: 2026-02-01, " COMPONENTS "\n- {from: 2026-01-01, " COMPONENTS,
     MTR_SEVERITY_ERROR, 5, 10, "must ascend"},
    {HEAD "versions:\n- {from: 2026-02-01, " COMPONENTS "\n- {from: 2026-02-01, " COMPONENTS,
     MTR_SEVERITY_ERROR, 5, 10, "must ascend"},
    {HEAD "versions:\n- {from: 2026-02-01, components: [{key: a, meter: m, per_unit: 1}]}\n"
          "- {from: \"2026-02-01T06:00:00Z\", " COMPONENTS,
     MTR_SEVERITY_ERROR, 5, 10, "every time zone"},
    {"", MTR_SEVERITY_ERROR, 1, 1, "missing"},
    {"[]", MTR_SEVERITY_ERROR, 1, 1, "map"},
};

/* A border of a curve, as the use that reaches it before the conversion; what rounds stays as it is. */
static void test_borders_before_a_conversion(void **state)
{
    static const char text[] = HEAD
        "versions:\n- from: 2026-01-01\n  components:\n"
        "  - {key: a, meter: m, convert: {divide: 1000}, graduated: [{up_to: 10, unit: 2}, {unit: 1}]}\n"
        "  - {key: b, meter: m, convert: {rounding: up, step: 25}, graduated: [{up_to: 60, unit: 2}, {unit: 1}]}\n";
    struct pricing pricing;
    struct mtr_quantity borders[4];
    (void)state;
    assert_int_equal(pricing_open(&pricing, mtr_str_from(text)), MTR_OK);
    const struct mtr_component *components = pricing.tariff.versions[0].components;
    assert_int_equal(mtr_price_borders(&components[0], borders, 4), 1);
    assert_true(borders[0].e12 == (mtr_int128)10000 * 1000000000000);
    assert_int_equal(mtr_price_borders(&components[1], borders, 4), 1);
    assert_true(borders[0].e12 == (mtr_int128)60 * 1000000000000);
    pricing_close(&pricing);
}

static void test_findings(void **state)
{
    (void)state;
    unsigned wrong = 0;
    for (size_t i = 0; i < sizeof(findings) / sizeof(findings[0]); i++) {
        struct pricing pricing;
        int rc = pricing_open(&pricing, mtr_str_from(findings[i].text));
        if (pricing.findings.count == 0) fail_msg("no finding in:\n%s", findings[i].text);
        const struct mtr_diagnostic *found = &pricing.findings.items[0];
        if (rc != (findings[i].severity == MTR_SEVERITY_ERROR ? MTR_EINVALID : MTR_OK) ||
            found->severity != findings[i].severity || found->line != findings[i].line ||
            found->column != findings[i].column || !strstr(found->text, findings[i].part)) {
            print_message("%s\n%s, found at %u:%u: %s: %s\n", findings[i].text, mtr_error_name(rc),
                          found->line, found->column, found->field, found->text);
            wrong++;
        }
        pricing_close(&pricing);
    }
    assert_int_equal(wrong, 0);
}

static void test_all_findings_at_once(void **state)
{
    (void)state;
    struct pricing pricing;
    assert_int_equal(
        pricing_open(&pricing,
                     MTR_STR("key: t\ncurrency: ECU\nversions:\n- from: soon\n  components:\n"
                             "  - {key: a, meter: m}\n  - {key: a, meter: m, per_unit: 1, cap: -1}\n")),
        MTR_EINVALID);
    assert_int_equal(pricing.findings.count, 5); /* currency, from, no price, cap, duplicate key */
    pricing_close(&pricing);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_full_document),
        cmocka_unit_test(test_hash_names_the_content),
        cmocka_unit_test(test_borders_before_a_conversion),
        cmocka_unit_test(test_findings),
        cmocka_unit_test(test_all_findings_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
