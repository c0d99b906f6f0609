/*
 * For tests of rating and delivery: a catalog from YAML, rollups filled by hand, charges and a rater over them in a directory of
 * their own, all of which can be closed and opened again as after a crash.
 */
#ifndef METERD_TESTS_SUPPORT_RATING_H
#define METERD_TESTS_SUPPORT_RATING_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "meterd/catalog/store.h"
#include "meterd/core/time.h"
#include "meterd/rater/audit.h"
#include "meterd/rater/rater.h"

enum { RATING_PATH_BYTES = 96 };

struct rating_world {
    char root[RATING_PATH_BYTES];
    struct mtr_catalog_store *store;
    struct mtr_catalog *catalog;
    struct mtr_rollups *rollups;
    struct mtr_charges *charges;
    struct mtr_rater *rater;
    struct mtr_rater_options options;
    int64_t now_us;
    int64_t watermark_us;
    uint64_t seq;
    uint64_t change;
};

static inline void rating_remove(const char *root)
{
    static const char *const folders[] = {"catalog", "rollups", "charges"};
    static const char *const files[] = {"/data.mdb", "/lock.mdb", ""};
    char path[2 * RATING_PATH_BYTES];
    for (int i = 0; i < 3; i++) {
        for (int j = 0; j < 3; j++) {
            snprintf(path, sizeof(path), "%s/%s%s", root, folders[i], files[j]);
            (void)remove(path);
        }
    }
    (void)remove(root);
}

static inline void rating_close_stores(struct rating_world *stage)
{
    mtr_rater_close(stage->rater);
    mtr_charges_close(stage->charges);
    mtr_rollups_close(stage->rollups);
    mtr_catalog_release(stage->catalog);
    mtr_catalog_store_close(stage->store);
    stage->rater = NULL;
}

static inline void rating_open_stores(struct rating_world *stage)
{
    struct mtr_diagnostic diagnostic;
    char path[2 * RATING_PATH_BYTES];
    snprintf(path, sizeof(path), "%s/catalog", stage->root);
    if (mtr_catalog_store_open(path, false, &stage->store, &diagnostic)) fail_msg("%s", diagnostic.text);
    snprintf(path, sizeof(path), "%s/rollups", stage->root);
    if (mtr_rollups_open(path, false, &stage->rollups, &diagnostic)) fail_msg("%s", diagnostic.text);
    snprintf(path, sizeof(path), "%s/charges", stage->root);
    if (mtr_charges_open(path, false, &stage->charges, &diagnostic)) fail_msg("%s", diagnostic.text);
    stage->catalog = mtr_catalog_store_snapshot(stage->store);
    assert_int_equal(mtr_rater_open(stage->rollups, stage->charges, &stage->options, &stage->rater), 0);
}

