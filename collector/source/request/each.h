/*
 * What for_each gives the request at work: `{each.MEMBER}` of its templates, and columns `each.MEMBER` of its
 * rows. Pure.
 */
#ifndef METERD_COLLECTOR_SOURCE_REQUEST_EACH_H
#define METERD_COLLECTOR_SOURCE_REQUEST_EACH_H

#include "meterd/catalog/subscription.h"
#include "meterd/core/schema.h"
#include "meterd/source/source.h"
#include "meterd/store/ledger.h"

struct each {
    const struct mtr_source *source;
    const struct mtr_strand *strand;
    const struct mtr_subscription *subscription; /* of for_each: subscription; NULL else */
};

enum { EACH_COLUMNS_MAX = 4 }; /* of one source: subject, key, customer; or one, by its own name */

/* Members are those that the document was checked for. No data: there is none. Borrowed from what stands
 * above. */
struct mtr_str each_value(const struct each *each, struct mtr_str member);
/* The columns of the source's map that are not of its rows, with their values. Returns how many. */
uint32_t each_columns(const struct each *each, struct mtr_label columns[EACH_COLUMNS_MAX]);

#endif
