/*
 * Prices on one core: the price function alone for each scheme of config/tariffs, and what-if over a
 * synthetic store.
 *
 *   bench_price [million prices of each scheme, default 1] [subscriptions, default 2,000]
 *               [months, default 12] [directory, default /tmp]
 *
 * Schemes are priced with the usage of their worked examples, without trace; a price is of all components of
 * the tariff. What-if prices every period under the stored tariff and under a draft of it, as `meterd price
 * --what-if` does: rollups in LMDB, rows gathered, parts priced, lines laid out; first without what was
 * charged, then beside it. Figures are of CPU time; the best of several runs is shown.
 */
#include "bench/bench_support.h"

#include <dirent.h>
#include <string.h>
#include <unistd.h>

#include "meterd/catalog/store.h"
#include "meterd/rater/rater.h"
#include "meterd/query/what_if.h"
#include "tests/support/examples.h"

enum { NAMES_MAX = 200, RUNS = 3, PATH_BYTES = 256, CELLS_COMMIT = 1 << 16 };

static const int64_t JANUARY_US = INT64_C(1767225600) * MTR_US_PER_SECOND; /* 2026-01-01T00:00:00Z */

/* ---- the price function ---- */

static void price_many(const struct mtr_price_input *input, uint64_t count, struct mtr_arena *arena)
{
    struct mtr_price price;
    for (uint64_t i = 0; i < count; i++) {
        mtr_arena_reset(arena);
        BENCH_CHECK(mtr_price(input, false, arena, &price));
    }
}

static int64_t best_ns(const struct mtr_price_input *input, uint64_t count, struct mtr_arena *arena)
{
    int64_t best = INT64_MAX;
    price_many(input, count / 10 + 1, arena);
    for (int run = 0; run < RUNS; run++) {
        const int64_t start_ns = bench_clock_ns(CLOCK_PROCESS_CPUTIME_ID);
        price_many(input, count, arena);
        const int64_t ns = bench_clock_ns(CLOCK_PROCESS_CPUTIME_ID) - start_ns;
        if (ns < best) best = ns;
    }
    return best;
}

/* The first expectation of an example's text. */
static void bench_text(const char *name, char *text, struct mtr_zone *utc, uint64_t count)
{
    struct example example = {.name = name, .utc = utc};
    struct mtr_usage_row usage[EXAMPLE_USAGE_MAX];
    struct mtr_price_pool pools[EXAMPLE_POOLS_MAX];
    BENCH_CHECK(pricing_open(&example.pricing, mtr_str_from(text)));
    char *mark = strstr(text, EXAMPLES_MARK);
    if (!mark) exit(1);
    mark += strlen(EXAMPLES_MARK);
    char *arrow = strstr(mark, "-> ");
    if (!arrow) exit(1);
    *arrow = '\0';
    struct mtr_price_input input = pricing_input(&example.pricing);
    input.zone = utc;
    input.pool_count = example_pools(&example, mark, pools);
    input.pools = pools;
    input.usage_count = example_parse_usage(&example, mark, usage);
    input.usage = example_measure(&example, usage, &input.usage_count);
    const int64_t ns = best_ns(&input, count, &example.pricing.result);
    const double each = (double)ns / (double)count;
    printf("%-28s %2u components %2u rows %8.0f ns a price %8.0f ns a component %6.2f M components/s\n", name,
           input.version->component_count, input.usage_count, each, each / input.version->component_count,
           1000.0 * input.version->component_count / each);
    pricing_close(&example.pricing);
}

static void bench_scheme(const char *name, struct mtr_zone *utc, uint64_t count)
{
    char text[EXAMPLE_TEXT_BYTES];
    example_read_file(name, text);
    bench_text(name, text, utc, count);
}

