/*
 * One group commit in the making: parts of requests, the identities of their events, and the events that will
 * be stored.
 *
 * The arrays are kept from group to group and grow to the largest one. The claims are the identities that
 * this group itself is about to store, so that repeats inside a request, and across the requests of one
 * group, are seen exactly.
 */
#ifndef METERD_COLLECTOR_INTAKE_GROUP_H
#define METERD_COLLECTOR_INTAKE_GROUP_H

#include "meterd/collector/request.h"
#include "meterd/store/dedup.h"

struct mtr_group {
    struct mtr_request *first; /* through ->next */
    struct mtr_request **last;
    uint32_t count; /* events of all the parts */
    uint64_t bytes;

    uint32_t capacity;             /* of each array below */
    struct mtr_dedup_key *keys;    /* of events without a fault, in order */
    struct mtr_dedup_match *matches;
    struct mtr_event *stored;      /* what goes into the block */
    struct mtr_dedup_key *stored_keys;
    uint32_t stored_count;
    uint64_t first_seq; /* that stored[0] will get */
    uint32_t *claims;   /* open addressing: index into stored + 1, by stored_keys[].identity */
    uint32_t claims_mask;
};

void group_init(struct mtr_group *group);
void group_release(struct mtr_group *group);
void group_reset(struct mtr_group *group); /* no requests */
/* The next `count` events of it. */
void group_add(struct mtr_group *group, struct mtr_request *request, uint32_t count);
/* Room for the events of its requests, and no claims. MTR_ENOMEM. */
int group_prepare(struct mtr_group *group) MTR_MUST_USE;

/* What this group stores under the identity: index into stored, or -1. */
int64_t group_find(const struct mtr_group *group, struct mtr_event_identity identity);
/* The event will be stored under `key`; returns its sequence. */
uint64_t group_store(struct mtr_group *group, const struct mtr_event *event, struct mtr_dedup_key key,
                     enum mtr_disposition disposition, uint64_t target_seq);

#endif
