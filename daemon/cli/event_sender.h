/*
 * Pushing events to a daemon, request by request, until each has its answer: what `send` and `import` share.
 *
 * A request is sent again after no connection, 429, 503 and `unprocessed`, with growing pauses or as long as
 * Retry-After says. That is safe: what the daemon has stored already is answered `duplicate`. Results are
 * counted; the first problems are printed with their place.
 */
#ifndef METERD_DAEMON_CLI_EVENT_SENDER_H
#define METERD_DAEMON_CLI_EVENT_SENDER_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/cli/progress.h"
#include "meterd/collector/dry_run.h"
#include "meterd/core/document.h"
#include "meterd/core/limits.h"
#include "daemon/cli/client.h"

/* Events that a meter passes over; the last of these stands for all meters for which there is no room. */
struct event_sender_meter {
    char key[MTR_KEY_BYTES_MAX + 1];
    uint64_t events;
};
enum { EVENT_SENDER_METERS_MAX = 32 };

struct event_sender {
    struct mtr_client *client;
    const char *content_type;
    const char *compress;  /* "zstd", "gzip" or "none" */
    uint64_t attempts_max; /* per request */
    uint64_t problems_max; /* printed */
    bool json;
    bool is_dry_run; /* the daemon judges, and stores nothing */
    bool is_forgetful; /* said that not all requests of the dry run are known */
    struct mtr_dry_run *dry_run; /* what the requests before would have stored; NULL: none yet */
    uint64_t problems; /* events refused, here or by the daemon */
    uint64_t counts[MTR_RESULT_COUNT];
    struct event_sender_meter not_counted[EVENT_SENDER_METERS_MAX];
    uint32_t not_counted_meters;
    struct mtr_buffer packed;
    struct cli_progress progress;
};

/* In a file. */
struct event_sender_place {
    uint64_t line;
    uint64_t column; /* from 1; 0: the line says enough */
};

/* One request's events and where they came from. */
struct event_sender_batch {
    struct mtr_str body;
    const char *file;
    const struct event_sender_place *places; /* of each event; NULL: the file is named with its number */
    uint32_t count;                          /* of places */
};

/* Reads --attempts, --errors, --json. An exit code; 0 goes on. `client` is borrowed and may be NULL for a
 * dry run. */
int event_sender_init(struct event_sender *sender, const struct cli_invocation *invocation,
                      struct mtr_client *client, const char *content_type, const char *compress);
void event_sender_release(struct event_sender *sender);
/* 0, or the exit code to leave with: 75 gave up, 1 refused as a whole. Prints why. */
int event_sender_send(struct event_sender *sender, const struct event_sender_batch *batch);
/* An event that is not even sent. */
void event_sender_problem(struct event_sender *sender, const char *file, struct event_sender_place place,
                          enum mtr_finding_code code, const char *field, const char *reason);
/* Prints the counts; `code` is what stopped the pushing, or 0. The command's exit code. */
int event_sender_finish(struct event_sender *sender, int code);

#endif
