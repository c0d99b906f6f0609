/*
 * Billing periods of a subscription: limits, parts by tariff and version, hash of the inputs.
 *
 *   start ── trial tariff, or nothing ──▶ trial end ── tariff, or nothing after a trial that stops ──▶ end
 *
 * Invariants: parts ascend, do not overlap, and lie in [start, end); those of one tariff stand one after
 * another, and what is of the whole period (caps, minimums, fees, positions in tiers) is of them alone. Pure;
 * memory from the caller's arena.
 */
#include "rater/period/parts.h"

#include <string.h>
#include <xxhash.h>

#include "meterd/core/time.h"
#include "meterd/tariff/price.h"

int64_t mtr_billing_period_start(const struct mtr_subscription *subscription, int64_t time_us,
                                 int64_t *end_us)
{
    struct mtr_period whole = mtr_period_at(&subscription->billing, time_us);
    MTR_ASSERT(whole.start_us <= time_us && time_us < whole.end_us);
    *end_us = whole.end_us;
    return mtr_time_later(whole.start_us, subscription->start_us);
}

int64_t mtr_billing_period_name(const struct mtr_subscription *subscription, int64_t start_us)
{
    const int64_t second_us = mtr_time_second(start_us);
    int64_t end_us;
    if (second_us == start_us) return start_us;
    const struct mtr_subscription *before = mtr_subscription_at(subscription, start_us - 1);
    if (before->start_us >= start_us) return second_us; /* it is the first of all */
    return mtr_billing_period_start(before, start_us - 1, &end_us) < second_us ? second_us : start_us;
}

int64_t mtr_billing_period_instant(const struct mtr_subscription *phase, int64_t name_us)
{
    const int64_t time_us = mtr_time_later(name_us, phase->start_us);
    return mtr_time_second(time_us) == name_us ? time_us : name_us;
}

const struct mtr_subscription *mtr_billing_period_phase(const struct mtr_subscription *subscription,
                                                        int64_t name_us)
{
    const struct mtr_subscription *phase = mtr_subscription_at(subscription, name_us);
    const uint32_t next = phase->phase_index + 1;
    int64_t end_us;
    if (mtr_time_second(name_us) != name_us || phase->start_us > name_us ||
        next >= mtr_subscription_phase_count(subscription) ||
        mtr_billing_period_start(phase, name_us, &end_us) == name_us)
        return phase;
    const struct mtr_subscription *behind = mtr_subscription_phase(subscription, next);
    return mtr_time_second(behind->start_us) == name_us ? behind : phase;
}

int64_t rater_period_end(int64_t end_us)
{
    return mtr_time_second(end_us + MTR_US_PER_SECOND - 1);
}

int64_t rater_first_charged(const struct mtr_subscription *subscription)
{
    MTR_ASSERT(subscription->trial_end_us >= subscription->start_us);
    return subscription->trial_stops ? INT64_MAX : subscription->trial_end_us;
}

int64_t rater_charged_until(const struct mtr_subscription *subscription)
{
    return mtr_time_sooner(subscription->end_us, subscription->charged_until_us);
}

/* A version may have several parts: a reset is at the first of them. */
static bool goes_on_from(const struct mtr_billing_part *before, const struct mtr_billing_part *part,
                         const struct mtr_component *component)
{
    if (before->end_us != part->start_us) return false;
    return before->version == part->version ||
           (!part->version->reset && mtr_tariff_goes_on(before->version, component));
}

/* The contract term begins with the phase in which the subscription got that tariff and customer, and anew
 * with each version that says so. */
static int64_t term_from(const struct mtr_subscription *subscription,
                         const struct mtr_tariff_document *tariff, int64_t time_us)
{
    int64_t from_us = mtr_subscription_phase(subscription, subscription->contract_index)->start_us;
    for (uint32_t i = 0; i < tariff->version_count; i++) {
        const struct mtr_tariff_version *version = &tariff->versions[i];
        const int64_t start_us = mtr_tariff_version_start(version, subscription->zone);
        if (start_us > time_us) break;
        if (start_us > from_us &&
            mtr_tariff_version_for(version, subscription->key, subscription->customer)->reset)
            from_us = start_us;
    }
    return from_us;
}

