/*
 * See trying.h. Invariant: at most one request is out, on the client's way or among the recorded ones.
 */
#include "daemon/trying.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "meterd/core/time.h"
#include "meterd/net/crypto.h"
#include "meterd/net/loop.h"

enum { CONNECT_TIMEOUT_MS = 10000, SLOW_BYTES_PER_S = 1, SLOW_S = 60, PIECE_BYTES = 64 << 10, TURN_MS = 200 };
static const char directory_name[] = "/tmp/meterd-trial-XXXXXX";

struct trying {
    struct trying_options options;
    struct trying_hooks hooks;
    char directory[sizeof(directory_name)];
    struct mtr_trial *trial;
    struct mtr_loop *loop;
    struct mtr_http_client *client;
    struct mtr_timer *timer;
    struct mtr_http_transfer *transfer; /* NULL: none is out */
    int64_t now_us;                     /* of recorded answers */
    struct trying_answer answer;        /* a recorded one on its way */
    bool has_answer, is_missing;
    size_t answer_at; /* of its body, what was taken */
    int64_t waited_us;
    bool has_given_up;
    char problem[MTR_TRIAL_TEXT_BYTES]; /* of the last answer that was none */
};

static bool is_recorded(const struct trying *trying) { return trying->hooks.recorded != NULL; }

int64_t trying_now_us(const struct trying *trying)
{
    return is_recorded(trying) ? trying->now_us : mtr_clock_wall_us();
}

int trying_mask(struct trying *trying, struct mtr_str text, struct mtr_buffer *out)
{
    return mtr_trial_mask(trying->trial, text, out);
}

/* ---- requests ---- */

static int take_piece(struct trying *trying, const struct mtr_http_answer *answer, struct mtr_str piece)
{
    int rc = mtr_trial_on_piece(trying->trial, answer, piece);
    if (!rc && trying->hooks.on_piece) rc = trying->hooks.on_piece(trying->hooks.context, answer, piece);
    return rc;
}

static int on_piece(void *context, const struct mtr_http_answer *answer, struct mtr_str piece)
{
    struct trying *trying = context;
    mtr_loop_stop(trying->loop); /* there may be work */
    return take_piece(trying, answer, piece);
}

static void on_answer(void *context, struct mtr_http_answer *answer)
{
    struct trying *trying = context;
    trying->transfer = NULL;
    mtr_loop_stop(trying->loop);
    mtr_trial_on_answer(trying->trial, answer, mtr_clock_wall_us());
}

static int send_live(struct trying *trying, const struct mtr_http_call *call)
{
    struct mtr_http_call request = *call;
    request.on_piece = on_piece;
    request.slow_bytes_per_s = SLOW_BYTES_PER_S;
    request.slow_s = SLOW_S;
    return mtr_http_client_send(trying->client, &request, on_answer, trying, &trying->transfer);
}

static int send(void *context, const struct mtr_http_call *call, const struct mtr_trial_request *shown)
{
    struct trying *trying = context;
    int rc = is_recorded(trying) ? MTR_OK : send_live(trying, call);
    if (rc) return rc;
    if (trying->hooks.on_request) trying->hooks.on_request(trying->hooks.context, shown);
    if (!is_recorded(trying)) return MTR_OK;
    trying->answer = (struct trying_answer){0};
    trying->is_missing = !trying->hooks.recorded(trying->hooks.context, shown, &trying->answer);
    trying->has_answer = true;
    trying->answer_at = 0;
    return MTR_OK;
}

static void resume(void *context)
{
    struct trying *trying = context;
    if (trying->transfer) mtr_http_transfer_resume(trying->transfer);
}

/* ---- recorded answers ---- */

static void end_recorded(struct trying *trying, int error, const char *reason)
{
    struct mtr_http_answer answer;
    mtr_http_answer_init(&answer);
    answer.status = trying->answer.status;
    answer.error = error;
    snprintf(answer.reason, sizeof(answer.reason), "%s", reason);
    if (mtr_buffer_append_str(&answer.headers, trying->answer.headers) && !error) answer.error = MTR_ENOMEM;
    trying->has_answer = false;
    mtr_trial_on_answer(trying->trial, &answer, trying->now_us);
    mtr_http_answer_release(&answer);
}

