/*
 * JSON: one document, whose rows stand where `rows` of the format says.
 */
#include "collector/rows/json_document.h"

static const struct json_dialect dialect = {.column_path = NULL};

static int json_open(struct record_out *out, void **state, const char **fault)
{
    return json_document_open(&dialect, out, state, fault);
}

const struct record_format record_format_json = {json_open, json_document_close, json_document_read,
                                                 json_document_end};
