/*
 * The request of `meterd price`, out of its options. Private to daemon/cli.
 */
#ifndef METERD_DAEMON_CLI_PRICE_REQUEST_H
#define METERD_DAEMON_CLI_PRICE_REQUEST_H

#include "daemon/cli/command.h"
#include "meterd/core/buffer.h"

/* What a request is made of beside the options, as JSON. */
struct price_request {
    struct mtr_str tariff; /* a document, or a key as a string; empty: the subscription's */
    struct mtr_str documents; /* a text of them as a string; empty: none */
    struct mtr_str cost;   /* the same; empty: none */
    struct mtr_str series; /* a list; empty: none */
    struct mtr_str rates;  /* the same */
    struct mtr_str meters; /* the same */
    struct mtr_str billing, trial; /* a map; empty: not given */
};

/* --quantity METER=N, once for each meter of the component. */
bool price_names_meters(const struct cli_invocation *invocation);

/* The body of POST /v1/price. */
int price_request_write(const struct cli_invocation *invocation, const struct price_request *parts,
                        struct mtr_buffer *out) MTR_MUST_USE;

#endif
