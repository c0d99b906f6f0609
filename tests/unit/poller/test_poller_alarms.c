/*
 * Alarms of sources on a simulated clock: each begins when its condition does, stands beside the others, and
 * ends when the condition has; what is counted is what stands.
 */
#include "tests/support/source/poller_world.h"

#define SOURCE(more) SOURCE_FROM("2026-03-09", more)
#define SOURCE_FROM(start, more)                                                                                                      \
    "sources:\n  - {key: usage, vendor: acme, base_url: 'http://127.0.0.1:1/v1', auth: none, schedule: {every: 10m},\n"               \
    "     window: {length: day, start: '" start "', rereads: [2d]}, request: {path: /u, query: {day: '{from:%Y-%m-%d}'}},\n"          \
    "     format: {json: {rows: 'data[]'}}, identity: {id: id},\n"                                                                    \
    "     map: {type: =cpu, subject: account, time: at, data: {seconds: amount}}" more "}\n"

/* A row each day at noon, unless the vendor is out of order. */
struct vendor {
    unsigned status;
    bool is_idle;
    int64_t skew_us;
    const char *extra, *amount; /* members behind the others; its name, "amount" */
    const char *said;           /* in the place of all of it */
};

static void answer(void *context, const char *url, struct vendor_reply *reply)
{
    const struct vendor *vendor = context;
    const char *day = strstr(url, "day=") + 4;
    reply->status = vendor->status;
    reply->skew_us = vendor->skew_us;
    if (vendor->said)
        assert_int_equal(mtr_buffer_printf(reply->body, "%s", vendor->said), 0);
    else if (vendor->is_idle)
        assert_int_equal(mtr_buffer_printf(reply->body, "{\"data\":[]}"), 0);
    else
        assert_int_equal(mtr_buffer_printf(reply->body, "{\"data\":[{\"id\":\"%.10s\",\"account\":\"sub-1\",\"at\":\"%.10sT12:00:00Z\",\"%s\":5%s}]}",
                                           day, day, vendor->amount ? vendor->amount : "amount", vendor->extra ? vendor->extra : ""), 0);
}

static struct poller_world *begin(struct vendor *vendor, const char *source)
{
    struct poller_world *w = new_poller_world();
    apply(w->world, source);
    *vendor = (struct vendor){.status = 200};
    w->answer = answer;
    w->context = vendor;
    return w;
}

static void check(struct poller_world *w, enum mtr_alarm alarm, const char *sentence)
{
    struct mtr_source_status status;
    const struct mtr_source_alarm *found = alarm_of(w, "usage", alarm, &status);
    assert_int_equal(mtr_poller_totals(w->poller)->alarms[alarm], sentence ? 1 : 0);
    if (!sentence && found) fail_msg("%s: %s", mtr_alarm_name(alarm), found->text);
    if (!sentence) return;
    if (!found) fail_msg("no alarm %s: %s", mtr_alarm_name(alarm), w->told);
    if (!strstr(found->text, sentence)) fail_msg("%s: %s", mtr_alarm_name(alarm), found->text);
    for (uint32_t i = 1; i < status.alarm_count; i++)
        assert_true(mtr_alarm_gravity(status.alarms[i - 1].alarm) > mtr_alarm_gravity(status.alarms[i].alarm));
}

/* What the ledger has of a window; rows 0: it has none of it. */
static void check_window_rows(struct poller_world *w, const char *start, uint64_t rows)
{
    const struct mtr_strand strand = {MTR_STR("acme"), MTR_STR("usage"), MTR_STR("")};
    struct mtr_ledger_window window;
    struct mtr_ledger_txn *txn;
    assert_int_equal(mtr_ledger_begin(w->ledger, false, &txn), 0);
    int rc = mtr_ledger_get_window(txn, &strand, instant(start), &window);
    mtr_ledger_abort(txn);
    assert_int_equal(rc, rows ? MTR_OK : MTR_ENOTFOUND);
    if (rows) assert_true(window.rows == rows && window.state == MTR_WINDOW_COMPLETE && !window.refused);
}

static uint32_t count_lines(const struct poller_world *w, const char *text)
{
    uint32_t count = 0;
    for (const char *at = w->told; (at = strstr(at, text)); at++) count++;
    return count;
}

