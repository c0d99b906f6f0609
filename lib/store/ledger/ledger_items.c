/*
 * Items of lists: what the rows of a source name, for whoever asks once for each of them.
 */
#include <string.h>

#include "lib/store/ledger/ledger_txn.h"

/* Of a strand: the newest window, and when it was first read. Of an item, behind source and row's key: its
 * window, sequence, when it went, hash of its strand; size of the subject u16; subject and values. */
enum {
    NEWEST_BYTES = 2 * 8,
    ITEM_BYTES = 3 * 8 + LEDGER_HASH_BYTES + 2,
    ITEM_BYTES_MAX = ITEM_BYTES + MTR_LEDGER_EACH_BYTES_MAX + MTR_LEDGER_VALUES_BYTES_MAX,
    ITEM_KEY_BYTES = 2 * LEDGER_HASH_BYTES
};

/* ---- versions ---- */

/* Beside the totals of windows, whose keys are longer. */
int mtr_ledger_items_version(struct mtr_ledger_txn *txn, const struct mtr_strand *source, uint64_t *out)
{
    unsigned char key[LEDGER_HASH_BYTES];
    struct mtr_str value;
    *out = 0;
    ledger_source_hash(source, key);
    int rc = ledger_get(txn, LEDGER_TOTALS, (struct mtr_str){(const char *)key, sizeof(key)}, &value);
    if (rc) return rc == MTR_ENOTFOUND ? MTR_OK : rc;
    if (value.size != 8) return MTR_ECORRUPT;
    *out = lmdb_get_u64((const unsigned char *)value.data);
    return MTR_OK;
}

static int turn_version(struct mtr_ledger_txn *txn, const struct mtr_strand *source)
{
    unsigned char key[LEDGER_HASH_BYTES], value[8];
    uint64_t version;
    int rc = mtr_ledger_items_version(txn, source, &version);
    if (rc) return rc;
    ledger_source_hash(source, key);
    lmdb_put_u64(value, version + 1);
    return ledger_put(txn, LEDGER_TOTALS, (struct mtr_str){(const char *)key, sizeof(key)},
                      (struct mtr_str){(const char *)value, sizeof(value)});
}

/* ---- the newest window ---- */

static struct mtr_str key_of(const struct mtr_strand *strand, const struct mtr_event_identity *row,
                             unsigned char key[ITEM_KEY_BYTES])
{
    ledger_source_hash(strand, key);
    lmdb_put_u64(key + LEDGER_HASH_BYTES, row->high);
    lmdb_put_u64(key + LEDGER_HASH_BYTES + 8, row->low);
    return (struct mtr_str){(const char *)key, ITEM_KEY_BYTES};
}

static int get_newest(struct mtr_ledger_txn *txn, const unsigned char hash[LEDGER_HASH_BYTES],
                      int64_t *start_us, int64_t *first_us)
{
    struct mtr_str value;
    int rc = ledger_get(txn, LEDGER_NEWEST, (struct mtr_str){(const char *)hash, LEDGER_HASH_BYTES}, &value);
    if (rc) return rc;
    if (value.size != NEWEST_BYTES) return MTR_ECORRUPT;
    *start_us = (int64_t)lmdb_get_u64((const unsigned char *)value.data);
    *first_us = (int64_t)lmdb_get_u64((const unsigned char *)value.data + 8);
    return MTR_OK;
}

int mtr_ledger_note_newest(struct mtr_ledger_txn *txn, const struct mtr_strand *strand, int64_t start_us,
                           int64_t began_us)
{
    unsigned char hash[LEDGER_HASH_BYTES], value[NEWEST_BYTES];
    int64_t newest_us, first_us;
    ledger_strand_hash(strand, hash);
    int rc = get_newest(txn, hash, &newest_us, &first_us);
    if (rc && rc != MTR_ENOTFOUND) return rc;
    if (!rc && newest_us >= start_us) return MTR_OK;
    lmdb_put_u64(value, (uint64_t)start_us);
    lmdb_put_u64(value + 8, (uint64_t)began_us);
    rc = turn_version(txn, strand);
    if (rc) return rc;
    return ledger_put(txn, LEDGER_NEWEST, (struct mtr_str){(const char *)hash, sizeof(hash)},
                      (struct mtr_str){(const char *)value, sizeof(value)});
}

int mtr_ledger_newest(struct mtr_ledger_txn *txn, const struct mtr_strand *strand, int64_t *start_us)
{
    unsigned char hash[LEDGER_HASH_BYTES];
    int64_t first_us;
    ledger_strand_hash(strand, hash);
    return get_newest(txn, hash, start_us, &first_us);
}

