/*
 * Use that changes hands: the plan, what is said against it, and what waits; see reassign.h.
 */
#include "aggregator/handover/reassign.h"

#include <stdlib.h>

#include "meterd/catalog/store.h"
#include "meterd/core/time.h"

/* ---- moves in memory ---- */

int fold_moves_open(struct fold_moves **out)
{
    *out = calloc(1, sizeof(**out));
    return *out ? MTR_OK : MTR_ENOMEM;
}

void fold_drop_round(struct fold_moves *moves)
{
    moves->round.is_begun = false;
    moves->round.count = moves->round.sorted = 0;
}

void fold_moves_forget(struct fold_moves *moves)
{
    for (uint32_t i = 0; i < moves->count; i++) free(moves->items[i].meters);
    moves->count = 0;
    moves->is_loaded = false;
    moves->version = 0;
    fold_drop_round(moves);
}

void fold_moves_close(struct fold_moves *moves)
{
    if (!moves) return;
    fold_moves_forget(moves);
    free(moves->items);
    free(moves->round.events);
    free(moves);
}

bool fold_reassign_is_waiting(const struct mtr_aggregator *aggregator)
{
    return aggregator->moves->count > 0;
}

/* Room for one more. */
static int make_room(void **items, uint32_t count, uint32_t *capacity, size_t size)
{
    if (count < *capacity) return MTR_OK;
    const uint32_t wanted = *capacity ? *capacity * 2 : 8;
    void *larger = realloc(*items, (size_t)wanted * size);
    if (!larger) return MTR_ENOMEM;
    *items = larger;
    *capacity = wanted;
    return MTR_OK;
}

static struct fold_move *find_move(const struct fold_moves *moves, uint32_t first)
{
    for (uint32_t i = 0; i < moves->count; i++)
        if (moves->items[i].first == first) return &moves->items[i];
    return NULL;
}

static int add_move(struct fold_moves *moves, const struct fold_move *move)
{
    int rc = make_room((void **)&moves->items, moves->count, &moves->capacity, sizeof(*move));
    if (!rc) moves->items[moves->count++] = *move;
    return rc;
}

/* Widens the time of a meter that is there already. */
static int add_meter(struct fold_move *move, const struct fold_move_meter *meter)
{
    for (uint32_t i = 0; i < move->meter_count; i++) {
        struct fold_move_meter *known = &move->meters[i];
        if (known->meter != meter->meter) continue;
        known->from_us = mtr_time_sooner(known->from_us, meter->from_us);
        known->to_us = mtr_time_later(known->to_us, meter->to_us);
        return MTR_OK;
    }
    int rc = make_room((void **)&move->meters, move->meter_count, &move->meter_capacity, sizeof(*meter));
    if (!rc) move->meters[move->meter_count++] = *meter;
    return rc;
}

static int on_move(void *context, const struct mtr_rollups_move *stored)
{
    const struct fold_move move = {.first = stored->first,
                                   .at_us = stored->at_us,
                                   .carried = {stored->seq_first, stored->seq_last}};
    return add_move(context, &move);
}

static int on_meter(void *context, const struct mtr_rollups_move_meter *stored)
{
    struct fold_move *move = find_move(context, stored->first);
    const struct fold_move_meter meter = {stored->meter, stored->from_us, stored->to_us};
    return move ? add_meter(move, &meter) : MTR_ECORRUPT;
}

static int load(struct mtr_aggregator *aggregator)
{
    static const struct mtr_rollups_on_moves hooks = {on_move, on_meter};
    struct fold_moves *moves = aggregator->moves;
    if (moves->is_loaded) return MTR_OK;
    int rc = mtr_rollups_walk_moves(aggregator->txn, &hooks, moves);
    moves->is_loaded = !rc;
    return rc;
}

int fold_put_move(struct mtr_aggregator *aggregator, const struct fold_move *move)
{
    const struct mtr_rollups_move stored = {
        move->first, move->at_us, move->carried.seq_first, move->carried.seq_last};
    aggregator->state_changed = true;
    return mtr_rollups_put_move(aggregator->txn, &stored);
}

int fold_end_move(struct mtr_aggregator *aggregator)
{
    struct fold_moves *moves = aggregator->moves;
    const uint32_t first = moves->items[0].first;
    MTR_ASSERT(moves->count > 0 && !moves->round.is_begun);
    free(moves->items[0].meters);
    moves->items[0] = moves->items[--moves->count];
    aggregator->state_changed = true;
    return mtr_rollups_delete_move(aggregator->txn, first);
}

int fold_find_moving_run(const struct mtr_aggregator *aggregator, const struct fold_move *move,
                         struct fold_run *out)
{
    const struct mtr_subscription *subscription = mtr_catalog_subscription(aggregator->catalog, move->first);
    return subscription && fold_find_run(subscription, out) ? MTR_OK : MTR_ECORRUPT;
}

