/*
 * What is told of closed periods before a change is what becomes of them, and nothing else happens to others: whatever moves (starts, ends,
 * trials, versions, changes of a subscription, meters that are retired), at any microsecond. METERD_SEEDS=N tries more worlds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "meterd/query/closed_periods.h"
#include "meterd/rater/billing_period.h"
#include "tests/support/drafted_terms.h"

enum { PERIODS_MAX = 256, DRAFTS = 4 };

/* ---- closed periods ---- */

struct told {
    struct {
        uint32_t subscription;
        int64_t name_us;
        struct mtr_money before, after;
    } periods[PERIODS_MAX];
    uint32_t count;
};

static bool was_former; /* the one that was told before */

static int keep_told(void *context, const struct mtr_closed_period *period)
{
    struct told *told = context;
    const uint32_t last = told->count ? told->count - 1 : 0;
    assert_in_range(told->count, 0, PERIODS_MAX - 1);
    assert_int_equal(period->problem, 0);
    if (was_former) { /* of another customer, or in another currency: together they are the period */
        assert_int_equal(told->periods[last].subscription, period->subscription->number);
        assert_int_equal(period->before.e18, 0);
        was_former = false;
        told->periods[last].after = period->after;
        return 0;
    }
    was_former = period->is_former;
    told->periods[told->count].subscription = period->subscription->number;
    told->periods[told->count].name_us = mtr_billing_period_name(period->subscription, period->start_us);
    told->periods[told->count].before = period->before;
    told->periods[told->count++].after = period->after;
    return 0;
}

static struct mtr_closed_periods_options options_for(const struct mtr_catalog *draft)
{
    return (struct mtr_closed_periods_options){.stored = world.rating.catalog,
                                               .draft = draft,
                                               .memory_bytes_max = 64 << 20,
                                               .looked_at_max = 1000,
                                               .priced_max = 1000,
                                               .reader = world.reader,
                                               .recounted_max = 100000};
}

static struct told told_under(const struct mtr_closed_periods_options *options, bool *complete)
{
    struct told told = {.count = 0};
    struct mtr_closed_periods_extent extent;
    assert_int_equal(mtr_closed_periods_walk(world.rating.rollups, world.rating.charges, options, keep_told, &told, &extent), 0);
    *complete = extent.complete;
    assert_null(extent.uncounted);
    return told;
}

static struct told told_of(const struct mtr_catalog *draft, bool *complete)
{
    const struct mtr_closed_periods_options options = options_for(draft);
    return told_under(&options, complete);
}

static int add_emitted(void *context, const struct mtr_charge_line *line)
{
    struct mtr_money *sum = context;
    return mtr_money_add(*sum, line->emitted, sum);
}

static struct mtr_money emitted_of(uint32_t subscription, int64_t name_us)
{
    struct mtr_charges_txn *txn;
    struct mtr_money sum = {0};
    assert_int_equal(mtr_charges_begin(world.rating.charges, false, &txn), 0);
    assert_int_equal(mtr_charges_walk_lines(txn, subscription, name_us, add_emitted, &sum), 0);
    mtr_charges_abort(txn);
    return sum;
}

/* ---- what became of it ---- */

struct rated {
    struct {
        uint32_t subscription;
        int64_t name_us;
        bool is_closed;
        struct mtr_money sum;
    } periods[PERIODS_MAX];
    uint32_t count;
};

static int keep_rated(void *context, const struct mtr_charge_period *period)
{
    struct rated *rated = context;
    assert_in_range(rated->count, 0, PERIODS_MAX - 1);
    rated->periods[rated->count].subscription = period->subscription;
    rated->periods[rated->count].is_closed = period->status == MTR_PERIOD_FINAL && period->close_due_us == INT64_MAX;
    rated->periods[rated->count++].name_us = period->start_us;
    return 0;
}

