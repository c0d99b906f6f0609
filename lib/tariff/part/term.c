/*
 * Limits over a term of several billing periods: a commitment, a cap and a minimum of all that the tariff
 * comes to in it, say a year with monthly bills.
 *
 * Each is a function of one number, the sum S of what the tariff's lines came to in the term so far: what a
 * commitment adds above C is (S − C) × (f − 1), what a cap takes is what S and that are above it. A part of a
 * period gets the value up to its end less the value up to its begin, so that the bills of a term add up to
 * the function of its whole sum, whenever use came. The least amount, and what is missing to C, is due with
 * the part that ends the term.
 *
 * Invariants: what a term adds is on lines of its own, and of no other limit; S is the sum of the lines
 * before them (of all, or of its components), credits apart, so the price of one period depends on the others
 * through that number alone.
 */
#include "lib/tariff/part/limits.h"

#include <stdio.h>

#include "lib/tariff/price/pricer.h"
#include "lib/tariff/report.h"

enum { TERM_COUNT_MAX = 60 };

static const char *const everies[] = {"week", "month", "quarter", "year", NULL};
_Static_assert(MTR_PERIOD_WEEK == 1 && MTR_PERIOD_YEAR == 4, "as enum mtr_period_unit, less one");
static const char *const anchors[] = {"anniversary", "calendar", NULL};

const struct mtr_field mtr_tariff_term_rows[] = {
    {.name = "every", .type = MTR_FIELD_ENUM, AT(tariff_term_fields, every), .choices = everies,
     .default_text = "year", .doc = "how long it is: several billing periods"},
    {.name = "count", .type = MTR_FIELD_U64, AT(tariff_term_fields, count), .min = 1, .max = TERM_COUNT_MAX,
     .default_text = "1",
     .doc = "how many of them: {every: month, count: 6} is half a year, {every: year, count: 3} three years"},
    {.name = "anchor", .type = MTR_FIELD_ENUM, AT(tariff_term_fields, anchor), .choices = anchors,
     .default_text = "anniversary",
     .doc = "it is counted from the day on which the subscription starts, or by the calendar"},
    {.name = "components", .type = MTR_FIELD_TEXTS, AT(tariff_term_fields, components), .single = true,
     .min = 1, .max = MTR_TARIFF_COMPONENTS_MAX, .doc = "whose lines count; all lines unless given"},
    {.name = "commitment", .type = MTR_FIELD_MAP, AT(tariff_term_fields, commitment),
     PRESENT(tariff_term_fields, has_commitment), .fields = mtr_tariff_commitment_rows,
     .doc = "amount that is due in any case, with a factor for what goes beyond it"},
    {.name = "minimum", .type = MTR_FIELD_MONEY, AT(tariff_term_fields, minimum),
     PRESENT(tariff_term_fields, has_minimum),
     .doc = "least amount; the difference is due when the term ends"},
    {.name = "minimum_prorate", .type = MTR_FIELD_ENUM, AT(tariff_term_fields, minimum_prorate),
     PRESENT(tariff_term_fields, has_minimum_prorate), .choices = mtr_tariff_prorates,
     .default_text = "none",
     .doc = "share of the minimum in a term that the subscription runs through in part"},
    {.name = "cap", .type = MTR_FIELD_MONEY, AT(tariff_term_fields, cap),
     PRESENT(tariff_term_fields, has_cap), .doc = "greatest amount"},
    {0},
};

struct mtr_term_limits tariff_term_of(const struct tariff_term_fields *fields)
{
    return (struct mtr_term_limits){
        .given = true,
        .length = {(enum mtr_period_unit)(fields->every + MTR_PERIOD_WEEK), (uint32_t)fields->count},
        .by_calendar = fields->anchor == 1,
        .components = fields->components.items,
        .component_count = fields->components.count,
        .has_minimum = fields->has_minimum,
        .minimum = fields->minimum,
        .minimum_prorate = (enum mtr_prorate)fields->minimum_prorate,
        .has_cap = fields->has_cap,
        .cap = fields->cap,
        .commitment = fields->has_commitment ? tariff_commitment_of(&fields->commitment)
                                             : (struct mtr_commitment){.given = false},
    };
}

