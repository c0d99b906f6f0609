/*
 * What applies to several lines together: caps and minimums, of a component and of the tariff.
 *
 * Where the tariff rounds lines, sums are of rounded amounts, so that a bill meets its cap and its minimum to
 * the cent; where it rounds the total, or converts into another currency, sums are exact.
 *
 * A period in parts has one cap: the parts before count, and where use of a later part is negative, it gives
 * back first what the cap took off before. For that each line keeps what was cut of it.
 */
#include "lib/tariff/price/parts.h"

#include <stdio.h>

/* What the line counts for at that cut. */
static int value_at(const struct mtr_pricer *pricer, const struct mtr_price_line *line,
                    enum mtr_price_cut cut, struct mtr_exact *out)
{
    int rc = MTR_OK;
    *out = price_keeps_exact(pricer) ? line->exact : mtr_exact_from_money(line->amount);
    if (!line->is_cut) return MTR_OK;
    if (cut <= MTR_PRICE_BEFORE_TARIFF_CAP) rc = mtr_exact_add(*out, line->tariff_cut, out);
    if (!rc && cut == MTR_PRICE_BEFORE_CAP) rc = mtr_exact_add(*out, line->cut, out);
    return rc;
}

static bool counts(const struct mtr_price_line *line, const struct mtr_price_measured *scope)
{
    bool own = mtr_str_equal(line->component, scope->key);
    if (mtr_str_equal(line->kind, MTR_STR("credit")))
        return false; /* it pays for lines, and is none of them */
    if (own && scope->except_kind && mtr_str_equal(line->kind, mtr_str_from(scope->except_kind)))
        return false;
    return own || scope->of_tariff;
}

static int add_lines(const struct mtr_pricer *pricer, const struct mtr_price *price, uint32_t first_line,
                     const struct mtr_price_measured *scope, struct mtr_exact *sum)
{
    for (uint32_t i = first_line; i < price->line_count; i++) {
        struct mtr_exact value;
        if (!counts(&price->lines[i], scope)) continue;
        int rc = value_at(pricer, &price->lines[i], scope->cut, &value);
        if (!rc) rc = mtr_exact_add(*sum, value, sum);
        if (rc) return rc;
    }
    return MTR_OK;
}

int price_sum(const struct mtr_pricer *pricer, const struct mtr_price_measured *scope, struct mtr_exact *out)
{
    const struct mtr_price_input *input = pricer->input;
    struct mtr_exact sum = mtr_exact_zero();
    int rc = add_lines(pricer, &pricer->price, scope->first_line, scope, &sum);
    for (uint32_t i = 0; !rc && i < input->earlier_count; i++)
        rc = add_lines(pricer, input->earlier[i], 0, scope, &sum);
    if (!rc && scope->of_account) rc = mtr_exact_add(sum, mtr_exact_from_money(input->account_before), &sum);
    if (!rc) *out = sum;
    return rc;
}

