/*
 * Where the rater's work comes from: the rollups' feed of changed days, the scan of all periods after a
 * change of the catalog, and the timers.
 *
 * Invariants: each source moves its own cursor in the step's transaction; nothing that waits is kept in
 * memory. A feed row of a subscription that the snapshot does not know stops the feed until a newer snapshot
 * comes.
 */
#include <string.h>

#include "meterd/core/time.h"
#include "rater/period/grants.h"
#include "rater/hold.h"

enum { STOP = 1 };

/* ---- feed ---- */

/* Every period that a UTC day touches. */
static int mark_day(struct rater_step *step, const struct mtr_subscription *subscription, uint32_t day)
{
    const int64_t day_us = (int64_t)day * MTR_US_PER_DAY;
    const int64_t to_us = mtr_time_sooner(day_us + MTR_US_PER_DAY, subscription->end_us);
    int64_t from_us = mtr_time_later(day_us, subscription->start_us);
    while (from_us < to_us) {
        int64_t end_us = 0;
        int64_t start_us = mtr_billing_period_start(subscription, from_us, &end_us);
        MTR_ASSERT(start_us <= from_us && from_us < end_us);
        int rc = rater_mark_begun(step, subscription, start_us,
                                  end_us < subscription->end_us ? end_us : subscription->end_us);
        if (rc) return rc;
        from_us = end_us;
    }
    return MTR_OK;
}

/* The periods of a subscription whose position the use of that day gives: those of the same whole billing
 * periods, wherever it begins in them. */
static int mark_peer(struct rater_step *step, const struct mtr_subscription *subscription, uint32_t day)
{
    int64_t from_us = (int64_t)day * MTR_US_PER_DAY;
    const int64_t to_us = from_us + MTR_US_PER_DAY;
    int rc = MTR_OK;
    while (!rc && from_us < to_us) {
        const struct mtr_period whole = mtr_period_at(&subscription->billing, from_us);
        const int64_t start_us = mtr_time_later(whole.start_us, subscription->start_us);
        const int64_t end_us = mtr_time_sooner(whole.end_us, subscription->end_us);
        if (start_us < end_us) rc = rater_mark_begun(step, subscription, start_us, end_us);
        from_us = whole.end_us;
    }
    return rc;
}

struct collected {
    int64_t *starts;
    uint32_t count;
    uint32_t count_max;
};

static int on_period(void *context, const struct mtr_charge_period *period)
{
    struct collected *collected = context;
    if (collected->count == collected->count_max) return STOP;
    collected->starts[collected->count++] = period->start_us;
    return MTR_OK;
}

static int mark_known(struct rater_step *step, uint32_t subscription, int64_t name_us)
{
    struct mtr_charge_period period;
    int rc = mtr_charges_get_period(step->charges, subscription, name_us, &period);
    return rc ? rc : rater_mark_again(step, &period);
}

/* Every existing period that begins after that time: what it carries on has changed. */
static int mark_later(struct rater_step *step, const struct mtr_subscription *subscription, int64_t time_us)
{
    struct collected collected = {.starts = step->rater->scan_starts,
                                  .count_max = step->rater->options.step_rows_max};
    bool more = true;
    int rc = MTR_OK;
    while (!rc && more) {
        collected.count = 0;
        rc = mtr_charges_walk_periods(step->charges, subscription->number, time_us + 1, on_period,
                                      &collected);
        more = rc == STOP;
        if (more) rc = MTR_OK;
        for (uint32_t i = 0; i < collected.count && !rc; i++) {
            time_us = collected.starts[i];
            if (step->rows_left) step->rows_left--;
            rc = mark_known(step, subscription->number, time_us);
        }
    }
    return rc;
}

static int mark_carried(struct rater_step *step, const struct mtr_subscription *subscription, uint32_t day)
{
    const int64_t day_us = (int64_t)day * MTR_US_PER_DAY;
    return subscription->carries ? mark_later(step, subscription, day_us) : MTR_OK;
}

