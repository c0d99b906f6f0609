/*
 * Charges made of differences.
 *
 * Invariants: after rater_emit the emitted sum of every line listed is its price. The charge's id covers the
 * line's identity, the version's hash and the period's revision: the same rating gives the same ids.
 */
#include "rater/emit.h"

#include <string.h>
#include <xxhash.h>

#include "meterd/core/currency.h"
#include "meterd/core/limits.h"
#include "rater/period/gather.h"

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

static void write_dimensions(struct mtr_json_writer *json, struct mtr_str dimensions)
{
    char value[RATER_DIMENSIONS_BYTES_MAX];
    char key[MTR_PROPERTY_NAME_BYTES_MAX + 1];
    struct mtr_str rest = dimensions;
    struct mtr_str name;
    size_t size = 0;
    MTR_ASSERT(dimensions.size <= sizeof(value));
    mtr_json_map(json);
    while (rater_next_dimension(&rest, &name, value, &size)) {
        MTR_ASSERT(name.size < sizeof(key));
        memcpy(key, name.data, name.size);
        key[name.size] = '\0';
        mtr_json_name(json, key);
        mtr_json_text(json, (struct mtr_str){value, size});
    }
    mtr_json_map_end(json);
}

static void write_who(struct mtr_json_writer *json, const struct mtr_subscription *subscription)
{
    mtr_json_named_text(json, "vendor", subscription->service->vendor->key);
    mtr_json_named_text(json, "service", subscription->service->key);
    mtr_json_named_text(json, "subscription", subscription->key);
    mtr_json_named_text(json, "customer", subscription->customer);
}

static void write_when(struct mtr_json_writer *json, const struct rater_emission *emission,
                       const struct mtr_charge_line *line)
{
    const struct mtr_subscription *subscription = emission->subscription;
    mtr_json_name(json, "period_start");
    rater_write_local(json, subscription, emission->period->start_s);
    mtr_json_name(json, "period_end");
    rater_write_local(json, subscription, emission->period->end_s);
    mtr_json_name(json, "part_start");
    rater_write_local(json, subscription, line->part_start_s);
    mtr_json_name(json, "part_end");
    rater_write_local(json, subscription, line->part_end_s);
}

static void write_what(struct mtr_json_writer *json, const struct mtr_charge *charge,
                       const struct rater_difference *difference)
{
    const struct mtr_charge_line *line = &difference->line;
    const struct mtr_currency *currency = mtr_currency_find(line->currency);
    const unsigned digits = currency ? currency->digits : 0;
    mtr_json_name(json, "quantity");
    mtr_json_quantity(json, charge->quantity);
    mtr_json_name(json, "quantity_delta");
    mtr_json_quantity(json, charge->quantity_delta);
    mtr_json_name(json, "amount");
    mtr_json_money(json, charge->amount, digits);
    mtr_json_name(json, "amount_total");
    mtr_json_money(json, difference->emitted_after, digits);
    mtr_json_named_text(json, "currency", line->currency);
    if (!difference->exchange) return;
    mtr_json_name(json, "exchange");
    mtr_price_write_exchange(difference->exchange, difference->exact, json);
}

/* What the seller pays, and what is left. */
static void write_margin(struct mtr_json_writer *json, const struct rater_difference *difference)
{
    const struct mtr_currency *currency = mtr_currency_find(difference->line.currency);
    const unsigned digits = currency ? currency->digits : 0;
    if (!difference->has_cost) return;
    mtr_json_name(json, "cost");
    mtr_json_money(json, difference->cost, digits);
    mtr_json_name(json, "cost_total");
    mtr_json_money(json, difference->cost_after, digits);
    mtr_json_name(json, "margin");
    mtr_json_money(json, difference->margin, digits);
    mtr_json_name(json, "margin_total");
    mtr_json_money(json, difference->margin_after, digits);
}

static void write_why(struct mtr_json_writer *json, const struct rater_emission *emission,
                      const struct mtr_charge *charge, const struct mtr_charge_line *line)
{
    char version[RATER_HASH_TEXT_BYTES];
    rater_hash_format(line->version_hash, version);
    mtr_json_name(json, "tariff");
    mtr_json_map(json);
    mtr_json_named_text(json, "key", line->tariff);
    mtr_json_named_text(json, "from", line->version_from);
    mtr_json_name(json, "hash");
    mtr_json_cstr(json, version);
    mtr_json_map_end(json);
    mtr_json_name(json, "revision");
    mtr_json_u64(json, emission->period->revision);
    mtr_json_name(json, "created_at");
    mtr_json_time(json, charge->created_us);
    mtr_json_name(json, "seq_first");
    mtr_json_u64(json, charge->seq_first);
    mtr_json_name(json, "seq_last");
    mtr_json_u64(json, charge->seq_last);
}

/* The documented body of a charge (docs/formats.md). */
static int write_body(struct mtr_buffer *out, const struct rater_emission *emission,
                      const struct mtr_charge *charge, const struct rater_difference *difference)
{
    const struct mtr_charge_line *line = &difference->line;
    struct mtr_json_writer json;
    char id[MTR_CHARGE_ID_TEXT_BYTES];
    mtr_charge_id_format(charge->id, id);
    mtr_buffer_reset(out);
    mtr_json_begin(&json, out);
    mtr_json_map(&json);
    mtr_json_name(&json, "number");
    mtr_json_u64(&json, charge->number);
    mtr_json_name(&json, "id");
    mtr_json_cstr(&json, id);
    mtr_json_name(&json, "status");
    mtr_json_cstr(&json, mtr_charge_status_name(charge->status));
    write_who(&json, emission->subscription);
    mtr_json_named_text(&json, "component", line->component);
    mtr_json_named_text(&json, "kind", line->kind);
    mtr_json_named_text(&json, "meter", line->meter);
    mtr_json_named_text(&json, "unit", line->unit);
    if (line->tax_code.size) mtr_json_named_text(&json, "tax_code", line->tax_code);
    mtr_json_name(&json, "dimensions");
    write_dimensions(&json, line->dimensions);
    write_when(&json, emission, line);
    write_what(&json, charge, difference);
    write_margin(&json, difference);
    write_why(&json, emission, charge, line);
    mtr_json_map_end(&json);
    return mtr_json_finish(&json);
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
    if (!rc) rc = write_body(body, emission, &charge, difference);
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
