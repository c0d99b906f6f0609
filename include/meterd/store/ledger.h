/*
 * The ledger of windows: what the readings of sources have brought so far. A fold of the receipts in the log:
 * it can be deleted and is folded again, and it never knows of what is not in the log.
 *
 *   source       (vendor, key): its last reading
 *   strand       (source, each): one of the requests that `for_each` makes of it, with the cursor of its feed
 *   job          (strand): the report that the vendor makes for it now, if any
 *   mark         (strand, start): of the list of files that the window was read from last
 *   window       (strand, start): its state, and what its last reading counted
 *   total        (source, start, end): how many windows there are, in all strands together
 *   quarantined  (strand, start): of a window, or a feed, that has rows in quarantine
 *   item         of a source that is a list: what a row names, and when it went
 *   run          of a window that is not settled: a row's key hash, digest and sequence, 32 bytes each,
 * sorted by key, so that a reading is compared with it in one pass
 *
 * One write transaction at a time; a read transaction belongs to whoever began it, any thread. Texts that
 * come out are borrowed until the transaction ends or writes. Formats are in docs/formats.md.
 */
#ifndef METERD_STORE_LEDGER_H
#define METERD_STORE_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "meterd/core/diagnostic.h"
#include "meterd/core/error.h"
#include "meterd/core/event.h"
#include "meterd/core/hash.h"
#include "meterd/core/str.h"

struct mtr_ledger;
struct mtr_ledger_txn;

enum {
    MTR_LEDGER_EACH_BYTES_MAX = 256,
    MTR_LEDGER_CURSOR_BYTES_MAX = 4096,
    MTR_LEDGER_COLUMNS_BYTES_MAX = 4096,
    MTR_LEDGER_PROBLEM_BYTES_MAX = 400,
    MTR_LEDGER_VALUES_BYTES_MAX = 1024 /* of an item */
};

/* ---- the store ---- */

/* directory: <data>/intake, created when missing, unless read_only. MTR_ENOTFOUND: read_only, and there is
 * none; MTR_EVERSION and others with a diagnostic. */
int mtr_ledger_open(const char *directory, bool read_only, struct mtr_ledger **out,
                    struct mtr_diagnostic *diagnostic) MTR_MUST_USE;
void mtr_ledger_close(struct mtr_ledger *ledger); /* NULL is allowed */
int mtr_ledger_begin(struct mtr_ledger *ledger, bool write, struct mtr_ledger_txn **out) MTR_MUST_USE;
int mtr_ledger_commit(struct mtr_ledger_txn *txn) MTR_MUST_USE; /* ends it either way */
void mtr_ledger_abort(struct mtr_ledger_txn *txn);              /* NULL is allowed */

/* Every receipt up to this sequence of the log is folded, which is the last of a block; 0: none. The block's
 * hash is chained to all blocks before it, so it says of which log. */
struct mtr_ledger_place {
    uint64_t seq;
    struct mtr_hash128 block;
};
int mtr_ledger_applied(struct mtr_ledger_txn *txn, struct mtr_ledger_place *out) MTR_MUST_USE;
int mtr_ledger_put_applied(struct mtr_ledger_txn *txn, const struct mtr_ledger_place *place) MTR_MUST_USE;

/* Made of a log whose beginning retention had removed: when the first event that it still had was received.
 * What was read before that is not known. 0: all is. */
int mtr_ledger_begun(struct mtr_ledger_txn *txn, int64_t *begun_us) MTR_MUST_USE;
int mtr_ledger_put_begun(struct mtr_ledger_txn *txn, int64_t begun_us) MTR_MUST_USE;

/* To be folded again: nothing stays. */
int mtr_ledger_clear(struct mtr_ledger_txn *txn) MTR_MUST_USE;
/* The same for another log, which may not know of a pause that an operator wants: those that there are wait
 * until all of it is folded, and are taken then, whatever it says of the source. *has_some: there were. */
int mtr_ledger_clear_but_pauses(struct mtr_ledger_txn *txn) MTR_MUST_USE;
int mtr_ledger_take_pauses(struct mtr_ledger_txn *txn, bool *has_some) MTR_MUST_USE;

/* ---- sources and strands ---- */

struct mtr_strand {
    struct mtr_str vendor, source; /* keys; neither is empty */
    struct mtr_str each;           /* empty without for_each */
};

