/*
 * Usage of one part of a period out of the rollups' hour cells, slice after slice in order of time.
 *
 * sum and count add; min and max compare; last takes the latest hour's value, and within one hour the latest event's (the cell's
 * greatest member); unique counts the union of the cells' members. Cells without live events give no value, but their log range counts.
 * A slice that began before the part gives two rows: what it had come to at the part's begin, and what the part changes in that.
 * Memory: everything in the caller's arena, whose maximum bounds it. Pure reading.
 */
#include "rater/gather.h"

#include <stdlib.h>
#include <string.h>

#include "meterd/core/byte_set.h"
#include "meterd/core/time.h"
#include "rater/price_parts.h"

enum { DIMENSION_END = 0x1F };

/* A combination's slice at hand. */
struct group_state {
    struct rater_group group;
    bool live;
    int64_t slice; /* its hour or local day; 0 of a period */
    int64_t time_s;
    struct mtr_quantity value;
    struct mtr_quantity earlier; /* the value at the part's begin */
    int64_t last_hour_s;
    struct mtr_str last_member;
};

struct gathering {
    struct mtr_rollups_txn *rollups;
    struct mtr_arena *arena;
    const struct mtr_meter *meter;
    const struct mtr_component *component;
    const struct mtr_zone *zone;
    uint32_t component_index;
    int64_t begin_s; /* of the part's own cells */
    bool begun;
    uint32_t positions[MTR_METER_GROUP_BY_MAX]; /* of the component's group_by in the meter's */
    struct mtr_byte_set dimensions;
    struct mtr_byte_set members;
    struct group_state *groups; /* by number in `dimensions` */
    uint32_t group_capacity;
    struct group_state *group;  /* of the cell being added, for the members' hook */
    uint32_t group_number;
    uint64_t cell_count;
    struct rater_usage *usage; /* where the rows go */
    uint32_t row_capacity;
};

/* The value at a position of a cell's dimensions (each value ends with 0x1F). */
static struct mtr_str dimension_at(struct mtr_str dimensions, uint32_t position)
{
    const char *at = dimensions.data;
    size_t left = dimensions.size;
    for (;; position--) {
        const char *end = left ? memchr(at, DIMENSION_END, left) : NULL;
        if (!end) return (struct mtr_str){0};
        if (position == 0) return (struct mtr_str){at, (size_t)(end - at)};
        left -= (size_t)(end - at) + 1;
        at = end + 1;
    }
}

static size_t append(char *text, size_t size, struct mtr_str piece)
{
    MTR_ASSERT(size + piece.size <= RATER_DIMENSIONS_BYTES_MAX);
    if (piece.size) memcpy(text + size, piece.data, piece.size);
    return size + piece.size;
}

static size_t dimensions_text(const struct gathering *gathering, struct mtr_str dimensions, char text[RATER_DIMENSIONS_BYTES_MAX])
{
    size_t size = 0;
    for (uint32_t i = 0; i < gathering->component->group_by_count; i++) {
        struct mtr_str value = dimension_at(dimensions, gathering->positions[i]);
        if (i) size = append(text, size, MTR_STR(","));
        size = append(text, size, gathering->component->group_by[i]);
        size = append(text, size, MTR_STR("="));
        for (size_t j = 0; j < value.size; j++) {
            char c = value.data[j];
            if (c == ',' || c == '=' || c == '\\') size = append(text, size, MTR_STR("\\"));
            size = append(text, size, (struct mtr_str){&c, 1});
        }
    }
    return size;
}

bool rater_next_dimension(struct mtr_str *rest, struct mtr_str *name, char *value, size_t *value_size)
{
    const char *equals = rest->size ? memchr(rest->data, '=', rest->size) : NULL;
    if (!equals) return false;
    *name = (struct mtr_str){rest->data, (size_t)(equals - rest->data)};
    const char *at = equals + 1;
    const char *end = rest->data + rest->size;
    size_t size = 0;
    for (; at < end && *at != ','; at++) {
        if (*at == '\\' && at + 1 < end) at++;
        value[size++] = *at;
    }
    *value_size = size;
    if (at < end) at++;
    *rest = (struct mtr_str){at, (size_t)(end - at)};
    return true;
}

