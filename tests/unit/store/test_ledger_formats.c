/*
 * Ledgers of earlier formats: what of them is read on.
 */
#include "meterd/store/ledger.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "lib/store/ledger/ledger_txn.h"
#include "tests/support/directory.h"

enum { COUNTING_BYTES = 50 };

static const struct mtr_strand east = {{"acme", 4}, {"usage", 5}, {"east", 4}};

struct fixture {
    char directory[DIRECTORY_PATH_BYTES];
    struct mtr_ledger *ledger;
    struct mtr_ledger_txn *txn;
};

static void open_ledger(struct fixture *f)
{
    struct mtr_diagnostic diagnostic = {0};
    if (mtr_ledger_open(f->directory, false, &f->ledger, &diagnostic)) fail_msg("%s", diagnostic.text);
    assert_int_equal(mtr_ledger_begin(f->ledger, true, &f->txn), 0);
}

static void reopen(struct fixture *f)
{
    assert_int_equal(mtr_ledger_commit(f->txn), 0);
    mtr_ledger_close(f->ledger);
    open_ledger(f);
}

/* A ledger of format 13 is read on: what counted in its windows is not known until they are read once more. */
static void windows_of_format_13_are_read(void **state)
{
    (void)state;
    struct fixture f;
    unsigned char key[LEDGER_KEY_BYTES];
    char before[1000];
    struct mtr_str value;
    struct mtr_ledger_window found;
    const struct mtr_ledger_window window = {.start_us = 30, .end_us = 40, .state = MTR_WINDOW_SUSPECT, .rows = 8, .sum = {.mantissa = 9, .scale = 1},
                                             .counting = {7, {.mantissa = 5}}, .said_counting = {6, {.mantissa = 4}}, .problem = MTR_STR("less")};
    const struct mtr_str place = {(const char *)key, sizeof(key)};
    make_temporary_in_memory(f.directory);
    open_ledger(&f);
    assert_int_equal(mtr_ledger_put_window(f.txn, &east, &window), 0);
    ledger_source_hash(&east, key);
    ledger_put_start(key + LEDGER_HASH_BYTES, window.start_us);
    ledger_strand_hash(&east, key + LEDGER_PREFIX_BYTES);
    assert_int_equal(ledger_get(f.txn, LEDGER_WINDOWS, place, &value), 0);
    const size_t size = value.size - COUNTING_BYTES;
    assert_true(size < sizeof(before));
    memcpy(before, value.data, size);
    assert_int_equal(ledger_put(f.txn, LEDGER_WINDOWS, place, (struct mtr_str){before, size}), 0);
    assert_int_equal(ledger_put(f.txn, LEDGER_META, MTR_STR("format"), (struct mtr_str){"\0\0\0\0\0\0\0\x0d", 8}), 0);
    for (int i = 0; i < 2; i++) {
        reopen(&f);
        assert_int_equal(mtr_ledger_get_window(f.txn, &east, window.start_us, &found), 0);
        assert_true(found.counting.rows == MTR_LEDGER_NOBODY_LOOKED && found.said_counting.rows == MTR_LEDGER_NOBODY_LOOKED);
        assert_true(found.rows == 8 && found.sum.mantissa == 9 && mtr_str_equal(found.problem, window.problem));
    }
    assert_int_equal(ledger_put(f.txn, LEDGER_WINDOWS, place, (struct mtr_str){before, size - 1}), 0);
    assert_int_equal(mtr_ledger_get_window(f.txn, &east, window.start_us, &found), MTR_ECORRUPT);
    mtr_ledger_abort(f.txn);
    mtr_ledger_close(f.ledger);
    remove_tree(f.directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(windows_of_format_13_are_read)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
