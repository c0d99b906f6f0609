/*
 * What a change does to closed periods. Which subscriptions it touches its reach says (change_reach.h), which
 * periods the hash of their inputs. They are settled under the draft with all that count with them
 * (settled_periods.h), and what comes of it is laid beside their price as it is.
 *
 * Invariants: reads only. A pair of read transactions for a chunk of subscriptions, the charges' first, so
 * that the rollups are never older than what the rater had seen. Those that share something (sharing.h) are
 * of one chunk.
 */
#include "meterd/query/closed_periods.h"

#include <stdio.h>

#include "daemon/query/change_reach.h"
#include "daemon/query/changed_inputs.h"
#include "daemon/query/held_subjects.h"
#include "daemon/query/recounted_use.h"
#include "daemon/query/settled_periods.h"
#include "daemon/query/sharing.h"
#include "meterd/core/time.h"

enum {
    SINGLES_MAX = 64, /* chunks of one group */
    ARENA_CHUNK_BYTES = 1 << 16,
    RECOUNT_BYTES_MAX = 256 << 20,
    SETTLED_BYTES_MAX = 256 << 20,
    STOP = 1
};

/* Subscriptions that are touched: hours of all of them are counted again at once, so that the log is read
 * once; where that is too much of fewer, and at last group by group. */
static const uint32_t chunk_sizes[] = {16384, 1024, 1};

struct looking {
    const struct mtr_closed_periods_options *options;
    mtr_on_closed_period on_period;
    void *context;
    struct mtr_rollups_txn *rollups;
    struct mtr_charges_txn *charges;
    struct mtr_arena arena;
    struct query_view stored_view, draft_view;
    struct query_settling stored_side, draft_side;
    struct query_sharing sharing;
    struct query_held_subjects held;
    int64_t watermark_us;
    uint32_t looked_at;
    const uint32_t *chunk; /* of the sizes */
    uint32_t singles;
    bool ended;       /* by a bound */
    bool passed_over; /* one whose use could not be counted */
    const struct mtr_meter *uncounted; /* as in the extent */
    const struct mtr_subscription *handed_over, *gone;
    const struct mtr_subscription *stored, *draft; /* at hand: their first phases; stored NULL: it is new */
    struct query_reach reach;
    bool dated; /* all that touches the group at hand */
};

/* ---- what is told ---- */

/* Of one period; of two, where it is another customer's or in another currency by the draft, or where its
 * start lies elsewhere in the same second. The one that it was is taken back. */
struct telling {
    struct mtr_closed_period now, former;
    bool has_former;
};

static void name_period(struct mtr_closed_period *period, const struct query_outcome *outcome)
{
    period->subscription = outcome->phase;
    period->start_us = outcome->start_us;
    period->end_us = outcome->end_us;
}

/* Each side by its own customer, currency and start. One side alone is the period. */
static void tell_sides(struct telling *telling, const struct query_outcome *stored,
                       const struct query_outcome *draft)
{
    struct mtr_closed_period *now = &telling->now, *former = &telling->former;
    if (!stored->exists) return;
    if (!draft->exists) {
        name_period(now, stored);
        return;
    }
    telling->has_former = stored->start_us != draft->start_us ||
                          !mtr_str_equal(stored->phase->customer, draft->phase->customer) ||
                          !mtr_str_equal(stored->phase->currency, draft->phase->currency);
    if (!telling->has_former) return;
    *former = *now;
    name_period(former, stored);
    former->is_former = true;
    former->after = now->before = (struct mtr_money){0};
}

/* More than is priced here at once: it was rated line range by line range. */
static bool is_too_large(int problem)
{
    return problem == MTR_ENOMEM || problem == MTR_ELIMIT;
}

/* Another price, or the same for another customer? Then *telling says so. */
static bool compare(struct telling *telling, const struct query_outcome *stored,
                    const struct query_outcome *draft)
{
    struct mtr_closed_period *now = &telling->now;
    name_period(now, draft);
    now->problem = stored->problem;
    if (stored->problem) /* else it cannot be rated now either: nothing of it is promised */
        return is_too_large(stored->problem);
    now->before = stored->amount;
    now->after = draft->amount;
    now->problem = draft->problem;
    if (draft->problem) {
        snprintf(now->why, sizeof(now->why), "%s", draft->why);
        return true;
    }
    const bool same_customer =
        !stored->phase || mtr_str_equal(stored->phase->customer, draft->phase->customer);
    tell_sides(telling, stored, draft);
    return !query_has_same_lines(stored, draft) || (!same_customer && stored->line_count);
}

