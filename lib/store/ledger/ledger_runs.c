/*
 * Runs: the rows of a window, sorted by key, in chunks of a few hundred. A chunk's LMDB key ends with the key
 * of its first row; a change goes into the last chunk that does not begin behind it, so writing touches just
 * the chunks that changes fall into, and reading is one pass over memory.
 *
 * Invariants: rows ascend by key, within a chunk and from chunk to chunk; a chunk has 1…CHUNK_ROWS_MAX rows.
 * Rows stand in the machine's own order of bytes: the store never leaves it.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/store/ledger/ledger_txn.h"

/* 511 × 32 bytes, their seal and LMDB's header of 16 fill four pages of 4 KiB. New chunks leave room for what
 * comes. */
enum { CHUNK_ROWS_MAX = 511, CHUNK_ROWS_FILLED = 384 };
_Static_assert(sizeof(struct mtr_run_row) == 32, "a row of a run is 32 bytes");

struct mtr_run_cursor {
    const struct sealed_table *runs;
    MDB_cursor *cursor;
    unsigned char prefix[LEDGER_PREFIX_BYTES]; /* of strand and window */
    struct mtr_run_row rows[CHUNK_ROWS_MAX];
    uint32_t count, next;
    bool is_at_end;
};

int mtr_run_row_compare(const struct mtr_event_identity *a, const struct mtr_event_identity *b)
{
    if (a->high != b->high) return a->high < b->high ? -1 : 1;
    return (a->low > b->low) - (a->low < b->low);
}

static void run_prefix(const struct mtr_strand *strand, int64_t start_us, unsigned char *prefix)
{
    ledger_strand_hash(strand, prefix);
    ledger_put_start(prefix + LEDGER_HASH_BYTES, start_us);
}

static void chunk_key(const unsigned char *prefix, const struct mtr_event_identity *first,
                      unsigned char key[LEDGER_KEY_BYTES])
{
    memcpy(key, prefix, LEDGER_PREFIX_BYTES);
    lmdb_put_u64(key + LEDGER_PREFIX_BYTES, first->high);
    lmdb_put_u64(key + LEDGER_PREFIX_BYTES + 8, first->low);
}

static void key_of_chunk(MDB_val k, struct mtr_event_identity *first)
{
    const unsigned char *p = (const unsigned char *)k.mv_data + LEDGER_PREFIX_BYTES;
    *first = (struct mtr_event_identity){lmdb_get_u64(p), lmdb_get_u64(p + 8)};
}

/* The chunk at the cursor, when it is of this run, and its rows are in their order; MTR_ENOTFOUND: it is
 * another's. */
static int read_chunk(const unsigned char *prefix, MDB_val k, MDB_val v, struct mtr_run_row *rows,
                      uint32_t *count)
{
    if (k.mv_size != LEDGER_KEY_BYTES || memcmp(k.mv_data, prefix, LEDGER_PREFIX_BYTES) != 0)
        return MTR_ENOTFOUND;
    if (!v.mv_size || v.mv_size % sizeof(*rows) || v.mv_size / sizeof(*rows) > CHUNK_ROWS_MAX)
        return MTR_ECORRUPT;
    *count = (uint32_t)(v.mv_size / sizeof(*rows));
    memcpy(rows, v.mv_data, v.mv_size);
    struct mtr_event_identity first;
    key_of_chunk(k, &first);
    if (mtr_run_row_compare(&first, &rows[0].key) != 0) return MTR_ECORRUPT;
    for (uint32_t i = 1; i < *count; i++)
        if (mtr_run_row_compare(&rows[i - 1].key, &rows[i].key) >= 0) return MTR_ECORRUPT;
    return MTR_OK;
}

/* The last chunk whose first row is not above `at`, or else the run's first; MTR_ENOTFOUND: the run is empty.
 * The cursor stands on it. */
static int seek_chunk(MDB_cursor *cursor, const struct sealed_table *runs, const unsigned char *prefix,
                      const struct mtr_event_identity *at, struct mtr_run_row *rows, uint32_t *count)
{
    unsigned char key[LEDGER_KEY_BYTES];
    chunk_key(prefix, at, key);
    MDB_val k = lmdb_val(key, sizeof(key)), v;
    int rc = sealed_cursor_get(cursor, runs, &k, &v, MDB_SET_RANGE);
    if (!rc && k.mv_size == sizeof(key) && !memcmp(k.mv_data, key, sizeof(key)))
        return read_chunk(prefix, k, v, rows, count);
    if (rc && rc != MTR_ENOTFOUND) return rc;
    MDB_val before, there;
    int back = sealed_cursor_get(cursor, runs, &before, &there, rc ? MDB_LAST : MDB_PREV);
    if (!back) back = read_chunk(prefix, before, there, rows, count);
    if (back != MTR_ENOTFOUND) return back;
    if (rc) return rc; /* nothing before, nothing behind */
    k = lmdb_val(key, sizeof(key));
    rc = sealed_cursor_get(cursor, runs, &k, &v, MDB_SET_RANGE);
    return rc ? rc : read_chunk(prefix, k, v, rows, count);
}

