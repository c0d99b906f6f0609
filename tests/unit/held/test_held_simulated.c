/*
 * Held events under retention, simulated: a log whose segments are all due at once, a catalog that learns of
 * subjects and meters late, a fold in small steps, and the pass that carries what is held (daemon/held/). An
 * order of all that is drawn by a seed, with ends of the process between any two commits.
 *
 *   1  at any moment each event that waits is found by its sequence, as it was sent
 *   2  in the end each subject's use is what was sent and not taken back, whatever left the log before it was
 *      known; and by a meter that was known by then, too
 *   3  nothing is told as lost
 *   4  where the log has all that it ever had, folded anew it gives the same bytes
 *
 * METERD_SEEDS=N runs the seeds 1 to N (default 25), METERD_SEED=S one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "collector/intake/intake_state.h"
#include "daemon/daemon.h"
#include "meterd/core/time.h"
#include "meterd/store/log_carried.h"
#include "tests/support/all_cells.h"
#include "tests/support/directory.h"
#include "tests/support/random.h"

enum { SEEDS = 25, ACTIONS = 400, SUBJECTS = 6, METERS = 3, EVENTS_MAX = 4096, BATCH_MAX = 12, PATH_BYTES = 256 };

struct sent {
    uint32_t subject; /* SUBJECTS: it is no usage */
    uint32_t value; /* 0: it has none */
    bool is_of_a;
    bool is_taken_back;
};

static struct world {
    uint64_t seed;
    struct random_source random;
    char directory[64];
    struct mtr_daemon daemon;
    struct mtr_intake intake;
    struct mtr_log_options log_options;
    struct mtr_aggregator_options fold_options;
    bool has_retention;
    int64_t now_us;
    struct sent events[EVENTS_MAX]; /* sequence 1 is at index 0 */
    uint64_t count;
    bool knows_subject[SUBJECTS];
    uint32_t meters;                 /* known */
    uint32_t first_meters[SUBJECTS]; /* known when the subject came to be */
} w;

static uint64_t removed_total, carried_total, crashes_total, rebuilt_total;

static uint32_t below(uint32_t count) { return (uint32_t)random_below(&w.random, count); }

#define OK(call) assert_rc(call, #call)
static void assert_rc(int rc, const char *what)
{
    if (rc) fail_msg("seed %llu: %s: %s", (unsigned long long)w.seed, what, mtr_error_text(rc));
}

static const char *path(const char *name)
{
    static char text[PATH_BYTES];
    snprintf(text, sizeof(text), "%s/%s", w.directory, name);
    return text;
}

/* ---- stores and stages ---- */

static void open_world(void)
{
    struct mtr_daemon *daemon = &w.daemon;
    struct mtr_diagnostic diagnostic;
    const struct mtr_trusted_limits limits = {.step_us = MTR_US_PER_HOUR, .forget_us = MTR_US_PER_DAY};
    const struct mtr_trusted_past past = {.log_us = 0};
    memset(daemon, 0, sizeof(*daemon));
    OK(mtr_log_open(path("log"), &w.log_options, &daemon->log, &diagnostic));
    OK(mtr_catalog_store_open(path("catalog"), false, &daemon->catalog_store, &diagnostic));
    OK(mtr_rollups_open(path("rollups"), false, &daemon->rollups, &diagnostic));
    OK(mtr_log_reader_attach(daemon->log, &daemon->aggregator_reader));
    OK(mtr_aggregator_open(daemon->rollups, daemon->aggregator_reader, &w.fold_options, &daemon->aggregator));
    pthread_mutex_init(&daemon->fold_mutex, NULL);
    pthread_mutex_init(&daemon->clock.mutex, NULL);
    mtr_trusted_begin(&daemon->clock.trusted, &limits, &past,
                      (struct mtr_clock_look){mtr_clock_wall_us(), mtr_clock_uptime_us()});
    w.intake.log_kept_us = 10 * MTR_US_PER_DAY;
    daemon->intake = &w.intake;
    held_begin(daemon);
}

static void close_world(void)
{
    struct mtr_daemon *daemon = &w.daemon;
    mtr_aggregator_close(daemon->aggregator);
    mtr_log_reader_close(daemon->aggregator_reader);
    mtr_rollups_close(daemon->rollups);
    mtr_catalog_store_close(daemon->catalog_store);
    mtr_log_close(daemon->log);
}

/* ---- the catalog ---- */

static void apply(const char *text)
{
    struct mtr_diagnostics findings;
    struct mtr_catalog_change change;
    const struct mtr_catalog_edit edit = {
        .text = mtr_str_from(text), .who = MTR_STR("tester"), .now_us = mtr_clock_wall_us()};
    mtr_diagnostics_init(&findings, 8);
    const int rc = mtr_catalog_store_apply(w.daemon.catalog_store, &edit, &change, &findings);
    if (rc) fail_msg("%s: %s", text, findings.count ? findings.items[0].text : mtr_error_text(rc));
    mtr_diagnostics_release(&findings);
}

