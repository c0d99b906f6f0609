/*
 * Usage of one part of a period out of the rating's source: which cells, points and lists a component's meter
 * has, in which group of the component's group_by each falls, and the log range of each group. What they come
 * to is slicing.h's.
 *
 * Memory: what is handed out is in the caller's arena; what a component's slicing needs is in one of its own,
 * which goes when it is done. The maximum of the caller's bounds both. Pure reading. Levels are gathered in
 * gather_levels.c.
 */
#include "rater/period/gather.h"

#include <stdlib.h>

#include "meterd/core/time.h"
#include "rater/period/gather_parts.h"
#include "rater/period/parts.h"

enum { CHUNK_BYTES = 4096, SCRATCH_KEPT_BYTES = 1 << 20 };

static int on_member(void *context, const struct mtr_member *member)
{
    struct rater_gathering *gathering = context;
    return mtr_slicing_add_member(gathering->slicing, gathering->group, gathering->placed_us, member->member);
}

static int on_event(void *context, const struct mtr_point *point)
{
    struct rater_gathering *gathering = context;
    const struct mtr_use use = {gathering->placed_us, point->time_us, point->seq, point->quantity};
    gathering->cell_count++;
    return mtr_slicing_add(gathering->slicing, gathering->group, &use);
}

/* The cell's latest event: cells of one hour and group are told apart by it. */
static int add_last(struct rater_gathering *gathering, const struct mtr_cell_key *key)
{
    const struct mtr_rating *rating = gathering->rating;
    struct mtr_point point;
    int rc = rating->source->last(rating->source_context, key, &point);
    if (rc) return rc == MTR_ENOTFOUND ? MTR_ECORRUPT : rc;
    const struct mtr_use use = {key->start_us, point.time_us, point.seq, point.quantity};
    return mtr_slicing_add(gathering->slicing, gathering->group, &use);
}

static int add_cell(struct rater_gathering *gathering, const struct mtr_cell_key *key,
                    const struct mtr_cell *cell)
{
    const enum mtr_aggregation aggregation = gathering->rule.meter->aggregation;
    const struct mtr_use_source *source = gathering->rating->source;
    void *context = gathering->rating->source_context;
    if (gathering->rule.component->scope == MTR_CURVE_SCOPE_EVENT)
        return source->events(context, key, on_event, gathering);
    if (aggregation == MTR_UNIQUE) return source->members(context, key, on_member, gathering);
    if (aggregation == MTR_LAST) return add_last(gathering, key);
    struct mtr_use use = {.placed_us = key->start_us, .time_us = key->start_us, .quantity = cell->value};
    int rc = mtr_readings_in_term(&gathering->readings, key, &use.quantity);
    return rc ? rc : mtr_slicing_add(gathering->slicing, gathering->group, &use);
}

/* Cells without live events give no value, but their log range counts. */
static int on_cell(void *context, const struct mtr_cell_key *key, const struct mtr_cell *cell)
{
    struct rater_gathering *gathering = context;
    MTR_ASSERT(key->start_us >=
               gathering->placed_us); /* from the range's begin on, and in order, as slicing wants it */
    gathering->placed_us = key->start_us;
    gathering->cell_count++;
    int rc = rater_gather_group(gathering, key->dimensions, &gathering->group);
    if (rc || gathering->group == RATER_NO_GROUP) return rc;
    if (key->start_us >= gathering->rule.own_us)
        rater_gather_range(gathering, gathering->group, cell->seq_first, cell->seq_last);
    return cell->count ? add_cell(gathering, key, cell) : MTR_OK;
}

static void find_positions(struct rater_gathering *gathering)
{
    const struct mtr_component *component = gathering->rule.component;
    const struct mtr_meter *meter = gathering->rule.meter;
    for (uint32_t i = 0; i < component->group_by_count; i++) {
        gathering->positions[i] =
            UINT32_MAX; /* an unknown dimension is empty everywhere; the catalog's checks refuse it */
        for (uint32_t j = 0; j < meter->group_by_count; j++)
            if (mtr_str_equal(component->group_by[i], meter->group_by[j])) gathering->positions[i] = j;
    }
}

/* ---- of all components ---- */