/* ---- items ---- */

int mtr_ledger_put_item(struct mtr_ledger_txn *txn, const struct mtr_strand *strand,
                        const struct mtr_event_identity *row, const struct mtr_ledger_item *item)
{
    unsigned char key[ITEM_KEY_BYTES], value[ITEM_BYTES_MAX], *p = value;
    MTR_ASSERT(item->subject.size <= MTR_LEDGER_EACH_BYTES_MAX);
    MTR_ASSERT(item->values.size <= MTR_LEDGER_VALUES_BYTES_MAX);
    lmdb_put_u64(p, (uint64_t)item->start_us);
    lmdb_put_u64(p + 8, item->seq);
    lmdb_put_u64(p + 16, (uint64_t)item->gone_us);
    ledger_strand_hash(strand, p + 24);
    p[40] = (unsigned char)(item->subject.size >> 8);
    p[41] = (unsigned char)item->subject.size;
    p += ITEM_BYTES;
    if (item->subject.size) memcpy(p, item->subject.data, item->subject.size);
    p += item->subject.size;
    if (item->values.size) memcpy(p, item->values.data, item->values.size);
    p += item->values.size;
    int rc = turn_version(txn, strand);
    if (rc) return rc;
    return ledger_put(txn, LEDGER_ITEMS, key_of(strand, row, key),
                      (struct mtr_str){(const char *)value, (size_t)(p - value)});
}

static int unpack(struct mtr_str key, struct mtr_str value, struct mtr_ledger_item *out)
{
    const unsigned char *p = (const unsigned char *)value.data;
    const unsigned char *row = (const unsigned char *)key.data + LEDGER_HASH_BYTES;
    if (key.size != ITEM_KEY_BYTES || value.size < ITEM_BYTES) return MTR_ECORRUPT;
    const size_t subject = (size_t)p[40] << 8 | p[41];
    if (subject > MTR_LEDGER_EACH_BYTES_MAX || value.size < ITEM_BYTES + subject ||
        value.size > ITEM_BYTES + subject + MTR_LEDGER_VALUES_BYTES_MAX)
        return MTR_ECORRUPT;
    if (value.size > ITEM_BYTES + subject && value.data[value.size - 1] != '\0') return MTR_ECORRUPT;
    *out = (struct mtr_ledger_item){
        .row = {lmdb_get_u64(row), lmdb_get_u64(row + 8)},
        .start_us = (int64_t)lmdb_get_u64(p),
        .seq = lmdb_get_u64(p + 8),
        .gone_us = (int64_t)lmdb_get_u64(p + 16),
        .subject = {value.data + ITEM_BYTES, subject},
        .values = {value.data + ITEM_BYTES + subject, value.size - ITEM_BYTES - subject}};
    return MTR_OK;
}

/* As it is kept, to be changed and put again: what is borrowed from the store ends with the first put. */
struct kept_item {
    unsigned char key[ITEM_KEY_BYTES], bytes[ITEM_BYTES_MAX];
    size_t size;
    struct mtr_ledger_item item; /* borrowed from these */
};

static int get_item(struct mtr_ledger_txn *txn, const struct mtr_strand *strand,
                    const struct mtr_event_identity *row, struct kept_item *out)
{
    struct mtr_str value;
    const struct mtr_str key = key_of(strand, row, out->key);
    int rc = ledger_get(txn, LEDGER_ITEMS, key, &value);
    if (rc) return rc;
    if (value.size > sizeof(out->bytes)) return MTR_ECORRUPT;
    memcpy(out->bytes, value.data, value.size);
    out->size = value.size;
    return unpack(key, (struct mtr_str){(const char *)out->bytes, value.size}, &out->item);
}

static int put_gone(struct mtr_ledger_txn *txn, struct mtr_str key, struct kept_item *kept, int64_t gone_us)
{
    lmdb_put_u64(kept->bytes + 16, (uint64_t)gone_us);
    return ledger_put(txn, LEDGER_ITEMS, key, (struct mtr_str){(const char *)kept->bytes, kept->size});
}

int mtr_ledger_item_gone(struct mtr_ledger_txn *txn, const struct mtr_strand *strand,
                         const struct mtr_event_identity *row, uint64_t seq, int64_t gone_us)
{
    struct kept_item kept;
    int rc = get_item(txn, strand, row, &kept);
    if (rc) return rc == MTR_ENOTFOUND ? MTR_OK : rc;
    if (kept.item.seq != seq) return MTR_OK; /* it is there again, elsewhere */
    rc = turn_version(txn, strand);
    return rc ? rc : put_gone(txn, key_of(strand, row, kept.key), &kept, gone_us);
}

