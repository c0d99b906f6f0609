/*
 * Cells that the catalog cuts anew: the plan, and what is noted until they are folded again; see recut.h.
 */
#include "aggregator/recut.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { ARENA_CHUNK_BYTES = 1 << 16 };
#define ARENA_BYTES_MAX ((size_t)1 << 32)

int fold_recut_open(struct fold_recut **out)
{
    struct fold_recut *recut = calloc(1, sizeof(*recut));
    if (!recut) return MTR_ENOMEM;
    for (int i = 0; i < 2; i++) mtr_arena_init(&recut->arenas[i], ARENA_CHUNK_BYTES, ARENA_BYTES_MAX);
    *out = recut;
    return MTR_OK;
}

void fold_recut_forget(struct fold_recut *recut)
{
    for (int i = 0; i < 2; i++) mtr_arena_reset(&recut->arenas[i]);
    recut->items = NULL;
    recut->count = recut->capacity = recut->left = 0;
    recut->next_seq = recut->end_seq = recut->round_events = 0;
    recut->batch_count = 0;
    recut->planned = false;
}

void fold_recut_close(struct fold_recut *recut)
{
    if (!recut) return;
    for (int i = 0; i < 2; i++) mtr_arena_release(&recut->arenas[i]);
    free(recut->batch);
    free(recut);
}

bool fold_recut_is_waiting(const struct mtr_aggregator *aggregator)
{
    return aggregator->recut->left > 0;
}

static struct fold_waiting *find_waiting(const struct fold_recut *recut, uint32_t number)
{
    uint32_t low = 0, high = recut->count;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (recut->items[middle].known.number < number) low = middle + 1;
        else high = middle;
    }
    const bool found = low < recut->count && recut->items[low].known.number == number;
    return found && !recut->items[low].is_switched ? &recut->items[low] : NULL;
}

const struct mtr_subscription *fold_recut_known(const struct mtr_aggregator *aggregator,
                                                const struct mtr_subscription *subscription)
{
    const struct fold_waiting *waiting = find_waiting(aggregator->recut, subscription->number);
    return waiting ? &waiting->known : subscription;
}

/* ---- plan ---- */

struct planning {
    struct mtr_aggregator *aggregator;
    struct mtr_arena *arena;
    struct fold_waiting *items;
    uint32_t count, capacity;
    uint32_t next_number; /* subscriptions before it are planned */
};

/* The hour of an instant, once. Instants come in order. */
static int add_hour(struct planning *planning, struct fold_waiting *waiting, int64_t time_us)
{
    const struct mtr_hour hour = mtr_zone_hour(waiting->known.zone, time_us);
    if (waiting->hour_count && waiting->hours[waiting->hour_count - 1].start_us == hour.start_us)
        return MTR_OK;
    int rc = mtr_arena_make_room(planning->arena, (void **)&waiting->hours, waiting->hour_count,
                                 &waiting->hour_capacity, sizeof(hour));
    if (!rc) waiting->hours[waiting->hour_count++] = hour;
    return rc;
}

/* The hours of instants that are of one of two ascending lists alone. */
static int add_hours(struct planning *planning, struct fold_waiting *waiting,
                     const struct mtr_subscription *subscription)
{
    uint32_t i = 0, k = 0;
    int rc = MTR_OK;
    while (!rc && (i < waiting->former_count || k < subscription->cut_count)) {
        const int64_t before = i < waiting->former_count ? waiting->former_us[i] : INT64_MAX,
                      now = k < subscription->cut_count ? subscription->cuts_us[k] : INT64_MAX;
        if (before != now) rc = add_hour(planning, waiting, mtr_time_sooner(before, now));
        i += before <= now;
        k += now <= before;
    }
    return rc;
}

static int on_cell(void *context, const struct mtr_cell_key *key, const struct mtr_cell *cell)
{
    struct fold_waiting *waiting = context;
    (void)key;
    fold_widen(&waiting->log, cell->seq_first, cell->seq_last);
    waiting->events += cell->count;
    return MTR_OK;
}

struct mtr_cell_range fold_waiting_range(const struct fold_waiting *waiting, uint32_t meter,
                                         const struct mtr_hour *hour)
{
    return (struct mtr_cell_range){waiting->known.number, meter, hour->start_us, hour->end_us};
}

