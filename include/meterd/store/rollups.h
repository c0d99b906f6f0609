/*
 * Rollups: usage folded into cells of an hour or less, and everything the fold must remember. The aggregator
 * alone writes; rater, queries and audits read. One LMDB environment under <data>/rollups/. Bytes are a
 * function of the log and the catalog alone: folding the same log again gives the same bytes in every table
 * but `feed` (mtr_rollups_hash covers the others).
 *
 * A write transaction begins with mtr_rollups_begin and ends with commit (durable) or abort; the cursor moves
 * in the same transaction as its results. Read transactions are short: ≤ 1 s. Borrowed pointers live until
 * the transaction's end.
 */
#ifndef METERD_STORE_ROLLUPS_H
#define METERD_STORE_ROLLUPS_H

#include <stdbool.h>
#include <stdint.h>

#include "meterd/core/decimal.h"
#include "meterd/core/diagnostic.h"
#include "meterd/core/error.h"
#include "meterd/core/event.h"
#include "meterd/core/hash.h"
#include "meterd/store/dimensions.h"

struct mtr_rollups;
struct mtr_rollups_txn;
struct mtr_rollups_cursor;

/* Which cell: subscription and meter by their catalog numbers, where it starts (µs since 1970 UTC; where it
 * ends meterd/catalog/cell.h knows), and the values of the meter's group_by in its order, each as value
 * followed by 0x1F (a missing property is empty; 0x1F never occurs in values). */
struct mtr_cell_key {
    uint32_t subscription;
    uint32_t meter;
    int64_t start_us;
    struct mtr_str dimensions;
};

struct mtr_cell {
    struct mtr_quantity value; /* the meter's aggregation over the cell: sum, count, min, max, last or number
                                  of unique values; of time_weighted the last level or the sum of changes; of
                                  percentile the sum of the window that starts at start_us */
    uint64_t count;            /* events that contribute; a cell whose count falls to 0 stays, with value 0 */
    uint64_t seq_first;        /* log range of everything that ever touched the cell, voids included */
    uint64_t seq_last;
    uint64_t change;           /* feed number of the last commit that changed it (not part of the hash) */
};

/* Members: what min, max, last, unique, time_weighted and kept events need to stay exact under voids and
 * across hours. `member` is an order-preserving encoding whose order is the aggregation's; `count` events
 * gave it. See aggregator/event_quantity.h for the encodings. */
struct mtr_member {
    struct mtr_str member;
    uint64_t count;
};

/* A member that stands for one event at its moment: of last, of time_weighted, and kept events. Ordered by
 * time, then sequence. */
struct mtr_point {
    int64_t time_us;
    uint64_t seq;
    struct mtr_quantity quantity;
};
enum { MTR_POINT_BYTES = 32 };

/* The start of a list of members that goes over all cells: what stood before an instant is one seek away. No
 * cell has it. */
#define MTR_CELL_ALL_HOURS INT64_MIN

enum mtr_held_reason {
    MTR_HELD_SUBSCRIPTION = 0, /* of its subject */
    MTR_HELD_METER = 1         /* of its type that can take it: it may lack what all that are known want */
};

struct mtr_held_event {
    enum mtr_held_reason reason;
    struct mtr_str vendor;
    struct mtr_str name; /* its subject, or its type */
    uint64_t seq;
    bool voided; /* taken back while held: it stays, so that its release leaves the same traces as if it never
                    had waited */
};

struct mtr_quarantined_event {
    uint64_t seq;
    uint32_t meter;        /* the meter that cannot count the event; 0: the whole event */
    /* One word: conflict expired future refused invalid overflow dimensions void_twice void_unknown, and of
     * what was held the two below. */
    struct mtr_str reason;
    struct mtr_str text;   /* a sentence */
};

#define MTR_QUARANTINE_DROPPED "dropped"
#define MTR_QUARANTINE_HELD_TOO_LONG "held_too_long"

/* A subscription's day that changed. The feed holds one row per (subscription, day): the newest change
 * wins, so it does not grow. Writers give each row a number of its own: a reader's cursor is the last
 * number it has seen. */
