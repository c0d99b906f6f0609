/*
 * The law of quotes: what a period used, handed in as rows of a request, costs exactly what was emitted of
 * the period.
 *
 * The rows go through the same source as those of POST /v1/price (daemon/query/quote/quote_use.c), and the price
 * through the rater's kernel. A request cannot say everything that a subscription is (scenario_request.c asks
 * what it can), so the kernel is asked here in C, about every period, with the stored subscription and the
 * charges store as the ledger:
 *   pools of a customer, what an account's other subscriptions came to: of the subscription, which a request
 *     makes up;
 *   unique values: a row has their number, not the values, and numbers do not tell what two hours have in
 *     common;
 *   what a subscription begins with of a level;
 *   use of the customer's other subscriptions, and what a trial's tariff prices: a request has one
 *     subscription and one tariff.
 * The last three are read from the rollups; everything else is read from the rows.
 */
#include "scenario/scenario_request.h"

#include <inttypes.h>

#include "daemon/query/quote/quote_use.h"
#include "meterd/rater/billing_period.h"
#include "meterd/rater/readings.h"

enum { QUOTE_ARENA_CHUNK = 1 << 16, QUOTE_ARENA_BYTES_MAX = 256 << 20, ROWS_MAX = 1 << 16, LINES_MAX = 4096 };

struct quoting {
    struct scenario *scenario;
    struct mtr_arena arena; /* of one subscription */
    struct mtr_arena price;
    struct mtr_rollups_use rollups;
    struct mtr_charges_txn *charges;
    const struct mtr_subscription *subscription;
    struct mtr_tariff_document tariff, cost;
    const struct mtr_meter *meter; /* being read */
    struct mtr_readings_question readings; /* of it */
    struct scenario_use *uses;
    uint32_t use_count;
    bool has_unique; /* unique values were priced */
    struct quote_row *rows;
    uint32_t row_count;
    struct quote_use *use;
    struct mtr_diagnostics findings;
};

/* ---- rows out of the rollups ---- */

static struct mtr_list labels_of(struct quoting *quoting, struct mtr_str dimensions)
{
    const struct mtr_meter *meter = quoting->meter;
    struct mtr_label *labels = mtr_arena_calloc(&quoting->arena, meter->group_by_count + 1, sizeof(*labels));
    assert_non_null(labels);
    for (uint32_t i = 0; i < meter->group_by_count; i++) {
        const char *end = memchr(dimensions.data, 0x1F, dimensions.size);
        assert_non_null(end);
        const size_t size = (size_t)(end - dimensions.data);
        labels[i].name = meter->group_by[i];
        assert_int_equal(
            mtr_arena_copy(&quoting->arena, (struct mtr_str){dimensions.data, size}, &labels[i].value),
            MTR_OK);
        dimensions = (struct mtr_str){end + 1, dimensions.size - size - 1};
    }
    return (struct mtr_list){labels, meter->group_by_count};
}

static void add_use(struct quoting *quoting, struct mtr_str dimensions, int64_t time_us, uint64_t seq,
                    struct mtr_quantity quantity)
{
    CHECK(quoting->scenario, quoting->use_count < ROWS_MAX, "too many rows");
    quoting->uses[quoting->use_count++] =
        (struct scenario_use){quoting->meter, time_us, seq, quantity, labels_of(quoting, dimensions)};
}

struct reading {
    struct quoting *quoting;
    struct mtr_str dimensions;
};

static int on_point(void *context, const struct mtr_point *point)
{
    const struct reading *reading = context;
    add_use(reading->quoting, reading->dimensions, point->time_us, point->seq, point->quantity);
    return MTR_OK;
}

static bool is_priced(const struct quoting *quoting, const struct mtr_meter *meter)
{
    for (uint32_t i = 0; i < mtr_subscription_phase_count(quoting->subscription); i++)
        if (scenario_is_priced(mtr_subscription_phase(quoting->subscription, i), meter)) return true;
    return false;
}

