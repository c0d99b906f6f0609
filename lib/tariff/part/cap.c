/*
 * Caps: the greatest amount of a component's lines, of all lines, or of all that a customer's subscriptions
 * of the tariff come to.
 *
 * A period in parts has one cap: the parts before count, and where use of a later part is negative, it gives
 * back first what the cap took off before. For that each line keeps what was cut of it.
 */
#include "lib/tariff/part/limits.h"
#include "lib/tariff/price/pricer.h"
#include "lib/tariff/report.h"

void tariff_lint_cap(const struct mtr_node *map, const struct mtr_tariff_document *tariff,
                     struct mtr_money cap, const struct mtr_money *minimum,
                     const struct mtr_commitment *commitment, struct mtr_diagnostics *findings)
{
    tariff_lint_limit(map, "cap", tariff, cap, findings);
    if (minimum && mtr_money_compare(*minimum, cap) > 0)
        tariff_report(findings, MTR_FINDING_TARIFF_LIMITS_CROSSED, tariff_place(map, "minimum"), "minimum",
                      "is more than the cap");
    if (commitment && mtr_money_compare(commitment->amount, cap) > 0)
        tariff_report(findings, MTR_FINDING_TARIFF_LIMITS_CROSSED, tariff_place(map, "commitment"),
                      "commitment", "is more than the cap");
}

static void lint_cap(const struct mtr_node *node, const struct mtr_tariff_document *tariff,
                     struct mtr_component *component, struct mtr_diagnostics *findings)
{
    const struct tariff_cap *cap = TARIFF_PART_OF(component, cap);
    const struct tariff_minimum *minimum = TARIFF_PART_OF(component, minimum);
    tariff_lint_cap(node, tariff, cap->amount, minimum ? &minimum->amount : NULL,
                    TARIFF_PART_OF(component, overage), findings);
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
    int rc = price_line_value(pricer, line, MTR_PRICE_AFTER_CAPS, &before);
    if (!rc) rc = mtr_exact_add(*cut, less, cut);
    if (!rc) rc = mtr_exact_sub(line->exact, less, &line->exact);
    if (!rc) rc = mtr_exact_sub(mtr_exact_from_money(line->amount), less, &amount);
    if (!rc)
        rc = mtr_exact_round(keeps_exact ? line->exact : amount, MTR_MONEY_DIGITS, MTR_ROUND_HALF_EVEN,
                             &line->amount, NULL);
    if (!rc) rc = price_line_value(pricer, line, MTR_PRICE_AFTER_CAPS, &after);
    return rc ? rc : price_trace_limit(pricer, index, "cap", capping->limit, before, after);
}

/* From the last line on, those that are positive: the first lines fill the cap. */
static int cut_lines(struct mtr_pricer *pricer, const struct capping *capping, struct mtr_exact excess)
{
    int rc = MTR_OK;
    for (uint32_t i = pricer->price.line_count;
         !rc && i > capping->scope->first_line && mtr_exact_compare(excess, mtr_exact_zero()) > 0; i--) {
        struct mtr_exact value, less;
        rc = price_line_value(pricer, &pricer->price.lines[i - 1], MTR_PRICE_AFTER_CAPS, &value);
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
            if (!price_line_counts(&price->lines[j], scope)) continue;
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
    rc = price_sum_lines(pricer, &pricer->price, capping->scope->first_line, capping->scope, &own);
    if (!rc) rc = mtr_exact_sub(mtr_exact_zero(), own, &owed);
    left = rc ? left : lesser(left, lesser(owed, room));
    for (uint32_t i = pricer->price.line_count;
         !rc && i > capping->scope->first_line && mtr_exact_compare(left, mtr_exact_zero()) > 0; i--) {
        struct mtr_exact value, back, more;
        rc = price_line_value(pricer, &pricer->price.lines[i - 1], MTR_PRICE_AFTER_CAPS, &value);
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

static int cap_of_component(struct mtr_pricer *pricer, const struct mtr_component *component,
                            uint32_t first_line)
{
    /* its own cut is what the lines of this part do not have yet, and those before have already */
    const struct tariff_cap *cap = TARIFF_PART_OF(component, cap);
    const struct mtr_price_measured measured = {
        .first_line = first_line, .key = component->key, .cut = MTR_PRICE_BEFORE_TARIFF_CAP};
    return cap ? apply_cap(pricer, &measured, cap->amount) : MTR_OK;
}

static struct mtr_price_measured all_lines(void)
{
    return (struct mtr_price_measured){.of_tariff = true, .key = MTR_STR(""), .cut = MTR_PRICE_AFTER_CAPS};
}

static int cap_of_tariff(struct mtr_pricer *pricer)
{
    const struct mtr_tariff_version *version = pricer->input->version;
    const struct mtr_price_measured measured = all_lines();
    return version->has_cap ? apply_cap(pricer, &measured, version->cap) : MTR_OK;
}

/* What the account's cap leaves for this subscription. */
static int cap_of_account(struct mtr_pricer *pricer)
{
    const struct mtr_account_limits *account = &pricer->input->version->account;
    const struct mtr_price_measured measured = all_lines();
    struct mtr_money left = {0};
    if (!account->has_cap) return MTR_OK;
    int rc = mtr_money_sub(account->cap, pricer->input->account_before, &left);
    if (!rc && left.e18 < 0) left = (struct mtr_money){0};
    return rc ? rc : apply_cap(pricer, &measured, left);
}

const struct tariff_part tariff_part_cap = {
    .row = {.name = "cap", .type = MTR_FIELD_MONEY, AT(tariff_cap, amount),
            .own_size = sizeof(struct tariff_cap), .doc = "greatest amount of the component in a period"},
    .lint = lint_cap,
    .apply_to_component = cap_of_component,
    .cuts_lines = true,
    .apply_to_tariff = cap_of_tariff,
};

const struct tariff_part tariff_part_account_cap = {.apply_to_tariff = cap_of_account};