struct mtr_feed_row {
    uint64_t change;
    uint32_t subscription;
    uint32_t day; /* days since 1970-01-01 UTC of the cell's start */
};

int mtr_rollups_open(const char *directory, bool read_only, struct mtr_rollups **out,
                     struct mtr_diagnostic *diagnostic) MTR_MUST_USE;
void mtr_rollups_close(struct mtr_rollups *rollups);

int mtr_rollups_begin(struct mtr_rollups *rollups, bool write, struct mtr_rollups_txn **out) MTR_MUST_USE;
/* Frees txn either way. MTR_EIO: the outcome is unknown, reopen. */
int mtr_rollups_commit(struct mtr_rollups_txn *txn) MTR_MUST_USE;
void mtr_rollups_abort(struct mtr_rollups_txn *txn); /* also ends a read transaction */

/* Next sequence to fold (1 at first), how far usage is complete, and the number of the last change. */
int mtr_rollups_get_cursor(struct mtr_rollups_txn *txn, uint64_t *next_seq, int64_t *watermark_us,
                           uint64_t *change) MTR_MUST_USE;
/* The highest number of a subscription that has, or had, cells; 0: none. One look-up. */
int mtr_rollups_last_subscription(struct mtr_rollups_txn *txn, uint32_t *out) MTR_MUST_USE;
int mtr_rollups_put_cursor(struct mtr_rollups_txn *txn, uint64_t next_seq, int64_t watermark_us,
                           uint64_t change) MTR_MUST_USE;

int mtr_rollups_get_cell(struct mtr_rollups_txn *txn, const struct mtr_cell_key *key,
                         struct mtr_cell *cell) MTR_MUST_USE; /* MTR_ENOTFOUND */
int mtr_rollups_put_cell(struct mtr_rollups_txn *txn, const struct mtr_cell_key *key,
                         const struct mtr_cell *cell) MTR_MUST_USE;

/* Cells of one subscription and meter with from_us <= start_us < to_us, by (start, dimensions). Hook result
 * other than 0 stops and is returned. */
struct mtr_cell_range {
    uint32_t subscription;
    uint32_t meter;
    int64_t from_us;
    int64_t to_us;
};
typedef int (*mtr_rollups_on_cell)(void *context, const struct mtr_cell_key *key,
                                   const struct mtr_cell *cell);
int mtr_rollups_walk_cells(struct mtr_rollups_txn *txn, const struct mtr_cell_range *range,
                           mtr_rollups_on_cell on_cell, void *context) MTR_MUST_USE;

/* Cells some of whose values may be of a line in a range: `count` of them behind `skip` others, each value
 * with its end. */
struct mtr_cells_within {
    const struct mtr_dimensions_range *range; /* NULL: all cells */
    uint32_t skip, count;
    bool has_more; /* lines have more values than these, which are not looked at */
};
/* The same of those that lie in `within`; where many do not they are passed over without being read. The hook
 * may move the range's `until` down, also to what was handed out. */
int mtr_rollups_walk_cells_within(struct mtr_rollups_txn *txn, const struct mtr_cell_range *range,
                                  const struct mtr_cells_within *within, mtr_rollups_on_cell on_cell,
                                  void *context) MTR_MUST_USE;

/* Takes away the cells of that range with their members, so that they can be folded again. Lists over all
 * hours stay. */
int mtr_rollups_delete_cells(struct mtr_rollups_txn *txn, const struct mtr_cell_range *range) MTR_MUST_USE;
/* They start there from now on, behind the range; where cells with these dimensions start there already, they
 * are replaced. */
int mtr_rollups_move_cells(struct mtr_rollups_txn *txn, const struct mtr_cell_range *range,
                           int64_t start_us) MTR_MUST_USE;

/* At which instants the cells of a subscription are cut (meterd/catalog/cell.h), as the fold knows them:
 * packed, ascending, borrowed; empty: none. Where the catalog says others, its cells are about to be folded
 * again. */
int mtr_rollups_get_cuts(struct mtr_rollups_txn *txn, uint32_t subscription,
                         struct mtr_str *cuts) MTR_MUST_USE;
