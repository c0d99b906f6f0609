/*
 * The audit: prices every period again and compares with what was emitted; follows every line's chain of
 * charges; looks for usage that no period can charge.
 *
 * Invariants: reads only. Subscriptions are taken in chunks, each with its own pair of read transactions: the
 * charges' first, so that the rollups are never older than what the rater had seen. Periods that the feed or
 * the scan has still to reach are pending, and those whose cells wait to be folded again.
 */
#include "meterd/rater/audit.h"

#include <stdio.h>
#include <string.h>

#include "meterd/core/time.h"
#include "rater/difference.h"
#include "rater/line_order.h"
#include "rater/line_ranges.h"
#include "rater/period/parts.h"
#include "rater/step.h"

enum { CHUNK_SUBSCRIPTIONS = 64, ARENA_CHUNK_BYTES = 1 << 16 };

struct audit {
    const struct mtr_catalog *catalog;
    const struct mtr_rater_options *options;
    struct mtr_rollups_txn *rollups;
    struct mtr_charges_txn *charges;
    struct mtr_arena arena;
    mtr_audit_on_finding on_finding;
    void *context;
    struct mtr_audit_counts *counts;
    uint32_t first; /* of the chunk */
    bool in_feed[CHUNK_SUBSCRIPTIONS];
    bool scanning; /* the rater has not seen this catalog whole */
    uint32_t lines_max; /* of a component at once */
    struct rater_sums_kept sums; /* of the period at hand */
    bool is_to_be_scanned, is_ordered; /* the period at hand; its lines */
    int stopped; /* the result of on_finding that stops */
    int64_t watermark_us;
    const struct mtr_subscription *subscription;
};

bool mtr_audit_is_note(const struct mtr_audit_finding *finding)
{
    return mtr_finding_kind(finding->code)->severity == MTR_SEVERITY_WARNING;
}

static int report(struct audit *audit, const struct mtr_audit_finding *finding)
{
    *(mtr_audit_is_note(finding) ? &audit->counts->notes : &audit->counts->findings) += 1;
    audit->stopped = audit->on_finding ? audit->on_finding(audit->context, finding) : MTR_OK;
    return audit->stopped;
}

/* ---- sums ---- */

static int report_line(struct audit *audit, const struct mtr_charge_line *line, const char *text)
{
    const struct mtr_audit_finding finding = {
        .code = MTR_FINDING_AUDIT_BROKEN_SUM,
        .subscription = audit->subscription->key,
        .period_start_us = line->period_start_us,
        .component = line->component,
        .dimensions = line->dimensions,
        .emitted = line->emitted,
        .text = mtr_str_from(text),
    };
    return report(audit, &finding);
}

/* Where lines are kept in order, each is: one that is not would be passed over when it is no more. */
static int check_place(struct audit *audit, const struct mtr_charge_line *line)
{
    int rc = audit->is_ordered ? rater_is_in_order(audit->charges, line) : MTR_OK;
    if (rc != MTR_ENOTFOUND) return rc;
    return report_line(audit, line, "this line is missing in the order of its period's lines");
}

/* Every line's sum is what its charges say, back to the first. */
static int check_line(void *context, const struct mtr_charge_line *line)
{
    struct audit *audit = context;
    struct mtr_money sum = line->emitted, cost = line->cost;
    struct mtr_quantity quantity = line->quantity;
    uint64_t number = line->last_number;
    uint64_t count = 0;
    bool broken = false;
    audit->counts->lines++;
    while (number && !broken) {
        struct mtr_charge charge;
        struct mtr_money after;
        int rc = mtr_charges_get(audit->charges, number, &charge);
        if (rc && rc != MTR_ENOTFOUND) return rc;
        broken = rc || charge.line.high != line->key.high || charge.line.low != line->key.low ||
                 charge.subscription != line->subscription || charge.previous >= number ||
                 mtr_money_add(charge.emitted_before, charge.amount, &after) || after.e18 != sum.e18 ||
                 mtr_money_sub(cost, charge.cost, &cost) || charge.quantity.e12 != quantity.e12 ||
                 mtr_quantity_sub(quantity, charge.quantity_delta, &quantity);
        if (broken) break;
        sum = charge.emitted_before;
        number = charge.previous;
        count++;
    }
    MTR_ASSERT(broken || !number); /* back to the first charge */
    audit->counts->charges += count;
    if (!broken && !sum.e18 && !cost.e18 && !quantity.e12 && count == line->count)
        return check_place(audit, line);
    return report_line(audit, line, "the sum of this line is not the sum of its charges");
}

