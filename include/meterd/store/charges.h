/*
 * Charges: what was emitted, what is owed of it to whom, and everything the rater must remember. The rater
 * alone appends charges; consumers' acks and operators' decisions on messages are small transactions of their
 * own, from any thread (LMDB admits one writer at a time). One LMDB environment under <data>/charges/.
 *
 *   charge    an immutable line of money, numbered from 1 in the order of appending: the number is the cursor
 *             of the feed
 *   epoch     begins when the stores were put back from a copy: its charges have numbers behind all that were
 *             given until then, also behind those that were lost
 *   line      (subscription, period, part, currency, component, kind, dimensions): the sum of its charges
 *   period    of a subscription: open or final, when it was rated, from which inputs, when to look again;
 *             beside it, while it cannot be rated, why. Its name is the beginning of the second in which it
 *             starts, in µs as all instants are; of a second one in that second the instant at which it starts
 *   message   charges frozen as bytes for one destination, with the state of their delivery
 *
 *   PENDING ──mtr_outbox_step──▶ ATTEMPTED ──result──▶ ACKED | REJECTED | UNKNOWN, or PENDING again
 *      ▲                   (committed before sending)         │
 *      └────────── mtr_outbox_requeue (an operator) ──────────┘
 *
 *   An operator may mark a message of any state but ATTEMPTED as delivered: it is ACKED.
 *
 * A transaction begins with mtr_charges_begin and ends with commit (durable) or abort. Read transactions are
 * short: ≤ 1 s. Text handed out is borrowed until the next put in the same transaction or its end.
 */
#ifndef METERD_STORE_CHARGES_H
#define METERD_STORE_CHARGES_H

#include <stdbool.h>
#include <stdint.h>

#include "meterd/core/decimal.h"
#include "meterd/core/diagnostic.h"
#include "meterd/core/error.h"
#include "meterd/core/hash.h"

struct mtr_charges;
struct mtr_charges_txn;

int mtr_charges_open(const char *directory, bool read_only, struct mtr_charges **out,
                     struct mtr_diagnostic *diagnostic) MTR_MUST_USE;
void mtr_charges_close(struct mtr_charges *charges);

int mtr_charges_begin(struct mtr_charges *charges, bool write, struct mtr_charges_txn **out) MTR_MUST_USE;
/* Frees txn either way. MTR_EIO: the outcome is unknown, reopen. */
int mtr_charges_commit(struct mtr_charges_txn *txn) MTR_MUST_USE;
void mtr_charges_abort(struct mtr_charges_txn *txn); /* also ends a read transaction; NULL is fine */

/* Where the rater stands: in the rollups' feed, and in its look at every period after a change of the
 * catalog. */
struct mtr_charges_cursor {
    uint64_t change;            /* last feed row consumed */
    uint64_t scan_version;      /* catalog version that is (being) scanned */
    uint32_t scan_subscription; /* next to scan; 0 when the scan is done */
    int64_t scan_period_us;      /* next period of it; INT64_MIN at its first */
};
int mtr_charges_get_cursor(struct mtr_charges_txn *txn, struct mtr_charges_cursor *out) MTR_MUST_USE;
int mtr_charges_put_cursor(struct mtr_charges_txn *txn, const struct mtr_charges_cursor *cursor) MTR_MUST_USE;

/* ---- charges ---- */

enum mtr_charge_status { MTR_CHARGE_DRAFT = 0, MTR_CHARGE_FINAL = 1, MTR_CHARGE_CORRECTION = 2 };
const char *mtr_charge_status_name(enum mtr_charge_status status); /* draft final correction */
const char *mtr_charge_status_choice(unsigned index); /* the same one by one, NULL after the last (shape.h) */

struct mtr_charge {
    uint64_t number;
    struct mtr_hash128 id; /* deterministic; as text 32 hex digits */
    enum mtr_charge_status status;
    uint32_t subscription;
    int64_t period_start_us;
    struct mtr_hash128 line;            /* key of its line within (subscription, period) */
    struct mtr_quantity quantity;       /* of the line now */
    struct mtr_quantity quantity_delta;
    struct mtr_money amount;            /* the difference that this charge is */
    struct mtr_money emitted_before;    /* sum of the line's earlier charges */
    uint64_t previous;                  /* number of the line's charge before this one; 0: the first */
    uint64_t trace;                     /* under which number its trace is kept */
    int64_t created_us;
    uint64_t seq_first; /* log range of the usage behind it; 0: none */
    uint64_t seq_last;
    bool has_cost;
    struct mtr_money cost; /* the difference in what the seller pays for it */
    struct mtr_str body;   /* frozen JSON: what pull and push deliver */
};

