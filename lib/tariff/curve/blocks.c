/*
 * Mixed blocks: tiers of whole blocks, each tier with a size and a price of its own.
 */
#include "lib/tariff/curve/curve.h"

#include "lib/tariff/report.h"

static const char *const modes[] = {"graduated", "volume", NULL};

static const struct mtr_field tier_rows[] = {
    {.name = "size", .type = MTR_FIELD_QUANTITY, AT(tariff_block_tier_fields, size), .required = true,
     .doc = "units in a block"},
    {.name = "blocks", .type = MTR_FIELD_QUANTITY, AT(tariff_block_tier_fields, blocks),
     PRESENT(tariff_block_tier_fields, has_blocks),
     .doc = "how many blocks the tier has, a whole number; the last tier has no bound"},
    {.name = "price", .type = MTR_FIELD_MONEY, AT(tariff_block_tier_fields, price), .required = true,
     .doc = "price of a block"},
    {0},
};

const struct mtr_field mtr_tariff_blocks_rows[] = {
    {.name = "mode", .type = MTR_FIELD_ENUM, AT(tariff_blocks_fields, mode), .choices = modes,
     .default_text = "graduated",
     .doc = "graduated: what a tier leaves goes on in the next tier's blocks; volume: everything in the "
            "blocks of the tier it reaches"},
    {.name = "tiers", .type = MTR_FIELD_LIST, AT(tariff_blocks_fields, tiers), .required = true, .min = 1,
     .max = MTR_TARIFF_TIERS_MAX, .fields = tier_rows, .item_size = sizeof(struct tariff_block_tier_fields),
     .doc = "ascending"},
    {0},
};

static int read_blocks(struct mtr_arena *arena, const struct tariff_component_fields *component,
                       struct mtr_component *out)
{
    const struct tariff_blocks_fields *fields = &component->blocks;
    const struct tariff_block_tier_fields *tiers = fields->tiers.items;
    out->blocks_by_volume = fields->mode == 1;
    out->block_tiers = mtr_arena_calloc(arena, fields->tiers.count, sizeof(*out->block_tiers));
    if (!out->block_tiers) return MTR_ENOMEM;
    out->block_tier_count = fields->tiers.count;
    for (uint32_t i = 0; i < fields->tiers.count; i++)
        out->block_tiers[i] = (struct mtr_block_tier){.open_ended = !tiers[i].has_blocks,
                                                      .size = tiers[i].size,
                                                      .blocks = tiers[i].blocks,
                                                      .price = tiers[i].price};
    return MTR_OK;
}

static void lint_count(const struct mtr_node *node, struct mtr_block_tier *tier, bool is_last,
                       struct mtr_diagnostics *findings)
{
    static const struct mtr_quantity one = {(mtr_int128)1000000000000};
    const struct mtr_node *place = tariff_place(node, "blocks");
    if (tier->open_ended) {
        if (!is_last)
            tariff_error(findings, place, "blocks",
                         "is missing: without it no use ever reaches the tiers below this one");
    } else if (is_last) {
        tariff_error(findings, place, "blocks",
                     "use beyond these blocks has no price: leave `blocks` out of the last tier");
    } else if (tier->blocks.e12 <= 0 || tier->blocks.e12 % one.e12) {
        tariff_error(findings, place, "blocks", "must be a whole number of 1 or more");
    } else if (mtr_quantity_scale(tier->size, tier->blocks, one, MTR_QUANTITY_DIGITS, MTR_ROUND_HALF_EVEN,
                                  &tier->holds)) {
        tariff_error(findings, place, "blocks", "times the size is too large");
    }
}

/* What the bound costs in its own tier's blocks, and just above it in the next tier's; false where a
 * number does not fit. */
static bool cliff_costs(const struct mtr_block_tier *tier, const struct mtr_block_tier *next,
                        struct mtr_quantity bound, struct mtr_exact *at, struct mtr_exact *above)
{
    static const struct mtr_quantity one = {(mtr_int128)1000000000000};
    struct mtr_quantity blocks;
    if (mtr_quantity_blocks(bound, tier->size, MTR_ROUND_UP, &blocks)) return false;
    *at = mtr_exact_product(blocks, tier->price);
    if (mtr_quantity_blocks(bound, next->size, MTR_ROUND_DOWN, &blocks) ||
        mtr_quantity_add(blocks, one, &blocks))
        return false;
    *above = mtr_exact_product(blocks, next->price);
    return true;
}

/* By volume the whole quantity is in the blocks of the tier that it reaches. */
static void lint_cliffs(const struct mtr_node *list, const struct mtr_component *component,
                        struct mtr_diagnostics *findings)
{
    struct mtr_quantity bound = {0};
    for (uint32_t i = 0; i + 1 < component->block_tier_count; i++) {
        char quantity[MTR_DECIMAL_TEXT_BYTES], cost[MTR_DECIMAL_TEXT_BYTES], less[MTR_DECIMAL_TEXT_BYTES];
        struct mtr_exact at, above;
        const struct mtr_node *row = &list->children[i + 1];
        if (mtr_quantity_add(bound, component->block_tiers[i].holds, &bound)) return;
        if (!cliff_costs(&component->block_tiers[i], &component->block_tiers[i + 1], bound, &at, &above))
            return;
        if (mtr_exact_compare(above, at) >= 0) continue;
        mtr_quantity_format(bound, quantity);
        mtr_exact_format(at, cost);
        mtr_exact_format(above, less);
        mtr_diagnostics_addf(
            findings, MTR_SEVERITY_WARNING, row->line, row->column, "blocks",
            "more use costs less above %s: %s costs %s, and just above it the price falls to %s", quantity,
            quantity, cost, less);
    }
}

static void lint_blocks(const struct mtr_node *node, struct mtr_component *component,
                        struct mtr_diagnostics *findings)
{
    const struct mtr_node *list = mtr_node_get(node, "tiers");
    const size_t errors_before = findings->errors;
    for (uint32_t i = 0; i < component->block_tier_count; i++) {
        struct mtr_block_tier *tier = &component->block_tiers[i];
        const struct mtr_node *row = &list->children[i];
        if (tier->size.e12 <= 0)
            tariff_error(findings, tariff_place(row, "size"), "size", "must be more than 0");
        if (tier->price.e18 < 0)
            tariff_warning(findings, tariff_place(row, "price"), "price",
                           "is negative: use pays the customer");
        lint_count(row, tier, i + 1 == component->block_tier_count, findings);
    }
    if (component->blocks_by_volume && findings->errors == errors_before)
        lint_cliffs(list, component, findings);
}

const struct tariff_curve mtr_tariff_curve_blocks = {TARIFF_CURVE_KEY(blocks), .read = read_blocks,
                                                     .lint = lint_blocks};
