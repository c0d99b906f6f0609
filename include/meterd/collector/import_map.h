/*
 * The column mapping of `meterd import`: how one row of a vendor's file becomes one event.
 *
 *   id: "{InvoiceId}/{LineItem}"        # template of columns; or a column's name, or {hash: [columns]}
 *                                       # for rows without an id of their own
 *   type: =cloud.usage                  # '=' and a constant
 *   subject: SubAccountId
 *   time: ChargePeriodStart
 *   time_format: utc                    # rfc3339 (default), utc (2026-03-01 10:00:00), date,
 *                                       # unix_s, unix_ms, unix_us
 *   data:
 *     quantity: ConsumedQuantity        # a number when the text is one, else text
 *     sku: {column: SkuPriceId, as: text}
 *   skip: {ChargeCategory: [Tax, Credit]}
 *   null: ["NULL"]                      # cells that stand for "no value"; the empty cell always does
 *   delimiter: ";"
 *
 * `data.quantity: …` at the top is the same as `quantity` in data. In NDJSON a column is a member's name, or
 * a path of names with dots. Equal rows have equal ids, so importing a file again answers `duplicate` for all
 * of it.
 */
#ifndef METERD_COLLECTOR_IMPORT_MAP_H
#define METERD_COLLECTOR_IMPORT_MAP_H

#include <stdbool.h>
#include <stdint.h>

#include "meterd/core/arena.h"
#include "meterd/core/diagnostic.h"
#include "meterd/core/event.h"
#include "meterd/core/limits.h"

enum {
    MTR_IMPORT_COLUMNS_MAX = 256,
    MTR_IMPORT_SKIPS_MAX = 64,
    MTR_IMPORT_NULLS_MAX = 16,
    MTR_IMPORT_PARTS_MAX = 32
};

enum mtr_import_kind { MTR_IMPORT_ABSENT, MTR_IMPORT_PARTS, MTR_IMPORT_HASH };
enum mtr_import_type { MTR_IMPORT_AUTO, MTR_IMPORT_TEXT, MTR_IMPORT_NUMBER };
enum mtr_import_time {
    MTR_IMPORT_RFC3339,
    MTR_IMPORT_UTC,
    MTR_IMPORT_DATE,
    MTR_IMPORT_UNIX_S,
    MTR_IMPORT_UNIX_MS,
    MTR_IMPORT_UNIX_US
};
/* Its name and a time that is written so: "utc, as 2026-03-01 10:00:00". */
const char *mtr_import_time_example(enum mtr_import_time format);

struct mtr_import_part {
    struct mtr_str literal; /* when column < 0 */
    int32_t column;
};

struct mtr_import_value {
    struct mtr_str field; /* "id", "data.bytes" */
    enum mtr_import_kind kind;
    enum mtr_import_type type;
    struct mtr_import_part parts[MTR_IMPORT_PARTS_MAX]; /* of HASH: its columns */
    uint32_t part_count;
};

struct mtr_import_skip {
    int32_t column;
    struct mtr_str value;
};

struct mtr_import_map {
    struct mtr_arena arena;                         /* owns all text */
    struct mtr_str columns[MTR_IMPORT_COLUMNS_MAX]; /* names that the mapping uses */
    uint32_t column_count;
    struct mtr_import_value id, source, type, subject, time;
    struct mtr_import_value data[MTR_EVENT_PROPERTIES_MAX];
    uint32_t data_count;
    struct mtr_import_skip skips[MTR_IMPORT_SKIPS_MAX];
    uint32_t skip_count;
    struct mtr_str nulls[MTR_IMPORT_NULLS_MAX];
    uint32_t null_count;
    enum mtr_import_time time_format;
    char delimiter;
};

/* Reads a mapping. MTR_EINVALID with line and column; MTR_ELIMIT; MTR_ENOMEM. The caller releases *map
 * either way. */
int mtr_import_map_parse(struct mtr_str text, struct mtr_import_map *map,
                         struct mtr_diagnostic *diagnostic) MTR_MUST_USE;
void mtr_import_map_release(struct mtr_import_map *map);

/* One row, cell by cell in the order of map->columns; a cell that is not there has data == NULL. */
struct mtr_import_row {
    struct mtr_str cells[MTR_IMPORT_COLUMNS_MAX];
};

/* The row as an event that borrows from row, map and arena. *skipped: it matches `skip`. MTR_EINVALID:
 * diagnostic->field and ->text say why. MTR_ENOMEM. */
int mtr_import_map_event(const struct mtr_import_map *map, const struct mtr_import_row *row,
                         struct mtr_arena *arena, struct mtr_event *event, bool *skipped,
                         struct mtr_diagnostic *diagnostic) MTR_MUST_USE;

#endif
