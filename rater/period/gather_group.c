/*
 * Which line a cell falls in: the values of its dimensions, in the order of the component's group_by, as
 * text.
 */
#include "rater/period/gather_parts.h"

#include <string.h>

#include "meterd/tariff/line_dimensions.h"

enum { DIMENSION_END = 0x1F };

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

struct mtr_str rater_line_values(const struct rater_gathering *gathering, struct mtr_str dimensions,
                                 char values[MTR_DIMENSIONS_BYTES_MAX])
{
    size_t size = 0;
    for (uint32_t i = 0; i < gathering->rule.component->group_by_count; i++) {
        const struct mtr_str value = dimension_at(dimensions, gathering->positions[i]);
        MTR_ASSERT(size + value.size < MTR_DIMENSIONS_BYTES_MAX); /* no more than the cell has */
        if (value.size) memcpy(values + size, value.data, value.size);
        size += value.size;
        values[size++] = DIMENSION_END;
    }
    return (struct mtr_str){values, size};
}

static bool is_asked_for(const struct rater_gathering *gathering, struct mtr_str dimensions)
{
    char values[MTR_DIMENSIONS_BYTES_MAX];
    const struct mtr_dimensions_range *lines = gathering->rating->lines;
    return !lines || mtr_dimensions_range_holds(lines, rater_line_values(gathering, dimensions, values));
}

static size_t dimensions_text(const struct rater_gathering *gathering, struct mtr_str dimensions,
                              char text[RATER_DIMENSIONS_BYTES_MAX])
{
    size_t size = 0;
    for (uint32_t i = 0; i < gathering->rule.component->group_by_count; i++) {
        struct mtr_str value = dimension_at(dimensions, gathering->positions[i]);
        if (i) size = append(text, size, MTR_STR(","));
        size = append(text, size, gathering->rule.component->group_by[i]);
        size = append(text, size, MTR_STR("="));
        for (size_t j = 0; j < value.size; j++) {
            char c = value.data[j];
            if (c == ',' || c == '=' || c == '\\') size = append(text, size, MTR_STR("\\"));
            size = append(text, size, (struct mtr_str){&c, 1});
        }
    }
    return size;
}

struct mtr_str rater_line_place(struct mtr_str kind, struct mtr_str dimensions,
                                char place[RATER_DIMENSIONS_BYTES_MAX])
{
    struct mtr_str rest = dimensions, name;
    size_t used = 0, size = 0;
    if (mtr_str_equal(kind, MTR_STR("credit")) || mtr_str_equal(kind, MTR_STR("draw")))
        return MTR_STR(""); /* their dimensions name a grant */
    /* Each value with its end is no longer than its text. */
    MTR_ASSERT(dimensions.size <= RATER_DIMENSIONS_BYTES_MAX);
    while (mtr_line_dimensions_next(&rest, &name, place + used, &size)) {
        used += size;
        place[used++] = DIMENSION_END;
    }
    return (struct mtr_str){place, used};
}

bool rater_range_holds_line(const struct mtr_dimensions_range *range, struct mtr_str kind,
                            struct mtr_str dimensions)
{
    char place[RATER_DIMENSIONS_BYTES_MAX];
    return mtr_dimensions_range_holds(range, rater_line_place(kind, dimensions, place));
}

/* The line of a group of the slicing: the same for every input of the component. */
static int find_line(struct rater_gathering *gathering, uint32_t group, struct mtr_str dimensions)
{
    uint32_t line = 0;
    bool is_new = false;
    int rc = mtr_arena_make_room(gathering->arena, (void **)&gathering->lines, group,
                                 &gathering->line_capacity, sizeof(*gathering->lines));
    if (!rc) rc = mtr_byte_set_add(&gathering->dimensions, dimensions, &line, &is_new);
    if (rc) return rc;
    gathering->lines[group] = line;
    if (!is_new) return MTR_OK;
    rc = mtr_arena_make_room(gathering->arena, (void **)&gathering->groups, line, &gathering->group_capacity,
                             sizeof(*gathering->groups));
    if (!rc)
        gathering->groups[line] =
            (struct rater_group){.component = gathering->rule.component_index, .dimensions = dimensions};
    return rc;
}

int rater_gather_group(struct rater_gathering *gathering, struct mtr_str dimensions, uint32_t *group)
{
    char text[RATER_DIMENSIONS_BYTES_MAX];
    const uint32_t known = mtr_slicing_group_count(gathering->slicing);
    const uint32_t lines_max = gathering->rating->lines_max;
    *group = RATER_NO_GROUP;
    if (!is_asked_for(gathering, dimensions)) return MTR_OK;
    if (known && !gathering->rule.component->group_by_count) { /* without group_by there is one */
        *group = 0;
        return MTR_OK;
    }
    int rc = mtr_slicing_group(gathering->slicing,
                               (struct mtr_str){text, dimensions_text(gathering, dimensions, text)}, group);
    if (rc || *group < known) return rc;
    if (lines_max && *group >= lines_max) return MTR_ELIMIT;
    return find_line(gathering, *group, mtr_slicing_dimensions(gathering->slicing, *group));
}

/* Those of a line's values, from its first on, that stand in cells one behind the other tell which cells may
 * be of it. */
static struct mtr_cells_within cells_within(const struct rater_gathering *gathering)
{
    const uint32_t *positions = gathering->positions;
    const uint32_t values = gathering->rule.component->group_by_count;
    struct mtr_cells_within within = {.count = 0};
    if (!values || positions[0] == UINT32_MAX) return within;
    while (within.count < values && positions[within.count] == positions[0] + within.count) within.count++;
    within.range = gathering->rating->lines;
    within.skip = positions[0];
    within.has_more = within.count < values;
    return within;
}

struct mtr_use_stream rater_gather_stream(const struct rater_gathering *gathering)
{
    return (struct mtr_use_stream){gathering->subscription, gathering->rule.component, gathering->rule.input,
                                   gathering->rule.meter, cells_within(gathering)};
}
