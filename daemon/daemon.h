/*
 * The running daemon: its stores, its three stages, the loop between them. Private to daemon/.
 *
 *   loop        HTTP servers, deliveries, signals; never waits for a disk
 *   writer      intake: dedup, append, commit                  → pokes aggregator, answers to the loop
 *   sealer      what is slow of the log: sealing a segment, preallocating the next, carrying held events out
 *               of those that are due, one at a time
 *   aggregator  fold                                           → pokes rater
 *   rater       charges and outbox                             → messages to the loop
 *   pool        decoding of large bodies, queries
 *
 * Who owns what: struct mtr_daemon opens and closes everything; stages borrow. Fields above the line are set
 * before threads start and, `config` apart, never change; those below are atomics that any thread may read,
 * or say whose they are.
 */
#ifndef METERD_DAEMON_DAEMON_H
#define METERD_DAEMON_DAEMON_H

#include <pthread.h>
#include <stdatomic.h>

#include "daemon/api/host.h"
#include "meterd/aggregator/aggregator.h"
#include "meterd/catalog/store.h"
#include "meterd/collector/intake.h"
#include "daemon/config.h"
#include "daemon/listen/listener_tls.h"
#include "daemon/held/held.h"
#include "daemon/stage.h"
#include "meterd/core/trusted_time.h"
#include "meterd/net/loop.h"
#include "meterd/emitter/outbox.h"
#include "meterd/rater/rater.h"
#include "meterd/share/shares.h"
#include "meterd/collector/poller.h"
#include "meterd/store/charges.h"
#include "meterd/store/dedup.h"
#include "meterd/store/ledger.h"
#include "meterd/store/log.h"
#include "meterd/store/mark.h"
#include "meterd/store/rollups.h"

struct mtr_api;
struct mtr_admin;
struct mtr_events;
struct mtr_http_sender;
struct mtr_ledger;
struct polling;
struct certifying;
struct scrubbing;
struct backing_up;
struct security_log;
struct mtr_kept_config;

/* What the marks beside the stores say (stores/marks.c); under its mutex. */
struct mtr_daemon_marks {
    pthread_mutex_t mutex;
    bool are_kept; /* the start was not refused */
    char directory[4096];
    struct mtr_mark written;
    int64_t written_us;
    bool charges_wait; /* committed, and not in a mark yet; the rater's thread only */
};

/* Trusted time (clock.c); under its mutex. */
struct mtr_daemon_clock {
    pthread_mutex_t mutex;
    pthread_cond_t answered; /* what an operator has said is in the log, or is not */
    struct mtr_trusted_clock trusted;
    enum mtr_clock_state told; /* in a log line */
    char directory[4096];      /* empty: it has not begun */
    pthread_mutex_t keeping;   /* of the record's file, and what follows; before `mutex` */
    int64_t kept_us;           /* monotonic */
    int keep_error;
};

/* Choices of meterd_memory_short_total, in this order. */
enum daemon_stage { DAEMON_WRITER, DAEMON_AGGREGATOR, DAEMON_RATER, DAEMON_POLLER, DAEMON_STAGE_COUNT };

struct mtr_daemon {
    /* Replaced by SIGHUP (reload.c); text in it lives as long as the process. */
    _Atomic(const struct mtr_config *) config;
    int data_hold; /* of the data directory: from before its first file to the end */
    struct mtr_loop *loop;
    struct mtr_workers *queries, *decoders;
    struct api_limiter *limiter;
    struct mtr_catalog_store *catalog_store;
    struct mtr_log *log;
    struct mtr_dedup *dedup;
    struct mtr_rollups *rollups;
    struct mtr_charges *charges;
    struct mtr_ledger *ledger;
    struct mtr_log_reader *aggregator_reader; /* the aggregator's own */
    struct mtr_intake *intake;
    struct mtr_aggregator *aggregator;
    struct mtr_rater *rater;
    struct mtr_outbox *outbox;
    struct mtr_events *events;
    struct mtr_http_sender *sender;
    struct mtr_shares query_memory;   /* of queries while they are made */
    struct mtr_shares decode_memory;  /* of decoded events that wait */
    struct mtr_byte_budget receive_memory; /* of bodies that are pushed, and of readings */
    struct polling *polling;
    struct certifying *certifying;
    struct scrubbing *scrubbing;
    struct security_log *security; /* who was refused, and who did what */
    struct backing_up *backing_up; /* NULL: no backups are asked for */
    struct mtr_api_host api_host;
    char api_address[64]; /* of listen.address, ended by NUL */
    struct listener_tls *tls[LISTENER_COUNT];
    struct mtr_api *api;
    struct mtr_admin *admin;
    struct mtr_stage_thread *writer_stage;
    struct mtr_stage_thread *sealer_stage;
    struct mtr_stage_thread *aggregator_stage;
    struct mtr_stage_thread *rater_stage;
    struct mtr_wakeup *ended;   /* a stage ended: the loop looks why */
    struct mtr_timer *watchdog;
    struct mtr_kept_config *kept_configs; /* of reloads (reload.c) */
    int64_t started_us;
    uint32_t draining; /* of API and poller, while it stops; the loop's thread */

