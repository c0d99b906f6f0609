/*
 * meterd run: the daemon, in the foreground.
 */
#include "daemon/daemon.h"
#include "meterd/core/logline.h"
#include "daemon/cli/commands.h"
#include "daemon/cli/inputs.h"

static int reload(void *context, struct mtr_config *out)
{
    return cli_load_config(context, out);
}

static int run(const struct cli_invocation *invocation)
{
    static struct mtr_config config;
    struct cli_invocation copy = *invocation; /* reload reads the same options again */
    int code = cli_load_config(invocation, &config);
    if (code) return code;
    mtr_logline_set_level((enum mtr_logline_level)config.logline.level);
    mtr_logline_set_format((enum mtr_logline_format)config.logline.format);
    code = daemon_run(&config, reload, &copy) ? MTR_EXIT_FAILED : MTR_EXIT_OK;
    config_release(&config);
    return code;
}

static const struct cli_option options[] = {
    {0},
};

const struct cli_command cli_run = {
    .name = "run",
    .arguments = "",
    .doc = "run the daemon in the foreground",
    .text = "Collects, aggregates, rates and delivers until SIGTERM or SIGINT, which drain. SIGHUP reloads "
            "the configuration;\n"
            "a bad one is reported and the old one kept. The first start writes <data>/admin.key.\n",
    .exits = "0 drained after a signal, 1 failed, 64 wrong usage, 78 bad configuration",
    .options = options,
    .run = run,
};
