/*
 * Rebuilding the dedup index from the log: sealed segments from their identities, unsealed ones from their
 * blocks.
 *
 * The last unsealed segment is the open one; earlier ones were rolled before a crash could let them be
 * sealed, and wait for seal_run.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/store/dedup/dedup_index.h"
#include "meterd/core/limits.h"
#include "meterd/core/time.h"

/* A block whose hash is right may still be another program's: what cannot have come from the collector is
 * damage. */
static bool within_limits(const struct mtr_event *event)
{
    return event->vendor.size <= MTR_KEY_BYTES_MAX && event->source.size <= MTR_EVENT_SOURCE_BYTES_MAX &&
           event->id.size <= MTR_EVENT_ID_BYTES_MAX;
}

static int index_block(const uint8_t key[MTR_EVENT_KEY_BYTES], const struct mtr_block_header *header,
                       const struct mtr_event *events, struct mtr_identities *table)
{
    int rc = identities_reserve(table, header->count);
    if (rc) return rc;
    for (uint32_t i = 0; i < header->count; i++) {
        const struct mtr_event *event = &events[i];
        if (!within_limits(event)) return MTR_ECORRUPT;
        uint64_t digest = mtr_event_digest(event);
        uint32_t flags = mtr_identity_flags(event->disposition);
        struct mtr_event_identity identity =
            flags & MTR_IDENTITY_QUARANTINE
                ? mtr_event_quarantine_identity(event, digest, event->disposition, key)
                : mtr_event_identity(event, key);
        (void)identities_add(table, identity, digest, flags, header->first_seq + i);
    }
    return MTR_OK;
}

static int index_blocks(const struct mtr_dedup *dedup, const struct mtr_log_segment *segment,
                        struct mtr_identities *table, struct mtr_diagnostic *diagnostic)
{
    if (!segment->first_seq) return MTR_OK;
    struct mtr_log_reader *reader;
    int rc = mtr_log_reader_attach(dedup->log, &reader);
    if (rc) return rc;
    uint64_t seq = segment->first_seq;
    while (!rc && seq <= segment->last_seq) {
        struct mtr_block_header header;
        const struct mtr_event *events;
        rc = mtr_log_read(reader, seq, &header, &events, diagnostic);
        if (rc) break;
        rc = index_block(dedup->key, &header, events, table);
        if (rc == MTR_ECORRUPT)
            mtr_diagnostic_set(
                diagnostic, MTR_FINDING_STORE_DAMAGED, 0, 0, "",
                "segment %06u, block at sequence %llu: an attribute is longer than events may have",
                segment->number, (unsigned long long)header.first_seq);
        seq = header.first_seq + header.count;
    }
    mtr_log_reader_close(reader);
    return rc;
}

static int index_sealed(struct mtr_dedup *dedup, const struct mtr_log_segment *segment, int64_t oldest_us,
                        struct mtr_diagnostic *diagnostic)
{
    if (!segment->first_seq) return MTR_OK;
    if (segment->last_received_us < oldest_us) {
        dedup->forgotten_us = mtr_time_later(dedup->forgotten_us, segment->last_received_us);
        return MTR_OK;
    }
    struct mtr_sealed_segment row = {.number = segment->number,
                                     .first_seq = segment->first_seq,
                                     .count = segment->last_seq - segment->first_seq + 1,
                                     .last_received_us = segment->last_received_us};
    int rc = dedup_register(dedup, &row);
    if (rc == MTR_ELIMIT)
        mtr_diagnostic_set(diagnostic, MTR_FINDING_STORE_DEDUP_WINDOW, 0, 0, "",
                           "more than %d sealed segments are in the dedup window: make segments larger or "
                           "the window shorter",
                           MTR_TAG_WIDE_SEGMENTS);
    if (rc == MTR_ECORRUPT)
        mtr_diagnostic_set(diagnostic, MTR_FINDING_STORE_DAMAGED, 0, 0, "",
                           "segment %06u is sealed, and the one before it is not", segment->number);
    return rc;
}

/* The queue of rolled segments is bounded; what a crash left beyond it is sealed at once. */
static int make_room(struct mtr_dedup *dedup)
{
    if (mtr_dedup_can_roll(dedup)) return MTR_OK;
    int rc = mtr_dedup_seal_run(dedup);
    bool done = false;
    if (!rc) rc = mtr_dedup_seal_finish(dedup, UINT64_MAX, &done);
    MTR_ASSERT(rc || done);
    return rc;
}

static int index_unsealed(struct mtr_dedup *dedup, const struct mtr_log_segment *segment, bool is_last,
                          struct mtr_diagnostic *diagnostic)
{
    int rc = index_blocks(dedup, segment, &dedup->open, diagnostic);
    if (rc || is_last) return rc;
    rc = make_room(dedup);
    if (!rc) rc = mtr_dedup_reserve(dedup, 1);
    if (!rc) mtr_dedup_roll(dedup, segment);
    return rc;
}

/* Until when what the log has no more may have been received: retention has removed it. */
static int64_t find_removed(const struct mtr_log *log, const struct mtr_log_segment *segments, uint32_t count)
{
    if (count && segments[0].first_seq)
        return segments[0].first_seq > 1 ? segments[0].first_received_us : INT64_MIN;
    return mtr_log_last_seq(log) ? mtr_log_last_received_us(log) : INT64_MIN;
}