static int find_group(struct gathering *gathering, struct mtr_str dimensions, struct group_state **out)
{
    char text[RATER_DIMENSIONS_BYTES_MAX];
    uint32_t number = 0;
    bool is_new = false;
    struct mtr_str key = {text, dimensions_text(gathering, dimensions, text)};
    int rc = mtr_byte_set_add(&gathering->dimensions, key, &number, &is_new);
    if (rc) return rc;
    if (number >= gathering->group_capacity) {
        uint32_t capacity = gathering->group_capacity ? gathering->group_capacity * 2 : 16;
        struct group_state *groups = mtr_arena_calloc(gathering->arena, capacity, sizeof(*groups));
        if (!groups) return MTR_ENOMEM;
        if (number) memcpy(groups, gathering->groups, number * sizeof(*groups));
        gathering->groups = groups;
        gathering->group_capacity = capacity;
    }
    gathering->group_number = number;
    *out = &gathering->groups[number];
    if (is_new) {
        **out = (struct group_state){.last_hour_s = INT64_MIN};
        (*out)->group.component = gathering->component_index;
        (*out)->group.dimensions = gathering->dimensions.keys[number];
    }
    return MTR_OK;
}

static int on_member(void *context, const struct mtr_member *member)
{
    struct gathering *gathering = context;
    uint32_t number = 0;
    bool is_new = false;
    enum { PREFIX_BYTES = 12 }; /* of the group and its slice */
    char key[PREFIX_BYTES + MTR_LMDB_KEY_BYTES_MAX + MTR_PROPERTY_TEXT_BYTES_MAX];
    if (member->member.size > sizeof(key) - PREFIX_BYTES) return MTR_ECORRUPT;
    memcpy(key, &gathering->group_number, 4);
    memcpy(key + 4, &gathering->group->slice, 8);
    memcpy(key + PREFIX_BYTES, member->member.data, member->member.size);
    int rc = mtr_byte_set_add(&gathering->members, (struct mtr_str){key, PREFIX_BYTES + member->member.size}, &number, &is_new);
    if (rc || !is_new) return rc;
    struct mtr_quantity one, *quantity = &gathering->group->value;
    rc = mtr_quantity_from_i64(1, &one);
    return rc ? rc : mtr_quantity_add(*quantity, one, quantity);
}

/* The later of two values: by hour, then by the cells' greatest members. */
static int add_last(struct gathering *gathering, struct group_state *state, const struct mtr_cell_key *key, const struct mtr_cell *cell)
{
    struct mtr_member member = {0};
    int rc = mtr_rollups_last_member(gathering->rollups, key, &member);
    if (rc && rc != MTR_ENOTFOUND) return rc;
    bool later = key->hour_s > state->last_hour_s || mtr_str_compare(member.member, state->last_member) > 0;
    if (!later) return MTR_OK;
    state->last_hour_s = key->hour_s;
    state->value = cell->value;
    return mtr_arena_copy(gathering->arena, member.member, &state->last_member);
}

static int add_value(struct gathering *gathering, struct group_state *state, const struct mtr_cell_key *key, const struct mtr_cell *cell)
{
    struct mtr_quantity *quantity = &state->value;
    bool first = !state->live;
    state->live = true;
    switch (gathering->meter->aggregation) {
    case MTR_SUM:
    case MTR_COUNT: return mtr_quantity_add(*quantity, cell->value, quantity);
    case MTR_MIN:
        if (first || mtr_quantity_compare(cell->value, *quantity) < 0) *quantity = cell->value;
        return MTR_OK;
    case MTR_MAX:
        if (first || mtr_quantity_compare(cell->value, *quantity) > 0) *quantity = cell->value;
        return MTR_OK;
    case MTR_LAST: return add_last(gathering, state, key, cell);
    case MTR_UNIQUE:
        gathering->group = state;
        return mtr_rollups_walk_members(gathering->rollups, key, on_member, gathering);
    }
    MTR_ASSERT(!"known aggregation");
    return MTR_EINVALID;
}

