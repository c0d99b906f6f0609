/*
 * A period that is fed by a source which goes over a list waits for each of its values: whatever the list says and
 * whenever windows are read, the question is answered as by looking at every value; and of many values it costs no
 * look at each of them.
 */
#include "rater/source_windows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "tests/support/random.h"
#include "tests/support/rating.h"

static const int64_t HOUR_US = MTR_US_PER_HOUR, DAY_US = MTR_US_PER_DAY;
static const int64_t JANUARY_US = INT64_C(1767225600) * MTR_US_PER_SECOND; /* 2026-01-01T00:00:00Z */

enum { DAYS = 12, VALUES = 6, ROWS = 5 };

#define CATALOG                                                                                                                       \
    "vendors: [{key: acme}]\n"                                                                                                        \
    "sources:\n"                                                                                                                      \
    "  - {key: accounts, vendor: acme, base_url: 'https://a.example', auth: none, format: {json: {rows: 'data[]'}},\n"                \
    "     identity: {id: id}, map: {type: =meterd.item, subject: id, data: {tenant: tenant}}, request: {path: /a}, window: {%s}}\n"   \
    "  - {key: usage, vendor: acme, base_url: 'https://a.example', auth: none, format: {json: {rows: 'data[]'}},\n"                   \
    "     identity: {id: '{each.account}/{id}'}, map: {type: =call, subject: account, time: at, data: {}}, holds_close: {at_most: 3d},\n" \
    "     for_each: {rows: {of: accounts, as: account%s}}, request: {path: '/u/{each.account}'%s}, window: {%s}%s}\n"
#define DAILY "length: day, start: 2026-01-01"
#define BY_DAY ", query: {day: '{from:%Y-%m-%d}'}"

/* An item of the list, by its row. */
struct item {
    int value; /* -1: there was none yet */
    uint64_t seq;
    int64_t start_us, gone_us;
};

struct known {
    bool is_there, is_whole;
    uint64_t seq;
};

struct model {
    struct rating_world world;
    struct mtr_ledger *ledger;
    struct mtr_ledger_txn *txn;
    struct source_items *items;
    struct random_source random;
    uint64_t seq;
    int64_t now_us;
    struct item rows[ROWS];
    int64_t newest_us, newest_first_us; /* of the list's windows */
    struct known lists[DAYS], windows[VALUES][DAYS];
    uint32_t whole, missing;
};

static const char *const values[VALUES] = {"a", "b", "c", "d", "e", "f"};
static const struct mtr_strand list = {{"acme", 4}, {"accounts", 8}, {NULL, 0}};

static void open_model(struct model *model, uint64_t seed, const char *yaml)
{
    char directory[2 * DIRECTORY_PATH_BYTES];
    struct mtr_diagnostic diagnostic = {0};
    memset(model, 0, sizeof(*model));
    model->random.state = seed;
    model->newest_us = INT64_MIN;
    for (int row = 0; row < ROWS; row++) model->rows[row].value = -1;
    rating_open(&model->world, JANUARY_US);
    rating_apply(&model->world, yaml);
    snprintf(directory, sizeof(directory), "%s/intake", model->world.root);
    if (mtr_ledger_open(directory, false, &model->ledger, &diagnostic)) fail_msg("%s", diagnostic.text);
    assert_int_equal(mtr_ledger_begin(model->ledger, true, &model->txn), 0);
}

static void close_model(struct model *model)
{
    source_items_free(&model->items);
    mtr_ledger_abort(model->txn);
    mtr_ledger_close(model->ledger);
    rating_close(&model->world);
}

static struct mtr_strand strand_of(const char *value) { return (struct mtr_strand){MTR_STR("acme"), MTR_STR("usage"), mtr_str_from(value)}; }