/* ---- periods ---- */

static int report_differences(struct audit *audit, const struct mtr_charge_period *period,
                              const struct rater_differences *differences)
{
    for (uint32_t i = 0; i < differences->count; i++) {
        const struct rater_difference *difference = &differences->items[i];
        MTR_ASSERT(difference->amount.e18 || difference->cost.e18 || difference->quantity_delta.e12);
        const struct mtr_audit_finding finding = {
            .code = MTR_FINDING_AUDIT_DIFFERENCE,
            .subscription = audit->subscription->key,
            .period_start_us = period->start_us,
            .component = difference->line.component,
            .dimensions = difference->line.dimensions,
            .expected = difference->emitted_after,
            .emitted = difference->line.emitted,
            .text = difference->amount.e18 ? MTR_STR("the emitted sum is not the price of the usage")
                    : difference->cost.e18 ? MTR_STR("the cost of this line is not what the usage costs")
                                           : MTR_STR("the quantity that was charged is not the usage"),
        };
        int rc = report(audit, &finding);
        if (rc) return rc;
    }
    return MTR_OK;
}

static int report_problem(struct audit *audit, const struct mtr_charge_period *period, const char *why)
{
    const struct mtr_audit_finding finding = {
        .code = MTR_FINDING_AUDIT_PROBLEM,
        .subscription = audit->subscription->key,
        .period_start_us = period->start_us,
        .text = mtr_str_from(why),
    };
    return report(audit, &finding);
}

/* Prices a period, line range by line range where it is large; `then` looks at what came of each. */
typedef int (*audit_on_price)(struct audit *audit, const struct mtr_charge_period *period,
                              const struct mtr_period_price *price);

static int price_period(struct audit *audit, const struct mtr_charge_period *period, bool closing,
                        audit_on_price then, struct mtr_period_price *out)
{
    struct mtr_rollups_use use = {audit->rollups, audit->catalog};
    struct mtr_rating rating = mtr_rating_of_stores(&use, audit->charges, &audit->arena);
    struct rater_line_ranges ranges;
    int rc;
    rating.closing = closing;
    MTR_ASSERT(audit->subscription->number == period->subscription);
    rater_begin_lines(&ranges, audit->subscription, period->start_us, &audit->lines_max, &audit->sums);
    do {
        do {
            do rc = rater_take_lines(&ranges, &rating);
            while (rc == RATER_GOES_ON);
            if (!rc)
                rc = mtr_billing_period_price(&rating, audit->subscription, period->start_us, out);
            if (!rc) rc = then(audit, period, out);
        } while (rater_takes_fewer(&ranges, rc));
    } while (!rc && rater_next_lines(&ranges));
    rater_end_lines(&ranges);
    return rc;
}

static int expect_price(struct audit *audit, const struct mtr_charge_period *period,
                        const struct mtr_period_price *price)
{
    (void)audit;
    (void)period;
    (void)price;
    return MTR_OK;
}

/* It could not be rated: why not now, or pending when what it waited for has come since. */
static int report_waiting(struct audit *audit, const struct mtr_charge_period *period)
{
    struct mtr_period_price price;
    const bool over = mtr_rater_is_over(period, audit->options->grace_us, audit->watermark_us);
    int rc = price_period(audit, period, over, expect_price, &price);
    if (rc == MTR_ECORRUPT || rc == MTR_EIO) return rc;
    if (rc) return report_problem(audit, period, mtr_period_problem_text(&price, rc));
    audit->counts->pending++;
    return MTR_OK;
}

static int is_pending(const struct audit *audit, const struct mtr_charge_period *period, bool *out)
{
    struct mtr_charge_progress progress;
    bool cut;
    int rc = rater_are_cells_cut(audit->rollups, audit->subscription, &cut);
    if (rc) return rc;
    rc = mtr_charges_get_progress(audit->charges, period->subscription, period->start_us, &progress);
    if (rc && rc != MTR_ENOTFOUND) return rc;
    *out = !rc || !cut || period->dirty || audit->in_feed[audit->subscription->number - audit->first] ||
           period->close_due_us <= audit->watermark_us;
    return MTR_OK;
}

/* Every grant that the period can draw on has its row in the ledger, and that says what was drawn before
 * and what the price draws. */
