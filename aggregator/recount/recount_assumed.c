/*
 * What is assumed of the log: each event does to the store's cells in memory what the fold would do to them
 * in the store, by the same functions; see meterd/aggregator/recount.h.
 *
 * The cells of every hour that an event touches are copied with their members, of lists over all hours the
 * points from the first hour to the last; so there is nothing that could not be taken off again, and what the
 * log has lost is no matter.
 */
#include <stdlib.h>

#include "aggregator/recount/recounting.h"
#include "meterd/catalog/cell.h"

/* ---- what is touched ---- */

struct touch {
    const struct mtr_subscription *subscription;
    const struct mtr_meter *meter;
    struct mtr_hour hour;
};

struct touches {
    struct mtr_recount *recount;
    struct touch *rows;
    uint32_t count, capacity;
};

/* NULL: nobody's, or nothing that may count. */
static const struct mtr_subscription *find_owner(const struct mtr_recount *recount,
                                                 const struct mtr_event *event)
{
    return event->disposition == MTR_DISPOSITION_NORMAL ? recount_find_owner(recount, event) : NULL;
}

static int add_touch(struct touches *touches, const struct touch *touch)
{
    const struct touch *last = touches->count ? &touches->rows[touches->count - 1] : NULL;
    if (last && last->subscription == touch->subscription && last->meter == touch->meter &&
        last->hour.start_us == touch->hour.start_us)
        return MTR_OK;
    int rc = mtr_arena_make_room(&touches->recount->arena, (void **)&touches->rows, touches->count,
                                 &touches->capacity, sizeof(*touch));
    if (!rc) touches->rows[touches->count++] = *touch;
    return rc;
}

/* Every hour that holds some of it. */
static int touch_meter(struct touches *touches, const struct mtr_subscription *subscription,
                       const struct mtr_meter *meter, const struct mtr_assumed_event *assumed)
{
    const int64_t time_us = assumed->event->time_us;
    struct event_quantity counted;
    const enum event_counts counts = event_quantity(meter, assumed->event, assumed->seq, &counted);
    if (counts != EVENT_COUNTS && counts != EVENT_COUNTS_SPREAD) return MTR_OK;
    int rc = MTR_OK;
    for (int64_t at_us = time_us; !rc;) {
        const struct touch touch = {subscription, meter, mtr_zone_hour(subscription->zone, at_us)};
        rc = add_touch(touches, &touch);
        at_us = touch.hour.end_us;
        if (counts == EVENT_COUNTS) break;
        if (MTR_QUANTITY_OF_US(at_us - time_us).e12 >= counted.taken.length_s.e12) break;
    }
    return rc;
}

static int touch_all(struct touches *touches)
{
    const struct mtr_recount *recount = touches->recount;
    const struct mtr_meter *const *meters;
    int rc = MTR_OK;
    for (uint32_t i = 0; !rc && i < recount->assumed_count; i++) {
        const struct mtr_assumed_event *assumed = &recount->assumed[i];
        const struct mtr_subscription *phase = find_owner(recount, assumed->event);
        if (!phase) continue;
        const struct mtr_subscription *subscription =
            mtr_catalog_subscription(recount->owners, phase->number);
        const uint32_t count =
            mtr_catalog_find_meters(recount->catalog, phase->service, assumed->event->type, &meters);
        for (uint32_t k = 0; !rc && k < count; k++)
            rc = touch_meter(touches, subscription, meters[k], assumed);
    }
    return rc;
}

static int compare_touches(const void *a, const void *b)
{
    const struct touch *x = a, *y = b;
    const uint32_t s = x->subscription->number, t = y->subscription->number;
    if (s != t) return s < t ? -1 : 1;
    if (x->meter->number != y->meter->number) return x->meter->number < y->meter->number ? -1 : 1;
    return (x->hour.start_us > y->hour.start_us) - (x->hour.start_us < y->hour.start_us);
}

