/*
 * The catalog of a run: planned whole from the seed, applied in part, and changed while usage flows.
 *
 * Vendors share event types and subjects. Meters cover every aggregation, several of one type; some come late, when their type
 * has been counted by others already. Tariffs have up to three versions, the later ones inside the run, with overrides; they are rewritten,
 * subscriptions get other tariffs, starts, ends, trials (with a tariff, too) and cost tariffs. Fields that define the fold never change, nor does a subscription's currency.
 */
#include "scenario/scenario.h"

#include <inttypes.h>

enum { YAML_BYTES_MAX = 1 << 20 };

static const char *const types[] = {"cpu", "disk", "call"};
static const char *const zones[] = {"UTC", "Asia/Kolkata", "America/Sao_Paulo", "Australia/Lord_Howe", "Europe/Berlin"};
static const char *const currencies[] = {"EUR", "USD", "JPY", "KWD"};
static const char *const roundings[] = {"half_even", "half_up", "up", "down", "ceiling", "floor"};

#define PICK(scenario, list) (list)[scenario_below(scenario, sizeof(list) / sizeof(*(list)))]

struct yaml {
    struct scenario *scenario;
    struct mtr_buffer text;
};

static void put(struct yaml *yaml, const char *format, ...) MTR_PRINTF(2, 3);
static void put(struct yaml *yaml, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    CHECK_OK(yaml->scenario, mtr_buffer_vprintf(&yaml->text, format, args));
    va_end(args);
}

static void begin(struct scenario *scenario, struct yaml *yaml)
{
    yaml->scenario = scenario;
    mtr_buffer_init(&yaml->text, YAML_BYTES_MAX);
}

static void apply(struct yaml *yaml)
{
    struct scenario *scenario = yaml->scenario;
    struct stores *stores = &scenario->stores;
    struct mtr_catalog_change change;
    struct mtr_diagnostics findings;
    mtr_diagnostics_init(&findings, 16);
    const struct mtr_catalog_edit edit = {.text = mtr_buffer_str(&yaml->text), .who = MTR_STR("scenario"), .now_us = scenario->now_us};
    int rc = mtr_catalog_store_apply(stores->catalog_store, &edit, &change, &findings);
    if (rc || scenario->is_loud) printf("%.*s", MTR_STR_ARGS(mtr_buffer_str(&yaml->text)));
    const struct mtr_diagnostic *finding = findings.items;
    for (size_t i = 0; i < findings.count && finding->severity != MTR_SEVERITY_ERROR; i++) finding++;
    CHECK(scenario, !rc, "line %u: %s: %s", rc ? finding->line : 0, rc ? finding->field : "", rc ? finding->text : "");
    mtr_diagnostics_release(&findings);
    mtr_buffer_release(&yaml->text);
    mtr_catalog_release(stores->catalog);
    stores->catalog = mtr_catalog_store_snapshot(stores->catalog_store);
    scenario_trace(scenario, "catalog version %" PRIu64 ": %u created, %u updated", change.version, change.created, change.updated);
}

static const char *date(struct scenario *scenario, int64_t days)
{
    int32_t year;
    unsigned month, day;
    mtr_civil_from_days(days, &year, &month, &day);
    return scenario_format(scenario, "%04d-%02u-%02u", year, month, day);
}

void scenario_vendor_key(uint32_t vendor, char key[KEY_MAX])
{
    snprintf(key, KEY_MAX, "v%u", vendor);
}

/* What belongs to an aggregation, drawn by lot. */
static const char *plan_more(struct scenario *scenario, enum mtr_aggregation aggregation)
{
    static const char *const sums[] = {"", ", keep_events: true", ", spread_over: length"};
    static const char *const reported[] = {"level", "change"}, *const units[] = {"minute", "hour", "day", "period"};
    static const char *const held_from[] = {"moment", "day"}, *const ranks[] = {"95", "99.5", "50", "100"};
    static const char *const windows[] = {"5m", "20m", "1h"};
    if (aggregation == MTR_SUM) return PICK(scenario, sums);
    if (aggregation == MTR_COUNT) return scenario_chance(scenario, 50) ? ", keep_events: true" : "";
    if (aggregation == MTR_TIME_WEIGHTED)
        return scenario_format(scenario, ", reports: %s, per: %s, holds_from: %s", PICK(scenario, reported), PICK(scenario, units),
                               PICK(scenario, held_from));
    if (aggregation == MTR_PERCENTILE) return scenario_format(scenario, ", percentile: %s, window: %s", PICK(scenario, ranks), PICK(scenario, windows));
    return "";
}

