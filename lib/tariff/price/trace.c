/*
 * The trace of a price: steps in the order in which they happened, handed to the input's hook, or kept in the
 * arena of the result. The array doubles when full, so the number of steps is bounded by the arena's own
 * maximum.
 */
#include "lib/tariff/price/pricer.h"

uint32_t price_next_line(const struct mtr_pricer *pricer)
{
    return pricer->price.line_count;
}

int price_trace(struct mtr_pricer *pricer, uint32_t line, const char *part, const char *input,
                const char *output)
{
    MTR_ASSERT(pricer->with_trace);
    struct mtr_price_step step = {.line = line};
    if (pricer->input->on_step) {
        step.part = mtr_str_from(part);
        step.input = mtr_str_from(input);
        step.output = mtr_str_from(output);
        return pricer->input->on_step(pricer->input->step_context, &step);
    }
    int rc = mtr_arena_make_room(pricer->arena, (void **)&pricer->price.steps, pricer->price.step_count,
                                 &pricer->step_capacity, sizeof(step));
    if (!rc) rc = mtr_arena_copy(pricer->arena, mtr_str_from(part), &step.part);
    if (!rc) rc = mtr_arena_copy(pricer->arena, mtr_str_from(input), &step.input);
    if (!rc) rc = mtr_arena_copy(pricer->arena, mtr_str_from(output), &step.output);
    if (!rc) pricer->price.steps[pricer->price.step_count++] = step;
    return rc;
}
