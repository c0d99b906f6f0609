/*
 * What the fold remembers beside cells: held events, voided sequences, quarantine, facts, and the feed of
 * changed days. Layouts are in docs/formats.md.
 */
#include "meterd/store/rollups.h"

#include <string.h>

#include "lib/store/rollups/rollups_txn.h"

enum {
    STOP = 1,
    SEQ_BYTES = 8,
    FACT_NAME_BYTES_MAX = 300,
    FACT_BYTES_MAX = 1024,
    REASON_BYTES_MAX = 32,
    TEXT_BYTES_MAX = 300
};

static struct mtr_key sequence_key(uint64_t seq)
{
    struct mtr_key key;
    key.size = 0;
    rollups_key_u64(&key, seq);
    return key;
}

static uint64_t read_u64(struct mtr_str bytes, size_t at)
{
    return lmdb_get_u64((const unsigned char *)bytes.data + at);
}

/* reason | vendor's length | vendor | name's length | name: what rows of one name have in common. */
static struct mtr_key held_prefix(enum mtr_held_reason reason, struct mtr_str vendor, struct mtr_str name)
{
    struct mtr_key key;
    key.size = 0;
    rollups_key_u8(&key, reason);
    if (vendor.size == 0) return key;
    rollups_key_u8(&key, (unsigned)vendor.size);
    rollups_key_bytes(&key, vendor);
    rollups_key_u8(&key, (unsigned)name.size);
    rollups_key_bytes(&key, name);
    return key;
}

static struct mtr_key held_key(const struct mtr_held_event *held)
{
    MTR_ASSERT(held->vendor.size > 0 && held->seq > 0);
    struct mtr_key key = held_prefix(held->reason, held->vendor, held->name);
    rollups_key_u64(&key, held->seq);
    return key;
}

int mtr_rollups_put_held(struct mtr_rollups_txn *txn, const struct mtr_held_event *held)
{
    struct mtr_key key = held_key(held);
    const char voided = held->voided;
    return rollups_put(txn, MTR_TABLE_HELD, rollups_key_str(&key), (struct mtr_str){&voided, 1});
}

int mtr_rollups_delete_held(struct mtr_rollups_txn *txn, const struct mtr_held_event *held)
{
    struct mtr_key key = held_key(held);
    return rollups_delete(txn, MTR_TABLE_HELD, rollups_key_str(&key));
}

int mtr_rollups_get_held(struct mtr_rollups_txn *txn, struct mtr_held_event *held)
{
    struct mtr_key key = held_key(held);
    struct mtr_str value;
    int rc = rollups_get(txn, MTR_TABLE_HELD, rollups_key_str(&key), &value);
    if (rc) return rc;
    if (value.size != 1) return MTR_ECORRUPT;
    held->voided = value.data[0] != 0;
    return MTR_OK;
}

int mtr_rollups_count_held(struct mtr_rollups_txn *txn, uint64_t *out)
{
    MDB_stat stat;
    int rc = lmdb_error(mdb_stat(txn->txn, txn->rollups->tables[MTR_TABLE_HELD].dbi, &stat));
    if (!rc) *out = stat.ms_entries;
    return rc;
}

struct held_walk {
    mtr_rollups_on_held on_held;
    void *context;
};

static int on_held_row(void *context, struct mtr_str key, struct mtr_str value)
{
    struct held_walk *walk = context;
    const unsigned char *p = (const unsigned char *)key.data;
    if (key.size < 3 || value.size != 1) return MTR_ECORRUPT;
    size_t vendor_size = p[1];
    if (key.size < 3 + vendor_size) return MTR_ECORRUPT;
    size_t name_size = p[2 + vendor_size];
    if (key.size != 3 + vendor_size + name_size + SEQ_BYTES) return MTR_ECORRUPT;
    if (!vendor_size || p[0] > MTR_HELD_METER || !read_u64(key, key.size - SEQ_BYTES)) return MTR_ECORRUPT;
    struct mtr_held_event held = {
        .reason = (enum mtr_held_reason)p[0],
        .vendor = {key.data + 2, vendor_size},
        .name = {key.data + 3 + vendor_size, name_size},
        .seq = read_u64(key, key.size - SEQ_BYTES),
        .voided = value.data[0] != 0,
    };
    return walk->on_held(walk->context, &held);
}

int mtr_rollups_walk_held(struct mtr_rollups_txn *txn, const struct mtr_held_event *after,
                          mtr_rollups_on_held on_held, void *context)
{
    struct held_walk walk = {on_held, context};
    struct mtr_key prefix = held_prefix(after->reason, after->vendor, after->name), from = prefix;
    if (after->seq == UINT64_MAX) return MTR_OK;
    if (after->vendor.size) rollups_key_u64(&from, after->seq + 1);
    return rollups_scan(txn, MTR_TABLE_HELD, rollups_key_str(&from), rollups_key_str(&prefix), on_held_row,
                        &walk);
}

