/*
 * Messages of the outbox over HTTP: signed (Standard Webhooks), sent from the loop, and what came of each
 * told back.
 *
 * The sender borrows the loop, and of each message what mtr_http_sender_hooks().send is given only until it
 * returns: it copies. Every message that was taken gets exactly one result. At most MTR_OUTBOX_IN_FLIGHT_MAX
 * are on their way, which is the outbox's own bound.
 */
#ifndef METERD_EMITTER_HTTP_SENDER_H
#define METERD_EMITTER_HTTP_SENDER_H

#include <stdbool.h>

#include "meterd/emitter/outbox.h"
#include "meterd/net/loop.h"

struct mtr_http_sender;

struct mtr_http_sender_options {
    bool allow_loopback; /* destinations on this machine */
    bool allow_private;  /* destinations in private address ranges */
    struct mtr_str secrets_directory; /* secrets are below it, or credentials of systemd; copied */
    /* On the loop, once for each message taken; `id` and `result` are borrowed until it returns. */
    void (*on_result)(void *context, struct mtr_str id, const struct mtr_outbox_result *result);
    void *context;
};

/* On the loop's thread, before it runs. Errors: MTR_ENOMEM, or what opening the HTTP client says. */
int mtr_http_sender_open(struct mtr_loop *loop, const struct mtr_http_sender_options *options,
                         struct mtr_http_sender **out) MTR_MUST_USE;
/* Which destinations may be reached, from the next message on. On the loop's thread. */
void mtr_http_sender_allow(struct mtr_http_sender *sender, bool loopback, bool private_ranges);
/* What the outbox calls on its own thread. Borrows the sender. */
struct mtr_sender mtr_http_sender_hooks(struct mtr_http_sender *sender);
/* Cancels what is on its way, without results; after the outbox's thread has ended. NULL is fine. */
void mtr_http_sender_close(struct mtr_http_sender *sender);

#endif
