/*
 * The rows of a window that is settled, collected from the log once more: a settled window has no run, and
 * one that is asked again is held against what the log has of it.
 *
 *   struct log_rows rows;
 *   rc = log_rows_collect(&question, &rows, &diagnostic);     … merge_make with them … log_rows_release(&rows)
 *
 * One pass over the stretch of the log that the window's record names. Memory, of the reading's: 32 bytes a
 * row, and twice 48 for each change of one meanwhile. One thread.
 */
#ifndef METERD_COLLECTOR_SOURCE_READING_LOG_ROWS_H
#define METERD_COLLECTOR_SOURCE_READING_LOG_ROWS_H

#include "collector/source/limits/reading_memory.h"
#include "collector/source/reading/row_changes.h"
#include "meterd/store/log.h"

struct log_rows_question {
    struct mtr_log_reader *reader; /* borrowed meanwhile */
    struct mtr_strand strand;
    int64_t start_us, until_us;   /* of the window, and 0; or of all that begin from then until then */
    uint64_t seq_first, seq_last; /* of their records; 0: nothing was written for them */
    bool (*wants)(void *context, const struct row_change *change); /* NULL: every one */
    void *context;
    const uint8_t *event_key;     /* MTR_EVENT_KEY_BYTES */
    struct reading_memory *memory; /* NULL: not bounded */
};

struct log_rows {
    struct mtr_run_row *rows; /* ascending by key, as a run; of several windows one behind the other */
    uint64_t count;
};

/* MTR_ENOTFOUND: retention has removed a part of it; MTR_EAGAIN: no memory is left for it; MTR_ENOMEM;
 * MTR_ECORRUPT and MTR_EIO with a diagnostic. */
int log_rows_collect(const struct log_rows_question *question, struct log_rows *out,
                     struct mtr_diagnostic *diagnostic) MTR_MUST_USE;
void log_rows_release(struct log_rows *rows);

/* The first sequence that the log still has; 0: it is empty. */
int log_rows_begin(struct mtr_log *log, uint64_t *seq, struct mtr_diagnostic *diagnostic) MTR_MUST_USE;

#endif
