/*
 * What if: the same usage under the stored tariff and under a draft, beside what was emitted; and nothing
 * written by it.
 */
#include "meterd/query/what_if.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/rating_use.h"

enum { LISTED_MAX = 32 };
static const int64_t HOUR_US = MTR_US_PER_HOUR, DAY_US = MTR_US_PER_DAY;
static const int64_t JANUARY_US = INT64_C(1767225600) * MTR_US_PER_SECOND; /* 2026-01-01T00:00:00Z */
static const int64_t FEBRUARY_US = INT64_C(1769904000) * MTR_US_PER_SECOND;
static const int64_t MARCH_US = INT64_C(1772323200) * MTR_US_PER_SECOND;

#define CATALOG                                                                                                          \
    "vendors: [{key: acme}, {key: zeta}]\n"                                                                              \
    "services: [{key: compute, vendor: acme}, {key: mail, vendor: zeta}]\n"                                              \
    "meters:\n"                                                                                                          \
    "  - {key: calls, service: compute, event_type: call, aggregation: count}\n"                                         \
    "  - {key: mails, service: mail, event_type: mail, aggregation: count}\n"                                            \
    "tariffs:\n"                                                                                                         \
    "  - {key: standard, currency: EUR, versions: [{from: 2026-01-01, components: [{key: calls, meter: calls, per_unit: '0.50'}]}]}\n" \
    "  - {key: other, currency: USD, versions: [{from: 2026-01-01, components: [{key: mails, meter: mails, per_unit: '1'}]}]}\n"        \
    "subscriptions:\n"                                                                                                   \
    "  - {key: s1, service: compute, customer: c1, tariff: standard, zone: UTC, start: 2026-01-01}\n"                    \
    "  - {key: s2, service: compute, customer: c2, tariff: standard, zone: Asia/Kolkata, start: 2026-01-01}\n"           \
    "  - {key: s3, service: mail, customer: c1, tariff: other, zone: UTC, start: 2026-01-01}\n"

#define DRAFT "key: standard\ncurrency: EUR\nversions: [{from: 2026-01-01, components: [{key: calls, meter: calls, per_unit: '0.60'}]}]\n"

struct listing {
    char text[LISTED_MAX * 96];
    size_t size;
    uint32_t subscriptions, total;
};

/* "s1 2026-01-01T00:00:00Z over emitted 5 stored 5 draft 6; " */
static int list_period(void *context, const struct mtr_what_if_period *period)
{
    struct listing *listing = context;
    char start[MTR_TIME_TEXT_BYTES], emitted[MTR_DECIMAL_TEXT_BYTES], stored[MTR_DECIMAL_TEXT_BYTES],
        draft[MTR_DECIMAL_TEXT_BYTES];
    mtr_time_format(period->start_us, start);
    mtr_money_format(period->emitted, emitted);
    mtr_money_format(period->stored, stored);
    mtr_money_format(period->draft, draft);
    assert_int_equal(period->stored_problem, 0);
    listing->size += (size_t)snprintf(listing->text + listing->size, sizeof(listing->text) - listing->size,
                                      "%s%.*s %s %s%s%s %s %s%s", listing->size ? "; " : "",
                                      MTR_STR_ARGS(period->subscription->key), start, emitted,
                                      period->as_emitted ? ""
                                      : period->rated    ? "!"
                                                         : "?",
                                      period->over ? "" : "~", stored,
                                      period->draft_problem ? mtr_error_name(period->draft_problem) : draft,
                                      period->uncovered ? " uncovered" : "");
    return 0;
}

static int count_subscription(void *context, const struct mtr_subscription *subscription, uint32_t done,
                              uint32_t total)
{
    struct listing *listing = context;
    (void)subscription;
    assert_int_equal(done, ++listing->subscriptions);
    listing->total = total;
    return 0;
}

static struct mtr_catalog *draft_of(struct rating_world *stage, const char *text, const char *key)
{
    const enum mtr_catalog_kind kind = MTR_KIND_TARIFF;
    struct mtr_diagnostics findings;
    struct mtr_catalog *draft = NULL;
    mtr_diagnostics_init(&findings, 16);
    const struct mtr_catalog_edit edit = {
        .text = mtr_str_from(text), .kind = key ? &kind : NULL, .key = mtr_str_from(key ? key : "")};
    int rc = mtr_catalog_store_draft(stage->store, &edit, &draft, &findings);
    if (rc) fail_msg("%s", findings.count ? findings.items[0].text : mtr_error_text(rc));
    mtr_diagnostics_release(&findings);
    return draft;
}

