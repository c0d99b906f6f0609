/*
 * Reading cells that were counted again, and the store's beside them; see meterd/aggregator/recount.h.
 */
#include "aggregator/recount/recounting.h"

#include <stdlib.h>

#include "meterd/core/time.h"

struct recount_mark *recount_find_mark(const struct mtr_recount *recount, uint32_t subscription,
                                       uint32_t meter)
{
    uint32_t low = 0, high = recount->mark_count;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        const struct recount_mark *mark = &recount->marks[middle];
        const bool before = mark->subscription->number != subscription
                                ? mark->subscription->number < subscription
                                : mark->meter->number < meter;
        if (before) low = middle + 1;
        else high = middle;
    }
    if (low == recount->mark_count) return NULL;
    struct recount_mark *found = &recount->marks[low];
    return found->subscription->number == subscription && found->meter->number == meter ? found : NULL;
}

/* The first counted cell that is not before the key. */
static uint32_t find_cell(const struct mtr_recount *recount, const struct mtr_cell_key *key)
{
    const struct mtr_cell_change wanted = {.key = *key};
    uint32_t low = 0, high = recount->cell_count;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (cell_table_compare(recount->cells[middle], &wanted) < 0) low = middle + 1;
        else high = middle;
    }
    return low;
}

static int walk_counted(const struct mtr_recount *recount, const struct mtr_cell_range *range,
                        mtr_rollups_on_cell on_cell, void *context)
{
    const struct mtr_cell_key first = {
        .subscription = range->subscription, .meter = range->meter, .start_us = range->from_us};
    int rc = MTR_OK;
    for (uint32_t i = find_cell(recount, &first); !rc && i < recount->cell_count; i++) {
        const struct mtr_cell_key *key = &recount->cells[i]->key;
        if (key->subscription != range->subscription || key->meter != range->meter ||
            key->start_us >= range->to_us)
            break;
        rc = on_cell(context, key, &recount->values[i]);
    }
    return rc;
}

struct stored_walk {
    const struct mtr_recount *recount;
    mtr_rollups_on_cell on_cell;
    void *context;
};

int recount_compare_followed(const void *a, const void *b)
{
    const struct mtr_cell_change x = {.key = ((const struct recount_followed *)a)->key},
                                 y = {.key = ((const struct recount_followed *)b)->key};
    return cell_table_compare(&x, &y);
}

/* As the store has it, unless it follows use that changed hands. */
static int on_stored_cell(void *context, const struct mtr_cell_key *key, const struct mtr_cell *cell)
{
    const struct stored_walk *walk = context;
    const struct recount_followed wanted = {.key = *key};
    const struct recount_followed *found =
        bsearch(&wanted, walk->recount->followed, walk->recount->followed_count, sizeof(wanted),
                recount_compare_followed);
    struct mtr_cell copy = *cell;
    if (found) copy.value = found->value;
    return walk->on_cell(walk->context, key, &copy);
}

static int walk_stored(const struct mtr_recount *recount, const struct mtr_cell_range *range,
                       mtr_rollups_on_cell on_cell, void *context)
{
    struct stored_walk walk = {recount, on_cell, context};
    if (!recount->followed_count) return mtr_rollups_walk_cells(recount->txn, range, on_cell, context);
    return mtr_rollups_walk_cells(recount->txn, range, on_stored_cell, &walk);
}

int mtr_recount_walk_cells(const struct mtr_recount *recount, const struct mtr_cell_range *range,
                           mtr_rollups_on_cell on_cell, void *context)
{
    const struct recount_mark *mark = recount_find_mark(recount, range->subscription, range->meter);
    struct mtr_cell_range piece = *range;
    int rc = MTR_OK;
    for (uint32_t i = 0; mark && !rc && i < mark->hour_count; i++) {
        const struct mtr_hour *hour = &mark->hours[i];
        if (hour->end_us <= piece.from_us) continue;
        if (hour->start_us >= range->to_us) break;
        piece.to_us = hour->start_us;
        if (piece.from_us < piece.to_us)
            rc = walk_stored(recount, &piece, on_cell, context);
        piece.from_us = mtr_time_later(piece.from_us, hour->start_us);
        piece.to_us = mtr_time_sooner(hour->end_us, range->to_us);
        if (!rc) rc = walk_counted(recount, &piece, on_cell, context);
        piece.from_us = piece.to_us;
    }
    piece.to_us = range->to_us;
    if (rc || piece.from_us >= piece.to_us) return rc;
    return walk_stored(recount, &piece, on_cell, context);
}

/* Then its members, of which there may be none; else the store has the cell. */
static bool is_counted(const struct mtr_recount *recount, const struct mtr_cell_key *key,
                       const struct member_row **members, uint32_t *count)
{
    const uint32_t at = find_cell(recount, key);
    const struct mtr_cell_change wanted = {.key = *key};
    if (at == recount->cell_count || cell_table_compare(recount->cells[at], &wanted) != 0) return false;
    const uint32_t row = (uint32_t)(recount->cells[at] - recount->fold->cells.changes);
    *members = member_table_find(&recount->members, row, count);
    return true;
}

const struct member_row *recount_find_members(const struct mtr_recount *recount,
                                              const struct mtr_cell_key *key, uint32_t *count)
{
    const struct member_row *members;
    *count = 0;
    return is_counted(recount, key, &members, count) ? members : NULL;
}

int mtr_recount_last_member(const struct mtr_recount *recount, const struct mtr_cell_key *key,
                            struct mtr_member *out)
{
    const struct member_row *members;
    uint32_t count;
    if (!is_counted(recount, key, &members, &count)) return mtr_rollups_last_member(recount->txn, key, out);
    if (!count) return MTR_ENOTFOUND;
    *out = (struct mtr_member){members[count - 1].member, (uint64_t)members[count - 1].count};
    return MTR_OK;
}

int mtr_recount_walk_members(const struct mtr_recount *recount, const struct mtr_cell_key *key,
                             mtr_rollups_on_member on_member, void *context)
{
    const struct member_row *members;
    uint32_t count;
    if (!is_counted(recount, key, &members, &count))
        return mtr_rollups_walk_members(recount->txn, key, on_member, context);
    int rc = MTR_OK;
    for (uint32_t i = 0; !rc && i < count; i++) {
        const struct mtr_member member = {members[i].member, (uint64_t)members[i].count};
        rc = on_member(context, &member);
    }
    return rc;
}

int mtr_recount_walk_points(const struct mtr_recount *recount, const struct mtr_cell_key *key,
                            mtr_rollups_on_point on_point, void *context)
{
    const struct member_row *members;
    uint32_t count;
    if (!is_counted(recount, key, &members, &count))
        return mtr_rollups_walk_points(recount->txn, key, INT64_MIN, INT64_MAX, on_point, context);
    int rc = MTR_OK;
    for (uint32_t i = 0; !rc && i < count; i++) {
        struct mtr_point point;
        rc = mtr_point_decode(members[i].member, &point);
        if (!rc) rc = on_point(context, &point);
    }
    return rc;
}
