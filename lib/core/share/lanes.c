/*
 * A lane is in the ring while it has items, in the table while it has items or work out, and else among the
 * free ones. What a lane owes is forgotten when it has no more items: those that come then stand behind all
 * others.
 */
#include "meterd/share/lanes.h"

#include <stdlib.h>

int mtr_lanes_init(struct mtr_lanes *lanes, uint32_t items_max, uint64_t weight_max, int64_t quantum)
{
    MTR_ASSERT(items_max > 0 && items_max <= UINT32_MAX / 4 && quantum > 0);
    uint32_t places = 16;
    while (places < items_max) places *= 2;
    *lanes = (struct mtr_lanes){.items_max = items_max,
                                 .weight_max = weight_max,
                                 .quantum = quantum,
                                 .table_mask = places - 1};
    lanes->table = calloc(places, sizeof(struct mtr_lane *));
    return lanes->table ? MTR_OK : MTR_ENOMEM;
}

void mtr_lanes_release(struct mtr_lanes *lanes)
{
    struct mtr_lane *lane, *next;
    for (uint32_t i = 0; lanes->table && i <= lanes->table_mask; i++)
        for (lane = lanes->table[i]; lane; lane = next) {
            next = lane->chained;
            free(lane);
        }
    for (lane = lanes->free; lane; lane = next) {
        next = lane->next;
        free(lane);
    }
    free((void *)lanes->table);
    *lanes = (struct mtr_lanes){0};
}

/* Splitmix64's last steps: owners are small numbers that stand side by side. */
static uint64_t mix(uint64_t value)
{
    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9;
    value = (value ^ value >> 27) * 0x94d049bb133111eb;
    return value ^ value >> 31;
}

/* Where the owner's lane is chained, or would be. */
static struct mtr_lane **place_of(const struct mtr_lanes *lanes, mtr_owner owner)
{
    struct mtr_lane **place = &lanes->table[mix(owner) & lanes->table_mask];
    while (*place && (*place)->owner != owner) place = &(*place)->chained;
    return place;
}

static void join_ring(struct mtr_lanes *lanes, struct mtr_lane *lane)
{
    lanes->lanes++;
    if (!lanes->at) {
        lanes->at = lane->next = lane->previous = lane;
        return;
    }
    lane->next = lanes->at; /* behind all others */
    lane->previous = lanes->at->previous;
    lane->previous->next = lane->next->previous = lane;
}

static void leave_ring(struct mtr_lanes *lanes, struct mtr_lane *lane)
{
    lanes->lanes--;
    lane->previous->next = lane->next;
    lane->next->previous = lane->previous;
    if (lanes->at == lane) lanes->at = lane->next == lane ? NULL : lane->next;
}

static void forget_weight(struct mtr_lanes *lanes, struct mtr_lane *lane, uint64_t weight)
{
    MTR_ASSERT(lane->weight >= weight);
    lane->weight -= weight;
    lanes->weight -= weight;
}

static void let_go(struct mtr_lanes *lanes, struct mtr_lane *lane)
{
    if (lane->first || lane->out) return;
    *place_of(lanes, lane->owner) = lane->chained;
    lane->next = lanes->free;
    lanes->free = lane;
}

static void take_item(struct mtr_lanes *lanes, struct mtr_lane *lane, struct mtr_lane_item *item)
{
    *(item->previous ? &item->previous->next : &lane->first) = item->next;
    *(item->next ? &item->next->previous : &lane->last) = item->previous;
    lane->waiting--;
    lanes->waiting--;
    if (!lane->first) leave_ring(lanes, lane);
}

uint32_t mtr_lanes_of(const struct mtr_lanes *lanes, mtr_owner owner)
{
    const struct mtr_lane *lane = *place_of(lanes, owner);
    return lane ? lane->waiting + lane->out : 0;
}

/* Of the owner whose lane that is; NULL: he has nothing. */
static bool has_share(const struct mtr_lanes *lanes, const struct mtr_lane *lane, uint64_t weight)
{
    const uint32_t items = lanes->waiting + lanes->out, own = lane ? lane->waiting + lane->out : 0;
    if (items == 0) return true;
    if (items >= lanes->items_max || own >= lanes->items_max - items) return false;
    const uint64_t room = lanes->weight < lanes->weight_max ? lanes->weight_max - lanes->weight : 0;
    return weight <= room && (lane ? lane->weight : 0) <= room - weight;
}

