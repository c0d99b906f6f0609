/*
 * Commitments: use U under a commitment C with overage factor f costs C + (U − C) × f from C on. Below it, it
 * costs C when the period closes (true-up), or U where there is none.
 *
 * The lines of use stand as they are; what the factor adds is a line of its own (kind overage, negative for f
 * < 1), and so is the true-up (kind commitment). Of a period in parts the last one has the true-up, and each
 * adds what overage the parts before it have not. The overage comes before the cap, so it is measured by what
 * the lines were before their cap cut them.
 */
#include "lib/tariff/part/limits.h"

#include <stdio.h>

#include "lib/tariff/price/pricer.h"
#include "lib/tariff/report.h"

static const char overage_kind[] = "overage";

const struct mtr_field mtr_tariff_commitment_rows[] = {
    {.name = "amount", .type = MTR_FIELD_MONEY, AT(tariff_commitment_fields, amount), .required = true,
     .doc = "committed for a whole period"},
    {.name = "overage", .type = MTR_FIELD_QUANTITY, AT(tariff_commitment_fields, overage),
     .default_text = "1", .is_factor = true, .doc = "factor on what goes beyond the commitment"},
    {.name = "true_up", .type = MTR_FIELD_BOOL, AT(tariff_commitment_fields, true_up), .default_text = "true",
     .doc = "what is missing is due when the period closes; false: only the overage counts"},
    {.name = "prorate", .type = MTR_FIELD_ENUM, AT(tariff_commitment_fields, prorate),
     .choices = mtr_tariff_prorates, .default_text = "none",
     .doc = "share of the amount in a period that the subscription runs through in part"},
    {0},
};

struct mtr_commitment tariff_commitment_of(const struct tariff_commitment_fields *fields)
{
    return (struct mtr_commitment){
        .given = true,
        .true_up = fields->true_up,
        .amount = fields->amount,
        .overage = fields->overage,
        .prorate = (enum mtr_prorate)fields->prorate,
    };
}

static int read_commitment(struct mtr_arena *arena, const void *fields, void **out)
{
    struct mtr_commitment *commitment = mtr_arena_calloc(arena, 1, sizeof(*commitment));
    if (!commitment) return MTR_ENOMEM;
    *commitment = tariff_commitment_of(fields);
    *out = commitment;
    return MTR_OK;
}

void tariff_lint_commitment(const struct mtr_node *map, const struct mtr_tariff_document *tariff,
                            const struct mtr_commitment *commitment, bool has_minimum,
                            struct mtr_diagnostics *findings)
{
    const struct mtr_node *node = mtr_node_get(map, "commitment");
    if (commitment->overage.e12 < 0)
        tariff_report(findings, MTR_FINDING_TARIFF_NUMBER_NEGATIVE, tariff_place(node, "overage"),
                      "commitment.overage", "must not be negative");
    if (!commitment->true_up && commitment->overage.e12 == MTR_QUANTITY(1).e12)
        tariff_report(findings, MTR_FINDING_TARIFF_COMMITMENT_IDLE, node, "commitment",
                      "changes nothing: it has neither an overage factor nor a true-up");
    tariff_lint_limit(node, "amount", tariff, commitment->amount, findings);
    tariff_forbid(findings, MTR_FINDING_TARIFF_FIELD_CONFLICT, map, has_minimum && commitment->true_up,
                  "minimum", "a commitment with true-up is a minimum already: remove one of them");
}

static void lint_commitment(const struct mtr_node *node, const struct mtr_tariff_document *tariff,
                            struct mtr_component *component, struct mtr_diagnostics *findings)
{
    tariff_lint_commitment(node, tariff, TARIFF_PART_OF(component, overage),
                           TARIFF_PART_OF(component, minimum) != NULL, findings);
}

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
    struct mtr_quantity more = {commitment->overage.e12 - MTR_QUANTITY(1).e12};
    if (!more.e12) return MTR_OK;
    int rc = measure(pricer, *scope, commitment, &use, &committed, text);
    if (!rc) rc = mtr_exact_sub(use, committed, &above);
    if (!rc && mtr_exact_compare(above, mtr_exact_zero()) > 0)
        rc = mtr_exact_scale(above, more, MTR_QUANTITY(1), MTR_ROUND_HALF_EVEN, &due);
    if (!rc) rc = sum_earlier(pricer, scope->key, overage_kind, &before);
    if (!rc) rc = mtr_exact_sub(due, before, &due);
    if (rc || mtr_exact_compare(due, mtr_exact_zero()) == 0) return rc;
    name[0] = '\0';
    if (pricer->with_trace) {
        mtr_quantity_format(commitment->overage, factor);
        snprintf(name, sizeof(name), "above %s × %s", text, factor);
    }
    const struct mtr_price_due added = {scope->key, MTR_STR(""), 0, overage_kind, name, use, due};
    return price_add_due(pricer, &added);
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
    const struct mtr_price_due added = {scope->key, MTR_STR(""), 0, "commitment", text, sum, missing};
    return price_add_due(pricer, &added);
}

static int overage_of_component(struct mtr_pricer *pricer, const struct mtr_component *component,
                                uint32_t first_line)
{
    const struct mtr_commitment *commitment = TARIFF_PART_OF(component, overage);
    const struct mtr_price_measured measured = {
        .first_line = first_line, .key = component->key, .cut = MTR_PRICE_BEFORE_CAP};
    return commitment ? add_overage(pricer, &measured, commitment) : MTR_OK;
}

static int true_up_of_component(struct mtr_pricer *pricer, const struct mtr_component *component,
                                uint32_t first_line)
{
    const struct mtr_commitment *commitment = TARIFF_PART_OF(component, overage);
    const struct mtr_price_measured measured = {
        .first_line = first_line, .key = component->key, .cut = MTR_PRICE_BEFORE_CAP};
    return commitment ? add_true_up(pricer, &measured, commitment) : MTR_OK;
}

static struct mtr_price_measured all_lines(void)
{
    return (struct mtr_price_measured){
        .of_tariff = true, .key = MTR_STR("tariff.commitment"), .cut = MTR_PRICE_BEFORE_TARIFF_CAP};
}

static int overage_of_tariff(struct mtr_pricer *pricer)
{
    const struct mtr_commitment *commitment = &pricer->input->version->commitment;
    const struct mtr_price_measured measured = all_lines();
    return commitment->given ? add_overage(pricer, &measured, commitment) : MTR_OK;
}

static int true_up_of_tariff(struct mtr_pricer *pricer)
{
    const struct mtr_commitment *commitment = &pricer->input->version->commitment;
    const struct mtr_price_measured measured = all_lines();
    return commitment->given ? add_true_up(pricer, &measured, commitment) : MTR_OK;
}

const struct tariff_part tariff_part_overage = {
    .row = {.name = "commitment", .type = MTR_FIELD_MAP, .own_size = sizeof(struct tariff_commitment_fields),
            .fields = mtr_tariff_commitment_rows,
            .doc = "amount that is due in any case, with a factor for what goes beyond it"},
    .read = read_commitment,
    .lint = lint_commitment,
    .apply_to_component = overage_of_component,
    .adds_lines = true,
    .apply_to_tariff = overage_of_tariff,
};

const struct tariff_part tariff_part_true_up = {
    .apply_to_component = true_up_of_component,
    .apply_to_tariff = true_up_of_tariff,
};
