/*
 * The fold of receipts into the ledger of windows: each block of the log once, in order, with the sequence it
 * has come to in the same transaction. So the ledger is never ahead of the log, catches up at start, and can
 * be deleted.
 *
 * One thread at a time. Borrows log reader and ledger.
 */
#ifndef METERD_COLLECTOR_SOURCE_READING_LEDGER_FOLD_H
#define METERD_COLLECTOR_SOURCE_READING_LEDGER_FOLD_H

#include "meterd/core/diagnostic.h"
#include "meterd/store/ledger.h"
#include "meterd/store/log.h"

struct ledger_fold;

int ledger_fold_open(struct mtr_log_reader *reader, struct mtr_ledger *ledger,
                     const uint8_t event_key[MTR_EVENT_KEY_BYTES], struct ledger_fold **out) MTR_MUST_USE;
/* The ledger against the log, whose last sequence is passed: one that is newer than the log, or of another
 * log, is emptied but for pauses, so that the steps make it anew (*is_anew). Before the first step.
 * MTR_ECORRUPT, MTR_EIO with a diagnostic. */
int ledger_fold_begin(struct ledger_fold *fold, uint64_t last_seq, bool *is_anew,
                      struct mtr_diagnostic *diagnostic) MTR_MUST_USE;
void ledger_fold_close(struct ledger_fold *fold); /* NULL is allowed */

/* Folds the next blocks, at most so many. *more: the log may have further ones. MTR_ECORRUPT, MTR_EIO with a
 * diagnostic. */
int ledger_fold_step(struct ledger_fold *fold, uint32_t blocks_max, bool *more,
                     struct mtr_diagnostic *diagnostic) MTR_MUST_USE;

/* Folds just the blocks that hold `seqs`, unless they are in already, all or none; the caller knows that no
 * receipt stands between what is folded and them. */
int ledger_fold_blocks(struct ledger_fold *fold, const uint64_t *seqs, uint32_t count,
                       struct mtr_diagnostic *diagnostic) MTR_MUST_USE;

/* Up to `seq`, which the log has, no receipt stands that is not folded: the next start looks behind it. */
int ledger_fold_pass(struct ledger_fold *fold, uint64_t seq, struct mtr_diagnostic *diagnostic) MTR_MUST_USE;

#endif
