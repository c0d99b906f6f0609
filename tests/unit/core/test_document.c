/*
 * Documents: what YAML and JSON mean, and every refusal with its exact place and sentence.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "meterd/core/document.h"
#include "meterd/core/limits.h"

static void outline_node(const struct mtr_node *node, struct mtr_buffer *out)
{
    static const char *const letters = "zbnslm";
    assert_int_equal(mtr_buffer_printf(out, "%c", letters[node->kind]), MTR_OK);
    if (node->kind == MTR_NODE_BOOL) assert_int_equal(mtr_buffer_printf(out, "%d", node->truth), MTR_OK);
    if (node->kind == MTR_NODE_NUMBER || node->kind == MTR_NODE_STRING)
        assert_int_equal(mtr_buffer_printf(out, "<%.*s>", MTR_STR_ARGS(node->text)), MTR_OK);
    if (node->kind < MTR_NODE_LIST) return;
    assert_int_equal(mtr_buffer_append_char(out, '('), MTR_OK);
    for (uint32_t i = 0; i < node->child_count; i++) {
        const struct mtr_node *child = &node->children[i];
        if (i) assert_int_equal(mtr_buffer_append_char(out, ' '), MTR_OK);
        if (node->kind == MTR_NODE_MAP)
            assert_int_equal(mtr_buffer_printf(out, "%.*s=", MTR_STR_ARGS(child->key)), MTR_OK);
        outline_node(child, out);
    }
    assert_int_equal(mtr_buffer_append_char(out, ')'), MTR_OK);
}

/* Golden: text → outline. z null, b bool, n number, s string, l list, m map. */
static const struct {
    const char *text;
    const char *outline;
} meanings[] = {
    {"", "z"},
    {"# only a comment\n", "z"},
    {"\xEF\xBB\xBF" "a: 1\n", "m(a=n<1>)"},
    {"a: 1\nb: text\nc: true\nd:\ne: ~\nf: null\n", "m(a=n<1> b=s<text> c=b1 d=z e=z f=z)"},
    {"[yes, no, on, off, True, NULL, Null, TRUE]", "l(s<yes> s<no> s<on> s<off> s<True> s<NULL> s<Null> s<TRUE>)"},
    {"[0, -1, 1.50, 1e3, -2.5E-7, 123456789012345678901234567890]",
     "l(n<0> n<-1> n<1.50> n<1e3> n<-2.5E-7> n<123456789012345678901234567890>)"},
    {"[01, +1, .5, 1., 0x10, 1_000, 1e, '-', .nan, .inf]", "l(s<01> s<+1> s<.5> s<1.> s<0x10> s<1_000> s<1e> s<-> s<.nan> s<.inf>)"},
    {"[2026-01-01, 12:30:45, 10MiB, 35d]", "l(s<2026-01-01> s<12:30:45> s<10MiB> s<35d>)"},
    {"['1', \"true\", 'null', '', \"~\"]", "l(s<1> s<true> s<null> s<> s<~>)"},
    {"a: |\n  two\n  lines\nb: >\n  folded\n  text\n", "m(a=s<two\nlines\n> b=s<folded text\n>)"},
    {"- a: 1\n  b: 2\n- []\n- {}\n", "l(m(a=n<1> b=n<2>) l() m())"},
    {"{key: acme, name: Acme Inc}", "m(key=s<acme> name=s<Acme Inc>)"},
    {"{\"a\":\t[1,\n\t2]}", "m(a=l(n<1> n<2>))"},
    {"{\"a\":\"\\ud83d\\ude00 \\/ \\u00e9 \\\" \\\\ \\n\"}", "m(a=s<\xF0\x9F\x98\x80 / \xC3\xA9 \" \\ \n>)"},
    {"[\"\x7F\"]", "l(s<\x7F>)"},
    {"[\"\\u0041\\u20ac\"]", "l(s<A\xE2\x82\xAC>)"},
    {"[1,2,]", "l(n<1> n<2>)"}, /* not JSON, but YAML */
    {"{\"a\":null,\"b\":[true,false]}", "m(a=z b=l(b1 b0))"},
    {"1: one\ntrue: two\n", "m(1=s<one> true=s<two>)"},
    {"a: \"x\\u2028y\"\n", "m(a=s<x\xE2\x80\xA8y>)"},
};

