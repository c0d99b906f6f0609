/*
 * Exact decimal numbers: what usage and money are made of. No binary floating point anywhere.
 *
 *   mtr_decimal    what somebody wrote: mantissa × 10^-scale, up to 38 digits, scale 0…38
 *   mtr_quantity   usage, signed 128-bit integer of 10^-12:
 *                  up to ±170141183460469231731687303.715884105727
 *   mtr_money      unit prices and amounts, 128-bit of 10^-18:
 *                  up to ±170141183460469231731.687303715884105727
 *   mtr_exact      sums of quantity × price, 256-bit of 10^-30: nothing is rounded until the tariff says so
 *
 * Text with more digits than the type holds is MTR_EPRECISION, a number out of range MTR_EOVERFLOW; neither
 * is ever rounded or clamped. All functions are pure and thread-safe. Outputs are written only on success.
 */
#ifndef METERD_CORE_DECIMAL_H
#define METERD_CORE_DECIMAL_H

#include <stdbool.h>
#include <stdint.h>

#include "meterd/core/buffer.h"
#include "meterd/core/error.h"
#include "meterd/core/str.h"

__extension__ typedef __int128 mtr_int128;
__extension__ typedef unsigned __int128 mtr_uint128;

/* The ranges, for people. */
#define MTR_QUANTITY_MAX_TEXT "1.7 × 10^26"
#define MTR_MONEY_MAX_TEXT "1.7 × 10^20"

enum { MTR_QUANTITY_DIGITS = 12, MTR_MONEY_DIGITS = 18, MTR_EXACT_DIGITS = 30, MTR_DECIMAL_DIGITS_MAX = 38 };
/* Longest canonical text of any of them, with sign, point and NUL. */
enum { MTR_DECIMAL_TEXT_BYTES = 96 };

struct mtr_decimal {
    mtr_int128 mantissa;
    uint8_t scale; /* value = mantissa × 10^-scale */
};

struct mtr_quantity {
    mtr_int128 e12; /* 10^-12 */
};

/* A whole number of units, MTR_QUANTITY(1); and a length of time in seconds. */
#define MTR_QUANTITY(whole) ((struct mtr_quantity){(mtr_int128)(whole) * 1000000000000})
#define MTR_QUANTITY_OF_US(us) ((struct mtr_quantity){(mtr_int128)(us) * 1000000})

struct mtr_money {
    mtr_int128 e18; /* 10^-18 */
};

struct mtr_exact {
    uint64_t limb[4]; /* two's complement, least significant first, of 10^-30 */
};

/* Names of the tariff documents: half_even, half_up (ties away from zero), up (away from zero), down
 * (towards zero), ceiling (towards +infinity), floor (towards -infinity). */
enum mtr_rounding {
    MTR_ROUND_HALF_EVEN,
    MTR_ROUND_HALF_UP,
    MTR_ROUND_UP,
    MTR_ROUND_DOWN,
    MTR_ROUND_CEILING,
    MTR_ROUND_FLOOR
};

const char *mtr_rounding_name(enum mtr_rounding mode);

/* JSON number grammar (RFC 8259 §6) plus an optional leading '+'-less sign; exponents are applied exactly
 * ("1.5e3" is 1500). Canonical result: no trailing zeros in the fraction (1.50 is mantissa 15, scale 1),
 * zero is 0 scale 0. Errors: MTR_EINVALID not a number ("", "NaN", "1,5", "0x1", " 1"), MTR_EPRECISION,
 * MTR_EOVERFLOW. */
int mtr_decimal_parse(struct mtr_str text, struct mtr_decimal *out) MTR_MUST_USE;
int mtr_decimal_format(struct mtr_decimal value, char text[MTR_DECIMAL_TEXT_BYTES]); /* returns the length */

/* What to say of a text that is no number: it is quoted, and what to write instead is told where people's
 * ways to write numbers are recognized, as in "`$1,50` is no number: write 1.50 (a decimal point, no
 * currency)". For any text. */
enum { MTR_NUMBER_FAULT_BYTES = 320 };
void mtr_number_fault(struct mtr_str text, char out[MTR_NUMBER_FAULT_BYTES]);
/* The same where something is multiplied: 120 % is 1.2 there, and not 120. */
void mtr_factor_fault(struct mtr_str text, char out[MTR_NUMBER_FAULT_BYTES]);
/* a × b, exactly: MTR_EPRECISION when that has more than 38 digits. */
int mtr_decimal_multiply(struct mtr_decimal a, struct mtr_decimal b, struct mtr_decimal *out) MTR_MUST_USE;
/* a + b, exactly: the same error. */
int mtr_decimal_add(struct mtr_decimal a, struct mtr_decimal b, struct mtr_decimal *out) MTR_MUST_USE;
/* To at most so many digits behind the point. */
struct mtr_decimal mtr_decimal_round(struct mtr_decimal value, unsigned digits, enum mtr_rounding mode);
/* By value: <0, 0, >0. */
int mtr_decimal_compare(struct mtr_decimal a, struct mtr_decimal b);
int mtr_quantity_from_decimal(struct mtr_decimal value, struct mtr_quantity *out) MTR_MUST_USE;
/* value × factor, exactly: MTR_EPRECISION when that has more digits, MTR_EOVERFLOW when it is too large. */
int mtr_quantity_from_product(struct mtr_decimal value, struct mtr_quantity factor,
                              struct mtr_quantity *out) MTR_MUST_USE;

