/*
 * The list of commands, in the order of the overview.
 */
#include "daemon/cli/commands.h"

const struct cli_command *const cli_commands[] = {
    &cli_run, &cli_check, &cli_apply, &cli_get, &cli_delete, &cli_key, &cli_send, &cli_import,
    &cli_import_rates, &cli_events, &cli_held, &cli_usage, &cli_charges, &cli_credits, &cli_margins,
    &cli_explain, &cli_price, &cli_source, &cli_audit, &cli_rebuild, &cli_repair, &cli_backup, &cli_restore,
    &cli_clock, &cli_security, &cli_reference, &cli_version, NULL,
};
