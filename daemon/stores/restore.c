/*
 * See restore.h.
 */
#include "daemon/stores/restore.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon/stores/backup.h"
#include "meterd/store/hold.h"
#include "meterd/store/life.h"
#include "meterd/store/log.h"
#include "meterd/store/mark.h"

/* ---- is it one log? ---- */

/* The block that holds that event. Blocks are chained, so its hash names all that stands before. */
static int find_block(const char *directory, uint64_t seq, struct mtr_block_header *out,
                      struct mtr_diagnostic *diagnostic)
{
    char path[PATH_MAX];
    struct mtr_log_reader *reader = NULL;
    const struct mtr_event *events;
    int rc = backup_path(directory, "log", path);
    if (!rc) rc = mtr_log_reader_open(path, &reader, diagnostic);
    if (!rc) rc = mtr_log_read(reader, seq, out, &events, diagnostic);
    mtr_log_reader_close(reader);
    return rc;
}

/* Where the backup has folded anything, both logs have the block in which that ends. */
static int check_log(const struct restore_wanted *wanted, uint64_t folded_seq,
                     struct mtr_diagnostic *diagnostic)
{
    struct mtr_block_header own, other;
    if (!wanted->log || !folded_seq) return MTR_OK;
    int rc = find_block(wanted->backup, folded_seq, &own, diagnostic);
    if (rc) return mtr_backup_fail(rc, "the backup's log cannot be read:", wanted->backup, diagnostic);
    rc = find_block(wanted->log, folded_seq, &other, diagnostic);
    if (rc && rc != MTR_ENOTFOUND) return rc;
    const bool is_same = !rc && own.first_seq == other.first_seq && own.hash.high == other.hash.high &&
                         own.hash.low == other.hash.low;
    if (is_same) return MTR_OK;
    mtr_diagnostic_set(diagnostic, MTR_FINDING_STORE_COPY, 0, 0, NULL,
                       "the log of %s is not one that goes on where %s ends: its event %" PRIu64
                       " is another, or is not there",
                       wanted->log, wanted->backup, folded_seq);
    return MTR_EINVALID;
}

/* ---- making ---- */

/* They say how far the backup's stores had come, and so they do here. */
static int copy_marks(const struct restore_wanted *wanted, const char *target,
                      struct mtr_diagnostic *diagnostic)
{
    int rc = MTR_OK;
    for (int i = 0; !rc && i < MTR_MARKED_STORES; i++) {
        char path[PATH_MAX];
        struct mtr_mark mark;
        rc = backup_path(wanted->backup, mtr_marked_stores[i], path);
        if (!rc) rc = mtr_mark_read(path, &mark, diagnostic);
        if (rc == MTR_ENOTFOUND) {
            rc = MTR_OK; /* a backup of stores of before has none */
            continue;
        }
        if (!rc) rc = backup_path(target, mtr_marked_stores[i], path);
        if (!rc) rc = mtr_mark_write(path, &mark);
        if (rc) return mtr_backup_fail(rc, "cannot write the mark of", path, diagnostic);
    }
    return rc;
}

static int make(const struct restore_wanted *wanted, const char *partial, struct restore_made *out,
                struct mtr_diagnostic *diagnostic)
{
    char from[PATH_MAX], to[PATH_MAX];
    int rc = backup_copy_stores(wanted->backup, partial, NULL, diagnostic);
    if (!rc) rc = backup_path(wanted->log ? wanted->log : wanted->backup, "log", from);
    if (!rc) rc = backup_path(partial, "log", to);
    if (!rc) rc = mtr_backup_log_up_to(from, to, wanted->up_to, &out->last_seq, diagnostic);
    if (!rc && out->last_seq < out->folded_seq) {
        mtr_diagnostic_set(diagnostic, MTR_FINDING_STORE_COPY, 0, 0, NULL,
                           "event %" PRIu64 " stands in one request with later ones, and those before end at "
                           "%" PRIu64 ", but the backup has folded them up to %" PRIu64
                           ": take an earlier backup",
                           wanted->up_to, out->last_seq, out->folded_seq);
        rc = MTR_EINVALID;
    }
    if (!rc) rc = copy_marks(wanted, partial, diagnostic);
    if (rc) return rc;
    rc = mtr_life_mark_copy(partial);
    return rc ? mtr_backup_fail(rc, "cannot write life in", partial, diagnostic) : MTR_OK;
}

/* Of a backup that was found whole. */
static int make_beside(const struct restore_wanted *wanted, struct restore_made *out,
                       struct mtr_diagnostic *diagnostic)
{
    char partial[PATH_MAX];
    int hold;
    int rc = backup_begin_partial(wanted->target, partial, &hold, wanted->on_removed, diagnostic);
    if (!rc) rc = make(wanted, partial, out, diagnostic);
    if (!rc) rc = backup_give_name(partial, wanted->target, diagnostic);
    backup_end_partial(partial, hold, rc != MTR_OK);
    return rc;
}

static int restore(const struct restore_wanted *wanted, struct restore_made *out,
                   struct mtr_diagnostic *diagnostic)
{
    struct backup_made verified = {0};
    int rc = backup_verify(wanted->backup, &verified, diagnostic);
    if (rc) return rc;
    out->folded_seq = verified.facts.folded_seq;
    if (wanted->up_to < out->folded_seq) {
        mtr_diagnostic_set(diagnostic, MTR_FINDING_STORE_COPY, 0, 0, NULL,
                           "%s has folded events up to %" PRIu64 ": take a backup from before event %" PRIu64,
                           wanted->backup, out->folded_seq, wanted->up_to);
        return MTR_EINVALID;
    }
    rc = check_log(wanted, out->folded_seq, diagnostic);
    return rc ? rc : make_beside(wanted, out, diagnostic);
}

int restore_make(const struct restore_wanted *wanted, struct restore_made *out,
                 struct mtr_diagnostic *diagnostic)
{
    struct stat status;
    int reads;
    *out = (struct restore_made){0};
    if (!lstat(wanted->target, &status)) /* before the backup is read as a whole */
        return mtr_backup_fail(MTR_EEXISTS, "give a directory that does not exist yet:", wanted->target,
                               diagnostic);
    int rc = backup_begin_reading(wanted->backup, &reads, diagnostic);
    if (!rc) rc = restore(wanted, out, diagnostic);
    mtr_hold_end(reads);
    return rc;
}
