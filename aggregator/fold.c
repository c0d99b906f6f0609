/*
 * The main fold: each event of the log once, in order, into cells, held or quarantine; voids wait for the end
 * of the step's events (voids.c).
 *
 * The hot path touches no store for sum and count: cells gather in memory until the step's end.
 */
#include "aggregator/fold.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "aggregator/event_quantity.h"
#include "meterd/catalog/cell.h"

enum { STOP = 1, BEYOND = 2 /* the meter holds the event, which gives nothing to its cells */ };

static struct mtr_hour hour_of(struct mtr_aggregator *aggregator, const struct mtr_subscription *subscription,
                               int64_t time_us)
{
    MTR_ASSERT(time_us >= 0); /* event_quantity has refused others */
    struct mtr_hour_slot *slot = &aggregator->hours[subscription->number % MTR_HOUR_SLOTS];
    if (slot->subscription != subscription->number || time_us < slot->hour.start_us ||
        time_us >= slot->hour.end_us) {
        slot->subscription = subscription->number;
        slot->hour = mtr_zone_hour(subscription->zone, time_us);
        MTR_ASSERT(slot->hour.start_us <= time_us && time_us < slot->hour.end_us);
    }
    return slot->hour;
}

static struct mtr_cell_bounds cell_at(struct mtr_aggregator *aggregator, const struct mtr_effect *effect,
                                      int64_t time_us)
{
    const struct mtr_hour hour = hour_of(aggregator, effect->subscription, time_us);
    return mtr_cell_within(&hour, effect->subscription, effect->meter, time_us);
}

/* What is taken back of a cell that waits for another of the subject is not taken off: it may have been
 * counted elsewhere (handover/reassign.h). */
static bool is_wanted(const struct mtr_aggregator *aggregator, const struct mtr_effect *effect,
                      int64_t start_us)
{
    const bool is_taken_back = effect->sign < 0 && effect->way != FOLD_AGAIN;
    if (is_taken_back && fold_reassign_is_waiting(aggregator) &&
        fold_reassign_waits(aggregator, effect, start_us))
        return false;
    return !effect->hour_count || fold_reaches(effect->hours, effect->hour_count, start_us, 0);
}

/* BEYOND where it adds to a cell whose values the meter does not count. A cell of the step is of values that
 * it does, so they are looked up once for each. */
static int find_cell(struct mtr_aggregator *aggregator, const struct mtr_effect *effect, int64_t start_us,
                     struct mtr_str dimensions, struct mtr_cell_change **out)
{
    struct mtr_cell_key key = {effect->subscription->number, effect->meter->number, start_us, dimensions};
    struct mtr_cell_lookup found;
    bool admitted = true;
    int rc = cell_table_look(&aggregator->cells, &key, &found);
    if (!rc && !found.change && effect->sign > 0)
        rc = fold_admit(aggregator, effect, dimensions, &admitted);
    if (!rc && !admitted) return BEYOND;
    if (!rc && !found.change) rc = cell_table_add(&aggregator->cells, &key, effect->meter, &found);
    if (rc) return rc;
    struct mtr_cell_change *change = *out = found.change;
    if (effect->by_seq < change->seq_first) change->seq_first = effect->by_seq;
    if (effect->by_seq > change->seq_last) change->seq_last = effect->by_seq;
    change->count += effect->sign;
    return MTR_OK;
}

int fold_write_members(struct mtr_aggregator *aggregator)
{
    return member_table_write(&aggregator->step_members, &aggregator->cells, aggregator->txn);
}

/* Of the row, for the step's end. */
static int gather_member(struct mtr_aggregator *aggregator, const struct mtr_cell_change *change,
                         struct mtr_str member, int sign)
{
    struct member_table *members = aggregator->members;
    int rc = member_table_add(members, (uint32_t)(change - aggregator->cells.changes), member, sign);
    const bool is_full = members == &aggregator->step_members && members->count == MTR_STEP_MEMBERS_MAX;
    return !rc && is_full ? fold_write_members(aggregator) : rc;
}

