/*
 * What is wrong with a tariff that reads well: curves, tiers, amounts, keys. Each finding is a sentence with its place.
 *
 * Errors are what cannot be priced or would surprise on a bill; warnings are legal and suspicious. It changes nothing.
 */
#include "lib/catalog/tariff_fields.h"

#include <string.h>

#include "meterd/core/limits.h"

static void report(struct mtr_diagnostics *findings, enum mtr_severity severity, const struct mtr_node *node, const char *field,
                   const char *text)
{
    mtr_diagnostics_addf(findings, severity, node->line, node->column, field, "%s", text);
}

static void error_at(struct mtr_diagnostics *findings, const struct mtr_node *node, const char *field, const char *text)
{
    report(findings, MTR_SEVERITY_ERROR, node, field, text);
}

/* Where the key stands; the map itself when it is not written. */
static const struct mtr_node *place_of(const struct mtr_node *map, const char *key)
{
    const struct mtr_node *child = mtr_node_get(map, key);
    return child ? child : map;
}

static void forbid(struct mtr_diagnostics *findings, const struct mtr_node *node, bool given, const char *key, const char *reason)
{
    if (given) error_at(findings, place_of(node, key), key, reason);
}

void mtr_tariff_lint_curves(const struct mtr_node *node, const struct tariff_component_fields *fields, struct mtr_diagnostics *findings)
{
    unsigned curves = 0u + fields->has_per_unit + fields->has_graduated + fields->has_volume + fields->has_package + fields->has_recurring;
    if (curves == 0) error_at(findings, node, "components", "has no price: write one of per_unit, graduated, volume, package or recurring");
    if (curves > 1)
        error_at(findings, node, "components", "has more than one of per_unit, graduated, volume, package and recurring: split it in two");
    if (curves == 1 && !fields->has_recurring && !fields->has_meter)
        error_at(findings, node, "components", "has no meter: name the one whose use it prices with `meter:`");
    if (fields->has_recurring) {
        forbid(findings, node, fields->has_meter, "meter", "a recurring fee does not depend on use: remove the meter");
        forbid(findings, node, fields->has_free_units, "free_units", "a recurring fee has no units: remove free_units");
        forbid(findings, node, fields->has_group_by, "group_by", "a recurring fee has no dimensions: remove group_by");
        forbid(findings, node, fields->has_minimum, "minimum", "a recurring fee is its own minimum: remove it");
        forbid(findings, node, fields->has_cap, "cap", "a recurring fee needs no cap: change its amount");
    }
    bool tiered = fields->has_graduated || fields->has_volume;
    forbid(findings, node, fields->flat_at_zero && !tiered, "flat_at_zero", "only graduated and volume tiers have a flat amount");
    forbid(findings, node, fields->flat_at_zero && tiered && fields->has_group_by, "flat_at_zero",
           "with group_by there is no line at zero use that the flat could be on");
    if (fields->has_package && fields->package.size.e12 <= 0)
        error_at(findings, place_of(mtr_node_get(node, "package"), "size"), "package.size", "must be more than 0");
}

static void lint_bound(const struct mtr_node *node, const struct mtr_component *component, uint32_t i, struct mtr_diagnostics *findings)
{
    const struct mtr_tier *tier = &component->tiers[i];
    const struct mtr_node *place = place_of(node, "up_to");
    char bound[MTR_DECIMAL_TEXT_BYTES], last[MTR_DECIMAL_TEXT_BYTES];
    bool is_last = i + 1 == component->tier_count;
    if (tier->open_ended) {
        if (!is_last) error_at(findings, place, "up_to", "is missing: without it no use ever reaches the tiers below this one");
        return;
    }
    mtr_quantity_format(tier->up_to, bound);
    if (tier->up_to.e12 <= 0)
        error_at(findings, place, "up_to", "must be more than 0: a tier that ends there is never reached");
    else if (i > 0 && !component->tiers[i - 1].open_ended && mtr_quantity_compare(tier->up_to, component->tiers[i - 1].up_to) <= 0) {
        mtr_quantity_format(component->tiers[i - 1].up_to, last);
        mtr_diagnostics_addf(findings, MTR_SEVERITY_ERROR, place->line, place->column, "up_to",
                             "%s overlaps the tier before, which goes up to %s: bounds must ascend, or this tier is never reached", bound,
                             last);
    }
    if (is_last)
        mtr_diagnostics_addf(findings, MTR_SEVERITY_ERROR, place->line, place->column, "up_to",
                             "use above %s has no price: leave `up_to` out of the last tier", bound);
}

