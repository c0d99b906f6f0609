/*
 * Events that are carried out of segments that retention takes: read in their place, once, whatever happens
 * between the copy and the removal, and given up when nobody waits for them.
 */
#include "meterd/store/log_carried.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "meterd/store/backup.h"
#include "support/log_directory.h"

enum { DAY = 100, EACH = 10, SEGMENTS = 4, PATH_BYTES = 128 };
#define US_OF(day) (INT64_C(1700000000000000) + (day) * INT64_C(86400000000))

struct fixture {
    char directory[64], path[PATH_BYTES];
    struct mtr_log *log;
    struct mtr_log_options options;
    struct mtr_diagnostic diagnostic;
};

static void open_log(struct fixture *f)
{
    const int rc = mtr_log_open(f->path, &f->options, &f->log, &f->diagnostic);
    if (rc) fail_msg("%s: %s", mtr_error_name(rc), f->diagnostic.text);
}

static void reopen(struct fixture *f)
{
    mtr_log_close(f->log);
    open_log(f);
}

/* Segments of one block each, a day apart: 1-10, 11-20, … The last one is open. */
static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    make_temporary(f->directory);
    snprintf(f->path, sizeof(f->path), "%s/log", f->directory);
    f->options = small_options();
    f->options.verify_all = true;
    open_log(f);
    for (int i = 0; i < SEGMENTS; i++) {
        uint64_t first_seq;
        if (i) {
            assert_int_equal(mtr_log_roll(f->log, US_OF(i)), MTR_OK);
            assert_int_equal(mtr_log_seal(f->log, (uint32_t)i, NULL, 0), MTR_OK);
        }
        assert_int_equal(append_numbered(f->log, EACH, US_OF(i), &first_seq), MTR_OK);
    }
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

