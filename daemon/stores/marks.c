/*
 * The marks of the running daemon: where its stores stand is written beside each of them
 * (meterd/store/mark.h), and checked against them at the next start.
 *
 *   start          each mark against each store but its own; then all marks say where the stores stand
 *   rater's step   once its charges are committed, before anybody may see them (daemon->handed_out)
 *   fold           before the first step with a version of the catalog; the log now and then, and at the end
 *
 * The rollups are not in the marks: they are folded again from the log. Any stage may write: `mutex`.
 */
#include "daemon/daemon.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "meterd/core/logline.h"
#include "meterd/core/time.h"

enum { STORE_PATH_BYTES = 4200 };
#define MARK_LOG_EVERY_US (10 * MTR_US_PER_SECOND)

/* Where the charges stand. */
static int find_charges(struct mtr_daemon *daemon, struct mtr_mark *out)
{
    struct mtr_charges_txn *txn = NULL;
    struct mtr_charge last;
    int rc = mtr_charges_begin(daemon->charges, false, &txn);
    if (!rc) rc = mtr_charges_get_last(txn, &last);
    mtr_charges_abort(txn);
    if (rc) return rc;
    out->charge_number = last.number;
    out->charge_id = last.id;
    return MTR_OK;
}

static int find_position(struct mtr_daemon *daemon, struct mtr_mark *out)
{
    struct mtr_catalog *catalog = mtr_catalog_store_snapshot(daemon->catalog_store);
    *out = (struct mtr_mark){.log_seq = mtr_log_last_seq(daemon->log),
                             .catalog_version = mtr_catalog_version(catalog)};
    mtr_catalog_release(catalog);
    return find_charges(daemon, out);
}

/* ---- against the stores ---- */

/* Is the charge that a mark names another one now? */
static int is_other_charge(struct mtr_daemon *daemon, const struct mtr_mark *mark, bool *out)
{
    struct mtr_charges_txn *txn = NULL;
    struct mtr_charge charge;
    *out = false;
    if (!mark->charge_number) return MTR_OK;
    int rc = mtr_charges_begin(daemon->charges, false, &txn);
    if (!rc) rc = mtr_charges_get(txn, mark->charge_number, &charge);
    if (!rc) *out = charge.id.high != mark->charge_id.high || charge.id.low != mark->charge_id.low;
    mtr_charges_abort(txn);
    return rc;
}

#define WHAT_TO_DO "put back the newer copy, or restore all stores from one backup"

static int check_log(const struct mtr_mark *mark, const struct mtr_mark *now, const char *store,
                     struct mtr_diagnostic *diagnostic)
{
    if (mark->log_seq <= now->log_seq) return MTR_OK;
    mtr_diagnostic_set(diagnostic, MTR_FINDING_STORE_OLDER, 0, 0, NULL,
                       "the log ends at event %" PRIu64 ", but held events up to %" PRIu64
                       " when the store %s was last written: the log is older; " WHAT_TO_DO,
                       now->log_seq, mark->log_seq, store);
    return MTR_ECORRUPT;
}

static int check_catalog(const struct mtr_mark *mark, const struct mtr_mark *now, const char *store,
                         struct mtr_diagnostic *diagnostic)
{
    if (mark->catalog_version <= now->catalog_version) return MTR_OK;
    mtr_diagnostic_set(diagnostic, MTR_FINDING_STORE_OLDER, 0, 0, NULL,
                       "the catalog is at version %" PRIu64 ", but version %" PRIu64
                       " was in force when the store %s was last written: the catalog is older; " WHAT_TO_DO,
                       now->catalog_version, mark->catalog_version, store);
    return MTR_ECORRUPT;
}

static int check_charges(struct mtr_daemon *daemon, const struct mtr_mark *mark, const struct mtr_mark *now,
                         const char *store, struct mtr_diagnostic *diagnostic)
{
    bool other = false;
    if (mark->charge_number > now->charge_number) {
        mtr_diagnostic_set(diagnostic, MTR_FINDING_STORE_OLDER, 0, 0, NULL,
                           "the charges end at number %" PRIu64 ", but those up to number %" PRIu64
                           " may have been handed out when the store %s was last written: the charges are "
                           "older; " WHAT_TO_DO,
                           now->charge_number, mark->charge_number, store);
        return MTR_ECORRUPT;
    }
    int rc = is_other_charge(daemon, mark, &other);
    if (rc || !other) return rc;
    mtr_diagnostic_set(diagnostic, MTR_FINDING_STORE_OLDER, 0, 0, NULL,
                       "charge number %" PRIu64 " is another one than when the store %s was last written: "
                       "these charges have another history; " WHAT_TO_DO,
                       mark->charge_number, store);
    return MTR_ECORRUPT;
}

