/*
 * The pipeline behind the poller, for its simulations: a vendor (polled_vendor.h) who restates, takes away and brings back rows and whose answers are
 * false now and then, polled by window, in pieces, for each item of a list, as reports, as files, as a feed and as counters; the law of alarms between
 * both (polled_alarms.h); aggregator and rater behind the log.
 *
 *   a vendor ──▶ poller ──▶ intake ──▶ log ──▶ aggregator ──▶ rollups ──▶ rater ──▶ charges
 *
 *   struct run *run = new_run(seed, DOCUMENTS);  restate(run);  go_on(run, later_us);  drain_stages(run);  check_laws(run);  free_run(run);
 */
#ifndef METERD_TESTS_SUPPORT_SOURCE_POLLED_PIPELINE_H
#define METERD_TESTS_SUPPORT_SOURCE_POLLED_PIPELINE_H

#include "support/source/polled_alarms.h"

#include "meterd/aggregator/aggregator.h"
#include "meterd/rater/audit.h"
#include "meterd/rater/rater.h"

enum { DRAIN_MAX = 100000, BEFORE_S = 3 * 3600 };

#define METER(key) "  - {key: p" key ", service: compute, event_type: p" key ", value: n}\n"
#define COMPONENT(key) "{key: " key ", meter: p" key ", per_unit: '1'}"
#define SOURCE(key, every) "  - key: " key "\n    vendor: acme\n    base_url: http://127.0.0.1:1\n    schedule: {every: " every "}\n    auth: none\n"
/* What is false is never said four times in a row. */
#define WINDOW(more) "    window: {length: day, start: 2026-03-05, lateness: 1h, rereads: [1d, 3d]" more "}\n    guard: {every: 10m, agree: 4}\n"
#define IN_WINDOW "query: {from: '{from:unix}', to: '{to:unix}'}"
#define ROWS_OF(key, subject) "    identity: {id: id}\n    map: {type: =p" key ", subject: " subject ", time: {path: at, format: unix_s}, data: {n: amount}}\n"

static const char BILLING[] =
    "meters:\n" METER("a") METER("b") METER("j") METER("p") METER("f") METER("c")
    "tariffs:\n"
    "  - key: polled\n"
    "    currency: EUR\n"
    "    versions: [{from: 2026-01-01, components: [" COMPONENT("a") ", " COMPONENT("b") ", " COMPONENT("j") ", " COMPONENT("p") ", " COMPONENT("f") ", "
    COMPONENT("c") "]}]\n"
    "subscriptions:\n"
    "  - {key: acc-0, service: compute, customer: c, tariff: polled, start: 2026-01-01}\n"
    "  - {key: acc-1, service: compute, customer: c, tariff: polled, start: 2026-01-01}\n";

