/*
 * Decimal text: the JSON number grammar in, canonical text out.
 *
 * Most numbers have at most 19 digits and take one pass over one 64-bit accumulator; longer ones and
 * exponents take a second, slower pass. Both give the same answer. Nothing is rounded: what does not fit is
 * an error. Pure; no state.
 */
#include "meterd/core/decimal.h"

#include <string.h>

#include "lib/core/number/wide.h"

enum { FAST_DIGITS = 19, MAGNITUDE_DIGITS_MAX = 39, CHUNK_DIGITS = 19, TEXT_DIGITS_MAX = 78 };
/* Exponents beyond this many digits from the point cannot be reached back by any text that fits in memory. */
static const int64_t EXPONENT_MAX = INT64_C(1) << 60;

/* What the text says, canonical: no trailing zero in a fraction, scale >= 0, zero is 0 with scale 0 and no
 * sign. */
struct number {
    bool negative;
    bool too_many; /* more digits than the magnitude holds: an error whose name depends on the type asked for
                    */
    mtr_uint128 magnitude; /* up to 39 digits */
    unsigned scale;        /* 0…38 */
    int64_t whole_digits;  /* before the point; kept for long numbers only */
};

/* Where the parts of a grammatical number are. */
struct shape {
    const char *whole, *fraction; /* digits */
    size_t whole_size, fraction_size;
    int64_t exponent;
};

static bool is_digit(char c)
{
    return (unsigned char)(c - '0') <= 9;
}

static bool scan_exponent(const char **cursor, const char *end, int64_t *out)
{
    const char *p = *cursor;
    bool negative = p < end && *p == '-';
    int64_t value = 0;
    if (p < end && (*p == '-' || *p == '+')) p++;
    if (p == end || !is_digit(*p)) return false;
    for (; p < end && is_digit(*p); p++)
        if (value < EXPONENT_MAX / 16) value = value * 10 + (*p - '0');
    *out = negative ? -value : value;
    *cursor = p;
    return true;
}

/* Grammar after the sign. Also adds up the digits while they fit 64 bits. */
static bool scan(const char *p, const char *end, struct shape *shape, uint64_t *small)
{
    uint64_t value = 0;
    *shape = (struct shape){.whole = p};
    while (p < end && is_digit(*p)) value = value * 10 + (unsigned)(*p++ - '0');
    shape->whole_size = (size_t)(p - shape->whole);
    if (shape->whole_size == 0 || (shape->whole_size > 1 && *shape->whole == '0')) return false;
    if (p < end && *p == '.') {
        shape->fraction = ++p;
        while (p < end && is_digit(*p)) value = value * 10 + (unsigned)(*p++ - '0');
        shape->fraction_size = (size_t)(p - shape->fraction);
        if (shape->fraction_size == 0) return false;
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;
        if (!scan_exponent(&p, end, &shape->exponent)) return false;
    }
    *small = value;
    return p == end;
}

/* Digits one after the other, zeros held back until a digit that is not zero makes them count. */
struct digits {
    mtr_uint128 magnitude;
    uint64_t count;         /* significant digits taken */
    uint64_t zeros_pending; /* trailing zeros seen since */
    bool too_many;
};

static void take_digits(struct digits *digits, const char *p, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        unsigned digit = (unsigned)(p[i] - '0');
        if (digit == 0) {
            digits->zeros_pending += digits->count > 0;
            continue;
        }
        uint64_t shift = digits->zeros_pending + 1;
        digits->count += shift;
        digits->zeros_pending = 0;
        if (digits->too_many || digits->count > MAGNITUDE_DIGITS_MAX || shift > MTR_POWER10_MAX) {
            digits->too_many = true;
            continue;
        }
        mtr_uint128 shifted;
        if (__builtin_mul_overflow(digits->magnitude, wide_power10((unsigned)shift), &shifted) ||
            __builtin_add_overflow(shifted, (mtr_uint128)digit, &shifted))
            digits->too_many = true;
        else
            digits->magnitude = shifted;
    }
}

