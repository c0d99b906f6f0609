/*
 * Damage and crashes: flipped bits, swapped pages, cut and missing files, a wrong manifest, kill -9 of a
 * writer, a full disk. Each is found with its position or survived, and never takes this process down.
 */
#include "meterd/store/log.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include <cmocka.h>

#include "support/log_directory.h"

enum { NOW_US = 1700000000, PAGE_BYTES = 4096 };
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { FLIPS = 60 };
#else
enum { FLIPS = 400 };
#endif

struct fixture {
    char directory[64];
    struct mtr_log_options options;
    struct mtr_diagnostic diagnostic;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    make_temporary(f->directory);
    f->options = small_options();
    f->options.verify_all = true;
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    remove_tree(f->directory);
    free(f);
    return 0;
}

/* Three segments: sealed, rolled, open; of a few blocks each, small ones (inside a leaf) and large ones
 * (pages of their own). */
static void make_log_at(struct fixture *f, int64_t now_us)
{
    struct mtr_log *log;
    uint64_t first_seq;
    struct mtr_log_identity records[300];
    assert_int_equal(mtr_log_open(f->directory, &f->options, &log, &f->diagnostic), MTR_OK);
    for (int segment = 0; segment < 3; segment++) {
        for (uint32_t i = 0; i < 4; i++)
            assert_int_equal(append_numbered(log, i == 2 ? 400 : 3, now_us, &first_seq), MTR_OK);
        if (segment < 2) assert_int_equal(mtr_log_roll(log, now_us), MTR_OK);
    }
    for (uint32_t i = 0; i < 300; i++)
        records[i] = (struct mtr_log_identity){.identity = {i, i}, .digest = i, .seq_offset = i};
    assert_int_equal(mtr_log_seal(log, 1, records, 300), MTR_OK);
    mtr_log_close(log);
}

static void make_log(struct fixture *f) { make_log_at(f, NOW_US); }

static void path_of(const struct fixture *f, const char *name, char path[128])
{
    snprintf(path, 128, "%s/%s", f->directory, name);
}

static int try_open(struct fixture *f)
{
    struct mtr_log *log;
    memset(&f->diagnostic, 0, sizeof(f->diagnostic));
    int rc = mtr_log_open(f->directory, &f->options, &log, &f->diagnostic);
    if (!rc) mtr_log_close(log);
    return rc;
}

static void assert_corrupt(struct fixture *f, const char *where)
{
    int rc = try_open(f);
    if (rc != MTR_ECORRUPT) fail_msg("%s is %s: %s", where, mtr_error_name(rc), f->diagnostic.text);
    if (!strstr(f->diagnostic.text, where)) fail_msg("\"%s\" does not say %s", f->diagnostic.text, where);
}

static unsigned char *read_bytes(const char *path, size_t size)
{
    unsigned char *bytes = malloc(size);
    int fd = open(path, O_RDONLY);
    assert_non_null(bytes);
    assert_true(fd >= 0);
    assert_int_equal(read(fd, bytes, size), (ssize_t)size);
    close(fd);
    return bytes;
}

static void write_at(const char *path, off_t offset, const void *bytes, size_t size)
{
    int fd = open(path, O_WRONLY);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, bytes, size, offset), (ssize_t)size);
    close(fd);
}

static void flip(const char *path, uint64_t bit)
{
    unsigned char byte;
    int fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &byte, 1, (off_t)(bit / 8)), 1);
    byte ^= (unsigned char)(1u << bit % 8);
    assert_int_equal(pwrite(fd, &byte, 1, (off_t)(bit / 8)), 1);
    close(fd);
}

/* Where whole blocks stand in the file: from each magic to as many bytes as its header says, when the hash
 * is right. */
static uint64_t next_block(const unsigned char *file, size_t size, uint64_t from, uint64_t *block_size)
{
    for (uint64_t at = from; at + 64 < size; at++) {
        if (memcmp(file + at, "MTRB", 4) != 0) continue;
        uint32_t stored, ids;
        memcpy(&stored, file + at + 36, 4);
        memcpy(&ids, file + at + 40, 4);
        *block_size = 64 + (uint64_t)stored + ids + 16;
        struct mtr_block_header header;
        if (*block_size > size - at) continue;
        if (mtr_block_read_header((struct mtr_str){(const char *)file + at, *block_size}, &header) == MTR_OK)
            return at;
    }
    return 0;
}

