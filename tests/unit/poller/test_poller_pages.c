/*
 * A vendor whose pages go wrong, each in another way: what is said instead of one ("there is none", by a status or in words), errors, empty pages, a
 * row too few, words of what follows that are left out, the first page once more. It counts its rows (`complete.count`), on each page or on the
 * first alone. The law: a window is whole with all of its rows or not at all, in one piece or in several, however pages follow one another; and as
 * soon as nothing goes wrong any more it is whole.
 */
#include "tests/support/random.h"
#include "tests/support/source/poller_world.h"

enum { ROWS_MAX = 12, PAGE_ROWS = 3, EVERY_S = 7000, HOURS = 12, GOOD_HOURS = 4, FIRST_ID = 1000 };
enum next { NOWHERE, TOKEN, LINK, HEADER };
enum fault { FINE, GONE, NONE, NONE_AND_EMPTY, BROKEN, EMPTY, A_ROW_LESS, NO_WORD_OF_MORE, FIRST_AGAIN, FAULTS };

static const struct way {
    const char *paging;
    int first, rows_a_page; /* of its numbers; 0: it is the row's */
    enum next next;         /* where a page says what follows, beside `more` */
} ways[] = {
    {"page: {send: query.page, first: 1, total: total}", 1, PAGE_ROWS, NOWHERE},
    {"page: {send: query.page, first: 1}", 1, PAGE_ROWS, NOWHERE},
    {"offset: {send: query.page, limit: {send: query.limit, value: 3}, total: total, has_more: more}", 0, 0, NOWHERE},
    {"after_id: {send: query.page, id: id, has_more: more}", FIRST_ID - 1, 0, NOWHERE},
    {"cursor: {path: next, send: query.page, has_more: more}", 0, 0, TOKEN},
    {"cursor: {path: next, send: query.page}", 0, 0, TOKEN},
    {"next_url: {path: next}", 0, 0, LINK},
    {"link_header: {rel: next}", 0, 0, HEADER},
};

static const char SOURCE[] = "sources: [{key: usage, vendor: acme, base_url: 'http://127.0.0.1:1', schedule: {every: 1h}, auth: none,"
                             "window: {length: day, start: 2026-03-09, rereads: [3d], split: 6h}, guard: {every: 10m, agree: 2},"
                             "request: {path: /usage, query: {from: '{from:unix}', to: '{to:unix}'}}, paging: {%s},"
                             "format: {json: {rows: 'data[]'}}, identity: {id: id}, complete: {count: total},"
                             "answer: {absent: [{status: 404}, {path: message, equals: none}], limit: [{status: 413}]},"
                             "map: {type: =cpu, subject: account, time: {path: at, format: unix_s}, data: {seconds: amount}}}]\n";

struct vendor {
    struct random_source random;
    const struct way *way;
    int rows, faults_percent;
    bool splits, counts_each;
};

struct asked {
    int64_t from_s, to_s;
    int first, total, at; /* rows of what was asked for; the page's first */
};

static int64_t row_s(int row) { return instant("2026-03-09T00:00:00Z") / MTR_US_PER_SECOND + row * EVERY_S; }

static struct asked read_url(const struct vendor *vendor, const char *url)
{
    struct asked asked = {.from_s = url_parameter(url, "from="), .to_s = url_parameter(url, "to=")};
    const char *page = strstr(url, "&page=");
    const struct way *way = vendor->way;
    while (asked.first < vendor->rows && row_s(asked.first) < asked.from_s) asked.first++;
    while (asked.first + asked.total < vendor->rows && row_s(asked.first + asked.total) < asked.to_s) asked.total++;
    if (!page) return asked;
    const int number = atoi(page + strlen("&page=")) - way->first;
    asked.at = way->rows_a_page ? number * way->rows_a_page : way->first == FIRST_ID - 1 ? number - asked.first : number;
    return asked;
}

static int write_next(const struct vendor *vendor, const struct asked *asked, int at, struct vendor_reply *reply)
{
    char link[100];
    snprintf(link, sizeof(link), "?from=%lld&to=%lld&page=%d", (long long)asked->from_s, (long long)asked->to_s, at);
    switch (vendor->way->next) {
    case NOWHERE: break;
    case TOKEN: return mtr_buffer_printf(reply->body, "\"next\":\"%d\",", at);
    case LINK: return mtr_buffer_printf(reply->body, "\"next\":\"%s\",", link);
    case HEADER: return mtr_buffer_printf(reply->headers, "Link: <%s>; rel=next\r\n", link);
    }
    return MTR_OK;
}

