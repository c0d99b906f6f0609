/*
 * What the files of the poller share.
 *
 *   poller ─▶ sources (by vendor and key) ─▶ strands (by each) ─▶ the reading under way
 *          ─▶ gates (by limits.key), breakers (by host and port), sessions of auth
 *          ─▶ heap of strands by when something of them is due
 *
 * Private to poller*.c.
 */
#ifndef METERD_COLLECTOR_SOURCE_POLL_POLLER_STATE_H
#define METERD_COLLECTOR_SOURCE_POLL_POLLER_STATE_H

#include "collector/source/poll/alarms.h"
#include "collector/source/strands/due_heap.h"
#include "collector/source/poll/poll.h"
#include "collector/source/strands/strand_index.h"
#include "meterd/collector/poller.h"
#include "meterd/source/schedule.h"

enum { FAILING_WINDOWS_MAX = 10000, POLLER_TABLE_SLOTS = 4096 };

/* A window that could not be read the last time. */
struct failing {
    int64_t from_us;
    uint32_t failures;
    int64_t wait_until_us;
};

/* Windows that were asked for by name (poller_ask.h): from at_us on, to to_us; both equal: none. */
struct asked_windows {
    int64_t at_us, to_us;
    int64_t wait_until_us; /* after a failure */
    uint32_t tries, taken, failed;
    uint64_t refused; /* rows of those that were taken, in quarantine */
    bool is_trial, is_called_off;
};

struct poller_strand {
    struct due_item due;        /* first: it stands in the heap */
    struct poller_strand *next, *index_next; /* of the source */
    struct poller_strand **link;             /* where `next` of the one before points to it */
    struct poller_source *source;
    struct mtr_strand strand; /* texts are its own */
    const struct mtr_subscription *subscription;
    struct mtr_reading_plan plan;
    uint64_t plan_hash, generation;
    struct mtr_plan_term term, *terms; /* of the plan: one here, several in memory of their own */
    uint64_t terms_hash; /* of its subscriptions', without what is asked for behind them */
    uint64_t items_pass;
    bool was_draft;       /* its last reading */
    int64_t closed_until_us; /* nothing of it is asked for: the vendor, or its credentials, let nobody in */
    bool is_parked;       /* its reading waits for long, and takes no place meanwhile */
    int64_t unsettled_us; /* as of mtr_due_scan */
    int64_t piece_us;     /* of a window, that an answer had room for; 0: all of it */
    uint32_t piece_good;  /* as of poll_split_remember */
    struct failing *failing; /* by from_us */
    uint32_t failing_count, failing_capacity;
    struct asked_windows asked;
    struct mtr_poll *poll;            /* NULL: nothing is under way */
    uint64_t reserve_bytes;           /* for the rows of its next reading */
    struct mtr_catalog *poll_catalog; /* whose source it borrows */
    struct mtr_given_file *given;     /* of which it is; NULL: the vendor is asked */
    struct poller_gate *entered, *crowded; /* whose reading is under way; in whose queue it stands */
    struct poller_strand *crowded_next, *crowded_before;
    struct poller_strand *running_next;
    bool is_gone; /* the catalog has it no more */
    int64_t job_again_us; /* when its report is asked for again */
    bool drops_job;       /* the report that the ledger has is another vendor's */
    struct columns_doubt doubt; /* of a feed; after a start it is doubted anew */
    struct alarms alarms;
    bool knows_refused; /* what the ledger has of rows in quarantine is noted there */
    struct noted_rows after_end, unknown_subject, range; /* poller->generation is the catalog of then */
    int64_t expired_us; /* when its old pages were looked for last; 0: not yet */
    int64_t seen_us;   /* when it was first looked at; 0: not yet */
    int64_t good_us;   /* when a good reading last ended; 0: none since the start */
    int64_t newest_us; /* of the rows that are known; 0: none are */
    /* Samples of a counter that are missing, in the newest window that was read; 0: none are. */
    int64_t hole_window_us, hole_from_us, hole_to_us;
};

struct poller_gate {
    struct poller_gate *next;
    char *name;
    struct gate gate;
    struct breaker breaker; /* of a host and port: its gate is another row */
    uint64_t generation;
    uint32_t running; /* readings that go through it */
    struct poller_strand *crowd, *crowd_last; /* that wait to be begun (poller_crowd.c) */
};

