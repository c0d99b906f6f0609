/*
 * Any bytes as a tariff document, and use that the bytes' hash makes: whatever can be priced has lines and
 * residue that make its total, costs the same with a trace as without, and comes in parts to what it does in
 * one (versions with `reset` apart).
 */
#include <xxhash.h>

#include "meterd/core/time.h"
#include "tests/support/pricing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    ROWS_MAX = 24,
    PARTS_MAX = 4,
    DIMENSIONS_BYTES = 1024,
    ROUNDS = 3,
    VARIANTS_MAX = 8,
    CHANGES = 32,
    TEXT_BYTES_MAX = 1 << 16
};
/* January 2026, as pricing_input has it */
static const int64_t START_US = 1767225600 * MTR_US_PER_SECOND, PERIOD_US = 31 * MTR_US_PER_DAY;

struct world {
    struct pricing *pricing;
    const struct mtr_tariff_document *tariff;
    const struct mtr_tariff_version *version;
    const struct mtr_zone *zone;
    uint64_t random;
    struct mtr_usage_row use[ROWS_MAX];
    char dimensions[ROWS_MAX][DIMENSIONS_BYTES];
    uint32_t use_count;
    int64_t borders_us[PARTS_MAX + 1];
    uint32_t part_count;
};

/* One for the life of the process: days are counted in it. */
static const struct mtr_zone *utc(void)
{
    static struct mtr_zone *zone;
    int rc = zone ? MTR_OK : mtr_zone_open(MTR_STR("UTC"), &zone);
    MTR_ASSERT(rc == MTR_OK);
    return zone;
}

/* splitmix64 */
static uint64_t below(struct world *world, uint64_t bound)
{
    uint64_t z = world->random += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (z ^ z >> 31) % bound;
}

/* Of any size from a millionth to many times what tiers hold, now and then negative. */
static mtr_int128 make_quantity(struct world *world, bool may_be_negative)
{
    mtr_int128 e12 = (mtr_int128)below(world, 100000) * (below(world, 2) ? 1000000000000 : 1000000);
    for (uint64_t more = below(world, 4); more == 0 && e12 < (mtr_int128)1 << 90; more = below(world, 4))
        e12 *= 1000;
    return may_be_negative && below(world, 6) == 0 ? -e12 : e12;
}

static struct mtr_str make_dimensions(struct world *world, const struct mtr_component *component,
                                      char text[DIMENSIONS_BYTES])
{
    static const char *const values[] = {"eu", "us", "", "a"};
    size_t size = 0;
    for (uint32_t i = 0; i < component->group_by_count; i++) {
        int written = snprintf(text + size, DIMENSIONS_BYTES - size, "%s%.*s=%s", i ? "," : "",
                               MTR_STR_ARGS(component->group_by[i]),
                               values[below(world, sizeof(values) / sizeof(values[0]))]);
        if (written < 0 || (size_t)written >= DIMENSIONS_BYTES - size) return MTR_STR("");
        size += (size_t)written;
    }
    return (struct mtr_str){text, size};
}

static void make_use(struct world *world)
{
    world->use_count = 0;
    for (uint32_t i = 0; i < world->version->component_count && world->use_count < ROWS_MAX; i++) {
        const struct mtr_component *component = &world->version->components[i];
        uint64_t count = mtr_component_is_fee(component) ? 0 : below(world, 6);
        for (; count > 0 && world->use_count < ROWS_MAX; count--) {
            const bool is_level = component->scope == MTR_CURVE_SCOPE_LEVEL;
            const int64_t from_us = (int64_t)below(world, (uint64_t)PERIOD_US);
            const int64_t until_us =
                is_level ? from_us + 1 + (int64_t)below(world, (uint64_t)(PERIOD_US - from_us)) : from_us;
            struct mtr_usage_row *row = &world->use[world->use_count];
            *row = (struct mtr_usage_row){.component = i, .time_us = START_US + from_us,
                                          .until_us = START_US + until_us};
            row->input = component->input_count > 1 ? (uint32_t)below(world, component->input_count) : 0;
            row->dimensions = make_dimensions(world, component, world->dimensions[world->use_count++]);
            row->quantity.e12 = make_quantity(world, !is_level);
        }
    }
}

static void make_parts(struct world *world)
{
    world->part_count = 1 + (uint32_t)below(world, PARTS_MAX);
    world->borders_us[0] = START_US;
    world->borders_us[world->part_count] = START_US + PERIOD_US;
    for (uint32_t i = 1; i < world->part_count; i++)
        world->borders_us[i] =
            world->borders_us[i - 1] + 1 +
            (int64_t)below(world, (uint64_t)(START_US + PERIOD_US - world->borders_us[i - 1]) / 2);
}

/* What of the use lies in [from, to), added to the rows; a level is cut there. */
static uint32_t take(const struct world *world, int64_t from_us, int64_t to_us, bool earlier,
                     struct mtr_usage_row *rows, uint32_t count)
{
    for (uint32_t i = 0; i < world->use_count; i++) {
        struct mtr_usage_row row = world->use[i];
        const bool is_level = world->version->components[row.component].scope == MTR_CURVE_SCOPE_LEVEL;
        if (is_level && row.time_us < from_us) row.time_us = from_us;
        if (is_level && row.until_us > to_us) row.until_us = to_us;
        if (is_level ? row.time_us >= row.until_us : row.time_us < from_us || row.time_us >= to_us) continue;
        row.earlier = earlier;
        rows[count++] = row;
    }
    return count;
}

