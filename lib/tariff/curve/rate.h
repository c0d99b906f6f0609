/*
 * A rate in percent becomes a price of one unit of money a hundredth of it, exactly. Private to lib/tariff.
 */
#ifndef METERD_LIB_TARIFF_CURVE_RATE_H
#define METERD_LIB_TARIFF_CURVE_RATE_H

#include "lib/tariff/report.h"
#include "meterd/core/decimal.h"

/* `node` is the map that has the rate; only a rate that can be divided exactly is right. */
static inline void tariff_divide_rate(const struct mtr_node *node, struct mtr_money *rate,
                                      struct mtr_diagnostics *findings)
{
    enum { PERCENT = 100 };
    if (rate->e18 % PERCENT)
        tariff_report(findings, MTR_FINDING_TARIFF_NUMBER_DIGITS, tariff_place(node, "rate"), "rate",
                      "has more than 16 digits after the point");
    rate->e18 /= PERCENT;
}

#endif
