/*
 * Feeds whose readings are doubted on a simulated clock: a feed has no window that waits, what was not taken comes again with more behind
 * it, and a doubt ends as that of a window does.
 */
#include "tests/support/source/poller_world.h"

#define FEED(more)                                                                                                                \
    "sources:\n  - {key: usage, vendor: acme, base_url: 'http://127.0.0.1:1/v1', auth: none, schedule: {every: 5m},\n"            \
    "     window: {length: cursor, start: 2026-03-09}, request: {path: /u}, paging: {cursor: {path: next, send: query.cursor}},\n" \
    "     format: {json: {rows: 'data[]'}}, identity: {id: id},\n"                                                                \
    "     map: {type: =cpu, subject: account, time: at, data: {seconds: amount, region: region}}" more "}\n"

/* A row every five minutes. */
struct vendor {
    struct poller_world *w;
    int64_t begun_us;
    const char *region;  /* of rows from `from` on; NULL: they have none */
    int from;
    bool has_no_empty_page; /* where nothing follows it says 404 */
};

static int row_count(const struct vendor *vendor)
{
    return (int)((vendor->w->world->now_us - vendor->begun_us) / (300 * MTR_US_PER_SECOND)) + 1;
}

static void answer(void *context, const char *url, struct vendor_reply *reply)
{
    const struct vendor *vendor = context;
    const char *cursor = strstr(url, "cursor=");
    const int first = cursor ? atoi(cursor + 7) : 0, count = row_count(vendor);
    reply->status = first >= count && vendor->has_no_empty_page ? 404 : 200;
    int rc = mtr_buffer_printf(reply->body, "{\"next\":\"%d\",\"data\":[", count);
    for (int i = first; !rc && i < count; i++)
        rc = mtr_buffer_printf(reply->body, "%s{\"id\":\"r%d\",\"account\":\"sub-1\",\"at\":\"2026-03-09T12:00:00Z\",\"amount\":1%s}", i > first ? "," : "", i,
                               i < vendor->from ? ",\"region\":\"eu\"" : vendor->region ? vendor->region : "");
    if (!rc) rc = mtr_buffer_printf(reply->body, "]}");
    assert_int_equal(rc, 0);
}

static struct poller_world *begin(struct vendor *vendor, const char *source)
{
    struct poller_world *w = new_poller_world();
    apply(w->world, source);
    *vendor = (struct vendor){.w = w, .begun_us = w->world->now_us};
    w->answer = answer;
    w->context = vendor;
    return w;
}

static void go_on(struct poller_world *w, int minutes) { poller_world_at(w, w->world->now_us + minutes * 60 * MTR_US_PER_SECOND); }

static int counted(struct poller_world *w)
{
    char text[4000];
    int count = 0;
    counted_rows(w, "usage", text, sizeof(text));
    for (const char *at = text; *at; at++) count += *at == 'r';
    return count;
}

static void check_drift(struct poller_world *w, const char *sentence)
{
    struct mtr_source_status status;
    const struct mtr_source_alarm *found = alarm_of(w, "usage", MTR_ALARM_DRIFT, &status);
    if (!found != !sentence || (found && !strstr(found->text, sentence))) fail_msg("%s", found ? found->text : w->told);
}

/* Each reading has other rows, and lacks the same: taken when it was said often enough, and not doubted again until the column is back. */
static void test_a_feed_that_lacks_a_column_goes_on(void **state)
{
    static const char *const gone[] = {NULL, ",\"region\":null", ",\"region\":\"\""};
    (void)state;
    for (int i = 0; i < 3; i++) {
        const char *const sentence = gone[i] ? "no row has a value of `region`" : "no row has `region`, which";
        struct vendor vendor;
        struct poller_world *w = begin(&vendor, FEED(""));
        vendor.region = gone[i];
        vendor.from = 2;
        go_on(w, 1);
        check_drift(w, NULL);
        const int before = counted(w);
        assert_true(before > 0);
        go_on(w, 14);
        check_drift(w, sentence);
        assert_int_equal(counted(w), vendor.from);
        go_on(w, 15);
        check_drift(w, sentence);
        const int taken = counted(w);
        assert_true(taken > vendor.from + 2);
        go_on(w, 10);
        assert_true(counted(w) > taken); /* it goes on */
        check_drift(w, sentence);
        vendor.from = 1000;
        go_on(w, 10);
        check_drift(w, NULL);
        const int back = counted(w);
        vendor.from = row_count(&vendor);
        go_on(w, 6);
        check_drift(w, sentence); /* a doubt of its own */
        assert_true(counted(w) <= back + 1);
        free_poller_world(w);
    }
}

/* Nobody else could accept it. */
static void test_a_feed_that_must_have_its_columns(void **state)
{
    (void)state;
    struct vendor vendor;
    struct poller_world *w = begin(&vendor, FEED(", expect: {columns: exact}"));
    vendor.from = 2;
    go_on(w, 60);
    check_drift(w, "`expect.columns` is exact");
    assert_int_equal(counted(w), vendor.from);
    apply(w->world, FEED(""));
    go_on(w, 60);
    check_drift(w, NULL);
    assert_true(counted(w) > 10);
    free_poller_world(w);
}

/* It takes nothing away: there is no more. */
static void test_a_feed_whose_end_is_absent(void **state)
{
    (void)state;
    struct vendor vendor;
    struct poller_world *w = begin(&vendor, FEED(", answer: {absent: [{status: 404}]}"));
    vendor.from = 1000;
    vendor.has_no_empty_page = true;
    go_on(w, 12);
    assert_true(counted(w) > 1);
    const int before = counted(w);
    go_on(w, 12);
    assert_true(counted(w) > before);
    struct mtr_source_status status;
    assert_null(alarm_of(w, "usage", MTR_ALARM_INCOMPLETE, &status));
    free_poller_world(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_feed_that_lacks_a_column_goes_on),
        cmocka_unit_test(test_a_feed_that_must_have_its_columns),
        cmocka_unit_test(test_a_feed_whose_end_is_absent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
