/*
 * The price function: usage rows sorted into lines, each line through its parts, each component's lines through theirs.
 *
 * Pure and exact; everything it makes lives in the caller's arena. It reads no store, no clock and no global state, and does not know
 * what was billed before: the rater takes differences.
 */
#include "rater/price_parts.h"

#include <stdlib.h>

typedef int line_part(struct mtr_pricer *pricer, struct mtr_line_work *work);
typedef int tariff_part(struct mtr_pricer *pricer);
typedef int component_part(struct mtr_pricer *pricer, const struct mtr_component *component, uint32_t first_line);

static int apply_free_units(struct mtr_pricer *pricer, struct mtr_line_work *work)
{
    const struct mtr_component *component = work->component;
    struct mtr_quantity before = work->billed;
    if (!component->has_free_units || before.e12 <= 0) return MTR_OK;
    int rc = mtr_quantity_sub(before, component->free_units, &work->billed);
    if (rc) return rc;
    if (work->billed.e12 < 0) work->billed = (struct mtr_quantity){0};
    if (!pricer->with_trace) return MTR_OK;
    char input[MTR_DECIMAL_TEXT_BYTES], output[MTR_DECIMAL_TEXT_BYTES];
    mtr_quantity_format(before, input);
    mtr_quantity_format(work->billed, output);
    return mtr_price_trace(pricer, mtr_price_next_line(pricer), "free units", input, output);
}

static int apply_rounding(struct mtr_pricer *pricer, struct mtr_line_work *work)
{
    if (!work->due) return MTR_OK;
    bool is_share = work->component->curve == MTR_CURVE_RECURRING;
    return is_share ? mtr_price_round_share(pricer, &work->line) : mtr_price_round_line(pricer, &work->line);
}

/* The published order (docs/pricing.md). */
static line_part *const line_parts[] = {mtr_price_convert, apply_free_units, mtr_price_curve, mtr_price_adjust, apply_rounding};
static component_part *const component_parts[] = {mtr_price_overage, mtr_price_cap, mtr_price_minimum, mtr_price_true_up};
static tariff_part *const tariff_parts[] = {mtr_price_tariff_overage, mtr_price_tariff_cap, mtr_price_tariff_minimum,
                                            mtr_price_tariff_true_up, mtr_price_total};

static int price_line(struct mtr_pricer *pricer, const struct mtr_component *component, struct mtr_str dimensions,
                      struct mtr_quantity quantity)
{
    bool due = quantity.e12 != 0 || component->curve == MTR_CURVE_RECURRING || (component->flat_at_zero && component->group_by_count == 0);
    if (!due) return MTR_OK;
    struct mtr_line_work work = {
        .component = component,
        .billed = quantity,
        .due = true,
        .line = {.component = component->key, .dimensions = dimensions, .kind = MTR_STR("usage"), .quantity = quantity},
    };
    for (size_t i = 0; i < sizeof(line_parts) / sizeof(line_parts[0]); i++) {
        int rc = line_parts[i](pricer, &work);
        if (rc) return rc;
    }
    return work.due ? mtr_price_add_line(pricer, &work.line) : MTR_OK;
}

static int compare_rows(const struct mtr_usage_row *a, const struct mtr_usage_row *b)
{
    if (a->component != b->component) return a->component < b->component ? -1 : 1;
    return mtr_str_compare(a->dimensions, b->dimensions);
}

static int compare_row_pointers(const void *a, const void *b)
{
    return compare_rows(*(const struct mtr_usage_row *const *)a, *(const struct mtr_usage_row *const *)b);
}

static int sort_usage(const struct mtr_price_input *input, struct mtr_arena *arena, const struct mtr_usage_row ***out)
{
    const struct mtr_usage_row **rows = mtr_arena_calloc(arena, (size_t)input->usage_count + 1, sizeof(*rows)); /* ends with NULL */
    bool sorted = true;
    if (!rows) return MTR_ENOMEM;
    for (uint32_t i = 0; i < input->usage_count; i++) {
        MTR_ASSERT(input->usage[i].component < input->version->component_count);
        rows[i] = &input->usage[i];
        sorted = sorted && (i == 0 || compare_rows(rows[i - 1], rows[i]) <= 0);
    }
    if (!sorted) qsort(rows, input->usage_count, sizeof(*rows), compare_row_pointers);
    *out = rows;
    return MTR_OK;
}

/* Prices the rows of one component; *rows is left at the first row of the next. */
static int price_component(struct mtr_pricer *pricer, uint32_t index, const struct mtr_usage_row ***rows)
{
    const struct mtr_component *component = &pricer->input->version->components[index];
    const struct mtr_usage_row **row = *rows;
    uint32_t first_line = pricer->price.line_count;
    int rc = MTR_OK;
    if (!*row || (*row)->component != index) rc = price_line(pricer, component, MTR_STR(""), (struct mtr_quantity){0});
    while (!rc && *row && (*row)->component == index) {
        const struct mtr_usage_row *first = *row;
        struct mtr_quantity quantity = first->quantity;
        MTR_ASSERT(component->curve != MTR_CURVE_RECURRING); /* a fee has no meter */
        for (row++; !rc && *row && compare_rows(first, *row) == 0; row++) rc = mtr_quantity_add(quantity, (*row)->quantity, &quantity);
        if (!rc) rc = price_line(pricer, component, first->dimensions, quantity);
    }
    for (size_t i = 0; !rc && i < sizeof(component_parts) / sizeof(component_parts[0]); i++)
        rc = component_parts[i](pricer, component, first_line);
    *rows = row;
    return rc;
}

int mtr_price(const struct mtr_price_input *input, bool with_trace, struct mtr_arena *arena, struct mtr_price *out)
{
    struct mtr_pricer pricer = {.input = input, .arena = arena, .with_trace = with_trace};
    const struct mtr_usage_row **rows;
    int rc = sort_usage(input, arena, &rows);
    if (rc) return rc;
    /* per component: a line without rows, an overage, a minimum, a true-up; and the last three of the tariff */
    pricer.line_capacity = input->usage_count + 4 * input->version->component_count + 3;
    pricer.price.lines = mtr_arena_calloc(arena, pricer.line_capacity, sizeof(*pricer.price.lines));
    if (!pricer.price.lines) return MTR_ENOMEM;
    for (uint32_t i = 0; !rc && i < input->version->component_count; i++) rc = price_component(&pricer, i, &rows);
    for (size_t i = 0; !rc && i < sizeof(tariff_parts) / sizeof(tariff_parts[0]); i++) rc = tariff_parts[i](&pricer);
    if (!rc) *out = pricer.price;
    return rc;
}
