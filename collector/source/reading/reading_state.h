/*
 * What the files of a reading share. Private to reading*.c.
 */
#ifndef METERD_COLLECTOR_SOURCE_READING_READING_STATE_H
#define METERD_COLLECTOR_SOURCE_READING_READING_STATE_H

#include "collector/rows/columns/drift.h"
#include "collector/intake/judge.h"
#include "collector/source/reading/reading.h"
#include "collector/source/request/each.h"
#include "meterd/core/limits.h"

enum { READING_FAULT_BYTES = 320, READING_PROOFS = 3 };
/* Subjects of others that are told apart: those that are asked for, and the rest. */
enum { READING_ASKED_MAX = 1 << 13, READING_UNASKED_MAX = 1 << 13 };

/* What complete.* asks of the pages. */
enum reading_proof { READING_COUNT, READING_SUM, READING_FLAG };

/* Where the reading stood when a piece began. */
struct reading_mark {
    uint32_t pages;
    uint64_t rows, ordinals, problems;
    struct mtr_row_counts counts;
    struct mtr_decimal counting_sum;
};

/* What a piece is proved by. */
struct reading_proved {
    bool is_none; /* the vendor says that there is none, and no row came */
    uint64_t rows, not_summed;
    struct mtr_decimal sum;
    struct mtr_found proofs[READING_PROOFS];
};

struct reading_piece {
    uint32_t first_page; /* of one without pages that of the next */
    int64_t from_us;
};

struct reading_pieces {
    struct mtr_window window;  /* of the one at work */
    struct reading_piece *begins; /* of each */
    uint32_t count, capacity;
    struct reading_mark begin; /* of the one at work */
    bool has_ended;
    bool lacks_proof;             /* one piece does: `proved` is its own */
    struct reading_proved proved; /* of the one that ended last; one that is none may say nothing */
    bool is_proved;               /* it says something */
};

/* A subject of rows that is not the one that was asked for. */
struct reading_other {
    struct mtr_str subject;
    uint64_t hash;
    uint32_t piece; /* from 1: the first that had rows of it; 0: none has */
    bool is_asked;  /* another request asks for it, as far as is known here */
};

struct reading_others {
    struct reading_other *items; /* in the order in which they came */
    uint32_t *slots;             /* 1 + where it stands; 0: free */
    uint32_t count, slot_count;  /* the latter a power of two */
    uint32_t asked, unasked;     /* of which rows came */
};

struct reading {
    struct reading_ask ask;
    struct mtr_arena arena;
    struct mtr_str source_name; /* "meterd:KEY" */
    bool is_list;               /* its rows are items */
    char directory[PAGES_PATH_BYTES];
    struct mtr_record_want wants[READING_WANTS_MAX]; /* paging's, then the proofs' */
    uint32_t want_count;
    struct mtr_label constants[EACH_COLUMNS_MAX]; /* of rows: what for_each gives */
    uint32_t constant_count;
    int32_t proof_wants[READING_PROOFS];     /* -1: not asked for */
    struct mtr_found proofs[READING_PROOFS]; /* of the piece's last page that had them; in the arena */
    struct reading_pieces pieces;
    struct mtr_str watched;                  /* the property that the guard adds up; empty: none */
    struct mtr_decimal sum_before;           /* of it, in the window's last whole reading */
    bool had_sum;
    char fault[READING_FAULT_BYTES];

    struct mtr_row_reader *reader;
    struct page_text text;
    struct page_writer *writer;
    struct page_writer *held; /* of the only page, which has ended and has no file yet */
    uint32_t page_count;
    uint64_t page_rows, rows_before; /* of the page that ended last; of all before the one at work */
    struct mtr_hash128 page_hash;
    uint64_t page_rows_hash; /* order-free */
    bool page_has_rows; /* something of the page at work was mapped */

    /* The first pass. */
    struct read_rows rows;
    int64_t rows_from_us, rows_to_us; /* where they lie, and the window */
    struct judge_last judged;
    struct reading_others others;
    uint64_t ordinals, problems, repeated;
    uint64_t clash; /* as in struct reading_facts */
    int64_t newest_us;
    struct mtr_row_counts counts;
    struct mtr_decimal counting_sum; /* as of struct mtr_ledger_counting */
    struct columns columns; /* that its rows have */
    struct drift drift;

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

/* Its id is none that the log takes, as `problem` says then: it is such a row. */
bool reading_is_unnamed(const struct mtr_event *event, const struct mtr_record_place *place,
                        struct mtr_diagnostic *problem);

/* reading_others.c: rows of what other requests of `for_each` ask for. Of a row that was judged its subject
 * is noted; *out is then one of which the rows are another request's; empty: there is none. */
int reading_note_other(struct reading *reading, const struct mtr_event *row) MTR_MUST_USE;
int reading_find_other(const struct reading *reading, struct mtr_ledger_txn *txn,
                       struct mtr_str *out) MTR_MUST_USE;
void reading_forget_others(struct reading *reading); /* those that the piece at work brought */
void reading_release_others(struct reading *reading);

/* reading.c: a reader for what comes, in the place of the one before. */
int reading_open_rows(struct reading *reading, const char **fault) MTR_MUST_USE;

/* What a page begins and ends with, and what its error means to people. */
void reading_note_page(struct reading *reading);
int reading_count_page(struct reading *reading) MTR_MUST_USE;
int reading_explain(struct reading *reading, int rc) MTR_MUST_USE;

/* reading_pieces.c: the page that is held gets its file. True: it was there, and is dropped. */
int reading_keep_held(struct reading *reading) MTR_MUST_USE;
bool reading_drop_held(struct reading *reading);

/* The next piece begins where the reading stands. MTR_ELIMIT, MTR_ENOMEM. */
int reading_note_piece(struct reading *reading, struct mtr_window window) MTR_MUST_USE;
/* The proofs of the pieces, or of the first that lacks them. */
void reading_take_proofs(const struct reading *reading, struct reading_facts *facts);
struct mtr_row_counts reading_counts_so_far(const struct reading *reading);
/* A row of a multiset is told apart from others only where its time is in the piece that was asked for. */
bool reading_is_of_piece(const struct reading *reading, const struct mtr_event *row);
/* How many pages came of; one that is not all of the window counts as two. */
uint32_t reading_pieces_read(const struct reading *reading);
/* The piece that begins with that page; NULL: it is not a piece's first. */
const struct reading_piece *reading_piece_at(const struct reading *reading, uint32_t page);

#endif
