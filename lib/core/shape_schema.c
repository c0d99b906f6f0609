/*
 * What a shape promises: its JSON Schema (2020-12). Recursion ends with the tables, which are constants, and
 * with references to shapes that have a name.
 */
#include "meterd/core/shape.h"

#include <stdio.h>

enum { SCHEMA_BYTES_MAX = 1 << 20 };

static void write_type(struct mtr_json_writer *json, const char *type, bool may_be_null)
{
    mtr_json_name(json, "type");
    if (!may_be_null) {
        mtr_json_cstr(json, type);
        return;
    }
    mtr_json_list(json);
    mtr_json_cstr(json, type);
    mtr_json_cstr(json, "null");
    mtr_json_list_end(json);
}

static void write_choices(struct mtr_json_writer *json, const struct mtr_json_member *member)
{
    const char *word;
    if (!member->choice) return;
    mtr_json_name(json, "enum");
    mtr_json_list(json);
    for (unsigned i = 0; (word = member->choice(i)) != NULL; i++) mtr_json_cstr(json, word);
    mtr_json_list_end(json);
}

static void write_scalar(struct mtr_json_writer *json, const struct mtr_json_member *member)
{
    const bool may_be_null = member->presence == MTR_MAY_BE_NULL;
    switch (member->type) {
    case MTR_MEMBER_BOOL: write_type(json, "boolean", may_be_null); return;
    case MTR_MEMBER_I64: write_type(json, "integer", may_be_null); return;
    case MTR_MEMBER_U32:
    case MTR_MEMBER_U64:
        write_type(json, "integer", may_be_null);
        mtr_json_named_u64(json, "minimum", 0);
        return;
    default: write_type(json, "string", may_be_null); break;
    }
    switch (member->type) {
    case MTR_MEMBER_WORD: write_choices(json, member); break;
    case MTR_MEMBER_CURRENCY: mtr_json_named_cstr(json, "pattern", "^[A-Z]{3}$"); break;
    case MTR_MEMBER_DATE: mtr_json_named_cstr(json, "format", "date"); break;
    case MTR_MEMBER_TIME:
    case MTR_MEMBER_LOCAL: mtr_json_named_cstr(json, "format", "date-time"); break;
    case MTR_MEMBER_DECIMAL:
    case MTR_MEMBER_QUANTITY:
    case MTR_MEMBER_MONEY: mtr_json_named_cstr(json, "pattern", "^-?[0-9]+(\\.[0-9]+)?$"); break;
    default: break;
    }
}

static void write_array(struct mtr_json_writer *json, const struct mtr_shape *items, const char *references)
{
    write_type(json, "array", false);
    mtr_json_name(json, "items");
    if (items) {
        mtr_shape_write_reference(items, references, json);
        return;
    }
    mtr_json_map(json);
    write_type(json, "string", false);
    mtr_json_map_end(json);
}

static void write_map(struct mtr_json_writer *json, const struct mtr_json_member *member,
                      const char *references)
{
    if (member->presence != MTR_MAY_BE_NULL) {
        mtr_json_name(json, "allOf"); /* so that a description may stand beside any schema */
        mtr_json_list(json);
        mtr_shape_write_reference(member->shape, references, json);
        mtr_json_list_end(json);
        return;
    }
    mtr_json_name(json, "oneOf");
    mtr_json_list(json);
    mtr_shape_write_reference(member->shape, references, json);
    mtr_json_map(json);
    write_type(json, "null", false);
    mtr_json_map_end(json);
    mtr_json_list_end(json);
}

static void write_labels(struct mtr_json_writer *json)
{
    write_type(json, "object", false);
    mtr_json_name(json, "additionalProperties");
    mtr_json_map(json);
    write_type(json, "string", false);
    mtr_json_map_end(json);
}

static void write_member(struct mtr_json_writer *json, const struct mtr_json_member *member,
                         const char *references)
{
    mtr_json_name(json, member->name);
    mtr_json_map(json);
    switch (member->type) {
    case MTR_MEMBER_LABELS: write_labels(json); break;
    case MTR_MEMBER_TEXTS:
    case MTR_MEMBER_LIST:
    case MTR_MEMBER_JSON_LIST: write_array(json, member->shape, references); break;
    case MTR_MEMBER_MAP:
    case MTR_MEMBER_JSON: write_map(json, member, references); break;
    default: write_scalar(json, member); break;
    }
    if (member->doc) mtr_json_named_cstr(json, "description", member->doc);
    mtr_json_map_end(json);
}

static void write_object(struct mtr_json_writer *json, const struct mtr_json_member *members,
                         const char *references)
{
    mtr_json_map(json);
    write_type(json, "object", false);
    mtr_json_name(json, "required");
    mtr_json_list(json);
    for (const struct mtr_json_member *member = members; member->name; member++)
        if (member->presence != MTR_MAY_LACK) mtr_json_cstr(json, member->name);
    mtr_json_list_end(json);
    mtr_json_name(json, "properties");
    mtr_json_map(json);
    for (const struct mtr_json_member *member = members; member->name; member++)
        write_member(json, member, references);
    mtr_json_map_end(json);
    mtr_json_map_end(json);
}

static void write_fields(struct mtr_json_writer *json, const struct mtr_shape *shape)
{
    struct mtr_buffer text;
    mtr_buffer_init(&text, SCHEMA_BYTES_MAX);
    int rc = mtr_schema_write_json_schema(shape->fields, shape->amounts_by_currency, &text);
    if (!rc) mtr_json_raw(json, mtr_buffer_str(&text));
    else if (!json->error) json->error = rc;
    mtr_buffer_release(&text);
}

static void write_one_or_many(struct mtr_json_writer *json, const struct mtr_shape *shape,
                              const char *references)
{
    mtr_json_map(json);
    mtr_json_name(json, "oneOf");
    mtr_json_list(json);
    mtr_shape_write_reference(shape, references, json);
    mtr_json_map(json);
    write_array(json, shape, references);
    mtr_json_map_end(json);
    mtr_json_list_end(json);
    mtr_json_map_end(json);
}

void mtr_shape_write_schema(const struct mtr_shape *shape, const char *references,
                            struct mtr_json_writer *json)
{
    if (shape->members) write_object(json, shape->members, references);
    else if (shape->fields) write_fields(json, shape);
    else if (shape->one_or_many) write_one_or_many(json, shape->one_or_many, references);
    else if (shape->describe) shape->describe(references, json);
    else mtr_json_raw(json, mtr_str_from(shape->schema));
}

void mtr_shape_write_reference(const struct mtr_shape *shape, const char *references,
                               struct mtr_json_writer *json)
{
    char path[128];
    if (!shape->name) {
        mtr_shape_write_schema(shape, references, json);
        return;
    }
    int size = snprintf(path, sizeof(path), "%s%s", references, shape->name);
    MTR_ASSERT(size > 0 && (size_t)size < sizeof(path));
    mtr_json_map(json);
    mtr_json_named_cstr(json, "$ref", path);
    mtr_json_map_end(json);
}
