/*
 * Notes to events and back. The names of the data are part of the log's format (docs/formats.md).
 */
#include "collector/source/control/control_note.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/source/note.h"
#include "collector/source/verdict/verdict.h"
#include "meterd/core/limits.h"
#include "meterd/core/time.h"

enum { ARENA_BYTES_MAX = 8 << 20, WHO_BYTES_MAX = 256 };

const char *mtr_source_action_name(enum mtr_source_action action)
{
    static const char *const names[MTR_SOURCE_ACTION_COUNT] = {"pause", "resume", "accept"};
    MTR_ASSERT((unsigned)action < MTR_SOURCE_ACTION_COUNT);
    return names[action];
}

/* ---- writing ---- */

static void add_seen(struct note_writing *writing, const struct mtr_source_seen *seen)
{
    note_add_text(writing, "each", seen->each);
    note_add_time(writing, "window_start", seen->start_us);
    note_add_hash(writing, "content", seen->content);
}

static int write_note(const struct mtr_source_control *control, uint32_t index, uint64_t number,
                      int64_t now_us, struct mtr_request *request)
{
    char id[24];
    struct note_writing writing = {.arena = &request->arena};
    int rc = note_begin(&writing);
    if (rc) return rc;
    snprintf(id, sizeof(id), "=%" PRIu64, number);
    note_add_text(&writing, "action", mtr_str_from(mtr_source_action_name(control->action)));
    note_add_number(&writing, "reading", number);
    note_add_text(&writing, "by", mtr_str_quoted(control->who, WHO_BYTES_MAX));
    if (control->action == MTR_SOURCE_ACCEPT) add_seen(&writing, &control->seen[index]);
    const struct note_head head = {request->vendor, control->source, MTR_EVENT_TYPE_CONTROL, id, now_us};
    return note_end(&writing, &head, &request->events[index]);
}

static int write_all(const struct mtr_source_control *control, uint64_t number, int64_t now_us,
                     struct mtr_request *request)
{
    struct mtr_arena *arena = &request->arena;
    request->is_reading = true;
    request->count = control->action == MTR_SOURCE_ACCEPT ? control->seen_count : 1;
    request->events = mtr_arena_calloc(arena, request->count, sizeof(*request->events));
    request->results = mtr_arena_calloc(arena, request->count, sizeof(*request->results));
    if (!request->events || !request->results) return MTR_ENOMEM;
    int rc = mtr_arena_copy(arena, control->vendor, &request->vendor);
    for (uint32_t i = 0; !rc && i < request->count; i++)
        rc = write_note(control, i, number + i, now_us, request);
    request->body_bytes = arena->bytes_total;
    return rc;
}

int control_notes(const struct mtr_source_control *control, uint64_t number, int64_t now_us,
                  struct mtr_request **out)
{
    MTR_ASSERT(control->action != MTR_SOURCE_ACCEPT ||
               (control->seen_count && control->seen_count <= MTR_SOURCE_SEEN_MAX));
    struct mtr_request *request = calloc(1, sizeof(*request));
    if (!request) return MTR_ENOMEM;
    mtr_request_init(request, ARENA_BYTES_MAX);
    int rc = write_all(control, number, now_us, request);
    if (!rc) {
        *out = request;
        return MTR_OK;
    }
    mtr_request_release(request);
    free(request);
    return rc;
}

/* ---- folding ---- */

bool control_is(const struct mtr_event *event)
{
    return event->disposition == MTR_DISPOSITION_NOTE &&
           mtr_str_equal(event->type, MTR_STR(MTR_EVENT_TYPE_CONTROL));
}

static int fold_rest(struct mtr_ledger_txn *txn, const struct mtr_event *event,
                     const struct mtr_strand *strand, bool is_pause)
{
    struct mtr_ledger_source source;
    int rc = mtr_ledger_get_source(txn, strand, &source);
    if (rc) return rc;
    if (!is_pause)
        source.paused_us = 0;
    else if (!source.paused_us)
        source.paused_us = event->time_us;
    return mtr_ledger_put_source(txn, strand, &source);
}

/* Is it still what was seen, and does it wait for being said again? */
static bool may_be_accepted(const struct mtr_ledger_window *window, struct mtr_str content)
{
    char now[NOTE_HASH_BYTES];
    note_write_hash(window->content, now);
    const bool waits = mtr_window_has_problem(window->state);
    return waits && window->agreed && mtr_str_equal(content, mtr_str_from(now));
}

static int fold_accept(struct mtr_ledger_txn *txn, const struct mtr_event *event, struct mtr_strand strand)
{
    struct mtr_ledger_window window;
    char problem[MTR_LEDGER_PROBLEM_BYTES_MAX];
    int64_t start_us;
    strand.each = note_text_of(event, "each");
    if (mtr_time_parse(note_text_of(event, "window_start"), &start_us) ||
        strand.each.size > MTR_LEDGER_EACH_BYTES_MAX)
        return MTR_ECORRUPT;
    int rc = mtr_ledger_get_window(txn, &strand, start_us, &window);
    if (rc == MTR_ENOTFOUND) return MTR_OK;
    if (rc || !may_be_accepted(&window, note_text_of(event, "content"))) return rc;
    if (window.problem.size) memcpy(problem, window.problem.data, window.problem.size);
    window.problem.data = problem; /* it was borrowed from the row that is replaced */
    window.agreed = VERDICT_ACCEPTED;
    return mtr_ledger_put_window(txn, &strand, &window);
}

/* The number is the source's: no reading has it. */
static int fold_number(struct mtr_ledger_txn *txn, const struct mtr_event *event,
                       const struct mtr_strand *strand)
{
    struct mtr_ledger_source source;
    uint64_t number;
    if (!note_number_of(event, "reading", &number) || !number) return MTR_ECORRUPT;
    int rc = mtr_ledger_get_source(txn, strand, &source);
    if (rc || number <= source.last_reading) return rc;
    source.last_reading = number;
    return mtr_ledger_put_source(txn, strand, &source);
}

int control_fold(struct mtr_ledger_txn *txn, const struct mtr_event *event)
{
    const struct mtr_strand strand = {event->vendor, event->subject, {NULL, 0}};
    const struct mtr_str action = note_text_of(event, "action");
    if (!event->subject.size || event->subject.size > MTR_KEY_BYTES_MAX) return MTR_ECORRUPT;
    int rc = fold_number(txn, event, &strand);
    if (rc) return rc;
    if (mtr_str_equal(action, MTR_STR("accept"))) return fold_accept(txn, event, strand);
    const bool is_pause = mtr_str_equal(action, MTR_STR("pause"));
    if (!is_pause && !mtr_str_equal(action, MTR_STR("resume"))) return MTR_ECORRUPT;
    return fold_rest(txn, event, &strand, is_pause);
}
