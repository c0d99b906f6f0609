/*
 * From exact tables to sealed segments: sorting and sealing on any thread, moving tags on the owner's.
 *
 * A segment is found in its exact table until seal_finish is done with it, so no find ever depends on how far
 * sealing came. mtr_log_seal is the only durable step: a crash before it leaves an unsealed segment, after it
 * a sealed one; both open.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/store/dedup/dedup_index.h"

uint32_t dedup_segment_slot(const struct mtr_sealed_segments *segments, uint32_t number)
{
    uint32_t slot = number % (MTR_TAG_SEGMENT_SLOTS - 1) + 1;
    return segments->live[slot] ? 0 : slot;
}

static void put_segment(struct mtr_sealed_segments *segments, uint32_t slot,
                        const struct mtr_sealed_segment *segment)
{
    MTR_ASSERT(slot && !segments->live[slot] && !segments->unfiltered[slot]);
    segments->rows[slot] = *segment;
    segments->live[slot] = true;
    segments->identities += segment->count;
}

void dedup_register(struct mtr_dedup *dedup, uint32_t slot, const struct mtr_sealed_segment *segment)
{
    pthread_mutex_lock(&dedup->lock);
    put_segment(&dedup->segments, slot, segment);
    pthread_mutex_unlock(&dedup->lock);
}

struct tag_walk {
    const struct mtr_sealed_segments *segments;
    struct mtr_tag_build *build;
    uint32_t slot;
};

static int add_tags(void *context, const struct mtr_log_identity *records, uint64_t count)
{
    struct tag_walk *walk = context;
    for (uint64_t i = 0; i < count; i++) {
        uint32_t homeless =
            tags_insert(&walk->build->tags, records[i].identity, walk->slot, walk->segments->live);
        if (homeless) walk->build->unfiltered[homeless] = true;
    }
    return MTR_OK;
}

int dedup_build_tags(struct mtr_log *log, const struct mtr_sealed_segments *segments,
                     struct mtr_tag_build *build)
{
    MTR_ASSERT(!build->tags.buckets);
    memset(build->unfiltered, 0, sizeof(build->unfiltered));
    int rc = tags_init(&build->tags, segments->identities);
    if (rc) return rc;
    for (uint32_t slot = 1; slot < MTR_TAG_SEGMENT_SLOTS; slot++) {
        if (!segments->live[slot]) continue;
        struct tag_walk walk = {.segments = segments, .build = build, .slot = slot};
        rc = mtr_log_walk_identities(log, segments->rows[slot].number, add_tags, &walk);
        if (rc && rc != MTR_ENOTFOUND) break;
        rc = MTR_OK;
    }
    if (rc) tags_release(&build->tags);
    return rc;
}

void dedup_adopt_build(struct mtr_dedup *dedup)
{
    struct mtr_sealed_segments *segments = &dedup->segments;
    tags_release(&dedup->tags);
    dedup->tags = dedup->build.tags;
    dedup->build.tags = (struct mtr_tag_table){0};
    pthread_mutex_lock(&dedup->lock);
    segments->unfiltered_count = 0;
    for (uint32_t slot = 0; slot < MTR_TAG_SEGMENT_SLOTS; slot++) {
        segments->unfiltered[slot] = dedup->build.unfiltered[slot] && segments->live[slot];
        segments->unfiltered_count += segments->unfiltered[slot];
    }
    pthread_mutex_unlock(&dedup->lock);
}

static int seal_head(struct mtr_dedup *dedup, struct mtr_sealing *head)
{
    struct mtr_log_identity *records = malloc((head->table.count + 1) * sizeof(*records));
    if (!records) return MTR_ENOMEM;
    identities_sort(&head->table, head->first_seq, records);
    int rc = mtr_log_seal(dedup->log, head->number, records, head->table.count);
    free(records);
    if (rc == MTR_EEXISTS) rc = MTR_OK; /* it got there before an error stopped the caller */
    if (!rc) head->sealed = true;
    return rc;
}

static struct mtr_sealed_segment sealed_segment(const struct mtr_sealing *head)
{
    return (struct mtr_sealed_segment){.number = head->number,
                                       .first_seq = head->first_seq,
                                       .count = head->table.count,
                                       .last_received_us = head->last_received_us};
}

/* Builds a table of the right size when the one in use is not, this segment included. */
static int build_if_needed(struct mtr_dedup *dedup, const struct mtr_sealing *head)
{
    struct mtr_sealed_segments *segments = malloc(sizeof(*segments));
    if (!segments) return MTR_ENOMEM;
    pthread_mutex_lock(&dedup->lock);
    *segments = dedup->segments;
    pthread_mutex_unlock(&dedup->lock);
    int rc = MTR_OK;
    uint32_t slot = dedup_segment_slot(segments, head->number);
    if (slot && !tags_fits(&dedup->tags, segments->identities + head->table.count)) {
        struct mtr_sealed_segment segment = sealed_segment(head);
        put_segment(segments, slot, &segment);
        rc = dedup_build_tags(dedup->log, segments, &dedup->build);
    }
    free(segments);
    return rc;
}

int mtr_dedup_seal_run(struct mtr_dedup *dedup)
{
    MTR_ASSERT(!dedup->build.tags.buckets);
    struct mtr_sealing *head = &dedup->sealing[0];
    if (!head->sealed) {
        int rc = seal_head(dedup, head);
        if (rc) return rc;
    }
    return build_if_needed(dedup, head);
}

/* Moves tags of the places [moved, moved + records_max); true when it was the last. */
static bool move_tags(struct mtr_dedup *dedup, struct mtr_sealing *head, uint64_t records_max)
{
    struct mtr_sealed_segments *segments = &dedup->segments;
    uint64_t left = head->table.capacity - head->moved;
    uint64_t to = head->moved + (left < records_max ? left : records_max);
    if (!segments->live[head->segment_slot])
        to = head->table.capacity; /* expired meanwhile: nobody asks for it any more */
    for (; head->moved < to && segments->live[head->segment_slot]; head->moved++) {
        const struct mtr_log_identity *entry = identities_entry(&head->table, head->moved);
        if (!entry) continue;
        uint32_t homeless =
            tags_insert(&dedup->tags, entry->identity, head->segment_slot, segments->live);
        if (!homeless || segments->unfiltered[homeless]) continue;
        segments->unfiltered[homeless] = true;
        segments->unfiltered_count++;
    }
    head->moved = to;
    return to == head->table.capacity;
}

int mtr_dedup_seal_finish(struct mtr_dedup *dedup, uint64_t records_max, bool *done)
{
    MTR_ASSERT(dedup->sealing_count && dedup->sealing[0].sealed && records_max);
    struct mtr_sealing *head = &dedup->sealing[0];
    if (!head->segment_slot) {
        uint32_t slot = dedup_segment_slot(&dedup->segments, head->number);
        if (!slot) return MTR_ELIMIT;
        struct mtr_sealed_segment segment = sealed_segment(head);
        dedup_register(dedup, slot, &segment);
        head->segment_slot = slot;
        if (dedup->build.tags.buckets) {
            dedup_adopt_build(dedup);
            head->moved = head->table.capacity;
        }
    }
    *done = move_tags(dedup, head, records_max);
    if (!*done) return MTR_OK;
    identities_release(&dedup->recycled);
    dedup->recycled = head->table;
    dedup->recycled.count = 0;
    dedup->sealing_count--;
    memmove(dedup->sealing, dedup->sealing + 1, dedup->sealing_count * sizeof(*dedup->sealing));
    return MTR_OK;
}