static int index_log(struct mtr_dedup *dedup, int64_t now_us, struct mtr_diagnostic *diagnostic)
{
    uint32_t count = mtr_log_segments(dedup->log, NULL, 0);
    struct mtr_log_segment *segments = calloc(count + 1, sizeof(*segments));
    if (!segments) return MTR_ENOMEM;
    count = mtr_log_segments(dedup->log, segments, count);
    const int64_t oldest_us = now_us - dedup->window_us;
    int rc = MTR_OK;
    dedup->forgotten_us = find_removed(dedup->log, segments, count);
    for (uint32_t i = 0; i < count && !rc; i++)
        if (segments[i].sealed) rc = index_sealed(dedup, &segments[i], oldest_us, diagnostic);
    if (!rc) rc = dedup_build_tags(dedup->log, &dedup->segments, &dedup->build);
    if (!rc) dedup_adopt_build(dedup);
    for (uint32_t i = 0; i < count && !rc; i++)
        if (!segments[i].sealed) rc = index_unsealed(dedup, &segments[i], i + 1 == count, diagnostic);
    free(segments);
    return rc;
}

int mtr_dedup_open(struct mtr_log *log, const uint8_t key[MTR_EVENT_KEY_BYTES], int64_t window_us,
                   int64_t now_us, struct mtr_dedup **out, struct mtr_diagnostic *diagnostic)
{
    struct mtr_dedup *dedup = calloc(1, sizeof(*dedup));
    if (!dedup) return MTR_ENOMEM;
    *diagnostic = (struct mtr_diagnostic){0};
    dedup->log = log;
    dedup->window_us = window_us;
    memcpy(dedup->key, key, MTR_EVENT_KEY_BYTES);
    pthread_mutex_init(&dedup->lock, NULL);
    int rc = identities_init(&dedup->open, 0);
    if (!rc) rc = mtr_dedup_reserve(dedup, 1);
    if (!rc) rc = index_log(dedup, now_us, diagnostic);
    if (rc) {
        if (!diagnostic->text[0])
            mtr_diagnostic_set(diagnostic, MTR_FINDING_STORE_UNREADABLE, 0, 0, "",
                               "the dedup index cannot be rebuilt from the log: %s", mtr_error_text(rc));
        mtr_dedup_close(dedup);
        return rc;
    }
    *out = dedup;
    return MTR_OK;
}

/* ---- the key ---- */

/* Has the segment any of these identities? */
static int find_any(struct mtr_log *log, uint32_t segment, const struct mtr_identities *table, bool *found)
{
    int rc = MTR_OK;
    *found = false;
    for (uint64_t i = 0; !rc && !*found && i < table->capacity; i++) {
        const struct mtr_log_identity *entry = identities_entry(table, i);
        struct mtr_log_identity stored;
        if (!entry) continue;
        rc = mtr_log_find_identity(log, segment, entry->identity, &stored);
        *found = !rc;
        if (rc == MTR_ENOTFOUND) rc = MTR_OK;
    }
    return rc;
}

/* Those of its first block are made once more. */
static int check_segment(struct mtr_log *log, const uint8_t key[MTR_EVENT_KEY_BYTES],
                         const struct mtr_log_segment *segment, struct mtr_diagnostic *diagnostic)
{
    struct mtr_log_reader *reader = NULL;
    struct mtr_identities table = {.capacity = 0};
    struct mtr_block_header header;
    const struct mtr_event *events;
    bool found = true;
    int rc = mtr_log_reader_attach(log, &reader);
    if (!rc) rc = mtr_log_read(reader, segment->first_seq, &header, &events, diagnostic);
    if (!rc) rc = identities_init(&table, header.count);
    if (!rc) rc = index_block(key, &header, events, &table);
    if (!rc) rc = find_any(log, segment->number, &table, &found);
    identities_release(&table);
    mtr_log_reader_close(reader);
    if (rc || found) return rc;
    mtr_diagnostic_set(diagnostic, MTR_FINDING_STORE_DAMAGED, 0, 0, NULL,
                       "event.key is not the key that the identities of segment %06u were made with: what is "
                       "sent again would not be known; restore event.key from a backup",
                       segment->number);
    return MTR_ECORRUPT;
}

int mtr_dedup_check_key(struct mtr_log *log, const uint8_t key[MTR_EVENT_KEY_BYTES],
                        struct mtr_diagnostic *diagnostic)
{
    struct mtr_log_segment segment;
    *diagnostic = (struct mtr_diagnostic){0};
    for (uint32_t i = mtr_log_segments(log, NULL, 0); i; i--) {
        if (!mtr_log_segment_at(log, i - 1, &segment) || !segment.sealed || !segment.first_seq) continue;
        const int rc = check_segment(log, key, &segment, diagnostic);
        if (rc && !diagnostic->text[0])
            mtr_diagnostic_set(diagnostic, MTR_FINDING_STORE_UNREADABLE, 0, 0, NULL,
                               "whether event.key is that of the log cannot be read: %s", mtr_error_text(rc));
        return rc;
    }
    return MTR_OK;
}
