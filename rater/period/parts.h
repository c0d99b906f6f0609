/*
 * How a billing period is made up of parts, and where the subscription's term bounds its use. Private to the
 * rater.
 */
#ifndef METERD_RATER_PERIOD_PARTS_H
#define METERD_RATER_PERIOD_PARTS_H

#include "meterd/rater/billing_period.h"

/* The period of that name. From the rating's arena. */
int rater_billing_period_at(const struct mtr_rating *rating, const struct mtr_subscription *subscription,
                            int64_t name_us, struct mtr_billing_period *out) MTR_MUST_USE;

/* The period with its cost parts for parts: what it costs the seller is priced as what it costs the
 * customer. */
struct mtr_billing_period rater_cost_period(const struct mtr_billing_period *period);

/* Where the use begins that a part's component goes on from: what is used from there on and before the part
 * counts for its position in tiers, free units and roundings. With scope term that is the subscription's
 * start, or where the last version with `reset` began; else the first of the parts before it, without a
 * break, that had the component, too, back to a version with `reset`. The part's own begin: nothing came
 * before. */
int64_t rater_position_from(const struct mtr_subscription *subscription,
                            const struct mtr_billing_period *period, uint32_t part,
                            const struct mtr_component *component);

/* Hash of start, end and billing rule: what decides which periods there are. */
struct mtr_hash128 rater_schedule_hash(const struct mtr_subscription *subscription);

/* The same of all of its phases. */
struct mtr_hash128 rater_life_hash(const struct mtr_subscription *subscription);

/* The first whole second in which it is over: what the charges store has for its end. */
int64_t rater_period_end(int64_t end_us);

/* From when on use is charged by the subscription's tariff: behind its trial; INT64_MAX where nothing
 * is from then on. */
int64_t rater_first_charged(const struct mtr_subscription *subscription);

/* Its end, or where nothing is charged any more after a trial that stops. */
int64_t rater_charged_until(const struct mtr_subscription *subscription);

#endif
