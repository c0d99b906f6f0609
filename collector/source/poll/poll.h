/*
 * One reading under way: it asks for pages, spools and maps them, has the reading judged, and brings it into
 * the log part by part.
 *
 *              ┌────────────── next page, or the same once more ──────────────┐
 *              ▼                                                              │
 *   WAITING ─▶ ASKING ─pieces─▶ (WORKING: feed) ─answer─▶ WORKING: end of page ┤
 *      ▲         │ token first: ASKING for it                                  └─ the end ─▶ WORKING: check
 *      └─ later ─┘                                                                              │
 *                              DONE ◀─ last ─ WORKING: fold ◀─ committed ─ COMMITTING ◀─ WORKING: part
 *
 *   A given file, or pages that are replayed, go from WAITING to the end of the last page: WORKING: given.
 *
 *   poll_go          WAITING is over: the gate, the breaker or a token let it through, or the time has come
 *   poll_piece       of an answer's body; MTR_EAGAIN: it pauses until hooks->resume
 *   poll_answered    the answer has ended, whatever came of it
 *   poll_worked      the work on the pool is done
 *   poll_committed   the part's request is answered
 *
 * All of these belong to the loop's thread, poll_work alone to the pool's: the poll is the pool's from
 * hooks->work until poll_worked. Time comes in; clocks, sockets and random numbers are the hooks'. Memory:
 * POLL_MEMORY_BYTES, and the rows', as of reading_memory.h.
 */
#ifndef METERD_COLLECTOR_SOURCE_POLL_POLL_H
#define METERD_COLLECTOR_SOURCE_POLL_POLL_H

#include "collector/source/auth/auth.h"
#include "collector/source/reading/ledger_fold.h"
#include "collector/source/limits/breaker.h"
#include "collector/source/limits/gate.h"
#include "collector/source/paging/paging.h"
#include "collector/rows/columns/drift.h"
#include "collector/source/reading/reading.h"
#include "meterd/collector/dry_rows.h"
#include "meterd/collector/given_file.h"
#include "meterd/collector/poller.h"

/* A page up to this size is mapped when all of it is there, so that one which broke off is asked for again;
 * larger ones are mapped as they come. POLL_MEMORY_BYTES: what a reading holds beside its rows, the buffers
 * and the part for the intake together. */
enum { POLL_BUFFER_BYTES = 1 << 20, POLL_MEMORY_BYTES = 20 << 20 };
enum { POLL_TRIES_MAX = 5, POLL_RESTARTS_MAX = 3, POLL_TEXT_BYTES = 400, POLL_WARNING_BYTES = 300 };

enum poll_state { POLL_WAITING, POLL_ASKING, POLL_WORKING, POLL_COMMITTING, POLL_DONE };

/* What came of it. */
enum poll_result {
    POLL_TAKEN,     /* the log has it */
    POLL_NOT_TAKEN, /* it was read, and an alarm says why it does not count */
    POLL_UNCHANGED, /* the vendor says that nothing is new */
    POLL_FAILED,    /* it could not be read: again later */
    POLL_PARKED,    /* the vendor makes a report: again in wait_us, nothing was read */
    POLL_TOO_LARGE, /* an answer met a limit: in smaller pieces */
};

struct mtr_poll;

struct poll_hooks {
    void *context;
    /* Starts a request: poll_piece and poll_answered follow, never from inside. MTR_EAGAIN: too many run. */
    int (*send)(void *context, struct mtr_poll *poll, const struct source_call *call);
    void (*resume)(void *context, struct mtr_poll *poll); /* pieces come again */
    void (*cancel)(void *context, struct mtr_poll *poll); /* poll_answered comes, maybe from inside */
    /* poll_work on the pool, and then poll_worked; never from inside. */
    int (*work)(void *context, struct mtr_poll *poll);
    /* poll_committed follows, never from inside. MTR_EFULL: later. */
    int (*submit)(void *context, struct mtr_poll *poll, struct mtr_request *request);
    void (*nonce)(void *context, uint8_t nonce[AUTH_NONCE_BYTES]);
    /* The receipt at `seq` is to be folded with the next one, of whoever's; false, or no such hook: now. */
    bool (*defer)(void *context, uint64_t seq);
    /* reading_tell_asked, of the requests for a list's items; NULL: nobody knows them. */
    void (*tell_asked)(void *context, struct mtr_poll *poll, struct reading *reading);
};

