/*
 * What the bill should be: the naive usage, cut into periods and parts by the documents' words, and priced by
 * mtr_price; and what the same use costs, priced under the cost tariff in pieces of the parts.
 *
 * Written from rater.h, price.h and period.h. Shares with the rater only the price function, the zones and
 * the periods.
 */
#include "scenario/scenario.h"

#include <inttypes.h>

#include "meterd/tariff/price.h"

enum { PARTS_MAX = 32, PRICE_ARENA_BYTES = 64 << 20 };

struct part {
    const struct mtr_tariff_document *tariff;
    const struct mtr_tariff_version *version;
    int64_t start_us, end_us;
    uint32_t first, last; /* of the parts under this tariff: caps, fees and positions are theirs */
    struct mtr_period term; /* the version has limits of one */
};

struct side {
    struct part parts[PARTS_MAX];
    uint32_t count;
};

struct billing {
    struct scenario *scenario;
    const struct naive *naive;
    const struct mtr_subscription *subscription;
    struct mtr_period whole;
    int64_t start_us, end_us; /* of the period, within the subscription's term */
    struct side charged, costs;
    uint32_t first_line; /* of the period in the bill */
    bool closing;
    struct bill *bill;
    /* the same without pools of money and terms, in the order of subscriptions: what limits of accounts count */
    const struct bill *account;
    struct naive_pools *pools;  /* NULL: none */
    struct naive_terms *terms;  /* NULL: their limits are left out */
};

char *scenario_line_key(struct scenario *scenario, const struct line_identity *line)
{
    return scenario_format(scenario, "%.*s %" PRId64 " %" PRId64 " %.*s %.*s [%.*s] %.*s",
                           MTR_STR_ARGS(line->subscription), line->period_us, line->part_us,
                           MTR_STR_ARGS(line->component), MTR_STR_ARGS(line->kind),
                           MTR_STR_ARGS(line->dimensions), MTR_STR_ARGS(line->currency));
}

/* The subscription's own override, or its customer's, or the version. */
static const struct mtr_tariff_version *own_version(const struct mtr_subscription *subscription,
                                                    const struct mtr_tariff_version *version)
{
    const struct mtr_tariff_version *found = version;
    for (uint32_t i = 0; i < version->override_count; i++) {
        const struct mtr_tariff_override *override = &version->overrides[i];
        if (override->customer.size && mtr_str_equal(override->customer, subscription->customer) &&
            found == version)
            found = &override->version;
        if (override->subscription.size && mtr_str_equal(override->subscription, subscription->key))
            found = &override->version;
    }
    scenario_seen[SEEN_OVERRIDE] += found != version;
    return found;
}

/* The parts in [from, to) under a tariff. */
static void add_parts(const struct billing *billing, const struct mtr_tariff_document *tariff,
                      int64_t from_us, int64_t to_us, struct side *side)
{
    const struct mtr_subscription *subscription = billing->subscription;
    const uint32_t first = side->count;
    for (uint32_t i = 0; i < tariff->version_count; i++) {
        struct part part = {.tariff = tariff,
                            .version = own_version(subscription, &tariff->versions[i]),
                            .first = first,
                            .start_us = scenario_version_start(subscription, &tariff->versions[i]),
                            .end_us = to_us};
        if (i + 1 < tariff->version_count) {
            int64_t next_us = scenario_version_start(subscription, &tariff->versions[i + 1]);
            if (next_us < part.end_us) part.end_us = next_us;
        }
        if (part.start_us < from_us) part.start_us = from_us;
        const int64_t end_us = part.end_us;
        for (; part.start_us < end_us; part.start_us = part.end_us) { /* each is of one term */
            part.end_us = end_us;
            if (part.version->term.given) {
                part.term = scenario_term_at(subscription, tariff, part.version, part.start_us);
                if (part.term.end_us < end_us) part.end_us = part.term.end_us;
            }
            CHECK(billing->scenario, side->count < PARTS_MAX, "too many parts");
            side->parts[side->count++] = part;
        }
    }
    for (uint32_t i = first; i < side->count; i++) side->parts[i].last = side->count - 1;
}

