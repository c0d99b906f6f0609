/*
 * Rates of exchange on the command line of meterd price. Private to daemon.
 */
#ifndef METERD_DAEMON_CLI_PRICE_RATES_OPTION_H
#define METERD_DAEMON_CLI_PRICE_RATES_OPTION_H

#include "meterd/core/document.h"
#include "daemon/cli/command.h"

/* The `rates` of a pricing request, as JSON: those of the bundle that the tariff came from (`bundle` may
 * be NULL), of --rates files, and of --rate CURRENCY=NUMBER@DATE. Nothing when none are given. Returns an
 * exit code, after printing why. */
int rates_option_write(const struct cli_invocation *invocation, const struct mtr_node *bundle,
                       struct mtr_buffer *out);

#endif
