/*
 * Draws on grants in the charges store.
 *
 * Invariant: `drawn` has one row for each row of `draws`, by its period instead of its grant. What `before`
 * must be is the rater's business.
 */
#include "lib/store/charges/charges_txn.h"

#include <string.h>

enum { DRAW_KEY_BYTES = 28, DRAWN_KEY_BYTES = 28, GRANT_BYTES = 16 };

static void draw_key(unsigned char *p, const struct mtr_charge_draw *draw)
{
    put_hash(p, draw->grant);
    put_i64(p + 16, draw->period_start_s);
    lmdb_put_u32(p + 24, draw->subscription);
}

static void drawn_key(unsigned char *p, const struct mtr_charge_draw *draw)
{
    lmdb_put_u32(p, draw->subscription);
    put_i64(p + 4, draw->period_start_s);
    put_hash(p + 12, draw->grant);
}

static int unpack_draw(struct mtr_str key, struct mtr_str value, struct mtr_charge_draw *out)
{
    if (key.size != DRAW_KEY_BYTES) return MTR_ECORRUPT;
    const unsigned char *k = (const unsigned char *)key.data;
    struct unpacker unpacker = unpack_begin(value);
    struct mtr_charge_draw draw = {.grant = {lmdb_get_u64(k), lmdb_get_u64(k + 8)},
                                   .period_start_s = get_i64(k + 16),
                                   .subscription = lmdb_get_u32(k + 24)};
    draw.before = unpack_i128(&unpacker);
    draw.drawn = unpack_i128(&unpacker);
    if (unpack_end(&unpacker)) return MTR_ECORRUPT;
    *out = draw;
    return MTR_OK;
}

int mtr_charges_put_draw(struct mtr_charges_txn *txn, const struct mtr_charge_draw *draw)
{
    unsigned char key[DRAW_KEY_BYTES], other[DRAWN_KEY_BYTES];
    MTR_ASSERT(draw->subscription > 0);
    draw_key(key, draw);
    drawn_key(other, draw);
    struct packer packer = pack_begin(&txn->scratch);
    pack_i128(&packer, draw->before);
    pack_i128(&packer, draw->drawn);
    int rc = packer.error;
    if (!rc) rc = charges_put(txn, TABLE_DRAWS, key, sizeof(key), mtr_buffer_str(&txn->scratch), 0);
    return rc ? rc : charges_put(txn, TABLE_DRAWN, other, sizeof(other), MTR_STR(""), 0);
}

int mtr_charges_delete_draw(struct mtr_charges_txn *txn, const struct mtr_charge_draw *draw)
{
    unsigned char key[DRAW_KEY_BYTES], other[DRAWN_KEY_BYTES];
    draw_key(key, draw);
    drawn_key(other, draw);
    int rc = charges_delete(txn, TABLE_DRAWS, key, sizeof(key));
    return rc ? rc : charges_delete(txn, TABLE_DRAWN, other, sizeof(other));
}

int mtr_charges_get_draw(struct mtr_charges_txn *txn, struct mtr_charge_draw *out)
{
    unsigned char key[DRAW_KEY_BYTES];
    struct mtr_str value;
    draw_key(key, out);
    int rc = charges_get(txn, TABLE_DRAWS, key, sizeof(key), &value);
    return rc ? rc : unpack_draw((struct mtr_str){(char *)key, sizeof(key)}, value, out);
}

/* The row beside a key that may itself be there: the first after it, or the last before it. */
static int seek_beside(MDB_cursor *cursor, const unsigned char key[DRAW_KEY_BYTES], bool after, MDB_val *k,
                       MDB_val *v)
{
    *k = lmdb_val(key, DRAW_KEY_BYTES);
    int rc = mdb_cursor_get(cursor, k, v, MDB_SET_RANGE);
    if (!after) return mdb_cursor_get(cursor, k, v, rc == MDB_NOTFOUND ? MDB_LAST : MDB_PREV);
    if (!rc && k->mv_size == DRAW_KEY_BYTES && memcmp(k->mv_data, key, DRAW_KEY_BYTES) == 0)
        rc = mdb_cursor_get(cursor, k, v, MDB_NEXT);
    return rc;
}

static int find_beside(struct mtr_charges_txn *txn, bool after, struct mtr_charge_draw *out)
{
    unsigned char key[DRAW_KEY_BYTES];
    MDB_cursor *cursor = NULL;
    MDB_val k, v;
    const struct mtr_charge_draw asked = *out;
    draw_key(key, out);
    int rc = lmdb_error(mdb_cursor_open(txn->lmdb, txn->charges->tables[TABLE_DRAWS], &cursor));
    if (rc) return rc;
    rc = lmdb_error(seek_beside(cursor, key, after, &k, &v));
    if (!rc && (k.mv_size != DRAW_KEY_BYTES || memcmp(k.mv_data, key, GRANT_BYTES) != 0)) rc = MTR_ENOTFOUND;
    if (!rc) rc = unpack_draw(lmdb_str(k), lmdb_str(v), out);
    mdb_cursor_close(cursor);
    MTR_ASSERT(rc || (out->grant.high == asked.grant.high && out->grant.low == asked.grant.low));
    return rc;
}

int mtr_charges_draw_before(struct mtr_charges_txn *txn, struct mtr_charge_draw *out)
{
    return find_beside(txn, false, out);
}

int mtr_charges_draw_after(struct mtr_charges_txn *txn, struct mtr_charge_draw *out)
{
    return find_beside(txn, true, out);
}

struct walking {
    mtr_charges_on_grant on_grant;
    void *context;
};

static int on_drawn(void *context, struct mtr_str key, struct mtr_str value)
{
    const struct walking *walking = context;
    const unsigned char *k = (const unsigned char *)key.data;
    (void)value;
    if (key.size != DRAWN_KEY_BYTES) return MTR_ECORRUPT;
    return walking->on_grant(walking->context,
                             (struct mtr_hash128){lmdb_get_u64(k + 12), lmdb_get_u64(k + 20)});
}

int mtr_charges_walk_drawn(struct mtr_charges_txn *txn, uint32_t subscription, int64_t period_start_s,
                           mtr_charges_on_grant on_grant, void *context)
{
    unsigned char key[DRAWN_KEY_BYTES];
    const struct mtr_charge_draw draw = {.subscription = subscription, .period_start_s = period_start_s};
    struct walking walking = {on_grant, context};
    drawn_key(key, &draw);
    const size_t prefix_size = DRAWN_KEY_BYTES - GRANT_BYTES;
    const struct charges_range range = {TABLE_DRAWN, key, prefix_size, prefix_size};
    return charges_walk(txn, &range, on_drawn, &walking);
}
