/*
 * Records of every format as cells: whatever the pieces they come in, the same records at the same places, the same
 * values beside them, and one problem for what is wrong.
 */
#include "meterd/collector/record_reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct mtr_buffer out;
static const char *given_text;
static uint32_t cell_count;
static uint64_t last_problem; /* 0: of the whole */

/* Bytes that are a value of their own: a map, a list, an element, or a bare one with nothing around it. */
static bool is_value(const char *text, size_t size)
{
    if (!size || size > strlen(text)) return false;
    if (strchr("{[<", text[0])) return strchr("}]>", text[size - 1]);
    return !strpbrk(text, "{[") && !strchr(" \n,]", text[size - 1]) && strchr(" \n,]}", text[size]);
}

static int on_record(void *context, const struct mtr_str *cells, const struct mtr_record_place *place)
{
    (void)context;
    int rc = mtr_buffer_printf(&out, "%llu:", (unsigned long long)place->number);
    for (uint32_t i = 0; !rc && i < cell_count; i++)
        rc = mtr_buffer_printf(&out, "%s%.*s", i ? "|" : "", cells[i].data ? (int)cells[i].size : 1,
                               cells[i].data ? cells[i].data : "-");
    if (place->offset > strlen(given_text) || !is_value(given_text + place->offset, place->size)) rc = mtr_buffer_printf(&out, "!place");
    return rc ? rc : mtr_buffer_append_char(&out, ' ');
}

static int on_problem(void *context, const struct mtr_diagnostic *problem, const struct mtr_record_place *place)
{
    (void)context;
    assert_int_equal(problem->line, place->line);
    last_problem = place->number;
    return mtr_buffer_printf(&out, "%u.%u!%s ", problem->line, problem->column, problem->text);
}

enum { LIST_MAX = 8 };

struct given {
    const char *rows;
    const char *columns[LIST_MAX], *wants[LIST_MAX]; /* a want of the first record begins with <, of the last with > */
    const char *text, *expected;
    int rc;
};

static const char *const kinds[] = {"nothing", "null", "true", "false", "number", "text", "refused", "list", "map"};

static uint32_t fill_wants(const struct given *given, struct mtr_record_want *wants)
{
    uint32_t count = 0;
    for (; count < LIST_MAX && given->wants[count]; count++) {
        const char *path = given->wants[count];
        const bool is_first = path[0] == '<', is_last = path[0] == '>';
        wants[count].of = is_first ? MTR_WANT_OF_FIRST_RECORD : is_last ? MTR_WANT_OF_LAST_RECORD : MTR_WANT_OF_DOCUMENT;
        wants[count].path = mtr_str_from(path + (is_first || is_last));
    }
    return count;
}

static void read_all(enum mtr_row_format_kind kind, const struct given *given, size_t piece_bytes, uint32_t gather_bytes)
{
    const struct mtr_record_hooks hooks = {on_record, on_problem, NULL};
    struct mtr_row_format format = mtr_row_format_default();
    struct mtr_str columns[LIST_MAX];
    struct mtr_record_want wants[LIST_MAX];
    struct mtr_record_reader *reader;
    const char *fault;
    const size_t size = strlen(given->text);
    given_text = given->text;
    format.kind = kind;
    format.rows = mtr_str_from(given->rows);
    for (cell_count = 0; cell_count < LIST_MAX && given->columns[cell_count]; cell_count++)
        columns[cell_count] = mtr_str_from(given->columns[cell_count]);
    const struct mtr_record_spec spec = {&format, columns, cell_count, wants, fill_wants(given, wants), gather_bytes, false, NULL};
    mtr_buffer_init(&out, 1 << 20);
    int rc = mtr_record_reader_open(&spec, &hooks, &reader, &fault);
    if (rc) {
        assert_int_equal(rc, given->rc);
        assert_int_equal(mtr_buffer_printf(&out, "%s", fault), 0);
        return;
    }
    for (size_t at = 0; !rc && at < size; at += piece_bytes)
        rc = mtr_record_reader_read(reader, (struct mtr_str){given->text + at, size - at < piece_bytes ? size - at : piece_bytes});
    if (!rc) rc = mtr_record_reader_end(reader);
    for (uint32_t i = 0; !rc && i < spec.want_count; i++) {
        const struct mtr_found found = mtr_record_reader_found(reader, i);
        const char *empty = found.kind >= MTR_FOUND_LIST && !found.count ? "0" : "";
        assert_int_equal(mtr_buffer_printf(&out, "%s(%.*s)%s ", kinds[found.kind], MTR_STR_ARGS(found.text), empty), 0);
    }
    if (rc == MTR_EINVALID) assert_int_equal(last_problem, 0);
    if (rc != given->rc)
        fail_msg("%s in pieces of %zu: %d, not %d: %.*s", given->text, piece_bytes, rc, given->rc, MTR_STR_ARGS(mtr_buffer_str(&out)));
    mtr_record_reader_close(reader);
}

