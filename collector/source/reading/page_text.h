/*
 * The bytes of a page on their way to the reader of rows: unpacked, and in UTF-8.
 *
 *   page_text_begin ─▶ page_text_read … ─▶ page_text_end        then the next page
 *
 * What comes out is also what the page keeps (pages.h). A zip is read from its end, so its bytes stand in a
 * nameless file until then. The last stretch of text stays at hand, so that a row which is refused can be
 * kept as it was written. One thread.
 */
#ifndef METERD_COLLECTOR_SOURCE_READING_PAGE_TEXT_H
#define METERD_COLLECTOR_SOURCE_READING_PAGE_TEXT_H

#include <stdio.h>

#include "collector/source/reading/pages.h"
#include "meterd/collector/row_reader.h"
#include "meterd/collector/transcode.h"
#include "meterd/collector/unpack.h"
#include "meterd/core/buffer.h"

struct page_text {
    struct mtr_row_reader *rows; /* borrowed */
    struct page_writer *writer;  /* borrowed; NULL: the text is not kept */
    const struct mtr_row_format *format;
    struct mtr_unpack *unpack;
    struct mtr_transcode *transcode;
    FILE *zip;
    bool has_begun;           /* a first piece came */
    struct mtr_buffer recent; /* text from recent_offset on */
    uint64_t recent_offset, bytes_max, bytes;
    struct mtr_diagnostic diagnostic; /* of what cannot be unpacked */
};

/* bytes_max: of the page's text; all is borrowed until the end. MTR_ENOMEM. */
struct page_text_to {
    struct mtr_row_reader *rows;
    struct page_writer *writer;
    const struct mtr_row_format *format;
    uint64_t bytes_max;
};
int page_text_begin(struct page_text *text, const struct page_text_to *to) MTR_MUST_USE;
/* What the reader of rows says, and MTR_ECORRUPT with text->diagnostic; MTR_ELIMIT: more text than
 * bytes_max. */
int page_text_read(struct page_text *text, struct mtr_str piece) MTR_MUST_USE;
int page_text_end(struct page_text *text) MTR_MUST_USE;
void page_text_release(struct page_text *text);

/* A page's text once more, as the page has kept it: nothing is unpacked. */
int page_text_again(struct page_text *text, struct mtr_row_reader *rows) MTR_MUST_USE;
int page_text_pass(struct page_text *text, struct mtr_str piece) MTR_MUST_USE;

/* The bytes of a record of this page, as far as they are still at hand. */
struct mtr_str page_text_of(const struct page_text *text, const struct mtr_record_place *place);

#endif
