/*
 * Held events of subjects; see held_subjects.h.
 */
#include "daemon/query/held_subjects.h"

#include <stdlib.h>

enum { STOP = 1 };

static int on_held(void *context, const struct mtr_held_event *held)
{
    (void)context, (void)held;
    return STOP;
}

static int is_any(struct mtr_rollups_txn *txn, enum mtr_held_reason reason, struct mtr_str vendor,
                  struct mtr_str name, bool *out)
{
    const struct mtr_held_event first = {.reason = reason, .vendor = vendor, .name = name};
    int rc = mtr_rollups_walk_held(txn, &first, on_held, NULL);
    *out = *out || rc == STOP;
    return rc == STOP ? MTR_OK : rc;
}

/* By its subject, or where that is another service's already by what its meters count. */
static int find_waiting(struct mtr_rollups_txn *txn, const struct mtr_catalog *draft,
                        const struct mtr_subscription *subscription, bool *out)
{
    const struct mtr_str vendor = subscription->service->vendor->key;
    const struct mtr_meter *meter;
    int rc = is_any(txn, MTR_HELD_SUBSCRIPTION, vendor, subscription->subject, out);
    for (uint32_t position = 0;
         !rc && subscription->same_subject_count &&
         (meter = mtr_catalog_next_meter(draft, subscription->service, &position)) != NULL;)
        rc = is_any(txn, MTR_HELD_METER, vendor, meter->event_type, out);
    return rc;
}

static int look(struct query_held_subjects *held, struct mtr_rollups_txn *txn,
                const struct mtr_catalog *stored, const struct mtr_catalog *draft)
{
    int rc = MTR_OK;
    for (uint32_t i = 1; !rc && i <= held->count; i++) {
        const struct mtr_subscription *subscription = mtr_catalog_subscription(draft, i);
        bool is_held = false;
        if (!subscription || mtr_catalog_subscription(stored, i)) continue;
        rc = find_waiting(txn, draft, subscription, &is_held);
        if (is_held) held->bits[i / 8] |= (uint8_t)(1U << i % 8);
    }
    return rc;
}

static bool is_any_new(const struct mtr_catalog *stored, const struct mtr_catalog *draft, uint32_t count)
{
    for (uint32_t i = 1; i <= count; i++)
        if (mtr_catalog_subscription(draft, i) && !mtr_catalog_subscription(stored, i)) return true;
    return false;
}

int query_held_open(struct query_held_subjects *held, struct mtr_rollups *rollups,
                    const struct mtr_catalog *stored, const struct mtr_catalog *draft)
{
    static const struct mtr_str all = {NULL, 0};
    struct mtr_rollups_txn *txn = NULL;
    bool any = false;
    *held = (struct query_held_subjects){.count = mtr_catalog_count(draft, MTR_KIND_SUBSCRIPTION)};
    if (!is_any_new(stored, draft, held->count)) return MTR_OK;
    int rc = mtr_rollups_begin(rollups, false, &txn);
    if (!rc) rc = is_any(txn, MTR_HELD_SUBSCRIPTION, all, all, &any);
    if (!rc) rc = is_any(txn, MTR_HELD_METER, all, all, &any);
    if (!rc && any) {
        held->bits = calloc((size_t)held->count / 8 + 1, 1);
        rc = held->bits ? look(held, txn, stored, draft) : MTR_ENOMEM;
    }
    if (txn) mtr_rollups_abort(txn);
    return rc;
}

void query_held_close(struct query_held_subjects *held)
{
    free(held->bits);
    held->bits = NULL;
}

bool query_is_held(const struct query_held_subjects *held, uint32_t subscription)
{
    return held->bits && held->bits[subscription / 8] & 1U << subscription % 8;
}
