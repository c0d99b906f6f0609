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

/* The values that tell the line, behind those that are skipped; are all of them there? */
static bool find_values(const struct mtr_cells_within *within, struct mtr_str dimensions,
                        struct mtr_str *skipped, struct mtr_dimensions_values *values)
{
    const bool is_whole = take_values(dimensions, within->skip, skipped);
    const struct mtr_str behind = {dimensions.data + skipped->size, dimensions.size - skipped->size};
    values->has_more = within->has_more;
    return take_values(behind, within->count, &values->text) && is_whole;
}

bool rollups_is_within(const struct mtr_cells_within *within, struct mtr_str dimensions)
{
    struct mtr_str skipped;
    struct mtr_dimensions_values values;
    return !find_values(within, dimensions, &skipped, &values) ||
           mtr_dimensions_range_compare(within->range, &values) == 0;
}

bool rollups_jump(const struct mtr_cells_within *within, struct mtr_str dimensions,
                  char bytes[ROLLUPS_JUMP_BYTES], struct mtr_str *to)
{
    struct mtr_str skipped, next;
    struct mtr_dimensions_values values;
    char *behind = bytes;
    const bool is_whole = find_values(within, dimensions, &skipped, &values);
    MTR_ASSERT(is_whole);
    if (skipped.size) memcpy(bytes, skipped.data, skipped.size);
    behind += skipped.size;
    if (mtr_dimensions_range_next(within->range, &values, within->count, behind, &next)) {
        *to = (struct mtr_str){bytes, skipped.size + next.size};
        return true;
    }
    if (skipped.size) {
        bytes[skipped.size - 1] = VALUE_END + 1; /* none lie between them */
        *to = (struct mtr_str){bytes, skipped.size};
        return true;
    }
    *to = mtr_dimensions_range_first(within->range, within->count, bytes);
    return false;
}
