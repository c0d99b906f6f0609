/*
 * The column mapping of `meterd import`: how one row of a vendor's file becomes one event.
 *
 *   id: "{InvoiceId}/{LineItem}"        # template of columns; or a column's name, or {hash: [columns]}
 *                                       # for rows without an id of their own, and with `multiset: true`
 *                                       # the n-th of equal rows is one of its own
 *   type: =cloud.usage                  # '=' and a constant
 *   subject: SubAccountId
 *   time: {column: Start, format: "%d.%m.%Y %H:%M", zone: Europe/Berlin}   # time_pattern.h
 *   data:
 *     quantity: ConsumedQuantity        # a number when the text is one, else text
 *     cost: {column: Cost, as: number, decimal: ",", scale: "0.01", round: {digits: 9, mode: half_even}}
 *     sku: {column: SkuPriceId, as: text}
 *   skip: {ChargeCategory: [Tax, Credit]}
 *   null: ["NULL"]                      # cells that stand for "no value"; the empty cell always does
 *   format: {csv: {delimiter: ";", header: true, encoding: windows-1251, entry: "usage-*.csv"}}
 *                                       # or ndjson, json, prometheus, s3_list: row_format.h
 *
 * `path` is another word for `column`; `time: Start` with `time_format: utc` beside it, and `delimiter`,
 * are short forms. `data.quantity: …` at the top is the same as `quantity` in data. In NDJSON and JSON a
 * column is a member's name, or a path: a.b, credits[0].amount, ["@odata.id"], and in JSON ^.account of the
 * map around the rows' list (row_path.h). In CSV it is the name in the header, or its number from 1 on
 * where there is none: `header: false`, or a mapping all of whose columns are numbers that no cell of the
 * first record is.
 *
 * In a source's `map` there is neither id (its `identity` says it) nor source, format and delimiter. Columns
 * that begin with `each.` are of its for_each, as `subject: each.subject`, and the same for all rows of a
 * request (`constants` of a row reader). A number may be a counter:
 * {path: value, counter: {series: [instance, device], before: 1h}}: what its samples grew by is the number.
 * The request asks for `before` ahead of the window, where the sample stands that the first one is held
 * against.
 *
 * Equal rows have equal ids, so importing a file again answers `duplicate` for all of it.
 */
#ifndef METERD_SOURCE_IMPORT_MAP_H
#define METERD_SOURCE_IMPORT_MAP_H

#include <stdbool.h>
#include <stdint.h>

#include "meterd/source/row_format.h"
#include "meterd/source/time_pattern.h"
#include "meterd/core/arena.h"
#include "meterd/core/decimal.h"
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

struct mtr_import_part {
    struct mtr_str literal; /* when column < 0 */
    int32_t column;
};

struct mtr_import_value {
    struct mtr_str field; /* "id", "data.bytes" */
    enum mtr_import_kind kind;
    enum mtr_import_type type;
    const struct mtr_import_part *parts; /* of HASH: its columns */
    uint32_t part_count;
    bool multiset; /* of HASH */
    /* Of a number, in this order. */
    char decimal; /* the sign before its fraction */
    bool has_scale, has_round;
    struct mtr_decimal scale;
    unsigned round_digits;
    enum mtr_rounding round_mode;
    /* Of a source: a value that only grows, and begins again at a reset. What counts is its difference to the
     * one before of the same series. */
    bool is_counter;
    const int32_t *series; /* columns that tell one counter from another */
    uint32_t series_count;
};

#define MTR_COUNTER_BEFORE_US (INT64_C(3600) * 1000000) /* unless it is said */

struct mtr_import_skip {
    int32_t column;
    struct mtr_str value;
};

struct mtr_import_map {
    struct mtr_arena arena;        /* owns all text; of a source's map empty: it is in the source's arena */
    const struct mtr_str *columns; /* names that the mapping uses */
    uint32_t column_count;
    struct mtr_import_value id, source, type, subject, time;
    const struct mtr_import_value *data;
    uint32_t data_count;
    const struct mtr_import_skip *skips;
    uint32_t skip_count;
    const struct mtr_str *nulls;
    uint32_t null_count;
    struct mtr_time_pattern time_pattern; /* unless said rfc3339; of Prometheus unix_s */
    struct mtr_zone *zone; /* owned; NULL: none was named, or it is the source's */
    struct mtr_row_format format;
    bool columns_are_numbers; /* all of them */
    /* The longest `before` of its counters; 0: it has none. Samples further apart than that are told. */
    int64_t counter_before_us;
};

/* Reads a mapping. MTR_EINVALID with line and column; MTR_ELIMIT; MTR_ENOMEM. The caller releases *map
 * either way. */
int mtr_import_map_parse(struct mtr_str text, struct mtr_import_map *map,
                         struct mtr_diagnostic *diagnostic) MTR_MUST_USE;
void mtr_import_map_release(struct mtr_import_map *map);

#endif