/* ---- plan ---- */

/* Is the subscription the one by which its run goes, and use not given out by these starts? */
static int find_changed_run(struct mtr_aggregator *aggregator, const struct mtr_subscription *subscription,
                            struct fold_run *run, bool *changed)
{
    *changed = false;
    if (!fold_find_run(subscription, run) || fold_run_number(run) != subscription->number) return MTR_OK;
    return fold_is_given_out_otherwise(aggregator->txn, run, changed);
}

/* What is left of a move that is under way waits on, and what has changed hands may do so again. */
static int plan_meter(struct mtr_aggregator *aggregator, const struct fold_run *run,
                      const struct mtr_meter *meter, struct fold_move *move)
{
    struct fold_stray stray;
    int rc = fold_find_stray(aggregator->txn, run, meter, &stray);
    if (rc || !fold_is_any_stray(&stray)) return rc;
    const struct fold_move_meter moving = {meter->number, stray.from_us, stray.to_us};
    move->at_us = mtr_time_sooner(move->at_us, stray.from_us);
    return add_meter(move, &moving);
}

/* Where a piece ended, each subscription has switched up to an hour of its own: the new one begins in front
 * of all of them. */
static void leave_piece(struct fold_move *move)
{
    const int64_t at_us = move->at_us - MTR_US_PER_HOUR;
    for (uint32_t i = 0; i < move->meter_count; i++) {
        struct fold_move_meter *meter = &move->meters[i];
        if (meter->from_us < at_us) meter->from_us = mtr_time_sooner(at_us, meter->to_us - 1);
    }
    move->at_us = at_us;
}

static int put_meters(struct mtr_aggregator *aggregator, const struct fold_move *move)
{
    int rc = fold_put_move(aggregator, move);
    for (uint32_t i = 0; !rc && i < move->meter_count; i++) {
        const struct fold_move_meter *meter = &move->meters[i];
        const struct mtr_rollups_move_meter stored = {move->first, meter->meter, meter->from_us,
                                                      meter->to_us};
        rc = mtr_rollups_put_move_meter(aggregator->txn, &stored);
    }
    return rc;
}

static int plan_run(struct mtr_aggregator *aggregator, const struct fold_run *run)
{
    struct fold_moves *moves = aggregator->moves;
    const uint32_t first = fold_run_number(run);
    const struct mtr_service *service = run->terms[0]->service;
    struct fold_move *known = find_move(moves, first),
                     fresh = {.first = first, .at_us = INT64_MAX, .carried = FOLD_NO_LOG_RANGE},
                     *move = known ? known : &fresh;
    const struct mtr_meter *meter;
    int rc = MTR_OK;
    if (known) leave_piece(known);
    if (known == moves->items) fold_drop_round(moves); /* it was of this one */
    for (uint32_t position = 0;
         !rc && (meter = mtr_catalog_next_meter(aggregator->catalog, service, &position)) != NULL;)
        rc = plan_meter(aggregator, run, meter, move);
    if (!rc && move->meter_count) rc = put_meters(aggregator, move);
    if (!rc && !known && move->meter_count) rc = add_move(moves, move);
    if (!known && (rc || !move->meter_count)) free(fresh.meters);
    return rc ? rc : fold_note_starts(aggregator, run);
}

int fold_reassign_plan(struct mtr_aggregator *aggregator)
{
    struct fold_moves *moves = aggregator->moves;
    const uint64_t version = mtr_catalog_version(aggregator->catalog);
    int rc = load(aggregator);
    if (rc || moves->version == version) return rc;
    for (uint32_t i = 1; !rc && i <= mtr_catalog_count(aggregator->catalog, MTR_KIND_SUBSCRIPTION); i++) {
        const struct mtr_subscription *subscription = mtr_catalog_subscription(aggregator->catalog, i);
        struct fold_run run;
        bool changed = false;
        if (subscription) rc = find_changed_run(aggregator, subscription, &run, &changed);
        if (!rc && changed) rc = plan_run(aggregator, &run);
    }
    if (!rc) moves->version = version;
    return rc;
}

/* ---- what waits ---- */

bool fold_waiting_hours(const struct fold_move *move, const struct fold_move_meter *meter,
                        const struct mtr_subscription *subscription, struct mtr_hour *out)
{
    const int64_t since_us = mtr_time_later(meter->from_us, move->at_us);
    if (since_us >= meter->to_us) return false;
    *out = (struct mtr_hour){mtr_zone_hour(subscription->zone, since_us).start_us,
                             mtr_zone_hour(subscription->zone, meter->to_us - 1).end_us};
    return true;
}

bool fold_reassign_waits(const struct mtr_aggregator *aggregator, const struct mtr_effect *effect,
                         int64_t start_us)
{
    const struct fold_move *move =
        find_move(aggregator->moves, mtr_subscription_first_number(effect->subscription));
    for (uint32_t i = 0; move && i < move->meter_count; i++) {
        struct mtr_hour hours;
        if (move->meters[i].meter == effect->meter->number &&
            fold_waiting_hours(move, &move->meters[i], effect->subscription, &hours))
            return hours.start_us <= start_us && start_us < hours.end_us;
    }
    return false;
}

