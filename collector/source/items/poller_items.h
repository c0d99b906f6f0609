/*
 * The requests of `for_each: {rows: {of: LIST}}`: one for each value that the items of a list have, as the
 * ledger knows them. A value that has left the list is asked for in the windows that began before, until the
 * last of them is settled.
 *
 * Private to poller*.c.
 */
#ifndef METERD_COLLECTOR_SOURCE_ITEMS_POLLER_ITEMS_H
#define METERD_COLLECTOR_SOURCE_ITEMS_POLLER_ITEMS_H

#include "collector/source/poll/poller_state.h"

enum { POLLER_ITEMS_MAX = 100000 }; /* values of one source that are asked for */

/* A catalog was taken: values that were asked for still are, unless the source is of another list now, and a
 * pass over all that the list ever had begins. MTR_ENOMEM. */
int poller_take_items(struct mtr_poller *poller, struct poller_source *state) MTR_MUST_USE;
/* A reading of a source has changed its rows: those that go over them follow. */
void poller_items_changed(struct mtr_poller *poller, const struct poller_source *list);
/* Passes that are under way go on, by so many items that others have their turn. *next_us: at once, if any is
 * left. MTR_ENOMEM, and what the ledger says. */
int poller_go_on_items(struct mtr_poller *poller, int64_t now_us, int64_t *next_us) MTR_MUST_USE;

#endif