/* The first leaves out what the second passes over, if it has no value: that is held again, and the third
 * takes it. */
static void learn_meter(void)
{
    static const char *const texts[METERS] = {
        "meters:\n  - {key: m0, service: s, event_type: use, value: n, filter: {f: a}}\n",
        "meters:\n  - {key: m1, service: s, event_type: use, value: n}\n",
        "meters:\n  - {key: m2, service: s, event_type: use, aggregation: count}\n"};
    if (w.meters < METERS) apply(texts[w.meters++]);
}

static uint32_t counts_for(const struct sent *sent, uint32_t meter)
{
    if (sent->is_taken_back) return 0;
    if (meter == 3) return 1;
    return meter == 2 || sent->is_of_a ? sent->value : 0;
}

static void learn_subject(uint32_t subject)
{
    char text[256];
    if (w.knows_subject[subject]) return;
    snprintf(text, sizeof(text),
             "subscriptions:\n  - {key: k%u, service: s, subject: x%u, customer: c, tariff: t, start: 2000-01-01}\n",
             subject, subject);
    apply(text);
    w.knows_subject[subject] = true;
    w.first_meters[subject] = w.meters;
}

/* ---- actions ---- */

static void append(const struct mtr_event *events, uint32_t count)
{
    uint64_t first_seq;
    w.now_us += below(6 * 3600) * MTR_US_PER_SECOND;
    OK(mtr_log_append(w.daemon.log, events, count, w.now_us, &first_seq));
    assert_true(first_seq == w.count + 1);
    w.count += count;
}

static void send(void)
{
    struct mtr_event events[BATCH_MAX];
    struct mtr_property properties[BATCH_MAX][2];
    char ids[BATCH_MAX][24], subjects[BATCH_MAX][8];
    const uint32_t count = 1 + below(BATCH_MAX);
    if (w.count + count + 1 > EVENTS_MAX) return;
    for (uint32_t i = 0; i < count; i++) {
        struct sent *sent = &w.events[w.count + i];
        *sent = (struct sent){below(SUBJECTS), below(3) ? 1 + below(1000) : 0, below(2), false};
        snprintf(ids[i], sizeof(ids[i]), "e%llu", (unsigned long long)(w.count + i + 1));
        snprintf(subjects[i], sizeof(subjects[i]), "x%u", sent->subject);
        properties[i][0] = (struct mtr_property){.name = MTR_STR("f"),
                                                 .kind = MTR_PROPERTY_STRING,
                                                 .text = sent->is_of_a ? MTR_STR("a") : MTR_STR("b")};
        properties[i][1] = (struct mtr_property){
            .name = MTR_STR("n"), .kind = MTR_PROPERTY_NUMBER, .number = {.mantissa = sent->value}};
        events[i] = (struct mtr_event){.vendor = MTR_STR("v"),
                                       .source = MTR_STR("s"),
                                       .id = mtr_str_from(ids[i]),
                                       .type = MTR_STR("use"),
                                       .subject = mtr_str_from(subjects[i]),
                                       .time_us = w.now_us,
                                       .time_given = true,
                                       .properties = properties[i],
                                       .property_count = sent->value ? 2 : 1};
    }
    append(events, count);
}

static bool step(void)
{
    struct mtr_daemon *daemon = &w.daemon;
    struct mtr_aggregator_result result = {0};
    struct mtr_diagnostic diagnostic;
    struct mtr_catalog *catalog = mtr_catalog_store_snapshot(daemon->catalog_store);
    const uint64_t version = mtr_catalog_version(catalog);
    held_before_fold(daemon, version);
    const int rc =
        mtr_aggregator_step(daemon->aggregator, catalog, mtr_clock_wall_us(), &result, &diagnostic);
    if (rc) fail_msg("seed %llu: %s", (unsigned long long)w.seed, diagnostic.text);
    held_note_fold(daemon, &result, version);
    mtr_catalog_release(catalog);
    return !result.idle;
}

/* Of a subject that nobody knows: it is held, wherever it is by now. */
static void take_back(void)
{
    if (!w.count || w.count == EVENTS_MAX) return;
    const uint64_t seq = 1 + below((uint32_t)w.count);
    struct sent *sent = &w.events[seq - 1];
    if (sent->subject == SUBJECTS || w.knows_subject[sent->subject] || sent->is_taken_back) return;
    const bool is_drop = below(2);
    char id[24];
    snprintf(id, sizeof(id), "-%llu", (unsigned long long)seq);
    const struct mtr_event event = {.vendor = MTR_STR("v"),
                                    .source = MTR_STR("s"),
                                    .id = mtr_str_from(id),
                                    .type = mtr_str_from(is_drop ? MTR_EVENT_TYPE_DROP : MTR_EVENT_TYPE_VOID),
                                    .subject = MTR_STR("x"),
                                    .time_us = w.now_us,
                                    .disposition = MTR_DISPOSITION_VOID,
                                    .target_seq = seq};
    sent->is_taken_back = true;
    w.events[w.count].subject = SUBJECTS;
    append(&event, 1);
    while (step()) continue;
}

