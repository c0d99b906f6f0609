/*
 * Rows of the rollups. Any bytes as key and value of a table, which the first byte chooses: all that reads the table
 * gives it or says that it is damaged, and ends. What it gives can be put as it is, and is then read as the same.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/store/rollups/rollups_txn.h"
#include "tests/fuzz/bytes.h"
#include "tests/support/directory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { DAMAGED, WRITTEN, STORES, STEPS_MAX = 8 };
#define HOUR_US (INT64_C(1772323200) * 1000000)

static struct mtr_rollups *stores[STORES];
static char directories[STORES][DIRECTORY_PATH_BYTES];
static const struct mtr_values_of of_one = {1, 1};

static void clean_up(void)
{
    for (int i = 0; i < STORES; i++) {
        mtr_rollups_close(stores[i]);
        remove_tree(directories[i]);
    }
}

static void open_stores(void)
{
    struct mtr_diagnostic diagnostic;
    for (int i = 0; i < STORES; i++) {
        make_temporary_in_memory(directories[i]);
        int rc = mtr_rollups_open(directories[i], false, &stores[i], &diagnostic);
        MTR_ASSERT(rc == MTR_OK);
    }
    atexit(clean_up);
}

static struct mtr_rollups_txn *begin(int store)
{
    struct mtr_rollups_txn *txn;
    int rc = mtr_rollups_begin(stores[store], true, &txn);
    MTR_ASSERT(rc == MTR_OK);
    return txn;
}

/* ---- what is given is put: the context is the other store's transaction ---- */

static int on_cell(void *context, const struct mtr_cell_key *key, const struct mtr_cell *cell)
{
    struct mtr_cell again;
    int rc = mtr_rollups_put_cell(context, key, cell);
    if (!rc) rc = mtr_rollups_get_cell(context, key, &again);
    MTR_ASSERT(rc == MTR_OK && again.value.e12 == cell->value.e12 && again.count == cell->count && again.change == cell->change);
    MTR_ASSERT(again.seq_first == cell->seq_first && again.seq_last == cell->seq_last);
    return 0;
}

static int on_held(void *context, const struct mtr_held_event *held)
{
    struct mtr_held_event again = *held;
    int rc = mtr_rollups_put_held(context, held);
    if (!rc) rc = mtr_rollups_get_held(context, &again);
    MTR_ASSERT(rc == MTR_OK && again.voided == held->voided);
    return 0;
}

static int on_quarantined(void *context, const struct mtr_quarantined_event *event)
{
    int rc = mtr_rollups_put_quarantined(context, event);
    MTR_ASSERT(rc == MTR_OK);
    return 0;
}

static int on_feed(void *context, const struct mtr_feed_row *row)
{
    int rc = mtr_rollups_put_feed(context, row);
    MTR_ASSERT(rc == MTR_OK);
    return 0;
}

static int on_member(void *context, const struct mtr_member *member)
{
    (void)context;
    MTR_ASSERT(member->member.data);
    return 0;
}

static int on_point(void *context, const struct mtr_point *point)
{
    char member[MTR_POINT_BYTES];
    struct mtr_point again;
    (void)context;
    if (!point->seq) return MTR_ECORRUPT; /* told by whoever counts it */
    mtr_point_encode(point, member);
    int rc = mtr_point_decode((struct mtr_str){member, sizeof(member)}, &again);
    MTR_ASSERT(rc == MTR_OK && again.time_us == point->time_us && again.seq == point->seq && again.quantity.e12 == point->quantity.e12);
    return 0;
}

static int on_fact(void *context, struct mtr_str name, struct mtr_str value)
{
    (void)context;
    MTR_ASSERT(name.data && value.data);
    return 0;
}

static int on_cuts(void *context, uint32_t subscription, struct mtr_str cuts)
{
    (void)context;
    (void)subscription;
    for (uint32_t i = 0; i < mtr_rollups_cut_count(cuts); i++) (void)mtr_rollups_cut_at(cuts, i);
    return 0;
}

static int on_move(void *context, const struct mtr_rollups_move *move)
{
    int rc = mtr_rollups_put_move(context, move);
    MTR_ASSERT(rc == MTR_OK);
    return 0;
}

static int on_meter(void *context, const struct mtr_rollups_move_meter *meter)
{
    int rc = mtr_rollups_put_move_meter(context, meter);
    MTR_ASSERT(rc == MTR_OK);
    return 0;
}

/* ---- all that reads ---- */

static void check(int rc)
{
    MTR_ASSERT(rc == MTR_OK || rc == MTR_ECORRUPT || rc == MTR_ENOTFOUND);
}

