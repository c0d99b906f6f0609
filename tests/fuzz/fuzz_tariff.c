/*
 * Any bytes as a tariff document: it is refused with a finding, or it prices any quantity with lines and residue that make the total.
 */
#include "tests/support/pricing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void price_at(struct pricing *pricing, mtr_int128 e12)
{
    enum { USAGE_MAX = 16 };
    struct mtr_usage_row usage[USAGE_MAX];
    struct mtr_price_input input = pricing_input(pricing);
    struct mtr_price price;
    input.usage = usage;
    for (uint32_t i = 0; i < input.version->component_count && input.usage_count < USAGE_MAX; i++) {
        const struct mtr_component *component = &input.version->components[i];
        if (component->prorate == MTR_PRORATE_DAY) return; /* needs a zone */
        if (component->curve != MTR_CURVE_RECURRING) usage[input.usage_count++] = (struct mtr_usage_row){.component = i, .quantity = {e12}};
    }
    mtr_arena_reset(&pricing->result);
    if (mtr_price(&input, true, &pricing->result, &price)) return; /* out of range is an answer */
    struct mtr_money sum = price.residue;
    for (uint32_t i = 0; i < price.line_count; i++) {
        int rc = mtr_money_add(sum, price.lines[i].amount, &sum);
        MTR_ASSERT(rc == MTR_OK);
    }
    MTR_ASSERT(mtr_money_compare(sum, price.total) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pricing pricing;
    int rc = pricing_open(&pricing, (struct mtr_str){(const char *)data, size});
    MTR_ASSERT((rc == MTR_OK) == (pricing.findings.errors == 0) || rc == MTR_ENOMEM);
    if (rc == MTR_OK) {
        price_at(&pricing, 0);
        price_at(&pricing, (mtr_int128)1234567 * 1000000000);
        price_at(&pricing, -(mtr_int128)1000000000000);
        price_at(&pricing, (mtr_int128)1 << 120);
    }
    pricing_close(&pricing);
    return 0;
}
