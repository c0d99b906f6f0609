/*
 * What `meterd price` is asked for, and which options mean something then. Private to daemon/cli.
 */
#ifndef METERD_DAEMON_CLI_PRICE_MODES_H
#define METERD_DAEMON_CLI_PRICE_MODES_H

#include <stdbool.h>

#include "daemon/cli/command.h"

/* False after saying which option would change nothing, and with what it goes. */
bool price_check_options(const struct cli_invocation *invocation);

#endif
