/*
 * What is wrong with a tariff that reads well: curves, tiers, amounts, keys. Each finding is a sentence with
 * its place.
 *
 * Errors are what cannot be priced or would surprise on a bill; warnings are legal and suspicious. It changes
 * nothing.
 */
#include "lib/tariff/curve/curve.h"

#include <stdio.h>

#include "lib/tariff/report.h"
#include "meterd/core/limits.h"

static void forbid(struct mtr_diagnostics *findings, const struct mtr_node *node, bool given, const char *key,
                   const char *reason)
{
    if (given) tariff_error(findings, tariff_place(node, key), key, reason);
}

/* "per_unit, graduated, … or recurring"; in a row of a matrix only the curves that it can hold. */
static void list_curves(bool in_row, char *out, size_t size)
{
    const char *names[MTR_CURVE_KINDS];
    size_t used = 0;
    int count = 0;
    for (int i = 0; i < MTR_CURVE_KINDS; i++)
        if (!in_row || tariff_curve_fits_row(mtr_tariff_curves[i]))
            names[count++] = mtr_tariff_curves[i]->name;
    for (int i = 0; i < count && used < size; i++)
        used += (size_t)snprintf(out + used, size - used, "%s%s",
                                 i == 0          ? ""
                                 : i + 1 < count ? ", "
                                                 : " or ",
                                 names[i]);
}

/* The one curve that is given; NULL, with a finding, when there is none or more than one. */
static const struct tariff_curve *lint_one_curve(const struct mtr_node *node,
                                                 const struct tariff_component_fields *fields, bool in_row,
                                                 struct mtr_diagnostics *findings)
{
    const struct tariff_curve *curve = NULL;
    char names[256];
    unsigned curves = 0;
    for (int i = 0; i < MTR_CURVE_KINDS; i++) {
        if (!tariff_curve_given(mtr_tariff_curves[i], fields)) continue;
        curve = mtr_tariff_curves[i];
        curves++;
    }
    if (curves == 1) return curve;
    list_curves(in_row, names, sizeof(names));
    mtr_diagnostics_addf(
        findings, MTR_SEVERITY_ERROR, node->line, node->column, in_row ? "matrix" : "components",
        curves ? "has more than one of %s: split it in two" : "has no price: write one of %s", names);
    return NULL;
}

const struct tariff_curve *tariff_lint_row_curve(const struct mtr_node *node,
                                                     const struct tariff_component_fields *fields,
                                                     struct mtr_diagnostics *findings)
{
    return lint_one_curve(node, fields, true, findings);
}

static void forbid_parts_of_use(const struct mtr_node *node, const struct tariff_component_fields *fields,
                                struct mtr_diagnostics *findings)
{
    forbid(findings, node, fields->has_meter, "meter",
           "a recurring fee does not depend on use: remove the meter");
    forbid(findings, node, fields->has_free_units, "free_units",
           "a recurring fee has no units: remove free_units");
    forbid(findings, node, fields->has_group_by, "group_by",
           "a recurring fee has no dimensions: remove group_by");
    forbid(findings, node, fields->has_minimum, "minimum", "a recurring fee is its own minimum: remove it");
    forbid(findings, node, fields->has_cap, "cap", "a recurring fee needs no cap: change its amount");
    forbid(findings, node, fields->has_convert, "convert", "a recurring fee has no units: remove convert");
    forbid(findings, node, fields->scope != MTR_SLICE_BY_PERIOD, "scope",
           "a recurring fee does not depend on use: remove the scope");
    forbid(findings, node, fields->has_commitment, "commitment",
           "a recurring fee is its own commitment: remove it");
    forbid(findings, node, fields->when, "when", "a recurring fee has no use in any hour: remove when");
    forbid(findings, node, fields->has_weights, "weights",
           "a recurring fee has no use in any hour: remove weights");
    forbid(findings, node, fields->unit.size, "unit", "a recurring fee has no units: remove unit");
}