static void check_all(enum mtr_row_format_kind kind, const struct given *given, size_t count)
{
    static const uint32_t gathers[] = {1, 5, 1000};
    for (size_t i = 0; i < count; i++)
        for (size_t piece_bytes = 1; piece_bytes <= 40; piece_bytes++) {
            read_all(kind, &given[i], piece_bytes, gathers[piece_bytes % 3]);
            if (!mtr_str_equal(mtr_buffer_str(&out), mtr_str_from(given[i].expected)))
                fail_msg("case %zu in pieces of %zu:\n%.*s\nnot\n%s", i, piece_bytes, MTR_STR_ARGS(mtr_buffer_str(&out)), given[i].expected);
            mtr_buffer_release(&out);
        }
}

#define CHECK(kind, given) check_all(kind, given, sizeof(given) / sizeof((given)[0]))

/* ---- JSON ---- */

static void test_json_rows(void **state)
{
    (void)state;
    static const struct given given[] = {
        {"[]", {"a"}, {0}, "[{\"a\":1},{\"a\":\"x\\u0041\\n\"} , {\"b\":2}]", "1:1 2:xA\n 3:- ", 0},
        {"[]", {"[0]", "[1]"}, {0}, "[[\"t\",1.50],[\"u\"]]", "1:t|1.50 2:u|- ", 0},
        {"data[].items[]", {"q", "^.account", "^^.cur"}, {0},
         "{\"cur\":\"EUR\",\"data\":[{\"account\":\"a\",\"items\":[{\"q\":1},{\"q\":2}]},"
         "{\"account\":\"b\",\"items\":[]},{\"items\":[{\"q\":3}]}]}",
         "1:1|a|EUR 2:2|a|EUR 3:3|-|EUR ", 0},
        {"data[].items[]", {"q", "^.account", "^^.cur"}, {0}, /* behind them */
         "{\"data\":[{\"items\":[{\"q\":1},{\"q\":2}],\"account\":\"a\"},"
         "{\"account\":\"b\",\"items\":[{\"q\":3}]},{\"items\":[{\"q\":4}]}],\"cur\":\"EUR\"}",
         "1:1|a|EUR 2:2|a|EUR 3:3|b|EUR 4:4|-|EUR ", 0},
        {"data[].items[]", {"^.account.id", "q.v[1]"}, {0},
         "{\"data\":[{\"items\":[{\"q\":{\"v\":[7,8]}}],\"account\":{\"id\":\"a\"}},{\"items\":[{\"q\":{\"v\":[9]}}],\"account\":null}]}", "1:a|8 2:-|- ", 0},
        {"[].m.s[]", {"[1]", "^^.id"}, {0}, "[{\"id\":\"r\",\"m\":{\"s\":[[\"t\",5]]}}]", "1:5|r ", 0},
        {"rows", {"a"}, {0}, "{\"rows\":{\"a\":1}}", "1:1 ", 0},
        /* Rows that are values: the row itself. */
        {"k[]", {".", "^.id"}, {"id"}, "{\"id\":\"e1\",\"k\":[\"a/b\\u0020c.gz\", 7.50,true , null]}", "1:a/b c.gz|e1 2:7.50|e1 3:true|e1 4:-|e1 text(e1) ", 0},
        {"[]", {".", "a"}, {0}, "[\"x\",\n\"y\"]", "1:x|- 2:y|- ", 0},
        {"d[]", {"."}, {0}, "{\"d\":{\"p\":\"x\",\"q\":\"y\"}}", "1:x 2:y ", 0},
        {"d[]", {"."}, {0}, "{\"d\":[{\".\":5}]}", "1:5 ", 0}, /* a member of that name goes before */
        {"d[]", {"a.b"}, {0}, "{\"d\":[{\"a.b\":1,\"a\":{\"b\":2}},{\"a\":{\"b\":2},\"a.b\":1}]}", "1:1 2:1 ", 0},
        {"d[]", {"a"}, {0}, "{\"d\":null}", "", 0},
        {"d[][]", {"a", "^.c"}, {0}, "{\"d\":[{\"x\":{\"a\":1},\"y\":{\"a\":2}},{},{\"x\":{\"a\":3}}],\"c\":4}", "1:1|4 2:2|4 3:3|4 ", 0}, /* of maps */
        {"d[].i[]", {"a", "^.k"}, {0}, "{\"d\":{\"x\":{\"i\":[{\"a\":1}],\"k\":5},\"y\":{\"k\":6,\"i\":{\"z\":{\"a\":2}}}}}", "1:1|5 2:2|6 ", 0},
        {"d[]", {"a"}, {0}, "{\"d\":[]}", "", 0},
        {"d[][]", {"a"}, {0}, "{\"d\":[[{\"a\":1}],[],[{\"a\":2}]]}", "1:1 2:2 ", 0},
        {"[\"x.y\"][]", {"[\"a]\"]"}, {0}, "{\"x.y\":[{\"a]\":1}]}", "1:1 ", 0},
        {"d[]", {"a"}, {0}, "\xEF\xBB\xBF{\"d\":[{\"a\":\"\xC3\xA4\xF0\x9F\x98\x80\"}]}\r\n", "1:\xC3\xA4\xF0\x9F\x98\x80 ", 0},
        {"d[]", {"a"}, {0}, "{\"d\":[{\"a\":12345678901234567890.123456789012345678901234567890e-5}]}",
         "1:12345678901234567890.123456789012345678901234567890e-5 ", 0},
    };
    CHECK(MTR_ROWS_JSON, given);
}

