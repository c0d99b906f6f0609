/*
 * Levels over time: a gauge's GiB-hours, seats for the days on which they were held. Pure.
 *
 * Invariant: the integral of level × time is exact; it is divided once for each moment at which a slice
 * ends, and a slice is the difference of two such quotients. So the slices of a part, and the parts of a
 * period, add up to the quotient of the whole.
 */
#include "rater/measure/slicing_state.h"

#include <stdlib.h>

#include "meterd/core/time.h"

struct run {
    struct mtr_slicing *slicing;
    uint32_t group;
    const struct rater_change *changes; /* by time */
    uint32_t count, next;
    int64_t time_us;             /* how far it has come */
    struct mtr_quantity level;   /* from there on */
    struct mtr_exact level_time; /* level × µs up to there */
    struct mtr_quantity taken;   /* quotient that rows have up to there */
    int64_t divisor_us;
};

bool mtr_slicing_is_level(const struct mtr_meter *meter)
{
    return meter && meter->aggregation == MTR_TIME_WEIGHTED;
}

static int compare_changes(const void *a, const void *b)
{
    const struct rater_change *x = a, *y = b;
    return (x->time_us > y->time_us) - (x->time_us < y->time_us);
}

static int64_t divisor_of(const struct mtr_slicing_rule *rule)
{
    switch (rule->meter->per) {
    case MTR_TIME_UNIT_SECOND: return MTR_US_PER_SECOND;
    case MTR_TIME_UNIT_MINUTE: return 60 * MTR_US_PER_SECOND;
    case MTR_TIME_UNIT_HOUR: return MTR_US_PER_HOUR;
    case MTR_TIME_UNIT_DAY: return MTR_US_PER_DAY;
    case MTR_TIME_UNIT_PERIOD: return rule->whole.end_us - rule->whole.start_us;
    }
    MTR_ASSERT(!"known unit of time");
    return 1;
}

static int hold(struct run *run, int64_t until_us)
{
    const struct mtr_money length = {(mtr_int128)(until_us - run->time_us) * 1000000000000000000};
    MTR_ASSERT(run->time_us <= until_us); /* no moment is counted twice */
    int rc = mtr_exact_add(run->level_time, mtr_exact_product(run->level, length), &run->level_time);
    run->time_us = until_us;
    return rc;
}

/* Takes the changes of this very moment and of before. */
static int take_changes(struct run *run)
{
    int rc = MTR_OK;
    for (; !rc && run->next < run->count && run->changes[run->next].time_us <= run->time_us; run->next++)
        rc = mtr_quantity_add(run->level, run->changes[run->next].change, &run->level);
    return rc;
}

/* Up to that moment; its own changes are still to be taken. */
static int hold_until(struct run *run, int64_t until_us)
{
    int rc = take_changes(run);
    while (!rc && run->next < run->count && run->changes[run->next].time_us < until_us) {
        rc = hold(run, run->changes[run->next].time_us);
        if (!rc) rc = take_changes(run);
    }
    return rc ? rc : hold(run, until_us);
}

static bool is_earlier(const struct run *run, int64_t start_us)
{
    return start_us < run->slicing->rule.own_us;
}

/* The row of what was held since the last one. */
static int add_quotient(struct run *run, int64_t start_us, bool earlier)
{
    struct mtr_quantity quotient;
    int rc = mtr_exact_divide(run->level_time, run->divisor_us, MTR_ROUND_HALF_EVEN, &quotient);
    if (rc) return rc;
    struct mtr_usage_row row = {
        .earlier = earlier, .time_us = start_us, .until_us = run->time_us};
    rc = mtr_quantity_sub(quotient, run->taken, &row.quantity);
    if (rc) return rc;
    run->taken = quotient;
    return row.quantity.e12 ? rater_add_row(run->slicing, run->group, &row, 0) : MTR_OK;
}

/* What is held from here on, by itself: its mean level where it is divided by its length. */
static void begin_alone(struct run *run, int64_t length_us)
{
    run->level_time = mtr_exact_zero();
    run->taken = (struct mtr_quantity){0};
    run->divisor_us = length_us;
}

