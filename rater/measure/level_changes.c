/*
 * Reading levels; see level_changes.h.
 *
 *   cells before the range ──▶ their sums, where changes are reported ┐
 *   each list: the point before the range, where levels are ──────────┼──▶ on_change
 *   each list: the points of the range ───────────────────────────────┘
 */
#include "meterd/rater/level_changes.h"

#include "meterd/core/time.h"

struct levels {
    const struct mtr_levels_question *question;
    const struct mtr_subscription *subscription; /* its first phase: a level goes on through changes */
    const struct mtr_meter *meter;
    int64_t begins_us;     /* of the range, or the subscription: nothing holds before */
    /* Points from here on are read one by one: the begin of the hour, or day, that the range begins in. */
    int64_t points_from_us;
    int64_t until_us;      /* up to here, not included */
    int64_t retired_us;    /* no level holds from here on; INT64_MAX: not in the range */
    mtr_levels_on_change on_change;
    void *context;
    uint64_t *read_count;
    struct mtr_str list;       /* dimensions of the list being read */
    struct mtr_quantity level; /* of the list, so far */
};

static struct mtr_period day_of(const struct mtr_subscription *subscription, int64_t time_us)
{
    const struct mtr_period_rule day = {MTR_PERIOD_DAY, INT64_MIN, subscription->zone};
    return mtr_period_at(&day, time_us);
}

static void find_bounds(struct levels *levels, int64_t from_us, int64_t until_us)
{
    const struct mtr_subscription *subscription = levels->subscription;
    levels->retired_us = mtr_meter_retired_us(levels->meter);
    if (levels->retired_us >= until_us) levels->retired_us = INT64_MAX;
    levels->begins_us = mtr_time_later(from_us, subscription->start_us);
    levels->points_from_us = mtr_zone_hour(subscription->zone, from_us).start_us;
    if (levels->meter->holds_from_day) {
        levels->points_from_us = day_of(subscription, from_us).start_us;
        until_us = day_of(subscription, until_us - 1).end_us;
    }
    levels->points_from_us = mtr_time_later(levels->points_from_us, subscription->start_us);
    levels->until_us = mtr_time_sooner(until_us, mtr_subscription_ends_us(subscription));
}

/* What a retired meter's level comes to is taken back where it is retired. */
static int hand_out(struct levels *levels, const struct mtr_level_change *change)
{
    struct mtr_level_change back = *change;
    int rc = levels->on_change(levels->context, change);
    if (rc || levels->retired_us == INT64_MAX) return rc;
    back.time_us = mtr_time_later(levels->retired_us, change->time_us);
    back.change.e12 = -change->change.e12;
    return levels->on_change(levels->context, &back);
}

/* The list's level becomes another from that moment on. */
static int change_level(struct levels *levels, int64_t time_us, struct mtr_quantity change, uint64_t seq)
{
    const struct mtr_level_change row = {levels->list, mtr_time_later(time_us, levels->begins_us), change,
                                         seq, seq};
    if (!levels->meter->reports_changes) { /* else nothing is made of it */
        int rc = mtr_quantity_add(levels->level, change, &levels->level);
        if (rc) return rc;
    }
    return hand_out(levels, &row);
}

static int on_point(void *context, const struct mtr_point *point)
{
    struct levels *levels = context;
    struct mtr_quantity change = point->quantity;
    int64_t time_us = point->time_us;
    int rc = MTR_OK;
    MTR_ASSERT(point->time_us >= levels->points_from_us &&
               point->time_us < levels->until_us);
    ++*levels->read_count;
    if (!levels->meter->reports_changes) rc = mtr_quantity_sub(point->quantity, levels->level, &change);
    if (levels->meter->holds_from_day)
        time_us = day_of(levels->subscription, time_us).start_us;
    return rc ? rc : change_level(levels, time_us, change, point->seq);
}

/* What the subscription began with, until the first point. */
static int add_opening(struct levels *levels, const struct mtr_opening *opening)
{
    return opening && levels->begins_us < levels->until_us
               ? change_level(levels, levels->begins_us, opening->value, 0)
               : MTR_OK;
}

