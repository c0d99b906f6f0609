/*
 * Any bytes as a tariff document: it is refused with a finding, or it prices any quantity with lines and residue that make the total; and in two
 * parts it comes to what it does in one.
 */
#include "meterd/core/time.h"
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
    static struct mtr_price_exchange exchange = {.known = true, .rate = {.rates = &rates, .numerator = 1000003, .denominator = 9000049}, .digits = 3};
    exchange.question = (struct mtr_rate_question){tariff->exchange.source, tariff->currency, MTR_STR("KWD"), 20777, 0};
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
    input.runs_from_s += 86400; /* shares that are no whole */
    for (uint32_t i = 0; i < input.version->component_count && input.usage_count < USAGE_MAX; i++) {
        const struct mtr_component *component = &input.version->components[i];
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
    struct mtr_quantity borders[8];
    for (uint32_t i = 0; i < input.version->component_count; i++) {
        uint32_t count = mtr_price_borders(&input.version->components[i], borders, 8);
        for (uint32_t j = 1; j < count; j++) MTR_ASSERT(mtr_quantity_compare(borders[j - 1], borders[j]) < 0);
    }
}

enum { PARTED_MAX = 16, DAY_S = 86400 };

/* Use of the first and of the last day, as the part sees it: 0 the first, 1 the second, 2 both in one. */
static uint32_t make_use(const struct pricing *pricing, int part, mtr_int128 e12, struct mtr_usage_row rows[2 * PARTED_MAX])
{
    const struct mtr_tariff_version *version = &pricing->tariff.versions[0];
    const int64_t start_us = (int64_t)1767225600 * MTR_US_PER_SECOND, day_us = (int64_t)DAY_S * MTR_US_PER_SECOND;
    uint32_t count = 0;
    for (uint32_t i = 0; i < version->component_count && i < PARTED_MAX; i++) {
        if (version->components[i].curve == MTR_CURVE_RECURRING) continue;
        for (int day = 0; day < 2 && day <= part; day++) {
            const int64_t from_us = start_us + 20 * day * day_us;
            rows[count++] = (struct mtr_usage_row){.component = i,
                                                   .dimensions = MTR_STR(""),
                                                   .time_us = from_us,
                                                   .until_us = from_us + day_us,
                                                   .quantity = {day ? e12 / 3 : e12},
                                                   .earlier = part == 1 && day == 0};
        }
    }
    return count;
}

static int price_part(struct pricing *pricing, int part, mtr_int128 e12, const struct mtr_price *earlier, struct mtr_price *out)
{
    struct mtr_usage_row rows[2 * PARTED_MAX];
    struct mtr_price_input input = pricing_input(pricing);
    const int64_t border_s = input.period.start_s + 12 * DAY_S;
    input.zone = utc();
    input.usage = rows;
    input.usage_count = make_use(pricing, part, e12, rows);
    if (part == 0) input.active_to_s = border_s;
    if (part == 1) input.active_from_s = border_s;
    input.continued_later = part == 0;
    input.continues_earlier = part == 1;
    input.earlier = &earlier;
    input.earlier_count = part == 1;
    return mtr_price(&input, part == 0, &pricing->result, out);
}

static void price_in_parts(struct pricing *pricing, mtr_int128 e12)
{
    struct mtr_price first, second, whole;
    struct mtr_money sum;
    mtr_arena_reset(&pricing->result);
    if (pricing->tariff.versions[0].reset) return;
    if (price_part(pricing, 0, e12, NULL, &first) || price_part(pricing, 1, e12, &first, &second) || price_part(pricing, 2, e12, NULL, &whole)) return;
    int rc = mtr_money_add(first.total, second.total, &sum);
    MTR_ASSERT(rc == MTR_OK && mtr_money_compare(sum, whole.total) == 0);
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
        price_in_parts(&pricing, (mtr_int128)1234567 * 1000000000);
        price_in_parts(&pricing, -(mtr_int128)7777 * 10000000000);
    }
    pricing_close(&pricing);
    return 0;
}
