/*
 * A trail: what is appended is read back, what is changed, taken away or moved is noticed, a crash is not, and
 * all of it stays within its bound.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "meterd/core/buffer.h"
#include "meterd/core/time.h"
#include "meterd/store/trail.h"
#include "tests/support/directory.h"

#define NOW_US (INT64_C(1767225600) * 1000000) /* 2026-01-01 */
enum { BYTES_MAX = MTR_TRAIL_BYTES_MIN, TEXT_BYTES = 1 << 16 };

struct fixture {
    char root[DIRECTORY_PATH_BYTES], directory[DIRECTORY_PATH_BYTES + 16];
    struct mtr_trail *trail;
    struct mtr_trail_found found;
    char kinds[TEXT_BYTES], faults[TEXT_BYTES];
    struct mtr_trail_walked walked;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    make_temporary_in_memory(f->root);
    snprintf(f->directory, sizeof(f->directory), "%s/security", f->root);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    mtr_trail_close(f->trail);
    remove_tree(f->root);
    free(f);
    return 0;
}

static void start(struct fixture *f)
{
    struct mtr_diagnostic diagnostic;
    mtr_trail_close(f->trail);
    f->trail = NULL;
    if (mtr_trail_open(f->directory, BYTES_MAX, &f->trail, &f->found, &diagnostic)) fail_msg("%s", diagnostic.text);
}

static void append(struct fixture *f, const char *kind, const char *members)
{
    assert_int_equal(mtr_trail_append(f->trail, NOW_US, kind, mtr_str_from(members)), MTR_OK);
}

static void sync_and_close(struct fixture *f)
{
    assert_int_equal(mtr_trail_sync(f->trail), MTR_OK);
    mtr_trail_close(f->trail);
    f->trail = NULL;
}

static void write_lines(struct fixture *f, int count)
{
    start(f);
    for (int i = 0; i < count; i++) {
        char members[64];
        snprintf(members, sizeof(members), "\"key\":\"k%d\",\"count\":%d", i, i);
        append(f, "admin_act", members);
    }
    sync_and_close(f);
}

static int on_line(void *context, const struct mtr_trail_line *line)
{
    struct fixture *f = context;
    const size_t used = strlen(f->kinds);
    snprintf(f->kinds + used, sizeof(f->kinds) - used, "%s%llu %.*s", used ? ", " : "", (unsigned long long)line->sequence, MTR_STR_ARGS(line->kind));
    return MTR_OK;
}

static void on_fault(void *context, const struct mtr_diagnostic *fault)
{
    struct fixture *f = context;
    const size_t used = strlen(f->faults);
    snprintf(f->faults + used, sizeof(f->faults) - used, "%s%s", used ? "; " : "", fault->text);
}

static void read_with(struct fixture *f, const struct mtr_trail_head *kept)
{
    struct mtr_diagnostic diagnostic;
    const struct mtr_trail_walk walk = {.kept = kept, .on_line = on_line, .on_fault = on_fault, .context = f};
    f->kinds[0] = f->faults[0] = '\0';
    if (mtr_trail_read(f->directory, &walk, &f->walked, &diagnostic)) fail_msg("%s", diagnostic.text);
}

static void assert_whole(struct fixture *f)
{
    read_with(f, NULL);
    assert_string_equal(f->faults, "");
    assert_int_equal(f->walked.faults, 0);
}

static void assert_fault(struct fixture *f, const char *said)
{
    read_with(f, NULL);
    if (!strstr(f->faults, said)) fail_msg("`%s` is not said: %s", said, f->faults);
}

/* ---- files, as somebody else would lay hands on them ---- */

static char *path_of(struct fixture *f, const char *name, char path[160])
{
    snprintf(path, 160, "%s/%s", f->directory, name);
    return path;
}

static size_t load(struct fixture *f, const char *name, char text[TEXT_BYTES])
{
    char path[160];
    FILE *in = fopen(path_of(f, name, path), "r");
    assert_non_null(in);
    const size_t size = fread(text, 1, TEXT_BYTES - 1, in);
    text[size] = '\0';
    fclose(in);
    return size;
}

static void store(struct fixture *f, const char *name, const char *text, size_t size)
{
    char path[160];
    FILE *out = fopen(path_of(f, name, path), "w");
    assert_non_null(out);
    assert_int_equal(fwrite(text, 1, size, out), size);
    fclose(out);
}

static const char first[] = "00000001.ndjson";

/* The begin of a line, from 0. */
static char *line_at(char *text, int number)
{
    while (number--) text = strchr(text, '\n') + 1;
    return text;
}

