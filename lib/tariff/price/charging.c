/*
 * What is charged of the amounts that prices come to: the price of a unit of the pricing currency and the
 * rate of exchange as one ratio, and sums that are converted at it.
 */
#include "lib/tariff/price/pricer.h"

static const struct mtr_money one = {INT64_C(1000000000000000000)};

struct mtr_price_ratio price_ratio_of(const struct mtr_price_input *input)
{
    const struct mtr_pricing_currency *pricing = &input->version->pricing;
    const bool is_exchanged = input->exchange && input->exchange->known;
    return (struct mtr_price_ratio){
        .price = pricing->name.size ? pricing->price : one,
        .numerator = is_exchanged ? input->exchange->rate.numerator : 1,
        .denominator = is_exchanged ? input->exchange->rate.denominator : 1,
    };
}

static bool is_same_ratio(const struct mtr_price_ratio *a, const struct mtr_price_ratio *b)
{
    return a->price.e18 == b->price.e18 && a->numerator == b->numerator && a->denominator == b->denominator;
}

int price_convert(const struct mtr_price_ratio *ratio, struct mtr_exact amount, struct mtr_exact *out)
{
    *out = amount;
    if (ratio->price.e18 == one.e18 && ratio->numerator == ratio->denominator) return MTR_OK;
    return mtr_exact_scale_money(amount, ratio->price, ratio->numerator, ratio->denominator,
                                 MTR_ROUND_HALF_EVEN, out);
}

struct price_charging price_begin_charging(const struct mtr_price_ratio *ratio)
{
    return (struct price_charging){*ratio, mtr_exact_zero(), mtr_exact_zero()};
}

int price_end_charging(const struct price_charging *charging, struct mtr_exact *charged)
{
    struct mtr_exact last;
    int rc = price_convert(&charging->ratio, charging->amount, &last);
    return rc ? rc : mtr_exact_add(charging->charged, last, charged);
}

int price_charge(struct price_charging *charging, const struct mtr_price_ratio *ratio,
                 struct mtr_exact amount)
{
    int rc = MTR_OK;
    if (!is_same_ratio(&charging->ratio, ratio)) {
        rc = price_end_charging(charging, &charging->charged);
        charging->ratio = *ratio;
        charging->amount = mtr_exact_zero();
    }
    return rc ? rc : mtr_exact_add(charging->amount, amount, &charging->amount);
}

static int charge_lines(struct price_charging *charging, const struct mtr_price *price)
{
    int rc = MTR_OK;
    for (uint32_t i = 0; !rc && i < price->line_count; i++)
        rc = price_charge(charging, &price->ratio, price->lines[i].exact);
    return rc;
}

int price_sum_charged(const struct mtr_pricer *pricer, struct mtr_exact *charged)
{
    const struct mtr_price_input *input = pricer->input;
    struct price_charging charging =
        price_begin_charging(input->earlier_count ? &input->earlier[0]->ratio : &pricer->price.ratio);
    int rc = MTR_OK;
    for (uint32_t i = 0; !rc && i < input->earlier_count; i++)
        rc = charge_lines(&charging, input->earlier[i]);
    if (!rc) rc = charge_lines(&charging, &pricer->price);
    return rc ? rc : price_end_charging(&charging, charged);
}