static void gain(struct mtr_cell_change *change, int sign, struct mtr_quantity quantity)
{
    change->value_e12 += sign > 0 ? quantity.e12 : -quantity.e12;
}

static int apply_to_cell(struct mtr_aggregator *aggregator, const struct mtr_effect *effect,
                         const struct event_quantity *counted, int64_t start_us)
{
    struct mtr_cell_change *change;
    int rc = find_cell(aggregator, effect, start_us, counted->taken.dimensions, &change);
    if (rc) return rc;
    gain(change, effect->sign, counted->taken.quantity);
    return counted->member.size ? gather_member(aggregator, change, counted->member, effect->sign) : MTR_OK;
}

/* Where the value is read from the list: of a new row, the next ones find it there. */
static void place_in_list(const struct mtr_effect *effect, struct mtr_cell_bounds cell,
                          struct mtr_cell_change *change)
{
    if (change->list.end_us) return;
    change->list.end_us = cell.end_us;
    change->list.opening = mtr_subscription_opening(effect->subscription, effect->meter->number,
                                               change->key.dimensions);
}

struct following {
    struct mtr_point after;
    struct mtr_point found; /* seq 0: none */
};

static int on_following(void *context, const struct mtr_point *point)
{
    struct following *following = context;
    const struct mtr_point *after = &following->after;
    if (point->time_us == after->time_us && point->seq <= after->seq) return MTR_OK;
    following->found = *point;
    return STOP;
}

/* What a counter grew by up to a reading is measured from the one before it. */
int fold_follow_reading(struct mtr_aggregator *aggregator, const struct mtr_effect *effect,
                        struct mtr_str dimensions, const struct mtr_point *after)
{
    struct mtr_cell_key key = {effect->subscription->number, effect->meter->number, MTR_CELL_ALL_HOURS,
                               dimensions};
    struct following following = {.after = *after};
    struct mtr_cell_change *change;
    int rc =
        mtr_rollups_walk_points(aggregator->txn, &key, after->time_us, INT64_MAX, on_following, &following);
    if (rc != STOP) return rc;
    const struct mtr_cell_bounds cell = cell_at(aggregator, effect, following.found.time_us);
    key.start_us = cell.start_us;
    rc = cell_table_find(&aggregator->cells, &key, effect->meter, &change);
    if (!rc) place_in_list(effect, cell, change);
    return rc;
}

/* In memory a list stands with the cells, as one of all hours. */
static int gather_point(struct mtr_aggregator *aggregator, const struct mtr_effect *effect,
                        const struct event_quantity *counted, int64_t start_us)
{
    const struct mtr_cell_key key = {effect->subscription->number, effect->meter->number, MTR_CELL_ALL_HOURS,
                                     counted->taken.dimensions};
    struct mtr_cell_change *list;
    if (start_us < effect->lists.start_us || start_us >= effect->lists.end_us) return MTR_OK;
    int rc = cell_table_find(&aggregator->cells, &key, effect->meter, &list);
    if (rc) return rc;
    const uint32_t row = (uint32_t)(list - aggregator->cells.changes);
    return member_table_add(aggregator->members, row, counted->member, effect->sign);
}

/* The member of a level or a reading goes to the list over all hours, at once, since the next ones are found
 * there: the cell has count, log range, and its value from that list. */
