/*
 * Lanes: in turn, in order within each, by what they cost, and with room for whoever comes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "meterd/share/lanes.h"
#include "support/random.h"

static uint64_t test_seed(void)
{
    const char *given = getenv("METERD_SEED");
    const uint64_t seed = given ? strtoull(given, NULL, 10) : 1;
    printf("METERD_SEED=%llu\n", (unsigned long long)seed);
    return seed;
}

enum { ITEMS = 64, QUANTUM = 10, FREE_WEIGHT = 1 << 20 };

struct work {
    struct mtr_lane_item item;
    mtr_owner owner;
    uint32_t number;
    int64_t cost, left;
    bool is_waiting, is_out;
};

struct fixture {
    struct mtr_lanes lanes;
    struct work works[ITEMS];
    uint32_t count;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    *state = f;
    return mtr_lanes_init(&f->lanes, ITEMS, FREE_WEIGHT, QUANTUM);
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    mtr_lanes_release(&f->lanes);
    free(f);
    return 0;
}

static bool put(struct fixture *f, mtr_owner owner, int64_t cost, uint64_t weight)
{
    struct work *work = &f->works[f->count];
    *work = (struct work){.item = {.weight = weight}, .owner = owner, .number = f->count, .cost = cost};
    if (mtr_lanes_put(&f->lanes, owner, &work->item)) return false;
    f->count++;
    return true;
}

static struct work *serve(struct fixture *f)
{
    struct work *work = (struct work *)mtr_lanes_first(&f->lanes);
    if (work) (void)mtr_lanes_serve(&f->lanes, work->cost, true);
    return work;
}

static void expect_owners(struct fixture *f, const char *owners)
{
    for (; *owners; owners++) assert_int_equal(serve(f)->owner, *owners - '0');
    assert_null(mtr_lanes_first(&f->lanes));
    assert_int_equal(f->lanes.weight, 0);
}

static void each_has_its_turn(void **state)
{
    struct fixture *f = *state;
    assert_null(mtr_lanes_first(&f->lanes));
    for (int i = 0; i < 4; i++) assert_true(put(f, 1, QUANTUM, 1));
    assert_true(put(f, 2, QUANTUM, 1));
    assert_true(put(f, 3, QUANTUM, 1));
    assert_true(put(f, 3, QUANTUM, 1));
    expect_owners(f, "1231311");
    for (uint32_t i = 0; i < 4; i++) assert_int_equal(f->works[i].number, i);
}

/* Small ones count as much together as a large one. */
static void a_turn_is_worth_the_same_to_all(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 12; i++) assert_true(put(f, 1, QUANTUM / 5, 1));
    for (int i = 0; i < 3; i++) assert_true(put(f, 2, QUANTUM, 1));
    expect_owners(f, "111112111112112");
}

/* Who was served more than a turn is worth owes it, to those who wait. */
static void what_is_owed_is_paid(void **state)
{
    struct fixture *f = *state;
    assert_true(put(f, 1, 3 * QUANTUM, 1));
    assert_true(put(f, 1, QUANTUM, 1));
    for (int i = 0; i < 4; i++) assert_true(put(f, 2, QUANTUM, 1));
    expect_owners(f, "122212");
    assert_true(put(f, 1, 100 * QUANTUM, 1)); /* alone he owes nobody */
    assert_true(put(f, 1, QUANTUM, 1));
    expect_owners(f, "11");
}

/* A piece a turn, as long as others wait. */
static void a_large_one_is_served_in_pieces(void **state)
{
    struct fixture *f = *state;
    char order[16] = "";
    size_t size = 0;
    assert_true(put(f, 1, 4 * QUANTUM, 1));
    for (int i = 0; i < 2; i++) assert_true(put(f, 2, QUANTUM, 1));
    f->works[0].left = 4;
    for (struct work *work; (work = (struct work *)mtr_lanes_first(&f->lanes));) {
        const bool is_all = work->owner == 2 || !--work->left;
        order[size++] = work->owner == 1 ? '1' : '2';
        assert_true(mtr_lanes_serve(&f->lanes, QUANTUM, is_all));
    }
    assert_string_equal(order, "121211");
}

