/*
 * Open files of a log: a bound, however many segments there are, and a roll or a sealing that may open no more
 * is tried again, wherever it was refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <lmdb.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/store/log/log_internal.h"
#include "support/log_directory.h"

enum { NOW_US = 1700000000, FILES_MAX = 600, OPEN = FILES_MAX / 12, SEGMENTS = OPEN + 60, FILES_A_ROLL = 24 };

struct fixture {
    char directory[DIRECTORY_PATH_BYTES];
    struct mtr_log *log;
    struct mtr_log_options options;
    struct mtr_diagnostic diagnostic;
};

static void open_log(struct fixture *f)
{
    int rc = mtr_log_open(f->directory, &f->options, &f->log, &f->diagnostic);
    if (rc) fail_msg("%s: %s", mtr_error_name(rc), f->diagnostic.text);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    make_temporary_in_memory(f->directory);
    f->options = small_options();
    f->options.segment_bytes = 1 << 16;
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

/* How many are open, and the number that the next one gets. */
static rlim_t count_files(rlim_t *next)
{
    rlim_t count = 0;
    DIR *directory = opendir("/proc/self/fd");
    assert_non_null(directory);
    for (const struct dirent *entry; (entry = readdir(directory));) count += entry->d_name[0] != '.';
    closedir(directory);
    const int fd = dup(0);
    assert_true(fd >= 0);
    close(fd);
    *next = (rlim_t)fd;
    return count - 1; /* that of the directory itself */
}

static void append(struct fixture *f, uint32_t count)
{
    uint64_t first_seq;
    assert_int_equal(append_numbered(f->log, count, NOW_US, &first_seq), MTR_OK);
}

static struct mtr_log_identity identity_of(uint32_t segment)
{
    return (struct mtr_log_identity){.identity = {.high = segment, .low = 1}, .digest = segment};
}

static void seal(struct fixture *f, uint32_t segment)
{
    const struct mtr_log_identity record = identity_of(segment);
    assert_int_equal(mtr_log_seal(f->log, segment, &record, 1), MTR_OK);
}

static void check(struct fixture *f)
{
    struct mtr_log_reader *reader;
    uint64_t last_seq = 0;
    assert_int_equal(mtr_log_reader_attach(f->log, &reader), MTR_OK);
    int rc = mtr_log_verify(reader, &last_seq, &f->diagnostic);
    if (rc) fail_msg("%s", f->diagnostic.text);
    assert_int_equal(last_seq, mtr_log_last_seq(f->log));
    mtr_log_reader_close(reader);
}

static void read_all(struct mtr_log_reader *reader, uint64_t last_seq)
{
    struct mtr_diagnostic diagnostic;
    for (uint64_t seq = 1; seq <= last_seq;) {
        struct mtr_block_header header;
        const struct mtr_event *events;
        assert_int_equal(mtr_log_read(reader, seq, &header, &events, &diagnostic), MTR_OK);
        assert_int_equal(header.first_seq, seq);
        seq = header.first_seq + header.count;
    }
}

/* A quarter of what the process may open, and the two segments that are written to. */
static void assert_bounded(rlim_t before)
{
    rlim_t next;
    const rlim_t files = count_files(&next);
    if (files > before + 3 * (OPEN + 2))
        fail_msg("%llu files are open", (unsigned long long)files);
}

static void allow(rlim_t files)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = files;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static void many_segments_are_few_files(void **state)
{
    struct fixture *f = *state;
    struct mtr_log_reader *attached, *own;
    struct mtr_log_identity found;
    rlim_t next;
    mtr_log_close(f->log);
    const rlim_t none = count_files(&next);
    allow(FILES_MAX);
    open_log(f);
    for (uint32_t i = 1; i <= SEGMENTS; i++) {
        append(f, 1 + i % 3);
        assert_int_equal(mtr_log_roll(f->log, NOW_US), MTR_OK);
        seal(f, i);
        assert_bounded(none);
    }
    append(f, 1);
    assert_int_equal(mtr_log_reader_attach(f->log, &attached), MTR_OK);
    assert_int_equal(mtr_log_reader_open(f->directory, &own, &f->diagnostic), MTR_OK);
    for (int round = 0; round < 2; round++) {
        read_all(attached, mtr_log_last_seq(f->log));
        assert_bounded(none);
        for (uint32_t i = SEGMENTS; i; i--) {
            assert_int_equal(mtr_log_find_identity(f->log, i, identity_of(i).identity, &found), MTR_OK);
            assert_int_equal(found.digest, i);
        }
        assert_bounded(none);
    }
    mtr_log_give_files(f->log);
    assert_true(count_files(&next) <= none + 3 + 2); /* the open one and the lock; and what the process has */
    mtr_log_reader_close(attached);
    mtr_log_close(f->log); /* LMDB allows one open in a process */
    read_all(own, 1);
    assert_bounded(none);
    mtr_log_reader_close(own);
    assert_int_equal(count_files(&next), none);
    open_log(f);
    check(f);
}

