/*
 * A file that is given while its source is being read: it waits for a request that is under way, and not for a vendor who is
 * asked again and again; and whoever gave it may have it back, as long as it waits.
 */
#include "tests/support/source/poller_world.h"

#define SOURCE                                                              \
    "sources:\n"                                                            \
    "  - key: usage\n"                                                      \
    "    vendor: acme\n"                                                    \
    "    base_url: http://127.0.0.1:1\n"                                    \
    "    schedule: {every: 1h}\n"                                           \
    "    window: {length: day, start: 2026-03-01}\n"                        \
    "    auth: none\n"                                                      \
    "    request: {path: /usage, query: {day: '{from:%Y-%m-%d}'}}\n"        \
    "    format: {csv: {}}\n"                                               \
    "    identity: {id: Id}\n"                                              \
    "    map: {type: =cpu, subject: Account, time: At, data: {seconds: Amount}}\n"
#define PAGED SOURCE "    paging: {link_header: {}}\n"

#define HEAD "Id,Account,At,Amount\n"

struct vendor {
    unsigned status;
};

static void answer(void *context, const char *url, struct vendor_reply *reply)
{
    const struct vendor *vendor = context;
    (void)url;
    reply->status = vendor->status;
    assert_int_equal(mtr_buffer_append(reply->body, HEAD, strlen(HEAD)), 0);
}

static void note_done(struct mtr_given_file *file) { *(bool *)file->context = true; }

static struct mtr_given_file file_of(bool *is_done)
{
    return (struct mtr_given_file){.vendor = MTR_STR("acme"),
                                   .source = MTR_STR("usage"),
                                   .bytes = MTR_STR(HEAD "a,sub-1,2026-03-02T05:00:00Z,7\n"),
                                   .window = {instant("2026-03-02T00:00:00Z"), instant("2026-03-03T00:00:00Z")},
                                   .on_done = note_done,
                                   .context = is_done};
}

static struct poller_world *world_of(struct vendor *vendor, unsigned status)
{
    struct poller_world *w = new_poller_world();
    *vendor = (struct vendor){status};
    w->answer = answer;
    w->context = vendor;
    apply(w->world, SOURCE);
    return w;
}

static void check(struct poller_world *w, const char *expected)
{
    char rows[1000];
    counted_rows(w, "usage", rows, sizeof(rows));
    assert_string_equal(rows, expected);
}

/* No time goes by. What the vendor did not answer is asked for again later, as it would have been. */
static void test_a_vendor_who_is_away(void **state)
{
    struct vendor vendor;
    bool is_done = false;
    struct mtr_given_file file = file_of(&is_done);
    struct poller_world *w = world_of(&vendor, 503);
    (void)state;
    poller_world_run(w);
    assert_int_equal(w->asked, 1);
    assert_true(w->next_us > w->world->now_us); /* it is tried again then */
    assert_true(mtr_poller_give(w->poller, &file));
    poller_world_run(w);
    assert_true(is_done);
    assert_int_equal(file.result, MTR_GIVEN_TAKEN);
    check(w, "a=7 ");
    struct mtr_source_status status;
    const struct mtr_source_alarm *alarm = alarm_of(w, "usage", MTR_ALARM_FAILING, &status);
    assert_non_null(alarm);
    assert_non_null(strstr(alarm->text, "503"));
    vendor.status = 200;
    poller_world_at(w, w->world->now_us + 3 * MTR_US_PER_HOUR);
    assert_null(alarm_of(w, "usage", MTR_ALARM_FAILING, &status));
    assert_int_equal(window_of(w, "usage", "", "2026-03-01T00:00:00Z").state, MTR_WINDOW_SETTLED);
    free_poller_world(w);
}

/* A page, and then nobody is let in for half an hour. */
static void answer_page(void *context, const char *url, struct vendor_reply *reply)
{
    static const char next[] = "Link: </usage?page=2>; rel=\"next\"\r\n", later[] = "Retry-After: 1800\r\n";
    const bool is_first = !strstr(url, "page=");
    const struct vendor *vendor = context;
    reply->status = is_first ? 200 : vendor->status;
    if (is_first) assert_int_equal(mtr_buffer_append(reply->headers, next, strlen(next)), 0);
    if (reply->status != 200) assert_int_equal(mtr_buffer_append(reply->headers, later, strlen(later)), 0);
    assert_int_equal(mtr_buffer_append(reply->body, HEAD, strlen(HEAD)), 0);
}

/* A reading of it waits. */
static struct poller_world *world_that_waits(struct vendor *vendor)
{
    struct poller_world *w = world_of(vendor, 429);
    w->answer = answer_page;
    apply(w->world, PAGED);
    poller_world_run(w);
    assert_int_equal(w->asked, 2);
    return w;
}

static void check_failing(struct poller_world *w, const char *part)
{
    struct mtr_source_status status;
    const struct mtr_source_alarm *alarm = alarm_of(w, "usage", MTR_ALARM_FAILING, &status);
    assert_true(alarm && strstr(alarm->text, part));
}

/* A reading that waits so, its pages at hand, gives way as one that has none: there is one place for files, and whoever gave
 * this one would wait as long, and others with him. */
