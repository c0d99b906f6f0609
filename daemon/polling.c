/*
 * The poller on the loop: its clock, its requests by the HTTP client, its work on the pool, its parts by the
 * intake.
 *
 *   timer, catalog ─▶ step        client ─▶ on_piece, on_answer ─▶ step
 *                                 pool ─▶ on_worked ─▶ step
 *   writer ─▶ committed list ─▶ wakeup ─▶ on_committed ─▶ step
 *
 * Loop's thread, but where daemon.h says otherwise; whoever is in the poller holds `state`.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "daemon/alarm_messages.h"
#include "daemon/daemon.h"
#include "daemon/metrics.h"
#include "meterd/collector/poller.h"
#include "meterd/core/cond.h"
#include "meterd/core/logline.h"
#include "meterd/core/time.h"
#include "meterd/net/crypto.h"

enum {
    CONTROL_WAIT_S = 10,
    LOOK_MOST_MS = 5000, /* a clock that leaps, or a machine that slept, wakes no timer */
    CONNECT_TIMEOUT_MS = 10000, SLOW_BYTES_PER_S = 1, SLOW_S = 60,
    DRY_BYTES_MAX = 128 << 20, /* of the rows of dry runs */
    PATH_BYTES = 4096
};

struct polling {
    struct mtr_daemon *daemon;
    struct mtr_poller *poller;
    struct mtr_http_client *client;
    struct alarm_messages *alarms; /* NULL: nobody is to be told */
    struct mtr_blocking *blocking; /* files that may hang */
    struct mtr_timer *timer;
    struct mtr_wakeup *woken; /* the catalog changed, or parts were committed */
    pthread_mutex_t state;    /* recursive: a cancelled request is answered from inside */
    pthread_mutex_t mutex;    /* of the list, and of the file */
    pthread_cond_t answered;     /* with `state`: something that an operator said is durable, or not */
    struct mtr_request *committed, **committed_last;
    struct mtr_given_file *given;
    bool is_given_begun, is_given_done;
    pthread_cond_t given_done;
    bool is_started, is_failed, is_draining;
    bool is_cancelling; /* for the poller: the answer comes from inside it, where no step may begin */
    void (*on_idle)(void *context);
    void *idle_context;
    atomic_uint_fast64_t applied_seq;
    struct mtr_poller_totals told; /* to the metrics */
};

/* A request under way, or work on the pool. */
struct transfer {
    struct polling *polling;
    struct mtr_poll *poll;
    struct mtr_http_transfer *transfer;
};

static void step(struct polling *polling);

/* ---- requests ---- */

static int on_piece(void *context, const struct mtr_http_answer *answer, struct mtr_str piece)
{
    const struct transfer *transfer = context;
    return mtr_poller_on_piece(transfer->poll, answer, piece);
}

static void on_answer(void *context, struct mtr_http_answer *answer)
{
    struct transfer *transfer = context;
    struct polling *polling = transfer->polling;
    pthread_mutex_lock(&polling->state);
    mtr_poller_set_handle(transfer->poll, NULL);
    mtr_poller_on_answer(transfer->poll, answer, clock_now_us(transfer->polling->daemon));
    pthread_mutex_unlock(&polling->state);
    free(transfer);
    if (!polling->is_cancelling) step(polling);
}

static int send(void *context, struct mtr_poll *poll, const struct mtr_http_call *call)
{
    struct polling *polling = context;
    struct transfer *transfer = malloc(sizeof(*transfer));
    if (!transfer) return MTR_ENOMEM;
    *transfer = (struct transfer){.polling = polling, .poll = poll};
    struct mtr_http_call request = *call;
    request.on_piece = on_piece;
    request.slow_bytes_per_s = SLOW_BYTES_PER_S;
    request.slow_s = SLOW_S;
    int rc = mtr_http_client_send(polling->client, &request, on_answer, transfer, &transfer->transfer);
    if (rc)
        free(transfer);
    else
        mtr_poller_set_handle(poll, transfer);
    return rc;
}

