/*
 * Decimals: golden rows for text, rounding and every error. The large seeded comparison is
 * tests/oracle/test_decimal_oracle.py.
 */
#include "meterd/core/decimal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const struct {
    const char *text, *sentence;
} fault_rows[] = {
    {"1,50", "`1,50` is no number: write 1.50 (a decimal point)"},
    {"-0,5", "`-0,5` is no number: write -0.5 (a decimal point)"},
    {",5", "`,5` is no number: write 0.5 (a decimal point)"},
    {"1,000", "`1,000` is no number: write 1000 or 1.000 (a decimal point)"},
    {"0,125", "`0,125` is no number: write 0.125 (a decimal point)"},
    {"1,234,567", "`1,234,567` is no number: write 1234567 (no spaces or separators)"},
    {"1.234.567", "`1.234.567` is no number: write 1234567 (no spaces or separators)"},
    {"1,234.50", "`1,234.50` is no number: write 1234.50 (no spaces or separators)"},
    {"1.234,50", "`1.234,50` is no number: write 1234.50 (a decimal point, no spaces or separators)"},
    {"1 234,50", "`1 234,50` is no number: write 1234.50 (a decimal point, no spaces or separators)"},
    {"1\u00a0234", "`1\u00a0234` is no number: write 1234 (no spaces or separators)"},
    {"1'234.50", "`1'234.50` is no number: write 1234.50 (no spaces or separators)"},
    {"$1", "`$1` is no number: write 1 (no currency)"},
    {"-$1.5", "`-$1.5` is no number: write -1.5 (no currency)"},
    {"1,50 €", "`1,50 €` is no number: write 1.50 (a decimal point, no currency)"},
    {"EUR 3", "`EUR 3` is no number: write 3 (no currency)"},
    {"3USD", "`3USD` is no number: write 3 (no currency)"},
    {"5 %", "`5 %` is no number: write 5 (no percent sign)"},
    {"5%", "`5%` is no number: write 5 (no percent sign)"},
    {" 7", "` 7` is no number: write 7"},
    {".5", "`.5` is no number: write 0.5"},
    {"1.", "`1.` is no number: write 1"},
    {"007", "`007` is no number: write 7"},
    {"many", "a number is expected, as 12 or 0.05, not `many`"},
    {"10 GB", "`10 GB` is no number: write 10 (no unit)"},
    {"1.5GiB/h", "`1.5GiB/h` is no number: write 1.5 (no unit)"},
    {"10 GB2", "a number is expected, as 12 or 0.05, not `10 GB2`"},
    {"(1,234.50)", "`(1,234.50)` is no number: write -1234.50 (the sign is - in front, or none, no spaces or separators)"},
    {"5-", "`5-` is no number: write -5 (the sign is - in front, or none)"},
    {"\u22125", "`\u22125` is no number: write -5 (the sign is - in front, or none)"},
    {"+5", "`+5` is no number: write 5 (the sign is - in front, or none)"},
    {"(-5)", "a number is expected, as 12 or 0.05, not `(-5)`"},
    {"()", "a number is expected, as 12 or 0.05, not `()`"},
    {"1,2.3,4.5", "`1,2.3,4.5` is no number: write 12345 (no spaces or separators)"},
    {"", "a number is expected, as 12 or 0.05, not ``"},
    {".", "a number is expected, as 12 or 0.05, not `.`"},
    {"-", "a number is expected, as 12 or 0.05, not `-`"},
    {"$", "a number is expected, as 12 or 0.05, not `$`"},
    {"a text that is much longer than anybody would write for a number",
     "a number is expected, as 12 or 0.05, not `a text that is much longer than anybody …`"},
    {"\xff\xfe", "a number is expected, as 12 or 0.05, not `…`"},
};

static void test_faults_of_numbers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(fault_rows) / sizeof(fault_rows[0]); i++) {
        char sentence[MTR_NUMBER_FAULT_BYTES];
        struct mtr_decimal number;
        assert_int_equal(mtr_decimal_parse(mtr_str_from(fault_rows[i].text), &number), MTR_EINVALID);
        mtr_number_fault(mtr_str_from(fault_rows[i].text), sentence);
        assert_string_equal(sentence, fault_rows[i].sentence);
    }
}

