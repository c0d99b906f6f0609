/*
 * What the rows say to tools: a JSON Schema (2020-12) of one map. Recursion ends with the tables, which are
 * constants.
 *
 * A key that need not be written may also be null, which says the same.
 */
#include "meterd/core/schema.h"

#include "lib/core/document/schema_value.h"
#include "meterd/core/json_writer.h"

struct writing {
    struct mtr_json_writer json;
    bool amounts_by_currency;
};

static void write_object(struct writing *to, const struct mtr_field *fields, bool may_be_null);

static bool is_asked_for(const struct mtr_field *field)
{
    return field->required && !field->fillable;
}

/* "type": one or a list; second may be NULL. */
static void write_types(struct writing *to, const char *first, const char *second, bool may_be_null)
{
    mtr_json_name(&to->json, "type");
    if (!second && !may_be_null) {
        mtr_json_cstr(&to->json, first);
        return;
    }
    mtr_json_list(&to->json);
    mtr_json_cstr(&to->json, first);
    if (second) mtr_json_cstr(&to->json, second);
    if (may_be_null) mtr_json_cstr(&to->json, "null");
    mtr_json_list_end(&to->json);
}

static void write_bounds(struct writing *to, const struct mtr_field *field, const char *min, const char *max)
{
    if (!schema_has_bounds(field)) return;
    mtr_json_named_u64(&to->json, min, field->min);
    if (field->max == 0) return;
    mtr_json_named_u64(&to->json, max, field->max);
}

/* What a list holds. */
static void write_item(struct writing *to, const struct mtr_field *field)
{
    mtr_json_map(&to->json);
    if (field->type == MTR_FIELD_LIST) write_object(to, field->fields, false);
    else write_types(to, "string", "number", false);
    mtr_json_map_end(&to->json);
}

static void write_array(struct writing *to, const struct mtr_field *field, bool may_be_null)
{
    write_types(to, "array", NULL, may_be_null);
    write_bounds(to, field, "minItems", "maxItems");
    mtr_json_name(&to->json, "items");
    write_item(to, field);
}

static void write_list(struct writing *to, const struct mtr_field *field)
{
    if (!field->single) {
        write_array(to, field, !is_asked_for(field));
        return;
    }
    mtr_json_name(&to->json, "anyOf");
    mtr_json_list(&to->json);
    write_item(to, field);
    mtr_json_map(&to->json);
    write_array(to, field, !is_asked_for(field));
    mtr_json_map_end(&to->json);
    mtr_json_list_end(&to->json);
}

static void write_named(struct writing *to, const struct mtr_field *field)
{
    write_types(to, "object", NULL, !is_asked_for(field));
    write_bounds(to, field, "minProperties", "maxProperties");
    mtr_json_name(&to->json, "additionalProperties");
    mtr_json_map(&to->json);
    write_object(to, field->fields, false);
    mtr_json_map_end(&to->json);
}

static void write_labels(struct writing *to, const struct mtr_field *field)
{
    write_types(to, "object", NULL, !is_asked_for(field));
    mtr_json_name(&to->json, "additionalProperties");
    mtr_json_map(&to->json);
    write_types(to, "string", "number", field->fillable);
    mtr_json_map_end(&to->json);
}

static void write_choices(struct writing *to, const struct mtr_field *field)
{
    mtr_json_name(&to->json, "enum");
    mtr_json_list(&to->json);
    for (int i = 0; field->choices[i]; i++) mtr_json_cstr(&to->json, field->choices[i]);
    if (!is_asked_for(field)) mtr_json_null(&to->json);
    mtr_json_list_end(&to->json);
}

/* A map, or one of the words that stand for one. */
static void write_map(struct writing *to, const struct mtr_field *field)
{
    if (!field->choices) {
        write_object(to, field->fields, !is_asked_for(field));
        return;
    }
    mtr_json_name(&to->json, "anyOf");
    mtr_json_list(&to->json);
    mtr_json_map(&to->json);
    write_choices(to, field);
    mtr_json_map_end(&to->json);
    mtr_json_map(&to->json);
    write_object(to, field->fields, false);
    mtr_json_map_end(&to->json);
    mtr_json_list_end(&to->json);
}

