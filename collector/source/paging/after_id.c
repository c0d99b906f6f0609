/*
 * The last row's id is sent to get what is behind it (Stripe and its like).
 *
 * Newest first, "behind" is older: a reading begins with the newest row and walks back, for a feed until a
 * row is met that is known. Ids of one second come in no order, and a row may be committed after one that is
 * newer: with `time` and `since` the last second that is known is asked again, and rows of it are told apart
 * by their ids.
 *
 * A feed goes on from the newest row: "SIZE:IDTIME".
 */
#include <inttypes.h>
#include <string.h>

#include "collector/source/paging/driver.h"

enum { WANT_HAS_MORE, WANT_LAST_ID, WANT_LAST_TIME, WANT_FIRST_ID, WANT_FIRST_TIME };

/* What paging_resume gave; anything else is as nothing. */
static void read_resume(struct paging *paging)
{
    const struct mtr_str text = mtr_buffer_str(&paging->resume_text);
    const char *colon = text.size ? memchr(text.data, ':', text.size) : NULL;
    uint64_t size;
    if (!colon || !mtr_str_to_u64((struct mtr_str){text.data, (size_t)(colon - text.data)}, &size)) return;
    const size_t left = text.size - (size_t)(colon + 1 - text.data);
    if (size == 0 || size > left) return;
    paging->known_id = (struct mtr_str){colon + 1, (size_t)size};
    paging->known_time = (struct mtr_str){colon + 1 + size, left - (size_t)size};
}

static int write_resume(struct paging *paging, struct mtr_str id, struct mtr_str time)
{
    mtr_buffer_reset(&paging->resume);
    int rc = mtr_buffer_printf(&paging->resume, "%zu:", id.size);
    if (!rc) rc = mtr_buffer_append_str(&paging->resume, id);
    return rc ? rc : mtr_buffer_append_str(&paging->resume, time);
}

static int open_after_id(struct paging *paging, struct mtr_str resume)
{
    const struct mtr_paging_after_id *after_id = paging->source->paging.after_id;
    paging_want(paging, MTR_WANT_OF_DOCUMENT, after_id->has_more);
    paging_want(paging, MTR_WANT_OF_LAST_RECORD, after_id->id);
    paging_want(paging, MTR_WANT_OF_LAST_RECORD, after_id->time);
    paging_want(paging, MTR_WANT_OF_FIRST_RECORD, after_id->id);
    paging_want(paging, MTR_WANT_OF_FIRST_RECORD, after_id->time);
    const bool is_feed = paging->source->window.length == MTR_LENGTH_CURSOR;
    if (!is_feed || resume.size > PAGING_TOKEN_BYTES_MAX) return MTR_OK;
    int rc = paging_set_text(&paging->resume_text, resume);
    if (!rc) rc = paging_set_text(&paging->resume, resume);
    if (rc) return rc;
    read_resume(paging);
    if (!paging->known_id.size) mtr_buffer_reset(&paging->resume);
    paging->asks_since = after_id->since.place != MTR_SEND_NOWHERE && paging->known_time.size > 0;
    const bool begins_behind = paging->known_id.size && !after_id->newest_first && !paging->asks_since;
    return begins_behind ? paging_set_text(&paging->token, paging->known_id) : MTR_OK;
}

static void request_after_id(const struct paging *paging, struct paging_request *out)
{
    const struct mtr_paging_after_id *after_id = paging->source->paging.after_id;
    if (paging->asks_since) paging_send(out, after_id->since, paging->known_time, false);
    if (!paging->token.size) return;
    out->cursor = mtr_buffer_str(&paging->token);
    paging_send(out, after_id->send, out->cursor, false);
}

/* Newest first it is the first page's first row, else each page's last one. */
static int keep_newest(struct paging *paging, const struct paging_page *page)
{
    const bool newest_first = paging->source->paging.after_id->newest_first;
    const struct mtr_found *id = paging_found(paging, page, newest_first ? WANT_FIRST_ID : WANT_LAST_ID);
    const uint32_t want_time = newest_first ? WANT_FIRST_TIME : WANT_LAST_TIME;
    const struct mtr_found *time = paging_found(paging, page, want_time);
    if (newest_first && paging->pages > 1) return MTR_OK;
    return write_resume(paging, id->text, time->text);
}

static int next_after_id(struct paging *paging, const struct paging_page *page, struct paging_end *end)
{
    const int has_more = paging_has_more(paging, page, WANT_HAS_MORE);
    const struct mtr_found *last = paging_found(paging, page, WANT_LAST_ID);
    const bool is_id = paging_token_of(last) == PAGING_TOKEN_GIVEN && !last->is_cut;
    const bool is_met = page->has_known && !paging->asks_since; /* by `since` the vendor ends it */
    *end = (struct paging_end){.is_end = page->rows == 0 || has_more == 0 || is_met, .is_marked = true};
    if (page->rows == 0 && has_more == 1)
        paging_fail(paging, end, PAGING_TRUNCATED, "an empty page says that there is more");
    else if (page->rows > 0 && !is_id)
        paging_fail(paging, end, PAGING_INCOMPLETE, "the last row has no id to go on from");
    if (end->step || page->rows == 0) return MTR_OK;
    int rc = keep_newest(paging, page);
    if (rc == MTR_ELIMIT) paging_fail(paging, end, PAGING_LIMIT, "a row's id has more than 32 KiB");
    else if (rc) return rc;
    return end->step || end->is_end ? MTR_OK : paging_take_token(paging, last->text, end);
}

const struct paging_driver paging_after_id = {.name = "after_id",
                                              .kind = MTR_PAGING_AFTER_ID,
                                              .open = open_after_id,
                                              .request = request_after_id,
                                              .next = next_after_id,
                                              .is_token = true};