static int check_draws(struct audit *audit, const struct mtr_charge_period *period,
                       const struct mtr_period_price *price)
{
    for (uint32_t i = 0; i < price->grants.count; i++) {
        const struct mtr_grant *grant = &price->grants.items[i];
        struct mtr_charge_draw draw = {
            .grant = grant->id, .period_start_us = period->start_us, .subscription = period->subscription};
        int rc = mtr_charges_get_draw(audit->charges, &draw);
        if (rc && rc != MTR_ENOTFOUND) return rc;
        if (!rc && draw.before == grant->before && draw.drawn == grant->drawn) continue;
        const struct mtr_audit_finding finding = {
            .code = MTR_FINDING_AUDIT_POOL,
            .subscription = audit->subscription->key,
            .period_start_us = period->start_us,
            .component = grant->pool.key,
            .dimensions = grant->pool.grant,
            .text = MTR_STR("the ledger of this pool is not what its periods draw"),
        };
        rc = report(audit, &finding);
        if (rc) return rc;
    }
    return MTR_OK;
}

static int check_price(struct audit *audit, const struct mtr_charge_period *period,
                       const struct mtr_period_price *price)
{
    struct rater_differences differences;
    const bool same_inputs =
        price->period.inputs.high == period->inputs.high && price->period.inputs.low == period->inputs.low;
    audit->is_to_be_scanned = !same_inputs && audit->scanning;
    if (audit->is_to_be_scanned) return MTR_OK;
    int rc = rater_compare(audit->charges, price, false, &audit->arena, &differences);
    if (!rc) rc = report_differences(audit, period, &differences);
    const bool has_draws = !price->range || !price->range->from.size; /* the first lines have those of all */
    return rc || !has_draws ? rc : check_draws(audit, period, price);
}

static int check_period(void *context, const struct mtr_charge_period *period)
{
    struct audit *audit = context;
    struct mtr_period_price price;
    bool pending;
    audit->subscription = mtr_billing_period_phase(audit->subscription, period->start_us);
    audit->counts->periods++;
    const uint32_t number = period->subscription;
    int rc = mtr_charges_is_ordered(audit->charges, number, period->start_us, &audit->is_ordered);
    if (!rc) rc = mtr_charges_walk_lines(audit->charges, number, period->start_us, check_line, audit);
    if (rc) return rc;
    if (period->problem) return report_waiting(audit, period);
    rc = is_pending(audit, period, &pending);
    if (rc) return rc;
    audit->is_to_be_scanned = false;
    const bool was_over = period->close_due_us == INT64_MAX; /* when it was rated */
    if (!pending) rc = price_period(audit, period, was_over, check_price, &price);
    if (audit->stopped || rc == MTR_ECORRUPT || rc == MTR_EIO) return audit->stopped ? audit->stopped : rc;
    if (rc) return report_problem(audit, period, mtr_period_problem_text(&price, rc));
    audit->counts->pending += pending || audit->is_to_be_scanned;
    return MTR_OK;
}

/* ---- usage that no period charges ---- */

struct stray {
    uint64_t cells;
    int64_t first_us;
};

static int on_stray_cell(void *context, const struct mtr_cell_key *key, const struct mtr_cell *cell)
{
    struct stray *stray = context;
    if (cell->count && !stray->cells++) stray->first_us = key->start_us;
    return MTR_OK;
}

static int check_stray(struct audit *audit, const struct mtr_meter *meter, int64_t from_us, int64_t to_us,
                       enum mtr_finding_code code)
{
    struct stray stray = {0};
    char text[160];
    if (from_us >= to_us) return MTR_OK;
    const struct mtr_cell_range range = {audit->subscription->number, meter->number, from_us, to_us};
    int rc = mtr_rollups_walk_cells(audit->rollups, &range, on_stray_cell, &stray);
    if (rc || !stray.cells) return rc;
    int size = snprintf(text, sizeof(text), "usage of %llu cell%s %s and is not charged",
                        (unsigned long long)stray.cells, mtr_plural(stray.cells),
                        code == MTR_FINDING_AUDIT_NO_TARIFF ? "lies before the first version of the tariff"
                                                    : "lies outside the subscription's term");
    const struct mtr_audit_finding finding = {
        .code = code,
        .subscription = audit->subscription->key,
        .period_start_us = mtr_time_second(stray.first_us),
        .component = meter->key,
        .text = {text, (size_t)size},
    };
    return report(audit, &finding);
}

