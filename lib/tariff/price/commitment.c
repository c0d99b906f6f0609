/*
 * Commitments: use U under a commitment C with overage factor f costs C + (U − C) × f from C on. Below it, it
 * costs C when the period closes (true-up), or U where there is none.
 *
 * The lines of use stand as they are; what the factor adds is a line of its own (kind overage, negative for f
 * < 1), and so is the true-up (kind commitment). Of a period in parts the last one has the true-up, and each
 * adds what overage the parts before it have not. The overage comes before the cap, so it is measured by what
 * the lines were before their cap cut them.
 */
#include "lib/tariff/price/parts.h"

#include <stdio.h>

static const struct mtr_quantity one = {(mtr_int128)1000000000000};
static const char overage_kind[] = "overage";

/* U, and C with its text. */
static int measure(struct mtr_pricer *pricer, struct mtr_price_measured scope,
                   const struct mtr_commitment *commitment, struct mtr_exact *use,
                   struct mtr_exact *committed, char text[MTR_PRICE_SHARE_TEXT_BYTES])
{
    scope.except_kind = overage_kind;
    int rc = price_sum(pricer, &scope, use);
    return rc ? rc : price_prorate(pricer, commitment->prorate, commitment->amount, committed, text);
}

/* What the lines of `key` of that kind came to in earlier parts of the period: exactly, before caps. */
static int sum_earlier(const struct mtr_pricer *pricer, struct mtr_str key, const char *kind,
                       struct mtr_exact *out)
{
    struct mtr_exact sum = mtr_exact_zero();
    for (uint32_t i = 0; i < pricer->input->earlier_count; i++) {
        const struct mtr_price *price = pricer->input->earlier[i];
        for (uint32_t j = 0; j < price->line_count; j++) {
            const struct mtr_price_line *line = &price->lines[j];
            if (!mtr_str_equal(line->component, key) || !mtr_str_equal(line->kind, mtr_str_from(kind)))
                continue;
            int rc = mtr_exact_add(sum, line->exact, &sum);
            if (!rc) rc = mtr_exact_add(sum, line->cut, &sum);
            if (!rc) rc = mtr_exact_add(sum, line->tariff_cut, &sum);
            if (rc) return rc;
        }
    }
    *out = sum;
    return MTR_OK;
}

static int add_overage(struct mtr_pricer *pricer, const struct mtr_price_measured *scope,
                       const struct mtr_commitment *commitment)
{
    char text[MTR_PRICE_SHARE_TEXT_BYTES], factor[MTR_DECIMAL_TEXT_BYTES],
        name[MTR_PRICE_SHARE_TEXT_BYTES + MTR_DECIMAL_TEXT_BYTES + 16];
    struct mtr_exact use, committed, above, due = mtr_exact_zero(), before;
    struct mtr_quantity more = {commitment->overage.e12 - one.e12};
    if (!more.e12) return MTR_OK;
    int rc = measure(pricer, *scope, commitment, &use, &committed, text);
    if (!rc) rc = mtr_exact_sub(use, committed, &above);
    if (!rc && mtr_exact_compare(above, mtr_exact_zero()) > 0)
        rc = mtr_exact_scale(above, more, one, MTR_ROUND_HALF_EVEN, &due);
    if (!rc) rc = sum_earlier(pricer, scope->key, overage_kind, &before);
    if (!rc) rc = mtr_exact_sub(due, before, &due);
    if (rc || mtr_exact_compare(due, mtr_exact_zero()) == 0) return rc;
    name[0] = '\0';
    if (pricer->with_trace) {
        mtr_quantity_format(commitment->overage, factor);
        snprintf(name, sizeof(name), "above %s × %s", text, factor);
    }
    return price_add_due(pricer, scope->key, overage_kind, name, use, due);
}

/* Below C there is neither overage nor anything to cut, so all that was charged for the period is made up
 * to C. */
static int add_true_up(struct mtr_pricer *pricer, const struct mtr_price_measured *scope,
                       const struct mtr_commitment *commitment)
{
    char text[MTR_PRICE_SHARE_TEXT_BYTES];
    struct mtr_price_measured charged = *scope;
    struct mtr_exact use, committed, sum, missing;
    charged.cut = scope->of_tariff ? MTR_PRICE_AFTER_CAPS : MTR_PRICE_BEFORE_TARIFF_CAP;
    if (!commitment->true_up || !pricer->input->closing || pricer->input->continued_later) return MTR_OK;
    int rc = measure(pricer, *scope, commitment, &use, &committed, text);
    if (rc || mtr_exact_compare(use, committed) >= 0) return rc;
    rc = price_sum(pricer, &charged, &sum);
    if (!rc) rc = mtr_exact_sub(committed, sum, &missing);
    if (rc || mtr_exact_compare(missing, mtr_exact_zero()) <= 0) return rc;
    return price_add_due(pricer, scope->key, "commitment", text, sum, missing);
}

int price_overage(struct mtr_pricer *pricer, const struct mtr_component *component, uint32_t first_line)
{
    const struct mtr_price_measured scope = {
        .first_line = first_line, .key = component->key, .cut = MTR_PRICE_BEFORE_CAP};
    return component->commitment.given ? add_overage(pricer, &scope, &component->commitment) : MTR_OK;
}

int price_true_up(struct mtr_pricer *pricer, const struct mtr_component *component, uint32_t first_line)
{
    const struct mtr_price_measured scope = {
        .first_line = first_line, .key = component->key, .cut = MTR_PRICE_BEFORE_CAP};
    return component->commitment.given ? add_true_up(pricer, &scope, &component->commitment) : MTR_OK;
}

static struct mtr_price_measured tariff_scope(void)
{
    return (struct mtr_price_measured){
        .of_tariff = true, .key = MTR_STR("tariff.commitment"), .cut = MTR_PRICE_BEFORE_TARIFF_CAP};
}

int price_tariff_overage(struct mtr_pricer *pricer)
{
    const struct mtr_commitment *commitment = &pricer->input->version->commitment;
    const struct mtr_price_measured scope = tariff_scope();
    return commitment->given ? add_overage(pricer, &scope, commitment) : MTR_OK;
}

int price_tariff_true_up(struct mtr_pricer *pricer)
{
    const struct mtr_commitment *commitment = &pricer->input->version->commitment;
    const struct mtr_price_measured scope = tariff_scope();
    return commitment->given ? add_true_up(pricer, &scope, commitment) : MTR_OK;
}