static uint64_t bytes_of_all(struct fixture *f, unsigned *files)
{
    uint64_t bytes = 0;
    *files = 0;
    DIR *directory = opendir(f->directory);
    for (const struct dirent *entry; (entry = readdir(directory));) {
        char path[512];
        struct stat status;
        if (!strstr(entry->d_name, ".ndjson")) continue;
        snprintf(path, sizeof(path), "%s/%s", f->directory, entry->d_name);
        assert_int_equal(stat(path, &status), 0);
        assert_int_equal(status.st_mode & 07777, 0600);
        bytes += (uint64_t)status.st_size;
        ++*files;
    }
    closedir(directory);
    return bytes;
}

/* ---- tests ---- */

static void test_lines_are_read_back(void **state)
{
    struct fixture *f = *state;
    char text[TEXT_BYTES];
    start(f);
    append(f, "started", "");
    append(f, "admin_act", "\"key\":\"ops\",\"count\":2");
    sync_and_close(f);
    load(f, first, text);
    const char *begin = "{\"sequence\":1,\"time\":\"2026-01-01T00:00:00Z\",\"kind\":\"started\",\"previous\":\"00000000000000000000000000000000"
                        "00000000000000000000000000000000\"}\n"
                        "{\"sequence\":2,\"time\":\"2026-01-01T00:00:00Z\",\"kind\":\"admin_act\",\"key\":\"ops\",\"count\":2,\"previous\":\"";
    assert_memory_equal(text, begin, strlen(begin));
    /* By another hand: printf '%s' '<line 1>' | b2sum -l 256 */
    assert_memory_equal(text + strlen(begin), "d5489375c27704ec7a9ed14251670aed84438b45e32a7f957bf74ddfe663c6e3\"}\n", 67);
    assert_whole(f);
    assert_string_equal(f->kinds, "1 started, 2 admin_act");
    start(f);
    assert_true(!f->found.torn_bytes && !f->found.missing_lines && !f->found.is_changed && !f->found.is_head_missing);
    append(f, "started", "");
    sync_and_close(f);
    assert_whole(f);
    assert_string_equal(f->kinds, "1 started, 2 admin_act, 3 started");
    struct mtr_trail_head kept = f->walked.last, parsed;
    char head[MTR_TRAIL_HEAD_TEXT_BYTES];
    mtr_trail_head_format(&kept, head);
    assert_true(mtr_trail_head_parse(mtr_str_from(head), &parsed));
    assert_memory_equal(parsed.hash, kept.hash, sizeof(kept.hash));
    assert_int_equal(parsed.sequence, 3);
    read_with(f, &parsed);
    assert_string_equal(f->faults, "");
    for (const char *const *wrong = (const char *const[]){"", "3", "3:", ":00", "x:00", "3:00", NULL}; *wrong; wrong++)
        assert_false(mtr_trail_head_parse(mtr_str_from(*wrong), &parsed));
}

/* Every byte of every line is another. */
static void test_each_byte_counts(void **state)
{
    struct fixture *f = *state;
    char text[TEXT_BYTES];
    write_lines(f, 4);
    const size_t size = load(f, first, text);
    for (size_t i = 0; i < size; i++) {
        text[i] ^= 1;
        store(f, first, text, size);
        read_with(f, NULL);
        if (!f->walked.faults) fail_msg("byte %zu of %zu is another one, and nobody says so", i, size);
        text[i] ^= 1;
    }
    store(f, first, text, size);
    assert_whole(f);
}

static void test_lines_that_go(void **state)
{
    struct fixture *f = *state;
    char text[TEXT_BYTES], other[TEXT_BYTES];
    write_lines(f, 6);
    const size_t size = load(f, first, text);
    static const char *const said[] = {"lines 1 to 1 are gone", "line 2 is missing", "line 3 is missing", "line 4 is missing", "line 5 is missing",
                                       "the last line is 5, but the file head knows line 6"};
    for (int i = 0; i < 6; i++) {
        const char *from = line_at(text, i), *to = line_at(text, i + 1);
        memcpy(other, text, (size_t)(from - text));
        memcpy(other + (from - text), to, size - (size_t)(to - text));
        store(f, first, other, size - (size_t)(to - from));
        assert_fault(f, said[i]);
    }
    /* Two at the end; and all. */
    store(f, first, text, (size_t)(line_at(text, 4) - text));
    assert_fault(f, "the file head knows line 6: those behind are missing");
    store(f, first, "", 0);
    assert_fault(f, "the last line is 0, but the file head knows line 6");
    store(f, first, text, size);
    /* The head goes with them. */
    char path[160];
    assert_int_equal(unlink(path_of(f, "head", path)), 0);
    assert_fault(f, "the file head, which says which line is the last, is missing");
}

