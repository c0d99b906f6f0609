/*
 * A writer that was killed behind its commit and before readers were told of it, while another process had the
 * store open: who opens it next goes on behind that commit.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <lmdb.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/log_directory.h"

enum { NOW_US = 1700000000, TXNID_AT = 48 /* in LMDB's lock file, behind a mutex */, MAP_BYTES = 1 << 27 };

static char directory[64], segment[96];

static MDB_env *open_raw(unsigned flags)
{
    MDB_env *env;
    if (mdb_env_create(&env) || mdb_env_set_mapsize(env, MAP_BYTES) || mdb_env_open(env, segment, MDB_NOTLS | flags, 0600)) _exit(1);
    return env;
}

/* Another process, as a backup that runs: the lock file is not begun anew. It ends when what is returned is closed. */
static int fork_holder(void)
{
    int ends[2];
    char byte;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    const pid_t pid = fork();
    if (!pid) {
        close(ends[0]);
        open_raw(MDB_RDONLY);
        (void)!write(ends[1], "r", 1);
        (void)!read(ends[1], &byte, 1);
        _exit(0);
    }
    assert_true(pid > 0);
    close(ends[1]);
    assert_int_equal(read(ends[0], &byte, 1), 1);
    return ends[0];
}

/* What a commit does last is to tell readers of it, and then to give the mutex back. */
static void fork_dead_writer(void)
{
    int status;
    const pid_t pid = fork();
    if (!pid) {
        char path[128];
        MDB_txn *txn;
        if (mdb_txn_begin(open_raw(0), NULL, 0, &txn)) _exit(1);
        snprintf(path, sizeof(path), "%s/lock.mdb", segment);
        char *lock = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, open(path, O_RDWR), 0);
        size_t told;
        memcpy(&told, lock + TXNID_AT, sizeof(told));
        if (told != mdb_txn_id(txn) - 1) _exit(2); /* LMDB has it elsewhere */
        told--;
        memcpy(lock + TXNID_AT, &told, sizeof(told));
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void the_log_goes_on_behind_its_last_commit(void **state)
{
    const struct mtr_log_options options = small_options();
    struct mtr_diagnostic diagnostic;
    struct mtr_log *log;
    uint64_t first_seq, last_seq;
    int status;
    (void)state;
    assert_int_equal(mtr_log_open(directory, &options, &log, &diagnostic), MTR_OK);
    for (int i = 0; i < 3; i++) assert_int_equal(append_numbered(log, 10, NOW_US, &first_seq), MTR_OK);
    mtr_log_close(log);
    const int holder = fork_holder();
    fork_dead_writer();
    assert_int_equal(mtr_log_open(directory, &options, &log, &diagnostic), MTR_OK);
    assert_int_equal(mtr_log_last_seq(log), 30);
    assert_int_equal(append_numbered(log, 980, NOW_US, &first_seq), MTR_OK); /* a segment of its own */
    assert_int_equal(first_seq, 31);
    mtr_log_close(log);
    close(holder);
    assert_true(wait(&status) > 0);
    assert_int_equal(mtr_log_open(directory, &options, &log, &diagnostic), MTR_OK);
    last_seq = mtr_log_last_seq(log);
    mtr_log_close(log);
    assert_int_equal(last_seq, 1010);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_log_goes_on_behind_its_last_commit)};
    make_temporary(directory);
    snprintf(segment, sizeof(segment), "%s/000001", directory);
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    remove_tree(directory);
    return failed;
}
