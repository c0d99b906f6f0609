/*
 * The documents of a run's catalog: meters, tariffs of every curve with the parts around it, overrides and
 * calendars, credits and destinations. What a plan does not say is drawn by lot, so that a
 * tariff written again is another one.
 */
#include "scenario/scenario_documents.h"

#include <inttypes.h>

#include "meterd/rater/catalog_change.h"

enum { YAML_BYTES_MAX = 1 << 20 };

static const char *const roundings[] = {"half_even", "half_up", "up", "down", "ceiling", "floor"};

void yaml_put(struct yaml *yaml, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    CHECK_OK(yaml->scenario, mtr_buffer_vprintf(&yaml->text, format, args));
    va_end(args);
}

void yaml_begin(struct scenario *scenario, struct yaml *yaml)
{
    *yaml = (struct yaml){.scenario = scenario};
    mtr_buffer_init(&yaml->text, YAML_BYTES_MAX);
}

/* What was folded and charged may have something against it, as in the daemon. */
static int review(void *context, const struct mtr_catalog *stored, const struct mtr_catalog *draft,
                  struct mtr_diagnostics *findings)
{
    const struct stores *stores = &((struct scenario *)context)->stores;
    int rc = mtr_aggregator_check_change(stores->aggregator, stored, draft, findings);
    return rc ? rc : mtr_rater_check_change(stores->charges, stored, draft, findings);
}

static const struct mtr_diagnostic *first_error(const struct mtr_diagnostics *findings)
{
    static const struct mtr_diagnostic none = {.text = ""};
    for (size_t i = 0; i < findings->count; i++)
        if (findings->items[i].severity == MTR_SEVERITY_ERROR) return &findings->items[i];
    return &none;
}

/* Is every error one of those? */
static bool is_expected(const struct mtr_diagnostics *findings, const char *refusal)
{
    bool expected = refusal != NULL;
    for (size_t i = 0; i < findings->count && expected; i++)
        expected = findings->items[i].severity != MTR_SEVERITY_ERROR || strstr(findings->items[i].text, refusal);
    return expected;
}

static void take_snapshot(struct scenario *scenario, const struct mtr_catalog_change *change)
{
    struct stores *stores = &scenario->stores;
    mtr_catalog_release(stores->catalog);
    stores->catalog = mtr_catalog_store_snapshot(stores->catalog_store);
    scenario_trace(scenario, "catalog version %" PRIu64 ": %u created, %u updated, %u deleted",
                   change->version, change->created, change->updated, change->deleted);
}

bool yaml_try(struct yaml *yaml)
{
    struct scenario *scenario = yaml->scenario;
    struct mtr_catalog_change change;
    struct mtr_diagnostics findings;
    mtr_diagnostics_init(&findings, 16);
    const struct mtr_catalog_edit edit = {.text = mtr_buffer_str(&yaml->text),
                                          .who = MTR_STR("scenario"),
                                          .now_us = scenario->now_us,
                                          .review = review,
                                          .review_context = scenario};
    int rc = mtr_catalog_store_apply(scenario->stores.catalog_store, &edit, &change, &findings);
    const struct mtr_diagnostic *error = first_error(&findings);
    if ((rc && !yaml->refusal) || scenario->is_loud)
        printf("%.*s", MTR_STR_ARGS(mtr_buffer_str(&yaml->text)));
    CHECK(scenario, !rc || (rc == MTR_EINVALID && is_expected(&findings, yaml->refusal)), "line %u: %s: %s",
          error->line, error->field, error->text);
    if (rc) scenario_trace(scenario, "refused: %s", error->text);
    else take_snapshot(scenario, &change);
    mtr_diagnostics_release(&findings);
    mtr_buffer_release(&yaml->text);
    return !rc;
}

void yaml_apply(struct yaml *yaml)
{
    (void)yaml_try(yaml);
}

