/*
 * What the rows of a reading came to, as the daemon's answers tell it: in tables, and as an exit status.
 * Private to daemon/cli.
 */
#ifndef METERD_DAEMON_CLI_SOURCE_SOURCE_COUNTS_H
#define METERD_DAEMON_CLI_SOURCE_SOURCE_COUNTS_H

#include "daemon/cli/table.h"
#include "meterd/core/document.h"

/* ROWS to HELD. */
void source_counts_columns(struct mtr_table *table);
void source_counts_cells(struct mtr_table *table, const struct mtr_node *answer);
void source_counts_no_cells(struct mtr_table *table); /* there was no reading */

/* How many of its rows count nowhere, and have to be looked at. */
uint64_t source_in_quarantine(const struct mtr_node *answer);

/* Behind why it was not taken: that --accept takes it. Empty where that does not help. */
const char *source_accept_hint(const struct mtr_node *answer);

#endif
