/*
 * The running daemon's trusted time (meterd/core/trusted_time.h): where clocks are looked at, and what is
 * said and kept of it.
 *
 *   start          <data>/clock and the log's last receive time, against both clocks
 *   any stage      a look, as often as it steps
 *   fold           the record is written now and then, and at the end
 *   an operator    what is accepted is in the log first (a note), then in force, then in the record
 *
 * Any thread may look: `mutex`. Whatever the wall clock says, nothing here fails for it.
 */
#include "daemon/daemon.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "daemon/metrics.h"
#include "meterd/core/cond.h"
#include "meterd/core/logline.h"
#include "meterd/core/time.h"
#include "meterd/store/clock_record.h"

#define KEEP_EVERY_US (60 * MTR_US_PER_SECOND)
/* From 2020 to 2100: who has nothing but the wall clock believes it there alone. */
#define WALL_FIRST_US (INT64_C(1577836800) * MTR_US_PER_SECOND)
#define WALL_END_US (INT64_C(4102444800) * MTR_US_PER_SECOND)
enum { ACCEPT_WAIT_S = 10, NOTE_BYTES_MAX = 1 << 16, NOTE_PROPERTIES = 3 };

/* The kernel's name of this boot; zeros where it has none. */
static void find_boot(uint8_t boot[MTR_BOOT_BYTES])
{
    char text[64] = "";
    uint32_t digits = 0;
    FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
    memset(boot, 0, MTR_BOOT_BYTES);
    if (!file) return;
    const bool is_read = fgets(text, sizeof(text), file) != NULL;
    fclose(file);
    for (const char *at = text; is_read && *at && digits < 2 * MTR_BOOT_BYTES; at++) {
        if (!isxdigit((unsigned char)*at)) continue;
        const int digit = isdigit((unsigned char)*at) ? *at - '0' : tolower((unsigned char)*at) - 'a' + 10;
        boot[digits / 2] = (uint8_t)(boot[digits / 2] << 4 | digit);
        digits++;
    }
}

static struct mtr_clock_look look(void)
{
    return (struct mtr_clock_look){.wall_us = mtr_clock_wall_us(), .monotonic_us = mtr_clock_uptime_us()};
}

bool clock_begin(struct mtr_trusted_clock *clock, const struct mtr_config *config,
                 const char *data_directory, int64_t log_us)
{
    struct mtr_trusted_past past = {.log_us = log_us};
    const struct mtr_trusted_limits limits = {
        .step_us = config->clock.step,
        .unseen_us = config->clock.unseen,
        .forget_us = config->intake.dedup_window + config->intake.future,
    };
    find_boot(past.boot);
    const int rc = mtr_clock_record_read(data_directory, &past.record);
    if (rc && rc != MTR_ENOTFOUND)
        mtr_logline(MTR_LEVEL_WARNING, "clock", "%s/clock cannot be read (%s): the wall clock is believed",
                    data_directory, mtr_error_text(rc));
    mtr_trusted_begin(clock, &limits, &past, look());
    return past.record.now_us > 0;
}

static void say(const struct mtr_trusted_time *time)
{
    char now[MTR_TIME_TEXT_BYTES], wall[MTR_TIME_TEXT_BYTES];
    const bool is_ahead = time->state == MTR_CLOCK_AHEAD;
    mtr_time_format(time->now_us, now);
    mtr_time_format(mtr_trusted_wall_us(*time), wall);
    if (time->state == MTR_CLOCK_BELIEVED)
        mtr_logline(MTR_LEVEL_INFO, "clock", "the machine's clock is believed: it is %s", now);
    else
        mtr_logline(MTR_LEVEL_WARNING, "clock",
                    "the machine's clock says %s, %s %s: it is not believed; events are accepted, and "
                    "billing periods open and close by the earlier of both (meterd clock)",
                    wall, is_ahead ? "but time can have come no further than" : "but it is at least", now);
}

/* Under the mutex. */
static void note(struct mtr_daemon_clock *clock)
{
    const enum mtr_clock_state state = clock->trusted.time.state;
    mtr_metric_set(&metric_clock_held, state != MTR_CLOCK_BELIEVED);
    if (state == clock->told) return;
    clock->told = state;
    say(&clock->trusted.time);
}

