/*
 * The outbox: charges on their way to http destinations, each delivered once as far as the receiver keeps
 * ids.
 *
 * One message per destination is in flight. Its id and bytes are frozen before the first attempt, and
 * ATTEMPTED is committed before anything is sent, so that after a crash the same bytes go out under the same
 * id. A message whose outcome is uncertain for MTR_OUTBOX_CERTAIN_US becomes UNKNOWN instead of being resent:
 * receivers forget ids after about a day. REJECTED and UNKNOWN do not hold up what follows (charges are
 * differences, their order does not matter); operators requeue or mark them delivered.
 *
 * After the stores were put back from a copy nothing goes to a destination but a notice, until its receiver
 * has answered it or an operator has marked it delivered: what it got since the copy is then settled
 * (meterd/emitter/destination.h).
 *
 * step() runs on the rater's thread; mtr_outbox_on_result may be called from any other.
 */
#ifndef METERD_EMITTER_OUTBOX_H
#define METERD_EMITTER_OUTBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "meterd/catalog/catalog.h"
#include "meterd/core/diagnostic.h"
#include "meterd/core/time.h"
#include "meterd/store/charges.h"

struct mtr_outbox;

#define MTR_OUTBOX_CERTAIN_US (20 * MTR_US_PER_HOUR)
enum {
    MTR_OUTBOX_IN_FLIGHT_MAX = 256,    /* over all destinations; the mailbox of results holds as many */
    MTR_OUTBOX_ANSWER_BYTES_MAX = 1024 /* of an answer's body that are looked at */
};

/* What a sender gets: borrowed during send(); it copies what it keeps. */
struct mtr_outbox_message {
    struct mtr_str id; /* "msg_…", the webhook-id */
    const struct mtr_destination *destination;
    struct mtr_str body;
    uint32_t attempt; /* from 1 */
};

/* Takes a message to be sent; answers later by mtr_outbox_on_result, exactly once per taken message,
 * within the destination's timeout. Not 0: not taken, nothing was sent, no result will come. */
struct mtr_sender {
    int (*send)(void *context, const struct mtr_outbox_message *message);
    void *context;
};

enum mtr_outbox_outcome {
    MTR_OUTCOME_ANSWERED,  /* status and body hold */
    MTR_OUTCOME_NOT_SENT,  /* no connection: the receiver saw nothing */
    MTR_OUTCOME_UNCERTAIN, /* timed out or broke off: the receiver may have taken it */
    MTR_OUTCOME_UNSENDABLE, /* nothing was sent, nor ever will be: no such URL or scheme */
};

struct mtr_outbox_result {
    enum mtr_outbox_outcome outcome;
    int32_t status;
    int64_t retry_after_us;                 /* from the answer; 0: none. Honoured up to backoff_max_us */
    char body[MTR_OUTBOX_ANSWER_BYTES_MAX]; /* beginning of the answer's body */
    uint32_t body_size;
};

struct mtr_outbox_options {
    /* The first retry waits 0…this (full jitter), each next one up to twice as much. */
    int64_t backoff_min_us;
    int64_t backoff_max_us;
    uint64_t seed;             /* of the jitter */
    uint32_t scan_charges_max; /* charges looked at per destination and step */
    uint64_t body_bytes_max;
};
/* 1 s, 10 min, seed 1, 4,096, 4 MiB. */
struct mtr_outbox_options mtr_outbox_options_default(void);

struct mtr_outbox_step_result {
    uint32_t sent;
    uint32_t delivered;
    uint32_t retried;  /* results that led to another attempt */
    uint32_t rejected;
    uint32_t unknown;
    bool idle;
    int64_t next_due_us; /* INT64_MAX: only a result or a new charge brings work */
};

int mtr_outbox_open(struct mtr_charges *charges, const struct mtr_sender *sender,
                    const struct mtr_outbox_options *options, struct mtr_outbox **out) MTR_MUST_USE;
void mtr_outbox_close(struct mtr_outbox *outbox);

/* Applies results, forms messages, commits, sends. Errors: nothing was committed, nothing sent. */
int mtr_outbox_step(struct mtr_outbox *outbox, const struct mtr_catalog *catalog, int64_t now_us,
                    struct mtr_outbox_step_result *result, struct mtr_diagnostic *diagnostic) MTR_MUST_USE;

/* Any thread. Queued and applied by the next step; a message that is not in flight is ignored. */
void mtr_outbox_on_result(struct mtr_outbox *outbox, struct mtr_str message_id,
                          const struct mtr_outbox_result *result);

/* An operator's decisions, in a write transaction of the caller's; MTR_ENOTFOUND: no such message.
 * Requeued, a message goes out again (same id, same bytes), also one that is delivered, whose receiver may
 * have lost it; one that waits for its next attempt goes out now, and one that is ATTEMPTED stays on its way.
 * Any may be marked delivered but one that is ATTEMPTED: MTR_EAGAIN, its outcome comes. */
int mtr_outbox_requeue(struct mtr_charges_txn *txn, struct mtr_hash128 id, int64_t now_us) MTR_MUST_USE;
int mtr_outbox_mark_delivered(struct mtr_charges_txn *txn, struct mtr_hash128 id) MTR_MUST_USE;
/* The same of a notice, which needs to be told up to which charge the receiver has what it was sent, and that
 * it has nothing behind it. MTR_EINVALID: more than is valid, or it is no notice; mtr_outbox_mark_delivered
 * says it of one. MTR_EEXISTS: a message has charges on both sides of it; *up_to is the last one before. */
int mtr_outbox_mark_reconciled(struct mtr_charges_txn *txn, struct mtr_hash128 id, uint64_t *up_to,
                               int64_t now_us) MTR_MUST_USE;

#endif
