/*
 * The price of a whole period (meterd/rater/billing_period.h), its costs joined and its traces written. What
 * the rating emits against and what the audit compares with. Private to the rater.
 */
#ifndef METERD_RATER_PERIOD_PRICE_H
#define METERD_RATER_PERIOD_PRICE_H

#include "meterd/core/buffer.h"
#include "meterd/core/shape.h"
#include "meterd/rater/billing_period.h"

/* Lays the lines of `costs` beside those of the period: a line gets the cost of the same component, kind
 * and dimensions in its part. Cost that has no such line makes one, with amount 0, behind the others;
 * where no part is (a free trial) in the cost's own part. */
int rater_join_costs(struct mtr_period_price *period, struct mtr_arena *arena) MTR_MUST_USE;

/* One of those that were asked for: not a sum of others, nor what behind the first lines was made of these
 * alone. */
bool rater_is_asked_for(const struct mtr_period_price *priced, const struct mtr_price_line *line);

/* Prices the parts again with their traces, in what the arena has left, and writes, of the lines that were
 * asked for, [{"from","to","tariff","version","hash","price":{…}}, …], behind them the cost parts with
 * "cost": true. A trace that is larger than the buffer may be is left out (price null): it must not keep the
 * money from being charged. So is one that needs more memory than there is; but MTR_ENOMEM where fewer lines
 * would need less. */
int rater_write_traces(const struct mtr_period_price *priced, bool fewer_need_less, struct mtr_arena *arena,
                       struct mtr_buffer *out) MTR_MUST_USE;

enum { RATER_HASH_TEXT_BYTES = 33 };
void rater_hash_format(struct mtr_hash128 hash, char text[RATER_HASH_TEXT_BYTES]);

/* A time as bodies and traces write it: with the offset of the subscription's zone. */
struct mtr_local_time rater_local_time(const struct mtr_subscription *subscription, int64_t time_us);

#endif
