/*
 * Dropping held events; see held.h.
 *
 *   find ──▶ a void for each, and the note ──▶ the intake, one block ──▶ the fold: quarantine
 *
 * Under the fold's mutex from the look at the rollups until the block is in the log: no step runs and the
 * catalog does not change, so nothing that could count is dropped.
 */
#include "daemon/held/held.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "daemon/daemon.h"
#include "daemon/held/held_found.h"
#include "daemon/metrics.h"
#include "meterd/core/cond.h"
#include "meterd/core/logline.h"
#include "meterd/core/time.h"

enum {
    WAIT_S = 10,       /* for the log */
    SETTLE_WAIT_S = 5, /* for the fold */
    REQUEST_BYTES_MAX = 32 << 20,
    DROP_PROPERTIES = 2,
    NOTE_PROPERTIES_MAX = 8,
    ID_BYTES = 64,
};
#define EXPIRE_EVERY_US (60 * MTR_US_PER_SECOND)

/* On its way through the log, to the writer's thread and back. */
struct dropping {
    struct mtr_request request;
    struct mtr_property why[DROP_PROPERTIES];
    struct mtr_property said[NOTE_PROPERTIES_MAX];
    bool was_left; /* nobody waits any more; under the mutex */
    bool is_over;
    int error;
    uint64_t dropped;
};

void held_begin(struct mtr_daemon *daemon)
{
    struct mtr_daemon_held *held = &daemon->held;
    pthread_mutex_init(&held->mutex, NULL);
    mtr_cond_init(&held->answered);
    mtr_cond_init(&held->folded);
    held->ordered_seq = mtr_log_last_seq(daemon->log);
    pthread_mutex_init(&held->retain_mutex, NULL);
    held->expired_us = held->looked_us = INT64_MIN;
    held->carrying.failed_us = held->carrying.swept_us = INT64_MIN;
}

void held_note_fold(struct mtr_daemon *daemon, const struct mtr_aggregator_result *result,
                    uint64_t catalog_version)
{
    struct mtr_daemon_held *held = &daemon->held;
    held->next_seq = result->next_seq;
    held->catalog_version = catalog_version;
    held->is_behind = result->is_behind;
    pthread_cond_broadcast(&held->folded);
}

static void free_dropping(struct dropping *dropping)
{
    mtr_request_release(&dropping->request);
    free(dropping);
}

/* ---- what is written ---- */

static int set_text(struct mtr_arena *arena, struct mtr_property *property, const char *name,
                    struct mtr_str text)
{
    *property = (struct mtr_property){.name = mtr_str_from(name), .kind = MTR_PROPERTY_STRING};
    return mtr_arena_copy(arena, text, &property->text);
}

static int set_id(struct mtr_arena *arena, struct mtr_event *event, const char *id)
{
    return mtr_arena_copy(arena, mtr_str_from(id), &event->id);
}

static struct mtr_event own_event(const char *type, int64_t now_us)
{
    return (struct mtr_event){.vendor = MTR_STR(MTR_EVENT_VENDOR_OWN),
                              .source = MTR_STR(MTR_EVENT_SOURCE_OWN "held"),
                              .type = mtr_str_from(type),
                              .time_us = now_us};
}

/* Its identity is that of the event that goes: it is dropped once. The time is no part of what it says. */
static int write_drop(struct dropping *dropping, const struct held_found_event *found, int64_t now_us,
                      struct mtr_event *out)
{
    struct mtr_arena *arena = &dropping->request.arena;
    char id[ID_BYTES];
    snprintf(id, sizeof(id), "-%" PRIu64, found->seq);
    *out = own_event(MTR_EVENT_TYPE_DROP, now_us);
    out->disposition = MTR_DISPOSITION_VOID;
    out->target_seq = found->seq;
    out->properties = dropping->why;
    out->property_count = DROP_PROPERTIES;
    int rc = set_id(arena, out, id);
    return rc ? rc : mtr_arena_copy(arena, found->subject, &out->subject);
}