static const struct {
    const char *text;
    int error;
    const char *canonical;
} decimal_rows[] = {
    {"0", 0, "0"},
    {"-0", 0, "0"},
    {"-0.000", 0, "0"},
    {"0e999999999999999999999", 0, "0"},
    {"1.50", 0, "1.5"},
    {"1500", 0, "1500"},
    {"1.5e3", 0, "1500"},
    {"1.5E+3", 0, "1500"},
    {"15e-1", 0, "1.5"},
    {"1500e-2", 0, "15"},
    {"-12.345", 0, "-12.345"},
    {"0.00000000000000000000000000000000000001", 0, "0.00000000000000000000000000000000000001"},
    {"1e-38", 0, "0.00000000000000000000000000000000000001"},
    {"1e-39", MTR_EPRECISION, NULL},
    {"10e-39", 0, "0.00000000000000000000000000000000000001"},
    {"99999999999999999999999999999999999999", 0, "99999999999999999999999999999999999999"},
    {"100000000000000000000000000000000000000", MTR_EOVERFLOW, NULL},
    {"1e37", 0, "10000000000000000000000000000000000000"},
    {"1e38", MTR_EOVERFLOW, NULL},
    {"1e999999999999999999999", MTR_EOVERFLOW, NULL},
    {"-1e-999999999999999999999", MTR_EPRECISION, NULL},
    {"1.2345678901234567890123456789012345678", 0, "1.2345678901234567890123456789012345678"},
    {"12.2345678901234567890123456789012345678", MTR_EPRECISION, NULL},
    {"1.00000000000000000000000000000000000000000000000000", 0, "1"},
    {"9999999999999999999", 0, "9999999999999999999"},
    {"18446744073709551616", 0, "18446744073709551616"},
    {"", MTR_EINVALID, NULL},
    {"-", MTR_EINVALID, NULL},
    {"+1", MTR_EINVALID, NULL},
    {"01", MTR_EINVALID, NULL},
    {"-01", MTR_EINVALID, NULL},
    {"1.", MTR_EINVALID, NULL},
    {".5", MTR_EINVALID, NULL},
    {"1e", MTR_EINVALID, NULL},
    {"1e+", MTR_EINVALID, NULL},
    {"1,5", MTR_EINVALID, NULL},
    {"0x1", MTR_EINVALID, NULL},
    {" 1", MTR_EINVALID, NULL},
    {"1 ", MTR_EINVALID, NULL},
    {"NaN", MTR_EINVALID, NULL},
    {"Infinity", MTR_EINVALID, NULL},
    {"--1", MTR_EINVALID, NULL},
    {"1_000", MTR_EINVALID, NULL},
};

static void test_decimal_text(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(decimal_rows) / sizeof(decimal_rows[0]); i++) {
        struct mtr_decimal value = {.mantissa = 77, .scale = 7};
        char text[MTR_DECIMAL_TEXT_BYTES];
        int rc = mtr_decimal_parse(mtr_str_from(decimal_rows[i].text), &value);
        if (rc != decimal_rows[i].error) fail_msg("'%s' gave %s", decimal_rows[i].text, mtr_error_name(rc));
        if (rc) {
            assert_true(value.mantissa == 77 && value.scale == 7);
            continue;
        }
        assert_int_equal(mtr_decimal_format(value, text), (int)strlen(decimal_rows[i].canonical));
        assert_string_equal(text, decimal_rows[i].canonical);
    }
    struct mtr_decimal value;
    assert_int_equal(mtr_decimal_parse(mtr_str_from(NULL), &value), MTR_EINVALID);
    assert_int_equal(mtr_decimal_parse((struct mtr_str){"1\0", 2}, &value), MTR_EINVALID);
    assert_int_equal(mtr_decimal_parse((struct mtr_str){"123", 2}, &value), MTR_OK);
    assert_true(value.mantissa == 12);
}

static const struct {
    const char *text;
    int quantity_error, money_error;
} fixed_rows[] = {
    {"170141183460469231731687303.715884105727", 0, MTR_EOVERFLOW}, /* 2^127 - 1 of 10^-12 */
    {"170141183460469231731687303.715884105728", MTR_EOVERFLOW, MTR_EOVERFLOW},
    {"-170141183460469231731687303.715884105728", 0, MTR_EOVERFLOW},
    {"-170141183460469231731687303.715884105729", MTR_EOVERFLOW, MTR_EOVERFLOW},
    {"170141183460469231731.687303715884105727", MTR_EPRECISION, 0},
    {"170141183460469231731.687303715884105728", MTR_EPRECISION, MTR_EOVERFLOW},
    {"-170141183460469231731.687303715884105728", MTR_EPRECISION, 0},
    {"0.000000000001", 0, 0},
    {"0.0000000000001", MTR_EPRECISION, 0},
    {"0.0000000000010", 0, 0},
    {"0.000000000000000001", MTR_EPRECISION, 0},
    {"0.0000000000000000001", MTR_EPRECISION, MTR_EPRECISION},
    {"1e26", 0, MTR_EOVERFLOW},
    {"2e26", MTR_EOVERFLOW, MTR_EOVERFLOW},
    {"1e20", 0, 0},
    {"abc", MTR_EINVALID, MTR_EINVALID},
};

