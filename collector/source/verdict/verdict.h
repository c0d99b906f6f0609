/*
 * What becomes of a reading whose pages have ended: it is whole and is taken, or it is not, and an alarm says
 * why. A table of checks, the first that objects decides:
 *
 *   loop, truncated, warnings, proofs (count, sum, flag), two rows of one id     incomplete
 *   more rows than guard.rows_max                                                incomplete (limit)
 *   rows changed or went that retention has removed from the log, or went that
 *   the vendor may have forgotten                                                incomplete
 *   "there is none" (answer.absent), fewer rows than expect.rows_min             until it is said again
 *   fewer equal readings than complete.agree                                     until it is said again
 *   columns that `expect.columns: exact` does not know                           incomplete (drift), until accepted
 *   a column of the map that all rows had, in none                               the same, until it is said again
 *   rows that are those of another request of for_each                           suspect, until accepted
 *   rows that would leave other windows, more than guard.shrink of one of them,
 *   or of those that the reading has                                             the same
 *   rows that would not count (they cannot be read, or the catalog does not know
 *   whose or what they are) in the place of more than guard.shrink of those that
 *   counted in the window, or of its quantity, or of the rows that are usual     suspect, until accepted
 *   a feed's first reading, of which no row can be read, or would be taken        incomplete
 *   it takes away more than guard.shrink, of the rows or the quantity, all or of
 *   what counts; is guard.jump times the usual, what the window had or what its
 *   draft led to; or (not of a draft) has no row that counts where there are some
 *   before or behind it                                                          suspect, until confirmed
 *
 * "Said again" is an equal reading (of the same content) at least guard.every after the one before; of a
 * suspect one also behind the schedule's next tick: two looks within seconds prove nothing about an outage.
 * A draft goes on growing: of one that is suspect, to say as much again, or more, is the same. So does a
 * feed: to lack the same column again is the same.
 *
 * Pure.
 */
#ifndef METERD_COLLECTOR_SOURCE_VERDICT_VERDICT_H
#define METERD_COLLECTOR_SOURCE_VERDICT_VERDICT_H

#include "meterd/collector/record_reader.h"
#include "meterd/collector/source_alarm.h"
#include "meterd/source/source.h"
#include "meterd/store/ledger.h"

/* A window that an operator has accepted as its last reading said: no further one is waited for. */
enum { VERDICT_ACCEPTED = 1000000 };

/* A feed has no window in the ledger that says what was doubted of its columns: times 0: nothing. */
struct columns_doubt {
    uint64_t text; /* its hash */
    int64_t at_us; /* when it was said last, of those that count */
    uint32_t times;
};

/* Rows that count, and those that do not: in quarantine, or held. */
struct counting_rows {
    uint64_t counting, mute;
};

struct reading_facts {
    const struct mtr_source *source;
    int64_t began_us;
    int64_t confirms_us; /* a suspect of before is confirmed from then on */
    bool is_draft;       /* the window is not over */
    bool is_list;        /* its rows say who is asked: of a window that is not over, too, an outage is none */
    bool is_feed;        /* it has no window: rows only come, and other ones each time */
    bool is_first;       /* of a feed: none was taken yet */
    bool is_append;      /* nothing of it is taken back */
    struct columns_doubt doubt; /* of a feed, before */
    bool is_absent;      /* the vendor says that there is none */
    bool is_forgotten;   /* the vendor may have forgotten rows: that some are gone proves nothing */
    bool is_given;       /* a file: of a window that is not over it is held to what was given before */
    bool is_replay;      /* of pages that were judged when they came */
    bool is_accepted;    /* whoever gave it says that it is meant: it need not be said again */
    enum mtr_alarm
        fault; /* LOOP, TRUNCATED, LIMIT, INCOMPLETE: of paging, with `said`; NONE: it ended well */
    const char *said;
    struct mtr_str warnings; /* empty: none, or they are only logged */
    uint64_t clash;          /* so many-eth row has the id of one before it, and other content; 0: none */
    uint64_t rows;           /* of the reading, as the vendor counts them */
    uint64_t taken;          /* of them, events and those in quarantine, each key once */
    uint64_t repeated;       /* of them, those of a key that is taken already */
    struct mtr_decimal sum;  /* of the quantity that is watched */
    /* What the vendor says, where complete.* asks for it, and what it speaks of: the whole, or a piece. */
    struct mtr_found count, proof, flag;
    bool is_none; /* of it: the vendor says that there is none, and no row came */
    uint64_t proof_rows;
    struct mtr_decimal proof_sum; /* of complete.sum_of */
    uint64_t not_summed;
    struct mtr_hash128 content;
    uint64_t known, gone; /* rows that the log has of the window; of them, those that would go */
    uint64_t lost; /* rows that changed or would go, and that the log does not have any more */
    uint64_t counted, counted_gone; /* of each, those that are not in quarantine */
    uint64_t left, left_of; /* of such rows of the other window that would lose most; 0: none would */
    int64_t left_us;        /* where that begins */
    uint64_t left_all;      /* of all other windows together */
    struct mtr_str other;   /* of which the rows that came are another request's; empty: of none */
    uint64_t unread;  /* of taken: cannot be read or would be refused, or are of another date */
    uint64_t own;     /* of taken, those that no other window has */
    uint64_t unknown; /* of own: the catalog does not know whose; as of the ledger */
    uint64_t mute;    /* of own: those, and the unread ones */
    struct mtr_ledger_counting counting; /* of own: the others, less those that filters leave out */
    bool is_same;     /* the log has just these rows of it, word for word */
    /* The window as the ledger has it; NULL: never read. */
    const struct mtr_ledger_window *before;
    const char *drift;   /* what of the columns keeps it from being taken; empty, NULL: nothing */
    bool is_drift_refused; /* the same: whatever is said again */
    /* Of the strand's windows before; 0: not known, or less than one. */
    uint64_t usual_rows;
    uint64_t usual_own, later_own; /* those that count; of the windows behind, where none that counts came */
    struct mtr_decimal usual_sum;
    struct counting_rows usual_counting; /* the same, of those of which it is known */
};

struct verdict {
    enum mtr_window_state state; /* COMPLETE, OPEN: it is taken; INCOMPLETE, SUSPECT: it is not */
    enum mtr_alarm alarm;        /* NONE when it is taken */
    uint32_t agreed;             /* so many readings in a row said the same, this one included */
    bool is_acceptable;          /* it is not, and were it accepted it would be */
    bool is_news;                /* a receipt is due: this was not said before, or counts as said again */
    unsigned proofs;             /* mtr_proof; when it is taken */
    struct columns_doubt doubt;  /* of a feed, from now on */
    char problem[MTR_LEDGER_PROBLEM_BYTES_MAX];
};

/* Of a window's rows. False: nobody looked which of them were held. */
bool verdict_counting_rows(const struct mtr_ledger_window *window, struct counting_rows *out);

/* Would the guard look at what is usual? Asked before that is known, and what the log has of the window. */
bool verdict_wants_usual(const struct reading_facts *facts);

/* Count, sum and flag alone: what is asked for holds. */
bool verdict_is_proved(const struct reading_facts *facts);

void verdict_make(const struct reading_facts *facts, struct verdict *out);

#endif
