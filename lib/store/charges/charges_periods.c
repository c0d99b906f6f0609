/*
 * Lines, periods and timers of the charges store.
 *
 * Invariants: every period has one RATE timer while rate_due_us and one CLOSE timer while close_due_us is not
 * INT64_MAX; every subscription one OPEN timer while next_open_us is not INT64_MAX; there are no other
 * timers. A line's key is a hash of its identity, moved on by one where another identity of the same period
 * has it: lines are never deleted, so the search stays sound.
 */
#include "lib/store/charges/charges_txn.h"

#include <xxhash.h>


enum { SUBSCRIPTION_BYTES = 4, HASH_BYTES = 16, TIMER_HEAD_BYTES = 13 };
enum { LINE_KEY_BYTES_MAX = PERIOD_BYTES_MAX + HASH_BYTES };
enum { TIMER_KEY_BYTES_MAX = TIMER_HEAD_BYTES + START_BYTES_MAX };
enum { LINE_PROBES_MAX = 64, COST_BYTES = 16 };

static size_t line_key(unsigned char *p, uint32_t subscription, int64_t period_start_us,
                       struct mtr_hash128 hash)
{
    const size_t size = put_period(p, subscription, period_start_us);
    put_hash(p + size, hash);
    return size + HASH_BYTES;
}

static int line_hash(struct mtr_charges_txn *txn, const struct mtr_charge_line *line, struct mtr_hash128 *out)
{
    struct packer packer = pack_begin(&txn->scratch);
    pack_instant(&packer, line->part_start_us);
    pack_str(&packer, line->currency);
    pack_str(&packer, line->component);
    pack_str(&packer, line->kind);
    pack_str(&packer, line->dimensions);
    if (packer.error) return packer.error;
    XXH128_hash_t hash = XXH3_128bits(txn->scratch.data, txn->scratch.size);
    *out = (struct mtr_hash128){hash.high64, hash.low64};
    return MTR_OK;
}

static int unpack_line(struct mtr_str key, struct mtr_str value, struct mtr_charge_line *out)
{
    const unsigned char *k = (const unsigned char *)key.data;
    struct unpacker unpacker = unpack_begin(value);
    struct mtr_charge_line line = {.count = 0};
    if (key.size < HASH_BYTES) return MTR_ECORRUPT;
    const size_t hash_at = key.size - HASH_BYTES;
    int rc = get_period(k, hash_at, &line.subscription, &line.period_start_us);
    if (rc) return rc;
    line.key = (struct mtr_hash128){lmdb_get_u64(k + hash_at), lmdb_get_u64(k + hash_at + 8)};
    line.part_start_us = unpack_instant(&unpacker);
    line.currency = unpack_str(&unpacker);
    line.component = unpack_str(&unpacker);
    line.kind = unpack_str(&unpacker);
    line.dimensions = unpack_str(&unpacker);
    line.emitted.e18 = unpack_i128(&unpacker);
    line.quantity.e12 = unpack_i128(&unpacker);
    line.last_number = unpack_u64(&unpacker);
    line.count = unpack_u64(&unpacker);
    line.part_end_us = unpack_instant(&unpacker);
    line.meter = unpack_str(&unpacker);
    line.unit = unpack_str(&unpacker);
    line.tariff = unpack_str(&unpacker);
    line.version_from = unpack_str(&unpacker);
    line.version_hash = unpack_hash(&unpacker);
    if (unpacker.at < unpacker.end)
        line.tax_code = unpack_str(&unpacker); /* records of before there were tax codes end here */
    if (unpacker.end - unpacker.at > COST_BYTES) {
        line.customer = unpack_str(&unpacker);
        line.has_cost = unpack_u8(&unpacker);
        line.cost.e18 = unpack_i128(&unpacker);
    } else { /* of before it said who is charged */
        line.has_cost = unpack_cost(&unpacker, &line.cost);
    }
    if (unpack_end(&unpacker) || line.count > line.last_number || !line.subscription) return MTR_ECORRUPT;
    if ((line.count == 0) != (line.last_number == 0)) return MTR_ECORRUPT;
    if (!is_instant(line.part_start_us) || line.part_start_us < line.period_start_us ||
        !is_instant(line.part_end_us))
        return MTR_ECORRUPT;
    if (line.dimensions.size > MTR_LINE_DIMENSIONS_BYTES_MAX) return MTR_ECORRUPT;
    *out = line;
    return MTR_OK;
}

