/*
 * unpack ─▶ transcode ─▶ rows, put together for one page at a time.
 */
#include "collector/source/reading/page_text.h"

#include <errno.h>
#include <string.h>

enum { RECENT_BYTES_MAX = 3 << 20, RECENT_BYTES_KEPT = 1 << 20 };

static int keep_recent(struct page_text *text, struct mtr_str piece)
{
    struct mtr_buffer *recent = &text->recent;
    if (recent->size + piece.size > RECENT_BYTES_MAX && recent->size > RECENT_BYTES_KEPT) {
        const size_t dropped = recent->size - RECENT_BYTES_KEPT;
        memmove(recent->data, recent->data + dropped, RECENT_BYTES_KEPT);
        recent->size = RECENT_BYTES_KEPT;
        text->recent_offset += dropped;
    }
    return mtr_buffer_append(recent, piece.data, piece.size);
}

static int on_utf8(void *context, struct mtr_str piece)
{
    struct page_text *text = context;
    text->bytes += piece.size;
    if (text->bytes > text->bytes_max) return MTR_ELIMIT;
    int rc = text->writer ? page_write(text->writer, piece) : MTR_OK;
    if (!rc) rc = keep_recent(text, piece);
    return rc ? rc : mtr_row_reader_read(text->rows, piece);
}

static int on_text(void *context, struct mtr_str piece)
{
    struct page_text *text = context;
    return text->transcode ? mtr_transcode_read(text->transcode, piece, &text->diagnostic)
                           : on_utf8(text, piece);
}

int page_text_begin(struct page_text *text, const struct page_text_to *given)
{
    const struct mtr_row_format *format = given->format;
    page_text_release(text);
    *text = (struct page_text){
        .rows = given->rows, .writer = given->writer, .format = format, .bytes_max = given->bytes_max};
    mtr_buffer_init(&text->recent, 2 * RECENT_BYTES_MAX);
    const struct mtr_unpack_to to = {
        .on_text = on_text, .context = text, .has_encoding = format->encoding.size > 0};
    int rc = mtr_unpack_open(&to, &text->unpack);
    if (!rc && format->encoding.size)
        rc = mtr_transcode_open(format->encoding.data, on_utf8, text, &text->transcode);
    if (rc) page_text_release(text);
    return rc;
}

void page_text_release(struct page_text *text)
{
    mtr_unpack_close(text->unpack);
    mtr_transcode_close(text->transcode);
    if (text->zip) fclose(text->zip);
    mtr_buffer_release(&text->recent);
    text->unpack = NULL;
    text->transcode = NULL;
    text->zip = NULL;
}

int page_text_read(struct page_text *text, struct mtr_str piece)
{
    if (!text->has_begun && mtr_unpack_is_zip(piece)) {
        text->zip = tmpfile();
        if (!text->zip) return mtr_error_from_errno(errno);
    }
    text->has_begun = true;
    if (!text->zip) return mtr_unpack_read(text->unpack, piece, &text->diagnostic);
    return fwrite(piece.data, 1, piece.size, text->zip) < piece.size ? mtr_error_from_errno(errno) : MTR_OK;
}

static int read_zip(struct page_text *text)
{
    const struct mtr_unpack_to to = {
        .on_text = on_text, .context = text, .has_encoding = text->format->encoding.size > 0};
    const char *entry = text->format->entry.size ? text->format->entry.data : NULL;
    if (fflush(text->zip)) return mtr_error_from_errno(errno);
    return mtr_unpack_zip(fileno(text->zip), entry, &to, &text->diagnostic);
}

int page_text_end(struct page_text *text)
{
    int rc = text->zip ? read_zip(text) : mtr_unpack_end(text->unpack, &text->diagnostic);
    if (!rc && text->transcode) rc = mtr_transcode_end(text->transcode, &text->diagnostic);
    return rc ? rc : mtr_row_reader_end(text->rows);
}

int page_text_again(struct page_text *text, struct mtr_row_reader *rows)
{
    page_text_release(text);
    *text = (struct page_text){.rows = rows, .bytes_max = UINT64_MAX};
    mtr_buffer_init(&text->recent, 2 * RECENT_BYTES_MAX);
    return MTR_OK;
}

int page_text_pass(struct page_text *text, struct mtr_str piece) { return on_utf8(text, piece); }

struct mtr_str page_text_of(const struct page_text *text, const struct mtr_record_place *place)
{
    const uint64_t end = text->recent_offset + text->recent.size;
    if (!place->size || place->offset < text->recent_offset || place->offset >= end)
        return (struct mtr_str){NULL, 0};
    const size_t at = (size_t)(place->offset - text->recent_offset);
    const size_t left = text->recent.size - at;
    return (struct mtr_str){text->recent.data + at, place->size < left ? (size_t)place->size : left};
}
