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

/* The source's strands are those of the list as it is now. all: also of values that left it before the last
 * look. MTR_ENOMEM, and what the ledger says. */
int poller_take_items(struct mtr_poller *poller, struct poller_source *state, bool all) MTR_MUST_USE;
/* A reading of a source is in: those that go over its rows follow. */
int poller_items_changed(struct mtr_poller *poller, const struct poller_source *list) MTR_MUST_USE;

#endif
