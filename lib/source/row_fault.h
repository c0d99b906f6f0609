/*
 * What is wrong with a mapping or a format: each at its node, MTR_EINVALID.
 */
#ifndef METERD_LIB_SOURCE_ROW_FAULT_H
#define METERD_LIB_SOURCE_ROW_FAULT_H

#include <stdbool.h>

#include "meterd/source/row_format.h"

int row_fault(const struct mtr_node *node, struct mtr_diagnostic *diagnostic, const char *what);
/* What is none of the words that are known here, which end with NULL: says which are, and the nearest. */
int row_fault_of_word(const struct mtr_node *node, const char *what, struct mtr_str word,
                      const char *const *known, struct mtr_diagnostic *diagnostic);
int row_fault_of_key(const struct mtr_node *node, const char *const *known,
                     struct mtr_diagnostic *diagnostic);
bool row_is_known(struct mtr_str word, const char *const *known);
/* MTR_EINVALID when the map has a key that is not known. */
int row_check_keys(const struct mtr_node *map, const char *const *known,
                   struct mtr_diagnostic *diagnostic) MTR_MUST_USE;
/* `delimiter`, which a mapping may have at its top as well. */
int row_delimiter_parse(const struct mtr_node *node, struct mtr_row_format *out,
                        struct mtr_diagnostic *diagnostic) MTR_MUST_USE;

#endif
