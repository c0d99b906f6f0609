/*
 * The worked examples of config/tariffs: every document reads without an error, and each line `# expect:
 * USAGE -> LINES` of it is what the price function says. USAGE is
 * "component[/dimensions][#meter][@time[..time]]=quantity …" (support/examples.h); LINES as pricing_describe
 * writes them. Every curve, and every aggregation that is no plain sum, has an example. `# expect for
 * NAME=VALUE,…: USAGE -> LINES` is of another tariff of the file (tariff=), in another currency (currency=),
 * with the prices of somebody's own (customer=, subscription=), or beside a tariff of the seller's cost
 * (cost=).
 */
#include "meterd/tariff/price.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/support/examples.h"

static const char mark_for[] = "# expect for ";

struct expectation {
    struct mtr_tariff_party party;
    struct mtr_str tariff, cost; /* keys; empty: the first, none */
};

static struct expectation parse_options(const struct example *example, char *text)
{
    struct expectation expectation = {0};
    const struct {
        const char *name;
        struct mtr_str *value;
    } options[] = {{"tariff", &expectation.tariff},
                   {"cost", &expectation.cost},
                   {"currency", &expectation.party.currency},
                   {"customer", &expectation.party.customer},
                   {"subscription", &expectation.party.subscription}};
    for (char *rest = text, *option = strsep(&rest, ","); option; option = strsep(&rest, ",")) {
        char *value = option;
        size_t i = 0;
        const char *name = strsep(&value, "=");
        while (i < sizeof(options) / sizeof(options[0]) && strcmp(options[i].name, name) != 0) i++;
        if (!value || i == sizeof(options) / sizeof(options[0]))
            fail_msg("%s: no option: %s", example->name, option);
        else *options[i].value = mtr_str_from(value);
    }
    return expectation;
}

/* Makes the tariff of that key, as it is for the party, the example's. */
static void choose_tariff(struct example *example, struct mtr_str key, const struct mtr_tariff_party *party)
{
    struct pricing *pricing = &example->pricing;
    struct mtr_tariff_document tariff = {0};
    const struct mtr_node *node = pricing_find(mtr_document_root(pricing->document), key);
    if (!node) fail_msg("%s: no tariff: %.*s", example->name, MTR_STR_ARGS(key));
    assert_int_equal(mtr_tariff_read(node, &pricing->arena, &tariff, &pricing->findings), MTR_OK);
    assert_int_equal(mtr_tariff_for(&tariff, party, &pricing->arena, &pricing->tariff), MTR_OK);
}

static void price_usage(struct example *example, const char *text, struct mtr_price *price)
{
    struct mtr_usage_row usage[EXAMPLE_USAGE_MAX];
    struct mtr_price_pool pools[EXAMPLE_POOLS_MAX];
    char words[EXAMPLE_TEXT_BYTES];
    struct mtr_price_input input = pricing_input(&example->pricing);
    snprintf(words, sizeof(words), "%s", text);
    input.zone = example->utc;
    input.pool_count = example_pools(example, words, pools);
    input.pools = pools;
    input.usage_count = example_parse_usage(example, words, usage);
    input.usage = example_measure(example, usage, &input.usage_count);
    assert_int_equal(mtr_price(&input, true, &example->pricing.result, price), MTR_OK);
}

static bool is_same_line(const struct mtr_price_line *a, const struct mtr_price_line *b)
{
    return mtr_str_equal(a->component, b->component) && mtr_str_equal(a->kind, b->kind) &&
           mtr_str_equal(a->dimensions, b->dimensions);
}

/* Each cost has a line: that of the same component, kind and dimensions, or one of its own behind the
 * others, in the order of these. */
static void lay_costs(struct example *example, const struct mtr_price *costs, struct mtr_price *price)
{
    struct mtr_price_line *lines =
        mtr_arena_calloc(&example->pricing.result, price->line_count + costs->line_count + 1, sizeof(*lines));
    assert_non_null(lines);
    if (price->line_count) memcpy(lines, price->lines, price->line_count * sizeof(*lines));
    price->lines = lines;
    for (uint32_t i = 0; i < price->line_count; i++) lines[i].has_cost = true;
    for (uint32_t i = 0; i < costs->line_count; i++) {
        const struct mtr_price_line *cost = &costs->lines[i];
        uint32_t at = 0;
        while (at < price->line_count && !is_same_line(&lines[at], cost)) at++;
        if (at == price->line_count)
            lines[price->line_count++] = (struct mtr_price_line){.component = cost->component,
                                                                 .dimensions = cost->dimensions,
                                                                 .kind = cost->kind,
                                                                 .quantity = cost->quantity,
                                                                 .has_cost = true};
        lines[at].cost = cost->amount;
    }
    price->has_cost = true;
    price->cost = costs->total;
}

