/*
 * The column mapping of `meterd import`: a table of mappings and rows with the event that comes out, and of
 * mappings that are refused with their place.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "meterd/collector/import_row.h"
#include "meterd/core/time.h"
#include "meterd/source/import_map.h"

#define TOO_FINE \
    " has more than 12 digits behind the point, and cannot be kept exactly: say how to round it, as `round: {digits: 9}`"
#define BASE "id: I\ntype: =t\nsubject: S\n"

/* "id source type subject time data…" of the event, or "skipped", or "field: reason". */
static void render(const struct mtr_event *event, struct mtr_buffer *out)
{
    char time[MTR_TIME_TEXT_BYTES] = "-", number[MTR_DECIMAL_TEXT_BYTES];
    if (event->time_given) mtr_time_format(event->time_us, time);
    assert_int_equal(mtr_buffer_printf(out, "%.*s [%.*s] %.*s %.*s %s", MTR_STR_ARGS(event->id),
                                       MTR_STR_ARGS(event->source), MTR_STR_ARGS(event->type),
                                       MTR_STR_ARGS(event->subject), time),
                     0);
    for (uint32_t i = 0; i < event->property_count; i++) {
        const struct mtr_property *property = &event->properties[i];
        bool is_number = property->kind == MTR_PROPERTY_NUMBER;
        if (is_number) mtr_decimal_format(property->number, number);
        struct mtr_str text = is_number ? mtr_str_from(number) : property->text;
        assert_int_equal(mtr_buffer_printf(out, is_number ? " %.*s=%.*s" : " %.*s='%.*s'",
                                           MTR_STR_ARGS(property->name), MTR_STR_ARGS(text)),
                         0);
    }
}

/* Cells are "name=text", in any order. */
static void fill(const struct mtr_import_map *map, const char *const *cells, struct mtr_str *row)
{
    memset(row, 0, MTR_IMPORT_COLUMNS_MAX * sizeof(*row));
    for (uint32_t i = 0; i < map->column_count; i++)
        for (const char *const *cell = cells; *cell; cell++) {
            size_t size = strcspn(*cell, "=");
            if (mtr_str_equal(map->columns[i], (struct mtr_str){*cell, size}))
                row[i] = mtr_str_from(*cell + size + 1);
        }
}

