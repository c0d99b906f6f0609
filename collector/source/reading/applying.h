/*
 * A reading that was found whole goes into the log: what its window's run has and it has not is taken back,
 * what it has anew is sent, in parts of bounded size. The rows come by once more, in the order of their
 * ordinals.
 *
 *   applying_begin ─▶ (applying_row … until applying_is_full or the rows end ─▶ applying_part ─▶ committed)*
 *
 * Rows that still come when a part is full (one piece of text may hold many) make further parts, which wait.
 * Voids go first. A part that is lost in a crash is no harm: the ledger knows what came in, and the next
 * reading sends the rest. One thread at a time.
 */
#ifndef METERD_COLLECTOR_SOURCE_READING_APPLYING_H
#define METERD_COLLECTOR_SOURCE_READING_APPLYING_H

#include "collector/source/reading/part.h"

struct applying {
    struct merge merge;
    struct part part;
    struct receipt receipt; /* of the reading: strand, window, numbers, counts */
    uint32_t events_max;    /* of a part */
    uint64_t ordinal;       /* of the row that comes next */
    uint64_t void_next, retry_next;
    struct mtr_request *waiting, *waiting_last; /* parts that are full, in order */
    struct mtr_request *spare;                  /* memory of a part that is in; NULL: there is none */
};

/* receipt: what the reading says, with the texts borrowed until the last part; its counts of changes are
 * taken from the merge, which is applying's from now on. */
void applying_begin(struct applying *applying, const struct merge *merge, const struct receipt *receipt,
                    uint32_t events_max);
void applying_release(struct applying *applying);

/* A part of it has been committed, and nobody needs it any more: the next one is made in its memory. */
void applying_reuse(struct applying *applying, struct mtr_request *request);

/* Is the next row sent? Else it is behind us. */
bool applying_wants(struct applying *applying);
/* The next row in order. */
int applying_row(struct applying *applying, const struct mtr_event *event) MTR_MUST_USE;
bool applying_is_full(const struct applying *applying);
/* What was added, as the next part. rows_ended: no row comes any more. *is_last: the reading is in with it.
 * The first part is made even when nothing changed: its receipt is what proves the reading. */
int applying_part(struct applying *applying, bool rows_ended, struct mtr_request **out,
                  bool *is_last) MTR_MUST_USE;

#endif