static void test_lines_that_move(void **state)
{
    struct fixture *f = *state;
    char text[TEXT_BYTES], other[TEXT_BYTES];
    write_lines(f, 5);
    const size_t size = load(f, first, text);
    const char *b = line_at(text, 1), *c = line_at(text, 2), *d = line_at(text, 3);
    char *out = other;
    out = mempcpy(out, text, (size_t)(b - text));
    out = mempcpy(out, c, (size_t)(d - c));
    out = mempcpy(out, b, (size_t)(c - b));
    memcpy(out, d, size - (size_t)(d - text));
    store(f, first, other, size);
    assert_fault(f, "line 2 stands behind line 3");
    /* One twice; and one of the same number put in. */
    out = mempcpy(other, text, (size_t)(c - text));
    out = mempcpy(out, b, (size_t)(c - b));
    memcpy(out, c, size - (size_t)(c - text));
    store(f, first, other, size + (size_t)(c - b));
    assert_fault(f, "line 2 stands behind line 2");
}

/* Who writes the rest of the chain and the head anew is noticed by a head that was kept elsewhere. */
static void test_a_chain_that_is_made_anew(void **state)
{
    struct fixture *f = *state;
    struct mtr_trail_head kept;
    write_lines(f, 5);
    read_with(f, NULL);
    kept = f->walked.last;
    remove_tree(f->directory);
    start(f);
    for (int i = 0; i < 6; i++) append(f, "admin_act", "\"key\":\"nobody\"");
    sync_and_close(f);
    assert_whole(f);
    read_with(f, &kept);
    assert_string_equal(f->faults, "line 5 is another one than the head that was kept says: it, or one before it, was changed");
    kept.sequence = 7;
    read_with(f, &kept);
    assert_non_null(strstr(f->faults, "line 7 was kept as the head: those behind are missing"));
}

/* At each byte of the last line. */
static void test_a_torn_line(void **state)
{
    struct fixture *f = *state;
    char text[TEXT_BYTES];
    write_lines(f, 2);
    const size_t before = load(f, first, text);
    start(f);
    append(f, "admin_act", "\"key\":\"torn\""); /* not synced: the head knows nothing of it */
    mtr_trail_close(f->trail);
    f->trail = NULL;
    const size_t size = load(f, first, text);
    char head[TEXT_BYTES];
    const size_t head_size = load(f, "head", head);
    for (size_t at = before; at < size; at++) {
        char path[160];
        store(f, first, text, at);
        store(f, "head", head, head_size);
        assert_whole(f); /* nothing was promised of it */
        assert_int_equal(f->walked.torn_bytes, at - before);
        start(f);
        assert_int_equal(f->found.torn_bytes, at - before);
        assert_int_equal(f->found.missing_lines, 0);
        append(f, "started", "");
        sync_and_close(f);
        assert_whole(f);
        assert_string_equal(f->kinds, at > before ? "1 admin_act, 2 admin_act, 3 line_torn, 4 started" : "1 admin_act, 2 admin_act, 3 started");
        assert_int_equal(truncate(path_of(f, first, path), (off_t)before), 0);
    }
}

/* What somebody took away while nobody looked stays told, though the chain goes on. */
static void test_what_went_before_the_start(void **state)
{
    struct fixture *f = *state;
    char text[TEXT_BYTES], path[160];
    write_lines(f, 5);
    const size_t size = load(f, first, text);
    store(f, first, text, (size_t)(line_at(text, 3) - text));
    start(f);
    assert_int_equal(f->found.missing_lines, 2);
    append(f, "started", "");
    sync_and_close(f);
    assert_fault(f, "lines 4 to 5 are missing");
    assert_string_equal(f->kinds, "1 admin_act, 2 admin_act, 3 admin_act, 6 lines_missing, 7 started");
    /* The last one is another. */
    store(f, first, text, size);
    remove_tree(f->directory);
    write_lines(f, 3);
    load(f, first, text);
    *strstr(line_at(text, 2), "k2") = 'K';
    store(f, first, text, strlen(text));
    start(f);
    assert_true(f->found.is_changed);
    append(f, "started", "");
    sync_and_close(f);
    assert_string_equal((read_with(f, NULL), f->kinds), "1 admin_act, 2 admin_act, 3 admin_act, 4 line_changed, 5 started");
    /* The head is gone: who took it may have taken lines. */
    assert_int_equal(unlink(path_of(f, "head", path)), 0);
    start(f);
    assert_true(f->found.is_head_missing);
    append(f, "started", "");
    sync_and_close(f);
    assert_string_equal((read_with(f, NULL), f->kinds), "1 admin_act, 2 admin_act, 3 admin_act, 4 line_changed, 5 started, 6 head_missing, 7 started");
}

