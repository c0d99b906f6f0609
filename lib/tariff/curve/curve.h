/*
 * Curves as documents spell them: one row per kind, which reads its fields into the model and lints what the
 * rows of the schema cannot know. Private to lib/catalog.
 *
 * A new curve is a file with its schema rows, its `read` and its `lint`; a row in the table of curve/curve.c;
 * a member of struct tariff_component_fields with its row in tariff/fields.c; and a row in
 * lib/tariff/price/curve.c for what it costs.
 */
#ifndef METERD_LIB_TARIFF_CURVE_CURVE_H
#define METERD_LIB_TARIFF_CURVE_CURVE_H

#include "lib/tariff/fields.h"

struct tariff_curve {
    const char *name;    /* the key that it is written under, and its name in traces */
    size_t given_offset; /* of the bool in struct tariff_component_fields */
    bool without_use;    /* a fee: no meter and none of the parts that need use */
    bool has_flats;      /* takes flat_at_zero */
    bool names_meters;   /* in itself, instead of `meter` */
    int (*read)(struct mtr_arena *arena, const struct tariff_component_fields *fields,
                struct mtr_component *out);
    /* `node` is what stands under the key. May finish the model where that needs a finding (a rate that
     * cannot be divided exactly). */
    void (*lint)(const struct mtr_node *node, struct mtr_component *component,
                 struct mtr_diagnostics *findings);
};

/* By enum mtr_curve_kind. */
extern const struct tariff_curve *const mtr_tariff_curves[MTR_CURVE_KINDS];

/* Those with a file of their own. */
extern const struct tariff_curve mtr_tariff_curve_percentage, mtr_tariff_curve_graduated_percentage,
    mtr_tariff_curve_dynamic;
extern const struct tariff_curve mtr_tariff_curve_stairstep, mtr_tariff_curve_blocks,
    mtr_tariff_curve_increments;
extern const struct tariff_curve mtr_tariff_curve_capacity, mtr_tariff_curve_matrix;

#define TARIFF_CURVE_KEY(key)                                                                                \
    .name = #key, .given_offset = offsetof(struct tariff_component_fields, has_##key)

static inline bool tariff_curve_given(const struct tariff_curve *curve,
                                          const struct tariff_component_fields *fields)
{
    return *(const bool *)((const char *)fields + curve->given_offset);
}

static inline bool tariff_curve_fits_row(const struct tariff_curve *curve)
{
    return !curve->without_use && !curve->names_meters && curve != &mtr_tariff_curve_matrix;
}

enum mtr_curve_kind tariff_curve_kind(const struct tariff_curve *curve);

/* The one curve of a row of a matrix; NULL, with a finding, when there is none or more than one. */
const struct tariff_curve *tariff_lint_row_curve(const struct mtr_node *node,
                                                     const struct tariff_component_fields *fields,
                                                     struct mtr_diagnostics *findings);

/* Bounds that ascend and end open, and the two prices of each tier by their keys; shared by everything
 * that has tiers. */
struct tariff_tier_keys {
    const char *unit; /* NULL: none of that kind */
    const char *flat;
};
int tariff_read_tiers(struct mtr_arena *arena, const struct mtr_list *list,
                          struct mtr_component *out) MTR_MUST_USE;
/* Of checked tiers: what is below each. Left out where a sum does not fit; the price then goes through
 * them one by one. */
void tariff_sum_tiers(struct mtr_component *component);
int tariff_read_single_tier(struct mtr_arena *arena, struct mtr_money unit, struct mtr_money flat,
                                struct mtr_component *out) MTR_MUST_USE;
void tariff_lint_tiers(const struct mtr_node *list, const struct mtr_component *component,
                           struct tariff_tier_keys keys, struct mtr_diagnostics *findings);
/* Where more use costs less because the whole quantity is at the reached tier. */
void tariff_lint_cliffs(const struct mtr_node *list, const struct mtr_component *component,
                            struct mtr_diagnostics *findings);

#endif
