/*
 * Inside of the charges store: environment, tables, and the packing of records. Private to
 * lib/store/charges*.c.
 *
 * Records are packed big-endian in the order of docs/formats.md, text with its length (u32) before it.
 */
#ifndef METERD_LIB_STORE_CHARGES_CHARGES_TXN_H
#define METERD_LIB_STORE_CHARGES_CHARGES_TXN_H

#include "meterd/core/limits.h"
#include "meterd/core/time.h"
#include "meterd/store/charges.h"

#include "lib/store/lmdb_cursors.h"
#include "lib/store/lmdb_env.h"

enum charges_table {
    TABLE_META,
    TABLE_CHARGES,
    TABLE_IDS,
    TABLE_TRACES,
    TABLE_LINES,
    TABLE_PERIODS,
    TABLE_SUBSCRIPTIONS,
    TABLE_TIMERS,
    TABLE_MESSAGES,
    TABLE_MESSAGE_IDS,
    TABLE_BODIES,
    TABLE_QUEUE,
    TABLE_DESTINATIONS,
    TABLE_CONSUMERS,
    TABLE_ACKS,
    TABLE_DRAWS,
    TABLE_DRAWN,
    TABLE_WAITING,
    TABLE_PROGRESS,
    TABLE_LINE_ORDER
};
enum { TABLE_COUNT = 20, RECORD_BYTES_MAX = 64 << 20 };
_Static_assert((int)TABLE_COUNT <= (int)MTR_LMDB_TABLES_MAX, "a waiting cursor for each table");

struct mtr_charges {
    MDB_env *env;
    struct sealed_table tables[TABLE_COUNT];
};

struct mtr_charges_txn {
    struct mtr_charges *charges;
    MDB_txn *lmdb;
    bool write;
    struct mtr_lmdb_cursors cursors; /* by table */
    struct mtr_buffer scratch;       /* of the record being packed */
};

int charges_get(struct mtr_charges_txn *txn, enum charges_table table, const void *key, size_t key_size,
                struct mtr_str *out) MTR_MUST_USE;
int charges_put(struct mtr_charges_txn *txn, enum charges_table table, const void *key, size_t key_size,
                struct mtr_str value, unsigned flags) MTR_MUST_USE;
int charges_delete(struct mtr_charges_txn *txn, enum charges_table table, const void *key,
                   size_t key_size) MTR_MUST_USE;

/* Epochs, as they are packed one behind the other in `meta`; empty: none, or nothing is there. */
enum { CHARGES_EPOCH_BYTES = 24 };
#define CHARGES_META_EPOCHS "epochs"
int charges_get_epochs(struct mtr_charges_txn *txn, struct mtr_str *out) MTR_MUST_USE;
int charges_unpack_epoch(struct mtr_str epochs, size_t at, struct mtr_charges_epoch *out) MTR_MUST_USE;

/* Rows from `from` on whose key begins with its first prefix_size bytes, ascending. */
struct charges_range {
    enum charges_table table;
    const void *from;
    size_t from_size;   /* 0: from the table's first row */
    size_t prefix_size; /* at most from_size */
};

/* The hook may not write. Its result, when it is not 0, ends the walk and is returned. */
typedef int (*charges_on_row)(void *context, struct mtr_str key, struct mtr_str value);
int charges_walk(struct mtr_charges_txn *txn, const struct charges_range *range, charges_on_row on_row,
                 void *context) MTR_MUST_USE;

/* The row hook of a walk that hands out records: unpacks each, and calls on_record of its context, a struct
 * `name`_rows. */
#define CHARGES_ROWS(name, type, unpack)                                                \
    struct name##_rows {                                                                \
        int (*on_record)(void *context, const type *record);                            \
        void *context;                                                                  \
    };                                                                                  \
    static int on_##name##_row(void *context, struct mtr_str key, struct mtr_str value) \
    {                                                                                   \
        const struct name##_rows *rows = context;                                       \
        type record;                                                                    \
        int rc = unpack(key, value, &record);                                           \
        return rc ? rc : rows->on_record(rows->context, &record);                       \
    }

