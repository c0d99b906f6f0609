/*
 * The part of `meterd audit` that looks at what was polled. Private to daemon/cli.
 */
#ifndef METERD_DAEMON_CLI_COMMAND_AUDIT_POLLED_H
#define METERD_DAEMON_CLI_COMMAND_AUDIT_POLLED_H

#include "meterd/collector/polled_rows.h"

/* Does each row of the log in the data directory count once? Prints those that do not, the first hundred of
 * them; with_progress: how far it is, on a terminal. */
int audit_polled(const char *data_directory, bool with_progress, struct mtr_polled_rows *out,
                 struct mtr_diagnostic *diagnostic) MTR_MUST_USE;

#endif
