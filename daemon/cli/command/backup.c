/*
 * meterd backup: the stores of a running or stopped daemon, copied downstream first.
 *
 * Beside each copy comes a mark of how far the copies had come, as the daemon writes them
 * (meterd/store/mark.h): a store of this backup and one of another are known for what they are. The marks of
 * the data directory are not copied, since they may say more than a copy has.
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
#include "meterd/store/charges.h"
#include "meterd/store/documents.h"
#include "meterd/store/mark.h"
#include "meterd/store/rollups.h"

enum { PATH_BYTES = 4096 };

struct part {
    const char *name;
    int (*copy)(const char *from, const char *to, struct mtr_diagnostic *diagnostic);
    bool optional;
};

/* The log comes last, so that the copy's log is never behind what was made of it. Of a data directory from
 * before there were sources there is no ledger of windows. */
static const struct part parts[] = {
    {"charges", mtr_backup_environment, false}, {"rollups", mtr_backup_environment, false},
    {"catalog", mtr_backup_environment, false}, {"intake", mtr_backup_environment, true},
    {"log", mtr_backup_log, false},             {"event.key", mtr_backup_file, false},
    {"admin.key", mtr_backup_file, true},
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

/* ---- marks ---- */

static int find_charges(const char *directory, struct mtr_mark *mark, struct mtr_diagnostic *diagnostic)
{
    struct mtr_charges *charges = NULL;
    struct mtr_charges_txn *txn = NULL;
    struct mtr_charge last = {.number = 0};
    int rc = mtr_charges_open(directory, true, &charges, diagnostic);
    if (!rc) rc = mtr_charges_begin(charges, false, &txn);
    if (!rc) rc = mtr_charges_get_last(txn, &last);
    if (txn) mtr_charges_abort(txn);
    mtr_charges_close(charges);
    mark->charge_number = last.number;
    mark->charge_id = last.id;
    return rc;
}

static int find_folded(const char *directory, struct mtr_mark *mark, struct mtr_diagnostic *diagnostic)
{
    struct mtr_rollups *rollups = NULL;
    struct mtr_rollups_txn *txn = NULL;
    uint64_t next_seq = 1, change;
    int64_t watermark_us;
    int rc = mtr_rollups_open(directory, true, &rollups, diagnostic);
    if (!rc) rc = mtr_rollups_begin(rollups, false, &txn);
    if (!rc) rc = mtr_rollups_get_cursor(txn, &next_seq, &watermark_us, &change);
    if (txn) mtr_rollups_abort(txn);
    mtr_rollups_close(rollups);
    mark->log_seq = next_seq - 1;
    return rc;
}

static int find_version(const char *directory, struct mtr_mark *mark, struct mtr_diagnostic *diagnostic)
{
    struct mtr_documents *documents = NULL;
    int rc = mtr_documents_open(directory, true, &documents, diagnostic);
    if (!rc) rc = mtr_documents_version(documents, &mark->catalog_version);
    mtr_documents_close(documents);
    return rc;
}

/* Copies of a format of before have none, as the stores of before had none. */
static int mark_copies(const char *target)
{
    static const struct {
        const char *store;
        int (*find)(const char *directory, struct mtr_mark *mark, struct mtr_diagnostic *diagnostic);
    } stores[] = {
        {"charges", find_charges}, {"rollups", find_folded}, {"catalog", find_version}, {"log", NULL}};
    enum { STORES = sizeof(stores) / sizeof(stores[0]) };
    struct mtr_mark mark = {0};
    char path[PATH_BYTES + 16];
    int rc = MTR_OK;
    for (int i = 0; !rc && i < STORES; i++) {
        struct mtr_diagnostic diagnostic = {0};
        snprintf(path, sizeof(path), "%s/%s", target, stores[i].store);
        if (stores[i].find) rc = stores[i].find(path, &mark, &diagnostic);
    }
    for (int i = 0; !rc && i < STORES; i++) {
        snprintf(path, sizeof(path), "%s/%s", target, stores[i].store);
        rc = mtr_mark_write(path, &mark);
    }
    if (!rc || rc == MTR_EVERSION) return MTR_EXIT_OK;
    fprintf(stderr, "meterd: the backup is not complete: its marks cannot be written: %s\n",
            mtr_error_text(rc));
    return MTR_EXIT_FAILED;
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
    if (!code) code = mark_copies(target);
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
