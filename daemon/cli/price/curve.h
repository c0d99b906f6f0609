/*
 * `meterd price --curve`: amount against quantity. Private to daemon.
 */
#ifndef METERD_DAEMON_CLI_PRICE_CURVE_H
#define METERD_DAEMON_CLI_PRICE_CURVE_H

#include "meterd/core/arena.h"
#include "meterd/tariff/tariff.h"
#include "daemon/cli/command.h"

/* Returns an exit code, after printing why. */
int price_curve_plot(const struct cli_invocation *invocation, const struct mtr_tariff_document *tariff,
                     struct mtr_arena *arena);

#endif
