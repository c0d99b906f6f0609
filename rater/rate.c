/*
 * One period: marking it dirty, pricing it, emitting what differs, closing it.
 *
 *   (none) ──mark_dirty──▶ OPEN ──rate at watermark ≥ end + grace──▶ FINAL ──rate──▶ FINAL (corrections)
 *                           └──rate before, or while a source holds it──▶ OPEN (drafts)
 *
 * Where the end of a final period moves behind its closing, the period runs again: it is priced as one that
 * is not over, and once more at the new end.
 *
 * Invariants: everything that can fail for the period's own sake happens before the first put, so that such a
 * failure becomes its `problem` and not the step's error. Thread: the rater's.
 */
#include <inttypes.h>
#include <stdio.h>

#include "meterd/core/time.h"
#include "rater/period/parts.h"
#include "rater/account_turns.h"
#include "rater/emit.h"
#include "rater/hold.h"
#include "rater/line_ranges.h"
#include "rater/step.h"

enum { STARVED_STEPS_MAX = 20 };

/* Errors that are the period's own: its numbers or its size. */
static bool is_problem(int rc)
{
    return rc == MTR_EOVERFLOW || rc == MTR_EPRECISION || rc == MTR_ELIMIT || rc == MTR_ENOMEM ||
           rc == MTR_EINVALID || rc == MTR_EEXISTS || rc == MTR_EMISSING;
}

static enum mtr_waiting_reason waits_for(int problem)
{
    switch (problem) {
    case MTR_EMISSING: return MTR_WAITING_RATE;
    case MTR_EOVERFLOW:
    case MTR_EPRECISION: return MTR_WAITING_RANGE;
    case MTR_ENOMEM:
    case MTR_ELIMIT: return MTR_WAITING_SIZE;
    default: return MTR_WAITING_OTHER;
    }
}

struct rating {
    struct mtr_period_price price;
    struct rater_differences differences;
    struct rater_line_ranges ranges; /* which lines: all, or some of them */
    enum mtr_charge_status status;   /* of the charges */
    struct rater_hold hold;          /* of one that is over and open */
    bool closing;                    /* the period is over, and nothing holds it */
    uint32_t revision;               /* of the charges */
    bool is_begun;                   /* earlier transactions did the lines before */
};

/* One that closes the period goes on where it stands: the lines behind that have still to be final. Any other
 * begins anew. */
static int keep_problem(struct rater_step *step, const struct mtr_subscription *subscription,
                        struct mtr_charge_period *period, const struct rating *rating, int problem)
{
    const char *why = mtr_period_problem_text(&rating->price, problem);
    const struct mtr_charge_waiting waiting = {.subscription = period->subscription,
                                               .period_start_us = period->start_us,
                                               .reason = waits_for(problem),
                                               .since_us = step->now_us,
                                               .text = mtr_str_from(why)};
    char start[MTR_TIME_TEXT_BYTES];
    period->problem = problem;
    period->dirty = true;
    period->rate_due_us = step->now_us + RATER_PROBLEM_RETRY_US;
    period->close_due_us = INT64_MAX; /* the retry closes it, once it can be priced */
    step->result->failed++;
    const int64_t start_us = mtr_billing_period_instant(subscription, period->start_us);
    mtr_time_format_offset(start_us, mtr_zone_at(subscription->zone, start_us).offset_s, start);
    mtr_diagnostic_set(step->diagnostic, mtr_waiting_reason_code(waiting.reason), 0, 0, "subscription",
                       "the period of subscription %.*s that starts at %s cannot be rated: %s",
                       MTR_STR_ARGS(subscription->key), start, why);
    int rc = MTR_OK;
    if (rating->status != MTR_CHARGE_FINAL)
        rc = mtr_charges_end_progress(step->charges, period->subscription, period->start_us);
    if (!rc) rc = mtr_charges_put_waiting(step->charges, &waiting);
    return rc ? rc : mtr_charges_put_period(step->charges, period);
}

