/*
 * Percentage of an amount of money: rate and fixed part, of the period's amount or of each event. Of an event
 * the bounds apply to rate and fixed part together; a free event has neither. Refunds are priced at the rate
 * alone, and neither use up nor give back what is free.
 */
#include "lib/tariff/price/parts.h"

/* What is left to pay of an event's amount, or that it is free. The first limit that is reached ends the
 * free part. */
static int take_free(struct mtr_line_work *work, struct mtr_quantity amount, struct mtr_quantity *rest,
                     bool *is_free)
{
    const struct mtr_percentage_events *events = &work->curve->percentage;
    struct mtr_price_free_part *used = &work->free_part;
    struct mtr_quantity left = {0};
    *rest = amount;
    *is_free = false;
    used->over = used->over || (!events->has_free_events && !events->has_free_amount) ||
                 (events->has_free_events && used->events >= events->free_events);
    if (used->over) return MTR_OK;
    if (events->has_free_amount) {
        int rc = mtr_quantity_sub(events->free_amount, used->amount, &left);
        used->over = mtr_quantity_compare(amount, left) > 0;
        if (rc || used->over) return rc ? rc : mtr_quantity_sub(amount, left, rest);
    }
    *is_free = true;
    used->events++;
    return mtr_quantity_add(used->amount, amount, &used->amount);
}

static int trace_quantity(struct mtr_pricer *pricer, const char *part, struct mtr_quantity before,
                          struct mtr_quantity after)
{
    char input[MTR_DECIMAL_TEXT_BYTES], output[MTR_DECIMAL_TEXT_BYTES];
    mtr_quantity_format(before, input);
    mtr_quantity_format(after, output);
    return price_trace(pricer, price_next_line(pricer), part, input, output);
}

static int bound(struct mtr_pricer *pricer, struct mtr_line_work *work)
{
    const struct mtr_percentage_events *events = &work->curve->percentage;
    const struct mtr_exact before = work->line.exact, least = mtr_exact_from_money(events->minimum);
    const struct mtr_exact greatest = mtr_exact_from_money(events->maximum);
    const char *part = NULL;
    if (events->has_minimum && mtr_exact_compare(before, least) < 0) {
        work->line.exact = least;
        part = "minimum of the event";
    } else if (events->has_maximum && mtr_exact_compare(before, greatest) > 0) {
        work->line.exact = greatest;
        part = "maximum of the event";
    }
    if (!part) return MTR_OK;
    work->line.has_unit_price = false;
    if (!pricer->with_trace) return MTR_OK;
    char input[MTR_DECIMAL_TEXT_BYTES], output[MTR_DECIMAL_TEXT_BYTES];
    mtr_exact_format(before, input);
    mtr_exact_format(work->line.exact, output);
    return price_trace(pricer, price_next_line(pricer), part, input, output);
}

int price_percentage(struct mtr_pricer *pricer, struct mtr_line_work *work)
{
    const struct mtr_tier *tier = &work->curve->tiers[0];
    const bool is_paid = work->billed.e12 > 0;
    struct mtr_quantity amount = work->billed;
    bool is_free = false;
    int rc = is_paid ? take_free(work, work->billed, &amount, &is_free) : MTR_OK;
    work->line.has_unit_price =
        tier->flat.e18 == 0 && mtr_quantity_compare(amount, work->billed) == 0 && !is_free;
    if (work->line.has_unit_price) work->line.unit_price = tier->unit;
    if (!rc && pricer->with_trace && (is_free || mtr_quantity_compare(amount, work->billed) != 0))
        rc = trace_quantity(pricer, "free part", work->billed, is_free ? (struct mtr_quantity){0} : amount);
    if (rc || is_free) return rc;
    rc = price_add_product(pricer, work, 0, 1, amount, tier->unit,
                               is_paid ? tier->flat : (struct mtr_money){0});
    return rc || !is_paid ? rc : bound(pricer, work);
}