static void fill(struct fixture *f, int lines)
{
    char members[512];
    memset(members, 'x', sizeof(members));
    memcpy(members, "\"detail\":\"", 10);
    memcpy(members + sizeof(members) - 2, "\"", 2);
    for (int i = 0; i < lines; i++) append(f, "admin_act", members);
}

/* Three times what there is room for; then once more, with files of another process. */
static void test_bound(void **state)
{
    struct fixture *f = *state;
    unsigned files;
    for (int round = 0; round < 2; round++) {
        start(f);
        for (int piece = 0; piece < 50; piece++) {
            fill(f, 100);
            const uint64_t bytes = bytes_of_all(f, &files);
            if (bytes > BYTES_MAX) fail_msg("%llu bytes", (unsigned long long)bytes);
        }
        sync_and_close(f);
        assert_true(bytes_of_all(f, &files) > BYTES_MAX / 2);
        assert_true(files > 4);
        assert_whole(f);
        assert_true(f->walked.removed > 0 && f->walked.lines > 500);
    }
    /* One more goes, and no line says so. */
    char path[160], name[32];
    for (unsigned number = 1; number < 1000; number++) {
        snprintf(name, sizeof(name), "%08u.ndjson", number);
        if (!unlink(path_of(f, name, path))) break;
    }
    assert_fault(f, "are gone, and no line says that they went for lack of room");
}

/* What was removed while it is open: the chain goes on in another file, and what is missing is missed. */
static void test_a_file_goes_while_it_is_written(void **state)
{
    struct fixture *f = *state;
    char path[160];
    start(f);
    append(f, "admin_act", "");
    assert_int_equal(mtr_trail_sync(f->trail), MTR_OK);
    assert_int_equal(unlink(path_of(f, first, path)), 0);
    append(f, "admin_act", "");
    append(f, "admin_act", "");
    sync_and_close(f);
    assert_fault(f, "lines 1 to 1 are gone");
    assert_string_equal(f->kinds, "2 admin_act, 3 admin_act");
    start(f);
    remove_tree(f->directory);
    append(f, "admin_act", "");
    sync_and_close(f);
    assert_fault(f, "lines 1 to 3 are gone");
}

/* No room for all of a line: nothing of it stays, and it may be tried again. */
static void test_no_room(void **state)
{
    struct fixture *f = *state;
    char text[TEXT_BYTES];
    write_lines(f, 2);
    const size_t before = load(f, first, text);
    start(f);
    struct rlimit was;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
    signal(SIGXFSZ, SIG_IGN);
    const struct rlimit tight = {before + 50, was.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    for (int i = 0; i < 2; i++) assert_int_not_equal(mtr_trail_append(f->trail, NOW_US, "admin_act", mtr_str_from("\"key\":\"no room\"")), MTR_OK);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
    assert_int_equal(load(f, first, text), before);
    append(f, "admin_act", "");
    sync_and_close(f);
    assert_whole(f);
    assert_string_equal(f->kinds, "1 admin_act, 2 admin_act, 3 admin_act");
}

static void test_strange_files(void **state)
{
    struct fixture *f = *state;
    struct mtr_diagnostic diagnostic;
    const struct mtr_trail_walk walk = {.kept = NULL};
    assert_int_equal(mtr_trail_read(f->directory, &walk, &f->walked, &diagnostic), MTR_ENOTFOUND);
    write_lines(f, 2);
    store(f, "00000001.ndjson.bak", "x", 1);
    store(f, "1.ndjson", "x\n", 2);
    assert_whole(f);
    store(f, "00000002.ndjson", "hello\n\n{\"sequence\":3}\n", 22);
    assert_fault(f, "row 1 of 00000002.ndjson is no line of a trail");
    assert_int_equal(f->walked.faults, 3);
    start(f); /* and the chain goes on all the same */
    append(f, "started", "");
    sync_and_close(f);
    assert_fault(f, "row 3 of 00000002.ndjson");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_lines_are_read_back, setup, teardown),
        cmocka_unit_test_setup_teardown(test_each_byte_counts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lines_that_go, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lines_that_move, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_chain_that_is_made_anew, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_torn_line, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_went_before_the_start, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bound, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_file_goes_while_it_is_written, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_room, setup, teardown),
        cmocka_unit_test_setup_teardown(test_strange_files, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
