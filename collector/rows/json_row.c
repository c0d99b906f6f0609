/*
 * A tree of paths, and a record held against it; see json_row.h.
 */
#include "collector/rows/json_row.h"

#include <stdio.h>
#include <string.h>

/* ---- the tree ---- */

static bool is_step(const struct json_node *node, const struct mtr_row_path_step *step)
{
    return node->kind == step->kind &&
           (step->kind != MTR_ROW_STEP_NAME || mtr_str_equal(node->name, step->name)) &&
           (step->kind != MTR_ROW_STEP_PLACE || node->place == step->place);
}

/* NULL: out of memory. */
static struct json_node *child_of(struct json_node *node, const struct mtr_row_path_step *step,
                                  struct mtr_arena *arena)
{
    struct json_node *child = node->children;
    while (child && !is_step(child, step)) child = child->next;
    if (child) return child;
    child = mtr_arena_calloc(arena, 1, sizeof(*child));
    if (!child) return NULL;
    *child = (struct json_node){
        .kind = step->kind, .name = step->name, .place = step->place, .next = node->children};
    node->children = child;
    node->name_count += step->kind == MTR_ROW_STEP_NAME;
    node->other_count += step->kind != MTR_ROW_STEP_NAME;
    return child;
}

static int add_target(struct json_node *node, uint32_t column, bool is_whole, struct mtr_arena *arena)
{
    struct json_target *target = mtr_arena_alloc(arena, sizeof(*target));
    if (!target) return MTR_ENOMEM;
    *target = (struct json_target){column, is_whole, node->targets};
    node->targets = target;
    return MTR_OK;
}

struct json_node *json_node_at(struct json_node *node, const struct mtr_row_path_step *steps, uint32_t count,
                               struct mtr_arena *arena)
{
    for (uint32_t i = 0; node && i < count; i++) node = child_of(node, &steps[i], arena);
    return node;
}

int json_node_add(struct json_node *node, const struct mtr_row_path *path, uint32_t column,
                  struct mtr_arena *arena)
{
    node = json_node_at(node, path->steps, path->step_count, arena);
    return node ? add_target(node, column, false, arena) : MTR_ENOMEM;
}

int json_node_add_column(struct json_node *root, struct mtr_str name, uint32_t column,
                         struct mtr_arena *arena)
{
    const struct mtr_row_path_step whole = {.kind = MTR_ROW_STEP_NAME, .name = name};
    struct mtr_row_path path;
    int rc = mtr_row_path_parse(name, arena, &path);
    if (rc) return rc;
    const bool is_name = path.step_count == 1 && is_step(&(struct json_node){.name = name}, &path.steps[0]);
    struct json_node *child = child_of(root, &whole, arena);
    rc = child ? add_target(child, column, !is_name, arena) : MTR_ENOMEM;
    if (!rc && path.is_record) rc = add_target(root, column, false, arena);
    const bool is_path = path.step_count && !is_name && !path.climbs && !path.has_each;
    return rc || !is_path ? rc : json_node_add(root, &path, column, arena);
}

/* Names are told apart by their size and four of their bytes before they are compared. */
static uint32_t slot_of(struct mtr_str name)
{
    const unsigned char *bytes = (const unsigned char *)name.data;
    const size_t size = name.size;
    if (!size) return 0;
    const uint32_t mix = (uint32_t)size + ((uint32_t)bytes[0] << 8) + ((uint32_t)bytes[size - 1] << 16) +
                         ((uint32_t)bytes[size / 2] << 24) + bytes[size / 3];
    return mix * UINT32_C(2654435761) >> 16;
}

static int add_mark(struct json_node *node, struct mtr_arena *arena)
{
    char text[300];
    snprintf(text, sizeof(text), "`%.*s%s` stands twice in its map: which of them is meant is not known",
             MTR_STR_QUOTED(node->name));
    node->map = mtr_arena_calloc(arena, 1, sizeof(*node->map));
    node->twice = mtr_arena_strdup(arena, mtr_str_from(text));
    return node->map && node->twice ? MTR_OK : MTR_ENOMEM;
}

int json_node_finish(struct json_node *root, struct mtr_arena *arena)
{
    uint32_t slots = 4;
    while (slots < 4 * root->name_count) slots *= 2;
    root->table = mtr_arena_calloc(arena, slots, sizeof(struct json_node *));
    root->table_mask = slots - 1;
    int rc = root->table ? add_mark(root, arena) : MTR_ENOMEM;
    for (struct json_node *child = root->children; !rc && child; child = child->next) {
        rc = json_node_finish(child, arena);
        if (child->kind != MTR_ROW_STEP_NAME) continue;
        uint32_t slot = slot_of(child->name);
        while (root->table[slot & root->table_mask]) slot++;
        root->table[slot & root->table_mask] = child;
    }
    return rc;
}

const struct json_node *json_node_find(const struct json_node *node, struct mtr_str name)
{
    uint32_t slot = slot_of(name);
    const struct json_node *child;
    while ((child = node->table[slot++ & node->table_mask]))
        if (mtr_str_equal(child->name, name)) return child;
    return NULL;
}

const struct json_node *json_node_find_place(const struct json_node *node, uint32_t place)
{
    const struct json_node *child = node->children;
    while (child && child->kind != MTR_ROW_STEP_EACH &&
           !(child->kind == MTR_ROW_STEP_PLACE && child->place == place))
        child = child->next;
    return child;
}

/* ---- a record ---- */

enum cell_state { CELL_OPEN, CELL_SET, CELL_SET_WHOLE, CELL_NESTED };

struct walk {
    struct mtr_json_cursor *cursor;
    struct mtr_str *cells;
    uint8_t *states; /* of the cells */
    struct columns *seen; /* of the record itself; NULL: nobody looks, or deeper in it */
    uint64_t number;      /* of the record: a node is in one map of it */
    const char *fault;
};

