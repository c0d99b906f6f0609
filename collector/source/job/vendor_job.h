/*
 * A report that the vendor makes while we wait: `job` of a document, within a poll.
 *
 *             ┌────── the log: submitting ◀── (LOOK: which ones are there before)
 *             ▼
 *   FIND ─▶ SUBMIT ─▶ the log: submitted ─▶ parked … ASK ─▶ parked …     hours, without a poll
 *    │ ▲      │ answer lost                  ▲        │ done
 *    │ └──────┘                              │        ▼
 *    └── it is there: the log: submitted ────┘      FETCH ─▶ receipt ─▶ REMOVE
 *                                                     │
 *                          failed, lost, too late, or no rows can be made of it ─▶ the log: ended
 *
 * The ledger has the report before it is asked for, and each poll begins with what the ledger says. A report
 * that may have been asked for is looked for by `list` and taken when it was not there before; without a
 * `list` it is asked for again, which leaves an orphan at the vendor and doubles nothing, since rows are
 * compared with what the log has. A poll whose report is not done ends (POLL_PARKED): nothing of it is held
 * meanwhile, neither a request nor a place among the polls.
 *
 * Part of a poll, with its threads. Private to job/ and poll/.
 */
#ifndef METERD_COLLECTOR_SOURCE_JOB_VENDOR_JOB_H
#define METERD_COLLECTOR_SOURCE_JOB_VENDOR_JOB_H

#include "collector/source/failure.h"
#include "collector/source/poll/poll.h"
#include "collector/source/request/request_build.h"
#include "meterd/store/ledger.h"

enum vendor_job_step {
    VENDOR_JOB_LOOK,   /* by `list`: what is there before ours */
    VENDOR_JOB_FIND,   /* the same: ours is among them, or was never made */
    VENDOR_JOB_SUBMIT,
    VENDOR_JOB_ASK,
    VENDOR_JOB_FETCH,  /* pages, or a list and files, as of any source */
    VENDOR_JOB_REMOVE, /* it was read; whatever comes of this */
};

enum vendor_job_word {
    VENDOR_JOB_UNKNOWN,
    VENDOR_JOB_RUNNING,
    VENDOR_JOB_DONE,
    VENDOR_JOB_EMPTY,
    VENDOR_JOB_FAILED
};

enum { VENDOR_JOB_FETCHES_MAX = 4 };

/* What follows on a note. */
enum vendor_job_after { VENDOR_JOB_GO_ON, VENDOR_JOB_PARK, VENDOR_JOB_END };

struct vendor_job {
    enum vendor_job_step step;
    int64_t began_us;     /* of what it shows; 0: nothing has begun */
    struct mtr_str id;    /* {job.id}; in the poll's arena; no data: none */
    struct mtr_str known; /* as of the ledger; in the poll's arena */
    bool has_submitting;  /* the ledger has it */
    bool is_useless;      /* no rows can be made of it, or it is gone: another one is asked for */
    uint32_t fetches;
    struct mtr_buffer link; /* to the result */

    /* Of the answer that ended last, made on the pool. */
    struct mtr_buffer body;
    bool is_large; /* more than is kept: what it says is seen when it is fetched */
    enum vendor_job_word word;
    struct mtr_buffer said;  /* the word, or what the vendor says of a failure */
    struct mtr_buffer found; /* an id, a link, or hashes */

    /* A note is on its way to the log. */
    bool is_noting;
    enum vendor_job_after after;
    int64_t park_us; /* how long */
    struct poll_report kept; /* while it is removed at the vendor */
};

/* ---- vendor_job.c: its way ---- */

void vendor_job_init(struct vendor_job *job);
void vendor_job_release(struct vendor_job *job);
bool vendor_job_is_on(const struct mtr_poll *poll); /* the document has a job */
/* The reading begins, or begins anew. */
int vendor_job_begin(struct mtr_poll *poll, int64_t now_us) MTR_MUST_USE;
/* Something is to be written before anything is asked. True: it is on its way. */
bool vendor_job_notes_first(struct mtr_poll *poll, int64_t now_us);
/* The next request is one of the job's own, or of its result. True: its answer is no page. */
bool vendor_job_request(struct mtr_poll *poll, struct request_ask *ask, struct paging_request *paging);
/* The request cannot be made. True: it was for a report that stands where the document does not lead any
 * more, and another one is asked for. */
bool vendor_job_cannot_ask(struct mtr_poll *poll, const char *fault);
/* The note is in the log and folded. */
void vendor_job_noted(struct mtr_poll *poll, int64_t now_us);
/* A good answer of the job's own has ended. */
void vendor_job_answered(struct mtr_poll *poll, int64_t now_us);
/* An answer was no good one. True: it is taken care of. */
bool vendor_job_failed(struct mtr_poll *poll, enum source_failure failure, int64_t now_us);
/* Links to the result are too old. */
void vendor_job_renew(struct mtr_poll *poll);
/* Whatever was done to the poll: where it has come to an end, the report's own end follows. */
void vendor_job_settle(struct mtr_poll *poll, int64_t now_us);

/* ---- vendor_job_read.c: its answers, on the pool ---- */

int vendor_job_feed(struct mtr_poll *poll) MTR_MUST_USE;
int vendor_job_read(struct mtr_poll *poll) MTR_MUST_USE;
/* What a page with the rows says of the report. */
bool vendor_job_is_done(const struct mtr_poll *poll, struct mtr_found status);

#endif
