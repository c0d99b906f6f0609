/*
 * Exact sums of quantity × price: 256-bit two's complement of 10^-30, rounded once, at the end, where the
 * tariff says. Invariant: a product of the two 128-bit types always fits; sums report MTR_EOVERFLOW. Pure; no
 * state.
 */
#include "meterd/core/decimal.h"

#include "lib/core/number/wide.h"

enum { LIMBS = 4 };

static bool is_negative(const struct mtr_exact *value)
{
    return value->limb[LIMBS - 1] >> 63;
}

static struct mtr_exact negate(struct mtr_exact value)
{
    uint64_t carry = 1;
    for (unsigned i = 0; i < LIMBS; i++) {
        value.limb[i] = ~value.limb[i] + carry;
        carry = carry && value.limb[i] == 0;
    }
    return value;
}

static struct mtr_wide magnitude_of(struct mtr_exact value)
{
    struct mtr_wide wide = {{0}};
    if (is_negative(&value)) value = negate(value);
    for (unsigned i = 0; i < LIMBS; i++) wide.limb[i] = value.limb[i];
    return wide;
}

/* ±wide, or MTR_EOVERFLOW when it leaves [-2^255, 2^255). */
static int from_wide(const struct mtr_wide *wide, bool negative, struct mtr_exact *out)
{
    struct mtr_exact value;
    for (unsigned i = LIMBS; i < MTR_WIDE_LIMBS; i++)
        if (wide->limb[i]) return MTR_EOVERFLOW;
    for (unsigned i = 0; i < LIMBS; i++) value.limb[i] = wide->limb[i];
    if (negative) value = negate(value);
    if (is_negative(&value) != negative && !wide_is_zero(wide)) return MTR_EOVERFLOW;
    *out = value;
    return MTR_OK;
}

/* 128 × 128 bits, limb by limb; most numbers of a price have one. */
static struct mtr_exact product_of(mtr_int128 a, mtr_int128 b)
{
    const mtr_uint128 x = wide_magnitude(a), y = wide_magnitude(b);
    const uint64_t x0 = (uint64_t)x, x1 = (uint64_t)(x >> 64), y0 = (uint64_t)y, y1 = (uint64_t)(y >> 64);
    const mtr_uint128 low = (mtr_uint128)x0 * y0;
    struct mtr_exact product = {{(uint64_t)low, (uint64_t)(low >> 64)}};
    if (x1 || y1) {
        const mtr_uint128 cross = (mtr_uint128)x1 * y0, other = (mtr_uint128)x0 * y1,
                          high = (mtr_uint128)x1 * y1;
        mtr_uint128 sum = (low >> 64) + (uint64_t)cross + (uint64_t)other;
        product.limb[1] = (uint64_t)sum;
        sum = (sum >> 64) + (cross >> 64) + (other >> 64) + (uint64_t)high;
        product.limb[2] = (uint64_t)sum;
        product.limb[3] = (uint64_t)(sum >> 64) + (uint64_t)(high >> 64);
    }
    MTR_ASSERT(!is_negative(&product)); /* at most 2^254 */
    return (a < 0) != (b < 0) ? negate(product) : product;
}

struct mtr_exact mtr_exact_zero(void)
{
    return (struct mtr_exact){{0}};
}

struct mtr_exact mtr_exact_from_money(struct mtr_money value)
{
    return product_of(value.e18, (mtr_int128)wide_power10(MTR_EXACT_DIGITS - MTR_MONEY_DIGITS));
}

struct mtr_exact mtr_exact_product(struct mtr_quantity quantity, struct mtr_money price)
{
    return product_of(quantity.e12, price.e18);
}

/* The value as two halves of 128 bits, with which sums are quicker than limb by limb. */
struct halves {
    mtr_uint128 low;
    mtr_int128 high;
};

static struct halves halves_of(const struct mtr_exact *value)
{
    return (struct halves){(mtr_uint128)value->limb[1] << 64 | value->limb[0],
                           (mtr_int128)((mtr_uint128)value->limb[3] << 64 | value->limb[2])};
}

