/*
 * The check of a store's file: what is whole passes, also in slices and beside a process that commits; what is
 * not is told with its page or row. What damage at random comes to is in tests/fault/test_store_damage.c.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
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

#include "lib/store/page_check.h"
#include "tests/support/directory.h"

enum { ROWS = 3000, PAGE_BYTES = 4096, LIVE_CHECKS = 300 };

static const struct sealed_store store = {"samples", "look at them", "format", 4};
static const char *const names[] = {"meta", "rows", "small"};

struct fixture {
    char directory[DIRECTORY_PATH_BYTES];
    MDB_env *env;
    struct sealed_table tables[3];
};

static int open_env(struct fixture *f, struct mtr_diagnostic *diagnostic)
{
    const struct mtr_lmdb_options options = {
        .map_bytes = 1 << 28, .databases_max = 4, .store = &store};
    memset(diagnostic, 0, sizeof(*diagnostic));
    return lmdb_open(f->directory, &options, &f->env, diagnostic);
}

static MDB_txn *begin(struct fixture *f)
{
    MDB_txn *txn;
    assert_int_equal(mdb_txn_begin(f->env, NULL, 0, &txn), 0);
    return txn;
}

static void put(MDB_txn *txn, const struct sealed_table *table, const char *key, size_t size, int value)
{
    static char bytes[3 * PAGE_BYTES];
    snprintf(bytes, sizeof(bytes), "%d", value);
    MDB_val v = lmdb_val(bytes, size);
    assert_int_equal(sealed_put(txn, table, lmdb_val(key, strlen(key)), &v, 0), 0);
}

static void put_rows(struct fixture *f, int round)
{
    MDB_txn *txn = begin(f);
    char key[16];
    for (int i = 0; i < ROWS; i++) {
        snprintf(key, sizeof(key), "%05d", i * 7);
        put(txn, &f->tables[1], key, i % 500 ? 20 : 2 * PAGE_BYTES, i + round);
    }
    put(txn, &f->tables[2], "one", 3, 1);
    assert_int_equal(mdb_txn_commit(txn), 0);
}

static void open_tables(struct fixture *f)
{
    MDB_txn *txn = begin(f);
    for (int i = 0; i < 3; i++) assert_int_equal(sealed_table_open(txn, &store, names[i], true, &f->tables[i]), 0);
    put(txn, &f->tables[0], "format", 4, 1);
    assert_int_equal(mdb_txn_commit(txn), 0);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct mtr_diagnostic diagnostic;
    make_temporary_in_memory(f->directory);
    assert_int_equal(open_env(f, &diagnostic), 0);
    open_tables(f);
    put_rows(f, 0);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    if (f->env) lmdb_close(f->env);
    remove_tree(f->directory);
    free(f);
    return 0;
}

/* From the begin to the end, so many bytes at once; how often. */
static int scrub(struct fixture *f, uint64_t bytes_max, uint64_t *rows, int *slices, struct mtr_diagnostic *diagnostic)
{
    struct page_place place = {.is_begun = false};
    int rc;
    *rows = 0;
    *slices = 0;
    do {
        struct page_check_counts counts;
        rc = page_scrub(f->env, &store, bytes_max, &place, &counts, diagnostic);
        *rows += counts.rows;
        ++*slices;
    } while (!rc && place.is_begun);
    return rc;
}

/* Rows of `meta` are counted in each slice anew: it is looked there whether rows are sealed. */
static void slices_come_to_every_row_once(void **state)
{
    struct fixture *f = *state;
    struct page_check_counts counts;
    struct mtr_diagnostic diagnostic;
    uint64_t rows;
    int slices;
    assert_int_equal(page_check(f->env, &store, &counts, &diagnostic), 0);
    assert_int_equal(counts.rows, 1 + ROWS + 1);
    assert_int_equal(scrub(f, UINT64_MAX, &rows, &slices, &diagnostic), 0);
    assert_int_equal(slices, 1);
    assert_int_equal(rows, 1 + ROWS + 1);
    for (uint64_t bytes = 1; bytes <= 32 * PAGE_BYTES; bytes = 2 * bytes + 1) {
        assert_int_equal(scrub(f, bytes, &rows, &slices, &diagnostic), 0);
        assert_true(bytes > PAGE_BYTES || slices > ROWS);
        assert_int_equal(rows, 1 + ROWS + 1);
    }
}