static int add_row(struct gathering *gathering, const struct group_state *state, struct mtr_quantity quantity, bool earlier)
{
    struct rater_usage *usage = gathering->usage;
    if (usage->row_count == gathering->row_capacity) {
        uint32_t capacity = gathering->row_capacity ? gathering->row_capacity * 2 : 16;
        struct mtr_usage_row *rows = mtr_arena_calloc(gathering->arena, capacity, sizeof(*rows));
        if (!rows) return MTR_ENOMEM;
        if (usage->row_count) memcpy(rows, usage->rows, usage->row_count * sizeof(*rows));
        usage->rows = rows;
        gathering->row_capacity = capacity;
    }
    usage->rows[usage->row_count++] = (struct mtr_usage_row){
        .component = gathering->component_index,
        .dimensions = state->group.dimensions,
        .time_us = state->time_s * MTR_US_PER_SECOND,
        .until_us = state->time_s * MTR_US_PER_SECOND,
        .quantity = quantity,
        .earlier = earlier,
    };
    return MTR_OK;
}

/* The slice at hand is over: its rows. */
static int end_slice(struct gathering *gathering, struct group_state *state)
{
    const struct mtr_quantity earlier = gathering->begun ? state->earlier : state->value;
    struct mtr_quantity own;
    int rc = mtr_quantity_sub(state->value, earlier, &own);
    if (!rc && earlier.e12) rc = add_row(gathering, state, earlier, true);
    if (!rc && own.e12) rc = add_row(gathering, state, own, false);
    state->live = false;
    state->value = state->earlier = (struct mtr_quantity){0};
    state->last_hour_s = INT64_MIN;
    return rc;
}

/* From here on cells are the part's own: values so far are what it goes on from. */
static void begin_part(struct gathering *gathering)
{
    gathering->begun = true;
    for (uint32_t i = 0; i < gathering->dimensions.count; i++) {
        struct group_state *state = &gathering->groups[i];
        state->earlier = state->value;
        state->group.seq_first = state->group.seq_last = 0;
    }
}

static int64_t slice_of(const struct gathering *gathering, int64_t hour_s)
{
    switch (gathering->component->scope) {
    case MTR_SLICE_BY_HOUR: return hour_s;
    case MTR_SLICE_BY_DAY: return mtr_price_local_day(gathering->zone, hour_s);
    case MTR_SLICE_BY_PERIOD:
    case MTR_SLICE_BY_TERM:
    case MTR_SLICE_BY_EVENT:
    case MTR_SLICE_BY_LEVEL: return 0;
    }
    return 0;
}

static int on_cell(void *context, const struct mtr_cell_key *key, const struct mtr_cell *cell)
{
    struct gathering *gathering = context;
    struct group_state *state = NULL;
    gathering->cell_count++;
    if (!gathering->begun && key->hour_s >= gathering->begin_s) begin_part(gathering);
    int rc = find_group(gathering, key->dimensions, &state);
    if (rc) return rc;
    struct rater_group *group = &state->group;
    if (!group->seq_first || cell->seq_first < group->seq_first) group->seq_first = cell->seq_first;
    if (cell->seq_last > group->seq_last) group->seq_last = cell->seq_last;
    if (!cell->count) return MTR_OK;
    const int64_t slice = slice_of(gathering, key->hour_s);
    if (state->live && state->slice != slice) rc = end_slice(gathering, state);
    if (rc) return rc;
    if (!state->live) {
        state->slice = slice;
        state->time_s = key->hour_s;
    }
    return add_value(gathering, state, key, cell);
}

