/*
 * The stores against one another, at start: a restored or deleted store must not make money wrong in silence.
 *
 *   log behind the rollups       refused: events would get numbers that were folded already
 *   charges gone, log not empty  refused: everything would be charged again under the same ids
 *   rollups gone                 a fold of the log: made again, and the rater looks at all of it again
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

int consistency_after(struct mtr_daemon *daemon, bool rollups_are_new, struct mtr_diagnostic *diagnostic)
{
    struct mtr_rollups_txn *txn = NULL;
    uint64_t next_seq, change, last_seq = mtr_log_last_seq(daemon->log);
    int64_t watermark_us;
    int rc = mtr_rollups_begin(daemon->rollups, false, &txn);
    if (!rc) rc = mtr_rollups_get_cursor(txn, &next_seq, &watermark_us, &change);
    if (txn) mtr_rollups_abort(txn);
    if (rc) {
        mtr_diagnostic_set(diagnostic, MTR_FINDING_STORE_UNREADABLE, 0, 0, NULL,
                           "the rollups cannot be read: %s", mtr_error_text(rc));
        return rc;
    }
    if (next_seq > last_seq + 1) {
        mtr_diagnostic_set(diagnostic, MTR_FINDING_STORE_OLDER, 0, 0, NULL,
                           "the log ends at event %" PRIu64 ", but the rollups hold events up to %" PRIu64
                           ": the log is older than what was made of it; restore all stores from one backup",
                           last_seq, next_seq - 1);
        return MTR_ECORRUPT;
    }
    if (!rollups_are_new || last_seq == 0) return MTR_OK;
    mtr_logline(MTR_LEVEL_WARNING, "daemon",
                "there were no rollups: folding %" PRIu64 " events of the log again", last_seq);
    return mtr_rater_forget_feed(daemon->charges);
}