/* Rows and tables may go and come between slices. */
static void a_place_may_be_gone(void **state)
{
    struct fixture *f = *state;
    struct page_place place = {.is_begun = false};
    struct page_check_counts counts;
    struct mtr_diagnostic diagnostic;
    for (int i = 0; i < 3; i++) assert_int_equal(page_scrub(f->env, &store, 8 * PAGE_BYTES, &place, &counts, &diagnostic), 0);
    assert_true(place.is_begun);
    assert_string_equal(place.table, "rows");
    MDB_txn *txn = begin(f);
    assert_int_equal(mdb_drop(txn, f->tables[1].dbi, 0), 0);
    put(txn, &f->tables[1], "99999", 3, 1);
    assert_int_equal(mdb_txn_commit(txn), 0);
    assert_int_equal(page_scrub(f->env, &store, UINT64_MAX, &place, &counts, &diagnostic), 0);
    assert_false(place.is_begun);
    assert_int_equal(counts.rows, 2);
}

/* Changes a byte of a value of that key, as it lies in the file. */
static void damage(struct fixture *f, const char *key)
{
    char path[96];
    static char bytes[1 << 22];
    snprintf(path, sizeof(path), "%s/data.mdb", f->directory);
    const int fd = open(path, O_RDWR);
    const ssize_t size = pread(fd, bytes, sizeof(bytes), 0);
    assert_true(fd >= 0 && size > 0 && (size_t)size < sizeof(bytes));
    int found = 0;
    const char *at = bytes;
    while ((at = memmem(at, (size_t)(bytes + size - at), key, strlen(key)))) {
        const char wrong = (char)(at[strlen(key)] ^ 1);
        assert_int_equal(pwrite(fd, &wrong, 1, at - bytes + (off_t)strlen(key)), 1);
        found++;
        at++;
    }
    assert_true(found > 0);
    close(fd);
}

static void a_damaged_row_is_named(void **state)
{
    struct fixture *f = *state;
    struct mtr_diagnostic diagnostic = {0};
    uint64_t rows;
    int slices;
    static const char text[] = "the samples are damaged: row 3037303037 of the table rows does not match its checksum: "
                               "look at them";
    damage(f, "07007");
    assert_int_equal(scrub(f, 8 * PAGE_BYTES, &rows, &slices, &diagnostic), MTR_ECORRUPT);
    assert_true(slices > 1);
    assert_string_equal(diagnostic.text, text);
    lmdb_close(f->env);
    f->env = NULL;
    assert_int_equal(open_env(f, &diagnostic), MTR_ECORRUPT);
    assert_string_equal(diagnostic.text, text);
    f->env = NULL;
}

/* ---- each guard by itself: one number is changed, and all else is as it was ---- */

enum { META_TXNID_AT = 144, ENTRIES_AT = 32, LEAF = 2, FLAGS_AT = 10 };

static int open_file(struct fixture *f)
{
    char path[96];
    snprintf(path, sizeof(path), "%s/data.mdb", f->directory);
    lmdb_close(f->env);
    f->env = NULL;
    const int fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    return fd;
}

static void add(int fd, off_t at, uint64_t what)
{
    uint64_t number;
    assert_int_equal(pread(fd, &number, sizeof(number), at), sizeof(number));
    number += what;
    assert_int_equal(pwrite(fd, &number, sizeof(number), at), sizeof(number));
}

static void assert_refused(struct fixture *f, int fd, const char *sentence)
{
    struct mtr_diagnostic diagnostic;
    close(fd);
    assert_int_equal(open_env(f, &diagnostic), MTR_ECORRUPT);
    f->env = NULL;
    if (!strstr(diagnostic.text, sentence)) fail_msg("\"%s\" does not say \"%s\"", diagnostic.text, sentence);
}

static void a_page_bears_its_number(void **state)
{
    struct fixture *f = *state;
    const int fd = open_file(f);
    uint16_t flags = 0;
    off_t page = 2 * PAGE_BYTES; /* all leaves, those of earlier commits too */
    for (; pread(fd, &flags, sizeof(flags), page + FLAGS_AT) == sizeof(flags); page += PAGE_BYTES)
        if (flags == LEAF) add(fd, page, 1);
    assert_refused(f, fd, "in the place of page ");
}

