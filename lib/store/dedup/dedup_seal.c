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

struct mtr_tag_range dedup_range(const struct mtr_sealed_segments *segments)
{
    return (struct mtr_tag_range){segments->count ? segments->rows[segments->begin].number : 0,
                                  segments->count};
}

struct mtr_sealed_segment *dedup_segment(const struct mtr_sealed_segments *segments, uint32_t number)
{
    const struct mtr_tag_range range = dedup_range(segments);
    const uint32_t at = number - range.first;
    return at < range.count ? &segments->rows[segments->begin + at] : NULL;
}

/* At the end, or where others have gone. */
static int make_room(struct mtr_sealed_segments *segments, uint32_t more)
{
    if (segments->begin + segments->count + more <= segments->allocated) return MTR_OK;
    if (segments->begin > segments->allocated / 2) {
        memmove(segments->rows, segments->rows + segments->begin, segments->count * sizeof(*segments->rows));
        segments->begin = 0;
        return MTR_OK;
    }
    const uint32_t allocated = segments->allocated ? segments->allocated * 2 : 64;
    struct mtr_sealed_segment *rows = realloc(segments->rows, allocated * sizeof(*rows));
    if (!rows) return MTR_ENOMEM;
    segments->rows = rows;
    segments->allocated = allocated;
    return MTR_OK;
}

static int add_segment(struct mtr_sealed_segments *segments, const struct mtr_sealed_segment *segment)
{
    const struct mtr_tag_range range = dedup_range(segments);
    if (range.count && segment->number != range.first + range.count) return MTR_ECORRUPT;
    if (range.count == MTR_TAG_WIDE_SEGMENTS) return MTR_ELIMIT;
    int rc = make_room(segments, 1);
    if (rc) return rc;
    segments->rows[segments->begin + segments->count++] = *segment;
    segments->identities += segment->count;
    return MTR_OK;
}

int dedup_reserve_segments(struct mtr_dedup *dedup)
{
    pthread_mutex_lock(&dedup->lock);
    int rc = make_room(&dedup->segments, MTR_DEDUP_SEALING_MAX + 1);
    pthread_mutex_unlock(&dedup->lock);
    return rc;
}

int dedup_register(struct mtr_dedup *dedup, const struct mtr_sealed_segment *segment)
{
    pthread_mutex_lock(&dedup->lock);
    int rc = add_segment(&dedup->segments, segment);
    pthread_mutex_unlock(&dedup->lock);
    return rc;
}

struct tag_walk {
    struct mtr_tag_build *build;
    uint32_t segment;
};

static int add_tags(void *context, const struct mtr_log_identity *records, uint64_t count)
{
    struct tag_walk *walk = context;
    struct mtr_tag_build *build = walk->build;
    for (uint64_t i = 0; i < count; i++) {
        uint32_t homeless =
            tags_insert(&build->tags, records[i].identity, walk->segment, build->range);
        if (homeless) build->unfiltered[homeless - build->range.first] = true;
    }
    return MTR_OK;
}

void dedup_drop_build(struct mtr_tag_build *build)
{
    tags_release(&build->tags);
    free(build->unfiltered);
    *build = (struct mtr_tag_build){.unfiltered = NULL};
}

int dedup_build_tags(struct mtr_log *log, const struct mtr_sealed_segments *segments,
                     struct mtr_tag_build *build)
{
    MTR_ASSERT(!build->tags.buckets);
    build->range = dedup_range(segments);
    build->unfiltered = calloc((size_t)segments->count + 1, sizeof(bool));
    if (!build->unfiltered) return MTR_ENOMEM;
    int rc = tags_init(&build->tags, segments->identities, segments->count > MTR_TAG_NARROW_SEGMENTS);
    for (uint32_t i = 0; i < segments->count && !rc; i++) {
        struct tag_walk walk = {.build = build, .segment = build->range.first + i};
        rc = mtr_log_walk_identities(log, walk.segment, add_tags, &walk);
        if (rc == MTR_ENOTFOUND) rc = MTR_OK;
    }
    if (rc) dedup_drop_build(build);
    return rc;
}

