/*
 * How often a vendor is asked: waits that it names, backoff, rates, halving, breakers. Tables, and laws over
 * random histories: never more than was agreed in any span, and whoever is told a time may enter then.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "collector/source/limits/backoff.h"
#include "collector/source/limits/breaker.h"
#include "collector/source/limits/gate.h"
#include "collector/source/limits/retry_after.h"
#include "tests/support/random.h"

#define S INT64_C(1000000)
#define NOW (INT64_C(784111777) * S) /* Sun, 06 Nov 1994 08:49:37 GMT */

enum { HISTORIES = 40, STARTS_MAX = 4000 };

static uint64_t seed(void)
{
    const char *given = getenv("METERD_SEED");
    const uint64_t value = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
    printf("METERD_SEED=%llu\n", (unsigned long long)value);
    return value;
}

static void reads_when_to_come_again(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        int64_t wait_us; /* -1: none of these */
    } rows[] = {
        {"0", 0},
        {"120", 120 * S},
        {"1.5", 1500000},
        {"0.0000019", 1},
        {"86400", 86400 * S},
        {"86401", 86400 * S},
        {"999999999", 86400 * S},
        {"784111777", 86400 * S}, /* seconds: an instant has ten digits */
        {"1784112000", 86400 * S},
        {"18446744073709551615", 86400 * S},
        {"18446744073709551616", -1},
        {"Sun, 06 Nov 1994 08:49:37 GMT", 0},
        {"Sun, 06 Nov 1994 08:50:37 GMT", 60 * S},
        {"Sun, 06 Nov 1994 08:49:36 GMT", 0},
        {"Sunday, 06-Nov-94 08:50:37 GMT", 60 * S},
        {"Sun Nov  6 08:50:37 1994", 60 * S},
        {"Sun Nov 06 08:50:37 1994", 60 * S},
        {"Mon, 07 Nov 1994 08:49:37 GMT", 86400 * S},
        {"Tue, 08 Nov 1994 08:49:37 GMT", 86400 * S},
        {"Sun, 06 Nov 1994 08:59:60 GMT", 622 * S},
        {"Fri, 31 Dec 9999 23:59:59 GMT", 86400 * S},
        {"Thu, 31 Nov 1994 08:49:37 GMT", -1},
        {"Sun, 06 Nov 1994 24:00:00 GMT", -1},
        {"Sun, 06 Nov 1994 08:49:37 UTC", -1},
        {"Sun, 06 Nov 1994 08:49:37 GMT ", -1},
        {"Sun, 6 Nov 1994 08:49:37 GMT", -1},
        {"Sun, 06 nov 1994 08:49:37 GMT", -1},
        {"Sun, 06 Nov 94 08:49:37 GMT", -1},
        {"Sun, 06 Nov 1969 08:49:37 GMT", -1},
        {"", -1},
        {" 1", -1},
        {"-1", -1},
        {"+1", -1},
        {"1.", -1},
        {".5", -1},
        {"1s", -1},
        {"1e3", -1},
        {"soon", -1},
        {"Sun,", -1},
        {"0.W Jul 04 10:44:00 2000", -1},
        {"Sun ", -1},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t wait_us = -1;
        const bool is_known = retry_after_parse(mtr_str_from(rows[i].value), NOW, &wait_us);
        if ((is_known ? wait_us : -1) != rows[i].wait_us) fail_msg("\"%s\": %lld", rows[i].value, (long long)wait_us);
    }
}

static void reads_instants(void **state)
{
    (void)state;
    int64_t at_us;
    assert_true(http_date_parse(MTR_STR("Saturday, 01-Jan-70 00:00:00 GMT"), &at_us));
    assert_int_equal(at_us, 0);
    assert_true(http_date_parse(MTR_STR("Friday, 01-Jan-38 00:00:00 GMT"), &at_us));
    assert_int_equal(at_us, INT64_C(2145916800) * S);
    assert_true(retry_after_parse(MTR_STR("1784112005"), INT64_C(1784112000) * S, &at_us));
    assert_int_equal(at_us, 5 * S);
    assert_true(retry_after_parse(MTR_STR("1784112005999"), INT64_C(1784112000) * S, &at_us));
    assert_int_equal(at_us, 5 * S);
}