/* What the cell's meter was told, as far as it was kept: events, the last one, or what they came to. */
static int on_cell(void *context, const struct mtr_cell_key *key, const struct mtr_cell *cell)
{
    struct quoting *quoting = context;
    const struct mtr_meter *meter = quoting->meter;
    struct mtr_member member;
    struct mtr_point point;
    struct reading reading = {quoting, key->dimensions};
    if (cell->count && meter->aggregation == MTR_UNIQUE && is_priced(quoting, meter))
        quoting->has_unique = true;
    if (!cell->count || meter->aggregation == MTR_UNIQUE || meter->aggregation == MTR_TIME_WEIGHTED)
        return MTR_OK;
    if (meter->keep_events)
        return mtr_rollups_walk_points(quoting->rollups.txn, key, INT64_MIN, INT64_MAX, on_point, &reading);
    if (meter->aggregation != MTR_LAST) {
        struct mtr_quantity quantity = cell->value;
        if (key->start_us >= mtr_subscription_begun_us(quoting->subscription))
            CHECK_OK(quoting->scenario, mtr_readings_in_term(&quoting->readings, key, &quantity));
        add_use(quoting, key->dimensions, key->start_us, 0, quantity);
        return MTR_OK;
    }
    CHECK_OK(quoting->scenario, mtr_rollups_last_member(quoting->rollups.txn, key, &member));
    CHECK_OK(quoting->scenario, mtr_point_decode(member.member, &point));
    return on_point(&reading, &point);
}

static void read_levels(struct quoting *quoting)
{
    struct mtr_rollups_txn *txn = quoting->rollups.txn;
    const uint32_t subscription = quoting->subscription->number, meter = quoting->meter->number;
    const struct mtr_str *after = NULL;
    struct reading reading = {quoting, {NULL, 0}};
    while (!mtr_rollups_next_list(txn, subscription, meter, MTR_CELL_ALL_HOURS, after, &reading.dimensions)) {
        const struct mtr_cell_key key = {subscription, meter, MTR_CELL_ALL_HOURS, reading.dimensions};
        CHECK_OK(quoting->scenario,
                 mtr_rollups_walk_points(txn, &key, INT64_MIN, INT64_MAX, on_point, &reading));
        after = &reading.dimensions;
    }
}

/* Of equal times the later in the log is the later one; qsort keeps no order by itself. */
static int compare_uses(const void *a, const void *b)
{
    const struct scenario_use *x = a, *y = b;
    if (x->time_us != y->time_us) return x->time_us < y->time_us ? -1 : 1;
    return (x->seq > y->seq) - (x->seq < y->seq);
}

/* To a request what a level begins with is a report at the start. */
static void add_openings(struct quoting *quoting)
{
    const struct mtr_subscription *subscription = quoting->subscription;
    for (uint32_t i = 0; i < subscription->opening_count; i++) {
        const struct mtr_opening *opening = &subscription->openings[i];
        quoting->meter = opening->meter;
        if (opening->meter->aggregation == MTR_TIME_WEIGHTED)
            add_use(quoting, opening->dimensions, subscription->start_us, 0, opening->value);
    }
}

static void read_uses(struct quoting *quoting)
{
    const struct mtr_catalog *catalog = quoting->rollups.catalog;
    quoting->uses = mtr_arena_calloc(&quoting->arena, ROWS_MAX, sizeof(*quoting->uses));
    assert_non_null(quoting->uses);
    quoting->use_count = 0;
    quoting->has_unique = false;
    for (uint32_t i = 1; i <= mtr_catalog_count(catalog, MTR_KIND_METER); i++) {
        quoting->meter = mtr_catalog_meter(catalog, i);
        if (!quoting->meter || quoting->meter->service != quoting->subscription->service) continue;
        if (quoting->meter->aggregation == MTR_TIME_WEIGHTED) read_levels(quoting);
        const struct mtr_cell_range range = {quoting->subscription->number, i, 0, MTR_TIME_US_MAX};
        quoting->readings =
            (struct mtr_readings_question){.source = &mtr_use_of_rollups,
                                           .source_context = &quoting->rollups,
                                           .stream = {.subscription = quoting->subscription,
                                                      .meter = quoting->meter}};
        CHECK_OK(quoting->scenario, mtr_readings_begin(&quoting->readings));
        CHECK_OK(quoting->scenario, mtr_rollups_walk_cells(quoting->rollups.txn, &range, on_cell, quoting));
    }
    add_openings(quoting);
    qsort(quoting->uses, quoting->use_count, sizeof(*quoting->uses), compare_uses);
}

static bool is_row(const struct quoting *quoting, uint32_t first, struct mtr_str component)
{
    for (uint32_t i = first; i < quoting->row_count; i++)
        if (mtr_str_equal(quoting->rows[i].component, component)) return true;
    return false;
}

