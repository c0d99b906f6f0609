/*
 * Usage of meters that need more than the sum of their cells: levels hold between events, and percentiles
 * rank the windows of all of a row's time. Measured as for a bill (slicing.h), with the query's windows for
 * slices. Nothing is counted behind the watermark, or outside the term. What grows out of
 * range while it is measured marks its own row, and those behind it that a level goes on into.
 */
#include "daemon/query/recounted_use.h"
#include "daemon/query/usage/usage_run.h"

#include <string.h>

#include "meterd/core/limits.h"
#include "meterd/core/time.h"
#include "meterd/rater/level_changes.h"
#include "meterd/rater/slicing.h"

struct measuring {
    struct mtr_usage_run *run;
    struct mtr_slicing *slicing;
    int64_t until_us;
    struct mtr_period in_term; /* of the run's time up to there */
};

/* Writes the query's windows up to the watermark, unless `windows` is NULL; how many there are. */
static uint64_t list_windows(const struct measuring *measuring, struct mtr_period *windows)
{
    struct mtr_usage_run *run = measuring->run;
    uint64_t count = 0;
    for (int64_t at_us = run->from_us; at_us < measuring->until_us; count++) {
        struct mtr_period window = usage_window_of(run, at_us);
        window.end_us = mtr_time_sooner(window.end_us, measuring->until_us);
        if (windows) windows[count] = window;
        at_us = window.end_us;
    }
    return count;
}

/* They are the same for all subscriptions of a zone. */
static int make_windows(struct measuring *measuring)
{
    struct mtr_usage_run *run = measuring->run;
    if (run->windows && run->windows_zone == run->zone) return MTR_OK;
    mtr_arena_reset(&run->times);
    run->windows = NULL;
    const uint64_t count = list_windows(measuring, NULL);
    if (count > UINT32_MAX) return MTR_ELIMIT;
    run->windows = mtr_arena_calloc(&run->times, (size_t)count + 1, sizeof(*run->windows));
    if (!run->windows) return MTR_ENOMEM;
    run->window_count = (uint32_t)list_windows(measuring, run->windows);
    run->windows_zone = run->zone;
    return MTR_OK;
}

/* The query's dimensions of a cell, each value with its end, as a cell of these alone would have them. */
static int find_slicing_group(struct measuring *measuring, struct mtr_str dimensions, uint32_t *group)
{
    const struct mtr_usage_run *run = measuring->run;
    char text[MTR_DIMENSIONS_BYTES_MAX + MTR_USAGE_DIMENSIONS_MAX];
    size_t size = 0;
    for (uint32_t i = 0; i < run->query->dimension_count; i++) {
        const struct mtr_str value = usage_dimension_at(dimensions, run->positions[i]);
        if (value.size + 1 > sizeof(text) - size)
            return MTR_ELIMIT; /* one dimension asked for several times */
        if (value.size) memcpy(text + size, value.data, value.size);
        size += value.size;
        text[size++] = MTR_USAGE_DIMENSION_END;
    }
    return mtr_slicing_group(measuring->slicing, (struct mtr_str){text, size}, group);
}

static int on_cell(void *context, const struct mtr_cell_key *key, const struct mtr_cell *cell)
{
    struct measuring *measuring = context;
    struct usage_group *row;
    uint32_t number, group;
    if (cell->count == 0) return MTR_OK;
    int rc = usage_find_group(measuring->run, key, &row, &number);
    if (rc) return rc;
    if (row) row->row.events += cell->count; /* of every step's cells: a slice may need what lies before it */
    if (measuring->run->meter->aggregation == MTR_TIME_WEIGHTED) return MTR_OK;
    const struct mtr_use use = {
        .placed_us = key->start_us, .time_us = key->start_us, .quantity = cell->value};
    rc = find_slicing_group(measuring, key->dimensions, &group);
    return rc ? rc : mtr_slicing_add(measuring->slicing, group, &use);
}

/* What goes on at the term's end ends there. A level makes a row of each window from then on. */
static int on_change(void *context, const struct mtr_level_change *change)
{
    struct measuring *measuring = context;
    uint32_t group;
    const int64_t end_us = measuring->run->term.end_us;
    const struct mtr_quantity back = {-change->change.e12};
    if (measuring->run->window_count > measuring->run->query->rows_max) return MTR_ELIMIT;
    int rc = find_slicing_group(measuring, change->dimensions, &group);
    if (!rc) rc = mtr_slicing_add_change(measuring->slicing, group, change->time_us, change->change);
    if (!rc && end_us < measuring->until_us)
        rc = mtr_slicing_add_change(measuring->slicing, group,
                                    mtr_time_later(end_us, change->time_us), back);
    return rc;
}

