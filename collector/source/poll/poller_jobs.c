/*
 * What the ledger knows beside windows of when there is something to read: reports that vendors make, whose
 * window goes before all others as long as there is one, and lists of files that say their version.
 */
#include "collector/source/paging/list_mark.h"
#include "collector/source/poll/poller_state.h"

/* As of when the report was asked for: what it shows is not of later. */
static void find_due(const struct poller_strand *strand, const struct mtr_ledger_window *before,
                     const struct mtr_ledger_job *job, struct mtr_due_scan *scan)
{
    const struct mtr_window_history history = {.read_us = before ? before->last_us : 0};
    const struct mtr_due due = mtr_window_due(&strand->plan, &scan->window, &history, job->began_us);
    scan->due.is_draft = job->end_us > job->began_us;
    scan->due.is_last = due.kind == MTR_DUE_READ && due.due_us <= job->began_us && due.is_last;
}

static bool is_read(const struct poller_strand *strand, const struct mtr_window *window)
{
    const struct mtr_source_window *rule = &strand->source->source->window;
    const bool is_feed = rule->length == MTR_LENGTH_CURSOR;
    return is_feed ? !window->to_us : window->to_us && mtr_window_is_of(rule, window);
}

int poller_find_job(struct poller_strand *strand, struct mtr_ledger_txn *txn, int64_t now_us,
                    struct poller_job *out)
{
    struct mtr_ledger_window before;
    *out = (struct poller_job){.has_job = false};
    if (!strand->source->source->job) return MTR_OK;
    int rc = mtr_ledger_job(txn, &strand->strand, &out->job);
    if (rc == MTR_ENOTFOUND) strand->drops_job = false;
    if (rc) return rc == MTR_ENOTFOUND ? MTR_OK : rc;
    out->has_job = true;
    out->scan.window = (struct mtr_window){out->job.start_us, out->job.end_us};
    out->is_stale = strand->drops_job || !is_read(strand, &out->scan.window);
    if (out->job.end_us && !out->is_stale) {
        rc = mtr_ledger_get_window(txn, &strand->strand, out->job.start_us, &before);
        if (rc && rc != MTR_ENOTFOUND) return rc;
        find_due(strand, rc ? NULL : &before, &out->job, &out->scan);
    }
    out->scan.has_due = strand->job_again_us <= now_us;
    out->scan.has_next = !out->scan.has_due;
    out->scan.next_us = strand->job_again_us;
    return MTR_OK;
}

/* ---- lists of files ---- */

int poller_find_mark(const struct poller_strand *strand, struct mtr_ledger_txn *txn,
                     const struct mtr_window *window, struct mtr_str *out)
{
    const struct mtr_source *source = strand->source->source;
    const struct asked_windows *asked = &strand->asked;
    const bool is_asked = asked->at_us < asked->to_us && asked->at_us >= window->from_us &&
                          asked->at_us < window->to_us;
    struct mtr_ledger_window before;
    struct mtr_str mark;
    *out = (struct mtr_str){NULL, 0};
    if (source->paging.kind != MTR_PAGING_PARTS || !window->to_us || strand->piece_us || is_asked)
        return MTR_OK;
    int rc = mtr_ledger_get_window(txn, &strand->strand, window->from_us, &before);
    if (rc) return rc == MTR_ENOTFOUND ? MTR_OK : rc;
    const bool is_settled = before.state == MTR_WINDOW_SETTLED; /* it is read in full when somebody asks */
    if (!mtr_window_is_taken(before.state) || is_settled) return MTR_OK;
    if (before.refused || before.end_us != window->to_us) return MTR_OK;
    rc = mtr_ledger_mark(txn, &strand->strand, window->from_us, &mark);
    if (!rc) *out = list_mark_version(mark, source);
    return rc;
}
