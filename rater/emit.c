/*
 * Charges made of differences.
 *
 * Invariants: after rater_emit the emitted sum of every line listed is its price. The charge's id covers the
 * line's identity, the version's hash and the period's revision: the same rating gives the same ids.
 */
#include "rater/emit.h"

#include <xxhash.h>

static int charge_id(struct mtr_buffer *scratch, const struct rater_emission *emission,
                     const struct mtr_charge_line *line, struct mtr_hash128 *out)
{
    char version[RATER_HASH_TEXT_BYTES];
    const struct mtr_str texts[] = {emission->subscription->key,
                                    line->meter,
                                    line->component,
                                    line->kind,
                                    line->currency,
                                    line->dimensions};
    rater_hash_format(line->version_hash, version);
    mtr_buffer_reset(scratch);
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        int rc = mtr_buffer_printf(scratch, "%zu:", texts[i].size);
        if (!rc) rc = mtr_buffer_append_str(scratch, texts[i]);
        if (rc) return rc;
    }
    int rc = mtr_buffer_printf(scratch, "%lld:%lld:%s:%u", (long long)line->period_start_s,
                               (long long)line->part_start_s, version, emission->period->revision);
    if (rc) return rc;
    XXH128_hash_t hash = XXH3_128bits(scratch->data, scratch->size);
    *out = (struct mtr_hash128){hash.high64, hash.low64};
    return MTR_OK;
}

static int emit_one(struct mtr_charges_txn *charges, const struct rater_emission *emission,
                    const struct rater_difference *difference, uint64_t number, uint64_t trace,
                    struct mtr_buffer *body)
{
    struct mtr_charge charge = {
        .number = number,
        .status = emission->status,
        .subscription = emission->subscription->number,
        .period_start_s = emission->period->start_s,
        .line = difference->line.key,
        .quantity = difference->quantity,
        .quantity_delta = difference->quantity_delta,
        .amount = difference->amount,
        .emitted_before = difference->line.emitted,
        .previous = difference->line.last_number,
        .trace = trace,
        .created_us = emission->now_us,
        .seq_first = difference->seq_first,
        .seq_last = difference->seq_last,
        .has_cost = difference->has_cost,
        .cost = difference->cost,
    };
    int rc = charge_id(body, emission, &difference->line, &charge.id);
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
    return mtr_charges_put_line(charges, &line);
}

int rater_emit(struct mtr_charges_txn *charges, const struct rater_emission *emission,
               const struct rater_differences *differences, struct mtr_buffer *body)
{
    uint64_t first = 0;
    int rc = mtr_charges_next_number(charges, &first);
    if (!rc) rc = mtr_charges_put_trace(charges, first, emission->traces);
    for (uint32_t i = 0; i < differences->count && !rc; i++)
        rc = emit_one(charges, emission, &differences->items[i], first + i, first, body);
    return rc;
}
