/*
 * Questions to a book of rates: halving search for source and day, then back in time until both currencies
 * are there.
 *
 * Invariant: every ratio is of whole numbers above zero. Pure; the book is borrowed.
 */
#include "meterd/tariff/rates.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "meterd/core/time.h"

const char *mtr_rate_derivation_name(enum mtr_rate_derivation derivation)
{
    static const char *const names[] = {
        [MTR_RATE_DIRECT] = "direct", [MTR_RATE_INVERSE] = "inverse", [MTR_RATE_CROSS] = "cross"};
    return names[derivation];
}

static int compare_places(struct mtr_str source, int64_t day, const struct mtr_rates *rates)
{
    int order = mtr_str_compare(source, rates->source);
    return order ? order : (day > rates->day) - (day < rates->day);
}

static int compare_days(const void *a, const void *b)
{
    const struct mtr_rates *x = *(const struct mtr_rates *const *)a, *y = *(const struct mtr_rates *const *)b;
    int order = compare_places(x->source, x->day, y);
    return order ? order : mtr_str_compare(x->key, y->key);
}

void mtr_rate_book_sort(struct mtr_rate_book *book)
{
    if (book->count > 1) qsort(book->days, book->count, sizeof(*book->days), compare_days);
}

/* How many of the book lie at or before the day of the source. */
static uint32_t count_until(const struct mtr_rate_book *book, struct mtr_str source, int64_t day)
{
    uint32_t low = 0, high = book->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (compare_places(source, day, book->days[middle]) < 0) high = middle;
        else low = middle + 1;
    }
    return low;
}

static const struct mtr_rate_quote *find_quote(const struct mtr_rates *rates, struct mtr_str currency)
{
    uint32_t low = 0, high = rates->quote_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = mtr_str_compare(currency, rates->quotes[middle].currency);
        if (order == 0) return &rates->quotes[middle];
        if (order < 0) high = middle;
        else low = middle + 1;
    }
    return NULL;
}

static mtr_int128 greatest_divisor(mtr_int128 a, mtr_int128 b)
{
    while (b) {
        mtr_int128 rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* From over the base to: (1 ÷ from's quote) × to's quote. */
static bool derive(const struct mtr_rates *rates, const struct mtr_rate_question *question,
                   struct mtr_exchange_rate *out)
{
    const struct mtr_rate_quote base = {.currency = rates->base, .numerator = 1, .denominator = 1};
    bool of_base = mtr_str_equal(question->from, rates->base),
         to_base = mtr_str_equal(question->to, rates->base);
    const struct mtr_rate_quote *from = of_base ? &base : find_quote(rates, question->from);
    const struct mtr_rate_quote *to = to_base ? &base : find_quote(rates, question->to);
    if (!from || !to) return false;
    mtr_int128 numerator = (mtr_int128)from->denominator * to->numerator,
               denominator = (mtr_int128)from->numerator * to->denominator;
    mtr_int128 divisor = greatest_divisor(numerator, denominator);
    MTR_ASSERT(numerator > 0 && denominator > 0);
    *out = (struct mtr_exchange_rate){
        .rates = rates,
        .derivation = of_base ? MTR_RATE_DIRECT : to_base ? MTR_RATE_INVERSE : MTR_RATE_CROSS,
        .numerator = numerator / divisor,
        .denominator = denominator / divisor,
    };
    return true;
}

int mtr_rate_book_find(const struct mtr_rate_book *book, const struct mtr_rate_question *question,
                       struct mtr_exchange_rate *out)
{
    for (uint32_t i = count_until(book, question->source, question->day); i > 0; i--) {
        const struct mtr_rates *rates = book->days[i - 1];
        if (!mtr_str_equal(rates->source, question->source) ||
            question->day - rates->day > question->max_age_days)
            break;
        if (derive(rates, question, out)) return MTR_OK;
    }
    return MTR_ENOTFOUND;
}

bool mtr_rate_book_has_source(const struct mtr_rate_book *book, struct mtr_str source)
{
    const uint32_t count = count_until(book, source, INT64_MAX);
    return count && mtr_str_equal(book->days[count - 1]->source, source);
}

void mtr_rate_day_format(int64_t day, char text[MTR_DATE_TEXT_BYTES])
{
    int32_t year = 0;
    unsigned month = 0, of_month = 0;
    mtr_civil_from_days(day, &year, &month, &of_month);
    snprintf(text, MTR_DATE_TEXT_BYTES, "%04d-%02u-%02u", (int)year % 10000, month % 100, of_month % 100);
}

void mtr_rate_question_format(const struct mtr_rate_question *question,
                              char text[MTR_RATE_QUESTION_TEXT_BYTES])
{
    char day[MTR_DATE_TEXT_BYTES], before[64] = "";
    mtr_rate_day_format(question->day, day);
    if (question->max_age_days == INT64_MAX) snprintf(before, sizeof(before), " or any day before");
    else if (question->max_age_days > 0)
        snprintf(before, sizeof(before), ", nor one of the %" PRId64 " days before", question->max_age_days);
    snprintf(text, MTR_RATE_QUESTION_TEXT_BYTES, "there is no rate of %.*s from %.*s to %.*s for %s%s",
             MTR_STR_ARGS(question->source), MTR_STR_ARGS(question->from), MTR_STR_ARGS(question->to), day,
             before);
}

int mtr_rate_decimal(const struct mtr_exchange_rate *rate, struct mtr_money *out)
{
    const struct mtr_money one = {(mtr_int128)1000000000000000000};
    struct mtr_exact value;
    int rc = mtr_exact_scale(mtr_exact_from_money(one), (struct mtr_quantity){rate->numerator},
                             (struct mtr_quantity){rate->denominator}, MTR_ROUND_HALF_EVEN, &value);
    return rc ? rc : mtr_exact_round(value, MTR_MONEY_DIGITS, MTR_ROUND_HALF_EVEN, out, NULL);
}