static void takes_the_longest_of_named_headers(void **state)
{
    (void)state;
    static const struct mtr_str names[] = {{"x-ms-ratelimit-retry-after", 26}, {"Retry-After", 11}, {"x", 1}};
    struct mtr_http_answer answer;
    mtr_http_answer_init(&answer);
    assert_int_equal(retry_after_of(&answer, NULL, 0, NOW), 0);
    assert_int_equal(mtr_buffer_append_str(&answer.headers, MTR_STR("retry-after: 5\r\nX-MS-RateLimit-Retry-After: 17\r\nx: y\r\n")), 0);
    assert_int_equal(retry_after_of(&answer, NULL, 0, NOW), 5 * S);
    assert_int_equal(retry_after_of(&answer, names, 3, NOW), 17 * S);
    assert_int_equal(retry_after_of(&answer, names + 2, 1, NOW), 0);
    mtr_http_answer_release(&answer);
}

/* The table is the law: who changes the jitter changes what a restart does. */
static void backs_off_by_hash(void **state)
{
    (void)state;
    static const int64_t wanted[] = {997232, 480638, 3263226, 1706010, 2302044};
    for (uint32_t tries = 1; tries <= 5; tries++) {
        const int64_t wait_us = backoff_us(7, tries, 2 * S, 60 * S), span = 2 * S << (tries - 1);
        assert_in_range(wait_us, (span + 15) / 16, span);
        assert_int_equal(wait_us, wanted[tries - 1]);
    }
    struct random_source random = {seed()};
    for (int i = 0; i < 10000; i++) {
        const int64_t first = 1 + (int64_t)random_below(&random, 1000 * S), most = first + (int64_t)random_below(&random, 1000 * S);
        const uint32_t tries = 1 + (uint32_t)random_below(&random, UINT32_MAX);
        const uint64_t one = random_u64(&random);
        const int64_t wait_us = backoff_us(one, tries, first, most);
        assert_in_range(wait_us, 1, most);
        assert_int_equal(wait_us, backoff_us(one, tries, first, most));
    }
    /* Spread: of a thousand seeds a tenth of the span holds about a hundred. */
    unsigned tenths[10] = {0};
    for (uint64_t one = 0; one < 1000; one++) tenths[(backoff_us(one * 977, 1, 1600, 1600) - 100) * 10 / 1501]++;
    for (int i = 0; i < 10; i++) assert_in_range(tenths[i], 50, 160);
}

struct rates {
    struct mtr_source_limits limits[3];
    unsigned count;
};

static struct rates random_rates(struct random_source *random)
{
    struct rates rates = {.count = 1 + (unsigned)random_below(random, 3)};
    for (unsigned i = 0; i < rates.count; i++) {
        struct mtr_source_limits *limits = &rates.limits[i];
        if (random_below(random, 4)) limits->rate_count = 1 + (uint32_t)random_below(random, random_below(random, 5) ? 12 : 3000);
        limits->rate_per_us = (int64_t)(1 + random_below(random, 10)) * (random_below(random, 2) ? S : S / 10);
        if (!random_below(random, 3)) limits->daily = 1 + random_below(random, 2000);
        if (random_below(random, 2)) limits->concurrency = 1 + (uint32_t)random_below(random, 5);
    }
    return rates;
}

static void check_starts(const struct rates *rates, const int64_t *starts, unsigned count)
{
    for (unsigned r = 0; r < rates->count; r++) {
        const struct mtr_source_limits *limits = &rates->limits[r];
        for (unsigned i = 0; limits->rate_count && i + limits->rate_count < count; i++)
            if (starts[i + limits->rate_count] - starts[i] < limits->rate_per_us)
                fail_msg("%u requests in %lld us, %u are allowed in %lld", limits->rate_count + 1,
                         (long long)(starts[i + limits->rate_count] - starts[i]), limits->rate_count, (long long)limits->rate_per_us);
        for (unsigned i = 0; limits->daily && i + limits->daily < count; i++)
            assert_true(starts[i + limits->daily] / (86400 * S) != starts[i] / (86400 * S));
    }
}

