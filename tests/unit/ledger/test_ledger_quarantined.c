/*
 * The ledger's table of windows that have rows in quarantine: as they were put, in their order, and those of a strand alone.
 */
#include "tests/support/store/ledger_world.h"

#include <stdio.h>
#include <string.h>

struct quarantined {
    int64_t starts[4];
    int count, stop_after;
};

static int on_quarantined(void *context, const struct mtr_ledger_quarantined *window)
{
    struct quarantined *walked = context;
    walked->starts[walked->count] = window->start_us;
    return ++walked->count == walked->stop_after ? 99 : 0;
}

static void windows_with_rows_in_quarantine(void **state)
{
    struct fixture *f = *state;
    static const int64_t starts[] = {500, -20, 0};
    struct mtr_ledger_quarantined found;
    for (int i = 0; i < 3; i++) {
        const struct mtr_ledger_quarantined put = {.start_us = starts[i], .rows = 7, .reading = 8, .began_us = -9};
        assert_int_equal(mtr_ledger_put_quarantined(f->txn, &alone, &put), 0);
        assert_int_equal(mtr_ledger_put_quarantined(f->txn, &east, &put), 0);
    }
    assert_int_equal(mtr_ledger_put_quarantined(f->txn, &alone, &(struct mtr_ledger_quarantined){.start_us = 0}), 0);
    reopen(f);
    assert_int_equal(mtr_ledger_quarantined(f->txn, &alone, -20, &found), 0);
    assert_true(found.start_us == -20 && found.rows == 7 && found.reading == 8 && found.began_us == -9);
    assert_int_equal(mtr_ledger_quarantined(f->txn, &alone, 0, &found), 0);
    assert_true(!found.start_us && !found.rows && !found.reading);
    struct quarantined walked = {.count = 0};
    assert_int_equal(mtr_ledger_walk_quarantined(f->txn, &alone, INT64_MIN, on_quarantined, &walked), 0);
    assert_true(walked.count == 2 && walked.starts[0] == -20 && walked.starts[1] == 500);
    walked = (struct quarantined){.stop_after = 2};
    assert_int_equal(mtr_ledger_walk_quarantined(f->txn, &east, -20, on_quarantined, &walked), 99);
    assert_int_equal(mtr_ledger_walk_quarantined(f->txn, &other, INT64_MIN, on_quarantined, &walked), 0);
    assert_true(walked.count == 2 && walked.starts[1] == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(windows_with_rows_in_quarantine, setup, teardown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
