/*
 * Files that documents name: regular ones alone, where they may be, and none of meterd's own.
 */
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "meterd/net/secret_open.h"

static char root[64];

static const char *at(const char *name)
{
    static char paths[4][PATH_MAX];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, PATH_MAX, "%s/%s", root, name);
    return path;
}

static void write_file(const char *name)
{
    FILE *file = fopen(at(name), "w");
    assert_non_null(file);
    assert_true(fputs("whsec_x", file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static int make(void **state)
{
    (void)state;
    snprintf(root, sizeof(root), "/tmp/meterd-secret-XXXXXX");
    if (!mkdtemp(root)) return -1;
    const char *const directories[] = {"secrets", "secrets/deep", "secrets-not", "data", "data/charges"};
    for (size_t i = 0; i < sizeof(directories) / sizeof(*directories); i++)
        if (mkdir(at(directories[i]), 0700)) return -1;
    const char *const files[] = {"secrets/one", "secrets/deep/two", "secrets-not/three", "data/charges/lock.mdb"};
    for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) write_file(files[i]);
    if (mkfifo(at("secrets/pipe"), 0600) || symlink(at("secrets-not/three"), at("secrets/link")) ||
        symlink(at("data/charges/lock.mdb"), at("secrets/lock")) || symlink("one", at("secrets/same")) || symlink(root, at("secrets-link")))
        return -1;
    mtr_secret_keep_out(at("data"));
    return 0;
}

static int clean(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof(command), "rm -r %s", root);
    return system(command);
}

static enum mtr_secret_fault look(const char *path, const char *const *directories)
{
    int fd;
    const enum mtr_secret_fault fault = mtr_secret_open(path, directories, &fd);
    assert_true((fault == MTR_SECRET_FINE) == (fd >= 0));
    if (fd >= 0) close(fd);
    return fault;
}

static void test_what_is_opened(void **state)
{
    (void)state;
    const char *const allowed[] = {strdup(at("secrets")), NULL}, *const nowhere[] = {NULL}, *const none[] = {strdup(at("absent")), NULL};
    static const struct {
        const char *name;
        enum mtr_secret_fault below, anywhere;
    } rows[] = {
        {"secrets/one", MTR_SECRET_FINE, MTR_SECRET_FINE},
        {"secrets/deep/two", MTR_SECRET_FINE, MTR_SECRET_FINE},
        {"secrets/same", MTR_SECRET_FINE, MTR_SECRET_FINE},
        {"secrets-link/secrets/one", MTR_SECRET_FINE, MTR_SECRET_FINE},
        {"secrets-not/three", MTR_SECRET_OUTSIDE, MTR_SECRET_FINE},
        {"secrets/../secrets-not/three", MTR_SECRET_OUTSIDE, MTR_SECRET_FINE},
        {"secrets/link", MTR_SECRET_OUTSIDE, MTR_SECRET_FINE},
        {"secrets/pipe", MTR_SECRET_NO_FILE, MTR_SECRET_NO_FILE},
        {"secrets/deep", MTR_SECRET_NO_FILE, MTR_SECRET_NO_FILE},
        {"secrets/four", MTR_SECRET_ABSENT, MTR_SECRET_ABSENT},
        {"data/charges/lock.mdb", MTR_SECRET_OURS, MTR_SECRET_OURS},
        {"secrets/lock", MTR_SECRET_OURS, MTR_SECRET_OURS},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        const enum mtr_secret_fault below = look(at(rows[i].name), allowed), anywhere = look(at(rows[i].name), NULL);
        if (below != rows[i].below || anywhere != rows[i].anywhere) fail_msg("%s: %d %d", rows[i].name, (int)below, (int)anywhere);
    }
    assert_int_equal(look(at("secrets/one"), nowhere), MTR_SECRET_OUTSIDE);
    assert_int_equal(look(at("secrets/one"), none), MTR_SECRET_OUTSIDE);
    assert_int_equal(look("/dev/null", NULL), MTR_SECRET_NO_FILE);
    free((void *)(uintptr_t)allowed[0]);
    free((void *)(uintptr_t)none[0]);
}

/* A lock of the process goes when any descriptor of the file is closed. */
static void test_locks_stay(void **state)
{
    (void)state;
    const int fd = open(at("data/charges/lock.mdb"), O_RDWR);
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1};
    assert_int_equal(fcntl(fd, F_SETLK, &lock), 0);
    assert_int_equal(look(at("secrets/lock"), NULL), MTR_SECRET_OURS);
    const pid_t child = fork();
    if (child == 0) {
        struct flock other = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1};
        const int own = open(at("data/charges/lock.mdb"), O_RDWR);
        _exit(own >= 0 && fcntl(own, F_SETLK, &other) != 0 ? 0 : 1);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_what_is_opened), cmocka_unit_test(test_locks_stay)};
    return cmocka_run_group_tests(tests, make, clean);
}