static struct mtr_exact from_halves(struct halves halves)
{
    const mtr_uint128 high = (mtr_uint128)halves.high;
    return (struct mtr_exact){
        {(uint64_t)halves.low, (uint64_t)(halves.low >> 64), (uint64_t)high, (uint64_t)(high >> 64)}};
}

int mtr_exact_add(struct mtr_exact a, struct mtr_exact b, struct mtr_exact *out)
{
    const struct halves x = halves_of(&a), y = halves_of(&b);
    struct halves sum;
    const bool carry = __builtin_add_overflow(x.low, y.low, &sum.low);
    const mtr_uint128 high = (mtr_uint128)x.high + (mtr_uint128)y.high + carry;
    sum.high = (mtr_int128)high;
    if ((x.high < 0) == (y.high < 0) && (sum.high < 0) != (x.high < 0)) return MTR_EOVERFLOW;
    *out = from_halves(sum);
    return MTR_OK;
}

int mtr_exact_sub(struct mtr_exact a, struct mtr_exact b, struct mtr_exact *out)
{
    const struct halves x = halves_of(&a), y = halves_of(&b);
    struct halves difference;
    const bool borrow = __builtin_sub_overflow(x.low, y.low, &difference.low);
    const mtr_uint128 high = (mtr_uint128)x.high - (mtr_uint128)y.high - borrow;
    difference.high = (mtr_int128)high;
    if ((x.high < 0) != (y.high < 0) && (difference.high < 0) != (x.high < 0)) return MTR_EOVERFLOW;
    *out = from_halves(difference);
    return MTR_OK;
}

int mtr_exact_compare(struct mtr_exact a, struct mtr_exact b)
{
    const struct halves x = halves_of(&a), y = halves_of(&b);
    if (x.high != y.high) return x.high < y.high ? -1 : 1;
    return (x.low > y.low) - (x.low < y.low);
}

int mtr_exact_scale(struct mtr_exact value, struct mtr_quantity numerator, struct mtr_quantity denominator,
                    enum mtr_rounding mode, struct mtr_exact *out)
{
    if (denominator.e12 == 0) return MTR_EINVALID;
    bool negative = is_negative(&value) ^ (numerator.e12 < 0) ^ (denominator.e12 < 0);
    struct mtr_wide wide = magnitude_of(value);
    bool fits = wide_multiply(&wide, wide_magnitude(numerator.e12));
    MTR_ASSERT(fits); /* 256 + 128 bits */
    enum mtr_fraction fraction =
        wide_divide_fraction(&wide, wide_magnitude(denominator.e12), MTR_FRACTION_ZERO);
    wide_round(&wide, negative, fraction, mode);
    return from_wide(&wide, negative, out);
}

int mtr_exact_scale_money(struct mtr_exact value, struct mtr_money price, mtr_int128 numerator,
                          mtr_int128 denominator, enum mtr_rounding mode, struct mtr_exact *out)
{
    MTR_ASSERT(numerator > 0 && denominator > 0);
    const bool negative = is_negative(&value) ^ (price.e18 < 0);
    struct mtr_wide wide = magnitude_of(value);
    if (!wide_multiply(&wide, wide_magnitude(price.e18)) ||
        !wide_multiply(&wide, wide_magnitude(numerator)))
        return MTR_EOVERFLOW;
    enum mtr_fraction fraction = wide_divide_fraction(&wide, wide_magnitude(denominator), MTR_FRACTION_ZERO);
    fraction = wide_divide_fraction(&wide, wide_power10(MTR_MONEY_DIGITS), fraction);
    wide_round(&wide, negative, fraction, mode);
    return from_wide(&wide, negative, out);
}

int mtr_exact_divide(struct mtr_exact value, int64_t divisor, enum mtr_rounding mode,
                     struct mtr_quantity *out)
{
    MTR_ASSERT(divisor > 0);
    bool negative = is_negative(&value);
    struct mtr_wide wide = magnitude_of(value);
    enum mtr_fraction fraction = wide_divide_fraction(&wide, (mtr_uint128)divisor, MTR_FRACTION_ZERO);
    fraction = wide_divide_fraction(&wide, wide_power10(MTR_EXACT_DIGITS - MTR_QUANTITY_DIGITS), fraction);
    wide_round(&wide, negative, fraction, mode);
    return wide_to_i128(&wide, negative, &out->e12);
}

