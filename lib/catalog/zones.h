/*
 * Time zones shared by name: a counted cache that subscriptions of many snapshots point into. Private to
 * lib/catalog.
 *
 * Only the store's apply adds zones (one thread at a time); zones themselves are immutable and read by any
 * thread.
 */
#ifndef METERD_LIB_CATALOG_ZONES_H
#define METERD_LIB_CATALOG_ZONES_H

#include "meterd/core/error.h"
#include "meterd/core/zone.h"

struct mtr_zones;

int zones_open(struct mtr_zones **out) MTR_MUST_USE; /* with one reference */
struct mtr_zones *zones_acquire(struct mtr_zones *zones);
void zones_release(struct mtr_zones *zones); /* the last closes every zone; NULL is fine */

/* The zone of that name, opened once; borrowed for as long as a reference is held. Errors as
 * mtr_zone_open. */
int zones_get(struct mtr_zones *zones, struct mtr_str name, struct mtr_zone **out) MTR_MUST_USE;

#endif
