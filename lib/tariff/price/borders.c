/*
 * Borders of a component's price, in quantities of its meter: the curve's own are taken back through free
 * units and conversion. What does not fit a quantity is left out.
 */
#include "lib/tariff/curve/curve.h"
#include "lib/tariff/price/parts.h"

static const struct mtr_quantity one = {(mtr_int128)1000000000000};

struct tariff_borders {
    const struct mtr_component *component;
    struct mtr_quantity *out;
    uint32_t count, count_max;
};

/* Up to the next quantity of the meter that reaches it. */
void price_add_border(struct tariff_borders *borders, struct mtr_quantity billed)
{
    const struct mtr_component *component = borders->component;
    const struct mtr_convert *convert = &component->convert;
    struct mtr_quantity quantity = billed;
    if (component->has_free_units && mtr_quantity_add(quantity, component->free_units, &quantity)) return;
    if (convert->given && convert->has_step &&
        mtr_quantity_scale(quantity, one, convert->step, MTR_QUANTITY_DIGITS, MTR_ROUND_UP, &quantity))
        return;
    if (convert->given && mtr_quantity_scale(quantity, convert->denominator, convert->numerator,
                                             MTR_QUANTITY_DIGITS, MTR_ROUND_UP, &quantity))
        return;
    bool follows =
        borders->count == 0 || mtr_quantity_compare(borders->out[borders->count - 1], quantity) < 0;
    if (quantity.e12 > 0 && follows && borders->count < borders->count_max)
        borders->out[borders->count++] = quantity;
}

uint32_t mtr_price_borders(const struct mtr_component *component, struct mtr_quantity *out,
                           uint32_t count_max)
{
    struct tariff_borders borders = {.component = component, .out = out, .count_max = count_max};
    if (component->has_free_units) price_add_border(&borders, (struct mtr_quantity){0});
    if (component->curve->borders) component->curve->borders(component, &borders);
    return borders.count;
}
