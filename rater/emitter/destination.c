/*
 * The registry of destination kinds, and pull: receivers come for their charges (rater/pull.h), so nothing is
 * sent.
 */
#include "meterd/emitter/destination.h"

const struct mtr_destination_driver mtr_destination_pull = {
    .name = "pull", .kind = MTR_DESTINATION_PULL, .push = false};

static const struct mtr_destination_driver *const DRIVERS[] = {&mtr_destination_http, &mtr_destination_pull};

const struct mtr_destination_driver *mtr_destination_driver_of(enum mtr_destination_kind kind)
{
    for (size_t i = 0; i < sizeof(DRIVERS) / sizeof(*DRIVERS); i++)
        if (DRIVERS[i]->kind == kind) return DRIVERS[i];
    MTR_ASSERT(!"known destination kind");
    return NULL;
}
