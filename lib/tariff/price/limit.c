/*
 * What several lines come to together, for the limits of a component and of the tariff, and the lines that
 * these add.
 *
 * Where the tariff rounds lines, sums are of rounded amounts, so that a bill meets its cap and its minimum to
 * the cent; where it rounds the total, or converts into another currency, sums are exact. The parts of a
 * period count together.
 */
#include "lib/tariff/price/pricer.h"

#include <stdio.h>

/* What the line counts for at that cut. */
int price_line_value(const struct mtr_pricer *pricer, const struct mtr_price_line *line,
                     enum mtr_price_cut cut, struct mtr_exact *out)
{
    int rc = MTR_OK;
    *out = price_keeps_exact(pricer) ? line->exact : mtr_exact_from_money(line->amount);
    if (!line->is_cut) return MTR_OK;
    if (cut <= MTR_PRICE_BEFORE_TARIFF_CAP) rc = mtr_exact_add(*out, line->tariff_cut, out);
    if (!rc && cut == MTR_PRICE_BEFORE_CAP) rc = mtr_exact_add(*out, line->cut, out);
    return rc;
}

bool price_line_counts(const struct mtr_price_line *line, const struct mtr_price_measured *scope)
{
    bool own = mtr_str_equal(line->component, scope->key);
    if (mtr_str_starts_with(line->component, MTR_STR("tariff.term.")))
        return false; /* it is of no period's limit */
    if (mtr_str_equal(line->kind, MTR_STR("credit")))
        return false; /* it pays for lines, and is none of them */
    if (own && scope->except_kind && mtr_str_equal(line->kind, mtr_str_from(scope->except_kind)))
        return false;
    return own || scope->of_tariff;
}

int price_sum_lines(const struct mtr_pricer *pricer, const struct mtr_price *price, uint32_t first_line,
                    const struct mtr_price_measured *scope, struct mtr_exact *sum)
{
    for (uint32_t i = first_line; i < price->line_count; i++) {
        struct mtr_exact value;
        if (!price_line_counts(&price->lines[i], scope)) continue;
        int rc = price_line_value(pricer, &price->lines[i], scope->cut, &value);
        if (!rc) rc = mtr_exact_add(*sum, value, sum);
        if (rc) return rc;
    }
    return MTR_OK;
}

int price_sum(const struct mtr_pricer *pricer, const struct mtr_price_measured *scope, struct mtr_exact *out)
{
    const struct mtr_price_input *input = pricer->input;
    struct mtr_exact sum = mtr_exact_zero();
    int rc = price_sum_lines(pricer, &pricer->price, scope->first_line, scope, &sum);
    for (uint32_t i = 0; !rc && i < input->earlier_count; i++)
        rc = price_sum_lines(pricer, input->earlier[i], 0, scope, &sum);
    if (!rc && scope->of_account) rc = mtr_exact_add(sum, mtr_exact_from_money(input->account_before), &sum);
    if (!rc) *out = sum;
    return rc;
}

int price_trace_limit(struct mtr_pricer *pricer, uint32_t line, const char *part, const char *limit,
                      struct mtr_exact input, struct mtr_exact output)
{
    char name[MTR_PRICE_SHARE_TEXT_BYTES + 32];
    if (!pricer->with_trace) return MTR_OK;
    snprintf(name, sizeof(name), "%s %s", part, limit);
    return price_trace_exact(pricer, line, name, input, output);
}

int price_add_line(struct mtr_pricer *pricer, const struct mtr_price_line *line)
{
    MTR_ASSERT(pricer->price.line_count < pricer->line_capacity);
    struct mtr_price_line *added = &pricer->price.lines[pricer->price.line_count++];
    *added = *line;
    if (pricer->component) added->tax_code = pricer->component->tax_code;
    return MTR_OK;
}

int price_add_rest(struct mtr_pricer *pricer, const struct mtr_price_line *rest)
{
    return rest->kind.size ? price_add_line(pricer, rest) : MTR_OK;
}

int price_add_due(struct mtr_pricer *pricer, const struct mtr_price_due *due)
{
    struct mtr_price_line line = {.component = due->key,
                                  .dimensions = due->dimensions,
                                  .kind = mtr_str_from(due->kind),
                                  .exact = due->amount,
                                  .minimum_of = due->minimum_of};
    line.quantity = MTR_QUANTITY(1);
    int rc = price_trace_limit(pricer, price_next_line(pricer), due->kind, due->text, due->measured,
                               due->amount);
    if (!rc) rc = price_round_line(pricer, &line);
    return rc ? rc : price_add_line(pricer, &line);
}