/* Goes on with the rating that is under way, or begins one. */
static int begin(struct rater_step *step, const struct mtr_subscription *subscription,
                 struct mtr_charge_period *period, struct rating *rating)
{
    struct mtr_charge_progress progress;
    struct mtr_billing_period now;
    const struct mtr_rating of = {.catalog = step->catalog, .arena = &step->rater->arena};
    mtr_arena_reset(&step->rater->arena);
    rater_begin_lines(&rating->ranges, subscription, period->start_us, &step->rater->lines_max,
                      &step->rater->sums);
    int rc = rater_billing_period_at(&of, subscription, period->start_us, &now);
    if (rc) return rc;
    if (now.exists) period->end_us = rater_period_end(now.end_us);
    MTR_ASSERT(period->start_us <= period->end_us);
    rc = rater_hold_find(step, subscription, period, &rating->hold);
    if (rc) return rc;
    const bool is_over = mtr_rater_is_over(period, step->rater->options.grace_us, step->watermark_us);
    rating->closing = !now.exists || (is_over && rating->hold.state != RATER_HOLD_WAITS);
    rating->status = period->status == MTR_PERIOD_FINAL ? MTR_CHARGE_CORRECTION
                     : rating->closing                  ? MTR_CHARGE_FINAL
                                                        : MTR_CHARGE_DRAFT;
    rating->revision = period->revision + 1;
    rc = mtr_charges_get_progress(step->charges, period->subscription, period->start_us, &progress);
    if (rc) return rc == MTR_ENOTFOUND ? MTR_OK : rc;
    /* Its charges are the period's last ones, or it has none yet. */
    if (progress.revision != period->revision && progress.revision != rating->revision) return MTR_ECORRUPT;
    rating->is_begun = true;
    rating->status = progress.status;
    rating->closing = period->close_due_us == INT64_MAX; /* as it began, whatever the watermark says by now */
    rating->revision = progress.revision;
    rater_go_on_with_lines(&rating->ranges, progress.next);
    return MTR_OK;
}

static int compare(struct rater_step *step, struct rating *rating)
{
    struct mtr_arena *arena = &step->rater->arena;
    const bool closing = rating->status == MTR_CHARGE_FINAL;
    int rc = rater_compare(step->charges, &rating->price, closing, arena, &rating->differences);
    if (rc == MTR_EOVERFLOW)
        snprintf(rating->price.problem, sizeof(rating->price.problem),
                 "a line differs from what was charged of it by more than " MTR_MONEY_MAX_TEXT);
    if (rc || !rating->differences.count) return rc;
    return rater_write_traces(&rating->price, rater_fewer_need_less(&rating->ranges), arena,
                              &step->rater->traces);
}

/* Reads and computes, puts nothing. */
static int prepare(struct rater_step *step, const struct mtr_subscription *subscription,
                   struct mtr_charge_period *period, struct rating *rating)
{
    struct mtr_rater *rater = step->rater;
    struct mtr_rollups_use use = {step->rollups, step->catalog};
    struct mtr_rating of = mtr_rating_of_stores(&use, step->charges, &rater->arena);
    of.scratch = &rater->scratch;
    int rc = begin(step, subscription, period, rating);
    if (rc) return rc;
    of.closing = rating->closing;
    do {
        rc = rater_take_lines(&rating->ranges, &of);
        if (!rc)
            rc = mtr_billing_period_price(&of, subscription, period->start_us, &rating->price);
        if (!rc && rating->price.line_count > RATER_LINES_AT_ONCE && rater_fewer_need_less(&rating->ranges))
            rc = MTR_ENOMEM; /* of the transaction */
        if (!rc) rc = compare(step, rating);
    } while (rater_takes_fewer(&rating->ranges, rc));
    if (rc == RATER_GOES_ON) return rc;
    rater_end_lines(&rating->ranges);
    if (rating->ranges.in_ranges && !rating->ranges.lines.has_until) /* others may need less for a line */
        rater->lines_max = rater_lines_at_once(rater->options.memory_bytes_max);
    if (rc == MTR_ENOMEM && rater->arena.is_at_bound)
        snprintf(rating->price.problem, sizeof(rating->price.problem),
                 "its lines need more than %" PRIu64 " MiB of memory, one at a time",
                 rater->options.memory_bytes_max >> 20);
    if (rc) return rc;
    /* Who is in an account looks at all that are in it, and marks those behind. */
    const uint64_t cells = rating->price.cell_count + subscription->peer_count;
    step->cells_left -= cells < step->cells_left ? cells : step->cells_left;
    return MTR_OK;
}

