/*
 * Rows to events: whatever the pieces they come in, one bad row is one problem; equal rows; headers and numbers
 * of columns.
 */
#include "meterd/collector/row_reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct mtr_buffer out;

static int on_event(void *context, const struct mtr_event *event, const struct mtr_record_place *place)
{
    (void)context;
    return mtr_buffer_printf(&out, "%llu:%.*s/%.*s ", (unsigned long long)place->line, MTR_STR_ARGS(event->id),
                             MTR_STR_ARGS(event->subject));
}

static int on_problem(void *context, const struct mtr_diagnostic *problem, const struct mtr_record_place *place)
{
    (void)context;
    (void)place;
    return mtr_buffer_printf(&out, "%u!%s ", problem->line, mtr_finding_kind(problem->code)->code);
}

struct given {
    const char *map;
    enum mtr_row_format_kind format;
    const char *text, *expected;
    int rc;
};

static struct mtr_row_counts read_all(const struct given *given, size_t piece_bytes)
{
    const struct mtr_row_hooks hooks = {on_event, on_problem, NULL};
    struct mtr_import_map *map = test_malloc(sizeof(*map));
    struct mtr_row_reader *reader;
    struct mtr_diagnostic diagnostic;
    const char *fault;
    const size_t size = strlen(given->text);
    mtr_buffer_init(&out, 1 << 16);
    assert_int_equal(mtr_import_map_parse(mtr_str_from(given->map), map, &diagnostic), MTR_OK);
    struct mtr_row_format format = map->format;
    format.kind = given->format;
    static const struct mtr_label each = {{"each.subject", 12}, {"vm-9", 4}};
    const struct mtr_row_options options = {
        .format = &format, .gather_bytes = 7, .has_repeated = true, .constants = &each, .constant_count = strstr(given->map, "each.") != NULL};
    assert_int_equal(mtr_row_reader_open(map, &options, &hooks, &reader, &fault), MTR_OK);
    int rc = MTR_OK;
    for (size_t at = 0; !rc && at < size; at += piece_bytes) {
        const size_t left = size - at;
        rc = mtr_row_reader_read(reader, (struct mtr_str){given->text + at, left < piece_bytes ? left : piece_bytes});
    }
    if (!rc) rc = mtr_row_reader_end(reader);
    assert_int_equal(rc, given->rc);
    assert_int_equal(mtr_buffer_append_char(&out, '\0'), 0);
    const struct mtr_row_counts counts = mtr_row_reader_counts(reader);
    mtr_row_reader_close(reader);
    mtr_import_map_release(map);
    test_free(map);
    return counts;
}

#define NAMED "id: I\ntype: =t\nsubject: S\n"
#define NUMBERED "id: '2'\ntype: =t\nsubject: '1'\n"
#define HASHED "id: {hash: [I]}\ntype: =t\nsubject: S\n"

