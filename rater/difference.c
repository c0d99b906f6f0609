/*
 * Differences between the price of a period and what was emitted of it.
 *
 * Invariants: comparing reads only, so that a price that cannot be computed leaves no trace. Every line
 * that the price has or the store knows is looked at once. A line that the price no longer has, or has
 * for another customer, is taken back to zero. A line differs in amount, cost or quantity: use that costs
 * nothing is on the bill, too.
 */
#include "rater/difference.h"

#include <stdlib.h>
#include <string.h>

#include "meterd/core/time.h"

#include "rater/period/gather.h"
#include "rater/line_order.h"

struct comparison {
    struct mtr_charges_txn *charges;
    const struct mtr_period_price *price;
    struct mtr_arena *arena;
    struct mtr_hash128 *keys; /* of the price's lines, sorted */
    struct rater_differences *differences;
    uint32_t capacity;
    bool every_line;
};

static int compare_keys(const void *a, const void *b)
{
    const struct mtr_hash128 *x = a;
    const struct mtr_hash128 *y = b;
    if (x->high != y->high) return x->high < y->high ? -1 : 1;
    return x->low < y->low ? -1 : x->low > y->low;
}

static int add_difference(struct comparison *comparison, const struct rater_difference *difference)
{
    struct rater_differences *list = comparison->differences;
    int rc = mtr_arena_make_room(comparison->arena, (void **)&list->items, list->count, &comparison->capacity,
                                 sizeof(*list->items));
    if (rc) return rc;
    list->items[list->count++] = *difference;
    return MTR_OK;
}

static int subtract(struct rater_difference *difference, struct mtr_money amount, struct mtr_money cost)
{
    difference->emitted_after = amount;
    difference->cost_after = cost;
    int rc = mtr_money_sub(amount, difference->line.emitted, &difference->amount);
    if (!rc) rc = mtr_money_sub(cost, difference->line.cost, &difference->cost);
    if (!rc) rc = mtr_money_sub(amount, cost, &difference->margin_after);
    if (!rc) rc = mtr_money_sub(difference->amount, difference->cost, &difference->margin);
    if (rc) return rc;
    /* Back again: what was emitted and the difference are the price, of amount, cost and margin. */
    MTR_ASSERT(difference->line.emitted.e18 + difference->amount.e18 == amount.e18);
    MTR_ASSERT(difference->line.cost.e18 + difference->cost.e18 == cost.e18);
    MTR_ASSERT(difference->margin_after.e18 + cost.e18 == amount.e18);
    return mtr_quantity_sub(difference->quantity, difference->line.quantity, &difference->quantity_delta);
}

/* The state of a priced line: description as of now, sums from the store. */
static int compare_line(struct comparison *comparison, const struct mtr_period_line *line,
                        struct mtr_hash128 *key)
{
    struct mtr_charge_line state = line->identity;
    int rc = mtr_charges_get_line(comparison->charges, &state);
    if (rc && rc != MTR_ENOTFOUND) return rc;
    struct rater_difference difference = {.line = line->identity, .quantity = line->quantity};
    MTR_ASSERT(!rc ||
               (!state.emitted.e18 && !state.cost.e18 && !state.count)); /* of an unknown line: nothing */
    difference.line.key = *key = state.key;
    difference.line.emitted = state.emitted;
    difference.line.quantity = state.quantity;
    difference.line.last_number = state.last_number;
    difference.line.count = state.count;
    difference.line.cost = state.cost;
    difference.has_cost = difference.line.has_cost = line->has_cost || state.has_cost;
    difference.seq_first = line->seq_first;
    difference.seq_last = line->seq_last;
    difference.pricing = line->pricing;
    difference.exchange = line->exchange;
    difference.exact = line->exact;
    rc = subtract(&difference, line->amount, line->cost);
    if (rc) return rc;
    bool empty = !line->amount.e18 && !line->quantity.e12 && !line->cost.e18;
    bool differs = difference.amount.e18 || difference.cost.e18 || difference.quantity_delta.e12;
    if (!differs && (!comparison->every_line || empty)) return MTR_OK;
    return add_difference(comparison, &difference);
}

static int copy_texts(struct mtr_arena *arena, struct mtr_charge_line *line)
{
    struct mtr_str *texts[] = {&line->currency,   &line->component,    &line->kind,
                               &line->dimensions, &line->meter,        &line->unit,
                               &line->tariff,     &line->version_from, &line->tax_code,
                               &line->customer};
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        int rc = texts[i]->size ? mtr_arena_copy(arena, *texts[i], texts[i]) : MTR_OK;
        if (rc) return rc;
    }
    return MTR_OK;
}

