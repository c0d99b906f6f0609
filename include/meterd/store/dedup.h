/*
 * The dedup index: which identities are in the window, exactly.
 *
 * The open segment's identities are in an exact table in memory. A sealed segment's stand sorted beside its
 * blocks; in front of all sealed segments is one compact table of tag → segment, in buckets of a cache line.
 * A tag hit is checked exactly on disk, so an answer is never a guess. Expiry drops whole segments. The index
 * is a cache of the log: it is rebuilt from it at open.
 *
 * Owned by the collector's thread; only mtr_dedup_seal_run may run on another (one at a time).
 */
#ifndef METERD_STORE_DEDUP_H
#define METERD_STORE_DEDUP_H

#include <stdbool.h>
#include <stdint.h>

#include "meterd/core/diagnostic.h"
#include "meterd/core/error.h"
#include "meterd/core/event.h"
#include "meterd/store/log.h"

struct mtr_dedup;

enum mtr_dedup_found { MTR_DEDUP_NEW = 0, MTR_DEDUP_DUPLICATE = 1, MTR_DEDUP_CONFLICT = 2 };

struct mtr_dedup_key {
    struct mtr_event_identity identity;
    uint64_t digest;
};

/* What stands behind an identity; kept with it in the log's sealed identities. */
enum mtr_identity_flag {
    MTR_IDENTITY_QUARANTINE = 1, /* a quarantined copy, under mtr_event_quarantine_identity */
    MTR_IDENTITY_VOID = 2,       /* an event that takes back another, or a note: no void takes it back */
};
uint32_t mtr_identity_flags(enum mtr_disposition disposition);

struct mtr_dedup_match {
    enum mtr_dedup_found found;
    uint32_t flags; /* enum mtr_identity_flag, or'ed; when found */
    uint64_t seq;   /* of the stored event, when found */
};

/* Are identities of the log made with that key? Nothing in a key says whether it is whole, and with another
 * one what is sent again would be taken for new: so those of the newest sealed segment's first block are
 * made again. Where no segment is sealed all are made again anyway. MTR_ECORRUPT with a diagnostic: they are
 * not. */
int mtr_dedup_check_key(struct mtr_log *log, const uint8_t key[MTR_EVENT_KEY_BYTES],
                        struct mtr_diagnostic *diagnostic) MTR_MUST_USE;

/* Rebuilds the index from the log's retained segments: sealed ones whose last receive time is at or after
 * now_us - window_us (now_us as for expire) from their identities, unsealed ones from their blocks (a segment
 * that was rolled but not sealed waits for seal_run again). Errors: MTR_ECORRUPT and MTR_EIO with a
 * diagnostic, MTR_ELIMIT more than 1,048,575 sealed segments in the window, MTR_ENOMEM. */
int mtr_dedup_open(struct mtr_log *log, const uint8_t key[MTR_EVENT_KEY_BYTES], int64_t window_us,
                   int64_t now_us, struct mtr_dedup **out, struct mtr_diagnostic *diagnostic) MTR_MUST_USE;
void mtr_dedup_close(struct mtr_dedup *dedup);

/* Looks up `count` keys at once (prefetching across the batch); *matches gets one row per key. Does not
 * see repeats inside the batch: add as you go, or compare within the batch first. */
int mtr_dedup_find(struct mtr_dedup *dedup, const struct mtr_dedup_key *keys, uint32_t count,
                   struct mtr_dedup_match *matches) MTR_MUST_USE;

/* Adds an identity of an event that is durable now, in order of sequence. Cannot fail: room was reserved
 * before the commit, also for the case that the commit rolls the log. An identity that is there already
 * stays as it is. */
int mtr_dedup_reserve(struct mtr_dedup *dedup, uint32_t count) MTR_MUST_USE;
/* Brings the memory of an add that follows soon; changes nothing. */
void mtr_dedup_prefetch_add(const struct mtr_dedup *dedup, const struct mtr_dedup_key *key);
void mtr_dedup_add(struct mtr_dedup *dedup, struct mtr_dedup_key key, uint32_t flags, uint64_t seq);

/* The log rolled: the exact table becomes that of the rolled segment (its row of mtr_log_segments), a new
 * one is begun with the room of the last reserve. Call before the first add of the new segment, and only
 * while mtr_dedup_can_roll. */
bool mtr_dedup_can_roll(const struct mtr_dedup *dedup);
void mtr_dedup_roll(struct mtr_dedup *dedup, const struct mtr_log_segment *rolled);
/* Rolled segments that are not finished; seal_run and seal_finish work on the oldest. */
uint32_t mtr_dedup_unsealed(const struct mtr_dedup *dedup);
/* Sorts and seals the oldest rolled segment, and builds a larger compact table when it needs one; slow;
 * any thread. The owner may go on with find, add, roll and expire meanwhile, but must not let the log
 * remove segments. After an error it may be called again. */
int mtr_dedup_seal_run(struct mtr_dedup *dedup) MTR_MUST_USE;
/* On the owner's thread after seal_run: moves tags of the sealed segment into the compact table, at most
 * `records_max` at a time. *done tells when all are moved and the exact table was freed. MTR_ELIMIT:
 * 1,048,575 segments are in the window already. */
int mtr_dedup_seal_finish(struct mtr_dedup *dedup, uint64_t records_max, bool *done) MTR_MUST_USE;

/* Room ahead of need, so that no commit waits while a table of millions grows: how many identities a table
 * should be made for, 0: none. */
uint64_t mtr_dedup_room_wanted(const struct mtr_dedup *dedup);
/* Makes that table; slow; any thread, with find, add, roll and expire going on meanwhile, but not beside
 * seal_run and seal_finish. */
int mtr_dedup_room_run(struct mtr_dedup *dedup, uint64_t count) MTR_MUST_USE;
/* On the owner's thread after room_run: puts it where it is wanted. */
void mtr_dedup_room_finish(struct mtr_dedup *dedup);

/* Drops segments whose events were all received before now_us - window. now_us is what a caller trusts
 * (struct mtr_trusted_time, forget_us): what is dropped is not known again before the index is opened
 * anew. */
void mtr_dedup_expire(struct mtr_dedup *dedup, int64_t now_us);
/* The latest receive time of what the index has no more; INT64_MIN: it has all that there ever was. Of an
 * event that may have been received by then nobody can tell any more whether it came before. */
int64_t mtr_dedup_forgotten_us(const struct mtr_dedup *dedup);

uint64_t mtr_dedup_count(const struct mtr_dedup *dedup); /* identities in the window */
/* Of the tables in use, not of those being made; owner's thread. */
uint64_t mtr_dedup_memory_bytes(const struct mtr_dedup *dedup);

#endif
