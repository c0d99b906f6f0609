/*
 * The tables of the dedup index: room made ahead, memory used again, tags filled to what they promise.
 */
#include "lib/store/dedup/dedup_exact.h"
#include "lib/store/dedup/dedup_tags.h"
#include "tests/support/dedup_world.h"

static struct mtr_event_identity random_identity(struct random_source *random)
{
    uint64_t high = random_u64(random) * UINT64_C(0x9E3779B97F4A7C15);
    return (struct mtr_event_identity){.high = high,
                                       .low = random_u64(random) * UINT64_C(0xD1B54A32D192ED03)};
}

static void add_range(struct world *world, struct random_source *random, uint64_t from, uint64_t to)
{
    for (uint64_t i = from; i < to; i++) {
        assert_int_equal(mtr_dedup_reserve(world->dedup, 1), 0);
        mtr_dedup_add(world->dedup, (struct mtr_dedup_key){.identity = random_identity(random), .digest = i},
                      0, i + 1);
    }
}

/* Room made ahead: a larger table is asked for in time, and taking it loses nothing, not even what was
 * added while it was made. */
static void test_room_made_ahead(void **state)
{
    (void)state;
    enum { STEP = 1000, COUNT = 120 * STEP };
    struct world *world = new_world(7);
    struct random_source random = {3};
    uint64_t finishes = 0;
    for (uint64_t i = 0; i < COUNT; i += STEP) {
        uint64_t room = mtr_dedup_room_wanted(world->dedup), before = mtr_dedup_memory_bytes(world->dedup);
        if (room) assert_int_equal(mtr_dedup_room_run(world->dedup, room), 0);
        add_range(world, &random, i, i + STEP);
        if (!room) continue;
        assert_true(room > i);
        mtr_dedup_room_finish(world->dedup);
        assert_true(mtr_dedup_memory_bytes(world->dedup) > before);
        assert_int_equal(mtr_dedup_room_wanted(world->dedup), 0);
        finishes++;
    }
    assert_true(finishes >= 1);
    random.state = 3;
    for (uint64_t i = 0; i < COUNT; i++) {
        struct mtr_dedup_key key = {.identity = random_identity(&random), .digest = i};
        struct mtr_dedup_match match;
        assert_int_equal(mtr_dedup_find(world->dedup, &key, 1, &match), 0);
        assert_int_equal(match.found, MTR_DEDUP_DUPLICATE);
        assert_int_equal(match.seq, i + 1);
    }
    free_world(world);
}

/* Memory of a table that is done with holds nothing any more when it is used again, and is used only where
 * it fits. */
static void test_recycled_memory_is_empty(void **state)
{
    (void)state;
    const uint64_t wanted[] = {5000, 3000, 200, 50000};
    for (size_t k = 0; k < sizeof(wanted) / sizeof(*wanted); k++) {
        struct mtr_identities recycled, table;
        struct random_source random = {11};
        assert_int_equal(identities_init(&recycled, 5000), 0);
        for (uint64_t i = 0; i < 5000; i++)
            assert_true(identities_add(&recycled, random_identity(&random), 0, 0, i + 1));
        const struct mtr_log_identity *memory = recycled.entries;
        assert_int_equal(identities_prepare(&table, wanted[k], &recycled), 0);
        assert_null(recycled.entries);
        if (k < 2) assert_ptr_equal(table.entries, memory);
        assert_true(identities_has_room(&table, wanted[k]));
        for (uint64_t i = 0; i < table.capacity; i++) assert_null(identities_entry(&table, i));
        identities_release(&table);
    }
}

/* A table filled to the last identity that it is right for: nothing is lost, and it costs no more than it
 * says. The segments' places go round in it, from the last to the first. */
