/*
 * One request for each item of a list: what is asked for is what the list had when it was read last, after a restart as well,
 * and where the ledger is folded again; what leaves the list is asked for until its windows are settled.
 */
#include "tests/support/source/poller_world.h"

static const char SOURCES[] = "sources:\n"
                              "  - key: accounts\n"
                              "    vendor: acme\n"
                              "    base_url: http://127.0.0.1:1\n"
                              "    schedule: {every: 1h}\n"
                              "    window: {periods: [current]}\n"
                              "    auth: none\n"
                              "    request: {path: /accounts}\n"
                              "    format: {csv: {delimiter: ';'}}\n"
                              "    identity: {id: Id}\n"
                              "    guard: {shrink: 100%%, jump: 0}\n"
                              "    map: {type: =meterd.item, subject: Id, data: {tenant: Tenant}}\n"
                              "  - key: usage\n"
                              "    vendor: acme\n"
                              "    base_url: http://127.0.0.1:1\n"
                              "    schedule: {every: 1h}\n"
                              "    window: {length: day, start: 2026-03-09, lateness: 2h, rereads: [1d]}\n"
                              "    for_each: {rows: {of: accounts, as: account%s}}\n"
                              "    auth: none\n"
                              "    request: {path: '/usage/{each.account}', query: {day: '{from:%%Y-%%m-%%d}'}}\n"
                              "    format: {csv: {delimiter: ';'}}\n"
                              "    identity: {id: Id}\n"
                              "    guard: {shrink: 100%%, jump: 0}\n"
                              "    map: {type: =cpu, subject: Account, time: At, data: {seconds: Amount}}\n";

struct vendor {
    const char *accounts; /* a letter each */
    char moved; /* the tenant of b; 0: b */
    char asked[4000];     /* "a:09 " …: account and day of the requests for usage */
};

static void answer(void *context, const char *url, struct vendor_reply *reply)
{
    struct vendor *vendor = context;
    if (strstr(url, "/accounts")) {
        int rc = mtr_buffer_printf(reply->body, "Id;Tenant\n");
        for (const char *at = vendor->accounts; !rc && *at; at++) {
            const char tenant = *at > 'b' ? 'x' : *at == 'b' && vendor->moved ? vendor->moved : *at;
            rc = mtr_buffer_printf(reply->body, "acc-%c;t-%c\n", *at, tenant);
        }
        assert_int_equal(rc, 0);
        return;
    }
    const char *account = strstr(url, "/usage/") + strlen("/usage/"), *date = strstr(url, "day=") + strlen("day="), *day = date + strlen("2026-03-");
    const size_t size = strlen(vendor->asked);
    const char name = strncmp(account, "acc-", 4) ? account[2] : account[4];
    snprintf(vendor->asked + size, sizeof(vendor->asked) - size, "%c:%.2s ", name, day);
    assert_int_equal(mtr_buffer_printf(reply->body, "Id;Account;At;Amount\n%c%.2s;sub-1;%.10sT05:00:00Z;%d\n", name, day, date, name - 'a' + 1), 0);
}

static struct poller_world *new_world_of(struct vendor *vendor, const char *accounts, const char *take)
{
    char text[3000];
    struct poller_world *w = new_poller_world();
    *vendor = (struct vendor){.accounts = accounts};
    w->answer = answer;
    w->context = vendor;
    snprintf(text, sizeof(text), SOURCES, take);
    apply(w->world, text);
    poller_world_at(w, w->world->now_us);
    return w;
}

static void check(struct poller_world *w, const char *expected)
{
    char rows[1000];
    counted_rows(w, "usage", rows, sizeof(rows));
    assert_string_equal(rows, expected);
}

static bool has_asked(const struct vendor *vendor, const char *what) { return strstr(vendor->asked, what) != NULL; }

static uint32_t strands_of(struct poller_world *w, const char *key)
{
    static struct mtr_source_status status;
    assert_true(mtr_poller_status(w->poller, MTR_STR("acme"), mtr_str_from(key), &status));
    assert_int_equal(status.alarm_count, 0);
    return status.strands;
}

