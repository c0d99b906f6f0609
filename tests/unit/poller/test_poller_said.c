/*
 * What a vendor says in the place of his rows, under a good status, stands in the alarm: its beginning, in one
 * line. Of an answer whose rows came it does not: these are nobody's words.
 */
#include "tests/support/source/poller_world.h"

#define SOURCE_BY(request)                                                                                                            \
    "sources:\n  - {key: usage, vendor: acme, base_url: 'http://127.0.0.1:1/v1', auth: none, schedule: {every: 10m},\n"               \
    "     window: {length: day, start: 2026-03-09}, format: {json: {rows: 'data[]'}}, identity: {id: id},\n"                          \
    "     map: {type: =cpu, subject: account, time: at, data: {seconds: amount}},\n     " request "}\n"
#define SOURCE(more) SOURCE_BY("request: {path: /u, query: {day: '{from:%Y-%m-%d}'}}" more)
#define JOB                                                                                                                           \
    SOURCE_BY("job: {submit: {method: POST, path: /r, query: {day: '{from:%Y-%m-%d}'}}, id: {path: id},\n"                            \
              "     poll: {path: '/r/{job.id}', every: 1m}, status: {path: state, done: [OK], failed: [BAD]},\n"                      \
              "     result: {url: {path: link}}}")
#define FAILURE "{\"error\":{\"message\":\"quota\\u0020exceeded\"}}"
#define ROW "{\"id\":1,\"account\":\"sub-1\",\"at\":\"2026-03-09T12:00:00Z\",\"amount\":5}"

/* The first request is answered with `first`, all others with `said`; NULL: with that, too. */
struct vendor {
    const char *first, *said;
};

static void answer(void *context, const char *url, struct vendor_reply *reply)
{
    const struct vendor *vendor = context;
    const bool is_submit = vendor->first && strstr(url, "/r?");
    assert_int_equal(mtr_buffer_printf(reply->body, "%s", is_submit ? vendor->first : vendor->said), 0);
}

/* The alarm's sentence, until the next call. */
static const char *told(const char *source, struct vendor *vendor)
{
    static char text[1000];
    struct mtr_source_status status;
    struct poller_world *w = new_poller_world();
    apply(w->world, source);
    w->answer = answer;
    w->context = vendor;
    poller_world_until(w, "2026-03-10T12:10:00Z");
    const struct mtr_source_alarm *found = alarm_of(w, "usage", MTR_ALARM_FAILING, &status);
    if (!found) fail_msg("no alarm: %s", w->told);
    snprintf(text, sizeof(text), "%s", found->text);
    free_poller_world(w);
    return text;
}

static void test_what_stands_in_the_place_of_rows_is_told(void **state)
{
    (void)state;
    static char large[70000];
    memset(large, 'x', sizeof(large) - 1);
    static const struct {
        const char *source, *first, *said, *wanted; /* the sentence's end */
    } rows[] = {
        {SOURCE(""), NULL, FAILURE, "has no rows at `data[]`: nothing stands there; it says: " FAILURE},
        {SOURCE(""), NULL, "{\"data\":5,\"why\":\"no\"}", "on the way to the rows; it says: {\"data\":5,\"why\":\"no\"}"},
        {SOURCE(""), NULL, "service\r\n\033[31mbusy", "; it says: service [31mbusy"},
        {SOURCE(""), NULL, large, "xxx…"},
        {SOURCE(""), NULL, "<!doctype html><title>Sign in</title>", "; it says, in HTML: Sign in"},
        {SOURCE(", answer: {ok: {path: state, equals: OK}}"), NULL, "{\"state\":\"BAD\",\"message\":\"quota\"}",
         "stands `BAD`; it says: {\"state\":\"BAD\",\"message\":\"quota\"}"},
        {SOURCE(", answer: {ok: {path: state, equals: OK}}"), NULL, "{\"data\":[],\"message\":\"quota\"}",
         "(`answer.ok`); it says: {\"data\":[],\"message\":\"quota\"}"},
        {JOB, "{\"error\":\"quota\"}", "", "names no id of the report (`job.id`); it says: {\"error\":\"quota\"}"},
        {JOB, "{\"id\":7}", "{\"error\":\"quota\"}", "(`job.status.path`); it says: {\"error\":\"quota\"}"},
        {JOB, "{\"id\":7}", "{\"state\":\"BAD\",\"why\":\"no\"}", "; it says: {\"state\":\"BAD\",\"why\":\"no\"}"},
        {JOB, "{\"id\":7}", "{\"state\":\"OK\",\"why\":\"no\"}", "; it says: {\"state\":\"OK\",\"why\":\"no\"}"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct vendor vendor = {rows[i].first, rows[i].said};
        const char *text = told(rows[i].source, &vendor);
        const size_t size = strlen(text), end = strlen(rows[i].wanted);
        if (size < end || strcmp(text + size - end, rows[i].wanted)) fail_msg("%zu: %s", i, text);
    }
}

static void test_rows_are_not(void **state)
{
    struct vendor vendor = {.said = "{\"data\":[" ROW ",{\"id\":2"};
    (void)state;
    const char *text = told(SOURCE(""), &vendor);
    if (!strstr(text, "is expected") || strstr(text, "it says")) fail_msg("%s", text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_stands_in_the_place_of_rows_is_told),
        cmocka_unit_test(test_rows_are_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