static void lint_components(const struct mtr_node *node, const struct mtr_tariff_version *version,
                            struct mtr_diagnostics *findings)
{
    const struct mtr_node *list = mtr_node_get(node, "components");
    for (uint32_t i = 0; i < version->term.component_count; i++) {
        const struct mtr_str key = version->term.components[i];
        const struct mtr_node *place = list->kind == MTR_NODE_LIST ? &list->children[i] : list;
        char meant[MTR_MEANT_BYTES];
        if (mtr_tariff_component(version, key)) continue;
        mtr_diagnostics_addf(findings, MTR_FINDING_TARIFF_COMPONENT_UNKNOWN, place->line, place->column,
                             "components", "the version has no component `%.*s%s`%s", MTR_STR_QUOTED(key),
                             mtr_tariff_component_meant(version, key, meant));
    }
}

void tariff_lint_term(const struct mtr_node *version_node, const struct mtr_tariff_document *tariff,
                      const struct mtr_tariff_version *version, struct mtr_diagnostics *findings)
{
    const struct mtr_node *node = mtr_node_get(version_node, "term");
    const struct mtr_term_limits *term = &version->term;
    const struct mtr_commitment *commitment = term->commitment.given ? &term->commitment : NULL;
    if (!commitment && !term->has_minimum && !term->has_cap)
        tariff_report(findings, MTR_FINDING_TARIFF_FIELD_EMPTY, node, "term",
                      "says nothing: write `commitment`, `minimum` or `cap`");
    if (term->by_calendar && !mtr_period_length_is_of_calendar(term->length)) {
        char sentence[MTR_FINDING_TEXT_BYTES], length[MTR_PERIOD_LENGTH_TEXT_BYTES];
        snprintf(sentence, sizeof(sentence),
                 "%s are nothing that the calendar has: by it a week, or months that make a year, are "
                 "counted; leave the anchor out to count from the subscription's start",
                 mtr_period_length_text(term->length, length));
        tariff_report(findings, MTR_FINDING_TARIFF_TERM_CALENDAR, tariff_place(node, "anchor"), "anchor",
                      sentence);
    }
    if (term->has_minimum) tariff_lint_limit(node, "minimum", tariff, term->minimum, findings);
    tariff_forbid(findings, MTR_FINDING_TARIFF_PRORATE_NOTHING, node,
                  term->minimum_prorate != MTR_PRORATE_NONE && !term->has_minimum, "minimum_prorate",
                  "there is no minimum to prorate");
    if (term->has_cap)
        tariff_lint_cap(node, tariff, term->cap, term->has_minimum ? &term->minimum : NULL, commitment,
                        findings);
    if (commitment) tariff_lint_commitment(node, tariff, commitment, term->has_minimum, findings);
    lint_components(node, version, findings);
}

/* ---- price ---- */

/* The sum so far, and what of it the limits add and take. */
struct standing {
    struct mtr_money sum;
    struct mtr_money overage; /* rounded as a line is */
    struct mtr_money cut;     /* 0 or more */
};

struct limits {
    struct mtr_pricer *pricer;
    struct mtr_pricer whole; /* the same, of the whole term: for shares of it */
    struct mtr_price_input input;
    const struct mtr_term_limits *term;
    struct mtr_exact committed;
    char committed_text[MTR_PRICE_SHARE_TEXT_BYTES];
};

