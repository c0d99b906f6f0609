/*
 * The table of curves, and those of one price: per unit, graduated, volume, package, recurring.
 */
#include "lib/tariff/curve/curve.h"

#include "lib/tariff/report.h"

static void lint_price(const struct mtr_node *node, struct mtr_money price,
                       const struct mtr_component *component, struct mtr_diagnostics *findings)
{
    if (price.e18 < 0)
        tariff_warning(findings, node, mtr_curve_kind_name(component->curve),
                       "is negative: it pays the customer");
}

static void lint_unit(const struct mtr_node *node, struct mtr_component *component,
                      struct mtr_diagnostics *findings)
{
    lint_price(node, component->tiers[0].unit, component, findings);
}

static int read_per_unit(struct mtr_arena *arena, const struct tariff_component_fields *fields,
                         struct mtr_component *out)
{
    return tariff_read_single_tier(arena, fields->per_unit, (struct mtr_money){0}, out);
}

static const struct tariff_tier_keys tier_keys = {"unit", "flat"};

static int read_graduated(struct mtr_arena *arena, const struct tariff_component_fields *fields,
                          struct mtr_component *out)
{
    return tariff_read_tiers(arena, &fields->graduated, out);
}

static void lint_graduated(const struct mtr_node *node, struct mtr_component *component,
                           struct mtr_diagnostics *findings)
{
    tariff_lint_tiers(node, component, tier_keys, findings);
    tariff_sum_tiers(component);
}

static int read_volume(struct mtr_arena *arena, const struct tariff_component_fields *fields,
                       struct mtr_component *out)
{
    return tariff_read_tiers(arena, &fields->volume, out);
}

static void lint_volume(const struct mtr_node *node, struct mtr_component *component,
                        struct mtr_diagnostics *findings)
{
    size_t errors_before = findings->errors;
    tariff_lint_tiers(node, component, tier_keys, findings);
    if (findings->errors == errors_before) tariff_lint_cliffs(node, component, findings);
}

static int read_package(struct mtr_arena *arena, const struct tariff_component_fields *fields,
                        struct mtr_component *out)
{
    out->package_size = fields->package.size;
    out->package_exact = fields->package.rounding == 0;
    if (!out->package_exact) out->package_rounding = (enum mtr_rounding)(fields->package.rounding - 1);
    return tariff_read_single_tier(arena, fields->package.price, (struct mtr_money){0}, out);
}

static void lint_package(const struct mtr_node *node, struct mtr_component *component,
                         struct mtr_diagnostics *findings)
{
    if (component->package_size.e12 <= 0)
        tariff_error(findings, tariff_place(node, "size"), "package.size", "must be more than 0");
    lint_unit(node, component, findings);
}

static int read_recurring(struct mtr_arena *arena, const struct tariff_component_fields *component,
                          struct mtr_component *out)
{
    (void)arena;
    const struct tariff_recurring_fields *fields = &component->recurring;
    out->recurring_amount = fields->amount;
    out->recurring_in_arrears = fields->in == 1;
    out->prorate = (enum mtr_prorate)fields->prorate;
    out->recurring_every_given = fields->every > 0;
    if (fields->every > 0) out->recurring_every = (enum mtr_period_unit)(fields->every - 1);
    return MTR_OK;
}

static void lint_recurring(const struct mtr_node *node, struct mtr_component *component,
                           struct mtr_diagnostics *findings)
{
    lint_price(node, component->recurring_amount, component, findings);
}

static const struct tariff_curve per_unit = {TARIFF_CURVE_KEY(per_unit), .read = read_per_unit,
                                             .lint = lint_unit};
static const struct tariff_curve graduated = {TARIFF_CURVE_KEY(graduated), .has_flats = true,
                                              .read = read_graduated, .lint = lint_graduated};
static const struct tariff_curve volume = {TARIFF_CURVE_KEY(volume), .has_flats = true, .read = read_volume,
                                           .lint = lint_volume};
static const struct tariff_curve package = {TARIFF_CURVE_KEY(package), .read = read_package,
                                            .lint = lint_package};
static const struct tariff_curve recurring = {TARIFF_CURVE_KEY(recurring), .without_use = true,
                                              .read = read_recurring, .lint = lint_recurring};

const struct tariff_curve *const mtr_tariff_curves[MTR_CURVE_KINDS] = {
    [MTR_CURVE_PER_UNIT] = &per_unit,
    [MTR_CURVE_GRADUATED] = &graduated,
    [MTR_CURVE_VOLUME] = &volume,
    [MTR_CURVE_PACKAGE] = &package,
    [MTR_CURVE_PERCENTAGE] = &mtr_tariff_curve_percentage,
    [MTR_CURVE_GRADUATED_PERCENTAGE] = &mtr_tariff_curve_graduated_percentage,
    [MTR_CURVE_DYNAMIC] = &mtr_tariff_curve_dynamic,
    [MTR_CURVE_STAIRSTEP] = &mtr_tariff_curve_stairstep,
    [MTR_CURVE_BLOCKS] = &mtr_tariff_curve_blocks,
    [MTR_CURVE_INCREMENTS] = &mtr_tariff_curve_increments,
    [MTR_CURVE_CAPACITY] = &mtr_tariff_curve_capacity,
    [MTR_CURVE_MATRIX] = &mtr_tariff_curve_matrix,
    [MTR_CURVE_RECURRING] = &recurring,
};

enum mtr_curve_kind tariff_curve_kind(const struct tariff_curve *curve)
{
    int kind = 0;
    while (mtr_tariff_curves[kind] != curve) {
        kind++;
        MTR_ASSERT(kind < MTR_CURVE_KINDS);
    }
    return (enum mtr_curve_kind)kind;
}

const char *mtr_curve_kind_name(enum mtr_curve_kind kind)
{
    MTR_ASSERT((unsigned)kind < MTR_CURVE_KINDS);
    return mtr_tariff_curves[kind]->name;
}
