/*
 * What links subscriptions to one another and to their own past, once a snapshot's references are resolved.
 *
 * Subjects: a vendor's subscriptions of one subject, by service and start. One array for all of them.
 *
 * Peers: a customer's subscriptions of one tariff, where that tariff counts across them. One array for all,
 * by (tariff, customer, number, start of the phase); each subscription has its stretch of it.
 *
 * Carrying: a subscription carries something from period to period where a level goes on into the next one,
 * or a position counts from the start of the term. Looked at once for each tariff, all of its versions and
 * overrides together.
 */
#include "lib/catalog/snapshot.h"

#include <stdlib.h>
#include <xxhash.h>

/* ---- subscriptions of one subject ---- */

static int compare_of_subject(const void *a, const void *b)
{
    const struct mtr_subscription *x = *(const struct mtr_subscription *const *)a,
                                  *y = *(const struct mtr_subscription *const *)b;
    const uint32_t vendors[] = {x->service->vendor->number, y->service->vendor->number};
    if (vendors[0] != vendors[1]) return vendors[0] < vendors[1] ? -1 : 1;
    const int order = mtr_str_compare(x->subject, y->subject);
    if (order) return order;
    if (x->service->number != y->service->number) return x->service->number < y->service->number ? -1 : 1;
    if (x->start_us != y->start_us) return x->start_us < y->start_us ? -1 : 1;
    return (x->number > y->number) - (x->number < y->number);
}

static bool are_of_one_subject(const struct mtr_subscription *a, const struct mtr_subscription *b)
{
    return a->service->vendor == b->service->vendor && mtr_str_equal(a->subject, b->subject);
}

/* A finding about two of them stands at the document that was just given, else at the later one. */
static void order_by_fault(const struct mtr_catalog *catalog, const struct mtr_subscription **at_fault,
                           const struct mtr_subscription **other)
{
    struct mtr_record *const *records = catalog->records[MTR_KIND_SUBSCRIPTION];
    const struct mtr_subscription *a = *at_fault, *b = *other;
    const bool a_is_given = records[a->number - 1]->node, b_is_given = records[b->number - 1]->node;
    const bool is_a = a_is_given != b_is_given ? a_is_given : a->number > b->number;
    *at_fault = is_a ? a : b;
    *other = is_a ? b : a;
}

static void check_terms(const struct mtr_catalog *catalog, const struct mtr_subscription *a,
                        const struct mtr_subscription *b, struct mtr_diagnostics *findings)
{
    char from[MTR_TIME_TEXT_BYTES], to[MTR_TIME_TEXT_BYTES] = "on";
    if (mtr_subscription_ends_us(a) <= b->start_us) return;
    order_by_fault(catalog, &a, &b);
    const int64_t ends_us = mtr_subscription_ends_us(b);
    mtr_time_format(b->start_us, from);
    if (ends_us < INT64_MAX) mtr_time_format(ends_us, to);
    record_fail(catalog->records[MTR_KIND_SUBSCRIPTION][a->number - 1], MTR_FINDING_CATALOG_SUBJECT_TAKEN,
                "subject", findings,
                "`%.*s%s` is the subject of subscription `%.*s` already, from %s %s%s: their terms must not "
                "overlap",
                MTR_STR_QUOTED(a->subject), MTR_STR_ARGS(b->key), from, ends_us < INT64_MAX ? "to " : "", to);
}

/* A type of event that both services have meters of; empty without one. */
static struct mtr_str shared_type(const struct mtr_catalog *catalog, const struct mtr_service *a,
                                  const struct mtr_service *b)
{
    const struct mtr_meter *const *meters;
    for (uint32_t i = 0; i < catalog->group_count; i++) {
        const struct mtr_meter *meter = catalog->meters_by_type[catalog->groups[i].first];
        if (meter->service == a && mtr_catalog_find_meters(catalog, b, meter->event_type, &meters))
            return meter->event_type;
    }
    return (struct mtr_str){NULL, 0};
}

