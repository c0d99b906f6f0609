/*
 * "There is none", said in each way that vendors have: it is asked again, and then the window is an empty one, with that as its
 * proof. An answer that says nothing of the kind, and has no rows either, is none, whatever its status.
 */
#include "tests/support/source/poller_world.h"

static const char SOURCE[] = "sources:\n"
                             "  - key: usage\n"
                             "    vendor: acme\n"
                             "    base_url: http://127.0.0.1:1\n"
                             "    schedule: {every: 1h}\n"
                             "    window: {length: day, start: 2026-03-09, rereads: [3d]}\n"
                             "    auth: none\n"
                             "    request: {path: /usage, query: {from: '{from:unix}'}}\n"
                             "    paging: {page: {send: query.page, first: 1}}\n"
                             "    format: %s\n"
                             "    identity: {id: id}\n"
                             "    answer: {absent: [%s]}\n"
                             "    guard: {every: 10m, agree: 2}\n"
                             "    map: {type: =cpu, subject: account, time: {path: at, format: unix_s}, data: {seconds: amount}}\n";

static const char JSON[] = "{json: {rows: 'data[]'}}", CSV[] = "{csv: {delimiter: ';'}}",
                  CP1251[] = "{csv: {delimiter: ';', encoding: windows-1251}}", LIST[] = "{json: {rows: '[]'}}";

struct way {
    const char *format, *absent;
    unsigned status;
    const char *body;
    bool is_absent; /* false: the answer cannot be read */
};
static const struct way ways[] = {
    {JSON, "{status: 404}", 404, "", true},
    {JSON, "{status: 204}", 204, "", true},
    {JSON, "{status: 204}", 200, "", false},
    {CSV, "{status: 204}", 204, "", true},
    {JSON, "{path: message, equals: no data}", 200, "{\"message\":\"no data\"}", true},
    {JSON, "{path: message, equals: no data}", 200, "\n {\"message\":\"no data\"}", true},
    {JSON, "{path: message, equals: no data}", 200, "{\"message\":\"no data\",\"data\":null}", true},
    {JSON, "{path: message, equals: no data}", 200, "{\"message\":\"no data\",\"data\":[]}", true},
    {JSON, "{path: message, equals: no data}", 200, "{\"message\":\"quota exceeded\"}", false},
    {JSON, "{status: 400, path: message, equals: no data}", 200, "{\"message\":\"no data\"}", false},
    {JSON, "{status: 200, contains: no data}", 200, "{\"message\":\"no data\"}", true},
    {JSON, "{contains: no data}", 200, "no data for this account", true},
    {JSON, "{contains: no data}", 200, "{\"data\":[],\"note\":\"no data yet\"}", true},
    {JSON, "{contains: no data}", 200, "<html>log in</html>", false},
    {LIST, "{path: error.code, equals: 5000}", 200, "{\"error\":{\"code\":5000}}", true},
    {CSV, "{contains: No data}", 200, "No data for this period\n", true},
    {CSV, "{contains: No data}", 200, "Nothing to see\n", false},
    {CP1251, "{contains: No data}", 200, "No data\n", true},
};

/* The first page may have rows, and then what is said is said in the place of the second. */
struct vendor {
    const struct way *way;
    bool has_rows;
};

static void answer(void *context, const char *url, struct vendor_reply *reply)
{
    const struct vendor *vendor = context;
    const int64_t from_s = url_parameter(url, "from="), page = url_parameter(url, "&page=");
    const bool is_csv = strstr(vendor->way->format, "csv"), is_list = vendor->way->format == LIST;
    if (!vendor->has_rows || page > 1) {
        reply->status = vendor->way->status;
        assert_int_equal(mtr_buffer_append_str(reply->body, mtr_str_from(vendor->way->body)), 0);
        return;
    }
    const char *begin = is_csv ? "id;account;at;amount\nr;sub-1;" : "{\"id\":\"r\",\"account\":\"sub-1\",\"amount\":1,\"at\":";
    assert_int_equal(mtr_buffer_printf(reply->body, "%s%s%lld%s%s", is_csv ? "" : is_list ? "[" : "{\"data\":[", begin, (long long)from_s,
                                       is_csv ? ";1\n" : "}", is_csv ? "" : is_list ? "]" : "]}"), 0);
}

static void check(const struct way *way, bool has_rows)
{
    struct vendor vendor = {way, has_rows};
    struct poller_world *w = new_poller_world();
    struct mtr_source_status status;
    char text[1200], rows[200];
    w->answer = answer;
    w->context = &vendor;
    snprintf(text, sizeof(text), SOURCE, way->format, way->absent);
    apply(w->world, text);
    poller_world_run(w);
    const bool is_asked_again = alarm_of(w, "usage", MTR_ALARM_INCOMPLETE, &status) != NULL;
    if (is_asked_again != way->is_absent) fail_msg("%s, %u, `%s`: %s", way->absent, way->status, way->body, w->told);
    poller_world_at(w, w->world->now_us + 2 * MTR_US_PER_HOUR);
    counted_rows(w, "usage", rows, sizeof(rows));
    assert_int_equal(status.alarm_count > 0, true);
    const bool fails = alarm_of(w, "usage", MTR_ALARM_FAILING, &status) != NULL;
    if (fails == way->is_absent || (way->is_absent && status.alarm_count)) fail_msg("%s, %u, `%s`: %s", way->absent, way->status, way->body, w->told);
    assert_string_equal(rows, has_rows && way->is_absent ? "r=1 " : "");
    if (way->is_absent) {
        const struct mtr_ledger_window window = window_of(w, "usage", "", "2026-03-09T00:00:00Z");
        assert_int_equal(window.state, MTR_WINDOW_COMPLETE);
        assert_int_equal(window.rows, has_rows);
    }
    free_poller_world(w);
}

static void test_there_is_none_however_it_is_said(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) check(&ways[i], false);
}

static void test_there_is_no_other_page_however_it_is_said(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) check(&ways[i], true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_is_none_however_it_is_said),
        cmocka_unit_test(test_there_is_no_other_page_however_it_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