static void read_cells(struct mtr_rollups_txn *txn, struct mtr_rollups_txn *other)
{
    const struct mtr_cell_range range = {1, 1, INT64_MIN + 1, INT64_MAX};
    const struct mtr_dimensions_range lines = {.from = MTR_STR("eu\x1f"), .until = MTR_STR("us\x1f"), .has_until = true};
    const struct mtr_cells_within within = {.range = &lines, .count = 1};
    const struct mtr_cell_key key = {1, 1, HOUR_US, MTR_STR("eu\x1f")}, all = {1, 1, MTR_CELL_ALL_HOURS, MTR_STR("eu\x1f")};
    struct mtr_cell cell;
    struct mtr_member member;
    struct mtr_point point;
    struct mtr_str list;
    check(mtr_rollups_walk_cells(txn, &range, on_cell, other));
    check(mtr_rollups_walk_cells_within(txn, &range, &within, on_cell, other));
    check(mtr_rollups_get_cell(txn, &key, &cell));
    check(mtr_rollups_walk_members(txn, &key, on_member, NULL));
    check(mtr_rollups_first_member(txn, &key, &member));
    check(mtr_rollups_last_member(txn, &key, &member));
    check(mtr_rollups_walk_points(txn, &all, INT64_MIN, INT64_MAX, on_point, NULL));
    check(mtr_rollups_point_before(txn, &all, HOUR_US, &point));
    int rc = mtr_rollups_next_list(txn, 1, 1, HOUR_US, NULL, &list);
    for (int i = 0; !rc && i < STEPS_MAX; i++) rc = mtr_rollups_next_list(txn, 1, 1, HOUR_US, &list, &list);
    check(rc);
    check(mtr_rollups_next_list_within(txn, &key, &within, NULL, &list));
}

static void read_state(struct mtr_rollups_txn *txn, struct mtr_rollups_txn *other)
{
    const struct mtr_held_event all = {.reason = MTR_HELD_SUBSCRIPTION}, some = {.reason = MTR_HELD_METER, .vendor = MTR_STR("v"), .name = MTR_STR("n")};
    const struct mtr_rollups_on_moves moves = {on_move, on_meter};
    struct mtr_values_count count;
    struct mtr_values_of full = {0, 0};
    struct mtr_beyond_sum sum;
    struct mtr_hash128 hash;
    struct mtr_str cuts;
    uint64_t seq = 1, void_seq, change;
    int64_t watermark_us;
    uint32_t last;
    bool is_moving;
    check(mtr_rollups_walk_held(txn, &all, on_held, other));
    check(mtr_rollups_walk_held(txn, &some, on_held, other));
    check(mtr_rollups_walk_quarantined(txn, 0, on_quarantined, other));
    check(mtr_rollups_get_voided(txn, 1, &void_seq));
    int rc = mtr_rollups_next_voided(txn, &seq, &void_seq);
    if (!rc) rc = mtr_rollups_put_voided(other, seq, void_seq);
    check(rc);
    check(mtr_rollups_walk_feed(txn, 0, on_feed, other));
    check(mtr_rollups_last_subscription(txn, &last));
    check(mtr_rollups_walk_facts(txn, MTR_STR(""), on_fact, NULL));
    check(mtr_rollups_walk_cuts(txn, on_cuts, NULL));
    check(mtr_rollups_get_cuts(txn, 1, &cuts));
    check(mtr_rollups_walk_moves(txn, &moves, other));
    check(mtr_rollups_is_moving(txn, 1, &is_moving));
    check(mtr_rollups_count_values(txn, &of_one, &count));
    check(mtr_rollups_find_values(txn, &of_one, MTR_STR("eu\x1f")));
    seq = 1;
    check(mtr_rollups_next_beyond(txn, &of_one, &seq));
    check(mtr_rollups_next_full(txn, &full));
    check(mtr_rollups_sum_beyond(txn, &sum));
    check(mtr_rollups_get_cursor(txn, &seq, &watermark_us, &change));
    check(mtr_rollups_hash(txn, &hash));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes bytes = {data, data + size};
    if (!size) return 0;
    if (!stores[DAMAGED]) open_stores();
    const enum mtr_rollups_table table = (enum mtr_rollups_table)(take_u8(&bytes) % MTR_TABLE_COUNT);
    const struct mtr_str key = take_text(&bytes), value = take_rest(&bytes);
    if (!key.size) return 0;
    struct mtr_rollups_txn *txn = begin(DAMAGED), *other = begin(WRITTEN);
    int rc = rollups_put(txn, table, key, value);
    MTR_ASSERT(rc == MTR_OK);
    read_cells(txn, other);
    read_state(txn, other);
    mtr_rollups_abort(other);
    mtr_rollups_abort(txn);
    return 0;
}