static void note_losses(struct rater_step *step, const struct mtr_subscription *subscription,
                        const struct rater_differences *differences)
{
    for (uint32_t i = 0; i < differences->count; i++) {
        const struct rater_difference *difference = &differences->items[i];
        char charged[MTR_DECIMAL_TEXT_BYTES], cost[MTR_DECIMAL_TEXT_BYTES], start[MTR_TIME_TEXT_BYTES];
        if (!rater_turns_to_loss(difference)) continue;
        mtr_time_format(mtr_billing_period_instant(subscription, difference->line.period_start_us), start);
        mtr_money_format(difference->emitted_after, charged);
        mtr_money_format(difference->cost_after, cost);
        step->result->losses++;
        mtr_diagnostic_set(
            &step->result->loss, MTR_FINDING_RATING_LOSS, 0, 0, "subscription",
            "%.*s of subscription %.*s in the period that starts at %s: %s %.*s charged, which cost %s",
            MTR_STR_ARGS(difference->line.component), MTR_STR_ARGS(subscription->key), start, charged,
            MTR_STR_ARGS(difference->line.currency), cost);
    }
}

/* Of one that is no more all that is known is what the store has. */
static struct mtr_period period_bounds(const struct mtr_charge_period *period,
                                       const struct mtr_billing_period *now)
{
    if (now->exists) return (struct mtr_period){now->start_us, now->end_us};
    return (struct mtr_period){period->start_us, period->end_us};
}

static int emit(struct rater_step *step, const struct mtr_subscription *subscription,
                struct mtr_charge_period *period, const struct rating *rating)
{
    struct mtr_rater *rater = step->rater;
    if (!rating->differences.count) return MTR_OK;
    MTR_ASSERT(rating->price.period.name_us == period->start_us);
    /* It is in the charges' identities: a second one of the same would be lost. */
    MTR_ASSERT(rating->revision > period->revision ||
               (rating->is_begun && rating->revision == period->revision));
    period->revision = rating->revision;
    struct rater_emission emission = {.subscription = subscription,
                                      .period = period,
                                      .bounds = period_bounds(period, &rating->price.period),
                                      .status = rating->status,
                                      .is_range = rating->price.range != NULL,
                                      .now_us = step->now_us};
    emission.traces = mtr_buffer_str(&rater->traces);
    step->result->charges += rating->differences.count;
    note_losses(step, subscription, &rating->differences);
    int rc = rater_emit(step->charges, &emission, &rating->differences, &rater->body);
    return rc ? rc : rater_account_changed(step, subscription, emission.bounds.start_us);
}

/* Each rating takes in what is known where it begins, which is before its sums are made; what comes while it
 * is under way marks the period again. One that closes the period does so there: it is the lines behind that
 * have still to be told. */
