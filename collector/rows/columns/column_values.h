/*
 * Which columns of the map have a value in the rows of a reading: a column may stand in each row, and be null
 * or empty in all of them, and what is priced by it would have another price.
 *
 *   text        "+?-"      a letter for each column of the map: '+' a value in every row, '?' in some,
 *                          '-' in none
 */
#ifndef METERD_COLLECTOR_ROWS_COLUMNS_COLUMN_VALUES_H
#define METERD_COLLECTOR_ROWS_COLUMNS_COLUMN_VALUES_H

#include <stdint.h>

#include "meterd/collector/record_reader.h"
#include "meterd/core/buffer.h"

struct column_values {
    uint64_t rows, valued[MTR_RECORD_COLUMNS_MAX]; /* rows with a value of the column */
    uint32_t count;                                /* columns */
};

/* A row: the cells of the map's columns. */
void column_values_note(struct column_values *values, const struct mtr_str *cells, uint32_t count);
/* Nothing where there was no row. Errors of the buffer. */
int column_values_write(const struct column_values *values, struct mtr_buffer *out) MTR_MUST_USE;
/* The first column of which every row had a value, and none has one now; -1: there is none. */
int32_t column_values_gone(struct mtr_str before, struct mtr_str now);
/* Both: one that is gone is expected still. Errors of the buffer. */
int column_values_merge(struct mtr_str before, struct mtr_str now, struct mtr_buffer *out) MTR_MUST_USE;

#endif
