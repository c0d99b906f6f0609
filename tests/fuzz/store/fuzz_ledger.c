/*
 * Rows of the ledger of windows. Any bytes as a value of a table, which the first byte chooses, under the key of the
 * strand's own row or any other: all that reads the table gives it or says that it is damaged, and ends. What it gives
 * can be put as it is, windows are written over damaged ones, and runs are settled.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/store/ledger/ledger_txn.h"
#include "tests/fuzz/bytes.h"
#include "tests/support/directory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { DAMAGED, WRITTEN, STORES, KEY_BYTES_MAX = 64, ROWS_MAX = 4096 };
#define START_US (INT64_C(1772323200) * 1000000)

static struct mtr_ledger *stores[STORES];
static char directories[STORES][DIRECTORY_PATH_BYTES];
static const struct mtr_strand strand = {{"acme", 4}, {"s", 1}, {"east", 4}};
static const struct mtr_event_identity one = {0, 1};

static void clean_up(void)
{
    for (int i = 0; i < STORES; i++) {
        mtr_ledger_close(stores[i]);
        remove_tree(directories[i]);
    }
}

static void open_stores(void)
{
    struct mtr_diagnostic diagnostic;
    for (int i = 0; i < STORES; i++) {
        make_temporary_in_memory(directories[i]);
        int rc = mtr_ledger_open(directories[i], false, &stores[i], &diagnostic);
        MTR_ASSERT(rc == MTR_OK);
    }
    atexit(clean_up);
}

static struct mtr_ledger_txn *begin(int store)
{
    struct mtr_ledger_txn *txn;
    int rc = mtr_ledger_begin(stores[store], true, &txn);
    MTR_ASSERT(rc == MTR_OK);
    return txn;
}

/* The key that the strand's own row has; of a run, of the chunk that begins with the row `one`. */
static size_t own_key(enum ledger_table table, unsigned char key[KEY_BYTES_MAX])
{
    const bool is_of_source = table == LEDGER_SOURCES || table == LEDGER_WINDOWS || table == LEDGER_ITEMS || table == LEDGER_TOTALS;
    if (table == LEDGER_META) return memcpy(key, "applied", 7), 7;
    if (is_of_source) ledger_source_hash(&strand, key);
    else ledger_strand_hash(&strand, key);
    unsigned char *p = key + LEDGER_HASH_BYTES;
    switch (table) {
    case LEDGER_WINDOWS:
        ledger_put_start(p, START_US);
        ledger_strand_hash(&strand, p + LEDGER_START_BYTES);
        return LEDGER_KEY_BYTES;
    case LEDGER_RUNS: ledger_put_start(p, START_US); lmdb_put_u64(p + 8, one.high); lmdb_put_u64(p + 16, one.low); return LEDGER_KEY_BYTES;
    case LEDGER_MARKS:
    case LEDGER_QUARANTINED: ledger_put_start(p, START_US); return LEDGER_PREFIX_BYTES;
    case LEDGER_TOTALS: ledger_put_start(p, START_US); ledger_put_start(p + 8, START_US + 1); return LEDGER_PREFIX_BYTES + LEDGER_START_BYTES;
    case LEDGER_ITEMS: lmdb_put_u64(p, one.high); lmdb_put_u64(p + 8, one.low); return 2 * LEDGER_HASH_BYTES;
    default: return LEDGER_HASH_BYTES;
    }
}

static bool is_told(int rc)
{
    MTR_ASSERT(rc == MTR_OK || rc == MTR_ECORRUPT || rc == MTR_ENOTFOUND);
    return rc != MTR_OK;
}

static void done(int rc)
{
    MTR_ASSERT(rc == MTR_OK);
}

/* ---- what is given is put: the context is the other store's transaction ---- */

static int on_window(void *context, struct mtr_str each, const struct mtr_ledger_window *window)
{
    const struct mtr_strand of = {strand.vendor, strand.source, each};
    struct mtr_ledger_window again;
    char sum[MTR_DECIMAL_TEXT_BYTES];
    done(mtr_ledger_put_window(context, &of, window));
    done(mtr_ledger_get_window(context, &of, window->start_us, &again));
    MTR_ASSERT(again.state == window->state && again.rows == window->rows && mtr_str_equal(again.problem, window->problem));
    MTR_ASSERT(again.said_rows == window->said_rows && again.said_sum.mantissa == window->said_sum.mantissa);
    MTR_ASSERT(mtr_decimal_format(window->sum, sum) > 0 && mtr_decimal_format(window->said_sum, sum) > 0);
    return 0;
}

static int on_quarantined(void *context, const struct mtr_ledger_quarantined *window)
{
    MTR_ASSERT(window->rows);
    done(mtr_ledger_put_quarantined(context, &strand, window));
    return 0;
}

static int on_item(void *context, const struct mtr_ledger_item *item)
{
    const struct mtr_str taken = mtr_ledger_item_take(item, MTR_STR("data.size"));
    MTR_ASSERT(!taken.data || (taken.data >= item->values.data && taken.data + taken.size <= item->values.data + item->values.size));
    done(mtr_ledger_put_item(context, &strand, &item->row, item));
    return 0;
}

