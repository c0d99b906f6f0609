/*
 * Which events a damaged log has lost: those of each block that is damaged, and no others, wherever it stands; all behind a page that cannot be read; and at
 * the end, where nobody knows how many there were, all from there on.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/dedup_world.h"

enum { BLOCKS = 5, EVENTS = 50, SEGMENT_EVENTS = BLOCKS * EVENTS, RANGES = 8 };

struct found {
    struct mtr_log_lost ranges[RANGES];
    uint32_t count;
};

static void on_lost(void *context, const struct mtr_log_lost *lost)
{
    struct found *found = context;
    assert_in_range(found->count, 0, RANGES - 1);
    found->ranges[found->count++] = *lost;
}

static void add_block(struct mtr_log *log, uint32_t first)
{
    struct mtr_event events[EVENTS];
    char ids[EVENTS][16];
    uint64_t seq;
    for (uint32_t i = 0; i < EVENTS; i++) {
        const int size = snprintf(ids[i], sizeof(ids[i]), "<%07u>", first + i);
        events[i] = (struct mtr_event){.vendor = MTR_STR("acme"), .source = MTR_STR("test"), .id = {ids[i], (size_t)size}, .type = MTR_STR("t"),
                                       .subject = MTR_STR("s"), .time_us = START_US, .time_given = true};
    }
    assert_int_equal(mtr_log_append(log, events, EVENTS, START_US, &seq), 0);
    assert_int_equal(seq, first);
}

/* A segment that was rolled, and one that is open. */
static void make_log(char directory[DIRECTORY_PATH_BYTES])
{
    const struct mtr_log_options options = {.segment_bytes = 1 << 20, .segment_events_max = 100000, .segment_age_us = INT64_C(1) << 60};
    struct mtr_diagnostic diagnostic = {0};
    struct mtr_log *log;
    make_temporary_in_memory(directory);
    assert_int_equal(mtr_log_open(directory, &options, &log, &diagnostic), 0);
    for (uint32_t i = 0; i < BLOCKS; i++) add_block(log, 1 + i * EVENTS);
    assert_int_equal(mtr_log_roll(log, START_US), 0);
    for (uint32_t i = 0; i < BLOCKS; i++) add_block(log, 1 + SEGMENT_EVENTS + i * EVENTS);
    mtr_log_close(log);
}

static int open_segment(const char *directory, uint32_t segment)
{
    char path[DIRECTORY_PATH_BYTES + 32];
    snprintf(path, sizeof(path), "%s/%06u/data.mdb", directory, segment);
    const int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

/* A bit of the block that holds that event, in its id. */
static void damage_event(const char *directory, uint32_t segment, uint32_t seq)
{
    static char bytes[1 << 20];
    char id[16];
    const int size = snprintf(id, sizeof(id), "<%07u>", seq), fd = open_segment(directory, segment);
    const ssize_t all = pread(fd, bytes, sizeof(bytes), 0);
    char *at = memmem(bytes, (size_t)all, id, (size_t)size);
    assert_non_null(at);
    for (; at; at = memmem(at + 1, (size_t)(bytes + all - at - 1), id, (size_t)size)) { /* also in pages of before */
        const char wrong = (char)(at[3] ^ 4);
        assert_int_equal(pwrite(fd, &wrong, 1, at + 3 - bytes), 1);
    }
    close(fd);
}

static void check(const char *directory, const struct mtr_log_lost *wanted, uint32_t count)
{
    struct found found = {.count = 0};
    struct mtr_diagnostic diagnostic = {0};
    assert_int_equal(mtr_log_find_lost(directory, on_lost, &found, &diagnostic), MTR_OK);
    assert_int_equal(found.count, count);
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(found.ranges[i].segment, wanted[i].segment);
        assert_int_equal(found.ranges[i].first_seq, wanted[i].first_seq);
        assert_int_equal(found.ranges[i].last_seq, wanted[i].last_seq);
    }
}

static void test_blocks(void **state)
{
    (void)state;
    char directory[DIRECTORY_PATH_BYTES];
    make_log(directory);
    check(directory, NULL, 0);
    damage_event(directory, 1, 101);
    damage_event(directory, 1, 250);
    damage_event(directory, 2, 251);
    const struct mtr_log_lost middle[] = {{1, 101, 150}, {1, 201, 250}, {2, 251, 300}};
    check(directory, middle, 3);
    damage_event(directory, 2, 499);
    const struct mtr_log_lost all[] = {{1, 101, 150}, {1, 201, 250}, {2, 251, 300}, {2, 451, 0}};
    check(directory, all, 4);
    damage_event(directory, 1, 151);
    const struct mtr_log_lost joined[] = {{1, 101, 250}, {2, 251, 300}, {2, 451, 0}};
    check(directory, joined, 3);
    remove_tree(directory);
}

/* Each page of a segment at once: its process ends in whatever way, and the other segment is whole. */
static void test_pages(void **state)
{
    (void)state;
    char directory[DIRECTORY_PATH_BYTES];
    struct stat status;
    make_log(directory);
    const int fd = open_segment(directory, 1);
    assert_int_equal(fstat(fd, &status), 0);
    for (off_t at = 2 * 4096; at < status.st_size; at += 4096) {
        static const char nonsense[4096] = {[16] = -1, [17] = -1, [40] = 7};
        assert_int_equal(pwrite(fd, nonsense, sizeof(nonsense), at), sizeof(nonsense));
    }
    const struct mtr_log_lost first[] = {{1, 1, 250}};
    check(directory, first, 1);
    assert_int_equal(ftruncate(fd, 8192), 0);
    check(directory, first, 1);
    close(fd);
    remove_tree(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_blocks), cmocka_unit_test(test_pages)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