/* The pages of a window that are gone through once more (reading_replay). */
struct poll_replay {
    uint64_t reading;  /* that has kept them; 0: this is no replay */
    uint64_t last_seq; /* of what was written of the window, by whatever reading */
    int64_t began_us;  /* when the vendor was asked for what they say */
};

/* What is asked, and by whom; borrowed until poll_close, but the texts of the strand, which are copied. */
struct poll_task {
    const struct poll_hooks *hooks;
    const struct mtr_source *source;
    struct mtr_strand strand;
    const struct mtr_subscription *subscription; /* of for_each: subscription; NULL else */
    struct mtr_window window;                    /* both 0: of a feed */
    bool is_draft, is_last;                      /* the window is not over; a good reading settles it */
    bool is_forgotten;                           /* the vendor may have forgotten rows */
    bool expires_pages;                          /* as of reading.h */
    int64_t piece_us; /* of the window, that an answer had room for lately; 0: all of it */
    int64_t confirms_us;                         /* as of verdict.h */
    struct columns_doubt doubt;                  /* the same */
    uint64_t number;                             /* of the reading */
    bool has_job, job_is_stale; /* the ledger has a report; of a window that is not read any more */
    struct mtr_ledger_job job;  /* of that window; texts are copied */
    struct mtr_str resume;                       /* of paging_open; copied */
    int64_t since_us; /* of a feed: when its last good reading began, or later; 0: none did */
    int64_t known_until_us; /* no row is sent from then on (known.h); 0: at any time */
    int64_t refused_before_us; /* of its rows, as of a request; 0: none is */
    const uint8_t *event_key;
    const char *pages;
    uint32_t events_max;
    struct readings_memory *memory; /* NULL: not bounded */
    uint64_t reserve_bytes;         /* of it for the rows, before anything is asked */
    struct mtr_log *log;
    const struct mtr_catalog *catalog; /* as of reading.h */
    struct mtr_ledger *ledger;
    struct ledger_fold *fold; /* used on the pool, by one poll at a time: poll_folds says when */
    struct auth_session *auth;
    struct gate *gate;
    struct breaker *breaker;
    /* A trial: the verdict is its end, nothing is sent to the intake (fold and hooks->submit are not used).
     * NULL: it counts. */
    const struct reading_watch *watch;
    /* A file that is the answer (given_file.h): nobody is asked. Borrowed until it is DONE. */
    const struct mtr_given_file *given;
    struct poll_replay replay; /* what is given are pages */
    bool is_trial; /* it goes on to the intake, which judges it and stores nothing */
    size_t *dry_room; /* of a trial: so many bytes of rows may still be kept; NULL: nobody wants them */
};

struct poll_report {
    enum poll_result result;
    enum mtr_alarm alarm; /* FAILED, NOT_TAKEN */
    char text[POLL_TEXT_BYTES];
    int64_t wait_us; /* FAILED: as the vendor asked; 0: it did not */
    struct reading_counts counts;
    char drift[DRIFT_TEXT_BYTES]; /* of columns, of a reading that was taken; empty: none */
    struct columns_doubt doubt; /* of a feed, from now on */
    char warning[POLL_WARNING_BYTES]; /* the first of `answer.warnings: {then: log}`; empty: none */
    int64_t piece_us; /* answers met a limit: so long was the shortest piece that was asked for then; or 0 */
    uint32_t pages;
    uint64_t bytes;
    uint64_t rows_bytes;  /* memory that its rows took */
    bool is_out_of_memory; /* FAILED: they had no more */
    bool is_let_in;        /* an answer came that only who has the right credentials gets */
    uint64_t refused, held, not_active; /* of what was sent to the intake */
    int64_t skew_us; /* the vendor's clock less ours, at least, where furthest off; INT64_MIN: not known */
};

