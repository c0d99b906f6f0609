/*
 * What is wrong with a tariff that reads well, but for its curves: amounts, limits, keys. Each finding is a
 * sentence with its place.
 *
 * Errors are what cannot be priced or would surprise on a bill; warnings are legal and suspicious. It changes
 * nothing.
 */
#include "lib/tariff/part/limits.h"
#include "lib/tariff/report.h"
#include "meterd/core/limits.h"

static void lint_group_by(const struct mtr_node *node, const struct mtr_component *component,
                          struct mtr_diagnostics *findings)
{
    if (component->group_by_count == 0) return;
    const struct mtr_node *list = mtr_node_get(node, "group_by");
    if (component->group_by_count > MTR_METER_GROUP_BY_MAX)
        mtr_diagnostics_addf(findings, MTR_FINDING_TARIFF_GROUP_BY_LIMIT, list->line, list->column,
                             "group_by", "has %u dimensions; a meter has at most %d",
                             component->group_by_count, MTR_METER_GROUP_BY_MAX);
    for (uint32_t i = 0; i < component->group_by_count && i < MTR_METER_GROUP_BY_MAX; i++) {
        struct mtr_str name = component->group_by[i];
        if (name.size == 0 || name.size > MTR_PROPERTY_NAME_BYTES_MAX)
            tariff_report(findings, MTR_FINDING_TARIFF_GROUP_BY_LIMIT, &list->children[i], "group_by",
                          "the name of a dimension has 1 to 64 bytes");
        for (uint32_t j = 0; j < i; j++)
            if (mtr_str_equal(name, component->group_by[j]))
                tariff_report(findings, MTR_FINDING_TARIFF_NAME_REPEATED, &list->children[i], "group_by",
                              "this dimension is named twice");
    }
}

void tariff_lint_component(const struct mtr_node *node, const struct mtr_component *component,
                           struct mtr_diagnostics *findings)
{
    tariff_lint_scope(node, component, findings);
    lint_group_by(node, component, findings);
}

static void lint_account(const struct mtr_node *version, const struct mtr_tariff_document *tariff,
                         const struct mtr_account_limits *account, struct mtr_diagnostics *findings)
{
    if (!account->has_minimum && !account->has_cap) return;
    const struct mtr_node *node = mtr_node_get(version, "account");
    if (account->has_minimum) tariff_lint_limit(node, "minimum", tariff, account->minimum, findings);
    if (account->has_cap)
        tariff_lint_cap(node, tariff, account->cap, account->has_minimum ? &account->minimum : NULL, NULL,
                        findings);
    if (tariff->pricing_currency.size)
        tariff_report(findings, MTR_FINDING_TARIFF_ACCOUNT_CURRENCY, node, "account",
                      "counts what was charged, in money, and prices are not: a tariff with "
                      "`pricing_currency` has no account limits");
    if (tariff->exchange.given)
        tariff_report(findings, MTR_FINDING_TARIFF_ACCOUNT_CURRENCY, node, "account",
                      "amounts of several currencies cannot be added up: a tariff with `exchange` has no "
                      "account limits");
}

static void lint_keys(const struct mtr_node *list, const struct mtr_tariff_version *version,
                      struct mtr_diagnostics *findings)
{
    for (uint32_t i = 0; i < version->component_count; i++) {
        const struct mtr_node *key = mtr_node_get(&list->children[i], "key");
        struct mtr_str name = version->components[i].key;
        if (mtr_str_starts_with(name, MTR_STR("tariff.")) || mtr_str_starts_with(name, MTR_STR("account.")))
            tariff_report(
                findings, MTR_FINDING_TARIFF_KEY_RESERVED, key, "key",
                "keys that begin with `tariff.` or `account.` are of the tariff's own lines: choose another");
        for (uint32_t j = 0; j < i; j++) {
            if (!mtr_str_equal(name, version->components[j].key)) continue;
            mtr_diagnostics_addf(findings, MTR_FINDING_TARIFF_KEY_REPEATED, key->line, key->column, "key",
                                 "`%.*s` is the key of line %u too: keys are unique", MTR_STR_ARGS(name),
                                 version->components[j].line);
            break;
        }
    }
}

void tariff_lint_version(const struct mtr_node *node, const struct mtr_tariff_document *tariff,
                         const struct mtr_tariff_version *version, struct mtr_diagnostics *findings)
{
    if (version->has_minimum) tariff_lint_limit(node, "minimum", tariff, version->minimum, findings);
    tariff_forbid(findings, MTR_FINDING_TARIFF_PRORATE_NOTHING, node,
                  version->minimum_prorate != MTR_PRORATE_NONE && !version->has_minimum, "minimum_prorate",
                  "there is no minimum to prorate");
    const struct mtr_commitment *commitment = version->commitment.given ? &version->commitment : NULL;
    if (version->has_cap)
        tariff_lint_cap(node, tariff, version->cap, version->has_minimum ? &version->minimum : NULL,
                        commitment, findings);
    if (commitment) tariff_lint_commitment(node, tariff, commitment, version->has_minimum, findings);
    lint_account(node, tariff, &version->account, findings);
    if (version->term.given) tariff_lint_term(node, tariff, version, findings);
    lint_keys(mtr_node_get(node, "components"), version, findings);
}
