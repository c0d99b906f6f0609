/*
 * One meter document by itself, outside of any catalog: what `meterd price` reads from a bundle.
 */
#ifndef METERD_CATALOG_METER_H
#define METERD_CATALOG_METER_H

#include "meterd/catalog/catalog.h"
#include "meterd/core/document.h"

/* Checks the document and fills key, unit, dimensions and everything that says how its values are
 * measured; service and filters stay empty, and the number 0. Allocated from the arena. MTR_EINVALID with
 * findings, MTR_ENOMEM. */
int mtr_meter_read(const struct mtr_node *node, struct mtr_arena *arena, struct mtr_meter *out,
                   struct mtr_diagnostics *findings) MTR_MUST_USE;

#endif