/* All strands of a source together. */
struct mtr_ledger_source {
    uint64_t last_reading; /* number of the last that left a receipt, whatever became of it; 0: none */
    int64_t first_us;      /* when the first of them began; 0: none */
    int64_t paused_us;     /* since when an operator lets it rest; 0: it does not */
};
/* Zero where there was nothing. */
int mtr_ledger_get_source(struct mtr_ledger_txn *txn, const struct mtr_strand *strand,
                          struct mtr_ledger_source *out) MTR_MUST_USE;
int mtr_ledger_put_source(struct mtr_ledger_txn *txn, const struct mtr_strand *strand,
                          const struct mtr_ledger_source *source) MTR_MUST_USE;

/* Where a feed without windows goes on: behind a token, which may be empty, and from when its last good
 * reading began. MTR_ENOTFOUND: it has not begun. */
struct mtr_feed {
    struct mtr_str cursor;
    int64_t read_us;  /* 0: none was good */
    int64_t begun_us; /* when the first one since began of which the log has some parts, not all; 0: none */
};
int mtr_ledger_feed(struct mtr_ledger_txn *txn, const struct mtr_strand *strand,
                    struct mtr_feed *out) MTR_MUST_USE;
/* Of a strand by its id, the latter alone; 0: it has not begun. */
int mtr_ledger_feed_read_us(struct mtr_ledger_txn *txn, struct mtr_hash128 strand,
                            int64_t *out) MTR_MUST_USE;
int mtr_ledger_put_feed(struct mtr_ledger_txn *txn, const struct mtr_strand *strand,
                        const struct mtr_feed *feed) MTR_MUST_USE;

/* What its good readings have shown of its rows; zero and empty: nothing. `columns` is a text of whoever
 * writes it. */
struct mtr_strand_facts {
    int64_t newest_us; /* time of the newest row */
    struct mtr_str columns;
};
int mtr_ledger_facts(struct mtr_ledger_txn *txn, const struct mtr_strand *strand,
                     struct mtr_strand_facts *out) MTR_MUST_USE;
int mtr_ledger_put_facts(struct mtr_ledger_txn *txn, const struct mtr_strand *strand,
                         const struct mtr_strand_facts *facts) MTR_MUST_USE;

/* ---- reports ---- */

enum { MTR_LEDGER_JOB_ID_BYTES_MAX = 4096, MTR_LEDGER_JOB_KNOWN_BYTES_MAX = 640 };

/* A report that a vendor makes for a strand (`job` of its document), from before it is asked for until it was
 * read, or given up. */
enum mtr_job_state {
    MTR_JOB_SUBMITTING, /* it was asked for, or was to be: nobody knows */
    MTR_JOB_SUBMITTED   /* the vendor has given it an id */
};
struct mtr_ledger_job {
    int64_t start_us, end_us; /* of the window; both 0: of a feed */
    int64_t began_us;         /* when its reading did: what it shows was published then, or later */
    uint64_t reading;         /* that has written of it last */
    enum mtr_job_state state;
    struct mtr_str id;    /* SUBMITTED */
    struct mtr_str known; /* SUBMITTING: hashes of such reports that there were before; others are ours */
};
/* MTR_ENOTFOUND: there is none. */
int mtr_ledger_job(struct mtr_ledger_txn *txn, const struct mtr_strand *strand,
                   struct mtr_ledger_job *out) MTR_MUST_USE;
int mtr_ledger_put_job(struct mtr_ledger_txn *txn, const struct mtr_strand *strand,
                       const struct mtr_ledger_job *job) MTR_MUST_USE;
int mtr_ledger_drop_job(struct mtr_ledger_txn *txn, const struct mtr_strand *strand) MTR_MUST_USE;

/* ---- windows ---- */

enum mtr_window_state {
    MTR_WINDOW_PARTIAL,    /* parts of a reading are in, its last one is not */
    MTR_WINDOW_OPEN,       /* it was read before its end, or in no term; that never counts as complete */
    MTR_WINDOW_INCOMPLETE, /* a reading could not prove that it is whole: nothing of it was taken */
    MTR_WINDOW_SUSPECT,    /* a reading would take away too much: it waits until it is confirmed */
    MTR_WINDOW_COMPLETE,
    MTR_WINDOW_SETTLED /* complete, and not read again unless it is asked for; its run is gone */
};
enum { MTR_WINDOW_STATE_COUNT = 6 };
const char *mtr_window_state_name(enum mtr_window_state state); /* partial open … */
/* All that the vendor has of it was read. */
static inline bool mtr_window_is_whole(enum mtr_window_state state)
{
    return state == MTR_WINDOW_COMPLETE || state == MTR_WINDOW_SETTLED;
}
/* Its last reading was taken. */
static inline bool mtr_window_is_taken(enum mtr_window_state state)
{
    return state == MTR_WINDOW_OPEN || mtr_window_is_whole(state);
}
/* Its last reading was not: `problem` says why. */
static inline bool mtr_window_has_problem(enum mtr_window_state state)
{
    return state == MTR_WINDOW_INCOMPLETE || state == MTR_WINDOW_SUSPECT;
}

