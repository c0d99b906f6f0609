/*
 * The stores against one another, at start: a restored or deleted store must not make money wrong in silence.
 *
 *   log behind the rollups       refused: events would get numbers that were folded already
 *   catalog behind the charges   refused: documents would get numbers that others were charged under
 *   catalog behind the rollups   refused, where one has not even their subscriptions
 *   log behind the charges       refused, where one of the newest was made of events that it has not
 *   charges gone, log not empty  refused: everything would be charged again
 *   any behind what the mark     refused: events, documents or charges that others were made of, or that a
 *   beside another store says    receiver may have, would be made again as others (marks.c)
 *   log begins behind the fold   refused: events between them are in neither
 *   rollups gone                 a fold of the log: made again, and the rater looks at all of it again
 *   rollups behind the charges   folded on from where they stand, and the rater looks at all of it again: the
 *                                numbers that it knows of their feed are given to other changes
 *
 * While rollups are folded again nothing is rated: of half the use the charges would take the rest back.
 */
#include "daemon/daemon.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "meterd/core/logline.h"

enum { STORE_PATH_BYTES = 4200, NEWEST_CHARGES = 1000 };

static bool has_store(const char *directory, const char *name)
{
    char path[STORE_PATH_BYTES];
    snprintf(path, sizeof(path), "%s/%s/data.mdb", directory, name);
    return access(path, F_OK) == 0;
}

int consistency_before(struct mtr_daemon *daemon, const char *directory, struct mtr_new_stores *are_new,
                       struct mtr_diagnostic *diagnostic)
{
    uint64_t last_seq = mtr_log_last_seq(daemon->log);
    are_new->rollups = !has_store(directory, "rollups");
    are_new->charges = !has_store(directory, "charges");
    if (last_seq == 0 || !are_new->charges || are_new->rollups) return MTR_OK;
    mtr_diagnostic_set(diagnostic, MTR_FINDING_STORE_MISSING, 0, 0, NULL,
                       "%s/charges is missing, but usage was folded already: restore it from a backup; to "
                       "charge everything again from the "
                       "beginning, remove %s/rollups too",
                       directory, directory);
    return MTR_ECORRUPT;
}

struct cursors {
    uint64_t next_seq, change; /* of the rollups */
    struct mtr_charges_cursor charged;
    bool is_charged; /* there are charges */
    uint32_t subscription; /* the last one that the rollups know */
    struct mtr_charge latest; /* of the newest charges, the one that was made of the latest event */
};

/* Behind which number the newest are: some more of them at the begin of an epoch. */
static int find_newest(struct mtr_charges_txn *txn, uint64_t last, uint64_t *out)
{
    struct mtr_charges_epoch epoch;
    int rc = mtr_charges_get_epoch(txn, &epoch);
    *out = last > NEWEST_CHARGES ? last - NEWEST_CHARGES : 0;
    if (!rc && *out <= epoch.number)
        *out = epoch.last_before > NEWEST_CHARGES ? epoch.last_before - NEWEST_CHARGES : 0;
    return rc;
}

static int on_newest(void *context, const struct mtr_charge *charge)
{
    struct mtr_charge *latest = context;
    if (charge->seq_last > latest->seq_last) *latest = *charge;
    return MTR_OK;
}

static int read_cursors(struct mtr_daemon *daemon, struct cursors *out)
{
    struct mtr_rollups_txn *rollups = NULL;
    struct mtr_charges_txn *charges = NULL;
    int64_t watermark_us;
    uint64_t last = 0, newest = 0;
    int rc = mtr_rollups_begin(daemon->rollups, false, &rollups);
    if (!rc) rc = mtr_rollups_get_cursor(rollups, &out->next_seq, &watermark_us, &out->change);
    if (!rc) rc = mtr_rollups_last_subscription(rollups, &out->subscription);
    if (!rc) rc = mtr_charges_begin(daemon->charges, false, &charges);
    if (!rc) rc = mtr_charges_get_cursor(charges, &out->charged);
    if (!rc) rc = mtr_charges_last_number(charges, UINT64_MAX, &last);
    out->is_charged = last > 0;
    if (!rc) rc = find_newest(charges, last, &newest);
    if (!rc) rc = mtr_charges_walk(charges, newest, on_newest, &out->latest);
    mtr_charges_abort(charges);
    if (rollups) mtr_rollups_abort(rollups);
    return rc;
}

static int check_log_end(struct mtr_daemon *daemon, const struct cursors *cursors,
                         struct mtr_diagnostic *diagnostic)
{
    const uint64_t last_seq = mtr_log_last_seq(daemon->log);
    if (cursors->next_seq <= last_seq + 1) {
        if (cursors->latest.seq_last <= last_seq) return MTR_OK;
        mtr_diagnostic_set(diagnostic, MTR_FINDING_STORE_OLDER, 0, 0, NULL,
                           "the log ends at event %" PRIu64 ", but charge %" PRIu64
                           " was made of events up to %" PRIu64
                           ": the log is older than what was charged; restore all stores from one backup",
                           last_seq, cursors->latest.number, cursors->latest.seq_last);
        return MTR_ECORRUPT;
    }
    mtr_diagnostic_set(diagnostic, MTR_FINDING_STORE_OLDER, 0, 0, NULL,
                       "the log ends at event %" PRIu64 ", but the rollups hold events up to %" PRIu64
                       ": the log is older than what was made of it; restore all stores from one backup",
                       last_seq, cursors->next_seq - 1);
    return MTR_ECORRUPT;
}

