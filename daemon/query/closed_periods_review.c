/*
 * What a change does to closed periods, as findings for whoever makes it: first the sums, then the first
 * periods one by one. Bounded, however many there are.
 */
#include "meterd/query/closed_periods.h"

#include <inttypes.h>
#include <stdio.h>

#include "meterd/core/currency.h"
#include "meterd/core/time.h"

enum { SUMS_MAX = 2 * MTR_CURRENCIES_MAX, TOLD_MAX = 50 };

/* Of one currency, and of changes with a date or without. */
struct sum {
    struct mtr_str currency;
    bool dated;
    uint32_t periods, subscriptions, last_subscription;
    struct mtr_money before, after;
    uint32_t unpriced; /* periods that are not in these */
};

struct review {
    struct sum sums[SUMS_MAX];
    uint32_t sum_count;
    struct mtr_closed_period former; /* the one before, where it was that */
    struct mtr_closed_period told[TOLD_MAX];
    uint32_t told_count;
    uint64_t untold; /* beyond these */
};

/* The same in another sum is one more. */
static bool is_counted(const struct review *review, const struct mtr_closed_period *period)
{
    const struct mtr_closed_period *former = &review->former;
    return former->subscription && former->subscription->number == period->subscription->number &&
           mtr_str_equal(former->subscription->currency, period->subscription->currency);
}

static struct sum *find_sum(struct review *review, const struct mtr_closed_period *period)
{
    const struct mtr_str currency = period->subscription->currency;
    for (uint32_t i = 0; i < review->sum_count; i++)
        if (review->sums[i].dated == period->dated && mtr_str_equal(review->sums[i].currency, currency))
            return &review->sums[i];
    MTR_ASSERT(review->sum_count < SUMS_MAX); /* subscriptions are charged in known currencies */
    review->sums[review->sum_count] = (struct sum){.currency = currency, .dated = period->dated};
    return &review->sums[review->sum_count++];
}

static int on_period(void *context, const struct mtr_closed_period *period)
{
    struct review *review = context;
    struct sum *sum = find_sum(review, period);
    if (review->told_count < TOLD_MAX) review->told[review->told_count++] = *period;
    else review->untold++;
    sum->periods += !is_counted(review, period);
    review->former = period->is_former ? *period : (struct mtr_closed_period){.subscription = NULL};
    if (sum->last_subscription != period->subscription->number) sum->subscriptions++;
    sum->last_subscription = period->subscription->number;
    if (period->problem) {
        sum->unpriced++;
        return MTR_OK;
    }
    int rc = mtr_money_add(sum->before, period->before, &sum->before);
    return rc ? rc : mtr_money_add(sum->after, period->after, &sum->after);
}

/* "100.00 becomes 200.00 EUR" */
static void write_change(struct mtr_money before, struct mtr_money after, struct mtr_str currency, char *out,
                         size_t size)
{
    const struct mtr_currency *known = mtr_currency_find(currency);
    const unsigned digits = known ? known->digits : 0;
    char old[MTR_DECIMAL_TEXT_BYTES], new[MTR_DECIMAL_TEXT_BYTES];
    mtr_money_format_min(before, digits, old);
    mtr_money_format_min(after, digits, new);
    snprintf(out, size, "%s becomes %s %.*s", old, new, MTR_STR_ARGS(currency));
}

static void tell_sum(const struct sum *sum, bool allowed, struct mtr_diagnostics *findings)
{
    char change[3 * MTR_DECIMAL_TEXT_BYTES], rest[64] = "";
    const bool refused = !sum->dated && !allowed;
    write_change(sum->before, sum->after, sum->currency, change, sizeof(change));
    if (sum->unpriced)
        snprintf(rest, sizeof(rest), ", without %" PRIu32 " whose price cannot be told", sum->unpriced);
    mtr_diagnostics_addf(
        findings, refused ? MTR_FINDING_PERIODS_CLOSED_REFUSED : MTR_FINDING_PERIODS_CLOSED_RATED, 0, 0, NULL,
        "%" PRIu32 " closed period%s of %" PRIu32 " subscription%s %s rated again: %s%s%s", sum->periods,
        mtr_plural(sum->periods), sum->subscriptions, mtr_plural(sum->subscriptions),
        sum->periods == 1 ? "is" : "are", change, rest,
        refused ? ". Say from when the change holds, or ask for it with correct_closed_periods" : "");
}

