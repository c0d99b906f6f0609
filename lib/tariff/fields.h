/*
 * Tariff documents as the schema decodes them, before they become the checked model. Private to lib/tariff.
 */
#ifndef METERD_LIB_TARIFF_FIELDS_H
#define METERD_LIB_TARIFF_FIELDS_H

#include "lib/tariff/curve/table.h"
#include "lib/tariff/part/table.h"
#include "meterd/core/currency.h"
#include "meterd/core/schema.h"
#include "meterd/tariff/tariff.h"

/* Members of the structs below in rows of the schema. */
#define AT(type, member) MTR_ROW_AT(type, member)
#define PRESENT(type, member) MTR_ROW_GIVEN(type, member)

struct tariff_mask_fields {
    struct mtr_str name;
    bool has_hours, has_zone, has_days, has_months, has_dates, has_any, has_none;
    struct mtr_str hours;
    int zone;                                       /* enum mtr_mask_clock */
    struct mtr_list days, months, dates, any, none; /* of struct mtr_str */
};

struct tariff_commitment_fields {
    struct mtr_money amount;
    struct mtr_quantity overage;
    bool true_up;
    int prorate;
};

struct tariff_term_fields {
    int every, anchor; /* enum mtr_period_unit less a week; 0 anniversary, 1 calendar */
    uint64_t count;
    struct mtr_list components; /* of struct mtr_str */
    bool has_commitment, has_minimum, has_minimum_prorate, has_cap;
    struct tariff_commitment_fields commitment;
    struct mtr_money minimum, cap;
    int minimum_prorate;
};

struct tariff_component_fields {
    struct mtr_str key, meter;
    void *curves[TARIFF_CURVE_COUNT]; /* by index, what their rows decoded; NULL: not written */
    void *parts[TARIFF_PART_COUNT];
    bool has_meter, has_tier_by, has_weights, has_group_by;
    bool flat_at_zero;
    struct mtr_str tier_by, tax_code, unit;
    const struct mtr_node *when; /* borrowed from the document */
    struct mtr_list weights;     /* of struct mtr_label */
    int scope;                   /* enum mtr_curve_scope */
    int across;                  /* 0 subscription, 1 customer */
    struct mtr_list group_by;    /* of struct mtr_str */
};

struct tariff_allowance_fields {
    struct mtr_str key;
    struct mtr_list components; /* of struct mtr_str */
    bool has_quantity, has_amount;
    struct mtr_quantity quantity;
    struct mtr_money amount;
    uint64_t rollover, priority;
};

struct tariff_account_fields {
    bool has_minimum, has_cap;
    struct mtr_money minimum, cap;
};

struct tariff_pricing_fields {
    struct mtr_str name;
    struct mtr_money price;
};

/* What is overridden is taken from the tree (tariff/overrides.c); these are the rows that say what may be
 * written. */
struct tariff_override_fields {
    struct tariff_pricing_fields pricing;
    struct mtr_str customer, subscription;
    struct mtr_list components; /* of tariff_component_fields, each with some of them only */
    struct tariff_account_fields account;
    struct mtr_list allowances; /* of tariff_allowance_fields */
    bool has_minimum, has_cap, has_commitment, has_minimum_prorate;
    struct mtr_money minimum, cap;
    int minimum_prorate;
    struct tariff_commitment_fields commitment;
    struct tariff_term_fields term;
};

struct tariff_version_fields {
    bool has_pricing;
    struct tariff_pricing_fields pricing;
    struct mtr_list overrides; /* of tariff_override_fields */
    struct mtr_str from;
    bool reset;
    struct mtr_list components; /* of tariff_component_fields */
    struct mtr_list calendar;   /* of tariff_mask_fields */
    bool has_calendar_zone;
    int calendar_zone;          /* enum mtr_mask_clock */
    struct tariff_account_fields account;
    bool has_minimum, has_cap, has_commitment, has_minimum_prorate;
    struct mtr_money minimum, cap;
    int minimum_prorate;
    struct tariff_commitment_fields commitment;
    bool has_term;
    struct tariff_term_fields term;
    struct mtr_list allowances; /* of tariff_allowance_fields */
};

