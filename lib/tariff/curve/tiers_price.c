/*
 * What tiers cost. Graduated goes through the tiers one by one where the steps are shown, else it adds one
 * tier's share to what is known to lie below it: the same amount, whatever the number of tiers.
 */
#include "lib/tariff/curve/tiers.h"
#include "lib/tariff/price/pricer.h"

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
    const struct tariff_tiers *tiers = work->priced->curve_data;
    const struct tariff_tier *tier = &tiers->items[index];
    const struct mtr_exact before = work->line.exact;
    const struct mtr_price_product product = {
        .row = index,
        .row_count = tiers->count,
        .quantity = quantity,
        .unit = tier->unit,
        .flat = with_flat && !work->without_flats ? tier->flat : (struct mtr_money){0},
    };
    int rc = price_add_product(pricer, work, &product);
    return rc || !tier->has_cap ? rc : cap_tier(pricer, work, tier->cap, before);
}

static void set_unit_price(struct mtr_line_work *work, const struct tariff_tier *tier, bool with_flat)
{
    work->line.has_unit_price = !with_flat || tier->flat.e18 == 0;
    if (work->line.has_unit_price) work->line.unit_price = tier->unit;
}

/* The tier that a quantity reaches. */
static uint32_t find_tier(const struct tariff_tiers *tiers, struct mtr_quantity quantity)
{
    uint32_t low = 0, high = tiers->count - 1; /* the last is open-ended */
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        const struct tariff_tier *tier = &tiers->items[middle];
        if (tier->open_ended || tariff_bound_holds(tier->bound, quantity)) high = middle;
        else low = middle + 1;
    }
    return low;
}

static int graduated_at_once(struct mtr_pricer *pricer, struct mtr_line_work *work)
{
    const struct tariff_tiers *tiers = work->priced->curve_data;
    const uint32_t i = find_tier(tiers, work->billed);
    const struct tariff_tier *tier = &tiers->items[i];
    struct mtr_quantity width;
    const struct mtr_quantity lower = i ? tiers->items[i - 1].bound.at : (struct mtr_quantity){0};
    int rc = mtr_quantity_sub(work->billed, lower, &width);
    if (rc) return rc;
    if (i == 0) set_unit_price(work, tier, true);
    work->line.exact = work->without_flats ? tier->below_without_flats : tier->below;
    return add_tier(pricer, work, i, width, true);
}

static int graduated_by_steps(struct mtr_pricer *pricer, struct mtr_line_work *work)
{
    const struct tariff_tiers *tiers = work->priced->curve_data;
    struct mtr_quantity lower = {0};
    bool last = false;
    for (uint32_t i = 0; !last; i++) {
        MTR_ASSERT(i < tiers->count); /* the last tier is open-ended */
        const struct tariff_tier *tier = &tiers->items[i];
        last = tier->open_ended || tariff_bound_holds(tier->bound, work->billed);
        struct mtr_quantity upper = last ? work->billed : tier->bound.at, width;
        if (last && i == 0) set_unit_price(work, tier, true);
        int rc = mtr_quantity_sub(upper, lower, &width);
        if (!rc) rc = add_tier(pricer, work, i, width, true);
        if (rc) return rc;
        lower = upper;
    }
    return MTR_OK;
}

int tariff_price_graduated(struct mtr_pricer *pricer, struct mtr_line_work *work)
{
    const struct tariff_tiers *tiers = work->priced->curve_data;
    if (work->billed.e12 <= 0) {
        bool flat_due = work->billed.e12 == 0 && work->priced->flat_at_zero;
        set_unit_price(work, &tiers->items[0], flat_due);
        return add_tier(pricer, work, 0, work->billed, flat_due);
    }
    return tiers->are_summed && !pricer->with_trace ? graduated_at_once(pricer, work)
                                                    : graduated_by_steps(pricer, work);
}

int tariff_price_volume(struct mtr_pricer *pricer, struct mtr_line_work *work)
{
    const struct mtr_component *component = work->priced;
    const struct tariff_tiers *tiers = component->curve_data;
    bool flat_due = work->billed.e12 > 0 || (work->billed.e12 == 0 && component->flat_at_zero);
    const struct mtr_quantity reached =
        component->has_side_input ? price_input_quantity(work, 1) : work->billed;
    const uint32_t i = find_tier(tiers, reached);
    set_unit_price(work, &tiers->items[i], flat_due);
    return add_tier(pricer, work, i, work->billed, flat_due);
}

void tariff_border_tiers(const struct mtr_component *component, struct tariff_borders *borders)
{
    const struct tariff_tiers *tiers = component->curve_data;
    for (uint32_t i = 0; i < tiers->count; i++)
        if (!tiers->items[i].open_ended) price_add_border(borders, tiers->items[i].bound.at);
}