/* Of [first, end), which are of one subscription and meter. */
static int mark_touches(struct touches *touches, uint32_t first, uint32_t end)
{
    const struct touch *rows = touches->rows;
    const struct mtr_subscription *subscription = rows[first].subscription;
    struct recount_mark mark = {.subscription = subscription,
                                .meter = rows[first].meter,
                                .cuts_us = subscription->cuts_us,
                                .cut_count = subscription->cut_count,
                                .is_assumed = true};
    int rc = MTR_OK;
    if (mtr_meter_has_one_list(mark.meter)) {
        mark.moved = (struct mtr_hour){rows[first].hour.start_us, rows[end - 1].hour.end_us};
        rc = recount_add_hour(touches->recount, &mark, &mark.moved);
    } else {
        for (uint32_t i = first; !rc && i < end; i++)
            if (i == first || rows[i].hour.start_us != rows[i - 1].hour.start_us)
                rc = recount_add_hour(touches->recount, &mark, &rows[i].hour);
    }
    return rc ? rc : recount_add_mark(touches->recount, &mark);
}

static int mark_all(struct touches *touches)
{
    const struct touch *rows = touches->rows;
    int rc = MTR_OK;
    if (touches->count > 1) qsort(touches->rows, touches->count, sizeof(*rows), compare_touches);
    for (uint32_t first = 0, end; !rc && first < touches->count; first = end) {
        for (end = first + 1; end < touches->count && rows[end].subscription == rows[first].subscription &&
                              rows[end].meter == rows[first].meter;)
            end++;
        rc = mark_touches(touches, first, end);
    }
    return rc;
}

int mtr_recount_assume(struct mtr_recount *recount, const struct mtr_assumed_event *events, uint32_t count)
{
    struct touches touches = {.recount = recount};
    MTR_ASSERT(!recount->assumed_count); /* once for each question */
    recount->assumed = events;
    recount->assumed_count = count;
    int rc = touch_all(&touches);
    if (!rc) rc = mark_all(&touches);
    if (rc != MTR_ENOMEM && rc != MTR_ELIMIT) return rc;
    recount->is_full = true;
    return MTR_OK;
}

int mtr_recount_walk_touched(const struct mtr_recount *recount, mtr_recount_on_touched on_touched,
                             void *context)
{
    int rc = MTR_OK;
    for (uint32_t i = 0; !rc && i < recount->mark_count; i++) {
        const struct recount_mark *mark = &recount->marks[i];
        const struct mtr_hour span = {mark->hours[0].start_us, mark->hours[mark->hour_count - 1].end_us};
        if (mark->is_assumed) rc = on_touched(context, mark->subscription, mark->meter, span);
    }
    return rc;
}

bool mtr_recount_has_work(const struct mtr_recount *recount)
{
    return recount->mark_count || recount->is_full;
}

/* ---- the store's cells ---- */

struct copying {
    struct mtr_recount *recount;
    const struct recount_mark *mark;
    uint32_t row; /* in the cell table, of the cell or list at hand */
    struct mtr_cell_key list;
    bool has_row; /* of the list */
};

static int copy_member(void *context, const struct mtr_member *member)
{
    const struct copying *copying = context;
    MTR_ASSERT(member->count <= INT64_MAX);
    return member_table_add(&copying->recount->members, copying->row, member->member, (int64_t)member->count);
}

static int find_row(struct copying *copying, const struct mtr_cell_key *key, struct mtr_cell_change **out)
{
    struct mtr_cell_table *cells = &copying->recount->fold->cells;
    if (recount_bytes_of(copying->recount) > copying->recount->options.bytes_max) return MTR_ENOMEM;
    int rc = cell_table_find(cells, key, copying->mark->meter, out);
    if (!rc) copying->row = (uint32_t)(*out - cells->changes);
    return rc;
}

