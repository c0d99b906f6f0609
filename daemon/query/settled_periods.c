/*
 * Periods that are settled together; see settled_periods.h.
 *
 * Invariants: a period waits at most once; whoever is priced tells all that count with him. The earliest is
 * priced first, so that most are priced once: again only those in front of an account's subscription that
 * begins later in the billing period.
 */
#include "daemon/query/settled_periods.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "meterd/core/time.h"
#include "meterd/rater/rater.h"

enum {
    ARENA_CHUNK_BYTES = 1 << 16,
    SLOTS_MIN = 256,
    PEERS_OF_A_PERIOD = 32, /* so many of an account are looked at in the time that one period is priced in */
    STOP = 1
};

void query_settling_open(struct query_settling *settling, size_t bytes_max)
{
    mtr_arena_init(&settling->arena, ARENA_CHUNK_BYTES, bytes_max);
}

void query_settling_close(struct query_settling *settling)
{
    mtr_arena_release(&settling->arena);
}

/* ---- which are known ---- */

static uint32_t *find_slot(const struct query_settling *settling, uint32_t subscription, int64_t name_us)
{
    const int64_t key[] = {subscription, name_us};
    uint32_t at = (uint32_t)XXH3_64bits(key, sizeof(key)) & (settling->slot_count - 1);
    for (; settling->slots[at]; at = (at + 1) & (settling->slot_count - 1)) {
        const struct query_settled *item = &settling->items[settling->slots[at] - 1];
        if (item->subscription == subscription && item->name_us == name_us) break;
    }
    return &settling->slots[at];
}

/* At least half of the slots stay empty. */
static int make_slots(struct query_settling *settling)
{
    if (settling->count < settling->slot_count / 2) return MTR_OK;
    const uint32_t slot_count = settling->slot_count ? 2 * settling->slot_count : SLOTS_MIN;
    uint32_t *slots = mtr_arena_calloc(&settling->arena, slot_count, sizeof(*slots));
    if (!slots) return MTR_ENOMEM;
    settling->slots = slots;
    settling->slot_count = slot_count;
    for (uint32_t i = 0; i < settling->count; i++)
        *find_slot(settling, settling->items[i].subscription, settling->items[i].name_us) = i + 1;
    return MTR_OK;
}

static uint32_t place_of(const struct query_settling *settling, uint32_t subscription, int64_t name_us)
{
    return settling->slot_count ? *find_slot(settling, subscription, name_us) : 0;
}

const struct query_settled *query_settling_find(const struct query_settling *settling, uint32_t subscription,
                                                int64_t name_us)
{
    const uint32_t place = place_of(settling, subscription, name_us);
    return place ? &settling->items[place - 1] : NULL;
}

static int add(struct query_settling *settling, uint32_t subscription, int64_t name_us, uint32_t *place)
{
    int rc = make_slots(settling);
    if (!rc)
        rc = mtr_arena_make_room(&settling->arena, (void **)&settling->items, settling->count,
                                 &settling->capacity, sizeof(*settling->items));
    if (rc) return rc;
    *find_slot(settling, subscription, name_us) = *place = settling->count + 1;
    settling->items[settling->count++] =
        (struct query_settled){.subscription = subscription, .name_us = name_us};
    return MTR_OK;
}

/* ---- which wait ---- */

static bool is_before(const struct query_settling *settling, uint32_t a, uint32_t b)
{
    const struct query_settled *x = &settling->items[a], *y = &settling->items[b];
    return x->name_us != y->name_us ? x->name_us < y->name_us : x->subscription < y->subscription;
}

static int push(struct query_settling *settling, uint32_t index)
{
    int rc = mtr_arena_make_room(&settling->arena, (void **)&settling->heap, settling->heap_count,
                                 &settling->heap_capacity, sizeof(*settling->heap));
    if (rc) return rc;
    uint32_t *heap = settling->heap, at = settling->heap_count++;
    for (; at && is_before(settling, index, heap[(at - 1) / 2]); at = (at - 1) / 2)
        heap[at] = heap[(at - 1) / 2];
    heap[at] = index;
    return MTR_OK;
}

static uint32_t pop(struct query_settling *settling)
{
    uint32_t *heap = settling->heap, at = 0;
    const uint32_t first = heap[0], last = heap[--settling->heap_count];
    for (uint32_t child; (child = 2 * at + 1) < settling->heap_count; at = child) {
        const bool has_other = child + 1 < settling->heap_count;
        if (has_other && is_before(settling, heap[child + 1], heap[child])) child++;
        if (!is_before(settling, heap[child], last)) break;
        heap[at] = heap[child];
    }
    heap[at] = last;
    return first;
}

