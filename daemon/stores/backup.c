/*
 * A backup: the stores, copied downstream first, with marks of their own, and a list of it all.
 *
 * Beside each copy comes a mark of how far the copies had come, as the daemon writes them
 * (meterd/store/mark.h): a store of this backup and one of another are known for what they are. The marks of
 * the data directory are not copied, since they may say more than a copy has; `life` says that it is one.
 */
#include "daemon/stores/backup.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "meterd/net/loop.h"
#include "meterd/store/charges.h"
#include "meterd/store/documents.h"
#include "meterd/store/durable.h"
#include "meterd/store/hold.h"
#include "meterd/store/life.h"
#include "meterd/store/log.h"
#include "meterd/store/mark.h"
#include "meterd/store/rollups.h"
#include "meterd/store/trail.h"

int backup_path(const char *directory, const char *name, char out[PATH_MAX])
{
    const int size = snprintf(out, PATH_MAX, "%s/%s", directory, name);
    return size > 0 && size < PATH_MAX ? MTR_OK : MTR_EINVALID;
}

/* ---- parts ---- */

struct part {
    const char *name;
    int (*copy)(const char *from, const char *to, struct mtr_diagnostic *diagnostic);
    bool optional;
};

/* The log comes behind them, so that its copy is never behind what was made of it. Of a data directory from
 * before there were sources there is no ledger of windows. With the record of trusted time a start on the
 * copy believes no clock that has leapt since. */
static const struct part parts[] = {
    {"charges", mtr_backup_environment, false}, {"rollups", mtr_backup_environment, false},
    {"catalog", mtr_backup_environment, false}, {"intake", mtr_backup_environment, true},
    {"event.key", mtr_backup_file, false},      {"admin.key", mtr_backup_file, true},
    {"clock", mtr_backup_file, true},
    {"security", mtr_trail_copy, true},
};

static int copy_log(const struct backup_wanted *wanted, const char *target, struct backup_made *out,
                    struct mtr_diagnostic *diagnostic)
{
    char from[PATH_MAX], to[PATH_MAX], since[PATH_MAX];
    int rc = backup_path(wanted->data, "log", from);
    if (!rc) rc = backup_path(target, "log", to);
    if (!rc && wanted->since) rc = backup_path(wanted->since, "log", since);
    if (rc) return rc;
    return mtr_backup_log(from, to, wanted->since ? since : NULL, &out->segments, diagnostic);
}

