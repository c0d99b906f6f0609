/*
 * How what a meter takes becomes what a cell gains: the member and its encoding (see event_quantity.h), or
 * the words of a row in quarantine. No store, no catalog look-up, no allocation.
 */
#include "aggregator/event_quantity.h"

#include <stdio.h>
#include <string.h>
#include <xxhash.h>

#include "meterd/store/rollups.h"

enum { QUANTITY_BYTES = 16 };

/* One word for the quarantine. */
static const char *fault_reason(enum mtr_take_fault fault)
{
    switch (fault) {
    case MTR_FAULT_DIMENSION_BYTE:
    case MTR_FAULT_DIMENSIONS_LONG: return "dimensions";
    case MTR_FAULT_TOO_LARGE: return "overflow";
    default: return "invalid";
    }
}

static enum event_counts refuse(struct event_quantity *out)
{
    const struct mtr_str property = out->taken.property;
    out->reason = fault_reason(out->taken.fault);
    snprintf(out->text, sizeof(out->text), "%s%.*s%s%s", property.size ? "property \"" : "",
             MTR_STR_ARGS(property), property.size ? "\" " : "", mtr_take_fault_text(out->taken.fault));
    return EVENT_IS_REFUSED;
}

static void put_u64(char *p, uint64_t value)
{
    if (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__) value = __builtin_bswap64(value);
    memcpy(p, &value, sizeof(value));
}

static const uint64_t sign_bit = UINT64_C(1) << 63;

static void put_quantity(char *p, struct mtr_quantity quantity)
{
    put_u64(p, (uint64_t)((mtr_uint128)quantity.e12 >> 64) ^ sign_bit);
    put_u64(p + 8, (uint64_t)quantity.e12);
}

struct mtr_quantity event_quantity_of_member(struct mtr_str member)
{
    MTR_ASSERT(member.size == QUANTITY_BYTES || member.size == MTR_POINT_BYTES);
    const char *p = member.data + member.size - QUANTITY_BYTES;
    mtr_uint128 value = 0;
    for (int i = 0; i < QUANTITY_BYTES; i++) value = value << 8 | (unsigned char)p[i];
    return (struct mtr_quantity){(mtr_int128)(value ^ (mtr_uint128)sign_bit << 64)};
}

static void put_unique(struct event_quantity *out)
{
    char buffer[MTR_DECIMAL_TEXT_BYTES];
    struct mtr_str text = mtr_property_text(out->taken.value, buffer);
    size_t size = text.size;
    if (size <= MTR_UNIQUE_TEXT_BYTES_MAX) {
        out->member_bytes[0] = 0;
        if (size) memcpy(out->member_bytes + 1, text.data, size);
    } else {
        XXH128_canonical_t canonical;
        XXH128_canonicalFromHash(&canonical, XXH3_128bits(text.data, text.size));
        size = sizeof(canonical.digest);
        out->member_bytes[0] = 1;
        memcpy(out->member_bytes + 1, canonical.digest, size);
    }
    MTR_ASSERT(size + 1 <= sizeof(out->member_bytes));
    out->member = (struct mtr_str){out->member_bytes, size + 1};
}

static void put_point(const struct mtr_event *event, uint64_t seq, struct event_quantity *out)
{
    const struct mtr_point point = {event->time_us, seq, out->taken.quantity};
    mtr_point_encode(&point, out->member_bytes);
    out->member = (struct mtr_str){out->member_bytes, MTR_POINT_BYTES};
}

int event_quantity_spread(const struct event_quantity *counted, int64_t elapsed_us, struct mtr_quantity *out)
{
    MTR_ASSERT(elapsed_us >= 0);
    MTR_ASSERT(counted->taken.length_s.e12 > 0); /* else it is not spread */
    const struct mtr_quantity elapsed_s = MTR_QUANTITY_OF_US(elapsed_us);
    if (mtr_quantity_compare(elapsed_s, counted->taken.length_s) >= 0) {
        *out = counted->taken.quantity;
        return MTR_OK;
    }
    return mtr_quantity_scale(counted->taken.quantity, elapsed_s, counted->taken.length_s,
                              MTR_QUANTITY_DIGITS, MTR_ROUND_HALF_EVEN, out);
}

static enum event_counts count(const struct mtr_meter *meter, const struct mtr_event *event, uint64_t seq,
                               struct event_quantity *out)
{
    out->member = (struct mtr_str){NULL, 0};
    switch (meter->aggregation) {
    case MTR_COUNT:
    case MTR_SUM:
        if (meter->keep_events) put_point(event, seq, out);
        /* A length of nothing is a moment. */
        return out->taken.length_s.e12 ? EVENT_COUNTS_SPREAD : EVENT_COUNTS;
    case MTR_UNIQUE: put_unique(out); return EVENT_COUNTS;
    case MTR_MIN:
    case MTR_MAX:
        put_quantity(out->member_bytes, out->taken.quantity);
        out->member = (struct mtr_str){out->member_bytes, QUANTITY_BYTES};
        return EVENT_COUNTS;
    case MTR_LAST:
    case MTR_COUNTER_INCREASE:
    case MTR_TIME_WEIGHTED: put_point(event, seq, out); return EVENT_COUNTS;
    case MTR_PERCENTILE: return EVENT_COUNTS;
    }
    MTR_ASSERT(!"known aggregation");
    return EVENT_IS_REFUSED;
}

enum event_counts event_quantity(const struct mtr_meter *meter, const struct mtr_event *event, uint64_t seq,
                                 struct event_quantity *out)
{
    switch (mtr_meter_take(meter, event, &out->taken)) {
    case MTR_TAKE_COUNTS: return count(meter, event, seq, out);
    case MTR_TAKE_IS_FILTERED: return EVENT_IS_FILTERED;
    case MTR_TAKE_LACKS: return EVENT_IS_PASSED_OVER;
    case MTR_TAKE_RETIRED: return EVENT_IS_TOO_LATE;
    case MTR_TAKE_FAULT: break;
    }
    return refuse(out);
}