static int read_slow(const struct shape *shape, struct number *out)
{
    struct digits digits = {0};
    take_digits(&digits, shape->whole, shape->whole_size);
    take_digits(&digits, shape->fraction, shape->fraction_size);
    if (digits.count == 0) {
        *out = (struct number){0};
        return MTR_OK;
    }
    /* The value is magnitude × 10^exponent, and its first digit stands at 10^(exponent + count - 1). */
    int64_t exponent = shape->exponent - (int64_t)shape->fraction_size + (int64_t)digits.zeros_pending;
    int64_t whole_digits = exponent + (int64_t)digits.count;
    if (whole_digits > MAGNITUDE_DIGITS_MAX) return MTR_EOVERFLOW;
    if (exponent < -MTR_DECIMAL_DIGITS_MAX) return MTR_EPRECISION;
    out->too_many = digits.too_many;
    out->magnitude = digits.magnitude;
    out->scale = exponent < 0 ? (unsigned)-exponent : 0;
    out->whole_digits = whole_digits;
    if (exponent <= 0 || digits.too_many) return MTR_OK;
    if (exponent > MTR_POWER10_MAX ||
        __builtin_mul_overflow(digits.magnitude, wide_power10((unsigned)exponent), &out->magnitude))
        return MTR_EOVERFLOW;
    return MTR_OK;
}

static int read_number(struct mtr_str text, struct number *out)
{
    const char *p = text.data, *end = p + text.size;
    struct shape shape;
    uint64_t small;
    if (text.size == 0) return MTR_EINVALID;
    bool negative = *p == '-';
    if (!scan(p + negative, end, &shape, &small)) return MTR_EINVALID;
    struct number number = {0};
    if (shape.whole_size + shape.fraction_size <= FAST_DIGITS && shape.exponent == 0) {
        number.scale = (unsigned)shape.fraction_size;
        while (number.scale > 0 && small % 10 == 0) {
            small /= 10;
            number.scale--;
        }
        number.magnitude = small;
    } else {
        int rc = read_slow(&shape, &number);
        if (rc) return rc;
    }
    number.negative = negative && (number.magnitude != 0 || number.too_many);
    *out = number;
    return MTR_OK;
}

/* The number as a fixed-point integer of 10^-digits. */
static int to_fixed(struct number number, unsigned digits, mtr_int128 *out)
{
    mtr_uint128 magnitude = number.magnitude;
    if (number.too_many) return number.scale > digits ? MTR_EPRECISION : MTR_EOVERFLOW;
    if (number.scale > digits) {
        mtr_uint128 unit = wide_power10(number.scale - digits);
        if (magnitude % unit) return MTR_EPRECISION;
        magnitude /= unit;
    } else if (__builtin_mul_overflow(magnitude, wide_power10(digits - number.scale), &magnitude)) {
        return MTR_EOVERFLOW;
    }
    mtr_uint128 most = ((mtr_uint128)1 << 127) - (number.negative ? 0 : 1);
    if (magnitude > most) return MTR_EOVERFLOW;
    *out = number.negative ? (mtr_int128)-magnitude : (mtr_int128)magnitude;
    return MTR_OK;
}

static struct number from_decimal(struct mtr_decimal value)
{
    MTR_ASSERT(value.scale <= MTR_DECIMAL_DIGITS_MAX);
    return (struct number){
        .negative = value.mantissa < 0, .magnitude = wide_magnitude(value.mantissa), .scale = value.scale};
}

int mtr_decimal_parse(struct mtr_str text, struct mtr_decimal *out)
{
    struct number number;
    int rc = read_number(text, &number);
    if (rc) return rc;
    if (number.too_many || number.magnitude >= wide_power10(MTR_DECIMAL_DIGITS_MAX))
        return number.whole_digits > MTR_DECIMAL_DIGITS_MAX ? MTR_EOVERFLOW : MTR_EPRECISION;
    out->mantissa = number.negative ? -(mtr_int128)number.magnitude : (mtr_int128)number.magnitude;
    out->scale = (uint8_t)number.scale;
    return MTR_OK;
}

