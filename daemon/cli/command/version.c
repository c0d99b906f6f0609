/*
 * meterd version.
 */
#include <stdio.h>

#include "daemon/cli/commands.h"

static int run(const struct cli_invocation *invocation)
{
    if (invocation_flag(invocation, "json")) printf("{\"version\":\"%s\"}\n", METERD_VERSION);
    else printf("meterd %s\n", METERD_VERSION);
    return MTR_EXIT_OK;
}

static const struct cli_option options[] = {
    CLI_JSON_OPTION,
    {0},
};

const struct cli_command cli_version = {
    .name = "version",
    .arguments = "",
    .doc = "print the version",
    .options = options,
    .run = run,
};
