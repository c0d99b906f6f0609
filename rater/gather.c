/*
 * Usage of one part of a period out of the rollups' hour cells.
 *
 * sum and count add; min and max compare; last takes the latest hour's value, and within one hour the latest event's (the cell's
 * greatest member); unique counts the union of the cells' members. Cells without live events give no value, but their log range counts.
 * Memory: everything in the caller's arena, whose maximum bounds it. Pure reading.
 */
#include "rater/gather.h"

#include <stdlib.h>
#include <string.h>

#include "meterd/core/byte_set.h"

enum { DIMENSION_END = 0x1F };

struct group_state {
    struct rater_group group;
    int64_t last_hour_s;
    struct mtr_str last_member;
};

struct gathering {
    struct mtr_rollups_txn *rollups;
    struct mtr_arena *arena;
    const struct mtr_meter *meter;
    const struct mtr_component *component;
    uint32_t component_index;
    uint32_t positions[MTR_METER_GROUP_BY_MAX]; /* of the component's group_by in the meter's */
    struct mtr_byte_set dimensions;
    struct mtr_byte_set members;
    struct group_state *groups; /* by number in `dimensions` */
    uint32_t group_capacity;
    struct group_state *group;  /* of the cell being added, for the members' hook */
    uint32_t group_number;
    uint64_t cell_count;
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
        (*out)->group.row.component = gathering->component_index;
        (*out)->group.row.dimensions = gathering->dimensions.keys[number];
    }
    return MTR_OK;
}

static int on_member(void *context, const struct mtr_member *member)
{
    struct gathering *gathering = context;
    uint32_t number = 0;
    bool is_new = false;
    char key[4 + MTR_LMDB_KEY_BYTES_MAX + MTR_PROPERTY_TEXT_BYTES_MAX];
    if (member->member.size > sizeof(key) - 4) return MTR_ECORRUPT;
    memcpy(key, &gathering->group_number, 4);
    memcpy(key + 4, member->member.data, member->member.size);
    int rc = mtr_byte_set_add(&gathering->members, (struct mtr_str){key, 4 + member->member.size}, &number, &is_new);
    if (rc || !is_new) return rc;
    struct mtr_quantity one, *quantity = &gathering->group->group.row.quantity;
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
    state->group.row.quantity = cell->value;
    return mtr_arena_copy(gathering->arena, member.member, &state->last_member);
}

static int add_value(struct gathering *gathering, struct group_state *state, const struct mtr_cell_key *key, const struct mtr_cell *cell)
{
    struct mtr_quantity *quantity = &state->group.row.quantity;
    bool first = !state->group.live;
    state->group.live = true;
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

static int on_cell(void *context, const struct mtr_cell_key *key, const struct mtr_cell *cell)
{
    struct gathering *gathering = context;
    struct group_state *state = NULL;
    gathering->cell_count++;
    int rc = find_group(gathering, key->dimensions, &state);
    if (rc) return rc;
    struct rater_group *group = &state->group;
    if (!group->seq_first || cell->seq_first < group->seq_first) group->seq_first = cell->seq_first;
    if (cell->seq_last > group->seq_last) group->seq_last = cell->seq_last;
    return cell->count ? add_value(gathering, state, key, cell) : MTR_OK;
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
    if (x->row.component != y->row.component) return x->row.component < y->row.component ? -1 : 1;
    return mtr_str_compare(x->row.dimensions, y->row.dimensions);
}

static int add_groups(struct rater_usage *usage, const struct gathering *gathering, struct mtr_arena *arena)
{
    uint32_t added = gathering->dimensions.count;
    if (!added) return MTR_OK;
    struct rater_group *groups = mtr_arena_calloc(arena, usage->group_count + added, sizeof(*groups));
    if (!groups) return MTR_ENOMEM;
    if (usage->group_count) memcpy(groups, usage->groups, usage->group_count * sizeof(*groups));
    for (uint32_t i = 0; i < added; i++) groups[usage->group_count + i] = gathering->groups[i].group;
    qsort(groups + usage->group_count, added, sizeof(*groups), compare_groups);
    usage->groups = groups;
    usage->group_count += added;
    return MTR_OK;
}

static int make_rows(struct rater_usage *usage, struct mtr_arena *arena)
{
    usage->rows = mtr_arena_calloc(arena, usage->group_count + 1, sizeof(*usage->rows));
    if (!usage->rows) return MTR_ENOMEM;
    for (uint32_t i = 0; i < usage->group_count; i++)
        if (usage->groups[i].live) usage->rows[usage->row_count++] = usage->groups[i].row;
    return MTR_OK;
}

int rater_gather(struct mtr_rollups_txn *rollups, const struct mtr_catalog *catalog, const struct mtr_subscription *subscription,
                 const struct rater_part *part, struct mtr_arena *arena, struct rater_usage *out)
{
    struct rater_usage usage = {0};
    for (uint32_t i = 0; i < part->version->component_count; i++) {
        const struct mtr_component *component = &part->version->components[i];
        const struct mtr_meter *meter = component->meter.size ? mtr_catalog_find_meter(catalog, component->meter) : NULL;
        if (!meter) continue;
        if (component->group_by_count > MTR_METER_GROUP_BY_MAX) return MTR_ELIMIT;
        struct gathering gathering = {.rollups = rollups, .arena = arena, .meter = meter, .component = component, .component_index = i};
        gathering.dimensions.arena = gathering.members.arena = arena;
        find_positions(&gathering);
        int rc = mtr_rollups_walk_cells(rollups, subscription->number, meter->number, part->usage_from_s, part->end_s, on_cell, &gathering);
        if (!rc) rc = add_groups(&usage, &gathering, arena);
        if (rc) return rc;
        usage.cell_count += gathering.cell_count;
    }
    int rc = make_rows(&usage, arena);
    if (!rc) *out = usage;
    return rc;
}

const struct rater_group *rater_find_group(const struct rater_usage *usage, uint32_t component, struct mtr_str dimensions)
{
    const struct rater_group key = {.row = {.component = component, .dimensions = dimensions}};
    if (!usage->group_count) return NULL;
    return bsearch(&key, usage->groups, usage->group_count, sizeof(key), compare_groups);
}
