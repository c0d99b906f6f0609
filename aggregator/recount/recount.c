/*
 * The count: one pass over the log for all cells that were asked for; see recounting.h.
 *
 * Invariant: the cells of a mark, however they are cut, add up to what the store's do; where use changes
 * hands, those of all that have the subject.
 */
#include "meterd/aggregator/recount.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "aggregator/recount/recounting.h"

enum { ARENA_CHUNK_BYTES = 1 << 14 };

int mtr_recount_open(const struct mtr_recount_options *options, struct mtr_recount **out)
{
    struct mtr_recount *recount = calloc(1, sizeof(*recount));
    if (!recount) return MTR_ENOMEM;
    recount->options = *options;
    mtr_arena_init(&recount->arena, ARENA_CHUNK_BYTES, options->bytes_max);
    *out = recount;
    return MTR_OK;
}

void mtr_recount_close(struct mtr_recount *recount)
{
    if (!recount) return;
    mtr_aggregator_close(recount->fold);
    mtr_arena_release(&recount->arena);
    free(recount);
}

void mtr_recount_begin(struct mtr_recount *recount, struct mtr_rollups_txn *txn,
                       const struct mtr_catalog *catalog, const struct mtr_catalog *owners)
{
    mtr_arena_reset(&recount->arena);
    recount->txn = txn;
    recount->catalog = catalog;
    recount->owners = owners;
    recount->is_full = false;
    recount->marks = NULL;
    recount->mark_count = recount->mark_capacity = 0;
    recount->assumed = NULL;
    recount->assumed_count = 0;
    recount->ranges = NULL;
    recount->range_count = recount->range_capacity = 0;
    recount->members = (struct member_table){.arena = &recount->arena};
    recount->cells = NULL;
    recount->values = NULL;
    recount->cell_count = 0;
    recount->lists = NULL;
    recount->list_count = 0;
    recount->followed = NULL;
    recount->followed_count = recount->followed_capacity = 0;
    recount->cut_of = NULL;
}

/* ---- what is refused ---- */

static int refuse(struct mtr_diagnostic *diagnostic, int error, const char *text)
{
    mtr_diagnostic_set(diagnostic, MTR_FINDING_QUERY_CUT_LIMIT, 0, 0, NULL, "%s", text);
    return error;
}

static int refuse_gone(const struct recount_range *range, struct mtr_diagnostic *diagnostic)
{
    char hour[MTR_TIME_TEXT_BYTES];
    if (range->is_moved) {
        mtr_diagnostic_set(diagnostic, MTR_FINDING_QUERY_CUT_GONE, 0, 0, NULL,
                           "usage of `%.*s%s` can go from one subscription to another no more, since the log "
                           "no longer has its events",
                           MTR_STR_QUOTED(range->subscription->subject));
        return MTR_EMISSING;
    }
    mtr_time_format_offset(range->hour_us, mtr_zone_at(range->subscription->zone, range->hour_us).offset_s,
                           hour);
    mtr_diagnostic_set(diagnostic, MTR_FINDING_QUERY_CUT_GONE, 0, 0, NULL,
                       "the hour from %s of subscription '%.*s' cannot be cut: the log no longer has its "
                       "events. Let times begin and end with full hours of its zone",
                       hour, MTR_STR_ARGS(range->subscription->key));
    return MTR_EMISSING;
}

static int refuse_events(const struct mtr_recount *recount, struct mtr_diagnostic *diagnostic)
{
    mtr_diagnostic_set(diagnostic, MTR_FINDING_QUERY_CUT_LIMIT, 0, 0, NULL,
                       "to cut hours at these times more than %" PRIu64 " events would be counted again: let "
                       "times begin and end with full hours, or ask for fewer subscriptions or less time",
                       recount->options.events_max);
    return MTR_ELIMIT;
}

static int refuse_memory(struct mtr_diagnostic *diagnostic)
{
    return refuse(diagnostic, MTR_ELIMIT,
                  "the hours that would be cut at these times hold more than can be counted again: let times "
                  "begin and end with full hours, or ask for fewer subscriptions or less time");
}