static bool same_line(const struct mtr_charge_line *a, const struct mtr_charge_line *b)
{
    return a->part_start_us == b->part_start_us && mtr_str_equal(a->currency, b->currency) &&
           mtr_str_equal(a->component, b->component) && mtr_str_equal(a->kind, b->kind) &&
           mtr_str_equal(a->dimensions, b->dimensions) &&
           (!a->customer.size || !b->customer.size || mtr_str_equal(a->customer, b->customer));
}

int mtr_charges_get_line_by_key(struct mtr_charges_txn *txn, uint32_t subscription, int64_t period_start_us,
                                struct mtr_hash128 key, struct mtr_charge_line *out)
{
    unsigned char bytes[LINE_KEY_BYTES_MAX];
    struct mtr_str value;
    const size_t size = line_key(bytes, subscription, period_start_us, key);
    int rc = charges_get(txn, TABLE_LINES, bytes, size, &value);
    return rc ? rc : unpack_line((struct mtr_str){(char *)bytes, size}, value, out);
}

int mtr_charges_get_line(struct mtr_charges_txn *txn, struct mtr_charge_line *line)
{
    struct mtr_hash128 key;
    struct mtr_charge_line found;
    int rc = line_hash(txn, line, &key);
    if (rc) return rc;
    for (int i = 0; i < LINE_PROBES_MAX; i++, key.low++) {
        rc = mtr_charges_get_line_by_key(txn, line->subscription, line->period_start_us, key, &found);
        if (rc == MTR_ENOTFOUND) {
            line->key = key;
            line->emitted = (struct mtr_money){0};
            line->quantity = (struct mtr_quantity){0};
            line->last_number = line->count = 0;
            line->has_cost = false;
            line->cost = (struct mtr_money){0};
            return rc;
        }
        if (rc) return rc;
        if (same_line(&found, line)) {
            *line = found;
            return MTR_OK;
        }
    }
    return MTR_ECORRUPT;
}

int mtr_charges_put_line(struct mtr_charges_txn *txn, const struct mtr_charge_line *line)
{
    unsigned char key[LINE_KEY_BYTES_MAX];
    MTR_ASSERT(line->subscription > 0 && line->part_start_us >= line->period_start_us);
    MTR_ASSERT(line->dimensions.size <= MTR_LINE_DIMENSIONS_BYTES_MAX); /* or it could not be read again */
    /* Each of its charges has a number of its own, the last one the highest. */
    MTR_ASSERT(line->count <= line->last_number && (line->count == 0) == (line->last_number == 0));
    const size_t size = line_key(key, line->subscription, line->period_start_us, line->key);
    struct packer packer = pack_begin(&txn->scratch);
    pack_instant(&packer, line->part_start_us);
    pack_str(&packer, line->currency);
    pack_str(&packer, line->component);
    pack_str(&packer, line->kind);
    pack_str(&packer, line->dimensions);
    pack_i128(&packer, line->emitted.e18);
    pack_i128(&packer, line->quantity.e12);
    pack_u64(&packer, line->last_number);
    pack_u64(&packer, line->count);
    pack_instant(&packer, line->part_end_us);
    pack_str(&packer, line->meter);
    pack_str(&packer, line->unit);
    pack_str(&packer, line->tariff);
    pack_str(&packer, line->version_from);
    pack_hash(&packer, line->version_hash);
    pack_str(&packer, line->tax_code);
    pack_str(&packer, line->customer);
    pack_u8(&packer, line->has_cost);
    pack_i128(&packer, line->cost.e18);
    if (packer.error) return packer.error;
    return charges_put(txn, TABLE_LINES, key, size, mtr_buffer_str(&txn->scratch), 0);
}

