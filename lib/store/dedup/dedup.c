/*
 * The dedup index on the owner's thread: find, add, roll, expire. Building is in dedup_open.c, sealing in
 * dedup_seal.c.
 *
 * Invariants: every identity in the window stands in the open table, in a table being sealed, or in a sealed
 * segment that the tags (or the unfiltered mark) lead to; a tag alone is never an answer.
 */
#include "meterd/store/dedup.h"

#include <stdlib.h>
#include <string.h>

#include "lib/store/dedup/dedup_index.h"
#include "lib/store/log/log_internal.h"
#include "meterd/core/limits.h"

enum { PREFETCH_KEYS = 32, ROOM_COUNT_MIN = 32768 }; /* smaller tables grow in passing */

uint32_t mtr_identity_flags(enum mtr_disposition disposition)
{
    if (disposition == MTR_DISPOSITION_NORMAL) return 0;
    const bool is_own = disposition == MTR_DISPOSITION_VOID || disposition == MTR_DISPOSITION_NOTE;
    return is_own ? MTR_IDENTITY_VOID : MTR_IDENTITY_QUARANTINE;
}

void mtr_dedup_close(struct mtr_dedup *dedup)
{
    if (!dedup) return;
    identities_release(&dedup->open);
    identities_release(&dedup->spare);
    identities_release(&dedup->prepared);
    identities_release(&dedup->recycled);
    for (uint32_t i = 0; i < dedup->sealing_count; i++) identities_release(&dedup->sealing[i].table);
    tags_release(&dedup->tags);
    dedup_drop_build(&dedup->build);
    free(dedup->segments.rows);
    pthread_mutex_destroy(&dedup->lock);
    free(dedup);
}

static void fill_match(const struct mtr_log_identity *stored, uint64_t first_seq, uint64_t digest,
                       struct mtr_dedup_match *match)
{
    *match = (struct mtr_dedup_match){
        .found = stored->digest == digest ? MTR_DEDUP_DUPLICATE : MTR_DEDUP_CONFLICT,
        .flags = stored->flags & (MTR_IDENTITY_QUARANTINE | MTR_IDENTITY_VOID),
        .seq = first_seq + stored->seq_offset,
    };
}

/* The exact check of one sealed segment. One that was removed holds nothing. */
static int find_sealed(struct mtr_dedup *dedup, const struct mtr_sealed_segment *segment,
                       const struct mtr_dedup_key *key, struct mtr_dedup_match *match)
{
    struct mtr_log_identity stored;
    int rc = mtr_log_find_identity(dedup->log, segment->number, key->identity, &stored);
    if (rc == MTR_ENOTFOUND) return MTR_OK;
    if (rc) return rc;
    fill_match(&stored, segment->first_seq, key->digest, match);
    return MTR_OK;
}

static int find_unfiltered(struct mtr_dedup *dedup, const struct mtr_dedup_key *key,
                           struct mtr_dedup_match *match)
{
    const struct mtr_sealed_segments *segments = &dedup->segments;
    uint32_t left = segments->unfiltered_count;
    for (uint32_t i = segments->begin; left && match->found == MTR_DEDUP_NEW; i++) {
        if (!segments->rows[i].is_unfiltered) continue;
        left--;
        int rc = find_sealed(dedup, &segments->rows[i], key, match);
        if (rc) return rc;
    }
    return MTR_OK;
}

static int find_one(struct mtr_dedup *dedup, const struct mtr_dedup_key *key, struct mtr_dedup_match *match)
{
    *match = (struct mtr_dedup_match){.found = MTR_DEDUP_NEW};
    const struct mtr_log_identity *stored = identities_find(&dedup->open, key->identity);
    if (stored) {
        fill_match(stored, dedup->open.base_seq, key->digest, match);
        return MTR_OK;
    }
    for (uint32_t i = 0; i < dedup->sealing_count; i++) {
        stored = identities_find(&dedup->sealing[i].table, key->identity);
        if (!stored) continue;
        fill_match(stored, dedup->sealing[i].table.base_seq, key->digest, match);
        return MTR_OK;
    }
    uint32_t candidates[MTR_TAG_CANDIDATES_MAX];
    uint32_t count = tags_find(&dedup->tags, key->identity, dedup_range(&dedup->segments), candidates);
    for (uint32_t i = 0; i < count; i++) {
        int rc = find_sealed(dedup, dedup_segment(&dedup->segments, candidates[i]), key, match);
        if (rc || match->found != MTR_DEDUP_NEW) return rc;
    }
    return dedup->segments.unfiltered_count ? find_unfiltered(dedup, key, match) : MTR_OK;
}

static void prefetch(const struct mtr_dedup *dedup, const struct mtr_dedup_key *keys, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        identities_prefetch(&dedup->open, keys[i].identity);
        for (uint32_t j = 0; j < dedup->sealing_count; j++)
            identities_prefetch(&dedup->sealing[j].table, keys[i].identity);
        tags_prefetch(&dedup->tags, keys[i].identity);
    }
}

int mtr_dedup_find(struct mtr_dedup *dedup, const struct mtr_dedup_key *keys, uint32_t count,
                   struct mtr_dedup_match *matches)
{
    for (uint32_t from = 0; from < count; from += PREFETCH_KEYS) {
        uint32_t to = count - from < PREFETCH_KEYS ? count : from + PREFETCH_KEYS;
        prefetch(dedup, keys + from, to - from);
        for (uint32_t i = from; i < to; i++) {
            int rc = find_one(dedup, &keys[i], &matches[i]);
            if (rc) return rc;
        }
    }
    return MTR_OK;
}

