/*
 * The answer of `meterd price`, for people. Private to daemon/cli.
 */
#ifndef METERD_DAEMON_CLI_PRICE_TABLE_H
#define METERD_DAEMON_CLI_PRICE_TABLE_H

#include "daemon/cli/command.h"

/* As it comes with --json, else lines, total and trace. Returns the exit code. */
int price_print_answer(const struct cli_invocation *invocation, struct mtr_str answer);

#endif
