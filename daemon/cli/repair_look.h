/*
 * What of a data directory is whole: `meterd repair` looks, before it makes anything. Private to daemon/cli.
 */
#ifndef METERD_DAEMON_CLI_REPAIR_LOOK_H
#define METERD_DAEMON_CLI_REPAIR_LOOK_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "daemon/config.h"
#include "meterd/core/diagnostic.h"
#include "meterd/store/mark.h"

enum { REPAIR_PATH_BYTES = 4096 };

enum repair_part {
    REPAIR_LOG,
    REPAIR_KEY,
    REPAIR_CATALOG,
    REPAIR_CHARGES,
    REPAIR_ROLLUPS,
    REPAIR_INTAKE,
    REPAIR_MARKS,
    REPAIR_PARTS
};
extern const char *const repair_names[REPAIR_PARTS];

enum repair_verdict { REPAIR_WHOLE, REPAIR_MISSING, REPAIR_DAMAGED };

struct repair {
    struct mtr_config config;
    char data[REPAIR_PATH_BYTES];
    bool is_dry_run;
    enum repair_verdict verdicts[REPAIR_PARTS];
    struct mtr_diagnostic diagnostics[REPAIR_PARTS];
    struct mtr_mark mark;                    /* the highest of those that are whole */
    bool is_mark_damaged[MTR_MARKED_STORES]; /* beside that store */
    bool has_mark;
    uint64_t log_begin;   /* its first event; retention has removed those before it */
    unsigned losses;      /* of the catalog */
    char aside[PATH_MAX]; /* where the last part was put; empty: nowhere */
};

/* "DATA/NAME". */
const char *repair_path(const struct repair *repair, const char *name, char path[REPAIR_PATH_BYTES + 80]);
/* Is there the file that the part cannot be without? */
bool repair_has_file(const struct repair *repair, enum repair_part part);
/* All of it; nothing is written. What is missing in a directory that was in use is damaged. */
void repair_look(struct repair *repair);

#endif
