/*
 * Copies of a log in use: what was rolled and sealed since the manifest was read, and what another copy has.
 */
#include "meterd/store/backup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "lib/store/log/log_manifest.h"
#include "support/log_directory.h"

enum { NOW_US = 1700000000, EACH = 10, PATH_BYTES = 128 };

struct fixture {
    char directory[64];
    char from[PATH_BYTES], to[PATH_BYTES], next[PATH_BYTES];
    struct mtr_log *log;
    struct mtr_log_options options;
    struct mtr_diagnostic diagnostic;
};

static void open_log(struct fixture *f, const char *directory)
{
    const int rc = mtr_log_open(directory, &f->options, &f->log, &f->diagnostic);
    if (rc) fail_msg("%s: %s", mtr_error_name(rc), f->diagnostic.text);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    make_temporary(f->directory);
    snprintf(f->from, sizeof(f->from), "%s/from", f->directory);
    snprintf(f->to, sizeof(f->to), "%s/to", f->directory);
    snprintf(f->next, sizeof(f->next), "%s/next", f->directory);
    f->options = small_options();
    f->options.verify_all = true;
    open_log(f, f->from);
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

static void append_at(struct fixture *f, int64_t now_us)
{
    uint64_t first_seq;
    assert_int_equal(append_numbered(f->log, EACH, now_us, &first_seq), MTR_OK);
}

static void append(struct fixture *f)
{
    append_at(f, NOW_US);
}

static void seal(struct fixture *f, uint32_t segment)
{
    struct mtr_log_identity records[EACH];
    for (uint32_t i = 0; i < EACH; i++)
        records[i] = (struct mtr_log_identity){.identity = {segment, i}, .digest = i, .seq_offset = i};
    assert_int_equal(mtr_log_seal(f->log, segment, records, EACH), MTR_OK);
}

static struct mtr_backup_log_counts copy(struct fixture *f, const char *to, const char *since)
{
    struct mtr_backup_log_counts counts;
    const int rc = mtr_backup_log(f->from, to, since, &counts, &f->diagnostic);
    if (rc) fail_msg("%s: %s", mtr_error_name(rc), f->diagnostic.text);
    return counts;
}

/* It opens, has so many events, and takes more. */
static void check_copy(struct fixture *f, const char *directory, uint64_t last_seq)
{
    mtr_log_close(f->log);
    open_log(f, directory);
    assert_int_equal(mtr_log_last_seq(f->log), last_seq);
    append(f);
    mtr_log_close(f->log);
    open_log(f, directory);
    assert_int_equal(mtr_log_last_seq(f->log), last_seq + EACH);
}

/* The manifest says that a segment is open, which was rolled and sealed before it was copied. */
static void a_segment_that_was_sealed_meanwhile_is_open_in_the_copy(void **state)
{
    struct fixture *f = *state;
    struct mtr_manifest early = {0};
    append(f);
    assert_int_equal(mtr_log_roll(f->log, NOW_US), MTR_OK);
    append(f);
    assert_int_equal(manifest_read(f->from, &early, &f->diagnostic), MTR_OK);
    append(f);
    assert_int_equal(mtr_log_roll(f->log, NOW_US), MTR_OK);
    append(f);
    seal(f, 1);
    struct mtr_log_identity records[2 * EACH];
    for (uint32_t i = 0; i < 2 * EACH; i++)
        records[i] = (struct mtr_log_identity){.identity = {2, i}, .digest = i, .seq_offset = i};
    assert_int_equal(mtr_log_seal(f->log, 2, records, 2 * EACH), MTR_OK);
    assert_int_equal(manifest_write(f->from, &early), MTR_OK); /* as it was read then */
    manifest_release(&early);
    const struct mtr_backup_log_counts counts = copy(f, f->to, NULL);
    assert_true(counts.copied == 2 && counts.linked == 0);
    check_copy(f, f->to, 3 * EACH);
}

static int assert_private(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)kind;
    (void)walk;
    if (status->st_mode & 077) fail_msg("%s has mode %o", path, (unsigned)status->st_mode & 07777);
    return 0;
}

/* Whatever the umask is. */
static void a_copy_is_its_owners_alone(void **state)
{
    struct fixture *f = *state;
    append(f);
    const mode_t usual = umask(0);
    copy(f, f->to, NULL);
    umask(usual);
    assert_int_equal(nftw(f->to, assert_private, 8, FTW_PHYS), 0);
}