static void test_fixed_text(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(fixed_rows) / sizeof(fixed_rows[0]); i++) {
        struct mtr_quantity quantity, quantity_again;
        struct mtr_money money, money_again;
        char text[MTR_DECIMAL_TEXT_BYTES];
        struct mtr_str input = mtr_str_from(fixed_rows[i].text);
        assert_int_equal(mtr_quantity_parse(input, &quantity), fixed_rows[i].quantity_error);
        if (!fixed_rows[i].quantity_error) {
            mtr_quantity_format(quantity, text);
            assert_int_equal(mtr_quantity_parse(mtr_str_from(text), &quantity_again), MTR_OK);
            assert_int_equal(mtr_quantity_compare(quantity, quantity_again), 0);
        }
        assert_int_equal(mtr_money_parse(input, &money), fixed_rows[i].money_error);
        if (!fixed_rows[i].money_error) {
            mtr_money_format(money, text);
            assert_int_equal(mtr_money_parse(mtr_str_from(text), &money_again), MTR_OK);
            assert_int_equal(mtr_money_compare(money, money_again), 0);
        }
    }
}

static struct mtr_quantity quantity(const char *text)
{
    struct mtr_quantity value;
    assert_int_equal(mtr_quantity_parse(mtr_str_from(text), &value), MTR_OK);
    return value;
}

static struct mtr_money money(const char *text)
{
    struct mtr_money value;
    assert_int_equal(mtr_money_parse(mtr_str_from(text), &value), MTR_OK);
    return value;
}

static void test_format_min(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        unsigned digits;
        const char *text;
    } rows[] = {
        {"5", 2, "5.00"}, {"5.125", 2, "5.125"}, {"5.1", 2, "5.10"}, {"-0.5", 2, "-0.50"},
        {"0", 2, "0.00"}, {"7", 0, "7"},         {"7.5", 0, "7.5"},  {"1", 18, "1.000000000000000000"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[MTR_DECIMAL_TEXT_BYTES];
        int size = mtr_money_format_min(money(rows[i].value), rows[i].digits, text);
        assert_string_equal(text, rows[i].text);
        assert_int_equal(size, (int)strlen(text));
    }
}

/* One value, six modes: half_even half_up up down ceiling floor. */
static const struct {
    const char *value;
    unsigned digits;
    const char *by_mode[6];
} rounding_rows[] = {
    {"2.5", 0, {"2", "3", "3", "2", "3", "2"}},
    {"3.5", 0, {"4", "4", "4", "3", "4", "3"}},
    {"-2.5", 0, {"-2", "-3", "-3", "-2", "-2", "-3"}},
    {"-0.5", 0, {"0", "-1", "-1", "0", "0", "-1"}},
    {"474.995", 2, {"475", "475", "475", "474.99", "475", "474.99"}},
    {"0.125", 2, {"0.12", "0.13", "0.13", "0.12", "0.13", "0.12"}},
    {"0.125000000001", 2, {"0.13", "0.13", "0.13", "0.12", "0.13", "0.12"}},
    {"0.124999999999", 2, {"0.12", "0.12", "0.13", "0.12", "0.13", "0.12"}},
    {"7", 2, {"7", "7", "7", "7", "7", "7"}},
    {"-7.000000000001", 2, {"-7", "-7", "-7.01", "-7", "-7", "-7.01"}},
};

static void test_rounding(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rounding_rows) / sizeof(rounding_rows[0]); i++)
        for (enum mtr_rounding mode = MTR_ROUND_HALF_EVEN; mode <= MTR_ROUND_FLOOR; mode++) {
            char text[MTR_DECIMAL_TEXT_BYTES];
            struct mtr_money amount, from_exact;
            struct mtr_quantity count;
            struct mtr_exact residue, back;
            assert_int_equal(
                mtr_money_round(money(rounding_rows[i].value), rounding_rows[i].digits, mode, &amount),
                MTR_OK);
            mtr_money_format(amount, text);
            assert_string_equal(text, rounding_rows[i].by_mode[mode]);
            assert_int_equal(mtr_quantity_scale(quantity(rounding_rows[i].value), quantity("1"),
                                                quantity("1"), rounding_rows[i].digits, mode, &count),
                             MTR_OK);
            mtr_quantity_format(count, text);
            assert_string_equal(text, rounding_rows[i].by_mode[mode]);
            struct mtr_exact exact = mtr_exact_from_money(money(rounding_rows[i].value));
            assert_int_equal(mtr_exact_round(exact, rounding_rows[i].digits, mode, &from_exact, &residue),
                             MTR_OK);
            assert_int_equal(mtr_money_compare(amount, from_exact), 0);
            assert_int_equal(mtr_exact_add(mtr_exact_from_money(from_exact), residue, &back), MTR_OK);
            assert_int_equal(mtr_exact_compare(back, exact), 0);
        }
}

