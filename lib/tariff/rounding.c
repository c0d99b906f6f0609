/*
 * How amounts are rounded: the `rounding` of a tariff into its model. A step is of the currency that is
 * charged, whether prices are written in it, one of several, or exchanged into it.
 */
#include "lib/tariff/report.h"
#include "lib/tariff/variants.h"

static void read_step(const struct mtr_node *node, struct mtr_str currency, struct mtr_rounding_step *out,
                      struct mtr_diagnostics *findings)
{
    char meant[MTR_MEANT_BYTES];
    out->currency = currency;
    if (!mtr_currency_find(currency))
        mtr_diagnostics_addf(findings, MTR_FINDING_TARIFF_CURRENCY_UNKNOWN, node->key_line, node->key_column,
                             "rounding.step",
                             "`%.*s%s` is no currency of ISO 4217: a code is three capitals, like EUR%s",
                             MTR_STR_QUOTED(currency), mtr_currency_meant(currency, meant));
    const int rc = node->kind >= MTR_NODE_LIST ? MTR_ELIMIT : mtr_money_parse(node->text, &out->step);
    if (rc)
        tariff_number_error(
            findings, node, "rounding.step", rc, true,
            "must be a number of at most 18 digits after the point, or a map of them by currency");
    else if (out->step.e18 <= 0)
        tariff_report(findings, MTR_FINDING_TARIFF_NUMBER_NOT_POSITIVE, node, "rounding.step",
                      "must be more than 0");
}

static int read_steps(const struct mtr_node *node, struct mtr_arena *arena,
                      struct mtr_tariff_document *tariff, struct mtr_diagnostics *findings)
{
    const bool is_map = node->kind == MTR_NODE_MAP;
    const uint32_t count = is_map ? node->child_count : 1;
    tariff->rounding_steps = mtr_arena_calloc(arena, (size_t)count + 1, sizeof(*tariff->rounding_steps));
    if (!tariff->rounding_steps) return MTR_ENOMEM;
    tariff->rounding_step_count = count;
    if (!is_map) read_step(node, tariff->currency, &tariff->rounding_steps[0], findings);
    for (uint32_t i = 0; is_map && i < count; i++) {
        struct mtr_str currency;
        int rc = mtr_arena_copy(arena, node->children[i].key, &currency);
        if (rc) return rc;
        read_step(&node->children[i], currency, &tariff->rounding_steps[i], findings);
    }
    return MTR_OK;
}

int tariff_read_rounding(const struct mtr_node *node, const struct tariff_rounding_fields *fields,
                         const struct mtr_currency *currency, struct mtr_arena *arena,
                         struct mtr_tariff_document *tariff, struct mtr_diagnostics *findings)
{
    const struct mtr_node *step = fields->step;
    tariff->rounding = (enum mtr_rounding)fields->mode;
    tariff->round_total = fields->place == 1;
    tariff->rounding_digits = currency ? currency->digits : MTR_MONEY_DIGITS;
    tariff->rounding_digits_given = fields->has_digits;
    if (fields->has_digits) tariff->rounding_digits = (unsigned)fields->digits;
    if (!currency || !step || step->kind == MTR_NODE_NULL) return MTR_OK;
    tariff_forbid(findings, MTR_FINDING_TARIFF_FIELD_CONFLICT, mtr_node_get(node, "rounding"),
                  fields->has_digits, "step", "stands instead of digits: remove one of them");
    return read_steps(step, arena, tariff, findings);
}

static bool is_charged(const struct mtr_node *own, const struct tariff_currencies *currencies,
                       struct mtr_str code)
{
    for (uint32_t i = 0; i < currencies->count; i++)
        if (mtr_str_equal(currencies->items[i].text, code)) return true;
    return currencies->count == 0 && mtr_str_equal(own->text, code);
}

int tariff_lint_step_currencies(const struct mtr_node *tariff, const struct tariff_currencies *currencies,
                                struct mtr_diagnostics *findings)
{
    const struct mtr_node *rounding = mtr_node_get(tariff, "rounding");
    const struct mtr_node *own = mtr_node_get(tariff, "currency");
    const struct mtr_node *step = rounding ? mtr_node_get(rounding, "step") : NULL;
    const size_t errors_before = findings->errors;
    if (!step || !(own || currencies->count)) return MTR_OK;
    if (step->kind != MTR_NODE_MAP && step->kind != MTR_NODE_NULL && currencies->count > 1)
        tariff_report(findings, MTR_FINDING_TARIFF_PRICE_ONE_NUMBER, step, "rounding.step",
                      "is one number for several currencies: write a map with those that have a step");
    for (uint32_t i = 0; step->kind == MTR_NODE_MAP && i < step->child_count; i++) {
        const struct mtr_node *child = &step->children[i];
        if (mtr_node_get(tariff, "exchange") || is_charged(own, currencies, child->key)) continue;
        mtr_diagnostics_addf(findings, MTR_FINDING_TARIFF_CURRENCY_NOT_LISTED, child->key_line,
                             child->key_column, "rounding.step",
                             "nothing is charged in %.*s%s: the tariff has no prices in it, and no "
                             "`exchange`",
                             MTR_STR_QUOTED(child->key));
    }
    return findings->errors > errors_before ? MTR_EINVALID : MTR_OK;
}
