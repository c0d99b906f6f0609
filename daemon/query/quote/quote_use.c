/*
 * See quote_use.h. Each input of a component is a stream of its own, made once for all versions that have it:
 * its rows by time, each a cell of its own with the values of the meter's dimensions; of levels by list, too.
 *
 *   rows ──▶ pieces (spans by the hour) ──▶ checked against the versions of their time ──▶ streams ──▶ hooks
 *
 * Invariants: a row is of the component and meter that its own time gives it, whichever version asks; rows
 * that no version of their time prices are findings, never left out in silence, unless the other tariff
 * prices them or they are of a meter. Streams do not change once opened.
 */
#include "daemon/query/quote/quote_use.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/query/quote/quote_pieces.h"
#include "meterd/core/byte_set.h"
#include "meterd/core/limits.h"
#include "meterd/catalog/cell.h"
#include "meterd/core/time.h"
#include "meterd/rater/slicing.h"

enum { DIMENSION_END = 0x1F };

/* One use of a stream. */
struct item {
    int64_t placed_us, time_us;
    uint64_t seq;
    uint32_t list; /* number of its dimensions */
    struct mtr_quantity quantity;
};

struct stream {
    const struct mtr_component *component; /* one that it is of: key, scope and group_by are those of all */
    uint32_t input;
    struct mtr_meter meter;
    bool is_made_up; /* the meter: its dimensions are the component's */
    struct mtr_byte_set lists;
    struct item *items;   /* by place, then time and order */
    struct item *by_list; /* of levels: by list, then time and order */
    uint32_t count, capacity;
};

struct quote_use {
    struct quote_use_options options;
    struct mtr_arena *arena;
    struct mtr_diagnostics *findings;
    struct quote_cut cut;
    struct stream *streams;
    uint32_t stream_count, stream_capacity;
    const struct item *cell; /* that is being handed on */
};

/* ---- streams ---- */

const struct mtr_meter *quote_known_meter(const struct quote_use_options *options, struct mtr_str name)
{
    for (uint32_t i = 0; i < options->meter_count; i++)
        if (mtr_meter_has_name(&options->meters[i], name)) return &options->meters[i];
    return options->catalog ? mtr_catalog_find_meter(options->catalog, name) : NULL;
}

static const struct mtr_meter *known_meter(const struct quote_use *use, struct mtr_str key)
{
    return quote_known_meter(&use->options, key);
}

/* What the catalog's checks refuse: the use of a meter has no other dimensions than its own. */
static int check_dimensions(const struct quote_use *use, const struct stream *stream)
{
    const struct mtr_component *component = stream->component;
    for (uint32_t i = 0; i < component->group_by_count; i++) {
        char sentence[80 + MTR_MEANT_BYTES + MTR_PROPERTY_NAME_BYTES_MAX], meant[MTR_MEANT_BYTES];
        const struct mtr_str name = component->group_by[i];
        if (mtr_meter_has_dimension(&stream->meter, name)) continue;
        snprintf(sentence, sizeof(sentence),
                 "a component groups by what is no dimension of its meter: %.*s%s", MTR_STR_ARGS(name),
                 mtr_meter_dimension_meant(&stream->meter, name, meant));
        return quote_fail(use->findings, MTR_FINDING_CATALOG_DIMENSION_UNKNOWN, NULL, "meters", sentence,
                          (struct mtr_str){NULL, 0});
    }
    return MTR_OK;
}

/* The same of windows and cells. */
static int check_cells(const struct quote_use *use, const struct mtr_tariff_version *version,
                       const struct mtr_component *component, const struct mtr_meter *meter)
{
    const int64_t from_us = use->cut.moments.count ? use->cut.moments.items[0].time_us : use->options.at_us;
    const struct mtr_cell_place place = {use->options.subscription->zone, from_us};
    char text[MTR_CELL_TEXT_BYTES];
    if (mtr_meter_fits_masks(meter, component, &version->calendar, text) &&
        mtr_meter_fits_clocks(meter, component, &version->calendar, &place, text))
        return MTR_OK;
    return quote_fail(use->findings, MTR_FINDING_QUOTE_METER, NULL, "meters", text,
                      (struct mtr_str){NULL, 0});
}