bool scenario_delete(struct scenario *scenario, enum mtr_catalog_kind kind, const char *name)
{
    struct mtr_catalog_change change;
    struct mtr_diagnostics findings;
    mtr_diagnostics_init(&findings, 16);
    const struct mtr_catalog_edit edit = {
        .kind = &kind,
        .key = mtr_str_from(name),
        .who = MTR_STR("scenario"),
        .now_us = scenario->now_us,
        .review = review,
        .review_context = scenario};
    int rc = mtr_catalog_store_delete(scenario->stores.catalog_store, &edit, &change, &findings);
    CHECK(scenario, !rc || rc == MTR_EINVALID, "%s", mtr_error_text(rc));
    scenario_seen[SEEN_METER_CHARGED] += strstr(first_error(&findings)->text, "was charged with it") != NULL;
    if (rc) scenario_trace(scenario, "kept: %s", first_error(&findings)->text);
    else take_snapshot(scenario, &change);
    mtr_diagnostics_release(&findings);
    return !rc;
}

const char *yaml_date(struct scenario *scenario, int64_t days)
{
    int32_t year;
    unsigned month, day;
    mtr_civil_from_days(days, &year, &month, &day);
    return scenario_format(scenario, "%04d-%02u-%02u", year, month, day);
}

/* Masks for a meter whose hours add up, or are priced apart. */
static void put_masks(struct yaml *yaml, const struct planned_meter *meter, const char *scope)
{
    static const char *const chosen[] = {"night", "weekend", "odd", "{not: night}", "{not: odd}"};
    struct scenario *scenario = yaml->scenario;
    const bool adds_up = meter->aggregation == MTR_SUM || meter->aggregation == MTR_COUNT ||
                         meter->aggregation == MTR_TIME_WEIGHTED;
    if (!adds_up && strcmp(scope, "hour") != 0) return;
    if (scenario_chance(scenario, 20)) yaml_put(yaml, ", when: %s", PICK(scenario, chosen));
    if (strcmp(scope, "level") != 0 && scenario_chance(scenario, 20))
        yaml_put(yaml, ", weights: {weekend: '0.%u', night: '1.%u'}", scenario_below(scenario, 10),
                 scenario_below(scenario, 1000));
}

/* A scope that the meter has what it takes for. */
static const char *plan_scope(struct scenario *scenario, const struct planned_meter *meter, bool may_be_level)
{
    static const char *const common[] = {"period", "period", "hour", "day", "term"};
    const bool keeps_events = strstr(meter->more, "keep_events") != NULL;
    if (keeps_events && scenario_chance(scenario, 50)) return "event";
    if (may_be_level && meter->aggregation == MTR_TIME_WEIGHTED && scenario_chance(scenario, 50))
        return "level";
    const char *scope = PICK(scenario, common);
    return strcmp(scope, "term") == 0 && strstr(meter->more, "per: period") ? "period" : scope;
}

void yaml_put_service(struct yaml *yaml, uint32_t service)
{
    struct plan *plan = &yaml->scenario->plan;
    yaml_put(yaml, "  - {key: s%u, vendor: v%u}\n", service, plan->service_vendors[service]);
    plan->services[service].applied = true;
}

void yaml_put_meter(struct yaml *yaml, struct planned_meter *meter)
{
    yaml_put(yaml, "  - {key: %s, service: s%u, event_type: %s, aggregation: %s, unit: u", meter->key,
             meter->service, meter->type, mtr_aggregation_name(meter->aggregation));
    if (meter->aggregation != MTR_COUNT)
        yaml_put(yaml, ", value: %s", meter->aggregation == MTR_UNIQUE ? "u" : "v");
    if (meter->by_region || meter->by_sku)
        yaml_put(yaml, ", group_by: [%s%s%s]", meter->by_region ? "region" : "",
                 meter->by_region && meter->by_sku ? ", " : "", meter->by_sku ? "sku" : "");
    if (meter->filter) yaml_put(yaml, ", filter: %s", meter->filter);
    if (meter->wants_values) yaml_put(yaml, ", missing: invalid");
    if (meter->values_max) yaml_put(yaml, ", dimension_values_max: %u", meter->values_max);
    yaml_put(yaml, "%s%s%s", meter->more, meter->cell, meter->retired);
    yaml_put(yaml, "}\n");
    meter->applied = true;
}

