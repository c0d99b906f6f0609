/*
 * Carrying events: out of the log's segments, into the store of copies (log_carried.h). Each block is read
 * once for all that is asked for in a row.
 */
#include "lib/store/log/log_carried.h"
#include "lib/store/lmdb_env.h"

struct carrying {
    struct log_carried *carried;
    struct mtr_log_reader *reader;
    struct mtr_block_encoder *encoder;
    MDB_txn *txn;
    struct mtr_block_header block; /* read last; count 0: none */
    const struct mtr_event *events;
    struct mtr_diagnostic *diagnostic;
};

static bool has_block(const struct carrying *carrying, uint64_t seq)
{
    const struct mtr_block_header *block = &carrying->block;
    return block->count && seq >= block->first_seq && seq - block->first_seq < block->count;
}

/* MTR_ENOTFOUND: it has left the log. */
static int read_block(struct carrying *carrying, uint64_t seq)
{
    if (has_block(carrying, seq)) return MTR_OK;
    int rc = mtr_log_read(carrying->reader, seq, &carrying->block, &carrying->events, carrying->diagnostic);
    if (rc) carrying->block.count = 0;
    return rc ? rc : has_block(carrying, seq) ? MTR_OK : MTR_ENOTFOUND;
}

/* The copy tells which block it was of by the hash that a block has of the one before. */
static int put_run(struct carrying *carrying, uint64_t first_seq, uint32_t count)
{
    const struct mtr_block_header *block = &carrying->block;
    struct mtr_block_header header = {.first_seq = first_seq,
                                      .count = count,
                                      .received_us = block->received_us,
                                      .previous_hash = block->hash};
    struct mtr_str bytes;
    int rc = mtr_block_encode(carrying->encoder, carrying->events + (first_seq - block->first_seq), &header,
                              &bytes);
    return rc ? rc : log_carried_put(carrying->carried, carrying->txn, &header, bytes);
}

/* Those that follow the first one of seqs without a gap, in its block, and were not carried. */
static int find_length(struct carrying *carrying, const uint64_t *seqs, uint32_t count, uint32_t *length)
{
    for (*length = 1; *length < count && *length < LOG_CARRIED_RUN_EVENTS_MAX; (*length)++) {
        const uint64_t next = seqs[0] + *length;
        bool was_carried;
        if (seqs[*length] != next || !has_block(carrying, next)) return MTR_OK;
        int rc = log_carried_has(carrying->carried, carrying->txn, next, &was_carried);
        if (rc || was_carried) return rc;
    }
    return MTR_OK;
}

static int carry_all(struct carrying *carrying, const uint64_t *seqs, uint32_t count)
{
    for (uint32_t i = 0, length = 1; i < count; i += length, length = 1) {
        bool was_carried;
        int rc = log_carried_has(carrying->carried, carrying->txn, seqs[i], &was_carried);
        if (!rc && !was_carried) rc = read_block(carrying, seqs[i]);
        if (!rc && !was_carried) rc = find_length(carrying, seqs + i, count - i, &length);
        if (!rc && !was_carried) rc = put_run(carrying, seqs[i], length);
        if (rc && rc != MTR_ENOTFOUND) return rc;
    }
    return MTR_OK;
}

int mtr_log_carry(struct mtr_log *log, const uint64_t *seqs, uint32_t count,
                  struct mtr_diagnostic *diagnostic)
{
    struct carrying carrying = {.diagnostic = diagnostic};
    if (!count) return MTR_OK;
    int rc = log_carried_of(log, true, &carrying.carried, diagnostic);
    if (!rc) rc = mtr_log_reader_attach(log, &carrying.reader);
    if (!rc) rc = mtr_block_encoder_open(&carrying.encoder);
    if (!rc) rc = log_carried_begin(carrying.carried, &carrying.txn);
    if (!rc) rc = carry_all(&carrying, seqs, count);
    if (!rc) rc = lmdb_commit(carrying.txn);
    else if (carrying.txn) mdb_txn_abort(carrying.txn);
    mtr_block_encoder_close(carrying.encoder);
    mtr_log_reader_close(carrying.reader);
    return rc;
}
