/*
 * msgpack, token by token: numbers of every width are exact, every cut is found, claims of size buy no
 * memory, and a batch in the steady state allocates nothing. malloc, calloc and realloc of the program are
 * counted (the linker sends them here).
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <msgpack.h>

#include "meterd/collector/decode.h"
#include "meterd/core/limits.h"

enum { BODY_MAX = 1 << 20, EVENTS = 1000, FIELDS = 6, WARM_UP = 2, LIE_BYTES_MAX = 64 << 10, TEXT_MAX = 40 };

#define BYTES(literal) {"" literal, sizeof(literal) - 1}

static uint64_t allocations, allocated_bytes;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);

static void count_allocation(size_t size)
{
    allocations++;
    allocated_bytes += size;
}

void *__wrap_malloc(size_t size)
{
    count_allocation(size);
    return __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    count_allocation(count * size);
    return __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
    count_allocation(size);
    return __real_realloc(memory, size);
}

static int decode(struct mtr_request *request, struct mtr_str body, struct mtr_diagnostic *diagnostic)
{
    struct mtr_decode_input input = {.body = body,
                                     .content_type = MTR_STR("application/msgpack"),
                                     .body_bytes_max = BODY_MAX,
                                     .events_max = 100000,
                                     .received_us = 1};
    mtr_request_reset(request);
    request->vendor = MTR_STR("acme");
    return mtr_decode(&input, request, diagnostic);
}

/* ---- bodies, written by msgpack-c's packer ---- */

static int on_packed(void *context, const char *bytes, size_t size)
{
    return mtr_buffer_append(context, bytes, size);
}

static void pack_text(msgpack_packer *packer, const char *text)
{
    size_t size = strlen(text);
    msgpack_pack_str(packer, size);
    msgpack_pack_str_body(packer, text, size);
}

static const char *const fields[FIELDS] = {"id", "type", "subject", "time", "data.amount", "data.region"};

static void pack_values(msgpack_packer *packer, int event, bool named)
{
    char id[40];
    snprintf(id, sizeof(id), "%032d", event);
    for (int i = 0; i < 4; i++) {
        if (named) pack_text(packer, fields[i]);
        if (i == 3) {
            msgpack_pack_int64(packer, INT64_C(1773144000000000) + event);
        } else {
            pack_text(packer, i == 0 ? id : fields[i]);
        }
    }
    if (named) pack_text(packer, "data");
    if (named) msgpack_pack_map(packer, 2);
    if (named) pack_text(packer, "amount");
    pack_text(packer, "12.500");
    if (named) pack_text(packer, "region");
    pack_text(packer, "eu-west-1");
}

static void pack_maps(msgpack_packer *packer)
{
    msgpack_pack_array(packer, EVENTS);
    for (int i = 0; i < EVENTS; i++) {
        msgpack_pack_map(packer, 5);
        pack_values(packer, i, true);
    }
}

static void pack_rows(msgpack_packer *packer)
{
    msgpack_pack_map(packer, 2);
    pack_text(packer, "fields");
    msgpack_pack_array(packer, FIELDS);
    for (int i = 0; i < FIELDS; i++) pack_text(packer, fields[i]);
    pack_text(packer, "rows");
    msgpack_pack_array(packer, EVENTS);
    for (int i = 0; i < EVENTS; i++) {
        msgpack_pack_array(packer, FIELDS);
        pack_values(packer, i, false);
    }
}

/* ---- memory ---- */

