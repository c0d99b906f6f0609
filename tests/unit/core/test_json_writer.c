/*
 * JSON writer: punctuation, escapes, hostile bytes, and the error that sticks.
 */
#include "meterd/core/json_writer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "meterd/core/document.h"

static void assert_text(const struct mtr_buffer *buffer, const char *expected)
{
    assert_int_equal(buffer->size, strlen(expected));
    assert_memory_equal(buffer->data, expected, buffer->size);
}

static void test_everything_once(void **state)
{
    (void)state;
    struct mtr_buffer buffer;
    struct mtr_json_writer json;
    mtr_buffer_init(&buffer, 4096);
    mtr_json_begin(&json, &buffer);
    mtr_json_map(&json);
    mtr_json_name(&json, "list");
    mtr_json_list(&json);
    mtr_json_u64(&json, UINT64_MAX);
    mtr_json_u64(&json, 0);
    mtr_json_map(&json);
    mtr_json_map_end(&json);
    mtr_json_list(&json);
    mtr_json_list_end(&json);
    mtr_json_list_end(&json);
    mtr_json_name(&json, "true");
    mtr_json_bool(&json, true);
    mtr_json_name(&json, "null");
    mtr_json_null(&json);
    mtr_json_name(&json, "quantity");
    mtr_json_quantity(&json, (struct mtr_quantity){.e12 = -1500000000000});
    mtr_json_name(&json, "money");
    mtr_json_money(&json, (struct mtr_money){.e18 = 5}, 2);
    mtr_json_name(&json, "time");
    mtr_json_time(&json, 1000000);
    mtr_json_name(&json, "raw");
    mtr_json_raw(&json, MTR_STR("[1]"));
    mtr_json_name(&json, "na\"me");
    mtr_json_bool(&json, false);
    mtr_json_map_end(&json);
    assert_int_equal(mtr_json_finish(&json), MTR_OK);
    assert_text(
        &buffer,
        "{\"list\":[18446744073709551615,0,{},[]],\"true\":true,\"null\":null,\"quantity\":\"-1.5\","
        "\"money\":\"0.000000000000000005\",\"time\":\"1970-01-01T00:00:01Z\",\"raw\":[1],\"na\\\"me\":false}");
    mtr_buffer_release(&buffer);
}

static void test_strings(void **state)
{
    (void)state;
#define ROW(text, json) {{"" text, sizeof(text) - 1}, "\"" json "\""}
    static const struct {
        struct mtr_str text;
        const char *json;
    } rows[] = {
        ROW("", ""),
        ROW("plain", "plain"),
        ROW("\"\\/", "\\\"\\\\/"),
        ROW("\b\f\n\r\t", "\\b\\f\\n\\r\\t"),
        ROW("\x01\x1f\x7f", "\\u0001\\u001f\x7f"),
        ROW("a\0b", "a\\u0000b"),
        ROW("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"),
        ROW("a\xff" "b", "a\xEF\xBF\xBD" "b"),
        ROW("\xc3", "\xEF\xBF\xBD"),
        ROW("\xed\xa0\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"), /* a surrogate */
        ROW("\xc3\xa4\xff\xc3\xa4", "\xc3\xa4\xEF\xBF\xBD\xc3\xa4"),
        ROW("\xff\"", "\xEF\xBF\xBD\\\""),
    };
#undef ROW
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct mtr_buffer buffer;
        struct mtr_json_writer json;
        mtr_buffer_init(&buffer, 4096);
        mtr_json_begin(&json, &buffer);
        mtr_json_text(&json, rows[i].text);
        assert_int_equal(mtr_json_finish(&json), MTR_OK);
        assert_text(&buffer, rows[i].json);
        mtr_buffer_release(&buffer);
    }
}

static void write_text(struct mtr_buffer *buffer, struct mtr_str text)
{
    struct mtr_json_writer json;
    mtr_buffer_init(buffer, 4096);
    mtr_json_begin(&json, buffer);
    mtr_json_text(&json, text);
    assert_int_equal(mtr_json_finish(&json), MTR_OK);
}

/* Text is looked at eight bytes at a time: each byte, wherever it stands in them, is written as it is alone. */
static void test_each_byte_at_each_place(void **state)
{
    (void)state;
    for (int byte = 0; byte < 256; byte++)
        for (size_t place = 0; place < 20; place++) {
            char text[20], expected[64];
            const char alone = (char)byte;
            struct mtr_buffer one, all;
            memset(text, 'x', sizeof(text));
            text[place] = alone;
            write_text(&one, (struct mtr_str){&alone, 1});
            write_text(&all, (struct mtr_str){text, sizeof(text)});
            const int size = snprintf(expected, sizeof(expected), "\"%.*s%.*s%.*s\"", (int)place, "xxxxxxxxxxxxxxxxxxxx", (int)one.size - 2,
                                      one.data + 1, (int)(19 - place), "xxxxxxxxxxxxxxxxxxxx");
            assert_true(mtr_str_equal(mtr_buffer_str(&all), (struct mtr_str){expected, (size_t)size}));
            assert_int_equal(mtr_str_is_utf8((struct mtr_str){text, sizeof(text)}), byte < 0x80);
            mtr_buffer_release(&one);
            mtr_buffer_release(&all);
        }
}

/* Whatever bytes go in, the output is one JSON string that the document reader takes. */
static void test_any_bytes_are_json(void **state)
{
    (void)state;
    uint64_t seed = 20260301, random = seed;
    print_message("seed %llu\n", (unsigned long long)seed);
    for (unsigned round = 0; round < 2000; round++) {
        char bytes[24];
        for (size_t i = 0; i < sizeof(bytes); i++) {
            random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            bytes[i] = (char)(random >> 56);
            if (bytes[i] == '\0') bytes[i] = ' '; /* documents refuse NUL, escaped or not */
        }
        struct mtr_buffer buffer;
        struct mtr_json_writer json;
        struct mtr_document *document;
        struct mtr_diagnostic diagnostic;
        mtr_buffer_init(&buffer, 4096);
        mtr_json_begin(&json, &buffer);
        mtr_json_list(&json);
        mtr_json_text(&json, (struct mtr_str){bytes, sizeof(bytes)});
        mtr_json_list_end(&json);
        assert_int_equal(mtr_json_finish(&json), MTR_OK);
        assert_true(mtr_str_is_utf8(mtr_buffer_str(&buffer)));
        assert_int_equal(mtr_document_parse(mtr_buffer_str(&buffer), &document, &diagnostic), MTR_OK);
        mtr_document_close(document);
        mtr_buffer_release(&buffer);
    }
}

static void test_error_sticks(void **state)
{
    (void)state;
    struct mtr_buffer buffer;
    struct mtr_json_writer json;
    mtr_buffer_init(&buffer, 8);
    mtr_json_begin(&json, &buffer);
    mtr_json_list(&json);
    mtr_json_cstr(&json, "longer than eight bytes");
    mtr_json_map(&json); /* nothing happens, and nothing asserts */
    mtr_json_name(&json, "a");
    mtr_json_list_end(&json);
    assert_int_equal(mtr_json_finish(&json), MTR_ELIMIT);
    mtr_buffer_release(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everything_once),
        cmocka_unit_test(test_strings), cmocka_unit_test(test_each_byte_at_each_place),
        cmocka_unit_test(test_any_bytes_are_json),
        cmocka_unit_test(test_error_sticks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