static void seal(void)
{
    struct mtr_log_segment segment, next;
    for (uint32_t i = 0; mtr_log_segment_at(w.daemon.log, i, &segment) &&
                         mtr_log_segment_at(w.daemon.log, i + 1, &next);
         i++)
        if (!segment.sealed) {
            OK(mtr_log_seal(w.daemon.log, segment.number, NULL, 0));
            return;
        }
}

static void carry(void)
{
    bool more = true;
    held_carry(&w.daemon, &more);
    const int told = w.daemon.held.carrying.told;
    assert_true(told == MTR_OK || told == MTR_EAGAIN); /* again, when the fold has come there */
}

static void retain(void)
{
    uint32_t removed;
    if (!w.has_retention) return;
    OK(mtr_log_retain(w.daemon.log, mtr_clock_wall_us() - w.intake.log_kept_us, w.daemon.held.kept_seq,
                      &removed));
    removed_total += removed;
}

static void crash(void)
{
    close_world();
    open_world();
    crashes_total++;
}

static void act(void)
{
    const uint32_t kind = below(100);
    if (kind < 25) send();
    else if (kind < 29) take_back();
    else if (kind < 52) step();
    else if (kind < 66) seal();
    else if (kind < 82) carry();
    else if (kind < 88) retain();
    else if (kind < 91) crash();
    else if (kind < 97) learn_subject(below(SUBJECTS));
    else if (!below(4)) learn_meter();
}

/* ---- laws ---- */

static int on_held(void *context, const struct mtr_held_event *held)
{
    struct mtr_log_reader *reader = context;
    struct mtr_block_header header;
    const struct mtr_event *events;
    struct mtr_diagnostic diagnostic;
    char id[24];
    if (held->voided) return MTR_OK;
    OK(mtr_log_read_kept(reader, held->seq, &header, &events, &diagnostic));
    if (header.first_seq > held->seq || held->seq - header.first_seq >= header.count)
        fail_msg("seed %llu: event %llu is held and lost", (unsigned long long)w.seed,
                 (unsigned long long)held->seq);
    const struct mtr_event *event = &events[held->seq - header.first_seq];
    snprintf(id, sizeof(id), "e%llu", (unsigned long long)held->seq);
    assert_true(mtr_str_equal(event->id, mtr_str_from(id)));
    const struct sent *sent = &w.events[held->seq - 1];
    assert_int_equal(event->property_count, sent->value ? 2 : 1);
    assert_true(!sent->value || event->properties[1].number.mantissa == sent->value);
    return MTR_OK;
}

static void check_held(void)
{
    struct mtr_rollups_txn *txn;
    struct mtr_log_reader *reader;
    struct mtr_held_event every = {.reason = MTR_HELD_SUBSCRIPTION};
    OK(mtr_log_reader_attach(w.daemon.log, &reader));
    OK(mtr_rollups_begin(w.daemon.rollups, false, &txn));
    OK(mtr_rollups_walk_held(txn, &every, on_held, reader));
    every.reason = MTR_HELD_METER;
    OK(mtr_rollups_walk_held(txn, &every, on_held, reader));
    mtr_rollups_abort(txn);
    mtr_log_reader_close(reader);
}

static uint64_t used[SUBJECTS + 1][METERS + 1]; /* by numbers of the catalog */

static int on_cell(void *context, const struct mtr_cell_key *key, const struct mtr_cell *cell)
{
    (void)context;
    assert_in_range(key->subscription, 1, SUBJECTS);
    assert_in_range(key->meter, 1, METERS);
    used[key->subscription][key->meter] += (uint64_t)(cell->value.e12 / INT64_C(1000000000000));
    return MTR_OK;
}

static int on_quarantined(void *context, const struct mtr_quarantined_event *event)
{
    (void)context;
    if (!mtr_str_equal(event->reason, MTR_STR(MTR_QUARANTINE_DROPPED)))
        fail_msg("seed %llu: event %llu: %.*s", (unsigned long long)w.seed, (unsigned long long)event->seq,
                 MTR_STR_ARGS(event->text));
    return MTR_OK;
}

