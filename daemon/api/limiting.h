/*
 * Rates that API keys keep within, and addresses without a good one; over them 429. Private to daemon/api and
 * those above it. The loop's thread.
 *
 *   headers ─▶ admit: requests, bytes ─▶ body ─▶ decoded ─▶ take events ─▶ the intake
 *                                          └─▶ begin: calls under way ─▶ made, sent, freed
 *
 * Of API keys with the scope admin only those that their own document names. What is refused is refused
 * whole, and costs nothing of what it lacked. Answers have the headers of
 * draft-ietf-httpapi-ratelimit-headers (of its tenth edition): of each limit that is on for who asks what a
 * full bucket holds and in how many seconds it fills ("RateLimit-Policy"), what is left and when that is full
 * again ("RateLimit"); on a 429 it is until when to wait, as Retry-After says.
 */
#ifndef METERD_DAEMON_API_LIMITING_H
#define METERD_DAEMON_API_LIMITING_H

#include "daemon/limits/owners.h"
#include "meterd/core/limits.h"
#include "meterd/core/metrics.h"

struct api_call;
struct api_limiter;
struct mtr_api_host;
struct mtr_http_request;

/* Whom a call counts for, and what that may. */
struct api_allowance {
    mtr_owner owner;
    bool is_key;
    char name[MTR_KEY_BYTES_MAX + 3]; /* of the key, in quotes, or the address */
    struct limit_rates rates;
    uint64_t calls_max; /* 0: no limit */
};

int api_limiter_open(struct api_limiter **out) MTR_MUST_USE;
void api_limiter_close(struct api_limiter *limiter); /* NULL is allowed */

/* All of them let everything pass where the host has no limiter. False: it is answered 429. */
/* Of a key; sets the call's allowance. */
bool api_limit_admit(struct api_call *call);
/* Of who has no good key, or needs none. */
bool api_limit_admit_stranger(struct api_call *call);
/* A body that did not say how long it would be has come. */
void api_limit_body(struct api_call *call, uint64_t bytes);
/* Calls under way, of the key: until the call is freed. */
bool api_limit_begin(struct api_call *call);
/* Events of a request that was decoded; and back, where they were not taken. */
bool api_limit_events(const struct mtr_api_host *host, struct mtr_http_request *http,
                      const struct api_allowance *allowance, uint64_t count);
void api_limit_give_events(const struct mtr_api_host *host, const struct api_allowance *allowance,
                           uint64_t count);

extern struct mtr_metric metric_requests_limited;

#endif
