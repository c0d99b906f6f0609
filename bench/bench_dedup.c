/*
 * The dedup index's tables without a log: finds and inserts per second, bytes for each identity.
 *
 *   bench_dedup [identities, default 4,000,000]
 *
 * Finds of new identities are what ingest does all day; they never touch the disk. A duplicate in a sealed
 * segment costs one exact look-up more, which this bench does not count.
 */
#include "bench/bench_support.h"

#include "lib/store/dedup/dedup_exact.h"
#include "lib/store/dedup/dedup_tags.h"

enum { BATCH = 1024, PREFETCH = 32 };

static struct mtr_event_identity next_identity(uint64_t *random)
{
    uint64_t high = bench_random(random);
    return (struct mtr_event_identity){.high = high, .low = bench_random(random)};
}

static void report(const char *what, uint64_t count, int64_t ns)
{
    printf("%-34s %7.1f ns each  %6.2f M/s\n", what, (double)ns / (double)count,
           (double)count * 1000 / (double)ns);
}

static int compare_identities(const void *a, const void *b)
{
    uint64_t x = ((const struct mtr_event_identity *)a)->high,
             y = ((const struct mtr_event_identity *)b)->high;
    return (x > y) - (x < y);
}

static void bench_tags(uint64_t count, bool is_wide)
{
    const struct mtr_tag_range range = {1, 1};
    struct mtr_tag_table table;
    uint64_t random = 1, candidates_seen = 0;
    struct mtr_event_identity *identities = calloc(count, sizeof(*identities));
    if (!identities) exit(1);
    for (uint64_t i = 0; i < count; i++) identities[i] = next_identity(&random);
    qsort(identities, count, sizeof(*identities), compare_identities); /* as sealed identities come */
    printf("%s table\n", is_wide ? "wide" : "narrow");
    BENCH_CHECK(tags_init(&table, count, is_wide));
    int64_t start_ns = bench_clock_ns(CLOCK_MONOTONIC);
    for (uint64_t i = 0; i < count; i++) BENCH_CHECK((int)tags_insert(&table, identities[i], 1, range));
    report("compact table: insert, sorted", count, bench_clock_ns(CLOCK_MONOTONIC) - start_ns);
    printf("%-34s %7.2f bytes each\n", "compact table: memory",
           (double)tags_memory_bytes(&table) / (double)count);

    int64_t total_ns = 0;
    uint64_t finds = 0;
    for (; finds < count; finds += BATCH) {
        struct mtr_event_identity batch[BATCH];
        uint32_t candidates[MTR_TAG_CANDIDATES_MAX];
        for (int i = 0; i < BATCH; i++) batch[i] = next_identity(&random);
        start_ns = bench_clock_ns(CLOCK_MONOTONIC);
        for (int from = 0; from < BATCH; from += PREFETCH) {
            for (int i = from; i < from + PREFETCH; i++) tags_prefetch(&table, batch[i]);
            for (int i = from; i < from + PREFETCH; i++)
                candidates_seen += tags_find(&table, batch[i], range, candidates);
        }
        total_ns += bench_clock_ns(CLOCK_MONOTONIC) - start_ns;
    }
    report("compact table: find, new", finds, total_ns);
    printf("%-34s %7.4f %% of finds name a segment wrongly\n", "",
           (double)candidates_seen * 100 / (double)finds);
    tags_release(&table);
    free(identities);
}

static void bench_exact(uint64_t count)
{
    struct mtr_identities table;
    uint64_t random = 2;
    BENCH_CHECK(identities_init(&table, 0));
    int64_t start_ns = bench_clock_ns(CLOCK_MONOTONIC);
    for (uint64_t i = 0; i < count; i += BATCH) {
        BENCH_CHECK(identities_reserve(&table, BATCH));
        for (uint64_t j = i; j < i + BATCH; j++)
            identities_add(&table, next_identity(&random), j, 0, j + 1);
    }
    report("exact table: add, growth included", table.count, bench_clock_ns(CLOCK_MONOTONIC) - start_ns);
    printf("%-34s %7.2f bytes each\n", "exact table: memory",
           (double)table.capacity * 32 / (double)table.count);
    struct mtr_log_identity *records = malloc(table.count * sizeof(*records));
    if (!records) exit(1);
    start_ns = bench_clock_ns(CLOCK_MONOTONIC);
    identities_sort(&table, 1, records);
    report("exact table: sort for sealing", table.count, bench_clock_ns(CLOCK_MONOTONIC) - start_ns);
    free(records);
    identities_release(&table);
}

int main(int argc, char **argv)
{
    uint64_t count = bench_argument(argc, argv, 1, 4000000);
    if (!count) return 64;
    printf("%llu identities\n", (unsigned long long)count);
    bench_tags(count, false);
    bench_tags(count, true);
    bench_exact(count);
    return 0;
}
