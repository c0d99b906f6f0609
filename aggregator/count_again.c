/*
 * What was folded before, given to cells once more: to those that were emptied for a subject's other
 * subscription (handover/) or to be cut anew (refold.c), and to those that a question counts in
 * memory (recount.c). One rule for all of them says what counts by now.
 */
#include "aggregator/fold.h"

static int find_standing(struct mtr_aggregator *aggregator, const struct mtr_event *event, uint64_t seq,
                         struct fold_standing *standing)
{
    struct mtr_held_event held;
    if (standing->is_known) return MTR_OK;
    int rc = fold_find_held(aggregator, event, seq, &held);
    if (rc && rc != MTR_ENOTFOUND) return rc;
    standing->is_held = rc == MTR_OK;
    rc = mtr_rollups_get_voided(aggregator->txn, seq, &standing->void_seq);
    if (rc == MTR_ENOTFOUND) standing->void_seq = 0;
    else if (rc) return rc;
    standing->is_known = true;
    return MTR_OK;
}

int fold_count_again(struct mtr_aggregator *aggregator, const struct mtr_effect *of,
                     const struct mtr_event *event, uint64_t seq, struct fold_standing *standing)
{
    struct mtr_effect effect = *of;
    if (!fold_covers(aggregator, effect.meter->number, seq)) return MTR_OK;
    bool beyond;
    int rc = find_standing(aggregator, event, seq, standing);
    if (rc || (standing->is_held && !of->counts_held)) return rc;
    rc = fold_is_beyond(aggregator, &effect, seq, &beyond);
    if (rc || beyond) return rc;
    effect.way = FOLD_AGAIN;
    effect.sign = 1;
    effect.by_seq = seq;
    rc = fold_apply(aggregator, &effect, event, seq);
    if (rc || !standing->void_seq) return rc;
    effect.sign = -1;
    effect.by_seq = standing->void_seq;
    return fold_apply(aggregator, &effect, event, seq);
}
