/*
 * The poller: takes usage from the vendors' APIs at a set period, exactly once. It knows every source of the
 * catalog and every window of a source, asks for those that are due, and sees each through to `complete` or
 * to a named alarm.
 *
 *   catalog, time ─▶ mtr_poller_step ─▶ hooks: send a request, do work on the pool, submit to the intake
 *                          ▲                                   │
 *                          └── on_piece, on_answer, on_worked, on_committed ◀┘
 *
 * Beside mtr_poller_do_work, which belongs to the pool's thread, everything is one thread's, the loop's. No
 * clock, socket or random number inside: time is an argument, the rest are hooks. What has been read is in
 * the log and in the ledger that is folded of it, so whoever kills the process loses nothing but a reading
 * under way.
 */
#ifndef METERD_COLLECTOR_POLLER_H
#define METERD_COLLECTOR_POLLER_H

#include <stdbool.h>
#include <stdint.h>

#include "meterd/catalog/catalog.h"
#include "meterd/collector/given_file.h"
#include "meterd/collector/reading_counts.h"
#include "meterd/collector/request.h"
#include "meterd/collector/source_alarm.h"
#include "meterd/collector/source_control.h"
#include "meterd/share/byte_budget.h"
#include "meterd/net/blocking.h"
#include "meterd/net/http_client.h"
#include "meterd/source/window.h"
#include "meterd/store/ledger.h"
#include "meterd/store/log.h"

struct mtr_poller;
struct mtr_poll; /* one reading under way */

enum { MTR_POLLER_NONCE_BYTES = 16, MTR_POLLER_POLLS_MAX = 64, MTR_SOURCE_STATUS_BYTES = 400 };
/* What a reading holds beside 32 to 48 bytes a row. */
enum { MTR_POLLER_MEMORY_BYTES_MIN = 20 << 20 };

/* An alarm of one of a source's requests has begun, or is over. Borrowed meanwhile. */
struct mtr_alarm_change {
    struct mtr_str vendor, source, each; /* each may be empty */
    enum mtr_alarm alarm;
    bool is_raised;
    const char *text; /* raised: why, a sentence */
    int64_t since_us; /* when it began */
    int64_t now_us;
};

struct mtr_poller_hooks {
    void *context;
    /* Starts a request; on_piece and on_answer follow for that poll, never from inside. MTR_EAGAIN: too many
     * are on their way. */
    int (*send)(void *context, struct mtr_poll *poll, const struct mtr_http_call *call);
    void (*resume)(void *context, struct mtr_poll *poll); /* pieces come again after MTR_EAGAIN */
    void (*cancel)(void *context, struct mtr_poll *poll); /* on_answer follows, maybe from inside */
    /* mtr_poller_do_work on another thread, and then on_worked; never from inside. poll NULL: of the poller
     * itself. MTR_ENOMEM: neither. */
    int (*work)(void *context, struct mtr_poll *poll);
    /* Runs the job, on a file that may hang, apart; mtr_poller_on_apart follows, never from inside, or its
     * drop when all has ended. NULL: files are read and written inside the step. */
    void (*apart)(void *context, struct mtr_blocking_job *job);
    /* To the intake; on_committed follows, never from inside. MTR_EFULL: later. */
    int (*submit)(void *context, struct mtr_request *request);
    void (*nonce)(void *context, uint8_t nonce[MTR_POLLER_NONCE_BYTES]);
    /* May another reading begin? Not while the intake or the disk is full. NULL: always. */
    bool (*has_room)(void *context);
    /* Something happened that people are told of: one line. */
    void (*tell)(void *context, bool is_alarm, struct mtr_str source, const char *text);
    /* NULL is allowed: nobody is told. */
    void (*alarm)(void *context, const struct mtr_alarm_change *change);
};

struct mtr_poller_options {
    const struct mtr_poller_hooks *hooks; /* copied */
    struct mtr_log *log;                  /* borrowed, as is the ledger */
    struct mtr_ledger *ledger;
    const uint8_t *event_key;           /* MTR_EVENT_KEY_BYTES, copied */
    const char *pages;                  /* directory, copied */
    const char *tokens;                 /* directory of refresh tokens that vendors rotated; the same */
    const char *credentials;            /* directory of the service manager's; NULL: none; copied */
    uint32_t polls_max;                 /* readings at the same time; 1…MTR_POLLER_POLLS_MAX */
    uint32_t events_max;                /* of a part; at most MTR_REQUEST_EVENTS_MAX - 1 */
    bool allow_loopback, allow_private; /* where sources may lead */
    struct mtr_byte_budget *memory;     /* shared with what is pushed; borrowed; NULL: not bounded */
    uint64_t memory_bytes_max;          /* of it for all readings; at least MTR_POLLER_MEMORY_BYTES_MIN */
    size_t dry_bytes_max;               /* of the rows of dry runs, which are kept to be priced */
    int64_t known_us; /* rows of append deliveries are known again for so long; 0: nobody looks */
};