static void test_meaning(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(meanings) / sizeof(*meanings); i++) {
        struct mtr_document *document = NULL;
        struct mtr_diagnostic diagnostic;
        int rc = mtr_document_parse(mtr_str_from(meanings[i].text), &document, &diagnostic);
        if (rc)
            fail_msg("%s: %u:%u: %s", meanings[i].text, diagnostic.line, diagnostic.column, diagnostic.text);
        struct mtr_buffer out;
        mtr_buffer_init(&out, 1 << 16);
        outline_node(mtr_document_root(document), &out);
        assert_int_equal(mtr_buffer_append_char(&out, '\0'), MTR_OK);
        assert_string_equal(out.data, meanings[i].outline);
        mtr_buffer_release(&out);
        mtr_document_close(document);
    }
}

/* Golden: text → "line:column: sentence". */
static const struct {
    const char *text;
    const char *error;
} refusals[] = {
    {"a: 1\na: 2\n", "2:1: the key `a` is given twice, first on line 1"},
    {"{\"b\":1,\"a\":1,\n \"a\":2,\"b\":3}", "2:2: the key `a` is given twice, first on line 1"},
    {"x: {a: 1, b: 2, a: 3}", "1:17: the key `a` is given twice"},
    {"a: &x 1\nb: *x\n", "1:4: anchors (&x) are not allowed: write the value out"},
    {"b: *x\n", "1:4: aliases (*x) are not allowed: write the value out"},
    {"a: !!int 3\n", "1:4: tags (tag:yaml.org,2002:int) are not allowed"},
    {"a: ! 3\n", "1:4: tags (!) are not allowed"},
    {"a: &m {b: 1}\n", "1:4: anchors (&m) are not allowed: write the value out"},
    {"a: 1\n---\nb: 2\n", "2:1: a second document (---) starts here: one text holds one"},
    {"a: 1\n b: 2\n", "2:3: mapping values are not allowed in this context"},
    {"a: [1, 2\nb: 3\n", "2:2: did not find expected ',' or ']', while parsing a flow sequence on line 1"},
    {"a:\n\t- 1\n", "2:1: a tab cannot stand here: indent with spaces"},
    {"a: @x\n", "1:4: found character that cannot start any token, while scanning for the next token"},
    {"a: 'open\n", "2:1: found unexpected end of stream, while scanning a quoted scalar on line 1"},
    {"k\xC3\xA9y: a\n\xC3\xA9: *x\n", "2:5: aliases (*x) are not allowed: write the value out"},
    {"\xFF\xFE" "a", "1:1: the text is UTF-16: save it as UTF-8"},
    {"\x1F\x8B\x08" "a", "1:1: the text is packed with gzip: unpack it"},
    {"\x28\xB5\x2F\xFD" "a", "1:1: the text is packed with zstd: unpack it"},
    {"a: \xFF\n", "1:4: the text is not UTF-8 here"},
    {"a: \"\xC3\xA9\"\nb: \xED\xA0\x80\n", "2:4: the text is not UTF-8 here"},
    {"a: \x01\n", "1:4: control characters are not allowed"},
    {"a: \"\\0\"\n", "1:4: a NUL character is not allowed"},
    {"[\"\\u0000\"]", "1:2: a NUL character is not allowed"},
    {"? [a]\n: 1\n", "1:3: a key must be a plain text, not a list or map"},
    {"'': 1\n", "1:1: a key must not be empty"},
    {"{\"\": 1}", "1:2: a key must not be empty"},
    {"{\"a\": 1 \"b\": 2}", "1:9: `\"` found, `,` or `}` expected"},
    {"{key: acme, x: *y}", "1:16: aliases (*y) are not allowed: write the value out"},
    {"{\"a\": [1, 2}", "1:12: `}` found, `,` or `]` expected"},
    {"{\"a\": 1", "1:8: the JSON text ends here, `,` or `}` expected"},
    {"[\"\\ud83d\"]", "1:3: half of a surrogate pair is not a character"},
    {"[\"\\ude00\\ud83d\"]", "1:3: half of a surrogate pair is not a character"},
    {"[\"\\q\"]", "1:4: `q` found, one of \" \\ / b f n r t u after a backslash expected"},
    {"{\"a\":1}\n{\"b\":2}", "2:1: `{` found, the end of the text expected"},
};

static void test_refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++) {
        struct mtr_document *document = NULL;
        struct mtr_diagnostic diagnostic;
        int rc = mtr_document_parse(mtr_str_from(refusals[i].text), &document, &diagnostic);
        if (!rc) fail_msg("accepted: %s", refusals[i].text);
        assert_null(document);
        char line[MTR_FINDING_TEXT_BYTES + MTR_FINDING_FIELD_BYTES + 40];
        snprintf(line, sizeof(line), "%u:%u: %s", diagnostic.line, diagnostic.column, diagnostic.text);
        assert_string_equal(line, refusals[i].error);
    }
}