static void cancel(void *context)
{
    struct trying *trying = context;
    if (trying->has_answer)
        end_recorded(trying, MTR_ECLOSED, "");
    else if (trying->transfer)
        mtr_http_transfer_cancel(trying->transfer);
}

static void give_recorded(struct trying *trying)
{
    struct mtr_http_answer head;
    int rc = MTR_OK;
    if (trying->is_missing) { /* nobody would answer later, either */
        end_recorded(trying, MTR_EDENIED, "no answer to this request was recorded");
        return;
    }
    mtr_http_answer_init(&head);
    head.status = trying->answer.status;
    rc = mtr_buffer_append_str(&head.headers, trying->answer.headers);
    while (!rc && trying->has_answer && trying->answer_at < trying->answer.body.size) {
        const size_t left = trying->answer.body.size - trying->answer_at;
        const struct mtr_str piece = {trying->answer.body.data + trying->answer_at,
                                      left < PIECE_BYTES ? left : PIECE_BYTES};
        rc = take_piece(trying, &head, piece);
        if (!rc) trying->answer_at += piece.size;
    }
    mtr_http_answer_release(&head);
    if (rc != MTR_EAGAIN && trying->has_answer) end_recorded(trying, rc, rc ? mtr_error_text(rc) : "");
}

/* ---- opening ---- */

static void nonce(void *context, uint8_t out[MTR_TRIAL_NONCE_BYTES])
{
    (void)context;
    if (mtr_random_bytes(out, MTR_TRIAL_NONCE_BYTES)) abort(); /* a signature must not be foreseen */
}

static void on_timer(void *context) { mtr_loop_stop(((struct trying *)context)->loop); }

static int open_loop(struct trying *trying)
{
    const struct mtr_http_client_options client = {.transfers_max = 1,
                                                   .connect_timeout_ms = CONNECT_TIMEOUT_MS};
    int rc = mtr_loop_open(&trying->loop);
    if (!rc) rc = mtr_http_client_open(trying->loop, &client, &trying->client);
    return rc ? rc : mtr_timer_open(trying->loop, on_timer, trying, &trying->timer);
}

static void show_answer(void *context, const struct mtr_trial_answer *answer)
{
    struct trying *trying = context;
    if (answer->error)
        snprintf(trying->problem, sizeof(trying->problem), "%s", answer->reason);
    else if (answer->status >= 400)
        snprintf(trying->problem, sizeof(trying->problem), "HTTP %u%s", answer->status,
                 answer->is_token ? " to the request for a token" : "");
    if (trying->hooks.on_answer) trying->hooks.on_answer(trying->hooks.context, answer);
}

static void show_begin(void *context)
{
    const struct trying *trying = context;
    if (trying->hooks.on_begin) trying->hooks.on_begin(trying->hooks.context);
}

static int show_row(void *context, const struct mtr_trial_row *row)
{
    const struct trying *trying = context;
    return trying->hooks.on_row ? trying->hooks.on_row(trying->hooks.context, row) : MTR_OK;
}

static int open_trial(struct trying *trying, struct mtr_diagnostic *diagnostic)
{
    const struct trying_options *options = &trying->options;
    const struct mtr_trial_hooks hooks = {trying, send,        resume,     cancel,
                                          nonce,  show_answer, show_begin, show_row};
    const struct mtr_trial_options trial = {
        .hooks = &hooks,
        .source = options->source,
        .catalog = options->catalog,
        .directory = trying->directory,
        .ledger = options->ledger,
        .log = options->log,
        .event_key = options->event_key,
        .tokens = options->tokens,
        .credentials = getenv("CREDENTIALS_DIRECTORY"),
        .secret = is_recorded(trying) ? MTR_TRIAL_SECRET_NONE : options->secret,
        .allow_loopback = options->config->poller.allow_loopback,
        .allow_private = options->config->poller.allow_private,
        .future_us = options->config->intake.future,
        .grace_us = options->config->rater.grace,
    };
    return mtr_trial_open(&trial, &trying->trial, diagnostic);
}

