/*
 * meterd backup: a copy of the stores of a running or stopped daemon, or a look whether one is whole.
 */
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#include "meterd/core/json_writer.h"
#include "meterd/core/time.h"
#include "daemon/cli/commands.h"
#include "daemon/cli/inputs.h"
#include "daemon/stores/backup.h"
#include "daemon/stores/leftovers.h"
#include "meterd/store/hold.h"

enum { PATH_BYTES = 4096 };

static void say_copied(const char *name)
{
    printf("copied %s\n", name);
}

static int print_json(const char *target, const struct backup_made *made, bool is_verified)
{
    struct mtr_buffer out;
    struct mtr_json_writer json;
    mtr_buffer_init(&out, 1 << 16);
    mtr_json_begin(&json, &out);
    mtr_json_map(&json);
    mtr_json_named_cstr(&json, "directory", target);
    mtr_json_named_u64(&json, "folded_seq", made->facts.folded_seq);
    mtr_json_named_u64(&json, "catalog_version", made->facts.catalog_version);
    mtr_json_named_u64(&json, "last_charge", made->facts.charge_number);
    mtr_json_named_u64(&json, "segments_copied", made->segments.copied);
    mtr_json_named_u64(&json, "segments_linked", made->segments.linked);
    mtr_json_named_bool(&json, "verified", is_verified);
    mtr_json_map_end(&json);
    int rc = mtr_json_finish(&json);
    if (!rc) printf("%.*s\n", (int)out.size, out.data);
    mtr_buffer_release(&out);
    return rc ? MTR_EXIT_FAILED : MTR_EXIT_OK;
}

static void print_verified(const char *target, const struct backup_made *made)
{
    char time[MTR_TIME_TEXT_BYTES];
    mtr_time_format(made->facts.made_us, time);
    printf("%s is whole: %" PRIu64 " files, %" PRIu64 " bytes, as of %s; up to charge %" PRIu64
           " and catalog version %" PRIu64 "\n",
           target, made->sizes.files, made->sizes.bytes, time, made->facts.charge_number,
           made->facts.catalog_version);
}

static int make(const struct backup_wanted *wanted, bool json)
{
    struct mtr_diagnostic diagnostic = {0};
    struct backup_made made;
    int rc = backup_make(wanted, &made, &diagnostic);
    if (rc) {
        fprintf(stderr, "meterd: there is no backup: %s\n", diagnostic.text);
        return rc == MTR_EAGAIN ? MTR_EXIT_TRY_AGAIN : MTR_EXIT_FAILED;
    }
    if (json) return print_json(wanted->target, &made, wanted->is_verified);
    if (wanted->is_verified) print_verified(wanted->target, &made);
    if (wanted->since)
        printf("of %u segments of the log %u are those of %s\n", made.segments.copied + made.segments.linked,
               made.segments.linked, wanted->since);
    printf("backed up %s to %s; to restore, stop the daemon and put the copy in its place\n", wanted->data,
           wanted->target);
    return MTR_EXIT_OK;
}

static int verify(const char *target, bool json)
{
    struct mtr_diagnostic diagnostic = {0};
    struct backup_made made = {0};
    int reads;
    int rc = backup_begin_reading(target, &reads, &diagnostic);
    if (!rc) rc = backup_verify(target, &made, &diagnostic);
    mtr_hold_end(reads);
    if (rc) {
        fprintf(stderr, "meterd: this is no whole backup: %s\n", diagnostic.text);
        return MTR_EXIT_FAILED;
    }
    if (json) return print_json(target, &made, true);
    print_verified(target, &made);
    return MTR_EXIT_OK;
}

static int run(const struct cli_invocation *invocation)
{
    struct mtr_config config;
    char data[PATH_BYTES], target[CLI_DIRECTORY_BYTES];
    struct stat status;
    const bool json = invocation_flag(invocation, "json");
    struct backup_wanted wanted = {.data = data,
                                   .target = target,
                                   .since = invocation_option(invocation, "since"),
                                   .is_verified = invocation_flag(invocation, "verify"),
                                   .on_copied = json ? NULL : say_copied,
                                   .on_removed = leftovers_say};
    if (!cli_directory_name(invocation->arguments[0], target)) return MTR_EXIT_USAGE;
    if (wanted.is_verified && !wanted.since && !lstat(target, &status)) return verify(target, json);
    int code = cli_load_config(invocation, &config);
    if (code) return code;
    snprintf(data, sizeof(data), "%.*s", MTR_STR_ARGS(config.data.directory));
    config_release(&config);
    return make(&wanted, json);
}

static const struct cli_option options[] = {
    {"since", 0, "BACKUP", "take sealed segments of the log from that backup, by hard links"},
    {"verify", 0, NULL, "read all of it again; of a backup that there is, do only that"},
    CLI_JSON_OPTION,
    {0},
};

const struct cli_command cli_backup = {
    .name = "backup",
    .arguments = "DIRECTORY",
    .arguments_min = 1,
    .arguments_max = 1,
    .doc = "copy the stores of a running or stopped daemon, charges first and the log last",
    .text = "DIRECTORY is made and must not exist. It appears when all is copied; until then it is\n"
            "DIRECTORY.partial. What a killed backup left there is removed by the next; what another\n"
            "process is making stays, and this one ends. With --since each backup is whole, and needs\n"
            "room for what is new. To restore: stop the daemon, put the copy where data.directory\n"
            "points, start it.\n",
    .options = options,
    .run = run,
};
