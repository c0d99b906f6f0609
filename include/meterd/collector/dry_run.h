/*
 * Requests of one dry run, one behind the other. The daemon judges each as if it stood alone; here it is held
 * against what the earlier ones would have stored, so that the run itself says the same.
 *
 *   struct mtr_dry_run *dry_run;
 *   rc = mtr_dry_run_open(&dry_run);
 *   …                                   // each request: sent, its answer read, its body decoded
 *   rc = mtr_dry_run_add(dry_run, answers, request);
 *   …                                   // request->results are those of the run
 *
 * 32 bytes an event, at most half of them used; MTR_DRY_RUN_EVENTS_MAX events are known. One thread.
 */
#ifndef METERD_COLLECTOR_DRY_RUN_H
#define METERD_COLLECTOR_DRY_RUN_H

#include "meterd/collector/request.h"

enum { MTR_DRY_RUN_EVENTS_MAX = 1 << 22 };

struct mtr_dry_run;

int mtr_dry_run_open(struct mtr_dry_run **out) MTR_MUST_USE;
void mtr_dry_run_close(struct mtr_dry_run *dry_run);
/* `alone`: the daemon's answers, one for each event; of them code and finding count. request: as it was
 * decoded; its results are those of the run afterwards, with a reason where it is another one than alone.
 * MTR_ELIMIT, MTR_ENOMEM: no event more can be known; the results from there on are those that were given. */
int mtr_dry_run_add(struct mtr_dry_run *dry_run, const struct mtr_event_result *alone,
                    struct mtr_request *request) MTR_MUST_USE;

#endif
