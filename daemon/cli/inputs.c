/*
 * What commands read before they work: the configuration, and files that people name.
 */
#include "daemon/cli/inputs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { FINDINGS_MAX = 64, SETTINGS_MAX = MTR_INVOCATION_OPTIONS_MAX, READ_BYTES = 1 << 16 };

void cli_print_finding(const char *input_name, const struct mtr_diagnostic *finding)
{
    struct mtr_buffer line;
    mtr_buffer_init(&line, 1 << 13);
    if (mtr_diagnostic_write(&line, input_name, finding) == MTR_OK) fwrite(line.data, 1, line.size, stderr);
    mtr_buffer_release(&line);
}

void cli_print_findings(const char *input_name, const struct mtr_diagnostics *findings)
{
    for (size_t i = 0; i < findings->count; i++)
        cli_print_finding(input_name, &findings->items[i]);
    if (findings->dropped) fprintf(stderr, "%s: and %zu more\n", input_name, findings->dropped);
}

int cli_load_config_findings(const struct cli_invocation *invocation, struct mtr_config *config,
                             const char **input_name, struct mtr_diagnostics *findings)
{
    const char *settings[SETTINGS_MAX + 1];
    uint32_t count = 0;
    *input_name = "configuration";
    while (count < SETTINGS_MAX && (settings[count] = invocation_option_at(invocation, "set", count)) != NULL)
        count++;
    settings[count] = NULL;
    return config_load(invocation_option(invocation, "config"), environ, settings, config, input_name,
                       findings);
}

int cli_load_config(const struct cli_invocation *invocation, struct mtr_config *config)
{
    const char *input_name;
    struct mtr_diagnostics findings;
    mtr_diagnostics_init(&findings, FINDINGS_MAX);
    int rc = cli_load_config_findings(invocation, config, &input_name, &findings);
    cli_print_findings(input_name, &findings);
    if (rc && !findings.count)
        fprintf(stderr, "meterd: cannot load the configuration: %s\n", mtr_error_text(rc));
    mtr_diagnostics_release(&findings);
    if (!rc) return MTR_EXIT_OK;
    config_release(config);
    return MTR_EXIT_CONFIG;
}

bool cli_directory_name(const char *given, char out[static CLI_DIRECTORY_BYTES])
{
    size_t size = strlen(given);
    if (size >= CLI_DIRECTORY_BYTES) return false;
    while (size > 1 && given[size - 1] == '/') size--;
    memcpy(out, given, size);
    out[size] = '\0';
    return true;
}

int cli_cannot_open(const char *path, int errno_value)
{
    if (errno_value == ENOENT)
        fprintf(stderr, "meterd: %s: no such file\n", path);
    else
        fprintf(stderr, "meterd: cannot open %s: %s\n", path, strerror(errno_value));
    return MTR_EXIT_FAILED;
}

void cli_say_left_out(const struct cli_invocation *invocation, uint32_t first, const char *done)
{
    for (uint32_t i = first; i < invocation->argument_count; i++)
        fprintf(stderr, "meterd: %s was not %s\n", invocation->arguments[i], done);
}

int cli_load_file(const char *path, size_t bytes_max, struct mtr_buffer *out)
{
    bool is_stdin = strcmp(path, "-") == 0;
    FILE *file = is_stdin ? stdin : fopen(path, "re");
    int rc = MTR_OK;
    mtr_buffer_init(out, bytes_max);
    if (!file) return cli_cannot_open(path, errno);
    for (;;) {
        rc = mtr_buffer_reserve(out, READ_BYTES);
        if (rc) break;
        size_t size = fread(out->data + out->size, 1, READ_BYTES, file);
        out->size += size;
        if (size == 0) break;
    }
    bool failed = rc || ferror(file);
    if (rc == MTR_ELIMIT)
        fprintf(stderr, "meterd: cannot read %s: it is larger than %zu MiB\n", path, bytes_max >> 20);
    else if (failed)
        fprintf(stderr, "meterd: cannot read %s: %s\n", path, rc ? mtr_error_text(rc) : strerror(errno));
    if (!is_stdin) fclose(file);
    if (failed) mtr_buffer_release(out);
    return failed ? MTR_EXIT_FAILED : MTR_EXIT_OK;
}
