/*
 * Whether cells wait to be folded again: the catalog cuts them where the fold has not yet, or gives their use
 * to another subscription of the subject. Until it has, nothing is rated by them, and the audit compares
 * nothing with them.
 */
#include "rater/step.h"

static int are_cut(struct mtr_rollups_txn *rollups, const struct mtr_subscription *subscription, bool *cut)
{
    struct mtr_str cuts;
    int rc = mtr_rollups_get_cuts(rollups, subscription->number, &cuts);
    if (rc) return rc;
    bool moving = false;
    *cut = mtr_rollups_cuts_are(cuts, subscription->cuts_us, subscription->cut_count);
    if (*cut && subscription->same_subject_count)
        rc = mtr_rollups_is_moving(rollups, mtr_subscription_first_number(subscription), &moving);
    *cut = *cut && !moving;
    return rc;
}

int rater_are_cells_cut(struct mtr_rollups_txn *rollups, const struct mtr_subscription *subscription,
                        bool *cut)
{
    int rc = are_cut(rollups, subscription, cut);
    for (uint32_t i = 0; !rc && *cut && i < subscription->peer_index; i++)
        rc = are_cut(rollups, subscription->peers[i], cut);
    return rc;
}
