/*
 * How an event becomes a value. No store, no catalog look-up, no allocation; see event_quantity.h for the
 * encodings.
 */
#include "aggregator/event_quantity.h"

#include <stdio.h>
#include <string.h>
#include <xxhash.h>

#include "meterd/store/rollups.h"

enum { SEPARATOR = 0x1F, QUANTITY_BYTES = 16 };

static enum event_counts refuse(struct event_quantity *out, const char *reason, struct mtr_str property,
                                const char *what)
{
    out->reason = reason;
    snprintf(out->text, sizeof(out->text), "property \"%.*s\" %s", MTR_STR_ARGS(property), what);
    return EVENT_IS_REFUSED;
}

/* Text of a property as filters, dimensions and unique values see it; numbers canonical, so that 1.0 is 1. */
static struct mtr_str property_text(const struct mtr_property *property, char buffer[MTR_DECIMAL_TEXT_BYTES])
{
    switch (property->kind) {
    case MTR_PROPERTY_STRING: return property->text;
    case MTR_PROPERTY_NUMBER:
        return (struct mtr_str){buffer, (size_t)mtr_decimal_format(property->number, buffer)};
    case MTR_PROPERTY_TRUE: return MTR_STR("true");
    case MTR_PROPERTY_FALSE: return MTR_STR("false");
    }
    return (struct mtr_str){NULL, 0};
}

static bool passes(const struct mtr_filter *filter, const struct mtr_event *event)
{
    char buffer[MTR_DECIMAL_TEXT_BYTES];
    const struct mtr_property *property = mtr_event_property(event, filter->property);
    if (!property) return false;
    struct mtr_str text = property_text(property, buffer);
    for (uint32_t i = 0; i < filter->value_count; i++)
        if (mtr_str_equal(text, filter->values[i])) return true;
    return false;
}

static enum event_counts read_dimensions(const struct mtr_meter *meter, const struct mtr_event *event,
                                         struct event_quantity *out)
{
    char buffer[MTR_DECIMAL_TEXT_BYTES];
    size_t size = 0;
    for (uint32_t i = 0; i < meter->group_by_count; i++) {
        const struct mtr_property *property = mtr_event_property(event, meter->group_by[i]);
        struct mtr_str text = property ? property_text(property, buffer) : (struct mtr_str){NULL, 0};
        if (text.size && memchr(text.data, SEPARATOR, text.size))
            return refuse(out, "dimensions", meter->group_by[i],
                          "holds the byte 0x1F, which no dimension may hold");
        if (text.size + 1 > sizeof(out->dimension_bytes) - size)
            return refuse(out, "dimensions", meter->group_by[i],
                          "makes the event's dimensions longer than a cell can hold");
        if (text.size) memcpy(out->dimension_bytes + size, text.data, text.size);
        size += text.size;
        out->dimension_bytes[size++] = SEPARATOR;
    }
    MTR_ASSERT(size >= meter->group_by_count && size <= sizeof(out->dimension_bytes)); /* one end each */
    out->dimensions = (struct mtr_str){out->dimension_bytes, size};
    return EVENT_COUNTS;
}

static enum event_counts read_number(const struct mtr_event *event, struct mtr_str name,
                                     struct mtr_quantity *number, struct event_quantity *out)
{
    const mtr_int128 most = MTR_QUANTITY(MTR_EVENT_QUANTITY_MAX).e12;
    const struct mtr_property *property = mtr_event_property(event, name);
    if (!property) return refuse(out, "invalid", name, "is missing");
    int rc = MTR_EINVALID;
    if (property->kind == MTR_PROPERTY_NUMBER) rc = mtr_quantity_from_decimal(property->number, number);
    else if (property->kind == MTR_PROPERTY_STRING) rc = mtr_quantity_parse(property->text, number);
    if (rc == MTR_EPRECISION) return refuse(out, "invalid", name, "has more than 12 digits after the point");
    if (rc == MTR_EOVERFLOW || (!rc && (number->e12 > most || number->e12 < -most)))
        return refuse(out, "overflow", name, "is larger than 10^16");
    return rc ? refuse(out, "invalid", name, "is not a number") : EVENT_COUNTS;
}

static enum event_counts read_quantity(const struct mtr_meter *meter, const struct mtr_event *event,
                                       struct event_quantity *out)
{
    return read_number(event, meter->value, &out->quantity, out);
}