/* What showed that a reading was whole, beside that its pages ended well: flags. */
enum mtr_proof {
    MTR_PROOF_COUNT = 1, /* the vendor's count, sum, flag */
    MTR_PROOF_SUM = 2,
    MTR_PROOF_FLAG = 4,
    MTR_PROOF_AGREE = 8 /* equal readings */
};
enum { MTR_PROOFS_ALL = 15, MTR_PROOFS_TEXT_BYTES = 32 };
/* "count, sum", or empty; and back. False: it is no such text. */
struct mtr_str mtr_proofs_text(unsigned proofs, char out[static MTR_PROOFS_TEXT_BYTES]);
bool mtr_proofs_parse(struct mtr_str text, unsigned *proofs);

#define MTR_LEDGER_NOBODY_LOOKED UINT64_MAX

/* Of a reading's rows those that would count: they can be read, the catalog knows whose and what they are,
 * and some meter's filters take them. Each key once, and without those that another window has; the sum is of
 * what the guard watches, as often as they come, of rows that lie in the window or at its end. */
struct mtr_ledger_counting {
    uint64_t rows; /* MTR_LEDGER_NOBODY_LOOKED: not known, in receipts of earlier editions */
    struct mtr_decimal sum;
};

struct mtr_ledger_window {
    int64_t start_us, end_us; /* half-open */
    enum mtr_window_state state;
    uint64_t reading;             /* the last that was taken into it */
    uint32_t readings;            /* so many were, from first to last */
    uint32_t agreed;              /* so many readings in a row said the same, where that is waited for */
    int64_t first_us;             /* when the first began that was taken, or had a row; 0: none */
    int64_t last_us;              /* when the last of them began */
    int64_t noted_us;             /* when the last reading with a receipt began, whatever that says */
    uint64_t rows;                /* in its run */
    uint64_t refused;             /* of them, in quarantine */
    uint64_t repeated;            /* rows of the last whole reading that were equal to another */
    uint64_t unknown;             /* of accounts that the catalog did not know; MTR_LEDGER_NOBODY_LOOKED */
    uint64_t changes;             /* rows new, changed or gone, all readings together */
    struct mtr_decimal sum;       /* of the quantity that the guard watches, in the last whole reading */
    struct mtr_ledger_counting counting; /* of the last whole reading */
    uint64_t seq_first, seq_last; /* of the log: what its readings wrote; 0: nothing */
    int64_t reach_us;             /* so far beyond it rows of it lay */
    unsigned proofs;              /* of the last whole reading: mtr_proof */
    /* Of the last reading, also of one that was not taken. */
    struct mtr_hash128 content;   /* order-free */
    uint64_t said_rows;           /* as its vendor counts them */
    struct mtr_decimal said_sum;  /* of the quantity that the guard watches */
    struct mtr_ledger_counting said_counting;
    struct mtr_str problem;       /* INCOMPLETE, SUSPECT: the alarm's sentence; empty else */
    bool has_no_run;              /* it was settled once: its run has rows outside of it alone, the others are
                                     in the log, from seq_first on */
    bool is_cut;                  /* it has no run, and its first rows were in a part of the log that is gone:
                                     what is the vendor's of it already is not known, it stands as it is */
};

/* Rows came, and all of them are in quarantine: nobody knows what they say, so it is neither empty nor does
 * anybody have what the vendor has of it. Those outside of a term are known. */
static inline bool mtr_window_says_nothing(const struct mtr_ledger_window *window)
{
    return window->rows && window->refused == window->rows && !window->counting.rows;
}

int mtr_ledger_get_window(struct mtr_ledger_txn *txn, const struct mtr_strand *strand, int64_t start_us,
                          struct mtr_ledger_window *out) MTR_MUST_USE; /* MTR_ENOTFOUND: never read */
int mtr_ledger_put_window(struct mtr_ledger_txn *txn, const struct mtr_strand *strand,
                          const struct mtr_ledger_window *window) MTR_MUST_USE;

