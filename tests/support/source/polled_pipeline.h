/*
 * The pipeline behind the poller, for its simulations: a vendor who restates, takes away and brings back rows and whose answers fail,
 * polled by window, in pieces and for each item of a list; aggregator and rater behind the log.
 *
 *   a vendor ──▶ poller ──▶ intake ──▶ log ──▶ aggregator ──▶ rollups ──▶ rater ──▶ charges
 *
 *   struct run *run = new_run(seed, DOCUMENTS);  restate(run);  go_on(run, later_us);  drain_stages(run);  check_laws(run);  free_run(run);
 */
#ifndef METERD_TESTS_SUPPORT_SOURCE_POLLED_PIPELINE_H
#define METERD_TESTS_SUPPORT_SOURCE_POLLED_PIPELINE_H

#include "support/source/poller_world.h"

#include "meterd/aggregator/aggregator.h"
#include "meterd/rater/audit.h"
#include "meterd/rater/rater.h"
#include "support/random.h"

enum { ROWS = 160, DAYS = 14, PAGE = 5, CAP = 14, ACCOUNTS = 2, SOURCES = 2, DRAIN_MAX = 100000 };

static const char DOCUMENTS[] =
    "meters:\n"
    "  - {key: pa, service: compute, event_type: pa, value: n}\n"
    "  - {key: pb, service: compute, event_type: pb, value: n}\n"
    "tariffs:\n"
    "  - key: polled\n"
    "    currency: EUR\n"
    "    versions: [{from: 2026-01-01, components: [{key: a, meter: pa, per_unit: '1'}, {key: b, meter: pb, per_unit: '1'}]}]\n"
    "subscriptions:\n"
    "  - {key: acc-0, service: compute, customer: c, tariff: polled, start: 2026-01-01}\n"
    "  - {key: acc-1, service: compute, customer: c, tariff: polled, start: 2026-01-01}\n"
    "sources:\n"
    "  - key: accounts\n"
    "    vendor: acme\n"
    "    base_url: http://127.0.0.1:1\n"
    "    schedule: {every: 6h}\n"
    "    window: {periods: [current]}\n"
    "    auth: none\n"
    "    request: {path: /accounts}\n"
    "    format: {json: {rows: 'data[]'}}\n"
    "    complete: {count: total}\n"
    "    identity: {id: id}\n"
    "    map: {type: =meterd.item, subject: id}\n"
    "  - key: a\n"
    "    vendor: acme\n"
    "    base_url: http://127.0.0.1:1\n"
    "    schedule: {every: 1h}\n"
    "    window: {length: day, start: 2026-03-05, lateness: 1h, rereads: [1d, 3d], open: 3h, split: 1h}\n"
    "    auth: none\n"
    "    request: {path: /a, query: {from: '{from:unix}', to: '{to:unix}'}}\n"
    "    paging: {cursor: {path: next, send: query.cursor}}\n"
    "    answer: {limit: {status: 400, path: error, contains: too much}}\n"
    "    format: {json: {rows: 'data[]'}}\n"
    "    complete: {count: total}\n"
    "    identity: {id: id}\n"
    "    guard: {every: 10m}\n"
    "    map: {type: =pa, subject: account, time: {path: at, format: unix_s}, data: {n: amount}}\n"
    "  - key: b\n"
    "    vendor: acme\n"
    "    base_url: http://127.0.0.1:1\n"
    "    schedule: {every: 2h}\n"
    "    window: {length: day, start: 2026-03-05, lateness: 1h, rereads: [1d, 3d]}\n"
    "    for_each: {rows: {of: accounts, as: account}}\n"
    "    auth: none\n"
    "    request: {path: '/b/{each.account}', query: {from: '{from:unix}', to: '{to:unix}'}}\n"
    "    format: {json: {rows: 'data[]'}}\n"
    "    complete: {count: total}\n"
    "    identity: {id: id}\n"
    "    guard: {every: 10m}\n"
    "    map: {type: =pb, subject: each.account, time: {path: at, format: unix_s}, data: {n: amount}}\n";

