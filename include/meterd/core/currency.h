/*
 * Currencies: ISO 4217 alphabetic codes and their minor-unit digits. Withdrawn codes are kept for old
 * periods; metals, units of account and test codes are not currencies here, for they have no minor unit.
 */
#ifndef METERD_CORE_CURRENCY_H
#define METERD_CORE_CURRENCY_H

#include <stdbool.h>

#include "meterd/core/str.h"

struct mtr_currency {
    char code[4];    /* "EUR", NUL-terminated */
    unsigned digits; /* 2 for EUR, 0 for JPY, 3 for KWD */
};

/* The row of that code (upper case), or NULL. Static memory. */
const struct mtr_currency *mtr_currency_find(struct mtr_str code);

#endif
