/*
 * Are all windows of a source that overlap a stretch of time complete, as the ledger and the rollups know it?
 *
 * A window is, when the ledger says `complete` or `settled` and what its readings wrote is folded into the
 * rollups: the ledger may be ahead of them. A feed has no windows: it is, when its last good reading began
 * behind the stretch and `window.overlap`. Windows that the source never asks for (before its `start`) do
 * not count.
 *
 * Of `for_each: {rows: …}` the list is asked first: its windows that overlap the stretch, or, where it is
 * only ever read as it is now (`periods: [current]`), a good reading of it that began behind the stretch.
 * Then the windows of each of its values, whatever was read of them so far.
 *
 * Reads; one transaction of the ledger, the caller's. Thread: the rater's.
 */
#ifndef METERD_RATER_SOURCE_WINDOWS_H
#define METERD_RATER_SOURCE_WINDOWS_H

#include "meterd/catalog/catalog.h"
#include "meterd/source/window.h"
#include "meterd/store/ledger.h"
#include "rater/source_items.h"

struct rater_windows_question {
    struct mtr_ledger_txn *txn;
    const struct mtr_catalog *catalog;
    const struct mtr_source *source;
    struct mtr_str subject; /* of the subscription that asks: of for_each: subscription its own */
    int64_t from_us, to_us; /* half-open */
    uint64_t next_seq;      /* the rollups have all that is before it */
    struct source_items **items; /* of lists, kept from look to look */
};

struct rater_windows_missing {
    bool is_missing;
    struct mtr_str each;      /* borrowed as the catalog's, or the ledger's texts */
    struct mtr_window window; /* both 0: of a feed */
    uint64_t lacking, wanted; /* of a list's values so many, of so many; 0: it is `each` that lacks */
    uint32_t looked_at;       /* windows, for who counts work */
};

int rater_windows_ask(const struct rater_windows_question *question,
                      struct rater_windows_missing *out) MTR_MUST_USE;

#endif
