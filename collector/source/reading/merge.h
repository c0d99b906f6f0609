/*
 * A reading against what the log has of its window: which rows are new, changed, gone, or the same.
 *
 *   rows of the reading, sorted by key ──┐
 *                                        ├─ one pass ─▶ what to send, what to take back
 *   the window's run, sorted by key ─────┘
 *
 * A row that is new here and stands in the run of another window of the strand has moved: where its time lies
 * in this window it leaves the other one, else it stays there, and is nothing to this reading. Settled
 * windows have runs of what lies outside of them alone: whether one of them has a row that lies beyond this
 * window, the caller asks the log (merge_leave_beyond). What is in
 * quarantine is sent again with each reading, so that it counts as soon as the catalog allows it; what is
 * refused again is not stored again. A row that could not be mapped never moves: all that tells it from
 * others are its bytes, and a line that each answer has is one of each window.
 *
 * Memory: 32 bytes a row, one bit more, and 40 bytes for each row that is taken back, of what the reading
 * may hold. Pure but for the
 * ledger's reads; one thread.
 */
#ifndef METERD_COLLECTOR_SOURCE_READING_MERGE_H
#define METERD_COLLECTOR_SOURCE_READING_MERGE_H

#include "collector/source/reading/log_rows.h"
#include "collector/source/limits/reading_memory.h"
#include "meterd/store/ledger.h"

/* A row of a reading. */
struct read_row {
    struct mtr_event_identity key; /* first: a hash to sort by */
    uint64_t digest;
    uint64_t ordinal : 55;   /* its place among the reading's rows, from 0 */
    uint64_t is_refused : 1; /* it could not be mapped */
    uint64_t is_outside : 1; /* its time lies outside the window */
    uint64_t is_beyond : 1;  /* and not at its end */
    uint64_t is_far : 1;     /* by more than its length, and by more than a day */
    uint64_t is_unknown : 1; /* nobody knows whose it is, or no meter what: it would be held */
    uint64_t is_mute : 1;    /* that, or it cannot be read, or the intake would refuse it */
    uint64_t is_new : 1;     /* merge_make: the window's run has no such key */
    uint64_t is_passed : 1;  /* filters of all its meters leave it out */
    uint64_t is_elsewhere : 1; /* merge_make and on: another window has it, and keeps it */
};

struct read_rows {
    struct read_row *rows;
    uint64_t count, capacity;
    struct reading_memory *memory; /* NULL: not bounded */
};

/* MTR_ELIMIT: more than rows_max; MTR_EAGAIN: the memory of all readings is spent; MTR_ENOMEM. */
int read_rows_add(struct read_rows *rows, const struct read_row *row, uint64_t rows_max) MTR_MUST_USE;
void read_rows_release(struct read_rows *rows);
/* Sorts by key; of equal rows the first stays, and *repeated counts the others. MTR_EEXISTS: two of one key
 * have other content, *clash is the place of the second. */
int read_rows_sort(struct read_rows *rows, uint64_t *repeated, uint64_t *clash) MTR_MUST_USE;
/* Of all rows, whatever their order. */
struct mtr_hash128 read_rows_content(const struct read_rows *rows);

struct merge_void {
    struct mtr_run_row row;
    int64_t start_us; /* of the window that it leaves */
};

/* A row that is in quarantine, and may count now. */
struct merge_retry {
    uint64_t ordinal, seq;
};

/* What another window would lose: of rows that count, `rows` of `of`. */
struct merge_left {
    int64_t start_us;
    uint64_t rows, of; /* 0: nothing */
};

struct merge {
    uint64_t known; /* rows that the run had */
    uint64_t known_refused, gone_refused; /* of known and gone: in quarantine, so they count nowhere */
    uint64_t same, added, changed, gone, moved, elsewhere, retried;
    uint64_t lost; /* of changed and gone: the log no longer has what would be taken back */
    struct merge_left left; /* merge_find_left */
    uint64_t left_rows;     /* such rows of all other windows together */
    uint8_t *sends; /* a bit for each ordinal */
    struct merge_void *voids;
    uint64_t void_count, void_capacity;
    struct merge_retry *retries; /* by ordinal */
    uint64_t retry_capacity;
    struct reading_memory *memory; /* of the rows */
};

static inline bool merge_sends(const struct merge *merge, uint64_t ordinal)
{
    return merge->sends[ordinal / 8] >> ordinal % 8 & 1;
}

/* rows are sorted; ordinals are below `ordinals`. The caller releases *out either way. MTR_ENOMEM,
 * MTR_EAGAIN as above, and what the ledger says. */
struct merge_question {
    struct mtr_ledger_txn *txn;
    struct mtr_strand strand;
    int64_t start_us;
    int64_t from_us, to_us; /* where its rows lie, and the window */
    bool is_list;   /* rows stay in the newest window that has them */
    bool is_replay; /* rows stay in the window that has them: it was read later, or has them by their time */
    struct read_rows *rows;
    uint64_t ordinals;
    const struct log_rows *log_rows; /* in the place of the window's run, where it has none; NULL: it has */
};
int merge_make(const struct merge_question *question, struct merge *out) MTR_MUST_USE;
/* Is it the key of a row that no run has, and that lies beyond the window? */
bool merge_is_beyond(const struct merge_question *question, const struct mtr_event_identity *key);
bool merge_has_beyond(const struct merge_question *question); /* any */
/* Of those, the ones that are there are other windows', and are not sent. NULL: all are. */
void merge_leave_beyond(const struct merge_question *question, const struct log_rows *there,
                        struct merge *merge);
/* What would be taken back lies before the log's first sequence, where taking it back is nothing: of the own
 * window it is `lost`; a row that has moved stays in the window that has it. */
void merge_leave_lost(const struct merge_question *question, uint64_t begin_seq, struct merge *merge);
/* Of the other windows, the one that would lose most of what it has, as the ledger knows it. The same row in
 * two answers leaves none of them: it lay outside of the window that has it. */
int merge_find_left(const struct merge_question *question, struct merge *merge) MTR_MUST_USE;
void merge_release(struct merge *merge);

#endif