/* Nothing of one that is new. */
static int price_stored(struct looking *looking, const struct query_settled *item, struct query_outcome *out)
{
    const struct mtr_subscription *stored =
        mtr_catalog_subscription(looking->options->stored, item->subscription);
    struct mtr_period_price price;
    *out = (struct query_outcome){.line_count = 0};
    if (!stored) return MTR_OK;
    mtr_arena_reset(&looking->arena);
    return query_price_period(&looking->stored_side, mtr_billing_period_phase(stored, item->name_us),
                              item->name_us, &price, out);
}

/* It is closed; or there was none, and by the draft there is one that is over. */
static int find_closed(const struct looking *looking, const struct query_settled *item, bool *out)
{
    struct mtr_charge_period known;
    int rc = mtr_charges_get_period(looking->charges, item->subscription, item->name_us, &known);
    if (rc == MTR_ENOTFOUND) {
        *out = item->outcome.exists && item->outcome.end_us <= looking->watermark_us;
        return MTR_OK;
    }
    if (!rc) *out = known.status == MTR_PERIOD_FINAL && known.close_due_us == INT64_MAX;
    return rc;
}

static struct query_change change_of(const struct looking *looking)
{
    return (struct query_change){looking->options->stored, looking->options->draft, looking->stored,
                                 looking->draft, query_is_held(&looking->held, looking->draft->number)};
}

/* Is there such a subscription, and does the change touch it? Then it is at hand. */
static bool take(struct looking *looking, uint32_t number)
{
    looking->stored = mtr_catalog_subscription(looking->options->stored, number);
    looking->draft = mtr_catalog_subscription(looking->options->draft, number);
    if (!looking->draft) return false;
    const struct query_change change = change_of(looking);
    looking->reach = query_reach_of(&change);
    return looking->reach.from_us < INT64_MAX;
}

static int tell_period(struct looking *looking, const struct query_settled *item)
{
    const bool is_touched = take(looking, item->subscription);
    struct telling telling = {.now = {.dated = is_touched ? looking->reach.dated : looking->dated}};
    struct query_outcome stored;
    bool is_closed = false;
    int rc = find_closed(looking, item, &is_closed);
    if (rc || !is_closed) return rc;
    rc = price_stored(looking, item, &stored);
    if (rc || !compare(&telling, &stored, &item->outcome)) return rc;
    if (telling.has_former) rc = looking->on_period(looking->context, &telling.former);
    return rc ? rc : looking->on_period(looking->context, &telling.now);
}

/* ---- the periods of one subscription ---- */

/* A new meter that the draft prices from a time on that is over. */
static const struct mtr_meter *find_uncounted(const struct looking *looking,
                                              const struct mtr_subscription *phase)
{
    const struct mtr_tariff_document *tariff = phase->tariff;
    for (uint32_t i = 0; i < tariff->version_count; i++) {
        const struct mtr_tariff_version *version = &tariff->versions[i];
        if (mtr_tariff_version_start(version, phase->zone) >= looking->watermark_us) break;
        for (uint32_t j = 0; j < version->component_count; j++)
            for (uint32_t k = 0; k < version->components[j].input_count; k++) {
                const struct mtr_str name = version->components[j].inputs[k];
                const struct mtr_meter *meter = mtr_catalog_find_meter(looking->options->draft, name);
                if (meter && !mtr_catalog_meter(looking->options->stored, meter->number)) return meter;
            }
    }
    return NULL;
}

static void note_uncounted(struct looking *looking)
{
    const uint32_t count = mtr_subscription_phase_count(looking->draft);
    for (uint32_t i = 0; !looking->uncounted && i < count; i++)
        looking->uncounted = find_uncounted(looking, mtr_subscription_phase(looking->draft, i));
}

/* Those that the draft can reach, and of these those whose inputs are others. */
static int mark_periods(struct looking *looking)
{
    struct mtr_period within = {looking->reach.from_us, looking->watermark_us + 1};
    struct query_period_pairs pairs;
    struct query_period_pair pair;
    int rc = MTR_OK;
    /* One that ends there may have ended for a change that is taken out. */
    if (within.start_us > INT64_MIN) within.start_us--;
    query_pairs_begin(&pairs, looking->stored, looking->draft, within);
    while (!rc && query_pairs_next(&pairs, &pair)) {
        bool differs = false;
        if (looking->looked_at == looking->options->looked_at_max) return MTR_ELIMIT;
        if (query_settling_is_full(&looking->draft_side)) return MTR_ELIMIT;
        looking->looked_at++;
        rc = query_inputs_differ(&looking->stored_side, &looking->draft_side, &pair, &differs);
        if (!rc && differs)
            rc = query_settling_mark(&looking->draft_side, looking->draft->number, pair.name_us);
    }
    return rc;
}

