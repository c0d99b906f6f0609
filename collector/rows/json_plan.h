/*
 * What is asked of a JSON document, as two trees: of the document around its records, and of a record.
 *
 *   rows data[].items[], columns id, ^.account, ^^.currency, a want meta.next
 *
 *   document ─┬─ currency ▶ value 1          record ── id ▶ column 0
 *             ├─ meta ── next ▶ want 0
 *             └─ data ── [] ─┬─ account ▶ value 0
 *                            └─ items ── [] ▶ a record
 *
 * A value is that of a column with ^: its anchor is the map in which its path begins. Made once, immutable.
 */
#ifndef METERD_COLLECTOR_ROWS_JSON_PLAN_H
#define METERD_COLLECTOR_ROWS_JSON_PLAN_H

#include "collector/rows/json_row.h"
#include "collector/rows/record_format.h"

/* A value that a document of the format may have and that is not read: where it stands is a problem. */
struct json_refusal {
    struct mtr_str path;
    const char *text;
};

enum { JSON_REFUSALS_MAX = 3, JSON_ROWS_MAX = 2 };

/* The words of a format that is JSON. */
struct json_dialect {
    /* Where records stand; the paths differ only behind the maps in which columns with ^ begin. Empty: where
     * the format's `rows` says. */
    struct mtr_str rows[JSON_ROWS_MAX];
    /* The path of a column; NULL: it is its own. MTR_ENOMEM. */
    int (*column_path)(struct mtr_str column, struct mtr_arena *arena, struct mtr_row_path *path);
    /* A column that is looked at, where it is asked for: what is wrong with its cell; NULL: nothing. */
    struct mtr_str checked;
    const char *(*check)(struct mtr_str cell);
    struct json_refusal refusals[JSON_REFUSALS_MAX];
    struct mtr_str error; /* the path of a text that says why there are no records; empty: none */
};

/* What a target of the document's tree is: json_target.column. */
enum {
    JSON_VALUE = 0,                                    /* and the number of the value */
    JSON_WANT = MTR_RECORD_COLUMNS_MAX,                /* and that of the want */
    JSON_REFUSED = JSON_WANT + MTR_RECORD_WANTS_MAX,   /* and that of the refusal */
    JSON_ERROR = JSON_REFUSED + JSON_REFUSALS_MAX,
    JSON_TARGETS
};

struct json_plan {
    struct mtr_arena arena;
    struct json_node document, record;
    uint32_t values[MTR_RECORD_COLUMNS_MAX]; /* their columns */
    const struct json_node *anchors[MTR_RECORD_COLUMNS_MAX];
    uint32_t value_count;
    int64_t checked;     /* the column; -1: none */
    struct mtr_str rows; /* for people */
    bool needs_each;     /* the path of the records ends with [] */
};

/* MTR_EINVALID: *fault; MTR_ENOMEM. The caller releases *plan either way. */
int json_plan_make(struct json_plan *plan, const struct json_dialect *dialect, const struct record_out *out,
                   const char **fault) MTR_MUST_USE;
void json_plan_release(struct json_plan *plan);

#endif