static int apply_to_list(struct mtr_aggregator *aggregator, const struct mtr_effect *effect,
                         const struct event_quantity *counted, struct mtr_cell_bounds cell)
{
    struct mtr_cell_change *change;
    struct mtr_point point;
    uint64_t unused_count;
    int rc = find_cell(aggregator, effect, cell.start_us, counted->taken.dimensions, &change);
    if (rc) return rc;
    if (cell_table_adds_up(effect->meter)) gain(change, effect->sign, counted->taken.quantity);
    else place_in_list(effect, cell, change);
    if (effect->only_cells) return gather_point(aggregator, effect, counted, cell.start_us);
    struct mtr_cell_key list = change->key;
    list.start_us = MTR_CELL_ALL_HOURS;
    rc = mtr_rollups_add_member(aggregator->txn, &list, counted->member, effect->sign, &unused_count);
    if (rc == MTR_EINVALID) return MTR_ECORRUPT; /* a point taken back that was never put */
    if (rc || effect->meter->aggregation != MTR_COUNTER_INCREASE) return rc;
    rc = mtr_point_decode(counted->member, &point);
    return rc ? rc : fold_follow_reading(aggregator, effect, counted->taken.dimensions, &point);
}

/* Each cell that the length touches gets what falls into it; all of them together get the quantity. The
 * first one decides whether it counts. */
static int apply_spread(struct mtr_aggregator *aggregator, const struct mtr_effect *effect,
                        const struct event_quantity *counted, int64_t time_us)
{
    struct mtr_effect on_cell = *effect;
    struct mtr_quantity before = {0}, after;
    for (int64_t at_us = time_us;;) {
        struct mtr_cell_change *change;
        const struct mtr_cell_bounds cell = cell_at(aggregator, effect, at_us);
        const int64_t elapsed_us = cell.end_us - time_us;
        int rc = event_quantity_spread(counted, elapsed_us, &after);
        if (rc) return rc;
        if (is_wanted(aggregator, effect, cell.start_us)) {
            const struct mtr_quantity share = {after.e12 - before.e12};
            rc = find_cell(aggregator, &on_cell, cell.start_us, counted->taken.dimensions, &change);
            if (rc) return rc;
            gain(change, effect->sign, share);
            on_cell.way = FOLD_AGAIN;
        }
        if (MTR_QUANTITY_OF_US(elapsed_us).e12 >= counted->taken.length_s.e12) break;
        before = after;
        at_us = cell.end_us;
    }
    MTR_ASSERT(after.e12 == counted->taken.quantity.e12); /* the cells' shares add up to the whole */
    return MTR_OK;
}

static int apply_counted(struct mtr_aggregator *aggregator, const struct mtr_effect *effect,
                         const struct event_quantity *counted, const struct mtr_event *event)
{
    const struct mtr_cell_bounds cell = cell_at(aggregator, effect, event->time_us);
    if (!is_wanted(aggregator, effect, cell.start_us)) return MTR_OK;
    return mtr_meter_has_one_list(effect->meter)
               ? apply_to_list(aggregator, effect, counted, cell)
               : apply_to_cell(aggregator, effect, counted, cell.start_us);
}

/* The meter's date has decided, so it stays. */
static int note_retired(struct mtr_aggregator *aggregator, const struct mtr_meter *meter)
{
    uint32_t *slot = &aggregator->retired[meter->number % MTR_RETIRED_SLOTS];
    const struct mtr_fact_name name = fact_number(MTR_FACT_RETIRED, meter->number);
    uint64_t known;
    if (*slot == meter->number) return MTR_OK;
    int rc = fact_get_u64(aggregator, &name, &known);
    if (rc == MTR_ENOTFOUND) rc = fact_put_u64(aggregator, &name, 1, NULL);
    if (!rc) *slot = meter->number;
    return rc;
}