enum {
    MTR_CHARGE_ID_TEXT_BYTES = 33,
    MTR_MESSAGE_ID_TEXT_BYTES = 37
}; /* with NUL; a message's is "msg_" + hex */
void mtr_charge_id_format(struct mtr_hash128 id, char text[MTR_CHARGE_ID_TEXT_BYTES]);
bool mtr_charge_id_parse(struct mtr_str text, struct mtr_hash128 *out);

/* The number that the next append must carry. */
int mtr_charges_next_number(struct mtr_charges_txn *txn, uint64_t *out) MTR_MUST_USE;
/* That of the last charge up to it, 0: there is none; and of the first one behind it: MTR_ENOTFOUND. */
int mtr_charges_last_number(struct mtr_charges_txn *txn, uint64_t up_to, uint64_t *out) MTR_MUST_USE;
int mtr_charges_number_after(struct mtr_charges_txn *txn, uint64_t number, uint64_t *out) MTR_MUST_USE;
/* MTR_EEXISTS: the id was used. */
int mtr_charges_append(struct mtr_charges_txn *txn, const struct mtr_charge *charge) MTR_MUST_USE;
/* By number and by id. MTR_ENOTFOUND. */
int mtr_charges_get(struct mtr_charges_txn *txn, uint64_t number, struct mtr_charge *out) MTR_MUST_USE;
int mtr_charges_find(struct mtr_charges_txn *txn, struct mtr_hash128 id, struct mtr_charge *out) MTR_MUST_USE;
/* That of the greatest number, which is 0 where there is none. */
int mtr_charges_get_last(struct mtr_charges_txn *txn, struct mtr_charge *out) MTR_MUST_USE;
/* Charges with number > after, ascending. Hook result other than 0 stops and is returned. */
typedef int (*mtr_charges_on_charge)(void *context, const struct mtr_charge *charge);
int mtr_charges_walk(struct mtr_charges_txn *txn, uint64_t after, mtr_charges_on_charge on_charge,
                     void *context) MTR_MUST_USE;

/* Traces of the price function, kept as the JSON they were when charges were made of them. */
int mtr_charges_put_trace(struct mtr_charges_txn *txn, uint64_t number, struct mtr_str json) MTR_MUST_USE;
int mtr_charges_get_trace(struct mtr_charges_txn *txn, uint64_t number, struct mtr_str *json) MTR_MUST_USE;

/* ---- epochs ---- */

struct mtr_charges_epoch {
    uint64_t number;      /* its charges have greater ones; 0: the stores were never put back */
    uint64_t last_before; /* number of the last charge before it; 0: none. Between them there is none */
    int64_t began_us;
};
/* The one that runs. */
int mtr_charges_get_epoch(struct mtr_charges_txn *txn, struct mtr_charges_epoch *out) MTR_MUST_USE;
/* The first one behind that number. MTR_ENOTFOUND: none has begun since. */
int mtr_charges_next_epoch(struct mtr_charges_txn *txn, uint64_t number,
                           struct mtr_charges_epoch *out) MTR_MUST_USE;
/* Another one begins, at now_us by the wall clock: two of one second may have the same number. */
int mtr_charges_begin_epoch(struct mtr_charges_txn *txn, int64_t now_us,
                            struct mtr_charges_epoch *out) MTR_MUST_USE;

/* From now on there is a file that says in which file the charges are (meterd/store/life.h). Was there one
 * before? */
int mtr_charges_note_life(struct mtr_charges_txn *txn, bool *was_noted) MTR_MUST_USE;

/* ---- lines ---- */

/* The dimensions of a line as text: names and values of a meter's, with a '\\' before some of their bytes. */
enum { MTR_LINE_DIMENSIONS_BYTES_MAX = 1296 };

