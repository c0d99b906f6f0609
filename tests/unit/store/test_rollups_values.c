/*
 * Values of dimensions in the rollups store: which are admitted, what is held beyond them, and that their
 * counts are those of the rows; rollups of before there were any say how far they were folded.
 */
#include "tests/support/store/bare_rows.h"
#include "tests/support/rollups_world.h"

static const struct mtr_values_of first = {1, 2}, second = {1, 3}, third = {256, 1};

static void check_counts(struct fixture *f, const struct mtr_values_of *of, uint64_t admitted, uint64_t held)
{
    struct mtr_values_count count;
    assert_int_equal(mtr_rollups_count_values(f->txn, of, &count), MTR_OK);
    assert_int_equal(count.admitted, admitted);
    assert_int_equal(count.held, held);
}

static void check_sum(struct fixture *f, uint64_t full, uint64_t events)
{
    struct mtr_beyond_sum sum;
    assert_int_equal(mtr_rollups_sum_beyond(f->txn, &sum), MTR_OK);
    assert_int_equal(sum.full, full);
    assert_int_equal(sum.events, events);
}

static void values_are_admitted_once(void **state)
{
    struct fixture *f = *state;
    static const struct mtr_str eu = {"eu\x1f", 3}, longer = {"eu\x1f\x1f", 4}, none = {"\x1f", 1};
    assert_int_equal(mtr_rollups_find_values(f->txn, &first, eu), MTR_ENOTFOUND);
    assert_int_equal(mtr_rollups_admit_values(f->txn, &first, eu), MTR_OK);
    assert_int_equal(mtr_rollups_admit_values(f->txn, &first, eu), MTR_EEXISTS);
    assert_int_equal(mtr_rollups_admit_values(f->txn, &first, none), MTR_OK);
    assert_int_equal(mtr_rollups_admit_values(f->txn, &third, eu), MTR_OK);
    reopen(f);
    assert_int_equal(mtr_rollups_find_values(f->txn, &first, eu), MTR_OK);
    assert_int_equal(mtr_rollups_find_values(f->txn, &first, none), MTR_OK);
    assert_int_equal(mtr_rollups_find_values(f->txn, &first, longer), MTR_ENOTFOUND);
    assert_int_equal(mtr_rollups_find_values(f->txn, &second, eu), MTR_ENOTFOUND);
    check_counts(f, &first, 2, 0);
    check_counts(f, &second, 0, 0);
    check_counts(f, &third, 1, 0);
    check_sum(f, 0, 0);
}

static void events_are_held_in_order(void **state)
{
    struct fixture *f = *state;
    static const uint64_t seqs[] = {300, 2, 1 << 20};
    uint64_t seq = 1;
    struct mtr_values_of of = {0, 0};
    for (size_t i = 0; i < 3; i++) assert_int_equal(mtr_rollups_put_beyond(f->txn, &first, seqs[i]), MTR_OK);
    assert_int_equal(mtr_rollups_put_beyond(f->txn, &first, 300), MTR_EEXISTS);
    assert_int_equal(mtr_rollups_put_beyond(f->txn, &third, 1), MTR_OK);
    reopen(f);
    check_counts(f, &first, 0, 3);
    check_counts(f, &third, 0, 1);
    check_sum(f, 2, 4);
    assert_int_equal(mtr_rollups_next_beyond(f->txn, &first, &seq), MTR_OK);
    assert_int_equal(seq, 2);
    seq = 3;
    assert_int_equal(mtr_rollups_next_beyond(f->txn, &first, &seq), MTR_OK);
    assert_int_equal(seq, 300);
    seq = (1 << 20) + 1; /* the next row is another meter's */
    assert_int_equal(mtr_rollups_next_beyond(f->txn, &first, &seq), MTR_ENOTFOUND);
    assert_int_equal(mtr_rollups_find_beyond(f->txn, &first, 300), MTR_OK);
    assert_int_equal(mtr_rollups_find_beyond(f->txn, &first, 301), MTR_ENOTFOUND);
    assert_int_equal(mtr_rollups_next_full(f->txn, &of), MTR_OK);
    assert_true(of.owner == 1 && of.meter == 2);
    assert_int_equal(mtr_rollups_next_full(f->txn, &of), MTR_OK);
    assert_true(of.owner == 256 && of.meter == 1);
    assert_int_equal(mtr_rollups_next_full(f->txn, &of), MTR_ENOTFOUND);
}

