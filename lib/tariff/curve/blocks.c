/*
 * Mixed blocks: tiers of whole blocks, each tier with a size and a price of its own.
 *
 * Graduated: each tier takes as many of its blocks as it has, and what it leaves is rounded up in the next
 * tier's blocks. Volume: the tier that the whole quantity reaches, with all of it in blocks of that tier.
 * Negative use is in blocks of the first tier.
 */
#include "lib/tariff/curve/curve.h"
#include "lib/tariff/price/pricer.h"
#include "lib/tariff/report.h"


struct block_tier {
    bool is_bounded;            /* else it is the last: as many blocks as it takes */
    struct mtr_quantity size;   /* > 0, of a block */
    struct mtr_quantity blocks; /* whole number > 0: how many the tier has */
    struct mtr_quantity holds;  /* size × blocks; by the lint */
    struct mtr_money price;     /* of a block */
};

struct blocks {
    int mode;              /* 0 graduated, 1 volume */
    struct mtr_list tiers; /* of struct block_tier */
};

static const char *const modes[] = {"graduated", "volume", NULL};

static const struct mtr_field tier_rows[] = {
    {.name = "size", .type = MTR_FIELD_QUANTITY, AT(block_tier, size), .required = true,
     .doc = "units in a block"},
    {.name = "blocks", .type = MTR_FIELD_QUANTITY, AT(block_tier, blocks), PRESENT(block_tier, is_bounded),
     .doc = "how many blocks the tier has, a whole number; the last tier has no bound"},
    {.name = "price", .type = MTR_FIELD_MONEY, AT(block_tier, price), .required = true,
     .doc = "price of a block"},
    {0},
};

static const struct mtr_field rows[] = {
    {.name = "mode", .type = MTR_FIELD_ENUM, AT(blocks, mode), .choices = modes,
     .default_text = "graduated",
     .doc = "graduated: what a tier leaves goes on in the next tier's blocks; volume: everything in the "
            "blocks of the tier it reaches"},
    {.name = "tiers", .type = MTR_FIELD_LIST, AT(blocks, tiers), .required = true, .min = 1,
     .max = MTR_TARIFF_TIERS_MAX, .fields = tier_rows, .item_size = sizeof(struct block_tier),
     .doc = "ascending"},
    {0},
};

/* ---- findings ---- */

static void lint_count(const struct mtr_node *node, struct block_tier *tier, bool is_last,
                       struct mtr_diagnostics *findings)
{
    const struct mtr_node *place = tariff_place(node, "blocks");
    if (!tier->is_bounded) {
        if (!is_last)
            tariff_report(findings, MTR_FINDING_TARIFF_TIERS_UNREACHABLE, place, "blocks",
                          "is missing: without it no use ever reaches the tiers below this one");
    } else if (is_last) {
        tariff_report(findings, MTR_FINDING_TARIFF_TIERS_GAP, place, "blocks",
                      "use beyond these blocks has no price: leave `blocks` out of the last tier");
    } else if (tier->blocks.e12 <= 0 || tier->blocks.e12 % MTR_QUANTITY(1).e12) {
        tariff_report(findings, MTR_FINDING_TARIFF_NUMBER_MALFORMED, place, "blocks",
                      "must be a whole number of 1 or more");
    } else if (mtr_quantity_scale(tier->size, tier->blocks, MTR_QUANTITY(1), MTR_QUANTITY_DIGITS,
                                  MTR_ROUND_HALF_EVEN, &tier->holds)) {
        tariff_report(findings, MTR_FINDING_TARIFF_NUMBER_RANGE, place, "blocks",
                      "times the size is too large");
    }
}

/* What the bound costs in its own tier's blocks, and just above it in the next tier's; false where a
 * number does not fit. */
static bool cliff_costs(const struct block_tier *tier, const struct block_tier *next,
                        struct mtr_quantity bound, struct mtr_exact *at, struct mtr_exact *above)
{
    struct mtr_quantity blocks;
    if (mtr_quantity_blocks(bound, tier->size, MTR_ROUND_UP, &blocks)) return false;
    *at = mtr_exact_product(blocks, tier->price);
    if (mtr_quantity_blocks(bound, next->size, MTR_ROUND_DOWN, &blocks) ||
        mtr_quantity_add(blocks, MTR_QUANTITY(1), &blocks))
        return false;
    *above = mtr_exact_product(blocks, next->price);
    return true;
}

