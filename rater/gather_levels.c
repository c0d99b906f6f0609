/*
 * Levels out of the rollups: one list of points for each combination of the meter's dimensions, over all hours. What a list stood at before
 * the part is one seek where events report the level, and the sum of the hour cells before it where they report changes.
 *
 * Invariants: only events within the subscription's term count, from the hour of its start on; before the first the level is zero. A value that
 * holds from its day counts from the day's local midnight, so that of several of one day the last holds.
 */
#include "rater/gather_parts.h"

#include "meterd/core/time.h"

struct levels {
    struct rater_gathering *gathering;
    int64_t from_s;        /* points from here on are read one by one: the beginning of the hour, or day, that the part's begin falls in */
    int64_t until_us;      /* up to here, not included */
    struct mtr_str list;   /* dimensions of the list being read; borrowed */
    bool has_group;        /* of that list */
    uint32_t group;
    struct mtr_quantity level; /* of the list, so far */
    uint64_t carried_seq;      /* of the value that holds when the part begins; 0: none, or zero */
};

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static struct mtr_period day_of(const struct rater_gathering *gathering, int64_t time_s)
{
    const struct mtr_period_rule day = {MTR_PERIOD_DAY, INT64_MIN, gathering->subscription->zone};
    return mtr_period_at(&day, time_s);
}

static void find_bounds(struct levels *levels)
{
    const struct rater_gathering *gathering = levels->gathering;
    const struct mtr_slicing_rule *rule = &gathering->rule;
    const struct mtr_subscription *subscription = gathering->subscription;
    int64_t until_s = rule->until_s;
    levels->from_s = mtr_zone_hour(subscription->zone, rule->from_s).start_s;
    if (rule->meter->holds_from_day) {
        levels->from_s = day_of(gathering, rule->from_s).start_s;
        until_s = day_of(gathering, rule->until_s - 1).end_s;
    }
    levels->from_s = later(levels->from_s, rater_first_hour(subscription));
    if (subscription->end_s < until_s) until_s = subscription->end_s;
    levels->until_us = until_s * MTR_US_PER_SECOND;
}

static int find_group(struct levels *levels)
{
    if (levels->has_group) return MTR_OK;
    levels->has_group = true;
    return rater_gather_group(levels->gathering, levels->list, &levels->group);
}

/* The list's level becomes another from that moment on. */
static int change_level(struct levels *levels, int64_t time_us, struct mtr_quantity change)
{
    int rc = find_group(levels);
    if (!rc) rc = mtr_quantity_add(levels->level, change, &levels->level);
    return rc ? rc : mtr_slicing_add_change(levels->gathering->slicing, levels->group, time_us, change);
}

static int on_point(void *context, const struct mtr_point *point)
{
    struct levels *levels = context;
    struct rater_gathering *gathering = levels->gathering;
    const struct mtr_meter *meter = gathering->rule.meter;
    struct mtr_quantity change = point->quantity;
    int64_t time_us = point->time_us;
    int rc = MTR_OK;
    gathering->cell_count++;
    if (!meter->reports_changes) rc = mtr_quantity_sub(point->quantity, levels->level, &change);
    if (meter->holds_from_day) time_us = day_of(gathering, time_us / MTR_US_PER_SECOND).start_s * MTR_US_PER_SECOND;
    if (!meter->reports_changes && time_us < gathering->rule.own_s * MTR_US_PER_SECOND)
        levels->carried_seq = point->quantity.e12 ? point->seq : 0;
    return rc ? rc : change_level(levels, time_us, change);
}

/* What the list stood at when its points begin to be read. */
static int add_level_before(struct levels *levels, const struct mtr_cell_key *key)
{
    struct mtr_point point;
    struct rater_gathering *gathering = levels->gathering;
    gathering->cell_count++;
    int rc = mtr_rollups_point_before(gathering->rollups, key, levels->from_s * MTR_US_PER_SECOND, &point);
    if (rc) return rc == MTR_ENOTFOUND ? MTR_OK : rc;
    if (point.time_us < rater_first_hour(gathering->subscription) * MTR_US_PER_SECOND || !point.quantity.e12) return MTR_OK;
    levels->carried_seq = point.seq;
    return change_level(levels, gathering->rule.from_s * MTR_US_PER_SECOND, point.quantity);
}

static int read_list(struct levels *levels)
{
    struct rater_gathering *gathering = levels->gathering;
    const struct mtr_meter *meter = gathering->rule.meter;
    const struct mtr_cell_key key = {gathering->subscription->number, meter->number, MTR_CELL_ALL_HOURS, levels->list};
    levels->has_group = false;
    levels->level = (struct mtr_quantity){0};
    levels->carried_seq = 0;
    int rc = meter->reports_changes ? MTR_OK : add_level_before(levels, &key);
    if (rc) return rc;
    rc = mtr_rollups_walk_points(gathering->rollups, &key, levels->from_s * MTR_US_PER_SECOND, levels->until_us, on_point, levels);
    if (!rc && levels->carried_seq) rater_gather_range(gathering, levels->group, levels->carried_seq, levels->carried_seq);
    return rc;
}

/* Cells give the log range, and the changes of whole hours before the points that are read. */
static int on_cell(void *context, const struct mtr_cell_key *key, const struct mtr_cell *cell)
{
    struct levels *levels = context;
    struct rater_gathering *gathering = levels->gathering;
    const struct mtr_slicing_rule *rule = &gathering->rule;
    uint32_t group;
    gathering->cell_count++;
    int rc = rater_gather_group(gathering, key->dimensions, &group);
    if (rc) return rc;
    rater_gather_range(gathering, group, cell->seq_first, cell->seq_last);
    if (!rule->meter->reports_changes || key->hour_s >= levels->from_s || !cell->count) return MTR_OK;
    return mtr_slicing_add_change(gathering->slicing, group, rule->from_s * MTR_US_PER_SECOND, cell->value);
}

int rater_gather_levels(struct rater_gathering *gathering)
{
    const struct mtr_slicing_rule *rule = &gathering->rule;
    struct levels levels = {.gathering = gathering};
    find_bounds(&levels);
    const int64_t cells_from_s = rule->meter->reports_changes ? rater_first_hour(gathering->subscription)
                                                              : mtr_zone_hour(gathering->subscription->zone, rule->own_s).start_s;
    const struct mtr_str *after = NULL;
    int rc = mtr_rollups_walk_cells(gathering->rollups, gathering->subscription->number, rule->meter->number, cells_from_s, rule->until_s, on_cell,
                                    &levels);
    while (!rc) {
        rc = mtr_rollups_next_list(gathering->rollups, gathering->subscription->number, rule->meter->number, MTR_CELL_ALL_HOURS, after,
                                   &levels.list);
        if (!rc) rc = read_list(&levels);
        after = &levels.list;
    }
    return rc == MTR_ENOTFOUND ? MTR_OK : rc;
}
