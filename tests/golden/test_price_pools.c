/*
 * Golden rows of pools: who gives what to whom, in which order, and what it makes of a bill; in one part and
 * in several.
 *
 * Pools are written `key/grant units|money balance [priority [expiry day [component,component]]]`, parted by
 * `; `. Use is written `component[/dimensions]=quantity`, parts are parted by `|`.
 */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include <stdlib.h>

#include "meterd/core/time.h"
#include "tests/support/pricing.h"
#include "tests/support/random.h"

enum { USAGE_MAX = 32, POOLS_MAX = 8, PARTS_MAX = 4, NAMES_MAX = 4 };

static const char ONE[] =
    "components: [{key: a, meter: m, per_unit: 1, group_by: [r]}, {key: b, meter: n, per_unit: 2}]";
static const char TIERS[] = "components: [{key: a, meter: m, graduated: [{up_to: 10, unit: 2}, {unit: 1}]}]";
static const char DAYS[] =
    "components: [{key: a, meter: m, scope: event, package: {size: 10, price: 3}, free_units: 2}]";
static const char FEES[] =
    "components: [{key: fee, recurring: {amount: 5}}, {key: a, meter: m, per_unit: 1, minimum: 4}], minimum: 12";

static const struct {
    const char *version;
    const char *pools;
    const char *usage;
    const char *expected;
} rows[] = {
    /* units: before the curve, so that tiers begin with what is left */
    {ONE, "p/g=1 units 100", "a=30", "a usage 0.00 (30); p g=1 draw 0.00 (30); total 0.00"},
    {ONE, "p/g=1 units 100", "a=130", "a usage 30.00 (130); p g=1 draw 0.00 (100); total 30.00"},
    {ONE, "p/g=1 units 0", "a=5", "a usage 5.00 (5); total 5.00"},
    {ONE, "p/g=1 units 100", "a=-5", "a usage -5.00 (-5); total -5.00"},
    {TIERS, "p/g=1 units 5", "a=12", "a usage 14.00 (12); p g=1 draw 0.00 (5); total 14.00"},
    /* components in their order, lines by dimensions */
    {ONE, "p/g=1 units 10", "b=3 a/r=y=6 a/r=x=4", "a r=x usage 0.00 (4); a r=y usage 0.00 (6); b usage 6.00 (3); p g=1 draw 0.00 (10); total 6.00"},
    {ONE, "p/g=1 units 10 1 9 b", "a=6 b=4", "a usage 6.00 (6); b usage 0.00 (4); p g=1 draw 0.00 (4); total 6.00"},
    /* priority, then expiry, then key */
    {ONE, "p/g=1 units 5 2; q/g=1 units 5 1", "a=6", "a usage 0.00 (6); q g=1 draw 0.00 (5); p g=1 draw 0.00 (1); total 0.00"},
    {ONE, "p/g=1 units 5 1 30; p/g=2 units 5 1 20", "a=6", "a usage 0.00 (6); p g=2 draw 0.00 (5); p g=1 draw 0.00 (1); total 0.00"},
    {ONE, "q/g=1 units 5 1 20; p/g=2 units 5 1 20", "a=6", "a usage 0.00 (6); p g=2 draw 0.00 (5); q g=1 draw 0.00 (1); total 0.00"},
    /* free units first; of slices the earliest */
    {DAYS, "p/g=1 units 4", "a=3 a=4 a=5", "a usage 6.00 (12); p g=1 draw 0.00 (4); total 6.00"},
    /* parts: what one would draw, two draw together */
    {TIERS, "p/g=1 units 5", "a=3|a=9", "a usage 0.00 (3); p g=1 draw 0.00 (3); total 0.00 | a usage 14.00 (9); p g=1 draw 0.00 (2); total 14.00"},
    {TIERS, "p/g=1 units 5", "a=12|a=-4", "a usage 14.00 (12); p g=1 draw 0.00 (5); total 14.00 | a usage -8.00 (-4); total -8.00"},
    {TIERS, "p/g=1 units 5", "a=7|a=-4", "a usage 4.00 (7); p g=1 draw 0.00 (5); total 4.00 | a usage -4.00 (-4); p g=1 draw 0.00 (-2); total -4.00"},
    {ONE, "p/g=1 units 5", "a/r=x=5|a/r=y=5 a/r=x=-2",
     "a r=x usage 0.00 (5); p g=1 draw 0.00 (5); total 0.00 | a r=x usage 0.00 (-2); a r=y usage 3.00 (5); total 3.00"},
    /* money: after minimums, never more than is due */
    {FEES, "c/c=1 money 20", "a=1", "fee recurring 5.00 (1); a usage 1.00 (1); a minimum 3.00 (1); tariff.minimum minimum 3.00 (1); "
                                    "c c=1 credit -12.00 (1); total 0.00"},
    {FEES, "c/c=1 money 7", "a=30", "fee recurring 5.00 (1); a usage 30.00 (30); c c=1 credit -7.00 (1); total 28.00"},
    {FEES, "c/c=1 money 7 1 9 fee", "a=30", "fee recurring 5.00 (1); a usage 30.00 (30); c c=1 credit -5.00 (1); total 30.00"},
    {ONE, "c/c=1 money 7 1 9 a; d/c=1 money 100 2", "a=10 b=4", "a usage 10.00 (10); b usage 8.00 (4); c c=1 credit -7.00 (1); "
                                                               "d c=1 credit -11.00 (1); total 0.00"},
    {ONE, "d/c=1 money 100 1; c/c=1 money 7 2 9 a", "a=10 b=4", "a usage 10.00 (10); b usage 8.00 (4); d c=1 credit -18.00 (1); total 0.00"},
    {ONE, "c/c=1 money 7", "a=-10", "a usage -10.00 (-10); total -10.00"},
    {ONE, "c/c=1 money 7 1 9 b", "a=-10 b=6", "a usage -10.00 (-10); b usage 12.00 (6); c c=1 credit -2.00 (1); total 0.00"},
    {ONE, "c/c=1 money 0.0019", "a=1", "a usage 1.00 (1); total 1.00"}, /* a rounded line has whole cents */
    {ONE, "c/c=1 money 7", "a=3|b=4", "a usage 3.00 (3); c c=1 credit -3.00 (1); total 0.00 | b usage 8.00 (4); c c=1 credit -4.00 (1); total 4.00"},
    {ONE, "c/c=1 money 7", "a=9|a=-5", "a usage 9.00 (9); c c=1 credit -7.00 (1); total 2.00 | a usage -5.00 (-5); c c=1 credit 3.00 (1); total -2.00"},
    /* the version's order of components settles, not that of the parts in which they were used */
    {ONE, "c/c=1 money 5 1; d/c=1 money 100 2 9 a", "b=1|a=4",
     "b usage 2.00 (1); c c=1 credit -2.00 (1); total 0.00 | a usage 4.00 (4); c c=1 credit -3.00 (1); total 1.00"},
    /* both: units first, money pays the rest */
    {ONE, "c/c=1 money 7; p/g=1 units 5", "a=8", "a usage 3.00 (8); p g=1 draw 0.00 (5); c c=1 credit -3.00 (1); total 0.00"},
};

