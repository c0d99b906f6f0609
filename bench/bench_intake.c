/*
 * The intake step alone: judging, dedup and append of decoded batches, CPU and wall time for each event.
 *
 *   bench_intake [batches, default 400] [events of a batch, default 1,000] [directory, default /tmp]
 *
 * Decoding, HTTP, the answer's JSON and housekeeping (sealing, preallocating, room for identities) are left
 * out; fsync is in the wall time.
 */
#include "bench/bench_support.h"

#include <stdbool.h>
#include <string.h>

#include "meterd/catalog/store.h"
#include "meterd/collector/intake.h"
#include "meterd/core/time.h"

static const char catalog_text[] =
    "vendors:\n  - {key: acme}\nservices:\n  - {key: compute, vendor: acme}\nmeters:\n"
    "  - {key: cpu, service: compute, event_type: cpu, value: seconds, group_by: [region]}\n"
    "tariffs:\n  - key: standard\n    currency: EUR\n    versions:\n      - from: 2026-01-01\n"
    "        components:\n          - {key: base, recurring: {amount: '20'}}\nsubscriptions:\n"
    "  - {key: sub-1, service: compute, customer: c, tariff: standard, start: 2026-01-01}\n";

static struct mtr_request *free_request; /* answered, used again */

static void on_answer(void *context, struct mtr_request *request)
{
    (void)context;
    free_request = request;
}

static void fill(struct mtr_request *request, uint32_t count, int64_t now_us, uint64_t *random)
{
    mtr_request_reset(request);
    request->vendor = MTR_STR("acme");
    request->events = mtr_arena_calloc(&request->arena, count, sizeof(*request->events));
    request->results = mtr_arena_calloc(&request->arena, count, sizeof(*request->results));
    struct mtr_property *properties =
        mtr_arena_calloc(&request->arena, (size_t)count * 2, sizeof(*properties));
    if (!request->events || !request->results || !properties) exit(1);
    for (uint32_t i = 0; i < count; i++, properties += 2) {
        char id[40];
        int size = snprintf(id, sizeof(id), "%016llx-%08x", (unsigned long long)bench_random(random), i);
        properties[0] = (struct mtr_property){
            .name = MTR_STR("seconds"), .kind = MTR_PROPERTY_NUMBER, .number = {125 + i, 1}};
        properties[1] = (struct mtr_property){
            .name = MTR_STR("region"), .kind = MTR_PROPERTY_STRING, .text = MTR_STR("eu-west")};
        struct mtr_event *event = &request->events[i];
        *event = (struct mtr_event){.vendor = request->vendor,
                                    .source = MTR_STR("east"),
                                    .type = MTR_STR("cpu"),
                                    .subject = MTR_STR("sub-1"),
                                    .time_us = now_us + i,
                                    .time_given = true,
                                    .properties = properties,
                                    .property_count = 2};
        BENCH_CHECK(mtr_arena_copy(&request->arena, (struct mtr_str){id, (size_t)size}, &event->id));
    }
    request->count = count;
    request->body_bytes = (uint64_t)count * 200;
}

/* The stores that the intake works on, in a directory of their own, and the intake. */
struct world {
    char directory[256];
    struct mtr_log *log;
    struct mtr_dedup *dedup;
    struct mtr_intake *intake;
    struct mtr_catalog_store *store;
    struct mtr_catalog *catalog;
};

static struct mtr_catalog_store *open_catalog(const char *directory, int64_t now_us)
{
    char path[300];
    struct mtr_catalog_store *store;
    struct mtr_catalog_change change;
    struct mtr_diagnostic diagnostic;
    struct mtr_diagnostics findings;
    mtr_diagnostics_init(&findings, 8);
    snprintf(path, sizeof(path), "%s/catalog", directory);
    BENCH_CHECK(mtr_catalog_store_open(path, false, &store, &diagnostic));
    const struct mtr_catalog_edit edit = {
        .text = mtr_str_from(catalog_text), .who = MTR_STR("bench"), .now_us = now_us};
    BENCH_CHECK(mtr_catalog_store_apply(store, &edit, &change, &findings));
    mtr_diagnostics_release(&findings);
    return store;
}