static void a_batch_allocates_nothing(void **state)
{
    static void (*const packs[])(msgpack_packer *) = {pack_maps, pack_rows};
    (void)state;
    for (size_t i = 0; i < sizeof(packs) / sizeof(*packs); i++) {
        struct mtr_request request;
        struct mtr_buffer body;
        struct mtr_diagnostic diagnostic;
        msgpack_packer packer;
        mtr_request_init(&request, 64 << 20);
        mtr_buffer_init(&body, BODY_MAX);
        msgpack_packer_init(&packer, &body, on_packed);
        packs[i](&packer);
        uint64_t at_start = allocations, before = 0;
        for (int round = 0; round <= WARM_UP; round++) {
            before = allocations;
            assert_int_equal(decode(&request, mtr_buffer_str(&body), &diagnostic), MTR_OK);
            assert_int_equal(request.count, EVENTS);
            for (int j = 0; j < EVENTS; j++) assert_int_equal(request.results[j].code, MTR_RESULT_ACCEPTED);
        }
        assert_true(before > at_start); /* the counter counts: the arena grew in the first round */
        assert_int_equal(allocations, before);
        mtr_buffer_release(&body);
        mtr_request_release(&request);
    }
}

#define COMPACT(rows) "\x82\xa6""fields\x91\xa2id\xa4rows" rows

/* Heads that claim up to 2^32 - 1 items or bytes, in bodies of a few bytes. */
static void a_claim_buys_no_memory(void **state)
{
    static const struct mtr_str lies[] = {
        BYTES("\xdd\xff\xff\xff\xff"), BYTES("\xdd\x10\x00\x00\x00"), BYTES("\xdf\xff\xff\xff\xff"), BYTES("\xdc\xff\xff"),
        BYTES("\xde\xff\xff"), BYTES("\xdb\xff\xff\xff\xff"), BYTES("\xc6\xff\xff\xff\xff"), BYTES("\xc9\xff\xff\xff\xff\x01"),
        BYTES("\x91\xdf\xff\xff\xff\xff\xa2id"), BYTES("\x81\xa4""data\xdf\xff\xff\xff\xff\xa1""a\x01"),
        BYTES("\x81\xa1x\xdd\xff\xff\xff\xff\xdd\xff\xff\xff\xff\xdd\xff\xff\xff\xff\x01"),
        BYTES("\x81\xa6""fields\xdd\xff\xff\xff\xff\xa2id"), BYTES(COMPACT("\xdd\xff\xff\xff\xff")),
        BYTES(COMPACT("\xdd\xff\xff\xff\xff\xdd\xff\xff\xff\xff")),
    };
    (void)state;
    for (size_t i = 0; i < sizeof(lies) / sizeof(*lies); i++) {
        struct mtr_request request;
        struct mtr_diagnostic diagnostic;
        uint64_t before = allocated_bytes;
        mtr_request_init(&request, 64 << 20);
        assert_int_equal(decode(&request, lies[i], &diagnostic), MTR_EINVALID);
        if (allocated_bytes - before > LIE_BYTES_MAX)
            fail_msg("lie %zu: %" PRIu64 " bytes", i, allocated_bytes - before);
        mtr_request_release(&request);
    }
}

/* ---- tokens ---- */

static void numbers_of_every_width_are_exact(void **state)
{
    static const struct {
        struct mtr_str token;
        bool negative;
        uint64_t magnitude;
    } rows[] = {
        {BYTES("\x00"), false, 0},
        {BYTES("\x7f"), false, 127},
        {BYTES("\xff"), true, 1},
        {BYTES("\xe0"), true, 32},
        {BYTES("\xcc\xff"), false, UINT8_MAX},
        {BYTES("\xcd\xff\xfe"), false, UINT16_MAX - 1},
        {BYTES("\xce\xff\xff\xff\xfe"), false, UINT32_MAX - 1},
        {BYTES("\xcf\xff\xff\xff\xff\xff\xff\xff\xfe"), false, UINT64_MAX - 1},
        {BYTES("\xcf\x00\x20\x00\x00\x00\x00\x00\x01"), false, (UINT64_C(1) << 53) + 1}, /* no double holds it */
        {BYTES("\xd0\x80"), true, 128},
        {BYTES("\xd1\x80\x01"), true, 32767},
        {BYTES("\xd2\x80\x00\x00\x00"), true, UINT64_C(1) << 31},
        {BYTES("\xd3\x80\x00\x00\x00\x00\x00\x00\x00"), true, UINT64_C(1) << 63},
        {BYTES("\xd3\x00\x00\x00\x00\x00\x00\x00\x05"), false, 5},
    };
    static const char head[] = "\x84\xa2id\xa1""e\xa4type\xa1t\xa7subject\xa1s\xa4""data\x81\xa1n";
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        char body[64];
        struct mtr_request request;
        struct mtr_diagnostic diagnostic;
        memcpy(body, head, sizeof(head) - 1);
        memcpy(body + sizeof(head) - 1, rows[i].token.data, rows[i].token.size);
        mtr_request_init(&request, 1 << 20);
        assert_int_equal(
            decode(&request, (struct mtr_str){body, sizeof(head) - 1 + rows[i].token.size}, &diagnostic),
            MTR_OK);
        assert_int_equal(request.results[0].code, MTR_RESULT_ACCEPTED);
        assert_int_equal(request.events[0].properties[0].number.scale, 0);
        mtr_int128 expected =
            rows[i].negative ? -(mtr_int128)rows[i].magnitude : (mtr_int128)rows[i].magnitude;
        assert_true(request.events[0].properties[0].number.mantissa == expected);
        mtr_request_release(&request);
    }
}