static void add_rows_of(struct quoting *quoting, const struct scenario_use *use,
                        const struct mtr_tariff_document *tariff, uint32_t first)
{
    for (uint32_t i = 0; i < tariff->version_count; i++) {
        for (uint32_t j = 0; j < tariff->versions[i].component_count; j++) {
            const struct mtr_component *component = &tariff->versions[i].components[j];
            for (uint32_t k = 0; k < component->input_count; k++) {
                if (!mtr_meter_has_name(use->meter, component->inputs[k]) ||
                    is_row(quoting, first, component->key))
                    continue;
                CHECK(quoting->scenario, quoting->row_count < ROWS_MAX, "too many rows");
                quoting->rows[quoting->row_count++] = (struct quote_row){.component = component->key,
                                                                               .of_meter = true,
                                                                               .meter = use->meter->key,
                                                                               .quantity = use->quantity,
                                                                               .dimensions = use->dimensions,
                                                                               .has_time = true,
                                                                               .time_us = use->time_us};
            }
        }
    }
}

/* A row for every component that prices the meter, as a request's row without one becomes. */
static void make_rows(struct quoting *quoting)
{
    quoting->rows = mtr_arena_calloc(&quoting->arena, ROWS_MAX, sizeof(*quoting->rows));
    assert_non_null(quoting->rows);
    quoting->row_count = 0;
    for (uint32_t i = 0; i < quoting->use_count; i++) {
        const uint32_t first = quoting->row_count;
        add_rows_of(quoting, &quoting->uses[i], &quoting->tariff, first);
        add_rows_of(quoting, &quoting->uses[i], &quoting->cost, first);
    }
}

/* ---- the source: rows, and the rollups for what rows cannot say ---- */

static bool is_of_trial(const struct mtr_subscription *subscription, const struct mtr_component *component)
{
    const struct mtr_tariff_document *trial = subscription->trial_tariff;
    for (uint32_t i = 0; trial && trial != subscription->tariff && i < trial->version_count; i++) {
        const struct mtr_tariff_version *version =
            mtr_tariff_version_for(&trial->versions[i], subscription->key, subscription->customer);
        if (component >= version->components && component < version->components + version->component_count)
            return true;
    }
    return false;
}

/* A request's rows begin at nothing. */
static bool has_opening(const struct mtr_subscription *subscription, const struct mtr_meter *meter)
{
    for (uint32_t i = 0; i < subscription->opening_count; i++)
        if (subscription->openings[i].meter == meter) return true;
    return false;
}

static bool is_said(const struct quoting *quoting, const struct mtr_component *component, uint32_t input)
{
    const struct mtr_meter *meter =
        mtr_catalog_find_meter(quoting->rollups.catalog, component->inputs[input]);
    return meter->aggregation != MTR_UNIQUE && !has_opening(quoting->subscription, meter) &&
           !is_of_trial(quoting->subscription, component);
}

static bool is_in_rows(const struct quoting *quoting, const struct mtr_use_stream *stream)
{
    return stream->subscription == quoting->subscription &&
           is_said(quoting, stream->component, stream->input);
}

static const struct mtr_meter *find_meter(void *context, const struct mtr_component *component,
                                          uint32_t input)
{
    struct quoting *quoting = context;
    return is_said(quoting, component, input) ? quote_use_source.meter(quoting->use, component, input)
                                              : mtr_use_of_rollups.meter(&quoting->rollups, component, input);
}

static int walk_cells(void *context, const struct mtr_use_stream *stream, struct mtr_period range,
                      mtr_rollups_on_cell hook, void *hook_context)
{
    struct quoting *quoting = context;
    return is_in_rows(quoting, stream)
               ? quote_use_source.cells(quoting->use, stream, range, hook, hook_context)
               : mtr_use_of_rollups.cells(&quoting->rollups, stream, range, hook, hook_context);
}

/* Cells of rows are of no subscription. */
static int find_last(void *context, const struct mtr_cell_key *key, struct mtr_point *out)
{
    struct quoting *quoting = context;
    return key->subscription ? mtr_use_of_rollups.last(&quoting->rollups, key, out)
                             : quote_use_source.last(quoting->use, key, out);
}

static int walk_members(void *context, const struct mtr_cell_key *key, mtr_rollups_on_member hook,
                        void *hook_context)
{
    return mtr_use_of_rollups.members(&((struct quoting *)context)->rollups, key, hook, hook_context);
}

static int walk_events(void *context, const struct mtr_cell_key *key, mtr_rollups_on_point hook,
                       void *hook_context)
{
    struct quoting *quoting = context;
    return key->subscription ? mtr_use_of_rollups.events(&quoting->rollups, key, hook, hook_context)
                             : quote_use_source.events(quoting->use, key, hook, hook_context);
}

