/*
 * Rows of a shape, written: JSON and cells of CSV.
 *
 * Invariant: a member is converted to text in one place (scalar_text), so that a cell says what the JSON
 * says.
 */
#include "meterd/core/shape.h"

#include <stdio.h>

#include "meterd/core/csv.h"
#include "meterd/core/time.h"

enum { SCALAR_TEXT_BYTES = 96, CELL_JSON_BYTES_MAX = 1 << 16 };
_Static_assert((int)SCALAR_TEXT_BYTES >= (int)MTR_DECIMAL_TEXT_BYTES, "a decimal fits");
_Static_assert((int)SCALAR_TEXT_BYTES >= (int)MTR_TIME_TEXT_BYTES, "a time fits");

static bool is_text(enum mtr_json_member_type type)
{
    return type == MTR_MEMBER_TEXT || type == MTR_MEMBER_CURRENCY || type == MTR_MEMBER_DATE ||
           type == MTR_MEMBER_DECIMAL || type == MTR_MEMBER_JSON || type == MTR_MEMBER_JSON_LIST;
}

static bool is_there(const struct mtr_json_member *member, const void *row)
{
    const char *at = row;
    if (member->presence == MTR_ALWAYS) return true;
    if (member->present_offset) return *(const bool *)(at + member->present_offset - 1);
    if (member->type == MTR_MEMBER_WORD) return *(const char *const *)(at + member->offset) != NULL;
    MTR_ASSERT(is_text(member->type));
    return ((const struct mtr_str *)(at + member->offset))->data != NULL;
}

static struct mtr_str written(const char *buffer, int size)
{
    MTR_ASSERT(size >= 0 && size < SCALAR_TEXT_BYTES);
    return (struct mtr_str){buffer, (size_t)size};
}

static struct mtr_str time_text(const struct mtr_local_time *time, char *buffer)
{
    return written(buffer, mtr_time_format_offset(time->time_us, time->offset_s, buffer));
}

/* A value that is no map and no list, as text; it borrows from the row or stands in the buffer. */
static struct mtr_str scalar_text(const struct mtr_json_member *member, const void *at, char *buffer)
{
    const struct mtr_shown_money *money = at;
    switch (member->type) {
    case MTR_MEMBER_WORD: return mtr_str_from(*(const char *const *)at);
    case MTR_MEMBER_BOOL: return *(const bool *)at ? MTR_STR("true") : MTR_STR("false");
    case MTR_MEMBER_U32:
        return written(buffer, snprintf(buffer, SCALAR_TEXT_BYTES, "%u", (unsigned)*(const uint32_t *)at));
    case MTR_MEMBER_U64:
        return written(
            buffer, snprintf(buffer, SCALAR_TEXT_BYTES, "%llu", (unsigned long long)*(const uint64_t *)at));
    case MTR_MEMBER_I64:
        return written(buffer, snprintf(buffer, SCALAR_TEXT_BYTES, "%lld", (long long)*(const int64_t *)at));
    case MTR_MEMBER_TIME: return written(buffer, mtr_time_format(*(const int64_t *)at, buffer));
    case MTR_MEMBER_LOCAL: return time_text(at, buffer);
    case MTR_MEMBER_QUANTITY:
        return written(buffer, mtr_quantity_format(*(const struct mtr_quantity *)at, buffer));
    case MTR_MEMBER_MONEY:
        return written(buffer, mtr_money_format_min(money->amount, money->digits_min, buffer));
    default: MTR_ASSERT(is_text(member->type)); return *(const struct mtr_str *)at;
    }
}

static bool is_bare(enum mtr_json_member_type type)
{
    return type == MTR_MEMBER_BOOL || type == MTR_MEMBER_U32 || type == MTR_MEMBER_U64 ||
           type == MTR_MEMBER_I64 || type == MTR_MEMBER_JSON || type == MTR_MEMBER_JSON_LIST;
}

static void write_labels(const struct mtr_list *list, struct mtr_json_writer *json)
{
    const struct mtr_label *labels = list->items;
    mtr_json_map(json);
    for (uint32_t i = 0; i < list->count; i++) {
        mtr_json_name_text(json, labels[i].name);
        mtr_json_text(json, labels[i].value);
    }
    mtr_json_map_end(json);
}

static void write_list(const struct mtr_json_member *member, const struct mtr_list *list,
                       struct mtr_json_writer *json)
{
    mtr_json_list(json);
    for (uint32_t i = 0; i < list->count; i++) {
        if (member->type == MTR_MEMBER_LIST)
            mtr_shape_write(member->shape, (const char *)list->items + i * member->item_size, json);
        else
            mtr_json_text(json, ((const struct mtr_str *)list->items)[i]);
    }
    mtr_json_list_end(json);
}

static void write_value(const struct mtr_json_member *member, const void *row, struct mtr_json_writer *json)
{
    const void *at = (const char *)row + member->offset;
    char buffer[SCALAR_TEXT_BYTES];
    if (member->write) {
        member->write(json, row);
        return;
    }
    switch (member->type) {
    case MTR_MEMBER_LABELS: write_labels(at, json); return;
    case MTR_MEMBER_TEXTS:
    case MTR_MEMBER_LIST: write_list(member, at, json); return;
    case MTR_MEMBER_MAP: mtr_shape_write(member->shape, at, json); return;
    default: break;
    }
    const struct mtr_str text = scalar_text(member, at, buffer);
    if (is_bare(member->type))
        mtr_json_raw(json, text);
    else
        mtr_json_text(json, text);
}

static void write_members(const struct mtr_shape *shape, const void *row, struct mtr_json_writer *json)
{
    for (const struct mtr_json_member *member = shape->members; member->name; member++) {
        const bool there = is_there(member, row);
        if (!there && member->presence == MTR_MAY_LACK) continue;
        mtr_json_name(json, member->name);
        if (there)
            write_value(member, row, json);
        else
            mtr_json_null(json);
    }
}

void mtr_shape_write(const struct mtr_shape *shape, const void *row, struct mtr_json_writer *json)
{
    mtr_json_map(json);
    write_members(shape, row, json);
    mtr_json_map_end(json);
}

const struct mtr_json_member *mtr_shape_member(const struct mtr_shape *shape, struct mtr_str name)
{
    for (const struct mtr_json_member *member = shape->members; member->name; member++)
        if (mtr_str_equal(mtr_str_from(member->name), name)) return member;
    return NULL;
}

static int write_json_cell(const struct mtr_json_member *member, const void *row, struct mtr_buffer *out)
{
    struct mtr_json_writer json;
    struct mtr_buffer text;
    mtr_buffer_init(&text, CELL_JSON_BYTES_MAX);
    mtr_json_begin(&json, &text);
    write_value(member, row, &json);
    int rc = mtr_json_finish(&json);
    if (!rc) rc = mtr_csv_write_cell(out, mtr_buffer_str(&text));
    mtr_buffer_release(&text);
    return rc;
}

int mtr_json_member_write_cell(const struct mtr_json_member *member, const void *row, struct mtr_buffer *out)
{
    char buffer[SCALAR_TEXT_BYTES];
    if (!is_there(member, row)) return MTR_OK;
    if (member->write || (member->type >= MTR_MEMBER_LABELS && !is_text(member->type)))
        return write_json_cell(member, row, out);
    return mtr_csv_write_cell(out, scalar_text(member, (const char *)row + member->offset, buffer));
}
