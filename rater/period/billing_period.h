/*
 * What a billing period is made of: its limits within the subscription's term, and its parts by tariff and
 * version. Private to the rater.
 */
#ifndef METERD_RATER_PERIOD_BILLING_PERIOD_H
#define METERD_RATER_PERIOD_BILLING_PERIOD_H

#include "meterd/catalog/catalog.h"
#include "meterd/core/arena.h"
#include "meterd/store/block.h"

struct mtr_billing_part {
    int64_t start_s; /* active in [start, end) */
    int64_t end_s;
    int64_t usage_from_s; /* hours that start in [usage_from, end) are its usage: the subscription's first
                             hour may begin before it */
    const struct mtr_tariff_document *tariff; /* the subscription's, its trial's, or its cost tariff */
    const struct mtr_tariff_version *version; /* with the subscription's overrides */
    bool exchanges; /* charged in another currency than the tariff's: at the rate of this day, since
                       1970-01-01 */
    int64_t exchange_day;
    uint32_t first, count; /* the period's parts under this tariff, one after another: limits and fees of the
                              period are theirs */
};

struct mtr_billing_period {
    bool exists; /* false: no period of the subscription starts there (any more) */
    struct mtr_period whole;
    int64_t start_s; /* whole, clipped to the subscription's term */
    int64_t end_s;
    struct mtr_billing_part *parts; /* ascending; none in a trial without a tariff, after one that stops, or
                                 before the first version */
    uint32_t part_count;
    struct mtr_billing_part *costs; /* the same time under the cost tariff, trial included; where a part
                                 begins or ends, a cost part does, too */
    uint32_t cost_count;
    struct mtr_hash128 inputs; /* of everything but usage that the price depends on */
};

/* The period that starts at start_s exactly. From the arena. */
int rater_billing_period_at(const struct mtr_subscription *subscription, int64_t start_s,
                            struct mtr_arena *arena, struct mtr_billing_period *out) MTR_MUST_USE;

/* The period with its cost parts for parts: what it costs the seller is priced as what it costs the
 * customer. */
struct mtr_billing_period rater_cost_period(const struct mtr_billing_period *period);

/* Start of the period that holds time_s, clipped to the term; the whole period's end in *end_s. The time
 * must lie in the term. */
int64_t rater_period_start(const struct mtr_subscription *subscription, int64_t time_s, int64_t *end_s);

/* Where the use begins that a part's component goes on from: hours that start there or later and before
 * the part count for its position in tiers, free units and roundings. With scope term that is the
 * subscription's first hour, or where the last version with `reset` began; else the first of the parts
 * before it, without a break, that had the component, too, back to a version with `reset`. The part's own
 * begin: nothing came before. */
int64_t rater_position_from(const struct mtr_subscription *subscription,
                            const struct mtr_billing_period *period, uint32_t part,
                            const struct mtr_component *component);

/* When a version begins for this subscription. */
int64_t rater_version_start(const struct mtr_subscription *subscription,
                            const struct mtr_tariff_version *version);

/* Hash of start, end and billing rule: decides which periods there are. */
struct mtr_hash128 rater_term_hash(const struct mtr_subscription *subscription);

/* From which hour on use is charged by the subscription's tariff: behind its trial; INT64_MAX where
 * nothing is from then on. */
int64_t rater_first_charged_hour(const struct mtr_subscription *subscription);

/* Its end, or where nothing is charged any more after a trial that stops. */
int64_t rater_charged_until(const struct mtr_subscription *subscription);

/* The start of the hour cell that holds the subscription's start: its usage is the subscription's. */
int64_t rater_first_hour(const struct mtr_subscription *subscription);

#endif