static void test_a_reading_that_waits_for_long(void **state)
{
    struct vendor vendor;
    bool is_done = false;
    struct mtr_given_file file = file_of(&is_done);
    struct poller_world *w = world_that_waits(&vendor);
    struct mtr_source_status status;
    (void)state;
    check_failing(w, "the reading goes on then");
    assert_true(mtr_poller_give(w->poller, &file));
    poller_world_run(w);
    assert_true(is_done);
    if (file.result != MTR_GIVEN_TAKEN) fail_msg("%s", file.text);
    check(w, "a=7 ");
    check_failing(w, "the vendor is asked again then");
    poller_world_at(w, w->world->now_us + 1790 * MTR_US_PER_SECOND);
    assert_int_equal(w->asked, 2); /* as he said */
    vendor.status = 200;
    poller_world_at(w, w->world->now_us + 3 * MTR_US_PER_HOUR);
    assert_null(alarm_of(w, "usage", MTR_ALARM_FAILING, &status));
    assert_int_equal(window_of(w, "usage", "", "2026-03-01T00:00:00Z").state, MTR_WINDOW_SETTLED);
    free_poller_world(w);
}

/* It gives way to what will be read: what is refused all the same costs it no page. */
static void test_a_replay_that_is_refused(void **state)
{
    struct vendor vendor;
    bool is_done = false;
    struct mtr_given_file file = file_of(&is_done);
    struct poller_world *w = world_that_waits(&vendor);
    (void)state;
    file.is_replay = true;
    assert_true(mtr_poller_give(w->poller, &file));
    poller_world_run(w);
    assert_true(is_done);
    assert_int_equal(file.result, MTR_GIVEN_REFUSED);
    assert_string_equal(file.text, "the window was not read yet: there is nothing to replay");
    check_failing(w, "the reading goes on then");
    free_poller_world(w);
}

static const struct mtr_strand strand = {{"acme", 4}, {"usage", 5}, {NULL, 0}};

static struct mtr_poller_asked asked_of(struct poller_world *w)
{
    struct mtr_poller_asked asked;
    assert_true(mtr_poller_asked(w->poller, &strand, &asked));
    return asked;
}

/* Until something is asked of the vendor, which does not answer. */
static void ask_vendor(struct poller_world *w)
{
    for (int i = 0; i < 100 && !w->send_count; i++) {
        assert_int_equal(mtr_poller_step(w->poller, w->world->catalog, w->world->now_us, &w->next_us), 0);
        poller_world_do_works(w);
    }
    assert_int_equal(w->send_count, 1);
}

static void test_a_file_that_waits_is_called_off(void **state)
{
    const struct mtr_strand other = {{"acme", 4}, {"other", 5}, {NULL, 0}};
    struct vendor vendor;
    bool is_done = false;
    struct mtr_given_file file = file_of(&is_done);
    struct poller_world *w = world_of(&vendor, 200);
    (void)state;
    ask_vendor(w);
    assert_false(asked_of(w).has_file);
    assert_true(mtr_poller_give(w->poller, &file));
    assert_int_equal(mtr_poller_step(w->poller, w->world->catalog, w->world->now_us, &w->next_us), 0);
    assert_true(asked_of(w).has_file);
    assert_false(mtr_poller_call_off_file(w->poller, &other));
    assert_int_equal(mtr_poller_call_off(w->poller, &strand), 0); /* no window was asked for */
    assert_false(is_done);
    assert_true(mtr_poller_call_off_file(w->poller, &strand));
    assert_true(is_done);
    assert_int_equal(file.result, MTR_GIVEN_FAILED);
    assert_string_equal(file.text, "it was called off before it was read: nothing is stored");
    assert_false(asked_of(w).has_file);
    assert_false(mtr_poller_call_off_file(w->poller, &strand));
    poller_world_run(w);
    check(w, "");
    free_poller_world(w);
}

/* What is being read ends, and counts; the other windows stay as they are, and others may be asked for. */
static void test_windows_that_wait_are_called_off(void **state)
{
    struct vendor vendor;
    const char *fault;
    struct poller_world *w = world_of(&vendor, 200);
    const struct mtr_window days = {instant("2026-03-02T00:00:00Z"), instant("2026-03-06T00:00:00Z")};
    (void)state;
    poller_world_run(w);
    const uint32_t before = w->asked;
    if (mtr_poller_ask(w->poller, &strand, days, false, &fault)) fail_msg("%s", fault);
    assert_int_equal(asked_of(w).left, 1);
    ask_vendor(w);
    assert_int_equal(mtr_poller_call_off(w->poller, &strand), 1);
    assert_int_equal(mtr_poller_call_off(w->poller, &strand), 0);
    poller_world_run(w);
    assert_int_equal(w->asked, before + 1);
    assert_int_equal(window_of(w, "usage", "", "2026-03-02T00:00:00Z").readings, 2);
    assert_int_equal(window_of(w, "usage", "", "2026-03-03T00:00:00Z").readings, 1);
    const struct mtr_poller_asked asked = asked_of(w);
    assert_int_equal(asked.left, 0);
    assert_int_equal(asked.called_off, 1);
    if (mtr_poller_ask(w->poller, &strand, days, false, &fault)) fail_msg("%s", fault);
    poller_world_at(w, w->world->now_us + 60 * MTR_US_PER_SECOND);
    assert_int_equal(asked_of(w).taken, 4);
    assert_int_equal(asked_of(w).called_off, 0);
    free_poller_world(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_vendor_who_is_away),
        cmocka_unit_test(test_a_reading_that_waits_for_long),
        cmocka_unit_test(test_a_replay_that_is_refused),
        cmocka_unit_test(test_a_file_that_waits_is_called_off),
        cmocka_unit_test(test_windows_that_wait_are_called_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
