/*
 * How a bank's XML is read: the frame calls two hooks of the bank for each element, and they add days and
 * rates. Private to lib/catalog/bank.
 */
#ifndef METERD_LIB_CATALOG_BANK_READER_H
#define METERD_LIB_CATALOG_BANK_READER_H

#include "meterd/catalog/bank.h"

/* What is being read; hooks say what is wrong with bank_fail and return. */
struct mtr_bank_reader {
    struct mtr_arena *arena;
    struct mtr_bank_rates rates;
    char currency[MTR_BANK_TEXT_BYTES_MAX + 1], value[MTR_BANK_TEXT_BYTES_MAX + 1],
        nominal[MTR_BANK_TEXT_BYTES_MAX + 1]; /* of the quote at hand */
    int error;
    void *parser;
    struct mtr_diagnostic *diagnostic;
};

/* For hooks. */
void bank_fail(struct mtr_bank_reader *reader, enum mtr_finding_code code, const char *format, ...)
    MTR_PRINTF(3, 4);
const char *bank_attribute(const char *const *attributes, const char *name); /* NULL: absent */
void bank_begin_day(struct mtr_bank_reader *reader, int32_t year, unsigned month, unsigned day);
/* Adds a quote to the day at hand; nominal 0: per base. */
void bank_add_quote(struct mtr_bank_reader *reader, const char *currency, const char *value,
                    uint64_t nominal);
/* `digits` digits as a number. */
bool bank_digits(const char *text, unsigned digits, unsigned *out);

#endif
