/*
 * The table of curves, in the order in which they are listed to people. A row is the key that a curve is
 * written under; its file curve/<key>.c ends with `const struct tariff_curve tariff_curve_<key>`. The schema
 * of components and of the rows of a matrix, and the arrays of table.c and of_lines.c, are made of it.
 * Private to lib/tariff.
 */
#ifndef METERD_LIB_TARIFF_CURVE_TABLE_H
#define METERD_LIB_TARIFF_CURVE_TABLE_H

#include "meterd/core/schema.h"

/* Of the use of one line: these may stand in a row of a matrix. */
#define TARIFF_CURVES_OF_LINES(ROW)                                                                          \
    ROW(per_unit)                                                                                            \
    ROW(graduated)                                                                                           \
    ROW(volume)                                                                                              \
    ROW(package)                                                                                             \
    ROW(percentage)                                                                                          \
    ROW(graduated_percentage)                                                                                \
    ROW(dynamic)                                                                                             \
    ROW(stairstep)                                                                                           \
    ROW(blocks)                                                                                              \
    ROW(increments)
#define TARIFF_CURVES(ROW)                                                                                   \
    TARIFF_CURVES_OF_LINES(ROW)                                                                              \
    ROW(capacity)                                                                                            \
    ROW(matrix)                                                                                              \
    ROW(recurring)

#define TARIFF_CURVE_INDEX(key) tariff_index_##key,
enum { TARIFF_CURVES(TARIFF_CURVE_INDEX) TARIFF_CURVE_COUNT };
#define TARIFF_ONE_MORE(key) +1
enum { TARIFF_CURVE_OF_LINES_COUNT = 0 TARIFF_CURVES_OF_LINES(TARIFF_ONE_MORE) };

/* A row of the schema for the curve of that key, in maps that are decoded into struct `holder`: its member
 * `curves` points by index to what each curve's own row decoded. */
#define TARIFF_CURVE_ROW(holder, key)                                                                        \
    {.name = #key, .type = MTR_FIELD_ROW, .row = &tariff_curve_##key.row,                                    \
     .offset = offsetof(struct holder, curves) + tariff_index_##key * sizeof(void *)}

#endif
