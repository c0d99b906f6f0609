/*
 * Cells with their members, and lists over all hours, as text, as the store has them or as a recount counts them: to be compared.
 */
#ifndef METERD_TESTS_SUPPORT_TOLD_CELLS_H
#define METERD_TESTS_SUPPORT_TOLD_CELLS_H

#include <inttypes.h>
#include <stdio.h>

#include "meterd/aggregator/recount.h"

/* All that a walk gives, as text. */
struct told {
    const struct mtr_recount *recount; /* NULL: the store's */
    struct mtr_rollups_txn *txn;
    uint64_t cells;
    size_t size;
    char text[1 << 20];
};

static inline void tell_bytes(struct told *told, struct mtr_str bytes)
{
    for (size_t i = 0; i < bytes.size; i++)
        told->size += (size_t)snprintf(told->text + told->size, sizeof(told->text) - told->size, "%02x", (unsigned char)bytes.data[i]);
}

static inline int tell_member(void *context, const struct mtr_member *member)
{
    struct told *told = context;
    tell_bytes(told, member->member);
    told->size += (size_t)snprintf(told->text + told->size, sizeof(told->text) - told->size, "*%" PRIu64 " ", member->count);
    return 0;
}

static inline int tell_cell(void *context, const struct mtr_cell_key *key, const struct mtr_cell *cell)
{
    struct told *told = context;
    char value[MTR_DECIMAL_TEXT_BYTES];
    struct mtr_member last;
    mtr_quantity_format(cell->value, value);
    told->cells++;
    tell_bytes(told, key->dimensions);
    told->size += (size_t)snprintf(told->text + told->size, sizeof(told->text) - told->size,
                                   " %" PRIu32 " %" PRIu32 " %lld %s %" PRIu64 " %" PRIu64 " %" PRIu64 ": ",
                                   key->subscription, key->meter, (long long)key->start_us, value, cell->count, cell->seq_first, cell->seq_last);
    int rc = told->recount ? mtr_recount_walk_members(told->recount, key, tell_member, told)
                           : mtr_rollups_walk_members(told->txn, key, tell_member, told);
    if (!rc) rc = told->recount ? mtr_recount_last_member(told->recount, key, &last) : mtr_rollups_last_member(told->txn, key, &last);
    if (!rc) rc = tell_member(told, &last);
    assert_true(told->size + 4096 < sizeof(told->text));
    return rc == MTR_ENOTFOUND ? MTR_OK : rc;
}

static inline int tell_point(void *context, const struct mtr_point *point)
{
    struct told *told = context;
    char value[MTR_DECIMAL_TEXT_BYTES];
    mtr_quantity_format(point->quantity, value);
    told->size += (size_t)snprintf(told->text + told->size, sizeof(told->text) - told->size, "%lld#%" PRIu64 "=%s ", (long long)point->time_us,
                                   point->seq, value);
    assert_true(told->size + 4096 < sizeof(told->text));
    return 0;
}

static inline void tell_list(struct told *told, const struct mtr_cell_key *list, struct mtr_hour time)
{
    struct mtr_point before;
    int rc = told->recount ? mtr_recount_point_before(told->recount, list, time.end_us, &before)
                           : mtr_rollups_point_before(told->txn, list, time.end_us, &before);
    tell_bytes(told, list->dimensions);
    if (rc) assert_int_equal(rc, MTR_ENOTFOUND);
    else tell_point(told, &before);
    assert_int_equal(told->recount
                         ? mtr_recount_walk_list(told->recount, list, time, tell_point, told)
                         : mtr_rollups_walk_points(told->txn, list, time.start_us, time.end_us, tell_point, told),
                     MTR_OK);
}

static inline void tell_lists(struct told *told, uint32_t subscription, uint32_t meter, struct mtr_hour time)
{
    struct mtr_cell_key list = {subscription, meter, MTR_CELL_ALL_HOURS, {NULL, 0}};
    const struct mtr_str *after = NULL;
    for (int rc = MTR_OK;; after = &list.dimensions) {
        rc = told->recount ? mtr_recount_next_list(told->recount, subscription, meter, after, &list.dimensions)
                           : mtr_rollups_next_list(told->txn, subscription, meter, MTR_CELL_ALL_HOURS, after, &list.dimensions);
        if (rc) assert_int_equal(rc, MTR_ENOTFOUND);
        if (rc) return;
        tell_list(told, &list, time);
    }
}

/* Of the first so many subscriptions and meters. */
static inline void tell(struct told *told, uint32_t subscriptions, uint32_t meters, struct mtr_hour time)
{
    struct mtr_cell_range range = {.from_us = time.start_us, .to_us = time.end_us};
    told->size = 0;
    for (range.subscription = 1; range.subscription <= subscriptions; range.subscription++)
        for (range.meter = 1; range.meter <= meters; range.meter++) {
            tell_lists(told, range.subscription, range.meter, time);
            assert_int_equal(told->recount ? mtr_recount_walk_cells(told->recount, &range, tell_cell, told)
                                           : mtr_rollups_walk_cells(told->txn, &range, tell_cell, told),
                             MTR_OK);
        }
}

#endif
