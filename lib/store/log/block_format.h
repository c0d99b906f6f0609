/*
 * Bytes of a block, shared by its encoder and decoder. Private to lib/store; docs/formats.md has the table
 * for people.
 *
 *   header (64 bytes, little-endian) | columns (stored_bytes, zstd or as they are) | ids | hash (16 bytes)
 *
 * The columns are one msgpack array of `bin 32` items, in the order of enum mtr_block_column_kind. Ids stand
 * outside, because they are random in practice and would only slow compression down.
 */
#ifndef METERD_LIB_STORE_LOG_BLOCK_FORMAT_H
#define METERD_LIB_STORE_LOG_BLOCK_FORMAT_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "meterd/core/error.h"
#include "meterd/core/event.h"
#include "meterd/core/limits.h"
#include "meterd/store/block.h"

enum { MTR_BLOCK_VERSION = 1, MTR_BLOCK_HEADER_BYTES = 64, MTR_BLOCK_HASH_BYTES = 16 };

enum mtr_block_compression { MTR_BLOCK_PLAIN = 0, MTR_BLOCK_ZSTD = 1, MTR_BLOCK_COMPRESSION_COUNT = 2 };

enum mtr_block_column_kind {
    MTR_COLUMN_TEXT_SIZES, /* dictionary: u16 per text */
    MTR_COLUMN_TEXT_BYTES, /* dictionary: the texts, joined */
    MTR_COLUMN_VENDORS,    /* packed dictionary index per event, as are the next three */
    MTR_COLUMN_SOURCES,
    MTR_COLUMN_TYPES,
    MTR_COLUMN_SUBJECTS,
    MTR_COLUMN_TIMES,    /* zigzag varint per event: difference to the time before, first to received_us */
    MTR_COLUMN_FLAGS,    /* u8 per event: MTR_BLOCK_FLAG_… */
    MTR_COLUMN_ID_SIZES, /* u16 per event */
    MTR_COLUMN_TARGETS,  /* varint per event with MTR_BLOCK_FLAG_TARGET */
    MTR_COLUMN_SHAPES,   /* per shape: varint count, then per property varint name index and u8 kind */
    MTR_COLUMN_EVENT_SHAPES, /* packed shape index per event */
    MTR_COLUMN_SCALES,       /* u8 per number, event by event */
    MTR_COLUMN_MANTISSAS,    /* zigzag varint of 128 bits per number */
    MTR_COLUMN_TEXTS,        /* packed dictionary index per string value */
    MTR_COLUMN_BOOLEANS,     /* u8 per boolean: 0 or 1 */
    MTR_COLUMN_COUNT
};

enum {
    MTR_BLOCK_FLAG_DISPOSITION = 0x07, /* mask */
    MTR_BLOCK_FLAG_TIME_GIVEN = 0x08,
    MTR_BLOCK_FLAG_TARGET = 0x10,
    MTR_BLOCK_FLAGS_ALL = 0x1f,
};
_Static_assert(MTR_DISPOSITION_COUNT <= MTR_BLOCK_FLAG_DISPOSITION + 1, "a disposition must fit its bits");

/* Kinds of a shape's property: true and false are one, so that a shape does not depend on values. */
enum { MTR_SHAPE_STRING = 0, MTR_SHAPE_NUMBER = 1, MTR_SHAPE_BOOLEAN = 2, MTR_SHAPE_KIND_COUNT = 3 };
static inline uint32_t block_shape_item(uint32_t name_index, uint32_t kind) { return name_index << 2 | kind; }

/* Decoded size, as MTR_BLOCK_BYTES_MAX bounds it: fixed prices per part, so that it is the same on every
 * machine. */
enum { MTR_BLOCK_EVENT_COST = 144, MTR_BLOCK_PROPERTY_COST = 64, MTR_BLOCK_TEXT_COST = 16 };
_Static_assert(sizeof(struct mtr_event) <= MTR_BLOCK_EVENT_COST, "the price of an event covers it");
_Static_assert(sizeof(struct mtr_property) <= MTR_BLOCK_PROPERTY_COST, "the price of a property covers it");
_Static_assert(sizeof(struct mtr_str) <= MTR_BLOCK_TEXT_COST, "the price of a text covers it");

static inline uint64_t block_decoded_bytes(uint64_t events, uint64_t properties, uint64_t texts,
                                           uint64_t text_bytes, uint64_t id_bytes)
{
    return events * MTR_BLOCK_EVENT_COST + properties * MTR_BLOCK_PROPERTY_COST +
           texts * MTR_BLOCK_TEXT_COST + text_bytes + id_bytes;
}

