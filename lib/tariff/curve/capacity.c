/*
 * Capacity: one amount for the lowest step that fits the quantities of several meters. The keys of `up_to`
 * and `below` name the meters; each step but the last names all of them, each in one of the two.
 */
#include "lib/tariff/curve/bound.h"
#include "lib/tariff/curve/curve.h"

#include <stdio.h>

#include "lib/tariff/price/pricer.h"
#include "lib/tariff/report.h"

struct step_fields {
    bool has_up_to, has_below;
    struct mtr_list up_to, below; /* of struct mtr_label */
    struct mtr_money amount;
};

struct capacity_fields {
    struct mtr_list steps; /* of step_fields */
};

struct capacity_step {
    bool open_ended;             /* the last */
    struct tariff_bound *bounds; /* one per input */
    struct mtr_money amount;
};

struct capacity {
    struct capacity_step *steps;
    uint32_t step_count;
};

static const struct mtr_field rows[] = {
    {.name = "up_to", .type = MTR_FIELD_LABELS, AT(step_fields, up_to), PRESENT(step_fields, has_up_to),
     .min = 1, .max = MTR_TARIFF_INPUTS_MAX,
     .doc = "meter: the greatest quantity of it that fits, for each meter; the last step has none"},
    {.name = "below", .type = MTR_FIELD_LABELS, AT(step_fields, below), PRESENT(step_fields, has_below),
     .min = 1, .max = MTR_TARIFF_INPUTS_MAX,
     .doc = "meter: instead of up_to, the quantity of it that fits no more"},
    {.name = "amount", .type = MTR_FIELD_MONEY, AT(step_fields, amount), .required = true,
     .doc = "what it costs when everything fits here"},
    {0},
};

/* ---- reading ---- */

static void name_inputs(const struct mtr_list *bounds, struct mtr_component *out)
{
    const struct mtr_label *labels = bounds->items;
    for (uint32_t i = 0; i < bounds->count; i++) out->inputs[out->input_count++] = labels[i].name;
}

/* In the order in which the first step names them. */
static int read_inputs(struct mtr_arena *arena, const struct step_fields *first, struct mtr_component *out)
{
    const uint32_t count = first->up_to.count + first->below.count;
    if (!count) return MTR_OK;
    out->inputs = mtr_arena_calloc(arena, count, sizeof(*out->inputs));
    if (!out->inputs) return MTR_ENOMEM;
    name_inputs(&first->up_to, out);
    name_inputs(&first->below, out);
    out->meter = out->inputs[0];
    return MTR_OK;
}

static int read_capacity(struct mtr_arena *arena, const void *fields, struct mtr_component *out)
{
    const struct mtr_list *list = &((const struct capacity_fields *)fields)->steps;
    const struct step_fields *from = list->items;
    int rc = read_inputs(arena, from, out);
    if (rc) return rc;
    struct capacity *capacity = mtr_arena_calloc(arena, 1, sizeof(*capacity));
    if (!capacity) return MTR_ENOMEM;
    capacity->step_count = list->count;
    capacity->steps = mtr_arena_calloc(arena, list->count, sizeof(*capacity->steps));
    if (!capacity->steps) return MTR_ENOMEM;
    for (uint32_t i = 0; i < list->count; i++) {
        struct capacity_step *step = &capacity->steps[i];
        *step = (struct capacity_step){.open_ended = !from[i].has_up_to && !from[i].has_below,
                                       .amount = from[i].amount};
        step->bounds = mtr_arena_calloc(arena, (size_t)out->input_count + 1, sizeof(*step->bounds));
        if (!step->bounds) return MTR_ENOMEM;
    }
    out->curve_data = capacity;
    return MTR_OK;
}

/* ---- findings ---- */

static void lint_beside(const struct mtr_node *node, const struct tariff_component_fields *fields,
                        struct mtr_diagnostics *findings)
{
    tariff_forbid(findings, MTR_FINDING_TARIFF_FIELD_OTHER_CURVE, node, fields->has_meter, "meter",
                  "the keys of `up_to` and `below` name the meters: remove meter");
    tariff_forbid(findings, MTR_FINDING_TARIFF_FIELD_OTHER_CURVE, node, TARIFF_PART_OF(fields, free_units),
                  "free_units", "there is no one meter whose units could be free: raise the bounds instead");
    tariff_forbid(
        findings, MTR_FINDING_TARIFF_FIELD_OTHER_CURVE, node, TARIFF_PART_OF(fields, convert), "convert",
        "there is no one meter whose units it could convert: write the bounds in the meters' units");
    tariff_forbid(findings, MTR_FINDING_TARIFF_FIELD_OTHER_CURVE, node,
                  fields->scope != MTR_CURVE_SCOPE_PERIOD, "scope",
                  "a capacity is of the whole period: remove the scope");
    tariff_forbid(findings, MTR_FINDING_TARIFF_FIELD_OTHER_CURVE, node, fields->unit.size, "unit",
                  "there is no one meter that it could be the unit of: remove unit");
    tariff_forbid(findings, MTR_FINDING_TARIFF_FIELD_OTHER_CURVE, node, fields->when, "when",
                  "a capacity is of the whole period: remove when");
    tariff_forbid(findings, MTR_FINDING_TARIFF_FIELD_OTHER_CURVE, node, fields->has_weights, "weights",
                  "a capacity is of the whole period: remove weights");
}

