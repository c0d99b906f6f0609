/*
 * meterd price of a subscription as it is: one of a file, which holds all that it names, or one that the
 * daemon knows, or that a file has beside what the daemon knows. Private to daemon/cli.
 */
#ifndef METERD_DAEMON_CLI_PRICE_WHOLE_H
#define METERD_DAEMON_CLI_PRICE_WHOLE_H

#include "daemon/cli/price/ask.h"
#include "daemon/cli/price/bundle.h"

/* Is that asked for: is --subscription one of the file's, without a --tariff? */
bool price_whole_is_in(const struct cli_invocation *invocation, const struct price_bundle *bundle);

/* Of the file with that text. An exit code. */
int price_whole_here(const struct cli_invocation *invocation, const char *path, struct mtr_str text,
                     struct price_places *places, struct mtr_arena *arena);
/* Of the daemon, with what --documents has. An exit code. */
int price_whole_asked(const struct cli_invocation *invocation, struct price_places *places);

#endif
