/*
 * Official rates of the Bank of Russia, one day in a file:
 *
 *   <ValCurs Date="21.11.2026">
 *     <Valute><CharCode>JPY</CharCode><Nominal>100</Nominal><Value>62,5000</Value></Valute> …
 *   </ValCurs>
 *
 * `Nominal` of the currency is `Value` roubles; the decimal sign is a comma. VunitRate, the value of one
 * unit, is left alone: it is rounded.
 */
#include "lib/catalog/bank/reader.h"

#include <stdio.h>
#include <string.h>

#include "meterd/tariff/rates.h"

static void begin_day(struct mtr_bank_reader *reader, const char *date)
{
    unsigned year = 0, month = 0, day = 0;
    enum { DATE_BYTES = 10 };
    bool is_date = date && strlen(date) == DATE_BYTES && bank_digits(date, 2, &day) && date[2] == '.' &&
                   bank_digits(date + 3, 2, &month) && date[5] == '.' && bank_digits(date + 6, 4, &year);
    if (is_date) bank_begin_day(reader, (int32_t)year, month, day);
    else
        bank_fail(reader, MTR_FINDING_RATES_DAY, "`%.40s` is no day, as 21.11.2026", date ? date : "");
}

static void on_begin(struct mtr_bank_reader *reader, const char *element, const char *const *attributes)
{
    if (strcmp(element, "ValCurs") == 0) begin_day(reader, bank_attribute(attributes, "Date"));
    if (strcmp(element, "Valute") != 0) return;
    reader->currency[0] = reader->nominal[0] = reader->value[0] = '\0';
}

static void keep(char out[MTR_BANK_TEXT_BYTES_MAX + 1], const char *text)
{
    snprintf(out, MTR_BANK_TEXT_BYTES_MAX + 1, "%s", text);
}

static void end_quote(struct mtr_bank_reader *reader)
{
    uint64_t nominal = 0;
    char *comma = strchr(reader->value, ',');
    if (!reader->currency[0] || !reader->nominal[0] || !reader->value[0]) {
        bank_fail(reader, MTR_FINDING_RATES_QUOTE, "a rate needs CharCode, Nominal and Value");
    } else if (strchr(reader->value, '.')) {
        bank_fail(reader, MTR_FINDING_RATES_QUOTE, "%.20s: `%.40s`: the decimal sign is a comma",
                  reader->currency, reader->value);
    } else if (!mtr_str_to_u64(mtr_str_from(reader->nominal), &nominal) || nominal < 1 ||
               nominal > MTR_RATES_NOMINAL_MAX) {
        bank_fail(reader, MTR_FINDING_RATES_QUOTE,
                  "%.20s: Nominal is a whole number from 1 to %d, not `%.40s`", reader->currency,
                  MTR_RATES_NOMINAL_MAX, reader->nominal);
    } else {
        if (comma) *comma = '.';
        bank_add_quote(reader, reader->currency, reader->value, nominal);
    }
}

static void on_end(struct mtr_bank_reader *reader, const char *element, const char *text)
{
    if (strcmp(element, "CharCode") == 0) keep(reader->currency, text);
    else if (strcmp(element, "Nominal") == 0) keep(reader->nominal, text);
    else if (strcmp(element, "Value") == 0) keep(reader->value, text);
    else if (strcmp(element, "Valute") == 0) end_quote(reader);
}

const struct mtr_bank mtr_bank_cbr = {
    .name = "cbr", .base = "RUB", .full_name = "the Bank of Russia", .on_begin = on_begin, .on_end = on_end};
