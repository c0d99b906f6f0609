/*
 * The ledger of draws: what a rating writes beside its charges.
 *
 * Invariant: after a rating, the period's draws are those of its price, with what stood before them when it
 * was priced; a later draw on the same grant that counts with something else is marked dirty with its period.
 * One mark for each grant of a rating, so a step stays bounded, and the correction walks on with the ratings
 * of those periods.
 */
#include "rater/step.h"

#include "rater/period/price.h"

enum { ARENA_CHUNK_BYTES = 1024 };

struct collected {
    struct mtr_hash128 *grants;
    uint32_t count, capacity;
    struct mtr_arena *arena;
};

static int on_grant(void *context, struct mtr_hash128 grant)
{
    struct collected *collected = context;
    int rc = mtr_arena_make_room(collected->arena, (void **)&collected->grants, collected->count,
                                 &collected->capacity, sizeof(grant));
    if (rc) return rc;
    collected->grants[collected->count++] = grant;
    return MTR_OK;
}

/* The next draw on the grant counts with `drawn` before it, or its period is rated again. */
static int follow(struct rater_step *step, const struct mtr_charge_draw *draw, mtr_int128 drawn)
{
    struct mtr_charge_draw next = *draw;
    struct mtr_charge_period period;
    int rc = mtr_charges_draw_after(step->charges, &next);
    if (rc == MTR_ENOTFOUND || (!rc && next.before == drawn)) return MTR_OK;
    if (rc) return rc;
    /* The chain goes forward, or a correction would walk in a circle. */
    MTR_ASSERT(next.period_start_us > draw->period_start_us ||
               (next.period_start_us == draw->period_start_us && next.subscription > draw->subscription));
    rc = mtr_charges_get_period(step->charges, next.subscription, next.period_start_us, &period);
    if (rc) return rc == MTR_ENOTFOUND ? MTR_ECORRUPT : rc;
    return rater_mark_again(step, &period);
}

static int put_draw(struct rater_step *step, const struct mtr_charge_draw *draw)
{
    struct mtr_charge_draw known = *draw;
    int rc = mtr_charges_get_draw(step->charges, &known);
    if (rc && rc != MTR_ENOTFOUND) return rc;
    if (!rc && known.before == draw->before && known.drawn == draw->drawn) return MTR_OK;
    rc = mtr_charges_put_draw(step->charges, draw);
    if (!rc) rc = mtr_charges_get_draw(step->charges, &known);
    MTR_ASSERT(rc || (known.before == draw->before && known.drawn == draw->drawn)); /* as it was put */
    return rc ? rc : follow(step, draw, draw->before + draw->drawn);
}

/* A grant that the period can no longer draw on. */
static int remove_draw(struct rater_step *step, const struct mtr_charge_draw *draw)
{
    struct mtr_charge_draw before = *draw;
    int rc = mtr_charges_delete_draw(step->charges, draw);
    if (rc) return rc;
    rc = mtr_charges_draw_before(step->charges, &before);
    if (rc && rc != MTR_ENOTFOUND) return rc;
    return follow(step, draw, rc ? 0 : before.before + before.drawn);
}

static bool has_grant(const struct mtr_grants *grants, struct mtr_hash128 id)
{
    for (uint32_t i = 0; i < grants->count; i++)
        if (grants->items[i].id.high == id.high && grants->items[i].id.low == id.low) return true;
    return false;
}

int rater_post_draws(struct rater_step *step, const struct mtr_charge_period *period,
                     const struct mtr_period_price *price)
{
    struct mtr_charge_draw draw = {.period_start_us = period->start_us, .subscription = period->subscription};
    struct mtr_arena arena; /* of its own: the rater's may be full of prices */
    struct collected known = {.arena = &arena};
    MTR_ASSERT(price->period.name_us == period->start_us &&
               price->subscription->number == period->subscription);
    mtr_arena_init(&arena, ARENA_CHUNK_BYTES, SIZE_MAX); /* of the grants that a period has */
    int rc = mtr_charges_walk_drawn(step->charges, period->subscription, period->start_us, on_grant, &known);
    for (uint32_t i = 0; !rc && i < known.count; i++) {
        draw.grant = known.grants[i];
        if (!has_grant(&price->grants, draw.grant)) rc = remove_draw(step, &draw);
    }
    for (uint32_t i = 0; !rc && i < price->grants.count; i++) {
        const struct mtr_grant *grant = &price->grants.items[i];
        draw.grant = grant->id;
        draw.before = grant->before;
        draw.drawn = grant->drawn;
        /* Together no more than was granted, unless a credit was made smaller than what was drawn of it
         * before. */
        MTR_ASSERT(grant->of_term || !draw.drawn ||
                   (draw.before >= 0 && draw.drawn > 0 && draw.before + draw.drawn <= grant->granted));
        rc = put_draw(step, &draw);
    }
    mtr_arena_release(&arena);
    return rc;
}
