/*
 * The trace of a price: steps in the order in which they happened, in the arena of the result. The array doubles when full, so the
 * number of steps is bounded by the arena's own maximum.
 */
#include "rater/price_parts.h"

#include <string.h>

enum { FIRST_STEPS = 16 };

uint32_t mtr_price_next_line(const struct mtr_pricer *pricer)
{
    return pricer->price.line_count;
}

static int grow(struct mtr_pricer *pricer)
{
    uint32_t capacity = pricer->step_capacity ? pricer->step_capacity * 2 : FIRST_STEPS;
    struct mtr_price_step *steps = mtr_arena_calloc(pricer->arena, capacity, sizeof(*steps));
    if (!steps) return MTR_ENOMEM;
    if (pricer->price.step_count) memcpy(steps, pricer->price.steps, pricer->price.step_count * sizeof(*steps));
    pricer->price.steps = steps;
    pricer->step_capacity = capacity;
    return MTR_OK;
}

int mtr_price_trace(struct mtr_pricer *pricer, uint32_t line, const char *part, const char *input, const char *output)
{
    MTR_ASSERT(pricer->with_trace);
    struct mtr_price_step step = {.line = line};
    int rc = pricer->price.step_count == pricer->step_capacity ? grow(pricer) : MTR_OK;
    if (!rc) rc = mtr_arena_copy(pricer->arena, mtr_str_from(part), &step.part);
    if (!rc) rc = mtr_arena_copy(pricer->arena, mtr_str_from(input), &step.input);
    if (!rc) rc = mtr_arena_copy(pricer->arena, mtr_str_from(output), &step.output);
    if (!rc) pricer->price.steps[pricer->price.step_count++] = step;
    return rc;
}
