/*
 * Schema rows: decoding of every type, defaults, and the exact sentence of every finding.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "meterd/core/decimal.h"
#include "meterd/core/schema.h"
#include "meterd/core/time.h"

struct inner {
    uint64_t port;
    struct mtr_str address;
};

struct tier {
    struct mtr_quantity up_to;
    struct mtr_money unit;
};

struct outer {
    struct mtr_str key, name;
    bool on, on_written;
    uint64_t count, size;
    int64_t wait_us, start_us;
    int mode;
    struct inner listen;
    struct mtr_list tiers, tags, labels, named, chain, names;
    const struct mtr_node *rest;
};

static const char *const modes[] = {"slow", "fast", "both", NULL};
static const struct mtr_field inner_fields[] = {
    {.name = "port", .type = MTR_FIELD_U64, .offset = offsetof(struct inner, port), .default_text = "8787", .min = 1, .max = 65535,
     .doc = "TCP port"},
    {.name = "address", .type = MTR_FIELD_TEXT, .offset = offsetof(struct inner, address), .required = true, .doc = "IP address"},
    {0},
};
static const struct mtr_field tier_fields[] = {
    {.name = "up_to", .type = MTR_FIELD_QUANTITY, .offset = offsetof(struct tier, up_to)},
    {.name = "unit", .type = MTR_FIELD_MONEY, .offset = offsetof(struct tier, unit), .required = true},
    {0},
};
struct named {
    struct mtr_str name;
    uint64_t size;
};
static const struct mtr_field named_fields[] = {
    {.name = "size", .type = MTR_FIELD_U64, .offset = offsetof(struct named, size), .required = true},
    {0},
};
static const struct mtr_field fields[] = {
    {.name = "key", .type = MTR_FIELD_KEY, .offset = offsetof(struct outer, key), .required = true, .doc = "its name"},
    {.name = "name", .type = MTR_FIELD_TEXT, .offset = offsetof(struct outer, name), .default_text = "yes", .min = 1, .max = 20},
    {.name = "on", .type = MTR_FIELD_BOOL, .offset = offsetof(struct outer, on), .default_text = "true",
     MTR_ROW_GIVEN(outer, on_written)},
    {.name = "count", .type = MTR_FIELD_U64, .offset = offsetof(struct outer, count), .min = 2, .max = 10},
    {.name = "size", .type = MTR_FIELD_BYTES, .offset = offsetof(struct outer, size), .default_text = "64KiB", .min = 4096, .max = 1 << 20},
    {.name = "wait", .type = MTR_FIELD_DURATION, .offset = offsetof(struct outer, wait_us), .default_text = "250ms", .min = 1000,
     .max = 3600000000},
    {.name = "start", .type = MTR_FIELD_TIME, .offset = offsetof(struct outer, start_us)},
    {.name = "mode", .type = MTR_FIELD_ENUM, .offset = offsetof(struct outer, mode), .default_text = "fast", .choices = modes},
    {.name = "listen", .type = MTR_FIELD_MAP, .offset = offsetof(struct outer, listen), .fields = inner_fields},
    {.name = "tiers", .type = MTR_FIELD_LIST, .offset = offsetof(struct outer, tiers), .fields = tier_fields,
     .item_size = sizeof(struct tier), .min = 1, .max = 3},
    {.name = "tags", .type = MTR_FIELD_TEXTS, .offset = offsetof(struct outer, tags)},
    {.name = "labels", .type = MTR_FIELD_LABELS, .offset = offsetof(struct outer, labels)},
    {.name = "rest", .type = MTR_FIELD_NODE, .offset = offsetof(struct outer, rest)},
    {.name = "named", .type = MTR_FIELD_NAMED, .offset = offsetof(struct outer, named), .fields = named_fields,
     .item_size = sizeof(struct named), .max = 2, .doc = "by name"},
    {.name = "chain", .type = MTR_FIELD_LIST, .offset = offsetof(struct outer, chain), .fields = tier_fields, .item_size = sizeof(struct tier),
     .single = true},
    {.name = "names", .type = MTR_FIELD_TEXTS, .offset = offsetof(struct outer, names), .single = true},
    {0},
};

struct fixture {
    struct mtr_document *document;
    struct mtr_arena arena;
    struct mtr_diagnostics findings;
    struct outer out;
    int rc;
};

static void decode(struct fixture *f, const char *text)
{
    struct mtr_diagnostic diagnostic;
    memset(f, 0, sizeof(*f));
    mtr_arena_init(&f->arena, 1024, 1 << 20);
    mtr_diagnostics_init(&f->findings, 16);
    if (mtr_document_parse(mtr_str_from(text), &f->document, &diagnostic)) fail_msg("%s", diagnostic.text);
    f->rc = mtr_schema_decode(fields, mtr_document_root(f->document), &f->arena, &f->out, &f->findings);
}

static void drop(struct fixture *f)
{
    mtr_document_close(f->document);
    mtr_arena_release(&f->arena);
    mtr_diagnostics_release(&f->findings);
}

static void assert_text(struct mtr_str text, const char *expected)
{
    assert_true(mtr_str_equal(text, mtr_str_from(expected)));
}

static void test_defaults(void **state)
{
    (void)state;
    struct fixture f;
    decode(&f, "key: a\nname: ~\n");
    assert_int_equal(f.rc, MTR_OK);
    assert_text(f.out.name, "yes");
    assert_true(f.out.on);
    assert_false(f.out.on_written);
    assert_int_equal(f.out.size, 65536);
    assert_int_equal(f.out.wait_us, 250000);
    assert_int_equal(f.out.mode, 1);
    assert_int_equal(f.out.listen.port, 8787);
    assert_int_equal(f.out.tiers.count, 0);
    assert_null(f.out.rest);
    drop(&f);
}

static void test_all_types(void **state)
{
    (void)state;
    struct fixture f;
    decode(
        &f,
        "key: a-1.b:c\nname: 12.50\non: false\ncount: 3\nsize: 1MiB\nwait: 1h\nstart: 2026-03-01\nmode: slow\n"
        "listen: {address: 127.0.0.1, port: 1}\ntiers: [{up_to: 100.5, unit: '0.05'}, {unit: 0.04}]\n"
        "tags: [a, 5, 'true']\nlabels: {region: eu, size: 5}\nrest: [1]\n");
    assert_int_equal(f.rc, MTR_OK);
    assert_text(f.out.key, "a-1.b:c");
    assert_text(f.out.name, "12.50");
    assert_false(f.out.on);
    assert_true(f.out.on_written);
    assert_int_equal(f.out.count, 3);
    assert_int_equal(f.out.size, 1 << 20);
    assert_int_equal(f.out.wait_us, MTR_US_PER_HOUR);
    assert_int_equal(f.out.start_us, INT64_C(1772323200) * MTR_US_PER_SECOND);
    assert_int_equal(f.out.mode, 0);
    assert_int_equal(f.out.listen.port, 1);
    assert_text(f.out.listen.address, "127.0.0.1");
    assert_int_equal(f.out.tiers.count, 2);
    const struct tier *tiers = f.out.tiers.items;
    assert_true(tiers[0].up_to.e12 == (mtr_int128)100500000000000);
    assert_true(tiers[1].unit.e18 == (mtr_int128)40000000000000000);
    const struct mtr_str *tags = f.out.tags.items;
    assert_text(tags[1], "5");
    const struct mtr_label *labels = f.out.labels.items;
    assert_text(labels[0].name, "region");
    assert_text(labels[1].value, "5");
    assert_int_equal(f.out.rest->kind, MTR_NODE_LIST);
    drop(&f);
}

static void test_maps_by_name_and_lists_of_one(void **state)
{
    (void)state;
    struct fixture f;
    decode(&f, "key: a\nnamed: {x: {size: 1}, y: {size: 2}}\nchain: {unit: 3}\nnames: n\n");
    assert_int_equal(f.rc, MTR_OK);
    assert_int_equal(f.out.named.count, 2);
    const struct named *named = f.out.named.items;
    assert_text(named[0].name, "x");
    assert_text(named[1].name, "y");
    assert_int_equal(named[1].size, 2);
    assert_int_equal(f.out.chain.count, 1);
    assert_true(((const struct tier *)f.out.chain.items)->unit.e18 == (mtr_int128)3 * 1000000000000000000);
    assert_int_equal(f.out.names.count, 1);
    assert_text(*(const struct mtr_str *)f.out.names.items, "n");
    drop(&f);
    decode(&f, "key: a\nchain: [{unit: 3}, {unit: 4}]\nnames: [n, m]\n");
    assert_int_equal(f.rc, MTR_OK);
    assert_true(f.out.chain.count == 2 && f.out.names.count == 2);
    drop(&f);
}

/* Golden: text → findings, one per line. */
static const struct {
    const char *text;
    const char *findings;
} refusals[] = {
    {"", "1:1: key: is missing\n"},
    {"[1]", "1:1: a map of keys and values is expected\n"},
    {"key: a\non: yes\n", "2:5: on: true or false is expected, not `yes`\n"},
    {"key: a\non: 'true'\n", "2:5: on: true or false is expected, not `true`\n"},
    {"key: a b\n", "1:6: key: `a b` is no key: 1 to 64 of letters, digits and . _ : -, starting with a letter or digit\n"},
    {"key: -a\n", "1:6: key: `-a` is no key: 1 to 64 of letters, digits and . _ : -, starting with a letter or digit\n"},
    {"key: true\n", "1:6: key: write \"true\" in quotes: a key is expected\n"},
    {"key: [a]\n", "1:6: key: a key is expected, not a list\n"},
    {"key: a\nnam: x\n", "2:1: unknown key `nam`; did you mean `name`?\n"},
    {"key: a\nqqq: x\n",
     "2:1: unknown key `qqq`; known are key, name, on, count, size, wait, start, mode, listen, tiers, tags, labels, rest, named, chain, names\n"},
    {"key: a\nname: ''\n", "2:7: name: the text has 0 bytes; allowed are 1 to 20\n"},
    {"key: a\ncount: 11\n", "2:8: count: `11` is out of range: 2 to 10\n"},
    {"key: a\ncount: '5'\n", "2:8: count: write the number without quotes\n"},
    {"key: a\ncount: 5.0\n", "2:8: count: a whole number is expected, as 10, not `5.0`\n"},
    {"key: a\ncount: -5\n", "2:8: count: a whole number is expected, as 10, not `-5`\n"},
    {"key: a\nsize: 4095\n", "2:7: size: `4095` is out of range: 4KiB to 1MiB\n"},
    {"key: a\nsize: 4MB\n", "2:7: size: a size is expected, as 4096, 64KiB, 16MiB or 1GiB, not `4MB`\n"},
    {"key: a\nsize: 99999999TiB\n", "2:7: size: a size is expected, as 4096, 64KiB, 16MiB or 1GiB, not `99999999TiB`\n"},
    {"key: a\nwait: 2h\n", "2:7: wait: `2h` is out of range: 1ms to 1h\n"},
    {"key: a\nwait: soon\n", "2:7: wait: a duration is expected, as 250ms, 90s, 15m, 2h or 35d, not `soon`\n"},
    {"key: a\nstart: 2026-13-01\n",
     "2:8: start: a date or an instant is expected, as 2026-03-01 or 2026-03-01T12:00:00Z, not `2026-13-01`: there is no such day\n"},
    {"key: a\nmode: fats\n", "2:7: mode: `fats` is not one of slow, fast, both; did you mean `fast`?\n"},
    {"key: a\nmode: x\n", "2:7: mode: `x` is not one of slow, fast, both\n"},
    {"key: a\nmode: [x]\n", "2:7: mode: one of slow, fast, both is expected, not a list\n"},
    {"key: a\nlisten: {}\n", "2:9: listen.address: is missing\n"},
    {"key: a\nlisten: {address: x, port: 70000}\n", "2:28: listen.port: `70000` is out of range: 1 to 65535\n"},
    {"key: a\ntiers: []\n", "2:8: tiers: the list has 0 items; allowed are 1 to 3\n"},
    {"key: a\ntiers: {}\n", "2:8: tiers: a list is expected\n"},
    {"key: a\ntiers:\n  - {unit: 1}\n  - {up_to: '1,5'}\n",
     "4:13: tiers[1].up_to: `1,5` is no number: write 1.5 (a decimal point)\n4:5: tiers[1].unit: is missing\n"},
    {"key: a\ntiers:\n  - {unit: 1, up_to: 0.0000000000001}\n",
     "3:22: tiers[0].up_to: `0.0000000000001` has more than 12 digits after the point\n"},
    {"key: a\ntiers:\n  - {unit: 1e30}\n", "3:12: tiers[0].unit: `1e30` is too large: at most 1.7 × 10^20\n"},
    {"key: a\ntiers:\n  - {unit: cheap}\n", "3:12: tiers[0].unit: a number is expected, as 12 or 0.05, not `cheap`\n"},
    {"key: a\ntiers:\n  - {unit: \"1,50\"}\n", "3:12: tiers[0].unit: `1,50` is no number: write 1.50 (a decimal point)\n"},
    {"key: a\ntags: [x, [y]]\n", "2:11: tags[1]: a text is expected, not a list\n"},
    {"key: a\nlabels: {x: {}}\n", "2:13: labels.x: a text is expected, not a map\n"},
    {"key: a\nnamed: [x]\n", "2:8: named: a map of names is expected\n"},
    {"key: a\nnamed: {x: {}}\n", "2:12: named.x.size: is missing\n"},
    {"key: a\nnamed: {x y: {size: 1}}\n", "2:9: named.x y: is no key: write letters, digits and . _ : -\n"},
    {"key: a\nnamed: {a: {size: 1}, b: {size: 1}, c: {size: 1}}\n", "2:8: named: the list has 3 items; allowed are 0 to 2\n"},
    {"key: a\nchain: 5\n", "2:8: chain: a map of keys and values is expected\n"},
    {"key: a\nnames: {}\n", "2:8: names: a text is expected, not a map\n"},
    {"count: 1\nmode: x\n",
     "1:8: count: `1` is out of range: 2 to 10\n2:7: mode: `x` is not one of slow, fast, both\n1:1: key: is missing\n"},
};