/* Masks for a meter whose hours add up, or are priced apart. */
static void put_masks(struct yaml *yaml, const struct planned_meter *meter, const char *scope)
{
    static const char *const chosen[] = {"night", "weekend", "odd", "{not: night}", "{not: odd}"};
    struct scenario *scenario = yaml->scenario;
    const bool adds_up = meter->aggregation == MTR_SUM || meter->aggregation == MTR_COUNT || meter->aggregation == MTR_TIME_WEIGHTED;
    if (!adds_up && strcmp(scope, "hour") != 0) return;
    if (scenario_chance(scenario, 20)) put(yaml, ", when: %s", PICK(scenario, chosen));
    if (strcmp(scope, "level") != 0 && scenario_chance(scenario, 20))
        put(yaml, ", weights: {weekend: '0.%u', night: '1.%u'}", scenario_below(scenario, 10), scenario_below(scenario, 1000));
}

/* A scope that the meter has what it takes for. */
static const char *plan_scope(struct scenario *scenario, const struct planned_meter *meter, bool may_be_level)
{
    static const char *const common[] = {"period", "period", "hour", "day", "term"};
    const bool keeps_events = strstr(meter->more, "keep_events") != NULL;
    if (keeps_events && scenario_chance(scenario, 50)) return "event";
    if (may_be_level && meter->aggregation == MTR_TIME_WEIGHTED && scenario_chance(scenario, 50)) return "level";
    const char *scope = PICK(scenario, common);
    return strcmp(scope, "term") == 0 && strstr(meter->more, "per: period") ? "period" : scope;
}

/* ---- documents ---- */

static void put_meter(struct yaml *yaml, struct planned_meter *meter)
{
    put(yaml, "  - {key: %s, service: s%u, event_type: %s, aggregation: %s, unit: u", meter->key, meter->service, meter->type,
        mtr_aggregation_name(meter->aggregation));
    if (meter->aggregation != MTR_COUNT) put(yaml, ", value: %s", meter->aggregation == MTR_UNIQUE ? "u" : "v");
    if (meter->by_region || meter->by_sku)
        put(yaml, ", group_by: [%s%s%s]", meter->by_region ? "region" : "", meter->by_region && meter->by_sku ? ", " : "",
            meter->by_sku ? "sku" : "");
    if (meter->filtered) put(yaml, ", filter: {tier: [gold, 2]}");
    put(yaml, "%s", meter->more);
    put(yaml, "}\n");
    meter->applied = true;
}

static void put_tiers(struct yaml *yaml, const char *curve)
{
    struct scenario *scenario = yaml->scenario;
    uint32_t tiers = 1 + scenario_below(scenario, 3), bound = 0;
    put(yaml, ", %s: [", curve);
    for (uint32_t i = 0; i < tiers; i++) {
        put(yaml, "%s{unit: '0.%02u'", i ? ", " : "", scenario_below(scenario, 100));
        if (scenario_chance(scenario, 40)) put(yaml, ", flat: '%u.5'", scenario_below(scenario, 5));
        bound += 1 + scenario_below(scenario, 30);
        if (i + 1 < tiers) put(yaml, ", up_to: %u%s", bound, scenario_chance(scenario, 30) ? ".5" : "");
        put(yaml, "}");
    }
    put(yaml, "]");
}

