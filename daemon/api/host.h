/*
 * What the HTTP API needs of the process that it runs in: the stores that it reads, its limits, and
 * some calls back.
 *
 * The daemon fills one in before it opens the API and keeps it, and all that it points to, until the API is
 * closed. The API borrows it and never writes to it. A test may fill in one of its own: stores are enough for
 * every route that only reads.
 *
 * Threads: the fields never change while the API is open. `submit` and `tls_failed` are called on the loop;
 * the others on any thread of the workers.
 */
#ifndef METERD_DAEMON_API_HOST_H
#define METERD_DAEMON_API_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/limits/owners.h"
#include "meterd/core/trusted_time.h"
#include "meterd/source/window.h"

struct api_limiter;
struct mtr_arena;
struct mtr_buffer;
struct mtr_catalog;
struct mtr_catalog_store;
struct mtr_charges;
struct mtr_diagnostics;
struct mtr_dry_rows;
struct mtr_given_file;
struct mtr_held_dropped;
struct mtr_held_order;
struct mtr_log;
struct mtr_ledger;
struct mtr_loop;
struct mtr_request;
struct mtr_rollups;
struct mtr_source;
struct mtr_poller_asked;
struct mtr_poller_tried;
struct mtr_source_control;
struct mtr_source_status;
struct mtr_strand;
struct mtr_tls;
struct mtr_workers;

enum { API_CERTIFICATE_BYTES_MAX = 4 << 20 }; /* of a source, as JSON */

/* How far the stages have come, as one picture: what each saw when it was last idle is what tells whether
 * all is done. */
struct mtr_progress {
    uint64_t next_seq;                   /* to fold */
    uint64_t folds;                      /* steps of the aggregator that changed something */
    uint64_t aggregator_catalog_version; /* that its last step saw */
    bool aggregator_idle;
    uint64_t rated_folds; /* `folds` before the rater's last step */
    uint64_t rater_catalog_version;
    bool rater_idle;
    bool rating_waits; /* for rollups that are folded again */
};

/* The listener's options and the bounds of what is asked of it; from sections `listen`, `intake` and
 * `query` of the configuration. */
struct mtr_api_limits {
    const char *address;
    uint16_t port;
    struct mtr_tls *tls; /* NULL: HTTP in the clear */
    uint32_t connections_max;
    uint32_t header_timeout_ms;
    uint32_t body_timeout_ms;
    uint32_t send_timeout_ms; /* how far a reader may fall behind a least rate */
    uint32_t idle_timeout_ms;
    uint32_t request_timeout_ms;
    size_t header_bytes_max;
    size_t body_bytes_max;         /* of one request, as sent */
    size_t body_bytes_total_max;   /* of all requests that are received or wait */
    struct mtr_byte_budget *body_memory; /* which they share with the readings of sources */
    size_t answer_bytes_total_max; /* of all answers that have not left */
    size_t decoded_bytes_max;      /* of POST /v1/events after decompression */
    uint32_t request_events_max;   /* in one POST /v1/events */
};

/* Who takes what is told to the security log (security.h); both functions may be NULL. */
struct api_security_event;
struct api_host_security {
    void *context;
    /* Copied into a queue; any thread. */
    void (*record)(void *context, const struct api_security_event *event);
    /* Is that API key used from there for the first time? The loop's thread. */
    bool (*is_new_address)(void *context, uint32_t api_key, const char *address);
};

/* Bounds that may change while the API is open; from section `query`. */
struct mtr_api_query_limits {
    uint64_t rows_max;   /* of one answer */
    uint64_t cpu_ns_max; /* of the thread that makes it, at a stretch; 0: any */
    uint64_t bytes_max;  /* of memory, while it is made; 0: any */
};

/* What one API key may ask for, and one address without a good key; from section `limits`. 0: no limit. */
struct mtr_api_rate_limits {
    struct limit_rates of_key;
    struct limit_rates of_stranger; /* requests alone */
    uint64_t queries_max;           /* of a key, under way */
};

