/*
 * What it costs the poller to know who is next: the heap of sources by when they are due, and the look at one
 * source's windows in the ledger, on one core.
 *
 *   bench_schedule [sources, default 10,000] [directory, default /tmp]
 *
 * Each source has its windows in a ledger as they are between two readings: all of its plan that is over is
 * read, the first behind it is due later. Sources are looked at in no order that a cache knows. Figures are
 * of CPU time, for each source that was due.
 */
#include "bench/bench_support.h"

#include <unistd.h>

#include "collector/source/strands/due_heap.h"
#include "meterd/core/time.h"
#include "meterd/source/schedule.h"
#include "meterd/store/ledger.h"

enum { ROUNDS = 5, KEY_BYTES = 32, PATH_BYTES = 256 };

static const int64_t NOW_US = INT64_C(1780000000) * MTR_US_PER_SECOND; /* 2026-05-28 */

struct waiting {
    struct due_item due; /* first: it stands in the heap */
    char key[KEY_BYTES];
    int64_t unsettled_us;
};

struct bench {
    struct waiting *waiting;
    uint64_t count;
    struct mtr_ledger *ledger;
    struct mtr_source_schedule schedule;
    struct mtr_source_window window;
    struct mtr_reading_plan plan;
    struct mtr_ledger_txn *txn;  /* of a look */
    struct mtr_strand strand;
};

static void report(const char *what, uint64_t count, int64_t ns)
{
    printf("%-64s %8.0f ns\n", what, (double)ns / (double)count);
}

/* ---- the heap ---- */

/* The first is taken, and set to when it is due again. */
static void bench_heap(struct bench *bench)
{
    struct due_heap heap = {0};
    uint64_t random = 1;
    for (uint64_t i = 0; i < bench->count; i++)
        BENCH_CHECK(
            due_heap_set(&heap, &bench->waiting[i].due, (int64_t)(bench_random(&random) % 3600000000)));
    const int64_t start_ns = bench_clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    for (uint64_t i = 0; i < bench->count * ROUNDS; i++) {
        struct due_item *first = due_heap_first(&heap);
        const int64_t again_us = (int64_t)(bench_random(&random) % 3600000000);
        BENCH_CHECK(due_heap_set(&heap, first, first->due_us + again_us));
    }
    report("heap: the first, and when it is due again", bench->count * ROUNDS,
           bench_clock_ns(CLOCK_PROCESS_CPUTIME_ID) - start_ns);
    for (uint64_t i = 0; i < bench->count; i++) due_heap_remove(&heap, &bench->waiting[i].due);
    due_heap_release(&heap);
}

/* ---- the look ---- */

static void set_strand(struct bench *bench, const struct waiting *waiting)
{
    bench->strand = (struct mtr_strand){MTR_STR("vendor"), mtr_str_from(waiting->key), MTR_STR("")};
    bench->plan.key = mtr_schedule_key(bench->strand.source, bench->strand.each);
}

static bool history_of(void *context, const struct mtr_window *window, struct mtr_window_history *out)
{
    struct bench *bench = context;
    struct mtr_ledger_window record;
    *out = (struct mtr_window_history){0};
    int rc = mtr_ledger_get_window(bench->txn, &bench->strand, window->from_us, &record);
    if (rc != MTR_ENOTFOUND) {
        BENCH_CHECK(rc);
        out->read_us = record.last_us;
    }
    return true;
}

static void look(struct bench *bench, struct waiting *waiting, int64_t now_us, struct mtr_due_scan *scan)
{
    set_strand(bench, waiting);
    BENCH_CHECK(mtr_ledger_begin(bench->ledger, false, &bench->txn));
    mtr_due_scan_begin(scan, &bench->plan, waiting->unsettled_us, now_us);
    while (!mtr_due_scan_step(scan, &bench->plan, history_of, bench, UINT32_MAX)) {
    }
    waiting->unsettled_us = scan->unsettled_us;
    mtr_ledger_abort(bench->txn);
}

