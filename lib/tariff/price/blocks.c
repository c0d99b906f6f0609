/*
 * Mixed blocks. Graduated: each tier takes as many of its blocks as it has, and what it leaves is rounded up
 * in the next tier's blocks. Volume: the tier that the whole quantity reaches, with all of it in blocks of
 * that tier. Negative use is in blocks of the first tier.
 */
#include "lib/tariff/price/parts.h"

static int add_blocks(struct mtr_pricer *pricer, struct mtr_line_work *work, uint32_t index,
                      struct mtr_quantity quantity)
{
    const struct mtr_component *component = work->curve;
    const struct mtr_block_tier *tier = &component->block_tiers[index];
    struct mtr_quantity blocks;
    int rc = price_blocks_of(pricer, "blocks", quantity, tier->size, MTR_ROUND_UP, &blocks);
    if (rc) return rc;
    return price_add_product(pricer, work, index, component->block_tier_count, blocks, tier->price,
                                 (struct mtr_money){0});
}

static int by_volume(struct mtr_pricer *pricer, struct mtr_line_work *work)
{
    const struct mtr_block_tier *tiers = work->curve->block_tiers;
    struct mtr_quantity above = work->billed;
    uint32_t i = 0;
    while (!tiers[i].open_ended && mtr_quantity_compare(above, tiers[i].holds) > 0) {
        int rc = mtr_quantity_sub(above, tiers[i].holds, &above);
        if (rc) return rc;
        i++;
    }
    return add_blocks(pricer, work, i, work->billed);
}

int price_blocks(struct mtr_pricer *pricer, struct mtr_line_work *work)
{
    const struct mtr_block_tier *tiers = work->curve->block_tiers;
    struct mtr_quantity rest = work->billed;
    if (rest.e12 <= 0) return add_blocks(pricer, work, 0, rest);
    if (work->curve->blocks_by_volume) return by_volume(pricer, work);
    for (uint32_t i = 0; rest.e12 > 0; i++) {
        MTR_ASSERT(i < work->curve->block_tier_count); /* the last tier is open-ended */
        bool last = tiers[i].open_ended || mtr_quantity_compare(rest, tiers[i].holds) <= 0;
        struct mtr_quantity here = last ? rest : tiers[i].holds;
        int rc = add_blocks(pricer, work, i, here);
        if (!rc) rc = mtr_quantity_sub(rest, here, &rest);
        if (rc) return rc;
    }
    return MTR_OK;
}
