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

/* A table filled to the last identity that it is right for: nothing is lost, and it costs less than 8
 * bytes each. */
static void test_tags_hold_what_they_promise(void **state)
{
    (void)state;
    static bool live[MTR_TAG_SEGMENT_SLOTS];
    for (uint32_t slot = 1; slot <= 10; slot++) live[slot] = true;
    struct mtr_tag_table table;
    assert_int_equal(tags_init(&table, 200000), 0);
    struct random_source random = {42};
    uint64_t count = 0;
    for (; count < 200000 || tags_fits(&table, count + 1); count++)
        assert_int_equal(tags_insert(&table, random_identity(&random), 1 + count % 10, live), 0);
    print_message("compact table: %llu identities, %llu.%02llu bytes each when full\n",
                  (unsigned long long)count, (unsigned long long)(tags_memory_bytes(&table) / count),
                  (unsigned long long)(tags_memory_bytes(&table) * 100 / count % 100));
    assert_true(tags_memory_bytes(&table) <= 7 * UINT64_C(200000)); /* and when fresh */

    random.state = 42;
    uint32_t candidates[MTR_TAG_CANDIDATES_MAX];
    for (uint64_t i = 0; i < count; i++) {
        uint32_t n = tags_find(&table, random_identity(&random), candidates);
        bool is_named = false;
        for (uint32_t j = 0; j < n; j++) is_named |= candidates[j] == 1 + i % 10;
        assert_true(is_named);
    }
    uint64_t wrong = 0;
    for (uint64_t i = 0; i < count; i++) wrong += tags_find(&table, random_identity(&random), candidates);
    print_message("compact table: %llu of %llu finds of new identities name a segment\n",
                  (unsigned long long)wrong, (unsigned long long)count);
    assert_true(wrong < count / 1000);
    tags_release(&table);
}

/* An expired segment's slots are taken again: a table of constant content never fills up. */
static void test_tags_of_expired_segments_make_room(void **state)
{
    (void)state;
    enum { SLOTS = 8, EACH = 2000, ROUNDS = 100 };
    static bool live[MTR_TAG_SEGMENT_SLOTS];
    memset(live, 0, sizeof(live));
    struct mtr_tag_table table;
    assert_int_equal(tags_init(&table, SLOTS * EACH), 0);
    struct random_source random = {7};
    for (uint32_t round = 0; round < ROUNDS; round++) {
        uint32_t slot = 1 + round;
        if (round >= SLOTS) live[slot - SLOTS] = false;
        live[slot] = true;
        for (uint32_t i = 0; i < EACH; i++)
            assert_int_equal(tags_insert(&table, random_identity(&random), slot, live), 0);
    }
    tags_release(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_room_made_ahead),
        cmocka_unit_test(test_recycled_memory_is_empty),
        cmocka_unit_test(test_tags_hold_what_they_promise),
        cmocka_unit_test(test_tags_of_expired_segments_make_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
