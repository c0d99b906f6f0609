/*
 * The second pass of a reading: its pages once more, to the parts that go to the intake. Text is fed in small
 * pieces, so that a part is hardly larger than asked for.
 */
#include <stdlib.h>

#include "collector/source/reading/reading_state.h"

enum { PIECE_BYTES = 16 << 10 };

static int on_problem(void *context, const struct mtr_diagnostic *problem,
                      const struct mtr_record_place *place)
{
    struct reading *reading = context;
    struct mtr_event row;
    if (!place || !place->number) return MTR_ECORRUPT; /* the first pass had none */
    struct mtr_arena_mark mark = mtr_arena_mark(&reading->arena);
    int rc = reading_refused(reading, &reading->arena, problem, place, &row);
    if (!rc) {
        const struct mtr_event read = reading_row(reading, &row);
        rc = applying_row(&reading->applying, &read);
    }
    mtr_arena_rewind(&reading->arena, mark);
    return rc;
}

static int on_event(void *context, const struct mtr_event *event, const struct mtr_record_place *place)
{
    struct reading *reading = context;
    struct mtr_diagnostic problem;
    if (reading_is_unnamed(event, place, &problem)) return on_problem(reading, &problem, place);
    const struct mtr_event row = reading_row(reading, event);
    return applying_row(&reading->applying, &row);
}

static bool wants(void *context)
{
    struct reading *reading = context;
    return applying_wants(&reading->applying);
}

static int open_again(struct reading *reading, const struct reading_piece *piece)
{
    const char *fault;
    const struct mtr_row_hooks hooks = {on_event, on_problem, reading};
    const struct mtr_row_options options = {.format = &reading->ask.source->map.format,
                                            .gather_bytes = PIECE_BYTES,
                                            .constants = reading->constants,
                                            .constant_count = reading->constant_count,
                                            .may_be_empty = true,
                                            .counted_from_us = piece->from_us,
                                            .is_wanted = wants};
    mtr_row_reader_close(reading->reader);
    reading->reader = NULL;
    return mtr_row_reader_open(&reading->ask.source->map, &options, &hooks, &reading->reader, &fault);
}

static int open_page(struct reading *reading)
{
    const char *fault;
    reading->page_at++;
    const struct reading_piece *piece = reading_piece_at(reading, reading->page_at);
    int rc = reading_keep_held(reading);
    if (!rc) rc = piece ? open_again(reading, piece) : mtr_row_reader_turn(reading->reader, &fault);
    if (!rc)
        rc = page_read_open(reading->directory, reading->ask.number, reading->page_at, &reading->page_reader);
    return rc ? rc : page_text_again(&reading->text, reading->reader);
}

static int end_page(struct reading *reading)
{
    page_read_close(reading->page_reader);
    reading->page_reader = NULL;
    return mtr_row_reader_end(reading->reader);
}

/* A piece of text more. *ended: there is none. */
static int feed_on(struct reading *reading, bool *ended)
{
    *ended = !reading->page_reader && reading->page_at == reading->page_count;
    if (*ended) return MTR_OK;
    int rc = reading->page_reader ? MTR_OK : open_page(reading);
    if (!rc && !reading->rest.size) rc = page_read(reading->page_reader, &reading->rest);
    if (rc) return rc;
    if (!reading->rest.size) return end_page(reading);
    const size_t size = reading->rest.size < PIECE_BYTES ? reading->rest.size : PIECE_BYTES;
    const struct mtr_str piece = {reading->rest.data, size};
    reading->rest = (struct mtr_str){reading->rest.data + size, reading->rest.size - size};
    return page_text_pass(&reading->text, piece);
}

/* Before the log names them: what a window has is what the pages say whose reading has written of it last. */
static int keep_pages(struct reading *reading)
{
    const struct merge *merge = &reading->applying.merge;
    const bool is_news = merge->added || merge->void_count || merge->retried;
    if (reading->is_kept || !is_news || !reading->ask.source->pages_keep_us || reading->ask.is_trial)
        return MTR_OK;
    int rc = reading_keep_held(reading);
    if (!rc) rc = pages_sync(reading->directory, reading->ask.number, reading->page_count);
    reading->is_kept = !rc;
    if (!rc) reading->applying.receipt.pages = reading->page_count;
    return rc;
}

int reading_part(struct reading *reading, struct mtr_str cursor, struct mtr_request **out, bool *is_last)
{
    const struct merge *merge = &reading->applying.merge;
    const bool is_unchanged = !merge->added && !merge->changed && !merge->moved && !merge->retried;
    bool ended = is_unchanged; /* nothing of the rows is sent: they need not be gone through */
    int rc = MTR_OK;
    MTR_ASSERT(reading->is_applying);
    while (!rc && !ended && !applying_is_full(&reading->applying))
        rc = feed_on(reading, &ended);
    if (rc) return rc;
    reading->applying.receipt.cursor = cursor;
    rc = keep_pages(reading);
    if (rc) return rc;
    return applying_part(&reading->applying, ended, out, is_last);
}

void reading_reuse(struct reading *reading, struct mtr_request *part)
{
    MTR_ASSERT(reading->is_applying);
    applying_reuse(&reading->applying, part);
}

int reading_note(struct reading *reading, const struct verdict *verdict, struct mtr_request **out)
{
    const struct merge *merge = &reading->applying.merge;
    struct part part;
    struct receipt receipt = reading->applying.receipt;
    MTR_ASSERT(reading->is_applying && verdict->alarm);
    receipt.part = 1;
    receipt.is_last = true;
    receipt.added = receipt.changed = receipt.gone = 0;
    receipt.same = merge->known; /* the window keeps what it has */
    receipt.problem = mtr_str_from(verdict->problem);
    int rc = part_begin(&part, &reading->ask.strand, reading->ask.number, (struct part_room){0});
    if (!rc) rc = part_finish(&part, &receipt, out);
    if (rc) part_release(&part);
    return rc;
}
