/*
 * The stores against one another, at start: a restored or deleted store must not make money wrong in silence.
 *
 *   log behind the rollups       refused: events would get numbers that were folded already
 *   catalog behind the charges   refused: documents would get numbers that others were charged under
 *   charges gone, log not empty  refused: everything would be charged again under the same ids
 *   rollups gone                 a fold of the log: made again, and the rater looks at all of it again
 *   rollups behind the charges   folded on from where they stand, and the rater looks at all of it again: the
 *                                numbers that it knows of their feed are given to other changes
 */
#include "daemon/daemon.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "meterd/core/logline.h"

enum { STORE_PATH_BYTES = 4200 };

static bool has_store(const char *directory, const char *name)
{
    char path[STORE_PATH_BYTES];
    snprintf(path, sizeof(path), "%s/%s/data.mdb", directory, name);
    return access(path, F_OK) == 0;
}

int consistency_before(struct mtr_daemon *daemon, const char *directory, bool *rollups_are_new,
                       struct mtr_diagnostic *diagnostic)
{
    uint64_t last_seq = mtr_log_last_seq(daemon->log);
    *rollups_are_new = !has_store(directory, "rollups");
    if (last_seq == 0 || has_store(directory, "charges") || *rollups_are_new) return MTR_OK;
    mtr_diagnostic_set(diagnostic, MTR_FINDING_STORE_MISSING, 0, 0, NULL,
                       "%s/charges is missing, but usage was folded already: restore it from a backup; to "
                       "charge everything again from the "
                       "beginning, remove %s/rollups too",
                       directory, directory);
    return MTR_ECORRUPT;
}

static int read_cursors(struct mtr_daemon *daemon, uint64_t *next_seq, uint64_t *change,
                        struct mtr_charges_cursor *charged)
{
    struct mtr_rollups_txn *rollups = NULL;
    struct mtr_charges_txn *charges = NULL;
    int64_t watermark_us;
    int rc = mtr_rollups_begin(daemon->rollups, false, &rollups);
    if (!rc) rc = mtr_rollups_get_cursor(rollups, next_seq, &watermark_us, change);
    if (!rc) rc = mtr_charges_begin(daemon->charges, false, &charges);
    if (!rc) rc = mtr_charges_get_cursor(charges, charged);
    mtr_charges_abort(charges);
    if (rollups) mtr_rollups_abort(rollups);
    return rc;
}

static bool is_catalog_older(struct mtr_daemon *daemon, const struct mtr_charges_cursor *charged)
{
    struct mtr_catalog *catalog = mtr_catalog_store_snapshot(daemon->catalog_store);
    const bool older = mtr_catalog_version(catalog) < charged->scan_version;
    mtr_catalog_release(catalog);
    return older;
}

int consistency_after(struct mtr_daemon *daemon, bool rollups_are_new, struct mtr_diagnostic *diagnostic)
{
    struct mtr_charges_cursor charged = {0};
    uint64_t next_seq, change;
    const uint64_t last_seq = mtr_log_last_seq(daemon->log);
    int rc = read_cursors(daemon, &next_seq, &change, &charged);
    if (rc) {
        mtr_diagnostic_set(diagnostic, MTR_FINDING_STORE_UNREADABLE, 0, 0, NULL,
                           "the rollups or charges cannot be read: %s", mtr_error_text(rc));
        return rc;
    }
    if (next_seq > last_seq + 1) {
        mtr_diagnostic_set(diagnostic, MTR_FINDING_STORE_OLDER, 0, 0, NULL,
                           "the log ends at event %" PRIu64 ", but the rollups hold events up to %" PRIu64
                           ": the log is older than what was made of it; restore all stores from one backup",
                           last_seq, next_seq - 1);
        return MTR_ECORRUPT;
    }
    if (is_catalog_older(daemon, &charged)) {
        mtr_diagnostic_set(diagnostic, MTR_FINDING_STORE_OLDER, 0, 0, NULL,
                           "the catalog is older than the one that was charged with: restore all stores from "
                           "one backup");
        return MTR_ECORRUPT;
    }
    if (last_seq == 0 || (!rollups_are_new && change >= charged.change)) return MTR_OK;
    if (rollups_are_new)
        mtr_logline(MTR_LEVEL_WARNING, "daemon",
                    "there were no rollups: folding %" PRIu64 " events of the log again", last_seq);
    else
        mtr_logline(MTR_LEVEL_WARNING, "daemon",
                    "the rollups are older than the charges: every day is looked at again");
    return mtr_rater_forget_feed(daemon->charges);
}
