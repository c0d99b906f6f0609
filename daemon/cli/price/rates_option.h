/*
 * Rates of exchange on the command line of meterd price. Private to daemon.
 */
#ifndef METERD_DAEMON_CLI_PRICE_RATES_OPTION_H
#define METERD_DAEMON_CLI_PRICE_RATES_OPTION_H

#include "meterd/core/document.h"
#include "meterd/tariff/tariff.h"
#include "daemon/cli/command.h"

/* What the rates are for. */
struct rates_place {
    const char *path;                         /* of the bundle that the tariff came from */
    const struct mtr_node *bundle;            /* NULL: none */
    const struct mtr_tariff_document *tariff; /* says the source and base of what says none; NULL: not known
                                                here, and what is wrong with rates is said by the daemon */
};

/* The `rates` of a pricing request, as JSON: those of the bundle, of --rates files, and of --rate
 * CURRENCY=NUMBER@DATE. Nothing when none are given. Returns an exit code, after printing why. */
int rates_option_write(const struct cli_invocation *invocation, const struct rates_place *place,
                       struct mtr_buffer *out);

#endif
