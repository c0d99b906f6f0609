/*
 * The commands, by the file of their name in daemon/cli/command. Private to daemon/cli.
 */
#ifndef METERD_DAEMON_CLI_COMMANDS_H
#define METERD_DAEMON_CLI_COMMANDS_H

#include "daemon/cli/command.h"

extern const struct cli_command cli_run;
extern const struct cli_command cli_check;
extern const struct cli_command cli_apply;
extern const struct cli_command cli_get;
extern const struct cli_command cli_delete;
extern const struct cli_command cli_key;
extern const struct cli_command cli_send;
extern const struct cli_command cli_import;
extern const struct cli_command cli_import_rates;
extern const struct cli_command cli_events;
extern const struct cli_command cli_held;
extern const struct cli_command cli_usage;
extern const struct cli_command cli_charges;
extern const struct cli_command cli_credits;
extern const struct cli_command cli_margins;
extern const struct cli_command cli_explain;
extern const struct cli_command cli_price;
extern const struct cli_command cli_source;
extern const struct cli_command cli_audit;
extern const struct cli_command cli_rebuild;
extern const struct cli_command cli_repair;
extern const struct cli_command cli_backup;
extern const struct cli_command cli_restore;
extern const struct cli_command cli_clock;
extern const struct cli_command cli_security;
extern const struct cli_command cli_reference;
extern const struct cli_command cli_version;

/* All of them, ending with NULL. */
extern const struct cli_command *const cli_commands[];

#endif