static uint32_t least_concurrency(const struct rates *rates)
{
    uint32_t least = UINT32_MAX;
    for (unsigned r = 0; r < rates->count; r++)
        if (rates->limits[r].concurrency && rates->limits[r].concurrency < least) least = rates->limits[r].concurrency;
    return least;
}

static void run_history(struct random_source *random)
{
    static int64_t starts[STARTS_MAX];
    const struct rates rates = random_rates(random);
    const bool is_refused = random_below(random, 2);
    int64_t inside[64];
    unsigned inside_count = 0, count = 0;
    int64_t now_us = NOW, again_us;
    struct gate gate;
    gate_init(&gate, random_u64(random));
    for (unsigned r = 0; r < rates.count; r++) assert_int_equal(gate_agree(&gate, &rates.limits[r]), 0);
    for (int i = 0; i < 20000 && count < STARTS_MAX; i++) {
        if (random_below(random, 3) == 0) now_us += (int64_t)random_below(random, random_below(random, 50) ? S / 4 : 4000 * S);
        if (inside_count && random_below(random, 2)) {
            const unsigned place = (unsigned)random_below(random, inside_count);
            const bool slow = is_refused && random_below(random, 20) == 0;
            gate_leave(&gate, inside[place], slow ? SOURCE_SLOW : SOURCE_FINE, slow ? (int64_t)random_below(random, 3 * S) : 0, now_us);
            inside[place] = inside[--inside_count];
        } else if (inside_count < 64 && gate_enter(&gate, now_us, &again_us)) {
            starts[count++] = now_us;
            inside[inside_count++] = now_us;
            assert_true(inside_count <= least_concurrency(&rates));
        } else if (inside_count < 64 && again_us != GATE_WHEN_LEFT) {
            assert_true(again_us > now_us);
            if (random_below(random, 3)) continue;
            now_us = again_us; /* what it was told holds, unless the place is full */
            if (gate_enter(&gate, now_us, &again_us)) {
                starts[count++] = now_us;
                inside[inside_count++] = now_us;
            } else {
                assert_true(again_us == GATE_WHEN_LEFT);
            }
        }
    }
    check_starts(&rates, starts, count);
    assert_true(count > 0);
    gate_release(&gate);
}

static void never_asks_more_than_agreed(void **state)
{
    (void)state;
    struct random_source random = {seed()};
    for (int i = 0; i < HISTORIES; i++) run_history(&random);
}

static void halves_after_429(void **state)
{
    (void)state;
    const struct mtr_source_limits limits = {.rate_count = 8, .rate_per_us = S, .concurrency = 4};
    struct gate gate;
    int64_t again_us;
    gate_init(&gate, 1);
    assert_int_equal(gate_agree(&gate, &limits), 0);
    for (int i = 0; i < 3; i++) assert_true(gate_enter(&gate, 10 * S, &again_us));
    /* Three that were under way together halve it once; the vendor's word closes it. */
    for (int i = 0; i < 3; i++) gate_leave(&gate, 10 * S, SOURCE_SLOW, 5 * S, 11 * S);
    assert_int_equal(gate.slower, 1);
    assert_false(gate_enter(&gate, 12 * S, &again_us));
    assert_int_equal(again_us, 16 * S);
    assert_true(gate_is_closed_by_vendor(&gate, again_us));
    for (int i = 0; i < 4; i++) { /* 4 in a second, 2 at a time */
        assert_true(gate_enter(&gate, 16 * S, &again_us));
        if (i % 2) for (int j = 0; j < 2; j++) gate_leave(&gate, 16 * S, SOURCE_FINE, 0, 16 * S);
    }
    assert_false(gate_enter(&gate, 16 * S, &again_us));
    assert_int_equal(again_us, 17 * S);
    assert_true(gate_enter(&gate, 17 * S, &again_us));
    gate_leave(&gate, 17 * S, SOURCE_SLOW, 0, 17 * S); /* without a word of the vendor: a wait of our own */
    assert_int_equal(gate.slower, 2);
    assert_false(gate_enter(&gate, 17 * S, &again_us));
    assert_in_range(again_us, 17 * S + 1, 600 * S);
    assert_false(gate_is_closed_by_vendor(&gate, again_us));
    assert_true(gate_enter(&gate, 17 * S + GATE_CALM_US, &again_us));
    assert_int_equal(gate.slower, 1);
    gate_leave(&gate, 17 * S + GATE_CALM_US, SOURCE_FINE, 0, 17 * S + GATE_CALM_US);
    assert_true(gate_enter(&gate, 17 * S + 2 * GATE_CALM_US, &again_us));
    assert_int_equal(gate.slower, 0);
    gate_release(&gate);
}

