/*
 * A text that ends where readable memory ends, as the last value in a file of a store may: nothing looks
 * behind it, whatever it is made of.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "meterd/core/line.h"
#include "meterd/core/str.h"

/* A page, and behind it one that cannot be read. */
static char *open_page(size_t *bytes)
{
    *bytes = (size_t)sysconf(_SC_PAGESIZE);
    char *page = mmap(NULL, 2 * *bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(page != MAP_FAILED);
    assert_int_equal(mprotect(page + *bytes, *bytes, PROT_NONE), 0);
    return page;
}

static void test_a_copy_ends_where_the_text_does(void **state)
{
    (void)state;
    size_t bytes;
    char *page = open_page(&bytes);
    memset(page, 'x', bytes);
    for (size_t size = 0; size <= bytes; size += size < 8 ? 1 : 509) {
        char *copy = mtr_str_copy((struct mtr_str){page + bytes - size, size});
        assert_non_null(copy);
        assert_int_equal(strlen(copy), size);
        free(copy);
    }
    munmap(page, 2 * bytes);
}

static void test_a_copy_has_every_byte(void **state)
{
    (void)state;
    char *copy = mtr_str_copy((struct mtr_str){"a\0b", 3});
    assert_memory_equal(copy, "a\0b", 4);
    free(copy);
    copy = mtr_str_copy((struct mtr_str){NULL, 0});
    assert_string_equal(copy, "");
    free(copy);
}

static void test_a_line_gives_no_orders(void **state)
{
    static const char *const lines[][2] = {
        {"", ""}, {"plain", "plain"}, {"a\nb\tc\x7f", "a b c "}, {"\x1b[2J", " [2J"}, {"\xc2\x9b" "2J\xc2\xa0", "  2J\xc2\xa0"},
        {"\xbbx\xe2\x82", "?x??"}, {"\xe2\x82\xac\xc3\xa4", "\xe2\x82\xac\xc3\xa4"}, {"\xc2", "?"},
        {"a\xe2\x80\xae" "b\xe2\x80\x8e\xd8\x9c", "a   b     "}, {"\xe2\x81\xa6x\xe2\x80\xa8", "   x   "},
        {"\xe2\x80\x8d\xe2\x80\xaf", "\xe2\x80\x8d\xe2\x80\xaf"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
        char text[32];
        snprintf(text, sizeof(text), "%s", lines[i][0]);
        mtr_line_make(text);
        assert_string_equal(text, lines[i][1]);
    }
}

static void test_shown_json_gives_no_orders(void **state)
{
    static const char *const texts[][2] = {
        {"{\"a\":\"b\"}\n", "{\"a\":\"b\"}\n"}, {"\"\xc2\x9b" "2J\"", "\"\\u009b2J\""}, {"\"\x1b[2J\x7f\"", "\"\\u001b[2J\\u007f\""},
        {"\"\xe2\x80\xae" "x\xe2\x81\xa9\"", "\"\\u202ex\\u2069\""}, {"\x9b", "\\ufffd"}, {"\xf0\x9f\x98\x80\t", "\xf0\x9f\x98\x80\t"}, {"", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        struct mtr_buffer out;
        mtr_buffer_init(&out, 1 << 10);
        assert_int_equal(mtr_line_escape(&out, mtr_str_from(texts[i][0])), MTR_OK);
        assert_true(mtr_str_equal(mtr_buffer_str(&out), mtr_str_from(texts[i][1])));
        mtr_buffer_release(&out);
    }
}

static void test_comparisons_end_where_the_text_does(void **state)
{
    (void)state;
    size_t bytes;
    char *page = open_page(&bytes);
    memcpy(page + bytes - 3, "abc", 3);
    const struct mtr_str text = {page + bytes - 3, 3};
    uint64_t number;
    assert_true(mtr_str_equal(text, MTR_STR("abc")));
    assert_false(mtr_str_equal(text, MTR_STR("abcd")));
    assert_true(mtr_str_compare(text, MTR_STR("abcd")) < 0);
    assert_true(mtr_str_equal_lower(text, MTR_STR("abc")));
    assert_false(mtr_str_starts_with(text, MTR_STR("abcd")));
    assert_true(mtr_str_is_utf8(text));
    assert_false(mtr_str_to_u64(text, &number));
    assert_int_equal(mtr_str_distance(text, MTR_STR("abd")), 1);
    memcpy(page + bytes - 3, "a\xe2\x82", 3); /* a character that is cut off */
    assert_false(mtr_str_is_utf8(text));
    assert_int_equal(mtr_str_quoted(text, 3).size, 1);
    munmap(page, 2 * bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_copy_ends_where_the_text_does),
        cmocka_unit_test(test_a_copy_has_every_byte),
        cmocka_unit_test(test_a_line_gives_no_orders), cmocka_unit_test(test_shown_json_gives_no_orders),
        cmocka_unit_test(test_comparisons_end_where_the_text_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