int query_settling_mark(struct query_settling *settling, uint32_t subscription, int64_t name_us)
{
    uint32_t place = place_of(settling, subscription, name_us);
    int rc = place ? MTR_OK : add(settling, subscription, name_us, &place);
    if (!rc && !settling->items[place - 1].is_waiting) rc = push(settling, place - 1);
    if (!rc) settling->items[place - 1].is_waiting = true;
    return rc == MTR_ENOMEM ? MTR_ELIMIT : rc;
}

bool query_settling_is_full(const struct query_settling *settling)
{
    return settling->priced + settling->heap_count >= settling->priced_max;
}

static int compare_settled(const void *a, const void *b)
{
    const struct query_settled *x = a, *y = b;
    if (x->subscription != y->subscription) return x->subscription < y->subscription ? -1 : 1;
    return (x->name_us > y->name_us) - (x->name_us < y->name_us);
}

void query_settling_sort(struct query_settling *settling)
{
    settling->slot_count = 0;
    if (settling->count > 1)
        qsort(settling->items, settling->count, sizeof(*settling->items), compare_settled);
}

/* ---- as a ledger ---- */

static int draw_before(void *context, struct mtr_charge_draw *draw)
{
    struct query_settling *settling = context;
    return query_drafted_before(&settling->draws, draw);
}

static int add_account(void *context, const struct mtr_subscription *subscription,
                       const struct mtr_period *whole, struct mtr_money *sum)
{
    struct query_settling *settling = context;
    struct query_account_sums sums;
    int rc = query_account_before(&settling->accounts, subscription, whole, &sums);
    return rc ? rc : mtr_money_add(*sum, sums.drafted, sum);
}

const struct mtr_draw_ledger query_ledger_of_settled = {.draw_before = draw_before, .account = add_account};

/* Of what cannot be priced stays what was charged. */
static int add_drafted(void *context, const struct mtr_subscription *subscription, int64_t name_us,
                       struct mtr_money *sum)
{
    const struct query_settling *settling = context;
    const struct query_settled *item = query_settling_find(settling, subscription->number, name_us);
    if (item && item->is_priced && !item->outcome.problem)
        return mtr_money_add(*sum, item->outcome.account, sum);
    if (!settling->charges) return MTR_OK;
    return mtr_account_charged(settling->charges, subscription, name_us, sum);
}

void query_settling_begin(struct query_settling *settling)
{
    mtr_arena_reset(&settling->arena);
    query_drafted_begin(&settling->draws, settling->charges, &settling->arena);
    settling->accounts = (struct query_drafted_accounts){
        .charges = settling->charges, .add_drafted = add_drafted, .context = settling};
    settling->items = NULL;
    settling->slots = settling->heap = NULL;
    settling->count = settling->capacity = settling->slot_count = 0;
    settling->heap_count = settling->heap_capacity = 0;
}

/* ---- one price ---- */

static int compare_names(const struct mtr_charge_line *x, const struct mtr_charge_line *y)
{
    int order = mtr_str_compare(x->component, y->component);
    if (!order) order = mtr_str_compare(x->kind, y->kind);
    return order ? order : mtr_str_compare(x->dimensions, y->dimensions);
}

static int compare_lines(const void *a, const void *b)
{
    const struct mtr_charge_line *x = &((const struct mtr_period_line *)a)->identity,
                                 *y = &((const struct mtr_period_line *)b)->identity;
    const int order = compare_names(x, y);
    return order ? order : (x->part_start_us > y->part_start_us) - (x->part_start_us < y->part_start_us);
}

/* By what the bill calls them: it does not say in which order pools and lines were priced, or of which part
 * each is. Sorts them. */
static int hash_lines(struct mtr_period_price *price, struct mtr_hash128 *out)
{
    XXH3_state_t *state = XXH3_createState();
    if (!state) return MTR_ENOMEM;
    if (price->line_count > 1)
        qsort(price->lines, price->line_count, sizeof(*price->lines), compare_lines);
    XXH3_128bits_reset(state);
    for (uint32_t i = 0; i < price->line_count; i++) {
        const struct mtr_period_line *line = &price->lines[i];
        const struct mtr_str texts[] = {line->identity.component, line->identity.kind,
                                        line->identity.dimensions};
        const mtr_int128 numbers[] = {line->amount.e18, line->cost.e18, line->quantity.e12};
        for (size_t k = 0; k < sizeof(texts) / sizeof(*texts); k++) {
            const uint64_t size = texts[k].size;
            XXH3_128bits_update(state, &size, sizeof(size));
            XXH3_128bits_update(state, texts[k].data, texts[k].size);
        }
        XXH3_128bits_update(state, numbers, sizeof(numbers));
    }
    const XXH128_hash_t hash = XXH3_128bits_digest(state);
    XXH3_freeState(state);
    *out = (struct mtr_hash128){hash.high64, hash.low64};
    return MTR_OK;
}

