/*
 * Draws under a draft; see drafted_draws.h.
 *
 * A grant has a row for each period that was priced and has it, by (period, subscription) as the store
 * has them: how much more it draws than was charged, and how much more those before it drew when it was
 * priced. So a balance is what the store says, less what the rows before it draw more.
 */
#include "daemon/query/drafted_draws.h"

#include <string.h>

enum { SLOTS_MIN = 64 };

struct drafted_row {
    int64_t name_us;
    uint32_t subscription;
    mtr_int128 more;    /* than was charged, or less: of units 10^-12, of money 10^-18 */
    mtr_int128 counted; /* of the rows before it, when it was priced */
};

struct query_drafted_grant {
    struct mtr_hash128 id;
    bool of_term;
    struct drafted_row *rows; /* ascending */
    uint32_t count, capacity;
    mtr_int128 sum; /* of all rows */
};

void query_drafted_begin(struct query_drafted_draws *draws, struct mtr_charges_txn *charges,
                         struct mtr_arena *arena)
{
    *draws = (struct query_drafted_draws){.charges = charges, .arena = arena};
}

/* ---- grants ---- */

static bool is_same(struct mtr_hash128 a, struct mtr_hash128 b)
{
    return a.high == b.high && a.low == b.low;
}

/* Where it is, or would be put. */
static uint32_t *find_slot(const struct query_drafted_draws *draws, struct mtr_hash128 id)
{
    uint32_t at = (uint32_t)id.low & (draws->slot_count - 1);
    while (draws->slots[at] && !is_same(draws->grants[draws->slots[at] - 1].id, id))
        at = (at + 1) & (draws->slot_count - 1);
    return &draws->slots[at];
}

static struct query_drafted_grant *find(const struct query_drafted_draws *draws, struct mtr_hash128 id)
{
    const uint32_t slot = draws->slot_count ? *find_slot(draws, id) : 0;
    return slot ? &draws->grants[slot - 1] : NULL;
}

/* At least half of the slots stay empty. */
static int make_slots(struct query_drafted_draws *draws)
{
    if (draws->count < draws->slot_count / 2) return MTR_OK;
    const uint32_t slot_count = draws->slot_count ? 2 * draws->slot_count : SLOTS_MIN;
    uint32_t *slots = mtr_arena_calloc(draws->arena, slot_count, sizeof(*slots));
    if (!slots) return MTR_ENOMEM;
    draws->slots = slots;
    draws->slot_count = slot_count;
    for (uint32_t i = 0; i < draws->count; i++) *find_slot(draws, draws->grants[i].id) = i + 1;
    return MTR_OK;
}

static int find_or_add(struct query_drafted_draws *draws, struct mtr_hash128 id,
                       struct query_drafted_grant **out)
{
    if ((*out = find(draws, id)) != NULL) return MTR_OK;
    int rc = make_slots(draws);
    if (!rc)
        rc = mtr_arena_make_room(draws->arena, (void **)&draws->grants, draws->count, &draws->capacity,
                                 sizeof(*draws->grants));
    if (rc) return rc;
    *find_slot(draws, id) = draws->count + 1;
    *out = &draws->grants[draws->count++];
    **out = (struct query_drafted_grant){.id = id};
    return MTR_OK;
}

/* ---- rows ---- */

static int compare(const struct drafted_row *row, int64_t name_us, uint32_t subscription)
{
    if (row->name_us != name_us) return row->name_us < name_us ? -1 : 1;
    return (row->subscription > subscription) - (row->subscription < subscription);
}

/* The first row that is not before it; what those before it draw more in *sum. Most are priced in their
 * order, so that the end is near. */
static uint32_t seek(const struct query_drafted_grant *grant, int64_t name_us, uint32_t subscription,
                     mtr_int128 *sum)
{
    uint32_t at = grant->count;
    *sum = grant->sum;
    while (at > 0 && compare(&grant->rows[at - 1], name_us, subscription) >= 0)
        *sum -= grant->rows[--at].more;
    return at;
}

static bool is_at(const struct query_drafted_grant *grant, uint32_t at, const struct mtr_charge_draw *draw)
{
    return at < grant->count && compare(&grant->rows[at], draw->period_start_us, draw->subscription) == 0;
}

static int insert_row(struct query_drafted_draws *draws, struct query_drafted_grant *grant, uint32_t at,
                      const struct mtr_charge_draw *draw)
{
    int rc = mtr_arena_make_room(draws->arena, (void **)&grant->rows, grant->count, &grant->capacity,
                                 sizeof(*grant->rows));
    if (rc) return rc;
    memmove(grant->rows + at + 1, grant->rows + at, (grant->count - at) * sizeof(*grant->rows));
    grant->rows[at] =
        (struct drafted_row){.name_us = draw->period_start_us, .subscription = draw->subscription};
    grant->count++;
    return MTR_OK;
}

