/*
 * A file that is given as an answer: where the times of its rows lie, and that what would take away too much
 * is suspect, also of a window that is not over, unless whoever gives it says that it is meant.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "collector/source/verdict/verdict.h"
#include "meterd/collector/given_file.h"

#define DAY_US INT64_C(86400000000)
static const char MAP[] = "id: Id\ntype: =t\nsubject: A\ntime: {column: At, format: date}\ndata: {q: Q}\nskip: {Id: [x]}\nformat: {csv: {}}\n";

static const struct {
    const char *file;
    int rc;
    uint64_t rows, inside, untimed;
    int64_t first_day, last_day; /* of 1970 */
    const char *fault;
} spans[] = {
    {"Id,A,At,Q\n1,s,1970-01-11,5\n2,s,1970-01-13,5\n", MTR_OK, 2, 1, 0, 10, 12, ""},
    {"Id,A,At,Q\n1,s,1970-01-13,5\n2,s,1970-01-11,5\n3,s,1970-01-11,5\n", MTR_OK, 3, 2, 0, 10, 12, ""},
    {"Id,A,At,Q\nx,s,1970-01-01,5\n1,s,1970-01-11,5\n", MTR_OK, 1, 1, 0, 10, 10, ""},   /* skipped: no row of ours */
    {"Id,A,At,Q\n1,s,the 3rd,5\n2,s,1970-01-11,5\n", MTR_OK, 1, 1, 0, 10, 10, ""},      /* the reading keeps it aside */
    {"Id,A,At,Q\n", MTR_OK, 0, 0, 0, 0, 0, ""},
    {"", MTR_EINVALID, 0, 0, 0, 0, 0, "the file is empty"},
    {"Id,A,Q\n1,s,5\n", MTR_EINVALID, 0, 0, 0, 0, 0, "column 'At' is not in the header"},
    {"\x1f\x8b\x08", MTR_ECORRUPT, 0, 0, 0, 0, 0, "gzip"},
};

static void test_where_its_rows_lie(void **state)
{
    const struct mtr_window window = {10 * DAY_US, 11 * DAY_US};
    struct mtr_source source = {.answer.bytes_max = 1 << 20};
    struct mtr_diagnostic diagnostic;
    (void)state;
    if (mtr_import_map_parse(mtr_str_from(MAP), &source.map, &diagnostic)) fail_msg("%s", diagnostic.text);
    for (size_t i = 0; i < sizeof(spans) / sizeof(*spans); i++) {
        struct mtr_given_span span;
        char fault[MTR_GIVEN_TEXT_BYTES];
        const int rc = mtr_given_span(&source, mtr_str_from(spans[i].file), &window, &span, fault);
        if (rc != spans[i].rc) fail_msg("file %zu: %d, %s", i, rc, fault);
        if (!strstr(fault, spans[i].fault)) fail_msg("%s is not in %s", spans[i].fault, fault);
        if (spans[i].rc) continue;
        assert_int_equal(span.rows, spans[i].rows);
        assert_int_equal(span.inside, spans[i].inside);
        assert_int_equal(span.untimed, spans[i].untimed);
        if (span.rows == span.untimed) continue;
        assert_int_equal(span.first_us, spans[i].first_day * DAY_US);
        assert_int_equal(span.last_us, spans[i].last_day * DAY_US);
    }
    mtr_import_map_release(&source.map);
}

/* Rows that say no time are of whatever window the file is. */
static void test_rows_without_a_time(void **state)
{
    static const char map[] = "id: Id\ntype: =t\nsubject: A\ndata: {q: Q}\nformat: {csv: {}}\n";
    struct mtr_source source = {.answer.bytes_max = 1 << 20};
    struct mtr_diagnostic diagnostic;
    struct mtr_given_span span;
    char fault[MTR_GIVEN_TEXT_BYTES];
    (void)state;
    assert_int_equal(mtr_import_map_parse(mtr_str_from(map), &source.map, &diagnostic), 0);
    assert_int_equal(mtr_given_span(&source, MTR_STR("Id,A,Q\n1,s,5\n2,s,5\n"), NULL, &span, fault), 0);
    assert_int_equal(span.rows, 2);
    assert_int_equal(span.inside, 2);
    assert_int_equal(span.untimed, 2);
    mtr_import_map_release(&source.map);
}

static void test_no_more_than_the_document_allows(void **state)
{
    struct mtr_source source = {.answer.bytes_max = 20};
    struct mtr_diagnostic diagnostic;
    struct mtr_given_span span;
    char fault[MTR_GIVEN_TEXT_BYTES];
    (void)state;
    assert_int_equal(mtr_import_map_parse(mtr_str_from(MAP), &source.map, &diagnostic), 0);
    assert_int_equal(mtr_given_span(&source, mtr_str_from(spans[0].file), NULL, &span, fault), MTR_ELIMIT);
    assert_non_null(strstr(fault, "more than 20 bytes"));
    mtr_import_map_release(&source.map);
}

static void test_too_much_at_once(void **state)
{
    static const struct {
        bool is_draft, is_given, is_accepted, is_absent;
        uint64_t gone;
        enum mtr_alarm alarm;
    } rows[] = {
        {false, false, false, false, 3, MTR_ALARM_SUSPECT}, {true, false, false, false, 3, MTR_ALARM_SUSPECT},
        {true, true, false, false, 3, MTR_ALARM_SUSPECT},   {false, true, false, false, 3, MTR_ALARM_SUSPECT},
        {false, true, true, false, 3, MTR_ALARM_NONE},      {true, true, true, false, 10, MTR_ALARM_NONE},
        {false, true, false, false, 2, MTR_ALARM_NONE},     {false, true, false, true, 0, MTR_ALARM_INCOMPLETE},
        {false, true, true, true, 0, MTR_ALARM_NONE},
    };
    const struct mtr_source source = {.guard = {.shrink_percent = 20, .rows_max = 100, .agree = 2}};
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        const struct reading_facts facts = {.source = &source, .is_draft = rows[i].is_draft, .is_given = rows[i].is_given,
                                            .is_accepted = rows[i].is_accepted, .is_absent = rows[i].is_absent,
                                            .known = 10, .gone = rows[i].gone, .counted = 10, .counted_gone = rows[i].gone,
                                            .taken = 10 - rows[i].gone, .rows = 10 - rows[i].gone};
        struct verdict verdict;
        verdict_make(&facts, &verdict);
        if (verdict.alarm != rows[i].alarm) fail_msg("row %zu: %s", i, verdict.problem);
        if (!verdict.alarm) assert_int_equal(verdict.state, rows[i].is_draft ? MTR_WINDOW_OPEN : MTR_WINDOW_COMPLETE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_where_its_rows_lie),
        cmocka_unit_test(test_rows_without_a_time),
        cmocka_unit_test(test_no_more_than_the_document_allows),
        cmocka_unit_test(test_too_much_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
