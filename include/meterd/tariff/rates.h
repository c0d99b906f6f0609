/*
 * Exchange rates: what a source said on a day, as exact ratios, and which of them answers a question. Never a
 * rate of 1 where none is known.
 *
 *   rates:
 *     - key: ecb-2026-11-20
 *       source: ecb                          # a name of your own; tariffs ask for it
 *       date: 2026-11-20
 *       base: EUR
 *       quotes: {USD: "1.0842", JPY: "169.25"}                          # 1 EUR = 1.0842 USD
 *     - {key: cbr-2026-11-21, source: cbr, date: 2026-11-21, base: RUB,
 *        quotes: {USD: {value: "92.5"}, JPY: {nominal: 100, value: "62.5"}}}   # 100 JPY = 62.5 RUB
 *
 * Both spellings keep what the bank published, digit by digit: a ratio of two whole numbers.
 */
#ifndef METERD_TARIFF_RATES_H
#define METERD_TARIFF_RATES_H

#include <stdbool.h>
#include <stdint.h>

#include "meterd/core/arena.h"
#include "meterd/core/decimal.h"
#include "meterd/core/diagnostic.h"
#include "meterd/core/document.h"
#include "meterd/core/error.h"
#include "meterd/core/str.h"

enum {
    MTR_RATES_QUOTES_MAX = 1000,
    MTR_RATES_NOMINAL_MAX = 1000000,
    MTR_RATES_DIGITS_MAX = 18,
    MTR_RATES_FRACTION_MAX = 12
};

/* 1 base = numerator ÷ denominator of the currency; both are 1 to 10^18, so that the product of two fits
 * 128 bits. */
struct mtr_rate_quote {
    struct mtr_str currency;
    int64_t numerator, denominator;
};

struct mtr_rates {
    uint32_t number; /* catalog number; 0 when not from a catalog */
    struct mtr_str key;
    struct mtr_str source;
    int64_t day; /* days since 1970-01-01 */
    struct mtr_str base;
    struct mtr_rate_quote *quotes; /* ascending by currency */
    uint32_t quote_count;
};

/* Reads and checks one document; everything is allocated from the arena. MTR_EINVALID with findings,
 * MTR_ENOMEM. */
int mtr_rates_read(const struct mtr_node *node, struct mtr_arena *arena, struct mtr_rates *out,
                   struct mtr_diagnostics *findings) MTR_MUST_USE;

/* Rates of any number of sources. */
struct mtr_rate_book {
    const struct mtr_rates **days; /* ascending by source, then day */
    uint32_t count;
};
/* Puts days in the order that a book needs. */
void mtr_rate_book_sort(struct mtr_rate_book *book);

struct mtr_rate_question {
    struct mtr_str source;
    struct mtr_str from, to; /* different currencies */
    int64_t day;
    int64_t max_age_days; /* INT64_MAX: of any age */
};

enum mtr_rate_derivation {
    MTR_RATE_DIRECT,  /* from the base: as published */
    MTR_RATE_INVERSE, /* to the base: 1 ÷ what was published */
    MTR_RATE_CROSS    /* over the base: one published rate ÷ another */
};
const char *mtr_rate_derivation_name(enum mtr_rate_derivation derivation); /* direct inverse cross */

/* 1 `from` = numerator ÷ denominator `to`, without a rounding; in lowest terms. */
struct mtr_exchange_rate {
    const struct mtr_rates *rates; /* borrowed from the book */
    enum mtr_rate_derivation derivation;
    mtr_int128 numerator, denominator;
};

/* The newest rates of the source on or before the day that have both currencies and are not too old.
 * MTR_ENOTFOUND. */
int mtr_rate_book_find(const struct mtr_rate_book *book, const struct mtr_rate_question *question,
                       struct mtr_exchange_rate *out) MTR_MUST_USE;

/* Has the source said anything, of whatever day? */
bool mtr_rate_book_has_source(const struct mtr_rate_book *book, struct mtr_str source);

enum { MTR_RATE_QUESTION_TEXT_BYTES = 240, MTR_DATE_TEXT_BYTES = 16 };
/* "there is no rate of ecb from EUR to USD for 2026-11-20, nor one of the 7 days before". */
void mtr_rate_question_format(const struct mtr_rate_question *question,
                              char text[MTR_RATE_QUESTION_TEXT_BYTES]);
void mtr_rate_day_format(int64_t day, char text[MTR_DATE_TEXT_BYTES]); /* 2026-11-20 */

/* The rate as a decimal of 18 fraction digits, ties to even: for people; what is computed with is the
 * ratio. */
int mtr_rate_decimal(const struct mtr_exchange_rate *rate, struct mtr_money *out) MTR_MUST_USE;

#endif