static void resume(void *context, struct mtr_poll *poll)
{
    const struct transfer *transfer = mtr_poller_handle(poll);
    (void)context;
    if (transfer) mtr_http_transfer_resume(transfer->transfer);
}

static void cancel(void *context, struct mtr_poll *poll)
{
    struct polling *polling = context;
    const struct transfer *transfer = mtr_poller_handle(poll);
    if (!transfer) return;
    const bool was_cancelling = polling->is_cancelling;
    polling->is_cancelling = true;
    mtr_http_transfer_cancel(transfer->transfer);
    polling->is_cancelling = was_cancelling;
    mtr_timer_start(polling->timer, 1, 0);
}

/* ---- work on the pool ---- */

static void do_work(void *context)
{
    const struct transfer *work = context;
    mtr_poller_do_work(work->polling->poller, work->poll);
}

static void on_worked(void *context)
{
    struct transfer *work = context;
    struct polling *polling = work->polling;
    pthread_mutex_lock(&polling->state);
    mtr_poller_on_worked(polling->poller, work->poll, clock_now_us(polling->daemon));
    pthread_cond_broadcast(&polling->answered);
    pthread_mutex_unlock(&polling->state);
    free(work);
    step(polling);
}

static int queue_work(void *context, struct mtr_poll *poll)
{
    struct polling *polling = context;
    struct transfer *work = malloc(sizeof(*work));
    if (!work) return MTR_ENOMEM;
    *work = (struct transfer){.polling = polling, .poll = poll};
    int rc = mtr_loop_queue_work(polling->daemon->loop, do_work, on_worked, work);
    if (rc) free(work);
    return rc;
}

static void on_apart(struct mtr_blocking_job *job, void *context)
{
    struct polling *polling = context;
    pthread_mutex_lock(&polling->state);
    mtr_poller_on_apart(polling->poller, job, clock_now_us(polling->daemon));
    pthread_mutex_unlock(&polling->state);
    step(polling);
}

static void run_apart(void *context, struct mtr_blocking_job *job)
{
    struct polling *polling = context;
    job->on_done = on_apart;
    job->context = polling;
    mtr_blocking_start(polling->blocking, job);
}

/* ---- parts ---- */

static int submit(void *context, struct mtr_request *request)
{
    struct polling *polling = context;
    struct mtr_daemon *daemon = polling->daemon;
    int rc = mtr_intake_submit(daemon->intake, request);
    if (!rc) stage_poke(daemon->writer_stage);
    return rc;
}

void polling_on_committed(struct polling *polling, struct mtr_request *request)
{
    pthread_mutex_lock(&polling->mutex);
    request->next = NULL;
    *polling->committed_last = request;
    polling->committed_last = &request->next;
    pthread_mutex_unlock(&polling->mutex);
    mtr_wakeup_send(polling->woken);
}

static struct mtr_request *take_committed(struct polling *polling)
{
    pthread_mutex_lock(&polling->mutex);
    struct mtr_request *first = polling->committed;
    polling->committed = NULL;
    polling->committed_last = &polling->committed;
    pthread_mutex_unlock(&polling->mutex);
    return first;
}

/* ---- files that are given ---- */

static void on_given(struct mtr_given_file *file)
{
    struct polling *polling = file->context;
    pthread_mutex_lock(&polling->mutex);
    polling->is_given_done = true;
    pthread_cond_signal(&polling->given_done);
    pthread_mutex_unlock(&polling->mutex);
}

/* Hands it to the poller, once. */
static void take_given(struct polling *polling)
{
    pthread_mutex_lock(&polling->mutex);
    struct mtr_given_file *file = polling->is_given_begun ? NULL : polling->given;
    polling->is_given_begun = polling->given != NULL;
    pthread_mutex_unlock(&polling->mutex);
    if (!file) return;
    if (!mtr_poller_give(polling->poller, file)) abort(); /* one at a time: polling_give */
}