static void find_parts(struct billing *billing)
{
    const struct mtr_subscription *subscription = billing->subscription;
    int64_t trial_end_us = subscription->trial_end_us;
    struct side *side = &billing->charged;
    side->count = 0;
    if (trial_end_us < billing->start_us) trial_end_us = billing->start_us;
    if (trial_end_us > billing->end_us) trial_end_us = billing->end_us;
    if (subscription->trial_tariff)
        add_parts(billing, subscription->trial_tariff, billing->start_us, trial_end_us, side);
    scenario_seen[SEEN_TRIAL_PART] += side->count;
    int64_t until_us = billing->end_us; /* of a trial that frees units or money, and stops */
    if (subscription->charged_until_us < until_us) until_us = subscription->charged_until_us;
    if (!subscription->trial_stops)
        add_parts(billing, subscription->tariff, trial_end_us, until_us, side);
}

/* Cost parts are cut wherever one of the customer's begins or ends. */
static void find_costs(struct billing *billing)
{
    const struct mtr_subscription *subscription = billing->subscription;
    struct side whole = {.count = 0}, *side = &billing->costs;
    side->count = 0;
    if (!subscription->cost_tariff) return;
    add_parts(billing, subscription->cost_tariff, billing->start_us, billing->end_us, &whole);
    for (uint32_t i = 0; i < whole.count; i++) {
        for (int64_t start_us = whole.parts[i].start_us, end_us; start_us < whole.parts[i].end_us;
             start_us = end_us) {
            struct part part = whole.parts[i];
            end_us = part.end_us;
            for (uint32_t k = 0; k < billing->charged.count; k++) {
                const struct part *cut = &billing->charged.parts[k];
                if (cut->start_us > start_us && cut->start_us < end_us) end_us = cut->start_us;
                if (cut->end_us > start_us && cut->end_us < end_us) end_us = cut->end_us;
            }
            part.start_us = start_us;
            part.end_us = end_us;
            part.first = 0;
            CHECK(billing->scenario, side->count < PARTS_MAX, "too many parts");
            side->parts[side->count++] = part;
        }
    }
    for (uint32_t i = 0; i < side->count; i++) side->parts[i].last = side->count - 1;
}

/* ---- lines ---- */

static char *line_key(const struct billing *billing, int64_t part_us, const char *component, const char *kind,
                      struct mtr_str dimensions)
{
    const struct line_identity line = {.subscription = billing->subscription->key,
                                       .period_us = mtr_time_second(billing->start_us),
                                       .part_us = part_us,
                                       .component = mtr_str_from(component),
                                       .kind = mtr_str_from(kind),
                                       .dimensions = dimensions,
                                       .currency = billing->subscription->currency};
    return scenario_line_key(billing->scenario, &line);
}

static void add_line(struct billing *billing, const struct part *part, const char *component,
                     const char *kind, struct mtr_str dimensions, struct mtr_money amount)
{
    struct bill *bill = billing->bill;
    scenario_seen[SEEN_TERM_LINE] += strncmp(component, "tariff.term.", strlen("tariff.term.")) == 0;
    scenario_seen[SEEN_ROUNDING_LINE] += strcmp(kind, "rounding") == 0;
    scenario_seen[SEEN_MINIMUM_LINE] += strcmp(kind, "minimum") == 0;
    scenario_seen[SEEN_OVERAGE_LINE] += strcmp(kind, "overage") == 0;
    scenario_seen[SEEN_TRUE_UP_LINE] += strcmp(kind, "commitment") == 0;
    scenario_seen[SEEN_RECURRING_LINE] += strcmp(kind, "recurring") == 0;
    CHECK(billing->scenario, bill->count < BILL_LINES_MAX, "too many lines");
    bill->lines[bill->count++] =
        (struct bill_line){.key = line_key(billing, part->start_us, component, kind, dimensions),
                           .amount = amount,
                           .subscription = billing->subscription,
                           .tariff = strcmp(kind, "rounding") ? part->tariff : NULL,
                           .whole = billing->whole};
}

