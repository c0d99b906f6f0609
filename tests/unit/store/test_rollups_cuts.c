/*
 * Where cells of the rollups store begin and end: a store of hours in whole seconds becomes one of instants, a
 * range of cells is taken out or begins later, the cuts of a subscription are kept, and how far use has changed
 * hands.
 */
#include "tests/support/store/bare_rows.h"
#include "tests/support/rollups_world.h"

static int count_member(void *context, const struct mtr_member *member)
{
    *(uint64_t *)context += member->count;
    return MTR_OK;
}

static uint64_t members_of(struct fixture *f, uint32_t meter, int64_t start_us, const char *dimensions)
{
    const struct mtr_cell_key key = {1, meter, start_us, mtr_str_from(dimensions)};
    uint64_t count = 0;
    assert_int_equal(mtr_rollups_walk_members(f->txn, &key, count_member, &count), MTR_OK);
    return count;
}

/* Starts were seconds: they are µs once the store is opened for writing, lists over all hours stay. */
static void starts_of_format_1_become_instants(void **state)
{
    struct fixture *f = *state;
    struct mtr_diagnostic diagnostic;
    struct mtr_rollups *reader = NULL;
    static const int64_t starts_s[] = {MTR_CELL_ALL_HOURS, -1800, 0, 3600, 1767225600};
    for (size_t i = 0; i < sizeof(starts_s) / sizeof(*starts_s); i++) {
        const struct mtr_cell_key list = {1, 2, starts_s[i], MTR_STR("eu\x1f")};
        uint64_t count;
        if (i > 0) put_cell(f, 1, 2, starts_s[i], "eu\x1f", (int64_t)i);
        assert_int_equal(mtr_rollups_add_member(f->txn, &list, MTR_STR("m"), (int64_t)i + 1, &count), MTR_OK);
    }
    assert_int_equal(mtr_rollups_commit(f->txn), MTR_OK);
    mtr_rollups_close(f->rollups);
    make_bare(f->directory, "format", "\0\0\0\1");
    assert_int_equal(mtr_rollups_open(f->directory, true, &reader, &diagnostic), MTR_EVERSION);
    assert_non_null(strstr(diagnostic.text, "start the daemon once"));
    assert_int_equal(mtr_rollups_open(f->directory, false, &f->rollups, &diagnostic), MTR_OK);
    assert_int_equal(mtr_rollups_begin(f->rollups, true, &f->txn), MTR_OK);
    struct seen seen = {0};
    assert_int_equal(walk_all_cells(f->txn, on_cell, &seen), MTR_OK);
    assert_string_equal(seen.text, "1/2/-1800000000/eu\x1f=1 1/2/0/eu\x1f=2 1/2/3600000000/eu\x1f=3 "
                                   "1/2/1767225600000000/eu\x1f=4 ");
    for (size_t i = 0; i < sizeof(starts_s) / sizeof(*starts_s); i++) {
        const int64_t start_us = i ? starts_s[i] * INT64_C(1000000) : MTR_CELL_ALL_HOURS;
        assert_int_equal(members_of(f, 2, start_us, "eu\x1f"), i + 1);
    }
}

static void cells_are_taken_out_and_moved(void **state)
{
    struct fixture *f = *state;
    for (int64_t start_us = 10; start_us <= 40; start_us += 10) {
        const struct mtr_cell_key key = {1, 2, start_us, MTR_STR("eu\x1f")};
        uint64_t count;
        put_cell(f, 1, 2, start_us, "eu\x1f", start_us);
        assert_int_equal(mtr_rollups_add_member(f->txn, &key, MTR_STR("m"), start_us, &count), MTR_OK);
    }
    put_cell(f, 1, 3, 20, "eu\x1f", 1); /* another meter's */
    const struct mtr_cell_range out = {1, 2, 20, 30}, moved = {1, 2, 30, 35};
    assert_int_equal(mtr_rollups_delete_cells(f->txn, &out), MTR_OK);
    assert_int_equal(mtr_rollups_move_cells(f->txn, &moved, 37), MTR_OK);
    struct seen seen = {0};
    assert_int_equal(walk_all_cells(f->txn, on_cell, &seen), MTR_OK);
    assert_string_equal(seen.text, "1/2/10/eu\x1f=10 1/2/37/eu\x1f=30 1/2/40/eu\x1f=40 1/3/20/eu\x1f=1 ");
    assert_int_equal(members_of(f, 2, 20, "eu\x1f"), 0);
    assert_int_equal(members_of(f, 2, 30, "eu\x1f"), 0);
    assert_int_equal(members_of(f, 2, 37, "eu\x1f"), 30);
}