int mtr_run_open(struct mtr_ledger_txn *txn, const struct mtr_strand *strand, int64_t start_us,
                 struct mtr_run_cursor **out)
{
    struct mtr_run_cursor *cursor = malloc(sizeof(*cursor));
    if (!cursor) return MTR_ENOMEM;
    cursor->count = cursor->next = 0;
    cursor->is_at_end = false;
    run_prefix(strand, start_us, cursor->prefix);
    cursor->runs = &txn->ledger->tables[LEDGER_RUNS];
    int rc = lmdb_error(mdb_cursor_open(txn->txn, cursor->runs->dbi, &cursor->cursor));
    const struct mtr_event_identity lowest = {0, 0};
    if (!rc) {
        rc = seek_chunk(cursor->cursor, cursor->runs, cursor->prefix, &lowest, cursor->rows,
                        &cursor->count);
        cursor->is_at_end = rc == MTR_ENOTFOUND;
        if (cursor->is_at_end) return *out = cursor, MTR_OK;
        if (rc) mdb_cursor_close(cursor->cursor);
    }
    if (rc)
        free(cursor);
    else
        *out = cursor;
    return rc;
}

void mtr_run_close(struct mtr_run_cursor *cursor)
{
    if (!cursor) return;
    mdb_cursor_close(cursor->cursor);
    free(cursor);
}

static int next_chunk(struct mtr_run_cursor *cursor)
{
    MDB_val k, v;
    int rc = sealed_cursor_get(cursor->cursor, cursor->runs, &k, &v, MDB_NEXT);
    cursor->next = 0;
    if (!rc) rc = read_chunk(cursor->prefix, k, v, cursor->rows, &cursor->count);
    if (rc) cursor->count = 0;
    cursor->is_at_end = rc == MTR_ENOTFOUND;
    return rc;
}

/* The place of the first row that is not below `from`; count: there is none. */
static uint32_t lower_bound(const struct mtr_run_row *rows, uint32_t first, uint32_t count,
                            const struct mtr_event_identity *from)
{
    if (first < count && mtr_run_row_compare(&rows[first].key, from) >= 0) return first; /* as mostly */
    while (first < count) {
        const uint32_t middle = first + (count - first) / 2;
        if (mtr_run_row_compare(&rows[middle].key, from) < 0)
            first = middle + 1;
        else
            count = middle;
    }
    return first;
}

int mtr_run_next(struct mtr_run_cursor *cursor, const struct mtr_event_identity *from,
                 const struct mtr_run_row **row)
{
    if (cursor->is_at_end) return MTR_ENOTFOUND;
    const bool is_here =
        cursor->count && from && mtr_run_row_compare(from, &cursor->rows[cursor->count - 1].key) <= 0;
    if (from && !is_here) { /* behind this chunk: not one by one */
        uint32_t count;
        int rc = seek_chunk(cursor->cursor, cursor->runs, cursor->prefix, from, cursor->rows, &count);
        if (rc) {
            cursor->is_at_end = rc == MTR_ENOTFOUND;
            return rc;
        }
        cursor->count = count;
        cursor->next = 0;
    }
    if (from) cursor->next = lower_bound(cursor->rows, cursor->next, cursor->count, from);
    if (cursor->next == cursor->count) {
        int rc = next_chunk(cursor);
        if (rc) return rc;
    }
    *row = &cursor->rows[cursor->next];
    if (!from) cursor->next++;
    return MTR_OK;
}

int mtr_run_find(struct mtr_ledger_txn *txn, const struct mtr_strand *strand, int64_t from_us,
                 int64_t *start_us)
{
    unsigned char prefix[LEDGER_PREFIX_BYTES];
    MDB_cursor *cursor;
    run_prefix(strand, from_us, prefix);
    const struct sealed_table *runs = &txn->ledger->tables[LEDGER_RUNS];
    int rc = lmdb_error(mdb_cursor_open(txn->txn, runs->dbi, &cursor));
    if (rc) return rc;
    MDB_val k = lmdb_val(prefix, sizeof(prefix)), v;
    rc = sealed_cursor_get(cursor, runs, &k, &v, MDB_SET_RANGE);
    if (!rc && k.mv_size != LEDGER_KEY_BYTES) rc = MTR_ECORRUPT;
    if (!rc && memcmp(k.mv_data, prefix, LEDGER_HASH_BYTES) != 0) rc = MTR_ENOTFOUND;
    if (!rc) *start_us = ledger_get_start((const unsigned char *)k.mv_data + LEDGER_HASH_BYTES);
    mdb_cursor_close(cursor);
    return rc;
}