static void put_tiers(struct yaml *yaml, const char *curve)
{
    struct scenario *scenario = yaml->scenario;
    uint32_t tiers = 1 + scenario_below(scenario, 3), bound = 0;
    yaml_put(yaml, ", %s: [", curve);
    for (uint32_t i = 0; i < tiers; i++) {
        yaml_put(yaml, "%s{unit: '0.%02u'", i ? ", " : "", scenario_below(scenario, 100));
        if (scenario_chance(scenario, 40)) yaml_put(yaml, ", flat: '%u.5'", scenario_below(scenario, 5));
        bound += 1 + scenario_below(scenario, 30);
        if (i + 1 < tiers)
            yaml_put(yaml, ", %s: %u%s", scenario_chance(scenario, 30) ? "below" : "up_to", bound,
                     scenario_chance(scenario, 30) ? ".5" : "");
        yaml_put(yaml, "}");
    }
    yaml_put(yaml, "]");
}

static void put_fee(struct yaml *yaml)
{
    static const char *const prorates[] = {"none", "day", "second"};
    struct scenario *scenario = yaml->scenario;
    yaml_put(yaml, ", recurring: {amount: '%u.99', in: %s, prorate: %s}", scenario_below(scenario, 40),
             scenario_chance(scenario, 50) ? "advance" : "arrears", PICK(scenario, prorates));
}

/* The parts around a curve. A commitment stands instead of a minimum, and below every cap. */
static void put_parts(struct yaml *yaml)
{
    static const char *const prorates[] = {"none", "day", "second"};
    struct scenario *scenario = yaml->scenario;
    if (scenario_chance(scenario, 20))
        yaml_put(yaml, ", convert: {divide: 7, rounding: ceiling, digits: %u}", scenario_below(scenario, 3));
    if (scenario_chance(scenario, 20))
        yaml_put(yaml, ", discount: {percent: '%u.5'}", scenario_below(scenario, 100));
    if (scenario_chance(scenario, 20))
        yaml_put(yaml, ", markup: {percent: %u}", scenario_below(scenario, 50));
    if (scenario_chance(scenario, 30)) yaml_put(yaml, ", free_units: %u.25", scenario_below(scenario, 10));
    if (scenario_chance(scenario, 25))
        yaml_put(yaml, ", minimum: '%u', minimum_prorate: %s", scenario_below(scenario, 30),
                 PICK(scenario, prorates));
    else if (scenario_chance(scenario, 25))
        yaml_put(yaml, ", commitment: {amount: %u, overage: '1.%u', prorate: %s}",
                 scenario_below(scenario, 30), 1 + scenario_below(scenario, 9), PICK(scenario, prorates));
    if (scenario_chance(scenario, 25)) yaml_put(yaml, ", cap: '%u'", 30 + scenario_below(scenario, 30));
}

static void put_curve(struct yaml *yaml, uint32_t curve)
{
    struct scenario *scenario = yaml->scenario;
    switch (curve) {
    case 0: yaml_put(yaml, ", per_unit: '%s'", scenario_chance(scenario, 50) ? "0.0125" : "1.999"); break;
    case 1: put_tiers(yaml, "graduated"); break;
    case 2: put_tiers(yaml, "volume"); break;
    case 3:
        yaml_put(yaml, ", percentage: {rate: '2.9', fixed: '0.%u'}", scenario_below(scenario, 100));
        break;
    case 4:
        yaml_put(yaml, ", stairstep: [{up_to: %u, amount: 5}, {amount: 9}]",
                 1 + scenario_below(scenario, 30));
        break;
    case 5:
        yaml_put(yaml,
                 ", blocks: {mode: %s, tiers: [{size: 3, blocks: %u, price: '1.1'}, {size: 10, price: 2}]}",
                 scenario_chance(scenario, 50) ? "graduated" : "volume", 1 + scenario_below(scenario, 5));
        break;
    case 6:
        yaml_put(
            yaml,
            ", increments: {connect: 1, steps: [{price: '0.1', per: 3, step: 6}, {from: 12, price: '0.1', per: 7}]}");
        break;
    default:
        yaml_put(yaml, ", package: {size: %u, price: '2.25', rounding: %s}", 1 + scenario_below(scenario, 20),
                 scenario_chance(scenario, 70) ? "up" : "half_up");
        break;
    }
}