static void forbid_parts_of_one_meter(const struct mtr_node *node,
                                      const struct tariff_component_fields *fields,
                                      struct mtr_diagnostics *findings)
{
    forbid(findings, node, fields->has_meter, "meter", "the keys of `up_to` name the meters: remove meter");
    forbid(findings, node, fields->has_free_units, "free_units",
           "there is no one meter whose units could be free: raise the bounds instead");
    forbid(findings, node, fields->has_convert, "convert",
           "there is no one meter whose units it could convert: write the bounds in the meters' units");
    forbid(findings, node, fields->scope != MTR_SLICE_BY_PERIOD, "scope",
           "a capacity is of the whole period: remove the scope");
    forbid(findings, node, fields->unit.size, "unit",
           "there is no one meter that it could be the unit of: remove unit");
    forbid(findings, node, fields->when, "when", "a capacity is of the whole period: remove when");
    forbid(findings, node, fields->has_weights, "weights",
           "a capacity is of the whole period: remove weights");
}

void tariff_lint_curves(const struct mtr_node *node, const struct tariff_component_fields *fields,
                            struct mtr_diagnostics *findings)
{
    const struct tariff_curve *curve = lint_one_curve(node, fields, false, findings);
    if (!curve) return;
    if (curve->without_use) forbid_parts_of_use(node, fields, findings);
    else if (curve->names_meters) forbid_parts_of_one_meter(node, fields, findings);
    else if (!fields->has_meter)
        tariff_error(findings, node, "components",
                     "has no meter: name the one whose use it prices with `meter:`");
    forbid(findings, node, fields->has_tier_by && !fields->has_volume && !fields->has_matrix, "tier_by",
           "chooses a tier of `volume`: this is another curve");
    forbid(findings, node, fields->has_matrix && !fields->has_group_by, "matrix",
           "chooses by dimensions: name them with `group_by`, so that each line has them");
    forbid(findings, node, fields->flat_at_zero && !curve->has_flats, "flat_at_zero",
           "only curves with tiers have a flat amount");
    forbid(findings, node, fields->flat_at_zero && curve->has_flats && fields->has_group_by, "flat_at_zero",
           "with group_by there is no line at zero use that the flat could be on");
}

void tariff_lint_limit(const struct mtr_node *node, const char *key,
                           const struct mtr_tariff_document *tariff, struct mtr_money amount,
                           struct mtr_diagnostics *findings)
{
    const struct mtr_node *place = tariff_place(node, key);
    struct mtr_money rounded;
    if (amount.e18 < 0) tariff_error(findings, place, key, "must not be negative");
    if (mtr_money_round(amount, tariff->rounding_digits, MTR_ROUND_DOWN, &rounded) ||
        mtr_money_compare(rounded, amount) == 0)
        return;
    mtr_diagnostics_addf(findings, MTR_SEVERITY_ERROR, place->line, place->column, key,
                         "has more than the %u fraction digits that %s are rounded to",
                         tariff->rounding_digits, tariff->round_total ? "totals" : "lines");
}

static void lint_commitment(const struct mtr_node *node, const struct mtr_tariff_document *tariff,
                            const struct mtr_commitment *commitment, bool has_minimum,
                            struct mtr_diagnostics *findings)
{
    tariff_lint_limit(tariff_place(node, "commitment"), "amount", tariff, commitment->amount, findings);
    forbid(findings, node, has_minimum && commitment->true_up, "minimum",
           "a commitment with true-up is a minimum already: remove one of them");
}

/* minimum: NULL without one, as cap. */
static void lint_cap(const struct mtr_node *node, const struct mtr_tariff_document *tariff,
                     const struct mtr_money *cap, const struct mtr_money *minimum,
                     const struct mtr_commitment *commitment, struct mtr_diagnostics *findings)
{
    if (!cap) return;
    tariff_lint_limit(node, "cap", tariff, *cap, findings);
    if (minimum && mtr_money_compare(*minimum, *cap) > 0)
        tariff_error(findings, tariff_place(node, "minimum"), "minimum", "is more than the cap");
    if (commitment->given && mtr_money_compare(commitment->amount, *cap) > 0)
        tariff_error(findings, tariff_place(node, "commitment"), "commitment", "is more than the cap");
}

