/*
 * A window that one answer cannot hold is read in pieces. The law: whatever the vendor's limit, its borders, and how rows are told
 * apart, one reading brings all rows, each once; what cannot be read in the smallest pieces is the alarm `truncated`, and
 * nothing of it is applied.
 */
#include "tests/support/source/poller_world.h"

#include "collector/source/poll/poll.h"

#include "tests/support/random.h"

enum { ROWS_MAX = 4000 };

static const char SOURCE[] = "sources:\n"
                             "  - key: usage\n"
                             "    vendor: acme\n"
                             "    base_url: http://127.0.0.1:1\n"
                             "    schedule: {every: 1h}\n"
                             "    window: {length: month, start: 2026-02-01, split: %s, rereads: [10d]}\n"
                             "    auth: none\n"
                             "    request: {path: /usage, unit: 1s, query: {from: '{from:unix}', to: '{%s:unix}'}}\n"
                             "    format: {json: {rows: 'data[]'}}\n"
                             "    identity: {%s}\n"
                             "    answer: {%s}\n"
                             "    complete: {%s}\n"
                             "    map: {type: =cpu, subject: account, time: {path: at, format: unix_s}, data: {seconds: amount}}\n";

struct published {
    int64_t at_s;
    int amount;
};

struct vendor {
    struct published rows[ROWS_MAX];
    int count;
    int cap;               /* of one answer */
    bool is_told;          /* more are refused, else cut */
    bool is_inclusive;     /* rows at `to` are in the answer */
    bool totals;           /* says how many there are in what was asked for, and their sum */
    int lies;              /* in the total of the answer that has the last row */
    unsigned limit_status; /* of an answer that says that it is too much */
    uint32_t asked, refused;
};

static void answer(void *context, const char *url, struct vendor_reply *reply)
{
    struct vendor *vendor = context;
    const int64_t from_s = url_parameter(url, "from="), to_s = url_parameter(url, "to=");
    int count = 0, sum = 0;
    vendor->asked++;
    int rc = mtr_buffer_printf(reply->body, "{\"data\":[");
    for (int i = 0; !rc && i < vendor->count; i++) {
        const struct published *row = &vendor->rows[i];
        const bool is_in = row->at_s >= from_s && (row->at_s < to_s || (vendor->is_inclusive && row->at_s == to_s));
        if (!is_in || (!vendor->is_told && count == vendor->cap)) continue;
        rc = mtr_buffer_printf(reply->body, "%s{\"id\":\"r%d\",\"account\":\"sub-1\",\"at\":%lld,\"amount\":%d}", count ? "," : "", i, (long long)row->at_s,
                               row->amount);
        count++;
        sum += row->amount + (i + 1 == vendor->count ? vendor->lies : 0);
    }
    if (!rc) rc = mtr_buffer_printf(reply->body, "],\"total\":%d,\"sum\":%d}", count, sum);
    assert_int_equal(rc, 0);
    if (count <= vendor->cap) return;
    vendor->refused++;
    reply->status = vendor->limit_status;
    mtr_buffer_reset(reply->body);
    assert_int_equal(mtr_buffer_printf(reply->body, "{\"error\":\"exceeded maximum resolution\"}"), 0);
}

struct way {
    const char *split, *to, *identity, *answer, *complete;
    bool is_told, is_inclusive;
    unsigned limit_status; /* 0: 400 */
};
static const struct way ways[] = {
    {"1h", "to", "id: id", "rows_limit: %d", "", false, false, 0},
    {"1h", "last", "id: id", "rows_limit: %d", "sum: {path: sum, of: seconds}", false, true, 0},
    {"1h", "to", "id: id", "rows_limit: %d", "", false, true, 0}, /* a row on the border is in two answers */
    {"1h", "to", "id: id", "limit: {status: 400, path: error, contains: exceeded}", "count: total, sum: {path: sum, of: seconds}", true, true, 0},
    {"30m", "to", "hash: [id, at]", "limit: {status: 400, path: error, contains: exceeded}", "", true, false, 0},
    {"1h", "to", "id: id", "limit: {path: error, contains: exceeded}", "count: total", true, true, 200}, /* a good status says nothing of it */
    {"1h", "to", "multiset: true", "rows_limit: %d", "", false, true, 0},
    {"1h", "to", "multiset: true", "limit: {status: 400, path: error, contains: exceeded}", "", true, false, 0},
    {"10m", "to", "id: id", "limit: {status: 400, path: error, contains: exceeded}", "", true, false, 0},
};