static int copy_cell(void *context, const struct mtr_cell_key *key, const struct mtr_cell *cell)
{
    struct copying *copying = context;
    const struct recount_mark *mark = copying->mark;
    struct mtr_cell_change *change;
    int rc = find_row(copying, key, &change);
    if (rc) return rc;
    change->count = (int64_t)cell->count;
    change->seq_first = cell->seq_first;
    change->seq_last = cell->seq_last;
    if (cell_table_adds_up(mark->meter)) {
        change->value_e12 = cell->value.e12;
    } else if (mtr_meter_has_one_list(mark->meter)) {
        change->list.end_us = mtr_cell_at(mark->subscription, mark->meter, key->start_us).end_us;
        change->list.opening =
            mtr_subscription_opening(mark->subscription, mark->meter->number, change->key.dimensions);
    }
    if (mtr_meter_has_one_list(mark->meter)) return MTR_OK;
    return mtr_rollups_walk_members(copying->recount->txn, key, copy_member, copying);
}

static int copy_point(void *context, const struct mtr_point *point)
{
    struct copying *copying = context;
    char member[MTR_POINT_BYTES];
    struct mtr_cell_change *unused;
    int rc = copying->has_row ? MTR_OK : find_row(copying, &copying->list, &unused);
    if (rc) return rc;
    copying->has_row = true;
    mtr_point_encode(point, member);
    return member_table_add(&copying->recount->members, copying->row,
                            (struct mtr_str){member, sizeof(member)}, 1);
}

static int copy_lists(struct copying *copying)
{
    const struct recount_mark *mark = copying->mark;
    struct mtr_rollups_txn *txn = copying->recount->txn;
    struct mtr_cell_key *list = &copying->list;
    int rc = MTR_OK;
    *list = (struct mtr_cell_key){mark->subscription->number, mark->meter->number, MTR_CELL_ALL_HOURS,
                                  {NULL, 0}};
    for (const struct mtr_str *after = NULL; !rc; after = &list->dimensions) {
        copying->has_row = false;
        rc = mtr_rollups_next_list(txn, list->subscription, list->meter, MTR_CELL_ALL_HOURS, after,
                                   &list->dimensions);
        if (!rc)
            rc = mtr_rollups_walk_points(txn, list, mark->moved.start_us, mark->moved.end_us, copy_point,
                                         copying);
    }
    return rc == MTR_ENOTFOUND ? MTR_OK : rc;
}

static int copy_mark(struct mtr_recount *recount, const struct recount_mark *mark)
{
    struct copying copying = {.recount = recount, .mark = mark};
    int rc = recount_is_moved(mark) ? copy_lists(&copying) : MTR_OK;
    for (uint32_t i = 0; !rc && i < mark->hour_count; i++) {
        const struct mtr_cell_range cells = {mark->subscription->number, mark->meter->number,
                                             mark->hours[i].start_us, mark->hours[i].end_us};
        rc = mtr_rollups_walk_cells(recount->txn, &cells, copy_cell, &copying);
    }
    return rc;
}

/* ---- what is added and taken off ---- */

/* Values of dimensions that the store does not know: a cell of each that is admitted, and one that counts
 * them. */
struct adding {
    struct mtr_recount *recount;
    struct mtr_cell_table admitted;
};
enum { OF_VALUES, OF_COUNT };

/* As quota.c decides it. What waits behind other events is counted as it will be in its turn. */
static int admit(struct adding *adding, const struct mtr_effect *effect, struct mtr_str dimensions,
                 bool *admitted)
{
    struct mtr_aggregator *fold = adding->recount->fold;
    struct mtr_cell_change *count;
    struct mtr_cell_lookup found;
    struct fold_quota quota;
    int rc = fold_find_quota(fold, effect->subscription, effect->meter, &quota);
    if (!rc) rc = mtr_rollups_find_values(fold->txn, &quota.of, dimensions);
    *admitted = rc == MTR_OK;
    if (rc != MTR_ENOTFOUND) return rc;
    const struct mtr_cell_key values = {quota.of.owner, quota.of.meter, OF_VALUES, dimensions},
                              all = {quota.of.owner, quota.of.meter, OF_COUNT, {NULL, 0}};
    rc = cell_table_find(&adding->admitted, &all, effect->meter, &count);
    if (rc) return rc;
    const uint32_t row = (uint32_t)(count - adding->admitted.changes);
    quota.count.admitted += (uint64_t)count->count;
    rc = cell_table_look(&adding->admitted, &values, &found);
    if (rc) return rc;
    *admitted = found.change || fold_has_room(&quota);
    if (found.change || !*admitted) return MTR_OK;
    adding->admitted.changes[row].count++;
    return cell_table_add(&adding->admitted, &values, effect->meter, &found);
}

