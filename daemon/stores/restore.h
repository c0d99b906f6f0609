/*
 * A data directory made of a backup, and of as much of a log as is wanted: the point in time.
 *
 * Charges, rollups, catalog and keys are those of the backup. The log is the backup's, or that of another
 * directory which goes on where the backup ends; what it has beyond the backup is folded and charged at the
 * start. Documents that were applied since the backup are not in a log: they are to be applied again.
 */
#ifndef METERD_DAEMON_STORES_RESTORE_H
#define METERD_DAEMON_STORES_RESTORE_H

#include <stdint.h>

#include "meterd/core/diagnostic.h"
#include "meterd/core/error.h"

struct restore_wanted {
    const char *backup, *target; /* target: must not exist */
    const char *log;             /* a data directory or a backup; NULL: the backup's own log */
    uint64_t up_to;              /* the last event; UINT64_MAX: all that the log has */
    void (*on_removed)(const char *path); /* of the same name, which was left; or NULL */
};
struct restore_made {
    uint64_t folded_seq, last_seq; /* of the backup, and of the log that was made */
};

/* Verifies the backup first. MTR_EINVALID: the log is not one that goes on where the backup ends, or up_to is
 * before what the backup has folded; MTR_EAGAIN: another process makes the same. Whatever fails, no
 * directory is left. In a process of its own. */
int restore_make(const struct restore_wanted *wanted, struct restore_made *out,
                 struct mtr_diagnostic *diagnostic) MTR_MUST_USE;

#endif
