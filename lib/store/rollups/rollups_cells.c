/*
 * Cells, their members, and the hash over all that a rebuild must reproduce. Layouts are in docs/formats.md.
 */
#include "meterd/store/rollups.h"

#include <string.h>
#include <xxhash.h>

#include "lib/store/rollups/rollups_txn.h"
#include "meterd/share/work_limit.h"

enum { CELL_KEY_BYTES = 16, CELL_BYTES = 48, CELL_CHANGE_AT = 40, COUNT_BYTES = 8 };

/* Signed hours sort as unsigned bytes with the sign bit flipped. */
static uint64_t biased(int64_t start_us)
{
    return (uint64_t)start_us ^ UINT64_C(1) << 63;
}

static struct mtr_key cell_key(const struct mtr_cell_key *key)
{
    struct mtr_key out;
    out.size = 0;
    MTR_ASSERT(key->subscription > 0 && key->meter > 0 && key->dimensions.size <= MTR_DIMENSIONS_BYTES_MAX);
    rollups_key_u32(&out, key->subscription);
    rollups_key_u32(&out, key->meter);
    rollups_key_u64(&out, biased(key->start_us));
    rollups_key_bytes(&out, key->dimensions);
    return out;
}

static int read_cell_key(struct mtr_str bytes, struct mtr_cell_key *out)
{
    if (bytes.size < CELL_KEY_BYTES || bytes.size > CELL_KEY_BYTES + MTR_DIMENSIONS_BYTES_MAX)
        return MTR_ECORRUPT;
    const unsigned char *p = (const unsigned char *)bytes.data;
    out->subscription = lmdb_get_u32(p);
    out->meter = lmdb_get_u32(p + 4);
    out->start_us = (int64_t)biased((int64_t)lmdb_get_u64(p + 8));
    out->dimensions = (struct mtr_str){bytes.data + CELL_KEY_BYTES, bytes.size - CELL_KEY_BYTES};
    return MTR_OK;
}

static int read_cell(struct mtr_str bytes, struct mtr_cell *out)
{
    if (bytes.size != CELL_BYTES) return MTR_ECORRUPT;
    const unsigned char *p = (const unsigned char *)bytes.data;
    out->value.e12 = (mtr_int128)((mtr_uint128)lmdb_get_u64(p) << 64 | lmdb_get_u64(p + 8));
    out->count = lmdb_get_u64(p + 16);
    out->seq_first = lmdb_get_u64(p + 24);
    out->seq_last = lmdb_get_u64(p + 32);
    out->change = lmdb_get_u64(p + CELL_CHANGE_AT);
    return out->seq_first >= 1 && out->seq_first <= out->seq_last ? MTR_OK : MTR_ECORRUPT; /* as it was put */
}

int mtr_rollups_get_cell(struct mtr_rollups_txn *txn, const struct mtr_cell_key *key, struct mtr_cell *cell)
{
    struct mtr_key encoded = cell_key(key);
    struct mtr_str value;
    int rc = rollups_get(txn, MTR_TABLE_CELLS, rollups_key_str(&encoded), &value);
    return rc ? rc : read_cell(value, cell);
}

int mtr_rollups_put_cell(struct mtr_rollups_txn *txn, const struct mtr_cell_key *key,
                         const struct mtr_cell *cell)
{
    unsigned char value[CELL_BYTES];
    struct mtr_key encoded = cell_key(key);
    MTR_ASSERT(cell->seq_first >= 1 && cell->seq_first <= cell->seq_last);
    lmdb_put_u64(value, (uint64_t)((mtr_uint128)cell->value.e12 >> 64));
    lmdb_put_u64(value + 8, (uint64_t)cell->value.e12);
    lmdb_put_u64(value + 16, cell->count);
    lmdb_put_u64(value + 24, cell->seq_first);
    lmdb_put_u64(value + 32, cell->seq_last);
    lmdb_put_u64(value + CELL_CHANGE_AT, cell->change);
    return rollups_put(txn, MTR_TABLE_CELLS, rollups_key_str(&encoded),
                       (struct mtr_str){(const char *)value, sizeof(value)});
}

enum { STOP = 1 }; /* positive: no error of ours */

struct cell_walk {
    int64_t to_us;
    bool stopped; /* by the bound, not by the hook */
    mtr_rollups_on_cell on_cell;
    void *context;
};

