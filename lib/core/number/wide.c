/*
 * 384-bit unsigned arithmetic on limbs, without allocation: schoolbook multiplication, division by one or two
 * limbs (Knuth's algorithm D), and rounding by the fraction that a division left. Invariant: nothing here is
 * inexact or silent.
 */
#include "lib/core/number/wide.h"

static const uint64_t powers10[] = {
    UINT64_C(1),
    UINT64_C(10),
    UINT64_C(100),
    UINT64_C(1000),
    UINT64_C(10000),
    UINT64_C(100000),
    UINT64_C(1000000),
    UINT64_C(10000000),
    UINT64_C(100000000),
    UINT64_C(1000000000),
    UINT64_C(10000000000),
    UINT64_C(100000000000),
    UINT64_C(1000000000000),
    UINT64_C(10000000000000),
    UINT64_C(100000000000000),
    UINT64_C(1000000000000000),
    UINT64_C(10000000000000000),
    UINT64_C(100000000000000000),
    UINT64_C(1000000000000000000),
    UINT64_C(10000000000000000000),
};
enum { POWERS10_LAST = 19 };
_Static_assert(sizeof(powers10) / sizeof(powers10[0]) == POWERS10_LAST + 1, "all powers of ten of 64 bits");

mtr_uint128 wide_power10(unsigned exponent)
{
    MTR_ASSERT(exponent <= MTR_POWER10_MAX);
    if (exponent <= POWERS10_LAST) return powers10[exponent];
    return (mtr_uint128)powers10[POWERS10_LAST] * powers10[exponent - POWERS10_LAST];
}

mtr_uint128 wide_magnitude(mtr_int128 value)
{
    return value < 0 ? -(mtr_uint128)value : (mtr_uint128)value;
}

struct mtr_wide wide_from_u128(mtr_uint128 value)
{
    return (struct mtr_wide){{(uint64_t)value, (uint64_t)(value >> 64)}};
}

static unsigned limbs_used(const struct mtr_wide *value)
{
    unsigned used = MTR_WIDE_LIMBS;
    while (used > 0 && value->limb[used - 1] == 0) used--;
    return used;
}

bool wide_is_zero(const struct mtr_wide *value)
{
    return limbs_used(value) == 0;
}

/* out += value × factor, shifted by whole limbs. False when it passes the last limb. */
static bool add_product(struct mtr_wide *out, const struct mtr_wide *value, unsigned used, uint64_t factor,
                        unsigned shift)
{
    uint64_t carry = 0;
    unsigned i = 0;
    for (; i < used && i + shift < MTR_WIDE_LIMBS; i++) {
        mtr_uint128 sum = (mtr_uint128)value->limb[i] * factor + out->limb[i + shift] + carry;
        out->limb[i + shift] = (uint64_t)sum;
        carry = (uint64_t)(sum >> 64);
    }
    if (i < used) return false; /* limbs below `used` may be zero, but the top one is not */
    for (i += shift; carry && i < MTR_WIDE_LIMBS; i++) {
        mtr_uint128 sum = (mtr_uint128)out->limb[i] + carry;
        out->limb[i] = (uint64_t)sum;
        carry = (uint64_t)(sum >> 64);
    }
    return carry == 0;
}

bool wide_multiply(struct mtr_wide *value, mtr_uint128 factor)
{
    struct mtr_wide product = {{0}};
    unsigned used = limbs_used(value);
    uint64_t low = (uint64_t)factor, high = (uint64_t)(factor >> 64);
    if (!add_product(&product, value, used, low, 0)) return false;
    if (high && !add_product(&product, value, used, high, 1)) return false;
    *value = product;
    return true;
}

static uint64_t divide_limb(struct mtr_wide *value, unsigned used, uint64_t divisor)
{
    uint64_t remainder = 0;
    for (unsigned i = used; i-- > 0;) {
        mtr_uint128 part = (mtr_uint128)remainder << 64 | value->limb[i];
        value->limb[i] = (uint64_t)(part / divisor);
        remainder = (uint64_t)(part % divisor);
    }
    return remainder;
}

/* One digit of algorithm D: divides the three limbs (top, middle, low) by the normalized two-limb divisor;
 * the quotient is one limb. */
