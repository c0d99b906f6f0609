/*
 * Two ascending lists of periods merged by name; see period_pairs.h. Pure.
 */
#include "daemon/query/period_pairs.h"

#include "meterd/core/time.h"
#include "meterd/rater/billing_period.h"

static void step(struct query_period_walk *walk, int64_t until_us)
{
    walk->next.phase = NULL;
    if (!walk->subscription) return;
    const int64_t ends_us = mtr_time_sooner(until_us, mtr_subscription_ends_us(walk->subscription));
    if (walk->at_us >= ends_us) return;
    const struct mtr_subscription *phase = mtr_subscription_at(walk->subscription, walk->at_us);
    int64_t whole_end_us = 0;
    const int64_t start_us = mtr_billing_period_start(phase, walk->at_us, &whole_end_us);
    walk->next = (struct query_period){phase, start_us, mtr_time_sooner(whole_end_us, phase->end_us)};
    MTR_ASSERT(walk->at_us < walk->next.end_us); /* or it would never end */
    walk->at_us = walk->next.end_us;
}

static void begin(struct query_period_walk *walk, const struct mtr_subscription *subscription,
                  struct mtr_period within)
{
    *walk = (struct query_period_walk){.subscription = subscription};
    if (subscription) walk->at_us = mtr_time_later(within.start_us, mtr_subscription_begun_us(subscription));
    step(walk, within.end_us);
}

void query_pairs_begin(struct query_period_pairs *pairs, const struct mtr_subscription *stored,
                       const struct mtr_subscription *draft, struct mtr_period within)
{
    pairs->until_us = within.end_us;
    begin(&pairs->stored, stored, within);
    begin(&pairs->draft, draft, within);
}

static int64_t name_of(const struct query_period_walk *walk)
{
    return walk->next.phase ? mtr_billing_period_name(walk->next.phase, walk->next.start_us) : INT64_MAX;
}

bool query_pairs_next(struct query_period_pairs *pairs, struct query_period_pair *out)
{
    const int64_t stored_us = name_of(&pairs->stored), draft_us = name_of(&pairs->draft);
    *out = (struct query_period_pair){.name_us = mtr_time_sooner(stored_us, draft_us)};
    if (out->name_us == INT64_MAX) return false;
    if (stored_us == out->name_us) {
        out->stored = pairs->stored.next;
        step(&pairs->stored, pairs->until_us);
    }
    if (draft_us == out->name_us) {
        out->draft = pairs->draft.next;
        step(&pairs->draft, pairs->until_us);
    }
    return true;
}
