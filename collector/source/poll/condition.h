/*
 * Conditions of `answer`: what a vendor's answer says beside its rows. Of an answer whose body is rows the
 * values come from the reader of rows; of another one, an error mostly, from its body, as far as it is JSON.
 *
 * Pure.
 */
#ifndef METERD_COLLECTOR_SOURCE_POLL_CONDITION_H
#define METERD_COLLECTOR_SOURCE_POLL_CONDITION_H

#include "meterd/collector/record_reader.h"
#include "meterd/core/str.h"
#include "meterd/source/source_answer.h"

/* Is there a value, and what a condition says of it? Status is not looked at. */
bool condition_holds_found(const struct mtr_answer_condition *condition, const struct mtr_found *found);
/* The same of a whole answer. Without a path `contains` looks into the body's text. */
bool condition_holds_body(const struct mtr_answer_condition *condition, unsigned status, struct mtr_str body);

/* Does a value warn: is it neither missing, null, false nor empty? Its text, to be quoted. */
bool condition_warns(const struct mtr_found *found, struct mtr_str *text);

/* The text of a scalar at a path of a JSON body, in the arena. MTR_ENOTFOUND: there is none, or no JSON. */
int condition_body_text(struct mtr_str body, struct mtr_str path, struct mtr_arena *arena,
                        struct mtr_str *out) MTR_MUST_USE;

#endif