static struct mtr_decimal decimal(const char *text)
{
    struct mtr_decimal value;
    assert_int_equal(mtr_decimal_parse(mtr_str_from(text), &value), MTR_OK);
    return value;
}

static void test_what_was_written_is_scaled_and_rounded(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b, *product; /* NULL: it has too many digits */
    } products[] = {
        {"1234.5", "0.01", "12.345"}, {"2.5", "4", "10"},   {"-3", "0.5", "-1.5"}, {"0", "0.001", "0"},
        {"5e-38", "2", "0.0000000000000000000000000000000000001"},
        {"1e-20", "1e-19", NULL}, {"1e20", "1e19", NULL}, {"12345678901234567891", "12345678901234567891", NULL},
    };
    static const struct {
        const char *value;
        unsigned digits;
        enum mtr_rounding mode;
        const char *rounded;
    } roundings[] = {
        {"1172.8799999999999", 9, MTR_ROUND_HALF_EVEN, "1172.88"}, {"0.000023198314011096954", 12, MTR_ROUND_HALF_EVEN, "0.000023198314"},
        {"2.5", 0, MTR_ROUND_HALF_EVEN, "2"},   {"3.5", 0, MTR_ROUND_HALF_EVEN, "4"},  {"2.5", 0, MTR_ROUND_HALF_UP, "3"},
        {"-2.5", 0, MTR_ROUND_HALF_UP, "-3"},   {"-0.01", 1, MTR_ROUND_UP, "-0.1"},    {"-0.01", 1, MTR_ROUND_DOWN, "0"},
        {"-0.01", 1, MTR_ROUND_CEILING, "0"},   {"-0.01", 1, MTR_ROUND_FLOOR, "-0.1"}, {"7", 3, MTR_ROUND_UP, "7"},
        {"9.99", 1, MTR_ROUND_HALF_EVEN, "10"}, {"0.00000000000000000000000000000000000005", 0, MTR_ROUND_UP, "1"},
    };
    static const struct {
        const char *a, *b, *sum; /* NULL: it has too many digits */
    } sums[] = {
        {"0.1", "0.2", "0.3"}, {"0.5", "1.5", "2"}, {"-3", "0.25", "-2.75"}, {"1e36", "0.1", "1000000000000000000000000000000000000.1"},
        {"1e36", "0.01", NULL}, {"99999999999999999999999999999999999999", "1", NULL}, {"-1", "1", "0"}, {"1e20", "1e-20", NULL},
    };
    char text[MTR_DECIMAL_TEXT_BYTES];
    for (size_t i = 0; i < sizeof(sums) / sizeof(sums[0]); i++) {
        struct mtr_decimal sum;
        int rc = mtr_decimal_add(decimal(sums[i].a), decimal(sums[i].b), &sum);
        assert_int_equal(rc, sums[i].sum ? MTR_OK : MTR_EPRECISION);
        if (rc) continue;
        mtr_decimal_format(sum, text);
        assert_string_equal(text, sums[i].sum);
    }
    for (size_t i = 0; i < sizeof(products) / sizeof(products[0]); i++) {
        struct mtr_decimal product;
        int rc = mtr_decimal_multiply(decimal(products[i].a), decimal(products[i].b), &product);
        assert_int_equal(rc, products[i].product ? MTR_OK : MTR_EPRECISION);
        if (rc) continue;
        mtr_decimal_format(product, text);
        assert_string_equal(text, products[i].product);
    }
    for (size_t i = 0; i < sizeof(roundings) / sizeof(roundings[0]); i++) {
        mtr_decimal_format(mtr_decimal_round(decimal(roundings[i].value), roundings[i].digits, roundings[i].mode), text);
        assert_string_equal(text, roundings[i].rounded);
    }
}