/* One token each, in an attribute that is not kept: whole it is fine, cut anywhere it is a fault that
 * stands on the token's first byte. */
static void every_cut_is_found(void **state)
{
    static const struct mtr_str tokens[] = {
        BYTES("\xa5hello"), BYTES("\xd9\x03""abc"), BYTES("\xda\x00\x03""abc"), BYTES("\xdb\x00\x00\x00\x03""abc"),
        BYTES("\xc4\x02""ab"), BYTES("\xc5\x00\x02""ab"), BYTES("\xc6\x00\x00\x00\x02""ab"), BYTES("\xca\x01\x02\x03\x04"),
        BYTES("\xcb\x01\x02\x03\x04\x05\x06\x07\x08"), BYTES("\xcc\x01"), BYTES("\xcd\x01\x02"), BYTES("\xce\x01\x02\x03\x04"),
        BYTES("\xcf\x01\x02\x03\x04\x05\x06\x07\x08"), BYTES("\xd0\x01"), BYTES("\xd1\x01\x02"), BYTES("\xd2\x01\x02\x03\x04"),
        BYTES("\xd3\x01\x02\x03\x04\x05\x06\x07\x08"), BYTES("\xd4\x01x"), BYTES("\xd5\x01xy"), BYTES("\xd6\x01wxyz"),
        BYTES("\xd7\x01stuvwxyz"), BYTES("\xd8\x01stuvwxyzstuvwxyz"), BYTES("\xc7\x02\x01xy"), BYTES("\xc7\x00\x01"),
        BYTES("\xc8\x00\x02\x01xy"), BYTES("\xc9\x00\x00\x00\x02\x01xy"), BYTES("\xdc\x00\x00"), BYTES("\xdd\x00\x00\x00\x00"),
        BYTES("\xde\x00\x00"), BYTES("\xdf\x00\x00\x00\x00"),
    };
    static const char head[] = "\x84\xa2id\xa1""e\xa4type\xa1t\xa7subject\xa1s\xa3""ext";
    enum { HEAD_BYTES = sizeof(head) - 1 };
    (void)state;
    for (size_t i = 0; i < sizeof(tokens) / sizeof(*tokens); i++) {
        char body[64];
        struct mtr_request request;
        struct mtr_diagnostic diagnostic;
        memcpy(body, head, HEAD_BYTES);
        memcpy(body + HEAD_BYTES, tokens[i].data, tokens[i].size);
        mtr_request_init(&request, 1 << 20);
        assert_int_equal(decode(&request, (struct mtr_str){body, HEAD_BYTES + tokens[i].size}, &diagnostic),
                         MTR_OK);
        assert_int_equal(request.results[0].code, MTR_RESULT_ACCEPTED);
        for (size_t size = HEAD_BYTES; size < HEAD_BYTES + tokens[i].size; size++) {
            assert_int_equal(decode(&request, (struct mtr_str){body, size}, &diagnostic), MTR_EINVALID);
            assert_int_equal(diagnostic.offset, HEAD_BYTES);
            assert_non_null(strstr(diagnostic.text, "ends too early"));
            assert_int_equal(request.count, 0);
        }
        mtr_request_release(&request);
    }
}

