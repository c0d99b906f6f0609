/*
 * The law of price requests: a subscription's use, written down as the JSON that a client would send to
 * POST /v1/price, costs period by period what was emitted: every line, its cost, and the totals.
 *
 * The request holds all that is asked about (tariffs and meters as they are stored, zone, currency, whose it
 * is, start, end, billing and trial, rows, credits), and is answered without a catalog: the subscription, its
 * ledger and its credits are the quote's own. One request has the use of one subscription, from its start to
 * its end or its last row.
 *
 * A subscription that changes, or begins with something, is asked about as it is: by its key, of the run's
 * catalog, with its use alone.
 *
 * What a request cannot say, so that a subscription is not asked about:
 *   unique values that are priced: a row has their number, not the values;
 *   a customer's other subscriptions of the tariff, where it counts across them or limits the account;
 *   credits that other subscriptions draw on, too, and one that begins behind the first period;
 *   a span across the date of a retired meter: its rows are cells;
 *   use from before the first version of the tariff, and a level from before the subscription's start.
 * Nor is a period that
 *   lies behind the last row of a subscription without an end: a request ends there;
 *   follows one that is left out, where pools or terms go on (credits, allowances that roll over, limits over
 *     several periods);
 *   is a draft: a request of rows with times closes its periods.
 * The run's catalog has no rates of exchange.
 */
#include "scenario/scenario_asking.h"

#include "meterd/core/document.h"
#include "meterd/query/quote.h"
#include "meterd/rater/billing_period.h"

enum { TEXT_BYTES_MAX = 4 << 20, ARENA_CHUNK = 1 << 16, ARENA_BYTES_MAX = 256 << 20 };

/* ---- can it be said? ---- */

/* The start of the billing period that holds a moment of the subscription's time. */
static int64_t period_start_of(const struct asking *asking, int64_t time_us)
{
    int64_t end_us;
    return mtr_billing_period_start(mtr_subscription_at(asking->subscription, time_us), time_us, &end_us);
}

static bool goes_on(const struct mtr_tariff_document *tariff)
{
    for (uint32_t i = 0; i < tariff->version_count; i++)
        for (uint32_t j = 0; j < tariff->versions[i].allowance_count; j++)
            if (tariff->versions[i].allowances[j].rollover) return true;
    return tariff->has_term;
}

/* In each phase, at each use? */
static bool has_versions(const struct asking *asking)
{
    for (uint32_t i = asking->first; i < asking->end; i++) {
        const int64_t time_us = asking->used->uses[i].time_us;
        const struct mtr_subscription *phase = mtr_subscription_at(asking->subscription, time_us);
        if (!mtr_tariff_version_at(phase->tariff, phase->zone, time_us)) return false;
    }
    return true;
}

/* Leaves out what was used before the subscription began, or behind its end. False: what was before counts,
 * or nothing is left. */
static bool find_rows(struct asking *asking)
{
    const struct mtr_subscription *subscription = asking->subscription;
    const struct scenario_use *uses = asking->used->uses;
    for (uint32_t i = 0; i < asking->used->count; i++) {
        const int64_t time_us = uses[i].time_us;
        if (!scenario_is_row(asking, i)) continue;
        if (time_us >= mtr_subscription_ends_us(subscription)) break;
        if (time_us >= mtr_meter_retired_us(uses[i].meter)) return false; /* the rest of a span */
        if (time_us < subscription->start_us) {
            if (uses[i].meter->aggregation == MTR_TIME_WEIGHTED) return false;
            asking->first = i + 1;
            continue;
        }
        if (asking->end <= asking->first) asking->first = i;
        asking->end = i + 1;
    }
    return asking->end > asking->first && has_versions(asking);
}

static bool is_shared(const struct asking *asking, struct mtr_str customer)
{
    const struct mtr_catalog *catalog = asking->scenario->stores.catalog;
    uint32_t count = 0;
    for (uint32_t i = 1; i <= mtr_catalog_count(catalog, MTR_KIND_SUBSCRIPTION); i++)
        count += mtr_subscription_is_of_customer(mtr_catalog_subscription(catalog, i), customer);
    return count > 1;
}