int trying_open(const struct trying_options *options, struct trying **out, struct mtr_diagnostic *diagnostic)
{
    *diagnostic = (struct mtr_diagnostic){0};
    struct trying *trying = calloc(1, sizeof(*trying));
    int rc = trying ? MTR_OK : MTR_ENOMEM;
    if (!rc) {
        trying->options = *options;
        trying->hooks = *options->hooks;
        trying->now_us = options->now_us;
        memcpy(trying->directory, directory_name, sizeof(directory_name));
        if (!mkdtemp(trying->directory)) {
            rc = mtr_error_from_errno(errno);
            trying->directory[0] = '\0';
        }
    }
    if (!rc) rc = open_loop(trying);
    if (!rc) rc = open_trial(trying, diagnostic);
    if (!rc) {
        *out = trying;
        return MTR_OK;
    }
    if (!diagnostic->text[0])
        snprintf(diagnostic->text, sizeof(diagnostic->text), "the source cannot be tried: %s",
                 mtr_error_text(rc));
    trying_close(trying);
    return rc;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    (void)status;
    (void)kind;
    (void)place;
    (void)remove(path); /* what cannot be removed stays under /tmp */
    return 0;
}

void trying_close(struct trying *trying)
{
    enum { OPEN_DIRECTORIES = 16 };
    if (!trying) return;
    mtr_trial_close(trying->trial);
    mtr_http_client_close(trying->client);
    mtr_timer_close(trying->timer);
    if (trying->loop) mtr_loop_close(trying->loop);
    if (trying->directory[0]) nftw(trying->directory, remove_one, OPEN_DIRECTORIES, FTW_DEPTH | FTW_PHYS);
    free(trying);
}

/* ---- a reading ---- */

static bool is_stopped(const struct trying *trying)
{
    return trying->options.stops && atomic_load(trying->options.stops);
}

static void wait(struct trying *trying, int64_t next_us)
{
    const int64_t wait_us = next_us - mtr_clock_wall_us();
    const bool is_stoppable = trying->options.stops != NULL;
    uint64_t wait_ms = wait_us > 0 ? (uint64_t)wait_us / 1000 + 1 : 1;
    if (is_stoppable && wait_ms > TURN_MS) wait_ms = TURN_MS;
    if (next_us != INT64_MAX || is_stoppable) mtr_timer_start(trying->timer, wait_ms, 0);
    mtr_loop_run(trying->loop);
}

/* Waits are for tries that failed, and for rates. */
static void wait_long(struct trying *trying, int64_t next_us, int64_t wait_us)
{
    trying->waited_us += wait_us;
    if (trying->waited_us > trying->options.patience_us) {
        trying->has_given_up = true;
        mtr_trial_stop(trying->trial);
        return;
    }
    if (wait_us > MTR_US_PER_SECOND && trying->hooks.on_wait)
        trying->hooks.on_wait(trying->hooks.context, wait_us);
    while (trying_now_us(trying) < next_us && !is_stopped(trying))
        wait(trying, next_us);
}

static void go_on(struct trying *trying)
{
    int64_t next_us;
    trying->waited_us = 0;
    trying->has_given_up = false;
    trying->problem[0] = '\0';
    while (!mtr_trial_step(trying->trial, trying_now_us(trying), &next_us)) {
        if (is_stopped(trying)) mtr_trial_stop(trying->trial);
        const int64_t wait_us = next_us == INT64_MAX ? 0 : next_us - trying_now_us(trying);
        if (trying->has_answer)
            give_recorded(trying);
        else if (is_recorded(trying))
            trying->now_us = next_us > trying->now_us ? next_us : trying->now_us;
        else if (wait_us > 0)
            wait_long(trying, next_us, wait_us);
        else
            wait(trying, next_us);
    }
}

static void say_given_up(const struct trying *trying, struct mtr_trial_report *out)
{
    out->result = MTR_TRIAL_FAILED;
    out->alarm = MTR_ALARM_FAILING;
    snprintf(out->text, sizeof(out->text), "given up after a while of waiting%s%.300s",
             trying->problem[0] ? ": " : "", trying->problem);
}

int trying_read(struct trying *trying, const struct mtr_trial_ask *ask, struct mtr_trial_report *out)
{
    int rc = mtr_trial_begin(trying->trial, ask, trying_now_us(trying));
    if (!rc) {
        go_on(trying);
        mtr_trial_end(trying->trial);
    }
    *out = *mtr_trial_report(trying->trial);
    if (!rc && trying->has_given_up) say_given_up(trying, out);
    return rc;
}
