/*
 * Taking cells out, with all that belongs to them, and giving them another start: for those who fold them
 * again. Layouts are in docs/formats.md.
 */
#include "meterd/store/rollups.h"

#include <string.h>

#include "lib/store/rollups/rollups_txn.h"

enum { STOP = 1, OWNER_BYTES = 8, HOUR_AT = 8, MOVED_BYTES_MAX = 64 };

static const uint64_t sign_bit = UINT64_C(1) << 63;

static int on_first_row(void *context, struct mtr_str key, struct mtr_str value)
{
    struct mtr_key *found = context;
    (void)value;
    found->size = 0;
    rollups_key_bytes(found, key);
    return STOP;
}

/* Deletes rows from `from` on that begin with its first prefix_bytes, as long as the big-endian number behind
 * `number_at` bytes of their keys is below `until`. */
static int delete_rows(struct mtr_rollups_txn *txn, enum mtr_rollups_table table, const struct mtr_key *from,
                       size_t prefix_bytes, size_t number_at, uint64_t until)
{
    const struct mtr_str prefix = {(const char *)from->data, prefix_bytes};
    for (;;) {
        struct mtr_key found;
        int rc = rollups_scan(txn, table, rollups_key_str(from), prefix, on_first_row, &found);
        if (rc != STOP) return rc;
        if (found.size < number_at + sizeof(until)) return MTR_ECORRUPT;
        if (lmdb_get_u64(found.data + number_at) >= until) return MTR_OK;
        rc = rollups_delete(txn, table, rollups_key_str(&found));
        if (rc) return rc;
    }
}

int mtr_rollups_delete_cells(struct mtr_rollups_txn *txn, const struct mtr_cell_range *range)
{
    struct mtr_key from;
    const uint64_t until = (uint64_t)range->to_us ^ sign_bit;
    MTR_ASSERT(range->from_us > MTR_CELL_ALL_HOURS && range->from_us < range->to_us);
    from.size = 0;
    rollups_key_u32(&from, range->subscription);
    rollups_key_u32(&from, range->meter);
    rollups_key_u64(&from, (uint64_t)range->from_us ^ sign_bit);
    int rc = delete_rows(txn, MTR_TABLE_CELLS, &from, OWNER_BYTES, HOUR_AT, until);
    return rc ? rc : delete_rows(txn, MTR_TABLE_MEMBERS, &from, OWNER_BYTES, HOUR_AT, until);
}

/* Rows whose start lies in the range get that one, which is not in it. */
static int move_rows(struct mtr_rollups_txn *txn, enum mtr_rollups_table table,
                     const struct mtr_cell_range *range, int64_t start_us)
{
    struct mtr_key from = {.size = 0};
    rollups_key_u32(&from, range->subscription);
    rollups_key_u32(&from, range->meter);
    rollups_key_u64(&from, (uint64_t)range->from_us ^ sign_bit);
    const struct mtr_str prefix = {(const char *)from.data, OWNER_BYTES};
    for (;;) {
        struct mtr_key found;
        struct mtr_str value;
        int rc = rollups_scan(txn, table, rollups_key_str(&from), prefix, on_first_row, &found);
        if (rc != STOP) return rc;
        if (found.size < HOUR_AT + sizeof(uint64_t)) return MTR_ECORRUPT;
        if (lmdb_get_u64(found.data + HOUR_AT) >= ((uint64_t)range->to_us ^ sign_bit)) return MTR_OK;
        char copy[MOVED_BYTES_MAX];
        rc = rollups_get(txn, table, rollups_key_str(&found), &value);
        if (!rc && value.size > sizeof(copy)) rc = MTR_ECORRUPT;
        if (rc) return rc == MTR_ENOTFOUND ? MTR_ECORRUPT : rc;
        memcpy(copy, value.data, value.size);
        value.data = copy;
        rc = rollups_delete(txn, table, rollups_key_str(&found));
        lmdb_put_u64(found.data + HOUR_AT, (uint64_t)start_us ^ sign_bit);
        if (!rc) rc = rollups_put(txn, table, rollups_key_str(&found), value);
        if (rc) return rc;
    }
}

int mtr_rollups_move_cells(struct mtr_rollups_txn *txn, const struct mtr_cell_range *range, int64_t start_us)
{
    MTR_ASSERT(range->from_us > MTR_CELL_ALL_HOURS && range->from_us < range->to_us);
    MTR_ASSERT(start_us >= range->to_us); /* or what was moved would be moved again */
    int rc = move_rows(txn, MTR_TABLE_CELLS, range, start_us);
    return rc ? rc : move_rows(txn, MTR_TABLE_MEMBERS, range, start_us);
}

int mtr_rollups_delete_points(struct mtr_rollups_txn *txn, const struct mtr_cell_key *list, int64_t from_us,
                              int64_t until_us)
{
    struct mtr_key from = rollups_member_key(list, (struct mtr_str){NULL, 0});
    const size_t prefix_bytes = from.size;
    rollups_key_u64(&from, (uint64_t)from_us ^ sign_bit);
    return delete_rows(txn, MTR_TABLE_MEMBERS, &from, prefix_bytes, prefix_bytes,
                       (uint64_t)until_us ^ sign_bit);
}
