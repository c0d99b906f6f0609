/*
 * Lists over all hours where use changes hands: the points of that time as they were counted, the others as
 * the store has them; see meterd/aggregator/recount.h. And what follows them: a counter's first reading
 * behind that time grew from another one.
 */
#include <stdlib.h>

#include "aggregator/recount/recounting.h"
#include "meterd/catalog/cell.h"
#include "meterd/core/time.h"

enum { STOP = 1 };

/* ---- one list ---- */

static const struct recount_mark *find_moved(const struct mtr_recount *recount, uint32_t subscription,
                                             uint32_t meter)
{
    const struct recount_mark *mark =
        recount->mark_count ? recount_find_mark(recount, subscription, meter) : NULL;
    return recount_is_moved(mark) ? mark : NULL;
}

/* The points of a list that were counted, as members; and the first of them that is not before a time. */
struct counted_points {
    const struct member_row *rows;
    uint32_t count;
};

static struct counted_points find_counted(const struct mtr_recount *recount, const struct mtr_cell_key *list)
{
    struct counted_points points;
    points.rows = recount_find_members(recount, list, &points.count);
    return points;
}

static int64_t time_of(const struct member_row *row)
{
    struct mtr_point point;
    int rc = mtr_point_decode(row->member, &point);
    MTR_ASSERT(rc == MTR_OK); /* it was encoded here */
    return point.time_us;
}

static uint32_t first_from(const struct counted_points *points, int64_t time_us)
{
    uint32_t low = 0, high = points->count;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (time_of(&points->rows[middle]) < time_us) low = middle + 1;
        else high = middle;
    }
    return low;
}

int mtr_recount_point_before(const struct mtr_recount *recount, const struct mtr_cell_key *list,
                             int64_t time_us, struct mtr_point *out)
{
    const struct recount_mark *mark = find_moved(recount, list->subscription, list->meter);
    if (!mark) return mtr_rollups_point_before(recount->txn, list, time_us, out);
    if (time_us > mark->moved.end_us) {
        int rc = mtr_rollups_point_before(recount->txn, list, time_us, out);
        if (rc ? rc != MTR_ENOTFOUND : out->time_us >= mark->moved.end_us) return rc;
    }
    const struct counted_points counted = find_counted(recount, list);
    const uint32_t behind = first_from(&counted, time_us);
    if (behind) return mtr_point_decode(counted.rows[behind - 1].member, out);
    time_us = mtr_time_sooner(time_us, mark->moved.start_us);
    return mtr_rollups_point_before(recount->txn, list, time_us, out);
}

static int walk_counted(const struct mtr_recount *recount, const struct mtr_cell_key *list,
                        struct mtr_hour within, mtr_rollups_on_point on_point, void *context)
{
    const struct counted_points counted = find_counted(recount, list);
    int rc = MTR_OK;
    for (uint32_t i = first_from(&counted, within.start_us); !rc && i < counted.count; i++) {
        struct mtr_point point;
        rc = mtr_point_decode(counted.rows[i].member, &point);
        if (rc || point.time_us >= within.end_us) return rc;
        rc = on_point(context, &point);
    }
    return rc;
}

static int walk_stored(const struct mtr_recount *recount, const struct mtr_cell_key *list, int64_t from_us,
                       int64_t until_us, mtr_rollups_on_point on_point, void *context)
{
    if (from_us >= until_us) return MTR_OK;
    return mtr_rollups_walk_points(recount->txn, list, from_us, until_us, on_point, context);
}

int mtr_recount_walk_list(const struct mtr_recount *recount, const struct mtr_cell_key *list,
                          struct mtr_hour within, mtr_rollups_on_point on_point, void *context)
{
    const struct recount_mark *mark = find_moved(recount, list->subscription, list->meter);
    if (!mark) return walk_stored(recount, list, within.start_us, within.end_us, on_point, context);
    int rc = walk_stored(recount, list, within.start_us,
                         mtr_time_sooner(within.end_us, mark->moved.start_us), on_point, context);
    if (!rc) rc = walk_counted(recount, list, within, on_point, context);
    if (rc) return rc;
    return walk_stored(recount, list, mtr_time_later(within.start_us, mark->moved.end_us), within.end_us,
                       on_point, context);
}

static int point_before(void *context, const struct mtr_cell_key *list, int64_t time_us,
                        struct mtr_point *out)
{
    return mtr_recount_point_before(context, list, time_us, out);
}

