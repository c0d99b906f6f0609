/*
 * What rows of a dry run would bill, in the answer of whoever made it. Private to routes.
 */
#ifndef METERD_DAEMON_API_ROUTE_SOURCE_SOURCE_BILL_H
#define METERD_DAEMON_API_ROUTE_SOURCE_SOURCE_BILL_H

#include "daemon/api/api.h"
#include "meterd/collector/dry_rows.h"
#include "meterd/core/shape.h"

struct source_bill_row {
    struct mtr_list sums, periods;
    int64_t as_of;
    uint64_t looked_at, priced, further;
    uint32_t windows;
    bool complete, has_problem;
    struct mtr_str problem;
};
extern const struct mtr_shape source_bill_shape;

/* On a thread of the pool: some seconds at most the first time. What was told of the rows once is told again,
 * as long as the catalog is the same. Everything is in the call's arena. Releases the rows. Errors: those of
 * the stores, MTR_ENOMEM. */
int source_bill(struct api_call *call, struct mtr_dry_rows *rows, struct source_bill_row *out) MTR_MUST_USE;

#endif