static bool find_credits(struct asking *asking)
{
    const struct mtr_credit *credit;
    uint32_t position = 0;
    int64_t first_end_s;
    (void)mtr_billing_period_start(asking->subscription, asking->subscription->start_us, &first_end_s);
    while ((credit = mtr_catalog_next_credit(asking->scenario->stores.catalog, asking->subscription,
                                             &position)) != NULL) {
        if (!mtr_str_equal(credit->currency, asking->subscription->tariff->currency)) continue;
        if (is_shared(asking, asking->subscription->customer) || scenario_instant_of(asking, &credit->from) >= first_end_s) return false;
        CHECK(asking->scenario, credit->of_money && asking->credit_count < CREDITS_MAX, "not planned");
        asking->credits[asking->credit_count++] = credit;
    }
    const struct mtr_tariff_document *trial = asking->subscription->trial_tariff;
    asking->pools_go_on =
        asking->credit_count || scenario_trial_frees(asking->subscription) || goes_on(asking->subscription->tariff) || (trial && goes_on(trial));
    return true;
}

/* Of one that is asked about as it is all draw, whichever phase has them. */
static bool can_draw(struct asking *asking)
{
    for (uint32_t i = 0; i < mtr_subscription_phase_count(asking->subscription); i++) {
        const struct mtr_subscription *phase = mtr_subscription_phase(asking->subscription, i);
        uint32_t position = 0;
        const bool draws =
            mtr_catalog_next_credit(asking->scenario->stores.catalog, phase, &position) != NULL;
        if (phase->peer_count > 1 || (draws && is_shared(asking, phase->customer))) return false;
        asking->pools_go_on = asking->pools_go_on || draws || scenario_trial_frees(phase) ||
                              goes_on(phase->tariff) || (phase->trial_tariff && goes_on(phase->trial_tariff));
    }
    return true;
}

static bool can_be_asked(struct asking *asking)
{
    if (asking->used->has_unique || !find_rows(asking)) return false;
    return asking->is_whole ? can_draw(asking)
                            : asking->subscription->peer_count <= 1 && find_credits(asking);
}

/* ---- what was emitted of it ---- */

static void add(struct asking *asking, struct differences *differences, const struct line_identity *identity,
                struct mtr_money money)
{
    const char *key = scenario_line_key(asking->scenario, identity);
    struct difference *item = differences->items;
    while (item < differences->items + differences->count && strcmp(item->key, key) != 0)
        item++;
    if (item == differences->items + differences->count) {
        CHECK(asking->scenario, differences->count < SUMS_MAX, "too many lines");
        *item = (struct difference){.key = key};
        differences->count++;
    }
    CHECK_OK(asking->scenario, mtr_money_add(item->left, money, &item->left));
}

/* An answer does not tell the part of a line that is cost alone, and what rounding adds to costs only in its
 * own total: costs are compared by period. */
static void add_cost(struct asking *asking, struct line_identity identity, struct mtr_money cost)
{
    if (mtr_str_equal(identity.kind, MTR_STR("rounding"))) return;
    identity.part_us = identity.period_us;
    add(asking, &asking->costs, &identity, cost);
}

static int on_line(void *context, const struct mtr_charge_line *line)
{
    struct asking *asking = context;
    const struct line_identity identity = {.subscription = asking->subscription->key,
                                           .period_us = mtr_time_second(line->period_start_us),
                                           .part_us = line->part_start_us,
                                           .component = line->component,
                                           .kind = line->kind,
                                           .dimensions = line->dimensions};
    add(asking, &asking->amounts, &identity, line->emitted);
    add_cost(asking, identity, line->cost);
    CHECK_OK(asking->scenario, mtr_money_add(asking->cost, line->cost, &asking->cost));
    return MTR_OK;
}

static int on_period(void *context, const struct mtr_charge_period *period)
{
    struct asking *asking = context;
    const struct mtr_subscription *subscription =
        mtr_billing_period_phase(asking->subscription, period->start_us);
    const int64_t start_us = mtr_billing_period_instant(subscription, period->start_us);
    const bool exists = subscription->start_us <= start_us && start_us < subscription->end_us &&
                        period_start_of(asking, start_us) == start_us;
    const bool is_closed = exists && period->status == MTR_PERIOD_FINAL &&
                           period->close_due_us == INT64_MAX && !period->problem;
    scenario_seen[SEEN_CLOSED_PERIOD] += is_closed;
    if (!asking->can_be_asked) return MTR_OK;
    const int64_t last_us = asking->used->uses[asking->end - 1].time_us;
    const bool is_answered = mtr_subscription_ends_us(subscription) < INT64_MAX || start_us <= last_us;
    if (asking->pools_go_on && (!is_closed || !is_answered)) asking->is_broken_off = true;
    if (!is_closed || !is_answered || asking->is_broken_off) return MTR_OK;
    CHECK(asking->scenario, asking->period_count < PERIODS_MAX, "too many periods");
    asking->periods[asking->period_count++] = (struct mtr_period){start_us, mtr_time_sooner(period->end_us, subscription->end_us)};
    return mtr_charges_walk_lines(asking->charges, period->subscription, period->start_us, on_line, asking);
}

