/*
 * Rates of exchange on the command line of meterd price. Private to daemon.
 */
#ifndef METERD_DAEMON_CLI_PRICE_RATES_OPTION_H
#define METERD_DAEMON_CLI_PRICE_RATES_OPTION_H

#include "daemon/cli/command.h"
#include "daemon/cli/price/bundle.h"
#include "daemon/cli/price/places.h"

/* The `rates` of a pricing request, as JSON: those of the bundle, of --rates files, and of --rate
 * CURRENCY=NUMBER@DATE; with the place of each. `tariff` says the source and base of what says none; NULL: it
 * is not known here, and what is wrong with such rates is said by the daemon. Nothing when none are given.
 * Returns an exit code, after printing why. */
struct rates_made {
    struct mtr_buffer *json, *places; /* of struct price_rates_place */
};
int rates_option_write(const struct cli_invocation *invocation, const struct price_bundle *bundle,
                       const struct mtr_tariff_document *tariff, const struct rates_made *out);

#endif