/* The header's fields that mtr_block_header does not show. */
struct mtr_block_layout {
    uint32_t property_count; /* of all events together */
    uint32_t columns_bytes;  /* the msgpack array */
    uint32_t stored_bytes;   /* the same, as stored */
    uint32_t ids_bytes;
    uint8_t compression;
};

void block_write_header(uint8_t *p, const struct mtr_block_header *header,
                        const struct mtr_block_layout *layout);
/* Checks everything but the hash. */
int block_parse_header(struct mtr_str block, struct mtr_block_header *header,
                       struct mtr_block_layout *layout) MTR_MUST_USE;
/* Hash of all bytes but the last 16, and the hash that stands there. */
struct mtr_hash128 block_hash(const uint8_t *block, size_t size);

/* Memory that is kept from block to block: at least `bytes`, contents not kept when it must grow. */
struct mtr_block_memory {
    uint8_t *data;
    size_t size; /* bytes used; the owner's to count */
    size_t capacity;
};

static inline int block_memory_reserve(struct mtr_block_memory *memory, size_t bytes)
{
    memory->size = 0;
    if (bytes <= memory->capacity) return MTR_OK;
    free(memory->data);
    memory->capacity = 0;
    size_t capacity = bytes + bytes / 4 + 64;
    memory->data = malloc(capacity);
    if (!memory->data) return MTR_ENOMEM;
    memory->capacity = capacity;
    return MTR_OK;
}

static inline void block_memory_release(struct mtr_block_memory *memory)
{
    free(memory->data);
    *memory = (struct mtr_block_memory){0};
}

/* Little-endian integers. Compilers make one instruction of each. */
static inline void le_put(uint8_t *p, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++) p[i] = (uint8_t)(value >> 8 * i);
}

static inline uint64_t le_get(const uint8_t *p, unsigned bytes)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes; i++) value |= (uint64_t)p[i] << 8 * i;
    return value;
}

/* Width of a packed index that tells `count` things apart. */
static inline unsigned block_index_bytes(uint32_t count)
{
    return count <= 1 ? 0 : count <= 1u << 8 ? 1 : count <= 1u << 16 ? 2 : 4;
}

/* Varints: 7 bits a byte, lowest first, the high bit says that more follow. Signed numbers zigzag. */
enum { MTR_VARINT64_BYTES_MAX = 10, MTR_VARINT128_BYTES_MAX = 19 };

static inline uint8_t *varint_put(uint8_t *p, uint64_t value)
{
    for (; value >= 0x80; value >>= 7) *p++ = (uint8_t)(value | 0x80);
    *p++ = (uint8_t)value;
    return p;
}

static inline uint8_t *varint128_put(uint8_t *p, mtr_uint128 value)
{
    for (; value >> 64; value >>= 7) *p++ = (uint8_t)((uint8_t)value | 0x80);
    return varint_put(p, (uint64_t)value);
}

static inline uint64_t zigzag(int64_t value) { return (uint64_t)value << 1 ^ (uint64_t)(value >> 63); }
static inline int64_t unzigzag(uint64_t value) { return (int64_t)(value >> 1 ^ (0 - (value & 1))); }
static inline mtr_uint128 zigzag128(mtr_int128 value)
{
    return (mtr_uint128)value << 1 ^ (mtr_uint128)(value >> 127);
}
static inline mtr_int128 unzigzag128(mtr_uint128 value)
{
    return (mtr_int128)(value >> 1 ^ (0 - (value & 1)));
}

/* Is it a number that a decimal can be: at most 38 digits? Encoder and decoder ask the same. */
static inline bool block_number_fits(struct mtr_decimal number)
{
    const mtr_int128 limit =
        (mtr_int128)UINT64_C(10000000000000000000) * (mtr_int128)UINT64_C(10000000000000000000); /* 10^38 */
    return number.scale <= MTR_DECIMAL_DIGITS_MAX && number.mantissa < limit && number.mantissa > -limit;
}

/* What is left of a column. Reading past the end or an overlong varint returns false. */
struct mtr_block_reader {
    const uint8_t *p;
    const uint8_t *end;
};

static inline bool varint_get(struct mtr_block_reader *reader, uint64_t *out)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (reader->p == reader->end) return false;
        uint8_t byte = *reader->p++;
        if (shift == 63 && byte > 1) return false;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *out = value;
            return true;
        }
    }
    return false;
}

static inline bool varint128_get(struct mtr_block_reader *reader, mtr_uint128 *out)
{
    mtr_uint128 value = 0;
    for (unsigned shift = 0; shift < 128; shift += 7) {
        if (reader->p == reader->end) return false;
        uint8_t byte = *reader->p++;
        if (shift == 126 && byte > 3) return false;
        value |= (mtr_uint128)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *out = value;
            return true;
        }
    }
    return false;
}

#endif