/* ---- what is answered ---- */

static struct mtr_money money_of(struct asking *asking, const struct mtr_node *node, const char *name)
{
    struct mtr_money money = {0};
    const struct mtr_str text = mtr_node_text(node, name);
    if (text.size) CHECK_OK(asking->scenario, mtr_money_parse(text, &money));
    return money;
}

static int64_t start_of(struct asking *asking, const struct mtr_node *node)
{
    int64_t time_us = 0;
    CHECK_OK(asking->scenario, mtr_time_parse(mtr_node_text(node, "from"), &time_us));
    return time_us;
}

static bool is_asked(const struct asking *asking, int64_t time_us)
{
    for (uint32_t i = 0; i < asking->period_count; i++)
        if (asking->periods[i].start_us <= time_us && time_us < asking->periods[i].end_us) return true;
    return false;
}

/* A request's credits have no first day: they are told by their number. */
static struct mtr_str dimensions_of(struct asking *asking, const struct mtr_node *line)
{
    const struct mtr_str text = scenario_dimensions(asking->scenario, line);
    for (uint32_t i = 0; i < asking->credit_count; i++)
        if (mtr_str_equal(text, mtr_str_from(scenario_format(asking->scenario, "credit=%u", i + 1))))
            return mtr_str_from(scenario_format(asking->scenario, "credit=%.*s",
                                                MTR_STR_ARGS(asking->credits[i]->from.text)));
    return text;
}

static struct line_identity identity_of(struct asking *asking, const struct mtr_node *line)
{
    const int64_t part_us = start_of(asking, line);
    return (struct line_identity){.subscription = asking->subscription->key,
                                  .period_us = mtr_time_second(period_start_of(asking, part_us)),
                                  .part_us = part_us,
                                  .component = mtr_node_text(line, "component"),
                                  .kind = mtr_node_text(line, "kind"),
                                  .dimensions = dimensions_of(asking, line)};
}

/* What the lines of a part do not come to, its rounding is. */
static struct line_identity rounding_of(struct asking *asking, const struct mtr_node *part)
{
    struct line_identity identity = identity_of(asking, part);
    identity.component = MTR_STR("tariff.rounding");
    identity.kind = MTR_STR("rounding");
    identity.dimensions = MTR_STR("");
    return identity;
}

static void take_line(struct asking *asking, const struct mtr_node *line)
{
    const struct mtr_money amount = money_of(asking, line, "amount");
    const struct line_identity identity = identity_of(asking, line), rounding = rounding_of(asking, line);
    if (!is_asked(asking, identity.part_us)) return;
    add(asking, &asking->amounts, &identity, (struct mtr_money){-amount.e18});
    add(asking, &asking->amounts, &rounding, amount);
    add_cost(asking, identity, (struct mtr_money){-money_of(asking, line, "cost").e18});
    scenario_seen[SEEN_ANSWERED_LINE]++;
}

/* Where there are several currencies, of all of them together. */
static struct mtr_money total_of(struct asking *asking, const struct mtr_node *answer, const char *name)
{
    const struct mtr_node *totals = mtr_node_get(answer, "totals");
    struct mtr_money sum = money_of(asking, answer, name);
    for (uint32_t i = 0; totals && i < totals->child_count; i++)
        CHECK_OK(asking->scenario, mtr_money_add(sum, money_of(asking, &totals->children[i], name), &sum));
    return sum;
}