struct tariff_rounding_fields {
    int mode;  /* enum mtr_rounding */
    int place; /* 0 line, 1 total */
    bool has_digits;
    uint64_t digits;
    const struct mtr_node *step; /* borrowed from the document */
};

struct tariff_exchange_fields {
    struct mtr_str source;
    int at; /* enum mtr_exchange_at */
    uint64_t max_age_days;
};

struct tariff_fields {
    struct mtr_str key, name, service, currency, retired;
    struct mtr_list currencies; /* of struct mtr_str */
    struct tariff_rounding_fields rounding;
    bool has_exchange;
    struct tariff_exchange_fields exchange;
    struct mtr_list versions; /* of tariff_version_fields */
};

/* The order of a version's overrides: those of subscriptions by key, then those of customers. */
int tariff_compare_overrides(const void *a, const void *b);

extern const struct mtr_field mtr_tariff_version_rows[];
/* Names (names.c), in the order of enum mtr_rounding, mtr_prorate, mtr_curve_scope, mtr_exchange_at. */
extern const char *const mtr_tariff_rounding_modes[], *const mtr_tariff_prorates[],
    *const mtr_tariff_scopes[], *const mtr_tariff_exchange_days[];
/* Rows of the parts that have a file of their own. */
extern const struct mtr_field mtr_tariff_commitment_rows[];
extern const struct mtr_field mtr_tariff_term_rows[];
extern const struct mtr_field mtr_tariff_allowance_rows[];
extern const struct mtr_field mtr_tariff_mask_rows[];
extern const struct mtr_field mtr_tariff_pricing_rows[];
/* Is it the row of what a unit of the pricing currency costs? */
bool tariff_is_price_of_unit(const struct mtr_field *field);
extern const char *const mtr_tariff_mask_zones[]; /* in the order of enum mtr_mask_clock */

/* All of a line's use at once? */
static inline bool tariff_is_whole(enum mtr_curve_scope scope)
{
    return scope == MTR_CURVE_SCOPE_PERIOD || scope == MTR_CURVE_SCOPE_TERM;
}
void tariff_lint_scope(const struct mtr_node *node, const struct mtr_component *component,
                       struct mtr_diagnostics *findings);
/* `node` is the version. */
int tariff_read_calendar(const struct mtr_node *node, const struct tariff_version_fields *fields,
                         struct mtr_arena *arena, struct mtr_calendar *out,
                         struct mtr_diagnostics *findings) MTR_MUST_USE;
int tariff_read_masks(const struct mtr_node *node, const struct tariff_component_fields *fields,
                      const struct mtr_calendar *calendar, struct mtr_arena *arena, struct mtr_component *out,
                      struct mtr_diagnostics *findings) MTR_MUST_USE;
/* Pools of a version whose components are read. MTR_ENOMEM. */
int tariff_read_allowances(const struct mtr_node *version, const struct mtr_tariff_document *tariff,
                           const struct tariff_version_fields *fields, struct mtr_arena *arena,
                           struct mtr_tariff_version *out, struct mtr_diagnostics *findings) MTR_MUST_USE;
/* How amounts are rounded; `node` is the tariff, `currency` its own (NULL: none of ISO 4217). MTR_ENOMEM. */
int tariff_read_rounding(const struct mtr_node *node, const struct tariff_rounding_fields *fields,
                         const struct mtr_currency *currency, struct mtr_arena *arena,
                         struct mtr_tariff_document *tariff, struct mtr_diagnostics *findings) MTR_MUST_USE;
/* `node` is the version. */
void tariff_lint_pricing(const struct mtr_node *node, const struct mtr_tariff_document *tariff,
                         const struct mtr_pricing_currency *pricing, struct mtr_diagnostics *findings);
/* Findings about what is read, with the nodes that it was read from. */
void tariff_lint_component(const struct mtr_node *node, const struct mtr_component *component,
                           struct mtr_diagnostics *findings);
void tariff_lint_version(const struct mtr_node *node, const struct mtr_tariff_document *tariff,
                         const struct mtr_tariff_version *version, struct mtr_diagnostics *findings);

#endif
