/*
 * The price function: usage rows sorted into lines, each line through its parts, each component's lines
 * through theirs. The orders of parts stand in part/table.h.
 *
 * Pure and exact; everything it makes lives in the caller's arena. It reads no store, no clock and no global
 * state, and does not know what was billed before: the rater takes differences.
 */
#include "meterd/tariff/price.h"

#include <stdlib.h>

#include "lib/tariff/curve/curve.h"
#include "lib/tariff/part/part.h"
#include "lib/tariff/price/pricer.h"
#include "meterd/share/work_limit.h"

/* The use of a line as its curve wants it, and whether the line is due. */
static int take_use(struct mtr_pricer *pricer, struct mtr_line_work *work)
{
    const struct tariff_curve *curve = work->component->curve;
    int rc = curve->select ? curve->select(pricer, work) : MTR_OK;
    if (!rc && work->row_count && mtr_component_has_masks(work->component)) rc = price_masks(pricer, work);
    return rc ? rc : price_slices(pricer, work);
}

/* What leads to no line is not shown: whether it does is found out before, without a trace. */
static int is_due(struct mtr_pricer *pricer, const struct mtr_line_work *work, bool *due)
{
    const bool with_trace = pricer->with_trace;
    struct mtr_line_work silent = *work;
    pricer->with_trace = false;
    int rc = take_use(pricer, &silent);
    pricer->with_trace = with_trace;
    *due = silent.due;
    return rc;
}

static int price_of_use(struct mtr_pricer *pricer, struct mtr_line_work *work)
{
    bool shown = true;
    int rc = pricer->with_trace ? is_due(pricer, work, &shown) : MTR_OK;
    if (rc || !shown) return rc;
    rc = take_use(pricer, work);
    return rc || !work->due ? rc : price_use(pricer, work);
}

static int price_line(struct mtr_pricer *pricer, const struct mtr_component *component,
                      const struct mtr_usage_row *const *rows, uint32_t row_count)
{
    struct mtr_line_work work = {
        .component = component, .priced = component, .rows = rows, .row_count = row_count};
    pricer->line_rows = rows;
    pricer->line_row_count = row_count;
    work.line.component = component->key;
    work.line.dimensions = row_count ? rows[0]->dimensions : MTR_STR("");
    work.line.kind = MTR_STR("usage");
    int rc = component->curve->price_fee ? component->curve->price_fee(pricer, &work)
                                         : price_of_use(pricer, &work);
    if (rc || !work.due) return rc;
    rc = price_round_line(pricer, &work.line);
    return rc ? rc : price_add_line(pricer, &work.line);
}

/* Events of one time are in order of their quantities, so that it does not matter in which they came. */
static int compare_rows(const struct mtr_usage_row *a, const struct mtr_usage_row *b)
{
    if (a->component != b->component) return a->component < b->component ? -1 : 1;
    int order = mtr_str_compare(a->dimensions, b->dimensions);
    if (order) return order;
    if (a->input != b->input) return a->input < b->input ? -1 : 1;
    if (a->time_us != b->time_us) return a->time_us < b->time_us ? -1 : 1;
    if (a->until_us != b->until_us) return a->until_us < b->until_us ? -1 : 1;
    return mtr_quantity_compare(a->quantity, b->quantity);
}

static int compare_row_pointers(const void *a, const void *b)
{
    return compare_rows(*(const struct mtr_usage_row *const *)a, *(const struct mtr_usage_row *const *)b);
}

static bool same_line(const struct mtr_usage_row *a, const struct mtr_usage_row *b)
{
    return a->component == b->component && mtr_str_equal(a->dimensions, b->dimensions);
}

