/*
 * A row's counters, one by one; see counted_row.h.
 */
#include "collector/rows/counter/counted_row.h"

#include <stdio.h>
#include <string.h>

#include <xxhash.h>

#include "meterd/core/time.h"

void counted_rows_release(struct counted_rows *rows) { counters_release(&rows->counters); }

/* Of the property and of each cell with its size. */
static struct mtr_hash128 series_of(const struct mtr_import_value *value, const struct mtr_str *cells)
{
    XXH128_hash_t hash = XXH3_128bits(value->field.data, value->field.size);
    for (uint32_t i = 0; i < value->series_count; i++) {
        const struct mtr_str cell = cells[value->series[i]];
        const uint64_t seed = hash.low64 + hash.high64 * 31 + cell.size;
        hash = XXH3_128bits_withSeed(cell.size ? cell.data : "", cell.size, seed);
    }
    return (struct mtr_hash128){hash.high64, hash.low64};
}

static int fault(const struct mtr_import_value *value, struct mtr_diagnostic *diagnostic, const char *text)
{
    char field[96];
    snprintf(field, sizeof(field), "%.*s", MTR_STR_ARGS(mtr_str_quoted(value->field, 90)));
    mtr_diagnostic_set(diagnostic, MTR_FINDING_IMPORT_VALUE, 0, 0, field, "%s", text);
    return MTR_EINVALID;
}

static struct mtr_property *find_property(struct mtr_event *event, const struct mtr_import_value *value)
{
    const size_t prefix = sizeof("data.") - 1;
    const struct mtr_str name = {value->field.data + prefix, value->field.size - prefix};
    for (uint32_t i = 0; i < event->property_count; i++)
        if (mtr_str_equal(event->properties[i].name, name)) {
            union {
                const struct mtr_property *shown;
                struct mtr_property *own; /* of the row's arena, which the caller owns */
            } property = {&event->properties[i]};
            return property.own;
        }
    return NULL;
}

static void drop_property(struct mtr_event *event, struct mtr_property *property)
{
    const struct mtr_property *end = event->properties + event->property_count;
    memmove(property, property + 1, (size_t)(end - property - 1) * sizeof(*property));
    event->property_count--;
}

static void note(struct counted_rows *rows, const struct counter_use *use, int64_t time_us)
{
    struct mtr_counter_counts *counts = &rows->counts;
    const bool is_hole = use->before_us && time_us - use->before_us > rows->map->counter_before_us;
    counts->opened += use->step == COUNTER_OPENS && time_us >= rows->from_us;
    counts->resets += use->step == COUNTER_RESET && time_us >= rows->from_us;
    if (!is_hole || time_us < rows->from_us || use->step == COUNTER_AGAIN) return;
    if (counts->holes++) return;
    counts->hole_from_us = use->before_us;
    counts->hole_to_us = time_us;
}

/* One counter of the row; *has_use: it has a difference. */
static int take(struct counted_rows *rows, const struct mtr_import_value *value, const struct mtr_str *cells,
                struct mtr_event *event, struct counter_use *use)
{
    struct mtr_property *property = find_property(event, value);
    *use = (struct counter_use){.step = COUNTER_AGAIN};
    if (!property) return MTR_OK; /* the row has no such value */
    if (property->number.mantissa < 0) return MTR_EDENIED;
    const struct counter_sample sample = {series_of(value, cells), event->time_us, property->number};
    int rc = counters_take(&rows->counters, &sample, use);
    if (rc) return rc;
    note(rows, use, event->time_us);
    if (use->step == COUNTER_GREW || use->step == COUNTER_RESET)
        property->number = use->difference;
    else
        drop_property(event, property);
    return MTR_OK;
}

static int explain(const struct mtr_import_value *value, int rc, enum counter_step step,
                   struct mtr_diagnostic *diagnostic, bool *ends)
{
    if (rc == MTR_EDENIED) return fault(value, diagnostic, "a counter is never below 0");
    if (rc == MTR_EPRECISION)
        return fault(value, diagnostic, "what the counter grew by has more digits than are kept exactly");
    if (rc == MTR_ELIMIT) {
        (void)!fault(value, diagnostic, "more counters than are told apart in one reading, 262144");
        return rc;
    }
    if (rc || step != COUNTER_BACK) return rc;
    *ends = true;
    return fault(value, diagnostic,
                 "a sample of this counter comes behind a later one, or has another value than one of the "
                 "same time: samples of a series (`counter.series`) are expected in the order of their time");
}

int counted_row(struct counted_rows *rows, const struct mtr_str *cells, struct mtr_event *event,
                bool *skipped, struct mtr_diagnostic *diagnostic, bool *ends)
{
    bool has_counter = false, has_use = false;
    *skipped = *ends = false;
    for (uint32_t i = 0; i < rows->map->data_count; i++) {
        const struct mtr_import_value *value = &rows->map->data[i];
        struct counter_use use;
        if (!value->is_counter) continue;
        if (!event->time_given)
            return fault(value, diagnostic, "a counter's row needs a time: name it in the map");
        has_counter = true;
        int rc = take(rows, value, cells, event, &use);
        if (!rc && use.step != COUNTER_BACK) {
            has_use = has_use || use.step == COUNTER_GREW || use.step == COUNTER_RESET;
            continue;
        }
        return explain(value, rc, use.step, diagnostic, ends);
    }
    *skipped = has_counter && (!has_use || event->time_us < rows->from_us);
    return MTR_OK;
}
