/*
 * The daemon's configuration: one struct, decoded from one table of rows (daemon/config.c).
 *
 * Precedence: --set SECTION.KEY=VALUE beats METERD_SECTION__KEY beats the file beats the row's default. The
 * rows also give config/meterd.yaml its comments, docs/reference/configuration.md and the JSON Schema. Errors
 * come with file:line:column (or the name of the variable).
 */
#ifndef METERD_DAEMON_CONFIG_H
#define METERD_DAEMON_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "meterd/core/buffer.h"
#include "meterd/core/diagnostic.h"
#include "meterd/core/schema.h"

struct mtr_config_data {
    struct mtr_str directory;
};

/* Files in PEM: absolute paths, or names of credentials of systemd. */
struct mtr_config_tls {
    struct mtr_str certificate; /* empty: HTTP in the clear */
    struct mtr_str key;
    struct mtr_str client_ca;   /* empty: clients show no certificate */
};

struct mtr_config_listen {
    struct mtr_str address;
    uint64_t port;
    uint64_t connections_max;
    uint64_t header_bytes_max;
    uint64_t body_bytes_max;         /* of POST /v1/events, as sent */
    uint64_t decoded_bytes_max;      /* of the same after decompression */
    uint64_t body_bytes_total_max;   /* of all requests being received or waiting */
    uint64_t answer_bytes_total_max; /* of all answers that have not left */
    int64_t header_timeout;          /* µs, as every int64_t here */
    int64_t body_timeout;
    int64_t send_timeout;
    int64_t idle_timeout;
    int64_t request_timeout;
    struct mtr_config_tls tls;
};

struct mtr_config_admin {
    struct mtr_str address;
    uint64_t port;
    struct mtr_config_tls tls;
};

struct mtr_config_log {
    uint64_t segment_bytes;
    uint64_t segment_events_max;
    int64_t segment_age;
    int64_t retention;
    bool verify_all;
};

struct mtr_config_intake {
    int64_t dedup_window;
    int64_t lateness;
    int64_t future;
    int64_t held_max_age; /* 0: for ever */
    uint64_t queue_bytes_max;
    uint64_t queue_requests_max;
    uint64_t commit_events_max;
    uint64_t commit_bytes_max;
    uint64_t request_events_max;
    uint64_t threads;
    uint64_t memory_max;
};

struct mtr_config_clock {
    int64_t step;              /* of the wall clock that is believed, once a day */
    int64_t unseen;            /* from one boot to the next, the longest that is believed */
};

struct mtr_config_scrub {
    uint64_t bytes_per_second;
};

struct mtr_config_backup {
    struct mtr_str directory; /* empty: none are made */
    int64_t every;
    uint64_t keep;
};

struct mtr_config_aggregator {
    uint64_t step_events_max;
};

struct mtr_config_rater {
    int64_t grace;
    int64_t draft_every;
};

struct mtr_config_outbox {
    int64_t backoff_min;
    int64_t backoff_max;
    bool allow_loopback;       /* destinations on this machine */
    bool allow_private;        /* destinations in private address ranges */
    struct mtr_str secrets_directory; /* files of secrets are below it */
};

struct mtr_config_poller {
    uint64_t readings_max;     /* at the same time */
    bool allow_loopback;       /* sources on this machine */
    bool allow_private;        /* sources in private address ranges */
    struct mtr_str alarm_url;  /* empty: nobody is told of alarms */
    struct mtr_str alarm_secret_file;
};

struct mtr_config_security {
    uint64_t bytes_max; /* of the security log */
};

struct mtr_config_query {
    uint64_t rows_max;         /* of one answer */
    uint64_t calls_max;        /* waiting or being made at the same time; over it 503 */
    uint64_t threads;
    int64_t cpu_max;           /* of one, at a stretch */
    uint64_t memory_max;       /* of one, while it is made */
    uint64_t memory_total_max; /* of all that are being made */
};

/* 0: no limit, or of a burst what comes in ten seconds. */
struct mtr_config_limits {
    uint64_t requests_per_second; /* of one API key, as all up to queries_max */
    uint64_t request_burst;
    uint64_t bytes_per_second;
    uint64_t byte_burst;
    uint64_t events_per_second;
    uint64_t event_burst;
    uint64_t queries_max;
    uint64_t unauthenticated_per_second; /* of one address */
};

enum mtr_config_logline_level {
    MTR_CONFIG_LEVEL_ERROR,
    MTR_CONFIG_LEVEL_WARNING,
    MTR_CONFIG_LEVEL_INFO,
    MTR_CONFIG_LEVEL_DEBUG
};
enum mtr_config_logline_format { MTR_CONFIG_FORMAT_AUTO, MTR_CONFIG_FORMAT_TEXT, MTR_CONFIG_FORMAT_JSON };

struct mtr_config_logline {
    int level;  /* enum mtr_config_logline_level */
    int format; /* enum mtr_config_logline_format; auto: text, with priorities under systemd */
};

struct mtr_config {
    struct mtr_config_data data;
    struct mtr_config_listen listen;
    struct mtr_config_admin admin;
    struct mtr_config_log log;
    struct mtr_config_intake intake;
    struct mtr_config_clock clock;
    struct mtr_config_scrub scrub;
    struct mtr_config_aggregator aggregator;
    struct mtr_config_rater rater;
    struct mtr_config_outbox outbox;
    struct mtr_config_poller poller;
    struct mtr_config_query query;
    struct mtr_config_limits limits;
    struct mtr_config_security security;
    struct mtr_config_backup backup;
    struct mtr_config_logline logline;
    struct mtr_arena arena; /* owns the text above */
};

/* The rows, for references and tests. */
extern const struct mtr_field mtr_config_fields[];

/* Reads `path` (NULL: METERD_CONFIG of the environment, else /etc/meterd/meterd.yaml when it exists, else
 * defaults only), then `environment` ("NAME=value" strings, NULL-terminated; may be NULL), then `settings`
 * ("section.key=value", NULL-terminated; may be NULL). Checks every range and the relations between rows
 * (lateness <= dedup_window <= retention). Findings carry the input's name in *input_name (borrowed from
 * config). The caller releases *out in any case. MTR_EINVALID when a finding is an error; MTR_ENOTFOUND
 * when path cannot be read. */
int config_load(const char *path, char *const *environment, const char *const *settings,
                struct mtr_config *out, const char **input_name,
                struct mtr_diagnostics *findings) MTR_MUST_USE;
void config_release(struct mtr_config *config);

/* Calls on_key for every key whose value differs; of a group within a section it is "group.key". */
void config_compare(const struct mtr_config *before, const struct mtr_config *after,
                    void (*on_key)(void *context, const char *section, const char *key), void *context);

#endif
