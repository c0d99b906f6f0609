/*
 * What the rows say to people: rows of a Markdown table.
 */
#include "meterd/core/schema.h"

#include <stdio.h>
#include <string.h>

#include "lib/core/document/schema_value.h"

static const char *type_name(const struct mtr_field *field)
{
    switch (field->type) {
    case MTR_FIELD_TEXT: return "text";
    case MTR_FIELD_KEY: return "key";
    case MTR_FIELD_NAME: return "key or service/key";
    case MTR_FIELD_BOOL: return "true or false";
    case MTR_FIELD_U64: return "whole number";
    case MTR_FIELD_BYTES: return "size";
    case MTR_FIELD_DURATION: return "duration";
    case MTR_FIELD_TIME: return "date or time";
    case MTR_FIELD_QUANTITY: return "number";
    case MTR_FIELD_MONEY: return "amount";
    case MTR_FIELD_ENUM: return "choice";
    case MTR_FIELD_MAP: return field->choices ? "choice or map" : "map";
    case MTR_FIELD_LIST: return field->single ? "map or list of maps" : "list of maps";
    case MTR_FIELD_TEXTS: return field->single ? "text or list of texts" : "list of texts";
    case MTR_FIELD_LABELS: return "map of texts";
    case MTR_FIELD_NAMED: return "map of maps by name";
    case MTR_FIELD_NODE: return "text, list or map";
    case MTR_FIELD_ROW: break; /* never asked: the row that it points to is */
    }
    return "";
}

static int write_range(const struct mtr_field *field, struct mtr_buffer *out)
{
    char range[72];
    if (field->choices) {
        int rc = MTR_OK;
        for (int i = 0; !rc && field->choices[i]; i++)
            rc = mtr_buffer_printf(out, "%s`%s`", i ? ", " : "", field->choices[i]);
        return rc;
    }
    schema_format_range(field, range);
    return mtr_buffer_append_str(out, mtr_str_from(range));
}

static int write_row(const struct mtr_field *field, const char *name, struct mtr_buffer *out)
{
    const char *tick = field->default_text ? "`" : "";
    const char *value = field->default_text ? field->default_text : field->required ? "required" : "";
    int rc = mtr_buffer_printf(out, "| `%s` | %s | %s%s%s | ", name, type_name(field), tick, value, tick);
    if (!rc) rc = write_range(field, out);
    if (!rc) rc = mtr_buffer_printf(out, " | %s |\n", field->doc ? field->doc : "");
    return rc;
}

int mtr_schema_write_reference(const struct mtr_field *fields, const char *prefix, struct mtr_buffer *out)
{
    int rc = MTR_OK;
    for (const struct mtr_field *next = fields; !rc && next->name; next++) {
        const struct mtr_field *field = mtr_field_row(next);
        char name[128];
        snprintf(name, sizeof(name), "%s%s%s", prefix, *prefix ? "." : "", field->name);
        if (field->type != MTR_FIELD_MAP || field->choices) rc = write_row(field, name, out);
        if (field->type == MTR_FIELD_LIST || field->type == MTR_FIELD_NAMED) {
            size_t size = strlen(name);
            snprintf(name + size, sizeof(name) - size, "%s", field->type == MTR_FIELD_LIST ? "[]" : ".NAME");
        }
        if (!rc && field->fields) rc = mtr_schema_write_reference(field->fields, name, out);
    }
    return rc;
}