int64_t rater_position_from(const struct mtr_subscription *subscription,
                            const struct mtr_billing_period *period, uint32_t part,
                            const struct mtr_component *component)
{
    uint32_t first = part;
    MTR_ASSERT(part < period->part_count);
    if (component->scope == MTR_CURVE_SCOPE_TERM)
        return term_from(subscription, period->parts[part].tariff, period->parts[part].start_us);
    while (first > period->parts[part].first &&
           goes_on_from(&period->parts[first - 1], &period->parts[first], component))
        first--;
    return period->parts[first].start_us;
}

static struct mtr_hash128 hash_numbers(const int64_t *numbers, size_t count)
{
    XXH128_hash_t hash = XXH3_128bits(numbers, count * sizeof(*numbers));
    return (struct mtr_hash128){hash.high64, hash.low64};
}

/* Seconds where they are whole, as hashes that are stored have them. */
static int64_t number_of(int64_t time_us)
{
    return time_us % MTR_US_PER_SECOND ? time_us : time_us / MTR_US_PER_SECOND;
}

static int64_t hash_text(struct mtr_str text)
{
    return (int64_t)(text.size ? XXH3_64bits(text.data, text.size) : 0);
}

struct mtr_hash128 rater_schedule_hash(const struct mtr_subscription *subscription)
{
    const int64_t numbers[] = {number_of(subscription->start_us), number_of(subscription->end_us),
                               subscription->billing.unit, subscription->billing.anchor_days};
    return hash_numbers(numbers, sizeof(numbers) / sizeof(*numbers));
}

struct mtr_hash128 rater_life_hash(const struct mtr_subscription *subscription)
{
    struct mtr_hash128 life = rater_schedule_hash(mtr_subscription_phase(subscription, 0));
    for (uint32_t i = 1; i < mtr_subscription_phase_count(subscription); i++) {
        const struct mtr_hash128 phase = rater_schedule_hash(mtr_subscription_phase(subscription, i));
        const int64_t numbers[] = {(int64_t)life.high, (int64_t)life.low, (int64_t)phase.high,
                                   (int64_t)phase.low};
        life = hash_numbers(numbers, sizeof(numbers) / sizeof(*numbers));
    }
    return life;
}

enum { NUMBERS_OF_RATE = 12, NUMBERS_OF_PART = 10 + NUMBERS_OF_RATE };

/* What there is to say of the rate: the newest of any age, so that a change of any that could count shows. */
static void add_rate(const struct mtr_subscription *subscription, const struct mtr_billing_part *part,
                     int64_t numbers[NUMBERS_OF_RATE])
{
    struct mtr_price_exchange exchange;
    if (!part->exchanges) return;
    mtr_price_exchange_find(part->tariff, subscription->currency, part->exchange_day, true,
                            subscription->rates, &exchange);
    numbers[0] = hash_text(exchange.question.source);
    numbers[1] = hash_text(exchange.question.to);
    numbers[2] = exchange.rule;
    numbers[3] = part->tariff->exchange.max_age_days;
    numbers[4] = exchange.question.day;
    numbers[5] = exchange.digits;
    numbers[6] = exchange.known;
    if (!exchange.known) return;
    numbers[7] = exchange.rate.rates->day;
    memcpy(&numbers[8], &exchange.rate.numerator, sizeof(exchange.rate.numerator));
    memcpy(&numbers[10], &exchange.rate.denominator, sizeof(exchange.rate.denominator));
}

/* Digits or step of what is charged; of digits the number that it always was. */
static int64_t rounding_number(const struct mtr_subscription *subscription,
                               const struct mtr_tariff_document *tariff)
{
    const struct mtr_money step = mtr_tariff_rounding_step(tariff, subscription->currency);
    return step.e18 ? (int64_t)XXH3_64bits(&step, sizeof(step)) : tariff->rounding_digits;
}

static size_t add_numbers(const struct mtr_subscription *subscription, const struct mtr_billing_part *part,
                          int64_t *numbers)
{
    const int64_t own[NUMBERS_OF_PART] = {
        number_of(part->start_us),
        number_of(part->end_us),
        hash_text(part->tariff->key),
        hash_text(part->tariff->currency),
        part->tariff->rounding,
        rounding_number(subscription, part->tariff),
        part->tariff->round_total,
        (int64_t)part->version->hash_high,
        (int64_t)part->version->hash_low,
        number_of(
            term_from(subscription, part->tariff, part->start_us)), /* an earlier version decides it */
    };
    memcpy(numbers, own, sizeof(own));
    add_rate(subscription, part, numbers + NUMBERS_OF_PART - NUMBERS_OF_RATE);
    return NUMBERS_OF_PART;
}

