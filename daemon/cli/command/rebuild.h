/*
 * What `meterd repair` shares with `meterd rebuild`. Private to daemon/cli.
 */
#ifndef METERD_DAEMON_CLI_COMMAND_REBUILD_H
#define METERD_DAEMON_CLI_COMMAND_REBUILD_H

#include <limits.h>
#include <stdint.h>

#include "daemon/config.h"
#include "meterd/core/diagnostic.h"
#include "meterd/core/error.h"
#include "meterd/store/log.h"

/* Takes the writer's lock, so that no daemon starts or runs until the log is closed. MTR_EEXISTS: one runs.
 * verify_all: as mtr_log_open. */
int rebuild_lock_log(const struct mtr_config *config, bool verify_all, struct mtr_log **out,
                     struct mtr_diagnostic *diagnostic) MTR_MUST_USE;

/* Folds the log again, into rollups that take the live ones' place; of so many events. By who holds the data
 * directory (daemon/stores/data_hold.h). Those of before are removed; where `aside` is not NULL they are put
 * aside, and it gets their name (empty: there were none). MTR_EEXISTS: a daemon runs. */
int rebuild_rollups(const struct mtr_config *config, char aside[PATH_MAX], uint64_t *events,
                    struct mtr_diagnostic *diagnostic) MTR_MUST_USE;

#endif
