/*
 * Any bytes as a number: what is accepted formats canonically, reads back equal, and is the same number in
 * every type that takes it.
 */
#include "meterd/core/decimal.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_canonical(const char *text, int size)
{
    MTR_ASSERT(size > 0 && size < MTR_DECIMAL_TEXT_BYTES && text[size] == '\0' && strcmp(text, "-0") != 0);
    MTR_ASSERT(!strchr(text, '.') || (text[size - 1] != '0' && text[size - 1] != '.'));
}

static void check_decimal(struct mtr_str input)
{
    struct mtr_decimal value, again;
    char text[MTR_DECIMAL_TEXT_BYTES];
    if (mtr_decimal_parse(input, &value)) return;
    int size = mtr_decimal_format(value, text);
    check_canonical(text, size);
    int rc = mtr_decimal_parse((struct mtr_str){text, (size_t)size}, &again);
    MTR_ASSERT(rc == MTR_OK && again.mantissa == value.mantissa && again.scale == value.scale);
    struct mtr_quantity parsed, converted;
    int rc_parsed = mtr_quantity_parse(input, &parsed),
        rc_converted = mtr_quantity_from_decimal(value, &converted);
    MTR_ASSERT(rc_parsed == rc_converted && (rc_parsed || parsed.e12 == converted.e12));
}

static void check_money(struct mtr_str input)
{
    struct mtr_money value, again, rounded;
    struct mtr_exact residue, back;
    char text[MTR_DECIMAL_TEXT_BYTES];
    if (mtr_money_parse(input, &value)) return;
    int size = mtr_money_format(value, text);
    check_canonical(text, size);
    int rc = mtr_money_parse((struct mtr_str){text, (size_t)size}, &again);
    MTR_ASSERT(rc == MTR_OK && again.e18 == value.e18);
    struct mtr_exact exact = mtr_exact_from_money(value);
    for (enum mtr_rounding mode = MTR_ROUND_HALF_EVEN; mode <= MTR_ROUND_FLOOR; mode++) {
        if (mtr_exact_round(exact, 2, mode, &rounded, &residue)) continue;
        rc = mtr_exact_add(mtr_exact_from_money(rounded), residue, &back);
        MTR_ASSERT(rc == MTR_OK && mtr_exact_compare(back, exact) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mtr_str input = {(const char *)data, size};
    check_decimal(input);
    check_money(input);
    return 0;
}
