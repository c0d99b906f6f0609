/*
 * Levels of a component's meter as changes of the levels of its groups, and the log range of what they came
 * of.
 */
#include "rater/period/gather_parts.h"

#include "meterd/rater/level_changes.h"

static int on_change(void *context, const struct mtr_level_change *change)
{
    struct rater_gathering *gathering = context;
    uint32_t group;
    int rc = rater_gather_group(gathering, change->dimensions, &group);
    if (rc) return rc;
    rater_gather_range(gathering, group, change->seq_first, change->seq_last);
    return mtr_slicing_add_change(gathering->slicing, group, change->time_us, change->change);
}

/* Events that were taken back have left their cells: these are of the log range, too. */
static int on_cell(void *context, const struct mtr_cell_key *key, const struct mtr_cell *cell)
{
    struct rater_gathering *gathering = context;
    uint32_t group;
    gathering->cell_count++;
    int rc = rater_gather_group(gathering, key->dimensions, &group);
    if (!rc) rater_gather_range(gathering, group, cell->seq_first, cell->seq_last);
    return rc;
}

int rater_gather_levels(struct rater_gathering *gathering)
{
    const struct mtr_slicing_rule *rule = &gathering->rule;
    const struct mtr_subscription *subscription = gathering->subscription;
    const int64_t own_hour_s = mtr_zone_hour(subscription->zone, rule->own_s).start_s;
    int rc = mtr_levels_walk(gathering->rollups, subscription, rule->meter, rule->from_s, rule->until_s,
                             on_change, gathering, &gathering->cell_count);
    if (rc) return rc;
    return mtr_rollups_walk_cells(gathering->rollups, subscription->number, rule->meter->number, own_hour_s,
                                  rule->until_s, on_cell, gathering);
}
