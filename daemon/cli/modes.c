/*
 * See modes.h.
 */
#include "daemon/cli/modes.h"

#include <stdio.h>

static bool is_asked_for(const struct cli_invocation *invocation, const struct cli_mode *mode)
{
    return !mode->option || (invocation_flag(invocation, mode->option) &&
                             (!mode->beside || invocation_flag(invocation, mode->beside)));
}

/* The option that asks for all that the option goes with, where there is one. */
static void say_other_mode(const struct cli_mode *modes, unsigned goes_with)
{
    for (; modes->option; modes++)
        if (modes->bit == goes_with) fprintf(stderr, ", or write --%s", modes->option);
}

bool cli_check_options(const struct cli_invocation *invocation, const struct cli_mode *modes,
                       const struct cli_mode_option *options)
{
    const struct cli_mode *mode = modes;
    while (!is_asked_for(invocation, mode)) mode++;
    for (; options->option; options++) {
        if ((options->modes & mode->bit) || !invocation_flag(invocation, options->option)) continue;
        fprintf(stderr, "meterd %s: %s: leave out --%s", invocation->command->name, mode->what,
                options->option);
        say_other_mode(modes, options->modes);
        fputc('\n', stderr);
        return false;
    }
    return true;
}
