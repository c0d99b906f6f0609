/*
 * The quota of different dimension values that a meter counts for a subject: the first so many in the order
 * of the log. An event with others is held by the meter, other meters count it, and it flows when the quota
 * is raised. What was admitted stays, also when its only event is taken back.
 *
 * Subscriptions of one subject and service share their number, under the one that the catalog knew first: so
 * use that changes hands between them (handover/) changes nothing here.
 *
 * That the same values are admitted in any order of log and catalog rests on one rule: new values are
 * admitted only when no event before theirs can still come to count for the meter and subject. What can:
 *
 *   the rest of a catch-up         before all that is behind its end
 *   a release of the subject, or   before all that comes by another way, and that may be another release of
 *   of the meter                   the type, which began before the meter was known
 *   what the meter holds           before all that has a greater sequence
 *
 * Where something can, the event is held like one beyond the quota, and flows when it is its turn (flow.c).
 *
 * The other half of the rule: an event that comes late has never a lower sequence than one that was admitted.
 * Before its subscription is known all of a subject's events are held, and before a meter is known all of its
 * type; a catch-up begins when no release is left.
 */
#include "aggregator/fold.h"

#include <string.h>
#include <xxhash.h>

static struct mtr_values_of values_of(const struct mtr_subscription *subscription, uint32_t meter)
{
    return (struct mtr_values_of){mtr_subscription_first_number(subscription), meter};
}

static int has_release(struct mtr_aggregator *aggregator, const char *prefix, uint32_t number, bool *out)
{
    const struct mtr_fact_name name = fact_number(prefix, number);
    uint64_t unused;
    int rc = fact_get_u64(aggregator, &name, &unused);
    *out |= rc == MTR_OK;
    return rc == MTR_ENOTFOUND ? MTR_OK : rc;
}

/* Is there another release, than the one by which it comes, that may give the meter events of the subject? */
static int is_released_elsewhere(struct mtr_aggregator *aggregator, const struct mtr_effect *effect,
                                 bool *out)
{
    const struct mtr_subscription *subscription = effect->subscription;
    const uint32_t by_subject = effect->way == FOLD_RELEASED_BY_SUBJECT ? effect->released_for : 0,
                   by_type = effect->way == FOLD_RELEASED_BY_TYPE ? effect->released_for : 0;
    const uint32_t count = subscription->same_subject_count;
    int rc = MTR_OK;
    if (by_type != effect->meter->number)
        rc = has_release(aggregator, MTR_FACT_RELEASE_METER, effect->meter->number, out);
    if (!rc && !count && by_subject != subscription->number)
        rc = has_release(aggregator, MTR_FACT_RELEASE_SUBSCRIPTION, subscription->number, out);
    for (uint32_t i = 0; !rc && i < count; i++) {
        const uint32_t number = subscription->same_subject[i]->number;
        if (by_subject != number) rc = has_release(aggregator, MTR_FACT_RELEASE_SUBSCRIPTION, number, out);
    }
    return rc;
}

static bool is_behind_catch_up(const struct mtr_aggregator *aggregator, uint32_t meter, uint64_t seq)
{
    for (uint32_t i = 0; i < aggregator->catch_up_count; i++) {
        const struct mtr_catch_up *catch_up = &aggregator->catch_ups[i];
        if (catch_up->meter == meter) return seq >= catch_up->end_seq;
    }
    return false;
}

/* May an event before that one still come to count for the meter and the subject? */
static int may_be_preceded(struct mtr_aggregator *aggregator, const struct mtr_effect *effect,
                           const struct mtr_values_of *of, uint64_t seq, bool *out)
{
    uint64_t held_seq = 1;
    int rc = MTR_OK;
    *out = is_behind_catch_up(aggregator, of->meter, seq);
    MTR_ASSERT(effect->way != FOLD_CAUGHT_UP || (!*out && !aggregator->releasing));
    if (!*out && aggregator->releasing) rc = is_released_elsewhere(aggregator, effect, out);
    if (rc || *out) return rc;
    rc = mtr_rollups_next_beyond(aggregator->txn, of, &held_seq);
    *out = !rc && held_seq < seq;
    return rc == MTR_ENOTFOUND ? MTR_OK : rc;
}

int fold_begin_flow(struct mtr_aggregator *aggregator, const struct mtr_values_of *of)
{
    const struct mtr_fact_name fact = fact_numbers(MTR_FACT_FLOW, of->owner, of->meter);
    aggregator->flowing = true;
    return fact_put_u64(aggregator, &fact, 0, NULL);
}

