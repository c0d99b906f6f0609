/*
 * Bodies that come compressed, the bound of what they come to, and CloudEvents whose attributes are in
 * headers.
 */
#include "tests/support/decode_world.h"

#include <zlib.h>
#include <zstd.h>

static size_t gzip(struct mtr_str text, char *out, size_t out_bytes_max)
{
    z_stream stream = {.next_in = (Bytef *)(uintptr_t)text.data,
                       .avail_in = (uInt)text.size,
                       .next_out = (Bytef *)out,
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
    struct mtr_decode_input input = {.body = {body, size},
                                     .content_encoding = mtr_str_from(encoding),
                                     .body_bytes_max = BODY_MAX,
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
        /* members, frames one after another */
        assert_true(check_compressed(rows[i].name, packed, size, "ok | ok"));
        assert_true(check_compressed(rows[i].name, packed, 0,
                                     "EINVALID@0: malformed JSON at byte 0: an event or a list of events is expected"));
        for (size_t cut = first + 1; cut < size; cut++) {
            snprintf(expected, sizeof(expected), "EINVALID@%zu: %s at byte %zu: %s", cut, rows[i].malformed,
                     cut, rows[i].cut);
            assert_true(check_compressed(rows[i].name, packed, cut, expected));
        }
        memcpy(packed + size, "garbage!", 8);
        struct mtr_request request;
        struct mtr_diagnostic diagnostic;
        struct mtr_decode_input input = {.body = {packed, size + 8},
                                         .content_encoding = mtr_str_from(rows[i].name),
                                         .body_bytes_max = BODY_MAX,
                                         .events_max = 8};
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
    assert_true(check_compressed(
        "br", "x", 1, "ENOTFOUND@0: content encoding 'br' is not understood: send identity, gzip or zstd"));
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
            assert_true(check_compressed(
                i ? "zstd" : "gzip", packed, size,
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
        struct mtr_decode_input input = {.body = mtr_str_from(rows[i].body),
                                         .content_type = mtr_str_from(rows[i].content_type),
                                         .headers = headers + rows[i].first,
                                         .header_count = rows[i].count,
                                         .body_bytes_max = BODY_MAX,
                                         .events_max = 1};
        assert_true(check(rows[i].expected, &input, rows[i].expected));
    }
    struct mtr_request request;
    struct mtr_diagnostic diagnostic;
    struct mtr_decode_input input = {.body = MTR_STR("{\"n\":1.50}"),
                                     .headers = headers,
                                     .header_count = 5,
                                     .body_bytes_max = BODY_MAX,
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
        cmocka_unit_test(test_compression),
        cmocka_unit_test(test_output_cap),
        cmocka_unit_test(test_binary_mode),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
