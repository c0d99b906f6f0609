/*
 * Helpers of a run: its dice, its trace, its memory, and how it fails.
 */
#include "scenario/scenario.h"

#include <inttypes.h>

uint64_t scenario_seen[SEEN_COUNT];
const char *const scenario_seen_names[SEEN_COUNT] = {
#define SEEN_ROW(name) #name,
    SEEN_MAP(SEEN_ROW)
#undef SEEN_ROW
};

void scenario_fail(struct scenario *scenario, const char *file, int line, const char *condition,
                   const char *format, ...)
{
    va_list args;
    print_error("seed %" PRIu64 " (METERD_SEED=%" PRIu64 " shows its trace): %s:%d: %s\n  ", scenario->seed,
                scenario->seed, file, line, condition);
    va_start(args, format);
    vprint_error(format, args);
    va_end(args);
    print_error("\n");
    static bool is_failing; /* removing may fail too */
    if (scenario->is_loud) print_error("  its stores are in %s\n", scenario->stores.root);
    if (!scenario->is_loud && !is_failing) {
        is_failing = true;
        scenario_stores_remove(scenario);
    }
    fail();
    abort();
}

/* FNV-1a over all lines: equal runs have equal hashes. */
void scenario_trace(struct scenario *scenario, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    int size = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (size >= (int)sizeof(text)) size = (int)sizeof(text) - 1;
    for (int i = 0; i <= size; i++)
        scenario->trace_hash = (scenario->trace_hash ^ (unsigned char)text[i]) * UINT64_C(0x100000001b3);
    if (!scenario->is_loud) return;
    char now[MTR_TIME_TEXT_BYTES];
    mtr_time_format(scenario->now_us, now);
    printf("%s %s\n", now, text);
}

uint32_t scenario_below(struct scenario *scenario, uint32_t bound)
{
    return (uint32_t)random_below(&scenario->random, bound);
}

bool scenario_chance(struct scenario *scenario, uint32_t percent)
{
    return random_below(&scenario->random, 100) < percent;
}

void *scenario_alloc(struct scenario *scenario, size_t count, size_t size)
{
    void *memory = mtr_arena_calloc(&scenario->arena, count ? count : 1, size);
    CHECK(scenario, memory, "no memory");
    return memory;
}

char *scenario_format(struct scenario *scenario, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    int size = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    CHECK(scenario, size >= 0 && size < (int)sizeof(text), "text too long");
    char *copy = mtr_arena_strdup(&scenario->arena, (struct mtr_str){text, (size_t)size});
    CHECK(scenario, copy, "no memory");
    return copy;
}
