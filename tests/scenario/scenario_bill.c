/*
 * What the bill should be: the naive usage, cut into periods and parts by the documents' words, and priced by mtr_price.
 *
 * Written from rater.h, price.h and period.h. Shares with the rater only the price function, the zones and the periods.
 */
#include "scenario/scenario.h"

#include <inttypes.h>

#include "meterd/rater/price.h"

enum { PARTS_MAX = 8, ROWS_MAX = 256, PRICE_ARENA_BYTES = 64 << 20 };

struct part {
    const struct mtr_tariff_version *version;
    int64_t start_s, end_s;
    int64_t usage_from_s; /* hours that start from here on */
};

struct billing {
    struct scenario *scenario;
    const struct naive *naive;
    const struct mtr_subscription *subscription;
    struct mtr_period whole;
    int64_t start_s, end_s; /* of the period, within the subscription's term */
    struct part parts[PARTS_MAX];
    uint32_t part_count;
    bool closing;
    struct bill *bill;
};

char *scenario_line_key(struct scenario *scenario, struct mtr_str subscription, int64_t period_s, int64_t part_s, struct mtr_str component,
                        struct mtr_str kind, struct mtr_str dimensions, struct mtr_str currency)
{
    return scenario_format(scenario, "%.*s %" PRId64 " %" PRId64 " %.*s %.*s [%.*s] %.*s", MTR_STR_ARGS(subscription), period_s, part_s,
                           MTR_STR_ARGS(component), MTR_STR_ARGS(kind), MTR_STR_ARGS(dimensions), MTR_STR_ARGS(currency));
}

static int64_t version_start(const struct mtr_subscription *subscription, const struct mtr_tariff_version *version)
{
    if (!version->from_is_date) return version->from_us / MTR_US_PER_SECOND; /* instants of a run are whole seconds */
    return mtr_zone_from_civil(subscription->zone, mtr_civil_from_s(version->from_days * 86400));
}

static void find_parts(struct billing *billing)
{
    const struct mtr_subscription *subscription = billing->subscription;
    const struct mtr_tariff_document *tariff = subscription->tariff;
    billing->part_count = 0;
    for (uint32_t i = 0; i < tariff->version_count; i++) {
        struct part part = {.version = &tariff->versions[i], .start_s = version_start(subscription, &tariff->versions[i]),
                            .end_s = billing->end_s};
        if (i + 1 < tariff->version_count) {
            int64_t next_s = version_start(subscription, &tariff->versions[i + 1]);
            if (next_s < part.end_s) part.end_s = next_s;
        }
        if (part.start_s < billing->start_s) part.start_s = billing->start_s;
        if (part.start_s < subscription->trial_end_s) part.start_s = subscription->trial_end_s;
        if (part.start_s >= part.end_s) continue;
        part.usage_from_s = part.start_s;
        if (part.start_s == subscription->start_s) part.usage_from_s = mtr_zone_hour(subscription->zone, part.start_s).start_s;
        billing->parts[billing->part_count++] = part;
    }
}

/* ---- usage of a part ---- */

struct group {
    struct mtr_str dimensions;
    int64_t slice;
    const struct naive_use **uses; /* up to the part's end */
    const struct naive_use **earlier; /* up to its begin */
    uint32_t count, earlier_count;
};

static struct mtr_str line_dimensions(struct scenario *scenario, const struct mtr_component *component, const struct mtr_event *event)
{
    char text[1024];
    size_t size = 0;
    for (uint32_t i = 0; i < component->group_by_count; i++) {
        struct mtr_str name = component->group_by[i];
        struct mtr_str value = scenario_property_text(scenario, mtr_event_property(event, name));
        size += (size_t)snprintf(text + size, sizeof(text) - size, "%s%.*s=", i ? "," : "", MTR_STR_ARGS(name));
        for (size_t k = 0; k < value.size; k++) {
            if (strchr(",=\\", value.data[k])) text[size++] = '\\';
            text[size++] = value.data[k];
        }
    }
    text[size] = '\0';
    return mtr_str_from(scenario_format(scenario, "%s", text));
}

static struct group *group_of(struct scenario *scenario, struct group *groups, uint32_t *count, struct mtr_str dimensions, int64_t slice,
                              uint32_t uses)
{
    for (uint32_t i = 0; i < *count; i++)
        if (groups[i].slice == slice && mtr_str_equal(groups[i].dimensions, dimensions)) return &groups[i];
    CHECK(scenario, *count < ROWS_MAX, "too many groups");
    groups[*count] = (struct group){.dimensions = dimensions, .slice = slice};
    groups[*count].uses = scenario_alloc(scenario, uses, sizeof(*groups->uses));
    groups[*count].earlier = scenario_alloc(scenario, uses, sizeof(*groups->earlier));
    return &groups[(*count)++];
}