/* The customer's part around it, where there is one. */
static void add_cost(struct billing *billing, const struct part *part, const char *component,
                     const char *kind, struct mtr_str dimensions, struct mtr_money cost)
{
    struct bill *bill = billing->bill;
    int64_t part_us = part->start_us;
    for (uint32_t i = 0; i < billing->charged.count; i++)
        if (billing->charged.parts[i].start_us <= part_us && part_us < billing->charged.parts[i].end_us)
            part_us = billing->charged.parts[i].start_us;
    const char *key = line_key(billing, part_us, component, kind, dimensions);
    uint32_t at = billing->first_line;
    while (at < bill->count && strcmp(bill->lines[at].key, key) != 0) at++;
    CHECK(billing->scenario, at < BILL_LINES_MAX, "too many lines");
    if (at == bill->count) bill->lines[bill->count++] = (struct bill_line){.key = key};
    scenario_seen[SEEN_COST_ALONE] += at + 1 == bill->count && !bill->lines[at].amount.e18;
    scenario_seen[SEEN_COST_JOINED] += bill->lines[at].amount.e18 != 0;
    CHECK_OK(billing->scenario, mtr_money_add(bill->lines[at].cost, cost, &bill->lines[at].cost));
}

typedef void add_amount(struct billing *billing, const struct part *part, const char *component,
                        const char *kind, struct mtr_str dimensions, struct mtr_money amount);

static void add_price(struct billing *billing, const struct part *part, const struct mtr_price *price,
                      add_amount *add)
{
    struct mtr_money rest = price->total;
    for (uint32_t i = 0; i < price->line_count; i++) {
        const struct mtr_price_line *line = &price->lines[i];
        char component[MTR_KEY_BYTES_MAX + 1], kind[16];
        snprintf(component, sizeof(component), "%.*s", MTR_STR_ARGS(line->component));
        snprintf(kind, sizeof(kind), "%.*s", MTR_STR_ARGS(line->kind));
        add(billing, part, component, kind, line->dimensions, line->amount);
        CHECK_OK(billing->scenario, mtr_money_sub(rest, line->amount, &rest));
    }
    if (rest.e18) add(billing, part, "tariff.rounding", "rounding", MTR_STR(""), rest);
}

static bool same_component(const struct mtr_tariff_version *version, const struct mtr_component *component)
{
    for (uint32_t i = 0; i < version->component_count; i++)
        if (mtr_str_equal(version->components[i].key, component->key) &&
            mtr_str_equal(version->components[i].meter, component->meter))
            return true;
    return false;
}

/* The position goes on from the parts before, back to a version with reset or without the component; of
 * scope term from the subscription's start. */
static struct naive_range range_of(const struct billing *billing, const struct side *side, uint32_t part,
                                   const struct mtr_component *component)
{
    const struct mtr_subscription *subscription = billing->subscription;
    const struct part *own = &side->parts[part], *first = own;
    while (first > side->parts + own->first) {
        const bool goes_on = first[-1].version == first->version ||
                             (!first->version->reset && same_component(first[-1].version, component));
        if (!goes_on) break;
        first--;
    }
    struct naive_range range = {.from_us = first->start_us,
                                .own_us = own->start_us,
                                .until_us = own->end_us,
                                .whole = billing->whole};
    if (component->scope == MTR_CURVE_SCOPE_TERM)
        range.from_us = scenario_contract_start(subscription, own->tariff, own->start_us);
    return range;
}

/* What the customer's subscriptions of lower numbers used in the same billing period, as use before this
 * one's. */
static uint32_t measure_peers(struct billing *billing, const struct mtr_component *component, uint32_t index,
                              struct mtr_usage_row *rows, uint32_t row_count)
{
    const struct mtr_subscription *own = billing->subscription;
    const struct mtr_subscription *peer;
    for (uint32_t i = 0; component->across_customer && (peer = scenario_phase_at(billing->scenario, i)) != NULL; i++) {
        if (!scenario_goes_before(peer, own) || peer->tariff != own->tariff ||
            !mtr_str_equal(peer->customer, own->customer))
            continue;
        int64_t from_us = peer->trial_end_us;
        int64_t until_us = peer->end_us < billing->whole.end_us ? peer->end_us : billing->whole.end_us;
        if (peer->charged_until_us < until_us) until_us = peer->charged_until_us;
        if (from_us < billing->whole.start_us) from_us = billing->whole.start_us;
        const struct naive_range range = {
            .from_us = from_us, .own_us = until_us, .until_us = until_us, .whole = billing->whole};
        const struct naive_measured measured = {peer, component, index, range};
        const uint32_t before = row_count;
        if (from_us < until_us && !peer->trial_stops)
            row_count = scenario_measure(billing->scenario, billing->naive, &measured, rows, row_count);
        scenario_seen[SEEN_PEER] += row_count > before;
    }
    return row_count;
}

