/*
 * The rater's step: one read transaction of the rollups, one write transaction of the charges, a bounded
 * amount of work between.
 *
 * Invariants: cursor, timers and charges move in one commit; a step that found nothing commits nothing.
 * Ownership: the rater owns its scratch memory, the stores are the caller's. Thread: one. It reads no clock
 * and calls nobody outside.
 */
#include "meterd/rater/rater.h"

#include <stdlib.h>
#include <string.h>

#include "meterd/core/time.h"
#include "rater/hold.h"
#include "rater/line_ranges.h"
#include "rater/source_items.h"
#include "rater/step.h"

enum {
    ARENA_CHUNK_BYTES = 1 << 16,
    BODY_BYTES_MAX = 1 << 20,
    TRACES_BYTES_MAX = 32 << 20,
    STEP_CELLS_MAX = 1 << 18
};

struct mtr_rater_options mtr_rater_options_default(void)
{
    return (struct mtr_rater_options){
        .draft_every_us = MTR_US_PER_HOUR,
        .grace_us = MTR_US_PER_HOUR,
        .step_rows_max = 4096,
        .step_ratings_max = 256,
        .memory_bytes_max = UINT64_C(256) << 20,
    };
}

int mtr_rater_open(struct mtr_rollups *rollups, struct mtr_charges *charges,
                   const struct mtr_rater_options *options, struct mtr_rater **out)
{
    if (!options->step_rows_max || !options->step_ratings_max || options->draft_every_us < 0 ||
        options->grace_us < 0)
        return MTR_EINVALID;
    struct mtr_rater *rater = calloc(1, sizeof(*rater));
    if (!rater) return MTR_ENOMEM;
    rater->rollups = rollups;
    rater->charges = charges;
    rater->options = *options;
    rater->scan_starts = calloc(options->step_rows_max, sizeof(*rater->scan_starts));
    rater->lines_max = rater_lines_at_once(options->memory_bytes_max);
    mtr_arena_init(&rater->arena, ARENA_CHUNK_BYTES, options->memory_bytes_max);
    mtr_arena_init(&rater->scratch, ARENA_CHUNK_BYTES, SIZE_MAX);
    mtr_buffer_init(&rater->body, BODY_BYTES_MAX);
    mtr_buffer_init(&rater->traces, TRACES_BYTES_MAX);
    if (!rater->scan_starts) {
        mtr_rater_close(rater);
        return MTR_ENOMEM;
    }
    *out = rater;
    return MTR_OK;
}

void mtr_rater_close(struct mtr_rater *rater)
{
    if (!rater) return;
    mtr_arena_release(&rater->arena);
    mtr_arena_release(&rater->scratch);
    rater_release_sums(&rater->sums);
    mtr_buffer_release(&rater->body);
    mtr_buffer_release(&rater->traces);
    free(rater->scan_starts);
    source_items_free(&rater->items);
    free(rater->holding);
    free(rater);
}

static int run(struct rater_step *step)
{
    int rc = mtr_rollups_get_cursor(step->rollups, &step->next_seq, &step->watermark_us, &step->feed_change);
    if (!rc) rc = mtr_charges_get_cursor(step->charges, &step->cursor);
    if (!rc && step->feed_change < step->cursor.change)
        step->cursor.change = 0; /* the rollups were rebuilt, their feed starts anew */
    if (!rc) rc = rater_scan_catalog(step);
    if (!rc) rc = rater_consume_feed(step);
    if (!rc) rc = rater_run_timers(step);
    if (!rc && step->changed) rc = mtr_charges_put_cursor(step->charges, &step->cursor);
    return rc;
}

int mtr_rater_step(struct mtr_rater *rater, const struct mtr_catalog *catalog, int64_t now_us,
                   struct mtr_rater_result *result, struct mtr_diagnostic *diagnostic)
{
    struct mtr_rater_result counted = {.next_due_us = INT64_MAX};
    struct rater_step step = {
        .rater = rater,
        .catalog = catalog,
        .now_us = now_us,
        .rows_left = rater->options.step_rows_max,
        .ratings_left = rater->options.step_ratings_max,
        .cells_left = STEP_CELLS_MAX,
        .result = &counted,
        .diagnostic = diagnostic,
    };
    int rc = mtr_rollups_begin(rater->rollups, false, &step.rollups);
    if (rc) return rc;
    rc = mtr_charges_begin(rater->charges, true, &step.charges);
    if (!rc) rc = run(&step);
    if (!rc && step.changed) {
        rc = mtr_charges_commit(step.charges);
        step.charges = NULL;
    }
    mtr_charges_abort(step.charges);
    mtr_rollups_abort(step.rollups);
    rater_hold_end(&step);
    if (rc) {
        mtr_diagnostic_set(diagnostic, MTR_FINDING_PROGRAM_STAGE, 0, 0, NULL, "the rater cannot step: %s",
                           mtr_error_text(rc));
        return rc;
    }
    MTR_ASSERT(counted.closed <= counted.rated && counted.rated <= rater->options.step_ratings_max);
    MTR_ASSERT(step.changed || !counted.charges); /* what was emitted was committed */
    counted.idle = !step.more;
    rater->starved = 0;
    *result = counted;
    return MTR_OK;
}

int mtr_rater_forget_feed(struct mtr_charges *charges)
{
    struct mtr_charges_txn *txn = NULL;
    struct mtr_charges_cursor cursor = {0};
    int rc = mtr_charges_begin(charges, true, &txn);
    if (rc) return rc;
    rc = mtr_charges_get_cursor(txn, &cursor);
    cursor.change = 0;
    if (!rc) rc = mtr_charges_put_cursor(txn, &cursor);
    if (!rc) return mtr_charges_commit(txn);
    mtr_charges_abort(txn);
    return rc;
}
