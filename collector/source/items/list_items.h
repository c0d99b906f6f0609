/*
 * Lists: sources whose rows are no usage, but name what others ask for (`for_each: {rows: …}`). Their rows
 * have the type `meterd.item`; they are notes in the log, belong to no subscription and count nowhere, and
 * the ledger knows the items that there are, and when each of them went.
 *
 *   map: {type: =meterd.item, subject: accountId, data: {region: region}}
 *
 * Pure but for the ledger.
 */
#ifndef METERD_COLLECTOR_SOURCE_ITEMS_LIST_ITEMS_H
#define METERD_COLLECTOR_SOURCE_ITEMS_LIST_ITEMS_H

#include "collector/source/reading/row_changes.h"
#include "meterd/source/source.h"

bool list_items_is(const struct mtr_event *event);
/* The event of a list's reading at `seq` is in the fold. change: what it says of a row. */
int list_items_fold(struct mtr_ledger_txn *txn, const struct receipt *receipt, const struct mtr_event *event,
                    const struct row_change *change) MTR_MUST_USE;

#endif
