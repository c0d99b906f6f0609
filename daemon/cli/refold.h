/*
 * Folding the log again: a second set of rollups beside the live ones, for audits and rebuilds.
 */
#ifndef METERD_DAEMON_CLI_REFOLD_H
#define METERD_DAEMON_CLI_REFOLD_H

#include "meterd/catalog/catalog.h"
#include "meterd/store/log.h"
#include "meterd/store/rollups.h"

struct mtr_refold;

/* What is folded again. */
struct mtr_refold_of {
    const char *data_directory;
    int64_t now_us;           /* up to which usage is complete at the log's end */
    struct mtr_log *log;      /* the writer's, when this process has it open; else NULL */
    struct mtr_rollups *live; /* in whose place they come, or that they are compared with; NULL: lost */
};
/* Opens log and catalog of the data directory for reading, and empty rollups in `directory` (which must not
 * exist). Their feed of changes is numbered from the beginning. */
int refold_open(const struct mtr_refold_of *of, const char *directory, struct mtr_refold **out,
                struct mtr_diagnostic *diagnostic) MTR_MUST_USE;
/* Folds until the end of the log as it is now; on_progress (may be NULL) is called after each step with
 * the last sequence folded. */
int refold_run(struct mtr_refold *refold, void (*on_progress)(void *context, uint64_t last_seq),
               void *context, struct mtr_diagnostic *diagnostic) MTR_MUST_USE;
struct mtr_rollups *refold_rollups(struct mtr_refold *refold);
struct mtr_catalog *refold_catalog(struct mtr_refold *refold); /* borrowed until close */
void refold_close(struct mtr_refold *refold);

#endif
