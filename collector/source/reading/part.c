/*
 * Events of a part are copied into the request's arena: what the reader of rows hands over ends with its
 * call.
 */
#include "collector/source/reading/part.h"

#include <stdlib.h>
#include <string.h>

enum { ARENA_BYTES_MAX = 256 << 20 };

int part_begin(struct part *part, const struct mtr_strand *strand, uint64_t reading, struct part_room room)
{
    *part = (struct part){.strand = *strand, .reading = reading, .request = room.memory};
    if (room.memory)
        mtr_request_reset(room.memory);
    else
        part->request = calloc(1, sizeof(*part->request));
    if (!part->request) return MTR_ENOMEM;
    if (!room.memory) mtr_request_init(part->request, ARENA_BYTES_MAX);
    part->request->is_reading = true;
    struct mtr_arena *arena = &part->request->arena;
    part->capacity = room.events + 1;
    part->request->events = mtr_arena_alloc(arena, part->capacity * sizeof(*part->request->events));
    int rc = part->request->events ? MTR_OK : MTR_ENOMEM;
    if (!rc) rc = mtr_arena_copy(arena, strand->vendor, &part->request->vendor);
    if (!rc) rc = note_source(strand->source, arena, &part->source);
    if (rc) part_release(part);
    return rc;
}

void part_release(struct part *part)
{
    if (!part->request) return;
    mtr_request_release(part->request);
    free(part->request);
    part->request = NULL;
}

bool part_is_full(const struct part *part)
{
    return part->request->count >= PART_EVENTS_MAX || part->bytes >= PART_BYTES_MAX;
}

bool part_is_empty(const struct part *part) { return !part->request->count; }

static int add_event(struct part *part, const struct mtr_event *event)
{
    struct mtr_request *request = part->request;
    MTR_ASSERT(request->count < MTR_REQUEST_EVENTS_MAX);
    void *events = request->events;
    int rc = mtr_arena_make_room(&request->arena, &events, request->count, &part->capacity,
                                 sizeof(*request->events));
    if (rc) return rc;
    request->events = events;
    struct mtr_event *added = &request->events[request->count++];
    *added = *event;
    added->vendor = request->vendor;
    added->source = part->source;
    part->bytes += sizeof(*added) + sizeof(*request->results);
    return MTR_OK;
}

int part_add_void(struct part *part, const struct merge_void *gone)
{
    struct mtr_event event;
    int rc = read_void(&gone->row, gone->start_us, &part->request->arena, &event);
    if (rc) return rc;
    event.subject = part->strand.source;
    return add_event(part, &event);
}

static int copy_text(struct part *part, struct mtr_str text, struct mtr_str *out)
{
    part->bytes += text.size + 1;
    return mtr_arena_copy(&part->request->arena, text, out);
}

/* The same, where it may well be what the row before had. */
static int keep_text(struct part *part, struct mtr_str text, struct mtr_str *before, struct mtr_str *out)
{
    if (!before->data || !mtr_str_equal(text, *before)) {
        int rc = copy_text(part, text, before);
        if (rc) return rc;
    }
    *out = *before;
    return MTR_OK;
}

static int copy_properties(struct part *part, const struct mtr_event *event, struct mtr_event *copy)
{
    const size_t size = event->property_count * sizeof(*event->properties);
    struct mtr_property *properties = mtr_arena_alloc(&part->request->arena, size);
    if (!properties) return MTR_ENOMEM;
    part->bytes += size;
    for (uint32_t i = 0; i < event->property_count; i++) {
        struct mtr_str *before = &part->names[i % MTR_EVENT_PROPERTIES_MAX]; /* the judge says if too many */
        properties[i] = event->properties[i];
        int rc = keep_text(part, event->properties[i].name, before, &properties[i].name);
        if (!rc && properties[i].kind == MTR_PROPERTY_STRING)
            rc = copy_text(part, event->properties[i].text, &properties[i].text);
        if (rc) return rc;
    }
    copy->properties = properties;
    return MTR_OK;
}

int part_add_row(struct part *part, const struct part_row *row)
{
    struct mtr_arena *arena = &part->request->arena;
    struct mtr_event event = *row->event;
    int rc = row->is_append ? mtr_arena_copy(arena, row->event->id, &event.id)
                            : read_row_id(row->event->id, part->reading, arena, &event.id);
    part->bytes += event.id.size;
    if (!rc) rc = keep_text(part, row->event->type, &part->type, &event.type);
    if (!rc) rc = keep_text(part, row->event->subject, &part->subject, &event.subject);
    if (!rc) rc = copy_properties(part, row->event, &event);
    event.target_seq = row->retried_seq;
    return rc ? rc : add_event(part, &event);
}

int part_finish(struct part *part, const struct receipt *receipt, struct mtr_request **out)
{
    struct mtr_event note;
    int rc = receipt_write(receipt, &part->request->arena, &note);
    return rc ? rc : part_finish_with(part, &note, out);
}

int part_finish_with(struct part *part, const struct mtr_event *note, struct mtr_request **out)
{
    struct mtr_request *request = part->request;
    int rc = add_event(part, note);
    if (rc) return rc;
    for (uint32_t i = 0; i < request->count; i++) /* of voids, which borrowed it */
        if (request->events[i].disposition == MTR_DISPOSITION_VOID)
            request->events[i].subject = note->subject;
    request->results = mtr_arena_calloc(&request->arena, request->count, sizeof(*request->results));
    if (!request->results) return MTR_ENOMEM;
    request->body_bytes = request->arena.bytes_total;
    part->request = NULL;
    *out = request;
    return MTR_OK;
}