int mtr_rollups_put_voided(struct mtr_rollups_txn *txn, uint64_t target_seq, uint64_t void_seq)
{
    struct mtr_key key = sequence_key(target_seq), value = sequence_key(void_seq);
    struct mtr_str before;
    MTR_ASSERT(target_seq > 0 && target_seq < void_seq); /* a void comes after what it takes back */
    int rc = rollups_get(txn, MTR_TABLE_VOIDED, rollups_key_str(&key), &before);
    if (rc != MTR_ENOTFOUND) return rc ? rc : MTR_EEXISTS;
    return rollups_put(txn, MTR_TABLE_VOIDED, rollups_key_str(&key), rollups_key_str(&value));
}

int mtr_rollups_get_voided(struct mtr_rollups_txn *txn, uint64_t target_seq, uint64_t *void_seq)
{
    struct mtr_key key = sequence_key(target_seq);
    struct mtr_str value;
    int rc = rollups_get(txn, MTR_TABLE_VOIDED, rollups_key_str(&key), &value);
    if (rc) return rc;
    if (value.size != SEQ_BYTES) return MTR_ECORRUPT;
    *void_seq = read_u64(value, 0);
    return target_seq < *void_seq ? MTR_OK : MTR_ECORRUPT;
}

struct next_voided {
    uint64_t target_seq;
    uint64_t void_seq;
    bool found;
};

static int on_voided_row(void *context, struct mtr_str key, struct mtr_str value)
{
    struct next_voided *next = context;
    if (key.size != SEQ_BYTES || value.size != SEQ_BYTES) return MTR_ECORRUPT;
    *next = (struct next_voided){read_u64(key, 0), read_u64(value, 0), true};
    if (!next->target_seq || next->target_seq >= next->void_seq) return MTR_ECORRUPT;
    return STOP;
}

int mtr_rollups_next_voided(struct mtr_rollups_txn *txn, uint64_t *target_seq, uint64_t *void_seq)
{
    struct next_voided next = {0};
    struct mtr_key from = sequence_key(*target_seq);
    int rc = rollups_scan(txn, MTR_TABLE_VOIDED, rollups_key_str(&from), (struct mtr_str){NULL, 0},
                          on_voided_row, &next);
    if (rc && rc != STOP) return rc;
    if (!next.found) return MTR_ENOTFOUND;
    MTR_ASSERT(next.target_seq < next.void_seq);
    *target_seq = next.target_seq;
    *void_seq = next.void_seq;
    return MTR_OK;
}

int mtr_rollups_put_quarantined(struct mtr_rollups_txn *txn, const struct mtr_quarantined_event *event)
{
    char value[1 + REASON_BYTES_MAX + TEXT_BYTES_MAX];
    struct mtr_key key = sequence_key(event->seq);
    MTR_ASSERT(event->seq > 0);
    MTR_ASSERT(event->reason.size > 0 && event->reason.size <= REASON_BYTES_MAX &&
               event->text.size <= TEXT_BYTES_MAX);
    rollups_key_u32(&key, event->meter);
    value[0] = (char)event->reason.size;
    memcpy(value + 1, event->reason.data, event->reason.size);
    if (event->text.size) memcpy(value + 1 + event->reason.size, event->text.data, event->text.size);
    return rollups_put(txn, MTR_TABLE_QUARANTINED, rollups_key_str(&key),
                       (struct mtr_str){value, 1 + event->reason.size + event->text.size});
}

struct quarantined_walk {
    mtr_rollups_on_quarantined on_event;
    void *context;
};

static int on_quarantined_row(void *context, struct mtr_str key, struct mtr_str value)
{
    struct quarantined_walk *walk = context;
    if (key.size != SEQ_BYTES + 4 || value.size < 1) return MTR_ECORRUPT;
    size_t reason_size = (unsigned char)value.data[0];
    if (!reason_size || reason_size > REASON_BYTES_MAX || value.size < 1 + reason_size ||
        value.size > 1 + reason_size + TEXT_BYTES_MAX || !read_u64(key, 0))
        return MTR_ECORRUPT;
    struct mtr_quarantined_event event = {
        .seq = read_u64(key, 0),
        .meter = lmdb_get_u32((const unsigned char *)key.data + SEQ_BYTES),
        .reason = {value.data + 1, reason_size},
        .text = {value.data + 1 + reason_size, value.size - 1 - reason_size},
    };
    return walk->on_event(walk->context, &event);
}

int mtr_rollups_walk_quarantined(struct mtr_rollups_txn *txn, uint64_t after_seq,
                                 mtr_rollups_on_quarantined on_event, void *context)
{
    struct quarantined_walk walk = {on_event, context};
    if (after_seq == UINT64_MAX) return MTR_OK;
    struct mtr_key from = sequence_key(after_seq + 1);
    return rollups_scan(txn, MTR_TABLE_QUARANTINED, rollups_key_str(&from), (struct mtr_str){NULL, 0},
                        on_quarantined_row, &walk);
}

