/*
 * Tariff documents as the schema decodes them, before they become the checked model. Private to lib/catalog.
 */
#ifndef METERD_LIB_CATALOG_TARIFF_FIELDS_H
#define METERD_LIB_CATALOG_TARIFF_FIELDS_H

#include "meterd/catalog/tariff.h"
#include "meterd/core/schema.h"

struct tariff_tier_fields {
    bool has_up_to, has_unit, has_flat;
    struct mtr_quantity up_to;
    struct mtr_money unit, flat;
};

struct tariff_package_fields {
    struct mtr_quantity size;
    struct mtr_money price;
    int rounding; /* package_roundings */
};

struct tariff_recurring_fields {
    struct mtr_money amount;
    int every; /* 0: the billing period; else 1 + enum mtr_period_unit */
    int in;    /* 0 advance, 1 arrears */
    int prorate; /* enum mtr_prorate */
};

struct tariff_component_fields {
    struct mtr_str key, meter;
    bool has_meter, has_per_unit, has_graduated, has_volume, has_package, has_recurring;
    bool has_free_units, has_minimum, has_cap, has_group_by, has_flat_at_zero;
    struct mtr_money per_unit;
    struct mtr_list graduated, volume; /* of tariff_tier_fields */
    struct tariff_package_fields package;
    struct tariff_recurring_fields recurring;
    bool flat_at_zero;
    struct mtr_quantity free_units;
    struct mtr_money minimum, cap;
    struct mtr_list group_by; /* of struct mtr_str */
};

struct tariff_version_fields {
    struct mtr_str from;
    struct mtr_list components; /* of tariff_component_fields */
    bool has_minimum;
    struct mtr_money minimum;
};

struct tariff_rounding_fields {
    int mode; /* enum mtr_rounding */
    int place; /* 0 line, 1 total */
    bool has_digits;
    uint64_t digits;
};

struct tariff_fields {
    struct mtr_str key, name, currency;
    struct tariff_rounding_fields rounding;
    struct mtr_list versions; /* of tariff_version_fields */
};

extern const struct mtr_field mtr_tariff_fields[];

/* Findings about decoded components, with the nodes that they were decoded from. Each counts its errors in `findings`. */
void mtr_tariff_lint_curves(const struct mtr_node *node, const struct tariff_component_fields *fields, struct mtr_diagnostics *findings);
void mtr_tariff_lint_component(const struct mtr_node *node, const struct mtr_tariff_document *tariff, const struct mtr_component *component,
                               struct mtr_diagnostics *findings);
void mtr_tariff_lint_version(const struct mtr_node *node, const struct mtr_tariff_document *tariff,
                             const struct mtr_tariff_version *version, struct mtr_diagnostics *findings);

#endif