static inline void rating_open(struct rating_world *stage, int64_t now_s)
{
    *stage = (struct rating_world){.options = mtr_rater_options_default(), .now_us = now_s * MTR_US_PER_SECOND};
    /* In memory where there is such a place: hundreds of commits, and no power will fail in a test. */
    snprintf(stage->root, sizeof(stage->root), "%s/meterd-rating-XXXXXX", access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
    assert_non_null(mkdtemp(stage->root));
    rating_open_stores(stage);
}

static inline void rating_close(struct rating_world *stage)
{
    rating_close_stores(stage);
    rating_remove(stage->root);
}

static inline void rating_reopen(struct rating_world *stage)
{
    rating_close_stores(stage);
    rating_open_stores(stage);
}

static inline void rating_apply(struct rating_world *stage, const char *yaml)
{
    struct mtr_diagnostics findings;
    struct mtr_catalog_change change;
    mtr_diagnostics_init(&findings, 16);
    int rc = mtr_catalog_store_apply(stage->store, mtr_str_from(yaml), NULL, (struct mtr_str){0}, MTR_STR("test"), stage->now_us, false,
                                     &change, &findings);
    if (rc && !findings.count) fail_msg("%s", mtr_error_text(rc));
    for (size_t i = 0; rc && i < findings.count; i++) print_message("line %u: %s\n", findings.items[i].line, findings.items[i].text);
    if (rc) fail_msg("%s", mtr_error_text(rc));
    mtr_diagnostics_release(&findings);
    mtr_catalog_release(stage->catalog);
    stage->catalog = mtr_catalog_store_snapshot(stage->store);
}

/* Adds to a cell (or takes away, with a negative number of events) as the aggregator would; '|' in dimensions stands for 0x1F. */
static inline void rating_use(struct rating_world *stage, const char *subscription_key, const char *meter_key, int64_t hour_s,
                              const char *dimensions, const char *quantity, int events)
{
    const struct mtr_subscription *subscription = mtr_catalog_find_subscription(stage->catalog, mtr_str_from(subscription_key));
    const struct mtr_meter *meter = mtr_catalog_find_meter(stage->catalog, mtr_str_from(meter_key));
    struct mtr_rollups_txn *txn = NULL;
    struct mtr_cell cell = {0};
    struct mtr_quantity delta;
    char text[64];
    uint64_t next_seq;
    assert_non_null(subscription);
    assert_non_null(meter);
    snprintf(text, sizeof(text), "%s", dimensions);
    for (char *p = text; *p; p++)
        if (*p == '|') *p = 0x1F;
    const struct mtr_cell_key key = {subscription->number, meter->number, hour_s, mtr_str_from(text)};
    assert_int_equal(mtr_quantity_parse(mtr_str_from(quantity), &delta), 0);
    assert_int_equal(mtr_rollups_begin(stage->rollups, true, &txn), 0);
    int rc = mtr_rollups_get_cell(txn, &key, &cell);
    assert_true(rc == 0 || rc == MTR_ENOTFOUND);
    stage->seq++;
    stage->change++;
    if (rc) cell.seq_first = stage->seq;
    cell.seq_last = stage->seq;
    cell.change = stage->change;
    cell.count = (uint64_t)((int64_t)cell.count + events);
    assert_int_equal(mtr_quantity_add(cell.value, delta, &cell.value), 0);
    assert_int_equal(mtr_rollups_put_cell(txn, &key, &cell), 0);
    const struct mtr_feed_row row = {stage->change, subscription->number, (uint32_t)(hour_s / 86400)};
    assert_int_equal(mtr_rollups_put_feed(txn, &row), 0);
    next_seq = stage->seq + 1;
    assert_int_equal(mtr_rollups_put_cursor(txn, next_seq, stage->watermark_us, stage->change), 0);
    assert_int_equal(mtr_rollups_commit(txn), 0);
}

/* One event of a meter that keeps points: last, time_weighted (in its one list), and those with keep_events. Its cell gains the quantity and one
 * event, and the point has the cell's last sequence. With a sequence the point of it is taken back. */
static inline void rating_point(struct rating_world *stage, const char *subscription_key, const char *meter_key, int64_t time_s,
                                const char *dimensions, const char *quantity, uint64_t taken_back_seq)
{
    const struct mtr_subscription *subscription = mtr_catalog_find_subscription(stage->catalog, mtr_str_from(subscription_key));
    const struct mtr_meter *meter = mtr_catalog_find_meter(stage->catalog, mtr_str_from(meter_key));
    struct mtr_rollups_txn *txn = NULL;
    struct mtr_quantity value;
    char text[64], member[MTR_POINT_BYTES], negative[64];
    uint64_t count;
    assert_true(subscription && meter);
    const int64_t hour_s = mtr_zone_hour(subscription->zone, time_s).start_s;
    assert_int_equal(mtr_quantity_parse(mtr_str_from(quantity), &value), 0);
    snprintf(negative, sizeof(negative), "%s%s", quantity[0] == '-' ? "" : "-", quantity[0] == '-' ? quantity + 1 : quantity);
    rating_use(stage, subscription_key, meter_key, hour_s, dimensions, taken_back_seq ? negative : quantity, taken_back_seq ? -1 : 1);
    snprintf(text, sizeof(text), "%s", dimensions);
    for (char *p = text; *p; p++)
        if (*p == '|') *p = 0x1F;
    const struct mtr_cell_key key = {subscription->number, meter->number, meter->aggregation == MTR_TIME_WEIGHTED ? MTR_CELL_ALL_HOURS : hour_s,
                                     mtr_str_from(text)};
    const struct mtr_point point = {time_s * MTR_US_PER_SECOND, taken_back_seq ? taken_back_seq : stage->seq, value};
    mtr_point_encode(&point, member);
    assert_int_equal(mtr_rollups_begin(stage->rollups, true, &txn), 0);
    assert_int_equal(mtr_rollups_add_member(txn, &key, (struct mtr_str){member, sizeof(member)}, taken_back_seq ? -1 : 1, &count), 0);
    assert_int_equal(mtr_rollups_commit(txn), 0);
}

/* Time goes on, and usage is complete up to it. */
static inline void rating_advance_to(struct rating_world *stage, int64_t now_s)
{
    struct mtr_rollups_txn *txn = NULL;
    stage->now_us = stage->watermark_us = now_s * MTR_US_PER_SECOND;
    assert_int_equal(mtr_rollups_begin(stage->rollups, true, &txn), 0);
    assert_int_equal(mtr_rollups_put_cursor(txn, stage->seq + 1, stage->watermark_us, stage->change), 0);
    assert_int_equal(mtr_rollups_commit(txn), 0);
}

static inline struct mtr_rater_result rating_step(struct rating_world *stage)
{
    struct mtr_rater_result result;
    struct mtr_diagnostic diagnostic = {0};
    int rc = mtr_rater_step(stage->rater, stage->catalog, stage->now_us, &result, &diagnostic);
    if (rc) fail_msg("step: %s %s", mtr_error_text(rc), diagnostic.text);
    return result;
}

static inline void rating_drain(struct rating_world *stage)
{
    for (int i = 0; i < 100000; i++)
        if (rating_step(stage).idle) return;
    fail_msg("the rater does not become idle");
}

static inline int rating_print_finding(void *context, const struct mtr_audit_finding *finding)
{
    char expected[MTR_DECIMAL_TEXT_BYTES], emitted[MTR_DECIMAL_TEXT_BYTES];
    (void)context;
    mtr_money_format(finding->expected, expected);
    mtr_money_format(finding->emitted, emitted);
    fprintf(stderr, "finding: %s %.*s %lld %.*s %.*s expected %s emitted %s: %.*s\n", mtr_audit_kind_name(finding->kind),
            MTR_STR_ARGS(finding->subscription), (long long)finding->period_start_s, MTR_STR_ARGS(finding->component),
            MTR_STR_ARGS(finding->dimensions), expected, emitted, MTR_STR_ARGS(finding->text));
    return 0;
}

static inline struct mtr_audit_counts rating_audit(struct rating_world *stage)
{
    struct mtr_audit_counts counts;
    int rc = mtr_rater_audit(stage->rollups, stage->charges, stage->catalog, &stage->options, rating_print_finding, NULL, &counts);
    assert_int_equal(rc, 0);
    return counts;
}

/* "component dimensions kind amount cost" of every line of the store whose sums are not nothing, sorted; of a line without cost "-". */
struct rating_lines {
    char text[4096];
    size_t size;
};

static inline int rating_on_line(void *context, const struct mtr_charge_line *line)
{
    struct rating_lines *lines = context;
    char amount[MTR_DECIMAL_TEXT_BYTES], cost[MTR_DECIMAL_TEXT_BYTES];
    if (!line->emitted.e18 && !line->cost.e18) return 0;
    mtr_money_format(line->emitted, amount);
    mtr_money_format(line->cost, cost);
    int written = snprintf(lines->text + lines->size, sizeof(lines->text) - lines->size, "%s%.*s%s%.*s %.*s %s %s", lines->size ? "; " : "",
                           MTR_STR_ARGS(line->component), line->dimensions.size ? " " : "", MTR_STR_ARGS(line->dimensions),
                           MTR_STR_ARGS(line->kind), amount, line->has_cost ? cost : "-");
    lines->size += (size_t)written < sizeof(lines->text) - lines->size ? (size_t)written : 0;
    return 0;
}

static inline int rating_compare_words(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Those of one period of a subscription. */
static inline struct rating_lines rating_lines(struct rating_world *stage, uint32_t subscription, int64_t period_start_s)
{
    enum { LINES_MAX = 64 };
    struct rating_lines found = {0}, sorted = {0};
    struct mtr_charges_txn *txn = NULL;
    char *items[LINES_MAX];
    size_t count = 0;
    assert_int_equal(mtr_charges_begin(stage->charges, false, &txn), 0);
    assert_int_equal(mtr_charges_walk_lines(txn, subscription, period_start_s, rating_on_line, &found), 0);
    mtr_charges_abort(txn);
    for (char *at = found.text; *at && count < LINES_MAX; count++) {
        items[count] = at;
        char *end = strstr(at, "; ");
        at = end ? end + 2 : at + strlen(at);
        if (end) *end = '\0';
    }
    qsort(items, count, sizeof(*items), rating_compare_words);
    for (size_t i = 0; i < count; i++)
        sorted.size += (size_t)snprintf(sorted.text + sorted.size, sizeof(sorted.text) - sorted.size, "%s%s", i ? "; " : "", items[i]);
    return sorted;
}

struct rating_history {
    char text[4096];
    size_t size;
    uint32_t subscription;
    struct mtr_money sum;
};

static inline int rating_on_charge(void *context, const struct mtr_charge *charge)
{
    struct rating_history *history = context;
    char amount[MTR_DECIMAL_TEXT_BYTES];
    if (history->subscription && charge->subscription != history->subscription) return 0;
    mtr_money_format(charge->amount, amount);
    int written = snprintf(history->text + history->size, sizeof(history->text) - history->size, "%s%s %s", history->size ? "; " : "",
                           mtr_charge_status_name(charge->status), amount);
    history->size += (size_t)written < sizeof(history->text) - history->size ? (size_t)written : 0;
    return mtr_money_add(history->sum, charge->amount, &history->sum);
}

/* "draft 1.5; final 0; …" of one subscription (0: all), oldest first. */
static inline struct rating_history rating_history(struct rating_world *stage, uint32_t subscription)
{
    struct rating_history history = {.subscription = subscription};
    struct mtr_charges_txn *txn = NULL;
    assert_int_equal(mtr_charges_begin(stage->charges, false, &txn), 0);
    assert_int_equal(mtr_charges_walk(txn, 0, rating_on_charge, &history), 0);
    mtr_charges_abort(txn);
    return history;
}

#endif
