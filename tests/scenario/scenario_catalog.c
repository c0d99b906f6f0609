/*
 * The catalog of a run: planned whole from the seed, applied in part, and changed while usage flows.
 *
 * Vendors share event types and subjects. Meters cover every aggregation, several of one type; some come
 * late, when their type has been counted by others already; they are retired, and deleted while nothing was
 * made of them. Tariffs have up to three versions, the later ones
 * inside the run, with overrides; they are rewritten, subscriptions get other tariffs, starts, ends, trials
 * (with a tariff, too) and cost tariffs. Fields that define the fold never change, nor does a subscription's
 * currency.
 */
#include "scenario/scenario_documents.h"

static const char *const types[] = {"cpu", "disk", "call"};
static const char *const zones[] = {"UTC", "Asia/Kolkata", "America/Sao_Paulo", "Australia/Lord_Howe",
                                    "Europe/Berlin"};
/* The refusal of a trial that frees units of a component that is not there. */
#define TRIAL_OF_NOTHING "quantity: tariff `"
static const char *const currencies[] = {"EUR", "USD", "JPY", "KWD"};

/* ---- plan ---- */

void scenario_vendor_key(uint32_t vendor, char key[KEY_MAX])
{
    snprintf(key, KEY_MAX, "v%u", vendor);
}

struct mtr_str scenario_name_of(struct scenario *scenario, const struct mtr_service *service, struct mtr_str key)
{
    if (!scenario->plan.shares_keys) return key;
    return mtr_str_from(
        scenario_format(scenario, "%.*s/%.*s", MTR_STR_ARGS(service->key), MTR_STR_ARGS(key)));
}

/* What belongs to an aggregation, drawn by lot. */
static const char *plan_more(struct scenario *scenario, enum mtr_aggregation aggregation)
{
    static const char *const sums[] = {"", ", keep_events: true", ", spread_over: length",
                                       ", factor: 0.125, min: -2", ", max: 33"};
    static const char *const reported[] = {"level", "change"}, *const units[] = {"minute", "hour", "day",
                                                                                 "period"};
    static const char *const held_from[] = {"moment", "day"}, *const ranks[] = {"95", "95", "99.5", "50", "100"};
    static const char *const windows[] = {"5m", "20m", "1h", "1h"};
    if (aggregation == MTR_SUM) return PICK(scenario, sums);
    if (aggregation == MTR_COUNT) return scenario_chance(scenario, 50) ? ", keep_events: true" : "";
    if (aggregation == MTR_TIME_WEIGHTED)
        return scenario_format(scenario, ", reports: %s, per: %s, holds_from: %s", PICK(scenario, reported),
                               PICK(scenario, units), PICK(scenario, held_from));
    if (aggregation == MTR_PERCENTILE)
        return scenario_format(scenario, ", percentile: %s, window: %s", PICK(scenario, ranks),
                               PICK(scenario, windows));
    return "";
}

static const char *plan_cell(struct scenario *scenario, enum mtr_aggregation aggregation)
{
    static const char *const cells[] = {"", "", ", cell: hour", ", cell: 30m", ", cell: 15m"};
    return mtr_aggregation_adds_up(aggregation) ? PICK(scenario, cells) : "";
}

/* Somewhere in the run, or before it; a date now and then. */
static const char *plan_retired(struct scenario *scenario)
{
    static const char *const times[] = {"", "T00:29:59Z", "T12:00:00Z", "T18:17:06Z"};
    int32_t year;
    unsigned month, day;
    if (!scenario_chance(scenario, 20)) return "";
    mtr_civil_from_days(scenario->begin_us / MTR_US_PER_DAY - 3 + scenario_below(scenario, 25), &year, &month,
                        &day);
    return scenario_format(scenario, ", retired: '%04d-%02u-%02u%s'", year, month, day, PICK(scenario, times));
}