static int sum_lines(const struct mtr_period_price *price, struct query_outcome *out)
{
    int rc = MTR_OK;
    for (uint32_t i = 0; !rc && i < price->line_count; i++) {
        const struct mtr_period_line *line = &price->lines[i];
        rc = mtr_money_add(out->amount, line->amount, &out->amount);
        if (!rc && line->has_cost) rc = mtr_money_add(out->cost, line->cost, &out->cost);
        out->has_cost = out->has_cost || line->has_cost;
    }
    return rc;
}

static int fill_outcome(struct mtr_period_price *price, struct query_outcome *out)
{
    const struct mtr_billing_period *period = &price->period;
    out->account_before = price->account_before;
    out->line_count = price->line_count;
    out->cell_count = price->cell_count;
    out->priced_from_us = period->part_count ? period->parts[0].start_us : INT64_MAX;
    for (uint32_t i = 0; i < period->part_count; i++)
        out->components += period->parts[i].version->component_count;
    int rc = sum_lines(price, out);
    if (!rc) rc = mtr_period_price_account(price, &out->account);
    return rc ? rc : hash_lines(price, &out->lines);
}

/* Errors that are the period's own, as its numbers are; others end the walk. */
static bool is_problem(int rc)
{
    return rc != MTR_EIO && rc != MTR_ECORRUPT;
}

/* Its closing waits for a source. */
static int find_out_if_held(const struct query_settling *settling, const struct mtr_charge_period *period,
                            bool *is_held)
{
    struct mtr_charge_waiting waiting;
    int rc = mtr_charges_get_waiting(settling->charges, period->subscription, period->start_us, &waiting);
    *is_held = !rc && waiting.reason == MTR_WAITING_SOURCE;
    return rc == MTR_ENOTFOUND ? MTR_OK : rc;
}

/* As the rater will find it: by the end that it has there, and by what is known of it. */
static int find_out_if_over(const struct query_settling *settling, int64_t name_us, struct query_outcome *out)
{
    struct mtr_charge_period known = {.start_us = name_us};
    int rc = settling->charges
                 ? mtr_charges_get_period(settling->charges, out->phase->number, name_us, &known)
                 : MTR_ENOTFOUND;
    if (rc && rc != MTR_ENOTFOUND) return rc;
    bool is_held = false;
    rc = rc ? MTR_OK : find_out_if_held(settling, &known, &is_held);
    if (rc) return rc;
    known.end_us = mtr_time_second(out->end_us + MTR_US_PER_SECOND - 1);
    const bool is_over = mtr_rater_is_over(&known, settling->grace_us, settling->watermark_us);
    out->is_over = !out->exists || (is_over && !is_held);
    return MTR_OK;
}

/* What of it is in the phase's term. */
static void find_bounds(struct query_outcome *out, int64_t name_us)
{
    const struct mtr_subscription *phase = out->phase;
    out->start_us = out->end_us = mtr_billing_period_instant(phase, name_us);
    if (out->start_us < phase->start_us || out->start_us >= phase->end_us) return;
    int64_t end_us = 0;
    out->exists = mtr_billing_period_start(phase, out->start_us, &end_us) == out->start_us &&
                  mtr_billing_period_name(phase, out->start_us) == name_us;
    out->end_us = mtr_time_sooner(end_us, phase->end_us);
}

int query_price_period(struct query_settling *settling, const struct mtr_subscription *phase,
                       int64_t name_us, struct mtr_period_price *price, struct query_outcome *out)
{
    struct mtr_rating rating = query_view_rating(settling->view, settling->charges, settling->prices);
    const struct mtr_subscription *priced = phase;
    rating.ledger = &query_ledger_of_settled;
    rating.ledger_context = settling;
    *price = (struct mtr_period_price){.line_count = 0};
    *out = (struct query_outcome){.phase = phase, .priced_from_us = INT64_MAX};
    find_bounds(out, name_us);
    int rc = find_out_if_over(settling, name_us, out);
    if (rc) return rc;
    rating.closing = out->is_over;
    if (settling->replace) priced = settling->replace(settling->replace_context, phase, out->start_us);
    rc = mtr_billing_period_price(&rating, priced, name_us, price);
    MTR_ASSERT(rc || price->period.exists == out->exists);
    if (!rc) rc = fill_outcome(price, out);
    if (!rc || !is_problem(rc)) return rc;
    *out = (struct query_outcome){.phase = phase,
                                  .start_us = out->start_us,
                                  .end_us = out->end_us,
                                  .exists = out->exists,
                                  .is_over = out->is_over,
                                  .problem = rc,
                                  .why = mtr_period_problem_text(price, rc),
                                  .priced_from_us = INT64_MAX};
    return MTR_OK;
}

