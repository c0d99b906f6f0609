/*
 * Both sides sorted by part, component, kind and dimensions and walked together, so that thousands of lines
 * are matched in one pass.
 */
#include "rater/period/cost_match.h"

#include <stdlib.h>

static int compare_keys(const struct rater_cost_key *a, const struct rater_cost_key *b)
{
    if (a->part_start_us != b->part_start_us) return a->part_start_us < b->part_start_us ? -1 : 1;
    int order = mtr_str_compare(a->component, b->component);
    if (!order) order = mtr_str_compare(a->kind, b->kind);
    return order ? order : mtr_str_compare(a->dimensions, b->dimensions);
}

static int compare_entries(const void *a, const void *b)
{
    const struct rater_cost_key *x = a, *y = b;
    int order = compare_keys(x, y);
    return order ? order : (x->index > y->index) - (x->index < y->index);
}

int rater_match_costs(struct rater_cost_key *charged, uint32_t charged_count, struct rater_cost_key *costs,
                      uint32_t cost_count, rater_on_cost *on_cost, void *context)
{
    uint32_t at = 0;
    int rc = MTR_OK;
    qsort(charged, charged_count, sizeof(*charged), compare_entries);
    qsort(costs, cost_count, sizeof(*costs), compare_entries);
    for (uint32_t i = 0; i < cost_count && !rc; i++) {
        MTR_ASSERT(i == 0 || compare_keys(&costs[i - 1], &costs[i]) <= 0);
        while (at < charged_count && compare_keys(&charged[at], &costs[i]) < 0)
            at++;
        const bool found = at < charged_count && compare_keys(&charged[at], &costs[i]) == 0;
        const bool first = !found && (i == 0 || compare_keys(&costs[i - 1], &costs[i]) != 0);
        rc = on_cost(context, costs[i].index, found ? charged[at].index : UINT32_MAX, first);
    }
    return rc;
}
