/*
 * How many lines one key or one address may cause, and from where a key is new; and the queue that waits for a
 * disk.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/api/api.h"
#include "daemon/security/addresses.h"
#include "daemon/security/limits.h"
#include "daemon/security/security_log.h"
#include "meterd/store/trail.h"
#include "tests/support/directory.h"

#define SECOND_US INT64_C(1000000)
enum { LINES = 10 }; /* of refusals, a minute */

static struct api_security_event event_of(enum api_security_kind kind, const char *key, const char *address)
{
    struct api_security_event event = {.kind = kind};
    snprintf(event.key, sizeof(event.key), "%s", key);
    snprintf(event.address, sizeof(event.address), "%s", address);
    return event;
}

static struct security_limits *open_limits(void)
{
    struct security_limits *limits;
    assert_int_equal(security_limits_open(&limits), MTR_OK);
    return limits;
}

/* Of so many calls at that time, how many are lines. */
static int take(struct security_limits *limits, const struct api_security_event *event, int calls, int64_t now_us)
{
    int lines = 0;
    while (calls--) lines += security_limits_take(limits, event, now_us);
    return lines;
}

static void test_a_minute(void **state)
{
    (void)state;
    struct security_limits *limits = open_limits();
    struct api_security_event counted;
    const struct api_security_event bad = event_of(API_SECURITY_AUTHENTICATION_FAILED, "", "192.0.2.1");
    assert_int_equal(take(limits, &bad, 10000, SECOND_US), LINES);
    assert_false(security_limits_next(limits, 60 * SECOND_US, false, &counted)); /* it is not over */
    assert_true(security_limits_next(limits, 61 * SECOND_US, false, &counted));
    assert_int_equal(counted.count, 10000 - LINES);
    assert_string_equal(counted.address, "192.0.2.1");
    assert_false(security_limits_next(limits, 61 * SECOND_US, true, &counted)); /* told once */
    /* The next minute has lines again; and where nothing was counted it begins anew. */
    assert_int_equal(take(limits, &bad, LINES, 62 * SECOND_US), LINES);
    assert_int_equal(take(limits, &bad, LINES, 123 * SECOND_US), LINES);
    assert_int_equal(take(limits, &bad, 1, 130 * SECOND_US), 0);
    /* What is late is not lost: a minute that nobody looked at goes on. */
    assert_int_equal(take(limits, &bad, 1, 1000 * SECOND_US), 0);
    assert_true(security_limits_next(limits, 1000 * SECOND_US, false, &counted));
    assert_int_equal(counted.count, 2);
    assert_int_equal(take(limits, &bad, LINES + 3, 1001 * SECOND_US), LINES);
    assert_true(security_limits_next(limits, 1001 * SECOND_US, true, &counted)); /* at the end, at once */
    assert_int_equal(counted.count, 3);
    security_limits_close(limits);
}

static void test_who_is_told_apart(void **state)
{
    (void)state;
    struct security_limits *limits = open_limits();
    /* Networks of IPv6 are one; calls without a good key are the address', those with one the key's. */
    static const struct {
        enum api_security_kind kind;
        const char *key, *address;
        int lines;
    } steps[] = {
        {API_SECURITY_AUTHENTICATION_FAILED, "", "2001:db8:1:2::1", LINES},
        {API_SECURITY_AUTHENTICATION_FAILED, "", "2001:db8:1:2:ffff::9", 0},
        {API_SECURITY_AUTHENTICATION_FAILED, "", "2001:db8:1:3::1", LINES},
        {API_SECURITY_AUTHENTICATION_FAILED, "gone", "192.0.2.1", LINES},
        {API_SECURITY_AUTHENTICATION_FAILED, "other", "192.0.2.1", 0},
        {API_SECURITY_AUTHORIZATION_REFUSED, "a", "192.0.2.1", LINES},
        {API_SECURITY_AUTHORIZATION_REFUSED, "a", "192.0.2.2", 0},
        {API_SECURITY_AUTHORIZATION_REFUSED, "b", "192.0.2.1", LINES},
        {API_SECURITY_CATALOG_CHANGE, "a", "192.0.2.1", 20},
    };
    for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
        const struct api_security_event event = event_of(steps[i].kind, steps[i].key, steps[i].address);
        const int lines = take(limits, &event, 20, SECOND_US);
        if (lines != steps[i].lines) fail_msg("step %zu: %d lines", i, lines);
    }
    security_limits_close(limits);
}

/* From everywhere at once: lines have a bound, and no call is lost from the sum. */
static void test_a_flood_from_everywhere(void **state)
{
    (void)state;
    struct security_limits *limits = open_limits();
    uint64_t lines = 0, calls = 0, counted_sum = 0;
    for (int i = 0; i < 20000; i++) {
        char address[32];
        snprintf(address, sizeof(address), "10.%d.%d.%d", i % 7, i / 250 % 250, i % 250);
        const struct api_security_event event = event_of(API_SECURITY_AUTHENTICATION_FAILED, "", address);
        lines += (uint64_t)take(limits, &event, 3, SECOND_US);
        calls += 3;
    }
    assert_true(lines <= 1300);
    struct api_security_event counted;
    bool has_rest = false;
    while (security_limits_next(limits, SECOND_US, true, &counted)) {
        counted_sum += counted.count;
        has_rest = has_rest || !counted.address[0];
    }
    assert_int_equal(lines + counted_sum, calls);
    assert_true(has_rest);
    /* And a minute later there is room again. */
    const struct api_security_event one = event_of(API_SECURITY_AUTHENTICATION_FAILED, "", "192.0.2.77");
    assert_int_equal(take(limits, &one, 20, 62 * SECOND_US), LINES);
    security_limits_close(limits);
}