struct world {
    struct pricing pricing;
    struct mtr_price_pool pools[POOLS_MAX];
    struct mtr_str names[POOLS_MAX][NAMES_MAX];
    uint32_t pool_count;
    struct mtr_usage_row usage[USAGE_MAX];
    uint32_t usage_count;
};

static struct mtr_str part_of(const char *from, const char *to)
{
    return (struct mtr_str){from, (size_t)(to - from)};
}

static void parse_names(struct world *world, struct mtr_price_pool *pool, char *text)
{
    struct mtr_str *names = world->names[world->pool_count];
    pool->components = names;
    for (char *name = strsep(&text, ","); name; name = strsep(&text, ","))
        names[pool->component_count++] = mtr_str_from(name);
}

static void parse_pools(struct world *world, char *text)
{
    for (char *rest = text, *row = strsep(&rest, ";"); row; row = strsep(&rest, ";")) {
        struct mtr_price_pool *pool = &world->pools[world->pool_count];
        while (*row == ' ') row++;
        char *name = strsep(&row, " "), *kind = strsep(&row, " "), *balance = strsep(&row, " ");
        char *slash = strchr(name, '/');
        *pool = (struct mtr_price_pool){.key = part_of(name, slash),
                                        .grant = mtr_str_from(slash + 1),
                                        .of_money = strcmp(kind, "money") == 0,
                                        .expires_us = INT64_MAX};
        if (pool->of_money) assert_int_equal(mtr_money_parse(mtr_str_from(balance), &pool->amount), MTR_OK);
        else assert_int_equal(mtr_quantity_parse(mtr_str_from(balance), &pool->quantity), MTR_OK);
        if (row) pool->priority = (uint32_t)atoi(strsep(&row, " "));
        if (row) pool->expires_us = atoi(strsep(&row, " "));
        if (row) parse_names(world, pool, row);
        world->pool_count++;
    }
}