uint32_t mtr_rollups_cut_count(struct mtr_str cuts);
int64_t mtr_rollups_cut_at(struct mtr_str cuts, uint32_t index);
bool mtr_rollups_cuts_are(struct mtr_str cuts, const int64_t *cuts_us, uint32_t count);
int mtr_rollups_put_cuts(struct mtr_rollups_txn *txn, uint32_t subscription, const int64_t *cuts_us,
                         uint32_t count) MTR_MUST_USE;
/* Of every subscription that has some, by number. */
typedef int (*mtr_rollups_on_cuts)(void *context, uint32_t subscription, struct mtr_str cuts);
int mtr_rollups_walk_cuts(struct mtr_rollups_txn *txn, mtr_rollups_on_cuts on_cuts,
                          void *context) MTR_MUST_USE;

/* Use changes hands between the subscriptions of a subject and service (aggregator/handover/reassign.h): time
 * of these meters is folded again, from its beginning on. `first` is the lowest number of the subscriptions.
 * Until it is done, cells of that time hold what is another's. */
struct mtr_rollups_move {
    uint32_t first;
    int64_t at_us;                /* what is before has changed hands */
    uint64_t seq_first, seq_last; /* where events of around there are; seq_first above seq_last: nowhere */
};
struct mtr_rollups_move_meter {
    uint32_t first, meter;
    int64_t from_us, to_us;
};
int mtr_rollups_is_moving(struct mtr_rollups_txn *txn, uint32_t first, bool *out) MTR_MUST_USE;
int mtr_rollups_put_move(struct mtr_rollups_txn *txn, const struct mtr_rollups_move *move) MTR_MUST_USE;
int mtr_rollups_put_move_meter(struct mtr_rollups_txn *txn,
                               const struct mtr_rollups_move_meter *meter) MTR_MUST_USE;
int mtr_rollups_delete_move(struct mtr_rollups_txn *txn, uint32_t first) MTR_MUST_USE; /* and its meters */
/* Each move, and behind it its meters. */
struct mtr_rollups_on_moves {
    int (*on_move)(void *context, const struct mtr_rollups_move *move);
    int (*on_meter)(void *context, const struct mtr_rollups_move_meter *meter);
};
int mtr_rollups_walk_moves(struct mtr_rollups_txn *txn, const struct mtr_rollups_on_moves *hooks,
                           void *context) MTR_MUST_USE;

/* Adds `delta` to the count of one member of a cell; a count of 0 removes the row. MTR_EINVALID when it
 * would fall below 0. */
int mtr_rollups_add_member(struct mtr_rollups_txn *txn, const struct mtr_cell_key *key, struct mtr_str member,
                           int64_t delta, uint64_t *count_after) MTR_MUST_USE;
/* The first and the last in that order. MTR_ENOTFOUND without any. */
int mtr_rollups_first_member(struct mtr_rollups_txn *txn, const struct mtr_cell_key *key,
                             struct mtr_member *out) MTR_MUST_USE;
int mtr_rollups_last_member(struct mtr_rollups_txn *txn, const struct mtr_cell_key *key,
                            struct mtr_member *out) MTR_MUST_USE;
typedef int (*mtr_rollups_on_member)(void *context, const struct mtr_member *member);
int mtr_rollups_walk_members(struct mtr_rollups_txn *txn, const struct mtr_cell_key *key,
                             mtr_rollups_on_member on_member, void *context) MTR_MUST_USE;

/* Points (lib/store/rollups/rollups_points.c). Each encodes to MTR_POINT_BYTES of a member. */
void mtr_point_encode(const struct mtr_point *point, char member[MTR_POINT_BYTES]);
int mtr_point_decode(struct mtr_str member, struct mtr_point *out) MTR_MUST_USE; /* MTR_ECORRUPT */
/* The last point of a list before that time. MTR_ENOTFOUND without any. */
int mtr_rollups_point_before(struct mtr_rollups_txn *txn, const struct mtr_cell_key *key, int64_t time_us,
                             struct mtr_point *out) MTR_MUST_USE;
/* Points of a list with from_us <= time < until_us, in their order. */
typedef int (*mtr_rollups_on_point)(void *context, const struct mtr_point *point);
int mtr_rollups_walk_points(struct mtr_rollups_txn *txn, const struct mtr_cell_key *key, int64_t from_us,
                            int64_t until_us, mtr_rollups_on_point on_point, void *context) MTR_MUST_USE;