static int list_cuts(void *context, uint32_t subscription, struct mtr_str cuts)
{
    struct seen *seen = context;
    for (uint32_t i = 0; i < mtr_rollups_cut_count(cuts); i++)
        seen->size += (size_t)snprintf(seen->text + seen->size, sizeof(seen->text) - seen->size, "%u@%lld ",
                                       subscription, (long long)mtr_rollups_cut_at(cuts, i));
    return MTR_OK;
}

static void cuts_are_kept(void **state)
{
    struct fixture *f = *state;
    static const int64_t first[] = {-5, 0, 7}, second[] = {9};
    struct mtr_str cuts;
    struct seen seen = {0};
    assert_int_equal(mtr_rollups_put_cuts(f->txn, 300, second, 1), MTR_OK);
    assert_int_equal(mtr_rollups_put_cuts(f->txn, 2, first, 3), MTR_OK);
    assert_int_equal(mtr_rollups_put_cuts(f->txn, 5, first, 3), MTR_OK);
    assert_int_equal(mtr_rollups_put_cuts(f->txn, 5, NULL, 0), MTR_OK);
    assert_int_equal(mtr_rollups_walk_cuts(f->txn, list_cuts, &seen), MTR_OK);
    assert_string_equal(seen.text, "2@-5 2@0 2@7 300@9 ");
    assert_int_equal(mtr_rollups_get_cuts(f->txn, 5, &cuts), MTR_OK);
    assert_int_equal(mtr_rollups_cut_count(cuts), 0);
}

/* What no put can have left is reported, whatever it says; nothing aborts. */
static void damaged_cuts_are_an_error(void **state)
{
    struct fixture *f = *state;
    static const int64_t two[] = {7, 9};
    static const char *const damaged[] = {"", "\x80\0\0\0\0\0\0", "\x80\0\0\0\0\0\0\x09\x80\0\0\0\0\0\0\x07", "\xFF\0\0\0\0\0\0\0",
                                          "\0\0\0\0\0\0\0\0"};
    static const size_t sizes[] = {0, 7, 16, 8, 8};
    struct mtr_str cuts;
    struct seen seen = {0};
    assert_int_equal(mtr_rollups_put_cuts(f->txn, 5, two, 2), MTR_OK);
    assert_int_equal(mtr_rollups_get_cuts(f->txn, 5, &cuts), MTR_OK);
    assert_true(mtr_rollups_cuts_are(cuts, two, 2));
    assert_false(mtr_rollups_cuts_are(cuts, two, 1) || mtr_rollups_cuts_are(cuts, two + 1, 1));
    for (size_t i = 0; i < sizeof(damaged) / sizeof(*damaged); i++) {
        assert_int_equal(mtr_rollups_put_fact(f->txn, (struct mtr_str){"cut/\0\0\0\5", 8}, (struct mtr_str){damaged[i], sizes[i]}), MTR_OK);
        assert_int_equal(mtr_rollups_get_cuts(f->txn, 5, &cuts), MTR_ECORRUPT);
        assert_int_equal(mtr_rollups_walk_cuts(f->txn, list_cuts, &seen), MTR_ECORRUPT);
    }
}

static int list_move(void *context, const struct mtr_rollups_move *move)
{
    struct seen *seen = context;
    seen->size += (size_t)snprintf(seen->text + seen->size, sizeof(seen->text) - seen->size, "%u@%d (%d-%d) ", move->first,
                                   (int)move->at_us, (int)move->seq_first, (int)move->seq_last);
    return MTR_OK;
}

