/*
 * What the events of a receipt say of the rows of windows: one came, one went. The rows of a receipt are the
 * events of its source before it, back to the source's receipt before (two requests may share a block).
 *
 * Within a window the last word on a key counts: a changed row is taken back and stands again behind that.
 *
 * Pure.
 */
#ifndef METERD_COLLECTOR_SOURCE_READING_ROW_CHANGES_H
#define METERD_COLLECTOR_SOURCE_READING_ROW_CHANGES_H

#include "collector/source/reading/receipt.h"

/* One word on a key: of which window, and what. */
struct row_change {
    struct mtr_run_row row; /* seq 0: gone. First: its key is a hash to sort by */
    int64_t start_us;
    uint64_t at_seq; /* of the event that says so */
};

/* Is the event of the source of the receipt `note`? */
bool row_change_is_of(const struct mtr_event *event, const struct mtr_event *note);
/* Where the rows of the receipt at `at` begin. */
uint32_t row_changes_begin(const struct mtr_event *events, uint32_t at);
/* What an event at `seq` says of a row; false: nothing. */
bool row_change_of(const struct mtr_event *event, uint64_t seq, const struct receipt *receipt,
                   const uint8_t event_key[MTR_EVENT_KEY_BYTES], struct row_change *out);
/* The farther of so far, and of as far as the event's row lies beyond the window of its receipt. */
int64_t row_reach_us(const struct receipt *receipt, const struct mtr_event *event, int64_t reach_us);
/* By window, key and sequence. */
void row_changes_sort(struct row_change *changes, uint64_t count);

#endif