int fold_find_quota(struct mtr_aggregator *aggregator, const struct mtr_subscription *subscription,
                    const struct mtr_meter *meter, struct fold_quota *out)
{
    const struct mtr_fact_name allowed_fact =
        fact_numbers(MTR_FACT_ALLOWED, mtr_subscription_first_number(subscription), meter->number);
    uint64_t allowed = 0;
    *out = (struct fold_quota){.of = values_of(subscription, meter->number)};
    int rc = mtr_rollups_count_values(aggregator->txn, &out->of, &out->count);
    if (!rc) rc = fact_get_u64(aggregator, &allowed_fact, &allowed);
    out->values_max = allowed > meter->dimension_values_max ? allowed : meter->dimension_values_max;
    return rc == MTR_ENOTFOUND ? MTR_OK : rc;
}

static int hold(struct mtr_aggregator *aggregator, const struct mtr_values_of *of, uint64_t seq)
{
    aggregator->state_changed = true;
    return mtr_rollups_put_beyond(aggregator->txn, of, seq);
}

/* What is new: it is admitted, or held. */
static int admit_new(struct mtr_aggregator *aggregator, const struct mtr_effect *effect,
                     struct mtr_str dimensions, uint64_t seq, bool *admitted)
{
    struct fold_quota quota;
    bool preceded = false;
    int rc = fold_find_quota(aggregator, effect->subscription, effect->meter, &quota);
    if (!rc && fold_has_room(&quota) && effect->way != FOLD_FLOWED)
        rc = may_be_preceded(aggregator, effect, &quota.of, seq, &preceded);
    if (rc) return rc;
    aggregator->state_changed = true;
    *admitted = fold_has_room(&quota) && !preceded;
    if (*admitted) return mtr_rollups_admit_values(aggregator->txn, &quota.of, dimensions);
    if (effect->way == FOLD_FLOWED) return MTR_OK; /* it is held as it was */
    if (preceded) rc = fold_begin_flow(aggregator, &quota.of);
    return rc ? rc : hold(aggregator, &quota.of, seq);
}

/* What came before there were quotas counts; what comes behind it waits until it is counted (uncounted.c). */
static int admit_uncounted(struct mtr_aggregator *aggregator, const struct mtr_values_of *of, uint64_t seq,
                           bool *admitted)
{
    *admitted = seq < aggregator->uncounted_seq;
    if (*admitted) return MTR_OK;
    int rc = fold_begin_flow(aggregator, of);
    return rc ? rc : hold(aggregator, of, seq);
}

int fold_admit(struct mtr_aggregator *aggregator, const struct mtr_effect *effect, struct mtr_str dimensions,
               bool *admitted)
{
    const uint64_t seq = effect->by_seq;
    *admitted = true;
    if (effect->way == FOLD_AGAIN || !effect->meter->group_by_count) return MTR_OK;
    const struct mtr_values_of of = values_of(effect->subscription, effect->meter->number);
    if (aggregator->uncounted_seq) return admit_uncounted(aggregator, &of, seq, admitted);
    const uint64_t seed = ((uint64_t)of.owner << 32 | of.meter) * UINT64_C(0x9E3779B97F4A7C15);
    const XXH128_hash_t hash = XXH3_128bits_withSeed(dimensions.data, dimensions.size, seed);
    struct mtr_hash128 *slot = &aggregator->admitted[hash.low64 % MTR_ADMITTED_SLOTS];
    if (slot->high == hash.high64 && slot->low == hash.low64) return MTR_OK;
    int rc = mtr_rollups_find_values(aggregator->txn, &of, dimensions);
    if (rc == MTR_ENOTFOUND) rc = admit_new(aggregator, effect, dimensions, seq, admitted);
    if (!rc && *admitted) *slot = (struct mtr_hash128){hash.high64, hash.low64};
    return rc;
}

int fold_is_beyond(struct mtr_aggregator *aggregator, const struct mtr_effect *effect, uint64_t seq,
                   bool *beyond)
{
    *beyond = false;
    if (!effect->meter->group_by_count) return MTR_OK;
    const struct mtr_values_of of = values_of(effect->subscription, effect->meter->number);
    int rc = mtr_rollups_find_beyond(aggregator->txn, &of, seq);
    *beyond = rc == MTR_OK;
    return rc == MTR_ENOTFOUND ? MTR_OK : rc;
}
