/*
 * Which number of a price was out of range, as a sentence.
 */
#include "lib/tariff/price/pricer.h"

#include <stdio.h>

enum { PLACE_BYTES = 352, SENTENCE_BYTES = 1024, DIMENSIONS_BYTES_SHOWN = 240 };

int price_keep_step(void *context, const struct mtr_price_step *step)
{
    struct mtr_price_last_step *last = context;
    if (step->line == last->line)
        snprintf(last->text, sizeof(last->text), ", %.*s %.*s", MTR_STR_ARGS(step->part),
                 MTR_STR_ARGS(step->input));
    return MTR_OK;
}

/* "component calls (region=eu)". */
static void write_component(struct mtr_str key, struct mtr_str dimensions, char text[PLACE_BYTES])
{
    if (dimensions.size)
        snprintf(text, PLACE_BYTES, "component %.*s (%.*s%s)", MTR_STR_ARGS(key),
                 MTR_STR_ARGS(mtr_str_quoted(dimensions, DIMENSIONS_BYTES_SHOWN)),
                 mtr_str_quoted_rest(dimensions, DIMENSIONS_BYTES_SHOWN));
    else snprintf(text, PLACE_BYTES, "component %.*s", MTR_STR_ARGS(key));
}

static void write_place(const struct mtr_pricer *failed, char text[PLACE_BYTES])
{
    const struct mtr_str dimensions =
        failed->line_row_count ? failed->line_rows[0]->dimensions : MTR_STR("");
    if (failed->component) write_component(failed->component->key, dimensions, text);
    else snprintf(text, PLACE_BYTES, "the tariff");
}

/* " at 0.01 EUR", " at 169.25 JPY", or both: what a unit of the line's amount is worth. */
static void write_ratio(const struct mtr_price_input *input, char text[PLACE_BYTES])
{
    const struct mtr_pricing_currency *pricing = &input->version->pricing;
    const struct mtr_price_exchange *exchange = input->exchange;
    char number[MTR_DECIMAL_TEXT_BYTES];
    struct mtr_money rate;
    size_t used = 0;
    text[0] = '\0';
    if (pricing->name.size) {
        mtr_money_format(pricing->price, number);
        used = (size_t)snprintf(text, PLACE_BYTES, " at %s %.*s", number,
                                MTR_STR_ARGS(input->tariff->currency));
    }
    if (!exchange || mtr_rate_decimal(&exchange->rate, &rate)) return;
    mtr_money_format(rate, number);
    snprintf(text + used, PLACE_BYTES - used, " at %s %.*s", number, MTR_STR_ARGS(exchange->question.to));
}

/* An amount that was in range before it became money, or other money. */
static int write_converted(const struct mtr_pricer *failed, char text[SENTENCE_BYTES])
{
    const struct mtr_price_line *line = failed->converted;
    const struct mtr_price_input *input = failed->input;
    const struct mtr_str unit =
        input->version->pricing.name.size ? input->version->pricing.name : input->tariff->currency;
    char place[PLACE_BYTES], ratio[PLACE_BYTES], amount[MTR_DECIMAL_TEXT_BYTES],
        quantity[MTR_DECIMAL_TEXT_BYTES];
    write_component(line->component, line->dimensions, place);
    write_ratio(input, ratio);
    mtr_exact_format(line->exact, amount);
    mtr_quantity_format(line->quantity, quantity);
    return snprintf(text, SENTENCE_BYTES,
                    "%s: the price of %s is out of range, %s %.*s%s: an amount is at most "
                    MTR_MONEY_MAX_TEXT, place, quantity, amount, MTR_STR_ARGS(unit), ratio);
}

/* What the line used; false: it is itself out of range. Levels do not add up. */
static bool add_up(const struct mtr_pricer *failed, struct mtr_quantity *sum)
{
    *sum = (struct mtr_quantity){0};
    for (uint32_t i = 0; i < failed->line_row_count; i++)
        if (mtr_quantity_add(*sum, failed->line_rows[i]->quantity, sum)) return false;
    return true;
}

int price_explain_range(const struct mtr_pricer *failed, const struct mtr_price_last_step *last,
                        struct mtr_str *out)
{
    char place[PLACE_BYTES], quantity[MTR_DECIMAL_TEXT_BYTES], text[SENTENCE_BYTES];
    struct mtr_quantity sum;
    int size;
    write_place(failed, place);
    if (failed->converted) {
        size = write_converted(failed, text);
    } else if (!failed->line_row_count) {
        size = snprintf(text, sizeof(text), "%s: its amounts add up to more than " MTR_MONEY_MAX_TEXT, place);
    } else if (!add_up(failed, &sum)) {
        mtr_quantity_format(failed->line_rows[failed->line_row_count - 1]->quantity, quantity);
        size = snprintf(text, sizeof(text),
                        "%s: its quantities, the last of them %s, add up to more than " MTR_QUANTITY_MAX_TEXT,
                        place, quantity);
    } else {
        mtr_quantity_format(sum, quantity);
        size = snprintf(text, sizeof(text),
                        "%s: the price of %s is out of range%s: an amount is at most " MTR_MONEY_MAX_TEXT
                        ", a quantity " MTR_QUANTITY_MAX_TEXT,
                        place, quantity, last->text);
    }
    MTR_ASSERT(size > 0 && (size_t)size < sizeof(text));
    return mtr_arena_copy(failed->arena, (struct mtr_str){text, (size_t)size}, out);
}
