/*
 * Golden table of the decoders: content type, body, and what becomes of it, written as one line:
 *
 *   "EINVALID@12: malformed JSON …"           the envelope cannot be read; the offset after '@'
 *   "ok | invalid id: missing | ok"           one word or sentence per event
 *
 * Every kind of bad input has its row. The law behind them: a bad event never touches another, and nothing is accepted that was not
 * understood.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>
#include <zstd.h>

#include "meterd/collector/decode.h"
#include "meterd/core/limits.h"

#define JSON "application/json"
#define NDJSON "application/x-ndjson"
#define MSGPACK "application/msgpack"
#define BODY(literal) {"" literal, sizeof(literal) - 1}
/* An event that is right but for what a row adds. */
#define HEAD "\"id\":\"e\",\"type\":\"t\",\"subject\":\"s\""
#define EVENT "{" HEAD "}"
#define DATA(members) "{" HEAD ",\"data\":{" members "}}"

enum { RECEIVED_US = 1700000000, BODY_MAX = 64 << 10, EVENTS_MAX = 8 };

struct row {
    const char *content_type;
    struct mtr_str body;
    const char *expected;
};

static void request_open(struct mtr_request *request)
{
    *request = (struct mtr_request){.vendor = MTR_STR("acme")};
    mtr_arena_init(&request->arena, 4096, 4 << 20);
}

/* The outcome as one line. */
static void render(int rc, const struct mtr_diagnostic *diagnostic, const struct mtr_request *request, struct mtr_buffer *out)
{
    mtr_buffer_reset(out);
    if (rc) {
        assert_int_equal(mtr_buffer_printf(out, "%s@%lu: %s", mtr_error_name(rc), (unsigned long)diagnostic->offset, diagnostic->text), 0);
        assert_int_equal(request->count, 0);
        return;
    }
    for (uint32_t i = 0; i < request->count; i++) {
        const struct mtr_event_result *result = &request->results[i];
        bool invalid = result->code == MTR_RESULT_INVALID;
        assert_true(invalid || result->code == MTR_RESULT_ACCEPTED);
        assert_int_equal(mtr_buffer_printf(out, "%s%s%s%s%s%s", i ? " | " : "", invalid ? "invalid" : "ok", result->field ? " " : "",
                                           result->field ? result->field : "", invalid ? ": " : "", invalid ? result->reason : ""),
                         0);
    }
}

static bool check(const char *name, const struct mtr_decode_input *input, const char *expected)
{
    struct mtr_request request;
    struct mtr_buffer text;
    struct mtr_diagnostic diagnostic = {.offset = 0};
    request_open(&request);
    mtr_buffer_init(&text, 1 << 20);
    /* An exact copy on the heap, so that the sanitizer sees a read past the end. */
    struct mtr_decode_input copy = *input;
    char *body = malloc(input->body.size + 1);
    assert_non_null(body);
    char *exact = body + 1;
    if (input->body.size) memcpy(exact, input->body.data, input->body.size);
    copy.body.data = exact;
    int rc = mtr_decode(&copy, &request, &diagnostic);
    free(body);
    render(rc, &diagnostic, &request, &text);
    bool same = mtr_str_equal(mtr_buffer_str(&text), mtr_str_from(expected));
    if (!same) fprintf(stderr, "%s\n  expected: %s\n  got:      %.*s\n", name, expected, MTR_STR_ARGS(mtr_buffer_str(&text)));
    mtr_buffer_release(&text);
    mtr_arena_release(&request.arena);
    return same;
}

static void check_rows(const struct row *rows, size_t count)
{
    size_t wrong = 0;
    for (size_t i = 0; i < count; i++) {
        char name[40];
        struct mtr_decode_input input = {.body = rows[i].body,
                                         .content_type = mtr_str_from(rows[i].content_type),
                                         .body_bytes_max = BODY_MAX,
                                         .events_max = EVENTS_MAX,
                                         .received_us = RECEIVED_US};
        snprintf(name, sizeof(name), "row %zu", i);
        wrong += !check(name, &input, rows[i].expected);
    }
    assert_int_equal(wrong, 0);
}