static int open_limits(struct mtr_pricer *pricer, struct limits *limits)
{
    const struct mtr_price_term *term = pricer->input->term;
    *limits = (struct limits){.pricer = pricer, .term = &pricer->input->version->term};
    limits->input = *pricer->input;
    limits->input.period = term->whole;
    limits->input.runs_from_us = term->runs_from_us;
    limits->input.runs_to_us = term->runs_to_us;
    limits->whole = *pricer;
    limits->whole.input = &limits->input;
    const struct mtr_commitment *commitment = &limits->term->commitment;
    return commitment->given ? price_prorate(&limits->whole, commitment->prorate, commitment->amount,
                                             &limits->committed, limits->committed_text)
                             : MTR_OK;
}

static int round_amount(const struct mtr_pricer *pricer, struct mtr_exact exact, struct mtr_money *out)
{
    if (!price_keeps_exact(pricer)) return price_round(&pricer->rounding, exact, out);
    return mtr_exact_round(exact, MTR_MONEY_DIGITS, MTR_ROUND_HALF_EVEN, out, NULL);
}

/* (S − C) × (f − 1), where S is above C. */
static int find_overage(const struct limits *limits, struct mtr_money sum, struct mtr_money *out)
{
    const struct mtr_commitment *commitment = &limits->term->commitment;
    const struct mtr_quantity more = {commitment->overage.e12 - MTR_QUANTITY(1).e12};
    struct mtr_exact above, due;
    *out = (struct mtr_money){0};
    if (!commitment->given || !more.e12) return MTR_OK;
    int rc = mtr_exact_sub(mtr_exact_from_money(sum), limits->committed, &above);
    if (rc || mtr_exact_compare(above, mtr_exact_zero()) <= 0) return rc;
    rc = mtr_exact_scale(above, more, MTR_QUANTITY(1), MTR_ROUND_HALF_EVEN, &due);
    return rc ? rc : round_amount(limits->pricer, due, out);
}

static int stand_at(const struct limits *limits, struct mtr_money sum, struct standing *out)
{
    struct mtr_money all;
    *out = (struct standing){.sum = sum};
    int rc = find_overage(limits, sum, &out->overage);
    if (rc || !limits->term->has_cap) return rc;
    rc = mtr_money_add(sum, out->overage, &all);
    if (rc || mtr_money_compare(all, limits->term->cap) <= 0) return rc;
    return mtr_money_sub(all, limits->term->cap, &out->cut);
}

static bool counts(const struct mtr_term_limits *term, const struct mtr_price_line *line)
{
    for (uint32_t i = 0; i < term->component_count; i++)
        if (mtr_str_equal(term->components[i], line->component)) return true;
    return term->component_count == 0;
}

/* What the lines of this part come to. */
static int sum_lines(const struct mtr_pricer *pricer, struct mtr_money *out)
{
    struct mtr_exact sum = mtr_exact_zero(), value;
    int rc = MTR_OK;
    for (uint32_t i = 0; !rc && i < pricer->price.line_count; i++) {
        if (!counts(&pricer->input->version->term, &pricer->price.lines[i])) continue;
        rc = price_line_value(pricer, &pricer->price.lines[i], MTR_PRICE_AFTER_CAPS, &value);
        if (!rc) rc = mtr_exact_add(sum, value, &sum);
    }
    return rc ? rc : mtr_exact_round(sum, MTR_MONEY_DIGITS, MTR_ROUND_HALF_EVEN, out, NULL);
}

/* A line of what a limit comes to now less what it came to before; `sum`: what it is measured by. */
static int add_line(const struct limits *limits, struct mtr_price_line line, const char *text,
                    struct mtr_money sum)
{
    struct mtr_pricer *pricer = limits->pricer;
    char kind[16];
    if (!line.amount.e18) return MTR_OK;
    line.quantity = MTR_QUANTITY(1);
    line.exact = mtr_exact_from_money(line.amount);
    snprintf(kind, sizeof(kind), "%.*s", MTR_STR_ARGS(line.kind));
    int rc = price_trace_limit(pricer, price_next_line(pricer), kind, text, mtr_exact_from_money(sum),
                               line.exact);
    return rc ? rc : price_add_line(pricer, &line);
}