static int next_list(void *context, const struct mtr_use_stream *stream, const struct mtr_str *after,
                     struct mtr_str *dimensions)
{
    struct quoting *quoting = context;
    return is_in_rows(quoting, stream)
               ? quote_use_source.next_list(quoting->use, stream, after, dimensions)
               : mtr_use_of_rollups.next_list(&quoting->rollups, stream, after, dimensions);
}

static int point_before(void *context, const struct mtr_use_stream *stream, struct mtr_str list,
                        int64_t time_us, struct mtr_point *out)
{
    struct quoting *quoting = context;
    return is_in_rows(quoting, stream)
               ? quote_use_source.point_before(quoting->use, stream, list, time_us, out)
               : mtr_use_of_rollups.point_before(&quoting->rollups, stream, list, time_us, out);
}

static int walk_points(void *context, const struct mtr_use_stream *stream,
                       const struct mtr_use_points *wanted, mtr_rollups_on_point hook, void *hook_context)
{
    struct quoting *quoting = context;
    return is_in_rows(quoting, stream)
               ? quote_use_source.points(quoting->use, stream, wanted, hook, hook_context)
               : mtr_use_of_rollups.points(&quoting->rollups, stream, wanted, hook, hook_context);
}

static const struct mtr_use_source rows_and_rollups = {.meter = find_meter,
                                                       .cells = walk_cells,
                                                       .last = find_last,
                                                       .members = walk_members,
                                                       .events = walk_events,
                                                       .next_list = next_list,
                                                       .point_before = point_before,
                                                       .points = walk_points};

/* ---- the law ---- */

/* The tariff as it is for the subscription. Rows from before its first version are asked about, too:
 * levels and contract terms begin there. */
static void open_tariff(struct quoting *quoting, const struct mtr_tariff_document *tariff,
                        struct mtr_tariff_document *out)
{
    const struct mtr_tariff_party party = {
        {NULL, 0}, quoting->subscription->key, quoting->subscription->customer};
    *out = (struct mtr_tariff_document){0};
    if (!tariff) return;
    CHECK_OK(quoting->scenario, mtr_tariff_for(tariff, &party, &quoting->arena, out));
    if (!out->version_count) return;
    out->versions[0].from_is_date = false;
    out->versions[0].from_us = 0;
}

static void open_use(struct quoting *quoting)
{
    open_tariff(quoting, quoting->subscription->tariff, &quoting->tariff);
    open_tariff(quoting, quoting->subscription->cost_tariff, &quoting->cost);
    read_uses(quoting);
    make_rows(quoting);
    struct quote_phase phase = {.of = {&quoting->tariff, &quoting->cost}};
    const struct quote_use_options options = {.rows = quoting->rows,
                                              .row_count = quoting->row_count,
                                              .phases = {&phase, 1, 1},
                                              .catalog = quoting->rollups.catalog,
                                              .subscription = quoting->subscription};
    int rc = quote_use_open(&options, &quoting->arena, &quoting->findings, &quoting->use);
    CHECK(quoting->scenario, !rc, "%d: %s", rc,
          quoting->findings.count ? quoting->findings.items[0].text : "");
}

struct emitted {
    struct mtr_money amounts[LINES_MAX], costs[LINES_MAX];
    const char *keys[LINES_MAX];
    uint32_t count;
    struct quoting *quoting;
};

static char *line_key(struct quoting *quoting, const struct mtr_charge_line *line)
{
    const struct line_identity identity = {.subscription = quoting->subscription->key,
                                           .period_us = mtr_time_second(line->period_start_us),
                                           .part_us = line->part_start_us,
                                           .component = line->component,
                                           .kind = line->kind,
                                           .dimensions = line->dimensions,
                                           .currency = line->currency};
    return scenario_line_key(quoting->scenario, &identity);
}

/* The count: none has it. */
static uint32_t find_key(const struct emitted *emitted, const char *key)
{
    uint32_t at = 0;
    while (at < emitted->count && strcmp(emitted->keys[at], key) != 0) at++;
    return at;
}

/* Lines that differ in their customer alone are one: a former one got back what he was charged. */
static int on_line(void *context, const struct mtr_charge_line *line)
{
    struct emitted *emitted = context;
    struct scenario *scenario = emitted->quoting->scenario;
    char *key = line_key(emitted->quoting, line);
    const uint32_t at = find_key(emitted, key);
    if (at == emitted->count) {
        CHECK(scenario, emitted->count < LINES_MAX, "too many lines");
        emitted->keys[at] = key;
        emitted->amounts[at] = emitted->costs[at] = (struct mtr_money){0};
        emitted->count++;
    }
    CHECK_OK(scenario, mtr_money_add(emitted->amounts[at], line->emitted, &emitted->amounts[at]));
    CHECK_OK(scenario, mtr_money_add(emitted->costs[at], line->cost, &emitted->costs[at]));
    return MTR_OK;
}

