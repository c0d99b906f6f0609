/*
 * Curves: what a quantity costs. One row per kind; each is exact, and adds its own steps to the trace.
 *
 * A tier holds what is above the bound before it, up to and with its own bound, so fractions between whole
 * bounds always fall in one. Negative use is priced at the first tier's unit price, without flats; blocks of
 * a package round away from zero on both sides.
 */
#include "lib/tariff/price/parts.h"

#include <stdio.h>

enum { STEP_TEXT_BYTES = 4 * MTR_DECIMAL_TEXT_BYTES };

typedef int curve_price(struct mtr_pricer *pricer, struct mtr_line_work *work);

static int trace_product(struct mtr_pricer *pricer, const char *part, struct mtr_quantity quantity,
                         struct mtr_money price, struct mtr_money flat, struct mtr_exact result)
{
    char count[MTR_DECIMAL_TEXT_BYTES], unit[MTR_DECIMAL_TEXT_BYTES], fixed[MTR_DECIMAL_TEXT_BYTES],
        output[MTR_DECIMAL_TEXT_BYTES];
    char input[STEP_TEXT_BYTES];
    mtr_quantity_format(quantity, count);
    mtr_money_format(price, unit);
    mtr_money_format(flat, fixed);
    mtr_exact_format(result, output);
    if (flat.e18 && !price.e18)
        snprintf(input, sizeof(input), "%s", count); /* the amount is the flat, whatever the quantity */
    else if (flat.e18)
        snprintf(input, sizeof(input), "%s × %s + %s", count, unit, fixed);
    else
        snprintf(input, sizeof(input), "%s × %s", count, unit);
    return price_trace(pricer, price_next_line(pricer), part, input, output);
}

int price_add_product(struct mtr_pricer *pricer, struct mtr_line_work *work, uint32_t row,
                          uint32_t row_count, struct mtr_quantity quantity, struct mtr_money unit,
                          struct mtr_money flat)
{
    const char *part = mtr_curve_kind_name(work->curve->curve);
    struct mtr_exact amount;
    char name[64];
    int rc = MTR_OK;
    amount = mtr_exact_product(quantity, unit);
    if (flat.e18) rc = mtr_exact_add(amount, mtr_exact_from_money(flat), &amount);
    if (!rc) rc = mtr_exact_add(work->line.exact, amount, &work->line.exact);
    if (rc || !pricer->with_trace) return rc;
    if (row_count > 1)
        snprintf(name, sizeof(name), "%s, tier %u of %u", part, row + 1, row_count);
    else
        snprintf(name, sizeof(name), "%s", part);
    return trace_product(pricer, name, quantity, unit, flat, amount);
}

int price_blocks_of(struct mtr_pricer *pricer, const char *part, struct mtr_quantity quantity,
                        struct mtr_quantity size, enum mtr_rounding rounding, struct mtr_quantity *out)
{
    char count[MTR_DECIMAL_TEXT_BYTES], block[MTR_DECIMAL_TEXT_BYTES], output[MTR_DECIMAL_TEXT_BYTES],
        input[STEP_TEXT_BYTES];
    int rc = mtr_quantity_blocks(quantity, size, rounding, out);
    if (rc || !pricer->with_trace) return rc;
    mtr_quantity_format(quantity, count);
    mtr_quantity_format(size, block);
    mtr_quantity_format(*out, output);
    snprintf(input, sizeof(input), "%s ÷ %s, rounded %s", count, block, mtr_rounding_name(rounding));
    return price_trace(pricer, price_next_line(pricer), part, input, output);
}