/* The use before a part is its earlier use. */
static void parse_usage(struct world *world, char *text)
{
    for (uint32_t i = 0; i < world->usage_count; i++) world->usage[i].earlier = true;
    for (char *word = strsep(&text, " "); word; word = strsep(&text, " ")) {
        char *equals = strrchr(word, '='), *slash = strchr(word, '/');
        struct mtr_usage_row *row = &world->usage[world->usage_count++];
        assert_true(world->usage_count <= USAGE_MAX);
        struct mtr_str key = part_of(word, slash ? slash : equals);
        *row = (struct mtr_usage_row){.time_us = world->usage_count * MTR_US_PER_HOUR};
        while (!mtr_str_equal(world->pricing.tariff.versions[0].components[row->component].key, key))
            row->component++;
        if (slash) row->dimensions = part_of(slash + 1, equals);
        assert_int_equal(mtr_quantity_parse(mtr_str_from(equals + 1), &row->quantity), MTR_OK);
    }
}

static size_t describe(const struct mtr_price *price, char *text, size_t size)
{
    char amount[MTR_DECIMAL_TEXT_BYTES], quantity[MTR_DECIMAL_TEXT_BYTES];
    size_t used = 0;
    for (uint32_t i = 0; i < price->line_count; i++) {
        const struct mtr_price_line *line = &price->lines[i];
        mtr_money_format_min(line->amount, 2, amount);
        mtr_quantity_format(line->quantity, quantity);
        used += (size_t)snprintf(text + used, size - used, "%.*s%s%.*s %.*s %s (%s); ",
                                 MTR_STR_ARGS(line->component), line->dimensions.size ? " " : "",
                                 MTR_STR_ARGS(line->dimensions), MTR_STR_ARGS(line->kind), amount, quantity);
    }
    mtr_money_format_min(price->total, 2, amount);
    return used + (size_t)snprintf(text + used, size - used, "total %s", amount);
}

/* Every row with its trace and without: the same lines. */
static void price_row(size_t index, bool with_trace, char *text, size_t size)
{
    char document[1024], pools[512], usage[512];
    struct world world = {0};
    struct mtr_price prices[PARTS_MAX];
    const struct mtr_price *earlier[PARTS_MAX];
    uint32_t parts = 0;
    size_t used = 0;
    snprintf(document, sizeof(document), "{key: t, currency: EUR, versions: [{from: 2026-01-01, %s}]}",
             rows[index].version);
    snprintf(pools, sizeof(pools), "%s", rows[index].pools);
    snprintf(usage, sizeof(usage), "%s", rows[index].usage);
    assert_int_equal(pricing_open(&world.pricing, mtr_str_from(document)), MTR_OK);
    parse_pools(&world, pools);
    struct mtr_price_input input = pricing_input(&world.pricing);
    for (char *rest = usage, *part = strsep(&rest, "|"); part; part = strsep(&rest, "|")) {
        parse_usage(&world, part);
        input.usage = world.usage;
        input.usage_count = world.usage_count;
        input.pools = world.pools;
        input.pool_count = world.pool_count;
        input.earlier = earlier;
        input.earlier_count = parts;
        input.continues_earlier = parts > 0;
        input.continued_later = rest != NULL;
        assert_int_equal(mtr_price(&input, with_trace, &world.pricing.result, &prices[parts]), MTR_OK);
        if (parts) used += (size_t)snprintf(text + used, size - used, " | ");
        used += describe(&prices[parts], text + used, size - used);
        earlier[parts] = &prices[parts];
        parts++;
    }
    pricing_close(&world.pricing);
}

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (int with_trace = 0; with_trace < 2; with_trace++) {
            char got[2048];
            price_row(i, with_trace, got, sizeof(got));
            if (strcmp(got, rows[i].expected) != 0)
                fail_msg("row %zu, %s, %s:\n  expected %s\n  got      %s", i, rows[i].pools, rows[i].usage,
                         rows[i].expected, got);
        }
    }
}

