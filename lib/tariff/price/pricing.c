/*
 * Units of the pricing currency, which become money at the price of one, and what is told of them.
 */
#include "lib/tariff/price/pricer.h"

#include <stdio.h>

int mtr_price_of_units(const struct mtr_pricing_currency *pricing, struct mtr_exact units,
                       struct mtr_exact *out)
{
    *out = units;
    if (!pricing->name.size) return MTR_OK;
    return mtr_exact_scale_money(units, pricing->price, 1, 1, MTR_ROUND_HALF_EVEN, out);
}

int price_trace_units(struct mtr_pricer *pricer, uint32_t line, struct mtr_exact units,
                      struct mtr_exact money)
{
    const struct mtr_price_input *input = pricer->input;
    const struct mtr_pricing_currency *pricing = &input->version->pricing;
    char part[2 * MTR_DECIMAL_TEXT_BYTES], price[MTR_DECIMAL_TEXT_BYTES];
    mtr_money_format(pricing->price, price);
    snprintf(part, sizeof(part), "%.*s at %s %.*s", MTR_STR_ARGS(pricing->name), price,
             MTR_STR_ARGS(input->tariff->currency));
    return price_trace_exact(pricer, line, part, units, money);
}

struct pricing_row {
    struct mtr_str currency, amount;
    bool has_unit_price;
    struct mtr_shown_money unit_price, price;
};

static const struct mtr_json_member pricing_members[] = {
    {MTR_MEMBER(pricing_row, currency), .type = MTR_MEMBER_TEXT, .doc = "the unit that prices are in"},
    {MTR_MEMBER(pricing_row, amount), .type = MTR_MEMBER_DECIMAL, .doc = "exact, in that unit"},
    {MTR_MEMBER(pricing_row, unit_price), .type = MTR_MEMBER_MONEY, .presence = MTR_MAY_LACK,
     MTR_PRESENT(pricing_row, has_unit_price), .doc = "where one price applies to all of it; in that unit"},
    {MTR_MEMBER(pricing_row, price), .type = MTR_MEMBER_MONEY,
     .doc = "of one of that unit, in the tariff's currency"},
    {0},
};
const struct mtr_shape mtr_price_pricing_shape = {.name = "Pricing", .members = pricing_members};

void mtr_price_write_pricing(const struct mtr_pricing_currency *pricing, struct mtr_exact amount,
                             const struct mtr_money *unit_price, struct mtr_json_writer *json)
{
    char text[MTR_DECIMAL_TEXT_BYTES];
    mtr_exact_format(amount, text);
    struct pricing_row row = {.currency = pricing->name,
                              .amount = mtr_str_from(text),
                              .has_unit_price = unit_price != NULL,
                              .price = {pricing->price, 0}};
    if (unit_price) row.unit_price.amount = *unit_price;
    mtr_shape_write(&mtr_price_pricing_shape, &row, json);
}
