/*
 * Rows of a vendor, CSV or NDJSON, through a mapping to events: what `meterd import` reads from files.
 *
 *   pieces of text ──▶ records or lines ──▶ cells by column ──▶ import_map.h ──▶ on_event
 *                            └──────────── what is wrong ─────────────────────▶ on_problem
 *
 * One bad row is one problem, and the rest is read. A byte order mark is skipped; lines end with LF, CRLF or
 * CR. Where the mapping's id is a multiset, the n-th of rows with equal hashes has "#n" behind it; else rows
 * that have the id of an earlier one are counted, since they count once, as long as there is room to know
 * them.
 *
 * Owns its memory, bounded by one row and by MTR_ROWS_KNOWN_MAX ids of 16 bytes. Borrows the map. One thread.
 */
#ifndef METERD_COLLECTOR_ROW_READER_H
#define METERD_COLLECTOR_ROW_READER_H

#include <stdint.h>

#include "meterd/core/diagnostic.h"
#include "meterd/core/event.h"
#include "meterd/source/import_map.h"

enum { MTR_ROWS_KNOWN_MAX = 1 << 23 };

/* Another result than MTR_OK ends the reading and is returned by it. */
struct mtr_row_hooks {
    int (*on_event)(void *context, const struct mtr_event *event, uint64_t line); /* borrowed meanwhile */
    int (*on_problem)(void *context, const struct mtr_diagnostic *problem); /* with its line from 1 */
    void *context;
};

struct mtr_row_counts {
    uint64_t events, skipped, problems;
    uint64_t repeated;       /* of the events: with the id of an earlier one */
    uint64_t repeated_line;  /* of the first of them */
};

struct mtr_row_reader;

/* format: CSV or NDJSON. MTR_ENOMEM. */
int mtr_row_reader_open(const struct mtr_import_map *map, enum mtr_import_format format,
                        const struct mtr_row_hooks *hooks, struct mtr_row_reader **out) MTR_MUST_USE;
void mtr_row_reader_close(struct mtr_row_reader *reader);
/* MTR_EINVALID: the whole of it cannot be read (a column that the header lacks, nothing in it), and
 * on_problem knows; MTR_ELIMIT: more rows of a multiset than are known; MTR_ENOMEM. */
int mtr_row_reader_read(struct mtr_row_reader *reader, struct mtr_str piece) MTR_MUST_USE;
int mtr_row_reader_end(struct mtr_row_reader *reader) MTR_MUST_USE;
struct mtr_row_counts mtr_row_reader_counts(const struct mtr_row_reader *reader);

#endif
