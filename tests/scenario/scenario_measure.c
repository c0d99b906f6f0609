/*
 * Usage of a part of a period the long way: rows for the price function from the naive uses. Written from
 * slicing.h, price.h and the catalog's words; percentiles list every window, levels add up each change over
 * the time that is left.
 */
#include "scenario/scenario.h"

enum { MEASURED_USES_MAX = 8192, WINDOWS_MAX = 65536 };

struct measuring {
    struct scenario *scenario;
    const struct mtr_subscription *subscription;
    const struct mtr_component *component;
    uint32_t component_index;
    uint32_t input; /* of the component's meters */
    const struct mtr_meter *meter;
    const struct naive_range *range;
    struct mtr_usage_row *rows;
    uint32_t row_count;
    const struct naive_use *uses[MEASURED_USES_MAX]; /* of the meter and one line */
    uint32_t use_count;
    struct mtr_str dimensions; /* of that line */
};

static struct mtr_str line_dimensions(struct scenario *scenario, const struct mtr_component *component,
                                      const struct mtr_event *event)
{
    char text[1024];
    size_t size = 0;
    for (uint32_t i = 0; i < component->group_by_count; i++) {
        struct mtr_str name = component->group_by[i];
        struct mtr_str value = scenario_property_text(scenario, mtr_event_property(event, name));
        size +=
            (size_t)snprintf(text + size, sizeof(text) - size, "%s%.*s=", i ? "," : "", MTR_STR_ARGS(name));
        for (size_t k = 0; k < value.size; k++) {
            if (strchr(",=\\", value.data[k])) text[size++] = '\\';
            text[size++] = value.data[k];
        }
    }
    text[size] = '\0';
    return mtr_str_from(scenario_format(scenario, "%s", text));
}

static void add_row(struct measuring *measuring, int64_t time_us, int64_t until_us, mtr_int128 quantity_e12,
                    bool earlier)
{
    CHECK(measuring->scenario, measuring->row_count < NAIVE_ROWS_MAX, "too many rows");
    measuring->rows[measuring->row_count++] = (struct mtr_usage_row){.component = measuring->component_index,
                                                                     .input = measuring->input,
                                                                     .dimensions = measuring->dimensions,
                                                                     .time_us = time_us,
                                                                     .until_us = until_us,
                                                                     .quantity = {quantity_e12},
                                                                     .earlier = earlier};
}

