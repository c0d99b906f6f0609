/*
 * Periods that wait for their sources. The law, after any readings at any time: a period closes only when all
 * windows that overlap it of every source that feeds it are complete, and folded into the rollups, or when
 * at_most has passed behind its end; and then it does close. What comes later is a correction.
 */
#include "meterd/rater/rater.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/random.h"
#include "tests/support/rating_use.h"

static const int64_t HOUR_US = MTR_US_PER_HOUR, DAY_US = MTR_US_PER_DAY;
static const int64_t JANUARY_US = INT64_C(1767225600) * MTR_US_PER_SECOND; /* 2026-01-01T00:00:00Z */

enum { DAYS = 24, WINDOWS_MAX = DAYS * 4, EACHES = 2 };

#define HEAD                                                                                                                          \
    "vendors: [{key: acme}, {key: rival}]\n"                                                                                          \
    "services: [{key: compute, vendor: acme}, {key: mail, vendor: acme}, {key: post, vendor: rival}]\n"                               \
    "meters:\n"                                                                                                                       \
    "  - {key: calls, service: compute, event_type: call, aggregation: count}\n"                                                      \
    "  - {key: disk, service: compute, event_type: disk, value: gib}\n"                                                               \
    "tariffs:\n"                                                                                                                      \
    "  - {key: t, service: compute, currency: EUR, versions: [{from: 2026-01-01,\n" \
    "     components: [{key: disk, meter: disk, per_unit: '1', minimum: '10'}]}]}\n"                   \
    "  - {key: m, service: mail, currency: EUR, versions: [{from: 2026-01-01, components: [{key: base, recurring: {amount: '3'}}]}]}\n"   \
    "  - {key: p, service: post, currency: EUR, versions: [{from: 2026-01-01, components: [{key: base, recurring: {amount: '3'}}]}]}\n"   \
    "subscriptions:\n"                                                                                                                \
    "  - {key: s1, subject: vm-1, service: compute, customer: c, tariff: t, start: 2026-01-01, billing: {every: day}}\n"              \
    "  - {key: s2, service: compute, customer: c, tariff: t, start: 2026-01-03, billing: {every: week}}\n"                            \
    "  - {key: m1, service: mail, customer: c, tariff: m, start: 2026-01-01, billing: {every: day}}\n"                                \
    "  - {key: r1, service: post, customer: c, tariff: p, start: 2026-01-01, billing: {every: day}}\n"

#define REST                                                                                                                          \
    "vendor: acme, base_url: 'https://a.example', auth: none, format: {json: {rows: 'data[]'}}, identity: {id: id},\n"                \
    "    map: {type: =call, subject: account, time: at, data: {}}, "
#define ASKS "request: {path: /u, query: {day: '{from:%Y-%m-%dT%H}'}}"

struct known {
    bool is_complete;
    uint64_t seq; /* of its last row */
};

/* A source as the test knows it: its windows are pieces of length_us, counted from 1970. */
struct source {
    const char *key, *yaml; /* behind the key and REST */
    int64_t length_us, start_us, most_us;
    const char *eaches[EACHES]; /* NULL: of for_each subscription, the asking one's subject */
    int each_count;
    const char *service; /* NULL: all of the vendor */
    bool is_feed;
};