/* Did it count, so that it is taken off? */
static int counted_before(struct mtr_aggregator *fold, const struct mtr_effect *effect,
                          const struct mtr_assumed_event *assumed, bool *out)
{
    struct mtr_held_event held;
    uint64_t void_seq;
    bool beyond = false;
    *out = false;
    if (!fold_covers(fold, effect->meter->number, assumed->seq)) return MTR_OK;
    int rc = fold_find_held(fold, assumed->event, assumed->seq, &held);
    if (rc != MTR_ENOTFOUND) return rc;
    rc = mtr_rollups_get_voided(fold->txn, assumed->seq, &void_seq);
    if (rc != MTR_ENOTFOUND) return rc;
    rc = fold_is_beyond(fold, effect, assumed->seq, &beyond);
    *out = !rc && !beyond;
    return rc;
}

static int counts_now(struct adding *adding, const struct mtr_effect *effect,
                      const struct mtr_assumed_event *assumed, bool *out)
{
    struct event_quantity counted;
    *out = true;
    if (!effect->meter->group_by_count) return MTR_OK;
    const enum event_counts counts = event_quantity(effect->meter, assumed->event, assumed->seq, &counted);
    if (counts != EVENT_COUNTS && counts != EVENT_COUNTS_SPREAD) return MTR_OK;
    return admit(adding, effect, counted.taken.dimensions, out);
}

static int add_to_meter(struct adding *adding, const struct mtr_subscription *subscription,
                        const struct recount_mark *mark, const struct mtr_assumed_event *assumed)
{
    struct mtr_aggregator *fold = adding->recount->fold;
    const struct mtr_effect effect = {.subscription = subscription,
                                      .meter = mark->meter,
                                      .sign = assumed->void_seq ? -1 : 1,
                                      .way = FOLD_AGAIN,
                                      .by_seq = assumed->void_seq ? assumed->void_seq : assumed->seq,
                                      .hours = mark->hours,
                                      .hour_count = mark->hour_count,
                                      .only_cells = true,
                                      .lists = mark->moved};
    bool counts;
    int rc = assumed->void_seq ? counted_before(fold, &effect, assumed, &counts)
                               : counts_now(adding, &effect, assumed, &counts);
    return rc || !counts ? rc : fold_apply(fold, &effect, assumed->event, assumed->seq);
}

static int add_event(struct adding *adding, const struct mtr_assumed_event *assumed)
{
    struct mtr_recount *recount = adding->recount;
    const struct mtr_meter *const *meters;
    const struct mtr_subscription *subscription = find_owner(recount, assumed->event);
    if (!subscription) return MTR_OK;
    const uint32_t count =
        mtr_catalog_find_meters(recount->catalog, subscription->service, assumed->event->type, &meters);
    int rc = MTR_OK;
    for (uint32_t i = 0; !rc && i < count; i++) {
        const struct recount_mark *mark =
            recount_find_mark(recount, subscription->number, meters[i]->number);
        if (mark && mark->is_assumed) rc = add_to_meter(adding, subscription, mark, assumed);
    }
    return !rc && recount_bytes_of(recount) > recount->options.bytes_max ? MTR_ENOMEM : rc;
}

int recount_count_assumed(struct mtr_recount *recount)
{
    struct adding adding = {.recount = recount};
    int rc = MTR_OK;
    cell_table_init(&adding.admitted);
    for (uint32_t i = 0; !rc && i < recount->mark_count; i++)
        if (recount->marks[i].is_assumed) rc = copy_mark(recount, &recount->marks[i]);
    for (uint32_t i = 0; !rc && i < recount->assumed_count; i++)
        rc = add_event(&adding, &recount->assumed[i]);
    cell_table_release(&adding.admitted);
    return rc;
}
