/*
 * What `meterd source` can be told to do: a verb a row, in a file of its own beside this one. Private to the
 * command.
 *
 *   meterd source windows acme-usage --from 2026-11-01
 *                 verb    argument
 */
#ifndef METERD_DAEMON_CLI_COMMAND_SOURCE_VERB_H
#define METERD_DAEMON_CLI_COMMAND_SOURCE_VERB_H

#include "daemon/cli/command.h"

struct source_verb {
    const char *name;
    const char *arguments; /* behind the verb, as in "KEY" */
    uint32_t arguments_min, arguments_max;
    /* Names of the command's options that mean something to it, ending with NULL, beside those of every
     * command and of the client. */
    const char *const *options;
    int (*run)(const struct cli_invocation *invocation); /* whose first argument is the verb */
};

extern const struct source_verb source_verb_list;
extern const struct source_verb source_verb_windows;
extern const struct source_verb source_verb_test;
extern const struct source_verb source_verb_record;
extern const struct source_verb source_verb_certify;
extern const struct source_verb source_verb_run;
extern const struct source_verb source_verb_replay;
extern const struct source_verb source_verb_progress;
extern const struct source_verb source_verb_show;
extern const struct source_verb source_verb_pause;
extern const struct source_verb source_verb_resume;
extern const struct source_verb source_verb_accept;

#endif