/* What the line gained since `before` is at most the tier's cap. */
static int cap_tier(struct mtr_pricer *pricer, struct mtr_line_work *work, struct mtr_money cap,
                    struct mtr_exact before)
{
    struct mtr_exact gained;
    int rc = mtr_exact_sub(work->line.exact, before, &gained);
    if (rc || mtr_exact_compare(gained, mtr_exact_from_money(cap)) <= 0) return rc;
    work->line.has_unit_price = false;
    rc = mtr_exact_add(before, mtr_exact_from_money(cap), &work->line.exact);
    if (rc || !pricer->with_trace) return rc;
    char input[MTR_DECIMAL_TEXT_BYTES], output[MTR_DECIMAL_TEXT_BYTES];
    mtr_exact_format(gained, input);
    mtr_money_format(cap, output);
    return price_trace(pricer, price_next_line(pricer), "cap of the tier", input, output);
}

/* quantity × unit + flat of one tier, added to the line. */
static int add_tier(struct mtr_pricer *pricer, struct mtr_line_work *work, uint32_t index,
                    struct mtr_quantity quantity, bool with_flat)
{
    const struct mtr_tier *tier = &work->curve->tiers[index];
    const struct mtr_exact before = work->line.exact;
    struct mtr_money flat = with_flat && !work->without_flats ? tier->flat : (struct mtr_money){0};
    int rc = price_add_product(pricer, work, index, work->curve->tier_count, quantity, tier->unit, flat);
    return rc || !tier->has_cap ? rc : cap_tier(pricer, work, tier->cap, before);
}

static void set_unit_price(struct mtr_line_work *work, const struct mtr_tier *tier, bool with_flat)
{
    work->line.has_unit_price = !with_flat || tier->flat.e18 == 0;
    if (work->line.has_unit_price) work->line.unit_price = tier->unit;
}

static int per_unit(struct mtr_pricer *pricer, struct mtr_line_work *work)
{
    set_unit_price(work, &work->curve->tiers[0], false);
    return add_tier(pricer, work, 0, work->billed, false);
}

/* The tier that a quantity reaches: its bound belongs to it. */
static uint32_t find_tier(const struct mtr_component *component, struct mtr_quantity quantity)
{
    uint32_t low = 0, high = component->tier_count - 1; /* the last is open-ended */
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        const struct mtr_tier *tier = &component->tiers[middle];
        if (tier->open_ended || mtr_quantity_compare(quantity, tier->up_to) <= 0) high = middle;
        else low = middle + 1;
    }
    return low;
}

/* Without a trace: what is below the tier is known, whatever the number of tiers. */
static int graduated_at_once(struct mtr_pricer *pricer, struct mtr_line_work *work)
{
    const struct mtr_component *component = work->curve;
    const uint32_t i = find_tier(component, work->billed);
    const struct mtr_tier *tier = &component->tiers[i];
    struct mtr_quantity width;
    int rc =
        mtr_quantity_sub(work->billed, i ? component->tiers[i - 1].up_to : (struct mtr_quantity){0}, &width);
    if (rc) return rc;
    if (i == 0) set_unit_price(work, tier, true);
    work->line.exact = work->without_flats ? tier->below_without_flats : tier->below;
    return add_tier(pricer, work, i, width, true);
}

static int graduated(struct mtr_pricer *pricer, struct mtr_line_work *work)
{
    const struct mtr_component *component = work->curve;
    struct mtr_quantity lower = {0};
    if (work->billed.e12 <= 0) {
        bool flat_due = work->billed.e12 == 0 && component->flat_at_zero;
        set_unit_price(work, &component->tiers[0], flat_due);
        return add_tier(pricer, work, 0, work->billed, flat_due);
    }
    if (component->tiers_are_summed && !pricer->with_trace) return graduated_at_once(pricer, work);
    for (uint32_t i = 0; i < component->tier_count && mtr_quantity_compare(work->billed, lower) > 0; i++) {
        const struct mtr_tier *tier = &component->tiers[i];
        bool last = tier->open_ended || mtr_quantity_compare(work->billed, tier->up_to) <= 0;
        struct mtr_quantity upper = last ? work->billed : tier->up_to, width;
        if (last && i == 0) set_unit_price(work, tier, true);
        int rc = mtr_quantity_sub(upper, lower, &width);
        if (!rc) rc = add_tier(pricer, work, i, width, true);
        if (rc) return rc;
        lower = upper;
    }
    return MTR_OK;
}