void scenario_plan_meter(struct scenario *scenario, struct planned_meter *meter)
{
    static const char *const filters[] = {"{tier: [gold, 2]}",
                                          "{tier: {not: [silver]}}",
                                          "{v: {gt: 0.25, lte: 12.125}}",
                                          "{v: {gte: '0.5'}, sku: {in: [s]}, tier: {not: gold}}",
                                          "{length: {lt: 3600, not: [60]}, region: {not: [eu, 7]}}"};
    meter->aggregation = (enum mtr_aggregation)scenario_below(scenario, MTR_AGGREGATION_COUNT);
    if (scenario_chance(scenario, 10)) meter->aggregation = MTR_PERCENTILE; /* it seldom falls */
    meter->by_region = scenario_chance(scenario, 50);
    meter->by_sku = scenario_chance(scenario, 30);
    meter->filter = scenario_chance(scenario, 35) ? PICK(scenario, filters) : NULL;
    meter->wants_values = scenario_chance(scenario, 30);
    meter->more = plan_more(scenario, meter->aggregation);
    meter->cell = plan_cell(scenario, meter->aggregation);
    meter->retired = plan_retired(scenario);
    meter->values_max = (meter->by_region || meter->by_sku) && scenario_chance(scenario, 50)
                            ? 1 + scenario_below(scenario, 3)
                            : 0;
    const bool is_rare = meter == &scenario->plan.spare && scenario_chance(scenario, 60);
    snprintf(meter->type, KEY_MAX, "%s", is_rare ? "never-sent" : PICK(scenario, types));
}

static void plan_meters(struct scenario *scenario)
{
    struct plan *plan = &scenario->plan;
    for (uint32_t service = 0; service < plan->service_count; service++) {
        uint32_t count = 2 + scenario_below(scenario, 3);
        for (uint32_t i = 0; i < count && plan->meter_count < METERS_MAX; i++) {
            struct planned_meter *meter = &plan->meters[plan->meter_count];
            *meter = (struct planned_meter){.service = service};
            scenario_plan_meter(scenario, meter);
            snprintf(meter->key, KEY_MAX, "m%u", plan->shares_keys ? i : plan->meter_count);
            plan->meter_count++;
        }
    }
    plan->spare = (struct planned_meter){.service = scenario_below(scenario, plan->service_count)};
    snprintf(plan->spare.key, KEY_MAX, "spare");
    scenario_plan_meter(scenario, &plan->spare);
}

static const char *plan_anchor(struct scenario *scenario, const char *every)
{
    if (scenario_chance(scenario, 40)) return "calendar";
    if (strcmp(every, "month") == 0 && scenario_chance(scenario, 50)) return "2018-01-31";
    return "anniversary";
}

uint32_t scenario_plan_tariff(struct scenario *scenario, uint32_t service, uint32_t percent)
{
    const struct plan *plan = &scenario->plan;
    uint32_t tariff = scenario_below(scenario, plan->tariff_count);
    return scenario_chance(scenario, percent) && plan->tariffs[tariff].service == service ? tariff
                                                                                          : TARIFFS_MAX;
}

/* While documents are planned any tariff may become one of costs; later only those that were made as such. */
static uint32_t plan_cost(struct scenario *scenario, uint32_t service, bool is_first)
{
    struct plan *plan = &scenario->plan;
    const uint32_t tariff = scenario_plan_tariff(scenario, service, 60);
    if (tariff < TARIFFS_MAX && is_first) plan->tariffs[tariff].is_cost = true;
    return tariff < TARIFFS_MAX && plan->tariffs[tariff].is_cost ? tariff : TARIFFS_MAX;
}

/* In the first second of that local day, so many µs into it. */
static void put_into_second(struct scenario *scenario, const char *zone_name, uint32_t into_us,
                            struct planned_change *change)
{
    struct mtr_zone *zone = NULL;
    CHECK_OK(scenario, mtr_zone_open(mtr_str_from(zone_name), &zone));
    change->second_us = mtr_zone_midnight(zone, change->day);
    mtr_zone_close(zone);
    const int offset = (int)((change->day * MTR_US_PER_DAY - change->second_us) / (60 * MTR_US_PER_SECOND));
    const int minutes = offset < 0 ? -offset : offset;
    change->clock = scenario_format(scenario, "T00:00:00.%06u%c%02d:%02d", into_us, offset < 0 ? '-' : '+',
                                    minutes / 60, minutes % 60);
}