static struct mtr_what_if_options options_of(const struct rating_world *stage,
                                             const struct mtr_catalog *draft)
{
    return (struct mtr_what_if_options){.stored = stage->catalog,
                                        .draft = draft,
                                        .to.time_us = MTR_TIME_US_MAX,
                                        .grace_us = MTR_US_PER_HOUR,
                                        .memory_bytes_max = 64 << 20};
}

static struct listing listing; /* of the last what-if */

static const char *list(struct rating_world *stage, const struct mtr_what_if_options *options)
{
    const struct mtr_what_if_hooks hooks = {list_period, count_subscription, &listing};
    struct mtr_diagnostic diagnostic;
    listing = (struct listing){0};
    assert_int_equal(mtr_what_if(stage->rollups, stage->charges, options, &hooks, &diagnostic), 0);
    assert_int_equal(listing.subscriptions, listing.total);
    return listing.text;
}

/* Usage in January and February, watermark in the middle of February. */
static void open_stage(struct rating_world *stage)
{
    rating_open(stage, JANUARY_US);
    rating_apply(stage, CATALOG);
    rating_use(stage, "s1", "calls", JANUARY_US, "", "10");
    rating_use(stage, "s1", "calls", FEBRUARY_US, "", "4");
    rating_use(stage, "s2", "calls", JANUARY_US, "", "20");
    rating_use(stage, "s3", "mails", JANUARY_US, "", "3");
    rating_advance_to(stage, FEBRUARY_US + 14 * DAY_US);
    rating_drain(stage);
}

static void both_prices_of_each_period(void **state)
{
    struct rating_world stage;
    (void)state;
    open_stage(&stage);
    struct mtr_catalog *draft = draft_of(&stage, DRAFT, "standard");
    struct mtr_what_if_options options = options_of(&stage, draft);
    assert_string_equal(list(&stage, &options),
                        "s1 2026-01-01T00:00:00Z 5 5 6; s1 2026-02-01T00:00:00Z 2~ 2 2.4; "
                        "s2 2025-12-31T18:30:00Z 10 10 12; s2 2026-01-31T18:30:00Z 0~ 0 0");
    rating_use(&stage, "s1", "calls", JANUARY_US, "", "2"); /* folded, not yet rated */
    options.customer = MTR_STR("c1");
    assert_string_equal(list(&stage, &options),
                        "s1 2026-01-01T00:00:00Z 5! 6 7.2; s1 2026-02-01T00:00:00Z 2~ 2 2.4");
    rating_advance_to(&stage, FEBRUARY_US + 14 * DAY_US + 2 * HOUR_US);
    rating_drain(&stage);
    assert_string_equal(list(&stage, &options),
                        "s1 2026-01-01T00:00:00Z 6 6 7.2; s1 2026-02-01T00:00:00Z 2~ 2 2.4");
    mtr_catalog_release(draft);
    rating_close(&stage);
}

static void dates_are_local(void **state)
{
    struct rating_world stage;
    (void)state;
    open_stage(&stage);
    struct mtr_catalog *draft = draft_of(&stage, DRAFT, "standard");
    struct mtr_what_if_options options = options_of(&stage, draft);
    options.from = (struct mtr_what_if_bound){.is_date = true, .days = JANUARY_US / DAY_US};
    options.to = (struct mtr_what_if_bound){.is_date = true, .days = FEBRUARY_US / DAY_US};
    assert_string_equal(list(&stage, &options),
                        "s1 2026-01-01T00:00:00Z 5 5 6; s2 2025-12-31T18:30:00Z 10 10 12");
    options.from.is_date = options.to.is_date = false;
    options.from.time_us = JANUARY_US;
    options.to.time_us = FEBRUARY_US;
    assert_string_equal(list(&stage, &options),
                        "s1 2026-01-01T00:00:00Z 5 5 6; s2 2026-01-31T18:30:00Z 0~ 0 0");
    mtr_catalog_release(draft);
    rating_close(&stage);
}

