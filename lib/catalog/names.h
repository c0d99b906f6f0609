/*
 * Documents by the names that others have for them. Private to lib/catalog.
 */
#ifndef METERD_LIB_CATALOG_NAMES_H
#define METERD_LIB_CATALOG_NAMES_H

#include "lib/catalog/snapshot.h"
#include "meterd/store/documents.h"

/* Whose key it is: of a meter; of a tariff that which it says, or that of its meters. Empty: of none. */
struct mtr_str catalog_service_of(const struct mtr_catalog *catalog, const struct mtr_record *record);
/* By a name from anywhere, SERVICE/KEY or KEY: the eldest of that key. NULL: there is none. */
struct mtr_record *catalog_find_record(const struct mtr_catalog *catalog, enum mtr_catalog_kind kind,
                                       struct mtr_str name);
/* By a name that stands in a document of that service: first its own. */
struct mtr_record *catalog_find_in(const struct mtr_catalog *catalog, enum mtr_catalog_kind kind,
                                   struct mtr_str service, struct mtr_str name);
/* Of exactly that service, or of none when it is empty. */
struct mtr_record *catalog_find_own(const struct mtr_catalog *catalog, enum mtr_catalog_kind kind,
                                    struct mtr_str service, struct mtr_str key);

/* What a document that says that service (empty: none) and key would replace: a tariff that is of no service
 * may be given one. */
struct mtr_record *catalog_find_replaced(const struct mtr_catalog *catalog, enum mtr_catalog_kind kind,
                                         struct mtr_str service, struct mtr_str key);

/* Is there another one of its kind that has its key in its service, or in all? */
bool catalog_has_rival(const struct mtr_catalog *catalog, const struct mtr_record *record);

/* Notes the documents of the bundle that could not be decoded: what they will be called is no unknown name,
 * and what they will say is not known. MTR_ENOMEM. */
int catalog_await(struct mtr_catalog *catalog, const struct bundle *bundle) MTR_MUST_USE;
/* May a broken document be what is named? */
bool catalog_awaits(const struct mtr_catalog *catalog, enum mtr_catalog_kind kind, struct mtr_str name);

/* What to say of a name that nothing has: the nearest one; of what the draft deletes, that it is named. */
enum { CATALOG_UNKNOWN_TEXT_BYTES = 240 };
void catalog_unknown_text(const struct mtr_catalog *catalog, enum mtr_catalog_kind kind, struct mtr_str key,
                          const struct mtr_diagnostics *findings, char text[CATALOG_UNKNOWN_TEXT_BYTES]);

/* The end of a sentence about a component that no version of the tariff has, as mtr_str_meant makes it. */
const char *catalog_component_meant(const struct mtr_tariff_document *tariff, struct mtr_str key,
                                    char text[MTR_MEANT_BYTES]);

/* A finding when it cannot be deleted, since it was used, or may have been: a tariff that a revision of a
 * subscription or service names, an API key with which events were sent. */
int catalog_find_use(struct mtr_documents *documents, const struct mtr_catalog *catalog,
                     const struct mtr_record *record, struct mtr_diagnostics *findings) MTR_MUST_USE;

#endif
