/*
 * What is pushed before a source was ever read is not taken for a beginning that the log has lost: windows that were
 * not read by then would never be.
 */
#include "tests/support/source/poller_world.h"

static const char SOURCE[] = "sources:\n"
                             "  - key: usage\n"
                             "    vendor: acme\n"
                             "    base_url: http://127.0.0.1:1\n"
                             "    schedule: {every: 1h}\n"
                             "    window: {length: day, start: 2026-03-06}\n"
                             "    auth: none\n"
                             "    request: {path: /usage, query: {day: '{from:%Y-%m-%d}'}}\n"
                             "    format: {csv: {}}\n"
                             "    identity: {id: Id}\n"
                             "    map: {type: =cpu, subject: Account, time: At, data: {seconds: Amount}}\n";

/* Of the last day he has the rows at once; of those before when he is well. */
static void answer(void *context, const char *url, struct vendor_reply *reply)
{
    const bool *is_well = context;
    const char *day = strstr(url, "day=");
    assert_non_null(day);
    reply->status = *is_well || strstr(url, "2026-03-09") ? 200 : 400;
    assert_int_equal(mtr_buffer_printf(reply->body, "Id,Account,At,Amount\n%.10s,sub-1,%.10sT05:00:00Z,1\n", day + 4, day + 4), 0);
}

static void test_windows_that_were_not_read_when_the_log_began(void **state)
{
    static const char *const days[] = {"2026-03-06T00:00:00Z", "2026-03-07T00:00:00Z", "2026-03-08T00:00:00Z", "2026-03-09T00:00:00Z"};
    const struct row pushed = {.id = "pushed", .type = "cpu", .subject = "sub-1", .time = "2026-03-10T01:00:00Z", .data = SECONDS};
    struct poller_world *w = new_poller_world();
    bool is_well = false;
    (void)state;
    w->answer = answer;
    w->context = &is_well;
    poller_world_at(w, w->world->now_us); /* the ledger has caught up with a log that is empty */
    apply(w->world, SOURCE);
    w->world->now_us += MTR_US_PER_SECOND;
    assert_int_equal(send_rows(w->world, &pushed, 1)->counts[MTR_RESULT_ACCEPTED], 1);
    free_answers(w->world);
    poller_world_at(w, w->world->now_us + 30 * MTR_US_PER_SECOND);
    is_well = true;
    poller_world_at(w, w->world->now_us + 2 * MTR_US_PER_HOUR);
    for (size_t i = 0; i < sizeof(days) / sizeof(days[0]); i++) {
        const struct mtr_ledger_window window = window_of(w, "usage", "", days[i]);
        if (!mtr_window_is_taken(window.state) || window.rows != 1) fail_msg("%s: state %d", days[i], (int)window.state);
    }
    /* Of one that could not be read nothing stands in the ledger: nobody is sent there. */
    assert_non_null(strstr(w->told, "! usage failing: the window from 2026-03-0"));
    assert_non_null(strstr(w->told, "T00:00:00Z, too: it is tried again by itself"));
    free_poller_world(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_windows_that_were_not_read_when_the_log_began)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
