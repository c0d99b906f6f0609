/*
 * meterd price --what-if: the stored usage under a draft. Private to daemon.
 */
#ifndef DAEMON_COMMAND_PRICE_WHAT_IF_H
#define DAEMON_COMMAND_PRICE_WHAT_IF_H

#include "meterd/daemon/command.h"

int mtr_price_what_if(const struct mtr_invocation *invocation);

#endif
