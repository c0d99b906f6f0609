/*
 * How an event becomes a quantity. No store, no catalog look-up, no allocation: the fold asks this for every
 * event and meter.
 */
#include "meterd/catalog/meter_take.h"

#include <string.h>

#include "meterd/core/time.h"

/* They stand in the rollups' quarantine: another wording is another rollup. */
static const char *const fault_texts[] = {
    [MTR_FAULT_MISSING] = "is missing",
    [MTR_FAULT_TIME] = "its time is outside 1970 to 2199",
    [MTR_FAULT_DIMENSION_BYTE] = "holds the byte 0x1F, which no dimension may hold",
    [MTR_FAULT_DIMENSIONS_LONG] = "makes the event's dimensions longer than a cell can hold",
    [MTR_FAULT_NOT_A_NUMBER] = "is not a number",
    [MTR_FAULT_DIGITS] = "has more than 12 digits after the point",
    [MTR_FAULT_TOO_LARGE] = "is larger than 10^16",
    [MTR_FAULT_PRODUCT_DIGITS] = "times the meter's factor has more than 12 digits after the point",
    [MTR_FAULT_BELOW_MIN] = "is below the meter's min",
    [MTR_FAULT_ABOVE_MAX] = "is above the meter's max",
    [MTR_FAULT_LENGTH] = "is not a length of 0 to 2764800 seconds (32 days)",
    [MTR_FAULT_LENGTH_BEYOND] = "may lead beyond the year 2199",
};
enum { FAULT_COUNT = sizeof(fault_texts) / sizeof(*fault_texts) };

const char *mtr_take_fault_text(enum mtr_take_fault fault)
{
    MTR_ASSERT((unsigned)fault < FAULT_COUNT);
    return fault_texts[fault];
}

static enum mtr_take fail(struct mtr_taken *out, enum mtr_take_fault fault, struct mtr_str property)
{
    out->fault = fault;
    out->property = property;
    return MTR_TAKE_FAULT;
}

static bool is_one_of(struct mtr_str text, const struct mtr_str *values, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (mtr_str_equal(text, values[i])) return true;
    return false;
}

/* `order` is that of a number to a bound: above 0 when it is on the wanted side. */
static bool is_beyond(const struct mtr_bound *bound, int order)
{
    return order > 0 || (order == 0 && bound->inclusive);
}

static bool is_between(const struct mtr_property *property, const struct mtr_bound *above,
                       const struct mtr_bound *below)
{
    struct mtr_decimal number;
    if (property->kind == MTR_PROPERTY_NUMBER) number = property->number;
    else if (property->kind != MTR_PROPERTY_STRING || mtr_decimal_parse(property->text, &number))
        return false;
    return (!above->given || is_beyond(above, mtr_decimal_compare(number, above->at))) &&
           (!below->given || is_beyond(below, mtr_decimal_compare(below->at, number)));
}

static bool passes(const struct mtr_filter *filter, const struct mtr_event *event)
{
    char buffer[MTR_DECIMAL_TEXT_BYTES];
    const bool is_compared = filter->above.given || filter->below.given;
    const struct mtr_property *property = mtr_event_property(event, filter->property);
    if (!property) return !filter->value_count && !is_compared;
    if (filter->value_count || filter->excluded_count) {
        struct mtr_str text = mtr_property_text(property, buffer);
        if (filter->value_count && !is_one_of(text, filter->values, filter->value_count)) return false;
        if (is_one_of(text, filter->excluded, filter->excluded_count)) return false;
    }
    return !is_compared || is_between(property, &filter->above, &filter->below);
}

static bool is_retired(const struct mtr_meter *meter, const struct mtr_event *event)
{
    return event->time_us >= mtr_meter_retired_us(meter);
}

static enum mtr_take lack(const struct mtr_meter *meter, const struct mtr_event *event,
                          struct mtr_str property, struct mtr_taken *out)
{
    if (meter->missing_is_invalid)
        return is_retired(meter, event) ? MTR_TAKE_RETIRED : fail(out, MTR_FAULT_MISSING, property);
    out->property = property;
    return MTR_TAKE_LACKS;
}

enum mtr_take mtr_meter_take_dimensions(const struct mtr_meter *meter, const struct mtr_event *event,
                                        struct mtr_taken *out)
{
    char buffer[MTR_DECIMAL_TEXT_BYTES];
    size_t size = 0;
    for (uint32_t i = 0; i < meter->group_by_count; i++) {
        const struct mtr_property *property = mtr_event_property(event, meter->group_by[i]);
        struct mtr_str text = property ? mtr_property_text(property, buffer) : (struct mtr_str){NULL, 0};
        if (text.size && memchr(text.data, MTR_DIMENSION_END, text.size))
            return fail(out, MTR_FAULT_DIMENSION_BYTE, meter->group_by[i]);
        if (text.size + 1 > sizeof(out->dimension_bytes) - size)
            return fail(out, MTR_FAULT_DIMENSIONS_LONG, meter->group_by[i]);
        if (text.size) memcpy(out->dimension_bytes + size, text.data, text.size);
        size += text.size;
        out->dimension_bytes[size++] = MTR_DIMENSION_END;
    }
    MTR_ASSERT(size >= meter->group_by_count && size <= sizeof(out->dimension_bytes)); /* one end each */
    out->dimensions = (struct mtr_str){out->dimension_bytes, size};
    return MTR_TAKE_COUNTS;
}

