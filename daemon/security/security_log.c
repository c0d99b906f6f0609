/*
 * See security_log.h. The queue's front is written before it is taken out, so that a line that found no room
 * is tried again, and none comes before it.
 */
#include "daemon/security/security_log.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/security/addresses.h"
#include "daemon/security/limits.h"
#include "daemon/stage.h"
#include "meterd/core/json_writer.h"
#include "meterd/core/logline.h"
#include "meterd/core/time.h"
#include "meterd/net/loop.h"
#include "meterd/store/trail.h"

enum { PATH_BYTES = 4200, QUEUE_MAX = 512, STEP_LINES_MAX = 64, IDLE_MS = 1000, PAUSE_MS = 100 };

struct security_log {
    char directory[PATH_BYTES];
    uint64_t bytes_max;
    struct security_addresses *addresses; /* the loop's thread */
    struct mtr_stage_thread *stage;
    /* The thread's. */
    struct mtr_trail *trail; /* NULL: it could not be opened */
    uint32_t file;           /* whose begin was told */
    int error;               /* that was told; 0: lines are written */
    bool is_front_told;      /* to the daemon's log */
    /* Under the mutex. */
    pthread_mutex_t mutex;
    struct security_limits *limits;
    struct api_security_event queue[QUEUE_MAX];
    uint32_t first, count;
    uint64_t dropped; /* since the last line */
    bool is_ending;
};

/* ---- metrics ---- */

#define KIND_CHOICE(name, text, lines, doc) "|" text

struct mtr_metric metric_security_events = {
    .name = "meterd_security_events_total",
    .type = MTR_COUNTER,
    .label = "kind",
    .choices = &("" API_SECURITY_MAP(KIND_CHOICE))[1],
    .doc = "What was told to the security log, those that are only counted there among them.",
};
_Static_assert(API_SECURITY_KIND_END - 1 <= MTR_METRIC_CHOICES_MAX, "each kind has a value");

struct mtr_metric metric_authentication_failures = {
    .name = "meterd_authentication_failures_total",
    .type = MTR_COUNTER,
    .label = "reason",
    .choices = "missing|unknown|disabled|retired",
    .doc = "Calls that were answered 401: without an API key, with an unknown one, or with one that is no "
           "longer good.",
};

struct mtr_metric metric_authorization_refusals = {
    .name = "meterd_authorization_refusals_total",
    .type = MTR_COUNTER,
    .doc = "Calls that were answered 403: the API key is good, and may not do that.",
};

struct mtr_metric metric_security_dropped = {
    .name = "meterd_security_dropped_total",
    .type = MTR_COUNTER,
    .doc = "Lines that the security log lacks, since its queue was full.",
};

struct mtr_metric metric_security_unwritten = {
    .name = "meterd_security_unwritten",
    .type = MTR_GAUGE,
    .doc = "1 while no line can be written to the security log.",
};

static void count(const struct api_security_event *event)
{
    mtr_metric_add_choice(&metric_security_events, (unsigned)event->kind - 1, 1);
    if (event->kind == API_SECURITY_AUTHENTICATION_FAILED)
        mtr_metric_add_choice(&metric_authentication_failures, (unsigned)event->reason, 1);
    if (event->kind == API_SECURITY_AUTHORIZATION_REFUSED) mtr_metric_add(&metric_authorization_refusals, 1);
}

/* ---- the queue ---- */

/* Under the mutex. */
static void drop(struct security_log *log, uint64_t lines)
{
    log->dropped += lines;
    mtr_metric_add(&metric_security_dropped, lines);
}

static void push(struct security_log *log, const struct api_security_event *event)
{
    if (log->count == QUEUE_MAX) {
        drop(log, 1);
        return;
    }
    log->queue[(log->first + log->count) % QUEUE_MAX] = *event;
    log->count++;
}

void security_log_record(void *context, const struct api_security_event *event)
{
    struct security_log *log = context;
    count(event);
    pthread_mutex_lock(&log->mutex);
    const bool is_line = security_limits_take(log->limits, event, mtr_clock_monotonic_us());
    if (is_line) push(log, event);
    pthread_mutex_unlock(&log->mutex);
    if (is_line && log->stage) stage_poke(log->stage);
}

static bool is_new_address(void *context, uint32_t api_key, const char *address)
{
    return security_addresses_is_new(((struct security_log *)context)->addresses, api_key, address);
}

struct api_host_security security_log_hooks(struct security_log *log)
{
    return (struct api_host_security){log, security_log_record, is_new_address};
}