/* Over the items that there are, and then over those that are gone (poller_items.h). */
struct items_pass {
    bool is_on, is_all;
    bool wants_gone, has_gone; /* some of those matter */
    bool is_again;             /* the list has changed since */
    bool is_overfull, has_row;
    struct mtr_event_identity row; /* the last that was looked at */
    int64_t began_us;
};

struct poller_source {
    struct poller_source *next;            /* of the table's slot */
    struct poller_source *next_of_service; /* of for_each: subscription; of its slot */
    char *vendor, *key;
    const struct mtr_source *source; /* of poller->catalog */
    struct poller_strand *strands;
    struct strand_index index;
    struct items_pass pass; /* of for_each: rows: over the items of the list */
    int64_t items_us;       /* when the last one began that has ended; 0: none has */
    uint64_t items_pass;    /* so many passes */
    uint64_t items_hash;    /* of which list, and which of its columns, the strands are */
    bool is_overfull;       /* it has more values than are asked for */
    struct auth_session *auth;
    struct poller_gate *gate, *host;
    uint64_t generation, last_reading;
    uint64_t plan_hash; /* of what decides which windows there are, and when they are due */
    uint64_t plan_generation; /* since when its document, and first_us, are what they are */
    int64_t first_us, read_us; /* of the ledger: when its first reading began; of the last since the start */
    bool is_paused;
    uint64_t readings, failures, rows, changes;
    char *asked_problem; /* what the last failure of a window that was asked for came to; NULL: nothing */
    struct mtr_poller_tried *tried; /* what came of a trial that was asked for (poller_ask.c) */
    uint32_t tried_count, tried_capacity;
    struct mtr_dry_rows *dry_rows; /* of those that would be taken; NULL: there are none */
    struct mtr_dry_rows *given_rows; /* of files and replays one behind the other; NULL: there are none */
};

/* What an operator said last (poller_ask.c). */
struct poller_control {
    uint64_t ticket, seq;
    enum mtr_source_action action;
    uint32_t source_number;
    bool is_open;     /* on its way to the log, or to the ledger */
    bool is_answered; /* of the ticket: by `error` */
    bool is_folding;
    int error;
};

/* Parts of large readings that are folded together: so many less writings of a run. */
enum { POLLER_DEFERRED_MAX = 15 };

struct mtr_poller {
    struct mtr_poller_options options;
    struct mtr_poller_hooks hooks;
    struct poll_hooks poll_hooks;
    struct readings_memory memory;
    size_t dry_room; /* for rows of dry runs */
    bool has_items_pass;
    bool is_starved; /* the next that is due waits for it, and others behind that one */
    uint8_t event_key[MTR_EVENT_KEY_BYTES];
    char *pages;
    struct auth_files *files; /* secrets, and refresh tokens */
    struct mtr_log_reader *reader;
    struct ledger_fold *fold;
    struct auth_keeper *keeper;
    struct mtr_catalog *catalog; /* the sources' */
    /* Documents of the one before may be in use until the new one is taken in whole: it was not while
     * is_taking, for want of memory. */
    struct mtr_catalog *catalog_before;
    bool is_taking;
    uint64_t generation;
    struct poller_source *sources[POLLER_TABLE_SLOTS];
    struct poller_source *by_service[POLLER_TABLE_SLOTS]; /* those that go over subscriptions */
    struct poller_gate *gates[POLLER_TABLE_SLOTS];
    struct due_heap heap;
    struct poller_strand *running; /* with a reading under way */
    uint32_t running_count, parked_count; /* parked ones are among those that run */
    bool is_stopping;
    const char *why_stopping; /* a sentence */
    bool is_held; /* nothing is begun: the catalog changes */
    struct mtr_given_file *given; /* that waits for its strand, or is at work; NULL */
    bool is_given_begun;
    struct poller_control control;
    /* The fold: by one at a time. */
    bool is_folding, is_caught_up, has_more, own_work;
    int own_rc;
    struct mtr_poll *fold_queue[POLL_FOLDS_MAX + 1]; /* NULL: what an operator said */
    uint32_t fold_count;
    struct mtr_poll *folding[POLL_FOLDS_MAX]; /* while is_folding: those whose receipts are */
    uint32_t folding_count;
    uint64_t deferred[POLLER_DEFERRED_MAX]; /* receipts that wait for the next fold, ascending */
    uint32_t deferred_count;
    uint64_t fold_seqs[POLL_FOLDS_MAX + POLLER_DEFERRED_MAX]; /* while is_folding: all that are */
    uint32_t fold_seq_count;
    uint64_t pass_seq, applied_seq;
    int64_t begun_us; /* of the ledger: what was read before that is not known; 0: all is */
    int64_t pass_us, now_us;
    int64_t fold_again_us; /* there was no room for it */
    uint64_t log_begin_seq; /* of the log, as of log_begin_us */
    int64_t log_begin_us;
    struct mtr_diagnostic diagnostic;
    uint32_t submitted; /* requests in the intake */
    uint32_t keeps;     /* refresh tokens on their way to the disk */
    struct mtr_poller_totals totals;
};

