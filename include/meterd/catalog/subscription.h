/*
 * Subscriptions: who buys what from when on, in which time zone it is metered, under which tariff charged.
 *
 *   subscriptions:
 *     - key: sub-1
 *       service: compute
 *       subject: vm-1              # the vendor's id of it, as events carry it
 *       customer: globex
 *       tariff: standard
 *       zone: Asia/Kolkata         # of its hours, days and periods
 *       billing: {every: month, anchor: anniversary}
 *       start: 2026-01-31
 *       trial: {days: 14, quantity: {vcpu: "100"}}
 *       opening: [{meter: seats, value: 12, dimensions: {plan: pro}}]
 *       changes:
 *       - {from: 2026-06-01, tariff: premium}
 *       - {from: "2026-08-15T12:00:00Z", customer: initech, currency: EUR}
 *
 * A subscription that changes has phases: a struct of its own for each stretch between two changes, with what
 * holds in it. By number and key one finds the first; mtr_subscription_at gives the one of a time. Phases end
 * billing periods: each period is of one tariff, customer, currency and billing rule.
 *
 * Instants are µs since 1970 in UTC; a date that was written is local midnight in the zone. Service,
 * subject, zone, currency and opening are fixed once applied. Part of a snapshot: see catalog.h for lifetime.
 */
#ifndef METERD_CATALOG_SUBSCRIPTION_H
#define METERD_CATALOG_SUBSCRIPTION_H

#include <stdbool.h>
#include <stdint.h>

#include "meterd/catalog/vendor.h"
#include "meterd/core/arena.h"
#include "meterd/core/decimal.h"
#include "meterd/core/period.h"
#include "meterd/core/schema.h"
#include "meterd/core/zone.h"
#include "meterd/tariff/rates.h"
#include "meterd/tariff/tariff.h"

/* Units of a component that a trial frees. */
struct mtr_trial_units {
    struct mtr_str component;
    struct mtr_quantity quantity;
};

/* What a level or a counter stands at when the subscription begins: seats that it takes over. */
struct mtr_opening {
    const struct mtr_meter *meter; /* time_weighted or counter */
    struct mtr_str dimensions;     /* as in a cell's key: the group_by values, each with its end */
    struct mtr_quantity value;
};

struct mtr_subscription {
    /* What every event looks at stands together, down to the subject. */
    uint32_t number;
    uint32_t same_subject_count;
    /* All subscriptions of the vendor that have this subject, this one among them, by service and start: none
     * where it is alone. Terms of one service do not overlap, and no two of the services take one type of
     * event. */
    const struct mtr_subscription *const *same_subject;
    /* All of its phases, by start; NULL: it is the only one. */
    const struct mtr_subscription *const *phases;
    const struct mtr_service *service; /* and through it the vendor */
    /* Instants inside its local hours at which something of it begins or ends, ascending (catalog/cell.h). */
    const int64_t *cuts_us;
    uint32_t cut_count;
    uint32_t phase_count, phase_index;
    struct mtr_str subject; /* the vendor's id of it, as events carry it; the key unless given */
    struct mtr_str key;
    uint32_t contract_index; /* the first phase since which tariff and customer are these: contract terms
                                count from there */
    struct mtr_str customer;
    /* All versions, with prices in the currency where the tariff has them. */
    const struct mtr_tariff_document *tariff;
    const struct mtr_tariff_document *cost_tariff; /* what its use costs the seller; NULL: not known */
    struct mtr_str currency; /* ISO 4217; another than the tariff's where that has an exchange */
    const struct mtr_rate_book *rates; /* all of the snapshot */
    struct mtr_zone *zone;
    struct mtr_period_rule billing;
    int64_t start_us;     /* of this phase: usage and fees from here on */
    /* == start_us without a trial, and of a trial that frees units or money of the tariff. */
    int64_t trial_end_us;
    const struct mtr_tariff_document *trial_tariff; /* what is charged until then; NULL: nothing */
    bool trial_stops;    /* nothing is charged from then on */
    int64_t free_until_us; /* what the trial frees of the tariff can be used until then; INT64_MAX: always */
    int64_t charged_until_us; /* nothing is charged from then on; INT64_MAX: always */
    const struct mtr_trial_units *trial_units; /* what it frees, by component */
    uint32_t trial_unit_count;
    bool has_trial_amount;
    struct mtr_money trial_amount; /* in what the tariff is priced in */
    int64_t end_us;                 /* of this phase; INT64_MAX while it runs */
    const struct mtr_opening *openings; /* of the first phase */
    uint32_t opening_count;
    struct mtr_label *labels;
    uint32_t label_count;
    /* The customer's subscriptions of the same tariff and currency, by number, this one at peer_index:
     * where the tariff counts across them, else none. Of two the one with the lower number goes before. */
    const struct mtr_subscription *const *peers;
    uint32_t peer_count, peer_index;
    uint64_t peers_hash; /* of who they are, and when each is there and charged; 0: none */
    bool carries; /* late use of one period may change those after it: a level goes on, or a position counts
                     from the term's start */
};

/* Fills in its cuts, from its zone, term, trial and tariffs, those of all its phases. From the arena.
 * MTR_ENOMEM; MTR_ELIMIT: more than MTR_SUBSCRIPTION_CUTS_MAX. */
int mtr_subscription_find_cuts(struct mtr_subscription *subscription, struct mtr_arena *arena) MTR_MUST_USE;

/* Its phases, from any of them: how many, one, the one in force at a time (before all the first, behind all
 * the last), and the end of the last. */
uint32_t mtr_subscription_phase_count(const struct mtr_subscription *subscription);
const struct mtr_subscription *mtr_subscription_phase(const struct mtr_subscription *subscription,
                                                      uint32_t index);
const struct mtr_subscription *mtr_subscription_at(const struct mtr_subscription *subscription,
                                                   int64_t time_us);
int64_t mtr_subscription_ends_us(const struct mtr_subscription *subscription);
/* The number under which the subscriptions of its subject and service share what they share: that of the one
 * that the catalog knew first. */
static inline uint32_t mtr_subscription_first_number(const struct mtr_subscription *subscription)
{
    uint32_t first = subscription->number;
    for (uint32_t i = 0; i < subscription->same_subject_count; i++) {
        const struct mtr_subscription *other = subscription->same_subject[i];
        if (other->service == subscription->service && other->number < first) first = other->number;
    }
    return first;
}
/* The start of the first: levels hold on since then, and a trial is counted from there. */
int64_t mtr_subscription_begun_us(const struct mtr_subscription *subscription);
/* Was any of its phases that customer's? */
bool mtr_subscription_is_of_customer(const struct mtr_subscription *subscription, struct mtr_str customer);
/* What it begins with of that meter (by number) and combination of dimensions; NULL: nothing. */
const struct mtr_opening *mtr_subscription_opening(const struct mtr_subscription *subscription,
                                                   uint32_t meter, struct mtr_str dimensions);

struct mtr_arena;
struct mtr_node;
struct mtr_diagnostics;
/* Reads a subscription document by itself, outside of any catalog: what a price request says of the one that
 * it is made up for. Fills start, end, billing (but for its zone) and trial (but for its tariff), and nothing
 * else. Allocated from the arena. MTR_EINVALID with findings, MTR_ENOMEM. */
int mtr_subscription_read_terms(const struct mtr_node *node, struct mtr_arena *arena,
                                struct mtr_subscription *out,
                                struct mtr_diagnostics *findings) MTR_MUST_USE;

#endif
