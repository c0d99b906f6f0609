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

/* ---- what was counted ---- */

/* ROW: one of the piece that is asked for. Behind the last page the answer is 404, and of more than 12 hours, where it is asked in pieces, 413. */
#define COUNTED "sources: [{key: usage, vendor: acme, base_url: 'http://127.0.0.1:1', schedule: {every: 1h}, auth: none," \
                "window: {length: day, start: 2026-03-09, rereads: [3d], split: 12h}, guard: {every: 10m, agree: 2}," \
                "request: {path: /usage, query: {from: '{from:unix}', to: '{to:unix}'}}, paging: {page: {send: query.page, first: 1}}," \
                "format: {json: {rows: 'data[]'}}, identity: {id: id}, complete: {%s}," \
                "answer: {absent: [{status: 404}, {path: message, equals: none}], limit: [{status: 413}], warnings: {path: warnings, then: incomplete}%s}," \
                "map: {type: =cpu, subject: account, time: {path: at, format: unix_s}, data: {seconds: amount}}}]\n"
enum { PIECES = 2, PAGES = 3 };

struct counted {
    const char *complete, *pages[PIECES][PAGES];
    const char *problem; /* NULL: it is taken when it is said again */
    const char *proofs, *answer;
};
static const struct counted counted[] = {
    {"count: total", {{"{\"total\":1,\"data\":[ROW]}"}}, NULL, "count, agree", ""},
    {"count: total", {{"{\"total\":2,\"data\":[ROW]}"}}, "the vendor counts 2 rows, and 1 came", "", ""},
    {"count: total", {{"{\"data\":[ROW]}"}}, "no number at `total`", "", ""},
    {"count: total", {{"{\"total\":3,\"data\":[ROW]}", "{\"data\":[ROW,ROW]}"}}, NULL, "count, agree", ""},
    {"sum: {path: sum, of: seconds}", {{"{\"sum\":1,\"data\":[ROW]}"}}, NULL, "sum, agree", ""},
    {"sum: {path: sum, of: seconds}", {{"{\"sum\":3,\"data\":[ROW]}"}}, "the vendor's sum is 3, and the rows that came have 1", "", ""},
    {"flag: done", {{"{\"done\":true,\"data\":[ROW]}"}}, NULL, "flag, agree", ""},
    {"flag: done", {{"{\"done\":false,\"data\":[ROW]}"}}, "does not say yet that the window is complete", "", ""},
    /* Said in a page of its own, with or without a number. */
    {"count: total", {{"{\"total\":1,\"data\":[ROW]}", "{\"message\":\"none\"}"}}, NULL, "count, agree", ""},
    {"count: total", {{"{\"total\":2,\"data\":[ROW]}", "{\"message\":\"none\",\"data\":[]}"}}, "the vendor counts 2 rows, and 1 came", "", ""},
    {"count: total", {{NULL}}, NULL, "agree", ""},
    {"count: total, flag: done", {{"{\"message\":\"none\",\"total\":null}"}}, NULL, "agree", ""},
    {"count: total", {{"{\"message\":\"none\",\"data\":[],\"total\":0}"}}, NULL, "count, agree", ""},
    {"count: total", {{"{\"message\":\"none\",\"data\":[],\"total\":5}"}}, "the vendor counts 5 rows, and 0 came", "", ""},
    {"flag: done", {{"{\"message\":\"none\",\"data\":[],\"done\":false}"}}, "does not say yet that the window is complete", "", ""},
    {"", {{"{\"message\":\"none\",\"warnings\":[\"half of it is away\"]}"}}, "the vendor warns: [\"half of it is away\"]", "", ""},
    {"", {{"{\"message\":\"none\",\"data\":[],\"warnings\":[\"half of it is away\"]}"}}, "the vendor warns: [\"half of it is away\"]", "", ""},
    /* Each piece has its own. */
    {"count: total", {{"{\"total\":1,\"data\":[ROW]}"}, {"{\"total\":1,\"data\":[ROW]}"}}, NULL, "count, agree", ""},
    {"count: total", {{"{\"total\":1,\"data\":[ROW]}"}, {"{\"total\":2,\"data\":[ROW]}"}}, "the vendor counts 2 rows, and 1 came", "", ""},
    {"count: total", {{"{\"total\":1,\"data\":[ROW]}", "{\"data\":[]}"}, {"{\"total\":2,\"data\":[ROW]}"}}, "the vendor counts 2 rows, and 1 came", "", ""},
    {"count: total", {{"{\"total\":2,\"data\":[ROW]}"}, {"{\"total\":1,\"data\":[ROW]}"}}, "the vendor counts 2 rows, and 1 came", "", ""},
    {"count: total", {{"{\"total\":1,\"data\":[ROW]}"}, {"{\"data\":[ROW]}"}}, "no number at `total`", "", ""},
    {"count: total", {{"{\"message\":\"none\"}"}, {"{\"total\":1,\"data\":[ROW]}"}}, NULL, "count, agree", ""},
    {"count: total", {{"{\"total\":1,\"data\":[ROW]}"}, {"{\"message\":\"none\"}"}}, NULL, "count, agree", ""},
    {"count: total", {{"{\"message\":\"none\"}"}, {"{\"total\":5,\"data\":[]}"}}, "the vendor counts 5 rows, and 0 came", "", ""},
    {"count: total", {{"{\"total\":5,\"data\":[]}"}, {"{\"message\":\"none\"}"}}, "the vendor counts 5 rows, and 0 came", "", ""},
    /* As many rows as are given at most. */
    {"", {{"{\"data\":[ROW]}"}}, NULL, "agree", ", rows_limit: 2"},
    {"", {{"{\"data\":[ROW,ROW]}"}, {"{\"data\":[ROW]}"}}, "exactly as many rows as the vendor gives at most", "", ", rows_limit: 2"},
};

