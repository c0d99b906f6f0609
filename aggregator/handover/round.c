/*
 * Use that changes hands: a round is begun, its events are found, it is switched piece by piece; see
 * reassign.h.
 */
#include <stdlib.h>
#include <string.h>

#include "aggregator/handover/reassign.h"
#include "meterd/core/limits.h"
#include "meterd/core/time.h"

enum { STOP = 1 };

/* ---- whose cells ---- */

/* A meter and a subscription of a move: the hours of a piece, and all that wait. */
struct part {
    const struct mtr_subscription *subscription;
    const struct mtr_meter *meter;
    struct mtr_hour hours; /* none where start and end are one */
    int64_t names_us; /* cells from there up to here may name events of the piece's hours of another zone */
};

struct parts {
    struct mtr_aggregator *aggregator;
    const struct fold_move *move;
    struct fold_run run;
    int64_t until_us; /* of a piece, or a round */
    int (*on_part)(void *context, const struct part *part);
    void *context;
};

/* Where a subscription's hours of the piece end: with all that waits, or in front of the hour in which it
 * ends. */
static bool make_part(const struct parts *parts, const struct fold_move_meter *moving,
                      const struct mtr_subscription *subscription, struct part *out)
{
    const struct mtr_zone *zone = subscription->zone;
    const int64_t until_us = parts->until_us;
    struct mtr_hour hours;
    if (!fold_waiting_hours(parts->move, moving, subscription, &hours)) return false;
    out->subscription = subscription;
    out->names_us = hours.end_us;
    if (until_us < moving->to_us) {
        out->names_us = mtr_time_sooner(hours.end_us, until_us);
        hours.end_us = mtr_time_sooner(hours.end_us, mtr_zone_hour(zone, until_us).start_us);
    }
    hours.end_us = mtr_time_later(hours.end_us, hours.start_us);
    out->hours = hours;
    return hours.start_us < out->names_us;
}

/* Every meter that has hours in the piece, with each subscription. */
static int walk_parts(const struct parts *parts)
{
    int rc = MTR_OK;
    for (uint32_t i = 0; !rc && i < parts->move->meter_count; i++) {
        const struct fold_move_meter *moving = &parts->move->meters[i];
        struct part part = {.meter = mtr_catalog_meter(parts->aggregator->catalog, moving->meter)};
        for (uint32_t k = 0; part.meter && !rc && k < parts->run.count; k++)
            if (make_part(parts, moving, parts->run.terms[k], &part))
                rc = parts->on_part(parts->context, &part);
    }
    return rc;
}

static bool has_hours(const struct part *part)
{
    return part->hours.start_us < part->hours.end_us;
}

static struct mtr_cell_range cells_of(const struct part *part, int64_t from_us, int64_t to_us)
{
    return (struct mtr_cell_range){part->subscription->number, part->meter->number, from_us, to_us};
}

/* ---- begin ---- */

struct counting {
    struct mtr_aggregator *aggregator;
    uint64_t left; /* events, and cells, that the time may still have */
};

static int on_counted_cell(void *context, const struct mtr_cell_key *key, const struct mtr_cell *cell)
{
    struct counting *counting = context;
    const uint64_t cost = cell->count + 1;
    (void)key;
    if (cost > counting->left) return STOP;
    counting->left -= cost;
    return MTR_OK;
}

static int count_part(void *context, const struct part *part)
{
    struct counting *counting = context;
    const struct mtr_cell_range range = cells_of(part, part->hours.start_us, part->hours.end_us);
    if (!has_hours(part)) return MTR_OK;
    return mtr_rollups_walk_cells(counting->aggregator->txn, &range, on_counted_cell, counting);
}

static int widen_by_part(void *context, const struct part *part)
{
    struct mtr_aggregator *aggregator = context;
    const struct mtr_cell_range range = cells_of(part, part->hours.start_us, part->names_us);
    return fold_find_log_range(aggregator, &range, &aggregator->moves->round.log);
}

static int64_t end_of(const struct fold_move *move)
{
    int64_t end_us = INT64_MIN;
    for (uint32_t i = 0; i < move->meter_count; i++) end_us = mtr_time_later(end_us, move->meters[i].to_us);
    return end_us;
}