    /* ---- */
    atomic_bool ready;          /* /readyz */
    atomic_bool stopping;
    atomic_int failure;                /* first fatal error of a stage; 0: none */
    atomic_int_least64_t files_told_us; /* monotonic, when a lack of open files was last told; 0: never */
    atomic_bool disk_full;             /* a commit was refused for lack of room, and there is none yet */
    atomic_uint_fast64_t folded_seq;   /* everything up to it is folded */
    atomic_uint_fast64_t handed_out;   /* charges up to that number may be seen outside */
    /* The rollups are folded again: until they are, prices of their use would be too low. */
    atomic_bool rating_waits;
    uint64_t rating_waits_seq; /* up to that event; before threads start */
    struct mtr_daemon_marks marks;
    struct mtr_daemon_clock clock;
    struct mtr_daemon_held held;
    pthread_mutex_t progress_mutex;
    struct mtr_progress progress; /* under its mutex */
    /* Held by a step of the stage from its snapshot on, and by a change of the catalog while it is checked
     * against what the stages did, and stored: fold_mutex first. */
    pthread_mutex_t fold_mutex, rate_mutex;
    int64_t memory_told_us[DAEMON_STAGE_COUNT]; /* monotonic, that there is none; each the stage's own */
    void (*_Atomic slow_work)(void *context); /* handed from the writer to the sealer; NULL: taken */
    void *slow_context;                       /* before slow_work is set: the writer's, after: the sealer's */
};

/* Opens the stores (recovery first, before any thread), loop, servers and stages, runs until SIGTERM or
 * SIGINT or a failure, drains and closes. `reload` is asked on SIGHUP for a configuration to check: 0, or
 * it has printed why. MTR_OK after a signal; else the first failure, which the log lines have told. */
int daemon_run(const struct mtr_config *config, int (*reload)(void *context, struct mtr_config *out),
               void *context) MTR_MUST_USE;

/* The stages' threads (pipeline.c): started once everything is open; ended upstream first, the writer and the
 * sealer after all that they were given, the aggregator drained unless a stage failed. */
int pipeline_start(struct mtr_daemon *daemon, struct mtr_diagnostic *diagnostic) MTR_MUST_USE;
void pipeline_end(struct mtr_daemon *daemon);
/* A change of the catalog, between two steps of fold and rater, and while no reading begins; of a struct
 * mtr_daemon. Any thread. */
int pipeline_hold(void *daemon, const struct mtr_catalog *stored, const struct mtr_catalog *draft,
                  struct mtr_diagnostics *findings) MTR_MUST_USE;
void pipeline_release(void *daemon);
/* How far they have come, of a struct mtr_daemon. Any thread. */
struct mtr_progress pipeline_progress(void *daemon);
/* Is a step that ended so tried again, as nothing of it was committed? For the stage's thread (retries.c). */
bool retries_step(struct mtr_daemon *daemon, enum daemon_stage stage, int rc);

/* A configuration that was read anew: takes what may change while running, says what waits (reload.c). The
 * loop's thread. */
void daemon_take_config(struct mtr_daemon *daemon, const struct mtr_config *fresh);
/* At the end: nobody reads daemon->config any more. */
void daemon_drop_configs(struct mtr_daemon *daemon);

