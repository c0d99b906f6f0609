/*
 * The minimum of each line: the least amount of every combination of dimensions that is used in the period.
 * What is missing when the period closes is a line of its own with the same dimensions, before the limits of
 * the component, which count it.
 *
 * A period in parts has one minimum for each of its lines: the last part adds it, for lines of earlier parts
 * alone, too. Use that adds up to nothing over the parts has no line, and no minimum.
 */
#include "lib/tariff/curve/curve.h"
#include "lib/tariff/part/limits.h"
#include "lib/tariff/price/pricer.h"
#include "lib/tariff/report.h"

struct line_minimum {
    struct mtr_money amount;
};

static void lint_line_minimum(const struct mtr_node *node, const struct mtr_tariff_document *tariff,
                              struct mtr_component *component, struct mtr_diagnostics *findings)
{
    const struct line_minimum *own = TARIFF_PART_OF(component, line_minimum);
    const struct tariff_cap *cap = TARIFF_PART_OF(component, cap);
    tariff_lint_limit(node, "line_minimum", tariff, own->amount, findings);
    if (cap && mtr_money_compare(own->amount, cap->amount) > 0)
        tariff_report(findings, MTR_FINDING_TARIFF_LIMITS_CROSSED, tariff_place(node, "line_minimum"),
                      "line_minimum", "is more than the cap");
    if (component->group_by_count == 0)
        tariff_report(findings, MTR_FINDING_TARIFF_GROUP_BY_MISSING, tariff_place(node, "line_minimum"),
                      "line_minimum",
                      "is of each line of a `group_by`, and this component has one line: write `minimum`");
}

/* What a line and its like in earlier parts come to. */
struct line_sum {
    struct mtr_exact amount;
    struct mtr_quantity quantity;
};

static int add_line(const struct mtr_pricer *pricer, const struct mtr_price_line *line, struct line_sum *sum)
{
    struct mtr_exact value;
    int rc = price_line_value(pricer, line, MTR_PRICE_BEFORE_CAP, &value);
    if (!rc) rc = mtr_exact_add(sum->amount, value, &sum->amount);
    return rc ? rc : mtr_quantity_add(sum->quantity, line->quantity, &sum->quantity);
}

/* Events, hours, days, levels and several meters make a line of whatever was used, though it adds up to
 * nothing. */
static bool makes_line(const struct mtr_component *component, const struct line_sum *sum)
{
    return sum->quantity.e12 != 0 || !tariff_is_whole(component->scope) || component->curve->names_meters;
}

/* `line` is one of this part (`minimum_of` is 0), or the first of its like in an earlier one. */
static int add_minimum_of(struct mtr_pricer *pricer, const struct mtr_component *component,
                          const struct mtr_price_line *line, uint32_t minimum_of)
{
    const struct line_minimum *minimum = TARIFF_PART_OF(component, line_minimum);
    struct line_sum sum = {.amount = mtr_exact_zero()};
    char text[MTR_PRICE_SHARE_TEXT_BYTES];
    struct mtr_exact least, missing;
    int rc = minimum_of == 0 ? add_line(pricer, line, &sum) : MTR_OK;
    for (uint32_t i = 0; !rc && i < pricer->input->earlier_count; i++) {
        const struct mtr_price_line *earlier = price_earlier_like(pricer, i, line);
        if (earlier) rc = add_line(pricer, earlier, &sum);
    }
    if (!rc)
        rc = price_prorate(pricer, tariff_minimum_prorate(component), minimum->amount, &least, text);
    if (!rc) rc = mtr_exact_sub(least, sum.amount, &missing);
    if (rc || !makes_line(component, &sum) || mtr_exact_compare(missing, mtr_exact_zero()) <= 0) return rc;
    const struct mtr_price_due due = {component->key, line->dimensions, minimum_of, "minimum",
                                      text,           sum.amount,       missing};
    return price_add_due(pricer, &due);
}

static bool is_in_earlier(struct mtr_pricer *pricer, uint32_t part_count, const struct mtr_price_line *line)
{
    for (uint32_t i = 0; i < part_count; i++)
        if (price_earlier_like(pricer, i, line)) return true;
    return false;
}

/* A line of use by dimensions: an earlier version may have had no group_by. */
static bool is_of_lines(const struct mtr_price_line *line, const struct mtr_component *component)
{
    return mtr_str_equal(line->component, component->key) && mtr_str_equal(line->kind, MTR_STR("usage")) &&
           line->dimensions.size > 0;
}

/* Lines of that earlier part that neither this part has, nor one before it. */
static int add_minimums_of_part(struct mtr_pricer *pricer, const struct mtr_component *component,
                                uint32_t part, struct mtr_price_range own)
{
    const struct mtr_price *price = pricer->input->earlier[part];
    int rc = MTR_OK;
    for (uint32_t i = 0; !rc && i < price->line_count; i++) {
        const struct mtr_price_line *line = &price->lines[i];
        if (!is_of_lines(line, component)) continue;
        if (price_find_like(&pricer->price, own, line) || is_in_earlier(pricer, part, line)) continue;
        rc = add_minimum_of(pricer, component, line, 1 + part);
    }
    return rc;
}

static int add_minimums_of_own(struct mtr_pricer *pricer, const struct mtr_component *component,
                               struct mtr_price_range own)
{
    int rc = MTR_OK;
    for (uint32_t i = own.from; !rc && i < own.to; i++)
        if (!pricer->price.lines[i].is_rest)
            rc = add_minimum_of(pricer, component, &pricer->price.lines[i], 0);
    return rc;
}

/* Of lines that are priced apart. */
static int add_minimums_of_others(struct mtr_pricer *pricer, const struct mtr_price_others *others,
                                  uint32_t minimum_of)
{
    return others ? price_add_rest(pricer, &others->minimums[minimum_of]) : MTR_OK;
}

static int minimum_of_lines(struct mtr_pricer *pricer, const struct mtr_component *component,
                            uint32_t first_line)
{
    const struct mtr_price_input *input = pricer->input;
    const struct mtr_price_range own = {first_line, pricer->price.line_count};
    const struct mtr_price_rest *rest =
        input->rest ? &input->rest[component - input->version->components] : NULL;
    int rc = MTR_OK;
    if (!TARIFF_PART_OF(component, line_minimum) || !input->closing || input->continued_later) return MTR_OK;
    MTR_ASSERT(!rest || rest->minimum_count == input->earlier_count + 1);
    for (uint32_t i = 0; !rc && i <= input->earlier_count; i++) {
        rc = add_minimums_of_others(pricer, rest ? &rest->before : NULL, i);
        if (!rc)
            rc = i == 0 ? add_minimums_of_own(pricer, component, own)
                        : add_minimums_of_part(pricer, component, i - 1, own);
        if (!rc) rc = add_minimums_of_others(pricer, rest ? &rest->behind : NULL, i);
    }
    return rc;
}

const struct tariff_part tariff_part_line_minimum = {
    .row = {.name = "line_minimum", .type = MTR_FIELD_MONEY, AT(line_minimum, amount),
            .own_size = sizeof(struct line_minimum),
            .doc = "least amount of each line of a group_by that is used; the difference is a line of its "
                   "own when the period closes"},
    .lint = lint_line_minimum,
    .apply_to_component = minimum_of_lines,
    .of_single_lines = true,
};
