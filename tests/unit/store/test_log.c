/*
 * The log: append and read, rolling, sealing, retention, opening again, one writer, readers beside the
 * writer.
 */
#include "meterd/store/log.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "support/log_directory.h"

enum { NOW_US = 1700000000, ROLLS = 60 };

struct fixture {
    char directory[64];
    struct mtr_log *log;
    struct mtr_log_options options;
    struct mtr_diagnostic diagnostic;
};

static void open_log(struct fixture *f)
{
    int rc = mtr_log_open(f->directory, &f->options, &f->log, &f->diagnostic);
    if (rc) fail_msg("%s: %s", mtr_error_name(rc), f->diagnostic.text);
}

static void reopen_log(struct fixture *f)
{
    mtr_log_close(f->log);
    f->log = NULL;
    open_log(f);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    make_temporary_in_memory(f->directory);
    f->options = small_options();
    open_log(f);
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

static void append(struct fixture *f, uint32_t count, int64_t now_us)
{
    uint64_t first_seq, expected = mtr_log_last_seq(f->log) + 1;
    assert_int_equal(append_numbered(f->log, count, now_us, &first_seq), MTR_OK);
    assert_int_equal(first_seq, expected);
    assert_int_equal(mtr_log_last_seq(f->log), expected + count - 1);
}

/* Reads from `seq` to the end and checks that each event is the one that was appended; returns the
 * sequence after the last. */
static uint64_t read_all(struct mtr_log_reader *reader, uint64_t seq)
{
    for (;;) {
        struct mtr_block_header header;
        const struct mtr_event *events;
        struct mtr_diagnostic diagnostic = {0};
        int rc = mtr_log_read(reader, seq, &header, &events, &diagnostic);
        if (rc == MTR_ENOTFOUND) return seq;
        if (rc) fail_msg("%s: %s", mtr_error_name(rc), diagnostic.text);
        assert_true(header.first_seq <= seq && header.first_seq + header.count > seq);
        struct mtr_arena arena;
        mtr_arena_init(&arena, 1 << 16, 1 << 28);
        struct mtr_event *expected = numbered_events(&arena, header.first_seq, header.count);
        for (uint32_t i = 0; i < header.count; i++) assert_true(events_equal(&events[i], &expected[i]));
        mtr_arena_release(&arena);
        seq = header.first_seq + header.count;
    }
}

static void verify_all(struct fixture *f)
{
    struct mtr_log_reader *reader;
    uint64_t last_seq = 0;
    assert_int_equal(mtr_log_reader_attach(f->log, &reader), MTR_OK);
    int rc = mtr_log_verify(reader, &last_seq, &f->diagnostic);
    if (rc) fail_msg("%s", f->diagnostic.text);
    assert_int_equal(last_seq, mtr_log_last_seq(f->log));
    mtr_log_reader_close(reader);
}

static void an_empty_log_has_nothing(void **state)
{
    struct fixture *f = *state;
    struct mtr_log_reader *reader;
    assert_int_equal(mtr_log_last_seq(f->log), 0);
    assert_false(mtr_log_would_roll(f->log, 100000, NOW_US * INT64_C(1000000)));
    assert_int_equal(mtr_log_roll(f->log, NOW_US), MTR_EAGAIN);
    assert_int_equal(mtr_log_reader_attach(f->log, &reader), MTR_OK);
    assert_int_equal(read_all(reader, 0), 0);
    mtr_log_reader_close(reader);
    reopen_log(f);
    assert_int_equal(mtr_log_last_seq(f->log), 0);
    verify_all(f);
}

static void what_is_appended_is_read_at_once_and_after_opening(void **state)
{
    struct fixture *f = *state;
    struct mtr_log_reader *reader;
    assert_int_equal(mtr_log_reader_attach(f->log, &reader), MTR_OK);
    for (uint32_t i = 0; i < 60; i++) {
        append(f, 1 + i, NOW_US + i);
        assert_int_equal(read_all(reader, 1), mtr_log_last_seq(f->log) + 1);
    }
    assert_int_equal(read_all(reader, 100), mtr_log_last_seq(f->log) + 1);
    mtr_log_reader_close(reader);
    uint64_t last = mtr_log_last_seq(f->log);
    reopen_log(f);
    assert_int_equal(mtr_log_last_seq(f->log), last);
    assert_int_equal(mtr_log_last_received_us(f->log), NOW_US + 59);
    append(f, 3, NOW_US);                                        /* the clock went back */
    assert_int_equal(mtr_log_last_received_us(f->log), NOW_US + 59); /* receive times do not */
    verify_all(f);
}

/* Each write fails, and none for lack of room. */
static int append_where_nothing_is_written(struct mtr_log *log, uint32_t count)
{
    struct rlimit before, none;
    uint64_t first_seq;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, SIG_IGN);
    none = before;
    none.rlim_cur = 0;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
    const int rc = append_numbered(log, count, NOW_US, &first_seq);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    return rc;
}

