/*
 * Recurring fees: the whole amount, or the share of the period in which the subscription runs under this
 * version, in seconds or in local days, which add up to the amount over the parts of a split period
 * (price/share.c). A discount or markup is of the fee so far, less that of the fee before, so that adjusted
 * shares add up to the adjusted fee.
 */
#include "lib/tariff/curve/curve.h"

#include <inttypes.h>
#include <stdio.h>

#include "lib/tariff/price/pricer.h"
#include "lib/tariff/report.h"

struct recurring {
    struct mtr_money amount;
    int every;   /* the billing period that it is meant for: 0 any, else 1 + enum mtr_period_unit */
    int in;      /* 0 advance, 1 arrears */
    int prorate; /* enum mtr_prorate */
};

static const char *const everies[] = {"period", "day", "week", "month", "quarter", "year", NULL};
static const char *const ins[] = {"advance", "arrears", NULL};
_Static_assert(MTR_PERIOD_DAY == 0 && MTR_PERIOD_YEAR == 4,
               "everies is in the order of enum mtr_period_unit, one later");

static const struct mtr_field rows[] = {
    {.name = "amount", .type = MTR_FIELD_MONEY, AT(recurring, amount), .required = true,
     .doc = "the fee of a whole period"},
    {.name = "every", .type = MTR_FIELD_ENUM, AT(recurring, every), .choices = everies,
     .default_text = "period",
     .doc = "the billing period that the amount is meant for; period: whatever the subscription has"},
    {.name = "in", .type = MTR_FIELD_ENUM, AT(recurring, in), .choices = ins, .default_text = "advance",
     .doc = "advance: due when the period begins; arrears: when it closes"},
    {.name = "prorate", .type = MTR_FIELD_ENUM, AT(recurring, prorate), .choices = mtr_tariff_prorates,
     .default_text = "none",
     .doc = "share of the fee for a part of a period: by second, by local day, or none (the whole fee)"},
    {0},
};

static const struct recurring *fee_of(const struct mtr_component *component)
{
    MTR_ASSERT(component->curve == &tariff_curve_recurring);
    return component->curve_data;
}

bool mtr_component_fee_period(const struct mtr_component *component, enum mtr_period_unit *out)
{
    if (component->curve != &tariff_curve_recurring || fee_of(component)->every == 0) return false;
    *out = (enum mtr_period_unit)(fee_of(component)->every - 1);
    return true;
}

/* ---- findings ---- */

static void lint_recurring(const struct mtr_node *node, struct mtr_component *component,
                           struct mtr_diagnostics *findings)
{
    if (fee_of(component)->amount.e18 < 0)
        tariff_report(findings, MTR_FINDING_TARIFF_PRICE_NEGATIVE, node, "recurring",
                      "is negative: it pays the customer");
}

static void lint_beside(const struct mtr_node *node, const struct tariff_component_fields *fields,
                        struct mtr_diagnostics *findings)
{
    tariff_forbid(findings, MTR_FINDING_TARIFF_FIELD_OTHER_CURVE, node, fields->has_meter, "meter",
                  "a recurring fee does not depend on use: remove the meter");
    tariff_forbid(findings, MTR_FINDING_TARIFF_FIELD_OTHER_CURVE, node, TARIFF_PART_OF(fields, free_units),
                  "free_units", "a recurring fee has no units: remove free_units");
    tariff_forbid(findings, MTR_FINDING_TARIFF_FIELD_OTHER_CURVE, node, fields->has_group_by, "group_by",
                  "a recurring fee has no dimensions: remove group_by");
    tariff_forbid(findings, MTR_FINDING_TARIFF_FIELD_OTHER_CURVE, node, TARIFF_PART_OF(fields, minimum),
                  "minimum", "a recurring fee is its own minimum: remove it");
    tariff_forbid(findings, MTR_FINDING_TARIFF_FIELD_OTHER_CURVE, node, TARIFF_PART_OF(fields, each), "each",
                  "a recurring fee does not depend on use: remove each");
    tariff_forbid(findings, MTR_FINDING_TARIFF_FIELD_OTHER_CURVE, node, TARIFF_PART_OF(fields, line_minimum),
                  "line_minimum", "a recurring fee is its own minimum: remove it");
    tariff_forbid(findings, MTR_FINDING_TARIFF_FIELD_OTHER_CURVE, node, TARIFF_PART_OF(fields, cap), "cap",
                  "a recurring fee needs no cap: change its amount");
    tariff_forbid(findings, MTR_FINDING_TARIFF_FIELD_OTHER_CURVE, node, TARIFF_PART_OF(fields, convert),
                  "convert", "a recurring fee has no units: remove convert");
    tariff_forbid(findings, MTR_FINDING_TARIFF_FIELD_OTHER_CURVE, node,
                  fields->scope != MTR_CURVE_SCOPE_PERIOD, "scope",
                  "a recurring fee does not depend on use: remove the scope");
    tariff_forbid(findings, MTR_FINDING_TARIFF_FIELD_OTHER_CURVE, node, TARIFF_PART_OF(fields, overage),
                  "commitment", "a recurring fee is its own commitment: remove it");
    tariff_forbid(findings, MTR_FINDING_TARIFF_FIELD_OTHER_CURVE, node, fields->when, "when",
                  "a recurring fee has no use in any hour: remove when");
    tariff_forbid(findings, MTR_FINDING_TARIFF_FIELD_OTHER_CURVE, node, fields->has_weights, "weights",
                  "a recurring fee has no use in any hour: remove weights");
    tariff_forbid(findings, MTR_FINDING_TARIFF_FIELD_OTHER_CURVE, node, fields->unit.size, "unit",
                  "a recurring fee has no units: remove unit");
}