static const struct source sources[] = {
    {"daily", "window: {length: day, start: 2026-01-02}, "
     "holds_close: {at_most: 3d}, " ASKS,
     INT64_C(24) * 3600000000, 1, INT64_C(3) * 86400000000, {""}, 1, NULL, false},
    {"pieces", "window: {length: 6h, start: 2026-01-01}, holds_close: {at_most: 36h}, for_each: {subscription: {service: compute}},\n"
     "    request: {path: '/{each.subject}', query: {day: '{from:%Y-%m-%dT%H}'}}",
     INT64_C(6) * 3600000000, 0, INT64_C(36) * 3600000000, {NULL}, 1, "compute", false},
    {"places", "window: {length: day, start: 2026-01-01}, holds_close: {at_most: 2d}, for_each: {values: [eu, us]},\n"
     "    request: {path: '/{each.value}', query: {day: '{from:%Y-%m-%dT%H}'}}",
     INT64_C(24) * 3600000000, 0, INT64_C(2) * 86400000000, {"eu", "us"}, 2, NULL, false},
    {"feed", "window: {length: cursor, overlap: 2h}, holds_close: {at_most: 1d}, delivery: append, paging: {cursor: {path: next, send: query.after}},\n"
     "    request: {path: /f}", 0, 0, INT64_C(1) * 86400000000, {""}, 1, NULL, true},
};
enum { SOURCES = sizeof(sources) / sizeof(sources[0]) };

struct model {
    struct rating_world world;
    struct mtr_ledger *ledger;
    struct random_source random;
    bool used[SOURCES];
    struct known windows[SOURCES][EACHES][WINDOWS_MAX];
    int64_t feed_read_us[SOURCES];
    uint64_t applied;
    uint32_t closed, by_time, held;
};

static const char *const subjects[] = {"vm-1", "s2", "m1", "r1"};
static const char *const services[] = {"compute", "compute", "mail", "post"};

/* ---- what the test holds for true ---- */

static bool is_whole_of(const struct model *model, int s, int each, int64_t from_us, int64_t to_us)
{
    const struct source *source = &sources[s];
    for (int i = 0; i < WINDOWS_MAX; i++) {
        const int64_t window_us = JANUARY_US + i * source->length_us;
        if (window_us + source->length_us <= from_us || window_us >= to_us) continue;
        if (window_us < JANUARY_US + source->start_us * DAY_US) continue;
        const struct known *known = &model->windows[s][each][i];
        if (!known->is_complete || known->seq > model->world.seq) return false;
    }
    return true;
}

static bool feeds(int s, int subscription)
{
    const bool is_of_service = !sources[s].service || !strcmp(sources[s].service, services[subscription]);
    return subscription < 3 && is_of_service;
}

static bool is_whole(const struct model *model, int s, int subscription, int64_t from_us, int64_t to_us)
{
    const struct source *source = &sources[s];
    if (source->is_feed) return model->feed_read_us[s] >= to_us + 2 * HOUR_US && model->applied <= model->world.seq;
    if (!source->eaches[0]) return is_whole_of(model, s, subscription, from_us, to_us);
    for (int each = 0; each < source->each_count; each++)
        if (!is_whole_of(model, s, each, from_us, to_us)) return false;
    return true;
}

/* Does something hold it, whose time is not over? */
static bool is_held(const struct model *model, const struct mtr_charge_period *period, bool *lacks)
{
    const int64_t from_us = period->start_us, to_us = period->end_us;
    const int subscription = (int)period->subscription - 1;
    bool held = false;
    *lacks = false;
    for (int s = 0; s < SOURCES; s++) {
        if (!model->used[s] || !feeds(s, subscription) || is_whole(model, s, subscription, from_us, to_us)) continue;
        *lacks = true;
        held = held || model->world.watermark_us < to_us + sources[s].most_us;
    }
    return held;
}

static int check_period(void *context, const struct mtr_charge_period *period)
{
    struct model *model = context;
    struct mtr_charges_txn *txn = NULL;
    struct mtr_charge_waiting waiting;
    bool lacks;
    const bool is_over = model->world.watermark_us >= period->end_us + model->world.options.grace_us;
    const bool held = is_held(model, period, &lacks);
    assert_int_equal(mtr_charges_begin(model->world.charges, false, &txn), 0);
    const bool waits = !mtr_charges_get_waiting(txn, period->subscription, period->start_us, &waiting);
    if (period->status == MTR_PERIOD_OPEN) {
        if (is_over != held && is_over) fail_msg("a period of %u is not closed, and nothing holds it", period->subscription);
        if (waits != is_over) fail_msg("a period of %u waits, and nothing tells of it", period->subscription);
        if (waits) assert_int_equal(waiting.reason, MTR_WAITING_SOURCE);
        model->held += is_over;
    } else {
        if (waits) fail_msg("a period of %u is closed, and waits: %.*s", period->subscription, MTR_STR_ARGS(waiting.text));
    }
    mtr_charges_abort(txn);
    return 0;
}