int mtr_quantity_parse(struct mtr_str text, struct mtr_quantity *out) MTR_MUST_USE;
int mtr_money_parse(struct mtr_str text, struct mtr_money *out) MTR_MUST_USE;
/* Canonical text: no exponent, no trailing zeros, no "-0". Return the length without the NUL. */
int mtr_quantity_format(struct mtr_quantity value, char text[MTR_DECIMAL_TEXT_BYTES]);
int mtr_money_format(struct mtr_money value, char text[MTR_DECIMAL_TEXT_BYTES]);
/* At least digits_min fraction digits, for money on a bill: 5 with 2 is "5.00", 5.125 stays "5.125". */
int mtr_money_format_min(struct mtr_money value, unsigned digits_min, char text[MTR_DECIMAL_TEXT_BYTES]);
int mtr_exact_format(struct mtr_exact value, char text[MTR_DECIMAL_TEXT_BYTES]);

int mtr_quantity_add(struct mtr_quantity a, struct mtr_quantity b, struct mtr_quantity *out) MTR_MUST_USE;
int mtr_quantity_sub(struct mtr_quantity a, struct mtr_quantity b, struct mtr_quantity *out) MTR_MUST_USE;
int mtr_quantity_compare(struct mtr_quantity a, struct mtr_quantity b); /* <0, 0, >0 */
/* value × numerator ÷ denominator, rounded once to `digits` (0…12) fraction digits. Denominator 0 is
 * MTR_EINVALID. */
int mtr_quantity_scale(struct mtr_quantity value, struct mtr_quantity numerator,
                       struct mtr_quantity denominator, unsigned digits, enum mtr_rounding mode,
                       struct mtr_quantity *out) MTR_MUST_USE;
/* How many blocks of `size` (> 0) hold value, as a whole number rounded by mode: 21 in blocks of 10 is 3
 * with UP. */
int mtr_quantity_blocks(struct mtr_quantity value, struct mtr_quantity size, enum mtr_rounding mode,
                        struct mtr_quantity *out) MTR_MUST_USE;

int mtr_money_add(struct mtr_money a, struct mtr_money b, struct mtr_money *out) MTR_MUST_USE;
int mtr_money_sub(struct mtr_money a, struct mtr_money b, struct mtr_money *out) MTR_MUST_USE;
int mtr_money_compare(struct mtr_money a, struct mtr_money b);
/* Digits 0…18. */
int mtr_money_round(struct mtr_money value, unsigned digits, enum mtr_rounding mode,
                    struct mtr_money *out) MTR_MUST_USE;

/* Exact arithmetic: products and sums of 10^-30. Errors: MTR_EOVERFLOW. */
struct mtr_exact mtr_exact_zero(void);
struct mtr_exact mtr_exact_from_money(struct mtr_money value);
struct mtr_exact mtr_exact_product(struct mtr_quantity quantity, struct mtr_money price);
int mtr_exact_add(struct mtr_exact a, struct mtr_exact b, struct mtr_exact *out) MTR_MUST_USE;
int mtr_exact_sub(struct mtr_exact a, struct mtr_exact b, struct mtr_exact *out) MTR_MUST_USE;
int mtr_exact_compare(struct mtr_exact a, struct mtr_exact b);
/* value × numerator ÷ denominator (both of 10^-12), rounded once to 10^-30 by mode. */
int mtr_exact_scale(struct mtr_exact value, struct mtr_quantity numerator, struct mtr_quantity denominator,
                    enum mtr_rounding mode, struct mtr_exact *out) MTR_MUST_USE;
/* value × price × numerator ÷ denominator (whole numbers > 0), rounded once to 10^-30 by mode. */
int mtr_exact_scale_money(struct mtr_exact value, struct mtr_money price, mtr_int128 numerator,
                          mtr_int128 denominator, enum mtr_rounding mode, struct mtr_exact *out) MTR_MUST_USE;
/* value ÷ divisor (> 0), rounded once to a quantity. */
int mtr_exact_divide(struct mtr_exact value, int64_t divisor, enum mtr_rounding mode,
                     struct mtr_quantity *out) MTR_MUST_USE;
/* To a whole multiple of `step` (> 0), as 0.05. */
int mtr_exact_round_step(struct mtr_exact value, struct mtr_money step, enum mtr_rounding mode,
                         struct mtr_money *out) MTR_MUST_USE;
/* To money of `digits` (0…18) fraction digits. When residue is not NULL it gets value − result, exactly. */
int mtr_exact_round(struct mtr_exact value, unsigned digits, enum mtr_rounding mode, struct mtr_money *out,
                    struct mtr_exact *residue) MTR_MUST_USE;

#endif
