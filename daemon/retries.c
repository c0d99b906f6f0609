/*
 * Steps of stages that are tried again: nothing of them was committed, and the next one does the same work.
 */
#include "daemon/daemon.h"

#include "daemon/metrics.h"
#include "meterd/core/logline.h"
#include "meterd/core/time.h"

#define TOLD_US (60 * MTR_US_PER_SECOND) /* while it lasts */

bool retries_step(struct mtr_daemon *daemon, enum daemon_stage stage, int rc)
{
    static const char *const names[] = {"log", "aggregator", "rater", "poller"};
    int64_t *told_us = &daemon->memory_told_us[stage];
    const int64_t now_us = mtr_clock_monotonic_us();
    if (rc == MTR_EFULL) return true; /* the writer tells it */
    if (rc == MTR_EFILES) file_limit_met(daemon, names[stage]);
    if (rc != MTR_ENOMEM) return rc == MTR_EFILES;
    mtr_metric_add_choice(&metric_memory_short, stage, 1);
    if (*told_us && now_us - *told_us < TOLD_US) return true;
    *told_us = now_us;
    mtr_logline(MTR_LEVEL_ERROR, names[stage],
                "no memory for a step: nothing of it was stored, and it is tried again");
    return true;
}
