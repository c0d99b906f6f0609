/*
 * Messages of the outbox go out through the HTTP client on the loop; what came of them goes back to the
 * outbox.
 *
 * The rater's thread hands a message over in send(): it is copied into a struct delivery and queued under a
 * mutex; a wakeup brings it to the loop. Its secrets are read on a thread apart, and then it is signed
 * (timestamp of this moment) and sent. One whose files hang waits, and others go on: it hangs once, and goes
 * out when they can be read. Every taken message gets exactly one result.
 */
#include "meterd/emitter/http_sender.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "meterd/core/logline.h"
#include "meterd/core/time.h"
#include "meterd/net/crypto.h"
#include "meterd/net/http_client.h"
#include "rater/emitter/secret_files.h"

enum {
    RETRY_AFTER_S_MAX = 86400,
    SIGNATURES_BYTES = SECRET_FILES_MAX * MTR_WEBHOOK_SIGNATURE_BYTES,
    READ_S = 10, /* longer than that is told */
};

struct delivery {
    struct delivery *next;
    struct mtr_http_sender *sender;
    char *id;
    char *url;
    char *destination;
    struct secret_files *secrets; /* until they are read; NULL: it is not signed */
    int64_t reading_us;           /* since when they are read, by the monotonic clock */
    bool is_told;                 /* that it takes long */
    uint32_t timeout_ms;
    uint32_t attempt;
    struct mtr_buffer body;
};

struct mtr_http_sender {
    struct mtr_http_sender_options options;
    char *directory; /* of secrets */
    struct secret_places places;
    struct mtr_http_client *client;
    struct mtr_blocking *blocking; /* files that may hang */
    struct mtr_timer *timer;       /* of those that do */
    struct mtr_wakeup *wakeup;
    struct delivery *reading; /* whose secrets are read; the loop's */
    bool is_timing;
    pthread_mutex_t mutex; /* of the queue */
    struct delivery *first, **last;
};

static void delivery_free(struct delivery *delivery)
{
    if (!delivery) return;
    free(delivery->id);
    free(delivery->url);
    free(delivery->destination);
    secret_files_free(delivery->secrets);
    mtr_buffer_release(&delivery->body);
    free(delivery);
}

static struct delivery *delivery_copy(struct mtr_http_sender *sender,
                                      const struct mtr_outbox_message *message)
{
    const struct mtr_destination *destination = message->destination;
    struct delivery *delivery = calloc(1, sizeof(*delivery));
    if (!delivery) return NULL;
    delivery->sender = sender;
    delivery->attempt = message->attempt;
    delivery->timeout_ms = (uint32_t)(destination->timeout_us / 1000);
    mtr_buffer_init(&delivery->body, SIZE_MAX);
    delivery->id = mtr_str_copy(message->id);
    delivery->url = mtr_str_copy(destination->url);
    delivery->destination = mtr_str_copy(destination->key);
    if (destination->secret_count) delivery->secrets = secret_files_of(destination, &sender->places);
    const bool complete = delivery->id && delivery->url && delivery->destination &&
                          (delivery->secrets || !destination->secret_count);
    if (complete && mtr_buffer_append_str(&delivery->body, message->body) == MTR_OK) return delivery;
    delivery_free(delivery);
    return NULL;
}

/* On the rater's thread. */
static int on_send(void *context, const struct mtr_outbox_message *message)
{
    struct mtr_http_sender *sender = context;
    MTR_ASSERT(message->body.size > 0 && message->attempt > 0);
    struct delivery *delivery = delivery_copy(sender, message);
    if (!delivery) return MTR_ENOMEM;
    pthread_mutex_lock(&sender->mutex);
    *sender->last = delivery;
    sender->last = &delivery->next;
    pthread_mutex_unlock(&sender->mutex);
    mtr_wakeup_send(sender->wakeup);
    return MTR_OK;
}

static void report(struct delivery *delivery, const struct mtr_outbox_result *result, const char *reason)
{
    const struct mtr_http_sender_options *options = &delivery->sender->options;
    bool fine = result->outcome == MTR_OUTCOME_ANSWERED && result->status >= 200 && result->status < 300;
    mtr_logline(fine ? MTR_LEVEL_DEBUG : MTR_LEVEL_WARNING, "outbox",
                "%s destination=%s message=%s attempt=%" PRIu32 " status=%" PRId32 "%s%s",
                fine ? "delivered" : "not delivered", delivery->destination, delivery->id, delivery->attempt,
                result->status, *reason ? " reason=" : "", reason);
    options->on_result(options->context, mtr_str_from(delivery->id), result);
    delivery_free(delivery);
}

