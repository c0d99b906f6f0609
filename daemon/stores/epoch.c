/*
 * Stores that were put back from a copy: a new epoch begins before anything is told or sent
 * (meterd/store/charges.h), so that no number and no id that was given since the copy is given again.
 *
 * The epoch is durable before the directory is said to be no copy any more: a crash between them begins one
 * more, which costs nothing.
 */
#include "daemon/daemon.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "meterd/core/logline.h"
#include "meterd/core/time.h"
#include "meterd/store/backup_list.h"
#include "meterd/store/life.h"

enum { STORE_PATH_BYTES = 4200 };

/* An epoch has the number of a second: in the one that runs another store that was put back may have begun
 * one. */
static void wait_for_next_second(void)
{
    const int64_t left_us = MTR_US_PER_SECOND - mtr_clock_wall_us() % MTR_US_PER_SECOND;
    const struct timespec left = {.tv_nsec = left_us % MTR_US_PER_SECOND * 1000,
                                  .tv_sec = left_us / MTR_US_PER_SECOND};
    (void)nanosleep(&left, NULL);
}

static int begin(struct mtr_daemon *daemon, struct mtr_charges_epoch *out)
{
    struct mtr_charges_txn *txn = NULL;
    wait_for_next_second();
    int rc = mtr_charges_begin(daemon->charges, true, &txn);
    if (!rc) rc = mtr_charges_begin_epoch(txn, mtr_clock_wall_us(), out);
    if (!rc) return mtr_charges_commit(txn);
    mtr_charges_abort(txn);
    return rc;
}

/* Did the charges know of the file? `is_kept`: from now on they do. */
static int note_life(struct mtr_daemon *daemon, bool is_kept, bool *was_noted)
{
    struct mtr_charges_txn *txn = NULL;
    int rc = mtr_charges_begin(daemon->charges, true, &txn);
    if (!rc) rc = mtr_charges_note_life(txn, was_noted);
    if (!rc && is_kept && !*was_noted) return mtr_charges_commit(txn);
    mtr_charges_abort(txn);
    return rc;
}

/* A directory without the file, whose charges say that there was one, is a copy of some of the files. */
static int look(struct mtr_daemon *daemon, const char *directory, enum mtr_life *out)
{
    bool was_noted;
    int rc = mtr_life_read(directory, out);
    if (rc || *out != MTR_LIFE_NEW) return rc;
    rc = note_life(daemon, false, &was_noted);
    if (!rc && was_noted) *out = MTR_LIFE_COPIED;
    return rc;
}

static void say(const struct mtr_charges_epoch *epoch)
{
    mtr_logline(MTR_LEVEL_WARNING, "daemon",
                "these stores were put back from a copy: charges that were handed out behind number %" PRIu64
                " are void, and a new epoch begins with number %" PRIu64
                "; destinations get nothing new before they are reconciled (meterd charges --outbox)",
                epoch->last_before, epoch->number + 1);
}

/* What a backup says of its files is not true of a directory that goes on. */
static void remove_list(const char *directory)
{
    char path[STORE_PATH_BYTES];
    snprintf(path, sizeof(path), "%s/" MTR_BACKUP_LIST, directory);
    if (unlink(path) && errno != ENOENT)
        mtr_logline(MTR_LEVEL_WARNING, "daemon", "%s, which is of the backup, cannot be removed", path);
}

int epoch_begin(struct mtr_daemon *daemon, const char *directory, struct mtr_diagnostic *diagnostic)
{
    struct mtr_charges_epoch epoch;
    enum mtr_life life;
    bool was_noted;
    int rc = look(daemon, directory, &life);
    if (!rc && life == MTR_LIFE_COPIED) {
        rc = begin(daemon, &epoch);
        if (!rc) say(&epoch);
    }
    if (!rc && life != MTR_LIFE_GOES_ON) rc = mtr_life_begin(directory);
    if (!rc && life == MTR_LIFE_COPIED) remove_list(directory);
    if (!rc) rc = note_life(daemon, true, &was_noted); /* once the file is there */
    if (rc)
        mtr_diagnostic_set(diagnostic, MTR_FINDING_STORE_UNWRITABLE, 0, 0, NULL,
                           "whether the stores in %s were put back from a copy cannot be noted: %s",
                           directory, mtr_error_text(rc));
    return rc;
}