static void open_world(struct world *world, int64_t now_us)
{
    static const uint8_t key[MTR_EVENT_KEY_BYTES] = {1};
    const struct mtr_log_options log_options = {
        .segment_bytes = 256 << 20, .segment_events_max = 4 << 20, .segment_age_us = MTR_US_PER_DAY};
    const struct mtr_intake_options options = {.queue_bytes_max = 256 << 20,
                                               .queue_requests_max = 1024,
                                               .commit_events_max = 32768,
                                               .commit_bytes_max = 4 << 20,
                                               .dedup_window_us = 35 * MTR_US_PER_DAY,
                                               .lateness_us = 35 * MTR_US_PER_DAY,
                                               .future_us = 300 * MTR_US_PER_SECOND,
                                               .retention_us = 400 * MTR_US_PER_DAY,
                                               .grace_us = MTR_US_PER_DAY,
                                               .on_answer = on_answer};
    char path[300];
    struct mtr_diagnostic diagnostic;
    snprintf(path, sizeof(path), "%s/log", world->directory);
    BENCH_CHECK(mtr_log_open(path, &log_options, &world->log, &diagnostic));
    world->store = open_catalog(world->directory, now_us);
    world->catalog = mtr_catalog_store_snapshot(world->store);
    BENCH_CHECK(mtr_dedup_open(world->log, key, mtr_intake_identity_window_us(&options), now_us,
                               &world->dedup, &diagnostic));
    BENCH_CHECK(mtr_intake_open(world->log, world->dedup, key, &options, &world->intake));
}

static void close_world(struct world *world)
{
    mtr_catalog_release(world->catalog);
    mtr_catalog_store_close(world->store);
    mtr_intake_close(world->intake);
    mtr_dedup_close(world->dedup);
    mtr_log_close(world->log);
}

struct measured {
    int64_t ns, slowest_ns;
};

static void note(struct measured *measured, int64_t ns)
{
    measured->ns += ns;
    if (ns > measured->slowest_ns) measured->slowest_ns = ns;
}

/* One batch through the intake. Returns what was stored. */
static uint32_t step(struct world *world, int64_t now_us, struct measured *wall, struct measured *cpu)
{
    uint32_t stored;
    int64_t wall_start_ns = bench_clock_ns(CLOCK_MONOTONIC),
            cpu_start_ns = bench_clock_ns(CLOCK_THREAD_CPUTIME_ID);
    BENCH_CHECK(mtr_intake_step(world->intake, world->catalog, mtr_trusted_at(now_us), &stored));
    note(cpu, bench_clock_ns(CLOCK_THREAD_CPUTIME_ID) - cpu_start_ns);
    note(wall, bench_clock_ns(CLOCK_MONOTONIC) - wall_start_ns);
    for (bool more = true; more;) /* the daemon has a thread for it */
        BENCH_CHECK(mtr_intake_housekeep(world->intake, mtr_trusted_at(now_us), 0, NULL, NULL, &more));
    return stored;
}

int main(int argc, char **argv)
{
    uint64_t batches = bench_argument(argc, argv, 1, 400);
    uint32_t count = (uint32_t)bench_argument(argc, argv, 2, 1000);
    struct world world;
    snprintf(world.directory, sizeof(world.directory), "%s/meterd-bench-XXXXXX", argc > 3 ? argv[3] : "/tmp");
    if (!count || !mkdtemp(world.directory)) return 64;
    int64_t now_us;
    BENCH_CHECK(mtr_time_parse(MTR_STR("2026-03-10T12:00:00Z"), &now_us));
    open_world(&world, now_us);
    struct mtr_request request;
    mtr_request_init(&request, 1 << 30);

    struct measured wall = {0, 0}, cpu = {0, 0};
    uint64_t random = 1, stored = 0;
    for (uint64_t i = 0; i < batches; i++) {
        fill(&request, count, now_us, &random);
        BENCH_CHECK(mtr_intake_submit(world.intake, &request));
        stored += step(&world, now_us, &wall, &cpu);
    }
    printf("%llu events in batches of %u: CPU %.0f ns, wall %.0f ns an event, slowest commit %.1f ms (CPU "
           "%.1f ms)\n",
           (unsigned long long)stored, count, (double)cpu.ns / (double)stored,
           (double)wall.ns / (double)stored, (double)wall.slowest_ns / 1e6, (double)cpu.slowest_ns / 1e6);
    printf("dedup index: %.1f bytes an identity while its segment is open\n",
           (double)mtr_dedup_memory_bytes(world.dedup) / (double)stored);
    mtr_request_release(&request);
    close_world(&world);
    printf("left in %s: remove it\n", world.directory);
    return free_request == &request && stored == batches * count ? 0 : 1;
}