/* NOW is 10 March, noon. */
static void test_one_for_each_item(void **state)
{
    (void)state;
    struct vendor vendor;
    struct poller_world *w = new_world_of(&vendor, "abc", "");
    assert_int_equal(strands_of(w, "usage"), 3);
    check(w, "a09=1 b09=2 c09=3 ");
    assert_int_equal(window_of(w, "usage", "acc-b", "2026-03-09T00:00:00Z").state, MTR_WINDOW_COMPLETE);
    vendor.accounts = "abcd"; /* a new one has all windows from the start */
    poller_world_at(w, instant("2026-03-10T14:00:00Z"));
    assert_int_equal(strands_of(w, "usage"), 4);
    check(w, "a09=1 b09=2 c09=3 d09=4 ");
    free_poller_world(w);
}

/* Nothing of the list is usage: no subscription, nothing held, nothing refused. */
static void test_items_are_notes(void **state)
{
    (void)state;
    struct vendor vendor;
    struct poller_world *w = new_world_of(&vendor, "ab", "");
    const struct mtr_ledger_window window = window_of(w, "accounts", "", "2026-03-01T00:00:00Z");
    assert_int_equal(window.rows, 2);
    assert_int_equal(window.refused, 0);
    char rows[100];
    counted_rows(w, "accounts", rows, sizeof(rows));
    assert_string_equal(rows, "");
    const uint64_t before = mtr_log_last_seq(w->world->log);
    poller_world_at(w, instant("2026-03-10T13:59:00Z")); /* read again: a receipt at most */
    assert_true(mtr_log_last_seq(w->world->log) <= before + 2);
    free_poller_world(w);
}

/* A vendor that does not heed whom it is asked for, until it does. Both requests are read for the first time at once, and the rows of each
 * count once. */
struct deaf_vendor {
    const char *ids[3];
    bool heeds;
};
static void answer_all(void *context, const char *url, struct vendor_reply *reply)
{
    const struct deaf_vendor *vendor = context;
    const char *const *ids = vendor->ids, *date = strstr(url, "day=");
    int rc = mtr_buffer_append_str(reply->body, date ? MTR_STR("Id;Account;At;Amount\n") : MTR_STR("Id;Tenant\n"));
    for (int i = 0; !rc && ids[i]; i++)
        if (!date)
            rc = mtr_buffer_printf(reply->body, "%s;t\n", ids[i]);
        else if (!vendor->heeds || strstr(url, ids[i]))
            rc = mtr_buffer_printf(reply->body, "r%d;%s;%.10sT05:00:00Z;%d\n", i, ids[i], date + strlen("day="), i + 1);
    assert_int_equal(rc, 0);
}

/* What can be done is, before anything is committed. */
static void run_beside_one_another(struct poller_world *w)
{
    bool was_busy;
    do {
        assert_int_equal(mtr_poller_step(w->poller, w->world->catalog, w->world->now_us, &w->next_us), 0);
        was_busy = poller_world_is_busy(w);
        while (w->send_count) poller_world_do_sends(w);
        poller_world_do_works(w);
        if (!w->send_count && !w->work_count) poller_world_commit(w);
    } while (was_busy || poller_world_is_busy(w) || w->next_us <= w->world->now_us);
}

static void test_rows_of_all_items_in_each_answer(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct deaf_vendor vendor = {.ids = {i ? "leaving" : "sub-1", i ? "sub-1" : "leaving"}};
        struct poller_world *w = new_poller_world();
        char text[3000];
        struct mtr_source_status status;
        w->answer = answer_all;
        w->context = &vendor;
        snprintf(text, sizeof(text), SOURCES, "");
        apply(w->world, text);
        for (int hour = 0; hour < 3; hour++) {
            w->world->now_us += hour * MTR_US_PER_HOUR;
            run_beside_one_another(w);
            check(w, "");
            assert_non_null(alarm_of(w, "usage", MTR_ALARM_SUSPECT, &status));
        }
        assert_non_null(strstr(w->told, "rows of `leaving` are among its own"));
        vendor.heeds = true;
        w->world->now_us += 2 * MTR_US_PER_HOUR;
        run_beside_one_another(w);
        check(w, "r0=1 r1=2 ");
        free_poller_world(w);
    }
}

