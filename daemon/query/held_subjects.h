/*
 * Which subscriptions that are new in a draft have events that wait for them, and will count once it is in
 * force. Private to daemon/query/.
 */
#ifndef METERD_DAEMON_QUERY_HELD_SUBJECTS_H
#define METERD_DAEMON_QUERY_HELD_SUBJECTS_H

#include "meterd/catalog/catalog.h"
#include "meterd/store/rollups.h"

struct query_held_subjects {
    uint8_t *bits; /* by number; NULL: none */
    uint32_t count;
};

/* In a short read transaction; a look for each that is new. Errors: the store's, MTR_ENOMEM. */
int query_held_open(struct query_held_subjects *held, struct mtr_rollups *rollups,
                    const struct mtr_catalog *stored, const struct mtr_catalog *draft) MTR_MUST_USE;
void query_held_close(struct query_held_subjects *held); /* also one that is all zero */
bool query_is_held(const struct query_held_subjects *held, uint32_t subscription);

#endif