static int walk_list(void *context, const struct mtr_cell_key *list, struct mtr_hour within,
                     mtr_rollups_on_point on_point, void *hook_context)
{
    return mtr_recount_walk_list(context, list, within, on_point, hook_context);
}

struct cell_lists recount_lists_of(const struct mtr_recount *recount)
{
    return (struct cell_lists){point_before, walk_list, (void *)(uintptr_t)recount};
}

/* ---- which lists there are ---- */

/* As the store has them: by size first. */
static int compare_lists(const struct mtr_cell_key *x, const struct mtr_cell_key *y)
{
    if (x->subscription != y->subscription) return x->subscription < y->subscription ? -1 : 1;
    if (x->meter != y->meter) return x->meter < y->meter ? -1 : 1;
    if (x->dimensions.size != y->dimensions.size) return x->dimensions.size < y->dimensions.size ? -1 : 1;
    return mtr_str_compare(x->dimensions, y->dimensions);
}

static int compare_list_rows(const void *a, const void *b)
{
    return compare_lists(&(*(const struct mtr_cell_change *const *)a)->key,
                         &(*(const struct mtr_cell_change *const *)b)->key);
}

int recount_sort_lists(struct mtr_recount *recount)
{
    recount->lists =
        mtr_arena_calloc(&recount->arena, (size_t)recount->cell_count + 1, sizeof(*recount->lists));
    if (!recount->lists) return MTR_ENOMEM;
    for (uint32_t i = 0; i < recount->cell_count; i++)
        if (recount->cells[i]->key.start_us == MTR_CELL_ALL_HOURS)
            recount->lists[recount->list_count++] = recount->cells[i];
    if (recount->list_count > 1)
        qsort(recount->lists, recount->list_count, sizeof(*recount->lists), compare_list_rows);
    return MTR_OK;
}

static int on_any_point(void *context, const struct mtr_point *point)
{
    (void)context;
    (void)point;
    return STOP;
}

/* Has the store a point of it outside the time whose use changes hands? */
static int is_left(const struct mtr_recount *recount, const struct recount_mark *mark,
                   const struct mtr_cell_key *list, bool *out)
{
    struct mtr_point unused;
    int rc = mtr_rollups_point_before(recount->txn, list, mark->moved.start_us, &unused);
    if (rc == MTR_ENOTFOUND)
        rc = mtr_rollups_walk_points(recount->txn, list, mark->moved.end_us, INT64_MAX, on_any_point, NULL);
    else if (!rc) rc = STOP;
    *out = rc == STOP;
    return rc == STOP ? MTR_OK : rc;
}

static int next_stored(const struct mtr_recount *recount, const struct recount_mark *mark,
                       const struct mtr_str *after, struct mtr_cell_key *out)
{
    bool left = false;
    int rc = MTR_OK;
    for (; !rc && !left; after = &out->dimensions) {
        rc = mtr_rollups_next_list(recount->txn, out->subscription, out->meter, MTR_CELL_ALL_HOURS, after,
                                   &out->dimensions);
        if (!rc) rc = is_left(recount, mark, out, &left);
    }
    return rc;
}

/* The first that has points, behind `after`. */
static bool next_counted(const struct mtr_recount *recount, const struct mtr_str *after,
                         struct mtr_cell_key *out)
{
    uint32_t low = 0, high = recount->list_count, count = 0;
    const struct mtr_cell_key key = {out->subscription, out->meter, MTR_CELL_ALL_HOURS,
                                     after ? *after : (struct mtr_str){NULL, 0}};
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        const int order = compare_lists(&recount->lists[middle]->key, &key);
        if (order < 0 || (order == 0 && after)) low = middle + 1;
        else high = middle;
    }
    for (; low < recount->list_count && !count; low++) {
        const struct mtr_cell_key *found = &recount->lists[low]->key;
        if (found->subscription != out->subscription || found->meter != out->meter) return false;
        (void)recount_find_members(recount, found, &count);
        *out = *found;
    }
    return count > 0;
}