struct mtr_api_host {
    struct mtr_loop *loop;
    struct mtr_workers *queries;  /* on whose threads answers are made */
    struct mtr_shares *query_memory;  /* of all that are being made together; NULL: any */
    struct mtr_shares *decode_memory; /* of all events that are decoded and wait; NULL: any */
    struct mtr_workers *decoders; /* … and large bodies of events are decoded */
    struct mtr_catalog_store *catalog_store;
    struct mtr_log *log;
    struct mtr_rollups *rollups;
    struct mtr_charges *charges;
    struct mtr_api_limits limits;
    int64_t started_us; /* wall clock, µs since 1970 UTC: when the process began */
    struct api_host_security security;
    int64_t grace_us;   /* of the rater: from the end of a billing period to its close */

    void *context; /* of the calls below */
    struct mtr_trusted_time (*clock)(void *context);
    int (*accept_clock)(void *context, struct mtr_str who, int64_t wall_us); /* as of clock_accept */
    int (*drop_held)(void *context, const struct mtr_held_order *order, struct mtr_arena *arena,
                     struct mtr_held_dropped *out); /* as of held_drop */
    /* Hands a decoded request to the intake: MTR_OK, and its answer comes through events_on_answer;
     * MTR_EFULL when the queue is full, another error when the intake is closing. */
    int (*submit)(void *context, struct mtr_request *request);
    /* Of a listener with TLS, on the loop: somebody did not come to an understanding with it, and why. */
    void (*tls_failed)(void *context, const char *address, const char *why);
    /* A new version, or a message was settled: the stages look at once. */
    void (*catalog_changed)(void *context);
    /* What was folded, charged and read against a change of the catalog. From here until release_stages no
     * step of fold and rater runs, and no reading begins, so that the next one sees the change:
     * release_stages follows whatever came of it. */
    int (*hold_stages)(void *context, const struct mtr_catalog *stored, const struct mtr_catalog *draft,
                       struct mtr_diagnostics *findings);
    void (*release_stages)(void *context);
    struct mtr_progress (*progress)(void *context);
    bool (*is_ready)(void *context); /* events are accepted */
    struct mtr_api_query_limits (*query_limits)(void *context); /* as of now */
    struct api_limiter *limiter; /* NULL: there are no rates to keep within */
    struct mtr_api_rate_limits (*rate_limits)(void *context); /* as of now; with a limiter */
    /* Up to which number charges may be told: what was just made is marked first (daemon/stores/marks.c).
     * NULL: all. */
    uint64_t (*handed_out)(void *context);
    struct mtr_ledger *ledger; /* of windows */
    /* How a source stands. False: the poller has not seen it yet. */
    bool (*source_status)(void *context, const struct mtr_source *source, struct mtr_source_status *out);
    /* Windows are read now, and how far that is; as of mtr_poller_ask and mtr_poller_asked. */
    int (*read_source)(void *context, const struct mtr_strand *strand, struct mtr_window range,
                       bool is_trial, const char **fault);
    /* As of daemon/certifying.h. */
    int (*order_certificate)(void *context, const struct mtr_source *source, const char **fault);
    const char *(*certificate_result)(void *context, const struct mtr_source *source, bool *is_current);
    int (*load_certificate)(void *context, const struct mtr_source *source, struct mtr_buffer *out,
                            bool *is_making, bool *is_current);
    bool (*source_reads)(void *context, const struct mtr_strand *strand, struct mtr_poller_asked *out);
    bool (*source_tried)(void *context, const struct mtr_strand *source, uint32_t index,
                         struct mtr_poller_tried *out); /* as of mtr_poller_tried */
    struct mtr_dry_rows *(*source_dry_rows)(void *context,
                                            const struct mtr_strand *source); /* … mtr_poller_dry_rows */
    uint32_t (*call_off_source)(void *context, const struct mtr_strand *source, bool is_file); /* …call_off */
    /* The poller reads the file, and it says what came of it. False: it takes none at the moment. */
    bool (*give_file)(void *context, struct mtr_given_file *file);
    /* What an operator tells a source; back when it is durable. MTR_ENOTFOUND, MTR_EAGAIN: *fault says why.
     */
    int (*control_source)(void *context, const struct mtr_source_control *control, const char **fault);
};

#endif