/* A vendor that is down: the alarm of its readings at once, that of the window an hour behind its time. */
static void test_a_window_past_its_time(void **state)
{
    (void)state;
    struct vendor vendor;
    struct poller_world *w = begin(&vendor, SOURCE(""));
    poller_world_until(w, "2026-03-10T13:00:00Z");
    check(w, MTR_ALARM_GAP, NULL);
    check(w, MTR_ALARM_FAILING, NULL);
    vendor.status = 500;
    poller_world_until(w, "2026-03-11T00:40:00Z");
    check(w, MTR_ALARM_GAP, NULL);
    check(w, MTR_ALARM_FAILING, "500");
    poller_world_until(w, "2026-03-11T01:30:00Z");
    check(w, MTR_ALARM_GAP, "the window that begins at 2026-03-10T00:00:00Z was due at 2026-03-11T00:00:00Z");
    poller_world_until(w, "2026-03-12T01:30:00Z");
    check(w, MTR_ALARM_GAP, "begins at 2026-03-10T00:00:00Z");
    assert_int_equal(count_lines(w, "! usage gap"), 1);
    vendor.status = 200;
    poller_world_until(w, "2026-03-12T03:30:00Z"); /* waits of failures are an hour at most */
    check(w, MTR_ALARM_GAP, NULL);
    check(w, MTR_ALARM_FAILING, NULL);
    assert_int_equal(count_lines(w, "usage gap is over"), 1);
    free_poller_world(w);
}

/* What was due while nobody was there has its grace from the first look on; one that is not read then, too, is
 * a gap. */
static void test_windows_of_before_the_start(void **state)
{
    (void)state;
    struct vendor vendor;
    for (int is_down = 0; is_down < 2; is_down++) {
        struct poller_world *w = begin(&vendor, SOURCE(""));
        vendor.status = is_down ? 503 : 200;
        poller_world_until(w, "2026-03-10T12:50:00Z");
        check(w, MTR_ALARM_GAP, NULL);
        poller_world_until(w, "2026-03-10T14:10:00Z");
        check(w, MTR_ALARM_GAP, is_down ? "begins at 2026-03-09T00:00:00Z" : NULL);
        free_poller_world(w);
    }
}

/* An answer whose rows do not stand where the document says, or stand there twice, proves nothing of its window:
 * none of it counts, and the window is read again. */
static void test_answers_that_are_not_what_the_document_says(void **state)
{
    (void)state;
#define LIST "[{\"id\":\"a\",\"account\":\"sub-1\",\"at\":\"2026-03-09T12:00:00Z\",\"amount\":5}]"
    static const char *const answers[][2] = {
        {"{\"data\":\"maintenance\"}", "page 1: line 1: a list or map is expected here, on the way to the rows"},
        {"{\"data\":\"\"}", "on the way to the rows"},
        {"{\"data\":0}", "on the way to the rows"},
        {"\"maintenance\"", "on the way to the rows"},
        {"{\"data\":" LIST ",\n\"data\":" LIST "}", "page 1: line 2: `data` stands twice in its map"},
        {"{\"data\":[],\"data\":" LIST "}", "`data` stands twice"},
        {"{\"data\":" LIST "}]", "page 1: line 1: is no JSON"},
    };
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        struct vendor vendor;
        struct poller_world *w = begin(&vendor, SOURCE(""));
        vendor.said = answers[i][0];
        poller_world_until(w, "2026-03-10T00:40:00Z");
        check(w, MTR_ALARM_FAILING, answers[i][1]);
        check(w, MTR_ALARM_REFUSED, NULL);
        check_window_rows(w, "2026-03-09T00:00:00Z", 0);
        vendor.said = NULL;
        poller_world_until(w, "2026-03-10T13:00:00Z");
        check(w, MTR_ALARM_FAILING, NULL);
        check_window_rows(w, "2026-03-09T00:00:00Z", 1);
        free_poller_world(w);
    }
#undef LIST
}

static void test_rows_that_grow_old(void **state)
{
    (void)state;
    struct vendor vendor;
    struct poller_world *w = begin(&vendor, SOURCE(", expect: {freshness: 36h}"));
    poller_world_until(w, "2026-03-10T23:00:00Z");
    check(w, MTR_ALARM_STALE, NULL); /* the newest row is of noon of the 9th */
    vendor.is_idle = true;
    poller_world_until(w, "2026-03-11T01:00:00Z");
    check(w, MTR_ALARM_STALE, "the newest row is of 2026-03-09T12:00:00Z");
    vendor.is_idle = false;
    poller_world_until(w, "2026-03-12T01:00:00Z");
    check(w, MTR_ALARM_STALE, NULL);
    assert_int_equal(count_lines(w, "! usage stale"), 1);
    free_poller_world(w);
}

