/*
 * Rates of exchange: direct, inverse and cross as exact ratios; which day answers; what documents are
 * refused.
 */
#include "meterd/tariff/rates.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "meterd/core/time.h"

enum { BOOK_MAX = 8, FINDINGS_MAX = 16 };

struct shelf {
    struct mtr_arena arena;
    struct mtr_document *documents[BOOK_MAX];
    struct mtr_rates rates[BOOK_MAX];
    const struct mtr_rates *days[BOOK_MAX];
    struct mtr_rate_book book;
};

static void open_shelf(struct shelf *shelf, const char *const *texts)
{
    struct mtr_diagnostics findings;
    struct mtr_diagnostic broken;
    *shelf = (struct shelf){.book = {shelf->days, 0}};
    mtr_arena_init(&shelf->arena, 1 << 12, 1 << 20);
    mtr_diagnostics_init(&findings, FINDINGS_MAX);
    for (uint32_t i = 0; texts[i]; i++) {
        assert_int_equal(mtr_document_parse(mtr_str_from(texts[i]), &shelf->documents[i], &broken), MTR_OK);
        int rc = mtr_rates_read(mtr_document_root(shelf->documents[i]), &shelf->arena, &shelf->rates[i],
                                &findings);
        if (rc) fail_msg("%s: %s", texts[i], findings.count ? findings.items[0].text : mtr_error_text(rc));
        shelf->days[shelf->book.count++] = &shelf->rates[i];
    }
    mtr_diagnostics_release(&findings);
    mtr_rate_book_sort(&shelf->book);
}

static void close_shelf(struct shelf *shelf)
{
    for (uint32_t i = 0; i < BOOK_MAX; i++) mtr_document_close(shelf->documents[i]);
    mtr_arena_release(&shelf->arena);
}

static const char *const shelf_texts[] = {
    "{source: ecb, date: 2026-11-20, base: EUR, quotes: {USD: '1.0842', JPY: '169.25', GBP: 0.83}}",
    "{source: ecb, date: 2026-11-19, base: EUR, quotes: {USD: '1.08', CHF: '0.93'}}",
    "{source: ecb, date: 2026-11-10, base: EUR, quotes: {USD: '1.05'}}",
    "{source: cbr, date: 2026-11-21, base: RUB, quotes: {USD: {value: '92.5'}, JPY: {nominal: 100, value: '62.5'}, EUR: {nominal: 1, value: '100.2867'}}}",
    "{source: wide, date: 2026-11-20, base: EUR, quotes: {USD: '999999999999999999', JPY: '0.000000000001', GBP: {nominal: 1000000, value: '0.000000000001'}}}",
    NULL,
};

/* source, from, to, day, oldest age → numerator ÷ denominator, how, of which day; or nothing. */
static const struct {
    const char *source, *from, *to, *day;
    int64_t max_age_days;
    const char *expected;
} questions[] = {
    {"ecb", "EUR", "USD", "2026-11-20", 0, "5421/5000 direct 2026-11-20 = 1.0842"},
    {"ecb", "USD", "EUR", "2026-11-20", 0, "5000/5421 inverse 2026-11-20 = 0.922339051835454713"},
    {"ecb", "USD", "JPY", "2026-11-20", 0, "846250/5421 cross 2026-11-20 = 156.105884523150710201"},
    {"ecb", "GBP", "USD", "2026-11-20", 0, "5421/4150 cross 2026-11-20 = 1.306265060240963855"},
    {"cbr", "USD", "RUB", "2026-11-21", 0, "185/2 inverse 2026-11-21 = 92.5"},
    {"cbr", "JPY", "RUB", "2026-11-21", 0, "5/8 inverse 2026-11-21 = 0.625"},
    {"cbr", "RUB", "JPY", "2026-11-21", 0, "8/5 direct 2026-11-21 = 1.6"},
    {"cbr", "USD", "JPY", "2026-11-21", 0, "148/1 cross 2026-11-21 = 148"},
    {"ecb", "EUR", "USD", "2026-11-22", 1, ""},                                    /* two days old */
    {"ecb", "EUR", "USD", "2026-11-22", 2, "5421/5000 direct 2026-11-20 = 1.0842"},
    {"ecb", "EUR", "USD", "2026-11-19", 7, "27/25 direct 2026-11-19 = 1.08"},        /* never one of a later day */
    {"ecb", "EUR", "USD", "2026-11-18", 7, ""},
    {"ecb", "EUR", "USD", "2026-11-18", 8, "21/20 direct 2026-11-10 = 1.05"},
    {"ecb", "EUR", "CHF", "2026-11-20", 1, "93/100 direct 2026-11-19 = 0.93"},       /* the newest that has both */
    {"ecb", "EUR", "CHF", "2026-11-20", 0, ""},
    {"ecb", "USD", "GBP", "2026-11-19", 30, ""},                                     /* GBP was not yet there */
    {"ecb", "EUR", "SEK", "2030-01-01", INT64_MAX, ""},
    {"ecb", "EUR", "USD", "2030-01-01", INT64_MAX, "5421/5000 direct 2026-11-20 = 1.0842"},
    {"ec", "EUR", "USD", "2026-11-20", INT64_MAX, ""},
    {"zzz", "EUR", "USD", "2026-11-20", INT64_MAX, ""},
    {"wide", "USD", "GBP", "2026-11-20", 0, "1000000000000000000/999999999999999999 cross 2026-11-20 = 1.000000000000000001"},
    {"wide", "JPY", "USD", "2026-11-20", 0, "999999999999999999000000000000/1 cross 2026-11-20 = overflow"},
};