/* A rebuild never held them, and gives the same bytes. */
static void what_has_flowed_leaves_no_trace(void **state)
{
    struct fixture *f = *state;
    struct mtr_hash128 before, after;
    assert_int_equal(mtr_rollups_admit_values(f->txn, &first, MTR_STR("eu\x1f")), MTR_OK);
    assert_int_equal(mtr_rollups_hash(f->txn, &before), MTR_OK);
    assert_int_equal(mtr_rollups_put_beyond(f->txn, &first, 5), MTR_OK);
    assert_int_equal(mtr_rollups_put_beyond(f->txn, &first, 6), MTR_OK);
    assert_int_equal(mtr_rollups_put_beyond(f->txn, &second, 5), MTR_OK);
    check_sum(f, 2, 3);
    assert_int_equal(mtr_rollups_hash(f->txn, &after), MTR_OK);
    assert_true(before.high != after.high && before.low != after.low);
    assert_int_equal(mtr_rollups_delete_beyond(f->txn, &first, 5), MTR_OK);
    assert_int_equal(mtr_rollups_delete_beyond(f->txn, &first, 5), MTR_ENOTFOUND);
    check_sum(f, 2, 2);
    assert_int_equal(mtr_rollups_delete_beyond(f->txn, &second, 5), MTR_OK);
    check_sum(f, 1, 1);
    assert_int_equal(mtr_rollups_delete_beyond(f->txn, &first, 6), MTR_OK);
    check_sum(f, 0, 0);
    check_counts(f, &first, 1, 0);
    assert_int_equal(mtr_rollups_hash(f->txn, &after), MTR_OK);
    assert_true(before.high == after.high && before.low == after.low);
}

/* It is opened for writing once; what was folded by then is for the fold to count. */
static void format_2_says_how_far_it_was_folded(void **state)
{
    struct fixture *f = *state;
    struct mtr_diagnostic diagnostic;
    struct mtr_rollups *reader = NULL;
    struct mtr_str value;
    assert_int_equal(mtr_rollups_put_cursor(f->txn, 0x0102, 5, 1), MTR_OK);
    put_cell(f, 1, 2, 0, "eu\x1f", 1);
    assert_int_equal(mtr_rollups_commit(f->txn), MTR_OK);
    f->txn = NULL;
    mtr_rollups_close(f->rollups);
    f->rollups = NULL;
    make_bare(f->directory, "format", "\0\0\0\2");
    assert_int_equal(mtr_rollups_open(f->directory, true, &reader, &diagnostic), MTR_EVERSION);
    assert_non_null(strstr(diagnostic.text, "start the daemon once"));
    assert_int_equal(mtr_rollups_open(f->directory, false, &f->rollups, &diagnostic), MTR_OK);
    assert_int_equal(mtr_rollups_begin(f->rollups, true, &f->txn), MTR_OK);
    assert_int_equal(mtr_rollups_get_fact(f->txn, MTR_STR(MTR_FACT_UNCOUNTED), &value), MTR_OK);
    assert_true(mtr_str_equal(value, (struct mtr_str){"\0\0\0\0\0\0\1\2", 8}));
    struct seen seen = {0};
    assert_int_equal(walk_all_cells(f->txn, on_cell, &seen), MTR_OK);
    assert_string_equal(seen.text, "1/2/0/eu\x1f=1 ");
    reopen(f);
    assert_int_equal(mtr_rollups_delete_fact(f->txn, MTR_STR(MTR_FACT_UNCOUNTED)), MTR_OK);
    reopen(f); /* as it is now: it is not said again */
    assert_int_equal(mtr_rollups_get_fact(f->txn, MTR_STR(MTR_FACT_UNCOUNTED), &value), MTR_ENOTFOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(values_are_admitted_once),
        CASE(events_are_held_in_order),
        CASE(what_has_flowed_leaves_no_trace),
        CASE(format_2_says_how_far_it_was_folded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
