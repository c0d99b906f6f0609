/*
 * Recurring fees: the whole amount, or the share of the period in which the subscription runs under this
 * version, in seconds or in local days, which add up to the amount over the parts of a split period
 * (price/share.c). A discount or markup is of the fee so far, less that of the fee before, so that adjusted
 * shares add up to the adjusted fee.
 */
#include "lib/tariff/price/parts.h"

#include <inttypes.h>
#include <stdio.h>

static bool is_due(const struct mtr_price_input *input, const struct mtr_component *component)
{
    if (component->recurring_in_arrears && !input->closing) return false;
    if (component->prorate != MTR_PRORATE_NONE) return true;
    return component->recurring_in_arrears ? !input->continued_later : !input->continues_earlier;
}

static int trace_share(struct mtr_pricer *pricer, const struct mtr_component *component,
                       struct mtr_price_share share, struct mtr_exact result)
{
    static const char *const names[] = {[MTR_PRORATE_NONE] = "recurring",
                                        [MTR_PRORATE_DAY] = "recurring, by day",
                                        [MTR_PRORATE_SECOND] = "recurring, by second"};
    char amount[MTR_DECIMAL_TEXT_BYTES], output[MTR_DECIMAL_TEXT_BYTES], input[2 * MTR_DECIMAL_TEXT_BYTES];
    mtr_money_format(component->recurring_amount, amount);
    mtr_exact_format(result, output);
    if (component->prorate == MTR_PRORATE_NONE)
        snprintf(input, sizeof(input), "%s", amount);
    else
        snprintf(input, sizeof(input), "%s × %" PRId64 " ÷ %" PRId64, amount, share.to - share.from,
                 share.whole);
    return price_trace(pricer, price_next_line(pricer), names[component->prorate], input, output);
}

int price_recurring(struct mtr_pricer *pricer, struct mtr_line_work *work)
{
    const struct mtr_price_input *input = pricer->input;
    const struct mtr_component *component = work->curve;
    MTR_ASSERT(input->period.start_s < input->period.end_s);
    int64_t from_s =
        input->active_from_s > input->period.start_s ? input->active_from_s : input->period.start_s;
    int64_t to_s = input->active_to_s < input->period.end_s ? input->active_to_s : input->period.end_s;
    work->due = from_s < to_s && is_due(input, component);
    if (!work->due) return MTR_OK;
    struct mtr_price_share share = price_share_of(input, component->prorate, from_s, to_s);
    work->due = share.to > share.from; /* the part may lie within one local day that another part has */
    if (!work->due) return MTR_OK;
    int rc = price_share_amount(component->recurring_amount, share, &work->line.exact);
    if (rc) return rc;
    work->line.kind = MTR_STR("recurring");
    rc = mtr_quantity_from_i64(1, &work->line.quantity);
    work->line.has_unit_price = share.to - share.from == share.whole;
    if (work->line.has_unit_price) work->line.unit_price = component->recurring_amount;
    if (!rc && pricer->with_trace) rc = trace_share(pricer, component, share, work->line.exact);
    return rc;
}

/* The shares of the parts before this one, under this version; is there any? */
static int fee_before(const struct mtr_pricer *pricer, const struct mtr_component *component, bool *any,
                      struct mtr_exact *out)
{
    const struct mtr_price_input *input = pricer->input;
    const int64_t start_s = input->period.start_s;
    *any = input->continues_earlier && component->prorate != MTR_PRORATE_NONE;
    if (!*any) return MTR_OK;
    const int64_t from_s = input->runs_from_s > start_s ? input->runs_from_s : start_s;
    const int64_t to_s = input->active_from_s > from_s ? input->active_from_s : from_s;
    const struct mtr_price_share share = price_share_of(input, component->prorate, from_s, to_s);
    *any = share.from < share.to;
    return price_share_amount(component->recurring_amount, share, out);
}

static int adjust_behind(struct mtr_pricer *pricer, struct mtr_line_work *work, struct mtr_exact before)
{
    const bool with_trace = pricer->with_trace;
    const struct mtr_exact own = work->line.exact;
    struct mtr_exact whole, earlier, adjusted;
    pricer->with_trace = false;
    work->line.exact = before;
    work->of_earlier = true;
    int rc = price_adjust(pricer, work);
    earlier = work->line.exact;
    work->of_earlier = false;
    pricer->with_trace = with_trace;
    if (!rc) rc = mtr_exact_add(before, own, &whole);
    if (!rc)
        rc = price_trace_exact(pricer, price_next_line(pricer), "with the earlier parts", own, whole);
    if (rc) return rc;
    work->line.exact = whole;
    rc = price_adjust(pricer, work);
    adjusted = work->line.exact;
    if (!rc) rc = mtr_exact_sub(adjusted, earlier, &work->line.exact);
    return rc ? rc
              : price_trace_exact(pricer, price_next_line(pricer), "less the earlier parts", adjusted,
                                      work->line.exact);
}

int price_fee(struct mtr_pricer *pricer, struct mtr_line_work *work)
{
    struct mtr_exact before;
    bool any = false;
    work->due = true;
    int rc = price_curve(pricer, work);
    if (rc || !work->due || !price_adjusts(work->component)) return rc;
    rc = fee_before(pricer, work->component, &any, &before);
    if (rc) return rc;
    return any ? adjust_behind(pricer, work, before) : price_adjust(pricer, work);
}