int mtr_dedup_reserve(struct mtr_dedup *dedup, uint32_t count)
{
    int rc = dedup_reserve_segments(dedup);
    if (!rc) rc = identities_reserve(&dedup->open, count);
    if (rc || identities_has_room(&dedup->spare, count)) return rc;
    struct mtr_identities spare;
    rc = identities_init(&spare, count);
    if (rc) return rc;
    identities_release(&dedup->spare);
    dedup->spare = spare;
    return MTR_OK;
}

void mtr_dedup_prefetch_add(const struct mtr_dedup *dedup, const struct mtr_dedup_key *key)
{
    identities_prefetch(&dedup->open, key->identity);
}

void mtr_dedup_add(struct mtr_dedup *dedup, struct mtr_dedup_key key, uint32_t flags, uint64_t seq)
{
    (void)identities_add(&dedup->open, key.identity, key.digest, flags, seq);
}

bool mtr_dedup_can_roll(const struct mtr_dedup *dedup)
{
    return dedup->sealing_count < MTR_DEDUP_SEALING_MAX;
}

void mtr_dedup_roll(struct mtr_dedup *dedup, const struct mtr_log_segment *rolled)
{
    MTR_ASSERT(mtr_dedup_can_roll(dedup));
    MTR_ASSERT(dedup->spare.entries);
    MTR_ASSERT(!rolled->sealed);
    dedup->sealing[dedup->sealing_count++] =
        (struct mtr_sealing){.number = rolled->number,
                             .first_seq = rolled->first_seq,
                             .last_received_us = rolled->last_received_us,
                             .table = dedup->open};
    dedup->open = dedup->spare;
    dedup->spare = (struct mtr_identities){0};
    dedup->rolled_count = dedup->sealing[dedup->sealing_count - 1].table.count;
}

/* The open table is three quarters full, or the spare one is smaller than the last segment was. */
uint64_t mtr_dedup_room_wanted(const struct mtr_dedup *dedup)
{
    const struct mtr_identities *open = &dedup->open;
    uint64_t most = dedup->log->options.segment_events_max +
                    MTR_BLOCK_EVENTS_MAX; /* the block that rolls asks for room here, too */
    if (open->count >= ROOM_COUNT_MIN && open->count < most &&
        !identities_has_room(open, open->count / 3)) {
        uint64_t room = open->count / 3 * 8;
        room = room < most ? room : most;
        if (!identities_has_room(open, room - open->count)) return room;
    }
    bool is_small = !dedup->sealing_count && !identities_has_room(&dedup->spare, dedup->rolled_count);
    return is_small && dedup->rolled_count >= ROOM_COUNT_MIN ? dedup->rolled_count : 0;
}

int mtr_dedup_room_run(struct mtr_dedup *dedup, uint64_t count)
{
    MTR_ASSERT(!dedup->prepared.entries);
    return identities_prepare(&dedup->prepared, count, &dedup->recycled);
}

/* The log may have rolled meanwhile; then the open table is small again, and the prepared one is for the
 * next roll. */
void mtr_dedup_room_finish(struct mtr_dedup *dedup)
{
    struct mtr_identities *target = &dedup->open;
    bool is_full = target->count >= ROOM_COUNT_MIN && !identities_has_room(target, target->count / 3);
    if (!is_full) target = &dedup->spare;
    if (target->capacity < dedup->prepared.capacity) identities_move(target, &dedup->prepared);
    identities_release(&dedup->prepared);
}

uint32_t mtr_dedup_unsealed(const struct mtr_dedup *dedup)
{
    return dedup->sealing_count;
}

void mtr_dedup_expire(struct mtr_dedup *dedup, int64_t now_us)
{
    struct mtr_sealed_segments *segments = &dedup->segments;
    int64_t oldest_us = now_us - dedup->window_us;
    pthread_mutex_lock(&dedup->lock);
    while (segments->count && segments->rows[segments->begin].last_received_us < oldest_us) {
        const struct mtr_sealed_segment *oldest = &segments->rows[segments->begin];
        if (oldest->last_received_us > dedup->forgotten_us) dedup->forgotten_us = oldest->last_received_us;
        segments->identities -= oldest->count;
        segments->unfiltered_count -= oldest->is_unfiltered;
        segments->begin++;
        segments->count--;
    }
    pthread_mutex_unlock(&dedup->lock);
}

int64_t mtr_dedup_forgotten_us(const struct mtr_dedup *dedup)
{
    return dedup->forgotten_us;
}

uint64_t mtr_dedup_count(const struct mtr_dedup *dedup)
{
    uint64_t count = dedup->open.count + dedup->segments.identities;
    for (uint32_t i = 0; i < dedup->sealing_count; i++)
        if (!dedup->sealing[i].is_registered) count += dedup->sealing[i].table.count;
    return count;
}

uint64_t mtr_dedup_memory_bytes(const struct mtr_dedup *dedup)
{
    uint64_t places = dedup->open.capacity + dedup->spare.capacity;
    for (uint32_t i = 0; i < dedup->sealing_count; i++) places += dedup->sealing[i].table.capacity;
    return sizeof(*dedup) + places * sizeof(struct mtr_log_identity) + tags_memory_bytes(&dedup->tags) +
           dedup->segments.allocated * sizeof(struct mtr_sealed_segment);
}