/* ---- where in the log ---- */

static int compare_ranges(const void *a, const void *b)
{
    const struct recount_range *x = a, *y = b;
    return (x->log.seq_first > y->log.seq_first) - (x->log.seq_first < y->log.seq_first);
}

/* Ascending and apart; how many events they hold. */
static uint64_t join_ranges(struct mtr_recount *recount)
{
    uint32_t kept = 0;
    uint64_t events = 0;
    if (recount->range_count > 1)
        qsort(recount->ranges, recount->range_count, sizeof(*recount->ranges), compare_ranges);
    for (uint32_t i = 0; i < recount->range_count; i++) {
        const struct recount_range *range = &recount->ranges[i];
        struct recount_range *last = kept ? &recount->ranges[kept - 1] : NULL;
        if (!last || range->log.seq_first > last->log.seq_last) recount->ranges[kept++] = *range;
        else if (range->log.seq_last > last->log.seq_last) last->log.seq_last = range->log.seq_last;
        if (last && !range->was_held && range->log.seq_first <= last->log.seq_last) last->was_held = false;
    }
    recount->range_count = kept;
    for (uint32_t i = 0; i < kept; i++)
        events += recount->ranges[i].log.seq_last - recount->ranges[i].log.seq_first + 1;
    return events;
}

/* ---- which events ---- */

static int compare_marks(const void *a, const void *b)
{
    const struct recount_mark *x = a, *y = b;
    const uint32_t s = x->subscription->number, t = y->subscription->number;
    if (s != t) return s < t ? -1 : 1;
    return (x->meter->number > y->meter->number) - (x->meter->number < y->meter->number);
}

/* The subscription with its cells cut as the mark wants it. */
static const struct mtr_subscription *cut(struct mtr_recount *recount, const struct recount_mark *mark,
                                          const struct mtr_subscription *subscription)
{
    if (recount->cut_of == mark) return &recount->cut;
    recount->cut_of = mark;
    recount->cut = *subscription;
    recount->cut.cuts_us = mark->cuts_us;
    recount->cut.cut_count = mark->cut_count;
    return &recount->cut;
}

static int count_event(void *context, const struct mtr_event *event, uint64_t seq)
{
    struct mtr_recount *recount = context;
    struct mtr_aggregator *fold = recount->fold;
    const struct mtr_meter *const *meters;
    struct fold_standing standing = {.is_known = false};
    if (event->disposition != MTR_DISPOSITION_NORMAL) return MTR_OK;
    const struct mtr_subscription *subscription = recount_find_owner(recount, event);
    if (!subscription) return MTR_OK;
    const uint32_t count =
        mtr_catalog_find_meters(recount->catalog, subscription->service, event->type, &meters);
    int rc = MTR_OK;
    for (uint32_t i = 0; !rc && i < count; i++) {
        const struct recount_mark *mark = recount_find_mark(recount, subscription->number, meters[i]->number);
        const int64_t spread_us =
            meters[i]->spread_over.size ? MTR_SPREAD_S_MAX * MTR_US_PER_SECOND : 0;
        if (!mark || !fold_reaches(mark->hours, mark->hour_count, event->time_us, spread_us)) continue;
        const struct mtr_effect effect = {.subscription = cut(recount, mark, subscription),
                                          .meter = mark->meter,
                                          .hours = mark->hours,
                                          .hour_count = mark->hour_count,
                                          .only_cells = true,
                                          .counts_held = mark->was_held,
                                          .lists = mark->moved};
        rc = fold_count_again(fold, &effect, event, seq, &standing);
    }
    return !rc && recount_bytes_of(recount) > recount->options.bytes_max ? MTR_ENOMEM : rc;
}