static struct poller_world *new_world_of(struct vendor *vendor, const struct way *way)
{
    char text[2000], limit[100];
    struct poller_world *w = new_poller_world();
    w->events_max = 500;
    poller_world_crash(w, false);
    w->answer = answer;
    w->context = vendor;
    vendor->is_told = way->is_told;
    vendor->limit_status = way->limit_status ? way->limit_status : 400;
    vendor->is_inclusive = way->is_inclusive;
    if (strchr(way->answer, '%'))
        snprintf(limit, sizeof(limit), "rows_limit: %d", vendor->cap);
    else
        snprintf(limit, sizeof(limit), "%s", way->answer);
    snprintf(text, sizeof(text), SOURCE, way->split, way->to, way->identity, limit, way->complete);
    apply(w->world, text);
    return w;
}

/* Of the window of February: rows that count, and their sum. */
static void check_counted(struct poller_world *w, const struct vendor *vendor, bool has_ids)
{
    static char text[ROWS_MAX * 100];
    int count = 0, sum = 0, expected = 0;
    counted_rows(w, "usage", text, sizeof(text));
    for (const char *at = text; (at = strchr(at, '=')) != NULL; at++) {
        sum += atoi(at + 1);
        count++;
    }
    for (int i = 0; i < vendor->count; i++) expected += vendor->rows[i].amount;
    if (count != vendor->count || sum != expected) fail_msg("%d rows of %d, sum %d of %d", count, vendor->count, sum, expected);
    if (!has_ids) return;
    for (int i = 0; i < vendor->count; i++) {
        char row[40];
        snprintf(row, sizeof(row), "r%d=%d ", i, vendor->rows[i].amount);
        if (!strstr(text, row)) fail_msg("no %s", row);
    }
}

/* Rows over February: on full hours as well, some hours with many, and equal ones. At most `most` in an hour. */
static void publish(struct vendor *vendor, uint64_t seed, int most)
{
    struct random_source random = {seed};
    const int64_t from_s = instant("2026-02-01T00:00:00Z") / MTR_US_PER_SECOND;
    vendor->count = 0;
    for (int hour = 0; hour < 28 * 24; hour++) {
        const bool is_dense = random_below(&random, 20) == 0;
        const int many = (int)random_below(&random, (uint64_t)(is_dense ? most + 1 : 3));
        for (int i = 0; i < many && vendor->count < ROWS_MAX; i++) {
            const int64_t in_hour = random_below(&random, 3) ? (int64_t)random_below(&random, 12) * 300 : 0;
            vendor->rows[vendor->count++] = (struct published){from_s + hour * 3600 + in_hour, (int)random_below(&random, 3) + 1};
        }
    }
}

static void test_the_law(void **state)
{
    (void)state;
    const char *given = getenv("METERD_SEED"), *many = getenv("METERD_SEEDS");
    const uint64_t first = given ? strtoull(given, NULL, 10) : 1, seeds = given ? 1 : many ? strtoull(many, NULL, 10) : 2;
    for (uint64_t seed = first; seed < first + seeds; seed++)
        for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
            static struct vendor vendor;
            vendor = (struct vendor){.cap = 40};
            publish(&vendor, seed, 17); /* two neighbours with a border between them are below the limit */
            printf("seed %llu, way %zu\n", (unsigned long long)seed, i);
            struct poller_world *w = new_world_of(&vendor, &ways[i]);
            poller_world_at(w, w->world->now_us);
            const struct mtr_ledger_window window = window_of(w, "usage", "", "2026-02-01T00:00:00Z");
            assert_int_equal(window.state, MTR_WINDOW_COMPLETE);
            assert_int_equal(window.readings, 1); /* one verdict */
            assert_int_equal(window.rows, vendor.count);
            check_counted(w, &vendor, !strcmp(ways[i].identity, "id: id"));
            const uint32_t before = vendor.asked;
            const uint64_t seq = mtr_log_last_seq(w->world->log);
            poller_world_at(w, instant("2026-03-11T02:00:00Z")); /* once more: nothing is new, and it is known how long a piece is */
            assert_int_equal(window_of(w, "usage", "", "2026-02-01T00:00:00Z").readings, 2);
            assert_int_equal(mtr_log_last_seq(w->world->log), seq + 1);
            assert_true(vendor.asked - before <= 28 * 24 * 2 && (!vendor.is_told || vendor.refused * 2 < before));
            free_poller_world(w);
        }
}

