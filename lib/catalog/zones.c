/*
 * Zone cache: a sorted array of the few hundred names that exist, searched by halving. Bounded by the names
 * of tzdata.
 */
#include "lib/catalog/zones.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { ZONES_MAX = 2048 }; /* tzdata has about 600 names, links included */

struct mtr_zones {
    atomic_uint references;
    uint32_t count;
    struct mtr_zone *sorted[ZONES_MAX];
};

int zones_open(struct mtr_zones **out)
{
    struct mtr_zones *zones = calloc(1, sizeof(*zones));
    if (!zones) return MTR_ENOMEM;
    atomic_init(&zones->references, 1);
    *out = zones;
    return MTR_OK;
}

struct mtr_zones *zones_acquire(struct mtr_zones *zones)
{
    atomic_fetch_add_explicit(&zones->references, 1, memory_order_relaxed);
    return zones;
}

void zones_release(struct mtr_zones *zones)
{
    if (!zones || atomic_fetch_sub_explicit(&zones->references, 1, memory_order_acq_rel) > 1) return;
    for (uint32_t i = 0; i < zones->count; i++) mtr_zone_close(zones->sorted[i]);
    free(zones);
}

/* Index of the first zone whose name is not before `name`. */
static uint32_t lower_bound(const struct mtr_zones *zones, struct mtr_str name)
{
    uint32_t low = 0, high = zones->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (mtr_str_compare(mtr_str_from(mtr_zone_name(zones->sorted[middle])), name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

int zones_get(struct mtr_zones *zones, struct mtr_str name, struct mtr_zone **out)
{
    uint32_t at = lower_bound(zones, name);
    if (at < zones->count && mtr_str_equal(mtr_str_from(mtr_zone_name(zones->sorted[at])), name)) {
        *out = zones->sorted[at];
        return MTR_OK;
    }
    if (zones->count == ZONES_MAX) return MTR_EFULL;
    struct mtr_zone *zone = NULL;
    int rc = mtr_zone_open(name, &zone);
    if (rc) return rc;
    memmove(&zones->sorted[at + 1], &zones->sorted[at], (zones->count - at) * sizeof(struct mtr_zone *));
    zones->sorted[at] = zone;
    zones->count++;
    *out = zone;
    return MTR_OK;
}
