/*
 * Shares of a period: in seconds (µs where a bound is none), or in local days. The product is made first and
 * divided once, to 10^-30. A share is the difference of two such quotients, counted from the period's start,
 * so that the shares of a split period add up to the amount exactly.
 *
 * A local day belongs to whoever runs at its end: the day of a start counts, the day of an end does not. So
 * the parts of a period that is split in the middle of a day have all its days together, each once. A date
 * that the zone left out is no day: in Samoa, 29 December 2011 ended with the 31st.
 */
#include "lib/tariff/price/pricer.h"

#include <inttypes.h>
#include <stdio.h>

static int64_t day_of(int64_t local_us)
{
    return local_us / MTR_US_PER_DAY - (local_us % MTR_US_PER_DAY < 0);
}

int64_t price_local_day(const struct mtr_zone *zone, int64_t time_us)
{
    return day_of(time_us + mtr_zone_at(zone, time_us).offset_s * MTR_US_PER_SECOND);
}

/* Dates without a moment of their own: a clock that went on by a day or more jumped over all of them. */
static int64_t days_left_out(const struct mtr_zone *zone, int64_t from_us, int64_t to_us)
{
    struct mtr_zone_span span = mtr_zone_at(zone, from_us);
    int64_t count = 0;
    while (span.end_us <= to_us) {
        const int64_t jumped_from_us = span.end_us + span.offset_s * MTR_US_PER_SECOND;
        span = mtr_zone_at(zone, span.end_us);
        const int64_t first = day_of(jumped_from_us + MTR_US_PER_DAY - 1); /* that begins in the jump */
        /* And that goes on behind it. */
        const int64_t next = day_of(span.start_us + span.offset_s * MTR_US_PER_SECOND);
        if (next > first) count += next - first;
    }
    return count;
}

/* Days that ended from the period's start to that moment. */
static int64_t days_until(const struct mtr_price_input *input, int64_t time_us)
{
    const int64_t start_us = input->period.start_us;
    MTR_ASSERT(start_us <= time_us);
    return price_local_day(input->zone, time_us) - price_local_day(input->zone, start_us) -
           days_left_out(input->zone, start_us, time_us);
}

/* In seconds where they are whole: people read it. */
static struct mtr_price_share share_of_time(const struct mtr_period *period, int64_t from_us, int64_t to_us)
{
    const int64_t from = from_us - period->start_us, to = to_us - period->start_us,
                  whole = period->end_us - period->start_us;
    const bool seconds =
        from % MTR_US_PER_SECOND == 0 && to % MTR_US_PER_SECOND == 0 && whole % MTR_US_PER_SECOND == 0;
    const int64_t unit = seconds ? MTR_US_PER_SECOND : 1;
    return (struct mtr_price_share){from / unit, to / unit, whole / unit};
}

struct mtr_price_share price_share_of(const struct mtr_price_input *input, enum mtr_prorate prorate,
                                      int64_t from_us, int64_t to_us)
{
    const struct mtr_period *period = &input->period;
    switch (prorate) {
    case MTR_PRORATE_NONE: return (struct mtr_price_share){0, 1, 1};
    case MTR_PRORATE_DAY:
        return (struct mtr_price_share){days_until(input, from_us), days_until(input, to_us),
                                        days_until(input, period->end_us)};
    case MTR_PRORATE_SECOND: return share_of_time(period, from_us, to_us);
    }
    MTR_ASSERT(!"known proration");
    return (struct mtr_price_share){0, 0, 1};
}

int price_share_amount(struct mtr_money amount, struct mtr_price_share share, struct mtr_exact *out)
{
    const struct mtr_exact all = mtr_exact_from_money(amount);
    const struct mtr_quantity whole = {share.whole};
    struct mtr_exact before, until;
    int rc = mtr_exact_scale(all, (struct mtr_quantity){share.from}, whole, MTR_ROUND_HALF_EVEN, &before);
    if (!rc) rc = mtr_exact_scale(all, (struct mtr_quantity){share.to}, whole, MTR_ROUND_HALF_EVEN, &until);
    return rc ? rc : mtr_exact_sub(until, before, out);
}

int price_prorate(const struct mtr_pricer *pricer, enum mtr_prorate prorate, struct mtr_money amount,
                  struct mtr_exact *out, char text[MTR_PRICE_SHARE_TEXT_BYTES])
{
    const struct mtr_price_input *input = pricer->input;
    char whole[MTR_DECIMAL_TEXT_BYTES];
    const int64_t from_us = mtr_time_later(input->runs_from_us, input->period.start_us);
    const int64_t to_us = mtr_time_sooner(input->runs_to_us, input->period.end_us);
    text[0] = '\0';
    if (pricer->with_trace) {
        mtr_money_format(amount, whole);
        snprintf(text, MTR_PRICE_SHARE_TEXT_BYTES, "%s", whole);
    }
    if (prorate == MTR_PRORATE_NONE) {
        *out = mtr_exact_from_money(amount);
        return MTR_OK;
    }
    MTR_ASSERT(from_us <= to_us); /* what is priced runs in the period */
    struct mtr_price_share share = price_share_of(input, prorate, from_us, to_us);
    if (pricer->with_trace)
        snprintf(text, MTR_PRICE_SHARE_TEXT_BYTES, "%s × %" PRId64 " ÷ %" PRId64, whole,
                 share.to - share.from, share.whole);
    return price_share_amount(amount, share, out);
}