/* A target of the node. */
static void set_cell(struct walk *walk, const struct json_node *node, const struct json_target *target,
                     struct mtr_str text, enum cell_state state)
{
    uint8_t *old = &walk->states[target->column];
    if (!target->is_whole && *old == CELL_SET_WHOLE) return;
    if (target->is_whole ? *old == CELL_SET_WHOLE : *old != CELL_OPEN) walk->fault = node->twice;
    walk->cells[target->column] = text;
    *old = target->is_whole && state == CELL_SET ? CELL_SET_WHOLE : state;
}

/* The columns whose paths end here find a list or map. */
static void set_nested_here(struct walk *walk, const struct json_node *node)
{
    for (const struct json_target *target = node->targets; target; target = target->next)
        set_cell(walk, node, target, (struct mtr_str){NULL, 0}, CELL_NESTED);
}

/* Those of all paths through here find one in their way. */
static void set_nested(struct walk *walk, const struct json_node *node)
{
    for (const struct json_target *target = node->targets; target; target = target->next)
        if (!target->is_whole) set_cell(walk, node, target, (struct mtr_str){NULL, 0}, CELL_NESTED);
    for (const struct json_node *child = node->children; child; child = child->next) set_nested(walk, child);
}

static int read_value(struct walk *walk, const struct json_node *node);

/* A map or list on the way to columns; those that end here are told apart by their cells. */
static bool is_way_again(struct walk *walk, const struct json_node *node)
{
    if (!node->children || !json_node_is_twice(node, walk->number)) return false;
    walk->fault = node->twice;
    return true;
}

static int read_members(struct walk *walk, const struct json_node *node)
{
    struct mtr_json_cursor *cursor = walk->cursor;
    struct columns *seen = walk->seen;
    walk->seen = NULL;
    struct mtr_value ignored;
    struct mtr_str name;
    const char *refused;
    bool more = true;
    cursor->offsets++;
    if (json_cursor_peek(cursor) == '}') {
        cursor->offsets++;
        return MTR_OK;
    }
    while (more) {
        int rc = json_cursor_name_read(cursor, &name, &refused);
        if (rc) return rc;
        if (!refused) columns_note(seen, name);
        const struct json_node *child = refused ? NULL : json_node_find(node, name);
        rc = child && !is_way_again(walk, child) ? read_value(walk, child)
                                                 : json_cursor_value_read(cursor, &ignored);
        if (!rc) rc = json_cursor_more(cursor, '}', &more);
        if (rc) return rc;
    }
    return MTR_OK;
}

static int read_items(struct walk *walk, const struct json_node *node)
{
    struct mtr_json_cursor *cursor = walk->cursor;
    struct mtr_value ignored;
    bool more = true;
    cursor->offsets++;
    if (json_cursor_peek(cursor) == ']') {
        cursor->offsets++;
        return MTR_OK;
    }
    for (uint32_t place = 0; more; place++) {
        const struct json_node *child = json_node_find_place(node, place);
        int rc = child ? read_value(walk, child) : json_cursor_value_read(cursor, &ignored);
        if (!rc) rc = json_cursor_more(cursor, ']', &more);
        if (rc) return rc;
    }
    return MTR_OK;
}

static int read_scalar(struct walk *walk, const struct json_node *node)
{
    struct mtr_value value;
    struct mtr_str text = {NULL, 0};
    int rc = json_cursor_value_read(walk->cursor, &value);
    if (rc) return rc;
    switch (value.kind) {
    case MTR_VALUE_NUMBER:
    case MTR_VALUE_TEXT: text = value.text; break;
    case MTR_VALUE_TRUE: text = MTR_STR("true"); break;
    case MTR_VALUE_FALSE: text = MTR_STR("false"); break;
    case MTR_VALUE_REFUSED: walk->fault = value.reason; break;
    case MTR_VALUE_NULL:
    case MTR_VALUE_INTEGER:
    case MTR_VALUE_NESTED: break;
    }
    for (const struct json_target *target = node->targets; target; target = target->next)
        set_cell(walk, node, target, text, CELL_SET);
    return MTR_OK;
}

/* A list where names are asked for has no one value: the path is meant to name a place. */
static int read_value(struct walk *walk, const struct json_node *node)
{
    struct mtr_value ignored;
    const int token = json_cursor_peek(walk->cursor);
    if (token != '{' && token != '[') return read_scalar(walk, node);
    set_nested_here(walk, node);
    if (token == '{' && node->name_count) return read_members(walk, node);
    for (const struct json_node *child = node->children; token == '[' && child; child = child->next)
        if (child->kind == MTR_ROW_STEP_NAME) set_nested(walk, child);
    if (token == '[' && node->other_count) return read_items(walk, node);
    return json_cursor_value_read(walk->cursor, &ignored);
}

int json_row_read(const struct json_node *root, struct mtr_json_cursor *cursor, struct mtr_str *cells,
                  uint32_t column_count, struct columns *seen, const char **fault)
{
    uint8_t states[512];
    struct walk walk = {cursor, cells, states, seen, ++*root->map, NULL};
    columns_begin_row(seen);
    MTR_ASSERT(column_count <= sizeof(states));
    memset(states, CELL_OPEN, column_count);
    int rc = read_value(&walk, root);
    if (rc) return rc;
    for (uint32_t i = 0; i < column_count; i++)
        if (states[i] == CELL_NESTED)
            walk.fault = "a mapped column holds a list or map, or goes through a list: name a path such as "
                         "a.b or a[0].b to one value";
    *fault = walk.fault;
    return walk.fault ? MTR_EINVALID : MTR_OK;
}