/* Of what did not leave: what is wrong with the request itself stays so. */
static enum mtr_outbox_outcome outcome_of(int error)
{
    return error == MTR_EINVALID ? MTR_OUTCOME_UNSENDABLE : MTR_OUTCOME_NOT_SENT;
}

static void on_answer(void *context, struct mtr_http_answer *answer)
{
    struct delivery *delivery = context;
    struct mtr_outbox_result result = {.outcome = MTR_OUTCOME_ANSWERED, .status = (int32_t)answer->status};
    struct mtr_str retry_after;
    uint64_t seconds;
    bool answered = answer->error == 0 || answer->error == MTR_ELIMIT;
    if (!answered) result.outcome = answer->was_sent ? MTR_OUTCOME_UNCERTAIN : outcome_of(answer->error);
    if (answered && mtr_http_answer_header(answer, "retry-after", &retry_after) &&
        mtr_str_to_u64(retry_after, &seconds))
        result.retry_after_us =
            (int64_t)(seconds > RETRY_AFTER_S_MAX ? RETRY_AFTER_S_MAX : seconds) * MTR_US_PER_SECOND;
    result.body_size =
        (uint32_t)(answer->body.size < sizeof(result.body) ? answer->body.size : sizeof(result.body));
    if (result.body_size) memcpy(result.body, answer->body.data, result.body_size);
    report(delivery, &result, answer->reason);
}

/* Signatures by every secret, the first one first, separated by spaces. */
static int sign(const struct delivery *delivery, const struct secret_files *secrets, int64_t timestamp_s,
                char out[SIGNATURES_BYTES])
{
    size_t used = 0;
    out[0] = '\0';
    for (uint32_t i = 0; secrets && i < secrets->count; i++) {
        char signature[MTR_WEBHOOK_SIGNATURE_BYTES];
        const struct mtr_str secret = {secrets->texts[i], secrets->sizes[i]};
        struct mtr_webhook *webhook = NULL;
        int rc = secret.size ? mtr_webhook_open(secret, &webhook) : MTR_EINVALID;
        if (!rc)
            rc = mtr_webhook_sign(webhook, mtr_str_from(delivery->id), timestamp_s,
                                  mtr_buffer_str(&delivery->body), signature);
        mtr_webhook_close(webhook);
        if (rc) return rc;
        MTR_ASSERT(used + MTR_WEBHOOK_SIGNATURE_BYTES + 1 <= SIGNATURES_BYTES);
        used += (size_t)snprintf(out + used, SIGNATURES_BYTES - used, "%s%s", i ? " " : "", signature);
    }
    return MTR_OK;
}

/* secrets: what was read of their files; NULL: there are none. */
static void send_signed(struct delivery *delivery, const struct secret_files *secrets)
{
    struct mtr_http_sender *sender = delivery->sender;
    int64_t timestamp_s = mtr_clock_wall_us() / MTR_US_PER_SECOND;
    char timestamp[24], signatures[SIGNATURES_BYTES];
    struct mtr_outbox_result not_sent = {.outcome = MTR_OUTCOME_NOT_SENT};
    if (sign(delivery, secrets, timestamp_s, signatures)) {
        report(delivery, &not_sent,
               secrets->fault[0]
                   ? secrets->fault
                   : "a secret file of the destination cannot be read or is no webhook secret");
        return;
    }
    snprintf(timestamp, sizeof(timestamp), "%" PRId64, timestamp_s);
    struct mtr_http_header headers[] = {
        {MTR_STR("content-type"), MTR_STR("application/json")},
        {MTR_STR("webhook-id"), mtr_str_from(delivery->id)},
        {MTR_STR("webhook-timestamp"), mtr_str_from(timestamp)},
        {MTR_STR("webhook-signature"), mtr_str_from(signatures)},
    };
    struct mtr_http_call call = {
        .method = "POST",
        .url = delivery->url,
        .headers = headers,
        .header_count = secrets ? 4 : 3,
        .body = mtr_buffer_str(&delivery->body),
        .timeout_ms = delivery->timeout_ms,
        .answer_bytes_max = 1 << 20,
        .allow_loopback = sender->options.allow_loopback,
        .allow_private = sender->options.allow_private,
        .allowed_by = "outbox",
    };
    int rc = mtr_http_client_send(sender->client, &call, on_answer, delivery, NULL);
    not_sent.outcome = outcome_of(rc);
    if (rc) report(delivery, &not_sent, mtr_error_text(rc));
}

/* ---- secrets ---- */

static void on_read(struct mtr_blocking_job *job, void *context)
{
    struct delivery *delivery = context;
    struct delivery **link = &delivery->sender->reading;
    while (*link != delivery) link = &(*link)->next;
    *link = delivery->next;
    delivery->next = NULL;
    send_signed(delivery, (struct secret_files *)job);
    secret_files_free((struct secret_files *)job);
}

