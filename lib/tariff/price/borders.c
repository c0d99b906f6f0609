/*
 * Borders of a curve, in quantities of its meter. What does not fit a quantity is left out.
 */
#include "lib/tariff/price/parts.h"

static const struct mtr_quantity one = {(mtr_int128)1000000000000};

struct borders {
    const struct mtr_component *component;
    struct mtr_quantity *out;
    uint32_t count, count_max;
};

/* `billed` is behind free units and conversion: taken back to the meter's quantity, up to the next that
 * reaches it. */
static void add(struct borders *borders, struct mtr_quantity billed)
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
    struct borders borders = {.component = component, .out = out, .count_max = count_max};
    struct mtr_quantity held = {0};
    if (component->has_free_units) add(&borders, (struct mtr_quantity){0});
    if (component->percentage.has_free_amount) add(&borders, component->percentage.free_amount);
    for (uint32_t i = 0; i < component->tier_count; i++)
        if (!component->tiers[i].open_ended) add(&borders, component->tiers[i].up_to);
    for (uint32_t i = 0; i < component->step_count; i++)
        if (!component->steps[i].open_ended) add(&borders, component->steps[i].up_to[0]);
    for (uint32_t i = 0; i < component->block_tier_count; i++) {
        if (component->block_tiers[i].open_ended ||
            mtr_quantity_add(held, component->block_tiers[i].holds, &held))
            break;
        add(&borders, held);
    }
    for (uint32_t i = 1; i < component->increment_count; i++) add(&borders, component->increments[i].from);
    return borders.count;
}