int mtr_exact_round_step(struct mtr_exact value, struct mtr_money step, enum mtr_rounding mode,
                         struct mtr_money *out)
{
    MTR_ASSERT(step.e18 > 0);
    const bool negative = is_negative(&value);
    struct mtr_wide wide = magnitude_of(value);
    enum mtr_fraction fraction = wide_divide_fraction(&wide, wide_magnitude(step.e18), MTR_FRACTION_ZERO);
    fraction =
        wide_divide_fraction(&wide, wide_power10(MTR_EXACT_DIGITS - MTR_MONEY_DIGITS), fraction);
    wide_round(&wide, negative, fraction, mode);
    const bool fits = wide_multiply(&wide, wide_magnitude(step.e18));
    MTR_ASSERT(fits); /* 256 + 128 bits */
    return wide_to_i128(&wide, negative, &out->e18);
}

/* The magnitude where two limbs hold it (up to 340 million units of money), as nearly always. */
static bool is_short(struct mtr_exact value, mtr_uint128 *magnitude)
{
    if (is_negative(&value)) value = negate(value);
    *magnitude = (mtr_uint128)value.limb[1] << 64 | value.limb[0];
    return value.limb[2] == 0 && value.limb[3] == 0;
}

/* One division of two limbs. The result has no more digits than the value, so it fits. */
static struct mtr_money round_short(mtr_uint128 magnitude, bool negative, unsigned digits,
                                    enum mtr_rounding mode)
{
    const mtr_uint128 divisor = wide_power10(MTR_EXACT_DIGITS - digits);
    mtr_uint128 quotient = magnitude / divisor;
    const mtr_uint128 rest = magnitude - quotient * divisor;
    if (wide_rounds_away(quotient & 1, negative, wide_fraction(rest, divisor), mode)) quotient++;
    const mtr_int128 rounded = (mtr_int128)(quotient * wide_power10(MTR_MONEY_DIGITS - digits));
    return (struct mtr_money){negative ? -rounded : rounded};
}

static int round_long(struct mtr_exact value, unsigned digits, enum mtr_rounding mode, struct mtr_money *out)
{
    bool negative = is_negative(&value);
    struct mtr_wide wide = magnitude_of(value);
    unsigned dropped =
        MTR_EXACT_DIGITS - digits; /* 12…30: more than one limb's worth goes in two cheap divisions */
    unsigned first = dropped > 18 ? 15 : dropped;
    enum mtr_fraction fraction = wide_divide_fraction(&wide, wide_power10(first), MTR_FRACTION_ZERO);
    fraction = wide_divide_fraction(&wide, wide_power10(dropped - first), fraction);
    wide_round(&wide, negative, fraction, mode);
    bool fits = wide_multiply(&wide, wide_power10(MTR_MONEY_DIGITS - digits));
    MTR_ASSERT(fits);
    return wide_to_i128(&wide, negative, &out->e18);
}

int mtr_exact_round(struct mtr_exact value, unsigned digits, enum mtr_rounding mode, struct mtr_money *out,
                    struct mtr_exact *residue)
{
    MTR_ASSERT(digits <= MTR_MONEY_DIGITS);
    struct mtr_money rounded;
    mtr_uint128 magnitude;
    int rc = MTR_OK;
    if (is_short(value, &magnitude)) rounded = round_short(magnitude, is_negative(&value), digits, mode);
    else rc = round_long(value, digits, mode, &rounded);
    if (rc) return rc;
    if (residue) {
        rc = mtr_exact_sub(value, mtr_exact_from_money(rounded), residue);
        MTR_ASSERT(rc == MTR_OK); /* below one unit of the last digit */
    }
    *out = rounded;
    return MTR_OK;
}
