/*
 * A what-if of a draft that moves what subscriptions say (start, end, trial, customer, billing, a change from a date on), and to whom the
 * use of a subject goes, is what becomes of them: each period's amount under the draft is what is charged of it once the draft is applied,
 * to each customer, and no other period changes. At any microsecond, with pools that go on from period to period. METERD_SEEDS=N tries
 * more worlds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "meterd/rater/billing_period.h"
#include "tests/support/drafted_terms.h"
#include "tests/support/drafted_what_if.h"

enum { ROWS_MAX = 256, DRAFTS = 4 };

struct row {
    uint32_t subscription;
    int64_t start_us;
    char payer[16]; /* customer and currency */
    bool in_stored, in_draft, over;
    struct mtr_money emitted, stored, draft;
};
struct rows {
    struct row items[ROWS_MAX];
    uint32_t count;
};

/* ---- what is said ---- */

static void write_payer(struct mtr_str customer, struct mtr_str currency, char payer[16])
{
    snprintf(payer, 16, "%.*s %.*s", MTR_STR_ARGS(customer), MTR_STR_ARGS(currency));
}

static int keep_row(void *context, const struct mtr_what_if_period *period)
{
    struct rows *rows = context;
    assert_in_range(rows->count, 0, ROWS_MAX - 1);
    struct row *row = &rows->items[rows->count++];
    assert_false(period->stored_problem || period->draft_problem || period->uncovered);
    assert_true(period->in_stored || period->in_draft);
    assert_true(period->in_stored || !period->stored.e18);
    assert_true(period->in_draft || !period->draft.e18);
    *row = (struct row){period->subscription->number, mtr_billing_period_name(period->subscription, period->start_us), "", period->in_stored, period->in_draft,
                        period->over, period->emitted, period->stored, period->draft};
    write_payer(period->subscription->customer, period->subscription->currency, row->payer);
    return 0;
}

static struct rows rows_of(const struct mtr_catalog *draft)
{
    struct rows rows = {.count = 0};
    const struct mtr_what_if_options options = what_if_options(draft);
    ask_what_if(&options, keep_row, &rows);
    return rows;
}

/* ---- what is charged ---- */

struct adding {
    struct rows *rows;
    struct mtr_charges_txn *txn;
    bool is_final;
};

static struct row *find_row(struct rows *rows, uint32_t subscription, int64_t start_us, const char *payer)
{
    for (uint32_t i = 0; i < rows->count; i++) {
        struct row *row = &rows->items[i];
        if (row->subscription == subscription && row->start_us == start_us && !strcmp(row->payer, payer)) return row;
    }
    return NULL;
}

static int add_line(void *context, const struct mtr_charge_line *line)
{
    struct adding *adding = context;
    char payer[16];
    write_payer(line->customer, line->currency, payer);
    struct row *row = find_row(adding->rows, line->subscription, line->period_start_us, payer);
    if (!row) {
        assert_in_range(adding->rows->count, 0, ROWS_MAX - 1);
        row = &adding->rows->items[adding->rows->count++];
        *row = (struct row){.subscription = line->subscription, .start_us = line->period_start_us, .over = adding->is_final};
        memcpy(row->payer, payer, sizeof(payer));
    }
    return mtr_money_add(row->emitted, line->emitted, &row->emitted);
}

static int add_period(void *context, const struct mtr_charge_period *period)
{
    struct adding *adding = context;
    adding->is_final = period->close_due_us == INT64_MAX;
    return mtr_charges_walk_lines(adding->txn, period->subscription, period->start_us, add_line, adding);
}

/* By subscription, period and customer; `over`: nothing of it is due any more. */
static struct rows charged_now(void)
{
    struct rows rows = {.count = 0};
    struct adding adding = {.rows = &rows};
    assert_int_equal(mtr_charges_begin(world.rating.charges, false, &adding.txn), 0);
    for (uint32_t i = 1; i <= mtr_catalog_count(world.rating.catalog, MTR_KIND_SUBSCRIPTION); i++)
        assert_int_equal(mtr_charges_walk_periods(adding.txn, i, INT64_MIN, add_period, &adding), 0);
    mtr_charges_abort(adding.txn);
    return rows;
}

static struct mtr_money emitted_of(struct rows *charged, const struct row *row)
{
    const struct row *found = find_row(charged, row->subscription, row->start_us, row->payer);
    return found ? found->emitted : (struct mtr_money){0};
}

/* What was closed or not there, and is not told, stays as it was. */
static void assert_others_stay(struct rows *said, struct rows *before, const struct rows *after)
{
    for (uint32_t i = 0; i < after->count; i++) {
        const struct row *row = &after->items[i];
        const struct row *was = find_row(before, row->subscription, row->start_us, row->payer);
        const bool is_over = was ? was->over : row->over;
        if (is_over && !find_row(said, row->subscription, row->start_us, row->payer)) assert_money(row->emitted, emitted_of(before, row));
    }
}

static uint32_t alone; /* periods that one side alone has */

/* Where the period runs on, it may have come to its end while that was settled. */
static void assert_it_came_true(struct rows *said, struct rows *before, struct rows *after)
{
    for (uint32_t i = 0; i < said->count; i++) {
        const struct row *row = &said->items[i];
        const struct row *is = find_row(after, row->subscription, row->start_us, row->payer);
        assert_money(row->emitted, emitted_of(before, row));
        assert_money(row->stored, row->emitted);
        alone += row->in_stored != row->in_draft;
        if (row->over || !is || !is->over) assert_money(emitted_of(after, row), row->draft);
    }
    assert_others_stay(said, before, after);
}

static void try_worlds(void)
{
    uint32_t said_count = 0;
    has_pools = has_held = true;
    for (uint64_t seed = 1; seed <= seed_count(); seed++) {
        open_terms(seed);
        for (int i = 0; i < DRAFTS; i++) {
            static struct text text;
            static struct rows before, said, after;
            write_draft(&text);
            struct mtr_catalog *draft = draft_of(&text);
            before = charged_now();
            said = rows_of(draft);
            store(&text);
            settle_draws();
            after = charged_now();
            assert_it_came_true(&said, &before, &after);
            said_count += said.count;
            mtr_catalog_release(draft);
        }
        assert_int_equal(audit().findings, 0);
        metering_close(&world);
    }
    has_pools = has_held = false;
    assert_true(said_count > 8 * seed_count() && alone > seed_count());
}

static void what_it_says_is_what_is_charged(void **state)
{
    (void)state;
    try_worlds();
}

/* Also of the customer's other subscriptions, which a draft reaches through credits, accounts and tiers. */
static void what_it_says_of_all_that_share_is_what_is_charged(void **state)
{
    (void)state;
    has_sharing = true;
    try_worlds();
    has_sharing = false;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_it_says_is_what_is_charged),
        cmocka_unit_test(what_it_says_of_all_that_share_is_what_is_charged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
