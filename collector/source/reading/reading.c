/*
 * The first pass of a reading: pages to rows. What follows is in reading_check.c and reading_parts.c.
 */
#include "collector/source/reading/reading.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "collector/source/reading/reading_state.h"
#include "meterd/catalog/catalog.h"
#include "meterd/core/limits.h"
#include "meterd/core/line.h"
#include "meterd/core/time.h"

enum { REFUSED_ROW_BYTES = 900, REASON_BYTES = 600 };

static int fail(struct reading *reading, int error, const char *format, ...) MTR_PRINTF(3, 4);
static int fail(struct reading *reading, int error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(reading->fault, sizeof(reading->fault), format, args);
    va_end(args);
    mtr_line_make(reading->fault);
    return error;
}

/* ---- rows ---- */

struct mtr_event reading_row(const struct reading *reading, const struct mtr_event *event)
{
    struct mtr_event row = *event;
    row.vendor = reading->ask.strand.vendor;
    row.source = reading->source_name;
    if (!row.time_given) { /* a row without a time is of its window's begin */
        row.time_us = reading->ask.window.to_us ? reading->ask.window.from_us : reading->ask.began_us;
        row.time_given = reading->ask.window.to_us > 0;
    }
    if (reading->is_list && row.disposition == MTR_DISPOSITION_NORMAL)
        row.disposition = MTR_DISPOSITION_NOTE;
    return row;
}

static void add_text(struct mtr_event *row, struct mtr_property *properties, const char *name,
                     struct mtr_str text)
{
    if (!text.size) return;
    properties[row->property_count++] =
        (struct mtr_property){.name = mtr_str_from(name), .kind = MTR_PROPERTY_STRING, .text = text};
}

static void add_number(struct mtr_event *row, struct mtr_property *properties, const char *name,
                       uint64_t number)
{
    properties[row->property_count++] = (struct mtr_property){
        .name = mtr_str_from(name), .kind = MTR_PROPERTY_NUMBER, .number = {.mantissa = (mtr_int128)number}};
}

/* Text that the log takes: well formed, without NUL, not too long. */
static struct mtr_str kept_text(struct mtr_str text)
{
    const char *nul = text.size ? memchr(text.data, '\0', text.size) : NULL;
    if (nul) text.size = (size_t)(nul - text.data);
    const struct mtr_str begin = mtr_str_quoted(text, REFUSED_ROW_BYTES);
    return mtr_str_is_utf8(begin) ? begin : (struct mtr_str){NULL, 0};
}

/* In both passes. */
static uint32_t page_now(const struct reading *reading)
{
    return reading->is_applying ? reading->page_at : reading->page_count;
}

/* Its id is made of its bytes, so that the same row is the same in each reading; where they are not at hand,
 * of its place and the sentence. */
static int refused_id(struct reading *reading, struct mtr_arena *arena, struct mtr_str raw,
                      const struct mtr_diagnostic *problem, struct mtr_str *out)
{
    char id[40], place[400];
    if (!raw.size) {
        snprintf(place, sizeof(place), "%" PRIu32 ":%" PRIu32 ":%.300s", page_now(reading), problem->line,
                 problem->text);
        raw = mtr_str_from(place);
    }
    const XXH128_hash_t hash = XXH3_128bits(raw.data, raw.size);
    snprintf(id, sizeof(id), "!%016" PRIx64 "%016" PRIx64, (uint64_t)hash.high64, (uint64_t)hash.low64);
    return mtr_arena_copy(arena, mtr_str_from(id), out);
}

