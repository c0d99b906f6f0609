/*
 * No paging: an answer is whole.
 */
#include "collector/source/paging/driver.h"

static int open_none(struct paging *paging, struct mtr_str resume)
{
    (void)paging;
    (void)resume;
    return MTR_OK;
}

static void request_none(const struct paging *paging, struct paging_request *out)
{
    (void)paging;
    (void)out;
}

static int next_none(struct paging *paging, const struct paging_page *page, struct paging_end *end)
{
    (void)paging;
    (void)page;
    *end = (struct paging_end){.is_end = true, .is_marked = true};
    return MTR_OK;
}

const struct paging_driver paging_none = {
    .name = "none", .kind = MTR_PAGING_NONE, .open = open_none, .request = request_none, .next = next_none};