/* ---- writing ---- */

struct writing {
    MDB_txn *txn;
    const struct sealed_table *runs;
    MDB_cursor *cursor;
    unsigned char prefix[LEDGER_PREFIX_BYTES];
    struct mtr_run_row old[CHUNK_ROWS_MAX];
    struct mtr_run_row fresh[2 * CHUNK_ROWS_MAX]; /* what becomes of a chunk, as far as it is known */
    uint32_t fresh_count;
    struct mtr_run_delta *delta;
};

static int put_chunk(struct writing *writing, uint32_t count)
{
    unsigned char key[LEDGER_KEY_BYTES];
    MTR_ASSERT(count && count <= CHUNK_ROWS_MAX && count <= writing->fresh_count);
    chunk_key(writing->prefix, &writing->fresh[0].key, key);
    MDB_val v = lmdb_val(writing->fresh, count * sizeof(*writing->fresh));
    int rc = sealed_put(writing->txn, writing->runs, lmdb_val(key, sizeof(key)), &v, 0);
    writing->fresh_count -= count;
    memmove(writing->fresh, writing->fresh + count, writing->fresh_count * sizeof(*writing->fresh));
    return rc;
}

static int keep_row(struct writing *writing, const struct mtr_run_row *row)
{
    int rc = writing->fresh_count == 2 * CHUNK_ROWS_MAX ? put_chunk(writing, CHUNK_ROWS_FILLED) : MTR_OK;
    if (!rc) writing->fresh[writing->fresh_count++] = *row;
    return rc;
}

static int flush(struct writing *writing)
{
    int rc = MTR_OK;
    while (!rc && writing->fresh_count > CHUNK_ROWS_MAX)
        rc = put_chunk(writing, CHUNK_ROWS_FILLED);
    if (!rc && writing->fresh_count) rc = put_chunk(writing, writing->fresh_count);
    return rc;
}

/* Where the chunk behind the one at the cursor begins; false: there is none. */
static int next_begins(struct writing *writing, struct mtr_event_identity *begin, bool *is_there)
{
    MDB_val k, v;
    *is_there = false;
    int rc = sealed_cursor_get(writing->cursor, writing->runs, &k, &v, MDB_NEXT);
    if (rc) return rc == MTR_ENOTFOUND ? MTR_OK : rc;
    if (k.mv_size != LEDGER_KEY_BYTES || memcmp(k.mv_data, writing->prefix, LEDGER_PREFIX_BYTES) != 0)
        return MTR_OK;
    key_of_chunk(k, begin);
    *is_there = true;
    return MTR_OK;
}

static void count_row(struct mtr_run_delta *delta, const struct mtr_run_row *row, int sign)
{
    delta->rows += sign;
    delta->refused += row->is_refused ? sign : 0;
}

/* Merges changes into the old chunk's rows, up to where the next chunk begins. *taken: of the changes. */
static int merge_chunk(struct writing *writing, uint32_t old_count, const struct mtr_run_row *changes,
                       uint32_t count, const struct mtr_event_identity *bound, uint32_t *taken)
{
    uint32_t i = 0, k = 0;
    int rc = MTR_OK;
    while (!rc) {
        const bool has_change = k < count && (!bound || mtr_run_row_compare(&changes[k].key, bound) < 0);
        if (!has_change && i == old_count) break;
        const int order = !has_change      ? -1
                          : i == old_count ? 1
                                           : mtr_run_row_compare(&writing->old[i].key, &changes[k].key);
        if (order < 0) {
            rc = keep_row(writing, &writing->old[i++]);
            continue;
        }
        if (!order) count_row(writing->delta, &writing->old[i++], -1);
        if (changes[k].seq) {
            count_row(writing->delta, &changes[k], 1);
            rc = keep_row(writing, &changes[k]);
        }
        k++;
    }
    *taken = k;
    return rc;
}

