/*
 * Trees written as YAML: as people would write them, and read back as the same tree whatever they hold.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "meterd/core/document.h"

static struct mtr_document *parse(struct mtr_str text)
{
    struct mtr_document *document = NULL;
    struct mtr_diagnostic diagnostic;
    int rc = mtr_document_parse(text, &document, &diagnostic);
    if (rc)
        fail_msg("%u:%u: %s in\n%.*s", diagnostic.line, diagnostic.column, diagnostic.text,
                 MTR_STR_ARGS(text));
    return document;
}

static void assert_same(struct mtr_buffer *a, struct mtr_buffer *b)
{
    assert_int_equal(a->size, b->size);
    assert_memory_equal(a->data, b->data, a->size);
}

static void check(const char *json, const char *yaml)
{
    struct mtr_buffer written, again, before;
    mtr_buffer_init(&written, 1 << 16);
    mtr_buffer_init(&again, 1 << 16);
    mtr_buffer_init(&before, 1 << 16);
    struct mtr_document *document = parse(mtr_str_from(json));
    assert_int_equal(mtr_node_write_json(mtr_document_root(document), &before), 0);
    assert_int_equal(mtr_node_write_yaml(mtr_document_root(document), &written), 0);
    if (yaml) {
        assert_int_equal(written.size, strlen(yaml));
        assert_memory_equal(written.data, yaml, written.size);
    }
    struct mtr_document *second = parse(mtr_buffer_str(&written));
    assert_int_equal(mtr_node_write_json(mtr_document_root(second), &again), 0);
    assert_same(&before, &again);
    mtr_document_close(document);
    mtr_document_close(second);
    mtr_buffer_release(&written);
    mtr_buffer_release(&again);
    mtr_buffer_release(&before);
}

static void test_as_people_write(void **state)
{
    (void)state;
    check("{\"key\":\"compute\",\"currency\":\"EUR\",\"versions\":[{\"from\":\"2026-01-01\",\"components\":[{\"key\":\"a\",\"group_by\":[\"region\",\"sku\"],"
          "\"graduated\":[{\"up_to\":100,\"unit\":\"0.05\"},{\"unit\":\"0.03\"}]}]}],\"labels\":{},\"none\":null,\"yes\":true}",
          "key: compute\ncurrency: EUR\nversions:\n  - from: 2026-01-01\n    components:\n      - key: a\n        group_by: [region, sku]\n"
          "        graduated:\n          - up_to: 100\n            unit: \"0.05\"\n          - unit: \"0.03\"\nlabels: {}\nnone: null\nyes: true\n");
}

static void test_reads_back(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "[]", "{}", "\"\"", "1.50", "null", "[[1,2],[[\"a\"]],{\"b\":[]}]", "{\"a b\":\"c: d\",\"#\":\"# no comment\",\"-\":\"- x\"}",
        ("[\"true\",\"null\",\"~\",\"1e3\",\"-5\",\"+5\",\".5\",\"0x1\",\"1:30\",\"yes\",\"no\",\"=\","
         "\"<<\",\"@a\",\"`b\",\"%c\",\"!d\",\"&e\",\"*f\",\"{g\",\"[h\"]"),
        "[\" lead\",\"trail \",\"two\\nlines\",\"tab\\t\",\"q\\\"q\",\"b\\\\s\",\"\\u0001\",\"\xC3\xA9\",\"\\ud83d\\ude00\",\"a,b\",\"a]b\",\"a}b\"]",
        "{\"deep\":{\"er\":{\"est\":[{\"x\":[{\"y\":1}]}]}}}", "{\"n\":[-1,0,12345678901234567890.000001]}",
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) check(cases[i], NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_as_people_write),
                                       cmocka_unit_test(test_reads_back)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
