/*
 * A page of held events in the order of the log. The store keeps them by what they wait for, so a page is one
 * walk over all of them, which keeps the lowest sequences. Those that were taken back are left out: nothing
 * waits for them any more. What meters hold beyond their quotas comes along where it is asked for, each event
 * once.
 */
#ifndef METERD_DAEMON_HELD_HELD_PAGE_H
#define METERD_DAEMON_HELD_HELD_PAGE_H

#include "meterd/store/rollups.h"

struct held_row {
    uint64_t seq;
    enum mtr_held_reason reason;
};

struct held_page {
    /* given */
    struct mtr_str vendor, subject, type; /* empty: any; where the row alone can tell */
    uint64_t after;                       /* with a greater sequence number */
    uint32_t room;
    bool with_beyond;
    /* found */
    struct held_row *rows; /* ascending; owned, twice the room while it is filled */
    uint32_t count;
    bool has_more; /* there are others behind the last one */
};

/* MTR_ENOMEM, or the store's errors. Released by the caller either way. */
int held_page_fill(struct held_page *page, struct mtr_rollups_txn *txn) MTR_MUST_USE;
void held_page_release(struct held_page *page);

#endif
