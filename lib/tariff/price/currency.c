/*
 * Conversion into the currency that is charged: an exact amount times the price of a unit of the pricing
 * currency and the rate's ratio, one division, and only then the rounding.
 *
 * A sum is converted, never the sum made of converted ones: thirds of a unit add up before the division, over
 * the lines of a total and over the parts of a period in which the ratio is the same. What the rounding of a
 * line left over is carried into the line of the next part, so that a period of many days, each at its own
 * rate, is rounded as one. Without a rate there is no price: MTR_EMISSING.
 */
#include "lib/tariff/part/part.h"
#include "lib/tariff/price/pricer.h"

#include <stdio.h>

#include "meterd/core/currency.h"

void mtr_price_exchange_find(const struct mtr_tariff_document *tariff, struct mtr_str currency, int64_t day,
                             bool of_any_age, const struct mtr_rate_book *book,
                             struct mtr_price_exchange *out)
{
    const struct mtr_exchange_rule *rule = &tariff->exchange;
    const struct mtr_currency *known = mtr_currency_find(currency);
    MTR_ASSERT(rule->given && !mtr_str_equal(currency, tariff->currency));
    *out = (struct mtr_price_exchange){
        .rule = rule->at,
        .question = {rule->source, tariff->currency, currency, day,
                     of_any_age ? INT64_MAX : rule->max_age_days},
        .digits = tariff->rounding_digits_given || !known ? tariff->rounding_digits : known->digits,
    };
    out->known = mtr_rate_book_find(book, &out->question, &out->rate) == MTR_OK;
}

int64_t mtr_price_exchange_day(const struct mtr_exchange_rule *rule, const struct mtr_zone *zone,
                               struct mtr_price_exchange_times times)
{
    switch (rule->at) {
    case MTR_EXCHANGE_AT_PERIOD_END: return price_local_day(zone, times.period_end_us - 1);
    case MTR_EXCHANGE_AT_USAGE_DAY: return price_local_day(zone, times.part_start_us);
    case MTR_EXCHANGE_AT_CHARGE_DAY: return price_local_day(zone, times.period_end_us);
    case MTR_EXCHANGE_AT_ORDER: return price_local_day(zone, times.order_us);
    }
    MTR_ASSERT(!"known rule");
    return 0;
}

/* What the line's like in earlier parts came to in the currency charged: exactly, and rounded. */
static int sum_earlier(struct mtr_pricer *pricer, const struct mtr_price_line *line,
                       struct price_charging *charging, struct mtr_money *amount)
{
    const struct mtr_price_input *input = pricer->input;
    int rc = MTR_OK;
    *charging = price_begin_charging(input->earlier_count ? &input->earlier[0]->ratio : &pricer->price.ratio);
    *amount = (struct mtr_money){0};
    for (uint32_t i = 0; !rc && i < input->earlier_count; i++) {
        const struct mtr_price_line *before = price_earlier_like(pricer, i, line);
        if (before) rc = price_charge(charging, &input->earlier[i]->ratio, before->exact);
        if (before && !rc) rc = mtr_money_add(*amount, before->amount, amount);
    }
    return rc;
}

static int trace_exchange(struct mtr_pricer *pricer, uint32_t index, struct mtr_exact input,
                          struct mtr_exact output)
{
    const struct mtr_price_exchange *exchange = pricer->input->exchange;
    char part[3 * MTR_DECIMAL_TEXT_BYTES], rate[MTR_DECIMAL_TEXT_BYTES], date[MTR_DATE_TEXT_BYTES];
    char before[MTR_DECIMAL_TEXT_BYTES], after[MTR_DECIMAL_TEXT_BYTES];
    struct mtr_money decimal;
    int rc = mtr_rate_decimal(&exchange->rate, &decimal);
    if (rc) return rc;
    mtr_money_format(decimal, rate);
    mtr_rate_day_format(exchange->rate.rates->day, date);
    mtr_exact_format(input, before);
    mtr_exact_format(output, after);
    snprintf(part, sizeof(part), "exchange %.*s to %.*s at %s (%s rate of %.*s, %s; %s)",
             MTR_STR_ARGS(exchange->question.from), MTR_STR_ARGS(exchange->question.to), rate,
             mtr_rate_derivation_name(exchange->rate.derivation), MTR_STR_ARGS(exchange->question.source),
             date, mtr_exchange_at_name(exchange->rule));
    return price_trace(pricer, index, part, before, after);
}

