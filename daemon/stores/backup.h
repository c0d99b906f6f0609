/*
 * Backups of a data directory: made beside a running daemon or without one, whole or not at all.
 *
 *   TARGET.partial   what is being made, by who holds it (meterd/store/hold.h); one that is left goes with the
 *                    next backup or restore of that name
 *   TARGET           appears when all is copied, listed and durable
 *
 * Who reads a backup that is whole holds it, too, beside other readers: none is removed under him.
 *
 * Call in a process of its own, not in the daemon's (meterd/store/backup.h).
 */
#ifndef METERD_DAEMON_STORES_BACKUP_H
#define METERD_DAEMON_STORES_BACKUP_H

#include <limits.h>
#include <stdbool.h>

#include "meterd/store/backup.h"
#include "meterd/store/backup_list.h"

struct backup_wanted {
    const char *data, *target;
    const char *since; /* a backup whose sealed segments need not be copied; NULL: copy all */
    bool is_verified;  /* before it gets its name */
    void (*on_copied)(const char *name);  /* or NULL */
    void (*on_removed)(const char *path); /* one that was left; or NULL */
};
struct backup_made {
    struct mtr_backup_facts facts;
    struct mtr_backup_log_counts segments;
    struct mtr_backup_sizes sizes; /* where it was verified */
};

/* MTR_EEXISTS: the target is there; MTR_EAGAIN: another process is making it, removes the one before, or the
 * log does not come to rest. Whatever fails, no directory of that name is there, and none that is partial but
 * another process' one. */
int backup_make(const struct backup_wanted *wanted, struct backup_made *out,
                struct mtr_diagnostic *diagnostic) MTR_MUST_USE;

/* The path of a part. MTR_EINVALID: it is too long. */
int backup_path(const char *directory, const char *name, char out[PATH_MAX]) MTR_MUST_USE;

/* What a data directory or a backup has beside its log, its marks and what it says of itself. on_copied: as
 * above. */
int backup_copy_stores(const char *directory, const char *target, void (*on_copied)(const char *name),
                       struct mtr_diagnostic *diagnostic) MTR_MUST_USE;

/* Begins to make a target: an empty directory `partial` beside it, which is held from then on. on_removed (or
 * NULL) is told of one that was left there. MTR_EEXISTS: the target is there; MTR_EAGAIN: another process is
 * making it. */
int backup_begin_partial(const char *target, char partial[PATH_MAX], int *hold,
                         void (*on_removed)(const char *path),
                         struct mtr_diagnostic *diagnostic) MTR_MUST_USE;
/* What was made in `partial` appears as `target`, durably. */
int backup_give_name(const char *partial, const char *target, struct mtr_diagnostic *diagnostic) MTR_MUST_USE;
/* What is left of it goes where it `has_failed`; it is not held any more. */
void backup_end_partial(const char *partial, int hold, bool has_failed);

/* A backup that is to be read, and that nobody removes meanwhile. MTR_EAGAIN: it is being removed. End it
 * with mtr_hold_end. */
int backup_begin_reading(const char *directory, int *hold, struct mtr_diagnostic *diagnostic) MTR_MUST_USE;
/* A backup that is not kept any more, or what is left of one. MTR_EAGAIN: somebody makes it, or reads it.
 * What cannot be removed stays. */
int backup_remove(const char *directory) MTR_MUST_USE;

/* Each file against the list, and the log's hashes and chain. */
int backup_verify(const char *directory, struct backup_made *out,
                  struct mtr_diagnostic *diagnostic) MTR_MUST_USE;

#endif