/* What was open before this step, and is final now, was held by nothing. */
static int check_closed(void *context, const struct mtr_charge_period *period)
{
    struct model *model = context;
    bool lacks;
    if (period->status != MTR_PERIOD_FINAL || period->closed_us != model->world.now_us) return 0;
    if (is_held(model, period, &lacks)) fail_msg("a period of %u closed while a source holds it", period->subscription);
    model->closed++;
    model->by_time += lacks;
    return 0;
}

static void check_all(struct model *model, int (*check)(void *, const struct mtr_charge_period *))
{
    struct mtr_charges_txn *txn = NULL;
    assert_int_equal(mtr_charges_begin(model->world.charges, false, &txn), 0);
    for (uint32_t i = 1; i <= 4; i++) assert_int_equal(mtr_charges_walk_periods(txn, i, INT64_MIN, check, model), 0);
    mtr_charges_abort(txn);
}

/* ---- what happens ---- */

static void put_window(struct model *model, int s, int each, int i)
{
    static const enum mtr_window_state others[] = {MTR_WINDOW_PARTIAL, MTR_WINDOW_OPEN, MTR_WINDOW_INCOMPLETE, MTR_WINDOW_SUSPECT};
    const struct source *source = &sources[s];
    struct known *known = &model->windows[s][each][i];
    struct mtr_ledger_txn *txn = NULL;
    const char *name = source->eaches[0] ? source->eaches[each] : subjects[each];
    const struct mtr_strand strand = {MTR_STR("acme"), mtr_str_from(source->key), mtr_str_from(name)};
    known->is_complete = random_below(&model->random, 5) != 0;
    known->seq = model->world.seq + random_below(&model->random, 3);
    const struct mtr_ledger_window window = {
        .start_us = JANUARY_US + i * source->length_us,
        .end_us = JANUARY_US + (i + 1) * source->length_us,
        .state = !known->is_complete                  ? others[random_below(&model->random, 4)]
                 : random_below(&model->random, 2) ? MTR_WINDOW_SETTLED
                                                      : MTR_WINDOW_COMPLETE,
        .seq_last = known->seq};
    assert_int_equal(mtr_ledger_begin(model->ledger, true, &txn), 0);
    assert_int_equal(mtr_ledger_put_window(txn, &strand, &window), 0);
    assert_int_equal(mtr_ledger_commit(txn), 0);
}

static void put_feed(struct model *model, int s)
{
    struct mtr_ledger_txn *txn = NULL;
    const struct mtr_strand strand = {MTR_STR("acme"), mtr_str_from(sources[s].key), MTR_STR("")};
    model->feed_read_us[s] = model->world.now_us;
    model->applied = model->world.seq + random_below(&model->random, 3);
    const struct mtr_feed feed = {.cursor = MTR_STR("c"), .read_us = model->world.now_us};
    assert_int_equal(mtr_ledger_begin(model->ledger, true, &txn), 0);
    assert_int_equal(mtr_ledger_put_feed(txn, &strand, &feed), 0);
    assert_int_equal(mtr_ledger_put_applied(txn, &(struct mtr_ledger_place){.seq = model->applied}), 0);
    assert_int_equal(mtr_ledger_commit(txn), 0);
}

