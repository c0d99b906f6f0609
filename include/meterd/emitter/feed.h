/*
 * The pull feed: GET /v1/charges?after=&limit=&consumer= and POST /v1/charges/ack, without the HTTP.
 *
 * A consumer is a name with a cursor; everything may be read again from any point. Acks say what a consumer
 * has taken over: up to a number, or charge by charge.
 */
#ifndef METERD_EMITTER_FEED_H
#define METERD_EMITTER_FEED_H

#include <stdbool.h>
#include <stdint.h>

#include "meterd/core/json_writer.h"
#include "meterd/store/charges.h"

enum {
    MTR_PULL_LIMIT_DEFAULT = 100,
    MTR_PULL_LIMIT_MAX = 10000,
    MTR_CONSUMER_BYTES_MAX = 64,
    MTR_PULL_SCAN_MAX = 100000
};

struct mtr_pull_request {
    bool has_after;
    uint64_t
        after; /* charges with a greater number; without it: from the consumer's cursor, or the beginning */
    uint32_t limit;           /* 1…MTR_PULL_LIMIT_MAX */
    struct mtr_str consumer;  /* may be empty. Without `after`, what it acknowledged is left out */
    bool skip_drafts;
    uint32_t subscription;    /* 0: all */
};

/* {"charges":[…frozen bodies…],"next_after":N,"has_more":bool}. Looks at no more than MTR_PULL_SCAN_MAX
 * charges. */
int mtr_pull_write_json(struct mtr_charges_txn *txn, const struct mtr_pull_request *request,
                        struct mtr_json_writer *json) MTR_MUST_USE;
/* The same charges, handed to a hook: for CSV and tables. */
int mtr_pull_walk(struct mtr_charges_txn *txn, const struct mtr_pull_request *request,
                  mtr_charges_on_charge on_charge, void *context, uint64_t *next_after,
                  bool *has_more) MTR_MUST_USE;

/* In a write transaction of the caller's. up_to only moves forward (a smaller one changes nothing); beyond
 * the last charge: EINVALID. */
int mtr_pull_ack_up_to(struct mtr_charges_txn *txn, struct mtr_str consumer, uint64_t up_to) MTR_MUST_USE;
/* One charge; acks that close the gap move the cursor. MTR_ENOTFOUND for an unknown id. */
int mtr_pull_ack_id(struct mtr_charges_txn *txn, struct mtr_str consumer, struct mtr_hash128 id) MTR_MUST_USE;

#endif
