/*
 * Log lines as they arrive at the other end of stderr: one write each, in three formats, with nothing that
 * could fake a line.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "meterd/core/document.h"
#include "meterd/core/logline.h"
#include "meterd/core/str.h"
#include "meterd/core/time.h"

static int saved_stderr = -1, packets[2] = {-1, -1};

/* A packet pipe keeps writes apart: what one read gives was one write. */
static int setup(void **state)
{
    (void)state;
    unsetenv("JOURNAL_STREAM");
    mtr_logline_set_level(MTR_LEVEL_INFO);
    mtr_logline_set_format(MTR_LOGLINE_AUTO);
    if (pipe2(packets, O_DIRECT | O_NONBLOCK | O_CLOEXEC)) return -1;
    saved_stderr = dup(STDERR_FILENO);
    return saved_stderr < 0 || dup2(packets[1], STDERR_FILENO) < 0 ? -1 : 0;
}

static int teardown(void **state)
{
    (void)state;
    dup2(saved_stderr, STDERR_FILENO);
    close(saved_stderr);
    close(packets[0]);
    close(packets[1]);
    return 0;
}

static const char *next_line(void)
{
    static char line[8192];
    ssize_t size = read(packets[0], line, sizeof(line) - 1);
    if (size < 0) return NULL;
    line[size] = '\0';
    return line;
}

/* Cuts the time off, after checking that it is one. */
static const char *after_time(const char *line)
{
    const char *space = strchr(line, ' ');
    int64_t time_us;
    assert_non_null(space);
    assert_int_equal(mtr_time_parse((struct mtr_str){line, (size_t)(space - line)}, &time_us), MTR_OK);
    return space + 1;
}

static void test_text(void **state)
{
    (void)state;
    mtr_logline(MTR_LEVEL_WARNING, "intake", "queue=%d of %s", 5, "9");
    assert_string_equal(after_time(next_line()), "warning intake: queue=5 of 9\n");
    mtr_logline(MTR_LEVEL_ERROR, "api", "a\nb\tc\x1b[31m\x7f \"q\" \\");
    assert_string_equal(after_time(next_line()), "error api: a\\nb\\x09c\\x1b[31m\\x7f \"q\" \\\n");
    assert_null(next_line());
}

static void test_level(void **state)
{
    (void)state;
    mtr_logline(MTR_LEVEL_DEBUG, "daemon", "not yet");
    assert_null(next_line());
    mtr_logline_set_level(MTR_LEVEL_DEBUG);
    mtr_logline(MTR_LEVEL_DEBUG, "daemon", "now");
    assert_string_equal(after_time(next_line()), "debug daemon: now\n");
    mtr_logline_set_level(MTR_LEVEL_ERROR);
    mtr_logline(MTR_LEVEL_WARNING, "daemon", "no more");
    assert_null(next_line());
}

static void test_journal(void **state)
{
    (void)state;
    setenv("JOURNAL_STREAM", "8:1", 1);
    mtr_logline(MTR_LEVEL_ERROR, "log", "x");
    assert_string_equal(next_line(), "<3>log: x\n");
    mtr_logline(MTR_LEVEL_INFO, "log", "x\n<0>fake");
    assert_string_equal(next_line(), "<6>log: x\\n<0>fake\n");
}

static void test_json(void **state)
{
    (void)state;
    struct mtr_document *document = NULL;
    struct mtr_diagnostic diagnostic;
    mtr_logline_set_format(MTR_LOGLINE_JSON);
    mtr_logline(MTR_LEVEL_INFO, "rater", "say \"x\" \\ \n\x01 \xC3\xA9");
    const char *line = next_line();
    if (mtr_document_parse(mtr_str_from(line), &document, &diagnostic))
        fail_msg("%s: %s", line, diagnostic.text);
    const struct mtr_node *root = mtr_document_root(document);
    assert_string_equal(mtr_node_get(root, "level")->text.data, "info");
    assert_string_equal(mtr_node_get(root, "subsystem")->text.data, "rater");
    assert_string_equal(mtr_node_get(root, "text")->text.data, "say \"x\" \\ \n\x01 \xC3\xA9");
    assert_int_equal(line[strlen(line) - 1], '\n');
    mtr_document_close(document);
}

static void test_long_line_is_cut(void **state)
{
    (void)state;
    char text[3 * MTR_LOGLINE_BYTES_MAX];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    mtr_logline(MTR_LEVEL_INFO, "daemon", "%s", text);
    const char *line = after_time(next_line());
    assert_null(next_line());
    size_t size = strlen(line);
    assert_true(size <= MTR_LOGLINE_BYTES_MAX + 256);
    assert_string_equal(line + size - 4, "\xE2\x80\xA6\n");
}

/* Whatever the text is and wherever it is cut, a JSON line is UTF-8 and JSON. */
static void test_what_is_no_utf8(void **state)
{
    (void)state;
    char text[MTR_LOGLINE_BYTES_MAX + 64];
    mtr_logline(MTR_LEVEL_INFO, "api", "a\xff" "b\xc3 \xc2\x9b" "31m");
    assert_string_equal(after_time(next_line()), "info api: a\\xffb\\xc3 \\x9b31m\n");
    mtr_logline_set_format(MTR_LOGLINE_JSON);
    for (size_t size = MTR_LOGLINE_BYTES_MAX - 8; size < sizeof(text); size++) {
        struct mtr_document *document = NULL;
        struct mtr_diagnostic diagnostic;
        for (size_t i = 0; i < size; i++) text[i] = "\xE2\x82\xAC\xF0\x9F\x98\x80\xff"[(i + size) % 8];
        mtr_logline(MTR_LEVEL_INFO, "api", "%.*s", (int)size, text);
        const char *line = next_line();
        assert_true(mtr_str_is_utf8(mtr_str_from(line)));
        if (mtr_document_parse(mtr_str_from(line), &document, &diagnostic))
            fail_msg("%s: %s", line, diagnostic.text);
        mtr_document_close(document);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_text),
                                       TEST(test_level),
                                       TEST(test_journal),
                                       TEST(test_json),
                                       TEST(test_long_line_is_cut),
                                       TEST(test_what_is_no_utf8)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
