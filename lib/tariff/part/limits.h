/*
 * What limits of a component and of the whole tariff have in common: cap, minimum and commitment, each with
 * findings that look at the others. Private to lib/tariff.
 */
#ifndef METERD_LIB_TARIFF_PART_LIMITS_H
#define METERD_LIB_TARIFF_PART_LIMITS_H

#include "lib/tariff/part/part.h"

struct tariff_cap {
    struct mtr_money amount;
};

struct tariff_minimum {
    struct mtr_money amount;
};

/* How the minimums of a component count in a period that the subscription runs through in part. */
enum mtr_prorate tariff_minimum_prorate(const struct mtr_component *component);

/* An amount that bounds rounded lines must be one that lines can have. `key` stands in the map `node`. */
void tariff_lint_limit(const struct mtr_node *node, const char *key, const struct mtr_tariff_document *tariff,
                       struct mtr_money amount, struct mtr_diagnostics *findings);
/* `map` is the component or the version; what is not given is NULL. */
void tariff_lint_cap(const struct mtr_node *map, const struct mtr_tariff_document *tariff,
                     struct mtr_money cap, const struct mtr_money *minimum,
                     const struct mtr_commitment *commitment, struct mtr_diagnostics *findings);
void tariff_lint_commitment(const struct mtr_node *map, const struct mtr_tariff_document *tariff,
                            const struct mtr_commitment *commitment, bool has_minimum,
                            struct mtr_diagnostics *findings);
struct mtr_term_limits tariff_term_of(const struct tariff_term_fields *fields);
/* `node` is the version, whose components are read. */
void tariff_lint_term(const struct mtr_node *node, const struct mtr_tariff_document *tariff,
                      const struct mtr_tariff_version *version, struct mtr_diagnostics *findings);
struct mtr_commitment tariff_commitment_of(const struct tariff_commitment_fields *fields);

#endif
