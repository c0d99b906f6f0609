/*
 * The counters of a row (`counter` in a map): their cumulative values become differences (counters.h), in
 * the event that was made of the row.
 *
 * A row of before the window is there for its values alone. So is one of which no counter has a difference:
 * the first of its series, or one that came before.
 */
#ifndef METERD_COLLECTOR_ROWS_COUNTER_COUNTED_ROW_H
#define METERD_COLLECTOR_ROWS_COUNTER_COUNTED_ROW_H

#include "collector/rows/counter/counters.h"
#include "meterd/collector/row_reader.h"

struct counted_rows {
    const struct mtr_import_map *map;
    int64_t from_us; /* where the window begins; INT64_MIN: there is none */
    struct counters counters;
    struct mtr_counter_counts counts;
};

/* *skipped: the row is no event. MTR_EINVALID: the row is at fault, as the diagnostic says; *ends: and what
 * follows of its series cannot be known, so the reading is over. MTR_ELIMIT with a diagnostic, MTR_ENOMEM. */
int counted_row(struct counted_rows *rows, const struct mtr_str *cells, struct mtr_event *event,
                bool *skipped, struct mtr_diagnostic *diagnostic, bool *ends) MTR_MUST_USE;
void counted_rows_release(struct counted_rows *rows);

#endif