static const char DOCUMENTS[] =
    "sources:\n"
    SOURCE("accounts", "6h")
    "    window: {periods: [current]}\n"
    "    request: {path: /accounts}\n"
    "    format: {json: {rows: 'data[]'}}\n"
    "    complete: {count: total}\n"
    "    identity: {id: id}\n"
    "    map: {type: =meterd.item, subject: id}\n"
    SOURCE("a", "1h") WINDOW(", open: 3h, split: 1h")
    "    request: {path: /a, " IN_WINDOW "}\n"
    "    paging: {cursor: {path: next, send: query.cursor}}\n"
    "    answer: {limit: {status: 400, path: error, contains: too much}}\n"
    "    format: {json: {rows: 'data[]'}}\n"
    "    complete: {count: total}\n"
    ROWS_OF("a", "account")
    SOURCE("b", "2h") WINDOW("")
    "    for_each: {rows: {of: accounts, as: account}}\n"
    "    request: {path: '/b/{each.account}', " IN_WINDOW "}\n"
    "    format: {json: {rows: 'data[]'}}\n"
    "    complete: {count: total}\n"
    ROWS_OF("b", "each.account")
    SOURCE("j", "2h") WINDOW("")
    "    job: {submit: {method: POST, path: /submit, " IN_WINDOW "}, id: {path: id}, poll: {path: '/poll/{job.id}', every: 1m},\n"
    "          status: {path: status, running: running, done: done, failed: failed}, result: {rows: 'data[]'}, timeout: 6h,\n"
    "          delete: {method: DELETE, path: '/remove/{job.id}'},\n"
    "          list: {path: /reports, rows: 'reports[]', id: id, match: {from: '{from:unix}', to: '{to:unix}'}}}\n"
    "    format: {json: {rows: 'data[]'}}\n"
    ROWS_OF("j", "account")
    SOURCE("p", "2h") WINDOW("")
    "    request: {path: /manifest, " IN_WINDOW "}\n"
    "    paging: {parts: {list: 'parts[]', url: url, size: size, count: count, etag: etag, expired: [403]}}\n"
    "    format: {ndjson: {}}\n"
    ROWS_OF("p", "account")
    SOURCE("f", "1h")
    "    window: {length: cursor, start: 2026-03-05}\n"
    "    delivery: append\n"
    "    request: {path: /f}\n"
    "    paging: {cursor: {path: next, send: query.cursor, has_more: more}}\n"
    "    format: {json: {rows: 'data[]'}}\n"
    ROWS_OF("f", "account")
    SOURCE("c", "2h") WINDOW(", open: 3h")
    "    request: {path: /c, " IN_WINDOW "}\n"
    "    format: {json: {rows: 'data[]'}}\n"
    "    identity: {hash: [account, at]}\n"
    "    map: {type: =pc, subject: account, time: {path: at, format: unix_s}, data: {n: {path: total, counter: {series: [account], before: 3h}}}}\n";

struct run {
    struct poller_world *poller;
    struct random_source random;
    struct vendor vendor;
    struct watch watch;
    bool is_healthy;
    uint64_t trace;           /* of all that was seen, in its order */
    uint64_t point, crash_at; /* of the small scenario: so many there were; where it crashes */
    struct mtr_log_reader *reader;
    struct mtr_rollups *rollups;
    struct mtr_aggregator *aggregator;
    struct mtr_charges *charges;
    struct mtr_rater *rater;
    struct mtr_rater_options rater_options;
    uint32_t crashes, faults;
};

static bool chance(struct run *run, uint64_t one_in) { return random_below(&run->random, one_in) == 0; }

/* Of what comes now: the clock and some words. */
static void note(struct run *run, const char *words, size_t size)
{
    const int64_t now_us = run->poller ? run->poller->world->now_us : 0;
    for (size_t i = 0; i < sizeof(now_us); i++) run->trace = (run->trace ^ (uint8_t)(now_us >> 8 * i)) * UINT64_C(1099511628211);
    for (size_t i = 0; i < size; i++) run->trace = (run->trace ^ (uint8_t)words[i]) * UINT64_C(1099511628211);
}

/* ---- the vendor ---- */

static void restate(struct run *run)
{
    const int64_t now_s = run->poller->world->now_us / MTR_US_PER_SECOND;
    for (uint64_t i = random_below(&run->random, 24); i-- > 0;) {
        const int table = (int)random_below(&run->random, TABLES + 2);
        if (table < TABLES)
            restate_row(&run->vendor, &run->random, (enum table)table, now_s);
        else if (table == TABLES)
            publish_row(&run->vendor, &run->random, now_s);
        else
            count_anew(&run->vendor, &run->random, now_s);
    }
}

static enum fault draw_fault(struct run *run, enum place place)
{
    enum fault possible[3 * FAULTS];
    uint64_t count = 0;
    if (run->is_healthy || !chance(run, place == AT_COUNTER ? 3 : 8)) return NONE; /* counters are asked for seldom */
    for (int i = 1; i < FAULTS; i++)
        for (int weight = i == EMPTY || i == HOLE ? 3 : 1; weight-- > 0 && FAULT_KINDS[i].places & 1u << place;) possible[count++] = (enum fault)i;
    run->faults++;
    return possible[random_below(&run->random, count)];
}