/* ---- all of them ---- */

static int on_drawing(void *context, uint32_t subscription, int64_t name_us)
{
    return query_settling_mark(context, subscription, name_us);
}

/* The next one in the account, and what it counted with. */
struct following {
    struct query_settling *settling;
    struct query_account_sums sums; /* of those before it */
    int64_t name_us;                /* of the next; INT64_MAX: there is none */
    uint32_t subscription;
};

/* One that has not begun is none yet. */
static int on_next(void *context, const struct mtr_subscription *subscription, struct mtr_period period)
{
    struct following *next = context;
    struct mtr_money counted = next->sums.charged;
    if (period.start_us > next->settling->watermark_us) return MTR_OK;
    const int64_t name_us = mtr_billing_period_name(subscription, period.start_us);
    const struct query_settled *item = query_settling_find(next->settling, subscription->number, name_us);
    if (item && item->is_priced && !item->outcome.problem) counted = item->outcome.account_before;
    if (counted.e18 != next->sums.drafted.e18) {
        next->name_us = name_us;
        next->subscription = subscription->number;
    }
    return STOP;
}

/* One further: the rest is told when that is priced. */
static int follow_account(struct query_settling *settling, const struct query_outcome *outcome,
                          int64_t name_us)
{
    const struct mtr_subscription *phase = outcome->phase;
    struct following next = {.settling = settling, .name_us = INT64_MAX};
    if (!phase->tariff->has_account || phase->peer_count < 2 || !outcome->exists) return MTR_OK;
    const struct mtr_period whole = mtr_period_at(&phase->billing, outcome->start_us);
    query_account_changed(&settling->accounts, phase, &whole);
    if (outcome->problem) return MTR_OK;
    int rc = query_account_before(&settling->accounts, phase, &whole, &next.sums);
    if (!rc) rc = mtr_money_add(next.sums.drafted, outcome->account, &next.sums.drafted);
    if (!rc && settling->charges)
        rc = mtr_account_charged(settling->charges, phase, name_us, &next.sums.charged);
    if (!rc) rc = mtr_account_walk(phase, &whole, phase->peer_index + 1, phase->peer_count, on_next, &next);
    if (rc && rc != STOP) return rc;
    return next.name_us < INT64_MAX ? query_settling_mark(settling, next.subscription, next.name_us) : MTR_OK;
}

static const struct mtr_subscription *phase_of(const struct query_settling *settling,
                                               const struct query_settled *item)
{
    const struct mtr_subscription *subscription =
        mtr_catalog_subscription(settling->view->catalog, item->subscription);
    return subscription ? mtr_billing_period_phase(subscription, item->name_us) : NULL;
}

/* Hands on what came of it. What cannot be priced stays as it was charged. */
static int tell(struct query_settling *settling, const struct query_settled *item,
                const struct mtr_period_price *price)
{
    int rc = MTR_OK;
    if (!item->outcome.problem)
        rc = query_drafted_note(&settling->draws, item->subscription, item->name_us, price, on_drawing,
                                settling);
    return rc ? rc : follow_account(settling, &item->outcome, item->name_us);
}

static int settle(struct query_settling *settling, uint32_t index)
{
    struct query_settled *item = &settling->items[index];
    const struct mtr_subscription *phase = phase_of(settling, item);
    struct mtr_period_price price;
    struct query_outcome outcome;
    if (!phase) return MTR_OK;
    const uint64_t looked = settling->accounts.looked;
    mtr_arena_reset(settling->prices);
    int rc = query_price_period(settling, phase, item->name_us, &price, &outcome);
    if (!rc && outcome.problem) {
        outcome.why = mtr_arena_strdup(&settling->arena, mtr_str_from(outcome.why));
        if (!outcome.why) rc = MTR_ENOMEM;
    }
    if (rc) return rc;
    settling->cells += outcome.cell_count;
    settling->priced += 1 + (settling->accounts.looked - looked) / PEERS_OF_A_PERIOD;
    item->outcome = outcome;
    item->is_priced = true;
    const struct query_settled priced = *item; /* marking may move them */
    return tell(settling, &priced, &price);
}

int query_settling_run(struct query_settling *settling)
{
    int rc = MTR_OK;
    while (!rc && settling->heap_count) {
        if (settling->priced >= settling->priced_max) return MTR_ELIMIT;
        const uint32_t index = pop(settling);
        settling->items[index].is_waiting = false;
        rc = settle(settling, index);
    }
    return rc == MTR_ENOMEM ? MTR_ELIMIT : rc;
}
