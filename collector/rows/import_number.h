/*
 * The number of a cell, as it was published: before `scale` and `round`.
 */
#ifndef METERD_COLLECTOR_ROWS_IMPORT_NUMBER_H
#define METERD_COLLECTOR_ROWS_IMPORT_NUMBER_H

#include "meterd/core/decimal.h"
#include "meterd/source/import_map.h"

/* With the value's decimal sign: more than one of it, or a point where the sign is another, is no number.
 * Errors as of mtr_decimal_parse. */
int import_number_read(const struct mtr_import_value *value, struct mtr_str text,
                       struct mtr_decimal *out) MTR_MUST_USE;

#endif
