/*
 * meterd: the one binary. Everything is in the commands.
 */
#include "daemon/cli/command.h"

int main(int argc, char **argv)
{
    return command_main(argc, argv);
}
