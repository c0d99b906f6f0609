/*
 * The columns that rows have: the names of a CSV header, the members of JSON records. A name in every row is
 * told apart from one that only some have, since a member without a value is often left out.
 *
 *   text        "=amount\n=id\n?note\n"      sorted; '=' in every row, '?' in some
 *
 * Rows mostly have the same members in the same order, so a name costs one comparison. Bounded: what goes
 * beyond COLUMNS_MAX names or COLUMN_NAME_BYTES_MAX is not looked at, and then nothing is said of columns.
 * Owns its memory. One thread.
 */
#ifndef METERD_COLLECTOR_ROWS_COLUMNS_COLUMNS_H
#define METERD_COLLECTOR_ROWS_COLUMNS_COLUMNS_H

#include <stdbool.h>
#include <stdint.h>

#include "collector/rows/columns/column_values.h"
#include "meterd/core/buffer.h"
#include "meterd/core/str.h"

enum { COLUMNS_MAX = 256, COLUMN_NAME_BYTES_MAX = 128, COLUMNS_TEXT_BYTES_MAX = 4096 };

struct column {
    char *name;
    uint32_t size;
    uint64_t rows; /* that have it */
};

struct columns {
    struct column items[COLUMNS_MAX];
    uint32_t count, next; /* which name is likely to come */
    uint64_t rows;
    bool is_beyond;
    struct column_values values; /* of the map's columns */
};

void columns_release(struct columns *columns);
/* A row begins; then each of its names. NULL: nobody looks. */
void columns_begin_row(struct columns *columns);
void columns_note(struct columns *columns, struct mtr_str name);
/* The names alone. MTR_ENOTFOUND: nothing can be said of them. Errors of the buffer. */
int columns_write(const struct columns *columns, struct mtr_buffer *out) MTR_MUST_USE;

/* ---- what two texts differ by ---- */

struct columns_change {
    uint32_t gone, added;        /* in every row before, and in none now; in none before */
    char gone_name[64], added_name[64]; /* of the first of each; cut */
};

struct columns_change columns_compare(struct mtr_str before, struct mtr_str now);
/* Every row had the name, and none has it now. */
bool columns_lack(struct mtr_str before, struct mtr_str now, struct mtr_str name);
/* Both: a name is in every row when it was before, and is now or is gone. */
int columns_merge(struct mtr_str before, struct mtr_str now, struct mtr_buffer *out) MTR_MUST_USE;

#endif