/* All windows that were over by now are read now. Returns how many of each source are not settled. */
static uint64_t fill(struct bench *bench)
{
    struct mtr_ledger_txn *txn;
    uint64_t windows = 0;
    BENCH_CHECK(mtr_ledger_begin(bench->ledger, true, &txn));
    BENCH_CHECK(mtr_ledger_clear(txn));
    for (uint64_t i = 0; i < bench->count; i++) {
        set_strand(bench, &bench->waiting[i]);
        bench->waiting[i].unsettled_us = 0;
        for (int64_t at_us = bench->plan.start_us; at_us < NOW_US;) {
            const struct mtr_window window = mtr_plan_window_at(&bench->plan, at_us);
            at_us = window.to_us;
            if (window.to_us > NOW_US) break;
            const struct mtr_ledger_window record = {.start_us = window.from_us,
                                                     .end_us = window.to_us,
                                                     .state = MTR_WINDOW_COMPLETE,
                                                     .reading = 1,
                                                     .readings = 1,
                                                     .first_us = NOW_US,
                                                     .last_us = NOW_US,
                                                     .noted_us = NOW_US};
            BENCH_CHECK(mtr_ledger_put_window(txn, &bench->strand, &record));
            windows++;
        }
    }
    BENCH_CHECK(mtr_ledger_commit(txn));
    return windows / bench->count;
}

static void bench_look(struct bench *bench, const char *what, enum mtr_source_length length,
                       int64_t rereads_us)
{
    const struct mtr_source_reread reread = {.after_us = rereads_us};
    bench->window = (struct mtr_source_window){.length = length,
                                               .has_start = true,
                                               .start_us = NOW_US - rereads_us,
                                               .rereads = &reread,
                                               .reread_count = rereads_us > 0};
    bench->plan = (struct mtr_reading_plan){.schedule = &bench->schedule,
                                            .window = &bench->window,
                                            .start_us = bench->window.start_us};
    const uint64_t windows = fill(bench);
    struct mtr_due_scan scan;
    char text[PATH_BYTES];
    uint64_t random = 2;
    int64_t ns = 0;
    for (int round = 0; round <= ROUNDS; round++) { /* the first fills the caches */
        const int64_t start_ns = bench_clock_ns(CLOCK_PROCESS_CPUTIME_ID);
        for (uint64_t i = 0; i < bench->count; i++)
            look(bench, &bench->waiting[bench_random(&random) % bench->count], NOW_US + 1, &scan);
        if (round) ns += bench_clock_ns(CLOCK_PROCESS_CPUTIME_ID) - start_ns;
        BENCH_CHECK(scan.has_due); /* nothing is */
    }
    snprintf(text, sizeof(text), "look: %s, %llu windows that are not settled", what,
             (unsigned long long)windows);
    report(text, bench->count * ROUNDS, ns);
}

int main(int argc, char **argv)
{
    struct bench bench = {.count = bench_argument(argc, argv, 1, 10000),
                          .schedule = {.every_us = INT64_C(3600) * MTR_US_PER_SECOND}};
    char directory[PATH_BYTES], command[PATH_BYTES + 8];
    struct mtr_diagnostic diagnostic;
    snprintf(directory, sizeof(directory), "%s/meterd-schedule-XXXXXX", argc > 2 ? argv[2] : "/tmp");
    bench.waiting = calloc(bench.count, sizeof(*bench.waiting));
    if (!bench.waiting || !mkdtemp(directory)) {
        perror(directory);
        return 1;
    }
    for (uint64_t i = 0; i < bench.count; i++)
        snprintf(bench.waiting[i].key, KEY_BYTES, "source-%llu", (unsigned long long)i);
    printf("%llu sources\n", (unsigned long long)bench.count);
    bench_heap(&bench);
    BENCH_CHECK(mtr_ledger_open(directory, false, &bench.ledger, &diagnostic));
    bench_look(&bench, "a day, read once", MTR_LENGTH_DAY, 0);
    bench_look(&bench, "days, read again for 10 days", MTR_LENGTH_DAY, INT64_C(10) * MTR_US_PER_DAY);
    bench_look(&bench, "hours, read again for 2 days", MTR_LENGTH_HOUR, INT64_C(2) * MTR_US_PER_DAY);
    mtr_ledger_close(bench.ledger);
    free(bench.waiting);
    snprintf(command, sizeof(command), "rm -r %s", directory);
    return system(command) != 0;
}
