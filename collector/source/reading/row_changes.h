/*
 * What the events of a receipt say of the rows of windows: one came, one went. The rows of a receipt are the
 * events of its source before it, back to the source's receipt before (two requests may share a block).
 *
 * Within a window the last word on a key counts: a changed row is taken back and stands again behind that.
 *
 * Pure, but for row_changes_apply.
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
/* Without a run an event says itself whether there is a row more. One that is tried again was there. */
struct mtr_run_delta row_change_delta(const struct mtr_event *event, const struct receipt *receipt);
/* By window, key and sequence. */
void row_changes_sort(struct row_change *changes, uint64_t count);

/* What the receipt says of rows in quarantine becomes what the ledger knows of its window, or feed. */
int row_changes_note_quarantined(struct mtr_ledger_txn *txn, const struct receipt *receipt) MTR_MUST_USE;

/* A list of them; begins as zeros. */
struct row_changes {
    struct row_change *items;
    struct mtr_run_row *rows; /* what is applied of them */
    uint32_t count, capacity;
};
void row_changes_release(struct row_changes *changes);
int row_changes_make_room(struct row_changes *changes, uint32_t count) MTR_MUST_USE; /* for so many more */
/* Sorts them, and brings them into the strand's runs, window by window, the last of each key. Windows other
 * than own_us count what has left them; is_bare: the run of own_us has what lies outside alone. *own: of
 * own_us, where there is any of it. */
int row_changes_apply(struct row_changes *changes, struct mtr_ledger_txn *txn,
                      const struct mtr_strand *strand, int64_t own_us, bool is_bare,
                      struct mtr_run_delta *own) MTR_MUST_USE;
/* The text is borrowed from the row that is to be replaced. */
void row_changes_keep_problem(struct mtr_ledger_window *window, char problem[MTR_LEDGER_PROBLEM_BYTES_MAX]);
void row_changes_add(struct mtr_ledger_window *window, struct mtr_run_delta delta);
/* Does the log begin behind what it would have said of a window? */
int row_changes_cut_off(struct mtr_ledger_txn *txn, bool *out) MTR_MUST_USE;

#endif