struct mtr_charge_line {
    uint32_t subscription;
    int64_t period_start_us;
    int64_t part_start_us; /* the period's start, or where a tariff version begins inside it */
    struct mtr_str currency;
    struct mtr_str component;
    struct mtr_str kind; /* usage recurring overage minimum commitment rounding */
    struct mtr_str dimensions;
    /* Who is charged: another's is another line. Empty, of records that do not say it: whoever asks. */
    struct mtr_str customer;
    /* sum and last state */
    struct mtr_hash128 key; /* found by get, given by put */
    struct mtr_money emitted;
    struct mtr_quantity quantity;
    uint64_t last_number;
    uint64_t count;        /* of charges */
    bool has_cost;         /* a charge said what the seller pays for it */
    struct mtr_money cost; /* the sum of that */
    /* what a later negative of a vanished line must still say */
    int64_t part_end_us;
    struct mtr_str meter;
    struct mtr_str unit;
    struct mtr_str tax_code; /* may be empty */
    struct mtr_str tariff;
    struct mtr_str version_from;
    struct mtr_hash128 version_hash;
};

/* Fills *line from its identity (the first eight fields). MTR_ENOTFOUND leaves the state zero and *line's
 * key free to put. */
int mtr_charges_get_line(struct mtr_charges_txn *txn, struct mtr_charge_line *line) MTR_MUST_USE;
/* Of what get_line has read. */
int mtr_charges_put_line(struct mtr_charges_txn *txn, const struct mtr_charge_line *line) MTR_MUST_USE;
/* The line of a charge: `key` is the charge's `line`. MTR_ENOTFOUND. */
int mtr_charges_get_line_by_key(struct mtr_charges_txn *txn, uint32_t subscription, int64_t period_start_us,
                                struct mtr_hash128 key, struct mtr_charge_line *out) MTR_MUST_USE;
typedef int (*mtr_charges_on_line)(void *context, const struct mtr_charge_line *line);
int mtr_charges_walk_lines(struct mtr_charges_txn *txn, uint32_t subscription, int64_t period_start_us,
                           mtr_charges_on_line on_line, void *context) MTR_MUST_USE;
/* The same from the line of that key on: to go on with a walk that was ended there. */
int mtr_charges_walk_lines_from(struct mtr_charges_txn *txn, uint32_t subscription, int64_t period_start_us,
                                struct mtr_hash128 from, mtr_charges_on_line on_line,
                                void *context) MTR_MUST_USE;

/* The order of a period's lines, by their place: up to so many values, each ended by 0x1F, and then by key. A
 * period has a place for each of its lines, or none. put_place is of what put_line has stored. MTR_ECORRUPT:
 * no line has such a place. */
enum { MTR_LINE_PLACE_VALUES_MAX = 8, MTR_LINE_PLACE_BYTES_MAX = 448 };
int mtr_charges_put_place(struct mtr_charges_txn *txn, const struct mtr_charge_line *line,
                          struct mtr_str place) MTR_MUST_USE;
/* MTR_ENOTFOUND: the line is not there. */
int mtr_charges_has_place(struct mtr_charges_txn *txn, const struct mtr_charge_line *line,
                          struct mtr_str place) MTR_MUST_USE;
int mtr_charges_is_ordered(struct mtr_charges_txn *txn, uint32_t subscription, int64_t period_start_us,
                           bool *out) MTR_MUST_USE;
/* Those of so many values, from that place on. The hook may not write; what it returns, when not 0, ends the
 * walk and is its result. */
struct mtr_line_places {
    uint32_t subscription;
    int64_t period_start_us;
    unsigned values;
    struct mtr_str from;
};
typedef int (*mtr_charges_on_place)(void *context, struct mtr_str place, struct mtr_hash128 line);
int mtr_charges_walk_places(struct mtr_charges_txn *txn, const struct mtr_line_places *places,
                            mtr_charges_on_place on_place, void *context) MTR_MUST_USE;

/* ---- draws ---- */

/* What one billing period drew of a grant: prepaid credit, or an allowance of a period. The draws of a
 * grant are in the order of (period start, subscription); each says what those before it drew when its
 * period was rated, so that a balance is one look-up. */
