/*
 * The aggregator's step: begin, take note of the catalog, reassign, fold, void, release, catch up, flow,
 * write cells, commit. See fold.h for the law that makes the result independent of the order in which log and
 * catalog came to be known.
 *
 * Owns the step's memory; borrows rollups and reader. One thread. After an error nothing of the step is
 * stored, and the next step does the same work again.
 */
#include "meterd/aggregator/aggregator.h"

#include <stdlib.h>
#include <string.h>

#include "aggregator/fold.h"

enum { STEP_EVENTS_MAX = 1 << 22 }; /* so that a step's gain of one cell cannot overflow */
/* MTR_STEP_MEMBERS_MAX of the longest members, and their rows, which are moved as they grow. */
#define MEMBER_BYTES_MAX ((size_t)1 << 27)
enum { MEMBER_CHUNK_BYTES = 1 << 16 };
#define WATERMARK_EVERY_US (INT64_C(10) * MTR_US_PER_SECOND)

int mtr_aggregator_open(struct mtr_rollups *rollups, struct mtr_log_reader *reader,
                        const struct mtr_aggregator_options *options, struct mtr_aggregator **out)
{
    MTR_ASSERT(options->step_events_max > 0);
    struct mtr_aggregator *aggregator = calloc(1, sizeof(*aggregator));
    if (!aggregator) return MTR_ENOMEM;
    cell_table_init(&aggregator->cells);
    mtr_arena_init(&aggregator->member_arena, MEMBER_CHUNK_BYTES, MEMBER_BYTES_MAX);
    aggregator->rollups = rollups;
    aggregator->reader = reader;
    aggregator->step_events_max =
        options->step_events_max < STEP_EVENTS_MAX ? options->step_events_max : STEP_EVENTS_MAX;
    aggregator->held_rows = calloc(MTR_RELEASE_CHUNK, sizeof(*aggregator->held_rows));
    if (!aggregator->held_rows || fold_recut_open(&aggregator->recut) ||
        fold_moves_open(&aggregator->moves)) {
        mtr_aggregator_close(aggregator);
        return MTR_ENOMEM;
    }
    *out = aggregator;
    return MTR_OK;
}

void mtr_aggregator_close(struct mtr_aggregator *aggregator)
{
    if (!aggregator) return;
    cell_table_release(&aggregator->cells);
    mtr_arena_release(&aggregator->member_arena);
    fold_recut_close(aggregator->recut);
    fold_moves_close(aggregator->moves);
    free(aggregator->held_rows);
    free(aggregator->catch_ups);
    free(aggregator->voids);
    free(aggregator);
}

/* Where the fold stands: what the cursor row holds, and whether the log had more. */
struct position {
    uint64_t next_seq;
    int64_t watermark_us;
    uint64_t change;
    bool drained;
};

static bool is_behind(const struct mtr_aggregator *aggregator)
{
    return aggregator->releasing || aggregator->catch_up_count > 0 || aggregator->flowing ||
           aggregator->uncounted_seq || fold_recut_is_waiting(aggregator) ||
           fold_reassign_is_waiting(aggregator);
}

/* While there is other work the main fold takes half of the budget, so that neither waits for ever. */
static int fold(struct mtr_aggregator *aggregator, struct position *position)
{
    int rc = fold_load(aggregator);
    if (!rc) rc = fold_count_values(aggregator, position->next_seq);
    if (!rc) rc = fold_recut_plan(aggregator);
    if (!rc) rc = fold_reassign_plan(aggregator);
    if (!rc) rc = fold_attach(aggregator, position->next_seq);
    if (!rc) rc = fold_plan_flows(aggregator);
    if (rc) return rc;
    const uint64_t began_seq = position->next_seq;
    const uint32_t kept = is_behind(aggregator) ? (aggregator->step_events_max + 1) / 2 : 0;
    aggregator->budget = kept;
    rc = fold_reassign_switch(aggregator, &position->change);
    if (!rc) rc = fold_recut_switch(aggregator);
    if (rc) return rc;
    const uint32_t left = aggregator->budget;
    aggregator->budget = aggregator->step_events_max - kept;
    rc = fold_log(aggregator, &position->next_seq, &position->drained);
    if (!rc) rc = fold_voids(aggregator);
    aggregator->budget += left;
    if (!rc) rc = fold_release(aggregator);
    if (!rc) rc = fold_catch_up(aggregator);
    if (!rc) rc = fold_flow(aggregator);
    if (!rc) rc = fold_reassign_scan(aggregator);
    if (!rc) rc = fold_recut_scan(aggregator);
    if (rc) return rc;
    MTR_ASSERT(position->next_seq >= began_seq); /* the cursor never goes back */
    /* Every event that was looked at was paid for, and an event of the log moves the cursor by one. */
    MTR_ASSERT(aggregator->events + aggregator->budget == aggregator->step_events_max);
    MTR_ASSERT(position->next_seq - began_seq <= aggregator->events);
    return MTR_OK;
}

