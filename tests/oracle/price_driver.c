/*
 * Reads one JSON object a line, {"tariff": {…}, "usage": [{"component": 0, "input": 0, "dimensions": "",
 * "quantity": "1", "from_us": 0, "until_us": 0, "earlier": false}], "closing": true, "continues_earlier":
 * false, "continued_later": false, "runs_days": 31, "period_days": 31, "pools": [{"key": "p", "money": "75",
 * "units": "10", "priority": 1, "expires": 2, "components": ["a"]}]}, and writes the price as JSON, or the
 * name of the error with its first finding. The period is January 2026 in UTC, or as many days from its start
 * on; times count from there. The subscription runs through the first `runs_days` of it. With "when": {"zone":
 * "Pacific/Apia", "start_s": 0, "end_s": 0, "from_s": 0, "to_s": 0} the period is there, and the subscription
 * runs from one moment to the other.
 *
 * With "parts": [{"version": 0, "from_s": 0, "to_s": 86400, "usage": […]}, …] instead of "usage" the period
 * is priced in parts, and a list of prices is written. The C half of test_price_oracle.py and
 * test_price_vectors.py.
 */
#include "tests/support/pricing.h"

enum { LINE_BYTES_MAX = 1 << 16, USAGE_MAX = 256, PARTS_MAX = 8, POOLS_MAX = 8, NAMES_MAX = 8 };

static const int64_t PERIOD_US = (int64_t)1767225600 * 1000000;

static bool flag(const struct mtr_node *node, const char *key, bool otherwise)
{
    const struct mtr_node *child = mtr_node_get(node, key);
    return child ? child->truth : otherwise;
}

static int64_t number(const struct mtr_node *node, const char *key, int64_t otherwise)
{
    const struct mtr_node *child = mtr_node_get(node, key);
    uint64_t value;
    if (!child) return otherwise;
    bool ok = mtr_str_to_u64(child->text, &value);
    MTR_ASSERT(ok && value < INT64_MAX / 1000000);
    return (int64_t)value;
}

static int64_t instant(const struct mtr_node *node, const char *key)
{
    return number(node, key, 0) * MTR_US_PER_SECOND;
}

static uint32_t read_usage(const struct mtr_node *list, struct mtr_usage_row *rows)
{
    uint32_t count = list ? list->child_count : 0;
    MTR_ASSERT(count <= USAGE_MAX);
    for (uint32_t i = 0; i < count; i++) {
        const struct mtr_node *row = &list->children[i], *dimensions = mtr_node_get(row, "dimensions");
        uint64_t component;
        bool ok = mtr_str_to_u64(mtr_node_get(row, "component")->text, &component);
        MTR_ASSERT(ok);
        const int64_t from_us = number(row, "from_us", 0);
        rows[i] = (struct mtr_usage_row){.component = (uint32_t)component,
                                         .input = (uint32_t)number(row, "input", 0),
                                         .dimensions = dimensions ? dimensions->text : MTR_STR(""),
                                         .time_us = PERIOD_US + from_us,
                                         .until_us = PERIOD_US + number(row, "until_us", from_us),
                                         .earlier = flag(row, "earlier", false)};
        int rc = mtr_quantity_parse(mtr_node_get(row, "quantity")->text, &rows[i].quantity);
        MTR_ASSERT(rc == MTR_OK);
    }
    return count;
}

struct run {
    const struct mtr_node *node;
    const struct mtr_zone *zone;
    struct pricing pricing;
    struct mtr_usage_row usage[USAGE_MAX];
    struct mtr_price_pool pools[POOLS_MAX];
    struct mtr_str names[POOLS_MAX][NAMES_MAX];
    struct mtr_price prices[PARTS_MAX];
    const struct mtr_price *earlier[PARTS_MAX];
    struct mtr_json_writer json;
};

/* Of money or of units; `expires` is an order only. */
static uint32_t read_pools(struct run *run, const struct mtr_node *list)
{
    const uint32_t count = list ? list->child_count : 0;
    MTR_ASSERT(count <= POOLS_MAX);
    for (uint32_t i = 0; i < count; i++) {
        const struct mtr_node *row = &list->children[i], *money = mtr_node_get(row, "money"),
                              *names = mtr_node_get(row, "components");
        struct mtr_price_pool *pool = &run->pools[i];
        *pool = (struct mtr_price_pool){.key = mtr_node_get(row, "key")->text,
                                        .grant = MTR_STR("grant=1"),
                                        .of_money = money != NULL,
                                        .components = run->names[i],
                                        .priority = (uint32_t)number(row, "priority", 0),
                                        .expires_us = number(row, "expires", 1000)};
        int rc = money ? mtr_money_parse(money->text, &pool->amount)
                       : mtr_quantity_parse(mtr_node_get(row, "units")->text, &pool->quantity);
        MTR_ASSERT(!rc && (!names || names->child_count <= NAMES_MAX));
        for (uint32_t j = 0; names && j < names->child_count; j++)
            run->names[i][pool->component_count++] = names->children[j].text;
    }
    return count;
}

