/*
 * Reports that vendors make for strands, one at a time each.
 */
#include <string.h>

#include "lib/store/ledger/ledger_txn.h"

/* start, end, began i64; reading u64; state u8; size of the id u16; both texts. */
enum {
    JOB_BYTES = 4 * 8 + 1 + 2,
    JOB_BYTES_MAX = JOB_BYTES + MTR_LEDGER_JOB_ID_BYTES_MAX + MTR_LEDGER_JOB_KNOWN_BYTES_MAX
};

static struct mtr_str key_of(const struct mtr_strand *strand, unsigned char hash[LEDGER_HASH_BYTES])
{
    ledger_strand_hash(strand, hash);
    return (struct mtr_str){(const char *)hash, LEDGER_HASH_BYTES};
}

int mtr_ledger_job(struct mtr_ledger_txn *txn, const struct mtr_strand *strand, struct mtr_ledger_job *out)
{
    unsigned char hash[LEDGER_HASH_BYTES];
    struct mtr_str value;
    int rc = ledger_get(txn, LEDGER_JOBS, key_of(strand, hash), &value);
    if (rc) return rc;
    const unsigned char *p = (const unsigned char *)value.data;
    if (value.size < JOB_BYTES || p[32] > MTR_JOB_SUBMITTED) return MTR_ECORRUPT;
    const size_t id_size = (size_t)p[33] << 8 | p[34];
    if (id_size > MTR_LEDGER_JOB_ID_BYTES_MAX || value.size < JOB_BYTES + id_size ||
        value.size > JOB_BYTES + id_size + MTR_LEDGER_JOB_KNOWN_BYTES_MAX)
        return MTR_ECORRUPT;
    *out = (struct mtr_ledger_job){
        .start_us = (int64_t)lmdb_get_u64(p),
        .end_us = (int64_t)lmdb_get_u64(p + 8),
        .began_us = (int64_t)lmdb_get_u64(p + 16),
        .reading = lmdb_get_u64(p + 24),
        .state = (enum mtr_job_state)p[32],
        .id = {value.data + JOB_BYTES, id_size},
        .known = {value.data + JOB_BYTES + id_size, value.size - JOB_BYTES - id_size}};
    return MTR_OK;
}

int mtr_ledger_put_job(struct mtr_ledger_txn *txn, const struct mtr_strand *strand,
                       const struct mtr_ledger_job *job)
{
    unsigned char hash[LEDGER_HASH_BYTES], value[JOB_BYTES_MAX];
    MTR_ASSERT(job->id.size <= MTR_LEDGER_JOB_ID_BYTES_MAX);
    MTR_ASSERT(job->known.size <= MTR_LEDGER_JOB_KNOWN_BYTES_MAX);
    lmdb_put_u64(value, (uint64_t)job->start_us);
    lmdb_put_u64(value + 8, (uint64_t)job->end_us);
    lmdb_put_u64(value + 16, (uint64_t)job->began_us);
    lmdb_put_u64(value + 24, job->reading);
    value[32] = (unsigned char)job->state;
    value[33] = (unsigned char)(job->id.size >> 8);
    value[34] = (unsigned char)job->id.size;
    if (job->id.size) memcpy(value + JOB_BYTES, job->id.data, job->id.size);
    if (job->known.size) memcpy(value + JOB_BYTES + job->id.size, job->known.data, job->known.size);
    return ledger_put(txn, LEDGER_JOBS, key_of(strand, hash),
                      (struct mtr_str){(const char *)value, JOB_BYTES + job->id.size + job->known.size});
}

int mtr_ledger_drop_job(struct mtr_ledger_txn *txn, const struct mtr_strand *strand)
{
    unsigned char hash[LEDGER_HASH_BYTES];
    return ledger_delete(txn, LEDGER_JOBS, key_of(strand, hash));
}
