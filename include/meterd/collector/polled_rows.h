/*
 * Does a row that was polled count once? The log is walked for rows of sources whose events count and were
 * not taken back: two of one source and `for_each` that have one identity are usage that counts twice.
 *
 * The poller sees to it as long as a window is not settled, and behind that where an answer shows such a row
 * in the stretch that it looks at (docs/decisions/0344); a vendor that moves a row out of a settled window
 * into another one, and says so nowhere, is found by this alone. To read the row's former window once more
 * takes it back there.
 *
 * Memory: a bit for each event of the log and 24 bytes for each of so many rows as are looked at together
 * (MTR_POLLED_ROWS_TOGETHER); more rows are more passes over the log. It reads, and changes nothing. One
 * thread; safe beside a daemon at work.
 */
#ifndef METERD_COLLECTOR_POLLED_ROWS_H
#define METERD_COLLECTOR_POLLED_ROWS_H

#include "meterd/core/diagnostic.h"
#include "meterd/core/error.h"
#include "meterd/core/event.h"
#include "meterd/store/log.h"

enum { MTR_POLLED_ROWS_TOGETHER = 4 << 20 };

/* Borrowed during the hook. */
struct mtr_polled_twice {
    struct mtr_str vendor, source, each; /* keys, and the value of `for_each`; empty: it has none */
    struct mtr_str id;                   /* of the row, as identity makes it */
    uint64_t first_seq, second_seq;      /* events that both count */
    int64_t first_us, second_us;         /* their times */
};

struct mtr_polled_rows_hooks {
    void *context;
    /* Either may be NULL. A result other than 0 stops, and is returned. */
    int (*on_twice)(void *context, const struct mtr_polled_twice *twice);
    void (*on_progress)(void *context, uint64_t seq);
};

struct mtr_polled_rows {
    uint64_t rows;  /* that count */
    uint64_t twice; /* of them, those that do once more */
};

/* `together`: MTR_POLLED_ROWS_TOGETHER, or fewer. MTR_ENOMEM; MTR_ECORRUPT and MTR_EIO with a diagnostic. */
int mtr_polled_rows_check(struct mtr_log_reader *reader, uint64_t together,
                          const struct mtr_polled_rows_hooks *hooks, struct mtr_polled_rows *out,
                          struct mtr_diagnostic *diagnostic) MTR_MUST_USE;

#endif