static uint64_t divide_three(uint64_t top, uint64_t middle, uint64_t low, mtr_uint128 divisor,
                             mtr_uint128 *remainder)
{
    uint64_t high = (uint64_t)(divisor >> 64), second = (uint64_t)divisor;
    mtr_uint128 front = (mtr_uint128)top << 64 | middle;
    mtr_uint128 digit = top >= high ? UINT64_MAX : front / high;
    mtr_uint128 rest = front - digit * high;
    while (rest >> 64 == 0 && digit * second > (rest << 64 | low)) { /* at most twice */
        digit--;
        rest += high;
    }
    mtr_uint128 subtrahend_low =
        digit * second; /* what is left is below the divisor, so 128 bits that wrap are enough */
    *remainder = ((rest << 64) | low) - subtrahend_low;
    return (uint64_t)digit;
}

static mtr_uint128 divide_two_limbs(struct mtr_wide *value, unsigned used, mtr_uint128 divisor)
{
    unsigned shift = (unsigned)__builtin_clzll((uint64_t)(divisor >> 64));
    mtr_uint128 normal = divisor << shift;
    mtr_uint128 remainder = 0;
    uint64_t carry = shift && used ? value->limb[used - 1] >> (64 - shift) : 0;
    remainder = carry;
    for (unsigned i = used; i-- > 0;) {
        uint64_t limb = value->limb[i] << shift;
        if (shift && i > 0) limb |= value->limb[i - 1] >> (64 - shift);
        value->limb[i] =
            divide_three((uint64_t)(remainder >> 64), (uint64_t)remainder, limb, normal, &remainder);
    }
    return remainder >> shift;
}

mtr_uint128 wide_divide(struct mtr_wide *value, mtr_uint128 divisor)
{
    MTR_ASSERT(divisor > 0);
    unsigned used = limbs_used(value);
    if (divisor >> 64 == 0) return divide_limb(value, used, (uint64_t)divisor);
    return divide_two_limbs(value, used, divisor);
}

enum mtr_fraction wide_fraction(mtr_uint128 remainder, mtr_uint128 divisor)
{
    if (remainder == 0) return MTR_FRACTION_ZERO;
    mtr_uint128 other = divisor - remainder;
    if (remainder == other) return MTR_FRACTION_HALF;
    return remainder < other ? MTR_FRACTION_BELOW_HALF : MTR_FRACTION_ABOVE_HALF;
}

enum mtr_fraction wide_divide_fraction(struct mtr_wide *value, mtr_uint128 divisor, enum mtr_fraction before)
{
    if (divisor == 1) return before;
    MTR_ASSERT(before == MTR_FRACTION_ZERO || divisor % 2 == 0);
    enum mtr_fraction fraction = wide_fraction(wide_divide(value, divisor), divisor);
    if (before == MTR_FRACTION_ZERO) return fraction;
    if (fraction == MTR_FRACTION_ZERO) return MTR_FRACTION_BELOW_HALF;
    return fraction == MTR_FRACTION_HALF ? MTR_FRACTION_ABOVE_HALF : fraction;
}

bool wide_rounds_away(bool odd, bool negative, enum mtr_fraction fraction, enum mtr_rounding mode)
{
    if (fraction == MTR_FRACTION_ZERO) return false;
    switch (mode) {
    case MTR_ROUND_HALF_EVEN:
        return fraction == MTR_FRACTION_ABOVE_HALF || (fraction == MTR_FRACTION_HALF && odd);
    case MTR_ROUND_HALF_UP: return fraction >= MTR_FRACTION_HALF;
    case MTR_ROUND_UP: return true;
    case MTR_ROUND_DOWN: return false;
    case MTR_ROUND_CEILING: return !negative;
    case MTR_ROUND_FLOOR: return negative;
    }
    MTR_ASSERT(!"known rounding mode");
    return false;
}

void wide_round(struct mtr_wide *value, bool negative, enum mtr_fraction fraction, enum mtr_rounding mode)
{
    if (!wide_rounds_away(value->limb[0] & 1, negative, fraction, mode)) return;
    unsigned i = 0;
    while (i < MTR_WIDE_LIMBS && ++value->limb[i] == 0) i++;
    MTR_ASSERT(i < MTR_WIDE_LIMBS);
}

int wide_to_i128(const struct mtr_wide *value, bool negative, mtr_int128 *out)
{
    if (limbs_used(value) > 2) return MTR_EOVERFLOW;
    mtr_uint128 magnitude = (mtr_uint128)value->limb[1] << 64 | value->limb[0];
    mtr_uint128 most = ((mtr_uint128)1 << 127) - (negative ? 0 : 1);
    if (magnitude > most) return MTR_EOVERFLOW;
    *out = negative ? (mtr_int128)-magnitude : (mtr_int128)magnitude;
    return MTR_OK;
}