static const struct given rows[] = {
    {NAMED, MTR_ROWS_CSV, "S,I\ns,1\nr,2\n", "2:1/s 3:2/r ", 0},
    {NAMED, MTR_ROWS_CSV, "\xEF\xBB\xBFS,I\r\ns,1\r\n\r\nr,2", "2:1/s 4:2/r ", 0},
    {NAMED, MTR_ROWS_CSV, "S,I\rs,1\rr,2\r", "2:1/s 3:2/r ", 0},
    {NAMED, MTR_ROWS_CSV, "S,I,X\ns,1\ns,2,x,y\nr,3,x,\nr,4,x,,,\n", "2:1/s 3!import.cells 4:3/r 5:4/r ", 0},
    {NAMED, MTR_ROWS_CSV, "S,I\ns,\nr\"x,1\nr,2\n", "2!import.value 3!csv.quote 4:2/r ", 0},
    {NAMED, MTR_ROWS_CSV, "S,I\ns,\"1\nr,2\nq,3\n", "2!csv.quote 3:2/r 4:3/q ", 0},
    {NAMED, MTR_ROWS_CSV, "S,J\ns,1\n", "1!import.column ", MTR_EINVALID},
    {NAMED, MTR_ROWS_CSV, "S,I,S\ns,1,r\n", "1!import.column ", MTR_EINVALID},
    {NAMED, MTR_ROWS_CSV, "S,I,X,X\ns,1,r,t\n", "2:1/s ", 0}, /* nobody asks for the one that stands twice */
    {NAMED, MTR_ROWS_CSV, "", "1!import.empty ", MTR_EINVALID},
    {NAMED, MTR_ROWS_CSV, "S,\"I\ns,1\n", "1!csv.quote 2!import.column ", MTR_EINVALID},
    {NAMED "format: {csv: {delimiter: ;}}\n", MTR_ROWS_CSV, "S;I\ns;1\n", "2:1/s ", 0},
    {NUMBERED, MTR_ROWS_CSV, "s,1\nr,2\n", "1:1/s 2:2/r ", 0},
    {NUMBERED, MTR_ROWS_CSV, "s,1\nr,2,x\n", "1:1/s 2!import.cells ", 0},
    {NUMBERED, MTR_ROWS_CSV, "1,2\nr,2\n", "2:2/r ", 0}, /* a header of just these names */
    {NUMBERED "format: {csv: {header: true}}\n", MTR_ROWS_CSV, "S,I\nr,2\n", "2:2/r ", 0},
    {NUMBERED "format: {csv: {header: false}}\n", MTR_ROWS_CSV, "1,2\nr,2\n", "1:2/1 2:2/r ", 0},
    /* A constant is no column of the rows. */
    {"id: '{each.subject}-{I}'\ntype: =t\nsubject: each.subject\n", MTR_ROWS_CSV, "X,I\ns,1\nr,2\n", "2:vm-9-1/vm-9 3:vm-9-2/vm-9 ", 0},
    {"id: I\ntype: =t\nsubject: each.subject\n", MTR_ROWS_NDJSON, "{\"each\":{\"subject\":7},\"I\":1}\n", "1:1/vm-9 ", 0},
    {NAMED, MTR_ROWS_NDJSON, "{\"S\":\"s\",\"I\":1}\n{\"S\":\"r\",\"I\":\"2\"}", "1:1/s 2:2/r ", 0},
    {NAMED, MTR_ROWS_NDJSON, "\xEF\xBB\xBF{\"S\":\"s\",\"I\":1}\r\n\r\n  \r\n{\"S\":\"r\",\"I\":2}\r\n", "1:1/s 4:2/r ", 0},
    {NAMED, MTR_ROWS_NDJSON, "{\"S\":\"s\",\"I\":[1]}\n[]\n{\n{\"S\":\"r\",\"I\":2}\n", "1!import.line 2!import.line 3!import.line 4:2/r ", 0},
    {"id: u.ids[1]\ntype: =t\nsubject: '[\"a.b@c\"].s[0][0]'\n", MTR_ROWS_NDJSON,
     "{\"u\":{\"ids\":[7,8]},\"a.b@c\":{\"s\":[[\"x\"]]}}\n"
     "{\"u.ids[1]\":9,\"a.b@c\":{\"s\":[[\"y\"]]}}\n{\"u\":{\"ids\":[7]},\"a.b@c\":{\"s\":[[1]]}}\n"
     "{\"u\":{\"ids\":{\"1\":7}},\"a.b@c\":{\"s\":[[1]]}}\n"
     "{\"u\":[{\"ids\":[7,8]}],\"a.b@c\":{\"s\":[[1]]}}\n{\"u\":{\"ids\":[7,[8]]},\"a.b@c\":{\"s\":[[1]]}}\n",
     "1:8/x 2:9/y 3!import.value 4!import.value 5!import.line 6!import.line ", 0},
    {"id: 'a['\ntype: =t\nsubject: 'b..c'\n", MTR_ROWS_NDJSON, "{\"a[\":1,\"b..c\":2}\n{\"a\":[1],\"b\":{\"c\":2}}\n",
     "1:1/2 2!import.value ", 0}, /* no paths */
    {NAMED, MTR_ROWS_NDJSON, "\n\n", "1!import.empty ", MTR_EINVALID},
};

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        for (size_t piece_bytes = 1; piece_bytes <= 24; piece_bytes++) {
            (void)read_all(&rows[i], piece_bytes);
            if (strcmp(out.data, rows[i].expected) != 0) fail_msg("row %zu: %s, not %s", i, out.data, rows[i].expected);
            mtr_buffer_release(&out);
        }
}