/* Without times a quantity is what is billed: it adds up, or is a level that holds. */
static int choose_meter(const struct quote_use *use, struct stream *stream)
{
    const struct mtr_component *component = stream->component;
    const struct mtr_meter *known =
        use->options.without_times ? NULL : known_meter(use, component->inputs[stream->input]);
    stream->is_made_up = !known;
    if (known) {
        stream->meter = *known;
        if (known->aggregation == MTR_UNIQUE || known->aggregation == MTR_COUNTER_INCREASE)
            stream->meter.aggregation = MTR_SUM; /* a row says how many, or by how much it grew by now */
        return check_dimensions(use, stream);
    }
    const bool is_level = use->options.without_times && component->scope == MTR_CURVE_SCOPE_LEVEL,
               has_masks = mtr_component_has_masks(component);
    stream->meter = (struct mtr_meter){.key = mtr_schema_short_name(component->inputs[stream->input]),
                                       .aggregation = is_level ? MTR_TIME_WEIGHTED : MTR_SUM,
                                       .reports_changes = is_level,
                                       .cell_us = has_masks ? MTR_CELL_US_MIN : MTR_CELL_US_MAX,
                                       .group_by = component->group_by,
                                       .group_by_count = component->group_by_count};
    return MTR_OK;
}

/* Is a row that means that component of this stream? */
static bool is_of(const struct stream *stream, const struct mtr_component *component,
                  const struct quote_row *given)
{
    return component && mtr_str_equal(component->key, stream->component->key) &&
           mtr_schema_may_be_same_name(given->meter.size ? given->meter : component->inputs[0],
                                       stream->component->inputs[stream->input]);
}

static bool is_taken(const struct stream *stream, const struct quote_piece *piece)
{
    for (int side = 0; side < QUOTE_SIDES; side++)
        if (is_of(stream, piece->of[side], piece->given)) return true;
    return false;
}

/* The number of the values of the meter's dimensions, as a cell's key has them. */
static int find_list(struct quote_use *use, struct stream *stream, const struct quote_row *given,
                     uint32_t *number)
{
    char key[MTR_DIMENSIONS_BYTES_MAX];
    size_t size = 0;
    bool is_new;
    for (uint32_t i = 0; i < stream->meter.group_by_count; i++) {
        const struct mtr_str value = quote_label_value(given, stream->meter.group_by[i]);
        if (value.size + 1 > sizeof(key) - size ||
            (value.size && memchr(value.data, DIMENSION_END, value.size)))
            return quote_fail_row(
                use->findings, MTR_FINDING_QUOTE_DIMENSION_VALUE, given, "dimensions",
                "no event can have such a value: it is too long, or has a control character, in",
                stream->meter.group_by[i]);
        if (value.size) memcpy(key + size, value.data, value.size);
        size += value.size;
        key[size++] = DIMENSION_END;
    }
    return mtr_byte_set_add(&stream->lists, (struct mtr_str){key, size}, number, &is_new);
}

static int add_item(struct quote_use *use, struct stream *stream, const struct quote_piece *piece,
                    uint64_t seq)
{
    const bool is_level = mtr_slicing_is_level(&stream->meter);
    struct item item = {.time_us = piece->time_us, .seq = seq, .quantity = piece->quantity};
    if (is_level && piece->given->has_seconds)
        return quote_fail_row(use->findings, MTR_FINDING_QUOTE_SECONDS, piece->given, "seconds",
                              "a level holds until the next row: leave its seconds out, at the meter",
                              stream->meter.key);
    if (use->options.are_events && piece->given->time_us >= mtr_meter_retired_us(&stream->meter))
        return quote_fail_row(use->findings, MTR_FINDING_QUOTE_TIME, piece->given, "time",
                              "lies where the meter counts nothing: it is retired from",
                              stream->meter.retired.text);
    if (is_level && use->options.without_times) item.time_us = use->options.from_us;
    item.placed_us = mtr_cell_at(use->options.subscription, &stream->meter, item.time_us).start_us;
    int rc = find_list(use, stream, piece->given, &item.list);
    if (!rc)
        rc = mtr_arena_make_room(use->arena, (void **)&stream->items, stream->count, &stream->capacity,
                                 sizeof(item));
    if (!rc) stream->items[stream->count++] = item;
    return rc;
}

