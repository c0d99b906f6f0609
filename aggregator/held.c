/*
 * The rows of what is kept aside: held events, that wait for a subscription, or for a meter that can take
 * them, until release.c lets them flow; and quarantined ones.
 */
#include "aggregator/fold.h"

enum { STOP = 1 };

static struct mtr_held_event held_row(const struct mtr_event *event, enum mtr_held_reason reason,
                                      uint64_t seq)
{
    return (struct mtr_held_event){.reason = reason,
                                   .vendor = event->vendor,
                                   .name = reason == MTR_HELD_METER ? event->type : event->subject,
                                   .seq = seq};
}

int fold_hold(struct mtr_aggregator *aggregator, const struct mtr_event *event, enum mtr_held_reason reason,
              uint64_t seq, bool is_voided)
{
    struct mtr_held_event held = held_row(event, reason, seq);
    held.voided = is_voided;
    aggregator->state_changed = true;
    return mtr_rollups_put_held(aggregator->txn, &held);
}

int fold_find_held(struct mtr_aggregator *aggregator, const struct mtr_event *event, uint64_t seq,
                   struct mtr_held_event *held)
{
    *held = held_row(event, MTR_HELD_SUBSCRIPTION, seq);
    int rc = mtr_rollups_get_held(aggregator->txn, held);
    if (rc != MTR_ENOTFOUND) return rc;
    *held = held_row(event, MTR_HELD_METER, seq);
    return mtr_rollups_get_held(aggregator->txn, held);
}

static int on_any_held(void *context, const struct mtr_held_event *held)
{
    (void)held;
    *(bool *)context = true;
    return STOP;
}

int fold_is_any_held(struct mtr_aggregator *aggregator, enum mtr_held_reason reason, struct mtr_str vendor,
                     struct mtr_str name, bool *any)
{
    const struct mtr_held_event first = {.reason = reason, .vendor = vendor, .name = name};
    *any = false;
    int rc = mtr_rollups_walk_held(aggregator->txn, &first, on_any_held, any);
    return rc == STOP ? MTR_OK : rc;
}

int fold_quarantine(struct mtr_aggregator *aggregator, uint64_t seq, uint32_t meter, const char *reason,
                    const char *text)
{
    struct mtr_quarantined_event row = {seq, meter, mtr_str_from(reason), mtr_str_from(text)};
    aggregator->state_changed = true;
    return mtr_rollups_put_quarantined(aggregator->txn, &row);
}
