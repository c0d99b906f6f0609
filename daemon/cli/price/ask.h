/*
 * A pricing request, answered here or by the daemon, and its answer or findings printed. Private to
 * daemon/cli.
 */
#ifndef METERD_DAEMON_CLI_PRICE_ASK_H
#define METERD_DAEMON_CLI_PRICE_ASK_H

#include "daemon/cli/client.h"
#include "daemon/cli/command.h"
#include "daemon/cli/price/places.h"
#include "meterd/core/arena.h"

enum { PRICE_REQUEST_BYTES_MAX = 32 << 20, PRICE_ARENA_BYTES_MAX = 256 << 20 };

/* Without any catalog. An exit code. */
int price_ask_here(const struct cli_invocation *invocation, struct mtr_str request,
                   struct price_places *places, struct mtr_arena *arena);
/* The same of the daemon. */
int price_ask_daemon(const struct cli_invocation *invocation, struct mtr_client *client,
                     struct mtr_str request, struct price_places *places);

#endif