static bool is_peer(const struct billing *billing, const struct mtr_subscription *other)
{
    const struct mtr_subscription *own = billing->subscription;
    return other && other != own && other->tariff == own->tariff &&
           mtr_str_equal(other->customer, own->customer);
}

/* Is it charged for more than a trial in that period? */
static bool outlives_trial(const struct mtr_subscription *other, const struct mtr_period *whole)
{
    const int64_t start_us = other->start_us > whole->start_us ? other->start_us : whole->start_us;
    if (other->start_us >= whole->end_us || other->end_us <= whole->start_us) return false;
    if (other->charged_until_us <= start_us) return false;
    return !other->trial_stops && other->trial_end_us < whole->end_us && other->trial_end_us < other->end_us;
}

/* What the bill has of the customer's subscriptions of lower numbers, and whether one of a higher number
 * is charged in the same billing period. */
static void count_account(const struct billing *billing, struct mtr_price_input *input)
{
    const struct bill *bill = billing->account;
    const struct mtr_period *whole = &billing->whole;
    for (uint32_t i = 0; i < bill->count; i++) {
        const struct bill_line *line = &bill->lines[i];
        if (!line->subscription || !is_peer(billing, line->subscription) || line->tariff != input->tariff)
            continue;
        if (!scenario_goes_before(line->subscription, billing->subscription)) continue;
        if (!outlives_trial(line->subscription, whole)) continue;
        if (line->whole.start_us != whole->start_us || line->whole.end_us != whole->end_us) continue;
        CHECK_OK(billing->scenario,
                 mtr_money_add(input->account_before, line->amount, &input->account_before));
    }
    const struct mtr_subscription *other;
    for (uint32_t i = 0; (other = scenario_phase_at(billing->scenario, i)) != NULL; i++) {
        if (!scenario_goes_before(billing->subscription, other)) continue;
        if (!is_peer(billing, other) || !outlives_trial(other, whole)) continue;
        const struct mtr_period theirs = mtr_period_at(&other->billing, whole->start_us);
        if (theirs.start_us == whole->start_us && theirs.end_us == whole->end_us) input->account_continues = true;
    }
    scenario_seen[SEEN_ACCOUNT] += input->account_before.e18 != 0;
}

static struct naive_drawing drawing_of(const struct billing *billing)
{
    return (struct naive_drawing){billing->subscription, billing->whole, billing->start_us, billing->end_us};
}

/* What the limits of the part's term are to know; those of the period before it count, too. */
static struct mtr_price_term find_term(const struct billing *billing, const struct side *side, uint32_t index,
                                       const struct mtr_price *prices)
{
    const struct part *part = &side->parts[index];
    const struct mtr_period active = {part->start_us, part->end_us};
    struct mtr_price_term term =
        scenario_terms_of(billing->terms, billing->subscription, part->tariff, part->version, active);
    for (uint32_t i = part->first; i < index; i++)
        if (side->parts[i].version->term.given && side->parts[i].term.start_us == part->term.start_us)
            CHECK_OK(billing->scenario, mtr_money_add(term.before, prices[i].term_sum, &term.before));
    return term;
}

/* What the period came to is added to its terms. */
static void add_terms(const struct billing *billing, const struct side *side, const struct mtr_price *prices)
{
    for (uint32_t i = 0; billing->terms && i < side->count; i++) {
        const struct part *part = &side->parts[i];
        if (part->version->term.given)
            scenario_terms_add(billing->scenario, billing->terms, billing->subscription, part->tariff,
                               part->term.start_us, prices[i].term_sum);
    }
}