struct collecting {
    struct mtr_arena *arena;
    struct mtr_str text; /* the last one that was copied */
    struct rater_group *groups;
    uint32_t group_count, group_capacity;
    struct mtr_usage_row *rows;
    uint32_t row_count, row_capacity;
    uint32_t own_from, own_until; /* of these the component's own, while its peers are gathered */
    uint64_t cell_count;
    const struct mtr_meter **meters;
};

static int compare_groups(const void *a, const void *b)
{
    const struct rater_group *x = a;
    const struct rater_group *y = b;
    if (x->component != y->component) return x->component < y->component ? -1 : 1;
    return mtr_str_compare(x->dimensions, y->dimensions);
}

/* Rows and groups of a line stand together. */
static int copy_text(struct collecting *collecting, struct mtr_str *text)
{
    int rc = MTR_OK;
    if (!mtr_str_equal(collecting->text, *text))
        rc = mtr_arena_copy(collecting->arena, *text, &collecting->text);
    if (!rc) *text = collecting->text;
    return rc;
}

static int collect_rows(struct collecting *collecting, const struct mtr_usage_row *rows, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        MTR_ASSERT(!collecting->row_count || /* components one after another: a line finds all of its rows */
                   collecting->rows[collecting->row_count - 1].component <= rows[i].component);
        int rc = mtr_arena_make_room(collecting->arena, (void **)&collecting->rows, collecting->row_count,
                                     &collecting->row_capacity, sizeof(*rows));
        if (rc) return rc;
        collecting->rows[collecting->row_count] = rows[i];
        rc = copy_text(collecting, &collecting->rows[collecting->row_count++].dimensions);
        if (rc) return rc;
    }
    return MTR_OK;
}

/* Can a line without use of its own part be due? One without dimensions, one of levels, which go on, and one
 * of several meters, which may have use of another. */
static bool may_be_due_without(const struct mtr_slicing_rule *rule)
{
    return rule->component->group_by_count == 0 || rule->component->scope == MTR_CURVE_SCOPE_LEVEL ||
           rule->component->input_count != 1 || mtr_slicing_is_level(rule->meter);
}

static int compare_lines(const void *a, const void *b)
{
    const struct mtr_usage_row *x = a, *y = b;
    return mtr_str_compare(x->dimensions, y->dimensions);
}

static bool is_own_line(const struct collecting *collecting, struct mtr_str dimensions)
{
    const struct mtr_usage_row key = {.dimensions = dimensions};
    const uint32_t count = collecting->own_until - collecting->own_from;
    return count && bsearch(&key, collecting->rows + collecting->own_from, count, sizeof(key), compare_lines);
}

/* Of a period in many parts most lines of a part have earlier use alone: they cost nothing in it. A peer's
 * use is all earlier, and counts where the subscription has use of that line. */
static int collect_lines(struct collecting *collecting, const struct mtr_slicing_rule *rule,
                         const struct mtr_usage_row *rows, uint32_t count)
{
    int rc = MTR_OK;
    if (may_be_due_without(rule)) return collect_rows(collecting, rows, count);
    for (uint32_t from = 0, to; !rc && from < count; from = to) {
        bool has_own = is_own_line(collecting, rows[from].dimensions);
        for (to = from; to < count && mtr_str_equal(rows[to].dimensions, rows[from].dimensions); to++)
            has_own = has_own || !rows[to].earlier;
        if (has_own) rc = collect_rows(collecting, &rows[from], to - from);
    }
    return rc;
}

static int collect_groups(struct collecting *collecting, struct rater_group *groups, uint32_t count)
{
    if (count) qsort(groups, count, sizeof(*groups), compare_groups);
    for (uint32_t i = 0; i < count; i++) {
        if (!groups[i].seq_first) continue; /* nothing of it is in the part */
        int rc = mtr_arena_make_room(collecting->arena, (void **)&collecting->groups, collecting->group_count,
                                     &collecting->group_capacity, sizeof(*groups));
        if (rc) return rc;
        collecting->groups[collecting->group_count] = groups[i];
        rc = copy_text(collecting, &collecting->groups[collecting->group_count++].dimensions);
        if (rc) return rc;
    }
    return MTR_OK;
}

