/*
 * meterd backup: the stores of a running or stopped daemon, copied downstream first.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "meterd/core/json_writer.h"
#include "daemon/cli/commands.h"
#include "daemon/cli/inputs.h"
#include "meterd/store/backup.h"

enum { PATH_BYTES = 4096 };

struct part {
    const char *name;
    int (*copy)(const char *from, const char *to, struct mtr_diagnostic *diagnostic);
    bool optional;
};

/* The log comes last, so that the copy's log is never behind what was made of it. */
static const struct part parts[] = {
    {"charges", mtr_backup_environment, false}, {"rollups", mtr_backup_environment, false},
    {"catalog", mtr_backup_environment, false}, {"log", mtr_backup_log, false},
    {"event.key", mtr_backup_file, false},      {"admin.key", mtr_backup_file, true},
};

static int copy_parts(const char *data, const char *target, bool quiet)
{
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        char from[PATH_BYTES + 16], to[PATH_BYTES + 16];
        struct mtr_diagnostic diagnostic = {0};
        snprintf(from, sizeof(from), "%s/%s", data, parts[i].name);
        snprintf(to, sizeof(to), "%s/%s", target, parts[i].name);
        if (parts[i].optional && access(from, F_OK) != 0) continue;
        int rc = parts[i].copy(from, to, &diagnostic);
        if (rc) {
            fprintf(stderr, "meterd: the backup is not complete: %s\n", diagnostic.text);
            return rc == MTR_EAGAIN ? MTR_EXIT_TRY_AGAIN : MTR_EXIT_FAILED;
        }
        if (!quiet) printf("copied %s\n", parts[i].name);
    }
    return MTR_EXIT_OK;
}

static int print_json(const char *target)
{
    struct mtr_buffer out;
    struct mtr_json_writer json;
    mtr_buffer_init(&out, 1 << 16);
    mtr_json_begin(&json, &out);
    mtr_json_map(&json);
    mtr_json_named_cstr(&json, "directory", target);
    mtr_json_map_end(&json);
    int rc = mtr_json_finish(&json);
    if (!rc) printf("%.*s\n", (int)out.size, out.data);
    mtr_buffer_release(&out);
    return rc ? MTR_EXIT_FAILED : MTR_EXIT_OK;
}

static int run(const struct cli_invocation *invocation)
{
    struct mtr_config config;
    char data[PATH_BYTES];
    const char *target = invocation->arguments[0];
    if (strlen(target) >= PATH_BYTES) return MTR_EXIT_USAGE;
    int code = cli_load_config(invocation, &config);
    if (code) return code;
    snprintf(data, sizeof(data), "%.*s", MTR_STR_ARGS(config.data.directory));
    config_release(&config);
    if (mkdir(target, 0700)) {
        fprintf(stderr, "meterd: cannot make %s: %s; give a directory that does not exist yet\n", target,
                strerror(errno));
        return MTR_EXIT_FAILED;
    }
    bool json = invocation_flag(invocation, "json");
    code = copy_parts(data, target, json);
    if (!code && json) code = print_json(target);
    else if (!code)
        printf("backed up %s to %s; to restore, stop the daemon and put the copy in its place\n", data,
               target);
    return code;
}

static const struct cli_option options[] = {
    CLI_JSON_OPTION,
    {0},
};

const struct cli_command cli_backup = {
    .name = "backup",
    .arguments = "DIRECTORY",
    .arguments_min = 1,
    .arguments_max = 1,
    .doc = "copy the stores of a running or stopped daemon, charges first and the log last",
    .text = "DIRECTORY is made and must not exist. To restore: stop the daemon, put the copy where "
            "data.directory points, start it.\n",
    .options = options,
    .run = run,
};