struct packer {
    struct mtr_buffer *out;
    int error;
};
struct packer pack_begin(struct mtr_buffer *out); /* resets it */
void pack_u8(struct packer *packer, uint8_t value);
void pack_u32(struct packer *packer, uint32_t value);
void pack_u64(struct packer *packer, uint64_t value);
void pack_i64(struct packer *packer, int64_t value);
void pack_i128(struct packer *packer, mtr_int128 value);
void pack_hash(struct packer *packer, struct mtr_hash128 value);
void pack_str(struct packer *packer, struct mtr_str value);
/* Seconds where they are whole, as records always were; else µs counted from the lowest number. INT64_MIN
 * and INT64_MAX stay what they are. */
void pack_instant(struct packer *packer, int64_t time_us);
/* At the end of a record, and only where there is one: records without cost are as they always were. */
void pack_cost(struct packer *packer, bool has_cost, struct mtr_money cost);
/* The record of a period, whatever is in it: mtr_charges_put_period checks it, and moves the timers. */
void charges_pack_period(struct packer *packer, const struct mtr_charge_period *period);

/* Reading never passes the end: a short record sets `bad`, and what is read then is zero. */
struct unpacker {
    const unsigned char *at;
    const unsigned char *end;
    bool bad;
};
struct unpacker unpack_begin(struct mtr_str record);
uint8_t unpack_u8(struct unpacker *unpacker);
uint32_t unpack_u32(struct unpacker *unpacker);
uint64_t unpack_u64(struct unpacker *unpacker);
int64_t unpack_i64(struct unpacker *unpacker);
mtr_int128 unpack_i128(struct unpacker *unpacker);
struct mtr_hash128 unpack_hash(struct unpacker *unpacker);
struct mtr_str unpack_str(struct unpacker *unpacker);
/* Bad: what is neither an instant (is_instant) nor INT64_MIN or INT64_MAX. */
int64_t unpack_instant(struct unpacker *unpacker);
bool unpack_cost(struct unpacker *unpacker, struct mtr_money *cost); /* false: the record ends here */
/* MTR_ECORRUPT unless all was read and nothing missed. */
int unpack_end(const struct unpacker *unpacker) MTR_MUST_USE;

/* Signed numbers in keys: the sign bit flipped, so that byte order is numeric order. */
static inline void put_i64(unsigned char *p, int64_t value)
{
    lmdb_put_u64(p, (uint64_t)value ^ (UINT64_C(1) << 63));
}

static inline int64_t get_i64(const unsigned char *p)
{
    return (int64_t)(lmdb_get_u64(p) ^ (UINT64_C(1) << 63));
}

/* ---- names of periods in keys ---- */

/* What a period can begin or end at, also the last one of all: far from what overflows. */
static inline bool is_instant(int64_t time_us)
{
    return time_us > -MTR_US_PER_DAY && time_us <= 2 * MTR_TIME_US_MAX;
}

/* The name of a period: its second and, where it is not whole, FFFFFFFF and the µs into that. So names stand
 * in the order of time, those of whole seconds as they always were, and what begins with FFFFFFFF behind a
 * whole second is none that a key may have there: no count of values, no subscription. A hash may be: the
 * size of the key tells. */
enum { SECOND_BYTES = 8, START_BYTES_MAX = 16, PERIOD_BYTES_MAX = 4 + START_BYTES_MAX };
/* Both return how many bytes they put. */
size_t put_start(unsigned char *p, int64_t start_us);
size_t put_period(unsigned char *p, uint32_t subscription, int64_t start_us);
/* Of exactly so many bytes. MTR_ECORRUPT. */
int get_start(const unsigned char *p, size_t size, int64_t *start_us) MTR_MUST_USE;
int get_period(const unsigned char *p, size_t size, uint32_t *subscription, int64_t *start_us) MTR_MUST_USE;
/* A walk of one period's rows, a hash behind its name, comes to a key of another size: it is of another
 * period of the same second, and passed over. Or it is none that was put: MTR_ECORRUPT. */
static inline int check_other(size_t key_size, size_t hash_size)
{
    const bool is_name = key_size == 4 + SECOND_BYTES + hash_size || key_size == PERIOD_BYTES_MAX + hash_size;
    return is_name ? MTR_OK : MTR_ECORRUPT;
}

static inline void put_hash(unsigned char *p, struct mtr_hash128 hash)
{
    lmdb_put_u64(p, hash.high);
    lmdb_put_u64(p + 8, hash.low);
}

#endif
