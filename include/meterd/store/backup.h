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

/* The log's manifest and the segments that it names. When segments are rolled, sealed or removed meanwhile,
 * the copy is taken again; MTR_EAGAIN when that does not come to rest. */
int mtr_backup_log(const char *from_directory, const char *to_directory,
                   struct mtr_diagnostic *diagnostic) MTR_MUST_USE;

/* A small file (keys, manifest) with mode 0600; what stood there is replaced. */
int mtr_backup_file(const char *from_path, const char *to_path,
                    struct mtr_diagnostic *diagnostic) MTR_MUST_USE;

#endif
