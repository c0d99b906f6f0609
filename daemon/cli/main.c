/*
 * meterd: the one binary. Everything is in the commands.
 */
#include "daemon/cli/commands.h"

int main(int argc, char **argv)
{
    return command_main(cli_commands, argc, argv);
}