static const struct mtr_node *find_bound(const struct mtr_node *bounds, struct mtr_str meter)
{
    for (uint32_t i = 0; bounds && i < bounds->child_count; i++)
        if (mtr_str_equal(bounds->children[i].key, meter)) return &bounds->children[i];
    return NULL;
}

static void lint_bound(const struct mtr_node *node, struct mtr_str meter, struct tariff_bound *out,
                       struct mtr_diagnostics *findings)
{
    const struct mtr_node *up_to = find_bound(mtr_node_get(node, "up_to"), meter),
                          *below = find_bound(mtr_node_get(node, "below"), meter);
    const struct mtr_node *bound = up_to ? up_to : below, *any = tariff_place(node, "up_to");
    const char *key = up_to ? "up_to" : "below";
    int rc = MTR_OK;
    out->is_below = !up_to;
    if (!bound)
        mtr_diagnostics_addf(findings, MTR_FINDING_TARIFF_CAPACITY_METERS, any->line, any->column, "up_to",
                             "has no bound for `%.*s%s`: each step names the same meters",
                             MTR_STR_QUOTED(meter));
    else if ((rc = mtr_quantity_parse(bound->text, &out->at)) != MTR_OK || out->at.e12 < 0)
        tariff_number_error(findings, bound, key, rc, false,
                            "must be a number that is not negative, of at most 12 digits after the point");
    else if (out->is_below && out->at.e12 == 0)
        tariff_report(findings, MTR_FINDING_TARIFF_NUMBER_NOT_POSITIVE, bound, key,
                      "must be more than 0: nothing is below it");
    if (up_to && below)
        tariff_report(findings, MTR_FINDING_TARIFF_FIELD_CONFLICT, below, "below",
                      "stands instead of up_to: a meter has one bound in a step");
}

/* Fills the step's bounds: the texts are numbers only if the lint says so. */
static void lint_bounds(const struct mtr_node *node, const struct mtr_component *component,
                        struct capacity_step *step, struct mtr_diagnostics *findings)
{
    const struct mtr_node *up_to = mtr_node_get(node, "up_to"), *below = mtr_node_get(node, "below");
    const uint32_t count = (up_to ? up_to->child_count : 0) + (below ? below->child_count : 0);
    for (uint32_t i = 0; i < component->input_count; i++)
        lint_bound(node, component->inputs[i], &step->bounds[i], findings);
    if (count > component->input_count)
        tariff_report(findings, MTR_FINDING_TARIFF_CAPACITY_METERS, up_to ? up_to : below,
                      up_to ? "up_to" : "below",
                      "names a meter that the first step does not: each step names the same meters");
    if (count > MTR_TARIFF_INPUTS_MAX)
        mtr_diagnostics_addf(findings, MTR_FINDING_TARIFF_CAPACITY_METERS, node->line, node->column,
                             "capacity", "names more than %d meters", MTR_TARIFF_INPUTS_MAX);
}

static bool fits_within(const struct capacity_step *step, const struct capacity_step *above,
                        uint32_t input_count)
{
    for (uint32_t i = 0; i < input_count; i++)
        if (!tariff_bound_within(step->bounds[i], above->bounds[i])) return false;
    return true;
}

static void lint_reach(const struct mtr_node *list, const struct mtr_component *component,
                       struct mtr_diagnostics *findings)
{
    const struct capacity *capacity = component->curve_data;
    for (uint32_t i = 1; i < capacity->step_count; i++) {
        const struct capacity_step *step = &capacity->steps[i], *above = &capacity->steps[i - 1];
        const struct mtr_node *node = &list->children[i];
        for (uint32_t j = 0; j < i && !step->open_ended; j++) {
            if (!fits_within(step, &capacity->steps[j], component->input_count)) continue;
            mtr_diagnostics_addf(findings, MTR_FINDING_TARIFF_TIERS_UNREACHABLE, node->line, node->column,
                                 "capacity", "is never reached: whatever fits here fits the step of line %u",
                                 list->children[j].line);
            break;
        }
        if (mtr_money_compare(step->amount, above->amount) >= 0) continue;
        char cost[MTR_DECIMAL_TEXT_BYTES], less[MTR_DECIMAL_TEXT_BYTES];
        mtr_money_format(above->amount, cost);
        mtr_money_format(step->amount, less);
        mtr_diagnostics_addf(findings, MTR_FINDING_TARIFF_PRICE_FALLS, node->line, node->column, "capacity",
                             "more use costs less: what fits the step of line %u costs %s, and this one %s",
                             list->children[i - 1].line, cost, less);
    }
}

