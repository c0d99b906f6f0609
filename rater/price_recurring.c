/*
 * Recurring fees: the whole amount, or the share of the period in which the subscription runs under this version, in seconds or in
 * local days. The product is made first and divided once, to 10^-30. A share is the difference of two such quotients, counted from the
 * period's start, so that the shares of a split period add up to the amount exactly.
 *
 * A local day belongs to whoever runs at its end: the day of a start counts, the day of an end does not. So the parts of a period that
 * is split in the middle of a day have all its days together, each once.
 */
#include "rater/price_parts.h"

#include <inttypes.h>
#include <stdio.h>

enum { SECONDS_PER_DAY = 86400 };

/* [from, to) of the whole, in days or seconds from the period's start. */
struct share {
    int64_t from, to, whole;
};

static int64_t local_day(const struct mtr_zone *zone, int64_t time_s)
{
    int64_t local_s = time_s + mtr_zone_at(zone, time_s).offset_s;
    int64_t day = local_s / SECONDS_PER_DAY;
    return local_s % SECONDS_PER_DAY < 0 ? day - 1 : day;
}

static struct share share_of(const struct mtr_price_input *input, enum mtr_prorate prorate, int64_t from_s, int64_t to_s)
{
    const struct mtr_period *period = &input->period;
    switch (prorate) {
    case MTR_PRORATE_NONE: return (struct share){0, 1, 1};
    case MTR_PRORATE_DAY: {
        int64_t first = local_day(input->zone, period->start_s);
        return (struct share){local_day(input->zone, from_s) - first, local_day(input->zone, to_s) - first,
                              local_day(input->zone, period->end_s) - first};
    }
    case MTR_PRORATE_SECOND: return (struct share){from_s - period->start_s, to_s - period->start_s, period->end_s - period->start_s};
    }
    MTR_ASSERT(!"known proration");
    return (struct share){0, 0, 1};
}

/* amount × (to ÷ whole) − amount × (from ÷ whole). */
static int price_share(struct mtr_money amount, struct share share, struct mtr_exact *out)
{
    const struct mtr_exact fee = mtr_exact_from_money(amount);
    const struct mtr_quantity whole = {share.whole};
    struct mtr_exact before, until;
    int rc = mtr_exact_scale(fee, (struct mtr_quantity){share.from}, whole, MTR_ROUND_HALF_EVEN, &before);
    if (!rc) rc = mtr_exact_scale(fee, (struct mtr_quantity){share.to}, whole, MTR_ROUND_HALF_EVEN, &until);
    return rc ? rc : mtr_exact_sub(until, before, out);
}

static bool is_due(const struct mtr_price_input *input, const struct mtr_component *component)
{
    if (component->recurring_in_arrears && !input->closing) return false;
    if (component->prorate != MTR_PRORATE_NONE) return true;
    return component->recurring_in_arrears ? !input->continued_later : !input->continues_earlier;
}

static int trace_share(struct mtr_pricer *pricer, const struct mtr_component *component, struct share share, struct mtr_exact result)
{
    static const char *const names[] = {
        [MTR_PRORATE_NONE] = "recurring", [MTR_PRORATE_DAY] = "recurring, by day", [MTR_PRORATE_SECOND] = "recurring, by second"};
    char amount[MTR_DECIMAL_TEXT_BYTES], output[MTR_DECIMAL_TEXT_BYTES], input[2 * MTR_DECIMAL_TEXT_BYTES];
    mtr_money_format(component->recurring_amount, amount);
    mtr_exact_format(result, output);
    if (component->prorate == MTR_PRORATE_NONE)
        snprintf(input, sizeof(input), "%s", amount);
    else
        snprintf(input, sizeof(input), "%s × %" PRId64 " ÷ %" PRId64, amount, share.to - share.from, share.whole);
    return mtr_price_trace(pricer, mtr_price_next_line(pricer), names[component->prorate], input, output);
}

int mtr_price_recurring(struct mtr_pricer *pricer, struct mtr_line_work *work)
{
    const struct mtr_price_input *input = pricer->input;
    const struct mtr_component *component = work->component;
    MTR_ASSERT(input->period.start_s < input->period.end_s);
    int64_t from_s = input->active_from_s > input->period.start_s ? input->active_from_s : input->period.start_s;
    int64_t to_s = input->active_to_s < input->period.end_s ? input->active_to_s : input->period.end_s;
    work->due = from_s < to_s && is_due(input, component);
    if (!work->due) return MTR_OK;
    struct share share = share_of(input, component->prorate, from_s, to_s);
    work->due = share.to > share.from; /* the part may lie within one local day that another part has */
    if (!work->due) return MTR_OK;
    int rc = price_share(component->recurring_amount, share, &work->line.exact);
    if (rc) return rc;
    work->line.kind = MTR_STR("recurring");
    rc = mtr_quantity_from_i64(1, &work->line.quantity);
    work->line.has_unit_price = share.to - share.from == share.whole;
    if (work->line.has_unit_price) work->line.unit_price = component->recurring_amount;
    if (!rc && pricer->with_trace) rc = trace_share(pricer, component, share, work->line.exact);
    return rc;
}