/* How many parts are of a trial under the tariff that comes behind it: where it ends with a version, its
 * parts are those that there were without it. */
static uint32_t trial_of_same_tariff(const struct mtr_billing_period *period)
{
    for (uint32_t i = 1; i < period->part_count; i++)
        if (period->parts[i].first == i && period->parts[i].tariff == period->parts[i - 1].tariff) return i;
    return 0;
}

static int hash_inputs(const struct mtr_subscription *subscription, struct mtr_arena *arena,
                       struct mtr_billing_period *period)
{
    const int64_t head[] = {number_of(period->whole.start_us),
                            number_of(period->whole.end_us),
                            number_of(period->start_us),
                            number_of(period->end_us),
                            period->part_count,
                            number_of(mtr_subscription_begun_us(subscription))}; /* levels count from there in
                                                                                    every period */
    size_t count = sizeof(head) / sizeof(*head);
    const size_t count_max = count + NUMBERS_OF_PART * ((size_t)period->part_count + period->cost_count) + 4;
    int64_t *numbers = mtr_arena_alloc(arena, count_max * sizeof(*numbers));
    if (!numbers) return MTR_ENOMEM;
    memcpy(numbers, head, sizeof(head));
    if (subscription->peer_count) numbers[count++] = (int64_t)subscription->peers_hash;
    for (uint32_t i = 0; i < period->part_count; i++)
        count += add_numbers(subscription, &period->parts[i], numbers + count);
    for (uint32_t i = 0; i < period->cost_count; i++)
        count += add_numbers(subscription, &period->costs[i], numbers + count);
    const uint32_t trial = trial_of_same_tariff(period);
    if (trial) numbers[count++] = trial;
    if (subscription->service && subscription->service->measure_ends) /* a quote's is of none */
        numbers[count++] = (int64_t)subscription->service->measure_ends;
    numbers[count++] =
        (int64_t)XXH3_64bits(subscription->customer.data, subscription->customer.size); /* who pays */
    MTR_ASSERT(count <= count_max);
    period->inputs = hash_numbers(numbers, count);
    return MTR_OK;
}

/* The next moment after time_us at which a part begins or ends; until_us when there is none before it. */
static int64_t next_cut(const struct mtr_billing_period *period, int64_t time_us, int64_t until_us)
{
    for (uint32_t i = 0; i < period->part_count; i++) {
        if (period->parts[i].start_us > time_us) return mtr_time_sooner(period->parts[i].start_us, until_us);
        if (period->parts[i].end_us > time_us) return mtr_time_sooner(period->parts[i].end_us, until_us);
    }
    return until_us;
}

static bool exchanges(const struct mtr_subscription *subscription, const struct mtr_tariff_document *tariff)
{
    return tariff->exchange.given && !mtr_str_equal(tariff->currency, subscription->currency);
}

/* What a period is made up for. */
struct making {
    const struct mtr_rating *rating;
    const struct mtr_subscription *subscription;
    struct mtr_billing_period *period;
};

static bool exchanges_daily(const struct making *making, const struct mtr_tariff_document *tariff)
{
    return exchanges(making->subscription, tariff) && tariff->exchange.at == MTR_EXCHANGE_AT_USAGE_DAY &&
           !making->rating->usage_day;
}

/* How many parts its days can add, or terms that end: local days last 20 hours and more. */
static size_t days_max(const struct making *making, const struct mtr_tariff_document *tariff)
{
    const int64_t day_min_us = 20 * MTR_US_PER_HOUR;
    if (!tariff || (!exchanges_daily(making, tariff) && !tariff->has_term)) return 0;
    return (size_t)((making->period->end_us - making->period->start_us) / day_min_us) + 2;
}

static void choose_exchange_day(const struct making *making, struct mtr_billing_part *part)
{
    const struct mtr_subscription *subscription = making->subscription;
    const struct mtr_price_exchange_times times = {part->start_us, making->period->end_us,
                                                   mtr_subscription_begun_us(subscription)};
    part->exchanges = exchanges(subscription, part->tariff);
    if (!part->exchanges) return;
    const bool is_of_one_day =
        making->rating->usage_day && part->tariff->exchange.at == MTR_EXCHANGE_AT_USAGE_DAY;
    part->exchange_day = is_of_one_day
                             ? *making->rating->usage_day
                             : mtr_price_exchange_day(&part->tariff->exchange, subscription->zone, times);
}

