/*
 * The answer to a request of events: never longer than what the intake has made room for before the commit, so
 * that who is stored is told.
 */
#include "meterd/collector/request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "tests/support/random.h"

enum { ROUNDS = 3000, EVENTS_MAX = 12, TEXT_BYTES_MAX = 40, KEYS_MAX = MTR_NOT_COUNTED_MAX };

static struct mtr_str text_of_anything(struct random_source *random, char text[TEXT_BYTES_MAX])
{
    static const char bytes[] = "ab\"\\\n\x01\xc3\xa4\xff\x7f";
    const size_t size = random_below(random, TEXT_BYTES_MAX);
    for (size_t i = 0; i < size; i++) text[i] = bytes[random_below(random, sizeof(bytes) - 1)];
    return (struct mtr_str){text, size};
}

/* A result of its code, with all that one may have, at their longest. */
static void fill(struct random_source *random, struct mtr_event_result *result, struct mtr_str *keys)
{
    static char texts[KEYS_MAX][TEXT_BYTES_MAX];
    const bool has_reason = random_below(random, 2);
    *result = (struct mtr_event_result){.code = (enum mtr_result_code)random_below(random, MTR_RESULT_COUNT),
                                        .seq = random_below(random, 2) ? UINT64_MAX : 0,
                                        .field = random_below(random, 2) ? "data.\"\"\"\"\"\"\"\"" : NULL};
    result->reason = has_reason ? "\"\"\"\"\x02\x02\x02 is none" : NULL;
    if (has_reason) result->finding = (enum mtr_finding_code)(1 + random_below(random, MTR_FINDING_CODE_COUNT - 1));
    result->not_counted = (struct mtr_list){keys, random_below(random, 2) ? (uint32_t)random_below(random, KEYS_MAX + 1) : 0};
    for (uint32_t i = 0; i < result->not_counted.count; i++) keys[i] = text_of_anything(random, texts[i]);
}

static void test_an_answer_has_room(void **state)
{
    (void)state;
    const char *given = getenv("METERD_SEED");
    const uint64_t seed = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
    printf("METERD_SEED=%llu\n", (unsigned long long)seed);
    struct random_source random = {seed};
    for (int round = 0; round < ROUNDS; round++) {
        struct mtr_event events[EVENTS_MAX];
        struct mtr_event_result results[EVENTS_MAX];
        struct mtr_str keys[EVENTS_MAX][KEYS_MAX];
        char texts[EVENTS_MAX + 1][TEXT_BYTES_MAX];
        struct mtr_request request = {.events = events, .results = results};
        struct mtr_buffer written;
        memset(events, 0, sizeof(events));
        request.count = (uint32_t)random_below(&random, EVENTS_MAX + 1);
        request.is_dry_run = random_below(&random, 2);
        request.vendor = text_of_anything(&random, texts[EVENTS_MAX]);
        for (uint32_t i = 0; i < request.count; i++) {
            events[i].id = text_of_anything(&random, texts[i]);
            fill(&random, &results[i], keys[i]);
        }
        for (int code = 0; code < MTR_RESULT_COUNT; code++) request.counts[code] = UINT32_MAX;
        mtr_buffer_init(&written, SIZE_MAX);
        assert_int_equal(mtr_request_write_json(&request, &written), MTR_OK);
        assert_in_range(written.size, 1, mtr_request_answer_bytes(&request));
        mtr_buffer_release(&written);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_an_answer_has_room)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