static int compare_lists(const void *a, const void *b)
{
    const struct item *x = a, *y = b;
    if (x->list != y->list) return x->list < y->list ? -1 : 1;
    if (x->time_us != y->time_us) return x->time_us < y->time_us ? -1 : 1;
    return (x->seq > y->seq) - (x->seq < y->seq);
}

static int sort_lists(struct quote_use *use, struct stream *stream)
{
    if (!mtr_slicing_is_level(&stream->meter) || !stream->count) return MTR_OK;
    stream->by_list = mtr_arena_calloc(use->arena, stream->count, sizeof(*stream->by_list));
    if (!stream->by_list) return MTR_ENOMEM;
    memcpy(stream->by_list, stream->items, stream->count * sizeof(*stream->items));
    qsort(stream->by_list, stream->count, sizeof(*stream->by_list), compare_lists);
    return MTR_OK;
}

/* Levels and events are the rows as they were given, all else their pieces. */
static int fill_stream(struct quote_use *use, struct stream *stream)
{
    const bool as_given =
        mtr_slicing_is_level(&stream->meter) || stream->component->scope == MTR_CURVE_SCOPE_EVENT;
    const struct quote_pieces *pieces = as_given ? &use->cut.moments : &use->cut.pieces;
    int rc = MTR_OK;
    for (uint32_t i = 0; !rc && i < pieces->count; i++)
        if (is_taken(stream, &pieces->items[i])) rc = add_item(use, stream, &pieces->items[i], i + 1);
    for (uint32_t i = 1; !rc && i < stream->count; i++)
        MTR_ASSERT(stream->items[i - 1].placed_us <= stream->items[i].placed_us);
    return rc ? rc : sort_lists(use, stream);
}

static bool has_same_dimensions(const struct stream *stream, const struct mtr_component *component)
{
    if (stream->meter.group_by_count != component->group_by_count) return false;
    for (uint32_t i = 0; i < component->group_by_count; i++)
        if (!mtr_str_equal(stream->meter.group_by[i], component->group_by[i])) return false;
    return true;
}

static bool is_stream_of(const struct stream *stream, const struct mtr_component *component, uint32_t input)
{
    const struct mtr_component *own = stream->component;
    return stream->input == input && mtr_str_equal(own->key, component->key) &&
           mtr_str_equal(own->inputs[input], component->inputs[input]) && own->scope == component->scope &&
           (!stream->is_made_up || has_same_dimensions(stream, component));
}

static struct stream *find_stream(const struct quote_use *use, const struct mtr_component *component,
                                  uint32_t input)
{
    for (uint32_t i = 0; i < use->stream_count; i++)
        if (is_stream_of(&use->streams[i], component, input)) return &use->streams[i];
    return NULL;
}

static int add_stream(struct quote_use *use, const struct mtr_component *component, uint32_t input)
{
    if (find_stream(use, component, input)) return MTR_OK;
    int rc = mtr_arena_make_room(use->arena, (void **)&use->streams, use->stream_count, &use->stream_capacity,
                                 sizeof(*use->streams));
    if (rc) return rc;
    struct stream *stream = &use->streams[use->stream_count++];
    *stream = (struct stream){.component = component, .input = input, .lists = {.arena = use->arena}};
    rc = choose_meter(use, stream);
    return rc ? rc : fill_stream(use, stream);
}

static int add_version(struct quote_use *use, const struct mtr_tariff_version *version)
{
    int rc = MTR_OK;
    for (uint32_t i = 0; i < version->component_count; i++) {
        const struct mtr_component *component = &version->components[i];
        for (uint32_t input = 0; !rc && input < component->input_count; input++) {
            rc = add_stream(use, component, input);
            const struct mtr_meter *known = known_meter(use, component->inputs[input]);
            if (!rc && !known) known = &find_stream(use, component, input)->meter;
            if (!rc) rc = check_cells(use, version, component, known);
        }
    }
    return rc;
}