/* Tells why where `tokens` cannot be used. */
int mtr_poller_open(const struct mtr_poller_options *options, struct mtr_poller **out) MTR_MUST_USE;
/* Asserts that nothing is under way: mtr_poller_stop, and then until mtr_poller_is_idle. */
void mtr_poller_close(struct mtr_poller *poller); /* NULL is allowed */
/* Nothing new is begun, and step goes on until it is idle. why: a sentence for who gives a file meanwhile; a
 * literal. */
void mtr_poller_stop(struct mtr_poller *poller, const char *why);
void mtr_poller_allow(struct mtr_poller *poller, bool loopback, bool private_ranges);
bool mtr_poller_is_idle(const struct mtr_poller *poller);

/* While the catalog changes no reading is begun, of a file neither; what is under way goes on. Wake the
 * poller behind its end. */
void mtr_poller_hold(struct mtr_poller *poller, bool is_held);
/* A reading of the source that counts is under way, or the log may have one that the ledger has not. */
bool mtr_poller_is_reading(const struct mtr_poller *poller, const struct mtr_strand *source);

/* Starts what is due. *next_us: when to call again, unless something happens before. MTR_ENOMEM; MTR_ECORRUPT
 * and MTR_EIO of the ledger, told: it is to be stopped, and then ends as ever. */
int mtr_poller_step(struct mtr_poller *poller, struct mtr_catalog *catalog, int64_t now_us,
                    int64_t *next_us) MTR_MUST_USE;

int mtr_poller_on_piece(struct mtr_poll *poll, const struct mtr_http_answer *answer, struct mtr_str piece);
void mtr_poller_on_answer(struct mtr_poll *poll, struct mtr_http_answer *answer, int64_t now_us);
void mtr_poller_do_work(struct mtr_poller *poller, struct mtr_poll *poll);
void mtr_poller_on_apart(struct mtr_poller *poller, struct mtr_blocking_job *job, int64_t now_us);
void mtr_poller_on_worked(struct mtr_poller *poller, struct mtr_poll *poll, int64_t now_us);
/* Of a request that came through submit, and no other. */
void mtr_poller_on_committed(struct mtr_poller *poller, struct mtr_request *request, int64_t now_us);
/* Of whoever sends: what it keeps with a poll. */
void mtr_poller_set_handle(struct mtr_poll *poll, void *handle);
void *mtr_poller_handle(const struct mtr_poll *poll);

/* A file is the answer of a source's window (given_file.h). One at a time: false, while another is at work.
 */
bool mtr_poller_give(struct mtr_poller *poller, struct mtr_given_file *file) MTR_MUST_USE;

/* ---- what people see and do ---- */

/* An alarm of a source: of how many of its requests (for_each), and what the one that has had it longest
 * says. */
struct mtr_source_alarm {
    enum mtr_alarm alarm;
    uint32_t strands;
    int64_t since_us;
    char text[MTR_SOURCE_STATUS_BYTES];
};

/* A source as it stands. Vendor and key are borrowed until the next step. */
struct mtr_source_status {
    struct mtr_str vendor, key;
    bool is_disabled, is_paused;
    uint32_t strands;     /* requests that for_each makes of it; 1 without */
    uint32_t reading;     /* readings under way */
    int64_t read_us;      /* when the last good reading began; 0: none is known */
    int64_t next_us;      /* when something is due that is not being read; INT64_MAX: nothing is */
    uint64_t readings, failures, rows, changes; /* since the start */
    uint32_t alarm_count; /* each kind once, the gravest first */
    struct mtr_source_alarm alarms[MTR_ALARM_COUNT - 1];
};
/* False: the poller has not seen it yet. */
bool mtr_poller_status(const struct mtr_poller *poller, struct mtr_str vendor, struct mtr_str key,
                       struct mtr_source_status *out);

/* Of all sources: since the start; requests (of for_each) by their alarms, as of now; [NONE] stays 0. */
struct mtr_poller_totals {
    uint64_t readings, failures, rows, changes;
    uint32_t alarms[MTR_ALARM_COUNT];
    uint32_t paused; /* sources, as of now */
    uint32_t unreadable; /* those whose document cannot be read any more */
};
const struct mtr_poller_totals *mtr_poller_totals(const struct mtr_poller *poller);

