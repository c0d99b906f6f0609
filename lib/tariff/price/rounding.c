/*
 * The rounding of lines and of the total. A period in parts is rounded as one: a line's amount is what the
 * exact amounts of its like come to, rounded, less what they were rounded to before. So lines of equal
 * versions add up to the rounded line of the whole period, and shares of a fee to the fee, in every mode of
 * rounding, ties included.
 *
 * Invariant at the end: sum of the lines' amounts + residue = total.
 */
#include "lib/tariff/part/part.h"
#include "lib/tariff/price/pricer.h"

#include <stdio.h>

int price_trace_exact(struct mtr_pricer *pricer, uint32_t line, const char *part, struct mtr_exact input,
                      struct mtr_exact output)
{
    char before[MTR_DECIMAL_TEXT_BYTES], after[MTR_DECIMAL_TEXT_BYTES];
    if (!pricer->with_trace) return MTR_OK;
    mtr_exact_format(input, before);
    mtr_exact_format(output, after);
    return price_trace(pricer, line, part, before, after);
}

/* Lines of one component stand together. The search starts where that of the component before ended: parts
 * have their components in the same order, unless versions differ. */
static struct mtr_price_range lines_of(const struct mtr_price *price, struct mtr_str component, uint32_t from)
{
    struct mtr_price_range range = {0};
    for (uint32_t i = 0; i < price->line_count; i++) {
        const uint32_t at = (from + i) % price->line_count;
        if (!mtr_str_equal(price->lines[at].component, component)) continue;
        range.from = range.to = at;
        while (range.from > 0 && mtr_str_equal(price->lines[range.from - 1].component, component))
            range.from--;
        while (range.to < price->line_count && mtr_str_equal(price->lines[range.to].component, component))
            range.to++;
        break;
    }
    return range;
}

static bool is_like(const struct mtr_price_line *a, const struct mtr_price_line *b)
{
    return mtr_str_equal(a->kind, b->kind) && mtr_str_equal(a->dimensions, b->dimensions);
}

/* Within the lines of a component those of use come first, by dimensions; the few others follow. */
const struct mtr_price_line *price_find_like(const struct mtr_price *price, struct mtr_price_range range,
                                             const struct mtr_price_line *line)
{
    uint32_t low = range.from, high = range.to;
    for (uint32_t last = range.to;
         last > range.from && !mtr_str_equal(price->lines[last - 1].kind, MTR_STR("usage")); high = --last)
        if (is_like(&price->lines[last - 1], line)) return &price->lines[last - 1];
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        const int order = mtr_str_compare(price->lines[middle].dimensions, line->dimensions);
        if (order == 0) return is_like(&price->lines[middle], line) ? &price->lines[middle] : NULL;
        if (order < 0) low = middle + 1;
        else high = middle;
    }
    return NULL;
}

static int add_uncut(const struct mtr_price_line *line, struct mtr_exact *exact, struct mtr_exact *amount)
{
    struct mtr_exact cut;
    int rc = mtr_exact_add(line->cut, line->tariff_cut, &cut);
    if (!rc) rc = mtr_exact_add(*exact, line->exact, exact);
    if (!rc) rc = mtr_exact_add(*exact, cut, exact);
    if (!rc) rc = mtr_exact_add(*amount, mtr_exact_from_money(line->amount), amount);
    return rc ? rc : mtr_exact_add(*amount, cut, amount);
}

const struct mtr_price_line *price_earlier_like(struct mtr_pricer *pricer, uint32_t part,
                                                const struct mtr_price_line *line)
{
    const struct mtr_price *price = pricer->input->earlier[part];
    struct mtr_price_range *range = &pricer->ranges[part];
    const bool at_hand =
        range->from < range->to && mtr_str_equal(price->lines[range->from].component, line->component);
    if (!at_hand) *range = lines_of(price, line->component, range->to);
    return price_find_like(price, *range, line);
}

/* What the lines like this one in earlier parts came to before caps: exactly, and rounded. */
static int sum_earlier(struct mtr_pricer *pricer, const struct mtr_price_line *line, bool *any,
                       struct mtr_exact *exact, struct mtr_exact *amount)
{
    const struct mtr_price_input *input = pricer->input;
    *exact = *amount = mtr_exact_zero();
    *any = false;
    for (uint32_t i = 0; i < input->earlier_count; i++) {
        const struct mtr_price_line *like = price_earlier_like(pricer, i, line);
        int rc = like ? add_uncut(like, exact, amount) : MTR_OK;
        *any = *any || like;
        if (rc) return rc;
    }
    return MTR_OK;
}

struct mtr_price_rounding price_rounding_of(const struct mtr_price_input *input)
{
    const struct mtr_tariff_document *tariff = input->tariff;
    const struct mtr_price_exchange *exchange = input->exchange;
    return (struct mtr_price_rounding){
        .mode = tariff->rounding,
        .step = mtr_tariff_rounding_step(tariff, exchange ? exchange->question.to : tariff->currency),
        .digits = exchange ? exchange->digits : tariff->rounding_digits,
    };
}

int price_round(const struct mtr_price_rounding *rounding, struct mtr_exact exact, struct mtr_money *out)
{
    return rounding->step.e18 ? mtr_exact_round_step(exact, rounding->step, rounding->mode, out)
                              : mtr_exact_round(exact, rounding->digits, rounding->mode, out, NULL);
}