static int apply_chunk(struct writing *writing, const struct mtr_run_row *changes, uint32_t count,
                       uint32_t *taken)
{
    struct mtr_event_identity bound;
    uint32_t old_count = 0;
    bool is_bounded = false;
    int rc = seek_chunk(writing->cursor, writing->runs, writing->prefix, &changes[0].key, writing->old,
                        &old_count);
    if (rc && rc != MTR_ENOTFOUND) return rc;
    if (!rc) {
        unsigned char key[LEDGER_KEY_BYTES];
        chunk_key(writing->prefix, &writing->old[0].key, key);
        rc = next_begins(writing, &bound, &is_bounded);
        MDB_val k = lmdb_val(key, sizeof(key));
        if (!rc) rc = lmdb_error(mdb_del(writing->txn, writing->runs->dbi, &k, NULL));
        if (rc) return rc;
    }
    rc = merge_chunk(writing, old_count, changes, count, is_bounded ? &bound : NULL, taken);
    return rc ? rc : flush(writing);
}

int mtr_run_apply(struct mtr_ledger_txn *txn, const struct mtr_strand *strand, int64_t start_us,
                  const struct mtr_run_row *changes, uint32_t count, struct mtr_run_delta *delta)
{
    MTR_ASSERT(txn->write);
    for (uint32_t i = 1; i < count; i++)
        MTR_ASSERT(mtr_run_row_compare(&changes[i - 1].key, &changes[i].key) < 0);
    struct writing *writing = malloc(sizeof(*writing));
    if (!writing) return MTR_ENOMEM;
    writing->txn = txn->txn;
    writing->runs = &txn->ledger->tables[LEDGER_RUNS];
    writing->fresh_count = 0;
    writing->delta = delta;
    run_prefix(strand, start_us, writing->prefix);
    int rc = lmdb_error(mdb_cursor_open(txn->txn, writing->runs->dbi, &writing->cursor));
    if (rc) {
        free(writing);
        return rc;
    }
    for (uint32_t done = 0, taken = 0; !rc && done < count; done += taken) {
        rc = apply_chunk(writing, changes + done, count - done, &taken);
        MTR_ASSERT(rc || taken);
    }
    mdb_cursor_close(writing->cursor);
    free(writing);
    return rc;
}

/* Rows that stay, in their order. */
struct kept {
    struct mtr_run_row *rows;
    uint32_t count, capacity;
};

static int keep_outside(struct kept *kept, const struct mtr_run_row *row)
{
    if (!row->is_outside) return MTR_OK;
    if (kept->count == kept->capacity) {
        const uint32_t capacity = kept->capacity ? 2 * kept->capacity : 64;
        struct mtr_run_row *rows = realloc(kept->rows, capacity * sizeof(*rows));
        if (!rows) return MTR_ENOMEM;
        kept->rows = rows;
        kept->capacity = capacity;
    }
    kept->rows[kept->count++] = *row;
    return MTR_OK;
}

static int find_outside(struct mtr_ledger_txn *txn, const struct mtr_strand *strand, int64_t start_us,
                        struct kept *kept)
{
    struct mtr_run_cursor *cursor;
    const struct mtr_run_row *row;
    int rc = mtr_run_open(txn, strand, start_us, &cursor);
    if (rc) return rc;
    while (!rc && !(rc = mtr_run_next(cursor, NULL, &row))) rc = keep_outside(kept, row);
    mtr_run_close(cursor);
    return rc == MTR_ENOTFOUND ? MTR_OK : rc;
}

static int drop(struct mtr_ledger_txn *txn, const struct mtr_strand *strand, int64_t start_us)
{
    unsigned char prefix[LEDGER_PREFIX_BYTES];
    MDB_cursor *cursor;
    run_prefix(strand, start_us, prefix);
    const struct sealed_table *runs = &txn->ledger->tables[LEDGER_RUNS];
    int rc = lmdb_error(mdb_cursor_open(txn->txn, runs->dbi, &cursor));
    if (rc) return rc;
    for (;;) {
        MDB_val k = lmdb_val(prefix, sizeof(prefix)), v;
        rc = sealed_cursor_get(cursor, runs, &k, &v, MDB_SET_RANGE);
        if (rc || k.mv_size < sizeof(prefix) || memcmp(k.mv_data, prefix, sizeof(prefix)) != 0) break;
        rc = lmdb_error(mdb_cursor_del(cursor, 0));
        if (rc) break;
    }
    mdb_cursor_close(cursor);
    return rc == MTR_ENOTFOUND ? MTR_OK : rc;
}

int mtr_run_settle(struct mtr_ledger_txn *txn, const struct mtr_strand *strand, int64_t start_us)
{
    struct kept kept = {NULL, 0, 0};
    struct mtr_run_delta delta = {0, 0};
    int rc = find_outside(txn, strand, start_us, &kept);
    if (!rc) rc = drop(txn, strand, start_us);
    if (!rc && kept.count) rc = mtr_run_apply(txn, strand, start_us, kept.rows, kept.count, &delta);
    free(kept.rows);
    return rc;
}
