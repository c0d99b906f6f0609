/*
 * The command line: finds the command's row, parses its options, runs it. No state of its own; main's thread.
 *
 * Options are --name VALUE, --name=VALUE, -x VALUE or flags; "--" ends them. The common options may also
 * stand before the command's name, as in `meterd -c meterd.yaml run`.
 */
#include "daemon/cli/command.h"

#include <string.h>

#include "meterd/core/error.h"

static const struct mtr_command *find_command(const char *name)
{
    for (const struct mtr_command *command = mtr_commands; command->name; command++)
        if (strcmp(command->name, name) == 0) return command;
    return NULL;
}

static const struct mtr_option *find_in(const struct mtr_option *options, struct mtr_str name, char letter)
{
    for (const struct mtr_option *option = options; option && option->name; option++)
        if (letter ? option->letter == letter : mtr_str_equal(mtr_str_from(option->name), name))
            return option;
    return NULL;
}

static const struct mtr_option *find_option(const struct mtr_command *command, struct mtr_str name,
                                            char letter)
{
    const struct mtr_option *option = command ? find_in(command->options, name, letter) : NULL;
    return option ? option : find_in(mtr_common_options, name, letter);
}

const char *invocation_option_at(const struct mtr_invocation *invocation, const char *name,
                                     uint32_t index)
{
    const struct mtr_option *option = find_option(invocation->command, mtr_str_from(name), 0);
    MTR_ASSERT(option != NULL);
    for (uint32_t i = 0; i < invocation->option_count; i++)
        if (invocation->options[i].option == option && index-- == 0) return invocation->options[i].value;
    return NULL;
}

const char *invocation_option(const struct mtr_invocation *invocation, const char *name)
{
    const char *value = NULL;
    const char *next;
    for (uint32_t i = 0; (next = invocation_option_at(invocation, name, i)) != NULL; i++) value = next;
    return value;
}

bool invocation_flag(const struct mtr_invocation *invocation, const char *name)
{
    return invocation_option(invocation, name) != NULL;
}

bool invocation_u64(const struct mtr_invocation *invocation, const char *name, uint64_t min, uint64_t max,
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

static int usage_error(const struct mtr_command *command, const char *what, const char *word)
{
    fprintf(stderr, "meterd: %s%s\n", what, word);
    fprintf(stderr, "Try 'meterd%s%s --help'.\n", command ? " " : "", command ? command->name : "");
    return MTR_EXIT_USAGE;
}

static void suggest_option(const struct mtr_command *command, struct mtr_str name)
{
    const struct mtr_option *tables[] = {command ? command->options : NULL, mtr_common_options};
    for (size_t t = 0; t < 2; t++)
        for (const struct mtr_option *option = tables[t]; option && option->name; option++)
            if (mtr_str_distance(mtr_str_from(option->name), name) <= 2)
                fprintf(stderr, "Did you mean --%s?\n", option->name);
}

static void suggest_command(const char *name)
{
    for (const struct mtr_command *command = mtr_commands; command->name; command++)
        if (mtr_str_distance(mtr_str_from(command->name), mtr_str_from(name)) <= 2)
            fprintf(stderr, "Did you mean 'meterd %s'?\n", command->name);
}

/* Parses the option at argv[*index], moving on over a value of its own. */
static int parse_option(struct mtr_invocation *invocation, int argc, char **argv, int *index)
{
    const char *word = argv[*index];
    bool is_long = word[1] == '-';
    const char *name = is_long ? word + 2 : word + 1;
    const char *equals = is_long ? strchr(name, '=') : NULL;
    struct mtr_str text = {name, equals ? (size_t)(equals - name) : strlen(name)};
    const struct mtr_option *option = NULL;
    if (is_long) option = find_option(invocation->command, text, 0);
    else if (text.size == 1) option = find_option(invocation->command, text, name[0]);
    if (!option) {
        suggest_option(invocation->command, text);
        return usage_error(invocation->command, "unknown option ", word);
    }
    const char *value = equals ? equals + 1 : NULL;
    if (!option->value_name && value)
        return usage_error(invocation->command, "this option takes no value: ", word);
    if (option->value_name && !value) {
        if (*index + 1 >= argc) return usage_error(invocation->command, "this option needs a value: ", word);
        value = argv[++*index];
    }
    if (invocation->option_count == MTR_INVOCATION_OPTIONS_MAX)
        return usage_error(invocation->command, "too many options at ", word);
    invocation->options[invocation->option_count].option = option;
    invocation->options[invocation->option_count++].value = value ? value : "";
    return MTR_EXIT_OK;
}

static int parse_word(struct mtr_invocation *invocation, const char *word)
{
    if (!invocation->command) {
        invocation->command = find_command(word);
        if (invocation->command) return MTR_EXIT_OK;
        suggest_command(word);
        return usage_error(NULL, "unknown command ", word);
    }
    if (invocation->argument_count == invocation->command->arguments_max)
        return usage_error(invocation->command, "one argument too many: ", word);
    MTR_ASSERT(invocation->argument_count < MTR_INVOCATION_ARGUMENTS_MAX);
    invocation->arguments[invocation->argument_count++] = word;
    return MTR_EXIT_OK;
}

int command_main(int argc, char **argv)
{
    static struct mtr_invocation invocation; /* too large for a small stack */
    bool options_ended = false;
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
        command_write_help(invocation.command, stdout);
        return MTR_EXIT_OK;
    }
    if (!invocation.command && invocation_flag(&invocation, "version"))
        invocation.command = find_command("version");
    if (!invocation.command) {
        command_write_help(NULL, stderr);
        return MTR_EXIT_USAGE;
    }
    if (invocation.argument_count < invocation.command->arguments_min)
        return usage_error(invocation.command, "missing argument: ", invocation.command->arguments);
    return invocation.command->run(&invocation);
}

static void write_options(const struct mtr_option *options, FILE *out)
{
    for (const struct mtr_option *option = options; option && option->name; option++) {
        char left[64];
        char letter[5] = "    ";
        if (option->letter) snprintf(letter, sizeof(letter), "-%c, ", option->letter);
        snprintf(left, sizeof(left), "%s--%s%s%s", letter, option->name, option->value_name ? " " : "",
                 option->value_name ? option->value_name : "");
        fprintf(out, "  %-28s %s\n", left, option->doc);
    }
}

void command_write_help(const struct mtr_command *command, FILE *out)
{
    if (!command) {
        fputs("meterd: usage metering, from vendors' events to rated charges\n\n"
              "Usage: meterd [-c FILE] COMMAND [ARGUMENT…] [OPTION…]\n\nCommands:\n", out);
        for (const struct mtr_command *row = mtr_commands; row->name; row++)
            fprintf(out, "  %-12s %s\n", row->name, row->doc);
        fputs("\nOptions of every command:\n", out);
        write_options(mtr_common_options, out);
        fputs("\nExit status: 0 ok, 1 failed, 64 wrong usage, 75 try again, 78 bad configuration.\n"
              "'meterd COMMAND --help' tells more of one command.\n", out);
        return;
    }
    fprintf(out, "meterd %s: %s\n\nUsage: meterd %s%s%s [OPTION…]\n", command->name, command->doc,
            command->name, *command->arguments ? " " : "", command->arguments);
    if (command->text) fprintf(out, "\n%s", command->text);
    fputs("\nOptions:\n", out);
    write_options(command->options, out);
    write_options(mtr_common_options, out);
}
