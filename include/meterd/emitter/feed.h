/*
 * The pull feed: GET /v1/charges?after=&limit=&consumer= and POST /v1/charges/ack, without the HTTP.
 *
 * A consumer is a name with a cursor; everything may be read again from any point. Acks say what a consumer
 * has taken over: up to a number, or charge by charge.
 *
 * After the stores were put back from a copy (an epoch, meterd/store/charges.h) charges are gone that were
 * pulled. Whoever names one of them, and each consumer, is told so (MTR_ECLOSED): it takes back all that it
 * has behind `valid_up_to`, and goes on behind the highest number that it still has; a consumer says that
 * first (mtr_pull_reconcile).
 */
#ifndef METERD_EMITTER_FEED_H
#define METERD_EMITTER_FEED_H

#include <stdbool.h>
#include <stdint.h>

#include "meterd/store/charges.h"

enum {
    MTR_PULL_LIMIT_DEFAULT = 100,
    MTR_PULL_LIMIT_MAX = 10000,
    MTR_CONSUMER_BYTES_MAX = 64,
    MTR_PULL_SCAN_MAX = 100000
};

struct mtr_pull_request {
    bool has_after;
    /* Charges with a greater number; without it: from the consumer's cursor, or the beginning. */
    uint64_t after;
    uint32_t limit;          /* 1…MTR_PULL_LIMIT_MAX */
    struct mtr_str consumer; /* may be empty. Without `after`, what it acknowledged is left out */
    bool skip_drafts;
    uint32_t subscription; /* 0: all */
    uint64_t hidden_from;  /* charges from that number on are not told yet; 0: all are */
};

/* What there is to know for whoever may have charges that were lost. */
struct mtr_pull_lost {
    uint64_t epoch;       /* of the store */
    uint64_t valid_up_to; /* charges up to it are what they were */
};

/* One answer of the feed, which may be taken in pieces, each in a read transaction of its own. Looks at no
 * more than MTR_PULL_SCAN_MAX charges. */
struct mtr_pull {
    struct mtr_pull_request request; /* texts are borrowed until it is done */
    struct mtr_pull_lost lost;       /* of MTR_ECLOSED */
    uint64_t next_after;             /* number of the last charge that was looked at */
    uint32_t given;
    uint32_t scanned;
    bool is_done;
    bool has_more; /* once it is done: there are charges behind next_after */
};

/* Finds where the answer begins. MTR_EINVALID: a limit or a name that none may have. MTR_ECLOSED: `after` is
 * no charge that there is, or the consumer has not said that it knows of the epoch. */
int mtr_pull_begin(struct mtr_charges_txn *txn, const struct mtr_pull_request *request,
                   struct mtr_pull *out) MTR_MUST_USE;
/* Hands out charges until the answer is done, or the hook returns 1 behind the last one of a piece. An error
 * of the hook ends the answer. */
int mtr_pull_walk(struct mtr_charges_txn *txn, struct mtr_pull *pull, mtr_charges_on_charge on_charge,
                  void *context) MTR_MUST_USE;

/* In a write transaction of the caller's. MTR_ECLOSED as above, with *lost. */

/* May it acknowledge? */
int mtr_pull_ack_begin(struct mtr_charges_txn *txn, struct mtr_str consumer,
                       struct mtr_pull_lost *lost) MTR_MUST_USE;
/* The consumer knows of the epoch, and has charges up to that number and none behind it. */
int mtr_pull_reconcile(struct mtr_charges_txn *txn, struct mtr_str consumer, uint64_t epoch, uint64_t up_to,
                       struct mtr_pull_lost *lost) MTR_MUST_USE;
/* up_to only moves forward (a smaller one changes nothing). */
int mtr_pull_ack_up_to(struct mtr_charges_txn *txn, struct mtr_str consumer, uint64_t up_to,
                       struct mtr_pull_lost *lost) MTR_MUST_USE;
/* One charge; acks that close the gap move the cursor. MTR_ENOTFOUND for an unknown id. */
int mtr_pull_ack_id(struct mtr_charges_txn *txn, struct mtr_str consumer, struct mtr_hash128 id,
                    struct mtr_pull_lost *lost) MTR_MUST_USE;

#endif