struct mtr_charge_draw {
    struct mtr_hash128 grant;
    int64_t period_start_us;
    uint32_t subscription;
    mtr_int128 before; /* of units 10^-12, of money 10^-18 */
    mtr_int128 drawn;
};
int mtr_charges_put_draw(struct mtr_charges_txn *txn, const struct mtr_charge_draw *draw) MTR_MUST_USE;
int mtr_charges_delete_draw(struct mtr_charges_txn *txn, const struct mtr_charge_draw *draw) MTR_MUST_USE;
/* Each fills *out from its first three fields. MTR_ENOTFOUND. */
int mtr_charges_get_draw(struct mtr_charges_txn *txn, struct mtr_charge_draw *out) MTR_MUST_USE;
/* The same of the nearest before it, and after it. */
int mtr_charges_draw_before(struct mtr_charges_txn *txn, struct mtr_charge_draw *out) MTR_MUST_USE;
int mtr_charges_draw_after(struct mtr_charges_txn *txn, struct mtr_charge_draw *out) MTR_MUST_USE;
/* The grants that a period has draws of. The hook may not put. */
typedef int (*mtr_charges_on_grant)(void *context, struct mtr_hash128 grant);
int mtr_charges_walk_drawn(struct mtr_charges_txn *txn, uint32_t subscription, int64_t period_start_us,
                           mtr_charges_on_grant on_grant, void *context) MTR_MUST_USE;

/* ---- periods and timers ---- */

enum mtr_charge_period_status { MTR_PERIOD_OPEN = 0, MTR_PERIOD_FINAL = 1 };

struct mtr_charge_period {
    uint32_t subscription;
    int64_t start_us; /* its name */
    int64_t end_us;   /* of whole seconds: rounded up */
    enum mtr_charge_period_status status;
    bool dirty;                /* usage or inputs changed since it was rated */
    int problem;               /* why the last rating failed (enum mtr_error); 0 when it did not */
    struct mtr_hash128 inputs; /* of everything but the usage that its price depends on, when rated */
    int64_t rated_us;          /* 0: never */
    int64_t closed_us;         /* when it was over last, and not before its end then; 0 while open */
    uint32_t revision;         /* ratings that emitted something */
    int64_t rate_due_us;       /* by the clock; INT64_MAX: nothing to do */
    int64_t close_due_us;      /* by the watermark; INT64_MAX once it is over: one that is final runs again
                                  where its end has moved behind that */
};
int mtr_charges_get_period(struct mtr_charges_txn *txn, uint32_t subscription, int64_t start_us,
                           struct mtr_charge_period *out) MTR_MUST_USE;
/* Also moves its timers. */
int mtr_charges_put_period(struct mtr_charges_txn *txn, const struct mtr_charge_period *period) MTR_MUST_USE;
/* Periods of one subscription with start >= from_us, ascending. The hook may not put. */
typedef int (*mtr_charges_on_period)(void *context, const struct mtr_charge_period *period);
int mtr_charges_walk_periods(struct mtr_charges_txn *txn, uint32_t subscription, int64_t from_us,
                             mtr_charges_on_period on_period, void *context) MTR_MUST_USE;

/* ---- periods that wait ---- */

enum mtr_waiting_reason {
    MTR_WAITING_RATE = 0,  /* for a rate of exchange */
    MTR_WAITING_RANGE = 1, /* a number is out of range */
    MTR_WAITING_SIZE = 2,  /* more than may be held at once */
    MTR_WAITING_OTHER = 3,
    MTR_WAITING_SOURCE = 4, /* to be closed: for windows of a source */
};
enum { MTR_WAITING_REASON_COUNT = 5, MTR_WAITING_TEXT_BYTES_MAX = 1024 };
/* "missing_rate" "out_of_range" "too_large" "other" "incomplete_source". */
const char *mtr_waiting_reason_name(enum mtr_waiting_reason reason);
enum mtr_finding_code mtr_waiting_reason_code(enum mtr_waiting_reason reason);
/* The same one by one, NULL after the last (shape.h). */
const char *mtr_waiting_reason_choice(unsigned index);

/* One row for each period whose `problem` is not 0, and for each that is over and waits for a source. */
struct mtr_charge_waiting {
    uint32_t subscription;
    int64_t period_start_us;
    enum mtr_waiting_reason reason;
    int64_t since_us;    /* when it was first found */
    struct mtr_str text; /* the sentence that says why, 1…MTR_WAITING_TEXT_BYTES_MAX bytes */
};
/* The first put of a period decides since_us. */
int mtr_charges_put_waiting(struct mtr_charges_txn *txn,
                            const struct mtr_charge_waiting *waiting) MTR_MUST_USE;
