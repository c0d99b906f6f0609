/*
 * What the rows say to tools: a JSON Schema (2020-12) of one map. Recursion ends with the tables, which are
 * constants.
 */
#include "meterd/core/schema.h"

#include "lib/core/document/schema_value.h"
#include "meterd/core/json_writer.h"

static void write_object(struct mtr_json_writer *json, const struct mtr_field *fields);

static void write_pair(struct mtr_json_writer *json, const char *name, const char *value)
{
    mtr_json_name(json, name);
    mtr_json_cstr(json, value);
}

static void write_texts_type(struct mtr_json_writer *json, const char *first, const char *second)
{
    mtr_json_name(json, "type");
    mtr_json_list(json);
    mtr_json_cstr(json, first);
    mtr_json_cstr(json, second);
    mtr_json_list_end(json);
}

static void write_bounds(struct mtr_json_writer *json, const struct mtr_field *field, const char *min,
                         const char *max)
{
    if (!schema_has_bounds(field)) return;
    mtr_json_name(json, min);
    mtr_json_u64(json, field->min);
    if (field->max == 0) return;
    mtr_json_name(json, max);
    mtr_json_u64(json, field->max);
}

static void write_array(struct mtr_json_writer *json, const struct mtr_field *field)
{
    write_pair(json, "type", "array");
    write_bounds(json, field, "minItems", "maxItems");
    mtr_json_name(json, "items");
    mtr_json_map(json);
    if (field->type == MTR_FIELD_LIST)
        write_object(json, field->fields);
    else
        write_texts_type(json, "string", "number");
    mtr_json_map_end(json);
}

static void write_list(struct mtr_json_writer *json, const struct mtr_field *field)
{
    if (!field->single) {
        write_array(json, field);
        return;
    }
    mtr_json_name(json, "anyOf");
    mtr_json_list(json);
    mtr_json_map(json);
    if (field->type == MTR_FIELD_LIST) write_object(json, field->fields);
    else write_texts_type(json, "string", "number");
    mtr_json_map_end(json);
    mtr_json_map(json);
    write_array(json, field);
    mtr_json_map_end(json);
    mtr_json_list_end(json);
}

static void write_named(struct mtr_json_writer *json, const struct mtr_field *field)
{
    write_pair(json, "type", "object");
    write_bounds(json, field, "minProperties", "maxProperties");
    mtr_json_name(json, "additionalProperties");
    mtr_json_map(json);
    write_object(json, field->fields);
    mtr_json_map_end(json);
}

static void write_labels(struct mtr_json_writer *json)
{
    write_pair(json, "type", "object");
    mtr_json_name(json, "additionalProperties");
    mtr_json_map(json);
    write_texts_type(json, "string", "number");
    mtr_json_map_end(json);
}

static void write_choices(struct mtr_json_writer *json, const struct mtr_field *field)
{
    mtr_json_name(json, "enum");
    mtr_json_list(json);
    for (int i = 0; field->choices[i]; i++) mtr_json_cstr(json, field->choices[i]);
    mtr_json_list_end(json);
}

/* The members of one property's schema. */
static void write_type(struct mtr_json_writer *json, const struct mtr_field *field)
{
    switch (field->type) {
    case MTR_FIELD_TEXT: write_texts_type(json, "string", "number"); break;
    case MTR_FIELD_KEY:
        write_texts_type(json, "string", "number");
        write_pair(json, "pattern", "^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$");
        break;
    case MTR_FIELD_BOOL: write_pair(json, "type", "boolean"); break;
    case MTR_FIELD_U64:
        write_pair(json, "type", "integer");
        write_bounds(json, field, "minimum", "maximum");
        break;
    case MTR_FIELD_BYTES:
    case MTR_FIELD_DURATION:
    case MTR_FIELD_QUANTITY:
    case MTR_FIELD_MONEY: write_texts_type(json, "string", "number"); break;
    case MTR_FIELD_TIME: write_pair(json, "type", "string"); break;
    case MTR_FIELD_ENUM: write_choices(json, field); break;
    case MTR_FIELD_MAP: write_object(json, field->fields); break;
    case MTR_FIELD_LIST:
    case MTR_FIELD_TEXTS: write_list(json, field); break;
    case MTR_FIELD_LABELS: write_labels(json); break;
    case MTR_FIELD_NAMED: write_named(json, field); break;
    case MTR_FIELD_NODE:
    case MTR_FIELD_ROW: break; /* a row is asked for by what it points to */
    }
}

static void write_required(struct mtr_json_writer *json, const struct mtr_field *fields)
{
    bool any = false;
    for (const struct mtr_field *field = fields; field->name; field++) {
        if (!field->required) continue;
        if (!any) {
            mtr_json_name(json, "required");
            mtr_json_list(json);
        }
        any = true;
        mtr_json_cstr(json, field->name);
    }
    if (any) mtr_json_list_end(json);
}

static void write_object(struct mtr_json_writer *json, const struct mtr_field *fields)
{
    write_pair(json, "type", "object");
    mtr_json_name(json, "properties");
    mtr_json_map(json);
    for (const struct mtr_field *next = fields; next->name; next++) {
        const struct mtr_field *field = mtr_field_row(next);
        mtr_json_name(json, field->name);
        mtr_json_map(json);
        write_type(json, field);
        if (field->doc) write_pair(json, "description", field->doc);
        if (field->default_text) write_pair(json, "default", field->default_text);
        mtr_json_map_end(json);
    }
    mtr_json_map_end(json);
    write_required(json, fields);
    mtr_json_name(json, "additionalProperties");
    mtr_json_bool(json, false);
}

int mtr_schema_write_json_schema(const struct mtr_field *fields, struct mtr_buffer *out)
{
    struct mtr_json_writer json;
    mtr_json_begin(&json, out);
    mtr_json_map(&json);
    write_object(&json, fields);
    mtr_json_map_end(&json);
    return mtr_json_finish(&json);
}