struct line_rows {
    mtr_charges_on_line on_line;
    void *context;
    size_t key_size;
};

static int on_line_row(void *context, struct mtr_str key, struct mtr_str value)
{
    const struct line_rows *rows = context;
    struct mtr_charge_line line;
    if (key.size != rows->key_size) return check_other(key.size, HASH_BYTES);
    int rc = unpack_line(key, value, &line);
    return rc ? rc : rows->on_line(rows->context, &line);
}

int mtr_charges_walk_lines_from(struct mtr_charges_txn *txn, uint32_t subscription, int64_t period_start_us,
                                struct mtr_hash128 from, mtr_charges_on_line on_line, void *context)
{
    unsigned char key[LINE_KEY_BYTES_MAX];
    const size_t size = line_key(key, subscription, period_start_us, from);
    struct line_rows rows = {on_line, context, size};
    const struct charges_range range = {TABLE_LINES, key, size, size - HASH_BYTES};
    return charges_walk(txn, &range, on_line_row, &rows);
}

int mtr_charges_walk_lines(struct mtr_charges_txn *txn, uint32_t subscription, int64_t period_start_us,
                           mtr_charges_on_line on_line, void *context)
{
    const struct mtr_hash128 first = {0, 0};
    return mtr_charges_walk_lines_from(txn, subscription, period_start_us, first, on_line, context);
}

static size_t timer_key(unsigned char *p, enum mtr_charge_timer_kind kind,
                        const struct mtr_charge_timer *timer)
{
    p[0] = (unsigned char)kind;
    put_i64(p + 1, timer->due_us);
    lmdb_put_u32(p + 9, timer->subscription);
    return TIMER_HEAD_BYTES + put_start(p + TIMER_HEAD_BYTES, timer->period_start_us);
}

/* Moves a timer from one due time to another; due at INT64_MAX is none. */
static int move_timer(struct mtr_charges_txn *txn, enum mtr_charge_timer_kind kind,
                      struct mtr_charge_timer from, struct mtr_charge_timer to)
{
    unsigned char key[TIMER_KEY_BYTES_MAX];
    MTR_ASSERT(from.subscription == to.subscription); /* a timer stays its subscription's */
    if (from.due_us == to.due_us && from.period_start_us == to.period_start_us) return MTR_OK;
    if (from.due_us != INT64_MAX) {
        const size_t size = timer_key(key, kind, &from);
        int rc = charges_delete(txn, TABLE_TIMERS, key, size);
        if (rc) return rc == MTR_ENOTFOUND ? MTR_ECORRUPT : rc;
    }
    if (to.due_us == INT64_MAX) return MTR_OK;
    const size_t size = timer_key(key, kind, &to);
    return charges_put(txn, TABLE_TIMERS, key, size, (struct mtr_str){"", 0}, 0);
}

/* The timer that the cursor comes to, if it is of the kind. */
static int timer_at(MDB_cursor *cursor, const struct sealed_table *timers, enum mtr_charge_timer_kind kind,
                    MDB_val k, MDB_cursor_op way, struct mtr_charge_timer *out)
{
    MDB_val v;
    int rc = sealed_cursor_get(cursor, timers, &k, &v, way);
    if (rc) return rc;
    if (k.mv_size < TIMER_HEAD_BYTES) return MTR_ECORRUPT;
    const unsigned char *p = k.mv_data;
    if (p[0] != (unsigned char)kind) return MTR_ENOTFOUND;
    *out = (struct mtr_charge_timer){.due_us = get_i64(p + 1), .subscription = lmdb_get_u32(p + 9)};
    return get_start(p + TIMER_HEAD_BYTES, k.mv_size - TIMER_HEAD_BYTES, &out->period_start_us);
}

int mtr_charges_first_timer(struct mtr_charges_txn *txn, enum mtr_charge_timer_kind kind,
                            struct mtr_charge_timer *out)
{
    MDB_cursor *cursor = NULL;
    unsigned char from[1] = {(unsigned char)kind};
    const struct sealed_table *timers = &txn->charges->tables[TABLE_TIMERS];
    int rc = lmdb_error(mdb_cursor_open(txn->lmdb, timers->dbi, &cursor));
    if (rc) return rc;
    rc = timer_at(cursor, timers, kind, lmdb_val(from, sizeof(from)), MDB_SET_RANGE, out);
    mdb_cursor_close(cursor);
    return rc;
}

