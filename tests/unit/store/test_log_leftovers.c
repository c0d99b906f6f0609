/*
 * Identities on disk: what a sealing that a crash cut short left of them is no part of the segment, and goes when
 * it is sealed again; and what is damaged of them is no answer.
 */
#include "meterd/store/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/log_directory.h"

enum { NOW_US = 1700000000, BEFORE = 600, AFTER = 300, MANIFEST_BYTES_MAX = 1024 };

static struct mtr_log *open_log(const char *directory)
{
    const struct mtr_log_options options = small_options();
    struct mtr_diagnostic diagnostic;
    struct mtr_log *log;
    if (mtr_log_open(directory, &options, &log, &diagnostic)) fail_msg("%s", diagnostic.text);
    return log;
}

/* Every `step`th of the identities that there could be. */
static void seal(struct mtr_log *log, uint32_t count, uint32_t step)
{
    static struct mtr_log_identity records[BEFORE];
    for (uint32_t i = 0; i < count; i++)
        records[i] = (struct mtr_log_identity){.identity = {i * step, 7}, .digest = i * step, .seq_offset = i};
    assert_int_equal(mtr_log_seal(log, 1, records, count), MTR_OK);
}

static size_t read_manifest(const char *path, unsigned char bytes[MANIFEST_BYTES_MAX])
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    const size_t size = fread(bytes, 1, MANIFEST_BYTES_MAX, file);
    fclose(file);
    assert_in_range(size, 1, MANIFEST_BYTES_MAX - 1);
    return size;
}

static void write_manifest(const char *path, const unsigned char *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static int count_identities(void *context, const struct mtr_log_identity *records, uint64_t count)
{
    *(uint64_t *)context += count;
    for (uint64_t i = 0; i < count; i++) assert_int_equal(records[i].digest % 2, 0);
    return MTR_OK;
}

static void what_a_crash_left_of_a_sealing_goes(void **state)
{
    char directory[DIRECTORY_PATH_BYTES], path[2 * DIRECTORY_PATH_BYTES];
    unsigned char manifest[MANIFEST_BYTES_MAX];
    struct mtr_log_identity found;
    uint64_t first_seq, count = 0;
    (void)state;
    make_temporary(directory);
    struct mtr_log *log = open_log(directory);
    assert_int_equal(append_numbered(log, BEFORE, NOW_US, &first_seq), MTR_OK);
    assert_int_equal(mtr_log_roll(log, NOW_US), MTR_OK);
    snprintf(path, sizeof(path), "%s/manifest", directory);
    const size_t size = read_manifest(path, manifest);
    seal(log, BEFORE, 1);
    mtr_log_close(log);
    write_manifest(path, manifest, size); /* it never came to say that the segment is sealed */
    log = open_log(directory);
    assert_int_equal(mtr_log_find_identity(log, 1, (struct mtr_event_identity){1, 7}, &found), MTR_ENOTFOUND);
    seal(log, AFTER, 2);
    for (int again = 0; again < 2; again++) {
        assert_int_equal(mtr_log_find_identity(log, 1, (struct mtr_event_identity){1, 7}, &found), MTR_ENOTFOUND);
        assert_int_equal(mtr_log_find_identity(log, 1, (struct mtr_event_identity){2, 7}, &found), MTR_OK);
        assert_int_equal(mtr_log_walk_identities(log, 1, count_identities, &count), MTR_OK);
        mtr_log_close(log);
        log = open_log(directory);
    }
    assert_int_equal(count, 2 * AFTER);
    mtr_log_close(log);
    remove_tree(directory);
}

/* Changes the digest of that record in all copies of its page. */
static void damage_record(const char *path, uint64_t number)
{
    static unsigned char bytes[1 << 20];
    const uint64_t record[] = {number, 7, number}; /* in little-endian, as chunks are */
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    assert_int_equal(fread(bytes, 1, sizeof(bytes), file), sizeof(bytes));
    unsigned char *at = bytes, *found;
    for (; (found = memmem(at, (size_t)(bytes + sizeof(bytes) - at), record, sizeof(record))) != NULL; at = found + 1) found[16] ^= 1;
    assert_true(at > bytes);
    rewind(file);
    assert_int_equal(fwrite(bytes, 1, sizeof(bytes), file), sizeof(bytes));
    assert_int_equal(fclose(file), 0);
}

static int ignore_identities(void *context, const struct mtr_log_identity *records, uint64_t count)
{
    (void)context, (void)records, (void)count;
    return MTR_OK;
}

/* A start looks at the ends of sealed segments alone: the rest is looked at when it is asked for. */
static void what_is_damaged_is_no_answer(void **state)
{
    char directory[DIRECTORY_PATH_BYTES], path[2 * DIRECTORY_PATH_BYTES];
    struct mtr_log_identity found;
    uint64_t first_seq;
    (void)state;
    make_temporary(directory);
    struct mtr_log *log = open_log(directory);
    assert_int_equal(append_numbered(log, BEFORE, NOW_US, &first_seq), MTR_OK);
    assert_int_equal(mtr_log_roll(log, NOW_US), MTR_OK);
    seal(log, BEFORE, 1);
    mtr_log_close(log);
    snprintf(path, sizeof(path), "%s/000001/data.mdb", directory);
    damage_record(path, 100);
    log = open_log(directory);
    assert_int_equal(mtr_log_find_identity(log, 1, (struct mtr_event_identity){99, 7}, &found), MTR_ECORRUPT);
    assert_int_equal(mtr_log_find_identity(log, 1, (struct mtr_event_identity){BEFORE - 1, 7}, &found), MTR_OK);
    assert_int_equal(mtr_log_walk_identities(log, 1, ignore_identities, NULL), MTR_ECORRUPT);
    mtr_log_close(log);
    remove_tree(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_crash_left_of_a_sealing_goes),
        cmocka_unit_test(what_is_damaged_is_no_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
