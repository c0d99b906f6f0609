/*
 * meterd run and version.
 */
#include <stdio.h>

#include "daemon/daemon.h"
#include "meterd/core/logline.h"
#include "daemon/cli/command.h"
#include "daemon/cli/inputs.h"

static int reload(void *context, struct mtr_config *out)
{
    return cli_load_config(context, out);
}

int command_run(const struct mtr_invocation *invocation)
{
    static struct mtr_config config;
    struct mtr_invocation copy = *invocation; /* reload reads the same options again */
    int code = cli_load_config(invocation, &config);
    if (code) return code;
    mtr_logline_set_level((enum mtr_logline_level)config.logline.level);
    mtr_logline_set_format((enum mtr_logline_format)config.logline.format);
    code = daemon_run(&config, reload, &copy) ? MTR_EXIT_FAILED : MTR_EXIT_OK;
    config_release(&config);
    return code;
}

int command_version(const struct mtr_invocation *invocation)
{
    if (invocation_flag(invocation, "json")) printf("{\"version\":\"%s\"}\n", METERD_VERSION);
    else printf("meterd %s\n", METERD_VERSION);
    return MTR_EXIT_OK;
}