/* ---- who counts with it ---- */

struct noting {
    struct query_drafted_draws *draws;
    struct mtr_charge_draw draw; /* of the period */
    const struct mtr_period_price *price;
    query_on_drawing on_drawing;
    void *context;
};

/* The next draw on the grant, charged or priced, and what it counted with; INT64_MAX: there is none. */
static int find_next(const struct noting *noting, const struct query_drafted_grant *grant, uint32_t at,
                     struct drafted_row *out)
{
    struct mtr_charge_draw next = noting->draw;
    *out = (struct drafted_row){.name_us = INT64_MAX};
    if (at + 1 < grant->count) *out = grant->rows[at + 1];
    next.grant = grant->id;
    int rc = noting->draws->charges ? mtr_charges_draw_after(noting->draws->charges, &next) : MTR_ENOTFOUND;
    if (!rc && compare(out, next.period_start_us, next.subscription) > 0)
        *out = (struct drafted_row){.name_us = next.period_start_us, .subscription = next.subscription};
    return rc == MTR_ENOTFOUND ? MTR_OK : rc;
}

/* One further: the rest is told when that is priced. */
static int follow(const struct noting *noting, const struct query_drafted_grant *grant, uint32_t at,
                  mtr_int128 sum)
{
    struct drafted_row next;
    int rc = find_next(noting, grant, at, &next);
    if (rc || next.name_us == INT64_MAX || next.counted == sum) return rc;
    return noting->on_drawing(noting->context, next.subscription, next.name_us);
}

static int note_draw(struct noting *noting, struct mtr_hash128 id, bool of_term, mtr_int128 drawn)
{
    struct query_drafted_draws *draws = noting->draws;
    struct query_drafted_grant *grant = NULL;
    struct mtr_charge_draw charged = noting->draw;
    mtr_int128 before;
    charged.grant = id;
    charged.drawn = 0;
    int rc = draws->charges ? mtr_charges_get_draw(draws->charges, &charged) : MTR_OK;
    if (rc && rc != MTR_ENOTFOUND) return rc;
    rc = find_or_add(draws, id, &grant);
    if (rc) return rc;
    const uint32_t at = seek(grant, noting->draw.period_start_us, noting->draw.subscription, &before);
    if (!is_at(grant, at, &noting->draw)) rc = insert_row(draws, grant, at, &noting->draw);
    if (rc) return rc;
    struct drafted_row *row = &grant->rows[at];
    grant->of_term = grant->of_term || of_term;
    grant->sum += drawn - charged.drawn - row->more;
    row->more = drawn - charged.drawn;
    row->counted = before;
    return follow(noting, grant, at, before + row->more);
}

static bool has_grant(const struct mtr_period_price *price, struct mtr_hash128 grant)
{
    for (uint32_t i = 0; i < price->grants.count; i++)
        if (is_same(price->grants.items[i].id, grant)) return true;
    return false;
}

/* A grant that the period can no longer draw on: what it drew is another's. */
static int on_charged_grant(void *context, struct mtr_hash128 grant)
{
    struct noting *noting = context;
    return has_grant(noting->price, grant) ? MTR_OK : note_draw(noting, grant, false, 0);
}

int query_drafted_note(struct query_drafted_draws *draws, uint32_t subscription, int64_t name_us,
                       const struct mtr_period_price *price, query_on_drawing on_drawing, void *context)
{
    struct noting noting = {.draws = draws,
                            .draw = {.subscription = subscription, .period_start_us = name_us},
                            .price = price,
                            .on_drawing = on_drawing,
                            .context = context};
    int rc = MTR_OK;
    for (uint32_t i = 0; !rc && i < price->grants.count; i++) {
        const struct mtr_grant *grant = &price->grants.items[i];
        rc = note_draw(&noting, grant->id, grant->of_term, grant->drawn);
    }
    if (rc || !draws->charges) return rc;
    return mtr_charges_walk_drawn(draws->charges, subscription, name_us, on_charged_grant, &noting);
}

int query_drafted_before(struct query_drafted_draws *draws, struct mtr_charge_draw *draw)
{
    const struct query_drafted_grant *grant = find(draws, draw->grant);
    const int64_t name_us = draw->period_start_us;
    const uint32_t subscription = draw->subscription;
    int rc = mtr_ledger_of_charges.draw_before(draws->charges, draw);
    if (!grant || (rc && rc != MTR_ENOTFOUND)) return rc;
    mtr_int128 more;
    if (rc) draw->before = draw->drawn = 0;
    (void)seek(grant, name_us, subscription, &more);
    draw->before += draw->drawn + more;
    draw->drawn = 0;
    /* What is charged may wait to be rated: nobody gives back to a pool. */
    if (!grant->of_term && draw->before < 0) draw->before = 0;
    return MTR_OK;
}
