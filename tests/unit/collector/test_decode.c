/*
 * Golden table of the decoders: content type, body, and what becomes of it, written as one line:
 *
 *   "EINVALID@12: malformed JSON …"           the envelope cannot be read; the offset after '@'
 *   "ok | invalid id: missing | ok"           one word or sentence per event
 *
 * Every kind of bad input has its row. The law behind them: a bad event never touches another, and nothing is
 * accepted that was not understood.
 */
#include "tests/support/decode_world.h"

static void test_envelopes(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"", BODY(EVENT), "ok"},
        {"Application/JSON; charset=utf-8", BODY("[" EVENT " , " EVENT "\n]\n"), "ok | ok"},
        {JSON, BODY("[]"), ""},
        {"application/cloudevents+json", BODY("{\"specversion\":\"1.0\"," HEAD "}"), "ok"},
        {"application/cloudevents-batch+json", BODY("[" EVENT "]"), "ok"},
        {"text/plain", BODY(EVENT), "ENOTFOUND@0: content type 'text/plain' is not understood: send JSON, NDJSON, msgpack or CloudEvents"},
        {JSON, BODY(""), "EINVALID@0: malformed JSON at byte 0: an event or a list of events is expected"},
        {JSON, BODY("  "), "EINVALID@2: malformed JSON at byte 2: an event or a list of events is expected"},
        {JSON, BODY("7"), "EINVALID@0: malformed JSON at byte 0: an event or a list of events is expected"},
        {JSON, BODY("\xEF\xBB\xBF{}"), "EINVALID@0: malformed JSON at byte 0: an event or a list of events is expected"},
        {JSON, BODY("[" EVENT), "EINVALID@36: malformed JSON at byte 36: ',' or ']' is expected"},
        {JSON, BODY("[" EVENT ",]"), "EINVALID@37: malformed JSON at byte 37: a value is expected"},
        {JSON, BODY(EVENT EVENT), "EINVALID@35: malformed JSON at byte 35: something follows the end of the text's value"},
        {JSON, BODY("{\"id\" \"e\"}"), "EINVALID@6: malformed JSON at byte 6: ':' is expected after a name"},
        {JSON, BODY("{\"id\":}"), "EINVALID@6: malformed JSON at byte 6: a value is expected"},
        {JSON, BODY("{id:1}"), "EINVALID@1: malformed JSON at byte 1: a name in quotes is expected"},
        {JSON, BODY("{\"id\":\"e\",}"), "EINVALID@10: malformed JSON at byte 10: a name in quotes is expected"},
        {JSON, BODY("{\"x\":[1}"), "EINVALID@7: malformed JSON at byte 7: ',' or ']' is expected"},
        {JSON, BODY("{\"id\":\"e"), "EINVALID@6: malformed JSON at byte 6: string without an end"},
        {JSON, BODY("{\"id\":\"e\\\"}"), "EINVALID@6: malformed JSON at byte 6: string without an end"},
        {JSON, BODY("{\"id\":\"a\nb\"}"),
         "EINVALID@8: malformed JSON at byte 8: control character inside a string (is a quote missing before it?)"},
        {JSON, BODY("[" EVENT "," EVENT "," EVENT "," EVENT "," EVENT "," EVENT "," EVENT "," EVENT "]"),
         "ok | ok | ok | ok | ok | ok | ok | ok"},
        {JSON, BODY("[1,2,3,4,5,6,7,8,9]"), "ELIMIT@0: more than 8 events in one request"},
    };
    CHECK_ROWS(rows);
}

