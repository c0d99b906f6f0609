/*
 * Vendors whose answers are not what was asked for: whole days for hours, hours around a window, days of another zone,
 * the other border. Windows are settled with their first reading, and are read in whatever order: each row counts once.
 */
#include "tests/support/random.h"
#include "tests/support/source/poller_world.h"

static const char SOURCE[] = "sources:\n"
                             "  - key: usage\n"
                             "    vendor: acme\n"
                             "    base_url: http://127.0.0.1:1\n"
                             "    schedule: {every: 1h}\n"
                             "    window: {length: 6h, start: '%s'%s}\n"
                             "    auth: none\n"
                             "    request: {path: /usage, unit: 1s, query: {from: '{from:unix}', to: '{to:unix}'}}\n"
                             "    format: {csv: {delimiter: ';'}}\n"
                             "    identity: {id: Id}\n"
                             "    guard: {shrink: 100%%, jump: 0}\n"
                             "    map: {type: =cpu, subject: Account, time: {path: At, format: unix_s}, data: {seconds: Amount}}\n";

enum { HOUR_S = 3600, DAY_S = 24 * HOUR_S, HOURS = 60, WINDOW_HOURS = 6 };

struct way {
    const char *name;
    int64_t unit_s;            /* the range is rounded to these, outwards */
    int64_t before_s, after_s; /* and wider by so much at each end; negative: narrower */
    bool is_other_border;      /* (from, to] */
    bool is_inclusive;         /* [from, to] */
};
static const struct way ways[] = {
    {"exact", 1, 0, 0, false, false},
    {"both borders", 1, 0, 0, false, true},
    {"the other border", 1, 0, 0, true, false},
    {"whole days", DAY_S, 0, 0, false, false},
    {"whole days with both borders", DAY_S, 0, 0, false, true},
    {"hours around it", 1, 2 * HOUR_S, HOUR_S, false, false},
    {"more than a window around it", 1, 13 * HOUR_S, 9 * HOUR_S, false, true},
    {"another zone", 1, 3 * HOUR_S, -3 * HOUR_S, false, false},
    {"another zone and the other border", 1, 3 * HOUR_S, -3 * HOUR_S, true, false},
    {"all there is", 1, 1000 * HOUR_S, 1000 * HOUR_S, false, false},
};

struct vendor {
    const struct way *way;
    int64_t begin_s;    /* a row each hour from then on, on the hour */
    int amounts[HOURS]; /* 0: it is not there */
    uint32_t asked;
};

static void answer(void *context, const char *url, struct vendor_reply *reply)
{
    struct vendor *vendor = context;
    const struct way *way = vendor->way;
    int64_t from_s = url_parameter(url, "from="), to_s = url_parameter(url, "to=");
    from_s = from_s / way->unit_s * way->unit_s - way->before_s;
    to_s = (to_s + way->unit_s - 1) / way->unit_s * way->unit_s + way->after_s;
    vendor->asked++;
    int rc = mtr_buffer_printf(reply->body, "Id;Account;At;Amount\n");
    for (int i = 0; !rc && i < HOURS; i++) {
        const int64_t at_s = vendor->begin_s + i * HOUR_S;
        const bool is_behind = way->is_other_border ? at_s > from_s : at_s >= from_s;
        const bool is_before = way->is_other_border || way->is_inclusive ? at_s <= to_s : at_s < to_s;
        if (vendor->amounts[i] && is_behind && is_before)
            rc = mtr_buffer_printf(reply->body, "r%02d;sub-1;%lld;%d\n", i, (long long)at_s, vendor->amounts[i]);
    }
    assert_int_equal(rc, 0);
}

static void apply_from(struct poller_world *w, int64_t start_s, const char *more)
{
    char text[2000], start[MTR_TIME_TEXT_BYTES];
    mtr_time_format(start_s * MTR_US_PER_SECOND, start);
    snprintf(text, sizeof(text), SOURCE, start, more);
    apply(w->world, text);
}

enum order { ASCENDING, NEWEST_FIRST, DESCENDING, ORDERS };

/* Every hour from the second day's begin on has been in the answer for some window; a restatement comes between. */
static void read_all(struct poller_world *w, struct vendor *vendor, enum order order, const char *more, bool restates)
{
    const int64_t end_s = vendor->begin_s + HOURS * HOUR_S;
    if (order == ASCENDING) {
        w->world->now_us = vendor->begin_s * MTR_US_PER_SECOND;
        apply_from(w, vendor->begin_s, more);
        for (int64_t at_s = vendor->begin_s; at_s <= end_s + DAY_S; at_s += WINDOW_HOURS * HOUR_S / 2) {
            poller_world_at(w, at_s * MTR_US_PER_SECOND);
            const int64_t hours = (at_s - vendor->begin_s) / HOUR_S;
            if (restates && hours == 30) vendor->amounts[21] = 9;
            if (more[0] && hours >= 33 && hours <= 36) vendor->amounts[29] = hours == 33 ? 0 : 5;
        }
        return;
    }
    w->world->now_us = (end_s + DAY_S) * MTR_US_PER_SECOND;
    for (int64_t start_s = order == DESCENDING ? end_s : vendor->begin_s; start_s >= vendor->begin_s; start_s -= WINDOW_HOURS * HOUR_S) {
        if (restates && start_s == vendor->begin_s + 12 * HOUR_S) vendor->amounts[41] = 9;
        apply_from(w, start_s, more);
        poller_world_at(w, w->world->now_us + HOUR_S * MTR_US_PER_SECOND);
    }
}