struct mtr_trusted_time clock_now(void *context)
{
    struct mtr_daemon *daemon = context;
    struct mtr_daemon_clock *clock = &daemon->clock;
    pthread_mutex_lock(&clock->mutex);
    const struct mtr_trusted_time time = mtr_trusted_look(&clock->trusted, look());
    note(clock);
    pthread_mutex_unlock(&clock->mutex);
    return time;
}

int64_t clock_now_us(struct mtr_daemon *daemon)
{
    return clock_now(daemon).now_us;
}

/* What is written is not asked for again before the next start, and without it that one believes the wall
 * clock: a failure is told, and nothing waits for it. */
static void keep(struct mtr_daemon_clock *clock)
{
    pthread_mutex_lock(&clock->keeping);
    pthread_mutex_lock(&clock->mutex);
    const struct mtr_trusted_record record = clock->trusted.record;
    pthread_mutex_unlock(&clock->mutex);
    const int rc = mtr_clock_record_write(clock->directory, &record);
    if (rc && rc != clock->keep_error)
        mtr_logline(MTR_LEVEL_WARNING, "clock", "%s/clock cannot be written: %s", clock->directory,
                    mtr_error_text(rc));
    clock->keep_error = rc;
    clock->kept_us = mtr_clock_monotonic_us();
    pthread_mutex_unlock(&clock->keeping);
}

/* A time at which nobody runs this: billing periods would be closed by it, and no event be taken. */
static int check_wall(const struct mtr_trusted_time *time, struct mtr_diagnostic *diagnostic)
{
    const int64_t wall_us = mtr_trusted_wall_us(*time);
    char text[MTR_TIME_TEXT_BYTES];
    if (wall_us >= WALL_FIRST_US && wall_us < WALL_END_US) return MTR_OK;
    mtr_time_format(mtr_time_sooner(mtr_time_later(wall_us, 0), MTR_TIME_US_MAX - 1), text);
    mtr_diagnostic_set(diagnostic, MTR_FINDING_PROGRAM_CLOCK, 0, 0, NULL,
                       "the machine's clock says %s%s, and there is no record of what time was trusted: set "
                       "the clock, and start again",
                       text, wall_us >= MTR_TIME_US_MAX ? " or later" : "");
    return MTR_EINVALID;
}

int clock_start(struct mtr_daemon *daemon, const char *data_directory, struct mtr_diagnostic *diagnostic)
{
    struct mtr_daemon_clock *clock = &daemon->clock;
    pthread_mutex_init(&clock->mutex, NULL);
    pthread_mutex_init(&clock->keeping, NULL);
    mtr_cond_init(&clock->answered);
    const bool has_record = clock_begin(&clock->trusted, daemon->config, data_directory,
                                        mtr_log_last_received_us(daemon->log));
    int rc = has_record ? MTR_OK : check_wall(&clock->trusted.time, diagnostic);
    if (rc) return rc; /* it is not kept */
    snprintf(clock->directory, sizeof(clock->directory), "%s", data_directory);
    note(clock);
    keep(clock);
    return MTR_OK;
}

void clock_keep(struct mtr_daemon *daemon)
{
    struct mtr_daemon_clock *clock = &daemon->clock;
    pthread_mutex_lock(&clock->keeping);
    const bool is_due = mtr_clock_monotonic_us() - clock->kept_us >= KEEP_EVERY_US;
    pthread_mutex_unlock(&clock->keeping);
    if (is_due) keep(clock);
}

void clock_end(struct mtr_daemon *daemon)
{
    if (!daemon->clock.directory[0]) return; /* the log was not opened, or the clock refused */
    (void)clock_now(daemon);
    keep(&daemon->clock);
}

/* ---- an operator's word ---- */

/* On its way through the log, from the pool's thread to the writer's. */
struct acceptance {
    struct mtr_request request;
    struct mtr_event event;
    struct mtr_event_result result;
    struct mtr_property properties[NOTE_PROPERTIES];
    int64_t wall_us; /* as it was seen */
    bool was_left;   /* nobody waits any more; under the clock's mutex */
    bool is_over;
    int error;
};

static void free_acceptance(struct acceptance *acceptance)
{
    mtr_request_release(&acceptance->request);
    free(acceptance);
}

static int write_text(struct acceptance *acceptance, const char *name, struct mtr_str text)
{
    struct mtr_property *property = &acceptance->properties[acceptance->event.property_count++];
    *property = (struct mtr_property){.name = mtr_str_from(name), .kind = MTR_PROPERTY_STRING};
    return mtr_arena_copy(&acceptance->request.arena, text, &property->text);
}

