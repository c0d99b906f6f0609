/*
 * Names of columns: which rows have them, and what two readings differ by.
 */
#include "collector/rows/columns/columns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "meterd/core/error.h"

/* Rows divided by '|', names by blanks. */
static void note_rows(struct columns *columns, const char *rows)
{
    char text[512];
    char *row, *name, *rest = text, *names;
    snprintf(text, sizeof(text), "%s", rows);
    while ((row = strsep(&rest, "|"))) {
        columns_begin_row(columns);
        for (names = row; (name = strsep(&names, " "));)
            if (*name) columns_note(columns, mtr_str_from(name));
    }
}

static void test_rows_become_a_text(void **state)
{
    (void)state;
    static const struct {
        const char *rows, *text; /* NULL: nothing is said */
    } rows[] = {
        {"b a", "=a\n=b\n"},
        {"b a|a b|b a", "=a\n=b\n"},
        {"a b|a", "=a\n?b\n"},
        {"a|b", "?a\n?b\n"},
        {"ab a abc|abc ab a", "=a\n=ab\n=abc\n"},
        {"a|a b c|a c", "=a\n?b\n?c\n"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct columns columns = {.count = 0};
        struct mtr_buffer out;
        mtr_buffer_init(&out, 1 << 16);
        note_rows(&columns, rows[i].rows);
        assert_int_equal(columns_write(&columns, &out), 0);
        assert_int_equal(mtr_buffer_append_char(&out, '\0'), 0);
        assert_string_equal(out.data, rows[i].text);
        mtr_buffer_release(&out);
        columns_release(&columns);
    }
}

static void test_what_is_beyond_says_nothing(void **state)
{
    (void)state;
    char name[COLUMN_NAME_BYTES_MAX + 2];
    for (int kind = 0; kind < 3; kind++) {
        struct columns columns = {.count = 0};
        struct mtr_buffer out;
        mtr_buffer_init(&out, 1 << 16);
        if (kind) columns_begin_row(&columns);
        for (int i = 0; kind == 1 && i <= COLUMNS_MAX; i++) {
            snprintf(name, sizeof(name), "c%d", i);
            columns_note(&columns, mtr_str_from(name));
        }
        memset(name, 'x', sizeof(name));
        if (kind == 2) columns_note(&columns, (struct mtr_str){name, sizeof(name)});
        assert_int_equal(columns_write(&columns, &out), MTR_ENOTFOUND);
        mtr_buffer_release(&out);
        columns_release(&columns);
    }
}

static void test_two_texts(void **state)
{
    (void)state;
    static const struct {
        const char *before, *now;
        uint32_t gone, added;
        const char *gone_name, *added_name, *merged;
    } rows[] = {
        {"=a\n=b\n", "=a\n=b\n", 0, 0, "", "", "=a\n=b\n"},
        {"=a\n=b\n", "=b\n", 1, 0, "a", "", "=a\n=b\n"},
        {"=a\n?b\n", "=a\n", 0, 0, "", "", "=a\n?b\n"}, /* it was left out now and then */
        {"=a\n", "?a\n=c\n", 0, 1, "", "c", "?a\n?c\n"},
        {"=ab\n=b\n=d\n", "=a\n=c\n", 3, 2, "ab", "a", "?a\n=ab\n=b\n?c\n=d\n"},
        {"", "=a\n", 0, 1, "", "a", "?a\n"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct mtr_buffer out;
        mtr_buffer_init(&out, 1 << 16);
        const struct columns_change change = columns_compare(mtr_str_from(rows[i].before), mtr_str_from(rows[i].now));
        assert_int_equal(change.gone, rows[i].gone);
        assert_int_equal(change.added, rows[i].added);
        assert_string_equal(change.gone_name, rows[i].gone_name);
        assert_string_equal(change.added_name, rows[i].added_name);
        assert_int_equal(columns_merge(mtr_str_from(rows[i].before), mtr_str_from(rows[i].now), &out), 0);
        assert_int_equal(mtr_buffer_append_char(&out, '\0'), 0);
        assert_string_equal(out.data, rows[i].merged);
        mtr_buffer_release(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_become_a_text),
        cmocka_unit_test(test_what_is_beyond_says_nothing),
        cmocka_unit_test(test_two_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
