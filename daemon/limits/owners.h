/*
 * What each owner has left: a bucket for each kind of rate, and how many calls it has under way.
 *
 * A bounded table. Who is forgotten is one of those that came last the longest ago whose buckets are full
 * and who has nothing under way: that changes nothing. Where there is none such, those who come then share
 * one place. The loop's thread.
 */
#ifndef METERD_DAEMON_LIMITS_OWNERS_H
#define METERD_DAEMON_LIMITS_OWNERS_H

#include "daemon/limits/bucket.h"
#include "meterd/core/error.h"
#include "meterd/share/owner.h"

enum limit_kind { LIMIT_REQUESTS, LIMIT_BYTES, LIMIT_EVENTS, LIMIT_KIND_COUNT };

struct limit_rates {
    struct limit_rate of[LIMIT_KIND_COUNT];
};

struct limit_owner {
    struct limit_bucket buckets[LIMIT_KIND_COUNT];
    uint32_t calls; /* under way: while there are some it stays */
};

struct limit_owners;

int limit_owners_open(uint32_t owners_max, struct limit_owners **out) MTR_MUST_USE;
void limit_owners_close(struct limit_owners *owners); /* NULL is allowed */
uint32_t limit_owners_count(const struct limit_owners *owners);
/* Valid until the next find; where it has calls, until they are over. `rates` say when those that could be
 * forgotten are full. */
struct limit_owner *limit_owners_find(struct limit_owners *owners, mtr_owner owner,
                                      const struct limit_rates *rates, int64_t now_us);

#endif