static void write_money(struct writing *to, bool may_be_null)
{
    if (!to->amounts_by_currency) {
        write_types(to, "string", "number", may_be_null);
        return;
    }
    mtr_json_name(&to->json, "anyOf");
    mtr_json_list(&to->json);
    mtr_json_map(&to->json);
    write_types(to, "string", "number", may_be_null);
    mtr_json_map_end(&to->json);
    mtr_json_map(&to->json);
    write_types(to, "object", NULL, false);
    mtr_json_name(&to->json, "propertyNames");
    mtr_json_map(&to->json);
    mtr_json_named_cstr(&to->json, "pattern", "^[A-Z]{3}$");
    mtr_json_map_end(&to->json);
    mtr_json_name(&to->json, "additionalProperties");
    mtr_json_map(&to->json);
    write_types(to, "string", "number", false);
    mtr_json_map_end(&to->json);
    mtr_json_map_end(&to->json);
    mtr_json_list_end(&to->json);
}

/* The members of one property's schema. */
static void write_type(struct writing *to, const struct mtr_field *field)
{
    const bool may_be_null = !is_asked_for(field);
    switch (field->type) {
    case MTR_FIELD_TEXT: write_types(to, "string", "number", may_be_null); break;
    case MTR_FIELD_KEY:
        write_types(to, "string", "number", may_be_null);
        mtr_json_named_cstr(&to->json, "pattern", "^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$");
        break;
    case MTR_FIELD_NAME:
        write_types(to, "string", "number", may_be_null);
        mtr_json_named_cstr(&to->json, "pattern",
                            "^([A-Za-z0-9][A-Za-z0-9._:-]{0,63}/)?[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$");
        break;
    case MTR_FIELD_BOOL: write_types(to, "boolean", NULL, may_be_null); break;
    case MTR_FIELD_U64:
        write_types(to, "integer", NULL, may_be_null);
        write_bounds(to, field, "minimum", "maximum");
        break;
    case MTR_FIELD_BYTES:
    case MTR_FIELD_DURATION:
    case MTR_FIELD_QUANTITY: write_types(to, "string", "number", may_be_null); break;
    case MTR_FIELD_MONEY: write_money(to, may_be_null); break;
    case MTR_FIELD_TIME: write_types(to, "string", NULL, may_be_null); break;
    case MTR_FIELD_ENUM: write_choices(to, field); break;
    case MTR_FIELD_MAP: write_map(to, field); break;
    case MTR_FIELD_LIST:
    case MTR_FIELD_TEXTS: write_list(to, field); break;
    case MTR_FIELD_LABELS: write_labels(to, field); break;
    case MTR_FIELD_NAMED: write_named(to, field); break;
    case MTR_FIELD_NODE:
    case MTR_FIELD_ROW: break; /* a row is asked for by what it points to */
    }
}

static void write_required(struct writing *to, const struct mtr_field *fields)
{
    bool any = false;
    for (const struct mtr_field *field = fields; field->name; field++) {
        if (!is_asked_for(field)) continue;
        if (!any) {
            mtr_json_name(&to->json, "required");
            mtr_json_list(&to->json);
        }
        any = true;
        mtr_json_cstr(&to->json, field->name);
    }
    if (any) mtr_json_list_end(&to->json);
}

static void write_object(struct writing *to, const struct mtr_field *fields, bool may_be_null)
{
    write_types(to, "object", NULL, may_be_null);
    mtr_json_name(&to->json, "properties");
    mtr_json_map(&to->json);
    for (const struct mtr_field *next = fields; next->name; next++) {
        const struct mtr_field *field = mtr_field_row(next);
        mtr_json_name(&to->json, field->name);
        mtr_json_map(&to->json);
        write_type(to, field);
        if (field->doc) mtr_json_named_cstr(&to->json, "description", field->doc);
        if (field->default_text) mtr_json_named_cstr(&to->json, "default", field->default_text);
        mtr_json_map_end(&to->json);
    }
    mtr_json_map_end(&to->json);
    write_required(to, fields);
    mtr_json_named_bool(&to->json, "additionalProperties", false);
}

int mtr_schema_write_json_schema(const struct mtr_field *fields, bool amounts_by_currency,
                                 struct mtr_buffer *out)
{
    struct writing to = {.amounts_by_currency = amounts_by_currency};
    mtr_json_begin(&to.json, out);
    mtr_json_map(&to.json);
    write_object(&to, fields, false);
    mtr_json_map_end(&to.json);
    return mtr_json_finish(&to.json);
}
