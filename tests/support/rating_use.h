/*
 * Use in a rating world: rollups filled as the aggregator would fill them, cells and what stands beside them.
 */
#ifndef METERD_TESTS_SUPPORT_RATING_USE_H
#define METERD_TESTS_SUPPORT_RATING_USE_H

#include "meterd/catalog/cell.h"
#include "tests/support/rating.h"

/* Adds to a cell; the quantity and the number of events may be negative. */
static inline void rating_add(struct rating_world *world, const struct mtr_cell_key *key,
                              struct mtr_quantity quantity, int64_t events)
{
    const bool compares = mtr_catalog_meter(world->catalog, key->meter)->aggregation == MTR_MAX;
    struct mtr_rollups_txn *txn = NULL;
    struct mtr_cell cell = {0};
    assert_int_equal(mtr_rollups_begin(world->rollups, true, &txn), 0);
    int rc = mtr_rollups_get_cell(txn, key, &cell);
    assert_true(rc == 0 || rc == MTR_ENOTFOUND);
    world->seq++;
    world->change++;
    if (rc) cell.seq_first = world->seq;
    cell.seq_last = world->seq;
    cell.change = world->change;
    cell.count = (uint64_t)((int64_t)cell.count + events);
    if (!compares) assert_int_equal(mtr_quantity_add(cell.value, quantity, &cell.value), 0);
    else if (quantity.e12 > cell.value.e12) cell.value = quantity;
    assert_int_equal(mtr_rollups_put_cell(txn, key, &cell), 0);
    const struct mtr_feed_row row = {world->change, key->subscription, (uint32_t)(key->start_us / MTR_US_PER_DAY)};
    assert_int_equal(mtr_rollups_put_feed(txn, &row), 0);
    assert_int_equal(mtr_rollups_put_cursor(txn, world->seq + 1, world->watermark_us, world->change), 0);
    assert_int_equal(mtr_rollups_commit(txn), 0);
}

/* What is used, where and when. */
struct rating_usage {
    const struct mtr_meter *meter;
    struct mtr_cell_key cell;
    struct mtr_cell_key list; /* of its points */
    char dimensions[128];
    int64_t time_us;
};

/* "eu|ssd|": the values of the meter's dimensions, each with its end, 0x1F in a cell. */
static inline void rating_find(const struct rating_world *world, const char *subscription_key,
                               const char *meter_key, int64_t time_us, const char *dimensions,
                               struct rating_usage *usage)
{
    const struct mtr_str key = mtr_str_from(subscription_key);
    const struct mtr_subscription *subscription = mtr_catalog_find_subscription(world->catalog, key);
    usage->meter = mtr_catalog_find_meter(world->catalog, mtr_str_from(meter_key));
    if (!subscription || !usage->meter)
        fail_msg("no subscription %s or meter %s", subscription_key, meter_key);
    snprintf(usage->dimensions, sizeof(usage->dimensions), "%s", dimensions);
    for (char *p = usage->dimensions; *p; p++)
        if (*p == '|') *p = 0x1F;
    usage->time_us = time_us;
    usage->cell = (struct mtr_cell_key){.subscription = subscription->number,
                                        .meter = usage->meter->number,
                                        .start_us = mtr_cell_at(subscription, usage->meter, time_us).start_us,
                                        .dimensions = mtr_str_from(usage->dimensions)};
    usage->list = usage->cell;
    if (usage->meter->aggregation == MTR_TIME_WEIGHTED) usage->list.start_us = MTR_CELL_ALL_HOURS;
}

static inline bool rating_keeps_points(const struct mtr_meter *meter)
{
    return meter->aggregation == MTR_LAST || meter->aggregation == MTR_TIME_WEIGHTED || meter->keep_events;
}

/* How many events a quantity stands for. */
static inline int64_t rating_events(const struct mtr_meter *meter, struct mtr_quantity quantity)
{
    return meter->aggregation == MTR_COUNT ? (int64_t)(quantity.e12 / 1000000000000) : 1;
}

