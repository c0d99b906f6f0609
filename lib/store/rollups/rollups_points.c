/*
 * Points: members that stand for one event each, by time and sequence. 8 bytes of time (µs, sign bit flipped)
 * | 8 of sequence | 16 of quantity (sign bit flipped), all big-endian, so that their bytes sort as they do.
 * Layouts are in docs/formats.md.
 */
#include "meterd/store/rollups.h"

#include <string.h>

#include "lib/store/rollups/rollups_txn.h"

enum { TIME_BYTES = 8, SEQ_AT = 8, QUANTITY_AT = 16, LIST_KEY_BYTES = 18, STOP = 1 };

static const uint64_t sign_bit = UINT64_C(1) << 63;

static void put_time(int64_t time_us, unsigned char *out)
{
    lmdb_put_u64(out, (uint64_t)time_us ^ sign_bit);
}

void mtr_point_encode(const struct mtr_point *point, char member[MTR_POINT_BYTES])
{
    unsigned char bytes[MTR_POINT_BYTES];
    MTR_ASSERT(point->seq > 0); /* two events of one moment are told apart by it */
    put_time(point->time_us, bytes);
    lmdb_put_u64(bytes + SEQ_AT, point->seq);
    lmdb_put_u64(bytes + QUANTITY_AT, (uint64_t)((mtr_uint128)point->quantity.e12 >> 64) ^ sign_bit);
    lmdb_put_u64(bytes + QUANTITY_AT + 8, (uint64_t)point->quantity.e12);
    memcpy(member, bytes, sizeof(bytes));
}

int mtr_point_decode(struct mtr_str member, struct mtr_point *out)
{
    if (member.size != MTR_POINT_BYTES) return MTR_ECORRUPT;
    const unsigned char *p = (const unsigned char *)member.data;
    const uint64_t high = lmdb_get_u64(p + QUANTITY_AT) ^ sign_bit;
    *out = (struct mtr_point){
        .time_us = (int64_t)(lmdb_get_u64(p) ^ sign_bit),
        .seq = lmdb_get_u64(p + SEQ_AT),
        .quantity = {(mtr_int128)((mtr_uint128)high << 64 | lmdb_get_u64(p + QUANTITY_AT + 8))},
    };
    return MTR_OK;
}

int mtr_rollups_point_before(struct mtr_rollups_txn *txn, const struct mtr_cell_key *key, int64_t time_us,
                             struct mtr_point *out)
{
    unsigned char bound[TIME_BYTES];
    struct mtr_member member;
    put_time(time_us, bound);
    int rc = rollups_member_before(txn, key, (struct mtr_str){(const char *)bound, sizeof(bound)}, &member);
    return rc ? rc : mtr_point_decode(member.member, out);
}

struct point_walk {
    size_t prefix_bytes;
    int64_t until_us;
    bool ended; /* by the bound, not by the hook */
    mtr_rollups_on_point on_point;
    void *context;
};

static int on_row(void *context, struct mtr_str key, struct mtr_str value)
{
    struct point_walk *walk = context;
    struct mtr_point point;
    (void)value; /* a sequence counts once */
    int rc = mtr_point_decode((struct mtr_str){key.data + walk->prefix_bytes, key.size - walk->prefix_bytes},
                              &point);
    if (rc) return rc;
    walk->ended = point.time_us >= walk->until_us;
    return walk->ended ? STOP : walk->on_point(walk->context, &point);
}

int mtr_rollups_walk_points(struct mtr_rollups_txn *txn, const struct mtr_cell_key *key, int64_t from_us,
                            int64_t until_us, mtr_rollups_on_point on_point, void *context)
{
    unsigned char first[TIME_BYTES];
    put_time(from_us, first);
    struct mtr_key prefix = rollups_member_key(key, (struct mtr_str){NULL, 0});
    struct mtr_key from = rollups_member_key(key, (struct mtr_str){(const char *)first, sizeof(first)});
    struct point_walk walk = {
        .prefix_bytes = prefix.size, .until_us = until_us, .on_point = on_point, .context = context};
    int rc = rollups_scan(txn, MTR_TABLE_MEMBERS, rollups_key_str(&from), rollups_key_str(&prefix), on_row,
                          &walk);
    return walk.ended ? MTR_OK : rc;
}

/* ---- lists ---- */