/* Older copies of a leaf stand in the file beside the live one, so all copies of a block get the same
 * flip. (test_block flips every bit of a block; here it is FLIPS bits through LMDB and recovery.) */
static void flipped_bits_of_blocks_are_found(void **state)
{
    struct fixture *f = *state;
    make_log(f);
    assert_int_equal(try_open(f), MTR_OK);
    struct random_source random = {.state = 77};
    print_message("seed 77\n");
    for (int i = 0; i < FLIPS; i++) {
        char path[128], where[32];
        snprintf(where, sizeof(where), "segment %06d", 1 + i % 3);
        snprintf(path, sizeof(path), "%s/%06d/data.mdb", f->directory, 1 + i % 3);
        unsigned char *file = read_bytes(path, f->options.segment_bytes);
        uint64_t blocks[64], sizes[64], count = 0;
        for (uint64_t at = 0; count < 64; at = blocks[count++] + 4) {
            blocks[count] = next_block(file, f->options.segment_bytes, at, &sizes[count]);
            if (!blocks[count]) break;
        }
        assert_true(count > 0);
        uint64_t chosen = random_below(&random, count);
        uint64_t bit = random_below(&random, sizes[chosen] * 8);
        uint64_t done[64], done_count = 0;
        for (uint64_t k = 0; k < count; k++)
            if (sizes[k] == sizes[chosen] && memcmp(file + blocks[k], file + blocks[chosen], sizes[k]) == 0)
                done[done_count++] = blocks[k] * 8 + bit;
        for (uint64_t k = 0; k < done_count; k++) flip(path, done[k]);
        assert_corrupt(f, where);
        for (uint64_t k = 0; k < done_count; k++) flip(path, done[k]);
        free(file);
    }
    assert_int_equal(try_open(f), MTR_OK);
}

/* Anywhere in the pages in use: found, or without effect because the bit is in no live byte; then
 * everything is still there. */
static void flipped_bits_anywhere_never_crash_or_lose(void **state)
{
    struct fixture *f = *state;
    make_log(f);
    struct random_source random = {.state = 78};
    print_message("seed 78\n");
    int found = 0;
    for (int i = 0; i < FLIPS; i++) {
        char path[128];
        snprintf(path, sizeof(path), "%s/%06d/data.mdb", f->directory, 1 + i % 3);
        uint64_t bit = i % 4 ? random_below(&random, UINT64_C(24) * PAGE_BYTES * 8)
                             /* the meta pages */
                             : random_below(&random, 2) * PAGE_BYTES * 8 + random_below(&random, 152 * 8);
        flip(path, bit);
        struct mtr_log *log;
        int rc = mtr_log_open(f->directory, &f->options, &log, &f->diagnostic);
        assert_true(rc == MTR_OK || rc == MTR_ECORRUPT || rc == MTR_EVERSION);
        if (!rc) {
            assert_int_equal(mtr_log_last_seq(log), 3 * 409);
            mtr_log_close(log);
        }
        found += rc != 0;
        flip(path, bit);
    }
    print_message("%d of %d flips found, the others hit no live byte\n", found, FLIPS);
    assert_int_equal(try_open(f), MTR_OK);
}

static void swapped_pages_are_found(void **state)
{
    struct fixture *f = *state;
    char path[128];
    make_log(f);
    path_of(f, "000003/data.mdb", path);
    unsigned char *file = read_bytes(path, f->options.segment_bytes);
    int found = 0;
    for (off_t a = 2; a < 12; a++) {
        for (off_t b = a + 1; b < 12; b++) {
            write_at(path, a * PAGE_BYTES, file + b * PAGE_BYTES, PAGE_BYTES);
            write_at(path, b * PAGE_BYTES, file + a * PAGE_BYTES, PAGE_BYTES);
            struct mtr_log *log;
            int rc = mtr_log_open(f->directory, &f->options, &log, &f->diagnostic);
            if (!rc) {
                assert_int_equal(mtr_log_last_seq(log), 3 * 409); /* both were unused */
                mtr_log_close(log);
            } else {
                assert_int_equal(rc, MTR_ECORRUPT);
                found++;
            }
            write_at(path, 0, file, 12 * PAGE_BYTES);
        }
    }
    assert_true(found > 0);
    free(file);
}

