/*
 * What applies to several lines together: caps, minimums, the total.
 *
 * Where the tariff rounds lines, sums are of rounded amounts, so that a bill meets its cap and its minimum to the cent; where it rounds
 * the total, sums are exact. Invariant at the end: sum of the lines' amounts + residue = total.
 *
 * A period in parts is rounded as one: what the rounding of a fee's share or of a total left over is carried into the next part.
 */
#include "rater/price_parts.h"

#include <stdio.h>

static struct mtr_exact value_of(const struct mtr_pricer *pricer, const struct mtr_price_line *line)
{
    return pricer->input->tariff->round_total ? line->exact : mtr_exact_from_money(line->amount);
}

static bool counts(const struct mtr_price_line *line, const struct mtr_price_scope *scope)
{
    bool own = mtr_str_equal(line->component, scope->key);
    if (own && scope->except_kind && mtr_str_equal(line->kind, mtr_str_from(scope->except_kind))) return false;
    return own || scope->of_tariff;
}

static int add_lines(const struct mtr_pricer *pricer, const struct mtr_price *price, uint32_t first_line, const struct mtr_price_scope *scope,
                     struct mtr_exact *sum)
{
    for (uint32_t i = first_line; i < price->line_count; i++) {
        if (!counts(&price->lines[i], scope)) continue;
        int rc = mtr_exact_add(*sum, value_of(pricer, &price->lines[i]), sum);
        if (rc) return rc;
    }
    return MTR_OK;
}

int mtr_price_sum(const struct mtr_pricer *pricer, const struct mtr_price_scope *scope, struct mtr_exact *out)
{
    const struct mtr_price_input *input = pricer->input;
    struct mtr_exact sum = mtr_exact_zero();
    int rc = add_lines(pricer, &pricer->price, scope->first_line, scope, &sum);
    for (uint32_t i = 0; !rc && i < input->earlier_count; i++) rc = add_lines(pricer, input->earlier[i], 0, scope, &sum);
    if (!rc) *out = sum;
    return rc;
}

int mtr_price_sum_earlier(const struct mtr_pricer *pricer, struct mtr_str key, const char *kind, struct mtr_exact *out)
{
    struct mtr_exact sum = mtr_exact_zero();
    for (uint32_t i = 0; i < pricer->input->earlier_count; i++) {
        const struct mtr_price *price = pricer->input->earlier[i];
        for (uint32_t j = 0; j < price->line_count; j++) {
            const struct mtr_price_line *line = &price->lines[j];
            if (!mtr_str_equal(line->component, key) || !mtr_str_equal(line->kind, mtr_str_from(kind))) continue;
            int rc = mtr_exact_add(sum, value_of(pricer, line), &sum);
            if (rc) return rc;
        }
    }
    *out = sum;
    return MTR_OK;
}

static int trace_exact(struct mtr_pricer *pricer, uint32_t line, const char *part, struct mtr_exact input, struct mtr_exact output)
{
    char before[MTR_DECIMAL_TEXT_BYTES], after[MTR_DECIMAL_TEXT_BYTES];
    if (!pricer->with_trace) return MTR_OK;
    mtr_exact_format(input, before);
    mtr_exact_format(output, after);
    return mtr_price_trace(pricer, line, part, before, after);
}

static int trace_limit(struct mtr_pricer *pricer, uint32_t line, const char *part, const char *limit, struct mtr_exact input,
                       struct mtr_exact output)
{
    char name[MTR_PRICE_SHARE_TEXT_BYTES + 32];
    if (!pricer->with_trace) return MTR_OK;
    snprintf(name, sizeof(name), "%s %s", part, limit);
    return trace_exact(pricer, line, name, input, output);
}

int mtr_price_round_line(struct mtr_pricer *pricer, struct mtr_price_line *line)
{
    const struct mtr_tariff_document *tariff = pricer->input->tariff;
    if (tariff->round_total) return mtr_exact_round(line->exact, MTR_MONEY_DIGITS, MTR_ROUND_HALF_EVEN, &line->amount, NULL);
    int rc = mtr_exact_round(line->exact, tariff->rounding_digits, tariff->rounding, &line->amount, NULL);
    if (rc || !pricer->with_trace) return rc;
    char name[64];
    snprintf(name, sizeof(name), "round %s to %u digits", mtr_rounding_name(tariff->rounding), tariff->rounding_digits);
    return trace_exact(pricer, mtr_price_next_line(pricer), name, line->exact, mtr_exact_from_money(line->amount));
}

