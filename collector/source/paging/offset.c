/*
 * Offsets. They move by the rows that came, not by those that were asked for: a vendor that caps its pages
 * loses nothing.
 */
#include "collector/source/paging/counted.h"

static int next_offset(struct paging *paging, const struct paging_page *page, struct paging_end *end)
{
    return counted_next(paging, page, true, end);
}

const struct paging_driver paging_offset = {.name = "offset",
                                            .kind = MTR_PAGING_OFFSET,
                                            .open = counted_open,
                                            .request = counted_request,
                                            .next = next_offset};