static int sort_usage(const struct mtr_price_input *input, struct mtr_arena *arena,
                      const struct mtr_usage_row ***out)
{
    const struct mtr_usage_row **rows =
        mtr_arena_calloc(arena, (size_t)input->usage_count + 1, sizeof(*rows)); /* ends with NULL */
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

static int add_others(struct mtr_pricer *pricer, const struct mtr_price_others *others)
{
    int rc = MTR_OK;
    for (unsigned i = 0; !rc && i < MTR_PRICE_SIGNS; i++) rc = price_add_rest(pricer, &others->lines[i]);
    return rc;
}

/* Prices the rows of one component; *rows is left at the first row of the next. */
static int price_component(struct mtr_pricer *pricer, uint32_t index, const struct mtr_usage_row ***rows)
{
    const struct mtr_component *component = &pricer->input->version->components[index];
    const struct mtr_usage_row **row = *rows;
    uint32_t first_line = pricer->price.line_count;
    int rc = MTR_OK;
    const struct mtr_price_rest *rest = pricer->input->rest ? &pricer->input->rest[index] : NULL;
    const bool has_rows = *row && (*row)->component == index;
    if (pricer->input->only_of_usage && !component->group_by_count && !rest) return MTR_OK;
    pricer->component = component;
    if (rest) rc = add_others(pricer, &rest->before);
    if (!rc && rest) rc = price_draw_of_others(pricer, component, &rest->before.drawings, false);
    if (!rc && !has_rows && !pricer->input->only_of_usage) rc = price_line(pricer, component, NULL, 0);
    while (!rc && *row && (*row)->component == index) {
        const struct mtr_usage_row **first = row;
        MTR_ASSERT(!component->curve->without_use); /* a fee has no meter */
        while (*row && same_line(*first, *row)) row++;
        rc = price_line(pricer, component, first, (uint32_t)(row - first));
    }
    if (!rc && rest) rc = price_draw_of_others(pricer, component, &rest->behind.drawings, true);
    if (!rc && rest) rc = add_others(pricer, &rest->behind);
    if (rc) return rc;
    pricer->line_row_count = 0;
    for (const struct tariff_part *const *part = tariff_component_parts;
         !rc && component->has_parts && *part; part++)
        if ((*part)->apply_to_component) rc = (*part)->apply_to_component(pricer, component, first_line);
    if (rc) return rc;
    pricer->component = NULL;
    *rows = row;
    return MTR_OK;
}

/* Per component: a line without rows, an overage, a minimum, a true-up; and the last three of the tariff, one
 * of the account, three of the term; one for each pool; and a minimum of each line, where there is such a
 * thing. */
static uint32_t lines_max(const struct mtr_price_input *input)
{
    const struct mtr_tariff_version *version = input->version;
    uint32_t count = input->usage_count + 4 * version->component_count + 7 + input->pool_count;
    for (uint32_t i = 0; input->rest && i < version->component_count; i++)
        count += 2 * (MTR_PRICE_SIGNS + input->rest[i].minimum_count);
    bool has_line_minimum = false;
    for (uint32_t i = 0; input->closing && !has_line_minimum && i < version->component_count; i++)
        has_line_minimum = TARIFF_PART_OF(&version->components[i], line_minimum);
    if (!has_line_minimum) return count;
    for (uint32_t i = 0; i < input->earlier_count; i++) count += input->earlier[i]->line_count;
    return count + input->usage_count;
}

/* *failed: how far a price came that is none. */
static int price(const struct mtr_price_input *input, bool with_trace, struct mtr_arena *arena,
                 struct mtr_price *out, struct mtr_pricer *failed)
{
    struct mtr_pricer pricer = {
        .input = input, .arena = arena, .with_trace = with_trace, .rounding = price_rounding_of(input)};
    const struct mtr_usage_row **rows;
    int rc = sort_usage(input, arena, &rows);
    if (rc) return rc;
    pricer.line_capacity = lines_max(input);
    pricer.price.lines = mtr_arena_alloc(arena, pricer.line_capacity *
                                                    sizeof(*pricer.price.lines)); /* each is written whole */
    if (!pricer.price.lines) return MTR_ENOMEM;
    pricer.price.ratio = price_ratio_of(input);
    if (input->earlier_count)
        pricer.ranges = mtr_arena_calloc(arena, input->earlier_count, sizeof(*pricer.ranges));
    if (input->earlier_count && !pricer.ranges) return MTR_ENOMEM;
    if (input->pool_count) rc = price_open_pools(&pricer);
    for (uint32_t i = 0; !rc && i < input->version->component_count; i++)
        rc = mtr_work_goes_on() ? price_component(&pricer, i, &rows) : MTR_ETIMEDOUT;
    for (const struct tariff_part *const *part = tariff_whole_parts; !rc && *part; part++)
        rc = (*part)->apply_to_tariff(&pricer);
    if (!rc) *out = pricer.price;
    else *failed = pricer;
    return rc;
}

/* Found out when it has failed, by pricing once more with a trace, so that pricing pays nothing for it. */
static int explain_range(const struct mtr_pricer *failed, struct mtr_str *out)
{
    struct mtr_price_last_step last = {.line = failed->price.line_count, .text = ""};
    struct mtr_price_input traced = *failed->input;
    struct mtr_price none;
    struct mtr_pricer again = {.input = &traced};
    traced.on_step = price_keep_step;
    traced.step_context = &last;
    int rc = price(&traced, true, failed->arena, &none, &again);
    MTR_ASSERT(rc); /* pricing is a function */
    return price_explain_range(failed, &last, out);
}

int mtr_price(const struct mtr_price_input *input, bool with_trace, struct mtr_arena *arena,
              struct mtr_price *out)
{
    struct mtr_pricer failed = {.input = input, .arena = arena};
    out->problem = MTR_STR("");
    int rc = price(input, with_trace, arena, out, &failed);
    if (rc != MTR_EOVERFLOW) return rc;
    rc = explain_range(&failed, &out->problem);
    return rc ? rc : MTR_EOVERFLOW;
}