static struct rated rated_now(void)
{
    struct rated rated = {.count = 0};
    struct mtr_charges_txn *txn;
    assert_int_equal(mtr_charges_begin(world.rating.charges, false, &txn), 0);
    for (uint32_t i = 1; i <= mtr_catalog_count(world.rating.catalog, MTR_KIND_SUBSCRIPTION); i++)
        assert_int_equal(mtr_charges_walk_periods(txn, i, INT64_MIN, keep_rated, &rated), 0);
    mtr_charges_abort(txn);
    for (uint32_t i = 0; i < rated.count; i++)
        rated.periods[i].sum = emitted_of(rated.periods[i].subscription, rated.periods[i].name_us);
    return rated;
}

static bool is_told(const struct told *told, uint32_t subscription, int64_t name_us)
{
    for (uint32_t i = 0; i < told->count; i++)
        if (told->periods[i].subscription == subscription && told->periods[i].name_us == name_us) return true;
    return false;
}

/* Was it closed, or is it one that there was none of and is over? Then another sum of it was told. */
static void assert_nothing_else_happened(const struct told *told, const struct rated *before, const struct rated *after)
{
    for (uint32_t i = 0; i < after->count; i++) {
        const uint32_t subscription = after->periods[i].subscription;
        const int64_t name_us = after->periods[i].name_us;
        bool was_closed = after->periods[i].is_closed;
        struct mtr_money sum = {0};
        for (uint32_t j = 0; j < before->count; j++) {
            if (before->periods[j].subscription != subscription || before->periods[j].name_us != name_us) continue;
            was_closed = before->periods[j].is_closed;
            sum = before->periods[j].sum;
        }
        if (!was_closed || is_told(told, subscription, name_us)) continue;
        assert_money(after->periods[i].sum, sum);
    }
}

static void try_worlds(void)
{
    uint32_t told_count = 0;
    has_pools = has_held = true;
    for (uint64_t seed = 1; seed <= seed_count(); seed++) {
        open_terms(seed);
        for (int i = 0; i < DRAFTS; i++) {
            static struct text text;
            bool complete;
            write_draft(&text);
            struct mtr_catalog *draft = draft_of(&text);
            const struct rated before = rated_now();
            const struct told told = told_of(draft, &complete);
            assert_true(complete);
            for (uint32_t j = 0; j < told.count; j++)
                assert_money(emitted_of(told.periods[j].subscription, told.periods[j].name_us), told.periods[j].before);
            store(&text);
            settle_draws();
            for (uint32_t j = 0; j < told.count; j++)
                assert_money(emitted_of(told.periods[j].subscription, told.periods[j].name_us), told.periods[j].after);
            const struct rated after = rated_now();
            assert_nothing_else_happened(&told, &before, &after);
            told_count += told.count;
            mtr_catalog_release(draft);
        }
        assert_int_equal(audit().findings, 0);
        metering_close(&world);
    }
    has_pools = has_held = false;
    assert_true(told_count > 2 * seed_count());
}

static void what_is_told_of_closed_periods_comes_true(void **state)
{
    (void)state;
    try_worlds();
}

/* Of the customer's other subscriptions, too, which a change reaches through credits, accounts and tiers. */
static void what_is_told_of_all_that_share_comes_true(void **state)
{
    (void)state;
    has_sharing = true;
    try_worlds();
    has_sharing = false;
}

static const char *review_of(const struct mtr_closed_periods_options *options, char *text, size_t size)
{
    struct mtr_diagnostics findings;
    size_t used = 0;
    mtr_diagnostics_init(&findings, 3);
    assert_int_equal(mtr_closed_periods_review(world.rating.rollups, world.rating.charges, options, true, &findings), 0);
    text[0] = '\0';
    for (size_t i = 0; i < findings.count; i++) used += (size_t)snprintf(text + used, size - used, "%s\n", findings.items[i].text);
    mtr_diagnostics_release(&findings);
    return text;
}

