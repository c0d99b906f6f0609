/*
 * Folding the log again. The same aggregator as the daemon's, on a directory of its own; nothing live is
 * written.
 */
#include "daemon/cli/refold.h"

#include <stdio.h>
#include <stdlib.h>

#include "meterd/aggregator/aggregator.h"
#include "meterd/catalog/store.h"
#include "meterd/store/log.h"

enum { PATH_BYTES = 4096, STEP_EVENTS = 262144 };

struct mtr_refold {
    struct mtr_log_reader *reader;
    struct mtr_catalog_store *catalog_store;
    struct mtr_catalog *catalog;
    struct mtr_rollups *rollups;
    struct mtr_aggregator *aggregator;
    int64_t now_us;
};

int refold_open(const struct mtr_refold_of *of, const char *directory, struct mtr_refold **out,
                struct mtr_diagnostic *diagnostic)
{
    char path[PATH_BYTES];
    const struct mtr_aggregator_options options = {.step_events_max = STEP_EVENTS};
    struct mtr_refold *refold = calloc(1, sizeof(*refold));
    if (!refold) return MTR_ENOMEM;
    refold->now_us = of->now_us;
    snprintf(path, sizeof(path), "%s/log", of->data_directory);
    int rc = of->log ? mtr_log_reader_attach(of->log, &refold->reader)
                     : mtr_log_reader_open(path, &refold->reader, diagnostic);
    snprintf(path, sizeof(path), "%s/catalog", of->data_directory);
    if (!rc) rc = mtr_catalog_store_open(path, true, &refold->catalog_store, diagnostic);
    if (!rc) refold->catalog = mtr_catalog_store_snapshot(refold->catalog_store);
    if (!rc) rc = mtr_rollups_open(directory, false, &refold->rollups, diagnostic);
    if (!rc && of->live) rc = mtr_aggregator_take_over(refold->rollups, of->live);
    if (!rc) rc = mtr_aggregator_open(refold->rollups, refold->reader, &options, &refold->aggregator);
    if (rc) {
        refold_close(refold);
        return rc;
    }
    *out = refold;
    return MTR_OK;
}

int refold_run(struct mtr_refold *refold, void (*on_progress)(void *context, uint64_t last_seq),
               void *context, struct mtr_diagnostic *diagnostic)
{
    struct mtr_aggregator_result result = {0};
    do {
        int rc = mtr_aggregator_step(refold->aggregator, refold->catalog, refold->now_us, &result,
                                     diagnostic);
        if (rc) return rc;
        if (on_progress) on_progress(context, result.next_seq - 1);
    } while (!result.idle);
    return MTR_OK;
}

struct mtr_rollups *refold_rollups(struct mtr_refold *refold)
{
    return refold->rollups;
}

struct mtr_catalog *refold_catalog(struct mtr_refold *refold)
{
    return refold->catalog;
}

void refold_close(struct mtr_refold *refold)
{
    if (!refold) return;
    mtr_aggregator_close(refold->aggregator);
    mtr_rollups_close(refold->rollups);
    mtr_catalog_release(refold->catalog);
    mtr_catalog_store_close(refold->catalog_store);
    mtr_log_reader_close(refold->reader);
    free(refold);
}
