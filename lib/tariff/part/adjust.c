/*
 * Discount and markups, one noun with two keys: on what the curve came to, each line by itself; the discount
 * first, then the markups in their order, each on what those before it come to (a partner price chain). A
 * share, or a fixed amount per line that a discount never takes below zero.
 */
#include "lib/tariff/part/part.h"

#include <stdio.h>

#include "lib/tariff/price/pricer.h"
#include "lib/tariff/report.h"

struct adjustment {
    struct mtr_str party; /* who adds it, in a partner price chain; else empty */
    bool has_percent, has_amount;
    struct mtr_quantity percent;
    struct mtr_money amount;
};

struct markups {
    struct mtr_list chain; /* of struct adjustment, in the order in which they apply */
};

static const mtr_int128 whole_e12 = (mtr_int128)100 * 1000000000000;

static const struct mtr_field discount_rows[] = {
    {.name = "percent", .type = MTR_FIELD_QUANTITY, AT(adjustment, percent),
     PRESENT(adjustment, has_percent), .doc = "0 to 100"},
    {.name = "amount", .type = MTR_FIELD_MONEY, AT(adjustment, amount),
     PRESENT(adjustment, has_amount),
     .doc = "instead of percent: off each line, which it never takes below zero"},
    {0},
};

static const struct mtr_field markup_rows[] = {
    {.name = "party", .type = MTR_FIELD_TEXT, AT(adjustment, party), .min = 1, .max = 64,
     .doc = "who adds it, in a chain of partners"},
    {.name = "percent", .type = MTR_FIELD_QUANTITY, AT(adjustment, percent),
     PRESENT(adjustment, has_percent), .doc = "0 or more"},
    {.name = "amount", .type = MTR_FIELD_MONEY, AT(adjustment, amount),
     PRESENT(adjustment, has_amount), .doc = "instead of percent: on top of each line"},
    {0},
};

/* ---- findings ---- */

static void check_measure(const struct mtr_node *node, const struct adjustment *fields,
                          bool is_discount, struct mtr_diagnostics *findings)
{
    const struct mtr_node *percent = tariff_place(node, "percent");
    if (fields->has_percent == fields->has_amount)
        tariff_report(findings, MTR_FINDING_TARIFF_FIELD_ONE_OF, node, is_discount ? "discount" : "markup",
                      "takes `percent` or `amount`, one of them");
    if (fields->has_amount && fields->amount.e18 < 0)
        tariff_report(findings, MTR_FINDING_TARIFF_NUMBER_NEGATIVE, tariff_place(node, "amount"), "amount",
                      "must not be negative");
    if (!fields->has_percent) return;
    if (is_discount && (fields->percent.e12 < 0 || fields->percent.e12 > whole_e12))
        tariff_report(findings, MTR_FINDING_TARIFF_NUMBER_RANGE, percent, "discount.percent",
                      "must be from 0 to 100");
    if (!is_discount && fields->percent.e12 < 0)
        tariff_report(findings, MTR_FINDING_TARIFF_NUMBER_NEGATIVE, percent, "markup.percent",
                      "must not be negative: write a discount");
    if (!is_discount && fields->percent.e12 > 10000 * whole_e12)
        tariff_report(findings, MTR_FINDING_TARIFF_NUMBER_RANGE, percent, "markup.percent",
                      "must be at most 1000000");
}

/* A fee may be charged in shares, each a line. */
static void forbid_amounts(const struct mtr_node *node, struct mtr_diagnostics *findings)
{
    tariff_report(findings, MTR_FINDING_TARIFF_FIELD_OTHER_CURVE, node, "recurring",
                  "a recurring fee takes discounts and markups in percent: change its amount instead");
}

static void lint_discount(const struct mtr_node *node, const struct mtr_tariff_document *tariff,
                          struct mtr_component *component, struct mtr_diagnostics *findings)
{
    const struct adjustment *discount = TARIFF_PART_OF(component, discount);
    (void)tariff;
    if (mtr_component_is_fee(component) && discount->has_amount) forbid_amounts(node, findings);
    check_measure(mtr_node_get(node, "discount"), discount, true, findings);
}

static void lint_markup(const struct mtr_node *node, const struct mtr_tariff_document *tariff,
                        struct mtr_component *component, struct mtr_diagnostics *findings)
{
    const struct mtr_list *chain = &((const struct markups *)TARIFF_PART_OF(component, markup))->chain;
    const struct adjustment *markups = chain->items, *discount = TARIFF_PART_OF(component, discount);
    const struct mtr_node *place = mtr_node_get(node, "markup");
    bool has_amount = false;
    (void)tariff;
    for (uint32_t i = 0; i < chain->count; i++) {
        has_amount = has_amount || markups[i].has_amount;
        check_measure(place->kind == MTR_NODE_LIST ? &place->children[i] : place, &markups[i], false,
                      findings);
    }
    if (mtr_component_is_fee(component) && has_amount && !(discount && discount->has_amount))
        forbid_amounts(node, findings);
}

