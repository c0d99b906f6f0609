/*
 * Charges made of differences.
 *
 * Invariants: after rater_emit the emitted sum and quantity of every line listed are those of its price. The
 * charge's id covers what it says (line, version, revision, amounts) and the store's epoch: the same rating
 * gives the same ids, and another one others.
 */
#include "rater/emit.h"

#include <inttypes.h>
#include <xxhash.h>

#include "meterd/core/time.h"
#include "rater/line_order.h"

/* Of the charges that one rating emits. */
struct emitting {
    struct mtr_charges_txn *charges;
    const struct rater_emission *emission;
    uint64_t first; /* number; it has the trace */
    uint64_t epoch; /* of the store */
    bool is_ordered; /* the period's lines are kept in order */
    struct mtr_buffer *body;
};

/* Of all that a receiver books by: its body without the number, and without when and of which part of the log
 * it was made. So one id never says two things. And of a name inside a second, which the body does not say: a
 * period that gets another name is charged anew. And of the store's epoch: what was lost when the stores were
 * put back is taken back where it was booked, and what is made in its place is another charge. */
static int charge_id(const struct emitting *emitting, const struct mtr_charge *charge,
                     const struct rater_difference *difference, struct mtr_hash128 *out)
{
    struct mtr_buffer *scratch = emitting->body;
    const struct rater_emission *emission = emitting->emission;
    struct mtr_charge said = *charge;
    said.number = 0;
    said.id = (struct mtr_hash128){0, 0};
    said.created_us = 0;
    said.seq_first = said.seq_last = 0;
    int rc = rater_write_charge_body(scratch, emission, &said, difference);
    if (rc) return rc;
    if (charge->period_start_us != mtr_time_second(charge->period_start_us))
        rc = mtr_buffer_printf(scratch, "%" PRId64, charge->period_start_us);
    if (!rc && emitting->epoch) rc = mtr_buffer_printf(scratch, "e%" PRIu64, emitting->epoch);
    if (rc) return rc;
    const XXH128_hash_t hash = XXH3_128bits(scratch->data, scratch->size);
    *out = (struct mtr_hash128){hash.high64, hash.low64};
    return MTR_OK;
}

/* Σ emitted grows by what the charge says, and is the price then. */
static void check_charge(const struct mtr_charge *charge, const struct rater_difference *difference)
{
    MTR_ASSERT(difference->emitted_after.e18 == charge->emitted_before.e18 + charge->amount.e18);
    MTR_ASSERT(difference->cost_after.e18 == difference->line.cost.e18 + charge->cost.e18);
    MTR_ASSERT(charge->quantity.e12 == difference->line.quantity.e12 + charge->quantity_delta.e12);
    MTR_ASSERT(charge->previous <
               charge->number); /* the chain of a line's charges goes back, so that it ends */
    MTR_ASSERT(charge->seq_first <= charge->seq_last);
}

/* The line as the store has it now is the one that was put: what is read of it in the next rating is this
 * sum. */
static int check_line(struct mtr_charges_txn *charges, const struct mtr_charge_line *put,
                      const struct mtr_charge *charge)
{
    struct mtr_charge_line stored = *put;
    int rc = mtr_charges_get_line(charges, &stored);
    if (rc) return rc == MTR_ENOTFOUND ? MTR_ECORRUPT : rc;
    MTR_ASSERT(stored.emitted.e18 == charge->emitted_before.e18 + charge->amount.e18);
    MTR_ASSERT(stored.quantity.e12 == charge->quantity.e12 && stored.cost.e18 == put->cost.e18);
    MTR_ASSERT(stored.last_number == charge->number && stored.count == put->count);
    return MTR_OK;
}

static int put_line(const struct emitting *emitting, const struct mtr_charge_line *line, bool is_new)
{
    int rc = mtr_charges_put_line(emitting->charges, line);
    return rc || !emitting->is_ordered || !is_new ? rc : rater_put_in_order(emitting->charges, line);
}

static int emit_one(const struct emitting *emitting, const struct rater_difference *difference,
                    uint64_t number)
{
    struct mtr_charges_txn *charges = emitting->charges;
    const struct rater_emission *emission = emitting->emission;
    struct mtr_buffer *body = emitting->body;
    struct mtr_charge charge = {
        .number = number,
        .status = emission->status,
        .subscription = emission->subscription->number,
        .period_start_us = emission->period->start_us,
        .line = difference->line.key,
        .quantity = difference->quantity,
        .quantity_delta = difference->quantity_delta,
        .amount = difference->amount,
        .emitted_before = difference->line.emitted,
        .previous = difference->line.last_number,
        .trace = emitting->first,
        .created_us = emission->now_us,
        .seq_first = difference->seq_first,
        .seq_last = difference->seq_last,
        .has_cost = difference->has_cost,
        .cost = difference->cost,
    };
    check_charge(&charge, difference);
    int rc = charge_id(emitting, &charge, difference, &charge.id);
    if (!rc) rc = rater_write_charge_body(body, emission, &charge, difference);
    if (rc) return rc;
    charge.body = mtr_buffer_str(body);
    rc = mtr_charges_append(charges, &charge);
    if (rc) return rc == MTR_EEXISTS ? MTR_ECORRUPT : rc;
    struct mtr_charge_line line = difference->line;
    line.emitted = difference->emitted_after;
    line.quantity = difference->quantity;
    line.has_cost = difference->has_cost;
    line.cost = difference->cost_after;
    line.last_number = number;
    line.count++;
    rc = put_line(emitting, &line, !charge.previous);
    return rc ? rc : check_line(charges, &line, &charge);
}

int rater_emit(struct mtr_charges_txn *charges, const struct rater_emission *emission,
               const struct rater_differences *differences, struct mtr_buffer *body)
{
    const struct mtr_charge_period *period = emission->period;
    struct emitting emitting = {.charges = charges, .emission = emission, .body = body};
    struct mtr_charges_epoch epoch;
    MTR_ASSERT(differences->count > 0 && period->revision > 0);
    int rc = mtr_charges_next_number(charges, &emitting.first);
    if (!rc) rc = mtr_charges_get_epoch(charges, &epoch);
    if (!rc) emitting.epoch = epoch.number;
    if (!rc)
        rc = mtr_charges_is_ordered(charges, period->subscription, period->start_us, &emitting.is_ordered);
    if (!rc && emission->is_range && !emitting.is_ordered) {
        rc = rater_order_lines(charges, period->subscription, period->start_us);
        emitting.is_ordered = true; /* from the first of them on */
    }
    if (!rc) rc = mtr_charges_put_trace(charges, emitting.first, emission->traces);
    for (uint32_t i = 0; i < differences->count && !rc; i++)
        rc = emit_one(&emitting, &differences->items[i], emitting.first + i);
    return rc;
}
