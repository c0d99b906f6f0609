/*
 * A golden segment: a log of one sealed and one open segment as version 1 wrote it, its manifest and its data
 * files without the free pages behind them. Today's reader, recovery and writer take it.
 * METERD_GOLDEN_WRITE=1 writes it anew, which only a new format version may do (docs/formats.md). Run from
 * the repository's root.
 */
#include "meterd/store/log.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "support/log_directory.h"

/* LMDB's pages are the machine's own: the golden files are of a little-endian one, as every machine is
 * that meterd runs on. */
static const char *const golden = "tests/golden/log_v1";
static const char *const files[] = {"manifest", "000001/data.mdb", "000002/data.mdb"};
enum {
    FILE_COUNT = sizeof(files) / sizeof(*files),
    PAGE_BYTES = 4096,
    FILE_BYTES_MAX = 1 << 20 /* small_options' segment */
};

/* Received at these times, as blocks of so many events; the third begins the second segment. */
static const struct {
    int64_t received_us;
    uint32_t count;
} blocks[] = {{1700000000000000, 3}, {1700000000500000, 2}, {1700000001000000, 4}};
enum { BLOCK_COUNT = 3, SEALED_SEQ = 5, LAST_SEQ = 9 };

static const struct mtr_log_identity identities[] = {
    {.identity = {1, 5}, .digest = 50, .seq_offset = 4},
    {.identity = {2, 1}, .digest = 51, .seq_offset = 0, .flags = 1},
    {.identity = {2, 2}, .digest = 52, .seq_offset = 2},
};
enum { IDENTITY_COUNT = sizeof(identities) / sizeof(*identities) };

static size_t read_file(const char *directory, const char *name, char bytes[FILE_BYTES_MAX])
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", directory, name);
    FILE *file = fopen(path, "rb");
    if (!file) fail_msg("%s is missing", path);
    size_t size = fread(bytes, 1, FILE_BYTES_MAX, file);
    fclose(file);
    return size;
}

static void write_file(const char *directory, const char *name, const char *bytes, size_t size)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", directory, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static void make_directories(const char *directory)
{
    static const char *const names[] = {"", "/000001", "/000002"};
    char path[256];
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof(path), "%s%s", directory, names[i]);
        mkdir(path, 0755);
    }
}

static struct mtr_log *open_log(const char *directory)
{
    struct mtr_diagnostic diagnostic;
    struct mtr_log_options options = small_options();
    struct mtr_log *log;
    options.verify_all = true;
    if (mtr_log_open(directory, &options, &log, &diagnostic)) fail_msg("%s", diagnostic.text);
    return log;
}

static void make_log(const char *directory)
{
    struct mtr_log *log = open_log(directory);
    uint64_t first_seq;
    for (int i = 0; i < BLOCK_COUNT; i++) {
        if (i == 2) assert_int_equal(mtr_log_roll(log, blocks[i].received_us), MTR_OK);
        assert_int_equal(append_numbered(log, blocks[i].count, blocks[i].received_us, &first_seq), MTR_OK);
    }
    assert_int_equal(mtr_log_seal(log, 1, identities, IDENTITY_COUNT), MTR_OK);
    mtr_log_close(log);
}

/* Free pages behind the last one in use are zeros: they are cut off. */
static void copy_files(const char *from, const char *to)
{
    static char bytes[FILE_BYTES_MAX];
    make_directories(to);
    for (int i = 0; i < FILE_COUNT; i++) {
        size_t size = read_file(from, files[i], bytes);
        while (size >= PAGE_BYTES && size % PAGE_BYTES == 0) {
            size_t zeros = 0;
            while (zeros < PAGE_BYTES && bytes[size - 1 - zeros] == 0) zeros++;
            if (zeros < PAGE_BYTES) break;
            size -= PAGE_BYTES;
        }
        write_file(to, files[i], bytes, size);
    }
}

static void check_events(struct mtr_log_reader *reader)
{
    struct mtr_diagnostic diagnostic;
    uint64_t seq = 1;
    for (int i = 0; i < BLOCK_COUNT; i++) {
        struct mtr_block_header header;
        const struct mtr_event *events;
        struct mtr_arena arena;
        if (mtr_log_read(reader, seq, &header, &events, &diagnostic)) fail_msg("%s", diagnostic.text);
        assert_true(header.first_seq == seq && header.count == blocks[i].count &&
                    header.received_us == blocks[i].received_us);
        mtr_arena_init(&arena, 1 << 12, 1 << 20);
        const struct mtr_event *expected = numbered_events(&arena, seq, header.count);
        for (uint32_t k = 0; k < header.count; k++) assert_true(events_equal(&events[k], &expected[k]));
        mtr_arena_release(&arena);
        seq += header.count;
    }
    assert_int_equal(seq, LAST_SEQ + 1);
}

static void a_reader_reads_the_golden_log(void **state)
{
    const char *directory = *state;
    struct mtr_log_reader *reader;
    struct mtr_diagnostic diagnostic = {0};
    uint64_t last_seq = 0;
    if (mtr_log_reader_open(directory, &reader, &diagnostic)) fail_msg("%s", diagnostic.text);
    check_events(reader);
    if (mtr_log_verify(reader, &last_seq, &diagnostic)) fail_msg("%s", diagnostic.text);
    assert_int_equal(last_seq, LAST_SEQ);
    mtr_log_reader_close(reader);
}

static void a_writer_goes_on_with_the_golden_log(void **state)
{
    struct mtr_log *log = open_log(*state);
    struct mtr_log_segment segments[2];
    uint64_t first_seq;
    assert_int_equal(mtr_log_last_seq(log), LAST_SEQ);
    assert_int_equal(mtr_log_segments(log, segments, 2), 2);
    assert_true(segments[0].sealed && segments[0].last_seq == SEALED_SEQ && !segments[1].sealed);
    for (int i = 0; i < IDENTITY_COUNT; i++) {
        struct mtr_log_identity found;
        assert_int_equal(mtr_log_find_identity(log, 1, identities[i].identity, &found), MTR_OK);
        assert_memory_equal(&found, &identities[i], sizeof(found));
    }
    assert_int_equal(append_numbered(log, 2, 0, &first_seq), MTR_OK);
    assert_int_equal(first_seq, LAST_SEQ + 1);
    mtr_log_close(log);
    mtr_log_close(open_log(*state)); /* and it verifies as a whole */
}

/* Block, chunk and manifest are the same bytes today; where LMDB puts them is LMDB's affair. */
static void a_writer_writes_the_golden_manifest(void **state)
{
    static char was[FILE_BYTES_MAX], is[FILE_BYTES_MAX];
    char directory[64];
    (void)state;
    make_temporary(directory);
    make_log(directory);
    if (getenv("METERD_GOLDEN_WRITE")) copy_files(directory, golden);
    /* it holds the chain's hash over all blocks and that of all identities */
    size_t size = read_file(golden, "manifest", was);
    assert_int_equal(read_file(directory, "manifest", is), size);
    assert_memory_equal(was, is, size);
    remove_tree(directory);
}

static int set_up(void **state)
{
    static char directory[64];
    make_temporary(directory);
    copy_files(golden, directory);
    *state = directory;
    return 0;
}

static int tear_down(void **state)
{
    remove_tree(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_writer_writes_the_golden_manifest),
        cmocka_unit_test_setup_teardown(a_reader_reads_the_golden_log, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_writer_goes_on_with_the_golden_log, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