static void believes_who_refuses(void **state)
{
    (void)state;
    static const struct {
        enum source_failure failure;
        bool closes;
    } rows[] = {{SOURCE_FINE, false}, {SOURCE_SLOW, true}, {SOURCE_RETRY, true}, {SOURCE_REFUSED, false}, {SOURCE_RENEW, false}, {SOURCE_STOPPED, false}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct gate gate;
        int64_t again_us = 0;
        gate_init(&gate, 1);
        assert_true(gate_enter(&gate, 0, &again_us));
        gate_leave(&gate, 0, rows[i].failure, 30 * S, S); /* 202 and Retry-After: of one job, not of the vendor */
        assert_int_equal(gate_enter(&gate, 2 * S, &again_us), !rows[i].closes);
        if (rows[i].closes) assert_int_equal(again_us, 31 * S);
        gate_release(&gate);
    }
}

static void agrees_anew(void **state)
{
    (void)state;
    struct gate gate;
    int64_t again_us = 0;
    const struct mtr_source_limits strict = {.rate_count = 2, .rate_per_us = S, .daily = 3}, loose = {.rate_count = 4, .rate_per_us = S};
    gate_init(&gate, 1);
    assert_int_equal(gate_agree(&gate, &loose), 0);
    assert_int_equal(gate_agree(&gate, &strict), 0);
    assert_int_equal(gate_agree(&gate, &loose), 0);
    for (int i = 0; i < 2; i++) assert_true(gate_enter(&gate, 0, &again_us));
    assert_false(gate_enter(&gate, 0, &again_us));
    assert_int_equal(again_us, S);
    gate_loosen(&gate);
    assert_int_equal(gate_agree(&gate, &loose), 0);
    for (int i = 0; i < 2; i++) assert_true(gate_enter(&gate, 0, &again_us)); /* the first two are not forgotten */
    assert_false(gate_enter(&gate, 0, &again_us));
    assert_int_equal(gate_agree(&gate, &strict), 0);
    assert_false(gate_enter(&gate, S, &again_us)); /* the day's three are used up */
    assert_int_equal(again_us, 86400 * S);
    /* More spans than there are places: the last is the strictest of both. */
    for (int i = 2; i < 8; i++) assert_int_equal(gate_agree(&gate, &(struct mtr_source_limits){.rate_count = 100 - (uint32_t)i, .rate_per_us = i * S}), 0);
    assert_int_equal(gate.rates[GATE_SPANS_MAX - 1].count, 93);
    assert_int_equal(gate.rates[GATE_SPANS_MAX - 1].per_us, 7 * S);
    gate_release(&gate);
}

static void a_breaker_leaves_a_host_alone(void **state)
{
    (void)state;
    struct breaker breaker;
    int64_t again_us = 0, now_us = S;
    breaker_init(&breaker, 3);
    for (int round = 0; round < 2; round++) { /* four failures and an answer are nothing */
        for (int i = 0; i < BREAKER_FAILURES_MAX - 1; i++) {
            assert_true(breaker_enter(&breaker, now_us, &again_us));
            breaker_leave(&breaker, SOURCE_RETRY, now_us);
        }
        assert_true(breaker_enter(&breaker, now_us, &again_us));
        breaker_leave(&breaker, round ? SOURCE_SLOW : SOURCE_FINE, now_us);
    }
    for (int i = 0; i < BREAKER_FAILURES_MAX + 3; i++) breaker_leave(&breaker, SOURCE_RETRY, now_us);
    assert_int_equal(breaker.openings, 1); /* those that were under way change nothing */
    int64_t waits[8];
    for (int i = 0; i < 8; i++) {
        assert_false(breaker_enter(&breaker, now_us, &again_us));
        waits[i] = again_us - now_us;
        assert_in_range(waits[i], BREAKER_FIRST_US / 16, BREAKER_MOST_US);
        now_us = again_us;
        assert_true(breaker_enter(&breaker, now_us, &again_us)); /* the probe, and nobody beside it */
        assert_false(breaker_enter(&breaker, now_us, &again_us));
        assert_true(again_us == INT64_MAX);
        if (i == 3) {
            breaker_leave(&breaker, SOURCE_STOPPED, now_us); /* a probe that was cancelled */
            assert_true(breaker_enter(&breaker, now_us, &again_us));
        }
        breaker_leave(&breaker, i == 7 ? SOURCE_REFUSED : SOURCE_DISTRUST, now_us);
    }
    assert_true(waits[7] > waits[0]);
    assert_true(breaker_enter(&breaker, now_us, &again_us) && breaker_enter(&breaker, now_us, &again_us));
}