static void find_positions(struct gathering *gathering)
{
    const struct mtr_component *component = gathering->component;
    const struct mtr_meter *meter = gathering->meter;
    for (uint32_t i = 0; i < component->group_by_count; i++) {
        gathering->positions[i] = UINT32_MAX; /* an unknown dimension is empty everywhere; the catalog's checks refuse it */
        for (uint32_t j = 0; j < meter->group_by_count; j++)
            if (mtr_str_equal(component->group_by[i], meter->group_by[j])) gathering->positions[i] = j;
    }
}

static int compare_groups(const void *a, const void *b)
{
    const struct rater_group *x = a;
    const struct rater_group *y = b;
    if (x->component != y->component) return x->component < y->component ? -1 : 1;
    return mtr_str_compare(x->dimensions, y->dimensions);
}

/* The groups that the part itself has cells of. */
static int add_groups(struct rater_usage *usage, const struct gathering *gathering, struct mtr_arena *arena)
{
    const uint32_t before = usage->group_count;
    if (!gathering->dimensions.count) return MTR_OK;
    struct rater_group *groups = mtr_arena_calloc(arena, before + gathering->dimensions.count, sizeof(*groups));
    if (!groups) return MTR_ENOMEM;
    if (before) memcpy(groups, usage->groups, before * sizeof(*groups));
    usage->groups = groups;
    for (uint32_t i = 0; gathering->begun && i < gathering->dimensions.count; i++)
        if (gathering->groups[i].group.seq_first) groups[usage->group_count++] = gathering->groups[i].group;
    qsort(groups + before, usage->group_count - before, sizeof(*groups), compare_groups);
    return MTR_OK;
}

static int gather_component(struct gathering *gathering, const struct mtr_subscription *subscription, int64_t from_s, int64_t end_s)
{
    find_positions(gathering);
    int rc = mtr_rollups_walk_cells(gathering->rollups, subscription->number, gathering->meter->number, from_s, end_s, on_cell, gathering);
    for (uint32_t i = 0; !rc && i < gathering->dimensions.count; i++)
        if (gathering->groups[i].live) rc = end_slice(gathering, &gathering->groups[i]);
    return rc ? rc : add_groups(gathering->usage, gathering, gathering->arena);
}

int rater_gather(struct mtr_rollups_txn *rollups, const struct mtr_catalog *catalog, const struct mtr_subscription *subscription,
                 const struct rater_term *term, uint32_t index, struct mtr_arena *arena, struct rater_usage *out)
{
    const struct rater_part *part = &term->parts[index];
    struct rater_usage usage = {0};
    uint32_t row_capacity = 0;
    for (uint32_t i = 0; i < part->version->component_count; i++) {
        const struct mtr_component *component = &part->version->components[i];
        const struct mtr_meter *meter = component->meter.size ? mtr_catalog_find_meter(catalog, component->meter) : NULL;
        if (!meter) continue;
        if (component->group_by_count > MTR_METER_GROUP_BY_MAX) return MTR_ELIMIT;
        struct gathering gathering = {.rollups = rollups, .arena = arena, .meter = meter, .component = component, .component_index = i,
                                      .zone = subscription->zone, .begin_s = part->usage_from_s, .usage = &usage, .row_capacity = row_capacity};
        gathering.dimensions.arena = gathering.members.arena = arena;
        int rc = gather_component(&gathering, subscription, rater_position_from(subscription, term, index, component), part->end_s);
        if (rc) return rc;
        row_capacity = gathering.row_capacity;
        usage.cell_count += gathering.cell_count;
    }
    *out = usage;
    return MTR_OK;
}

const struct rater_group *rater_find_group(const struct rater_usage *usage, uint32_t component, struct mtr_str dimensions)
{
    const struct rater_group key = {.component = component, .dimensions = dimensions};
    if (!usage->group_count) return NULL;
    return bsearch(&key, usage->groups, usage->group_count, sizeof(key), compare_groups);
}