static int64_t day_start(const struct measuring *measuring, int64_t time_us)
{
    const struct mtr_civil civil = mtr_zone_to_civil(measuring->subscription->zone, time_us);
    const struct mtr_civil midnight = {.year = civil.year, .month = civil.month, .day = civil.day};
    return mtr_zone_from_civil(measuring->subscription->zone, midnight);
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t day_end(const struct measuring *measuring, int64_t time_us)
{
    int64_t end_us = day_start(measuring, time_us) + MTR_US_PER_DAY;
    while (day_start(measuring, end_us) == day_start(measuring, time_us)) end_us += MTR_US_PER_HOUR / 2; /* a day of 25 hours */
    return day_start(measuring, end_us);
}

static struct mtr_period slice_at(const struct measuring *measuring, int64_t time_us)
{
    const struct mtr_hour hour = mtr_zone_hour(measuring->subscription->zone, time_us);
    if (mtr_component_has_masks(measuring->component)) return (struct mtr_period){hour.start_us, hour.end_us};
    switch (measuring->component->scope) {
    case MTR_CURVE_SCOPE_HOUR: return (struct mtr_period){hour.start_us, hour.end_us};
    case MTR_CURVE_SCOPE_DAY:
        return (struct mtr_period){day_start(measuring, time_us), day_end(measuring, time_us)};
    default: return (struct mtr_period){INT64_MIN, INT64_MAX};
    }
}

/* ---- cells ---- */

static int compare_values(const void *a, const void *b)
{
    const struct mtr_quantity *x = a, *y = b;
    return (x->e12 > y->e12) - (x->e12 < y->e12);
}

/* Every window that has a part of [from, until), with the sum of its uses there. */
static mtr_int128 percentile(struct measuring *measuring, int64_t from_us, int64_t until_us)
{
    static struct mtr_quantity sums[WINDOWS_MAX];
    uint32_t count = 0;
    for (int64_t at_us = from_us; at_us < until_us;) {
        const struct mtr_hour hour = mtr_zone_hour(measuring->subscription->zone, at_us);
        for (int64_t start_us = hour.start_us; start_us < hour.end_us; start_us += measuring->meter->window_us) {
            const int64_t begin_us = later(start_us, from_us);
            const int64_t end_us = sooner(start_us + measuring->meter->window_us, until_us);
            if (begin_us >= end_us) continue;
            if (measuring->meter->retired.text.size && begin_us >= measuring->meter->retired.time_us) continue;
            CHECK(measuring->scenario, count < WINDOWS_MAX, "too many windows");
            sums[count] = (struct mtr_quantity){0};
            for (uint32_t i = 0; i < measuring->use_count; i++) {
                const struct naive_use *use = measuring->uses[i];
                if (use->start_us >= begin_us && use->start_us < end_us && !use->void_seq)
                    sums[count].e12 += use->quantity.e12;
            }
            count++;
        }
        at_us = hour.end_us;
    }
    if (!count) return 0;
    qsort(sums, count, sizeof(*sums), compare_values);
    const mtr_int128 hundred = (mtr_int128)100 * 1000000000000;
    uint32_t rank = 1;
    while (rank * hundred < count * measuring->meter->percentile.e12) rank++;
    return sums[rank - 1].e12;
}

/* The value of the uses whose cell begins in [from, until); false: nothing counts. */
static bool value_of(struct measuring *measuring, int64_t from_us, int64_t until_us, mtr_int128 *out)
{
    const struct naive_use *some[MEASURED_USES_MAX];
    struct mtr_quantity value = {0};
    uint32_t count = 0;
    for (uint32_t i = 0; i < measuring->use_count; i++)
        if (measuring->uses[i]->start_us >= from_us && measuring->uses[i]->start_us < until_us)
            some[count++] = measuring->uses[i];
    bool live = scenario_naive_value(measuring->scenario, some, count, &value);
    if (live && measuring->meter->aggregation == MTR_PERCENTILE)
        value.e12 = percentile(measuring, from_us, until_us);
    *out = value.e12;
    return live;
}

/* Slice by slice: what it came to before the part, and what the part makes of it. */
static void measure_cells(struct measuring *measuring)
{
    const struct naive_range *range = measuring->range;
    int64_t done_us = INT64_MIN;
    for (uint32_t i = 0; i < measuring->use_count; i++) {
        const struct mtr_period slice = slice_at(measuring, measuring->uses[i]->start_us);
        const int64_t start_us = later(slice.start_us, range->from_us),
                      end_us = sooner(slice.end_us, range->until_us);
        if (start_us < done_us) continue;
        done_us = end_us;
        mtr_int128 before = 0, all = 0, own;
        const bool live_before = value_of(measuring, start_us, sooner(range->own_us, end_us), &before);
        const bool live_own =
            range->own_us < end_us && value_of(measuring, later(range->own_us, start_us), end_us, &own);
        const bool live = value_of(measuring, start_us, end_us, &all);
        const bool falls =
            measuring->meter->aggregation == MTR_PERCENTILE && !live_own && live && all != before;
        scenario_seen[SEEN_PERCENTILE_FELL] += falls;
        scenario_seen[SEEN_POSITION] += live_before && before && all != before;
        if (live_before)
            add_row(measuring, start_us, start_us, before, true);
        if (live_own || falls)
            add_row(measuring, later(start_us, range->own_us),
                    later(start_us, range->own_us), all - before, false);
    }
}

static int compare_moments(const void *a, const void *b)
{
    const struct naive_use *x = *(const struct naive_use *const *)a, *y = *(const struct naive_use *const *)b;
    if (x->event->time_us != y->event->time_us) return x->event->time_us < y->event->time_us ? -1 : 1;
    return (x->seq > y->seq) - (x->seq < y->seq);
}

static void measure_events(struct measuring *measuring)
{
    if (measuring->use_count)
        qsort(measuring->uses, measuring->use_count, sizeof(*measuring->uses), compare_moments);
    for (uint32_t i = 0; i < measuring->use_count; i++) {
        const struct naive_use *use = measuring->uses[i];
        if (use->void_seq) continue;
        scenario_seen[SEEN_EVENT_PRICED]++;
        const mtr_int128 quantity = use->meter->aggregation == MTR_COUNT ? 1000000000000 : use->quantity.e12;
        add_row(measuring, use->event->time_us, use->event->time_us, quantity,
                use->start_us < measuring->range->own_us);
    }
}

/* ---- levels ---- */

struct naive_change {
    int64_t time_us;
    mtr_int128 by;
};

/* What the line's level changes by, list by list of the meter's dimensions. */
static uint32_t changes_of(struct measuring *measuring, struct naive_change *changes)
{
    uint32_t count = 0;
    const bool by_day = measuring->meter->holds_from_day;
    if (measuring->use_count)
        qsort(measuring->uses, measuring->use_count, sizeof(*measuring->uses), compare_moments);
    for (uint32_t i = 0; i < measuring->use_count; i++) {
        const struct naive_use *use = measuring->uses[i];
        if (use->void_seq) continue;
        scenario_seen[SEEN_LEVEL_OPENED] += !use->seq;
        mtr_int128 before = 0;
        for (uint32_t k = 0; k < i && !measuring->meter->reports_changes; k++)
            if (!measuring->uses[k]->void_seq &&
                mtr_str_equal(measuring->uses[k]->dimensions, use->dimensions))
                before = measuring->uses[k]->quantity.e12;
        const int64_t day_us = day_start(measuring, use->event->time_us);
        const int64_t time_us =
            later(by_day ? day_us : use->event->time_us, measuring->range->from_us);
        scenario_seen[SEEN_LEVEL_CARRIED] +=
            use->event->time_us < measuring->range->from_us;
        changes[count++] = (struct naive_change){time_us, use->quantity.e12 - before};
    }
    const struct mtr_catalog_time *retired = &measuring->meter->retired;
    const uint32_t own_count = retired->text.size ? count : 0;
    for (uint32_t i = 0; i < own_count; i++)
        changes[count++] = (struct naive_change){later(retired->time_us, changes[i].time_us), -changes[i].by};
    return count;
}

/* Level × time from the range's begin to `until`, ÷ the meter's unit of time. */
static mtr_int128 quotient_at(const struct measuring *measuring, const struct naive_change *changes,
                              uint32_t count, int64_t until_us)
{
    static const int64_t seconds[] = {1, 60, 3600, 86400};
    const struct mtr_period *whole = &measuring->range->whole;
    const int64_t per_us = measuring->meter->per == MTR_TIME_UNIT_PERIOD
                               ? whole->end_us - whole->start_us
                               : seconds[measuring->meter->per] * MTR_US_PER_SECOND;
    mtr_int128 sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        const int64_t left_us = until_us - changes[i].time_us;
        if (left_us > 0) sum += changes[i].by * left_us;
    }
    return scenario_divide(sum, per_us);
}