static int list_move_meter(void *context, const struct mtr_rollups_move_meter *meter)
{
    struct seen *seen = context;
    seen->size += (size_t)snprintf(seen->text + seen->size, sizeof(seen->text) - seen->size, "%u.%u[%d,%d) ", meter->first,
                                   meter->meter, (int)meter->from_us, (int)meter->to_us);
    return MTR_OK;
}

static const struct mtr_rollups_on_moves list_moves = {list_move, list_move_meter};

static void moves_are_kept(void **state)
{
    struct fixture *f = *state;
    static const struct mtr_rollups_move first = {2, -5, 3, 9}, second = {300, 7, 1, 0};
    static const struct mtr_rollups_move_meter meters[] = {{2, 4, -7, 12}, {2, 1, 0, 3}, {300, 1, 7, 8}};
    struct seen seen = {0};
    bool moving;
    assert_int_equal(mtr_rollups_is_moving(f->txn, 2, &moving), MTR_OK);
    assert_false(moving);
    assert_int_equal(mtr_rollups_put_move(f->txn, &second), MTR_OK);
    assert_int_equal(mtr_rollups_put_move(f->txn, &first), MTR_OK);
    for (int i = 0; i < 3; i++) assert_int_equal(mtr_rollups_put_move_meter(f->txn, &meters[i]), MTR_OK);
    assert_int_equal(mtr_rollups_walk_moves(f->txn, &list_moves, &seen), MTR_OK);
    assert_string_equal(seen.text, "2@-5 (3-9) 2.1[0,3) 2.4[-7,12) 300@7 (1-0) 300.1[7,8) ");
    assert_int_equal(mtr_rollups_is_moving(f->txn, 2, &moving), MTR_OK);
    assert_true(moving);
    assert_int_equal(mtr_rollups_delete_move(f->txn, 2), MTR_OK);
    seen = (struct seen){0};
    assert_int_equal(mtr_rollups_walk_moves(f->txn, &list_moves, &seen), MTR_OK);
    assert_string_equal(seen.text, "300@7 (1-0) 300.1[7,8) ");
}

/* As of cuts. */
static void damaged_moves_are_an_error(void **state)
{
    struct fixture *f = *state;
    static const char whole[24] = "\x80\0\0\0\0\0\0\7\x80\0\0\0\0\0\0\x09\0\0\0\0\0\0\0\x01", late[24] = "\xFF";
    static const struct {
        const char *name, *value;
        size_t name_size, value_size;
    } damaged[] = {{"moving/", whole, 7, 24},
                   {"moving/\0\0\0\5", whole, 11, 23},
                   {"moving/\0\0\0\0", whole, 11, 24},
                   {"moving/\0\0\0\5", late, 11, 24},
                   {"moving/\0\0\0\5\0\0\0\0", whole, 15, 16},
                   {"moving/\0\0\0\5\0\0\0\1", whole + 8, 15, 16},
                   {"moving/\0\0\0\5\0\0\0\1", late, 15, 16},
                   {"moving/\0\0\0\5\0\0\0\1x", whole, 16, 16}};
    for (size_t i = 0; i < sizeof(damaged) / sizeof(*damaged); i++) {
        const struct mtr_str name = {damaged[i].name, damaged[i].name_size}, value = {damaged[i].value, damaged[i].value_size};
        struct seen seen = {0};
        assert_int_equal(mtr_rollups_put_fact(f->txn, name, value), MTR_OK);
        assert_int_equal(mtr_rollups_walk_moves(f->txn, &list_moves, &seen), MTR_ECORRUPT);
        assert_int_equal(mtr_rollups_delete_fact(f->txn, name), MTR_OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(starts_of_format_1_become_instants),
        CASE(cells_are_taken_out_and_moved),
        CASE(cuts_are_kept),
        CASE(damaged_cuts_are_an_error),
        CASE(moves_are_kept),
        CASE(damaged_moves_are_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
