/*
 * Rows of the charges store. Any bytes as a row of a table, which the first byte chooses, under a key that is right or
 * not: it is read or refused as damage, by its key and by a walk alike. What is read can be put, and is then read as
 * the same: money that was damaged does not become money that was written.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/store/charges/charges_txn.h"
#include "tests/fuzz/bytes.h"
#include "tests/support/directory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { KEY_BYTES_MAX = 64, SUBSCRIPTION = 1 };
#define START_US (INT64_C(1772323200) * 1000000)

/* Rows are put as bytes into the first, what was read of them into the second, and of that into the third. */
enum { DAMAGED, WRITTEN, AGAIN, STORES };
static struct mtr_charges *stores[STORES];
static char directories[STORES][DIRECTORY_PATH_BYTES];

static void clean_up(void)
{
    for (int i = 0; i < STORES; i++) {
        mtr_charges_close(stores[i]);
        remove_tree(directories[i]);
    }
}

static void open_stores(void)
{
    struct mtr_diagnostic diagnostic;
    for (int i = 0; i < STORES; i++) {
        make_temporary_in_memory(directories[i]);
        int rc = mtr_charges_open(directories[i], false, &stores[i], &diagnostic);
        MTR_ASSERT(rc == MTR_OK);
    }
    atexit(clean_up);
}

/* A kind of row: its key, how it is read by it, and how it is put. */
struct record {
    union {
        struct mtr_charge charge;
        struct mtr_charge_line line;
        struct mtr_charge_period period;
        struct mtr_charge_subscription subscription;
        struct mtr_charge_draw draw;
        struct mtr_charge_waiting waiting;
        struct mtr_charge_progress progress;
        struct mtr_message message;
        struct mtr_charge_destination destination;
        struct mtr_charges_cursor cursor;
    };
};

static int get_charge(struct mtr_charges_txn *txn, struct record *r) { return mtr_charges_get(txn, 1, &r->charge); }
static int put_charge(struct mtr_charges_txn *txn, const struct record *r) { return mtr_charges_append(txn, &r->charge); }
static const struct mtr_hash128 one = {0, 1};
static int get_line(struct mtr_charges_txn *txn, struct record *r) { return mtr_charges_get_line_by_key(txn, SUBSCRIPTION, START_US, one, &r->line); }
static int put_line(struct mtr_charges_txn *txn, const struct record *r) { return mtr_charges_put_line(txn, &r->line); }
static int get_of_period(struct mtr_charges_txn *txn, struct record *r) { return mtr_charges_get_period(txn, SUBSCRIPTION, START_US, &r->period); }
static int put_of_period(struct mtr_charges_txn *txn, const struct record *r) { return mtr_charges_put_period(txn, &r->period); }
static int get_subscription(struct mtr_charges_txn *txn, struct record *r) { return mtr_charges_get_subscription(txn, SUBSCRIPTION, &r->subscription); }
static int put_subscription(struct mtr_charges_txn *txn, const struct record *r) { return mtr_charges_put_subscription(txn, &r->subscription); }
static int put_draw(struct mtr_charges_txn *txn, const struct record *r) { return mtr_charges_put_draw(txn, &r->draw); }
static int get_waiting(struct mtr_charges_txn *txn, struct record *r) { return mtr_charges_get_waiting(txn, SUBSCRIPTION, START_US, &r->waiting); }
static int put_waiting(struct mtr_charges_txn *txn, const struct record *r) { return mtr_charges_put_waiting(txn, &r->waiting); }
static int get_progress(struct mtr_charges_txn *txn, struct record *r) { return mtr_charges_get_progress(txn, SUBSCRIPTION, START_US, &r->progress); }
static int put_progress(struct mtr_charges_txn *txn, const struct record *r) { return mtr_charges_put_progress(txn, &r->progress); }
static int get_message(struct mtr_charges_txn *txn, struct record *r) { return mtr_charges_get_message(txn, 1, 1, &r->message); }
static int put_message(struct mtr_charges_txn *txn, const struct record *r) { return mtr_charges_put_message(txn, &r->message); }
static int get_destination(struct mtr_charges_txn *txn, struct record *r) { return mtr_charges_get_destination(txn, 1, &r->destination); }
static int put_destination(struct mtr_charges_txn *txn, const struct record *r) { return mtr_charges_put_destination(txn, &r->destination); }
static int get_cursor(struct mtr_charges_txn *txn, struct record *r) { return mtr_charges_get_cursor(txn, &r->cursor); }
static int put_cursor(struct mtr_charges_txn *txn, const struct record *r) { return mtr_charges_put_cursor(txn, &r->cursor); }

