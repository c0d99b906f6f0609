/*
 * What the catalog has learned since the last step, and meters that come late.
 *
 * A meter that is new for its service and event type needs nothing but the release of what is held for it:
 * nothing of that type has counted yet. A meter beside others of the same service and type has missed what
 * was folded before it: it reads the log again from the type's first sequence up to where the main fold first
 * knew it. fold.h has the law that keeps every event counted once.
 */
#include "aggregator/fold.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define CATALOG_FACT MTR_STR("catalog")

enum { STOP = 1 };

static int add_catch_up(struct mtr_aggregator *aggregator, const struct mtr_catch_up *catch_up)
{
    MTR_ASSERT(catch_up->meter > 0 && catch_up->next_seq <= catch_up->end_seq);
    if (aggregator->catch_up_count == aggregator->catch_up_capacity) {
        uint32_t capacity = aggregator->catch_up_capacity ? aggregator->catch_up_capacity * 2 : 16;
        if (capacity > MTR_CATCH_UPS_MAX) return MTR_ELIMIT;
        struct mtr_catch_up *grown = realloc(aggregator->catch_ups, (size_t)capacity * sizeof(*grown));
        if (!grown) return MTR_ENOMEM;
        aggregator->catch_ups = grown;
        aggregator->catch_up_capacity = capacity;
    }
    aggregator->catch_ups[aggregator->catch_up_count++] = *catch_up;
    return MTR_OK;
}

static int on_catch_up(void *context, struct mtr_str name, struct mtr_str value)
{
    const size_t prefix = sizeof(MTR_FACT_CATCH_UP) - 1;
    if (name.size != prefix + 4 || value.size != 16) return MTR_ECORRUPT;
    const unsigned char *p = (const unsigned char *)name.data + prefix;
    struct mtr_catch_up catch_up = {
        .meter = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3],
        .next_seq = fact_read_u64(value.data),
        .end_seq = fact_read_u64(value.data + 8),
    };
    if (catch_up.meter == 0 || catch_up.next_seq > catch_up.end_seq) return MTR_ECORRUPT;
    return add_catch_up(context, &catch_up);
}

static int on_any_fact(void *context, struct mtr_str name, struct mtr_str value)
{
    (void)name;
    (void)value;
    *(bool *)context = true;
    return STOP;
}

int fold_load(struct mtr_aggregator *aggregator)
{
    aggregator->catch_up_count = 0;
    aggregator->releasing = false;
    aggregator->flowing = false;
    int rc = mtr_rollups_walk_facts(aggregator->txn, MTR_STR(MTR_FACT_CATCH_UP), on_catch_up, aggregator);
    if (rc) return rc;
    rc = mtr_rollups_walk_facts(aggregator->txn, MTR_STR("release/"), on_any_fact, &aggregator->releasing);
    if (rc == MTR_OK || rc == STOP)
        rc = mtr_rollups_walk_facts(aggregator->txn, MTR_STR(MTR_FACT_FLOW), on_any_fact,
                                    &aggregator->flowing);
    return rc == STOP ? MTR_OK : rc;
}

/* A release to do when anything is held by that name. */
static int plan_release(struct mtr_aggregator *aggregator, enum mtr_held_reason reason, struct mtr_str vendor,
                        struct mtr_str name, uint32_t number)
{
    bool any;
    int rc = fold_is_any_held(aggregator, reason, vendor, name, &any);
    if (rc || !any) return rc;
    struct mtr_fact_name fact = fact_number(
        reason == MTR_HELD_METER ? MTR_FACT_RELEASE_METER : MTR_FACT_RELEASE_SUBSCRIPTION, number);
    aggregator->releasing = true;
    return fact_put_u64(aggregator, &fact, 0, NULL);
}

/* A subject that had another service only: events of this one's types were held for a meter. */
static int release_types(struct mtr_aggregator *aggregator, const struct mtr_service *service)
{
    const struct mtr_meter *meter;
    int rc = MTR_OK;
    for (uint32_t position = 0;
         !rc && (meter = mtr_catalog_next_meter(aggregator->catalog, service, &position)) != NULL;)
        rc = plan_release(aggregator, MTR_HELD_METER, service->vendor->key, meter->event_type,
                          meter->number);
    return rc;
}

static int attach_subscriptions(struct mtr_aggregator *aggregator, uint32_t known, uint32_t count)
{
    bool any;
    int rc = fold_is_any_held(aggregator, MTR_HELD_SUBSCRIPTION, (struct mtr_str){NULL, 0},
                              (struct mtr_str){NULL, 0}, &any);
    for (uint32_t number = known + 1; !rc && number <= count; number++) {
        const struct mtr_subscription *subscription = mtr_catalog_subscription(aggregator->catalog, number);
        if (subscription && any)
            rc = plan_release(aggregator, MTR_HELD_SUBSCRIPTION, subscription->service->vendor->key,
                              subscription->subject, number);
        if (!rc && subscription && subscription->same_subject_count)
            rc = release_types(aggregator, subscription->service);
    }
    return rc;
}

