/*
 * Voids, sorted by what they take back: each block of the log is read once.
 */
#include "daemon/query/would_bill/assumed_events.h"

#include <stdlib.h>
#include <string.h>

struct reading {
    const struct mtr_would_bill_options *options;
    struct mtr_arena *arena;
    struct assumed_events *out;
    struct mtr_diagnostic *diagnostic;
    struct mtr_block_header block;
    const struct mtr_event *events; /* of it; NULL: none was read */
};

static int copy_event(struct mtr_arena *arena, const struct mtr_event *event, const struct mtr_event **out)
{
    const size_t size = event->property_count * sizeof(*event->properties);
    struct mtr_event *copy = mtr_arena_alloc(arena, sizeof(*copy));
    struct mtr_property *properties = mtr_arena_alloc(arena, size + 1);
    if (!copy || !properties) return MTR_ENOMEM;
    *copy = *event;
    copy->properties = properties;
    int rc = mtr_arena_copy(arena, event->vendor, &copy->vendor);
    if (!rc) rc = mtr_arena_copy(arena, event->source, &copy->source);
    if (!rc) rc = mtr_arena_copy(arena, event->id, &copy->id);
    if (!rc) rc = mtr_arena_copy(arena, event->type, &copy->type);
    if (!rc) rc = mtr_arena_copy(arena, event->subject, &copy->subject);
    for (uint32_t i = 0; !rc && i < event->property_count; i++) {
        properties[i] = event->properties[i];
        rc = mtr_arena_copy(arena, event->properties[i].name, &properties[i].name);
        if (!rc && properties[i].kind == MTR_PROPERTY_STRING)
            rc = mtr_arena_copy(arena, event->properties[i].text, &properties[i].text);
    }
    *out = copy;
    return rc;
}

/* *out NULL: it has left the log. */
static int find_event(struct reading *reading, uint64_t seq, const struct mtr_event **out)
{
    const struct mtr_block_header *block = &reading->block;
    *out = NULL;
    if (!reading->events || seq < block->first_seq || seq - block->first_seq >= block->count) {
        int rc = mtr_log_read(reading->options->reader, seq, &reading->block, &reading->events,
                              reading->diagnostic);
        if (rc) reading->events = NULL;
        if (rc) return rc == MTR_ENOTFOUND ? MTR_OK : rc;
    }
    if (seq < block->first_seq || seq - block->first_seq >= block->count) return MTR_OK;
    *out = &reading->events[seq - block->first_seq];
    return MTR_OK;
}

static int compare_targets(const void *a, const void *b)
{
    const struct mtr_assumed_event *x = a, *y = b;
    if (x->seq != y->seq) return x->seq < y->seq ? -1 : 1;
    return (x->void_seq > y->void_seq) - (x->void_seq < y->void_seq);
}

/* Those that stand first among the rows. Kept are the first of each target that the log has. */
static int read_targets(struct reading *reading, uint32_t count)
{
    struct assumed_events *out = reading->out;
    uint64_t last_seq = 0;
    int rc = MTR_OK;
    if (count > 1) qsort(out->rows, count, sizeof(*out->rows), compare_targets);
    for (uint32_t i = 0; !rc && i < count; i++) {
        struct mtr_assumed_event row = out->rows[i];
        const struct mtr_event *event;
        if (row.seq == last_seq) continue;
        last_seq = row.seq;
        rc = find_event(reading, row.seq, &event);
        if (rc || !event || event->disposition != MTR_DISPOSITION_NORMAL) continue;
        rc = copy_event(reading->arena, event, &row.event);
        if (!rc) out->rows[out->count++] = row;
    }
    return rc;
}

static int refuse_unfolded(struct mtr_diagnostic *diagnostic)
{
    mtr_diagnostic_set(diagnostic, MTR_FINDING_QUERY_CUT_MOVING, 0, 0, NULL,
                       "usage that would be taken back is not folded yet: ask in a moment");
    return MTR_EAGAIN;
}

int assumed_events_read(const struct mtr_would_bill_options *options, uint64_t next_seq,
                        struct mtr_arena *arena, struct assumed_events *out,
                        struct mtr_diagnostic *diagnostic)
{
    struct reading reading = {options, arena, out, diagnostic, {0}, NULL};
    uint32_t voids = 0;
    *out = (struct assumed_events){.rows = mtr_arena_calloc(arena, (size_t)options->event_count + 1,
                                                            sizeof(*out->rows))};
    if (!out->rows) return MTR_ENOMEM;
    for (uint32_t i = 0; i < options->event_count; i++) {
        const struct mtr_event *event = options->events[i];
        if (event->disposition != MTR_DISPOSITION_VOID) continue;
        if (event->target_seq >= next_seq) return refuse_unfolded(diagnostic);
        out->rows[voids++] = (struct mtr_assumed_event){NULL, event->target_seq, next_seq + i};
    }
    int rc = read_targets(&reading, voids);
    for (uint32_t i = 0; !rc && i < options->event_count; i++)
        if (options->events[i]->disposition == MTR_DISPOSITION_NORMAL)
            out->rows[out->count++] = (struct mtr_assumed_event){options->events[i], next_seq + i, 0};
    return rc;
}