static const struct {
    const char *map;
    const char *cells[8];
    const char *expected;
} made[] = {
    {BASE, {"I=7", "S=s"}, "7 [] t s -"},
    {"id: '{A}/{B}-x'\ntype: T\nsubject: '=sub'\nsource: A\n", {"A=a", "B=b", "T=u"}, "a/b-x [a] u sub -"},
    {"id: {hash: [A, B]}\ntype: =t\nsubject: =s\n", {"A=ab", "B=c"}, NULL},
    {BASE "time: T\n", {"I=1", "S=s", "T=2026-03-01T10:00:00+05:30"}, "1 [] t s 2026-03-01T04:30:00Z"},
    {BASE "time: T\ntime_format: utc\n", {"I=1", "S=s", "T=2026-03-01 10:00:00"}, "1 [] t s 2026-03-01T10:00:00Z"},
    {BASE "time: T\ntime_format: date\n", {"I=1", "S=s", "T=2026-03-01"}, "1 [] t s 2026-03-01T00:00:00Z"},
    {BASE "time: T\ntime_format: unix_s\n", {"I=1", "S=s", "T=1772359200"}, "1 [] t s 2026-03-01T10:00:00Z"},
    {BASE "time: T\ntime_format: unix_ms\n", {"I=1", "S=s", "T=1772359200001"}, "1 [] t s 2026-03-01T10:00:00.001Z"},
    {BASE "time: T\ntime_format: unix_us\n", {"I=1", "S=s", "T=1772359200000001"}, "1 [] t s 2026-03-01T10:00:00.000001Z"},
    {BASE "data: {q: Q, sku: {column: K, as: text}}\n", {"I=1", "S=s", "Q=2.000000000000000", "K=0012"}, "1 [] t s - q=2 sku='0012'"},
    {BASE "data.q: Q\ndata.k: K\n", {"I=1", "S=s", "Q=0012", "K=1.50"}, "1 [] t s - q='0012' k=1.5"},
    {BASE "data: {q: Q, k: K}\n'null': ['NULL', 'n/a']\n", {"I=1", "S=s", "Q=NULL", "K=n/a"}, "1 [] t s -"},
    {BASE "skip: {C: [Tax, Credit]}\n", {"I=1", "S=s", "C=Credit"}, "skipped"},
    {BASE "skip: {C: Tax}\n", {"I=1", "S=s", "C=Usage"}, "1 [] t s -"},
    {BASE, {"I=", "S=s"}, "id: the row has no value for it"},
    {BASE, {"S=s"}, "id: the row has no value for it"},
    {"id: '{A}/{B}'\ntype: =t\nsubject: =s\n", {"A=a", "B="}, "id: the row has no value for it"},
    {BASE "time: T\n", {"I=1", "S=s", "T=yesterday"}, "time: `yesterday` is no time in the mapping's format: rfc3339, as 2026-03-01T10:00:00Z"},
    {BASE "time: T\n", {"I=1", "S=s"}, "time: the row has no value for it"},
    {BASE "time: T\n", {"I=1", "S=s", "T=2026-03-01T24:00:00Z"},
     "time: `2026-03-01T24:00:00Z` is no time in the mapping's format: rfc3339, as 2026-03-01T10:00:00Z: RFC 3339 has no hour 24: write "
     "00:00:00 of the next day"},
    {BASE "time: T\ntime_format: utc\n", {"I=1", "S=s", "T=2026-03-01 24:00:00"},
     "time: `2026-03-01 24:00:00` is no time in the mapping's format: utc, as 2026-03-01 10:00:00: RFC 3339 has no hour 24: write "
     "00:00:00 of the next day"},
    {BASE "time: T\ntime_format: utc\n", {"I=1", "S=s", "T=2026-02-30 10:00:00"},
     "time: `2026-02-30 10:00:00` is no time in the mapping's format: utc, as 2026-03-01 10:00:00: there is no such day"},
    {BASE "time: T\ntime_format: utc\n", {"I=1", "S=s", "T=2026-03-01 10:00:00 and a long text behind it, of more bytes"},
     "time: `2026-03-01 10:00:00 and a long text behind it, of more bytes` is no time in the mapping's format: utc, as 2026-03-01 10:00:00"},
    {BASE "time: T\ntime_format: utc\n", {"I=1", "S=s", "T=2026-12-31 23:59:60"}, "1 [] t s 2027-01-01T00:00:00Z"},
    {BASE "time: {path: T, format: '%d.%m.%Y %H:%M', zone: Asia/Kathmandu}\n", {"I=1", "S=s", "T=01.03.2026 10:00"}, "1 [] t s 2026-03-01T04:15:00Z"},
    {BASE "time: {column: T, zone: Europe/Berlin}\n", {"I=1", "S=s", "T=2026-03-01 10:00"}, "1 [] t s 2026-03-01T09:00:00Z"},
    {BASE "time: T\n", {"I=1", "S=s", "T=2200-01-01T00:00:00Z"}, "time: `2200-01-01T00:00:00Z` is outside the years 1970 to 2199"},
    {BASE "data: {q: {column: Q, decimal: ','}}\n", {"I=1", "S=s", "Q=-1234,50"}, "1 [] t s - q=-1234.5"},
    {BASE "data: {q: {column: Q, decimal: ','}}\n", {"I=1", "S=s", "Q=1.234,50"},
     "data.q: `1.234,50` is no number with the decimal sign `,`: separators of thousands are left out"},
    {BASE "data: {q: {column: Q, decimal: ','}}\n", {"I=1", "S=s", "Q=1.5"}, "data.q: `1.5` is no number with the decimal sign `,`"},
    {BASE "data: {q: {path: Q, scale: '0.01'}}\n", {"I=1", "S=s", "Q=12345"}, "1 [] t s - q=123.45"},
    {BASE "data: {q: {path: Q, decimal: ',', scale: '0.5', round: {digits: 1, mode: half_up}}}\n", {"I=1", "S=s", "Q=2,5"}, "1 [] t s - q=1.3"},
    {BASE "data: {q: {path: Q, round: {digits: 9}}}\n", {"I=1", "S=s", "Q=1172.8799999999999"}, "1 [] t s - q=1172.88"},
    {BASE "data: {q: {path: Q, round: {digits: 12}}}\n", {"I=1", "S=s", "Q=2.3198314011096954e-05"}, "1 [] t s - q=0.000023198314"},
    {BASE "data: {q: {path: Q, scale: '1e-30'}}\n", {"I=1", "S=s", "Q=1.23456789"}, "data.q: `1.23456789`" TOO_FINE},
    {BASE "data: {q: {path: Q, scale: '1e-30'}}\n", {"I=1", "S=s", "Q=1.234567891"},
     "data.q: `1.234567891` cannot be kept exactly: a number has at most 38 digits, also times its scale"},
    {BASE "data: {q: {column: Q, as: number}}\n", {"I=1", "S=s", "Q=0.1234567890123"}, "data.q: `0.1234567890123`" TOO_FINE},
    {BASE "data: {q: Q}\n", {"I=1", "S=s", "Q=0.1234567890123"}, "1 [] t s - q=0.1234567890123"},
    {BASE "time: T\ntime_format: date\n", {"I=1", "S=s", "T=2026-02-30"},
     "time: `2026-02-30` is no time in the mapping's format: date, as 2026-03-01: there is no such day"},
    {BASE "time: T\ntime_format: unix_s\n", {"I=1", "S=s", "T=Oct 2"}, "time: `Oct 2` is no time in the mapping's format: unix_s, as 1772359200"},
    {BASE "data: {q: {column: Q, as: number}}\n", {"I=1", "S=s", "Q=many"}, "data.q: a number is expected, as 12 or 0.05, not `many`"},
    {BASE "data: {q: {column: Q, as: number}}\n", {"I=1", "S=s", "Q=1,50"}, "data.q: `1,50` is no number: write 1.50 (a decimal point)"},
    {BASE "data: {q: {column: Q, as: number}}\n", {"I=1", "S=s", "Q=1e99"}, "data.q: `1e99` cannot be kept exactly: a number has at most 38 digits"},
    {BASE "data: {q: Q}\n", {"I=1", "S=s", "Q=\xFF"}, "data.q: not valid UTF-8: say the file's encoding, as `encoding: windows-1252`"},
};

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(made) / sizeof(*made); i++) {
        static struct mtr_import_map map;
        static struct mtr_str row[MTR_IMPORT_COLUMNS_MAX];
        struct mtr_diagnostic diagnostic;
        struct mtr_arena arena;
        struct mtr_buffer text;
        struct mtr_event event;
        bool skipped;
        mtr_arena_init(&arena, 4096, 1 << 20);
        mtr_buffer_init(&text, 4096);
        if (mtr_import_map_parse(mtr_str_from(made[i].map), &map, &diagnostic))
            fail_msg("row %zu: %u:%u %s", i, diagnostic.line, diagnostic.column, diagnostic.text);
        fill(&map, made[i].cells, row);
        int rc = mtr_import_map_event(&map, row, &arena, &event, &skipped, &diagnostic);
        if (rc) {
            assert_int_equal(mtr_buffer_printf(&text, "%s: %s", diagnostic.field, diagnostic.text), 0);
        } else if (skipped) {
            assert_int_equal(mtr_buffer_printf(&text, "skipped"), 0);
        } else {
            render(&event, &text);
        }
        if (made[i].expected && !mtr_str_equal(mtr_buffer_str(&text), mtr_str_from(made[i].expected)))
            fail_msg("row %zu\n  expected: %s\n  got:      %.*s", i, made[i].expected,
                     MTR_STR_ARGS(mtr_buffer_str(&text)));
        mtr_buffer_release(&text);
        mtr_arena_release(&arena);
        mtr_import_map_release(&map);
    }
}