static int on_list_row(void *context, struct mtr_str key, struct mtr_str value)
{
    (void)value;
    *(struct mtr_str *)context = key;
    return STOP;
}

/* What the keys of all lists of an hour begin with. */
static struct mtr_key lists_prefix(const struct mtr_cell_key *of)
{
    const struct mtr_cell_key key = {of->subscription, of->meter, of->start_us, MTR_STR("")};
    struct mtr_key prefix = rollups_member_key(&key, (struct mtr_str){NULL, 0});
    prefix.size = LIST_KEY_BYTES - 2; /* without the length of dimensions */
    return prefix;
}

/* The first list from that key on. */
static int list_from(struct mtr_rollups_txn *txn, struct mtr_key *from, struct mtr_key *prefix,
                     struct mtr_str *dimensions)
{
    struct mtr_str row = {NULL, 0};
    int rc = rollups_scan(txn, MTR_TABLE_MEMBERS, rollups_key_str(from), rollups_key_str(prefix), on_list_row,
                          &row);
    if (rc != STOP) return rc ? rc : MTR_ENOTFOUND;
    const unsigned char *p = (const unsigned char *)row.data;
    if (row.size < LIST_KEY_BYTES) return MTR_ECORRUPT;
    size_t size = (size_t)p[LIST_KEY_BYTES - 2] << 8 | p[LIST_KEY_BYTES - 1];
    if (row.size < LIST_KEY_BYTES + size || size > MTR_DIMENSIONS_BYTES_MAX) return MTR_ECORRUPT;
    *dimensions = (struct mtr_str){row.data + LIST_KEY_BYTES, size};
    return MTR_OK;
}

int mtr_rollups_next_list(struct mtr_rollups_txn *txn, uint32_t subscription, uint32_t meter,
                          int64_t start_us, const struct mtr_str *after, struct mtr_str *dimensions)
{
    /* no point begins with eight 0xFF bytes */
    static const char behind[TIME_BYTES] = {'\xFF', '\xFF', '\xFF', '\xFF', '\xFF', '\xFF', '\xFF', '\xFF'};
    struct mtr_cell_key key = {.subscription = subscription, .meter = meter, .start_us = start_us};
    struct mtr_key prefix = lists_prefix(&key), from = prefix;
    if (after) {
        key.dimensions = *after;
        from = rollups_member_key(&key, (struct mtr_str){behind, sizeof(behind)});
    }
    return list_from(txn, &from, &prefix, dimensions);
}

/* Lists stand by the length of their dimensions: the next one behind that list that may lie within. */
static int jump_to_list(struct mtr_rollups_txn *txn, const struct mtr_cell_key *at,
                        const struct mtr_cells_within *within, struct mtr_str *dimensions)
{
    char text[ROLLUPS_JUMP_BYTES];
    const struct mtr_str list = at->dimensions;
    struct mtr_str to;
    const bool is_longer = !rollups_jump(within, list, text, &to);
    struct mtr_key prefix = lists_prefix(at), from = prefix;
    if (to.size > list.size) to.size = list.size;
    if (!is_longer && mtr_str_compare(to, list) <= 0) /* the range begins with a longer text */
        return mtr_rollups_next_list(txn, at->subscription, at->meter, at->start_us, &list, dimensions);
    rollups_key_u16(&from, (unsigned)list.size + is_longer);
    if (!is_longer) rollups_key_bytes(&from, to);
    return list_from(txn, &from, &prefix, dimensions);
}

int mtr_rollups_next_list_within(struct mtr_rollups_txn *txn, const struct mtr_cell_key *of,
                                 const struct mtr_cells_within *within, const struct mtr_str *after,
                                 struct mtr_str *dimensions)
{
    struct mtr_cell_key at = *of;
    int rc = mtr_rollups_next_list(txn, of->subscription, of->meter, of->start_us, after, dimensions);
    while (!rc && !rollups_is_within(within, *dimensions)) {
        at.dimensions = *dimensions;
        rc = jump_to_list(txn, &at, within, dimensions);
        MTR_ASSERT(rc || at.dimensions.size < dimensions->size ||
                   (at.dimensions.size == dimensions->size &&
                    mtr_str_compare(at.dimensions, *dimensions) < 0)); /* on, or it would never end */
    }
    return rc;
}
