/*
 * A path to values of a JSON document: names, places of lists, and all of a list's values.
 *
 *   usage.amount            credits[0].amount            ["@odata.id"].value            a["b.c"][2]
 *   data[].items[]          each of the items of each of data, as `rows` of a format says it; [] of a map is each
 *                           of its values
 *   .                       the record itself, of a list of bare texts or numbers: reportKeys[] and `.`
 *   ^.account               out of the record: of the map in which its list stands, and ^^ of the map around
 *                           that one. With rows data[].items[], ^.account is a member of one of data, and
 *                           ^^.currency is one of the document
 *
 * A name ends at a dot or a bracket; a name that holds one stands in brackets and quotes, \" and \\ in it
 * for these two. A record's member whose whole name is the path goes before: columns of flat records are
 * written as they are. Pure.
 */
#ifndef METERD_SOURCE_ROW_PATH_H
#define METERD_SOURCE_ROW_PATH_H

#include "meterd/core/arena.h"
#include "meterd/core/error.h"
#include "meterd/core/str.h"

enum { MTR_ROW_PATH_STEPS_MAX = 16 };

enum mtr_row_step_kind { MTR_ROW_STEP_NAME, MTR_ROW_STEP_PLACE, MTR_ROW_STEP_EACH };

struct mtr_row_path_step {
    enum mtr_row_step_kind kind;
    struct mtr_str name; /* of a member */
    uint32_t place;      /* in a list, from 0 */
};

struct mtr_row_path {
    struct mtr_str text; /* borrowed */
    struct mtr_row_path_step steps[MTR_ROW_PATH_STEPS_MAX];
    uint32_t step_count; /* 0: the text is no path, and a member's name alone */
    uint32_t climbs;     /* how many ^ stand before */
    bool has_each;
    bool is_record; /* the record itself; it has no steps */
};

/* Is it no path because a name in it is empty, as `a..b`? A text that is one, or none at all, has no such. */
bool mtr_row_path_has_gap(const struct mtr_row_path *path);

/* Names in quotes are copied into the arena. MTR_ENOMEM. */
int mtr_row_path_parse(struct mtr_str text, struct mtr_arena *arena, struct mtr_row_path *out) MTR_MUST_USE;

#endif