static void says_what_an_answer_means(void **state)
{
    (void)state;
    static const struct {
        int error;
        unsigned status;
        enum source_failure failure;
        const char *words;
    } rows[] = {
        {0, 200, SOURCE_FINE, ""},       {0, 204, SOURCE_FINE, ""},       {0, 202, SOURCE_FINE, ""},
        {0, 301, SOURCE_REFUSED, "a redirect to https://b.example/x, and none is followed: if it is right, put it into base_url"},
        {0, 304, SOURCE_REFUSED, "304"}, {0, 400, SOURCE_REFUSED, "400 Bad Request"},
        {0, 401, SOURCE_RENEW, "401 Unauthorized: it does not take the credentials"},
        {0, 403, SOURCE_DENIED, "may not do this"}, {0, 404, SOURCE_REFUSED, "check path and base_url"},
        {0, 408, SOURCE_RETRY, "408"},   {0, 410, SOURCE_REFUSED, "410"}, {0, 425, SOURCE_RETRY, "425"},
        {0, 429, SOURCE_SLOW, "less often"}, {0, 500, SOURCE_RETRY, "500"}, {0, 503, SOURCE_RETRY, "503"},
        {0, 599, SOURCE_RETRY, "599"},   {MTR_EIO, 200, SOURCE_RETRY, "because"}, {MTR_ETIMEDOUT, 0, SOURCE_RETRY, "because"},
        {MTR_EUNREACHABLE, 0, SOURCE_RETRY, "because"}, {MTR_ECORRUPT, 200, SOURCE_RETRY, "because"},
        {MTR_EDENIED, 0, SOURCE_DISTRUST, "because"}, {MTR_EINVALID, 0, SOURCE_REFUSED, "because"}, {MTR_EVERSION, 200, SOURCE_REFUSED, "because"},
        {MTR_ELIMIT, 200, SOURCE_LARGE, "because: raise answer.bytes_max"}, {MTR_ECLOSED, 0, SOURCE_STOPPED, ""},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct mtr_http_answer answer;
        char text[SOURCE_FAILURE_BYTES];
        mtr_http_answer_init(&answer);
        answer.error = rows[i].error;
        answer.status = rows[i].status;
        snprintf(answer.reason, sizeof(answer.reason), "because");
        assert_int_equal(mtr_buffer_append_str(&answer.headers, MTR_STR("Location: https://b.example/x?token=s3cret\r\n")), 0);
        const enum source_failure failure = source_failure_of(&answer, text);
        if (failure != rows[i].failure || !strstr(text, rows[i].words) || strstr(text, "s3cret") || (!*rows[i].words && *text))
            fail_msg("%d %u: %d, \"%s\"", rows[i].error, rows[i].status, (int)failure, text);
        mtr_http_answer_release(&answer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_when_to_come_again),
        cmocka_unit_test(reads_instants),
        cmocka_unit_test(takes_the_longest_of_named_headers),
        cmocka_unit_test(backs_off_by_hash),
        cmocka_unit_test(never_asks_more_than_agreed),
        cmocka_unit_test(halves_after_429),
        cmocka_unit_test(believes_who_refuses),
        cmocka_unit_test(agrees_anew),
        cmocka_unit_test(a_breaker_leaves_a_host_alone),
        cmocka_unit_test(says_what_an_answer_means),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
