/*
 * The pages that were kept of what a window has, gone through once more as those of this reading.
 *
 * What a window has is what the reading said that wrote of it last. Where another window's reading did (rows
 * of it have moved there), its pages say more than it has: the vendor is to be asked.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "collector/source/reading/reading_state.h"
#include "collector/source/reading/row_changes.h"

#define ASK_AGAIN "`meterd source run` asks the vendor again"

static int refuse(struct reading *reading, const char *format, ...) MTR_PRINTF(2, 3);
static int refuse(struct reading *reading, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(reading->fault, sizeof(reading->fault), format, args);
    va_end(args);
    return MTR_EINVALID;
}

/* ---- what is kept ---- */

/* The receipt behind the event that was written of the window last. */
static int read_receipt(struct reading *reading, struct mtr_log_reader *log, struct receipt *out)
{
    struct mtr_block_header header;
    struct mtr_diagnostic diagnostic;
    const struct mtr_event *events;
    const uint64_t seq = reading->ask.replay_seq;
    int rc = mtr_log_read(log, seq, &header, &events, &diagnostic);
    if (rc == MTR_ENOTFOUND || (!rc && header.first_seq > seq))
        return refuse(reading, "retention has removed what the log had of its rows: it stands as it is");
    if (rc) return rc;
    const uint32_t at = (uint32_t)(seq - header.first_seq);
    for (uint32_t i = at; i < header.count; i++)
        if (receipt_is(&events[i]) && row_change_is_of(&events[at], &events[i]))
            return receipt_read(&events[i], &reading->arena, out);
    return MTR_ECORRUPT;
}

static int check_receipt(struct reading *reading, const struct receipt *receipt)
{
    const bool is_own = receipt->start_us == reading->ask.window.from_us &&
                        receipt->reading == reading->ask.replays &&
                        mtr_str_equal(receipt->strand.each, reading->ask.strand.each);
    if (!is_own)
        return refuse(reading,
                      "rows of it have moved to another window since its pages were read: " ASK_AGAIN);
    if (!receipt->pages)
        return refuse(reading, "its pages were not kept (`pages.keep` was 0): " ASK_AGAIN);
    if (receipt->pieces > 1)
        return refuse(reading,
                      "it was read in %" PRIu32 " pieces, which its pages do not tell apart: " ASK_AGAIN,
                      receipt->pieces);
    return MTR_OK;
}

static int count_pages(struct reading *reading, uint32_t *pages)
{
    struct mtr_log_reader *log;
    struct receipt receipt;
    int rc = mtr_log_reader_attach(reading->ask.log, &log);
    if (rc) return rc;
    rc = read_receipt(reading, log, &receipt);
    if (!rc) rc = check_receipt(reading, &receipt);
    if (!rc) *pages = receipt.pages;
    mtr_log_reader_close(log);
    return rc;
}

/* ---- its pages ---- */

/* As it was kept: nothing is unpacked. */
static int feed(struct reading *reading, struct page_reader *page)
{
    struct mtr_str piece;
    int rc = page_text_again(&reading->text, reading->reader);
    while (!rc) {
        rc = page_read(page, &piece);
        if (rc || !piece.size) break;
        rc = page_text_pass(&reading->text, piece);
    }
    return rc ? rc : mtr_row_reader_end(reading->reader);
}

static int replay_page(struct reading *reading)
{
    const char *fault;
    struct page_reader *page;
    const uint32_t number = reading->page_count + 1;
    int rc = page_link(reading->directory, reading->ask.replays, reading->ask.number, number);
    if (rc) return rc;
    reading_note_page(reading);
    if (number > 1) rc = mtr_row_reader_turn(reading->reader, &fault);
    if (!rc) rc = page_read_open(reading->directory, reading->ask.number, number, &page);
    if (rc) return rc;
    rc = reading_explain(reading, feed(reading, page));
    page_read_close(page);
    return rc ? rc : reading_count_page(reading);
}

int reading_replay(struct reading *reading)
{
    uint32_t pages = 0;
    MTR_ASSERT(reading->ask.replays && !reading->page_count && !reading->writer);
    int rc = count_pages(reading, &pages);
    while (!rc && reading->page_count < pages)
        rc = replay_page(reading);
    if (rc != MTR_ENOTFOUND) return rc;
    return refuse(reading, "its pages are not kept any more (`pages.keep`): " ASK_AGAIN);
}