/* The front, which stays; what was counted follows what waits. *dropped: what the line has to say of it. */
static bool get_front(struct security_log *log, struct api_security_event *out, uint64_t *dropped)
{
    pthread_mutex_lock(&log->mutex);
    if (!log->count && security_limits_next(log->limits, mtr_clock_monotonic_us(), log->is_ending, out))
        push(log, out);
    const bool has_one = log->count > 0;
    if (has_one) *out = log->queue[log->first];
    *dropped = log->dropped;
    pthread_mutex_unlock(&log->mutex);
    return has_one;
}

static void take_front(struct security_log *log, uint64_t dropped)
{
    pthread_mutex_lock(&log->mutex);
    log->first = (log->first + 1) % QUEUE_MAX;
    log->count--;
    log->dropped -= dropped;
    pthread_mutex_unlock(&log->mutex);
    log->is_front_told = false;
}

/* ---- lines ---- */

static void write_text(struct mtr_json_writer *json, const char *name, const char *text)
{
    if (text[0]) mtr_json_named_cstr(json, name, text);
}

static int write_line(struct mtr_trail *trail, const struct api_security_event *event, uint64_t dropped)
{
    struct mtr_buffer text;
    struct mtr_json_writer json;
    mtr_buffer_init(&text, MTR_TRAIL_MEMBERS_BYTES_MAX);
    mtr_json_begin(&json, &text);
    mtr_json_map(&json);
    write_text(&json, "key", event->key);
    write_text(&json, "address", event->address);
    write_text(&json, "operation", event->operation);
    if (event->kind == API_SECURITY_AUTHENTICATION_FAILED)
        mtr_json_named_cstr(&json, "reason", api_security_reason_name(event->reason));
    write_text(&json, "object", event->object);
    write_text(&json, "detail", event->detail);
    if (event->status) mtr_json_named_u64(&json, "status", event->status);
    if (event->count) mtr_json_named_u64(&json, "count", event->count);
    if (dropped) mtr_json_named_u64(&json, "dropped", dropped);
    mtr_json_map_end(&json);
    int rc = mtr_json_finish(&json);
    const struct mtr_str whole = mtr_buffer_str(&text);
    if (!rc) /* without its braces */
        rc = mtr_trail_append(trail, event->time_us, api_security_kind_name(event->kind),
                              (struct mtr_str){whole.data + 1, whole.size - 2});
    mtr_buffer_release(&text);
    return rc;
}

/* To the daemon's log. */
static void say(const struct api_security_event *event)
{
    char more[64] = "", who[MTR_KEY_BYTES_MAX + 16] = "";
    if (event->count) snprintf(more, sizeof(more), "; %" PRIu64 " such calls are not told", event->count);
    if (event->key[0]) snprintf(who, sizeof(who), ", API key '%s'", event->key);
    if (event->kind == API_SECURITY_AUTHENTICATION_FAILED)
        mtr_logline(MTR_LEVEL_WARNING, "security", "401 to %s (%s): its API key is %s%s%s", event->address,
                    event->operation, api_security_reason_name(event->reason), who, more);
    else if (event->kind == API_SECURITY_AUTHORIZATION_REFUSED)
        mtr_logline(MTR_LEVEL_WARNING, "security", "403 to %s (%s)%s: %s%s", event->address,
                    event->operation, who, event->detail, more);
}

/* ---- the thread ---- */

static void say_head(const struct security_log *log, const char *when)
{
    char text[MTR_TRAIL_HEAD_TEXT_BYTES];
    const struct mtr_trail_head head = mtr_trail_get_head(log->trail);
    mtr_trail_head_format(&head, text);
    mtr_logline(MTR_LEVEL_INFO, "security", "%s: the head of %s is %s", when, log->directory, text);
}

static void say_found(const struct mtr_trail_found *found)
{
    if (found->torn_bytes)
        mtr_logline(MTR_LEVEL_INFO, "security", "a crash cut the last line, of which %" PRIu64 " bytes went",
                    found->torn_bytes);
    if (found->missing_lines || found->is_changed || found->is_head_missing)
        mtr_logline(MTR_LEVEL_ERROR, "security",
                    "somebody else was at the security log: %" PRIu64 " lines are missing at its end%s%s",
                    found->missing_lines, found->is_changed ? ", the last one was changed" : "",
                    found->is_head_missing ? ", the file head is gone" : "");
}

static int open_trail(struct security_log *log)
{
    struct mtr_trail_found found;
    struct mtr_diagnostic diagnostic;
    if (log->trail) return MTR_OK;
    const int rc = mtr_trail_open(log->directory, log->bytes_max, &log->trail, &found, &diagnostic);
    if (rc) return rc;
    say_found(&found);
    say_head(log, "the security log goes on");
    log->file = mtr_trail_file(log->trail);
    return MTR_OK;
}

