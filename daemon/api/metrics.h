/*
 * What the API counts. Private to daemon.
 */
#ifndef METERD_DAEMON_API_METRICS_H
#define METERD_DAEMON_API_METRICS_H

#include "meterd/core/metrics.h"

extern struct mtr_metric metric_events, metric_events_not_counted; /* route/events.c */
/* stream.c: queries that were ended before they were answered, by why. */
extern struct mtr_metric metric_queries_cut;

#endif