/* Where a version begins the contract term anew; INT64_MAX: none does behind time_us. */
static int64_t next_reset(const struct mtr_subscription *subscription,
                          const struct mtr_tariff_document *tariff, int64_t time_us)
{
    for (uint32_t i = 0; i < tariff->version_count; i++) {
        const struct mtr_tariff_version *version = &tariff->versions[i];
        const int64_t start_us = mtr_tariff_version_start(version, subscription->zone);
        if (start_us > time_us &&
            mtr_tariff_version_for(version, subscription->key, subscription->customer)->reset)
            return start_us;
    }
    return INT64_MAX;
}

/* Counted from the day on which the contract term begins, or by the calendar. */
static struct mtr_billing_term term_at(const struct mtr_subscription *subscription,
                                       const struct mtr_tariff_document *tariff,
                                       const struct mtr_term_limits *limits, int64_t time_us)
{
    struct mtr_period_rule rule = {limits->length.unit, INT64_MIN, subscription->zone};
    if (!limits->given) return (struct mtr_billing_term){.given = false};
    if (!limits->by_calendar) {
        const struct mtr_civil first =
            mtr_zone_to_civil(subscription->zone, term_from(subscription, tariff, time_us));
        rule.anchor_days = mtr_days_from_civil(first.year, first.month, first.day);
    }
    const struct mtr_period whole = mtr_period_of_several(&rule, limits->length.count, time_us);
    const bool in_trial = time_us < subscription->trial_end_us;
    const int64_t from_us = in_trial ? subscription->start_us : subscription->trial_end_us,
                  to_us = in_trial ? mtr_time_sooner(subscription->trial_end_us, subscription->end_us)
                                   : rater_charged_until(subscription);
    return (struct mtr_billing_term){.given = true,
                                     .whole = whole,
                                     .runs_from_us = mtr_time_later(whole.start_us, from_us),
                                     .runs_to_us = mtr_time_sooner(
                                         mtr_time_sooner(whole.end_us, to_us),
                                         next_reset(subscription, tariff, time_us))};
}

/* The parts in which one tariff is in force. They are cut where those of `cuts` begin and end, where a term
 * of its limits ends, and at midnights where each day has its own rate of exchange. */
struct stretch {
    const struct mtr_tariff_document *tariff;
    int64_t from_us, to_us;
    const struct mtr_billing_period *cuts; /* NULL: none */
};

/* The part of the stretch under that version which begins at start_us, and ends before end_us or there. */
static struct mtr_billing_part make_part(const struct making *making, const struct stretch *stretch,
                                         const struct mtr_tariff_version *version, int64_t start_us,
                                         int64_t end_us)
{
    const struct mtr_subscription *subscription = making->subscription;
    const struct mtr_tariff_version *own =
        mtr_tariff_version_for(version, subscription->key, subscription->customer);
    const struct mtr_billing_term term = term_at(subscription, stretch->tariff, &own->term, start_us);
    int64_t cut_us = stretch->cuts ? next_cut(stretch->cuts, start_us, end_us) : end_us;
    if (term.given) cut_us = mtr_time_sooner(cut_us, term.whole.end_us);
    if (exchanges_daily(making, stretch->tariff))
        cut_us = mtr_time_sooner(cut_us, mtr_zone_next_midnight(subscription->zone, start_us));
    return (struct mtr_billing_part){
        .start_us = start_us,
        .end_us = cut_us,
        .tariff = stretch->tariff,
        .version = own,
        .term = term,
    };
}

/* Appends them to `parts`, of which there are *count. */
static void add_stretch(const struct making *making, const struct stretch *stretch,
                        struct mtr_billing_part *parts, uint32_t *count)
{
    const struct mtr_tariff_document *tariff = stretch->tariff;
    const struct mtr_zone *zone = making->subscription->zone;
    const uint32_t first = *count;
    for (uint32_t i = 0; i < tariff->version_count; i++) {
        const struct mtr_tariff_version *version = &tariff->versions[i];
        const int64_t next_us =
            i + 1 < tariff->version_count ? mtr_tariff_version_start(version + 1, zone) : INT64_MAX;
        const int64_t end_us = mtr_time_sooner(stretch->to_us, next_us);
        int64_t start_us = mtr_time_later(stretch->from_us, mtr_tariff_version_start(version, zone));
        while (start_us < end_us) {
            const struct mtr_billing_part part = make_part(making, stretch, version, start_us, end_us);
            MTR_ASSERT(part.start_us < part.end_us && part.end_us <= end_us); /* or it would never end */
            parts[(*count)++] = part;
            start_us = part.end_us;
        }
    }
    for (uint32_t i = first; i < *count; i++) {
        parts[i].first = first;
        parts[i].count = *count - first;
        choose_exchange_day(making, &parts[i]);
    }
}

