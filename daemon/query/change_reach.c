/*
 * The reach of a change; see change_reach.h. Pure.
 */
#include "daemon/query/change_reach.h"

/* A text of a record that both share stands at one place. */
static bool is_shared(struct mtr_str stored, struct mtr_str draft)
{
    return stored.data == draft.data;
}

static void reach_back(struct query_reach *reach, int64_t from_us, bool dated)
{
    if (from_us < reach->from_us) reach->from_us = from_us;
    reach->dated = reach->dated && dated;
}

static void compare_tariffs(const struct mtr_tariff_document *stored, const struct mtr_tariff_document *draft,
                            struct query_reach *reach)
{
    if (stored == draft) return;
    if (!stored || !draft || !mtr_str_equal(stored->key, draft->key)) {
        reach_back(reach, INT64_MIN, false);
        return;
    }
    const struct mtr_tariff_change change = mtr_tariff_compare(stored, draft);
    if (change.from_us < INT64_MAX) reach_back(reach, change.from_us, change.dated);
}

static bool same_trial(const struct mtr_subscription *a, const struct mtr_subscription *b)
{
    if (a->trial_unit_count != b->trial_unit_count || a->has_trial_amount != b->has_trial_amount ||
        a->trial_amount.e18 != b->trial_amount.e18 || a->trial_stops != b->trial_stops)
        return false;
    for (uint32_t i = 0; i < a->trial_unit_count; i++)
        if (a->trial_units[i].quantity.e12 != b->trial_units[i].quantity.e12 ||
            !mtr_str_equal(a->trial_units[i].component, b->trial_units[i].component))
            return false;
    return true;
}

static bool same_moments(const struct mtr_subscription *a, const struct mtr_subscription *b)
{
    return a->start_us == b->start_us && mtr_subscription_ends_us(a) == mtr_subscription_ends_us(b) &&
           a->trial_end_us == b->trial_end_us && a->free_until_us == b->free_until_us &&
           a->charged_until_us == b->charged_until_us;
}

/* An anniversary's anchor moves with the start. */
static bool same_billing(const struct mtr_subscription *a, const struct mtr_subscription *b)
{
    return a->billing.unit == b->billing.unit &&
           (a->billing.anchor_days == b->billing.anchor_days || a->start_us != b->start_us);
}

static bool same_terms(const struct mtr_subscription *a, const struct mtr_subscription *b)
{
    return mtr_str_equal(a->tariff->key, b->tariff->key) && mtr_str_equal(a->customer, b->customer) &&
           mtr_str_equal(a->currency, b->currency) && same_billing(a, b);
}

/* Changes of the subscription: one that is new or moves says from when; one that is taken out or says
 * something else does not. */
static void compare_changes(const struct mtr_subscription *stored, const struct mtr_subscription *draft,
                            struct query_reach *reach)
{
    const uint32_t stored_count = mtr_subscription_phase_count(stored),
                   draft_count = mtr_subscription_phase_count(draft);
    uint32_t same = 1;
    for (; same < stored_count && same < draft_count; same++) {
        const struct mtr_subscription *a = mtr_subscription_phase(stored, same),
                                      *b = mtr_subscription_phase(draft, same);
        if (a->start_us != b->start_us || !same_terms(a, b)) break;
    }
    for (uint32_t i = same; i < draft_count; i++)
        reach_back(reach, mtr_subscription_phase(draft, i)->start_us, true);
    for (uint32_t i = same; i < stored_count; i++) {
        const struct mtr_subscription *gone = mtr_subscription_phase(stored, i);
        if (gone->start_us >= mtr_subscription_ends_us(draft)) break; /* the end takes it away */
        const bool moved = i < draft_count && same_terms(gone, mtr_subscription_phase(draft, i));
        reach_back(reach, gone->start_us, moved);
    }
}

static void compare_documents(const struct mtr_subscription *stored, const struct mtr_subscription *draft,
                              struct query_reach *reach)
{
    if (is_shared(stored->key, draft->key)) return;
    if (!mtr_str_equal(stored->customer, draft->customer) || !same_billing(stored, draft) ||
        !same_trial(stored, draft))
        reach_back(reach, INT64_MIN, false);
    else if (!same_moments(stored, draft))
        reach_back(reach, INT64_MIN, true);
    compare_changes(stored, draft, reach);
}

/* Who changed it without a date is looked at himself. */
static void compare_peers(const struct mtr_subscription *stored, const struct mtr_subscription *draft,
                          struct query_reach *reach)
{
    if (stored->peers_hash != draft->peers_hash) reach_back(reach, INT64_MIN, true);
}