/* Without the log nothing is told of an hour that the draft cuts, and that there is more is said. */
static void what_cannot_be_counted_is_not_told(void **state)
{
    static struct text text;
    bool complete;
    (void)state;
    open_world(1);
    for (uint32_t i = 0; i < 2; i++) { /* midnight of UTC is inside an hour of Kolkata */
        text.size = 0;
        add(&text, "subscriptions:\n");
        add_subscription(&text, i, JANUARY_US - 40 * DAY_US, JANUARY_US + 15 * DAY_US, 0);
        struct mtr_catalog *draft = draft_of(&text);
        assert_true(told_of(draft, &complete).count > 0);
        assert_true(complete);
        struct mtr_closed_periods_options without_log = options_for(draft);
        without_log.reader = NULL;
        const uint32_t count = told_under(&without_log, &complete).count;
        assert_int_equal(complete, i == 0);
        assert_int_equal(count > 0, i == 0);
        char said[4 * MTR_FINDING_TEXT_BYTES];
        assert_int_equal(strstr(review_of(&without_log, said, sizeof(said)), "the log no longer has all events of subscription `s1`") != NULL, i == 1);
        assert_null(strstr(said, "there may be others"));
        mtr_catalog_release(draft);
    }
    metering_close(&world);
}

/* A bound that ends the walk is said, and what was told before it stands. */
static void bounds_are_said(void **state)
{
    static struct text text;
    bool complete;
    (void)state;
    open_world(1);
    text.size = 0;
    add_tariffs(&text);
    struct mtr_catalog *draft = draft_of(&text);
    const struct told all = told_of(draft, &complete);
    struct mtr_closed_periods_options options = options_for(draft);
    assert_true(complete && all.count > 4);
    options.priced_max = 3;
    assert_int_equal(told_under(&options, &complete).count, 3);
    assert_false(complete);
    options.priced_max = 1000;
    options.looked_at_max = 4;
    const struct told few = told_under(&options, &complete);
    assert_in_range(few.count, 1, 4); /* those that run are looked at, too */
    assert_false(complete);
    for (uint32_t i = 0; i < few.count; i++) assert_money(few.periods[i].after, all.periods[i].after);
    struct mtr_diagnostics findings;
    mtr_diagnostics_init(&findings, 64);
    assert_int_equal(mtr_closed_periods_review(world.rating.rollups, world.rating.charges, &options, true, &findings), 0);
    assert_true(findings.count > 2);
    assert_non_null(strstr(findings.items[0].text, " closed periods of"));
    assert_non_null(strstr(findings.items[1].text, "there may be others"));
    mtr_diagnostics_release(&findings);
    options = options_for(draft);
    options.recounted_max = 1; /* of the events that the draft's hours hold */
    assert_int_equal(told_under(&options, &complete).count, 0);
    assert_false(complete);
    mtr_catalog_release(draft);
    metering_close(&world);
}

/* What goes from one subscription of a subject to another is counted, and where it is too much, that is said. */
static void what_changes_hands_is_told(void **state)
{
    static struct text text;
    bool complete;
    (void)state;
    open_world(1);
    text.size = 0;
    add(&text, "subscriptions:\n");
    add_term(&text, 0, 0, JANUARY_US - 40 * DAY_US, JANUARY_US + 10 * DAY_US);
    add_term(&text, 0, 1, JANUARY_US + 10 * DAY_US, INT64_MAX);
    struct mtr_catalog *draft = draft_of(&text);
    struct mtr_closed_periods_options options = options_for(draft);
    const struct told told = told_under(&options, &complete);
    assert_true(complete);
    uint32_t of_new = 0;
    for (uint32_t i = 0; i < told.count; i++) {
        if (told.periods[i].subscription <= 4) continue;
        of_new++;
        assert_int_equal(told.periods[i].before.e18, 0);
        assert_true(told.periods[i].after.e18 > 0);
    }
    assert_true(of_new && told.count > of_new);
    options.recounted_max = 1;
    struct mtr_diagnostics findings;
    mtr_diagnostics_init(&findings, 64);
    assert_int_equal(mtr_closed_periods_review(world.rating.rollups, world.rating.charges, &options, true, &findings), 0);
    assert_int_equal(findings.count, 2);
    assert_non_null(strstr(findings.items[0].text, "usage of subject `s0` goes from one subscription to another, and is more than is counted"));
    assert_non_null(strstr(findings.items[1].text, "there may be others"));
    mtr_diagnostics_release(&findings);
    mtr_catalog_release(draft);
    metering_close(&world);
}

struct counted {
    uint32_t count, unpriced;
};

