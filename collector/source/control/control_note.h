/*
 * What an operator told a source, as an event of the log, and what it makes of the ledger.
 *
 *   source   meterd:acme-usage
 *   type     meterd.control
 *   id       =12                            a number of the source's readings, for each event one
 *   subject  acme-usage
 *   data     {"action": "pause", "reading": 12, "by": "ops"}
 *            {"action": "accept", …, "each": "east", "window_start": "2026-03-01T00:00:00Z", "content": "…"}
 *
 * Pure but for the ledger; one thread.
 */
#ifndef METERD_COLLECTOR_SOURCE_CONTROL_CONTROL_NOTE_H
#define METERD_COLLECTOR_SOURCE_CONTROL_CONTROL_NOTE_H

#include "meterd/collector/request.h"
#include "meterd/collector/source_control.h"
#include "meterd/store/ledger.h"

#define MTR_EVENT_TYPE_CONTROL "meterd.control"

/* A request of the intake with an event for each window that is accepted, or one; `number` is that of the
 * first. It is the caller's, by mtr_request_release and free. MTR_ENOMEM. */
int control_notes(const struct mtr_source_control *control, uint64_t number, int64_t now_us,
                  struct mtr_request **out) MTR_MUST_USE;

bool control_is(const struct mtr_event *event);
/* Into the ledger. A window that was read otherwise since stays as it is. MTR_ECORRUPT: nobody has written
 * this. */
int control_fold(struct mtr_ledger_txn *txn, const struct mtr_event *event) MTR_MUST_USE;

#endif