/* What the shares of this fee in earlier parts were rounded off by. */
static int carried(const struct mtr_price_input *input, const struct mtr_price_line *line, struct mtr_exact *out)
{
    struct mtr_exact rest = mtr_exact_zero();
    for (uint32_t i = 0; i < input->earlier_count; i++) {
        const struct mtr_price *part = input->earlier[i];
        for (uint32_t j = 0; j < part->line_count; j++) {
            const struct mtr_price_line *share = &part->lines[j];
            if (!mtr_str_equal(share->component, line->component) || !mtr_str_equal(share->kind, line->kind)) continue;
            int rc = mtr_exact_add(rest, share->exact, &rest);
            if (!rc) rc = mtr_exact_sub(rest, mtr_exact_from_money(share->amount), &rest);
            if (rc) return rc;
        }
    }
    *out = rest;
    return MTR_OK;
}

int mtr_price_round_share(struct mtr_pricer *pricer, struct mtr_price_line *line)
{
    struct mtr_exact share = line->exact, rest;
    int rc = carried(pricer->input, line, &rest);
    if (!rc) rc = mtr_exact_add(share, rest, &line->exact);
    if (!rc && mtr_exact_compare(rest, mtr_exact_zero()) != 0)
        rc = trace_exact(pricer, mtr_price_next_line(pricer), "carried from the earlier parts", share, line->exact);
    if (!rc) rc = mtr_price_round_line(pricer, line);
    line->exact = share;
    return rc;
}

int mtr_price_add_line(struct mtr_pricer *pricer, const struct mtr_price_line *line)
{
    MTR_ASSERT(pricer->price.line_count < pricer->line_capacity);
    pricer->price.lines[pricer->price.line_count++] = *line;
    return MTR_OK;
}

static int cut_line(struct mtr_pricer *pricer, struct mtr_money cap, uint32_t index, struct mtr_exact *excess)
{
    const struct mtr_tariff_document *tariff = pricer->input->tariff;
    struct mtr_price_line *line = &pricer->price.lines[index];
    struct mtr_exact before = value_of(pricer, line), after = mtr_exact_zero();
    if (mtr_exact_compare(before, mtr_exact_zero()) <= 0) return MTR_OK;
    int rc = MTR_OK;
    if (mtr_exact_compare(before, *excess) > 0) rc = mtr_exact_sub(before, *excess, &after);
    if (rc) return rc;
    line->exact = after;
    line->has_unit_price = false;
    if (tariff->round_total)
        rc = mtr_exact_round(after, MTR_MONEY_DIGITS, MTR_ROUND_HALF_EVEN, &line->amount, NULL);
    else
        rc = mtr_exact_round(after, tariff->rounding_digits, MTR_ROUND_DOWN, &line->amount, NULL); /* never above the cap */
    struct mtr_exact cut = mtr_exact_zero();
    if (!rc) rc = mtr_exact_sub(before, after, &cut);
    if (!rc) rc = mtr_exact_sub(*excess, cut, excess);
    char limit[MTR_DECIMAL_TEXT_BYTES];
    mtr_money_format(cap, limit);
    if (!rc) rc = trace_limit(pricer, index, "cap", limit, before, value_of(pricer, line));
    return rc;
}

static int apply_cap(struct mtr_pricer *pricer, const struct mtr_price_scope *scope, struct mtr_money cap)
{
    struct mtr_exact sum, excess;
    int rc = mtr_price_sum(pricer, scope, &sum);
    if (!rc) rc = mtr_exact_sub(sum, mtr_exact_from_money(cap), &excess);
    for (uint32_t i = pricer->price.line_count; !rc && i > scope->first_line && mtr_exact_compare(excess, mtr_exact_zero()) > 0; i--)
        rc = cut_line(pricer, cap, i - 1, &excess); /* from the last: the first lines fill the cap */
    return rc;
}

int mtr_price_cap(struct mtr_pricer *pricer, const struct mtr_component *component, uint32_t first_line)
{
    const struct mtr_price_scope scope = {.first_line = first_line, .key = component->key};
    return component->has_cap ? apply_cap(pricer, &scope, component->cap) : MTR_OK;
}