/* A source that never had a row grows old from its first look on. */
static void test_no_row_at_all(void **state)
{
    (void)state;
    struct vendor vendor;
    struct poller_world *w = begin(&vendor, SOURCE(", expect: {freshness: 36h}"));
    vendor.is_idle = true;
    poller_world_until(w, "2026-03-11T23:59:59Z");
    check(w, MTR_ALARM_STALE, NULL);
    poller_world_until(w, "2026-03-12T00:00:01Z");
    check(w, MTR_ALARM_STALE, "no row came yet");
    free_poller_world(w);
}

static void test_clocks_that_differ(void **state)
{
    (void)state;
    static const struct {
        int64_t skew_s;
        const char *sentence;
    } rows[] = {{0, NULL}, {59, NULL}, {-60, NULL}, {90, "about 1 minutes ahead of ours"}, {-7200, "about 120 minutes behind ours"}, {1, NULL}};
    struct vendor vendor;
    struct poller_world *w = begin(&vendor, SOURCE(", expect: {rows_min: 0}"));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char until[32];
        vendor.skew_us = rows[i].skew_s * MTR_US_PER_SECOND;
        snprintf(until, sizeof(until), "2026-03-%02dT01:00:00Z", 11 + (int)i);
        poller_world_until(w, until);
        check(w, MTR_ALARM_SKEW, rows[i].sentence);
    }
    free_poller_world(w);
}

static void answer_first_page_ahead(void *context, const char *url, struct vendor_reply *reply)
{
    struct vendor page = *(const struct vendor *)context;
    page.is_idle = !strstr(url, "page=1"); /* another machine answers */
    if (page.is_idle) page.skew_us = 0;
    answer(&page, url, reply);
}

static void test_a_clock_among_others(void **state)
{
    (void)state;
    struct vendor vendor;
    struct poller_world *w = begin(&vendor, SOURCE(", paging: {page: {send: query.page}}"));
    w->answer = answer_first_page_ahead;
    vendor.skew_us = 7200 * MTR_US_PER_SECOND;
    poller_world_until(w, "2026-03-11T01:00:00Z");
    check(w, MTR_ALARM_SKEW, "about 120 minutes ahead of ours");
    free_poller_world(w);
}

/* By day: what its row has, and what is said of it. */
struct drift_day {
    const char *extra, *amount, *sentence;
    bool is_taken;
};

static void run_drift(const char *source, const struct drift_day *days, int count, bool restarts)
{
    struct vendor vendor;
    struct poller_world *w = begin(&vendor, source);
    uint64_t taken = 0;
    for (int i = 0; i < count; i++) {
        char until[32];
        vendor.extra = days[i].extra;
        vendor.amount = days[i].amount;
        snprintf(until, sizeof(until), "2026-03-%02dT00:10:00Z", 11 + i);
        poller_world_until(w, until);
        check(w, MTR_ALARM_DRIFT, days[i].sentence);
        if (days[i].sentence) check(w, MTR_ALARM_INCOMPLETE, NULL); /* one reason is one alarm */
        struct mtr_source_status status;
        assert_true(mtr_poller_status(w->poller, MTR_STR("acme"), MTR_STR("usage"), &status));
        if ((status.readings > taken) != days[i].is_taken) fail_msg("day %d: %s", i, w->told);
        taken = status.readings;
        if (!restarts) continue;
        poller_world_close(w);
        remove_tree(w->directory); /* the ledger is folded again */
        poller_world_open(w);
        taken = 0;
    }
    free_poller_world(w);
}