/* It can be rated; MTR_OK also where it did not wait. */
int mtr_charges_end_waiting(struct mtr_charges_txn *txn, uint32_t subscription,
                            int64_t period_start_us) MTR_MUST_USE;
int mtr_charges_get_waiting(struct mtr_charges_txn *txn, uint32_t subscription, int64_t period_start_us,
                            struct mtr_charge_waiting *out) MTR_MUST_USE;
/* Those of subscriptions from that number on, by (subscription, period start). */
typedef int (*mtr_charges_on_waiting)(void *context, const struct mtr_charge_waiting *waiting);
int mtr_charges_walk_waiting(struct mtr_charges_txn *txn, uint32_t from_usubscription,
                             mtr_charges_on_waiting on_waiting, void *context) MTR_MUST_USE;
/* How many there are, by reason; kept with the rows, not counted over. */
int mtr_charges_count_waiting(struct mtr_charges_txn *txn,
                              uint64_t counts[MTR_WAITING_REASON_COUNT]) MTR_MUST_USE;

/* ---- ratings under way ---- */

/* A rating of more lines than are emitted in one transaction: it goes on with the line of those values. */
struct mtr_charge_progress {
    uint32_t subscription;
    int64_t period_start_us;
    enum mtr_charge_status status; /* of its charges */
    uint32_t revision;             /* of its charges */
    struct mtr_str next;           /* values of dimensions, each ended by 0x1F */
};
int mtr_charges_put_progress(struct mtr_charges_txn *txn,
                             const struct mtr_charge_progress *progress) MTR_MUST_USE;
/* MTR_ENOTFOUND: none is under way. */
int mtr_charges_get_progress(struct mtr_charges_txn *txn, uint32_t subscription, int64_t period_start_us,
                             struct mtr_charge_progress *out) MTR_MUST_USE;
int mtr_charges_end_progress(struct mtr_charges_txn *txn, uint32_t subscription,
                             int64_t period_start_us) MTR_MUST_USE;

/* What is known of a subscription: up to where its periods were opened. */
struct mtr_charge_subscription {
    uint32_t number;
    /* Hash of start, end and billing rule: when it changes, periods are opened anew. */
    struct mtr_hash128 schedule;
    int64_t next_open_us; /* start of the next period to open; INT64_MAX: none */
};
int mtr_charges_get_subscription(struct mtr_charges_txn *txn, uint32_t number,
                                 struct mtr_charge_subscription *out) MTR_MUST_USE;
int mtr_charges_put_subscription(struct mtr_charges_txn *txn,
                                 const struct mtr_charge_subscription *subscription) MTR_MUST_USE;

/* OPEN and CLOSE are due by the watermark, RATE by the clock. Rows follow put_period and put_subscription,
 * never written alone. */
enum mtr_charge_timer_kind { MTR_TIMER_OPEN = 0, MTR_TIMER_CLOSE = 1, MTR_TIMER_RATE = 2 };
struct mtr_charge_timer {
    int64_t due_us;
    uint32_t subscription;
    int64_t period_start_us; /* of the period; of OPEN the one to open */
};
int mtr_charges_first_timer(struct mtr_charges_txn *txn, enum mtr_charge_timer_kind kind,
                            struct mtr_charge_timer *out) MTR_MUST_USE; /* MTR_ENOTFOUND */
int mtr_charges_last_timer(struct mtr_charges_txn *txn, enum mtr_charge_timer_kind kind,
                           struct mtr_charge_timer *out) MTR_MUST_USE; /* MTR_ENOTFOUND */

/* ---- outbox ---- */

enum mtr_message_state {
    MTR_MESSAGE_PENDING = 0,
    MTR_MESSAGE_ATTEMPTED = 1, /* sent, or about to be */
    MTR_MESSAGE_ACKED = 2,
    MTR_MESSAGE_REJECTED = 3,
    MTR_MESSAGE_UNKNOWN = 4, /* too old to resend safely: an operator decides */
};
enum { MTR_MESSAGE_STATE_COUNT = 5 };
/* "pending" "attempted" "acked" "rejected" "unknown". */
const char *mtr_message_state_name(enum mtr_message_state state);

