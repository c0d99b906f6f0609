/*
 * Periods that wait until they can be rated, in the charges store.
 *
 * Invariant: the counts by reason in `meta` are those of the rows. Which periods wait is the rater's
 * business.
 */
#include "lib/store/charges/charges_txn.h"

enum { SUBSCRIPTION_BYTES = 4 };

static const char META_WAITING[] = "waiting";

const char *mtr_waiting_reason_name(enum mtr_waiting_reason reason)
{
    switch (reason) {
    case MTR_WAITING_RATE: return "missing_rate";
    case MTR_WAITING_RANGE: return "out_of_range";
    case MTR_WAITING_SIZE: return "too_large";
    case MTR_WAITING_OTHER: return "other";
    case MTR_WAITING_SOURCE: return "incomplete_source";
    }
    MTR_ASSERT(!"known reason");
    return NULL;
}

enum mtr_finding_code mtr_waiting_reason_code(enum mtr_waiting_reason reason)
{
    switch (reason) {
    case MTR_WAITING_RATE: return MTR_FINDING_RATING_RATE_MISSING;
    case MTR_WAITING_RANGE: return MTR_FINDING_RATING_RANGE;
    case MTR_WAITING_SIZE: return MTR_FINDING_RATING_SIZE;
    case MTR_WAITING_OTHER: return MTR_FINDING_RATING_PERIOD;
    case MTR_WAITING_SOURCE: return MTR_FINDING_RATING_SOURCE;
    }
    MTR_ASSERT(!"known reason");
    return MTR_FINDING_NONE;
}

const char *mtr_waiting_reason_choice(unsigned index)
{
    return index < MTR_WAITING_REASON_COUNT ? mtr_waiting_reason_name((enum mtr_waiting_reason)index) : NULL;
}

static int unpack_waiting(struct mtr_str key, struct mtr_str value, struct mtr_charge_waiting *out)
{
    const unsigned char *k = (const unsigned char *)key.data;
    struct unpacker unpacker = unpack_begin(value);
    struct mtr_charge_waiting waiting = {.since_us = 0};
    int rc = get_period(k, key.size, &waiting.subscription, &waiting.period_start_us);
    if (rc) return rc;
    const uint8_t reason = unpack_u8(&unpacker);
    waiting.reason = (enum mtr_waiting_reason)reason;
    waiting.since_us = unpack_i64(&unpacker);
    waiting.text = unpack_str(&unpacker);
    if (unpack_end(&unpacker) || reason >= MTR_WAITING_REASON_COUNT) return MTR_ECORRUPT;
    if (!waiting.subscription || !waiting.text.size || waiting.text.size > MTR_WAITING_TEXT_BYTES_MAX)
        return MTR_ECORRUPT;
    *out = waiting;
    return MTR_OK;
}

/* ---- counts ---- */

int mtr_charges_count_waiting(struct mtr_charges_txn *txn, uint64_t counts[MTR_WAITING_REASON_COUNT])
{
    struct mtr_str value;
    int rc = charges_get(txn, TABLE_META, META_WAITING, sizeof(META_WAITING) - 1, &value);
    if (rc == MTR_ENOTFOUND) value = MTR_STR("");
    else if (rc) return rc;
    struct unpacker unpacker = unpack_begin(value);
    const size_t known = value.size / sizeof(uint64_t); /* reasons that came since are behind */
    for (unsigned reason = 0; reason < MTR_WAITING_REASON_COUNT; reason++)
        counts[reason] = reason < known ? unpack_u64(&unpacker) : 0;
    return unpack_end(&unpacker);
}

static int count(struct mtr_charges_txn *txn, enum mtr_waiting_reason reason, bool more)
{
    uint64_t counts[MTR_WAITING_REASON_COUNT];
    int rc = mtr_charges_count_waiting(txn, counts);
    if (rc) return rc;
    if (!more && !counts[reason]) return MTR_ECORRUPT;
    counts[reason] = more ? counts[reason] + 1 : counts[reason] - 1;
    struct packer packer = pack_begin(&txn->scratch);
    for (unsigned i = 0; i < MTR_WAITING_REASON_COUNT; i++) pack_u64(&packer, counts[i]);
    if (packer.error) return packer.error;
    return charges_put(txn, TABLE_META, META_WAITING, sizeof(META_WAITING) - 1,
                       mtr_buffer_str(&txn->scratch), 0);
}

/* ---- rows ---- */

int mtr_charges_get_waiting(struct mtr_charges_txn *txn, uint32_t subscription, int64_t period_start_us,
                            struct mtr_charge_waiting *out)
{
    unsigned char key[PERIOD_BYTES_MAX];
    struct mtr_str value;
    const size_t size = put_period(key, subscription, period_start_us);
    int rc = charges_get(txn, TABLE_WAITING, key, size, &value);
    return rc ? rc : unpack_waiting((struct mtr_str){(char *)key, size}, value, out);
}

int mtr_charges_put_waiting(struct mtr_charges_txn *txn, const struct mtr_charge_waiting *waiting)
{
    unsigned char key[PERIOD_BYTES_MAX];
    struct mtr_charge_waiting known;
    MTR_ASSERT(waiting->subscription > 0 && (unsigned)waiting->reason < MTR_WAITING_REASON_COUNT);
    MTR_ASSERT(waiting->text.size > 0 && waiting->text.size <= MTR_WAITING_TEXT_BYTES_MAX);
    int rc = mtr_charges_get_waiting(txn, waiting->subscription, waiting->period_start_us, &known);
    const bool is_new = rc == MTR_ENOTFOUND;
    if (rc && !is_new) return rc;
    const int64_t since_us = is_new ? waiting->since_us : known.since_us;
    rc = is_new ? MTR_OK : count(txn, known.reason, false);
    if (!rc) rc = count(txn, waiting->reason, true);
    if (rc) return rc;
    struct packer packer = pack_begin(&txn->scratch);
    pack_u8(&packer, (uint8_t)waiting->reason);
    pack_i64(&packer, since_us);
    pack_str(&packer, waiting->text);
    if (packer.error) return packer.error;
    const size_t size = put_period(key, waiting->subscription, waiting->period_start_us);
    return charges_put(txn, TABLE_WAITING, key, size, mtr_buffer_str(&txn->scratch), 0);
}

int mtr_charges_end_waiting(struct mtr_charges_txn *txn, uint32_t subscription, int64_t period_start_us)
{
    unsigned char key[PERIOD_BYTES_MAX];
    struct mtr_charge_waiting known;
    int rc = mtr_charges_get_waiting(txn, subscription, period_start_us, &known);
    if (rc) return rc == MTR_ENOTFOUND ? MTR_OK : rc;
    rc = count(txn, known.reason, false);
    if (rc) return rc;
    return charges_delete(txn, TABLE_WAITING, key, put_period(key, subscription, period_start_us));
}

CHARGES_ROWS(waiting, struct mtr_charge_waiting, unpack_waiting)

int mtr_charges_walk_waiting(struct mtr_charges_txn *txn, uint32_t from_subscription,
                             mtr_charges_on_waiting on_waiting, void *context)
{
    struct waiting_rows rows = {on_waiting, context};
    unsigned char from[SUBSCRIPTION_BYTES];
    lmdb_put_u32(from, from_subscription);
    const struct charges_range range = {TABLE_WAITING, from, sizeof(from), 0};
    return charges_walk(txn, &range, on_waiting_row, &rows);
}