/* b leaves at two o'clock. Its windows of before are read until they are settled, whatever happens meanwhile. */
static void leave(bool crashes, bool forgets)
{
    struct vendor vendor;
    struct poller_world *w = new_world_of(&vendor, "abc", "");
    vendor.accounts = "ac";
    poller_world_at(w, instant("2026-03-10T14:30:00Z"));
    assert_int_equal(strands_of(w, "usage"), 3);
    if (crashes) poller_world_crash(w, forgets);
    vendor.asked[0] = '\0';
    poller_world_at(w, instant("2026-03-11T06:00:00Z"));
    if (crashes) poller_world_crash(w, forgets);
    assert_true(has_asked(&vendor, "b:10 "));
    check(w, "a09=1 a10=1 b09=2 b10=2 c09=3 c10=3 ");
    poller_world_at(w, instant("2026-03-14T06:00:00Z"));
    assert_false(has_asked(&vendor, "b:11 "));
    assert_true(has_asked(&vendor, "c:13 "));
    assert_int_equal(window_of(w, "usage", "acc-b", "2026-03-10T00:00:00Z").state, MTR_WINDOW_SETTLED);
    assert_int_equal(strands_of(w, "usage"), 2);
    vendor.accounts = "abc"; /* and it is back: what was between is asked for as well */
    poller_world_at(w, instant("2026-03-14T08:00:00Z"));
    assert_int_equal(strands_of(w, "usage"), 3);
    assert_true(has_asked(&vendor, "b:11 "));
    assert_true(has_asked(&vendor, "b:13 "));
    free_poller_world(w);
}

static void test_what_leaves_is_read_until_it_is_settled(void **state)
{
    (void)state;
    leave(false, false);
    leave(true, false);
    leave(true, true);
}

/* A month passes, and with it the period: what its first reading lacks is gone as of then. */
static void test_the_newest_window_counts(void **state)
{
    (void)state;
    struct vendor vendor;
    struct poller_world *w = new_world_of(&vendor, "abc", "");
    poller_world_at(w, instant("2026-03-31T23:30:00Z"));
    vendor.accounts = "bc";
    poller_world_at(w, instant("2026-04-05T12:00:00Z"));
    assert_int_equal(strands_of(w, "usage"), 2);
    assert_int_equal(window_of(w, "accounts", "", "2026-04-01T00:00:00Z").rows, 2);
    assert_int_equal(window_of(w, "usage", "acc-a", "2026-03-31T00:00:00Z").state, MTR_WINDOW_SETTLED);
    vendor.asked[0] = '\0';
    poller_world_crash(w, true);
    poller_world_at(w, instant("2026-04-06T12:00:00Z"));
    assert_int_equal(strands_of(w, "usage"), 2);
    free_poller_world(w);
}

/* The guard of the list takes away less than half at once. */
static void guard(struct poller_world *w)
{
    char text[3000];
    snprintf(text, sizeof(text), SOURCES, "");
    char *shrink = strstr(text, "shrink: 100%");
    memcpy(shrink, "shrink: 50% ", strlen("shrink: 100%"));
    apply(w->world, text);
}

static bool is_suspect(struct poller_world *w)
{
    static struct mtr_source_status status;
    assert_true(mtr_poller_status(w->poller, MTR_STR("acme"), MTR_STR("accounts"), &status));
    return status.alarm_count && status.alarms[0].alarm == MTR_ALARM_SUSPECT;
}

