/*
 * Values of a cell or list against a range of values that stand behind others; see struct mtr_cells_within.
 */
#include <string.h>

#include "lib/store/rollups/rollups_txn.h"

enum { VALUE_END = 0x1F };

/* The first `count` values of it, or all; are there so many? */
static bool take_values(struct mtr_str dimensions, uint32_t count, struct mtr_str *values)
{
    *values = (struct mtr_str){dimensions.data, 0};
    for (; count > 0 && values->size < dimensions.size; count--) {
        const char *end = memchr(dimensions.data + values->size, VALUE_END, dimensions.size - values->size);
        values->size = end ? (size_t)(end - dimensions.data) + 1 : dimensions.size;
    }
    return count == 0;
}

/* Below the range: < 0, within: 0, behind it: > 0. */
static int compare_values(const struct mtr_cells_within *within, struct mtr_str values)
{
    const struct mtr_dimensions_range *range = within->range;
    struct mtr_str from, until;
    (void)take_values(range->from, within->count, &from);
    if (mtr_str_compare(values, from) < 0) return -1;
    if (!range->has_until) return 0;
    (void)take_values(range->until, within->count, &until);
    const int order = mtr_str_compare(values, until);
    return order > 0 || (order == 0 && until.size == range->until.size);
}

int rollups_compare_within(const struct mtr_cells_within *within, struct mtr_str dimensions,
                           struct mtr_str *skipped)
{
    struct mtr_str values;
    bool is_whole = take_values(dimensions, within->skip, skipped);
    const struct mtr_str behind = {dimensions.data + skipped->size, dimensions.size - skipped->size};
    is_whole = take_values(behind, within->count, &values) && is_whole;
    return is_whole ? compare_values(within, values) : 0;
}

struct mtr_str rollups_jump(const struct mtr_cells_within *within, struct mtr_str skipped, int order,
                            char dimensions[ROLLUPS_JUMP_BYTES])
{
    struct mtr_str from;
    size_t size = skipped.size;
    MTR_ASSERT(order != 0);
    (void)take_values(within->range->from, within->count, &from);
    memcpy(dimensions, skipped.data, size);
    if (order > 0 && size) dimensions[size - 1] = VALUE_END + 1; /* none lie between them */
    if (order < 0 || !size) {
        memcpy(dimensions + size, from.data, from.size);
        size += from.size;
    }
    return (struct mtr_str){dimensions, size};
}