static struct rater_windows_missing ask(struct model *model, int64_t from_us, int64_t to_us)
{
    struct rater_windows_missing missing;
    const struct rater_windows_question question = {.txn = model->txn,
                                                    .catalog = model->world.catalog,
                                                    .source = mtr_catalog_find_source(model->world.catalog, MTR_STR("usage")),
                                                    .from_us = from_us,
                                                    .to_us = to_us,
                                                    .next_seq = model->seq - 1,
                                                    .items = &model->items};
    assert_non_null(question.source);
    assert_int_equal(rater_windows_ask(&question, &missing), 0);
    return missing;
}

/* ---- what the test holds for true ---- */

/* Windows of the value that begin before are needed; INT64_MIN: none of them. */
static int64_t until_of(const struct model *model, int value)
{
    int64_t until_us = INT64_MIN;
    for (int row = 0; row < ROWS; row++) {
        const struct item *item = &model->rows[row];
        if (item->value != value) continue;
        int64_t us = item->gone_us ? item->gone_us : INT64_MAX;
        if (us == INT64_MAX && item->start_us < model->newest_us) us = model->newest_first_us;
        if (us > until_us) until_us = us;
    }
    return until_us;
}

static bool is_good(const struct model *model, const struct known *known)
{
    return known->is_there && known->is_whole && known->seq < model->seq - 1;
}

static bool is_whole(const struct model *model, int64_t from_us, int64_t to_us)
{
    for (int day = 0; day < DAYS; day++) {
        const int64_t window_us = JANUARY_US + day * DAY_US;
        if (window_us >= to_us || window_us + DAY_US <= from_us) continue;
        if (!is_good(model, &model->lists[day])) return false;
        for (int value = 0; value < VALUES; value++) {
            const struct known *known = &model->windows[value][day];
            if ((known->is_there || window_us < until_of(model, value)) && !is_good(model, known)) return false;
        }
    }
    return true;
}

/* ---- what happens ---- */

static void put_item(struct model *model, int row)
{
    struct item *item = &model->rows[row];
    const struct mtr_event_identity key = {7, (uint64_t)row};
    const uint64_t before = item->seq;
    if (item->value >= 0 && !item->gone_us) assert_int_equal(mtr_ledger_item_gone(model->txn, &list, &key, before, model->now_us), 0);
    *item = (struct item){(int)random_below(&model->random, VALUES), model->seq++, mtr_time_later(model->newest_us, JANUARY_US), 0};
    const struct mtr_ledger_item put = {.start_us = item->start_us, .seq = item->seq, .subject = mtr_str_from(values[item->value])};
    assert_int_equal(mtr_ledger_put_item(model->txn, &list, &key, &put), 0);
}

static void lose_item(struct model *model, int row)
{
    struct item *item = &model->rows[row];
    const struct mtr_event_identity key = {7, (uint64_t)row};
    if (item->value < 0 || item->gone_us) return;
    item->gone_us = model->now_us;
    assert_int_equal(mtr_ledger_item_gone(model->txn, &list, &key, item->seq, item->gone_us), 0);
}

static void put_window(struct model *model, const struct mtr_strand *strand, struct known *known, int day)
{
    const unsigned state = (unsigned)random_below(&model->random, MTR_WINDOW_STATE_COUNT + 6);
    const struct mtr_ledger_window window = {.start_us = JANUARY_US + day * DAY_US,
                                             .end_us = JANUARY_US + (day + 1) * DAY_US,
                                             .state = state < MTR_WINDOW_STATE_COUNT ? (enum mtr_window_state)state : MTR_WINDOW_COMPLETE,
                                             .last_us = model->now_us,
                                             .seq_last = model->seq++};
    *known = (struct known){true, window.state == MTR_WINDOW_COMPLETE || window.state == MTR_WINDOW_SETTLED, window.seq_last};
    assert_int_equal(mtr_ledger_put_window(model->txn, strand, &window), 0);
}

