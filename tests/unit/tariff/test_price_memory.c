/*
 * Prices allocate nothing in their steady state: malloc, calloc and realloc of the program are counted (the
 * linker sends them here), while examples are priced again in an arena that has its size, and while a what-if
 * goes over many periods.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>

#include "meterd/query/what_if.h"
#include "support/examples.h"
#include "tests/support/rating_use.h"

enum { WARM_UP = 4, MONTHS = 12 };
static const int64_t JANUARY_US = INT64_C(1767225600) * MTR_US_PER_SECOND; /* 2026-01-01T00:00:00Z */

static uint64_t allocations;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);

void *__wrap_malloc(size_t size)
{
    allocations++;
    return __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    allocations++;
    return __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
    allocations++;
    return __real_realloc(memory, size);
}

static void the_counter_counts(void **state)
{
    (void)state;
    const uint64_t before = allocations;
    struct mtr_arena arena;
    mtr_arena_init(&arena, 1 << 10, 1 << 20);
    assert_non_null(mtr_arena_alloc(&arena, 1));
    assert_int_equal(allocations - before, 1);
    mtr_arena_release(&arena);
}

/* The first expectation of an example. */
static void price_again(const char *name, struct mtr_zone *utc, bool with_trace)
{
    struct example example = {.name = name, .utc = utc};
    struct mtr_usage_row usage[EXAMPLE_USAGE_MAX];
    struct mtr_price_pool pools[EXAMPLE_POOLS_MAX];
    struct mtr_price price;
    char text[EXAMPLE_TEXT_BYTES];
    example_read_file(name, text);
    assert_int_equal(pricing_open(&example.pricing, mtr_str_from(text)), MTR_OK);
    char *mark = strstr(text, EXAMPLES_MARK);
    assert_non_null(mark);
    char *arrow = strstr(mark, "-> ");
    assert_non_null(arrow);
    *arrow = '\0';
    struct mtr_price_input input = pricing_input(&example.pricing);
    input.zone = utc;
    input.pool_count = example_pools(&example, mark, pools);
    input.pools = pools;
    input.usage = usage;
    input.usage_count = example_parse_usage(&example, mark + strlen(EXAMPLES_MARK), usage);
    uint64_t before = 0;
    for (int i = 0; i <= WARM_UP; i++) {
        before = allocations;
        mtr_arena_reset(&example.pricing.result);
        assert_int_equal(mtr_price(&input, with_trace, &example.pricing.result, &price), MTR_OK);
    }
    if (allocations != before)
        fail_msg("%s: %llu allocations", name, (unsigned long long)(allocations - before));
    pricing_close(&example.pricing);
}

static void a_price_allocates_nothing(void **state)
{
    struct mtr_zone *utc = NULL;
    unsigned count = 0;
    (void)state;
    assert_int_equal(mtr_zone_open(MTR_STR("UTC"), &utc), MTR_OK);
    DIR *directory = opendir(EXAMPLES_DIRECTORY);
    assert_non_null(directory);
    for (struct dirent *entry = readdir(directory); entry; entry = readdir(directory)) {
        if (entry->d_name[0] == '.') continue;
        price_again(entry->d_name, utc, false);
        price_again(entry->d_name, utc, true);
        count++;
    }
    closedir(directory);
    assert_true(count > 10);
    mtr_zone_close(utc);
}

static int on_period(void *context, const struct mtr_what_if_period *period)
{
    uint64_t *periods = context;
    *periods += period->stored.e18 > 0;
    return 0;
}

static int on_subscription(void *context, const struct mtr_subscription *subscription, uint32_t done,
                           uint32_t total)
{
    (void)context;
    (void)subscription;
    (void)done;
    (void)total;
    return 0;
}

/* Allocations of a what-if over the first months. */
static uint64_t what_if_over(struct rating_world *stage, int months)
{
    struct mtr_what_if_options options = {.stored = stage->catalog,
                                          .draft = stage->catalog,
                                          .tariff = MTR_STR("standard"),
                                          .grace_us = MTR_US_PER_HOUR,
                                          .memory_bytes_max = 64 << 20};
    uint64_t periods = 0;
    const struct mtr_what_if_hooks hooks = {on_period, on_subscription, &periods};
    options.to.time_us = JANUARY_US + (int64_t)months * 30 * MTR_US_PER_DAY;
    const uint64_t before = allocations;
    struct mtr_diagnostic diagnostic;
    assert_int_equal(mtr_what_if(stage->rollups, stage->charges, &options, &hooks, &diagnostic), 0);
    const uint64_t count = allocations - before;
    assert_int_equal(periods, months);
    return count;
}

static void periods_allocate_nothing(void **state)
{
    struct rating_world stage;
    (void)state;
    rating_open(&stage, JANUARY_US);
    rating_apply(&stage, "vendors: [{key: acme}]\n"
                         "services: [{key: compute, vendor: acme}]\n"
                         "meters:\n"
                         "  - {key: calls, service: compute, event_type: call, aggregation: count}\n"
                         "  - {key: disk, service: compute, event_type: disk, value: gib, group_by: [region]}\n"
                         "tariffs:\n"
                         "  - key: standard\n"
                         "    currency: EUR\n"
                         "    versions:\n"
                         "      - from: 2026-01-01\n"
                         "        components:\n"
                         "          - {key: calls, meter: calls, graduated: [{up_to: 10, unit: '0.50'}, {unit: '0.40'}], minimum: '1'}\n"
                         "          - {key: disk, meter: disk, group_by: [region], per_unit: '0.10', cap: '100'}\n"
                         "          - {key: base, recurring: {amount: '20', prorate: second}}\n"
                         "subscriptions:\n"
                         "  - {key: s1, service: compute, customer: c1, tariff: standard, zone: UTC, start: 2026-01-01}\n");
    for (int month = 0; month < MONTHS; month++) {
        rating_use(&stage, "s1", "calls", JANUARY_US + (int64_t)month * 31 * MTR_US_PER_DAY, "", "15");
        rating_use(&stage, "s1", "disk", JANUARY_US + (int64_t)month * 31 * MTR_US_PER_DAY, "eu|", "3");
        rating_use(&stage, "s1", "disk", JANUARY_US + (int64_t)month * 31 * MTR_US_PER_DAY, "us|", "4");
    }
    rating_advance_to(&stage, JANUARY_US + (int64_t)MONTHS * 31 * MTR_US_PER_DAY);
    rating_drain(&stage);
    assert_int_equal(what_if_over(&stage, 1), what_if_over(&stage, MONTHS));
    rating_close(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_counter_counts),
        cmocka_unit_test(a_price_allocates_nothing),
        cmocka_unit_test(periods_allocate_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