static void put_fee(struct yaml *yaml)
{
    static const char *const prorates[] = {"none", "day", "second"};
    struct scenario *scenario = yaml->scenario;
    put(yaml, ", recurring: {amount: '%u.99', in: %s, prorate: %s}", scenario_below(scenario, 40),
        scenario_chance(scenario, 50) ? "advance" : "arrears", PICK(scenario, prorates));
}

/* The parts around a curve. A commitment stands instead of a minimum, and below every cap. */
static void put_parts(struct yaml *yaml)
{
    static const char *const prorates[] = {"none", "day", "second"};
    struct scenario *scenario = yaml->scenario;
    if (scenario_chance(scenario, 20)) put(yaml, ", convert: {divide: 7, rounding: ceiling, digits: %u}", scenario_below(scenario, 3));
    if (scenario_chance(scenario, 20)) put(yaml, ", discount: {percent: '%u.5'}", scenario_below(scenario, 100));
    if (scenario_chance(scenario, 20)) put(yaml, ", markup: {percent: %u}", scenario_below(scenario, 50));
    if (scenario_chance(scenario, 30)) put(yaml, ", free_units: %u.25", scenario_below(scenario, 10));
    if (scenario_chance(scenario, 25)) put(yaml, ", minimum: '%u', minimum_prorate: %s", scenario_below(scenario, 30), PICK(scenario, prorates));
    else if (scenario_chance(scenario, 25))
        put(yaml, ", commitment: {amount: %u, overage: '1.%u', prorate: %s}", scenario_below(scenario, 30), 1 + scenario_below(scenario, 9),
            PICK(scenario, prorates));
    if (scenario_chance(scenario, 25)) put(yaml, ", cap: '%u'", 30 + scenario_below(scenario, 30));
}