static void test_json_values_beside_the_rows(void **state)
{
    (void)state;
    static const struct given given[] = {
        {"data[]", {"id"}, {"meta.next", "meta.total", "[\"@odata.nextLink\"]", "warnings", "has_more", "none", "<id", ">id"},
         "{\"@odata.nextLink\":\"https:\\/\\/h\\/?a=1\","
         "\"data\":[{\"id\":7},{\"id\":8}],\"meta\":{\"next\":null,\"total\":2.0},\"warnings\":[\"w, x\"],\"has_more\":false}",
         "1:7 2:8 null() number(2.0) text(https://h/?a=1) list([\"w, x\"]) false(false) nothing() text(7) text(8) ", 0},
        {"data[]", {"id"}, {"warnings", "meta", "meta.a", "data", ">x"}, "{\"warnings\":[ ],\"meta\":{\"a\":true},\"data\":[{\"id\":1}]}",
         "1:1 list([ ])0 map({\"a\":true}) true(true) list([{\"id\":1}]) nothing() ", 0},
        {"data[]", {"id"}, {"meta.a"}, "{\"meta.a\":1,\"data\":[],\"meta\":{\"a\":2}}", "number(1) ", 0},
        {"data[]", {"id"}, {"n"}, "{\"n\":1,\"n\":2,\"data\":[]}",
         "1.8!`n` stands twice in its map: which of them is meant is not known ", MTR_EINVALID},
        {"data[]", {"id"}, {"data[0].id"}, "",
         "a value beside the rows cannot stand at a place of their list: ask for it as of the first row, or of the last one", MTR_EINVALID},
        {"data[]", {"id"}, {"data[]"}, "", "a value beside the rows has a path from the document's root, without [] and ^", MTR_EINVALID},
        {"data[]", {"^^.id"}, {0}, "", "a column climbs out of the document: it has more ^ than there are maps around a record", MTR_EINVALID},
        {"data[]", {"a[]"}, {0}, "", "a column has one value: [] is of `rows` alone", MTR_EINVALID},
    };
    CHECK(MTR_ROWS_JSON, given);
}