static inline void rating_change_member(struct rating_world *world, const struct mtr_cell_key *key,
                                        struct mtr_str member, int64_t change, uint64_t *count)
{
    struct mtr_rollups_txn *txn = NULL;
    assert_int_equal(mtr_rollups_begin(world->rollups, true, &txn), 0);
    assert_int_equal(mtr_rollups_add_member(txn, key, member, change, count), 0);
    assert_int_equal(mtr_rollups_commit(txn), 0);
}

static inline void rating_change_point(struct rating_world *world, const struct rating_usage *usage,
                                       const struct mtr_point *point, int64_t change)
{
    char member[MTR_POINT_BYTES];
    uint64_t count;
    mtr_point_encode(point, member);
    rating_change_member(world, &usage->list, (struct mtr_str){member, sizeof(member)}, change, &count);
}

/* Values of a unique meter, between commas. */
static inline void rating_use_values(struct rating_world *world, const struct rating_usage *usage,
                                     const char *values)
{
    for (size_t size; *values; values += size + (values[size] == ',')) {
        struct mtr_quantity more;
        uint64_t count;
        size = strcspn(values, ",");
        rating_change_member(world, &usage->cell, (struct mtr_str){values, size}, 1, &count);
        more = MTR_QUANTITY(count == 1);
        rating_add(world, &usage->cell, more, 1);
    }
}

/* Of a meter that counts so many events, of one of unique values an event for each, of any other one event of
 * that quantity. A level, a last value and a kept event are also points of their moment. */
static inline void rating_use(struct rating_world *world, const char *subscription, const char *meter,
                              int64_t time_us, const char *dimensions, const char *text)
{
    struct rating_usage usage;
    struct mtr_quantity quantity;
    rating_find(world, subscription, meter, time_us, dimensions, &usage);
    if (usage.meter->aggregation == MTR_UNIQUE) {
        rating_use_values(world, &usage, text);
        return;
    }
    if (mtr_quantity_parse(mtr_str_from(text), &quantity)) fail_msg("no quantity: %s", text);
    rating_add(world, &usage.cell, quantity, rating_events(usage.meter, quantity));
    if (!rating_keeps_points(usage.meter)) return;
    const struct mtr_point point = {usage.time_us, world->seq, quantity};
    rating_change_point(world, &usage, &point, 1);
}

static inline int rating_on_point(void *context, const struct mtr_point *point)
{
    struct mtr_point *wanted = context;
    if (!wanted->seq && point->quantity.e12 == wanted->quantity.e12) wanted->seq = point->seq;
    return 0;
}

/* Takes back what rating_use left; a point is that of the same moment and quantity. */
static inline void rating_void(struct rating_world *world, const char *subscription, const char *meter,
                               int64_t time_us, const char *dimensions, const char *text)
{
    struct rating_usage usage;
    struct mtr_quantity quantity;
    struct mtr_rollups_txn *txn = NULL;
    rating_find(world, subscription, meter, time_us, dimensions, &usage);
    if (mtr_quantity_parse(mtr_str_from(text), &quantity)) fail_msg("no quantity: %s", text);
    const struct mtr_quantity less = {-quantity.e12};
    rating_add(world, &usage.cell, less, -rating_events(usage.meter, quantity));
    if (!rating_keeps_points(usage.meter)) return;
    struct mtr_point point = {usage.time_us, 0, quantity};
    assert_int_equal(mtr_rollups_begin(world->rollups, false, &txn), 0);
    const int64_t until_us = usage.time_us + 1;
    assert_int_equal(
        mtr_rollups_walk_points(txn, &usage.list, usage.time_us, until_us, rating_on_point, &point), 0);
    mtr_rollups_abort(txn);
    if (!point.seq) fail_msg("there is nothing to take back at that moment: %s", text);
    rating_change_point(world, &usage, &point, -1);
}

#endif