/* The manifest may name the next segment or not: appending to the one before could put blocks where no
 * manifest expects them. */
static void a_roll_of_unknown_outcome_ends_the_log(void **state)
{
    struct fixture *f = *state;
    uint64_t first_seq;
    append(f, 900, NOW_US);
    assert_int_equal(mtr_log_prepare_next(f->log), MTR_OK); /* so that the manifest is what is written first */
    assert_int_equal(append_where_nothing_is_written(f->log, 101), MTR_EIO);
    assert_int_equal(append_numbered(f->log, 1, NOW_US, &first_seq), MTR_ECLOSED);
    reopen_log(f);
    assert_int_equal(mtr_log_last_seq(f->log), 900);
    append(f, 101, NOW_US);
    verify_all(f);
}

/* It may be on the disk or not: what came behind it could follow on either. */
static void a_commit_of_unknown_outcome_ends_the_log(void **state)
{
    struct fixture *f = *state;
    uint64_t first_seq;
    append(f, 10, NOW_US);
    assert_int_equal(append_where_nothing_is_written(f->log, 1), MTR_EIO);
    assert_int_equal(append_numbered(f->log, 1, NOW_US, &first_seq), MTR_ECLOSED);
    assert_int_equal(mtr_log_roll(f->log, NOW_US), MTR_ECLOSED);
    reopen_log(f);
    assert_in_range(mtr_log_last_seq(f->log), 10, 11);
    append(f, 1, NOW_US);
    verify_all(f);
}

struct sealing {
    struct mtr_log *log;
    _Atomic uint32_t rolled;
    uint32_t sealed;
    int rc;
};

static void *seal_what_was_rolled(void *context)
{
    struct sealing *sealing = context;
    struct mtr_log_identity record = {.identity = {1, 2}};
    while (sealing->sealed < ROLLS && !sealing->rc) {
        if (sealing->sealed == atomic_load(&sealing->rolled)) continue;
        sealing->rc = mtr_log_seal(sealing->log, ++sealing->sealed, &record, 1);
    }
    return NULL;
}

/* Both write the manifest: neither may write down a state that the other is halfway through. */
static void sealing_and_rolling_go_on_at_once(void **state)
{
    struct fixture *f = *state;
    struct sealing sealing = {.log = f->log};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, seal_what_was_rolled, &sealing), 0);
    for (uint32_t i = 0; i < ROLLS; i++) {
        append(f, 1, NOW_US);
        assert_int_equal(mtr_log_roll(f->log, NOW_US), MTR_OK);
        atomic_store(&sealing.rolled, i + 1);
    }
    pthread_join(thread, NULL);
    assert_int_equal(sealing.rc, MTR_OK);
    verify_all(f);
    reopen_log(f);
    assert_int_equal(mtr_log_last_seq(f->log), ROLLS);
}