/* Those that are sealed in both are linked; not those that were rolled or open when the other was made. */
static void sealed_segments_of_another_copy_are_linked(void **state)
{
    struct fixture *f = *state;
    struct stat a, b;
    char path[PATH_BYTES + 32];
    for (int i = 0; i < 3; i++) {
        append(f);
        assert_int_equal(mtr_log_roll(f->log, NOW_US), MTR_OK);
    }
    append(f);
    seal(f, 1);
    seal(f, 2);
    struct mtr_backup_log_counts counts = copy(f, f->to, NULL);
    assert_true(counts.copied == 4 && counts.linked == 0);
    seal(f, 3);
    assert_int_equal(mtr_log_roll(f->log, NOW_US), MTR_OK);
    append(f);
    counts = copy(f, f->next, f->to);
    assert_true(counts.copied == 3 && counts.linked == 2);
    for (uint32_t i = 1; i <= 3; i++) {
        snprintf(path, sizeof(path), "%s/%06u/data.mdb", f->to, i);
        assert_int_equal(stat(path, &a), 0);
        snprintf(path, sizeof(path), "%s/%06u/data.mdb", f->next, i);
        assert_int_equal(stat(path, &b), 0);
        assert_int_equal(a.st_ino == b.st_ino, i < 3);
    }
    check_copy(f, f->next, 5 * EACH);
    check_copy(f, f->to, 4 * EACH); /* nothing was written to what both have */
    check_copy(f, f->next, 6 * EACH);
}

/* Of another log, whose segments have the same numbers and identities, and other blocks: nothing is. */
static void segments_of_another_log_are_copied(void **state)
{
    struct fixture *f = *state;
    append(f);
    assert_int_equal(mtr_log_roll(f->log, NOW_US), MTR_OK);
    seal(f, 1);
    append(f);
    copy(f, f->to, NULL);
    mtr_log_close(f->log);
    remove_tree(f->from);
    open_log(f, f->from);
    append_at(f, NOW_US + 1);
    assert_int_equal(mtr_log_roll(f->log, NOW_US + 1), MTR_OK);
    seal(f, 1);
    append_at(f, NOW_US + 1);
    const struct mtr_backup_log_counts counts = copy(f, f->next, f->to);
    assert_true(counts.copied == 2 && counts.linked == 0);
    check_copy(f, f->next, 2 * EACH);
}

/* Of blocks of ten events each, in three segments, two of them sealed. */
static void a_copy_ends_with_the_last_block_up_to_an_event(void **state)
{
    static const struct {
        uint64_t up_to, last_seq;
    } rows[] = {{10, 10}, {11, 10}, {19, 10}, {20, 20}, {29, 20}, {30, 30}, {45, 40}, {50, 50}, {99, 50}, {UINT64_MAX, 50}, {9, 0}};
    struct fixture *f = *state;
    for (int i = 0; i < 2; i++) {
        append(f);
        append(f);
        assert_int_equal(mtr_log_roll(f->log, NOW_US), MTR_OK);
    }
    append(f);
    struct mtr_log_identity records[2 * EACH];
    for (uint32_t segment = 1; segment <= 2; segment++) {
        for (uint32_t i = 0; i < 2 * EACH; i++)
            records[i] = (struct mtr_log_identity){.identity = {segment, i}, .digest = i, .seq_offset = i};
        assert_int_equal(mtr_log_seal(f->log, segment, records, 2 * EACH), MTR_OK);
    }
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        uint64_t last_seq = 1;
        if (i) remove_tree(f->to);
        const int rc = mtr_backup_log_up_to(f->from, f->to, rows[i].up_to, &last_seq, &f->diagnostic);
        if (rc) fail_msg("%s: %s", mtr_error_name(rc), f->diagnostic.text);
        assert_int_equal(last_seq, rows[i].last_seq);
        check_copy(f, f->to, last_seq);
    }
    remove_tree(f->to);
    uint64_t last_seq;
    assert_int_equal(mtr_backup_log_up_to(f->from, f->to, 0, &last_seq, &f->diagnostic), MTR_EINVALID);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_segment_that_was_sealed_meanwhile_is_open_in_the_copy),
        CASE(a_copy_is_its_owners_alone),
        CASE(sealed_segments_of_another_copy_are_linked),
        CASE(segments_of_another_log_are_copied),
        CASE(a_copy_ends_with_the_last_block_up_to_an_event),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
