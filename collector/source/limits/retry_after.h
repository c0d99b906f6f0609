/*
 * When a vendor says to come again: Retry-After of RFC 9110, 10.2.3, and what others make of it.
 *
 *   120                               seconds from now; also 1.5
 *   Sun, 06 Nov 1994 08:49:37 GMT     an instant, in the three spellings of HTTP
 *   1784112000, 1784112000000         an instant in seconds or milliseconds since 1970: nobody waits for
 *                                     thirty years
 *
 * Pure; private to the collector.
 */
#ifndef METERD_COLLECTOR_SOURCE_LIMITS_RETRY_AFTER_H
#define METERD_COLLECTOR_SOURCE_LIMITS_RETRY_AFTER_H

#include <stdbool.h>
#include <stdint.h>

#include "meterd/core/str.h"
#include "meterd/net/http_client.h"

#define RETRY_AFTER_US_MAX (INT64_C(86400) * 1000000) /* nobody is believed beyond a day */

/* How long to wait: 0 … RETRY_AFTER_US_MAX; an instant that is past is 0. False: it is none of these. */
bool retry_after_parse(struct mtr_str value, int64_t now_us, int64_t *wait_us);
/* The longest of those headers' (`answer.retry_after` of a source; Retry-After when count is 0); 0: none. */
int64_t retry_after_of(const struct mtr_http_answer *answer, const struct mtr_str *names, uint32_t count,
                       int64_t now_us);
/* The three dates of HTTP (RFC 9110, 5.6.7) as an instant. */
bool http_date_parse(struct mtr_str text, int64_t *out_us);

#endif
