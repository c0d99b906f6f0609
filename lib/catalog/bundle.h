/*
 * A plan: the documents that a text holds, each with its kind, key, canonical JSON and the record it would
 * replace. Private to lib/catalog.
 */
#ifndef METERD_LIB_CATALOG_BUNDLE_H
#define METERD_LIB_CATALOG_BUNDLE_H

#include "lib/catalog/snapshot.h"

struct mtr_plan_item {
    enum mtr_catalog_kind kind;
    struct mtr_str key;
    const struct mtr_node *node;
    struct mtr_str json; /* canonical: the key first, then the fields in the order written, nulls left out */
    struct mtr_record *stored;  /* of the snapshot in force, borrowed; NULL: new */
    struct mtr_record *decoded; /* owned; NULL when equal to the stored one, or not decoded yet */
    bool unchanged;
};

struct mtr_plan {
    struct mtr_plan_item *items;
    uint32_t count, capacity;
    struct mtr_arena arena;
};

void bundle_init(struct mtr_plan *plan);
void bundle_release(struct mtr_plan *plan);

/* `kind` NULL: a text of many documents. `current` is borrowed as long as the plan. Errors: MTR_EINVALID
 * with findings, MTR_ENOMEM. */
int bundle_read(struct mtr_plan *plan, const struct mtr_node *root, const enum mtr_catalog_kind *kind,
                struct mtr_str key, const struct mtr_catalog *current,
                struct mtr_diagnostics *findings) MTR_MUST_USE;

#endif
