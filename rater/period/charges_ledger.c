/*
 * The charges store as the ledger of a rating: what was drawn and emitted before. Without a store nothing
 * was.
 */
#include "meterd/rater/billing_period.h"

static int draw_before(void *context, struct mtr_charge_draw *draw)
{
    return context ? mtr_charges_draw_before(context, draw) : MTR_ENOTFOUND;
}

static int walk_lines(void *context, uint32_t subscription, int64_t period_start_s,
                      mtr_charges_on_line on_line, void *hook_context)
{
    return context ? mtr_charges_walk_lines(context, subscription, period_start_s, on_line, hook_context)
                   : MTR_OK;
}

const struct mtr_draw_ledger mtr_ledger_of_charges = {.draw_before = draw_before, .lines = walk_lines};