static void test_events(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {JSON, BODY("[7,{},[]]"), "invalid: an event must be a map | invalid id: missing | invalid: an event must be a map"},
        {JSON, BODY("[{\"type\":\"t\",\"subject\":\"s\"}," EVENT "]"), "invalid id: missing | ok"},
        {JSON, BODY("{\"id\":\"\",\"type\":\"t\",\"subject\":\"s\"}"), "invalid id: must not be empty"},
        {JSON, BODY("{\"id\":null,\"type\":\"t\",\"subject\":\"s\"}"), "invalid id: missing"},
        {JSON, BODY("{\"id\":7,\"type\":\"t\",\"subject\":\"s\"}"), "invalid id: must be a string"},
        {JSON, BODY("{\"id\":[],\"type\":\"t\",\"subject\":\"s\"}"), "invalid id: must be a string"},
        {JSON, BODY("{\"id\":\"e\",\"subject\":\"s\"}"), "invalid type: missing"},
        {JSON, BODY("{\"id\":\"e\",\"type\":\"t\"}"), "invalid subject: missing"},
        {JSON, BODY("{" HEAD ",\"source\":\"\"}"), "invalid source: must not be empty"},
        {JSON, BODY("{" HEAD ",\"id\":\"f\"}"), "invalid id: given twice"},
        {JSON, BODY("{" HEAD ",\"data\":{},\"data\":{\"a\":1}}"), "invalid data: given twice"},
        {JSON, BODY("{" HEAD ",\"ext\":1,\"ext\":2}"), "invalid ext: given twice"},
        {JSON, BODY("{" HEAD ",\"specversion\":\"0.3\"}"), "invalid specversion: only CloudEvents 1.0 is understood"},
        {JSON, BODY("{" HEAD ",\"datacontenttype\":\"application/json; x=1\",\"dataschema\":\"x\",\"ext\":{\"a\":[{}]}}"), "ok"},
        {JSON, BODY("{" HEAD ",\"datacontenttype\":\"text/xml\"}"), "invalid datacontenttype: data must be JSON"},
        {JSON, BODY("{" HEAD ",\"data_base64\":\"AA==\"}"), "invalid data_base64: binary data is not usage: send a map as data"},
        {JSON, BODY("{" HEAD ",\"ext\":[[[[1]]]]}"), "invalid ext: nested deeper than 4 levels"},
        {JSON, BODY("{\"id\":\"a\\u0001\",\"type\":\"t\",\"subject\":\"s\"}"), "invalid id: holds a control character"},
        {JSON, BODY("{\"id\":\"a\\q\",\"type\":\"t\",\"subject\":\"s\"}"), "invalid id: broken escape in a string"},
        {JSON, BODY("[{\"id\":\"\xFF\",\"type\":\"t\",\"subject\":\"s\"}," EVENT "]"), "invalid id: not valid UTF-8 | ok"},
        {JSON, BODY("[" DATA("\"a\":\"\xC3(\"") "," EVENT "]"), "invalid data.a: not valid UTF-8 | ok"},
        {JSON, BODY("{" HEAD ",\"data\":7}"), "invalid data: must be a map"},
        {JSON, BODY("{" HEAD ",\"data\":[1]}"), "invalid data: must be a map"},
        {JSON, BODY("{" HEAD ",\"data\":\"x\"}"), "invalid data: must be a map"},
        {JSON, BODY("{" HEAD ",\"data\":null}"), "ok"},
    };
    CHECK_ROWS(rows);
}