void price_rounding_format(const struct mtr_price_rounding *rounding, char text[PRICE_ROUNDING_TEXT_BYTES])
{
    const char *mode = mtr_rounding_name(rounding->mode);
    char step[MTR_DECIMAL_TEXT_BYTES];
    mtr_money_format(rounding->step, step);
    if (rounding->step.e18)
        snprintf(text, PRICE_ROUNDING_TEXT_BYTES, "round %s to steps of %s", mode, step);
    else snprintf(text, PRICE_ROUNDING_TEXT_BYTES, "round %s to %u digits", mode, rounding->digits);
}

static int round_exact(struct mtr_pricer *pricer, struct mtr_exact exact, struct mtr_money *out)
{
    char name[PRICE_ROUNDING_TEXT_BYTES];
    if (price_keeps_exact(pricer))
        return mtr_exact_round(exact, MTR_MONEY_DIGITS, MTR_ROUND_HALF_EVEN, out, NULL);
    int rc = price_round(&pricer->rounding, exact, out);
    if (rc || !pricer->with_trace) return rc;
    price_rounding_format(&pricer->rounding, name);
    return price_trace_exact(pricer, price_next_line(pricer), name, exact, mtr_exact_from_money(*out));
}

/* With what earlier parts left over. */
static int round_with_earlier(struct mtr_pricer *pricer, struct mtr_price_line *line, struct mtr_exact exact,
                              struct mtr_exact amount)
{
    struct mtr_exact whole, rest;
    struct mtr_money rounded;
    int rc = mtr_exact_add(exact, line->exact, &whole);
    if (!rc)
        rc = price_trace_exact(pricer, price_next_line(pricer), "with the earlier parts", line->exact, whole);
    if (!rc) rc = round_exact(pricer, whole, &rounded);
    if (!rc) rc = mtr_exact_sub(mtr_exact_from_money(rounded), amount, &rest);
    if (!rc) rc = mtr_exact_round(rest, MTR_MONEY_DIGITS, MTR_ROUND_HALF_EVEN, &line->amount, NULL);
    return rc ? rc
              : price_trace_exact(pricer, price_next_line(pricer), "less the earlier parts",
                                  mtr_exact_from_money(rounded), rest);
}

int price_round_line(struct mtr_pricer *pricer, struct mtr_price_line *line)
{
    struct mtr_exact exact, amount;
    bool any = false;
    /* amounts of earlier parts are in another currency: price/currency.c rounds there */
    if (price_converts(pricer)) return round_exact(pricer, line->exact, &line->amount);
    int rc = sum_earlier(pricer, line, &any, &exact, &amount);
    if (rc) return rc;
    return any ? round_with_earlier(pricer, line, exact, amount)
               : round_exact(pricer, line->exact, &line->amount);
}

static const struct mtr_money nothing;

/* What the lines that are priced apart are charged with is known: their sums are that, together. Where there
 * are no sums these lines came later than them, and whoever made both makes them again. */
static void charge_rests(struct mtr_pricer *pricer)
{
    const struct mtr_money *charged = pricer->input->rest_charged;
    for (uint32_t i = 0; charged && i < pricer->price.line_count; i++) {
        struct mtr_price_line *line = &pricer->price.lines[i];
        if (!line->is_rest) continue;
        line->amount = *charged;
        charged = &nothing;
    }
}

static int make_total(struct mtr_pricer *pricer)
{
    struct mtr_price *price = &pricer->price;
    struct mtr_money amounts = {0};
    struct mtr_exact sum = mtr_exact_zero();
    char rule[PRICE_ROUNDING_TEXT_BYTES], name[PRICE_ROUNDING_TEXT_BYTES + 16];
    if (pricer->input->rest_charged) charge_rests(pricer);
    for (uint32_t i = 0; i < price->line_count; i++) {
        int rc = mtr_money_add(amounts, price->lines[i].amount, &amounts);
        if (rc) return rc;
    }
    price->total = amounts;
    price->residue = (struct mtr_money){0};
    if (!pricer->input->tariff->round_total) return MTR_OK;
    int rc = price_sum_charged(pricer, &sum);
    if (!rc) rc = price_round(&pricer->rounding, sum, &price->total);
    const struct mtr_money whole = price->total;
    for (uint32_t i = 0; !rc && i < pricer->input->earlier_count; i++)
        rc = mtr_money_sub(price->total, pricer->input->earlier[i]->total, &price->total);
    if (!rc) rc = mtr_money_sub(price->total, amounts, &price->residue);
    if (rc || !pricer->with_trace) return rc;
    price_rounding_format(&pricer->rounding, rule);
    snprintf(name, sizeof(name), "total, %s", rule);
    rc = price_trace_exact(pricer, UINT32_MAX, name, sum, mtr_exact_from_money(whole));
    if (rc || !pricer->input->earlier_count) return rc;
    return price_trace_exact(pricer, UINT32_MAX, "less the earlier parts' totals",
                             mtr_exact_from_money(whole), mtr_exact_from_money(price->total));
}

const struct tariff_part tariff_part_total = {.apply_to_tariff = make_total};
