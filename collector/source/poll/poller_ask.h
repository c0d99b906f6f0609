/*
 * Windows that somebody asks for by name: read once each, from the oldest on, before those that are due.
 *
 *   mtr_poller_ask ─▶ poller_asked_window (the next of them) ─▶ a reading ─▶ poller_asked_ended ─▶ the next
 *
 * A window whose reading fails is tried ASKED_TRIES_MAX times. In memory: a restart forgets what was asked.
 * Private to poller*.c.
 */
#ifndef METERD_COLLECTOR_SOURCE_POLL_POLLER_ASK_H
#define METERD_COLLECTOR_SOURCE_POLL_POLLER_ASK_H

#include "collector/source/poll/poller_state.h"

enum { ASKED_TRIES_MAX = 3 };

/* The window that is to be read next, as a scan would say it: has_due, or has_next and when, as long as a
 * window waits after a failure. False: none is asked for, and the scan stays as it is. */
bool poller_asked_window(const struct mtr_poller *poller, struct poller_strand *strand,
                         struct mtr_ledger_txn *txn, int64_t now_us, struct mtr_due_scan *scan);
/* A reading of a window has ended, whoever wanted it; a trial is nothing to whoever wants the reading. */
void poller_asked_ended(struct poller_strand *strand, const struct poll_task *task,
                        const struct poll_report *report, int64_t now_us);
/* Rows of dry runs that are done, of whatever source, make room for those of the next. */
void poller_forget_done(struct mtr_poller *poller);

#endif
