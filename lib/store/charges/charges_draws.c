/*
 * Draws on grants in the charges store.
 *
 * Invariant: `drawn` has one row for each row of `draws`, by its period instead of its grant. What `before`
 * must be is the rater's business.
 */
#include "lib/store/charges/charges_txn.h"

#include <string.h>

enum { GRANT_BYTES = 16, SUBSCRIPTION_BYTES = 4 };
enum { DRAW_KEY_BYTES_MAX = GRANT_BYTES + START_BYTES_MAX + SUBSCRIPTION_BYTES };
enum { DRAWN_KEY_BYTES_MAX = PERIOD_BYTES_MAX + GRANT_BYTES };

static size_t draw_key(unsigned char *p, const struct mtr_charge_draw *draw)
{
    put_hash(p, draw->grant);
    const size_t size = GRANT_BYTES + put_start(p + GRANT_BYTES, draw->period_start_us);
    lmdb_put_u32(p + size, draw->subscription);
    return size + SUBSCRIPTION_BYTES;
}

static size_t drawn_key(unsigned char *p, const struct mtr_charge_draw *draw)
{
    const size_t size = put_period(p, draw->subscription, draw->period_start_us);
    put_hash(p + size, draw->grant);
    return size + GRANT_BYTES;
}

static int unpack_draw(struct mtr_str key, struct mtr_str value, struct mtr_charge_draw *out)
{
    if (key.size < GRANT_BYTES + SUBSCRIPTION_BYTES) return MTR_ECORRUPT;
    const unsigned char *k = (const unsigned char *)key.data;
    const size_t start_size = key.size - GRANT_BYTES - SUBSCRIPTION_BYTES;
    struct unpacker unpacker = unpack_begin(value);
    struct mtr_charge_draw draw = {.grant = {lmdb_get_u64(k), lmdb_get_u64(k + 8)},
                                   .subscription = lmdb_get_u32(k + GRANT_BYTES + start_size)};
    int rc = get_start(k + GRANT_BYTES, start_size, &draw.period_start_us);
    if (rc) return rc;
    draw.before = unpack_i128(&unpacker);
    draw.drawn = unpack_i128(&unpacker);
    if (unpack_end(&unpacker) || !draw.subscription) return MTR_ECORRUPT;
    *out = draw;
    return MTR_OK;
}

int mtr_charges_put_draw(struct mtr_charges_txn *txn, const struct mtr_charge_draw *draw)
{
    unsigned char key[DRAW_KEY_BYTES_MAX], other[DRAWN_KEY_BYTES_MAX];
    MTR_ASSERT(draw->subscription > 0);
    const size_t size = draw_key(key, draw), other_size = drawn_key(other, draw);
    struct packer packer = pack_begin(&txn->scratch);
    pack_i128(&packer, draw->before);
    pack_i128(&packer, draw->drawn);
    int rc = packer.error;
    if (!rc) rc = charges_put(txn, TABLE_DRAWS, key, size, mtr_buffer_str(&txn->scratch), 0);
    return rc ? rc : charges_put(txn, TABLE_DRAWN, other, other_size, MTR_STR(""), 0);
}

int mtr_charges_delete_draw(struct mtr_charges_txn *txn, const struct mtr_charge_draw *draw)
{
    unsigned char key[DRAW_KEY_BYTES_MAX], other[DRAWN_KEY_BYTES_MAX];
    int rc = charges_delete(txn, TABLE_DRAWS, key, draw_key(key, draw));
    return rc ? rc : charges_delete(txn, TABLE_DRAWN, other, drawn_key(other, draw));
}

int mtr_charges_get_draw(struct mtr_charges_txn *txn, struct mtr_charge_draw *out)
{
    unsigned char key[DRAW_KEY_BYTES_MAX];
    struct mtr_str value;
    const size_t size = draw_key(key, out);
    int rc = charges_get(txn, TABLE_DRAWS, key, size, &value);
    return rc ? rc : unpack_draw((struct mtr_str){(char *)key, size}, value, out);
}

/* The row beside a key that may itself be there: the first after it, or the last before it. */
static int seek_beside(MDB_cursor *cursor, const struct sealed_table *draws, struct mtr_str key, bool after,
                       MDB_val *k, MDB_val *v)
{
    *k = lmdb_val(key.data, key.size);
    int rc = sealed_cursor_get(cursor, draws, k, v, MDB_SET_RANGE);
    if (rc && rc != MTR_ENOTFOUND) return rc;
    if (!after) return sealed_cursor_get(cursor, draws, k, v, rc ? MDB_LAST : MDB_PREV);
    if (!rc && mtr_str_equal(lmdb_str(*k), key)) rc = sealed_cursor_get(cursor, draws, k, v, MDB_NEXT);
    return rc;
}

static int find_beside(struct mtr_charges_txn *txn, bool after, struct mtr_charge_draw *out)
{
    unsigned char key[DRAW_KEY_BYTES_MAX];
    MDB_cursor *cursor = NULL;
    MDB_val k, v;
    const struct mtr_charge_draw asked = *out;
    const size_t size = draw_key(key, out);
    const struct sealed_table *draws = &txn->charges->tables[TABLE_DRAWS];
    int rc = lmdb_error(mdb_cursor_open(txn->lmdb, draws->dbi, &cursor));
    if (rc) return rc;
    rc = seek_beside(cursor, draws, (struct mtr_str){(char *)key, size}, after, &k, &v);
    if (!rc && (k.mv_size < GRANT_BYTES || memcmp(k.mv_data, key, GRANT_BYTES) != 0)) rc = MTR_ENOTFOUND;
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
    size_t key_size;
};

static int on_drawn(void *context, struct mtr_str key, struct mtr_str value)
{
    const struct walking *walking = context;
    const unsigned char *k = (const unsigned char *)key.data;
    (void)value;
    if (key.size != walking->key_size) return check_other(key.size, GRANT_BYTES);
    k += key.size - GRANT_BYTES;
    return walking->on_grant(walking->context, (struct mtr_hash128){lmdb_get_u64(k), lmdb_get_u64(k + 8)});
}

int mtr_charges_walk_drawn(struct mtr_charges_txn *txn, uint32_t subscription, int64_t period_start_us,
                           mtr_charges_on_grant on_grant, void *context)
{
    unsigned char key[PERIOD_BYTES_MAX];
    const size_t prefix_size = put_period(key, subscription, period_start_us);
    struct walking walking = {on_grant, context, prefix_size + GRANT_BYTES};
    const struct charges_range range = {TABLE_DRAWN, key, prefix_size, prefix_size};
    return charges_walk(txn, &range, on_drawn, &walking);
}