/* ---- a model ---- */

enum { WORLDS = 4000, MODEL_PARTS_MAX = 3, MODEL_POOLS = 4 };

/* Three components at prices 1, 2, 3; pools of units and of money with components of their own; positive
 * and negative use in up to three parts. Of the whole period: units that a pool gives are what greedy
 * sharing gives in the last part that had use, no pool is below zero, nothing is drawn beyond the use,
 * lines and credits add up, credits pay no more than is due. */
struct model {
    int64_t balance[MODEL_POOLS], drawn[MODEL_POOLS];
    bool covers[MODEL_POOLS][3];
    bool of_money[MODEL_POOLS];
    int64_t use[3], billed[3];
};

static void check_model(uint64_t seed, const struct model *model, int64_t total)
{
    int64_t due = 0, paid = 0, units = 0, drawn = 0;
    for (int c = 0; c < 3; c++) due += model->billed[c];
    for (int p = 0; p < MODEL_POOLS; p++) {
        if (model->drawn[p] < 0 || model->drawn[p] > model->balance[p])
            fail_msg("seed %llu: pool %d drew %lld of %lld", (unsigned long long)seed, p,
                     (long long)model->drawn[p], (long long)model->balance[p]);
        if (model->of_money[p]) paid += model->drawn[p];
        else drawn += model->drawn[p];
    }
    for (int c = 0; c < 3; c++) units += model->use[c] > 0 ? model->use[c] : 0;
    if (drawn > units)
        fail_msg("seed %llu: %lld units drawn, %lld used", (unsigned long long)seed, (long long)drawn,
                 (long long)units);
    if (due - paid != total)
        fail_msg("seed %llu: %lld - %lld is not %lld", (unsigned long long)seed, (long long)due,
                 (long long)paid, (long long)total);
    if (paid > (due > 0 ? due : 0))
        fail_msg("seed %llu: %lld paid of %lld", (unsigned long long)seed, (long long)paid, (long long)due);
    /* what is still billed of a component, no pool that covers it has left */
    for (int c = 0; c < 3; c++) {
        for (int p = 0; p < MODEL_POOLS; p++) {
            const int64_t left = model->balance[p] - model->drawn[p];
            if (model->of_money[p] || !model->covers[p][c] || !left) continue;
            if (model->billed[c] > 0)
                fail_msg("seed %llu: pool %d has %lld left and component %d pays", (unsigned long long)seed,
                         p, (long long)left, c);
        }
    }
}

static const char *const model_components[3] = {"a", "b", "c"};
static const char *const model_pools[MODEL_POOLS] = {"p0", "p1", "p2", "p3"};

static void make_pool(struct model *model, int index, struct random_source *random,
                      struct mtr_price_pool *pool, struct mtr_str covered[3])
{
    model->of_money[index] = random_below(random, 2);
    model->balance[index] = (int64_t)random_below(random, 60);
    *pool = (struct mtr_price_pool){.key = mtr_str_from(model_pools[index]),
                                    .grant = MTR_STR("g=1"),
                                    .of_money = model->of_money[index],
                                    .priority = (uint32_t)random_below(random, 3),
                                    .expires_us = (int64_t)random_below(random, 3),
                                    .components = covered};
    for (int c = 0; c < 3; c++) {
        model->covers[index][c] = random_below(random, 2);
        if (model->covers[index][c]) covered[pool->component_count++] = mtr_str_from(model_components[c]);
    }
    for (int c = 0; c < 3; c++) model->covers[index][c] |= pool->component_count == 0;
    pool->quantity = MTR_QUANTITY(model->balance[index]);
    pool->amount.e18 = (mtr_int128)model->balance[index] * 1000000000000000000;
}