/* A slice whose sum with those before it is out of range is measured by itself; out of range by itself, it is
 * marked, and the next ones begin anew. A level out of range stays so. */
static int add_slice(struct run *run, int64_t end_us, bool *stays)
{
    const struct mtr_slicing_rule *rule = &run->slicing->rule;
    struct run again = *run;
    const int64_t at_us = run->time_us;
    struct mtr_slicing_mark mark = {.group = run->group, .from_us = at_us};
    int rc = hold_until(run, end_us);
    if (!rc) rc = add_quotient(run, at_us, at_us < rule->own_us);
    if (rc != MTR_EOVERFLOW || !rule->marks_range) return rc;
    begin_alone(&again, again.divisor_us);
    *run = again;
    rc = hold_until(run, end_us);
    mark.goes_on = *stays = rc == MTR_EOVERFLOW;
    if (!rc) rc = add_quotient(run, at_us, at_us < rule->own_us);
    if (rc && !mark.goes_on) begin_alone(run, run->divisor_us);
    return rater_mark_range(run->slicing, &mark, rc);
}

/* One row before the part and one of it, or one for each hour or day. */
static int add_quotients(struct run *run)
{
    const struct mtr_slicing_rule *rule = &run->slicing->rule;
    int64_t at_us = rule->from_us;
    bool stays = false;
    while (at_us < rule->until_us && !stays) {
        const struct mtr_period slice = rater_slice_at(rule, at_us);
        int64_t end_us = slice.end_us < rule->until_us ? slice.end_us : rule->until_us;
        if (at_us < rule->own_us && rule->own_us < end_us) end_us = rule->own_us;
        MTR_ASSERT(at_us < end_us && run->time_us == at_us); /* slices without gaps */
        if (rule->slices && rule->meter->per == MTR_TIME_UNIT_PERIOD) begin_alone(run, end_us - at_us);
        int rc = add_slice(run, end_us, &stays);
        if (rc) return rc;
        at_us = end_us;
    }
    return MTR_OK;
}

/* One row for each level while it holds. */
static int add_spans(struct run *run)
{
    const struct mtr_slicing_rule *rule = &run->slicing->rule;
    const int64_t own_us = rule->own_us, until_us = rule->until_us;
    int rc = take_changes(run);
    while (!rc && run->time_us < until_us) {
        struct mtr_usage_row row = {
            .quantity = run->level, .time_us = run->time_us, .earlier = is_earlier(run, run->time_us)};
        while (!rc && run->time_us < until_us && run->level.e12 == row.quantity.e12 &&
               is_earlier(run, run->time_us) == row.earlier) {
            int64_t end_us = run->next < run->count && run->changes[run->next].time_us < until_us
                                 ? run->changes[run->next].time_us
                                 : until_us;
            if (row.earlier && own_us < end_us) end_us = own_us;
            rc = hold_until(run, end_us);
            if (!rc) rc = take_changes(run);
        }
        row.until_us = run->time_us;
        MTR_ASSERT(rc || (row.time_us < row.until_us && row.until_us <= until_us));
        if (!rc && row.quantity.e12) rc = rater_add_row(run->slicing, run->group, &row, 0);
    }
    return rc;
}

int rater_measure_level(struct mtr_slicing *slicing, uint32_t group)
{
    struct rater_group_state *state = &slicing->groups[group];
    const struct mtr_slicing_rule *rule = &slicing->rule;
    MTR_ASSERT(group < slicing->dimensions.count && mtr_slicing_is_level(rule->meter));
    if (state->change_count)
        qsort(state->changes, state->change_count, sizeof(*state->changes), compare_changes);
    struct run run = {
        .slicing = slicing,
        .group = group,
        .changes = state->changes,
        .count = state->change_count,
        .time_us = rule->from_us,
        .level_time = mtr_exact_zero(),
        .divisor_us = divisor_of(rule),
    };
    return rule->component->scope == MTR_CURVE_SCOPE_LEVEL ? add_spans(&run) : add_quotients(&run);
}