static int on_cell_row(void *context, struct mtr_str key, struct mtr_str value)
{
    struct cell_walk *walk = context;
    struct mtr_cell_key cell_key_read;
    struct mtr_cell cell;
    int rc = read_cell_key(key, &cell_key_read);
    if (!rc) rc = read_cell(value, &cell);
    if (rc) return rc;
    if (cell_key_read.start_us >= walk->to_us) {
        walk->stopped = true;
        return STOP;
    }
    return walk->on_cell(walk->context, &cell_key_read, &cell);
}

int mtr_rollups_walk_cells(struct mtr_rollups_txn *txn, const struct mtr_cell_range *range,
                           mtr_rollups_on_cell on_cell, void *context)
{
    struct cell_walk walk = {.to_us = range->to_us, .on_cell = on_cell, .context = context};
    struct mtr_cell_key first = {
        .subscription = range->subscription, .meter = range->meter, .start_us = range->from_us};
    struct mtr_key from = cell_key(&first);
    struct mtr_str prefix = {(const char *)from.data, 8};
    int rc = rollups_scan(txn, MTR_TABLE_CELLS, rollups_key_str(&from), prefix, on_cell_row, &walk);
    return walk.stopped ? MTR_OK : rc;
}

/* ---- those within a range ---- */

enum { STEPS_MIN = 8, STEPS_MAX = 64 };

struct walk_within {
    struct cell_walk walk;
    const struct mtr_cells_within *within;
    /* Cells that are read before others are passed over, which costs as much as some: more where that was in
     * vain. None where no values are skipped: most of an hour's cells outside of the range stand together. */
    uint32_t steps, steps_left;
    struct mtr_key jump; /* where the next cell may lie; empty: anywhere */
};

/* To where cells may lie within again, if that can be said: further on than the cell. */
static void jump_on(struct walk_within *on, const struct mtr_cell_key *at)
{
    char dimensions[ROLLUPS_JUMP_BYTES];
    struct mtr_cell_key to = *at;
    if (!rollups_jump(on->within, at->dimensions, dimensions, &to.dimensions)) to.start_us++;
    if (to.dimensions.size <= MTR_DIMENSIONS_BYTES_MAX) on->jump = cell_key(&to);
}

/* From the cell at the cursor: hands it out, or says where the next one begins that may lie within. */
static int step_within(struct walk_within *on, MDB_val k, MDB_val v)
{
    struct mtr_cell_key at;
    on->jump.size = 0;
    int rc = read_cell_key(lmdb_str(k), &at);
    if (rc) return rc;
    if (at.start_us >= on->walk.to_us) {
        on->walk.stopped = true;
        return STOP;
    }
    if (rollups_is_within(on->within, at.dimensions)) {
        on->steps = on->steps_left = on->within->skip ? STEPS_MIN : 0;
        return on_cell_row(&on->walk, lmdb_str(k), lmdb_str(v));
    }
    if (on->steps_left > 0) {
        on->steps_left--;
        return MTR_OK;
    }
    if (on->steps && on->steps < STEPS_MAX) on->steps *= 2;
    on->steps_left = on->steps;
    jump_on(on, &at);
    return MTR_OK;
}

int mtr_rollups_walk_cells_within(struct mtr_rollups_txn *txn, const struct mtr_cell_range *range,
                                  const struct mtr_cells_within *within, mtr_rollups_on_cell on_cell,
                                  void *context)
{
    struct walk_within on = {.walk = {.to_us = range->to_us, .on_cell = on_cell, .context = context},
                             .within = within,
                             .steps = within->skip ? STEPS_MIN : 0};
    const struct mtr_cell_key first = {range->subscription, range->meter, range->from_us, MTR_STR("")};
    const struct mtr_key begin = cell_key(&first);
    const struct mtr_str prefix = {(const char *)begin.data, 8};
    const struct sealed_table *cells = &txn->rollups->tables[MTR_TABLE_CELLS];
    MDB_cursor *cursor;
    int rc = lmdb_cursor_take(&txn->cursors, MTR_TABLE_CELLS, cells->dbi, &cursor);
    if (rc) return rc;
    on.jump = begin;
    for (bool more = true; more;) {
        struct mtr_str key = rollups_key_str(&on.jump);
        MDB_val k = lmdb_val(key.data, key.size), v;
        rc = sealed_cursor_get(cursor, cells, &k, &v, on.jump.size ? MDB_SET_RANGE : MDB_NEXT);
        more = !rc && mtr_str_starts_with(lmdb_str(k), prefix);
        if (more) rc = mtr_work_goes_on() ? step_within(&on, k, v) : MTR_ETIMEDOUT;
        more = more && !rc;
    }
    lmdb_cursor_give(&txn->cursors, MTR_TABLE_CELLS, cursor);
    return on.walk.stopped || rc == MTR_ENOTFOUND ? MTR_OK : rc;
}

