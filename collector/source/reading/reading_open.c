/*
 * A reading begins and ends: what is asked of its pages beside the rows, and where they are kept.
 */
#include <stdlib.h>
#include <string.h>

#include "collector/source/note.h"
#include "collector/source/reading/reading_state.h"

enum { ARENA_BYTES_MAX = 8 << 20 };

/* ---- what is looked for ---- */

static void want(struct reading *reading, enum reading_proof proof, struct mtr_str path)
{
    reading->proof_wants[proof] = -1;
    if (!path.size || reading->want_count == READING_WANTS_MAX) return;
    reading->proof_wants[proof] = (int32_t)reading->want_count;
    reading->wants[reading->want_count++] = (struct mtr_record_want){MTR_WANT_OF_DOCUMENT, path};
}

static void collect_wants(struct reading *reading)
{
    const struct mtr_source_complete *complete = &reading->ask.source->complete;
    MTR_ASSERT(reading->ask.want_count <= READING_WANTS_MAX - READING_PROOFS);
    if (reading->ask.want_count)
        memcpy(reading->wants, reading->ask.wants, reading->ask.want_count * sizeof(reading->wants[0]));
    reading->want_count = reading->ask.want_count;
    want(reading, READING_COUNT, complete->count);
    want(reading, READING_SUM, complete->sum);
    want(reading, READING_FLAG, complete->flag);
}

static bool is_number_of_one_column(const struct mtr_import_value *value)
{
    return value->kind == MTR_IMPORT_PARTS && value->part_count == 1 && value->parts[0].column >= 0 &&
           value->type != MTR_IMPORT_TEXT && !value->is_counter;
}

/* What the guard adds up: what the vendor proves, or else `quantity`, or else the first number. */
static struct mtr_str find_watched(const struct mtr_source *source)
{
    const size_t prefix = sizeof("data.") - 1;
    struct mtr_str first = {NULL, 0};
    if (source->complete.sum_of.size) return source->complete.sum_of;
    for (uint32_t i = 0; i < source->map.data_count; i++) {
        const struct mtr_import_value *value = &source->map.data[i];
        if (!is_number_of_one_column(value)) continue;
        const struct mtr_str name = {value->field.data + prefix, value->field.size - prefix};
        if (mtr_str_equal(name, MTR_STR("quantity"))) return name;
        if (!first.size && value->type == MTR_IMPORT_NUMBER) first = name;
    }
    return first;
}

/* ---- opening ---- */

int reading_begin_piece(struct reading *reading, struct mtr_window window, const char **fault)
{
    MTR_ASSERT(!reading->writer && !reading->is_applying);
    *fault = "the window is read in more pieces than are told apart: shorten it, or raise `window.split`";
    int rc = reading_note_piece(reading, window);
    if (rc == MTR_ELIMIT) return MTR_EINVALID;
    return rc ? rc : reading_open_rows(reading, fault);
}

int reading_open(const struct reading_ask *ask, struct reading **out, const char **fault)
{
    struct reading *reading = calloc(1, sizeof(*reading));
    if (!reading) return MTR_ENOMEM;
    reading->ask = *ask;
    reading->newest_us = INT64_MIN;
    reading->rows_from_us = ask->window.from_us;
    reading->rows_to_us = ask->window.to_us;
    reading->is_list = mtr_source_is_list(ask->source);
    reading->rows.memory = ask->memory;
    mtr_arena_init(&reading->arena, 4 << 10, ARENA_BYTES_MAX);
    *fault = "the document asks for more values of a page than are read";
    int rc = ask->want_count > READING_WANTS_MAX - READING_PROOFS ? MTR_EINVALID : MTR_OK;
    if (!rc) {
        const struct each each = {ask->source, &reading->ask.strand, ask->subscription};
        collect_wants(reading);
        reading->constant_count = each_columns(&each, reading->constants);
        reading->watched = find_watched(ask->source);
        pages_directory(ask->pages, &ask->strand, reading->directory);
        rc = note_source(ask->strand.source, &reading->arena, &reading->source_name);
    }
    if (!rc) rc = reading_begin_piece(reading, ask->piece.to_us ? ask->piece : ask->window, fault);
    if (!rc && ask->watch) ask->watch->on_begin(ask->watch->context);
    if (rc)
        reading_close(reading);
    else
        *out = reading;
    return rc;
}

void reading_close(struct reading *reading)
{
    if (!reading) return;
    if (reading->is_applying) applying_release(&reading->applying);
    page_read_close(reading->page_reader);
    page_write_abort(reading->writer);
    page_text_release(&reading->text);
    if (!reading_drop_held(reading) && !reading->is_kept)
        pages_remove(reading->directory, reading->ask.number, reading->page_count);
    free(reading->pieces.begins);
    reading_release_others(reading);
    drift_release(&reading->drift);
    columns_release(&reading->columns);
    mtr_row_reader_close(reading->reader);
    read_rows_release(&reading->rows);
    mtr_arena_release(&reading->arena);
    free(reading);
}