static void cut_and_missing_files_are_found(void **state)
{
    struct fixture *f = *state;
    char path[128], away[128];
    make_log(f);
    for (int i = 1; i <= 3; i++) {
        char where[32];
        snprintf(where, sizeof(where), "segment %06d", i);
        snprintf(path, sizeof(path), "%s/%06d", f->directory, i);
        path_of(f, "away", away);
        assert_int_equal(rename(path, away), 0);
        assert_corrupt(f, where);
        assert_int_equal(rename(away, path), 0);
        snprintf(path, sizeof(path), "%s/%06d/data.mdb", f->directory, i);
        unsigned char *file = read_bytes(path, f->options.segment_bytes);
        static const off_t sizes[] = {
            0, 100, PAGE_BYTES, 2 * PAGE_BYTES, 3 * PAGE_BYTES, 3 * PAGE_BYTES + 17};
        for (size_t k = 0; k < sizeof(sizes) / sizeof(*sizes); k++) {
            assert_int_equal(truncate(path, sizes[k]), 0);
            assert_corrupt(f, where);
            assert_int_equal(truncate(path, (off_t)f->options.segment_bytes), 0);
            write_at(path, 0, file, f->options.segment_bytes);
        }
        free(file);
    }
    assert_int_equal(try_open(f), MTR_OK);
}

static void a_wrong_manifest_is_found(void **state)
{
    struct fixture *f = *state;
    char path[128], away[128];
    struct stat status;
    make_log(f);
    path_of(f, "manifest", path);
    path_of(f, "away", away);
    assert_int_equal(stat(path, &status), 0);
    for (uint64_t bit = 0; bit < (uint64_t)status.st_size * 8; bit++) {
        flip(path, bit);
        assert_corrupt(f, "manifest");
        flip(path, bit);
    }
    assert_int_equal(rename(path, away), 0);
    assert_corrupt(f, "manifest"); /* segments without one are not a new log */
    assert_int_equal(rename(away, path), 0);
    struct mtr_log *log;
    assert_int_equal(mtr_log_open(f->directory, &f->options, &log, &f->diagnostic), MTR_OK);
    unsigned char *old = read_bytes(path, (size_t)status.st_size);
    uint64_t first_seq;
    assert_int_equal(mtr_log_roll(log, NOW_US), MTR_OK);
    assert_int_equal(append_numbered(log, 1, NOW_US, &first_seq), MTR_OK);
    mtr_log_close(log);
    assert_int_equal(truncate(path, status.st_size), 0);
    write_at(path, 0, old, (size_t)status.st_size);
    free(old);
    assert_corrupt(f, "segment 000004"); /* the manifest is older than the segments */
}

static void what_a_crashed_roll_leaves_is_removed(void **state)
{
    struct fixture *f = *state;
    char from[128], to[128];
    struct mtr_log *log;
    make_log(f);
    assert_int_equal(mtr_log_open(f->directory, &f->options, &log, &f->diagnostic), MTR_OK);
    assert_int_equal(mtr_log_prepare_next(log), MTR_OK);
    mtr_log_close(log);
    path_of(f, "spare", from);
    path_of(f, "000004", to);
    assert_int_equal(rename(from, to), 0);
    assert_int_equal(mkdir(from, 0700), 0);
    path_of(f, "spare.new", from);
    assert_int_equal(mkdir(from, 0700), 0);
    assert_int_equal(try_open(f), MTR_OK);
    assert_int_equal(access(to, F_OK), -1);
    assert_int_equal(access(from, F_OK), -1);
}

/* Damage of a live log, below the writer: the reader says so. */
static void a_reader_finds_damage_too(void **state)
{
    struct fixture *f = *state;
    struct mtr_log_reader *reader;
    struct mtr_block_header header;
    const struct mtr_event *events;
    char path[128];
    make_log(f);
    path_of(f, "000002/data.mdb", path);
    unsigned char *file = read_bytes(path, f->options.segment_bytes);
    uint64_t size, at = 0;
    while ((at = next_block(file, f->options.segment_bytes, at + 1, &size)) != 0)
        flip(path, (at + size - 20) * 8);
    free(file);
    assert_int_equal(mtr_log_reader_open(f->directory, &reader, &f->diagnostic), MTR_OK);
    assert_int_equal(mtr_log_read(reader, 1, &header, &events, &f->diagnostic), MTR_OK);
    assert_int_equal(mtr_log_read(reader, 410, &header, &events, &f->diagnostic), MTR_ECORRUPT);
    assert_non_null(strstr(f->diagnostic.text, "segment 000002, block at sequence 410"));
    uint64_t last_seq;
    assert_int_equal(mtr_log_verify(reader, &last_seq, &f->diagnostic), MTR_ECORRUPT);
    assert_non_null(strstr(f->diagnostic.text, "segment 000002, block at sequence 410"));
    mtr_log_reader_close(reader);
}