static void test_refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++) {
        struct fixture f;
        char text[2048] = "";
        size_t used = 0;
        decode(&f, refusals[i].text);
        for (size_t k = 0; k < f.findings.count; k++) {
            const struct mtr_diagnostic *d = &f.findings.items[k];
            used += (size_t)snprintf(text + used, sizeof(text) - used, "%u:%u: %s%s%s\n", d->line, d->column,
                                     d->field, d->field[0] ? ": " : "", d->text);
        }
        assert_string_equal(text, refusals[i].findings);
        assert_int_equal(f.rc, MTR_EINVALID);
        drop(&f);
    }
}

static void test_text_of_one_field(void **state)
{
    (void)state;
    struct fixture f;
    decode(&f, "key: a\n");
    assert_int_equal(
        mtr_schema_decode_text(&fields[3], "METERD_COUNT", MTR_STR("7"), &f.arena, &f.out, &f.findings),
        MTR_OK);
    assert_int_equal(f.out.count, 7);
    assert_int_equal(
        mtr_schema_decode_text(&fields[2], "METERD_ON", MTR_STR("false"), &f.arena, &f.out, &f.findings),
        MTR_OK);
    assert_true(f.out.on_written && !f.out.on);
    assert_int_equal(
        mtr_schema_decode_text(&fields[1], "METERD_NAME", MTR_STR("true: #x"), &f.arena, &f.out, &f.findings),
        MTR_OK);
    assert_text(f.out.name, "true: #x");
    assert_int_equal(
        mtr_schema_decode_text(&fields[10], "METERD_TAGS", MTR_STR("[x, y]"), &f.arena, &f.out, &f.findings),
        MTR_OK);
    assert_int_equal(f.out.tags.count, 2);
    assert_int_equal(
        mtr_schema_decode_text(&fields[3], "METERD_COUNT", MTR_STR("many"), &f.arena, &f.out, &f.findings),
        MTR_EINVALID);
    assert_string_equal(f.findings.items[0].field, "METERD_COUNT");
    assert_string_equal(f.findings.items[0].text, "a whole number is expected, as 10, not `many`");
    drop(&f);
}

