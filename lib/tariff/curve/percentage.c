/*
 * Percentage of an amount of money: rate and fixed part, of the period's amount or of each event. Of an event
 * the bounds apply to rate and fixed part together; a free event has neither. Refunds are priced at the rate
 * alone, and neither use up nor give back what is free.
 *
 * Bounds and free parts are of each event, so they need `scope: event`.
 */
#include "lib/tariff/curve/curve.h"
#include "lib/tariff/curve/rate.h"
#include "lib/tariff/curve/slice_bounds.h"
#include "lib/tariff/price/pricer.h"

/* Least and greatest price of an event, and what is free. The first free limit that is reached ends the free
 * part; an amount that ends inside an event leaves the rest of it to be paid, as an event of that amount. */
struct percentage {
    struct mtr_money rate; /* as decoded in percent, then of one: price of a unit of money */
    struct mtr_money fixed;
    struct tariff_slice_bounds bounds;
    bool has_free_events, has_free_amount;
    uint64_t free_events;
    struct mtr_quantity free_amount;
};

static const struct mtr_field rows[] = {
    {.name = "rate", .type = MTR_FIELD_MONEY, AT(percentage, rate), .required = true,
     .doc = "percent of the amount"},
    {.name = "fixed", .type = MTR_FIELD_MONEY, AT(percentage, fixed),
     .doc = "due on top, once when there is an amount; with scope event for each"},
    {.name = "minimum", .type = MTR_FIELD_MONEY, AT(percentage, bounds.minimum),
     PRESENT(percentage, bounds.has_minimum),
     .doc = "with scope event: least price of one, the fixed part included"},
    {.name = "maximum", .type = MTR_FIELD_MONEY, AT(percentage, bounds.maximum),
     PRESENT(percentage, bounds.has_maximum),
     .doc = "with scope event: greatest price of one"},
    {.name = "free_events", .type = MTR_FIELD_U64, AT(percentage, free_events),
     PRESENT(percentage, has_free_events), .min = 0, .max = INT64_MAX,
     .doc = "with scope event: how many are free, the first ones of the period"},
    {.name = "free_amount", .type = MTR_FIELD_QUANTITY, AT(percentage, free_amount),
     PRESENT(percentage, has_free_amount),
     .doc = "with scope event: the first amounts of the period are free, up to this sum"},
    {0},
};

/* ---- findings ---- */

static void lint_events(const struct mtr_node *node, const struct mtr_component *component,
                        struct mtr_diagnostics *findings)
{
    static const char *const keys[] = {"minimum", "maximum", "free_events", "free_amount"};
    const struct percentage *events = component->curve_data;
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]) && component->scope != MTR_CURVE_SCOPE_EVENT; i++)
        if (mtr_node_get(node, keys[i]))
            tariff_report(findings, MTR_FINDING_TARIFF_SCOPE_WRONG, mtr_node_get(node, keys[i]), keys[i],
                          "is of each event: write `scope: event` too");
    tariff_lint_slice_bounds(node, &events->bounds, findings);
    if (events->free_amount.e12 < 0)
        tariff_report(findings, MTR_FINDING_TARIFF_NUMBER_NEGATIVE, tariff_place(node, "free_amount"),
                      "free_amount", "must not be negative");
    if (TARIFF_PART_OF(component, free_units) && (events->has_free_events || events->has_free_amount))
        tariff_report(findings, MTR_FINDING_TARIFF_FIELD_CONFLICT,
                      tariff_place(node, events->has_free_amount ? "free_amount" : "free_events"),
                      "percentage", "stands instead of free_units: remove one of them");
}

static void lint_percentage(const struct mtr_node *node, struct mtr_component *component,
                            struct mtr_diagnostics *findings)
{
    struct percentage *percentage = component->curve_data;
    if (percentage->rate.e18 < 0)
        tariff_report(findings, MTR_FINDING_TARIFF_PRICE_NEGATIVE, tariff_place(node, "rate"), "rate",
                      "is negative: it pays the customer");
    if (percentage->fixed.e18 < 0)
        tariff_report(findings, MTR_FINDING_TARIFF_PRICE_NEGATIVE, tariff_place(node, "fixed"), "fixed",
                      "is negative: it pays the customer");
    tariff_divide_rate(node, &percentage->rate, findings);
    lint_events(node, component, findings);
}

static void lint_scope(const struct mtr_node *node, const struct mtr_component *component,
                       struct mtr_diagnostics *findings)
{
    if (component->scope == MTR_CURVE_SCOPE_EVENT && TARIFF_PART_OF(component, each))
        tariff_report(
            findings, MTR_FINDING_TARIFF_FIELD_CONFLICT, tariff_place(node, "each"), "each",
            "a percentage of events has `minimum` and `maximum` of its own, which leave free events "
            "free: write them there");
}

/* ---- price ---- */

/* What is left to pay of an event's amount, or that it is free. */
static int take_free(struct mtr_line_work *work, struct mtr_quantity amount, struct mtr_quantity *rest,
                     bool *is_free)
{
    const struct percentage *events = work->priced->curve_data;
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

static int price_percentage(struct mtr_pricer *pricer, struct mtr_line_work *work)
{
    const struct percentage *percentage = work->priced->curve_data;
    const bool is_paid = work->billed.e12 > 0;
    struct mtr_price_product product = {.row_count = 1, .quantity = work->billed, .unit = percentage->rate};
    bool is_free = false;
    int rc = is_paid ? take_free(work, work->billed, &product.quantity, &is_free) : MTR_OK;
    const bool is_whole = mtr_quantity_compare(product.quantity, work->billed) == 0 && !is_free;
    work->line.has_unit_price = percentage->fixed.e18 == 0 && is_whole;
    if (work->line.has_unit_price) work->line.unit_price = percentage->rate;
    if (!rc && pricer->with_trace && !is_whole)
        rc = trace_quantity(pricer, "free part", work->billed,
                            is_free ? (struct mtr_quantity){0} : product.quantity);
    if (rc || is_free) return rc;
    if (is_paid) product.flat = percentage->fixed;
    rc = price_add_product(pricer, work, &product);
    return rc || !is_paid ? rc : price_bound_slice(pricer, work, &percentage->bounds);
}

static void add_borders(const struct mtr_component *component, struct tariff_borders *borders)
{
    const struct percentage *percentage = component->curve_data;
    if (percentage->has_free_amount) price_add_border(borders, percentage->free_amount);
}

const struct tariff_curve tariff_curve_percentage = {
    .row = {.name = "percentage", .type = MTR_FIELD_MAP, .own_size = sizeof(struct percentage),
            .fields = rows,
            .doc = "curve: a share of the meter's quantity, which is an amount of money"},
    .lint = lint_percentage,
    .lint_scope = lint_scope,
    .price = price_percentage,
    .borders = add_borders,
};
