/*
 * The multiplexed client: curl's multi interface on the loop.
 *
 *   curl ─ on_socket ─▶ one uv_poll per socket ─┐
 *   curl ─ on_timeout ─▶ one uv_timer ──────────┴─▶ curl_multi_socket_action ─▶ finish ─▶ on_answer
 *
 * curl asks for a timeout of 0 ms from inside its own calls and means "soon": the timer gives it that, in a
 * later turn of the loop. on_answer is only called from there, when no call of curl is on the stack; so it
 * may send, cancel and close. on_piece is called by curl, which then takes no other call.
 *
 *   mtr_http_transfer_resume ─▶ wants_resume, and a timer of 0 ms ─▶ http_exchange_resume ─▶ on_piece
 */
#include "meterd/net/http_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/net/http_exchange.h"
#include "lib/net/loop/uv_loop.h"

struct mtr_http_transfer {
    struct mtr_http_transfer *next, *previous;
    struct mtr_http_client *client;
    CURL *easy;
    struct mtr_http_exchange exchange;
    struct mtr_http_answer answer;
    mtr_http_on_answer on_answer;
    void *context;
    bool wants_resume;
};

struct mtr_http_client {
    uv_timer_t timer;   /* of curl; first: it is closed last, and its close callback frees the whole */
    uv_timer_t resumer;
    uv_loop_t *loop;
    CURLM *multi;
    struct mtr_http_client_options options;
    char user_agent[80];
    struct mtr_http_transfer *transfers;
    uint32_t running;
    bool is_closed;
};

struct socket_watch {
    uv_poll_t poll; /* first */
    struct mtr_http_client *client;
    curl_socket_t socket;
};

static void free_handle(uv_handle_t *handle)
{
    free(handle);
}

static void close_timer(uv_handle_t *resumer)
{
    struct mtr_http_client *client = resumer->data;
    uv_close((uv_handle_t *)&client->timer, free_handle);
}

static void unlink_transfer(struct mtr_http_transfer *transfer)
{
    if (transfer->previous) transfer->previous->next = transfer->next;
    else transfer->client->transfers = transfer->next;
    if (transfer->next) transfer->next->previous = transfer->previous;
    transfer->client->running--;
}

static void free_transfer(struct mtr_http_transfer *transfer)
{
    if (transfer->easy) curl_easy_cleanup(transfer->easy);
    http_exchange_release(&transfer->exchange);
    mtr_http_answer_release(&transfer->answer);
    free(transfer);
}

static void finish(struct mtr_http_transfer *transfer)
{
    unlink_transfer(transfer);
    curl_multi_remove_handle(transfer->client->multi, transfer->easy);
    transfer->on_answer(transfer->context, &transfer->answer);
    free_transfer(transfer);
}

static void conclude(struct mtr_http_transfer *transfer, CURLcode code)
{
    http_exchange_conclude(&transfer->exchange, code);
    finish(transfer);
}

static void finish_done(struct mtr_http_client *client)
{
    int left;
    CURLMsg *message;
    while (!client->is_closed && (message = curl_multi_info_read(client->multi, &left))) {
        if (message->msg != CURLMSG_DONE) continue;
        struct mtr_http_transfer *transfer = NULL;
        CURLcode code = message->data.result;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
        conclude(transfer, code);
    }
}

static void act(struct mtr_http_client *client, curl_socket_t socket, int events)
{
    int running;
    curl_multi_socket_action(client->multi, socket, events, &running);
    finish_done(client);
}

static void on_timer(uv_timer_t *timer)
{
    act((struct mtr_http_client *)timer, CURL_SOCKET_TIMEOUT, 0);
}

/* One at a time: whoever is told of an end may end others. */
static struct mtr_http_transfer *next_to_resume(struct mtr_http_client *client)
{
    struct mtr_http_transfer *transfer = client->transfers;
    while (transfer && !transfer->wants_resume) transfer = transfer->next;
    return transfer;
}

static void on_resumer(uv_timer_t *timer)
{
    struct mtr_http_client *client = timer->data;
    struct mtr_http_transfer *transfer;
    while (!client->is_closed && (transfer = next_to_resume(client))) {
        transfer->wants_resume = false;
        CURLcode code = http_exchange_resume(&transfer->exchange);
        if (code) conclude(transfer, code);
    }
    if (!client->is_closed) act(client, CURL_SOCKET_TIMEOUT, 0);
}

static int on_timeout(CURLM *multi, long timeout_ms, void *context)
{
    struct mtr_http_client *client = context;
    (void)multi;
    if (client->is_closed) return 0;
    if (timeout_ms < 0) uv_timer_stop(&client->timer);
    else uv_timer_start(&client->timer, on_timer, (uint64_t)timeout_ms, 0);
    return 0;
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct socket_watch *watch = (struct socket_watch *)poll;
    int flags = 0;
    if (status < 0) flags = CURL_CSELECT_ERR;
    if (events & UV_READABLE) flags |= CURL_CSELECT_IN;
    if (events & UV_WRITABLE) flags |= CURL_CSELECT_OUT;
    act(watch->client, watch->socket, flags);
}