/* Whole, and with the sequences that are wanted. */
static void a_segment_of_another_log_is_found(void **state)
{
    struct fixture *f = *state, other = *f;
    struct mtr_log_reader *reader;
    struct mtr_block_header header = {.first_seq = 1};
    const struct mtr_event *events;
    char paths[2][128];
    make_temporary(other.directory);
    make_log(f);
    make_log_at(&other, NOW_US + 1);
    for (int i = 0; i < 2; i++) path_of(i ? f : &other, "000003", paths[i]);
    remove_tree(paths[1]);
    assert_int_equal(rename(paths[0], paths[1]), 0);
    remove_tree(other.directory);
    assert_corrupt(f, "segment 000003, block at sequence 819: does not follow");
    assert_int_equal(mtr_log_reader_open(f->directory, &reader, &f->diagnostic), MTR_OK);
    while (header.first_seq + header.count < 819)
        assert_int_equal(mtr_log_read(reader, header.first_seq + header.count, &header, &events, &f->diagnostic), MTR_OK);
    assert_int_equal(mtr_log_read(reader, 819, &header, &events, &f->diagnostic), MTR_ECORRUPT);
    mtr_log_reader_close(reader);
}

enum { SEGMENTS_MAX = 512 };

/* Those of before the last one, too, which whoever was killed behind the roll has left: retention stops at one
 * that is not sealed. */
static int seal_rolled(struct mtr_log *log)
{
    struct mtr_log_segment segments[SEGMENTS_MAX];
    const struct mtr_log_identity record = {.identity = {1, 1}};
    const uint32_t count = mtr_log_segments(log, segments, SEGMENTS_MAX);
    if (count > SEGMENTS_MAX) return MTR_EINVALID;
    for (uint32_t i = 0; i + 1 < count; i++) {
        int rc = segments[i].sealed ? MTR_OK : mtr_log_seal(log, segments[i].number, &record, 1);
        if (rc) return rc;
    }
    return MTR_OK;
}

/* Appends until killed; tells each acknowledged sequence through the pipe. Rolls often and seals what it
 * rolled. */
static _Noreturn void run_writer(struct fixture *f, int fd)
{
    struct mtr_log *log;
    uint64_t first_seq;
    if (mtr_log_open(f->directory, &f->options, &log, &f->diagnostic)) _exit(9);
    for (uint32_t i = 0;; i++) {
        if (append_numbered(log, 1 + i * 7 % 50, NOW_US, &first_seq)) _exit(8);
        uint64_t acknowledged = mtr_log_last_seq(log);
        if (write(fd, &acknowledged, sizeof(acknowledged)) != sizeof(acknowledged)) _exit(7);
        if (i % 5 != 4) continue;
        uint32_t removed;
        if (mtr_log_roll(log, NOW_US)) _exit(6);
        if (seal_rolled(log)) _exit(5);
        if (acknowledged > 300 && mtr_log_retain(log, INT64_MAX, acknowledged - 300, &removed)) _exit(4);
    }
}

static void a_killed_writer_loses_nothing_acknowledged(void **state)
{
    struct fixture *f = *state;
    struct random_source random = {.state = 4711};
    uint64_t acknowledged = 0;
    print_message("seed 4711\n");
    f->options.segment_bytes = 1 << 17;
    for (int round = 0; round < 20; round++) {
        int fds[2], status;
        uint64_t seq, target = acknowledged + 1 + random_below(&random, 900);
        assert_int_equal(pipe(fds), 0);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) run_writer(f, fds[1]);
        close(fds[1]);
        while (acknowledged < target && read(fds[0], &seq, sizeof(seq)) == sizeof(seq)) acknowledged = seq;
        /* into the middle of something */
        for (uint64_t turns = random_below(&random, 3000); turns > 0; turns--) sched_yield();
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, &status, 0), child);
        if (!WIFSIGNALED(status)) fail_msg("round %d: the writer ended with %d", round, WEXITSTATUS(status));
        while (read(fds[0], &seq, sizeof(seq)) == sizeof(seq)) acknowledged = seq;
        close(fds[0]);
        struct mtr_log *log;
        int rc = mtr_log_open(f->directory, &f->options, &log, &f->diagnostic);
        if (rc) fail_msg("round %d: %s", round, f->diagnostic.text);
        assert_true(mtr_log_last_seq(log) >= acknowledged);
        assert_true(mtr_log_last_seq(log) <= acknowledged + 50); /* at most the block in flight */
        acknowledged = mtr_log_last_seq(log);
        mtr_log_close(log);
    }
}

