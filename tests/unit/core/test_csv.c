/*
 * CSV: records of RFC 4180, whatever the pieces they come in; errors with their line; cells written so that
 * they read back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "meterd/core/csv.h"

static int on_record(void *context, const struct mtr_csv_record *record)
{
    struct mtr_buffer *out = context;
    int rc = mtr_buffer_printf(out, "%llu:", (unsigned long long)record->line);
    for (uint32_t i = 0; !rc && i < record->cell_count; i++)
        rc = mtr_buffer_printf(out, "[%.*s]", MTR_STR_ARGS(record->cells[i]));
    return rc;
}

static int read_all(const char *text, size_t piece_bytes, struct mtr_buffer *out,
                    struct mtr_diagnostic *diagnostic)
{
    static struct mtr_csv_reader reader;
    size_t size = strlen(text);
    int rc = MTR_OK;
    mtr_csv_reader_init(&reader, ',', on_record, out);
    for (size_t at = 0; !rc && at < size; at += piece_bytes)
        rc = mtr_csv_read(&reader,
                          (struct mtr_str){text + at, size - at < piece_bytes ? size - at : piece_bytes},
                          diagnostic);
    if (!rc) rc = mtr_csv_read_end(&reader, diagnostic);
    mtr_csv_reader_release(&reader);
    return rc;
}

static void test_reading(void **state)
{
    (void)state;
    static const struct {
        const char *text, *expected;
        int rc;
        uint32_t line;
    } cases[] = {
        {"a,b\nc,d\n", "1:[a][b]2:[c][d]", 0, 0},
        {"a,b\r\nc,d", "1:[a][b]2:[c][d]", 0, 0},
        {"\xEF\xBB\xBF" "a,b\n", "1:[a][b]", 0, 0},
        {"\"a,\"\"x\"\"\nb\",c\nd,e\n", "1:[a,\"x\"\nb][c]3:[d][e]", 0, 0},
        {"a,,\n\n\n,\n", "1:[a][][]4:[][]", 0, 0},
        {"\"\"\n", "1:[]", 0, 0},
        {"a,\"b\"\r\n", "1:[a][b]", 0, 0},
        {"", "", 0, 0},
        {"\r\n\r\nx\r\n", "3:[x]", 0, 0},
        {"a,b\nc,\"d\n", "1:[a][b]", MTR_EINVALID, 3},
        {"a\nb\"c\n", "1:[a]", MTR_EINVALID, 2},
        {"\"a\"b\n", "", MTR_EINVALID, 1},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (size_t piece_bytes = 1; piece_bytes <= 20; piece_bytes++) {
            struct mtr_buffer out;
            struct mtr_diagnostic diagnostic = {0};
            mtr_buffer_init(&out, 1 << 16);
            assert_int_equal(read_all(cases[i].text, piece_bytes, &out, &diagnostic), cases[i].rc);
            assert_int_equal(mtr_buffer_append_char(&out, '\0'), 0);
            assert_string_equal(out.data, cases[i].expected);
            assert_int_equal(diagnostic.line, cases[i].line);
            mtr_buffer_release(&out);
        }
    }
}

static void test_writing(void **state)
{
    (void)state;
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"plain", "plain"}, {"", ""}, {"a,b", "\"a,b\""}, {"say \"x\"", "\"say \"\"x\"\"\""}, {"two\nlines", "\"two\nlines\""},
        {"-12.5", "-12.5"}, {"=1+1", "\"'=1+1\""}, {"@cmd", "\"'@cmd\""}, {"-x", "\"'-x\""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct mtr_buffer out;
        mtr_buffer_init(&out, 1 << 10);
        assert_int_equal(mtr_csv_write_cell(&out, mtr_str_from(cases[i].text)), 0);
        assert_true(mtr_str_equal(mtr_buffer_str(&out), mtr_str_from(cases[i].expected)));
        mtr_buffer_release(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_reading), cmocka_unit_test(test_writing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
