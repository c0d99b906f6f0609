/*
 * Names of columns: which rows have them, and what two readings differ by.
 */
#include "collector/rows/columns/columns.h"
#include "collector/rows/columns/drift.h"

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

/* Rows divided by '|', a letter for each column: x a value, . none. */
static void test_values_of_the_maps_columns(void **state)
{
    (void)state;
    static const struct {
        const char *before, *now, *gone, *merged;
    } rows[] = {
        {"xx.|xx.", "xx.", "", "++-"},    {"xx|x.", "x.|x.", "", "+?"}, /* some had none before */
        {"xx", "x.", "1", "++"},          {"xx", "..|x.", "1", "?+"},
        {"xx", "..", "0", "++"},          {"..", "xx", "", "??"},
        {"xx", "", "", "++"},             {"", "x.", "", "+-"},
        {"xx", "x", "", "+"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct mtr_buffer texts[3];
        char gone[16] = "";
        for (int j = 0; j < 3; j++) mtr_buffer_init(&texts[j], 1 << 10);
        for (int j = 0; j < 2; j++) {
            struct column_values values = {.rows = 0};
            char text[64], *row, *rest = text;
            snprintf(text, sizeof(text), "%s", j ? rows[i].now : rows[i].before);
            while (*text && (row = strsep(&rest, "|"))) {
                struct mtr_str cells[8] = {{NULL, 0}};
                const uint32_t count = (uint32_t)strlen(row);
                for (uint32_t k = 0; k < count; k++) cells[k] = row[k] == 'x' ? MTR_STR("v") : MTR_STR("");
                column_values_note(&values, cells, count);
            }
            assert_int_equal(column_values_write(&values, &texts[j]), 0);
        }
        const struct mtr_str before = mtr_buffer_str(&texts[0]), now = mtr_buffer_str(&texts[1]);
        const int32_t column = column_values_gone(before, now);
        if (column >= 0) snprintf(gone, sizeof(gone), "%d", column);
        assert_string_equal(gone, rows[i].gone);
        assert_int_equal(column_values_merge(before, now, &texts[2]), 0);
        assert_int_equal(mtr_buffer_append_char(&texts[2], '\0'), 0);
        assert_string_equal(texts[2].data, rows[i].merged);
        for (int j = 0; j < 3; j++) mtr_buffer_release(&texts[j]);
    }
}

/* Without names (a CSV without header, too many members) it is known all the same which column of the map is empty. */
static void test_values_of_columns_without_names(void **state)
{
    (void)state;
    static const struct {
        const char *names, *cell, *said; /* names: a letter each; "-": more than are watched */
    } readings[] = {{"", "v", ""},  {"", "", "no row has a value of `3`"},  {"a", "v", ""},
                    {"-", "v", ""}, {"-", "", "no row has a value of `3`"}, {"b", "v", "no row has `a`"}};
    struct mtr_str column = MTR_STR("3");
    const struct mtr_source source = {.map = {.columns = &column, .column_count = 1}, .expect = {.columns = MTR_COLUMNS_GROW}};
    struct mtr_buffer expected;
    mtr_buffer_init(&expected, 1 << 16);
    for (size_t i = 0; i < sizeof(readings) / sizeof(readings[0]); i++) {
        struct columns seen = {.is_beyond = readings[i].names[0] == '-'};
        struct drift drift;
        const struct mtr_str cell = mtr_str_from(readings[i].cell), name = mtr_str_from(readings[i].names);
        if (name.size) columns_begin_row(&seen);
        if (name.size && !seen.is_beyond) columns_note(&seen, name);
        column_values_note(&seen.values, &cell, 1);
        assert_int_equal(drift_find(&source, mtr_buffer_str(&expected), &seen, &drift), 0);
        if (!drift.text[0] != !readings[i].said[0] || !strstr(drift.text, readings[i].said)) fail_msg("%zu: %s", i, drift.text);
        assert_int_equal(drift.verdict, readings[i].cell[0] ? DRIFT_TAKEN : DRIFT_DOUBTED);
        if (drift.columns.size) {
            mtr_buffer_reset(&expected);
            assert_int_equal(mtr_buffer_append(&expected, drift.columns.data, drift.columns.size), 0);
        }
        drift_release(&drift);
        columns_release(&seen);
    }
    mtr_buffer_release(&expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_become_a_text),
        cmocka_unit_test(test_what_is_beyond_says_nothing),
        cmocka_unit_test(test_two_texts),
        cmocka_unit_test(test_values_of_the_maps_columns),
        cmocka_unit_test(test_values_of_columns_without_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