static int walk_cells(struct rater_gathering *gathering)
{
    const struct mtr_rating *rating = gathering->rating;
    const struct mtr_use_stream stream = rater_gather_stream(gathering);
    const struct mtr_period range = {gathering->rule.from_us, gathering->rule.until_us};
    gathering->placed_us = range.start_us;
    gathering->readings = (struct mtr_readings_question){
        .source = rating->source, .source_context = rating->source_context, .stream = stream};
    int rc = mtr_readings_begin(&gathering->readings);
    if (!rc) rc = rating->source->cells(rating->source_context, &stream, range, on_cell, gathering);
    MTR_ASSERT(rc || gathering->placed_us == range.start_us ||
               gathering->placed_us < range.end_us); /* the last cell */
    return rc;
}

/* One meter of a component. */
static int gather_input(struct rater_gathering *gathering, struct collecting *collecting)
{
    const struct mtr_slicing_rule *rule = &gathering->rule;
    const struct mtr_usage_row *rows = NULL;
    uint32_t count = 0;
    gathering->line_capacity = 0;
    int rc = mtr_slicing_begin(rule, gathering->arena, &gathering->slicing);
    if (!rc) rc = mtr_slicing_is_level(rule->meter) ? rater_gather_levels(gathering) : walk_cells(gathering);
    if (!rc) rc = mtr_slicing_finish(gathering->slicing, &rows, &count);
    return rc ? rc : collect_lines(collecting, rule, rows, count);
}

static void set_range(struct rater_gathering *gathering, const struct mtr_billing_period *period,
                      uint32_t index)
{
    struct mtr_slicing_rule *rule = &gathering->rule;
    const struct mtr_billing_part *part = &period->parts[index];
    rule->from_us = rater_position_from(gathering->subscription, period, index, rule->component);
    rule->own_us = part->start_us;
    rule->until_us = part->end_us;
    MTR_ASSERT(rule->from_us <= rule->own_us && rule->own_us < rule->until_us);
}

static const struct mtr_meter *find_meter(const struct mtr_rating *rating,
                                          const struct mtr_component *component, uint32_t input)
{
    return rating->source->meter(rating->source_context, component, input);
}

bool rater_gather_open(struct rater_gathering *gathering, const struct mtr_billing_period *period,
                       uint32_t part, uint32_t input)
{
    struct mtr_slicing_rule *rule = &gathering->rule;
    rule->input = input;
    rule->meter = find_meter(gathering->rating, rule->component, input);
    if (!rule->meter) return false;
    set_range(gathering, period, part);
    find_positions(gathering);
    return true;
}

/* All meters of a component: their rows differ by input, their lines are the same. */
static int gather_component(struct rater_gathering *gathering, const struct mtr_billing_period *period,
                            uint32_t part, struct collecting *collecting)
{
    const struct mtr_component *component = gathering->rule.component;
    int rc = MTR_OK;
    gathering->dimensions.arena = gathering->arena;
    for (uint32_t input = 0; !rc && input < component->input_count; input++) {
        const bool is_there = rater_gather_open(gathering, period, part, input);
        if (input == 0) collecting->meters[gathering->rule.component_index] = gathering->rule.meter;
        if (is_there) rc = gather_input(gathering, collecting);
    }
    collecting->cell_count += gathering->cell_count;
    return rc ? rc : collect_groups(collecting, gathering->groups, gathering->dimensions.count);
}

/* What the customer's subscriptions before this one used in the same billing period: it gives the
 * position, as earlier use of its own does. */
static int gather_peers(const struct rater_gathering *own, struct collecting *collecting)
{
    const struct mtr_subscription *subscription = own->subscription;
    int rc = MTR_OK;
    for (uint32_t i = 0; !rc && i < subscription->peer_index; i++) {
        const struct mtr_subscription *peer = subscription->peers[i];
        struct rater_gathering gathering = {
            .rating = own->rating, .subscription = peer, .arena = own->arena, .rule = own->rule};
        struct mtr_slicing_rule *rule = &gathering.rule;
        const int64_t first_us = rater_first_charged(peer), last_us = rater_charged_until(peer);
        gathering.dimensions.arena = own->arena;
        rule->meter = find_meter(own->rating, rule->component, 0);
        rule->input = 0;
        rule->from_us = first_us > rule->whole.start_us ? first_us : rule->whole.start_us;
        rule->until_us = rule->own_us = last_us < rule->whole.end_us ? last_us : rule->whole.end_us;
        if (!rule->meter || rule->from_us >= rule->until_us) continue;
        find_positions(&gathering);
        rc = gather_input(&gathering, collecting);
        collecting->cell_count += gathering.cell_count;
    }
    return rc;
}