static int count_period(void *context, const struct mtr_closed_period *period)
{
    struct counted *counted = context;
    counted->count++;
    counted->unpriced += period->problem != 0;
    return 0;
}

/* What has more lines than are priced before a change was rated range by range: it is told that it changes, and a change without a date is
 * refused for it as for any other. */
static void what_is_too_large_is_told(void **state)
{
    static struct text text;
    bool complete, any = false;
    (void)state;
    open_world(1);
    text.size = 0;
    add_tariffs(&text);
    struct mtr_catalog *draft = draft_of(&text);
    struct mtr_closed_periods_options options = options_for(draft);
    const uint32_t all = told_of(draft, &complete).count;
    for (options.memory_bytes_max = 32 << 10; options.memory_bytes_max <= 32 << 20; options.memory_bytes_max *= 2) {
        struct counted counted = {.count = 0};
        struct mtr_closed_periods_extent extent;
        struct mtr_diagnostics findings;
        int rc = mtr_closed_periods_walk(world.rating.rollups, world.rating.charges, &options, count_period, &counted, &extent);
        if (rc == MTR_ENOMEM) continue; /* not even what it depends on has room */
        assert_int_equal(rc, 0);
        assert_true(extent.complete && counted.count >= all);
        if (!counted.unpriced) continue;
        any = true;
        mtr_diagnostics_init(&findings, 64);
        assert_int_equal(mtr_closed_periods_review(world.rating.rollups, world.rating.charges, &options, false, &findings), 0);
        assert_true(findings.errors > 0);
        assert_non_null(strstr(findings.items[0].text, "whose price cannot be told"));
        assert_non_null(strstr(findings.items[findings.count - 1].text, "more lines than are priced before a change"));
        mtr_diagnostics_release(&findings);
    }
    assert_true(any);
    mtr_catalog_release(draft);
    metering_close(&world);
}

/* However many currencies there are. */
static void sums_of_each_currency_are_told(void **state)
{
    static const char *const currencies[] = {"AED", "AUD", "BRL", "CAD", "CHF", "CNY", "CZK", "DKK", "EUR", "GBP",
                                             "HKD", "HUF", "IDR", "ILS", "INR", "JPY", "KRW", "MXN", "NOK", "USD"};
    enum { COUNT = sizeof(currencies) / sizeof(*currencies) };
    static struct text text;
    struct mtr_diagnostics findings;
    (void)state;
    open_world(1);
    for (unsigned price = 1; price <= 2; price++) {
        text.size = 0;
        add(&text, "tariffs:\n");
        for (unsigned i = 0; i < COUNT; i++)
            add(&text, "  - {key: of-%s, currency: %s, versions: [{from: 2025-01-01, components: [{key: base, recurring: {amount: %u}}]}]}\n",
                currencies[i], currencies[i], price);
        if (price == 2) break;
        add(&text, "subscriptions:\n");
        for (unsigned i = 0; i < COUNT; i++)
            add(&text, "  - {key: in-%s, service: compute, cost_tariff: of-%s, customer: c, tariff: of-%s, start: 2026-01-01, end: 2026-02-01}\n",
                currencies[i], currencies[i], currencies[i]);
        store(&text);
        settle();
    }
    struct mtr_catalog *draft = draft_of(&text);
    const struct mtr_closed_periods_options options = options_for(draft);
    mtr_diagnostics_init(&findings, 200);
    assert_int_equal(mtr_closed_periods_review(world.rating.rollups, world.rating.charges, &options, false, &findings), 0);
    assert_int_equal(findings.errors, COUNT);
    mtr_diagnostics_release(&findings);
    mtr_catalog_release(draft);
    metering_close(&world);
}

static void add_override(struct text *text, const char *overrides)
{
    add(text,
        "tariffs:\n  - {key: own, currency: EUR, versions: [{from: 2025-01-01, components: [{key: base, recurring: {amount: 9}}]%s}]}\n"
        "subscriptions:\n  - {key: mine, service: compute, customer: me, tariff: own, start: 2026-01-01, end: 2026-02-01}\n"
        "  - {key: theirs, service: compute, customer: them, tariff: own, start: 2026-01-01, end: 2026-02-01}\n",
        overrides);
}

