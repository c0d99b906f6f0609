/*
 * msgpack: one event as a map, a list of such maps, or compact rows: {"fields": ["id", "type", "subject",
 * "time", "data.bytes"], "rows": [[…], …]}.
 *
 * A broken or cut encoding makes the whole body unreadable. In compact rows the column names are checked
 * once, so a row costs its values only; a row of another length, or no list, is `invalid` alone. `rows` may
 * stand before `fields`: its place is remembered and read afterwards.
 */
#include "collector/decode/decoder.h"
#include "collector/decode/msgpack_cursor.h"
#include "meterd/core/limits.h"

enum { COLUMNS_MAX = MTR_EVENT_PROPERTIES_MAX + 24 };

struct column {
    enum mtr_attribute attribute; /* DATA: a property of that name */
    struct mtr_str name;
};

struct table {
    struct column columns[COLUMNS_MAX];
    uint32_t column_count;
};

static int read_key(struct mtr_msgpack_cursor *cursor, struct mtr_msgpack_token *key, const char **refused)
{
    int rc = msgpack_read_value(cursor, key);
    *refused = key->value.kind == MTR_VALUE_TEXT ? NULL : "a key must be text";
    return rc;
}

static int read_data(struct mtr_msgpack_cursor *cursor, struct mtr_draft *draft, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct mtr_msgpack_token key, token;
        const char *refused;
        int rc = read_key(cursor, &key, &refused);
        if (!rc) rc = msgpack_read_value(cursor, &token);
        if (rc) return rc;
        if (refused) {
            draft_fault(draft, MTR_FINDING_EVENT_FIELD_KIND, "data", refused);
        } else {
            token.value.utf8_checked = false;
            draft_data(draft, key.value.text, &token.value);
        }
    }
    return MTR_OK;
}

static int read_attribute(struct mtr_msgpack_cursor *cursor, struct mtr_draft *draft)
{
    struct mtr_msgpack_token key, token;
    const char *refused;
    int rc = read_key(cursor, &key, &refused);
    if (!rc) rc = msgpack_read(cursor, &token);
    if (rc) return rc;
    enum mtr_attribute attribute =
        refused ? MTR_ATTRIBUTE_EXTENSION : draft_attribute_from_name(key.value.text);
    if (attribute == MTR_ATTRIBUTE_DATA && token.kind == MTR_MSGPACK_MAP && draft_data_begin(draft))
        return read_data(cursor, draft, token.count);
    if (token.kind != MTR_MSGPACK_SCALAR) rc = msgpack_read_over(cursor, &token);
    if (rc) return rc;
    if (refused) {
        draft_fault(draft, MTR_FINDING_EVENT_FIELD_KIND, NULL, refused);
    } else {
        draft_attribute(draft, attribute, key.value.text, &token.value);
    }
    return MTR_OK;
}

static int read_event(struct mtr_decode_job *job, struct mtr_msgpack_cursor *cursor,
                      struct mtr_msgpack_token *head)
{
    int rc = decode_begin(job);
    if (rc) return rc;
    if (head->kind == MTR_MSGPACK_MAP) {
        for (uint32_t i = 0; i < head->count && !rc; i++) rc = read_attribute(cursor, &job->draft);
    } else {
        draft_fault(&job->draft, MTR_FINDING_EVENT_FIELD_KIND, NULL, "an event must be a map");
        if (head->kind == MTR_MSGPACK_LIST) rc = msgpack_read_over(cursor, head);
    }
    if (!rc) draft_end(&job->draft);
    return rc;
}

/* Every item takes a byte at least, so a count beyond what is left is a lie that buys no memory. */
static int reserve(struct mtr_decode_job *job, const struct mtr_msgpack_cursor *cursor, uint32_t count)
{
    size_t rest = (size_t)(cursor->end - cursor->at);
    return draft_reserve(&job->draft, count < rest ? count : rest);
}

