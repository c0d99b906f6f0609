/*
 * The dimensions of a line as one text, "region=eu,sku=x": names and values of its component's group_by, in
 * that order. A comma, '=' or '\' in a value has a '\' before it. So lines are told apart and kept; whoever
 * reads JSON has a map.
 *
 * Pure: any thread.
 */
#ifndef METERD_TARIFF_LINE_DIMENSIONS_H
#define METERD_TARIFF_LINE_DIMENSIONS_H

#include <stdbool.h>

#include "meterd/core/json_writer.h"

enum { MTR_LINE_DIMENSIONS_TEXT_BYTES_MAX = 1 << 14 };

/* One name and value. *rest starts as the whole text; false at its end. The value goes into `value`, which
 * has at least as many bytes as the text. */
bool mtr_line_dimensions_next(struct mtr_str *rest, struct mtr_str *name, char *value, size_t *value_size);

/* The text as the next value of json, a map of texts. */
void mtr_line_dimensions_write(struct mtr_json_writer *json, struct mtr_str dimensions);

#endif