static int add_streams(struct quote_use *use, const struct mtr_tariff_document *tariff)
{
    int rc = MTR_OK;
    for (uint32_t i = 0; !rc && tariff && i < tariff->version_count; i++)
        rc = add_version(use, &tariff->versions[i]);
    return rc;
}

/* Of the streams of a component, before they are made: a meter that is made up has short cells, for masks. */
static int64_t shortest_cell_of(const struct quote_use *use, const struct mtr_component *component)
{
    int64_t shortest_us = MTR_CELL_US_MAX;
    for (uint32_t input = 0; input < component->input_count; input++) {
        const struct mtr_meter *known = known_meter(use, component->inputs[input]);
        if (known) shortest_us = mtr_time_sooner(shortest_us, known->cell_us);
        else if (mtr_component_has_masks(component)) shortest_us = MTR_CELL_US_MIN;
    }
    return shortest_us;
}

static int64_t shortest_cell_under(const struct quote_use *use, const struct mtr_tariff_document *tariff)
{
    int64_t shortest_us = MTR_CELL_US_MAX;
    for (uint32_t v = 0; tariff && v < tariff->version_count; v++)
        for (uint32_t i = 0; i < tariff->versions[v].component_count; i++)
            shortest_us = mtr_time_sooner(shortest_us,
                                          shortest_cell_of(use, &tariff->versions[v].components[i]));
    return shortest_us;
}

static int64_t shortest_cell(const struct quote_use *use)
{
    int64_t shortest_us = MTR_CELL_US_MAX;
    for (uint32_t p = 0; p < use->options.phases.count; p++)
        for (int side = 0; side < QUOTE_SIDES; side++)
            shortest_us = mtr_time_sooner(
                shortest_us, shortest_cell_under(use, use->options.phases.items[p].of[side]));
    return shortest_us;
}

int quote_use_open(const struct quote_use_options *options, struct mtr_arena *arena,
                   struct mtr_diagnostics *findings, struct quote_use **out)
{
    struct quote_use *use = mtr_arena_calloc(arena, 1, sizeof(*use));
    if (!use) return MTR_ENOMEM;
    *use = (struct quote_use){.options = *options, .arena = arena, .findings = findings};
    int rc = quote_cut_rows(&use->options, shortest_cell(use), arena, findings, &use->cut);
    for (uint32_t i = 0; i < options->phases.count; i++)
        for (int side = 0; !rc && side < QUOTE_SIDES; side++)
            rc = add_streams(use, options->phases.items[i].of[side]);
    if (!rc) *out = use;
    return rc;
}

int64_t quote_use_last_us(const struct quote_use *use)
{
    const struct quote_pieces *moments = &use->cut.moments, *pieces = &use->cut.pieces;
    MTR_ASSERT(moments->count && pieces->count);
    return mtr_time_later(moments->items[moments->count - 1].time_us,
                          pieces->items[pieces->count - 1].time_us);
}

/* ---- hooks ---- */

static const struct mtr_meter *find_meter(void *context, const struct mtr_component *component,
                                          uint32_t input)
{
    const struct stream *stream = find_stream(context, component, input);
    MTR_ASSERT(stream); /* one for each input of each version */
    return &stream->meter;
}

static struct stream *stream_of(const struct quote_use *use, const struct mtr_use_stream *asked)
{
    struct stream *stream = find_stream(use, asked->component, asked->input);
    MTR_ASSERT(stream && &stream->meter == asked->meter);
    return stream;
}

