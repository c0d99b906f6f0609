/*
 * Notes of reports to events and back. The names of the data are part of the log's format (docs/formats.md).
 */
#include "collector/source/job/job_note.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/source/note.h"
#include "collector/source/reading/part.h"
#include "meterd/core/limits.h"

static const char *const id_names[] = {"id", "id2", "id3", "id4"};
enum { ID_PIECES = sizeof(id_names) / sizeof(id_names[0]) };
_Static_assert((int)MTR_LEDGER_JOB_ID_BYTES_MAX <= ID_PIECES * (int)MTR_PROPERTY_TEXT_BYTES_MAX,
               "an id fits");
_Static_assert((int)MTR_LEDGER_JOB_KNOWN_BYTES_MAX <= (int)MTR_PROPERTY_TEXT_BYTES_MAX, "the hashes fit");

static const char *word_of(const struct job_note *note)
{
    if (note->has_ended) return "ended";
    return note->job.state == MTR_JOB_SUBMITTING ? "submitting" : "submitted";
}

static void add_id(struct note_writing *writing, struct mtr_str id)
{
    MTR_ASSERT(id.size <= MTR_LEDGER_JOB_ID_BYTES_MAX);
    for (int i = 0; id.size; i++) {
        const size_t size = id.size < MTR_PROPERTY_TEXT_BYTES_MAX ? id.size : MTR_PROPERTY_TEXT_BYTES_MAX;
        note_add_text(writing, id_names[i], (struct mtr_str){id.data, size});
        id = (struct mtr_str){id.data + size, id.size - size};
    }
}

static int write_event(const struct job_note *note, struct mtr_arena *arena, struct mtr_event *out)
{
    char id[48];
    struct note_writing writing = {.arena = arena};
    const struct mtr_ledger_job *job = &note->job;
    int rc = note_begin(&writing);
    if (rc) return rc;
    snprintf(id, sizeof(id), "@%" PRIu64 ".%s", job->reading, word_of(note));
    note_add_text(&writing, "each", note->strand.each);
    note_add_window(&writing, job->start_us, job->end_us);
    note_add_text(&writing, "state", mtr_str_from(word_of(note)));
    note_add_number(&writing, "reading", job->reading);
    add_id(&writing, job->id);
    note_add_text(&writing, "known", job->known);
    note_add_text(&writing, "problem", note->problem);
    const struct note_head head = {
        note->strand.vendor, note->strand.source, MTR_EVENT_TYPE_JOB, id, job->began_us};
    return note_end(&writing, &head, out);
}

int job_note_make(const struct job_note *note, struct mtr_request **out)
{
    struct part part;
    struct mtr_event event;
    int rc = part_begin(&part, &note->strand, note->job.reading, (struct part_room){0});
    if (rc) return rc;
    rc = write_event(note, &part.request->arena, &event);
    if (!rc) rc = part_finish_with(&part, &event, out);
    if (rc) part_release(&part);
    return rc;
}

bool job_note_is(const struct mtr_event *event)
{
    return event->disposition == MTR_DISPOSITION_NOTE &&
           mtr_str_equal(event->type, MTR_STR(MTR_EVENT_TYPE_JOB));
}

static bool read_state(struct mtr_str word, struct job_note *out)
{
    out->has_ended = mtr_str_equal(word, MTR_STR("ended"));
    out->job.state = mtr_str_equal(word, MTR_STR("submitting")) ? MTR_JOB_SUBMITTING : MTR_JOB_SUBMITTED;
    return out->has_ended || out->job.state == MTR_JOB_SUBMITTING ||
           mtr_str_equal(word, MTR_STR("submitted"));
}

/* Pieces are joined; one is borrowed. */
static int read_id(const struct mtr_event *event, struct mtr_arena *arena, struct mtr_str *out)
{
    *out = note_text_of(event, id_names[0]);
    if (out->size < MTR_PROPERTY_TEXT_BYTES_MAX) return MTR_OK;
    char *text = mtr_arena_alloc(arena, MTR_LEDGER_JOB_ID_BYTES_MAX);
    if (!text) return MTR_ENOMEM;
    size_t size = 0;
    for (int i = 0; i < ID_PIECES; i++) {
        const struct mtr_str piece = note_text_of(event, id_names[i]);
        if (size + piece.size > MTR_LEDGER_JOB_ID_BYTES_MAX) return MTR_ECORRUPT;
        if (piece.size) memcpy(text + size, piece.data, piece.size);
        size += piece.size;
    }
    *out = (struct mtr_str){text, size};
    return MTR_OK;
}

int job_note_read(const struct mtr_event *event, struct mtr_arena *arena, struct job_note *out)
{
    MTR_ASSERT(job_note_is(event));
    *out = (struct job_note){.strand = {event->vendor, event->subject, note_text_of(event, "each")},
                             .job = {.began_us = event->time_us, .known = note_text_of(event, "known")},
                             .problem = note_text_of(event, "problem")};
    if (!event->subject.size || event->subject.size > MTR_KEY_BYTES_MAX ||
        out->strand.each.size > MTR_LEDGER_EACH_BYTES_MAX ||
        out->job.known.size > MTR_LEDGER_JOB_KNOWN_BYTES_MAX ||
        !note_read_window(event, &out->job.start_us, &out->job.end_us) ||
        !note_number_of(event, "reading", &out->job.reading) ||
        !read_state(note_text_of(event, "state"), out))
        return MTR_ECORRUPT;
    return read_id(event, arena, &out->job.id);
}

static int fold_number(struct mtr_ledger_txn *txn, const struct job_note *note)
{
    struct mtr_ledger_source source;
    int rc = mtr_ledger_get_source(txn, &note->strand, &source);
    if (rc || note->job.reading <= source.last_reading) return rc;
    source.last_reading = note->job.reading;
    return mtr_ledger_put_source(txn, &note->strand, &source);
}

int job_note_fold(struct mtr_ledger_txn *txn, const struct mtr_event *event, struct mtr_arena *arena)
{
    struct job_note note;
    int rc = job_note_read(event, arena, &note);
    if (!rc) rc = fold_number(txn, &note);
    if (rc) return rc;
    return note.has_ended ? mtr_ledger_drop_job(txn, &note.strand)
                          : mtr_ledger_put_job(txn, &note.strand, &note.job);
}