static inline void poller_forget_rows(struct mtr_poller *poller, struct mtr_dry_rows **rows)
{
    if (*rows) poller->dry_room += mtr_dry_rows_bytes(*rows);
    mtr_dry_rows_release(*rows);
    *rows = NULL;
}

static inline void poller_forget_dry_rows(struct mtr_poller *poller, struct poller_source *source)
{
    poller_forget_rows(poller, &source->dry_rows);
    poller_forget_rows(poller, &source->given_rows);
}

/* poller_hooks.c: the receipts of those that are `folding` go to the ledger, in one job on the pool. */
int poller_start_folds(struct mtr_poller *poller) MTR_MUST_USE;
/* What is deferred up to `seq` is folded now, before that. */
void poller_gather_folds(struct mtr_poller *poller, uint64_t seq);

/* poller_sources.c: the catalog's sources become the poller's. MTR_ENOMEM. */
int poller_take_catalog(struct mtr_poller *poller, struct mtr_catalog *catalog, int64_t now_us) MTR_MUST_USE;
void poller_release_sources(struct mtr_poller *poller);
struct poller_source *poller_find_source(const struct mtr_poller *poller, struct mtr_str vendor,
                                         struct mtr_str key);                     /* NULL: there is none */
/* The strand of that `each`, new or not, by the catalog's document, with the terms of its subscriptions; of
 * rows poller_end_strand says when it ends. MTR_ENOMEM. */
int poller_take_strand(struct mtr_poller *poller, struct poller_source *state, struct mtr_str each,
                       const struct mtr_subscription *subscription,
                       struct poller_strand **out) MTR_MUST_USE;
/* Of all that decides which windows of a source there are and when they are due. */
/* Windows that begin then or later are not asked for; INT64_MAX: all are. MTR_ENOMEM. */
int poller_end_strand(struct mtr_poller *poller, struct poller_strand *strand, int64_t until_us) MTR_MUST_USE;
uint64_t poller_hash_plan(const struct mtr_source *source);
void poller_set_paused(struct mtr_poller *poller, struct poller_source *source, bool is_paused);
void poller_drop_strand(struct mtr_poller *poller, struct poller_strand *strand); /* nothing is under way */
void poller_let_go(struct mtr_poller *poller, struct poller_strand *strand); /* behind its reading */

/* poller_due.c: starts what of the strand is due, and sets when it is looked at next. */
/* poller_crowd.c: fewer readings run than may; those that are parked do not count. */
bool poller_has_place(const struct mtr_poller *poller);
/* A reading that waits for long leaves its place; one that goes on, or has ended, is parked no more. */
void poller_make_room(struct mtr_poller *poller, struct poller_strand *strand, int64_t now_us);
void poller_unpark(struct mtr_poller *poller, struct poller_strand *strand);
/* Each strand is looked at soon. */
int poller_look_at_all(struct mtr_poller *poller, int64_t now_us) MTR_MUST_USE;
int poller_look(struct mtr_poller *poller, struct poller_strand *strand, int64_t now_us) MTR_MUST_USE;
/* What is asked of a window of the strand, as far as it is the same for whoever begins; and begins it: it
 * takes one of the places. MTR_EAGAIN: there is no memory now; other errors: report says why. */
struct poll_task poller_task_of(struct mtr_poller *poller, struct poller_strand *strand,
                                struct mtr_window window);
int poller_begin(struct mtr_poller *poller, struct poller_strand *strand, const struct poll_task *task,
                 int64_t now_us, struct poll_report *report) MTR_MUST_USE;