/* Takes what the quote says off what was emitted of its line. */
static void take_off(struct emitted *emitted, const struct mtr_period_line *line)
{
    struct scenario *scenario = emitted->quoting->scenario;
    const char *key = line_key(emitted->quoting, &line->identity);
    const uint32_t at = find_key(emitted, key);
    CHECK(scenario, at < emitted->count || (!line->amount.e18 && !line->cost.e18),
          "quoted, and never emitted: %s", key);
    if (at == emitted->count) return;
    CHECK_OK(scenario, mtr_money_sub(emitted->amounts[at], line->amount, &emitted->amounts[at]));
    CHECK_OK(scenario, mtr_money_sub(emitted->costs[at], line->cost, &emitted->costs[at]));
    scenario_seen[SEEN_QUOTED_LINE]++;
}

static int on_period(void *context, const struct mtr_charge_period *period)
{
    struct quoting *quoting = context;
    struct scenario *scenario = quoting->scenario;
    static struct emitted emitted;
    struct mtr_period_price priced;
    const struct mtr_rating rating = {.source = &rows_and_rollups,
                                      .source_context = quoting,
                                      .ledger = &mtr_ledger_of_charges,
                                      .ledger_context = quoting->charges,
                                      .catalog = quoting->rollups.catalog,
                                      .closing = period->status == MTR_PERIOD_FINAL &&
                                                 period->close_due_us == INT64_MAX,
                                      .arena = &quoting->price};
    if (period->problem) return MTR_OK; /* nothing was emitted for what it uses now */
    emitted.count = 0;
    emitted.quoting = quoting;
    mtr_arena_reset(&quoting->price);
    CHECK_OK(scenario, mtr_charges_walk_lines(quoting->charges, period->subscription, period->start_us,
                                              on_line, &emitted));
    CHECK_OK(scenario,
             mtr_billing_period_price(&rating, quoting->subscription, period->start_us, &priced));
    for (uint32_t i = 0; i < priced.line_count; i++) take_off(&emitted, &priced.lines[i]);
    for (uint32_t i = 0; i < emitted.count; i++)
        CHECK(scenario, !emitted.amounts[i].e18 && !emitted.costs[i].e18,
              "the quote and what was emitted differ: %s", emitted.keys[i]);
    return MTR_OK;
}

void scenario_quote_laws(struct scenario *scenario)
{
    const struct stores *stores = &scenario->stores;
    struct quoting quoting = {.scenario = scenario, .rollups = {NULL, stores->catalog}};
    mtr_arena_init(&quoting.arena, QUOTE_ARENA_CHUNK, QUOTE_ARENA_BYTES_MAX);
    mtr_arena_init(&quoting.price, QUOTE_ARENA_CHUNK, QUOTE_ARENA_BYTES_MAX);
    mtr_diagnostics_init(&quoting.findings, 4);
    CHECK_OK(scenario, mtr_charges_begin(stores->charges, false, &quoting.charges));
    CHECK_OK(scenario, mtr_rollups_begin(stores->rollups, false, &quoting.rollups.txn));
    for (uint32_t i = 1; i <= mtr_catalog_count(stores->catalog, MTR_KIND_SUBSCRIPTION); i++) {
        quoting.subscription = mtr_catalog_subscription(stores->catalog, i);
        mtr_arena_reset(&quoting.arena);
        if (quoting.subscription->phases) read_uses(&quoting); /* rows by component are of one tariff */
        else open_use(&quoting);
        if (!quoting.subscription->phases)
            CHECK_OK(scenario, mtr_charges_walk_periods(quoting.charges, i, INT64_MIN, on_period, &quoting));
        const struct scenario_used used = {quoting.subscription, quoting.uses, quoting.use_count,
                                           quoting.has_unique};
        scenario_request_law(scenario, &used, quoting.charges);
    }
    mtr_rollups_abort(quoting.rollups.txn);
    mtr_charges_abort(quoting.charges);
    mtr_diagnostics_release(&quoting.findings);
    mtr_arena_release(&quoting.price);
    mtr_arena_release(&quoting.arena);
}
