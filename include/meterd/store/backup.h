/*
 * Copies of stores that are in use: consistent, durable, made by readers beside the writer.
 *
 * The order of a whole backup is downstream first (charges, rollups, catalog, log), so that the copied log is
 * never behind what was made of it. Call from another process than the writer's (LMDB allows one open per
 * process and directory).
 */
#ifndef METERD_STORE_BACKUP_H
#define METERD_STORE_BACKUP_H

#include "meterd/core/diagnostic.h"
#include "meterd/core/error.h"

/* One LMDB environment, as of one moment, compacted, into a directory that is made. MTR_ENOTFOUND: there
 * is no such store; MTR_EEXISTS: the target is there already. */
int mtr_backup_environment(const char *from_directory, const char *to_directory,
                           struct mtr_diagnostic *diagnostic) MTR_MUST_USE;

/* The log's manifest and segments. When segments are rolled, sealed or removed meanwhile, the copy is
 * taken again; MTR_EAGAIN when that does not come to rest. */
int mtr_backup_log(const char *from_directory, const char *to_directory,
                   struct mtr_diagnostic *diagnostic) MTR_MUST_USE;

/* A small file (keys, manifest) with mode 0600, durable. */
int mtr_backup_file(const char *from_path, const char *to_path,
                    struct mtr_diagnostic *diagnostic) MTR_MUST_USE;

#endif