static void read_strand(struct mtr_ledger_txn *txn, struct mtr_ledger_txn *other)
{
    struct mtr_ledger_source source;
    struct mtr_feed feed;
    struct mtr_strand_facts facts;
    struct mtr_ledger_job job;
    struct mtr_ledger_place place;
    struct mtr_ledger_quarantined quarantined;
    struct mtr_str mark;
    int64_t time_us;
    uint64_t version;
    if (!is_told(mtr_ledger_get_source(txn, &strand, &source))) done(mtr_ledger_put_source(other, &strand, &source));
    if (!is_told(mtr_ledger_feed(txn, &strand, &feed))) done(mtr_ledger_put_feed(other, &strand, &feed));
    if (!is_told(mtr_ledger_facts(txn, &strand, &facts))) done(mtr_ledger_put_facts(other, &strand, &facts));
    if (!is_told(mtr_ledger_job(txn, &strand, &job))) done(mtr_ledger_put_job(other, &strand, &job));
    if (!is_told(mtr_ledger_mark(txn, &strand, START_US, &mark))) done(mtr_ledger_put_mark(other, &strand, START_US, mark));
    if (!is_told(mtr_ledger_quarantined(txn, &strand, START_US, &quarantined))) done(mtr_ledger_put_quarantined(other, &strand, &quarantined));
    if (!is_told(mtr_ledger_applied(txn, &place))) done(mtr_ledger_put_applied(other, &place));
    (void)is_told(mtr_ledger_feed_read_us(txn, mtr_ledger_strand_id(&strand), &time_us));
    (void)is_told(mtr_ledger_newest(txn, &strand, &time_us));
    (void)is_told(mtr_ledger_items_version(txn, &strand, &version));
}

static void read_run(struct mtr_ledger_txn *txn)
{
    const struct mtr_event_identity from = {1, 0};
    struct mtr_event_identity before = {0, 0};
    struct mtr_run_cursor *cursor;
    const struct mtr_run_row *row;
    int64_t start_us;
    int rc = mtr_run_open(txn, &strand, START_US, &cursor);
    (void)is_told(mtr_run_find(txn, &strand, 0, &start_us));
    if (is_told(rc)) return;
    uint32_t count = 0;
    while (!(rc = mtr_run_next(cursor, NULL, &row))) {
        MTR_ASSERT(count++ < ROWS_MAX && (count == 1 || mtr_run_row_compare(&before, &row->key) < 0));
        before = row->key;
    }
    (void)is_told(rc);
    mtr_run_close(cursor);
    done(mtr_run_open(txn, &strand, START_US, &cursor));
    (void)is_told(mtr_run_next(cursor, &from, &row));
    mtr_run_close(cursor);
}

/* ---- what is written over it ---- */

static void write_over(struct mtr_ledger_txn *txn)
{
    const struct mtr_ledger_window window = {.start_us = START_US, .end_us = START_US + 1, .state = MTR_WINDOW_COMPLETE, .seq_last = 9};
    const struct mtr_run_row changes[] = {
        {.key = {0, 1}, .digest = 1, .seq = 5}, {.key = {0, 2}, .seq = 0}, {.key = {UINT64_MAX, 3}, .digest = 1, .seq = 6, .is_outside = 1}};
    struct mtr_run_delta delta = {0, 0};
    (void)is_told(mtr_ledger_put_window(txn, &strand, &window));
    (void)is_told(mtr_ledger_item_gone(txn, &strand, &one, 7, START_US));
    (void)is_told(mtr_ledger_note_newest(txn, &strand, START_US, START_US));
    if (!is_told(mtr_run_apply(txn, &strand, START_US, changes, 3, &delta))) read_run(txn);
    (void)is_told(mtr_run_settle(txn, &strand, START_US));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes bytes = {data, data + size};
    unsigned char own[KEY_BYTES_MAX];
    struct mtr_ledger_total total;
    if (!size) return 0;
    if (!stores[DAMAGED]) open_stores();
    const uint8_t choice = take_u8(&bytes);
    const enum ledger_table table = (enum ledger_table)(choice % LEDGER_TABLES);
    struct mtr_str key = {(const char *)own, choice < 0x80 ? own_key(table, own) : 0};
    if (!key.size) key = take_text(&bytes);
    if (!key.size) return 0;
    struct mtr_ledger_txn *txn = begin(DAMAGED), *other = begin(WRITTEN);
    done(ledger_put(txn, table, key, take_rest(&bytes)));
    read_strand(txn, other);
    (void)is_told(mtr_ledger_walk_windows(txn, &strand, 0, on_window, other));
    (void)is_told(mtr_ledger_walk_windows_behind(txn, &strand, 0, on_window, other));
    (void)is_told(mtr_ledger_walk_quarantined(txn, &strand, 0, on_quarantined, other));
    (void)is_told(mtr_ledger_walk_items(txn, &strand, NULL, on_item, other));
    (void)is_told(mtr_ledger_total(txn, &strand, START_US, START_US + 1, &total));
    read_run(txn);
    write_over(txn);
    mtr_ledger_abort(other);
    mtr_ledger_abort(txn);
    return 0;
}
