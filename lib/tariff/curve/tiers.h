/*
 * Tiers: bounds that ascend and end open, with a price each; what graduated, volume, graduated_percentage and
 * stairstep are made of. Their curve_data is struct tariff_tiers. Private to lib/tariff.
 *
 * A tier holds what the one before it does not, up to its own bound, so fractions between whole bounds always
 * fall in one. A bound belongs to its tier (`up_to`) or to the tier above (`below`), each as it is written.
 * Negative use is priced at the first tier's unit price, without flats.
 */
#ifndef METERD_LIB_TARIFF_CURVE_TIERS_H
#define METERD_LIB_TARIFF_CURVE_TIERS_H

#include "lib/tariff/curve/bound.h"
#include "lib/tariff/curve/curve.h"

struct tariff_tier {
    bool open_ended;            /* the last tier */
    struct tariff_bound bound;
    struct mtr_money unit;
    struct mtr_money flat;
    bool has_cap;
    struct mtr_money cap;       /* greatest amount of this tier, its flat included */
    /* Of graduated tiers: what all before it cost when they are full. */
    struct mtr_exact below, below_without_flats;
};

struct tariff_tiers {
    struct tariff_tier *items;
    uint32_t count;
    bool are_summed; /* `below` is known: a quantity costs what is below its tier and its share of that */
};

/* A tier as the schema decodes it; one of these lists is what stands under the curve's key. */
struct tariff_tier_fields {
    bool has_up_to, has_below, has_unit, has_flat, has_cap;
    struct mtr_quantity up_to, below;
    struct mtr_money unit, flat, cap;
};
struct tariff_tier_list {
    struct mtr_list tiers; /* of tariff_tier_fields */
};

extern const struct mtr_field tariff_tier_rows[]; /* up_to, below, unit, flat, cap */
/* The two spellings of a bound, in the rows of a tier that is called `noun`. */
#define TARIFF_BOUND_ROWS(noun)                                                                              \
    {.name = "up_to", .type = MTR_FIELD_QUANTITY, AT(tariff_tier_fields, up_to),                             \
     PRESENT(tariff_tier_fields, has_up_to),                                                                 \
     .doc = "upper bound of the " noun ", which belongs to it; the last " noun " has none"},                 \
    {.name = "below", .type = MTR_FIELD_QUANTITY, AT(tariff_tier_fields, below),                             \
     PRESENT(tariff_tier_fields, has_below),                                                                 \
     .doc = "instead of up_to: a bound that belongs to the " noun " above"}
/* What the row of a curve of tiers says, but for its name and doc. */
#define TARIFF_TIER_LIST(rows)                                                                               \
    .type = MTR_FIELD_LIST, AT(tariff_tier_list, tiers), .own_size = sizeof(struct tariff_tier_list),        \
    .min = 1, .max = MTR_TARIFF_TIERS_MAX, .fields = (rows), .item_size = sizeof(struct tariff_tier_fields)

/* Hooks of such a curve. Graduated: each tier prices what falls in it. Volume: the tier that is reached
 * prices all of it; where the component has a side input, that one reaches it. */
int tariff_read_tiers(struct mtr_arena *arena, const void *fields, struct mtr_component *out) MTR_MUST_USE;
void tariff_border_tiers(const struct mtr_component *component, struct tariff_borders *borders);
/* A tier's cap cannot be weighted by time. */
void tariff_lint_tier_scope(const struct mtr_node *node, const struct mtr_component *component,
                            struct mtr_diagnostics *findings);
int tariff_price_graduated(struct mtr_pricer *pricer, struct mtr_line_work *work) MTR_MUST_USE;
int tariff_price_volume(struct mtr_pricer *pricer, struct mtr_line_work *work) MTR_MUST_USE;

/* The keys of a tier's two prices, for findings; NULL: it has none of that kind. */
struct tariff_tier_keys {
    const char *unit;
    const char *flat;
};
void tariff_lint_tiers(const struct mtr_node *list, const struct tariff_tiers *tiers,
                       struct tariff_tier_keys keys, struct mtr_diagnostics *findings);
/* Where more use costs less because the whole quantity is at the reached tier; `curve` is its key. */
void tariff_lint_cliffs(const struct mtr_node *list, const struct tariff_tiers *tiers, const char *curve,
                        struct mtr_diagnostics *findings);
/* Of graduated tiers that are checked: what is below each. Left out where a sum does not fit; the price then
 * goes through them one by one. */
void tariff_sum_tiers(struct tariff_tiers *tiers);

#endif