/* MTR_EINVALID: report says why. MTR_EAGAIN: others have the memory now. MTR_ENOMEM. */
int poll_open(const struct poll_task *task, int64_t now_us, struct mtr_poll **out,
              struct poll_report *report) MTR_MUST_USE;
/* Not while it asks, works or commits. */
void poll_close(struct mtr_poll *poll); /* NULL is allowed */

enum poll_state poll_state(const struct mtr_poll *poll);
int64_t poll_again_us(const struct mtr_poll *poll); /* WAITING: when; INT64_MAX: when somebody else leaves */
bool poll_has_pages(const struct mtr_poll *poll); /* WAITING: what was read would be read again */
bool poll_backs_off(const struct mtr_poll *poll); /* it waits to ask once more what was not answered well */
bool poll_folds(const struct mtr_poll *poll);       /* WORKING: the ledger's fold is in use */
uint64_t poll_folds_seq(const struct mtr_poll *poll); /* the same: what is to be folded is up to there */
bool poll_fold_failed(const struct mtr_poll *poll); /* the same, and its receipt is not in the ledger */
bool poll_has_deferred(const struct mtr_poll *poll); /* a receipt of it waits for the next fold, maybe */
const struct poll_task *poll_task(const struct mtr_poll *poll);
const struct poll_report *poll_report(const struct mtr_poll *poll); /* DONE */
struct mtr_reading_counts poll_counts(const struct poll_report *report);
bool poll_asks_token(const struct mtr_poll *poll);                  /* ASKING: it is for a token */
/* DONE: of a trial; NULL: it did not come to one. */
const struct verdict *poll_verdict(const struct mtr_poll *poll);
const struct reading *poll_reading(const struct mtr_poll *poll); /* NULL: none was begun */
/* DONE: of a trial; NULL: nobody wants them. They are the poll's. */
struct mtr_dry_rows *poll_dry_rows(const struct mtr_poll *poll);
void *poll_handle(const struct mtr_poll *poll);                     /* of whoever sends */
void poll_set_handle(struct mtr_poll *poll, void *handle);

void poll_go(struct mtr_poll *poll, int64_t now_us);
int poll_piece(struct mtr_poll *poll, const struct mtr_http_answer *answer, struct mtr_str piece);
void poll_answered(struct mtr_poll *poll, struct mtr_http_answer *answer, int64_t now_us);
void poll_work(struct mtr_poll *poll);
/* In the place of poll_work, of all of these, which fold (poll_folds), in the order of the log; `seqs` of
 * their receipts, and of those that were deferred before them. */
enum { POLL_FOLDS_MAX = 2 * MTR_POLLER_POLLS_MAX }; /* nobody folds more than once at a time */
struct poll_folding {
    struct mtr_poll *const *polls;
    const uint64_t *seqs;
    uint32_t count, seq_count;
};
void poll_fold(const struct poll_folding *folds);
void poll_worked(struct mtr_poll *poll, int64_t now_us);
/* Work that waited for its turn cannot be done. */
void poll_fail_work(struct mtr_poll *poll, int error, int64_t now_us);
void poll_committed(struct mtr_poll *poll, struct mtr_request *request, int64_t now_us);
/* The piece_us of the next task of that strand; *good is the strand's own count. Longer ones are tried again
 * after POLL_SPLIT_GOOD readings that met no limit. */
enum { POLL_SPLIT_GOOD = 16 };
int64_t poll_split_remember(const struct poll_report *report, const struct mtr_window *window,
                            int64_t before_us, uint32_t *good);

/* WAITING: what the last answer was, if it was no good one; empty: that, or none yet. */
const char *poll_problem(const struct mtr_poll *poll);
/* WAITING: who makes it wait, as "the vendor lets nobody in before"; a time stands behind it. */
const char *poll_pause(const struct mtr_poll *poll);
/* WAITING, longer than others should have to wait for its place: FAILED, again when its wait is over. */
void poll_give_way(struct mtr_poll *poll, int64_t now_us);
/* The daemon goes, or the source was paused: it is DONE as soon as nothing of it is under way. */
void poll_stop(struct mtr_poll *poll);

#endif
