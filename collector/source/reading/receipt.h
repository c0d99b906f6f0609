/*
 * A receipt: what one reading, or a part of it, has brought, as an event of the log. It stands in the block
 * of the rows that it speaks of, behind them, so neither is ever there without the other; the ledger of
 * windows is folded of receipts.
 *
 *   source   meterd:acme-usage
 *   type     meterd.reading
 *   id       @12.1                          reading 12 of the source, its part 1
 *   subject  acme-usage
 *   data     {"window_start": "2026-03-01T00:00:00Z", …, "state": "complete", "rows": 81, "new": 3, …}
 *
 * Rows of the reading are events of the same source: `ROW#12`, the row's own id and the reading that brought
 * it, so that content which comes back is never taken for what was voided. What takes a row back is
 * `-KEY.SEQ`: the hash of the row's id, and the sequence; its time is the start of the window that the row
 * leaves.
 *
 * Pure; texts of a receipt that was read are borrowed from the event.
 */
#ifndef METERD_COLLECTOR_SOURCE_READING_RECEIPT_H
#define METERD_COLLECTOR_SOURCE_READING_RECEIPT_H

#include "meterd/core/arena.h"
#include "meterd/core/event.h"
#include "meterd/store/ledger.h"

#define MTR_EVENT_TYPE_READING "meterd.reading"
/* A row of which no event could be made: its id says what its bytes were. */
#define MTR_EVENT_TYPE_ROW "meterd.row"

enum {
    RECEIPT_PARTS_MAX = 1000000,
    /* A row's id leaves room for '#' and the reading's number. */
    READ_ROW_ID_BYTES_MAX = 256 - 1 - 20
};

struct receipt {
    struct mtr_strand strand;
    int64_t start_us, end_us; /* of the window; both 0: of a feed */
    int64_t began_us;         /* when the reading did: it shows what was published then, or later */
    uint64_t reading;         /* of the source, from 1 */
    uint32_t part;            /* from 1 */
    bool is_last;             /* of the reading: what follows counts all of it */
    bool is_append;           /* rows are not in a run */
    enum mtr_window_state state;
    uint32_t agreed; /* SUSPECT: so many readings in a row said the same, this one counted */
    /* Of the reading; of one that was not taken `same` are all that the window has. */
    uint64_t rows, same, added, changed, gone, skipped;
    uint64_t unknown; /* of the rows, each key once: the catalog did not know whose; as of the ledger */
    struct mtr_ledger_counting counting;
    uint64_t repeated; /* of the rows: equal to one before, and counted once with it */
    uint64_t problems;                                  /* of the rows: could not be mapped */
    uint64_t lifted; /* of the window's rows that this part takes back: were in quarantine */
    /* Of the rows of this part, which could be mapped: as the intake says that has judged them. */
    uint64_t quarantined;
    unsigned proofs;  /* mtr_proof: what showed that the reading is whole */
    uint32_t pages;   /* that are kept of it; 0: none are */
    uint32_t pieces;  /* of the window that it was read in */
    uint64_t replays; /* the reading whose pages these are; 0: the vendor was asked */
    struct mtr_decimal sum;                             /* of the quantity that the guard watches */
    struct mtr_hash128 content;                         /* of all its rows, order-free */
    struct mtr_str cursor;  /* a feed goes on here; data NULL: it stays where it was */
    struct mtr_str problem; /* the alarm's sentence */
    int64_t newest_us;      /* time of its newest row; 0: it has none */
    struct mtr_str columns; /* as of drift.h, where they are not what the ledger has; empty: they are */
};

/* Its reading was; of a part that is not the last: it will be. */
static inline bool receipt_is_taken(const struct receipt *receipt)
{
    return mtr_window_is_taken(receipt->state);
}

/* As an event with disposition NOTE; all but its vendor is in the arena. MTR_ENOMEM. */
int receipt_write(const struct receipt *receipt, struct mtr_arena *arena, struct mtr_event *out) MTR_MUST_USE;
bool receipt_is(const struct mtr_event *event);
/* A cursor of several pieces is joined in the arena. MTR_ECORRUPT: nobody has written this. MTR_ENOMEM. */
int receipt_read(const struct mtr_event *event, struct mtr_arena *arena, struct receipt *out) MTR_MUST_USE;

/* The key of a row in runs: of vendor, source attribute and the row's own id. */
struct mtr_event_identity read_row_key(struct mtr_str vendor, struct mtr_str source, struct mtr_str id,
                                       const uint8_t event_key[MTR_EVENT_KEY_BYTES]);
/* "ROW#12". */
int read_row_id(struct mtr_str id, uint64_t reading, struct mtr_arena *arena,
                struct mtr_str *out) MTR_MUST_USE;
/* The row's own id of "ROW#12". False: it is none. */
bool read_row_own_id(struct mtr_str id, struct mtr_str *own);

/* The void of a row that leaves a window: an event in the arena but for vendor, source and subject. */
int read_void(const struct mtr_run_row *row, int64_t window_start_us, struct mtr_arena *arena,
              struct mtr_event *out) MTR_MUST_USE;
/* The key that it names. False: it is no such void. */
bool read_void_key(const struct mtr_event *event, struct mtr_event_identity *key);

/* The digest that a row had before intake refused it, or the event's own; of a row that could not be mapped
 * that of its id: where it stood in which page does not count. */
uint64_t read_row_digest(const struct mtr_event *event);

#endif
