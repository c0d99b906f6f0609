/*
 * Alarms of sources on a simulated clock: each begins when its condition does, stands beside the others, and
 * ends when the condition has; what is counted is what stands.
 */
#include "tests/support/source/polling_world.h"

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
    char body[512];
};

static struct vendor_answer answer(void *context, const char *url)
{
    struct vendor *vendor = context;
    const char *day = strstr(url, "day=") + 4;
    const struct vendor_answer said = {vendor->status ? vendor->status : 200, vendor->body, vendor->skew_us};
    if (vendor->said)
        snprintf(vendor->body, sizeof(vendor->body), "%s", vendor->said);
    else if (vendor->is_idle)
        snprintf(vendor->body, sizeof(vendor->body), "{\"data\":[]}");
    else
        snprintf(vendor->body, sizeof(vendor->body),
                 "{\"data\":[{\"id\":\"%.10s\",\"account\":\"sub-1\",\"at\":\"%.10sT12:00:00Z\",\"%s\":5%s}]}", day, day,
                 vendor->amount ? vendor->amount : "amount", vendor->extra ? vendor->extra : "");
    return said;
}

static struct polling_world *begin(struct vendor *vendor, const char *source)
{
    struct polling_world *polling = new_polling_world(source);
    *vendor = (struct vendor){.status = 200};
    polling->answer = answer;
    polling->context = vendor;
    return polling;
}

static void check(struct polling_world *polling, enum mtr_alarm alarm, const char *sentence)
{
    struct mtr_source_status status;
    const struct mtr_source_alarm *found = find_alarm(&status, polling, "usage", alarm);
    assert_int_equal(mtr_poller_totals(polling->poller)->alarms[alarm], sentence ? 1 : 0);
    if (!sentence && found) fail_msg("%s: %s", mtr_alarm_name(alarm), found->text);
    if (!sentence) return;
    if (!found) fail_msg("no alarm %s: %s", mtr_alarm_name(alarm), polling->told);
    if (!strstr(found->text, sentence)) fail_msg("%s: %s", mtr_alarm_name(alarm), found->text);
    for (uint32_t i = 1; i < status.alarm_count; i++)
        assert_true(mtr_alarm_gravity(status.alarms[i - 1].alarm) > mtr_alarm_gravity(status.alarms[i].alarm));
}

/* What the ledger has of a window; rows 0: it has none of it. */
static void check_window_rows(struct polling_world *polling, const char *start, uint64_t rows)
{
    const struct mtr_strand strand = {MTR_STR("acme"), MTR_STR("usage"), MTR_STR("")};
    struct mtr_ledger_window window;
    struct mtr_ledger_txn *txn;
    assert_int_equal(mtr_ledger_begin(polling->ledger, false, &txn), 0);
    int rc = mtr_ledger_get_window(txn, &strand, instant(start), &window);
    mtr_ledger_abort(txn);
    assert_int_equal(rc, rows ? MTR_OK : MTR_ENOTFOUND);
    if (rows) assert_true(window.rows == rows && window.state == MTR_WINDOW_COMPLETE && !window.refused);
}

static uint32_t count_lines(const struct polling_world *polling, const char *text)
{
    uint32_t count = 0;
    for (const char *at = polling->told; (at = strstr(at, text)); at++) count++;
    return count;
}

/* A vendor that is down: the alarm of its readings at once, that of the window an hour behind its time. */
static void test_a_window_past_its_time(void **state)
{
    (void)state;
    struct vendor vendor;
    struct polling_world *polling = begin(&vendor, SOURCE(""));
    run(polling, "2026-03-10T13:00:00Z");
    check(polling, MTR_ALARM_GAP, NULL);
    check(polling, MTR_ALARM_FAILING, NULL);
    vendor.status = 500;
    run(polling, "2026-03-11T00:40:00Z");
    check(polling, MTR_ALARM_GAP, NULL);
    check(polling, MTR_ALARM_FAILING, "500");
    run(polling, "2026-03-11T01:30:00Z");
    check(polling, MTR_ALARM_GAP, "the window that begins at 2026-03-10T00:00:00Z was due at 2026-03-11T00:00:00Z");
    run(polling, "2026-03-12T01:30:00Z");
    check(polling, MTR_ALARM_GAP, "begins at 2026-03-10T00:00:00Z");
    assert_int_equal(count_lines(polling, "! usage gap"), 1);
    vendor.status = 200;
    run(polling, "2026-03-12T03:30:00Z"); /* waits of failures are an hour at most */
    check(polling, MTR_ALARM_GAP, NULL);
    check(polling, MTR_ALARM_FAILING, NULL);
    assert_int_equal(count_lines(polling, "usage gap is over"), 1);
    free_polling_world(polling);
}

