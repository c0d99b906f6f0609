/*
 * Notes to events and back. The names of the data are part of the log's format (docs/formats.md).
 */
#include "collector/source/control/note.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/source/reading/receipt.h"
#include "collector/source/reading/verdict.h"
#include "meterd/core/limits.h"
#include "meterd/core/time.h"

enum { PROPERTIES = 6, ARENA_BYTES_MAX = 4 << 20, WHO_BYTES_MAX = 256 };

const char *mtr_source_action_name(enum mtr_source_action action)
{
    static const char *const names[MTR_SOURCE_ACTION_COUNT] = {"pause", "resume", "accept"};
    MTR_ASSERT((unsigned)action < MTR_SOURCE_ACTION_COUNT);
    return names[action];
}

/* ---- writing ---- */

struct writing {
    struct mtr_arena *arena;
    struct mtr_event *event;
    struct mtr_property *properties;
    int rc;
};

static void add_text(struct writing *writing, const char *name, struct mtr_str text)
{
    if (!text.size) return;
    struct mtr_property *property = &writing->properties[writing->event->property_count++];
    *property = (struct mtr_property){.name = mtr_str_from(name), .kind = MTR_PROPERTY_STRING};
    int rc = mtr_arena_copy(writing->arena, text, &property->text);
    if (rc) writing->rc = rc;
}

static void add_number(struct writing *writing, const char *name, uint64_t number)
{
    writing->properties[writing->event->property_count++] = (struct mtr_property){
        .name = mtr_str_from(name), .kind = MTR_PROPERTY_NUMBER, .number = {.mantissa = (mtr_int128)number}};
}

static void add_seen(struct writing *writing, const struct mtr_source_seen *seen)
{
    char time[MTR_TIME_TEXT_BYTES], content[33];
    mtr_time_format(seen->start_us, time);
    snprintf(content, sizeof(content), "%016" PRIx64 "%016" PRIx64, seen->content.high, seen->content.low);
    add_text(writing, "each", seen->each);
    add_text(writing, "window_start", mtr_str_from(time));
    add_text(writing, "content", mtr_str_from(content));
}

static int write_note(const struct mtr_source_control *control, uint32_t index, uint64_t number,
                      struct mtr_request *request)
{
    char id[24];
    struct mtr_event *event = &request->events[index];
    struct writing writing = {.arena = &request->arena, .event = event};
    writing.properties = mtr_arena_calloc(&request->arena, PROPERTIES, sizeof(*writing.properties));
    if (!writing.properties) return MTR_ENOMEM;
    snprintf(id, sizeof(id), "=%" PRIu64, number);
    event->vendor = request->vendor;
    event->type = MTR_STR(MTR_EVENT_TYPE_CONTROL);
    event->disposition = MTR_DISPOSITION_NOTE;
    event->time_given = true;
    event->properties = writing.properties;
    add_text(&writing, "action", mtr_str_from(mtr_source_action_name(control->action)));
    add_number(&writing, "reading", number);
    add_text(&writing, "by", mtr_str_quoted(control->who, WHO_BYTES_MAX));
    if (control->action == MTR_SOURCE_ACCEPT) add_seen(&writing, &control->seen[index]);
    int rc = writing.rc;
    if (!rc) rc = mtr_arena_copy(&request->arena, mtr_str_from(id), &event->id);
    if (!rc) rc = mtr_arena_copy(&request->arena, control->source, &event->subject);
    return rc ? rc : receipt_source(control->source, &request->arena, &event->source);
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
    for (uint32_t i = 0; !rc && i < request->count; i++) {
        rc = write_note(control, i, number + i, request);
        request->events[i].time_us = now_us;
    }
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

static struct mtr_str text_of(const struct mtr_event *event, const char *name)
{
    const struct mtr_property *property = mtr_event_property(event, mtr_str_from(name));
    if (!property || property->kind != MTR_PROPERTY_STRING) return (struct mtr_str){NULL, 0};
    return property->text;
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
    char now[33];
    snprintf(now, sizeof(now), "%016" PRIx64 "%016" PRIx64, window->content.high, window->content.low);
    const bool waits = window->state == MTR_WINDOW_SUSPECT || window->state == MTR_WINDOW_INCOMPLETE;
    return waits && window->agreed && mtr_str_equal(content, mtr_str_from(now));
}

static int fold_accept(struct mtr_ledger_txn *txn, const struct mtr_event *event, struct mtr_strand strand)
{
    struct mtr_ledger_window window;
    char problem[MTR_LEDGER_PROBLEM_BYTES_MAX];
    int64_t start_us;
    strand.each = text_of(event, "each");
    if (mtr_time_parse(text_of(event, "window_start"), &start_us) ||
        strand.each.size > MTR_LEDGER_EACH_BYTES_MAX)
        return MTR_ECORRUPT;
    int rc = mtr_ledger_get_window(txn, &strand, start_us, &window);
    if (rc || !may_be_accepted(&window, text_of(event, "content"))) return rc == MTR_ENOTFOUND ? MTR_OK : rc;
    if (window.problem.size) memcpy(problem, window.problem.data, window.problem.size);
    window.problem.data = problem; /* it was borrowed from the row that is replaced */
    window.agreed = VERDICT_ACCEPTED;
    return mtr_ledger_put_window(txn, &strand, &window);
}

/* The number is the source's: no reading has it. */
static int fold_number(struct mtr_ledger_txn *txn, const struct mtr_event *event,
                       const struct mtr_strand *strand)
{
    const struct mtr_property *number = mtr_event_property(event, MTR_STR("reading"));
    struct mtr_ledger_source source;
    if (!number || number->kind != MTR_PROPERTY_NUMBER || number->number.scale ||
        number->number.mantissa < 0 || number->number.mantissa > INT64_MAX)
        return MTR_ECORRUPT;
    int rc = mtr_ledger_get_source(txn, strand, &source);
    if (rc || (uint64_t)number->number.mantissa <= source.last_reading) return rc;
    source.last_reading = (uint64_t)number->number.mantissa;
    return mtr_ledger_put_source(txn, strand, &source);
}

int control_fold(struct mtr_ledger_txn *txn, const struct mtr_event *event)
{
    const struct mtr_strand strand = {event->vendor, event->subject, {NULL, 0}};
    const struct mtr_str action = text_of(event, "action");
    if (!event->subject.size || event->subject.size > MTR_KEY_BYTES_MAX) return MTR_ECORRUPT;
    int rc = fold_number(txn, event, &strand);
    if (rc) return rc;
    if (mtr_str_equal(action, MTR_STR("accept"))) return fold_accept(txn, event, strand);
    const bool is_pause = mtr_str_equal(action, MTR_STR("pause"));
    if (!is_pause && !mtr_str_equal(action, MTR_STR("resume"))) return MTR_ECORRUPT;
    return fold_rest(txn, event, &strand, is_pause);
}