static const char *problem_text(const struct mtr_closed_period *period)
{
    const bool is_too_large = period->problem == MTR_ENOMEM || period->problem == MTR_ELIMIT;
    if (is_too_large) return "it has more lines than are priced before a change";
    return period->why[0] ? period->why : mtr_error_text(period->problem);
}

static void tell_period(const struct mtr_closed_period *period, struct mtr_diagnostics *findings)
{
    const struct mtr_subscription *subscription = period->subscription;
    char change[3 * MTR_DECIMAL_TEXT_BYTES + MTR_PERIOD_PROBLEM_BYTES], start[MTR_TIME_TEXT_BYTES];
    const int32_t offset_s = mtr_zone_at(subscription->zone, period->start_us).offset_s;
    mtr_time_format_offset(period->start_us, offset_s, start);
    if (period->problem)
        snprintf(change, sizeof(change), "its price cannot be told: %s", problem_text(period));
    else
        write_change(period->before, period->after, subscription->currency, change, sizeof(change));
    mtr_diagnostics_addf(findings, MTR_FINDING_PERIODS_CLOSED_RATED, 0, 0, NULL, "%.*s of %.*s from %s: %s",
                         MTR_STR_ARGS(subscription->key), MTR_STR_ARGS(subscription->customer), start,
                         change);
}

#define tell_further(findings, ...)                                                                          \
    mtr_diagnostics_addf(findings, MTR_FINDING_PERIODS_CLOSED_FURTHER, 0, 0, NULL, __VA_ARGS__)

/* What is not in these sums. */
static void tell_extent(const struct mtr_closed_periods_extent *extent, struct mtr_diagnostics *findings)
{
    if (extent->uncounted)
        tell_further(findings,
                     "meter `%.*s` is new and priced in the past: what it counts of stored events is not in "
                     "these sums. Apply it first, then the tariff",
                     MTR_STR_ARGS(extent->uncounted->key));
    if (extent->handed_over)
        tell_further(findings,
                     "usage of subject `%.*s%s` goes from one subscription to another, and is more than is "
                     "counted before a change: what moves is not in these sums, and closed periods of both "
                     "are rated again",
                     MTR_STR_QUOTED(extent->handed_over->subject));
    if (extent->gone)
        tell_further(findings,
                     "the log no longer has all events of subscription `%.*s` that would be counted again "
                     "for the change: what becomes of its closed periods cannot be told",
                     MTR_STR_ARGS(extent->gone->key));
    if (extent->is_bounded)
        tell_further(findings,
                     "the change reaches more closed periods than are looked at before it: there may be "
                     "others. `meterd price --what-if` looks at all of them");
}

int mtr_closed_periods_review(struct mtr_rollups *rollups, struct mtr_charges *charges,
                              const struct mtr_closed_periods_options *options, bool allowed,
                              struct mtr_diagnostics *findings)
{
    struct review review = {.sum_count = 0};
    struct mtr_closed_periods_extent extent;
    int rc = mtr_closed_periods_walk(rollups, charges, options, on_period, &review, &extent);
    if (rc) return rc;
    for (uint32_t i = 0; i < review.sum_count; i++) tell_sum(&review.sums[i], allowed, findings);
    tell_extent(&extent, findings);
    for (uint32_t i = 0; i < review.told_count; i++) tell_period(&review.told[i], findings);
    if (review.untold)
        tell_further(findings, "and %" PRIu64 " further period%s", review.untold, mtr_plural(review.untold));
    return MTR_OK;
}
