/*
 * An amount that bounds what lines come to.
 */
#include "lib/tariff/part/limits.h"

#include "lib/tariff/report.h"

void tariff_lint_limit(const struct mtr_node *node, const char *key, const struct mtr_tariff_document *tariff,
                       struct mtr_money amount, struct mtr_diagnostics *findings)
{
    const struct mtr_node *place = tariff_place(node, key);
    const struct mtr_money step = mtr_tariff_rounding_step(tariff, tariff->currency);
    struct mtr_money rounded;
    char text[MTR_DECIMAL_TEXT_BYTES];
    if (amount.e18 < 0)
        tariff_report(findings, MTR_FINDING_TARIFF_NUMBER_NEGATIVE, place, key, "must not be negative");
    if (tariff->pricing_currency.size) return; /* what it bounds is not rounded before it is money */
    if (step.e18) {
        mtr_money_format(step, text);
        if (amount.e18 % step.e18)
            mtr_diagnostics_addf(findings, MTR_FINDING_TARIFF_LIMITS_ROUNDING, place->line, place->column,
                                 key, "is no whole multiple of the %s %.*s that %s are rounded to", text,
                                 MTR_STR_ARGS(tariff->currency), tariff->round_total ? "totals" : "lines");
        return;
    }
    if (mtr_money_round(amount, tariff->rounding_digits, MTR_ROUND_DOWN, &rounded) ||
        mtr_money_compare(rounded, amount) == 0)
        return;
    mtr_diagnostics_addf(findings, MTR_FINDING_TARIFF_LIMITS_ROUNDING, place->line, place->column, key,
                         "has more than the %u fraction digits that %s in %.*s are rounded to",
                         tariff->rounding_digits, tariff->round_total ? "totals" : "lines",
                         MTR_STR_ARGS(tariff->currency));
}
