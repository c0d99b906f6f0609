/*
 * Packing of the charges store's records: big-endian integers, text with its length before it; and of the
 * names of periods in its keys. No memory of its own; an error sticks in the packer, a short record in the
 * unpacker.
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

/* Instants before 1970 are few: they stand above all others that are not whole seconds. */
#define BEFORE_1970 (INT64_C(1) << 61)

void pack_instant(struct packer *packer, int64_t time_us)
{
    if (time_us == INT64_MIN || time_us == INT64_MAX) {
        pack_i64(packer, time_us);
        return;
    }
    MTR_ASSERT(is_instant(time_us));
    if (time_us % MTR_US_PER_SECOND == 0) pack_i64(packer, time_us / MTR_US_PER_SECOND);
    else pack_i64(packer, INT64_MIN + (time_us < 0 ? BEFORE_1970 : 0) + time_us);
}

int64_t unpack_instant(struct unpacker *unpacker)
{
    const int64_t value = unpack_i64(unpacker);
    int64_t time_us = 0;
    if (value == INT64_MIN || value == INT64_MAX) return value;
    if (value < INT64_MIN / 2) {
        time_us = value - INT64_MIN;
        if (time_us > BEFORE_1970 / 2) time_us -= BEFORE_1970;
        if (time_us % MTR_US_PER_SECOND == 0) unpacker->bad = true;
    } else if (__builtin_mul_overflow(value, MTR_US_PER_SECOND, &time_us)) {
        unpacker->bad = true;
    }
    if (!is_instant(time_us)) unpacker->bad = true;
    return unpacker->bad ? 0 : time_us;
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

/* ---- names of periods in keys ---- */

size_t put_start(unsigned char *p, int64_t start_us)
{
    const int64_t into_us = start_us % MTR_US_PER_SECOND;
    put_i64(p, start_us / MTR_US_PER_SECOND - (into_us < 0));
    if (!into_us) return SECOND_BYTES;
    lmdb_put_u32(p + SECOND_BYTES, UINT32_MAX);
    lmdb_put_u32(p + SECOND_BYTES + 4, (uint32_t)(into_us + (into_us < 0 ? MTR_US_PER_SECOND : 0)));
    return START_BYTES_MAX;
}

size_t put_period(unsigned char *p, uint32_t subscription, int64_t start_us)
{
    lmdb_put_u32(p, subscription);
    return 4 + put_start(p + 4, start_us);
}

int get_start(const unsigned char *p, size_t size, int64_t *start_us)
{
    uint32_t into_us = 0;
    if (size != SECOND_BYTES && size != START_BYTES_MAX) return MTR_ECORRUPT;
    if (size == START_BYTES_MAX) {
        into_us = lmdb_get_u32(p + SECOND_BYTES + 4);
        if (lmdb_get_u32(p + SECOND_BYTES) != UINT32_MAX || !into_us || into_us >= MTR_US_PER_SECOND)
            return MTR_ECORRUPT;
    }
    if (__builtin_mul_overflow(get_i64(p), MTR_US_PER_SECOND, start_us) ||
        __builtin_add_overflow(*start_us, (int64_t)into_us, start_us) || !is_instant(*start_us))
        return MTR_ECORRUPT;
    return MTR_OK;
}

int get_period(const unsigned char *p, size_t size, uint32_t *subscription, int64_t *start_us)
{
    if (size < 4) return MTR_ECORRUPT;
    *subscription = lmdb_get_u32(p);
    return get_start(p + 4, size - 4, start_us);
}
