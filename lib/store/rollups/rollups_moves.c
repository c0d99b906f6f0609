/*
 * Use that is changing hands between the subscriptions of a subject: facts `moving/` and the lowest of their
 * numbers, and behind it the number of a meter. The first says how far it has come, the others which time of
 * the meter is concerned. They are there only until it is done.
 */
#include <string.h>

#include "lib/store/rollups/rollups_txn.h"
#include "meterd/core/time.h"

enum { PREFIX_BYTES = 7, NUMBER_BYTES = 4, MOVE_BYTES = 24, METER_BYTES = 16 };

static const char prefix[] = {'m', 'o', 'v', 'i', 'n', 'g', '/'};
static const uint64_t bias = UINT64_C(1) << 63;

static struct mtr_key fact_name(uint32_t first)
{
    struct mtr_key name = {.size = 0};
    MTR_ASSERT(first > 0); /* the catalog counts from 1 */
    rollups_key_bytes(&name, (struct mtr_str){prefix, PREFIX_BYTES});
    rollups_key_u32(&name, first);
    return name;
}

int mtr_rollups_is_moving(struct mtr_rollups_txn *txn, uint32_t first, bool *out)
{
    const struct mtr_key name = fact_name(first);
    struct mtr_str value;
    int rc = rollups_get(txn, MTR_TABLE_FACTS, rollups_key_str(&name), &value);
    *out = rc == MTR_OK;
    return rc == MTR_ENOTFOUND ? MTR_OK : rc;
}

int mtr_rollups_put_move(struct mtr_rollups_txn *txn, const struct mtr_rollups_move *move)
{
    unsigned char bytes[MOVE_BYTES];
    const struct mtr_key name = fact_name(move->first);
    lmdb_put_u64(bytes, (uint64_t)move->at_us ^ bias);
    lmdb_put_u64(bytes + 8, move->seq_first);
    lmdb_put_u64(bytes + 16, move->seq_last);
    return rollups_put(txn, MTR_TABLE_FACTS, rollups_key_str(&name),
                       (struct mtr_str){(const char *)bytes, sizeof(bytes)});
}

int mtr_rollups_put_move_meter(struct mtr_rollups_txn *txn, const struct mtr_rollups_move_meter *meter)
{
    unsigned char bytes[METER_BYTES];
    struct mtr_key name = fact_name(meter->first);
    MTR_ASSERT(meter->meter > 0 && meter->from_us < meter->to_us);
    rollups_key_u32(&name, meter->meter);
    lmdb_put_u64(bytes, (uint64_t)meter->from_us ^ bias);
    lmdb_put_u64(bytes + 8, (uint64_t)meter->to_us ^ bias);
    return rollups_put(txn, MTR_TABLE_FACTS, rollups_key_str(&name),
                       (struct mtr_str){(const char *)bytes, sizeof(bytes)});
}

enum { STOP = 1 };

static int on_first(void *context, struct mtr_str name, struct mtr_str value)
{
    struct mtr_key *found = context;
    (void)value;
    found->size = 0;
    rollups_key_bytes(found, name);
    return STOP;
}

int mtr_rollups_delete_move(struct mtr_rollups_txn *txn, uint32_t first)
{
    const struct mtr_key all = fact_name(first);
    for (;;) {
        struct mtr_key found;
        int rc = rollups_scan(txn, MTR_TABLE_FACTS, rollups_key_str(&all), rollups_key_str(&all), on_first,
                              &found);
        if (rc != STOP) return rc;
        rc = rollups_delete(txn, MTR_TABLE_FACTS, rollups_key_str(&found));
        if (rc) return rc;
    }
}

struct moves_walk {
    const struct mtr_rollups_on_moves *hooks;
    void *context;
};

/* Times of cells, and what is spread behind them. */
static bool is_time(int64_t time_us)
{
    const int64_t around_us = 64 * MTR_US_PER_DAY;
    return time_us >= -around_us && time_us <= MTR_TIME_US_MAX + around_us;
}

static int64_t read_time(struct mtr_str value, size_t at)
{
    return (int64_t)(lmdb_get_u64((const unsigned char *)value.data + at) ^ bias);
}

static int on_fact(void *context, struct mtr_str name, struct mtr_str value)
{
    const struct moves_walk *walk = context;
    const unsigned char *numbers = (const unsigned char *)name.data + PREFIX_BYTES;
    const bool is_move = name.size == PREFIX_BYTES + NUMBER_BYTES && value.size == MOVE_BYTES,
               is_meter = name.size == PREFIX_BYTES + 2 * NUMBER_BYTES && value.size == METER_BYTES;
    if (is_move) {
        const struct mtr_rollups_move move = {
            .first = lmdb_get_u32(numbers),
            .at_us = read_time(value, 0),
            .seq_first = lmdb_get_u64((const unsigned char *)value.data + 8),
            .seq_last = lmdb_get_u64((const unsigned char *)value.data + 16)};
        const bool is_whole = move.first > 0 && is_time(move.at_us);
        return is_whole ? walk->hooks->on_move(walk->context, &move) : MTR_ECORRUPT;
    }
    if (!is_meter) return MTR_ECORRUPT;
    const struct mtr_rollups_move_meter meter = {.first = lmdb_get_u32(numbers),
                                                 .meter = lmdb_get_u32(numbers + NUMBER_BYTES),
                                                 .from_us = read_time(value, 0),
                                                 .to_us = read_time(value, 8)};
    if (!meter.first || !meter.meter || meter.from_us >= meter.to_us) return MTR_ECORRUPT;
    if (!is_time(meter.from_us) || !is_time(meter.to_us)) return MTR_ECORRUPT;
    return walk->hooks->on_meter(walk->context, &meter);
}

int mtr_rollups_walk_moves(struct mtr_rollups_txn *txn, const struct mtr_rollups_on_moves *hooks,
                           void *context)
{
    struct moves_walk walk = {hooks, context};
    const struct mtr_str all = {prefix, PREFIX_BYTES};
    return rollups_scan(txn, MTR_TABLE_FACTS, all, all, on_fact, &walk);
}