/* Its readings were in a part of the log that retention has removed: it stands as it is. */
/* Rows of an append delivery that were read so long ago that the intake no longer knows them: once more they
 * would count twice. */
bool poller_is_forgotten(const struct mtr_poller *poller, const struct mtr_source *source,
                         const struct mtr_ledger_window *record, int64_t now_us);
bool poller_is_before_log(const struct mtr_poller *poller, const struct poller_strand *strand,
                          const struct mtr_window *window);
/* A reading has ended. */
void poller_conclude(struct mtr_poller *poller, struct poller_strand *strand, int64_t now_us);
void poller_conclude_good(struct mtr_poller *poller, struct poller_strand *strand,
                          const struct poll_task *task, const struct poll_report *report, int64_t now_us);

/* poller_rows.c: what a good reading's rows came to; of one for which the vendor was not asked it is all that
 * there is to conclude. */
void poller_conclude_rows(struct mtr_poller *poller, struct poller_strand *strand,
                          const struct poll_report *report, int64_t now_us);
/* What the ledger has of rows in quarantine is noted, where it is not: after a start, and when more windows
 * had some than could be noted. */
int poller_restore_refused(struct mtr_poller *poller, struct poller_strand *strand,
                           int64_t now_us) MTR_MUST_USE;
/* The alarm `refused` as what is noted has it; returns when time alone changes that. INT64_MAX: never. */
int64_t poller_set_refused_alarm(struct mtr_poller *poller, struct poller_strand *strand, int64_t now_us);

/* poller_given.c: begins the file that waits, as soon as its strand is free. */
int poller_start_given(struct mtr_poller *poller, int64_t now_us, int64_t *next_us) MTR_MUST_USE;
/* Its reading has ended. */
void poller_conclude_given(struct mtr_poller *poller, struct poller_strand *strand, int64_t now_us);
/* None is begun any more. */
void poller_refuse_given(struct mtr_poller *poller);
/* There is one, of that source, and it waits. */
static inline bool poller_given_waits(const struct mtr_poller *poller, const struct mtr_strand *strand)
{
    const struct mtr_given_file *file = poller->given;
    return file && !poller->is_given_begun && mtr_str_equal(file->vendor, strand->vendor) &&
           mtr_str_equal(file->source, strand->source);
}

/* poller_jobs.c: a report that the ledger has, and what of it is due. */
struct poller_job {
    bool has_job, is_stale;
    struct mtr_ledger_job job; /* borrowed from the transaction */
    struct mtr_due_scan scan;
};
int poller_find_job(struct poller_strand *strand, struct mtr_ledger_txn *txn, int64_t now_us,
                    struct poller_job *out) MTR_MUST_USE;

/* The version of the list of files that the window was read from last, where nothing is to be read of it once
 * more: no row waits, the document is what it was, and nobody has asked. Empty: there is none. */
int poller_find_mark(const struct poller_strand *strand, struct mtr_ledger_txn *txn,
                     const struct mtr_window *window, struct mtr_str *out) MTR_MUST_USE;

/* poller_ask.c. The notes are in the log, or not: request->error. Takes the request. True: the block at
 * control.seq is to be folded in its turn. */
bool poller_control_committed(struct mtr_poller *poller, struct mtr_request *request);
/* They are in the ledger. MTR_ENOMEM. */
int poller_control_folded(struct mtr_poller *poller, int64_t now_us) MTR_MUST_USE;

/* poller_hooks.c */
void poller_make_hooks(struct mtr_poller *poller);
struct auth_hooks poller_auth_hooks(struct mtr_poller *poller); /* of its sessions */

/* poller_crowd.c: queues of gates. */
/* True: the strand stands in the queue of its gate, and is not begun now. */
bool poller_crowd_waits(struct poller_strand *strand);
/* A strand of the queue was looked at, begun or not: the next is due, as far as there is room. MTR_ENOMEM. */
int poller_crowd_next(struct mtr_poller *poller, const struct poller_gate *gate, int64_t now_us) MTR_MUST_USE;
void poller_crowd_enter(struct poller_strand *strand); /* its reading has begun */
/* Its reading has ended: the first of the queue is due. MTR_ENOMEM. */
int poller_crowd_leave(struct mtr_poller *poller, struct poller_strand *strand, int64_t now_us) MTR_MUST_USE;
void poller_crowd_drop(struct poller_strand *strand); /* the strand goes: it stands nowhere any more */

#endif