/* Was a meter of the same service and type known before? */
static bool has_elder(const struct mtr_aggregator *aggregator, const struct mtr_meter *meter, uint32_t known)
{
    const struct mtr_meter *const *meters;
    uint32_t count = mtr_catalog_find_meters(aggregator->catalog, meter->service, meter->event_type, &meters);
    for (uint32_t i = 0; i < count; i++)
        if (meters[i]->number <= known) return true;
    return false;
}

static int attach_meter(struct mtr_aggregator *aggregator, const struct mtr_meter *meter, uint32_t known,
                        uint64_t next_seq)
{
    struct mtr_str vendor = meter->service->vendor->key;
    int rc = plan_release(aggregator, MTR_HELD_METER, vendor, meter->event_type, meter->number);
    if (rc || !has_elder(aggregator, meter, known)) return rc;
    struct mtr_catch_up catch_up = {.meter = meter->number, .end_seq = next_seq};
    struct mtr_fact_name type = fact_type(vendor, meter->event_type);
    rc = fact_get_u64(aggregator, &type, &catch_up.next_seq);
    if (rc) return rc == MTR_ENOTFOUND ? MTR_OK : rc; /* no event of that type yet */
    if (catch_up.next_seq > catch_up.end_seq) return MTR_ECORRUPT;
    MTR_ASSERT(meter->number > known); /* those known before counted from the beginning */
    struct mtr_fact_name fact = fact_number(MTR_FACT_CATCH_UP, meter->number);
    rc = fact_put_u64(aggregator, &fact, catch_up.next_seq, &catch_up.end_seq);
    return rc ? rc : add_catch_up(aggregator, &catch_up);
}

static struct mtr_fact_name catalog_fact(void)
{
    struct mtr_fact_name fact = {.size = CATALOG_FACT.size};
    memcpy(fact.data, CATALOG_FACT.data, CATALOG_FACT.size);
    return fact;
}

int fold_known_meters(struct mtr_aggregator *aggregator, uint32_t *out)
{
    const struct mtr_fact_name fact = catalog_fact();
    uint64_t known = 0;
    int rc = fact_get_u64(aggregator, &fact, &known);
    *out = (uint32_t)known;
    return rc == MTR_ENOTFOUND ? MTR_OK : rc;
}

int fold_attach(struct mtr_aggregator *aggregator, uint64_t next_seq)
{
    const struct mtr_fact_name fact = catalog_fact();
    uint64_t known = 0;
    uint32_t subscriptions = mtr_catalog_count(aggregator->catalog, MTR_KIND_SUBSCRIPTION);
    uint32_t meters = mtr_catalog_count(aggregator->catalog, MTR_KIND_METER);
    uint64_t now = (uint64_t)subscriptions << 32 | meters;
    int rc = fact_get_u64(aggregator, &fact, &known);
    if ((rc && rc != MTR_ENOTFOUND) || known == now) return rc == MTR_ENOTFOUND ? MTR_OK : rc;
    uint32_t known_subscriptions = (uint32_t)(known >> 32), known_meters = (uint32_t)known;
    if (known_subscriptions > subscriptions || known_meters > meters) {
        mtr_diagnostic_set(aggregator->diagnostic, MTR_FINDING_STORE_OLDER, 0, 0, NULL,
                           "the catalog has %" PRIu32 " subscriptions and %" PRIu32
                           " meters, but the rollups were folded with %" PRIu32 " and %" PRIu32
                           ": this is an older catalog",
                           subscriptions, meters, known_subscriptions, known_meters);
        return MTR_ECORRUPT;
    }
    rc = attach_subscriptions(aggregator, known_subscriptions, subscriptions);
    for (uint32_t number = known_meters + 1; !rc && number <= meters; number++) {
        const struct mtr_meter *meter = mtr_catalog_meter(aggregator->catalog, number);
        if (meter) rc = attach_meter(aggregator, meter, known_meters, next_seq);
    }
    return rc ? rc : fact_put_u64(aggregator, &fact, now, NULL);
}

/* The sequences of a stretch that are voided, one ahead. */
struct voided_ahead {
    uint64_t target_seq; /* UINT64_MAX: no more */
    uint64_t void_seq;
};

static int look_ahead(struct mtr_aggregator *aggregator, uint64_t from_seq, struct voided_ahead *ahead)
{
    ahead->target_seq = from_seq;
    int rc = mtr_rollups_next_voided(aggregator->txn, &ahead->target_seq, &ahead->void_seq);
    if (rc == MTR_ENOTFOUND) ahead->target_seq = UINT64_MAX;
    return rc == MTR_ENOTFOUND ? MTR_OK : rc;
}

