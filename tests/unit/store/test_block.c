/*
 * Blocks: decode(encode(x)) == x for seeded random events, encode(decode(y)) == y byte for byte, every
 * flipped bit is found, every truncation is found, and bytes whose hash is right but whose content lies are
 * an error.
 */
#include "meterd/store/block.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <msgpack.h>
#include <xxhash.h>

#include "support/random_events.h"

struct codec {
    struct mtr_block_encoder *encoder;
    struct mtr_block_decoder *decoder;
    struct mtr_arena arena;
    struct random_source random;
};

static int set_up(void **state)
{
    struct codec *codec = calloc(1, sizeof(*codec));
    assert_non_null(codec);
    assert_int_equal(mtr_block_encoder_open(&codec->encoder), MTR_OK);
    assert_int_equal(mtr_block_decoder_open(&codec->decoder), MTR_OK);
    mtr_arena_init(&codec->arena, 1 << 20, 1u << 30);
    codec->random.state = 20240301;
    print_message("seed %llu\n", (unsigned long long)codec->random.state);
    *state = codec;
    return 0;
}

static int tear_down(void **state)
{
    struct codec *codec = *state;
    mtr_block_encoder_close(codec->encoder);
    mtr_block_decoder_close(codec->decoder);
    mtr_arena_release(&codec->arena);
    free(codec);
    return 0;
}

static struct mtr_block_header header_of(struct codec *codec, uint32_t count)
{
    return (struct mtr_block_header){
        .first_seq = 1 + random_below(&codec->random, UINT64_C(1) << 50),
        .count = count,
        .received_us = INT64_C(1700000000000000),
        .previous_hash = {.high = random_u64(&codec->random), .low = random_u64(&codec->random)},
    };
}

/* A copy of exactly the block's size, so that the sanitizer sees a read past its end. */
static struct mtr_str copy_block(struct mtr_str block)
{
    char *copy = malloc(block.size ? block.size : 1);
    assert_non_null(copy);
    memcpy(copy, block.data, block.size);
    return (struct mtr_str){copy, block.size};
}

static void free_block(struct mtr_str block)
{
    union { const char *borrowed; char *owned; } p = {.borrowed = block.data};
    free(p.owned);
}

static void assert_headers_equal(const struct mtr_block_header *a, const struct mtr_block_header *b)
{
    assert_true(a->first_seq == b->first_seq && a->count == b->count && a->received_us == b->received_us);
    assert_memory_equal(&a->previous_hash, &b->previous_hash, sizeof(a->previous_hash));
    assert_memory_equal(&a->hash, &b->hash, sizeof(a->hash));
}

static void check_round_trip(struct codec *codec, const struct mtr_event *events, uint32_t count)
{
    struct mtr_block_header header = header_of(codec, count), read;
    struct mtr_str block;
    assert_int_equal(mtr_block_encode(codec->encoder, events, &header, &block), MTR_OK);
    struct mtr_str copy = copy_block(block);
    assert_int_equal(mtr_block_read_header(copy, &read), MTR_OK);
    assert_headers_equal(&read, &header);
    const struct mtr_event *decoded;
    struct mtr_diagnostic diagnostic = {0};
    memset(&read, 0, sizeof(read));
    if (mtr_block_decode(codec->decoder, copy, &read, &decoded, &diagnostic)) fail_msg("%s", diagnostic.text);
    free_block(copy);
    assert_headers_equal(&read, &header);
    for (uint32_t i = 0; i < count; i++) assert_true(events_equal(&decoded[i], &events[i]));
    struct mtr_str first = copy_block(block);
    struct mtr_block_header again = read;
    assert_int_equal(mtr_block_encode(codec->encoder, decoded, &again, &block), MTR_OK);
    assert_int_equal(block.size, first.size);
    assert_memory_equal(block.data, first.data, block.size);
    free_block(first);
}

