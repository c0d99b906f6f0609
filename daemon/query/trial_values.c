/*
 * Values of meters on trial; see trial_values.h. A value that is kept has a place: what is equal of unique,
 * the counter of a reading.
 */
#include "daemon/query/trial_values.h"

#include <stdlib.h>

#include <xxhash.h>

struct kept {
    XXH128_hash_t place;
    struct mtr_point point;
};

void trial_values_init(struct trial_values *values, size_t bytes_max)
{
    *values = (struct trial_values){0};
    mtr_buffer_init(&values->kept, bytes_max);
}

void trial_values_release(struct trial_values *values)
{
    mtr_buffer_release(&values->kept);
}

static XXH128_hash_t place_of(const struct mtr_meter *meter, const struct mtr_subscription *subscription,
                              const struct mtr_taken *taken)
{
    char number[MTR_DECIMAL_TEXT_BYTES];
    const bool is_counter = meter->aggregation == MTR_COUNTER_INCREASE;
    const struct mtr_str text = is_counter ? taken->dimensions : mtr_property_text(taken->value, number);
    return XXH3_128bits_withSeed(text.size ? text.data : "", text.size,
                                 is_counter ? subscription->number : 0);
}

static int keep(struct trial_values *values, const struct kept *one)
{
    int rc = values->too_many ? MTR_ELIMIT : mtr_buffer_append(&values->kept, one, sizeof(*one));
    if (rc != MTR_ELIMIT) return rc;
    values->too_many = true;
    mtr_buffer_release(&values->kept);
    return MTR_OK;
}

static bool is_later(const struct mtr_point *a, const struct mtr_point *b)
{
    return a->time_us != b->time_us ? a->time_us > b->time_us : a->seq > b->seq;
}

int trial_values_add(struct trial_values *values, struct mtr_meter_trial *trial,
                     const struct mtr_subscription *subscription, const struct mtr_point *point,
                     const struct mtr_taken *taken)
{
    const struct mtr_quantity quantity = point->quantity;
    if (!trial->counted || mtr_quantity_compare(quantity, trial->least) < 0) trial->least = quantity;
    if (!trial->counted || mtr_quantity_compare(quantity, trial->largest) > 0) trial->largest = quantity;
    if (!trial->counted || is_later(point, &values->last)) values->last = *point;
    trial->counted++;
    switch (trial->meter->aggregation) {
    case MTR_SUM:
    case MTR_COUNT: return mtr_quantity_add(trial->quantity, quantity, &trial->quantity);
    case MTR_UNIQUE:
    case MTR_COUNTER_INCREASE: {
        const struct kept one = {place_of(trial->meter, subscription, taken), *point};
        return keep(values, &one);
    }
    case MTR_MIN:
    case MTR_MAX:
    case MTR_LAST:
    case MTR_TIME_WEIGHTED:
    case MTR_PERCENTILE: return MTR_OK;
    }
    MTR_ASSERT(!"known aggregation");
    return MTR_OK;
}

static int compare(const void *left, const void *right)
{
    const struct kept *a = left, *b = right;
    const int order = XXH128_cmp(&a->place, &b->place);
    if (order) return order;
    return is_later(&a->point, &b->point) ? 1 : is_later(&b->point, &a->point) ? -1 : 0;
}

/* How many are different, and what the readings of each counter grew by. */
static int make_of_kept(struct trial_values *values, struct mtr_meter_trial *trial)
{
    struct kept *all = (struct kept *)values->kept.data;
    const size_t count = values->kept.size / sizeof(*all);
    const bool is_unique = trial->meter->aggregation == MTR_UNIQUE;
    int rc = MTR_OK;
    if (count) qsort(all, count, sizeof(*all), compare);
    for (size_t i = 0; !rc && i < count; i++) {
        const bool is_first = !i || !XXH128_isEqual(all[i - 1].place, all[i].place);
        struct mtr_quantity more = MTR_QUANTITY(is_unique && is_first);
        if (!is_unique && !is_first)
            rc = mtr_meter_gain(all[i - 1].point.quantity, all[i].point.quantity, &more);
        if (!rc) rc = mtr_quantity_add(trial->quantity, more, &trial->quantity);
    }
    return rc;
}

int trial_values_make(struct trial_values *values, struct mtr_meter_trial *trial)
{
    const enum mtr_aggregation aggregation = trial->meter->aggregation;
    const bool is_one = aggregation == MTR_MIN || aggregation == MTR_MAX || aggregation == MTR_LAST;
    trial->has_quantity = !values->too_many && !mtr_aggregation_measures_time(aggregation) &&
                          (trial->counted || !is_one);
    if (aggregation == MTR_MIN) trial->quantity = trial->least;
    if (aggregation == MTR_MAX) trial->quantity = trial->largest;
    if (aggregation == MTR_LAST) trial->quantity = values->last.quantity;
    return trial->has_quantity ? make_of_kept(values, trial) : MTR_OK;
}