static void test_times(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {JSON, BODY("{" HEAD ",\"time\":\"2026-03-01T00:00:00.123456Z\"}"), "ok"},
        {JSON, BODY("{" HEAD ",\"time\":null}"), "ok"},
        {JSON, BODY("{" HEAD ",\"time\":\"\"}"), "invalid time: not an RFC 3339 date-time such as 2026-03-29T01:59:59Z"},
        {JSON, BODY("{" HEAD ",\"time\":\"soon\"}"), "invalid time: not an RFC 3339 date-time such as 2026-03-29T01:59:59Z"},
        {JSON, BODY("{" HEAD ",\"time\":\"2026-02-30T00:00:00Z\"}"), "invalid time: there is no such day"},
        {JSON, BODY("{" HEAD ",\"time\":\"1772359200\"}"), "invalid time: it counts from 1970: write the date and the time of day"},
        {JSON, BODY("{" HEAD ",\"time\":\"2026-02-28T00:00:00\"}"), "invalid time: an RFC 3339 date-time ends with Z or an offset such as +02:00"},
        {JSON, BODY("{" HEAD ",\"time\":\"2026-02-28\"}"), "invalid time: a date without a time: write an RFC 3339 date-time such as 2026-03-29T01:59:59Z"},
        {JSON, BODY("{" HEAD ",\"time\":\"2026-02-28T24:00:00Z\"}"), "invalid time: RFC 3339 has no hour 24: write 00:00:00 of the next day"},
        {JSON, BODY("{" HEAD ",\"time\":\"2026-02-28T12:00:60Z\"}"), "invalid time: second 60 is a leap second, which only 23:59:60 of UTC can be"},
        {JSON, BODY("{" HEAD ",\"time\":\"2026-03-01T00:00:00.123456789Z\"}"), "ok"},
        {JSON, BODY("{" HEAD ",\"time\":\"2026-03-01T00:00:00.1234567\"}"), "invalid time: an RFC 3339 date-time ends with Z or an offset such as +02:00"},
        {JSON, BODY("{" HEAD ",\"time\":\"1969-12-31T23:59:59Z\"}"), "invalid time: outside the years 1970 to 2199"},
        {JSON, BODY("{" HEAD ",\"time\":1772359200}"), "invalid time: must be a string such as \"2026-03-29T01:59:59Z\""},
        {MSGPACK, BODY("\x84\xa2id\xa1""e\xa4type\xa1t\xa7subject\xa1s\xa4time\xcf\x00\x06\x40\x00\x00\x00\x00\x00"), "ok"},
        {MSGPACK, BODY("\x84\xa2id\xa1""e\xa4type\xa1t\xa7subject\xa1s\xa4time\xff"),
         "invalid time: outside the years 1970 to 2199 (integers are microseconds since 1970)"},
        {MSGPACK, BODY("\x84\xa2id\xa1""e\xa4type\xa1t\xa7subject\xa1s\xa4time\xcf\xff\xff\xff\xff\xff\xff\xff\xff"),
         "invalid time: outside the years 1970 to 2199 (integers are microseconds since 1970)"},
    };
    CHECK_ROWS(rows);
}

#define D37 "1234567890123456789012345678901234567"

