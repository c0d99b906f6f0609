/*
 * The command line: finds the command's row, parses its options, runs it. No state of its own; main's thread.
 *
 * Options are --name VALUE, --name=VALUE, -x VALUE or flags; "--" ends them. The common options may also
 * stand before the command's name, as in `meterd -c meterd.yaml run`. A value is given once, unless its
 * option's row says that it repeats.
 */
#include "daemon/cli/command.h"

#include <string.h>

#include "meterd/core/error.h"

static const struct cli_command *find_command(const struct cli_command *const *commands, const char *name)
{
    for (const struct cli_command *const *command = commands; *command; command++)
        if (strcmp((*command)->name, name) == 0) return *command;
    return NULL;
}

static int point_to_help(const struct cli_command *command)
{
    fprintf(stderr, "Try 'meterd%s%s --help'.\n", command ? " " : "", command ? command->name : "");
    return MTR_EXIT_USAGE;
}

static int usage_error(const struct cli_command *command, const char *what, const char *word)
{
    fprintf(stderr, "meterd: %s%s\n", what, word);
    return point_to_help(command);
}

static int unknown_option(const struct cli_command *command, const char *word, struct mtr_str name)
{
    const struct cli_option *tables[] = {command ? command->options : NULL, cli_common_options};
    fprintf(stderr, "meterd: unknown option %s\n", word);
    for (size_t t = 0; t < 2; t++)
        for (const struct cli_option *option = tables[t]; option && option->name; option++)
            if (mtr_str_distance(mtr_str_from(option->name), name) <= 2)
                fprintf(stderr, "Did you mean --%s?\n", option->name);
    return point_to_help(command);
}

static int unknown_command(const struct cli_command *const *commands, const char *name)
{
    fprintf(stderr, "meterd: unknown command %s\n", name);
    for (const struct cli_command *const *command = commands; *command; command++)
        if (mtr_str_distance(mtr_str_from((*command)->name), mtr_str_from(name)) <= 2)
            fprintf(stderr, "Did you mean 'meterd %s'?\n", (*command)->name);
    return point_to_help(NULL);
}

/* A value that has one place has no other: neither the first nor the last of two is what was asked for. */
static int check_once(const struct cli_invocation *invocation, const struct cli_option *option,
                      const char *value)
{
    if (!option->value_name || cli_option_repeats(option)) return MTR_EXIT_OK;
    for (uint32_t i = 0; i < invocation->option_count; i++) {
        if (invocation->options[i].option != option) continue;
        fprintf(stderr, "meterd: --%s is given twice, as '%s' and as '%s': it takes one %s\n", option->name,
                invocation->options[i].value, value, option->value_name);
        return point_to_help(invocation->command);
    }
    return MTR_EXIT_OK;
}

/* Parses the option at argv[*index], moving on over a value of its own. */
static int parse_option(struct cli_invocation *invocation, int argc, char **argv, int *index)
{
    const char *word = argv[*index];
    bool is_long = word[1] == '-';
    const char *name = is_long ? word + 2 : word + 1;
    const char *equals = is_long ? strchr(name, '=') : NULL;
    struct mtr_str text = {name, equals ? (size_t)(equals - name) : strlen(name)};
    const struct cli_option *option = NULL;
    if (is_long) option = cli_find_option(invocation->command, text, 0);
    else if (text.size == 1) option = cli_find_option(invocation->command, text, name[0]);
    if (!option) return unknown_option(invocation->command, word, text);
    const char *value = equals ? equals + 1 : NULL;
    if (!option->value_name && value)
        return usage_error(invocation->command, "this option takes no value: ", word);
    if (option->value_name && !value) {
        if (*index + 1 >= argc) return usage_error(invocation->command, "this option needs a value: ", word);
        value = argv[++*index];
    }
    int rc = check_once(invocation, option, value);
    if (rc) return rc;
    if (invocation->option_count == MTR_INVOCATION_OPTIONS_MAX)
        return usage_error(invocation->command, "too many options at ", word);
    invocation->options[invocation->option_count].option = option;
    invocation->options[invocation->option_count++].value = value ? value : "";
    return MTR_EXIT_OK;
}

