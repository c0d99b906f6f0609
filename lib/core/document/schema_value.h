/*
 * One scalar of a document checked against its row and decoded. Private to lib/core.
 */
#ifndef METERD_LIB_CORE_DOCUMENT_SCHEMA_VALUE_H
#define METERD_LIB_CORE_DOCUMENT_SCHEMA_VALUE_H

#include "meterd/core/schema.h"

struct mtr_schema_context {
    struct mtr_arena *arena;
    struct mtr_diagnostics *findings;
    char path[MTR_FINDING_FIELD_BYTES]; /* dotted path of the value being decoded */
    size_t path_size;
};

/* Reports a finding at a place, under the current path. Returns MTR_EINVALID. */
int schema_fail(struct mtr_schema_context *context, enum mtr_finding_code code, uint32_t line,
                uint32_t column, const char *format, ...) MTR_PRINTF(5, 6);

/* Every type but MAP, LIST, TEXTS, LABELS, NAMED, NODE and ROW. */
int schema_decode_scalar(struct mtr_schema_context *context, const struct mtr_field *field,
                         const struct mtr_node *node, void *member);

/* Which of its choices a text is. */
int schema_decode_choice(struct mtr_schema_context *context, const struct mtr_field *field,
                         const struct mtr_node *node, int *out);

/* A text of any scalar, as written; anything else is a finding that says `expected`. */
int schema_decode_text_node(struct mtr_schema_context *context, const struct mtr_node *node,
                            const char *expected, struct mtr_str *out);

bool schema_has_bounds(const struct mtr_field *field);
/* Bounds of a row in its own unit: "1…65535", "1s…1h"; empty without. */
void schema_format_range(const struct mtr_field *field, char text[72]);

#endif
