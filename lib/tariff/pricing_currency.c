/*
 * The pricing currency: a unit of the seller's own that prices are in, and its price in money. Versions and
 * overrides may price the unit otherwise; what it is called stays, so that caps, minimums and pools count one
 * thing over the parts of a period.
 */
#include "lib/tariff/fields.h"
#include "lib/tariff/report.h"

const struct mtr_field mtr_tariff_pricing_rows[] = {
    {.name = "name", .type = MTR_FIELD_KEY, AT(tariff_pricing_fields, name), .required = true,
     .doc = "what the unit is called, as CREDITS; no code of ISO 4217"},
    {.name = "price", .type = MTR_FIELD_MONEY, AT(tariff_pricing_fields, price), .required = true,
     .doc = "of one unit, in the tariff's currency; more than 0"},
    {0},
};

bool tariff_is_price_of_unit(const struct mtr_field *field)
{
    return field == &mtr_tariff_pricing_rows[1];
}

void tariff_lint_pricing(const struct mtr_node *version, const struct mtr_tariff_document *tariff,
                         const struct mtr_pricing_currency *pricing, struct mtr_diagnostics *findings)
{
    const struct mtr_node *node = tariff_place(version, "pricing_currency");
    if (!mtr_str_equal(pricing->name, tariff->pricing_currency)) {
        const struct mtr_str name = mtr_tariff_priced_in(tariff);
        mtr_diagnostics_addf(findings, MTR_FINDING_TARIFF_PRICING_CURRENCY_DIFFERS, node->line, node->column,
                             "pricing_currency",
                             "the prices of the first version are in %.*s%s: all versions of a tariff have "
                             "prices in one unit",
                             MTR_STR_QUOTED(name));
        return;
    }
    if (!pricing->name.size) return;
    if (mtr_currency_find(pricing->name))
        tariff_report(findings, MTR_FINDING_TARIFF_PRICING_CURRENCY_IS_MONEY, tariff_place(node, "name"),
                      "pricing_currency.name",
                      "is a currency of ISO 4217: write it as the tariff's `currency`");
    if (pricing->price.e18 <= 0)
        tariff_report(findings, MTR_FINDING_TARIFF_NUMBER_NOT_POSITIVE, tariff_place(node, "price"),
                      "pricing_currency.price", "must be more than 0");
}
