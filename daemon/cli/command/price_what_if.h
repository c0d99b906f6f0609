/*
 * meterd price --what-if: the stored usage under a draft. Private to daemon.
 */
#ifndef METERD_DAEMON_CLI_COMMAND_PRICE_WHAT_IF_H
#define METERD_DAEMON_CLI_COMMAND_PRICE_WHAT_IF_H

#include "daemon/cli/command.h"

int command_price_what_if(const struct mtr_invocation *invocation);

#endif
