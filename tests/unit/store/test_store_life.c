/*
 * Whether stores went on in their directory or were put back from a copy, however that was made.
 */
#include "meterd/store/life.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/directory.h"

enum { FILE_BYTES = 1024, PATH_BYTES = DIRECTORY_PATH_BYTES + 32 };

struct fixture {
    char directory[DIRECTORY_PATH_BYTES];
    char life[PATH_BYTES], charges[PATH_BYTES];
};

static void write_file(const char *path, const void *bytes, size_t size)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, size), (ssize_t)size);
    close(fd);
}

static int make(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    char path[PATH_BYTES];
    make_temporary(f->directory);
    snprintf(path, sizeof(path), "%s/charges", f->directory);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(f->life, sizeof(f->life), "%s/life", f->directory);
    snprintf(f->charges, sizeof(f->charges), "%s/charges/data.mdb", f->directory);
    write_file(f->charges, "charges", 7);
    *state = f;
    return 0;
}

static int drop(void **state)
{
    struct fixture *f = *state;
    remove_tree(f->directory);
    free(f);
    return 0;
}

static enum mtr_life life_of(const struct fixture *f)
{
    enum mtr_life life;
    assert_int_equal(mtr_life_read(f->directory, &life), 0);
    return life;
}

static void a_directory_goes_on_in_its_own_files(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(life_of(f), MTR_LIFE_NEW);
    assert_int_equal(mtr_life_begin(f->directory), 0);
    assert_int_equal(life_of(f), MTR_LIFE_GOES_ON);
    write_file(f->charges, "others", 6); /* what stands in it is not looked at */
    assert_int_equal(life_of(f), MTR_LIFE_GOES_ON);
    assert_int_equal(mtr_life_begin(f->directory), 0);
    assert_int_equal(life_of(f), MTR_LIFE_GOES_ON);
}

/* The old file stays beside it, so that its number is not given again at once. */
static void charges_in_another_file_are_a_copy(void **state)
{
    struct fixture *f = *state;
    char old[PATH_BYTES + 4];
    snprintf(old, sizeof(old), "%s.old", f->charges);
    assert_int_equal(mtr_life_begin(f->directory), 0);
    assert_int_equal(rename(f->charges, old), 0);
    write_file(f->charges, "charges", 7);
    assert_int_equal(life_of(f), MTR_LIFE_COPIED);
    assert_int_equal(rename(old, f->charges), 0);
    assert_int_equal(life_of(f), MTR_LIFE_GOES_ON); /* the very file */
    assert_int_equal(rename(f->charges, old), 0);
    write_file(f->charges, "charges", 7);
    assert_int_equal(mtr_life_begin(f->directory), 0);
    assert_int_equal(life_of(f), MTR_LIFE_GOES_ON);
}

static void a_backup_says_what_it_is(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(mtr_life_mark_copy(f->directory), 0);
    assert_int_equal(life_of(f), MTR_LIFE_COPIED);
    assert_int_equal(mtr_life_begin(f->directory), 0);
    assert_int_equal(life_of(f), MTR_LIFE_GOES_ON);
    assert_int_equal(mtr_life_mark_copy(f->directory), 0);
    assert_int_equal(life_of(f), MTR_LIFE_COPIED);
}

/* It proves nothing, so no number may be given again; and it is made anew. */
static void what_is_damaged_is_a_copy(void **state)
{
    struct fixture *f = *state;
    unsigned char bytes[FILE_BYTES] = {0};
    assert_int_equal(mtr_life_begin(f->directory), 0);
    write_file(f->life, bytes, sizeof(bytes));
    assert_int_equal(life_of(f), MTR_LIFE_COPIED);
    write_file(f->life, "", 0);
    assert_int_equal(life_of(f), MTR_LIFE_COPIED);
    assert_int_equal(mtr_life_begin(f->directory), 0);
    assert_int_equal(life_of(f), MTR_LIFE_GOES_ON);
}

static void the_bytes_are_those_of_the_format(void **state)
{
    struct fixture *f = *state;
    unsigned char bytes[FILE_BYTES];
    struct stat status;
    assert_int_equal(mtr_life_begin(f->directory), 0);
    const int fd = open(f->life, O_RDONLY);
    assert_true(fd >= 0);
    assert_int_equal(read(fd, bytes, sizeof(bytes)), FILE_BYTES);
    close(fd);
    assert_int_equal(stat(f->charges, &status), 0);
    for (int at = 0; at < FILE_BYTES; at += FILE_BYTES / 2) {
        assert_memory_equal(bytes + at, "MTRLIFE1", 8);
        uint64_t inode = 0;
        for (int i = 0; i < 8; i++) inode = inode << 8 | bytes[at + 24 + i];
        assert_int_equal(bytes[at + 23], 2);
        assert_int_equal(inode, status.st_ino);
    }
    assert_int_equal(mtr_life_mark_copy(f->directory), 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, make, drop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_directory_goes_on_in_its_own_files),
        CASE(charges_in_another_file_are_a_copy),
        CASE(a_backup_says_what_it_is),
        CASE(what_is_damaged_is_a_copy),
        CASE(the_bytes_are_those_of_the_format),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