/* Lines, then what each part comes to; both together are the total. */
static void take_answer(struct asking *asking, const struct mtr_node *answer)
{
    struct mtr_money total = total_of(asking, answer, "total");
    const struct mtr_node *lines = mtr_node_get(answer, "lines"), *parts = mtr_node_get(answer, "periods");
    bool is_all = true;
    CHECK(asking->scenario, lines && parts && parts->child_count, "an answer without lines or parts");
    for (uint32_t i = 0; i < lines->child_count; i++)
        take_line(asking, &lines->children[i]);
    for (uint32_t i = 0; i < parts->child_count; i++) {
        const struct mtr_money part = money_of(asking, &parts->children[i], "total");
        const struct line_identity rounding = rounding_of(asking, &parts->children[i]);
        CHECK_OK(asking->scenario, mtr_money_sub(total, part, &total));
        is_all = is_all && is_asked(asking, rounding.part_us);
        if (is_asked(asking, rounding.part_us))
            add(asking, &asking->amounts, &rounding, (struct mtr_money){-part.e18});
    }
    CHECK(asking->scenario, !total.e18, "the parts do not add up to the total");
    CHECK(asking->scenario, !is_all || mtr_money_compare(asking->cost, total_of(asking, answer, "cost")) == 0,
          "the costs do not add up to what was emitted");
}

/* ---- the law ---- */

static void check_differences(struct asking *asking, const struct differences *differences, const char *what)
{
    char left[MTR_DECIMAL_TEXT_BYTES];
    for (uint32_t i = 0; i < differences->count; i++) {
        mtr_money_format(differences->items[i].left, left);
        CHECK(asking->scenario, !differences->items[i].left.e18,
              "%s of %s: what was emitted less what the request is answered is %s", what,
              differences->items[i].key, left);
    }
}

static void ask(struct asking *asking)
{
    struct scenario *scenario = asking->scenario;
    struct mtr_diagnostics findings;
    struct mtr_document *document;
    struct mtr_diagnostic broken;
    const struct mtr_price_asker asker = {.catalog = asking->is_whole ? scenario->stores.catalog : NULL,
                                          .now_us = scenario->now_us};
    scenario_put_request(asking);
    mtr_diagnostics_init(&findings, 4);
    mtr_json_begin(&asking->json, &asking->answer);
    int rc = mtr_price_request_run(mtr_buffer_str(&asking->request), &asker, &asking->arena, &asking->json,
                                   &findings);
    CHECK(scenario, !rc, "%d: %s: %s", rc, findings.count ? findings.items[0].field : "",
          findings.count ? findings.items[0].text : "");
    CHECK_OK(scenario, mtr_json_finish(&asking->json));
    CHECK_OK(scenario, mtr_document_parse(mtr_buffer_str(&asking->answer), &document, &broken));
    take_answer(asking, mtr_document_root(document));
    mtr_document_close(document);
    mtr_diagnostics_release(&findings);
    check_differences(asking, &asking->amounts, "amount");
    check_differences(asking, &asking->costs, "cost");
    scenario_seen[SEEN_ANSWERED_PERIOD] += asking->period_count;
    scenario_seen[SEEN_REQUEST_TRIAL] += asking->subscription->trial_end_us > asking->subscription->start_us;
    scenario_seen[SEEN_REQUEST_FREED] += scenario_trial_frees(asking->subscription);
    scenario_seen[SEEN_REQUEST_CREDIT] += asking->credit_count;
    scenario_seen[SEEN_REQUEST_TERM] += asking->subscription->tariff->has_term;
    scenario_seen[SEEN_REQUEST_CHANGES] += asking->subscription->phases != NULL;
    scenario_seen[SEEN_REQUEST_OPENING] += asking->subscription->opening_count > 0;
}

void scenario_request_law(struct scenario *scenario, const struct scenario_used *used,
                          struct mtr_charges_txn *charges)
{
    struct asking *asking = calloc(1, sizeof(*asking));
    assert_non_null(asking);
    asking->scenario = scenario;
    asking->used = used;
    asking->subscription = used->subscription;
    asking->is_whole = used->subscription->phases || used->subscription->opening_count;
    asking->charges = charges;
    mtr_arena_init(&asking->arena, ARENA_CHUNK, ARENA_BYTES_MAX);
    mtr_buffer_init(&asking->request, TEXT_BYTES_MAX);
    mtr_buffer_init(&asking->answer, TEXT_BYTES_MAX);
    asking->can_be_asked = can_be_asked(asking);
    CHECK_OK(scenario,
             mtr_charges_walk_periods(charges, used->subscription->number, INT64_MIN, on_period, asking));
    if (asking->period_count) ask(asking);
    mtr_buffer_release(&asking->answer);
    mtr_buffer_release(&asking->request);
    mtr_arena_release(&asking->arena);
    free(asking);
}
