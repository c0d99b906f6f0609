/*
 * What all kinds of paging have in common: loops, pages that are asked for once more, limits.
 */
#include "collector/source/paging/paging.h"

#include <stdlib.h>
#include <xxhash.h>

#include "collector/source/paging/driver.h"

int paging_open(const struct mtr_source *source, struct mtr_str resume, struct paging **out)
{
    struct paging *paging = calloc(1, sizeof(*paging));
    if (!paging) return MTR_ENOMEM;
    paging->source = source;
    paging->driver = paging_driver_of(source->paging.kind);
    mtr_buffer_init(&paging->token, PAGING_TOKEN_BYTES_MAX);
    mtr_buffer_init(&paging->resume, PAGING_TOKEN_BYTES_MAX);
    mtr_buffer_init(&paging->resume_text, PAGING_TOKEN_BYTES_MAX);
    mtr_arena_init(&paging->arena, 16 << 10, PAGING_PARTS_BYTES_MAX);
    int rc = paging->driver->open(paging, resume);
    if (rc) paging_close(paging);
    else *out = paging;
    return rc;
}

void paging_close(struct paging *paging)
{
    if (!paging) return;
    seen_release(&paging->seen_pages);
    seen_release(&paging->seen_rows);
    seen_release(&paging->seen_tokens);
    mtr_buffer_release(&paging->token);
    mtr_buffer_release(&paging->resume);
    mtr_buffer_release(&paging->resume_text);
    mtr_arena_release(&paging->arena);
    free(paging);
}

void paging_request(const struct paging *paging, struct paging_request *out)
{
    *out = (struct paging_request){.link = {NULL, 0}};
    paging->driver->request(paging, out);
}

const struct mtr_record_want *paging_wants(const struct paging *paging, uint32_t *count)
{
    *count = paging->want_count;
    return paging->wants;
}

const struct paging_list *paging_list(const struct paging *paging)
{
    return paging->is_listing ? &paging->list : NULL;
}

struct mtr_str paging_known_id(const struct paging *paging)
{
    const bool is_after_id = paging->driver == &paging_after_id;
    const bool looks_back = is_after_id && paging->source->paging.after_id->newest_first;
    return looks_back ? paging->known_id : (struct mtr_str){NULL, 0};
}

struct mtr_str paging_resume(const struct paging *paging)
{
    return mtr_buffer_str(&paging->resume);
}

enum paging_alarm paging_alarm(const struct paging *paging, const char **fault)
{
    *fault = paging->fault;
    return paging->alarm;
}

/* ---- answers ---- */

static int check_seen(struct paging *paging, struct seen *seen, uint64_t hash, const char *fault,
                      struct paging_end *end)
{
    bool was;
    int rc = seen_add(seen, hash, &was);
    if (!rc && was) paging_fail(paging, end, PAGING_LOOP, fault);
    return rc;
}

/* Files may be equal; pages with rows are not, unless the vendor gives the same one for ever. */
static int check_page(struct paging *paging, const struct paging_page *page, struct paging_end *end)
{
    if (page->rows == 0 || paging->driver == &paging_parts) return MTR_OK;
    int rc = check_seen(paging, &paging->seen_pages, page->hash.low, "a page came twice in one reading", end);
    if (!rc && !end->step && page->rows_hash)
        rc = check_seen(paging, &paging->seen_rows, page->rows_hash,
                        "the rows of a page came twice in one reading", end);
    return rc;
}

static int check_token(struct paging *paging, struct paging_end *end)
{
    const struct mtr_str token = mtr_buffer_str(&paging->token);
    if (!token.size || !(paging->driver->is_token || paging->is_listing)) return MTR_OK;
    const uint64_t seed = 1 + paging->renewals; /* a list that is asked anew has its tokens again */
    return check_seen(paging, &paging->seen_tokens, XXH3_64bits_withSeed(token.data, token.size, seed),
                      "the token of a next page came twice in one reading", end);
}

/* As many rows as any page had before, and no word of the vendor's that it is the last. */
static bool is_doubtful(const struct paging *paging, const struct paging_page *page,
                        const struct paging_end *end)
{
    return !end->is_marked && paging->pages > 1 && page->rows > 0 && page->rows >= paging->rows_most;
}

static const char at_limit[] = "there are exactly as many rows as the vendor gives at most";

static uint64_t rows_limit(const struct paging *paging)
{
    return paging->driver == &paging_parts ? 0 : paging->source->answer.rows_limit;
}

static void finish(struct paging *paging, const struct paging_page *page, struct paging_end *end)
{
    const uint64_t limit = rows_limit(paging);
    end->step = PAGING_END;
    if (limit && !end->is_proved && (page->rows == limit || paging->rows == limit))
        paging_fail(paging, end, PAGING_TRUNCATED, at_limit);
}

/* A feed goes on from what it has, whatever it was told of more. */
enum paging_alarm paging_absent(const struct paging *paging, uint64_t rows, const char **fault)
{
    const uint64_t came = paging->rows + rows, limit = rows_limit(paging);
    const bool is_feed = paging->source->window.length == MTR_LENGTH_CURSOR;
    *fault = "the vendor says that there is none, and has named parts";
    if (paging->driver == &paging_parts)
        return paging->pages || paging->part_count ? PAGING_INCOMPLETE : PAGING_FINE;
    *fault = "the vendor says that there is none, before all rows of the total";
    if (came < paging->total) return PAGING_TRUNCATED;
    *fault = "the vendor says that there is none, behind a page that says that there is more";
    if (paging->tells_more && !rows && !is_feed) return PAGING_TRUNCATED;
    *fault = at_limit;
    return limit && !paging->total && (came == limit || rows == limit) ? PAGING_TRUNCATED : PAGING_FINE;
}

static int go_on(struct paging *paging, const struct paging_page *page, bool was_again,
                 struct paging_end *end)
{
    if (end->step) return MTR_OK;
    if (end->is_end && !was_again && is_doubtful(paging, page, end)) {
        paging->is_again = true;
        end->step = PAGING_AGAIN;
    } else if (end->is_end) {
        finish(paging, page, end);
    } else if (paging->empty_pages == PAGING_EMPTY_MAX) {
        paging_fail(paging, end, PAGING_LOOP, "1000 pages in a row have no row, and another is promised");
    } else if (paging->pages == PAGING_PAGES_MAX) {
        paging_fail(paging, end, PAGING_LIMIT, "the reading has more than 100000 pages");
    } else {
        return check_token(paging, end);
    }
    return MTR_OK;
}

int paging_answered(struct paging *paging, const struct paging_page *page, enum paging_step *out)
{
    struct paging_end end = {.is_end = false};
    const bool was_again = paging->is_again;
    int rc = MTR_OK;
    MTR_ASSERT(!paging->alarm);
    paging->is_again = false;
    if (was_again) paging->rows = paging->rows_before;
    else paging->pages++;
    paging->empty_pages = page->rows || paging->driver == &paging_parts ? 0 : paging->empty_pages + 1;
    paging->rows_before = paging->rows;
    paging->rows += paging->is_listing ? 0 : page->rows;
    if (!was_again) rc = check_page(paging, page, &end);
    if (!rc && !end.step) rc = paging->driver->next(paging, page, &end);
    if (!rc) rc = go_on(paging, page, was_again, &end);
    if (page->rows > paging->rows_most) paging->rows_most = page->rows;
    *out = end.step;
    return rc;
}
