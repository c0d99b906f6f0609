/*
 * Fixed-point quantities and money: sums, comparisons, and one-division rounding, scaling and proration.
 *
 * Sign and magnitude are split before wide arithmetic and joined after it, so every mode treats both signs by
 * its own rule. Text is in decimal_text.c, sums of products in exact.c. Pure; no state.
 */
#include "meterd/core/decimal.h"

#include "lib/core/number/wide.h"

static const char *const rounding_names[] = {
    [MTR_ROUND_HALF_EVEN] = "half_even", [MTR_ROUND_HALF_UP] = "half_up", [MTR_ROUND_UP] = "up",
    [MTR_ROUND_DOWN] = "down",           [MTR_ROUND_CEILING] = "ceiling", [MTR_ROUND_FLOOR] = "floor",
};
enum { ROUNDING_COUNT = sizeof(rounding_names) / sizeof(rounding_names[0]) };

const char *mtr_rounding_name(enum mtr_rounding mode)
{
    MTR_ASSERT((unsigned)mode < ROUNDING_COUNT);
    return rounding_names[mode];
}

/* value × numerator ÷ denominator, rounded once to a multiple of `unit` (a power of ten). */
static int scale_fixed(mtr_int128 value, mtr_int128 numerator, mtr_int128 denominator, mtr_uint128 unit,
                       enum mtr_rounding mode, mtr_int128 *out)
{
    if (denominator == 0) return MTR_EINVALID;
    bool negative = (value < 0) ^ (numerator < 0) ^ (denominator < 0);
    struct mtr_wide wide = wide_from_u128(wide_magnitude(value));
    bool fits = wide_multiply(&wide, wide_magnitude(numerator));
    MTR_ASSERT(fits); /* 128 + 128 bits */
    enum mtr_fraction fraction =
        wide_divide_fraction(&wide, wide_magnitude(denominator), MTR_FRACTION_ZERO);
    fraction = wide_divide_fraction(&wide, unit, fraction);
    wide_round(&wide, negative, fraction, mode);
    fits = wide_multiply(&wide, unit);
    MTR_ASSERT(fits); /* 256 + 60 bits */
    return wide_to_i128(&wide, negative, out);
}

static int round_fixed(mtr_int128 value, mtr_uint128 unit, enum mtr_rounding mode, mtr_int128 *out)
{
    return scale_fixed(value, 1, 1, unit, mode, out);
}

static int compare_fixed(mtr_int128 a, mtr_int128 b)
{
    return (a > b) - (a < b);
}

/* What stands behind the point is brought to 38 digits, which 128 bits hold. */
int mtr_decimal_compare(struct mtr_decimal a, struct mtr_decimal b)
{
    const mtr_int128 a_unit = (mtr_int128)wide_power10(a.scale), b_unit = (mtr_int128)wide_power10(b.scale);
    const int order = compare_fixed(a.mantissa / a_unit, b.mantissa / b_unit);
    if (order) return order;
    return compare_fixed(a.mantissa % a_unit * (mtr_int128)wide_power10(MTR_DECIMAL_DIGITS_MAX - a.scale),
                         b.mantissa % b_unit * (mtr_int128)wide_power10(MTR_DECIMAL_DIGITS_MAX - b.scale));
}

/* No zeros at the end of a fraction. */
static struct mtr_decimal canonical(mtr_int128 mantissa, unsigned scale)
{
    while (scale > 0 && mantissa % 10 == 0) {
        mantissa /= 10;
        scale--;
    }
    return (struct mtr_decimal){mantissa, (uint8_t)scale};
}

int mtr_decimal_multiply(struct mtr_decimal a, struct mtr_decimal b, struct mtr_decimal *out)
{
    mtr_int128 mantissa;
    const mtr_uint128 most = wide_power10(MTR_DECIMAL_DIGITS_MAX) - 1;
    if (__builtin_mul_overflow(a.mantissa, b.mantissa, &mantissa)) return MTR_EPRECISION;
    const struct mtr_decimal product = canonical(mantissa, (unsigned)a.scale + b.scale);
    if (product.scale > MTR_DECIMAL_DIGITS_MAX || wide_magnitude(product.mantissa) > most)
        return MTR_EPRECISION;
    *out = product;
    return MTR_OK;
}