/* ---- price ---- */

static int share_of(const struct adjustment *adjustment, bool is_discount, struct mtr_exact before,
                    struct mtr_exact *out)
{
    static const struct mtr_quantity whole = {(mtr_int128)100000000000000};
    const mtr_int128 percent_e12 = is_discount ? -adjustment->percent.e12 : adjustment->percent.e12;
    return mtr_exact_scale(before, (struct mtr_quantity){whole.e12 + percent_e12}, whole, MTR_ROUND_HALF_EVEN,
                           out);
}

/* A credit stays as it is: an amount off is for lines that cost something. */
static int fixed_amount(const struct adjustment *adjustment, bool is_discount, struct mtr_exact before,
                        struct mtr_exact *out)
{
    const struct mtr_exact amount = mtr_exact_from_money(adjustment->amount);
    if (!is_discount) return mtr_exact_add(before, amount, out);
    *out = before;
    if (mtr_exact_compare(before, mtr_exact_zero()) <= 0) return MTR_OK;
    int rc = mtr_exact_sub(before, amount, out);
    if (!rc && mtr_exact_compare(*out, mtr_exact_zero()) < 0) *out = mtr_exact_zero();
    return rc;
}

static int trace_adjustment(struct mtr_pricer *pricer, const struct adjustment *adjustment, bool is_discount,
                            struct mtr_exact before, struct mtr_exact after)
{
    enum { PARTY_SHOWN_MAX = 64 };
    char measure[MTR_DECIMAL_TEXT_BYTES], name[MTR_DECIMAL_TEXT_BYTES + PARTY_SHOWN_MAX + 32];
    char input[MTR_DECIMAL_TEXT_BYTES], output[MTR_DECIMAL_TEXT_BYTES];
    const int party_size =
        adjustment->party.size < PARTY_SHOWN_MAX ? (int)adjustment->party.size : PARTY_SHOWN_MAX;
    if (adjustment->has_amount) mtr_money_format(adjustment->amount, measure);
    else mtr_quantity_format(adjustment->percent, measure);
    mtr_exact_format(before, input);
    mtr_exact_format(after, output);
    snprintf(name, sizeof(name), "%s %s%s%s%.*s", is_discount ? "discount" : "markup", measure,
             adjustment->has_amount ? "" : " %", party_size ? ", " : "", party_size, adjustment->party.data);
    return price_trace(pricer, price_next_line(pricer), name, input, output);
}

static int adjust(struct mtr_pricer *pricer, struct mtr_line_work *work, const struct adjustment *adjustment,
                  bool is_discount)
{
    const struct mtr_exact before = work->line.exact;
    if (adjustment->has_amount && !price_makes_line(work))
        return MTR_OK; /* use that came to nothing has no line to have it */
    int rc = adjustment->has_amount ? fixed_amount(adjustment, is_discount, before, &work->line.exact)
                                    : share_of(adjustment, is_discount, before, &work->line.exact);
    work->line.has_unit_price = false;
    if (rc || !pricer->with_trace) return rc;
    return trace_adjustment(pricer, adjustment, is_discount, before, work->line.exact);
}

static int apply_discount(struct mtr_pricer *pricer, struct mtr_line_work *work)
{
    const struct adjustment *discount = TARIFF_PART_OF(work->component, discount);
    return discount ? adjust(pricer, work, discount, true) : MTR_OK;
}

static int apply_markup(struct mtr_pricer *pricer, struct mtr_line_work *work)
{
    const struct markups *markups = TARIFF_PART_OF(work->component, markup);
    int rc = MTR_OK;
    for (uint32_t i = 0; markups && !rc && i < markups->chain.count; i++)
        rc = adjust(pricer, work, (const struct adjustment *)markups->chain.items + i, false);
    return rc;
}

const struct tariff_part tariff_part_discount = {
    .row = {.name = "discount", .type = MTR_FIELD_MAP, .own_size = sizeof(struct adjustment),
            .fields = discount_rows, .doc = "off what the curve comes to, before cap and minimum"},
    .lint = lint_discount,
    .apply_to_line = apply_discount,
};

const struct tariff_part tariff_part_markup = {
    .row = {.name = "markup", .type = MTR_FIELD_LIST, AT(markups, chain), .own_size = sizeof(struct markups),
            .single = true, .min = 1, .max = MTR_TARIFF_MARKUPS_MAX, .fields = markup_rows,
            .item_size = sizeof(struct adjustment),
            .doc = "on top of what the curve comes to, before cap and minimum; several make a chain, each on "
                   "what those before it come to"},
    .lint = lint_markup,
    .apply_to_line = apply_markup,
};