#define CHECK_ROWS(rows) check_rows(rows, sizeof(rows) / sizeof(*(rows)))

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
        {JSON, BODY("{" HEAD ",\"time\":\"2026-02-30T00:00:00Z\"}"),
         "invalid time: not an RFC 3339 date-time such as 2026-03-29T01:59:59Z"},
        {JSON, BODY("{" HEAD ",\"time\":\"2026-02-28T00:00:00\"}"), "invalid time: an RFC 3339 date-time ends with Z or an offset such as +02:00"},
        {JSON, BODY("{" HEAD ",\"time\":\"2026-02-28\"}"), "invalid time: a date without a time: write an RFC 3339 date-time such as 2026-03-29T01:59:59Z"},
        {JSON, BODY("{" HEAD ",\"time\":\"2026-02-28T24:00:00Z\"}"), "invalid time: RFC 3339 has no hour 24: write 00:00:00 of the next day"},
        {JSON, BODY("{" HEAD ",\"time\":\"2026-02-28T12:00:60Z\"}"), "invalid time: second 60 is a leap second, which only 23:59:60 of UTC can be"},
        {JSON, BODY("{" HEAD ",\"time\":\"2026-03-01T00:00:00.1234567Z\"}"), "invalid time: finer than a microsecond"},
        {JSON, BODY("{" HEAD ",\"time\":\"1969-12-31T23:59:59Z\"}"), "invalid time: outside the years 1970 to 2199"},
        {JSON, BODY("{" HEAD ",\"time\":1772359200}"), "invalid time: must be a string"},
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
        {NDJSON, BODY(EVENT "\n{\"id\"\n" EVENT), "ok | invalid: malformed JSON at byte 41: ':' is expected after a name | ok"},
        {NDJSON, BODY(EVENT "\n{\"id\":\"e\n" EVENT "\n"), "ok | invalid: malformed JSON at byte 42: string without an end | ok"},
        {NDJSON, BODY("{\"id\":\"a\tb\"}\n" EVENT),
         "invalid: malformed JSON at byte 8: control character inside a string (is a quote missing before it?) | ok"},
        {NDJSON, BODY(EVENT EVENT "\n" EVENT), "invalid: malformed JSON at byte 35: something follows the event on its line | ok"},
        {NDJSON, BODY("[" EVENT "]\n" EVENT), "invalid: an event must be a map | ok"},
        {NDJSON, BODY(EVENT "\n{\"id\":\"\xFF\",\"type\":\"t\",\"subject\":\"s\"}\n" EVENT), "ok | invalid id: not valid UTF-8 | ok"},
        {NDJSON, BODY("{" HEAD ",\"a\":[\n" EVENT), "invalid: malformed JSON at byte 40: the text ends too early | ok"},
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
        struct mtr_decode_input input = {.body = {body, before + rows[i].count + after}, .body_bytes_max = BODY_MAX,
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
        struct mtr_decode_input input = {.body = mtr_buffer_str(&body), .body_bytes_max = BODY_MAX, .events_max = EVENTS_MAX};
        assert_true(check("properties", &input, count > MTR_EVENT_PROPERTIES_MAX ? "invalid data.p64: more than 64 properties" : "ok"));
        mtr_buffer_release(&body);
    }
}

static size_t gzip(struct mtr_str text, char *out, size_t out_bytes_max)
{
    z_stream stream = {.next_in = (Bytef *)(uintptr_t)text.data, .avail_in = (uInt)text.size, .next_out = (Bytef *)out,
                       .avail_out = (uInt)out_bytes_max};
    assert_int_equal(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    deflateEnd(&stream);
    return stream.total_out;
}

static size_t zstd(struct mtr_str text, char *out, size_t out_bytes_max)
{
    size_t size = ZSTD_compress(out, out_bytes_max, text.data, text.size, 3);
    assert_false(ZSTD_isError(size));
    return size;
}

static bool check_compressed(const char *encoding, const char *body, size_t size, const char *expected)
{
    struct mtr_decode_input input = {.body = {body, size}, .content_encoding = mtr_str_from(encoding), .body_bytes_max = BODY_MAX,
                                     .events_max = EVENTS_MAX};
    return check(encoding, &input, expected);
}

static void test_compression(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t (*compress)(struct mtr_str text, char *out, size_t out_bytes_max);
        const char *malformed, *cut, *trailing, *head;
    } rows[] = {
        {"gzip", gzip, "malformed gzip", "the member ends too early", "incorrect header check", "incorrect header check"},
        {"ZSTD", zstd, "malformed zstd", "the frame ends too early", "Unknown frame descriptor", "Unknown frame descriptor"},
    };
    static const char half[] = "[" EVENT, rest[] = "," EVENT "]";
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        char packed[512], expected[200];
        size_t first = rows[i].compress(mtr_str_from(half), packed, 200);
        size_t size = first + rows[i].compress(mtr_str_from(rest), packed + first, 200);
        assert_true(check_compressed(rows[i].name, packed, size, "ok | ok")); /* members, frames one after another */
        assert_true(check_compressed(rows[i].name, packed, 0,
                                     "EINVALID@0: malformed JSON at byte 0: an event or a list of events is expected"));
        for (size_t cut = first + 1; cut < size; cut++) {
            snprintf(expected, sizeof(expected), "EINVALID@%zu: %s at byte %zu: %s", cut, rows[i].malformed, cut, rows[i].cut);
            assert_true(check_compressed(rows[i].name, packed, cut, expected));
        }
        memcpy(packed + size, "garbage!", 8);
        struct mtr_request request;
        struct mtr_diagnostic diagnostic;
        struct mtr_decode_input input = {.body = {packed, size + 8}, .content_encoding = mtr_str_from(rows[i].name),
                                         .body_bytes_max = BODY_MAX, .events_max = 8};
        request_open(&request);
        assert_int_equal(mtr_decode(&input, &request, &diagnostic), MTR_EINVALID);
        assert_non_null(strstr(diagnostic.text, rows[i].trailing));
        assert_true(diagnostic.offset >= size && diagnostic.offset <= size + 8);
        mtr_arena_release(&request.arena);
        request_open(&request);
        input.body = MTR_STR("not compressed at all");
        assert_int_equal(mtr_decode(&input, &request, &diagnostic), MTR_EINVALID);
        assert_non_null(strstr(diagnostic.text, rows[i].head));
        mtr_arena_release(&request.arena);
    }
    assert_true(check_compressed("br", "x", 1, "ENOTFOUND@0: content encoding 'br' is not understood: send identity, gzip or zstd"));
}