static void segments_roll_by_events_age_and_size(void **state)
{
    struct fixture *f = *state;
    struct mtr_log_segment segments[64];
    append(f, 900, NOW_US);
    assert_false(mtr_log_would_roll(f->log, 100, NOW_US));
    assert_true(mtr_log_would_roll(f->log, 101, NOW_US));
    append(f, 101, NOW_US); /* rolls by itself */
    assert_int_equal(mtr_log_segments(f->log, segments, 64), 2);
    assert_int_equal(segments[0].last_seq, 900);
    assert_int_equal(segments[1].first_seq, 901);
    assert_false(segments[0].sealed);
    assert_false(mtr_log_would_roll(f->log, 1, NOW_US + f->options.segment_age_us - 1));
    assert_true(mtr_log_would_roll(f->log, 1, NOW_US + f->options.segment_age_us));
    assert_int_equal(mtr_log_roll(f->log, NOW_US), MTR_OK);
    assert_int_equal(mtr_log_segments(f->log, segments, 64), 3);
    assert_int_equal(segments[2].first_seq, 0);
    f->options.segment_events_max = UINT64_C(1) << 40;
    reopen_log(f);
    /* about 1.5 MB of identities and blocks a thousand blocks */
    for (int i = 0; i < 200; i++) append(f, 500, NOW_US);
    uint32_t count = mtr_log_segments(f->log, segments, 64);
    assert_true(count > 4 && count < 20);
    for (uint32_t i = 1; i < count; i++)
        assert_int_equal(segments[i].first_seq, segments[i - 1].last_seq + 1);
    for (uint32_t i = 1; i <= count; i++) {
        char path[128];
        struct stat status;
        snprintf(path, sizeof(path), "%s/%06u/data.mdb", f->directory, i);
        assert_int_equal(stat(path, &status), 0);
        assert_int_equal(status.st_size, f->options.segment_bytes); /* nothing grew */
    }
    struct mtr_log_reader *reader;
    assert_int_equal(mtr_log_reader_attach(f->log, &reader), MTR_OK);
    assert_int_equal(read_all(reader, 1), mtr_log_last_seq(f->log) + 1);
    mtr_log_reader_close(reader);
    verify_all(f);
}

static struct mtr_log_identity identity_of(uint64_t n)
{
    return (struct mtr_log_identity){.identity = {.high = n / 3, .low = n * 7},
                                     .digest = n ^ 0x5555,
                                     .seq_offset = (uint32_t)n,
                                     .flags = n % 5 == 0};
}

static int count_identities(void *context, const struct mtr_log_identity *records, uint64_t count)
{
    uint64_t *seen = context;
    for (uint64_t i = 0; i < count; i++) {
        struct mtr_log_identity expected = identity_of((*seen)++ * 2);
        assert_memory_equal(&records[i], &expected, sizeof(expected));
    }
    return MTR_OK;
}

static void seal(struct fixture *f, uint32_t segment, uint64_t count)
{
    struct mtr_log_identity *records = calloc(count + 1, sizeof(*records));
    assert_non_null(records);
    for (uint64_t i = 0; i < count; i++) records[i] = identity_of(i * 2); /* the odd ones are absent */
    assert_int_equal(mtr_log_seal(f->log, segment, records, count), MTR_OK);
    free(records);
}

static void check_identities(struct fixture *f, uint32_t segment, uint64_t count)
{
    uint64_t seen = 0;
    struct mtr_log_identity found;
    for (uint64_t i = 0; i < count; i++) {
        struct mtr_log_identity expected = identity_of(i * 2);
        assert_int_equal(mtr_log_find_identity(f->log, segment, expected.identity, &found), MTR_OK);
        assert_memory_equal(&found, &expected, sizeof(found));
        assert_int_equal(mtr_log_find_identity(f->log, segment, identity_of(i * 2 + 1).identity, &found),
                         MTR_ENOTFOUND);
    }
    assert_int_equal(mtr_log_walk_identities(f->log, segment, count_identities, &seen), MTR_OK);
    assert_int_equal(seen, count);
}

static void sealed_identities_are_found(void **state)
{
    struct fixture *f = *state;
    static const uint64_t counts[] = {0, 1, 254, 255, 256, 600};
    struct mtr_log_identity found;
    for (uint32_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
        append(f, 700, NOW_US);
        assert_int_equal(mtr_log_seal(f->log, i + 1, NULL, 0), MTR_ENOTFOUND); /* still open */
        assert_int_equal(mtr_log_roll(f->log, NOW_US), MTR_OK);
        assert_int_equal(mtr_log_find_identity(f->log, i + 1, identity_of(0).identity, &found),
                         MTR_ENOTFOUND);
        if (i % 2) reopen_log(f); /* sealing what an earlier process rolled */
        seal(f, i + 1, counts[i]);
        check_identities(f, i + 1, counts[i]);
        assert_int_equal(mtr_log_seal(f->log, i + 1, NULL, 0), MTR_EEXISTS);
    }
    verify_all(f);
    f->options.verify_all = true;
    reopen_log(f);
    for (uint32_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) check_identities(f, i + 1, counts[i]);
    struct mtr_log_identity unordered[2] = {identity_of(4), identity_of(4)};
    append(f, 1, NOW_US);
    assert_int_equal(mtr_log_roll(f->log, NOW_US), MTR_OK);
    assert_int_equal(mtr_log_seal(f->log, 7, unordered, 2), MTR_EINVALID);
    assert_int_equal(mtr_log_seal(f->log, 99, NULL, 0), MTR_ENOTFOUND);
}