static void only_those_asked_for(void **state)
{
    struct rating_world stage;
    (void)state;
    open_stage(&stage);
    struct mtr_catalog *same = draft_of(&stage, "tariffs: []\n", NULL);
    struct mtr_what_if_options options = options_of(&stage, same);
    assert_string_equal(list(&stage, &options), ""); /* the draft changes nothing */
    options.tariff = MTR_STR("other");
    assert_string_equal(list(&stage, &options),
                        "s3 2026-01-01T00:00:00Z 3 3 3; s3 2026-02-01T00:00:00Z 0~ 0 0");
    options.vendor = MTR_STR("acme");
    assert_string_equal(list(&stage, &options), "");
    mtr_catalog_release(same);

    /* a subscription that moves to another tariff; and one that nobody moved */
    struct mtr_catalog *moved = draft_of(
        &stage,
        "tariffs: [{key: gold, currency: EUR, versions: [{from: 2026-01-01, components: "
        "[{key: calls, meter: calls, per_unit: 1}]}]}]\n"
        "subscriptions: [{key: s1, service: compute, customer: c1, tariff: gold, zone: UTC, start: 2026-01-01}]\n",
        NULL);
    options = options_of(&stage, moved);
    assert_string_equal(list(&stage, &options),
                        "s1 2026-01-01T00:00:00Z 5 5 10; s1 2026-02-01T00:00:00Z 2~ 2 4");
    mtr_catalog_release(moved);
    rating_close(&stage);
}

static void one_version_for_all(void **state)
{
    static const char next[] = "key: standard\ncurrency: EUR\nversions:\n"
                               "- {from: 2026-02-01, components: [{key: calls, meter: calls, per_unit: '1'}]}\n"
                               "- {from: 2027-01-01, components: [{key: calls, meter: calls, per_unit: '2'}]}\n";
    struct rating_world stage;
    (void)state;
    open_stage(&stage);
    struct mtr_catalog *draft = draft_of(&stage, next, "standard");
    struct mtr_what_if_options options = options_of(&stage, draft);
    options.customer = MTR_STR("c1");
    assert_string_equal(list(&stage, &options),
                        "s1 2026-01-01T00:00:00Z 5 5 0 uncovered; s1 2026-02-01T00:00:00Z 2~ 2 4");
    options.has_at = true;
    options.at_us = MARCH_US;
    assert_string_equal(list(&stage, &options),
                        "s1 2026-01-01T00:00:00Z 5 5 10; s1 2026-02-01T00:00:00Z 2~ 2 4");
    options.at_us = MARCH_US + 365 * (int64_t)DAY_US;
    assert_string_equal(list(&stage, &options),
                        "s1 2026-01-01T00:00:00Z 5 5 20; s1 2026-02-01T00:00:00Z 2~ 2 8");
    options.at_us = JANUARY_US;
    assert_string_equal(list(&stage, &options),
                        "s1 2026-01-01T00:00:00Z 5 5 0 uncovered; s1 2026-02-01T00:00:00Z 2~ 2 0 uncovered");
    mtr_catalog_release(draft);
    rating_close(&stage);
}

static void a_price_out_of_range_is_named(void **state)
{
    static const char vast[] = "key: standard\ncurrency: EUR\nversions: [{from: 2026-01-01, components: "
                               "[{key: calls, meter: calls, per_unit: '100000000000000000000'}]}]\n";
    struct rating_world stage;
    (void)state;
    open_stage(&stage);
    struct mtr_catalog *draft = draft_of(&stage, vast, "standard");
    struct mtr_what_if_options options = options_of(&stage, draft);
    options.customer = MTR_STR("c2");
    assert_string_equal(list(&stage, &options),
                        "s2 2025-12-31T18:30:00Z 10 10 EOVERFLOW; s2 2026-01-31T18:30:00Z 0~ 0 0");
    mtr_catalog_release(draft);
    rating_close(&stage);
}

