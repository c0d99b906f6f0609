/*
 * Levels of a component's meter as changes of the levels of its groups, and the log range of what they came
 * of.
 */
#include "rater/period/gather_parts.h"

#include "meterd/core/time.h"
#include "meterd/rater/level_changes.h"

static int on_change(void *context, const struct mtr_level_change *change)
{
    struct rater_gathering *gathering = context;
    uint32_t group;
    MTR_ASSERT(change->time_us >= gathering->rule.from_us); /* what stood before begins there */
    int rc = rater_gather_group(gathering, change->dimensions, &group);
    if (rc || group == RATER_NO_GROUP) return rc;
    if (change->seq_last) rater_gather_range(gathering, group, change->seq_first, change->seq_last);
    return mtr_slicing_add_change(gathering->slicing, group, change->time_us, change->change);
}

/* Events that were taken back have left their cells: these are of the log range, too. */
static int on_cell(void *context, const struct mtr_cell_key *key, const struct mtr_cell *cell)
{
    struct rater_gathering *gathering = context;
    uint32_t group;
    gathering->cell_count++;
    int rc = rater_gather_group(gathering, key->dimensions, &group);
    if (!rc && group != RATER_NO_GROUP)
        rater_gather_range(gathering, group, cell->seq_first, cell->seq_last);
    return rc;
}

int rater_gather_levels(struct rater_gathering *gathering)
{
    const struct mtr_slicing_rule *rule = &gathering->rule;
    const struct mtr_rating *rating = gathering->rating;
    const struct mtr_levels_question question = {rating->source, rating->source_context,
                                                 rater_gather_stream(gathering), rule->from_us,
                                                 rule->until_us};
    const struct mtr_period own = {rule->own_us, rule->until_us};
    int rc = mtr_levels_walk(&question, on_change, gathering, &gathering->cell_count);
    return rc ? rc : rating->source->cells(rating->source_context, &question.stream, own, on_cell, gathering);
}
