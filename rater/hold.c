/*
 * Which sources hold a period open, and what is told of it; see hold.h.
 */
#include "rater/hold.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "meterd/core/time.h"
#include "rater/source_windows.h"

/* Few of many sources hold anything: they are looked for once in a catalog. */
static int find_holding(struct rater_step *step)
{
    struct mtr_rater *rater = step->rater;
    const uint32_t count = mtr_catalog_count(step->catalog, MTR_KIND_SOURCE);
    if (rater->holding && rater->holding_version == mtr_catalog_version(step->catalog)) return MTR_OK;
    source_items_sweep(&rater->items, step->catalog);
    free(rater->holding);
    rater->holding_count = 0;
    rater->holding = calloc((size_t)count + 1, sizeof(*rater->holding));
    if (!rater->holding) return MTR_ENOMEM;
    for (uint32_t i = 1; i <= count; i++) {
        const struct mtr_source *source = mtr_catalog_source(step->catalog, i);
        if (source && source->holds_close && !source->disabled) rater->holding[rater->holding_count++] = i;
    }
    rater->holding_version = mtr_catalog_version(step->catalog);
    return MTR_OK;
}

static bool feeds(const struct mtr_source *source, const struct mtr_subscription *subscription)
{
    const struct mtr_service *service = subscription->service;
    if (!mtr_str_equal(source->vendor, service->vendor->key)) return false;
    return source->each.kind != MTR_EACH_SUBSCRIPTION || mtr_str_equal(source->each.service, service->key);
}

static void write_text(const struct mtr_source *source, const struct rater_windows_missing *missing,
                       char out[static 320])
{
    char from[MTR_TIME_TEXT_BYTES], of[160] = "";
    mtr_time_format(missing->window.from_us, from);
    if (missing->lacking) {
        snprintf(out, 320,
                 "%" PRIu64 " of %" PRIu64 " windows of source %.*s that begin at %s are not complete",
                 missing->lacking, missing->wanted, MTR_STR_ARGS(mtr_str_quoted(source->key, 64)), from);
        return;
    }
    if (missing->each.size)
        snprintf(of, sizeof(of), " for %.*s%s", MTR_STR_QUOTED(missing->each));
    if (missing->window.to_us)
        snprintf(out, 320, "the window of source %.*s%s that begins at %s is not complete",
                 MTR_STR_ARGS(mtr_str_quoted(source->key, 64)), of, from);
    else
        snprintf(out, 320, "the feed of source %.*s%s was not read since the period's end",
                 MTR_STR_ARGS(mtr_str_quoted(source->key, 64)), of);
}

static int begin_ledger(struct rater_step *step)
{
    return step->ledger ? MTR_OK : mtr_ledger_begin(step->rater->options.ledger, false, &step->ledger);
}

/* One that waits goes before one whose time is over; of two that wait, the one that waits longer. */
static void take(struct rater_hold *hold, const struct mtr_source *source, int64_t until_us, bool is_expired,
                 const struct rater_windows_missing *missing)
{
    const enum rater_hold_state state = is_expired ? RATER_HOLD_EXPIRED : RATER_HOLD_WAITS;
    if (hold->state == RATER_HOLD_WAITS && (is_expired || hold->until_us >= until_us)) return;
    if (hold->state == state && is_expired) return;
    hold->state = state;
    hold->until_us = until_us;
    write_text(source, missing, hold->text);
}

static int ask(struct rater_step *step, const struct mtr_source *source,
               const struct mtr_charge_period *period, struct rater_hold *hold)
{
    const struct mtr_subscription *whole = mtr_catalog_subscription(step->catalog, period->subscription);
    const int64_t end_us = period->end_us, until_us = end_us + source->holds_close_most_us;
    struct rater_windows_missing missing;
    int rc = begin_ledger(step);
    if (rc) return rc;
    const struct rater_windows_question question = {
        .txn = step->ledger,
        .catalog = step->catalog,
        .source = source,
        .subject = whole->subject,
        .from_us = period->start_us,
        .to_us = end_us,
        .next_seq = step->next_seq,
        .items = &step->rater->items};
    rc = rater_windows_ask(&question, &missing);
    if (rc) return rc;
    step->cells_left -= missing.looked_at < step->cells_left ? missing.looked_at : step->cells_left;
    if (missing.is_missing) take(hold, source, until_us, step->watermark_us >= until_us, &missing);
    return MTR_OK;
}

int rater_hold_find(struct rater_step *step, const struct mtr_subscription *subscription,
                    const struct mtr_charge_period *period, struct rater_hold *out)
{
    const int64_t grace_us = step->rater->options.grace_us;
    *out = (struct rater_hold){.state = RATER_HOLD_NONE};
    if (!step->rater->options.ledger || period->status == MTR_PERIOD_FINAL) return MTR_OK;
    if (period->start_us >= period->end_us || !mtr_rater_is_over(period, grace_us, step->watermark_us))
        return MTR_OK;
    int rc = find_holding(step);
    for (uint32_t i = 0; !rc && i < step->rater->holding_count; i++) {
        const struct mtr_source *source = mtr_catalog_source(step->catalog, step->rater->holding[i]);
        MTR_ASSERT(source != NULL);
        if (feeds(source, subscription)) rc = ask(step, source, period, out);
    }
    return rc;
}

int64_t rater_hold_look_us(const struct rater_step *step, const struct rater_hold *hold)
{
    const int64_t every_us = mtr_time_sooner(step->rater->options.draft_every_us, RATER_HOLD_LOOK_US);
    return mtr_time_sooner(step->watermark_us + mtr_time_later(every_us, MTR_US_PER_SECOND), hold->until_us);
}

int rater_hold_keep(struct rater_step *step, struct mtr_charge_period *period, const struct rater_hold *hold)
{
    char until[MTR_TIME_TEXT_BYTES], text[sizeof(hold->text) + 80];
    mtr_time_format(hold->until_us, until);
    snprintf(text, sizeof(text), "%s: it closes at %s at the latest", hold->text, until);
    const struct mtr_charge_waiting waiting = {.subscription = period->subscription,
                                               .period_start_us = period->start_us,
                                               .reason = MTR_WAITING_SOURCE,
                                               .since_us = step->now_us,
                                               .text = mtr_str_from(text)};
    period->close_due_us = rater_hold_look_us(step, hold);
    step->changed = true;
    int rc = mtr_charges_put_waiting(step->charges, &waiting);
    return rc ? rc : mtr_charges_put_period(step->charges, period);
}

void rater_hold_tell_expired(struct rater_step *step, const struct mtr_subscription *subscription,
                             const struct mtr_charge_period *period, const struct rater_hold *hold)
{
    char start[MTR_TIME_TEXT_BYTES];
    const int64_t start_us = period->start_us;
    mtr_time_format_offset(start_us, mtr_zone_at(subscription->zone, start_us).offset_s, start);
    step->result->released++;
    mtr_diagnostic_set(&step->result->release, MTR_FINDING_RATING_SOURCE, 0, 0, "subscription",
                       "the period of subscription %.*s that starts at %s has closed by "
                       "`holds_close.at_most`: %s",
                       MTR_STR_ARGS(subscription->key), start, hold->text);
}

void rater_hold_end(struct rater_step *step)
{
    mtr_ledger_abort(step->ledger);
    step->ledger = NULL;
}