/* A number may also come as text. */
static enum mtr_take take_number(const struct mtr_property *property, struct mtr_quantity *number,
                                 struct mtr_taken *out)
{
    const mtr_int128 most = MTR_QUANTITY(MTR_EVENT_QUANTITY_MAX).e12;
    int rc = MTR_EINVALID;
    if (property->kind == MTR_PROPERTY_NUMBER) rc = mtr_quantity_from_decimal(property->number, number);
    else if (property->kind == MTR_PROPERTY_STRING) rc = mtr_quantity_parse(property->text, number);
    if (rc == MTR_EPRECISION) return fail(out, MTR_FAULT_DIGITS, property->name);
    if (rc == MTR_EOVERFLOW || (!rc && (number->e12 > most || number->e12 < -most)))
        return fail(out, MTR_FAULT_TOO_LARGE, property->name);
    return rc ? fail(out, MTR_FAULT_NOT_A_NUMBER, property->name) : MTR_TAKE_COUNTS;
}

static enum mtr_take take_product(const struct mtr_meter *meter, const struct mtr_property *property,
                                  struct mtr_taken *out)
{
    const mtr_int128 most = MTR_QUANTITY(MTR_EVENT_QUANTITY_MAX).e12;
    struct mtr_decimal value;
    int rc = MTR_EINVALID;
    if (property->kind == MTR_PROPERTY_NUMBER) value = property->number, rc = MTR_OK;
    else if (property->kind == MTR_PROPERTY_STRING) rc = mtr_decimal_parse(property->text, &value);
    if (!rc) rc = mtr_quantity_from_product(value, meter->factor, &out->quantity);
    if (rc == MTR_EPRECISION) return fail(out, MTR_FAULT_PRODUCT_DIGITS, property->name);
    if (rc == MTR_EOVERFLOW || (!rc && (out->quantity.e12 > most || out->quantity.e12 < -most)))
        return fail(out, MTR_FAULT_TOO_LARGE, property->name);
    return rc ? fail(out, MTR_FAULT_NOT_A_NUMBER, property->name) : MTR_TAKE_COUNTS;
}

static enum mtr_take take_value(const struct mtr_meter *meter, const struct mtr_property *property,
                                struct mtr_taken *out)
{
    enum mtr_take take =
        meter->has_factor ? take_product(meter, property, out) : take_number(property, &out->quantity, out);
    if (take != MTR_TAKE_COUNTS) return take;
    if (meter->has_min && mtr_quantity_compare(out->quantity, meter->min) < 0)
        return fail(out, MTR_FAULT_BELOW_MIN, property->name);
    if (meter->has_max && mtr_quantity_compare(out->quantity, meter->max) > 0)
        return fail(out, MTR_FAULT_ABOVE_MAX, property->name);
    return MTR_TAKE_COUNTS;
}

static enum mtr_take take_length(const struct mtr_event *event, const struct mtr_property *property,
                                 struct mtr_taken *out)
{
    const mtr_int128 most = MTR_QUANTITY(MTR_SPREAD_S_MAX).e12;
    enum mtr_take take = take_number(property, &out->length_s, out);
    if (take != MTR_TAKE_COUNTS) return take;
    if (out->length_s.e12 < 0 || out->length_s.e12 > most)
        return fail(out, MTR_FAULT_LENGTH, property->name);
    if (event->time_us / MTR_US_PER_SECOND + MTR_SPREAD_S_MAX >= MTR_TIME_S_MAX)
        return fail(out, MTR_FAULT_LENGTH_BEYOND, property->name);
    return MTR_TAKE_COUNTS;
}

enum mtr_take mtr_meter_take(const struct mtr_meter *meter, const struct mtr_event *event,
                             struct mtr_taken *out)
{
    const struct mtr_property *length = NULL;
    for (uint32_t i = 0; i < meter->filter_count; i++)
        if (!passes(&meter->filters[i], event)) return MTR_TAKE_IS_FILTERED;
    out->value = meter->value.size ? mtr_event_property(event, meter->value) : NULL;
    if (meter->value.size && !out->value) return lack(meter, event, meter->value, out);
    if (meter->spread_over.size && !(length = mtr_event_property(event, meter->spread_over)))
        return lack(meter, event, meter->spread_over, out);
    if (is_retired(meter, event)) return MTR_TAKE_RETIRED;
    if (event->time_us < 0 || event->time_us / MTR_US_PER_SECOND >= MTR_TIME_S_MAX)
        return fail(out, MTR_FAULT_TIME, (struct mtr_str){NULL, 0});
    enum mtr_take take = mtr_meter_take_dimensions(meter, event, out);
    if (take != MTR_TAKE_COUNTS) return take;
    out->quantity = MTR_QUANTITY(meter->aggregation == MTR_COUNT);
    out->length_s.e12 = 0;
    if (out->value && meter->aggregation != MTR_UNIQUE) take = take_value(meter, out->value, out);
    if (take == MTR_TAKE_FAULT) out->property = meter->value; /* its own text outlives the event's */
    if (take != MTR_TAKE_COUNTS || !length) return take;
    take = take_length(event, length, out);
    if (take == MTR_TAKE_FAULT) out->property = meter->spread_over;
    return take;
}