static void test_reference(void **state)
{
    (void)state;
    struct mtr_buffer out;
    mtr_buffer_init(&out, 1 << 16);
    assert_int_equal(mtr_schema_write_reference(inner_fields, "listen", &out), MTR_OK);
    assert_int_equal(mtr_buffer_append_char(&out, '\0'), MTR_OK);
    assert_string_equal(out.data, "| `listen.port` | whole number | `8787` | 1 to 65535 | TCP port |\n"
                                  "| `listen.address` | text | required |  | IP address |\n");
    mtr_buffer_release(&out);
}

/* A row that stands elsewhere: decoded into a struct of its own, and told like any other. */
struct elsewhere {
    struct inner listen;
};
static const struct mtr_field elsewhere_row = {
    .name = "listen", .type = MTR_FIELD_MAP, .offset = offsetof(struct elsewhere, listen), .fields = inner_fields,
    .own_size = sizeof(struct elsewhere), .doc = "where"};
struct pointing {
    struct mtr_str key;
    void *listen;
};
static const struct mtr_field pointing_fields[] = {
    {.name = "key", .type = MTR_FIELD_KEY, .offset = offsetof(struct pointing, key), .required = true},
    {.name = "listen", .type = MTR_FIELD_ROW, .offset = offsetof(struct pointing, listen), .row = &elsewhere_row},
    {0},
};