/* What a price costs must not depend on how many tiers there are. */
static void bench_many_tiers(struct mtr_zone *utc, uint64_t count)
{
    enum { TIERS = 200 };
    char text[EXAMPLE_TEXT_BYTES];
    size_t size = (size_t)snprintf(
        text, sizeof(text),
        EXAMPLES_MARK "a=1990.5 -> \nkey: t\ncurrency: EUR\nversions: [{from: 2026-01-01, components: "
                      "[{key: a, meter: m, graduated: [");
    for (int i = 1; i < TIERS; i++)
        size += (size_t)snprintf(text + size, sizeof(text) - size, "{up_to: %d, unit: '0.%d', flat: 1}, ",
                                 i * 10, 1000 - i);
    snprintf(text + size, sizeof(text) - size, "{unit: '0.05'}]}]}]\n");
    bench_text("graduated, 200 tiers", text, utc, count);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void bench_schemes(uint64_t count)
{
    char *names[NAMES_MAX];
    size_t name_count = 0;
    struct mtr_zone *utc = NULL;
    DIR *directory = opendir(EXAMPLES_DIRECTORY);
    if (!directory) exit(1);
    BENCH_CHECK(mtr_zone_open(MTR_STR("UTC"), &utc));
    for (struct dirent *entry = readdir(directory); entry && name_count < NAMES_MAX;
         entry = readdir(directory))
        if (entry->d_name[0] != '.') names[name_count++] = strdup(entry->d_name);
    closedir(directory);
    qsort(names, name_count, sizeof(names[0]), compare_names);
    for (size_t i = 0; i < name_count; i++) {
        bench_scheme(names[i], utc, count);
        free(names[i]);
    }
    bench_many_tiers(utc, count);
    mtr_zone_close(utc);
}

/* ---- what-if ---- */

#define COMPONENTS(price)                                                                                    \
    "{key: calls, meter: calls, per_unit: '" price "'}, "                                                    \
    "{key: cpu, meter: cpu, graduated: [{up_to: 100, unit: '" price                                          \
    "'}, {up_to: 1000, unit: '0.04', flat: '2'}, {unit: '0.03'}]}, "                                         \
    "{key: disk, meter: disk, free_units: 10, volume: [{up_to: 500, unit: '0.10'}, {unit: '0.09'}]}, "       \
    "{key: mails, meter: mails, package: {size: 1000, price: '1.50'}}, "                                     \
    "{key: egress, meter: egress, convert: {divide: 1000, rounding: ceiling, digits: 0}, per_unit: '0.08', " \
    "discount: {percent: 10}}, "                                                                             \
    "{key: seats, meter: seats, stairstep: [{up_to: 10, amount: '50'}, {up_to: 25, amount: '90'}, {amount: " \
    "'150'}]}, "                                                                                             \
    "{key: base, recurring: {amount: '20', prorate: second}}"
#define TARIFF(price)                                                                                        \
    "{key: standard, currency: EUR, versions: [{from: 2026-01-01, components: [" COMPONENTS(price) "]}]}"
enum { METERS = 6 };
static const char *const meters[METERS] = {"calls", "cpu", "disk", "mails", "egress", "seats"};

struct stores {
    char root[PATH_BYTES];
    struct mtr_catalog_store *store;
    struct mtr_catalog *catalog;
    struct mtr_rollups *rollups;
    struct mtr_charges *charges;
};

static void apply(struct stores *stores, uint64_t subscriptions)
{
    struct mtr_diagnostics findings;
    struct mtr_catalog_change change;
    struct mtr_buffer text;
    mtr_buffer_init(&text, 1 << 28);
    mtr_diagnostics_init(&findings, 8);
    BENCH_CHECK(mtr_buffer_printf(
        &text, "vendors: [{key: acme}]\nservices: [{key: cloud, vendor: acme}]\nmeters:\n"));
    for (int i = 0; i < METERS; i++)
        BENCH_CHECK(mtr_buffer_printf(&text, "- {key: %s, service: cloud, event_type: %s, value: n}\n",
                                      meters[i], meters[i]));
    BENCH_CHECK(mtr_buffer_printf(&text, "tariffs: [" TARIFF("0.05") "]\nsubscriptions:\n"));
    for (uint64_t i = 0; i < subscriptions; i++)
        BENCH_CHECK(mtr_buffer_printf(&text,
                                      "- {key: s%llu, service: cloud, customer: c%llu, tariff: standard, "
                                      "zone: UTC, start: 2026-01-01}\n",
                                      (unsigned long long)i, (unsigned long long)i % 97));
    const struct mtr_catalog_edit edit = {
        .text = mtr_buffer_str(&text), .who = MTR_STR("bench"), .now_us = 0};
    BENCH_CHECK(mtr_catalog_store_apply(stores->store, &edit, &change, &findings));
    stores->catalog = mtr_catalog_store_snapshot(stores->store);
    mtr_diagnostics_release(&findings);
    mtr_buffer_release(&text);
}

/* `cells` hours of use a month of each meter. */
static void fill(struct stores *stores, uint64_t subscriptions, uint64_t months, uint64_t cells)
{
    struct mtr_rollups_txn *txn = NULL;
    uint64_t random = 3, seq = 0;
    const int64_t month_us = 28 * MTR_US_PER_DAY;
    for (uint64_t s = 1; s <= subscriptions; s++) {
        for (uint32_t meter = 1; meter <= METERS; meter++) {
            for (uint64_t i = 0; i < months * cells; i++) {
                if (seq % CELLS_COMMIT == 0) {
                    if (txn) BENCH_CHECK(mtr_rollups_commit(txn));
                    BENCH_CHECK(mtr_rollups_begin(stores->rollups, true, &txn));
                }
                const int64_t apart_us = month_us / (int64_t)cells / MTR_US_PER_HOUR * MTR_US_PER_HOUR;
                const int64_t start_us =
                    JANUARY_US + (int64_t)(i / cells) * (month_us + 2 * MTR_US_PER_DAY) +
                    (int64_t)(i % cells) * apart_us;
                const struct mtr_cell_key key = {(uint32_t)s, meter, start_us, MTR_STR("")};
                seq++;
                struct mtr_cell cell = {.count = 1, .seq_first = seq, .seq_last = seq, .change = seq};
                cell.value.e12 = (mtr_int128)(bench_random(&random) % 400000) * 1000000000;
                BENCH_CHECK(mtr_rollups_put_cell(txn, &key, &cell));
            }
        }
    }
    BENCH_CHECK(mtr_rollups_put_cursor(txn, seq + 1,
                                       (JANUARY_US + (int64_t)months * 30 * MTR_US_PER_DAY), seq));
    BENCH_CHECK(mtr_rollups_commit(txn));
}

static void rate(struct stores *stores, uint64_t months)
{
    struct mtr_rater *rater = NULL;
    struct mtr_rater_options options = mtr_rater_options_default();
    struct mtr_rater_result result = {0};
    struct mtr_diagnostic diagnostic;
    options.step_ratings_max = options.step_rows_max = 1 << 14;
    BENCH_CHECK(mtr_rater_open(stores->rollups, stores->charges, &options, &rater));
    while (!result.idle)
        BENCH_CHECK(mtr_rater_step(rater, stores->catalog,
                                   (JANUARY_US + (int64_t)months * 30 * MTR_US_PER_DAY), &result,
                                   &diagnostic));
    mtr_rater_close(rater);
}

struct counted {
    uint64_t components, periods, as_emitted;
};

static int on_period(void *context, const struct mtr_what_if_period *period)
{
    struct counted *counted = context;
    counted->components += period->components;
    counted->periods++;
    counted->as_emitted += period->as_emitted;
    return period->stored_problem ? period->stored_problem : period->draft_problem;
}

static int on_subscription(void *context, const struct mtr_subscription *subscription, uint32_t done,
                           uint32_t total)
{
    (void)context;
    (void)subscription;
    return done > total ? MTR_EINVALID : MTR_OK;
}

static void bench_what_if(struct stores *stores, struct mtr_charges *charges, struct mtr_catalog *draft,
                          const char *what)
{
    const struct mtr_what_if_options options = {.stored = stores->catalog,
                                                .draft = draft,
                                                .tariff = MTR_STR("standard"),
                                                .to.time_us = MTR_TIME_US_MAX,
                                                .grace_us = MTR_US_PER_HOUR,
                                                .memory_bytes_max = 64 << 20};
    struct counted counted = {0};
    struct mtr_diagnostic diagnostic;
    int64_t best = INT64_MAX;
    for (int run = 0; run < RUNS; run++) {
        counted = (struct counted){0};
        const struct mtr_what_if_hooks hooks = {on_period, on_subscription, &counted};
        const int64_t start_ns = bench_clock_ns(CLOCK_PROCESS_CPUTIME_ID);
        BENCH_CHECK(mtr_what_if(stores->rollups, charges, &options, &hooks, &diagnostic));
        const int64_t ns = bench_clock_ns(CLOCK_PROCESS_CPUTIME_ID) - start_ns;
        if (ns < best) best = ns;
    }
    if (charges && counted.as_emitted != counted.periods) exit(1);
    printf("%-28s %8llu periods, both prices: %6.0f ns a component-period %6.2f M component-periods/s %6.0f "
           "k periods/s\n",
           what, (unsigned long long)counted.periods, (double)best / (double)counted.components,
           1000.0 * (double)counted.components / (double)best, 1e6 * (double)counted.periods / (double)best);
}

static void open_stores(struct stores *stores, const char *directory)
{
    char path[PATH_BYTES + 16];
    struct mtr_diagnostic diagnostic;
    snprintf(stores->root, sizeof(stores->root), "%s/meterd-bench-XXXXXX", directory);
    if (!mkdtemp(stores->root)) exit(1);
    snprintf(path, sizeof(path), "%s/catalog", stores->root);
    BENCH_CHECK(mtr_catalog_store_open(path, false, &stores->store, &diagnostic));
    snprintf(path, sizeof(path), "%s/rollups", stores->root);
    BENCH_CHECK(mtr_rollups_open(path, false, &stores->rollups, &diagnostic));
    snprintf(path, sizeof(path), "%s/charges", stores->root);
    BENCH_CHECK(mtr_charges_open(path, false, &stores->charges, &diagnostic));
}

static void close_stores(struct stores *stores)
{
    static const char *const names[] = {"/catalog/data.mdb", "/catalog/lock.mdb",
                                        "/rollups/data.mdb", "/rollups/lock.mdb",
                                        "/charges/data.mdb", "/charges/lock.mdb",
                                        "/catalog",          "/rollups",
                                        "/charges",          ""};
    char path[PATH_BYTES + 32];
    mtr_charges_close(stores->charges);
    mtr_rollups_close(stores->rollups);
    mtr_catalog_release(stores->catalog);
    mtr_catalog_store_close(stores->store);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(path, sizeof(path), "%s%s", stores->root, names[i]);
        (void)remove(path);
    }
}