static void format_answer(const struct mtr_exchange_rate *rate, char text[400])
{
    char numerator[MTR_DECIMAL_TEXT_BYTES], denominator[MTR_DECIMAL_TEXT_BYTES],
        decimal[MTR_DECIMAL_TEXT_BYTES], day[MTR_DATE_TEXT_BYTES];
    struct mtr_money value;
    mtr_decimal_format((struct mtr_decimal){.mantissa = rate->numerator}, numerator);
    mtr_decimal_format((struct mtr_decimal){.mantissa = rate->denominator}, denominator);
    if (mtr_rate_decimal(rate, &value)) snprintf(decimal, sizeof(decimal), "overflow");
    else mtr_money_format(value, decimal);
    mtr_rate_day_format(rate->rates->day, day);
    snprintf(text, 400, "%s/%s %s %s = %s", numerator, denominator,
             mtr_rate_derivation_name(rate->derivation), day, decimal);
}

static void test_questions(void **state)
{
    struct shelf shelf;
    (void)state;
    open_shelf(&shelf, shelf_texts);
    for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
        struct mtr_exchange_rate rate;
        char text[400] = "";
        int64_t time_us = 0;
        assert_int_equal(mtr_time_parse_date(mtr_str_from(questions[i].day), &time_us), MTR_OK);
        const struct mtr_rate_question question = {
            mtr_str_from(questions[i].source), mtr_str_from(questions[i].from), mtr_str_from(questions[i].to),
            time_us / MTR_US_PER_DAY, questions[i].max_age_days};
        int rc = mtr_rate_book_find(&shelf.book, &question, &rate);
        assert_true(rc == MTR_OK || rc == MTR_ENOTFOUND);
        if (rc == MTR_OK) format_answer(&rate, text);
        if (strcmp(text, questions[i].expected) != 0)
            fail_msg("row %zu: expected %s, got %s", i, questions[i].expected, text);
    }
    close_shelf(&shelf);
}

static void test_sentences(void **state)
{
    (void)state;
    struct mtr_rate_question question = {MTR_STR("ecb"), MTR_STR("EUR"), MTR_STR("USD"), 20777, 7};
    char text[MTR_RATE_QUESTION_TEXT_BYTES];
    mtr_rate_question_format(&question, text);
    assert_string_equal(
        text, "there is no rate of ecb from EUR to USD for 2026-11-20, nor one of the 7 days before");
    question.max_age_days = 0;
    mtr_rate_question_format(&question, text);
    assert_string_equal(text, "there is no rate of ecb from EUR to USD for 2026-11-20");
    question.max_age_days = INT64_MAX;
    mtr_rate_question_format(&question, text);
    assert_string_equal(text, "there is no rate of ecb from EUR to USD for 2026-11-20 or any day before");
}