static void answer_counted(void *context, const char *url, struct vendor_reply *reply)
{
    const struct counted *told = context;
    const int64_t day_s = instant("2026-03-09T00:00:00Z") / MTR_US_PER_SECOND, from_s = url_parameter(url, "from="), to_s = url_parameter(url, "to=");
    const int64_t page = url_parameter(url, "&page=");
    const char *text = from_s >= day_s && from_s < day_s + 86400 && page <= PAGES ? told->pages[from_s > day_s][page - 1] : NULL;
    reply->status = to_s - from_s > 43200 && told->pages[1][0] ? 413 : text ? 200 : 404;
    if (reply->status != 200) return;
    for (int row = 0; *text; text++)
        if (strncmp(text, "ROW", 3)) assert_int_equal(mtr_buffer_append_char(reply->body, *text), 0);
        else {
            assert_int_equal(mtr_buffer_printf(reply->body, "{\"id\":\"%lld-%lld-%d\",\"account\":\"sub-1\",\"amount\":1,\"at\":%lld}",
                                               (long long)from_s, (long long)page, row++, (long long)from_s), 0);
            text += 2;
        }
}

static void test_what_was_counted(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(counted) / sizeof(counted[0]); i++) {
        struct counted told = counted[i];
        struct poller_world *w = new_poller_world();
        char text[2000], proofs[MTR_PROOFS_TEXT_BYTES];
        w->answer = answer_counted;
        w->context = &told;
        snprintf(text, sizeof(text), COUNTED, told.complete, told.answer);
        apply(w->world, text);
        for (int hour = 0; hour < 6; hour++) poller_world_at(w, w->world->now_us + 2 * MTR_US_PER_HOUR);
        const struct mtr_ledger_window window = window_of(w, "usage", "", "2026-03-09T00:00:00Z");
        if ((window.state == MTR_WINDOW_COMPLETE) != !told.problem) fail_msg("%zu: %s", i, w->told);
        if (told.problem && !strstr(w->told, told.problem)) fail_msg("%zu: %s", i, w->told);
        if (told.problem) assert_int_equal(window.rows, 0);
        else if (!mtr_str_equal(mtr_proofs_text(window.proofs, proofs), mtr_str_from(told.proofs))) fail_msg("%zu: by %s", i, proofs);
        free_poller_world(w);
    }
}

/* A full page without the token of a next one is asked for once more, and is not there any more. */
static void answer_once(void *context, const char *url, struct vendor_reply *reply)
{
    uint32_t *asked = context;
    const bool is_second = strstr(url, "after=a") != NULL, is_gone = is_second && ++*asked % 2 == 0;
    reply->status = is_gone ? 404 : 200;
    if (is_gone) return;
    assert_int_equal(mtr_buffer_printf(reply->body, "{%s\"data\":[{\"id\":\"r%d\",\"account\":\"sub-1\",\"amount\":1,\"at\":%lld}]}",
                                       is_second ? "" : "\"next\":\"a\",", is_second, (long long)url_parameter(url, "from=")), 0);
}

static void test_a_page_that_is_not_there_when_it_is_looked_at_again(void **state)
{
    (void)state;
    struct poller_world *w = new_poller_world();
    uint32_t asked = 0;
    w->answer = answer_once;
    w->context = &asked;
    apply(w->world, "sources: [{key: usage, vendor: acme, base_url: 'http://127.0.0.1:1', schedule: {every: 1h}, auth: none,"
                    "window: {length: day, start: 2026-03-09}, guard: {every: 10m, agree: 2}, request: {path: /usage, query: {from: '{from:unix}'}},"
                    "paging: {cursor: {path: next, send: query.after}}, format: {json: {rows: 'data[]'}}, identity: {id: id},"
                    "answer: {absent: [{status: 404}]}, map: {type: =cpu, subject: account, time: {path: at, format: unix_s}, data: {seconds: amount}}}]\n");
    for (int hour = 0; hour < 3; hour++) poller_world_at(w, w->world->now_us + 2 * MTR_US_PER_HOUR);
    assert_int_equal(window_of(w, "usage", "", "2026-03-09T00:00:00Z").state, MTR_WINDOW_INCOMPLETE);
    assert_non_null(strstr(w->told, "its pages change while they are read"));
    free_poller_world(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_is_none_however_it_is_said),
        cmocka_unit_test(test_there_is_no_other_page_however_it_is_said),
        cmocka_unit_test(test_what_was_counted),
        cmocka_unit_test(test_a_page_that_is_not_there_when_it_is_looked_at_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