int fold_offer(struct mtr_aggregator *aggregator, const struct mtr_effect *effect,
               const struct mtr_event *event, uint64_t seq, enum event_counts *counts)
{
    MTR_ASSERT(effect->sign == 1 || effect->sign == -1);
    MTR_ASSERT(effect->by_seq >= seq); /* its own sequence, or that of a void, which comes after it */
    struct event_quantity counted;
    *counts = event_quantity(effect->meter, event, seq, &counted);
    if (*counts == EVENT_IS_FILTERED || *counts == EVENT_IS_PASSED_OVER) return MTR_OK;
    const bool gives = *counts == EVENT_COUNTS || *counts == EVENT_COUNTS_SPREAD;
    if (!gives && effect->only_cells) return MTR_OK;
    if (*counts == EVENT_IS_TOO_LATE) return note_retired(aggregator, effect->meter);
    if (*counts == EVENT_IS_REFUSED)
        return effect->sign > 0
                   ? fold_quarantine(aggregator, seq, effect->meter->number, counted.reason, counted.text)
                   : MTR_OK;
    int rc = *counts == EVENT_COUNTS_SPREAD ? apply_spread(aggregator, effect, &counted, event->time_us)
                                            : apply_counted(aggregator, effect, &counted, event);
    if (rc == BEYOND) *counts = EVENT_IS_BEYOND;
    if (rc) return rc == BEYOND ? MTR_OK : rc;
    if (effect->sign > 0 && effect->way != FOLD_AGAIN && fold_reassign_is_waiting(aggregator))
        rc = fold_reassign_note(aggregator, effect, event, seq);
    return !rc && effect->sign > 0 && fold_recut_is_waiting(aggregator)
               ? fold_recut_note(aggregator, effect, event, seq)
               : rc;
}

int fold_apply(struct mtr_aggregator *aggregator, const struct mtr_effect *effect,
               const struct mtr_event *event, uint64_t seq)
{
    enum event_counts counts;
    return fold_offer(aggregator, effect, event, seq, &counts);
}

/* What the meters of an event's type made of it together. */
struct reception {
    bool is_taken;       /* one counts it, or refuses it and says so in the quarantine */
    bool is_passed_over; /* one finds a property missing, or was retired */
};

static void note_reception(struct reception *reception, enum event_counts counts)
{
    const bool passes_over = counts == EVENT_IS_PASSED_OVER || counts == EVENT_IS_TOO_LATE;
    reception->is_passed_over |= passes_over;
    reception->is_taken |= !passes_over && counts != EVENT_IS_FILTERED;
}

static bool waits(struct reception reception)
{
    return reception.is_passed_over && !reception.is_taken;
}

int fold_waits(struct mtr_aggregator *aggregator, const struct mtr_resolved *resolved,
               const struct mtr_event *event, uint64_t seq, bool *waiting)
{
    struct event_quantity unused_quantity;
    struct reception reception = {.is_taken = false};
    int rc = MTR_OK;
    for (uint32_t i = 0; !rc && i < resolved->meter_count && !reception.is_taken; i++) {
        const enum event_counts counts = event_quantity(resolved->meters[i], event, seq, &unused_quantity);
        if (counts == EVENT_IS_TOO_LATE) rc = note_retired(aggregator, resolved->meters[i]);
        note_reception(&reception, counts);
    }
    *waiting = waits(reception);
    return rc;
}

/* Remembers the first sequence of each type: what a later meter of that type has to catch up from. */
static int note_type(struct mtr_aggregator *aggregator, const struct mtr_event *event, uint64_t seq)
{
    uint64_t first;
    struct mtr_str type = event->type, vendor = event->vendor;
    bool same = type.data == aggregator->last_type.data && type.size == aggregator->last_type.size &&
                vendor.data == aggregator->last_vendor.data && vendor.size == aggregator->last_vendor.size;
    if (same) return MTR_OK;
    aggregator->last_type = type;
    aggregator->last_vendor = vendor;
    XXH128_hash_t hash = XXH3_128bits_withSeed(type.data, type.size, XXH3_64bits(vendor.data, vendor.size));
    struct mtr_hash128 *slot = &aggregator->types[hash.low64 % MTR_TYPE_SLOTS];
    if (slot->high == hash.high64 && slot->low == hash.low64) return MTR_OK;
    struct mtr_fact_name name = fact_type(vendor, type);
    int rc = fact_get_u64(aggregator, &name, &first);
    if (rc == MTR_ENOTFOUND) rc = fact_put_u64(aggregator, &name, seq, NULL);
    if (!rc) *slot = (struct mtr_hash128){hash.high64, hash.low64};
    return rc;
}