/* A number out of range is the row's, not the query's: of a mark's window, or of those from there on, where
 * they have some of the term. */
static int mark_rows(struct measuring *measuring, const struct mtr_slicing_mark *mark)
{
    struct mtr_usage_run *run = measuring->run;
    int rc = MTR_OK;
    for (uint32_t i = 0; !rc && i < run->window_count; i++) {
        const struct mtr_period *window = &run->windows[i];
        const struct mtr_cell_key key = {.start_us = window->start_us,
                                         .dimensions =
                                             mtr_slicing_dimensions(measuring->slicing, mark->group)};
        struct usage_group *group;
        uint32_t number;
        if (window->end_us <= mark->from_us || (window->start_us > mark->from_us && !mark->goes_on)) continue;
        if (window->end_us <= measuring->in_term.start_us || window->start_us >= measuring->in_term.end_us)
            continue;
        rc = usage_find_group(run, &key, &group, &number);
        if (!rc && group) group->row.is_out_of_range = true;
    }
    return rc;
}

/* Each slice is of one window, and each of its groups of the query's dimensions alone. */
static int add_slices(struct measuring *measuring)
{
    struct mtr_usage_run *run = measuring->run;
    const struct mtr_usage_row *rows;
    int32_t positions[MTR_USAGE_DIMENSIONS_MAX];
    uint32_t count = 0, mark_count = 0;
    int rc = mtr_slicing_finish(measuring->slicing, &rows, &count);
    const struct mtr_slicing_mark *marks = mtr_slicing_marks(measuring->slicing, &mark_count);
    memcpy(positions, run->positions, sizeof(positions));
    for (uint32_t i = 0; i < run->query->dimension_count; i++)
        run->positions[i] = (int32_t)i;
    for (uint32_t i = 0; !rc && i < mark_count; i++) rc = mark_rows(measuring, &marks[i]);
    for (uint32_t i = 0; !rc && i < count; i++) {
        const struct mtr_cell_key key = {.start_us = rows[i].time_us,
                                         .dimensions = rows[i].dimensions};
        struct usage_group *group;
        uint32_t number;
        rc = usage_find_group(run, &key, &group, &number);
        if (!rc && group) usage_group_add(group, rows[i].quantity);
    }
    memcpy(run->positions, positions, sizeof(positions));
    return rc;
}

int usage_measure(struct mtr_usage_run *run)
{
    static const struct mtr_component of_query = {.scope = MTR_CURVE_SCOPE_PERIOD};
    const struct mtr_subscription *subscription = run->subscription;
    const bool is_level = mtr_slicing_is_level(run->meter);
    struct measuring measuring = {
        .run = run, .until_us = mtr_time_sooner(run->to_us, run->watermark_us)};
    uint64_t read_count = 0;
    int rc = make_windows(&measuring);
    measuring.in_term = usage_in_term(run);
    measuring.in_term.end_us = mtr_time_sooner(measuring.in_term.end_us, measuring.until_us);
    if (rc || measuring.in_term.start_us >= measuring.in_term.end_us) return rc;
    struct mtr_slicing_rule rule = {
        .component = &of_query, .meter = run->meter, .zone = subscription->zone, .marks_range = true};
    rule.from_us = rule.own_us = run->from_us;
    rule.until_us = measuring.until_us;
    rule.slices = run->windows;
    rule.slice_count = run->window_count;
    if (!is_level) { /* windows outside of the term are no part of the rank */
        rule.from_us = rule.own_us = measuring.in_term.start_us;
        rule.until_us = measuring.in_term.end_us;
    }
    mtr_arena_reset(&run->scratch);
    rc = mtr_slicing_begin(&rule, &run->scratch, &measuring.slicing);
    if (!rc && is_level) {
        struct query_recounted_use use = {.rollups.txn = run->txn, .recount = run->recount};
        const struct mtr_levels_question question = {&query_use_of_recount,
                                                     &use,
                                                     {.subscription = subscription, .meter = run->meter},
                                                     measuring.in_term.start_us,
                                                     measuring.in_term.end_us};
        rc = mtr_levels_walk(&question, on_change, &measuring, &read_count);
    }
    if (!rc)
        rc = mtr_recount_walk_cells(run->recount,
                                    &(struct mtr_cell_range){subscription->number, run->meter->number,
                                                             measuring.in_term.start_us,
                                                             measuring.in_term.end_us},
                                    on_cell, &measuring);
    return rc ? rc : add_slices(&measuring);
}
