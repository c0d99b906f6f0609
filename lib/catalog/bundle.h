/*
 * A bundle: the documents that a text holds, each with its kind, key, canonical JSON and the record it would
 * replace. Private to lib/catalog.
 */
#ifndef METERD_LIB_CATALOG_BUNDLE_H
#define METERD_LIB_CATALOG_BUNDLE_H

#include "lib/catalog/snapshot.h"

struct bundle_item {
    enum mtr_catalog_kind kind;
    struct mtr_str key;        /* as it stands in the document */
    struct mtr_str stored_key; /* that it is stored by: another one for each document */
    const struct mtr_node *node;
    struct mtr_str json; /* canonical: the key first, then the fields in the order written, nulls left out */
    struct mtr_record *stored;  /* of the snapshot in force, borrowed; NULL: new */
    struct mtr_record *decoded; /* owned; NULL when equal to the stored one, or not decoded yet */
    bool unchanged;
};

struct bundle {
    struct bundle_item *items;
    uint32_t count, capacity;
    uint32_t broken; /* items that could not be decoded */
    int64_t applied_us; /* of what it makes */
    struct mtr_record *deleted; /* of the snapshot in force, borrowed; NULL: none */
    int read; /* what reading it returned: its findings are reported with those of what it would make */
    struct mtr_arena arena;
};

void bundle_init(struct bundle *bundle);
void bundle_release(struct bundle *bundle);

/* `kind` NULL: a text of many documents. `current` is borrowed as long as the bundle. Errors: MTR_EINVALID
 * with findings, MTR_ENOMEM. */
int bundle_read(struct bundle *bundle, const struct mtr_node *root, const enum mtr_catalog_kind *kind,
                struct mtr_str key, const struct mtr_catalog *current,
                struct mtr_diagnostics *findings) MTR_MUST_USE;

/* The service that a document says, of meters and tariffs; a tariff of none may be of none. */
struct mtr_str bundle_service_of(enum mtr_catalog_kind kind, const struct mtr_node *node);
struct mtr_catalog_change;
/* What it changes, by name. */
void bundle_write_names(const struct bundle *bundle, struct mtr_catalog_change *change);

#endif
