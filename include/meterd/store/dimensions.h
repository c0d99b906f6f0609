/*
 * The order of dimensions, and ranges in it.
 *
 * Dimensions are values, each ended by 0x1F. Stores keep them in the order of their bytes. The lines of a
 * bill are in another order, that of the texts that tell them ("region=eu,host=a"): a value ends before a
 * comma, or before nothing where it is the last, and a comma, '=' or '\' in it stands behind a '\'. So
 * "eu west" comes before "eu" where other values follow, and commas come behind capital letters. Which lines
 * a cap cuts, and which draw units first, goes by that order.
 *
 * A range is of lines. Who walks a store for it takes its rows in the order of bytes, and passes over those
 * that lie outside:
 *
 *   from mtr_dimensions_range_first on: holds? take it : from mtr_dimensions_range_next on
 *
 * Pure.
 */
#ifndef METERD_STORE_DIMENSIONS_H
#define METERD_STORE_DIMENSIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "meterd/core/error.h"
#include "meterd/core/limits.h"
#include "meterd/core/str.h"

/* [from, until), in the order of lines. */
struct mtr_dimensions_range {
    struct mtr_str from;
    bool has_until; /* false: all from there on */
    struct mtr_str until;
};

/* Some values of a row: all that its line has, or the first of them, of which others stand elsewhere. */
struct mtr_dimensions_values {
    struct mtr_str text;
    bool has_more;
};

/* Of two lines: < 0, 0, > 0. */
int mtr_dimensions_compare(struct mtr_str a, struct mtr_str b);
bool mtr_dimensions_range_holds(const struct mtr_dimensions_range *range, struct mtr_str dimensions);
/* Does a line of these values lie before the range (< 0), behind it (> 0), or may it lie within (0)? */
int mtr_dimensions_range_compare(const struct mtr_dimensions_range *range,
                                 const struct mtr_dimensions_values *values);

/* The least bytes, of at most so many values, with which a line of the range may begin. */
enum { MTR_DIMENSIONS_NEXT_BYTES = MTR_DIMENSIONS_BYTES_MAX + 64 }; /* of stored lines, too */
struct mtr_str mtr_dimensions_range_first(const struct mtr_dimensions_range *range, uint32_t count,
                                          char bytes[MTR_DIMENSIONS_NEXT_BYTES]);
/* The same behind all that begins with `values`, which lie outside of the range. False: none do. */
bool mtr_dimensions_range_next(const struct mtr_dimensions_range *range,
                               const struct mtr_dimensions_values *values, uint32_t count,
                               char bytes[MTR_DIMENSIONS_NEXT_BYTES], struct mtr_str *next) MTR_MUST_USE;

#endif