/* The day, or the first of the month behind it, where many billing periods begin. */
static int64_t first_of_month(int64_t day)
{
    int32_t year;
    unsigned month, of_month;
    mtr_civil_from_days(day, &year, &month, &of_month);
    return day + mtr_days_in_month(year, month) + 1 - of_month;
}

/* Up to that many, from a few days behind the start on. Some begin in the first second of a day, in which many a
 * billing period begins, and some in that of the change before. */
static void plan_changes(struct scenario *scenario, struct planned_subscription *subscription)
{
    static const char *const instants[] = {"", "T12:00:00Z", "T09:45:30Z"};
    static const uint32_t fractions[] = {1, 250000, 500000, 999998};
    int64_t day = subscription->start_day + 2;
    uint32_t into_us = 0; /* of the change before, in the first second of its day; 0: it is not there */
    subscription->change_count = 0;
    while (subscription->change_count < CHANGES_MAX && scenario_chance(scenario, 60)) {
        struct planned_change *change = &subscription->changes[subscription->change_count++];
        const bool is_beside = into_us && scenario_chance(scenario, 50);
        if (!is_beside) {
            day += 1 + scenario_below(scenario, 25);
            if (scenario_chance(scenario, 30)) day = first_of_month(day);
            into_us = scenario_chance(scenario, 50) ? PICK(scenario, fractions) : 0;
        }
        *change = (struct planned_change){.day = day,
                                          .clock = PICK(scenario, instants),
                                          .tariff = scenario_plan_tariff(scenario, subscription->service, 70)};
        if (is_beside) into_us += 1 + scenario_below(scenario, 2) * scenario_below(scenario, 400000);
        if (into_us >= MTR_US_PER_SECOND) into_us = 0;
        if (is_beside && !into_us) change->day = ++day;
        if (into_us) put_into_second(scenario, subscription->zone, into_us, change);
        if (scenario_chance(scenario, 30)) change->anchor = plan_anchor(scenario, subscription->every);
        change->customer =
            scenario_chance(scenario, 40) || (change->tariff == TARIFFS_MAX && !change->anchor);
    }
}

/* The account of an earlier one comes again, some days behind its end. */
static void plan_again(struct scenario *scenario, struct planned_subscription *subscription, uint32_t index)
{
    struct planned_subscription *before = &scenario->plan.subscriptions[scenario_below(scenario, index)];
    if (before->service != subscription->service || before->shares_subject) return;
    if (!before->end_day) before->end_day = before->start_day + 5 + scenario_below(scenario, 25);
    before->shares_subject = subscription->shares_subject = true;
    snprintf(subscription->subject, KEY_MAX, "%s", before->subject);
    subscription->start_day = before->end_day + 2 + scenario_below(scenario, 5);
    subscription->trial_day = subscription->end_day = 0;
    subscription->change_count = 0;
}

