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

/* "component calls (region=eu)", or "the tariff". */
static void write_place(const struct mtr_pricer *failed, char text[PLACE_BYTES])
{
    const struct mtr_str dimensions =
        failed->line_row_count ? failed->line_rows[0]->dimensions : MTR_STR("");
    if (!failed->component) snprintf(text, PLACE_BYTES, "the tariff");
    else if (dimensions.size)
        snprintf(text, PLACE_BYTES, "component %.*s (%.*s%s)", MTR_STR_ARGS(failed->component->key),
                 MTR_STR_ARGS(mtr_str_quoted(dimensions, DIMENSIONS_BYTES_SHOWN)),
                 mtr_str_quoted_rest(dimensions, DIMENSIONS_BYTES_SHOWN));
    else snprintf(text, PLACE_BYTES, "component %.*s", MTR_STR_ARGS(failed->component->key));
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
    if (!failed->line_row_count) {
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