int mtr_recount_next_list(const struct mtr_recount *recount, uint32_t subscription, uint32_t meter,
                          const struct mtr_str *after, struct mtr_str *dimensions)
{
    const struct recount_mark *mark = find_moved(recount, subscription, meter);
    struct mtr_cell_key stored = {subscription, meter, MTR_CELL_ALL_HOURS, {NULL, 0}}, counted = stored;
    if (!mark)
        return mtr_rollups_next_list(recount->txn, subscription, meter, MTR_CELL_ALL_HOURS, after,
                                     dimensions);
    int rc = next_stored(recount, mark, after, &stored);
    if (rc && rc != MTR_ENOTFOUND) return rc;
    if (next_counted(recount, after, &counted) && (rc || compare_lists(&counted, &stored) < 0)) {
        *dimensions = counted.dimensions;
        return MTR_OK;
    }
    *dimensions = stored.dimensions;
    return rc;
}

/* ---- what follows ---- */

struct following {
    struct mtr_recount *recount;
    const struct recount_mark *mark;
    struct mtr_subscription stored; /* with its cells cut as the store has them */
    struct mtr_cell_key list;
};

static int on_following(void *context, const struct mtr_point *point)
{
    *(struct mtr_point *)context = *point;
    return STOP;
}

static int cut_as_stored(struct following *following)
{
    struct mtr_recount *recount = following->recount;
    struct mtr_str cuts;
    following->stored = *following->mark->subscription;
    int rc = mtr_rollups_get_cuts(recount->txn, following->stored.number, &cuts);
    const uint32_t count = rc ? 0 : mtr_rollups_cut_count(cuts);
    int64_t *cuts_us = mtr_arena_calloc(&recount->arena, (size_t)count + 1, sizeof(*cuts_us));
    if (rc || !cuts_us) return rc ? rc : MTR_ENOMEM;
    for (uint32_t i = 0; i < count; i++) cuts_us[i] = mtr_rollups_cut_at(cuts, i);
    following->stored.cuts_us = cuts_us;
    following->stored.cut_count = count;
    return MTR_OK;
}

static int add_followed(struct following *following, const struct mtr_point *point)
{
    struct mtr_recount *recount = following->recount;
    const struct recount_mark *mark = following->mark;
    const struct cell_lists lists = recount_lists_of(recount);
    const struct mtr_cell_bounds cell = mtr_cell_at(&following->stored, mark->meter, point->time_us);
    struct recount_followed followed = {.key = following->list};
    followed.key.start_us = cell.start_us;
    const struct mtr_cell_change change = {
        .key = followed.key,
        .meter = mark->meter,
        .list = {cell.end_us, mtr_subscription_opening(mark->subscription, mark->meter->number,
                                                       followed.key.dimensions)}};
    if (fold_reaches(mark->hours, mark->hour_count, cell.start_us, 0)) return MTR_OK; /* it was counted */
    int rc = cell_table_read_list(&lists, &change, &followed.value);
    if (!rc)
        rc = mtr_arena_make_room(&recount->arena, (void **)&recount->followed, recount->followed_count,
                                 &recount->followed_capacity, sizeof(followed));
    if (!rc) recount->followed[recount->followed_count++] = followed;
    return rc;
}

/* The first reading of each list behind the time whose use changes hands. */
static int follow_mark(struct following *following)
{
    const struct recount_mark *mark = following->mark;
    struct mtr_recount *recount = following->recount;
    struct mtr_cell_key *list = &following->list;
    *list = (struct mtr_cell_key){mark->subscription->number, mark->meter->number, MTR_CELL_ALL_HOURS,
                                  {NULL, 0}};
    int rc = cut_as_stored(following);
    for (const struct mtr_str *after = NULL; !rc; after = &list->dimensions) {
        struct mtr_point point;
        rc = mtr_rollups_next_list(recount->txn, list->subscription, list->meter, MTR_CELL_ALL_HOURS, after,
                                   &list->dimensions);
        if (!rc)
            rc = mtr_rollups_walk_points(recount->txn, list, mark->moved.end_us, INT64_MAX, on_following,
                                         &point);
        if (rc == STOP) rc = add_followed(following, &point);
    }
    return rc == MTR_ENOTFOUND ? MTR_OK : rc;
}

int recount_follow(struct mtr_recount *recount)
{
    int rc = MTR_OK;
    for (uint32_t i = 0; !rc && i < recount->mark_count; i++) {
        const struct recount_mark *mark = &recount->marks[i];
        struct following following = {.recount = recount, .mark = mark};
        if (recount_is_moved(mark) && mark->meter->aggregation == MTR_COUNTER_INCREASE)
            rc = follow_mark(&following);
    }
    if (recount->followed_count > 1)
        qsort(recount->followed, recount->followed_count, sizeof(*recount->followed),
              recount_compare_followed);
    return rc;
}
