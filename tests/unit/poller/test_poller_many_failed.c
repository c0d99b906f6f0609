/*
 * Many windows of a source cannot be read: each waits for its own next try, the others are read, and the vendor
 * is not asked without end.
 */
#include "tests/support/source/poller_world.h"

static const char SOURCE[] = "sources:\n"
                             "  - key: usage\n"
                             "    vendor: acme\n"
                             "    base_url: http://127.0.0.1:1\n"
                             "    schedule: {every: 1h}\n"
                             "    window: {length: hour, start: 2026-03-01}\n"
                             "    auth: none\n"
                             "    request: {path: /usage, query: {hour: '{from:%Y-%m-%dT%H}'}}\n"
                             "    format: {csv: {}}\n"
                             "    identity: {id: Id}\n"
                             "    guard: {jump: 0}\n"
                             "    map: {type: =cpu, subject: Account, time: At, data: {seconds: Amount}}\n";

enum { WINDOWS = 9 * 24 + 12, FAILING = 200 };

/* The first of the windows have no rows that can be read. */
struct vendor {
    uint32_t asked, failed;
    const char *good_from; /* an hour */
};

static void answer(void *context, const char *url, struct vendor_reply *reply)
{
    struct vendor *vendor = context;
    const char *hour = strstr(url, "hour=") + strlen("hour=");
    const bool is_good = strcmp(hour, vendor->good_from) >= 0;
    vendor->asked++;
    vendor->failed += !is_good;
    if (vendor->asked > 20 * WINDOWS) fail_msg("the vendor is asked without end");
    int rc = is_good ? mtr_buffer_printf(reply->body, "Id,Account,At,Amount\n%s,sub-1,%s:05:00Z,1\n", hour, hour)
                     : mtr_buffer_printf(reply->body, "Id,Id\n");
    assert_int_equal(rc, 0);
}

static uint64_t whole_windows(struct poller_world *w)
{
    struct mtr_ledger_txn *txn;
    uint64_t count = 0;
    const struct mtr_strand strand = {MTR_STR("acme"), MTR_STR("usage"), MTR_STR("")};
    assert_int_equal(mtr_ledger_begin(w->ledger, false, &txn), 0);
    for (int64_t at_us = instant("2026-03-01T00:00:00Z"); at_us < w->world->now_us; at_us += MTR_US_PER_HOUR) {
        struct mtr_ledger_window window;
        count += !mtr_ledger_get_window(txn, &strand, at_us, &window) && mtr_window_is_whole(window.state);
    }
    mtr_ledger_abort(txn);
    return count;
}

/* NOW is 10 March, noon. */
static void test_others_are_read(void **state)
{
    (void)state;
    struct vendor vendor = {.good_from = "2026-03-09T08"};
    struct poller_world *w = new_poller_world();
    w->answer = answer;
    w->context = &vendor;
    apply(w->world, SOURCE);
    poller_world_at(w, w->world->now_us);
    assert_int_equal(vendor.failed, FAILING); /* each once */
    assert_int_equal(whole_windows(w), WINDOWS - FAILING);
    poller_world_at(w, w->world->now_us + 5 * MTR_US_PER_SECOND);
    assert_in_range(vendor.failed, FAILING, 4 * FAILING);
    vendor.good_from = "";
    poller_world_at(w, w->world->now_us + 2 * MTR_US_PER_HOUR);
    assert_int_equal(whole_windows(w), WINDOWS + 2);
    free_poller_world(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_others_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
