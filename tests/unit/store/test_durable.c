/*
 * Files and names that outlive a loss of power: what is there afterwards. That it is synced shows e2e/test_power.py, on recorded disks.
 */
#include "meterd/store/durable.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "tests/support/directory.h"

enum { PATH_BYTES = DIRECTORY_PATH_BYTES + 32 };

static char root[DIRECTORY_PATH_BYTES];

static int make(void **state)
{
    (void)state;
    make_temporary(root);
    return 0;
}

static int drop(void **state)
{
    (void)state;
    remove_tree(root);
    return 0;
}

static const char *at(const char *name)
{
    static char path[PATH_BYTES];
    snprintf(path, sizeof(path), "%s/%s", root, name);
    return path;
}

static void assert_mode(const char *name, mode_t mode)
{
    struct stat status;
    assert_int_equal(stat(at(name), &status), 0);
    assert_int_equal(status.st_mode & 07777, mode);
}

static void assert_bytes(const char *name, const char *wanted)
{
    char bytes[64] = {0};
    const int fd = open(at(name), O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_true(read(fd, bytes, sizeof(bytes) - 1) >= 0);
    close(fd);
    assert_string_equal(bytes, wanted);
}

static void directories_are_made_once(void **state)
{
    (void)state;
    assert_int_equal(mtr_durable_directory(at("a")), MTR_OK);
    assert_int_equal(mtr_durable_directory(at("a")), MTR_OK);
    assert_int_equal(mtr_durable_path(at("a/b/c")), MTR_OK);
    assert_int_equal(mtr_durable_path(at("a/b//c/")), MTR_OK);
    assert_mode("a/b/c", 0700);
    assert_int_equal(mtr_durable_directory(at("none/d")), MTR_ENOTFOUND);
    assert_int_equal(mtr_durable_replace(at("file"), MTR_STR("x")), MTR_OK);
    assert_int_equal(mtr_durable_directory(at("file")), MTR_EEXISTS);
    assert_int_equal(errno, ENOTDIR);
    assert_int_equal(mtr_durable_path(""), MTR_EINVALID);
}

static void files_are_replaced_as_a_whole(void **state)
{
    (void)state;
    assert_int_equal(mtr_durable_replace(at("file"), MTR_STR("a longer one")), MTR_OK);
    assert_int_equal(mtr_durable_replace(at("file"), MTR_STR("short")), MTR_OK);
    assert_bytes("file", "short");
    assert_mode("file", 0600);
    assert_int_equal(access(at("file.new"), F_OK), -1);
    assert_int_equal(mtr_durable_replace(at("none/file"), MTR_STR("x")), MTR_ENOTFOUND);
    /* A name that cannot change: what was written beside it is removed, and errno says why. */
    assert_int_equal(mtr_durable_path(at("full/inside")), MTR_OK);
    assert_int_equal(mtr_durable_replace(at("full"), MTR_STR("x")), MTR_EINVALID);
    assert_int_equal(errno, EISDIR);
    assert_int_equal(access(at("full.new"), F_OK), -1);
}

/* A link under the name of what is written first leads nowhere, and neither does one under the name that it gets; a file of others does not stay theirs. */
static void nothing_is_followed(void **state)
{
    const mode_t usual = umask(0);
    int fd;
    (void)state;
    assert_int_equal(mtr_durable_replace(at("file"), MTR_STR("kept")), MTR_OK);
    assert_int_equal(symlink("file", at("linked.new")), 0);
    assert_int_equal(mtr_durable_replace(at("linked"), MTR_STR("x")), MTR_OK);
    assert_bytes("linked", "x");
    assert_int_equal(symlink("file", at("name")), 0);
    assert_int_equal(mtr_durable_replace(at("name"), MTR_STR("y")), MTR_OK);
    assert_bytes("name", "y");
    fd = open(at("open.new"), O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    assert_true(fd >= 0);
    assert_int_equal(mtr_durable_replace(at("open"), MTR_STR("z")), MTR_OK);
    assert_int_equal(pwrite(fd, "THEIRS", 6, 0), 6); /* who had it open writes elsewhere */
    close(fd);
    assert_bytes("open", "z");
    assert_mode("open", 0600);
    assert_int_equal(symlink("file", at("made")), 0);
    assert_int_equal(mtr_durable_create(at("made"), &fd), MTR_OK);
    close(fd);
    assert_mode("made", 0600);
    assert_bytes("file", "kept");
    umask(usual);
}

static void names_change(void **state)
{
    char from[PATH_BYTES];
    (void)state;
    assert_int_equal(mtr_durable_replace(at("old"), MTR_STR("x")), MTR_OK);
    snprintf(from, sizeof(from), "%s", at("old"));
    assert_int_equal(mtr_durable_rename(from, at("new")), MTR_OK);
    assert_bytes("new", "x");
    assert_int_equal(mtr_durable_rename(from, at("new")), MTR_ENOTFOUND);
    assert_int_equal(mtr_durable_sync(at("new")), MTR_OK);
    assert_int_equal(mtr_durable_sync(root), MTR_OK);
    assert_int_equal(mtr_durable_sync(from), MTR_ENOTFOUND);
    assert_int_equal(mtr_durable_sync_parent(at("new")), MTR_OK);
    assert_int_equal(mtr_durable_sync_parent(at("none/new")), MTR_ENOTFOUND);
    assert_int_equal(mtr_durable_sync_parent("relative"), MTR_OK);
    assert_int_equal(mtr_durable_sync_parent("/"), MTR_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(directories_are_made_once, make, drop),
        cmocka_unit_test_setup_teardown(files_are_replaced_as_a_whole, make, drop),
        cmocka_unit_test_setup_teardown(nothing_is_followed, make, drop),
        cmocka_unit_test_setup_teardown(names_change, make, drop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