static int trace_limit(struct mtr_pricer *pricer, uint32_t line, const char *part, const char *limit,
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

/* A cap at work on the lines of a component, or of the tariff. */
struct capping {
    const struct mtr_price_measured *scope;
    const char *limit;
};

/* Takes `less` off the line; gives back where it is negative. Its rounding is not touched: what is cut is
 * a rounded amount, too. */
static int cut_line(struct mtr_pricer *pricer, const struct capping *capping, uint32_t index,
                    struct mtr_exact less)
{
    struct mtr_price_line *line = &pricer->price.lines[index];
    struct mtr_exact *cut = capping->scope->of_tariff ? &line->tariff_cut : &line->cut, before, after, amount;
    const bool keeps_exact = price_keeps_exact(pricer);
    line->has_unit_price = false;
    line->is_cut = true;
    int rc = value_at(pricer, line, MTR_PRICE_AFTER_CAPS, &before);
    if (!rc) rc = mtr_exact_add(*cut, less, cut);
    if (!rc) rc = mtr_exact_sub(line->exact, less, &line->exact);
    if (!rc) rc = mtr_exact_sub(mtr_exact_from_money(line->amount), less, &amount);
    if (!rc)
        rc = mtr_exact_round(keeps_exact ? line->exact : amount, MTR_MONEY_DIGITS, MTR_ROUND_HALF_EVEN,
                             &line->amount, NULL);
    if (!rc) rc = value_at(pricer, line, MTR_PRICE_AFTER_CAPS, &after);
    return rc ? rc : trace_limit(pricer, index, "cap", capping->limit, before, after);
}

/* From the last line on, those that are positive: the first lines fill the cap. */
static int cut_lines(struct mtr_pricer *pricer, const struct capping *capping, struct mtr_exact excess)
{
    int rc = MTR_OK;
    for (uint32_t i = pricer->price.line_count;
         !rc && i > capping->scope->first_line && mtr_exact_compare(excess, mtr_exact_zero()) > 0; i--) {
        struct mtr_exact value, less;
        rc = value_at(pricer, &pricer->price.lines[i - 1], MTR_PRICE_AFTER_CAPS, &value);
        if (rc || mtr_exact_compare(value, mtr_exact_zero()) <= 0) continue;
        less = mtr_exact_compare(value, excess) < 0 ? value : excess;
        rc = cut_line(pricer, capping, i - 1, less);
        if (!rc) rc = mtr_exact_sub(excess, less, &excess);
    }
    return rc;
}

/* What the cap took off lines of earlier parts, and has not given back. */
static int sum_cut_earlier(const struct mtr_pricer *pricer, const struct mtr_price_measured *scope,
                           struct mtr_exact *out)
{
    struct mtr_exact sum = mtr_exact_zero();
    for (uint32_t i = 0; i < pricer->input->earlier_count; i++) {
        const struct mtr_price *price = pricer->input->earlier[i];
        for (uint32_t j = 0; j < price->line_count; j++) {
            if (!counts(&price->lines[j], scope)) continue;
            int rc =
                mtr_exact_add(sum, scope->of_tariff ? price->lines[j].tariff_cut : price->lines[j].cut, &sum);
            if (rc) return rc;
        }
    }
    *out = sum;
    return MTR_OK;
}

static struct mtr_exact lesser(struct mtr_exact a, struct mtr_exact b)
{
    return mtr_exact_compare(a, b) < 0 ? a : b;
}

/* To the negative lines of this part, from the last on, each up to zero: as much as was cut earlier and
 * the cap has room for. */
static int give_back(struct mtr_pricer *pricer, const struct capping *capping, struct mtr_exact room)
{
    struct mtr_exact left, own = mtr_exact_zero(), owed;
    int rc = sum_cut_earlier(pricer, capping->scope, &left);
    if (rc || mtr_exact_compare(left, mtr_exact_zero()) <= 0) return rc;
    rc = add_lines(pricer, &pricer->price, capping->scope->first_line, capping->scope, &own);
    if (!rc) rc = mtr_exact_sub(mtr_exact_zero(), own, &owed);
    left = rc ? left : lesser(left, lesser(owed, room));
    for (uint32_t i = pricer->price.line_count;
         !rc && i > capping->scope->first_line && mtr_exact_compare(left, mtr_exact_zero()) > 0; i--) {
        struct mtr_exact value, back, more;
        rc = value_at(pricer, &pricer->price.lines[i - 1], MTR_PRICE_AFTER_CAPS, &value);
        if (rc || mtr_exact_compare(value, mtr_exact_zero()) >= 0) continue;
        rc = mtr_exact_sub(mtr_exact_zero(), value, &more);
        if (rc) continue;
        more = lesser(more, left);
        rc = mtr_exact_sub(mtr_exact_zero(), more, &back);
        if (!rc) rc = cut_line(pricer, capping, i - 1, back);
        if (!rc) rc = mtr_exact_sub(left, more, &left);
    }
    return rc;
}

static int apply_cap(struct mtr_pricer *pricer, const struct mtr_price_measured *scope, struct mtr_money cap)
{
    char limit[MTR_DECIMAL_TEXT_BYTES];
    const struct capping capping = {scope, limit};
    const struct mtr_exact most = mtr_exact_from_money(cap);
    struct mtr_exact sum, rest;
    int rc = price_sum(pricer, scope, &sum);
    if (rc) return rc;
    const bool exceeds = mtr_exact_compare(sum, most) > 0;
    if (!exceeds && pricer->input->earlier_count == 0) return MTR_OK;
    limit[0] = '\0';
    if (pricer->with_trace) mtr_money_format(cap, limit);
    rc = exceeds ? mtr_exact_sub(sum, most, &rest) : mtr_exact_sub(most, sum, &rest);
    if (rc) return rc;
    return exceeds ? cut_lines(pricer, &capping, rest) : give_back(pricer, &capping, rest);
}

int price_cap(struct mtr_pricer *pricer, const struct mtr_component *component, uint32_t first_line)
{
    /* its own cut is what the lines of this part do not have yet, and those before have already */
    const struct mtr_price_measured scope = {
        .first_line = first_line, .key = component->key, .cut = MTR_PRICE_BEFORE_TARIFF_CAP};
    return component->has_cap ? apply_cap(pricer, &scope, component->cap) : MTR_OK;
}

int price_tariff_cap(struct mtr_pricer *pricer)
{
    const struct mtr_tariff_version *version = pricer->input->version;
    const struct mtr_price_measured all = {
        .of_tariff = true, .key = MTR_STR(""), .cut = MTR_PRICE_AFTER_CAPS};
    return version->has_cap ? apply_cap(pricer, &all, version->cap) : MTR_OK;
}

/* What the account's cap leaves for this subscription. */
int price_account_cap(struct mtr_pricer *pricer)
{
    const struct mtr_account_limits *account = &pricer->input->version->account;
    const struct mtr_price_measured all = {
        .of_tariff = true, .key = MTR_STR(""), .cut = MTR_PRICE_AFTER_CAPS};
    struct mtr_money left = {0};
    if (!account->has_cap) return MTR_OK;
    int rc = mtr_money_sub(account->cap, pricer->input->account_before, &left);
    if (!rc && left.e18 < 0) left = (struct mtr_money){0};
    return rc ? rc : apply_cap(pricer, &all, left);
}

int price_add_due(struct mtr_pricer *pricer, struct mtr_str key, const char *kind, const char *text,
                  struct mtr_exact input, struct mtr_exact amount)
{
    struct mtr_price_line line = {
        .component = key, .dimensions = MTR_STR(""), .kind = mtr_str_from(kind), .exact = amount};
    int rc = mtr_quantity_from_i64(1, &line.quantity);
    if (!rc) rc = trace_limit(pricer, price_next_line(pricer), kind, text, input, amount);
    if (!rc) rc = price_round_line(pricer, &line);
    return rc ? rc : price_add_line(pricer, &line);
}

static int add_minimum(struct mtr_pricer *pricer, const struct mtr_price_measured *scope,
                       struct mtr_money minimum, enum mtr_prorate prorate)
{
    char text[MTR_PRICE_SHARE_TEXT_BYTES];
    struct mtr_exact sum, least, missing;
    if (!pricer->input->closing || pricer->input->continued_later) return MTR_OK;
    int rc = price_sum(pricer, scope, &sum);
    if (!rc) rc = price_prorate(pricer, prorate, minimum, &least, text);
    if (!rc) rc = mtr_exact_sub(least, sum, &missing);
    if (rc || mtr_exact_compare(missing, mtr_exact_zero()) <= 0) return rc;
    return price_add_due(pricer, scope->key, "minimum", text, sum, missing);
}

int price_minimum(struct mtr_pricer *pricer, const struct mtr_component *component, uint32_t first_line)
{
    const struct mtr_price_measured scope = {
        .first_line = first_line, .key = component->key, .cut = MTR_PRICE_BEFORE_TARIFF_CAP};
    return component->has_minimum
               ? add_minimum(pricer, &scope, component->minimum, component->minimum_prorate)
               : MTR_OK;
}

int price_tariff_minimum(struct mtr_pricer *pricer)
{
    const struct mtr_tariff_version *version = pricer->input->version;
    const struct mtr_price_measured scope = {
        .of_tariff = true, .key = MTR_STR("tariff.minimum"), .cut = MTR_PRICE_AFTER_CAPS};
    return version->has_minimum ? add_minimum(pricer, &scope, version->minimum, version->minimum_prorate)
                                : MTR_OK;
}

int price_account_minimum(struct mtr_pricer *pricer)
{
    const struct mtr_account_limits *account = &pricer->input->version->account;
    const struct mtr_price_measured scope = {.of_tariff = true,
                                             .of_account = true,
                                             .key = MTR_STR("account.minimum"),
                                             .cut = MTR_PRICE_AFTER_CAPS};
    if (!account->has_minimum || pricer->input->account_continues) return MTR_OK;
    return add_minimum(pricer, &scope, account->minimum, MTR_PRORATE_NONE);
}
