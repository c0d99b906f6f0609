/*
 * Any bytes as a tariff document: it is refused with a finding, or it prices any quantity, and in another
 * currency where it may be, with lines and residue that make the total. What is used over time and in parts
 * is fuzz_price.c.
 */
#include "tests/support/pricing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* One for the life of the process: days are counted in it. */
static const struct mtr_zone *utc(void)
{
    static struct mtr_zone *zone;
    int rc = zone ? MTR_OK : mtr_zone_open(MTR_STR("UTC"), &zone);
    MTR_ASSERT(rc == MTR_OK);
    return zone;
}

/* At a rate that nothing is a whole of, where the tariff may be exchanged. */
static const struct mtr_price_exchange *exchange_of(const struct mtr_tariff_document *tariff)
{
    static const struct mtr_rates rates = {.day = 20777};
    static struct mtr_price_exchange exchange = {
        .known = true, .rate = {.rates = &rates, .numerator = 1000003, .denominator = 9000049}, .digits = 3};
    exchange.question =
        (struct mtr_rate_question){tariff->exchange.source, tariff->currency, MTR_STR("KWD"), 20777, 0};
    return tariff->exchange.given ? &exchange : NULL;
}

static void price_at(struct pricing *pricing, mtr_int128 e12)
{
    enum { USAGE_MAX = 16 };
    struct mtr_usage_row usage[USAGE_MAX];
    struct mtr_price_input input = pricing_input(pricing);
    struct mtr_price price;
    input.usage = usage;
    input.zone = utc();
    input.exchange = exchange_of(&pricing->tariff);
    input.runs_from_us += 86400; /* shares that are no whole */
    for (uint32_t i = 0; i < input.version->component_count && input.usage_count < USAGE_MAX; i++) {
        const struct mtr_component *component = &input.version->components[i];
        if (!mtr_component_is_fee(component))
            usage[input.usage_count++] = (struct mtr_usage_row){.component = i, .quantity = {e12}};
    }
    mtr_arena_reset(&pricing->result);
    if (mtr_price(&input, true, &pricing->result, &price)) return; /* out of range is an answer */
    struct mtr_money sum = price.residue;
    for (uint32_t i = 0; i < price.line_count; i++) {
        int rc = mtr_money_add(sum, price.lines[i].amount, &sum);
        MTR_ASSERT(rc == MTR_OK);
    }
    MTR_ASSERT(mtr_money_compare(sum, price.total) == 0);
    struct mtr_quantity borders[8];
    for (uint32_t i = 0; i < input.version->component_count; i++) {
        uint32_t count = mtr_price_borders(&input.version->components[i], borders, 8);
        for (uint32_t j = 1; j < count; j++) MTR_ASSERT(mtr_quantity_compare(borders[j - 1], borders[j]) < 0);
    }
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