static struct socket_watch *watch_socket(struct mtr_http_client *client, curl_socket_t socket)
{
    struct socket_watch *watch = calloc(1, sizeof(*watch));
    if (!watch) return NULL;
    watch->client = client;
    watch->socket = socket;
    if (uv_poll_init_socket(client->loop, &watch->poll, socket)) {
        free(watch);
        return NULL;
    }
    curl_multi_assign(client->multi, socket, watch);
    return watch;
}

static int on_socket(CURL *easy, curl_socket_t socket, int what, void *context, void *socket_context)
{
    struct mtr_http_client *client = context;
    struct socket_watch *watch = socket_context;
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (!watch) return 0;
        uv_poll_stop(&watch->poll);
        uv_close((uv_handle_t *)&watch->poll, free_handle);
        curl_multi_assign(client->multi, socket, NULL);
        return 0;
    }
    if (!watch) watch = watch_socket(client, socket);
    if (!watch) return -1; /* curl fails the transfer */
    int events = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
    return uv_poll_start(&watch->poll, events, on_poll) ? -1 : 0;
}

int mtr_http_client_open(struct mtr_loop *loop, const struct mtr_http_client_options *options,
                         struct mtr_http_client **out)
{
    MTR_ASSERT(options->transfers_max > 0);
    int rc = http_exchange_init_curl();
    if (rc) return rc;
    struct mtr_http_client *client = calloc(1, sizeof(*client));
    if (!client) return MTR_ENOMEM;
    client->multi = curl_multi_init();
    if (!client->multi) {
        free(client);
        return MTR_ENOMEM;
    }
    client->loop = loop_uv(loop);
    client->options = *options;
    snprintf(client->user_agent, sizeof(client->user_agent), "%s",
             options->user_agent ? options->user_agent : "meterd/" METERD_VERSION);
    uv_timer_init(client->loop, &client->timer);
    uv_timer_init(client->loop, &client->resumer);
    client->resumer.data = client;
    curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client);
    curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, on_timeout);
    curl_multi_setopt(client->multi, CURLMOPT_TIMERDATA, client);
    curl_multi_setopt(client->multi, CURLMOPT_MAXCONNECTS, (long)options->transfers_max);
    *out = client;
    return MTR_OK;
}

void mtr_http_client_close(struct mtr_http_client *client)
{
    if (!client) return;
    MTR_ASSERT(!client->is_closed);
    client->is_closed = true;
    while (client->transfers) mtr_http_transfer_cancel(client->transfers);
    curl_multi_cleanup(client->multi); /* closes kept connections, through on_socket */
    uv_timer_stop(&client->timer);
    uv_close((uv_handle_t *)&client->resumer, close_timer);
}

int mtr_http_client_send(struct mtr_http_client *client, const struct mtr_http_call *call,
                         mtr_http_on_answer on_answer, void *context, struct mtr_http_transfer **out)
{
    if (client->is_closed) return MTR_ECLOSED;
    if (client->running >= client->options.transfers_max) return MTR_EAGAIN;
    struct mtr_http_transfer *transfer = calloc(1, sizeof(*transfer));
    if (!transfer) return MTR_ENOMEM;
    transfer->client = client;
    transfer->on_answer = on_answer;
    transfer->context = context;
    mtr_http_answer_init(&transfer->answer);
    transfer->easy = curl_easy_init();
    int rc = transfer->easy
                 ? http_exchange_begin(&transfer->exchange, transfer->easy, call, context, true,
                                       &transfer->answer)
                 : MTR_ENOMEM;
    if (rc) goto out;
    curl_easy_setopt(transfer->easy, CURLOPT_PRIVATE, transfer);
    curl_easy_setopt(transfer->easy, CURLOPT_USERAGENT, client->user_agent);
    if (client->options.connect_timeout_ms && !call->connect_timeout_ms)
        curl_easy_setopt(transfer->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)client->options.connect_timeout_ms);
    if (curl_multi_add_handle(client->multi, transfer->easy) != CURLM_OK) {
        rc = MTR_ENOMEM;
        goto out;
    }
    transfer->next = client->transfers;
    if (client->transfers) client->transfers->previous = transfer;
    client->transfers = transfer;
    client->running++;
    if (out) *out = transfer;
out:
    if (rc) free_transfer(transfer);
    return rc;
}

void mtr_http_transfer_cancel(struct mtr_http_transfer *transfer)
{
    transfer->answer.error = MTR_ECLOSED;
    snprintf(transfer->answer.reason, sizeof(transfer->answer.reason), "the request to %s was cancelled",
             transfer->exchange.place);
    finish(transfer);
}

void mtr_http_transfer_resume(struct mtr_http_transfer *transfer)
{
    if (!transfer->exchange.is_paused) return;
    transfer->wants_resume = true;
    uv_timer_start(&transfer->client->resumer, on_resumer, 0, 0);
}