/* Of the list being read. */
static const struct mtr_opening *find_opening(const struct levels *levels)
{
    return mtr_subscription_opening(levels->subscription, levels->meter->number, levels->list);
}

/* What the list stood at when its points begin to be read. */
static int add_level_before(struct levels *levels)
{
    const struct mtr_levels_question *question = levels->question;
    struct mtr_point point;
    ++*levels->read_count;
    int rc = question->source->point_before(question->source_context, &question->stream, levels->list,
                                            levels->points_from_us, &point);
    if (rc && rc != MTR_ENOTFOUND) return rc;
    if (rc || point.time_us < levels->subscription->start_us)
        return add_opening(levels, find_opening(levels));
    MTR_ASSERT(point.time_us < levels->points_from_us); /* or it would count twice */
    if (!point.quantity.e12) return MTR_OK;
    return change_level(levels, levels->begins_us, point.quantity, point.seq);
}

static int read_list(struct levels *levels)
{
    const struct mtr_levels_question *question = levels->question;
    const struct mtr_use_points wanted = {levels->list, levels->points_from_us,
                                          levels->until_us};
    levels->level = (struct mtr_quantity){0};
    int rc = levels->meter->reports_changes ? add_opening(levels, find_opening(levels))
                                            : add_level_before(levels);
    return rc ? rc
              : question->source->points(question->source_context, &question->stream, &wanted, on_point,
                                         levels);
}

static int on_cell_before(void *context, const struct mtr_cell_key *key, const struct mtr_cell *cell)
{
    struct levels *levels = context;
    const struct mtr_level_change row = {key->dimensions, levels->begins_us, cell->value, cell->seq_first,
                                         cell->seq_last};
    ++*levels->read_count;
    return cell->count ? hand_out(levels, &row) : MTR_OK;
}

/* Where changes are reported: the sum of those of the cells before. */
static int add_cells_before(struct levels *levels)
{
    const struct mtr_levels_question *question = levels->question;
    const struct mtr_period before = {levels->subscription->start_us, levels->points_from_us};
    if (!levels->meter->reports_changes) return MTR_OK;
    return question->source->cells(question->source_context, &question->stream, before, on_cell_before,
                                   levels);
}

/* Levels that no event has come of. */
static int add_openings_alone(struct levels *levels)
{
    const struct mtr_levels_question *question = levels->question;
    const struct mtr_subscription *subscription = levels->subscription;
    int rc = MTR_OK;
    for (uint32_t i = 0; !rc && i < subscription->opening_count; i++) {
        const struct mtr_opening *opening = &subscription->openings[i];
        struct mtr_point point;
        if (opening->meter->number != levels->meter->number) continue;
        ++*levels->read_count;
        rc = question->source->point_before(question->source_context, &question->stream, opening->dimensions,
                                            INT64_MAX, &point);
        if (rc != MTR_ENOTFOUND) continue; /* its list was read */
        levels->list = opening->dimensions;
        levels->level = (struct mtr_quantity){0};
        rc = add_opening(levels, opening);
    }
    return rc;
}

int mtr_levels_walk(const struct mtr_levels_question *question, mtr_levels_on_change on_change, void *context,
                    uint64_t *read_count)
{
    struct levels levels = {.question = question,
                            .subscription = mtr_subscription_phase(question->stream.subscription, 0),
                            .meter = question->stream.meter,
                            .on_change = on_change,
                            .context = context,
                            .read_count = read_count};
    const struct mtr_str *after = NULL;
    if (question->from_us >= question->until_us) return MTR_OK;
    find_bounds(&levels, question->from_us, question->until_us);
    int rc = add_cells_before(&levels);
    while (!rc) {
        rc = question->source->next_list(question->source_context, &question->stream, after, &levels.list);
        if (!rc)
            rc = read_list(&levels);
        else if (rc == MTR_ENOTFOUND)
            return add_openings_alone(&levels);
        after = &levels.list;
    }
    return rc;
}
