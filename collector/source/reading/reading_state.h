/*
 * What the files of a reading share. Private to reading*.c.
 */
#ifndef METERD_COLLECTOR_SOURCE_READING_READING_STATE_H
#define METERD_COLLECTOR_SOURCE_READING_READING_STATE_H

#include "collector/source/reading/reading.h"
#include "collector/source/request/each.h"

enum { READING_FAULT_BYTES = 320, READING_PROOFS = 3 };

/* What complete.* asks of the pages. */
enum reading_proof { READING_COUNT, READING_SUM, READING_FLAG };

struct reading {
    struct reading_ask ask;
    struct mtr_arena arena;
    struct mtr_str source_name; /* "meterd:KEY" */
    char directory[PAGES_PATH_BYTES];
    struct mtr_record_want wants[READING_WANTS_MAX]; /* paging's, then the proofs' */
    uint32_t want_count;
    struct mtr_label constants[EACH_COLUMNS_MAX]; /* of rows: what for_each gives */
    uint32_t constant_count;
    int32_t proof_wants[READING_PROOFS];     /* -1: not asked for */
    struct mtr_found proofs[READING_PROOFS]; /* of the last page that had them; texts in the arena */
    struct mtr_str watched;                  /* the property that the guard adds up; empty: none */
    char fault[READING_FAULT_BYTES];

    struct mtr_row_reader *reader;
    struct page_text text;
    struct page_writer *writer;
    uint32_t page_count;
    uint64_t page_rows, rows_before; /* of the page that ended last; of all before the one at work */
    struct mtr_hash128 page_hash;
    uint64_t page_rows_hash; /* order-free */
    bool page_has_rows; /* something of the page at work was mapped */

    /* The first pass. */
    struct read_rows rows;
    uint64_t ordinals, problems, repeated;
    uint64_t clash; /* as in struct reading_facts */
    int64_t newest_us;
    struct mtr_row_counts counts;

    /* The second pass. */
    bool is_applying;
    struct applying applying;
    uint32_t page_at; /* from 1; 0: not begun */
    struct page_reader *page_reader;
    struct mtr_str rest; /* of a piece, what is still to be fed */
    bool is_kept;        /* its pages stay: the log has something of them */
};

/* The row as the log will have it: vendor and source are those of the reading. A row that cannot be mapped is
 * REFUSED. */
struct mtr_event reading_row(const struct reading *reading, const struct mtr_event *event);
/* Such a row out of a problem, in the arena. MTR_ENOMEM. */
int reading_refused(struct reading *reading, struct mtr_arena *arena, const struct mtr_diagnostic *problem,
                    const struct mtr_record_place *place, struct mtr_event *out) MTR_MUST_USE;

#endif
