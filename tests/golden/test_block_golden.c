/*
 * Golden blocks: today's decoder reads them, today's encoder writes the same bytes. METERD_GOLDEN_WRITE=1
 * writes them anew, which only a new format version may do (docs/formats.md). Run from the repository's root.
 */
#include "meterd/store/block.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "support/random_events.h"

static const char *const path = "tests/golden/block_v1.bin";

/* Every kind of property, disposition and edge once. Small enough to stay uncompressed, so that zstd's
 * version does not matter. */
static const struct mtr_property first_properties[] = {
    {.name = {"bytes", 5}, .kind = MTR_PROPERTY_NUMBER, .number = {.mantissa = -15, .scale = 1}},
    {.name = {"region", 6}, .kind = MTR_PROPERTY_STRING, .text = {"eu-\xc3\xa9", 5}},
    {.name = {"spot", 4}, .kind = MTR_PROPERTY_TRUE},
    {.name = {"burst", 5}, .kind = MTR_PROPERTY_FALSE},
};
static const struct mtr_event golden_events[] = {
    {.vendor = {"acme", 4},
     .source = {"/host/1", 7},
     .id = {"a", 1},
     .type = {"vm", 2},
     .subject = {"sub-1", 5},
     .time_us = INT64_C(1700000000123456),
     .time_given = true,
     .properties = first_properties,
     .property_count = 4},
    {.vendor = {"acme", 4},
     .source = {"/host/2", 7},
     .id = {"b2", 2},
     .type = {"meterd.void", 11},
     .subject = {"", 0},
     .time_us = INT64_C(1699999999000000),
     .disposition = MTR_DISPOSITION_VOID,
     .target_seq = 300},
    {.vendor = {"acme", 4},
     .source = {"/host/1", 7},
     .id = {"c33", 3},
     .type = {"vm", 2},
     .subject = {"sub-2", 5},
     .time_us = INT64_C(1700000000123456),
     .disposition = MTR_DISPOSITION_FUTURE,
     .properties = first_properties,
     .property_count = 1},
};
enum { GOLDEN_COUNT = sizeof(golden_events) / sizeof(*golden_events) };

static struct mtr_block_header golden_header(void)
{
    return (struct mtr_block_header){
        .first_seq = 1000,
        .count = GOLDEN_COUNT,
        .received_us = INT64_C(1700000001000000),
        .previous_hash = {.high = 0x0123456789abcdef, .low = 0xfedcba9876543210}};
}

static size_t read_golden(char *bytes, size_t size_max)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t size = fread(bytes, 1, size_max, file);
    fclose(file);
    return size;
}

static void the_encoder_writes_the_golden_bytes(void **state)
{
    (void)state;
    char bytes[4096];
    struct mtr_block_encoder *encoder;
    struct mtr_block_header header = golden_header();
    struct mtr_str block;
    assert_int_equal(mtr_block_encoder_open(&encoder), MTR_OK);
    assert_int_equal(mtr_block_encode(encoder, golden_events, &header, &block), MTR_OK);
    if (getenv("METERD_GOLDEN_WRITE")) {
        FILE *file = fopen(path, "wb");
        assert_non_null(file);
        assert_int_equal(fwrite(block.data, 1, block.size, file), block.size);
        assert_int_equal(fclose(file), 0);
    }
    assert_int_equal(read_golden(bytes, sizeof(bytes)), block.size);
    assert_memory_equal(bytes, block.data, block.size);
    mtr_block_encoder_close(encoder);
}

static void the_decoder_reads_the_golden_bytes(void **state)
{
    (void)state;
    char bytes[4096];
    struct mtr_block_decoder *decoder;
    struct mtr_block_header header, expected = golden_header();
    const struct mtr_event *events;
    size_t size = read_golden(bytes, sizeof(bytes));
    assert_int_equal(mtr_block_decoder_open(&decoder), MTR_OK);
    assert_int_equal(mtr_block_decode(decoder, (struct mtr_str){bytes, size}, &header, &events, NULL),
                     MTR_OK);
    assert_true(header.first_seq == expected.first_seq && header.count == expected.count &&
                header.received_us == expected.received_us);
    assert_memory_equal(&header.previous_hash, &expected.previous_hash, sizeof(header.previous_hash));
    for (uint32_t i = 0; i < GOLDEN_COUNT; i++) assert_true(events_equal(&events[i], &golden_events[i]));
    mtr_block_decoder_close(decoder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_encoder_writes_the_golden_bytes),
        cmocka_unit_test(the_decoder_reads_the_golden_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