static bool same_component(const struct mtr_tariff_version *version, const struct mtr_component *component)
{
    for (uint32_t i = 0; i < version->component_count; i++)
        if (mtr_str_equal(version->components[i].key, component->key) && mtr_str_equal(version->components[i].meter, component->meter)) return true;
    return false;
}

/* From which hour on use counts for the part's position: that of the parts before it, back to a version with reset or without the component. */
static int64_t position_from(const struct billing *billing, uint32_t part, const struct mtr_component *component)
{
    int64_t from_s = billing->parts[part].usage_from_s;
    bool ends = billing->parts[part].version->reset;
    for (uint32_t i = part; !ends && i > 0; i--) {
        ends = !same_component(billing->parts[i - 1].version, component);
        if (!ends) from_s = billing->parts[i - 1].usage_from_s;
        ends = ends || billing->parts[i - 1].version->reset;
    }
    return from_s;
}

static int64_t slice_of(const struct billing *billing, const struct mtr_component *component, int64_t hour_s)
{
    const struct mtr_civil civil = mtr_zone_to_civil(billing->subscription->zone, hour_s);
    if (component->scope == MTR_SLICE_BY_HOUR) return hour_s;
    return component->scope == MTR_SLICE_BY_DAY ? mtr_days_from_civil(civil.year, civil.month, civil.day) : 0;
}

static uint32_t gather(struct billing *billing, uint32_t part_index, uint32_t component_index, struct mtr_usage_row *rows, uint32_t row_count)
{
    const struct part *part = &billing->parts[part_index];
    const struct mtr_component *component = &part->version->components[component_index];
    struct scenario *scenario = billing->scenario;
    const struct naive *naive = billing->naive;
    struct group groups[ROWS_MAX];
    uint32_t group_count = 0;
    const int64_t from_s = position_from(billing, part_index, component);
    for (uint32_t i = 0; i < naive->use_count; i++) {
        const struct naive_use *use = &naive->uses[i];
        if (use->subscription != billing->subscription || !mtr_str_equal(use->meter->key, component->meter)) continue;
        if (use->hour_s < from_s || use->hour_s >= part->end_s) continue;
        struct mtr_str dimensions = line_dimensions(scenario, component, use->event);
        const int64_t slice = slice_of(billing, component, use->hour_s);
        struct group *group = group_of(scenario, groups, &group_count, dimensions, slice, naive->use_count);
        group->uses[group->count++] = use;
        if (use->hour_s < part->usage_from_s) group->earlier[group->earlier_count++] = use;
    }
    for (uint32_t i = 0; i < group_count; i++) {
        struct mtr_quantity until = {0}, before = {0};
        const struct group *group = &groups[i];
        scenario_naive_value(scenario, group->uses, group->count, &until);
        scenario_naive_value(scenario, group->earlier, group->earlier_count, &before);
        CHECK(scenario, row_count + 2 <= ROWS_MAX, "too many rows");
        const int64_t time_us = group->uses[0]->hour_s * MTR_US_PER_SECOND;
        const struct mtr_usage_row row = {.component = component_index, .dimensions = group->dimensions, .time_us = time_us};
        rows[row_count] = rows[row_count + 1] = row;
        rows[row_count].earlier = true;
        rows[row_count].quantity = before;
        CHECK_OK(scenario, mtr_quantity_sub(until, before, &rows[row_count + 1].quantity));
        scenario_seen[SEEN_POSITION] += before.e12 != 0 && rows[row_count + 1].quantity.e12 != 0;
        row_count += 2;
    }
    return row_count;
}

/* ---- lines ---- */

static void add_line(struct billing *billing, const struct part *part, const char *component, const char *kind, struct mtr_str dimensions,
                     struct mtr_money amount)
{
    struct bill *bill = billing->bill;
    scenario_seen[SEEN_ROUNDING_LINE] += strcmp(kind, "rounding") == 0;
    scenario_seen[SEEN_MINIMUM_LINE] += strcmp(kind, "minimum") == 0;
    scenario_seen[SEEN_OVERAGE_LINE] += strcmp(kind, "overage") == 0;
    scenario_seen[SEEN_TRUE_UP_LINE] += strcmp(kind, "commitment") == 0;
    scenario_seen[SEEN_RECURRING_LINE] += strcmp(kind, "recurring") == 0;
    CHECK(billing->scenario, bill->count < BILL_LINES_MAX, "too many lines");
    bill->lines[bill->count++] = (struct bill_line){
        scenario_line_key(billing->scenario, billing->subscription->key, billing->start_s, part->start_s, mtr_str_from(component),
                          mtr_str_from(kind), dimensions, billing->subscription->tariff->currency),
        amount};
}