int mtr_quantity_from_decimal(struct mtr_decimal value, struct mtr_quantity *out)
{
    return to_fixed(from_decimal(value), MTR_QUANTITY_DIGITS, &out->e12);
}

int mtr_quantity_parse(struct mtr_str text, struct mtr_quantity *out)
{
    struct number number;
    int rc = read_number(text, &number);
    return rc ? rc : to_fixed(number, MTR_QUANTITY_DIGITS, &out->e12);
}

int mtr_money_parse(struct mtr_str text, struct mtr_money *out)
{
    struct number number;
    int rc = read_number(text, &number);
    return rc ? rc : to_fixed(number, MTR_MONEY_DIGITS, &out->e18);
}

/* Digits of a non-negative number, right-aligned before `end`; returns where they start. At least
 * digits_least of them. */
static char *write_digits(struct mtr_wide wide, unsigned digits_least, char *end)
{
    char *p = end;
    while (!wide_is_zero(&wide)) {
        uint64_t chunk = (uint64_t)wide_divide(&wide, wide_power10(CHUNK_DIGITS));
        bool last = wide_is_zero(&wide);
        for (unsigned i = 0; last ? chunk != 0 : i < CHUNK_DIGITS; i++, chunk /= 10)
            *--p = (char)('0' + chunk % 10);
    }
    while ((size_t)(end - p) < digits_least) *--p = '0';
    return p;
}

static int format(struct mtr_wide wide, bool negative, unsigned scale, unsigned digits_min,
                  char text[MTR_DECIMAL_TEXT_BYTES])
{
    char digits[TEXT_DIGITS_MAX + 1];
    char *end = digits + sizeof(digits);
    char *start = write_digits(wide, scale + 1, end);
    char *point = end - scale;
    while (end > point && (size_t)(end - point) > digits_min && end[-1] == '0') end--;
    char *out = text;
    if (negative) *out++ = '-';
    memcpy(out, start, (size_t)(point - start));
    out += point - start;
    if (end > point || digits_min > 0) *out++ = '.';
    memcpy(out, point, (size_t)(end - point));
    out += end - point;
    for (unsigned written = (unsigned)(end - point); written < digits_min; written++) *out++ = '0';
    *out = '\0';
    return (int)(out - text);
}

int mtr_decimal_format(struct mtr_decimal value, char text[MTR_DECIMAL_TEXT_BYTES])
{
    MTR_ASSERT(value.scale <= MTR_DECIMAL_DIGITS_MAX);
    return format(wide_from_u128(wide_magnitude(value.mantissa)), value.mantissa < 0, value.scale, 0,
                  text);
}

int mtr_quantity_format(struct mtr_quantity value, char text[MTR_DECIMAL_TEXT_BYTES])
{
    return format(wide_from_u128(wide_magnitude(value.e12)), value.e12 < 0, MTR_QUANTITY_DIGITS, 0, text);
}

int mtr_money_format(struct mtr_money value, char text[MTR_DECIMAL_TEXT_BYTES])
{
    return mtr_money_format_min(value, 0, text);
}

int mtr_money_format_min(struct mtr_money value, unsigned digits_min, char text[MTR_DECIMAL_TEXT_BYTES])
{
    MTR_ASSERT(digits_min <= MTR_MONEY_DIGITS);
    return format(wide_from_u128(wide_magnitude(value.e18)), value.e18 < 0, MTR_MONEY_DIGITS, digits_min,
                  text);
}

int mtr_exact_format(struct mtr_exact value, char text[MTR_DECIMAL_TEXT_BYTES])
{
    bool negative = value.limb[3] >> 63;
    struct mtr_wide wide = {{0}};
    uint64_t carry = negative;
    for (unsigned i = 0; i < 4; i++) {
        wide.limb[i] = (negative ? ~value.limb[i] : value.limb[i]) + carry;
        carry = carry && wide.limb[i] == 0;
    }
    return format(wide, negative, MTR_EXACT_DIGITS, 0, text);
}