static void retention_drops_whole_segments(void **state)
{
    struct fixture *f = *state;
    struct mtr_log_segment segments[8];
    struct mtr_log_reader *reader;
    uint32_t removed = 99;
    for (uint32_t i = 1; i <= 4; i++) {
        append(f, 100, NOW_US + i);
        assert_int_equal(mtr_log_roll(f->log, NOW_US), MTR_OK);
        if (i != 3) seal(f, i, 10);
    }
    assert_int_equal(mtr_log_retain(f->log, NOW_US + 1, 1000, &removed), MTR_OK);
    assert_int_equal(removed, 0); /* received at NOW_US + 1 is not before it */
    assert_int_equal(mtr_log_retain(f->log, NOW_US + 100, 99, &removed), MTR_OK);
    assert_int_equal(removed, 0); /* not consumed */
    assert_int_equal(mtr_log_retain(f->log, NOW_US + 100, 1000, &removed), MTR_OK);
    assert_int_equal(removed, 2); /* the third is not sealed */
    assert_int_equal(mtr_log_segments(f->log, segments, 8), 3);
    assert_int_equal(segments[0].number, 3);
    char path[128];
    snprintf(path, sizeof(path), "%s/000001", f->directory);
    assert_int_equal(access(path, F_OK), -1);
    for (int round = 0; round < 2; round++) {
        struct mtr_block_header header;
        const struct mtr_event *events;
        assert_int_equal(mtr_log_reader_attach(f->log, &reader), MTR_OK);
        assert_int_equal(mtr_log_read(reader, 5, &header, &events, &f->diagnostic), MTR_OK);
        assert_int_equal(header.first_seq, 201); /* the first retained */
        assert_int_equal(read_all(reader, 201), 401);
        mtr_log_reader_close(reader);
        verify_all(f);
        f->options.verify_all = true;
        reopen_log(f);
    }
}

/* While the manifest names a segment its files stay, so that the next start finds them. */
static void a_manifest_that_cannot_be_written_keeps_segments(void **state)
{
    struct fixture *f = *state;
    struct mtr_log_reader *reader;
    char blocker[96];
    uint32_t removed;
    for (uint32_t i = 1; i <= 2; i++) {
        append(f, 100, NOW_US);
        assert_int_equal(mtr_log_roll(f->log, NOW_US), MTR_OK);
        seal(f, i, 10);
    }
    snprintf(blocker, sizeof(blocker), "%s/manifest.new", f->directory);
    assert_int_equal(mkdir(blocker, 0700), 0);
    assert_int_not_equal(mtr_log_retain(f->log, NOW_US + 1, 200, &removed), MTR_OK);
    assert_int_equal(rmdir(blocker), 0);
    reopen_log(f);
    assert_int_equal(mtr_log_reader_attach(f->log, &reader), MTR_OK);
    assert_int_equal(read_all(reader, 1), 201);
    mtr_log_reader_close(reader);
    assert_int_equal(mtr_log_retain(f->log, NOW_US + 1, 200, &removed), MTR_OK);
    assert_int_equal(removed, 2);
}

static int retain_meanwhile(void *context, const struct mtr_log_identity *records, uint64_t count)
{
    struct fixture *f = context;
    uint32_t removed;
    assert_true(records && count);
    assert_int_equal(mtr_log_retain(f->log, NOW_US + 1, 100, &removed), MTR_OK);
    assert_int_equal(removed, 0);
    return MTR_OK;
}

static void a_segment_stays_while_somebody_reads_it(void **state)
{
    struct fixture *f = *state;
    append(f, 100, NOW_US);
    assert_int_equal(mtr_log_roll(f->log, NOW_US), MTR_OK);
    seal(f, 1, 10);
    assert_int_equal(mtr_log_walk_identities(f->log, 1, retain_meanwhile, f), MTR_OK);
}