int backup_copy_stores(const char *directory, const char *target, void (*on_copied)(const char *name),
                       struct mtr_diagnostic *diagnostic)
{
    int rc = MTR_OK;
    for (size_t i = 0; !rc && i < sizeof(parts) / sizeof(parts[0]); i++) {
        char from[PATH_MAX], to[PATH_MAX];
        rc = backup_path(directory, parts[i].name, from);
        if (!rc) rc = backup_path(target, parts[i].name, to);
        if (rc || (parts[i].optional && access(from, F_OK) != 0)) continue;
        rc = parts[i].copy(from, to, diagnostic);
        if (!rc && on_copied) on_copied(parts[i].name);
    }
    return rc;
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
static int mark_copies(const char *target, struct mtr_mark *mark, struct mtr_diagnostic *diagnostic)
{
    static const struct {
        const char *store;
        int (*find)(const char *directory, struct mtr_mark *mark, struct mtr_diagnostic *diagnostic);
    } found[] = {{"charges", find_charges}, {"rollups", find_folded}, {"catalog", find_version}};
    char path[PATH_MAX];
    int rc = MTR_OK;
    for (size_t i = 0; !rc && i < sizeof(found) / sizeof(found[0]); i++) {
        rc = backup_path(target, found[i].store, path);
        if (!rc) rc = found[i].find(path, mark, diagnostic);
    }
    for (int i = 0; !rc && i < MTR_MARKED_STORES; i++) {
        rc = backup_path(target, mtr_marked_stores[i], path);
        if (!rc) rc = mtr_mark_write(path, mark);
        if (rc) return mtr_backup_fail(rc, "cannot write the mark of", path, diagnostic);
    }
    return rc == MTR_EVERSION ? MTR_OK : rc;
}

/* ---- who is at work in it ---- */

int backup_remove(const char *directory)
{
    int hold;
    int rc = mtr_hold_begin(directory, MTR_HOLD_ALONE, &hold);
    if (rc) return rc;
    rc = mtr_hold_remove(hold, directory);
    mtr_hold_end(hold);
    return rc;
}

int backup_begin_reading(const char *directory, int *hold, struct mtr_diagnostic *diagnostic)
{
    const int rc = mtr_hold_begin(directory, MTR_HOLD_READER, hold);
    if (!rc) return MTR_OK;
    if (rc != MTR_ENOTFOUND)
        return mtr_backup_fail(rc, rc == MTR_EAGAIN ? "another process is at work in" : "cannot read",
                               directory, diagnostic);
    mtr_diagnostic_set(diagnostic, MTR_FINDING_STORE_COPY, 0, 0, NULL,
                       "%s is missing: this is no whole backup", directory);
    return rc;
}

static int name_partial(const char *target, char partial[PATH_MAX], struct mtr_diagnostic *diagnostic)
{
    struct stat status;
    const int size = snprintf(partial, PATH_MAX, "%s.partial", target);
    if (size <= 0 || size >= PATH_MAX)
        return mtr_backup_fail(MTR_EINVALID, "the name is too long:", target, diagnostic);
    if (!lstat(target, &status))
        return mtr_backup_fail(MTR_EEXISTS, "give a directory that does not exist yet:", target, diagnostic);
    return MTR_OK;
}

int backup_begin_partial(const char *target, char partial[PATH_MAX], int *hold,
                         void (*on_removed)(const char *path), struct mtr_diagnostic *diagnostic)
{
    bool was_empty = true;
    *hold = -1;
    int rc = name_partial(target, partial, diagnostic);
    if (rc) return rc;
    rc = mtr_hold_make(partial, hold);
    if (rc == MTR_EAGAIN)
        return mtr_backup_fail(rc, "another backup or restore is at work in", partial, diagnostic);
    if (!rc) rc = mtr_hold_empty(*hold, &was_empty);
    if (!rc && !was_empty && on_removed) on_removed(partial);
    if (!rc) return MTR_OK;
    mtr_hold_end(*hold);
    *hold = -1;
    return mtr_backup_fail(rc, "cannot make", partial, diagnostic);
}

void backup_end_partial(const char *partial, int hold, bool has_failed)
{
    if (hold < 0) return;
    const int rc = has_failed ? mtr_hold_remove(hold, partial) : MTR_OK;
    (void)rc; /* what stays goes with the next one of that name */
    mtr_hold_end(hold);
}

int backup_give_name(const char *partial, const char *target, struct mtr_diagnostic *diagnostic)
{
    int rc = mtr_durable_sync(partial);
    if (!rc) rc = mtr_durable_rename(partial, target);
    return rc ? mtr_backup_fail(rc, "cannot give its name to", target, diagnostic) : MTR_OK;
}

/* ---- the whole ---- */

/* All of the log, block by block. */
static int find_log_end(const char *target, uint64_t *out, struct mtr_diagnostic *diagnostic)
{
    char path[PATH_MAX];
    struct mtr_log_reader *reader = NULL;
    int rc = backup_path(target, "log", path);
    if (!rc) rc = mtr_log_reader_open(path, &reader, diagnostic);
    if (!rc) rc = mtr_log_verify(reader, out, diagnostic);
    mtr_log_reader_close(reader);
    return rc;
}

int backup_verify(const char *directory, struct backup_made *out, struct mtr_diagnostic *diagnostic)
{
    uint64_t last_seq = 0;
    int rc = mtr_backup_list_verify(directory, &out->facts, &out->sizes, diagnostic);
    if (!rc) rc = find_log_end(directory, &last_seq, diagnostic);
    if (rc || last_seq >= out->facts.folded_seq) return rc;
    return mtr_backup_fail(MTR_ECORRUPT, "the log ends before what was made of it in", directory, diagnostic);
}

static int make(const struct backup_wanted *wanted, const char *partial, struct backup_made *out,
                struct mtr_diagnostic *diagnostic)
{
    struct mtr_mark mark = {0};
    int rc = backup_copy_stores(wanted->data, partial, wanted->on_copied, diagnostic);
    if (!rc) rc = copy_log(wanted, partial, out, diagnostic);
    if (!rc && wanted->on_copied) wanted->on_copied("log");
    if (!rc) rc = mark_copies(partial, &mark, diagnostic);
    if (!rc) {
        rc = mtr_life_mark_copy(partial);
        if (rc) rc = mtr_backup_fail(rc, "cannot write life in", partial, diagnostic);
    }
    out->facts = (struct mtr_backup_facts){.made_us = mtr_clock_wall_us(),
                                           .folded_seq = mark.log_seq,
                                           .catalog_version = mark.catalog_version,
                                           .charge_number = mark.charge_number};
    if (!rc) rc = mtr_backup_list_write(partial, wanted->since, &out->facts, diagnostic);
    if (!rc && wanted->is_verified) rc = backup_verify(partial, out, diagnostic);
    return rc ? rc : backup_give_name(partial, wanted->target, diagnostic);
}

static int make_beside(const struct backup_wanted *wanted, struct backup_made *out,
                       struct mtr_diagnostic *diagnostic)
{
    char partial[PATH_MAX];
    int hold;
    int rc = backup_begin_partial(wanted->target, partial, &hold, wanted->on_removed, diagnostic);
    if (!rc) rc = make(wanted, partial, out, diagnostic);
    backup_end_partial(partial, hold, rc != MTR_OK);
    return rc;
}

int backup_make(const struct backup_wanted *wanted, struct backup_made *out,
                struct mtr_diagnostic *diagnostic)
{
    struct mtr_backup_facts since;
    int reads = -1;
    *out = (struct backup_made){0};
    int rc = MTR_OK;
    if (wanted->since) {
        rc = backup_begin_reading(wanted->since, &reads, diagnostic);
        if (!rc) rc = mtr_backup_list_read(wanted->since, &since, diagnostic);
    }
    if (!rc) rc = make_beside(wanted, out, diagnostic);
    mtr_hold_end(reads);
    return rc;
}