/* ---- what a row said before ---- */

/* They stand beside the row's own: keys are hashes, of which no two differ in their last bits alone. */
enum { FORMERS = 7 };

static bool is_alike(const struct mtr_ledger_item *a, const struct mtr_ledger_item *b)
{
    return mtr_str_equal(a->subject, b->subject) && mtr_str_equal(a->values, b->values);
}

/* A place that is free, or says the same; else that of what went first. */
static int find_place(struct mtr_ledger_txn *txn, const struct mtr_strand *strand,
                      const struct mtr_event_identity *row, const struct mtr_ledger_item *former,
                      struct mtr_event_identity *out)
{
    int64_t first_us = INT64_MAX;
    for (uint64_t i = 1; i <= FORMERS; i++) {
        const struct mtr_event_identity place = {row->high, row->low ^ i};
        unsigned char key[ITEM_KEY_BYTES];
        struct mtr_ledger_item item;
        struct mtr_str value;
        const struct mtr_str text = key_of(strand, &place, key);
        int rc = ledger_get(txn, LEDGER_ITEMS, text, &value);
        if (rc == MTR_ENOTFOUND) return *out = place, MTR_OK;
        if (!rc) rc = unpack(text, value, &item);
        if (rc) return rc;
        if (is_alike(&item, former)) return *out = place, MTR_OK;
        if (item.gone_us >= first_us) continue;
        first_us = item.gone_us;
        *out = place;
    }
    return MTR_OK;
}

int mtr_ledger_keep_former(struct mtr_ledger_txn *txn, const struct mtr_strand *strand,
                           const struct mtr_event_identity *row, const struct mtr_ledger_item *now,
                           int64_t gone_us)
{
    struct kept_item kept;
    struct mtr_event_identity place = *row;
    int rc = get_item(txn, strand, row, &kept);
    if (rc) return rc == MTR_ENOTFOUND ? MTR_OK : rc;
    if (is_alike(&kept.item, now)) return MTR_OK;
    if (kept.item.gone_us) gone_us = kept.item.gone_us;
    rc = find_place(txn, strand, row, &kept.item, &place);
    return rc ? rc : put_gone(txn, key_of(strand, &place, kept.key), &kept, gone_us);
}

/* What a newer window no longer names is gone as of its first reading. */
static int see_newest(struct mtr_ledger_txn *txn, struct mtr_str value, struct mtr_ledger_item *item)
{
    int64_t newest_us, first_us;
    int rc = get_newest(txn, (const unsigned char *)value.data + 24, &newest_us, &first_us);
    if (rc) return rc == MTR_ENOTFOUND ? MTR_OK : rc;
    if (!item->gone_us && item->start_us < newest_us) item->gone_us = first_us;
    return MTR_OK;
}

int mtr_ledger_walk_items(struct mtr_ledger_txn *txn, const struct mtr_strand *source,
                          const struct mtr_event_identity *behind, mtr_ledger_on_item on_item, void *context)
{
    static const struct mtr_event_identity first = {0, 0};
    unsigned char key[ITEM_KEY_BYTES];
    const struct mtr_str from = key_of(source, behind ? behind : &first, key);
    const struct mtr_str prefix = {from.data, LEDGER_HASH_BYTES};
    MDB_cursor *cursor;
    const struct sealed_table *items = &txn->ledger->tables[LEDGER_ITEMS];
    int rc = lmdb_error(mdb_cursor_open(txn->txn, items->dbi, &cursor));
    if (rc) return rc;
    MDB_val k = lmdb_val(from.data, from.size), v;
    for (MDB_cursor_op op = MDB_SET_RANGE; !rc; op = MDB_NEXT) {
        struct mtr_ledger_item item;
        rc = sealed_cursor_get(cursor, items, &k, &v, op);
        if (!rc && !mtr_str_starts_with(lmdb_str(k), prefix)) rc = MTR_ENOTFOUND;
        if (!rc && behind && mtr_str_equal(lmdb_str(k), from)) continue;
        if (!rc) rc = unpack(lmdb_str(k), lmdb_str(v), &item);
        if (!rc) rc = see_newest(txn, lmdb_str(v), &item);
        if (!rc) rc = on_item(context, &item);
    }
    mdb_cursor_close(cursor);
    return rc == MTR_ENOTFOUND ? MTR_OK : rc;
}
