/*
 * Draws under a draft; see chained_draws.h. Invariant: only grants of which more or less is drawn are kept.
 */
#include "daemon/query/chained_draws.h"

void query_draws_begin(struct query_draws *draws, struct mtr_charges_txn *charges)
{
    draws->charges = charges;
    draws->count = 0;
}

static struct query_draw *find(struct query_draws *draws, struct mtr_hash128 grant)
{
    for (uint32_t i = 0; i < draws->count; i++)
        if (draws->items[i].grant.high == grant.high && draws->items[i].grant.low == grant.low)
            return &draws->items[i];
    return NULL;
}

static bool add(struct query_draws *draws, const struct mtr_grant *grant, mtr_int128 more)
{
    struct query_draw *known = find(draws, grant->id);
    if (!more) return true;
    if (!known && draws->count == QUERY_DRAWS_MAX) return false;
    if (!known) {
        known = &draws->items[draws->count++];
        *known = (struct query_draw){grant->id, grant->of_term, 0};
    }
    known->more += more;
    return true;
}

bool query_draws_note(struct query_draws *draws, const struct mtr_period_price *stored,
                      const struct mtr_period_price *draft)
{
    bool has_room = true;
    for (uint32_t i = 0; has_room && i < draft->grants.count; i++)
        has_room = add(draws, &draft->grants.items[i], draft->grants.items[i].drawn);
    for (uint32_t i = 0; has_room && i < stored->grants.count; i++)
        has_room = add(draws, &stored->grants.items[i], -stored->grants.items[i].drawn);
    for (uint32_t i = draws->count; i-- > 0;)
        if (!draws->items[i].more) draws->items[i] = draws->items[--draws->count];
    return has_room;
}

bool query_draws_differ(const struct query_draws *draws)
{
    return draws->count > 0;
}

static int draw_before(void *context, struct mtr_charge_draw *draw)
{
    struct query_draws *draws = context;
    int rc = mtr_ledger_of_charges.draw_before(draws->charges, draw);
    const struct query_draw *known = find(draws, draw->grant);
    if (!known || (rc && rc != MTR_ENOTFOUND)) return rc;
    if (rc) draw->before = draw->drawn = 0;
    draw->before += draw->drawn + known->more;
    draw->drawn = 0;
    /* What is charged may wait to be rated: nobody gives back to a pool. */
    if (!known->of_term && draw->before < 0) draw->before = 0;
    return MTR_OK;
}

static int walk_lines(void *context, uint32_t subscription, int64_t period_start_s,
                      mtr_charges_on_line on_line, void *hook_context)
{
    const struct query_draws *draws = context;
    return mtr_ledger_of_charges.lines(draws->charges, subscription, period_start_s, on_line, hook_context);
}

const struct mtr_draw_ledger query_ledger_of_draws = {.draw_before = draw_before, .lines = walk_lines};
