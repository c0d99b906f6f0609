/*
 * meterd rebuild: the rollups, folded again from the log, take the live ones' place. The daemon must be
 * stopped.
 */
#include "daemon/cli/command/rebuild.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "daemon/cli/commands.h"
#include "daemon/cli/command/audit.h"
#include "daemon/cli/refold.h"
#include "daemon/cli/inputs.h"
#include "daemon/daemon.h"
#include "daemon/stores/aside.h"
#include "daemon/stores/data_hold.h"
#include "daemon/stores/leftovers.h"
#include "meterd/rater/rater.h"
#include "meterd/store/charges.h"
#include "meterd/store/durable.h"
#include "meterd/store/hold.h"
#include "meterd/store/rollups.h"

enum { PATH_BYTES = 4096 };

struct rebuild {
    const struct mtr_config *config;
    char data[PATH_BYTES];
    char again[PATH_BYTES]; /* directory of the rollups folded again */
    char *aside; /* NULL: the old ones are removed */
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
    const struct mtr_str directory = rebuild->config->data.directory;
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

int rebuild_lock_log(const struct mtr_config *config, bool verify_all, struct mtr_log **out,
                     struct mtr_diagnostic *diagnostic)
{
    char path[PATH_BYTES + 16];
    const struct mtr_log_options options = {
        .segment_bytes = config->log.segment_bytes,
        .segment_events_max = config->log.segment_events_max,
        .segment_age_us = config->log.segment_age,
        .verify_all = verify_all,
    };
    snprintf(path, sizeof(path), "%.*s/log", MTR_STR_ARGS(config->data.directory));
    return mtr_log_open(path, &options, out, diagnostic);
}

/* The old rollups are kept beside the new ones until both names are durable, and longer where they are to be
 * put aside. */
static int swap(const struct rebuild *rebuild)
{
    char live[PATH_BYTES + 16], old[PATH_MAX + 16];
    int rc = MTR_OK;
    snprintf(live, sizeof(live), "%s/rollups", rebuild->data);
    snprintf(old, sizeof(old), "%s/rollups.old", rebuild->data);
    if (rebuild->aside) *rebuild->aside = '\0';
    const bool has_old = access(live, F_OK) == 0;
    if (has_old && rebuild->aside) {
        rc = aside_move(live, rebuild->aside);
        snprintf(old, sizeof(old), "%s", rebuild->aside);
    } else if (has_old) {
        leftovers_remove_store(old);
        if (rename(live, old)) rc = MTR_EIO;
    }
    if (rc) return rc;
    if (rename(rebuild->again, live)) {
        if (has_old && rename(old, live))
            fprintf(stderr, "meterd: the old rollups are at %s: rename them to %s\n", old, live);
        return MTR_EIO;
    }
    rc = mtr_durable_sync(rebuild->data);
    if (!rc && !rebuild->aside) leftovers_remove_store(old);
    return rc;
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
    (void)clock_begin(&clock, rebuild->config, rebuild->data, mtr_log_last_received_us(log));
    return clock.time.earliest_us;
}

static int fold_and_swap(struct rebuild *rebuild, struct mtr_diagnostic *diagnostic)
{
    struct mtr_refold_of of = {.data_directory = rebuild->data};
    struct mtr_refold *refold = NULL;
    bool was_put_back;
    int rc = rebuild_lock_log(rebuild->config, true, &of.log, diagnostic);
    if (!rc) rc = leftovers_put_back(rebuild->data, &was_put_back);
    if (!rc) {
        leftovers_remove(rebuild->data, true, leftovers_say);
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
    if (of.log) leftovers_remove_store(rebuild->again); /* else they are another rebuild's */
    mtr_log_close(of.log);
    return rc;
}

int rebuild_rollups(const struct mtr_config *config, char aside[PATH_MAX], uint64_t *events,
                    struct mtr_diagnostic *diagnostic)
{
    struct rebuild rebuild = {.config = config, .aside = aside, .progress = isatty(STDERR_FILENO) == 1};
    set_paths(&rebuild);
    const int rc = fold_and_swap(&rebuild, diagnostic);
    if (rebuild.progress) fprintf(stderr, "\r\033[K");
    *events = rebuild.events;
    return rc;
}

static int hold_and_rebuild(const struct mtr_config *config, uint64_t *events,
                            struct mtr_diagnostic *diagnostic)
{
    char data[PATH_BYTES];
    int hold;
    snprintf(data, sizeof(data), "%.*s", MTR_STR_ARGS(config->data.directory));
    int rc = data_hold_begin(data, &hold, diagnostic);
    if (!rc) rc = rebuild_rollups(config, NULL, events, diagnostic);
    mtr_hold_end(hold);
    return rc;
}

static int run(const struct cli_invocation *invocation)
{
    static struct mtr_config config;
    struct mtr_diagnostic diagnostic = {0};
    uint64_t events = 0;
    if (invocation_flag(invocation, "verify")) return audit_run(invocation, false, false);
    int code = cli_load_config(invocation, &config);
    if (code) return code;
    int rc = hold_and_rebuild(&config, &events, &diagnostic);
    if (rc == MTR_EEXISTS) {
        fprintf(stderr,
                "meterd: the daemon runs on %.*s, or another process is at work there: stop it first, or "
                "compare with --verify\n",
                MTR_STR_ARGS(config.data.directory));
        code = MTR_EXIT_FAILED;
    } else if (rc) {
        code = audit_failed("cannot rebuild", rc, &diagnostic);
    } else if (invocation_flag(invocation, "json")) {
        printf("{\"events\":%" PRIu64 "}\n", events);
    } else {
        printf("rebuilt the rollups from %" PRIu64 " event%s\n", events, mtr_plural(events));
    }
    config_release(&config);
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