static void put_u64(char *p, uint64_t value)
{
    for (int i = 7; i >= 0; i--, value >>= 8) p[i] = (char)(unsigned char)value;
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

static enum event_counts read_unique(const struct mtr_meter *meter, const struct mtr_event *event,
                                     struct event_quantity *out)
{
    char buffer[MTR_DECIMAL_TEXT_BYTES];
    const struct mtr_property *property = mtr_event_property(event, meter->value);
    if (!property) return refuse(out, "invalid", meter->value, "is missing");
    struct mtr_str text = property_text(property, buffer);
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
    return EVENT_COUNTS;
}

static void put_point(const struct mtr_event *event, uint64_t seq, struct event_quantity *out)
{
    const struct mtr_point point = {event->time_us, seq, out->quantity};
    mtr_point_encode(&point, out->member_bytes);
    out->member = (struct mtr_str){out->member_bytes, MTR_POINT_BYTES};
}

/* A length of nothing is a moment. */
static enum event_counts read_spread(const struct mtr_meter *meter, const struct mtr_event *event,
                                     struct event_quantity *out)
{
    const mtr_int128 most = MTR_QUANTITY(MTR_SPREAD_S_MAX).e12;
    enum event_counts counts = read_quantity(meter, event, out);
    if (counts != EVENT_COUNTS) return counts;
    counts = read_number(event, meter->spread_over, &out->length_s, out);
    if (counts != EVENT_COUNTS) return counts;
    if (out->length_s.e12 < 0 || out->length_s.e12 > most)
        return refuse(out, "invalid", meter->spread_over,
                      "is not a length of 0 to 2764800 seconds (32 days)");
    if (event->time_us / MTR_US_PER_SECOND + MTR_SPREAD_S_MAX >= MTR_TIME_S_MAX)
        return refuse(out, "invalid", meter->spread_over, "may lead beyond the year 2199");
    return out->length_s.e12 ? EVENT_COUNTS_SPREAD : EVENT_COUNTS;
}

int event_quantity_spread(const struct event_quantity *counted, int64_t elapsed_us, struct mtr_quantity *out)
{
    MTR_ASSERT(elapsed_us >= 0);
    MTR_ASSERT(counted->length_s.e12 > 0); /* a length of nothing is a moment, and not spread */
    const struct mtr_quantity elapsed_s = MTR_QUANTITY_OF_US(elapsed_us);
    if (mtr_quantity_compare(elapsed_s, counted->length_s) >= 0) {
        *out = counted->quantity;
        return MTR_OK;
    }
    return mtr_quantity_scale(counted->quantity, elapsed_s, counted->length_s, MTR_QUANTITY_DIGITS,
                              MTR_ROUND_HALF_EVEN, out);
}

static enum event_counts read_added(const struct mtr_meter *meter, const struct mtr_event *event,
                                    uint64_t seq, struct event_quantity *out)
{
    enum event_counts counts = EVENT_COUNTS;
    out->quantity = MTR_QUANTITY(1);
    if (meter->aggregation == MTR_SUM)
        counts = meter->spread_over.size ? read_spread(meter, event, out) : read_quantity(meter, event, out);
    if (meter->keep_events) put_point(event, seq, out);
    return counts;
}

enum event_counts event_quantity(const struct mtr_meter *meter, const struct mtr_event *event, uint64_t seq,
                                 struct event_quantity *out)
{
    for (uint32_t i = 0; i < meter->filter_count; i++)
        if (!passes(&meter->filters[i], event)) return EVENT_IS_FILTERED;
    if (event->time_us < 0 || event->time_us / MTR_US_PER_SECOND >= MTR_TIME_S_MAX) {
        out->reason = "invalid";
        snprintf(out->text, sizeof(out->text), "its time is outside 1970 to 2199");
        return EVENT_IS_REFUSED;
    }
    enum event_counts counts = read_dimensions(meter, event, out);
    if (counts != EVENT_COUNTS) return counts;
    out->member = (struct mtr_str){NULL, 0};
    out->quantity.e12 = 0;
    switch (meter->aggregation) {
    case MTR_COUNT:
    case MTR_SUM: return read_added(meter, event, seq, out);
    case MTR_UNIQUE: return read_unique(meter, event, out);
    case MTR_MIN:
    case MTR_MAX:
        counts = read_quantity(meter, event, out);
        put_quantity(out->member_bytes, out->quantity);
        out->member = (struct mtr_str){out->member_bytes, QUANTITY_BYTES};
        return counts;
    case MTR_LAST:
    case MTR_TIME_WEIGHTED:
        counts = read_quantity(meter, event, out);
        put_point(event, seq, out);
        return counts == EVENT_COUNTS && meter->aggregation == MTR_TIME_WEIGHTED ? EVENT_COUNTS_AS_LEVEL
                                                                                 : counts;
    case MTR_PERCENTILE:
        counts = read_quantity(meter, event, out);
        return counts == EVENT_COUNTS ? EVENT_COUNTS_IN_WINDOW : counts;
    }
    MTR_ASSERT(!"known aggregation");
    return EVENT_IS_REFUSED;
}
