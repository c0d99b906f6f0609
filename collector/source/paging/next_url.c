/*
 * The next page's URL, in the body.
 */
#include "collector/source/paging/driver.h"

enum { WANT_URL, WANT_HAS_MORE };

static int open_next_url(struct paging *paging, struct mtr_str resume)
{
    (void)resume;
    paging_want(paging, MTR_WANT_OF_DOCUMENT, paging->source->paging.next_path);
    paging_want(paging, MTR_WANT_OF_DOCUMENT, paging->source->paging.next_has_more);
    return MTR_OK;
}

static void request_link(const struct paging *paging, struct paging_request *out)
{
    out->link = mtr_buffer_str(&paging->token);
}

static int next_url(struct paging *paging, const struct paging_page *page, struct paging_end *end)
{
    const struct mtr_found *found = paging_found(paging, page, WANT_URL);
    const enum paging_token token = paging_token_of(found);
    const int has_more = paging_has_more(paging, page, WANT_HAS_MORE);
    *end = (struct paging_end){.is_end = has_more == 0 || token != PAGING_TOKEN_GIVEN,
                               .is_marked = has_more == 0 || token == PAGING_TOKEN_EMPTY};
    if (token == PAGING_TOKEN_WRONG || found->is_cut)
        paging_fail(paging, end, PAGING_INCOMPLETE, "the link to the next page is no text");
    else if (token != PAGING_TOKEN_GIVEN && has_more == 1)
        paging_fail(paging, end, PAGING_TRUNCATED, "there is more, and no link to it");
    return end->step || end->is_end ? MTR_OK : paging_take_link(paging, page->call, found->text, end);
}

const struct paging_driver paging_next_url = {.name = "next_url",
                                              .kind = MTR_PAGING_NEXT_URL,
                                              .open = open_next_url,
                                              .request = request_link,
                                              .next = next_url,
                                              .is_token = true};
