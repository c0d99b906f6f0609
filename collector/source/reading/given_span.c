/*
 * Where the times of a file's rows lie: one pass over it, of which nothing is kept.
 */
#include <stdarg.h>
#include <stdio.h>

#include "collector/source/reading/page_text.h"
#include "meterd/collector/given_file.h"

struct spanning {
    const struct mtr_window *window;
    struct mtr_given_span *span;
    char *fault;
};

static void say(struct spanning *spanning, const char *format, ...) MTR_PRINTF(2, 3);
static void say(struct spanning *spanning, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(spanning->fault, MTR_GIVEN_TEXT_BYTES, format, args);
    va_end(args);
}

static int on_event(void *context, const struct mtr_event *event, const struct mtr_record_place *place)
{
    struct spanning *spanning = context;
    struct mtr_given_span *span = spanning->span;
    const struct mtr_window *window = spanning->window;
    const bool is_first = span->rows == span->untimed;
    (void)place;
    span->rows++;
    span->inside += !event->time_given ||
                    (window && event->time_us >= window->from_us && event->time_us < window->to_us);
    if (!event->time_given) {
        span->untimed++;
        return MTR_OK;
    }
    if (is_first || event->time_us < span->first_us) span->first_us = event->time_us;
    if (is_first || event->time_us > span->last_us) span->last_us = event->time_us;
    return MTR_OK;
}

/* Of a row: the reading keeps it in quarantine. Of the whole: that is told. */
static int on_problem(void *context, const struct mtr_diagnostic *problem,
                      const struct mtr_record_place *place)
{
    struct spanning *spanning = context;
    if (place && place->number) return MTR_OK;
    say(spanning, "line %u: %s", (unsigned)problem->line, problem->text);
    return MTR_EINVALID;
}

static int read_all(struct mtr_row_reader *rows, const struct mtr_source *source, struct mtr_str bytes,
                    struct spanning *spanning)
{
    enum { PIECE_BYTES = 256 << 10 };
    struct page_text text = {0};
    const struct page_text_to to = {
        .rows = rows, .format = &source->map.format, .bytes_max = source->answer.bytes_max};
    int rc = page_text_begin(&text, &to);
    for (size_t at = 0; !rc && at < bytes.size; at += PIECE_BYTES) {
        const size_t size = bytes.size - at < PIECE_BYTES ? bytes.size - at : PIECE_BYTES;
        rc = page_text_read(&text, (struct mtr_str){bytes.data + at, size});
    }
    if (!rc) rc = page_text_end(&text);
    if (rc == MTR_ECORRUPT) say(spanning, "%s", text.diagnostic.text);
    if (rc == MTR_ELIMIT)
        say(spanning, "it has more than %llu bytes when it is unpacked (`answer.bytes_max`), or more rows "
                      "than are told apart", (unsigned long long)source->answer.bytes_max);
    page_text_release(&text);
    return rc;
}

int mtr_given_span(const struct mtr_source *source, struct mtr_str bytes, const struct mtr_window *window,
                   struct mtr_given_span *out, char fault[MTR_GIVEN_TEXT_BYTES])
{
    struct spanning spanning = {window, out, fault};
    const struct mtr_row_hooks hooks = {on_event, on_problem, &spanning};
    const struct mtr_row_options options = {.format = &source->map.format, .may_be_empty = true};
    struct mtr_row_reader *rows = NULL;
    const char *said = "";
    *out = (struct mtr_given_span){0};
    fault[0] = '\0';
    int rc = mtr_row_reader_open(&source->map, &options, &hooks, &rows, &said);
    if (rc == MTR_EINVALID) say(&spanning, "%s", said);
    if (!rc) rc = read_all(rows, source, bytes, &spanning);
    if (rc == MTR_EINVALID && !fault[0]) say(&spanning, "it cannot be read");
    mtr_row_reader_close(rows);
    return rc;
}
