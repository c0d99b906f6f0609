/*
 * Rows of a shape: the JSON, the cells of CSV and the schema that come out of them.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "meterd/core/shape.h"

struct part {
    uint64_t number;
};

struct row {
    struct mtr_str name, note, raw;
    const char *word;
    bool flag;
    uint32_t small;
    int64_t signed_one, time;
    struct mtr_local_time local;
    struct mtr_quantity quantity;
    bool has_money;
    struct mtr_shown_money money;
    struct mtr_list labels, texts, parts;
    struct part part;
};

static const char *word_choice(unsigned index)
{
    static const char *const words[] = {"yes", "no", NULL};
    return words[index];
}

static void write_twice(struct mtr_json_writer *json, const void *context)
{
    const struct row *row = context;
    mtr_json_u64(json, 2 * row->small);
}

static const struct mtr_json_member part_members[] = {
    {MTR_MEMBER(part, number), .type = MTR_MEMBER_U64, .doc = "a count"},
    {0},
};
static const struct mtr_shape part_shape = {.name = "Part", .members = part_members};

static const struct mtr_json_member row_members[] = {
    {MTR_MEMBER(row, name), .type = MTR_MEMBER_TEXT},
    {MTR_MEMBER(row, note), .type = MTR_MEMBER_TEXT, .presence = MTR_MAY_LACK},
    {MTR_MEMBER(row, raw), .type = MTR_MEMBER_JSON, .shape = &part_shape, .presence = MTR_MAY_BE_NULL},
    {MTR_MEMBER(row, word), .type = MTR_MEMBER_WORD, .choice = word_choice},
    {MTR_MEMBER(row, flag), .type = MTR_MEMBER_BOOL},
    {MTR_MEMBER(row, small), .type = MTR_MEMBER_U32},
    {MTR_MEMBER(row, signed_one), .type = MTR_MEMBER_I64},
    {MTR_MEMBER(row, time), .type = MTR_MEMBER_TIME},
    {MTR_MEMBER(row, local), .type = MTR_MEMBER_LOCAL},
    {MTR_MEMBER(row, quantity), .type = MTR_MEMBER_QUANTITY},
    {MTR_MEMBER(row, money), .type = MTR_MEMBER_MONEY, .presence = MTR_MAY_BE_NULL, MTR_PRESENT(row, has_money)},
    {MTR_MEMBER(row, labels), .type = MTR_MEMBER_LABELS},
    {MTR_MEMBER(row, texts), .type = MTR_MEMBER_TEXTS},
    {MTR_MEMBER(row, parts), .type = MTR_MEMBER_LIST, .shape = &part_shape, .item_size = sizeof(struct part)},
    {MTR_MEMBER(row, part), .type = MTR_MEMBER_MAP, .shape = &part_shape},
    {.name = "twice", .type = MTR_MEMBER_U64, .write = write_twice},
    {0},
};
static const struct mtr_shape row_shape = {.members = row_members};

static void write(const struct mtr_shape *shape, const struct row *row, char *out, size_t room)
{
    struct mtr_buffer text;
    struct mtr_json_writer json;
    mtr_buffer_init(&text, 1 << 16);
    mtr_json_begin(&json, &text);
    if (row) mtr_shape_write(shape, row, &json);
    else mtr_shape_write_schema(shape, "#/", &json);
    assert_int_equal(mtr_json_finish(&json), MTR_OK);
    assert_true(text.size < room);
    memcpy(out, text.data, text.size);
    out[text.size] = '\0';
    mtr_buffer_release(&text);
}

static void test_json(void **state)
{
    char text[1024];
    struct mtr_label labels[] = {{MTR_STR("a"), MTR_STR("1")}, {MTR_STR("b"), MTR_STR("")}};
    struct mtr_str texts[] = {MTR_STR("x"), MTR_STR("\"")};
    struct part parts[] = {{7}, {8}};
    struct row row = {.name = MTR_STR("n"), .word = "no", .small = 4, .signed_one = -5, .local = {0, 19800},
                      .quantity = {1500000000000}, .labels = {labels, 2}, .texts = {texts, 2}, .parts = {parts, 2}, .part = {9}};
    (void)state;
    write(&row_shape, &row, text, sizeof(text));
    assert_string_equal(text, "{\"name\":\"n\",\"raw\":null,\"word\":\"no\",\"flag\":false,\"small\":4,\"signed_one\":-5,"
                              "\"time\":\"1970-01-01T00:00:00Z\",\"local\":\"1970-01-01T05:30:00+05:30\",\"quantity\":\"1.5\","
                              "\"money\":null,\"labels\":{\"a\":\"1\",\"b\":\"\"},\"texts\":[\"x\",\"\\\"\"],"
                              "\"parts\":[{\"number\":7},{\"number\":8}],\"part\":{\"number\":9},\"twice\":8}");
    row.note = MTR_STR("");
    row.raw = MTR_STR("{\"number\":1}");
    row.has_money = true;
    row.money = (struct mtr_shown_money){{2000000000000000000}, 2};
    row.parts.count = 0;
    write(&row_shape, &row, text, sizeof(text));
    assert_non_null(strstr(text, "\"note\":\"\",\"raw\":{\"number\":1},"));
    assert_non_null(strstr(text, "\"money\":\"2.00\","));
    assert_non_null(strstr(text, "\"parts\":[],"));
}

static void check_cell(const char *name, const struct row *row, const char *expected)
{
    struct mtr_buffer text;
    const struct mtr_json_member *member = mtr_shape_member(&row_shape, mtr_str_from(name));
    assert_non_null(member);
    mtr_buffer_init(&text, 1 << 16);
    assert_int_equal(mtr_json_member_write_cell(member, row, &text), MTR_OK);
    assert_int_equal(mtr_buffer_append_char(&text, '\0'), MTR_OK);
    assert_string_equal(text.data, expected);
    mtr_buffer_release(&text);
}

static void test_cells(void **state)
{
    struct mtr_label labels[] = {{MTR_STR("a"), MTR_STR("1")}};
    struct row row = {.name = MTR_STR("=1+1"), .word = "yes", .small = 4, .quantity = {-2000000000000}, .labels = {labels, 1}};
    (void)state;
    check_cell("name", &row, "\"'=1+1\"");
    check_cell("note", &row, "");
    check_cell("raw", &row, "");
    check_cell("flag", &row, "false");
    check_cell("quantity", &row, "-2");
    check_cell("money", &row, "");
    check_cell("labels", &row, "\"{\"\"a\"\":\"\"1\"\"}\"");
    check_cell("parts", &row, "[]");
    check_cell("twice", &row, "8");
    assert_null(mtr_shape_member(&row_shape, MTR_STR("nothing")));
}

static void test_schema(void **state)
{
    char text[4096];
    (void)state;
    write(&row_shape, NULL, text, sizeof(text));
    assert_non_null(strstr(text, "{\"type\":\"object\",\"required\":[\"name\",\"raw\",\"word\",\"flag\",\"small\",\"signed_one\",\"time\","
                                 "\"local\",\"quantity\",\"money\",\"labels\",\"texts\",\"parts\",\"part\",\"twice\"],"));
    assert_non_null(strstr(text, "\"raw\":{\"oneOf\":[{\"$ref\":\"#/Part\"},{\"type\":\"null\"}]}"));
    assert_non_null(strstr(text, "\"word\":{\"type\":\"string\",\"enum\":[\"yes\",\"no\"]}"));
    assert_non_null(strstr(text, "\"money\":{\"type\":[\"string\",\"null\"],\"pattern\":"));
    assert_non_null(strstr(text, "\"parts\":{\"type\":\"array\",\"items\":{\"$ref\":\"#/Part\"}}"));
    const struct mtr_shape many = {.one_or_many = &part_shape};
    write(&many, NULL, text, sizeof(text));
    assert_string_equal(text, "{\"oneOf\":[{\"$ref\":\"#/Part\"},{\"type\":\"array\",\"items\":{\"$ref\":\"#/Part\"}}]}");
    write(&part_shape, NULL, text, sizeof(text));
    assert_string_equal(text, "{\"type\":\"object\",\"required\":[\"number\"],\"properties\":{\"number\":"
                              "{\"type\":\"integer\",\"minimum\":0,\"description\":\"a count\"}}}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_cells),
        cmocka_unit_test(test_schema),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
