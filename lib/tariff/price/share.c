/*
 * Shares of a period: in seconds, or in local days. The product is made first and divided once, to 10^-30. A
 * share is the difference of two such quotients, counted from the period's start, so that the shares of a
 * split period add up to the amount exactly.
 *
 * A local day belongs to whoever runs at its end: the day of a start counts, the day of an end does not. So
 * the parts of a period that is split in the middle of a day have all its days together, each once.
 */
#include "lib/tariff/price/pricer.h"

#include <inttypes.h>
#include <stdio.h>

enum { SECONDS_PER_DAY = 86400 };

int64_t price_local_day(const struct mtr_zone *zone, int64_t time_s)
{
    int64_t local_s = time_s + mtr_zone_at(zone, time_s).offset_s;
    int64_t day = local_s / SECONDS_PER_DAY;
    return local_s % SECONDS_PER_DAY < 0 ? day - 1 : day;
}

struct mtr_price_share price_share_of(const struct mtr_price_input *input, enum mtr_prorate prorate,
                                      int64_t from_s, int64_t to_s)
{
    const struct mtr_period *period = &input->period;
    switch (prorate) {
    case MTR_PRORATE_NONE: return (struct mtr_price_share){0, 1, 1};
    case MTR_PRORATE_DAY: {
        int64_t first = price_local_day(input->zone, period->start_s);
        return (struct mtr_price_share){price_local_day(input->zone, from_s) - first,
                                        price_local_day(input->zone, to_s) - first,
                                        price_local_day(input->zone, period->end_s) - first};
    }
    case MTR_PRORATE_SECOND:
        return (struct mtr_price_share){from_s - period->start_s, to_s - period->start_s,
                                        period->end_s - period->start_s};
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
    int64_t from_s = input->runs_from_s > input->period.start_s ? input->runs_from_s : input->period.start_s;
    int64_t to_s = input->runs_to_s < input->period.end_s ? input->runs_to_s : input->period.end_s;
    text[0] = '\0';
    if (pricer->with_trace) {
        mtr_money_format(amount, whole);
        snprintf(text, MTR_PRICE_SHARE_TEXT_BYTES, "%s", whole);
    }
    if (prorate == MTR_PRORATE_NONE) {
        *out = mtr_exact_from_money(amount);
        return MTR_OK;
    }
    MTR_ASSERT(from_s <= to_s); /* what is priced runs in the period */
    struct mtr_price_share share = price_share_of(input, prorate, from_s, to_s);
    if (pricer->with_trace)
        snprintf(text, MTR_PRICE_SHARE_TEXT_BYTES, "%s × %" PRId64 " ÷ %" PRId64, whole,
                 share.to - share.from, share.whole);
    return price_share_amount(amount, share, out);
}