/* What the order named, and what came of it. */
static int write_note(struct dropping *dropping, const struct mtr_held_order *order,
                      const struct held_found *found, int64_t now_us, struct mtr_event *out)
{
    struct mtr_arena *arena = &dropping->request.arena;
    const struct {
        const char *name;
        struct mtr_str text;
    } texts[] = {{"by", order->who},         {MTR_EVENT_PROPERTY_REASON, order->reason},
                 {"vendor", order->vendor},  {"subject", order->subject},
                 {"type", order->type},      {MTR_EVENT_PROPERTY_WHY, mtr_str_from(order->why)}};
    char id[ID_BYTES], before[MTR_TIME_TEXT_BYTES];
    uint32_t count = 0;
    int rc = MTR_OK;
    snprintf(id, sizeof(id), "=%" PRIu64 "-%" PRIu64, found->events[0].seq,
             found->events[found->count - 1].seq);
    for (size_t i = 0; !rc && i < sizeof(texts) / sizeof(*texts); i++)
        if (texts[i].text.size) rc = set_text(arena, &dropping->said[count++], texts[i].name, texts[i].text);
    dropping->said[count++] = (struct mtr_property){.name = MTR_STR("events"),
                                                    .kind = MTR_PROPERTY_NUMBER,
                                                    .number = {.mantissa = found->count}};
    if (order->before_us < MTR_TIME_US_MAX) mtr_time_format(order->before_us, before);
    if (!rc && order->before_us < MTR_TIME_US_MAX)
        rc = set_text(arena, &dropping->said[count++], "received_before", mtr_str_from(before));
    *out = own_event(MTR_EVENT_TYPE_HELD, now_us);
    out->subject = MTR_STR("held");
    out->time_given = true;
    out->disposition = MTR_DISPOSITION_NOTE;
    out->properties = dropping->said;
    out->property_count = count;
    return rc ? rc : set_id(arena, out, id);
}

static int write_request(struct dropping *dropping, const struct mtr_held_order *order,
                         const struct held_found *found, int64_t now_us)
{
    struct mtr_request *request = &dropping->request;
    struct mtr_arena *arena = &request->arena;
    mtr_request_init(request, REQUEST_BYTES_MAX);
    request->events = mtr_arena_calloc(arena, found->count + 1, sizeof(*request->events));
    request->results = mtr_arena_calloc(arena, found->count + 1, sizeof(*request->results));
    if (!request->events || !request->results) return MTR_ENOMEM;
    int rc = set_text(arena, &dropping->why[0], MTR_EVENT_PROPERTY_WHY, mtr_str_from(order->why));
    if (!rc) rc = set_text(arena, &dropping->why[1], MTR_EVENT_PROPERTY_REASON, order->reason);
    for (uint32_t i = 0; !rc && i < found->count; i++)
        rc = write_drop(dropping, &found->events[i], now_us, &request->events[i]);
    if (!rc) rc = write_note(dropping, order, found, now_us, &request->events[found->count]);
    request->vendor = MTR_STR(MTR_EVENT_VENDOR_OWN);
    request->count = found->count + 1;
    request->is_reading = true;
    request->body_bytes = arena->bytes_total;
    request->context = dropping;
    return rc;
}

/* ---- through the log ---- */

bool held_is_of(const struct mtr_request *request)
{
    return request->is_reading && request->count &&
           mtr_str_equal(request->events[0].type, MTR_STR(MTR_EVENT_TYPE_DROP));
}

void held_on_committed(struct mtr_daemon *daemon, struct mtr_request *request)
{
    struct mtr_daemon_held *held = &daemon->held;
    struct dropping *dropping = request->context;
    pthread_mutex_lock(&held->mutex);
    dropping->error = request->error;
    dropping->dropped = request->error ? 0 : request->counts[MTR_RESULT_VOIDED];
    dropping->is_over = true;
    const bool was_left = dropping->was_left;
    pthread_cond_broadcast(&held->answered);
    pthread_mutex_unlock(&held->mutex);
    if (was_left) free_dropping(dropping);
}

/* What came of it. MTR_EAGAIN: nothing yet, and the writer frees it. */
static int wait_for(struct mtr_daemon_held *held, struct dropping *dropping, uint64_t *dropped)
{
    struct timespec until;
    int late = 0;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += WAIT_S;
    pthread_mutex_lock(&held->mutex);
    while (!dropping->is_over && !late)
        late = pthread_cond_timedwait(&held->answered, &held->mutex, &until);
    const bool is_over = dropping->is_over;
    const int rc = is_over ? dropping->error : MTR_EAGAIN;
    *dropped = is_over ? dropping->dropped : 0;
    dropping->was_left = !is_over;
    pthread_mutex_unlock(&held->mutex);
    if (is_over) free_dropping(dropping);
    return rc;
}

static int write_to_log(struct mtr_daemon *daemon, const struct mtr_held_order *order,
                        const struct held_found *found, uint64_t *dropped)
{
    struct dropping *dropping = calloc(1, sizeof(*dropping));
    if (!dropping) return MTR_ENOMEM;
    int rc = write_request(dropping, order, found, clock_now_us(daemon));
    if (!rc) rc = mtr_intake_submit(daemon->intake, &dropping->request);
    if (rc) {
        free_dropping(dropping);
        return rc;
    }
    stage_poke(daemon->writer_stage);
    rc = wait_for(&daemon->held, dropping, dropped);
    daemon->held.ordered_seq = mtr_log_last_seq(daemon->log); /* or later, where nobody knows */
    return rc;
}

