/*
 * Numbered pages.
 */
#include "collector/source/paging/counted.h"

static int next_page(struct paging *paging, const struct paging_page *page, struct paging_end *end)
{
    return counted_next(paging, page, false, end);
}

const struct paging_driver paging_page = {.name = "page",
                                          .kind = MTR_PAGING_PAGE,
                                          .open = counted_open,
                                          .request = counted_request,
                                          .next = next_page};