static void lint_capacity(const struct mtr_node *list, struct mtr_component *component,
                          struct mtr_diagnostics *findings)
{
    const struct capacity *capacity = component->curve_data;
    size_t errors_before = findings->errors;
    for (uint32_t i = 0; i < capacity->step_count; i++) {
        const struct mtr_node *node = &list->children[i];
        struct capacity_step *step = &capacity->steps[i];
        bool is_last = i + 1 == capacity->step_count;
        if (step->amount.e18 < 0)
            tariff_report(findings, MTR_FINDING_TARIFF_PRICE_NEGATIVE, tariff_place(node, "amount"), "amount",
                          "is negative: use pays the customer");
        if (step->open_ended && !is_last)
            tariff_report(findings, MTR_FINDING_TARIFF_TIERS_UNREACHABLE, node, "up_to",
                          "is missing: without it no use ever reaches the steps below this one");
        if (!step->open_ended && is_last)
            tariff_report(findings, MTR_FINDING_TARIFF_TIERS_GAP, node, "up_to",
                          "use above this step has no price: leave its bounds out of the last one");
        if (!step->open_ended) lint_bounds(node, component, step, findings);
    }
    if (component->input_count == 0)
        tariff_report(findings, MTR_FINDING_TARIFF_CAPACITY_METERS, list, "capacity",
                      "names no meter: write `up_to: {METER: QUANTITY}` in its steps");
    for (uint32_t i = 0; i < component->input_count; i++)
        if (!mtr_schema_is_name(component->inputs[i]))
            tariff_report(findings, MTR_FINDING_TARIFF_CAPACITY_METERS, list, "capacity",
                          "names what cannot be the key of a meter");
    if (findings->errors == errors_before) lint_reach(list, component, findings);
}

/* ---- price ---- */

static bool fits(const struct mtr_line_work *work, const struct capacity_step *step)
{
    for (uint32_t i = 0; i < work->component->input_count; i++)
        if (!tariff_bound_holds(step->bounds[i], price_input_quantity(work, i))) return false;
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

static int trace_step(struct mtr_pricer *pricer, const struct mtr_line_work *work, uint32_t step)
{
    enum { INPUT_TEXT_BYTES = MTR_TARIFF_INPUTS_MAX * (64 + 2 + MTR_DECIMAL_TEXT_BYTES) };
    const struct capacity *capacity = work->priced->curve_data;
    char name[64], input[INPUT_TEXT_BYTES], output[MTR_DECIMAL_TEXT_BYTES];
    write_inputs(work, input, sizeof(input));
    mtr_exact_format(work->line.exact, output);
    snprintf(name, sizeof(name), "capacity, step %u of %u", step + 1, capacity->step_count);
    return price_trace(pricer, price_next_line(pricer), name, input, output);
}

static int price_capacity(struct mtr_pricer *pricer, struct mtr_line_work *work)
{
    const struct capacity *capacity = work->priced->curve_data;
    uint32_t step = 0;
    if (!is_used(work)) return MTR_OK;
    while (!capacity->steps[step].open_ended && !fits(work, &capacity->steps[step])) {
        step++;
        MTR_ASSERT(step < capacity->step_count); /* the last step fits everything */
    }
    work->line.exact = mtr_exact_from_money(capacity->steps[step].amount);
    return pricer->with_trace ? trace_step(pricer, work, step) : MTR_OK;
}

/* Of the first meter. */
static void add_borders(const struct mtr_component *component, struct tariff_borders *borders)
{
    const struct capacity *capacity = component->curve_data;
    for (uint32_t i = 0; i < capacity->step_count; i++)
        if (!capacity->steps[i].open_ended) price_add_border(borders, capacity->steps[i].bounds[0].at);
}

const struct tariff_curve tariff_curve_capacity = {
    .row = {.name = "capacity", .type = MTR_FIELD_LIST, AT(capacity_fields, steps),
            .own_size = sizeof(struct capacity_fields), .min = 1, .max = MTR_TARIFF_TIERS_MAX,
            .fields = rows, .item_size = sizeof(struct step_fields),
            .doc = "curve: one amount for the lowest step that fits the quantities of several meters"},
    .has_flats = true,
    .names_meters = true,
    .read = read_capacity,
    .lint = lint_capacity,
    .lint_beside = lint_beside,
    .price = price_capacity,
    .borders = add_borders,
};
