/*
 * Why this charge? What `meterd explain` and GET /v1/charges/{id} answer.
 *
 *   charge ──trace──▶ the price of its whole period, part by part, as it was computed then
 *      │ ──previous─▶ the charges of its line before it: their sum is emitted_before
 *      └───seq_first…seq_last──▶ the events it was made of, in the log
 *
 *   emitted_before + difference = emitted_after
 *
 * Answered from the charges store alone, with the trace that was kept when the charge was made: later changes
 * of tariff or catalog change no explanation. Amounts are texts in the charge's currency, with at least its
 * digits; quantities are texts; times are RFC 3339 in UTC.
 *
 * Thread: that of the transaction, which is read only and borrowed; nothing is kept after the call.
 */
#ifndef METERD_QUERY_EXPLAIN_H
#define METERD_QUERY_EXPLAIN_H

#include "meterd/core/shape.h"
#include "meterd/store/charges.h"

extern const struct mtr_shape mtr_explanation_shape; /* the answer's rows, also its schema */

/* {"charge":{…}, "price":{…the whole price and its trace…}, "emitted_before":"…", "difference":"…",
 * "emitted_after":"…", "line_charges":[{"number","id","status","amount"}, … newest first, at most 100],
 * "log":{"seq_first","seq_last"}}
 *
 * `id` is a charge's id (32 hex digits) or its number. MTR_ENOTFOUND; MTR_EINVALID: it is neither;
 * MTR_ECORRUPT: the chain of the line is broken. Nothing is written then. */
int mtr_rater_explain(struct mtr_charges_txn *txn, struct mtr_str id,
                      struct mtr_json_writer *json) MTR_MUST_USE;

#endif