static void a_missing_rate_is_named(void **state)
{
    static const char abroad[] =
        "tariffs: [{key: abroad, currency: USD, exchange: {source: ecb, at: period_end}, versions: [{from: 2026-01-01, components: "
        "[{key: calls, meter: calls, per_unit: '1'}]}]}]\n"
        "subscriptions: [{key: s1, service: compute, customer: c1, tariff: abroad, currency: EUR, zone: UTC, start: 2026-01-01}]\n";
    struct rating_world stage;
    (void)state;
    open_stage(&stage);
    struct mtr_catalog *draft = draft_of(&stage, abroad, NULL);
    struct mtr_what_if_options options = options_of(&stage, draft);
    options.to.time_us = FEBRUARY_US;
    assert_string_equal(list(&stage, &options), "s1 2026-01-01T00:00:00Z 5 5 EMISSING");
    mtr_catalog_release(draft);

    char with_rate[sizeof(abroad) + 128];
    snprintf(with_rate, sizeof(with_rate),
             "rates: [{key: r, source: ecb, date: 2026-01-31, base: EUR, quotes: {USD: '1.25'}}]\n%s",
             abroad);
    draft = draft_of(&stage, with_rate, NULL);
    options = options_of(&stage, draft);
    options.to.time_us = FEBRUARY_US;
    assert_string_equal(list(&stage, &options), "s1 2026-01-01T00:00:00Z 5 5 8");
    options.subscription = MTR_STR("s2");
    assert_string_equal(list(&stage, &options), "");
    mtr_catalog_release(draft);
    rating_close(&stage);
}

static void a_trial_tariff_is_drafted(void **state)
{
    static const char trial[] =
        "tariffs: [{key: trial, currency: EUR, versions: [{from: 2026-01-01, components: [{key: calls, meter: calls, per_unit: '%s'}]}]}]\n"
        "%s";
    static const char moved[] =
        "subscriptions: [{key: s4, service: compute, customer: c4, tariff: standard, zone: UTC, start: 2026-01-01, "
        "trial: {days: 15, tariff: trial}}]\n";
    struct rating_world stage;
    char text[1024];
    (void)state;
    open_stage(&stage);
    snprintf(text, sizeof(text), trial, "0.10", moved);
    rating_apply(&stage, text);
    rating_use(&stage, "s4", "calls", JANUARY_US, "", "10");
    rating_use(&stage, "s4", "calls", JANUARY_US + 20 * DAY_US, "", "10");
    rating_advance_to(&stage, FEBRUARY_US + 14 * DAY_US + 3 * HOUR_US);
    rating_drain(&stage);
    snprintf(text, sizeof(text), trial, "0.20", "");
    struct mtr_catalog *draft = draft_of(&stage, text, NULL);
    struct mtr_what_if_options options = options_of(&stage, draft);
    options.to.time_us = FEBRUARY_US;
    assert_string_equal(list(&stage, &options), "s4 2026-01-01T00:00:00Z 6 6 7");
    options.tariff = MTR_STR("trial");
    assert_string_equal(list(&stage, &options), "s4 2026-01-01T00:00:00Z 6 6 7");
    options.has_at = true; /* of the trial's tariff; what comes after it keeps its versions */
    options.at_us = MARCH_US;
    assert_string_equal(list(&stage, &options), "s4 2026-01-01T00:00:00Z 6 6 7");
    options.at_us = JANUARY_US - DAY_US;
    assert_string_equal(list(&stage, &options), "s4 2026-01-01T00:00:00Z 6 6 5 uncovered");
    mtr_catalog_release(draft);
    rating_close(&stage);
}

