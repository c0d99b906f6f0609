/*
 * Packing of the charges store's records: big-endian integers, text with its length before it. No memory of
 * its own; an error sticks in the packer, a short record in the unpacker.
 */
#include "lib/store/charges/charges_txn.h"

struct packer pack_begin(struct mtr_buffer *out)
{
    mtr_buffer_reset(out);
    return (struct packer){.out = out};
}

static void pack_bytes(struct packer *packer, const void *data, size_t size)
{
    MTR_ASSERT(data || size == 0);
    if (!packer->error) packer->error = mtr_buffer_append(packer->out, data, size);
}

void pack_u8(struct packer *packer, uint8_t value)
{
    pack_bytes(packer, &value, 1);
}

void pack_u32(struct packer *packer, uint32_t value)
{
    unsigned char bytes[4];
    lmdb_put_u32(bytes, value);
    pack_bytes(packer, bytes, sizeof(bytes));
}

void pack_u64(struct packer *packer, uint64_t value)
{
    unsigned char bytes[8];
    lmdb_put_u64(bytes, value);
    pack_bytes(packer, bytes, sizeof(bytes));
}

void pack_i64(struct packer *packer, int64_t value)
{
    pack_u64(packer, (uint64_t)value);
}

void pack_i128(struct packer *packer, mtr_int128 value)
{
    pack_u64(packer, (uint64_t)((mtr_uint128)value >> 64));
    pack_u64(packer, (uint64_t)(mtr_uint128)value);
}

void pack_hash(struct packer *packer, struct mtr_hash128 value)
{
    pack_u64(packer, value.high);
    pack_u64(packer, value.low);
}

void pack_str(struct packer *packer, struct mtr_str value)
{
    MTR_ASSERT(value.size <= UINT32_MAX);
    pack_u32(packer, (uint32_t)value.size);
    pack_bytes(packer, value.data, value.size);
}

void pack_cost(struct packer *packer, bool has_cost, struct mtr_money cost)
{
    if (has_cost) pack_i128(packer, cost.e18);
}

struct unpacker unpack_begin(struct mtr_str record)
{
    const unsigned char *at = (const unsigned char *)record.data;
    return (struct unpacker){.at = at, .end = at + record.size};
}

static const unsigned char *take(struct unpacker *unpacker, size_t size)
{
    if (unpacker->bad || size > (size_t)(unpacker->end - unpacker->at)) {
        unpacker->bad = true;
        return NULL;
    }
    const unsigned char *p = unpacker->at;
    unpacker->at += size;
    MTR_ASSERT(unpacker->at <= unpacker->end);
    return p;
}

uint8_t unpack_u8(struct unpacker *unpacker)
{
    const unsigned char *p = take(unpacker, 1);
    return p ? *p : 0;
}

uint32_t unpack_u32(struct unpacker *unpacker)
{
    const unsigned char *p = take(unpacker, 4);
    return p ? lmdb_get_u32(p) : 0;
}

uint64_t unpack_u64(struct unpacker *unpacker)
{
    const unsigned char *p = take(unpacker, 8);
    return p ? lmdb_get_u64(p) : 0;
}

int64_t unpack_i64(struct unpacker *unpacker)
{
    return (int64_t)unpack_u64(unpacker);
}

mtr_int128 unpack_i128(struct unpacker *unpacker)
{
    mtr_uint128 high = unpack_u64(unpacker);
    return (mtr_int128)(high << 64 | unpack_u64(unpacker));
}

struct mtr_hash128 unpack_hash(struct unpacker *unpacker)
{
    uint64_t high = unpack_u64(unpacker);
    return (struct mtr_hash128){high, unpack_u64(unpacker)};
}

struct mtr_str unpack_str(struct unpacker *unpacker)
{
    uint32_t size = unpack_u32(unpacker);
    const unsigned char *p = take(unpacker, size);
    return p ? (struct mtr_str){(const char *)p, size} : (struct mtr_str){0};
}

bool unpack_cost(struct unpacker *unpacker, struct mtr_money *cost)
{
    if (unpacker->bad || unpacker->at == unpacker->end) return false;
    cost->e18 = unpack_i128(unpacker);
    return true;
}

int unpack_end(const struct unpacker *unpacker)
{
    return unpacker->bad || unpacker->at != unpacker->end ? MTR_ECORRUPT : MTR_OK;
}
