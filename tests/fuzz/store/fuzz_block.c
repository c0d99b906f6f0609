/*
 * Fuzzing of the block decoder. The input becomes a block with a right hash, so that the fuzzer gets behind
 * it; what decodes must encode again and decode to the same events.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "meterd/store/block.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct mtr_block_decoder *decoder;
static struct mtr_block_encoder *encoder;

static void sign(uint8_t *bytes, size_t size)
{
    XXH128_hash_t hash = XXH3_128bits(bytes, size - 16);
    for (size_t i = 0; i < 8; i++) bytes[size - 16 + i] = (uint8_t)(hash.low64 >> 8 * i);
    for (size_t i = 0; i < 8; i++) bytes[size - 8 + i] = (uint8_t)(hash.high64 >> 8 * i);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!decoder && (mtr_block_decoder_open(&decoder) || mtr_block_encoder_open(&encoder))) abort();
    uint8_t *bytes = malloc(size + 16);
    if (!bytes) return 0;
    if (size) memcpy(bytes, data, size);
    sign(bytes, size + 16);
    struct mtr_block_header header;
    const struct mtr_event *events;
    struct mtr_diagnostic diagnostic;
    int rc = mtr_block_decode(decoder, (struct mtr_str){(const char *)bytes, size + 16}, &header, &events,
                              &diagnostic);
    free(bytes);
    if (rc) return 0;
    struct mtr_str again;
    uint32_t count = header.count;
    rc = mtr_block_encode(encoder, events, &header, &again);
    MTR_ASSERT(rc == MTR_OK);
    rc = mtr_block_decode(decoder, again, &header, &events, &diagnostic);
    MTR_ASSERT(rc == MTR_OK && header.count == count);
    return 0;
}
