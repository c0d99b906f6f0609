/*
 * What people see of a source while it is read, and after: when it is due next is not when its alarms are looked
 * at meanwhile, and what alarms count is of all windows.
 */
#include "tests/support/source/poller_world.h"

static const char SOURCE[] =
    "sources:\n  - {key: usage, vendor: acme, base_url: 'http://127.0.0.1:1', auth: none, schedule: {every: 1h}, format: {json: {rows: '[]'}},\n"
    "     window: {length: day, start: 2026-03-09}, request: {path: /u, query: {day: '{from:%Y-%m-%d}'}}, identity: {id: id},\n"
    "     map: {type: =cpu, subject: account, time: at, data: {seconds: amount}}}\n";

static struct mtr_source_status status_of(const struct poller_world *w)
{
    struct mtr_source_status status;
    assert_true(mtr_poller_status(w->poller, MTR_STR("acme"), MTR_STR("usage"), &status));
    return status;
}

/* The request is out. */
static void answer(void *context, const char *url, struct vendor_reply *reply)
{
    const struct poller_world *const *w = context;
    const struct mtr_source_status status = status_of(*w);
    (void)url;
    assert_int_equal(status.reading, 1);
    assert_true(status.next_us == INT64_MAX);
    assert_int_equal(mtr_buffer_printf(reply->body, "[]"), 0);
}

static void test_what_is_read_is_not_due(void **state)
{
    struct poller_world *w = new_poller_world();
    (void)state;
    apply(w->world, SOURCE);
    w->answer = answer;
    w->context = &w;
    poller_world_until(w, "2026-03-11T12:00:00Z");
    const struct mtr_source_status status = status_of(w);
    assert_true(w->asked >= 2 && !status.reading);
    assert_int_equal(status.next_us, instant("2026-03-12T00:00:00Z"));
    free_poller_world(w);
}

static const char *unknown = ""; /* days whose rows are nobody's */

static void answer_day(void *context, const char *url, struct vendor_reply *reply)
{
    static const char row[] = "%s{\"id\":\"%s-%d\",\"account\":\"%s\",\"at\":\"%sT12:00:00Z\",\"amount\":5}";
    char day[11];
    (void)context;
    snprintf(day, sizeof(day), "%.10s", strstr(url, "day=") + 4);
    assert_int_equal(mtr_buffer_printf(reply->body, "["), 0);
    for (int i = 0; i < 6; i++)
        assert_int_equal(mtr_buffer_printf(reply->body, row, i ? "," : "", day, i, strstr(unknown, day) ? "nobody" : "sub-1", day), 0);
    assert_int_equal(mtr_buffer_printf(reply->body, "]"), 0);
}

static void check_unknown(struct poller_world *w, const char *sentence)
{
    struct mtr_source_status status;
    const struct mtr_source_alarm *alarm = alarm_of(w, "usage", MTR_ALARM_UNKNOWN_SUBJECT, &status);
    const bool is_right = sentence ? alarm && strstr(alarm->text, sentence) == alarm->text : !alarm;
    if (!is_right) fail_msg("%s: %s", sentence ? sentence : "none", alarm ? alarm->text : "none");
}

static void test_an_alarm_counts_rows_of_all_windows(void **state)
{
    char source[sizeof(SOURCE) + 100];
    struct poller_world *w = new_poller_world();
    (void)state;
    snprintf(source, sizeof(source), "%s", SOURCE);
    memcpy(strstr(source, "start: 2026-03-09"), "rereads: [1d,2d] ", 17); /* begins when it is applied */
    apply(w->world, source);
    w->answer = answer_day;
    unknown = "2026-03-10 2026-03-11 2026-03-12";
    poller_world_until(w, "2026-03-11T01:00:00Z");
    check_unknown(w, "6 rows held: ");
    poller_world_until(w, "2026-03-13T01:00:00Z");
    check_unknown(w, "18 rows of 3 windows held: ");
    unknown = "2026-03-11 2026-03-12"; /* the first is read again two days after its end, and so is known */
    poller_world_until(w, "2026-03-13T02:00:00Z");
    check_unknown(w, "18 rows of 3 windows held: ");
    unknown = "";
    poller_world_until(w, "2026-03-14T01:00:00Z");
    check_unknown(w, "6 rows held: "); /* of a window that is settled */
    apply(w->world, "vendors:\n  - {key: other}\n"); /* another catalog */
    poller_world_until(w, "2026-03-15T01:00:00Z");
    check_unknown(w, NULL);
    free_poller_world(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_what_is_read_is_not_due), cmocka_unit_test(test_an_alarm_counts_rows_of_all_windows)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
