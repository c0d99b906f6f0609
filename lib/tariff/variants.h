/*
 * Tariffs that are several in one: prices per currency, and prices of their own for a customer or a
 * subscription. Both are made by rewriting the document's tree before it is decoded, so that no other part of
 * the language knows of them, and everything that is linted in a plain tariff is linted in each of them.
 * Private to lib/tariff.
 *
 * Trees made here are valid as long as the scratch arena and the tree that they were made from.
 */
#ifndef METERD_LIB_TARIFF_VARIANTS_H
#define METERD_LIB_TARIFF_VARIANTS_H

#include "lib/tariff/fields.h"

/* The currencies that a tariff has prices in; the first is its own. */
struct tariff_currencies {
    struct mtr_node *items; /* texts, each with the place where the currency is named first; key "currency" */
    uint32_t count;         /* 0: a plain tariff of one currency, or one that names none */
};

/* Those of `currencies:`, else `currency:` and what the maps of prices name. Reports maps in which one is
 * missing, and amounts that are one number for several currencies. Errors: MTR_EINVALID with findings,
 * MTR_ENOMEM. */
int tariff_read_currencies(const struct mtr_node *tariff, struct mtr_arena *scratch,
                           struct tariff_currencies *out, struct mtr_diagnostics *findings) MTR_MUST_USE;
/* Are the steps of rounding those of currencies in which something is charged? MTR_EINVALID with findings. */
int tariff_lint_step_currencies(const struct mtr_node *tariff, const struct tariff_currencies *currencies,
                                struct mtr_diagnostics *findings) MTR_MUST_USE;
/* The tariff as it would be written in that currency alone. */
int tariff_in_currency(const struct mtr_node *tariff, const struct mtr_node *currency,
                       struct mtr_arena *scratch, struct mtr_node *out) MTR_MUST_USE;

/* The version without its overrides. */
int tariff_plain_version(const struct mtr_node *version, struct mtr_arena *scratch,
                         struct mtr_node *out) MTR_MUST_USE;
/* The plain version with one of its overrides in place: what the override's components say replaces what
 * the components of the same key say, a curve replaces the curve, and every other key replaces that of the
 * version. A component that the version does not have is reported. Errors: MTR_EINVALID with findings,
 * MTR_ENOMEM. */
int tariff_overridden_version(const struct mtr_node *plain, const struct mtr_node *override,
                              struct mtr_arena *scratch, struct mtr_node *out,
                              struct mtr_diagnostics *findings) MTR_MUST_USE;

/* Adds the findings of `from` that are not in `to` yet: what is the same in every variant is said once. */
void tariff_add_findings(struct mtr_diagnostics *to, const struct mtr_diagnostics *from);

#endif
