/*
 * The mark beside a store: bytes on disk, what survives a write that broke off, what is damage.
 */
#include "meterd/store/mark.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/stat.h>

#include "tests/support/directory.h"

enum { FILE_BYTES = 1024, SLOT_BYTES = 512 };

struct fixture {
    char directory[DIRECTORY_PATH_BYTES];
    char path[DIRECTORY_PATH_BYTES + 8];
    struct mtr_diagnostic diagnostic;
};

static const struct mtr_mark first = {.log_seq = 31, .catalog_version = 4, .charge_number = 14, .charge_id = {1, 2}};
static const struct mtr_mark second = {.log_seq = 40, .catalog_version = 5, .charge_number = 34, .charge_id = {3, 4}};

static int make(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    make_temporary(f->directory);
    snprintf(f->path, sizeof(f->path), "%s/mark", f->directory);
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

static void read_file(const struct fixture *f, unsigned char bytes[FILE_BYTES])
{
    const int fd = open(f->path, O_RDONLY);
    assert_true(fd >= 0);
    assert_int_equal(read(fd, bytes, FILE_BYTES), FILE_BYTES);
    close(fd);
}

static void damage(const struct fixture *f, off_t at)
{
    const int fd = open(f->path, O_WRONLY);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, "x", 1, at), 1);
    close(fd);
}

static void assert_mark(struct fixture *f, const struct mtr_mark *expected)
{
    struct mtr_mark mark;
    assert_int_equal(mtr_mark_read(f->directory, &mark, &f->diagnostic), MTR_OK);
    assert_memory_equal(&mark, expected, sizeof(mark));
}

static void the_last_one_is_read(void **state)
{
    struct fixture *f = *state;
    struct mtr_mark mark;
    struct stat status;
    assert_int_equal(mtr_mark_read(f->directory, &mark, &f->diagnostic), MTR_ENOTFOUND);
    assert_int_equal(mtr_mark_write(f->directory, &first), MTR_OK);
    assert_mark(f, &first);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(mtr_mark_write(f->directory, i % 2 ? &first : &second), MTR_OK);
        assert_mark(f, i % 2 ? &first : &second);
    }
    assert_int_equal(stat(f->path, &status), 0);
    assert_int_equal(status.st_size, FILE_BYTES); /* it has all the room that it will need */
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_int_equal(mtr_mark_write("/nowhere", &first), MTR_ENOTFOUND);
}

/* docs/formats.md says these bytes. */
static void bytes_are_as_documented(void **state)
{
    struct fixture *f = *state;
    unsigned char bytes[FILE_BYTES];
    static const unsigned char golden[] = {
        'M', 'T', 'R', 'M', 'A', 'R', 'K', '1', 0, 0, 0, 0, 0, 0, 0, 3,  0, 0, 0, 0, 0, 0, 0, 40, 0, 0, 0, 0, 0, 0, 0, 5,
        0,   0,   0,   0,   0,   0,   0,   34,  0, 0, 0, 0, 0, 0, 0, 3,  0, 0, 0, 0, 0, 0, 0, 4,
        0xcd, 0x2c, 0xea, 0x3f, 0xc7, 0xc2, 0x5e, 0xe9};
    assert_int_equal(mtr_mark_write(f->directory, &first), MTR_OK);
    assert_int_equal(mtr_mark_write(f->directory, &second), MTR_OK);
    read_file(f, bytes);
    assert_memory_equal(bytes + SLOT_BYTES, golden, sizeof(golden)); /* the third write: slot 1 */
}

/* A power cut in the middle of a write leaves the mark before it; a file without a good slot is no mark of ours. */
static void a_broken_write_leaves_the_former(void **state)
{
    struct fixture *f = *state;
    struct mtr_mark mark;
    assert_int_equal(mtr_mark_write(f->directory, &first), MTR_OK);
    assert_int_equal(mtr_mark_write(f->directory, &second), MTR_OK);
    damage(f, SLOT_BYTES + 20);
    assert_mark(f, &first);
    assert_int_equal(mtr_mark_write(f->directory, &second), MTR_OK); /* over the broken one */
    assert_mark(f, &second);
    damage(f, 3);
    damage(f, SLOT_BYTES + 63);
    assert_int_equal(mtr_mark_read(f->directory, &mark, &f->diagnostic), MTR_ECORRUPT);
    assert_non_null(strstr(f->diagnostic.text, "mark is damaged: run meterd repair"));
    assert_int_equal(mtr_mark_write(f->directory, &second), MTR_ECORRUPT);
    assert_int_equal(truncate(f->path, 0), 0);
    assert_int_equal(mtr_mark_read(f->directory, &mark, &f->diagnostic), MTR_ECORRUPT);
}

/* Neither where it is made: a link that waits there is gone, and what it led to is as it was. */
static void a_link_is_not_followed(void **state)
{
    struct fixture *f = *state;
    char link[sizeof(f->path) + 8], target[sizeof(f->path) + 8];
    struct stat status;
    snprintf(link, sizeof(link), "%s.new", f->path);
    snprintf(target, sizeof(target), "%s.theirs", f->path);
    const int fd = open(target, O_WRONLY | O_CREAT, 0600);
    assert_int_equal(write(fd, "kept", 4), 4);
    close(fd);
    assert_int_equal(symlink(target, link), 0);
    assert_int_equal(mtr_mark_write(f->directory, &first), MTR_OK);
    assert_mark(f, &first);
    assert_int_equal(stat(target, &status), 0);
    assert_int_equal(status.st_size, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_last_one_is_read, make, drop),
        cmocka_unit_test_setup_teardown(bytes_are_as_documented, make, drop),
        cmocka_unit_test_setup_teardown(a_broken_write_leaves_the_former, make, drop),
        cmocka_unit_test_setup_teardown(a_link_is_not_followed, make, drop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
