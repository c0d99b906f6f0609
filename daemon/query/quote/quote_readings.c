/*
 * Rows that say what a counter stands at become rows of what it grew by since the row before: the first
 * reading says only where it stands, unless the subscription began with one; a reading below the one before
 * is a reset, and grew by what it stands at. As the aggregator has it (aggregator/cell_table.c), of readings
 * by time, and of equal times in the order of the rows.
 */
#include "daemon/query/quote/quote_use.h"

#include <stdlib.h>
#include <string.h>

#include "meterd/core/byte_set.h"
#include "meterd/core/limits.h"

enum { DIMENSION_END = 0x1F };

/* One that is being turned; the readings of one list are of one counter. */
struct reading {
    uint32_t list, row;
    int64_t time_us;
    const struct mtr_meter *meter;
    struct mtr_str dimensions; /* as in a cell's key */
};

struct turning {
    const struct quote_use_options *options;
    struct mtr_arena *arena;
    struct mtr_diagnostics *findings;
    struct mtr_byte_set lists;
    struct reading *readings;
    uint32_t count;
};

static int fail(const struct turning *turning, const struct quote_row *given, const char *sentence,
                struct mtr_str name)
{
    return quote_fail_row(turning->findings, MTR_FINDING_QUOTE_READING, given, "reading", sentence, name);
}

/* That the row names, or the first of its component in whichever version has that. Empty: it has none. */
static struct mtr_str meter_name(const struct turning *turning, const struct quote_row *given)
{
    const struct quote_phases *phases = &turning->options->phases;
    const struct mtr_tariff_version *version = NULL;
    for (int side = 0; !version && !given->meter.size && side < QUOTE_SIDES; side++)
        version = quote_first_version(phases, side, given);
    const struct mtr_component *component =
        version ? mtr_tariff_component(version, given->component) : NULL;
    return component ? component->inputs[0] : given->meter;
}

static int find_counter(const struct turning *turning, const struct quote_row *given,
                        const struct mtr_meter **out)
{
    const struct mtr_str name = meter_name(turning, given);
    *out = name.size ? quote_known_meter(turning->options, name) : NULL;
    if (!name.size)
        return fail(turning, given, "is of a counter: name the meter, or the component", name);
    if (!*out) return fail(turning, given, "is of a counter, but there is no meter", name);
    if ((*out)->aggregation != MTR_COUNTER_INCREASE)
        return fail(turning, given, "is of a counter: write its quantity for the meter", name);
    return MTR_OK;
}

static int check_reading(const struct turning *turning, const struct quote_row *given)
{
    static const struct mtr_str none = {NULL, 0};
    if (turning->options->without_times) return fail(turning, given, "needs a time in each row", none);
    if (given->has_seconds) return fail(turning, given, "is of one moment: leave its seconds out", none);
    if (given->reading.e12 < 0) return fail(turning, given, "is below 0: a counter only grows", none);
    return MTR_OK;
}

static bool append(char key[MTR_DIMENSIONS_BYTES_MAX], size_t *size, struct mtr_str value)
{
    if (value.size + 1 > MTR_DIMENSIONS_BYTES_MAX - *size) return false;
    if (value.size) memcpy(key + *size, value.data, value.size);
    *size += value.size;
    key[(*size)++] = DIMENSION_END;
    return true;
}

/* The counter: of a component, since a row stands for each that prices the meter, with the meter's
 * dimensions. */