static void test_columns_that_change(void **state)
{
    (void)state;
    static const struct drift_day grow[] = {
        {",\"unit\":\"h\"", NULL, NULL, true},
        {",\"unit\":\"h\",\"note\":1", NULL, NULL, true}, /* new ones may come */
        {NULL, NULL, "no row has `unit`, which all had", true},
        {",\"other\":3", NULL, "no row has `unit`", true}, /* and stays expected */
        {",\"unit\":\"h\"", NULL, NULL, true},
    };
    static const struct drift_day exact[] = {
        {",\"unit\":\"h\"", NULL, NULL, true},
        {",\"unit\":\"h\",\"note\":1", NULL, "`note` is new: `expect.columns` is exact", false},
        {",\"unit\":\"h\"", "quantity", "no row has `amount`, which all had, and `quantity` is new", false},
        {",\"unit\":\"h\"", NULL, NULL, true},
    };
    static const struct drift_day any[] = {{",\"unit\":1", NULL, NULL, true}, {NULL, NULL, NULL, true}, {",\"note\":1", NULL, NULL, true}};
    for (int restarts = 0; restarts < 2; restarts++) {
        run_drift(SOURCE(""), grow, 5, restarts);
        run_drift(SOURCE(", expect: {columns: exact}"), exact, 4, restarts);
        run_drift(SOURCE(", expect: {columns: any}"), any, 3, restarts);
    }
}

/* A price may go by it: the reading is taken when it is said again, or accepted, and what is taken so is not doubted when it is read once more. */
static void test_a_column_of_the_map_that_is_gone(void **state)
{
    enum { KINDS = 6 }; /* the last two are there, and empty */
    static const char *const mapped[KINDS] = {"region", "region.name", "'[\"region\"].name'", "'region[0]'", "region", "region"};
    static const char *const values[KINDS] = {"\"eu\"", "{\"name\":\"eu\"}", "{\"name\":\"eu\"}", "[\"eu\"]", "\"eu\"", "\"eu\""};
    static const char *const gone[KINDS] = {[4] = ",\"region\":null", [5] = ",\"region\":\"\""};
    (void)state;
    for (int i = 0; i < KINDS; i++) {
        char source[1000], value[80];
        struct vendor vendor;
        snprintf(source, sizeof(source), "%s", SOURCE(""));
        char *data = strstr(source, "{seconds: amount}");
        snprintf(data, 80, "{seconds: amount, region: %s}}}\n", mapped[i]);
        snprintf(value, sizeof(value), ",\"region\":%s", values[i]);
        struct poller_world *w = begin(&vendor, source);
        vendor.extra = value;
        poller_world_until(w, "2026-03-11T00:15:00Z");
        check(w, MTR_ALARM_DRIFT, NULL);
        check_window_rows(w, "2026-03-10T00:00:00Z", 1);
        vendor.extra = gone[i];
        poller_world_until(w, "2026-03-12T00:05:00Z");
        check(w, MTR_ALARM_DRIFT, gone[i] ? "no row has a value of `region`" : "no row has `region`, which");
        assert_int_equal(window_of(w, "usage", "", "2026-03-11T00:00:00Z").state, MTR_WINDOW_INCOMPLETE);
        poller_world_until(w, "2026-03-12T00:25:00Z");
        check(w, MTR_ALARM_DRIFT, gone[i] ? "no row has a value of `region`" : "no row has `region`, which");
        check_window_rows(w, "2026-03-11T00:00:00Z", 1);
        vendor.extra = value;
        poller_world_until(w, "2026-03-13T00:05:00Z");
        check(w, MTR_ALARM_DRIFT, NULL);
        check_window_rows(w, "2026-03-12T00:00:00Z", 1);
        free_poller_world(w);
    }
}

/* A document that says something new of columns begins anew. */
static void test_columns_of_a_new_document(void **state)
{
    (void)state;
    struct vendor vendor;
    struct poller_world *w = begin(&vendor, SOURCE(""));
    vendor.extra = ",\"unit\":1";
    poller_world_until(w, "2026-03-10T23:00:00Z");
    vendor.extra = NULL;
    poller_world_until(w, "2026-03-11T00:10:00Z");
    check(w, MTR_ALARM_DRIFT, "`unit`");
    apply(w->world, SOURCE(", expect: {columns: any}"));
    poller_world_until(w, "2026-03-12T00:10:00Z");
    check(w, MTR_ALARM_DRIFT, NULL);
    free_poller_world(w);
}

/* A strand that goes takes its alarms with it. */
static void test_alarms_of_a_source_that_goes(void **state)
{
    (void)state;
    struct vendor vendor;
    struct poller_world *w = begin(&vendor, SOURCE(""));
    vendor.status = 500;
    poller_world_until(w, "2026-03-10T15:00:00Z");
    check(w, MTR_ALARM_GAP, "");
    check(w, MTR_ALARM_FAILING, "");
    apply(w->world, SOURCE(", disabled: true"));
    poller_world_until(w, "2026-03-10T15:10:00Z");
    check(w, MTR_ALARM_GAP, NULL);
    check(w, MTR_ALARM_FAILING, NULL);
    free_poller_world(w);
}