static int get_draw(struct mtr_charges_txn *txn, struct record *r)
{
    r->draw = (struct mtr_charge_draw){.grant = one, .period_start_us = START_US, .subscription = SUBSCRIPTION};
    return mtr_charges_get_draw(txn, &r->draw);
}

static size_t key_of_period(unsigned char key[KEY_BYTES_MAX]) { return put_period(key, SUBSCRIPTION, START_US); }

static size_t key_of_one(unsigned char key[KEY_BYTES_MAX]) { return lmdb_put_u64(key, 1), 8; }

static size_t key_of_number(unsigned char key[KEY_BYTES_MAX]) { return lmdb_put_u32(key, 1), 4; }

static size_t key_of_message(unsigned char key[KEY_BYTES_MAX]) { return lmdb_put_u32(key, 1), lmdb_put_u64(key + 4, 1), 12; }

static size_t key_of_cursor(unsigned char key[KEY_BYTES_MAX]) { return memcpy(key, "cursor", 6), 6; }

static size_t key_of_line(unsigned char key[KEY_BYTES_MAX])
{
    const size_t size = key_of_period(key);
    put_hash(key + size, one);
    return size + 16;
}

static size_t key_of_draw(unsigned char key[KEY_BYTES_MAX])
{
    put_hash(key, one);
    const size_t size = 16 + put_start(key + 16, START_US);
    lmdb_put_u32(key + size, SUBSCRIPTION);
    return size + 4;
}

static const struct row {
    enum charges_table table;
    size_t (*key)(unsigned char key[KEY_BYTES_MAX]);
    int (*get)(struct mtr_charges_txn *txn, struct record *record);
    int (*put)(struct mtr_charges_txn *txn, const struct record *record);
} rows[] = {
    {TABLE_CHARGES, key_of_one, get_charge, put_charge},
    {TABLE_LINES, key_of_line, get_line, put_line},
    {TABLE_PERIODS, key_of_period, get_of_period, put_of_period},
    {TABLE_SUBSCRIPTIONS, key_of_number, get_subscription, put_subscription},
    {TABLE_DRAWS, key_of_draw, get_draw, put_draw},
    {TABLE_WAITING, key_of_period, get_waiting, put_waiting},
    {TABLE_PROGRESS, key_of_period, get_progress, put_progress},
    {TABLE_MESSAGES, key_of_message, get_message, put_message},
    {TABLE_DESTINATIONS, key_of_number, get_destination, put_destination},
    {TABLE_META, key_of_cursor, get_cursor, put_cursor},
};
enum { ROWS = sizeof(rows) / sizeof(*rows) };

/* ---- walks: whatever the keys are ---- */

static int on_any(void *context, const void *record)
{
    MTR_ASSERT(record);
    ++*(unsigned *)context;
    return 0;
}

static int on_charge(void *context, const struct mtr_charge *charge) { return on_any(context, charge); }
static int on_line(void *context, const struct mtr_charge_line *line) { return on_any(context, line); }
static int on_period(void *context, const struct mtr_charge_period *period) { return on_any(context, period); }
static int on_waiting(void *context, const struct mtr_charge_waiting *waiting) { return on_any(context, waiting); }
static int on_message(void *context, const struct mtr_message *message) { return on_any(context, message); }
static int on_grant(void *context, struct mtr_hash128 grant) { return on_any(context, &grant); }

static void check_walk(int rc, unsigned seen, unsigned *all)
{
    MTR_ASSERT(rc == MTR_OK || rc == MTR_ECORRUPT);
    *all += seen;
}