static void put_list(struct model *model, int day)
{
    put_window(model, &list, &model->lists[day], day);
    const int64_t start_us = JANUARY_US + day * DAY_US;
    assert_int_equal(mtr_ledger_note_newest(model->txn, &list, start_us, model->now_us), 0);
    if (start_us <= model->newest_us) return;
    model->newest_us = start_us;
    model->newest_first_us = model->now_us;
}

static void happen(struct model *model)
{
    const int row = (int)random_below(&model->random, ROWS), day = (int)random_below(&model->random, DAYS);
    const int value = (int)random_below(&model->random, VALUES);
    const int over = (int)((model->now_us - JANUARY_US) / DAY_US), past = over < DAYS ? over : DAYS;
    switch (random_below(&model->random, 16)) {
    case 0: put_item(model, row); break;
    case 1: lose_item(model, row); break;
    case 2: put_list(model, day); break;
    case 3: model->now_us += HOUR_US * (int64_t)random_below(&model->random, 24); break;
    case 4: /* all that is over is read, and then what the list has not */
        for (int d = 0; d < past; d++)
            for (int v = -1; v < VALUES; v++) {
                struct known *known = v < 0 ? &model->lists[d] : &model->windows[v][d];
                if (known->is_whole || (v >= 0 && JANUARY_US + d * DAY_US >= until_of(model, v) && random_below(&model->random, 8))) continue;
                const struct mtr_strand strand = v < 0 ? list : strand_of(values[v]);
                put_window(model, &strand, known, d);
            }
        break;
    default: {
        const struct mtr_strand strand = strand_of(values[value]);
        put_window(model, &strand, &model->windows[value][day], day);
    }
    }
}

/* Of any stretch, most often of days. */
static void check_answer(struct model *model, uint64_t seed, int step)
{
    const int64_t unit_us = random_below(&model->random, 3) ? DAY_US : HOUR_US;
    const int64_t from_us = JANUARY_US + unit_us * (int64_t)random_below(&model->random, (uint64_t)(DAYS * DAY_US / unit_us));
    const int64_t end_us = from_us + unit_us * (int64_t)(1 + random_below(&model->random, 4));
    const int64_t to_us = mtr_time_sooner(end_us, JANUARY_US + DAYS * DAY_US);
    const bool expected = is_whole(model, from_us, to_us);
    const struct rater_windows_missing missing = ask(model, from_us, to_us);
    if (missing.is_missing == expected)
        fail_msg("METERD_SEED=%llu: after %d it is %s", (unsigned long long)seed, step, expected ? "whole" : "not whole");
    model->whole += expected;
    model->missing += !expected;
}

static void run_model(uint64_t seed)
{
    struct model *model = calloc(1, sizeof(*model));
    char yaml[3000];
    snprintf(yaml, sizeof(yaml), CATALOG, DAILY, "", BY_DAY, DAILY, "");
    open_model(model, seed, yaml);
    model->now_us = JANUARY_US + HOUR_US;
    model->seq = 2;
    for (int i = 0; i < 3000; i++) {
        happen(model);
        model->seq += random_below(&model->random, 3);
        for (int question = 0; question < 3; question++) check_answer(model, seed, i);
    }
    if (!model->whole || !model->missing) fail_msg("METERD_SEED=%llu: only one answer", (unsigned long long)seed);
    close_model(model);
    free(model);
}

static void test_each_value_of_the_list(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 12; seed++) run_model(seed);
}