/* A level ends where its meter is retired, and so do a percentile's windows. */
static void compare_meters(const struct query_change *change, struct query_reach *reach)
{
    const struct mtr_catalog *stored = change->catalog, *draft = change->draft_catalog;
    const struct mtr_service *service = change->draft->service;
    if (change->stored->service->measure_ends == service->measure_ends) return;
    for (uint32_t i = 1; i <= mtr_catalog_count(draft, MTR_KIND_METER); i++) {
        const struct mtr_meter *b = mtr_catalog_meter(draft, i), *a = b ? mtr_catalog_meter(stored, i) : NULL;
        if (!a || b->service != service || !mtr_aggregation_measures_time(b->aggregation)) continue;
        const int64_t stored_us = mtr_meter_retired_us(a), draft_us = mtr_meter_retired_us(b);
        if (stored_us != draft_us) reach_back(reach, mtr_time_sooner(stored_us, draft_us), true);
    }
}

/* Each phase of the draft against what was in force at its start; its own tariff is told by its change, and
 * so is a currency, which has the tariffs in other prices. */
static void compare_phases(const struct mtr_subscription *stored, const struct mtr_subscription *draft,
                           struct query_reach *reach)
{
    for (uint32_t i = 0; i < mtr_subscription_phase_count(draft); i++) {
        const struct mtr_subscription *b = mtr_subscription_phase(draft, i),
                                      *a = mtr_subscription_at(stored, b->start_us);
        compare_peers(a, b, reach);
        if (!mtr_str_equal(a->currency, b->currency)) continue;
        if (i == 0 || mtr_str_equal(a->tariff->key, b->tariff->key))
            compare_tariffs(a->tariff, b->tariff, reach);
        compare_tariffs(a->trial_tariff, b->trial_tariff, reach);
        compare_tariffs(a->cost_tariff, b->cost_tariff, reach);
    }
}

static const struct mtr_credit *next_credit(const struct mtr_catalog *catalog,
                                            const struct mtr_subscription *subscription, uint32_t *position)
{
    if (!mtr_catalog_count(catalog, MTR_KIND_CREDIT)) return NULL;
    return mtr_catalog_next_credit(catalog, subscription, position);
}

/* A credit that is new has its own beginning; one that is written anew changes what it gave, and to whom. */
static void compare_credits_of(const struct query_change *change, const struct mtr_catalog *catalog,
                               const struct mtr_subscription *phase, struct query_reach *reach)
{
    const struct mtr_credit *credit;
    for (uint32_t position = 0; (credit = next_credit(catalog, phase, &position)) != NULL;) {
        const struct mtr_credit *stored = mtr_catalog_credit(change->catalog, credit->number),
                                *draft = mtr_catalog_credit(change->draft_catalog, credit->number);
        if (!stored || !draft || !is_shared(stored->key, draft->key)) reach_back(reach, INT64_MIN, !stored);
    }
}

static void compare_credits(const struct query_change *change, struct query_reach *reach)
{
    const struct mtr_catalog *stored = change->catalog, *draft = change->draft_catalog;
    for (uint32_t i = 0; i < mtr_subscription_phase_count(change->draft); i++)
        compare_credits_of(change, draft, mtr_subscription_phase(change->draft, i), reach);
    for (uint32_t i = 0; i < mtr_subscription_phase_count(change->stored); i++)
        compare_credits_of(change, stored, mtr_subscription_phase(change->stored, i), reach);
}

/* The next subscription of its subject and service, by start, behind the position. NULL: none. A subject that
 * it has alone has no list. */
static const struct mtr_subscription *next_of_subject(const struct mtr_subscription *subscription,
                                                      uint32_t *position)
{
    while (*position < subscription->same_subject_count) {
        const struct mtr_subscription *other = subscription->same_subject[(*position)++];
        if (other->service == subscription->service) return other;
    }
    if (subscription->same_subject_count || *position) return NULL;
    ++*position;
    return subscription;
}

/* What lies before the first start is the first one's, too. */
bool query_hands_over(const struct query_change *change)
{
    const struct mtr_subscription *a, *b;
    uint32_t i = 0, k = 0;
    while (!change->stored && (b = next_of_subject(change->draft, &k)) != NULL)
        if (mtr_catalog_subscription(change->catalog, b->number)) return true;
    for (bool is_first = true; change->stored; is_first = false) {
        a = next_of_subject(change->stored, &i);
        b = next_of_subject(change->draft, &k);
        if (!a || !b) return a != b;
        if (a->number != b->number || (!is_first && a->start_us != b->start_us)) return true;
    }
    return false;
}

struct query_reach query_reach_of(const struct query_change *change)
{
    struct query_reach reach = {.from_us = INT64_MAX, .dated = true};
    if (query_hands_over(change) || change->is_held)
        reach_back(&reach, INT64_MIN, true); /* each start says from when */
    if (!change->stored) return reach;
    compare_phases(change->stored, change->draft, &reach);
    compare_documents(change->stored, change->draft, &reach);
    compare_credits(change, &reach);
    compare_meters(change, &reach);
    return reach;
}
