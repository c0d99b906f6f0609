/*
 * A period of more lines than there is memory for is priced line range by line range: which ranges, and
 * whether it can be.
 *
 * Lines are in the order of meterd/store/dimensions.h. A range is found by one look at the cells from its
 * begin on: the least values are kept, and once there are twice as many as wanted the greater half goes and
 * nothing behind it is looked at any more. So each range costs about its own cells.
 */
#include <stdlib.h>
#include <string.h>

#include "rater/period/gather_parts.h"
#include "rater/period/parts.h"

enum { CHUNK_BYTES = 64 << 10 };

static void couple_parts(const struct mtr_billing_part *parts, uint32_t count,
                         struct mtr_tariff_coupling *coupling)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct mtr_tariff_coupling own = mtr_tariff_couples(parts[i].tariff, parts[i].version);
        coupling->cuts = coupling->cuts || own.cuts;
        coupling->adds_up = coupling->adds_up || own.adds_up;
    }
}

struct mtr_tariff_coupling mtr_billing_period_couples(const struct mtr_billing_period *period,
                                                      const struct mtr_grants *grants)
{
    struct mtr_tariff_coupling coupling = {.cuts = false};
    for (uint32_t i = 0; i < grants->count; i++) { /* money pays for the sum of lines */
        coupling.draws = coupling.draws || !grants->items[i].pool.of_money;
        coupling.adds_up = coupling.adds_up || grants->items[i].pool.of_money;
    }
    couple_parts(period->parts, period->part_count, &coupling);
    couple_parts(period->costs, period->cost_count, &coupling);
    return coupling;
}

/* ---- the least values ---- */

struct least {
    struct mtr_arena arena;
    struct mtr_byte_set values;
    uint32_t count_max;
    struct mtr_dimensions_range *lines;
    char *until; /* what lines->until is made of */
};

static void begin_set(struct least *least)
{
    mtr_arena_init(&least->arena, CHUNK_BYTES, SIZE_MAX); /* of 2 × count_max + 1 values */
    least->values = (struct mtr_byte_set){.arena = &least->arena};
}

static int compare_values(const void *a, const void *b)
{
    return mtr_dimensions_compare(*(const struct mtr_str *)a, *(const struct mtr_str *)b);
}

/* Keeps the least count_max, and lets no other in from then on. */
static int halve(struct least *least)
{
    struct least kept = *least;
    const uint32_t count = least->values.count;
    int rc = MTR_OK;
    MTR_ASSERT(count > least->count_max);
    struct mtr_str *values = calloc(count, sizeof(*values));
    if (!values) return MTR_ENOMEM;
    memcpy(values, least->values.keys, count * sizeof(*values));
    qsort(values, count, sizeof(*values), compare_values);
    begin_set(&kept);
    kept.values.arena = &kept.arena;
    for (uint32_t i = 0; !rc && i < least->count_max; i++) {
        uint32_t number;
        bool is_new;
        rc = mtr_byte_set_add(&kept.values, values[i], &number, &is_new);
    }
    memcpy(least->until, values[least->count_max].data, values[least->count_max].size);
    least->lines->until = (struct mtr_str){least->until, values[least->count_max].size};
    least->lines->has_until = true;
    free(values);
    mtr_arena_release(&least->arena);
    *least = kept;
    least->values.arena = &least->arena;
    return rc;
}

static int add_values(struct least *least, struct mtr_str values)
{
    uint32_t number;
    bool is_new;
    if (!mtr_dimensions_range_holds(least->lines, values)) return MTR_OK;
    int rc = mtr_byte_set_add(&least->values, values, &number, &is_new);
    return !rc && least->values.count > 2 * least->count_max ? halve(least) : rc;
}

/* ---- the cells ---- */

struct looking {
    struct rater_gathering gathering;
    struct least *least;
};

static int add_line(struct looking *looking, struct mtr_str dimensions)
{
    char values[MTR_DIMENSIONS_BYTES_MAX];
    return add_values(looking->least, rater_line_values(&looking->gathering, dimensions, values));
}

static int on_cell(void *context, const struct mtr_cell_key *key, const struct mtr_cell *cell)
{
    (void)cell;
    return add_line(context, key->dimensions);
}

static int look_at_lists(struct looking *looking, const struct mtr_use_stream *stream)
{
    const struct mtr_rating *rating = looking->gathering.rating;
    const struct mtr_str *after = NULL;
    struct mtr_str dimensions;
    char last[MTR_DIMENSIONS_BYTES_MAX];
    struct mtr_str last_text;
    int rc = MTR_OK;
    while (!rc) {
        rc = rating->source->next_list(rating->source_context, stream, after, &dimensions);
        if (rc) break;
        memcpy(last, dimensions.data, dimensions.size);
        last_text = (struct mtr_str){last, dimensions.size};
        after = &last_text;
        rc = add_line(looking, last_text);
    }
    return rc == MTR_ENOTFOUND ? MTR_OK : rc;
}

static int look_at_component(struct looking *looking, const struct mtr_billing_period *period, uint32_t part)
{
    struct rater_gathering *gathering = &looking->gathering;
    const struct mtr_rating *rating = gathering->rating;
    int rc = MTR_OK;
    for (uint32_t input = 0; !rc && input < gathering->rule.component->input_count; input++) {
        if (!rater_gather_open(gathering, period, part, input)) continue;
        const struct mtr_use_stream stream = rater_gather_stream(gathering);
        const struct mtr_period range = {gathering->rule.from_us, gathering->rule.until_us};
        if (mtr_slicing_is_level(gathering->rule.meter)) rc = look_at_lists(looking, &stream);
        if (!rc) rc = rating->source->cells(rating->source_context, &stream, range, on_cell, looking);
    }
    return rc;
}

static int look_at_side(const struct mtr_rating *rating, const struct mtr_subscription *subscription,
                        const struct mtr_billing_period *period, struct least *least)
{
    int rc = MTR_OK;
    for (uint32_t part = 0; part < period->part_count; part++) {
        const struct mtr_tariff_version *version = period->parts[part].version;
        for (uint32_t i = 0; !rc && i < version->component_count; i++) {
            struct looking looking = {
                .gathering = {.rating = rating, .subscription = subscription, .arena = rating->arena},
                .least = least};
            looking.gathering.rule = (struct mtr_slicing_rule){.component = &version->components[i],
                                                               .component_index = i,
                                                               .zone = subscription->zone,
                                                               .whole = period->whole};
            if (version->components[i].group_by_count) rc = look_at_component(&looking, period, part);
        }
    }
    return rc;
}

int mtr_billing_period_cut(const struct mtr_rating *rating, const struct mtr_subscription *subscription,
                           const struct mtr_billing_period *period, uint32_t count,
                           struct mtr_dimensions_range *lines, char until[MTR_DIMENSIONS_BYTES_MAX])
{
    const struct mtr_billing_period costs = rater_cost_period(period);
    struct mtr_rating looked = *rating;
    struct least least = {.count_max = count, .lines = lines, .until = until};
    MTR_ASSERT(count > 0);
    looked.lines = lines;
    lines->has_until = false;
    begin_set(&least);
    int rc = look_at_side(&looked, subscription, period, &least);
    if (!rc) rc = look_at_side(&looked, subscription, &costs, &least);
    if (!rc && least.values.count > count) rc = halve(&least);
    mtr_arena_release(&least.arena);
    return rc;
}