/* All parts up to this one rounded, less what the earlier ones were rounded to. `charged`: of the line. */
static int round_charged(struct mtr_pricer *pricer, uint32_t index, struct mtr_exact charged)
{
    struct mtr_price_line *line = &pricer->price.lines[index];
    struct price_charging charging;
    struct mtr_exact earlier, whole;
    struct mtr_money amount, rounded;
    char name[PRICE_ROUNDING_TEXT_BYTES];
    if (pricer->input->tariff->round_total)
        return mtr_exact_round(charged, MTR_MONEY_DIGITS, MTR_ROUND_HALF_EVEN, &line->amount, NULL);
    int rc = sum_earlier(pricer, line, &charging, &amount);
    if (!rc) rc = price_end_charging(&charging, &earlier);
    if (!rc) rc = price_charge(&charging, &pricer->price.ratio, line->exact);
    if (!rc) rc = price_end_charging(&charging, &whole);
    if (!rc) rc = price_round(&pricer->rounding, whole, &rounded);
    if (!rc) rc = mtr_money_sub(rounded, amount, &line->amount);
    if (rc || !pricer->with_trace) return rc;
    const bool has_earlier = mtr_exact_compare(earlier, mtr_exact_from_money(amount)) != 0;
    const struct mtr_exact from = has_earlier ? whole : charged,
                           to = mtr_exact_from_money(has_earlier ? rounded : line->amount);
    price_rounding_format(&pricer->rounding, name);
    if (has_earlier) rc = price_trace_exact(pricer, index, "with the earlier parts", charged, whole);
    if (!rc) rc = price_trace_exact(pricer, index, name, from, to);
    return rc || !has_earlier ? rc
                              : price_trace_exact(pricer, index, "less the earlier parts", to,
                                                  mtr_exact_from_money(line->amount));
}

static int trace_conversion(struct mtr_pricer *pricer, uint32_t index, struct mtr_exact charged)
{
    const struct mtr_price_input *input = pricer->input;
    const struct mtr_pricing_currency *pricing = &input->version->pricing;
    const struct mtr_price_line *line = &pricer->price.lines[index];
    struct mtr_exact money;
    if (!pricer->with_trace) return MTR_OK;
    int rc = mtr_price_of_units(pricing, line->exact, &money);
    if (!rc && pricing->name.size)
        rc = price_trace_units(pricer, index, line->exact, money);
    return rc || !input->exchange ? rc : trace_exchange(pricer, index, money, charged);
}

static int convert_line(struct mtr_pricer *pricer, uint32_t index)
{
    struct mtr_exact charged;
    int rc = price_convert(&pricer->price.ratio, pricer->price.lines[index].exact, &charged);
    if (!rc) rc = trace_conversion(pricer, index, charged);
    return rc ? rc : round_charged(pricer, index, charged);
}

/* A sum is of what its lines were charged with, each rounded by itself; where a cap may have cut them that is
 * not known here, and it is what they come to before. */
static int convert_rest(const struct mtr_pricer *pricer, struct mtr_price_line *line)
{
    struct mtr_exact charged;
    if (!line->is_cut) return MTR_OK;
    int rc = price_convert(&pricer->price.ratio, line->exact, &charged);
    return rc ? rc : mtr_exact_round(charged, MTR_MONEY_DIGITS, MTR_ROUND_HALF_EVEN, &line->amount, NULL);
}

static int apply_exchange(struct mtr_pricer *pricer)
{
    const struct mtr_price_exchange *exchange = pricer->input->exchange;
    const uint32_t count = price_converts(pricer) ? pricer->price.line_count : 0;
    int rc = exchange && !exchange->known && count ? MTR_EMISSING : MTR_OK;
    for (uint32_t i = 0; !rc && i < count; i++) {
        struct mtr_price_line *line = &pricer->price.lines[i];
        pricer->converted = line;
        rc = line->is_rest ? convert_rest(pricer, line) : convert_line(pricer, i);
    }
    if (!rc) pricer->converted = NULL;
    return rc;
}

/* ---- what is told of it ---- */