/* Windows that are over are read, at random; the newest more often. */
static void read_windows(struct model *model, unsigned eagerness)
{
    for (int s = 0; s < SOURCES; s++) {
        const struct source *source = &sources[s];
        if (source->is_feed) {
            if (random_below(&model->random, 4) < eagerness) put_feed(model, s);
            continue;
        }
        const int eaches = source->eaches[0] ? source->each_count : 2;
        const int64_t over = (model->world.now_us - JANUARY_US) / source->length_us;
        for (int64_t i = over > 12 ? over - 12 : 0; i < over && i < WINDOWS_MAX; i++)
            for (int each = 0; each < eaches; each++)
                if (!model->windows[s][each][i].is_complete && random_below(&model->random, 6) < eagerness)
                    put_window(model, s, each, (int)i);
    }
}

static void apply_sources(struct model *model)
{
    char yaml[8192];
    size_t size = (size_t)snprintf(yaml, sizeof(yaml), HEAD "sources:\n");
    for (int s = 0; s < SOURCES; s++) {
        const unsigned kind = (unsigned)random_below(&model->random, 4);
        model->used[s] = kind > 0; /* else it is disabled */
        size += (size_t)snprintf(yaml + size, sizeof(yaml) - size, "  - {key: %s, %s, " REST "%s}\n", sources[s].key,
                                 kind ? "disabled: false" : "disabled: true", sources[s].yaml);
    }
    rating_apply(&model->world, yaml);
}

static void run_model(uint64_t seed)
{
    struct model *model = calloc(1, sizeof(*model));
    struct mtr_diagnostic diagnostic = {0};
    char directory[2 * DIRECTORY_PATH_BYTES];
    model->random.state = seed;
    rating_open(&model->world, JANUARY_US);
    snprintf(directory, sizeof(directory), "%s/intake", model->world.root);
    if (mtr_ledger_open(directory, false, &model->ledger, &diagnostic)) fail_msg("%s", diagnostic.text);
    model->world.options.ledger = model->ledger;
    rating_reopen(&model->world);
    apply_sources(model);
    const unsigned eagerness = (unsigned)random_below(&model->random, 6);
    while (model->world.now_us < JANUARY_US + (DAYS - 8) * DAY_US) {
        model->world.seq += random_below(&model->random, 3);
        rating_advance_to(&model->world, model->world.now_us + HOUR_US * (int64_t)(1 + random_below(&model->random, 6)));
        if (!random_below(&model->random, 20)) rating_reopen(&model->world);
        rating_drain(&model->world);
        check_all(model, check_closed);
        check_all(model, check_period);
        read_windows(model, eagerness);
        if (!random_below(&model->random, 16)) apply_sources(model);
    }
    rating_advance_to(&model->world, JANUARY_US + DAYS * DAY_US);
    rating_drain(&model->world);
    assert_int_equal(rating_audit(&model->world).findings, 0);
    if (!model->closed) fail_msg("METERD_SEED=%llu: nothing closed", (unsigned long long)seed);
    print_message("seed %llu: %u closed, %u by their time, %u times held\n", (unsigned long long)seed, model->closed, model->by_time, model->held);
    mtr_ledger_close(model->ledger);
    rating_close(&model->world);
    free(model);
}

static void test_periods_close_with_their_windows(void **state)
{
    (void)state;
    const char *given = getenv("METERD_SEED"), *many = getenv("METERD_SEEDS");
    uint64_t seed = 1, seeds = 12;
    if (given && !mtr_str_to_u64(mtr_str_from(given), &seed)) fail_msg("METERD_SEED is no number");
    if (many && !mtr_str_to_u64(mtr_str_from(many), &seeds)) fail_msg("METERD_SEEDS is no number");
    for (uint64_t end = given ? seed + 1 : seed + seeds; seed < end; seed++) {
        print_message("METERD_SEED=%llu\n", (unsigned long long)seed);
        run_model(seed);
    }
}