static void price_side(struct billing *billing, const struct side *side, add_amount *add)
{
    struct mtr_arena arena;
    struct mtr_price prices[PARTS_MAX];
    const struct mtr_price *earlier[PARTS_MAX];
    static struct mtr_usage_row rows[NAIVE_ROWS_MAX];
    struct mtr_price_pool pools[NAIVE_POOLS_MAX];
    const bool draws = billing->pools && side == &billing->charged;
    const struct naive_drawing drawing = drawing_of(billing);
    mtr_arena_init(&arena, 1 << 14, PRICE_ARENA_BYTES);
    for (uint32_t i = 0; i < side->count; i++) {
        const struct part *part = &side->parts[i];
        uint32_t row_count = 0;
        for (uint32_t k = 0; k < part->version->component_count; k++) {
            const struct mtr_component *component = &part->version->components[k];
            const struct naive_measured measured = {billing->subscription, component, k,
                                                    range_of(billing, side, i, component)};
            row_count = scenario_measure(billing->scenario, billing->naive, &measured, rows, row_count);
            if (part->tariff == billing->subscription->tariff)
                row_count = measure_peers(billing, component, k, rows, row_count);
        }
        struct mtr_price_input input = {.tariff = part->tariff,
                                        .version = part->version,
                                        .period = billing->whole,
                                        .active_from_us = part->start_us,
                                        .active_to_us = part->end_us,
                                        .runs_from_us = side->parts[part->first].start_us,
                                        .runs_to_us = side->parts[part->last].end_us,
                                        .closing = billing->closing,
                                        .continues_earlier = i > part->first,
                                        .continued_later = i < part->last,
                                        .earlier = earlier + part->first,
                                        .earlier_count = i - part->first,
                                        .zone = billing->subscription->zone,
                                        .usage = rows,
                                        .usage_count = row_count};
        if (side == &billing->charged && part->tariff == billing->subscription->tariff &&
            part->tariff->has_account)
            count_account(billing, &input);
        if (draws)
            input.pool_count = scenario_pools_of(billing->pools, &drawing, i, part->tariff->currency, pools);
        input.pools = pools;
        struct mtr_price_term term;
        if (billing->terms && part->version->term.given) {
            term = find_term(billing, side, i, prices);
            input.term = &term;
        }
        CHECK_OK(billing->scenario, mtr_price(&input, false, &arena, &prices[i]));
        earlier[i] = &prices[i];
        add_price(billing, part, &prices[i], add);
        for (uint32_t k = part->first; draws && i == part->last && k <= i; k++)
            scenario_pools_draw(billing->scenario, billing->pools, &drawing, &prices[k]);
    }
    add_terms(billing, side, prices);
    mtr_arena_release(&arena);
}

static void price_period(struct billing *billing)
{
    billing->first_line = billing->bill->count;
    find_parts(billing);
    find_costs(billing);
    scenario_seen[SEEN_SPLIT_PERIOD] += billing->charged.count > 1;
    const struct mtr_tariff_version *versions[PARTS_MAX];
    const struct mtr_tariff_document *tariffs[PARTS_MAX];
    for (uint32_t i = 0; i < billing->charged.count; i++) {
        versions[i] = billing->charged.parts[i].version;
        tariffs[i] = billing->charged.parts[i].tariff;
    }
    const struct naive_drawing drawing = drawing_of(billing);
    if (billing->pools)
        scenario_pools_begin(billing->scenario, billing->pools, &drawing, versions, tariffs,
                             billing->charged.count);
    price_side(billing, &billing->charged, add_line);
    price_side(billing, &billing->costs, add_cost);
}

/* The period that begins at time_us. */
static void open_period(struct billing *billing, int64_t time_us, int64_t watermark_us)
{
    const struct mtr_subscription *subscription = billing->subscription;
    billing->whole = mtr_period_at(&subscription->billing, time_us);
    billing->start_us = time_us;
    billing->end_us = billing->whole.end_us < subscription->end_us ? billing->whole.end_us : subscription->end_us;
    billing->closing =
        billing->end_us + billing->scenario->stores.rater_options.grace_us <= watermark_us;
}

static bool has_period(const struct mtr_subscription *subscription, int64_t time_us, int64_t watermark_us)
{
    return time_us < subscription->end_us && time_us <= watermark_us;
}