/* Open files (file_limit.c). As many as the system lets us have: before anything is opened. */
void file_limit_raise(void);
/* How many are wanted for so many connections, and how many of these the limit allows. */
uint32_t file_limit_wanted(uint32_t connections_max);
uint32_t file_limit_connections(uint32_t connections_max);
/* A stage met MTR_EFILES: segments that nobody is inside are closed, and it is told, once a minute. Any
 * thread. */
void file_limit_met(struct mtr_daemon *daemon, const char *stage);

/* Somebody did not come to an understanding with a listener by TLS (listen/api_host.c); the loop's thread. */
void daemon_tls_failed(struct mtr_daemon *daemon, enum listener listener, const char *address,
                       const char *why);

/* Health and metrics on the admin listener (admin.c). */
int admin_open(struct mtr_daemon *daemon, struct mtr_admin **out,
               struct mtr_diagnostic *diagnostic) MTR_MUST_USE;
void admin_close(struct mtr_admin *admin);
struct mtr_http_server *admin_server(const struct mtr_admin *admin);

/* The stores against one another (stores/consistency.c): once the log is open and before the other stores are
 * made, and once all are open. MTR_ECORRUPT with a sentence when going on would make money wrong. */
struct mtr_new_stores {
    bool rollups, charges;
};
int consistency_before(struct mtr_daemon *daemon, const char *directory, struct mtr_new_stores *are_new,
                       struct mtr_diagnostic *diagnostic) MTR_MUST_USE;
int consistency_after(struct mtr_daemon *daemon, const char *directory, struct mtr_new_stores are_new,
                      struct mtr_diagnostic *diagnostic) MTR_MUST_USE;

/* Were the stores put back from a copy (stores/epoch.c)? Once they are consistent, before threads start. */
int epoch_begin(struct mtr_daemon *daemon, const char *directory,
                struct mtr_diagnostic *diagnostic) MTR_MUST_USE;

/* The marks beside the stores (stores/marks.c). `check` and `begin` before threads start; the others on any
 * stage, each before what it marks is relied on outside. */
int marks_check(struct mtr_daemon *daemon, const char *directory, bool charges_are_new,
                struct mtr_diagnostic *diagnostic) MTR_MUST_USE;
int marks_begin(struct mtr_daemon *daemon, const char *directory,
                struct mtr_diagnostic *diagnostic) MTR_MUST_USE;
int marks_charges(struct mtr_daemon *daemon) MTR_MUST_USE; /* those of the store: now they may be seen */
int marks_catalog(struct mtr_daemon *daemon, uint64_t version) MTR_MUST_USE;
int marks_log(struct mtr_daemon *daemon) MTR_MUST_USE; /* now and then */
void marks_end(struct mtr_daemon *daemon);             /* once the stages have ended */

/* Trusted time (clock.c). `start` once the log is open, `end` once the stages have ended, the others on any
 * thread. */
/* MTR_EINVALID: the wall clock is all that there is, and says a time that cannot be. */
int clock_start(struct mtr_daemon *daemon, const char *data_directory,
                struct mtr_diagnostic *diagnostic) MTR_MUST_USE;
struct mtr_trusted_time clock_now(void *daemon); /* of a struct mtr_daemon */
int64_t clock_now_us(struct mtr_daemon *daemon); /* now_us of that */
void clock_keep(struct mtr_daemon *daemon); /* now and then */
void clock_end(struct mtr_daemon *daemon);
/* Somebody says that the wall clock is right, which said wall_us a moment ago: back when that is in the log
 * and in force. MTR_EINVALID: it says something else by now; MTR_EAGAIN: the log takes longer than usual. */
int clock_accept(void *daemon, struct mtr_str who, int64_t wall_us) MTR_MUST_USE;
void clock_on_committed(struct mtr_daemon *daemon, struct mtr_request *request); /* the writer's thread */
/* The first look of a process at the clocks of a data directory; also of one that only reads it. False: the
 * directory says nothing of what time it is, and the wall clock is believed. */
bool clock_begin(struct mtr_trusted_clock *clock, const struct mtr_config *config,
                 const char *data_directory, int64_t log_us);

/* The poller on the loop (polling.c). */
int polling_open(struct mtr_daemon *daemon, const char *directory,
                 const uint8_t event_key[MTR_EVENT_KEY_BYTES],
                 struct polling **out) MTR_MUST_USE;
