/*
 * meterd import --source: a file as the answer of a source.
 */
#ifndef METERD_DAEMON_CLI_IMPORT_SOURCE_FILE_H
#define METERD_DAEMON_CLI_IMPORT_SOURCE_FILE_H

#include "daemon/cli/command.h"
#include "meterd/source/import_map.h"

/* A word about a mapping with which a restated row would count twice. */
void import_say_restated(const struct mtr_import_map *map, const char *path);

/* The exit status; what is wrong is on stderr. */
int import_source(const struct cli_invocation *invocation, const char *source);

#endif