/* Every period from the start up to the one that runs at the watermark. */
static void bill_subscription(struct billing *billing, int64_t watermark_us)
{
    const struct mtr_subscription *subscription = billing->subscription;
    for (int64_t time_us = subscription->start_us; has_period(subscription, time_us, watermark_us);
         time_us = billing->whole.end_us) {
        open_period(billing, time_us, watermark_us);
        price_period(billing);
    }
}

/* By which periods stand in line: the second that it starts in, or the instant where the one before it of its
 * subscription started in that second, too. */
static int64_t place_of(int64_t start_us, int64_t before_us)
{
    return before_us < mtr_time_second(start_us) ? mtr_time_second(start_us) : start_us;
}

/* All periods of all phases in the order in which they draw on what they share: by start, then by
 * number. */
static void bill_by_time(struct billing *billing, int64_t watermark_us)
{
    const uint32_t numbers = mtr_catalog_count(billing->scenario->stores.catalog, MTR_KIND_SUBSCRIPTION);
    uint32_t count = 0;
    while (scenario_phase_at(billing->scenario, count)) count++;
    int64_t *next_us = scenario_alloc(billing->scenario, count + 1, sizeof(*next_us));
    int64_t *last_us = scenario_alloc(billing->scenario, numbers + 1, sizeof(*last_us));
    for (uint32_t i = 0; i < count; i++) next_us[i] = scenario_phase_at(billing->scenario, i)->start_us;
    for (uint32_t i = 0; i <= numbers; i++) last_us[i] = INT64_MIN;
    for (;;) {
        uint32_t first = count;
        int64_t first_us = INT64_MAX;
        for (uint32_t i = 0; i < count; i++) {
            const struct mtr_subscription *phase = scenario_phase_at(billing->scenario, i);
            const int64_t place_us = place_of(next_us[i], last_us[phase->number]);
            if (!has_period(phase, next_us[i], watermark_us) || place_us >= first_us) continue;
            first = i;
            first_us = place_us;
        }
        if (first == count) return;
        billing->subscription = scenario_phase_at(billing->scenario, first);
        scenario_seen[SEEN_SECOND_SHARED] += first_us % MTR_US_PER_SECOND != 0;
        last_us[billing->subscription->number] = next_us[first];
        open_period(billing, next_us[first], watermark_us);
        const uint32_t lines = billing->bill->count;
        price_period(billing);
        scenario_seen[SEEN_SECOND_USED] += billing->end_us - billing->start_us < MTR_US_PER_SECOND && billing->bill->count > lines;
        next_us[first] = billing->whole.end_us;
    }
}

void scenario_bill_make(struct scenario *scenario, const struct naive *naive, int64_t watermark_us,
                        struct bill *out)
{
    const struct mtr_catalog *catalog = scenario->stores.catalog;
    struct bill plain = {.lines = scenario_alloc(scenario, BILL_LINES_MAX, sizeof(*plain.lines))};
    struct naive_pools pools, units;
    struct naive_terms terms;
    *out = (struct bill){.lines = scenario_alloc(scenario, BILL_LINES_MAX, sizeof(*out->lines))};
    scenario_pools_open(scenario, false, &pools);
    scenario_pools_open(scenario, true, &units);
    scenario_terms_open(scenario, &terms);
    for (uint32_t i = 1; i <= mtr_catalog_count(catalog, MTR_KIND_SUBSCRIPTION); i++) {
        const struct mtr_subscription *first = mtr_catalog_subscription(catalog, i);
        struct billing billing = {.scenario = scenario,
                                  .naive = naive,
                                  .subscription = first,
                                  .bill = &plain,
                                  .account = &plain,
                                  .pools = &units};
        out->stray_count += scenario_count_stray(scenario, naive, first);
        for (uint32_t k = 0; k < mtr_subscription_phase_count(first); k++) {
            billing.subscription = mtr_subscription_phase(first, k);
            bill_subscription(&billing, watermark_us);
        }
        scenario_seen[SEEN_CHANGED] += first->phases != NULL;
    }
    struct billing billing = {
        .scenario = scenario, .naive = naive, .bill = out, .account = &plain, .pools = &pools, .terms = &terms};
    bill_by_time(&billing, watermark_us);
    scenario_seen[SEEN_STRAY_USAGE] += out->stray_count;
}
