/*
 * What a dry run would bill, as tables: billing periods whose bill would be another, and sums by currency.
 * Main's thread. Private to daemon/cli.
 */
#ifndef METERD_DAEMON_CLI_SOURCE_SOURCE_BILL_H
#define METERD_DAEMON_CLI_SOURCE_SOURCE_BILL_H

#include "daemon/cli/table.h"
#include "meterd/core/document.h"

struct source_bill {
    struct mtr_table *periods, *sums;
    bool of_windows; /* each window is told by itself */
    uint32_t count, rows; /* of bills; of their periods */
    uint64_t looked_at, priced, further;
};

void source_bill_open(struct source_bill *bill, bool of_windows);
/* The `bill` of an answer, where it has one; `window`: which it is of. */
void source_bill_add(struct source_bill *bill, const struct mtr_node *answer, struct mtr_str window);
void source_bill_print(struct source_bill *bill); /* and closes it */

#endif