static void plan_subscription(struct scenario *scenario, uint32_t index)
{
    static const char *const every[] = {"month", "month", "week", "day"};
    struct plan *plan = &scenario->plan;
    struct planned_subscription *subscription = &plan->subscriptions[index];
    uint32_t service = scenario_below(scenario, plan->service_count);
    int64_t day = scenario->begin_us / MTR_US_PER_DAY;
    *subscription = (struct planned_subscription){.trial_tariff = TARIFFS_MAX,
                                                  .service = service,
                                                  .zone = PICK(scenario, zones),
                                                  .every = PICK(scenario, every)};
    subscription->anchor = plan_anchor(scenario, subscription->every);
    do subscription->tariff = scenario_below(scenario, plan->tariff_count);
    while (plan->tariffs[subscription->tariff].service != service);
    subscription->start_day = day - 30 + scenario_below(scenario, 45);
    subscription->start_clock = scenario_chance(scenario, 60) ? "" : scenario_clock(scenario);
    if (scenario_chance(scenario, 30)) scenario_trial_plan(scenario, subscription);
    subscription->cost_tariff = plan_cost(scenario, service, true);
    if (scenario_chance(scenario, 30))
        subscription->end_day = subscription->start_day + 15 + scenario_below(scenario, 60);
    if (scenario_chance(scenario, 40)) plan_changes(scenario, subscription);
    snprintf(subscription->key, KEY_MAX, "sub%u", index);
    snprintf(subscription->subject, KEY_MAX, "sub%u", index);
    if (index && scenario_chance(scenario, 30)) plan_again(scenario, subscription, index);
    /* A subject belongs to its vendor: others may have the same. */
    if (index && !subscription->shares_subject && !plan->subscriptions[0].shares_subject &&
        scenario_chance(scenario, 20)) {
        bool is_taken = false;
        const char *shared = plan->subscriptions[0].subject;
        for (uint32_t i = 0; i < index; i++)
            is_taken |=
                strcmp(plan->subscriptions[i].subject, shared) == 0 &&
                plan->service_vendors[plan->subscriptions[i].service] == plan->service_vendors[service];
        if (!is_taken) snprintf(subscription->subject, KEY_MAX, "%s", shared);
    }
}