void polling_start(struct polling *polling); /* the stages run */
/* No new requests; what is under way ends, and then on_idle comes, once, maybe at once. */
void polling_drain(struct polling *polling, void (*on_idle)(void *context), void *context);
void polling_close(struct polling *polling); /* NULL is allowed */
void polling_catalog_changed(struct polling *polling);                             /* any thread */
void polling_on_committed(struct polling *polling, struct mtr_request *request);   /* the writer's thread */
void polling_allow(struct polling *polling, bool loopback, bool private_ranges);
/* Retention takes nothing behind it. Any thread. */
uint64_t polling_applied_seq(struct polling *polling);
bool polling_has_failed(const struct polling *polling); /* its ledger is damaged; the loop's thread */
/* Windows that are read now, and how far that is: as of mtr_poller_ask and mtr_poller_asked. Any thread. */
int polling_ask(struct polling *polling, const struct mtr_strand *strand, struct mtr_window range,
                bool is_trial, const char **fault) MTR_MUST_USE;
/* The poller stands still while it is looked at, or told what needs no step. Any thread. */
void polling_look(struct polling *polling, void (*look)(struct mtr_poller *poller, void *context),
                  void *context);
bool polling_asked(struct polling *polling, const struct mtr_strand *strand, struct mtr_poller_asked *out);
/* On a pool thread, until it is durable; as of mtr_poller_control, and MTR_EAGAIN after ten seconds. */
int polling_control(struct polling *polling, const struct mtr_source_control *control,
                    const char **fault) MTR_MUST_USE;
/* How a source stands. False: the poller has not seen it yet. Any thread. */
bool polling_status(struct polling *polling, const struct mtr_source *source, struct mtr_source_status *out);
/* As of mtr_poller_hold, and mtr_poller_is_reading of a struct polling. Any thread. */
void polling_hold(struct polling *polling, bool is_held);
bool polling_is_reading(void *polling, const struct mtr_strand *source);
/* Waits until the poller has read it. False: another is at work, or the poller is not. A thread of the pool,
 * of which the reading needs another. */
bool polling_give(struct polling *polling, struct mtr_given_file *file);

/* The workers, and all that the API borrows (listen/api_host.c). MTR_ENOMEM. */
int api_host_open(struct mtr_daemon *daemon) MTR_MUST_USE;
/* What the API calls of sources; host->context is the daemon (source_calls.c). */
void source_calls_fill(struct mtr_api_host *host);

/* The first start's operator key: <data>/admin.key with mode 0600, and its document in the catalog
 * (admin_key.c). */
int admin_key_ensure(struct mtr_catalog_store *store, const char *data_directory, int64_t now_us,
                     bool *is_made, struct mtr_diagnostic *diagnostic) MTR_MUST_USE;
/* Another secret of the key `admin`, which is made where there is none and gets all that it needs to
 * administer; the one before is no longer good. Of a directory on which no daemon runs (MTR_EEXISTS). The
 * security log, of so many bytes at most, has it; where it cannot be written that is told, and no error. */
int admin_key_renew(const char *data_directory, uint64_t security_bytes_max, int64_t now_us,
                    struct mtr_diagnostic *diagnostic) MTR_MUST_USE;
/* A fresh secret: "mtr_" + 64 hex digits of 256 random bits, and the hex SHA-256 that the catalog keeps. */
enum { MTR_SECRET_TEXT_BYTES = 69, MTR_SHA256_TEXT_BYTES = 65 };
int secret_make(char secret[MTR_SECRET_TEXT_BYTES], char sha256[MTR_SHA256_TEXT_BYTES]) MTR_MUST_USE;
/* A file of mode 0600 that did not exist before, durable. */
int secret_write(const char *path, const char *secret) MTR_MUST_USE;

/* Makes the data directory where it is missing, durably (admin_key.c). */
int data_directory_ensure(const char *directory, struct mtr_diagnostic *diagnostic) MTR_MUST_USE;
/* The key of SipHash over event identities: <data>/event.key, made at the first start (admin_key.c). By who
 * holds the data directory: of two that make it at once, each would go on with its own. */
int event_key_ensure(const char *data_directory, uint8_t key[MTR_EVENT_KEY_BYTES],
                     struct mtr_diagnostic *diagnostic) MTR_MUST_USE;

#endif
