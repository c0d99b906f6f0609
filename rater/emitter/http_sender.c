/*
 * Messages of the outbox go out through the HTTP client on the loop; what came of them goes back to the
 * outbox.
 *
 * The rater's thread hands a message over in send(): it is copied into a struct delivery and queued under a
 * mutex; a wakeup brings it to the loop, where it is signed (timestamp and secrets of this moment) and sent.
 * Every taken message gets exactly one result.
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

enum {
    SECRETS_MAX = 4,
    SECRET_FILE_BYTES_MAX = 512,
    RETRY_AFTER_S_MAX = 86400,
    SIGNATURES_BYTES = SECRETS_MAX * MTR_WEBHOOK_SIGNATURE_BYTES,
};

struct delivery {
    struct delivery *next;
    struct mtr_http_sender *sender;
    char *id;
    char *url;
    char *destination;
    char *secret_files[SECRETS_MAX];
    uint32_t secret_count;
    uint32_t timeout_ms;
    uint32_t attempt;
    struct mtr_buffer body;
};

struct mtr_http_sender {
    struct mtr_http_sender_options options;
    struct mtr_http_client *client;
    struct mtr_wakeup *wakeup;
    pthread_mutex_t mutex; /* of the queue */
    struct delivery *first, **last;
};

static void delivery_free(struct delivery *delivery)
{
    if (!delivery) return;
    free(delivery->id);
    free(delivery->url);
    free(delivery->destination);
    for (uint32_t i = 0; i < delivery->secret_count; i++) free(delivery->secret_files[i]);
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
    bool complete = delivery->id && delivery->url && delivery->destination;
    for (uint32_t i = 0; complete && i < destination->secret_count && i < SECRETS_MAX; i++) {
        delivery->secret_files[i] = mtr_str_copy(destination->secret_files[i]);
        complete = delivery->secret_files[i] != NULL;
        delivery->secret_count++;
    }
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

static void on_answer(void *context, struct mtr_http_answer *answer)
{
    struct delivery *delivery = context;
    struct mtr_outbox_result result = {.outcome = MTR_OUTCOME_ANSWERED, .status = (int32_t)answer->status};
    struct mtr_str retry_after;
    uint64_t seconds;
    bool answered = answer->error == 0 || answer->error == MTR_ELIMIT;
    if (!answered) result.outcome = answer->was_sent ? MTR_OUTCOME_UNCERTAIN : MTR_OUTCOME_NOT_SENT;
    if (answered && mtr_http_answer_header(answer, "retry-after", &retry_after) &&
        mtr_str_to_u64(retry_after, &seconds))
        result.retry_after_us =
            (int64_t)(seconds > RETRY_AFTER_S_MAX ? RETRY_AFTER_S_MAX : seconds) * MTR_US_PER_SECOND;
    result.body_size =
        (uint32_t)(answer->body.size < sizeof(result.body) ? answer->body.size : sizeof(result.body));
    if (result.body_size) memcpy(result.body, answer->body.data, result.body_size);
    report(delivery, &result, answer->reason);
}

/* "whsec_…" of a file, without the line's end. */
static int read_secret(const char *path, char text[SECRET_FILE_BYTES_MAX], struct mtr_str *out)
{
    FILE *file = fopen(path, "re");
    if (!file) return MTR_ENOTFOUND;
    size_t size = fread(text, 1, SECRET_FILE_BYTES_MAX, file);
    fclose(file);
    while (size > 0 && (text[size - 1] == '\n' || text[size - 1] == '\r' || text[size - 1] == ' ')) size--;
    *out = (struct mtr_str){text, size};
    return size > 0 && size < SECRET_FILE_BYTES_MAX ? MTR_OK : MTR_EINVALID;
}

/* Signatures by every secret, the first one first, separated by spaces. */
static int sign(const struct delivery *delivery, int64_t timestamp_s, char out[SIGNATURES_BYTES])
{
    size_t used = 0;
    out[0] = '\0';
    for (uint32_t i = 0; i < delivery->secret_count; i++) {
        char file[SECRET_FILE_BYTES_MAX], signature[MTR_WEBHOOK_SIGNATURE_BYTES];
        struct mtr_str secret;
        struct mtr_webhook *webhook = NULL;
        int rc = read_secret(delivery->secret_files[i], file, &secret);
        if (!rc) rc = mtr_webhook_open(secret, &webhook);
        if (!rc)
            rc = mtr_webhook_sign(webhook, mtr_str_from(delivery->id), timestamp_s,
                                  mtr_buffer_str(&delivery->body), signature);
        mtr_webhook_close(webhook);
        explicit_bzero(file, sizeof(file));
        if (rc) return rc;
        MTR_ASSERT(used + MTR_WEBHOOK_SIGNATURE_BYTES + 1 <= SIGNATURES_BYTES);
        used += (size_t)snprintf(out + used, SIGNATURES_BYTES - used, "%s%s", i ? " " : "", signature);
    }
    return MTR_OK;
}

/* On the loop. */
static void send_now(struct mtr_http_sender *sender, struct delivery *delivery)
{
    int64_t timestamp_s = mtr_clock_wall_us() / MTR_US_PER_SECOND;
    char timestamp[24], signatures[SIGNATURES_BYTES];
    struct mtr_outbox_result not_sent = {.outcome = MTR_OUTCOME_NOT_SENT};
    if (sign(delivery, timestamp_s, signatures)) {
        report(delivery, &not_sent,
               "a secret file of the destination cannot be read or is no webhook secret");
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
        .header_count = delivery->secret_count ? 4 : 3,
        .body = mtr_buffer_str(&delivery->body),
        .timeout_ms = delivery->timeout_ms,
        .answer_bytes_max = 1 << 20,
        .allow_loopback = sender->options.allow_loopback,
        .allow_private = sender->options.allow_private,
    };
    int rc = mtr_http_client_send(sender->client, &call, on_answer, delivery, NULL);
    if (rc) report(delivery, &not_sent, mtr_error_text(rc));
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
        send_now(sender, delivery);
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
    int rc = mtr_http_client_open(loop, &client_options, &sender->client);
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

void mtr_http_sender_close(struct mtr_http_sender *sender)
{
    if (!sender) return;
    mtr_wakeup_close(sender->wakeup);
    mtr_http_client_close(sender->client);
    for (struct delivery *delivery = sender->first, *next; delivery; delivery = next) {
        next = delivery->next;
        delivery_free(delivery);
    }
    pthread_mutex_destroy(&sender->mutex);
    free(sender);
}