static void carry(struct fixture *f, const uint64_t *seqs, uint32_t count)
{
    const int rc = mtr_log_carry(f->log, seqs, count, &f->diagnostic);
    if (rc) fail_msg("%s: %s", mtr_error_name(rc), f->diagnostic.text);
}
#define CARRY(f, ...)                                                                                        \
    carry(f, (const uint64_t[]){__VA_ARGS__}, sizeof((uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t))

static uint64_t carried(struct fixture *f)
{
    uint64_t events;
    assert_int_equal(mtr_log_count_carried(f->log, &events), MTR_OK);
    return events;
}

/* So many segments are gone then. */
static void retain(struct fixture *f, uint32_t segments)
{
    uint32_t removed;
    assert_int_equal(mtr_log_retain(f->log, US_OF(DAY), segments * EACH, &removed), MTR_OK);
    assert_int_equal(mtr_log_segments(f->log, NULL, 0), SEGMENTS - segments);
}

static char told[1024];

/* Each block that a reader gives, from the first event on: "2-3 @0" is one of two events of the first day. */
static const char *blocks(struct fixture *f, bool is_own, bool with_kept)
{
    struct mtr_log_reader *reader;
    struct mtr_block_header header;
    const struct mtr_event *events;
    int rc = is_own ? mtr_log_reader_open(f->path, &reader, &f->diagnostic)
                    : mtr_log_reader_attach(f->log, &reader);
    size_t size = 0;
    assert_int_equal(rc, MTR_OK);
    told[0] = '\0';
    for (uint64_t seq = 1;; seq = header.first_seq + header.count) {
        rc = with_kept ? mtr_log_read_kept(reader, seq, &header, &events, &f->diagnostic)
                       : mtr_log_read(reader, seq, &header, &events, &f->diagnostic);
        if (rc) break;
        for (uint32_t i = 0; i < header.count; i++) { /* what they say is what was said under that number */
            char id[32];
            snprintf(id, sizeof(id), "e-%llu", (unsigned long long)(header.first_seq + i));
            assert_true(mtr_str_equal(events[i].id, mtr_str_from(id)));
            assert_true(events[i].properties[0].number.mantissa == (mtr_int128)(header.first_seq + i));
        }
        size += (size_t)snprintf(told + size, sizeof(told) - size, "%llu-%llu @%lld ",
                                 (unsigned long long)header.first_seq,
                                 (unsigned long long)(header.first_seq + header.count - 1),
                                 (long long)((header.received_us - US_OF(0)) / INT64_C(86400000000)));
    }
    assert_int_equal(rc, MTR_ENOTFOUND);
    mtr_log_reader_close(reader);
    return told;
}

static const char all_blocks[] = "1-10 @0 11-20 @1 21-30 @2 31-40 @3 ";

static void what_is_carried_stands_in_its_place(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(carried(f), 0);
    assert_string_equal(blocks(f, false, true), all_blocks);
    CARRY(f, 2, 3, 5, 10, 11, 15);
    assert_int_equal(carried(f), 6);
    assert_string_equal(blocks(f, false, true), all_blocks); /* the segments say it, as long as they are there */
    retain(f, 1);
    assert_string_equal(blocks(f, false, true), "2-3 @0 5-5 @0 10-10 @0 11-20 @1 21-30 @2 31-40 @3 ");
    retain(f, 3);
    static const char kept[] = "2-3 @0 5-5 @0 10-10 @0 11-11 @1 15-15 @1 31-40 @3 ";
    assert_string_equal(blocks(f, false, true), kept);
    assert_string_equal(blocks(f, false, false), "31-40 @3 "); /* the log itself knows nothing of it */
    assert_string_equal(blocks(f, true, true), kept);
    assert_string_equal(blocks(f, true, false), "31-40 @3 ");
    reopen(f);
    assert_string_equal(blocks(f, false, true), kept);
    assert_int_equal(carried(f), 6);
}

/* As after a crash between the copy and the removal, or before either. */
static void twice_is_once(void **state)
{
    struct fixture *f = *state;
    CARRY(f, 2, 3);
    reopen(f);
    CARRY(f, 1, 2, 3, 4, 20);
    CARRY(f, 1, 2, 3, 4, 20);
    assert_int_equal(carried(f), 5);
    retain(f, 2);
    assert_string_equal(blocks(f, false, true), "1-1 @0 2-3 @0 4-4 @0 20-20 @1 21-30 @2 31-40 @3 ");
    CARRY(f, 1, 7, 19, 20); /* some have left the log, and were not carried */
    assert_int_equal(carried(f), 5);
}

static void what_is_due_is_told(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(mtr_log_retirable(f->log, US_OF(0)), 0);
    assert_int_equal(mtr_log_retirable(f->log, US_OF(0) + 1), 10);
    assert_int_equal(mtr_log_retirable(f->log, US_OF(2)), 20);
    assert_int_equal(mtr_log_retirable(f->log, US_OF(DAY)), 30); /* never the open one */
}

static uint64_t sweep(struct fixture *f, int64_t day, const uint64_t *wanted, uint32_t count)
{
    uint64_t done_seq;
    const struct mtr_log_sweep sweep = {.up_to_seq = UINT64_MAX,
                                        .wanted = wanted,
                                        .wanted_count = count,
                                        .now_us = US_OF(day),
                                        .spared_us = US_OF(1) - US_OF(0)};
    assert_int_equal(mtr_log_sweep_carried(f->log, &sweep, &done_seq), MTR_OK);
    assert_true(done_seq == UINT64_MAX);
    return carried(f);
}
#define SWEEP(f, day, ...)                                                                                   \
    sweep(f, day, (const uint64_t[]){0, __VA_ARGS__}, sizeof((uint64_t[]){0, __VA_ARGS__}) / sizeof(uint64_t))

static void what_nobody_waits_for_goes_a_day_later(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(SWEEP(f, 9, 2), 0); /* there is no store */
    CARRY(f, 2, 3, 5, 10, 11, 15);
    retain(f, 2);
    assert_int_equal(SWEEP(f, 10, 3, 5, 11), 6); /* 10 and 15 are noted; of 2-3 one is wanted */
    assert_int_equal(SWEEP(f, 10, 3, 5, 10, 11), 6); /* 10 is wanted again */
    assert_int_equal(SWEEP(f, 11, 3, 5, 11), 5);     /* 15 goes, 10 is noted */
    assert_string_equal(blocks(f, false, true), "2-3 @0 5-5 @0 10-10 @0 11-11 @1 21-30 @2 31-40 @3 ");
    reopen(f);
    assert_int_equal(SWEEP(f, 12, 3), 4); /* 10 */
    assert_int_equal(sweep(f, 12, NULL, 0), 4);
    assert_int_equal(sweep(f, 13, NULL, 0), 0);
    assert_string_equal(blocks(f, false, true), "21-30 @2 31-40 @3 ");
}

static void a_copy_of_the_log_has_them(void **state)
{
    struct fixture *f = *state, copy = *f;
    struct mtr_backup_log_counts counts;
    CARRY(f, 2, 13);
    retain(f, 1);
    snprintf(copy.path, sizeof(copy.path), "%s/copy", f->directory);
    assert_int_equal(mtr_backup_log(f->path, copy.path, NULL, &counts, &f->diagnostic), MTR_OK);
    assert_string_equal(blocks(&copy, true, true), "2-2 @0 11-20 @1 21-30 @2 31-40 @3 ");
    open_log(&copy);
    assert_int_equal(carried(&copy), 2);
    mtr_log_close(copy.log);
}

/* Events of another history come in the place of what was cut off: a copy of those before is not theirs. */
static void a_log_that_is_cut_has_none_of_behind(void **state)
{
    struct fixture *f = *state, copy = *f;
    uint64_t last_seq;
    CARRY(f, 2, 13, 22);
    snprintf(copy.path, sizeof(copy.path), "%s/copy", f->directory);
    assert_int_equal(mtr_backup_log_up_to(f->path, copy.path, 15, &last_seq, &f->diagnostic), MTR_OK);
    assert_int_equal(last_seq, 10);
    open_log(&copy);
    assert_int_equal(carried(&copy), 1);
    mtr_log_close(copy.log);
}

static void damage_is_found_at_the_start(void **state)
{
    struct fixture *f = *state;
    char path[PATH_BYTES + 32];
    CARRY(f, 2, 3, 5);
    mtr_log_close(f->log);
    snprintf(path, sizeof(path), "%s/carried/data.mdb", f->path);
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    static char bytes[1 << 20];
    const size_t size = fread(bytes, 1, sizeof(bytes), file);
    char *at = memmem(bytes, size, "MTRB", 4);
    assert_non_null(at);
    assert_int_equal(fseek(file, at - bytes + 40, SEEK_SET), 0);
    assert_int_equal(fputc(at[40] ^ 1, file) != EOF, 1);
    fclose(file);
    assert_int_equal(mtr_log_open(f->path, &f->options, &f->log, &f->diagnostic), MTR_ECORRUPT);
    assert_non_null(strstr(f->diagnostic.text, "carried events"));
    f->log = NULL;
    uint32_t count; /* and a repair does not say that the log is whole */
    assert_int_equal(mtr_log_unseal_damaged(f->path, true, &count, &f->diagnostic), MTR_ECORRUPT);
    assert_non_null(strstr(f->diagnostic.text, "restore a backup"));
}

/* Each by itself, and more than one transaction sweeps. */
static void many_are_carried_and_swept(void **state)
{
    enum { BLOCKS = 90, BLOCK_EVENTS = 2000, COUNT = BLOCKS * BLOCK_EVENTS / 2 };
    struct fixture *f = *state;
    static uint64_t seqs[COUNT];
    uint64_t first_seq, done_seq = 0;
    f->options.segment_bytes = 64 << 20;
    f->options.segment_events_max = 1 << 20;
    reopen(f);
    assert_int_equal(mtr_log_roll(f->log, US_OF(4)), MTR_OK);
    for (int i = 0; i < BLOCKS; i++)
        assert_int_equal(append_numbered(f->log, BLOCK_EVENTS, US_OF(4), &first_seq), MTR_OK);
    for (uint32_t i = 0; i < COUNT; i++) seqs[i] = SEGMENTS * EACH + 1 + 2 * i;
    carry(f, seqs, COUNT);
    assert_int_equal(carried(f), COUNT);
    struct mtr_log_sweep sweep = {.up_to_seq = UINT64_MAX, .now_us = US_OF(9), .spared_us = 1};
    for (int round = 0; round < 2; round++, sweep.now_us++) {
        int steps = 0;
        for (sweep.after_seq = 0; sweep.after_seq < UINT64_MAX; sweep.after_seq = done_seq, steps++)
            assert_int_equal(mtr_log_sweep_carried(f->log, &sweep, &done_seq), MTR_OK);
        assert_int_equal(steps, 2);
        assert_int_equal(carried(f), round ? 0 : COUNT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_carried_stands_in_its_place, set_up, tear_down),
        cmocka_unit_test_setup_teardown(twice_is_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_due_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_nobody_waits_for_goes_a_day_later, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_copy_of_the_log_has_them, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_log_that_is_cut_has_none_of_behind, set_up, tear_down),
        cmocka_unit_test_setup_teardown(damage_is_found_at_the_start, set_up, tear_down),
        cmocka_unit_test_setup_teardown(many_are_carried_and_swept, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