static int make_parts(const struct making *making)
{
    const struct mtr_subscription *subscription = making->subscription;
    struct mtr_billing_period *period = making->period;
    const struct mtr_tariff_document *tariff = subscription->tariff, *trial = subscription->trial_tariff;
    const bool in_trial = subscription->trial_end_us > period->start_us;
    const size_t days = days_max(making, tariff) + days_max(making, trial);
    const size_t count_max = days + tariff->version_count + (trial ? trial->version_count : 0) + 1;
    period->parts = mtr_arena_calloc(making->rating->arena, count_max, sizeof(*period->parts));
    if (!period->parts) return MTR_ENOMEM;
    if (in_trial && trial) {
        const struct stretch before = {trial, period->start_us,
                                       mtr_time_sooner(period->end_us, subscription->trial_end_us), NULL};
        add_stretch(making, &before, period->parts, &period->part_count);
    }
    if (subscription->trial_stops) return MTR_OK;
    const struct stretch after = {tariff, mtr_time_later(period->start_us, subscription->trial_end_us),
                                  mtr_time_sooner(period->end_us, subscription->charged_until_us), NULL};
    add_stretch(making, &after, period->parts, &period->part_count);
    MTR_ASSERT(period->part_count < count_max);
    return MTR_OK;
}

static int make_costs(const struct making *making)
{
    const struct mtr_tariff_document *tariff = making->subscription->cost_tariff;
    struct mtr_billing_period *period = making->period;
    if (!tariff) return MTR_OK;
    const size_t count_max =
        days_max(making, tariff) + tariff->version_count + 2 * (size_t)period->part_count + 1;
    period->costs = mtr_arena_calloc(making->rating->arena, count_max, sizeof(*period->costs));
    if (!period->costs) return MTR_ENOMEM;
    const struct stretch all = {tariff, period->start_us, period->end_us, period};
    add_stretch(making, &all, period->costs, &period->cost_count);
    MTR_ASSERT(period->cost_count < count_max);
    return MTR_OK;
}

struct mtr_billing_period rater_cost_period(const struct mtr_billing_period *period)
{
    struct mtr_billing_period costs = *period;
    costs.parts = period->costs;
    costs.part_count = period->cost_count;
    costs.costs = NULL;
    costs.cost_count = 0;
    return costs;
}

/* Parts ascend, do not overlap, and lie in the period: whatever is used in it is charged once. */
static void check_parts(const struct mtr_billing_period *period)
{
    int64_t end_us = period->start_us;
    for (uint32_t i = 0; i < period->part_count; i++) {
        MTR_ASSERT(end_us <= period->parts[i].start_us &&
                   period->parts[i].start_us < period->parts[i].end_us);
        end_us = period->parts[i].end_us;
    }
    MTR_ASSERT(end_us <= period->end_us);
}

int rater_billing_period_at(const struct mtr_rating *rating, const struct mtr_subscription *subscription,
                            int64_t name_us, struct mtr_billing_period *out)
{
    struct mtr_billing_period period = {.name_us = name_us, .start_us = name_us, .end_us = name_us};
    const struct making making = {rating, subscription, &period};
    const int64_t start_us = mtr_billing_period_instant(subscription, name_us);
    if (subscription->start_us <= start_us && start_us < subscription->end_us) {
        period.whole = mtr_period_at(&subscription->billing, start_us);
        period.exists = mtr_time_later(period.whole.start_us, subscription->start_us) == start_us &&
                        mtr_billing_period_name(subscription, start_us) == name_us;
        period.start_us = start_us;
        period.end_us = mtr_time_sooner(period.whole.end_us, subscription->end_us);
    }
    if (period.exists) {
        int made = make_parts(&making);
        if (!made) made = make_costs(&making);
        if (made) return made;
        check_parts(&period);
    } else {
        period.whole = (struct mtr_period){0};
    }
    int rc = hash_inputs(subscription, rating->arena, &period);
    if (!rc) *out = period;
    return rc;
}