int mtr_decimal_add(struct mtr_decimal a, struct mtr_decimal b, struct mtr_decimal *out)
{
    const mtr_uint128 most = wide_power10(MTR_DECIMAL_DIGITS_MAX) - 1;
    struct mtr_decimal *coarse = a.scale < b.scale ? &a : &b;
    const unsigned scale = a.scale < b.scale ? b.scale : a.scale;
    mtr_int128 sum;
    if (coarse->scale < scale) {
        const mtr_int128 factor = (mtr_int128)wide_power10(scale - coarse->scale);
        if (__builtin_mul_overflow(coarse->mantissa, factor, &coarse->mantissa)) return MTR_EPRECISION;
    }
    if (__builtin_add_overflow(a.mantissa, b.mantissa, &sum)) return MTR_EPRECISION;
    const struct mtr_decimal result = canonical(sum, scale);
    if (wide_magnitude(result.mantissa) > most) return MTR_EPRECISION;
    *out = result;
    return MTR_OK;
}

struct mtr_decimal mtr_decimal_round(struct mtr_decimal value, unsigned digits, enum mtr_rounding mode)
{
    if (value.scale <= digits) return value;
    const bool negative = value.mantissa < 0;
    const mtr_uint128 unit = wide_power10(value.scale - digits), magnitude = wide_magnitude(value.mantissa);
    const enum mtr_fraction fraction = wide_fraction(magnitude % unit, unit);
    mtr_int128 whole = (mtr_int128)(magnitude / unit);
    whole += wide_rounds_away(whole & 1, negative, fraction, mode);
    return canonical(negative ? -whole : whole, digits);
}

int mtr_quantity_from_product(struct mtr_decimal value, struct mtr_quantity factor, struct mtr_quantity *out)
{
    const bool negative = (value.mantissa < 0) ^ (factor.e12 < 0);
    struct mtr_wide wide = wide_from_u128(wide_magnitude(value.mantissa));
    struct mtr_quantity whole;
    bool fits = wide_multiply(&wide, wide_magnitude(factor.e12));
    MTR_ASSERT(fits); /* 128 + 128 bits */
    const mtr_uint128 rest = wide_divide(&wide, wide_power10(value.scale));
    int rc = wide_to_i128(&wide, negative, &whole.e12);
    if (!rc && rest) rc = MTR_EPRECISION;
    if (!rc) *out = whole;
    return rc;
}

int mtr_quantity_add(struct mtr_quantity a, struct mtr_quantity b, struct mtr_quantity *out)
{
    mtr_int128 sum;
    if (__builtin_add_overflow(a.e12, b.e12, &sum)) return MTR_EOVERFLOW;
    out->e12 = sum;
    return MTR_OK;
}

int mtr_quantity_sub(struct mtr_quantity a, struct mtr_quantity b, struct mtr_quantity *out)
{
    mtr_int128 difference;
    if (__builtin_sub_overflow(a.e12, b.e12, &difference)) return MTR_EOVERFLOW;
    out->e12 = difference;
    return MTR_OK;
}

int mtr_quantity_compare(struct mtr_quantity a, struct mtr_quantity b)
{
    return compare_fixed(a.e12, b.e12);
}

int mtr_quantity_scale(struct mtr_quantity value, struct mtr_quantity numerator,
                       struct mtr_quantity denominator, unsigned digits, enum mtr_rounding mode,
                       struct mtr_quantity *out)
{
    MTR_ASSERT(digits <= MTR_QUANTITY_DIGITS);
    return scale_fixed(value.e12, numerator.e12, denominator.e12, wide_power10(MTR_QUANTITY_DIGITS - digits),
                       mode, &out->e12);
}

int mtr_quantity_blocks(struct mtr_quantity value, struct mtr_quantity size, enum mtr_rounding mode,
                        struct mtr_quantity *out)
{
    MTR_ASSERT(size.e12 > 0);
    mtr_int128 one = (mtr_int128)wide_power10(MTR_QUANTITY_DIGITS);
    return scale_fixed(value.e12, one, size.e12, (mtr_uint128)one, mode, &out->e12);
}

int mtr_money_add(struct mtr_money a, struct mtr_money b, struct mtr_money *out)
{
    mtr_int128 sum;
    if (__builtin_add_overflow(a.e18, b.e18, &sum)) return MTR_EOVERFLOW;
    out->e18 = sum;
    return MTR_OK;
}

int mtr_money_sub(struct mtr_money a, struct mtr_money b, struct mtr_money *out)
{
    mtr_int128 difference;
    if (__builtin_sub_overflow(a.e18, b.e18, &difference)) return MTR_EOVERFLOW;
    out->e18 = difference;
    return MTR_OK;
}

int mtr_money_compare(struct mtr_money a, struct mtr_money b)
{
    return compare_fixed(a.e18, b.e18);
}

int mtr_money_round(struct mtr_money value, unsigned digits, enum mtr_rounding mode, struct mtr_money *out)
{
    MTR_ASSERT(digits <= MTR_MONEY_DIGITS);
    return round_fixed(value.e18, wide_power10(MTR_MONEY_DIGITS - digits), mode, &out->e18);
}
