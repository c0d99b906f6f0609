/*
 * What fails at one port of a host, or by one scheme, leaves the sources at others alone.
 */
#include "tests/support/source/poller_world.h"

#define SOURCE(key, url)                                                                                                      \
    "  - {key: " key ", vendor: acme, base_url: '" url "', auth: none, schedule: {every: 10m},\n"                              \
    "     window: {length: hour, start: 2026-03-10}, request: {path: /u, query: {hour: '{from}'}},\n"                          \
    "     format: {json: {rows: 'data[]'}}, identity: {id: id},\n"                                                             \
    "     map: {type: =cpu, subject: account, time: at, data: {seconds: amount}}}\n"

/* At port 1 nobody is well; elsewhere each hour has nothing. */
static void answer(void *context, const char *url, struct vendor_reply *reply)
{
    (void)context;
    reply->status = strstr(url, "http://127.0.0.1:1/") ? 500 : 200;
    assert_int_equal(mtr_buffer_printf(reply->body, "{\"data\":[]}"), 0);
}

static void test_other_ports_and_schemes_are_asked(void **state)
{
    struct poller_world *w = new_poller_world();
    (void)state;
    apply(w->world, "sources:\n" SOURCE("ill", "http://127.0.0.1:1") SOURCE("port", "http://127.0.0.1:2")
                        SOURCE("scheme", "https://127.0.0.1:1") SOURCE("same", "http://127.0.0.1:1"));
    w->answer = answer;
    poller_world_until(w, "2026-03-10T18:01:00Z");
    assert_non_null(strstr(w->told, "! ill failing"));
    assert_non_null(strstr(w->told, "! same failing"));
    assert_non_null(strstr(w->told, "Internal Server Error; it says: {\"data\":[]}"));
    /* Nobody has said until when: the wait is one of our own. */
    assert_non_null(strstr(w->told, "nobody is asked, after failures or by `limits`, before 2026-03-10T"));
    if (strstr(w->told, "lets nobody in")) fail_msg("%s", w->told);
    if (strstr(w->told, "! port ") || strstr(w->told, "! scheme ")) fail_msg("%s", w->told);
    assert_int_equal(window_of(w, "port", "", "2026-03-10T17:00:00Z").state, MTR_WINDOW_SETTLED);
    assert_int_equal(window_of(w, "scheme", "", "2026-03-10T17:00:00Z").state, MTR_WINDOW_SETTLED);
    free_poller_world(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_other_ports_and_schemes_are_asked)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
