/*
 * Capacity: one amount for the lowest step that fits the quantities of all meters of the component.
 */
#include "lib/tariff/price/parts.h"

#include <stdio.h>

static bool fits(const struct mtr_line_work *work, const struct mtr_capacity_step *step)
{
    for (uint32_t i = 0; i < work->component->input_count; i++)
        if (mtr_quantity_compare(price_input_quantity(work, i), step->up_to[i]) > 0) return false;
    return true;
}

static bool is_used(const struct mtr_line_work *work)
{
    bool negative = false;
    for (uint32_t i = 0; i < work->component->input_count; i++) {
        const struct mtr_quantity quantity = price_input_quantity(work, i);
        if (quantity.e12 > 0) return true;
        negative = negative || quantity.e12 < 0;
    }
    return !negative && work->component->flat_at_zero;
}

/* "cpu=2 memory=4", as far as it has room. */
static void write_inputs(const struct mtr_line_work *work, char *text, size_t size)
{
    size_t used = 0;
    for (uint32_t i = 0; i < work->component->input_count && used < size; i++) {
        char quantity[MTR_DECIMAL_TEXT_BYTES];
        mtr_quantity_format(price_input_quantity(work, i), quantity);
        used += (size_t)snprintf(text + used, size - used, "%s%.*s=%s", i ? " " : "",
                                 MTR_STR_ARGS(work->component->inputs[i]), quantity);
    }
}

int price_capacity(struct mtr_pricer *pricer, struct mtr_line_work *work)
{
    enum { INPUT_TEXT_BYTES = MTR_TARIFF_INPUTS_MAX * (64 + 2 + MTR_DECIMAL_TEXT_BYTES) };
    const struct mtr_component *component = work->component;
    uint32_t step = 0;
    if (!is_used(work)) return MTR_OK;
    while (!component->steps[step].open_ended && !fits(work, &component->steps[step])) {
        step++;
        MTR_ASSERT(step < component->step_count); /* the last step fits everything */
    }
    work->line.exact = mtr_exact_from_money(component->steps[step].amount);
    if (!pricer->with_trace) return MTR_OK;
    char name[64], input[INPUT_TEXT_BYTES], output[MTR_DECIMAL_TEXT_BYTES];
    write_inputs(work, input, sizeof(input));
    mtr_exact_format(work->line.exact, output);
    snprintf(name, sizeof(name), "capacity, step %u of %u", step + 1, component->step_count);
    return price_trace(pricer, price_next_line(pricer), name, input, output);
}
