/*
 * Currencies by their alphabetic code of ISO 4217 (today's and withdrawn ones), with the digits of
 * their minor unit: how many places behind the point an amount is rounded to, and at least shown with.
 *
 *   const struct mtr_currency *euro = mtr_currency_find(MTR_STR("EUR"));   // euro->digits == 2: 12.34
 *   mtr_currency_find(MTR_STR("eur")) == NULL                              // codes are upper case
 *
 * Withdrawn codes are kept, since old periods are rated again; metals, units of account and test codes (XAU,
 * XDR, XTS) are no currencies here, for they have no minor unit to round to. An amount does not know its
 * currency: who adds amounts sees to it that they have one (struct mtr_money, decimal.h).
 *
 * Rows are static and constant: any thread, for ever.
 */
#ifndef METERD_CORE_CURRENCY_H
#define METERD_CORE_CURRENCY_H

#include <stdbool.h>

#include "meterd/core/str.h"

struct mtr_currency {
    char code[4];    /* "EUR", NUL-terminated */
    unsigned digits; /* 0…4: 2 for EUR, 0 for JPY, 3 for KWD, 4 for CLF */
};

enum { MTR_CURRENCIES_MAX = 256 }; /* there are fewer */
/* The row of that code, or NULL. */
const struct mtr_currency *mtr_currency_find(struct mtr_str code);
/* The end of a sentence about a code that is none, as mtr_str_meant makes it: one that a letter tells from
 * it, or capitals alone, of the same country if there is one. */
const char *mtr_currency_meant(struct mtr_str code, char text[MTR_MEANT_BYTES]);

#endif
