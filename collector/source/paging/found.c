/*
 * What drivers make of values that were found in a page.
 */
#include "collector/source/link.h"
#include "collector/source/paging/driver.h"

void paging_want(struct paging *paging, enum mtr_record_want_of of, struct mtr_str path)
{
    MTR_ASSERT(paging->asked_count < PAGING_WANTS_MAX);
    paging->want_of[paging->asked_count++] = path.size ? (int32_t)paging->want_count : -1;
    if (path.size) paging->wants[paging->want_count++] = (struct mtr_record_want){of, path};
}

void paging_forget_wants(struct paging *paging)
{
    paging->asked_count = paging->want_count = 0;
}

const struct mtr_found *paging_found(const struct paging *paging, const struct paging_page *page,
                                     uint32_t want)
{
    static const struct mtr_found nothing = {.kind = MTR_FOUND_NOTHING};
    MTR_ASSERT(want < paging->asked_count);
    return paging->want_of[want] < 0 ? &nothing : &page->found[paging->want_of[want]];
}

void paging_send(struct paging_request *request, struct mtr_send send, struct mtr_str value, bool is_number)
{
    if (send.place == MTR_SEND_NOWHERE) return;
    MTR_ASSERT(request->change_count < PAGING_CHANGES_MAX);
    request->changes[request->change_count++] = (struct paging_change){send, value, is_number};
}

void paging_fail(struct paging *paging, struct paging_end *end, enum paging_alarm alarm, const char *fault)
{
    paging->alarm = alarm;
    paging->fault = fault;
    end->step = PAGING_FAILED;
}

static int has_more(const struct mtr_found *found)
{
    const struct mtr_str text = found->text;
    switch (found->kind) {
    case MTR_FOUND_NOTHING: return -1;
    case MTR_FOUND_REFUSED: /* something stands there */
    case MTR_FOUND_TRUE: return 1;
    case MTR_FOUND_NULL:
    case MTR_FOUND_FALSE: return 0;
    case MTR_FOUND_LIST:
    case MTR_FOUND_MAP: return found->count > 0;
    case MTR_FOUND_NUMBER:
    case MTR_FOUND_TEXT: break;
    }
    if (mtr_str_equal(text, MTR_STR("0")) || mtr_str_equal_lower(text, MTR_STR("false"))) return 0;
    return text.size > 0;
}

int paging_has_more(struct paging *paging, const struct paging_page *page, uint32_t want)
{
    const int more = has_more(paging_found(paging, page, want));
    paging->tells_more = more == 1;
    return more;
}

enum paging_token paging_token_of(const struct mtr_found *found)
{
    switch (found->kind) {
    case MTR_FOUND_NOTHING: return PAGING_TOKEN_ABSENT;
    case MTR_FOUND_NULL:
    case MTR_FOUND_FALSE: return PAGING_TOKEN_EMPTY;
    case MTR_FOUND_NUMBER:
    case MTR_FOUND_TEXT: return found->text.size ? PAGING_TOKEN_GIVEN : PAGING_TOKEN_EMPTY;
    case MTR_FOUND_LIST:
    case MTR_FOUND_MAP: return found->count ? PAGING_TOKEN_WRONG : PAGING_TOKEN_EMPTY;
    case MTR_FOUND_REFUSED:
    case MTR_FOUND_TRUE: break;
    }
    return PAGING_TOKEN_WRONG;
}

bool paging_count_of(const struct mtr_found *found, uint64_t *out)
{
    const bool is_scalar = found->kind == MTR_FOUND_NUMBER || found->kind == MTR_FOUND_TEXT;
    return is_scalar && mtr_str_to_u64(found->text, out);
}

int paging_set_text(struct mtr_buffer *buffer, struct mtr_str text)
{
    mtr_buffer_reset(buffer);
    return mtr_buffer_append_str(buffer, text);
}

int paging_take_token(struct paging *paging, struct mtr_str token, struct paging_end *end)
{
    int rc = paging_set_text(&paging->token, token);
    if (rc != MTR_ELIMIT) return rc;
    paging_fail(paging, end, PAGING_LIMIT, "the token of the next page has more than 32 KiB");
    return MTR_OK;
}

int paging_take_link(struct paging *paging, const struct source_call *from, struct mtr_str link,
                     struct paging_end *end)
{
    const char *fault;
    mtr_buffer_reset(&paging->token);
    int rc = source_link_resolve(from, link, paging->source, &paging->token, &fault);
    if (rc == MTR_EINVALID) paging_fail(paging, end, PAGING_LINK, fault);
    else if (rc == MTR_ELIMIT) paging_fail(paging, end, PAGING_LIMIT, "a link has more than 32 KiB");
    else return rc;
    return MTR_OK;
}
