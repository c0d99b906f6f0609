/*
 * The queue of messages, and the one that is on its way; see alarm_messages.h.
 *
 * Invariant: the message at `first` is the one that is sent, until it is taken or given up.
 */
#include "daemon/alarm_messages.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/metrics.h"
#include "meterd/core/hash.h"
#include "meterd/core/json_writer.h"
#include "meterd/core/logline.h"
#include "meterd/core/time.h"
#include "meterd/net/crypto.h"
#include "meterd/net/http_client.h"

enum {
    BODY_BYTES_MAX = 8 << 10,
    ANSWER_BYTES_MAX = 64 << 10,
    TIMEOUT_MS = 15000,
    WAIT_FIRST_MS = 1000,
    WAIT_MOST_MS = 300000,
    READ_MS = 10000, /* longer than that is told */
    ID_BYTES = 64,
    SECRET_BYTES_MAX = 512
};
enum { DELIVERED, RETRIED, DROPPED }; /* choices of the metric's label */

struct message {
    char id[ID_BYTES];
    struct mtr_buffer body;
};

/* The secret's file, read apart: it has all with it that it takes. */
struct secret_read {
    struct mtr_blocking_job job; /* first */
    char text[SECRET_BYTES_MAX];
    size_t size; /* 0: it cannot be read, or is too long */
    char path[];
};

struct alarm_messages {
    char *url, *secret_file;
    struct mtr_blocking *blocking;
    struct mtr_http_client *client;
    struct mtr_timer *timer;
    struct message items[ALARM_MESSAGES_MAX]; /* a ring */
    uint32_t first, count;
    uint64_t made;
    uint32_t wait_ms;
    bool is_sending, is_waiting, is_closing;
    bool is_reading; /* the secret, before it is sent: is_sending, too */
};

static void send_first(struct alarm_messages *messages);

static void drop_first(struct alarm_messages *messages)
{
    mtr_buffer_release(&messages->items[messages->first].body);
    messages->first = (messages->first + 1) % ALARM_MESSAGES_MAX;
    messages->count--;
}

static void go_on(struct alarm_messages *messages)
{
    messages->wait_ms = 0;
    if (messages->count) send_first(messages);
}

static void wait_and_try(struct alarm_messages *messages, const char *why)
{
    uint32_t *wait_ms = &messages->wait_ms;
    *wait_ms = !*wait_ms ? WAIT_FIRST_MS : 2 * *wait_ms < WAIT_MOST_MS ? 2 * *wait_ms : WAIT_MOST_MS;
    mtr_metric_add_choice(&metric_alarm_messages, RETRIED, 1);
    mtr_logline(MTR_LEVEL_WARNING, "poller",
                "an alarm is not delivered to poller.alarm_url, it is tried again in %" PRIu32 " s: %s",
                *wait_ms / 1000, why);
    messages->is_waiting = true;
    mtr_timer_start(messages->timer, *wait_ms, 0);
}

static void on_timer(void *context)
{
    struct alarm_messages *messages = context;
    if (messages->is_reading) {
        mtr_logline(MTR_LEVEL_WARNING, "poller",
                    "alarms wait for poller.alarm_secret_file, which takes longer than 10 seconds: is the "
                    "disk or the mount there on which it stands?");
        return;
    }
    if (!messages->is_waiting) return; /* the secret came in time */
    messages->is_waiting = false;
    if (messages->count) send_first(messages);
}

/* ---- sending ---- */

/* No repetition makes it another: the message itself is not wanted. */
static bool is_refused(unsigned status)
{
    return status == 400 || status == 410 || status == 413 || status == 415 || status == 422;
}

static void on_answer(void *context, struct mtr_http_answer *answer)
{
    struct alarm_messages *messages = context;
    const bool is_fine = !answer->error && answer->status >= 200 && answer->status < 300;
    char why[MTR_HTTP_REASON_BYTES + 32];
    messages->is_sending = false;
    if (messages->is_closing) return;
    snprintf(why, sizeof(why), answer->error ? "%s" : "it answers %s%u", answer->error ? answer->reason : "",
             answer->status);
    if (!is_fine && (answer->error || !is_refused(answer->status))) {
        wait_and_try(messages, why);
        return;
    }
    if (!is_fine) mtr_logline(MTR_LEVEL_WARNING, "poller", "poller.alarm_url refuses an alarm: %s", why);
    mtr_metric_add_choice(&metric_alarm_messages, is_fine ? DELIVERED : DROPPED, 1);
    drop_first(messages);
    go_on(messages);
}