static void test_json_problems(void **state)
{
    (void)state;
    static const struct given given[] = {
        {"[]", {"a"}, {0}, "[{\"a\":1},\n 7,null,\n{\"a\":[]},{\"a\":{\"b\":1}},{\"a\":1,\"a\":2},{\"a\":3}]",
         "1:1 2.2!a row must be a map, or a list 2.4!a row must be a map, or a list "
         "3.1!a mapped column holds a list or map, or goes through a list: name a path such as a.b or a[0].b to one value "
         "3.10!a mapped column holds a list or map, or goes through a list: name a path such as a.b or a[0].b to one value "
         "3.24!`a` stands twice in its map: which of them is meant is not known 7:3 ", 0},
        {"[]", {"."}, {0}, "[{\"a\":1},[2],1]",
         "1.2!a mapped column holds a list or map, or goes through a list: name a path such as a.b or a[0].b to one value "
         "1.10!a mapped column holds a list or map, or goes through a list: name a path such as a.b or a[0].b to one value 3:1 ", 0},
        {"[]", {"."}, {0}, "[\"a\",\"\n\"]", "1:a 1.7!is no JSON: control character inside a string (is a quote missing before it?) ", MTR_EINVALID},
        {"d", {"."}, {0}, "{\"d\":\"x\"}", "1.6!`rows` leads to no map ", MTR_EINVALID},
        {"d[]", {"a"}, {"."}, "{}", "a value beside the rows has a path from the document's root, without [] and ^", MTR_EINVALID},
        {"[]", {"a"}, {0}, "[{\"a\":1},{\"b\":NaN}]", "1:1 1.15!is no JSON: a value is NaN: what has no value is null, or left out ", MTR_EINVALID},
        {"[]", {"a"}, {0}, "[{\"a\":01}]", "1.7!is no JSON: neither a number, a text in quotes, true, false nor null ", MTR_EINVALID},
        {"[]", {"a"}, {0}, "[{\"a\":1},{\"a\":2}", "1:1 2:2 1.17!is no JSON: the text ends too early ", MTR_EINVALID},
        {"[]", {"a"}, {0}, "[{\"a\":1},{\"a\":", "1:1 1.15!is no JSON: the text ends too early ", MTR_EINVALID},
        {"[]", {"a"}, {0}, "[{\"a\":1},{\"a\":\"x", "1:1 1.15!is no JSON: string without an end ", MTR_EINVALID},
        {"[]", {"a"}, {0}, "[{\"a\":1}]\n[]",
         "1:1 2.1!is no JSON: something follows the document (of records line by line the format is ndjson) ", MTR_EINVALID},
        {"[]", {"a"}, {0}, "[{\"a\":1}\n{\"a\":1}]", "1:1 2.1!is no JSON: ',' or ']' is expected ", MTR_EINVALID},
        {"[]", {"a"}, {0}, "[{\"a\":1},{\"a\":\"\n\"}]",
         "1:1 1.16!is no JSON: control character inside a string (is a quote missing before it?) ", MTR_EINVALID},
        {"d[]", {"a"}, {0}, "{\"data\":[{\"a\":1}]}", "1.1!has no rows at `d[]`: nothing stands there ", MTR_EINVALID},
        {"d[].e[]", {"a"}, {0}, "{\"d\":[5,{\"e\":true},{\"e\":[{\"a\":1}]}]}",
         "1.7!a list or map is expected here, on the way to the rows ", MTR_EINVALID},
        {"d[].e[]", {"a"}, {0}, "{\"d\":[null,{\"e\":null},{\"e\":[{\"a\":1}]}]}", "1:1 ", 0},
        {"d[].e[]", {"a"}, {0}, "{\"d\":[{\"e\":[{\"a\":1}]},{\"e\":\"\"}]}",
         "1:1 1.28!a list or map is expected here, on the way to the rows ", MTR_EINVALID},
        {"d[]", {"a"}, {0}, "{\"d\":\"x\"}", "1.6!a list or map is expected here, on the way to the rows ", MTR_EINVALID},
        {"d[]", {"a"}, {0}, "0", "1.1!a list or map is expected here, on the way to the rows ", MTR_EINVALID},
        {"[]", {"a"}, {0}, "\"x\"", "1.1!a list or map is expected here, on the way to the rows ", MTR_EINVALID},
        {"d", {"a"}, {0}, "{\"d\":\"x\"}", "1.6!`rows` leads to no map ", MTR_EINVALID},
        {"d", {"a"}, {0}, "{\"d\":null}", "1.6!a row must be a map, or a list ", 0},
        {"[]", {"a"}, {0}, "{\"error\":\"maintenance\"}", "1.10!`rows` leads to the values of a map, and this is no row ", MTR_EINVALID},
        {"d[]", {"a"}, {0}, "{\"d\":{\"x\":{\"a\":1},\"code\":500}}", "1:1 1.26!`rows` leads to the values of a map, and this is no row ", MTR_EINVALID},
        {"[]", {"a"}, {0}, "{\"x\":{\"a\":1},\"y\":null}", "1:1 1.18!a row must be a map, or a list ", 0},
        {"d", {"a"}, {0}, "{\"d\":[{\"a\":1}]}", "1.6!`rows` leads to a list: with [] at its end it leads to its values ", MTR_EINVALID},
        {"d[]", {"a", "^.b"}, {0}, "{\"b\":[1],\"d\":[{\"a\":1}]}", "1:1|- ", 0},
        {"[]", {"a"}, {0}, " \n", "1.1!the file is empty: a JSON document is expected ", MTR_EINVALID},
        {"[]", {"a"}, {0}, "<html>", "1.1!is no JSON: it begins with `<`, as HTML and XML do ", MTR_EINVALID},
    };
    CHECK(MTR_ROWS_JSON, given);
}

