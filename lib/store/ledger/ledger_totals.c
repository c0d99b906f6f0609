/*
 * How many windows of a source begin and end at the same instants, in all its strands: kept with each window
 * that is written, so that whoever waits for all of them need not look at each.
 */
#include "lib/store/ledger/ledger_txn.h"

/* source's hash, start, end; windows, whole ones, newest sequence u64, sum of the strands' hashes. */
enum { TOTAL_KEY_BYTES = LEDGER_PREFIX_BYTES + LEDGER_START_BYTES, TOTAL_BYTES = 5 * 8 };

static struct mtr_str key_of(const struct mtr_strand *strand, int64_t start_us, int64_t end_us,
                             unsigned char key[TOTAL_KEY_BYTES])
{
    ledger_source_hash(strand, key);
    ledger_put_start(key + LEDGER_HASH_BYTES, start_us);
    ledger_put_start(key + LEDGER_PREFIX_BYTES, end_us);
    return (struct mtr_str){(const char *)key, TOTAL_KEY_BYTES};
}

int mtr_ledger_total(struct mtr_ledger_txn *txn, const struct mtr_strand *source, int64_t start_us,
                     int64_t end_us, struct mtr_ledger_total *out)
{
    unsigned char key[TOTAL_KEY_BYTES];
    struct mtr_str value;
    *out = (struct mtr_ledger_total){0};
    int rc = ledger_get(txn, LEDGER_TOTALS, key_of(source, start_us, end_us, key), &value);
    if (rc) return rc == MTR_ENOTFOUND ? MTR_OK : rc;
    if (value.size != TOTAL_BYTES) return MTR_ECORRUPT;
    const unsigned char *p = (const unsigned char *)value.data;
    *out = (struct mtr_ledger_total){lmdb_get_u64(p),
                                     lmdb_get_u64(p + 8),
                                     lmdb_get_u64(p + 16),
                                     {lmdb_get_u64(p + 24), lmdb_get_u64(p + 32)}};
    return MTR_OK;
}

static int put(struct mtr_ledger_txn *txn, struct mtr_str key, const struct mtr_ledger_total *total)
{
    unsigned char value[TOTAL_BYTES];
    lmdb_put_u64(value, total->windows);
    lmdb_put_u64(value + 8, total->whole);
    lmdb_put_u64(value + 16, total->seq_last);
    lmdb_put_u64(value + 24, total->strands.high);
    lmdb_put_u64(value + 32, total->strands.low);
    return ledger_put(txn, LEDGER_TOTALS, key, (struct mtr_str){(const char *)value, sizeof(value)});
}

/* NULL: there is none, and that is not. */
static bool is_whole(const struct mtr_ledger_window *window)
{
    return window && mtr_window_is_whole(window->state) && !mtr_window_says_nothing(window);
}

/* It had another end: the document has cut time anew since. */
static int leave(struct mtr_ledger_txn *txn, const struct mtr_strand *strand,
                 const struct mtr_ledger_window *window)
{
    unsigned char key[TOTAL_KEY_BYTES];
    struct mtr_ledger_total total;
    const struct mtr_hash128 id = mtr_ledger_strand_id(strand);
    int rc = mtr_ledger_total(txn, strand, window->start_us, window->end_us, &total);
    if (rc) return rc;
    if (!total.windows || total.whole < is_whole(window)) return MTR_ECORRUPT;
    total.windows--;
    total.whole -= is_whole(window);
    total.strands.high -= id.high;
    total.strands.low -= id.low;
    return put(txn, key_of(strand, window->start_us, window->end_us, key), &total);
}

int ledger_total_turn(struct mtr_ledger_txn *txn, const struct mtr_strand *strand,
                      const struct mtr_ledger_window *before, const struct mtr_ledger_window *now)
{
    unsigned char key[TOTAL_KEY_BYTES];
    struct mtr_ledger_total total;
    int rc = MTR_OK;
    if (before && before->end_us != now->end_us) {
        rc = leave(txn, strand, before);
        before = NULL;
    }
    if (rc || (before && is_whole(before) == is_whole(now) && before->seq_last == now->seq_last)) return rc;
    rc = mtr_ledger_total(txn, strand, now->start_us, now->end_us, &total);
    if (rc) return rc;
    if (before && (!total.windows || total.whole < is_whole(before))) return MTR_ECORRUPT;
    if (!before) {
        total.windows++;
        mtr_ledger_add_strand(&total.strands, mtr_ledger_strand_id(strand));
    }
    total.whole = total.whole + is_whole(now) - is_whole(before);
    if (now->seq_last > total.seq_last) total.seq_last = now->seq_last;
    return put(txn, key_of(strand, now->start_us, now->end_us, key), &total);
}
