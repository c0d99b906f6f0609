/*
 * meterd rebuild: the rollups, folded again from the log, take the live ones' place. The daemon must be
 * stopped.
 */
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "daemon/cli/commands.h"
#include "daemon/cli/command/audit.h"
#include "daemon/cli/refold.h"
#include "daemon/cli/inputs.h"
#include "daemon/daemon.h"
#include "meterd/rater/rater.h"
#include "meterd/store/charges.h"
#include "meterd/store/log.h"
#include "meterd/store/rollups.h"

enum { PATH_BYTES = 4096 };

struct rebuild {
    struct mtr_config config;
    char data[PATH_BYTES];
    char again[PATH_BYTES]; /* directory of the rollups folded again */
    bool progress;
    uint64_t events;
};

static void on_progress(void *context, uint64_t last_seq)
{
    const struct rebuild *rebuild = context;
    if (rebuild->progress) fprintf(stderr, "\rfolding the log again: %" PRIu64 " events", last_seq);
}

static void set_paths(struct rebuild *rebuild)
{
    const struct mtr_str directory = rebuild->config.data.directory;
    snprintf(rebuild->data, sizeof(rebuild->data), "%.*s", MTR_STR_ARGS(directory));
    snprintf(rebuild->again, sizeof(rebuild->again), "%.*s/rollups.rebuild", MTR_STR_ARGS(directory));
}

/* The new rollups number their feed anew, so the rater begins it anew. Done before the swap: on the old
 * rollups it only looks again, while a cursor of the old feed on new rollups would pass over days. */
static int forget_feed(const char *data, struct mtr_diagnostic *diagnostic)
{
    char path[PATH_BYTES + 16];
    struct mtr_charges *charges = NULL;
    snprintf(path, sizeof(path), "%s/charges", data);
    if (access(path, F_OK) != 0) return MTR_OK; /* nothing was ever rated */
    int rc = mtr_charges_open(path, false, &charges, diagnostic);
    if (!rc) rc = mtr_rater_forget_feed(charges);
    mtr_charges_close(charges);
    return rc;
}

/* Takes the writer's lock, so that no daemon starts or runs meanwhile. */
static int lock_log(struct rebuild *rebuild, struct mtr_log **out, struct mtr_diagnostic *diagnostic)
{
    char path[PATH_BYTES + 16];
    struct mtr_log_options options = {
        .segment_bytes = rebuild->config.log.segment_bytes,
        .segment_events_max = rebuild->config.log.segment_events_max,
        .segment_age_us = rebuild->config.log.segment_age,
        .verify_all = true,
    };
    snprintf(path, sizeof(path), "%s/log", rebuild->data);
    return mtr_log_open(path, &options, out, diagnostic);
}

/* The old rollups are kept beside the new ones until both names are durable, then removed. */
static int swap(const struct rebuild *rebuild)
{
    char live[PATH_BYTES + 16], old[PATH_BYTES + 16];
    snprintf(live, sizeof(live), "%s/rollups", rebuild->data);
    snprintf(old, sizeof(old), "%s/rollups.old", rebuild->data);
    refold_remove_store(old);
    if (access(live, F_OK) == 0 && rename(live, old)) return MTR_EIO;
    if (rename(rebuild->again, live)) {
        if (rename(old, live))
            fprintf(stderr, "meterd: the old rollups are at %s: rename them to %s\n", old, live);
        return MTR_EIO;
    }
    sync();
    refold_remove_store(old);
    return MTR_OK;
}

static int count_events(struct mtr_rollups *rollups, uint64_t *events)
{
    struct mtr_rollups_txn *txn = NULL;
    uint64_t next_seq = 1, change;
    int64_t watermark_us;
    int rc = mtr_rollups_begin(rollups, false, &txn);
    if (!rc) rc = mtr_rollups_get_cursor(txn, &next_seq, &watermark_us, &change);
    if (txn) mtr_rollups_abort(txn);
    *events = next_seq - 1;
    return rc;
}

