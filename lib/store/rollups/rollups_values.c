/*
 * Which values of its dimensions a meter counts for a subscription, and the events that wait beyond them.
 *
 *   values  owner, meter              → how many there are of either
 *           owner, meter, dimensions  → empty: admitted. Dimensions are never empty, so keys differ
 *           0, 0                      → how many hold events, and how many events all of them hold
 *   beyond  owner, meter, sequence    → empty: held
 *
 * Counts are written with each row, so that they never differ from the rows, and nobody has to walk to know
 * them.
 */
#include "meterd/store/rollups.h"

#include "lib/store/rollups/rollups_txn.h"

enum { OF_BYTES = 8, SEQ_BYTES = 8, COUNTS_BYTES = 16, STOP = 1 };

static const struct mtr_str nothing = {"", 0};

static struct mtr_key key_of(const struct mtr_values_of *of)
{
    struct mtr_key key = {.size = 0};
    MTR_ASSERT(of->owner > 0 && of->meter > 0); /* the catalog counts from 1 */
    rollups_key_u32(&key, of->owner);
    rollups_key_u32(&key, of->meter);
    return key;
}

static struct mtr_key values_key(const struct mtr_values_of *of, struct mtr_str dimensions)
{
    struct mtr_key key = key_of(of);
    MTR_ASSERT(dimensions.size > 0 && dimensions.size <= MTR_DIMENSIONS_BYTES_MAX);
    rollups_key_bytes(&key, dimensions);
    return key;
}

static struct mtr_key beyond_key(const struct mtr_values_of *of, uint64_t seq)
{
    struct mtr_key key = key_of(of);
    rollups_key_u64(&key, seq);
    return key;
}

/* Two numbers under a key. Where both are 0 there is no row. */
static int get_counts(struct mtr_rollups_txn *txn, const struct mtr_key *key, uint64_t counts[2])
{
    struct mtr_str value;
    counts[0] = counts[1] = 0;
    int rc = rollups_get(txn, MTR_TABLE_VALUES, rollups_key_str(key), &value);
    if (rc) return rc == MTR_ENOTFOUND ? MTR_OK : rc;
    if (value.size != COUNTS_BYTES) return MTR_ECORRUPT;
    const unsigned char *p = (const unsigned char *)value.data;
    counts[0] = lmdb_get_u64(p);
    counts[1] = lmdb_get_u64(p + 8);
    return MTR_OK;
}

static int add_counts(struct mtr_rollups_txn *txn, const struct mtr_key *key, int64_t first, int64_t second,
                      uint64_t counts[2])
{
    unsigned char bytes[COUNTS_BYTES];
    int rc = get_counts(txn, key, counts);
    if (rc) return rc;
    if ((first < 0 && counts[0] < (uint64_t)-first) || (second < 0 && counts[1] < (uint64_t)-second))
        return MTR_ECORRUPT;
    counts[0] += (uint64_t)first;
    counts[1] += (uint64_t)second;
    if (!counts[0] && !counts[1]) return rollups_delete(txn, MTR_TABLE_VALUES, rollups_key_str(key));
    lmdb_put_u64(bytes, counts[0]);
    lmdb_put_u64(bytes + 8, counts[1]);
    return rollups_put(txn, MTR_TABLE_VALUES, rollups_key_str(key),
                       (struct mtr_str){(const char *)bytes, sizeof(bytes)});
}

/* Of all that hold events. No owner has the number 0. */
static struct mtr_key total_key(void)
{
    struct mtr_key key = {.size = 0};
    rollups_key_u32(&key, 0);
    rollups_key_u32(&key, 0);
    return key;
}

int mtr_rollups_count_values(struct mtr_rollups_txn *txn, const struct mtr_values_of *of,
                             struct mtr_values_count *out)
{
    const struct mtr_key key = key_of(of);
    uint64_t counts[2];
    int rc = get_counts(txn, &key, counts);
    *out = (struct mtr_values_count){counts[0], counts[1]};
    return rc;
}

int mtr_rollups_sum_beyond(struct mtr_rollups_txn *txn, struct mtr_beyond_sum *out)
{
    const struct mtr_key key = total_key();
    uint64_t counts[2];
    int rc = get_counts(txn, &key, counts);
    *out = (struct mtr_beyond_sum){counts[0], counts[1]};
    return rc;
}

