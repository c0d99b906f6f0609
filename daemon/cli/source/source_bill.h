/*
 * What a dry run would bill, as tables: billing periods whose bill would be another, and sums by currency.
 * Main's thread. Private to daemon/cli.
 */
#ifndef METERD_DAEMON_CLI_SOURCE_SOURCE_BILL_H
#define METERD_DAEMON_CLI_SOURCE_SOURCE_BILL_H

#include "meterd/core/document.h"

/* The `bill` of an answer; nothing where it has none. */
void source_bill_print(const struct mtr_node *answer);

#endif
