/*
 * What `meterd rebuild` shares with `meterd audit`. Private to daemon/cli.
 */
#ifndef METERD_DAEMON_CLI_COMMAND_AUDIT_H
#define METERD_DAEMON_CLI_COMMAND_AUDIT_H

#include "daemon/cli/command.h"
#include "meterd/core/diagnostic.h"

/* Folds the log again and compares; with_charges: each line's charges with its price, too; with_log: the
 * hashes of all blocks. Returns the exit code. */
int audit_run(const struct cli_invocation *invocation, bool with_charges, bool with_log);

/* Prints what went wrong; returns the exit code that fits. */
int audit_failed(const char *what, int rc, const struct mtr_diagnostic *diagnostic);

#endif