static void test_errors_of_arithmetic(void **state)
{
    (void)state;
    struct mtr_quantity most = quantity("170141183460469231731687303.715884105727");
    struct mtr_quantity least = quantity("-170141183460469231731687303.715884105728");
    struct mtr_quantity one = quantity("1"), tick = quantity("0.000000000001"), zero = {0}, q = {.e12 = 5};
    struct mtr_money money_most = money("170141183460469231731.687303715884105727"), m = {.e18 = 5};
    struct mtr_money money_least = money("-170141183460469231731.687303715884105728"),
                     money_tick = {.e18 = 1};
    assert_int_equal(mtr_quantity_add(most, tick, &q), MTR_EOVERFLOW);
    assert_int_equal(mtr_quantity_sub(least, tick, &q), MTR_EOVERFLOW);
    assert_int_equal(mtr_money_add(money_most, money_tick, &m), MTR_EOVERFLOW);
    assert_int_equal(mtr_money_sub(money_least, money_tick, &m), MTR_EOVERFLOW);
    assert_int_equal(mtr_quantity_scale(one, one, zero, 12, MTR_ROUND_DOWN, &q), MTR_EINVALID);
    assert_int_equal(mtr_quantity_scale(most, one, tick, 12, MTR_ROUND_DOWN, &q), MTR_EOVERFLOW);
    assert_int_equal(mtr_quantity_scale(most, one, one, 0, MTR_ROUND_UP, &q), MTR_EOVERFLOW);
    assert_int_equal(mtr_quantity_blocks(most, tick, MTR_ROUND_UP, &q), MTR_EOVERFLOW);
    assert_int_equal(mtr_money_round(money_most, 0, MTR_ROUND_UP, &m), MTR_EOVERFLOW);
    assert_true(q.e12 == 5 && m.e18 == 5); /* outputs only on success */
    struct mtr_exact big = mtr_exact_product(least, money_least), sum = mtr_exact_zero();
    assert_int_equal(mtr_exact_add(big, big, &sum), MTR_EOVERFLOW);
    assert_int_equal(mtr_exact_sub(mtr_exact_product(least, money_most), big, &sum), MTR_OK);
    assert_int_equal(mtr_exact_sub(sum, big, &sum), MTR_EOVERFLOW);
    assert_int_equal(mtr_exact_scale(big, one, zero, MTR_ROUND_UP, &sum), MTR_EINVALID);
    assert_int_equal(mtr_exact_scale(big, most, tick, MTR_ROUND_UP, &sum), MTR_EOVERFLOW);
    assert_int_equal(mtr_exact_round(big, 18, MTR_ROUND_UP, &m, NULL), MTR_EOVERFLOW);
}

static void test_blocks_and_products(void **state)
{
    (void)state;
    char text[MTR_DECIMAL_TEXT_BYTES];
    struct mtr_quantity blocks;
    assert_int_equal(mtr_quantity_blocks(quantity("21"), quantity("10"), MTR_ROUND_UP, &blocks), MTR_OK);
    assert_int_equal(mtr_quantity_compare(blocks, quantity("3")), 0);
    assert_int_equal(mtr_quantity_blocks(quantity("20"), quantity("10"), MTR_ROUND_UP, &blocks), MTR_OK);
    assert_int_equal(mtr_quantity_compare(blocks, quantity("2")), 0);
    /* 1400 and 1300 converted by 1/1000, each rounded up, would be 4: together they are 3 */
    assert_int_equal(
        mtr_quantity_scale(quantity("2700"), quantity("1"), quantity("1000"), 0, MTR_ROUND_UP, &blocks),
        MTR_OK);
    assert_int_equal(mtr_quantity_compare(blocks, quantity("3")), 0);
    /* a third of a tick: that the first of two divisions left something over counts where the second leaves nothing */
    assert_int_equal(mtr_quantity_scale(quantity("0.000000000001"), quantity("1"), quantity("3"), 0, MTR_ROUND_UP, &blocks), MTR_OK);
    assert_int_equal(mtr_quantity_compare(blocks, quantity("1")), 0);
    /* more digits than a floating number has */
    mtr_exact_format(mtr_exact_product(quantity("123456789012345.678901234567"), money("1.000000000000000001")), text);
    assert_string_equal(text, "123456789012345.679024691356012345678901234567");
    struct mtr_exact product = mtr_exact_product(quantity("-0.000000000001"), money("0.000000000000000001"));
    assert_int_equal(mtr_exact_format(product, text), 33);
    assert_string_equal(text, "-0.000000000000000000000000000001");
    mtr_exact_format(mtr_exact_zero(), text);
    assert_string_equal(text, "0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_faults_of_numbers), cmocka_unit_test(test_what_was_written_is_scaled_and_rounded),
        cmocka_unit_test(test_decimal_text),      cmocka_unit_test(test_fixed_text),     cmocka_unit_test(test_format_min),
        cmocka_unit_test(test_rounding), cmocka_unit_test(test_errors_of_arithmetic),
        cmocka_unit_test(test_blocks_and_products),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