static int volume(struct mtr_pricer *pricer, struct mtr_line_work *work)
{
    const struct mtr_component *component = work->curve;
    bool flat_due = work->billed.e12 > 0 || (work->billed.e12 == 0 && component->flat_at_zero);
    const struct mtr_quantity reached =
        component->tier_by_input ? price_input_quantity(work, 1) : work->billed;
    const uint32_t i = find_tier(component, reached);
    set_unit_price(work, &component->tiers[i], flat_due);
    return add_tier(pricer, work, i, work->billed, flat_due);
}

/* A started package by its share: the product is made first and divided once. */
static int package_share(struct mtr_pricer *pricer, struct mtr_line_work *work)
{
    static const struct mtr_quantity one = {(mtr_int128)1000000000000};
    const struct mtr_component *component = work->curve;
    struct mtr_money price = component->tiers[0].unit;
    int rc = mtr_exact_scale(mtr_exact_product(work->billed, price), one, component->package_size,
                             MTR_ROUND_HALF_EVEN, &work->line.exact);
    if (rc || !pricer->with_trace) return rc;
    char count[MTR_DECIMAL_TEXT_BYTES], size[MTR_DECIMAL_TEXT_BYTES], unit[MTR_DECIMAL_TEXT_BYTES],
        output[MTR_DECIMAL_TEXT_BYTES];
    char input[STEP_TEXT_BYTES];
    mtr_quantity_format(work->billed, count);
    mtr_quantity_format(component->package_size, size);
    mtr_money_format(price, unit);
    mtr_exact_format(work->line.exact, output);
    snprintf(input, sizeof(input), "%s × %s ÷ %s", count, unit, size);
    return price_trace(pricer, price_next_line(pricer), "package", input, output);
}

static int package(struct mtr_pricer *pricer, struct mtr_line_work *work)
{
    const struct mtr_component *component = work->curve;
    struct mtr_quantity packages;
    if (component->package_exact) return package_share(pricer, work);
    int rc = price_blocks_of(pricer, "packages", work->billed, component->package_size,
                                 component->package_rounding, &packages);
    return rc ? rc : add_tier(pricer, work, 0, packages, false);
}

static int dynamic(struct mtr_pricer *pricer, struct mtr_line_work *work)
{
    const struct mtr_component *component = work->curve;
    if (!component->zero_units_are_free || price_input_quantity(work, 1).e12 != 0)
        return per_unit(pricer, work);
    if (!pricer->with_trace) return MTR_OK;
    char amount[MTR_DECIMAL_TEXT_BYTES];
    mtr_quantity_format(work->billed, amount);
    return price_trace(pricer, price_next_line(pricer), "dynamic, no units", amount, "0");
}

static curve_price *const curves[MTR_CURVE_KINDS] = {
    [MTR_CURVE_PER_UNIT] = per_unit,
    [MTR_CURVE_GRADUATED] = graduated,
    [MTR_CURVE_VOLUME] = volume,
    [MTR_CURVE_PACKAGE] = package,
    [MTR_CURVE_PERCENTAGE] = price_percentage,
    [MTR_CURVE_GRADUATED_PERCENTAGE] = graduated,
    [MTR_CURVE_DYNAMIC] = dynamic,
    [MTR_CURVE_STAIRSTEP] = volume,
    [MTR_CURVE_BLOCKS] = price_blocks,
    [MTR_CURVE_INCREMENTS] = price_increments,
    [MTR_CURVE_CAPACITY] = price_capacity,
    [MTR_CURVE_RECURRING] = price_recurring,
};

int price_curve(struct mtr_pricer *pricer, struct mtr_line_work *work)
{
    MTR_ASSERT((unsigned)work->curve->curve < MTR_CURVE_KINDS);
    MTR_ASSERT(curves[work->curve->curve]); /* a matrix has been replaced by its row */
    work->line.exact = mtr_exact_zero();
    return curves[work->curve->curve](pricer, work);
}
