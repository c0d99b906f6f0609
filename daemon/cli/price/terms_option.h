/*
 * Billing and trial of the subscription that `meterd price` makes up, as they are written on a command line.
 * Private to daemon.
 */
#ifndef METERD_DAEMON_CLI_PRICE_TERMS_OPTION_H
#define METERD_DAEMON_CLI_PRICE_TERMS_OPTION_H

#include "meterd/core/document.h"
#include "daemon/cli/command.h"

/* The `billing` or `trial` of a pricing request, as JSON: of --billing and --trial, which take YAML as a
 * subscription has it, or one word: `quarter` is {every: quarter}, a trial's `2026-02-01` is {end:
 * 2026-02-01}. A trial's tariff that the bundle has (NULL: there is none) is put in as a document. Nothing
 * when not given. Returns an exit code, after printing why. */
int terms_option_write(const struct cli_invocation *invocation, const char *option,
                       const struct mtr_node *bundle, struct mtr_buffer *out);

#endif
