/*
 * What a line used, and whether that makes a line at all.
 */
#include "lib/tariff/fields.h"
#include "lib/tariff/price/pricer.h"

struct mtr_quantity price_input_quantity(const struct mtr_line_work *work, uint32_t input)
{
    MTR_ASSERT(input < work->component->input_count);
    if (work->inputs) return work->of_earlier ? work->inputs->earlier[input] : work->inputs->quantity[input];
    if (input > 0) return (struct mtr_quantity){0};
    return work->of_earlier ? work->single.earlier : work->single.quantity;
}

/* Whether a line like this came of an earlier part: what is due once per line was due there. */
static bool was_due(struct mtr_pricer *pricer, const struct mtr_line_work *work)
{
    const struct mtr_price_input *input = pricer->input;
    for (uint32_t i = 0; i < work->slice_count; i++)
        if (work->slices[i].earlier.e12 != 0) return true;
    for (uint32_t i = 0; i < input->earlier_count && !input->version->reset; i++)
        if (price_earlier_like(pricer, i, &work->line)) return true;
    return false;
}

/* Use that is not nothing: own, or before this part. What chooses a tier, or counts units beside the
 * amount, is no use by itself. */
static bool has_use(const struct mtr_line_work *work, bool own, bool earlier)
{
    const bool beside = work->component->has_side_input;
    if (beside && (own ? work->single.quantity.e12 : work->single.earlier.e12) == 0) return false;
    for (uint32_t i = 0; i < work->row_count; i++)
        if ((work->rows[i]->earlier ? earlier : own) && work->rows[i]->quantity.e12 != 0) return true;
    return false;
}

/* Use that adds up to nothing makes no line, but events, hours and levels that do have been priced apart. */
static bool is_apart(const struct mtr_line_work *work)
{
    return !tariff_is_whole(work->component->scope) || work->inputs;
}

bool price_makes_line(const struct mtr_line_work *work)
{
    const struct mtr_component *component = work->component;
    if (component->flat_at_zero && component->group_by_count == 0) return true;
    if (work->measured_earlier.e12 + (work->of_earlier ? 0 : work->measured.e12) != 0)
        return true; /* though it may weigh nothing */
    if (is_apart(work)) return has_use(work, !work->of_earlier, true);
    return (work->of_earlier ? work->single.earlier.e12 : work->single.quantity.e12) != 0;
}

void price_decide_due(struct mtr_pricer *pricer, struct mtr_line_work *work)
{
    const struct mtr_component *component = work->component;
    work->due = work->line.quantity.e12 != 0 || work->measured.e12 != 0 ||
                (is_apart(work) && has_use(work, true, false));
    if (!component->flat_at_zero || component->group_by_count) return;
    work->flat_was_due = was_due(pricer, work);
    work->due = work->due || !work->flat_was_due;
}