static int fold_normal(struct mtr_aggregator *aggregator, const struct mtr_event *event, uint64_t seq)
{
    int rc = note_type(aggregator, event, seq);
    if (rc) return rc;
    struct reception reception = {.is_taken = false};
    struct mtr_resolved resolved = fold_resolve(aggregator, event);
    MTR_ASSERT(resolved.held == (resolved.meter_count == 0)); /* it counts now, or waits: never both */
    for (uint32_t i = 0; !rc && i < resolved.meter_count; i++) {
        const struct mtr_effect effect = {
            .subscription = resolved.subscription, .meter = resolved.meters[i], .sign = 1, .by_seq = seq};
        enum event_counts counts;
        rc = fold_offer(aggregator, &effect, event, seq, &counts);
        if (!rc) note_reception(&reception, counts);
    }
    if (rc || (!resolved.held && !waits(reception))) return rc;
    return fold_hold(aggregator, event, resolved.reason, seq, false);
}

static int remember_void(struct mtr_aggregator *aggregator, uint64_t target_seq, uint64_t seq)
{
    MTR_ASSERT(target_seq > 0 && target_seq < seq); /* fold_void has quarantined others */
    if (aggregator->void_count == aggregator->void_capacity) {
        uint32_t capacity = aggregator->void_capacity ? aggregator->void_capacity * 2 : 256;
        struct mtr_void *voids = realloc(aggregator->voids, (size_t)capacity * sizeof(*voids));
        if (!voids) return MTR_ENOMEM;
        aggregator->voids = voids;
        aggregator->void_capacity = capacity;
    }
    aggregator->voids[aggregator->void_count++] = (struct mtr_void){target_seq, seq};
    return MTR_OK;
}

enum { SAID_BYTES_MAX = 240, SAID_TEXT_BYTES = SAID_BYTES_MAX + 8 };

/* The sentence that the event carries. */
static void read_reason(const struct mtr_event *event, struct mtr_str unsaid, char reason[SAID_TEXT_BYTES])
{
    const struct mtr_property *said = mtr_event_property(event, MTR_STR(MTR_EVENT_PROPERTY_REASON));
    const bool is_said = said && said->kind == MTR_PROPERTY_STRING && said->text.size;
    snprintf(reason, SAID_TEXT_BYTES, "%.*s%s",
             MTR_STR_ARGS(mtr_str_quoted(is_said ? said->text : unsaid, SAID_BYTES_MAX)),
             is_said ? mtr_str_quoted_rest(said->text, SAID_BYTES_MAX) : "");
}

/* What the daemon takes back itself was held, and is in quarantine from then on. */
static int keep_dropped(struct mtr_aggregator *aggregator, const struct mtr_event *event)
{
    const struct mtr_property *why = mtr_event_property(event, MTR_STR(MTR_EVENT_PROPERTY_WHY));
    const bool is_late = why && why->kind == MTR_PROPERTY_STRING &&
                         mtr_str_equal(why->text, MTR_STR(MTR_QUARANTINE_HELD_TOO_LONG));
    char reason[SAID_TEXT_BYTES];
    read_reason(event, MTR_STR("it was held, and dropped"), reason);
    return fold_quarantine(aggregator, event->target_seq, 0,
                           is_late ? MTR_QUARANTINE_HELD_TOO_LONG : MTR_QUARANTINE_DROPPED, reason);
}

static int take_void(struct mtr_aggregator *aggregator, const struct mtr_event *event, uint64_t seq)
{
    if (event->target_seq == 0 || event->target_seq >= seq)
        return fold_quarantine(aggregator, seq, 0, "void_unknown",
                               "it takes back an event that is not before it in the log");
    aggregator->state_changed = true;
    int rc = mtr_rollups_put_voided(aggregator->txn, event->target_seq, seq);
    if (rc == MTR_EEXISTS)
        return fold_quarantine(aggregator, seq, 0, "void_twice",
                               "the event that it takes back was taken back before");
    if (!rc && mtr_str_equal(event->type, MTR_STR(MTR_EVENT_TYPE_DROP))) rc = keep_dropped(aggregator, event);
    return rc ? rc : remember_void(aggregator, event->target_seq, seq);
}