/* ---- a group of them ---- */

static uint32_t count_touched(struct looking *looking, uint32_t first)
{
    uint32_t count = 0;
    for (uint32_t i = first; i; i = looking->sharing.next[i]) count += take(looking, i);
    return count;
}

static int mark_group(struct looking *looking, uint32_t first)
{
    int rc = MTR_OK;
    looking->dated = true;
    for (uint32_t i = first; !rc && i; i = looking->sharing.next[i]) {
        if (!take(looking, i)) continue;
        looking->dated = looking->dated && looking->reach.dated;
        note_uncounted(looking);
        rc = mark_periods(looking);
    }
    return rc;
}

/* Where a bound ends it, what was priced until then is told. */
static int look_at_group(struct looking *looking, uint32_t first)
{
    struct query_settling *draft = &looking->draft_side;
    looking->stored_side.charges = draft->charges = looking->charges;
    looking->stored_side.watermark_us = draft->watermark_us = looking->watermark_us;
    query_settling_begin(&looking->stored_side);
    query_settling_begin(draft);
    int rc = mark_group(looking, first);
    looking->ended = rc == MTR_ELIMIT;
    if (rc && !looking->ended) return rc;
    rc = query_settling_run(draft);
    looking->ended = looking->ended || rc == MTR_ELIMIT;
    if (rc && !looking->ended) return rc;
    rc = MTR_OK;
    query_settling_sort(draft);
    for (uint32_t i = 0; !rc && i < draft->count; i++)
        if (draft->items[i].is_priced && !draft->items[i].is_waiting)
            rc = tell_period(looking, &draft->items[i]);
    return rc || !looking->ended ? rc : STOP;
}

/* ---- all of them ---- */

static int ask_group(struct looking *looking, uint32_t first, uint32_t *asked)
{
    int rc = MTR_OK;
    for (uint32_t i = first; !rc && i; i = looking->sharing.next[i]) {
        if (!take(looking, i)) continue;
        ++*asked;
        if (looking->stored) rc = query_view_ask(&looking->stored_view, looking->stored);
        if (!rc) rc = query_view_ask(&looking->draft_view, looking->draft);
    }
    return rc;
}

/* The hours of a chunk, from that group on, that one of the catalogs cuts where the store is not cut, or
 * whose use it gives to another. */
static int cut_hours(struct looking *looking, uint32_t first)
{
    const struct mtr_catalog *stored = looking->options->stored;
    struct mtr_diagnostic unused;
    uint32_t asked = 0;
    int rc = MTR_OK;
    query_view_begin(&looking->stored_view, looking->rollups, stored);
    query_view_begin(&looking->draft_view, looking->rollups, stored);
    for (uint32_t i = first; !rc && i <= looking->sharing.count && asked < *looking->chunk; i++)
        if (looking->sharing.first[i] == i) rc = ask_group(looking, i, &asked);
    if (!rc) rc = query_view_count(&looking->stored_view, &unused);
    return rc ? rc : query_view_count(&looking->draft_view, &unused);
}

static int begin(struct looking *looking, struct mtr_rollups *rollups, struct mtr_charges *charges)
{
    uint64_t next_seq, change;
    int rc = mtr_charges_begin(charges, false, &looking->charges);
    if (!rc) rc = mtr_rollups_begin(rollups, false, &looking->rollups);
    return rc ? rc : mtr_rollups_get_cursor(looking->rollups, &next_seq, &looking->watermark_us, &change);
}

static void end(struct looking *looking)
{
    if (looking->rollups) mtr_rollups_abort(looking->rollups);
    mtr_charges_abort(looking->charges);
    looking->rollups = NULL;
    looking->charges = NULL;
}

static bool is_uncountable(int rc)
{
    return rc == MTR_EMISSING || rc == MTR_ELIMIT || rc == MTR_EAGAIN;
}

static int begin_chunk(struct looking *looking, struct mtr_rollups *rollups, struct mtr_charges *charges,
                       uint32_t first)
{
    end(looking);
    int rc = begin(looking, rollups, charges);
    if (!rc) rc = cut_hours(looking, first);
    if (!is_uncountable(rc) || *looking->chunk == 1) return rc;
    looking->chunk++;
    return begin_chunk(looking, rollups, charges, first);
}

