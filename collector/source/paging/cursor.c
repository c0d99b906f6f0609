/*
 * A token of the next page, in the body. Empty pages end nothing: some vendors filter behind their cursor.
 *
 * Of a feed (window: {length: cursor}) the last token is what the next reading goes on from; one that names
 * itself again without a row has nothing new.
 */
#include "collector/source/paging/driver.h"

enum { WANT_TOKEN, WANT_HAS_MORE };

static int open_cursor(struct paging *paging, struct mtr_str resume)
{
    const struct mtr_paging_cursor *cursor = paging->source->paging.cursor;
    paging_want(paging, MTR_WANT_OF_DOCUMENT, cursor->path);
    paging_want(paging, MTR_WANT_OF_DOCUMENT, cursor->has_more);
    const bool is_feed = paging->source->window.length == MTR_LENGTH_CURSOR;
    if (!is_feed || resume.size > PAGING_TOKEN_BYTES_MAX) return MTR_OK;
    int rc = paging_set_text(&paging->token, resume);
    return rc ? rc : paging_set_text(&paging->resume, resume);
}

static void request_cursor(const struct paging *paging, struct paging_request *out)
{
    if (!paging->token.size) return;
    out->cursor = mtr_buffer_str(&paging->token);
    paging_send(out, paging->source->paging.cursor->send, out->cursor, false);
}

static int next_cursor(struct paging *paging, const struct paging_page *page, struct paging_end *end)
{
    const bool is_feed = paging->source->window.length == MTR_LENGTH_CURSOR;
    const struct mtr_found *found = paging_found(paging, page, WANT_TOKEN);
    const enum paging_token token = paging_token_of(found);
    const int has_more = paging_has_more(paging, page, WANT_HAS_MORE);
    const bool is_same =
        token == PAGING_TOKEN_GIVEN && mtr_str_equal(found->text, mtr_buffer_str(&paging->token));
    *end = (struct paging_end){.is_marked = has_more == 0 || token == PAGING_TOKEN_EMPTY};
    if (token == PAGING_TOKEN_WRONG || found->is_cut)
        paging_fail(paging, end, PAGING_INCOMPLETE, "the token of the next page is no text that can be sent");
    else if (token != PAGING_TOKEN_GIVEN && has_more == 1)
        paging_fail(paging, end, PAGING_TRUNCATED, "there is more, and no token to ask for it");
    else if (is_feed && is_same && page->rows == 0)
        *end = (struct paging_end){.is_end = true, .is_marked = true};
    else end->is_end = has_more == 0 || token != PAGING_TOKEN_GIVEN;
    if (end->step || token != PAGING_TOKEN_GIVEN || (end->is_end && !is_feed)) return MTR_OK;
    int rc = is_feed ? paging_set_text(&paging->resume, found->text) : MTR_OK;
    return rc || end->is_end ? rc : paging_take_token(paging, found->text, end);
}

const struct paging_driver paging_cursor = {.name = "cursor",
                                            .kind = MTR_PAGING_CURSOR,
                                            .open = open_cursor,
                                            .request = request_cursor,
                                            .next = next_cursor,
                                            .is_token = true};
