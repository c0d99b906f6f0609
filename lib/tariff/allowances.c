/*
 * Allowances: pools of units or of money that every billing period is granted. Their rows, their reading and
 * their findings.
 *
 * Units are of the components that the allowance names, as these price them; so those have to be priced by
 * units, over a period or in pieces of it: a level that is weighted by time, and a contract term, have no
 * units of a period.
 */
#include "lib/tariff/fields.h"

#include "lib/tariff/part/limits.h"
#include "lib/tariff/report.h"

const struct mtr_field mtr_tariff_allowance_rows[] = {
    {.name = "key", .type = MTR_FIELD_KEY, AT(tariff_allowance_fields, key), .required = true,
     .doc = "name of the pool and of the lines that show what was drawn; unique in its version"},
    {.name = "components", .type = MTR_FIELD_TEXTS, AT(tariff_allowance_fields, components),
     .max = MTR_TARIFF_COMPONENTS_MAX,
     .doc = "keys of the components that draw on it; of money, none: all lines"},
    {.name = "quantity", .type = MTR_FIELD_QUANTITY, AT(tariff_allowance_fields, quantity),
     PRESENT(tariff_allowance_fields, has_quantity),
     .doc = "units of a period, as the components price them: after conversion and free units"},
    {.name = "amount", .type = MTR_FIELD_MONEY, AT(tariff_allowance_fields, amount),
     PRESENT(tariff_allowance_fields, has_amount), .doc = "or money of a period"},
    {.name = "rollover", .type = MTR_FIELD_U64, AT(tariff_allowance_fields, rollover), .default_text = "0",
     .min = 0, .max = MTR_ALLOWANCE_ROLLOVER_MAX,
     .doc = "further billing periods in which what is left can be drawn"},
    {.name = "priority", .type = MTR_FIELD_U64, AT(tariff_allowance_fields, priority), .default_text = "100",
     .min = 0, .max = MTR_POOL_PRIORITY_MAX,
     .doc = "the lowest is drawn first; then the earliest expiry, then the key"},
    {0},
};

static void lint_component(const struct mtr_node *place, const struct mtr_tariff_version *version,
                           struct mtr_str key, bool of_money, struct mtr_diagnostics *findings)
{
    const struct mtr_component *component = mtr_tariff_component(version, key);
    if (!component) {
        char meant[MTR_MEANT_BYTES];
        mtr_diagnostics_addf(findings, MTR_FINDING_TARIFF_COMPONENT_UNKNOWN, place->line, place->column,
                             "components", "there is no component `%.*s%s`%s", MTR_STR_QUOTED(key),
                             mtr_tariff_component_meant(version, key, meant));
        return;
    }
    if (!of_money && !mtr_component_has_units(component))
        tariff_report(findings, MTR_FINDING_TARIFF_ALLOWANCE_COMPONENT, place, "components",
                      "a fee, a share of money, a capacity, a level, a contract term and use across a "
                      "customer have no units of a period of their own: "
                      "give an amount instead of a quantity");
}

static void lint_components(const struct mtr_node *node, const struct mtr_tariff_version *version,
                            const struct mtr_allowance *allowance, struct mtr_diagnostics *findings)
{
    const struct mtr_node *list = mtr_node_get(node, "components");
    if (!allowance->component_count && !allowance->of_money)
        tariff_report(findings, MTR_FINDING_TARIFF_FIELD_REQUIRED, node, "components",
                      "name the components whose units these are");
    for (uint32_t i = 0; i < allowance->component_count; i++) {
        lint_component(&list->children[i], version, allowance->components[i], allowance->of_money, findings);
        for (uint32_t j = 0; j < i; j++)
            if (mtr_str_equal(allowance->components[i], allowance->components[j]))
                tariff_report(findings, MTR_FINDING_TARIFF_NAME_REPEATED, &list->children[i], "components",
                              "this component is named twice");
    }
}

static void lint_key(const struct mtr_node *node, const struct mtr_tariff_version *version, uint32_t index,
                     struct mtr_diagnostics *findings)
{
    const struct mtr_node *place = tariff_place(node, "key");
    struct mtr_str key = version->allowances[index].key;
    if (mtr_str_starts_with(key, MTR_STR("tariff.")) || mtr_str_starts_with(key, MTR_STR("account.")))
        tariff_report(
            findings, MTR_FINDING_TARIFF_KEY_RESERVED, place, "key",
            "keys that begin with `tariff.` or `account.` are of the tariff's own lines: choose another");
    if (mtr_str_equal(key, MTR_STR("trial")) || mtr_str_starts_with(key, MTR_STR("trial.")))
        tariff_report(
            findings, MTR_FINDING_TARIFF_KEY_RESERVED, place, "key",
            "`trial` and what begins with `trial.` are what a subscription's trial frees: choose another");
    if (mtr_tariff_component(version, key))
        tariff_report(findings, MTR_FINDING_TARIFF_KEY_REPEATED, place, "key",
                      "is the key of a component: choose another");
    for (uint32_t i = 0; i < index; i++)
        if (mtr_str_equal(key, version->allowances[i].key))
            tariff_report(findings, MTR_FINDING_TARIFF_KEY_REPEATED, place, "key",
                          "is the key of another allowance: keys are unique");
}

static void lint_size(const struct mtr_node *node, const struct mtr_tariff_document *tariff,
                      const struct tariff_allowance_fields *fields, struct mtr_diagnostics *findings)
{
    if (fields->has_quantity == fields->has_amount) {
        tariff_report(findings, MTR_FINDING_TARIFF_FIELD_ONE_OF, node, "allowances",
                      "give a quantity (of units) or an amount (of money): one of them");
    } else if (fields->has_quantity) {
        if (fields->quantity.e12 <= 0)
            tariff_report(findings, MTR_FINDING_TARIFF_NUMBER_NOT_POSITIVE, tariff_place(node, "quantity"),
                          "quantity", "must be more than 0");
    } else {
        tariff_lint_limit(node, "amount", tariff, fields->amount, findings);
        if (fields->amount.e18 == 0)
            tariff_report(findings, MTR_FINDING_TARIFF_NUMBER_NOT_POSITIVE, tariff_place(node, "amount"),
                          "amount", "must be more than 0");
    }
}

int tariff_read_allowances(const struct mtr_node *version, const struct mtr_tariff_document *tariff,
                           const struct tariff_version_fields *fields, struct mtr_arena *arena,
                           struct mtr_tariff_version *out, struct mtr_diagnostics *findings)
{
    const struct mtr_node *list = mtr_node_get(version, "allowances");
    const struct tariff_allowance_fields *from = fields->allowances.items;
    if (!fields->allowances.count) return MTR_OK;
    out->allowances = mtr_arena_calloc(arena, fields->allowances.count, sizeof(*out->allowances));
    if (!out->allowances) return MTR_ENOMEM;
    out->allowance_count = fields->allowances.count;
    for (uint32_t i = 0; i < out->allowance_count; i++) {
        const struct mtr_node *node = &list->children[i];
        out->allowances[i] = (struct mtr_allowance){
            .key = from[i].key,
            .components = from[i].components.items,
            .component_count = from[i].components.count,
            .of_money = from[i].has_amount,
            .quantity = from[i].quantity,
            .amount = from[i].amount,
            .rollover = (uint32_t)from[i].rollover,
            .priority = (uint32_t)from[i].priority,
        };
        lint_size(node, tariff, &from[i], findings);
        lint_key(node, out, i, findings);
        lint_components(node, out, &out->allowances[i], findings);
    }
    return MTR_OK;
}