bool polling_give(struct polling *polling, struct mtr_given_file *file)
{
    file->context = polling;
    file->on_done = on_given;
    pthread_mutex_lock(&polling->mutex);
    const bool is_free = !polling->given;
    if (is_free) {
        polling->given = file;
        polling->is_given_begun = polling->is_given_done = false;
        mtr_wakeup_send(polling->woken);
        while (!polling->is_given_done) pthread_cond_wait(&polling->given_done, &polling->mutex);
        polling->given = NULL;
    }
    pthread_mutex_unlock(&polling->mutex);
    return is_free;
}

static void on_woken(void *context)
{
    struct polling *polling = context;
    struct mtr_request *request = take_committed(polling), *next;
    pthread_mutex_lock(&polling->state);
    for (; request; request = next) {
        next = request->next;
        mtr_poller_on_committed(polling->poller, request, clock_now_us(polling->daemon));
    }
    take_given(polling);
    pthread_cond_broadcast(&polling->answered);
    pthread_mutex_unlock(&polling->state);
    step(polling);
}

void polling_catalog_changed(struct polling *polling) { mtr_wakeup_send(polling->woken); }

/* ---- time ---- */

static void nonce(void *context, uint8_t out[MTR_POLLER_NONCE_BYTES])
{
    (void)context;
    if (mtr_random_bytes(out, MTR_POLLER_NONCE_BYTES)) abort(); /* a signature must not be foreseen */
}

static void tell(void *context, bool is_alarm, struct mtr_str source, const char *text)
{
    (void)context;
    mtr_logline(is_alarm ? MTR_LEVEL_WARNING : MTR_LEVEL_INFO, "poller", "source=%.*s %s",
                MTR_STR_ARGS(source), text);
}

static void on_alarm(void *context, const struct mtr_alarm_change *change)
{
    struct polling *polling = context;
    if (polling->alarms && !polling->is_draining) alarm_messages_add(polling->alarms, change);
}

static void tell_idle(struct polling *polling)
{
    if (!polling->is_draining || !polling->on_idle || !mtr_poller_is_idle(polling->poller)) return;
    void (*on_idle)(void *) = polling->on_idle;
    polling->on_idle = NULL;
    on_idle(polling->idle_context);
}

static void fail(struct polling *polling, int error)
{
    mtr_logline(MTR_LEVEL_ERROR, "poller",
                "cannot go on: %s; delete the directory intake/ when it is damaged: it is made anew",
                mtr_error_text(error));
    polling->is_failed = true;
    mtr_metric_set(&metric_poller_failed, 1);
    mtr_poller_stop(polling->poller, "the poller does not run any more: see the daemon's log");
}

static void step(struct polling *polling)
{
    int64_t now_us = clock_now_us(polling->daemon), next_us = INT64_MAX;
    if (!polling->is_started) return;
    pthread_mutex_lock(&polling->state);
    struct mtr_catalog *catalog = mtr_catalog_store_snapshot(polling->daemon->catalog_store);
    int rc = mtr_poller_step(polling->poller, catalog, now_us, &next_us);
    mtr_catalog_release(catalog);
    if (polling->is_failed || (rc != MTR_EFULL && retries_step(polling->daemon, DAEMON_POLLER, rc))) {
        next_us = now_us + MTR_US_PER_SECOND;
    } else if (rc) {
        fail(polling, rc);
        next_us = now_us; /* what was under way comes to its end */
    }
    atomic_store(&polling->applied_seq, mtr_poller_applied_seq(polling->poller));
    metrics_count_readings(mtr_poller_totals(polling->poller), &polling->told);
    pthread_mutex_unlock(&polling->state);
    const int64_t wait_ms = mtr_time_later(next_us - now_us, 0) / 1000 + 1;
    if (!polling->is_draining && next_us != INT64_MAX)
        mtr_timer_start(polling->timer, (uint64_t)mtr_time_sooner(wait_ms, LOOK_MOST_MS), 0);
    tell_idle(polling);
}

static void on_timer(void *context) { step(context); }

static bool has_room(void *context)
{
    const struct polling *polling = context;
    return !atomic_load(&polling->daemon->disk_full) && mtr_intake_has_room(polling->daemon->intake);
}

/* ---- opening and closing ---- */