/* A list as it is now has no whole window: a good reading of it behind the period is enough. */
static void test_a_list_as_it_is_now(void **state)
{
    (void)state;
    struct model *model = calloc(1, sizeof(*model));
    char yaml[3000];
    snprintf(yaml, sizeof(yaml), CATALOG, "periods: [current]", "", BY_DAY, DAILY, "");
    open_model(model, 1, yaml);
    model->seq = 100;
    const int64_t to_us = JANUARY_US + 2 * DAY_US;
    const struct mtr_strand strand = strand_of("a");
    struct mtr_ledger_window now = {.start_us = JANUARY_US, .end_us = JANUARY_US + 31 * DAY_US, .state = MTR_WINDOW_OPEN, .last_us = to_us - 1};
    assert_true(ask(model, JANUARY_US, to_us).is_missing);
    put_item(model, 0);
    model->rows[0].value = 0;
    const struct mtr_ledger_item item = {.start_us = JANUARY_US, .seq = 1, .subject = MTR_STR("a")};
    assert_int_equal(mtr_ledger_put_item(model->txn, &list, &(struct mtr_event_identity){7, 0}, &item), 0);
    assert_int_equal(mtr_ledger_put_window(model->txn, &list, &now), 0);
    for (int day = 0; day < 2; day++) put_window(model, &strand, &model->windows[0][day], day);
    model->seq += 10;
    assert_true(ask(model, JANUARY_US, to_us).is_missing);
    now.last_us = to_us;
    assert_int_equal(mtr_ledger_put_window(model->txn, &list, &now), 0);
    while (!model->windows[0][0].is_whole) put_window(model, &strand, &model->windows[0][0], 0);
    while (!model->windows[0][1].is_whole) put_window(model, &strand, &model->windows[0][1], 1);
    model->seq += 10;
    assert_false(ask(model, JANUARY_US, to_us).is_missing);
    /* Or one of a later window, which a month's last days have. */
    now.last_us = to_us - 1;
    assert_int_equal(mtr_ledger_put_window(model->txn, &list, &now), 0);
    assert_true(ask(model, JANUARY_US, to_us).is_missing);
    now.start_us = now.end_us;
    now.end_us += 28 * DAY_US;
    now.last_us = now.start_us;
    assert_int_equal(mtr_ledger_put_window(model->txn, &list, &now), 0);
    assert_false(ask(model, JANUARY_US, to_us).is_missing);
    close_model(model);
    free(model);
}

/* Feeds of each: all of them behind the period; of one that left, behind that. */
static void test_feeds_of_each_value(void **state)
{
    (void)state;
    struct model *model = calloc(1, sizeof(*model));
    char yaml[3000];
    snprintf(yaml, sizeof(yaml), CATALOG, DAILY, "", "", "length: cursor, overlap: 2h",
             ", delivery: append, paging: {cursor: {path: next, send: query.after}}");
    open_model(model, 1, yaml);
    model->seq = 1000;
    const int64_t to_us = JANUARY_US + DAY_US, good_us = to_us + 2 * HOUR_US, left_us = JANUARY_US + 3 * HOUR_US;
    for (int value = 0; value < 3; value++) {
        const struct mtr_ledger_item item = {
            .start_us = JANUARY_US, .seq = (uint64_t)value + 1, .subject = mtr_str_from(values[value]), .gone_us = value == 2 ? left_us : 0};
        assert_int_equal(mtr_ledger_put_item(model->txn, &list, &(struct mtr_event_identity){7, (uint64_t)value}, &item), 0);
    }
    while (!model->lists[0].is_whole) put_window(model, &list, &model->lists[0], 0);
    model->seq += 10;
    for (int value = 0; value < 3; value++) {
        const struct mtr_strand strand = strand_of(values[value]);
        const int64_t enough_us = value == 2 ? left_us : good_us;
        for (int good = 0; good < 2; good++) {
            assert_true(ask(model, JANUARY_US, to_us).is_missing);
            const struct mtr_feed feed = {.cursor = MTR_STR("c"), .read_us = enough_us - !good};
            assert_int_equal(mtr_ledger_put_feed(model->txn, &strand, &feed), 0);
        }
    }
    assert_false(ask(model, JANUARY_US, to_us).is_missing);
    close_model(model);
    free(model);
}