/* Has it read enough of the log, or begun enough chunks of one? */
static bool is_enough(struct looking *looking)
{
    const uint64_t max = 2 * looking->options->recounted_max;
    if (*looking->chunk == 1 && looking->singles++ == SINGLES_MAX) return true;
    return mtr_recount_looked_at(looking->stored_view.recount) > max ||
           mtr_recount_looked_at(looking->draft_view.recount) > max;
}

/* What cannot be counted is not looked at: where the log is gone the fold refuses the change. */
static int pass_over(struct looking *looking, uint32_t first, int rc)
{
    for (uint32_t i = first; i; i = looking->sharing.next[i]) {
        if (!take(looking, i)) continue;
        const struct query_change change = change_of(looking);
        if (rc == MTR_EMISSING && !looking->gone) looking->gone = looking->draft;
        if (rc != MTR_EMISSING && !looking->handed_over && query_hands_over(&change))
            looking->handed_over = looking->draft;
    }
    looking->passed_over = looking->passed_over || rc != MTR_EMISSING;
    return MTR_OK;
}

static int look_at_groups(struct looking *looking, struct mtr_rollups *rollups, struct mtr_charges *charges)
{
    uint32_t left = 0; /* of the chunk */
    int rc = MTR_OK;
    for (uint32_t i = 1; !rc && i <= looking->sharing.count; i++) {
        const uint32_t touched = looking->sharing.first[i] == i ? count_touched(looking, i) : 0;
        if (!touched) continue;
        if (!left) {
            rc = begin_chunk(looking, rollups, charges, i);
            looking->ended = is_enough(looking);
            if (looking->ended) return STOP;
            if (is_uncountable(rc)) rc = pass_over(looking, i, rc);
            else left = *looking->chunk;
        }
        if (!left) continue;
        left -= touched < left ? touched : left;
        if (!rc) rc = look_at_group(looking, i);
    }
    return rc;
}

static bool touches_any(struct looking *looking)
{
    const uint32_t count = mtr_catalog_count(looking->options->draft, MTR_KIND_SUBSCRIPTION);
    for (uint32_t i = 1; i <= count; i++)
        if (take(looking, i)) return true;
    return false;
}

static int look_at_all(struct looking *looking, struct mtr_rollups *rollups, struct mtr_charges *charges)
{
    const struct mtr_closed_periods_options *options = looking->options;
    const struct mtr_recount_options recount = {
        .reader = options->reader, .events_max = options->recounted_max, .bytes_max = RECOUNT_BYTES_MAX};
    int rc = query_sharing_open(&looking->sharing, options->stored, options->draft);
    if (!rc) rc = query_view_open(&looking->stored_view, options->stored, &recount);
    if (!rc) rc = query_view_open(&looking->draft_view, options->draft, &recount);
    if (!rc) rc = look_at_groups(looking, rollups, charges);
    end(looking);
    query_view_close(&looking->draft_view);
    query_view_close(&looking->stored_view);
    query_sharing_close(&looking->sharing);
    return rc;
}

int mtr_closed_periods_walk(struct mtr_rollups *rollups, struct mtr_charges *charges,
                            const struct mtr_closed_periods_options *options, mtr_on_closed_period on_period,
                            void *context, struct mtr_closed_periods_extent *extent)
{
    struct looking looking = {
        .options = options, .on_period = on_period, .context = context, .chunk = chunk_sizes};
    looking.stored_side = looking.draft_side =
        (struct query_settling){.prices = &looking.arena, .priced_max = options->priced_max};
    looking.stored_side.view = &looking.stored_view;
    looking.draft_side.view = &looking.draft_view;
    mtr_arena_init(&looking.arena, ARENA_CHUNK_BYTES, options->memory_bytes_max);
    query_settling_open(&looking.stored_side, SETTLED_BYTES_MAX);
    query_settling_open(&looking.draft_side, SETTLED_BYTES_MAX);
    int rc = query_held_open(&looking.held, rollups, options->stored, options->draft);
    if (!rc && touches_any(&looking)) rc = look_at_all(&looking, rollups, charges);
    query_held_close(&looking.held);
    query_settling_close(&looking.draft_side);
    query_settling_close(&looking.stored_side);
    mtr_arena_release(&looking.arena);
    const bool is_bounded = looking.ended || looking.passed_over;
    *extent = (struct mtr_closed_periods_extent){.complete = !is_bounded && !looking.gone,
                                                 .is_bounded = is_bounded,
                                                 .gone = looking.gone,
                                                 .uncounted = looking.uncounted,
                                                 .handed_over = looking.handed_over};
    return looking.ended && rc == STOP ? MTR_OK : rc;
}