/* Deletes those of [from, until). */
int mtr_rollups_delete_points(struct mtr_rollups_txn *txn, const struct mtr_cell_key *list, int64_t from_us,
                              int64_t until_us) MTR_MUST_USE;
/* The lists of members of one subscription, meter and hour, one by one: NULL gives the first, its
 * dimensions the next. They are borrowed from the transaction. MTR_ENOTFOUND after the last. */
int mtr_rollups_next_list(struct mtr_rollups_txn *txn, uint32_t subscription, uint32_t meter,
                          int64_t start_us, const struct mtr_str *after,
                          struct mtr_str *dimensions) MTR_MUST_USE;
/* The same of those that lie in `within`; of->dimensions are not looked at. */
int mtr_rollups_next_list_within(struct mtr_rollups_txn *txn, const struct mtr_cell_key *of,
                                 const struct mtr_cells_within *within, const struct mtr_str *after,
                                 struct mtr_str *dimensions) MTR_MUST_USE;

int mtr_rollups_put_held(struct mtr_rollups_txn *txn, const struct mtr_held_event *held) MTR_MUST_USE;
/* MTR_ENOTFOUND: it is not held. */
int mtr_rollups_delete_held(struct mtr_rollups_txn *txn, const struct mtr_held_event *held) MTR_MUST_USE;
/* Fills held->voided of the row that the other fields name. MTR_ENOTFOUND: not held. */
int mtr_rollups_get_held(struct mtr_rollups_txn *txn, struct mtr_held_event *held) MTR_MUST_USE;
/* How many are held, voided ones too, whatever for. One look, however many there are. */
int mtr_rollups_count_held(struct mtr_rollups_txn *txn, uint64_t *out) MTR_MUST_USE;
/* Held events of the reason, vendor and name of `after` whose seq is greater than its own, in sequence order
 * (vendor empty: all of that reason, seq is not looked at). No hook of a walk may write to the table it
 * walks. */
typedef int (*mtr_rollups_on_held)(void *context, const struct mtr_held_event *held);
int mtr_rollups_walk_held(struct mtr_rollups_txn *txn, const struct mtr_held_event *after,
                          mtr_rollups_on_held on_held, void *context) MTR_MUST_USE;

/* The set of voided sequences. */
/* MTR_EEXISTS: it was voided before. */
int mtr_rollups_put_voided(struct mtr_rollups_txn *txn, uint64_t target_seq, uint64_t void_seq) MTR_MUST_USE;
/* By which void. MTR_ENOTFOUND: by none. */
int mtr_rollups_get_voided(struct mtr_rollups_txn *txn, uint64_t target_seq, uint64_t *void_seq) MTR_MUST_USE;
/* The first voided sequence at or after *target_seq. MTR_ENOTFOUND: none. */
int mtr_rollups_next_voided(struct mtr_rollups_txn *txn, uint64_t *target_seq,
                            uint64_t *void_seq) MTR_MUST_USE;

int mtr_rollups_put_quarantined(struct mtr_rollups_txn *txn,
                                const struct mtr_quarantined_event *event) MTR_MUST_USE;
typedef int (*mtr_rollups_on_quarantined)(void *context, const struct mtr_quarantined_event *event);
int mtr_rollups_walk_quarantined(struct mtr_rollups_txn *txn, uint64_t after_seq,
                                 mtr_rollups_on_quarantined on_event, void *context) MTR_MUST_USE;

/* Values of dimensions (lib/store/rollups/rollups_values.c). A meter that has dimensions counts, for each of
 * its subscriptions, a number of different ones at most: whoever folds says which, and what is beyond them
 * waits by meter, while other meters may count the event. `owner` is the subscription under which a subject's
 * subscriptions of one service share their number (mtr_subscription_first_number). */
