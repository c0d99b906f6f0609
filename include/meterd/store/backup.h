/*
 * Copies of stores that are in use: consistent, durable, made by readers beside the writer.
 *
 *   <data>/charges/   one LMDB environment   mtr_backup_environment
 *   <data>/rollups/   one                    mtr_backup_environment
 *   <data>/catalog/   one                    mtr_backup_environment
 *   <data>/intake/    one                    mtr_backup_environment
 *   <data>/log/       manifest and segments  mtr_backup_log
 *   key files         one file each          mtr_backup_file
 *
 * In that order, downstream first: what was made of the log is copied before it, so that the copied log is
 * never behind, and a daemon that starts on the copy has nothing to fold that it does not find. Rollups and
 * charges can be made anew from log and catalog; charges that were delivered cannot, so copy them too.
 *
 * Each copy is of one moment (an LMDB read transaction); it holds a writer's freed pages back while it runs,
 * so the environment may grow by what is written meanwhile. Everything is fsynced, the directories last,
 * before MTR_OK. An error leaves what was copied so far: remove the target directory. Paths are at most
 * PATH_MAX bytes. Call from another process than the writer's (LMDB allows one open per process and
 * directory); within it from any thread. The diagnostic gets the sentence of every error.
 */
#ifndef METERD_STORE_BACKUP_H
#define METERD_STORE_BACKUP_H

#include "meterd/core/diagnostic.h"
#include "meterd/core/error.h"

/* One LMDB environment, compacted, into a directory that is made with mode 0700. MTR_ENOTFOUND: there is no
 * such store; MTR_EEXISTS: the target is there already; MTR_EFULL, MTR_EIO. */
int mtr_backup_environment(const char *from_directory, const char *to_directory,
                           struct mtr_diagnostic *diagnostic) MTR_MUST_USE;

/* The log's manifest and the segments that it names, however quickly others are rolled and sealed then.
 * Where since_directory (another copy of the log, or NULL) has a sealed segment already, the copy gets a link
 * to it: neither is ever written again. MTR_EAGAIN: retention removed segments each time while they were
 * copied. */
struct mtr_backup_log_counts {
    uint32_t copied, linked; /* segments */
};
int mtr_backup_log(const char *from_directory, const char *to_directory, const char *since_directory,
                   struct mtr_backup_log_counts *counts, struct mtr_diagnostic *diagnostic) MTR_MUST_USE;

/* The same up to an event, of a log that may be in use, too (UINT64_MAX: all). A block that ends behind it is
 * left out as a whole; *last_seq is the last event that is there. MTR_EINVALID: none would be. */
int mtr_backup_log_up_to(const char *from_directory, const char *to_directory, uint64_t up_to,
                         uint64_t *last_seq, struct mtr_diagnostic *diagnostic) MTR_MUST_USE;

/* Sets the diagnostic: "cannot copy PATH: no space left". rc. */
int mtr_backup_fail(int rc, const char *what, const char *path, struct mtr_diagnostic *diagnostic);

/* A small file (keys, the clock) with mode 0600; what stood there is replaced. */
int mtr_backup_file(const char *from_path, const char *to_path,
                    struct mtr_diagnostic *diagnostic) MTR_MUST_USE;

#endif