static void a_second_writer_is_refused(void **state)
{
    struct fixture *f = *state;
    struct mtr_log *second;
    assert_int_equal(mtr_log_open(f->directory, &f->options, &second, &f->diagnostic), MTR_EEXISTS);
    assert_non_null(strstr(f->diagnostic.text, f->directory));
    append(f, 1, NOW_US);
}

/* A reader in another process, beside the writer, through rolls and retention. */
static void a_reader_of_another_process_follows(void **state)
{
    struct fixture *f = *state;
    int to_child[2], to_parent[2];
    char byte = 0;
    assert_int_equal(pipe(to_child), 0);
    assert_int_equal(pipe(to_parent), 0);
    append(f, 300, NOW_US);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct mtr_log_reader *reader;
        struct mtr_diagnostic diagnostic;
        close(to_child[1]);
        if (mtr_log_reader_open(f->directory, &reader, &diagnostic)) _exit(2);
        uint64_t seq = 1, last_seq;
        while (read(to_child[0], &byte, 1) == 1) {
            seq = read_all(reader, seq);
            if (write(to_parent[1], &seq, sizeof(seq)) != sizeof(seq)) _exit(3);
        }
        int rc = mtr_log_verify(reader, &last_seq, &diagnostic);
        mtr_log_reader_close(reader);
        _exit(rc || last_seq != seq - 1 ? 4 : 0);
    }
    close(to_child[0]);
    close(to_parent[1]); /* so that a child that died is an end of file */
    for (int i = 0; i < 12; i++) {
        uint64_t seq;
        append(f, 400, NOW_US);
        assert_int_equal(write(to_child[1], &byte, 1), 1);
        assert_int_equal(read(to_parent[0], &seq, sizeof(seq)), sizeof(seq));
        assert_int_equal(seq, mtr_log_last_seq(f->log) + 1);
    }
    close(to_child[1]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    close(to_parent[0]);
}

static void a_spare_is_made_once_and_used(void **state)
{
    struct fixture *f = *state;
    char path[128];
    snprintf(path, sizeof(path), "%s/spare/data.mdb", f->directory);
    assert_int_equal(mtr_log_prepare_next(f->log), MTR_OK);
    assert_int_equal(mtr_log_prepare_next(f->log), MTR_OK);
    assert_int_equal(access(path, F_OK), 0);
    append(f, 5, NOW_US);
    reopen_log(f);
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(mtr_log_roll(f->log, NOW_US), MTR_OK);
    assert_int_equal(access(path, F_OK), -1);
    append(f, 5, NOW_US);
    verify_all(f);
}

static void too_many_events_is_a_limit_and_harmless(void **state)
{
    struct fixture *f = *state;
    uint64_t first_seq;
    struct mtr_event *events = calloc(MTR_BLOCK_EVENTS_MAX + 1, sizeof(*events));
    assert_non_null(events);
    assert_int_equal(mtr_log_append(f->log, events, MTR_BLOCK_EVENTS_MAX + 1, NOW_US, &first_seq),
                     MTR_ELIMIT);
    free(events);
    append(f, 2, NOW_US);
}

static void no_log_is_not_found(void **state)
{
    struct fixture *f = *state;
    struct mtr_log_reader *reader;
    assert_int_equal(mtr_log_reader_open("/tmp/meterd-test-no-such-log", &reader, &f->diagnostic),
                     MTR_ENOTFOUND);
    assert_non_null(strstr(f->diagnostic.text, "no-such-log"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_empty_log_has_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_appended_is_read_at_once_and_after_opening, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(segments_roll_by_events_age_and_size, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_roll_of_unknown_outcome_ends_the_log, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_commit_of_unknown_outcome_ends_the_log, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sealing_and_rolling_go_on_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sealed_identities_are_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(retention_drops_whole_segments, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_manifest_that_cannot_be_written_keeps_segments, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_segment_stays_while_somebody_reads_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_second_writer_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_reader_of_another_process_follows, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_spare_is_made_once_and_used, set_up, tear_down),
        cmocka_unit_test_setup_teardown(too_many_events_is_a_limit_and_harmless, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_log_is_not_found, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