/* The curves that a level can have are the first three. */
static void put_usage_curve(struct yaml *yaml, const struct planned_meter *meter, bool is_cost)
{
    struct scenario *scenario = yaml->scenario;
    const uint32_t curve = scenario_below(scenario, 8), other = scenario_below(scenario, curve < 3 ? 3 : 8);
    const char *scope = plan_scope(scenario, meter, curve < 3);
    const bool by_region = meter->by_region && scenario_chance(scenario, 60),
               by_sku = meter->by_sku && scenario_chance(scenario, 60);
    yaml_put(yaml, ", meter: %s, scope: %s", meter->key, scope);
    if (by_region && scenario_chance(scenario, 40)) {
        scenario_seen[SEEN_MATRIX]++;
        yaml_put(yaml, ", matrix: [{match: {region: [eu, us]}");
        put_curve(yaml, curve);
        yaml_put(yaml, "}, {match: {region: ''%s}", by_sku ? ", sku: [s, 7]" : "");
        put_curve(yaml, other);
        yaml_put(yaml, "}, {per_unit: '0.5'}]");
    } else {
        put_curve(yaml, curve);
    }
    const bool adds_up = meter->aggregation == MTR_SUM || meter->aggregation == MTR_COUNT;
    if (adds_up && !is_cost && strcmp(scope, "period") == 0 && scenario_chance(scenario, 30))
        yaml_put(yaml, ", across: customer");
    put_masks(yaml, meter, scope);
    put_parts(yaml);
    if (!by_region && !by_sku) return;
    yaml_put(yaml, ", group_by: [%s%s%s]", by_sku ? "sku" : "", by_region && by_sku ? ", " : "",
             by_region ? "region" : "");
    if (scenario_chance(scenario, 25)) yaml_put(yaml, ", line_minimum: %u", scenario_below(scenario, 30));
}

/* A plan by the sizes of two meters, and one whose tier the other meter chooses. */
static void put_several_meters(struct yaml *yaml, const char *first, const char *second)
{
    struct scenario *scenario = yaml->scenario;
    yaml_put(
        yaml,
        "          - {key: plan, capacity: [{up_to: {%s: %u, %s: %u}, amount: 3}, {up_to: {%s: 60, %s: 60}, amount: '7.5'}, {amount: 20}]",
        first, scenario_below(scenario, 20), second, scenario_below(scenario, 20), first, second);
    if (scenario_chance(scenario, 30))
        yaml_put(yaml,
                 ", discount: {amount: 2}, markup: [{party: p, percent: 3}, {party: q, amount: '0.5'}]");
    yaml_put(
        yaml,
        "}\n          - {key: ranked, meter: %s, tier_by: %s, volume: [{up_to: %u, unit: 1}, {unit: '1.5', flat: 2}]}\n",
        first, second, 1 + scenario_below(scenario, 30));
}

/* Components keep their keys from version to version, so that caps and minimums of one go on in the next.
 * Returns the meter of one of them; NULL: there are only fees. */