/* Nothing where there were rows: of a whole window of which rows are known, and nothing is doubted yet. */
static bool is_doubtful(struct run *run, enum place place, const char *url)
{
    struct mtr_ledger_txn *txn;
    struct mtr_ledger_window window;
    const struct report *report = place == AT_POLL ? find_report(&run->vendor, url) : NULL;
    const int64_t before_s = place == AT_COUNTER ? BEFORE_S : 0;
    const int64_t from_s = report ? report->from_s : parameter(url, "from=") + before_s, to_s = report ? report->to_s : parameter(url, "to=");
    const char *each = place == AT_EACH ? (parameter(url, "/b/acc-") ? "acc-1" : "acc-0") : "";
    const struct mtr_strand strand = {MTR_STR("acme"), mtr_str_from(SOURCE_KEYS[source_at(place)]), mtr_str_from(each)};
    if (place == AT_POLL && !report) return false;
    if (to_s - from_s != 86400) return false;
    assert_int_equal(mtr_ledger_begin(run->poller->ledger, false, &txn), 0);
    const int rc = mtr_ledger_get_window(txn, &strand, from_s * MTR_US_PER_SECOND, &window);
    const bool is_so = !rc && window.rows > 0 && window.state != MTR_WINDOW_SUSPECT && !window.agreed;
    mtr_ledger_abort(txn);
    return is_so;
}

/* Alarms of which this answer must raise one. */
static unsigned must_raise(struct run *run, enum place place, const char *url, enum fault fault)
{
    const unsigned must = FAULT_KINDS[fault].must;
    if (fault == EMPTY && strstr(url, "cursor=")) /* behind a first page */
        return find_copy(&run->vendor, (uint32_t)parameter(url, "cursor="))->count ? BIT(INCOMPLETE) : 0;
    if (fault == EMPTY) return is_doubtful(run, place, url) ? must : 0;
    if (fault == LOOPING) { /* a first page has no name yet; a feed that has nothing new may name itself */
        const bool is_new = place != AT_FEED || parameter(url, "cursor=") < run->vendor.feed_count;
        return strstr(url, "cursor=") && is_new ? must : 0;
    }
    if (fault != HOLE) return must;
    const int64_t start_s = parameter(url, "from=") + BEFORE_S, now_s = run->poller->world->now_us / MTR_US_PER_SECOND;
    const bool has_samples = start_s >= day_start_s(run->vendor.first_day) && start_s < day_start_s(DAYS) && now_s >= start_s + 12 * 3600;
    return has_samples ? must : 0; /* before the hole and behind it */
}

static void answer(void *context, const char *url, struct vendor_reply *reply)
{
    struct run *run = context;
    const enum place place = place_of(url);
    enum fault fault = draw_fault(run, place);
    if (fault == CHANGED && !parameter(url, "cursor=")) fault = NONE; /* nothing was told that could change */
    watch_asked(&run->watch, place);
    unsigned must = must_raise(run, place, url, fault);
    say_answer(&run->vendor, url, fault, run->poller->world->now_us / MTR_US_PER_SECOND, reply);
    if (reply->status == 400 && (fault == LOOPING || fault == MISCOUNTED)) must = 0; /* it says that it is too much */
    if (reply->status == 400) run->watch.of[source_at(place)].may |= BIT(TRUNCATED);
    if (fault) watch_answer(&run->watch, place, fault, must);
    note(run, url, strlen(url));
    note(run, (const char *)&reply->status, sizeof(reply->status));
    note(run, reply->body->data, reply->body->size);
}

