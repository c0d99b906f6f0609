/*
 * What is known of a report that a vendor makes (`job` of a document), as an event of the log: so the ledger,
 * which is folded of it, knows of the report before anybody asks for it, and after a restart.
 *
 *   source   meterd:acme-usage
 *   type     meterd.job
 *   id       @12.submitted                  by reading 12 of the source
 *   subject  acme-usage
 *   time     when the reading began: what the report shows was published then, or later
 *   data     {"window_start": "2026-03-01T00:00:00Z", …, "state": "submitted", "reading": 12, "id": "report-7"}
 *
 *   submitting ─▶ submitted ─▶ (a receipt of its window)        the report was read, whatever that came to
 *        └────────────┴──────▶ ended                            it was not: another one is asked for
 *
 * Texts of a note that was read are borrowed from the event.
 */
#ifndef METERD_COLLECTOR_SOURCE_JOB_JOB_NOTE_H
#define METERD_COLLECTOR_SOURCE_JOB_JOB_NOTE_H

#include "meterd/collector/request.h"
#include "meterd/core/event.h"
#include "meterd/store/ledger.h"

#define MTR_EVENT_TYPE_JOB "meterd.job"

struct job_note {
    struct mtr_strand strand;
    bool has_ended;            /* else as job.state says */
    struct mtr_ledger_job job; /* reading: the one that writes this */
    struct mtr_str problem;    /* of one that has ended: why */
};

/* As a request for the intake; the caller's, by mtr_request_release and free. */
int job_note_make(const struct job_note *note, struct mtr_request **out) MTR_MUST_USE;
bool job_note_is(const struct mtr_event *event);
/* An id of several pieces is joined in the arena. MTR_ECORRUPT: nobody has written this. MTR_ENOMEM. */
int job_note_read(const struct mtr_event *event, struct mtr_arena *arena,
                  struct job_note *out) MTR_MUST_USE;
/* Into the ledger. A report is no reading, and has the number of one. The same errors, and the ledger's. */
int job_note_fold(struct mtr_ledger_txn *txn, const struct mtr_event *event,
                  struct mtr_arena *arena) MTR_MUST_USE;

#endif
