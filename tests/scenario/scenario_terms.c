/*
 * Limits over terms by hand: which term a part lies in, and what the periods before came to in it. Written
 * from docs/pricing.md; shares with the rater only the price function, the zones and the periods.
 */
#include "scenario/scenario.h"

struct naive_term {
    const struct mtr_subscription *subscription;
    const struct mtr_tariff_document *tariff;
    int64_t start_us;
    struct mtr_money sum;
};

void scenario_terms_open(struct scenario *scenario, struct naive_terms *out)
{
    *out = (struct naive_terms){.items = scenario_alloc(scenario, NAIVE_TERMS_MAX, sizeof(*out->items))};
}

int64_t scenario_version_start(const struct mtr_subscription *subscription,
                               const struct mtr_tariff_version *version)
{
    if (!version->from_is_date) return version->from_us;
    return mtr_zone_from_civil(subscription->zone, mtr_civil_from_s(version->from_days * 86400));
}

/* The last version with reset up to time_us begins the contract anew, the next one behind it ends it. */
static struct mtr_period contract_at(const struct mtr_subscription *subscription,
                                     const struct mtr_tariff_document *tariff, int64_t time_us)
{
    struct mtr_period contract = {scenario_contract_phase_us(subscription), INT64_MAX};
    for (uint32_t i = 0; i < tariff->version_count; i++) {
        const struct mtr_tariff_version *version =
            mtr_tariff_version_for(&tariff->versions[i], subscription->key, subscription->customer);
        const int64_t start_us = scenario_version_start(subscription, version);
        if (!version->reset) continue;
        if (start_us <= time_us && start_us > contract.start_us) contract.start_us = start_us;
        if (start_us > time_us && start_us < contract.end_us) contract.end_us = start_us;
    }
    return contract;
}

int64_t scenario_contract_start(const struct mtr_subscription *subscription,
                                const struct mtr_tariff_document *tariff, int64_t time_us)
{
    return contract_at(subscription, tariff, time_us).start_us;
}

struct mtr_period scenario_term_at(const struct mtr_subscription *subscription,
                                   const struct mtr_tariff_document *tariff,
                                   const struct mtr_tariff_version *version, int64_t time_us)
{
    struct mtr_period_rule rule = {version->term.length.unit, INT64_MIN, subscription->zone};
    if (!version->term.by_calendar) {
        const struct mtr_civil day =
            mtr_zone_to_civil(subscription->zone, scenario_contract_start(subscription, tariff, time_us));
        rule.anchor_days = mtr_days_from_civil(day.year, day.month, day.day);
    }
    return mtr_period_of_several(&rule, version->term.length.count, time_us);
}

static struct naive_term *find(struct naive_terms *terms, const struct naive_term *wanted)
{
    for (uint32_t i = 0; i < terms->count; i++) {
        struct naive_term *term = &terms->items[i];
        if (term->subscription == wanted->subscription && term->tariff == wanted->tariff &&
            term->start_us == wanted->start_us)
            return term;
    }
    return NULL;
}

struct mtr_price_term scenario_terms_of(struct naive_terms *terms,
                                        const struct mtr_subscription *subscription,
                                        const struct mtr_tariff_document *tariff,
                                        const struct mtr_tariff_version *version, struct mtr_period part)
{
    struct mtr_price_term out = {.whole = scenario_term_at(subscription, tariff, version, part.start_us)};
    const bool in_trial = part.start_us < subscription->trial_end_us;
    const struct naive_term wanted = {subscription, tariff, out.whole.start_us, {0}};
    const struct naive_term *term = find(terms, &wanted);
    const int64_t bounds[] = {in_trial || subscription->trial_stops ? subscription->trial_end_us
                                                                    : subscription->end_us,
                              subscription->end_us, subscription->charged_until_us, contract_at(subscription, tariff, part.start_us).end_us};
    out.runs_from_us = in_trial ? subscription->start_us : subscription->trial_end_us;
    if (out.runs_from_us < out.whole.start_us) out.runs_from_us = out.whole.start_us;
    out.runs_to_us = out.whole.end_us;
    for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++)
        if (bounds[i] < out.runs_to_us) out.runs_to_us = bounds[i];
    out.ends = part.end_us == out.runs_to_us;
    if (term) out.before = term->sum;
    return out;
}

void scenario_terms_add(struct scenario *scenario, struct naive_terms *terms,
                        const struct mtr_subscription *subscription, const struct mtr_tariff_document *tariff,
                        int64_t start_us, struct mtr_money sum)
{
    const struct naive_term wanted = {subscription, tariff, start_us, {0}};
    struct naive_term *term = find(terms, &wanted);
    scenario_seen[SEEN_TERM_GOES_ON] += term && term->sum.e18;
    if (!term) {
        CHECK(scenario, terms->count < NAIVE_TERMS_MAX, "too many terms");
        term = &terms->items[terms->count++];
        *term = wanted;
    }
    CHECK_OK(scenario, mtr_money_add(term->sum, sum, &term->sum));
}