static void check_sum(const struct mtr_price *price)
{
    struct mtr_money sum = price->residue;
    for (uint32_t i = 0; i < price->line_count; i++) {
        int rc = mtr_money_add(sum, price->lines[i].amount, &sum);
        MTR_ASSERT(rc == MTR_OK);
    }
    MTR_ASSERT(mtr_money_compare(sum, price->total) == 0);
}

static void check_same(const struct mtr_price *a, const struct mtr_price *b)
{
    MTR_ASSERT(a->line_count == b->line_count && mtr_money_compare(a->total, b->total) == 0);
    for (uint32_t i = 0; i < a->line_count; i++) {
        MTR_ASSERT(mtr_money_compare(a->lines[i].amount, b->lines[i].amount) == 0);
        MTR_ASSERT(mtr_exact_compare(a->lines[i].exact, b->lines[i].exact) == 0);
        MTR_ASSERT(mtr_str_equal(a->lines[i].component, b->lines[i].component) &&
                   mtr_str_equal(a->lines[i].kind, b->lines[i].kind));
    }
}

/* Out of range is an answer: false. */
static bool price_part(struct world *world, int64_t from_us, int64_t to_us,
                       const struct mtr_price *const *earlier, uint32_t earlier_count, struct mtr_price *out)
{
    struct mtr_usage_row rows[2 * ROWS_MAX];
    struct mtr_price_input input = pricing_input(world->pricing);
    struct mtr_price traced;
    input.tariff = world->tariff;
    input.version = world->version;
    input.zone = world->zone;
    input.usage = rows;
    input.usage_count = take(world, START_US, from_us, true, rows, 0);
    input.usage_count = take(world, from_us, to_us, false, rows, input.usage_count);
    input.active_from_us = from_us;
    input.active_to_us = to_us;
    input.continues_earlier = from_us > START_US;
    input.continued_later = to_us < START_US + PERIOD_US;
    input.earlier = earlier;
    input.earlier_count = earlier_count;
    if (mtr_price(&input, false, &world->pricing->result, out)) return false;
    check_sum(out);
    if (mtr_price(&input, true, &world->pricing->result, &traced) == MTR_OK) check_same(out, &traced);
    return true;
}

static void check_parts(struct world *world)
{
    struct mtr_price whole, parts[PARTS_MAX];
    const struct mtr_price *earlier[PARTS_MAX];
    struct mtr_money total = {0};
    mtr_arena_reset(&world->pricing->result);
    if (!price_part(world, START_US, START_US + PERIOD_US, NULL, 0, &whole) || world->version->reset) return;
    for (uint32_t i = 0; i < world->part_count; i++) {
        if (!price_part(world, world->borders_us[i], world->borders_us[i + 1], earlier, i, &parts[i])) return;
        earlier[i] = &parts[i];
        if (mtr_money_add(total, parts[i].total, &total)) return;
    }
    MTR_ASSERT(mtr_money_compare(total, whole.total) == 0);
}

static void price_tariff(struct world *world)
{
    for (uint32_t v = 0; v < world->tariff->version_count && v < VARIANTS_MAX; v++) {
        world->version = &world->tariff->versions[v];
        for (int round = 0; round < ROUNDS; round++) {
            make_use(world);
            make_parts(world);
            check_parts(world);
        }
    }
}

static bool price_text(struct world *world, struct mtr_str text)
{
    struct pricing pricing;
    int rc = pricing_open(&pricing, text);
    world->pricing = &pricing;
    world->tariff = &pricing.tariff;
    if (rc == MTR_OK) price_tariff(world);
    for (uint32_t i = 0; rc == MTR_OK && i < pricing.tariff.currency_count && i < VARIANTS_MAX; i++) {
        world->tariff = &pricing.tariff.currencies[i];
        price_tariff(world);
    }
    pricing_close(&pricing);
    return rc == MTR_OK;
}

/* Other numbers in the same document: bytes that are changed anywhere seldom leave one that can be read. */
static void change_digits(struct world *world, const char *from, char *to, size_t size)
{
    const uint64_t one_in = 2 + below(world, 30);
    for (size_t i = 0; i < size; i++) {
        const bool is_digit = from[i] >= '0' && from[i] <= '9';
        to[i] = is_digit && below(world, one_in) == 0 ? (char)('0' + below(world, 10)) : from[i];
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world world;
    static char changed[TEXT_BYTES_MAX];
    const struct mtr_str text = {(const char *)data, size};
    world.zone = utc();
    world.random = XXH3_64bits(data, size);
    if (!price_text(&world, text) || size > sizeof(changed)) return 0;
    for (int i = 0; i < CHANGES; i++) {
        change_digits(&world, text.data, changed, size);
        (void)price_text(&world, (struct mtr_str){changed, size});
    }
    return 0;
}
