"""What is charged is the price, exactly: numbers, rounding, tiers, limits, shares of periods, exchange, pools, and charges as differences. Rows as __main__.py says.

Not here, since it changes nothing that anybody could see:
  * `>=` for `>` where a sum meets its cap (part/cap.c): what is to be cut, or given back, is zero then.
  * `<` for `<=`, or `>=` for `>`, where a period is looked for (core/time/period.c): each loop mends what the other would do then, so the row changes both.
  * `>` for `>=` where use meets its commitment (part/commitment.c): nothing is missing, and a line of nothing is not made.
"""
NUMBER = "lib/core/number/"
PRICE = "lib/tariff/price/"
PART = "lib/tariff/part/"
CURVE = "lib/tariff/curve/"

MUTANTS = {
    "money is a floating number": (
        NUMBER + "exact.c", "return product_of(quantity.e12, price.e18);", "return product_of((mtr_int128)(double)quantity.e12, price.e18);", "test_decimal$|test_price$"),
    "a half is rounded up where it goes to the even": (
        NUMBER + "wide.c", "(fraction == MTR_FRACTION_HALF && odd);", "(fraction == MTR_FRACTION_HALF && (odd || !negative));", "test_decimal$"),
    "a half is rounded down where it goes up": (
        NUMBER + "wide.c", "return fraction >= MTR_FRACTION_HALF;", "return fraction > MTR_FRACTION_HALF;", "test_decimal$"),
    "the floor of what is negative is nearer to zero": (
        NUMBER + "wide.c", "case MTR_ROUND_FLOOR: return negative;", "case MTR_ROUND_FLOOR: return false;", "test_decimal$"),
    "what the first of two divisions left over is forgotten": (
        NUMBER + "wide.c", "if (fraction == MTR_FRACTION_ZERO) return MTR_FRACTION_BELOW_HALF;", "if (fraction == MTR_FRACTION_ZERO) return MTR_FRACTION_ZERO;", "test_decimal$"),
    "a sum that is too large wraps": (
        NUMBER + "exact.c", "if ((x.high < 0) == (y.high < 0) && (sum.high < 0) != (x.high < 0)) return MTR_EOVERFLOW;", "", "test_decimal$"),
    "each part of a period is rounded by itself": (
        PRICE + "rounding.c", "return any ? round_with_earlier(", "return any && !pricer->input->earlier_count ? round_with_earlier(", "test_price_slices|test_price_parts"),
    "the last unit of a tier is of the next": (
        CURVE + "bound.h", "return order < 0 || (order == 0 && !bound.is_below);", "return order < 0 || (order == 0 && bound.is_below);", "test_price$"),
    "the tier below a quantity prices it": (
        CURVE + "tiers_price.c", "        else low = middle + 1;\n    }\n    return low;", "        else low = middle + 1;\n    }\n    return low ? low - 1 : low;", "test_price$"),
    "a flat is due without use": (
        CURVE + "tiers_price.c", "bool flat_due = work->billed.e12 > 0 ||", "bool flat_due = work->billed.e12 >= 0 ||", "test_price$|test_price_parts"),
    "the flat of the first tier is not due where it should be at zero": (
        CURVE + "tiers_price.c", "    if (work->billed.e12 <= 0) {", "    if (work->billed.e12 < 0) {", "test_price$|test_price_parts"),
    "a cap cuts the last line below zero": (
        PART + "cap.c", "less = mtr_exact_compare(value, excess) < 0 ? value : excess;", "less = excess;", "test_price_parts"),
    "the cap does not count the parts before": (
        PRICE + "limit.c", "for (uint32_t i = 0; !rc && i < input->earlier_count; i++)\n        rc = price_sum_lines(",
        "for (uint32_t i = 1; !rc && i < input->earlier_count; i++)\n        rc = price_sum_lines(", "test_price_slices|test_price_parts"),
    "a minimum is due before the period closes": (
        PART + "minimum.c", "if (!pricer->input->closing || pricer->input->continued_later) return MTR_OK;", "if (pricer->input->continued_later) return MTR_OK;",
        "test_price_parts|test_price_periods"),
    "a minimum is due in each part of a period": (
        PART + "minimum.c", "if (!pricer->input->closing || pricer->input->continued_later) return MTR_OK;", "if (!pricer->input->closing) return MTR_OK;",
        "test_price_parts|test_price_periods"),
    "overage of the parts before is charged once more": (
        PART + "commitment.c", "if (!rc) rc = mtr_exact_sub(due, before, &due);", "if (!rc) rc = mtr_exact_sub(due, mtr_exact_zero(), &due);",
        "test_price_parts|test_price_periods|test_price_slices"),
    "free units are of each slice": (
        PART + "free_units.c", "rc = mtr_quantity_sub(work->free_left, used, &work->free_left);", "rc = mtr_quantity_sub(work->free_left, (struct mtr_quantity){0}, &work->free_left);",
        "test_price_slices|test_price_parts"),
    "a day is one of UTC": (
        PRICE + "share.c", "return day_of(time_us + mtr_zone_at(zone, time_us).offset_s * MTR_US_PER_SECOND);",
        "return day_of(time_us + 0 * mtr_zone_at(zone, time_us).offset_s);", "test_price_periods|test_price_exchange"),
    "a date that a zone left out is a day": (
        PRICE + "share.c", "if (next > first) count += next - first;", "if (next > first) count += 0;", "test_price_periods"),
    "use at the border of two periods is of the first": (
        "lib/core/time/period.c", "    while (start_us > time_us) start_us = start_of(rule, --index * count);\n    int64_t end_us = start_of(rule, (index + 1) * count);\n    while (end_us <= time_us) {",
        "    while (start_us >= time_us) start_us = start_of(rule, --index * count);\n    int64_t end_us = start_of(rule, (index + 1) * count);\n    while (end_us < time_us) {", "test_period$"),
    "an anniversary on the 31st skips shorter months": (
        "lib/core/time/period.c", "if (day > last) day = last;", "if (day > last) day = last - 1;", "test_period$"),
    "a trial that stops goes on to be charged": (
        "rater/period/billing_period.c", "    if (subscription->trial_stops) return MTR_OK;\n", "", "test_rating_stories"),
    "a trial that has stopped fills the customer's tiers": (
        "rater/period/billing_period.c", "return subscription->trial_stops ? INT64_MAX : subscription->trial_end_us;", "return subscription->trial_end_us;",
        "test_rating_stories"),
    "a rate of the oldest day allowed is too old": (
        "lib/tariff/rates.c", "question->day - rates->day > question->max_age_days", "question->day - rates->day >= question->max_age_days", "test_rates$"),
    "a rate of the very day is not found": (
        "lib/tariff/rates.c", "if (compare_places(source, day, book->days[middle]) < 0) high = middle;", "if (compare_places(source, day, book->days[middle]) <= 0) high = middle;",
        "test_rates$"),
    "a rate is turned upside down": (
        "lib/tariff/rates.c", "mtr_int128 numerator = (mtr_int128)from->denominator * to->numerator,\n               denominator = (mtr_int128)from->numerator * to->denominator;",
        "mtr_int128 denominator = (mtr_int128)from->denominator * to->numerator,\n               numerator = (mtr_int128)from->numerator * to->denominator;", "test_rates$"),
    "without a rate the number is charged in the other currency": (
        PRICE + "currency.c", "int rc = exchange && !exchange->known && count ? MTR_EMISSING : MTR_OK;", "int rc = exchange && !exchange->known && count > 1u << 30 ? MTR_EMISSING : MTR_OK;",
        "test_price_exchange"),
    "each line's rest is lost at the exchange": (
        PRICE + "currency.c", "if (!rc) rc = mtr_money_sub(rounded, amount, &line->amount);", "if (!rc) rc = price_round(&pricer->rounding, charged, &line->amount);",
        "test_price_exchange"),
    "pools that last longest are drawn first": (
        PRICE + "draw.c", "return a->expires_us < b->expires_us ? -1 : 1;", "return a->expires_us < b->expires_us ? 1 : -1;", "test_price_pools"),
    "a pool gives more than it has": (
        PRICE + "draw.c", "state->own = lesser(state->left, units);", "state->own = units;", "test_price_pools"),
    "credits pay a cent more than is owed": (
        PRICE + "credit.c", "    rounding.mode = MTR_ROUND_FLOOR;\n", "    rounding.mode = MTR_ROUND_CEILING;\n", "test_price_pools"),
    "a later draw on a pool stays as it was": (
        "rater/ledger.c", "(!rc && next.before == drawn)", "(!rc && drawn >= 0)", "test_pool_laws"),
    "a percentile ranks one lower": (
        "rater/measure/percentile.c", "(mtr_uint128)percentile.e12 + hundred - 1) / hundred);", "(mtr_uint128)percentile.e12) / hundred + !total);", "test_slicing$"),
    "of equal times the earlier event is the last": (
        "rater/measure/slicing.c", ": use->seq > slice->seq;", ": use->seq < slice->seq;", "test_slicing$"),
    "a slice holds its end": (
        "rater/measure/slicing.c", "if (newest && placed_us < newest->end_us) return MTR_OK;", "if (newest && placed_us <= newest->end_us) return MTR_OK;", "test_slicing$"),
    "use that costs nothing is not told": (
        "rater/difference.c", "bool differs = difference.amount.e18 || difference.cost.e18 || difference.quantity_delta.e12;", "bool differs = difference.amount.e18 || difference.cost.e18;",
        "test_rating_stories|test_rater_laws"),
    "a line that is gone stays charged": (
        "rater/difference.c", "if (!line->emitted.e18 && !line->cost.e18 && !line->quantity.e12) return MTR_OK;", "if (line->count) return MTR_OK;", "test_rating_stories"),
    "what changes in a closed period is final once more": (
        "rater/rate.c", "rating->status = period->status == MTR_PERIOD_FINAL ? MTR_CHARGE_CORRECTION", "rating->status = period->status == MTR_PERIOD_FINAL ? MTR_CHARGE_FINAL",
        "test_rating_stories"),
    "a period closes without its grace": (
        "rater/mark.c", "return was_over || watermark_us >= end_us + grace_us;", "return was_over || watermark_us >= end_us + 0 * grace_us;", "test_rating_stories|test_holds$"),
    "a period is over one moment later than its timer": (
        "rater/mark.c", "return was_over || watermark_us >= end_us + grace_us;", "return was_over || watermark_us > end_us + grace_us;", "test_rating_stories|test_holds$"),
    "what is due at this very moment waits": (
        "rater/due.c", "        if (timer.due_us > until_us) {\n", "        if (timer.due_us >= until_us) {\n", "test_rater_steps|test_rating_stories"),
    "periods close by the clock": (
        "rater/due.c", "if (!rc) rc = run_kind(step, MTR_TIMER_CLOSE, step->watermark_us);", "if (!rc) rc = run_kind(step, MTR_TIMER_CLOSE, step->now_us);", "test_rater_steps"),
    "the rater's cursor is in another transaction than its charges": (
        "rater/rater.c", "    if (!rc && step.changed) {\n        rc = mtr_charges_commit(step.charges);\n        step.charges = NULL;\n",
        "    if (!rc && step.changed) {\n        rc = mtr_charges_commit(step.charges);\n        step.charges = NULL;\n        if (!rc) rc = mtr_charges_begin(rater->charges, true, &step.charges);\n"
        "        if (!rc) rc = mtr_charges_put_cursor(step.charges, &step.cursor);\n        if (!rc) rc = mtr_charges_commit(step.charges);\n        step.charges = NULL;\n",
        "test_rater_steps"),
    "one rating twice has two ids": (
        "rater/emit.c", "    said.created_us = 0;\n", "", "test_rater_steps"),
    "two differences of a line have one id": (
        "rater/emit.c", "    int rc = rater_write_charge_body(scratch, emission, &said, difference);\n    if (rc) return rc;\n    if (charge->period_start_us !=",
        "    said.quantity = said.quantity_delta = (struct mtr_quantity){0};\n    int rc = rater_write_charge_body(scratch, emission, &said, difference);\n    if (rc) return rc;\n"
        "    scratch->size /= 2;\n    if (charge->period_start_us !=", "test_rater_laws"),
}
