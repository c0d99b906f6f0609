/*
 * For tests of rating and delivery: a catalog from YAML, rollups filled by hand, charges and a rater over
 * them in a directory of their own, all of which can be closed and opened again as after a crash.
 */
#ifndef METERD_TESTS_SUPPORT_RATING_H
#define METERD_TESTS_SUPPORT_RATING_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "meterd/catalog/store.h"
#include "meterd/core/time.h"
#include "meterd/rater/audit.h"
#include "meterd/rater/rater.h"
#include "tests/support/directory.h"

struct rating_world {
    char root[DIRECTORY_PATH_BYTES];
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

static inline void rating_close_stores(struct rating_world *world)
{
    mtr_rater_close(world->rater);
    mtr_charges_close(world->charges);
    mtr_rollups_close(world->rollups);
    mtr_catalog_release(world->catalog);
    mtr_catalog_store_close(world->store);
    world->rater = NULL;
}

static inline void rating_open_stores(struct rating_world *world)
{
    struct mtr_diagnostic diagnostic;
    char path[2 * DIRECTORY_PATH_BYTES];
    snprintf(path, sizeof(path), "%s/catalog", world->root);
    if (mtr_catalog_store_open(path, false, &world->store, &diagnostic)) fail_msg("%s", diagnostic.text);
    snprintf(path, sizeof(path), "%s/rollups", world->root);
    if (mtr_rollups_open(path, false, &world->rollups, &diagnostic)) fail_msg("%s", diagnostic.text);
    snprintf(path, sizeof(path), "%s/charges", world->root);
    if (mtr_charges_open(path, false, &world->charges, &diagnostic)) fail_msg("%s", diagnostic.text);
    world->catalog = mtr_catalog_store_snapshot(world->store);
    assert_int_equal(mtr_rater_open(world->rollups, world->charges, &world->options, &world->rater), 0);
}

static inline void rating_open(struct rating_world *world, int64_t now_us)
{
    *world =
        (struct rating_world){.options = mtr_rater_options_default(), .now_us = now_us};
    make_temporary_in_memory(world->root);
    rating_open_stores(world);
}

static inline void rating_close(struct rating_world *world)
{
    rating_close_stores(world);
    remove_tree(world->root);
}

static inline void rating_reopen(struct rating_world *world)
{
    rating_close_stores(world);
    rating_open_stores(world);
}

/* As the fold would: what is used from now on lies in cells that are cut as this catalog says. */
static inline void rating_note_cuts(struct rating_world *world)
{
    struct mtr_rollups_txn *txn = NULL;
    assert_int_equal(mtr_rollups_begin(world->rollups, true, &txn), 0);
    for (uint32_t i = 1; i <= mtr_catalog_count(world->catalog, MTR_KIND_SUBSCRIPTION); i++) {
        const struct mtr_subscription *subscription = mtr_catalog_subscription(world->catalog, i);
        assert_int_equal(mtr_rollups_put_cuts(txn, i, subscription->cuts_us, subscription->cut_count), 0);
    }
    assert_int_equal(mtr_rollups_commit(txn), 0);
}

/* False: the catalog does not take it, and has said why. The rollups learn nothing of it. */
static inline bool rating_store(struct rating_world *world, const char *yaml)
{
    struct mtr_diagnostics findings;
    struct mtr_catalog_change change;
    mtr_diagnostics_init(&findings, 16);
    const struct mtr_catalog_edit edit = {.text = mtr_str_from(yaml), .who = MTR_STR("test"), .now_us = world->now_us};
    int rc = mtr_catalog_store_apply(world->store, &edit, &change, &findings);
    if (rc) print_message("%s\n", mtr_error_text(rc));
    for (size_t i = 0; rc && i < findings.count; i++)
        print_message("line %u: %s\n", findings.items[i].line, findings.items[i].text);
    mtr_diagnostics_release(&findings);
    mtr_catalog_release(world->catalog);
    world->catalog = mtr_catalog_store_snapshot(world->store);
    return rc == 0;
}

static inline bool rating_take(struct rating_world *world, const char *yaml)
{
    const bool taken = rating_store(world, yaml);
    rating_note_cuts(world);
    return taken;
}

static inline void rating_apply(struct rating_world *world, const char *yaml)
{
    if (!rating_take(world, yaml)) fail_msg("the catalog does not take this:\n%s", yaml);
}

/* What a euro is worth on that day, as the bank `ecb` says. */
static inline void rating_rate(struct rating_world *world, int64_t time_us, const char *currency,
                               const char *rate)
{
    char yaml[256], day[MTR_DATE_TEXT_BYTES];
    mtr_rate_day_format(time_us / MTR_US_PER_DAY, day);
    snprintf(yaml, sizeof(yaml),
             "rates: [{key: ecb-%s, source: ecb, date: %s, base: EUR, quotes: {%s: '%s'}}]", day, day,
             currency, rate);
    rating_apply(world, yaml);
}

/* Time goes on, and usage is complete up to it. */
static inline void rating_advance_to(struct rating_world *world, int64_t now_us)
{
    struct mtr_rollups_txn *txn = NULL;
    world->now_us = world->watermark_us = now_us;
    assert_int_equal(mtr_rollups_begin(world->rollups, true, &txn), 0);
    assert_int_equal(mtr_rollups_put_cursor(txn, world->seq + 1, world->watermark_us, world->change), 0);
    assert_int_equal(mtr_rollups_commit(txn), 0);
}

static inline struct mtr_rater_result rating_step(struct rating_world *world)
{
    struct mtr_rater_result result;
    struct mtr_diagnostic diagnostic = {0};
    int rc = mtr_rater_step(world->rater, world->catalog, world->now_us, &result, &diagnostic);
    if (rc) fail_msg("step: %s %s", mtr_error_text(rc), diagnostic.text);
    return result;
}

static inline void rating_drain(struct rating_world *world)
{
    for (int i = 0; i < 100000; i++)
        if (rating_step(world).idle) return;
    fail_msg("the rater does not become idle");
}

static inline int rating_print_finding(void *context, const struct mtr_audit_finding *finding)
{
    char expected[MTR_DECIMAL_TEXT_BYTES], emitted[MTR_DECIMAL_TEXT_BYTES];
    (void)context;
    mtr_money_format(finding->expected, expected);
    mtr_money_format(finding->emitted, emitted);
    fprintf(stderr, "finding: %s %.*s %lld %.*s %.*s expected %s emitted %s: %.*s\n",
            mtr_finding_kind(finding->code)->code, MTR_STR_ARGS(finding->subscription),
            (long long)finding->period_start_us, MTR_STR_ARGS(finding->component),
            MTR_STR_ARGS(finding->dimensions), expected, emitted, MTR_STR_ARGS(finding->text));
    return 0;
}

static inline struct mtr_audit_counts rating_audit(struct rating_world *world)
{
    struct mtr_audit_counts counts;
    const struct mtr_audit_of of = {world->rollups, world->charges, world->catalog};
    int rc = mtr_rater_audit(&of, &world->options, rating_print_finding, NULL, &counts);
    assert_int_equal(rc, 0);
    return counts;
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
    int written = snprintf(history->text + history->size, sizeof(history->text) - history->size, "%s%s %s",
                           history->size ? "; " : "", mtr_charge_status_name(charge->status), amount);
    history->size += (size_t)written < sizeof(history->text) - history->size ? (size_t)written : 0;
    return mtr_money_add(history->sum, charge->amount, &history->sum);
}

/* "draft 1.5; final 0; …" of one subscription (0: all), oldest first. */
static inline struct rating_history rating_history(struct rating_world *world, uint32_t subscription)
{
    struct rating_history history = {.subscription = subscription};
    struct mtr_charges_txn *txn = NULL;
    assert_int_equal(mtr_charges_begin(world->charges, false, &txn), 0);
    assert_int_equal(mtr_charges_walk(txn, 0, rating_on_charge, &history), 0);
    mtr_charges_abort(txn);
    return history;
}

/* The hook's context is the transaction. */
static inline void rating_walk_charges(struct rating_world *world, mtr_charges_on_charge on_charge)
{
    struct mtr_charges_txn *txn = NULL;
    assert_int_equal(mtr_charges_begin(world->charges, false, &txn), 0);
    assert_int_equal(mtr_charges_walk(txn, 0, on_charge, txn), 0);
    mtr_charges_abort(txn);
}

#endif