static void meta_pages_are_of_one_history(void **state)
{
    struct fixture *f = *state;
    uint64_t ids[2];
    const int fd = open_file(f);
    for (int i = 0; i < 2; i++) assert_int_equal(pread(fd, &ids[i], sizeof(*ids), i * PAGE_BYTES + META_TXNID_AT), sizeof(*ids));
    const off_t newer = (ids[1] > ids[0]) * PAGE_BYTES + META_TXNID_AT;
    add(fd, newer, 2); /* as if a commit between them were lost */
    assert_refused(f, fd, "the meta pages are not of one history");
}

/* What a transaction takes from the file's end and gives back is never written: the file may end before the last page. */
static void the_last_pages_may_never_have_been_written(void **state)
{
    struct fixture *f = *state;
    struct mtr_diagnostic diagnostic;
    struct stat status;
    MDB_envinfo info;
    char path[DIRECTORY_PATH_BYTES + 16];
    snprintf(path, sizeof(path), "%s/data.mdb", f->directory);
    for (int round = 0; round < 3; round++) {
        MDB_txn *txn = begin(f);
        put(txn, &f->tables[2], "one", 3, round);
        for (int i = 0; i < 40; i++) {
            char key[16];
            snprintf(key, sizeof(key), "big-%d", i);
            put(txn, &f->tables[2], key, 3 * PAGE_BYTES, i);
            MDB_val gone = lmdb_val(key, strlen(key));
            assert_int_equal(mdb_del(txn, f->tables[2].dbi, &gone, NULL), 0);
        }
        assert_int_equal(mdb_txn_commit(txn), 0);
    }
    assert_int_equal(mdb_env_info(f->env, &info), 0);
    assert_int_equal(stat(path, &status), 0);
    assert_true((uint64_t)status.st_size / PAGE_BYTES <= info.me_last_pgno);
    lmdb_close(f->env);
    f->env = NULL;
    if (open_env(f, &diagnostic)) fail_msg("%s", diagnostic.text);
    uint64_t rows;
    int slices;
    if (scrub(f, UINT64_MAX, &rows, &slices, &diagnostic)) fail_msg("%s", diagnostic.text);
}

static void rows_are_counted(void **state)
{
    struct fixture *f = *state;
    static char bytes[1 << 22];
    const int fd = open_file(f);
    const ssize_t size = pread(fd, bytes, sizeof(bytes), 0);
    int found = 0;
    for (const char *at = bytes; (at = memmem(at, (size_t)(bytes + size - at), "rows\0\0\0\0\0\0", 10)); at++, found++)
        add(fd, at + 4 + ENTRIES_AT - bytes, 1); /* behind the name, the root of that table */
    assert_true(found > 0);
    assert_refused(f, fd, "there are 3000 rows and should be 3001 of the table rows");
}

/* Another process commits all the time: what is checked is one commit of it, and there is nothing to say. */
static void a_check_beside_commits_finds_nothing(void **state)
{
    struct fixture *f = *state, reader = *f;
    struct mtr_diagnostic diagnostic;
    int status;
    lmdb_close(f->env);
    f->env = NULL;
    const pid_t pid = fork();
    if (!pid) {
        if (open_env(f, &diagnostic)) _exit(1);
        open_tables(f);
        for (int i = 0;; i++) put_rows(f, i);
    }
    for (int i = 0; i < LIVE_CHECKS; i++) {
        const struct mtr_lmdb_options options = {
            .map_bytes = 1 << 28, .databases_max = 4, .read_only = true, .store = &store};
        memset(&diagnostic, 0, sizeof(diagnostic));
        const int rc = lmdb_open(f->directory, &options, &reader.env, &diagnostic);
        if (rc) fail_msg("check %d: %s", i, diagnostic.text);
        lmdb_close(reader.env);
    }
    assert_int_equal(waitpid(pid, &status, WNOHANG), 0); /* it is still at it */
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(open_env(f, &diagnostic), 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(slices_come_to_every_row_once),
        CASE(a_place_may_be_gone),
        CASE(a_damaged_row_is_named),
        CASE(a_page_bears_its_number),
        CASE(meta_pages_are_of_one_history),
        CASE(the_last_pages_may_never_have_been_written),
        CASE(rows_are_counted),
        CASE(a_check_beside_commits_finds_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