/* Dimensions vary in length, so their length stands before them: no cell's members begin like another's. */
struct mtr_key rollups_member_key(const struct mtr_cell_key *key, struct mtr_str member)
{
    struct mtr_key out;
    out.size = 0;
    MTR_ASSERT(key->subscription > 0 && key->meter > 0 && key->dimensions.size <= MTR_DIMENSIONS_BYTES_MAX);
    rollups_key_u32(&out, key->subscription);
    rollups_key_u32(&out, key->meter);
    rollups_key_u64(&out, biased(key->start_us));
    rollups_key_u16(&out, (unsigned)key->dimensions.size);
    rollups_key_bytes(&out, key->dimensions);
    rollups_key_bytes(&out, member);
    return out;
}

static int read_count(struct mtr_str value, uint64_t *out)
{
    if (value.size != COUNT_BYTES) return MTR_ECORRUPT;
    *out = lmdb_get_u64((const unsigned char *)value.data);
    return MTR_OK;
}

int mtr_rollups_add_member(struct mtr_rollups_txn *txn, const struct mtr_cell_key *key, struct mtr_str member,
                           int64_t delta, uint64_t *count_after)
{
    const struct mtr_key encoded = rollups_member_key(key, member);
    const struct mtr_str at = rollups_key_str(&encoded);
    unsigned char bytes[COUNT_BYTES];
    struct mtr_str value = {(const char *)bytes, sizeof(bytes)};
    uint64_t count = 0;
    MTR_ASSERT(member.size > 0 && delta != 0);
    lmdb_put_u64(bytes, (uint64_t)delta);
    *count_after = (uint64_t)delta;
    /* Most are new, and are put by one look into the tree. */
    int rc = delta > 0 ? rollups_add(txn, MTR_TABLE_MEMBERS, at, &value)
                       : rollups_get(txn, MTR_TABLE_MEMBERS, at, &value);
    if (delta > 0 && rc != MTR_EEXISTS) return rc;
    if (rc && rc != MTR_EEXISTS) return rc == MTR_ENOTFOUND ? MTR_EINVALID : rc;
    rc = read_count(value, &count);
    if (rc) return rc;
    if (delta > 0 && count > UINT64_MAX - (uint64_t)delta) return MTR_ECORRUPT;
    if (delta < 0 && count < (uint64_t)-delta) return MTR_EINVALID;
    *count_after = count += (uint64_t)delta;
    if (!count) return rollups_delete(txn, MTR_TABLE_MEMBERS, at);
    lmdb_put_u64(bytes, count);
    return rollups_put(txn, MTR_TABLE_MEMBERS, at, (struct mtr_str){(const char *)bytes, sizeof(bytes)});
}

struct member_walk {
    size_t prefix_bytes;
    mtr_rollups_on_member on_member;
    void *context;
};

static int on_member_row(void *context, struct mtr_str key, struct mtr_str value)
{
    struct member_walk *walk = context;
    struct mtr_member member = {.member = {key.data + walk->prefix_bytes, key.size - walk->prefix_bytes}};
    int rc = read_count(value, &member.count);
    return rc ? rc : walk->on_member(walk->context, &member);
}

int mtr_rollups_walk_members(struct mtr_rollups_txn *txn, const struct mtr_cell_key *key,
                             mtr_rollups_on_member on_member, void *context)
{
    struct mtr_key prefix = rollups_member_key(key, (struct mtr_str){NULL, 0});
    struct member_walk walk = {prefix.size, on_member, context};
    return rollups_scan(txn, MTR_TABLE_MEMBERS, rollups_key_str(&prefix), rollups_key_str(&prefix),
                        on_member_row, &walk);
}

struct first_member {
    struct mtr_member *out;
    bool found;
};

static int on_first_member(void *context, const struct mtr_member *member)
{
    struct first_member *first = context;
    *first->out = *member;
    first->found = true;
    return STOP;
}