/* The windows of a source, all its strands together, by start from `from_us` on, then by each. A hook result
 * other than 0 stops and is returned. */
typedef int (*mtr_ledger_on_window)(void *context, struct mtr_str each,
                                    const struct mtr_ledger_window *window);
int mtr_ledger_walk_windows(struct mtr_ledger_txn *txn, const struct mtr_strand *source, int64_t from_us,
                            mtr_ledger_on_window on_window, void *context) MTR_MUST_USE;
/* In the same order, those behind the strand's own that begins there, whether it is there or not. */
int mtr_ledger_walk_windows_behind(struct mtr_ledger_txn *txn, const struct mtr_strand *strand,
                                   int64_t start_us, mtr_ledger_on_window on_window,
                                   void *context) MTR_MUST_USE;

/* Of all windows of a source, in all its strands, that begin and end there; zero: there is none. */
struct mtr_ledger_total {
    uint64_t windows, whole;    /* whole: COMPLETE or SETTLED, and it says something */
    uint64_t seq_last;          /* the newest of what was ever written for one of them */
    struct mtr_hash128 strands; /* mtr_ledger_add_strand of each that has one */
};
int mtr_ledger_total(struct mtr_ledger_txn *txn, const struct mtr_strand *source, int64_t start_us,
                     int64_t end_us, struct mtr_ledger_total *out) MTR_MUST_USE;
/* Sums of them are those of sets: two that are equal have the same strands. */
struct mtr_hash128 mtr_ledger_strand_id(const struct mtr_strand *strand);
static inline void mtr_ledger_add_strand(struct mtr_hash128 *sum, struct mtr_hash128 id)
{
    sum->high += id.high;
    sum->low += id.low;
}

/* What the list of files said of itself whose reading was the last to be taken into a window, whole: with the
 * same mark there is nothing new. Empty: none is known. */
int mtr_ledger_mark(struct mtr_ledger_txn *txn, const struct mtr_strand *strand, int64_t start_us,
                    struct mtr_str *out) MTR_MUST_USE;
int mtr_ledger_put_mark(struct mtr_ledger_txn *txn, const struct mtr_strand *strand, int64_t start_us,
                        struct mtr_str mark) MTR_MUST_USE;

/* ---- rows in quarantine ---- */

/* Those of a window, or of a feed (start_us 0), that no alarm of another kind speaks of, as of the last
 * reading that was taken; of a feed, as of the last that had any. */
struct mtr_ledger_quarantined {
    int64_t start_us; /* of the window */
    uint64_t rows;
    uint64_t reading;
    int64_t began_us; /* when that did */
};
/* Zero where there is none. */
int mtr_ledger_quarantined(struct mtr_ledger_txn *txn, const struct mtr_strand *strand, int64_t start_us,
                           struct mtr_ledger_quarantined *out) MTR_MUST_USE;
/* rows 0: there are none any more. */
int mtr_ledger_put_quarantined(struct mtr_ledger_txn *txn, const struct mtr_strand *strand,
                               const struct mtr_ledger_quarantined *now) MTR_MUST_USE;
/* Of the strand's windows from `from_us` on, those that have some. A hook result other than 0 stops and is
 * returned. */
typedef int (*mtr_ledger_on_quarantined)(void *context, const struct mtr_ledger_quarantined *window);
int mtr_ledger_walk_quarantined(struct mtr_ledger_txn *txn, const struct mtr_strand *strand, int64_t from_us,
                                mtr_ledger_on_quarantined on_quarantined, void *context) MTR_MUST_USE;

/* ---- items ---- */

/* What a row of a list names. Texts are borrowed until the transaction ends or writes. */
struct mtr_ledger_item {
    struct mtr_event_identity row; /* its key, for who walks */
    int64_t start_us; /* of the window in which it stands */
    uint64_t seq;     /* of its event */
    int64_t gone_us;  /* when the reading began that lacks it; 0: it is there */
    struct mtr_str subject;
    struct mtr_str values; /* what it has besides: mtr_ledger_pack_values */
};
/* The properties of an event, as far as there is room; out is borrowed. */
struct mtr_str mtr_ledger_pack_values(const struct mtr_event *event,
                                      char out[static MTR_LEDGER_VALUES_BYTES_MAX]);
/* `subject`, or `data.NAME`, of an item; empty: it has none. */
struct mtr_str mtr_ledger_item_take(const struct mtr_ledger_item *item, struct mtr_str take);
/* By the key of its row, whatever strand of the source had it before. */
int mtr_ledger_put_item(struct mtr_ledger_txn *txn, const struct mtr_strand *strand,
                        const struct mtr_event_identity *row,
                        const struct mtr_ledger_item *item) MTR_MUST_USE;