static void test_data(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {JSON, BODY(DATA("")), "ok"},
        {JSON, BODY(DATA("\"a\":1,\"b\":\"\",\"c\":true,\"d\":null,\"e\":-0.5e-3,\"f\":0")), "ok"},
        {JSON, BODY(DATA("\"a\":" D37 "8")), "ok"},
        {JSON, BODY(DATA("\"a\":" D37 "89")), "invalid data.a: number out of range: 38 digits at most"},
        {JSON, BODY(DATA("\"a\":0." D37 "89")), "invalid data.a: more than 38 digits: it cannot be kept exactly"},
        {JSON, BODY(DATA("\"a\":1e400")), "invalid data.a: number out of range: 38 digits at most"},
        {JSON, BODY(DATA("\"a\":NaN")), "invalid data.a: not a finite number, string, true, false or null"},
        {JSON, BODY(DATA("\"a\":-Infinity")), "invalid data.a: not a finite number, string, true, false or null"},
        {JSON, BODY(DATA("\"a\":01")), "invalid data.a: not a finite number, string, true, false or null"},
        {JSON, BODY(DATA("\"a\":1 2")), "EINVALID@49: malformed JSON at byte 49: ',' or '}' is expected"},
        {JSON, BODY(DATA("\"a\":1\"2\"")), "invalid data.a: not a finite number, string, true, false or null"},
        {JSON, BODY(DATA("\"a\":\"1\"2")), "EINVALID@50: malformed JSON at byte 50: ',' or '}' is expected"},
        {JSON, BODY(DATA("\"a\":\"1\"\"2\"")), "EINVALID@50: malformed JSON at byte 50: ',' or '}' is expected"},
        {JSON, BODY(DATA("\"a\":truE")), "invalid data.a: not a finite number, string, true, false or null"},
        {JSON, BODY(DATA("\"a\":1,\"a\":1")), "invalid data.a: given twice"},
        {JSON, BODY(DATA("\"a\":null,\"\\u0061\":1")), "invalid data.a: given twice"},
        {JSON, BODY(DATA("\"a\":{\"b\":1}")), "invalid data.a: data must be flat"},
        {JSON, BODY(DATA("\"a\":[]")), "invalid data.a: data must be flat"},
        {JSON, BODY(DATA("\"\":1")), "invalid data.: a property's name must not be empty"},
        {JSON, BODY(DATA("\"a\\n\":1")), "invalid data.a\n: the name holds a control character"},
        {JSON, BODY(DATA("\"a\\x\":1")), "invalid data: broken escape in a string"},
        {JSON, BODY(DATA("\"a\":\"\\ud83d\\ude00\\u00e9\\\\\\/\\b\\f\\n\\r\\t\\\"\"")), "ok"},
        {JSON, BODY(DATA("\"a\":\"\\ud83d\"")), "invalid data.a: broken escape in a string"},
        {JSON, BODY(DATA("\"a\":\"\\ude00\"")), "invalid data.a: broken escape in a string"},
        {JSON, BODY(DATA("\"a\":\"\\u12g4\"")), "invalid data.a: broken escape in a string"},
        {JSON, BODY(DATA("\"a\":\"\\u123\"")), "invalid data.a: broken escape in a string"},
    };
    CHECK_ROWS(rows);
}

static void test_ndjson(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {NDJSON, BODY(""), ""},
        {NDJSON, BODY("\n \r\n"), ""},
        {NDJSON, BODY(EVENT "\r\n\n" EVENT), "ok | ok"},
        {NDJSON, BODY(EVENT "\n{\"id\"\n" EVENT), "ok | invalid: malformed JSON at column 6: ':' is expected after a name | ok"},
        {NDJSON, BODY(EVENT "\n{\"id\":\"e\n" EVENT "\n"), "ok | invalid: malformed JSON at column 7: string without an end | ok"},
        {NDJSON, BODY("{\"id\":\"a\tb\"}\n" EVENT),
         "invalid: malformed JSON at column 9: control character inside a string (is a quote missing before it?) | ok"},
        {NDJSON, BODY(EVENT EVENT "\n" EVENT), "invalid: malformed JSON at column 36: something follows the event on its line | ok"},
        {NDJSON, BODY("[" EVENT "]\n" EVENT), "invalid: an event must be a map | ok"},
        {NDJSON, BODY(EVENT "\n{\"id\":\"\xFF\",\"type\":\"t\",\"subject\":\"s\"}\n" EVENT), "ok | invalid id: not valid UTF-8 | ok"},
        {NDJSON, BODY("{" HEAD ",\"a\":[\n" EVENT), "invalid: malformed JSON at column 41: the text ends too early | ok"},
        {NDJSON, BODY("x\n" EVENT), "invalid: an event must be a map | ok"},
        {NDJSON, BODY("1\n2\n3\n4\n5\n6\n7\n8\n9\n"), "ELIMIT@0: more than 8 events in one request"},
    };
    CHECK_ROWS(rows);
}

#define MP_HEAD "\xa2id\xa1" "e\xa4type\xa1t\xa7subject\xa1s"
#define MP_EVENT "\x83" MP_HEAD
#define MP_DATA(count, members) "\x84" MP_HEAD "\xa4""data" count members
#define MP_FIELDS "\xa6""fields\x94\xa2id\xa4type\xa7subject\xa6""data.n"
#define MP_ROW "\x94\xa1""e\xa1t\xa1s\x07"