static const char *put_components(struct yaml *yaml, struct planned_tariff *tariff)
{
    struct scenario *scenario = yaml->scenario;
    const struct plan *plan = &scenario->plan;
    const uint32_t service = tariff->service;
    const char *before = NULL; /* the last meter that stands already */
    const char *last = NULL;
    for (uint32_t i = 0; i < plan->meter_count; i++) {
        if (plan->meters[i].service != service || !plan->meters[i].applied) continue;
        if (before && scenario_chance(scenario, 20)) {
            put_several_meters(yaml, before, plan->meters[i].key);
            break;
        }
        before = plan->meters[i].key;
    }
    for (uint32_t i = 0; i < plan->meter_count; i++) {
        if (plan->meters[i].service != service || !plan->meters[i].applied || scenario_chance(scenario, 15))
            continue;
        last = plan->meters[i].key;
        yaml_put(yaml, "          - {key: c-%s", last);
        put_usage_curve(yaml, &plan->meters[i], tariff->is_cost);
        tariff->priced |= UINT32_C(1) << i;
        yaml_put(yaml, "}\n");
    }
    const bool has_spare = plan->spare.applied && plan->spare.service == service && !plan->spare_goes;
    if (has_spare && scenario_chance(scenario, 50)) {
        yaml_put(yaml, "          - {key: c-spare, meter: spare, per_unit: 1, minimum: 5}\n");
        tariff->prices_spare = true;
    }
    yaml_put(yaml, "          - {key: base");
    put_fee(yaml);
    yaml_put(yaml, "}\n");
    return last;
}

static void put_override(struct yaml *yaml, const char *kind, const char *key, const char *meter)
{
    struct scenario *scenario = yaml->scenario;
    yaml_put(yaml, "          - {%s: %s, %scomponents: [{key: base", kind, key,
             scenario_chance(scenario, 30) ? "cap: 60, " : "");
    put_fee(yaml);
    yaml_put(yaml, "}");
    if (meter)
        yaml_put(yaml, ", {key: c-%s, per_unit: '0.%u', markup: ~}", meter, 1 + scenario_below(scenario, 9));
    yaml_put(yaml, "]}\n");
}

/* For a service's customer, and for subscriptions that are there. */
static void put_overrides(struct yaml *yaml, uint32_t service, const char *meter)
{
    struct scenario *scenario = yaml->scenario;
    const struct plan *plan = &scenario->plan;
    bool begun = false;
    if (scenario_chance(scenario, 25)) {
        yaml_put(yaml, "        overrides:\n");
        put_override(yaml, "customer", scenario_format(scenario, "c%u", service), meter);
        begun = true;
    }
    for (uint32_t i = 0; i < plan->subscription_count; i++) {
        if (!plan->subscriptions[i].applied || !scenario_chance(scenario, 15)) continue;
        if (!begun) yaml_put(yaml, "        overrides:\n");
        put_override(yaml, "subscription", plan->subscriptions[i].key, meter);
        begun = true;
    }
}

/* Longer than every billing period of a run, and shorter than some runs. */
static void put_term(struct yaml *yaml)
{
    static const char *const units[] = {"quarter", "quarter", "year", "month, count: 4", "month, count: 6"},
                             *const anchors[] = {"anniversary", "calendar"},
                             *const prorates[] = {"none", "day", "second"};
    struct scenario *scenario = yaml->scenario;
    const uint32_t least = scenario_below(scenario, 400);
    yaml_put(yaml, "        term: {every: %s, anchor: %s", PICK(scenario, units), PICK(scenario, anchors));
    if (scenario_chance(scenario, 30)) yaml_put(yaml, ", components: [base]");
    if (scenario_chance(scenario, 40))
        yaml_put(yaml, ", cap: '%u'", least + 1 + scenario_below(scenario, 400));
    if (scenario_chance(scenario, 30))
        yaml_put(yaml, ", minimum: '%u', minimum_prorate: %s}\n", least, PICK(scenario, prorates));
    else
        yaml_put(yaml, ", commitment: {amount: %u, overage: '1.%u', prorate: %s}}\n", least,
                 scenario_below(scenario, 10), PICK(scenario, prorates));
}

