/*
 * How many lines of the security log one key, or one address, may cause: so many a minute of each kind
 * (API_SECURITY_MAP), and one line more that says how many were not told.
 *
 *   take ─▶ a line │ counted ─▶ …a minute is over… ─▶ next: one event with the count
 *
 * Told apart are keys, of calls without a good key networks, about a hundred at a time; those that are more
 * are counted in one place for all of them, so that a flood from everywhere is some thousand lines a minute.
 * Times are monotonic µs. One thread at a time.
 */
#ifndef METERD_DAEMON_SECURITY_LIMITS_H
#define METERD_DAEMON_SECURITY_LIMITS_H

#include <stdbool.h>

#include "daemon/api/security.h"
#include "meterd/core/error.h"

struct security_limits;

int security_limits_open(struct security_limits **out) MTR_MUST_USE;
void security_limits_close(struct security_limits *limits); /* NULL is allowed */
/* True: it is a line. */
bool security_limits_take(struct security_limits *limits, const struct api_security_event *event,
                          int64_t now_us);
/* What was counted, one a call: of minutes that are over, or all. False: there is none. */
bool security_limits_next(struct security_limits *limits, int64_t now_us, bool all,
                          struct api_security_event *out);

#endif
