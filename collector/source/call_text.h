/*
 * A request as the HTTP client takes it: terminated texts, and what it must not do.
 *
 *   rc = call_text_make(&text, call, &rules);    // text.call borrows from both
 *   if (!rc) rc = send(&text.call);
 *   call_text_release(&text);                    // either way
 *
 * Private to the collector.
 */
#ifndef METERD_COLLECTOR_SOURCE_CALL_TEXT_H
#define METERD_COLLECTOR_SOURCE_CALL_TEXT_H

#include "collector/source/call.h"
#include "meterd/net/http_client.h"

struct call_rules {
    uint64_t answer_bytes_max;
    bool allow_loopback, allow_private; /* where requests may lead */
};

struct call_text {
    struct mtr_http_call call;
    struct mtr_buffer url, method;
};

/* MTR_ENOMEM, MTR_ELIMIT. */
int call_text_make(struct call_text *out, const struct source_call *call,
                   const struct call_rules *rules) MTR_MUST_USE;
void call_text_release(struct call_text *text);

#endif