static void round_trip_of_random_events(void **state)
{
    struct codec *codec = *state;
    static const uint32_t counts[] = {1, 2, 3, 17, 257, 1000, 1, 40, 5};
    for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
        for (int round = 0; round < 8; round++) {
            struct mtr_event *events = random_events(&codec->random, &codec->arena, counts[i]);
            check_round_trip(codec, events, counts[i]);
            mtr_arena_reset(&codec->arena);
        }
    }
}

static void round_trip_of_the_largest_count(void **state)
{
    struct codec *codec = *state;
    struct mtr_event *events = mtr_arena_calloc(&codec->arena, MTR_BLOCK_EVENTS_MAX, sizeof(*events));
    assert_non_null(events);
    struct mtr_property property = {
        .name = MTR_STR("bytes"), .kind = MTR_PROPERTY_NUMBER, .number = {.mantissa = 7}};
    for (uint32_t i = 0; i < MTR_BLOCK_EVENTS_MAX; i++) {
        char *id = mtr_arena_alloc(&codec->arena, 12);
        assert_non_null(id);
        int size = snprintf(id, 12, "s%u", i); /* as many subjects as events: indexes of four bytes */
        events[i] = (struct mtr_event){.vendor = MTR_STR("acme"),
                                       .source = MTR_STR("/s"),
                                       .type = MTR_STR("t"),
                                       .id = {id, (size_t)size},
                                       .subject = {id, (size_t)size},
                                       .time_us = i,
                                       .properties = &property,
                                       .property_count = 1};
    }
    check_round_trip(codec, events, MTR_BLOCK_EVENTS_MAX);
}

static void too_large_is_a_limit(void **state)
{
    struct codec *codec = *state;
    uint32_t count = MTR_BLOCK_EVENTS_MAX;
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz";
    struct mtr_property properties[MTR_EVENT_PROPERTIES_MAX];
    for (uint32_t i = 0; i < MTR_EVENT_PROPERTIES_MAX; i++)
        properties[i] = (struct mtr_property){.name = {&letters[i], 3}, .kind = MTR_PROPERTY_TRUE};
    struct mtr_event *events = mtr_arena_calloc(&codec->arena, count, sizeof(*events));
    assert_non_null(events);
    for (uint32_t i = 0; i < count; i++) {
        events[i].properties = properties;
        events[i].property_count = MTR_EVENT_PROPERTIES_MAX;
    }
    struct mtr_block_header header = header_of(codec, count);
    struct mtr_str block;
    assert_int_equal(mtr_block_encode(codec->encoder, events, &header, &block), MTR_ELIMIT);
    header.count = 1; /* and the encoder is as good as before */
    assert_int_equal(mtr_block_encode(codec->encoder, events, &header, &block), MTR_OK);
}

static void every_flipped_bit_and_truncation_is_found(void **state)
{
    struct codec *codec = *state;
    struct mtr_event *events = random_events(&codec->random, &codec->arena, 12);
    struct mtr_block_header header = header_of(codec, 12), read;
    struct mtr_str block;
    assert_int_equal(mtr_block_encode(codec->encoder, events, &header, &block), MTR_OK);
    unsigned char *bytes = malloc(block.size);
    assert_non_null(bytes);
    memcpy(bytes, block.data, block.size);
    for (size_t bit = 0; bit < block.size * 8; bit++) {
        bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
        const struct mtr_event *decoded;
        struct mtr_str damaged = {(const char *)bytes, block.size};
        assert_int_equal(mtr_block_read_header(damaged, &read), MTR_ECORRUPT);
        assert_int_equal(mtr_block_decode(codec->decoder, damaged, &read, &decoded, NULL), MTR_ECORRUPT);
        bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
    }
    for (size_t size = 0; size < block.size; size++) {
        struct mtr_str cut = copy_block((struct mtr_str){block.data, size});
        assert_int_equal(mtr_block_read_header(cut, &read), MTR_ECORRUPT);
        free_block(cut);
    }
    free(bytes);
}

/* Rewrites the hash, so that damage reaches the decoder behind it. */
static void sign(unsigned char *bytes, size_t size)
{
    XXH128_hash_t hash = XXH3_128bits(bytes, size - 16);
    for (int i = 0; i < 8; i++) bytes[size - 16 + (size_t)i] = (unsigned char)(hash.low64 >> 8 * i);
    for (int i = 0; i < 8; i++) bytes[size - 8 + (size_t)i] = (unsigned char)(hash.high64 >> 8 * i);
}

