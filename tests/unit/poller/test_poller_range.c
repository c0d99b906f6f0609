/*
 * A vendor who does not heed what he is asked for: most rows of a reading are of other times. They count, and he is told.
 */
#include "tests/support/source/poller_world.h"

static const char SOURCE[] = "sources:\n"
                             "  - key: usage\n"
                             "    vendor: acme\n"
                             "    base_url: http://127.0.0.1:1\n"
                             "    schedule: {every: 10m}\n"
                             "    window: {length: day, start: 2026-03-09, rereads: [2d]}\n"
                             "    auth: none\n"
                             "    request: {path: /usage, query: {day: '{from:%Y-%m-%d}'}}\n"
                             "    format: {csv: {}}\n"
                             "    identity: {id: Id}\n"
                             "    guard: {shrink: 100%, jump: 0}\n"
                             "    map: {type: =cpu, subject: Account, time: At, data: {seconds: Amount}}\n";

#define HEAD "Id,Account,At,Amount\n"
#define ROW(id, day) id ",sub-1,2026-03-" day "T12:00:00Z,5\n"

static void answer(void *context, const char *url, struct vendor_reply *reply)
{
    const char *const *rows = context;
    (void)url;
    assert_int_equal(mtr_buffer_append(reply->body, *rows, strlen(*rows)), 0);
}

static void check(struct poller_world *w, const char *sentence)
{
    struct mtr_source_status status;
    const struct mtr_source_alarm *alarm = alarm_of(w, "usage", MTR_ALARM_RANGE, &status);
    if (!sentence && alarm) fail_msg("%s", alarm->text);
    if (!sentence) return;
    if (!alarm) fail_msg("no alarm: %s", w->told);
    if (!strstr(alarm->text, sentence)) fail_msg("%s", alarm->text);
}

static void test_rows_of_other_times(void **state)
{
    const char *rows = HEAD ROW("x", "03") ROW("y", "04") ROW("z", "09");
    struct poller_world *w = new_poller_world();
    char counted[200];
    (void)state;
    w->answer = answer;
    w->context = &rows;
    apply(w->world, SOURCE);
    poller_world_until(w, "2026-03-10T13:00:00Z");
    check(w, "2 rows of the last reading are far from the window that was asked for");
    assert_int_equal(window_of(w, "usage", "", "2026-03-09T00:00:00Z").state, MTR_WINDOW_COMPLETE);
    counted_rows(w, "usage", counted, sizeof(counted));
    assert_string_equal(counted, "x=5 y=5 z=5 ");
    rows = HEAD ROW("u", "03") ROW("v", "10") ROW("w", "09"); /* of another window, and one that came late is nothing */
    poller_world_until(w, "2026-03-11T00:10:00Z");
    assert_int_equal(window_of(w, "usage", "", "2026-03-10T00:00:00Z").rows, 3);
    check(w, "2 rows of the last reading");
    rows = HEAD ROW("x", "03") ROW("z", "09") ROW("s", "10") ROW("t", "11"); /* of the 9th and the 11th, and a half is not most */
    poller_world_until(w, "2026-03-12T00:10:00Z");
    check(w, NULL);
    free_poller_world(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_of_other_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