/* Ids of what counts; an amount of a settled window is that of before, or the other. */
static void check(struct poller_world *w, const struct vendor *vendor, enum order order)
{
    static char text[20000], expected[20000];
    char *to = text;
    expected[0] = '\0';
    for (int i = 0; i < HOURS; i++)
        if (vendor->amounts[i]) snprintf(expected + strlen(expected), sizeof(expected) - strlen(expected), "r%02d ", i);
    counted_rows(w, "usage", text, sizeof(text));
    for (char *at = text; *at; at++) {
        while (*at == '=') at += strcspn(at, " ");
        *to++ = *at;
    }
    *to = '\0';
    if (strcmp(text, expected) != 0) fail_msg("%s, order %d:\n%s\nnot\n%s", vendor->way->name, (int)order, text, expected);
}

static void run_way(const struct way *way, enum order order, const char *more, bool restates)
{
    struct poller_world *w = new_poller_world();
    struct vendor vendor = {.way = way, .begin_s = instant("2026-03-02T00:00:00Z") / MTR_US_PER_SECOND};
    for (int i = 4; i < HOURS - 8; i++) vendor.amounts[i] = i % 5 ? 1 + i % 3 : 0;
    w->answer = answer;
    w->context = &vendor;
    w->events_max = 500;
    poller_world_crash(w, false);
    read_all(w, &vendor, order, more, restates);
    check(w, &vendor, order);
    poller_world_crash(w, true); /* the ledger is folded again */
    poller_world_at(w, w->world->now_us + 12 * HOUR_S * MTR_US_PER_SECOND);
    check(w, &vendor, order);
    free_poller_world(w);
}

static void test_each_row_counts_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
        for (int order = 0; order < ORDERS; order++)
            for (int restates = 0; restates < 2; restates++) run_way(&ways[i], (enum order)order, "", restates);
}

/* Of windows that are read again for a while, some are settled and others are not. */
static void test_beside_windows_that_are_read_again(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
        for (int order = 0; order < ORDERS; order++) run_way(&ways[i], (enum order)order, ", rereads: [7h, 13h]", false);
}

/* Rows that come and go: none counts twice, and one that was still seen in its own window is as it was published. */
static void come_and_go(const struct way *way, uint64_t seed)
{
    static char text[20000];
    struct poller_world *w = new_poller_world();
    struct random_source random = {.state = seed};
    struct vendor vendor = {.way = way, .begin_s = instant("2026-03-02T00:00:00Z") / MTR_US_PER_SECOND};
    int64_t changed_s[HOURS] = {0};
    for (int i = 4; i < HOURS - 8; i++) vendor.amounts[i] = 1;
    w->answer = answer;
    w->context = &vendor;
    w->world->now_us = vendor.begin_s * MTR_US_PER_SECOND;
    apply_from(w, vendor.begin_s, ", rereads: [7h, 13h]");
    for (int64_t at_s = vendor.begin_s; at_s <= vendor.begin_s + HOURS * HOUR_S + DAY_S; at_s += HOUR_S) {
        poller_world_at(w, at_s * MTR_US_PER_SECOND);
        if (at_s > vendor.begin_s + (HOURS - 2) * HOUR_S) continue;
        for (int i = 5; i < HOURS - 8; i += 4) {
            if (random_below(&random, 4)) continue;
            vendor.amounts[i] = vendor.amounts[i] ? 0 : 2 + (int)random_below(&random, 3);
            changed_s[i] = at_s;
        }
    }
    counted_rows(w, "usage", text, sizeof(text));
    for (int i = 4; i < HOURS - 8; i++) {
        char id[16];
        int count = 0;
        const int64_t of_s = way->after_s < 0 ? i * HOUR_S + way->before_s - way->is_other_border : i * HOUR_S; /* the only answer that has it */
        const int64_t end_s = vendor.begin_s + (of_s / (WINDOW_HOURS * HOUR_S) + 1) * WINDOW_HOURS * HOUR_S;
        snprintf(id, sizeof(id), "r%02d=", i);
        for (const char *at = text; (at = strstr(at, id)) != NULL; at++) count++;
        const bool is_seen = changed_s[i] < end_s + 13 * HOUR_S;
        if (count > 1 || (is_seen && count != (vendor.amounts[i] != 0)))
            fail_msg("%s, seed %d: %s%d stands %d times:\n%s", way->name, (int)seed, id, vendor.amounts[i], count, text);
    }
    free_poller_world(w);
}

static void test_rows_that_come_and_go(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
        for (uint64_t seed = 1; seed <= 5; seed++) come_and_go(&ways[i], seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_row_counts_once),
        cmocka_unit_test(test_beside_windows_that_are_read_again),
        cmocka_unit_test(test_rows_that_come_and_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