/* A day's use in one phase of a subscription, and what it fills of the customer's others. */
static int mark_phase(struct rater_step *step, const struct mtr_subscription *subscription, uint32_t day)
{
    int rc = mark_day(step, subscription, day);
    const bool fills_tiers =
        subscription->tariff
            ->across_customer; /* of those behind it; what an account comes to is told by its ratings */
    for (uint32_t i = subscription->peer_index + 1; !rc && fills_tiers && i < subscription->peer_count; i++) {
        if (step->rows_left) step->rows_left--;
        rc = mark_peer(step, subscription->peers[i], day);
        if (!rc) rc = mark_carried(step, subscription->peers[i], day);
    }
    return rc;
}

/* What a row marks beside its own day counts as rows, too, so that a step stays bounded; a row is never
 * taken in halves. */
static int on_feed(void *context, const struct mtr_feed_row *row)
{
    struct rater_step *step = context;
    const struct mtr_subscription *subscription = mtr_catalog_subscription(step->catalog, row->subscription);
    if (!subscription) return STOP;
    if (!step->rows_left) {
        step->more = true;
        return STOP;
    }
    step->rows_left--;
    MTR_ASSERT(row->change > step->cursor.change); /* every change is taken once */
    step->cursor.change = row->change;
    step->changed = true;
    int rc = MTR_OK;
    for (uint32_t i = 0; !rc && i < mtr_subscription_phase_count(subscription); i++)
        rc = mark_phase(step, mtr_subscription_phase(subscription, i), row->day);
    return rc ? rc : mark_carried(step, subscription, row->day);
}

int rater_consume_feed(struct rater_step *step)
{
    if (step->feed_change <= step->cursor.change) return MTR_OK;
    int rc = mtr_rollups_walk_feed(step->rollups, step->cursor.change, on_feed, step);
    return rc == STOP ? MTR_OK : rc;
}

/* ---- scan ---- */

/* A subscription that is new, or whose schedule changed: its periods are opened from the first on (again;
 * opening is idempotent). */
static int follow_schedule(struct rater_step *step, const struct mtr_subscription *subscription,
                           bool *changed)
{
    struct mtr_charge_subscription state;
    const struct mtr_hash128 schedule = rater_life_hash(subscription);
    int rc = mtr_charges_get_subscription(step->charges, subscription->number, &state);
    if (rc && rc != MTR_ENOTFOUND) return rc;
    *changed = rc == MTR_ENOTFOUND || state.schedule.high != schedule.high ||
               state.schedule.low != schedule.low;
    if (!*changed) return MTR_OK;
    state = (struct mtr_charge_subscription){
        .number = subscription->number, .schedule = schedule, .next_open_us = INT64_MAX};
    if (subscription->start_us < subscription->end_us)
        state.next_open_us = mtr_billing_period_name(subscription, subscription->start_us);
    step->changed = true;
    return mtr_charges_put_subscription(step->charges, &state);
}

/* A period that runs closes by the grace that is configured now, not by the one it was opened with. */
static int follow_grace(struct rater_step *step, struct mtr_charge_period *period)
{
    const int64_t due_us = rater_close_due(&step->rater->options, period->end_us);
    if (period->close_due_us == due_us || period->close_due_us == INT64_MAX) return MTR_OK;
    period->close_due_us = due_us;
    return mtr_charges_put_period(step->charges, period);
}

/* What kept a period from being rated (a missing rate of exchange, a price too large) may be gone with
 * this catalog. */
static int retry(struct rater_step *step, struct mtr_charge_period *period)
{
    if (period->rate_due_us <= step->now_us) return MTR_OK;
    period->rate_due_us = step->now_us;
    return mtr_charges_put_period(step->charges, period);
}

/* Final and rated as one that is over, though its end has moved away: an older program did not look. */
static bool runs_unnoticed(const struct rater_step *step, const struct mtr_charge_period *period)
{
    return period->status == MTR_PERIOD_FINAL && period->close_due_us == INT64_MAX &&
           !mtr_rater_is_over(period, step->rater->options.grace_us, step->watermark_us);
}

static int scan_period(struct rater_step *step, const struct mtr_subscription *subscription, int64_t name_us)
{
    struct mtr_charge_period period;
    struct mtr_billing_period now;
    struct mtr_grants grants;
    int rc = mtr_charges_get_period(step->charges, subscription->number, name_us, &period);
    if (!rc) rc = follow_grace(step, &period);
    if (!rc && period.problem) return retry(step, &period);
    if (rc || period.dirty) return rc;
    mtr_arena_reset(&step->rater->arena);
    const struct mtr_rating rating = {.catalog = step->catalog, .arena = &step->rater->arena};
    rc = rater_open_period(&rating, mtr_billing_period_phase(subscription, name_us), name_us, &now, &grants);
    if (rc) return rc;
    const bool same_inputs = now.inputs.high == period.inputs.high && now.inputs.low == period.inputs.low;
    if (same_inputs && !(now.exists && runs_unnoticed(step, &period))) return MTR_OK;
    return rater_mark_again(step, &period);
}