static struct mtr_price_input read_input(struct run *run, const struct mtr_node *usage)
{
    const struct mtr_node *node = run->node;
    struct mtr_price_input input = pricing_input(&run->pricing);
    input.zone = run->zone;
    input.usage = run->usage;
    input.usage_count = read_usage(usage, run->usage);
    input.period.end_us = input.period.start_us + number(node, "period_days", 31) * MTR_US_PER_DAY;
    input.runs_to_us = input.active_to_us =
        input.period.start_us + number(node, "runs_days", number(node, "period_days", 31)) * MTR_US_PER_DAY;
    input.pools = run->pools;
    input.pool_count = read_pools(run, mtr_node_get(node, "pools"));
    input.closing = flag(node, "closing", true);
    input.continues_earlier = flag(node, "continues_earlier", false);
    input.continued_later = flag(node, "continued_later", false);
    const struct mtr_node *when = mtr_node_get(node, "when");
    if (!when) return input;
    input.period = (struct mtr_period){instant(when, "start_s"), instant(when, "end_s")};
    input.runs_from_us = input.active_from_us = instant(when, "from_s");
    input.runs_to_us = input.active_to_us = instant(when, "to_s");
    return input;
}

static int write_price(struct run *run, const struct mtr_price_input *input, struct mtr_price *price)
{
    int rc = mtr_price(input, true, &run->pricing.result, price);
    if (!rc) mtr_price_write_json(input, price, true, &run->pricing.result, &run->json);
    return rc;
}

static int write_parts(struct run *run, const struct mtr_node *parts)
{
    int rc = MTR_OK;
    MTR_ASSERT(parts->child_count <= PARTS_MAX);
    mtr_json_list(&run->json);
    for (uint32_t i = 0; !rc && i < parts->child_count; i++) {
        const struct mtr_node *part = &parts->children[i];
        struct mtr_price_input input = read_input(run, mtr_node_get(part, "usage"));
        input.version = &run->pricing.tariff.versions[number(part, "version", 0)];
        input.active_from_us = input.period.start_us + instant(part, "from_s");
        input.active_to_us = input.period.start_us + instant(part, "to_s");
        input.continues_earlier = i > 0;
        input.continued_later = i + 1 < parts->child_count;
        input.earlier = run->earlier;
        input.earlier_count = i;
        rc = write_price(run, &input, &run->prices[i]);
        run->earlier[i] = &run->prices[i];
    }
    mtr_json_list_end(&run->json);
    return rc;
}

static int answer(struct run *run)
{
    const struct mtr_node *parts = mtr_node_get(run->node, "parts");
    struct mtr_buffer out;
    mtr_buffer_init(&out, 1 << 24);
    mtr_json_begin(&run->json, &out);
    struct mtr_price_input input = read_input(run, mtr_node_get(run->node, "usage"));
    int rc = parts ? write_parts(run, parts) : write_price(run, &input, &run->prices[0]);
    if (!rc) rc = mtr_json_finish(&run->json);
    if (!rc) printf("%.*s\n", MTR_STR_ARGS(mtr_buffer_str(&out)));
    mtr_buffer_release(&out);
    return rc;
}

static void run_line(const struct mtr_node *node)
{
    static struct run run;
    const struct mtr_node *when = mtr_node_get(node, "when");
    struct mtr_zone *zone;
    int opened = mtr_zone_open(when ? mtr_node_get(when, "zone")->text : MTR_STR("UTC"), &zone);
    MTR_ASSERT(opened == MTR_OK);
    run = (struct run){.node = node, .zone = zone};
    struct pricing *pricing = &run.pricing;
    mtr_arena_init(&pricing->arena, 16 << 10, PRICING_ARENA_BYTES_MAX);
    mtr_arena_init(&pricing->result, 16 << 10, PRICING_ARENA_BYTES_MAX);
    mtr_diagnostics_init(&pricing->findings, PRICING_FINDINGS_MAX);
    int rc =
        mtr_tariff_read(mtr_node_get(node, "tariff"), &pricing->arena, &pricing->tariff, &pricing->findings);
    if (!rc) rc = answer(&run);
    if (rc)
        printf("%s %s\n", mtr_error_name(rc), pricing->findings.count ? pricing->findings.items[0].text : "");
    pricing_close(pricing);
    mtr_zone_close(zone);
}

int main(void)
{
    static char line[LINE_BYTES_MAX];
    setvbuf(stdout, NULL, _IOLBF, 0); /* the other side waits for each answer */
    while (fgets(line, sizeof(line), stdin)) {
        struct mtr_document *document;
        struct mtr_diagnostic diagnostic;
        int rc = mtr_document_parse(mtr_str_from(line), &document, &diagnostic);
        MTR_ASSERT(rc == MTR_OK);
        run_line(mtr_document_root(document));
        mtr_document_close(document);
    }
    return 0;
}
