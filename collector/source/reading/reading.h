/*
 * One reading of a window: its pages become rows, the rows are held against the ledger, and what changed goes
 * to the intake in parts.
 *
 *   reading_open ─▶ (reading_begin_page ─▶ reading_feed … ─▶ reading_end_page)*
 *                ─▶ reading_end_piece, or reading_drop_piece ─▶ (reading_begin_piece ─▶ …)*
 *                ─▶ reading_check ─┬─ not taken ─▶ reading_note      a receipt that says why
 *                                  └─ taken ────▶ reading_part …     until the last one is committed
 *
 * Each function is a bounded piece of work, but for reading_replay, which is one pass over the pages, and
 * reading_check, over the rows; they may be called on any thread, one at a time. No clock, socket or random
 * number. What the vendor sent is spooled to pages, and gone through a second time for the parts.
 *
 * A replay is a reading of the pages that another reading has kept: reading_replay stands for all of them.
 *
 * Borrows the source and all that is given to reading_open, until reading_close.
 */
#ifndef METERD_COLLECTOR_SOURCE_READING_READING_H
#define METERD_COLLECTOR_SOURCE_READING_READING_H

#include "collector/source/reading/applying.h"
#include "collector/source/reading/page_text.h"
#include "collector/source/reading/pages.h"
#include "collector/source/limits/reading_memory.h"
#include "collector/source/verdict/verdict.h"
#include "meterd/source/window.h"

enum { READING_PAGES_MAX = 100000, READING_WANTS_MAX = MTR_RECORD_WANTS_MAX };

/* Who looks on at a reading that counts for nothing (trial/). */
struct reading_watch {
    void *context;
    void (*on_begin)(void *context); /* with its first page: what was seen before is of no use */
    /* Each row, as the log would have it; of one that cannot be mapped `problem` says why, else it is NULL.
     * All is borrowed meanwhile. Another result than MTR_OK ends the reading. */
    int (*on_row)(void *context, const struct read_row *row, const struct mtr_event *event,
                  const struct mtr_diagnostic *problem);
};

struct reading_ask {
    const struct mtr_source *source;
    struct mtr_strand strand;
    const struct mtr_subscription *subscription; /* of for_each: subscription; NULL else */
    struct mtr_window window;                    /* both 0: of a feed */
    struct mtr_window piece;                     /* of it, the first that is read; both 0: all of it */
    uint64_t number;
    int64_t began_us;
    bool is_draft, is_last;   /* the window is not over; a good reading settles it */
    bool expires_pages;       /* those of before that are older than `pages.keep` are looked for */
    const uint8_t *event_key; /* MTR_EVENT_KEY_BYTES */
    const char *pages;        /* root of the pages */
    /* What paging asks of each page; behind them the reading's own. */
    const struct mtr_record_want *wants;
    uint32_t want_count;
    uint32_t events_max; /* of a part */
    struct reading_memory *memory; /* for its rows; NULL: not bounded */
    struct mtr_log *log; /* where the rows of a settled window are */
    const struct mtr_catalog *catalog; /* whose rows are; NULL: nobody looks */
    const struct reading_watch *watch; /* NULL: nobody */
    bool is_trial;    /* nothing of it is kept */
    uint64_t replays; /* its pages are those of that reading; 0: the vendor's */
    uint64_t replay_seq; /* of what was written of the window last */
};

struct reading;

/* MTR_EINVALID: *fault says what of the document cannot be; MTR_ENOMEM, MTR_EIO, MTR_EFULL. */
int reading_open(const struct reading_ask *ask, struct reading **out, const char **fault) MTR_MUST_USE;
/* Removes its pages, unless the log has something of them (and `pages.keep` is not 0). */
void reading_close(struct reading *reading); /* NULL is allowed */

/* ---- pieces of the window ---- */

enum { READING_PIECES_MAX = 4096 };

/* What comes from now on is of this stretch of the window; without it, of all of it. MTR_EINVALID: *fault
 * says why; MTR_ENOMEM. */
int reading_begin_piece(struct reading *reading, struct mtr_window window, const char **fault) MTR_MUST_USE;
/* All of it came: its proofs are those of the pages that it had. is_absent: the vendor says that there is
 * none, or none behind them. The last one may end with reading_check. */