/* The windows that hold an instant of `range` are read now, once each and from the oldest on, whatever the
 * schedule says: those that are settled, too, whose rows are collected from the log once more. `strand->each`
 * empty: of all requests of a for_each. What a reading brings is applied or not as always (a settled window
 * that a reading leaves suspect is read until it is confirmed). Windows before the source's `start`, and
 * those that have not begun, are left out. Wake the poller behind it; mtr_poller_asked says how far it is. In
 * memory: a restart forgets it.
 *
 * is_trial: the same, and nothing is stored: each reading goes as far as the intake, which judges its rows,
 * and mtr_poller_tried says what it would have come to.
 *
 * MTR_ENOTFOUND, MTR_EAGAIN, MTR_EINVALID: *fault says why, a static sentence. */
int mtr_poller_ask(struct mtr_poller *poller, const struct mtr_strand *strand, struct mtr_window range,
                   bool is_trial, const char **fault) MTR_MUST_USE;

/* What came of the windows that were asked for last; all zero: none were. False: there is no such source. */
struct mtr_poller_asked {
    uint32_t left;          /* requests of for_each that still have such windows */
    uint32_t taken, failed; /* windows: the log has their reading, or an alarm says why not */
    uint64_t refused;       /* rows of those that were taken: in quarantine */
    uint32_t called_off;    /* requests whose other windows nobody wants any more */
    bool is_trial;          /* it would have */
    bool has_file; /* one that was given, or a replay, waits until it may be read */
    int64_t again_us;       /* one of them waits after a failure: when it is tried again; 0: none does */
    char problem[MTR_SOURCE_STATUS_BYTES]; /* what the last try came to */
};
bool mtr_poller_asked(const struct mtr_poller *poller, const struct mtr_strand *strand,
                      struct mtr_poller_asked *out);

/* Nobody wants the windows any more that were asked for and are not read yet; a reading under way ends, and
 * counts. Returns of how many requests. */
uint32_t mtr_poller_call_off(struct mtr_poller *poller, const struct mtr_strand *strand);
/* Nor the file that was given to the source, or the replay, as long as it waits. False: there is none. */
bool mtr_poller_call_off_file(struct mtr_poller *poller, const struct mtr_strand *source);

/* What a window's reading would have come to. */
struct mtr_poller_tried {
    char each[MTR_LEDGER_EACH_BYTES_MAX + 1];
    struct mtr_window window;
    bool is_draft; /* the window is not over */
    bool is_taken, is_unchanged; /* unchanged: the vendor says that nothing is new */
    enum mtr_alarm alarm;        /* why it is not taken; NONE: it could not be read */
    char text[MTR_SOURCE_STATUS_BYTES];
    struct mtr_reading_counts counts;
    /* Of the quantity that the guard watches, in the vendor's units: now, and as it was read last; empty:
     * none is. */
    char quantity[MTR_DECIMAL_TEXT_BYTES], quantity_before[MTR_DECIMAL_TEXT_BYTES];
};
enum { MTR_POLLER_TRIED_MAX = 1000 }; /* of a source: those that follow are not kept */
/* The index-th that was tried of what was asked for last of the source. False: there are not so many. */
bool mtr_poller_tried(const struct mtr_poller *poller, const struct mtr_strand *source, uint32_t index,
                      struct mtr_poller_tried *out);
/* What all of it would put into the log, once nothing of it is left to be read: the caller releases it. Kept
 * until another dry run is ordered, of whatever source. NULL: there is none. */
struct mtr_dry_rows *mtr_poller_dry_rows(const struct mtr_poller *poller, const struct mtr_strand *source);

/* What an operator tells a source (source_control.h), on its way to the log. *ticket: to ask
 * mtr_poller_controlled with. MTR_ENOTFOUND, MTR_EAGAIN: *fault says why, a static sentence; MTR_ENOMEM, and
 * what the intake says. */
int mtr_poller_control(struct mtr_poller *poller, const struct mtr_source_control *control, int64_t now_us,
                       uint64_t *ticket, const char **fault) MTR_MUST_USE;
/* Is it durable, or has it failed (*error, where nothing was told since)? */
bool mtr_poller_controlled(const struct mtr_poller *poller, uint64_t ticket, int *error);

/* Every receipt up to this sequence of the log is in the ledger: retention spares what is behind it. */
uint64_t mtr_poller_applied_seq(const struct mtr_poller *poller);

#endif