/* ---- many ---- */

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void put_value(struct model *model, uint32_t i)
{
    char subject[32];
    snprintf(subject, sizeof(subject), "account-%u", i);
    const struct mtr_ledger_item item = {.start_us = JANUARY_US, .seq = i + 1, .subject = mtr_str_from(subject)};
    assert_int_equal(mtr_ledger_put_item(model->txn, &list, &(struct mtr_event_identity){i * UINT64_C(0x9e3779b97f4a7c15), i}, &item), 0);
}

static void put_value_window(struct model *model, uint32_t i, int day, enum mtr_window_state state)
{
    char subject[32];
    snprintf(subject, sizeof(subject), "account-%u", i);
    const struct mtr_strand strand = strand_of(subject);
    const struct mtr_ledger_window window = {.start_us = JANUARY_US + day * DAY_US, .end_us = JANUARY_US + (day + 1) * DAY_US, .state = state};
    assert_int_equal(mtr_ledger_put_window(model->txn, &strand, &window), 0);
}

/* One look goes through the list, when that has changed; all others look at the windows' totals. */
static void test_many_values(void **state)
{
    (void)state;
    enum { MANY = 100000, LAST = 2 };
    struct model *model = calloc(1, sizeof(*model));
    char yaml[3000];
    snprintf(yaml, sizeof(yaml), CATALOG, DAILY, "", BY_DAY, DAILY, "");
    open_model(model, 1, yaml);
    model->seq = 2;
    for (int day = 0; day < LAST; day++)
        while (!model->lists[day].is_whole) put_window(model, &list, &model->lists[day], day);
    model->seq += 10;
    for (uint32_t i = 0; i < MANY; i++) put_value(model, i);
    const int64_t to_us = JANUARY_US + LAST * DAY_US;
    double begun = seconds();
    struct rater_windows_missing missing = ask(model, JANUARY_US, to_us);
    print_message("%d values: the list in %.1f ms\n", MANY, 1000 * (seconds() - begun));
    assert_true(missing.is_missing && missing.lacking == MANY && missing.wanted == MANY);
    assert_in_range(missing.looked_at, MANY, MANY + 10);
    for (uint32_t i = 0; i < MANY; i++)
        for (int day = 0; day < LAST; day++)
            if (i != 77 || day) put_value_window(model, i, day, i % 2 ? MTR_WINDOW_COMPLETE : MTR_WINDOW_SETTLED);
    begun = seconds();
    missing = ask(model, JANUARY_US, to_us);
    print_message("a look at %d windows each: %.3f ms\n", LAST, 1000 * (seconds() - begun));
    assert_true(missing.is_missing && missing.lacking == 1 && missing.wanted == MANY && missing.window.from_us == JANUARY_US);
    assert_in_range(missing.looked_at, 1, 10);
    put_value_window(model, 77, 0, MTR_WINDOW_COMPLETE);
    missing = ask(model, JANUARY_US, to_us);
    assert_false(missing.is_missing);
    assert_in_range(missing.looked_at, 1, 10);
    /* One that nobody asks for any more: looked at once, and then no more. */
    put_value_window(model, MANY, 1, MTR_WINDOW_COMPLETE);
    begun = seconds();
    missing = ask(model, JANUARY_US, to_us);
    print_message("a look at each of a window: %.1f ms\n", 1000 * (seconds() - begun));
    assert_false(missing.is_missing);
    assert_in_range(missing.looked_at, MANY, MANY + 10);
    missing = ask(model, JANUARY_US, to_us);
    assert_false(missing.is_missing);
    assert_in_range(missing.looked_at, 1, 10);
    put_value_window(model, 5, 1, MTR_WINDOW_SUSPECT);
    assert_true(ask(model, JANUARY_US, to_us).is_missing);
    close_model(model);
    free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_value_of_the_list),
        cmocka_unit_test(test_a_list_as_it_is_now),
        cmocka_unit_test(test_feeds_of_each_value),
        cmocka_unit_test(test_many_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