/* A window's rows were taken away or changed since it was read well; or it is one of those without a row, which is not believed at once. */
static bool is_moved(struct run *run, struct mtr_ledger_txn *txn, int s, int account, int day)
{
    char each[16] = "";
    struct mtr_ledger_window window;
    const int64_t begin_s = day_start_s(day);
    if (account >= 0) snprintf(each, sizeof(each), "acc-%d", account);
    const struct mtr_strand strand = {MTR_STR("acme"), mtr_str_from(SOURCE_KEYS[s]), mtr_str_from(each)};
    const int rc = mtr_ledger_get_window(txn, &strand, begin_s * MTR_US_PER_SECOND, &window);
    const bool is_well = !rc && mtr_window_is_whole(window.state);
    const bool has_any = s < TABLES ? has_rows(&run->vendor, (enum table)s, account, begin_s, begin_s + 86400) : day < DAYS;
    if (!has_any && !is_well) return true;
    return s < TABLES && day < DAYS && run->vendor.moved_s[s][day] && (rc || window.last_us <= run->vendor.moved_s[s][day] * MTR_US_PER_SECOND);
}

static bool is_doubt_of_truth(struct run *run, int s)
{
    struct mtr_ledger_txn *txn;
    bool is_so = false;
    assert_int_equal(mtr_ledger_begin(run->poller->ledger, false, &txn), 0);
    for (int day = run->vendor.first_day; !is_so && day_start_s(day) * MTR_US_PER_SECOND <= run->poller->world->now_us; day++)
        for (int account = s == OF_EACH ? 0 : -1; account < (s == OF_EACH ? ACCOUNTS : 0); account++) is_so = is_so || is_moved(run, txn, s, account, day);
    mtr_ledger_abort(txn);
    return is_so;
}

static void hear(void *context, bool is_alarm, struct mtr_str source, const char *text)
{
    struct run *run = context;
    const bool is_doubt = is_alarm && !strncmp(text, "suspect", strlen("suspect"));
    watch_line(&run->watch, run->poller, is_alarm, source, text, is_doubt && is_doubt_of_truth(run, source_index(source)));
}

static int note_state(void *context, struct mtr_str each, const struct mtr_ledger_window *window)
{
    unsigned *bits = context;
    (void)each;
    *bits |= window->state == MTR_WINDOW_SUSPECT ? BIT(SUSPECT) : window->state == MTR_WINDOW_INCOMPLETE ? BIT(INCOMPLETE) : 0;
    return 0;
}

/* What came back after a crash is over. */
static void forget_kept(struct run *run)
{
    struct mtr_ledger_txn *txn;
    assert_int_equal(mtr_ledger_begin(run->poller->ledger, false, &txn), 0);
    for (int s = 0; s < SOURCES; s++) {
        const struct mtr_strand source = {MTR_STR("acme"), mtr_str_from(SOURCE_KEYS[s]), MTR_STR("")};
        unsigned bits = 0;
        if (!run->watch.of[s].kept) continue;
        assert_int_equal(mtr_ledger_walk_windows(txn, &source, INT64_MIN, note_state, &bits), 0);
        run->watch.of[s].kept &= bits;
    }
    mtr_ledger_abort(txn);
}

static void ended(void *context)
{
    struct run *run = context;
    forget_kept(run);
    watch_ended(&run->watch, run->poller);
}

/* ---- stages ---- */

static void open_stages(struct run *run)
{
    static const struct mtr_aggregator_options options = {.step_events_max = 7};
    struct mtr_diagnostic diagnostic = {0};
    char path[DIRECTORY_PATH_BYTES + 20];
    assert_int_equal(mtr_log_reader_attach(run->poller->world->log, &run->reader), 0);
    snprintf(path, sizeof(path), "%s/rollups", run->poller->world->directory);
    if (mtr_rollups_open(path, false, &run->rollups, &diagnostic)) fail_msg("%s", diagnostic.text);
    assert_int_equal(mtr_aggregator_open(run->rollups, run->reader, &options, &run->aggregator), 0);
    snprintf(path, sizeof(path), "%s/charges", run->poller->world->directory);
    if (mtr_charges_open(path, false, &run->charges, &diagnostic)) fail_msg("%s", diagnostic.text);
    assert_int_equal(mtr_rater_open(run->rollups, run->charges, &run->rater_options, &run->rater), 0);
}

