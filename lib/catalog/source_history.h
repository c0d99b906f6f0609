/*
 * What a source's earlier revisions say about it now: when its key was first applied, which is where its
 * windows begin when the document has no `window.start`, and which limits its windows had until when. Kept
 * with the documents, so it is the same after a restart, with a ledger that was made anew, and in a restored
 * backup. Private to lib/catalog.
 *
 * A key that was deleted was never used: when it comes again, it is new.
 */
#ifndef METERD_LIB_CATALOG_SOURCE_HISTORY_H
#define METERD_LIB_CATALOG_SOURCE_HISTORY_H

#include "lib/catalog/record.h"
#include "meterd/store/documents.h"

/* The revision behind `before` (NULL: it is the first), applied then. Other kinds have none. MTR_ENOMEM. */
int source_history_go_on(const struct mtr_record *before, struct mtr_record *now,
                         int64_t applied_us) MTR_MUST_USE;

/* Of a record that was decoded from its newest revision; it is released where that fails. MTR_ENOMEM,
 * MTR_ECORRUPT, MTR_EIO. */
int source_history_load(struct mtr_documents *documents, struct mtr_zones *zones,
                        const struct mtr_stored_document *newest, struct mtr_record *record) MTR_MUST_USE;

#endif