/* Each period draws on what those before it have left, as far as they are asked for. */
static void balances_go_on(void **state)
{
    static const char allowance[] =
        "key: standard\ncurrency: EUR\nversions: [{from: 2026-01-01, components: [{key: calls, meter: calls, per_unit: '0.50'}], "
        "allowances: [{key: included, components: [calls], quantity: '%d', rollover: %d}]}]\n";
    struct rating_world stage;
    char text[1024];
    (void)state;
    open_stage(&stage);
    struct mtr_catalog *draft = draft_of(&stage, DRAFT, "standard");
    struct mtr_what_if_options options = options_of(&stage, draft);
    options.customer = MTR_STR("c1");
    assert_string_equal(list(&stage, &options),
                        "s1 2026-01-01T00:00:00Z 5 5 6; s1 2026-02-01T00:00:00Z 2~ 2 2.4");
    mtr_catalog_release(draft);

    snprintf(text, sizeof(text), allowance, 6, 0); /* of each period alone */
    draft = draft_of(&stage, text, "standard");
    options.draft = draft;
    assert_string_equal(list(&stage, &options),
                        "s1 2026-01-01T00:00:00Z 5 5 2; s1 2026-02-01T00:00:00Z 2~ 2 0");
    mtr_catalog_release(draft);

    snprintf(text, sizeof(text), allowance, 3, 1); /* what is left of January's is what it will be */
    draft = draft_of(&stage, text, "standard");
    options.draft = draft;
    assert_string_equal(list(&stage, &options),
                        "s1 2026-01-01T00:00:00Z 5 5 3.5; s1 2026-02-01T00:00:00Z 2~ 2 0.5");
    options.from.time_us = FEBRUARY_US; /* whether January is asked for or not */
    assert_string_equal(list(&stage, &options), "s1 2026-02-01T00:00:00Z 2~ 2 0.5");
    mtr_catalog_release(draft);
    rating_close(&stage);
}

static void never_rated(void **state)
{
    struct rating_world stage;
    const struct mtr_what_if_hooks hooks = {list_period, count_subscription, &listing};
    (void)state;
    listing = (struct listing){0};
    open_stage(&stage);
    struct mtr_catalog *draft = draft_of(&stage, DRAFT, "standard");
    struct mtr_what_if_options options = options_of(&stage, draft);
    struct mtr_diagnostic diagnostic;
    options.customer = MTR_STR("c1");
    assert_int_equal(mtr_what_if(stage.rollups, NULL, &options, &hooks, &diagnostic), 0);
    assert_string_equal(listing.text, "s1 2026-01-01T00:00:00Z 0? 5 6; s1 2026-02-01T00:00:00Z 0?~ 2 2.4");
    mtr_catalog_release(draft);
    rating_close(&stage);
}

struct amounts {
    struct mtr_money emitted[LISTED_MAX], stored[LISTED_MAX], draft[LISTED_MAX];
    uint32_t count;
};

static int keep_amounts(void *context, const struct mtr_what_if_period *period)
{
    struct amounts *amounts = context;
    assert_in_range(amounts->count, 0, LISTED_MAX - 1);
    assert_false(period->stored_problem || period->draft_problem || period->uncovered);
    assert_true(period->as_emitted);
    amounts->emitted[amounts->count] = period->emitted;
    amounts->stored[amounts->count] = period->stored;
    amounts->draft[amounts->count++] = period->draft;
    return 0;
}

static int ignore_subscription(void *context, const struct mtr_subscription *subscription, uint32_t done,
                               uint32_t total)
{
    (void)context;
    (void)subscription;
    return done > total;
}

static struct amounts amounts_of(struct rating_world *stage, const struct mtr_catalog *draft)
{
    struct amounts amounts = {.count = 0};
    const struct mtr_what_if_hooks hooks = {keep_amounts, ignore_subscription, &amounts};
    struct mtr_what_if_options options = options_of(stage, draft);
    struct mtr_diagnostic diagnostic;
    options.tariff = MTR_STR("standard");
    assert_int_equal(mtr_what_if(stage->rollups, stage->charges, &options, &hooks, &diagnostic), 0);
    return amounts;
}