static void measure_quotients(struct measuring *measuring, const struct naive_change *changes, uint32_t count)
{
    const struct naive_range *range = measuring->range;
    mtr_int128 before = 0;
    for (int64_t at_us = range->from_us; at_us < range->until_us;) {
        int64_t end_us = sooner(slice_at(measuring, at_us).end_us, range->until_us);
        if (at_us < range->own_us && range->own_us < end_us) end_us = range->own_us;
        const mtr_int128 after = quotient_at(measuring, changes, count, end_us);
        if (after != before)
            add_row(measuring, at_us, end_us, after - before,
                    at_us < range->own_us);
        before = after;
        at_us = end_us;
    }
}

/* A row from each moment at which anything changes to the next. */
static void measure_spans(struct measuring *measuring, const struct naive_change *changes, uint32_t count)
{
    const struct naive_range *range = measuring->range;
    const int64_t until_us = range->until_us, own_us = range->own_us;
    for (int64_t at_us = range->from_us; at_us < until_us;) {
        int64_t next_us = at_us < own_us ? own_us : until_us;
        mtr_int128 level = 0;
        for (uint32_t i = 0; i < count; i++) {
            if (changes[i].time_us <= at_us) level += changes[i].by;
            else next_us = sooner(next_us, changes[i].time_us);
        }
        if (level) add_row(measuring, at_us, next_us, level, at_us < own_us);
        at_us = next_us;
    }
}