/* The longest of a few lengths whose cells hold no more; an hour is taken whatever it has. */
static int choose_end(struct parts *parts, uint64_t events_max, int64_t end_us)
{
    static const int64_t days[] = {36600, 1024, 256, 64, 16, 4, 1};
    enum { DAYS = sizeof(days) / sizeof(*days), LENGTHS = DAYS + 3 };
    static const int64_t hours[LENGTHS - DAYS] = {8, 3, 1};
    struct counting counting = {.aggregator = parts->aggregator};
    parts->on_part = count_part;
    parts->context = &counting;
    for (size_t i = 0; i < LENGTHS; i++) {
        const int64_t length_us = i < DAYS ? days[i] * MTR_US_PER_DAY : hours[i - DAYS] * MTR_US_PER_HOUR;
        counting.left = events_max;
        parts->until_us = mtr_time_sooner(parts->move->at_us + length_us, end_us);
        if (i + 1 == LENGTHS) break;
        const int rc = walk_parts(parts);
        if (rc != STOP) return rc;
    }
    return MTR_OK;
}

static int open_parts(struct mtr_aggregator *aggregator, struct parts *out)
{
    *out = (struct parts){.aggregator = aggregator, .move = fold_first_move(aggregator)};
    return fold_find_moving_run(aggregator, out->move, &out->run);
}

static int begin_round(struct mtr_aggregator *aggregator)
{
    struct fold_move_round *round = &aggregator->moves->round;
    const uint64_t of_steps = (uint64_t)aggregator->step_events_max * FOLD_ROUND_STEPS,
                   events_max = of_steps < FOLD_MOVED_EVENTS_MAX ? of_steps : FOLD_MOVED_EVENTS_MAX;
    struct parts parts;
    bool in_log = true;
    int rc = open_parts(aggregator, &parts);
    if (!rc) rc = choose_end(&parts, events_max, end_of(parts.move));
    if (rc) return rc;
    MTR_ASSERT(parts.until_us > parts.move->at_us);
    *round = (struct fold_move_round){.until_us = parts.until_us,
                                      .log = parts.move->carried,
                                      .events = round->events,
                                      .capacity = round->capacity};
    parts.on_part = widen_by_part;
    parts.context = aggregator;
    rc = walk_parts(&parts);
    if (!rc && round->log.seq_first <= round->log.seq_last)
        rc = fold_is_in_log(aggregator, round->log.seq_first, &in_log);
    if (rc) return rc;
    /* A change that would need it is refused when it is applied: only cells that an older program folded come
     * here, and stay as they are. */
    if (!in_log) round->log = FOLD_NO_LOG_RANGE;
    round->is_kept = !in_log;
    round->next_seq = round->log.seq_first;
    round->is_begun = true;
    return MTR_OK;
}

/* ---- scan ---- */

/* For each meter: what one of them spreads may reach farther than the event's instant. */
static int scan_event(struct mtr_aggregator *aggregator, const struct mtr_event *event, uint64_t seq)
{
    const struct mtr_meter *const *meters;
    if (event->disposition != MTR_DISPOSITION_NORMAL) return MTR_OK;
    const struct mtr_subscription *subscription = fold_find_subscription(aggregator, event);
    if (!subscription || !subscription->same_subject_count) return MTR_OK;
    const uint32_t count =
        mtr_catalog_find_meters(aggregator->catalog, subscription->service, event->type, &meters);
    int rc = MTR_OK;
    for (uint32_t i = 0; !rc && i < count; i++) {
        const struct mtr_effect effect = {.subscription = subscription, .meter = meters[i]};
        if (!i || meters[i]->spread_over.size) rc = fold_reassign_note(aggregator, &effect, event, seq);
    }
    return rc;
}

static bool is_scanned(const struct fold_move_round *round)
{
    return round->log.seq_first > round->log.seq_last || round->next_seq > round->log.seq_last;
}

int fold_reassign_scan(struct mtr_aggregator *aggregator)
{
    struct fold_move_round *round = &aggregator->moves->round;
    int rc = MTR_OK;
    while (!rc && round->is_begun && !is_scanned(round) && aggregator->budget > 0) {
        rc = fold_read_block(aggregator, round->next_seq);
        const struct mtr_block_header *block = &aggregator->block;
        if (rc || block->first_seq > round->next_seq)
            return rc && rc != MTR_ENOTFOUND ? rc : MTR_ECORRUPT; /* its begin was there */
        const uint64_t end = block->first_seq + block->count;
        for (; !rc && round->next_seq < end && !is_scanned(round) && aggregator->budget > 0;
             round->next_seq++) {
            rc = scan_event(aggregator, &aggregator->block_events[round->next_seq - block->first_seq],
                            round->next_seq);
            aggregator->budget--;
            aggregator->events++;
        }
    }
    return rc;
}

