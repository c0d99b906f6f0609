/*
 * Events out of JSON text: one event, the data map alone, and the place of a fault in a text that has no
 * index.
 *
 * The calls return MTR_EINVALID when the grammar breaks (the cursor knows where); everything else that is
 * wrong with an event becomes its fault.
 */
#ifndef METERD_COLLECTOR_DECODE_JSON_EVENT_H
#define METERD_COLLECTOR_DECODE_JSON_EVENT_H

#include "collector/decode/json_cursor.h"

/* One event, between the caller's begin and end of the draft. */
int json_event_read(struct mtr_json_cursor *cursor, struct mtr_draft *draft) MTR_MUST_USE;
/* The members of a data map; the next token is its '{'. */
int json_data_read(struct mtr_json_cursor *cursor, struct mtr_draft *draft) MTR_MUST_USE;

/* Why and where json_index_build refused the text. */
const char *json_locate_fault(struct mtr_str text, uint64_t *offset);

#endif