static void nesting_has_a_bound(void **state)
{
    static const char head[] = "\x84\xa2id\xa1""e\xa4type\xa1t\xa7subject\xa1s\xa1x";
    enum { HEAD_BYTES = sizeof(head) - 1, LEVELS_MAX = 64 };
    char body[HEAD_BYTES + LEVELS_MAX + 1];
    struct mtr_request request;
    struct mtr_diagnostic diagnostic;
    (void)state;
    memcpy(body, head, HEAD_BYTES);
    memset(body + HEAD_BYTES, '\x91', LEVELS_MAX + 1);
    mtr_request_init(&request, 1 << 20);
    body[HEAD_BYTES + LEVELS_MAX] = '\x01';
    assert_int_equal(decode(&request, (struct mtr_str){body, sizeof(body)}, &diagnostic), MTR_OK);
    assert_string_equal(request.results[0].field, "x");
    assert_string_equal(request.results[0].reason, "nested deeper than 4 levels");
    body[HEAD_BYTES + LEVELS_MAX] = '\x90';
    assert_int_equal(decode(&request, (struct mtr_str){body, sizeof(body)}, &diagnostic), MTR_EINVALID);
    assert_non_null(strstr(diagnostic.text, "nested deeper than 64 levels"));
    assert_int_equal(diagnostic.offset, sizeof(body));
    mtr_request_release(&request);
}

/* ---- text ---- */

static const char *id_fault(const char *id, size_t size)
{
    static const char rest[] = "\xa4type\xa1t\xa7subject\xa1s";
    struct mtr_request request;
    struct mtr_diagnostic diagnostic;
    char body[6 + TEXT_MAX + sizeof(rest)] = "\x83\xa2id\xd9";
    body[5] = (char)size;
    memcpy(body + 6, id, size);
    memcpy(body + 6 + size, rest, sizeof(rest) - 1);
    mtr_request_init(&request, 1 << 20);
    assert_int_equal(decode(&request, (struct mtr_str){body, 6 + size + sizeof(rest) - 1}, &diagnostic),
                     MTR_OK);
    /* static */
    const char *reason = request.results[0].code == MTR_RESULT_INVALID ? request.results[0].reason : "fine";
    mtr_request_release(&request);
    return reason;
}

/* Text is looked at in words of eight bytes: what is wrong is found in texts of every size, wherever it
 * stands. */
static void bad_text_is_found_wherever_it_stands(void **state)
{
    static const struct {
        char byte;
        const char *expected;
    } rows[] = {{'\x00', "holds a control character"},
                {'\x1f', "holds a control character"},
                {'\x80', "not valid UTF-8"},
                {'\xff', "not valid UTF-8"},
                {' ', "fine"},
                {'\x7f', "fine"}};
    char text[TEXT_MAX];
    (void)state;
    for (size_t size = 1; size <= TEXT_MAX; size++)
        for (size_t at = 0; at < size; at++) {
            for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
                memset(text, 'x', size);
                text[at] = rows[i].byte;
                assert_string_equal(id_fault(text, size), rows[i].expected);
            }
            memset(text, 'x', size);
            if (at + 1 == size) continue;
            memcpy(text + at, "\xc3\xa9", 2);
            assert_string_equal(id_fault(text, size), "fine");
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_batch_allocates_nothing), cmocka_unit_test(a_claim_buys_no_memory),
        cmocka_unit_test(numbers_of_every_width_are_exact), cmocka_unit_test(every_cut_is_found),
        cmocka_unit_test(nesting_has_a_bound), cmocka_unit_test(bad_text_is_found_wherever_it_stands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
