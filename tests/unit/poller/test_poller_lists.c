/*
 * Lists of files whose version is known. A list that is the one of before says that its window stands as it is; that of a piece of the window says it of
 * that piece alone.
 */
#include "tests/support/source/poller_world.h"

static const char SOURCE[] = "sources: [{key: usage, vendor: acme, base_url: 'http://127.0.0.1:1', schedule: {every: 1h}, auth: none,"
                             "window: {length: day, start: 2026-03-09, rereads: [14h, 3d], split: 6h}, identity: {id: Id}, format: {csv: {}},"
                             "request: {path: /list, query: {from: '{from:unix}', to: '{to:unix}'}}, answer: {limit: [{status: 413}]},"
                             "paging: {parts: {list: 'files[]', url: url, etag: version}},"
                             "map: {type: =cpu, subject: Account, time: At, data: {seconds: Amount}}}]\n";

/* Of the day there is the file of its afternoon; later that of its morning, too, and a list of the whole day is too much then. */
struct vendor {
    bool has_morning;
    uint32_t files; /* that were asked for */
};

static void answer(void *context, const char *url, struct vendor_reply *reply)
{
    struct vendor *vendor = context;
    const int64_t noon_s = instant("2026-03-09T12:00:00Z") / MTR_US_PER_SECOND;
    if (strstr(url, "/morning") || strstr(url, "/afternoon")) {
        const bool is_morning = strstr(url, "/morning") != NULL;
        vendor->files++;
        assert_int_equal(mtr_buffer_printf(reply->body, "Id,Account,At,Amount\n%s:00:00Z,1\n",
                                           is_morning ? "a,sub-1,2026-03-09T05" : "b,sub-1,2026-03-09T15"), 0);
        return;
    }
    const int64_t from_s = url_parameter(url, "from="), to_s = url_parameter(url, "to=");
    const bool is_of_day = from_s < noon_s + 43200, is_morning = vendor->has_morning && from_s < noon_s;
    reply->status = is_morning && to_s > noon_s ? 413 : 200;
    if (reply->status != 200) return;
    assert_int_equal(mtr_buffer_printf(reply->body, "{\"version\":\"%d\",\"files\":[%s]}", !is_of_day ? 0 : is_morning ? 2 : 1,
                                       !is_of_day ? "" : is_morning ? "{\"url\":\"/morning\"}" : "{\"url\":\"/afternoon\"}"), 0);
}

static void check(struct poller_world *w, const char *expected)
{
    char rows[200];
    counted_rows(w, "usage", rows, sizeof(rows));
    assert_string_equal(rows, expected);
}

static void test_a_piece_whose_list_is_that_of_the_window_before(void **state)
{
    (void)state;
    struct vendor vendor = {0};
    struct poller_world *w = new_poller_world();
    w->answer = answer;
    w->context = &vendor;
    apply(w->world, SOURCE);
    poller_world_run(w);
    check(w, "b=1 ");
    assert_int_equal(vendor.files, 1);
    poller_world_at(w, instant("2026-03-10T15:00:00Z")); /* read again: nothing is new */
    check(w, "b=1 ");
    assert_int_equal(vendor.files, 1);
    assert_int_equal(window_of(w, "usage", "", "2026-03-09T00:00:00Z").readings, 2);
    vendor.has_morning = true;
    poller_world_at(w, instant("2026-03-13T02:00:00Z"));
    check(w, "a=1 b=1 ");
    free_poller_world(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_a_piece_whose_list_is_that_of_the_window_before)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