static void lint_tier_prices(const struct mtr_node *node, const struct mtr_tier *tier, struct mtr_diagnostics *findings)
{
    if (!mtr_node_get(node, "unit") && !mtr_node_get(node, "flat"))
        error_at(findings, node, "tiers", "has no price: write `unit`, `flat` or both");
    if (tier->unit.e18 < 0) report(findings, MTR_SEVERITY_WARNING, place_of(node, "unit"), "unit", "is negative: use pays the customer");
    if (tier->flat.e18 < 0) report(findings, MTR_SEVERITY_WARNING, place_of(node, "flat"), "flat", "is negative: use pays the customer");
}

/* What `quantity` costs when the volume curve has reached the tier. False when it does not fit. */
static bool tier_cost(const struct mtr_tier *tier, struct mtr_quantity quantity, struct mtr_exact *out)
{
    return mtr_exact_add(mtr_exact_product(quantity, tier->unit), mtr_exact_from_money(tier->flat), out) == MTR_OK;
}

/* The quantity at which the tier costs as much as `cost`, if its price rises and the number fits. */
static bool break_even(const struct mtr_tier *tier, struct mtr_exact cost, char text[MTR_DECIMAL_TEXT_BYTES])
{
    struct mtr_exact above;
    struct mtr_money money;
    struct mtr_quantity quantity;
    if (tier->unit.e18 <= 0 || mtr_exact_sub(cost, mtr_exact_from_money(tier->flat), &above)) return false;
    if (mtr_exact_round(above, MTR_MONEY_DIGITS, MTR_ROUND_UP, &money, NULL)) return false;
    /* both of 10^-18: as quantities their quotient is the same number */
    struct mtr_quantity dividend = {money.e18}, divisor = {tier->unit.e18}, one = {(mtr_int128)1000000000000};
    if (mtr_quantity_scale(dividend, one, divisor, MTR_QUANTITY_DIGITS, MTR_ROUND_UP, &quantity)) return false;
    mtr_quantity_format(quantity, text);
    return true;
}

static void lint_cliff(const struct mtr_node *node, const struct mtr_tier *tier, const struct mtr_tier *next,
                       struct mtr_diagnostics *findings)
{
    struct mtr_exact at_bound, above_bound;
    char bound[MTR_DECIMAL_TEXT_BYTES], until[MTR_DECIMAL_TEXT_BYTES], cost[MTR_DECIMAL_TEXT_BYTES], less[MTR_DECIMAL_TEXT_BYTES];
    if (!tier_cost(tier, tier->up_to, &at_bound) || !tier_cost(next, tier->up_to, &above_bound)) return;
    if (mtr_exact_compare(above_bound, at_bound) >= 0) return;
    mtr_quantity_format(tier->up_to, bound);
    mtr_exact_format(at_bound, cost);
    mtr_exact_format(above_bound, less);
    if (break_even(next, at_bound, until))
        mtr_diagnostics_addf(findings, MTR_SEVERITY_WARNING, node->line, node->column, "volume",
                             "more use costs less between %s and %s: %s costs %s, and just above it the price falls to %s", bound, until,
                             bound, cost, less);
    else
        mtr_diagnostics_addf(findings, MTR_SEVERITY_WARNING, node->line, node->column, "volume",
                             "more use costs less above %s: %s costs %s, and just above it the price falls to %s", bound, bound, cost,
                             less);
}

void mtr_tariff_lint_tiers(const struct mtr_node *list, const struct mtr_component *component, struct mtr_diagnostics *findings)
{
    size_t errors_before = findings->errors;
    for (uint32_t i = 0; i < component->tier_count; i++) {
        lint_bound(&list->children[i], component, i, findings);
        lint_tier_prices(&list->children[i], &component->tiers[i], findings);
    }
    if (component->curve != MTR_CURVE_VOLUME || findings->errors > errors_before) return;
    for (uint32_t i = 0; i + 1 < component->tier_count; i++)
        lint_cliff(&list->children[i + 1], &component->tiers[i], &component->tiers[i + 1], findings);
}