/* Each equal row is one of its own, or they count once and it is said. */
static void test_equal_rows(void **state)
{
    (void)state;
    static const char text[] = "S,I\ns,1\ns,1\ns,2\ns,1\n";
    static const char multiset[] = "id: {hash: [I], multiset: true}\ntype: =t\nsubject: S\n";
    const struct given once = {HASHED, MTR_ROWS_CSV, text, NULL, 0}, each = {multiset, MTR_ROWS_CSV, text, NULL, 0};
    struct mtr_row_counts counts = read_all(&once, 5);
    char id[33] = "";
    memcpy(id, out.data + 2, 32);
    assert_int_equal(counts.events, 4);
    assert_int_equal(counts.repeated, 2);
    assert_int_equal(counts.repeated_line, 3);
    mtr_buffer_release(&out);
    counts = read_all(&each, 5);
    char expected[400];
    snprintf(expected, sizeof(expected), "2:%s/s 3:%s#2/s ", id, id); /* the first as without */
    assert_int_equal(strncmp(out.data, expected, strlen(expected)), 0);
    assert_non_null(strstr(out.data, "#3/s"));
    assert_null(strstr(out.data, "#4/s"));
    assert_int_equal(counts.repeated, 0);
    mtr_buffer_release(&out);
}

static int stop_at_two(void *context, const struct mtr_event *event, const struct mtr_record_place *place)
{
    (void)event;
    ++*(int *)context;
    return place->line == 3 ? MTR_ECLOSED : MTR_OK;
}

static void test_a_hook_ends_the_reading(void **state)
{
    (void)state;
    static const struct given given[] = {{NAMED, MTR_ROWS_CSV, "S,I\ns,1\ns,2\ns,3\n", NULL, 0},
                                         {NAMED, MTR_ROWS_NDJSON, "\n{\"S\":1,\"I\":1}\n{\"S\":1,\"I\":2}\n{\"S\":1,\"I\":3}\n", NULL, 0}};
    for (int i = 0; i < 2; i++) {
        int seen = 0;
        const struct mtr_row_hooks hooks = {stop_at_two, on_problem, &seen};
        struct mtr_import_map *map = test_malloc(sizeof(*map));
        struct mtr_row_reader *reader;
        struct mtr_diagnostic diagnostic;
        assert_int_equal(mtr_import_map_parse(mtr_str_from(given[i].map), map, &diagnostic), MTR_OK);
        struct mtr_row_format format = map->format;
        format.kind = given[i].format;
        const struct mtr_row_options options = {.format = &format, .gather_bytes = 1};
        const char *fault;
        assert_int_equal(mtr_row_reader_open(map, &options, &hooks, &reader, &fault), MTR_OK);
        assert_int_equal(mtr_row_reader_read(reader, mtr_str_from(given[i].text)), MTR_ECLOSED);
        assert_int_equal(seen, 2);
        mtr_row_reader_close(reader);
        mtr_import_map_release(map);
        test_free(map);
    }
}

/* A file without a line is a wrong one; an answer without a line has no rows, and a page of one may follow. */
static void test_no_line_at_all(void **state)
{
    (void)state;
    static const char map_text[] = "id: I\ntype: =t\nsubject: S\nformat: {ndjson: {}}\n";
    static const char *const pages[] = {"", "{\"I\":\"1\",\"S\":\"a\"}\n", "\n"};
    for (int may_be_empty = 0; may_be_empty < 2; may_be_empty++) {
        const struct mtr_row_hooks hooks = {on_event, on_problem, NULL};
        struct mtr_import_map *map = test_malloc(sizeof(*map));
        struct mtr_row_reader *reader;
        struct mtr_diagnostic diagnostic;
        const char *fault;
        assert_int_equal(mtr_import_map_parse(mtr_str_from(map_text), map, &diagnostic), MTR_OK);
        const struct mtr_row_options options = {.format = &map->format, .may_be_empty = may_be_empty};
        mtr_buffer_init(&out, 1 << 20);
        assert_int_equal(mtr_row_reader_open(map, &options, &hooks, &reader, &fault), MTR_OK);
        for (int i = 0; i < 3; i++) {
            if (i) assert_int_equal(mtr_row_reader_turn(reader, &fault), MTR_OK);
            assert_int_equal(mtr_row_reader_read(reader, mtr_str_from(pages[i])), MTR_OK);
            assert_int_equal(mtr_row_reader_end(reader), may_be_empty || i == 1 ? MTR_OK : MTR_EINVALID);
            if (!may_be_empty) break;
        }
        assert_int_equal(mtr_row_reader_counts(reader).events, may_be_empty);
        mtr_buffer_release(&out);
        mtr_row_reader_close(reader);
        mtr_import_map_release(map);
        test_free(map);
    }
}