int reading_refused(struct reading *reading, struct mtr_arena *arena, const struct mtr_diagnostic *problem,
                    const struct mtr_record_place *place, struct mtr_event *out)
{
    const struct mtr_str raw = page_text_of(&reading->text, place);
    const struct mtr_str text = mtr_str_from(problem->text);
    char reason[MTR_PROPERTY_TEXT_BYTES_MAX];
    struct mtr_str said;
    struct mtr_property *properties = mtr_arena_calloc(arena, 5, sizeof(*properties));
    if (!properties) return MTR_ENOMEM;
    snprintf(reason, sizeof(reason), "%s%s%.*s%s", problem->field, problem->field[0] ? ": " : "",
             MTR_STR_ARGS(mtr_str_quoted(text, REASON_BYTES)), mtr_str_quoted_rest(text, REASON_BYTES));
    *out = (struct mtr_event){.type = MTR_STR(MTR_EVENT_TYPE_ROW),
                              .subject = reading->ask.strand.source,
                              .disposition = MTR_DISPOSITION_REFUSED,
                              .properties = properties};
    int rc = refused_id(reading, arena, raw, problem, &out->id);
    if (!rc) rc = mtr_arena_copy(arena, mtr_str_from(reason), &said);
    if (rc) return rc;
    add_text(out, properties, "row", kept_text(raw));
    add_number(out, properties, "page", page_now(reading));
    add_number(out, properties, "offset", place->offset);
    add_number(out, properties, "size", place->size);
    add_text(out, properties, MTR_EVENT_PROPERTY_REASON, said);
    return MTR_OK;
}

/* Rows that the intake would hold or refuse count nothing, as those that cannot be read. */
static enum judge_outlook outlook_of(struct reading *reading, const struct mtr_event *row)
{
    if (!reading->ask.catalog || reading->is_list) return JUDGE_WOULD_COUNT;
    return judge_outlook_of(reading->ask.catalog, row, &reading->judged);
}

static void place_row(struct reading *reading, int64_t time_us, struct read_row *row)
{
    const struct mtr_window *window = &reading->ask.window;
    if (!window->to_us) return;
    row->is_outside = time_us < window->from_us || time_us >= window->to_us;
    row->is_beyond = row->is_outside && time_us != window->to_us;
    const int64_t far_us = mtr_time_later(window->to_us - window->from_us, MTR_US_PER_DAY);
    row->is_far = window->from_us - time_us > far_us || time_us - window->to_us >= far_us;
    reading->rows_from_us = mtr_time_sooner(reading->rows_from_us, time_us);
    reading->rows_to_us = mtr_time_later(reading->rows_to_us, time_us);
}

/* Far from what was asked for, and where it counts for nobody: a date is written in another way. Terms and
 * the future alone are what they are. */
static bool is_misdated(const struct reading *reading, const struct read_row *row, int64_t time_us)
{
    const struct mtr_subscription *of = reading->judged.subscription;
    if (!row->is_far || !reading->ask.catalog || !of) return false;
    return time_us < of->start_us || time_us >= of->end_us ||
           time_us > reading->ask.began_us + MTR_US_PER_DAY;
}

/* A sum that does not fit is watched no further. */
static void weigh_row(struct reading *reading, const struct read_row *row)
{
    const struct mtr_decimal own = mtr_row_reader_row_sum(reading->reader);
    struct mtr_decimal sum;
    if (row->is_mute || row->is_passed || row->is_beyond) return;
    if (!mtr_decimal_add(reading->counting_sum, own, &sum)) reading->counting_sum = sum;
}

static int add_row(struct reading *reading, const struct mtr_event *event,
                   const struct mtr_diagnostic *problem)
{
    const struct reading_watch *watch = reading->ask.watch;
    const struct mtr_event row = reading_row(reading, event);
    struct read_row added = {.key = read_row_key(row.vendor, row.source, row.id, reading->ask.event_key),
                             .digest = read_row_digest(&row),
                             .ordinal = reading->ordinals++,
                             .is_refused = row.disposition == MTR_DISPOSITION_REFUSED};
    const enum judge_outlook outlook = added.is_refused ? JUDGE_WOULD_REFUSE : outlook_of(reading, &row);
    added.is_unknown = outlook == JUDGE_WOULD_HOLD;
    added.is_mute = added.is_unknown || outlook == JUDGE_WOULD_REFUSE;
    added.is_passed = outlook == JUDGE_WOULD_PASS;
    place_row(reading, row.time_us, &added);
    if (!added.is_mute) added.is_mute = is_misdated(reading, &added, row.time_us);
    weigh_row(reading, &added);
    const uint64_t said[3] = {added.key.high, added.key.low, added.digest};
    reading->page_rows_hash += XXH3_64bits(said, sizeof(said));
    reading->page_has_rows = true;
    const uint64_t most = reading->ask.source->guard.rows_max;
    int rc = reading_note_other(reading, &row);
    if (!rc) rc = read_rows_add(&reading->rows, &added, most);
    if (rc == MTR_ELIMIT)
        return fail(reading, rc,
                    "more than %" PRIu64 " rows (`guard.rows_max`): shorten the window, or raise it", most);
    return rc || !watch ? rc : watch->on_row(watch->context, &added, &row, problem);
}

