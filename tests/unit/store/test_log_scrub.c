/*
 * Identities of sealed segments read again: all of them, in slices of any size, round after round; a damaged
 * chunk is told with its segment, and the others are read.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/log_directory.h"

enum { NOW_US = 1700000000, SEGMENTS = 3, IDENTITIES = 600, STEPS_MAX = 1000 };

struct fixture {
    char directory[DIRECTORY_PATH_BYTES];
    struct mtr_log *log;
    struct mtr_identities_place place;
    struct mtr_diagnostic diagnostic;
};

static struct mtr_log_identity identity_of(uint32_t segment, uint32_t i)
{
    return (struct mtr_log_identity){.identity = {.high = i, .low = UINT64_MAX - i % 3}, .digest = segment * 100000 + i, .seq_offset = i};
}

static void make_segment(struct fixture *f, uint32_t segment)
{
    struct mtr_log_identity records[IDENTITIES];
    uint64_t first_seq;
    for (uint32_t i = 0; i < IDENTITIES; i++) records[i] = identity_of(segment, i);
    assert_int_equal(append_numbered(f->log, IDENTITIES, NOW_US, &first_seq), MTR_OK);
    assert_int_equal(mtr_log_roll(f->log, NOW_US), MTR_OK);
    /* The second is never sealed. */
    if (segment != 2) assert_int_equal(mtr_log_seal(f->log, segment, records, IDENTITIES), MTR_OK);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    const struct mtr_log_options options = small_options();
    assert_non_null(f);
    make_temporary_in_memory(f->directory);
    assert_int_equal(mtr_log_open(f->directory, &options, &f->log, &f->diagnostic), MTR_OK);
    for (uint32_t i = 1; i <= SEGMENTS; i++) make_segment(f, i);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    mtr_log_close(f->log);
    remove_tree(f->directory);
    free(f);
    return 0;
}

/* A round: how many bytes were read, in how many steps, and how many of them found damage. */
static uint64_t scrub_round(struct fixture *f, uint64_t bytes_max, int *steps, int *damaged)
{
    uint64_t sum = 0, bytes;
    *damaged = 0;
    for (*steps = 0; *steps < STEPS_MAX; ++*steps) {
        const int rc = mtr_log_scrub_identities(f->log, &f->place, bytes_max, &bytes, &f->diagnostic);
        if (rc == MTR_ENOTFOUND) return sum;
        assert_true(!rc || rc == MTR_ECORRUPT);
        *damaged += rc == MTR_ECORRUPT;
        sum += bytes;
    }
    fail_msg("no end of a round");
    return 0;
}

static void all_are_read_in_slices(void **state)
{
    struct fixture *f = *state;
    int steps, damaged;
    const uint64_t bytes = scrub_round(f, 1 << 20, &steps, &damaged);
    assert_true(bytes > 2 * IDENTITIES * 32);
    assert_int_equal(steps, 2);
    assert_int_equal(damaged, 0);
    assert_int_equal(scrub_round(f, 1, &steps, &damaged), bytes); /* chunk by chunk */
    assert_true(steps >= 6);
    assert_int_equal(damaged, 0);
}

/* A byte of that record, in the file that is open. */
static void damage(struct fixture *f, uint32_t segment, uint32_t i)
{
    char path[DIRECTORY_PATH_BYTES + 32];
    static char bytes[1 << 21];
    const struct mtr_log_identity record = identity_of(segment, i);
    snprintf(path, sizeof(path), "%s/%06u/data.mdb", f->directory, segment);
    const int fd = open(path, O_RDWR);
    const ssize_t size = pread(fd, bytes, sizeof(bytes), 0);
    assert_true(size > 0);
    const char *at = memmem(bytes, (size_t)size, &record, 24); /* as it stands there */
    assert_non_null(at);
    const char wrong = (char)(at[16] ^ 1);
    assert_int_equal(pwrite(fd, &wrong, 1, at + 16 - bytes), 1);
    close(fd);
}

static void damage_is_told_and_the_rest_read(void **state)
{
    struct fixture *f = *state;
    int steps, damaged;
    const uint64_t whole = scrub_round(f, 1, &steps, &damaged);
    damage(f, 1, 300);
    const uint64_t bytes = scrub_round(f, 1, &steps, &damaged);
    assert_int_equal(damaged, 1);
    assert_non_null(strstr(f->diagnostic.text, "segment 000001"));
    assert_non_null(strstr(f->diagnostic.text, "a chunk of identities is damaged (after 255 of them)"));
    assert_true(bytes > whole / 2 && bytes < whole);
}

/* Chunks that are whole, and are not those that were sealed. */
static void a_chunk_that_is_passed_over_is_missed(void **state)
{
    struct fixture *f = *state;
    uint64_t bytes;
    int steps, damaged;
    assert_int_equal(mtr_log_scrub_identities(f->log, &f->place, 1, &bytes, &f->diagnostic), MTR_OK);
    f->place.next.high += 300; /* as if the next were gone */
    (void)scrub_round(f, 1, &steps, &damaged);
    assert_int_equal(damaged, 1);
    assert_non_null(strstr(f->diagnostic.text, "its identities are not those that were sealed"));
    (void)scrub_round(f, 1, &steps, &damaged);
    assert_int_equal(damaged, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_are_read_in_slices, set_up, tear_down),
        cmocka_unit_test_setup_teardown(damage_is_told_and_the_rest_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_chunk_that_is_passed_over_is_missed, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
