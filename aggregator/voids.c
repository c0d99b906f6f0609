/*
 * Voids: what takes an event back is noted where the main fold meets it (fold.c), and done at the end of the
 * step's events, sorted by target, because each reads its target's block again.
 */
#include "aggregator/fold.h"

#include <inttypes.h>
#include <stdlib.h>

static int apply_void(struct mtr_aggregator *aggregator, const struct mtr_void *v)
{
    const struct mtr_event *target;
    struct mtr_held_event held;
    int rc = fold_read(aggregator, v->target_seq, &target);
    if (rc == MTR_ENOTFOUND)
        return fold_quarantine(aggregator, v->seq, 0, "void_unknown",
                               "the event that it takes back has left the log");
    if (rc) return rc;
    if (target->disposition != MTR_DISPOSITION_NORMAL) return MTR_OK; /* it never counted */
    rc = fold_find_held(aggregator, target, v->target_seq, &held);
    if (!rc) {
        held.voided = true;
        return mtr_rollups_put_held(aggregator->txn, &held);
    }
    if (rc != MTR_ENOTFOUND) return rc;
    struct mtr_resolved resolved = fold_resolve(aggregator, target);
    if (resolved.held) {
        mtr_diagnostic_set(aggregator->diagnostic, MTR_FINDING_STORE_OLDER, 0, 0, NULL,
                           "the catalog no longer knows what the event at sequence %" PRIu64 " counted for",
                           v->target_seq);
        return MTR_ECORRUPT;
    }
    for (uint32_t i = 0; i < resolved.meter_count; i++) {
        if (!fold_covers(aggregator, resolved.meters[i]->number, v->target_seq))
            continue; /* the catch-up will see it voided */
        const struct mtr_effect back = {
            .subscription = resolved.subscription, .meter = resolved.meters[i], .sign = -1, .by_seq = v->seq};
        bool beyond;
        rc = fold_is_beyond(aggregator, &back, v->target_seq, &beyond);
        if (!rc && !beyond) rc = fold_apply(aggregator, &back, target, v->target_seq);
        if (rc) return rc;
    }
    return MTR_OK;
}

static int compare_voids(const void *a, const void *b)
{
    const struct mtr_void *x = a, *y = b;
    return (x->target_seq > y->target_seq) - (x->target_seq < y->target_seq);
}

int fold_voids(struct mtr_aggregator *aggregator)
{
    int rc = MTR_OK;
    if (aggregator->void_count > 1)
        qsort(aggregator->voids, aggregator->void_count, sizeof(*aggregator->voids), compare_voids);
    for (uint32_t i = 0; !rc && i < aggregator->void_count; i++)
        rc = apply_void(aggregator, &aggregator->voids[i]);
    aggregator->void_count = 0;
    return rc;
}
