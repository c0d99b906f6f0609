/*
 * The registry of destination kinds.
 */
#include "meterd/emitter/destination.h"

static const struct mtr_destination_driver *const drivers[] = {&mtr_destination_http};

const struct mtr_destination_driver *mtr_destination_driver_of(enum mtr_destination_kind kind)
{
    for (size_t i = 0; i < sizeof(drivers) / sizeof(*drivers); i++)
        if (drivers[i]->kind == kind) return drivers[i];
    MTR_ASSERT(!"known destination kind");
    return NULL;
}