static void close_stages(struct run *run)
{
    mtr_rater_close(run->rater);
    mtr_charges_close(run->charges);
    mtr_aggregator_close(run->aggregator);
    mtr_rollups_close(run->rollups);
    mtr_log_reader_close(run->reader);
}

static bool step_aggregator(struct run *run)
{
    struct mtr_aggregator_result result = {0};
    struct mtr_diagnostic diagnostic = {0};
    const struct world *world = run->poller->world;
    if (mtr_aggregator_step(run->aggregator, world->catalog, world->now_us, &result, &diagnostic)) fail_msg("%s", diagnostic.text);
    return !result.idle;
}

static bool step_rater(struct run *run, int64_t *due_us)
{
    struct mtr_rater_result result = {0};
    struct mtr_diagnostic diagnostic = {0};
    const struct world *world = run->poller->world;
    if (mtr_rater_step(run->rater, world->catalog, world->now_us, &result, &diagnostic)) fail_msg("%s", diagnostic.text);
    *due_us = result.next_due_us;
    return !result.idle;
}

static void drain_stages(struct run *run)
{
    int64_t due_us = 0;
    for (int i = 0; due_us <= run->poller->world->now_us; i++) {
        assert_true(i < DRAIN_MAX);
        while (step_aggregator(run)) assert_true(i++ < DRAIN_MAX);
        while (step_rater(run, &due_us)) assert_true(i++ < DRAIN_MAX);
    }
}

/* ---- laws ---- */

static void check_rows(struct run *run, const char *key, char letter, const struct published *rows, int count)
{
    static char text[FEED_ROWS * 64];
    char row[64];
    int there = 0, counted = 0;
    counted_rows(run->poller, key, text, sizeof(text));
    for (const char *at = text; (at = strchr(at, '=')) != NULL; at++) counted++;
    for (int i = 0; i < count; i++) {
        if (!rows[i].is_there) continue;
        there++;
        snprintf(row, sizeof(row), "%c%d=%lld ", letter, i, (long long)rows[i].amount);
        if (!strstr(text, row)) fail_msg("%s: %s is not in: %s", key, row, text);
    }
    if (there != counted) fail_msg("%s: %d rows of %d: %s", key, counted, there, text);
}

/* From its second sample on; what it had when it was first looked at is nobody's. */
static int64_t counted_up(const struct run *run, int account)
{
    int64_t shown[HOURS], sum = 0;
    count_up(&run->vendor, account, shown);
    for (int hour = run->vendor.first_day * 24 + 1; hour < HOURS; hour++)
        sum += shown[hour] < shown[hour - 1] ? shown[hour] : shown[hour] - shown[hour - 1];
    return sum;
}

static int64_t published(const struct run *run, int account)
{
    int64_t sum = counted_up(run, account);
    for (int i = 0; i < TABLES * ROWS; i++) {
        const struct published *row = &run->vendor.tables[i / ROWS][i % ROWS];
        sum += row->is_there && row->account == account ? row->amount : 0;
    }
    for (int i = 0; i < run->vendor.feed_count; i++) sum += run->vendor.feed[i].account == account ? run->vendor.feed[i].amount : 0;
    return sum;
}

struct billed {
    uint32_t subscription;
    struct mtr_money sum;
};

static int on_charge(void *context, const struct mtr_charge *charge)
{
    struct billed *billed = context;
    return charge->subscription == billed->subscription ? mtr_money_add(billed->sum, charge->amount, &billed->sum) : 0;
}