void scenario_catalog_plan(struct scenario *scenario)
{
    struct plan *plan = &scenario->plan;
    plan->vendor_count = 2 + scenario_below(scenario, VENDORS_MAX - 1);
    plan->service_count =
        plan->vendor_count + scenario_below(scenario, SERVICES_MAX - plan->vendor_count + 1);
    for (uint32_t i = 0; i < plan->service_count; i++) plan->service_vendors[i] = i % plan->vendor_count;
    plan->late_service = plan->service_count - 1;
    plan->shares_keys = scenario_chance(scenario, 50);
    scenario_seen[SEEN_SAME_KEYS] += plan->shares_keys;
    plan_meters(scenario);
    plan->tariff_count =
        plan->service_count + scenario_below(scenario, TARIFFS_MAX - plan->service_count + 1);
    for (uint32_t i = 0; i < plan->tariff_count; i++) {
        /* one currency: a subscription may change its tariff, but not what it is charged in */
        uint32_t service = i % plan->service_count;
        plan->tariffs[i] = (struct planned_tariff){
            .service = service,
            .currency = i == service ? PICK(scenario, currencies) : plan->tariffs[service].currency};
        snprintf(plan->tariffs[i].key, KEY_MAX, "t%u", plan->shares_keys ? i / plan->service_count : i);
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
    yaml_begin(scenario, &yaml);
    yaml_put(&yaml, "vendors:\n");
    for (uint32_t i = 0; i < plan->vendor_count; i++) {
        scenario_vendor_key(i, key);
        yaml_put(&yaml, "  - {key: %s}\n", key);
    }
    yaml_put(&yaml, "services:\n");
    for (uint32_t i = 0; i < plan->service_count; i++)
        if (i != plan->late_service) yaml_put_service(&yaml, i);
    yaml_put(&yaml, "meters:\n");
    for (uint32_t i = 0; i < plan->meter_count; i++)
        if (plan->meters[i].service != plan->late_service && scenario_chance(scenario, 60))
            yaml_put_meter(&yaml, &plan->meters[i]);
    yaml_put(&yaml, "tariffs:\n");
    for (uint32_t i = 0; i < plan->tariff_count; i++)
        if (plan->tariffs[i].service != plan->late_service) yaml_put_tariff(&yaml, &plan->tariffs[i]);
    yaml_put(&yaml, "subscriptions:\n");
    for (uint32_t i = 0; i < plan->subscription_count; i++)
        if (plan->subscriptions[i].service != plan->late_service && scenario_chance(scenario, 60))
            yaml_put_subscription(&yaml, &plan->subscriptions[i]);
    yaml_put_destination(&yaml, 0);
    plan->destinations_applied = 1;
    yaml_apply(&yaml);
    scenario_life_check(scenario);
}

void scenario_rewrite_tariff(struct scenario *scenario, struct planned_tariff *tariff)
{
    struct yaml yaml;
    scenario_ensure_service(scenario, tariff->service);
    const struct planned_tariff before = *tariff;
    yaml_begin(scenario, &yaml);
    yaml.refusal = TRIAL_OF_NOTHING;
    yaml_put(&yaml, "tariffs:\n");
    yaml_put_tariff(&yaml, tariff);
    if (yaml_try(&yaml)) return;
    scenario_seen[SEEN_TRIAL_KEPT]++;
    *tariff = before;
}

/* It is as it was where it may not be so: its trial frees units of what its tariff does not price. */
static void apply_altered(struct scenario *scenario, struct planned_subscription *subscription,
                          const struct planned_subscription *before)
{
    struct yaml yaml;
    struct planned_tariff tariffs[TARIFFS_MAX];
    if (subscription->end_day && subscription->end_day < subscription->start_day + 2)
        subscription->end_day = subscription->start_day + 2;
    if (subscription->trial_day && subscription->trial_day < subscription->start_day + 2)
        subscription->trial_day = 0;
    if (subscription->change_count && subscription->changes[0].day < subscription->start_day + 2)
        subscription->change_count = 0;
    scenario_ensure_named(scenario, subscription);
    memcpy(tariffs, scenario->plan.tariffs, sizeof(tariffs)); /* none was named by what is refused */
    yaml_begin(scenario, &yaml);
    yaml.refusal = TRIAL_OF_NOTHING;
    yaml_put(&yaml, "subscriptions:\n");
    yaml_put_subscription(&yaml, subscription);
    if (yaml_try(&yaml)) return;
    scenario_seen[SEEN_TRIAL_KEPT]++;
    *subscription = *before;
    memcpy(scenario->plan.tariffs, tariffs, sizeof(tariffs));
}

/* Of one that has, or had, or will have it. */
static void alter_trial(struct scenario *scenario)
{
    struct plan *plan = &scenario->plan;
    struct planned_subscription *subscription =
        &plan->subscriptions[scenario_below(scenario, plan->subscription_count)];
    for (int tries = 0; tries < 10 && (!subscription->applied || !subscription->trial_day); tries++)
        subscription = &plan->subscriptions[scenario_below(scenario, plan->subscription_count)];
    const struct planned_subscription before = *subscription;
    scenario_trial_alter(scenario, subscription);
    apply_altered(scenario, subscription, &before);
}

static void alter_subscription(struct scenario *scenario)
{
    struct plan *plan = &scenario->plan;
    struct planned_subscription *subscription =
        &plan->subscriptions[scenario_below(scenario, plan->subscription_count)];
    const struct planned_subscription before = *subscription;
    int64_t today = scenario->now_us / MTR_US_PER_DAY;
    uint32_t tariff = scenario_below(scenario, plan->tariff_count);
    const uint32_t dice = scenario_below(scenario, 9);
    switch (subscription->shares_subject && dice < 3 ? 8 : dice) {
    case 7: plan_changes(scenario, subscription); break;
    case 0: subscription->start_day += (int64_t)scenario_below(scenario, 9) - 4; break;
    case 1: subscription->end_day = 0; break;
    case 2: subscription->end_day = today + (int64_t)scenario_below(scenario, 12) - 5; break;
    case 3: scenario_trial_alter(scenario, subscription); break;
    case 5: subscription->cost_tariff = plan_cost(scenario, subscription->service, false); break;
    case 4: subscription->anchor = plan_anchor(scenario, subscription->every); break;
    default:
        if (plan->tariffs[tariff].service == subscription->service) subscription->tariff = tariff;
        break;
    }
    apply_altered(scenario, subscription, &before);
}

/* Another date of retirement, or none, or another quota, where that decides of no event that was folded. */
static void alter_meter(struct scenario *scenario, struct planned_meter *meter)
{
    struct planned_meter changed = *meter;
    struct yaml yaml;
    if (!meter->applied) return;
    if (meter->values_max && scenario_chance(scenario, 60)) changed.values_max = 1 + scenario_below(scenario, 6);
    else changed.retired = plan_retired(scenario);
    yaml_begin(scenario, &yaml);
    yaml.refusal = "";
    yaml_put(&yaml, "meters:\n");
    yaml_put_meter(&yaml, &changed);
    if (!yaml_try(&yaml)) return;
    scenario_seen[SEEN_RETIRED_ANEW] += strcmp(meter->retired, changed.retired) != 0;
    scenario_seen[SEEN_QUOTA_CHANGED] += meter->values_max != changed.values_max;
    *meter = changed;
}

static void apply_subscription(struct scenario *scenario, struct planned_subscription *subscription)
{
    struct yaml yaml;
    if (subscription->applied) return;
    scenario_ensure_named(scenario, subscription);
    yaml_begin(scenario, &yaml);
    yaml_put(&yaml, "subscriptions:\n");
    yaml_put_subscription(&yaml, subscription);
    yaml_apply(&yaml);
}

static void apply_destination(struct scenario *scenario)
{
    struct yaml yaml;
    if (scenario->plan.destinations_applied == DESTINATIONS_MAX) return;
    yaml_begin(scenario, &yaml);
    yaml_put_destination(&yaml, scenario->plan.destinations_applied++);
    yaml_apply(&yaml);
}

static void apply_credit(struct scenario *scenario)
{
    struct yaml yaml;
    yaml_begin(scenario, &yaml);
    yaml_put_credit(&yaml, scenario_below(scenario, scenario->plan.service_count));
    yaml_apply(&yaml);
}

void scenario_catalog_change(struct scenario *scenario)
{
    struct plan *plan = &scenario->plan;
    switch (scenario_below(scenario, 14)) {
    case 0:
    case 1: scenario_apply_meter(scenario, &plan->meters[scenario_below(scenario, plan->meter_count)]); break;
    case 2:
    case 3:
        apply_subscription(scenario,
                           &plan->subscriptions[scenario_below(scenario, plan->subscription_count)]);
        break;
    case 4:
    case 5:
        scenario_rewrite_tariff(scenario, &plan->tariffs[scenario_below(scenario, plan->tariff_count)]);
        break;
    case 6: alter_subscription(scenario); break;
    case 7:
        if (scenario->all_end) apply_credit(scenario);
        break;
    case 8:
    case 11:
    case 12: scenario_life_change(scenario); break;
    case 13: alter_trial(scenario); break;
    case 9: alter_meter(scenario, &plan->meters[scenario_below(scenario, plan->meter_count)]); break;
    default: apply_destination(scenario); break;
    }
}

void scenario_catalog_apply_rest(struct scenario *scenario)
{
    struct plan *plan = &scenario->plan;
    struct yaml yaml;
    for (uint32_t i = 0; i < plan->meter_count; i++) scenario_apply_meter(scenario, &plan->meters[i]);
    for (uint32_t i = 0; i < plan->tariff_count; i++) scenario_ensure_tariff(scenario, i);
    for (uint32_t i = 0; i < plan->subscription_count; i++)
        apply_subscription(scenario, &plan->subscriptions[i]);
    while (plan->destinations_applied < DESTINATIONS_MAX) apply_destination(scenario);
    if (!scenario->all_end) return;
    yaml_begin(scenario, &yaml);
    yaml_put(&yaml, "subscriptions:\n");
    for (uint32_t i = 0; i < plan->subscription_count; i++) {
        struct planned_subscription *subscription = &plan->subscriptions[i];
        int64_t today = scenario->now_us / MTR_US_PER_DAY;
        if (!subscription->end_day)
            subscription->end_day = (today > subscription->start_day ? today : subscription->start_day) + 2;
        yaml_put_subscription(&yaml, subscription);
    }
    yaml_apply(&yaml);
}