static struct mtr_lane *find_free(struct mtr_lanes *lanes)
{
    struct mtr_lane *lane = lanes->free;
    if (!lane) return malloc(sizeof(*lane));
    lanes->free = lane->next;
    return lane;
}

/* The owner's lane, in the ring; NULL without memory. */
static struct mtr_lane *find_lane(struct mtr_lanes *lanes, mtr_owner owner)
{
    struct mtr_lane **place = place_of(lanes, owner), *lane = *place;
    if (!lane) {
        lane = find_free(lanes);
        if (!lane) return NULL;
        *lane = (struct mtr_lane){.owner = owner};
        *place = lane;
    }
    if (!lane->first) join_ring(lanes, lane);
    return lane;
}

static void count_item(struct mtr_lanes *lanes, struct mtr_lane *lane, const struct mtr_lane_item *item)
{
    lane->waiting++;
    lane->weight += item->weight;
    lanes->waiting++;
    lanes->weight += item->weight;
}

int mtr_lanes_put(struct mtr_lanes *lanes, mtr_owner owner, struct mtr_lane_item *item)
{
    if (!has_share(lanes, *place_of(lanes, owner), item->weight)) return MTR_EFULL;
    struct mtr_lane *lane = find_lane(lanes, owner);
    if (!lane) return MTR_ENOMEM;
    item->next = NULL;
    item->previous = lane->last;
    *(lane->last ? &lane->last->next : &lane->first) = item;
    lane->last = item;
    count_item(lanes, lane, item);
    return MTR_OK;
}

int mtr_lanes_put_on(struct mtr_lanes *lanes, mtr_owner owner, struct mtr_lane_item *item)
{
    struct mtr_lane *lane = find_lane(lanes, owner);
    if (!lane) return MTR_ENOMEM;
    item->previous = NULL;
    item->next = lane->first;
    *(lane->first ? &lane->first->previous : &lane->last) = item;
    lane->first = item;
    count_item(lanes, lane, item);
    return MTR_OK;
}

void mtr_lanes_remove(struct mtr_lanes *lanes, mtr_owner owner, struct mtr_lane_item *item)
{
    struct mtr_lane *lane = *place_of(lanes, owner);
    MTR_ASSERT(lane && lane->waiting);
    take_item(lanes, lane, item);
    forget_weight(lanes, lane, item->weight);
    let_go(lanes, lane);
}

/* The next lane's turn. */
static void pass_on(struct mtr_lanes *lanes)
{
    lanes->at = lanes->at->next;
}

struct mtr_lane_item *mtr_lanes_first(struct mtr_lanes *lanes)
{
    if (!lanes->at) return NULL;
    if (lanes->lanes == 1 && lanes->at->credit < 0) lanes->at->credit = 0; /* it is owed to nobody */
    while (lanes->at->credit <= 0) {
        lanes->at->credit += lanes->quantum;
        if (lanes->at->credit <= 0) pass_on(lanes);
    }
    return lanes->at->first;
}

bool mtr_lanes_serve(struct mtr_lanes *lanes, int64_t cost, bool is_all)
{
    struct mtr_lane *lane = lanes->at;
    struct mtr_lane_item *item = lane->first;
    lane->credit -= cost;
    const bool is_over = lane->credit <= 0;
    if (is_over) pass_on(lanes);
    if (!is_all) return is_over;
    take_item(lanes, lane, item);
    forget_weight(lanes, lane, item->weight);
    let_go(lanes, lane);
    return is_over || lanes->at != lane;
}

struct mtr_lane_item *mtr_lanes_take(struct mtr_lanes *lanes, uint32_t out_max)
{
    for (uint32_t i = 0; i < lanes->lanes; i++) {
        struct mtr_lane *lane = lanes->at;
        pass_on(lanes);
        if (lane->out >= out_max) continue;
        struct mtr_lane_item *item = lane->first;
        take_item(lanes, lane, item);
        lane->out++;
        lanes->out++;
        return item;
    }
    return NULL;
}

void mtr_lanes_done(struct mtr_lanes *lanes, mtr_owner owner, uint64_t weight)
{
    struct mtr_lane *lane = *place_of(lanes, owner);
    MTR_ASSERT(lane && lane->out);
    lane->out--;
    lanes->out--;
    forget_weight(lanes, lane, weight);
    let_go(lanes, lane);
}