/* Minimum and final charge come when the window is complete, drafts before; what comes behind corrects. */
static void test_drafts_until_then(void **state)
{
    (void)state;
    struct model *model = calloc(1, sizeof(*model));
    struct mtr_diagnostic diagnostic = {0};
    char directory[2 * DIRECTORY_PATH_BYTES];
    rating_open(&model->world, JANUARY_US);
    snprintf(directory, sizeof(directory), "%s/intake", model->world.root);
    if (mtr_ledger_open(directory, false, &model->ledger, &diagnostic)) fail_msg("%s", diagnostic.text);
    model->world.options.ledger = model->ledger;
    model->world.options.draft_every_us = 0;
    rating_reopen(&model->world);
    rating_apply(&model->world, HEAD "sources:\n  - {key: daily, " REST "window: {length: day, start: 2026-01-01}, holds_close: {at_most: 3d}, " ASKS "}\n");
    rating_use(&model->world, "s1", "disk", JANUARY_US, "", "4");
    rating_advance_to(&model->world, JANUARY_US + 30 * HOUR_US);
    rating_drain(&model->world);
    assert_string_equal(rating_history(&model->world, 1).text, "draft 4");
    assert_int_equal(rating_audit(&model->world).findings, 0);
    rating_use(&model->world, "s1", "disk", JANUARY_US + HOUR_US, "", "1");
    model->random.state = 4;
    while (!model->windows[0][0][0].is_complete) put_window(model, 0, 0, 0);
    model->world.seq += 3;
    rating_advance_to(&model->world, JANUARY_US + 31 * HOUR_US);
    rating_drain(&model->world);
    assert_string_equal(rating_history(&model->world, 1).text, "draft 4; final 1; final 5");
    rating_use(&model->world, "s1", "disk", JANUARY_US + 2 * HOUR_US, "", "7");
    rating_advance_to(&model->world, JANUARY_US + 32 * HOUR_US);
    rating_drain(&model->world);
    assert_string_equal(rating_history(&model->world, 1).text, "draft 4; final 1; final 5; correction 7; correction -5");
    assert_int_equal(rating_audit(&model->world).findings, 0);
    mtr_ledger_close(model->ledger);
    rating_close(&model->world);
    free(model);
}

static int count_final(void *context, const struct mtr_charge_period *period)
{
    *(uint32_t *)context += period->status == MTR_PERIOD_FINAL;
    return 0;
}

/* Without a start a source has the windows from when it was applied on: those of before are waited for by nobody. */
static void test_windows_of_before_the_source(void **state)
{
    (void)state;
    struct model *model = calloc(1, sizeof(*model));
    struct mtr_diagnostic diagnostic = {0};
    struct mtr_charges_txn *txn = NULL;
    char directory[2 * DIRECTORY_PATH_BYTES];
    uint32_t final = 0;
    rating_open(&model->world, JANUARY_US + 4 * DAY_US + HOUR_US);
    snprintf(directory, sizeof(directory), "%s/intake", model->world.root);
    if (mtr_ledger_open(directory, false, &model->ledger, &diagnostic)) fail_msg("%s", diagnostic.text);
    model->world.options.ledger = model->ledger;
    rating_reopen(&model->world);
    rating_apply(&model->world, HEAD "sources:\n  - {key: daily, " REST "window: {length: day}, holds_close: {at_most: 9d}, " ASKS "}\n");
    rating_advance_to(&model->world, JANUARY_US + 6 * DAY_US + 2 * HOUR_US);
    rating_drain(&model->world);
    assert_int_equal(mtr_charges_begin(model->world.charges, false, &txn), 0);
    assert_int_equal(mtr_charges_walk_periods(txn, 1, INT64_MIN, count_final, &final), 0);
    mtr_charges_abort(txn);
    assert_int_equal(final, 4); /* the 1st to the 4th; the 5th and 6th wait */
    mtr_ledger_close(model->ledger);
    rating_close(&model->world);
    free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_periods_close_with_their_windows),
        cmocka_unit_test(test_drafts_until_then),
        cmocka_unit_test(test_windows_of_before_the_source),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