static const struct rater_group *find_part_group(const struct mtr_billing_part *part,
                                                 const struct rater_usage *usage,
                                                 const struct mtr_charge_line *line)
{
    const struct rater_group *found = NULL;
    if (line->part_start_us > part->start_us || part->start_us >= line->part_end_us) return NULL;
    for (uint32_t i = 0; i < part->version->component_count && !found; i++)
        if (mtr_str_equal(part->version->components[i].key, line->component))
            found = rater_find_group(usage, i, line->dimensions);
    return found;
}

/* The log range of a vanished line: its group may still be there, with nothing live in it. */
static void find_range(const struct mtr_period_price *price, struct rater_difference *difference)
{
    for (; price; price = price->costs) {
        for (uint32_t i = 0; i < price->period.part_count; i++) {
            const struct rater_group *group =
                find_part_group(&price->period.parts[i], price->parts[i].usage, &difference->line);
            if (!group) continue;
            difference->seq_first = group->seq_first;
            difference->seq_last = group->seq_last;
            return;
        }
    }
}

/* A name may be of the second alone. A period that is no more, or begins elsewhere in that second by now,
 * began where the line's last charge says. */
static int find_said_start(struct mtr_charges_txn *charges, const struct mtr_charge_line *line, int64_t *out)
{
    static const char name[] = "\"period_start\":\"";
    struct mtr_charge last;
    *out = line->period_start_us;
    int rc = mtr_charges_get(charges, line->last_number, &last);
    if (rc) return rc == MTR_ENOTFOUND ? MTR_ECORRUPT : rc;
    const char *at = memmem(last.body.data, last.body.size, name, sizeof(name) - 1);
    if (!at) return MTR_ECORRUPT;
    const char *text = at + sizeof(name) - 1;
    const char *end = memchr(text, '"', (size_t)(last.body.data + last.body.size - text));
    if (!end || mtr_time_parse((struct mtr_str){text, (size_t)(end - text)}, out)) return MTR_ECORRUPT;
    MTR_ASSERT(mtr_time_second(*out) == mtr_time_second(line->period_start_us));
    return MTR_OK;
}

static int on_stored_line(void *context, const struct mtr_charge_line *line)
{
    struct comparison *comparison = context;
    const uint32_t count = comparison->price->line_count;
    if (!line->emitted.e18 && !line->cost.e18 && !line->quantity.e12) return MTR_OK;
    if (count && bsearch(&line->key, comparison->keys, count, sizeof(line->key), compare_keys)) return MTR_OK;
    struct rater_difference difference = {
        .line = *line, .has_vanished = true, .has_cost = line->has_cost};
    int rc = copy_texts(comparison->arena, &difference.line);
    if (!rc) rc = find_said_start(comparison->charges, line, &difference.period_start_us);
    if (!rc) rc = subtract(&difference, (struct mtr_money){0}, (struct mtr_money){0});
    if (rc) return rc;
    MTR_ASSERT(difference.amount.e18 == -line->emitted.e18 && !difference.emitted_after.e18); /* all of it */
    MTR_ASSERT(difference.quantity_delta.e12 == -line->quantity.e12 && !difference.quantity.e12);
    find_range(comparison->price, &difference);
    return add_difference(comparison, &difference);
}

int rater_compare(struct mtr_charges_txn *charges, const struct mtr_period_price *price, bool every_line,
                  struct mtr_arena *arena, struct rater_differences *out)
{
    struct rater_differences differences = {0};
    struct comparison comparison = {.charges = charges,
                                    .price = price,
                                    .arena = arena,
                                    .differences = &differences,
                                    .every_line = every_line};
    comparison.keys = mtr_arena_calloc(arena, (size_t)price->line_count + 1, sizeof(*comparison.keys));
    if (!comparison.keys) return MTR_ENOMEM;
    for (uint32_t i = 0; i < price->line_count; i++) {
        int rc = compare_line(&comparison, &price->lines[i], &comparison.keys[i]);
        if (rc) return rc;
    }
    qsort(comparison.keys, price->line_count, sizeof(*comparison.keys), compare_keys);
    for (uint32_t i = 1; i < price->line_count; i++)
        if (compare_keys(&comparison.keys[i - 1], &comparison.keys[i]) == 0)
            return MTR_EEXISTS; /* two new lines, one hash */
    int rc = rater_walk_stored_lines(charges, price->subscription->number, price->period.name_us,
                                     price->range, on_stored_line, &comparison);
    if (!rc) *out = differences;
    return rc;
}

int mtr_period_price_is_emitted(const struct mtr_period_price *price, struct mtr_charges_txn *charges,
                                struct mtr_arena *arena, bool *out)
{
    struct rater_differences differences;
    int rc = rater_compare(charges, price, false, arena, &differences);
    if (!rc) *out = differences.count == 0;
    return rc;
}

bool rater_turns_to_loss(const struct rater_difference *difference)
{
    const bool was_loss = difference->line.emitted.e18 < difference->line.cost.e18;
    return difference->has_cost && difference->margin_after.e18 < 0 && !was_loss;
}