/* A problem of the whole page (no record of its own) ends the reading; that of a row is kept. */
static int on_problem(void *context, const struct mtr_diagnostic *problem,
                      const struct mtr_record_place *place)
{
    struct reading *reading = context;
    if (!place || !place->number)
        return fail(reading, MTR_EINVALID, "line %" PRIu32 ": %s", problem->line, problem->text);
    struct mtr_event row;
    struct mtr_arena_mark mark = mtr_arena_mark(&reading->arena);
    int rc = reading_refused(reading, &reading->arena, problem, place, &row);
    if (!rc) rc = add_row(reading, &row, problem);
    mtr_arena_rewind(&reading->arena, mark);
    reading->problems++;
    return rc;
}

bool reading_is_unnamed(const struct mtr_event *event, const struct mtr_record_place *place,
                        struct mtr_diagnostic *problem)
{
    if (event->id.size && event->id.size <= READ_ROW_ID_BYTES_MAX) return false;
    mtr_diagnostic_set(problem, MTR_FINDING_IMPORT_VALUE, (uint32_t)place->line, 0, "id",
                       "it has %zu bytes, 1 to %d are taken", event->id.size, (int)READ_ROW_ID_BYTES_MAX);
    return true;
}

static int on_event(void *context, const struct mtr_event *event, const struct mtr_record_place *place)
{
    struct reading *reading = context;
    struct mtr_diagnostic problem;
    if (reading->ask.source->map.id.multiset && !reading_is_of_piece(reading, event))
        return fail(reading, MTR_EINVALID,
                    "line %" PRIu64 ": its time is not in the piece of the window that was asked for, so "
                    "without an id it cannot be told apart: give rows an `identity`, or a `time`",
                    place->line);
    if (reading_is_unnamed(event, place, &problem)) return on_problem(reading, &problem, place);
    if (event->time_given && event->time_us > reading->newest_us) reading->newest_us = event->time_us;
    return add_row(reading, event, NULL);
}

int reading_open_rows(struct reading *reading, const char **fault)
{
    mtr_row_reader_close(reading->reader);
    reading->reader = NULL;
    const struct mtr_row_hooks hooks = {on_event, on_problem, reading};
    const struct mtr_row_options options = {.format = &reading->ask.source->map.format,
                                            .wants = reading->wants,
                                            .want_count = reading->want_count,
                                            .sum_of = reading->watched,
                                            .constants = reading->constants,
                                            .constant_count = reading->constant_count,
                                            .may_be_empty = true,
                                            .seen = &reading->columns,
                                            .counted_from_us = reading->pieces.window.from_us};
    return mtr_row_reader_open(&reading->ask.source->map, &options, &hooks, &reading->reader, fault);
}

/* ---- pages ---- */

void reading_note_page(struct reading *reading)
{
    reading->page_count++;
    reading->page_has_rows = false;
    reading->page_rows_hash = 0;
    reading->rows_before = reading->counts.rows;
}