struct mtr_message {
    uint32_t destination; /* catalog number */
    uint64_t number;      /* per destination, from 1 */
    struct mtr_hash128 id;
    enum mtr_message_state state;
    uint32_t attempts;
    int64_t created_us;
    int64_t attempted_us;    /* the last attempt; 0: none */
    int64_t uncertain_us;    /* the first attempt whose outcome is not known; 0: none */
    int64_t next_attempt_us; /* of PENDING */
    int32_t last_status;     /* HTTP status of the last answer; 0: none */
    uint64_t first_charge;   /* numbers, for people */
    uint64_t last_charge;
    uint32_t charge_count;
};
void mtr_message_id_format(struct mtr_hash128 id, char text[MTR_MESSAGE_ID_TEXT_BYTES]);
bool mtr_message_id_parse(struct mtr_str text, struct mtr_hash128 *out);

/* Rows that are PENDING or ATTEMPTED are queued, by (destination, number). put keeps queue and counts
 * right. */
int mtr_charges_put_message(struct mtr_charges_txn *txn, const struct mtr_message *message) MTR_MUST_USE;
int mtr_charges_get_message(struct mtr_charges_txn *txn, uint32_t destination, uint64_t number,
                            struct mtr_message *out) MTR_MUST_USE;
int mtr_charges_find_message(struct mtr_charges_txn *txn, struct mtr_hash128 id,
                             struct mtr_message *out) MTR_MUST_USE;
/* The first one behind a message's number. MTR_ENOTFOUND. */
int mtr_charges_first_queued(struct mtr_charges_txn *txn, uint32_t destination, uint64_t after,
                             struct mtr_message *out) MTR_MUST_USE;
/* The frozen bytes: put once, with the message. */
int mtr_charges_put_message_body(struct mtr_charges_txn *txn, const struct mtr_message *message,
                                 struct mtr_str body) MTR_MUST_USE;
int mtr_charges_get_message_body(struct mtr_charges_txn *txn, uint32_t destination, uint64_t number,
                                 struct mtr_str *body) MTR_MUST_USE;
/* All messages of a destination with number > after (destination 0: of all, after ignored). */
typedef int (*mtr_charges_on_message)(void *context, const struct mtr_message *message);
int mtr_charges_walk_messages(struct mtr_charges_txn *txn, uint32_t destination, uint64_t after,
                              mtr_charges_on_message on_message, void *context) MTR_MUST_USE;

struct mtr_charge_destination {
    uint32_t number;
    uint64_t charge_cursor;                   /* last charge that was looked at for a message */
    uint64_t last_message;                    /* number */
    uint64_t counts[MTR_MESSAGE_STATE_COUNT]; /* messages by state: for metrics */
    uint64_t epoch;  /* of the store, to which the receiver was reconciled last */
    uint64_t notice; /* number of the message that asks it to be reconciled to another one; 0: none yet */
};
/* A destination never seen is zero, not an error. */
int mtr_charges_get_destination(struct mtr_charges_txn *txn, uint32_t number,
                                struct mtr_charge_destination *out) MTR_MUST_USE;
int mtr_charges_put_destination(struct mtr_charges_txn *txn,
                                const struct mtr_charge_destination *destination) MTR_MUST_USE;

/* ---- consumers of the pull feed ---- */

struct mtr_charge_consumer {
    struct mtr_str name;
    uint64_t up_to; /* all charges up to it are acknowledged; single acks lie above it */
    uint64_t epoch; /* that it knows of */
};
/* A consumer never seen is zero, not an error. */
int mtr_charges_get_consumer(struct mtr_charges_txn *txn, struct mtr_str name,
                             struct mtr_charge_consumer *out) MTR_MUST_USE;
/* Drops single acks at or below. */
int mtr_charges_put_consumer(struct mtr_charges_txn *txn,
                             const struct mtr_charge_consumer *consumer) MTR_MUST_USE;
int mtr_charges_drop_acks(struct mtr_charges_txn *txn, struct mtr_str name, uint64_t up_to) MTR_MUST_USE;
int mtr_charges_put_ack(struct mtr_charges_txn *txn, struct mtr_str name, uint64_t number) MTR_MUST_USE;
bool mtr_charges_has_ack(struct mtr_charges_txn *txn, struct mtr_str name, uint64_t number);

#endif