/* Pages of an answer: each has a header of its own, and the n-th of equal rows is counted through all of them. */
static void test_pages_are_one_reading(void **state)
{
    (void)state;
    static const char map_text[] = "id: {hash: [I], multiset: true}\ntype: =t\nsubject: S\n";
    static const char *const pages[] = {"S,I\na,1\nb,1\n", "I,S\n1,c\n2,d\n", "S,I\n"};
    const struct mtr_row_hooks hooks = {on_event, on_problem, NULL};
    struct mtr_import_map *map = test_malloc(sizeof(*map));
    struct mtr_row_reader *reader;
    struct mtr_diagnostic diagnostic;
    const char *fault;
    char first[33], second[33];
    mtr_buffer_init(&out, 1 << 16);
    assert_int_equal(mtr_import_map_parse(mtr_str_from(map_text), map, &diagnostic), 0);
    struct mtr_row_format format = map->format;
    format.kind = MTR_ROWS_CSV;
    const struct mtr_row_options options = {.format = &format};
    assert_int_equal(mtr_row_reader_open(map, &options, &hooks, &reader, &fault), 0);
    for (int i = 0; i < 3; i++) {
        if (i) assert_int_equal(mtr_row_reader_turn(reader, &fault), 0);
        assert_int_equal(mtr_row_reader_read(reader, mtr_str_from(pages[i])), 0);
        assert_int_equal(mtr_row_reader_end(reader), 0);
    }
    assert_int_equal(mtr_row_reader_counts(reader).rows, 4);
    assert_int_equal(mtr_row_reader_counts(reader).events, 4);
    assert_int_equal(mtr_buffer_append_char(&out, '\0'), 0);
    assert_int_equal(sscanf(out.data, "2:%32[0-9a-f]/a 3:%*32[0-9a-f]#2/b 2:%*32[0-9a-f]#3/c 3:%32[0-9a-f]/d ", first, second), 2);
    assert_string_not_equal(first, second);
    mtr_row_reader_close(reader);
    mtr_import_map_release(map);
    test_free(map);
    mtr_buffer_release(&out);
}

/* What a reading is proved by: all rows, also those that are skipped or a problem, in any order. */
static void test_proofs(void **state)
{
    (void)state;
    static const struct {
        const char *map, *sum_of, *text;
        uint64_t rows, not_summed;
        const char *sum;
        unsigned same_as; /* the case with the same hash */
    } cases[] = {
        {NAMED "data: {q: {column: Q, decimal: ',', scale: '0.01', round: {digits: 0}}}\nskip: {S: [x]}\n", "q",
         "S,I,Q\ns,1,\"0,105\"\nx,2,\"0,2\"\n,3,\"1e3\"\n", 3, 0, "1000.305", 0},
        {NAMED "data: {q: {column: Q, decimal: ','}}\nskip: {S: [x]}\n", "q", "S,I,Q\n,3,\"1e3\"\ns,1,\"0,105\"\nx,2,\"0,2\"\n", 3, 0, "1000.305", 0},
        {NAMED "data: {q: {column: Q, decimal: ','}}\n", "q", "S,I,Q\ns,1,\"0,105\"\ns,1,\"0,105\"\n", 2, 0, "0.21", 2}, /* equal rows are no fewer */
        {NAMED "data: {q: {column: Q, decimal: ','}}\n", "q", "S,I,Q\ns,1,\"0,105\"\n", 1, 0, "0.105", 3},
        {NAMED, "Cost", "S,I,Cost\ns,1,0.1\ns,2,0.2\ns,3,\ns,4,free\n", 4, 2, "0.3", 4}, /* a column that nothing maps */
        {NAMED, "I", "S,I\ns,99999999999999999999999999999999999999\ns,2\n", 2, 1, "99999999999999999999999999999999999999", 5},
        {NAMED, "I", "S,I\ns,1\ns\"\ns,2\n", 3, 0, "3", 6}, /* a line that is no row is one that was published */
    };
    uint64_t hashes[sizeof(cases) / sizeof(cases[0])][2];
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct mtr_row_hooks hooks = {on_event, on_problem, NULL};
        struct mtr_import_map *map = test_malloc(sizeof(*map));
        struct mtr_row_reader *reader;
        struct mtr_diagnostic diagnostic;
        const char *fault;
        char sum[MTR_DECIMAL_TEXT_BYTES];
        mtr_buffer_init(&out, 1 << 16);
        assert_int_equal(mtr_import_map_parse(mtr_str_from(cases[i].map), map, &diagnostic), 0);
        struct mtr_row_format format = map->format;
        format.kind = MTR_ROWS_CSV;
        const struct mtr_row_options options = {.format = &format, .sum_of = mtr_str_from(cases[i].sum_of), .has_hash = true};
        assert_int_equal(mtr_row_reader_open(map, &options, &hooks, &reader, &fault), 0);
        assert_int_equal(mtr_row_reader_read(reader, mtr_str_from(cases[i].text)), 0);
        assert_int_equal(mtr_row_reader_end(reader), 0);
        const struct mtr_row_counts counts = mtr_row_reader_counts(reader);
        mtr_decimal_format(counts.sum, sum);
        assert_int_equal(counts.rows, cases[i].rows);
        assert_int_equal(counts.not_summed, cases[i].not_summed);
        assert_string_equal(sum, cases[i].sum);
        memcpy(hashes[i], counts.hash, sizeof(counts.hash));
        for (size_t j = 0; j <= i; j++)
            assert_int_equal(memcmp(hashes[i], hashes[j], sizeof(counts.hash)) == 0, cases[i].same_as == cases[j].same_as);
        mtr_row_reader_close(reader);
        mtr_import_map_release(map);
        test_free(map);
        mtr_buffer_release(&out);
    }
}