/* An override that is written anew, comes or goes has no date of its own: who has it is told, and nobody else. */
static void overrides_are_told(void **state)
{
    static const char *const overrides[] = {", overrides: [{customer: me, components: [{key: base, recurring: {amount: 5}}]}]",
                                            ", overrides: [{customer: me, components: [{key: base, recurring: {amount: 6}}]}]",
                                            ", overrides: [{subscription: mine, components: [{key: base, recurring: {amount: 6}}]}]", "",
                                            ", overrides: [{customer: me, components: [{key: base, recurring: {amount: 5}}]}]"};
    static const unsigned told[] = {0, 1, 0, 1, 1}; /* the third is the same price for the same one */
    static struct text text;
    struct mtr_diagnostics findings;
    (void)state;
    open_world(1);
    for (unsigned i = 0; i < sizeof(overrides) / sizeof(*overrides); i++) {
        text.size = 0;
        add_override(&text, overrides[i]);
        if (i) {
            struct mtr_catalog *draft = draft_of(&text);
            const struct mtr_closed_periods_options options = options_for(draft);
            mtr_diagnostics_init(&findings, 200);
            assert_int_equal(mtr_closed_periods_review(world.rating.rollups, world.rating.charges, &options, false, &findings), 0);
            if (findings.errors != told[i]) fail_msg("%u: %zu errors", i, findings.errors);
            if (told[i]) assert_non_null(strstr(findings.items[0].text, "1 closed period of 1 subscription"));
            mtr_diagnostics_release(&findings);
            mtr_catalog_release(draft);
        }
        store(&text);
        settle();
    }
    metering_close(&world);
}

static void add_drawing(struct text *text, unsigned amount, unsigned priority, const char *more)
{
    text->size = 0;
    add(text,
        "tariffs:\n  - {key: own, currency: EUR, versions: [{from: 2025-01-01, components: [{key: base, recurring: {amount: 9, prorate: second}}],"
        " allowances: [{key: bonus, amount: 1}]}]}\n"
        "subscriptions:\n  - {key: mine, service: compute, customer: me, tariff: own, start: 2026-01-01%s}\n"
        "credits:\n  - {key: top, subscription: mine, amount: %u, currency: EUR, from: 2026-01-01, priority: %u}\n",
        more, amount, priority);
}

/* What the running period has drawn of a credit is free again where the draft lets it draw less: those behind it, that are over with the draft's end,
 * have it. And in which order pools are drawn is no other bill. */
static void what_runs_gives_back(void **state)
{
    static struct text text;
    bool complete;
    (void)state;
    open_world(1);
    add_drawing(&text, 5, 1, "");
    store(&text);
    settle_draws();
    add_drawing(&text, 5, 200, "");
    struct mtr_catalog *draft = draft_of(&text);
    assert_int_equal(told_of(draft, &complete).count, 0);
    mtr_catalog_release(draft);
    add_drawing(&text, 12, 1, "");
    store(&text);
    settle_draws();
    add_drawing(&text, 12, 1, ", end: 2026-02-09, changes: [{from: 2026-02-05, customer: you}]");
    draft = draft_of(&text);
    const struct told told = told_of(draft, &complete);
    assert_true(complete);
    assert_int_equal(told.count, 1); /* from the fifth on: 1.29, of the 3 of the credit that were drawn for all of February */
    assert_int_equal(told.periods[0].after.e18, 0);
    mtr_catalog_release(draft);
    store(&text);
    settle_draws();
    assert_int_equal(emitted_of(told.periods[0].subscription, told.periods[0].name_us).e18, 0);
    metering_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_told_of_closed_periods_comes_true),
        cmocka_unit_test(what_is_told_of_all_that_share_comes_true),
        cmocka_unit_test(what_cannot_be_counted_is_not_told),
        cmocka_unit_test(bounds_are_said),
        cmocka_unit_test(what_changes_hands_is_told),
        cmocka_unit_test(what_is_too_large_is_told),
        cmocka_unit_test(sums_of_each_currency_are_told),
        cmocka_unit_test(overrides_are_told),
        cmocka_unit_test(what_runs_gives_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
