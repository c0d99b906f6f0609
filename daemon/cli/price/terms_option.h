/*
 * Billing and trial of the subscription that `meterd price` makes up, as they are written on a command line.
 * Private to daemon.
 */
#ifndef METERD_DAEMON_CLI_PRICE_TERMS_OPTION_H
#define METERD_DAEMON_CLI_PRICE_TERMS_OPTION_H

#include "daemon/cli/command.h"
#include "daemon/cli/price/bundle.h"

/* The `billing` or `trial` of a pricing request, as JSON: of --billing and --trial, which take YAML as a
 * subscription has it, or one word: `quarter` is {every: quarter}, a trial's `2026-02-01` is {end:
 * 2026-02-01}. A trial's tariff is one of the bundle, where there is one, and is put in as a document.
 * Nothing when not given. Returns an exit code, after printing why. */
int terms_option_write(const struct cli_invocation *invocation, const char *option,
                       const struct price_bundle *bundle, struct mtr_buffer *out);

#endif