int mtr_charges_last_timer(struct mtr_charges_txn *txn, enum mtr_charge_timer_kind kind,
                           struct mtr_charge_timer *out)
{
    MDB_cursor *cursor = NULL;
    unsigned char behind[1] = {(unsigned char)(kind + 1)};
    MDB_val k = lmdb_val(behind, sizeof(behind));
    MDB_val v;
    const struct sealed_table *timers = &txn->charges->tables[TABLE_TIMERS];
    int rc = lmdb_error(mdb_cursor_open(txn->lmdb, timers->dbi, &cursor));
    if (rc) return rc;
    rc = sealed_cursor_get(cursor, timers, &k, &v, MDB_SET_RANGE);
    if (!rc || rc == MTR_ENOTFOUND) rc = timer_at(cursor, timers, kind, k, rc ? MDB_LAST : MDB_PREV, out);
    mdb_cursor_close(cursor);
    return rc;
}

static int unpack_period(struct mtr_str key, struct mtr_str value, struct mtr_charge_period *out)
{
    const unsigned char *k = (const unsigned char *)key.data;
    struct unpacker unpacker = unpack_begin(value);
    struct mtr_charge_period period = {.revision = 0};
    int rc = get_period(k, key.size, &period.subscription, &period.start_us);
    if (rc) return rc;
    period.end_us = unpack_instant(&unpacker);
    uint8_t status = unpack_u8(&unpacker);
    period.status = (enum mtr_charge_period_status)status;
    period.dirty = unpack_u8(&unpacker) != 0;
    const int64_t problem = unpack_i64(&unpacker);
    period.problem = (int)problem;
    period.inputs = unpack_hash(&unpacker);
    period.rated_us = unpack_i64(&unpacker);
    period.closed_us = unpack_i64(&unpacker);
    period.revision = unpack_u32(&unpacker);
    period.rate_due_us = unpack_i64(&unpacker);
    period.close_due_us = unpack_i64(&unpacker);
    if (unpack_end(&unpacker) || status > MTR_PERIOD_FINAL) return MTR_ECORRUPT;
    if ((status == MTR_PERIOD_FINAL) != (period.closed_us != 0)) return MTR_ECORRUPT;
    if (!period.subscription || problem != period.problem) return MTR_ECORRUPT;
    if (!is_instant(period.end_us) || period.start_us >= period.end_us) return MTR_ECORRUPT;
    *out = period;
    return MTR_OK;
}

int mtr_charges_get_period(struct mtr_charges_txn *txn, uint32_t subscription, int64_t start_us,
                           struct mtr_charge_period *out)
{
    unsigned char key[PERIOD_BYTES_MAX];
    struct mtr_str value;
    const size_t size = put_period(key, subscription, start_us);
    int rc = charges_get(txn, TABLE_PERIODS, key, size, &value);
    return rc ? rc : unpack_period((struct mtr_str){(char *)key, size}, value, out);
}

void charges_pack_period(struct packer *packer, const struct mtr_charge_period *period)
{
    pack_instant(packer, period->end_us);
    pack_u8(packer, (uint8_t)period->status);
    pack_u8(packer, period->dirty);
    pack_i64(packer, period->problem);
    pack_hash(packer, period->inputs);
    pack_i64(packer, period->rated_us);
    pack_i64(packer, period->closed_us);
    pack_u32(packer, period->revision);
    pack_i64(packer, period->rate_due_us);
    pack_i64(packer, period->close_due_us);
}

