/*
 * The record of trusted time: bytes on disk, what survives a write that broke off, and that damage is said and mended.
 */
#include "meterd/store/clock_record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>

#include "tests/support/directory.h"

enum { FILE_BYTES = 1024, SLOT_BYTES = 512 };

static const struct mtr_trusted_record first = {.now_us = 1, .seen_us = 2, .anchor_us = 3, .low_us = -4, .high_us = 5, .was_unseen = true,
                                                .accepted_us = 6, .before_us = 7, .boot = "sixteen bytes!!"};
static const struct mtr_trusted_record second = {.now_us = INT64_C(1780000000000000), .seen_us = 20, .boot = "another boot..."};

static void is_equal(const struct mtr_trusted_record *a, const struct mtr_trusted_record *b)
{
    assert_int_equal(a->now_us, b->now_us);
    assert_int_equal(a->seen_us, b->seen_us);
    assert_int_equal(a->anchor_us, b->anchor_us);
    assert_int_equal(a->low_us, b->low_us);
    assert_int_equal(a->high_us, b->high_us);
    assert_int_equal(a->was_unseen, b->was_unseen);
    assert_int_equal(a->accepted_us, b->accepted_us);
    assert_int_equal(a->before_us, b->before_us);
    assert_memory_equal(a->boot, b->boot, MTR_BOOT_BYTES);
}

static void damage(const char *directory, off_t at)
{
    char path[DIRECTORY_PATH_BYTES + 8];
    snprintf(path, sizeof(path), "%s/clock", directory);
    const int fd = open(path, O_WRONLY);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, "x", 1, at), 1);
    close(fd);
}

static void test_what_was_written_last_is_read(void **state)
{
    char directory[DIRECTORY_PATH_BYTES];
    struct mtr_trusted_record record = first;
    (void)state;
    make_temporary(directory);
    assert_int_equal(mtr_clock_record_read(directory, &record), MTR_ENOTFOUND);
    assert_int_equal(record.now_us, 0);
    for (int i = 0; i < 5; i++) {
        const struct mtr_trusted_record *written = i % 2 ? &second : &first;
        assert_int_equal(mtr_clock_record_write(directory, written), 0);
        assert_int_equal(mtr_clock_record_read(directory, &record), 0);
        is_equal(&record, written);
    }
    remove_tree(directory);
}

/* Writes 1 and 2 make the file, 3 goes to the slot of odd counts: its damage leaves the one before. */
static void test_a_write_that_broke_off_leaves_the_one_before(void **state)
{
    char directory[DIRECTORY_PATH_BYTES];
    struct mtr_trusted_record record;
    (void)state;
    make_temporary(directory);
    assert_int_equal(mtr_clock_record_write(directory, &first), 0);
    assert_int_equal(mtr_clock_record_write(directory, &second), 0);
    damage(directory, SLOT_BYTES + 20);
    assert_int_equal(mtr_clock_record_read(directory, &record), 0);
    is_equal(&record, &first);
    remove_tree(directory);
}

static void test_damage_is_said_and_mended_by_the_next_write(void **state)
{
    char directory[DIRECTORY_PATH_BYTES];
    struct mtr_trusted_record record;
    (void)state;
    make_temporary(directory);
    assert_int_equal(mtr_clock_record_write(directory, &first), 0);
    damage(directory, 20);
    damage(directory, SLOT_BYTES + 20);
    assert_int_equal(mtr_clock_record_read(directory, &record), MTR_ECORRUPT);
    assert_int_equal(record.now_us, 0);
    assert_int_equal(mtr_clock_record_write(directory, &second), 0);
    assert_int_equal(mtr_clock_record_read(directory, &record), 0);
    is_equal(&record, &second);
    remove_tree(directory);
}

/* As docs/formats.md has it. */
static void test_bytes_are_those_of_the_format(void **state)
{
    char directory[DIRECTORY_PATH_BYTES], path[DIRECTORY_PATH_BYTES + 8];
    unsigned char bytes[FILE_BYTES];
    (void)state;
    make_temporary(directory);
    assert_int_equal(mtr_clock_record_write(directory, &first), 0);
    snprintf(path, sizeof(path), "%s/clock", directory);
    const int fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    assert_int_equal(read(fd, bytes, sizeof(bytes)), FILE_BYTES);
    close(fd);
    static const unsigned char expected[] = {'M', 'T', 'R', 'C', 'L', 'O', 'C', '1', 0, 0, 0, 0, 0, 0, 0, 2,
                                             0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 3,
                                             255, 255, 255, 255, 255, 255, 255, 252, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0, 7};
    assert_memory_equal(bytes, expected, sizeof(expected));
    assert_memory_equal(bytes + sizeof(expected), first.boot, MTR_BOOT_BYTES);
    assert_int_equal(bytes[sizeof(expected) + MTR_BOOT_BYTES + 7], 1);
    remove_tree(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_written_last_is_read),
        cmocka_unit_test(test_a_write_that_broke_off_leaves_the_one_before),
        cmocka_unit_test(test_damage_is_said_and_mended_by_the_next_write),
        cmocka_unit_test(test_bytes_are_those_of_the_format),
    };
    return cmocka_run_group_tests_name("clock record", tests, NULL, NULL);
}
