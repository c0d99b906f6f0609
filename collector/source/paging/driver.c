/*
 * The row of each kind, in the order of its enumerators.
 */
#include "collector/source/paging/driver.h"

static const struct paging_driver *const drivers[] = {
    [MTR_PAGING_NONE] = &paging_none,
    [MTR_PAGING_PAGE] = &paging_page,
    [MTR_PAGING_OFFSET] = &paging_offset,
    [MTR_PAGING_CURSOR] = &paging_cursor,
    [MTR_PAGING_NEXT_URL] = &paging_next_url,
    [MTR_PAGING_LINK_HEADER] = &paging_link_header,
    [MTR_PAGING_AFTER_ID] = &paging_after_id,
    [MTR_PAGING_PARTS] = &paging_parts,
};

const struct paging_driver *paging_driver_of(enum mtr_paging_kind kind)
{
    MTR_ASSERT((size_t)kind < sizeof(drivers) / sizeof(*drivers) && drivers[kind]->kind == kind);
    return drivers[kind];
}