struct wanting {
    uint32_t asked, wanted; /* a bit for each that is */
};

static bool wants(void *context)
{
    struct wanting *wanting = context;
    return wanting->wanted >> wanting->asked++ & 1;
}

/* Rows that nobody wants are not mapped, and nobody is asked of what the map leaves out; where rows depend on those before them all are mapped. */
static void test_wanted_rows(void **state)
{
    (void)state;
    static const char text[] = "S,I\ns,1\nleft,2\ns,\ns,4\ns,5\n,6\n";
    static const struct {
        const char *map, *expected;
        uint32_t wanted, asked, skipped;
    } cases[] = {{NAMED "skip: {S: [left]}\n", "2:1/s 4!import.value 5:4/s 6:5/s 7!import.value ", 0x1f, 5, 1},
                 {NAMED "skip: {S: [left]}\n", "4!import.value 6:5/s ", 0x0a, 5, 1},
                 {NAMED "skip: {S: [left]}\n", "", 0, 5, 1},
                 {"id: {hash: [S], multiset: true}\ntype: =t\nsubject: S\n", NULL, 0, 0, 0}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct wanting wanting = {0, cases[i].wanted};
        const struct mtr_row_hooks hooks = {on_event, on_problem, &wanting};
        struct mtr_import_map *map = test_malloc(sizeof(*map));
        struct mtr_row_reader *reader;
        struct mtr_diagnostic diagnostic;
        const char *fault;
        mtr_buffer_init(&out, 1 << 16);
        assert_int_equal(mtr_import_map_parse(mtr_str_from(cases[i].map), map, &diagnostic), MTR_OK);
        struct mtr_row_format format = map->format;
        format.kind = MTR_ROWS_CSV;
        const struct mtr_row_options options = {.format = &format, .is_wanted = wants};
        assert_int_equal(mtr_row_reader_open(map, &options, &hooks, &reader, &fault), MTR_OK);
        assert_int_equal(mtr_row_reader_read(reader, mtr_str_from(text)), MTR_OK);
        assert_int_equal(mtr_row_reader_end(reader), MTR_OK);
        assert_int_equal(wanting.asked, cases[i].asked);
        assert_int_equal(mtr_row_reader_counts(reader).rows, 6);
        assert_int_equal(mtr_row_reader_counts(reader).skipped, cases[i].skipped);
        if (cases[i].expected) assert_string_equal(out.size ? out.data : "", cases[i].expected);
        mtr_buffer_release(&out);
        mtr_row_reader_close(reader);
        mtr_import_map_release(map);
        test_free(map);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows), cmocka_unit_test(test_equal_rows), cmocka_unit_test(test_wanted_rows),
                                       cmocka_unit_test(test_a_hook_ends_the_reading),
                                       cmocka_unit_test(test_pages_are_one_reading), cmocka_unit_test(test_no_line_at_all), cmocka_unit_test(test_proofs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
