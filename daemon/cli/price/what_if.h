/*
 * meterd price --what-if: the stored usage under a draft. Private to daemon.
 */
#ifndef METERD_DAEMON_CLI_PRICE_WHAT_IF_H
#define METERD_DAEMON_CLI_PRICE_WHAT_IF_H

#include "daemon/cli/command.h"

int price_what_if_run(const struct cli_invocation *invocation);

#endif
