/*
 * What commands read: the configuration (--config, environment, --set) and files. What is wrong goes to
 * stderr.
 */
#ifndef METERD_DAEMON_CLI_INPUTS_H
#define METERD_DAEMON_CLI_INPUTS_H

#include "meterd/core/json_writer.h"
#include "daemon/cli/command.h"
#include "daemon/config.h"

/* Returns MTR_EXIT_OK (the caller releases *config), or MTR_EXIT_CONFIG after printing why. */
int cli_load_config(const struct cli_invocation *invocation, struct mtr_config *config);

/* The same without printing: for commands whose answer are the findings. *input_name is the file's name,
 * or "configuration". */
int cli_load_config_findings(const struct cli_invocation *invocation, struct mtr_config *config,
                             const char **input_name, struct mtr_diagnostics *findings) MTR_MUST_USE;

/* One finding, a line on stderr. */
void cli_print_finding(const char *input_name, const struct mtr_diagnostic *finding);
/* Findings a line each, to stderr. */
void cli_print_findings(const char *input_name, const struct mtr_diagnostics *findings);

/* A directory that was named, without slashes at its end: what is made stands beside it first. False: the
 * name is too long. */
enum { CLI_DIRECTORY_BYTES = 4096 };
bool cli_directory_name(const char *given, char out[static CLI_DIRECTORY_BYTES]) MTR_MUST_USE;

/* A file could not be opened. Says why; MTR_EXIT_FAILED. */
int cli_cannot_open(const char *path, int errno_value);

/* The command stopped before its argument `first`: names it and those behind it, that each "was not <done>".
 */
void cli_say_left_out(const struct cli_invocation *invocation, uint32_t first, const char *done);

/* A whole file, or standard input for "-"; MTR_EXIT_FAILED after printing why. The caller releases *out. */
int cli_load_file(const char *path, size_t bytes_max, struct mtr_buffer *out);

#endif
