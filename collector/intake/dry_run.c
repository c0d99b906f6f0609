/*
 * Open addressing with linear probing, at most half full. The judgement of what is known is that of
 * intake_judge.c: it comes behind the limits of an event, and before its time.
 */
#include "meterd/collector/dry_run.h"

#include <stdlib.h>

#include "collector/intake/judge.h"
#include "meterd/store/dedup.h"

enum { SLOTS_MIN = 1 << 12 };

/* An event that the run would have stored by now. */
struct would_be {
    struct mtr_dedup_key key;
    bool is_there; /* false: the slot is free */
    bool is_void;
};

struct mtr_dry_run {
    struct would_be *slots; /* a power of two */
    uint32_t slot_count, count;
};

/* Identities are told apart within one command only: no stranger chooses among its keys. */
static const uint8_t event_key[MTR_EVENT_KEY_BYTES];

int mtr_dry_run_open(struct mtr_dry_run **out)
{
    *out = calloc(1, sizeof(**out));
    return *out ? MTR_OK : MTR_ENOMEM;
}

void mtr_dry_run_close(struct mtr_dry_run *dry_run)
{
    if (!dry_run) return;
    free(dry_run->slots);
    free(dry_run);
}

/* Where it stands, or would. */
static struct would_be *find(const struct mtr_dry_run *dry_run, struct mtr_event_identity identity)
{
    uint32_t at = (uint32_t)identity.low & (dry_run->slot_count - 1);
    while (dry_run->slots[at].is_there && (dry_run->slots[at].key.identity.high != identity.high ||
                                           dry_run->slots[at].key.identity.low != identity.low))
        at = (at + 1) & (dry_run->slot_count - 1);
    return &dry_run->slots[at];
}

static int grow(struct mtr_dry_run *dry_run)
{
    struct mtr_dry_run larger = {.slot_count = dry_run->slot_count ? dry_run->slot_count * 2 : SLOTS_MIN,
                                 .count = dry_run->count};
    larger.slots = calloc(larger.slot_count, sizeof(*larger.slots));
    if (!larger.slots) return MTR_ENOMEM;
    for (uint32_t i = 0; i < dry_run->slot_count; i++)
        if (dry_run->slots[i].is_there)
            *find(&larger, dry_run->slots[i].key.identity) = dry_run->slots[i];
    free(dry_run->slots);
    *dry_run = larger;
    return MTR_OK;
}

static int reserve(struct mtr_dry_run *dry_run)
{
    if (dry_run->count < dry_run->slot_count / 2) return MTR_OK;
    return dry_run->count < MTR_DRY_RUN_EVENTS_MAX ? grow(dry_run) : MTR_ELIMIT;
}

static bool is_stored(enum mtr_result_code code)
{
    return code == MTR_RESULT_ACCEPTED || code == MTR_RESULT_HELD || code == MTR_RESULT_LATE ||
           code == MTR_RESULT_VOIDED;
}

static bool is_void(const struct mtr_event *event)
{
    return mtr_str_equal(event->type, MTR_STR(MTR_EVENT_TYPE_VOID));
}

static struct mtr_event_result told(const struct mtr_verdict *verdict)
{
    return (struct mtr_event_result){.code = verdict->code,
                                     .field = verdict->field,
                                     .reason = verdict->reason,
                                     .finding = verdict->finding};
}

/* Of a void that is in time: may it take back what an earlier request would have stored? */
static void weigh_void(const struct mtr_dry_run *dry_run, const struct mtr_event *event,
                       struct mtr_event_result *result)
{
    struct mtr_event target = {.vendor = event->vendor, .source = event->source};
    if (judge_void(event, &target.id).code != MTR_RESULT_ACCEPTED) return;
    const struct would_be *known = find(dry_run, mtr_event_identity(&target, event_key));
    if (known->is_there)
        *result = known->is_void ? told(&judge_is_of_void)
                                 : (struct mtr_event_result){.code = MTR_RESULT_VOIDED};
}

static int weigh(struct mtr_dry_run *dry_run, const struct mtr_event *event, struct mtr_event_result *result)
{
    const struct mtr_dedup_key key = {mtr_event_identity(event, event_key), mtr_event_digest(event)};
    int rc = reserve(dry_run);
    if (rc) return rc;
    struct would_be *known = find(dry_run, key.identity);
    if (known->is_there) {
        *result = known->key.digest == key.digest ? (struct mtr_event_result){.code = MTR_RESULT_DUPLICATE}
                                                  : told(&judge_is_conflict);
        return MTR_OK;
    }
    const bool meets_target =
        result->code == MTR_RESULT_VOIDED || result->finding == MTR_FINDING_EVENT_VOID_TARGET;
    if (is_void(event) && meets_target) weigh_void(dry_run, event, result);
    if (!is_stored(result->code)) return MTR_OK;
    *known = (struct would_be){.key = key, .is_there = true, .is_void = is_void(event)};
    dry_run->count++;
    return MTR_OK;
}

/* Can it be told apart from others? What the intake asks before it looks for what is there. */
static bool has_identity(struct mtr_request *request, uint32_t i)
{
    const struct mtr_event *event = &request->events[i];
    return request->results[i].code == MTR_RESULT_ACCEPTED &&
           judge_limits(event, &request->arena).code == MTR_RESULT_ACCEPTED &&
           judge_names(event).code == MTR_RESULT_ACCEPTED;
}

int mtr_dry_run_add(struct mtr_dry_run *dry_run, const struct mtr_event_result *alone,
                    struct mtr_request *request)
{
    int rc = MTR_OK;
    for (uint32_t i = 0; i < request->count; i++) {
        const bool is_known = has_identity(request, i);
        request->results[i] = alone[i];
        if (!rc && is_known) rc = weigh(dry_run, &request->events[i], &request->results[i]);
    }
    return rc;
}