static void lies_with_a_right_hash_never_crash(void **state)
{
    struct codec *codec = *state;
    for (int round = 0; round < 40; round++) {
        /* plain and compressed ones */
        uint32_t count = 1 + (uint32_t)random_below(&codec->random, round % 2 ? 3 : 60);
        struct mtr_event *events = random_events(&codec->random, &codec->arena, count);
        struct mtr_block_header header = header_of(codec, count), read;
        struct mtr_str block;
        assert_int_equal(mtr_block_encode(codec->encoder, events, &header, &block), MTR_OK);
        unsigned char *bytes = malloc(block.size);
        assert_non_null(bytes);
        for (int attack = 0; attack < 400; attack++) {
            memcpy(bytes, block.data, block.size);
            for (uint64_t n = 1 + random_below(&codec->random, 3); n > 0; n--)
                bytes[random_below(&codec->random, block.size - 16)] =
                    (unsigned char)random_u64(&codec->random);
            sign(bytes, block.size);
            const struct mtr_event *decoded;
            int rc = mtr_block_decode(codec->decoder, (struct mtr_str){(const char *)bytes, block.size},
                                      &read, &decoded, NULL);
            assert_true(rc == MTR_OK || rc == MTR_ECORRUPT || rc == MTR_EVERSION);
        }
        free(bytes);
        mtr_arena_reset(&codec->arena);
    }
}

static void a_newer_version_is_named_so(void **state)
{
    struct codec *codec = *state;
    struct mtr_event *events = random_events(&codec->random, &codec->arena, 2);
    struct mtr_block_header header = header_of(codec, 2), read;
    struct mtr_str block;
    assert_int_equal(mtr_block_encode(codec->encoder, events, &header, &block), MTR_OK);
    unsigned char *bytes = malloc(block.size);
    assert_non_null(bytes);
    memcpy(bytes, block.data, block.size);
    bytes[4] = 2;
    struct mtr_str newer = {(const char *)bytes, block.size};
    assert_int_equal(mtr_block_read_header(newer, &read), MTR_ECORRUPT);
    sign(bytes, block.size);
    assert_int_equal(mtr_block_read_header(newer, &read), MTR_EVERSION);
    free(bytes);
}

static void columns_are_msgpack_for_everybody(void **state)
{
    struct codec *codec = *state;
    struct mtr_event event = {.vendor = MTR_STR("acme"),
                              .source = MTR_STR("/s"),
                              .id = MTR_STR("1"),
                              .type = MTR_STR("t"),
                              .subject = MTR_STR("sub")};
    struct mtr_block_header header = header_of(codec, 1);
    struct mtr_str block;
    assert_int_equal(mtr_block_encode(codec->encoder, &event, &header, &block), MTR_OK);
    msgpack_unpacked result;
    msgpack_unpacked_init(&result);
    size_t offset = 64, end = block.size - 16 - event.id.size;
    assert_int_equal(msgpack_unpack_next(&result, block.data, end, &offset), MSGPACK_UNPACK_SUCCESS);
    assert_int_equal(offset, end);
    assert_int_equal(result.data.type, MSGPACK_OBJECT_ARRAY);
    for (uint32_t i = 0; i < result.data.via.array.size; i++)
        assert_int_equal(result.data.via.array.ptr[i].type, MSGPACK_OBJECT_BIN);
    msgpack_unpacked_destroy(&result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(round_trip_of_random_events, set_up, tear_down),
        cmocka_unit_test_setup_teardown(round_trip_of_the_largest_count, set_up, tear_down),
        cmocka_unit_test_setup_teardown(too_large_is_a_limit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_flipped_bit_and_truncation_is_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lies_with_a_right_hash_never_crash, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_newer_version_is_named_so, set_up, tear_down),
        cmocka_unit_test_setup_teardown(columns_are_msgpack_for_everybody, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
