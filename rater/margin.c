/*
 * Two sides of the same use: what the seller pays for it, laid beside what the customer pays.
 *
 * Invariants: the costs of all lines add up to the price under the cost tariff: nothing is dropped where the customer has no such line. A
 * cost part lies within one part of the customer's, or where there is none. Both sides are sorted by identity and merged, so that thousands
 * of lines are joined in one pass. Memory from the caller's arena.
 */
#include "rater/pricing.h"

#include <stdlib.h>
#include <string.h>

/* A line under the part that it belongs to; of several cost parts within one part of the customer's, the same. */
struct place {
    int64_t part_start_s, part_end_s;
    const struct rater_line *line;
    uint32_t index; /* of the line on its side */
};

static int compare_identities(const struct place *a, const struct place *b)
{
    if (a->part_start_s != b->part_start_s) return a->part_start_s < b->part_start_s ? -1 : 1;
    int order = mtr_str_compare(a->line->identity.component, b->line->identity.component);
    if (!order) order = mtr_str_compare(a->line->identity.kind, b->line->identity.kind);
    return order ? order : mtr_str_compare(a->line->identity.dimensions, b->line->identity.dimensions);
}

static int compare_places(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    int order = compare_identities(x, y);
    return order ? order : (x->index > y->index) - (x->index < y->index);
}

/* The customer's part around a moment, or NULL. */
static const struct rater_part *part_around(const struct rater_term *term, int64_t time_s)
{
    for (uint32_t i = 0; i < term->part_count; i++)
        if (term->parts[i].start_s <= time_s && time_s < term->parts[i].end_s) return &term->parts[i];
    return NULL;
}

/* The lines of one side by identity; `within`: the other side's term, whose parts they belong to. */
static struct place *sort_lines(const struct rater_period_price *side, const struct rater_term *within, struct mtr_arena *arena)
{
    struct place *places = mtr_arena_calloc(arena, (size_t)side->line_count + 1, sizeof(*places));
    if (!places) return NULL;
    for (uint32_t i = 0; i < side->line_count; i++) {
        const struct rater_line *line = &side->lines[i];
        const struct rater_part *around = part_around(within, line->identity.part_start_s);
        places[i] = (struct place){line->identity.part_start_s, line->identity.part_end_s, line, i};
        if (!around) continue;
        MTR_ASSERT(around->start_s <= line->identity.part_start_s && line->identity.part_end_s <= around->end_s);
        places[i].part_start_s = around->start_s;
        places[i].part_end_s = around->end_s;
    }
    qsort(places, side->line_count, sizeof(*places), compare_places);
    return places;
}

static void widen_range(struct rater_line *line, const struct rater_line *cost)
{
    if (!cost->seq_first) return;
    if (!line->seq_first || cost->seq_first < line->seq_first) line->seq_first = cost->seq_first;
    if (cost->seq_last > line->seq_last) line->seq_last = cost->seq_last;
}

/* A line that the customer does not have: the cost's, at no charge. */
static void start_line(const struct place *cost, struct rater_line *out)
{
    *out = *cost->line;
    out->identity.part_start_s = cost->part_start_s;
    out->identity.part_end_s = cost->part_end_s;
    out->amount = (struct mtr_money){0};
    out->quantity = (struct mtr_quantity){0};
    out->exchange = NULL; /* nothing needs no rate; the cost's is in its trace */
    out->has_cost = true;
}

/* Adds the cost lines of one identity, costs[first …), to `line`; returns how many there are in *count. */
static int add_costs(const struct place *costs, uint32_t first, uint32_t end, struct rater_line *line, bool is_new, uint32_t *count)
{
    int rc = MTR_OK;
    uint32_t i = first;
    for (; !rc && i < end && compare_identities(&costs[first], &costs[i]) == 0; i++) {
        rc = mtr_money_add(line->cost, costs[i].line->amount, &line->cost);
        if (rc || !is_new) continue;
        rc = mtr_quantity_add(line->quantity, costs[i].line->quantity, &line->quantity);
        widen_range(line, costs[i].line);
    }
    *count = i - first;
    return rc;
}

int rater_join_costs(struct rater_period_price *period, struct mtr_arena *arena)
{
    const struct rater_period_price *costs = period->costs;
    const uint32_t charged_count = period->line_count;
    struct rater_line *lines = mtr_arena_calloc(arena, (size_t)charged_count + costs->line_count + 1, sizeof(*lines));
    struct place *charged = sort_lines(period, &period->term, arena), *due = sort_lines(costs, &period->term, arena);
    if (!lines || !charged || !due) return MTR_ENOMEM;
    if (charged_count) memcpy(lines, period->lines, charged_count * sizeof(*lines));
    for (uint32_t i = 0; i < charged_count; i++) lines[i].has_cost = true;
    uint32_t at = 0, count = 0;
    int rc = MTR_OK;
    for (uint32_t i = 0; !rc && i < costs->line_count; i += count) {
        while (at < charged_count && compare_identities(&charged[at], &due[i]) < 0) at++;
        const bool is_new = at == charged_count || compare_identities(&charged[at], &due[i]) != 0;
        struct rater_line *line = is_new ? &lines[period->line_count] : &lines[charged[at].index];
        if (is_new) start_line(&due[i], line);
        rc = add_costs(due, i, costs->line_count, line, is_new, &count);
        if (is_new) period->line_count++;
    }
    period->lines = lines;
    return rc;
}