void reading_end_piece(struct reading *reading, bool is_absent);
/* Nothing of it counts: another one begins where it began. */
void reading_drop_piece(struct reading *reading);

/* ---- pages ---- */

int reading_begin_page(struct reading *reading) MTR_MUST_USE;
/* MTR_EINVALID, MTR_ECORRUPT: the page cannot be read, reading_fault says why; MTR_ELIMIT: too large;
 * MTR_EAGAIN: no memory is left for its rows. The reading is over. */
int reading_feed(struct reading *reading, struct mtr_str piece) MTR_MUST_USE;
int reading_end_page(struct reading *reading) MTR_MUST_USE;
/* All pages of the reading that is replayed. As reading_end_page; MTR_EINVALID also where they are not kept,
 * or not what the window has. */
int reading_replay(struct reading *reading) MTR_MUST_USE;
const char *reading_fault(const struct reading *reading);
/* Of the page that was read last, also of one that could not be read to its end: there is a row in it. */
bool reading_page_has_rows(const struct reading *reading);
/* The page that could not be read, and has given no row, is none: the reading may end without it. */
void reading_drop_page(struct reading *reading);

/* Of the page that ended last: what paging wanted, its rows, and the hash of its bytes. */
struct mtr_found reading_found(const struct reading *reading, uint32_t want);
uint64_t reading_page_rows(const struct reading *reading);
struct mtr_hash128 reading_page_hash(const struct reading *reading);
/* Of what its rows say, whatever their order; 0: it has none. Rows of a multiset are never the same twice. */
uint64_t reading_page_rows_hash(const struct reading *reading);
uint32_t reading_page_count(const struct reading *reading);

/* Of `for_each: {rows: …}` the document does not say who else is asked for. */
void reading_tell_asked(struct reading *reading, bool (*is_asked)(void *context, struct mtr_str each),
                        void *context);

/* ---- the verdict ---- */

struct reading_end {
    enum mtr_alarm fault; /* of paging: LOOP, TRUNCATED, INCOMPLETE, LIMIT; NONE: the pages ended well */
    const char *said;
    struct mtr_str warnings;
    bool is_absent;
    bool is_unchanged; /* the list of files is the one that was read last, and nothing was read of it */
    bool is_forgotten;
    bool is_given, is_accepted;
    int64_t confirms_us;        /* as of verdict.h */
    struct columns_doubt doubt; /* the same */
};

/* One read transaction of the ledger; of a window that was settled also a pass over its stretch of the log.
 * MTR_ENOTFOUND: retention has removed some of that. */
int reading_check(struct reading *reading, struct mtr_ledger *ledger, const struct reading_end *end,
                  struct verdict *out) MTR_MUST_USE;

/* ---- parts ---- */

/* The next part, for the intake; once it is committed and folded, the next. *is_last: with it the reading is
 * in. cursor: of a feed, where it goes on; data NULL: none. */
int reading_part(struct reading *reading, struct mtr_str cursor, struct mtr_request **out,
                 bool *is_last) MTR_MUST_USE;
/* A part that is committed, and of which nobody needs anything: the next one is made in its memory. */
void reading_reuse(struct reading *reading, struct mtr_request *part);
/* A receipt alone, of a reading that is not taken. */
int reading_note(struct reading *reading, const struct verdict *verdict,
                 struct mtr_request **out) MTR_MUST_USE;

/* For alarms and people. */
struct reading_counts {
    uint64_t rows, skipped, problems, repeated, same, added, changed, gone, moved, elsewhere;
    uint64_t far; /* rows of quite another time than the window's */
    int64_t newest_us; /* time of the newest row; INT64_MIN without one */
    /* Of the quantity that the guard watches: now, and in the last whole reading of the window. */
    bool has_sum, had_sum;
    struct mtr_decimal sum, sum_before;
    struct mtr_counter_counts counters;
    const char *drift; /* what of its columns is not as expected; empty: nothing. The reading's */
};
struct reading_counts reading_counts_of(const struct reading *reading);
/* What the pages said of themselves where complete.* asks, and what the rows have in its place. Texts are the
 * reading's. */
struct reading_proofs {
    struct mtr_found count, sum, flag;
    uint64_t rows;
    struct mtr_decimal rows_sum;
};
struct reading_proofs reading_proofs_of(const struct reading *reading);

#endif