static void check_services(const struct mtr_catalog *catalog, const struct mtr_subscription *a,
                           const struct mtr_subscription *b, struct mtr_diagnostics *findings)
{
    const struct mtr_str type = shared_type(catalog, a->service, b->service);
    if (!type.size) return;
    order_by_fault(catalog, &a, &b);
    record_fail(catalog->records[MTR_KIND_SUBSCRIPTION][a->number - 1], MTR_FINDING_CATALOG_SUBJECT_TAKEN,
                "subject", findings,
                "`%.*s%s` is the subject of subscription `%.*s` of service `%.*s` already, which has a meter "
                "of `%.*s%s` as service `%.*s` has: an event of it would be of both",
                MTR_STR_QUOTED(a->subject), MTR_STR_ARGS(b->key), MTR_STR_ARGS(b->service->key),
                MTR_STR_QUOTED(type), MTR_STR_ARGS(a->service->key));
}

/* Of one subject, by service and start: each against the next of its service, and each first of a service
 * against those of the services before it. */
static void check_subject(const struct mtr_catalog *catalog, const struct mtr_subscription *const *all,
                          uint32_t count, struct mtr_diagnostics *findings)
{
    for (uint32_t i = 1; i < count; i++) {
        if (all[i]->service == all[i - 1]->service) {
            check_terms(catalog, all[i - 1], all[i], findings);
            continue;
        }
        for (uint32_t k = 0; k < i; k++)
            if (k == 0 || all[k]->service != all[k - 1]->service)
                check_services(catalog, all[k], all[i], findings);
    }
}

int catalog_link_subjects(struct mtr_catalog *catalog, struct mtr_diagnostics *findings)
{
    uint32_t count = 0, shared = 0;
    for (uint32_t i = 0; i < catalog->counts[MTR_KIND_SUBSCRIPTION]; i++)
        shared += catalog->subscriptions[i].same_subject_count;
    if (!shared) return MTR_OK;
    const struct mtr_subscription **all = mtr_arena_calloc(&catalog->arena, shared, sizeof(*all));
    if (!all) return MTR_ENOMEM;
    for (uint32_t i = 0; i < catalog->counts[MTR_KIND_SUBSCRIPTION]; i++)
        if (catalog->subscriptions[i].same_subject_count) all[count++] = &catalog->subscriptions[i];
    MTR_ASSERT(count == shared && count > 1); /* nobody shares a subject alone */
    qsort(all, count, sizeof(struct mtr_subscription *), compare_of_subject);
    for (uint32_t first = 0, next; first < count; first = next) {
        for (next = first + 1; next < count && are_of_one_subject(all[first], all[next]); next++) {
        }
        for (uint32_t i = first; i < next; i++)
            for (uint32_t k = 0; k < mtr_subscription_phase_count(all[i]); k++) {
                struct mtr_subscription *phase =
                    catalog_own_phase(catalog, mtr_subscription_phase(all[i], k));
                phase->same_subject = all + first;
                phase->same_subject_count = next - first;
            }
        check_subject(catalog, all + first, next - first, findings);
    }
    return MTR_OK;
}

/* ---- peers ---- */

static int compare_peers(const void *a, const void *b)
{
    const struct mtr_subscription *x = *(const struct mtr_subscription *const *)a,
                                  *y = *(const struct mtr_subscription *const *)b;
    if (x->tariff != y->tariff) return x->tariff < y->tariff ? -1 : 1;
    const int order = mtr_str_compare(x->customer, y->customer);
    if (order) return order;
    if (x->number != y->number) return x->number < y->number ? -1 : 1;
    return (x->start_us > y->start_us) - (x->start_us < y->start_us);
}

static bool are_peers(const struct mtr_subscription *a, const struct mtr_subscription *b)
{
    return a->tariff == b->tariff && mtr_str_equal(a->customer, b->customer);
}

/* Of when each of them is there and charged. */
static int hash_peers(const struct mtr_subscription *const *peers, uint32_t count, uint64_t *out)
{
    XXH3_state_t *state = XXH3_createState();
    if (!state) return MTR_ENOMEM;
    XXH3_64bits_reset(state);
    for (uint32_t i = 0; i < count; i++) {
        const struct mtr_subscription *peer = peers[i];
        const int64_t numbers[] = {peer->number,       peer->start_us,         peer->end_us,
                                   peer->trial_end_us, peer->charged_until_us, peer->trial_stops,
                                   peer->billing.unit, peer->billing.anchor_days};
        XXH3_64bits_update(state, numbers, sizeof(numbers));
    }
    *out = XXH3_64bits_digest(state);
    XXH3_freeState(state);
    return MTR_OK;
}