static int find_list(struct turning *turning, const struct quote_row *given, struct reading *reading)
{
    char key[MTR_DIMENSIONS_BYTES_MAX];
    struct mtr_str whole;
    size_t size = 0;
    bool is_new, fits = true;
    for (uint32_t i = 0; fits && i < reading->meter->group_by_count; i++)
        fits = append(key, &size, quote_label_value(given, reading->meter->group_by[i]));
    if (!fits)
        return quote_fail_row(turning->findings, MTR_FINDING_QUOTE_DIMENSION_VALUE, given, "dimensions",
                              "no event can have such values: they are too long together",
                              (struct mtr_str){NULL, 0});
    int rc = mtr_arena_copy(turning->arena, (struct mtr_str){key, size}, &reading->dimensions);
    char *text = mtr_arena_alloc(turning->arena,
                                 given->component.size + reading->meter->key.size + size + 2);
    if (rc || !text) return MTR_ENOMEM;
    whole = (struct mtr_str){text, 0};
    const struct mtr_str parts[] = {given->component, reading->meter->key, reading->dimensions};
    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
        if (parts[i].size) memcpy(text + whole.size, parts[i].data, parts[i].size);
        whole.size += parts[i].size;
        if (i < 2) text[whole.size++] = DIMENSION_END;
    }
    return mtr_byte_set_add(&turning->lists, whole, &reading->list, &is_new);
}

static int read_rows(struct turning *turning)
{
    const struct quote_use_options *options = turning->options;
    int rc = MTR_OK;
    for (uint32_t i = 0; !rc && i < options->row_count; i++) {
        const struct quote_row *given = &options->rows[i];
        struct reading *reading = &turning->readings[turning->count];
        if (!given->has_reading) continue;
        *reading = (struct reading){.row = i, .time_us = given->time_us};
        rc = check_reading(turning, given);
        if (!rc) rc = find_counter(turning, given, &reading->meter);
        if (!rc) rc = find_list(turning, given, reading);
        if (!rc) turning->count++;
    }
    return rc;
}

static int compare_readings(const void *a, const void *b)
{
    const struct reading *x = a, *y = b;
    if (x->list != y->list) return x->list < y->list ? -1 : 1;
    if (x->time_us != y->time_us) return x->time_us < y->time_us ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

/* What the counter stood at before; false: that is not known. */
static bool find_before(const struct turning *turning, const struct reading *reading,
                        struct mtr_quantity *before)
{
    const struct reading *last = reading - 1;
    if (reading > turning->readings && last->list == reading->list) {
        *before = turning->options->rows[last->row].reading;
        return true;
    }
    const struct mtr_opening *opening =
        reading->meter->number ? mtr_subscription_opening(turning->options->subscription,
                                                          reading->meter->number, reading->dimensions)
                               : NULL;
    if (opening) *before = opening->value;
    return opening != NULL;
}

static int turn_rows(const struct turning *turning, struct quote_row *rows)
{
    int rc = MTR_OK;
    for (uint32_t i = 0; !rc && i < turning->count; i++) {
        const struct reading *reading = &turning->readings[i];
        struct quote_row *row = &rows[reading->row];
        struct mtr_quantity before;
        row->quantity = (struct mtr_quantity){0};
        if (!find_before(turning, reading, &before)) continue;
        rc = mtr_meter_gain(before, row->reading, &row->quantity);
    }
    return rc;
}

int quote_readings_turn(struct quote_use_options *options, struct mtr_arena *arena,
                        struct mtr_diagnostics *findings)
{
    struct turning turning = {
        .options = options, .arena = arena, .findings = findings, .lists = {.arena = arena}};
    uint32_t count = 0;
    for (uint32_t i = 0; i < options->row_count; i++) count += options->rows[i].has_reading;
    if (!count) return MTR_OK;
    struct quote_row *rows = mtr_arena_calloc(arena, options->row_count, sizeof(*rows));
    turning.readings = mtr_arena_calloc(arena, (size_t)count + 1, sizeof(*turning.readings));
    if (!rows || !turning.readings) return MTR_ENOMEM;
    memcpy(rows, options->rows, options->row_count * sizeof(*rows));
    int rc = read_rows(&turning);
    if (rc) return rc;
    MTR_ASSERT(turning.count == count);
    qsort(turning.readings, count, sizeof(*turning.readings), compare_readings);
    rc = turn_rows(&turning, rows);
    options->rows = rows;
    return rc;
}