/* What goes on comes before what has not begun, of its owner. */
static void what_goes_on_comes_first(void **state)
{
    struct fixture *f = *state;
    struct work *on = &f->works[ITEMS - 1];
    for (int i = 0; i < 2; i++) assert_true(put(f, 1, QUANTUM, 1));
    assert_true(put(f, 2, QUANTUM, 1));
    *on = (struct work){.item = {.weight = 1}, .owner = 1, .cost = QUANTUM};
    assert_int_equal(mtr_lanes_put_on(&f->lanes, 1, &on->item), MTR_OK);
    assert_ptr_equal(serve(f), on);
    expect_owners(f, "211");
    assert_int_equal(mtr_lanes_put_on(&f->lanes, 1, &on->item), MTR_OK);
    assert_true(put(f, 1, QUANTUM, 1));
    assert_ptr_equal(serve(f), on);
    expect_owners(f, "1");
}

/* However much one brings, there is room for the next. */
static void there_is_room_for_whoever_comes(void **state)
{
    struct fixture *f = *state;
    uint32_t counts[6] = {0};
    for (mtr_owner owner = 1; owner <= 5; owner++)
        while (put(f, owner, 1, 1)) counts[owner]++;
    assert_int_equal(counts[1], ITEMS / 2);
    for (mtr_owner owner = 2; owner <= 5; owner++) assert_true(counts[owner] >= 1);
    while (serve(f)) continue;
    f->count = 0;
    assert_true(put(f, 1, 1, FREE_WEIGHT / 2));
    assert_false(put(f, 1, 1, 1));
    assert_true(put(f, 2, 1, FREE_WEIGHT / 4));
    assert_false(put(f, 2, 1, 1));
    assert_false(put(f, 3, 1, FREE_WEIGHT));
    assert_true(put(f, 3, 1, 1));
    while (serve(f)) continue;
    assert_true(put(f, 1, 1, (uint64_t)1 << 62)); /* alone it may be of any weight */
    assert_false(put(f, 2, 1, 1));
    while (serve(f)) continue;
    assert_true(put(f, 2, 1, 1));
    f->lanes.items_max = 1; /* the bound may change below what there is */
    assert_false(put(f, 3, 1, 1));
    assert_int_equal(mtr_lanes_put_on(&f->lanes, 3, &f->works[f->count].item), MTR_OK);
}

static void nobody_has_all_hands(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 4; i++) assert_true(put(f, 1, 1, 1));
    assert_true(put(f, 2, 1, 1));
    const struct work *first = (struct work *)mtr_lanes_take(&f->lanes, 2);
    assert_ptr_equal(first, &f->works[0]);
    assert_int_equal(((struct work *)mtr_lanes_take(&f->lanes, 2))->owner, 2);
    assert_ptr_equal(mtr_lanes_take(&f->lanes, 2), &f->works[1]);
    assert_null(mtr_lanes_take(&f->lanes, 2));
    assert_int_equal(mtr_lanes_of(&f->lanes, 1), 4);
    mtr_lanes_done(&f->lanes, 2, 1);
    assert_int_equal(mtr_lanes_of(&f->lanes, 2), 0);
    assert_null(mtr_lanes_take(&f->lanes, 2));
    mtr_lanes_done(&f->lanes, 1, 1);
    assert_ptr_equal(mtr_lanes_take(&f->lanes, 2), &f->works[2]);
    mtr_lanes_remove(&f->lanes, 1, &f->works[3].item); /* nobody wants it any more */
    mtr_lanes_done(&f->lanes, 1, 1);
    assert_null(mtr_lanes_take(&f->lanes, 2));
    mtr_lanes_done(&f->lanes, 1, 1);
    assert_int_equal(f->lanes.weight + f->lanes.out + f->lanes.waiting, 0);
}

