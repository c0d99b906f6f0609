/*
 * Records that wait; see held_rows.h. A held record is its place and its cells in `rows`: for each column a
 * size, and its bytes; of a column with ^ the number of an entry instead.
 */
#include "collector/rows/held_rows.h"

#include <stdlib.h>
#include <string.h>

enum { NO_ENTRY = -1 };
static const uint64_t nothing = UINT64_MAX;

/* What an entry has come to, in `texts`. */
struct entry {
    bool is_set;
    uint64_t at, size; /* size: `nothing` when there is no such value */
};

int held_rows_init(struct held_rows *held, struct record_out *out, const uint32_t *columns,
                   uint32_t column_count)
{
    *held = (struct held_rows){.out = out, .value_count = column_count};
    mtr_buffer_init(&held->rows, MTR_RECORDS_HELD_BYTES_MAX);
    mtr_buffer_init(&held->entries, MTR_RECORDS_HELD_BYTES_MAX);
    mtr_buffer_init(&held->texts, MTR_RECORDS_HELD_BYTES_MAX);
    held->values = calloc((size_t)column_count + 1, sizeof(*held->values));
    if (!held->values) return MTR_ENOMEM;
    for (uint32_t i = 0; i < column_count; i++) {
        held->values[i].column = columns[i];
        held->values[i].entry = NO_ENTRY;
        mtr_buffer_init(&held->values[i].text, MTR_RECORD_BYTES_MAX);
    }
    return MTR_OK;
}

void held_rows_release(struct held_rows *held)
{
    for (uint32_t i = 0; held->values && i < held->value_count; i++)
        mtr_buffer_release(&held->values[i].text);
    free(held->values);
    mtr_buffer_release(&held->rows);
    mtr_buffer_release(&held->entries);
    mtr_buffer_release(&held->texts);
}

/* ---- giving ---- */

static struct entry *entry_at(struct held_rows *held, uint64_t i)
{
    return (struct entry *)(void *)held->entries.data + i;
}

static struct mtr_str entry_text(struct held_rows *held, uint64_t i)
{
    const struct entry *entry = entry_at(held, i);
    return entry->size == nothing ? (struct mtr_str){NULL, 0}
                                  : (struct mtr_str){held->texts.data + entry->at, entry->size};
}

static bool is_value(const struct held_rows *held, uint32_t column)
{
    for (uint32_t i = 0; i < held->value_count; i++)
        if (held->values[i].column == column) return true;
    return false;
}

/* The next held record; *at is behind it then. */
static int give_held(struct held_rows *held, size_t *at)
{
    struct record_out *out = held->out;
    struct mtr_record_place place;
    memcpy(&place, held->rows.data + *at, sizeof(place));
    *at += sizeof(place);
    for (uint32_t i = 0; i < out->column_count; i++) {
        uint64_t size;
        memcpy(&size, held->rows.data + *at, sizeof(size));
        *at += sizeof(size);
        const bool has_bytes = size != nothing && !is_value(held, i);
        out->cells[i] = is_value(held, i) ? entry_text(held, size)
                        : has_bytes       ? (struct mtr_str){held->rows.data + *at, size}
                                          : (struct mtr_str){NULL, 0};
        if (has_bytes) *at += size;
    }
    return record_give(out, out->cells, &place);
}

static int give_all(struct held_rows *held)
{
    int rc = MTR_OK;
    for (size_t at = 0; !rc && at < held->rows.size;) rc = give_held(held, &at);
    for (uint32_t i = 0; i < held->value_count; i++) held->values[i].entry = NO_ENTRY;
    mtr_buffer_reset(&held->rows);
    mtr_buffer_reset(&held->entries);
    mtr_buffer_reset(&held->texts);
    held->count = 0;
    return rc;
}

/* ---- values ---- */

void held_rows_begin(struct held_rows *held, uint32_t i)
{
    held->values[i].is_set = held->values[i].is_there = false;
    held->values[i].entry = NO_ENTRY;
}

static int set_entry(struct held_rows *held, const struct held_value *value)
{
    struct entry *entry = entry_at(held, (uint64_t)value->entry);
    *entry = (struct entry){true, held->texts.size, value->is_there ? value->text.size : nothing};
    return value->is_there ? mtr_buffer_append_str(&held->texts, mtr_buffer_str(&value->text)) : MTR_OK;
}

static int resolve(struct held_rows *held, struct held_value *value)
{
    value->is_set = true;
    if (value->entry == NO_ENTRY) return MTR_OK;
    int rc = set_entry(held, value);
    held->open_entries--;
    return rc || held->open_entries ? rc : give_all(held);
}

int held_rows_set(struct held_rows *held, uint32_t i, struct mtr_str text)
{
    struct held_value *value = &held->values[i];
    value->is_there = text.data != NULL;
    mtr_buffer_reset(&value->text);
    int rc = mtr_buffer_append_str(&value->text, text);
    return rc ? rc : resolve(held, value);
}

int held_rows_finish(struct held_rows *held, uint32_t i)
{
    return held->values[i].is_set ? MTR_OK : resolve(held, &held->values[i]);
}

/* ---- holding ---- */

static int refer(struct held_rows *held, struct held_value *value)
{
    const struct entry entry = {0};
    if (value->entry != NO_ENTRY) return MTR_OK;
    value->entry = (int64_t)(held->entries.size / sizeof(entry));
    int rc = mtr_buffer_append(&held->entries, &entry, sizeof(entry));
    if (rc) return rc;
    if (value->is_set) return set_entry(held, value);
    held->open_entries++;
    return MTR_OK;
}

static int hold_cell(struct held_rows *held, struct mtr_str cell)
{
    const uint64_t size = cell.data ? cell.size : nothing;
    int rc = mtr_buffer_append(&held->rows, &size, sizeof(size));
    return rc || !cell.data ? rc : mtr_buffer_append_str(&held->rows, cell);
}

static int hold_value(struct held_rows *held, uint32_t column)
{
    uint32_t i = 0;
    while (held->values[i].column != column) i++;
    int rc = refer(held, &held->values[i]);
    const uint64_t entry = (uint64_t)held->values[i].entry;
    return rc ? rc : mtr_buffer_append(&held->rows, &entry, sizeof(entry));
}

static int hold(struct held_rows *held, const struct mtr_record_place *place)
{
    const struct record_out *out = held->out;
    int rc = mtr_buffer_append(&held->rows, place, sizeof(*place));
    for (uint32_t i = 0; !rc && i < out->column_count; i++)
        rc = is_value(held, i) ? hold_value(held, i) : hold_cell(held, out->cells[i]);
    held->count++;
    return rc;
}

static int tell_limit(struct held_rows *held, struct mtr_record_place *place)
{
    int rc = record_stop(held->out, MTR_FINDING_DOCUMENT_LIMIT, place,
                         "more than 64 MiB of rows stand before a value of the map around them that a column "
                         "asks for with ^: ask for smaller pages");
    return rc == MTR_EINVALID ? MTR_ELIMIT : rc;
}

int held_rows_give(struct held_rows *held, struct mtr_record_place *place)
{
    bool waits = held->count > 0;
    for (uint32_t i = 0; i < held->value_count; i++) {
        const struct held_value *value = &held->values[i];
        waits = waits || !value->is_set;
        held->out->cells[value->column] =
            value->is_there ? mtr_buffer_str(&value->text) : (struct mtr_str){NULL, 0};
    }
    if (!waits) return record_give(held->out, held->out->cells, place);
    int rc = hold(held, place);
    return rc == MTR_ELIMIT ? tell_limit(held, place) : rc;
}
