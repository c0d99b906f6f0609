/*
 * Euro foreign exchange reference rates of the European Central Bank: the daily file, that of 90 days and the
 * whole history have one shape,
 *
 *   <Cube><Cube time='2026-11-20'><Cube currency='USD' rate='1.0842'/> …</Cube> …</Cube>
 *
 * 1 euro is `rate` of the currency.
 */
#include "lib/catalog/bank/reader.h"

#include <string.h>

static void begin_day(struct mtr_bank_reader *reader, const char *time)
{
    unsigned year = 0, month = 0, day = 0;
    enum { DATE_BYTES = 10 };
    bool is_date = strlen(time) == DATE_BYTES && bank_digits(time, 4, &year) && time[4] == '-' &&
                   bank_digits(time + 5, 2, &month) && time[7] == '-' && bank_digits(time + 8, 2, &day);
    if (is_date) bank_begin_day(reader, (int32_t)year, month, day);
    else
        bank_fail(reader, MTR_FINDING_RATES_DAY, "`%.40s` is no day, as 2026-11-20", time);
}

static void on_begin(struct mtr_bank_reader *reader, const char *element, const char *const *attributes)
{
    const char *time = bank_attribute(attributes, "time"), *currency = bank_attribute(attributes, "currency"),
               *rate = bank_attribute(attributes, "rate");
    if (strcmp(element, "Cube") != 0) return;
    if (time) begin_day(reader, time);
    if (currency && rate) bank_add_quote(reader, currency, rate, 0);
    else if (currency || rate)
        bank_fail(reader, MTR_FINDING_RATES_QUOTE, "a rate needs `currency` and `rate`");
}

static void on_end(struct mtr_bank_reader *reader, const char *element, const char *text)
{
    (void)reader;
    (void)element;
    (void)text;
}

const struct mtr_bank mtr_bank_ecb = {.name = "ecb",
                              .base = "EUR",
                              .full_name = "the European Central Bank",
                              .on_begin = on_begin,
                              .on_end = on_end};