/* Amounts that bound rounded lines must be amounts that lines can have. */
static void lint_limit(const struct mtr_node *node, const char *key, const struct mtr_tariff_document *tariff, struct mtr_money amount,
                       struct mtr_diagnostics *findings)
{
    const struct mtr_node *place = place_of(node, key);
    struct mtr_money rounded;
    if (amount.e18 < 0) error_at(findings, place, key, "must not be negative");
    if (mtr_money_round(amount, tariff->rounding_digits, MTR_ROUND_DOWN, &rounded) || mtr_money_compare(rounded, amount) == 0) return;
    mtr_diagnostics_addf(findings, MTR_SEVERITY_ERROR, place->line, place->column, key,
                         "has more than the %u fraction digits that %s are rounded to", tariff->rounding_digits, tariff->round_total ? "totals" : "lines");
}

static void lint_group_by(const struct mtr_node *node, const struct mtr_component *component, struct mtr_diagnostics *findings)
{
    if (component->group_by_count == 0) return;
    const struct mtr_node *list = mtr_node_get(node, "group_by");
    if (component->group_by_count > MTR_METER_GROUP_BY_MAX)
        mtr_diagnostics_addf(findings, MTR_SEVERITY_ERROR, list->line, list->column, "group_by",
                             "has %u dimensions; a meter has at most %d", component->group_by_count, MTR_METER_GROUP_BY_MAX);
    for (uint32_t i = 0; i < component->group_by_count && i < MTR_METER_GROUP_BY_MAX; i++) {
        struct mtr_str name = component->group_by[i];
        if (name.size == 0 || name.size > MTR_PROPERTY_NAME_BYTES_MAX)
            error_at(findings, &list->children[i], "group_by", "the name of a dimension has 1 to 64 bytes");
        for (uint32_t j = 0; j < i; j++)
            if (mtr_str_equal(name, component->group_by[j]))
                error_at(findings, &list->children[i], "group_by", "this dimension is named twice");
    }
}

void mtr_tariff_lint_component(const struct mtr_node *node, const struct mtr_tariff_document *tariff, const struct mtr_component *component,
                               struct mtr_diagnostics *findings)
{
    if (component->has_minimum) lint_limit(node, "minimum", tariff, component->minimum, findings);
    if (component->has_cap) lint_limit(node, "cap", tariff, component->cap, findings);
    if (component->has_minimum && component->has_cap && mtr_money_compare(component->minimum, component->cap) > 0)
        error_at(findings, place_of(node, "minimum"), "minimum", "is more than the cap");
    if (component->has_free_units && component->free_units.e12 < 0)
        error_at(findings, place_of(node, "free_units"), "free_units", "must not be negative");
    bool one_price = component->curve == MTR_CURVE_PER_UNIT || component->curve == MTR_CURVE_PACKAGE;
    struct mtr_money price = one_price ? component->tiers[0].unit : component->recurring_amount; /* tiers were linted one by one */
    bool negative = price.e18 < 0;
    if (negative)
        report(findings, MTR_SEVERITY_WARNING, place_of(node, mtr_curve_kind_name(component->curve)), mtr_curve_kind_name(component->curve),
               "is negative: it pays the customer");
    lint_group_by(node, component, findings);
}

void mtr_tariff_lint_version(const struct mtr_node *node, const struct mtr_tariff_document *tariff,
                             const struct mtr_tariff_version *version, struct mtr_diagnostics *findings)
{
    const struct mtr_node *list = mtr_node_get(node, "components");
    if (version->has_minimum) lint_limit(node, "minimum", tariff, version->minimum, findings);
    for (uint32_t i = 0; i < version->component_count; i++) {
        const struct mtr_node *key = mtr_node_get(&list->children[i], "key");
        struct mtr_str name = version->components[i].key;
        if (mtr_str_starts_with(name, MTR_STR("tariff.")))
            error_at(findings, key, "key", "keys that begin with `tariff.` are of the tariff's own lines: choose another");
        for (uint32_t j = 0; j < i; j++) {
            if (!mtr_str_equal(name, version->components[j].key)) continue;
            mtr_diagnostics_addf(findings, MTR_SEVERITY_ERROR, key->line, key->column, "key",
                                 "`%.*s` is the key of line %u too: keys are unique", MTR_STR_ARGS(name), version->components[j].line);
            break;
        }
    }
}
