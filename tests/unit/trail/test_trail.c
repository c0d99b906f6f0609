/*
 * A trail: what is appended is read back, what is changed, taken away or moved is noticed, and what a crash left
 * is not taken for that.
 */
#include "tests/support/store/trail_world.h"

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

/* Longer than the lines that tell it. */
static void test_a_long_torn_line(void **state)
{
    struct fixture *f = *state;
    char text[TEXT_BYTES];
    write_lines(f, 2);
    const size_t before = load(f, first, text);
    memset(text + before, 'x', 4000);
    store(f, first, text, before + 4000);
    start(f);
    append(f, "started", "");
    sync_and_close(f);
    assert_whole(f);
    assert_int_equal(f->walked.torn_bytes, 0);
    assert_string_equal(f->kinds, "1 admin_act, 2 admin_act, 3 line_torn, 4 started");
}

/* Power that is lost between lines and their sync leaves any of their pieces. */
static void test_holes(void **state)
{
    struct fixture *f = *state;
    char text[TEXT_BYTES], other[TEXT_BYTES], head[TEXT_BYTES];
    write_lines(f, 3);
    const size_t before = load(f, first, text), head_size = load(f, "head", head);
    start(f);
    for (int i = 0; i < 4; i++) append(f, "settlement", "\"key\":\"not synced\"");
    mtr_trail_close(f->trail);
    f->trail = NULL;
    const size_t size = load(f, first, text);
    for (size_t at = before; at < size; at += 37) {
        memcpy(other, text, size);
        memset(other + at, 0, size - at < 64 ? size - at : 64);
        store(f, first, other, size);
        store(f, "head", head, head_size);
        assert_whole(f);
        assert_true(f->walked.torn_bytes >= size - at);
        const uint64_t torn = f->walked.torn_bytes, lines = f->walked.lines;
        assert_true(lines >= 3);
        start(f);
        assert_int_equal(f->found.torn_bytes, torn);
        assert_true(!f->found.missing_lines && !f->found.is_changed);
        append(f, "started", "");
        sync_and_close(f);
        assert_whole(f);
        assert_int_equal(f->walked.lines, lines + 2);
        assert_non_null(strstr(f->kinds, "line_torn"));
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_lines_are_read_back, setup, teardown),
        cmocka_unit_test_setup_teardown(test_each_byte_counts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lines_that_go, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lines_that_move, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_chain_that_is_made_anew, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_torn_line, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_long_torn_line, setup, teardown),
        cmocka_unit_test_setup_teardown(test_holes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_went_before_the_start, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