/* ---- price ---- */

static bool is_due(const struct mtr_price_input *input, const struct recurring *fee)
{
    const bool in_arrears = fee->in == 1;
    if (in_arrears && !input->closing) return false;
    if (fee->prorate != MTR_PRORATE_NONE) return true;
    return in_arrears ? !input->continued_later : !input->continues_earlier;
}

static int trace_share(struct mtr_pricer *pricer, const struct recurring *fee, struct mtr_price_share share,
                       struct mtr_exact result)
{
    static const char *const names[] = {[MTR_PRORATE_NONE] = "recurring",
                                        [MTR_PRORATE_DAY] = "recurring, by day",
                                        [MTR_PRORATE_SECOND] = "recurring, by second"};
    char amount[MTR_DECIMAL_TEXT_BYTES], output[MTR_DECIMAL_TEXT_BYTES], input[2 * MTR_DECIMAL_TEXT_BYTES];
    mtr_money_format(fee->amount, amount);
    mtr_exact_format(result, output);
    if (fee->prorate == MTR_PRORATE_NONE)
        snprintf(input, sizeof(input), "%s", amount);
    else
        snprintf(input, sizeof(input), "%s × %" PRId64 " ÷ %" PRId64, amount, share.to - share.from,
                 share.whole);
    return price_trace(pricer, price_next_line(pricer), names[fee->prorate], input, output);
}

static int price_share(struct mtr_pricer *pricer, struct mtr_line_work *work)
{
    const struct mtr_price_input *input = pricer->input;
    const struct recurring *fee = fee_of(work->component);
    MTR_ASSERT(input->period.start_us < input->period.end_us);
    int64_t from_us =
        input->active_from_us > input->period.start_us ? input->active_from_us : input->period.start_us;
    int64_t to_us = input->active_to_us < input->period.end_us ? input->active_to_us : input->period.end_us;
    work->due = from_us < to_us && is_due(input, fee);
    if (!work->due) return MTR_OK;
    struct mtr_price_share share = price_share_of(input, (enum mtr_prorate)fee->prorate, from_us, to_us);
    work->due = share.to > share.from; /* the part may lie within one local day that another part has */
    if (!work->due) return MTR_OK;
    int rc = price_share_amount(fee->amount, share, &work->line.exact);
    if (rc) return rc;
    work->line.kind = MTR_STR("recurring");
    work->line.quantity = MTR_QUANTITY(1);
    work->line.has_unit_price = share.to - share.from == share.whole;
    if (work->line.has_unit_price) work->line.unit_price = fee->amount;
    return pricer->with_trace ? trace_share(pricer, fee, share, work->line.exact) : MTR_OK;
}

/* The shares of the parts before this one, under this version; is there any? */
static int fee_before(const struct mtr_pricer *pricer, const struct mtr_component *component, bool *any,
                      struct mtr_exact *out)
{
    const struct mtr_price_input *input = pricer->input;
    const struct recurring *fee = fee_of(component);
    const int64_t start_us = input->period.start_us;
    *any = input->continues_earlier && fee->prorate != MTR_PRORATE_NONE;
    if (!*any) return MTR_OK;
    const int64_t from_us = input->runs_from_us > start_us ? input->runs_from_us : start_us;
    const int64_t to_us = input->active_from_us > from_us ? input->active_from_us : from_us;
    const struct mtr_price_share share =
        price_share_of(input, (enum mtr_prorate)fee->prorate, from_us, to_us);
    *any = share.from < share.to;
    return price_share_amount(fee->amount, share, out);
}

static int adjust_behind(struct mtr_pricer *pricer, struct mtr_line_work *work, struct mtr_exact before)
{
    const bool with_trace = pricer->with_trace;
    const struct mtr_exact own = work->line.exact;
    struct mtr_exact whole, earlier, adjusted;
    pricer->with_trace = false;
    work->line.exact = before;
    work->of_earlier = true;
    int rc = price_adjust(pricer, work);
    earlier = work->line.exact;
    work->of_earlier = false;
    pricer->with_trace = with_trace;
    if (!rc) rc = mtr_exact_add(before, own, &whole);
    if (!rc)
        rc = price_trace_exact(pricer, price_next_line(pricer), "with the earlier parts", own, whole);
    if (rc) return rc;
    work->line.exact = whole;
    rc = price_adjust(pricer, work);
    adjusted = work->line.exact;
    if (!rc) rc = mtr_exact_sub(adjusted, earlier, &work->line.exact);
    return rc ? rc
              : price_trace_exact(pricer, price_next_line(pricer), "less the earlier parts", adjusted,
                                  work->line.exact);
}

static int price_fee(struct mtr_pricer *pricer, struct mtr_line_work *work)
{
    struct mtr_exact before;
    bool any = false;
    work->due = true;
    int rc = price_share(pricer, work);
    if (rc || !work->due || !price_adjusts(work->component)) return rc;
    rc = fee_before(pricer, work->component, &any, &before);
    if (rc) return rc;
    return any ? adjust_behind(pricer, work, before) : price_adjust(pricer, work);
}

const struct tariff_curve tariff_curve_recurring = {
    .row = {.name = "recurring", .type = MTR_FIELD_MAP, .own_size = sizeof(struct recurring), .fields = rows,
            .doc = "a fee of the period, without use"},
    .without_use = true,
    .lint = lint_recurring,
    .lint_beside = lint_beside,
    .price_fee = price_fee,
};
