/*
 * Fuzzing of the block decoder. The input becomes a block with a right hash, so that the fuzzer gets behind
 * it; what decodes is encoded again and decoded to the same events.
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

/* All that is in them; the digest has type, subject, a given time and data. */
static uint64_t hash_of(const struct mtr_event *events, uint32_t count)
{
    static const uint8_t key[MTR_EVENT_KEY_BYTES];
    uint64_t hash = count;
    for (uint32_t i = 0; i < count; i++) {
        const struct mtr_event *event = &events[i];
        const struct mtr_event_identity identity = mtr_event_identity(event, key);
        const uint64_t parts[] = {identity.high, identity.low, mtr_event_digest(event), (uint64_t)event->time_us,
                                  event->time_given, (uint64_t)event->disposition, event->target_seq, event->property_count};
        hash = XXH3_64bits_withSeed(parts, sizeof(parts), hash);
    }
    return hash;
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
    const uint64_t hash = hash_of(events, count);
    rc = mtr_block_encode(encoder, events, &header, &again);
    MTR_ASSERT(rc == MTR_OK);
    rc = mtr_block_decode(decoder, again, &header, &events, &diagnostic);
    MTR_ASSERT(rc == MTR_OK && header.count == count && hash_of(events, count) == hash);
    return 0;
}