static void bench_store(const char *directory, uint64_t subscriptions, uint64_t months, uint64_t cells)
{
    const enum mtr_catalog_kind kind = MTR_KIND_TARIFF;
    struct stores stores = {.catalog = NULL};
    struct mtr_diagnostics findings;
    struct mtr_catalog *draft = NULL;
    char what[64];
    open_stores(&stores, directory);
    apply(&stores, subscriptions);
    fill(&stores, subscriptions, months, cells);
    mtr_diagnostics_init(&findings, 8);
    const struct mtr_catalog_edit edit = {
        .text = MTR_STR(TARIFF("0.06")), .kind = &kind, .key = MTR_STR("standard")};
    BENCH_CHECK(mtr_catalog_store_draft(stores.store, &edit, &draft, &findings));
    snprintf(what, sizeof(what), "what-if, %llu cells a period", (unsigned long long)cells);
    bench_what_if(&stores, NULL, draft, what);
    rate(&stores, months);
    bench_what_if(&stores, stores.charges, draft, "  beside its charges");
    mtr_diagnostics_release(&findings);
    mtr_catalog_release(draft);
    close_stores(&stores);
}

int main(int argc, char **argv)
{
    static const uint64_t cells[] = {1, 4, 30};
    const uint64_t count = bench_argument(argc, argv, 1, 1) * 1000000;
    const uint64_t subscriptions = bench_argument(argc, argv, 2, 2000),
                   months = bench_argument(argc, argv, 3, 12);
    if (!subscriptions || !months) return 64;
    if (count) bench_schemes(count);
    for (size_t i = 0; i < sizeof(cells) / sizeof(cells[0]); i++)
        bench_store(argc > 4 ? argv[4] : "/tmp", subscriptions, months, cells[i]);
    return 0;
}