int mtr_charges_put_period(struct mtr_charges_txn *txn, const struct mtr_charge_period *period)
{
    struct mtr_charge_period old = {.rate_due_us = INT64_MAX, .close_due_us = INT64_MAX};
    unsigned char key[PERIOD_BYTES_MAX];
    const uint32_t s = period->subscription;
    MTR_ASSERT(s > 0 && period->start_us < period->end_us);
    /* Closed once and for ever: a final period is corrected. */
    MTR_ASSERT((period->status == MTR_PERIOD_FINAL) == (period->closed_us != 0));
    int rc = mtr_charges_get_period(txn, s, period->start_us, &old);
    if (rc && rc != MTR_ENOTFOUND) return rc;
    if (old.status == MTR_PERIOD_FINAL && period->status != MTR_PERIOD_FINAL) return MTR_ECORRUPT;
    rc = move_timer(txn, MTR_TIMER_RATE, (struct mtr_charge_timer){old.rate_due_us, s, period->start_us},
                    (struct mtr_charge_timer){period->rate_due_us, s, period->start_us});
    if (!rc)
        rc = move_timer(txn, MTR_TIMER_CLOSE,
                        (struct mtr_charge_timer){old.close_due_us, s, period->start_us},
                        (struct mtr_charge_timer){period->close_due_us, s, period->start_us});
    if (rc) return rc;
    struct packer packer = pack_begin(&txn->scratch);
    charges_pack_period(&packer, period);
    if (packer.error) return packer.error;
    return charges_put(txn, TABLE_PERIODS, key, put_period(key, s, period->start_us),
                       mtr_buffer_str(&txn->scratch), 0);
}

CHARGES_ROWS(period, struct mtr_charge_period, unpack_period)

int mtr_charges_walk_periods(struct mtr_charges_txn *txn, uint32_t subscription, int64_t from_us,
                             mtr_charges_on_period on_period, void *context)
{
    struct period_rows rows = {on_period, context};
    unsigned char from[PERIOD_BYTES_MAX];
    const size_t size = put_period(from, subscription, from_us);
    const struct charges_range range = {TABLE_PERIODS, from, size, SUBSCRIPTION_BYTES};
    return charges_walk(txn, &range, on_period_row, &rows);
}

int mtr_charges_get_subscription(struct mtr_charges_txn *txn, uint32_t number,
                                 struct mtr_charge_subscription *out)
{
    unsigned char key[4];
    struct mtr_str value;
    lmdb_put_u32(key, number);
    int rc = charges_get(txn, TABLE_SUBSCRIPTIONS, key, sizeof(key), &value);
    if (rc) return rc;
    struct unpacker unpacker = unpack_begin(value);
    struct mtr_charge_subscription subscription = {.number = number, .schedule = unpack_hash(&unpacker)};
    subscription.next_open_us = unpack_instant(&unpacker);
    if (unpack_end(&unpacker)) return MTR_ECORRUPT;
    if (subscription.next_open_us != INT64_MAX && !is_instant(subscription.next_open_us)) return MTR_ECORRUPT;
    *out = subscription;
    return MTR_OK;
}

static struct mtr_charge_timer open_timer(uint32_t subscription, int64_t next_open_us)
{
    return (struct mtr_charge_timer){next_open_us, subscription, next_open_us};
}

int mtr_charges_put_subscription(struct mtr_charges_txn *txn,
                                 const struct mtr_charge_subscription *subscription)
{
    struct mtr_charge_subscription old = {.next_open_us = INT64_MAX};
    unsigned char key[4];
    MTR_ASSERT(subscription->number > 0);
    int rc = mtr_charges_get_subscription(txn, subscription->number, &old);
    if (rc && rc != MTR_ENOTFOUND) return rc;
    rc = move_timer(txn, MTR_TIMER_OPEN, open_timer(subscription->number, old.next_open_us),
                    open_timer(subscription->number, subscription->next_open_us));
    if (rc) return rc;
    lmdb_put_u32(key, subscription->number);
    struct packer packer = pack_begin(&txn->scratch);
    pack_hash(&packer, subscription->schedule);
    pack_instant(&packer, subscription->next_open_us);
    if (packer.error) return packer.error;
    return charges_put(txn, TABLE_SUBSCRIPTIONS, key, sizeof(key), mtr_buffer_str(&txn->scratch), 0);
}