struct mtr_values_of {
    uint32_t owner;
    uint32_t meter;
};
struct mtr_values_count {
    uint64_t admitted; /* different values that count */
    uint64_t held;     /* events that wait beyond them */
};
/* Zeros: nothing was counted yet. */
int mtr_rollups_count_values(struct mtr_rollups_txn *txn, const struct mtr_values_of *of,
                             struct mtr_values_count *out) MTR_MUST_USE;
/* MTR_ENOTFOUND: they were not admitted. dimensions: as in a cell's key, not empty. */
int mtr_rollups_find_values(struct mtr_rollups_txn *txn, const struct mtr_values_of *of,
                            struct mtr_str dimensions) MTR_MUST_USE;
/* MTR_EEXISTS: they were admitted before. */
int mtr_rollups_admit_values(struct mtr_rollups_txn *txn, const struct mtr_values_of *of,
                             struct mtr_str dimensions) MTR_MUST_USE;
/* MTR_EEXISTS: it is held already. */
int mtr_rollups_put_beyond(struct mtr_rollups_txn *txn, const struct mtr_values_of *of,
                           uint64_t seq) MTR_MUST_USE;
int mtr_rollups_delete_beyond(struct mtr_rollups_txn *txn, const struct mtr_values_of *of,
                              uint64_t seq) MTR_MUST_USE;
/* MTR_ENOTFOUND: the meter does not hold that event. */
int mtr_rollups_find_beyond(struct mtr_rollups_txn *txn, const struct mtr_values_of *of,
                            uint64_t seq) MTR_MUST_USE;
/* The first that is held at or after *seq. MTR_ENOTFOUND: none. */
int mtr_rollups_next_beyond(struct mtr_rollups_txn *txn, const struct mtr_values_of *of,
                            uint64_t *seq) MTR_MUST_USE;
/* The first after *of that holds any; {0, 0} comes before all. MTR_ENOTFOUND after the last. */
int mtr_rollups_next_full(struct mtr_rollups_txn *txn, struct mtr_values_of *of) MTR_MUST_USE;
/* How many hold any, and how many events they hold. */
struct mtr_beyond_sum {
    uint64_t full;
    uint64_t events;
};
int mtr_rollups_sum_beyond(struct mtr_rollups_txn *txn, struct mtr_beyond_sum *out) MTR_MUST_USE;

/* Facts about rollups of before there were quotas. Set by the store, when it opens a format without these
 * tables: u64, the first sequence that was not folded by then; until the fold has counted the values. */
#define MTR_FACT_UNCOUNTED "uncounted"
/* …/<u32 owner><u32 meter>: u64, how many values there were, where these are more than the quota. */
#define MTR_FACT_ALLOWED "allowed/"

/* Small named facts of the fold (which meters are caught up, first sequence of a type …): key ≤ 300 bytes,
 * value ≤ 1,024. */
int mtr_rollups_get_fact(struct mtr_rollups_txn *txn, struct mtr_str name,
                         struct mtr_str *value) MTR_MUST_USE; /* borrowed; MTR_ENOTFOUND */
int mtr_rollups_put_fact(struct mtr_rollups_txn *txn, struct mtr_str name, struct mtr_str value) MTR_MUST_USE;
int mtr_rollups_delete_fact(struct mtr_rollups_txn *txn, struct mtr_str name) MTR_MUST_USE;
typedef int (*mtr_rollups_on_fact)(void *context, struct mtr_str name, struct mtr_str value);
int mtr_rollups_walk_facts(struct mtr_rollups_txn *txn, struct mtr_str prefix, mtr_rollups_on_fact on_fact,
                           void *context) MTR_MUST_USE;

int mtr_rollups_put_feed(struct mtr_rollups_txn *txn, const struct mtr_feed_row *row) MTR_MUST_USE;
/* Rows with change > after_change in ascending order of change. */
typedef int (*mtr_rollups_on_feed)(void *context, const struct mtr_feed_row *row);
int mtr_rollups_walk_feed(struct mtr_rollups_txn *txn, uint64_t after_change, mtr_rollups_on_feed on_row,
                          void *context) MTR_MUST_USE;

/* Hash of all tables but the feed and cells' change numbers: equal after a rebuild. */
int mtr_rollups_hash(struct mtr_rollups_txn *txn, struct mtr_hash128 *out) MTR_MUST_USE;

#endif
