/*
 * What page and offset share: numbers that are sent, and an end that is an empty page, a total, or has_more.
 * Private to paging/.
 */
#ifndef METERD_COLLECTOR_SOURCE_PAGING_COUNTED_H
#define METERD_COLLECTOR_SOURCE_PAGING_COUNTED_H

#include "collector/source/paging/driver.h"

int counted_open(struct paging *paging, struct mtr_str resume) MTR_MUST_USE;
void counted_request(const struct paging *paging, struct paging_request *out);
/* Is there an end? Sets paging->number to what follows, else. `moves`: by rows, not by one. */
int counted_next(struct paging *paging, const struct paging_page *page, bool moves,
                 struct paging_end *end) MTR_MUST_USE;

#endif
