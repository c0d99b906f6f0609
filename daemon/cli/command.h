/*
 * Commands of the one binary: a file in daemon/cli/command and a row each; --help, completion and the
 * reference page come out of the rows.
 *
 * A command is a function of its invocation: parsed options and positional arguments. It prints results to
 * stdout, diagnostics to stderr, and returns one of the exit codes below.
 */
#ifndef METERD_DAEMON_CLI_COMMAND_H
#define METERD_DAEMON_CLI_COMMAND_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "meterd/core/str.h"

enum mtr_exit {
    MTR_EXIT_OK = 0,
    MTR_EXIT_FAILED = 1,     /* the work was refused or came out wrong */
    MTR_EXIT_USAGE = 64,     /* EX_USAGE of sysexits.h */
    MTR_EXIT_TRY_AGAIN = 75, /* EX_TEMPFAIL: the daemon is away or busy */
    MTR_EXIT_CONFIG = 78,    /* EX_CONFIG */
};

struct cli_option {
    const char *name;       /* without dashes: "key-file" */
    char letter;            /* 'c', or 0 */
    const char *value_name; /* "FILE", "NAME=VALUE…" of one that may repeat; NULL: a flag */
    const char *doc;        /* one line */
};

#define CLI_JSON_OPTION                                                                                      \
    {                                                                                                        \
        "json", 0, NULL, "print JSON, money and quantities as strings"                                       \
    }
#define CLI_EXITS "0 ok, 1 failed, 64 wrong usage, 75 try again, 78 bad configuration"

struct cli_invocation;

struct cli_command {
    const char *name;
    const char *arguments; /* of the usage line: "FILE…", "" for none */
    uint32_t arguments_min, arguments_max;
    const char *doc;                  /* one line */
    const char *text;                 /* paragraphs for --help; may be NULL */
    const char *exits;                /* its exit codes in words; NULL: CLI_EXITS */
    const struct cli_option *options; /* ends with a row whose name is NULL */
    int (*run)(const struct cli_invocation *invocation);
};

enum { MTR_INVOCATION_OPTIONS_MAX = 128, MTR_INVOCATION_ARGUMENTS_MAX = 256 };

struct cli_invocation {
    const struct cli_command *const *commands; /* all that there are, ending with NULL */
    const struct cli_command *command;
    struct {
        const struct cli_option *option;
        const char *value;
    } options[MTR_INVOCATION_OPTIONS_MAX]; /* in the order given */
    uint32_t option_count;
    const char *arguments[MTR_INVOCATION_ARGUMENTS_MAX];
    uint32_t argument_count;
};

/* The value given for that option (the first of one that repeats), or NULL. A flag's value is "".
 * Asks for a row the command does not have: asserts. */
const char *invocation_option(const struct cli_invocation *invocation, const char *name);
/* The i-th value of an option that may repeat, or NULL. */
const char *invocation_option_at(const struct cli_invocation *invocation, const char *name, uint32_t index);
bool invocation_flag(const struct cli_invocation *invocation, const char *name);
/* A whole number between min and max; *out keeps its value (the default) when the option is absent. False
 * after printing what is wrong. */
bool invocation_u64(const struct cli_invocation *invocation, const char *name, uint64_t min, uint64_t max,
                    uint64_t *out);

/* The options that every command takes (-c FILE, --help), ending with a row whose name is NULL. */
extern const struct cli_option cli_common_options[];
/* An option of the command (NULL: of none) or of every command, by its name, or by its letter unless that is
 * 0. NULL: there is none. */
const struct cli_option *cli_find_option(const struct cli_command *command, struct mtr_str name, char letter);

/* May it be given more than once? Of any other a second value is refused. */
bool cli_option_repeats(const struct cli_option *option);

/* Parses argv (argv[0] is the program) and runs the command. */
int command_main(const struct cli_command *const *commands, int argc, char **argv);

#endif