static uint32_t subscription_number(uint32_t subject)
{
    struct mtr_catalog *catalog = mtr_catalog_store_snapshot(w.daemon.catalog_store);
    char key[8];
    snprintf(key, sizeof(key), "k%u", subject);
    const struct mtr_subscription *found = mtr_catalog_find_subscription(catalog, mtr_str_from(key));
    assert_non_null(found);
    const uint32_t number = found->number;
    mtr_catalog_release(catalog);
    return number;
}

static struct mtr_hash128 hash_of(struct mtr_rollups *rollups)
{
    struct mtr_rollups_txn *txn;
    struct mtr_hash128 hash;
    OK(mtr_rollups_begin(rollups, false, &txn));
    OK(mtr_rollups_hash(txn, &hash));
    mtr_rollups_abort(txn);
    return hash;
}

static void check_sums(void)
{
    struct mtr_rollups_txn *txn;
    memset(used, 0, sizeof(used));
    OK(mtr_rollups_begin(w.daemon.rollups, false, &txn));
    OK(walk_all_cells(txn, on_cell, NULL));
    OK(mtr_rollups_walk_quarantined(txn, 0, on_quarantined, NULL));
    mtr_rollups_abort(txn);
    for (uint32_t subject = 0; subject < SUBJECTS; subject++) {
        for (uint32_t meter = 1; meter <= (w.first_meters[subject] ? w.first_meters[subject] : 1); meter++) {
            uint64_t expected = 0;
            for (uint64_t i = 0; i < w.count; i++)
                if (w.events[i].subject == subject) expected += counts_for(&w.events[i], meter);
            if (used[subscription_number(subject)][meter] != expected)
                fail_msg("seed %llu: subject %u, meter %u: %llu, not %llu", (unsigned long long)w.seed, subject,
                         meter, (unsigned long long)used[subscription_number(subject)][meter],
                         (unsigned long long)expected);
        }
    }
}

static void check_rebuild(void)
{
    const struct mtr_hash128 live = hash_of(w.daemon.rollups);
    close_world();
    remove_tree(path("rollups"));
    open_world();
    while (step()) continue;
    const struct mtr_hash128 again = hash_of(w.daemon.rollups);
    if (live.high != again.high || live.low != again.low)
        fail_msg("seed %llu: a rebuild gives something else", (unsigned long long)w.seed);
    rebuilt_total++;
}

/* ---- a run ---- */

static void run(uint64_t seed)
{
    static const uint32_t small[] = {1, 2, 3, 7, 50, 1000};
    uint64_t carried;
    memset(&w, 0, sizeof(w));
    w.seed = seed;
    w.random.state = seed * UINT64_C(0x2545f4914f6cdd1d);
    make_temporary_in_memory(w.directory);
    w.log_options = (struct mtr_log_options){.segment_bytes = 1 << 16,
                                             .segment_events_max = 10 + below(40),
                                             .segment_age_us = (1 + below(5)) * MTR_US_PER_DAY};
    w.fold_options.step_events_max = small[below(6)];
    w.has_retention = below(4) > 0;
    w.now_us = mtr_clock_wall_us() - 4000 * MTR_US_PER_DAY;
    open_world();
    apply("vendors: [{key: v}]\nservices: [{key: s, vendor: v}]\ntariffs:\n  - {key: t, currency: EUR, versions: "
          "[{from: 2000-01-01, components: [{key: base, recurring: {amount: '1'}}]}]}\n");
    if (below(3)) learn_meter();
    for (int i = 0; i < ACTIONS; i++) {
        act();
        check_held();
    }
    OK(mtr_log_count_carried(w.daemon.log, &carried));
    carried_total += carried;
    learn_meter();
    for (uint32_t i = 0; i < SUBJECTS; i++) learn_subject(i);
    while (step()) continue;
    check_sums();
    if (!w.has_retention) check_rebuild();
    close_world();
    remove_tree(w.directory);
}

static uint64_t number_from_environment(const char *name, uint64_t otherwise)
{
    uint64_t number;
    const char *text = getenv(name);
    if (!text) return otherwise;
    if (!mtr_str_to_u64(mtr_str_from(text), &number)) fail_msg("%s=%s is no number", name, text);
    return number;
}

static void no_held_event_is_lost_or_doubled(void **state)
{
    const uint64_t one = number_from_environment("METERD_SEED", 0),
                   last = number_from_environment("METERD_SEEDS", SEEDS);
    (void)state;
    for (uint64_t seed = one ? one : 1; seed <= (one ? one : last); seed++) run(seed);
    print_message("%llu segments removed, %llu copies, %llu crashes, %llu rebuilt\n",
                  (unsigned long long)removed_total, (unsigned long long)carried_total,
                  (unsigned long long)crashes_total, (unsigned long long)rebuilt_total);
    if (!one && last >= SEEDS) assert_true(removed_total && carried_total && crashes_total && rebuilt_total);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(no_held_event_is_lost_or_doubled)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