static void test_nul_byte(void **state)
{
    (void)state;
    struct mtr_document *document = NULL;
    struct mtr_diagnostic diagnostic;
    assert_int_equal(mtr_document_parse((struct mtr_str){"a: 1\nb: \0\n", 10}, &document, &diagnostic),
                     MTR_EINVALID);
    assert_int_equal(diagnostic.line, 2);
    assert_int_equal(diagnostic.column, 4);
}

static void nest(char *text, unsigned depth)
{
    memset(text, '[', depth);
    memset(text + depth, ']', depth);
    text[2 * depth] = '\0';
}

static void test_depth(void **state)
{
    (void)state;
    char text[4 * MTR_DOCUMENT_DEPTH_MAX];
    struct mtr_document *document = NULL;
    struct mtr_diagnostic diagnostic;
    nest(text, MTR_DOCUMENT_DEPTH_MAX);
    assert_int_equal(mtr_document_parse(mtr_str_from(text), &document, &diagnostic), MTR_OK);
    mtr_document_close(document);
    nest(text, MTR_DOCUMENT_DEPTH_MAX + 1);
    assert_int_equal(mtr_document_parse(mtr_str_from(text), &document, &diagnostic), MTR_ELIMIT);
    assert_int_equal(diagnostic.column, MTR_DOCUMENT_DEPTH_MAX + 1);
}

static void test_size(void **state)
{
    (void)state;
    size_t size = (size_t)MTR_DOCUMENT_BYTES_MAX + 1;
    char *text = calloc(1, size);
    assert_non_null(text);
    memset(text, ' ', size);
    text[0] = '[';
    text[size - 1] = ']';
    struct mtr_document *document = NULL;
    struct mtr_diagnostic diagnostic;
    const struct mtr_str list = {text, size};
    assert_int_equal(mtr_document_parse(list, &document, &diagnostic), MTR_ELIMIT);
    assert_int_equal(mtr_document_parse_answer(list, &document, &diagnostic), MTR_OK);
    assert_int_equal(mtr_document_root(document)->kind, MTR_NODE_LIST);
    mtr_document_close(document);
    assert_int_equal(mtr_document_parse_answer(MTR_STR("a: 1"), &document, &diagnostic), MTR_EINVALID);
    free(text);
}

static void test_places(void **state)
{
    (void)state;
    struct mtr_document *document = NULL;
    struct mtr_diagnostic diagnostic;
    static const char text[] = "a: 1\r\nname: \"\xE2\x80\xA8\xC3\xA9\"\r\nlist:\r\n  - x: 5\r\n";
    assert_int_equal(mtr_document_parse(mtr_str_from(text), &document, &diagnostic), MTR_OK);
    const struct mtr_node *root = mtr_document_root(document);
    const struct mtr_node *list = mtr_node_get(root, "list");
    assert_non_null(list);
    assert_null(mtr_node_get(root, "nothing"));
    assert_null(mtr_node_get(list, "x"));
    assert_int_equal(list->key_line, 3);
    assert_int_equal(list->key_column, 1);
    const struct mtr_node *x = mtr_node_get(&list->children[0], "x");
    assert_non_null(x);
    assert_int_equal(x->line, 4);
    assert_int_equal(x->column, 8);
    assert_int_equal(x->key_column, 5);
    mtr_document_close(document);
}

/* Both readers give one tree for the same JSON: no hidden difference when a text happens to go the other
 * way. */
static void test_readers_agree(void **state)
{
    (void)state;
    static const char *const json =
        "{\"a\":[1,-2.5e3,\"x\",true,null],\"b\":{\"c\":\"\\u00e9\\n\"},\"d\":[]}";
    char as_yaml[200];
    snprintf(as_yaml, sizeof(as_yaml), "# not JSON any more\n%s\n", json);
    const char *texts[] = {json, as_yaml};
    struct mtr_buffer outlines[2];
    for (int i = 0; i < 2; i++) {
        struct mtr_document *document = NULL;
        struct mtr_diagnostic diagnostic;
        mtr_buffer_init(&outlines[i], 4096);
        assert_int_equal(mtr_document_parse(mtr_str_from(texts[i]), &document, &diagnostic), MTR_OK);
        outline_node(mtr_document_root(document), &outlines[i]);
        mtr_document_close(document);
    }
    assert_int_equal(outlines[0].size, outlines[1].size);
    assert_memory_equal(outlines[0].data, outlines[1].data, outlines[0].size);
    mtr_buffer_release(&outlines[0]);
    mtr_buffer_release(&outlines[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_meaning),       cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_nul_byte),      cmocka_unit_test(test_depth),
        cmocka_unit_test(test_size),          cmocka_unit_test(test_places),
        cmocka_unit_test(test_readers_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