/* What a large period needed is not kept for small ones. */
static void give_back(struct mtr_arena *scratch)
{
    if (scratch->bytes_total <= SCRATCH_KEPT_BYTES) {
        mtr_arena_reset(scratch);
        return;
    }
    mtr_arena_release(scratch);
    mtr_arena_init(scratch, CHUNK_BYTES, SIZE_MAX);
}

/* In memory of its own. */
static int gather_apart(struct rater_gathering *gathering, const struct mtr_billing_period *period,
                        uint32_t part, struct collecting *collecting)
{
    const struct mtr_arena *bound = collecting->arena;
    const bool has_peers = gathering->rule.component->across_customer &&
                           period->parts[part].tariff == gathering->subscription->tariff;
    struct mtr_arena own, *arena = gathering->rating->scratch;
    const size_t bytes_max = bound->bytes_max - bound->bytes_total;
    if (!arena) mtr_arena_init(&own, CHUNK_BYTES, bytes_max);
    else arena->bytes_max = bytes_max > arena->bytes_total ? bytes_max : arena->bytes_total;
    gathering->arena = arena ? arena : &own;
    const uint32_t own_from = collecting->row_count;
    int rc = gather_component(gathering, period, part, collecting);
    collecting->own_from = own_from;
    collecting->own_until = collecting->row_count;
    if (!rc && has_peers) rc = gather_peers(gathering, collecting);
    collecting->own_from = collecting->own_until = 0;
    collecting->arena->is_at_bound |= gathering->arena->is_at_bound;
    if (!arena) mtr_arena_release(&own);
    else give_back(arena);
    return rc;
}

/* Lines without values are priced with the first ones. */
static bool has_lines(const struct mtr_rating *rating, const struct mtr_component *component)
{
    return !rating->lines || !rating->lines->from.size || component->group_by_count;
}

int rater_gather(const struct mtr_rating *rating, const struct mtr_subscription *subscription,
                 const struct mtr_billing_period *period, uint32_t part, uint32_t *component,
                 const struct rater_usage **out)
{
    struct collecting collecting = {.arena = rating->arena, .text = MTR_STR("")};
    const struct mtr_tariff_version *version = period->parts[part].version;
    struct rater_usage *usage = mtr_arena_calloc(rating->arena, 1, sizeof(*usage));
    collecting.meters =
        mtr_arena_calloc(rating->arena, (size_t)version->component_count + 1, sizeof(*collecting.meters));
    if (!usage || !collecting.meters) return MTR_ENOMEM;
    for (uint32_t i = 0; i < version->component_count; i++) {
        struct rater_gathering gathering = {.rating = rating, .subscription = subscription};
        *component = i;
        if (!has_lines(rating, &version->components[i])) continue;
        if (version->components[i].group_by_count > MTR_METER_GROUP_BY_MAX) return MTR_ELIMIT;
        gathering.rule = (struct mtr_slicing_rule){.component = &version->components[i],
                                                   .component_index = i,
                                                   .zone = subscription->zone,
                                                   .whole = period->whole};
        int rc = gather_apart(&gathering, period, part, &collecting);
        if (rc) return rc;
    }
    for (uint32_t i = 1; i < collecting.group_count; i++) /* looked up by bisection */
        MTR_ASSERT(compare_groups(&collecting.groups[i - 1], &collecting.groups[i]) < 0);
    *usage = (struct rater_usage){.groups = collecting.groups,
                                  .group_count = collecting.group_count,
                                  .rows = collecting.rows,
                                  .row_count = collecting.row_count,
                                  .cell_count = collecting.cell_count,
                                  .meters = collecting.meters};
    *out = usage;
    return MTR_OK;
}

const struct rater_group *rater_find_group(const struct rater_usage *usage, uint32_t component,
                                           struct mtr_str dimensions)
{
    const struct rater_group key = {.component = component, .dimensions = dimensions};
    if (!usage->group_count) return NULL;
    return bsearch(&key, usage->groups, usage->group_count, sizeof(key), compare_groups);
}
