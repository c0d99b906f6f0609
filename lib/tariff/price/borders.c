/*
 * Borders of a component's price, in quantities of its meter: the curve's own are taken back through the
 * parts before it. What does not fit a quantity is left out.
 */
#include "lib/tariff/curve/curve.h"
#include "lib/tariff/part/part.h"
#include "lib/tariff/price/pricer.h"

struct tariff_borders {
    const struct mtr_component *component;
    struct mtr_quantity *out;
    uint32_t count, count_max;
};

void price_add_border(struct tariff_borders *borders, struct mtr_quantity billed)
{
    struct mtr_quantity quantity = billed;
    for (uint32_t i = TARIFF_PART_COUNT; i-- > 0;) { /* from the curve back to the meter */
        const void *own = borders->component->parts[i];
        const struct tariff_part *part = tariff_keyed_parts[i];
        if (own && part->take_back && part->take_back(own, &quantity)) return;
    }
    bool follows =
        borders->count == 0 || mtr_quantity_compare(borders->out[borders->count - 1], quantity) < 0;
    if (quantity.e12 > 0 && follows && borders->count < borders->count_max)
        borders->out[borders->count++] = quantity;
}

uint32_t mtr_price_borders(const struct mtr_component *component, struct mtr_quantity *out,
                           uint32_t count_max)
{
    struct tariff_borders borders = {.component = component, .out = out, .count_max = count_max};
    for (uint32_t i = 0; i < TARIFF_PART_COUNT; i++)
        if (component->parts[i] && tariff_keyed_parts[i]->has_border)
            price_add_border(&borders, (struct mtr_quantity){0});
    if (component->curve->borders) component->curve->borders(component, &borders);
    return borders.count;
}