/* A small file system of its own, filled up and freed again. */
static void a_full_disk_is_an_answer(void **state)
{
    struct fixture *f = *state;
    struct mtr_log *log;
    char ballast[128];
    uint64_t first_seq, stored = 0;
    if (mount("tmpfs", f->directory, "tmpfs", 0, "size=6m")) {
        print_message("skipped: cannot mount a tmpfs here (%s)\n", strerror(errno));
        skip();
    }
    f->options.segment_events_max = 1000000;
    int rc = mtr_log_open(f->directory, &f->options, &log, &f->diagnostic);
    if (rc) fail_msg("%s", f->diagnostic.text);
    path_of(f, "ballast", ballast);
    int fd = open(ballast, O_WRONLY | O_CREAT, 0600);
    char zeros[PAGE_BYTES] = {0};
    while (write(fd, zeros, sizeof(zeros)) == sizeof(zeros)) continue;
    close(fd);
    /* What is preallocated goes on working; then the roll finds no room. */
    while ((rc = append_numbered(log, 500, NOW_US, &first_seq)) == MTR_OK) stored += 500;
    assert_int_equal(rc, MTR_EFULL);
    assert_true(stored > 0);
    assert_int_equal(mtr_log_last_seq(log), stored);
    assert_int_equal(append_numbered(log, 1, NOW_US, &first_seq), MTR_EFULL);
    assert_int_equal(unlink(ballast), 0);
    assert_int_equal(append_numbered(log, 500, NOW_US, &first_seq), MTR_OK);
    assert_int_equal(first_seq, stored + 1);
    mtr_log_close(log);
    assert_int_equal(try_open(f), MTR_OK);
    umount(f->directory);
}

/* A block larger than what is preallocated, on a disk without room: nothing is stored and the log goes on. */
static void a_block_that_finds_no_room_is_not_stored(void **state)
{
    struct fixture *f = *state;
    struct mtr_log *log;
    uint64_t first_seq;
    if (mount("tmpfs", f->directory, "tmpfs", 0, "size=1536k")) {
        print_message("skipped: cannot mount a tmpfs here (%s)\n", strerror(errno));
        skip();
    }
    int rc = mtr_log_open(f->directory, &f->options, &log, &f->diagnostic);
    if (rc) fail_msg("%s", f->diagnostic.text);
    assert_int_equal(append_numbered(log, 5, NOW_US, &first_seq), MTR_OK);
    struct mtr_arena arena;
    struct random_source random = {.state = 5};
    mtr_arena_init(&arena, 1 << 20, 1 << 28);
    f->options.segment_events_max = 100000;
    struct mtr_event *events = numbered_events(&arena, 6, 900);
    /* 3.6 MB, ids are not compressed */
    for (uint32_t i = 0; i < 900; i++) events[i].id = random_text(&random, &arena, 4000);
    assert_int_equal(mtr_log_append(log, events, 900, NOW_US, &first_seq), MTR_EFULL);
    mtr_arena_release(&arena);
    assert_int_equal(mtr_log_last_seq(log), 5);
    assert_int_equal(append_numbered(log, 5, NOW_US, &first_seq), MTR_OK);
    assert_int_equal(first_seq, 6);
    mtr_log_close(log);
    assert_int_equal(try_open(f), MTR_OK);
    umount(f->directory);
}

static int tear_down_mount(void **state)
{
    struct fixture *f = *state;
    umount2(f->directory, MNT_DETACH); /* of a test that failed in the middle */
    return tear_down(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(flipped_bits_of_blocks_are_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(flipped_bits_anywhere_never_crash_or_lose, set_up, tear_down),
        cmocka_unit_test_setup_teardown(swapped_pages_are_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(cut_and_missing_files_are_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_wrong_manifest_is_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_a_crashed_roll_leaves_is_removed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_reader_finds_damage_too, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_segment_of_another_log_is_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_killed_writer_loses_nothing_acknowledged, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_full_disk_is_an_answer, set_up, tear_down_mount),
        cmocka_unit_test_setup_teardown(a_block_that_finds_no_room_is_not_stored, set_up, tear_down_mount),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