static const struct {
    const char *document, *finding;
} refused[] = {
    {"{source: s, date: 2026-11-20, base: EUR, quotes: {USD: '0'}}", "USD: a rate is above zero"},
    {"{source: s, date: 2026-11-20, base: EUR, quotes: {USD: '-1'}}", "USD: a rate is above zero"},
    {"{source: s, date: 2026-11-20, base: EUR, quotes: {USD: '1,08'}}", "USD: `1,08` is no number: write 1.08 (a decimal point)"},
    {"{source: s, date: 2026-11-20, base: EUR, quotes: {USD: null}}", "USD: a decimal number is expected, as \"1.0842\""},
    {"{source: s, date: 2026-11-20, base: EUR, quotes: {USD: [1]}}", "USD: a decimal number is expected, as \"1.0842\""},
    {"{source: s, date: 2026-11-20, base: EUR, quotes: {USD: '1000000000000000000'}}", "USD: a rate has at most 18 digits, 12 of them after the point"},
    {"{source: s, date: 2026-11-20, base: EUR, quotes: {USD: '0.0000000000001'}}", "USD: a rate has at most 18 digits, 12 of them after the point"},
    {"{source: s, date: 2026-11-20, base: EUR, quotes: {USX: 1}}", "USX: is no ISO 4217 code, as USD; did you mean `USD`?"},
    {"{source: s, date: 2026-11-20, base: EUR, quotes: {EUR: 1}}", "EUR: is the base itself"},
    {"{source: s, date: 2026-11-20, base: EURO, quotes: {USD: 1}}", "an ISO 4217 code is expected, as EUR, not `EURO`; did you mean `EUR`?"},
    {"{source: s, date: 2026-11-31, base: EUR, quotes: {USD: 1}}", "a date is expected, as 2026-11-20, not `2026-11-31`"},
    {"{source: s, date: '2026-11-20T00:00:00Z', base: EUR, quotes: {USD: 1}}", "a date is expected, as 2026-11-20, not `2026-11-20T00:00:00Z`"},
    {"{source: s, date: 2026-11-20, base: EUR, quotes: {}}", "a map of 1 to 1000 rates is expected, as {USD: \"1.0842\"}"},
    {"{source: s, date: 2026-11-20, base: EUR, quotes: 1.08}", "a map of 1 to 1000 rates is expected, as {USD: \"1.0842\"}"},
    {"{source: s, date: 2026-11-20, base: EUR}", "is missing"},
    {"{source: s, date: 2026-11-20, base: RUB, quotes: {JPY: {nominal: 0, value: 1}}}", "JPY: nominal is a whole number from 1 to 1000000, not `0`"},
    {"{source: s, date: 2026-11-20, base: RUB, quotes: {JPY: {nominal: 1000001, value: 1}}}",
     "JPY: nominal is a whole number from 1 to 1000000, not `1000001`"},
    {"{source: s, date: 2026-11-20, base: RUB, quotes: {JPY: {nominal: 100}}}", "JPY: value is missing: so many of the base are `nominal` of it"},
    {"{source: s, date: 2026-11-20, base: RUB, quotes: {JPY: {per: 100, value: 1}}}",
     "JPY: write {nominal: 100, value: \"62.5\"}: so many of it are so many of the base"},
};

static void test_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        struct mtr_arena arena;
        struct mtr_diagnostics findings;
        struct mtr_diagnostic broken;
        struct mtr_document *document;
        struct mtr_rates rates;
        mtr_arena_init(&arena, 1 << 12, 1 << 20);
        mtr_diagnostics_init(&findings, FINDINGS_MAX);
        assert_int_equal(mtr_document_parse(mtr_str_from(refused[i].document), &document, &broken), MTR_OK);
        assert_int_equal(mtr_rates_read(mtr_document_root(document), &arena, &rates, &findings),
                         MTR_EINVALID);
        assert_true(findings.count >= 1);
        if (strcmp(findings.items[0].text, refused[i].finding) != 0)
            fail_msg("%s\n  %s", refused[i].document, findings.items[0].text);
        mtr_document_close(document);
        mtr_diagnostics_release(&findings);
        mtr_arena_release(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_questions),
        cmocka_unit_test(test_sentences),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