/* ---- switch ---- */

struct switching {
    struct mtr_aggregator *aggregator;
    uint64_t *change; /* of the feed */
    struct mtr_feed_row row; /* the last */
    struct fold_log_range carried; /* of its last hours */
    int64_t until_us;
    const struct mtr_event *event; /* that is folded again */
    const struct mtr_subscription *subscription; /* whose it is */
    uint64_t seq;
    struct fold_standing standing;
};

/* Readers of the feed learn of the days that lose use. */
static int on_emptied_cell(void *context, const struct mtr_cell_key *key, const struct mtr_cell *cell)
{
    struct switching *switching = context;
    const uint32_t day = cell_table_day(key->start_us);
    (void)cell;
    if (switching->row.subscription == key->subscription && switching->row.day == day) return MTR_OK;
    switching->row = (struct mtr_feed_row){++*switching->change, key->subscription, day};
    return mtr_rollups_put_feed(switching->aggregator->txn, &switching->row);
}

static int empty_lists(struct mtr_aggregator *aggregator, const struct part *part)
{
    const struct mtr_effect effect = {.subscription = fold_recut_known(aggregator, part->subscription),
                                      .meter = part->meter};
    const struct mtr_point last = {.time_us = part->hours.end_us - 1, .seq = UINT64_MAX};
    char copy[MTR_DIMENSIONS_BYTES_MAX];
    struct mtr_cell_key list = {.subscription = part->subscription->number,
                                .meter = part->meter->number,
                                .start_us = MTR_CELL_ALL_HOURS};
    for (const struct mtr_str *after = NULL;; after = &list.dimensions) {
        struct mtr_str dimensions;
        int rc = mtr_rollups_next_list(aggregator->txn, list.subscription, list.meter, list.start_us, after,
                                       &dimensions);
        if (rc) return rc == MTR_ENOTFOUND ? MTR_OK : rc;
        MTR_ASSERT(dimensions.size <= sizeof(copy));
        if (dimensions.size) memcpy(copy, dimensions.data, dimensions.size); /* the deletion moves rows */
        list.dimensions = (struct mtr_str){copy, dimensions.size};
        rc = mtr_rollups_delete_points(aggregator->txn, &list, part->hours.start_us, part->hours.end_us);
        if (!rc && part->meter->aggregation == MTR_COUNTER_INCREASE)
            rc = fold_follow_reading(aggregator, &effect, list.dimensions, &last);
        if (rc) return rc;
    }
}

static int empty_part(void *context, const struct part *part)
{
    struct switching *switching = context;
    struct mtr_aggregator *aggregator = switching->aggregator;
    const struct mtr_hour hours = part->hours;
    const int64_t last_us =
        mtr_zone_hour(part->subscription->zone, switching->until_us - MTR_US_PER_HOUR).start_us;
    const struct mtr_cell_range range = cells_of(part, hours.start_us, hours.end_us),
                                around =
                                    cells_of(part, mtr_time_later(hours.start_us, last_us), hours.end_us);
    if (!has_hours(part)) return MTR_OK;
    int rc = fold_find_log_range(aggregator, &around, &switching->carried);
    if (!rc) rc = mtr_rollups_walk_cells(aggregator->txn, &range, on_emptied_cell, switching);
    if (!rc) rc = mtr_rollups_delete_cells(aggregator->txn, &range);
    if (!rc && mtr_meter_has_one_list(part->meter)) rc = empty_lists(aggregator, part);
    return rc;
}

static int fill_part(void *context, const struct part *part)
{
    struct switching *switching = context;
    const bool is_its_own = part->subscription->number == switching->subscription->number &&
                            mtr_str_equal(part->meter->event_type, switching->event->type);
    if (!is_its_own || !has_hours(part)) return MTR_OK;
    const struct mtr_effect effect = {.subscription = switching->subscription,
                                      .meter = part->meter,
                                      .hours = &part->hours,
                                      .hour_count = 1};
    return fold_count_again(switching->aggregator, &effect, switching->event, switching->seq,
                            &switching->standing);
}