/* Which of two is meant is not known: of what is asked for, and of what is on the way to it. */
static void test_json_members_that_stand_twice(void **state)
{
    (void)state;
#define TWICE(name) "`" name "` stands twice in its map: which of them is meant is not known "
    static const struct given given[] = {
        {"d[]", {"a"}, {0}, "{\"d\":[{\"a\":1}],\n\"d\":[{\"a\":2}]}", "1:1 2.1!" TWICE("d"), MTR_EINVALID},
        {"d[]", {"a"}, {0}, "{\"d\":[{\"a\":1}],\"\\u0064\":[{\"a\":2}]}", "1:1 1.16!" TWICE("d"), MTR_EINVALID},
        {"d[]", {"a"}, {0}, "{\"d\":null,\"d\":[{\"a\":2}]}", "1.11!" TWICE("d"), MTR_EINVALID},
        {"d.e[]", {"a"}, {0}, "{\"d\":{\"e\":[{\"a\":1}]},\"d\":{}}", "1:1 1.22!" TWICE("d"), MTR_EINVALID},
        {"d", {"a"}, {0}, "{\"d\":{\"a\":1},\"d\":{\"a\":2}}", "1:1 1.14!" TWICE("d"), MTR_EINVALID},
        {"d[].e[]", {"a"}, {0}, "{\"d\":[{\"e\":[{\"a\":1}]},{\"e\":[{\"a\":2}],\"e\":[]}]}", "1:1 2:2 1.38!" TWICE("e"), MTR_EINVALID},
        {"d[].e[]", {"a", "^.k"}, {0}, "{\"d\":[{\"k\":1,\"e\":[{\"a\":1}]},{\"k\":2,\"e\":[{\"a\":2}]},{\"k\":3,\"k\":3}]}",
         "1:1|1 2:2|2 1.58!" TWICE("k"), MTR_EINVALID},
        {"d[]", {"a"}, {"m.n", "m.t"}, "{\"m\":{\"n\":1},\"m\":{\"t\":2},\"d\":[]}", "1.14!" TWICE("m"), MTR_EINVALID},
        {"d[]", {"a"}, {"n"}, "{\"n\":[],\"d\":[],\"n\":[]}", "1.16!" TWICE("n"), MTR_EINVALID},
        /* Nobody asks for it. */
        {"d[]", {"a"}, {0}, "{\"x\":1,\"x\":2,\"d\":[{\"x\":{\"d\":1},\"x\":{\"d\":1},\"a\":1}],\"y\":{\"d\":[{\"a\":2}],\"d\":[]}}", "1:1 ", 0},
        /* In a map that stands for a list, names say nothing. */
        {"d[]", {"a"}, {0}, "{\"d\":{\"x\":{\"a\":1},\"y\":{\"a\":2}}}", "1:1 2:2 ", 0},
        /* In a record: its own problem. */
        {"[]", {"u.a", "u.b"}, {0}, "[{\"u\":{\"a\":1},\"u\":{\"b\":2}},\n{\"u\":{\"a\":3,\"b\":4}},{\"u\":5,\"u\":{\"a\":6}}]",
         "1.2!" TWICE("u") "2:3|4 2.21!" TWICE("u"), 0},
        {"[]", {"t[0].a"}, {0}, "[{\"t\":[{\"a\":1}],\"t\":[{\"a\":2}]},{\"t\":[{\"a\":3},{\"a\":4}]},{\"t\":[{\"a\":5,\"a\":5}]}]",
         "1.2!" TWICE("t") "2:3 1.56!" TWICE("a"), 0},
        {"[]", {"a"}, {0}, "[{\"a\":[],\"a\":1},{\"a\":null,\"a\":2},{\"x\":{\"a\":1,\"a\":2},\"a\":3}]",
         "1.2!" TWICE("a") "1.17!" TWICE("a") "3:3 ", 0},
        {"[]", {"a.b"}, {0}, "[{\"a.b\":1,\"a.b\":2},{\"a\":{\"b\":1},\"a.b\":2},{\"a\":{\"b\":1,\"b\":2}}]",
         "1.2!" TWICE("a.b") "2:2 1.42!" TWICE("b"), 0},
    };
    CHECK(MTR_ROWS_JSON, given);
#undef TWICE
}