static void check_expectation(struct example *example, const struct expectation *expectation, char *text)
{
    struct mtr_price price, costs;
    char got[2048];
    char *arrow = strstr(text, "-> ");
    if (!arrow) fail_msg("%s: an expectation without ->: %s", example->name, text);
    *arrow = '\0';
    if (expectation->cost.size) {
        choose_tariff(example, expectation->cost, &expectation->party);
        price_usage(example, text, &costs);
    }
    choose_tariff(example, expectation->tariff, &expectation->party);
    price_usage(example, text, &price);
    if (expectation->cost.size) lay_costs(example, &costs, &price);
    pricing_describe(&example->pricing, &price, got, sizeof(got));
    if (strcmp(got, arrow + 3) != 0)
        fail_msg("%s:\n  expected %s\n  got      %s", example->name, arrow + 3, got);
}

/* Is the line an expectation? Then it was checked. */
static bool check_line(struct example *example, char *line)
{
    const struct expectation plain = {0};
    if (strncmp(line, EXAMPLES_MARK, strlen(EXAMPLES_MARK)) == 0) {
        check_expectation(example, &plain, line + strlen(EXAMPLES_MARK));
        return true;
    }
    if (strncmp(line, mark_for, strlen(mark_for)) != 0) return false;
    char *options = line + strlen(mark_for), *colon = strstr(options, ": ");
    if (!colon) fail_msg("%s: options without a colon: %s", example->name, line);
    *colon = '\0';
    const struct expectation expectation = parse_options(example, options);
    check_expectation(example, &expectation, colon + 2);
    return true;
}

enum { CURVES_MAX = 64 };

static unsigned check_example(const char *name, struct mtr_zone *utc, bool seen[CURVES_MAX])
{
    struct example example = {.name = name, .utc = utc};
    char text[EXAMPLE_TEXT_BYTES];
    unsigned count = 0;
    example_read_file(name, text);
    if (pricing_open(&example.pricing, mtr_str_from(text)) != MTR_OK || example.pricing.findings.count)
        fail_msg("%s: %s", name,
                 example.pricing.findings.count ? example.pricing.findings.items[0].text : "cannot be read");
    const struct mtr_tariff_version *version = &example.pricing.tariff.versions[0];
    for (uint32_t i = 0; i < version->component_count; i++) {
        const struct mtr_str curve = mtr_str_from(mtr_component_curve_name(&version->components[i]));
        for (unsigned c = 0; mtr_curve_name_at(c); c++)
            seen[c] = seen[c] || mtr_str_equal(curve, mtr_str_from(mtr_curve_name_at(c)));
    }
    for (char *rest = text, *line = strsep(&rest, "\n"); line; line = strsep(&rest, "\n")) {
        count += check_line(&example, line);
    }
    pricing_close(&example.pricing);
    return count;
}

static void test_examples(void **state)
{
    (void)state;
    bool seen[CURVES_MAX] = {false};
    struct mtr_zone *utc;
    assert_int_equal(mtr_zone_open(MTR_STR("UTC"), &utc), MTR_OK);
    DIR *directory = opendir(EXAMPLES_DIRECTORY);
    assert_non_null(directory);
    for (struct dirent *entry = readdir(directory); entry; entry = readdir(directory)) {
        if (entry->d_name[0] == '.') continue;
        if (check_example(entry->d_name, utc, seen) == 0) fail_msg("%s expects nothing", entry->d_name);
    }
    closedir(directory);
    mtr_zone_close(utc);
    for (unsigned i = 0; mtr_curve_name_at(i); i++) {
        assert_true(i < CURVES_MAX);
        if (!seen[i]) fail_msg("no example has the curve %s", mtr_curve_name_at(i));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_examples)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
