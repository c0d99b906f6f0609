/*
 * Bytes of a chunk. They are portable: numbers are little-endian and hashed as they stand; the key alone is
 * big-endian, since LMDB orders keys by their bytes.
 */
#include "lib/store/log/log_chunk.h"

#include <string.h>

#include <xxhash.h>

#include "lib/store/lmdb_env.h"
#include "lib/store/log/block_format.h"

void chunk_put_key(unsigned char key[MTR_SEGMENT_CHUNK_KEY_BYTES], struct mtr_event_identity identity)
{
    key[0] = MTR_SEGMENT_CHUNK_MARK;
    lmdb_put_u64(key + 1, identity.high);
    lmdb_put_u64(key + 9, identity.low);
}

static struct mtr_hash128 hash_of(const void *data, size_t size)
{
    XXH128_hash_t hash = XXH3_128bits(data, size);
    return (struct mtr_hash128){.high = hash.high64, .low = hash.low64};
}

struct mtr_hash128 chunk_fold(struct mtr_hash128 so_far, struct mtr_hash128 chunk)
{
    uint8_t bytes[32];
    le_put(bytes, so_far.low, 8);
    le_put(bytes + 8, so_far.high, 8);
    le_put(bytes + 16, chunk.low, 8);
    le_put(bytes + 24, chunk.high, 8);
    return hash_of(bytes, sizeof(bytes));
}

size_t chunk_write(uint8_t bytes[MTR_CHUNK_BYTES_MAX], const struct mtr_log_identity *records,
                   uint32_t count, struct mtr_hash128 *hash)
{
    uint8_t *p = bytes;
    for (uint32_t i = 0; i < count; i++, p += MTR_CHUNK_RECORD_BYTES) {
        le_put(p, records[i].identity.high, 8);
        le_put(p + 8, records[i].identity.low, 8);
        le_put(p + 16, records[i].digest, 8);
        le_put(p + 24, records[i].seq_offset, 4);
        le_put(p + 28, records[i].flags, 4);
    }
    *hash = hash_of(bytes, (size_t)(p - bytes));
    le_put(p, hash->low, 8);
    le_put(p + 8, hash->high, 8);
    return (size_t)(p - bytes) + MTR_CHUNK_HASH_BYTES;
}

int chunk_read(struct mtr_str key, struct mtr_str value,
               struct mtr_log_identity records[MTR_CHUNK_RECORDS_MAX], uint32_t *count,
               struct mtr_hash128 *hash)
{
    const uint8_t *p = (const uint8_t *)value.data;
    unsigned char expected[MTR_SEGMENT_CHUNK_KEY_BYTES];
    if (value.size <= MTR_CHUNK_HASH_BYTES || value.size > MTR_CHUNK_BYTES_MAX) return MTR_ECORRUPT;
    size_t size = value.size - MTR_CHUNK_HASH_BYTES;
    struct mtr_hash128 actual = hash_of(p, size);
    if (size % MTR_CHUNK_RECORD_BYTES || actual.low != le_get(p + size, 8) ||
        actual.high != le_get(p + size + 8, 8))
        return MTR_ECORRUPT;
    uint32_t n = (uint32_t)(size / MTR_CHUNK_RECORD_BYTES);
    for (uint32_t i = 0; i < n; i++, p += MTR_CHUNK_RECORD_BYTES) {
        records[i] = (struct mtr_log_identity){
            .identity = {.high = le_get(p, 8), .low = le_get(p + 8, 8)},
            .digest = le_get(p + 16, 8),
            .seq_offset = (uint32_t)le_get(p + 24, 4),
            .flags = (uint32_t)le_get(p + 28, 4),
        };
        if (i && identity_compare(records[i - 1].identity, records[i].identity) >= 0) return MTR_ECORRUPT;
    }
    chunk_put_key(expected, records[0].identity);
    if (key.size != sizeof(expected) || memcmp(key.data, expected, sizeof(expected)) != 0)
        return MTR_ECORRUPT;
    *count = n;
    if (hash) *hash = actual;
    return MTR_OK;
}