/* Ids by hash depend on the cells and where they end, and on nothing else. */
static void test_hash(void **state)
{
    (void)state;
    static const char *const cells[][3] = {
        {"A=ab", "B=c", NULL}, {"A=a", "B=bc", NULL}, {"A=abc", "B=", NULL}, {"B=c", "A=ab", NULL}};
    static struct mtr_import_map map;
    static struct mtr_str row[MTR_IMPORT_COLUMNS_MAX];
    struct mtr_diagnostic diagnostic;
    struct mtr_arena arena;
    struct mtr_event events[4];
    bool skipped;
    mtr_arena_init(&arena, 4096, 1 << 20);
    assert_int_equal(
        mtr_import_map_parse(MTR_STR("id: {hash: [A, B]}\ntype: =t\nsubject: =s\n"), &map, &diagnostic),
                             MTR_OK);
    for (size_t i = 0; i < 4; i++) {
        fill(&map, cells[i], row);
        assert_int_equal(mtr_import_map_event(&map, row, &arena, &events[i], &skipped, &diagnostic), MTR_OK);
        assert_int_equal(events[i].id.size, 32);
    }
    assert_false(mtr_str_equal(events[0].id, events[1].id) || mtr_str_equal(events[0].id, events[2].id) ||
                 mtr_str_equal(events[1].id, events[2].id));
    assert_true(mtr_str_equal(events[0].id, events[3].id));
    assert_true(mtr_str_equal(events[0].id, MTR_STR("f2eda2708bcfd51cc05c0ee4c9f60440"))); /* today as ever: files are imported again */
    mtr_arena_release(&arena);
    mtr_import_map_release(&map);
}