/* What was due while nobody was there has its grace from the first look on; one that is not read then, too, is
 * a gap. */
static void test_windows_of_before_the_start(void **state)
{
    (void)state;
    struct vendor vendor;
    for (int is_down = 0; is_down < 2; is_down++) {
        struct polling_world *polling = begin(&vendor, SOURCE(""));
        vendor.status = is_down ? 503 : 200;
        run(polling, "2026-03-10T12:50:00Z");
        check(polling, MTR_ALARM_GAP, NULL);
        run(polling, "2026-03-10T14:10:00Z");
        check(polling, MTR_ALARM_GAP, is_down ? "begins at 2026-03-09T00:00:00Z" : NULL);
        free_polling_world(polling);
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
        struct polling_world *polling = begin(&vendor, SOURCE(""));
        vendor.said = answers[i][0];
        run(polling, "2026-03-10T00:40:00Z");
        check(polling, MTR_ALARM_FAILING, answers[i][1]);
        check(polling, MTR_ALARM_REFUSED, NULL);
        check_window_rows(polling, "2026-03-09T00:00:00Z", 0);
        vendor.said = NULL;
        run(polling, "2026-03-10T13:00:00Z");
        check(polling, MTR_ALARM_FAILING, NULL);
        check_window_rows(polling, "2026-03-09T00:00:00Z", 1);
        free_polling_world(polling);
    }
#undef LIST
}

static void test_rows_that_grow_old(void **state)
{
    (void)state;
    struct vendor vendor;
    struct polling_world *polling = begin(&vendor, SOURCE(", expect: {freshness: 36h}"));
    run(polling, "2026-03-10T23:00:00Z");
    check(polling, MTR_ALARM_STALE, NULL); /* the newest row is of noon of the 9th */
    vendor.is_idle = true;
    run(polling, "2026-03-11T01:00:00Z");
    check(polling, MTR_ALARM_STALE, "the newest row is of 2026-03-09T12:00:00Z");
    vendor.is_idle = false;
    run(polling, "2026-03-12T01:00:00Z");
    check(polling, MTR_ALARM_STALE, NULL);
    assert_int_equal(count_lines(polling, "! usage stale"), 1);
    free_polling_world(polling);
}

/* A source that never had a row grows old from its first look on. */
static void test_no_row_at_all(void **state)
{
    (void)state;
    struct vendor vendor;
    struct polling_world *polling = begin(&vendor, SOURCE(", expect: {freshness: 36h}"));
    vendor.is_idle = true;
    run(polling, "2026-03-11T23:59:59Z");
    check(polling, MTR_ALARM_STALE, NULL);
    run(polling, "2026-03-12T00:00:01Z");
    check(polling, MTR_ALARM_STALE, "no row came yet");
    free_polling_world(polling);
}

static void test_clocks_that_differ(void **state)
{
    (void)state;
    static const struct {
        int64_t skew_s;
        const char *sentence;
    } rows[] = {{0, NULL}, {59, NULL}, {-60, NULL}, {90, "about 1 minutes ahead of ours"}, {-7200, "about 120 minutes behind ours"}, {1, NULL}};
    struct vendor vendor;
    struct polling_world *polling = begin(&vendor, SOURCE(", expect: {rows_min: 0}"));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char until[32];
        vendor.skew_us = rows[i].skew_s * MTR_US_PER_SECOND;
        snprintf(until, sizeof(until), "2026-03-%02dT01:00:00Z", 11 + (int)i);
        run(polling, until);
        check(polling, MTR_ALARM_SKEW, rows[i].sentence);
    }
    free_polling_world(polling);
}

/* By day: what its row has, and what is said of it. */
struct drift_day {
    const char *extra, *amount, *sentence;
    bool is_taken;
};