/* The log range of all cells of its hours, and how many events these hold. */
static int find_cells(struct mtr_aggregator *aggregator, struct fold_waiting *waiting)
{
    const struct mtr_service *service = waiting->known.service;
    const struct mtr_meter *meter;
    int rc = MTR_OK;
    waiting->log = FOLD_NO_LOG_RANGE;
    waiting->events = 0;
    for (uint32_t position = 0;
         !rc && (meter = mtr_catalog_next_meter(aggregator->catalog, service, &position)) != NULL;)
        for (uint32_t i = 0; !rc && i < waiting->hour_count; i++) {
            const struct mtr_cell_range range =
                fold_waiting_range(waiting, meter->number, &waiting->hours[i]);
            rc = mtr_rollups_walk_cells(aggregator->txn, &range, on_cell, waiting);
        }
    return rc;
}

static int copy_cuts(struct planning *planning, struct fold_waiting *waiting, struct mtr_str cuts)
{
    const uint32_t count = mtr_rollups_cut_count(cuts);
    int64_t *former_us = mtr_arena_calloc(planning->arena, (size_t)count + 1, sizeof(*former_us));
    if (!former_us) return MTR_ENOMEM;
    for (uint32_t i = 0; i < count; i++) former_us[i] = mtr_rollups_cut_at(cuts, i);
    waiting->former_us = former_us;
    waiting->former_count = count;
    return MTR_OK;
}

int fold_note_cuts(struct mtr_aggregator *aggregator, const struct mtr_subscription *subscription)
{
    aggregator->state_changed = true;
    return mtr_rollups_put_cuts(aggregator->txn, subscription->number, subscription->cuts_us,
                                subscription->cut_count);
}

static uint64_t hash_cuts(const struct mtr_subscription *subscription)
{
    return subscription->cut_count
               ? XXH3_64bits(subscription->cuts_us, subscription->cut_count * sizeof(*subscription->cuts_us))
               : 0;
}

static int plan_subscription(struct planning *planning, const struct mtr_subscription *subscription,
                             struct mtr_str cuts)
{
    struct fold_waiting waiting = {.known = *subscription, .target = hash_cuts(subscription)};
    if (mtr_rollups_cuts_are(cuts, subscription->cuts_us, subscription->cut_count)) return MTR_OK;
    int rc = copy_cuts(planning, &waiting, cuts);
    if (!rc) rc = add_hours(planning, &waiting, subscription);
    if (!rc) rc = find_cells(planning->aggregator, &waiting);
    if (rc) return rc;
    if (!waiting.log.seq_last) return fold_note_cuts(planning->aggregator, subscription);
    rc = mtr_arena_make_room(planning->arena, (void **)&planning->items, planning->count, &planning->capacity,
                             sizeof(waiting));
    if (!rc) planning->items[planning->count++] = waiting;
    return rc;
}

/* Those that have no cuts in the store, up to that number. */
static int plan_until(struct planning *planning, uint32_t number)
{
    const struct mtr_catalog *catalog = planning->aggregator->catalog;
    int rc = MTR_OK;
    for (; !rc && planning->next_number < number; planning->next_number++) {
        const struct mtr_subscription *subscription =
            mtr_catalog_subscription(catalog, planning->next_number);
        if (subscription && subscription->cut_count)
            rc = plan_subscription(planning, subscription, (struct mtr_str){NULL, 0});
    }
    return rc;
}

struct known_cuts {
    uint32_t subscription;
    struct mtr_str cuts;
};

struct known_list {
    struct mtr_arena *arena;
    struct known_cuts *items;
    uint32_t count, capacity;
};

static int on_cuts(void *context, uint32_t subscription, struct mtr_str cuts)
{
    struct known_list *list = context;
    struct known_cuts row = {.subscription = subscription};
    int rc = mtr_arena_make_room(list->arena, (void **)&list->items, list->count, &list->capacity,
                                 sizeof(row));
    if (!rc) rc = mtr_arena_copy(list->arena, cuts, &row.cuts);
    if (!rc) list->items[list->count++] = row;
    return rc;
}

/* What the round knows of an item goes on, unless it is to have other cuts by now. */
static int carry_over(struct planning *planning, const struct fold_recut *recut)
{
    for (uint32_t i = 0; i < planning->count; i++) {
        struct fold_waiting *item = &planning->items[i];
        const struct fold_waiting *before = find_waiting(recut, item->known.number);
        if (!before || before->target != item->target) continue;
        uint64_t *seqs = mtr_arena_alloc(planning->arena, ((size_t)before->seq_count + 1) * sizeof(*seqs));
        if (!seqs) return MTR_ENOMEM;
        if (before->seq_count) memcpy(seqs, before->seqs, before->seq_count * sizeof(*seqs));
        item->seqs = seqs;
        item->seq_count = before->seq_count;
        item->seq_capacity = before->seq_count;
        item->in_round = before->in_round;
        item->log.seq_first = before->log.seq_first;
    }
    return MTR_OK;
}