/* What has left the log before its place was known counts nowhere. */
static int count_left(struct mtr_recount *recount, struct fold_log_range log)
{
    const struct mtr_aggregator *fold = recount->fold;
    if (!fold->block_events || fold->block.first_seq <= log.seq_first) return MTR_OK;
    log.seq_first = fold->block.first_seq;
    return log.seq_first <= log.seq_last ? fold_walk_log(recount->fold, &log, count_event, recount) : MTR_OK;
}

static int count_range(struct mtr_recount *recount, const struct recount_range *range)
{
    int rc = fold_walk_log(recount->fold, &range->log, count_event, recount);
    if (rc == MTR_EMISSING && range->was_held) return count_left(recount, range->log);
    return rc == MTR_EMISSING ? refuse_gone(range, recount->fold->diagnostic) : rc;
}

/* ---- what came of it ---- */

static int compare_cells(const void *a, const void *b)
{
    return cell_table_compare(*(const struct mtr_cell_change *const *)a,
                              *(const struct mtr_cell_change *const *)b);
}

/* Unique counts add up as long as a cell stays whole. */
static bool has_sum(const struct mtr_meter *meter)
{
    return meter->aggregation != MTR_UNIQUE && cell_table_adds_up(meter);
}

/* Of a meter whose cells have members their number, or the first or last of them. */
static struct mtr_quantity value_of_members(enum mtr_aggregation aggregation, const struct member_row *rows,
                                            uint32_t count)
{
    if (aggregation == MTR_UNIQUE) return MTR_QUANTITY(count);
    if (!count) return (struct mtr_quantity){0};
    return event_quantity_of_member(rows[aggregation == MTR_MIN ? 0 : count - 1].member);
}

static int read_value(struct mtr_recount *recount, const struct mtr_cell_change *change,
                      struct mtr_quantity *out)
{
    const struct mtr_meter *meter = change->meter;
    uint32_t count;
    const struct cell_lists lists = recount_lists_of(recount);
    if (mtr_meter_has_one_list(meter) && !cell_table_adds_up(meter))
        return cell_table_read_list(&lists, change, out);
    const struct member_row *members =
        member_table_find(&recount->members, (uint32_t)(change - recount->fold->cells.changes), &count);
    *out = has_sum(meter) ? (struct mtr_quantity){change->value_e12}
                          : value_of_members(meter->aggregation, members, count);
    return MTR_OK;
}

static int conclude_cell(struct mtr_recount *recount, const struct mtr_cell_change *change,
                         struct mtr_cell *out)
{
    struct recount_mark *mark = recount_find_mark(recount, change->key.subscription, change->key.meter);
    MTR_ASSERT(mark); /* it was found for the first event of the cell */
    if (change->key.start_us == MTR_CELL_ALL_HOURS) return MTR_OK; /* a list */
    if (change->count < 0) return MTR_ECORRUPT;
    *out = (struct mtr_cell){
        .count = (uint64_t)change->count, .seq_first = change->seq_first, .seq_last = change->seq_last};
    int rc = read_value(recount, change, &out->value);
    mark->counted.events += out->count;
    mark->counted.value_e12 += (mtr_uint128)out->value.e12;
    return rc;
}

/* Use that changes hands is of all that have the subject: that of the first tells. */
static void join_totals(struct mtr_recount *recount)
{
    for (uint32_t i = 0; i < recount->mark_count; i++) {
        struct recount_mark *mark = &recount->marks[i];
        const uint32_t first = mtr_subscription_first_number(mark->subscription);
        if (!recount_is_moved(mark) || mark->is_assumed || mark->subscription->number == first) continue;
        struct recount_mark *all = recount_find_mark(recount, first, mark->meter->number);
        MTR_ASSERT(recount_is_moved(all)); /* all of them were asked for */
        all->stored.events += mark->stored.events;
        all->stored.value_e12 += mark->stored.value_e12;
        all->counted.events += mark->counted.events;
        all->counted.value_e12 += mark->counted.value_e12;
        mark->stored = mark->counted;
    }
}