static struct pointing decode_pointing(struct mtr_arena *arena, struct mtr_diagnostics *findings,
                                       const char *text)
{
    struct mtr_document *document = NULL;
    struct mtr_diagnostic diagnostic;
    struct pointing out = {0};
    assert_int_equal(mtr_document_parse(mtr_str_from(text), &document, &diagnostic), MTR_OK);
    const int rc = mtr_schema_decode(pointing_fields, mtr_document_root(document), arena, &out, findings);
    assert_int_equal(rc, findings->errors ? MTR_EINVALID : MTR_OK);
    mtr_document_close(document);
    return out;
}

static void test_rows_that_stand_elsewhere(void **state)
{
    (void)state;
    struct mtr_arena arena;
    struct mtr_diagnostics findings;
    struct mtr_buffer out;
    mtr_arena_init(&arena, 1 << 12, 1 << 20);
    mtr_diagnostics_init(&findings, 8);
    mtr_buffer_init(&out, 1 << 16);
    assert_null(decode_pointing(&arena, &findings, "key: a\n").listen);
    assert_null(decode_pointing(&arena, &findings, "key: a\nlisten: ~\n").listen);
    const struct elsewhere *own = decode_pointing(&arena, &findings, "key: a\nlisten: {address: x}\n").listen;
    assert_true(own && own->listen.port == 8787);
    assert_text(own->listen.address, "x");
    own = decode_pointing(&arena, &findings, "key: a\nlisten: {}\n").listen; /* what is right of it, beside the fault */
    assert_true(own && own->listen.port == 8787);
    assert_string_equal(findings.items[0].field, "listen.address");
    assert_int_equal(mtr_schema_write_reference(pointing_fields, "", &out), MTR_OK);
    assert_int_equal(mtr_schema_write_json_schema(pointing_fields, false, &out), MTR_OK);
    assert_int_equal(mtr_buffer_append_char(&out, '\0'), MTR_OK);
    assert_non_null(strstr(out.data, "| `listen.port` | whole number | `8787` | 1 to 65535 | TCP port |\n"));
    assert_non_null(strstr(out.data, "\"listen\":{\"type\":[\"object\",\"null\"],\"properties\":{\"port\":"
                                     "{\"type\":[\"integer\",\"null\"]"));
    mtr_buffer_release(&out);
    mtr_diagnostics_release(&findings);
    mtr_arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),          cmocka_unit_test(test_all_types),
        cmocka_unit_test(test_maps_by_name_and_lists_of_one), cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_text_of_one_field), cmocka_unit_test(test_reference),
        cmocka_unit_test(test_rows_that_stand_elsewhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
