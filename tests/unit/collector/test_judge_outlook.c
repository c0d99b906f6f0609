/*
 * What would become of a row, asked without a word, is what the intake then says of it: events at random, of
 * subjects and types that mostly stay the same. METERD_SEED repeats a run, METERD_CASES asks for more.
 */
#include <time.h>

#include "collector/intake/judge.h"
#include "tests/support/intake_world.h"
#include "tests/support/random.h"

enum { CASES = 60000, RUN_MAX = 6 };

/* Subjects of two services, and of terms one behind the other; a meter that is no more. */
static const char MORE[] = "services:\n"
                           "  - {key: edge, vendor: acme}\n"
                           "meters:\n"
                           "  - {key: hits, service: edge, event_type: hit, value: n, min: 0}\n"
                           "  - {key: old, service: edge, event_type: old, value: n, retired: 2026-02-01}\n"
                           "  - {key: older, service: compute, event_type: io, value: n, missing: invalid, retired: 2026-02-10}\n"
                           "subscriptions:\n"
                           "  - {key: two-1, service: edge, subject: two, customer: c, tariff: standard, start: 2026-01-10, end: 2026-02-10}\n"
                           "  - {key: two-2, service: edge, subject: two, customer: c, tariff: standard, start: 2026-02-20}\n"
                           "  - {key: two-3, service: compute, subject: two, customer: c, tariff: standard, start: 2026-01-15}\n";

static const char *const subjects[] = {"sub-1", "sub-1", "two", "two", "two", "ended", "leaving", "rival-1", "nobody"};
static const char *const types[] = {"cpu", "call", "login", "gpu", "charged", "ai", "io", "up", "disk.held", "hit", "old", "bytes", "none"};
static const char *const names[] = {"seconds", "user", "tier", "kwh", "tokens", "cached", "wh", "size", "byte_seconds", "n", "region", "other"};
static const char *const values[] = {"1", "-3", "0.5", "0.0000000000001", "10000000000000000.1", "2764801",
                                     "true", "\"1", "\"paid", "\"many", "\"", "\"a\037b"};
#define ANY(of, random) (of)[random_below(random, sizeof(of) / sizeof((of)[0]))]

static void draw_data(struct random_source *random, struct mtr_property properties[3], struct mtr_event *event)
{
    event->properties = properties;
    for (event->property_count = 0; event->property_count < 3 && random_below(random, 4); event->property_count++)
        properties[event->property_count] = property_of(ANY(names, random), ANY(values, random));
}

static enum judge_outlook expected(const struct mtr_verdict *verdict)
{
    switch (verdict->code) {
    case MTR_RESULT_HELD: return JUDGE_WOULD_HOLD;
    case MTR_RESULT_INVALID:
    case MTR_RESULT_NOT_AUTHORIZED: return JUDGE_WOULD_REFUSE;
    default: return JUDGE_WOULD_COUNT;
    }
}

struct asking {
    struct world *world;
    struct mtr_judge judge;
    struct mtr_arena arena;
    struct judge_last last;
    unsigned seen[JUDGE_WOULD_REFUSE + 1];
};

static void ask(struct asking *asking, const struct mtr_event *event, uint64_t seed)
{
    struct world *world = asking->world;
    struct judge_last none = {.subject_size = 0};
    mtr_arena_reset(&asking->arena);
    const struct mtr_verdict verdict = judge_usage(&asking->judge, world->catalog, event, world->now_us, &asking->arena);
    const enum judge_outlook outlook = judge_outlook_of(world->catalog, event, &asking->last);
    const bool is_outside = verdict.code == MTR_RESULT_NOT_ACTIVE && verdict.finding == MTR_FINDING_EVENT_NOT_ACTIVE;
    if (outlook != judge_outlook_of(world->catalog, event, &none))
        fail_msg("%.*s of %.*s: what was before counts (METERD_SEED=%llu METERD_CASES=1)", MTR_STR_ARGS(event->type),
                 MTR_STR_ARGS(event->subject), (unsigned long long)seed);
    const enum judge_outlook said = outlook == JUDGE_WOULD_PASS ? JUDGE_WOULD_COUNT : outlook; /* the intake takes what filters leave out */
    if (!is_outside && said != expected(&verdict)) /* terms are not looked at */
        fail_msg("%.*s of %.*s: %s, not %d (METERD_SEED=%llu METERD_CASES=1)", MTR_STR_ARGS(event->type), MTR_STR_ARGS(event->subject),
                 mtr_result_name(verdict.code), (int)outlook, (unsigned long long)seed);
    asking->seen[outlook] += !is_outside;
}

static uint64_t number_of(const char *variable, uint64_t otherwise)
{
    const char *text = getenv(variable);
    return text ? strtoull(text, NULL, 10) : otherwise;
}

static void the_outlook_is_the_judgement(void **state)
{
    const uint64_t seed = number_of("METERD_SEED", (uint64_t)time(NULL)), cases = number_of("METERD_CASES", CASES / RUN_MAX);
    struct world *world = new_world();
    struct asking asking = {.world = world};
    (void)state;
    apply(world, MORE);
    judge_init(&asking.judge, &(struct mtr_judge_options){60 * MTR_US_PER_DAY, 300 * MTR_US_PER_SECOND, 2 * MTR_US_PER_DAY});
    mtr_arena_init(&asking.arena, 4 << 10, 1 << 20);
    assert_int_equal(judge_begin(&asking.judge, world->catalog), MTR_OK);
    for (uint64_t i = 0; i < cases; i++) {
        struct random_source random = {seed + i};
        struct mtr_event event = {.vendor = MTR_STR("acme"), .source = MTR_STR("east"), .id = MTR_STR("e"), .time_given = true};
        event.subject = mtr_str_from(ANY(subjects, &random));
        event.type = mtr_str_from(ANY(types, &random));
        for (uint64_t run = 1 + random_below(&random, RUN_MAX); run; run--) {
            struct mtr_property properties[3];
            draw_data(&random, properties, &event);
            event.time_us = world->now_us - (int64_t)random_below(&random, 80) * MTR_US_PER_DAY;
            ask(&asking, &event, seed + i);
        }
    }
    printf("%u would count, %u be passed over, %u held, %u refused\n", asking.seen[JUDGE_WOULD_COUNT], asking.seen[JUDGE_WOULD_PASS],
           asking.seen[JUDGE_WOULD_HOLD], asking.seen[JUDGE_WOULD_REFUSE]);
    mtr_arena_release(&asking.arena);
    judge_release(&asking.judge);
    free_world(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_outlook_is_the_judgement)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