/* `work` may open one file, two files, three, … until that is enough: before, it says so, and changes nothing
 * that matters. */
static unsigned try_with_files(struct fixture *f, int (*work)(struct fixture *f))
{
    struct rlimit limit, before;
    rlim_t next;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    limit = before;
    int rc = MTR_EFILES;
    unsigned more = 0;
    for (; rc; more++) {
        (void)count_files(&next);
        limit.rlim_cur = next + more;
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
        rc = work(f);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
        if (rc && rc != MTR_EFILES) fail_msg("with %u files more: %s", more, mtr_error_name(rc));
        assert_true(more < FILES_A_ROLL);
    }
    return more - 1;
}

static int roll(struct fixture *f) { return mtr_log_roll(f->log, NOW_US); }

static int append_one(struct fixture *f)
{
    uint64_t first_seq, last_seq = mtr_log_last_seq(f->log);
    int rc = append_numbered(f->log, 1000, NOW_US, &first_seq); /* more than the segment may have: it rolls */
    assert_int_equal(mtr_log_last_seq(f->log), rc ? last_seq : last_seq + 1000);
    return rc;
}

static int seal_second(struct fixture *f)
{
    const struct mtr_log_identity record = identity_of(2);
    int rc = mtr_log_seal(f->log, 2, &record, 1);
    return rc == MTR_EEXISTS ? MTR_OK : rc; /* all but the manifest was written by then; the next says it */
}

static void a_roll_waits_for_files(void **state)
{
    struct fixture *f = *state;
    struct mtr_log_segment segments[8];
    append(f, 10);
    assert_true(try_with_files(f, roll) >= 3);
    append(f, 10);
    assert_int_equal(mtr_log_prepare_next(f->log), MTR_OK);
    assert_true(try_with_files(f, append_one) >= 3);
    assert_int_equal(mtr_log_segments(f->log, segments, 8), 3);
    assert_int_equal(segments[2].first_seq, 21);
    check(f);
    mtr_log_close(f->log);
    open_log(f); /* a segment rolled before is open for reading only */
    assert_true(try_with_files(f, seal_second) >= 1);
    seal(f, 1);
    struct mtr_log_identity found;
    assert_int_equal(mtr_log_find_identity(f->log, 2, identity_of(2).identity, &found), MTR_OK);
    check(f);
    mtr_log_close(f->log);
    f->options.verify_all = true;
    open_log(f);
    assert_int_equal(mtr_log_segments(f->log, segments, 8), 3);
    assert_true(segments[0].sealed && segments[1].sealed && !segments[2].sealed);
}

static int read_first(struct fixture *f)
{
    struct mtr_log_reader *reader;
    struct mtr_block_header header;
    const struct mtr_event *events;
    assert_int_equal(mtr_log_reader_attach(f->log, &reader), MTR_OK);
    int rc = mtr_log_read(reader, 1, &header, &events, &f->diagnostic);
    mtr_log_reader_close(reader);
    if (rc) assert_non_null(strstr(f->diagnostic.text, "too many open files: raise LimitNOFILE"));
    return rc;
}

/* Those of segments that nobody is inside are given up for it. */
static void files_of_others_are_given_back(void **state)
{
    struct fixture *f = *state;
    struct rlimit limit, before;
    struct mtr_log_identity found;
    rlim_t next;
    for (uint32_t i = 1; i <= 8; i++) {
        append(f, 10);
        assert_int_equal(mtr_log_roll(f->log, NOW_US), MTR_OK);
        seal(f, i);
    }
    mtr_log_close(f->log);
    open_log(f);
    assert_true(try_with_files(f, read_first) >= 1);
    for (uint32_t i = 2; i <= 7; i++)
        assert_int_equal(mtr_log_find_identity(f->log, i, identity_of(i).identity, &found), MTR_OK);
    (void)count_files(&next);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    limit = before;
    limit.rlim_cur = next;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(mtr_log_find_identity(f->log, 8, identity_of(8).identity, &found), MTR_OK);
    append(f, 10);
    assert_int_equal(mtr_log_roll(f->log, NOW_US), MTR_OK);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    check(f);
}