/* Before the row is put again, as `now`: what it said before, where that is something else, is gone as of
 * gone_us, or since it went. Of one row the last few such items are kept. */
int mtr_ledger_keep_former(struct mtr_ledger_txn *txn, const struct mtr_strand *strand,
                           const struct mtr_event_identity *row, const struct mtr_ledger_item *now,
                           int64_t gone_us) MTR_MUST_USE;
/* The event `seq` was taken back; nothing happens where the item has another one by now. */
int mtr_ledger_item_gone(struct mtr_ledger_txn *txn, const struct mtr_strand *strand,
                         const struct mtr_event_identity *row, uint64_t seq, int64_t gone_us) MTR_MUST_USE;
/* A window of the strand was read for the first time: items that stand in an older one are gone with it. */
int mtr_ledger_note_newest(struct mtr_ledger_txn *txn, const struct mtr_strand *strand, int64_t start_us,
                           int64_t began_us) MTR_MUST_USE;
/* Where that window begins. MTR_ENOTFOUND: none was read. */
int mtr_ledger_newest(struct mtr_ledger_txn *txn, const struct mtr_strand *strand,
                      int64_t *start_us) MTR_MUST_USE;
/* All that a source ever had, those that are gone included, by the keys of their rows: from the first on, or
 * behind that key (NULL: none). A hook result other than 0 stops. */
typedef int (*mtr_ledger_on_item)(void *context, const struct mtr_ledger_item *item);
int mtr_ledger_walk_items(struct mtr_ledger_txn *txn, const struct mtr_strand *source,
                          const struct mtr_event_identity *behind,
                          mtr_ledger_on_item on_item, void *context) MTR_MUST_USE;
/* Another number: a walk may give something else than before. */
int mtr_ledger_items_version(struct mtr_ledger_txn *txn, const struct mtr_strand *source,
                             uint64_t *out) MTR_MUST_USE;

/* ---- runs ---- */

/* One row of a window, as the log has it. */
struct mtr_run_row {
    struct mtr_event_identity key; /* of (vendor, source, the row's own id) */
    uint64_t digest;               /* mtr_event_digest of what it became */
    uint64_t seq : 62;             /* of its event; 0 in a change: the row is gone */
    uint64_t is_outside : 1;       /* its time lies outside of the window */
    uint64_t is_refused : 1;       /* its event is in quarantine */
};
int mtr_run_row_compare(const struct mtr_event_identity *a, const struct mtr_event_identity *b);

/* A window's rows in the order of their keys. The cursor ends with close, before the transaction. */
struct mtr_run_cursor;
int mtr_run_open(struct mtr_ledger_txn *txn, const struct mtr_strand *strand, int64_t start_us,
                 struct mtr_run_cursor **out) MTR_MUST_USE;
void mtr_run_close(struct mtr_run_cursor *cursor); /* NULL is allowed */
/* NULL: the next row, which the cursor goes behind. Else the first whose key is not below `from`, from where
 * the cursor stands on; it stays before that. MTR_ENOTFOUND: there is none. *row is borrowed until the next
 * call. */
int mtr_run_next(struct mtr_run_cursor *cursor, const struct mtr_event_identity *from,
                 const struct mtr_run_row **row) MTR_MUST_USE;

/* The strand's first window from `from_us` on whose run has rows: where it begins. MTR_ENOTFOUND: there is
 * none. Runs of other strands cost nothing. */
int mtr_run_find(struct mtr_ledger_txn *txn, const struct mtr_strand *strand, int64_t from_us,
                 int64_t *start_us) MTR_MUST_USE;

/* Writes changes, sorted by key and with each key once, into a window's run; *delta is added to: how many
 * rows there are more, and how many in quarantine. */
struct mtr_run_delta {
    int64_t rows, refused;
};
int mtr_run_apply(struct mtr_ledger_txn *txn, const struct mtr_strand *strand, int64_t start_us,
                  const struct mtr_run_row *changes, uint32_t count,
                  struct mtr_run_delta *delta) MTR_MUST_USE;
/* The run goes, but for rows that lie outside: the window is settled, and the answer for another one may have
 * them, too. */
int mtr_run_settle(struct mtr_ledger_txn *txn, const struct mtr_strand *strand,
                   int64_t start_us) MTR_MUST_USE;

#endif
