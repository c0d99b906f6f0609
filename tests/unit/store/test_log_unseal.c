/*
 * Identities that rotted are made again of the blocks: what the index knew it knows again, at every segment;
 * other damage stays, and so does a log that is open.
 */
#include <fcntl.h>
#include <unistd.h>

#include "tests/support/dedup_world.h"

enum { SEGMENTS = 6, EVENTS = 390 };

static void make_event(uint32_t n, char id[16], struct mtr_event *event)
{
    const int size = snprintf(id, 16, "e%u", n);
    *event = (struct mtr_event){.vendor = MTR_STR("acme"), .source = MTR_STR("test"), .id = {id, (size_t)size}, .type = MTR_STR("t"),
                                .subject = MTR_STR("s"), .time_us = START_US, .time_given = true};
}

static struct mtr_dedup_key key_of(uint32_t n)
{
    struct mtr_event event;
    char id[16];
    make_event(n, id, &event);
    return (struct mtr_dedup_key){mtr_event_identity(&event, KEY), mtr_event_digest(&event)};
}

/* A segment of events of its own, rolled and sealed. */
static void add_segment(struct world *world, uint32_t segment)
{
    static struct mtr_event events[EVENTS];
    static char ids[EVENTS][16];
    uint64_t first_seq;
    bool done = false;
    for (uint32_t i = 0; i < EVENTS; i++) make_event(segment * EVENTS + i, ids[i], &events[i]);
    assert_int_equal(mtr_dedup_reserve(world->dedup, EVENTS), 0);
    assert_int_equal(mtr_log_append(world->log, events, EVENTS, world->now_us, &first_seq), 0);
    for (uint32_t i = 0; i < EVENTS; i++) mtr_dedup_add(world->dedup, key_of(segment * EVENTS + i), 0, first_seq + i);
    assert_int_equal(mtr_dedup_reserve(world->dedup, 1), 0);
    assert_int_equal(mtr_log_roll(world->log, world->now_us), 0);
    const uint32_t count = mtr_log_segments(world->log, world->segments, SEGMENTS_MAX);
    mtr_dedup_roll(world->dedup, &world->segments[count - 2]);
    assert_int_equal(mtr_dedup_seal_run(world->dedup), 0);
    while (!done) assert_int_equal(mtr_dedup_seal_finish(world->dedup, UINT64_MAX, &done), 0);
}

static void check_all(struct world *world)
{
    for (uint32_t n = 0; n < SEGMENTS * EVENTS + 10; n++) {
        struct mtr_dedup_match match;
        const struct mtr_dedup_key key = key_of(n);
        assert_int_equal(mtr_dedup_find(world->dedup, &key, 1, &match), 0);
        assert_int_equal(match.found, n < SEGMENTS * EVENTS ? MTR_DEDUP_DUPLICATE : MTR_DEDUP_NEW);
        if (match.found) assert_int_equal(match.seq, n + 1);
    }
}

/* A bit of what is found first, of these bytes, in the segment's file. */
static void damage(struct world *world, uint32_t segment, const void *wanted, size_t size)
{
    static char bytes[1 << 21];
    char path[DIRECTORY_PATH_BYTES + 32];
    snprintf(path, sizeof(path), "%s/%06u/data.mdb", world->directory, segment);
    const int fd = open(path, O_RDWR);
    const ssize_t all = pread(fd, bytes, sizeof(bytes), 0);
    assert_true(all > 0);
    const char *at = memmem(bytes, (size_t)all, wanted, size);
    assert_non_null(at);
    const char wrong = (char)(*at ^ 4);
    assert_int_equal(pwrite(fd, &wrong, 1, at - bytes), 1);
    close(fd);
}

static void damage_identity(struct world *world, uint32_t segment, uint32_t i)
{
    const struct mtr_dedup_key key = key_of((segment - 1) * EVENTS + i);
    damage(world, segment, &key.digest, sizeof(key.digest));
}

static uint32_t count_sealed(struct world *world)
{
    const uint32_t count = mtr_log_segments(world->log, world->segments, SEGMENTS_MAX);
    uint32_t sealed = 0;
    for (uint32_t i = 0; i < count; i++) sealed += world->segments[i].sealed;
    return sealed;
}

static void seal_all(struct world *world)
{
    while (mtr_dedup_unsealed(world->dedup)) {
        bool done = false;
        assert_int_equal(mtr_dedup_seal_run(world->dedup), 0);
        while (!done) assert_int_equal(mtr_dedup_seal_finish(world->dedup, 100, &done), 0);
    }
}

static struct world *make_world(void)
{
    struct world *world = new_world(1);
    for (uint32_t i = 0; i < SEGMENTS; i++) add_segment(world, i);
    check_all(world);
    assert_int_equal(count_sealed(world), SEGMENTS);
    return world;
}

static void test_made_again_of_blocks(void **state)
{
    struct world *world = make_world();
    struct mtr_diagnostic diagnostic;
    uint32_t count;
    (void)state;
    assert_int_equal(mtr_log_unseal_damaged(world->directory, false, &count, &diagnostic), MTR_EEXISTS);
    for (uint32_t segment = SEGMENTS; segment >= 1; segment--) {
        close_world(world);
        assert_int_equal(mtr_log_unseal_damaged(world->directory, false, &count, &diagnostic), MTR_OK);
        assert_int_equal(count, 0);
        damage_identity(world, segment, segment * 30);
        const struct mtr_log_options options = {.segment_bytes = 1 << 20, .segment_events_max = 400, .segment_age_us = 1, .verify_all = true};
        assert_int_equal(mtr_log_open(world->directory, &options, &world->log, &diagnostic), MTR_ECORRUPT);
        for (int is_dry_run = 1; is_dry_run >= 0; is_dry_run--) {
            assert_int_equal(mtr_log_unseal_damaged(world->directory, is_dry_run != 0, &count, &diagnostic), MTR_OK);
            assert_int_equal(count, SEGMENTS - segment + 1);
        }
        open_world(world);
        check_all(world);
        seal_all(world);
        assert_int_equal(count_sealed(world), SEGMENTS);
        check_all(world);
    }
    close_world(world);
    open_world(world);
    check_all(world);
    free_world(world);
}

static void test_other_damage_stays(void **state)
{
    struct world *world = make_world();
    struct mtr_diagnostic diagnostic;
    uint32_t count;
    (void)state;
    close_world(world);
    damage_identity(world, 2, 7);
    damage(world, 4, "MTRB", 4);
    assert_int_equal(mtr_log_unseal_damaged(world->directory, false, &count, &diagnostic), MTR_ECORRUPT);
    assert_non_null(strstr(diagnostic.text, "segment 000004"));
    damage(world, 4, "ITRB", 4); /* back */
    assert_int_equal(mtr_log_unseal_damaged(world->directory, true, &count, &diagnostic), MTR_OK);
    assert_int_equal(count, SEGMENTS - 1); /* nothing was changed before */
    remove_tree(world->directory);
    free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_made_again_of_blocks), cmocka_unit_test(test_other_damage_stays)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