#define MAPPED_WITH(more)                                                                                                             \
    "sources:\n  - {key: usage, vendor: acme, base_url: 'http://127.0.0.1:1/v1', auth: none, schedule: {every: 10m},\n"               \
    "     window: {length: day, start: 2026-03-09, rereads: [1h, 2d]}, request: {path: /u, query: {day: '{from:%Y-%m-%d}'}},\n"       \
    "     format: {json: {rows: 'data[]'}}, identity: {id: id},\n"                                                                    \
    "     map: {type: =cpu, subject: account, time: at, data: {seconds: {path: amount, as: number}}}" more "}\n"

/* `then: log`: a line of the log for each reading that is warned of, and nothing else comes of it. */
static void test_a_warning_is_told(void **state)
{
    static const char *const line = "! usage the vendor warns: [\"one shard\",\"is late\"]\n";
    (void)state;
    struct vendor vendor;
    struct poller_world *w = begin(&vendor, MAPPED_WITH(", answer: {warnings: {path: notes, then: log}}"));
    vendor.said = "{\"data\":[{\"id\":\"a\",\"account\":\"sub-1\",\"at\":\"2026-03-09T12:00:00Z\",\"amount\":5}],"
                  "\"notes\":[\"one shard\",\"is late\"]}";
    poller_world_until(w, "2026-03-10T12:05:00Z");
    check(w, MTR_ALARM_INCOMPLETE, NULL);
    const char *told = strstr(w->told, line);
    if (!told || strstr(told + 1, line)) fail_msg("%s", w->told);
    vendor.said = "{\"data\":[],\"notes\":[]}";
    poller_world_until(w, "2026-03-12T01:05:00Z");
    assert_null(strstr(told + strlen(line), "warns"));
    free_poller_world(w);
}

/* The vendor's first day is never whole: other days are, and that ends nothing; nor does a restart. */
static void answer_first_day_cut(void *context, const char *url, struct vendor_reply *reply)
{
    const struct vendor *vendor = context;
    const bool is_first = strstr(url, "day=2026-03-09") != NULL;
    answer(context, url, reply);
    reply->body->size--; /* its bracket */
    assert_int_equal(mtr_buffer_printf(reply->body, ",\"total\":%d}", is_first && !vendor->skew_us ? 2 : 1), 0);
}

static void test_a_window_keeps_its_alarm(void **state)
{
    struct vendor vendor;
    struct poller_world *w = begin(&vendor, SOURCE(", complete: {count: total}"));
    (void)state;
    w->answer = answer_first_day_cut;
    poller_world_until(w, "2026-03-11T02:00:00Z");
    check(w, MTR_ALARM_INCOMPLETE, "2");
    poller_world_until(w, "2026-03-12T02:00:00Z");
    check(w, MTR_ALARM_INCOMPLETE, "2");
    assert_null(strstr(w->told, "incomplete is over"));
    poller_world_close(w);
    poller_world_open(w);
    poller_world_until(w, "2026-03-12T02:00:01Z");
    check(w, MTR_ALARM_INCOMPLETE, "2");
    vendor.skew_us = 1; /* it is whole from now on */
    poller_world_until(w, "2026-03-12T05:00:00Z");
    check(w, MTR_ALARM_INCOMPLETE, NULL);
    free_poller_world(w);
}

/* What the vendor says of itself comes before what is wrong with its rows. */
static void test_an_answer_says_that_it_failed(void **state)
{
    struct vendor vendor;
    struct poller_world *w = begin(&vendor, SOURCE(", answer: {ok: {path: state, equals: OK}}"));
    (void)state;
    vendor.said = "{\"state\":\"ERROR\",\"message\":\"quota exceeded\"}";
    poller_world_until(w, "2026-03-10T12:10:00Z");
    check(w, MTR_ALARM_FAILING, "the answer says itself that it failed (`answer.ok`): at `state` stands `ERROR`");
    vendor.said = "{\"data\":[],\"state\":\"ERROR\"}";
    poller_world_until(w, "2026-03-10T15:00:00Z");
    check(w, MTR_ALARM_FAILING, "at `state` stands `ERROR`");
    vendor.said = "{\"data\":[]}";
    poller_world_until(w, "2026-03-10T18:00:00Z");
    check(w, MTR_ALARM_FAILING, "the answer says itself that it failed (`answer.ok`)");
    vendor.said = "{\"data\":5,\"stat";
    poller_world_until(w, "2026-03-10T21:00:00Z");
    check(w, MTR_ALARM_FAILING, "a list or map is expected");
    vendor.said = "{\"data\":[],\"state\":\"OK\"}";
    poller_world_until(w, "2026-03-11T00:00:00Z");
    check(w, MTR_ALARM_FAILING, NULL);
    free_poller_world(w);
}