struct exchange_row {
    struct mtr_str currency, source;
    struct mtr_str amount, rate, numerator, denominator; /* in the texts of write_exchange */
    struct mtr_str date, day;
    const char *derivation, *rule;
};

static const char *derivation_choice(unsigned index)
{
    return index <= MTR_RATE_CROSS ? mtr_rate_derivation_name((enum mtr_rate_derivation)index) : NULL;
}

static const char *rule_choice(unsigned index)
{
    return index <= MTR_EXCHANGE_AT_ORDER ? mtr_exchange_at_name((enum mtr_exchange_at)index) : NULL;
}

static const struct mtr_json_member exchange_members[] = {
    {MTR_MEMBER(exchange_row, currency), .type = MTR_MEMBER_CURRENCY, .doc = "the tariff's own"},
    {MTR_MEMBER(exchange_row, amount), .type = MTR_MEMBER_DECIMAL,
     .doc = "exact, in the tariff's currency, before rounding"},
    {MTR_MEMBER(exchange_row, rate), .type = MTR_MEMBER_DECIMAL, .presence = MTR_MAY_BE_NULL,
     .doc = "numerator ÷ denominator where that is an exact decimal"},
    {MTR_MEMBER(exchange_row, numerator), .type = MTR_MEMBER_DECIMAL,
     .doc = "of the rate as a ratio, a whole number"},
    {MTR_MEMBER(exchange_row, denominator), .type = MTR_MEMBER_DECIMAL,
     .doc = "of the rate as a ratio, a whole number"},
    {MTR_MEMBER(exchange_row, derivation), .type = MTR_MEMBER_WORD, .choice = derivation_choice,
     .doc = "as published, its inverse, or one published rate over another"},
    {MTR_MEMBER(exchange_row, source), .type = MTR_MEMBER_TEXT, .doc = "who published the rate"},
    {MTR_MEMBER(exchange_row, date), .type = MTR_MEMBER_DATE, .doc = "of which day the rate is"},
    {MTR_MEMBER(exchange_row, rule), .type = MTR_MEMBER_WORD, .choice = rule_choice,
     .doc = "that chose the day"},
    {MTR_MEMBER(exchange_row, day), .type = MTR_MEMBER_DATE, .doc = "for which a rate was asked"},
    {0},
};
const struct mtr_shape mtr_price_exchange_shape = {.name = "Exchange", .members = exchange_members};

static struct mtr_str number_text(mtr_int128 value, char text[MTR_DECIMAL_TEXT_BYTES])
{
    const int size = mtr_decimal_format((struct mtr_decimal){.mantissa = value}, text);
    return (struct mtr_str){text, (size_t)size};
}

static struct mtr_str day_text(int64_t day, char text[MTR_DATE_TEXT_BYTES])
{
    mtr_rate_day_format(day, text);
    return mtr_str_from(text);
}

const struct tariff_part tariff_part_exchange = {.apply_to_tariff = apply_exchange};

void mtr_price_write_exchange(const struct mtr_price_exchange *exchange, struct mtr_exact amount,
                              struct mtr_json_writer *json)
{
    char amount_text[MTR_DECIMAL_TEXT_BYTES], rate[MTR_DECIMAL_TEXT_BYTES], numerator[MTR_DECIMAL_TEXT_BYTES],
        denominator[MTR_DECIMAL_TEXT_BYTES], date[MTR_DATE_TEXT_BYTES], day[MTR_DATE_TEXT_BYTES];
    struct mtr_money decimal;
    MTR_ASSERT(exchange->known);
    mtr_exact_format(amount, amount_text);
    struct exchange_row row = {
        .currency = exchange->question.from,
        .source = exchange->question.source,
        .amount = mtr_str_from(amount_text),
        .numerator = number_text(exchange->rate.numerator, numerator),
        .denominator = number_text(exchange->rate.denominator, denominator),
        .derivation = mtr_rate_derivation_name(exchange->rate.derivation),
        .date = day_text(exchange->rate.rates->day, date),
        .rule = mtr_exchange_at_name(exchange->rule),
        .day = day_text(exchange->question.day, day),
    };
    if (mtr_rate_decimal(&exchange->rate, &decimal) == MTR_OK)
        row.rate = (struct mtr_str){rate, (size_t)mtr_money_format_min(decimal, 0, rate)};
    mtr_shape_write(&mtr_price_exchange_shape, &row, json);
}