enum { OWNERS = 7, STEPS = 200000 };

/* Of owners who always have something waiting none gets more than another but for one turn and one item. */
static void none_gets_more_than_another(void **state)
{
    struct fixture *f = *state;
    struct random_source random = {test_seed()};
    int64_t served[OWNERS] = {0};
    uint32_t next[OWNERS] = {0};
    for (uint32_t i = 0; i < OWNERS * 4; i++) {
        f->works[i] = (struct work){.item = {.weight = 1}, .owner = i % OWNERS, .number = next[i % OWNERS]++,
                                    .cost = 1 + (int64_t)random_below(&random, 3 * QUANTUM)};
        assert_int_equal(mtr_lanes_put(&f->lanes, i % OWNERS, &f->works[i].item), MTR_OK);
    }
    uint32_t seen[OWNERS] = {0};
    for (int step = 0; step < STEPS; step++) {
        struct work *work = serve(f);
        assert_int_equal(work->number, seen[work->owner]++);
        served[work->owner] += work->cost;
        for (int i = 0; i < OWNERS; i++)
            assert_true(llabs(served[i] - served[work->owner]) <= QUANTUM + 3 * QUANTUM + QUANTUM);
        work->number = next[work->owner]++;
        work->cost = 1 + (int64_t)random_below(&random, 3 * QUANTUM);
        assert_int_equal(mtr_lanes_put(&f->lanes, work->owner, &work->item), MTR_OK);
    }
}

/* Whatever is put, taken, removed and done: counts are those of a list, and each lane is in order. */
static void counts_are_those_of_a_list(void **state)
{
    struct fixture *f = *state;
    struct random_source random = {test_seed()};
    uint32_t waiting[OWNERS] = {0}, out[OWNERS] = {0}, next[OWNERS] = {0}, last[OWNERS] = {0};
    for (int step = 0; step < STEPS; step++) {
        struct work *work = &f->works[random_below(&random, ITEMS)];
        if (work->is_out) {
            mtr_lanes_done(&f->lanes, work->owner, work->item.weight);
            work->is_out = false;
            out[work->owner]--;
        } else if (work->is_waiting && random_below(&random, 2)) {
            mtr_lanes_remove(&f->lanes, work->owner, &work->item);
            work->is_waiting = false;
            waiting[work->owner]--;
        } else if (work->is_waiting) {
            work = (struct work *)mtr_lanes_take(&f->lanes, 3);
            if (!work) continue;
            assert_true(work->number > last[work->owner]);
            last[work->owner] = work->number;
            work->is_waiting = false;
            work->is_out = true;
            waiting[work->owner]--;
            assert_true(++out[work->owner] <= 3);
        } else {
            *work = (struct work){.item = {.weight = random_below(&random, 9)}, .owner = random_below(&random, OWNERS)};
            work->is_waiting = !mtr_lanes_put(&f->lanes, work->owner, &work->item);
            if (!work->is_waiting) continue;
            work->number = ++next[work->owner];
            waiting[work->owner]++;
        }
        uint64_t weight = 0;
        for (uint32_t i = 0; i < OWNERS; i++)
            assert_int_equal(mtr_lanes_of(&f->lanes, i), waiting[i] + out[i]);
        for (uint32_t i = 0; i < ITEMS; i++)
            if (f->works[i].is_waiting || f->works[i].is_out) weight += f->works[i].item.weight;
        assert_int_equal(f->lanes.weight, weight);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_has_its_turn, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_turn_is_worth_the_same_to_all, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_owed_is_paid, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_large_one_is_served_in_pieces, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_goes_on_comes_first, set_up, tear_down),
        cmocka_unit_test_setup_teardown(there_is_room_for_whoever_comes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nobody_has_all_hands, set_up, tear_down),
        cmocka_unit_test_setup_teardown(none_gets_more_than_another, set_up, tear_down),
        cmocka_unit_test_setup_teardown(counts_are_those_of_a_list, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