/* Has the fold done what the catalog in force says, and what was dropped before? */
static bool is_settled(struct mtr_daemon *daemon)
{
    const struct mtr_daemon_held *held = &daemon->held;
    struct mtr_catalog *catalog = mtr_catalog_store_snapshot(daemon->catalog_store);
    const bool is_known = held->catalog_version == mtr_catalog_version(catalog);
    mtr_catalog_release(catalog);
    return is_known && !held->is_behind && held->next_seq > held->ordered_seq;
}

static void tell(const struct mtr_held_order *order, uint64_t dropped)
{
    enum { BY_ORDER, BY_AGE }; /* choices of the metric's label */
    const bool is_late = mtr_str_equal(mtr_str_from(order->why), MTR_STR(MTR_QUARANTINE_HELD_TOO_LONG));
    mtr_metric_add_choice(&metric_held_dropped, is_late ? BY_AGE : BY_ORDER, dropped);
    mtr_logline(MTR_LEVEL_WARNING, "held",
                "%" PRIu64 " held event%s dropped by %.*s, and will not be billed: %.*s%s", dropped,
                dropped == 1 ? " was" : "s were", MTR_STR_ARGS(order->who), MTR_STR_QUOTED(order->reason));
}

/* Under the fold's mutex. */
static int drop_found(struct mtr_daemon *daemon, const struct mtr_held_order *order, struct mtr_arena *arena,
                      struct mtr_held_dropped *out)
{
    const struct held_stores stores = {daemon->rollups, daemon->log};
    struct held_found found;
    int rc = held_find(&stores, order, arena, &found);
    if (!rc) rc = held_sum(&found, arena, out);
    if (rc || !found.count || order->is_dry_run) return rc;
    rc = write_to_log(daemon, order, &found, &out->events);
    if (out->events) tell(order, out->events);
    return rc;
}

/* A moment, as behind what was dropped before. */
static void wait_until_settled(struct mtr_daemon *daemon)
{
    struct timespec until;
    int late = 0;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += SETTLE_WAIT_S;
    while (!is_settled(daemon) && !late)
        late = pthread_cond_timedwait(&daemon->held.folded, &daemon->fold_mutex, &until);
}

int held_drop(void *context, const struct mtr_held_order *order, struct mtr_arena *arena,
              struct mtr_held_dropped *out)
{
    struct mtr_daemon *daemon = context;
    if (order->is_dry_run) return drop_found(daemon, order, arena, out);
    pthread_mutex_lock(&daemon->fold_mutex);
    wait_until_settled(daemon);
    const int rc = is_settled(daemon) ? drop_found(daemon, order, arena, out) : MTR_EAGAIN;
    pthread_mutex_unlock(&daemon->fold_mutex);
    return rc;
}

/* ---- by age ---- */

/* What was received before this is held for too long, by whichever clock says less. */
static int64_t too_long_before(struct mtr_daemon *daemon)
{
    const struct mtr_trusted_time time = clock_now(daemon);
    return mtr_time_sooner(time.forget_us, time.earliest_us) - daemon->config->intake.held_max_age;
}

static int expire_some(struct mtr_daemon *daemon, struct mtr_arena *arena, bool *has_more)
{
    const struct mtr_held_order order = {.before_us = too_long_before(daemon),
                                         .who = MTR_STR(MTR_EVENT_VENDOR_OWN),
                                         .reason = MTR_STR("it was held for longer than intake.held_max_age"),
                                         .why = MTR_QUARANTINE_HELD_TOO_LONG};
    struct mtr_held_dropped dropped;
    pthread_mutex_lock(&daemon->fold_mutex);
    const int rc = is_settled(daemon) ? drop_found(daemon, &order, arena, &dropped) : MTR_EAGAIN;
    pthread_mutex_unlock(&daemon->fold_mutex);
    *has_more = rc == MTR_EAGAIN || (!rc && dropped.has_more);
    return rc;
}

void held_expire(struct mtr_daemon *daemon)
{
    struct mtr_daemon_held *held = &daemon->held;
    const int64_t now_us = mtr_clock_monotonic_us();
    struct mtr_arena arena;
    bool has_more = false;
    const int64_t every_us = mtr_time_sooner(daemon->config->intake.held_max_age, EXPIRE_EVERY_US);
    if (atomic_load(&daemon->stopping)) return; /* nothing gets into the log any more */
    if (!every_us || (held->expired_us != INT64_MIN && now_us - held->expired_us < every_us)) return;
    mtr_arena_init(&arena, 1 << 16, REQUEST_BYTES_MAX);
    const int rc = expire_some(daemon, &arena, &has_more);
    mtr_arena_release(&arena);
    held->expired_us = has_more ? INT64_MIN : now_us;
    if (rc && rc != MTR_EAGAIN && rc != MTR_EFULL)
        mtr_logline(MTR_LEVEL_WARNING, "held", "what is held for too long cannot be dropped now: %s",
                    mtr_error_text(rc));
}
