/*
 * The audit of polled rows: whatever vendors do that the poller sees, each row counts once; and what it cannot see, a row
 * that leaves a settled window for another one, is found.
 */
#include "meterd/collector/polled_rows.h"

#include "tests/support/random.h"
#include "tests/support/source/poller_world.h"

static const char SOURCE[] = "sources:\n"
                             "  - key: usage\n"
                             "    vendor: acme\n"
                             "    base_url: http://127.0.0.1:1\n"
                             "    schedule: {every: 1h}\n"
                             "    window: {length: %s, start: '2026-03-02'%s}\n"
                             "    auth: none\n"
                             "    request: {path: /usage, query: {from: '{from:unix}', to: '{to:unix}'%s}}\n"
                             "    format: {csv: {delimiter: ';'}}\n"
                             "    identity: {id: Id}\n"
                             "    guard: {shrink: 100%%, jump: 0}%s\n"
                             "    map: {type: =cpu, subject: Account, time: {path: At, format: unix_s}, data: {seconds: Amount}}\n";

enum { HOUR_S = 3600, ROWS = 24, SEEDS = 20 };

struct usage_row {
    const char *id; /* NULL: rNN */
    int64_t at_s;
    int amount; /* 0: it is not there */
};

struct vendor {
    int64_t begin_s;
    struct usage_row rows[ROWS];
};

static void answer(void *context, const char *url, struct vendor_reply *reply)
{
    struct vendor *vendor = context;
    const int64_t from_s = url_parameter(url, "from="), to_s = url_parameter(url, "to=");
    int rc = mtr_buffer_printf(reply->body, "Id;Account;At;Amount\n");
    for (int i = 0; !rc && i < ROWS; i++) {
        const struct usage_row *row = &vendor->rows[i];
        char id[16];
        snprintf(id, sizeof(id), "r%02d", i);
        if (row->amount && row->at_s >= from_s && row->at_s < to_s)
            rc = mtr_buffer_printf(reply->body, "%s;sub-1;%lld;%d\n", row->id ? row->id : id, (long long)row->at_s, row->amount);
    }
    assert_int_equal(rc, 0);
}

struct keys {
    const char *length, *window, *query, *more;
};

static struct poller_world *open_world(struct vendor *vendor, const struct keys *keys)
{
    char text[2000];
    struct poller_world *w = new_poller_world();
    *vendor = (struct vendor){.begin_s = instant("2026-03-02T00:00:00Z") / MTR_US_PER_SECOND};
    for (int i = 0; i < ROWS; i++) vendor->rows[i] = (struct usage_row){.at_s = vendor->begin_s + i * HOUR_S + 60};
    w->answer = answer;
    w->context = vendor;
    w->world->now_us = vendor->begin_s * MTR_US_PER_SECOND;
    snprintf(text, sizeof(text), SOURCE, keys->length, keys->window, keys->query, keys->more);
    apply(w->world, text);
    return w;
}

static void at_hour(struct poller_world *w, const struct vendor *vendor, int hour)
{
    poller_world_at(w, (vendor->begin_s + hour * HOUR_S + 1) * MTR_US_PER_SECOND);
}

/* ---- the check ---- */

struct told {
    char text[2000];
};

static int on_twice(void *context, const struct mtr_polled_twice *twice)
{
    struct told *told = context;
    const size_t size = strlen(told->text);
    assert_true(twice->first_seq < twice->second_seq);
    snprintf(told->text + size, sizeof(told->text) - size, "%.*s/%.*s[%.*s] %.*s %lld\n", MTR_STR_ARGS(twice->vendor),
             MTR_STR_ARGS(twice->source), MTR_STR_ARGS(twice->each), MTR_STR_ARGS(twice->id),
             (long long)((twice->second_us - twice->first_us) / MTR_US_PER_SECOND));
    return 0;
}

/* The same, however many are looked at together. */
static struct mtr_polled_rows check(struct poller_world *w, struct told *told)
{
    struct mtr_log_reader *reader;
    struct mtr_polled_rows first, found;
    struct mtr_diagnostic diagnostic = {0};
    const struct mtr_polled_rows_hooks hooks = {.context = told, .on_twice = on_twice}, counted = {0};
    assert_int_equal(mtr_log_reader_attach(w->world->log, &reader), 0);
    told->text[0] = '\0';
    assert_int_equal(mtr_polled_rows_check(reader, MTR_POLLED_ROWS_TOGETHER, &hooks, &first, &diagnostic), 0);
    for (uint64_t together = 1; together < 8; together++) {
        assert_int_equal(mtr_polled_rows_check(reader, together, &counted, &found, &diagnostic), 0);
        assert_memory_equal(&found, &first, sizeof(first));
    }
    mtr_log_reader_close(reader);
    return first;
}