static int parse_word(struct cli_invocation *invocation, const char *word)
{
    if (!invocation->command) {
        invocation->command = find_command(invocation->commands, word);
        return invocation->command ? MTR_EXIT_OK : unknown_command(invocation->commands, word);
    }
    if (invocation->argument_count == invocation->command->arguments_max)
        return usage_error(invocation->command, "one argument too many: ", word);
    MTR_ASSERT(invocation->argument_count < MTR_INVOCATION_ARGUMENTS_MAX);
    invocation->arguments[invocation->argument_count++] = word;
    return MTR_EXIT_OK;
}

static void write_options(const struct cli_option *options, FILE *out)
{
    for (const struct cli_option *option = options; option && option->name; option++) {
        char left[64];
        const int column = cli_option_repeats(option) ? 28 + (int)strlen("…") - 1 : 28; /* of bytes */
        char letter[5] = "    ";
        if (option->letter) snprintf(letter, sizeof(letter), "-%c, ", option->letter);
        snprintf(left, sizeof(left), "%s--%s%s%s", letter, option->name, option->value_name ? " " : "",
                 option->value_name ? option->value_name : "");
        fprintf(out, "  %-*s %s\n", column, left, option->doc);
    }
}

static void write_overview(const struct cli_command *const *commands, FILE *out)
{
    fputs("meterd: usage metering, from vendors' events to rated charges\n\n"
          "Usage: meterd [-c FILE] COMMAND [ARGUMENT…] [OPTION…]\n\nCommands:\n",
          out);
    for (const struct cli_command *const *row = commands; *row; row++)
        fprintf(out, "  %-12s %s\n", (*row)->name, (*row)->doc);
    fputs("\nOptions of every command:\n", out);
    write_options(cli_common_options, out);
    fputs("\nExit status: " CLI_EXITS ".\n"
          "'meterd COMMAND --help' tells more of one command.\n",
          out);
}

static void write_help(const struct cli_invocation *invocation, FILE *out)
{
    const struct cli_command *command = invocation->command;
    if (!command) {
        write_overview(invocation->commands, out);
        return;
    }
    fprintf(out, "meterd %s: %s\n\nUsage: meterd %s%s%s [OPTION…]\n", command->name, command->doc,
            command->name, *command->arguments ? " " : "", command->arguments);
    if (command->text) fprintf(out, "\n%s", command->text);
    fputs("\nOptions:\n", out);
    write_options(command->options, out);
    write_options(cli_common_options, out);
    fprintf(out, "\nExit status: %s.\n", command->exits ? command->exits : CLI_EXITS);
}

int command_main(const struct cli_command *const *commands, int argc, char **argv)
{
    static struct cli_invocation invocation; /* too large for a small stack */
    bool options_ended = false;
    invocation.commands = commands;
    for (int i = 1; i < argc; i++) {
        const char *word = argv[i];
        bool is_option = !options_ended && word[0] == '-' && word[1];
        if (is_option && strcmp(word, "--") == 0) {
            options_ended = true;
            continue;
        }
        int rc = is_option ? parse_option(&invocation, argc, argv, &i) : parse_word(&invocation, word);
        if (rc) return rc;
    }
    if (invocation_flag(&invocation, "help")) {
        write_help(&invocation, stdout);
        return MTR_EXIT_OK;
    }
    if (!invocation.command && invocation_flag(&invocation, "version"))
        invocation.command = find_command(commands, "version");
    if (!invocation.command) {
        write_overview(commands, stderr);
        return MTR_EXIT_USAGE;
    }
    if (invocation.argument_count < invocation.command->arguments_min)
        return usage_error(invocation.command, "missing argument: ", invocation.command->arguments);
    return invocation.command->run(&invocation);
}