static uint32_t first_from(const struct stream *stream, int64_t from_us)
{
    uint32_t low = 0, high = stream->count;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (stream->items[middle].placed_us < from_us)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int walk_cells(void *context, const struct mtr_use_stream *asked, struct mtr_period range,
                      mtr_rollups_on_cell on_cell, void *hook_context)
{
    struct quote_use *use = context;
    const struct stream *stream = stream_of(use, asked);
    int rc = MTR_OK;
    for (uint32_t i = first_from(stream, range.start_us);
         !rc && i < stream->count && stream->items[i].placed_us < range.end_us; i++) {
        const struct item *item = &stream->items[i];
        const struct mtr_cell_key key = {.start_us = item->placed_us,
                                         .dimensions = stream->lists.keys[item->list]};
        const struct mtr_cell cell = {.value = item->quantity, .count = 1};
        use->cell = item;
        rc = on_cell(hook_context, &key, &cell);
    }
    return rc;
}

static struct mtr_point point_of(const struct item *item)
{
    return (struct mtr_point){item->time_us, item->seq, item->quantity};
}

static int find_last(void *context, const struct mtr_cell_key *key, struct mtr_point *out)
{
    const struct quote_use *use = context;
    MTR_ASSERT(use->cell && use->cell->placed_us == key->start_us);
    *out = point_of(use->cell);
    return MTR_OK;
}

static int walk_members(void *context, const struct mtr_cell_key *key, mtr_rollups_on_member on_member,
                        void *hook_context)
{
    (void)context, (void)key, (void)on_member, (void)hook_context;
    MTR_ASSERT(!"counts of unique values add up here");
    return MTR_EINVALID;
}

static int walk_events(void *context, const struct mtr_cell_key *key, mtr_rollups_on_point on_point,
                       void *hook_context)
{
    struct mtr_point point;
    int rc = find_last(context, key, &point);
    return rc ? rc : on_point(hook_context, &point);
}

static int next_list(void *context, const struct mtr_use_stream *asked, const struct mtr_str *after,
                     struct mtr_str *dimensions)
{
    struct stream *stream = stream_of(context, asked);
    uint32_t number = 0;
    if (after) {
        const bool is_there = mtr_byte_set_find(&stream->lists, *after, &number);
        MTR_ASSERT(is_there);
        number++;
    }
    if (number >= stream->lists.count) return MTR_ENOTFOUND;
    *dimensions = stream->lists.keys[number];
    return MTR_OK;
}

/* The first point of a list at that time or later; the end of the list when there is none. Of a list that no
 * row has: behind all. */
static uint32_t find_point(const struct stream *stream, struct mtr_str list, int64_t time_us)
{
    struct item wanted = {.time_us = time_us};
    uint32_t low = 0, high = stream->count;
    if (!mtr_byte_set_find(&stream->lists, list, &wanted.list)) return stream->count;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (compare_lists(&stream->by_list[middle], &wanted) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int point_before(void *context, const struct mtr_use_stream *asked, struct mtr_str list,
                        int64_t time_us, struct mtr_point *out)
{
    const struct stream *stream = stream_of(context, asked);
    const uint32_t index = find_point(stream, list, time_us);
    if (!index || !mtr_str_equal(stream->lists.keys[stream->by_list[index - 1].list], list))
        return MTR_ENOTFOUND;
    *out = point_of(&stream->by_list[index - 1]);
    return MTR_OK;
}

static int walk_points(void *context, const struct mtr_use_stream *asked, const struct mtr_use_points *wanted,
                       mtr_rollups_on_point on_point, void *hook_context)
{
    const struct stream *stream = stream_of(context, asked);
    int rc = MTR_OK;
    for (uint32_t index = find_point(stream, wanted->list, wanted->from_us); !rc && index < stream->count;
         index++) {
        const struct item *item = &stream->by_list[index];
        const struct mtr_point point = point_of(item);
        if (item->time_us >= wanted->until_us || !mtr_str_equal(stream->lists.keys[item->list], wanted->list))
            break;
        rc = on_point(hook_context, &point);
    }
    return rc;
}

const struct mtr_use_source quote_use_source = {
    .meter = find_meter,
    .cells = walk_cells,
    .last = find_last,
    .members = walk_members,
    .events = walk_events,
    .next_list = next_list,
    .point_before = point_before,
    .points = walk_points,
};