static void walk_all(struct mtr_charges_txn *txn)
{
    struct mtr_charge_draw draw = {.grant = one, .period_start_us = START_US, .subscription = SUBSCRIPTION};
    struct mtr_charge_timer timer;
    struct mtr_message message;
    struct mtr_charge charge;
    uint64_t counts[MTR_WAITING_REASON_COUNT];
    unsigned seen = 0, all = 0;
    check_walk(mtr_charges_walk(txn, 0, on_charge, &seen), seen, &all);
    check_walk(mtr_charges_walk_lines(txn, SUBSCRIPTION, START_US, on_line, &seen), seen, &all);
    check_walk(mtr_charges_walk_periods(txn, SUBSCRIPTION, 0, on_period, &seen), seen, &all);
    check_walk(mtr_charges_walk_waiting(txn, 0, on_waiting, &seen), seen, &all);
    check_walk(mtr_charges_walk_messages(txn, 0, 0, on_message, &seen), seen, &all);
    check_walk(mtr_charges_walk_drawn(txn, SUBSCRIPTION, START_US, on_grant, &seen), seen, &all);
    check_walk(mtr_charges_count_waiting(txn, counts), 0, &all);
    int rc = mtr_charges_draw_before(txn, &draw);
    MTR_ASSERT(rc == MTR_OK || rc == MTR_ECORRUPT || rc == MTR_ENOTFOUND);
    rc = mtr_charges_draw_after(txn, &draw);
    MTR_ASSERT(rc == MTR_OK || rc == MTR_ECORRUPT || rc == MTR_ENOTFOUND);
    for (enum mtr_charge_timer_kind kind = MTR_TIMER_OPEN; kind <= MTR_TIMER_RATE; kind++) {
        rc = mtr_charges_first_timer(txn, kind, &timer);
        MTR_ASSERT(rc == MTR_OK || rc == MTR_ECORRUPT || rc == MTR_ENOTFOUND);
        rc = mtr_charges_last_timer(txn, kind, &timer);
        MTR_ASSERT(rc == MTR_OK || rc == MTR_ECORRUPT || rc == MTR_ENOTFOUND);
    }
    rc = mtr_charges_first_queued(txn, 1, 0, &message);
    MTR_ASSERT(rc == MTR_OK || rc == MTR_ECORRUPT || rc == MTR_ENOTFOUND);
    rc = mtr_charges_get_last(txn, &charge);
    MTR_ASSERT(rc == MTR_OK || rc == MTR_ECORRUPT || rc == MTR_ENOTFOUND);
}

/* ---- one row ---- */

static struct mtr_charges_txn *begin(int store)
{
    struct mtr_charges_txn *txn;
    int rc = mtr_charges_begin(stores[store], true, &txn);
    MTR_ASSERT(rc == MTR_OK);
    return txn;
}

/* Puts the record into the store, where it is the only one: its bytes, borrowed. */
static struct mtr_str put_record(const struct row *row, struct mtr_charges_txn *txn, const struct record *record)
{
    unsigned char key[KEY_BYTES_MAX];
    struct mtr_str bytes;
    int rc = row->put(txn, record);
    if (!rc) rc = charges_get(txn, row->table, key, row->key(key), &bytes);
    MTR_ASSERT(rc == MTR_OK);
    return bytes;
}

static void check_put(const struct row *row, const struct record *record)
{
    struct record again;
    struct mtr_charges_txn *written = begin(WRITTEN), *other = begin(AGAIN);
    const struct mtr_str bytes = put_record(row, written, record);
    int rc = row->get(written, &again);
    MTR_ASSERT(rc == MTR_OK && mtr_str_equal(bytes, put_record(row, other, &again)));
    mtr_charges_abort(other);
    mtr_charges_abort(written);
}

static void check_row(const struct row *row, struct mtr_str value)
{
    unsigned char key[KEY_BYTES_MAX];
    struct record record;
    struct mtr_charges_txn *txn = begin(DAMAGED);
    int rc = charges_put(txn, row->table, key, row->key(key), value, 0);
    MTR_ASSERT(rc == MTR_OK);
    walk_all(txn);
    rc = row->get(txn, &record);
    MTR_ASSERT(rc == MTR_OK || rc == MTR_ECORRUPT);
    if (!rc) check_put(row, &record);
    mtr_charges_abort(txn);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes bytes = {data, data + size};
    if (!size) return 0;
    if (!stores[DAMAGED]) open_stores();
    const uint8_t choice = take_u8(&bytes);
    if (choice < 0x80) {
        check_row(&rows[choice % ROWS], take_rest(&bytes));
        return 0;
    }
    const struct mtr_str key = take_text(&bytes), value = take_rest(&bytes);
    if (!key.size || key.size > 400) return 0;
    struct mtr_charges_txn *txn = begin(DAMAGED);
    int rc = charges_put(txn, (enum charges_table)(choice % TABLE_COUNT), key.data, key.size, value, 0);
    MTR_ASSERT(rc == MTR_OK);
    walk_all(txn);
    mtr_charges_abort(txn);
    return 0;
}
