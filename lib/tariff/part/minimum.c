/*
 * Minimums: the least amount of a component's lines, of all lines, or of all that a customer's subscriptions
 * of the tariff come to. What is missing when the period closes is a line of its own. Those of single lines:
 * line_minimum.c.
 */
#include "lib/tariff/part/limits.h"
#include "lib/tariff/price/pricer.h"
#include "lib/tariff/report.h"

struct minimum_prorate {
    int prorate; /* enum mtr_prorate */
};

static void lint_minimum(const struct mtr_node *node, const struct mtr_tariff_document *tariff,
                         struct mtr_component *component, struct mtr_diagnostics *findings)
{
    const struct tariff_minimum *minimum = TARIFF_PART_OF(component, minimum);
    tariff_lint_limit(node, "minimum", tariff, minimum->amount, findings);
}

static void lint_prorate(const struct mtr_node *node, const struct mtr_tariff_document *tariff,
                         struct mtr_component *component, struct mtr_diagnostics *findings)
{
    const struct minimum_prorate *own = TARIFF_PART_OF(component, minimum_prorate);
    (void)tariff;
    const bool any = TARIFF_PART_OF(component, minimum) || TARIFF_PART_OF(component, line_minimum);
    tariff_forbid(findings, MTR_FINDING_TARIFF_PRORATE_NOTHING, node,
                  own->prorate != MTR_PRORATE_NONE && !any, "minimum_prorate",
                  "there is no minimum to prorate");
}

enum mtr_prorate tariff_minimum_prorate(const struct mtr_component *component)
{
    const struct minimum_prorate *own = TARIFF_PART_OF(component, minimum_prorate);
    return own ? (enum mtr_prorate)own->prorate : MTR_PRORATE_NONE;
}

static int add_minimum(struct mtr_pricer *pricer, const struct mtr_price_measured *measured,
                       struct mtr_money minimum, enum mtr_prorate prorate)
{
    char text[MTR_PRICE_SHARE_TEXT_BYTES];
    struct mtr_exact sum, least, missing;
    if (!pricer->input->closing || pricer->input->continued_later) return MTR_OK;
    int rc = price_sum(pricer, measured, &sum);
    if (!rc) rc = price_prorate(pricer, prorate, minimum, &least, text);
    if (!rc) rc = mtr_exact_sub(least, sum, &missing);
    if (rc || mtr_exact_compare(missing, mtr_exact_zero()) <= 0) return rc;
    const struct mtr_price_due due = {measured->key, MTR_STR(""), 0, "minimum", text, sum, missing};
    return price_add_due(pricer, &due);
}

static int minimum_of_component(struct mtr_pricer *pricer, const struct mtr_component *component,
                                uint32_t first_line)
{
    const struct tariff_minimum *minimum = TARIFF_PART_OF(component, minimum);
    const struct mtr_price_measured measured = {
        .first_line = first_line, .key = component->key, .cut = MTR_PRICE_BEFORE_TARIFF_CAP};
    if (!minimum) return MTR_OK;
    return add_minimum(pricer, &measured, minimum->amount, tariff_minimum_prorate(component));
}

static int minimum_of_tariff(struct mtr_pricer *pricer)
{
    const struct mtr_tariff_version *version = pricer->input->version;
    const struct mtr_price_measured measured = {
        .of_tariff = true, .key = MTR_STR("tariff.minimum"), .cut = MTR_PRICE_AFTER_CAPS};
    if (!version->has_minimum) return MTR_OK;
    return add_minimum(pricer, &measured, version->minimum, version->minimum_prorate);
}

static int minimum_of_account(struct mtr_pricer *pricer)
{
    const struct mtr_account_limits *account = &pricer->input->version->account;
    const struct mtr_price_measured measured = {.of_tariff = true,
                                                .of_account = true,
                                                .key = MTR_STR("account.minimum"),
                                                .cut = MTR_PRICE_AFTER_CAPS};
    if (!account->has_minimum || pricer->input->account_continues) return MTR_OK;
    return add_minimum(pricer, &measured, account->minimum, MTR_PRORATE_NONE);
}

const struct tariff_part tariff_part_minimum = {
    .row = {.name = "minimum", .type = MTR_FIELD_MONEY, AT(tariff_minimum, amount),
            .own_size = sizeof(struct tariff_minimum),
            .doc = "least amount of the component; the difference is a line of its own when the period "
                   "closes"},
    .lint = lint_minimum,
    .apply_to_component = minimum_of_component,
    .adds_lines = true,
    .apply_to_tariff = minimum_of_tariff,
};

/* Says how the minimum counts, and does nothing by itself. */
const struct tariff_part tariff_part_minimum_prorate = {
    .row = {.name = "minimum_prorate", .type = MTR_FIELD_ENUM, AT(minimum_prorate, prorate),
            .own_size = sizeof(struct minimum_prorate), .choices = mtr_tariff_prorates,
            .default_text = "none",
            .doc = "share of the minimums in a period that the subscription runs through in part"},
    .lint = lint_prorate,
};

const struct tariff_part tariff_part_account_minimum = {.apply_to_tariff = minimum_of_account};