int mtr_price_tariff_cap(struct mtr_pricer *pricer)
{
    const struct mtr_tariff_version *version = pricer->input->version;
    const struct mtr_price_scope all = {.of_tariff = true, .key = MTR_STR("")};
    return version->has_cap ? apply_cap(pricer, &all, version->cap) : MTR_OK;
}

int mtr_price_add_due(struct mtr_pricer *pricer, struct mtr_str key, const char *kind, const char *text, struct mtr_exact input,
                      struct mtr_exact amount)
{
    struct mtr_price_line line = {.component = key, .dimensions = MTR_STR(""), .kind = mtr_str_from(kind), .exact = amount};
    int rc = mtr_quantity_from_i64(1, &line.quantity);
    if (!rc) rc = trace_limit(pricer, mtr_price_next_line(pricer), kind, text, input, amount);
    if (!rc) rc = mtr_price_round_line(pricer, &line);
    return rc ? rc : mtr_price_add_line(pricer, &line);
}

static int add_minimum(struct mtr_pricer *pricer, const struct mtr_price_scope *scope, struct mtr_money minimum, enum mtr_prorate prorate)
{
    char text[MTR_PRICE_SHARE_TEXT_BYTES];
    struct mtr_exact sum, least, missing;
    if (!pricer->input->closing || pricer->input->continued_later) return MTR_OK;
    int rc = mtr_price_sum(pricer, scope, &sum);
    if (!rc) rc = mtr_price_prorate(pricer->input, prorate, minimum, &least, text);
    if (!rc) rc = mtr_exact_sub(least, sum, &missing);
    if (rc || mtr_exact_compare(missing, mtr_exact_zero()) <= 0) return rc;
    return mtr_price_add_due(pricer, scope->key, "minimum", text, sum, missing);
}

int mtr_price_minimum(struct mtr_pricer *pricer, const struct mtr_component *component, uint32_t first_line)
{
    const struct mtr_price_scope scope = {.first_line = first_line, .key = component->key};
    return component->has_minimum ? add_minimum(pricer, &scope, component->minimum, component->minimum_prorate) : MTR_OK;
}

int mtr_price_tariff_minimum(struct mtr_pricer *pricer)
{
    const struct mtr_tariff_version *version = pricer->input->version;
    const struct mtr_price_scope scope = {.of_tariff = true, .key = MTR_STR("tariff.minimum")};
    return version->has_minimum ? add_minimum(pricer, &scope, version->minimum, version->minimum_prorate) : MTR_OK;
}

int mtr_price_total(struct mtr_pricer *pricer)
{
    const struct mtr_tariff_document *tariff = pricer->input->tariff;
    struct mtr_price *price = &pricer->price;
    struct mtr_money amounts = {0};
    struct mtr_exact sum = mtr_exact_zero();
    char name[64];
    for (uint32_t i = 0; i < price->line_count; i++) {
        int rc = mtr_money_add(amounts, price->lines[i].amount, &amounts);
        if (rc) return rc;
    }
    price->total = amounts;
    price->residue = (struct mtr_money){0};
    if (!tariff->round_total) return MTR_OK;
    const struct mtr_price_scope all = {.of_tariff = true, .key = MTR_STR("")};
    int rc = mtr_price_sum(pricer, &all, &sum);
    if (!rc) rc = mtr_exact_round(sum, tariff->rounding_digits, tariff->rounding, &price->total, NULL);
    const struct mtr_money whole = price->total;
    for (uint32_t i = 0; !rc && i < pricer->input->earlier_count; i++)
        rc = mtr_money_sub(price->total, pricer->input->earlier[i]->total, &price->total);
    if (!rc) rc = mtr_money_sub(price->total, amounts, &price->residue);
    if (rc || !pricer->with_trace) return rc;
    snprintf(name, sizeof(name), "total, round %s to %u digits", mtr_rounding_name(tariff->rounding), tariff->rounding_digits);
    rc = trace_exact(pricer, UINT32_MAX, name, sum, mtr_exact_from_money(whole));
    if (rc || !pricer->input->earlier_count) return rc;
    return trace_exact(pricer, UINT32_MAX, "less the earlier parts' totals", mtr_exact_from_money(whole), mtr_exact_from_money(price->total));
}