static int write_time(struct acceptance *acceptance, const char *name, int64_t time_us)
{
    char text[MTR_TIME_TEXT_BYTES];
    mtr_time_format(time_us, text);
    return write_text(acceptance, name, mtr_str_from(text));
}

/* The note: of no vendor, at the time that was trusted until then (docs/formats.md). */
static int write_note(struct acceptance *acceptance, int64_t now_us, struct mtr_str who)
{
    struct mtr_request *request = &acceptance->request;
    char id[32];
    snprintf(id, sizeof(id), "=%" PRIi64, acceptance->wall_us);
    mtr_request_init(request, NOTE_BYTES_MAX);
    acceptance->event = (struct mtr_event){.vendor = MTR_STR(MTR_EVENT_VENDOR_OWN),
                                           .source = MTR_STR(MTR_EVENT_SOURCE_OWN "clock"),
                                           .type = MTR_STR(MTR_EVENT_TYPE_CLOCK),
                                           .subject = MTR_STR("clock"),
                                           .time_us = now_us,
                                           .time_given = true,
                                           .disposition = MTR_DISPOSITION_NOTE,
                                           .properties = acceptance->properties};
    int rc = mtr_arena_copy(&request->arena, mtr_str_from(id), &acceptance->event.id);
    if (!rc) rc = write_text(acceptance, "by", mtr_str_quoted(who, MTR_KEY_BYTES_MAX));
    if (!rc) rc = write_time(acceptance, "was", now_us);
    if (!rc) rc = write_time(acceptance, "accepted", acceptance->wall_us);
    request->vendor = acceptance->event.vendor;
    request->events = &acceptance->event;
    request->results = &acceptance->result;
    request->count = 1;
    request->is_reading = true;
    request->body_bytes = request->arena.bytes_total;
    request->context = acceptance;
    return rc;
}

/* Is it what was seen, a moment later? */
static bool is_still(const struct mtr_daemon_clock *clock, int64_t seen_us)
{
    const int64_t since_us = look().wall_us - seen_us, step_us = clock->trusted.limits.step_us;
    return since_us >= -step_us && since_us <= step_us;
}

void clock_on_committed(struct mtr_daemon *daemon, struct mtr_request *request)
{
    struct mtr_daemon_clock *clock = &daemon->clock;
    struct acceptance *acceptance = request->context;
    pthread_mutex_lock(&clock->mutex);
    acceptance->error = request->error;
    if (!acceptance->error && !is_still(clock, acceptance->wall_us)) acceptance->error = MTR_EINVALID;
    if (!acceptance->error) {
        (void)mtr_trusted_accept(&clock->trusted, look());
        note(clock);
    }
    acceptance->is_over = true;
    const bool was_left = acceptance->was_left;
    pthread_cond_broadcast(&clock->answered);
    pthread_mutex_unlock(&clock->mutex);
    if (was_left) free_acceptance(acceptance);
}

/* What came of it; MTR_EAGAIN: nothing yet, and the writer frees it. */
static int wait_for(struct mtr_daemon_clock *clock, struct acceptance *acceptance)
{
    struct timespec until;
    int late = 0;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ACCEPT_WAIT_S;
    pthread_mutex_lock(&clock->mutex);
    while (!acceptance->is_over && !late)
        late = pthread_cond_timedwait(&clock->answered, &clock->mutex, &until);
    const bool is_over = acceptance->is_over;
    const int rc = is_over ? acceptance->error : MTR_EAGAIN;
    acceptance->was_left = !is_over;
    pthread_mutex_unlock(&clock->mutex);
    if (is_over) free_acceptance(acceptance);
    return rc;
}

int clock_accept(void *context, struct mtr_str who, int64_t wall_us)
{
    struct mtr_daemon *daemon = context;
    struct mtr_daemon_clock *clock = &daemon->clock;
    if (!is_still(clock, wall_us)) return MTR_EINVALID;
    struct acceptance *acceptance = calloc(1, sizeof(*acceptance));
    if (!acceptance) return MTR_ENOMEM;
    acceptance->wall_us = wall_us;
    int rc = write_note(acceptance, clock_now(daemon).now_us, who);
    if (!rc) rc = mtr_intake_submit(daemon->intake, &acceptance->request);
    if (rc) {
        free_acceptance(acceptance);
        return rc;
    }
    stage_poke(daemon->writer_stage);
    rc = wait_for(clock, acceptance);
    if (!rc) keep(clock);
    return rc;
}