/* Those before this meter had only left it out by their filters. */
static int hold_if_it_waits(struct mtr_aggregator *aggregator, const struct mtr_event *event, uint64_t seq,
                            bool is_voided)
{
    const struct mtr_resolved resolved = fold_resolve(aggregator, event);
    bool waiting;
    int rc = fold_waits(aggregator, &resolved, event, seq, &waiting);
    return rc || !waiting ? rc : fold_hold(aggregator, event, MTR_HELD_METER, seq, is_voided);
}

static int catch_up_event(struct mtr_aggregator *aggregator, const struct mtr_meter *meter,
                          const struct mtr_event *event, uint64_t seq, struct voided_ahead *ahead)
{
    int rc = MTR_OK;
    if (ahead->target_seq < seq) rc = look_ahead(aggregator, seq, ahead);
    if (rc) return rc;
    if (event->disposition != MTR_DISPOSITION_NORMAL || !mtr_str_equal(event->type, meter->event_type))
        return MTR_OK;
    if (!mtr_str_equal(event->vendor, meter->service->vendor->key)) return MTR_OK;
    const struct mtr_subscription *subscription = fold_find_subscription(aggregator, event);
    if (!subscription || subscription->service != meter->service)
        return MTR_OK; /* held, or another service's */
    const struct mtr_effect effect = {
        .subscription = subscription, .meter = meter, .sign = 1, .way = FOLD_CAUGHT_UP, .by_seq = seq};
    const struct mtr_effect back = {
        .subscription = subscription, .meter = meter, .sign = -1, .by_seq = ahead->void_seq};
    const bool is_voided = ahead->target_seq == seq;
    enum event_counts counts;
    rc = fold_offer(aggregator, &effect, event, seq, &counts);
    if (!rc && (counts == EVENT_IS_PASSED_OVER || counts == EVENT_IS_TOO_LATE))
        return hold_if_it_waits(aggregator, event, seq, is_voided);
    if (!rc && is_voided && counts != EVENT_IS_BEYOND) rc = fold_apply(aggregator, &back, event, seq);
    return rc;
}

/* One meter, as far as the budget goes. */
static int catch_up_meter(struct mtr_aggregator *aggregator, struct mtr_catch_up *catch_up)
{
    struct voided_ahead ahead;
    const struct mtr_meter *meter = mtr_catalog_meter(aggregator->catalog, catch_up->meter);
    if (!meter) return MTR_ECORRUPT;
    int rc = look_ahead(aggregator, catch_up->next_seq, &ahead);
    while (!rc && catch_up->next_seq < catch_up->end_seq && aggregator->budget > 0) {
        if (aggregator->cells.count >= MTR_CELL_TABLE_COUNT_SOFT_MAX) break;
        rc = fold_read_kept(aggregator, catch_up->next_seq);
        if (rc) break;
        const struct mtr_block_header *block = &aggregator->block;
        uint64_t seq = catch_up->next_seq, end = block->first_seq + block->count;
        if (seq < block->first_seq) seq = block->first_seq; /* retention has dropped the stretch before */
        if (end > catch_up->end_seq) end = catch_up->end_seq;
        for (; !rc && seq < end && aggregator->budget > 0; seq++) {
            rc = catch_up_event(aggregator, meter, &aggregator->block_events[seq - block->first_seq], seq,
                                &ahead);
            aggregator->budget--;
            aggregator->events++;
        }
        MTR_ASSERT(seq >= catch_up->next_seq); /* no event of the stretch is counted twice */
        catch_up->next_seq = seq;
    }
    if (rc) return rc == MTR_ENOTFOUND ? MTR_ECORRUPT : rc;
    struct mtr_fact_name fact = fact_number(MTR_FACT_CATCH_UP, catch_up->meter);
    if (catch_up->next_seq >= catch_up->end_seq) return fact_delete(aggregator, &fact);
    return fact_put_u64(aggregator, &fact, catch_up->next_seq, &catch_up->end_seq);
}

int fold_catch_up(struct mtr_aggregator *aggregator)
{
    if (aggregator->releasing)
        return MTR_OK; /* first the releases: then nothing that a catch-up can count is held */
    while (aggregator->catch_up_count > 0 && aggregator->budget > 0) {
        struct mtr_catch_up *catch_up = &aggregator->catch_ups[aggregator->catch_up_count - 1];
        int rc = catch_up_meter(aggregator, catch_up);
        if (rc) return rc;
        if (catch_up->next_seq < catch_up->end_seq) break;
        MTR_ASSERT(fold_covers(aggregator, catch_up->meter, catch_up->end_seq - 1)); /* the stretch is done */
        aggregator->catch_up_count--;
    }
    return MTR_OK;
}