static void put_curve(struct yaml *yaml, uint32_t curve)
{
    struct scenario *scenario = yaml->scenario;
    switch (curve) {
    case 0: put(yaml, ", per_unit: '%s'", scenario_chance(scenario, 50) ? "0.0125" : "1.999"); break;
    case 1: put_tiers(yaml, "graduated"); break;
    case 2: put_tiers(yaml, "volume"); break;
    case 3: put(yaml, ", percentage: {rate: '2.9', fixed: '0.%u'}", scenario_below(scenario, 100)); break;
    case 4: put(yaml, ", stairstep: [{up_to: %u, amount: 5}, {amount: 9}]", 1 + scenario_below(scenario, 30)); break;
    case 5:
        put(yaml, ", blocks: {mode: %s, tiers: [{size: 3, blocks: %u, price: '1.1'}, {size: 10, price: 2}]}",
            scenario_chance(scenario, 50) ? "graduated" : "volume", 1 + scenario_below(scenario, 5));
        break;
    case 6: put(yaml, ", increments: {connect: 1, steps: [{price: '0.1', per: 3, step: 6}, {from: 12, price: '0.1', per: 7}]}"); break;
    default:
        put(yaml, ", package: {size: %u, price: '2.25', rounding: %s}", 1 + scenario_below(scenario, 20),
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
    const bool by_region = meter->by_region && scenario_chance(scenario, 60), by_sku = meter->by_sku && scenario_chance(scenario, 60);
    put(yaml, ", meter: %s, scope: %s", meter->key, scope);
    if (by_region && scenario_chance(scenario, 40)) {
        scenario_seen[SEEN_MATRIX]++;
        put(yaml, ", matrix: [{match: {region: [eu, us]}");
        put_curve(yaml, curve);
        put(yaml, "}, {match: {region: ''%s}", by_sku ? ", sku: [s, 7]" : "");
        put_curve(yaml, other);
        put(yaml, "}, {per_unit: '0.5'}]");
    } else {
        put_curve(yaml, curve);
    }
    const bool adds_up = meter->aggregation == MTR_SUM || meter->aggregation == MTR_COUNT;
    if (adds_up && !is_cost && strcmp(scope, "period") == 0 && scenario_chance(scenario, 30)) put(yaml, ", across: customer");
    put_masks(yaml, meter, scope);
    put_parts(yaml);
    if (by_region || by_sku)
        put(yaml, ", group_by: [%s%s%s]", by_sku ? "sku" : "", by_region && by_sku ? ", " : "", by_region ? "region" : "");
}

/* A plan by the sizes of two meters, and one whose tier the other meter chooses. */
static void put_several_meters(struct yaml *yaml, const char *first, const char *second)
{
    struct scenario *scenario = yaml->scenario;
    put(yaml, "          - {key: plan, capacity: [{up_to: {%s: %u, %s: %u}, amount: 3}, {up_to: {%s: 60, %s: 60}, amount: '7.5'}, {amount: 20}]", first,
        scenario_below(scenario, 20), second, scenario_below(scenario, 20), first, second);
    if (scenario_chance(scenario, 30)) put(yaml, ", discount: {amount: 2}, markup: [{party: p, percent: 3}, {party: q, amount: '0.5'}]");
    put(yaml, "}\n          - {key: ranked, meter: %s, tier_by: %s, volume: [{up_to: %u, unit: 1}, {unit: '1.5', flat: 2}]}\n", first, second,
        1 + scenario_below(scenario, 30));
}

/* Components keep their keys from version to version, so that caps and minimums of one go on in the next. Returns the meter of one of them;
 * NULL: there are only fees. */
static const char *put_components(struct yaml *yaml, uint32_t service, bool is_cost)
{
    struct scenario *scenario = yaml->scenario;
    const struct plan *plan = &scenario->plan;
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
        if (plan->meters[i].service != service || !plan->meters[i].applied || scenario_chance(scenario, 15)) continue;
        last = plan->meters[i].key;
        put(yaml, "          - {key: c-%s", last);
        put_usage_curve(yaml, &plan->meters[i], is_cost);
        put(yaml, "}\n");
    }
    put(yaml, "          - {key: base");
    put_fee(yaml);
    put(yaml, "}\n");
    return last;
}

static void put_override(struct yaml *yaml, const char *kind, const char *key, const char *meter)
{
    struct scenario *scenario = yaml->scenario;
    put(yaml, "          - {%s: %s, %scomponents: [{key: base", kind, key, scenario_chance(scenario, 30) ? "cap: 60, " : "");
    put_fee(yaml);
    put(yaml, "}");
    if (meter) put(yaml, ", {key: c-%s, per_unit: '0.%u', markup: ~}", meter, 1 + scenario_below(scenario, 9));
    put(yaml, "]}\n");
}

/* For a service's customer, and for subscriptions that are there. */
static void put_overrides(struct yaml *yaml, uint32_t service, const char *meter)
{
    struct scenario *scenario = yaml->scenario;
    const struct plan *plan = &scenario->plan;
    bool begun = false;
    if (scenario_chance(scenario, 25)) {
        put(yaml, "        overrides:\n");
        put_override(yaml, "customer", scenario_format(scenario, "c%u", service), meter);
        begun = true;
    }
    for (uint32_t i = 0; i < plan->subscription_count; i++) {
        if (!plan->subscriptions[i].applied || !scenario_chance(scenario, 15)) continue;
        if (!begun) put(yaml, "        overrides:\n");
        put_override(yaml, "subscription", plan->subscriptions[i].key, meter);
        begun = true;
    }
}

static void put_tariff(struct yaml *yaml, struct planned_tariff *tariff)
{
    struct scenario *scenario = yaml->scenario;
    int64_t day = scenario->begin_us / MTR_US_PER_DAY - (scenario_chance(scenario, 90) ? 400 : -10);
    uint32_t versions = 1 + scenario_below(scenario, 3);
    put(yaml, "  - key: %s\n    currency: %s\n    rounding: {mode: %s, place: %s}\n    versions:\n", tariff->key, tariff->currency,
        PICK(scenario, roundings), scenario_chance(scenario, 70) ? "line" : "total");
    for (uint32_t i = 0; i < versions; i++) {
        const bool resets = i && scenario_chance(scenario, 25);
        put(yaml, "      - from: %s%s\n%s", date(scenario, day), i && scenario_chance(scenario, 30) ? "T10:30:00Z" : "",
            resets ? "        reset: true\n" : "");
        put(yaml, "        calendar: {night: {hours: '20:00-07:00'}, weekend: {days: [sat, sun]}, odd: {any: [night, weekend]}}\n        components:\n");
        const char *meter = put_components(yaml, tariff->service, tariff->is_cost);
        put_overrides(yaml, tariff->service, meter);
        if (!tariff->is_cost && scenario_chance(scenario, 20)) {
            const uint32_t least = scenario_below(scenario, 200);
            put(yaml, "        account: {minimum: '%u', cap: '%u'}\n", least, least + scenario_below(scenario, 200));
        }
        /* A close that draws has the period behind it rated again, a draft later: with daily periods that have no end it never rests. */
        if (!tariff->is_cost && scenario->all_end && scenario_chance(scenario, 50))
            put(yaml, "        allowances: [{key: bonus, amount: '%u', rollover: %u}]\n", 1 + scenario_below(scenario, 40), scenario_below(scenario, 3));
        if (scenario_chance(scenario, 25)) put(yaml, "        minimum: '%u'\n", scenario_below(scenario, 60));
        else if (scenario_chance(scenario, 25))
            put(yaml, "        commitment: {amount: %u, overage: '0.%u', prorate: second}\n", scenario_below(scenario, 60), scenario_below(scenario, 10));
        if (day < scenario->begin_us / MTR_US_PER_DAY) day = scenario->begin_us / MTR_US_PER_DAY;
        day += 2 + scenario_below(scenario, 40);
    }
}

static void put_subscription(struct yaml *yaml, struct planned_subscription *subscription)
{
    struct scenario *scenario = yaml->scenario;
    put(yaml, "  - {key: %s, service: s%u, subject: %s, customer: c%u, tariff: %s, zone: %s, billing: {every: %s, anchor: %s}, start: %s%s",
        subscription->key, subscription->service, subscription->subject, subscription->service,
        scenario->plan.tariffs[subscription->tariff].key, subscription->zone, subscription->every, subscription->anchor,
        date(scenario, subscription->start_day), subscription->start_clock);
    if (subscription->trial_day && subscription->trial_tariff == TARIFFS_MAX && !subscription->trial_stops) {
        put(yaml, ", trial_end: %s", date(scenario, subscription->trial_day));
    } else if (subscription->trial_day) {
        put(yaml, ", trial: {end: %s, then: %s", date(scenario, subscription->trial_day), subscription->trial_stops ? "stop" : "convert");
        if (subscription->trial_tariff < TARIFFS_MAX) put(yaml, ", tariff: %s", scenario->plan.tariffs[subscription->trial_tariff].key);
        put(yaml, "}");
    }
    if (subscription->cost_tariff < TARIFFS_MAX) put(yaml, ", cost_tariff: %s", scenario->plan.tariffs[subscription->cost_tariff].key);
    if (subscription->end_day)
        put(yaml, ", end: %s%s", date(scenario, subscription->end_day), scenario_chance(scenario, 30) ? "T13:20:00Z" : "");
    put(yaml, "}\n");
    subscription->applied = true;
}

/* Of the customer of a service; again and again with another amount or end. */
static void put_credit(struct yaml *yaml, uint32_t service)
{
    struct scenario *scenario = yaml->scenario;
    const struct plan *plan = &scenario->plan;
    const int64_t day = scenario->begin_us / MTR_US_PER_DAY - 40;
    uint32_t tariff = 0;
    while (plan->tariffs[tariff].service != service) tariff++;
    put(yaml, "credits:\n  - {key: topup%u, customer: c%u, amount: '%u', currency: %s, from: %s", service, service, 1 + scenario_below(scenario, 400),
        plan->tariffs[tariff].currency, date(scenario, day));
    if (scenario_chance(scenario, 50)) put(yaml, ", expires: %s", date(scenario, day + 20 + scenario_below(scenario, 60)));
    put(yaml, "}\n");
}

static void put_destination(struct yaml *yaml, uint32_t number)
{
    put(yaml, "destinations:\n  - {key: d%u, kind: http, url: 'http://127.0.0.1/', batch_max: %u, drafts: %s}\n", number,
        1 + scenario_below(yaml->scenario, 20), number == 0 ? "true" : "false");
}

/* ---- plan ---- */

static void plan_meters(struct scenario *scenario)
{
    struct plan *plan = &scenario->plan;
    for (uint32_t service = 0; service < plan->service_count; service++) {
        uint32_t count = 2 + scenario_below(scenario, 3);
        for (uint32_t i = 0; i < count && plan->meter_count < METERS_MAX; i++) {
            struct planned_meter *meter = &plan->meters[plan->meter_count];
            *meter = (struct planned_meter){.service = service,
                                            .aggregation = (enum mtr_aggregation)scenario_below(scenario, MTR_AGGREGATION_COUNT),
                                            .by_region = scenario_chance(scenario, 50),
                                            .by_sku = scenario_chance(scenario, 30),
                                            .filtered = scenario_chance(scenario, 20)};
            meter->more = plan_more(scenario, meter->aggregation);
            snprintf(meter->key, KEY_MAX, "m%u", plan->meter_count++);
            snprintf(meter->type, KEY_MAX, "%s", PICK(scenario, types));
        }
    }
}

static const char *plan_anchor(struct scenario *scenario, const char *every)
{
    if (scenario_chance(scenario, 40)) return "calendar";
    if (strcmp(every, "month") == 0 && scenario_chance(scenario, 50)) return "2018-01-31";
    return "anniversary";
}

/* A tariff of the service, or none. */
static uint32_t plan_tariff(struct scenario *scenario, uint32_t service, uint32_t percent)
{
    const struct plan *plan = &scenario->plan;
    uint32_t tariff = scenario_below(scenario, plan->tariff_count);
    return scenario_chance(scenario, percent) && plan->tariffs[tariff].service == service ? tariff : TARIFFS_MAX;
}

/* While documents are planned any tariff may become one of costs; later only those that were made as such. */
static uint32_t plan_cost(struct scenario *scenario, uint32_t service, bool is_first)
{
    struct plan *plan = &scenario->plan;
    const uint32_t tariff = plan_tariff(scenario, service, 60);
    if (tariff < TARIFFS_MAX && is_first) plan->tariffs[tariff].is_cost = true;
    return tariff < TARIFFS_MAX && plan->tariffs[tariff].is_cost ? tariff : TARIFFS_MAX;
}

static void plan_trial(struct scenario *scenario, struct planned_subscription *subscription)
{
    subscription->trial_day = subscription->start_day + 2 + scenario_below(scenario, 20);
    subscription->trial_tariff = plan_tariff(scenario, subscription->service, 60);
    subscription->trial_stops = scenario_chance(scenario, 15);
}

static void plan_subscription(struct scenario *scenario, uint32_t index)
{
    static const char *const every[] = {"month", "month", "week", "day"};
    struct plan *plan = &scenario->plan;
    struct planned_subscription *subscription = &plan->subscriptions[index];
    uint32_t service = scenario_below(scenario, plan->service_count);
    int64_t day = scenario->begin_us / MTR_US_PER_DAY;
    *subscription = (struct planned_subscription){.trial_tariff = TARIFFS_MAX, .service = service, .zone = PICK(scenario, zones), .every = PICK(scenario, every)};
    subscription->anchor = plan_anchor(scenario, subscription->every);
    do subscription->tariff = scenario_below(scenario, plan->tariff_count);
    while (plan->tariffs[subscription->tariff].service != service);
    subscription->start_day = day - 30 + scenario_below(scenario, 45);
    subscription->start_clock = scenario_chance(scenario, 60) ? "" : scenario_chance(scenario, 50) ? "T00:20:00Z" : "T09:45:30Z";
    if (scenario_chance(scenario, 30)) plan_trial(scenario, subscription);
    subscription->cost_tariff = plan_cost(scenario, service, true);
    if (scenario_chance(scenario, 30)) subscription->end_day = subscription->start_day + 15 + scenario_below(scenario, 60);
    snprintf(subscription->key, KEY_MAX, "sub%u", index);
    snprintf(subscription->subject, KEY_MAX, "sub%u", index);
    /* A subject belongs to its vendor: others may have the same. */
    if (index && scenario_chance(scenario, 20)) {
        bool is_taken = false;
        const char *shared = plan->subscriptions[0].subject;
        for (uint32_t i = 0; i < index; i++)
            is_taken |= strcmp(plan->subscriptions[i].subject, shared) == 0 &&
                        plan->service_vendors[plan->subscriptions[i].service] == plan->service_vendors[service];
        if (!is_taken) snprintf(subscription->subject, KEY_MAX, "%s", shared);
    }
}

void scenario_catalog_plan(struct scenario *scenario)
{
    struct plan *plan = &scenario->plan;
    plan->vendor_count = 2 + scenario_below(scenario, VENDORS_MAX - 1);
    plan->service_count = plan->vendor_count + scenario_below(scenario, SERVICES_MAX - plan->vendor_count + 1);
    for (uint32_t i = 0; i < plan->service_count; i++) plan->service_vendors[i] = i % plan->vendor_count;
    plan_meters(scenario);
    plan->tariff_count = plan->service_count + scenario_below(scenario, TARIFFS_MAX - plan->service_count + 1);
    for (uint32_t i = 0; i < plan->tariff_count; i++) {
        uint32_t service = i % plan->service_count; /* one currency: a subscription may change its tariff, but not what it is charged in */
        plan->tariffs[i] = (struct planned_tariff){
            .service = service, .currency = i == service ? PICK(scenario, currencies) : plan->tariffs[service].currency};
        snprintf(plan->tariffs[i].key, KEY_MAX, "t%u", i);
    }
    plan->subscription_count = 4 + scenario_below(scenario, SUBSCRIPTIONS_MAX - 3);
    for (uint32_t i = 0; i < plan->subscription_count; i++) plan_subscription(scenario, i);
}

/* ---- apply ---- */

void scenario_catalog_apply_first(struct scenario *scenario)
{
    struct plan *plan = &scenario->plan;
    struct yaml yaml;
    char key[KEY_MAX];
    begin(scenario, &yaml);
    put(&yaml, "vendors:\n");
    for (uint32_t i = 0; i < plan->vendor_count; i++) {
        scenario_vendor_key(i, key);
        put(&yaml, "  - {key: %s}\n", key);
    }
    put(&yaml, "services:\n");
    for (uint32_t i = 0; i < plan->service_count; i++) put(&yaml, "  - {key: s%u, vendor: v%u}\n", i, plan->service_vendors[i]);
    put(&yaml, "meters:\n");
    for (uint32_t i = 0; i < plan->meter_count; i++)
        if (scenario_chance(scenario, 60)) put_meter(&yaml, &plan->meters[i]);
    put(&yaml, "tariffs:\n");
    for (uint32_t i = 0; i < plan->tariff_count; i++) put_tariff(&yaml, &plan->tariffs[i]);
    put(&yaml, "subscriptions:\n");
    for (uint32_t i = 0; i < plan->subscription_count; i++)
        if (scenario_chance(scenario, 60)) put_subscription(&yaml, &plan->subscriptions[i]);
    put_destination(&yaml, 0);
    plan->destinations_applied = 1;
    apply(&yaml);
}

static void rewrite_tariff(struct scenario *scenario)
{
    struct yaml yaml;
    struct planned_tariff *tariff = &scenario->plan.tariffs[scenario_below(scenario, scenario->plan.tariff_count)];
    begin(scenario, &yaml);
    put(&yaml, "tariffs:\n");
    put_tariff(&yaml, tariff);
    apply(&yaml);
}

static void alter_subscription(struct scenario *scenario)
{
    struct plan *plan = &scenario->plan;
    struct yaml yaml;
    struct planned_subscription *subscription = &plan->subscriptions[scenario_below(scenario, plan->subscription_count)];
    int64_t today = scenario->now_us / MTR_US_PER_DAY;
    uint32_t tariff = scenario_below(scenario, plan->tariff_count);
    switch (scenario_below(scenario, 7)) {
    case 0: subscription->start_day += (int64_t)scenario_below(scenario, 9) - 4; break;
    case 1: subscription->end_day = 0; break;
    case 2: subscription->end_day = today + (int64_t)scenario_below(scenario, 12) - 5; break;
    case 3: plan_trial(scenario, subscription); break;
    case 5: subscription->cost_tariff = plan_cost(scenario, subscription->service, false); break;
    case 4: subscription->anchor = plan_anchor(scenario, subscription->every); break;
    default:
        if (plan->tariffs[tariff].service == subscription->service) subscription->tariff = tariff;
        break;
    }
    if (subscription->end_day && subscription->end_day < subscription->start_day + 2) subscription->end_day = subscription->start_day + 2;
    if (subscription->trial_day && subscription->trial_day < subscription->start_day + 2) subscription->trial_day = 0;
    begin(scenario, &yaml);
    put(&yaml, "subscriptions:\n");
    put_subscription(&yaml, subscription);
    apply(&yaml);
}

static void apply_meter(struct scenario *scenario, struct planned_meter *meter)
{
    struct yaml yaml;
    if (meter->applied) return;
    begin(scenario, &yaml);
    put(&yaml, "meters:\n");
    put_meter(&yaml, meter);
    apply(&yaml);
}

static void apply_subscription(struct scenario *scenario, struct planned_subscription *subscription)
{
    struct yaml yaml;
    if (subscription->applied) return;
    begin(scenario, &yaml);
    put(&yaml, "subscriptions:\n");
    put_subscription(&yaml, subscription);
    apply(&yaml);
}

static void apply_destination(struct scenario *scenario)
{
    struct yaml yaml;
    if (scenario->plan.destinations_applied == DESTINATIONS_MAX) return;
    begin(scenario, &yaml);
    put_destination(&yaml, scenario->plan.destinations_applied++);
    apply(&yaml);
}

static void apply_credit(struct scenario *scenario)
{
    struct yaml yaml;
    begin(scenario, &yaml);
    put_credit(&yaml, scenario_below(scenario, scenario->plan.service_count));
    apply(&yaml);
}

void scenario_catalog_change(struct scenario *scenario)
{
    struct plan *plan = &scenario->plan;
    switch (scenario_below(scenario, 9)) {
    case 0:
    case 1: apply_meter(scenario, &plan->meters[scenario_below(scenario, plan->meter_count)]); break;
    case 2:
    case 3: apply_subscription(scenario, &plan->subscriptions[scenario_below(scenario, plan->subscription_count)]); break;
    case 4:
    case 5: rewrite_tariff(scenario); break;
    case 6: alter_subscription(scenario); break;
    case 7:
        if (scenario->all_end) apply_credit(scenario);
        break;
    default: apply_destination(scenario); break;
    }
}

void scenario_catalog_apply_rest(struct scenario *scenario)
{
    struct plan *plan = &scenario->plan;
    struct yaml yaml;
    for (uint32_t i = 0; i < plan->meter_count; i++) apply_meter(scenario, &plan->meters[i]);
    for (uint32_t i = 0; i < plan->subscription_count; i++) apply_subscription(scenario, &plan->subscriptions[i]);
    while (plan->destinations_applied < DESTINATIONS_MAX) apply_destination(scenario);
    if (!scenario->all_end) return;
    begin(scenario, &yaml);
    put(&yaml, "subscriptions:\n");
    for (uint32_t i = 0; i < plan->subscription_count; i++) {
        struct planned_subscription *subscription = &plan->subscriptions[i];
        int64_t today = scenario->now_us / MTR_US_PER_DAY;
        if (!subscription->end_day) subscription->end_day = (today > subscription->start_day ? today : subscription->start_day) + 2;
        put_subscription(&yaml, subscription);
    }
    apply(&yaml);
}
