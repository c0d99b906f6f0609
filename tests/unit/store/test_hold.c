/*
 * Directories that one process is at work in: who holds one, who is told that another does, what is removed, and that nobody removes what another one has
 * just begun, whatever the names and the moments.
 */
#include "meterd/store/hold.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "tests/support/directory.h"

enum { PATH_BYTES = DIRECTORY_PATH_BYTES + 32, MAKERS = 3, SWEEPERS = 2, ROUNDS = 3000 };

static char root[DIRECTORY_PATH_BYTES];

static int make(void **state)
{
    (void)state;
    make_temporary_in_memory(root);
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
    static char paths[4][PATH_BYTES];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, PATH_BYTES, "%s/%s", root, name);
    return path;
}

static void touch(const char *path)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    close(fd);
}

static void test_who_holds(void **state)
{
    (void)state;
    int first, second;
    assert_int_equal(mtr_hold_begin(at("d"), MTR_HOLD_ALONE, &first), MTR_ENOTFOUND);
    assert_int_equal(mtr_hold_make(at("d"), &first), MTR_OK);
    assert_int_equal(mtr_hold_make(at("d"), &second), MTR_EAGAIN);
    assert_int_equal(second, -1);
    assert_int_equal(mtr_hold_begin(at("d"), MTR_HOLD_READER, &second), MTR_EAGAIN);
    mtr_hold_end(first);
    assert_int_equal(mtr_hold_begin(at("d"), MTR_HOLD_READER, &first), MTR_OK);
    assert_int_equal(mtr_hold_begin(at("d"), MTR_HOLD_READER, &second), MTR_OK);
    mtr_hold_end(second);
    assert_int_equal(mtr_hold_begin(at("d"), MTR_HOLD_ALONE, &second), MTR_EAGAIN);
    mtr_hold_end(first);
    mtr_hold_end(-1);
}

static void test_links(void **state)
{
    (void)state;
    int hold, other;
    assert_int_equal(mkdir(at("d"), 0700), 0);
    assert_int_equal(symlink(at("d"), at("link")), 0);
    assert_int_not_equal(mtr_hold_begin(at("link"), MTR_HOLD_ALONE, &hold), MTR_OK);
    assert_int_not_equal(mtr_hold_make(at("link"), &hold), MTR_OK);
    assert_int_equal(mtr_hold_begin(at("link"), MTR_HOLD_STORE, &hold), MTR_OK);
    assert_int_equal(mtr_hold_begin(at("d"), MTR_HOLD_ALONE, &other), MTR_EAGAIN);
    mtr_hold_end(hold);
    touch(at("file"));
    assert_int_not_equal(mtr_hold_begin(at("file"), MTR_HOLD_STORE, &hold), MTR_OK);
}

static void test_removal(void **state)
{
    (void)state;
    int hold;
    bool was_empty;
    assert_int_equal(mkdir(at("kept"), 0700), 0);
    touch(at("kept/file"));
    assert_int_equal(mtr_hold_make(at("d"), &hold), MTR_OK);
    assert_int_equal(mtr_hold_empty(hold, &was_empty), MTR_OK);
    assert_true(was_empty);
    assert_int_equal(mkdir(at("d/inner"), 0700), 0);
    assert_int_equal(mkdir(at("d/inner/more"), 0700), 0);
    touch(at("d/inner/more/file"));
    assert_int_equal(symlink(at("kept"), at("d/inner/link")), 0);
    assert_int_equal(mtr_hold_empty(hold, &was_empty), MTR_OK);
    assert_false(was_empty);
    assert_int_equal(access(at("d"), F_OK), 0);
    touch(at("d/file"));
    assert_int_equal(mtr_hold_remove(hold, at("d")), MTR_OK);
    mtr_hold_end(hold);
    assert_int_not_equal(access(at("d"), F_OK), 0);
    assert_int_equal(access(at("kept/file"), F_OK), 0);
}

/* What gets another name is not what is removed, and what stands there since is another one's. */
static void test_another_name(void **state)
{
    (void)state;
    int hold;
    assert_int_equal(mtr_hold_make(at("d"), &hold), MTR_OK);
    touch(at("d/file"));
    assert_int_equal(rename(at("d"), at("done")), 0);
    assert_int_equal(mkdir(at("d"), 0700), 0);
    touch(at("d/other"));
    assert_int_not_equal(mtr_hold_remove(hold, at("d")), MTR_OK);
    mtr_hold_end(hold);
    assert_int_equal(access(at("d/other"), F_OK), 0);
    assert_int_equal(access(at("done/file"), F_OK), 0);
}

/* ---- many at once ---- */

/* Makes one, and has it to itself until it removes it. The exit code: the line of what was wrong. */
static int work(unsigned rounds)
{
    struct stat held, named;
    int hold;
    for (unsigned i = 0; i < rounds; i++) {
        const int rc = mtr_hold_make(at("d"), &hold);
        if (rc == MTR_EAGAIN) continue;
        if (rc) return 1;
        const int fd = open(at("d/mine"), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0) return 2;
        close(fd);
        if (fstat(hold, &held) || stat(at("d"), &named) || held.st_ino != named.st_ino) return 3;
        if (access(at("d/mine"), F_OK)) return 4;
        if (mtr_hold_remove(hold, at("d"))) return 5;
        mtr_hold_end(hold);
    }
    return 0;
}

static int sweep(unsigned rounds)
{
    int hold;
    for (unsigned i = 0; i < rounds; i++) {
        const int rc = mtr_hold_begin(at("d"), MTR_HOLD_ALONE, &hold);
        if (rc == MTR_EAGAIN || rc == MTR_ENOTFOUND) continue;
        if (rc) return 6;
        if (mtr_hold_remove(hold, at("d"))) return 7;
        mtr_hold_end(hold);
    }
    return 0;
}

static void test_many_at_once(void **state)
{
    (void)state;
    pid_t children[MAKERS + SWEEPERS];
    for (unsigned i = 0; i < MAKERS + SWEEPERS; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (!children[i]) _exit(i < MAKERS ? work(ROUNDS) : sweep(ROUNDS));
    }
    for (unsigned i = 0; i < MAKERS + SWEEPERS; i++) {
        int status;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_who_holds, make, drop),
        cmocka_unit_test_setup_teardown(test_links, make, drop),
        cmocka_unit_test_setup_teardown(test_removal, make, drop),
        cmocka_unit_test_setup_teardown(test_another_name, make, drop),
        cmocka_unit_test_setup_teardown(test_many_at_once, make, drop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