int reading_begin_page(struct reading *reading)
{
    const char *fault = "the page before cannot be kept";
    MTR_ASSERT(!reading->writer);
    if (reading->page_count == READING_PAGES_MAX)
        return fail(reading, MTR_ELIMIT, "more than %d pages", READING_PAGES_MAX);
    const bool is_first = reading->page_count == reading->pieces.begin.pages;
    int rc = reading_keep_held(reading);
    if (!rc && !is_first) rc = mtr_row_reader_turn(reading->reader, &fault);
    if (rc == MTR_EINVALID) return fail(reading, rc, "%s", fault);
    if (!rc)
        rc = page_write_open(reading->directory, reading->ask.number, reading->page_count + 1,
                             &reading->writer);
    if (rc) return rc;
    reading_note_page(reading);
    const struct page_text_to to = {.rows = reading->reader,
                                    .writer = reading->writer,
                                    .format = &reading->ask.source->map.format,
                                    .bytes_max = reading->ask.source->answer.bytes_max};
    return page_text_begin(&reading->text, &to);
}

int reading_explain(struct reading *reading, int rc)
{
    if (rc == MTR_ECORRUPT) return fail(reading, rc, "%s", reading->text.diagnostic.text);
    const uint64_t most = reading->ask.source->answer.bytes_max;
    if (rc == MTR_ELIMIT && !reading->fault[0])
        return reading->text.bytes > most
                   ? fail(reading, rc, "it has more than %" PRIu64 " bytes (`answer.bytes_max`)", most)
                   : fail(reading, rc, "a value of it, or its rows, are more than is taken at a time");
    if (rc == MTR_EINVALID && !reading->fault[0])
        return fail(reading, rc, "it cannot be read by the document's `format`: %s",
                    reading->text.diagnostic.text[0] ? reading->text.diagnostic.text : "it is another");
    return rc;
}

int reading_feed(struct reading *reading, struct mtr_str piece)
{
    if (!piece.size) return MTR_OK;
    return reading_explain(reading, page_text_read(&reading->text, piece));
}

static int keep_proof(struct reading *reading, enum reading_proof proof)
{
    if (reading->proof_wants[proof] < 0) return MTR_OK;
    struct mtr_found found = mtr_row_reader_found(reading->reader, (uint32_t)reading->proof_wants[proof]);
    if (found.kind == MTR_FOUND_NOTHING) return MTR_OK;
    int rc = mtr_arena_copy(&reading->arena, found.text, &found.text);
    if (!rc) reading->proofs[proof] = found;
    return rc;
}

int reading_count_page(struct reading *reading)
{
    int rc = MTR_OK;
    for (int proof = 0; !rc && proof < READING_PROOFS; proof++)
        rc = keep_proof(reading, (enum reading_proof)proof);
    reading->counts = reading_counts_so_far(reading);
    reading->page_rows = reading->counts.rows - reading->rows_before;
    return rc;
}

int reading_end_page(struct reading *reading)
{
    int rc = reading_explain(reading, page_text_end(&reading->text));
    if (!rc) {
        const bool is_held = page_write_end(reading->writer, &reading->page_hash);
        reading->held = reading->writer;
        reading->writer = NULL;
        if (!is_held || reading->page_count > 1) rc = reading_keep_held(reading);
    }
    return rc ? rc : reading_count_page(reading);
}

bool reading_page_has_rows(const struct reading *reading)
{
    return reading_counts_so_far(reading).rows > reading->rows_before;
}

void reading_drop_page(struct reading *reading)
{
    MTR_ASSERT(reading->writer && !reading_page_has_rows(reading));
    page_write_abort(reading->writer);
    reading->writer = NULL;
    page_text_release(&reading->text);
    reading->page_count--;
    reading->fault[0] = '\0';
}

const char *reading_fault(const struct reading *reading)
{
    return reading->fault[0] ? reading->fault : "the page cannot be kept";
}

struct mtr_found reading_found(const struct reading *reading, uint32_t want_index)
{
    MTR_ASSERT(want_index < reading->ask.want_count);
    return mtr_row_reader_found(reading->reader, want_index);
}

uint64_t reading_page_rows(const struct reading *reading) { return reading->page_rows; }

struct mtr_hash128 reading_page_hash(const struct reading *reading) { return reading->page_hash; }

uint64_t reading_page_rows_hash(const struct reading *reading) { return reading->page_rows_hash; }

uint32_t reading_page_count(const struct reading *reading) { return reading->page_count; }