static int open_parts(struct polling *polling, const char *directory, const uint8_t *event_key)
{
    char pages[PATH_BYTES], tokens[PATH_BYTES];
    const struct mtr_config_poller *config = &((const struct mtr_config *)polling->daemon->config)->poller;
    const struct mtr_http_client_options client = {.transfers_max = (uint32_t)config->readings_max * 2,
                                                   .connect_timeout_ms = CONNECT_TIMEOUT_MS};
    const struct mtr_poller_hooks hooks = {.context = polling, .send = send, .resume = resume,
                                           .cancel = cancel, .work = queue_work, .apart = run_apart,
                                           .submit = submit, .nonce = nonce, .tell = tell,
                                           .alarm = on_alarm, .has_room = has_room};
    struct mtr_loop *loop = polling->daemon->loop;
    struct mtr_byte_budget *memory = &polling->daemon->receive_memory;
    snprintf(pages, sizeof(pages), "%s/pages", directory);
    snprintf(tokens, sizeof(tokens), "%s/tokens", directory);
    const struct mtr_poller_options options = {.hooks = &hooks,
                                               .log = polling->daemon->log,
                                               .ledger = polling->daemon->ledger,
                                               .event_key = event_key,
                                               .pages = pages,
                                               .tokens = tokens,
                                               .credentials = getenv("CREDENTIALS_DIRECTORY"),
                                               .polls_max = (uint32_t)config->readings_max,
                                               .events_max = 80000,
                                               .allow_loopback = config->allow_loopback,
                                               .allow_private = config->allow_private,
                                               .memory = memory,
                                               .dry_bytes_max = DRY_BYTES_MAX,
                                               .known_us = polling->daemon->config->intake.dedup_window,
                                               .memory_bytes_max = memory->bytes_max / 4 * 3};
    const struct alarm_messages_to to = {config->alarm_url, config->alarm_secret_file};
    int rc = mtr_http_client_open(loop, &client, &polling->client);
    if (!rc) rc = mtr_blocking_open(loop, &polling->blocking);
    if (!rc && to.url.size) rc = alarm_messages_open(loop, polling->blocking, &to, &polling->alarms);
    if (!rc) rc = mtr_timer_open(loop, on_timer, polling, &polling->timer);
    if (!rc) rc = mtr_wakeup_open(loop, false, on_woken, polling, &polling->woken);
    return rc ? rc : mtr_poller_open(&options, &polling->poller);
}

int polling_open(struct mtr_daemon *daemon, const char *directory,
                 const uint8_t event_key[MTR_EVENT_KEY_BYTES], struct polling **out)
{
    struct polling *polling = calloc(1, sizeof(*polling));
    if (!polling) return MTR_ENOMEM;
    polling->daemon = daemon;
    polling->committed_last = &polling->committed;
    pthread_mutexattr_t recursive;
    pthread_mutexattr_init(&recursive);
    pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&polling->state, &recursive);
    pthread_mutexattr_destroy(&recursive);
    pthread_mutex_init(&polling->mutex, NULL);
    pthread_cond_init(&polling->given_done, NULL);
    mtr_cond_init(&polling->answered);
    int rc = open_parts(polling, directory, event_key);
    if (rc)
        polling_close(polling);
    else
        *out = polling;
    return rc;
}

void polling_start(struct polling *polling)
{
    polling->is_started = true;
    step(polling);
}

void polling_drain(struct polling *polling, void (*on_idle)(void *context), void *context)
{
    polling->on_idle = on_idle;
    polling->idle_context = context;
    pthread_mutex_lock(&polling->state);
    polling->is_draining = true;
    pthread_cond_broadcast(&polling->answered);
    mtr_poller_stop(polling->poller, "meterd is stopping: give it again later");
    pthread_mutex_unlock(&polling->state);
    step(polling);
    if (!polling->is_started) tell_idle(polling);
}

