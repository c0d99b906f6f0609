/*
 * The values that a source of `for_each: {rows: …}` goes over, as sets: how many of them a window needs, and
 * the sum of their strands. Made of the items of the list when that has changed, so that a look at a window
 * costs the same whatever their number.
 *
 * A value needs the windows that begin before it left the list, as the poller asks for them. Windows of
 * others are there as well, of values that were renamed or taken from another column: where there are more
 * than are needed, each is looked at, once for each number of them.
 *
 * Owned by a rater; read transactions of the ledger. Memory: 48 bytes a value. Thread: the rater's.
 */
#ifndef METERD_RATER_SOURCE_ITEMS_H
#define METERD_RATER_SOURCE_ITEMS_H

#include "meterd/catalog/catalog.h"
#include "meterd/source/source.h"
#include "meterd/source/window.h"
#include "meterd/store/ledger.h"

enum { SOURCE_ITEMS_MAX = 1000000 }; /* more are not told apart, and none of their windows is whole */

struct source_items;

/* What the ledger has now of the source's values, those that left before `from_us` not counted. *items is the
 * list of all that were made so far, NULL at first; *looked_at grows by what was gone through. */
int source_items_find(struct source_items **items, struct mtr_ledger_txn *txn,
                      const struct mtr_source *source, int64_t from_us, struct source_items **out,
                      uint32_t *looked_at) MTR_MUST_USE;
/* Those of sources that the catalog no longer has as they were. */
void source_items_sweep(struct source_items **items, const struct mtr_catalog *catalog);
void source_items_free(struct source_items **items); /* all of them */

/* How many values need the window. */
uint64_t source_items_count(const struct source_items *items, int64_t window_from_us);
/* Has each of these its window, whatever its state? total: of all windows of the source that are there. */
int source_items_are_there(struct source_items *items, struct mtr_ledger_txn *txn,
                           const struct mtr_window *window, const struct mtr_ledger_total *total, bool *out,
                           uint32_t *looked_at) MTR_MUST_USE;
/* Of a source without windows: has each of them a good reading that began at `read_us` or later, or since it
 * left? */
int source_items_are_read(struct source_items *items, struct mtr_ledger_txn *txn, int64_t read_us, bool *out,
                          uint32_t *looked_at) MTR_MUST_USE;

#endif
