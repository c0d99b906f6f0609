/*
 * Rows of a vendor through a mapping to events: what `meterd import` reads from files, and a source from
 * answers.
 *
 *   pieces of text ──▶ record_reader.h ──▶ cells by column ──▶ import_row.h ──▶ on_event
 *                            └──────────── what is wrong ─────────────────────▶ on_problem
 *
 * One bad row is one problem, and the rest is read. Where the mapping's id is a multiset, the n-th of rows
 * with equal hashes has "#n" behind it; else rows that have the id of an earlier one are counted where that
 * is wanted, since they count once, as long as there is room to know them.
 *
 * What a reading is proved by is counted over all rows, skipped ones and those with a problem included, as
 * the vendor published them: their number, a hash in which their order does not matter, the sum of a column.
 *
 * Owns its memory, bounded by the record reader's and by MTR_ROWS_KNOWN_MAX ids of 16 bytes. Borrows map and
 * what options point to. One thread.
 */
#ifndef METERD_COLLECTOR_ROW_READER_H
#define METERD_COLLECTOR_ROW_READER_H

#include <stdbool.h>
#include <stdint.h>

#include "meterd/collector/import_row.h"
#include "meterd/collector/record_reader.h"
#include "meterd/core/decimal.h"
#include "meterd/core/diagnostic.h"
#include "meterd/core/event.h"
#include "meterd/core/schema.h"

enum { MTR_ROWS_KNOWN_MAX = 1 << 23 };

/* Another result than MTR_OK ends the reading and is returned by it. The problem has its line from 1, and its
 * field when a value is at fault. */
struct mtr_row_hooks {
    int (*on_event)(void *context, const struct mtr_event *event,
                    const struct mtr_record_place *place); /* both borrowed meanwhile */
    int (*on_problem)(void *context, const struct mtr_diagnostic *problem,
                      const struct mtr_record_place *place);
    void *context;
};

/* What was seen of counters (`counter` in a map), of rows of the window alone. */
struct mtr_counter_counts {
    uint64_t opened; /* without a sample before the first one */
    uint64_t resets; /* that began again at 0 */
    uint64_t holes;  /* samples that come longer than `before` behind the one before */
    int64_t hole_from_us, hole_to_us; /* of the first of them */
};

struct mtr_row_options {
    const struct mtr_row_format *format; /* not BY_NAME; the map's own, or another */
    const struct mtr_record_want *wants;
    uint32_t want_count;
    /* A property of the map's data: the sum is of its column, before `scale` and `round`; or else a column.
     * Empty: nothing is added up. */
    struct mtr_str sum_of;
    bool has_hash;         /* wanted: counts.hash */
    bool has_repeated;     /* wanted: counts.repeated; costs a look-up in a large table for each row */
    /* Columns of the map that no row has, and what they hold in all of them: each.subject of a source's
     * for_each. Their values are borrowed by the reader, the array while it is opened. */
    const struct mtr_label *constants;
    uint32_t constant_count;
    uint32_t gather_bytes; /* as of the record reader */
    bool may_be_empty;     /* as of the record reader: of answers, where a file would be a wrong one */
    struct columns *seen; /* as of the record reader, and which columns of the map have values; borrowed until
                           * it is closed */
    /* Rows of before have values that counters are held against, and are no events. 0: there is none. */
    int64_t counted_from_us;
    /* Asked, with the hooks' context, before a row is mapped that would be an event or a problem; false: it
     * is passed over, and is neither. Where rows depend on those before them (counters, multisets) it is not
     * asked. NULL: all are wanted. */
    bool (*is_wanted)(void *context);
};

struct mtr_row_counts {
    uint64_t rows;           /* all of them */
    uint64_t events, skipped, problems;
    uint64_t repeated;       /* of the events, where it is wanted: with the id of an earlier one */
    uint64_t repeated_line;  /* of the first of them */
    uint64_t hash[2];        /* of the cells of all rows that could be read, where it is wanted: equal for
                              * equal rows in any order */
    struct mtr_decimal sum;  /* of `sum_of` */
    struct mtr_counter_counts counters;
    uint64_t not_summed;     /* rows without such a number, or with one that did not fit: with any of them the
                              * sum proves nothing */
};

struct mtr_row_reader;

/* MTR_EINVALID: what the options ask for cannot be, as *fault says; MTR_ENOMEM. */
int mtr_row_reader_open(const struct mtr_import_map *map, const struct mtr_row_options *options,
                        const struct mtr_row_hooks *hooks, struct mtr_row_reader **out,
                        const char **fault) MTR_MUST_USE;
void mtr_row_reader_close(struct mtr_row_reader *reader);
/* Behind the end: another text comes, as the next page of an answer. Known ids and counts go on; what was
 * found of the last one is gone. Errors as of open. */
int mtr_row_reader_turn(struct mtr_row_reader *reader, const char **fault) MTR_MUST_USE;
/* MTR_EINVALID: the whole of it cannot be read (a column that the header lacks, no JSON, nothing in it), and
 * on_problem knows; MTR_ELIMIT: more rows of a multiset than are known, or what record_reader.h says;
 * MTR_ENOMEM. */
int mtr_row_reader_read(struct mtr_row_reader *reader, struct mtr_str piece) MTR_MUST_USE;
int mtr_row_reader_end(struct mtr_row_reader *reader) MTR_MUST_USE;
struct mtr_row_counts mtr_row_reader_counts(const struct mtr_row_reader *reader);
/* Within on_event: what the row has added to the sum. */
struct mtr_decimal mtr_row_reader_row_sum(const struct mtr_row_reader *reader);
/* What the i-th of the wants has come to, after the end. */
struct mtr_found mtr_row_reader_found(const struct mtr_row_reader *reader, uint32_t i);

#endif
