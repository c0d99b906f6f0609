/*
 * Billing periods of a subscription: limits, parts by tariff version, hash of the inputs.
 *
 * Invariants: parts ascend, do not overlap, and lie in [max(start, trial end), end). Pure; memory from the caller's arena.
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
    while (first > 0 && !term->parts[first].version->reset && term->parts[first - 1].end_s == term->parts[first].start_s &&
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

static int hash_inputs(const struct mtr_subscription *subscription, struct mtr_arena *arena, struct rater_term *term)
{
    const struct mtr_tariff_document *tariff = subscription->tariff;
    const int64_t head[] = {
        term->whole.start_s,         term->whole.end_s, term->start_s,           term->end_s,        hash_text(tariff->key),
        hash_text(tariff->currency), tariff->rounding,  tariff->rounding_digits, tariff->round_total,
        subscription->start_s}; /* levels and contract terms count from there in every period */
    size_t count = sizeof(head) / sizeof(*head);
    int64_t *numbers = mtr_arena_alloc(arena, (count + 4 * (size_t)term->part_count) * sizeof(*numbers));
    if (!numbers) return MTR_ENOMEM;
    memcpy(numbers, head, sizeof(head));
    for (uint32_t i = 0; i < term->part_count; i++) {
        numbers[count++] = term->parts[i].start_s;
        numbers[count++] = term->parts[i].end_s;
        numbers[count++] = (int64_t)term->parts[i].version->hash_high;
        numbers[count++] = (int64_t)term->parts[i].version->hash_low;
    }
    term->inputs = hash_numbers(numbers, count);
    return MTR_OK;
}

static int make_parts(const struct mtr_subscription *subscription, struct mtr_arena *arena, struct rater_term *term)
{
    const struct mtr_tariff_document *tariff = subscription->tariff;
    term->parts = mtr_arena_calloc(arena, tariff->version_count + 1, sizeof(*term->parts));
    if (!term->parts) return MTR_ENOMEM;
    int64_t from_s = max_s(term->start_s, subscription->trial_end_s);
    for (uint32_t i = 0; i < tariff->version_count; i++) {
        const struct mtr_tariff_version *version = &tariff->versions[i];
        int64_t next_s = i + 1 < tariff->version_count ? rater_version_start(subscription, version + 1) : INT64_MAX;
        int64_t start_s = max_s(from_s, rater_version_start(subscription, version));
        int64_t end_s = min_s(term->end_s, next_s);
        if (start_s >= end_s) continue;
        int64_t usage_s = start_s == subscription->start_s ? rater_first_hour(subscription) : start_s;
        const struct mtr_tariff_version *own = mtr_tariff_version_for(version, subscription->key, subscription->customer);
        term->parts[term->part_count++] = (struct rater_part){start_s, end_s, usage_s, own};
    }
    return MTR_OK;
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
        if (made) return made;
    } else {
        term.whole = (struct mtr_period){0};
    }
    int rc = hash_inputs(subscription, arena, &term);
    if (!rc) *out = term;
    return rc;
}