/* Scans what the budget allows of one subscription; *done when nothing of it is left. */
static int scan_subscription(struct rater_step *step, const struct mtr_subscription *subscription, bool *done)
{
    struct collected collected = {.starts = step->rater->scan_starts, .count_max = step->rows_left};
    const bool is_first = step->cursor.scan_period_us == INT64_MIN;
    bool term_changed;
    int rc = is_first ? follow_schedule(step, subscription, &term_changed) : MTR_OK;
    if (!rc)
        rc = mtr_charges_walk_periods(step->charges, subscription->number, step->cursor.scan_period_us,
                                      on_period, &collected);
    if (rc && rc != STOP) return rc;
    *done = rc != STOP;
    MTR_ASSERT(collected.count <= step->rows_left);
    rc = MTR_OK;
    for (uint32_t i = 0; i < collected.count && !rc; i++) {
        rc = scan_period(step, subscription, collected.starts[i]);
        step->cursor.scan_period_us = collected.starts[i] + 1;
    }
    step->rows_left -= collected.count;
    return rc;
}

int rater_scan_catalog(struct rater_step *step)
{
    struct mtr_charges_cursor *cursor = &step->cursor;
    const uint32_t count = mtr_catalog_count(step->catalog, MTR_KIND_SUBSCRIPTION);
    if (!step->rater->scan_begun || cursor->scan_version != mtr_catalog_version(step->catalog)) {
        step->rater->scan_begun = true;
        cursor->scan_version = mtr_catalog_version(step->catalog);
        cursor->scan_subscription = 1;
        cursor->scan_period_us = INT64_MIN;
        step->changed = true;
    }
    while (cursor->scan_subscription && step->rows_left) {
        const struct mtr_subscription *subscription =
            mtr_catalog_subscription(step->catalog, cursor->scan_subscription);
        bool done = true;
        int rc = subscription ? scan_subscription(step, subscription, &done) : MTR_OK;
        if (rc) return rc;
        step->changed = true;
        if (step->rows_left) step->rows_left--;
        if (!done) break;
        cursor->scan_subscription = cursor->scan_subscription < count ? cursor->scan_subscription + 1 : 0;
        cursor->scan_period_us = INT64_MIN;
    }
    if (cursor->scan_subscription) step->more = true;
    return MTR_OK;
}

/* ---- timers ---- */

/* Opens the period at the timer's time, and sets the timer to the next. The timer may come before the scan
 * has seen that the term changed: an end of that moment must not end the chain of a term that is still
 * noted as endless, or its return would go unnoticed. */
static int open_period(struct rater_step *step, const struct mtr_subscription *subscription, int64_t name_us)
{
    struct mtr_charge_subscription state;
    bool term_changed = false;
    int rc = follow_schedule(step, subscription, &term_changed);
    if (rc || term_changed) return rc;
    rc = mtr_charges_get_subscription(step->charges, subscription->number, &state);
    if (rc) return rc;
    const struct mtr_subscription *phase = mtr_billing_period_phase(subscription, name_us);
    const int64_t time_us = mtr_time_later(name_us, phase->start_us);
    state.next_open_us = INT64_MAX;
    const int64_t ends_us = mtr_subscription_ends_us(subscription);
    if (time_us < ends_us) {
        struct mtr_charge_period period;
        int64_t end_us = 0;
        const int64_t start_us = mtr_billing_period_start(phase, time_us, &end_us);
        end_us = mtr_time_sooner(end_us, phase->end_us);
        MTR_ASSERT(time_us < end_us); /* the next timer is a later one */
        if (end_us < ends_us) state.next_open_us = mtr_billing_period_name(subscription, end_us);
        rc = mtr_charges_get_period(step->charges, subscription->number,
                                    mtr_billing_period_name(subscription, start_us), &period);
        if (rc == MTR_ENOTFOUND) rc = rater_mark_dirty(step, subscription, start_us, end_us);
        if (rc) return rc;
    }
    step->changed = true;
    return mtr_charges_put_subscription(step->charges, &state);
}