/* They say what was counted before there were quotas. NULL: they are lost. */
static struct mtr_rollups *open_live(const struct rebuild *rebuild)
{
    char live[PATH_BYTES + 16];
    struct mtr_rollups *rollups = NULL;
    struct mtr_diagnostic unreadable = {0};
    snprintf(live, sizeof(live), "%s/rollups", rebuild->data);
    if (access(live, F_OK) != 0 || !mtr_rollups_open(live, false, &rollups, &unreadable)) return rollups;
    fprintf(stderr,
            "meterd: %s: the quotas of meters with dimensions hold for all events, also where an older "
            "meterd has counted more\n",
            unreadable.text);
    return NULL;
}

/* What the daemon would say: a wrong clock must not make usage complete before its time. */
static int64_t trusted_now_us(const struct rebuild *rebuild, const struct mtr_log *log)
{
    struct mtr_trusted_clock clock;
    clock_begin(&clock, &rebuild->config, rebuild->data, mtr_log_last_received_us(log));
    return clock.time.earliest_us;
}

static int fold_and_swap(struct rebuild *rebuild, struct mtr_diagnostic *diagnostic)
{
    struct mtr_refold_of of = {.data_directory = rebuild->data};
    struct mtr_refold *refold = NULL;
    int rc = lock_log(rebuild, &of.log, diagnostic);
    refold_remove_store(rebuild->again); /* of a rebuild that was broken off */
    if (!rc) {
        of.now_us = trusted_now_us(rebuild, of.log);
        of.live = open_live(rebuild);
        rc = refold_open(&of, rebuild->again, &refold, diagnostic);
    }
    mtr_rollups_close(of.live);
    if (!rc) rc = refold_run(refold, on_progress, rebuild, diagnostic);
    if (!rc) rc = count_events(refold_rollups(refold), &rebuild->events);
    refold_close(refold);
    if (!rc) rc = forget_feed(rebuild->data, diagnostic);
    if (!rc) rc = swap(rebuild);
    mtr_log_close(of.log);
    return rc;
}

static int run(const struct cli_invocation *invocation)
{
    static struct rebuild rebuild;
    struct mtr_diagnostic diagnostic = {0};
    if (invocation_flag(invocation, "verify")) return audit_run(invocation, false, false);
    rebuild.progress = isatty(STDERR_FILENO) == 1;
    int code = cli_load_config(invocation, &rebuild.config);
    if (code) return code;
    set_paths(&rebuild);
    int rc = fold_and_swap(&rebuild, &diagnostic);
    if (rebuild.progress) fprintf(stderr, "\r\033[K");
    if (rc == MTR_EEXISTS) {
        fprintf(stderr, "meterd: the daemon runs on %s: stop it first, or compare with --verify\n",
                rebuild.data);
        code = MTR_EXIT_FAILED;
    } else if (rc) {
        code = audit_failed("cannot rebuild", rc, &diagnostic);
    } else if (invocation_flag(invocation, "json")) {
        printf("{\"events\":%" PRIu64 "}\n", rebuild.events);
    } else {
        printf("rebuilt the rollups from %" PRIu64 " event%s\n", rebuild.events, mtr_plural(rebuild.events));
    }
    refold_remove_store(rebuild.again);
    config_release(&rebuild.config);
    return code;
}

static const struct cli_option options[] = {
    {"verify", 0, NULL, "fold into a temporary store and compare; change nothing"},
    CLI_JSON_OPTION,
    {0},
};

const struct cli_command cli_rebuild = {
    .name = "rebuild",
    .arguments = "",
    .doc = "fold the log again into new rollups (daemon stopped), or --verify beside a running one",
    .text = "Charges stay as they are; the daemon compares them with the new rollups at its next start and "
            "corrects what differs.\n",
    .options = options,
    .run = run,
};
