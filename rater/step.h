/*
 * Inside of the rater: the state of one step, shared by its sources of work (feed, catalog scan, timers) and
 * the rating of a period. Private to rater/.
 */
#ifndef METERD_RATER_STEP_H
#define METERD_RATER_STEP_H

#include "meterd/core/arena.h"
#include "meterd/core/buffer.h"
#include "meterd/rater/billing_period.h"
#include "meterd/rater/rater.h"
#include "meterd/store/ledger.h"
#include "rater/line_sums.h"

#define RATER_PROBLEM_RETRY_US MTR_US_PER_HOUR /* from a period's problem to the next look at it */

struct mtr_rater {
    struct mtr_rollups *rollups;
    struct mtr_charges *charges;
    struct mtr_rater_options options;
    struct mtr_arena arena;   /* one period's prices */
    struct mtr_arena scratch; /* of a rating */
    struct mtr_buffer body;   /* one charge */
    struct mtr_buffer traces; /* one rating */
    int64_t *scan_starts;     /* step_rows_max */
    uint32_t lines_max;       /* of a component in one transaction, as far as the period at hand is known */
    struct rater_sums_kept sums; /* of ratings that go on */
    uint32_t starved;         /* steps in a row that found no memory for a period */
    bool scan_begun;          /* of all periods, once after opening: the grace may be another than before */
    /* Numbers of the sources that hold periods, in the catalog of that version. */
    uint32_t *holding, holding_count;
    uint64_t holding_version;
    struct source_items *items; /* of the lists that they go over */
};

struct rater_step {
    struct mtr_rater *rater;
    const struct mtr_catalog *catalog;
    struct mtr_rollups_txn *rollups;
    struct mtr_charges_txn *charges;
    struct mtr_ledger_txn *ledger; /* NULL: nobody has asked for it yet */
    struct mtr_charges_cursor cursor;
    uint64_t next_seq; /* the rollups have all that is before it */
    int64_t now_us;
    int64_t watermark_us;
    uint64_t feed_change; /* newest of the feed */
    uint32_t rows_left;   /* feed rows and what they mark, scanned periods */
    uint32_t ratings_left;
    uint64_t cells_left;
    bool changed; /* something was put */
    bool more;    /* work is left that could be done now */
    struct mtr_rater_result *result;
    struct mtr_diagnostic *diagnostic;
};

/* The period of a subscription exists and is to be rated as soon as draft_every allows. end_us is of a period
 * that may be new. */
int rater_mark_dirty(struct rater_step *step, const struct mtr_subscription *subscription, int64_t start_us,
                     int64_t end_us) MTR_MUST_USE;
/* The same for a period that exists, as it was read. */
int rater_mark_again(struct rater_step *step, struct mtr_charge_period *period) MTR_MUST_USE;
/* The same for a period that has begun, or exists. One that has not begun is none yet: its timer opens it,
 * with all use that came early. (A rebuild of the rollups may have set the watermark back before a period
 * that exists.) */
int rater_mark_begun(struct rater_step *step, const struct mtr_subscription *subscription, int64_t start_us,
                     int64_t end_us) MTR_MUST_USE;
/* Prices a period and emits what differs. A price that cannot be computed becomes the period's problem. Of a
 * period of more lines than one transaction takes it does the next lines; the period stays due until the last
 * ones are done. */
int rater_rate_period(struct rater_step *step, const struct mtr_subscription *subscription,
                      struct mtr_charge_period *period) MTR_MUST_USE;

struct mtr_period_price;
/* Writes what the period drew into the ledger, and marks who has to count with it. */
int rater_post_draws(struct rater_step *step, const struct mtr_charge_period *period,
                     const struct mtr_period_price *price) MTR_MUST_USE;

int rater_consume_feed(struct rater_step *step) MTR_MUST_USE;
int rater_scan_catalog(struct rater_step *step) MTR_MUST_USE;
int rater_run_timers(struct rater_step *step) MTR_MUST_USE;

/* Are the cells that a price of the subscription looks at cut where the snapshot says? Else they are about to
 * be folded again, and what they come to would be taken back at once (cells_cut.c). */
int rater_are_cells_cut(struct mtr_rollups_txn *rollups, const struct mtr_subscription *subscription,
                        bool *cut) MTR_MUST_USE;

int64_t rater_close_due(const struct mtr_rater_options *options, int64_t end_us);

#endif