enum { READERS = 3, FEW_FILES = 60, EARLY = 30, LATE = 60 };

struct reading {
    struct fixture *f;
    struct random_source random;
    atomic_bool *ends;
    const atomic_uint_least64_t *at; /* NULL: anywhere */
    unsigned reads;
};

static void *run_reader(void *context)
{
    struct reading *reading = context;
    struct mtr_log_reader *reader;
    MTR_ASSERT(!mtr_log_reader_attach(reading->f->log, &reader));
    while (!atomic_load(reading->ends) || reading->reads < 100) {
        struct mtr_block_header header;
        const struct mtr_event *events;
        struct mtr_diagnostic diagnostic = {0};
        const uint64_t seq = reading->at ? atomic_load(reading->at)
                                         : 1 + random_below(&reading->random, mtr_log_last_seq(reading->f->log));
        const int rc = mtr_log_read(reader, seq, &header, &events, &diagnostic);
        if (rc) fprintf(stderr, "event %llu: %s\n", (unsigned long long)seq, diagnostic.text);
        MTR_ASSERT(!rc && header.first_seq + header.count > seq);
        reading->reads++;
    }
    mtr_log_reader_close(reader);
    return NULL;
}

static void add_sealed(struct fixture *f, uint32_t number)
{
    append(f, 3);
    assert_int_equal(mtr_log_roll(f->log, NOW_US), MTR_OK);
    seal(f, number);
}

/* Segments are opened and closed all the time, for readers beside the writer, the sealer and retention. */
static void segments_are_closed_beside_readers(void **state)
{
    struct fixture *f = *state;
    pthread_t threads[READERS];
    struct reading readings[READERS];
    atomic_bool ends = false;
    uint32_t removed = 0;
    mtr_log_close(f->log);
    allow(FEW_FILES);
    open_log(f);
    for (uint32_t i = 1; i <= EARLY; i++) add_sealed(f, i);
    for (int i = 0; i < READERS; i++) {
        readings[i] = (struct reading){f, {(uint64_t)i + 1}, &ends, NULL, 0};
        assert_int_equal(pthread_create(&threads[i], NULL, run_reader, &readings[i]), 0);
    }
    for (uint32_t i = EARLY + 1; i <= EARLY + LATE; i++) {
        struct mtr_log_identity found;
        const uint32_t number = i - 1 - i % EARLY;
        add_sealed(f, i);
        assert_int_equal(mtr_log_find_identity(f->log, number, identity_of(number).identity, &found), MTR_OK);
        assert_int_equal(found.digest, number);
        if (i % 20 == 0)
            assert_int_equal(mtr_log_retain(f->log, NOW_US + 1, i - EARLY > 9 ? 3 * (i - EARLY - 9) : 0, &removed), MTR_OK);
    }
    atomic_store(&ends, true);
    for (int i = 0; i < READERS; i++) assert_int_equal(pthread_join(threads[i], NULL), 0);
    check(f);
}

/* What an earlier process rolled is open for reading: sealing waits for those who are inside, and for no more. */
static void a_segment_is_sealed_beside_readers(void **state)
{
    struct fixture *f = *state;
    pthread_t threads[READERS];
    struct reading readings[READERS];
    atomic_bool ends = false;
    atomic_uint_least64_t at = 1;
    allow(FILES_MAX); /* what is not sealed stays open */
    for (uint32_t i = 1; i <= EARLY; i++) {
        append(f, 3);
        assert_int_equal(mtr_log_roll(f->log, NOW_US), MTR_OK);
    }
    mtr_log_close(f->log);
    open_log(f);
    for (int i = 0; i < READERS; i++) {
        readings[i] = (struct reading){f, {(uint64_t)i + 1}, &ends, &at, 0};
        assert_int_equal(pthread_create(&threads[i], NULL, run_reader, &readings[i]), 0);
    }
    for (uint32_t i = 1; i <= EARLY; i++) {
        atomic_store(&at, 3 * i); /* all of them are in this one */
        for (int looks = 0; looks < 100; looks++) sched_yield();
        seal(f, i);
    }
    atomic_store(&ends, true);
    for (int i = 0; i < READERS; i++) assert_int_equal(pthread_join(threads[i], NULL), 0);
    check(f);
}