/* Writes what was gathered; *write says whether there is anything to commit. */
static int conclude(struct mtr_aggregator *aggregator, struct position *position, int64_t now_us, bool *write)
{
    bool idle = position->drained && !is_behind(aggregator);
    *write = aggregator->events > 0 || aggregator->state_changed;
    if (aggregator->cells.count > 0) {
        const uint64_t change_before = position->change;
        int rc = fold_write_members(aggregator);
        if (!rc)
            rc = cell_table_write(&aggregator->cells, aggregator->txn, &position->change,
                                  aggregator->diagnostic);
        if (rc) return rc;
        MTR_ASSERT(*write && position->change > change_before); /* readers of the feed learn of every cell */
    }
    if (idle && now_us > position->watermark_us &&
        (*write || now_us - position->watermark_us >= WATERMARK_EVERY_US)) {
        position->watermark_us = now_us;
        *write = true;
    }
    return *write ? mtr_rollups_put_cursor(aggregator->txn, position->next_seq, position->watermark_us,
                                           position->change)
                  : MTR_OK;
}

static void forget_step(struct mtr_aggregator *aggregator)
{
    cell_table_reset(&aggregator->cells);
    mtr_arena_reset(&aggregator->member_arena);
    aggregator->step_members = (struct member_table){.arena = &aggregator->member_arena};
    aggregator->members = &aggregator->step_members;
    aggregator->events = 0;
    aggregator->state_changed = false;
    aggregator->void_count = 0;
    aggregator->block_events = NULL;
}

int mtr_aggregator_step(struct mtr_aggregator *aggregator, const struct mtr_catalog *catalog, int64_t now_us,
                        struct mtr_aggregator_result *result, struct mtr_diagnostic *diagnostic)
{
    struct position position;
    bool write = false;
    MTR_ASSERT(!aggregator->txn); /* one step at a time */
    forget_step(aggregator);
    mtr_diagnostic_set(diagnostic, MTR_FINDING_STORE_UNREADABLE, 0, 0, NULL,
                       "the rollups cannot be read or written");
    aggregator->catalog = catalog;
    aggregator->diagnostic = diagnostic;
    int rc = mtr_rollups_begin(aggregator->rollups, true, &aggregator->txn);
    if (rc) return rc;
    rc =
        mtr_rollups_get_cursor(aggregator->txn, &position.next_seq, &position.watermark_us, &position.change);
    if (!rc) rc = fold(aggregator, &position);
    if (!rc) rc = conclude(aggregator, &position, now_us, &write);
    if (!rc && write) rc = mtr_rollups_commit(aggregator->txn);
    else mtr_rollups_abort(aggregator->txn);
    aggregator->txn = NULL;
    if (rc) {
        fold_recut_forget(aggregator->recut); /* what was switched was not stored */
        fold_moves_forget(aggregator->moves);
        aggregator->flow_version = 0;
        /* They may name facts that were not stored. */
        memset(aggregator->types, 0, sizeof(aggregator->types));
        memset(aggregator->retired, 0, sizeof(aggregator->retired));
        memset(aggregator->admitted, 0, sizeof(aggregator->admitted));
        return rc;
    }
    *result = (struct mtr_aggregator_result){.events = aggregator->events,
                                             .next_seq = position.next_seq,
                                             .idle = position.drained && !is_behind(aggregator),
                                             .changes_hands = fold_reassign_is_waiting(aggregator),
                                             .is_behind = is_behind(aggregator)};
    return MTR_OK;
}
