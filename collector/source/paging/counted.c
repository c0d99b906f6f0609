/*
 * Pages that are counted.
 */
#include "collector/source/paging/counted.h"

#include <inttypes.h>
#include <stdio.h>

enum { WANT_TOTAL, WANT_HAS_MORE };

static void write_number(struct paging *paging)
{
    snprintf(paging->number_text, sizeof(paging->number_text), "%" PRIu64, paging->number);
}

int counted_open(struct paging *paging, struct mtr_str resume)
{
    const struct mtr_paging_count *count = paging->source->paging.count;
    (void)resume;
    paging_want(paging, MTR_WANT_OF_DOCUMENT, count->total);
    paging_want(paging, MTR_WANT_OF_DOCUMENT, count->has_more);
    paging->number = count->first;
    write_number(paging);
    snprintf(paging->limit_text, sizeof(paging->limit_text), "%" PRIu64, count->limit_value);
    return MTR_OK;
}

void counted_request(const struct paging *paging, struct paging_request *out)
{
    const struct mtr_paging_count *count = paging->source->paging.count;
    out->page = mtr_str_from(paging->number_text);
    paging_send(out, count->send, out->page, true);
    paging_send(out, count->limit, mtr_str_from(paging->limit_text), true);
}

int counted_next(struct paging *paging, const struct paging_page *page, bool moves, struct paging_end *end)
{
    const struct mtr_paging_count *count = paging->source->paging.count;
    const int has_more = paging_has_more(paging, page, WANT_HAS_MORE);
    const bool has_total = paging_count_of(paging_found(paging, page, WANT_TOTAL), &paging->total);
    const bool is_short = count->short_page_ends && page->rows < count->limit_value;
    *end = (struct paging_end){.is_marked = true};
    if (has_total && paging->rows >= paging->total) end->is_end = end->is_proved = true;
    else if (page->rows == 0 && paging->rows < paging->total)
        paging_fail(paging, end, PAGING_TRUNCATED, "an empty page came before all rows of the total");
    else if (page->rows == 0 && has_more == 1 && moves)
        paging_fail(paging, end, PAGING_TRUNCATED, "an empty page says that there is more");
    else end->is_end = has_more == 0 || (page->rows == 0 && has_more != 1) || is_short;
    paging->number = moves ? count->first + paging->rows : paging->number + 1;
    write_number(paging);
    return MTR_OK;
}
