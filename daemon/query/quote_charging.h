/*
 * In which currency a requested price is charged, and at which rates. Private to daemon.
 */
#ifndef METERD_DAEMON_QUERY_QUOTE_CHARGING_H
#define METERD_DAEMON_QUERY_QUOTE_CHARGING_H

#include "meterd/catalog/catalog.h"
#include "meterd/tariff/price.h"

struct mtr_price_charging {
    const struct mtr_tariff_document
        *tariff; /* as it is for the party, in its own currency where it is exchanged */
    struct mtr_str currency;                  /* that is charged */
    bool exchanges;
    const struct mtr_rate_book *rates;
};

/* The tariff for a party, whose currency may be empty: the tariff's. MTR_ENOTFOUND: it has neither prices
 * nor an exchange for the currency; MTR_ENOMEM. */
int quote_charging_choose(const struct mtr_tariff_document *tariff, const struct mtr_tariff_party *party,
                              struct mtr_arena *arena, struct mtr_price_charging *out) MTR_MUST_USE;

/* Rates documents of a request; what one does not say, the source and the base, is what the tariff asks
 * for. MTR_EINVALID with findings, MTR_ENOMEM. */
int quote_rates_read(const struct mtr_node *list, const struct mtr_tariff_document *tariff,
                         struct mtr_arena *arena, struct mtr_rate_book *out,
                         struct mtr_diagnostics *findings) MTR_MUST_USE;

/* Is each local day a part with a rate of its own? */
bool quote_charging_is_daily(const struct mtr_price_charging *charging);

/* Sets input->exchange; NULL where nothing is exchanged. */
int quote_charging_set(const struct mtr_price_charging *charging, struct mtr_price_exchange_times times,
                           struct mtr_arena *arena, struct mtr_price_input *input) MTR_MUST_USE;

/* The finding of a price that was MTR_EMISSING; MTR_EINVALID. */
int quote_charging_fail(const struct mtr_price_input *input, struct mtr_diagnostics *findings);

#endif