/* ---- a change of the catalog ---- */

/* At the one that came last: it is what takes use over. */
static void refuse(const struct fold_run *run, const struct mtr_catalog *after,
                   struct mtr_diagnostics *findings)
{
    const struct mtr_subscription *last = run->terms[0], *other;
    for (uint32_t i = 1; i < run->count; i++)
        if (run->terms[i]->number > last->number) last = run->terms[i];
    other = last == run->terms[0] ? run->terms[1] : run->terms[0];
    const struct mtr_catalog_place place = {MTR_KIND_SUBSCRIPTION, last->number, "start"};
    mtr_catalog_fail(after, MTR_FINDING_CATALOG_CHANGE_LOG_GONE, &place, findings,
                     "usage of `%.*s` was counted for subscription `%.*s` already, and can change hands no "
                     "more, since the log no longer has its events",
                     MTR_STR_ARGS(last->subject), MTR_STR_ARGS(other->key));
}

int fold_is_in_log(struct mtr_aggregator *aggregator, uint64_t seq, bool *out)
{
    int rc = fold_read_block(aggregator, seq);
    *out = !rc && aggregator->block.first_seq <= seq;
    return rc == MTR_ENOTFOUND ? MTR_OK : rc;
}

/* The part of the log of all hours that would change hands. */
static int find_log_of_run(struct mtr_aggregator *aggregator, const struct fold_run *run,
                           struct fold_log_range *log)
{
    const struct mtr_service *service = run->terms[0]->service;
    const struct mtr_meter *meter;
    int rc = MTR_OK;
    for (uint32_t position = 0;
         !rc && (meter = mtr_catalog_next_meter(aggregator->catalog, service, &position)) != NULL;) {
        struct fold_stray stray;
        rc = fold_find_stray(aggregator->txn, run, meter, &stray);
        for (uint32_t i = 0; !rc && fold_is_any_stray(&stray) && i < run->count; i++) {
            const struct mtr_hour hours = fold_stray_hours(&stray, run->terms[i]);
            const struct mtr_cell_range cells = {run->terms[i]->number, meter->number, hours.start_us,
                                                 hours.end_us};
            rc = fold_find_log_range(aggregator, &cells, log);
        }
    }
    return rc;
}

int fold_check_reassign(struct mtr_aggregator *aggregator, const struct mtr_catalog *after,
                        struct mtr_diagnostics *findings)
{
    int rc = MTR_OK;
    aggregator->catalog = after;
    for (uint32_t i = 1; !rc && i <= mtr_catalog_count(after, MTR_KIND_SUBSCRIPTION); i++) {
        const struct mtr_subscription *subscription = mtr_catalog_subscription(after, i);
        struct fold_log_range log = FOLD_NO_LOG_RANGE;
        struct fold_run run;
        bool changed = false, in_log = true;
        if (subscription) rc = find_changed_run(aggregator, subscription, &run, &changed);
        if (!rc && changed) rc = find_log_of_run(aggregator, &run, &log);
        if (!rc && changed && log.seq_first <= log.seq_last)
            rc = fold_is_in_log(aggregator, log.seq_first, &in_log);
        if (!rc && !in_log) refuse(&run, after, findings);
    }
    return rc;
}

/* ---- what comes meanwhile ---- */

static int note(struct fold_move_round *round, const struct fold_moved *moved)
{
    if (round->count == round->capacity) {
        const size_t capacity = round->capacity ? round->capacity * 2 : 1024;
        struct fold_moved *events = realloc(round->events, capacity * sizeof(*events));
        if (!events) return MTR_ENOMEM;
        round->events = events;
        round->capacity = capacity;
    }
    round->events[round->count++] = *moved;
    return MTR_OK;
}

int fold_reassign_note(struct mtr_aggregator *aggregator, const struct mtr_effect *effect,
                       const struct mtr_event *event, uint64_t seq)
{
    struct fold_move_round *round = &aggregator->moves->round;
    struct fold_moved moved = {seq, {event->time_us, event->time_us}};
    struct event_quantity counted;
    if (!round->is_begun ||
        mtr_subscription_first_number(effect->subscription) != fold_first_move(aggregator)->first)
        return MTR_OK;
    if (event_quantity(effect->meter, event, seq, &counted) == EVENT_COUNTS_SPREAD)
        moved.time.end_us +=
            (int64_t)(counted.taken.length_s.e12 / (MTR_QUANTITY(1).e12 / MTR_US_PER_SECOND));
    return fold_move_reaches(moved.time, fold_first_move(aggregator)->at_us, round->until_us)
               ? note(round, &moved)
               : MTR_OK;
}
