/*
 * A path to one value of a JSON record: names and places of lists in turn.
 *
 *   usage.amount            credits[0].amount            ["@odata.id"].value            a["b.c"][2]
 *
 * A name ends at a dot or a bracket; a name that holds one stands in brackets and quotes, \" and \\ in it
 * for these two. A record's member whose whole name is the path goes before: columns of flat records are
 * written as they are. Pure.
 */
#ifndef METERD_SOURCE_ROW_PATH_H
#define METERD_SOURCE_ROW_PATH_H

#include "meterd/core/arena.h"
#include "meterd/core/document.h"

enum { MTR_ROW_PATH_STEPS_MAX = 16 };

struct mtr_row_path_step {
    struct mtr_str name; /* of a member; no data: of a list the place */
    uint32_t place;
};

struct mtr_row_path {
    struct mtr_str text; /* borrowed */
    struct mtr_row_path_step steps[MTR_ROW_PATH_STEPS_MAX];
    uint32_t step_count; /* 0: the text is no path, and a member's name alone */
};

/* Names in quotes are copied into the arena. MTR_ENOMEM. */
int mtr_row_path_parse(struct mtr_str text, struct mtr_arena *arena, struct mtr_row_path *out) MTR_MUST_USE;
/* NULL: there is none. A list or map on the way, or at its end, that the path does not go into is returned
 * as it is: it has no one value. */
const struct mtr_node *mtr_row_path_find(const struct mtr_row_path *path, const struct mtr_node *record);

#endif
