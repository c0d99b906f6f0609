/*
 * The price of a whole period: parts gathered, priced, and laid out as lines with their identity in the
 * charges store. What the rating emits against and what the audit compares with. Private to the rater.
 */
#ifndef METERD_RATER_PERIOD_PRICE_H
#define METERD_RATER_PERIOD_PRICE_H

#include "meterd/tariff/price.h"
#include "meterd/store/charges.h"
#include "rater/period/gather.h"
#include "rater/period/grants.h"
#include "rater/period/billing_period.h"

struct mtr_period_line {
    const struct mtr_billing_part *part;
    const struct mtr_price_exchange *exchange; /* NULL: charged in the tariff's currency */
    struct mtr_exact exact;                    /* of an exchanged line: in the tariff's currency */
    const struct mtr_component *component;     /* NULL: of the whole tariff */
    const struct mtr_meter *meter;             /* NULL: none */
    struct mtr_charge_line identity;           /* identity and description; state is the store's */
    struct mtr_quantity quantity;
    struct mtr_money amount;
    bool has_cost;
    struct mtr_money cost; /* of the seller, in the same currency */
    uint64_t seq_first;
    uint64_t seq_last;
};

struct mtr_part_price {
    struct mtr_price_input input;
    struct rater_usage usage;
    struct mtr_price price;
};

struct mtr_period_price {
    struct mtr_billing_period period;
    struct mtr_grants grants;        /* with their balances at the period's start */
    struct mtr_part_price *parts;    /* one per part of the period */
    const struct mtr_price **prices; /* theirs, for the caps and minimums of the parts after them */
    struct mtr_period_line *lines;
    uint32_t line_count;
    struct mtr_period_price
        *costs; /* the same use under the cost tariff, joined to the lines above; NULL: none in force */
    uint64_t cell_count;                        /* theirs, too */
    char missing[MTR_RATE_QUESTION_TEXT_BYTES]; /* with MTR_EMISSING: which rate */
    struct mtr_money account_before;            /* of the customer's subscriptions before this one */
    bool account_continues;
};

/* From the arena. `charges` tells what was drawn of pools before, and what the account's other
 * subscriptions come to; NULL: nothing. Until the period closes a rate of exchange may be of any age:
 * those of days to come are not known. Errors: as mtr_price and rater_gather; with MTR_EMISSING nothing
 * but out->missing is written. */
int rater_price_period(struct mtr_rollups_txn *rollups, struct mtr_charges_txn *charges,
                       const struct mtr_catalog *catalog, const struct mtr_subscription *subscription,
                       int64_t period_start_s, bool closing, struct mtr_arena *arena,
                       struct mtr_period_price *out) MTR_MUST_USE;

/* Lays the lines of `costs` beside those of the period: a line gets the cost of the same component, kind
 * and dimensions in its part. Cost that has no such line makes one, with amount 0, behind the others;
 * where no part is (a free trial) in the cost's own part. */
int rater_join_costs(struct mtr_period_price *period, struct mtr_arena *arena) MTR_MUST_USE;

/* Prices the parts again with their traces and writes
 * [{"from","to","tariff","version","hash","price":{…}}, …], behind them the cost parts with "cost": true.
 * A trace that is larger than the buffer may be is left out (price null): it must not keep the money from
 * being charged. */
int rater_write_traces(const struct mtr_period_price *period, const struct mtr_subscription *subscription,
                       struct mtr_arena *arena, struct mtr_buffer *out) MTR_MUST_USE;

/* An instant with the offset of the subscription's zone. */
void rater_write_local(struct mtr_json_writer *json, const struct mtr_subscription *subscription,
                       int64_t time_s);

enum { RATER_HASH_TEXT_BYTES = 33 };
void rater_hash_format(struct mtr_hash128 hash, char text[RATER_HASH_TEXT_BYTES]);

#endif
