/*
 * CSV: records of RFC 4180, whatever the pieces they come in; errors with their line; cells written so that
 * they read back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
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

/* The text of each record, as its place says, in brackets. */
static const char *text_of_places;

static int on_place(void *context, const struct mtr_csv_record *record)
{
    return mtr_buffer_printf(context, "%llu[%.*s]", (unsigned long long)record->line, (int)record->size,
                             text_of_places + record->offset);
}

static int on_problem(void *context, const struct mtr_diagnostic *diagnostic);
static bool takes_problems;

static int read_all(const char *text, size_t piece_bytes, struct mtr_buffer *out,
                    struct mtr_diagnostic *diagnostic)
{
    static struct mtr_csv_reader reader;
    size_t size = strlen(text);
    int rc = MTR_OK;
    mtr_csv_reader_init(&reader, ',', on_record, out);
    if (takes_problems) reader.on_problem = on_problem;
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
        {"\xEF\xAC\x81,b\n", "1:[\xEF\xAC\x81][b]", 0, 0}, /* begins as a mark does */
        {"\xEF\xBB\n\xEF", "1:[\xEF\xBB]2:[\xEF]", 0, 0},
        {"\xEF\xBB", "1:[\xEF\xBB]", 0, 0},
        {"\xEF,\"b\"\n", "1:[\xEF][b]", 0, 0},
        {"\"a,\"\"x\"\"\nb\",c\nd,e\n", "1:[a,\"x\"\nb][c]3:[d][e]", 0, 0},
        {"a,,\n\n\n,\n", "1:[a][][]4:[][]", 0, 0},
        {"\"\"\n", "1:[]", 0, 0},
        {"a,\"b\"\r\n", "1:[a][b]", 0, 0},
        {"", "", 0, 0},
        {"\r\n\r\nx\r\n", "3:[x]", 0, 0},
        {"a,b\nc,\"d\n", "1:[a][b]", MTR_EINVALID, 2},
        {"a,b\rc,d\r\re,f", "1:[a][b]2:[c][d]4:[e][f]", 0, 0},
        {"a,\"b\rc\r\nd\"\re\n\r\nf", "1:[a][b\rc\r\nd]4:[e]6:[f]", 0, 0},
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

static int on_problem(void *context, const struct mtr_diagnostic *diagnostic)
{
    return mtr_buffer_printf(context, "%u!", diagnostic->line);
}

/* One bad row is one problem, and the rest is read. */
static void test_problems(void **state)
{
    (void)state;
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"a,b\nc\"d,e\nf,g\n", "1:[a][b]2!3:[f][g]"},
        {"\"a\"b,c\nd\n", "1!2:[d]"},
        {"a\"", "1!"},
        {"a\nb,\"c\nd,e\nf,g\n", "1:[a]2!3:[d][e]4:[f][g]"},
        {"a\nb,\"c\r\nd,e\r\nf,g", "1:[a]2!3:[d][e]4:[f][g]"},
        {"a\rb,\"c\r\rf,g", "1:[a]2!4:[f][g]"},
        {"b,\"c\nd,\"\"\nf\n", "1!2:[d][]3:[f]"},
        {"b,\"c\nd,\"e\"\nf\n", "1!2:[d][e]3:[f]"},           /* closed by the next, which is good alone */
        {"b,\"c\nd,\"e\nf,g\nh\n", "1!2!3:[f][g]4:[h]"},      /* which is as bad */
        {"b,\"c\nd\",e\"f\ng\n", "2!3:[g]"},                 /* a good cell of two lines, then a bad one */
        {"b,\"c\nd\",\"e\nf\ng\n", "2!3:[f]4:[g]"},
        {"\"", "1!"},
        {"\"\n", "1!"},
        {"\"\n\"x\n\"\n\"x\ny\n", "1!2:[x\n]4!5:[y]"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        for (size_t piece_bytes = 1; piece_bytes <= 20; piece_bytes++) {
            struct mtr_buffer out;
            struct mtr_diagnostic diagnostic = {0};
            mtr_buffer_init(&out, 1 << 16);
            takes_problems = true;
            assert_int_equal(read_all(cases[i].text, piece_bytes, &out, &diagnostic), MTR_OK);
            takes_problems = false;
            assert_int_equal(mtr_buffer_append_char(&out, '\0'), 0);
            assert_string_equal(out.data, cases[i].expected);
            mtr_buffer_release(&out);
        }
}

/* A record that is too long, with an open quote or without, costs itself. */
static void test_limits(void **state)
{
    (void)state;
    enum { LONG = MTR_CSV_RECORD_BYTES_MAX + 100 };
    for (int is_open = 0; is_open < 2; is_open++) {
        struct mtr_buffer out;
        struct mtr_diagnostic diagnostic = {0};
        char *text = malloc(LONG + 20);
        assert_non_null(text);
        mtr_buffer_init(&out, 1 << 22);
        memset(text, 'x', LONG);
        memcpy(text, "a\nb,", 4);
        if (is_open) text[4] = '"';
        if (is_open) text[100] = '\n';
        memcpy(text + LONG, "\nc\n", sizeof("\nc\n"));
        takes_problems = true;
        assert_int_equal(read_all(text, 4096, &out, &diagnostic), MTR_OK);
        takes_problems = false;
        assert_int_equal(mtr_buffer_append_char(&out, '\0'), 0);
        if (is_open) assert_memory_equal(out.data, "1:[a]2!3:[xxx", 13);
        else assert_string_equal(out.data, "1:[a]2!3:[c]");
        mtr_buffer_release(&out);
        free(text);
    }
}

/* A bound is told with its number; as many as that are read. */
static void test_cells(void **state)
{
    (void)state;
    for (int more = 0; more < 2; more++) {
        struct mtr_buffer text, out;
        struct mtr_diagnostic diagnostic = {0};
        mtr_buffer_init(&text, 1 << 20);
        mtr_buffer_init(&out, 1 << 20);
        for (int i = 1; i < MTR_CSV_CELLS_MAX + more; i++) assert_int_equal(mtr_buffer_append_char(&text, ','), 0);
        assert_int_equal(mtr_buffer_append_char(&text, '\0'), 0);
        assert_int_equal(read_all(text.data, 4096, &out, &diagnostic), more ? MTR_ELIMIT : MTR_OK);
        assert_int_equal(more != 0, strncmp(diagnostic.text, "the record has more than 1024 cells: ", 37) == 0);
        mtr_buffer_release(&text);
        mtr_buffer_release(&out);
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
        {"a;=1", "\"a;'=1\""}, {"a;b", "\"a;b\""}, {"a; =1", "\"a; '=1\""}, {"\n=1", "\"\n'=1\""}, {"a\t+1", "\"a\t'+1\""},
        {"\xef\xbc\x9d" "1", "\"'\xef\xbc\x9d" "1\""}, {"a;\xef\xbc\xa0", "\"a;'\xef\xbc\xa0\""}, {"\xef\xbc\x8c", "\xef\xbc\x8c"},
        {" @x", "\" '@x\""}, {"'=1", "\"''=1\""}, {"''=1", "\"'''=1\""}, {"'quoted'", "'quoted'"}, {"a;-12.5", "\"a;'-12.5\""},
        {"\t\t=", "\"'\t'\t'=\""}, {"a=1", "a=1"}, {"\xef", "\xef"}, {";", "\";\""}, {"\r", "\"'\r\""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct mtr_buffer out;
        mtr_buffer_init(&out, 1 << 10);
        assert_int_equal(mtr_csv_write_cell(&out, mtr_str_from(cases[i].text)), 0);
        assert_true(mtr_str_equal(mtr_buffer_str(&out), mtr_str_from(cases[i].expected)));
        mtr_buffer_release(&out);
    }
}

static int on_guarded(void *context, const struct mtr_csv_record *record)
{
    return mtr_csv_unguard(context, record->cells[0]);
}

/* Every text of five of these is what it was when it is read again. */
static void test_written_and_read(void **state)
{
    (void)state;
    static const char letters[] = "'=; \t\ra";
    enum { LETTERS = sizeof(letters) - 1, LENGTH = 5 };
    for (unsigned number = 0; number < 7 * 7 * 7 * 7 * 7; number++) {
        static struct mtr_csv_reader reader;
        struct mtr_diagnostic unused;
        struct mtr_buffer written, read;
        char text[LENGTH];
        for (unsigned i = 0, rest = number; i < LENGTH; i++, rest /= LETTERS) text[i] = letters[rest % LETTERS];
        mtr_buffer_init(&written, 1 << 8);
        mtr_buffer_init(&read, 1 << 8);
        mtr_csv_reader_init(&reader, ',', on_guarded, &read);
        assert_int_equal(mtr_csv_write_cell(&written, (struct mtr_str){text, LENGTH}), 0);
        assert_int_equal(mtr_csv_read(&reader, mtr_buffer_str(&written), &unused), 0);
        assert_int_equal(mtr_csv_read_end(&reader, &unused), 0);
        assert_true(mtr_str_equal(mtr_buffer_str(&read), (struct mtr_str){text, LENGTH}));
        mtr_csv_reader_release(&reader);
        mtr_buffer_release(&read);
        mtr_buffer_release(&written);
    }
}

static int on_problem_place(void *context, const struct mtr_diagnostic *problem)
{
    return mtr_buffer_printf(context, "%u!%llu ", problem->line, (unsigned long long)problem->offset);
}

static void test_places(void **state)
{
    (void)state;
    static const struct {
        const char *text, *expected;
        char quote;
    } cases[] = {
        {"a,b\nc,d\n", "1[a,b]2[c,d]", '"'},
        {"\xEF\xBB\xBF" "a,b\r\n\r\nc,d", "1[a,b]3[c,d]", '"'},
        {"a\rb\r\rc", "1[a]2[b]4[c]", '"'},
        {"a,\"x\n\"\"y\",\r\nb\r\n", "1[a,\"x\n\"\"y\",]3[b]", '"'},
        {"a\nb\"c\nd\n", "1[a]2!2 3[d]", '"'},
        {"a\n\"b\nc\nd", "1[a]2!2 3[c]4[d]", '"'},         /* read again, from where it was */
        {"a\r\n\"b\r\nc\r\n\"x", "1[a]2!3 3[c]4!10 ", '"'},
        {"a,'x;\"\n''y',\nb\n", "1[a,'x;\"\n''y',]3[b]", '\''}, /* another quote */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        for (size_t piece = 1; piece < 20; piece++) {
            static struct mtr_csv_reader reader;
            struct mtr_diagnostic unused;
            struct mtr_buffer out;
            const size_t size = strlen(cases[i].text);
            mtr_buffer_init(&out, 4096);
            text_of_places = cases[i].text;
            mtr_csv_reader_init(&reader, ',', on_place, &out);
            mtr_csv_reader_set_quote(&reader, cases[i].quote);
            reader.on_problem = on_problem_place;
            for (size_t at = 0; at < size; at += piece)
                assert_int_equal(mtr_csv_read(&reader, (struct mtr_str){cases[i].text + at, size - at < piece ? size - at : piece}, &unused), 0);
            assert_int_equal(mtr_csv_read_end(&reader, &unused), 0);
            if (!mtr_str_equal(mtr_buffer_str(&out), mtr_str_from(cases[i].expected)))
                fail_msg("case %zu in pieces of %zu: %.*s", i, piece, MTR_STR_ARGS(mtr_buffer_str(&out)));
            mtr_csv_reader_release(&reader);
            mtr_buffer_release(&out);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_reading), cmocka_unit_test(test_places), cmocka_unit_test(test_problems),
                                       cmocka_unit_test(test_limits), cmocka_unit_test(test_cells), cmocka_unit_test(test_writing),
                                       cmocka_unit_test(test_written_and_read)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