/* One that began later is looked at in its turn. */
static void look_in(struct mtr_http_sender *sender, int64_t wait_us)
{
    if (!sender->is_timing) mtr_timer_start(sender->timer, (uint64_t)wait_us / 1000 + 1, 0);
    sender->is_timing = true;
}

static void on_timer(void *context)
{
    struct mtr_http_sender *sender = context;
    const int64_t now_us = mtr_clock_monotonic_us(), most_us = READ_S * MTR_US_PER_SECOND;
    int64_t left_us = INT64_MAX;
    for (struct delivery *delivery = sender->reading; delivery; delivery = delivery->next) {
        const int64_t wait_us = delivery->reading_us + most_us - now_us;
        const bool is_long = wait_us <= 0;
        if (is_long && !delivery->is_told)
            mtr_logline(MTR_LEVEL_WARNING, "outbox",
                        "destination=%s waits for its secret files, which takes longer than %d seconds: is "
                        "the disk or the mount there on which they stand?",
                        delivery->destination, READ_S);
        delivery->is_told = delivery->is_told || is_long;
        if (!delivery->is_told) left_us = mtr_time_sooner(left_us, wait_us);
    }
    sender->is_timing = false;
    if (left_us < INT64_MAX) look_in(sender, left_us);
}

/* On the loop. */
static void begin_to_send(struct mtr_http_sender *sender, struct delivery *delivery)
{
    struct secret_files *secrets = delivery->secrets;
    if (!secrets) {
        send_signed(delivery, NULL);
        return;
    }
    delivery->secrets = NULL; /* they are the job's */
    delivery->reading_us = mtr_clock_monotonic_us();
    delivery->next = sender->reading;
    sender->reading = delivery;
    look_in(sender, READ_S * MTR_US_PER_SECOND);
    secret_files_read(secrets, sender->blocking, on_read, delivery);
}

static void on_wakeup(void *context)
{
    struct mtr_http_sender *sender = context;
    pthread_mutex_lock(&sender->mutex);
    struct delivery *delivery = sender->first;
    sender->first = NULL;
    sender->last = &sender->first;
    pthread_mutex_unlock(&sender->mutex);
    while (delivery) {
        struct delivery *next = delivery->next;
        delivery->next = NULL;
        begin_to_send(sender, delivery);
        delivery = next;
    }
}

int mtr_http_sender_open(struct mtr_loop *loop, const struct mtr_http_sender_options *options,
                         struct mtr_http_sender **out)
{
    struct mtr_http_sender *sender = calloc(1, sizeof(*sender));
    if (!sender) return MTR_ENOMEM;
    sender->options = *options;
    sender->last = &sender->first;
    pthread_mutex_init(&sender->mutex, NULL);
    struct mtr_http_client_options client_options = {.transfers_max = MTR_OUTBOX_IN_FLIGHT_MAX};
    sender->directory = mtr_str_copy(options->secrets_directory);
    sender->places = (struct secret_places){sender->directory, getenv("CREDENTIALS_DIRECTORY")};
    int rc = sender->directory ? MTR_OK : MTR_ENOMEM;
    if (!rc) rc = mtr_http_client_open(loop, &client_options, &sender->client);
    if (!rc) rc = mtr_blocking_open(loop, &sender->blocking);
    if (!rc) rc = mtr_timer_open(loop, on_timer, sender, &sender->timer);
    if (!rc) rc = mtr_wakeup_open(loop, false, on_wakeup, sender, &sender->wakeup);
    if (rc) {
        mtr_http_sender_close(sender);
        return rc;
    }
    *out = sender;
    return MTR_OK;
}

void mtr_http_sender_allow(struct mtr_http_sender *sender, bool loopback, bool private_ranges)
{
    sender->options.allow_loopback = loopback;
    sender->options.allow_private = private_ranges;
}

struct mtr_sender mtr_http_sender_hooks(struct mtr_http_sender *sender)
{
    return (struct mtr_sender){on_send, sender};
}

static void free_all(struct delivery *delivery)
{
    for (struct delivery *next; delivery; delivery = next) {
        next = delivery->next;
        delivery_free(delivery);
    }
}

void mtr_http_sender_close(struct mtr_http_sender *sender)
{
    if (!sender) return;
    mtr_wakeup_close(sender->wakeup);
    mtr_blocking_close(sender->blocking); /* on_read comes no more */
    mtr_timer_close(sender->timer);
    mtr_http_client_close(sender->client);
    free_all(sender->reading);
    free_all(sender->first);
    pthread_mutex_destroy(&sender->mutex);
    free(sender->directory);
    free(sender);
}