static void test_addresses(void **state)
{
    (void)state;
    struct security_addresses *addresses;
    assert_int_equal(security_addresses_open(&addresses), MTR_OK);
    assert_true(security_addresses_is_new(addresses, 1, "192.0.2.1"));
    assert_false(security_addresses_is_new(addresses, 1, "192.0.2.1"));
    assert_true(security_addresses_is_new(addresses, 2, "192.0.2.1"));
    assert_true(security_addresses_is_new(addresses, 1, "192.0.2.2"));
    assert_true(security_addresses_is_new(addresses, 1, "2001:db8:1:2::1"));
    assert_false(security_addresses_is_new(addresses, 1, "2001:db8:1:2:3:4:5:6"));
    assert_true(security_addresses_is_new(addresses, 1, "2001:db8:1:3::1"));
    assert_false(security_addresses_is_new(addresses, 1, "192.0.2.1"));
    for (unsigned i = 0; i < 100000; i++) { /* of a bounded memory */
        char address[32];
        snprintf(address, sizeof(address), "10.%u.%u.%u", i >> 16, i >> 8 & 255, i & 255);
        assert_true(security_addresses_is_new(addresses, 1, address));
        assert_false(security_addresses_is_new(addresses, 1, address));
    }
    security_addresses_close(addresses);
}

/* ---- the log without its thread: what waits is written at the end ---- */

struct read_back {
    uint64_t lines, dropped;
    char last[2048];
};

static int on_line(void *context, const struct mtr_trail_line *line)
{
    struct read_back *read = context;
    read->lines++;
    const char *dropped = memmem(line->text.data, line->text.size, "\"dropped\":", 10);
    if (dropped) read->dropped += strtoull(dropped + 10, NULL, 10);
    snprintf(read->last, sizeof(read->last), "%.*s", MTR_STR_ARGS(line->text));
    return MTR_OK;
}

static struct read_back read_log(const char *data)
{
    struct read_back read = {.lines = 0};
    char path[DIRECTORY_PATH_BYTES + 16];
    struct mtr_trail_walked walked;
    struct mtr_diagnostic diagnostic;
    const struct mtr_trail_walk walk = {.on_line = on_line, .context = &read};
    assert_int_equal(security_log_path(data, path, sizeof(path)), MTR_OK);
    assert_int_equal(mtr_trail_read(path, &walk, &walked, &diagnostic), MTR_OK);
    assert_int_equal(walked.faults, 0);
    return read;
}

static struct security_log *open_log(const char *data)
{
    struct security_log *log;
    assert_int_equal(security_log_open(data, 1 << 20, &log), MTR_OK);
    return log;
}

/* 600 keys act once each, which no limit counts: the queue holds 512, and the next line says what it lacks. */
static void test_a_full_queue(void **state)
{
    (void)state;
    char data[DIRECTORY_PATH_BYTES], key[32];
    make_temporary_in_memory(data);
    struct security_log *log = open_log(data);
    for (int i = 0; i < 600; i++) {
        snprintf(key, sizeof(key), "key-%d", i % 60);
        const struct api_security_event event = event_of(API_SECURITY_ADMIN_ACT, key, "192.0.2.1");
        security_log_record(log, &event);
    }
    security_log_close(log);
    assert_int_equal(read_log(data).lines, 512);
    assert_int_equal(read_log(data).dropped, 88);
    log = open_log(data);
    for (int i = 0; i < 513; i++) {
        snprintf(key, sizeof(key), "key-%d", i % 60);
        const struct api_security_event event = event_of(API_SECURITY_ADMIN_ACT, key, "192.0.2.1");
        security_log_record(log, &event);
    }
    assert_int_equal(security_log_start(log), MTR_OK);
    security_log_close(log);
    assert_int_equal(read_log(data).lines, 1024);
    assert_int_equal(read_log(data).dropped, 89);
    remove_tree(data);
}

static void test_a_line(void **state)
{
    (void)state;
    char data[DIRECTORY_PATH_BYTES];
    make_temporary_in_memory(data);
    struct api_security_event event = event_of(API_SECURITY_AUTHENTICATION_FAILED, "ops", "192.0.2.1");
    event.reason = API_SECURITY_RETIRED;
    event.status = 401;
    event.count = 7;
    snprintf(event.operation, sizeof(event.operation), "getUsage");
    api_security_copy(event.object, sizeof(event.object), MTR_STR("a\"b\nc\x1b[31m\xc2\x9b"));
    assert_int_equal(security_log_append(data, 1 << 20, &event), MTR_OK);
    const struct read_back read = read_log(data);
    const char *wanted = "\"kind\":\"authentication_failed\",\"key\":\"ops\",\"address\":\"192.0.2.1\",\"operation\":\"getUsage\","
                         "\"reason\":\"retired\",\"object\":\"a\\\"b c [31m  \",\"status\":401,\"count\":7,\"previous\":\"";
    if (!strstr(read.last, wanted)) fail_msg("%s", read.last);
    remove_tree(data);
}

/* Who may change something, and does, is in the log: a route has its kind in its row. */
static void test_each_route_that_changes_something(void **state)
{
    (void)state;
    for (const struct api_route *const *route = api_routes; *route; route++) {
        const bool changes = (*route)->method != MTR_HTTP_GET && ((*route)->scope & (MTR_SCOPE_ADMIN | MTR_SCOPE_BILLING));
        const bool only_asks = strcmp((*route)->operation, "price") == 0;
        if (!only_asks && changes != ((*route)->act != API_SECURITY_NONE)) fail_msg("%s", (*route)->operation);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_minute),
        cmocka_unit_test(test_who_is_told_apart),
        cmocka_unit_test(test_a_flood_from_everywhere),
        cmocka_unit_test(test_each_route_that_changes_something),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_a_full_queue),
        cmocka_unit_test(test_a_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