static int check_log_begin(struct mtr_daemon *daemon, const struct cursors *cursors,
                           struct mtr_diagnostic *diagnostic)
{
    struct mtr_log_segment first = {0};
    const uint32_t count = mtr_log_segments(daemon->log, &first, 1);
    const uint64_t begin =
        count && first.first_seq ? first.first_seq : mtr_log_last_seq(daemon->log) + 1; /* it is empty */
    if (cursors->next_seq >= begin) return MTR_OK;
    if (cursors->next_seq > 1)
        mtr_diagnostic_set(diagnostic, MTR_FINDING_STORE_LOG_REMOVED, 0, 0, NULL,
                           "the rollups are folded up to event %" PRIu64 ", but the log begins at event "
                           "%" PRIu64 ": those between them were removed after log.retention; put back newer "
                           "rollups, or restore all stores from one backup",
                           cursors->next_seq - 1, begin);
    else
        mtr_diagnostic_set(diagnostic, MTR_FINDING_STORE_LOG_REMOVED, 0, 0, NULL,
                           "the log begins at event %" PRIu64 ": those before it were removed after "
                           "log.retention, so rollups cannot be folded from the first event on; put back "
                           "newer rollups, or restore all stores from one backup",
                           begin);
    return MTR_ECORRUPT;
}

static int check_catalog(struct mtr_daemon *daemon, const struct cursors *cursors,
                         struct mtr_diagnostic *diagnostic)
{
    struct mtr_catalog *catalog = mtr_catalog_store_snapshot(daemon->catalog_store);
    const bool older = mtr_catalog_version(catalog) < cursors->charged.scan_version;
    const uint32_t subscriptions = mtr_catalog_count(catalog, MTR_KIND_SUBSCRIPTION);
    mtr_catalog_release(catalog);
    if (!older && cursors->subscription <= subscriptions) return MTR_OK;
    if (!older) {
        mtr_diagnostic_set(diagnostic, MTR_FINDING_STORE_OLDER, 0, 0, NULL,
                           "the catalog has %" PRIu32 " subscriptions, but the rollups hold usage of number "
                           "%" PRIu32 ": the catalog is older than what was folded with it; restore all "
                           "stores from one backup",
                           subscriptions, cursors->subscription);
        return MTR_ECORRUPT;
    }
    mtr_diagnostic_set(diagnostic, MTR_FINDING_STORE_OLDER, 0, 0, NULL,
                       "the catalog is older than the one that was charged with: restore all stores from "
                       "one backup");
    return MTR_ECORRUPT;
}

/* A feed that was forgotten and not yet read again is of an earlier start that ended in the middle. */
static int fold_again(struct mtr_daemon *daemon, const struct cursors *cursors, bool rollups_are_new)
{
    const uint64_t last_seq = mtr_log_last_seq(daemon->log);
    const bool is_older = cursors->change < cursors->charged.change,
               goes_on = cursors->is_charged && !cursors->charged.change;
    if (last_seq == 0 || (!rollups_are_new && !is_older && !goes_on)) return MTR_OK;
    if (rollups_are_new)
        mtr_logline(MTR_LEVEL_WARNING, "daemon",
                    "there were no rollups: folding %" PRIu64 " events of the log again", last_seq);
    else if (is_older)
        mtr_logline(MTR_LEVEL_WARNING, "daemon",
                    "the rollups are older than the charges: every day is looked at again");
    atomic_store(&daemon->rating_waits, cursors->is_charged);
    daemon->rating_waits_seq = last_seq;
    return mtr_rater_forget_feed(daemon->charges);
}

int consistency_after(struct mtr_daemon *daemon, const char *directory, struct mtr_new_stores are_new,
                      struct mtr_diagnostic *diagnostic)
{
    struct cursors cursors = {0};
    int rc = read_cursors(daemon, &cursors);
    if (rc) {
        mtr_diagnostic_set(diagnostic, MTR_FINDING_STORE_UNREADABLE, 0, 0, NULL,
                           "the rollups or charges cannot be read: %s", mtr_error_text(rc));
        return rc;
    }
    rc = check_log_end(daemon, &cursors, diagnostic);
    if (!rc) rc = check_catalog(daemon, &cursors, diagnostic);
    if (!rc) rc = marks_check(daemon, directory, are_new.charges, diagnostic);
    if (!rc) rc = check_log_begin(daemon, &cursors, diagnostic);
    return rc ? rc : fold_again(daemon, &cursors, are_new.rollups);
}