static void lint_group_by(const struct mtr_node *node, const struct mtr_component *component,
                          struct mtr_diagnostics *findings)
{
    if (component->group_by_count == 0) return;
    const struct mtr_node *list = mtr_node_get(node, "group_by");
    if (component->group_by_count > MTR_METER_GROUP_BY_MAX)
        mtr_diagnostics_addf(findings, MTR_SEVERITY_ERROR, list->line, list->column, "group_by",
                             "has %u dimensions; a meter has at most %d", component->group_by_count,
                             MTR_METER_GROUP_BY_MAX);
    for (uint32_t i = 0; i < component->group_by_count && i < MTR_METER_GROUP_BY_MAX; i++) {
        struct mtr_str name = component->group_by[i];
        if (name.size == 0 || name.size > MTR_PROPERTY_NAME_BYTES_MAX)
            tariff_error(findings, &list->children[i], "group_by",
                         "the name of a dimension has 1 to 64 bytes");
        for (uint32_t j = 0; j < i; j++)
            if (mtr_str_equal(name, component->group_by[j]))
                tariff_error(findings, &list->children[i], "group_by", "this dimension is named twice");
    }
}

void tariff_lint_component(const struct mtr_node *node, const struct mtr_tariff_document *tariff,
                               const struct mtr_component *component, struct mtr_diagnostics *findings)
{
    if (component->has_minimum) tariff_lint_limit(node, "minimum", tariff, component->minimum, findings);
    forbid(findings, node, component->minimum_prorate != MTR_PRORATE_NONE && !component->has_minimum,
           "minimum_prorate", "there is no minimum to prorate");
    lint_cap(node, tariff, component->has_cap ? &component->cap : NULL,
             component->has_minimum ? &component->minimum : NULL, &component->commitment, findings);
    if (component->commitment.given)
        lint_commitment(node, tariff, &component->commitment, component->has_minimum, findings);
    if (component->has_free_units && component->free_units.e12 < 0)
        tariff_error(findings, tariff_place(node, "free_units"), "free_units", "must not be negative");
    tariff_lint_scope(node, component, findings);
    lint_group_by(node, component, findings);
}

static void lint_account(const struct mtr_node *version, const struct mtr_tariff_document *tariff,
                         const struct mtr_account_limits *account, struct mtr_diagnostics *findings)
{
    const struct mtr_commitment none = {0};
    if (!account->has_minimum && !account->has_cap) return;
    const struct mtr_node *node = mtr_node_get(version, "account");
    if (account->has_minimum) tariff_lint_limit(node, "minimum", tariff, account->minimum, findings);
    lint_cap(node, tariff, account->has_cap ? &account->cap : NULL,
             account->has_minimum ? &account->minimum : NULL, &none, findings);
    if (tariff->exchange.given)
        tariff_error(findings, node, "account",
                     "amounts of several currencies cannot be added up: a tariff with `exchange` has no "
                     "account limits");
}

void tariff_lint_version(const struct mtr_node *node, const struct mtr_tariff_document *tariff,
                             const struct mtr_tariff_version *version, struct mtr_diagnostics *findings)
{
    const struct mtr_node *list = mtr_node_get(node, "components");
    if (version->has_minimum) tariff_lint_limit(node, "minimum", tariff, version->minimum, findings);
    forbid(findings, node, version->minimum_prorate != MTR_PRORATE_NONE && !version->has_minimum,
           "minimum_prorate", "there is no minimum to prorate");
    lint_cap(node, tariff, version->has_cap ? &version->cap : NULL,
             version->has_minimum ? &version->minimum : NULL, &version->commitment, findings);
    if (version->commitment.given)
        lint_commitment(node, tariff, &version->commitment, version->has_minimum, findings);
    lint_account(node, tariff, &version->account, findings);
    for (uint32_t i = 0; i < version->component_count; i++) {
        const struct mtr_node *key = mtr_node_get(&list->children[i], "key");
        struct mtr_str name = version->components[i].key;
        if (mtr_str_starts_with(name, MTR_STR("tariff.")) || mtr_str_starts_with(name, MTR_STR("account.")))
            tariff_error(
                findings, key, "key",
                "keys that begin with `tariff.` or `account.` are of the tariff's own lines: choose another");
        for (uint32_t j = 0; j < i; j++) {
            if (!mtr_str_equal(name, version->components[j].key)) continue;
            mtr_diagnostics_addf(findings, MTR_SEVERITY_ERROR, key->line, key->column, "key",
                                 "`%.*s` is the key of line %u too: keys are unique", MTR_STR_ARGS(name),
                                 version->components[j].line);
            break;
        }
    }
}