static int rate(struct rater_step *step, const struct mtr_subscription *subscription,
                struct mtr_charge_period *period)
{
    bool cut = false;
    int rc = rater_are_cells_cut(step->rollups, subscription, &cut);
    if (rc) return rc;
    if (cut) return rater_rate_period(step, subscription, period);
    step->more = true;
    return STOP;
}

/* The period is over: it closes, unless a source holds it. */
static int close_period(struct rater_step *step, const struct mtr_subscription *subscription,
                        struct mtr_charge_period *period)
{
    struct rater_hold hold;
    int rc = rater_hold_find(step, subscription, period, &hold);
    if (rc) return rc;
    return hold.state == RATER_HOLD_WAITS ? rater_hold_keep(step, period, &hold)
                                          : rate(step, subscription, period);
}

static int run_timer(struct rater_step *step, enum mtr_charge_timer_kind kind,
                     const struct mtr_charge_timer *timer)
{
    const struct mtr_subscription *subscription =
        mtr_catalog_subscription(step->catalog, timer->subscription);
    struct mtr_charge_period period;
    if (!subscription) return STOP; /* an older snapshot than the one before */
    if (kind == MTR_TIMER_OPEN) return open_period(step, subscription, timer->period_start_us);
    int rc = mtr_charges_get_period(step->charges, timer->subscription, timer->period_start_us, &period);
    if (rc) return rc == MTR_ENOTFOUND ? MTR_ECORRUPT : rc;
    const struct mtr_subscription *phase = mtr_billing_period_phase(subscription, period.start_us);
    return kind == MTR_TIMER_CLOSE ? close_period(step, phase, &period) : rate(step, phase, &period);
}

/* Runs what is due of one kind; OPEN and CLOSE by the watermark, RATE by the clock. */
static int run_kind(struct rater_step *step, enum mtr_charge_timer_kind kind, int64_t until_us)
{
    struct mtr_charge_timer timer;
    for (;;) {
        int rc = mtr_charges_first_timer(step->charges, kind, &timer);
        if (rc == MTR_ENOTFOUND) return MTR_OK;
        if (rc) return rc;
        if (timer.due_us > until_us) {
            if (kind == MTR_TIMER_RATE) step->result->next_due_us = timer.due_us;
            return MTR_OK;
        }
        if (!step->ratings_left || !step->cells_left) {
            step->more = true;
            return MTR_OK;
        }
        MTR_ASSERT(timer.due_us <= until_us && step->ratings_left > 0);
        step->ratings_left--;
        rc = run_timer(step, kind, &timer);
        if (rc) return rc == STOP ? MTR_OK : rc;
    }
}

/* No rating is put off longer than this. One that is was put off by a clock that was ahead, and is right
 * again: it is due now. */
static int call_back(struct rater_step *step)
{
    const int64_t latest_us =
        step->now_us + mtr_time_later(step->rater->options.draft_every_us, RATER_PROBLEM_RETRY_US);
    struct mtr_charge_timer timer;
    for (;;) {
        struct mtr_charge_period period;
        int rc = mtr_charges_last_timer(step->charges, MTR_TIMER_RATE, &timer);
        if (rc || timer.due_us <= latest_us) return rc == MTR_ENOTFOUND ? MTR_OK : rc;
        if (!step->rows_left) {
            step->more = true;
            return MTR_OK;
        }
        step->rows_left--;
        rc = mtr_charges_get_period(step->charges, timer.subscription, timer.period_start_us, &period);
        if (rc) return rc == MTR_ENOTFOUND ? MTR_ECORRUPT : rc;
        period.rate_due_us = step->now_us;
        step->changed = true;
        rc = mtr_charges_put_period(step->charges, &period);
        if (rc) return rc;
    }
}

int rater_run_timers(struct rater_step *step)
{
    int rc = run_kind(step, MTR_TIMER_OPEN, step->watermark_us);
    if (!rc) rc = run_kind(step, MTR_TIMER_CLOSE, step->watermark_us);
    if (!rc) rc = call_back(step);
    if (!rc) rc = run_kind(step, MTR_TIMER_RATE, step->now_us);
    return rc;
}
