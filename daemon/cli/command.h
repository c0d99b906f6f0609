/*
 * Commands of the one binary: a row each, with its options; --help, completion and the manual page come out
 * of the rows.
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

struct mtr_option {
    const char *name;       /* without dashes: "key-file" */
    char letter;            /* 'c', or 0 */
    const char *value_name; /* "FILE"; NULL: a flag */
    const char *doc;        /* one line */
};

struct mtr_invocation;

struct mtr_command {
    const char *name;
    const char *arguments; /* of the usage line: "FILE…", "" for none */
    uint32_t arguments_min, arguments_max;
    const char *doc;       /* one line */
    const char *text;      /* paragraphs for --help; may be NULL */
    const struct mtr_option *options; /* ends with a row whose name is NULL */
    int (*run)(const struct mtr_invocation *invocation);
};

enum { MTR_INVOCATION_OPTIONS_MAX = 128, MTR_INVOCATION_ARGUMENTS_MAX = 256 };

struct mtr_invocation {
    const struct mtr_command *command;
    struct {
        const struct mtr_option *option;
        const char *value;
    } options[MTR_INVOCATION_OPTIONS_MAX]; /* in the order given; an option may repeat */
    uint32_t option_count;
    const char *arguments[MTR_INVOCATION_ARGUMENTS_MAX];
    uint32_t argument_count;
};

/* The value given last for that option, or NULL. A flag's value is "". Asks for a row the command does not
 * have: asserts. */
const char *invocation_option(const struct mtr_invocation *invocation, const char *name);
/* The i-th value of an option that may repeat, or NULL. */
const char *invocation_option_at(const struct mtr_invocation *invocation, const char *name,
                                     uint32_t index);
bool invocation_flag(const struct mtr_invocation *invocation, const char *name);
/* A whole number between min and max; *out keeps its value (the default) when the option is absent. False
 * after printing what is wrong. */
bool invocation_u64(const struct mtr_invocation *invocation, const char *name, uint64_t min, uint64_t max,
                        uint64_t *out);

/* All commands, ending with a row whose name is NULL; and the options that every command takes (-c FILE,
 * --help). */
extern const struct mtr_command mtr_commands[];
extern const struct mtr_option mtr_common_options[];

/* Parses argv (argv[0] is the program) and runs the command. */
int command_main(int argc, char **argv);
void command_write_help(const struct mtr_command *command, FILE *out); /* NULL: the overview */

/* The commands' functions; their rows are in daemon/cli/commands.c. */
int command_run(const struct mtr_invocation *invocation);
int command_check(const struct mtr_invocation *invocation);
int command_apply(const struct mtr_invocation *invocation);
int command_get(const struct mtr_invocation *invocation);
int command_key(const struct mtr_invocation *invocation);
int command_send(const struct mtr_invocation *invocation);
int command_import(const struct mtr_invocation *invocation);
int command_import_rates(const struct mtr_invocation *invocation);
int command_events(const struct mtr_invocation *invocation);
int command_usage(const struct mtr_invocation *invocation);
int command_charges(const struct mtr_invocation *invocation);
int command_credits(const struct mtr_invocation *invocation);
int command_margins(const struct mtr_invocation *invocation);
int command_explain(const struct mtr_invocation *invocation);
int command_price(const struct mtr_invocation *invocation);
int command_audit(const struct mtr_invocation *invocation);
int command_rebuild(const struct mtr_invocation *invocation);
int command_backup(const struct mtr_invocation *invocation);
int command_reference(const struct mtr_invocation *invocation);
int command_version(const struct mtr_invocation *invocation);

#endif
