/*
 * The block's header and hash: the part that recovery reads of every block.
 *
 * Bytes are hostile until the hash was compared, and columns stay hostile after it (a hash is no signature).
 */
#include "meterd/store/block.h"

#include <xxhash.h>

#include "lib/store/log/block_format.h"

static const uint8_t magic[4] = {'M', 'T', 'R', 'B'};

enum { /* offsets in the header */
    AT_MAGIC = 0,
    AT_VERSION = 4,
    AT_COMPRESSION = 6,
    AT_ZERO = 7,
    AT_FIRST_SEQ = 8,
    AT_RECEIVED = 16,
    AT_COUNT = 24,
    AT_PROPERTY_COUNT = 28,
    AT_COLUMNS_BYTES = 32,
    AT_STORED_BYTES = 36,
    AT_IDS_BYTES = 40,
    AT_ZERO_2 = 44,
    AT_PREVIOUS_LOW = 48,
    AT_PREVIOUS_HIGH = 56,
};

void block_write_header(uint8_t *p, const struct mtr_block_header *header,
                        const struct mtr_block_layout *layout)
{
    memset(p, 0, MTR_BLOCK_HEADER_BYTES);
    memcpy(p + AT_MAGIC, magic, sizeof(magic));
    le_put(p + AT_VERSION, MTR_BLOCK_VERSION, 2);
    p[AT_COMPRESSION] = layout->compression;
    le_put(p + AT_FIRST_SEQ, header->first_seq, 8);
    le_put(p + AT_RECEIVED, (uint64_t)header->received_us, 8);
    le_put(p + AT_COUNT, header->count, 4);
    le_put(p + AT_PROPERTY_COUNT, layout->property_count, 4);
    le_put(p + AT_COLUMNS_BYTES, layout->columns_bytes, 4);
    le_put(p + AT_STORED_BYTES, layout->stored_bytes, 4);
    le_put(p + AT_IDS_BYTES, layout->ids_bytes, 4);
    le_put(p + AT_PREVIOUS_LOW, header->previous_hash.low, 8);
    le_put(p + AT_PREVIOUS_HIGH, header->previous_hash.high, 8);
}

static bool layout_is_sane(const struct mtr_block_header *header, const struct mtr_block_layout *layout,
                           size_t size)
{
    if (header->first_seq == 0 || header->first_seq > UINT64_MAX / 2) return false;
    if (header->count == 0 || header->count > MTR_BLOCK_EVENTS_MAX) return false;
    if (layout->compression >= MTR_BLOCK_COMPRESSION_COUNT) return false;
    if (layout->compression == MTR_BLOCK_PLAIN && layout->stored_bytes != layout->columns_bytes) return false;
    if (layout->property_count > (uint64_t)header->count * MTR_EVENT_PROPERTIES_MAX) return false;
    if (layout->columns_bytes > MTR_BLOCK_BYTES_MAX || layout->ids_bytes > MTR_BLOCK_BYTES_MAX) return false;
    if (block_decoded_bytes(header->count, layout->property_count, 0, 0, layout->ids_bytes) >
        MTR_BLOCK_BYTES_MAX)
        return false;
    return size ==
           (uint64_t)MTR_BLOCK_HEADER_BYTES + layout->stored_bytes + layout->ids_bytes + MTR_BLOCK_HASH_BYTES;
}

int block_parse_header(struct mtr_str block, struct mtr_block_header *header, struct mtr_block_layout *layout)
{
    const uint8_t *p = (const uint8_t *)block.data;
    if (block.size < MTR_BLOCK_HEADER_BYTES + MTR_BLOCK_HASH_BYTES) return MTR_ECORRUPT;
    if (memcmp(p + AT_MAGIC, magic, sizeof(magic)) != 0) return MTR_ECORRUPT;
    if (le_get(p + AT_VERSION, 2) != MTR_BLOCK_VERSION) return MTR_EVERSION;
    if (p[AT_ZERO] || le_get(p + AT_ZERO_2, 4)) return MTR_ECORRUPT;
    struct mtr_block_header h = {
        .first_seq = le_get(p + AT_FIRST_SEQ, 8),
        .count = (uint32_t)le_get(p + AT_COUNT, 4),
        .received_us = (int64_t)le_get(p + AT_RECEIVED, 8),
        .previous_hash = {.high = le_get(p + AT_PREVIOUS_HIGH, 8),
                          .low = le_get(p + AT_PREVIOUS_LOW, 8)},
        .hash = {.high = le_get(p + block.size - 8, 8), .low = le_get(p + block.size - 16, 8)},
    };
    struct mtr_block_layout l = {
        .property_count = (uint32_t)le_get(p + AT_PROPERTY_COUNT, 4),
        .columns_bytes = (uint32_t)le_get(p + AT_COLUMNS_BYTES, 4),
        .stored_bytes = (uint32_t)le_get(p + AT_STORED_BYTES, 4),
        .ids_bytes = (uint32_t)le_get(p + AT_IDS_BYTES, 4),
        .compression = p[AT_COMPRESSION],
    };
    if (!layout_is_sane(&h, &l, block.size)) return MTR_ECORRUPT;
    *header = h;
    *layout = l;
    return MTR_OK;
}

struct mtr_hash128 block_hash(const uint8_t *block, size_t size)
{
    XXH128_hash_t hash = XXH3_128bits(block, size - MTR_BLOCK_HASH_BYTES);
    return (struct mtr_hash128){.high = hash.high64, .low = hash.low64};
}

int mtr_block_read_header(struct mtr_str block, struct mtr_block_header *header)
{
    struct mtr_block_header h;
    struct mtr_block_layout layout;
    int rc = block_parse_header(block, &h, &layout);
    /* A flipped bit in the version is damage, and only the hash can tell: an unknown version whose hash is
     * right is a newer writer's. */
    if (rc && rc != MTR_EVERSION) return rc;
    struct mtr_hash128 actual = block_hash((const uint8_t *)block.data, block.size);
    const uint8_t *stored = (const uint8_t *)block.data + block.size - MTR_BLOCK_HASH_BYTES;
    if (actual.low != le_get(stored, 8) || actual.high != le_get(stored + 8, 8)) return MTR_ECORRUPT;
    if (rc) return rc;
    *header = h;
    return MTR_OK;
}
