/*
 * What a command is asked: its options by their names, and its arguments. No state of its own; main's thread.
 */
#include "daemon/cli/command.h"

#include <string.h>

#include "meterd/core/error.h"

const struct cli_option cli_common_options[] = {
    {"config", 'c', "FILE",
     "configuration (default: METERD_CONFIG, or /etc/meterd/meterd.yaml when it exists)"},
    {"set", 0, "SECTION.KEY=VALUE…", "one configuration value; beats environment and file"},
    {"help", 'h', NULL, "print this help"},
    {"version", 'V', NULL, "print the version"},
    {0},
};

static const struct cli_option *find_in(const struct cli_option *options, struct mtr_str name, char letter)
{
    for (const struct cli_option *option = options; option && option->name; option++)
        if (letter ? option->letter == letter : mtr_str_equal(mtr_str_from(option->name), name))
            return option;
    return NULL;
}

const struct cli_option *cli_find_option(const struct cli_command *command, struct mtr_str name, char letter)
{
    const struct cli_option *option = command ? find_in(command->options, name, letter) : NULL;
    return option ? option : find_in(cli_common_options, name, letter);
}

bool cli_option_repeats(const struct cli_option *option)
{
    static const char mark[] = "…";
    const size_t bytes = option->value_name ? strlen(option->value_name) : 0;
    return bytes > strlen(mark) && strcmp(option->value_name + bytes - strlen(mark), mark) == 0;
}

const char *invocation_option_at(const struct cli_invocation *invocation, const char *name, uint32_t index)
{
    const struct cli_option *option = cli_find_option(invocation->command, mtr_str_from(name), 0);
    MTR_ASSERT(option != NULL);
    for (uint32_t i = 0; i < invocation->option_count; i++)
        if (invocation->options[i].option == option && index-- == 0) return invocation->options[i].value;
    return NULL;
}

const char *invocation_option(const struct cli_invocation *invocation, const char *name)
{
    return invocation_option_at(invocation, name, 0);
}

bool invocation_flag(const struct cli_invocation *invocation, const char *name)
{
    return invocation_option(invocation, name) != NULL;
}

bool invocation_u64(const struct cli_invocation *invocation, const char *name, uint64_t min, uint64_t max,
                    uint64_t *out)
{
    const char *text = invocation_option(invocation, name);
    uint64_t value;
    if (!text) return true;
    if (mtr_str_to_u64(mtr_str_from(text), &value) && value >= min && value <= max) {
        *out = value;
        return true;
    }
    fprintf(stderr, "meterd: --%s takes a whole number from %llu to %llu, not '%s'\n", name,
            (unsigned long long)min, (unsigned long long)max, text);
    return false;
}
