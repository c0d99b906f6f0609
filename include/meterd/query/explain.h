/*
 * Why this charge? Answered from the charges store alone, with the trace that was kept when the charge was
 * made.
 */
#ifndef METERD_QUERY_EXPLAIN_H
#define METERD_QUERY_EXPLAIN_H

#include "meterd/core/shape.h"
#include "meterd/store/charges.h"

extern const struct mtr_shape mtr_explanation_shape;
/* {"charge":{…}, "price":{…the whole price and its trace…}, "emitted_before":"…", "difference":"…",
 * "emitted_after":"…",  "line_charges":[{"number","id","status","amount"}, … newest first, at most 100],
 * "log":{"seq_first","seq_last"}} `id` is a charge's id as text, or its number. MTR_ENOTFOUND,
 * MTR_EINVALID. Nothing is written then. */
int mtr_rater_explain(struct mtr_charges_txn *txn, struct mtr_str id,
                      struct mtr_json_writer *json) MTR_MUST_USE;

#endif