struct published {
    bool is_there;
    int account;
    int64_t at_s, amount;
};

struct run {
    struct poller_world *poller;
    struct random_source random;
    struct published rows[SOURCES][ROWS];
    int first_day; /* with rows */
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

static int64_t day_start_s(int day) { return instant("2026-03-05T00:00:00Z") / MTR_US_PER_SECOND + day * INT64_C(86400); }

/* Rows of a day that will be read again for a while. */
static void restate(struct run *run)
{
    const int64_t now_s = run->poller->world->now_us / MTR_US_PER_SECOND;
    for (uint64_t i = random_below(&run->random, 12); i-- > 0;) {
        const int source = (int)random_below(&run->random, SOURCES), number = (int)random_below(&run->random, ROWS);
        struct published *row = &run->rows[source][number];
        const int day = number % DAYS; /* a row stays in its day */
        const int64_t begin_s = day_start_s(day), end_s = begin_s + 86400;
        if (day < run->first_day || now_s < begin_s || now_s > end_s + 2 * 86400) continue;
        row->is_there = !chance(run, 4);
        row->account = number % ACCOUNTS;
        row->at_s = begin_s + (int64_t)random_below(&run->random, 24) * 3600; /* often on the border of two pieces */
        row->amount = 1 + (int64_t)random_below(&run->random, 3);
        if (row->at_s > now_s) row->is_there = false;
    }
}

static int64_t parameter(const char *url, const char *name)
{
    const char *at = strstr(url, name);
    return at ? strtoll(at + strlen(name), NULL, 10) : 0;
}

static void write_rows(struct run *run, const char *url, struct vendor_reply *reply)
{
    const char *each = strstr(url, "/b/acc-");
    const int source = each ? 1 : 0, account = each ? each[strlen("/b/acc-")] - '0' : -1;
    const int64_t from_s = parameter(url, "from="), to_s = parameter(url, "to="), after = parameter(url, "cursor=");
    int total = 0, sent = 0;
    int rc = mtr_buffer_printf(reply->body, "{\"data\":[");
    for (int i = 0; i < ROWS; i++) {
        const struct published *row = &run->rows[source][i];
        if (!row->is_there || row->at_s < from_s || row->at_s >= to_s || (each && row->account != account)) continue;
        total++;
        if (total <= after || (!each && sent == PAGE)) continue;
        if (!rc) rc = mtr_buffer_printf(reply->body, "%s{\"id\":\"r%d\",\"account\":\"acc-%d\",\"at\":%lld,\"amount\":%lld}", sent ? "," : "", i, row->account,
                                        (long long)row->at_s, (long long)row->amount);
        sent++;
    }
    if (!rc) rc = mtr_buffer_printf(reply->body, "],\"total\":%d", total);
    if (!rc && !each && after + sent < total) rc = mtr_buffer_printf(reply->body, ",\"next\":\"%d\"", (int)after + sent);
    if (!rc) rc = mtr_buffer_printf(reply->body, "}");
    assert_int_equal(rc, 0);
    if (each || total <= CAP) return;
    mtr_buffer_reset(reply->body);
    reply->status = 400;
    assert_int_equal(mtr_buffer_printf(reply->body, "{\"error\":\"too much\"}"), 0);
}

static void spoil(struct run *run, struct vendor_reply *reply)
{
    if (run->is_healthy || !chance(run, 8)) return;
    run->faults++;
    switch (random_below(&run->random, 4)) {
    case 0: reply->status = 500; break;
    case 1:
        reply->status = 429;
        assert_int_equal(mtr_buffer_printf(reply->headers, "Retry-After: 60\r\n"), 0);
        break;
    case 2: reply->body->size /= 2; break; /* torn */
    default: reply->status = 404; break;
    }
}

static void answer(void *context, const char *url, struct vendor_reply *reply)
{
    struct run *run = context;
    if (strstr(url, "/accounts"))
        assert_int_equal(mtr_buffer_printf(reply->body, "{\"data\":[{\"id\":\"acc-0\"},{\"id\":\"acc-1\"}],\"total\":2}"), 0);
    else
        write_rows(run, url, reply);
    spoil(run, reply);
    note(run, url, strlen(url));
    note(run, (const char *)&reply->status, sizeof(reply->status));
    note(run, reply->body->data, reply->body->size);
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

static void check_rows(struct run *run, int source, const char *key)
{
    static char text[ROWS * 64];
    char row[64];
    int there = 0, counted = 0;
    counted_rows(run->poller, key, text, sizeof(text));
    for (const char *at = text; (at = strchr(at, '=')) != NULL; at++) counted++;
    for (int i = 0; i < ROWS; i++) {
        const struct published *published = &run->rows[source][i];
        if (!published->is_there) continue;
        there++;
        snprintf(row, sizeof(row), "r%d=%lld ", i, (long long)published->amount);
        if (!strstr(text, row)) fail_msg("%s: %s is not in: %s", key, row, text);
    }
    if (there != counted) fail_msg("%s: %d rows of %d: %s", key, counted, there, text);
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
        int64_t sum = 0;
        snprintf(key, sizeof(key), "acc-%d", account);
        for (uint32_t i = 1; i <= mtr_catalog_count(run->poller->world->catalog, MTR_KIND_SUBSCRIPTION); i++) {
            const struct mtr_subscription *subscription = mtr_catalog_subscription(run->poller->world->catalog, i);
            if (subscription && mtr_str_equal(subscription->key, mtr_str_from(key))) billed.subscription = i;
        }
        assert_true(billed.subscription);
        for (int i = 0; i < SOURCES * ROWS; i++) {
            const struct published *row = &run->rows[i / ROWS][i % ROWS];
            sum += row->is_there && row->account == account ? row->amount : 0;
        }
        assert_int_equal(mtr_charges_begin(run->charges, false, &txn), 0);
        assert_int_equal(mtr_charges_walk(txn, 0, on_charge, &billed), 0);
        mtr_charges_abort(txn);
        mtr_money_format(billed.sum, said);
        snprintf(expected, sizeof(expected), "%lld", (long long)sum);
        assert_string_equal(said, expected);
    }
    struct mtr_audit_counts counts;
    const struct mtr_audit_of of = {run->rollups, run->charges, run->poller->world->catalog};
    assert_int_equal(mtr_rater_audit(&of, &run->rater_options, NULL, NULL, &counts), 0);
    assert_int_equal(counts.findings, 0);
}

/* Of both sources: states and rows of all windows. */
struct walked {
    char text[20000];
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
    static const char *const keys[] = {"accounts", "a", "b"};
    struct walked *walked = calloc(1, sizeof(*walked));
    struct mtr_ledger_txn *txn;
    assert_int_equal(mtr_ledger_begin(run->poller->ledger, false, &txn), 0);
    for (int i = 0; i < 3; i++) {
        const struct mtr_strand source = {MTR_STR("acme"), mtr_str_from(keys[i]), MTR_STR("")};
        assert_int_equal(mtr_ledger_walk_windows(txn, &source, INT64_MIN, on_window, walked), 0);
    }
    mtr_ledger_abort(txn);
    return walked;
}

static void check_laws(struct run *run)
{
    check_rows(run, 0, "a");
    check_rows(run, 1, "b");
    check_charges(run);
    struct walked *before = walk(run);
    close_stages(run);
    poller_world_crash(run->poller, true);
    open_stages(run);
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
    run->poller->context = run;
    run->rater_options = mtr_rater_options_default();
    run->rater_options.grace_us = 0;
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
