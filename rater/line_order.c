/*
 * The order of stored lines: see line_order.h.
 */
#include "rater/line_order.h"

#include "rater/period/gather.h"

enum { BATCH_LINES = 256, ARENA_CHUNK_BYTES = 16 << 10, WALK_ENDED = 1 };

static int with_place(struct mtr_charges_txn *charges, const struct mtr_charge_line *line,
                      int (*then)(struct mtr_charges_txn *charges, const struct mtr_charge_line *line,
                                  struct mtr_str place))
{
    char bytes[RATER_DIMENSIONS_BYTES_MAX];
    return then(charges, line, rater_line_place(line->kind, line->dimensions, bytes));
}

int rater_put_in_order(struct mtr_charges_txn *charges, const struct mtr_charge_line *line)
{
    return with_place(charges, line, mtr_charges_put_place);
}

int rater_is_in_order(struct mtr_charges_txn *charges, const struct mtr_charge_line *line)
{
    return with_place(charges, line, mtr_charges_has_place);
}

/* ---- those that were there before ---- */

/* Lines that are read, to be put in order behind the walk: a hook may not write. */
struct batch {
    struct mtr_arena arena;
    struct mtr_charge_line lines[BATCH_LINES];
    uint32_t count;
    struct mtr_hash128 next;
    bool is_full;
};

static int on_line_before(void *context, const struct mtr_charge_line *line)
{
    struct batch *batch = context;
    if (batch->count == BATCH_LINES) {
        batch->next = line->key;
        batch->is_full = true;
        return WALK_ENDED;
    }
    struct mtr_charge_line *kept = &batch->lines[batch->count++];
    *kept = (struct mtr_charge_line){.subscription = line->subscription,
                                     .period_start_us = line->period_start_us,
                                     .key = line->key};
    int rc = mtr_arena_copy(&batch->arena, line->kind, &kept->kind);
    return rc ? rc : mtr_arena_copy(&batch->arena, line->dimensions, &kept->dimensions);
}

static int put_batches(struct mtr_charges_txn *charges, uint32_t subscription, int64_t period_start_us,
                       struct batch *batch)
{
    int rc = MTR_OK;
    do {
        mtr_arena_reset(&batch->arena);
        batch->count = 0;
        batch->is_full = false;
        rc = mtr_charges_walk_lines_from(charges, subscription, period_start_us, batch->next, on_line_before,
                                         batch);
        if (rc == WALK_ENDED) rc = MTR_OK;
        for (uint32_t i = 0; !rc && i < batch->count; i++) rc = rater_put_in_order(charges, &batch->lines[i]);
    } while (!rc && batch->is_full);
    return rc;
}

int rater_order_lines(struct mtr_charges_txn *charges, uint32_t subscription, int64_t period_start_us)
{
    struct batch batch = {.count = 0};
    mtr_arena_init(&batch.arena, ARENA_CHUNK_BYTES, SIZE_MAX); /* of BATCH_LINES texts at most */
    int rc = put_batches(charges, subscription, period_start_us, &batch);
    mtr_arena_release(&batch.arena);
    return rc;
}

/* ---- the lines of a range ---- */

struct range_walk {
    struct mtr_charges_txn *charges;
    uint32_t subscription;
    int64_t period_start_us;
    const struct mtr_dimensions_range *range;
    mtr_charges_on_line on_line;
    void *context;
    struct mtr_line_places places; /* of so many values, from there on */
    char from[MTR_DIMENSIONS_NEXT_BYTES];
    bool goes_on; /* from there */
};

static int on_place(void *context, struct mtr_str place, struct mtr_hash128 key)
{
    struct range_walk *walk = context;
    const struct mtr_dimensions_values values = {place, false};
    struct mtr_charge_line line;
    if (mtr_dimensions_range_compare(walk->range, &values) != 0) {
        walk->goes_on = mtr_dimensions_range_next(walk->range, &values, walk->places.values, walk->from,
                                                  &walk->places.from);
        return WALK_ENDED;
    }
    int rc = mtr_charges_get_line_by_key(walk->charges, walk->subscription, walk->period_start_us, key,
                                         &line);
    if (rc) return rc == MTR_ENOTFOUND ? MTR_ECORRUPT : rc;
    return walk->on_line(walk->context, &line);
}

static int on_any_line(void *context, const struct mtr_charge_line *line)
{
    const struct range_walk *walk = context;
    return rater_range_holds_line(walk->range, line->kind, line->dimensions)
               ? walk->on_line(walk->context, line)
               : MTR_OK;
}

/* Those of so many values: places stand in the order of bytes. */
static int walk_places(struct range_walk *walk, unsigned values)
{
    int rc = MTR_OK;
    walk->places = (struct mtr_line_places){walk->subscription, walk->period_start_us, values,
                                            mtr_dimensions_range_first(walk->range, values, walk->from)};
    do {
        walk->goes_on = false;
        rc = mtr_charges_walk_places(walk->charges, &walk->places, on_place, walk);
        if (rc == WALK_ENDED) rc = MTR_OK;
    } while (!rc && walk->goes_on);
    return rc;
}

int rater_walk_stored_lines(struct mtr_charges_txn *charges, uint32_t subscription, int64_t period_start_us,
                            const struct mtr_dimensions_range *range, mtr_charges_on_line on_line,
                            void *context)
{
    struct range_walk walk = {.charges = charges,
                              .subscription = subscription,
                              .period_start_us = period_start_us,
                              .range = range,
                              .on_line = on_line,
                              .context = context};
    bool is_ordered;
    if (!range) return mtr_charges_walk_lines(charges, subscription, period_start_us, on_line, context);
    int rc = mtr_charges_is_ordered(charges, subscription, period_start_us, &is_ordered);
    if (rc) return rc;
    if (!is_ordered)
        return mtr_charges_walk_lines(charges, subscription, period_start_us, on_any_line, &walk);
    for (unsigned values = 0; !rc && values <= MTR_LINE_PLACE_VALUES_MAX; values++)
        rc = walk_places(&walk, values);
    return rc;
}