int fold_begin_round(struct mtr_aggregator *aggregator)
{
    struct fold_recut *recut = aggregator->recut;
    uint64_t events = 0;
    int rc = MTR_OK;
    recut->next_seq = UINT64_MAX;
    recut->end_seq = recut->round_events = 0;
    for (uint32_t i = 0; !rc && i < recut->count && events < FOLD_ROUND_EVENTS_MAX; i++) {
        struct fold_waiting *item = &recut->items[i];
        if (item->is_switched) continue;
        rc = find_cells(aggregator, item);
        item->in_round = true;
        events += item->events;
        if (item->log.seq_first < recut->next_seq) recut->next_seq = item->log.seq_first;
        if (item->log.seq_last >= recut->end_seq) recut->end_seq = item->log.seq_last + 1;
    }
    return rc;
}

static int take_plan(struct mtr_aggregator *aggregator, const struct planning *planning)
{
    struct fold_recut *recut = aggregator->recut;
    bool goes_on = false;
    mtr_arena_reset(&recut->arenas[recut->active]);
    recut->active = 1 - recut->active;
    recut->items = planning->items;
    recut->count = recut->left = planning->count;
    recut->capacity = planning->capacity;
    for (uint32_t i = 0; i < recut->count; i++) goes_on = goes_on || recut->items[i].in_round;
    return goes_on || !recut->count ? MTR_OK : fold_begin_round(aggregator);
}

static int plan(struct mtr_aggregator *aggregator)
{
    struct fold_recut *recut = aggregator->recut;
    struct mtr_arena *arena = &recut->arenas[1 - recut->active];
    struct planning planning = {.aggregator = aggregator, .arena = arena, .next_number = 1};
    struct known_list known = {.arena = arena};
    int rc = mtr_rollups_walk_cuts(aggregator->txn, on_cuts, &known);
    for (uint32_t i = 0; !rc && i < known.count; i++) {
        const uint32_t number = known.items[i].subscription;
        const struct mtr_subscription *subscription = mtr_catalog_subscription(aggregator->catalog, number);
        if (!subscription) return MTR_ECORRUPT; /* the store was folded with a later catalog */
        rc = plan_until(&planning, number);
        if (!rc) rc = plan_subscription(&planning, subscription, known.items[i].cuts);
        planning.next_number = number + 1;
    }
    if (!rc) rc = plan_until(&planning, mtr_catalog_count(aggregator->catalog, MTR_KIND_SUBSCRIPTION) + 1);
    if (!rc) rc = carry_over(&planning, recut);
    return rc ? rc : take_plan(aggregator, &planning);
}

/* What it borrows is of the snapshot of this step. */
static void refresh(struct mtr_aggregator *aggregator)
{
    struct fold_recut *recut = aggregator->recut;
    for (uint32_t i = 0; i < recut->count; i++) {
        struct fold_waiting *waiting = &recut->items[i];
        waiting->known = *mtr_catalog_subscription(aggregator->catalog, waiting->known.number);
        waiting->known.cuts_us = waiting->former_us;
        waiting->known.cut_count = waiting->former_count;
    }
}

int fold_recut_plan(struct mtr_aggregator *aggregator)
{
    struct fold_recut *recut = aggregator->recut;
    const uint64_t version = mtr_catalog_version(aggregator->catalog);
    if (!recut->planned || recut->version != version) {
        int rc = plan(aggregator);
        if (rc) return rc;
        recut->planned = true;
        recut->version = version;
    }
    if (recut->left) refresh(aggregator);
    return MTR_OK;
}

/* ---- which events ---- */

static int note_seq(struct fold_recut *recut, struct fold_waiting *waiting, uint64_t seq)
{
    int rc = mtr_arena_make_room(&recut->arenas[recut->active], (void **)&waiting->seqs, waiting->seq_count,
                                 &waiting->seq_capacity, sizeof(*waiting->seqs));
    if (rc) return rc;
    waiting->seqs[waiting->seq_count++] = seq;
    recut->round_events++;
    return MTR_OK;
}

int fold_note_event(struct fold_recut *recut, uint32_t subscription, int64_t time_us, uint64_t seq)
{
    struct fold_waiting *waiting = find_waiting(recut, subscription);
    if (!waiting || !waiting->in_round) return MTR_OK; /* its cells will name what is folded until then */
    const bool reaches =
        fold_reaches(waiting->hours, waiting->hour_count, time_us, MTR_SPREAD_S_MAX * MTR_US_PER_SECOND);
    return reaches ? note_seq(recut, waiting, seq) : MTR_OK;
}

int fold_recut_note(struct mtr_aggregator *aggregator, const struct mtr_effect *effect,
                    const struct mtr_event *event, uint64_t seq)
{
    return fold_note_event(aggregator->recut, effect->subscription->number, event->time_us, seq);
}