/* Nobody was let in by a vendor who is down, or who cannot be reached: the credentials are still what is wrong. */
static void test_credentials_are_wrong_until_somebody_is_let_in(void **state)
{
    struct vendor vendor;
    struct poller_world *w = begin(&vendor, SOURCE(""));
    (void)state;
    vendor.status = 401;
    poller_world_until(w, "2026-03-10T13:00:00Z");
    check(w, MTR_ALARM_AUTH, "401");
    vendor.status = 500;
    poller_world_until(w, "2026-03-10T18:00:00Z");
    check(w, MTR_ALARM_FAILING, "500");
    check(w, MTR_ALARM_AUTH, "401");
    assert_int_equal(count_lines(w, "auth is over"), 0);
    vendor.status = 302; /* to where one logs in */
    poller_world_until(w, "2026-03-10T21:00:00Z");
    check(w, MTR_ALARM_FAILING, "302");
    check(w, MTR_ALARM_AUTH, "401");
    vendor.status = 404; /* of the path: the credentials were looked at before */
    poller_world_until(w, "2026-03-11T00:00:00Z");
    check(w, MTR_ALARM_FAILING, "404");
    check(w, MTR_ALARM_AUTH, NULL);
    vendor.status = 401;
    poller_world_until(w, "2026-03-11T06:00:00Z");
    check(w, MTR_ALARM_AUTH, "401");
    vendor.status = 200;
    poller_world_until(w, "2026-03-11T12:00:00Z");
    check(w, MTR_ALARM_AUTH, NULL);
    check(w, MTR_ALARM_FAILING, NULL);
    free_poller_world(w);
}

/* The first day, of which `start` is the middle, cannot be read: others can, and that ends nothing. */
static void answer_all_but_the_first(void *context, const char *url, struct vendor_reply *reply)
{
    struct vendor *vendor = context;
    vendor->status = strstr(url, "day=2026-03-09") && !vendor->skew_us ? 500 : 200;
    answer(context, url, reply);
}

static void test_the_first_window_keeps_its_alarm(void **state)
{
    struct vendor vendor;
    struct poller_world *w = begin(&vendor, SOURCE_FROM("2026-03-09T12:00:00Z", ""));
    (void)state;
    w->answer = answer_all_but_the_first;
    poller_world_until(w, "2026-03-11T02:00:00Z");
    check(w, MTR_ALARM_FAILING, "500");
    assert_null(strstr(w->told, "failing is over"));
    vendor.skew_us = 1; /* it can from now on */
    poller_world_until(w, "2026-03-11T05:00:00Z");
    check(w, MTR_ALARM_FAILING, NULL);
    free_poller_world(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_window_past_its_time), cmocka_unit_test(test_windows_of_before_the_start),
        cmocka_unit_test(test_answers_that_are_not_what_the_document_says), cmocka_unit_test(test_rows_that_grow_old),     cmocka_unit_test(test_no_row_at_all),
        cmocka_unit_test(test_a_window_keeps_its_alarm),
        cmocka_unit_test(test_the_first_window_keeps_its_alarm),
        cmocka_unit_test(test_an_answer_says_that_it_failed),
        cmocka_unit_test(test_credentials_are_wrong_until_somebody_is_let_in),
        cmocka_unit_test(test_a_warning_is_told),
        cmocka_unit_test(test_clocks_that_differ),     cmocka_unit_test(test_a_clock_among_others),
        cmocka_unit_test(test_alarms_of_a_source_that_goes),
        cmocka_unit_test(test_columns_that_change),    cmocka_unit_test(test_columns_of_a_new_document),
        cmocka_unit_test(test_a_column_of_the_map_that_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