/* An hour has more than one answer holds, and pieces of less are not allowed. */
static void test_the_smallest_piece_is_cut_short(void **state)
{
    (void)state;
    static struct vendor vendor;
    vendor = (struct vendor){.cap = 10};
    publish(&vendor, 7, 3);
    const int64_t at_s = instant("2026-02-11T05:00:00Z") / MTR_US_PER_SECOND;
    const int before = vendor.count;
    for (int i = 0; i < 11; i++) vendor.rows[vendor.count++] = (struct published){at_s + i, 1};
    struct poller_world *w = new_world_of(&vendor, &ways[0]);
    poller_world_at(w, w->world->now_us);
    assert_int_equal(mtr_log_last_seq(w->world->log), 1); /* the receipt */
    const struct mtr_ledger_window window = window_of(w, "usage", "", "2026-02-01T00:00:00Z");
    assert_int_equal(window.state, MTR_WINDOW_INCOMPLETE);
    assert_non_null(strstr(w->told, "truncated: "));
    assert_non_null(strstr(w->told, "as small as `window.split` allows"));
    vendor.count = before;
    poller_world_at(w, w->world->now_us + 2 * MTR_US_PER_HOUR);
    check_counted(w, &vendor, true);
    free_poller_world(w);
}

/* One piece's proof does not hold: the whole is not taken. */
static void test_each_piece_is_proved(void **state)
{
    (void)state;
    static struct vendor vendor;
    vendor = (struct vendor){.cap = 30, .lies = 1};
    publish(&vendor, 3, 12);
    struct poller_world *w = new_world_of(&vendor, &ways[3]);
    poller_world_at(w, w->world->now_us);
    assert_int_equal(window_of(w, "usage", "", "2026-02-01T00:00:00Z").state, MTR_WINDOW_INCOMPLETE);
    assert_int_equal(mtr_log_last_seq(w->world->log), 1);
    assert_non_null(strstr(w->told, "incomplete: the vendor's sum is "));
    vendor.lies = 0;
    poller_world_at(w, w->world->now_us + 2 * MTR_US_PER_HOUR);
    assert_int_equal(window_of(w, "usage", "", "2026-02-01T00:00:00Z").state, MTR_WINDOW_COMPLETE);
    check_counted(w, &vendor, true);
    free_poller_world(w);
}

/* Longer pieces are tried again when answers have had room for a while. */
static void test_what_is_remembered(void **state)
{
    (void)state;
    const struct mtr_window window = {0, 32 * MTR_US_PER_DAY};
    const struct poll_report cut = {.result = POLL_TAKEN, .piece_us = MTR_US_PER_DAY}, fine = {.result = POLL_TAKEN}, failed = {.result = POLL_FAILED};
    uint32_t good = 3;
    int64_t piece_us = poll_split_remember(&cut, &window, 0, &good);
    assert_int_equal(piece_us, MTR_US_PER_DAY);
    for (int i = 0; i < 100; i++) assert_int_equal(poll_split_remember(&failed, &window, piece_us, &good), piece_us);
    for (int doubled = 1; doubled < 32; doubled *= 2) {
        for (int i = 1; i < POLL_SPLIT_GOOD; i++) assert_int_equal(poll_split_remember(&fine, &window, piece_us, &good), piece_us);
        piece_us = poll_split_remember(&fine, &window, piece_us, &good);
        assert_int_equal(piece_us, doubled < 16 ? doubled * 2 * MTR_US_PER_DAY : 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_law),
        cmocka_unit_test(test_the_smallest_piece_is_cut_short),
        cmocka_unit_test(test_each_piece_is_proved),
        cmocka_unit_test(test_what_is_remembered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