static int decode_list(struct mtr_decode_job *job, struct mtr_msgpack_cursor *cursor, uint32_t count)
{
    int rc = reserve(job, cursor, count);
    for (uint32_t i = 0; i < count && !rc; i++) {
        struct mtr_msgpack_token head;
        rc = msgpack_read(cursor, &head);
        if (!rc) rc = read_event(job, cursor, &head);
    }
    return rc;
}

/* What the column is, or why it cannot be one. */
static const char *column_init(struct column *column, struct mtr_str name)
{
    const struct mtr_str prefix = MTR_STR("data.");
    *column = (struct column){draft_attribute_from_name(name), name};
    if (mtr_str_starts_with(name, prefix)) {
        *column = (struct column){MTR_ATTRIBUTE_DATA, {name.data + prefix.size, name.size - prefix.size}};
        return draft_name_fault(column->name, false).text;
    }
    if (column->attribute == MTR_ATTRIBUTE_DATA) return "columns of data are named data.<name>";
    for (size_t i = 0; i < name.size; i++)
        if (name.data[i] == '.') return "a field with a dot must be data.<name>";
    return NULL;
}

static const char *add_column(struct table *table, struct mtr_str name)
{
    struct column *column = &table->columns[table->column_count];
    uint32_t properties = 0;
    if (table->column_count == COLUMNS_MAX) return "more than 88 fields";
    const char *reason = column_init(column, name);
    if (reason) return reason;
    for (uint32_t i = 0; i < table->column_count; i++) {
        const struct column *other = &table->columns[i];
        if (other->attribute == column->attribute && mtr_str_equal(other->name, column->name))
            return "field given twice";
        if (other->attribute == MTR_ATTRIBUTE_DATA) properties++;
    }
    if (column->attribute == MTR_ATTRIBUTE_DATA && properties == MTR_EVENT_PROPERTIES_MAX)
        return "more than 64 properties";
    table->column_count++;
    return NULL;
}

static int read_fields(struct mtr_msgpack_cursor *cursor, struct table *table)
{
    struct mtr_msgpack_token head;
    int rc = msgpack_read(cursor, &head);
    if (!rc && head.kind != MTR_MSGPACK_LIST) rc = msgpack_fail(cursor, "fields must be a list of names");
    for (uint32_t i = 0; !rc && i < head.count; i++) {
        struct mtr_msgpack_token name;
        const uint8_t *at = cursor->at;
        rc = msgpack_read_value(cursor, &name);
        if (rc) return rc;
        const char *reason = name.value.kind == MTR_VALUE_TEXT ? add_column(table, name.value.text)
                                                               : "fields must be a list of names";
        if (reason) {
            cursor->at = at;
            rc = msgpack_fail(cursor, reason);
        }
    }
    return rc;
}

static int read_cells(struct mtr_msgpack_cursor *cursor, struct mtr_draft *draft, const struct table *table)
{
    for (uint32_t i = 0; i < table->column_count; i++) {
        const struct column *column = &table->columns[i];
        struct mtr_msgpack_token token;
        int rc = msgpack_read_value(cursor, &token);
        if (rc) return rc;
        if (column->attribute == MTR_ATTRIBUTE_DATA) {
            draft_data_named(draft, column->name, &token.value);
        } else {
            draft_attribute(draft, column->attribute, column->name, &token.value);
        }
    }
    return MTR_OK;
}

static int read_row(struct mtr_decode_job *job, struct mtr_msgpack_cursor *cursor, const struct table *table)
{
    struct mtr_msgpack_token head;
    int rc = msgpack_read(cursor, &head);
    if (!rc) rc = decode_begin(job);
    if (rc) return rc;
    if (head.kind == MTR_MSGPACK_LIST && head.count == table->column_count) {
        rc = read_cells(cursor, &job->draft, table);
    } else if (head.kind == MTR_MSGPACK_SCALAR) {
        draft_fault(&job->draft, MTR_FINDING_EVENT_FIELD_KIND, NULL, "a row must be a list of values");
    } else {
        draft_faultf(&job->draft, MTR_FINDING_EVENT_FIELD_KIND, NULL, "a row must be a list of %u values",
                     (unsigned)table->column_count);
        rc = msgpack_read_over(cursor, &head);
    }
    if (!rc) draft_end(&job->draft);
    return rc;
}