/* One event more is held, or one less. */
static int add_held(struct mtr_rollups_txn *txn, const struct mtr_values_of *of, int sign)
{
    const struct mtr_key key = key_of(of), total = total_key();
    uint64_t counts[2], unused[2];
    int rc = add_counts(txn, &key, 0, sign, counts);
    if (rc) return rc;
    const bool is_other = counts[1] == (sign > 0 ? 1 : 0); /* it begins to hold events, or ends */
    return add_counts(txn, &total, is_other ? sign : 0, sign, unused);
}

int mtr_rollups_find_values(struct mtr_rollups_txn *txn, const struct mtr_values_of *of,
                            struct mtr_str dimensions)
{
    const struct mtr_key key = values_key(of, dimensions);
    struct mtr_str value;
    int rc = rollups_get(txn, MTR_TABLE_VALUES, rollups_key_str(&key), &value);
    return !rc && value.size ? MTR_ECORRUPT : rc;
}

int mtr_rollups_admit_values(struct mtr_rollups_txn *txn, const struct mtr_values_of *of,
                             struct mtr_str dimensions)
{
    const struct mtr_key key = values_key(of, dimensions), counts = key_of(of);
    struct mtr_str empty = {NULL, 0};
    uint64_t unused[2];
    int rc = rollups_add(txn, MTR_TABLE_VALUES, rollups_key_str(&key), &empty);
    return rc ? rc : add_counts(txn, &counts, 1, 0, unused);
}

int mtr_rollups_put_beyond(struct mtr_rollups_txn *txn, const struct mtr_values_of *of, uint64_t seq)
{
    const struct mtr_key key = beyond_key(of, seq);
    struct mtr_str empty = {NULL, 0};
    MTR_ASSERT(seq > 0);
    int rc = rollups_add(txn, MTR_TABLE_BEYOND, rollups_key_str(&key), &empty);
    return rc ? rc : add_held(txn, of, 1);
}

int mtr_rollups_delete_beyond(struct mtr_rollups_txn *txn, const struct mtr_values_of *of, uint64_t seq)
{
    const struct mtr_key key = beyond_key(of, seq);
    int rc = rollups_delete(txn, MTR_TABLE_BEYOND, rollups_key_str(&key));
    return rc ? rc : add_held(txn, of, -1);
}

int mtr_rollups_find_beyond(struct mtr_rollups_txn *txn, const struct mtr_values_of *of, uint64_t seq)
{
    const struct mtr_key key = beyond_key(of, seq);
    struct mtr_str value;
    return rollups_get(txn, MTR_TABLE_BEYOND, rollups_key_str(&key), &value);
}

struct found {
    struct mtr_values_of of;
    uint64_t seq; /* 0: none */
};

static int on_first(void *context, struct mtr_str key, struct mtr_str value)
{
    const unsigned char *p = (const unsigned char *)key.data;
    if (key.size != OF_BYTES + SEQ_BYTES || value.size) return MTR_ECORRUPT;
    *(struct found *)context =
        (struct found){{lmdb_get_u32(p), lmdb_get_u32(p + 4)}, lmdb_get_u64(p + OF_BYTES)};
    return STOP;
}

/* The first row from there on whose key begins with the prefix. */
static int find_first(struct mtr_rollups_txn *txn, const struct mtr_key *from, struct mtr_str prefix,
                      struct found *found)
{
    found->seq = 0;
    int rc = rollups_scan(txn, MTR_TABLE_BEYOND, rollups_key_str(from), prefix, on_first, found);
    if (rc && rc != STOP) return rc;
    return found->seq ? MTR_OK : MTR_ENOTFOUND;
}

int mtr_rollups_next_beyond(struct mtr_rollups_txn *txn, const struct mtr_values_of *of, uint64_t *seq)
{
    const struct mtr_key prefix = key_of(of), from = beyond_key(of, *seq);
    struct found found;
    int rc = find_first(txn, &from, rollups_key_str(&prefix), &found);
    if (!rc) *seq = found.seq;
    return rc;
}

int mtr_rollups_next_full(struct mtr_rollups_txn *txn, struct mtr_values_of *of)
{
    struct mtr_key from = {.size = 0};
    struct found found;
    rollups_key_u32(&from, of->owner);
    rollups_key_u32(&from, of->meter);
    rollups_key_u64(&from, UINT64_MAX); /* behind its own rows: no event has that sequence */
    int rc = find_first(txn, &from, nothing, &found);
    if (!rc) *of = found.of;
    return rc;
}
