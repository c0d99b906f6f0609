/*
 * Documents by the names that others have for them. Private to lib/catalog.
 */
#ifndef METERD_LIB_CATALOG_NAMES_H
#define METERD_LIB_CATALOG_NAMES_H

#include "lib/catalog/snapshot.h"
#include "meterd/store/documents.h"

/* NULL: there is none. */
struct mtr_record *catalog_find_record(const struct mtr_catalog *catalog, enum mtr_catalog_kind kind,
                                       struct mtr_str key);

/* What to say of a name that nothing has: the nearest one; of what the draft deletes, that it is named. */
enum { CATALOG_UNKNOWN_TEXT_BYTES = 240 };
void catalog_unknown_text(const struct mtr_catalog *catalog, enum mtr_catalog_kind kind, struct mtr_str key,
                          const struct mtr_diagnostics *findings, char text[CATALOG_UNKNOWN_TEXT_BYTES]);

/* A finding when a revision of a subscription or service of the catalog names the tariff. */
int catalog_find_past_name(struct mtr_documents *documents, const struct mtr_catalog *catalog,
                           struct mtr_str tariff, struct mtr_diagnostics *findings) MTR_MUST_USE;

#endif
