/*
 * The pools of a price on request: allowances of the tariff's versions as months grant them, and the credits
 * that the caller gives. As a subscription of calendar months would have them. Private to daemon.
 */
#ifndef METERD_DAEMON_QUERY_QUOTE_PURSE_H
#define METERD_DAEMON_QUERY_QUOTE_PURSE_H

#include "meterd/core/schema.h"
#include "meterd/tariff/price.h"

/* As a request writes it. */
struct mtr_price_credit {
    struct mtr_str key; /* "credit-1" … unless given */
    struct mtr_money amount;
    uint64_t priority;
    bool has_expires;
    int64_t expires_us;
};
extern const struct mtr_field mtr_price_credit_fields[];

struct mtr_price_purse {
    const struct mtr_tariff_document *tariff;
    struct mtr_period_rule months;
    struct mtr_arena *arena;
    struct mtr_price_pool *pools; /* balances at the start of the month at hand */
    int64_t *from_s;              /* parts that begin then or later draw on it */
    uint32_t count, capacity;
    struct mtr_period month;
};

/* credits: of struct mtr_price_credit; borrowed, as all else. MTR_EINVALID with a finding, MTR_ENOMEM. */
int quote_purse_open(struct mtr_price_purse *purse, const struct mtr_tariff_document *tariff,
                         const struct mtr_list *credits, struct mtr_period_rule months,
                         struct mtr_arena *arena, struct mtr_diagnostics *findings) MTR_MUST_USE;
/* The next month: what the parts of the one before drew is taken off, what the months between were granted
 * rolls over. */
int quote_purse_turn(struct mtr_price_purse *purse, struct mtr_period month,
                         const struct mtr_price *const *prices, uint32_t price_count) MTR_MUST_USE;
/* The pools of a part of the month that begins at from_s. From the arena. */
int quote_purse_fill(const struct mtr_price_purse *purse, int64_t from_s,
                         struct mtr_price_input *input) MTR_MUST_USE;

#endif