void dedup_adopt_build(struct mtr_dedup *dedup)
{
    struct mtr_sealed_segments *segments = &dedup->segments;
    struct mtr_tag_build *build = &dedup->build;
    tags_release(&dedup->tags);
    dedup->tags = build->tags;
    build->tags = (struct mtr_tag_table){0};
    pthread_mutex_lock(&dedup->lock);
    segments->unfiltered_count = 0;
    for (uint32_t i = 0; i < segments->count; i++) {
        struct mtr_sealed_segment *segment = &segments->rows[segments->begin + i];
        const uint32_t at = segment->number - build->range.first;
        segment->is_unfiltered = at < build->range.count && build->unfiltered[at];
        segments->unfiltered_count += segment->is_unfiltered;
    }
    pthread_mutex_unlock(&dedup->lock);
    dedup_drop_build(build);
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

/* Is the table in use too small for one more segment, too large, or too narrow? */
static bool wants_build(const struct mtr_dedup *dedup, const struct mtr_sealing *head)
{
    const struct mtr_sealed_segments *segments = &dedup->segments;
    return segments->count < MTR_TAG_WIDE_SEGMENTS &&
           (segments->count == tags_segments_max(&dedup->tags) ||
            !tags_fits(&dedup->tags, segments->identities + head->table.count));
}

static int copy_segments(const struct mtr_sealed_segments *segments, struct mtr_sealed_segments *out)
{
    *out = (struct mtr_sealed_segments){.count = segments->count,
                                        .allocated = segments->count + 1,
                                        .identities = segments->identities};
    out->rows = malloc(out->allocated * sizeof(*out->rows));
    if (!out->rows) return MTR_ENOMEM;
    if (out->count)
        memcpy(out->rows, segments->rows + segments->begin, out->count * sizeof(*out->rows));
    return MTR_OK;
}

/* Builds a table of the right size when the one in use is not, this segment included. */
static int build_if_needed(struct mtr_dedup *dedup, const struct mtr_sealing *head)
{
    const struct mtr_sealed_segment segment = sealed_segment(head);
    struct mtr_sealed_segments segments = {.rows = NULL};
    pthread_mutex_lock(&dedup->lock);
    const bool is_wanted = wants_build(dedup, head);
    int rc = is_wanted ? copy_segments(&dedup->segments, &segments) : MTR_OK;
    pthread_mutex_unlock(&dedup->lock);
    if (is_wanted && !rc) rc = add_segment(&segments, &segment);
    if (is_wanted && !rc) rc = dedup_build_tags(dedup->log, &segments, &dedup->build);
    free(segments.rows);
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

static void insert_tag(struct mtr_dedup *dedup, struct mtr_event_identity identity, uint32_t number)
{
    struct mtr_sealed_segments *segments = &dedup->segments;
    const uint32_t homeless = tags_insert(&dedup->tags, identity, number, dedup_range(segments));
    struct mtr_sealed_segment *segment = homeless ? dedup_segment(segments, homeless) : NULL;
    if (!segment || segment->is_unfiltered) return;
    segment->is_unfiltered = true;
    segments->unfiltered_count++;
}

/* Moves tags of the places [moved, moved + records_max); true when it was the last. */
static bool move_tags(struct mtr_dedup *dedup, struct mtr_sealing *head, uint64_t records_max)
{
    uint64_t left = head->table.capacity - head->moved;
    uint64_t to = head->moved + (left < records_max ? left : records_max);
    if (!dedup_segment(&dedup->segments, head->number)) {
        head->moved = head->table.capacity; /* expired meanwhile: nobody asks for it any more */
        return true;
    }
    for (; head->moved < to; head->moved++) {
        const struct mtr_log_identity *entry = identities_entry(&head->table, head->moved);
        if (entry) insert_tag(dedup, entry->identity, head->number);
    }
    return to == head->table.capacity;
}

/* Makes it one of the sealed segments, with the table that was built for it. */
static int register_head(struct mtr_dedup *dedup, struct mtr_sealing *head)
{
    struct mtr_sealed_segment segment = sealed_segment(head);
    int rc = dedup_register(dedup, &segment);
    if (rc) return rc;
    head->is_registered = true;
    if (!dedup->build.tags.buckets) return MTR_OK;
    dedup_adopt_build(dedup);
    head->moved = head->table.capacity;
    return MTR_OK;
}

int mtr_dedup_seal_finish(struct mtr_dedup *dedup, uint64_t records_max, bool *done)
{
    MTR_ASSERT(dedup->sealing_count && dedup->sealing[0].sealed && records_max);
    struct mtr_sealing *head = &dedup->sealing[0];
    if (!head->is_registered) {
        int rc = register_head(dedup, head);
        if (rc) return rc;
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