static void test_msgpack(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {MSGPACK, BODY(MP_EVENT), "ok"},
        {"application/x-msgpack", BODY("\x92" MP_EVENT MP_EVENT), "ok | ok"},
        {"application/vnd.msgpack", BODY("\xdd\x00\x00\x00\x01" MP_EVENT), "ok"},
        {MSGPACK, BODY("\x90"), ""},
        {MSGPACK, BODY("\x93\xc0" MP_EVENT "\x91\x01"), "invalid: an event must be a map | ok | invalid: an event must be a map"},
        {MSGPACK, BODY(MP_DATA("\x86", "\xa1""a\x05\xa1""b\xd3\x80\0\0\0\0\0\0\0\xa1""c\xcf\xff\xff\xff\xff\xff\xff\xff\xff"
                                       "\xa1""d\xc0\xa1""e\xc3\xa1""f\xd9\x01z")), "ok"},
        {MSGPACK, BODY(MP_DATA("\x81", "\xa1""a\xcb\x3f\xf0\0\0\0\0\0\0")),
         "invalid data.a: binary floats are not exact: send it as a decimal string or an integer"},
        {MSGPACK, BODY(MP_DATA("\x81", "\xa1""a\xca\x7f\xc0\0\0")),
         "invalid data.a: binary floats are not exact: send it as a decimal string or an integer"},
        {MSGPACK, BODY(MP_DATA("\x81", "\xa1""a\xc4\x01x")),
         "invalid data.a: binary and extension values are not understood: send text or a number"},
        {MSGPACK, BODY(MP_DATA("\x81", "\xa1""a\xd6\xff\0\0\0\0")),
         "invalid data.a: binary and extension values are not understood: send text or a number"},
        {MSGPACK, BODY(MP_DATA("\x81", "\xa1""a\x91\x01")), "invalid data.a: data must be flat"},
        {MSGPACK, BODY(MP_DATA("\x82", "\xa1""a\x01\xa1""a\x01")), "invalid data.a: given twice"},
        {MSGPACK, BODY(MP_DATA("\x81", "\x01\x01")), "invalid data: a key must be text"},
        {MSGPACK, BODY(MP_DATA("\x81", "\xa1\xff\x01")), "invalid data.\xff: the name is not valid UTF-8"},
        {MSGPACK, BODY("\x84" MP_HEAD "\xa4""data\x01"), "invalid data: must be a map"},
        {MSGPACK, BODY("\x83\xa2id\xa2\xc3(\xa4type\xa1t\xa7subject\xa1s"), "invalid id: not valid UTF-8"},
        {MSGPACK, BODY("\x83\xa2id\xcb\0\0\0\0\0\0\0\0\xa4type\xa1t\xa7subject\xa1s"),
         "invalid id: binary floats are not exact: send it as a decimal string or an integer"},
        {MSGPACK, BODY(""), "EINVALID@0: malformed msgpack at byte 0: the text ends too early"},
        {MSGPACK, BODY("\x01"), "EINVALID@0: malformed msgpack at byte 0: an event or a list of events is expected"},
        {MSGPACK, BODY("\x92" MP_EVENT), "EINVALID@24: malformed msgpack at byte 24: the text ends too early"},
        {MSGPACK, BODY(MP_EVENT "\x00"), "EINVALID@23: malformed msgpack at byte 23: something follows the end of the value"},
        {MSGPACK, BODY("\x81\xa2id\xdb\xff\xff\xff\xff"), "EINVALID@4: malformed msgpack at byte 4: text ends too early"},
        {MSGPACK, BODY("\x81\xa2id\xc6\xff\xff\xff\xff"), "EINVALID@4: malformed msgpack at byte 4: value ends too early"},
        {MSGPACK, BODY("\x81\xa2id\xcd\xff"), "EINVALID@4: malformed msgpack at byte 4: value ends too early"},
        {MSGPACK, BODY("\x81\xa2id\xc9\xff\xff\xff\xff\x01"), "EINVALID@4: malformed msgpack at byte 4: value ends too early"},
        {MSGPACK, BODY("\xdd\xff\xff\xff\xff\xc0\xc1"), "EINVALID@6: malformed msgpack at byte 6: byte 0xc1 is never used"},
        {MSGPACK, BODY("\xdf\xff\xff\xff\xff"), "EINVALID@5: malformed msgpack at byte 5: the text ends too early"},
        {MSGPACK, BODY("\x9f\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1"), "ELIMIT@0: more than 8 events in one request"},
    };
    CHECK_ROWS(rows);
}

