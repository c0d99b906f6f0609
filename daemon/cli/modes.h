/*
 * Commands that do one of several things: which it is, and which options mean something then. An option that
 * would be left aside in silence is refused, because somebody meant it. Private to daemon/cli.
 */
#ifndef METERD_DAEMON_CLI_MODES_H
#define METERD_DAEMON_CLI_MODES_H

#include <stdbool.h>

#include "daemon/cli/command.h"

/* What a command may be asked for: the first of its modes whose options are given. */
struct cli_mode {
    unsigned bit;
    const char *option; /* that asks for it; NULL: what is left, the last one */
    const char *beside; /* another one that has to be given, too; NULL: none */
    const char *what;   /* it does, as "--curve plots every quantity" */
};

/* An option that means something in some of them. Those that are not named do in all. */
struct cli_mode_option {
    const char *option; /* NULL: the end of the list */
    unsigned modes;
};

/* False after saying which option to leave out. */
bool cli_check_options(const struct cli_invocation *invocation, const struct cli_mode *modes,
                       const struct cli_mode_option *options);

#endif
