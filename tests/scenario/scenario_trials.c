/*
 * How subscriptions of a run begin: for a time of nothing or of another tariff, or with units and money of
 * their own tariff that are free; in days or to an instant. What of it is told later: a trial that comes,
 * ends elsewhere, frees something else, or goes.
 */
#include "scenario/scenario_documents.h"

#include <inttypes.h>

const char *scenario_clock(struct scenario *scenario)
{
    static const char *const clocks[] = {"T00:20:00Z",        "T09:45:30Z",        "T10:30:00Z",
                                         "T13:20:00.000001Z", "T16:59:59.999999Z", "T21:07:11.5Z"};
    const struct client *client = &scenario->client;
    const uint32_t dice = scenario_below(scenario, 3);
    if (dice == 0) return PICK(scenario, clocks);
    int64_t us = scenario_below(scenario, 86400) * MTR_US_PER_SECOND + scenario_below(scenario, 1000000);
    if (dice == 1 && client->event_count)
        us = client->events[scenario_below(scenario, client->event_count)]->time_us +
             scenario_below(scenario, 2);
    us = (us % MTR_US_PER_DAY + MTR_US_PER_DAY) % MTR_US_PER_DAY;
    const int64_t seconds = us / MTR_US_PER_SECOND;
    return scenario_format(scenario, "T%02d:%02d:%02d.%06dZ", (int)(seconds / 3600), (int)(seconds / 60 % 60),
                           (int)(seconds % 60), (int)(us % MTR_US_PER_SECOND));
}

static void plan_end(struct scenario *scenario, struct planned_subscription *subscription)
{
    subscription->trial_day = subscription->start_day + 2 + scenario_below(scenario, 20);
    subscription->trial_clock = scenario_chance(scenario, 50) ? "" : scenario_clock(scenario);
    subscription->trial_in_days = scenario_chance(scenario, 20);
}

/* What has no end is drawn on for ever; with daily periods that have none, either, that never rests. */
static void plan_freed(struct scenario *scenario, struct planned_subscription *subscription)
{
    subscription->trial_frees = scenario_chance(scenario, 50);
    subscription->trial_is_endless =
        subscription->trial_frees && scenario->all_end && scenario_chance(scenario, 40);
    subscription->freed = NULL;
    if (!subscription->trial_frees) return;
    subscription->trial_tariff = TARIFFS_MAX;
    subscription->trial_stops = subscription->trial_stops && !subscription->trial_is_endless;
}

void scenario_trial_plan(struct scenario *scenario, struct planned_subscription *subscription)
{
    plan_end(scenario, subscription);
    subscription->trial_tariff = scenario_plan_tariff(scenario, subscription->service, 60);
    subscription->trial_stops = scenario_chance(scenario, 15);
    plan_freed(scenario, subscription);
}

/* The day and clock of an event that was sent, or the microsecond behind it. */
static void end_at_event(struct scenario *scenario, struct planned_subscription *subscription)
{
    const struct client *client = &scenario->client;
    if (!client->event_count) return;
    const int64_t time_us = client->events[scenario_below(scenario, client->event_count)]->time_us +
                            scenario_below(scenario, 2);
    char text[MTR_TIME_TEXT_BYTES];
    if (time_us < (subscription->start_day + 2) * MTR_US_PER_DAY) return;
    mtr_time_format(time_us, text);
    subscription->trial_day = time_us / MTR_US_PER_DAY;
    subscription->trial_clock = scenario_format(scenario, "%s", strchr(text, 'T'));
    subscription->trial_in_days = false;
}

void scenario_trial_alter(struct scenario *scenario, struct planned_subscription *subscription)
{
    const uint32_t dice = scenario_below(scenario, 100);
    if (!subscription->trial_day) {
        scenario_trial_plan(scenario, subscription);
        scenario_seen[SEEN_TRIAL_ADDED] += subscription->applied;
    } else if (dice < 25) {
        subscription->trial_day = 0;
        scenario_seen[SEEN_TRIAL_REMOVED] += subscription->applied;
    } else if (dice < 50) {
        scenario_trial_plan(scenario, subscription);
    } else {
        plan_end(scenario, subscription);
        if (scenario_chance(scenario, 50)) end_at_event(scenario, subscription);
        scenario_seen[SEEN_TRIAL_MOVED] += subscription->applied;
    }
}

/* Planned meters that each tariff of the subscription has a component of. */
static uint32_t priced_by_all(const struct scenario *scenario,
                              const struct planned_subscription *subscription)
{
    const struct plan *plan = &scenario->plan;
    uint32_t priced = plan->tariffs[subscription->tariff].priced;
    for (uint32_t i = 0; i < subscription->change_count; i++)
        if (subscription->changes[i].tariff < TARIFFS_MAX)
            priced &= plan->tariffs[subscription->changes[i].tariff].priced;
    return priced;
}

/* Units of some of those, or money, or both. */
static const char *draw_freed(struct scenario *scenario, const struct planned_subscription *subscription)
{
    const uint32_t priced = priced_by_all(scenario, subscription);
    const char *units = "";
    for (uint32_t i = 0; i < scenario->plan.meter_count; i++) {
        if (!(priced >> i & 1) || scenario_chance(scenario, 30)) continue;
        units = scenario_format(scenario, "%s%sc-%s: '%u.%03u'", units, *units ? ", " : "",
                                scenario->plan.meters[i].key, scenario_below(scenario, 40),
                                1 + scenario_below(scenario, 999));
    }
    const bool has_money = !*units || scenario_chance(scenario, 40);
    if (*units) units = scenario_format(scenario, ", quantity: {%s}", units);
    if (!has_money) return units;
    return scenario_format(scenario, "%s, amount: '%u'", units, 1 + scenario_below(scenario, 200));
}

void yaml_put_trial(struct yaml *yaml, struct planned_subscription *subscription)
{
    struct scenario *scenario = yaml->scenario;
    const char *then = subscription->trial_stops ? "stop" : "convert";
    if (!subscription->trial_day) return;
    int32_t year;
    unsigned month, day;
    mtr_civil_from_days(subscription->trial_day, &year, &month, &day);
    const char *date = scenario_format(scenario, "%04d-%02u-%02u%s", year, month, day, subscription->trial_clock);
    const char *end = subscription->trial_in_days
                          ? scenario_format(scenario, "days: %" PRId64,
                                            subscription->trial_day - subscription->start_day)
                          : scenario_format(scenario, "end: %s", date);
    if (subscription->trial_frees) {
        if (!subscription->freed) subscription->freed = draw_freed(scenario, subscription);
        if (subscription->trial_is_endless) end = "then: convert";
        else end = scenario_format(scenario, "%s, then: %s", end, then);
        yaml_put(yaml, ", trial: {%s%s}", end, subscription->freed);
        return;
    }
    if (subscription->trial_tariff == TARIFFS_MAX && !subscription->trial_stops &&
        !subscription->trial_in_days) {
        yaml_put(yaml, ", trial_end: %s", date);
        return;
    }
    yaml_put(yaml, ", trial: {%s, then: %s", end, then);
    if (subscription->trial_tariff < TARIFFS_MAX)
        yaml_put(yaml, ", tariff: %s", scenario->plan.tariffs[subscription->trial_tariff].key);
    yaml_put(yaml, "}");
}