void polling_close(struct polling *polling)
{
    if (!polling) return;
    mtr_poller_close(polling->poller);
    mtr_blocking_close(polling->blocking);
    mtr_http_client_close(polling->client);
    alarm_messages_close(polling->alarms);
    mtr_timer_close(polling->timer);
    mtr_wakeup_close(polling->woken);
    pthread_mutex_destroy(&polling->state);
    pthread_mutex_destroy(&polling->mutex);
    pthread_cond_destroy(&polling->given_done);
    pthread_cond_destroy(&polling->answered);
    free(polling);
}

void polling_hold(struct polling *polling, bool is_held)
{
    pthread_mutex_lock(&polling->state);
    mtr_poller_hold(polling->poller, is_held);
    pthread_mutex_unlock(&polling->state);
    if (!is_held) mtr_wakeup_send(polling->woken);
}

bool polling_is_reading(void *context, const struct mtr_strand *source)
{
    struct polling *polling = context;
    pthread_mutex_lock(&polling->state);
    const bool is_reading = mtr_poller_is_reading(polling->poller, source);
    pthread_mutex_unlock(&polling->state);
    return is_reading;
}

void polling_allow(struct polling *polling, bool loopback, bool private_ranges)
{
    mtr_poller_allow(polling->poller, loopback, private_ranges);
}

bool polling_has_failed(const struct polling *polling) { return polling->is_failed; }

uint64_t polling_applied_seq(struct polling *polling) { return atomic_load(&polling->applied_seq); }

bool polling_status(struct polling *polling, const struct mtr_source *source, struct mtr_source_status *out)
{
    pthread_mutex_lock(&polling->state);
    const bool is_known = mtr_poller_status(polling->poller, source->vendor, source->key, out);
    pthread_mutex_unlock(&polling->state);
    return is_known;
}

int polling_ask(struct polling *polling, const struct mtr_strand *strand, struct mtr_window range,
                bool is_trial, const char **fault)
{
    pthread_mutex_lock(&polling->state);
    int rc = mtr_poller_ask(polling->poller, strand, range, is_trial, fault);
    pthread_mutex_unlock(&polling->state);
    if (!rc) mtr_wakeup_send(polling->woken);
    return rc;
}

bool polling_asked(struct polling *polling, const struct mtr_strand *strand, struct mtr_poller_asked *out)
{
    pthread_mutex_lock(&polling->state);
    const bool is_known = mtr_poller_asked(polling->poller, strand, out);
    pthread_mutex_unlock(&polling->state);
    return is_known;
}

void polling_look(struct polling *polling, void (*look)(struct mtr_poller *poller, void *context),
                  void *context)
{
    pthread_mutex_lock(&polling->state);
    look(polling->poller, context);
    pthread_mutex_unlock(&polling->state);
}

/* The state is held. The pool's thread waits for writer and loop alone, never for the pool. */
static int wait_until_told(struct polling *polling, uint64_t ticket, const struct timespec *until)
{
    int error = 0, rc = 0;
    while (!rc && !mtr_poller_controlled(polling->poller, ticket, &error))
        rc = pthread_cond_timedwait(&polling->answered, &polling->state, until);
    return rc ? MTR_EAGAIN : error;
}

/* One at a time: what another was told is folded first. */
static int control_in_turn(struct polling *polling, const struct mtr_source_control *control,
                           const struct timespec *until, uint64_t *ticket, const char **fault)
{
    int late = 0, rc;
    do
        rc = mtr_poller_control(polling->poller, control, clock_now_us(polling->daemon), ticket, fault);
    while (rc == MTR_EAGAIN && !polling->is_draining && !late &&
           !(late = pthread_cond_timedwait(&polling->answered, &polling->state, until)));
    return rc;
}

int polling_control(struct polling *polling, const struct mtr_source_control *control, const char **fault)
{
    struct timespec until;
    uint64_t ticket;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += CONTROL_WAIT_S;
    pthread_mutex_lock(&polling->state);
    int rc = control_in_turn(polling, control, &until, &ticket, fault);
    if (!rc) {
        *fault = "the log takes longer than usual: ask how the source stands, and try again";
        rc = wait_until_told(polling, ticket, &until);
    }
    pthread_mutex_unlock(&polling->state);
    return rc;
}