static int add_differences(const struct limits *limits, const struct standing *before,
                           const struct standing *now)
{
    struct mtr_price_line overage = {.component = MTR_STR("tariff.term.commitment"),
                                     .kind = MTR_STR("overage")},
                          cut = {.component = MTR_STR("tariff.term.cap"), .kind = MTR_STR("cap")};
    char text[MTR_PRICE_SHARE_TEXT_BYTES + MTR_DECIMAL_TEXT_BYTES + 32] = "", factor[MTR_DECIMAL_TEXT_BYTES];
    overage.amount.e18 = now->overage.e18 - before->overage.e18;
    cut.amount.e18 = before->cut.e18 - now->cut.e18;
    if (limits->pricer->with_trace) {
        mtr_quantity_format(limits->term->commitment.overage, factor);
        snprintf(text, sizeof(text), "of the term above %s × %s", limits->committed_text, factor);
    }
    int rc = add_line(limits, overage, text, now->sum);
    if (limits->pricer->with_trace) {
        mtr_money_format(limits->term->cap, factor);
        snprintf(text, sizeof(text), "of the term %s", factor);
    }
    return rc ? rc : add_line(limits, cut, text, now->sum);
}

/* Up to `least`, where the term comes to less. */
static int add_missing(const struct limits *limits, struct mtr_price_line line, struct mtr_exact least,
                       const char *share, const struct standing *now)
{
    char text[MTR_PRICE_SHARE_TEXT_BYTES + 16];
    struct mtr_money charged;
    struct mtr_exact missing;
    int rc = mtr_money_add(now->sum, now->overage, &charged);
    if (!rc) rc = mtr_money_sub(charged, now->cut, &charged);
    if (!rc) rc = mtr_exact_sub(least, mtr_exact_from_money(charged), &missing);
    if (rc || mtr_exact_compare(missing, mtr_exact_zero()) <= 0) return rc;
    snprintf(text, sizeof(text), "of the term %s", share);
    rc = round_amount(limits->pricer, missing, &line.amount);
    return rc ? rc : add_line(limits, line, text, charged);
}

static int add_least(const struct limits *limits, const struct standing *now)
{
    const struct mtr_term_limits *term = limits->term;
    const struct mtr_price_line minimum = {.component = MTR_STR("tariff.term.minimum"),
                                           .kind = MTR_STR("minimum")},
                                true_up = {.component = MTR_STR("tariff.term.commitment"),
                                           .kind = MTR_STR("commitment")};
    char share[MTR_PRICE_SHARE_TEXT_BYTES];
    struct mtr_exact least;
    int rc = MTR_OK;
    if (!limits->pricer->input->closing || !limits->pricer->input->term->ends) return MTR_OK;
    if (term->has_minimum) {
        rc = price_prorate(&limits->whole, term->minimum_prorate, term->minimum, &least, share);
        if (!rc) rc = add_missing(limits, minimum, least, share, now);
    }
    if (!rc && term->commitment.given && term->commitment.true_up)
        rc = add_missing(limits, true_up, limits->committed, limits->committed_text, now);
    return rc;
}

static int apply_limits(struct mtr_pricer *pricer)
{
    struct limits limits;
    struct standing before, now;
    if (!pricer->input->term) return MTR_OK;
    MTR_ASSERT(pricer->input->version->term.given);
    struct mtr_money sum = pricer->input->term->before;
    int rc = sum_lines(pricer, &pricer->price.term_sum);
    if (!rc) rc = open_limits(pricer, &limits);
    if (!rc) rc = stand_at(&limits, sum, &before);
    if (!rc) rc = mtr_money_add(sum, pricer->price.term_sum, &sum);
    if (!rc) rc = stand_at(&limits, sum, &now);
    if (!rc) rc = add_differences(&limits, &before, &now);
    return rc ? rc : add_least(&limits, &now);
}

const struct tariff_part tariff_part_term = {.apply_to_tariff = apply_limits};