/* Another process that writes to the first segment: whoever opens it for writing waits until what is returned is closed. */
static int fork_writer(const struct fixture *f)
{
    int ends[2];
    char path[DIRECTORY_PATH_BYTES + 16], byte;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    snprintf(path, sizeof(path), "%s/000001", f->directory);
    const pid_t pid = fork();
    if (!pid) {
        MDB_env *env;
        MDB_txn *txn;
        close(ends[0]);
        if (mdb_env_create(&env) || mdb_env_open(env, path, MDB_NOTLS, 0600) || mdb_txn_begin(env, NULL, 0, &txn)) _exit(1);
        (void)!write(ends[1], "w", 1);
        (void)!read(ends[1], &byte, 1);
        mdb_txn_abort(txn);
        _exit(0);
    }
    assert_true(pid > 0);
    close(ends[1]);
    assert_int_equal(read(ends[0], &byte, 1), 1);
    return ends[0];
}

static void *seal_first(void *context)
{
    const struct mtr_log_identity record = identity_of(1);
    struct fixture *f = context;
    MTR_ASSERT(!mtr_log_seal(f->log, 1, &record, 1));
    return NULL;
}

static bool is_being_opened(struct mtr_log *log)
{
    pthread_mutex_lock(&log->set.mutex);
    const bool is_it = log->set.entries[0]->is_reopened;
    pthread_mutex_unlock(&log->set.mutex);
    return is_it;
}

/* To open for writing takes a sync, and as long as that takes: nobody waits for it who wants another segment. */
static void others_are_read_while_one_is_opened_for_writing(void **state)
{
    struct fixture *f = *state;
    struct mtr_log_identity found;
    pthread_t sealer;
    int status;
    allow(FILES_MAX);
    append(f, 10);
    assert_int_equal(mtr_log_roll(f->log, NOW_US), MTR_OK);
    append(f, 10);
    mtr_log_close(f->log);
    const int writer = fork_writer(f);
    open_log(f);
    assert_int_equal(pthread_create(&sealer, NULL, seal_first, f), 0);
    while (!is_being_opened(f->log)) sched_yield();
    struct mtr_log_reader *reader;
    struct mtr_block_header header;
    const struct mtr_event *events;
    assert_int_equal(mtr_log_reader_attach(f->log, &reader), MTR_OK);
    assert_int_equal(mtr_log_read(reader, 11, &header, &events, &f->diagnostic), MTR_OK);
    mtr_log_reader_close(reader);
    append(f, 10);
    close(writer);
    assert_int_equal(pthread_join(sealer, NULL), 0);
    assert_true(wait(&status) > 0 && status == 0);
    assert_int_equal(mtr_log_find_identity(f->log, 1, identity_of(1).identity, &found), MTR_OK);
    check(f);
}

/* Who is inside of a segment keeps it as it is until done: whoever wants to write to it waits. */
static void a_segment_stays_open_below_its_reader(void **state)
{
    struct fixture *f = *state;
    struct mtr_log_found inside;
    pthread_t sealer;
    allow(FILES_MAX);
    append(f, 10);
    assert_int_equal(mtr_log_roll(f->log, NOW_US), MTR_OK);
    append(f, 10);
    mtr_log_close(f->log);
    open_log(f);
    struct mtr_log_set *set = &f->log->set;
    assert_int_equal(log_set_acquire_number(set, 1, &inside, &f->diagnostic), MTR_OK);
    MDB_env *const env = inside.entry->env;
    assert_int_equal(pthread_create(&sealer, NULL, seal_first, f), 0);
    for (bool waits = false; !waits; sched_yield()) {
        pthread_mutex_lock(&set->mutex);
        waits = inside.entry->is_reopened;
        assert_ptr_equal(inside.entry->env, env);
        assert_false(inside.entry->record.sealed);
        pthread_mutex_unlock(&set->mutex);
    }
    log_set_release_entry(set, inside.entry);
    assert_int_equal(pthread_join(sealer, NULL), 0);
    check(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(many_segments_are_few_files, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_roll_waits_for_files, set_up, tear_down),
        cmocka_unit_test_setup_teardown(files_of_others_are_given_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(segments_are_closed_beside_readers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_segment_is_sealed_beside_readers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_segment_stays_open_below_its_reader, set_up, tear_down),
        cmocka_unit_test_setup_teardown(others_are_read_while_one_is_opened_for_writing, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
