/*
 * Capacity: one amount for the lowest step that fits the quantities of several meters. The keys of `up_to`
 * name the meters; each step but the last names all of them.
 */
#include "lib/tariff/curve/curve.h"

#include "lib/tariff/report.h"

const struct mtr_field mtr_tariff_capacity_rows[] = {
    {.name = "up_to", .type = MTR_FIELD_LABELS, AT(tariff_capacity_fields, up_to),
     PRESENT(tariff_capacity_fields, has_up_to), .min = 1, .max = MTR_TARIFF_INPUTS_MAX,
     .doc = "meter: the greatest quantity of it that fits, for each meter; the last step has none"},
    {.name = "amount", .type = MTR_FIELD_MONEY, AT(tariff_capacity_fields, amount), .required = true,
     .doc = "what it costs when everything fits here"},
    {0},
};

static const struct tariff_capacity_fields *steps_of(const struct tariff_component_fields *fields)
{
    return fields->capacity.items;
}

/* In the order in which the first step names them. */
static int read_inputs(struct mtr_arena *arena, const struct tariff_component_fields *fields,
                       struct mtr_component *out)
{
    const struct mtr_list *first = &steps_of(fields)->up_to;
    const struct mtr_label *labels = first->items;
    if (!first->count) return MTR_OK;
    out->inputs = mtr_arena_calloc(arena, first->count, sizeof(*out->inputs));
    if (!out->inputs) return MTR_ENOMEM;
    out->input_count = first->count;
    for (uint32_t i = 0; i < first->count; i++) out->inputs[i] = labels[i].name;
    out->meter = out->inputs[0];
    return MTR_OK;
}

static int read_capacity(struct mtr_arena *arena, const struct tariff_component_fields *fields,
                         struct mtr_component *out)
{
    const struct tariff_capacity_fields *from = steps_of(fields);
    int rc = read_inputs(arena, fields, out);
    if (rc) return rc;
    out->step_count = fields->capacity.count;
    out->steps = mtr_arena_calloc(arena, out->step_count, sizeof(*out->steps));
    if (!out->steps) return MTR_ENOMEM;
    for (uint32_t i = 0; i < out->step_count; i++) {
        out->steps[i] =
            (struct mtr_capacity_step){.open_ended = !from[i].has_up_to, .amount = from[i].amount};
        out->steps[i].up_to =
            mtr_arena_calloc(arena, (size_t)out->input_count + 1, sizeof(*out->steps[i].up_to));
        if (!out->steps[i].up_to) return MTR_ENOMEM;
    }
    return MTR_OK;
}

static const struct mtr_node *find_bound(const struct mtr_node *up_to, struct mtr_str meter)
{
    for (uint32_t i = 0; i < up_to->child_count; i++)
        if (mtr_str_equal(up_to->children[i].key, meter)) return &up_to->children[i];
    return NULL;
}

/* Fills the step's bounds: the texts are numbers only if the lint says so. */
static void lint_bounds(const struct mtr_node *node, const struct mtr_component *component,
                        struct mtr_capacity_step *step, struct mtr_diagnostics *findings)
{
    const struct mtr_node *up_to = mtr_node_get(node, "up_to");
    for (uint32_t i = 0; i < component->input_count; i++) {
        const struct mtr_node *bound = find_bound(up_to, component->inputs[i]);
        if (!bound)
            mtr_diagnostics_addf(findings, MTR_SEVERITY_ERROR, up_to->line, up_to->column, "up_to",
                                 "has no bound for `%.*s`: each step names the same meters",
                                 MTR_STR_ARGS(component->inputs[i]));
        else if (mtr_quantity_parse(bound->text, &step->up_to[i]) || step->up_to[i].e12 < 0)
            tariff_error(findings, bound, "up_to",
                         "must be a number that is not negative, of at most 12 digits after the point");
    }
    if (up_to->child_count > component->input_count)
        tariff_error(findings, up_to, "up_to",
                     "names a meter that the first step does not: each step names the same meters");
}

static bool fits_within(const struct mtr_capacity_step *step, const struct mtr_capacity_step *above,
                        uint32_t input_count)
{
    for (uint32_t i = 0; i < input_count; i++)
        if (mtr_quantity_compare(step->up_to[i], above->up_to[i]) > 0) return false;
    return true;
}

static void lint_reach(const struct mtr_node *list, const struct mtr_component *component,
                       struct mtr_diagnostics *findings)
{
    for (uint32_t i = 1; i < component->step_count; i++) {
        const struct mtr_capacity_step *step = &component->steps[i], *above = &component->steps[i - 1];
        const struct mtr_node *node = &list->children[i];
        for (uint32_t j = 0; j < i && !step->open_ended; j++) {
            if (!fits_within(step, &component->steps[j], component->input_count)) continue;
            mtr_diagnostics_addf(findings, MTR_SEVERITY_ERROR, node->line, node->column, "capacity",
                                 "is never reached: whatever fits here fits the step of line %u",
                                 list->children[j].line);
            break;
        }
        if (mtr_money_compare(step->amount, above->amount) >= 0) continue;
        char cost[MTR_DECIMAL_TEXT_BYTES], less[MTR_DECIMAL_TEXT_BYTES];
        mtr_money_format(above->amount, cost);
        mtr_money_format(step->amount, less);
        mtr_diagnostics_addf(findings, MTR_SEVERITY_WARNING, node->line, node->column, "capacity",
                             "more use costs less: what fits the step of line %u costs %s, and this one %s",
                             list->children[i - 1].line, cost, less);
    }
}

static void lint_capacity(const struct mtr_node *list, struct mtr_component *component,
                          struct mtr_diagnostics *findings)
{
    size_t errors_before = findings->errors;
    for (uint32_t i = 0; i < component->step_count; i++) {
        const struct mtr_node *node = &list->children[i];
        struct mtr_capacity_step *step = &component->steps[i];
        bool is_last = i + 1 == component->step_count;
        if (step->amount.e18 < 0)
            tariff_warning(findings, tariff_place(node, "amount"), "amount",
                           "is negative: use pays the customer");
        if (step->open_ended && !is_last)
            tariff_error(findings, node, "up_to",
                         "is missing: without it no use ever reaches the steps below this one");
        if (!step->open_ended && is_last)
            tariff_error(findings, node, "up_to",
                         "use above this step has no price: leave `up_to` out of the last one");
        if (!step->open_ended) lint_bounds(node, component, step, findings);
    }
    if (component->input_count == 0)
        tariff_error(findings, list, "capacity",
                     "names no meter: write `up_to: {METER: QUANTITY}` in its steps");
    for (uint32_t i = 0; i < component->input_count; i++)
        if (!mtr_schema_is_key(component->inputs[i]))
            tariff_error(findings, list, "capacity", "names what cannot be the key of a meter");
    if (findings->errors == errors_before) lint_reach(list, component, findings);
}

const struct tariff_curve mtr_tariff_curve_capacity = {TARIFF_CURVE_KEY(capacity), .has_flats = true,
                                                       .names_meters = true, .read = read_capacity,
                                                       .lint = lint_capacity};