static void note_begin(struct rater_step *step, const struct mtr_subscription *subscription,
                       struct mtr_charge_period *period, const struct rating *rating)
{
    period->dirty = rating->ranges.was_marked;
    period->inputs = rating->price.period.inputs;
    period->close_due_us = INT64_MAX;
    if (!rating->closing)
        period->close_due_us = rating->hold.state == RATER_HOLD_WAITS
                                   ? rater_hold_look_us(step, &rating->hold)
                                   : rater_close_due(&step->rater->options, period->end_us);
    if (rating->status == MTR_CHARGE_FINAL) {
        MTR_ASSERT(period->status == MTR_PERIOD_OPEN); /* final once, and for good */
        period->status = MTR_PERIOD_FINAL;
        step->result->closed++;
        if (rating->hold.state == RATER_HOLD_EXPIRED)
            rater_hold_tell_expired(step, subscription, period, &rating->hold);
    }
    /* That its end was reached is known for good, also where the clock is set back. */
    const int64_t end_us = rating->price.period.exists ? period->end_us : 0;
    if (rating->closing && (!period->closed_us || period->closed_us < end_us))
        period->closed_us = mtr_time_later(step->now_us, end_us);
}

/* Notes where the rating stands: at its end, or before the lines of the next transaction. */
static int note_lines(struct rater_step *step, const struct mtr_subscription *subscription,
                      struct mtr_charge_period *period, struct rating *rating)
{
    const struct mtr_charge_progress progress = {
        .subscription = period->subscription,
        .period_start_us = period->start_us,
        .status = rating->status,
        .revision = rating->revision,
        .next = rating->ranges.lines.until,
    };
    if (rating->ranges.in_ranges && rating->ranges.lines.has_until) {
        period->rate_due_us = step->now_us;
        step->cells_left = 0; /* a transaction each */
        return mtr_charges_put_progress(step->charges, &progress);
    }
    period->rated_us = step->now_us;
    period->rate_due_us = period->dirty ? step->now_us + step->rater->options.draft_every_us : INT64_MAX;
    if (!rating->is_begun) return MTR_OK;
    int rc = mtr_charges_end_progress(step->charges, period->subscription, period->start_us);
    return rc ? rc : rater_account_rated(step, subscription, rating->price.period.start_us);
}

/* The period stays due, so that the next step goes on with it. */
static int wait_for_sums(struct rater_step *step)
{
    step->result->rated--;
    step->cells_left = 0; /* a transaction each */
    step->more = true;
    return MTR_OK;
}

static int wait_for_account(struct rater_step *step, struct mtr_charge_period *period)
{
    step->result->rated--;
    period->dirty = true;
    period->rate_due_us = step->now_us + RATER_ACCOUNT_WAIT_US;
    period->close_due_us = INT64_MAX; /* it is closed then */
    return mtr_charges_put_period(step->charges, period);
}

/* Is there none, though the rater's own bound allows it? Then the step is tried again, and some times later
 * the others go on without this one. */
static bool is_starved(struct mtr_rater *rater, int rc)
{
    if (rc != MTR_ENOMEM || rater->arena.is_at_bound || rater->starved == STARVED_STEPS_MAX) return false;
    rater->starved++;
    return true;
}

int rater_rate_period(struct rater_step *step, const struct mtr_subscription *subscription,
                      struct mtr_charge_period *period)
{
    struct rating rating = {0};
    bool waits = false;
    step->changed = true;
    step->result->rated++;
    int rc = rater_account_waits(step, subscription, period->start_us, &waits);
    if (rc) return rc;
    if (waits) return wait_for_account(step, period);
    rc = prepare(step, subscription, period, &rating);
    if (rc == RATER_GOES_ON) return wait_for_sums(step);
    if (is_starved(step->rater, rc)) return rc;
    if (rc && is_problem(rc)) return keep_problem(step, subscription, period, &rating, rc);
    if (!rc) rc = emit(step, subscription, period, &rating);
    if (!rc && !rating.is_begun) rc = rater_post_draws(step, period, &rating.price); /* of all lines */
    if (!rc && rating.hold.state != RATER_HOLD_WAITS)
        rc = mtr_charges_end_waiting(step->charges, period->subscription, period->start_us);
    if (rc) return rc;
    period->problem = MTR_OK;
    if (!rating.is_begun) note_begin(step, subscription, period, &rating);
    rc = note_lines(step, subscription, period, &rating);
    return rc ? rc : mtr_charges_put_period(step->charges, period);
}