/* Once the draft is applied, what is charged is what it said. */
static void what_it_says_is_what_is_charged(void **state)
{
    static const char *const drafts[] = {
        "key: standard\ncurrency: EUR\nversions:\n- {from: 2026-01-01, components: [{key: calls, meter: calls, graduated: [{up_to: 3, unit: '0.333'}, "
        "{up_to: 12, unit: '0.2', flat: '1'}, {unit: '0.111', flat: '2'}]}, {key: base, recurring: {amount: '10', prorate: second}}]}\n"
        "- {from: 2026-01-20, components: [{key: calls, meter: calls, graduated: [{up_to: 5, unit: '0.5'}, {unit: '0.25'}], cap: '6'}], minimum: '7'}\n",
        "key: standard\ncurrency: EUR\nrounding: {place: total}\nversions: [{from: 2026-01-01, components: [{key: calls, meter: calls, "
        "package: {size: 7, price: '1.005'}, free_units: 2, discount: {percent: 10}}], commitment: {amount: '3', prorate: day}}]\n",
        "key: standard\ncurrency: EUR\nversions: [{from: 2026-01-01, components: [{key: calls, meter: calls, scope: day, volume: [{up_to: 10, unit: '1'}, "
        "{unit: '0.9'}]}], overrides: [{customer: c2, components: [{key: calls, per_unit: '0.07'}]}]}]\n",
    };
    struct rating_world stage;
    int64_t now_us = FEBRUARY_US + 14 * DAY_US;
    (void)state;
    open_stage(&stage);
    for (int hour = 0; hour < 30; hour++)
        rating_use(&stage, hour % 2 ? "s1" : "s2", "calls", JANUARY_US + (int64_t)hour * 26 * HOUR_US, "", "1");
    rating_advance_to(&stage, now_us += 2 * HOUR_US);
    rating_drain(&stage);
    for (size_t i = 0; i < sizeof(drafts) / sizeof(drafts[0]); i++) {
        struct mtr_catalog *draft = draft_of(&stage, drafts[i], "standard");
        const struct amounts before = amounts_of(&stage, draft);
        char text[2048] = "tariffs:\n- ";
        size_t size = strlen(text);
        for (const char *c = drafts[i]; *c && size + 3 < sizeof(text); c++) { /* as an item of a list */
            text[size++] = *c;
            if (*c != '\n' || !c[1]) continue;
            text[size++] = ' ';
            text[size++] = ' ';
        }
        text[size] = '\0';
        rating_apply(&stage, text);
        rating_advance_to(&stage, now_us += 2 * HOUR_US);
        rating_drain(&stage);
        const struct amounts after = amounts_of(&stage, stage.catalog);
        assert_int_equal(before.count, 4);
        assert_int_equal(after.count, before.count);
        for (uint32_t j = 0; j < after.count; j++) {
            assert_int_equal(mtr_money_compare(after.emitted[j], before.draft[j]), 0);
            assert_int_equal(mtr_money_compare(after.emitted[j], after.stored[j]), 0);
            assert_int_equal(mtr_money_compare(after.draft[j], after.stored[j]), 0);
        }
        mtr_catalog_release(draft);
    }
    assert_int_equal(rating_audit(&stage).findings, 0);
    rating_close(&stage);
}

static struct mtr_hash128 rollups_hash(struct rating_world *stage)
{
    struct mtr_rollups_txn *txn = NULL;
    struct mtr_hash128 hash = {0, 0};
    assert_int_equal(mtr_rollups_begin(stage->rollups, false, &txn), 0);
    assert_int_equal(mtr_rollups_hash(txn, &hash), 0);
    mtr_rollups_abort(txn);
    return hash;
}

static void nothing_is_written(void **state)
{
    struct rating_world stage;
    (void)state;
    open_stage(&stage);
    const struct mtr_hash128 before = rollups_hash(&stage);
    const uint64_t version = mtr_catalog_version(stage.catalog);
    char history[4096];
    snprintf(history, sizeof(history), "%s", rating_history(&stage, 0).text);
    struct mtr_catalog *draft = draft_of(&stage, DRAFT, "standard");
    struct mtr_what_if_options options = options_of(&stage, draft);
    (void)list(&stage, &options);
    const struct mtr_hash128 after = rollups_hash(&stage);
    assert_true(before.high == after.high && before.low == after.low);
    assert_string_equal(rating_history(&stage, 0).text, history);
    mtr_catalog_release(draft);
    rating_reopen(&stage);
    assert_int_equal(mtr_catalog_version(stage.catalog), version);
    rating_drain(&stage);
    assert_string_equal(rating_history(&stage, 0).text, history);
    assert_int_equal(rating_audit(&stage).findings, 0);
    rating_close(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_prices_of_each_period), cmocka_unit_test(dates_are_local),
        cmocka_unit_test(only_those_asked_for),       cmocka_unit_test(one_version_for_all),
        cmocka_unit_test(a_price_out_of_range_is_named), cmocka_unit_test(a_missing_rate_is_named),
        cmocka_unit_test(a_trial_tariff_is_drafted),  cmocka_unit_test(balances_go_on),
        cmocka_unit_test(never_rated),
        cmocka_unit_test(what_it_says_is_what_is_charged), cmocka_unit_test(nothing_is_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