/* Use of a phase before the first version of its tariff. */
static int check_tariff(struct audit *audit, const struct mtr_subscription *phase,
                        const struct mtr_meter *meter)
{
    const struct mtr_tariff_document *tariff = phase->tariff;
    int64_t priced_us = tariff->version_count ? mtr_tariff_version_start(&tariff->versions[0], phase->zone)
                                              : phase->end_us;
    priced_us = mtr_time_sooner(mtr_time_sooner(priced_us, phase->end_us), MTR_TIME_US_MAX);
    const int64_t charged_us = phase->trial_stops ? priced_us : phase->trial_end_us;
    if (priced_us <= phase->start_us) return MTR_OK;
    return check_stray(audit, meter, charged_us, priced_us, MTR_FINDING_AUDIT_NO_TARIFF);
}

static int check_usage(struct audit *audit)
{
    const struct mtr_subscription *first = mtr_subscription_phase(audit->subscription, 0);
    const int64_t ends_us = mtr_subscription_ends_us(first);
    const struct mtr_meter *meter;
    for (uint32_t position = 0;
         (meter = mtr_catalog_next_meter(audit->catalog, first->service, &position)) != NULL;) {
        int rc = check_stray(audit, meter, 0, first->start_us, MTR_FINDING_AUDIT_OUTSIDE_TERM);
        if (!rc) rc = check_stray(audit, meter, ends_us, MTR_TIME_US_MAX, MTR_FINDING_AUDIT_OUTSIDE_TERM);
        for (uint32_t k = 0; !rc && k < mtr_subscription_phase_count(first); k++)
            rc = check_tariff(audit, mtr_subscription_phase(first, k), meter);
        if (rc) return rc;
    }
    return MTR_OK;
}

/* ---- chunks ---- */

static int on_feed(void *context, const struct mtr_feed_row *row)
{
    struct audit *audit = context;
    if (row->subscription >= audit->first && row->subscription < audit->first + CHUNK_SUBSCRIPTIONS)
        audit->in_feed[row->subscription - audit->first] = true;
    return MTR_OK;
}

static int check_chunk(struct audit *audit, uint32_t count)
{
    struct mtr_charges_cursor cursor;
    uint64_t next_seq = 0, change = 0;
    memset(audit->in_feed, 0, sizeof(audit->in_feed));
    int rc = mtr_charges_get_cursor(audit->charges, &cursor);
    if (!rc) rc = mtr_rollups_get_cursor(audit->rollups, &next_seq, &audit->watermark_us, &change);
    if (!rc) rc = mtr_rollups_walk_feed(audit->rollups, cursor.change, on_feed, audit);
    if (rc) return rc;
    audit->scanning =
        cursor.scan_subscription != 0 || cursor.scan_version != mtr_catalog_version(audit->catalog);
    for (uint32_t i = audit->first; i < audit->first + CHUNK_SUBSCRIPTIONS && i <= count && !rc; i++) {
        audit->subscription = mtr_catalog_subscription(audit->catalog, i);
        if (!audit->subscription) continue;
        audit->counts->subscriptions++;
        rc = mtr_charges_walk_periods(audit->charges, i, INT64_MIN, check_period, audit);
        if (!rc) rc = check_usage(audit);
    }
    return rc;
}

int mtr_rater_audit(const struct mtr_audit_of *of, const struct mtr_rater_options *options,
                    mtr_audit_on_finding on_finding, void *context, struct mtr_audit_counts *counts)
{
    struct audit audit = {
        .catalog = of->catalog, .options = options, .on_finding = on_finding, .context = context, .first = 1};
    struct mtr_audit_counts counted = {0};
    const uint32_t count = mtr_catalog_count(of->catalog, MTR_KIND_SUBSCRIPTION);
    int rc = MTR_OK;
    audit.counts = &counted;
    audit.lines_max = rater_lines_at_once(options->memory_bytes_max);
    mtr_arena_init(&audit.arena, ARENA_CHUNK_BYTES, options->memory_bytes_max);
    for (; audit.first <= count && !rc; audit.first += CHUNK_SUBSCRIPTIONS) {
        rc = mtr_charges_begin(of->charges, false, &audit.charges);
        if (rc) break;
        rc = mtr_rollups_begin(of->rollups, false, &audit.rollups);
        if (!rc) {
            rc = check_chunk(&audit, count);
            mtr_rollups_abort(audit.rollups);
        }
        mtr_charges_abort(audit.charges);
    }
    mtr_arena_release(&audit.arena);
    rater_release_sums(&audit.sums);
    if (!rc) *counts = counted;
    return rc;
}