int mtr_rollups_get_fact(struct mtr_rollups_txn *txn, struct mtr_str name, struct mtr_str *value)
{
    return rollups_get(txn, MTR_TABLE_FACTS, name, value);
}

int mtr_rollups_put_fact(struct mtr_rollups_txn *txn, struct mtr_str name, struct mtr_str value)
{
    MTR_ASSERT(name.size > 0 && name.size <= FACT_NAME_BYTES_MAX && value.size <= FACT_BYTES_MAX);
    return rollups_put(txn, MTR_TABLE_FACTS, name, value);
}

int mtr_rollups_delete_fact(struct mtr_rollups_txn *txn, struct mtr_str name)
{
    MTR_ASSERT(name.size > 0 && name.size <= FACT_NAME_BYTES_MAX);
    return rollups_delete(txn, MTR_TABLE_FACTS, name);
}

int mtr_rollups_walk_facts(struct mtr_rollups_txn *txn, struct mtr_str prefix, mtr_rollups_on_fact on_fact,
                           void *context)
{
    return rollups_scan(txn, MTR_TABLE_FACTS, prefix, prefix, on_fact, context);
}

/* A day's row of the feed stays where its cells are gone. */
int mtr_rollups_last_subscription(struct mtr_rollups_txn *txn, uint32_t *out)
{
    MDB_cursor *cursor;
    MDB_val k, v;
    *out = 0;
    const struct sealed_table *index = &txn->rollups->tables[MTR_TABLE_FEED_INDEX];
    int rc = lmdb_cursor_take(&txn->cursors, MTR_TABLE_FEED_INDEX, index->dbi, &cursor);
    if (rc) return rc;
    rc = sealed_cursor_get(cursor, index, &k, &v, MDB_LAST);
    if (!rc && k.mv_size < sizeof(*out)) rc = MTR_ECORRUPT;
    if (!rc) *out = lmdb_get_u32(k.mv_data);
    lmdb_cursor_give(&txn->cursors, MTR_TABLE_FEED_INDEX, cursor);
    return rc == MTR_ENOTFOUND ? MTR_OK : rc;
}

static struct mtr_key feed_key(uint64_t change, uint32_t subscription, uint32_t day)
{
    struct mtr_key key = sequence_key(change);
    rollups_key_u32(&key, subscription);
    rollups_key_u32(&key, day);
    return key;
}

int mtr_rollups_put_feed(struct mtr_rollups_txn *txn, const struct mtr_feed_row *row)
{
    struct mtr_key index, value = sequence_key(row->change);
    struct mtr_str before;
    MTR_ASSERT(row->change > 0 && row->subscription > 0);
    index.size = 0;
    rollups_key_u32(&index, row->subscription);
    rollups_key_u32(&index, row->day);
    int rc = rollups_get(txn, MTR_TABLE_FEED_INDEX, rollups_key_str(&index), &before);
    if (!rc) { /* the older row of this day goes */
        if (before.size != SEQ_BYTES) return MTR_ECORRUPT;
        uint64_t change = read_u64(before, 0);
        if (change == row->change) return MTR_OK;
        if (change > row->change) return MTR_ECORRUPT; /* changes are numbered upwards */
        struct mtr_key old = feed_key(change, row->subscription, row->day);
        rc = rollups_delete(txn, MTR_TABLE_FEED, rollups_key_str(&old));
        if (rc) return rc == MTR_ENOTFOUND ? MTR_ECORRUPT : rc;
    } else if (rc != MTR_ENOTFOUND) {
        return rc;
    }
    struct mtr_key key = feed_key(row->change, row->subscription, row->day);
    rc = rollups_put(txn, MTR_TABLE_FEED_INDEX, rollups_key_str(&index), rollups_key_str(&value));
    return rc ? rc : rollups_put(txn, MTR_TABLE_FEED, rollups_key_str(&key), (struct mtr_str){"", 0});
}

struct feed_walk {
    mtr_rollups_on_feed on_row;
    void *context;
};

static int on_feed_row(void *context, struct mtr_str key, struct mtr_str value)
{
    struct feed_walk *walk = context;
    (void)value;
    if (key.size != SEQ_BYTES + 8) return MTR_ECORRUPT;
    const unsigned char *p = (const unsigned char *)key.data;
    struct mtr_feed_row row = {lmdb_get_u64(p), lmdb_get_u32(p + 8), lmdb_get_u32(p + 12)};
    if (!row.change || !row.subscription) return MTR_ECORRUPT;
    return walk->on_row(walk->context, &row);
}

int mtr_rollups_walk_feed(struct mtr_rollups_txn *txn, uint64_t after_change, mtr_rollups_on_feed on_row,
                          void *context)
{
    struct feed_walk walk = {on_row, context};
    if (after_change == UINT64_MAX) return MTR_OK;
    struct mtr_key from = sequence_key(after_change + 1);
    return rollups_scan(txn, MTR_TABLE_FEED, rollups_key_str(&from), (struct mtr_str){NULL, 0}, on_feed_row,
                        &walk);
}