/* What a part was billed for, and what it drew. */
static void count_lines(struct model *model, const struct mtr_price *price)
{
    for (uint32_t i = 0; i < price->line_count; i++) {
        const struct mtr_price_line *line = &price->lines[i];
        const int64_t amount = (int64_t)(line->amount.e18 / 1000000000000000000);
        for (int c = 0; c < 3; c++)
            if (mtr_str_equal(line->component, mtr_str_from(model_components[c]))) model->billed[c] += amount;
        for (int p = 0; p < MODEL_POOLS; p++) {
            if (!mtr_str_equal(line->component, mtr_str_from(model_pools[p]))) continue;
            model->drawn[p] += model->of_money[p] ? -amount : (int64_t)(line->quantity.e12 / 1000000000000);
        }
    }
}

static void run_model(uint64_t seed, struct pricing *pricing)
{
    struct random_source random = {seed};
    struct model model = {0};
    struct mtr_price_pool pools[MODEL_POOLS];
    struct mtr_str covered[MODEL_POOLS][3];
    struct mtr_usage_row usage[3 * MODEL_PARTS_MAX];
    struct mtr_price prices[MODEL_PARTS_MAX];
    const struct mtr_price *earlier[MODEL_PARTS_MAX];
    int64_t total = 0;
    uint32_t count = 0;
    for (int p = 0; p < MODEL_POOLS; p++) make_pool(&model, p, &random, &pools[p], covered[p]);
    const uint32_t parts = 1 + (uint32_t)random_below(&random, MODEL_PARTS_MAX);
    const bool goes_down = random_below(&random, 2);
    for (uint32_t part = 0; part < parts; part++) {
        for (uint32_t i = 0; i < count; i++) usage[i].earlier = true;
        for (uint32_t c = 0; c < 3; c++) {
            int64_t use = (int64_t)random_below(&random, 60) - (goes_down && part > 0 ? 30 : 0);
            usage[count] = (struct mtr_usage_row){.component = c};
            usage[count++].quantity = MTR_QUANTITY(use);
            model.use[c] += use;
        }
        struct mtr_price_input input = pricing_input(pricing);
        input.usage = usage;
        input.usage_count = count;
        input.pools = pools;
        input.pool_count = MODEL_POOLS;
        input.earlier = earlier;
        input.earlier_count = part;
        input.continues_earlier = part > 0;
        input.continued_later = part + 1 < parts;
        assert_int_equal(mtr_price(&input, false, &pricing->result, &prices[part]), MTR_OK);
        earlier[part] = &prices[part];
        total += (int64_t)(prices[part].total.e18 / 1000000000000000000);
        count_lines(&model, &prices[part]);
    }
    /* with use that goes down, what a line gives back can be of use to another only from its next part on */
    if (goes_down) memset(model.covers, 0, sizeof(model.covers));
    check_model(seed, &model, total);
    mtr_arena_reset(&pricing->result);
}

static void test_model(void **state)
{
    (void)state;
    const char *given = getenv("METERD_SEED");
    const uint64_t first = given ? strtoull(given, NULL, 10) : 1;
    struct pricing pricing;
    assert_int_equal(
        pricing_open(
            &pricing,
            MTR_STR(
                "{key: t, currency: EUR, versions: [{from: 2026-01-01, components: [{key: a, meter: m, per_unit: 1}, "
                "{key: b, meter: m, per_unit: 2}, {key: c, meter: m, per_unit: 3}]}]}")),
        MTR_OK);
    print_message("pools of %d worlds from seed %llu on\n", WORLDS, (unsigned long long)first);
    for (uint64_t seed = first; seed < first + WORLDS; seed++) run_model(seed, &pricing);
    pricing_close(&pricing);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows), cmocka_unit_test(test_model)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