static int take_refused(struct mtr_aggregator *aggregator, const struct mtr_event *event, uint64_t seq)
{
    char reason[SAID_TEXT_BYTES];
    read_reason(event, MTR_STR("the row of a source could not be taken"), reason);
    return fold_quarantine(aggregator, seq, 0, "refused", reason);
}

static int fold_event(struct mtr_aggregator *aggregator, const struct mtr_event *event, uint64_t seq)
{
    switch (event->disposition) {
    case MTR_DISPOSITION_NORMAL: return fold_normal(aggregator, event, seq);
    case MTR_DISPOSITION_VOID: return take_void(aggregator, event, seq);
    case MTR_DISPOSITION_CONFLICT:
        return fold_quarantine(aggregator, seq, 0, "conflict",
                               "an event of the same source and id but with other content came before");
    case MTR_DISPOSITION_EXPIRED:
        return fold_quarantine(aggregator, seq, 0, "expired", "its time is older than the accepted lateness");
    case MTR_DISPOSITION_FUTURE:
        return fold_quarantine(aggregator, seq, 0, "future",
                               "its time is further ahead than the accepted skew");
    case MTR_DISPOSITION_REFUSED: return take_refused(aggregator, event, seq);
    case MTR_DISPOSITION_NOTE: return MTR_OK;
    }
    mtr_diagnostic_set(aggregator->diagnostic, MTR_FINDING_STORE_DAMAGED, 0, 0, NULL,
                       "the event at sequence %" PRIu64 " has an unknown disposition", seq);
    return MTR_ECORRUPT;
}

/* Retention has removed what is to be folded. */
static int fail_gap(struct mtr_aggregator *aggregator, uint64_t next_seq)
{
    const bool is_new = next_seq == 1;
    const enum mtr_finding_code code = is_new ? MTR_FINDING_STORE_LOG_REMOVED : MTR_FINDING_STORE_OLDER;
    mtr_diagnostic_set(aggregator->diagnostic, code, 0, 0, NULL,
                       "the log begins at event %" PRIu64
                       ": those before it were removed after log.retention, %s",
                       aggregator->block.first_seq,
                       is_new ? "so rollups cannot be folded from the first event on"
                              : "but the rollups have not folded all of them: restore newer ones");
    return MTR_ENOTFOUND;
}

int fold_log(struct mtr_aggregator *aggregator, uint64_t *next_seq, bool *drained)
{
    uint64_t next = *next_seq;
    MTR_ASSERT(next > 0); /* sequences count from 1 */
    *drained = false;
    while (aggregator->budget > 0 && aggregator->cells.count < MTR_CELL_TABLE_COUNT_SOFT_MAX) {
        int rc = fold_read_block(aggregator, next);
        if (rc == MTR_ENOTFOUND) {
            *drained = true;
            break;
        }
        if (rc) return rc;
        if (aggregator->block.first_seq > next) return fail_gap(aggregator, next);
        const uint64_t end = aggregator->block.first_seq + aggregator->block.count;
        if (next >= end) return MTR_ECORRUPT;
        for (;
             next < end && aggregator->budget > 0 && aggregator->cells.count < MTR_CELL_TABLE_COUNT_SOFT_MAX;
             next++) {
            rc = fold_event(aggregator, &aggregator->block_events[next - aggregator->block.first_seq], next);
            if (rc) return rc;
            aggregator->budget--;
            aggregator->events++;
        }
    }
    MTR_ASSERT(next >= *next_seq);
    *next_seq = next;
    return MTR_OK;
}