int marks_check(struct mtr_daemon *daemon, const char *directory, bool charges_are_new,
                struct mtr_diagnostic *diagnostic)
{
    struct mtr_mark now, mark;
    int rc = find_position(daemon, &now);
    for (int i = 0; !rc && i < MTR_MARKED_STORES; i++) {
        const char *store = mtr_marked_stores[i];
        char path[STORE_PATH_BYTES];
        snprintf(path, sizeof(path), "%s/%s", directory, store);
        rc = mtr_mark_read(path, &mark, diagnostic);
        if (rc == MTR_ENOTFOUND) {
            rc = MTR_OK;
            continue;
        }
        if (!rc) rc = check_log(&mark, &now, store, diagnostic);
        if (!rc) rc = check_catalog(&mark, &now, store, diagnostic);
        if (!rc && !charges_are_new) rc = check_charges(daemon, &mark, &now, store, diagnostic);
    }
    return rc;
}

/* ---- as the stores go on ---- */

static int write_all(struct mtr_daemon_marks *marks, const struct mtr_mark *mark)
{
    int rc = MTR_OK;
    for (int i = 0; !rc && i < MTR_MARKED_STORES; i++) {
        char path[STORE_PATH_BYTES];
        snprintf(path, sizeof(path), "%s/%s", marks->directory, mtr_marked_stores[i]);
        rc = mtr_mark_write(path, mark);
    }
    if (!rc) {
        marks->written = *mark;
        marks->written_us = mtr_clock_monotonic_us();
    }
    return rc;
}

int marks_begin(struct mtr_daemon *daemon, const char *directory, struct mtr_diagnostic *diagnostic)
{
    struct mtr_daemon_marks *marks = &daemon->marks;
    struct mtr_mark now;
    snprintf(marks->directory, sizeof(marks->directory), "%s", directory);
    int rc = find_position(daemon, &now);
    if (!rc) rc = write_all(marks, &now);
    if (rc) {
        mtr_diagnostic_set(diagnostic, MTR_FINDING_STORE_UNWRITABLE, 0, 0, NULL,
                           "the marks beside the stores in %s cannot be written: %s", directory,
                           mtr_error_text(rc));
        return rc;
    }
    marks->are_kept = true;
    atomic_store(&daemon->handed_out, now.charge_number);
    return MTR_OK;
}

int marks_charges(struct mtr_daemon *daemon)
{
    struct mtr_daemon_marks *marks = &daemon->marks;
    pthread_mutex_lock(&marks->mutex);
    struct mtr_mark mark = marks->written;
    int rc = find_charges(daemon, &mark);
    if (!rc) rc = write_all(marks, &mark);
    if (!rc) atomic_store(&daemon->handed_out, mark.charge_number);
    marks->charges_wait = rc != 0;
    pthread_mutex_unlock(&marks->mutex);
    return rc;
}

int marks_catalog(struct mtr_daemon *daemon, uint64_t version)
{
    struct mtr_daemon_marks *marks = &daemon->marks;
    int rc = MTR_OK;
    pthread_mutex_lock(&marks->mutex);
    struct mtr_mark mark = marks->written;
    if (version > mark.catalog_version) {
        mark.catalog_version = version;
        rc = write_all(marks, &mark);
    }
    pthread_mutex_unlock(&marks->mutex);
    return rc;
}

int marks_log(struct mtr_daemon *daemon)
{
    struct mtr_daemon_marks *marks = &daemon->marks;
    const uint64_t folded_seq = atomic_load(&daemon->folded_seq);
    int rc = MTR_OK;
    pthread_mutex_lock(&marks->mutex);
    struct mtr_mark mark = marks->written;
    const bool is_due = mtr_clock_monotonic_us() - marks->written_us >= MARK_LOG_EVERY_US;
    if (folded_seq > mark.log_seq && is_due) {
        mark.log_seq = folded_seq;
        rc = write_all(marks, &mark);
    }
    pthread_mutex_unlock(&marks->mutex);
    return rc;
}

void marks_end(struct mtr_daemon *daemon)
{
    struct mtr_mark last;
    if (!daemon->marks.are_kept) return; /* the start was refused */
    int rc = find_position(daemon, &last);
    if (!rc) rc = write_all(&daemon->marks, &last);
    if (rc)
        mtr_logline(MTR_LEVEL_WARNING, "daemon", "the marks beside the stores cannot be written: %s",
                    mtr_error_text(rc));
}
