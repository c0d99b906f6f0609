/*
 * For tests of prices: a tariff read from text with all that it borrows, and one call that prices usage under
 * it.
 */
#ifndef METERD_TESTS_SUPPORT_PRICING_H
#define METERD_TESTS_SUPPORT_PRICING_H

#include <stdio.h>
#include <string.h>

#include "meterd/core/document.h"
#include "meterd/tariff/price.h"

enum { PRICING_FINDINGS_MAX = 64, PRICING_ARENA_BYTES_MAX = 64 << 20 };

struct pricing {
    struct mtr_arena arena;  /* the tariff */
    struct mtr_arena result; /* prices, until the next one */
    struct mtr_document *document;
    struct mtr_diagnostics findings;
    struct mtr_tariff_document tariff;
};

/* The tariff of that key in a bundle (without one the first); the document itself when it is none. */
static inline const struct mtr_node *pricing_find(const struct mtr_node *root, struct mtr_str key)
{
    const struct mtr_node *tariffs = mtr_node_get(root, "tariffs");
    if (!tariffs || tariffs->kind != MTR_NODE_LIST || tariffs->child_count == 0) return root;
    for (uint32_t i = 0; i < tariffs->child_count; i++)
        if (!key.size || mtr_str_equal(mtr_node_get(&tariffs->children[i], "key")->text, key))
            return &tariffs->children[i];
    return NULL;
}

/* Of a document, or the first tariff of a bundle. Returns what mtr_tariff_read returned (or the parser),
 * with its findings kept. Always to be closed. */
static inline int pricing_open(struct pricing *pricing, struct mtr_str text)
{
    struct mtr_diagnostic diagnostic;
    *pricing = (struct pricing){0};
    mtr_arena_init(&pricing->arena, 16 << 10, PRICING_ARENA_BYTES_MAX);
    mtr_arena_init(&pricing->result, 16 << 10, PRICING_ARENA_BYTES_MAX);
    mtr_diagnostics_init(&pricing->findings, PRICING_FINDINGS_MAX);
    int rc = mtr_document_parse(text, &pricing->document, &diagnostic);
    if (rc) {
        mtr_diagnostics_add(&pricing->findings, &diagnostic);
        return rc;
    }
    const struct mtr_node *tariff =
        pricing_find(mtr_document_root(pricing->document), (struct mtr_str){NULL, 0});
    return mtr_tariff_read(tariff, &pricing->arena, &pricing->tariff, &pricing->findings);
}

static inline void pricing_close(struct pricing *pricing)
{
    mtr_document_close(pricing->document);
    mtr_diagnostics_release(&pricing->findings);
    mtr_arena_release(&pricing->arena);
    mtr_arena_release(&pricing->result);
}

/* A tariff `t` in euros of one version: what stands in its `rounding` (or NULL) and its list of
 * components, and further lines of the version (or NULL). Ends the test when it cannot be read. */
static inline void pricing_open_row(struct pricing *pricing, const char *name, const char *rounding,
                                    const char *components, const char *version)
{
    char text[4096];
    snprintf(text, sizeof(text),
             "key: t\ncurrency: EUR\n%s%s%sversions:\n  - from: 2026-01-01\n    components: [%s]\n%s%s\n",
             rounding ? "rounding: {" : "", rounding ? rounding : "", rounding ? "}\n" : "", components,
             version ? "    " : "", version ? version : "");
    if (pricing_open(pricing, mtr_str_from(text)) == MTR_OK) return;
    for (size_t i = 0; i < pricing->findings.count; i++)
        fprintf(stderr, "%s: %u:%u: %s: %s\n", name, pricing->findings.items[i].line,
                pricing->findings.items[i].column, pricing->findings.items[i].field,
                pricing->findings.items[i].text);
    MTR_ASSERT(!"a tariff that can be read");
}

/* January 2026 in UTC, whole, closing, the first version. */
static inline struct mtr_price_input pricing_input(const struct pricing *pricing)
{
    return (struct mtr_price_input){
        .tariff = &pricing->tariff,
        .version = &pricing->tariff.versions[0],
        .period = {1767225600 * MTR_US_PER_SECOND, 1769904000 * MTR_US_PER_SECOND},
        .active_from_us = 1767225600 * MTR_US_PER_SECOND,
        .active_to_us = 1769904000 * MTR_US_PER_SECOND,
        .runs_from_us = 1767225600 * MTR_US_PER_SECOND,
        .runs_to_us = 1769904000 * MTR_US_PER_SECOND,
        .closing = true,
    };
}

/* What the row's use costs of that version, exactly, rounded to 10^-18; asserts that its component has a
 * line. */
static inline struct mtr_money pricing_amount(struct pricing *pricing,
                                              const struct mtr_tariff_document *tariff,
                                              const struct mtr_tariff_version *version,
                                              struct mtr_usage_row row)
{
    struct mtr_price_input input = pricing_input(pricing);
    struct mtr_price price;
    struct mtr_money amount;
    uint32_t line = 0;
    input.tariff = tariff;
    input.version = version;
    input.usage = &row;
    input.usage_count = mtr_component_is_fee(&version->components[row.component]) ? 0 : 1;
    mtr_arena_reset(&pricing->result);
    MTR_ASSERT(mtr_price(&input, false, &pricing->result, &price) == MTR_OK);
    while (!mtr_str_equal(price.lines[line].component, version->components[row.component].key)) {
        line++;
        MTR_ASSERT(line < price.line_count);
    }
    MTR_ASSERT(mtr_exact_round(price.lines[line].exact, MTR_MONEY_DIGITS, MTR_ROUND_HALF_EVEN, &amount,
                               NULL) == MTR_OK);
    return amount;
}

/* "component dimensions kind amount" of each line and the total, as one text: "calls usage 1.50; total
 * 1.50". */
static inline void pricing_describe(const struct pricing *pricing, const struct mtr_price *price, char *text,
                                    size_t size)
{
    char amount[MTR_DECIMAL_TEXT_BYTES];
    size_t used = 0;
    for (uint32_t i = 0; i < price->line_count && used < size; i++) {
        const struct mtr_price_line *line = &price->lines[i];
        mtr_money_format_min(line->amount, pricing->tariff.rounding_digits, amount);
        used += (size_t)snprintf(text + used, size - used, "%.*s%s%.*s %.*s %s",
                                 MTR_STR_ARGS(line->component), line->dimensions.size ? " " : "",
                                 MTR_STR_ARGS(line->dimensions), MTR_STR_ARGS(line->kind), amount);
        mtr_money_format_min(line->cost, pricing->tariff.rounding_digits, amount);
        if (line->has_cost && used < size)
            used += (size_t)snprintf(text + used, size - used, " cost %s", amount);
        if (used < size) used += (size_t)snprintf(text + used, size - used, "; ");
    }
    mtr_money_format_min(price->total, pricing->tariff.rounding_digits, amount);
    if (used < size) used += (size_t)snprintf(text + used, size - used, "total %s", amount);
    mtr_money_format_min(price->cost, pricing->tariff.rounding_digits, amount);
    if (price->has_cost && used < size)
        used += (size_t)snprintf(text + used, size - used, ", cost %s", amount);
    if (price->residue.e18 == 0 || used >= size) return;
    mtr_money_format(price->residue, amount);
    snprintf(text + used, size - used, ", residue %s", amount);
}

#endif