static void run_drift(const char *source, const struct drift_day *days, int count, bool restarts)
{
    struct vendor vendor;
    struct polling_world *polling = begin(&vendor, source);
    uint64_t taken = 0;
    for (int i = 0; i < count; i++) {
        char until[32];
        vendor.extra = days[i].extra;
        vendor.amount = days[i].amount;
        snprintf(until, sizeof(until), "2026-03-%02dT00:10:00Z", 11 + i);
        run(polling, until);
        check(polling, MTR_ALARM_DRIFT, days[i].sentence);
        struct mtr_source_status status;
        assert_true(mtr_poller_status(polling->poller, MTR_STR("acme"), MTR_STR("usage"), &status));
        if ((status.readings > taken) != days[i].is_taken) fail_msg("day %d: %s", i, polling->told);
        taken = status.readings;
        if (!restarts) continue;
        close_poller(polling); /* and the ledger is folded again */
        struct mtr_ledger_txn *txn;
        assert_int_equal(mtr_ledger_begin(polling->ledger, true, &txn), 0);
        assert_int_equal(mtr_ledger_clear(txn), 0);
        assert_int_equal(mtr_ledger_commit(txn), 0);
        open_poller(polling);
        taken = 0;
    }
    free_polling_world(polling);
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

/* A document that says something new of columns begins anew. */
static void test_columns_of_a_new_document(void **state)
{
    (void)state;
    struct vendor vendor;
    struct polling_world *polling = begin(&vendor, SOURCE(""));
    vendor.extra = ",\"unit\":1";
    run(polling, "2026-03-10T23:00:00Z");
    vendor.extra = NULL;
    run(polling, "2026-03-11T00:10:00Z");
    check(polling, MTR_ALARM_DRIFT, "`unit`");
    apply(polling->world, SOURCE(", expect: {columns: any}"));
    run(polling, "2026-03-12T00:10:00Z");
    check(polling, MTR_ALARM_DRIFT, NULL);
    free_polling_world(polling);
}

/* A strand that goes takes its alarms with it. */
static void test_alarms_of_a_source_that_goes(void **state)
{
    (void)state;
    struct vendor vendor;
    struct polling_world *polling = begin(&vendor, SOURCE(""));
    vendor.status = 500;
    run(polling, "2026-03-10T15:00:00Z");
    check(polling, MTR_ALARM_GAP, "");
    check(polling, MTR_ALARM_FAILING, "");
    apply(polling->world, SOURCE(", disabled: true"));
    run(polling, "2026-03-10T15:10:00Z");
    check(polling, MTR_ALARM_GAP, NULL);
    check(polling, MTR_ALARM_FAILING, NULL);
    free_polling_world(polling);
}

#define MAPPED_WITH(more)                                                                                                             \
    "sources:\n  - {key: usage, vendor: acme, base_url: 'http://127.0.0.1:1/v1', auth: none, schedule: {every: 10m},\n"               \
    "     window: {length: day, start: 2026-03-09, rereads: [1h, 2d]}, request: {path: /u, query: {day: '{from:%Y-%m-%d}'}},\n"       \
    "     format: {json: {rows: 'data[]'}}, identity: {id: id},\n"                                                                    \
    "     map: {type: =cpu, subject: account, time: at, data: {seconds: {path: amount, as: number}}}" more "}\n"
#define MAPPED MAPPED_WITH("")

/* `then: log`: a line of the log for each reading that is warned of, and nothing else comes of it. */
static void test_a_warning_is_told(void **state)
{
    static const char *const line = "! usage the vendor warns: [\"one shard\",\"is late\"]\n";
    (void)state;
    struct vendor vendor;
    struct polling_world *polling = begin(&vendor, MAPPED_WITH(", answer: {warnings: {path: notes, then: log}}"));
    vendor.said = "{\"data\":[{\"id\":\"a\",\"account\":\"sub-1\",\"at\":\"2026-03-09T12:00:00Z\",\"amount\":5}],"
                  "\"notes\":[\"one shard\",\"is late\"]}";
    run(polling, "2026-03-10T12:05:00Z");
    check(polling, MTR_ALARM_INCOMPLETE, NULL);
    const char *told = strstr(polling->told, line);
    if (!told || strstr(told + 1, line)) fail_msg("%s", polling->told);
    vendor.said = "{\"data\":[],\"notes\":[]}";
    run(polling, "2026-03-12T01:05:00Z");
    assert_null(strstr(told + strlen(line), "warns"));
    free_polling_world(polling);
}

/* A row that cannot be mapped is one row, in the reading that finds it and in those that find it again. */
static void test_a_row_in_quarantine(void **state)
{
    (void)state;
    struct vendor vendor;
    struct polling_world *polling = begin(&vendor, MAPPED);
    vendor.amount = "note\":1,\"amount\":\"x\",\"rest";
    run(polling, "2026-03-10T13:05:00Z");
    check(polling, MTR_ALARM_REFUSED, "1 row in quarantine");
    run(polling, "2026-03-11T00:30:00Z");
    check(polling, MTR_ALARM_REFUSED, "1 row in quarantine");
    run(polling, "2026-03-11T02:00:00Z");
    check(polling, MTR_ALARM_REFUSED, "1 row in quarantine");
    free_polling_world(polling);
}

/* The vendor's first day is never whole: other days are, and that ends nothing; nor does a restart. */
static struct vendor_answer answer_first_day_cut(void *context, const char *url)
{
    struct vendor *vendor = context;
    const struct vendor_answer said = answer(context, url);
    const bool is_first = strstr(url, "day=2026-03-09") != NULL;
    char *end = strrchr(vendor->body, '}');
    snprintf(end, sizeof(vendor->body) - (size_t)(end - vendor->body), ",\"total\":%d}", is_first && !vendor->skew_us ? 2 : 1);
    return said;
}

static void test_a_window_keeps_its_alarm(void **state)
{
    struct vendor vendor;
    struct polling_world *polling = begin(&vendor, SOURCE(", complete: {count: total}"));
    (void)state;
    polling->answer = answer_first_day_cut;
    run(polling, "2026-03-11T02:00:00Z");
    check(polling, MTR_ALARM_INCOMPLETE, "2");
    run(polling, "2026-03-12T02:00:00Z");
    check(polling, MTR_ALARM_INCOMPLETE, "2");
    assert_null(strstr(polling->told, "incomplete is over"));
    close_poller(polling);
    open_poller(polling);
    run(polling, "2026-03-12T02:00:01Z");
    check(polling, MTR_ALARM_INCOMPLETE, "2");
    vendor.skew_us = 1; /* it is whole from now on */
    run(polling, "2026-03-12T05:00:00Z");
    check(polling, MTR_ALARM_INCOMPLETE, NULL);
    free_polling_world(polling);
}

/* The first day, of which `start` is the middle, cannot be read: others can, and that ends nothing. */
static struct vendor_answer answer_all_but_the_first(void *context, const char *url)
{
    struct vendor *vendor = context;
    vendor->status = strstr(url, "day=2026-03-09") && !vendor->skew_us ? 500 : 200;
    return answer(context, url);
}

static void test_the_first_window_keeps_its_alarm(void **state)
{
    struct vendor vendor;
    struct polling_world *polling = begin(&vendor, SOURCE_FROM("2026-03-09T12:00:00Z", ""));
    (void)state;
    polling->answer = answer_all_but_the_first;
    run(polling, "2026-03-11T02:00:00Z");
    check(polling, MTR_ALARM_FAILING, "500");
    assert_null(strstr(polling->told, "failing is over"));
    vendor.skew_us = 1; /* it can from now on */
    run(polling, "2026-03-11T05:00:00Z");
    check(polling, MTR_ALARM_FAILING, NULL);
    free_polling_world(polling);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_window_past_its_time), cmocka_unit_test(test_windows_of_before_the_start),
        cmocka_unit_test(test_answers_that_are_not_what_the_document_says), cmocka_unit_test(test_rows_that_grow_old),     cmocka_unit_test(test_no_row_at_all),
        cmocka_unit_test(test_a_window_keeps_its_alarm),
        cmocka_unit_test(test_the_first_window_keeps_its_alarm),
        cmocka_unit_test(test_a_row_in_quarantine),
        cmocka_unit_test(test_a_warning_is_told),
        cmocka_unit_test(test_clocks_that_differ),     cmocka_unit_test(test_alarms_of_a_source_that_goes),
        cmocka_unit_test(test_columns_that_change),    cmocka_unit_test(test_columns_of_a_new_document),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