/* An outage answers that there is no account, in the middle of a period and at its begin: nobody leaves by it. */
static void test_an_empty_list_is_doubted(void **state)
{
    (void)state;
    struct vendor vendor;
    struct poller_world *w = new_world_of(&vendor, "abc", "");
    guard(w);
    vendor.accounts = "";
    poller_world_at(w, instant("2026-03-10T13:30:00Z"));
    assert_true(is_suspect(w));
    assert_int_equal(window_of(w, "accounts", "", "2026-03-01T00:00:00Z").rows, 3);
    assert_int_equal(strands_of(w, "usage"), 3);
    vendor.accounts = "abc";
    poller_world_at(w, instant("2026-03-31T23:30:00Z"));
    assert_false(is_suspect(w));
    vendor.accounts = "";
    poller_world_at(w, instant("2026-04-01T00:30:00Z"));
    assert_true(is_suspect(w));
    poller_world_crash(w, true);
    poller_world_at(w, instant("2026-04-01T00:50:00Z"));
    assert_int_equal(strands_of(w, "usage"), 3);
    poller_world_at(w, instant("2026-04-01T02:30:00Z")); /* it says so again, behind the next tick: it is meant */
    assert_false(is_suspect(w));
    assert_int_equal(window_of(w, "accounts", "", "2026-04-01T00:00:00Z").rows, 0);
    free_poller_world(w);
}

/* Another column than the subject: equal values are one request. */
static void test_a_value_of_the_data(void **state)
{
    (void)state;
    struct vendor vendor;
    struct poller_world *w = new_world_of(&vendor, "abcd", ", take: data.tenant");
    assert_int_equal(strands_of(w, "usage"), 3); /* t-a, t-b, t-x */
    check(w, "a09=1 b09=2 x09=24 ");
    vendor.accounts = "abd";
    poller_world_at(w, instant("2026-03-16T12:00:00Z"));
    assert_int_equal(strands_of(w, "usage"), 3); /* d still says t-x */
    vendor.accounts = "ab";
    poller_world_at(w, instant("2026-03-20T12:00:00Z"));
    assert_int_equal(strands_of(w, "usage"), 2);
    free_poller_world(w);
}

/* A row keeps its id and has another tenant from two o'clock on. What the one of before has is asked for in the windows that
 * began until then, the other's windows from the start on; and back again. */
static void move(bool crashes, bool forgets)
{
    struct vendor vendor;
    struct poller_world *w = new_world_of(&vendor, "ab", ", take: data.tenant");
    vendor.moved = 'm';
    poller_world_at(w, instant("2026-03-10T14:30:00Z"));
    assert_int_equal(strands_of(w, "usage"), 3);
    if (crashes) poller_world_crash(w, forgets);
    vendor.asked[0] = '\0';
    poller_world_at(w, instant("2026-03-11T06:00:00Z"));
    if (crashes) poller_world_crash(w, forgets);
    assert_true(has_asked(&vendor, "b:10 "));
    check(w, "a09=1 a10=1 b09=2 b10=2 m09=13 m10=13 ");
    poller_world_at(w, instant("2026-03-14T06:00:00Z"));
    assert_false(has_asked(&vendor, "b:11 "));
    assert_true(has_asked(&vendor, "m:13 "));
    assert_int_equal(window_of(w, "usage", "t-b", "2026-03-10T00:00:00Z").state, MTR_WINDOW_SETTLED);
    assert_int_equal(strands_of(w, "usage"), 2);
    vendor.moved = 0;
    poller_world_at(w, instant("2026-03-14T08:00:00Z"));
    assert_int_equal(strands_of(w, "usage"), 3);
    assert_true(has_asked(&vendor, "b:11 "));
    assert_true(has_asked(&vendor, "b:13 "));
    free_poller_world(w);
}

static void test_a_row_whose_value_changes(void **state)
{
    (void)state;
    move(false, false);
    move(true, false);
    move(true, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_for_each_item),
        cmocka_unit_test(test_rows_of_all_items_in_each_answer),
        cmocka_unit_test(test_items_are_notes),
        cmocka_unit_test(test_what_leaves_is_read_until_it_is_settled),
        cmocka_unit_test(test_the_newest_window_counts),
        cmocka_unit_test(test_an_empty_list_is_doubted),
        cmocka_unit_test(test_a_value_of_the_data),
        cmocka_unit_test(test_a_row_whose_value_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
