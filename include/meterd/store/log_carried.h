/*
 * Events that are carried forward: of segments that retention takes, those that somebody still waits for.
 * They keep their sequence, their receive time and all that they say, in a store beside the segments
 * (<log>/carried/). They are copies: as long as the log has a segment, that says what its events are.
 *
 *   mtr_log_carry ──▶ durable ──▶ mtr_log_retain ──▶ mtr_log_read_kept finds them in the segment's place
 *                                                    mtr_log_sweep_carried, once nobody waits for them
 *
 * So a crash between any two of these loses no event and doubles none: what goes through the log block by
 * block (mtr_log_read) never sees a copy.
 */
#ifndef METERD_STORE_LOG_CARRIED_H
#define METERD_STORE_LOG_CARRIED_H

#include "meterd/store/log.h"

/* Copies events of these sequences, ascending; those that were carried before, or that the log no longer has,
 * are passed over. Durable when it returns. Carrying and sweeping are one thread's at a time. MTR_EFULL,
 * MTR_ENOMEM, MTR_EFILES: nothing was carried. MTR_ECORRUPT with a diagnostic: an event cannot be read. */
int mtr_log_carry(struct mtr_log *log, const uint64_t *seqs, uint32_t count,
                  struct mtr_diagnostic *diagnostic) MTR_MUST_USE;

struct mtr_log_sweep {
    uint64_t after_seq, up_to_seq; /* the copies that begin behind the one, up to the other */
    const uint64_t *wanted;        /* of that stretch, ascending: somebody waits for them */
    uint32_t wanted_count;
    int64_t now_us;
    int64_t spared_us; /* copies go when nobody has waited for them for so long */
};
/* Runs of events (mtr_log_carry) of which none is wanted go once they have been unwanted for so long, so that
 * a copy of the stores that is made meanwhile has them, or has no need of them. A bounded number: *done_seq
 * says up to where. */
int mtr_log_sweep_carried(struct mtr_log *log, const struct mtr_log_sweep *sweep,
                          uint64_t *done_seq) MTR_MUST_USE;

/* How many events there are copies of. Any thread. */
int mtr_log_count_carried(struct mtr_log *log, uint64_t *events) MTR_MUST_USE;

/* As mtr_log_read, and where retention has taken what it asks for, of what was carried: a run of events as a
 * block of their own, whose receive time is that of the block that they were in. */
int mtr_log_read_kept(struct mtr_log_reader *reader, uint64_t seq, struct mtr_block_header *header,
                      const struct mtr_event **events, struct mtr_diagnostic *diagnostic) MTR_MUST_USE;

/* Up to where retention would take segments now, were nothing in them needed: 0, or the end of one. Writer's
 * thread, or one that can do with what was true a moment ago. */
uint64_t mtr_log_retirable(struct mtr_log *log, int64_t before_us);

#endif