int catalog_link_peers(struct mtr_catalog *catalog)
{
    const size_t total = (size_t)catalog->counts[MTR_KIND_SUBSCRIPTION] + catalog->later_phase_count;
    const struct mtr_subscription **peers = NULL, *subscription;
    uint32_t count = 0;
    for (uint32_t i = 0; (subscription = catalog_phase_at(catalog, i)) != NULL; i++) {
        if (!subscription->tariff ||
            (!subscription->tariff->across_customer && !subscription->tariff->has_account))
            continue;
        if (!peers) peers = mtr_arena_calloc(&catalog->arena, total, sizeof(*peers));
        if (!peers) return MTR_ENOMEM;
        peers[count++] = subscription;
    }
    if (count > 1) qsort(peers, count, sizeof(struct mtr_subscription *), compare_peers);
    for (uint32_t first = 0, next; first < count; first = next) {
        for (next = first + 1; next < count && are_peers(peers[first], peers[next]); next++) {
        }
        uint64_t hash = 0;
        int rc = hash_peers(peers + first, next - first, &hash);
        if (rc) return rc;
        for (uint32_t i = first; i < next; i++) {
            struct mtr_subscription *peer = catalog_own_phase(catalog, peers[i]);
            peer->peers = peers + first;
            peer->peer_count = next - first;
            peer->peer_index = i - first;
            peer->peers_hash = hash;
        }
    }
    return MTR_OK;
}

static bool component_carries(const struct mtr_catalog *catalog, const struct mtr_component *component)
{
    for (uint32_t i = 0; i < component->input_count; i++) {
        const struct mtr_meter *meter = mtr_catalog_find_meter(catalog, component->inputs[i]);
        if (meter && meter->aggregation == MTR_TIME_WEIGHTED) return true;
    }
    return component->scope == MTR_CURVE_SCOPE_TERM;
}

static bool version_carries(const struct mtr_catalog *catalog, const struct mtr_tariff_version *version)
{
    for (uint32_t i = 0; i < version->component_count; i++)
        if (component_carries(catalog, &version->components[i])) return true;
    for (uint32_t i = 0; i < version->override_count; i++)
        if (version_carries(catalog, &version->overrides[i].version)) return true;
    return false;
}

/* Into the phases behind it, too. */
static void note_carrying(struct mtr_catalog *catalog, const struct mtr_subscription *subscription)
{
    for (uint32_t i = 0; i < mtr_subscription_phase_count(subscription); i++)
        catalog_own_phase(catalog, mtr_subscription_phase(subscription, i))->carries = true;
}

int catalog_note_carrying(struct mtr_catalog *catalog)
{
    const uint32_t tariff_count = catalog->counts[MTR_KIND_TARIFF];
    bool *carries = mtr_arena_calloc(&catalog->arena, (size_t)tariff_count + 1,
                                     sizeof(*carries)); /* by number; 0: none */
    if (!carries) return MTR_ENOMEM;
    for (uint32_t i = 0; i < tariff_count; i++) {
        const struct mtr_record *record = catalog->records[MTR_KIND_TARIFF][i];
        if (!record) continue;
        const struct mtr_tariff_document *tariff = &record->fields.tariff;
        for (uint32_t v = 0; v < tariff->version_count && !carries[i + 1]; v++)
            carries[i + 1] = version_carries(catalog, &tariff->versions[v]);
    }
    struct mtr_subscription *phase;
    for (uint32_t i = 0; (phase = catalog_phase_at(catalog, i)) != NULL; i++) {
        const struct mtr_tariff_document *const tariffs[] = {phase->tariff, phase->trial_tariff,
                                                             phase->cost_tariff};
        for (size_t k = 0; k < sizeof(tariffs) / sizeof(*tariffs); k++)
            if (tariffs[k] && carries[tariffs[k]->number]) note_carrying(catalog, phase);
    }
    return MTR_OK;
}