void yaml_put_tariff(struct yaml *yaml, struct planned_tariff *tariff)
{
    struct scenario *scenario = yaml->scenario;
    int64_t day = scenario->begin_us / MTR_US_PER_DAY - (scenario_chance(scenario, 90) ? 400 : -10);
    uint32_t versions = 1 + scenario_below(scenario, 3);
    yaml_put(yaml, "  - key: %s\n    currency: %s\n    rounding: {mode: %s, place: %s}\n", tariff->key,
             tariff->currency, PICK(scenario, roundings), scenario_chance(scenario, 70) ? "line" : "total");
    tariff->priced = 0;
    tariff->prices_spare = false;
    tariff->applied = true;
    if (scenario->plan.shares_keys) yaml_put(yaml, "    service: s%u\n", tariff->service);
    yaml_put(yaml, "    versions:\n");
    for (uint32_t i = 0; i < versions; i++) {
        const bool resets = i && scenario_chance(scenario, 25);
        yaml_put(yaml, "      - from: %s%s\n%s", yaml_date(scenario, day),
                 i && scenario_chance(scenario, 40) ? scenario_clock(scenario) : "",
                 resets ? "        reset: true\n" : "");
        yaml_put(
            yaml,
            "        calendar: {night: {hours: '20:00-07:00'}, weekend: {days: [sat, sun]}, odd: {any: [night, weekend]}}\n        components:\n");
        const char *meter = put_components(yaml, tariff);
        put_overrides(yaml, tariff->service, meter);
        if (!tariff->is_cost && scenario_chance(scenario, 20)) {
            const uint32_t least = scenario_below(scenario, 200);
            yaml_put(yaml, "        account: {minimum: '%u', cap: '%u'}\n", least,
                     least + scenario_below(scenario, 200));
        }
        if (!tariff->is_cost && scenario->all_end && scenario_chance(scenario, 50)) put_term(yaml);
        /* A close that draws has the period behind it rated again, a draft later: with daily periods that
         * have no end it never rests. */
        if (!tariff->is_cost && scenario->all_end && scenario_chance(scenario, 50))
            yaml_put(yaml, "        allowances: [{key: bonus, amount: '%u', rollover: %u}]\n",
                     1 + scenario_below(scenario, 40), scenario_below(scenario, 3));
        if (scenario_chance(scenario, 25))
            yaml_put(yaml, "        minimum: '%u'\n", scenario_below(scenario, 60));
        else if (scenario_chance(scenario, 25))
            yaml_put(yaml, "        commitment: {amount: %u, overage: '0.%u', prorate: second}\n",
                     scenario_below(scenario, 60), scenario_below(scenario, 10));
        if (day < scenario->begin_us / MTR_US_PER_DAY) day = scenario->begin_us / MTR_US_PER_DAY;
        day += 2 + scenario_below(scenario, 40);
    }
}

/* Of the customer of a service; again and again with another amount or end. */
void yaml_put_credit(struct yaml *yaml, uint32_t service)
{
    struct scenario *scenario = yaml->scenario;
    const struct plan *plan = &scenario->plan;
    const int64_t day = scenario->begin_us / MTR_US_PER_DAY - 40;
    uint32_t tariff = 0;
    while (plan->tariffs[tariff].service != service) tariff++;
    yaml_put(yaml, "credits:\n  - {key: topup%u, customer: c%u, amount: '%u', currency: %s, from: %s",
             service, service, 1 + scenario_below(scenario, 400), plan->tariffs[tariff].currency,
             yaml_date(scenario, day));
    if (scenario_chance(scenario, 50))
        yaml_put(yaml, ", expires: %s", yaml_date(scenario, day + 20 + scenario_below(scenario, 60)));
    yaml_put(yaml, "}\n");
}

void yaml_put_destination(struct yaml *yaml, uint32_t number)
{
    yaml_put(
        yaml,
        "destinations:\n  - {key: d%u, kind: http, url: 'http://127.0.0.1/', batch_max: %u, drafts: %s}\n",
        number, 1 + scenario_below(yaml->scenario, 20), number == 0 ? "true" : "false");
}