int mtr_rollups_first_member(struct mtr_rollups_txn *txn, const struct mtr_cell_key *key,
                             struct mtr_member *out)
{
    struct first_member first = {out, false};
    int rc = mtr_rollups_walk_members(txn, key, on_first_member, &first);
    if (first.found) return MTR_OK;
    return rc ? rc : MTR_ENOTFOUND;
}

/* The row before the first that does not sort before the bound. */
int rollups_member_before(struct mtr_rollups_txn *txn, const struct mtr_cell_key *key, struct mtr_str bound,
                          struct mtr_member *out)
{
    struct mtr_key prefix = rollups_member_key(key, (struct mtr_str){NULL, 0});
    struct mtr_key after = rollups_member_key(key, bound);
    const struct sealed_table *members = &txn->rollups->tables[MTR_TABLE_MEMBERS];
    MDB_cursor *cursor;
    int rc = lmdb_error(mdb_cursor_open(txn->txn, members->dbi, &cursor));
    if (rc) return rc;
    MDB_val k = lmdb_val(after.data, after.size), v;
    rc = sealed_cursor_get(cursor, members, &k, &v, MDB_SET_RANGE);
    if (!rc || rc == MTR_ENOTFOUND)
        rc = sealed_cursor_get(cursor, members, &k, &v, rc ? MDB_LAST : MDB_PREV);
    mdb_cursor_close(cursor);
    if (rc) return rc;
    struct mtr_str row = lmdb_str(k);
    if (!mtr_str_starts_with(row, rollups_key_str(&prefix))) return MTR_ENOTFOUND;
    struct mtr_member member = {.member = {row.data + prefix.size, row.size - prefix.size}};
    rc = read_count(lmdb_str(v), &member.count);
    if (!rc) *out = member;
    return rc;
}

int mtr_rollups_last_member(struct mtr_rollups_txn *txn, const struct mtr_cell_key *key,
                            struct mtr_member *out)
{
    char bound[MTR_LMDB_KEY_BYTES_MAX]; /* behind every member: no key is longer */
    struct mtr_key prefix = rollups_member_key(key, (struct mtr_str){NULL, 0});
    MTR_ASSERT(prefix.size < sizeof(bound)); /* a member has room behind the longest dimensions */
    memset(bound, 0xFF, sizeof(bound));
    return rollups_member_before(txn, key, (struct mtr_str){bound, sizeof(bound) - prefix.size}, out);
}

struct hashing {
    XXH3_state_t *state;
    enum mtr_rollups_table table;
};

static void hash_u64(struct hashing *hashing, uint64_t value)
{
    unsigned char bytes[8];
    lmdb_put_u64(bytes, value);
    (void)XXH3_128bits_update(hashing->state, bytes, sizeof(bytes));
}

static int on_hash_row(void *context, struct mtr_str key, struct mtr_str value)
{
    struct hashing *hashing = context;
    if (hashing->table == MTR_TABLE_CELLS && value.size == CELL_BYTES) value.size = CELL_CHANGE_AT;
    hash_u64(hashing, key.size);
    (void)XXH3_128bits_update(hashing->state, key.data, key.size);
    hash_u64(hashing, value.size);
    (void)XXH3_128bits_update(hashing->state, value.data, value.size);
    return MTR_OK;
}

int mtr_rollups_hash(struct mtr_rollups_txn *txn, struct mtr_hash128 *out)
{
    struct hashing hashing;
    uint64_t next_seq, change;
    int64_t watermark_us;
    int rc = mtr_rollups_get_cursor(txn, &next_seq, &watermark_us, &change);
    if (rc) return rc;
    hashing.state = XXH3_createState();
    if (!hashing.state) return MTR_ENOMEM;
    (void)XXH3_128bits_reset(hashing.state);
    hash_u64(&hashing, MTR_ROLLUPS_FORMAT);
    hash_u64(&hashing,
             next_seq); /* the watermark and the change number tell when the fold ran, not what it made */
    for (int table = 0; !rc && table < MTR_TABLE_META; table++) {
        hashing.table = (enum mtr_rollups_table)table;
        hash_u64(&hashing, (uint64_t)table);
        rc = rollups_scan(txn, hashing.table, (struct mtr_str){NULL, 0}, (struct mtr_str){NULL, 0},
                          on_hash_row, &hashing);
    }
    XXH128_hash_t hash = XXH3_128bits_digest(hashing.state);
    (void)XXH3_freeState(hashing.state);
    if (!rc) *out = (struct mtr_hash128){hash.high64, hash.low64};
    return rc;
}
