/*
 * A reader that was killed inside its transaction is ended, and nobody else is.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "meterd/store/readers.h"
#include "meterd/store/rollups.h"

enum { CELLS = 200, ROUNDS = 60 };

static char directory[] = "/tmp/meterd-readers-XXXXXX";
static char path[64];

static void commit_some(struct mtr_rollups *rollups, int64_t value)
{
    struct mtr_rollups_txn *txn;
    assert_int_equal(mtr_rollups_begin(rollups, true, &txn), 0);
    for (int64_t i = 0; i < CELLS; i++) {
        const struct mtr_cell_key key = {1, 1, i * INT64_C(3600000000), MTR_STR("")};
        const struct mtr_cell cell = {.count = 1, .value = {value}, .seq_first = 1, .seq_last = 1};
        assert_int_equal(mtr_rollups_put_cell(txn, &key, &cell), 0);
    }
    assert_int_equal(mtr_rollups_commit(txn), 0);
}

/* Another process, inside a read transaction. It is forked before this one opens the store. */
static pid_t fork_reader(void)
{
    int ready[2];
    char byte;
    assert_int_equal(pipe(ready), 0);
    const pid_t pid = fork();
    if (!pid) {
        struct mtr_rollups *rollups;
        struct mtr_rollups_txn *txn;
        struct mtr_diagnostic diagnostic;
        if (mtr_rollups_open(path, true, &rollups, &diagnostic) || mtr_rollups_begin(rollups, false, &txn)) _exit(1);
        (void)!write(ready[1], "r", 1);
        pause();
        _exit(0);
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    return pid;
}

static void end(pid_t pid)
{
    int status;
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
}

static off_t bytes(void)
{
    char file[80];
    struct stat status;
    snprintf(file, sizeof(file), "%s/data.mdb", path);
    assert_int_equal(stat(file, &status), 0);
    return status.st_size;
}

static void a_dead_reader_is_ended_and_no_other(void **state)
{
    struct mtr_rollups *rollups;
    struct mtr_diagnostic diagnostic;
    (void)state;
    assert_int_equal(mtr_rollups_open(path, false, &rollups, &diagnostic), 0);
    commit_some(rollups, 1);
    mtr_rollups_close(rollups);
    const pid_t dead = fork_reader(), alive = fork_reader();
    assert_int_equal(mtr_rollups_open(path, false, &rollups, &diagnostic), 0);
    assert_int_equal(mtr_store_end_dead_readers(), 0);
    end(dead);
    assert_int_equal(mtr_store_end_dead_readers(), 1);
    assert_int_equal(mtr_store_end_dead_readers(), 0);
    end(alive);
    for (int i = 0; i < ROUNDS; i++) commit_some(rollups, i); /* it is still held */
    assert_int_equal(mtr_store_end_dead_readers(), 1);
    for (int i = 0; i < ROUNDS; i++) commit_some(rollups, i);
    const off_t before = bytes();
    for (int i = 0; i < ROUNDS; i++) commit_some(rollups, i);
    assert_int_equal(bytes(), before); /* pages are used again */
    mtr_rollups_close(rollups);
    assert_int_equal(mtr_store_end_dead_readers(), 0); /* of no store */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_dead_reader_is_ended_and_no_other)};
    if (!mkdtemp(directory)) return 1;
    snprintf(path, sizeof(path), "%s/rollups", directory);
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    char command[128];
    snprintf(command, sizeof(command), "rm -r %s", directory);
    return failed || system(command);
}
