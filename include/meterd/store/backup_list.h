/*
 * The list of what a backup holds: <backup>/files, each file with its size and hash, and how far the stores
 * had come. Without a list, and with one that breaks off, a directory is no backup.
 *
 * Files of LMDB's own (lock.mdb) are not in it; all others are, and the list has its own hash at the end.
 * Bytes: docs/formats.md.
 */
#ifndef METERD_STORE_BACKUP_LIST_H
#define METERD_STORE_BACKUP_LIST_H

#include <stdint.h>

#include "meterd/core/diagnostic.h"
#include "meterd/core/error.h"

struct mtr_backup_facts {
    int64_t made_us;
    uint64_t folded_seq; /* events up to it were folded; the log has them, and maybe more */
    uint64_t catalog_version;
    uint64_t charge_number; /* of the last charge */
};

struct mtr_backup_sizes {
    uint64_t files, bytes;
};

/* Of all that stands in the directory now; durable. Files that are links to those of `since`, a backup before
 * (or NULL), have the hash that its list says, and are not read. */
int mtr_backup_list_write(const char *directory, const char *since, const struct mtr_backup_facts *facts,
                          struct mtr_diagnostic *diagnostic) MTR_MUST_USE;

/* MTR_ENOTFOUND: it is no backup; MTR_ECORRUPT: the list is damaged. */
int mtr_backup_list_read(const char *directory, struct mtr_backup_facts *out,
                         struct mtr_diagnostic *diagnostic) MTR_MUST_USE;

/* The same, and reads each file from the disk. MTR_ECORRUPT also where one is missing, is another, or is not
 * in the list. */
int mtr_backup_list_verify(const char *directory, struct mtr_backup_facts *out,
                           struct mtr_backup_sizes *sizes, struct mtr_diagnostic *diagnostic) MTR_MUST_USE;

/* The name of the list's file. */
#define MTR_BACKUP_LIST "files"

#endif