static void check_charges(struct run *run)
{
    for (int account = 0; account < ACCOUNTS; account++) {
        char key[16], said[MTR_DECIMAL_TEXT_BYTES], expected[32];
        struct billed billed = {0};
        struct mtr_charges_txn *txn;
        snprintf(key, sizeof(key), "acc-%d", account);
        for (uint32_t i = 1; i <= mtr_catalog_count(run->poller->world->catalog, MTR_KIND_SUBSCRIPTION); i++) {
            const struct mtr_subscription *subscription = mtr_catalog_subscription(run->poller->world->catalog, i);
            if (subscription && mtr_str_equal(subscription->key, mtr_str_from(key))) billed.subscription = i;
        }
        assert_true(billed.subscription);
        assert_int_equal(mtr_charges_begin(run->charges, false, &txn), 0);
        assert_int_equal(mtr_charges_walk(txn, 0, on_charge, &billed), 0);
        mtr_charges_abort(txn);
        mtr_money_format(billed.sum, said);
        snprintf(expected, sizeof(expected), "%lld", (long long)published(run, account));
        assert_string_equal(said, expected);
    }
    struct mtr_audit_counts counts;
    const struct mtr_audit_of of = {run->rollups, run->charges, run->poller->world->catalog};
    assert_int_equal(mtr_rater_audit(&of, &run->rater_options, NULL, NULL, &counts), 0);
    assert_int_equal(counts.findings, 0);
}

/* Of all sources: states and rows of all windows. */
struct walked {
    char text[60000];
    size_t size;
};

static int on_window(void *context, struct mtr_str each, const struct mtr_ledger_window *window)
{
    struct walked *walked = context;
    const int size = snprintf(walked->text + walked->size, sizeof(walked->text) - walked->size, "%.*s %lld %d %d %d\n", MTR_STR_ARGS(each),
                              (long long)window->start_us, (int)window->state, (int)window->rows, (int)window->readings);
    walked->size += (size_t)size;
    assert_true(walked->size < sizeof(walked->text));
    return 0;
}

static struct walked *walk(struct run *run)
{
    struct walked *walked = calloc(1, sizeof(*walked));
    struct mtr_ledger_txn *txn;
    assert_int_equal(mtr_ledger_begin(run->poller->ledger, false, &txn), 0);
    for (int i = 0; i < SOURCES; i++) {
        const struct mtr_strand source = {MTR_STR("acme"), mtr_str_from(SOURCE_KEYS[i]), MTR_STR("")};
        assert_int_equal(mtr_ledger_walk_windows(txn, &source, INT64_MIN, on_window, walked), 0);
    }
    mtr_ledger_abort(txn);
    return walked;
}

static void check_laws(struct run *run)
{
    for (int i = 0; i < TABLES; i++) check_rows(run, SOURCE_KEYS[i], 'r', run->vendor.tables[i], ROWS);
    check_rows(run, "f", 'f', run->vendor.feed, run->vendor.feed_count);
    check_charges(run);
    struct walked *before = walk(run);
    close_stages(run);
    poller_world_crash(run->poller, true);
    open_stages(run);
    watch_crash(&run->watch);
    poller_world_run(run->poller);
    struct walked *after = walk(run);
    assert_string_equal(before->text, after->text);
    free(before);
    free(after);
}

static struct run *new_run(uint64_t seed, const char *documents)
{
    struct run *run = calloc(1, sizeof(*run));
    run->random.state = seed;
    run->poller = new_poller_world();
    run->poller->answer = answer;
    run->poller->listens = hear;
    run->poller->ends = ended;
    run->poller->context = run;
    run->rater_options = mtr_rater_options_default();
    run->rater_options.grace_us = 0;
    apply(run->poller->world, BILLING);
    apply(run->poller->world, documents);
    open_stages(run);
    return run;
}

static void free_run(struct run *run)
{
    close_stages(run);
    free_poller_world(run->poller);
    free(run);
}

#endif