static void test_compact_rows(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {MSGPACK, BODY("\x82" MP_FIELDS "\xa4rows\x92" MP_ROW MP_ROW), "ok | ok"},
        {MSGPACK, BODY("\x82\xa4rows\x92" MP_ROW MP_ROW MP_FIELDS), "ok | ok"},
        {MSGPACK, BODY("\x82" MP_FIELDS "\xa4rows\x93\x93\xa1""e\xa1t\xa1s" MP_ROW "\x01"),
         "invalid: a row must be a list of 4 values | ok | invalid: a row must be a list of values"},
        {MSGPACK, BODY("\x82" MP_FIELDS "\xa4rows\x91\x94\xa1""e\xa1t\xa1s\xca\0\0\0\0"),
         "invalid data.n: binary floats are not exact: send it as a decimal string or an integer"},
        {MSGPACK, BODY("\x82" MP_FIELDS "\xa4rows\x91\x94\xc0\xa1t\xa1s\xc0"), "invalid id: missing"},
        {MSGPACK, BODY("\x82" MP_FIELDS "\xa4rows\x91\x94\xa1""e\xa1t\xa1s\x91\x01"), "invalid data.n: data must be flat"},
        {MSGPACK, BODY("\x81" MP_FIELDS), "EINVALID@32: malformed msgpack at byte 32: fields and rows belong together"},
        {MSGPACK, BODY("\x82" MP_FIELDS MP_FIELDS),
         "EINVALID@39: malformed msgpack at byte 39: only fields and rows are expected, each once"},
        {MSGPACK, BODY("\x82\xa6""fields\x92\xa2id\xa2id\xa4rows\x90"), "EINVALID@12: malformed msgpack at byte 12: field given twice"},
        {MSGPACK, BODY("\x82\xa6""fields\x91\xa3""a.b\xa4rows\x90"),
         "EINVALID@9: malformed msgpack at byte 9: a field with a dot must be data.<name>"},
        {MSGPACK, BODY("\x82\xa6""fields\x91\xa4""data\xa4rows\x90"),
         "EINVALID@9: malformed msgpack at byte 9: columns of data are named data.<name>"},
        {MSGPACK, BODY("\x82\xa6""fields\x91\xa5""data.\xa4rows\x90"),
         "EINVALID@9: malformed msgpack at byte 9: a property's name must not be empty"},
        {MSGPACK, BODY("\x82\xa4rows\x91\x94\xa1""e\xa1t\xa1s"), "EINVALID@14: malformed msgpack at byte 14: the text ends too early"},
    };
    CHECK_ROWS(rows);
}

