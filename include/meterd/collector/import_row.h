/*
 * One row of a vendor through a mapping: cells to an event. Pure; any thread.
 */
#ifndef METERD_COLLECTOR_IMPORT_ROW_H
#define METERD_COLLECTOR_IMPORT_ROW_H

#include <stdbool.h>

#include "meterd/core/arena.h"
#include "meterd/core/diagnostic.h"
#include "meterd/core/event.h"
#include "meterd/source/import_map.h"

/* The row as an event that borrows from cells, map and arena. cells: in the order of map->columns; one that
 * is not there has data == NULL. *skipped: it matches `skip`. MTR_EINVALID: diagnostic->field and ->text
 * say why. MTR_ENOMEM. */
int mtr_import_map_event(const struct mtr_import_map *map, const struct mtr_str *cells,
                         struct mtr_arena *arena, struct mtr_event *event, bool *skipped,
                         struct mtr_diagnostic *diagnostic) MTR_MUST_USE;

/* The map leaves such a row out (`skip`). */
bool mtr_import_map_skips(const struct mtr_import_map *map, const struct mtr_str *cells);

#endif
