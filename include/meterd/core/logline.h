/*
 * Log lines: what the daemon says to its operator, one line a message, on stderr.
 *
 *   2026-03-01T12:00:00.123456Z info daemon: meterd 0.1.0 is ready …     on a terminal or in a file
 *   <6>daemon: meterd 0.1.0 is ready …                                   under systemd (JOURNAL_STREAM):
 *                                                                        priority, no time
 *   {"time":"…","level":"info","subsystem":"daemon","text":"…"}          format json
 *
 * Only daemon/ logs; libraries return errors. A line is one write(2), control characters are escaped, so that
 * nobody's input can fake a line. Any thread. This is an edge of the program: the clock is read here.
 */
#ifndef METERD_CORE_LOGLINE_H
#define METERD_CORE_LOGLINE_H

#include "meterd/core/error.h"

enum mtr_logline_level { MTR_LEVEL_ERROR, MTR_LEVEL_WARNING, MTR_LEVEL_INFO, MTR_LEVEL_DEBUG };
enum mtr_logline_format { MTR_LOGLINE_AUTO, MTR_LOGLINE_TEXT, MTR_LOGLINE_JSON };

enum { MTR_LOGLINE_BYTES_MAX = 2048 }; /* longer lines are cut, with … at the end */

void mtr_logline_set_level(enum mtr_logline_level level);    /* info at first */
void mtr_logline_set_format(enum mtr_logline_format format); /* auto at first */

/* `subsystem` is one word: daemon log intake aggregator rater outbox api admin catalog. */
void mtr_logline(enum mtr_logline_level level, const char *subsystem, const char *format, ...)
    MTR_PRINTF(3, 4);

#endif