/* Built: what is too long to write down. */
static void test_sizes(void **state)
{
    (void)state;
    static const struct {
        const char *before;
        char fill;
        size_t count;
        const char *after;
        const char *expected;
    } rows[] = {
        {"{\"type\":\"t\",\"subject\":\"s\",\"id\":\"", 'x', MTR_EVENT_ID_BYTES_MAX, "\"}", "ok"},
        {"{\"type\":\"t\",\"subject\":\"s\",\"id\":\"", 'x', MTR_EVENT_ID_BYTES_MAX + 1, "\"}", "invalid id: longer than 256 bytes"},
        {"{\"id\":\"e\",\"subject\":\"s\",\"type\":\"", 'x', MTR_EVENT_TYPE_BYTES_MAX + 1, "\"}", "invalid type: longer than 128 bytes"},
        {"{\"id\":\"e\",\"type\":\"t\",\"subject\":\"", 'x', MTR_EVENT_SUBJECT_BYTES_MAX + 1, "\"}",
         "invalid subject: longer than 128 bytes"},
        {"{" HEAD ",\"source\":\"", 'x', MTR_EVENT_SOURCE_BYTES_MAX + 1, "\"}", "invalid source: longer than 256 bytes"},
        {"{" HEAD ",\"data\":{\"a\":\"", 'x', MTR_PROPERTY_TEXT_BYTES_MAX, "\"}}", "ok"},
        {"{" HEAD ",\"data\":{\"a\":\"", 'x', MTR_PROPERTY_TEXT_BYTES_MAX + 1, "\"}}", "invalid data.a: longer than 1024 bytes"},
        {"{" HEAD ",\"data\":{\"", 'x', MTR_PROPERTY_NAME_BYTES_MAX, "\":1}}", "ok"},
        {"{" HEAD ",\"data\":{\"", 'x', MTR_PROPERTY_NAME_BYTES_MAX + 1, "\":1}}",
         "invalid data.xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx: the name is longer than 64 bytes"},
        {"{\"x\":", '[', 65, "", "EINVALID@69: malformed JSON at byte 69: nested deeper than 64 levels"},
        {"{\"x\":", '[', 5000, "", "EINVALID@69: malformed JSON at byte 69: nested deeper than 64 levels"},
        {"", ' ', BODY_MAX - 2, "[]", ""},
        {"", ' ', BODY_MAX - 1, "[]", "ELIMIT@0: the body is larger than 65536 bytes"},
    };
    size_t wrong = 0;
    char *body = malloc(BODY_MAX * 2);
    assert_non_null(body);
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        size_t before = strlen(rows[i].before), after = strlen(rows[i].after);
        memcpy(body, rows[i].before, before);
        memset(body + before, rows[i].fill, rows[i].count);
        memcpy(body + before + rows[i].count, rows[i].after, after);
        struct mtr_decode_input input = {.body = {body, before + rows[i].count + after},
                                         .body_bytes_max = BODY_MAX,
                                         .events_max = EVENTS_MAX};
        wrong += !check(rows[i].expected, &input, rows[i].expected);
    }
    free(body);
    assert_int_equal(wrong, 0);
}

static void test_property_count(void **state)
{
    (void)state;
    for (int count = MTR_EVENT_PROPERTIES_MAX; count <= MTR_EVENT_PROPERTIES_MAX + 1; count++) {
        struct mtr_buffer body;
        mtr_buffer_init(&body, 1 << 16);
        assert_int_equal(mtr_buffer_printf(&body, "{" HEAD ",\"data\":{\"p0\":0"), 0);
        for (int i = 1; i < count; i++) assert_int_equal(mtr_buffer_printf(&body, ",\"p%d\":%d", i, i), 0);
        assert_int_equal(mtr_buffer_printf(&body, "}}"), 0);
        struct mtr_decode_input input = {
            .body = mtr_buffer_str(&body), .body_bytes_max = BODY_MAX, .events_max = EVENTS_MAX};
        assert_true(
            check("properties", &input,
                  count > MTR_EVENT_PROPERTIES_MAX ? "invalid data.p64: more than 64 properties" : "ok"));
        mtr_buffer_release(&body);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_envelopes),
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_data),
        cmocka_unit_test(test_ndjson),
        cmocka_unit_test(test_msgpack),
        cmocka_unit_test(test_compact_rows),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_property_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