/* Once for each error, and when it is over. */
static void note(struct security_log *log, int error)
{
    mtr_metric_set(&metric_security_unwritten, error != 0);
    if (error == log->error) return;
    if (error)
        mtr_logline(MTR_LEVEL_ERROR, "security",
                    "no line can be written to %s (%s): it is tried again, and %d lines can wait",
                    log->directory, mtr_error_text(error), QUEUE_MAX);
    else mtr_logline(MTR_LEVEL_INFO, "security", "%s is written again", log->directory);
    log->error = error;
}

static int write_some(struct security_log *log, uint32_t *written)
{
    struct api_security_event event;
    uint64_t dropped;
    for (*written = 0; *written < STEP_LINES_MAX && get_front(log, &event, &dropped); ++*written) {
        if (!log->is_front_told) say(&event);
        log->is_front_told = true;
        int rc = open_trail(log);
        if (!rc) rc = write_line(log->trail, &event, dropped);
        if (rc) return rc;
        take_front(log, dropped);
    }
    return MTR_OK;
}

static int step(void *context, bool *idle)
{
    struct security_log *log = context;
    uint32_t written;
    int rc = write_some(log, &written);
    if (!rc) rc = open_trail(log); /* also where nothing waits: whether it can be is told */
    if (log->trail) {
        const int synced = mtr_trail_sync(log->trail);
        if (!rc) rc = synced;
    }
    note(log, rc);
    if (log->trail && log->file != mtr_trail_file(log->trail)) {
        log->file = mtr_trail_file(log->trail);
        say_head(log, "the security log has a new file");
    }
    *idle = rc || written < STEP_LINES_MAX;
    return MTR_OK; /* the daemon goes on without */
}

static void on_end(void *context, int error)
{
    (void)context;
    (void)error;
}

/* ---- life ---- */

int security_log_path(const char *data_directory, char *out, size_t size)
{
    const int length = snprintf(out, size, "%s/security", data_directory);
    return length > 0 && (size_t)length < size ? MTR_OK : MTR_EINVALID;
}

int security_log_open(const char *data_directory, uint64_t bytes_max, struct security_log **out)
{
    struct security_log *log = calloc(1, sizeof(*log));
    if (!log) return MTR_ENOMEM;
    pthread_mutex_init(&log->mutex, NULL);
    log->bytes_max = bytes_max;
    int rc = security_log_path(data_directory, log->directory, sizeof(log->directory));
    if (!rc) rc = security_limits_open(&log->limits);
    if (!rc) rc = security_addresses_open(&log->addresses);
    if (rc) {
        security_log_close(log);
        return rc;
    }
    note(log, open_trail(log));
    *out = log;
    return MTR_OK;
}

int security_log_start(struct security_log *log)
{
    static const struct mtr_stage_hooks hooks = {
        .name = "security", .step = step, .on_end = on_end, .idle_ms = IDLE_MS, .pause_ms = PAUSE_MS};
    return stage_start(&hooks, log, &log->stage);
}

/* What the thread left, also where there was none. */
static void finish(struct security_log *log)
{
    bool idle = false;
    while (!idle) (void)step(log, &idle);
    if (log->count || log->dropped)
        mtr_logline(MTR_LEVEL_ERROR, "security", "%" PRIu64 " lines are lost: %s cannot be written",
                    log->dropped + log->count, log->directory);
    if (log->trail) say_head(log, "the security log ends");
}

void security_log_close(struct security_log *log)
{
    if (!log) return;
    if (log->stage) {
        stage_stop(log->stage, false);
        stage_join(log->stage);
        log->stage = NULL;
    }
    log->is_ending = true;
    if (log->limits) finish(log);
    mtr_trail_close(log->trail);
    security_addresses_close(log->addresses);
    security_limits_close(log->limits);
    pthread_mutex_destroy(&log->mutex);
    free(log);
}

int security_log_append(const char *data_directory, uint64_t bytes_max,
                        const struct api_security_event *event)
{
    char path[PATH_BYTES];
    struct mtr_trail *trail = NULL;
    struct mtr_trail_found found;
    struct mtr_diagnostic diagnostic;
    int rc = security_log_path(data_directory, path, sizeof(path));
    if (!rc) rc = mtr_trail_open(path, bytes_max, &trail, &found, &diagnostic);
    if (!rc) rc = write_line(trail, event, 0);
    if (!rc) rc = mtr_trail_sync(trail);
    mtr_trail_close(trail);
    return rc;
}