static const struct {
    const char *map, *expected;
} refusals[] = {
    {"type: =t\nsubject: S\n", "1:1 : id is missing: name a column, a template or {hash: [columns]}"},
    {"id: I\nsubject: S\n", "1:1 : type is missing"},
    {"id: I\ntype: =t\n", "1:1 : subject is missing"},
    {"[]", "1:1 : a mapping is a map of fields to columns"},
    {"id: '{I'\n", "1:5 id: '{' without '}'"},
    {"id: '{}'\n", "1:5 id: a column's name is missing"},
    {"id: ''\n", "1:5 id: a column, '=constant', '{template}' or {hash: [columns]} is expected"},
    {"id: [I]\n", "1:5 id: one value is expected, not a list"},
    {"id: {hash: I}\n", "1:12 hash: hash is a list of columns"},
    {"id: {hsh: [I]}\n",
     "1:11 hsh: unknown key: column, path, as, decimal, scale, round, hash or multiset is expected; did you mean `hash`?"},
    {"id: {multiset: true}\n",
     "1:16 multiset: alone is only in a source's document, as `identity: {multiset: true}`: name columns, as {hash: [columns], multiset: true}"},
    {"identity: {id: I}\n", "1:11 identity: is only in a source's document: a mapping says it as `id`, a column or {hash: [columns]}"},
    {BASE "data: {q: {column: Q, counter: {series: [S]}}}\n",
     "4:32 counter: is only in a source's document (`meterd import --source`): differences are taken of samples that are kept"},
    {BASE "data: {q: {column: Q, as: numbr}}\n", "4:27 as: text or number is expected; did you mean `number`?"},
    {BASE "data: Q\n", "4:7 data: a map of property to column is expected"},
    {BASE "data: {q: Q}\ndata.q: Q\n", "5:9 data.q: this property is mapped twice"},
    {BASE "time: {path: T, zone: Berlin}\n", "4:23 zone: a time zone is expected, as Europe/Berlin; did you mean `Europe/Berlin`?"},
    {BASE "time: {path: T, column: T, format: utc}\n", "4:7 time: {column: C, format: F, zone: Z} is expected"},
    {BASE "data: {q: {column: Q, decimal: ';'}}\n", "4:32 decimal: the sign before a number's fraction is \".\" or \",\""},
    {BASE "data: {q: {column: Q, scale: x}}\n", "4:30 scale: a number is expected, as \"0.01\": what is read is multiplied by it"},
    {BASE "data: {q: {column: Q, round: {digits: 13}}}\n", "4:39 digits: 0 to 12 digits behind the point are kept"},
    {BASE "data: {q: {column: Q, round: 2}}\n", "4:30 round: {digits: 9, mode: half_even} is expected"},
    {BASE "data: {q: {column: Q, round: {digits: 2, mode: bank}}}\n", "4:48 mode: half_even, half_up, up, down, ceiling or floor is expected"},
    {BASE "data: {q: {column: Q, round: {digits: 2, mode: Half-Up}}}\n",
     "4:48 mode: half_even, half_up, up, down, ceiling or floor is expected; did you mean `half_up`?"},
    {BASE "data: {q: {column: Q, round: {digit: 2}}}\n", "4:38 digit: unknown key: digits or mode is expected; did you mean `digits`?"},
    {BASE "data: {q: {colum: Q}}\n",
     "4:19 colum: unknown key: column, path, as, decimal, scale, round, hash or multiset is expected; did you mean `column`?"},
    {BASE "time: {column: T, formt: utc}\n",
     "4:26 formt: unknown key: column, path, format, zone, as, decimal, scale, round, hash or multiset is expected; did you mean `format`?"},
    {BASE "format: {cvs: {}}\n", "4:15 cvs: unknown key: csv, ndjson, json, prometheus or s3_list is expected; did you mean `csv`?"},
    {BASE "data: {q: {column: Q, as: text, scale: 2}}\n", "4:11 q: decimal, scale and round are of numbers, not of `as: text`"},
    {BASE "data: {q: {column: Q, multiset: true}}\n", "4:11 q: multiset is of {hash: [columns]} alone"},
    {BASE "format: csv\n", "4:9 format: {csv: {delimiter: \";\", header: true}} or {json: {rows: \"data[]\"}} is expected"},
    {BASE "format: {csv: {headr: true}}\n",
     "4:23 headr: unknown key: delimiter, quote, header, encoding, compression or entry is expected; did you mean `header`?"},
    {BASE "format: {csv: {encoding: cp12510}}\n", "4:26 encoding: the name of an encoding is expected, as windows-1251"},
    {BASE "format: {csv: {header: 1}}\n", "4:24 header: true or false is expected"},
    {BASE "format: {ndjson: {delimiter: x}}\n", "4:30 delimiter: unknown key: encoding, compression or entry is expected"},
    {BASE "format: {csv: {header: false}}\n", "1:1 : without a header columns are named by their numbers, from 1 on"},
    {BASE "time_format: '%Y'\n", "4:14 time_format: the pattern names no day: %d, %j, %F, %D or %s is needed"},
    {BASE "format: {json: {}}\n", "4:16 json: rows is missing: where the document has them, as data[].items[]"},
    {BASE "format: {json: {rows: ^.a}}\n", "4:23 rows: the path of the rows is expected, as data[].items[], or [] of a bare list"},
    {BASE "format: {prometheus: {rows: a}}\n", "4:29 rows: this format has no keys: {} is expected"},
    {BASE "data: {q: 'a[].b'}\nformat: {json: {rows: 'd[]'}}\n", "4:11 q: a column has one value: [] is of `rows` alone"},
    {BASE "data: {q: '{^.a}/{^^.b}'}\nformat: {json: {rows: 'd[]'}}\n",
     "4:11 q: climbs out of the document: it has more ^ than there are maps around a row"},
    {BASE "format: {ndjson: {}}\ndata: {q: {path: ^.a}}\n", "5:18 path: ^ climbs out of the rows of json: a line has nothing around it"},
    {BASE "delimiter: ';;'\n", "4:12 delimiter: one character is expected"},
    {BASE "skip: Tax\n", "4:7 skip: a map of column to value is expected"},
    {BASE "tiem: T\n",
     "4:7 tiem: unknown key: id, source, type, subject, time, time_format, data, skip, null, format or delimiter is expected; did you mean `time`?"},
};

static void test_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++) {
        static struct mtr_import_map map;
        struct mtr_diagnostic diagnostic;
        char text[MTR_FINDING_TEXT_BYTES + MTR_FINDING_FIELD_BYTES + 40];
        assert_int_equal(mtr_import_map_parse(mtr_str_from(refusals[i].map), &map, &diagnostic), MTR_EINVALID);
        snprintf(text, sizeof(text), "%u:%u %s: %s", diagnostic.line, diagnostic.column, diagnostic.field,
                 diagnostic.text);
        if (strcmp(text, refusals[i].expected) != 0)
            fail_msg("row %zu\n  expected: %s\n  got:      %s", i, refusals[i].expected, text);
        mtr_import_map_release(&map);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows), cmocka_unit_test(test_hash),
                                       cmocka_unit_test(test_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