static uint64_t count_rows(struct poller_world *w)
{
    static char text[20000];
    uint64_t count = 0;
    counted_rows(w, "usage", text, sizeof(text));
    for (const char *at = text; (at = strchr(at, '=')) != NULL; at++) count++;
    return count;
}

/* ---- laws ---- */

/* Rows come, go, change and move to other hours, all while their windows are read again. */
static void run_seed(uint64_t seed)
{
    struct vendor vendor;
    struct told told;
    struct random_source random = {.state = seed};
    const struct keys keys = {"6h", ", rereads: [1h, 3h, 8h, 60h]", "", ""};
    struct poller_world *w = open_world(&vendor, &keys);
    for (int hour = 1; hour < 48; hour++) {
        for (int changes = (int)random_below(&random, 4); changes; changes--) {
            struct usage_row *row = &vendor.rows[random_below(&random, ROWS)];
            row->amount = (int)random_below(&random, 3);
            if (!random_below(&random, 3)) row->at_s = vendor.begin_s + (int64_t)random_below(&random, ROWS) * HOUR_S + 60;
        }
        at_hour(w, &vendor, hour);
        if (!random_below(&random, 12)) poller_world_crash(w, random_below(&random, 2));
    }
    at_hour(w, &vendor, 100);
    const struct mtr_polled_rows found = check(w, &told);
    if (found.twice || found.rows != count_rows(w)) fail_msg("seed %d: %d rows\n%s", (int)seed, (int)found.rows, told.text);
    free_poller_world(w);
}

static void test_rows_that_are_seen_count_once(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) run_seed(seed);
}

static void test_what_left_a_settled_window_unseen_is_found(void **state)
{
    (void)state;
    struct vendor vendor;
    struct told told;
    const struct keys keys = {"6h", "", "", ""};
    struct poller_world *w = open_world(&vendor, &keys);
    for (int i = 0; i < 6; i++) vendor.rows[i].amount = 1;
    at_hour(w, &vendor, 12);
    assert_int_equal(check(w, &told).rows, 6);
    assert_string_equal(told.text, "");
    vendor.rows[2].at_s += 12 * HOUR_S; /* its window is settled, and is not asked for again */
    vendor.rows[5].at_s += 11 * HOUR_S;
    at_hour(w, &vendor, 30);
    const struct mtr_polled_rows found = check(w, &told);
    assert_int_equal(found.rows, 8);
    assert_int_equal(found.twice, 2);
    assert_true(strstr(told.text, "acme/usage[] r02 43200\n") && strstr(told.text, "acme/usage[] r05 39600\n"));
    free_poller_world(w);
}

/* The account is a part of what a row is, also where the vendor numbers the rows of each from 1. */
static void test_each_account_has_rows_of_its_own(void **state)
{
    (void)state;
    struct vendor vendor;
    struct told told;
    const struct keys keys = {"6h", "", ", account: '{each}'", "\n    for_each: {values: [a, b, c]}"};
    struct poller_world *w = open_world(&vendor, &keys);
    for (int i = 0; i < 6; i++) vendor.rows[i].amount = 1;
    at_hour(w, &vendor, 12);
    assert_int_equal(check(w, &told).rows, 18);
    assert_string_equal(told.text, "");
    free_poller_world(w);
}

/* Their ids are as the vendor made them, a number behind '#' included. */
static void test_rows_that_only_come_keep_their_ids(void **state)
{
    (void)state;
    struct vendor vendor;
    struct told told;
    const struct keys keys = {"6h", "", "", "\n    delivery: append"};
    struct poller_world *w = open_world(&vendor, &keys);
    static const char *const ids[] = {"A#1", "A#2", "A#3", "A", "#1", "#2"};
    for (int i = 0; i < 6; i++) vendor.rows[i].amount = 1, vendor.rows[i].id = ids[i];
    at_hour(w, &vendor, 12);
    assert_int_equal(check(w, &told).rows, 6);
    assert_string_equal(told.text, "");
    free_poller_world(w);
}

static void test_a_log_without_polled_rows_has_none(void **state)
{
    (void)state;
    struct vendor vendor;
    struct told told;
    const struct keys keys = {"6h", "", "", ""};
    struct poller_world *w = open_world(&vendor, &keys);
    const struct mtr_polled_rows found = check(w, &told);
    assert_int_equal(found.rows, 0);
    assert_int_equal(found.twice, 0);
    free_poller_world(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_that_are_seen_count_once),
        cmocka_unit_test(test_what_left_a_settled_window_unseen_is_found),
        cmocka_unit_test(test_each_account_has_rows_of_its_own),
        cmocka_unit_test(test_rows_that_only_come_keep_their_ids),
        cmocka_unit_test(test_a_log_without_polled_rows_has_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
