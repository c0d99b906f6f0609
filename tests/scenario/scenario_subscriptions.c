/*
 * The documents of subscriptions: what is planned of each, with an opening and the clock of its end drawn by
 * lot.
 */
#include "scenario/scenario_documents.h"

static void put_changes(struct yaml *yaml, const struct planned_subscription *subscription)
{
    struct scenario *scenario = yaml->scenario;
    for (uint32_t i = 0; i < subscription->change_count; i++) {
        const struct planned_change *change = &subscription->changes[i];
        yaml_put(yaml, "%s{from: %s%s", i ? ", " : ", changes: [", yaml_date(scenario, change->day),
                 change->clock);
        if (change->tariff < TARIFFS_MAX)
            yaml_put(yaml, ", tariff: %s", scenario->plan.tariffs[change->tariff].key);
        if (change->customer) yaml_put(yaml, ", customer: d%u", i);
        if (change->anchor)
            yaml_put(yaml, ", billing: {every: %s, anchor: %s}", subscription->every, change->anchor);
        yaml_put(yaml, "}");
    }
    if (subscription->change_count) yaml_put(yaml, "]");
}

/* Levels and counters of meters that are there. */
static const char *draw_opening(struct scenario *scenario, uint32_t service)
{
    static const char *const values[] = {"0", "3", "12.5", "0.000000000001", "40"};
    static const char *const regions[] = {"", "region: eu", "region: '7'"}, *const skus[] = {"", "sku: s"};
    const struct plan *plan = &scenario->plan;
    const char *all = "";
    for (uint32_t i = 0; i < plan->meter_count; i++) {
        const struct planned_meter *meter = &plan->meters[i];
        const bool opens = meter->aggregation == MTR_TIME_WEIGHTED || meter->aggregation == MTR_COUNTER_INCREASE;
        if (meter->service != service || !meter->applied || !opens || scenario_chance(scenario, 40)) continue;
        const char *region = meter->by_region ? PICK(scenario, regions) : "",
                   *sku = meter->by_sku ? PICK(scenario, skus) : "";
        all = scenario_format(scenario, "%s%s{meter: %s, value: '%s', dimensions: {%s%s%s}}", all,
                              *all ? ", " : "", meter->key, PICK(scenario, values), region,
                              *region && *sku ? ", " : "", sku);
    }
    return all;
}

/* Tariffs that it names may price from then on. */
static void note_named(struct plan *plan, const struct planned_subscription *subscription)
{
    plan->tariffs[subscription->tariff].was_named = true;
    if (subscription->cost_tariff < TARIFFS_MAX) plan->tariffs[subscription->cost_tariff].was_named = true;
    if (subscription->trial_day && subscription->trial_tariff < TARIFFS_MAX)
        plan->tariffs[subscription->trial_tariff].was_named = true;
    for (uint32_t i = 0; i < subscription->change_count; i++)
        if (subscription->changes[i].tariff < TARIFFS_MAX)
            plan->tariffs[subscription->changes[i].tariff].was_named = true;
}

void yaml_put_subscription(struct yaml *yaml, struct planned_subscription *subscription)
{
    struct scenario *scenario = yaml->scenario;
    if (!subscription->opening) subscription->opening = draw_opening(scenario, subscription->service);
    yaml_put(
        yaml,
        "  - {key: %s, service: s%u, subject: %s, customer: c%u, tariff: %s, zone: %s, billing: {every: %s, anchor: %s}, start: %s%s",
        subscription->key, subscription->service, subscription->subject, subscription->service,
        scenario->plan.tariffs[subscription->tariff].key, subscription->zone, subscription->every,
        subscription->anchor, yaml_date(scenario, subscription->start_day), subscription->start_clock);
    yaml_put_trial(yaml, subscription);
    if (subscription->cost_tariff < TARIFFS_MAX)
        yaml_put(yaml, ", cost_tariff: %s", scenario->plan.tariffs[subscription->cost_tariff].key);
    if (subscription->end_day)
        yaml_put(yaml, ", end: %s%s", yaml_date(scenario, subscription->end_day),
                 scenario_chance(scenario, 40) ? scenario_clock(scenario) : "");
    put_changes(yaml, subscription);
    if (*subscription->opening) yaml_put(yaml, ", opening: [%s]", subscription->opening);
    yaml_put(yaml, "}\n");
    subscription->applied = true;
    note_named(&scenario->plan, subscription);
}
