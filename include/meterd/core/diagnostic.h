/*
 * What is wrong with somebody's input, and where: one plain sentence that says what to do, and its code
 * (finding_codes.h), which says how severe it is.
 *
 * Validators fill it; whoever answers the person prints it. `file:line:column: error: field: text [code]` for
 * documents, `field: text (at byte N)` for requests. A diagnostic owns its text; copying the struct copies
 * it.
 */
#ifndef METERD_CORE_DIAGNOSTIC_H
#define METERD_CORE_DIAGNOSTIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "meterd/core/buffer.h"
#include "meterd/core/error.h"
#include "meterd/core/finding_codes.h"

/* Room for the longest sentence with three keys of 64 bytes, a list of choices and an advice, and for a path
 * through two names of that length. What somebody wrote is quoted by MTR_STR_QUOTED, so that nothing has to
 * be cut; a sentence that is too long all the same ends with "…". */
enum { MTR_FINDING_FIELD_BYTES = 240, MTR_FINDING_TEXT_BYTES = 1000 };

struct mtr_diagnostic {
    enum mtr_finding_code code;
    enum mtr_severity severity; /* that of the code */
    uint32_t line;      /* from 1; 0 where there are no lines */
    uint32_t column;    /* from 1, in bytes; 0 where there are no lines */
    uint64_t offset;    /* byte offset in the input */
    /* Path of the field at fault: "data.bytes", "tiers[2].up_to"; may be empty. */
    char field[MTR_FINDING_FIELD_BYTES];
    char text[MTR_FINDING_TEXT_BYTES]; /* the sentence */
};

/* A code that is none asserts, as it does below. */
void mtr_diagnostic_set(struct mtr_diagnostic *diagnostic, enum mtr_finding_code code, uint32_t line,
                        uint32_t column, const char *field, const char *format, ...) MTR_PRINTF(6, 7);

/* Several findings about one input, at most count_max kept; `dropped` counts the rest. */
struct mtr_diagnostics {
    struct mtr_diagnostic *items;
    size_t count;
    size_t count_max;
    size_t dropped;
    size_t errors; /* how many of all of them, dropped ones included, are errors */
};

void mtr_diagnostics_init(struct mtr_diagnostics *list, size_t count_max);
void mtr_diagnostics_release(struct mtr_diagnostics *list);
/* What is added now is counted, and dropped. */
static inline bool mtr_diagnostics_is_full(const struct mtr_diagnostics *list)
{
    return list->count == list->count_max;
}
/* Of a full list: counts one more, and true; so that nobody words what nobody reads. */
bool mtr_diagnostics_drop(struct mtr_diagnostics *list, enum mtr_finding_code code);
/* The same finding at the same place of a text is kept once. */
void mtr_diagnostics_add(struct mtr_diagnostics *list, const struct mtr_diagnostic *diagnostic);
void mtr_diagnostics_addf(struct mtr_diagnostics *list, enum mtr_finding_code code, uint32_t line,
                          uint32_t column, const char *field, const char *format, ...) MTR_PRINTF(6, 7);

const char *mtr_severity_name(enum mtr_severity severity); /* "error", "warning" */
/* "catalog.yaml:12:5: error: text [code]\n"; without a line the name alone. */
int mtr_diagnostic_write(struct mtr_buffer *out, const char *input_name,
                         const struct mtr_diagnostic *diagnostic) MTR_MUST_USE;

struct mtr_json_writer;
struct mtr_shape;
/* The findings as a JSON list of {code, severity, line, column, field, text}. */
extern const struct mtr_shape mtr_finding_shape;
const char *mtr_finding_code_choice(unsigned index); /* the codes, as choices of a member; NULL at the end */
void mtr_json_findings(struct mtr_json_writer *json, const struct mtr_diagnostics *findings);

#endif