static int compare_moved(const void *a, const void *b)
{
    const struct fold_moved *x = a, *y = b;
    return (x->seq > y->seq) - (x->seq < y->seq);
}

static void sort(struct fold_move_round *round)
{
    size_t kept = 0;
    if (round->sorted == round->count) return;
    qsort(round->events, round->count, sizeof(*round->events), compare_moved);
    for (size_t i = 0; i < round->count; i++) {
        const struct fold_moved *moved = &round->events[i];
        struct fold_moved *last = kept ? &round->events[kept - 1] : NULL;
        if (last && last->seq == moved->seq)
            last->time.end_us = mtr_time_later(last->time.end_us, moved->time.end_us);
        else round->events[kept++] = *moved;
    }
    round->sorted = round->count = kept;
}

/* In the order of the log. */
static int fill(struct parts *parts, struct switching *switching, uint32_t *filled)
{
    struct mtr_aggregator *aggregator = switching->aggregator;
    struct fold_move_round *round = &aggregator->moves->round;
    int rc = MTR_OK;
    sort(round);
    for (size_t i = 0; !rc && i < round->count; i++) {
        if (!fold_move_reaches(round->events[i].time, parts->move->at_us, parts->until_us)) continue;
        switching->seq = round->events[i].seq;
        rc = fold_read(aggregator, switching->seq, &switching->event);
        if (rc) return rc == MTR_ENOTFOUND ? MTR_ECORRUPT : rc; /* it was read when it was noted */
        switching->subscription = fold_find_subscription(aggregator, switching->event);
        switching->standing = (struct fold_standing){.is_known = false};
        if (switching->subscription) rc = walk_parts(parts);
        (*filled)++;
    }
    return rc;
}

/* Events of the last hours that were emptied may be of an hour that another subscription has not switched
 * yet. Of a short piece those of its begin may be, too. */
static void carry_on(struct fold_move *move, const struct switching *switching)
{
    const bool is_short = switching->until_us - move->at_us < 3 * MTR_US_PER_HOUR;
    const struct fold_log_range before = move->carried;
    move->carried = switching->carried;
    if (is_short && before.seq_first <= before.seq_last)
        fold_widen(&move->carried, before.seq_first, before.seq_last);
}

static int switch_piece(struct mtr_aggregator *aggregator, uint64_t *change)
{
    struct fold_move *move = fold_first_move(aggregator);
    struct fold_move_round *round = &aggregator->moves->round;
    struct switching switching = {.aggregator = aggregator, .change = change, .carried = FOLD_NO_LOG_RANGE};
    struct parts parts;
    uint32_t filled = 0;
    int rc = open_parts(aggregator, &parts);
    if (!rc) rc = choose_end(&parts, aggregator->step_events_max, round->until_us);
    switching.until_us = parts.until_us;
    parts.context = &switching;
    parts.on_part = empty_part;
    if (!rc && !round->is_kept) rc = walk_parts(&parts);
    parts.on_part = fill_part;
    if (!rc && !round->is_kept) rc = fill(&parts, &switching, &filled);
    if (rc) return rc;
    const uint32_t paid = filled < aggregator->budget ? filled : aggregator->budget;
    aggregator->budget -= paid;
    aggregator->events += paid;
    carry_on(move, &switching);
    move->at_us = parts.until_us;
    if (move->at_us >= round->until_us) fold_drop_round(aggregator->moves);
    return move->at_us < end_of(move) ? fold_put_move(aggregator, move) : fold_end_move(aggregator);
}

int fold_reassign_switch(struct mtr_aggregator *aggregator, uint64_t *change)
{
    const struct fold_move_round *round = &aggregator->moves->round;
    int rc = MTR_OK;
    if (!fold_reassign_is_waiting(aggregator)) return MTR_OK;
    MTR_ASSERT(!aggregator->cells.count); /* what is emptied has no gain that waits */
    if (round->is_begun && is_scanned(round)) rc = switch_piece(aggregator, change);
    if (!rc && !round->is_begun && fold_reassign_is_waiting(aggregator)) rc = begin_round(aggregator);
    return rc;
}