static int write_page(struct vendor *vendor, const struct asked *asked, enum fault fault, struct vendor_reply *reply)
{
    const int at = fault == FIRST_AGAIN ? 0 : asked->at, left = asked->total - at;
    int count = left < 0 || fault == EMPTY || fault == NONE_AND_EMPTY ? 0 : left < PAGE_ROWS ? left : PAGE_ROWS;
    count -= fault == A_ROW_LESS && count;
    const bool has_more = asked->at + count < asked->total && fault != NONE_AND_EMPTY;
    int rc = mtr_buffer_printf(reply->body, "{%s", fault == NONE_AND_EMPTY ? "\"message\":\"none\"," : "");
    if (!rc && (vendor->counts_each || !asked->at)) rc = mtr_buffer_printf(reply->body, "\"total\":%d,", asked->total);
    if (!rc && fault != NO_WORD_OF_MORE) rc = mtr_buffer_printf(reply->body, "\"more\":%s,", has_more ? "true" : "false");
    if (!rc && fault != NO_WORD_OF_MORE && has_more) rc = write_next(vendor, asked, asked->at + count, reply);
    if (!rc) rc = mtr_buffer_printf(reply->body, "\"data\":[");
    for (int i = 0; !rc && i < count; i++) {
        const int row = asked->first + at + i;
        rc = mtr_buffer_printf(reply->body, "%s{\"id\":\"%d\",\"account\":\"sub-1\",\"amount\":1,\"at\":%lld}", i ? "," : "", FIRST_ID + row,
                               (long long)row_s(row));
    }
    return rc ? rc : mtr_buffer_printf(reply->body, "]}");
}

static void answer(void *context, const char *url, struct vendor_reply *reply)
{
    struct vendor *vendor = context;
    const struct asked asked = read_url(vendor, url);
    const bool is_fault = random_below(&vendor->random, 100) < (uint64_t)vendor->faults_percent;
    enum fault fault = is_fault ? 1 + (enum fault)random_below(&vendor->random, FAULTS - 1) : FINE;
    if (!asked.at && (fault == GONE || fault == NONE)) fault = BROKEN; /* that there is none at all is believed when it is said again */
    const bool is_large = vendor->splits && asked.to_s - asked.from_s > 12 * 3600;
    reply->status = is_large ? 413 : fault == GONE ? 404 : fault == BROKEN ? 500 : 200;
    if (reply->status != 200) return;
    assert_int_equal(fault == NONE ? mtr_buffer_printf(reply->body, "{\"message\":\"none\"}") : write_page(vendor, &asked, fault, reply), 0);
}

static bool is_whole(struct poller_world *w)
{
    struct mtr_ledger_txn *txn;
    struct mtr_ledger_window window = {0};
    const struct mtr_strand strand = {MTR_STR("acme"), MTR_STR("usage"), MTR_STR("")};
    assert_int_equal(mtr_ledger_begin(w->ledger, false, &txn), 0);
    int rc = mtr_ledger_get_window(txn, &strand, instant("2026-03-09T00:00:00Z"), &window);
    mtr_ledger_abort(txn);
    return !rc && window.state == MTR_WINDOW_COMPLETE;
}

static void try_one(uint64_t seed, const struct way *way)
{
    struct vendor vendor = {.random = {seed}, .way = way};
    char text[2000], rows[2000];
    struct poller_world *w = new_poller_world();
    vendor.rows = (int)random_below(&vendor.random, ROWS_MAX + 1);
    vendor.faults_percent = 20 + 20 * (int)random_below(&vendor.random, 3);
    vendor.splits = random_below(&vendor.random, 2);
    vendor.counts_each = random_below(&vendor.random, 2);
    w->answer = answer;
    w->context = &vendor;
    snprintf(text, sizeof(text), SOURCE, way->paging);
    apply(w->world, text);
    for (int hour = 0; hour < HOURS + GOOD_HOURS; hour++) {
        int count = 0;
        if (hour == HOURS) vendor.faults_percent = 0;
        poller_world_at(w, w->world->now_us + MTR_US_PER_HOUR);
        counted_rows(w, "usage", rows, sizeof(rows));
        for (const char *at = rows; (at = strchr(at, '=')) != NULL; at++) count++;
        const bool is_last = hour == HOURS + GOOD_HOURS - 1;
        if (count != (is_whole(w) ? vendor.rows : 0) || (is_last && !is_whole(w)))
            fail_msg("seed %llu, %s, hour %d: %d rows of %d: %s", (unsigned long long)seed, way->paging, hour, count, vendor.rows, w->told);
    }
    free_poller_world(w);
}

static void test_all_rows_or_none(void **state)
{
    (void)state;
    const char *given = getenv("METERD_SEED"), *many = getenv("METERD_SEEDS");
    const uint64_t first = given ? strtoull(given, NULL, 10) : 1, seeds = given ? 1 : many ? strtoull(many, NULL, 10) : 8;
    for (uint64_t seed = first; seed < first + seeds; seed++)
        for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) try_one(seed, &ways[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_all_rows_or_none)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