/* What comes out is capped, to the byte, whatever goes in. */
static void test_output_cap(void **state)
{
    (void)state;
    enum { PACKED_MAX = 64 << 10 };
    size_t (*const compress[])(struct mtr_str, char *, size_t) = {gzip, zstd};
    static const size_t sizes[] = {BODY_MAX - 1, BODY_MAX, BODY_MAX + 1, 8 << 20};
    char *plain = malloc(8 << 20), *packed = malloc(PACKED_MAX);
    assert_true(plain && packed);
    memset(plain, ' ', 8 << 20);
    memcpy(plain, "[]", 2);
    for (size_t i = 0; i < 2; i++)
        for (size_t j = 0; j < sizeof(sizes) / sizeof(*sizes); j++) {
            size_t size = compress[i]((struct mtr_str){plain, sizes[j]}, packed, PACKED_MAX);
            assert_true(check_compressed(i ? "zstd" : "gzip", packed, size,
                                         sizes[j] <= BODY_MAX ? "" : "ELIMIT@0: the decompressed body is larger than 65536 bytes"));
        }
    free(plain);
    free(packed);
}

static void test_binary_mode(void **state)
{
    (void)state;
    static const struct mtr_decode_header headers[] = {
        {{"specversion", 11}, {"1.0", 3}}, {{"id", 2}, {"a%20%C3%A9%", 11}}, {{"type", 4}, {"\"t\\\"x\"", 6}},
        {{"subject", 7}, {"s", 1}},        {{"time", 4}, {"2026-03-01T00:00:00Z", 20}},
    };
    static const struct {
        const char *content_type, *body, *expected;
        uint32_t first, count;
    } rows[] = {
        {"application/json", "{\"n\":1.50}", "ok", 0, 5},
        {"application/vnd.acme+json", "{}", "ok", 0, 5},
        {"text/plain", "", "ok", 0, 5},
        {"", "[1]", "invalid data: must be a map", 0, 5},
        {"application/json", "{\"n\":1", "EINVALID@6: malformed JSON at byte 6: ',' or '}' is expected", 0, 5},
        {"application/json", "{\"n\":\"", "EINVALID@5: malformed JSON at byte 5: string without an end", 0, 5},
        {"text/plain", "{}", "ENOTFOUND@0: content type 'text/plain' is not understood: send JSON, NDJSON, msgpack or CloudEvents", 0, 5},
        {"application/json", "", "invalid subject: missing", 0, 3},
        {"application/json", "", "EINVALID@0: malformed JSON at byte 0: an event or a list of events is expected", 1, 3},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct mtr_decode_input input = {.body = mtr_str_from(rows[i].body), .content_type = mtr_str_from(rows[i].content_type),
                                         .headers = headers + rows[i].first, .header_count = rows[i].count, .body_bytes_max = BODY_MAX,
                                             .events_max = 1};
        assert_true(check(rows[i].expected, &input, rows[i].expected));
    }
    struct mtr_request request;
    struct mtr_diagnostic diagnostic;
    struct mtr_decode_input input = {.body = MTR_STR("{\"n\":1.50}"), .headers = headers, .header_count = 5, .body_bytes_max = BODY_MAX,
                                     .events_max = 1};
    request_open(&request);
    assert_int_equal(mtr_decode(&input, &request, &diagnostic), MTR_OK);
    assert_true(mtr_str_equal(request.events[0].id, MTR_STR("a \xC3\xA9%")));
    assert_true(mtr_str_equal(request.events[0].type, MTR_STR("t\"x")));
    assert_true(request.events[0].properties[0].number.mantissa == 15);
    mtr_arena_release(&request.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_envelopes), cmocka_unit_test(test_events),        cmocka_unit_test(test_times),
        cmocka_unit_test(test_data),      cmocka_unit_test(test_ndjson),        cmocka_unit_test(test_msgpack),
        cmocka_unit_test(test_compact_rows), cmocka_unit_test(test_sizes),      cmocka_unit_test(test_property_count),
        cmocka_unit_test(test_compression),  cmocka_unit_test(test_output_cap), cmocka_unit_test(test_binary_mode),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