static void check_full_table(bool is_wide, uint32_t first, uint64_t fresh_tenths)
{
    enum { SEGMENTS = 10 };
    const struct mtr_tag_range range = {first, SEGMENTS};
    struct mtr_tag_table table;
    assert_int_equal(tags_init(&table, 200000, is_wide), 0);
    struct random_source random = {42};
    uint64_t count = 0;
    for (; count < 200000 || tags_fits(&table, count + 1); count++)
        assert_int_equal(
            tags_insert(&table, random_identity(&random), first + (uint32_t)(count % SEGMENTS), range), 0);
    print_message("%s table: %llu identities, %llu.%02llu bytes each when full\n",
                  is_wide ? "wide" : "narrow", (unsigned long long)count,
                  (unsigned long long)(tags_memory_bytes(&table) / count),
                  (unsigned long long)(tags_memory_bytes(&table) * 100 / count % 100));
    assert_true(tags_memory_bytes(&table) * 10 <= fresh_tenths * UINT64_C(200000)); /* and when fresh */

    random.state = 42;
    uint32_t candidates[MTR_TAG_CANDIDATES_MAX];
    for (uint64_t i = 0; i < count; i++) {
        uint32_t n = tags_find(&table, random_identity(&random), range, candidates);
        bool is_named = false;
        for (uint32_t j = 0; j < n; j++) is_named |= candidates[j] == first + i % SEGMENTS;
        assert_true(is_named);
    }
    uint64_t wrong = 0;
    for (uint64_t i = 0; i < count; i++)
        wrong += tags_find(&table, random_identity(&random), range, candidates);
    print_message("%s table: %llu of %llu finds of new identities name a segment\n",
                  is_wide ? "wide" : "narrow", (unsigned long long)wrong, (unsigned long long)count);
    assert_true(wrong < count / 1000);
    tags_release(&table);
}

static void test_tags_hold_what_they_promise(void **state)
{
    (void)state;
    check_full_table(false, 1, 70);
    check_full_table(false, MTR_TAG_NARROW_SEGMENTS - 5, 70);
    check_full_table(true, 1, 92);
    check_full_table(true, 3 * MTR_TAG_WIDE_SEGMENTS - 5, 92);
}

/* As many segments as a table can tell apart: each is named, alone, and none once it has expired. */
static void check_all_segments(bool is_wide)
{
    struct mtr_tag_table table;
    assert_int_equal(tags_init(&table, is_wide ? MTR_TAG_WIDE_SEGMENTS : 20000, is_wide), 0);
    const struct mtr_tag_range range = {77, tags_segments_max(&table)}, half = {77 + range.count / 2, range.count / 2};
    struct random_source random = {5};
    for (uint32_t i = 0; i < range.count; i++)
        assert_int_equal(tags_insert(&table, random_identity(&random), range.first + i, range), 0);
    random.state = 5;
    uint32_t candidates[MTR_TAG_CANDIDATES_MAX];
    uint64_t more = 0;
    for (uint32_t i = 0; i < range.count; i++) {
        const struct mtr_event_identity identity = random_identity(&random);
        const uint32_t count = tags_find(&table, identity, range, candidates);
        bool is_named = false;
        for (uint32_t j = 0; j < count; j++) is_named |= candidates[j] == range.first + i;
        assert_true(is_named);
        more += count - 1;
        const uint32_t left = tags_find(&table, identity, half, candidates);
        if (range.first + i >= half.first && i < range.count - 1) assert_true(left >= 1);
        else more += left;
    }
    assert_true(more < range.count / 500);
    tags_release(&table);
}

static void test_all_segments_are_told_apart(void **state)
{
    (void)state;
    check_all_segments(false);
    check_all_segments(true);
}

/* An expired segment's slots are taken again: a table of constant content never fills up. */
static void test_tags_of_expired_segments_make_room(void **state)
{
    (void)state;
    enum { SEGMENTS = 8, EACH = 2000, ROUNDS = 100 };
    for (int is_wide = 0; is_wide < 2; is_wide++) {
        struct mtr_tag_table table;
        assert_int_equal(tags_init(&table, SEGMENTS * EACH, is_wide), 0);
        struct random_source random = {7};
        for (uint32_t round = 0; round < ROUNDS; round++) {
            const uint32_t count = round < SEGMENTS ? round + 1 : SEGMENTS;
            const struct mtr_tag_range range = {4080 + round + 1 - count, count};
            for (uint32_t i = 0; i < EACH; i++)
                assert_int_equal(tags_insert(&table, random_identity(&random), 4080 + round, range), 0);
        }
        tags_release(&table);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_room_made_ahead),
        cmocka_unit_test(test_recycled_memory_is_empty),
        cmocka_unit_test(test_tags_hold_what_they_promise),
        cmocka_unit_test(test_all_segments_are_told_apart),
        cmocka_unit_test(test_tags_of_expired_segments_make_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
