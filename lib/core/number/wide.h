/*
 * Unsigned 384-bit numbers: room for a 255-bit sum times a 127-bit factor, so that decimal.h can multiply
 * first and divide once. Signs are kept beside them by the callers. Private to lib/core.
 */
#ifndef METERD_LIB_CORE_NUMBER_WIDE_H
#define METERD_LIB_CORE_NUMBER_WIDE_H

#include <stdbool.h>
#include <stdint.h>

#include "meterd/core/decimal.h"

enum { MTR_WIDE_LIMBS = 6, MTR_POWER10_MAX = 38 };

struct mtr_wide {
    uint64_t limb[MTR_WIDE_LIMBS]; /* least significant first */
};

/* What a division left over, seen as a fraction of the divisor. Enough to round by any mode, and it
 * survives a second division. */
enum mtr_fraction { MTR_FRACTION_ZERO, MTR_FRACTION_BELOW_HALF, MTR_FRACTION_HALF, MTR_FRACTION_ABOVE_HALF };

mtr_uint128 wide_power10(unsigned exponent); /* 0…38 */
mtr_uint128 wide_magnitude(mtr_int128 value);

struct mtr_wide wide_from_u128(mtr_uint128 value);
bool wide_is_zero(const struct mtr_wide *value);
bool wide_multiply(struct mtr_wide *value, mtr_uint128 factor) MTR_MUST_USE; /* false: more than 384 bits */
mtr_uint128 wide_divide(struct mtr_wide *value, mtr_uint128 divisor); /* returns the remainder; divisor > 0 */

/* Divide and classify the remainder. `before` is the fraction left by an earlier division of the same
 * number: dividing by a and then by b rounds as dividing by a × b once. A divisor after a non-zero
 * `before` must be 1 or even. */
enum mtr_fraction wide_divide_fraction(struct mtr_wide *value, mtr_uint128 divisor, enum mtr_fraction before);

/* The remainder of a division as a fraction of its divisor; and whether the mode asks for one more then. */
enum mtr_fraction wide_fraction(mtr_uint128 remainder, mtr_uint128 divisor);
bool wide_rounds_away(bool odd, bool negative, enum mtr_fraction fraction, enum mtr_rounding mode);

/* Adds one where the mode asks for it. The value stays far below 384 bits in every use (asserted). */
void wide_round(struct mtr_wide *value, bool negative, enum mtr_fraction fraction, enum mtr_rounding mode);

/* ±value, or MTR_EOVERFLOW. */
int wide_to_i128(const struct mtr_wide *value, bool negative, mtr_int128 *out) MTR_MUST_USE;

#endif