static void add_price(struct billing *billing, const struct part *part, const struct mtr_price *price)
{
    struct mtr_money rest = price->total;
    for (uint32_t i = 0; i < price->line_count; i++) {
        const struct mtr_price_line *line = &price->lines[i];
        char component[MTR_KEY_BYTES_MAX + 1], kind[16];
        snprintf(component, sizeof(component), "%.*s", MTR_STR_ARGS(line->component));
        snprintf(kind, sizeof(kind), "%.*s", MTR_STR_ARGS(line->kind));
        add_line(billing, part, component, kind, line->dimensions, line->amount);
        CHECK_OK(billing->scenario, mtr_money_sub(rest, line->amount, &rest));
    }
    if (rest.e18) add_line(billing, part, "tariff.rounding", "rounding", MTR_STR(""), rest);
}

static void price_period(struct billing *billing)
{
    struct mtr_arena arena;
    struct mtr_price prices[PARTS_MAX];
    const struct mtr_price *earlier[PARTS_MAX];
    struct mtr_usage_row rows[ROWS_MAX];
    find_parts(billing);
    scenario_seen[SEEN_SPLIT_PERIOD] += billing->part_count > 1;
    mtr_arena_init(&arena, 1 << 14, PRICE_ARENA_BYTES);
    for (uint32_t i = 0; i < billing->part_count; i++) {
        const struct part *part = &billing->parts[i];
        uint32_t row_count = 0;
        for (uint32_t k = 0; k < part->version->component_count; k++) row_count = gather(billing, i, k, rows, row_count);
        const struct mtr_price_input input = {
            .tariff = billing->subscription->tariff, .version = part->version, .period = billing->whole, .active_from_s = part->start_s,
            .active_to_s = part->end_s, .runs_from_s = billing->parts[0].start_s, .runs_to_s = billing->parts[billing->part_count - 1].end_s,
            .closing = billing->closing, .continues_earlier = i > 0,
            .continued_later = i + 1 < billing->part_count, .earlier = earlier, .earlier_count = i,
            .zone = billing->subscription->zone, .usage = rows, .usage_count = row_count};
        CHECK_OK(billing->scenario, mtr_price(&input, false, &arena, &prices[i]));
        earlier[i] = &prices[i];
        add_price(billing, part, &prices[i]);
    }
    mtr_arena_release(&arena);
}

/* Every period from the start up to the one that runs at the watermark. */
static void bill_subscription(struct billing *billing, int64_t watermark_us)
{
    const struct mtr_subscription *subscription = billing->subscription;
    const int64_t grace_us = billing->scenario->stores.rater_options.grace_us;
    for (int64_t time_s = subscription->start_s; time_s < subscription->end_s && time_s * MTR_US_PER_SECOND <= watermark_us;
         time_s = billing->whole.end_s) {
        billing->whole = mtr_period_at(&subscription->billing, time_s);
        billing->start_s = time_s;
        billing->end_s = billing->whole.end_s < subscription->end_s ? billing->whole.end_s : subscription->end_s;
        billing->closing = billing->end_s * MTR_US_PER_SECOND + grace_us <= watermark_us;
        price_period(billing);
    }
}

/* One finding for each meter with live usage before the term, after it, or before the tariff's first version. */
static uint32_t count_stray(const struct billing *billing)
{
    const struct mtr_subscription *subscription = billing->subscription;
    const struct naive *naive = billing->naive;
    int64_t first_s = mtr_zone_hour(subscription->zone, subscription->start_s).start_s;
    int64_t charged_s = subscription->trial_end_s > subscription->start_s ? subscription->trial_end_s : first_s;
    int64_t priced_s = version_start(subscription, &subscription->tariff->versions[0]);
    if (priced_s > subscription->end_s) priced_s = subscription->end_s;
    uint32_t count = 0;
    for (uint32_t m = 1; m <= mtr_catalog_count(billing->scenario->stores.catalog, MTR_KIND_METER); m++) {
        bool before = false, after = false, without_tariff = false;
        for (uint32_t i = 0; i < naive->use_count; i++) {
            const struct naive_use *use = &naive->uses[i];
            if (use->subscription != subscription || use->meter->number != m || use->void_seq) continue;
            before |= use->hour_s < first_s;
            after |= use->hour_s >= subscription->end_s;
            without_tariff |= priced_s > subscription->start_s && use->hour_s >= charged_s && use->hour_s < priced_s;
        }
        count += (uint32_t)before + (uint32_t)after + (uint32_t)without_tariff;
    }
    return count;
}

void scenario_bill_make(struct scenario *scenario, const struct naive *naive, int64_t watermark_us, struct bill *out)
{
    const struct mtr_catalog *catalog = scenario->stores.catalog;
    *out = (struct bill){.lines = scenario_alloc(scenario, BILL_LINES_MAX, sizeof(*out->lines))};
    for (uint32_t i = 1; i <= mtr_catalog_count(catalog, MTR_KIND_SUBSCRIPTION); i++) {
        struct billing billing = {.scenario = scenario, .naive = naive, .subscription = mtr_catalog_subscription(catalog, i), .bill = out};
        bill_subscription(&billing, watermark_us);
        out->stray_count += count_stray(&billing);
    }
    scenario_seen[SEEN_STRAY_USAGE] += out->stray_count;
}
