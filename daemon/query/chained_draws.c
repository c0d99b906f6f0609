/*
 * Draws that are not as they were charged; see chained_draws.h. Invariant: only grants of which more or less
 * is drawn are kept, and those that a later period could draw on.
 */
#include "daemon/query/chained_draws.h"

#include "meterd/core/time.h"

void query_draws_begin(struct query_draws *draws, struct mtr_charges_txn *charges)
{
    draws->charges = charges;
    draws->count = 0;
    draws->is_full = false;
}

static bool is_same(struct mtr_hash128 a, struct mtr_hash128 b)
{
    return a.high == b.high && a.low == b.low;
}

static struct query_draw *find(struct query_draws *draws, struct mtr_hash128 grant)
{
    for (uint32_t i = 0; i < draws->count; i++)
        if (is_same(draws->items[i].grant, grant)) return &draws->items[i];
    return NULL;
}

/* Those that come to nothing, or that nobody asks for from that time on, make room. */
static void tidy(struct query_draws *draws, int64_t time_us)
{
    for (uint32_t i = draws->count; i-- > 0;)
        if (!draws->items[i].more || draws->items[i].expires_us <= time_us)
            draws->items[i] = draws->items[--draws->count];
}

static void add(struct query_draws *draws, const struct query_draw *draw)
{
    struct query_draw *known = find(draws, draw->grant);
    if (known) {
        known->more += draw->more;
        known->of_term = known->of_term || draw->of_term;
        known->expires_us = mtr_time_later(known->expires_us, draw->expires_us);
    } else if (!draw->more) {
        return;
    } else if (draws->count == QUERY_DRAWS_MAX) {
        draws->is_full = true;
    } else {
        draws->items[draws->count++] = *draw;
    }
}

/* What a period drew of a grant as it was charged. */
static int charged(struct query_draws *draws, struct mtr_charge_draw *draw)
{
    draw->drawn = 0;
    int rc = draws->charges ? mtr_charges_get_draw(draws->charges, draw) : MTR_OK;
    return rc == MTR_ENOTFOUND ? MTR_OK : rc;
}

static int add_grant(struct query_draws *draws, struct mtr_charge_draw *draw, const struct mtr_grant *grant)
{
    draw->grant = grant->id;
    int rc = charged(draws, draw);
    const struct query_draw more = {.grant = grant->id,
                                    .of_term = grant->of_term,
                                    .expires_us = grant->pool.expires_us,
                                    .more = grant->drawn - draw->drawn};
    if (!rc) add(draws, &more);
    return rc;
}

static bool has_grant(const struct mtr_period_price *price, struct mtr_hash128 grant)
{
    for (uint32_t i = 0; price && i < price->grants.count; i++)
        if (is_same(price->grants.items[i].id, grant)) return true;
    return false;
}

struct noting {
    struct query_draws *draws;
    struct mtr_charge_draw draw;
    const struct mtr_period_price *price;
};

/* A grant that the period can no longer draw on: what is left of it is another's. */
static int on_charged_grant(void *context, struct mtr_hash128 grant)
{
    struct noting *noting = context;
    if (has_grant(noting->price, grant)) return MTR_OK;
    noting->draw.grant = grant;
    int rc = charged(noting->draws, &noting->draw);
    const struct query_draw less = {
        .grant = grant, .expires_us = INT64_MAX, .more = -noting->draw.drawn};
    if (!rc) add(noting->draws, &less);
    return rc;
}

int query_draws_note(struct query_draws *draws, uint32_t subscription, int64_t start_s,
                     const struct mtr_period_price *price)
{
    struct noting noting = {
        .draws = draws,
        .draw = {.subscription = subscription, .period_start_s = start_s},
        .price = price,
    };
    int rc = MTR_OK;
    tidy(draws, start_s * MTR_US_PER_SECOND);
    for (uint32_t i = 0; !rc && price && i < price->grants.count; i++)
        rc = add_grant(draws, &noting.draw, &price->grants.items[i]);
    if (!rc && draws->charges)
        rc = mtr_charges_walk_drawn(draws->charges, subscription, start_s, on_charged_grant, &noting);
    tidy(draws, INT64_MIN);
    return rc;
}

bool query_counts_others(const struct mtr_period_price *price)
{
    for (uint32_t i = 0; i < price->grants.count; i++) {
        const struct mtr_credit *credit = price->grants.items[i].credit;
        if (credit && !credit->subscription) return true;
    }
    for (uint32_t i = 0; price->subscription->peer_count > 1 && i < price->period.part_count; i++) {
        const struct mtr_tariff_version *version = price->period.parts[i].version;
        if (version->account.has_minimum || version->account.has_cap) return true;
    }
    return false;
}

bool query_draws_differ(const struct query_draws *draws)
{
    return draws->count > 0 || draws->is_full;
}

static int draw_before(void *context, struct mtr_charge_draw *draw)
{
    struct query_draws *draws = context;
    int rc = mtr_ledger_of_charges.draw_before(draws->charges, draw);
    const struct query_draw *known = find(draws, draw->grant);
    if (!known || (rc && rc != MTR_ENOTFOUND)) return rc;
    if (rc) draw->before = draw->drawn = 0;
    draw->before += draw->drawn + known->more;
    draw->drawn = 0;
    /* What is charged may wait to be rated: nobody gives back to a pool. */
    if (!known->of_term && draw->before < 0) draw->before = 0;
    return MTR_OK;
}

static int walk_lines(void *context, uint32_t subscription, int64_t period_start_s,
                      mtr_charges_on_line on_line, void *hook_context)
{
    const struct query_draws *draws = context;
    return mtr_ledger_of_charges.lines(draws->charges, subscription, period_start_s, on_line, hook_context);
}

const struct mtr_draw_ledger query_ledger_of_draws = {.draw_before = draw_before, .lines = walk_lines};