static void measure_levels(struct measuring *measuring)
{
    struct naive_change *changes =
        scenario_alloc(measuring->scenario, 2 * measuring->use_count, sizeof(*changes));
    const uint32_t count = changes_of(measuring, changes);
    if (measuring->component->scope == MTR_CURVE_SCOPE_LEVEL) measure_spans(measuring, changes, count);
    else measure_quotients(measuring, changes, count);
}

/* Levels are of the whole term up to its end, cells of the range. */
static bool is_in_range(const struct measuring *measuring, const struct naive_use *use)
{
    const struct naive_range *range = measuring->range;
    const struct mtr_subscription *subscription = measuring->subscription;
    if (use->meter->aggregation != MTR_TIME_WEIGHTED)
        return use->start_us >= range->from_us && use->start_us < range->until_us;
    return use->event->time_us >= mtr_subscription_begun_us(subscription) &&
           use->event->time_us < mtr_subscription_ends_us(subscription);
}

/* Levels begin with what the subscription takes over. */
static const struct naive_use *use_at(const struct naive *naive, uint32_t index)
{
    return index < naive->opening_count ? &naive->openings[index] : &naive->billed[index - naive->opening_count];
}

static bool is_measured(const struct measuring *measuring, const struct naive_use *use)
{
    const bool is_opening = !use->seq;
    return use->subscription->number == measuring->subscription->number && use->meter == measuring->meter &&
           !(is_opening && use->meter->aggregation != MTR_TIME_WEIGHTED) && is_in_range(measuring, use);
}

/* All lines of one meter. */
static void measure_input(struct measuring *measuring, const struct naive *naive)
{
    struct scenario *scenario = measuring->scenario;
    const struct mtr_component *component = measuring->component;
    static struct mtr_str lines[NAIVE_USES_MAX], seen[NAIVE_USES_MAX];
    const uint32_t count = naive->opening_count + naive->use_count;
    uint32_t seen_count = 0;
    CHECK(scenario, count <= NAIVE_USES_MAX, "too many uses");
    for (uint32_t i = 0; i < count; i++) {
        const struct naive_use *use = use_at(naive, i);
        if (!is_measured(measuring, use)) continue;
        lines[i] = line_dimensions(scenario, component, use->event);
        uint32_t at = 0;
        while (at < seen_count && !mtr_str_equal(seen[at], lines[i])) at++;
        if (at == seen_count) seen[seen_count++] = lines[i];
    }
    for (uint32_t line = 0; line < seen_count; line++) {
        measuring->dimensions = seen[line];
        measuring->use_count = 0;
        for (uint32_t i = 0; i < count; i++) {
            const struct naive_use *use = use_at(naive, i);
            if (!is_measured(measuring, use)) continue;
            if (mtr_str_equal(lines[i], seen[line])) measuring->uses[measuring->use_count++] = use;
            CHECK(scenario, measuring->use_count < MEASURED_USES_MAX, "too many uses of a line");
        }
        if (component->scope == MTR_CURVE_SCOPE_EVENT) measure_events(measuring);
        else if (measuring->meter->aggregation == MTR_TIME_WEIGHTED) measure_levels(measuring);
        else measure_cells(measuring);
    }
}

uint32_t scenario_measure(struct scenario *scenario, const struct naive *naive,
                          const struct naive_measured *measured, struct mtr_usage_row *rows,
                          uint32_t row_count)
{
    /* one thread; too large for the stack */
    static struct measuring measuring_one, *const measuring = &measuring_one;
    const struct mtr_component *component = measured->component;
    measuring->scenario = scenario;
    measuring->subscription = measured->subscription;
    measuring->component = component;
    measuring->component_index = measured->component_index;
    measuring->range = &measured->range;
    measuring->rows = rows;
    measuring->row_count = row_count;
    scenario_seen[SEEN_MASKS] += mtr_component_has_masks(component);
    scenario_seen[SEEN_SEVERAL_METERS] += component->input_count > 1;
    for (measuring->input = 0; measuring->input < component->input_count; measuring->input++) {
        measuring->meter =
            mtr_catalog_find_meter(scenario->stores.catalog, component->inputs[measuring->input]);
        measure_input(measuring, naive);
    }
    return measuring->row_count;
}