static int read_rows(struct mtr_decode_job *job, struct mtr_msgpack_cursor *cursor, const struct table *table)
{
    struct mtr_msgpack_token head;
    int rc = msgpack_read(cursor, &head);
    if (!rc && head.kind != MTR_MSGPACK_LIST) rc = msgpack_fail(cursor, "rows must be a list");
    if (!rc) rc = reserve(job, cursor, head.count);
    for (uint32_t i = 0; !rc && i < head.count; i++) rc = read_row(job, cursor, table);
    return rc;
}

static bool is_name(const struct mtr_msgpack_token *token, const char *name)
{
    return token->value.kind == MTR_VALUE_TEXT && mtr_str_equal(token->value.text, mtr_str_from(name));
}

/* The keys of the compact form, in any order, nothing else. */
static int decode_compact(struct mtr_decode_job *job, struct mtr_msgpack_cursor *cursor, uint32_t pairs)
{
    struct table table = {.column_count = 0};
    struct mtr_msgpack_cursor rows = {NULL, NULL, NULL, NULL};
    bool has_fields = false, has_rows = false;
    int rc = MTR_OK;
    for (uint32_t i = 0; i < pairs && !rc; i++) {
        struct mtr_msgpack_token key, ignored;
        rc = msgpack_read_value(cursor, &key);
        if (rc) return rc;
        if (!has_fields && is_name(&key, "fields")) {
            has_fields = true;
            rc = read_fields(cursor, &table);
        } else if (!has_rows && is_name(&key, "rows")) {
            has_rows = true;
            rows = *cursor;
            rc = has_fields ? read_rows(job, cursor, &table) : msgpack_read_value(cursor, &ignored);
            if (has_fields) rows.at = NULL;
        } else {
            rc = msgpack_fail(cursor, "only fields and rows are expected, each once");
        }
    }
    if (!rc && !(has_fields && has_rows)) rc = msgpack_fail(cursor, "fields and rows belong together");
    if (!rc && rows.at) {
        rc = read_rows(job, &rows, &table);
        if (rows.fault) *cursor = rows;
    }
    return rc;
}

/* Looks whether the map's first key is one of the compact form; the cursor stays. */
static bool is_compact(struct mtr_msgpack_cursor cursor)
{
    struct mtr_msgpack_token key;
    if (msgpack_read_value(&cursor, &key)) return false;
    return is_name(&key, "fields") || is_name(&key, "rows");
}

int decode_msgpack(struct mtr_decode_job *job)
{
    const uint8_t *begin = (const uint8_t *)job->text;
    struct mtr_msgpack_cursor cursor = {begin, begin, begin + job->size, NULL};
    struct mtr_msgpack_token head;
    int rc = msgpack_read(&cursor, &head);
    if (rc) {
        /* the fault says it */
    } else if (head.kind == MTR_MSGPACK_LIST) {
        rc = decode_list(job, &cursor, head.count);
    } else if (head.kind == MTR_MSGPACK_MAP && head.count && is_compact(cursor)) {
        rc = decode_compact(job, &cursor, head.count);
    } else if (head.kind == MTR_MSGPACK_MAP) {
        rc = read_event(job, &cursor, &head);
    } else {
        cursor.at = begin;
        rc = msgpack_fail(&cursor, "an event or a list of events is expected");
    }
    if (!rc && cursor.at != cursor.end)
        rc = msgpack_fail(&cursor, "something follows the end of the value");
    return cursor.fault ? decode_fail(job, (uint64_t)(cursor.at - cursor.begin), "msgpack", cursor.fault)
                        : rc;
}