static void drop_read(struct mtr_blocking_job *job)
{
    struct secret_read *secret = (struct secret_read *)job;
    explicit_bzero(secret->text, sizeof(secret->text));
    free(secret);
}

static void do_read(struct mtr_blocking_job *job)
{
    struct secret_read *secret = (struct secret_read *)job;
    const int fd = open(secret->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return;
    const ssize_t got = pread(fd, secret->text, SECRET_BYTES_MAX, 0);
    close(fd);
    size_t size = got > 0 ? (size_t)got : 0;
    while (size > 0 && (secret->text[size - 1] == '\n' || secret->text[size - 1] == '\r')) size--;
    secret->size = size < SECRET_BYTES_MAX ? size : 0;
}

static int sign(struct mtr_str secret, const struct message *message, int64_t now_s,
                char out[MTR_WEBHOOK_SIGNATURE_BYTES])
{
    struct mtr_webhook *webhook = NULL;
    int rc = secret.size ? mtr_webhook_open(secret, &webhook) : MTR_EINVALID;
    if (!rc)
        rc = mtr_webhook_sign(webhook, mtr_str_from(message->id), now_s, mtr_buffer_str(&message->body), out);
    mtr_webhook_close(webhook);
    return rc;
}

/* secret: where there is a file of it. */
static void send_signed(struct alarm_messages *messages, struct mtr_str secret)
{
    const struct message *message = &messages->items[messages->first];
    const int64_t now_s = mtr_clock_wall_us() / MTR_US_PER_SECOND;
    char timestamp[24], signature[MTR_WEBHOOK_SIGNATURE_BYTES] = "";
    if (messages->secret_file && sign(secret, message, now_s, signature)) {
        wait_and_try(messages, "poller.alarm_secret_file cannot be read, or holds no webhook secret");
        return;
    }
    snprintf(timestamp, sizeof(timestamp), "%" PRId64, now_s);
    const struct mtr_http_header headers[] = {
        {MTR_STR("content-type"), MTR_STR("application/cloudevents+json")},
        {MTR_STR("webhook-id"), mtr_str_from(message->id)},
        {MTR_STR("webhook-timestamp"), mtr_str_from(timestamp)},
        {MTR_STR("webhook-signature"), mtr_str_from(signature)},
    };
    const struct mtr_http_call call = {.method = "POST",
                                       .url = messages->url,
                                       .headers = headers,
                                       .header_count = messages->secret_file ? 4 : 3,
                                       .body = mtr_buffer_str(&message->body),
                                       .timeout_ms = TIMEOUT_MS,
                                       .answer_bytes_max = ANSWER_BYTES_MAX,
                                       .allow_loopback = true, /* the operator's own configuration */
                                       .allow_private = true};
    int rc = mtr_http_client_send(messages->client, &call, on_answer, messages, NULL);
    messages->is_sending = !rc;
    if (rc) wait_and_try(messages, mtr_error_text(rc));
}

static void on_read(struct mtr_blocking_job *job, void *context)
{
    struct alarm_messages *messages = context;
    const struct secret_read *read = (const struct secret_read *)job;
    messages->is_reading = messages->is_sending = false;
    send_signed(messages, (struct mtr_str){read->text, read->size});
    drop_read(job);
}

static int read_secret(struct alarm_messages *messages)
{
    const size_t size = strlen(messages->secret_file) + 1;
    struct secret_read *read = calloc(1, sizeof(*read) + size);
    if (!read) return MTR_ENOMEM;
    memcpy(read->path, messages->secret_file, size);
    read->job = (struct mtr_blocking_job){.lane = mtr_str_from("poller.alarm_secret_file"),
                                          .lane_jobs_max = 1,
                                          .work = do_read,
                                          .on_done = on_read,
                                          .drop = drop_read,
                                          .context = messages};
    messages->is_reading = messages->is_sending = true;
    mtr_timer_start(messages->timer, READ_MS, 0);
    mtr_blocking_start(messages->blocking, &read->job);
    return MTR_OK;
}

static void send_first(struct alarm_messages *messages)
{
    MTR_ASSERT(messages->count && !messages->is_sending && !messages->is_waiting);
    if (!messages->secret_file) send_signed(messages, (struct mtr_str){NULL, 0});
    else if (read_secret(messages)) wait_and_try(messages, mtr_error_text(MTR_ENOMEM));
}

/* ---- messages ---- */

static int write_body(const struct mtr_alarm_change *change, struct message *message)
{
    struct mtr_json_writer json;
    mtr_json_begin(&json, &message->body);
    mtr_json_map(&json);
    mtr_json_named_text(&json, "specversion", MTR_STR("1.0"));
    mtr_json_named_text(&json, "id", mtr_str_from(message->id));
    mtr_json_named_text(&json, "source", MTR_STR("meterd"));
    mtr_json_named_text(&json, "type",
                        change->is_raised ? MTR_STR("meterd.source.alarm.raised")
                                          : MTR_STR("meterd.source.alarm.cleared"));
    mtr_json_named_text(&json, "subject", change->source);
    mtr_json_name(&json, "time");
    mtr_json_time(&json, change->now_us);
    mtr_json_named_text(&json, "datacontenttype", MTR_STR("application/json"));
    mtr_json_name(&json, "data");
    mtr_json_map(&json);
    mtr_json_named_text(&json, "vendor", change->vendor);
    mtr_json_named_text(&json, "source", change->source);
    if (change->each.size) mtr_json_named_text(&json, "each", change->each);
    mtr_json_named_text(&json, "alarm", mtr_str_from(mtr_alarm_name(change->alarm)));
    if (change->is_raised) mtr_json_named_text(&json, "problem", mtr_str_from(change->text));
    mtr_json_name(&json, "since");
    mtr_json_time(&json, change->since_us);
    mtr_json_map_end(&json);
    mtr_json_map_end(&json);
    return mtr_json_finish(&json);
}

/* The one on its way stays: its body is the client's until the answer. */
static void make_room(struct alarm_messages *messages)
{
    if (messages->count < ALARM_MESSAGES_MAX) return;
    struct message *first = &messages->items[messages->first];
    struct message *second = &messages->items[(messages->first + 1) % ALARM_MESSAGES_MAX];
    const struct message moved = *first;
    mtr_metric_add_choice(&metric_alarm_messages, DROPPED, 1);
    mtr_logline(MTR_LEVEL_WARNING, "poller", "%d alarms wait for poller.alarm_url: the oldest is dropped",
                ALARM_MESSAGES_MAX);
    if (messages->is_sending) {
        *first = *second;
        *second = moved;
    }
    drop_first(messages);
}

void alarm_messages_add(struct alarm_messages *messages, const struct mtr_alarm_change *change)
{
    make_room(messages);
    struct message *message = &messages->items[(messages->first + messages->count) % ALARM_MESSAGES_MAX];
    mtr_buffer_init(&message->body, BODY_BYTES_MAX);
    snprintf(message->id, sizeof(message->id), "alarm_%" PRIx64 "_%" PRIx64, (uint64_t)change->now_us,
             ++messages->made);
    if (write_body(change, message)) {
        mtr_buffer_release(&message->body);
        mtr_metric_add_choice(&metric_alarm_messages, DROPPED, 1);
        return;
    }
    messages->count++;
    if (!messages->is_sending && !messages->is_waiting) send_first(messages);
}

/* ---- opening and closing ---- */

int alarm_messages_open(struct mtr_loop *loop, struct mtr_blocking *blocking,
                        const struct alarm_messages_to *to, struct alarm_messages **out)
{
    struct alarm_messages *messages = calloc(1, sizeof(*messages));
    const struct mtr_http_client_options options = {.transfers_max = 1};
    if (!messages) return MTR_ENOMEM;
    messages->blocking = blocking;
    messages->url = mtr_str_copy(to->url);
    if (to->secret_file.size) messages->secret_file = mtr_str_copy(to->secret_file);
    int rc = messages->url && (messages->secret_file || !to->secret_file.size) ? MTR_OK : MTR_ENOMEM;
    if (!rc) rc = mtr_http_client_open(loop, &options, &messages->client);
    if (!rc) rc = mtr_timer_open(loop, on_timer, messages, &messages->timer);
    if (rc)
        alarm_messages_close(messages);
    else
        *out = messages;
    return rc;
}

void alarm_messages_close(struct alarm_messages *messages)
{
    if (!messages) return;
    messages->is_closing = true;
    mtr_http_client_close(messages->client);
    mtr_timer_close(messages->timer);
    while (messages->count) drop_first(messages);
    free(messages->url);
    free(messages->secret_file);
    free(messages);
}
