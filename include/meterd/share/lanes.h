/*
 * Work that waits, served in turn: a lane for each owner, so that who brings much waits behind himself and
 * not before the others.
 *
 *   owner 7   ■ ■ ■ ■ ■ ─┐
 *   owner 12  ■         ─┼─▶ 7, 12, 9, 7, 9, 7 …
 *   owner 9   ■ ■       ─┘
 *
 * Round robin with a credit (M. Shreedhar and G. Varghese, "Efficient Fair Queueing Using Deficit
 * Round-Robin", SIGCOMM 1995): a lane whose turn comes may spend `quantum` of whatever its user counts,
 * events or bytes; who spends more owes it and is passed over until it is paid.
 *
 * An owner may have work out as well, which was taken and is not done (mtr_lanes_take): lanes know how
 * many, so that one owner does not have all hands. Everything costs the same however many lanes and items
 * there are, but for lanes that are passed over.
 *
 * Items are their users' memory and stand in at most one lane. Not thread-safe: whoever shares lanes locks.
 */
#ifndef METERD_SHARE_LANES_H
#define METERD_SHARE_LANES_H

#include <stdbool.h>
#include <stdint.h>

#include "meterd/core/error.h"
#include "meterd/share/owner.h"

struct mtr_lane_item {
    uint64_t weight;                       /* of the bound that all share, as bytes; set by whoever puts it */
    struct mtr_lane_item *next, *previous; /* private */
};

struct mtr_lane {
    mtr_owner owner;
    struct mtr_lane_item *first; /* the next one to be served; NULL when none waits */
    struct mtr_lane_item *last;
    uint32_t waiting;                 /* items */
    uint32_t out;                     /* taken, and not done */
    uint64_t weight;                  /* of both */
    int64_t credit;                   /* of its turn; negative: owed */
    struct mtr_lane *next, *previous; /* of those that have items, in a ring; or of those that are free */
    struct mtr_lane *chained;         /* of the same place in the table */
};

struct mtr_lanes {
    struct mtr_lane *at; /* whose turn it is; NULL: nothing waits */
    uint32_t waiting;    /* items of all lanes */
    uint32_t lanes;      /* that have items */
    uint32_t out;
    uint64_t weight;
    uint32_t items_max; /* waiting and out */
    uint64_t weight_max;
    int64_t quantum;
    struct mtr_lane *free, **table;
    uint32_t table_mask;
};

/* For about items_max items, waiting and out: that bound, and the one of their weight, may be set anew later.
 * Lanes are allocated for owners who come, and kept. MTR_ENOMEM. */
int mtr_lanes_init(struct mtr_lanes *lanes, uint32_t items_max, uint64_t weight_max,
                   int64_t quantum) MTR_MUST_USE;
void mtr_lanes_release(struct mtr_lanes *lanes); /* items may be left: they are their users' */

/* How many an owner has, waiting and out. */
uint32_t mtr_lanes_of(const struct mtr_lanes *lanes, mtr_owner owner);

/* At the end of the owner's lane. MTR_EFULL: that would be more than his share, which is as much as is
 * free, of items and of weight. So one owner alone gets a half of all and the next one a half of what is
 * left: there is room for whoever comes. Where nothing is, one item may be of any weight. MTR_ENOMEM. */
int mtr_lanes_put(struct mtr_lanes *lanes, mtr_owner owner, struct mtr_lane_item *item) MTR_MUST_USE;
/* Before the owner's other items, and it is not asked whether there is room: work that goes on, which was let
 * in before. MTR_ENOMEM. */
int mtr_lanes_put_on(struct mtr_lanes *lanes, mtr_owner owner, struct mtr_lane_item *item) MTR_MUST_USE;
/* Out of the lane where it waits. */
void mtr_lanes_remove(struct mtr_lanes *lanes, mtr_owner owner, struct mtr_lane_item *item);

/* The item whose turn it is; NULL when none waits. It stays where it is, until it is served. */
struct mtr_lane_item *mtr_lanes_first(struct mtr_lanes *lanes);
/* Something of that item was served, which cost so much of its lane's credit; all of it: it leaves. When the
 * credit is spent it is the next lane's turn: true. A lane that is alone has turn after turn. */
bool mtr_lanes_serve(struct mtr_lanes *lanes, int64_t cost, bool is_all);

/* Takes an item out, each time the next lane's, of an owner that has fewer than out_max out. NULL: there is
 * none. */
struct mtr_lane_item *mtr_lanes_take(struct mtr_lanes *lanes, uint32_t out_max);
/* An item of that owner that was taken is done; it may be gone, its weight was that. */
void mtr_lanes_done(struct mtr_lanes *lanes, mtr_owner owner, uint64_t weight);

#endif
