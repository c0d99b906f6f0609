/*
 * Billing periods of a subscription: limits, parts by tariff and version, hash of the inputs.
 *
 *   start ── trial tariff, or nothing ──▶ trial end ── tariff, or nothing after a trial that stops ──▶ end
 *
 * Invariants: parts ascend, do not overlap, and lie in [start, end); those of one tariff stand one after another, and what is of the whole
 * period (caps, minimums, fees, positions in tiers) is of them alone. Pure; memory from the caller's arena.
 */
#include "rater/term.h"

#include <string.h>
#include <xxhash.h>

#include "meterd/core/time.h"

static int64_t max_s(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t min_s(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

int64_t rater_period_start(const struct mtr_subscription *subscription, int64_t time_s, int64_t *end_s)
{
    struct mtr_period whole = mtr_period_at(&subscription->billing, time_s);
    MTR_ASSERT(whole.start_s <= time_s && time_s < whole.end_s);
    *end_s = whole.end_s;
    return max_s(whole.start_s, subscription->start_s);
}

int64_t rater_version_start(const struct mtr_subscription *subscription, const struct mtr_tariff_version *version)
{
    if (!version->from_is_date) {
        int64_t seconds = version->from_us / MTR_US_PER_SECOND;
        return version->from_us > seconds * MTR_US_PER_SECOND ? seconds + 1 : seconds;
    }
    int32_t year = 0;
    unsigned month = 0, day = 0;
    mtr_civil_from_days(version->from_days, &year, &month, &day);
    const struct mtr_civil civil = {.year = year, .month = (uint8_t)month, .day = (uint8_t)day};
    return mtr_zone_from_civil(subscription->zone, civil);
}

int64_t rater_first_hour(const struct mtr_subscription *subscription)
{
    return mtr_zone_hour(subscription->zone, subscription->start_s).start_s;
}

static bool has_component(const struct mtr_tariff_version *version, const struct mtr_component *component)
{
    for (uint32_t i = 0; i < version->component_count; i++)
        if (mtr_str_equal(version->components[i].key, component->key)) return mtr_str_equal(version->components[i].meter, component->meter);
    return false;
}

int64_t rater_position_from(const struct mtr_subscription *subscription, const struct rater_term *term, uint32_t part,
                            const struct mtr_component *component)
{
    if (term->parts[part].version->reset) return term->parts[part].usage_from_s;
    if (component->scope == MTR_SLICE_BY_TERM) return rater_first_hour(subscription);
    uint32_t first = part;
    while (first > term->parts[part].first && !term->parts[first].version->reset && term->parts[first - 1].end_s == term->parts[first].start_s &&
           has_component(term->parts[first - 1].version, component))
        first--;
    return term->parts[first].usage_from_s;
}

static struct mtr_hash128 hash_numbers(const int64_t *numbers, size_t count)
{
    XXH128_hash_t hash = XXH3_128bits(numbers, count * sizeof(*numbers));
    return (struct mtr_hash128){hash.high64, hash.low64};
}

static int64_t hash_text(struct mtr_str text)
{
    return (int64_t)(text.size ? XXH3_64bits(text.data, text.size) : 0);
}

struct mtr_hash128 rater_term_hash(const struct mtr_subscription *subscription)
{
    const int64_t numbers[] = {subscription->start_s, subscription->end_s, subscription->billing.unit, subscription->billing.anchor_days};
    return hash_numbers(numbers, sizeof(numbers) / sizeof(*numbers));
}

enum { NUMBERS_OF_PART = 9 };

static size_t add_numbers(const struct rater_part *part, int64_t *numbers)
{
    const int64_t own[NUMBERS_OF_PART] = {
        part->start_s,
        part->end_s,
        hash_text(part->tariff->key),
        hash_text(part->tariff->currency),
        part->tariff->rounding,
        part->tariff->rounding_digits,
        part->tariff->round_total,
        (int64_t)part->version->hash_high,
        (int64_t)part->version->hash_low,
    };
    memcpy(numbers, own, sizeof(own));
    return NUMBERS_OF_PART;
}

static int hash_inputs(const struct mtr_subscription *subscription, struct mtr_arena *arena, struct rater_term *term)
{
    const int64_t head[] = {term->whole.start_s, term->whole.end_s, term->start_s, term->end_s, term->part_count,
                            subscription->start_s}; /* levels and contract terms count from there in every period */
    size_t count = sizeof(head) / sizeof(*head);
    int64_t *numbers =
        mtr_arena_alloc(arena, (count + NUMBERS_OF_PART * ((size_t)term->part_count + term->cost_count)) * sizeof(*numbers));
    if (!numbers) return MTR_ENOMEM;
    memcpy(numbers, head, sizeof(head));
    for (uint32_t i = 0; i < term->part_count; i++) count += add_numbers(&term->parts[i], numbers + count);
    for (uint32_t i = 0; i < term->cost_count; i++) count += add_numbers(&term->costs[i], numbers + count);
    term->inputs = hash_numbers(numbers, count);
    return MTR_OK;
}

/* The next moment after time_s at which a part begins or ends; until_s when there is none before it. */
static int64_t next_cut(const struct rater_term *term, int64_t time_s, int64_t until_s)
{
    for (uint32_t i = 0; i < term->part_count; i++) {
        if (term->parts[i].start_s > time_s) return min_s(term->parts[i].start_s, until_s);
        if (term->parts[i].end_s > time_s) return min_s(term->parts[i].end_s, until_s);
    }
    return until_s;
}

/* The parts in which one tariff is in force. They are cut where those of `cuts` begin and end. */
struct stretch {
    const struct mtr_subscription *subscription;
    const struct mtr_tariff_document *tariff;
    int64_t from_s, to_s;
    const struct rater_term *cuts; /* NULL: none */
};

/* Appends them to `parts`, of which there are *count. */
static void add_stretch(const struct stretch *stretch, struct rater_part *parts, uint32_t *count)
{
    const struct mtr_subscription *subscription = stretch->subscription;
    const struct mtr_tariff_document *tariff = stretch->tariff;
    const uint32_t first = *count;
    for (uint32_t i = 0; i < tariff->version_count; i++) {
        const struct mtr_tariff_version *version = &tariff->versions[i];
        int64_t next_s = i + 1 < tariff->version_count ? rater_version_start(subscription, version + 1) : INT64_MAX;
        int64_t start_s = max_s(stretch->from_s, rater_version_start(subscription, version));
        const int64_t end_s = min_s(stretch->to_s, next_s);
        while (start_s < end_s) {
            int64_t cut_s = stretch->cuts ? next_cut(stretch->cuts, start_s, end_s) : end_s;
            parts[(*count)++] = (struct rater_part){
                .start_s = start_s,
                .end_s = cut_s,
                .usage_from_s = start_s == subscription->start_s ? rater_first_hour(subscription) : start_s,
                .tariff = tariff,
                .version = mtr_tariff_version_for(version, subscription->key, subscription->customer),
                .first = first,
            };
            start_s = cut_s;
        }
    }
    for (uint32_t i = first; i < *count; i++) parts[i].count = *count - first;
}

static int make_parts(const struct mtr_subscription *subscription, struct mtr_arena *arena, struct rater_term *term)
{
    const struct mtr_tariff_document *tariff = subscription->tariff, *trial = subscription->trial_tariff;
    const bool in_trial = subscription->trial_end_s > term->start_s;
    term->parts = mtr_arena_calloc(arena, (size_t)tariff->version_count + (trial ? trial->version_count : 0) + 1, sizeof(*term->parts));
    if (!term->parts) return MTR_ENOMEM;
    if (in_trial && trial) {
        const struct stretch before = {subscription, trial, term->start_s, min_s(term->end_s, subscription->trial_end_s), NULL};
        add_stretch(&before, term->parts, &term->part_count);
    }
    if (subscription->trial_stops) return MTR_OK;
    const struct stretch after = {subscription, tariff, max_s(term->start_s, subscription->trial_end_s), term->end_s, NULL};
    add_stretch(&after, term->parts, &term->part_count);
    return MTR_OK;
}

static int make_costs(const struct mtr_subscription *subscription, struct mtr_arena *arena, struct rater_term *term)
{
    const struct mtr_tariff_document *tariff = subscription->cost_tariff;
    if (!tariff) return MTR_OK;
    term->costs = mtr_arena_calloc(arena, (size_t)tariff->version_count + 2 * (size_t)term->part_count + 1, sizeof(*term->costs));
    if (!term->costs) return MTR_ENOMEM;
    const struct stretch all = {subscription, tariff, term->start_s, term->end_s, term};
    add_stretch(&all, term->costs, &term->cost_count);
    return MTR_OK;
}

struct rater_term rater_cost_term(const struct rater_term *term)
{
    struct rater_term costs = *term;
    costs.parts = term->costs;
    costs.part_count = term->cost_count;
    costs.costs = NULL;
    costs.cost_count = 0;
    return costs;
}

int rater_term_at(const struct mtr_subscription *subscription, int64_t start_s, struct mtr_arena *arena, struct rater_term *out)
{
    struct rater_term term = {.start_s = start_s, .end_s = start_s};
    if (start_s >= subscription->start_s && start_s < subscription->end_s) {
        term.whole = mtr_period_at(&subscription->billing, start_s);
        term.exists = max_s(term.whole.start_s, subscription->start_s) == start_s;
        term.end_s = min_s(term.whole.end_s, subscription->end_s);
    }
    if (term.exists) {
        int made = make_parts(subscription, arena, &term);
        if (!made) made = make_costs(subscription, arena, &term);
        if (made) return made;
    } else {
        term.whole = (struct mtr_period){0};
    }
    int rc = hash_inputs(subscription, arena, &term);
    if (!rc) *out = term;
    return rc;
}