/* What is spread counts in each cell that it touches, but its shares add up; elsewhere events do. */
static bool is_whole(const struct recount_mark *mark)
{
    const struct mtr_meter *meter = mark->meter;
    if (has_sum(meter) && mark->stored.value_e12 != mark->counted.value_e12) return false;
    return meter->spread_over.size || mark->stored.events == mark->counted.events;
}

static int conclude(struct mtr_recount *recount)
{
    const struct mtr_cell_table *cells = &recount->fold->cells;
    int rc = member_table_sort(&recount->members);
    recount->cells = mtr_arena_calloc(&recount->arena, (size_t)cells->count + 1, sizeof(*recount->cells));
    recount->values = mtr_arena_calloc(&recount->arena, (size_t)cells->count + 1, sizeof(*recount->values));
    if (!recount->cells || !recount->values) return MTR_ENOMEM;
    for (uint32_t i = 0; i < cells->count; i++) recount->cells[i] = &cells->changes[i];
    if (cells->count > 1) qsort(recount->cells, cells->count, sizeof(*recount->cells), compare_cells);
    recount->cell_count = cells->count;
    if (!rc) rc = recount_sort_lists(recount);
    for (uint32_t i = 0; !rc && i < cells->count; i++)
        rc = conclude_cell(recount, recount->cells[i], &recount->values[i]);
    if (!rc) rc = recount_follow(recount);
    join_totals(recount);
    for (uint32_t i = 0; !rc && i < recount->mark_count; i++) {
        const struct recount_mark *mark = &recount->marks[i];
        if (mark->was_held || mark->is_assumed || is_whole(mark)) continue;
        mtr_diagnostic_set(recount->fold->diagnostic, MTR_FINDING_QUERY_CUT_MOVING, 0, 0, NULL,
                           "hours of subscription '%.*s' hold other use than their events give by now, and "
                           "cannot be cut: ask in a moment, or from full hours",
                           MTR_STR_ARGS(mark->subscription->key));
        rc = MTR_EAGAIN;
    }
    return rc;
}

static int open_fold(struct mtr_recount *recount, struct mtr_diagnostic *diagnostic)
{
    const struct mtr_aggregator_options options = {.step_events_max = 1}; /* it does no step */
    int rc = recount->fold ? MTR_OK
                           : mtr_aggregator_open(NULL, recount->options.reader, &options, &recount->fold);
    if (rc) return rc;
    cell_table_reset(&recount->fold->cells);
    memset(recount->fold->hours, 0, sizeof(recount->fold->hours));
    recount->fold->txn = recount->txn;
    recount->fold->catalog = recount->catalog;
    recount->fold->diagnostic = diagnostic;
    recount->fold->members = &recount->members;
    return fold_load(recount->fold);
}

int mtr_recount_count(struct mtr_recount *recount, struct mtr_diagnostic *diagnostic)
{
    if (recount->is_full) return refuse_memory(diagnostic);
    if (!recount->mark_count) return MTR_OK;
    const uint64_t events = join_ranges(recount);
    if (!recount->options.reader && recount->range_count)
        return refuse_gone(&recount->ranges[0], diagnostic);
    if (events > recount->options.events_max) return refuse_events(recount, diagnostic);
    qsort(recount->marks, recount->mark_count, sizeof(*recount->marks), compare_marks);
    for (uint32_t i = 1; i < recount->mark_count; i++)
        MTR_ASSERT(compare_marks(&recount->marks[i - 1], &recount->marks[i]) < 0);
    recount->looked_at += events;
    int rc = open_fold(recount, diagnostic);
    for (uint32_t i = 0; !rc && i < recount->range_count; i++) rc = count_range(recount, &recount->ranges[i]);
    if (!rc && recount->assumed_count) rc = recount_count_assumed(recount);
    if (!rc) rc = conclude(recount);
    if (recount->fold) recount->fold->block_events = NULL;
    return rc == MTR_ENOMEM ? refuse_memory(diagnostic) : rc;
}

uint64_t mtr_recount_looked_at(const struct mtr_recount *recount)
{
    return recount->looked_at;
}
