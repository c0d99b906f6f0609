/*
 * The wanted values of one JSON record, by paths: a tree of names and places that the record is held against
 * once, whatever the number of columns.
 *
 *   columns "id", "usage.amount", "usage.unit", "t[0]"
 *
 *   root ─┬─ id                      ▶ column 0
 *         ├─ usage ─┬─ amount        ▶ 1
 *         │         └─ unit          ▶ 2
 *         └─ t ─────── [0]           ▶ 3        and by their whole names: root ── "usage.amount" ▶ 1, …
 *
 * A tree is in the arena of whoever makes it, and of one reader: its marks say which map had a member last.
 */
#ifndef METERD_COLLECTOR_ROWS_JSON_ROW_H
#define METERD_COLLECTOR_ROWS_JSON_ROW_H

#include "collector/decode/json_cursor.h"
#include "collector/rows/columns/columns.h"
#include "meterd/core/arena.h"
#include "meterd/source/row_path.h"

struct json_target {
    uint32_t column;
    bool is_whole; /* by its whole name, which goes before the path */
    const struct json_target *next;
};

struct json_node {
    enum mtr_row_step_kind kind; /* of the step that leads here */
    struct mtr_str name;
    uint32_t place;
    const struct json_target *targets; /* whose path ends here */
    struct json_node *children, *next; /* a list of siblings */
    struct json_node **table;          /* of children by name: made when all are there */
    const char *twice;                 /* of a name: what is wrong where its map has it twice */
    uint64_t *map;                     /* the number of the map that had it last; of a root: the last */
    uint32_t table_mask, name_count, other_count;
    bool is_record; /* of a document: a record stands here */
    bool is_anchor; /* of a document: columns with ^ begin here */
};

/* The node to which the steps lead, made where it is not there. NULL: out of memory. */
struct json_node *json_node_at(struct json_node *node, const struct mtr_row_path_step *steps, uint32_t count,
                               struct mtr_arena *arena);
/* Adds a path below the node. MTR_ENOMEM. */
int json_node_add(struct json_node *node, const struct mtr_row_path *path, uint32_t column,
                  struct mtr_arena *arena) MTR_MUST_USE;
/* Adds a column of a record: by its whole name, and by its path where it is one. MTR_ENOMEM. */
int json_node_add_column(struct json_node *root, struct mtr_str name, uint32_t column,
                         struct mtr_arena *arena) MTR_MUST_USE;
/* When all are added. MTR_ENOMEM. */
int json_node_finish(struct json_node *root, struct mtr_arena *arena) MTR_MUST_USE;
/* Notes that the map of that number, from 1, has the member. True: it had it before. */
static inline bool json_node_is_twice(const struct json_node *node, uint64_t map)
{
    const bool is_twice = *node->map == map;
    *node->map = map;
    return is_twice;
}

/* The child of that name, at that place of a list; NULL: nobody asks for it. */
const struct json_node *json_node_find(const struct json_node *node, struct mtr_str name);
const struct json_node *json_node_find_place(const struct json_node *node, uint32_t place);

/* Reads the next value, a record, to the cells of `columns` that the tree has; the others are left.
 * MTR_EINVALID with cursor->fault: it is no JSON; with cursor->fault NULL and *fault: it is, and has not
 * one value for each column. The cells borrow the cursor's text, in which texts with escapes are unescaped.
 * `seen` (may be NULL) is told of the record's own names. */
int json_row_read(const struct json_node *root, struct mtr_json_cursor *cursor, struct mtr_str *cells,
                  uint32_t column_count, struct columns *seen, const char **fault) MTR_MUST_USE;

#endif