/* ---- Prometheus ---- */

static void test_prometheus(void **state)
{
    (void)state;
    static const struct given given[] = {
        {"", {"instance", "timestamp", "value", "__name__"}, {"warnings", "status"},
         "{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":["
         "{\"metric\":{\"__name__\":\"up\",\"instance\":\"a\"},"
         "\"values\":[[1772359200.123,\"5\"],[1772359260,\"6.50\"]]},{\"values\":[[1,\"7\"]],\"metric\":{}}]},\"warnings\":[\"no store matched\"]}",
         "1:a|1772359200.123|5|up 2:a|1772359260|6.50|up 3:-|1|7|- list([\"no store matched\"]) text(success) ", 0},
        {"", {"value", "instance"}, {"warnings"},
         "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[{\"metric\":{\"instance\":\"a\"},\"value\":[1,\"5\"]}]}}",
         "1:5|a nothing() ", 0},
        {"", {"value"}, {0}, "{\"data\":{\"result\":[{\"metric\":{},\"values\":[[1,\"NaN\"],[2,\"+Inf\"],[3,\"1e3\"]]}]}}",
         "1.43!the sample is NaN, which is no usage: the series has ended, or the query divides by nothing "
         "1.53!the sample is infinite, which is no usage: the query divides by zero 3:1e3 ", 0},
        {"", {"value"}, {0}, "{\"data\":{\"result\":[{\"metric\":{},\"histogram\":[1,{\"count\":\"5\"}]},"
         "{\"metric\":{},\"value\":[2,\"1\"]}]}}",
         "1.45!the series is a native histogram: ask for its histogram_sum() or histogram_count() 2:1 ", 0},
        {"", {"value"}, {0}, "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[]}}", "", 0},
        {"", {"value"}, {0}, "{\"status\":\"error\",\"errorType\":\"bad_data\",\"error\":\"parse error at char 5\"}",
         "1.1!the answer is an error: parse error at char 5 ", MTR_EINVALID},
        {"", {"value"}, {0}, "{\"status\":\"error\",\"error\":\"a\\nb\\u001b[2J\xbb\"}", "1.1!the answer is an error: a b [2J? ", MTR_EINVALID},
        {"", {"value"}, {0}, "{\"data\":{\"resultType\":\"scalar\",\"result\":[1,\"5\"]}}",
         "1.42!a list or map is expected here, on the way to the rows ", MTR_EINVALID},
        {"", {"value"}, {0}, "{\"data\":{\"result\":[{\"metric\":{},\"value\":[1,\"5\"]}],\"result\":[]}}",
         "1:5 1.51!`result` stands twice in its map: which of them is meant is not known ", MTR_EINVALID},
    };
    CHECK(MTR_ROWS_PROMETHEUS, given);
}

/* ---- S3 ---- */

#define LIST(inner) "<?xml version=\"1.0\"?>\n<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">" inner "</ListBucketResult>"

static void test_s3_list(void **state)
{
    (void)state;
    static const struct given given[] = {
        {"", {"Key", "Size", "ETag", "Owner.ID"}, {"IsTruncated", "NextContinuationToken", "KeyCount", "Prefix", ">Key"},
         LIST("<Name>b</Name><Prefix/><IsTruncated>true</IsTruncated><NextContinuationToken>1/x+&amp;=</NextContinuationToken>\n"
              "<Contents><Key>a &lt;b&#x20AC;</Key><Size>5</Size><ETag>&quot;9a-2&quot;</ETag>"
              "<Owner><DisplayName>x</DisplayName><ID>o</ID></Owner></Contents>"
              "<Contents><Size>6</Size><Key><![CDATA[c<d]]></Key></Contents><CommonPrefixes><Prefix>p/</Prefix></CommonPrefixes>"),
         "1:a <b\xE2\x82\xAC|5|\"9a-2\"|o 2:c<d|6|-|- text(true) text(1/x+&=) nothing() text() text(c<d) ", 0},
        {"", {"Key"}, {"IsTruncated"}, LIST("<IsTruncated>false</IsTruncated>"), "text(false) ", 0},
        {"", {"Key"}, {0}, LIST("<Contents><Key>a</Key><Key>b</Key></Contents><Contents><Key>c</Key></Contents>"),
         "2.67!an element that is mapped stands twice in the object 2:c ", 0},
        {"", {"Key"}, {0}, "<Error><Code>AccessDenied</Code><Message>No &amp; no</Message></Error>",
         "1.71!the answer is an error: AccessDenied: No & no ", MTR_EINVALID},
        {"", {"Key"}, {0}, "<html><body/></html>", "1.1!is no list of S3: its root is html, and not ListBucketResult ", MTR_EINVALID},
        {"", {"Key"}, {0}, "<!DOCTYPE x [<!ENTITY a \"b\">]><ListBucketResult/>",
         "1.13!has a DOCTYPE, which a list of S3 does not have ", MTR_EINVALID},
        {"", {"Key"}, {0}, LIST("<Contents><Key>a</Key></Contents><Contents><Key>b"), "1:a 2.118!is no XML: mismatched tag ", MTR_EINVALID},
        {"", {"Key"}, {0}, "<ListBucketResult><Contents><Key>a</Key></Contents>", "1:a 1.52!is no XML: no element found ", MTR_EINVALID},
        {"", {"Key"}, {0}, "<ListBucketResult>&x;</ListBucketResult>", "1.19!is no XML: undefined entity ", MTR_EINVALID},
        {"", {"Key"}, {0}, "", "1.1!is no XML: no element found ", MTR_EINVALID},
        {"", {"Key"}, {"A"}, LIST("<A>1</A><A>2</A>"), "2.79!a value that is asked for stands twice ", MTR_EINVALID},
        {"", {"Key"}, {0}, LIST("<a><a><a><a><a><a><a><a/></a></a></a></a></a></a></a>"),
         "2.88!nested deeper than 8 levels ", MTR_EINVALID},
    };
    CHECK(MTR_ROWS_S3_LIST, given);
}

/* ---- limits ---- */

/* A text with `bytes` of filling in the place of %s. */
static char *filled(const char *pattern, char filling, size_t bytes)
{
    const char *place = strstr(pattern, "%s");
    const size_t before = (size_t)(place - pattern);
    char *text = malloc(strlen(pattern) + bytes);
    assert_non_null(text);
    memcpy(text, pattern, before);
    memset(text + before, filling, bytes);
    memcpy(text + before + bytes, place + 2, strlen(place + 2) + 1);
    return text;
}

/* What is too long is passed over, wherever it is, and the rest is read. */
static void test_json_limits(void **state)
{
    (void)state;
    static const struct {
        const char *pattern;
        char filling;
        size_t bytes;
        struct given given;
    } cases[] = {
        {"{\"d\":[{\"a\":1},{\"b\":\"%s\",\"a\":2},\n{\"a\":3}],\"m\":4}", 'x', 3 << 20,
         {"d[]", {"a"}, {"m"}, NULL, "1:1 1.15!the row is longer than 1 MiB 3:3 number(4) ", 0}},
        {"{\"d\":[{\"a\":1},{\"b\":[%s],\"a\":2},\n{\"a\":3}],\"m\":4}", ' ', 3 << 20,
         {"d[]", {"a"}, {"m"}, NULL, "1:1 1.15!the row is longer than 1 MiB 3:3 number(4) ", 0}},
        {"{\"m\":\"%s\",\"d\":[{\"a\":1}]}", '\\', 3 << 20, {"d[]", {"a"}, {0}, NULL, "1:1 ", 0}}, /* an even number */
        {"{\"m\":\"%s\",\"d\":[{\"a\":1}]}", 'x', 3 << 20, {"d[]", {"a"}, {"m"}, NULL, "1:1 refused() ", 0}},
        {"{\"d\":[{\"a\":1}],\"m\":\"%s\"}", 'x', 3 << 20, {"d[]", {"a"}, {"m"}, NULL, "1:1 refused() ", 0}},
        {"{\"%s\":5,\"d\":[{\"a\":1}]}", 'x', 3 << 20, {"d[]", {"a"}, {0}, NULL, "1:1 ", 0}},
        {"{\"m\":%s,\"d\":[{\"a\":1}]}", '1', 3 << 20,
         {"d[]", {"a"}, {0}, NULL, "1.6!is no JSON: a value of more than 1 MiB ", MTR_EINVALID}},
        {"{\"m\":[%s],\"d\":[{\"a\":1}]}", ' ', 1 << 20, {"d[]", {"a"}, {0}, NULL, "1:1 ", 0}},
        {"%s", '[', 100, {"d[]", {"a"}, {0}, NULL, "1.65!is no JSON: nested deeper than 64 levels ", MTR_EINVALID}},
        {"[{\"a\":%s", '[', 100, {"[]", {"b"}, {0}, NULL, "1.71!is no JSON: nested deeper than 64 levels ", MTR_EINVALID}},
        {"{\"m\":\"%s", 'x', 3 << 20, {"d[]", {"a"}, {0}, NULL, "1.3145735!is no JSON: string without an end ", MTR_EINVALID}},
    };
    static const size_t pieces[] = {1000, 100000, 1 << 20, 8 << 20};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        for (size_t j = 0; j < sizeof(pieces) / sizeof(pieces[0]); j++) {
            struct given given = cases[i].given;
            char *text = filled(cases[i].pattern, cases[i].filling, cases[i].bytes);
            given.text = text;
            read_all(MTR_ROWS_JSON, &given, pieces[j], 0);
            if (!mtr_str_equal(mtr_buffer_str(&out), mtr_str_from(given.expected)))
                fail_msg("case %zu in pieces of %zu:\n%.*s\nnot\n%s", i, pieces[j], MTR_STR_ARGS(mtr_buffer_str(&out)), given.expected);
            mtr_buffer_release(&out);
            free(text);
        }
}

/* Rows that wait for what stands behind them are bounded. */
static void test_json_held_rows_are_bounded(void **state)
{
    (void)state;
    const struct mtr_record_hooks hooks = {on_record, on_problem, NULL};
    const struct mtr_str columns[] = {MTR_STR("a"), MTR_STR("^.b")};
    struct mtr_row_format format = mtr_row_format_default();
    struct mtr_record_reader *reader;
    const char *fault;
    char *row = filled("{\"a\":\"%s\"},", 'x', 100000);
    format.kind = MTR_ROWS_JSON;
    format.rows = MTR_STR("d[]");
    const struct mtr_record_spec spec = {.format = &format, .columns = columns, .column_count = 2};
    mtr_buffer_init(&out, 1 << 20);
    assert_int_equal(mtr_record_reader_open(&spec, &hooks, &reader, &fault), MTR_OK);
    int rc = mtr_record_reader_read(reader, MTR_STR("{\"d\":["));
    for (int i = 0; !rc && i < 1000; i++) rc = mtr_record_reader_read(reader, mtr_str_from(row));
    assert_int_equal(rc, MTR_ELIMIT);
    assert_non_null(memmem(out.data, out.size, "more than 64 MiB of rows stand before", 37));
    mtr_record_reader_close(reader);
    mtr_buffer_release(&out);
    free(row);
}

static void test_s3_limits(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *problem;
    } cases[] = {
        {"<ListBucketResult><Contents><Key>%s</Key></Contents></ListBucketResult>", "a text is longer than 64 KiB"},
        {"<ListBucketResult><Contents %s", "an element or comment is longer than 64 KiB"},
        {"<ListBucketResult><!--%s", "an element or comment is longer than 64 KiB"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        for (size_t piece_bytes = 100; piece_bytes <= 1000000; piece_bytes *= 100) {
            struct given given = {"", {"Key"}, {0}, filled(cases[i].pattern, 'x', 1 << 20), NULL, MTR_EINVALID};
            read_all(MTR_ROWS_S3_LIST, &given, piece_bytes, 0);
            if (!memmem(out.data, out.size, cases[i].problem, strlen(cases[i].problem)))
                fail_msg("case %zu: %.*s", i, MTR_STR_ARGS(mtr_buffer_str(&out)));
            mtr_buffer_release(&out);
            free((void *)(uintptr_t)given.text);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_json_rows), cmocka_unit_test(test_json_values_beside_the_rows),
                                       cmocka_unit_test(test_json_problems), cmocka_unit_test(test_json_members_that_stand_twice),
                                       cmocka_unit_test(test_prometheus), cmocka_unit_test(test_s3_list),
                                       cmocka_unit_test(test_s3_limits), cmocka_unit_test(test_json_limits),
                                       cmocka_unit_test(test_json_held_rows_are_bounded)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
