/*
 * meterd: the one binary. Everything is in the commands.
 *
 * What any of them writes is its owner's alone, and no core of it is written, which would hold keys.
 */
#include "daemon/cli/commands.h"

#include <sys/resource.h>
#include <sys/stat.h>

static void keep_to_ourselves(void)
{
    struct rlimit core;
    umask(077);
    if (getrlimit(RLIMIT_CORE, &core)) return;
    core.rlim_cur = 0; /* the hard limit stays: `prlimit --core=unlimited --pid` asks for one */
    (void)!setrlimit(RLIMIT_CORE, &core);
}

int main(int argc, char **argv)
{
    keep_to_ourselves();
    return command_main(cli_commands, argc, argv);
}
