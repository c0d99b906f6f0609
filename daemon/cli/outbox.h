/*
 * The outbox on the command line: its messages, and what is to become of them. Private to daemon/cli.
 */
#ifndef METERD_DAEMON_CLI_OUTBOX_H
#define METERD_DAEMON_CLI_OUTBOX_H

#include "daemon/cli/command.h"

/* Both take --state, --destination, --from and --to; they return the exit code. */
int outbox_list(const struct cli_invocation *invocation);
/* `message` is an id, or "all": each one that the options name, of a --state. The action is "retry" or
 * "delivered". */
int outbox_settle(const struct cli_invocation *invocation, const char *message, const char *action);

#endif
