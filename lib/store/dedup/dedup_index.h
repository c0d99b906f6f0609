/*
 * What the files of the dedup index share: its struct, and who may touch which part of it. Private to
 * lib/store.
 *
 *   open ──roll──▶ sealing[] ──seal_run──▶ sealed on disk ──seal_finish──▶ segments[] + tags ──expire──▶ gone
 *
 * The owner's thread touches everything. seal_run, on another thread, reads sealing[0] (immutable once
 * rolled) and the size of `tags`, and copies `segments` under the lock where it builds tags anew; it writes
 * only sealing[0].sealed and `build`, which the owner reads after seal_run returned. room_run, the other work
 * of that thread, touches `prepared` and `recycled` alone, which the owner leaves to it until it returned.
 */
#ifndef METERD_LIB_STORE_DEDUP_DEDUP_INDEX_H
#define METERD_LIB_STORE_DEDUP_DEDUP_INDEX_H

#include <pthread.h>

#include "lib/store/dedup/dedup_exact.h"
#include "lib/store/dedup/dedup_tags.h"
#include "meterd/store/dedup.h"

enum { MTR_DEDUP_SEALING_MAX = 8 };

/* A segment rolled, not yet found through the tags. */
struct mtr_sealing {
    uint32_t number;
    uint64_t first_seq;
    int64_t last_received_us;
    struct mtr_identities table;
    bool sealed;        /* its identities stand in the log */
    bool is_registered; /* among the sealed segments */
    uint64_t moved;     /* places of the exact table whose tags were moved */
};

struct mtr_sealed_segment {
    uint32_t number;
    bool is_unfiltered; /* the tags do not cover it completely: ask it on every find */
    uint64_t first_seq;
    uint64_t count;
    int64_t last_received_us;
};

/* Sealed segments in the window: their numbers follow one another, and receive times never fall. So they come
 * at the end and go at the beginning. */
struct mtr_sealed_segments {
    struct mtr_sealed_segment *rows; /* [begin, begin + count) */
    uint32_t begin, count, allocated;
    uint32_t unfiltered_count;
    uint64_t identities;
};

/* A compact table being built anew from the log. */
struct mtr_tag_build {
    struct mtr_tag_table tags;  /* buckets == NULL: none */
    struct mtr_tag_range range; /* of the segments that it covers */
    bool *unfiltered;           /* of each */
};

struct mtr_dedup {
    struct mtr_log *log;
    uint8_t key[MTR_EVENT_KEY_BYTES];
    int64_t window_us;
    int64_t forgotten_us; /* as of mtr_dedup_forgotten_us */
    struct mtr_identities open;
    struct mtr_identities spare; /* becomes the open table at a roll */
    uint64_t rolled_count; /* of the last segment that rolled: the next one gets as much room, so that it need
                              not grow */
    struct mtr_identities prepared; /* made by room_run */
    struct mtr_identities recycled; /* memory of a table that is done with, for room_run */
    struct mtr_sealing sealing[MTR_DEDUP_SEALING_MAX]; /* oldest first */
    uint32_t sealing_count;
    struct mtr_tag_table tags;
    struct mtr_tag_build build;
    pthread_mutex_t lock; /* of `segments`, between the owner's changes and seal_run's copy */
    struct mtr_sealed_segments segments;
};

struct mtr_tag_range dedup_range(const struct mtr_sealed_segments *segments);
/* NULL: it is not among them. */
struct mtr_sealed_segment *dedup_segment(const struct mtr_sealed_segments *segments, uint32_t number);
/* Room for those that wait to be sealed, so that registering them cannot fail. MTR_ENOMEM. */
int dedup_reserve_segments(struct mtr_dedup *dedup) MTR_MUST_USE;
/* One is registered behind the last. MTR_ELIMIT: no table can tell one more apart; MTR_ECORRUPT: its number
 * does not follow; MTR_ENOMEM. */
int dedup_register(struct mtr_dedup *dedup, const struct mtr_sealed_segment *segment) MTR_MUST_USE;
/* Builds the tags of `segments`, walking the log; one that retention has removed is passed over. */
int dedup_build_tags(struct mtr_log *log, const struct mtr_sealed_segments *segments,
                     struct mtr_tag_build *build) MTR_MUST_USE;
/* Makes `build` the table in use. */
void dedup_adopt_build(struct mtr_dedup *dedup);
void dedup_drop_build(struct mtr_tag_build *build);

#endif