/* By volume the whole quantity is in the blocks of the tier that it reaches. */
static void lint_cliffs(const struct mtr_node *list, const struct blocks *blocks,
                        struct mtr_diagnostics *findings)
{
    const struct block_tier *tiers = blocks->tiers.items;
    struct mtr_quantity bound = {0};
    for (uint32_t i = 0; i + 1 < blocks->tiers.count; i++) {
        char quantity[MTR_DECIMAL_TEXT_BYTES], cost[MTR_DECIMAL_TEXT_BYTES], less[MTR_DECIMAL_TEXT_BYTES];
        struct mtr_exact at, above;
        const struct mtr_node *row = &list->children[i + 1];
        if (mtr_quantity_add(bound, tiers[i].holds, &bound)) return;
        if (!cliff_costs(&tiers[i], &tiers[i + 1], bound, &at, &above))
            return;
        if (mtr_exact_compare(above, at) >= 0) continue;
        mtr_quantity_format(bound, quantity);
        mtr_exact_format(at, cost);
        mtr_exact_format(above, less);
        mtr_diagnostics_addf(
            findings, MTR_FINDING_TARIFF_PRICE_FALLS, row->line, row->column, "blocks",
            "more use costs less above %s: %s costs %s, and just above it the price falls to %s", quantity,
            quantity, cost, less);
    }
}

static void lint_blocks(const struct mtr_node *node, struct mtr_component *component,
                        struct mtr_diagnostics *findings)
{
    const struct mtr_node *list = mtr_node_get(node, "tiers");
    const struct blocks *blocks = component->curve_data;
    struct block_tier *tiers = blocks->tiers.items;
    const size_t errors_before = findings->errors;
    for (uint32_t i = 0; i < blocks->tiers.count; i++) {
        struct block_tier *tier = &tiers[i];
        const struct mtr_node *row = &list->children[i];
        if (tier->size.e12 <= 0)
            tariff_report(findings, MTR_FINDING_TARIFF_NUMBER_NOT_POSITIVE, tariff_place(row, "size"), "size",
                          "must be more than 0");
        if (tier->price.e18 < 0)
            tariff_report(findings, MTR_FINDING_TARIFF_PRICE_NEGATIVE, tariff_place(row, "price"), "price",
                          "is negative: use pays the customer");
        lint_count(row, tier, i + 1 == blocks->tiers.count, findings);
    }
    if (blocks->mode == 1 && findings->errors == errors_before) lint_cliffs(list, blocks, findings);
}

/* ---- price ---- */

static int add_blocks(struct mtr_pricer *pricer, struct mtr_line_work *work, uint32_t index,
                      struct mtr_quantity quantity)
{
    const struct blocks *blocks = work->priced->curve_data;
    const struct block_tier *tier = (const struct block_tier *)blocks->tiers.items + index;
    struct mtr_price_product product = {
        .row = index, .row_count = blocks->tiers.count, .unit = tier->price};
    int rc = price_blocks_of(pricer, "blocks", quantity, tier->size, MTR_ROUND_UP, &product.quantity);
    return rc ? rc : price_add_product(pricer, work, &product);
}

static int by_volume(struct mtr_pricer *pricer, struct mtr_line_work *work)
{
    const struct blocks *blocks = work->priced->curve_data;
    const struct block_tier *tiers = blocks->tiers.items;
    struct mtr_quantity above = work->billed;
    uint32_t i = 0;
    while (tiers[i].is_bounded && mtr_quantity_compare(above, tiers[i].holds) > 0) {
        int rc = mtr_quantity_sub(above, tiers[i].holds, &above);
        if (rc) return rc;
        i++;
    }
    return add_blocks(pricer, work, i, work->billed);
}

static int price_blocks(struct mtr_pricer *pricer, struct mtr_line_work *work)
{
    const struct blocks *blocks = work->priced->curve_data;
    const struct block_tier *tiers = blocks->tiers.items;
    struct mtr_quantity rest = work->billed;
    if (rest.e12 <= 0) return add_blocks(pricer, work, 0, rest);
    if (blocks->mode == 1) return by_volume(pricer, work);
    for (uint32_t i = 0; rest.e12 > 0; i++) {
        MTR_ASSERT(i < blocks->tiers.count); /* the last tier is open-ended */
        bool last = !tiers[i].is_bounded || mtr_quantity_compare(rest, tiers[i].holds) <= 0;
        struct mtr_quantity here = last ? rest : tiers[i].holds;
        int rc = add_blocks(pricer, work, i, here);
        if (!rc) rc = mtr_quantity_sub(rest, here, &rest);
        if (rc) return rc;
    }
    return MTR_OK;
}

static void add_borders(const struct mtr_component *component, struct tariff_borders *borders)
{
    const struct blocks *blocks = component->curve_data;
    const struct block_tier *tiers = blocks->tiers.items;
    struct mtr_quantity held = {0};
    for (uint32_t i = 0; i < blocks->tiers.count; i++) {
        if (!tiers[i].is_bounded || mtr_quantity_add(held, tiers[i].holds, &held)) return;
        price_add_border(borders, held);
    }
}

const struct tariff_curve tariff_curve_blocks = {
    .row = {.name = "blocks", .type = MTR_FIELD_MAP, .own_size = sizeof(struct blocks), .fields = rows,
            .doc = "curve: whole blocks, of another size and price in each tier"},
    .has_units = true,
    .lint = lint_blocks,
    .price = price_blocks,
    .borders = add_borders,
};
